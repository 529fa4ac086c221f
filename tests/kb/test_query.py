import sqlite3
import subprocess
import sys

import networkx as nx
import pytest

import kb
from kb import content, curation, models
from kb.errors import DateError, EncoderError, NotFoundError
from kb.query import KnowledgeBase
from kb.questions import Questions
from kb.reader import Reader
from kb.vectors import embed_texts


def test_every_kind_of_thing_can_be_listed_and_shown(debate):
    for name in ("strands", "topics", "claims", "tensions", "voices", "events", "works", "digests"):
        views = getattr(debate, name)()
        assert views, name
        assert all(view.headline() for view in views)
    for id in ("C02", "T2", "V01", "delta-2026", "grokking", "memory", "bonnaire-2025"):
        assert debate.show(id).headline()


def test_an_id_is_found_whatever_its_case(debate):
    assert debate.claim("c02").id == "C02"
    assert debate.tension("t2").id == "T2"


@pytest.mark.parametrize(
    ("ask", "id", "near"),
    [
        ("claim", "memorisation-necessary", "memorization-necessary"),
        ("tension", "T22", "T2"),
        ("work", "bonaire-2025", "bonnaire-2025"),
        ("work", "2505.17639", "arxiv:2505.17638"),
        ("voice", "V1", "V01"),
        ("show", "feldmann-2019", "feldman-2019"),
    ],
)
def test_an_unknown_id_suggests_the_nearest(debate, ask, id, near):
    with pytest.raises(NotFoundError) as told:
        getattr(debate, ask)(id)
    assert near in told.value.nearest
    assert "did you mean" in str(told.value)


@pytest.mark.parametrize(
    "name",
    [
        "bonnaire-2025",
        "2505.17638",
        "arXiv:2505.17638v2",
        "https://arxiv.org/abs/2505.17638",
        "openreview:BSZqpqgqM0",
        "https://openreview.net/forum?id=BSZqpqgqM0",
    ],
)
def test_a_work_answers_to_all_its_names(debate, name):
    assert debate.work(name).id == "arxiv:2505.17638"


def test_three_submissions_of_one_paper_count_as_one(debate):
    claim = debate.claim("C03")
    disputing = [k for k in claim.links if k.stance == "disputes"]
    assert len(disputing) == 3
    assert len({k.work.lineage for k in disputing}) == 1
    assert claim.balance.disputes == 1


def test_every_link_says_who_and_how_far_it_was_read(debate):
    for claim in debate.claims():
        for link in claim.links:
            assert link.agent_kind == "curation"
            assert link.checked
            assert link.review == "proposed"
            assert link.why


def test_an_award_is_a_status_and_not_a_link(debate):
    work = debate.work("bonnaire-2025")
    assert "award" in {status.status for status in work.statuses}
    assert all("award" not in link.why.lower() for link in work.links)


def test_the_timeline_is_ordered_and_bounded(debate):
    entries = debate.timeline("grokking", since="2024", until="2025")
    assert entries
    assert {entry.strand for entry in entries} == {"grokking"}
    years = [entry.date[:4] for entry in entries]
    assert years == sorted(years)
    assert set(years) <= {"2024", "2025"}


def test_the_timeline_refuses_what_is_no_date_or_strand(debate):
    with pytest.raises(DateError):
        debate.timeline(since="last week")
    with pytest.raises(NotFoundError, match="grokking"):
        debate.timeline("groking")


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("flat minima generalize better than sharp ones", "flat-minima-generalize"),
        ("Does learning require memorization", "arxiv:1906.05271"),
        ("Neel Nanda", "V15"),
        ("grokking is a phase transition", "grokking-phase-transition"),
    ],
)
def test_search_by_words_finds_what_a_researcher_means(debate, text, id):
    assert id in [hit.id for hit in debate.search(text, 5, meaning=False)]


@pytest.mark.parametrize(
    "text", ['"', "a AND", "NEAR(", "title:x", "*", "-", "'; DROP TABLE work;", "x" * 9000, "\x00"]
)
def test_nothing_in_a_query_is_syntax(debate, text):
    debate.search(text, 3, meaning=False)


def test_an_empty_query_finds_nothing(debate):
    assert debate.search("  ", 3, meaning=False) == []
    with pytest.raises(ValueError, match="at least 1"):
        debate.search("x", 0)


def test_meaning_without_vectors_says_what_to_do(debate):
    with pytest.raises(EncoderError, match="kb embed"):
        debate.search("x", meaning=True)
    with pytest.raises(EncoderError, match="kb embed"):
        debate.similar("bonnaire-2025")


def test_the_graph_is_typed_and_the_same_every_time(debate, curated_file):
    graph = debate.graph()
    assert isinstance(graph, nx.MultiDiGraph)
    assert all("type" in data and data["title"] for _, data in graph.nodes(data=True))
    with KnowledgeBase.open(curated_file) as other:
        again = other.graph()
    assert list(graph.nodes(data=True)) == list(again.nodes(data=True))
    assert list(graph.edges(keys=True, data=True)) == list(again.edges(keys=True, data=True))


def test_views_are_frozen_and_print_in_notebooks(debate):
    claim = debate.claim("C02")
    with pytest.raises(AttributeError):
        claim.notes = ()
    assert repr(claim).startswith("<Claim C02: ")
    assert "<table>" in claim._repr_html_()


def test_a_notebook_shows_markup_as_text(curated):
    with curated.write() as session:
        work = session.get(models.Work, "arxiv:2505.17638")
        work.title = "<script>alert(1)</script>"
    with KnowledgeBase(curated) as debate:
        shown = debate.work("bonnaire-2025")._repr_html_()
    assert "<script>" not in shown


def test_answers_follow_the_store(curated):
    with KnowledgeBase(curated) as debate:
        assert debate.claim("C02").text
        with curated.write() as session:
            session.get(models.Claim, "C02").text = "Another wording."
        # Another connection is what a second process would be.
        with sqlite3.connect(curated.path) as other:
            other.execute("UPDATE claim SET text = 'Third wording.' WHERE id = 'C02'")
        other.close()
        assert debate.claim("C02").text == "Third wording."


def test_counts_can_be_recomputed(debate):
    counts = debate.status()
    loaded = content.load()
    assert counts.works == len(loaded.works.works) == len(debate.works())
    assert counts.theses == 27
    assert counts.findings == len(loaded.findings.findings)
    assert dict(counts.links)["proposed"] == sum(len(w.links) for w in loaded.works.works)


def test_every_placed_source_points_to_one_thing(debate):
    thread = next(d for d in debate.digests() if d.sources_listed)
    assert [s.n for s in thread.sources] == list(range(1, 148))
    assert all((s.work is None) != (s.event is None) for s in thread.sources)


def test_importing_kb_loads_neither_model_nor_database():
    code = (
        "import sys, kb; "
        "print([m for m in ('torch', 'sqlalchemy', 'sqlmodel', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_open_takes_the_environment_only_when_asked(curated_file, monkeypatch):
    monkeypatch.setenv("KB_DB", str(curated_file))
    with kb.open() as debate:
        assert debate.status().works == len(content.load().works.works)


def test_curation_is_what_the_store_was_made_from(curated):
    assert curated.setting(curation.SETTING).endswith(content.load().digest)


# -- the dialectic, on the curated debate ----------------------------------------------------


def test_contested_is_the_same_every_time_and_keeps_to_its_strand(debate, curated_file):
    with KnowledgeBase.open(curated_file) as other:
        assert other.contested() == debate.contested()
    assert {c.claim.strand for c in debate.contested("grokking")} == {"grokking"}
    with pytest.raises(NotFoundError, match="grokking"):
        debate.contested("groking")


def test_every_balance_sheet_adds_up_to_its_balance(debate):
    for claim in debate.claims():
        sheet = debate.balance(claim.id)
        for stance in ("supports", "disputes", "qualifies"):
            mine = [side for side in sheet.sides if side.stance == stance]
            assert len(mine) == getattr(claim.balance, stance)
            assert len({side.work.lineage for side in mine}) == len(mine)


def test_the_core_of_the_memorization_tension_collides_and_its_rim_does_not(debate):
    told = debate.what_would_settle("T2")
    assert {(c.one.id, c.other.id) for c in told.candidates} == {("C03", "C04"), ("C03", "C47")}
    assert told.unheld == ("Incidental",)
    assert all(c.kind != "genuine" for c in (*told.open, *told.candidates, *told.apart))


def test_nobody_answers_for_their_own_lineage(debate):
    for work in debate.works():
        for answer in debate.answers(work.id):
            assert answer.work is None or answer.work.lineage != work.ref.lineage
            assert answer.review != "rejected"


def test_a_lineage_is_the_same_from_each_of_its_works(debate):
    lineage = debate.lineage("isitactually-a")
    assert len(lineage.works) == 3
    assert {debate.lineage(work.id) for work in lineage.works} == {lineage}
    assert [w.id for w in debate.lineage("zhang-2016").works] == ["arxiv:1611.03530"]


@pytest.mark.parametrize(
    ("text", "reading", "about"),
    [
        ("Memorization is necessary for generalization.", "states", "memorization-necessary"),
        ("Memorization is not necessary for generalization.", "denies", "memorization-necessary"),
        ("Flat minima generalize better.", "states", "flat-minima-generalize"),
        ("Grokking is caused by the weight norm.", "states", "grokking-weight-norm"),
    ],
)
def test_what_speaks_against_a_sentence_depends_on_what_it_says(debate, text, reading, about):
    first = debate.counter_claims(text, 5, meaning=False)[0]
    assert (first.reading, first.about.id, first.matched) == (reading, about, ("words",))
    if reading == "states":
        assert first.does in ("disputes", "undercuts", "incompatibleWith", "qualifies")
    else:
        assert first.does in ("supports", "states")


@pytest.mark.parametrize("text", ["", "  ", '"; DROP TABLE work;--', "\x00", "zzzzqq"])
def test_a_sentence_about_nothing_has_no_counter_claim(debate, text):
    found = debate.counter_claims(text, 3, meaning=False)
    assert found == [] or all(c.score > 0 for c in found)
    with pytest.raises(ValueError, match="at least 1"):
        debate.counter_claims("x", 0)
    with pytest.raises(EncoderError, match="kb embed"):
        debate.counter_claims("x", meaning=True)


class Named:
    """Vectors without a model: what speaks of flat minima, or says zzqq, is one thing."""

    name, dim, device = "named/1", 2, "cpu"

    def encode(self, texts):
        import numpy as np

        alike = [any(word in text.lower() for word in ("flat minima", "zzqq")) for text in texts]
        return np.array([[1.0, 0.0] if a else [0.0, 1.0] for a in alike], dtype=np.float32)


def test_meaning_finds_a_counter_claim_that_words_do_not(curated):
    with curated.read() as session:
        rows = session.connection().exec_driver_sql("SELECT text FROM statement").all()
    encoder = Named()
    embed_texts(curated, encoder, [row[0] for row in rows])
    with KnowledgeBase(curated, lambda: encoder) as debate:
        assert debate.counter_claims("zzqq", 3, meaning=False) == []
        found = debate.counter_claims("zzqq", 3, meaning=True)
    assert "flat minima" in found[0].nearest.lower()
    assert {counter.matched for counter in found} == {("meaning",)}


def test_a_path_is_told_in_words(debate):
    told = debate.path("V01", "C33")
    assert told.headline() == "Lawrence Chan holds C34; C34 undercuts C33"
    assert debate.path("T2", "bonnaire-2025").found
    with pytest.raises(NotFoundError):
        debate.path("C02", "no such thing")


def test_every_public_query_has_an_example():
    asked = {**vars(Questions), **vars(KnowledgeBase), "as_of": Reader.as_of}
    names = [name for name, member in asked.items() if callable(member) and name[0] != "_"]
    assert {"contested", "claims", "as_of"} < set(names)
    for name in names:
        assert ">>> " in asked[name].__doc__, name
