"""Works that turn out to be one: joined, proposed, put apart, and what people say of it."""

import datetime as dt
import html
import json
import shutil
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import FileSystemLoader
from sqlmodel import col, select

from ingest import intake
from ingest import link as linker
from ingest.records import Draft, ManifestationDraft, Raw, StatusDraft
from kb import content, curation, dump, ids, merges, publish
from kb.errors import ContentError, NotFoundError
from kb.models import (
    Authorship,
    Coverage,
    EventSession,
    Identifier,
    Link,
    Manifestation,
    SearchText,
    StatusEvent,
    Talk,
    Verdict,
    Work,
    WorkMerge,
    WorkRelation,
)
from kb.query import KnowledgeBase
from kb.render import FUNCTIONS, environment, pages
from kb.store import Store
from kb.vocabulary import (
    AgentKind,
    CoverageKind,
    ManifestationKind,
    ReviewState,
    StatusKind,
    TalkKind,
    WorkKind,
    WorkRelationKind,
)

AT = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
KETTLE, OTHER = "arxiv:2502.99901", "arxiv:2502.99902"
FORUM, SECOND = "openreview:kettleAAAA", "openreview:kettleBBBB"
DOI = "doi:10.5555/kettle"
TITLE = "A kettle that remembers every cup of tea"


class Notes:
    """A source whose records are JSON of a draft's fields."""

    name, position = "notes", "1"

    def __init__(self, *rows):
        self.rows = rows

    def fetch(self, since=""):
        for row in self.rows:
            yield Raw("notes", "note", AT, json.dumps(row).encode())

    @staticmethod
    def read(raw):
        row = json.loads(raw.body)
        names = row["ids"]
        is_arxiv = names[0].startswith("arxiv")
        title, abstract = row.get("title", TITLE), row.get("abstract", f"Text of {names[0]}.")
        version = row.get("version", 1 if is_arxiv else 0)
        return Draft(
            identifiers=tuple(names),
            kind=WorkKind.paper,
            title=title,
            abstract=abstract,
            authors=tuple(row.get("authors", ["Ada B. Example", "Carl Demo"])),
            first_public=row.get("first", "2025-02-03"),
            categories="",
            withdrawn=False,
            manifestations=(
                ManifestationDraft(
                    id=f"{names[0]}v{version}" if version else names[0],
                    kind=ManifestationKind.arxiv if is_arxiv else ManifestationKind.openreview,
                    title=title,
                    abstract=abstract,
                    url="",
                    version=version,
                    valid=row.get("first", "2025-02-03"),
                ),
            ),
            statuses=tuple(
                StatusDraft(StatusKind(status), valid, venue)
                for status, valid, venue in row.get("statuses", ())
            ),
            related=tuple((WorkRelationKind(k), id) for k, id in row.get("related", ())),
        )


def take(store, *rows):
    source = Notes(*rows)
    return dict(+intake.harvest(store, source, source.fetch(), "notes"))


def rows(store, kind, *where):
    with store.read() as session:
        return list(session.exec(select(kind).where(*where)))


def one(store, kind, *where):
    (row,) = rows(store, kind, *where)
    return row


def standing(store):
    return rows(store, WorkMerge, col(WorkMerge.superseded_at).is_(None))


def owner(store, id):
    return one(store, Identifier, Identifier.id == id).work_id


def logical(store, *, without=()):
    """What a store says, row by row, apart from merges and links."""
    left_out = {"work_merge", "link", "evidence_span", "raw_record", "identity_verdict", *without}
    with store.read() as session:
        return sorted(entry.line for entry in dump.entries(session) if entry.table not in left_out)


@pytest.fixture
def judged(curated, tmp_path):
    """Curated files whose identity.yaml a test writes, and a store that has obeyed them."""
    folder = tmp_path / "debate"
    shutil.copytree(content.directory(), folder)

    def judge(*entries):
        told = [{"by": "ada", "on": "2026-06-02", **entry} for entry in entries]
        text = yaml.safe_dump({"identity": told}, sort_keys=False)
        (folder / "identity.yaml").write_text(text, encoding="utf-8")
        return curation.apply(curated, content.load(folder))

    return judge


# -- an identifier that a source gives ----------------------------------------------------------


def test_a_record_that_names_two_works_makes_them_one(store):
    take(store, {"ids": [KETTLE]}, {"ids": [FORUM], "statuses": [["poster", "2025-09", "K 25"]]})
    assert {w.id for w in rows(store, Work)} == {KETTLE, FORUM}
    counts = take(store, {"ids": [FORUM, KETTLE], "abstract": "Text of both."})
    assert counts["merged"] == 1
    assert "conflicts" not in counts
    loser = one(store, Work, Work.id == FORUM)
    assert (loser.retired, loser.merged_into) == (True, KETTLE)
    assert {owner(store, id) for id in (KETTLE, FORUM)} == {KETTLE}
    assert {m.work_id for m in rows(store, Manifestation)} == {KETTLE}
    poster = one(store, StatusEvent, StatusEvent.status == StatusKind.poster)
    assert poster.work_id == KETTLE
    (row,) = standing(store)
    assert (row.agent_kind, row.agent, row.review) == ("rule", "identifier/1", "proposed")
    assert row.applied
    assert row.reason == f"one record names both {KETTLE} and {FORUM}"


def test_what_is_stored_does_not_depend_on_where_batches_begin(store, tmp_path, _empty_store):
    notes = [
        {"ids": [KETTLE], "first": "2025-02"},
        {"ids": [FORUM], "title": "Kettles remember", "statuses": [["poster", "2025-09", "K"]]},
        {"ids": [FORUM, KETTLE], "abstract": "Both."},
        {"ids": [KETTLE, DOI], "version": 2, "first": "2025-02-03"},
        {"ids": [FORUM], "abstract": "Later.", "first": "2025-10"},
    ]
    take(store, *notes)
    path = tmp_path / "other.sqlite"
    shutil.copyfile(_empty_store, path)
    other = Store(path)
    for note in notes:
        take(other, note)
    tables = ("raw_record", "cursor")
    assert logical(store, without=tables) == logical(other, without=tables)
    assert [(m.reason, m.moved) for m in standing(store)] == [
        (m.reason, m.moved) for m in standing(other)
    ]
    other.close()


def test_two_papers_on_arxiv_are_never_joined(store):
    counts = take(
        store, {"ids": [KETTLE]}, {"ids": [OTHER, DOI], "title": "Tea"}, {"ids": [KETTLE, DOI],
        "version": 2}
    )  # fmt: skip
    assert counts["conflicts"] == 1
    assert "merged" not in counts
    (row,) = standing(store)
    assert not row.applied
    assert row.reason.endswith("but they have different identifiers of a stronger kind")
    assert {w.id for w in rows(store, Work, col(Work.retired).is_(False))} == {KETTLE, OTHER}


def test_the_curated_work_wins(curated):
    with curated.read() as session:
        name = session.exec(
            select(Identifier).where(
                col(Identifier.id).startswith("openreview:"),
                col(Identifier.work_id).startswith("openreview:"),
            )
        ).first()
    work = name.work_id
    take(curated, {"ids": [KETTLE]}, {"ids": [KETTLE, name.id], "version": 2})
    assert owner(curated, KETTLE) == work
    assert one(curated, Work, Work.id == work).key is not None
    assert one(curated, Work, Work.id == KETTLE).merged_into == work


def test_two_curated_works_are_never_joined(curated):
    with curated.read() as session:
        works = session.exec(
            select(Work).where(col(Work.key).is_not(None), col(Work.id).startswith("key:"))
        ).all()
        keyed = works[0].id
        paper = session.exec(
            select(Work).where(col(Work.key).is_not(None), col(Work.id).startswith("arxiv:"))
        ).first()
    counts = take(curated, {"ids": [paper.id, keyed], "version": 9})
    assert counts["conflicts"] == 1
    (row,) = [m for m in standing(curated) if m.agent == merges.RULE]
    assert not row.applied
    assert row.reason.endswith("but the curated files have both")


def test_an_identifier_of_the_one_that_comes_later_is_the_winners(store):
    take(store, {"ids": [KETTLE]}, {"ids": [FORUM]}, {"ids": [FORUM, KETTLE], "abstract": "B."})
    counts = take(store, {"ids": [FORUM, DOI], "abstract": "C.", "first": "2025-11"})
    assert counts == {"changed": 1}
    assert owner(store, DOI) == KETTLE
    assert one(store, Work, Work.id == KETTLE).abstract == "C."


def test_a_merge_leaves_the_statuses_that_the_winner_has(store):
    status = [["poster", "2025-09", "Kettles 2025"]]
    take(
        store,
        {"ids": [KETTLE], "statuses": status},
        {"ids": [FORUM], "statuses": [["poster", "2025", "KETTLES 2025"]]},
        {"ids": [FORUM, KETTLE], "abstract": "Both."},
    )
    posters = rows(store, StatusEvent, StatusEvent.status == StatusKind.poster)
    assert {row.work_id for row in posters} == {KETTLE, FORUM}
    assert "status_event" not in standing(store)[0].moved


# -- undoing ------------------------------------------------------------------------------------


def everything(store):
    """A loser with a row in every table that a merge moves."""
    take(
        store,
        {"ids": [KETTLE], "statuses": [["poster", "2025-09", "K"]]},
        {"ids": [OTHER], "title": "On tea and water", "authors": ["Eve Sample"]},
        {"ids": [FORUM, DOI], "first": "2024-12", "title": "Kettles", "authors": ["A. Example"],
         "statuses": [["oral", "2025-03", "T"], ["poster", "2025", "k"]],
         "related": [["extendedVersionOf", OTHER]]},
    )  # fmt: skip


def test_undoing_a_merge_restores_the_rows_exactly(store):
    everything(store)
    before = logical(store)
    grounds = merges.Grounds(AgentKind.rule, merges.RULE, "a test")
    with store.write() as session:
        merges.merge(session, FORUM, KETTLE, grounds, AT)
    assert logical(store) != before
    assert one(store, Work, Work.id == KETTLE).first_public == "2024-12"
    assert one(store, WorkRelation).from_work_id == KETTLE
    assert not rows(store, SearchText, SearchText.ref == FORUM)
    with store.write() as session:
        merges.undo(session, session.exec(select(WorkMerge)).one(), AT)
    assert logical(store) == before
    assert not standing(store)


def test_talks_coverage_and_verdicts_go_and_come_back(curated):
    take(curated, {"ids": [KETTLE]}, {"ids": [FORUM]})
    confirmed = ReviewState.confirmed
    with curated.write() as session:
        slot = session.exec(select(EventSession)).first()
        talk = Talk(id="t", session_id=slot.id, position=99, kind=TalkKind.poster, work_id=FORUM)
        post = Coverage(id="url:x", work_id=FORUM, kind=CoverageKind.post, title="On kettles")
        session.add_all([talk, post])
        session.add(
            Verdict(work_id=FORUM, claim_id="C01", verdict=confirmed, by="ada", valid="2026")
        )
        grounds = merges.Grounds(AgentKind.rule, merges.RULE, "a test")
        row = merges.merge(session, FORUM, KETTLE, grounds, AT)
        assert session.get(Verdict, (KETTLE, "C01", "ada")).verdict == confirmed
        assert (talk.work_id, post.work_id) == (KETTLE, KETTLE)
        merges.undo(session, row, AT)
        assert (talk.work_id, post.work_id) == (FORUM, FORUM)
        assert session.get(Verdict, (FORUM, "C01", "ada")).verdict == confirmed


def test_what_came_under_a_name_of_the_loser_goes_with_it(store):
    take(store, {"ids": [KETTLE]}, {"ids": [FORUM]}, {"ids": [FORUM, KETTLE], "abstract": "B."})
    take(
        store,
        {"ids": [FORUM], "abstract": "C.", "first": "2025-11", "statuses": [["oral", "2025-11",
         "K"]]},
    )  # fmt: skip
    with store.write() as session:
        (row,) = session.exec(select(WorkMerge).where(col(WorkMerge.applied))).all()
        merges.undo(session, row, AT)
    forms = {m.id: m.work_id for m in rows(store, Manifestation)}
    assert {work for id, work in forms.items() if id.startswith(FORUM)} == {FORUM}
    assert forms[f"{KETTLE}v1"] == KETTLE
    assert one(store, StatusEvent, StatusEvent.status == StatusKind.oral).work_id == FORUM


def test_merges_in_a_chain_are_undone_in_any_order(store):
    everything(store)
    before = logical(store)
    grounds = merges.Grounds(AgentKind.rule, merges.RULE, "a test")
    for which in (0, 1):
        with store.write() as session:
            made = [
                merges.merge(session, FORUM, KETTLE, grounds, AT),
                merges.merge(session, KETTLE, OTHER, grounds, AT),
            ]
            assert session.get(Identifier, DOI).work_id == OTHER
            merges.undo(session, made[which], AT)
            merges.undo(session, made[1 - which], AT)
        assert logical(store) == before


def test_the_linker_judges_both_again(curated, make_encoder):
    encoder = make_encoder()
    abstract = "Memorization is harmful. Flat minima generalize better than sharp minima do."
    take(curated, {"ids": [KETTLE], "abstract": abstract}, {"ids": [FORUM], "abstract": abstract})
    linker.run(curated, encoder)

    def linked():
        query = [col(Link.superseded_at).is_(None), Link.agent_kind == AgentKind.model]
        links = rows(curated, Link, *query, col(Link.work_id).in_([KETTLE, FORUM]))
        return {(link.work_id, link.claim_id) for link in links}

    before = linked()
    with curated.write() as session:
        row = merges.merge(
            session, FORUM, KETTLE, merges.Grounds(AgentKind.rule, merges.RULE, "a test"), AT
        )
        made = row.id
    assert linked() == {pair for pair in before if pair[0] == KETTLE}
    linker.run(curated, encoder)
    with curated.write() as session:
        merges.undo(session, session.get_one(WorkMerge, made), AT)
    linker.run(curated, encoder)
    assert linked() == before


# -- likeness -----------------------------------------------------------------------------------


def test_likeness_proposes_and_moves_nothing(store):
    take(store, {"ids": [KETTLE]}, {"ids": [DOI], "title": TITLE.upper(), "authors": ["C. Demo",
         "A. Example"]})  # fmt: skip
    (row,) = standing(store)
    assert (row.from_work_id, row.to_work_id, row.applied) == (DOI, KETTLE, False)
    assert (row.score, row.reason, row.agent) == (0.99, "equal titles and authors", "likeness/1")
    assert {w.id for w in rows(store, Work, col(Work.retired).is_(False))} == {KETTLE, DOI}
    assert owner(store, DOI) == DOI


@pytest.mark.parametrize(
    "other",
    [
        {"title": TITLE.replace("a", "\u0430")},  # the Cyrillic letter that looks like it
        {"title": TITLE.replace("e", "\u0435", 1)},
        {"title": f"{TITLE} II"},
        {"authors": ["Eve Sample"]},
        {"title": TITLE.replace("every", "no")},
    ],
)
def test_what_only_looks_alike_is_not_even_proposed(store, other):
    take(store, {"ids": [KETTLE]}, {"ids": [DOI], **other})
    assert not standing(store)


def test_a_short_title_proposes_nothing(store):
    take(store, {"ids": [KETTLE], "title": "Kettles"}, {"ids": [DOI], "title": "Kettles"})
    assert not standing(store)


def test_a_title_that_many_works_have_proposes_nothing_more(store):
    papers = [{"ids": [f"doi:10.5555/k{n:02}"]} for n in range(30)]
    take(store, *papers)
    assert len(standing(store)) == 12 * 11 // 2


def test_two_submissions_are_proposed_as_a_lineage(store):
    take(
        store,
        {"ids": [SECOND], "first": "2024-09-27"},
        {"ids": [FORUM], "first": "2025-09-26"},
    )
    (row,) = standing(store)
    assert (row.from_work_id, row.relation, row.to_work_id) == (FORUM, "resubmissionOf", SECOND)
    assert not row.applied


def test_a_lineage_that_the_source_tells_is_not_asked_about(store):
    take(
        store,
        {"ids": [SECOND], "first": "2024-09-27"},
        {"ids": [FORUM], "first": "2025-09-26", "related": [["resubmissionOf", SECOND]]},
    )
    with KnowledgeBase(store) as debate:
        assert not debate.merges()


def test_a_new_version_and_a_retitle_stay_one_work(store):
    take(
        store,
        {"ids": [KETTLE]},
        {"ids": [KETTLE], "version": 2, "first": "2025-05", "title": "Kettles, retitled entirely"},
    )
    work = one(store, Work)
    assert work.title == "Kettles, retitled entirely"
    assert {m.id for m in rows(store, Manifestation)} == {f"{KETTLE}v1", f"{KETTLE}v2"}


def test_a_curated_work_and_an_ingested_one_are_proposed_in_either_order(store, curated):
    title = "Does Learning Require Memorization? A Short Tale about a Long Tail"
    note = {"ids": [DOI], "title": title, "authors": ["Vitaly Feldman"]}
    take(curated, note)
    take(store, note)
    curation.apply(store, content.load())
    for each in (store, curated):
        (row,) = standing(each)
        assert (row.from_work_id, row.to_work_id) == (DOI, "arxiv:1906.05271")


def test_a_curated_entry_joins_what_its_identifiers_name(store):
    loaded = content.load()
    entry = next(w for w in loaded.works.works if w.ids.arxiv and w.ids.openreview)
    paper, forum = f"arxiv:{entry.ids.arxiv[0]}", f"openreview:{entry.ids.openreview[0]}"
    take(store, {"ids": [paper]}, {"ids": [forum], "title": "Under review", "authors": ["X Y"]})
    assert curation.apply(store, loaded)["work merged"] == 1
    (row,) = [m for m in standing(store) if m.applied]
    assert (row.agent, row.reason) == ("curation", f"works.yaml names both on {entry.key}")
    assert owner(store, forum) == paper
    assert one(store, Work, Work.id == paper).key == entry.key


# -- what people say ----------------------------------------------------------------------------


def test_same_joins_and_its_removal_puts_apart(curated, judged):
    take(curated, {"ids": [KETTLE]}, {"ids": [DOI], "title": "On tea", "authors": ["Eve Sample"]})
    before = logical(curated)
    judged({"same": ["2502.99901", "10.5555/kettle"], "note": "Same figures."})
    (row,) = standing(curated)
    assert (row.agent_kind, row.agent, row.review, row.applied) == ("human", "ada", "confirmed", 1)
    assert row.reason.endswith("are one work: Same figures.")
    assert owner(curated, DOI) == KETTLE
    judged()
    assert logical(curated) == before
    assert not standing(curated)


def test_distinct_undoes_a_merge_and_forbids_it(curated, judged):
    judged()
    both = {"ids": [FORUM, KETTLE], "abstract": "Both."}
    take(curated, {"ids": [KETTLE]}, {"ids": [FORUM]}, both)
    assert owner(curated, FORUM) == KETTLE
    judged({"distinct": [KETTLE, FORUM]})
    assert owner(curated, FORUM) == FORUM
    assert not one(curated, Work, Work.id == FORUM).retired
    (row,) = standing(curated)
    assert (row.review, row.applied, row.agent) == ("rejected", False, "ada")
    take(curated, {**both, "abstract": "Both, once more."})
    assert owner(curated, FORUM) == FORUM
    assert [r.id for r in standing(curated)] == [row.id]


def test_a_removed_distinct_lets_the_rule_stand_again(curated, judged):
    take(curated, {"ids": [KETTLE]}, {"ids": [FORUM]}, {"ids": [FORUM, KETTLE], "abstract": "B."})
    judged({"distinct": [KETTLE, FORUM]})
    judged()
    (row,) = standing(curated)
    assert (row.agent, row.applied) == (merges.RULE, True)
    assert owner(curated, FORUM) == KETTLE


def test_a_confirmed_rule_stays_when_the_confirmation_goes(curated, judged):
    take(curated, {"ids": [KETTLE]}, {"ids": [FORUM]}, {"ids": [FORUM, KETTLE], "abstract": "B."})
    joined = logical(curated)
    judged({"same": [FORUM, KETTLE]})
    assert [(r.agent, r.review, r.applied) for r in standing(curated)] == [
        ("ada", "confirmed", True)
    ]
    judged()
    assert [(r.agent, r.applied) for r in standing(curated)] == [(merges.RULE, True)]
    assert logical(curated) == joined


def test_a_proposal_comes_back_when_the_verdict_goes(curated, judged):
    take(curated, {"ids": [KETTLE]}, {"ids": [DOI]})
    judged({"distinct": [DOI, KETTLE]})
    assert [r.review for r in standing(curated)] == ["rejected"]
    judged()
    assert [(r.agent, r.score) for r in standing(curated)] == [("likeness/1", 0.99)]


def test_a_verdict_waits_for_its_works(curated, judged):
    assert judged({"same": [KETTLE, DOI]})["identity verdict waiting"] == 1
    take(curated, {"ids": [KETTLE]})
    take(curated, {"ids": [DOI], "title": "On tea", "authors": ["Eve Sample"]})
    assert owner(curated, DOI) == KETTLE
    assert [r.agent for r in standing(curated)] == ["ada"]


def test_distinct_holds_for_works_that_come_later(curated, judged):
    judged({"distinct": [KETTLE, FORUM]})
    take(curated, {"ids": [KETTLE, FORUM]}, {"ids": [FORUM], "title": "On tea"})
    assert owner(curated, KETTLE) == KETTLE
    assert owner(curated, FORUM) == FORUM


def test_a_lineage_that_a_person_states_counts_as_one(curated, judged):
    take(curated, {"ids": [KETTLE]}, {"ids": [OTHER], "title": "On tea"})
    judged({"same": [OTHER, KETTLE], "relation": "extendedVersionOf"})
    relation = one(curated, WorkRelation, col(WorkRelation.source) == merges.VERDICT)
    assert (relation.from_work_id, relation.kind) == (OTHER, "extendedVersionOf")
    with KnowledgeBase(curated) as debate:
        assert len(debate.lineage(KETTLE).works) == 2
        assert debate.merges()[0].review == "confirmed"
    judged()
    assert not rows(curated, WorkRelation, col(WorkRelation.source) == merges.VERDICT)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"same": [KETTLE, DOI], "distinct": [KETTLE, DOI]}, "either same or distinct"),
        ({}, "either same or distinct"),
        ({"same": [KETTLE]}, "names two identifiers"),
        ({"same": [KETTLE, KETTLE]}, "names one work twice"),
        ({"distinct": [KETTLE, DOI], "relation": "retitleOf"}, "have no relation"),
        ({"same": ["???", DOI]}, "not a valid"),
        ({"same": ["key:no-such-work", DOI]}, "there is no work 'no-such-work'"),
        ({"same": ["bonnaire-2025", "feldman-2019"]}, "are both in works.yaml"),
        ({"distinct": ["arxiv:1906.05271", "feldman-2019"]}, "works.yaml has both identifiers"),
    ],
)
def test_a_wrong_entry_is_named_with_its_line(judged, entry, told):
    with pytest.raises(ContentError, match=rf"identity.yaml:\d+: .*{told}"):
        judged(entry)


# -- asking -------------------------------------------------------------------------------------


def test_the_loser_leads_to_the_winner_and_shows_nowhere(store):
    take(store, {"ids": [KETTLE]}, {"ids": [FORUM]}, {"ids": [FORUM, KETTLE], "abstract": "B."})
    with KnowledgeBase(store) as debate:
        assert debate.show(FORUM).id == KETTLE
        assert [work.id for work in debate.works()] == [KETTLE]
        assert {e.work.id for e in debate.timeline() if e.work} == {KETTLE}
        assert [hit.id for hit in debate.search("kettle", meaning=False)] == [KETTLE]
        assert debate.status().works == 1
        (told,) = debate.work(KETTLE).merges
        assert told.headline() == (f"{FORUM} → {KETTLE}: joined [proposed, identifier/1]")


def test_the_page_of_a_work_says_what_was_joined_and_what_is_proposed(store):
    take(
        store,
        {"ids": [KETTLE]},
        {"ids": [FORUM]},
        {"ids": [DOI], "title": f"{TITLE}<script>".upper()[: len(TITLE)]},
        {"ids": [FORUM, KETTLE], "abstract": "B."},
    )
    page = html.unescape(_page(store, KETTLE))
    assert "May be the same work as" in page
    assert "equal titles and authors, score 0.99" in page
    assert "proposed by likeness/1, not yet confirmed by a person" in page
    assert "Joined with" in page
    assert "one record names both" in page
    assert "by identifier/1, not yet confirmed by a person" in page


def test_a_hostile_title_is_text_on_the_page_of_another_work(store):
    title = f"{TITLE} <img src=x onerror=alert(1)>"
    take(store, {"ids": [KETTLE], "title": title}, {"ids": [DOI], "title": title})
    assert "<img" not in _page(store, KETTLE)


def _page(store, id):
    root = Path(__file__).parents[2]
    templates = environment(FileSystemLoader(root / "site/templates"), FUNCTIONS)
    with KnowledgeBase(store) as debate:
        whole = dict(pages(publish.gather(debate), templates))
    return whole[f"works/{ids.slug(id)}.md"]


def test_a_merge_is_known_only_since_it_was_made(store):
    take(store, {"ids": [KETTLE]}, {"ids": [DOI]})
    with KnowledgeBase(store) as debate, pytest.raises(NotFoundError):
        debate.as_of(recorded="2020").work(KETTLE)
    with KnowledgeBase(store) as debate:
        assert len(debate.merges()) == 1
        assert not debate.as_of(recorded="2020").merges()


def test_authors_stay_with_their_work(store):
    everything(store)
    with store.write() as session:
        grounds = merges.Grounds(AgentKind.rule, merges.RULE, "a test")
        merges.merge(session, FORUM, KETTLE, grounds, AT)
    assert [a.name for a in rows(store, Authorship, Authorship.work_id == FORUM)] == ["A. Example"]


# -- batches ------------------------------------------------------------------------------------

NAMES = [KETTLE, OTHER, FORUM, SECOND, DOI, "doi:10.5555/volume"]
NOTE = st.fixed_dictionaries(
    {
        "ids": st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
        "title": st.sampled_from([TITLE, TITLE.upper(), "On tea and very hot water"]),
        "authors": st.sampled_from([["Ada Example"], ["A. Example", "Carl Demo"], ["Eve Sample"]]),
        "version": st.integers(1, 3),
        "first": st.sampled_from(["2024-12", "2025-02-03", "2025-10-01"]),
        "abstract": st.sampled_from(["Tea.", "Water."]),
    }
)


@given(st.lists(NOTE, min_size=2, max_size=7), st.integers(1, 6))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_joins_and_proposals_do_not_depend_on_where_batches_begin(_empty_store, notes, at):
    with tempfile.TemporaryDirectory() as folder:
        told = []
        for name, parts in (("one", [notes]), ("two", [notes[:at], notes[at:]])):
            path = Path(folder) / f"{name}.sqlite"
            shutil.copyfile(_empty_store, path)
            store = Store(path)
            for part in parts:
                take(store, *part)
            told.append(
                (_said(store), [(m.agent, m.reason, m.moved) for m in rows(store, WorkMerge)])
            )
            _is_sound(store)
            owned = [name.work_id for name in rows(store, Identifier) if _papers([name.id])]
            if all(_papers(note["ids"]) < 2 for note in notes):
                assert len(set(owned)) == len(owned)  # two papers on arXiv never become one
            store.close()
        assert told[0] == told[1]


def _said(store):
    return logical(store, without=("cursor",))


def _is_sound(store):
    """Every name leads to a work that is not merged, and nothing hangs on one that is."""
    gone = {work.id for work in rows(store, Work, col(Work.merged_into).is_not(None))}
    for kind in (Identifier, Manifestation):
        assert not {row.work_id for row in rows(store, kind)} & gone
    merged = {row.from_work_id for row in standing(store) if row.applied}
    assert merged == gone


def _papers(names):
    return sum(name.startswith("arxiv:") for name in names)


@given(st.lists(NOTE, min_size=2, max_size=6))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_merge_can_be_undone_and_made_again(_empty_store, notes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kb.sqlite"
        shutil.copyfile(_empty_store, path)
        store = Store(path)
        take(store, *notes)
        alive = [work.id for work in rows(store, Work, col(Work.retired).is_(False))]
        if len(alive) < 2:
            store.close()
            return
        before = logical(store)
        with store.write() as session:
            row = merges.merge(
                session, alive[1], alive[0], merges.Grounds(AgentKind.rule, "a", "b"), AT
            )
            merges.undo(session, row, AT)
        assert logical(store) == before
        store.close()
