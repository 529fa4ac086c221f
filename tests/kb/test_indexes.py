"""Every question goes to the database through an index, whatever the store grows to."""

import contextlib
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
