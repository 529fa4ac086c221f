import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb import approximate, blocks, cli, indexed, models, search
from kb.errors import ConfigError, StoreError
from kb.vectors import embed_texts

pytest.importorskip("usearch")

DIM = 16
MODEL = "hashing/1"


class HashingEncoder:
    """Unit vectors that differ by text, without a model."""

    name, dim = MODEL, DIM

    def encode(self, texts, progress=None):
        rows = np.stack(
            [np.random.default_rng(sum(t.encode())).standard_normal(DIM) for t in texts]
        )
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def embed(store):
    with store.read() as session:
        texts = [t for some in search._texts(session) for each in some for t in search._cut(*each)]
    embed_texts(store, HashingEncoder(), texts)


@pytest.fixture
def store(curated, monkeypatch):
    monkeypatch.setattr(search, "KEPT_FROM", 0)
    embed(curated)
    return curated


def load(store):
    with store.read() as session:
        return indexed.load(session, MODEL)


def exact(store):
    with store.read() as session:
        return search.Vectors.load(session, MODEL)


def index_file(store):
    return store.path.with_name(f"{store.path.name}.vectors.ann")


def asked(n=20):
    return HashingEncoder().encode([f"question {'?' * i}" for i in range(n)])


def assert_same(one, other):
    assert [key for key, _ in one] == [key for key, _ in other]
    np.testing.assert_allclose([s for _, s in one], [s for _, s in other], rtol=1e-5)


def use_of(vectors):
    """Count how often the index, and not every row, is asked."""
    calls = []
    propose = type(vectors.index).propose
    return calls, lambda self, *rest: calls.append(rest) or propose(self, *rest)


# -- the same answers ----------------------------------------------------------------------------


def test_the_index_answers_as_a_look_at_every_row_does(store, monkeypatch):
    assert approximate.make(store, MODEL, asked=True) > 150
    near, plain = load(store), exact(store)
    assert isinstance(near, approximate.Approximate)
    calls, counting = use_of(near)
    monkeypatch.setattr(approximate._Index, "propose", counting)
    for query in asked():
        assert_same(near.nearest(query, 10), plain.nearest(query, 10))
        assert_same(near.nearest(query, 3, ("work",)), plain.nearest(query, 3, ("work",)))
    assert len(calls) == 40
    assert near.keys == plain.keys and near.dim == plain.dim
    np.testing.assert_array_equal(near.row(near.keys[7]), plain.row(near.keys[7]))


def test_most_of_many_rows_nearest_are_found(tmp_path):
    draw = np.random.default_rng(0)
    rows = draw.standard_normal((5000, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    keys = [("work", f"w{i:04}") for i in range(len(rows))]
    made = blocks.gather([blocks.Part(keys, [f"m{i}" for i in range(len(rows))], rows)], {})
    approximate._make(tmp_path / "ann", made)
    near, plain = approximate.Approximate(made, tmp_path / "ann"), search.Vectors(keys, rows)
    assert near.index is not None
    pairs = [(near.nearest(q, 10), plain.nearest(q, 10)) for q in rows[:100]]
    hits = sum(len(dict(one).keys() & dict(other).keys()) for one, other in pairs)
    assert hits >= 950
    for one, other in pairs:  # what both found has the same score
        theirs = dict(other)
        for key, score in one:
            assert key not in theirs or score == pytest.approx(theirs[key], abs=1e-6)


def test_ties_go_to_the_earlier_key(tmp_path):
    rows = np.tile(np.eye(4, dtype=np.float32), (25, 1))
    keys = [("work", f"w{i:03}") for i in range(100)]
    made = blocks.gather([blocks.Part(keys, [f"m{i}" for i in range(100)], rows)], {})
    approximate._make(tmp_path / "ann", made)
    near = approximate.Approximate(made, tmp_path / "ann")
    assert_same(near.nearest(rows[1], 20), search.Vectors(keys, rows).nearest(rows[1], 20))


def test_where_it_proposes_too_few_every_row_is_looked_at(store):
    approximate.make(store, MODEL, asked=True)
    near, plain = load(store), exact(store)
    query = asked(1)[0]
    for k in (len(plain.keys), approximate.MOST + 1):
        assert_same(near.nearest(query, k), plain.nearest(query, k))
    assert_same(near.nearest(query, 90, ("claim",)), plain.nearest(query, 90, ("claim",)))


# -- never stale ---------------------------------------------------------------------------------


def change(store):
    with store.write() as session:
        session.get(models.Work, "arxiv:1906.05271").synopsis = "Another text than before."
        session.get(models.Work, "arxiv:2201.02177").retired = True
        session.add(
            models.Work(
                id="arxiv:2501.00001", kind="paper", title="A new work", title_key="a new work",
                abstract="About something else.", first_public="2025",
            )
        )  # fmt: skip
    embed(store)


def test_an_index_of_other_rows_is_not_used(store):
    approximate.make(store, MODEL, asked=True)
    change(store)
    stale = load(store)
    assert isinstance(stale, approximate.Approximate) and stale.index is None
    for query in asked(5):
        assert_same(stale.nearest(query, 10), exact(store).nearest(query, 10))
    row = stale.row(("work", "arxiv:2501.00001"))
    assert stale.nearest(row, 1)[0][0] == ("work", "arxiv:2501.00001")


def test_an_index_is_brought_up_to_date_by_what_changed(store):
    approximate.make(store, MODEL, asked=True)
    change(store)
    # One is new, one is gone, and of one the old row goes and the new one comes.
    assert indexed.index(store, MODEL) == 4
    near, plain = load(store), exact(store)
    assert near.index is not None
    for query in [*asked(), plain.row(("work", "arxiv:2501.00001"))]:
        assert_same(near.nearest(query, 10), plain.nearest(query, 10))
    assert indexed.index(store, MODEL) == 0


def test_an_index_of_another_model_is_neither_used_nor_kept(store):
    class Other(HashingEncoder):
        name = "hashing/2"

        def encode(self, texts, progress=None):
            return np.roll(super().encode(texts), 3, axis=1) * np.float32([1, -1] * (DIM // 2))

    approximate.make(store, MODEL, asked=True)
    with store.read() as session:
        texts = [t for s in search._texts(session) for each in s for t in search._cut(*each)]
    embed_texts(store, Other(), texts)
    with store.read() as session:
        other = indexed.load(session, Other.name)
        plain = search.Vectors.load(session, Other.name)
    assert other.index is None
    assert_same(other.nearest(asked(1)[0], 10), plain.nearest(asked(1)[0], 10))
    assert approximate.make(store, Other.name) == len(plain.keys)
    with store.read() as session:
        other = indexed.load(session, Other.name)
    assert other.index is not None
    for query in asked():
        assert_same(other.nearest(query, 10), plain.nearest(query, 10))


def test_a_write_that_changes_no_vector_leaves_the_index_in_use(store):
    approximate.make(store, MODEL, asked=True)
    with store.write() as session:
        session.get(models.Work, "arxiv:1906.05271").venue = "Elsewhere"
    assert load(store).index is not None
    assert approximate.make(store, MODEL) == 0


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sets(st.integers(0, 40), min_size=1), min_size=2, max_size=5))
def test_after_any_changes_it_answers_as_if_made_anew(tmp_path_factory, states):
    draw = np.random.default_rng(0)
    every = draw.standard_normal((41, 8)).astype(np.float32)
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    path = tmp_path_factory.mktemp("ann") / "ann"
    for state in states:
        some = sorted(state)
        keys = [("work", f"w{i:02}") for i in some]
        part = blocks.Part(keys, [f"m{i}" for i in some], every[some])
        made = blocks.gather([part], {})
        approximate._make(path, made)
        near, plain = approximate.Approximate(made, path), search.Vectors(keys, every[some])
        assert near.index is not None
        for query in every[:5]:
            assert_same(near.nearest(query, 3), plain.nearest(query, 3))


# -- files that are not whole --------------------------------------------------------------------


def test_a_file_cut_short_or_changed_is_not_used(store):
    approximate.make(store, MODEL, asked=True)
    path = index_file(store)
    whole = path.read_bytes()
    places = [*range(0, len(whole), len(whole) // 40), len(whole) - 1]
    for place in places:
        for spoilt in (
            whole[:place],
            whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :],
        ):
            path.write_bytes(spoilt)
            assert load(store).index is None
    assert_same(load(store).nearest(asked(1)[0], 5), exact(store).nearest(asked(1)[0], 5))
    approximate.make(store, MODEL)  # there is a file, so one is wanted
    assert load(store).index is not None


def test_a_file_that_another_version_of_the_library_wrote_is_not_used(store):
    approximate.make(store, MODEL, asked=True)
    with store.read() as session:
        facts = approximate._facts(search.kept(session, MODEL))

    class Foreign:
        def save(self, path):
            Path(path).write_bytes(b"something else" * 100)

    count = len(exact(store).keys)
    numbers = np.arange(count)
    labels = numbers.astype(np.uint64)
    approximate._write(index_file(store), Foreign(), labels, numbers, facts)
    assert load(store).index is None


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(store):
    load(store)
    index_file(store).mkdir()
    with pytest.raises(StoreError, match=r"cannot write .*vectors\.ann"):
        approximate.make(store, MODEL, asked=True)
    assert not list(store.path.parent.glob("*.new"))
    assert_same(load(store).nearest(asked(1)[0], 5), exact(store).nearest(asked(1)[0], 5))


# -- when it is made -----------------------------------------------------------------------------


def test_few_vectors_get_no_index_unless_asked(store, monkeypatch):
    assert indexed.index(store, MODEL) == 0
    assert not index_file(store).exists()
    assert type(load(store)) is search.Vectors
    monkeypatch.setattr(approximate, "LEAST", 100)
    assert indexed.index(store, MODEL) > 150
    assert isinstance(load(store), approximate.Approximate)


def test_the_index_is_opened_by_the_first_question(store, monkeypatch):
    approximate.make(store, MODEL, asked=True)
    opened = []
    read = approximate._read
    monkeypatch.setattr(approximate, "_read", lambda path: opened.append(path) or read(path))
    near = load(store)
    near.row(near.keys[0])
    assert opened == []
    near.nearest(asked(1)[0], 3)
    near.nearest(asked(1)[0], 3)
    assert opened == [index_file(store)]


@pytest.fixture
def bare(monkeypatch):
    """A machine without the extra."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "usearch" else find(name)
    )


def test_without_the_extra_every_row_is_looked_at(store, request):
    approximate.make(store, MODEL, asked=True)
    request.getfixturevalue("bare")
    assert type(load(store)) is search.Vectors
    assert indexed.index(store, MODEL) == 0


def test_without_the_extra_whoever_asks_is_told_what_to_install(store, bare, monkeypatch, capsys):
    with pytest.raises(ConfigError, match=r"usearch.*pip install 'dissensus\[ann\]'"):
        approximate.make(store, MODEL, asked=True)
    assert approximate.advice(store) == ""
    monkeypatch.setattr(approximate, "LEAST", 100)
    assert approximate.advice(store).endswith("pip install 'dissensus[ann]'")
    monkeypatch.setenv("KB_DB", os.fspath(store.path))
    monkeypatch.setattr("sys.argv", ["kb", "embed", "--index"])
    with pytest.raises(SystemExit) as exit:
        cli.run()
    told = capsys.readouterr()
    assert exit.value.code == 2
    assert told.err.count("\n") == 1 and "dissensus[ann]" in told.err


def test_who_asks_for_an_index_is_told_what_became_of_it(store, monkeypatch):
    made = approximate.make(store, MODEL, asked=True)
    assert approximate.told(store, made) == f"index: {made:,} vectors put in or taken out"
    again = approximate.make(store, MODEL, asked=True)
    assert approximate.told(store, again) == "index: nothing new"
    monkeypatch.setattr(search, "KEPT_FROM", 10**9)
    none = approximate.make(store, MODEL, asked=True)
    assert "each search looks at every vector" in approximate.told(store, none)
