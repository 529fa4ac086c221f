"""What the pages of works, events and talks look up in the debate beyond their own view."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from kb import dates, dialectic, ids
from kb.render import words

if TYPE_CHECKING:
    from kb.render.debate import Debate
    from kb.views import (
        EventView,
        LinkView,
        ManifestationView,
        Neighbor,
        RelationView,
        StatusView,
        TalkView,
        WorkView,
    )

MOST = 4
"""Works that answer a claim, named on a work's page; the rest stand on the claim's."""

_ALIKE = 30
"""Letters in which two titles must agree to be one; a list may cut a title short."""

_ANSWERS: dict[str, tuple[str, ...]] = {
    "supports": ("disputes", "qualifies"),
    "disputes": ("supports",),
    "qualifies": ("supports",),
}
"""Stance of a work on a claim -> stances of others on it that answer the work."""

_FALLEN = {
    "retracted": "Retracted",
    "withdrawn": "Withdrawn",
}
"""Acts that take a work back -> what its page says."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Who stands on the other side of a claim that a work speaks on."""

    links: tuple[LinkView, ...]
    more: int
    """Lineages beyond those named."""
    claims: tuple[RelationView, ...]
    """Findings that speak against the claim, where the work supports it."""
    proposed: int
    """Lineages on the other side that a machine alone proposes."""


@dataclass(frozen=True, slots=True)
class Leanings:
    """Where a work's links lead, at a glance."""

    strands: tuple[str, ...]
    stances: tuple[str, ...]
    links: int
    is_read: bool
    """Whether a person or our own hand stands behind one of them."""
    best: float
    """The highest score that a machine gives one of them; 0 without any."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a reader must know before all else: a work was taken back."""

    kind: str
    """retracted, withdrawn or removed."""
    text: str
    when: str
    """EDTF, "" where it is not known."""
    source: str
    """An address, or "" where none is recorded."""


@dataclass(frozen=True, slots=True)
class Session:
    """A part of a programme: talks of one day under one name."""

    name: str
    """The list of the event's pages that it was read from; "" in the curated files."""
    read: str
    """When the page was last seen to say so; "" in the curated files."""
    talks: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A talk at its place in the programme."""

    talk: TalkView
    page: str
    """The path of its page, "" where it has none."""
    anchor: str
    """Its id on the event's page."""
    hours: str
    """ "09:00 to 09:45", "" where none is known."""


@dataclass(frozen=True, slots=True)
class TalkPage:
    """A talk with the event it belongs to: what a page of its own shows."""

    path: str
    talk: TalkView
    event: EventView
    day: str
    """EDTF, "" where only the event's own date is known."""
    anchor: str

    @property
    def id(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def title(self) -> str:
        """Its title, or that of the work it presents."""
        return self.talk.title or (self.talk.work.title if self.talk.work else self.talk.kind)


class Dossier:
    """Look-ups over a debate that several pages share."""

    def __init__(self, debate: Debate) -> None:
        self._debate = debate
        self._claims = {claim.id: claim for claim in debate.claims}
        self._works = {work.id: work for work in debate.works}
        self._talks = {
            event.id: {page.anchor: page for page in talk_pages(event)} for event in debate.events
        }
        self._told_at: dict[str, list[TalkPage]] = defaultdict(list)
        for pages in self._talks.values():
            for page in pages.values():
                if page.talk.work is not None:
                    self._told_at[page.talk.work.id].append(page)

    # -- works -----------------------------------------------------------------------------

    def work(self, id: str) -> WorkView | None:
        """Return a work by id, None where the debate has none."""
        return self._works.get(id)

    def notices(self, work: WorkView) -> list[Notice]:
        """Return how a work was taken back, gravest first; nothing where it stands."""
        found = [
            Notice(
                kind,
                " ".join(part for part in (f"{said} by", act.venue or "its authors") if part),
                act.valid,
                act.source,
            )
            for kind, said in _FALLEN.items()
            for act in work.statuses
            if act.status == kind
        ]
        if work.withdrawn and not found:
            found.append(Notice("withdrawn", "Withdrawn by its authors or its venue", "", ""))
        gone = [m for m in work.manifestations if m.removed]
        if gone and all(m.removed for m in work.manifestations if not m.digest):
            last = max(m.removed for m in gone)
            found.append(Notice("removed", "No longer at its source", last[:10], gone[0].url))
        return found

    def versions(self, work: WorkView) -> list[ManifestationView]:
        """Return the forms of a work that we know at first hand, oldest first."""
        own = [m for m in work.manifestations if not m.digest]
        return sorted(own, key=lambda m: (dates.sort_key(m.valid), m.version, m.id))

    def listed(self, work: WorkView) -> list[ManifestationView]:
        """Return the forms of a work that only a digest lists."""
        rest = [m for m in work.manifestations if m.digest]
        return sorted(rest, key=lambda m: (m.digest, m.digest_n or 0, m.id))

    def leanings(self, work: WorkView) -> Leanings:
        """Return the strands and stances of a work's live links, for the lists of works."""
        live = [k for k in work.links if k.review in ("proposed", "confirmed")]
        order = {strand.id: n for n, strand in enumerate(self._debate.strands)}
        strands = sorted(
            {k.claim.strand for k in live}, key=lambda strand: (order.get(strand, 99), strand)
        )
        sides = {str(k.stance) for k in live}
        stances = tuple(stance for stance in words.STANCES if stance in sides)
        read = any(map(dialectic.is_read, live))
        best = max((k.score or 0.0 for k in live), default=0.0)
        return Leanings(tuple(strands), stances, len(live), is_read=read, best=best)

    def form_title(self, work: WorkView, form: ManifestationView) -> str:
        """Return what a form's line reads: its title where that is another, else its name."""
        same = _letters(form.title)[:_ALIKE] == _letters(work.title)[:_ALIKE]
        if form.title and not same:
            return form.title
        return form.id if not form.digest else form.publisher or form.title

    def ladder(self, work: WorkView) -> list[StatusView]:
        """Return where a work stood, in the order of time; awards come after their day's acts."""

        def when(act: StatusView) -> tuple[object, ...]:
            # By the last day: a venue's year-only decision comes after that year's preprint.
            return dates.span(act.valid)[1], act.status == "award", str(act.status), act.venue

        return sorted(work.statuses, key=when)

    def answers(self, work: WorkView, link: LinkView) -> Answers | None:
        """Return who stands on the other side of what a work says, None where it takes no side."""
        claim = self._claims.get(link.claim.id)
        wanted = _ANSWERS.get(link.stance)
        if claim is None or wanted is None:
            return None
        others = [
            k
            for k in claim.links
            if k.stance in wanted and dialectic.bears(k) and k.work.lineage != work.ref.lineage
        ]
        first: dict[str, LinkView] = {}
        for k in sorted(others, key=_newest):
            if dialectic.is_read(k):
                first.setdefault(k.work.lineage, k)
        machine = {k.work.lineage for k in others if not dialectic.is_read(k)} - first.keys()
        relations: list[RelationView] = []
        if link.stance == "supports":
            relations = [
                r
                for r in (*claim.relations, *claim.bears_on)
                if r.review != "rejected"
                and r.target.id == claim.id
                and (r.kind in dialectic.AGAINST or r.kind == "qualifies")
            ]
        named = tuple(first.values())
        return Answers(named[:MOST], len(named[MOST:]), tuple(relations), len(machine))

    def similar(self, work: WorkView) -> tuple[Neighbor, ...]:
        """Return the works nearest to a work, () where it has no vector."""
        return self._debate.similar.get(work.id, ())

    def citation(self, work: WorkView) -> tuple[str, str] | None:
        """Return a work as BibTeX and as CSL-JSON."""
        return self._debate.citations.get(work.id)

    def talks_of(self, work: WorkView) -> list[TalkPage]:
        """Return the talks that present a work."""
        return self._told_at.get(work.id, [])

    # -- events ----------------------------------------------------------------------------

    def programme(self, event: EventView) -> list[tuple[str, list[Session]]]:
        """Return an event's slots by day, and within a day by session; "" is an unknown day."""
        slots = [(t, n) for n, t in enumerate(event.talks, 1) if not t.listed]
        days: dict[str, list[Session]] = {}
        for (day, name, read), some in groupby(slots, key=lambda slot: _part(event, slot[0])):
            talks = tuple(self._slot(event, talk, number) for talk, number in some)
            days.setdefault(day, []).append(Session(name, read, talks))
        return sorted(days.items(), key=lambda item: (not item[0], dates.sort_key(item[0])))

    def lists(self, event: EventView) -> list[Session]:
        """Return the lists of papers that were read from an event's pages."""
        papers = [(t, n) for n, t in enumerate(event.talks, 1) if t.listed]
        return [
            Session(name, read, tuple(self._slot(event, talk, number) for talk, number in some))
            for (_, name, read), some in groupby(papers, key=lambda slot: _part(event, slot[0]))
        ]

    def _slot(self, event: EventView, talk: TalkView, number: int) -> Slot:
        anchor = f"t{number}"
        page = self._talks.get(event.id, {}).get(anchor)
        return Slot(talk, page.path if page else "", anchor, hours(talk))

    def standing(self, event: EventView) -> str:
        """Return whether an event is over, on or to come, as of the last cycle; "" if unknown."""
        today = self._debate.as_of[:10]
        if not event.date or not today:
            return ""
        low, high = (day.isoformat() for day in dates.span(event.date))
        if high < today:
            return "ended"
        return "to come" if low > today else "now, or on a day not yet known"

    def calendar(self, event: EventView) -> str:
        """Return the path of an event's calendar file, "" where its days are not known."""
        return calendar_path(event) if event.id in self._debate.calendars else ""


def calendar_path(event: EventView) -> str:
    """Return where an event's calendar lies in the site.

    Examples:
        >>> from types import SimpleNamespace
        >>> calendar_path(SimpleNamespace(id="bread-day-2030"))
        'events/bread-day-2030.ics'
    """
    return f"events/{ids.slug(event.id)}.ics"


def talk_pages(event: EventView) -> list[TalkPage]:
    """Return the talks of an event that have a page: those with an abstract or a work.

    Named by the event and the title, so that a talk that moves in the programme keeps its page.
    """
    pages: list[TalkPage] = []
    used: set[str] = set()
    for number, talk in enumerate(event.talks, 1):
        if talk.work is None and not talk.abstract:
            continue
        title = talk.title or (talk.work.title if talk.work else "")
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-")
        base = base or ids.slug(title or str(talk.kind))
        name, again = base, 2
        while name in used:
            name, again = f"{base}-{again}", again + 1
        used.add(name)
        day, _, _ = _part(event, talk)
        path = f"talks/{ids.slug(event.id)}-{name}"
        pages.append(TalkPage(path, talk, event, day, f"t{number}"))
    return pages


def hours(talk: TalkView) -> str:
    """Return a talk's hours as the programme prints them, "" where none are known.

    Examples:
        >>> from types import SimpleNamespace as Some
        >>> hours(Some(start="2026-04-27T09:00-03:00", end="09:45"))
        '09:00–09:45'
    """
    found = [m[0] for text in (talk.start, talk.end) if (m := re.search(r"\d\d:\d\d", text))]
    return "–".join(found)


def _part(event: EventView, talk: TalkView) -> tuple[str, str, str]:
    """Return the day of a talk, its session, and when that was read."""
    own = talk.start[:10] if re.match(r"\d{4}-\d\d-\d\d", talk.start) else ""
    day = own or talk.day
    if not day and dates.precision(event.date) == "day":
        day = event.date
    return day, talk.session, talk.read


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _newest(link: LinkView) -> tuple[object, ...]:
    low = dates.span(link.work.date)[0].toordinal() if link.work.date else 0
    return -low, link.work.id
