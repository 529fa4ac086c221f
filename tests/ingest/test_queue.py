"""What the linker queues for a person's look, and what becomes of it."""

import dataclasses
import hashlib

import pytest
from sqlmodel import select

from ingest.link import job, run
from kb import cycles, merges
from kb.models import EvidenceSpan, Identifier, Link, Manifestation, QueuedLink, Verdict, Work
from kb.query import KnowledgeBase
from kb.store import now
from kb.vocabulary import AgentKind, ManifestationKind, ReviewState, Stance, WorkKind

ABSTRACT = (
    "Sharpness was blamed for poor test error before. We show that flat minima generalize better "
    "than sharp minima and that sharpness predicts the generalization gap. Code is available."
)
WORK = "arxiv:2501.00001"


class Wavering(job.PackagedJudge):
    """Shows its best guess, and queues the next two."""

    shown, waiting = 1, 3

    def judge(self, reading):
        return [
            dataclasses.replace(
                each, published=rank < self.shown, queued=self.shown <= rank < self.waiting
            )
            for rank, each in enumerate(super().judge(reading))
        ]


@pytest.fixture
def work(curated, monkeypatch):
    monkeypatch.setattr(job, "PackagedJudge", Wavering)
    with curated.write() as session:
        session.add(
            Work(id=WORK, kind=WorkKind.paper, title="Flat minima", abstract=ABSTRACT,
                 first_public="2025-05-23", first_day="2025-05-23")
        )  # fmt: skip
        session.flush()
        session.add(Identifier(id=WORK, work_id=WORK))
        session.add(
            Manifestation(id=f"{WORK}v1", work_id=WORK, kind=ManifestationKind.arxiv,
                          title="Flat minima", abstract=ABSTRACT, version=1)
        )  # fmt: skip
    return curated


def rows(store, kind, **where):
    query = select(kind).where(kind.superseded_at.is_(None)).order_by(kind.id)
    for name, value in where.items():
        query = query.where(getattr(kind, name) == value)
    with store.read() as session:
        return session.exec(query).all()


def queued(store):
    return rows(store, QueuedLink)


def links(store):
    return rows(store, Link, agent_kind=AgentKind.model)


def say(store, claim, word, by="ada", **more):
    with store.write() as session:
        session.merge(
            Verdict(
                work_id=WORK, claim_id=claim, by=by, verdict=ReviewState(word), valid="2026", **more
            )
        )


def test_what_is_queued_is_kept_beside_the_links_with_its_evidence(work, encoder):
    counts = run(work, encoder)
    assert counts["proposals queued"] == len(queued(work)) == 2
    for row in queued(work):
        assert row.quote == ABSTRACT[row.start : row.end]
        assert row.quote_hash == hashlib.sha256(row.quote.encode()).hexdigest()
        assert row.agent == links(work)[0].agent and row.run_id is not None
    assert not {row.claim_id for row in queued(work)} & {link.claim_id for link in links(work)}


def test_a_second_run_leaves_the_queue_alone(work, encoder, monkeypatch):
    run(work, encoder)
    before = [row.model_dump() for row in queued(work)]
    assert run(work, encoder)["judged"] == 0
    monkeypatch.setattr(job, "_FORM", "another")  # judged again, with the same result
    assert run(work, encoder)["judged"] == 1
    assert [row.model_dump() for row in queued(work)] == before


def test_what_is_no_longer_proposed_is_superseded_and_never_deleted(work, encoder, monkeypatch):
    run(work, encoder)
    first, second = (row.claim_id for row in queued(work))
    monkeypatch.setattr(Wavering, "waiting", 2)
    monkeypatch.setattr(job, "_FORM", "another")
    counts = run(work, encoder)
    assert counts["queued proposals superseded"] == 1
    assert len(queued(work)) == 1
    with work.read() as session:
        every = session.exec(select(QueuedLink)).all()
    assert {row.claim_id for row in every} == {first, second} and len(every) == 2


def test_a_confirmed_one_becomes_a_link_with_the_sentence_that_was_read(work, encoder):
    run(work, encoder)
    row = queued(work)[0]
    sentence = "Code is available."
    assert row.quote != sentence
    say(
        work,
        row.claim_id,
        "confirmed",
        stance=Stance.qualifies,
        quote_hash=hashlib.sha256(sentence.encode()).hexdigest(),
    )
    run(work, encoder)
    assert row.claim_id not in {each.claim_id for each in queued(work)}
    [link] = [link for link in links(work) if link.claim_id == row.claim_id]
    assert (link.review, link.stance, link.reviewed_by) == ("confirmed", "qualifies", "ada")
    [span] = rows(work, EvidenceSpan, link_id=link.id)
    assert span.quote == sentence == ABSTRACT[span.start : span.end]


def test_a_confirmed_link_still_tells_a_second_reader_of_what_the_machine_had_proposed(
    work, encoder
):
    run(work, encoder)
    row = queued(work)[0]
    turned = next(stance for stance in Stance if stance != row.stance)
    say(
        work, row.claim_id, "confirmed",
        stance=turned, agent=row.agent, proposed=row.stance, score=row.score, published=False,
    )  # fmt: skip
    run(work, encoder)
    with KnowledgeBase(work) as debate:
        [told] = [each for each in debate.proposals() if each.claim.id == row.claim_id]
        [link] = [each for each in debate.work(WORK).links if each.claim.id == row.claim_id]
        assert debate.verdicts().precision.whole == 0  # the machine never showed it
    assert (told.stance, told.published, told.review) == (row.stance, False, "confirmed")
    assert link.stance == turned


def test_a_sentence_that_the_abstract_has_no_more_is_found_anew(work, encoder):
    run(work, encoder)
    claim = links(work)[0].claim_id
    [before] = rows(work, EvidenceSpan, link_id=links(work)[0].id)
    say(work, claim, "confirmed", quote_hash=hashlib.sha256(b"gone").hexdigest())
    run(work, encoder)
    [link] = [link for link in links(work) if link.claim_id == claim]
    [span] = rows(work, EvidenceSpan, link_id=link.id)
    assert (link.review, span.quote) == ("confirmed", before.quote)


def test_a_rejected_one_waits_for_a_second_reader_and_a_contested_one_is_no_link(work, encoder):
    run(work, encoder)
    claim = queued(work)[0].claim_id
    shown = {link.claim_id for link in links(work)}
    say(work, claim, "rejected")
    run(work, encoder)
    assert claim in {row.claim_id for row in queued(work)}
    say(work, claim, "confirmed", by="bob")
    run(work, encoder)
    assert claim in {row.claim_id for row in queued(work)}
    assert {link.claim_id for link in links(work)} == shown
    say(work, claim, "confirmed")
    run(work, encoder)
    assert claim in {link.claim_id for link in links(work)}


def test_no_page_query_count_or_cycle_knows_of_the_queue(work, encoder):
    run(work, encoder)
    waiting = {row.claim_id for row in queued(work)}
    with KnowledgeBase(work) as debate:
        assert not waiting & {link.claim.id for link in debate.work(WORK).links}
        for claim in debate.claims():
            here = [link for link in claim.links if link.work.id == WORK]
            assert bool(here) == (claim.id not in waiting and claim.id in
                                  {link.claim_id for link in links(work)})  # fmt: skip
        every = dict(debate.status().links_by_agent)
        assert every["model"] == len(links(work))
        asked = debate.proposals()
    assert {each.claim.id for each in asked if not each.published} == waiting
    cycles.close(work)
    with work.read() as session:
        kept = cycles.history(session)[-1]
    assert dict(kept.counts).get("link", 0) == len(rows(work, Link))


def test_a_work_that_is_merged_leaves_the_queue(work, encoder):
    run(work, encoder)
    with work.write() as session:
        session.add(Work(id="arxiv:2501.00002", kind=WorkKind.paper, title="Flat minima"))
        session.flush()
        grounds = merges.Grounds(AgentKind.rule, merges.RULE, "a test")
        merges.merge(session, WORK, "arxiv:2501.00002", grounds, now())
    assert queued(work) == []
    with work.read() as session:
        assert len(session.exec(select(QueuedLink)).all()) == 2
