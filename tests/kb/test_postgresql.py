"""What a store on PostgreSQL does in a way of its own; the tests of the store run on both."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kb import backup, cli, content, curation, cycles, diagnosis, dump, indexed, postgres, search
from kb.errors import StoreError
from kb.models import SearchText, Vector, Work
from kb.query import KnowledgeBase
from kb.store import HEAD, Store
from kb.vectors import digest
from kb.vocabulary import WorkKind

MODEL = "made/1"
DIM = 32


@pytest.fixture
def empty(postgresql):
    """A database with nothing in it."""
    name = postgresql.new()
    yield postgresql.url(name)
    postgresql.drop(name)


@pytest.fixture
def served(curated_on_server):
    return curated_on_server


def add_works(store, number, dim=DIM, seed=0):
    """Works of one title each, with vectors around a few centers, as texts have them."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((20, dim))
    rows = centers[rng.integers(20, size=number)] + 0.5 * rng.standard_normal((number, dim))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("<f4")
    with store.write() as session:
        for n, row in enumerate(rows):
            title = f"Work {seed} {n:05}"
            session.add(Work(id=f"arxiv:26{seed:02}.{n:05}", kind=WorkKind.paper, title=title))
            for part in {title, f"{title}."}:
                session.add(
                    Vector(text_digest=digest(part), model=MODEL, dim=dim, data=row.tobytes())
                )
    return rows


def plan(store, query, values):
    with store.read() as session:
        rows = session.connection().execute(text(f"EXPLAIN {query}"), values)
        return "\n".join(row[0] for row in rows)


# -- the debate ------------------------------------------------------------------------------


def test_the_curated_debate_lives_in_postgresql_too(served):
    loaded = content.load()
    assert curation.apply(served, loaded) == {}
    assert cycles.close(served) == (1, False)
    with KnowledgeBase(Store.open(served.url)) as debate:
        assert debate.status().works == len(loaded.works.works)
        hits = debate.search("flat minima generalize better", 3, meaning=False)
        assert hits[0].id == "flat-minima-generalize"
        assert debate.timeline("grokking")


def test_both_databases_say_the_same(served, curated):
    with served.read() as one, curated.read() as other:
        assert cycles.canonical(cycles.snapshot(one)) == cycles.canonical(cycles.snapshot(other))
        assert dump.digest(one) == dump.digest(other)


def test_a_reader_sees_what_another_has_written(on_server):
    with KnowledgeBase(Store.open(on_server.url)) as debate:
        assert len(debate.works()) == 0
        add_works(on_server, 1)
        assert len(debate.works()) == 1
        assert debate.works()[0].title == "Work 0 00000"


# -- vectors ---------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_packing_loses_no_bit(numbers):
    data = np.array(numbers, "<f4").tobytes()
    sent = postgres.pack(data)
    assert sent[:4] == len(numbers).to_bytes(2, "big") + b"\0\0"
    assert np.frombuffer(sent, ">f4", offset=4).tolist() == np.frombuffer(data, "<f4").tolist()
    assert postgres.unpack(sent) == data


def test_a_vector_comes_back_bit_by_bit(any_store):
    row = np.array([1, -1e-30, 3.4e38, 1 / 3, 0], "<f4")
    with any_store.write() as session:
        session.add(Vector(text_digest="t", model=MODEL, dim=5, data=row.tobytes()))
    with any_store.read() as session:
        assert session.get_one(Vector, ("t", MODEL)).data == row.tobytes()


def test_the_server_holds_vectors_and_not_bytes(on_server):
    add_works(on_server, 1)
    with on_server.read() as session:
        kinds = session.connection().execute(
            text("SELECT DISTINCT pg_typeof(data)::text, vector_dims(data) FROM text_vector")
        )
        assert kinds.all() == [("vector", DIM)]


def test_neighbors_are_found_through_the_index(on_server):
    rows = add_works(on_server, 3000)
    assert indexed.index(on_server, MODEL) == 3000
    with on_server._engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE search_vector")
    values = {
        "query": postgres.pack(rows[0].tobytes()),
        "model": MODEL,
        "kinds": ["work"],
        "k": 10,
    }
    told = plan(on_server, postgres.nearest_query(DIM, 10), values)
    assert f"Index Scan using {postgres.index_name(DIM)}" in told
    exact = plan(on_server, postgres.nearest_query(DIM, postgres.MOST_NEAR + 1), values)
    assert "hnsw" not in exact and "Sort" in exact

    with on_server.read() as session:
        near, plain = indexed.load(session, MODEL), search.Vectors.load(session, MODEL)
    assert isinstance(near, indexed.Indexed) and near.dim == plain.dim == DIM
    asked = rows[::100]
    found = [{key for key, _ in near.nearest(row, 10)} for row in asked]
    wanted = [{key for key, _ in plain.nearest(row, 10)} for row in asked]
    shared = sum(len(one & other) for one, other in zip(found, wanted, strict=True))
    assert shared / (10 * len(asked)) >= 0.95


def test_what_compares_all_says_what_sqlite_says(on_server, store):
    for place in (on_server, store):
        rows = add_works(place, 500)
    indexed.index(on_server, MODEL)
    k = postgres.MOST_NEAR + 50
    with on_server.read() as one, store.read() as other:
        near, plain = indexed.load(one, MODEL), indexed.load(other, MODEL)
        assert isinstance(plain, search.Vectors)
        for row in rows[:5]:
            mine, theirs = near.nearest(row, k, ("work",)), plain.nearest(row, k, ("work",))
            assert [key for key, _ in mine[:50]] == [key for key, _ in theirs[:50]]
            np.testing.assert_allclose(
                [score for _, score in mine], [score for _, score in theirs], atol=1e-5
            )
        keys = [("work", "arxiv:2600.00003"), ("work", "none"), ("work", "arxiv:2600.00001")]
        np.testing.assert_allclose(near.row(keys[0]), plain.row(keys[0]), atol=1e-7)
        assert near.row(keys[1]) is None
        assert near.only(keys).keys == plain.only(keys).keys
        np.testing.assert_allclose(near.only(keys).rows, plain.only(keys).rows, atol=1e-7)
        assert near.only([]).keys == []


def test_a_filter_does_not_starve_the_search(on_server):
    """Few rows are of the kind asked for: the index is read on until there are enough."""
    rows = add_works(on_server, 1500)
    indexed.index(on_server, MODEL)
    with on_server.write() as session:
        session.connection().execute(
            text("UPDATE search_vector SET kind = 'claim' WHERE ref LIKE '%99'")
        )
    with on_server.read() as session:
        near = indexed.load(session, MODEL)
    assert len(near.nearest(rows[0], 10, ("claim",))) == 10


def test_the_index_follows_the_works_and_costs_nothing_when_they_stand(on_server):
    add_works(on_server, 20)
    assert indexed.index(on_server, MODEL) == 20
    with on_server.read() as session:
        before = postgres.writes(session.connection())
    assert indexed.index(on_server, MODEL) == 0
    with on_server.read() as session:
        assert postgres.writes(session.connection()) == before
    with on_server.write() as session:
        session.get_one(Work, "arxiv:2600.00001").retired = True
        session.get_one(Work, "arxiv:2600.00002").title = "Work 0 00003"
    assert indexed.index(on_server, MODEL) == 2
    with on_server.read() as session:
        near = indexed.load(session, MODEL)
    assert near.row(("work", "arxiv:2600.00001")) is None
    same = [near.row(("work", f"arxiv:2600.0000{n}")) for n in (2, 3)]
    np.testing.assert_array_equal(*same)


def test_vectors_too_long_for_an_index_are_compared_all(on_server):
    rows = add_works(on_server, 12, dim=postgres.WIDEST + 1)
    indexed.index(on_server, MODEL)
    with on_server.read() as session:
        near = indexed.load(session, MODEL)
    assert near.nearest(rows[4], 1)[0][0] == ("work", "arxiv:2600.00004")


# -- words -----------------------------------------------------------------------------------


def add_texts(store, *texts):
    with store.write() as session:
        for n, (title, body) in enumerate(texts):
            session.add(SearchText(kind="work", ref=f"w{n}", title=title, body=body))


def refs(store, query, k=10):
    with store.read() as session:
        return [ref for _, ref in search.by_words(session, query, k)]


TEXTS = (
    ("Kettles", "boil slowly on a quiet stove"),
    ("Quiet stoves", "and what is boiled on them"),
    ("On pots", "a kettle, a quiet kettle, boils"),
    ("Schrödinger bridges", "for naïve diffusion"),
    *((f"Filler {n}", "a quiet text about nothing") for n in range(6)),
)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("kettle boils", ["w0", "w2"]),  # both hold all words; one says it in its title
        ("stoves", ["w1", "w0"]),
        ("quiet kettles", ["w0", "w2"]),  # what holds both words goes before what holds one
        ("schrodinger", ["w3"]),
        ("Naive Schrödinger", ["w3"]),
        ("teapot", []),
    ],
)
def test_both_databases_find_the_same_by_words(any_store, query, first):
    add_texts(any_store, *TEXTS)
    assert refs(any_store, query)[: len(first) or None] == first


NAUGHTY = (
    "' OR 1=1 --",
    "a & | ! <-> b",
    "\\",
    "(((",
    ":*",
    "''",
    "%s %(q)s :q",
    "²³",
    "\0",
    "日本",
)


@pytest.mark.parametrize("query", NAUGHTY)
def test_no_text_is_syntax(any_store, query):
    add_texts(any_store, ("b", "one q"))
    assert set(refs(any_store, query)) <= {"w0"}


def test_words_are_found_through_an_index(on_server):
    with on_server.write() as session:
        session.connection().execute(
            text(
                "INSERT INTO search_text (kind, ref, title, body) "
                "SELECT 'work', n, 'Filler ' || n, repeat(md5(n::text) || ' ', 20) "
                "FROM generate_series(1, 5000) AS n"
            )
        )
    with on_server._engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE search_text")
    told = plan(on_server, postgres.WORDS.text, {"tokens": ["kettle"], "k": 10})
    assert "search_text_words" in told


# -- the schema ------------------------------------------------------------------------------


def upgrade(url, revision):
    from alembic import command
    from alembic.config import Config

    store = Store(url)
    config = Config()
    config.set_main_option("script_location", str(Path(cli.__file__).parent / "migrations"))
    with store._engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return store


def test_vectors_of_an_older_schema_are_taken_over(empty):
    store = upgrade(empty, "0003")
    row = np.array([1 / 3, -2, 1e-8], "<f4").tobytes()
    with store._engine.begin() as connection:
        # As a schema before this one had it.
        connection.exec_driver_sql("ALTER TABLE text_vector RENAME TO vector")
        connection.execute(
            text("INSERT INTO vector VALUES ('t', 'made/1', 3, :data)"), {"data": row}
        )
    with pytest.raises(StoreError, match="pg_dump, then kb init"):
        Store.open(empty)
    assert store.migrate() is None
    assert store.revision() == HEAD
    with store.read() as session:
        assert session.get_one(Vector, ("t", "made/1")).data == row
    store.close()


def test_the_extension_may_be_there_before(empty):
    store = Store(empty)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("CREATE EXTENSION vector")
    store.migrate()
    store.close()
    Store.open(empty).close()


@pytest.mark.parametrize(("version", "fits"), [("0.7.4", False), ("0.8.0", True), ("1.0", True)])
def test_an_old_extension_is_refused(version, fits):
    if fits:
        postgres.ensure_recent(version)
    else:
        with pytest.raises(StoreError, match=r"want 0\.8 or later"):
            postgres.ensure_recent(version)


# -- faults ----------------------------------------------------------------------------------


def kb(url, *words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["kb", "--db", url, *map(str, words)])
        try:
            cli.run()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://kb:secret@127.0.0.1:1/kb", "cannot reach"),
        ("{server}/nowhere?host={host}", 'database "nowhere" does not exist'),
        ("{empty}", "kb init makes one"),
    ],
)
def test_what_cannot_be_reached_is_one_line(empty, capsys, url, told):
    head, _, host = empty.partition("?host=")
    url = url.format(server=head.rpartition("/")[0], host=host, empty=empty)
    assert kb(url, "status") != 0
    line = capsys.readouterr().err.strip()
    assert told in line and "\n" not in line and "secret" not in line


def test_who_may_not_write_is_told_so(on_server, postgresql):
    with on_server._engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE guest LOGIN")
        connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
    guest = Store(on_server.url.replace("postgres:@", "guest:@"))
    assert guest.setting("a") == ""
    with pytest.raises(StoreError, match=r"permission denied.*GRANT"), guest.write():
        pass
    guest.close()
    with on_server._engine.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY guest; DROP ROLE guest")


def test_a_server_that_ends_the_connection_is_one_line(on_server):
    with pytest.raises(StoreError, match="stopping or starting"), on_server.write() as session:
        session.connection().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert on_server.setting("a") == ""  # and the next transaction has a connection again


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["backup"], "pg_dump --format=custom"),
        (["restore", "kb.dump"], "pg_restore --clean --if-exists"),
        (["replay", "--swap"], "cannot be swapped; give --out FILE"),
        (["export", "sqlite", "--out", "copy.sqlite"], "no SQLite file and cannot be copied"),
    ],
)
def test_what_a_server_does_itself_is_named(
    on_server, tmp_path, monkeypatch, capsys, words, remedy
):
    monkeypatch.chdir(tmp_path)
    assert kb(on_server.url, *words) != 0
    line = capsys.readouterr().err.strip()
    assert remedy in line and "\n" not in line
    assert list(tmp_path.iterdir()) == []


def test_the_drill_with_the_servers_own_tools(served, postgresql, tmp_path):
    """Dump, restore into a new database: the same rows, and the indexes with them."""
    with pytest.raises(StoreError, match="pg_dump"):
        backup.create(served)
    kept, name = tmp_path / "kb.dump", postgresql.new()
    url = postgresql.url(name)
    tool = postgres.tool_url
    for program, *words in (
        ("pg_dump", "--format=custom", f"--file={kept}", tool(served.url)),
        ("pg_restore", "--clean", "--if-exists", f"--dbname={tool(url)}", str(kept)),
    ):
        subprocess.run([postgresql.program(program), *words], check=True, capture_output=True)
    restored = Store.open(url)
    with served.read() as one, restored.read() as other:
        assert dump.digest(one) == dump.digest(other)
    assert refs(restored, "flat minima") == refs(served, "flat minima")
    restored.close()
    postgresql.drop(name)


def test_the_doctor_names_the_server(served):
    found = {finding.check: finding for finding in diagnosis.examine(served.url)}
    assert found["server"].ok and "pgvector 0.8" in found["server"].detail
    assert found["curation"].ok and found["records"].ok
    assert "pg_amcheck" in found["integrity"].detail


def test_a_replay_of_a_server_is_a_file_that_says_the_same(served, tmp_path, capsys):
    out = tmp_path / "again.sqlite"
    assert kb(served.url, "replay", "--out", out) == 0
    assert "the same logical dump" in capsys.readouterr().out
    Store.open(out).close()
