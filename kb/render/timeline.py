"""The timeline: lanes of marks and counts as SVG, and the same entries as a list.

A date is drawn as precisely as it is known and no more: a day is a dot, a month, a year or an
interval is a bar of that length, an end that nobody knows stays open. Where marks would pile up
they are counted: what lies within a month as a bar over that month, what is known less well as
a bar below the line, as long as the time in which it may lie. Positions are percentages, so one
drawing serves every width and its words keep their size.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from kb import dates, ids
from kb.render.axis import Axis, Extent, month
from kb.render.tex import tex, tex_plain
from kb.render.untrusted import address, untrusted
from kb.render.words import LANES, OF_LANE, count
from kb.views import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kb.render.debate import Thing
    from kb.views import TimelineEntry

    Href = Callable[[Thing], Markup]
    """Gives the address of a thing's page, "" where it has none."""

_TALK = ("post", "news", "page")
"""Kinds of work that belong to the discourse and not to the literature."""
_PACKED = 340
"""Pixels on which marks are packed into rows: a phone's, since wider screens have more room."""
_DOT = 7
_ROW = 8
_ONE = 9.0
"""Pixels of a count of one at most; the height of a count grows as its square root."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the timeline, however many strands it belongs to."""

    first: TimelineEntry
    """The store gives one entry a strand; this is the first."""
    strands: tuple[str, ...]
    id: str
    """Its anchor: the same as long as it is about the same thing."""
    lane: str
    """One of `LANES`."""
    curated: bool
    """The curated files name its work, or it is about no work; else a machine alone found it."""

    @property
    def date(self) -> str:
        """EDTF: when it was so in the world."""
        return self.first.date


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the list, or what is known of a year no better than to the year."""

    title: str
    lines: tuple[Line, ...]
    """The curated ones, latest first."""
    harvested: int
    """Works that no curated file names; the list of works holds them."""
    key: str
    """ "2025-05", "2025", or "" for what has no date."""


@dataclass(frozen=True, slots=True)
class Year:
    """One year of the list."""

    title: str
    anchor: str
    months: tuple[Month, ...]
    counts: tuple[tuple[str, int], ...]
    """Lane -> how many of its entries begin in the year; lanes without any are left out."""

    @property
    def harvested(self) -> int:
        """Works of the year that no curated file names."""
        return sum(part.harvested for part in self.months)


def merged(entries: Iterable[TimelineEntry]) -> list[Line]:
    """Return the entries with those that differ in their strand alone made one."""
    groups: dict[tuple[object, ...], list[TimelineEntry]] = {}
    for e in entries:
        key = (e.date, e.lane, e.title, e.detail, e.work, e.ref, e.url)
        groups.setdefault(key, []).append(e)
    lines: list[Line] = []
    used: Counter[str] = Counter()
    for group in groups.values():
        e = group[0]
        anchor = _anchor(e)
        used[anchor] += 1
        lines.append(
            Line(
                e,
                tuple(dict.fromkeys(x.strand for x in group if x.strand)),
                anchor if used[anchor] == 1 else f"{anchor}-{used[anchor]}",
                lane_of(e),
                e.lane != "works" or e.work is None or bool(e.work.key),
            )
        )
    return lines


def lane_of(entry: TimelineEntry) -> str:
    """Return the lane of an entry: a post is discourse, whether it is evidence or coverage."""
    talk = entry.lane == "works" and entry.work is not None and entry.work.kind in _TALK
    return "discourse" if talk or entry.lane == "coverage" else entry.lane


def _anchor(entry: TimelineEntry) -> str:
    """Return where the list holds an entry; the date is no part of it, since dates get better."""
    if entry.lane == "works" and entry.work:
        return f"w-{ids.slug(entry.work.id)}"
    if entry.lane == "events" and entry.ref:
        return f"e-{ids.slug(entry.ref.id)}"
    subject = entry.ref or entry.work
    about = (subject.id if subject else "", entry.detail, entry.url or entry.title)
    digest = hashlib.sha256("\0".join(about).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    start = ids.slug(subject.id) if subject else "note"
    return f"{entry.lane[0]}-{start}-{digest}"


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


def years(lines: Sequence[Line]) -> list[Year]:
    """Return the list by the year in which entries begin, latest first, undated ones last."""
    by_year: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_year[year_of(line.date)].append(line)
    found: list[Year] = []
    for key in sorted(by_year, reverse=True):
        by_month: dict[str, list[Line]] = defaultdict(list)
        for line in by_year[key]:
            by_month[month(line.date)].append(line)
        # "" sorts last: what is known no better than to the year follows its months.
        parts = tuple(_month(part, key, by_month[part]) for part in sorted(by_month, reverse=True))
        counts = Counter(line.lane for line in by_year[key])
        name = key or "undated"
        shown = tuple((lane, counts[lane]) for lane in LANES if counts[lane])
        found.append(Year(name, f"y{name}", parts, shown))
    return found


def _month(part: str, year: str, lines: list[Line]) -> Month:
    title = (
        dates.words(part) if part else f"{year}, not within one month" if year else "No date known"
    )
    shown = [line for line in lines if line.curated]
    shown.sort(key=lambda line: dates.sort_key(line.date), reverse=True)
    return Month(title, tuple(shown), len(lines) - len(shown), part or year)


# -- drawing -----------------------------------------------------------------------------------


def lanes(
    lines: Sequence[Line],
    href: Href,
    strands: Mapping[str, tuple[str, int]] | None = None,
    *,
    anchors: bool = False,
) -> Markup:
    """Return lanes of works, status events, positions, discourse and events as an SVG element.

    Args:
        lines: From `merged`, or `kb.render.chronology.Chronology.of` for one thing.
        href: Gives the address of a thing's page.
        strands: Strand id -> (title, number of its color): the lane of works has a row for each
            of them, in this order. None for no such rows.
        anchors: Counts point at their year or month in the list of the same page.
    """
    return _Drawing(lines, href, strands or {}, anchors=anchors, rows=6, tall=34.0).svg("lanes")


def strip(lines: Sequence[Line], href: Href) -> Markup:
    """Return the same as `lanes`, low enough to stand beside text: "" where nothing has a date.

    It says in words how many entries each year has, as a title and as its accessible name.
    """
    return _Drawing(lines, href, {}, anchors=False, rows=3, tall=20.0).svg("lanes strip")


def listed(lines: Sequence[Line], href: Href) -> Markup:
    """Return the curated lines as a list, latest first, and count those of a machine by year.

    It is the text for a drawing of `lanes` or `strip`.
    """
    shown = [line for line in lines if line.curated]
    shown.sort(key=lambda line: dates.sort_key(line.date) if line.date else ("",), reverse=True)
    rows = "".join(
        f'<li class="{line.lane}"><span class="when">{untrusted(dates.words(line.date))}</span>'
        f'<div><span class="label">{untrusted(OF_LANE[line.lane])}</span> {title(line, href)}'
        f' <span class="by">{untrusted(line.first.detail)}</span></div></li>'
        for line in shown
    )
    by_year = Counter(year_of(line.date) or "undated" for line in lines if not line.curated)
    told = ", ".join(f"{by_year[year]} in {year}" for year in sorted(by_year))
    more = (
        f'<p class="aside">{untrusted(count(by_year.total(), "further entry", "further entries"))} '
        f"by a machine's proposal, not confirmed by a person: {untrusted(told)}.</p>"
        if by_year
        else ""
    )
    return Markup(f'<ol class="entries">{rows}</ol>{more}')  # noqa: S704 - filtered above


def title(line: Line, href: Href) -> Markup:
    """Return what an entry is about, as a link to its page or to where it stands."""
    entry = line.first
    shown = tex(entry.title)
    # The event or voice it is about, else its work; coverage is linked where it stands.
    thing = entry.ref or (None if entry.lane == "coverage" else entry.work)
    target = href(thing) if thing else Markup("")
    if target:
        return Markup(f'<a class="title" href="{target}">{shown}</a>')  # noqa: S704 - filtered
    if outside := address(entry.url):
        return Markup(  # noqa: S704 - filtered
            f'<a class="title" href="{outside}" rel="noopener noreferrer">{shown}</a>'
        )
    return Markup(f'<span class="title">{shown}</span>')  # noqa: S704 - filtered


@dataclass(frozen=True, slots=True)
class _Placed:
    line: Line
    at: Extent


class _Drawing:
    """One SVG element; y grows downward in pixels, x is a percentage of its width."""

    def __init__(
        self,
        lines: Sequence[Line],
        href: Href,
        strands: Mapping[str, tuple[str, int]],
        *,
        anchors: bool,
        rows: int,
        tall: float,
    ) -> None:
        self.axis = Axis.over(line.date for line in lines)
        self.lines = lines
        self.href = href
        self.strands = strands
        self.anchors = anchors
        self.rows = rows
        """Rows of single marks at most; more than that and the lane is counted."""
        self.tall = tall
        """Pixels of the highest count."""

    def svg(self, css: str) -> Markup:
        if self.axis is None:
            return Markup("")
        on: dict[str, list[_Placed]] = defaultdict(list)
        earlier = 0
        for line in self.lines:
            at = self.axis.extent(line.date)
            if at is not None:
                on[line.lane].append(_Placed(line, at))
            elif line.date:
                earlier += 1
        body: list[str] = []
        y = 20.0
        for lane, name in LANES.items():
            if not on[lane]:
                continue
            inner, bottom = self._lane(on[lane], y + 16)
            rows = ""
            if lane == "works" and self.strands:
                rows, bottom = self._strand_rows(on[lane], bottom + 4)
            body.append(
                f'<g class="lane {lane}"><line class="rule" x1="0" x2="100%" y1="{y:.0f}" '
                f'y2="{y:.0f}"/><text x="0" y="{y + 12:.0f}">{untrusted(name)} '
                f'<tspan class="n">{len(on[lane]):,}</tspan></text>{inner}{rows}</g>'
            )
            y = bottom + 8
        if not body:
            return Markup("")
        words = self._words(on, earlier)
        note = (
            f'<text class="earlier" x="0" y="{y + 8:.0f}">'
            f"{untrusted(count(earlier, 'entry', 'entries'))} before {self.axis.first}</text>"
            if earlier
            else ""
        )
        y += 14 if earlier else 0
        return Markup(  # noqa: S704 - numbers, class names and filtered text
            f'<svg class="{css}" width="100%" height="{y:.0f}" role="group" '
            f'aria-label="{untrusted(words)}">{self._ticks(y)}{"".join(body)}{note}</svg>'
        )

    def _words(self, on: Mapping[str, list[_Placed]], earlier: int) -> str:
        """Say what the drawing shows: the entries of each lane, by year."""
        parts = []
        for lane, name in LANES.items():
            if on.get(lane):
                by_year = Counter(year_of(p.line.date) for p in on[lane])
                told = ", ".join(f"{by_year[y]} in {y}" for y in sorted(by_year))
                parts.append(f"{name}: {told}")
        if earlier:
            parts.append(f"{earlier} earlier")
        return "; ".join(parts)

    def _ticks(self, height: float) -> str:
        axis = self._known()
        parts = []
        many = len(axis.years) > 8
        for number, year in enumerate(reversed(axis.years)):
            x = _pc(axis.at(dt.date(year, 1, 1)))
            # Every other year's name goes where there is no room for all: see the style.
            css = "year other" if many and number % 2 else "year"
            parts.append(
                f'<line class="tick" x1="{x}" x2="{x}" y1="16" y2="{height:.0f}"/>'
                f'<text class="{css}" x="{x}" dx="3" y="11">{year}</text>'
            )
        return "".join(parts)

    def _known(self) -> Axis:
        if self.axis is None:
            raise ValueError("a drawing without dates has no axis")
        return self.axis

    def _lane(self, placed: list[_Placed], top: float) -> tuple[str, float]:
        """Return a lane's marks and where it ends: one by one where they fit, else counted."""
        rows, used = pack(p.at for p in placed)
        if used <= self.rows:
            drawn = "".join(
                self._mark(p, top + row * _ROW) for p, row in zip(placed, rows, strict=True)
            )
            return drawn, top + used * _ROW
        return self._counted(placed, top, self.tall)

    def _strand_rows(self, placed: list[_Placed], top: float) -> tuple[str, float]:
        parts = []
        for id, (name, number) in self.strands.items():
            mine = [p for p in placed if id in p.line.strands]
            if not mine:
                continue
            inner, bottom = self._counted(mine, top + 13, 12.0)
            parts.append(
                f'<g class="strand-row s{number}"><text x="0" y="{top + 11:.0f}">'
                f'<tspan class="key">■</tspan> {untrusted(name)} '
                f'<tspan class="n">{len(mine):,}</tspan></text>{inner}</g>'
            )
            top = bottom + 2
        return "".join(parts), top

    def _counted(self, placed: list[_Placed], top: float, tall: float) -> tuple[str, float]:
        """Return counts: by month above a line, of what is vaguer below it."""
        axis = self._known()
        months: dict[str, list[Line]] = defaultdict(list)
        # By what the date says: two that the edges cut to one length are still two.
        vague: dict[str, list[_Placed]] = defaultdict(list)
        for p in placed:
            if part := month(p.line.date):
                months[part].append(p.line)
            else:
                vague[p.line.date].append(p)
        sizes = [*map(len, months.values()), *map(len, vague.values())]
        unit = min(tall / math.sqrt(max(sizes)), _ONE)
        base = top + (unit * math.sqrt(max(map(len, months.values()))) if months else 0)
        parts = [f'<line class="base" x1="0" x2="100%" y1="{base:.1f}" y2="{base:.1f}"/>']
        for part in sorted(months):
            low, high = dates.span(part)
            left, right = axis.at(low), axis.at(high + dt.timedelta(days=1))
            parts.append(self._bar(months[part], left, right, base, unit))
        spans = sorted(vague, key=dates.sort_key)
        rows, used = pack(vague[key][0].at for key in spans)
        below = base + 2
        for row in range(used):
            group = [vague[key] for key, at in zip(spans, rows, strict=True) if at == row]
            high_most = 0.0
            for some in group:
                height = max(unit * math.sqrt(len(some)), 5.0)
                high_most = max(high_most, height)
                parts.append(self._vague(some, below, height))
            below += high_most + 1.5
        return "".join(parts), max(below, base + 2)

    def _bar(self, lines: list[Line], left: float, right: float, base: float, unit: float) -> str:
        sure = sum(line.curated for line in lines)
        part = month(lines[0].date)
        told = f"{dates.words(part)}: {len(lines):,}"
        if sure < len(lines):
            told += f", {sure:,} of them curated"
        x, width = _pc(left), _pc(right - left)
        drawn = f"<title>{untrusted(told)}</title>"
        for number, css in ((len(lines), "all"), (sure, "sure")):
            height = unit * math.sqrt(number)
            if number and not (css == "all" and sure == len(lines)):
                drawn += (
                    f'<rect class="{css}" x="{x}" width="{width}" y="{base - height:.1f}" '
                    f'height="{height:.1f}"/>'
                )
        return self._pointing(f"m{part}", drawn, "count")

    def _vague(self, group: list[_Placed], top: float, height: float) -> str:
        at = group[0].at
        line = group[0].line
        when = dates.words(line.date)
        if len(group) == 1:
            told = f"{when}: {shorten(tex_plain(line.first.title), 100)}"
        else:
            told = f"{when}: {len(group):,}, known no better"
        shape = _shape(at, top, height)
        if len(group) > 1 and height > 9 and at.right - at.left > 0.05:
            shape += (
                f'<text class="in" x="{_pc((at.left + at.right) / 2)}" '
                f'y="{top + height / 2 + 3.5:.1f}">{len(group)}</text>'
            )
        drawn = f"<title>{untrusted(told)}</title>{shape}"
        if len(group) == 1 and (target := self._target(line)):
            return f'<a class="vague" href="{target}" tabindex="-1">{drawn}</a>'
        return self._pointing(f"y{year_of(line.date)}", drawn, "vague")

    def _pointing(self, anchor: str, drawn: str, css: str) -> str:
        if self.anchors:
            return f'<a class="{css}" href="#{anchor}" tabindex="-1">{drawn}</a>'
        return f'<g class="{css}">{drawn}</g>'

    def _target(self, line: Line) -> Markup:
        if self.anchors and line.curated:
            return Markup(f"#{line.id}")  # noqa: S704 - a slug
        thing = line.first.ref or line.first.work
        return self.href(thing) if thing else Markup("")

    def _mark(self, placed: _Placed, y: float) -> str:
        line = placed.line
        detail = f" · {line.first.detail}" if line.first.detail else ""
        told = f"{dates.words(line.date)}: {shorten(tex_plain(line.first.title), 110)}{detail}"
        drawn = f"<title>{untrusted(told)}</title>{_shape(placed.at, y, 6.0)}"
        css = f"mark {dates.precision(line.date)}{'' if line.curated else ' machine'}"
        if target := self._target(line):
            return f'<a class="{css}" href="{target}" tabindex="-1">{drawn}</a>'
        return f'<g class="{css}">{drawn}</g>'


def pack(extents: Iterable[Extent]) -> tuple[list[int], int]:
    """Return the row of each mark, so that none covers another, and how many rows there are."""
    placed = list(extents)
    rows: list[float] = []
    found = [0] * len(placed)
    for index in sorted(range(len(placed)), key=lambda i: (placed[i].left, placed[i].right)):
        at = placed[index]
        left, right = at.left * _PACKED, at.right * _PACKED
        if at.day:
            middle = (left + right) / 2
            left, right = middle - _DOT / 2, middle + _DOT / 2
        row = next((i for i, free in enumerate(rows) if free <= left + 1e-6), len(rows))
        rows[row : row + 1] = [right]
        found[index] = row
    return found, len(rows)


def _shape(at: Extent, y: float, height: float) -> str:
    """Draw a day as a dot, a span as a bar of its length, with no end where none is known."""
    css = ' class="about"' if at.about else ""
    if at.day:
        middle = _pc((at.left + at.right) / 2)
        return f'<circle{css} cx="{middle}" cy="{y + height / 2:.1f}" r="3"/>'
    left, right = _pc(at.left), _pc(at.right)
    if not (at.open_left or at.open_right):
        return (
            f'<rect{css} x="{left}" width="{_pc(at.right - at.left)}" y="{y:.1f}" '
            f'height="{height:.1f}"/>'
        )
    middle_y, low = y + height / 2, y + height
    parts = f'<line class="open" x1="{left}" x2="{right}" y1="{middle_y:.1f}" y2="{middle_y:.1f}"/>'
    for end, is_open, sign in ((left, at.open_left, "‹"), (right, at.open_right, "›")):
        if is_open:
            anchor = "start" if sign == "‹" else "end"
            parts += (
                f'<text class="open" x="{end}" y="{middle_y + 4:.1f}" '
                f'text-anchor="{anchor}">{sign}</text>'
            )
        else:
            parts += f'<line class="open" x1="{end}" x2="{end}" y1="{y:.1f}" y2="{low:.1f}"/>'
    return parts


def _pc(part: float) -> str:
    """Return a part of 1 as a percentage, short and exact to a hundredth of a pixel.

    Examples:
        >>> _pc(0.5), _pc(1 / 3)
        ('50%', '33.333%')
    """
    return f"{part * 100:.3f}".rstrip("0").rstrip(".") + "%"


def as_proposed(line: Line) -> Line:
    """Return a line as one that only a machine ties to the thing in question."""
    return dataclasses.replace(line, curated=False)
