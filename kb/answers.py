"""What the dialectic answers with: views that weigh, compare and connect claims. Pure.

They are computed when asked for and stand nowhere in the store. None of them is a judgement:
a genuine tension is set by a person, and a search for counter-claims is a search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.views import View, shorten

if TYPE_CHECKING:
    from kb.views import Balance, ClaimRef, HoldingView, Ref, WorkRef


@dataclass(frozen=True, slots=True, repr=False)
class Side(View):
    """One lineage on one side of a claim, and what kind of argument it brings."""

    stance: str
    """supports, disputes or qualifies."""
    work: WorkRef
    """The earliest work of the lineage on this side."""
    works: int
    """How many of its works take this side; they count once."""
    arguments: tuple[str, ...]
    """Proof levels of the findings that it carries here; "unstated" where none is recorded."""

    def headline(self) -> str:
        """Who takes which side by what."""
        return f"{self.stance} by {', '.join(self.arguments)}: {self.work.headline()}"


@dataclass(frozen=True, slots=True, repr=False)
class BalanceSheet(View):
    """The lineages behind a balance and the kinds of argument they bring."""

    claim: ClaimRef
    balance: Balance
    sides: tuple[Side, ...]
    by_argument: tuple[tuple[str, str, int], ...]
    """(stance, proof level, lineages); a lineage that argues in two ways is in two rows."""

    def headline(self) -> str:
        """Claim and balance."""
        return f"{self.claim.id}: {self.balance.headline()}"


@dataclass(frozen=True, slots=True, repr=False)
class Contested(View):
    """How contested a claim is, by its parts: there is no weighted sum."""

    claim: ClaimRef
    balance: Balance
    split: int
    """The smaller of the lineages for and against."""
    divided: int
    """The smaller of the voices that hold it and that reject it."""
    challenged: int
    """Findings that dispute it, undercut it or are incompatible with it."""
    qualified: int
    """Lineages that qualify it."""
    tensions: tuple[Ref, ...]
    """Those that put it on a pole."""

    def headline(self) -> str:
        """Claim and the parts."""
        return (
            f"{self.claim.id}: {self.balance.headline()}; {self.divided} voices each way, "
            f"{self.challenged} findings against, {len(self.tensions)} tensions"
        )


@dataclass(frozen=True, slots=True, repr=False)
class Difference(View):
    """Where two claims meet or part in one facet of scope or one sense of a term."""

    kind: str
    """sense or facet."""
    name: str
    """The term, or the facet."""
    one: str
    """What the first claim says; "" where it says nothing."""
    other: str
    verdict: str
    """apart: keeps them from colliding; same; unknown: nothing recorded tells."""
    because: str

    def headline(self) -> str:
        """The name and the verdict."""
        return f"{self.kind} {self.name}: {self.verdict} ({self.because})"


@dataclass(frozen=True, slots=True, repr=False)
class Collision(View):
    """What a fixed rule makes of two claims; a person alone may call a collision genuine."""

    one: ClaimRef
    other: ClaimRef
    kind: str
    """unopposed, apparent-sense, apparent-scope, qualification, open-question or
    genuine-candidate."""
    because: str
    opposed: tuple[str, ...]
    """What sets them against each other."""
    differences: tuple[Difference, ...]

    def headline(self) -> str:
        """The pair, the kind and the reason."""
        return f"{self.one.id} and {self.other.id}: {self.kind}, {self.because}"


@dataclass(frozen=True, slots=True, repr=False)
class Settlement(View):
    """What would settle a tension, and what stands in the way."""

    tension: Ref
    kind: str
    review: str
    settles: str
    """In our words: the experiment, proof or agreement that would."""
    unheld: tuple[str, ...]
    """Poles that no claim holds."""
    open: tuple[Collision, ...]
    """Pairs across poles of which an unknown facet or sense must be known first."""
    candidates: tuple[Collision, ...]
    """Pairs across poles that collide as far as is recorded; a person must judge."""
    apart: tuple[Collision, ...]
    """Pairs that do not collide: other senses, other scopes, or theory against experiment."""

    def headline(self) -> str:
        """The tension and what would settle it."""
        return f"{self.tension.id} [{self.kind}]: {shorten(self.settles, 120)}"


@dataclass(frozen=True, slots=True, repr=False)
class Move(View):
    """One change of position."""

    change: str
    """took up, gave up, or turned, in the world; learnt, corrected or dropped, in the store."""
    when: str
    """EDTF for a change in the world, UTC for one in the store."""
    holding: HoldingView

    def headline(self) -> str:
        """What changed and when."""
        held = self.holding
        return f"{self.when} {self.change}: {held.attitude} {held.claim.id}"


@dataclass(frozen=True, slots=True, repr=False)
class Moved(View):
    """A voice whose positions changed."""

    voice: Ref
    moves: tuple[Move, ...]
    """Oldest first, those in the world before those in the store."""

    def headline(self) -> str:
        """The voice and its moves."""
        told = "; ".join(move.headline() for move in self.moves[:3])
        more = f"; {len(self.moves) - 3} more" if len(self.moves) > 3 else ""
        return f"{self.voice.id} {self.voice.title}: {told}{more}"


@dataclass(frozen=True, slots=True, repr=False)
class Lineage(View):
    """Works that count as one: resubmissions, retitles and extended versions."""

    id: str
    """Of the work that stands for all."""
    works: tuple[WorkRef, ...]
    """Oldest first, undated last."""
    ties: tuple[tuple[WorkRef, str, WorkRef], ...]
    """(this work, resubmissionOf and so on, that work)."""
    stances: tuple[tuple[str, str], ...]
    """(claim id, stance) that a work of it takes and a reader recorded, each once."""

    def headline(self) -> str:
        """Id and size."""
        return f"{self.id}: {len(self.works)} works, {len(self.stances)} stances, counted once"


@dataclass(frozen=True, slots=True, repr=False)
class Answer(View):
    """What another lineage does to a finding of a work."""

    finding: ClaimRef
    does: str
    """A stance, or what its own finding does to this one."""
    work: WorkRef | None
    """None where no recorded work carries the finding it comes through."""
    through: ClaimRef | None
    """The finding by which it answers; None for a stance of its own on the finding."""
    review: str
    note: str

    def headline(self) -> str:
        """Who does what to the finding."""
        who = self.work.headline() if self.work else "no recorded work"
        by = f" through {self.through.id}" if self.through else ""
        return f"{who} {self.does} {self.finding.id}{by}"


@dataclass(frozen=True, slots=True, repr=False)
class CounterClaim(View):
    """A claim or work that may speak against a sentence: found by a search, judged by nobody."""

    kind: str
    """claim or work."""
    id: str
    title: str
    does: str
    """What it does to `about`: disputes, undercuts, qualifies, or supports."""
    about: ClaimRef
    """The claim that the sentence is taken to state or to deny."""
    reading: str
    """states or denies: how the sentence was read, by its nearest sentence of ours."""
    nearest: str
    """That sentence."""
    score: float
    """Of the reading, comparable within one search only."""
    matched: tuple[str, ...]
    """words, meaning, or both."""
    review: str
    """proposed by curation or machine, or confirmed by a person."""
    agent_kind: str

    def headline(self) -> str:
        """What may speak against it, and how."""
        return f"{self.kind} {self.id} {self.does} {self.about.id}: {shorten(self.title)}"


@dataclass(frozen=True, slots=True, repr=False)
class Step(View):
    """One edge of a path, in words."""

    source: str
    """Name of a node, "claim:C02"."""
    words: str
    target: str
    backward: bool
    """Whether the path goes against the edge."""
    sentence: str
    """The edge as it was recorded, with names: claims and tensions by id, the rest by title."""

    def headline(self) -> str:
        """The sentence."""
        return self.sentence


@dataclass(frozen=True, slots=True, repr=False)
class Path(View):
    """The shortest way between two things, told edge by edge."""

    start: str
    end: str
    steps: tuple[Step, ...]
    found: bool

    def headline(self) -> str:
        """The sentences in their order."""
        if not self.found:
            return f"nothing recorded connects {self.start} and {self.end}"
        return "; ".join(step.headline() for step in self.steps) or f"{self.start} is {self.end}"
