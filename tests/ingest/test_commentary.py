import datetime as dt

import pytest
from sqlmodel import select

from ingest import commentary, intake
from ingest.records import CoverageDraft, Draft, ManifestationDraft, Raw
from kb.models import (
    Coverage,
    EvidenceSpan,
    Identifier,
    Link,
    Manifestation,
    StatusEvent,
    Work,
)
from kb.query import KnowledgeBase
from kb.store import REVISION
from kb.vocabulary import CoverageKind, ManifestationKind, WorkKind

AT = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
POST = "url:https://tea.example/dough"
DOUGH, STEAM = "arxiv:3001.00001", "arxiv:3001.00002"


class Said:
    """A source whose records are drafts already."""

    name = "posts:tea"
    position = ""

    def __init__(self):
        self.drafts = {}

    def raw(self, draft):
        raw = Raw(self.name, "here", AT, repr(draft).encode())
        self.drafts[raw.digest] = draft
        return raw

    def read(self, raw):
        return self.drafts[raw.digest]


@pytest.fixture
def take(store):
    source = Said()

    def take(*drafts):
        counts = intake.harvest(store, source, map(source.raw, drafts), "tea")
        return {name: n for name, n in counts.items() if n}

    return take


def post(*about, id=POST, title="On dough", **more):
    values = {"kind": CoverageKind.post, "publisher": "Tea and Theory", "valid": "2030-05-01"}
    values |= {"url": id.removeprefix("url:"), "authors": ("Carl Demo",)} | more
    return CoverageDraft(id=id, title=title, about=about, **values)


def paper(id, title="Dough", others=()):
    form = ManifestationDraft(id, ManifestationKind.arxiv, title, "We knead.", "https://x.example")
    return Draft(
        (id, *others), WorkKind.paper, title, "We knead.", (), "2030-01", "", False, (form,)
    )


def tied(store):
    with store.read() as session:
        return dict(session.exec(select(Coverage.id, Coverage.work_id)).all())


def relink(store):
    with store.write() as session:
        return commentary.relink(session)


def everything(store):
    with store.read() as session:
        return [
            [row.model_dump() for row in session.exec(select(kind))]
            for kind in (Work, Identifier, Manifestation, StatusEvent, Link, EvidenceSpan)
        ]


def test_a_post_is_tied_to_the_works_that_it_names(store, take):
    take(paper(DOUGH), paper(STEAM))
    assert take(post(STEAM, "doi:10.5555/unknown", DOUGH)) == {"added": 1}
    assert tied(store) == {POST: STEAM, f"{POST}#{DOUGH}": DOUGH}
    debate = KnowledgeBase(store)
    (shown,) = debate.work(DOUGH).coverage
    assert (shown.title, shown.url) == ("On dough", "https://tea.example/dough")
    assert len(debate.work(STEAM).coverage) == 1


def test_a_post_that_names_nothing_we_know_is_kept_as_commentary(store, take):
    take(post("doi:10.5555/unknown"))
    assert tied(store) == {POST: None}
    (entry,) = KnowledgeBase(store).timeline()
    assert (entry.lane, entry.title, entry.work) == ("coverage", "On dough", None)
    assert entry.url == "https://tea.example/dough"
    assert KnowledgeBase(store).status().coverage == 1


def test_a_post_about_two_works_is_on_the_timeline_once(store, take):
    take(paper(DOUGH), paper(STEAM), post(DOUGH, STEAM))
    entries = [e for e in KnowledgeBase(store).timeline() if e.lane == "coverage"]
    assert [entry.work.id for entry in entries] == [DOUGH]


def test_a_post_is_tied_when_the_work_arrives_later(store, take):
    take(post(DOUGH, STEAM, "doi:10.5555/steam"), paper(STEAM, others=("doi:10.5555/steam",)))
    assert tied(store) == {POST: STEAM}
    take(paper(DOUGH))
    assert tied(store) == {POST: DOUGH, f"{POST}#{STEAM}": STEAM}


def test_what_is_tied_does_not_depend_on_what_came_first(store, take):
    take(post(DOUGH, STEAM), paper(STEAM))
    take(paper(DOUGH))
    late = tied(store)
    with store.write() as session:
        for row in session.exec(select(Coverage)).all():
            row.work_id = None
    assert relink(store) == 2
    assert tied(store) == late


def test_a_work_is_found_by_any_of_its_names(store, take):
    take(paper(DOUGH, others=("doi:10.5555/dough",)), post("doi:10.5555/dough", DOUGH))
    assert tied(store) == {POST: DOUGH}


def test_nothing_is_written_when_nothing_is_new(store, take):
    take(paper(DOUGH), post(DOUGH), post("arxiv:3001.09999", id=f"{POST}/2"))
    revision = store.setting(REVISION)
    assert relink(store) == 0
    assert store.setting(REVISION) == revision


def test_what_is_tied_later_is_a_change_of_what_is_known(store, take):
    take(post(DOUGH))
    with store.write() as session:  # as the curated files bring it
        session.add(Work(id=DOUGH, kind=WorkKind.paper, title="Dough"))
    revision = store.setting(REVISION)
    assert relink(store) == 1
    assert store.setting(REVISION) != revision


def test_the_same_post_again_changes_nothing(store, take):
    take(paper(DOUGH), post(DOUGH))
    assert take(post(DOUGH)) == {"same": 1}


def test_a_retitled_post_is_one_post(store, take):
    take(paper(DOUGH), paper(STEAM), post(DOUGH, STEAM))
    assert take(post(DOUGH, STEAM, title="On dough, again")) == {"changed": 1}
    with store.read() as session:
        assert set(session.exec(select(Coverage.title))) == {"On dough, again"}


def test_a_post_stays_tied_to_what_it_once_named(store, take):
    take(paper(DOUGH), paper(STEAM), post(DOUGH, STEAM))
    take(post(STEAM, title="On steam"))
    assert tied(store) == {POST: DOUGH, f"{POST}#{STEAM}": STEAM}


def test_a_post_in_one_batch_with_its_revision_is_taken_once(store, take):
    assert take(paper(DOUGH), post(), post(DOUGH, title="On dough, again")) == {
        "added": 2,
        "changed": 1,
    }
    assert tied(store) == {POST: DOUGH}


def test_a_post_follows_a_work_that_turned_out_to_be_another(store, take):
    take(paper(DOUGH), paper(STEAM), post(DOUGH, STEAM))
    with store.write() as session:
        session.get(Work, STEAM).merged_into = DOUGH
        session.get(Work, STEAM).retired = True
        for kind in (Identifier, Coverage):
            for row in session.exec(select(kind).where(kind.work_id == STEAM)).all():
                row.work_id = DOUGH
    assert relink(store) == 0
    assert len(KnowledgeBase(store).work(DOUGH).coverage) == 1


def test_a_post_is_no_form_and_no_name_of_a_work_and_no_evidence(curated):
    debate = KnowledgeBase(curated)
    balances = [(claim.id, claim.balance) for claim in debate.claims()]
    work = next(w for w in debate.works() if w.links and w.id.startswith("arxiv:"))
    before = everything(curated)
    source = Said()
    drafts = [post(work.id), post("arxiv:3001.09999", id=f"{POST}/2")]
    counts = intake.harvest(curated, source, map(source.raw, drafts), "tea")
    assert counts["added"] == 2
    assert everything(curated) == before
    assert [(claim.id, claim.balance) for claim in debate.claims()] == balances
    after = debate.work(work.id)
    assert after.manifestations == work.manifestations
    assert after.identifiers == work.identifiers
    assert [c.title for c in after.coverage if c not in work.coverage] == ["On dough"]
