"""Everything the site shows, in one value, and where each thing's page lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from kb import ids
from kb.views import (
    ClaimRef,
    ClaimView,
    CycleView,
    DigestView,
    EventView,
    Ref,
    SourceView,
    StrandView,
    TensionView,
    TermView,
    TopicView,
    VoiceView,
    WorkRef,
    WorkView,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kb.measured import Measured
    from kb.review import Record
    from kb.views import Neighbor, ProposalView, StatusCounts, TimelineEntry

Thing: TypeAlias = (
    WorkRef
    | WorkView
    | ClaimRef
    | ClaimView
    | TensionView
    | VoiceView
    | StrandView
    | EventView
    | TopicView
    | TermView
    | DigestView
    | CycleView
    | Ref
)
"""Anything that has a page."""


@dataclass(frozen=True, slots=True)
class Debate:
    """The whole debate at one moment, in the order in which pages list it."""

    strands: tuple[StrandView, ...]
    topics: tuple[TopicView, ...]
    claims: tuple[ClaimView, ...]
    """Theses and findings."""
    tensions: tuple[TensionView, ...]
    voices: tuple[VoiceView, ...]
    events: tuple[EventView, ...]
    works: tuple[WorkView, ...]
    digests: tuple[DigestView, ...]
    cycles: tuple[CycleView, ...]
    """Oldest first. The last one's time is the site's only clock."""
    timeline: tuple[TimelineEntry, ...]
    status: StatusCounts
    terms: tuple[TermView, ...] = ()
    """Words that have several senses."""
    sources: tuple[SourceView, ...] = ()
    """The configured sources, in the order in which a run asks them."""
    looked: str = ""
    """When the ledger was last written, UTC, ISO 8601; the sources are told as of then."""
    similar: Mapping[str, tuple[Neighbor, ...]] = field(default_factory=dict)
    """Work id -> the works nearest to it, nearest first."""
    citations: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Work id -> how to cite it, as BibTeX and as CSL-JSON."""
    calendars: frozenset[str] = frozenset()
    """Ids of the events that have a calendar file beside their page."""
    feeds: Mapping[str, str] = field(default_factory=dict)
    """Path of a page without its ending -> path of the feeds about it, without theirs."""
    waiting: tuple[ProposalView, ...] = ()
    """What a machine proposes, that is not shown, and that nobody has judged."""
    verdicts: Record | None = None
    """What people's verdicts come to; None where that is not known."""
    measured: Measured | None = None
    """How well the linker does on labelled abstracts; None where nothing was measured."""
    issues: str = ""
    """Address of the page on which an issue is written, "" where there is none."""

    @property
    def as_of(self) -> str:
        """When the last cycle was taken, UTC, ISO 8601; "" before the first."""
        return self.cycles[-1].created if self.cycles else ""


_FOLDERS = {
    "tension": "tensions",
    "voice": "voices",
    "event": "events",
    "strand": "strands",
    "topic": "topics",
    "digest": "digests",
    "term": "terms",
}


def place(thing: Thing) -> str:
    """Return the path of a thing's page, relative to the site's root and without its ending.

    Examples:
        >>> place(Ref("tension", "T4", "Does it survive depth?"))
        'tensions/t4'
    """
    if isinstance(thing, WorkRef | WorkView):
        return f"works/{ids.slug(thing.id)}"
    if isinstance(thing, ClaimRef | ClaimView):
        return f"claims/{ids.slug(thing.id)}"
    if isinstance(thing, CycleView):
        return f"cycles/{thing.name}"
    if isinstance(thing, Ref):
        return f"{_FOLDERS[thing.kind]}/{ids.slug(thing.id)}"
    return f"{_FOLDERS[_KINDS[type(thing)]]}/{ids.slug(thing.id)}"


def place_changes(cycle: CycleView) -> str:
    """Return the path of the page that lists a cycle's events, "" where it has no page.

    Examples:
        >>> place_changes(CycleView(2, "", "", "", (), (), before="1"))
        'cycles/1-to-2'
    """
    return f"cycles/{cycle.before}-to-{cycle.name}" if cycle.before else ""


_KINDS: dict[type, str] = {
    TensionView: "tension",
    VoiceView: "voice",
    StrandView: "strand",
    EventView: "event",
    TopicView: "topic",
    TermView: "term",
    DigestView: "digest",
}
