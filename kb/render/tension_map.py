"""The tension map: every tension, finding and thesis on one sheet, drawn at build time.

Strands are bands; within a band tensions stand on the left, findings in the middle, theses
on the right, so most lines stay short and inside their band. The layout follows from the
debate alone: no random start, no iteration, coordinates rounded. Two sheets are drawn, one
for a desk and one for a phone; the page's style shows the one that fits.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from markupsafe import Markup

from kb.render.untrusted import untrusted
from kb.views import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kb.render.debate import Debate, Thing
    from kb.views import ClaimView, TensionView

    Href: TypeAlias = Callable[[Thing], Markup]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The measures of one drawing, in CSS pixels."""

    name: str
    width: int
    columns: tuple[tuple[int, int], ...]
    """(left, width) of the tensions, the findings, the theses."""
    wrap: tuple[int, int, int]
    """Characters a line in each column; 0 where the node shows its id alone."""
    lines: int
    """Most lines of a tension's question."""
    line: int
    """Line height."""
    gap: int
    head: int
    """Height of a band's title."""


DESK = Sheet("desk", 1200, ((14, 316), (440, 330), (912, 274)), (48, 42, 34), 4, 17, 9, 34)
PHONE = Sheet("phone", 358, ((4, 36), (104, 46), (206, 150)), (0, 0, 18), 1, 14, 8, 30)


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    id: str
    lines: tuple[str, ...]
    title: str
    href: Markup
    band: str
    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> tuple[float, float]:
        return self.x, self.y + self.height / 2

    @property
    def right(self) -> tuple[float, float]:
        return self.x + self.width, self.y + self.height / 2


def draw(debate: Debate, sheet: Sheet, href: Href) -> Markup:
    """Return the map as an SVG element whose nodes are links.

    Args:
        debate: Its strands give the bands, in order.
        sheet: DESK or PHONE.
        href: Gives the address of a thing's page, relative to the page with the map.
    """
    nodes: dict[str, _Node] = {}
    bands: list[str] = []
    y = 4.0
    for number, (strand, title) in enumerate(_strands(debate)):
        members = _members(debate, strand)
        if not any(members):
            continue
        height = _place(members, sheet, y + sheet.head, href, nodes)
        bands.append(_band(title, number, sheet, y, height + sheet.head))
        y += height + sheet.head + 12
    edges = [*_poles(debate, nodes), *_bearings(debate, nodes), *_relations(debate, nodes, sheet)]
    body = "".join([*bands, *edges, *(_draw(node, sheet) for node in nodes.values())])
    words = (
        f"Map of {len(debate.tensions)} tensions and {len(debate.claims)} claims in bands by "
        "strand; the tables below hold the same"
    )
    return Markup(  # noqa: S704 - numbers, class names and filtered text
        f'<svg class="map map-{sheet.name}" viewBox="0 0 {sheet.width} {y:.0f}" '
        f'width="{sheet.width}" height="{y:.0f}" role="group" aria-label="{untrusted(words)}">'
        f"{body}</svg>"
    )


def _strands(debate: Debate) -> list[tuple[str, str]]:
    known = {strand.id: strand.title for strand in debate.strands}
    used = [t.strand for t in debate.tensions] + [c.ref.strand for c in debate.claims]
    return [*known.items(), *((s, s) for s in dict.fromkeys(used) if s not in known)]


_Members: TypeAlias = "tuple[list[TensionView], list[ClaimView], list[ClaimView]]"


def _members(debate: Debate, strand: str) -> _Members:
    """Return a band's columns, each ordered by where its neighbors to the right stand."""
    claims = [claim for claim in debate.claims if claim.ref.strand == strand]
    theses = [claim for claim in claims if claim.ref.level == "thesis"]
    rank = {claim.id: float(index) for index, claim in enumerate(theses)}
    findings = [claim for claim in claims if claim.ref.level != "thesis"]
    weight = {c.id: _mean(rank.get(r.target.id) for r in c.bears_on) for c in findings}
    findings.sort(key=lambda claim: (weight[claim.id], claim.id))
    at = {claim.id: float(index) for index, claim in enumerate(findings)}
    tensions = [t for t in debate.tensions if t.strand == strand]
    held = {t.id: [c.id for pole in t.poles for c in pole.claims] for t in tensions}
    pull = {t.id: _mean(at.get(claim) for claim in held[t.id]) for t in tensions}
    tensions.sort(key=lambda t: (pull[t.id], t.id))
    return tensions, findings, theses


def _mean(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 1e6


def _place(
    members: _Members, sheet: Sheet, top: float, href: Href, nodes: dict[str, _Node]
) -> float:
    columns = [
        [_tension(t, sheet, href) for t in members[0]],
        [_claim(c, sheet, 1, href) for c in members[1]],
        [_claim(c, sheet, 2, href) for c in members[2]],
    ]
    heights = [sum(n.height + sheet.gap for n in column) for column in columns]
    tallest = max(heights)
    for column, height in zip(columns, heights, strict=True):
        # A short column is spread over the band, so that lines run level.
        slack = (tallest - height) / (len(column) + 1)
        y = top + slack
        for node in column:
            nodes[node.id] = replace(node, y=y)
            y += node.height + sheet.gap + slack
    return tallest


def _tension(tension: TensionView, sheet: Sheet, href: Href) -> _Node:
    x, width = sheet.columns[0]
    lines = _lines(tension.question, sheet.wrap[0], sheet.lines)
    height = sheet.line * len(lines) + (30 if sheet.wrap[0] else 24)
    title = f"{tension.id}: {tension.question}"
    return _Node(
        "tension", tension.id, lines, title, href(tension), tension.strand, x, 0, width, height
    )


def _claim(claim: ClaimView, sheet: Sheet, column: int, href: Href) -> _Node:
    x, width = sheet.columns[column]
    if claim.ref.level == "thesis":
        lines = _lines(claim.id.replace("-", " "), sheet.wrap[2], 3)
        height = float(sheet.line * len(lines) + 14)
    else:
        lines = _lines(claim.text, sheet.wrap[1], 2)
        height = float(sheet.line * len(lines) + 12) if lines else 24.0
    title = f"{claim.id}: {shorten(claim.text, 200)}"
    strand = claim.ref.strand
    return _Node(claim.ref.level, claim.id, lines, title, href(claim), strand, x, 0, width, height)


def _lines(text: str, width: int, most: int) -> tuple[str, ...]:
    if not width:
        return ()
    return tuple(textwrap.wrap(text, width, max_lines=most, placeholder=" …")) or ("",)


def _band(title: str, number: int, sheet: Sheet, y: float, height: float) -> str:
    return (
        f'<g class="band"><rect x="0" y="{y:.0f}" width="{sheet.width}" height="{height:.0f}" '
        f'rx="3"/><rect class="strand s{number % 10}" x="0" y="{y:.0f}" width="4" '
        f'height="{height:.0f}"/><text x="14" y="{y + 21:.0f}">{untrusted(title)}</text></g>'
    )


def _draw(node: _Node, sheet: Sheet) -> str:
    x, y, w, h = node.x, node.y, node.width, node.height
    named = node.kind != "thesis"
    text: list[str] = []
    if node.kind == "tension" and not node.lines:
        half = f"{w / 2:.0f} {h / 2:.0f}"
        shape = f'<path d="M{x + w / 2:.0f} {y:.0f}l{half}-{half}-{w / 2:.0f}-{h / 2:.0f}z"/>'
    else:
        shape = (
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{w}" height="{h:.0f}" '
            f'rx="{2 if node.kind == "tension" else 11}"/>'
        )
    if not node.lines:
        text.append(_text("id mid", x + w / 2, y + h / 2 + 4, node.id))
    elif node.kind == "tension":
        text.append(_text("id", x + 12, y + 18, node.id))
        start = y + 19 + sheet.line
        text += [
            _text("words", x + 12, start + i * sheet.line - 2, line)
            for i, line in enumerate(node.lines)
        ]
    else:
        indent = 52 if named else 10
        if named:
            text.append(_text("id", x + 12, y + sheet.line + 3, node.id))
        text += [
            _text("words", x + indent, y + sheet.line + 3 + i * sheet.line, line)
            for i, line in enumerate(node.lines)
        ]
    return (
        f'<a href="{node.href}" class="node {untrusted(node.kind)}">'
        f"<title>{untrusted(node.title)}</title>{shape}{''.join(text)}</a>"
    )


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{untrusted(text)}</text>'


def _poles(debate: Debate, nodes: dict[str, _Node]) -> list[str]:
    return [
        _across("pole", nodes[tension.id], nodes[claim.id])
        for tension in debate.tensions
        for pole in tension.poles
        for claim in pole.claims
        if tension.id in nodes and claim.id in nodes
    ]


def _bearings(debate: Debate, nodes: dict[str, _Node]) -> list[str]:
    return [
        _across(_known(r.kind), nodes[r.source.id], nodes[r.target.id])
        for claim in debate.claims
        if claim.ref.level != "thesis"
        for r in claim.bears_on
        if r.source.id in nodes and r.target.id in nodes and r.review in _SHOWN
    ]


def _relations(debate: Debate, nodes: dict[str, _Node], sheet: Sheet) -> list[str]:
    """Return the lines among findings, each drawn once, as bows on the left of their column."""
    seen: set[tuple[str, str, str]] = set()
    edges = []
    for claim in debate.claims:
        for r in claim.relations:
            key = (r.source.id, r.kind, r.target.id)
            if key in seen or r.review not in _SHOWN or not {key[0], key[2]} <= nodes.keys():
                continue
            seen.add(key)
            a, b = nodes[r.source.id], nodes[r.target.id]
            (x1, y1), (x2, y2) = a.left, b.left
            bow = min(0.34 * (sheet.columns[1][0] - sheet.columns[0][0]), 14 + abs(y1 - y2) / 5)
            kind = f"{_known(r.kind)}{_far(a, b)}"
            edges.append(
                f'<path class="edge {kind}" d="M{x1:.0f} {y1:.0f}C{x1 - bow:.0f} {y1:.0f} '
                f'{x2 - bow:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
            )
    return edges


_SHOWN = ("proposed", "confirmed")
_LINE = {
    "supports": "supports",
    "replicates": "supports",
    "equivalentTo": "supports",
    "disputes": "disputes",
    "incompatibleWith": "disputes",
    "undercuts": "disputes",
}


def _known(kind: str) -> str:
    """Return which of three lines a relation is drawn with."""
    return _LINE.get(kind, "qualifies")


def _far(a: _Node, b: _Node) -> str:
    """Return the class of a line that leaves its band, which is drawn fainter."""
    return "" if a.band == b.band else " far"


def _across(kind: str, a: _Node, b: _Node) -> str:
    if a.x > b.x:
        a, b = b, a
    (x1, y1), (x2, y2) = a.right, b.left
    bend = (x2 - x1) * 0.45
    return (
        f'<path class="edge {kind}{_far(a, b)}" d="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} '
        f'{x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
    )


def tables(debate: Debate) -> Sequence[tuple[TensionView, str]]:
    """Return the tensions with the title of their strand, in the order of the map."""
    return [
        (tension, title)
        for strand, title in _strands(debate)
        for tension in debate.tensions
        if tension.strand == strand
    ]
