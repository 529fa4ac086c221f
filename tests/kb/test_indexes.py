"""Every question goes to the database through an index, whatever the store grows to."""

import contextlib
import shutil
import sqlite3

import pytest
from sqlalchemy import event

from kb import KnowledgeBase, graph
from kb.store import Store

GROWING = {
    "authorship",
    "coverage",
    "evidence_span",
    "identifier",
    "link",
    "manifestation",
    "queued_link",
    "raw_record",
    "search_text",
    "status_event",
    "text_vector",
    "verdict",
    "work",
}
"""Tables that grow with the works; all others are the curated frame, which is read whole."""

ONE = {
    "work": lambda d: d.work("bonnaire-2025"),
    "work by another name": lambda d: d.work("https://arxiv.org/abs/2505.17638"),
    "claim": lambda d: d.claim("C02"),
    "claims": lambda d: d.claims(),
    "tension": lambda d: d.tension("T2"),
    "voice": lambda d: d.voice("V01"),
    "strands": lambda d: d.strands(),
    "topics": lambda d: d.topics(),
    "terms": lambda d: d.terms(),
    "event": lambda d: d.event("delta-2026"),
    "digests": lambda d: d.digests(),
    "search": lambda d: d.search("flat minima generalize", meaning=False),
    "show": lambda d: d.show("T2"),
    "show a work": lambda d: d.show("feldman-2019"),
    "balance": lambda d: d.balance("C02"),
    "contested": lambda d: d.contested(),
    "collision": lambda d: d.collision("C03", "C04"),
    "lineage": lambda d: d.lineage("isitactually-a"),
    "answers": lambda d: d.answers("feldman-2019"),
    "who moved": lambda d: d.who_moved("2025"),
    "merges": lambda d: d.merges(),
    "runs": lambda d: d.runs(),
    "cycles": lambda d: d.cycles(),
}
ALL = {
    "works": lambda d: d.works(),
    "timeline": lambda d: d.timeline(),
    "graph": lambda d: d.graph(),
    "status": lambda d: d.status(),
}


@contextlib.contextmanager
def statements(debate):
    """Collect (statement, parameters) of what a knowledge base asks."""
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.lstrip().upper().startswith("SELECT"):
            asked.append((statement, parameters))

    engine = debate._store._engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def scanned(path, asked):
    """Return table -> statement of what looks through all rows of a growing table."""
    found = {}
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement, parameters in asked:
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
                words = step.split()
                if words[0] == "SCAN" and words[1] in GROWING:
                    found[words[1]] = statement
    return found


@pytest.mark.parametrize("name", ONE)
def test_a_question_looks_through_no_table_that_grows(curated_file, name):
    with KnowledgeBase.open(curated_file) as debate, statements(debate) as asked:
        ONE[name](debate)
    assert asked
    assert scanned(curated_file, asked) == {}


@pytest.mark.parametrize("name", ALL)
def test_a_question_about_everything_asks_a_fixed_number_of_times(curated_file, name):
    with KnowledgeBase.open(curated_file) as debate, statements(debate) as asked:
        ALL[name](debate)
    of_works = [statement for statement, _ in asked if "FROM authorship" in statement]
    assert len(of_works) <= 3
    assert len(asked) < 100  # none is asked again for each work


def test_the_check_sees_a_scan(curated_file):
    asked = [("SELECT id FROM work WHERE venue = ?", ("ICML",))]
    assert list(scanned(curated_file, asked)) == ["work"]


def test_what_was_read_once_is_not_read_again(curated_file):
    with KnowledgeBase.open(curated_file) as debate:
        debate.work("bonnaire-2025")
        with statements(debate) as asked:
            for _ in range(3):
                debate.work("feldman-2019")
                debate.show("isitactually-a")
                debate.search("flat minima", meaning=False)
                debate.tension("T2")
    assert not [statement for statement, _ in asked if "FROM claim " in statement]


def test_opening_a_store_reads_no_table_of_it(curated_file):
    store = Store(curated_file)
    asked = []
    event.listen(
        store._engine, "before_cursor_execute", lambda _c, _u, text, *_: asked.append(text)
    )
    store.revision()
    store.close()
    tables = ("FROM work", "FROM claim", "FROM link")
    assert asked and not [text for text in asked if any(table in text for table in tables)]


@pytest.mark.parametrize("bounds", [{}, {"valid": "2024"}, {"recorded": "2100"}])
def test_the_graph_read_from_rows_is_the_graph_of_the_views(curated_file, bounds):
    with KnowledgeBase.open(curated_file) as debate:
        then = debate.as_of(**bounds)
        works = then.works()[::-1]
        plain = graph.build(
            then.strands(),
            then.claims(),
            then.tensions(),
            [work.ref for work in works],
            map(graph.ties, works),
            then.voices(),
            then.events(),
        )
        told = then.graph()
    assert list(told.nodes(data=True)) == list(plain.nodes(data=True))
    assert list(told.edges(keys=True, data=True)) == list(plain.edges(keys=True, data=True))


# -- only what is needed -------------------------------------------------------------------------

NEEDED = {
    "work": lambda d: d.work("bonnaire-2025"),
    "claim": lambda d: d.claim("C02"),
    "tension": lambda d: d.tension("T2"),
    "search": lambda d: d.search("flat minima generalize", meaning=False),
}


def grown(path):
    """Add works, most of them held back, and links to a claim that nobody asks about."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = [f"arxiv:1801.{90000 + i}" for i in range(3000)]
        connection.executemany(
            "INSERT INTO work (id, kind, title, title_key, abstract, first_public, first_day, "
            "venue, categories, synopsis, withdrawn, retired) VALUES (?, 'paper', 'Tea', 'tea', "
            "'About tea.', '2018', '2018-01-01', '', '', '', 0, 0)",
            [(name,) for name in names],
        )
        connection.executemany(
            "INSERT INTO search_text (kind, ref, title, body) "
            "VALUES ('work', ?, 'Tea', 'About tea.')",
            [(name,) for name in names],
        )
        connection.executemany(
            "INSERT INTO setting (name, value) VALUES (?, '1.0')",
            [(f"held:{name}",) for name in names[500:]],
        )
        connection.executemany(
            "INSERT INTO link (work_id, claim_id, stance, agent_kind, agent, why, score, "
            "stance_score, review, reviewed_by, valid, recorded_at) VALUES (?, 'C11', 'supports', "
            "'model', 'm/1', '', 0.5, 0.5, 'proposed', '', '2018', '2025-01-01 00:00:00.000000')",
            [(name,) for name in names[:500]],
        )
        connection.commit()


def rows_read(path, asked):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return sum(len(connection.execute(*each).fetchall()) for each in asked)


def read_first(path, question):
    with KnowledgeBase.open(path) as debate, statements(debate) as asked:
        answer = question(debate)
    return answer, rows_read(path, asked), len(asked)


@pytest.mark.parametrize("name", NEEDED)
def test_a_first_question_reads_no_row_that_it_does_not_need(curated_file, tmp_path, name):
    path = tmp_path / "kb.sqlite"
    shutil.copy(curated_file, path)
    answer, before, _ = read_first(path, NEEDED[name])
    grown(path)
    later, after, _ = read_first(path, NEEDED[name])
    assert after == before
    if name != "search":  # whose order depends on how rare a word is
        assert later == answer


def test_the_check_sees_the_rows_that_are_needed(curated_file, tmp_path):
    path = tmp_path / "kb.sqlite"
    shutil.copy(curated_file, path)
    _, before, _ = read_first(path, lambda d: d.claim("C11"))
    grown(path)
    answer, after, _ = read_first(path, lambda d: d.claim("C11"))
    assert after >= before + 500
    assert sum(link.agent == "m/1" for link in answer.links) == 500


@pytest.mark.parametrize("bounds", [{}, {"valid": "2020"}, {"recorded": "2030"}])
def test_what_is_read_bit_by_bit_is_what_is_read_at_once(curated_file, tmp_path, bounds):
    path = tmp_path / "kb.sqlite"
    shutil.copy(curated_file, path)
    grown(path)
    with KnowledgeBase.open(path) as debate:
        whole = debate.as_of(**bounds)
        links, links_of = whole._read().links, whole._read().links_of
        works, claims = links_of.all(), links.all()
        bits = debate.as_of(**bounds)._read()
        assert bits.links._whole is None
        for claim in bits.claim_refs:
            assert bits.links.get(claim, []) == claims.get(claim, [])
        for some in (sorted(works)[:300], [*sorted(works)[200:700], "arxiv:0000.00000"]):
            bits.links_of.need(some)
        assert {id: bits.links_of[id] for id in works} == works
        assert bits.links_of.get("arxiv:0000.00000") is None
        assert dict(bits.links) == claims and dict(bits.links_of) == works
        everyone = [*works, "arxiv:1801.90000", "arxiv:1801.92000"]
        with debate._reading() as session:
            some = bits.hidden(session, everyone)
            assert some == whole._read()._hidden.intersection(everyone)
