"""What works are linked to: a thesis with the sentences that works on either side might say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from kb.models import Claim, ClaimTerm, Statement
from kb.vocabulary import ClaimLevel, Stance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from kb.schema import ThesesFile


@dataclass(frozen=True, slots=True)
class Thesis:
    """A broad claim, and our own words for what a work does to it."""

    id: str
    text: str
    for_: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    qualifies: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The thesis, then the statements for, against and in between."""
        return (self.text, *self.for_, *self.against, *self.qualifies)


def from_file(file: ThesesFile) -> list[Thesis]:
    """Return the theses of the curated file, in its order."""
    return [
        Thesis(
            id=entry.id,
            text=entry.text,
            for_=tuple(entry.for_),
            against=tuple(entry.against),
            qualifies=tuple(entry.qualifies),
            terms=tuple(entry.terms),
        )
        for entry in file.theses
    ]


def from_store(session: Session) -> list[Thesis]:
    """Return the theses of the store that are not retired, by id."""
    statements: dict[tuple[str, Stance], list[str]] = {}
    for row in session.exec(
        select(Statement).order_by(Statement.claim_id, col(Statement.position))
    ):
        statements.setdefault((row.claim_id, row.stance), []).append(row.text)
    terms: dict[str, list[str]] = {}
    for term in session.exec(
        select(ClaimTerm).order_by(ClaimTerm.claim_id, col(ClaimTerm.position))
    ):
        terms.setdefault(term.claim_id, []).append(term.term)
    claims = select(Claim).where(Claim.level == ClaimLevel.thesis, col(Claim.retired).is_(False))
    return [
        Thesis(
            id=claim.id,
            text=claim.text,
            for_=tuple(statements.get((claim.id, Stance.supports), ())),
            against=tuple(statements.get((claim.id, Stance.disputes), ())),
            qualifies=tuple(statements.get((claim.id, Stance.qualifies), ())),
            terms=tuple(terms.get(claim.id, ())),
        )
        for claim in session.exec(claims.order_by(Claim.id))
    ]


def digest(theses: Sequence[Thesis]) -> str:
    """Return SHA-256 over everything a judge sees of the theses, in any order, in hex."""
    told = json.dumps(sorted(astuple(thesis) for thesis in theses), ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()
