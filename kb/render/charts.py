"""Charts of the debate: how evidence came in, and who stood where. SVG beside a table.

A lineage is counted once it was certainly out: one whose date is known to the year alone counts
at that year's end, and a thin line reaches back to the day from which it may have been out.
Colors come from classes, and each side has its own place, mark and line besides.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from markupsafe import Markup

from kb import dates, dialectic
from kb.render.axis import Axis
from kb.render.tex import tex_plain
from kb.render.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kb.render.debate import Thing
    from kb.views import HoldingView, LinkView, WorkRef

    Href: TypeAlias = Callable[[Thing], Markup]

SIDES = ("supports", "disputes", "qualifies", "proposed")
"""The bands of a chart: three that are counted, and what a machine alone proposes."""

_NAMES = {
    "supports": "for",
    "disputes": "against",
    "qualifies": "qualifying",
    "proposed": "proposed by a machine",
}
_MARKS = {
    "supports": "M-4.5 3.5L0-4.5 4.5 3.5z",
    "disputes": "M-4.5-3.5L0 4.5 4.5-3.5z",
    "qualifies": "M0-4.8L4.8 0 0 4.8-4.8 0z",
}
_STEP = 10.0
"""Pixels that one lineage is high, where there is room."""
_TALL = 78.0
"""Pixels of the highest band."""
_LOW = 22.0
"""Pixels of the band of proposals, which has a scale of its own."""
_MARKED = 24
"""Lineages of a band up to which each has its mark."""
_LABEL = 20.0
"""Pixels above a band, for its name."""


@dataclass(frozen=True, slots=True)
class Step:
    """A lineage that comes in on one side."""

    work: WorkRef
    """The earliest of its works on this side."""
    first: dt.date
    """The day from which it may have been out."""
    last: dt.date
    """The day on which it certainly was: it counts from here."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The lineages of one side in the order in which they count."""

    steps: tuple[Step, ...]
    undated: int
    """Lineages without a date: part of the balance, and on no day of the chart."""

    @property
    def total(self) -> int:
        """All lineages of the side, as `kb.dialectic.balance` counts them."""
        return len(self.steps) + self.undated

    def by(self, day: dt.date) -> int:
        """Return how many count on a day."""
        return sum(step.last <= day for step in self.steps)


def growth(links: Iterable[LinkView], until: str) -> dict[str, Growth]:
    """Return what came in on each side of a claim or pole, a side of `SIDES` each.

    Args:
        links: All links to the claim, or to the claims of the pole.
        until: The day of the last cycle, ISO; an open or later end of a date is cut there. ""
            where there is no cycle.
    """
    groups: dict[str, dict[str, list[WorkRef]]] = {side: {} for side in SIDES}
    for link in links:
        if dialectic.bears(link):
            side = link.stance if dialectic.is_read(link) else "proposed"
            groups[side].setdefault(link.work.lineage, []).append(link.work)
    counted = set().union(*(groups[side] for side in SIDES[:3]))
    for lineage in counted & groups["proposed"].keys():
        del groups["proposed"][lineage]
    return {side: _grown(groups[side].values(), until) for side in SIDES}


def _grown(lineages: Iterable[Sequence[WorkRef]], until: str) -> Growth:
    steps, undated = [], 0
    end = dt.date.fromisoformat(until) if until else dt.date.max
    for works in lineages:
        dated = [work for work in works if work.date]
        if not dated:
            undated += 1
            continue
        work = min(dated, key=lambda w: (dates.sort_key(w.date), w.id))
        first, last = dates.span(work.date)
        # It is in the store, so whatever its date leaves open was over by the last cycle.
        steps.append(Step(work, first, max(first, min(last, end))))
    steps.sort(key=lambda step: (step.last, step.first, step.work.id))
    return Growth(tuple(steps), undated)


# -- the chart -------------------------------------------------------------------------------

Panels: TypeAlias = "Sequence[tuple[str, Sequence[LinkView]]]"
"""(title, links) of each pole, or of the one claim."""


def support(panels: Panels, until: str, href: Href) -> list[tuple[str, Markup]]:
    """Return a drawing for each panel, all on one scale: (title, SVG); none without a date.

    Args:
        panels: What to draw, in order. One without a link that bears is left out.
        until: The day of the last cycle, ISO, "" before the first.
        href: Gives the address of a work's page.
    """
    grown = [(title, growth(links, until)) for title, links in panels]
    grown = [(title, sides) for title, sides in grown if any(g.steps for g in sides.values())]
    every = [step for _, sides in grown for g in sides.values() for step in g.steps]
    axis = Axis.over(step.work.date for step in every)
    if axis is None:
        return []
    read = max(len(sides[side].steps) for _, sides in grown for side in SIDES[:3])
    machine = max(len(sides["proposed"].steps) for _, sides in grown)
    end = min(dt.date(axis.last, 12, 31), dt.date.fromisoformat(until) if until else dt.date.max)
    plot = _Plot(axis, end, min(_STEP, _TALL / max(read, 1)), _LOW / max(machine, 1), href)
    return [(title, plot.svg(title, sides)) for title, sides in grown]


@dataclass(frozen=True, slots=True)
class _Plot:
    """What the panels share. Pixels grow downward; x is a share of the width."""

    axis: Axis
    end: dt.date
    unit: float
    """Pixels of one lineage that is counted."""
    low: float
    """Pixels of one that is only proposed."""
    href: Href

    def svg(self, title: str, sides: dict[str, Growth]) -> Markup:
        y, bands = 18.0, []
        for side in SIDES:
            grown = sides[side]
            if grown.steps:
                tall = len(grown.steps) * (self.low if side == "proposed" else self.unit)
                bands.append(self._band(side, grown, y + _LABEL, tall))
                y += _LABEL + tall + 9
        words = f"{title}: " if title else ""
        words += ", ".join(f"{g.total} {_NAMES[side]}" for side, g in sides.items() if g.total)
        return Markup(  # noqa: S704 - numbers, class names and filtered text
            f'<svg class="growth" width="100%" height="{y:.0f}" role="group" '
            f'aria-label="{untrusted(words)}; the table below has the years">'
            f"{_ticks(self.axis, y)}{''.join(bands)}</svg>"
        )

    def _band(self, side: str, grown: Growth, top: float, tall: float) -> str:
        unit = tall / len(grown.steps)
        base = top + tall
        stretch = 1000.0
        start = f"{self._x(grown.steps[0].last) * stretch:.1f}"
        path, y = f"M{start} {base:.1f}", base
        for step in grown.steps:
            y -= unit
            path += f"H{self._x(step.last) * stretch:.1f}V{y:.1f}"
        right = self._x(self.end + dt.timedelta(days=1)) * stretch
        path += f"H{right:.1f}"
        named = f"{_NAMES[side]} {grown.total:,}"
        named += ", not counted" if side == "proposed" else ""
        named += f", {grown.undated:,} of them undated" if grown.undated else ""
        # Its own coordinates, stretched to the width; lines keep their breadth and dashes.
        drawn = (
            f'<svg x="0" y="0" width="100%" height="{base + 1:.0f}" preserveAspectRatio="none" '
            f'viewBox="0 0 1000 {base + 1:.0f}"><path class="area" d="{path}V{base:.1f}H{start}z"/>'
            f'<path class="line" vector-effect="non-scaling-stroke" d="{path}"/></svg>'
        )
        marks = ""
        if side != "proposed" and len(grown.steps) <= _MARKED:
            marks = "".join(
                self._mark(side, step, base - unit * number)
                for number, step in enumerate(grown.steps, 1)
            )
        return (
            f'<g class="band {side}"><text class="name" x="0" y="{top - 8:.0f}">'
            f'{untrusted(named)}</text><line class="base" x1="0" x2="100%" y1="{base:.1f}" '
            f'y2="{base:.1f}"/>{drawn}{marks}</g>'
        )

    def _mark(self, side: str, step: Step, y: float) -> str:
        if step.last.year < self.axis.first:
            return ""  # counted from the left edge on
        left, right = self._x(step.first), self._x(step.last)
        reach = (
            f'<line class="reach" x1="{_pc(left)}" x2="{_pc(right)}" y1="{y:.1f}" y2="{y:.1f}"/>'
            if step.first != step.last
            else ""
        )
        told = f"{dates.words(step.work.date)}: {tex_plain(step.work.title)}"
        target = self.href(step.work)
        shape = f'<title>{untrusted(told)}</title><path d="{_MARKS[side]}"/>'
        if target:
            shape = f'<a href="{target}" tabindex="-1">{shape}</a>'
        return f'{reach}<svg x="{_pc(right)}" y="{y:.1f}" overflow="visible">{shape}</svg>'

    def _x(self, day: dt.date) -> float:
        return self.axis.at(day)


def _ticks(axis: Axis, tall: float) -> str:
    parts = []
    every = 1 if len(axis.years) <= 6 else 2 if len(axis.years) <= 10 else 3
    for back, year in enumerate(reversed(axis.years)):
        x = _pc(axis.at(dt.date(year, 1, 1)))
        parts.append(f'<line class="tick" x1="{x}" x2="{x}" y1="15" y2="{tall:.0f}"/>')
        if back % every == 0:
            parts.append(f'<text class="year" x="{x}" dx="3" y="11">{year}</text>')
    return "".join(parts)


def _pc(share: float) -> str:
    return f"{100 * share:.2f}%"


# -- the same as numbers ---------------------------------------------------------------------


def support_table(panels: Panels, until: str) -> list[tuple[str, list[tuple[str, list[int]]]]]:
    """Return the numbers behind `support`: (title, rows of (when, counts by `SIDES`)).

    A row for each year in which something came in, counted at its end; the last row is the
    balance as it stands, with what has no date.
    """
    tables = []
    for title, links in panels:
        grown = growth(links, until)
        years = sorted({step.last.year for g in grown.values() for step in g.steps})
        rows = [
            (str(year), [grown[side].by(dt.date(year, 12, 31)) for side in SIDES]) for year in years
        ]
        undated = any(g.undated for g in grown.values())
        if undated:
            rows.append(("with undated works", [grown[side].total for side in SIDES]))
        if rows:
            tables.append((title, rows))
    return tables


# -- positions of a voice --------------------------------------------------------------------


def positions(
    holdings: Sequence[HoldingView], until: str
) -> tuple[Markup, list[tuple[HoldingView, Markup]]]:
    """Return a voice's positions, first taken first, each with its bar; before them the years.

    A bar begins where the position is first shown. Where that day is not known, the thin part
    is the time in which it may have begun. An arrow is an end that nothing found sets. What is
    rejected is an outline with no filling. All bars share one axis, so they stand below one
    another in a list; a position without a date has "" in place of a bar.

    Args:
        holdings: Of one voice.
        until: The day of the last cycle, ISO; open bars reach to it.
    """
    begun = [h.valid.partition("/")[0] for h in holdings if h.valid]
    axis = Axis.over([*begun, *([until] if until else [])])
    ordered = sorted(
        holdings,
        key=lambda h: (
            not h.valid,
            dates.sort_key(h.valid.partition("/")[0]) if h.valid else (),
            h.claim.id,
            h.work.id,
        ),
    )
    if axis is None:
        return Markup(""), [(h, Markup("")) for h in ordered]
    end = dt.date.fromisoformat(until) if until else dt.date(axis.last, 12, 31)
    years = Markup(  # noqa: S704 - numbers and class names
        '<svg class="bar years-bar" width="100%" height="16" aria-hidden="true">'
        f"{_ticks(axis, 16)}</svg>"
    )
    return years, [(h, _bar(h, axis, end) if h.valid else Markup("")) for h in ordered]


def _bar(held: HoldingView, axis: Axis, end: dt.date) -> Markup:
    start, _, stop = held.valid.partition("/")
    first, sure = dates.span(start)
    sure = min(sure, max(end, first))
    is_open = stop == ".."
    over = end if is_open else dates.span(stop)[1] if stop else sure
    left, middle = axis.at(first), axis.at(sure)
    right = max(axis.at(over + dt.timedelta(days=1)), middle + 0.004)
    shapes = ['<line class="base" x1="0" x2="100%" y1="7" y2="7"/>']
    if first != sure:
        shapes.append(
            f'<rect class="may" x="{_pc(left)}" y="5.5" width="{_pc(middle - left)}" height="3"/>'
        )
    shapes.append(
        f'<rect class="held" x="{_pc(middle)}" y="2" width="{_pc(right - middle)}" height="10"/>'
    )
    if is_open:
        shapes.append(
            f'<svg x="{_pc(right)}" y="7" overflow="visible"><path class="arrow" '
            'd="M1-5L7 0 1 5z"/></svg>'
        )
    words = f"{held.attitude} {held.claim.id}, {dates.words(held.valid)}"
    return Markup(  # noqa: S704 - numbers, class names and filtered text
        f'<svg class="bar {untrusted(held.attitude)}" width="100%" height="14" role="img" '
        f'aria-label="{untrusted(words)}">{"".join(shapes)}</svg>'
    )
