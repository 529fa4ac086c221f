"""What a machine proposes and what people made of it, read from the store for review."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from kb import dialectic
from kb.review import Opinion, Reading, fingerprint
from kb.views import ProposalView, VerdictView
from kb.vocabulary import ReviewState, Stance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlmodel import Session

    from kb.assembly import Assembly
    from kb.views import ClaimView, EvidenceView, LinkView

_MODEL = "model"


def read(session: Session, debate: Assembly) -> Iterator[ProposalView]:
    """Yield what machines propose: the links that are shown, and what is queued below them."""
    verdicts: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in debate.verdicts(session):
        verdicts[row.work_id, row.claim_id].append(row)
    shown = _shown(debate)
    queued = debate.queued(session)
    works = debate.work_refs | debate.refs(session, sorted({row.work_id for row in queued}))
    forms = [e.manifestation for _, e in shown] + [row.manifestation_id for row in queued]
    abstracts = debate.abstracts(session, forms)
    used = {k.claim.id for k, _ in shown} | {row.claim_id for row in queued}
    claims = {each.id: each for each in debate.claim_views(sorted(used))}
    sides = {id: _sides(claim) for id, claim in claims.items()}

    def view(work_id: str, claim_id: str, form: str, **told: Any) -> ProposalView:
        claim, work = claims[claim_id], works[work_id]
        return ProposalView(
            work=work,
            claim=claim.ref,
            abstract=abstracts[form],
            verdicts=tuple(
                _verdict(row, abstracts[form]) for row in verdicts.get((work_id, claim_id), ())
            ),
            balance=claim.balance,
            counted=work.lineage in sides[claim_id].get(told["stance"], ()),
            tensions=claim.tensions,
            **told,
        )

    for link, span in shown:
        # A confirmed link says what people say: what the machine had said, their verdicts keep.
        told = verdicts.get((link.work.id, link.claim.id), ()) if link.review == "confirmed" else ()
        kept = next((row for row in told if row.agent), None)
        yield view(
            link.work.id, link.claim.id, span.manifestation,
            stance=kept.proposed if kept else link.stance, how=link.how, score=link.score or 0.0,
            stance_score=link.stance_score or 0.0, agent=kept.agent if kept else link.agent,
            published=kept.published if kept else True,
            quote=span.quote, start=span.start, end=span.end, review=link.review,
        )  # fmt: skip
    for row in queued:
        yield view(
            row.work_id, row.claim_id, row.manifestation_id,
            stance=row.stance, how=row.how or "", score=row.score,
            stance_score=row.stance_score, agent=row.agent, published=False,
            quote=row.quote, start=row.start, end=row.end, review=ReviewState.proposed.value,
        )  # fmt: skip


def _verdict(row: Any, abstract: str) -> VerdictView:
    return VerdictView(
        by=row.by,
        verdict=row.verdict,
        stance=row.stance or "",
        valid=row.valid,
        note=row.note,
        changed=row.abstract_hash not in ("", fingerprint(abstract)),
    )


def readings(session: Session, debate: Assembly) -> list[Reading]:
    """Return the latest verdict of every reader on every link, by link and reader."""
    shown = {(k.work.id, k.claim.id): k.stance for k, _ in _shown(debate)}
    return [
        Reading(
            work=row.work_id,
            claim=row.claim_id,
            opinion=Opinion(row.by, row.verdict, row.stance),
            blind=row.blind,
            proposed=row.proposed or _stance(shown.get((row.work_id, row.claim_id))),
            # One that was written by hand judges what the pages show.
            published=row.published if row.agent else (row.work_id, row.claim_id) in shown,
        )
        for row in debate.verdicts(session)
    ]


def _shown(debate: Assembly) -> list[tuple[LinkView, EvidenceView]]:
    """The machines' links with the sentence that shows each."""
    return [
        (link, link.evidence[0])
        for links in debate.links_of.values()
        for link in links
        if link.agent_kind == _MODEL and link.evidence
    ]


def _stance(word: str | None) -> Stance | None:
    return Stance(word) if word else None


def _sides(claim: ClaimView) -> dict[str, set[str]]:
    """Stance -> the lineages that the claim's balance counts for it."""
    sides: dict[str, set[str]] = defaultdict(set)
    for link in claim.links:
        if dialectic.bears(link) and dialectic.is_read(link):
            sides[link.stance].add(link.work.lineage)
    return sides
