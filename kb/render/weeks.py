"""Weekly digests: what entered the knowledge base in a week, and what moved which tension.

A week is one of the recorded clock, an ISO week from Monday to Sunday in UTC: it has a page when
a cycle was taken in it or something came in. What happened in the world on days of that week
is told apart, and only where the day is known. All of it is counted from recorded times and
dates, so that the same store tells the same weeks.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import dates, dialectic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.render.debate import Debate
    from kb.views import (
        ChangeView,
        CycleView,
        EventView,
        LinkView,
        TensionView,
        TimelineEntry,
        WorkView,
    )

NEAREST = 12
"""Machine proposals of a week that are named; the rest are a count."""

_QUIET = ("proposal-", "harvest-")
"""Kinds of change that come by the hundred and move nothing."""

_AHEAD = 35
"""Days after a week's end in which an event counts as coming."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A tension and the events between cycles that moved it."""

    tension: TensionView
    changes: tuple[tuple[CycleView, ChangeView], ...]


@dataclass(frozen=True, slots=True)
class Week:
    """What one ISO week brought."""

    id: str
    """ "2030-w22"."""
    first: str
    """Its Monday, ISO."""
    last: str
    """Its Sunday, ISO."""
    cycles: tuple[CycleView, ...]
    """Taken in it, oldest first."""
    moved: tuple[Moved, ...]
    """In the order of tensions."""
    further: int
    """Events between cycles that touch no tension, without the harvest and proposals."""
    statuses: tuple[TimelineEntry, ...]
    """Acts on works that we learnt of, latest act first."""
    curated: tuple[WorkView, ...]
    """Works that came in by our own hand, latest first."""
    harvested: tuple[WorkView, ...]
    """Works that came in from a source, latest first."""
    by_strand: tuple[tuple[str, int], ...]
    """(strand, harvested works that a machine places there), in the order of strands."""
    nearest: tuple[LinkView, ...]
    """Of the harvested works, the proposals with the highest scores; a work once."""
    coverage: tuple[TimelineEntry, ...]
    positions: tuple[TimelineEntry, ...]
    happened: tuple[TimelineEntry, ...]
    """What happened in the world on a known day of the week, oldest first."""
    coming: tuple[EventView, ...]
    """Events that begin in the weeks after."""

    @property
    def title(self) -> str:
        """Its number and year.

        Examples:
            >>> blank = [()] * 2 + [0] + [()] * 9
            >>> Week("2030-w02", "2030-01-07", "2030-01-13", *blank).title
            'Week 2 of 2030'
        """
        return f"Week {int(self.id[6:])} of {self.id[:4]}"

    @property
    def figures(self) -> list[tuple[int, str]]:
        """What it brought, counted, each with its words."""
        counted = (
            (len(self.moved), "tension moved", "tensions moved"),
            (len(self.statuses), "status change", "status changes"),
            (len(self.curated), "work by hand", "works by hand"),
            (len(self.harvested), "work harvested", "works harvested"),
            (len(self.coverage), "piece of coverage", "pieces of coverage"),
        )
        return [(n, one if n == 1 else many) for n, one, many in counted]

    @property
    def speakers(self) -> list[tuple[str, str]]:
        """(id, name) of the voices whose positions were recorded, by name."""
        voices = {e.ref.id: e.ref.title for e in self.positions if e.ref is not None}
        return sorted(voices.items(), key=lambda pair: (pair[1], pair[0]))


def weeks(debate: Debate) -> list[Week]:
    """Return the weeks in which anything came in or a cycle was taken, newest first."""
    learnt: dict[str, list[TimelineEntry]] = defaultdict(list)
    for entry in _once(debate.timeline):
        if entry.recorded:
            learnt[week_of(entry.recorded)].append(entry)
    taken: dict[str, list[CycleView]] = defaultdict(list)
    for cycle in debate.cycles:
        if not cycle.reconstructed:
            taken[week_of(cycle.created)].append(cycle)
    happened: dict[str, list[TimelineEntry]] = defaultdict(list)
    for entry in _once(debate.timeline):
        if dates.precision(entry.date) == "day":
            happened[week_of(dates.span(entry.date)[0].isoformat())].append(entry)
    names = sorted(learnt.keys() | taken.keys(), reverse=True)
    works = {work.id: work for work in debate.works}
    return [_week(debate, works, n, learnt[n], taken[n], happened[n]) for n in names]


def week_of(moment: str) -> str:
    """Return the ISO week of a UTC time or a day.

    Examples:
        >>> week_of("2030-12-30"), week_of("2031-03-02T10:00:00+00:00")
        ('2031-w01', '2031-w09')
    """
    year, week, _ = dt.date.fromisoformat(moment[:10]).isocalendar()
    return f"{year}-w{week:02}"


def _week(
    debate: Debate,
    works: dict[str, WorkView],
    name: str,
    learnt: list[TimelineEntry],
    cycles: list[CycleView],
    happened: list[TimelineEntry],
) -> Week:
    first = dt.date.fromisocalendar(int(name[:4]), int(name[6:]), 1)
    last = first + dt.timedelta(days=6)
    ids = {entry.work.id for entry in learnt if entry.lane == "works" and entry.work is not None}
    new = [work for work in debate.works if work.id in ids]
    harvested = [work for work in new if not work.ref.key]
    moved, further = _moved(debate, cycles)

    def lane(name: str) -> tuple[TimelineEntry, ...]:
        some = [entry for entry in learnt if entry.lane == name]
        return tuple(sorted(some, key=_latest_first))

    coming = [
        event
        for event in debate.events
        if event.date
        and last < dates.span(event.date)[0] <= last + dt.timedelta(days=_AHEAD)
        and dates.precision(event.date) in ("day", "interval")
    ]
    return Week(
        id=name,
        first=first.isoformat(),
        last=last.isoformat(),
        cycles=tuple(cycles),
        moved=moved,
        further=further,
        statuses=lane("status"),
        curated=tuple(work for work in new if work.ref.key),
        harvested=tuple(harvested),
        by_strand=_strands(debate, harvested),
        nearest=_nearest(harvested),
        coverage=lane("coverage"),
        positions=lane("voices"),
        happened=tuple(
            entry
            for entry in sorted(happened, key=lambda e: (e.date, e.lane, e.title, e.detail))
            # A harvested work stands among what entered; a position is told with its voice.
            if entry.lane in ("status", "events")
            or (entry.lane == "works" and entry.work is not None and entry.work.id in works)
        ),
        coming=tuple(sorted(coming, key=lambda e: (dates.sort_key(e.date), e.id))),
    )


def _moved(debate: Debate, cycles: list[CycleView]) -> tuple[tuple[Moved, ...], int]:
    """Return what moved each tension, and how many events touched none of them."""
    tensions_of: dict[str, set[str]] = defaultdict(set)
    for tension in debate.tensions:
        for pole in tension.poles:
            for ref in pole.claims:
                tensions_of[ref.id].add(tension.id)
    found: dict[str, list[tuple[CycleView, ChangeView]]] = defaultdict(list)
    further = 0
    for cycle in cycles:
        for change in cycle.changes:
            if change.kind.startswith(_QUIET):
                continue
            touched = _tensions(change, tensions_of, {t.id for t in debate.tensions})
            further += not touched
            for id in touched:
                found[id].append((cycle, change))
    moved = [Moved(t, tuple(found[t.id])) for t in debate.tensions if found[t.id]]
    return tuple(moved), further


def _tensions(change: ChangeView, tensions_of: dict[str, set[str]], known: set[str]) -> list[str]:
    """The tensions that an event is about: its own, or those with its claim on a pole."""
    if change.kind.startswith("tension-"):
        return [change.subject] if change.subject in known else []
    if not change.kind.startswith(("balance-", "claim-", "link-", "holding-", "relation-")):
        return []
    words = change.subject.replace("(", " ").replace(")", " ").split()
    return sorted({id for word in words for id in tensions_of.get(word, ())})


def _strands(debate: Debate, works: list[WorkView]) -> tuple[tuple[str, int], ...]:
    counts = Counter(
        strand
        for work in works
        for strand in {k.claim.strand for k in work.links if k.review in ("proposed", "confirmed")}
    )
    return tuple((strand.id, counts[strand.id]) for strand in debate.strands if counts[strand.id])


def _nearest(works: list[WorkView]) -> tuple[LinkView, ...]:
    best = []
    for work in works:
        machine = [
            k
            for k in work.links
            if k.review == "proposed" and not dialectic.is_read(k) and k.score is not None
        ]
        if machine:
            best.append(min(machine, key=_by_score))
    return tuple(sorted(best, key=_by_score)[:NEAREST])


def _by_score(link: LinkView) -> tuple[object, ...]:
    return -(link.score or 0.0), link.work.id, link.claim.id


def _once(entries: Iterable[TimelineEntry]) -> list[TimelineEntry]:
    """Entries without repeats: the timeline lists a work once for each of its strands."""
    unique: dict[tuple[str, ...], TimelineEntry] = {}
    for entry in entries:
        about = entry.work.id if entry.work else entry.ref.id if entry.ref else ""
        unique.setdefault((entry.date, entry.lane, entry.title, entry.detail, about), entry)
    return list(unique.values())


def _latest_first(entry: TimelineEntry) -> tuple[object, ...]:
    low = dates.span(entry.date)[0].toordinal() if entry.date else 0
    return -low, entry.lane, entry.title, entry.detail
