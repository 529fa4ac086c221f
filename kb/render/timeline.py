"""The timeline: an overview by year as SVG, and the same entries as a list.

A date is drawn as precisely as it is known and no more: a day is a dot, a month, a year or
an interval is a bar of that length. Years are as wide as they are busy, so that ten quiet
years do not squeeze the two in which most happened.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from kb import dates
from kb.render.untrusted import untrusted
from kb.render.words import LANES
from kb.views import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kb.render.debate import Thing
    from kb.views import TimelineEntry

_ROW = 7
_LABEL = 20


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the list."""

    first: TimelineEntry
    strands: tuple[str, ...]
    """Every strand that has the entry; the store gives one entry a strand."""


@dataclass(frozen=True, slots=True)
class Year:
    """One year of the list."""

    title: str
    anchor: str
    entries: tuple[Told, ...]
    harvested: int
    """Works that no curated file names; the list of works holds them."""


def told(entry: TimelineEntry) -> bool:
    """Tell whether an entry is told on its own: it is no work, or a curated one."""
    return entry.lane != "works" or entry.work is None or bool(entry.work.key)


def merged(entries: Sequence[TimelineEntry]) -> list[Told]:
    """Return the entries with those that differ in their strand alone made one."""
    groups: dict[tuple[object, ...], list[TimelineEntry]] = {}
    for e in entries:
        key = (e.date, e.lane, e.title, e.detail, e.work, e.ref)
        groups.setdefault(key, []).append(e)
    return [
        Told(group[0], tuple(dict.fromkeys(e.strand for e in group if e.strand)))
        for group in groups.values()
    ]


def years(entries: Sequence[TimelineEntry]) -> list[Year]:
    """Return the entries by the year in which they begin, latest first, undated ones last."""
    by_year: dict[str, list[Told]] = {}
    for line in merged(entries):
        by_year.setdefault(year_of(line.first.date), []).append(line)
    found: list[Year] = []
    for title in sorted(by_year, reverse=True):
        shown = [line for line in by_year[title] if told(line.first)]
        shown.sort(key=lambda line: dates.sort_key(line.first.date), reverse=True)
        name = title or "undated"
        found.append(Year(name, f"y{name}", tuple(shown), len(by_year[title]) - len(shown)))
    return found


def year_of(date: str) -> str:
    """Return the year in which a date begins, or ends where only that is known; "" for none.

    Examples:
        >>> year_of("[2026-04-24,2026-04-25]"), year_of("2024/.."), year_of("")
        ('2026', '2024', '')
    """
    if not date:
        return ""
    low, high = dates.span(date)
    return f"{(high if low == dates.OPEN_START else low).year:04d}"


def draw(entries: Sequence[TimelineEntry], width: int, href: Callable[[Thing], Markup]) -> Markup:
    """Return the overview, `width` pixels wide, as an SVG element with one lane a kind.

    Args:
        entries: Undated ones and works that are not told on their own are left out.
        width: In CSS pixels.
        href: Gives the address of a thing's page, "" where it has none.
    """
    shown = [line.first for line in merged(entries) if line.first.date and told(line.first)]
    if not shown:
        return Markup("")
    scale = _Scale(shown, width)
    body: list[str] = []
    y = 22.0
    for lane, name in LANES.items():
        marks = [e for e in shown if e.lane == lane]
        if not marks:
            continue
        drawn, height = _lane(marks, scale, y + _LABEL, href)
        body.append(
            f'<g class="lane {lane}"><path class="rule" d="M0 {y:.0f}H{width}"/>'
            f'<text x="2" y="{y + 14:.0f}">{untrusted(name)} '
            f'<tspan class="n">{len(marks)}</tspan></text>{drawn}</g>'
        )
        y += height + _LABEL + 8
    words = f"{len(shown)} dated entries by year and kind; the list below holds the same"
    return Markup(  # noqa: S704 - numbers, lane names and filtered text
        f'<svg class="years" viewBox="0 0 {width} {y:.0f}" width="{width}" height="{y:.0f}" '
        f'role="group" aria-label="{untrusted(words)}">{scale.axis(y)}{"".join(body)}</svg>'
    )


class _Scale:
    """Day -> x. Each year is as wide as one plus the square root of its entries."""

    def __init__(self, entries: Sequence[TimelineEntry], width: int) -> None:
        counts = Counter(int(year_of(e.date)) for e in entries)
        ends = [high.year for _, high in (dates.span(e.date) for e in entries)]
        # One year more at most: a bar that ends later is cut at the edge.
        latest = min(max(counts) + 1, max([*counts, *(y for y in ends if y != dt.MAXYEAR)]))
        self.width = width
        self.years = range(min(counts), latest + 1)
        weights = [1 + math.sqrt(counts[year]) for year in self.years]
        unit = width / sum(weights)
        self.left = [unit * sum(weights[:i]) for i in range(len(weights) + 1)]

    def x(self, day: dt.date) -> float:
        if day.year < self.years.start:
            return 0.0
        if day.year >= self.years.stop:
            return float(self.width)
        index = day.year - self.years.start
        start, end = self.left[index], self.left[index + 1]
        days = 366 if day.year % 4 == 0 else 365
        return start + (end - start) * (day.timetuple().tm_yday - 1) / days

    def axis(self, height: float) -> str:
        parts = []
        last = -40.0
        for year, x in zip(self.years, self.left, strict=False):
            parts.append(f'<path class="tick" d="M{x:.1f} 18V{height:.0f}"/>')
            if x - last >= 34:  # a label needs its room
                parts.append(f'<text class="year" x="{x + 3:.1f}" y="12">{year}</text>')
                last = x
        return "".join(parts)


def _lane(
    entries: Sequence[TimelineEntry], scale: _Scale, top: float, href: Callable[[Thing], Markup]
) -> tuple[str, float]:
    rows: list[float] = []
    marks: list[str] = []
    placed = [(*_extent(entry, scale), entry) for entry in entries]
    placed.sort(key=lambda item: (item[0], item[1], item[2].title))
    for start, end, entry in placed:
        row = next((i for i, free in enumerate(rows) if free <= start), len(rows))
        rows[row : row + 1] = [end + 1.5]
        marks.append(_mark(entry, start, end, top + row * _ROW, href))
    return "".join(marks), len(rows) * _ROW


def _extent(entry: TimelineEntry, scale: _Scale) -> tuple[float, float]:
    low, high = dates.span(entry.date)
    start = scale.x(low)
    if low == high:
        return start, start + 5
    end = scale.width if high == dates.OPEN_END else scale.x(_next(high))
    return start, max(end, start + 5)


def _next(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=1)


def _mark(
    entry: TimelineEntry, start: float, end: float, y: float, href: Callable[[Thing], Markup]
) -> str:
    low, high = dates.span(entry.date)
    kind = dates.precision(entry.date)
    if low == high:
        shape = f'<circle cx="{start + 2.5:.1f}" cy="{y + 2.5:.1f}" r="2.5"/>'
    elif high == dates.OPEN_END:
        # No end is known: the bar runs to the edge and is open there.
        shape = f'<path class="open" d="M{end:.1f} {y:.1f}H{start:.1f}v5H{end:.1f}"/>'
    else:
        shape = f'<rect x="{start:.1f}" y="{y:.1f}" width="{end - start:.1f}" height="5" rx="1.5"/>'
    title = untrusted(f"{dates.words(entry.date)}: {shorten(entry.title, 140)}")
    thing = entry.work or entry.ref
    target = href(thing) if thing else Markup("")
    inner = f"<title>{title}</title>{shape}"
    if target:
        return f'<a href="{target}" class="{kind}" tabindex="-1">{inner}</a>'
    return f'<g class="{kind}">{inner}</g>'
