"""Where opposed claims meet and where they do not: settings against claims, and pair by pair.

What is said here is worked out by `kb.dialectic` from the recorded scopes and senses; it judges
nothing, and never calls a disagreement genuine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import dialectic
from kb.render.words import FACETS, OPERATORS
from kb.vocabulary import Facet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kb.answers import Collision, Difference
    from kb.views import ClaimRef, ClaimView, TensionView

PAIRS: dict[str, tuple[str, str, str, str]] = {
    "genuine-candidate": (
        "×",
        "collide",
        "both are asserted, and nothing on record keeps them apart",
        "collide as far as is recorded",
    ),
    "open-question": (
        "?",
        "open",
        "a setting or a sense is not on record, or nobody asserts one of them",
        "cannot be told",
    ),
    "qualification": (
        "◇",
        "limits",
        "a theorem and an experiment: the one may limit the other, but does not deny it",
        "set a theorem against an experiment",
    ),
    "apparent-scope": (
        "∥",
        "setting",
        "they were made for different settings",
        "lie apart by their settings",
    ),
    "apparent-sense": (
        "≠",
        "sense",
        "they use one word in different senses",
        "use a word in different senses",
    ),
}
"""What the rule makes of a pair -> sign, short word, meaning, words after a count; in the order
in which a page lists them."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a claim says in one setting, and how that stands to the claims it is set against."""

    values: tuple[str, ...]
    """() where it says nothing."""
    apart: tuple[ClaimRef, ...]
    """Claims of other poles that it differs from here, so that they do not collide."""
    same: tuple[ClaimRef, ...]
    unknown: bool
    """Nothing recorded tells whether it meets the rest."""
    term: str = ""
    """The word whose sense this is, "" for a setting."""

    @property
    def verdict(self) -> str:
        """differs, same, unknown; "" where neither it nor the others say anything."""
        if self.apart:
            return "differs"
        return "same" if self.same else "unknown" if self.unknown else ""


@dataclass(frozen=True, slots=True)
class Row:
    """A claim with a cell for each column."""

    claim: ClaimView
    name: str
    """ "C02", or "Th 1" for a thesis."""
    pole: str
    """The title of its pole."""
    number: int
    """Of its pole, from 0."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Regimes:
    """The regime matrix of a tension, and every pair across its poles."""

    columns: tuple[str, ...]
    """Senses first, then settings, in words; those of which any claim says anything."""
    rows: tuple[Row, ...]
    """In the order of the poles."""
    across: tuple[tuple[str, tuple[Collision | None, ...]], ...]
    """(name of a claim, its pairs with the claims named in `heads`, None on one pole)."""
    heads: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    """(what the rule makes of a pair, how many), in the order of `PAIRS`."""

    @property
    def width(self) -> int:
        """Columns of the table, the one with the claims included."""
        return len(self.columns) + 1

    def name(self, claim: ClaimRef) -> str:
        """Return what the table calls a claim of it."""
        return next((row.name for row in self.rows if row.claim.id == claim.id), claim.id)


def regimes(tension: TensionView, claims: Mapping[str, ClaimView]) -> Regimes:
    """Return where a tension's claims differ, setting by setting and pair by pair.

    Args:
        tension: The tension.
        claims: Its claims by id; a claim that is not among them is left out.
    """
    placed: list[tuple[int, str, ClaimView]] = []
    for number, pole in enumerate(tension.poles):
        placed += [(number, pole.title, claims[c.id]) for c in pole.claims if c.id in claims]
    names = _names([claim for _, _, claim in placed])
    found: dict[tuple[str, str], list[tuple[ClaimRef, Difference]]] = {}
    for number, _, claim in placed:
        for other_number, _, other in placed:
            if number != other_number and claim.id != other.id:
                for d in dialectic.differences(claim, other):
                    found.setdefault((claim.id, _column(d.kind, d.name)), []).append((other.ref, d))
    columns = _columns([claim for _, _, claim in placed], {column for _, column in found})
    rows = tuple(
        Row(
            claim,
            names[claim.id],
            title,
            number,
            tuple(
                _cell(column, _values(claim, column), found.get((claim.id, column), []))
                for column in columns
            ),
        )
        for number, title, claim in placed
    )
    told = tuple(_headed(column) for column in columns)
    return Regimes(told, rows, *_across(tension, placed, names))


def _names(claims: Sequence[ClaimView]) -> dict[str, str]:
    names: dict[str, str] = {}
    for claim in claims:
        theses = sum(name.startswith("Th ") for name in names.values())
        if claim.id not in names:
            names[claim.id] = claim.id if claim.ref.level == "finding" else f"Th {theses + 1}"
    return names


def _column(kind: str, name: str) -> str:
    return f"sense:{name}" if kind == "sense" else str(name)


def _columns(claims: Sequence[ClaimView], found: set[str]) -> list[str]:
    """Return the columns: senses by name, then facets in the order of their vocabulary."""
    said = {f"sense:{term}" for claim in claims for term, _, _ in claim.senses}
    said |= {str(facet) for claim in claims for facet, _, _ in claim.scope} | found
    facets = [facet.value for facet in Facet if facet.value in said]
    return [*sorted(name for name in said if name.startswith("sense:")), *facets]


def _headed(column: str) -> str:
    kind, _, term = column.partition(":")
    return f"“{term}” means" if kind == "sense" else FACETS.get(column, column)


def _values(claim: ClaimView, column: str) -> tuple[str, ...]:
    kind, _, term = column.partition(":")
    if kind == "sense":
        return tuple(sense for name, sense, _ in claim.senses if name == term)
    return tuple(
        f"{OPERATORS[operator]}{value}" for facet, operator, value in claim.scope if facet == column
    )


def _cell(column: str, values: tuple[str, ...], met: list[tuple[ClaimRef, Difference]]) -> Cell:
    kind, _, term = column.partition(":")
    return Cell(
        values,
        tuple(dict.fromkeys(ref for ref, d in met if d.verdict == "apart")),
        tuple(dict.fromkeys(ref for ref, d in met if d.verdict == "same")),
        unknown=any(d.verdict == "unknown" for _, d in met),
        term=term if kind == "sense" else "",
    )


def _across(
    tension: TensionView, placed: list[tuple[int, str, ClaimView]], names: Mapping[str, str]
) -> tuple[
    tuple[tuple[str, tuple[Collision | None, ...]], ...],
    tuple[str, ...],
    tuple[tuple[str, int], ...],
]:
    """Return the table of pairs: all poles but the last against all but the first."""
    filled = sorted({number for number, _, _ in placed})
    above = [(n, claim) for n, _, claim in placed if n != filled[-1]] if filled else []
    beside = [(n, claim) for n, _, claim in placed if n != filled[0]] if filled else []
    word = f"on different poles of {tension.id}"
    table = []
    kinds: dict[str, int] = dict.fromkeys(PAIRS, 0)
    for number, one in above:
        pairs: list[Collision | None] = []
        for other_number, other in beside:
            if number >= other_number or one.id == other.id:
                pairs.append(None)
                continue
            pair = dialectic.collision(one, other, (word,))
            kinds[pair.kind] += 1
            pairs.append(pair)
        table.append((names[one.id], tuple(pairs)))
    heads = tuple(names[claim.id] for _, claim in beside)
    return tuple(table), heads, tuple((kind, n) for kind, n in kinds.items() if n)
