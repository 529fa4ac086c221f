"""The tension map: every tension, thesis and finding of the debate, drawn at build time.

Strands are regions. Within one, springs draw a tension to the claims of its poles and a
finding to the theses it bears on, so that a tension stands between its poles. Lines say what
a claim does to another by color, dash and end. Each map is drawn for a desk and for a phone;
the page's style shows the one that fits.

A debate of hundreds of nodes shows tensions and findings as marks without words; one of
thousands shows each cluster of claims as one mark with its count, which opens a map of its
own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from markupsafe import Markup

from kb.render import layout
from kb.render.map_parts import Line, Part, lines
from kb.render.strokes import ENDS, ends, line_of_text, lines_of_text, name, strands, wrap
from kb.render.untrusted import untrusted
from kb.render.words import count
from kb.views import Ref, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kb.render.debate import Debate, Thing
    from kb.views import ClaimView, TensionView

    Href: TypeAlias = Callable[[Thing], Markup]
    Page: TypeAlias = Callable[[str], Markup]

MANY = 4
"""Lines between two clusters above which they are drawn as a thick one."""

WORDED = 140
"""Nodes up to which tensions stand with their questions and findings with their ids."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The measures of one drawing."""

    name: str
    plan: layout.Plan
    tension: int
    """Letters a line of a tension's question; 0 where its mark and id stand alone."""
    thesis: int
    """Letters a line of a thesis's name; 0 where it is a dot."""
    finding: bool
    """Whether a finding shows its id; else it is a dot."""
    letter: float
    """Width of a letter of the names."""
    line: float
    """Line height."""


DESK = Sheet("desk", layout.Plan(1200, 13, 13, 19, 7.6, 1.5, 4), 28, 19, True, 6.9, 15)
PHONE = Sheet("phone", layout.Plan(358, 7, 8, 16, 6.7, 1.7, 1), 0, 16, True, 6.2, 13)
FULL_DESK = Sheet("desk", layout.Plan(1200, 8, 12, 18, 7.4, 1.9, 5), 0, 20, False, 6.6, 14)
FULL_PHONE = Sheet("phone", layout.Plan(358, 5, 8, 16, 6.7, 1.8, 1), 0, 16, False, 6.0, 12)
CLUSTER_DESK = Sheet("desk", layout.Plan(1200, 12, 13, 19, 7.6, 1.6, 4), 0, 22, False, 6.7, 15)
CLUSTER_PHONE = Sheet("phone", layout.Plan(358, 7, 8, 16, 6.7, 1.5, 1), 0, 18, False, 6.0, 13)
SMALL_DESK = Sheet("desk", layout.Plan(1180, 9, 10, 17, 7.0, 1.9, 5), 0, 0, False, 6.4, 15)
SMALL_PHONE = Sheet("phone", layout.Plan(358, 7, 8, 16, 6.7, 1.2, 1), 0, 0, False, 6.2, 14)


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    id: str
    lines: tuple[str, ...]
    title: str
    href: Markup
    region: str
    width: float
    height: float


# -- the map ---------------------------------------------------------------------------------


def draw(part: Part, sheet: Sheet, href: Href, page: Page) -> Markup:
    """Return a map as an SVG element whose nodes are links.

    Args:
        part: What it shows.
        sheet: One of `sheets(part)`.
        href: Gives the address of a thing's page, relative to the page with the map.
        page: Gives the same of a page by its path.
    """
    if part.clusters:
        nodes = [_cluster(cluster, sheet, page) for cluster in part.clusters]
        shown = count(len(part.clusters), "cluster")
    else:
        nodes = [_tension(tension, sheet, href) for tension in part.tensions]
        nodes += [_claim(claim, sheet, href) for claim in part.claims]
        shown = f"{count(len(part.tensions), 'tension')} and {count(len(part.claims), 'claim')}"
    words = f"Map of {shown} in regions by strand; the tables below hold the same"
    size = "" if sheet.finding else " map-clusters" if part.clusters else " map-full"
    css = f"map map-{sheet.name}{size}"
    return _svg(nodes, lines(part), part.strands, sheet, href, css, words)


def sheets(part: Part) -> tuple[Sheet, Sheet]:
    """Return the measures for a desk and for a phone that suit the number of nodes."""
    if part.clusters:
        return CLUSTER_DESK, CLUSTER_PHONE
    few = len(part.tensions) + len(part.claims) <= WORDED
    return (DESK, PHONE) if few else (FULL_DESK, FULL_PHONE)


def small(debate: Debate, lively: Sequence[TensionView], href: Href) -> Markup:
    """Return the debate at a glance, for the home page: strands and the liveliest tensions.

    Each strand is a link, and so is each tension: the liveliest with their questions, the
    others as marks. A large dot is a thesis, a small one a finding; dots are no links. Two
    drawings come back, of which the style shows the one that fits the screen.

    Args:
        debate: All views.
        lively: The tensions to show with their questions, three to six.
        href: Gives the address of a thing's page, relative to the page with the map.
    """
    named = [(id, title, number % 10) for number, (id, title) in enumerate(strands(debate))]
    shown = {tension.id for tension in lively}
    words = f"{count(len(named), 'strand')} and the tensions within them"
    drawn = lines(Part("", "", tuple(named), debate.tensions, debate.claims))
    drawings = []
    for sheet in (SMALL_DESK, SMALL_PHONE):
        nodes = [_tension(t, sheet, href, 26 if t.id in shown else 0) for t in debate.tensions]
        nodes += [_claim(claim, sheet, href) for claim in debate.claims]
        css = f"map map-small map-{sheet.name}"
        drawings.append(_svg(nodes, drawn, named, sheet, href, css, words))
    return Markup("\n").join(drawings)


# -- nodes -----------------------------------------------------------------------------------


def _tension(tension: TensionView, sheet: Sheet, href: Href, named: int = 0) -> _Node:
    lines = wrap(tension.question, named or sheet.tension, 4 if named else 6)
    if lines:
        width = max(map(len, lines)) * sheet.letter * 0.98 + 20
        height = sheet.line * (len(lines) + 1) + 14
    else:
        width, height = max(34.0, 8.0 * len(tension.id) + 20), 24.0
    title = f"{tension.id}: {tension.question}"
    return _Node(
        "tension", tension.id, lines, title, href(tension), tension.strand, round(width), height
    )


def _claim(claim: ClaimView, sheet: Sheet, href: Href) -> _Node:
    lines: tuple[str, ...] = ()
    if claim.ref.level == "thesis":
        lines = wrap(name(claim), sheet.thesis, 4)
        width = max(map(len, lines)) * sheet.letter * 1.08 + 20 if lines else 10.0
        height = sheet.line * len(lines) + 11 if lines else 10.0
    elif sheet.finding:
        lines = (claim.id,)
        width, height = sheet.letter * 1.1 * len(claim.id) + 14, sheet.line + 5
    else:
        width = height = 10.0 if sheet.thesis else 6.0
    title = f"{claim.id}: {shorten(claim.text, 200)}"
    return _Node(
        claim.ref.level, claim.id, lines, title, href(claim), claim.ref.strand, round(width), height
    )


def _cluster(part: Part, sheet: Sheet, page: Page) -> _Node:
    held = count(len(part.claims), "claim")
    if part.tensions:
        held += f", {count(len(part.tensions), 'tension')}"
    lines = (*wrap(part.title, sheet.thesis, 3), held)
    width = max(map(len, lines)) * sheet.letter * 1.04 + 20
    height = sheet.line * len(lines) + 13
    title = f"{part.title}: {held}"
    return _Node(
        "cluster", part.id, lines, title, page(part.path), part.strand, round(width), height
    )


# -- drawing ---------------------------------------------------------------------------------


def _svg(
    nodes: Sequence[_Node],
    drawn: Sequence[Line],
    named: Sequence[tuple[str, str, int]],
    sheet: Sheet,
    href: Href,
    css: str,
    words: str,
) -> Markup:
    boxes: dict[str, dict[str, tuple[float, float]]] = {}
    for node in nodes:
        boxes.setdefault(node.region, {})[node.id] = (node.width, node.height)
    regions = [layout.Region(id, boxes[id], title) for id, title, _ in named if id in boxes]
    springs = [(k.source, k.target, 1.0 if k.kind == "pole" else 0.8) for k in drawn]
    placed = layout.arrange(regions, springs, sheet.plan)
    by_id = {node.id: node for node in nodes}
    numbers = {id: number for id, _, number in named}
    backs, groups = [], []
    for region in regions:
        rect, number = placed.regions[region.id], numbers[region.id]
        backs.append(
            f'<rect class="region" x="{rect.x:g}" y="{rect.y:g}" width="{rect.width:g}" '
            f'height="{rect.height:g}" rx="4"/><rect class="strand s{number}" x="{rect.x:g}" '
            f'y="{rect.y:g}" width="{rect.width:g}" height="3"/>'
        )
        groups.append(f'<g data-strand="{untrusted(region.id)}">')
        groups.append(_region_title(region, rect, href, sheet.plan))
        groups += [_node(by_id[id], placed.boxes[id], number, sheet) for id in region.boxes]
        groups.append("</g>")
    width, height = sheet.plan.width, placed.height
    prefix = css.replace(" ", "-")
    return Markup(  # noqa: S704 - numbers, class names and filtered text
        f'<svg class="{css}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="group" aria-label="{untrusted(words)}">{ends(prefix)}'
        f"{''.join(backs)}{_edges(drawn, by_id, placed, prefix)}{''.join(groups)}</svg>"
    )


def _region_title(region: layout.Region, rect: layout.Rect, href: Href, plan: layout.Plan) -> str:
    spans = "".join(
        f'<tspan x="{rect.x + plan.margin}" y="{rect.y + plan.line * (i + 1) + 3:.0f}">'
        f"{untrusted(line)}</tspan>"
        for i, line in enumerate(layout.title_lines(region.title, rect.width, plan))
    )
    text = f'<text class="region-title">{spans}</text>'
    target = href(Ref("strand", region.id, region.title))
    return f'<a href="{target}" class="to-strand">{text}</a>' if target else text


def _node(node: _Node, box: layout.Rect, number: int, sheet: Sheet) -> str:
    x, y = box.center
    w, h = box.width, box.height
    if not node.lines and node.kind != "tension":
        dot = f'<circle cx="{x:g}" cy="{y:g}" r="{w / 2:g}"/>'
        if not sheet.thesis:
            return f'<g class="dot {node.kind} s{number}">{dot}</g>'
        inner = dot
    elif not node.lines:
        half = f"{w / 2:g} {h / 2:g}"
        inner = f'<path d="M{box.x:g} {y:g}l{w / 2:g}-{h / 2:g} {half}-{half}z"/>'
        inner += line_of_text("id mid", x, y + 4, node.id)
    else:
        inner = _worded(node, box, sheet)
    return (
        f'<a href="{node.href}" class="node {untrusted(node.kind)} s{number}" '
        f'data-node="{untrusted(node.id)}"><title>{untrusted(node.title)}</title>{inner}</a>'
    )


def _worded(node: _Node, box: layout.Rect, sheet: Sheet) -> str:
    x, y = box.center
    radius = {"tension": 2, "thesis": 9, "cluster": 5}.get(node.kind, box.height / 2)
    shape = (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
        f'rx="{radius:g}"/>'
    )
    words = list(node.lines)
    held = [words.pop()] if node.kind == "cluster" else []
    above = [node.id] if node.kind == "tension" else []
    top = y + sheet.line * (0.76 - (len(words) + len(held) + len(above)) / 2)
    text = ""
    if node.kind == "tension":
        text = line_of_text("id", box.x + 10, top, node.id)
        return (
            shape + text + lines_of_text("words", box.x + 10, top + sheet.line, words, sheet.line)
        )
    style = "id mid" if node.kind == "finding" else "words mid"
    text = lines_of_text(style, x, top, words, sheet.line)
    for line in held:
        text += line_of_text("held mid", x, top + sheet.line * len(words), line)
    return shape + text


def _edges(
    drawn: Sequence[Line], nodes: dict[str, _Node], placed: layout.Placed, prefix: str
) -> str:
    """Return the lines in groups by what they say, those between strands first."""
    out = []
    for far in (True, False):
        for kind in ("pole", "qualifies", "supports", "disputes"):
            paths = []
            for line in drawn:
                a, b = nodes[line.source], nodes[line.target]
                if line.kind != kind or (a.region != b.region) != far:
                    continue
                weight = "confirmed" if line.confirmed else "many" if line.count > MANY else ""
                css = f' class="{weight}"' if weight else ""
                paths.append(
                    f'<path{css} data-from="{untrusted(a.id)}" '
                    f'data-to="{untrusted(b.id)}" '
                    f'd="{_curve(placed.boxes[a.id], placed.boxes[b.id], far=far)}"/>'
                )
            if paths:
                end = f' marker-end="url(#{prefix}-{kind})"' if kind in ENDS else ""
                style = f"edge {kind}{' far' if far else ''}"
                out.append(f'<g class="{style}" data-stance="{kind}"{end}>{"".join(paths)}</g>')
    return "".join(out)


def _curve(a: layout.Rect, b: layout.Rect, *, far: bool) -> str:
    """Return a path from the edge of one box to the edge of another."""
    (ax, ay), (bx, by) = a.center, b.center
    x1, y1 = _rim(a, bx - ax, by - ay, 1)
    x2, y2 = _rim(b, ax - bx, ay - by, 2)
    if not far:
        return f"M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}"
    # A bow to one side keeps lines that cross the sheet from lying on each other.
    mx, my = (x1 + x2) / 2 - (y2 - y1) * 0.12, (y1 + y2) / 2 + (x2 - x1) * 0.12
    return f"M{x1:.0f} {y1:.0f}Q{mx:.0f} {my:.0f} {x2:.0f} {y2:.0f}"


def _rim(box: layout.Rect, dx: float, dy: float, gap: float) -> tuple[float, float]:
    """Return where a line from the middle of a box leaves it, and a gap further."""
    x, y = box.center
    across = box.width / 2 / abs(dx) if dx else float("inf")
    down = box.height / 2 / abs(dy) if dy else float("inf")
    share = min(across, down)
    length = (dx * dx + dy * dy) ** 0.5
    if not length or share >= 1:
        return x, y
    share += gap / length
    return x + dx * share, y + dy * share
