import datetime as dt
import hashlib

import pytest
from sqlmodel import select

from ingest.link import job, run
from kb.models import Claim, EvidenceSpan, Link, Manifestation, Setting, Verdict, Work
from kb.store import now
from kb.vocabulary import (
    AgentKind,
    AssertedHow,
    ManifestationKind,
    ReviewState,
    Stance,
    WorkKind,
)

from .works import add

FLAT = (
    "Sharpness was blamed for poor test error before. We show that flat minima generalize better "
    "than sharp minima and that sharpness predicts the generalization gap. Code is available."
)
KERNEL = (
    "We study wide networks. We prove that training of wide networks follows the neural tangent "
    "kernel in the lazy regime. The infinite-width limit is exact."
)
NOTHING = "We catalogue beetles of the northern forests. Most of them are brown."


@pytest.fixture
def works(curated):
    add(curated, "arxiv:2501.00001", "Flat minima and generalization", FLAT)
    add(curated, "arxiv:2501.00002", "Wide networks and the neural tangent kernel", KERNEL)
    add(curated, "arxiv:2501.00003", "Beetles", NOTHING)
    return curated


def machine(store, work=None, superseded=False):
    query = select(Link).where(Link.agent_kind == AgentKind.model).order_by(Link.id)
    with store.read() as session:
        return [
            link
            for link in session.exec(query)
            if (link.superseded_at is not None) == superseded and work in (None, link.work_id)
        ]


def spans(store, link_id):
    query = select(EvidenceSpan).where(
        EvidenceSpan.link_id == link_id, EvidenceSpan.superseded_at.is_(None)
    )
    with store.read() as session:
        return session.exec(query).all()


def told(links):
    return [(link.claim_id, link.stance, link.score, link.stance_score) for link in links]


def verdict(store, work, claim, word, stance=None):
    with store.write() as session:
        session.merge(
            Verdict(
                work_id=work,
                claim_id=claim,
                verdict=ReviewState(word),
                stance=stance,
                by="a-reader",
                valid="2026-01-02",
            )
        )


def test_a_work_is_linked_to_the_thesis_it_is_about(works, encoder):
    counts = run(works, encoder)
    (link,) = machine(works, "arxiv:2501.00001")
    assert link.claim_id == "flat-minima-generalize"
    assert link.agent == "linker/3 hashing/1" and link.review == ReviewState.proposed
    assert (
        link.valid == "2025-05-23" and link.how == AssertedHow.asserts and link.run_id is not None
    )
    assert "ntk-describes-training" in {
        each.claim_id for each in machine(works, "arxiv:2501.00002")
    }
    assert not machine(works, "arxiv:2501.00003")
    assert counts["links added"] == len(machine(works))


def test_the_quote_is_what_the_offsets_say(works, encoder):
    run(works, encoder)
    for link in machine(works):
        (span,) = spans(works, link.id)
        with works.read() as session:
            abstract = session.get(Manifestation, span.manifestation_id).abstract
        assert span.quote == abstract[span.start : span.end]
        assert span.quote_hash == hashlib.sha256(span.quote.encode()).hexdigest()
        assert span.review == ReviewState.proposed and span.score == link.score
    assert spans(works, machine(works, "arxiv:2501.00001")[0].id)[0].quote.startswith("We show")


def test_a_second_run_changes_nothing(works, encoder):
    run(works, encoder)
    before = [link.model_dump() for link in machine(works)]
    counts = run(works, encoder)
    assert [link.model_dump() for link in machine(works)] == before
    assert counts["judged"] == 0 and counts["unchanged"] > 0
    assert not machine(works, superseded=True)


def test_links_do_not_depend_on_the_works_beside_them(works, encoder, monkeypatch):
    run(works, encoder)
    together = told(machine(works, "arxiv:2501.00002"))
    with works.write() as session:
        for link in session.exec(select(Link).where(Link.agent_kind == AgentKind.model)):
            link.superseded_at = now()
        for setting in session.exec(select(Setting).where(Setting.name.startswith("link:"))):
            setting.value = ""
        session.get(Work, "arxiv:2501.00001").retired = True
    monkeypatch.setattr(job, "_BATCH", 1)
    run(works, encoder)
    assert told(machine(works, "arxiv:2501.00002")) == together != []


def test_a_changed_text_supersedes_its_links_and_leaves_the_others(works, encoder):
    run(works, encoder)
    untouched = machine(works, "arxiv:2501.00002")[0].id
    add(works, "arxiv:2501.00001", "Beetles", NOTHING, version=2)
    counts = run(works, encoder)
    assert not machine(works, "arxiv:2501.00001")
    (old,) = machine(works, "arxiv:2501.00001", superseded=True)
    assert isinstance(old.superseded_at, dt.datetime) and not spans(works, old.id)
    assert machine(works, "arxiv:2501.00002")[0].id == untouched
    assert counts["judged"] == 1


def test_a_new_version_with_the_same_abstract_changes_nothing(works, encoder):
    run(works, encoder)
    before = machine(works, "arxiv:2501.00001")
    add(works, "arxiv:2501.00001", "Flat minima and generalization", FLAT, version=2)
    assert run(works, encoder)["judged"] == 0
    assert machine(works, "arxiv:2501.00001") == before


def test_evidence_points_into_the_first_form_with_this_abstract_whichever_came_first(
    works, encoder
):
    add(works, "arxiv:2501.00002", "Kernels", KERNEL, version=10)
    add(works, "arxiv:2501.00004", "Flat minima and generalization", FLAT, version=10)
    run(works, encoder)
    add(works, "arxiv:2501.00004", "Flat minima and generalization", FLAT, version=9)
    run(works, encoder)
    for work, version in (("arxiv:2501.00002", 1), ("arxiv:2501.00004", 9)):
        links = machine(works, work)
        assert links
        for link in links:
            (span,) = spans(works, link.id)
            assert span.manifestation_id == f"{work}v{version}"


def test_a_retired_work_loses_its_links(works, encoder):
    run(works, encoder)
    with works.write() as session:
        session.get(Work, "arxiv:2501.00001").retired = True
    run(works, encoder)
    assert not machine(works, "arxiv:2501.00001")
    assert machine(works, "arxiv:2501.00001", superseded=True)


def test_a_rejected_link_never_comes_back(works, encoder, make_encoder):
    run(works, encoder)
    verdict(works, "arxiv:2501.00001", "flat-minima-generalize", "rejected")
    for each in (encoder, encoder, make_encoder("another")):
        run(works, each)
        (link,) = machine(works, "arxiv:2501.00001")
        assert link.review == ReviewState.rejected and link.reviewed_by == "a-reader"
    proposed = machine(works, "arxiv:2501.00001", superseded=True)[0]
    assert proposed.review == ReviewState.proposed  # what was shown then stays on record


def test_a_confirmed_link_carries_the_readers_stance(works, encoder):
    run(works, encoder)
    verdict(works, "arxiv:2501.00001", "flat-minima-generalize", "confirmed", Stance.qualifies)
    run(works, encoder)
    (link,) = machine(works, "arxiv:2501.00001")
    assert link.review == ReviewState.confirmed and link.stance == Stance.qualifies
    assert run(works, encoder)["judged"] == 0


def test_a_confirmed_link_stays_below_the_threshold(works, encoder):
    verdict(works, "arxiv:2501.00003", "double-descent", "confirmed")
    run(works, encoder)
    (link,) = machine(works, "arxiv:2501.00003")
    assert link.claim_id == "double-descent" and link.review == ReviewState.confirmed


def test_another_model_makes_links_of_its_own_name(works, encoder, make_encoder):
    run(works, encoder)
    run(works, make_encoder("another"))
    assert {link.agent for link in machine(works)} == {"linker/3 another"}
    assert {link.agent for link in machine(works, superseded=True)} == {"linker/3 hashing/1"}


def test_a_retired_thesis_loses_its_links(works, encoder):
    run(works, encoder)
    with works.write() as session:
        session.get(Claim, "flat-minima-generalize").retired = True
    run(works, encoder)
    assert not [link for link in machine(works) if link.claim_id == "flat-minima-generalize"]


def test_a_curated_link_gets_the_closest_sentence_once(works, encoder):
    with works.write() as session:
        link = session.exec(
            select(Link).where(Link.agent_kind == AgentKind.curation).order_by(Link.id)
        ).first()
        work = session.get(Work, link.work_id)
        text = session.get(Claim, link.claim_id).text
        work.abstract = f"Beetles are brown. {text} Forests are green."
        session.add(
            Manifestation(
                id="a-form",
                work_id=work.id,
                kind=ManifestationKind.arxiv,
                title=work.title,
                abstract=work.abstract,
            )
        )
        id = link.id
    assert run(works, encoder)["evidence added"] >= 1
    (span,) = spans(works, id)
    assert span.agent_kind == AgentKind.model and span.review == ReviewState.proposed
    assert span.quote in text and span.manifestation_id == "a-form" and 0 <= span.score <= 1
    run(works, encoder)
    assert spans(works, id) == [span]


def test_a_work_without_a_fetched_text_is_not_linked(works, encoder):
    with works.write() as session:
        session.add(Work(id="arxiv:2501.00009", kind=WorkKind.paper, title="T", abstract=FLAT))
    run(works, encoder)
    assert not machine(works, "arxiv:2501.00009")


def test_a_kill_between_batches_keeps_what_was_done(works, encoder, make_encoder, monkeypatch):
    monkeypatch.setattr(job, "_BATCH", 1)
    run(works, encoder)
    whole = told(machine(works))
    for setting in ("arxiv:2501.00001", "arxiv:2501.00002"):
        with works.write() as session:
            session.get(Setting, f"link:{setting}").value = ""
    real = job._Writer.flush

    def dying(self):
        real(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(job._Writer, "flush", dying)
    with pytest.raises(KeyboardInterrupt):
        run(works, encoder)
    monkeypatch.setattr(job._Writer, "flush", real)
    run(works, encoder)
    assert told(machine(works)) == whole


def test_a_store_without_theses_is_left_alone(store, encoder):
    add(store, "arxiv:2501.00001", "Flat minima", FLAT)
    run(store, encoder)
    assert not machine(store)


def test_only_the_works_that_are_named_are_looked_at(works, encoder):
    assert run(works, encoder, only={"arxiv:2501.00001"})["judged"] == 1
    assert {link.work_id for link in machine(works)} == {"arxiv:2501.00001"}
    counts = run(works, encoder)
    assert "arxiv:2501.00002" in {link.work_id for link in machine(works)}
    assert counts["unchanged"] >= 1
