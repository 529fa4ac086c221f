"""What is exported: the whole debate, or the part that a strand, claim or date marks out."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import dates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.views import (
        ChangeView,
        ClaimView,
        CycleView,
        EventView,
        LinkView,
        StrandView,
        TensionView,
        TimelineEntry,
        VoiceView,
        WorkView,
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """The views that an export writes, each in the order in which the debate lists it."""

    strands: tuple[StrandView, ...] = ()
    claims: tuple[ClaimView, ...] = ()
    tensions: tuple[TensionView, ...] = ()
    works: tuple[WorkView, ...] = ()
    """Newest first."""
    voices: tuple[VoiceView, ...] = ()
    events: tuple[EventView, ...] = ()
    cycles: tuple[CycleView, ...] = ()
    """Oldest first. The last one's time is an export's only clock."""
    timeline: tuple[TimelineEntry, ...] = ()
    base: str = ""
    """Address of the published site, with a "/" at its end, or ""."""
    as_of: str = ""
    """When the last cycle was taken, UTC, ISO 8601; "" before the first."""

    def only(
        self, strand: str = "", claim: str = "", since: str = "", tension: str = ""
    ) -> Selection:
        """Return the part that belongs to a strand, claim or tension, from a date on.

        Args:
            strand: Its claims and tensions, the works linked to them, and who speaks on them.
            claim: One claim, and the same around it.
            since: Inclusive EDTF date for what has one: works, events, cycles, the timeline.
                What is undated cannot be vouched for and is left out; claims, tensions and
                voices have no date of their own and stay.
            tension: One tension, and the same around the claims on its poles.

        Raises:
            DateError: `since` is not an EDTF date.
        """
        dates.span(since)
        if not (strand or claim or since or tension):
            return self
        narrow = bool(strand or claim or tension)
        poles = {c.id for t in self.tensions if t.id == tension for p in t.poles for c in p.claims}
        wanted = {
            c.id
            for c in self.claims
            if strand in ("", c.ref.strand)
            and claim in ("", c.id)
            and (not tension or c.id in poles)
        }
        works = []
        for work in self.works:
            links = tuple(k for k in work.links if k.claim.id in wanted)
            if dates.overlaps(work.ref.date, since) and (not narrow or any(map(stands, links))):
                works.append(dataclasses.replace(work, links=links))
        kept = {w.id for w in works}
        tensions = tuple(
            t
            for t in self.tensions
            if strand in ("", t.strand)
            and tension in ("", t.id)
            and (not claim or any(ref.id in wanted for pole in t.poles for ref in pole.claims))
        )
        ours = wanted | kept | {t.id for t in tensions}
        return dataclasses.replace(
            self,
            strands=tuple(s for s in self.strands if not strand or s.id == strand),
            claims=tuple(
                dataclasses.replace(
                    c,
                    links=tuple(k for k in c.links if k.work.id in kept),
                    relations=tuple(r for r in c.relations if {r.source.id, r.target.id} <= wanted),
                    bears_on=tuple(r for r in c.bears_on if {r.source.id, r.target.id} <= wanted),
                )
                for c in self.claims
                if c.id in wanted
            ),
            tensions=tensions,
            works=tuple(works),
            voices=tuple(_voices(self.voices, wanted, narrow)),
            events=tuple(
                e
                for e in self.events
                if dates.overlaps(e.date, since)
                and (not narrow or any(t.work is not None and t.work.id in kept for t in e.talks))
            ),
            cycles=tuple(
                dataclasses.replace(
                    c, changes=tuple(x for x in c.changes if not narrow or _touches(x, ours))
                )
                for c in self.cycles
                if dates.overlaps(c.valid or c.created[:10], since)
            ),
            timeline=tuple(
                e
                for e in self.timeline
                if dates.overlaps(e.date, since)
                and strand in ("", e.strand)
                and (not (claim or tension) or (e.work is not None and e.work.id in kept))
                and (not (claim or tension) or e.claim in ("", *wanted))
            ),
        )

    def links(self) -> Iterator[LinkView]:
        """Yield every link of the works, by work, whatever a person made of it."""
        for work in self.works:
            yield from work.links


def stands(link: LinkView) -> bool:
    """Tell whether nobody rejected a link and no later one took its place."""
    return link.review in ("proposed", "confirmed")


def said_by(link: LinkView) -> str:
    """Return who stands behind a link, in plain words.

    A machine's proposal says so wherever it goes.
    """
    if link.review == "confirmed":
        return "confirmed"
    if link.agent_kind in ("curation", "human"):
        return "curated"
    score = "" if link.score is None else f", score {link.score:.2f}"
    return f"{link.review} by a machine{score}"


def _voices(voices: tuple[VoiceView, ...], wanted: set[str], narrow: bool) -> Iterator[VoiceView]:
    for voice in voices:
        holdings = tuple(h for h in voice.holdings if h.claim.id in wanted)
        if holdings or not narrow:
            yield dataclasses.replace(voice, holdings=holdings)


def _touches(change: ChangeView, ours: set[str]) -> bool:
    """A change names what it is about, a link by its ends: "work → claim (agent)"."""
    return not ours.isdisjoint(re.sub(r"[()]", " ", change.subject).split())
