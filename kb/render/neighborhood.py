"""A claim or tension with what it hangs together with directly: a small map for its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from markupsafe import Markup

from kb.render import layout
from kb.render.strokes import (
    ENDS,
    SHOWN,
    ends,
    line_of_text,
    lines_of_text,
    name,
    stance,
    strands,
    wrap,
)
from kb.render.untrusted import untrusted
from kb.render.words import RELATIONS
from kb.views import ClaimView, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kb.render.debate import Debate, Thing
    from kb.views import TensionView

    Href: TypeAlias = Callable[[Thing], Markup]

NEIGHBORS = 12
"""Most neighbors that a neighborhood shows."""


@dataclass(frozen=True, slots=True)
class _Ego:
    """The measures of a neighborhood."""

    name: str
    width: int
    columns: tuple[tuple[int, int], ...]
    """(left, width) of what comes from the left, the thing itself, what goes to the right."""
    wrap: tuple[int, int]
    """Letters a line of a neighbor, of the thing itself; 0 where a finding shows its id alone."""
    name_wrap: int
    """Letters a line of a thesis's name."""
    line: int


_EGO_DESK = _Ego("desk", 900, ((2, 262), (326, 248), (636, 262)), (38, 30), 32, 15)
_EGO_PHONE = _Ego("phone", 358, ((2, 108), (132, 94), (248, 108)), (0, 0), 15, 13)


@dataclass(frozen=True, slots=True)
class _Card:
    """A neighbor, or the title of a pole above its claims where it has no address."""

    kind: str
    line: str
    """How it hangs together with the middle: pole, supports, disputes or qualifies."""
    head: str
    text: str
    title: str
    href: Markup
    strand: str
    inward: bool = False
    """Whether the line ends at the thing in the middle."""


def neighborhood(debate: Debate, thing: ClaimView | TensionView, href: Href) -> Markup:
    """Return a small map of a claim or tension with what it hangs together with directly.

    Of a claim: left what speaks to it, right what it speaks to and the tensions it stands in.
    Of a tension: its poles with their claims. At most twelve neighbors are shown, and the
    last line says how many are not. "" where there is no neighbor. Two drawings come back, of
    which the style shows the one that fits the screen.

    Args:
        debate: All views.
        thing: A claim or a tension of it.
        href: Gives the address of a thing's page, relative to the page with the drawing.
    """
    left, right, more = _around(debate, thing, href)
    if not left and not right:
        return Markup("")
    numbers = {id: number % 10 for number, (id, _) in enumerate(strands(debate))}
    drawings = [_ego(thing, left, right, more, e, numbers) for e in (_EGO_DESK, _EGO_PHONE)]
    return Markup("\n").join(drawings)


def _around(
    debate: Debate, thing: ClaimView | TensionView, href: Href
) -> tuple[list[_Card], list[_Card], int]:
    """Return the cards on the left, those on the right, and how many have no room."""
    claims = {claim.id: claim for claim in debate.claims}
    if not isinstance(thing, ClaimView):
        sides: tuple[list[_Card], list[_Card]] = ([], [])
        shares = _shares([len(pole.claims) for pole in thing.poles])
        more = 0
        # The next pole goes where there is more room.
        for pole, share in zip(thing.poles, shares, strict=True):
            side = sides[0] if len(sides[0]) <= len(sides[1]) else sides[1]
            side.append(_Card("title", "", pole.title, "", "", Markup(""), ""))
            held = [claims[c.id] for c in pole.claims if c.id in claims]
            side += [_card(c, "pole", "", href) for c in held[:share]]
            more += len(held[share:])
            if not pole.claims:
                side.append(_Card("none", "", "no claim on record", "", "", Markup(""), ""))
        return *sides, more
    seen: set[tuple[str, str, str]] = set()
    inward: list[_Card] = []
    outward: list[_Card] = []
    for r in (*thing.bears_on, *thing.relations):
        key = (r.source.id, str(r.kind), r.target.id)
        other = r.target.id if r.source.id == thing.id else r.source.id
        if key in seen or r.review not in SHOWN or other not in claims or other == thing.id:
            continue
        seen.add(key)
        word = RELATIONS.get(r.kind, str(r.kind))
        own = r.source.id == thing.id
        # A thesis is named below the word, a finding beside it.
        short = "" if claims[other].ref.level == "thesis" else claims[other].id
        told = " ".join(filter(None, (word, short) if own else (short, word)))
        card = _card(claims[other], stance(r.kind), told, href, inward=not own)
        (outward if own else inward).append(card)
    by_id = {tension.id: tension for tension in debate.tensions}
    stands = [by_id[ref.id] for ref in thing.tensions if ref.id in by_id]
    poles = [
        _Card(
            "tension", "pole", f"in tension {t.id}", t.question, f"{t.id}: {t.question}", href(t),
            t.strand,
        )
        for t in stands
    ]  # fmt: skip
    order = {"disputes": 0, "supports": 1, "qualifies": 2}
    inward.sort(key=lambda card: order[card.line])
    outward.sort(key=lambda card: order[card.line])
    right = [*poles, *outward][: max(NEIGHBORS // 2, NEIGHBORS - len(inward))]
    left = inward[: NEIGHBORS - len(right)]
    return left, right, len(inward) + len(outward) + len(poles) - len(left) - len(right)


def _shares(wanted: list[int]) -> list[int]:
    """Return how many of each are shown: in turn one of each, until the room is used up.

    Examples:
        >>> _shares([20, 1, 4])
        [7, 1, 4]
    """
    given = [0] * len(wanted)
    while sum(given) < min(NEIGHBORS, sum(wanted)):
        for i, want in enumerate(wanted):
            if given[i] < want and sum(given) < NEIGHBORS:
                given[i] += 1
    return given


def _card(claim: ClaimView, line: str, head: str, href: Href, *, inward: bool = False) -> _Card:
    thesis = claim.ref.level == "thesis"
    text = name(claim) if thesis else claim.text
    title = f"{claim.id}: {shorten(claim.text, 200)}"
    head = head or ("thesis" if thesis else claim.id)
    return _Card(claim.ref.level, line, head, text, title, href(claim), claim.ref.strand, inward)


def _ego(
    thing: ClaimView | TensionView,
    left: list[_Card],
    right: list[_Card],
    more: int,
    ego: _Ego,
    numbers: dict[str, int],
) -> Markup:
    stacks = [_stack(cards, ego) for cards in (left, right)]
    if isinstance(thing, ClaimView):
        kind, strand = str(thing.ref.level), thing.ref.strand
        text = name(thing) if kind == "thesis" and not ego.wrap[1] else thing.text
    else:
        kind, text, strand = "tension", thing.question, thing.strand
    letters = ego.wrap[1] or (0 if kind != "thesis" else ego.name_wrap)
    lines = wrap(text, letters, 6)
    own = (len(lines) + 1) * ego.line + 16
    tall = max(own, *(height for _, height in stacks)) + 8
    x, w = ego.columns[1]
    middle = layout.Rect(x, round((tall - own) / 2), w, own)
    css = f"map map-ego map-{ego.name}"
    prefix = css.replace(" ", "-")
    groups, paths = [], []
    for (spots, height), column, cards in zip(stacks, (0, 2), (left, right), strict=True):
        cx, cw = ego.columns[column]
        drop = (tall - height) / 2
        for (top, h, words), card in zip(spots, cards, strict=True):
            box = layout.Rect(cx, round(top + drop), cw, h)
            groups.append(_ego_card(card, box, words, ego, numbers.get(card.strand, 9)))
            if card.line:
                end = f' marker-end="url(#{prefix}-{card.line})"' if card.line in ENDS else ""
                path = _reach(box, middle, left=column == 0, inward=card.inward)
                paths.append(f'<path class="edge {card.line}" d="{path}"{end}/>')
    head = thing.id if kind != "thesis" else "thesis"
    groups.append(
        f'<g class="node self {kind} s{numbers.get(strand, 9)}">'
        f"{_ego_box(middle, kind)}{_egoline_of_text(middle, head, lines, ego)}</g>"
    )
    if more:
        tall += ego.line + 6
        told = f"{more} more {'is' if more == 1 else 'are'} not drawn"
        groups.append(line_of_text("note mid", ego.width / 2, tall - 6, told))
    words_ = f"{thing.id} and what it hangs together with directly; the page lists the same"
    return Markup(  # noqa: S704 - numbers, class names and filtered text
        f'<svg class="{css}" viewBox="0 0 {ego.width} {tall:.0f}" width="{ego.width}" '
        f'height="{tall:.0f}" role="group" aria-label="{untrusted(words_)}">{ends(css)}'
        f"{''.join(paths)}{''.join(groups)}</svg>"
    )


def _stack(cards: list[_Card], ego: _Ego) -> tuple[list[tuple[float, float, tuple[str, ...]]], int]:
    """Return (top, height, lines) for each card of a column, and the column's height."""
    y, spots = 4.0, []
    for card in cards:
        if card.kind in ("title", "none"):
            words = wrap(card.head, ego.wrap[0] or 15, 3)
            height = ego.line * len(words) + 6
        else:
            letters = ego.wrap[0] or (ego.name_wrap if card.kind == "thesis" else 0)
            words = wrap(card.text, letters, 2 if ego.wrap[0] else 4)
            height = ego.line * (len(words) + 1) + 11
        spots.append((y, float(height), words))
        y += height + 7
    return spots, round(y)


def _ego_card(card: _Card, box: layout.Rect, words: tuple[str, ...], ego: _Ego, number: int) -> str:
    if card.kind in ("title", "none"):
        style = "pole-title" if card.kind == "title" else "note"
        return lines_of_text(style, box.x + 2, box.y + ego.line, words, ego.line)
    return (
        f'<a href="{card.href}" class="node {untrusted(card.kind)} s{number}">'
        f"<title>{untrusted(card.title)}</title>{_ego_box(box, card.kind)}"
        f"{_egoline_of_text(box, card.head, words, ego)}</a>"
    )


def _ego_box(box: layout.Rect, kind: str) -> str:
    radius = {"tension": 2, "thesis": 9}.get(kind, 11)
    return (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
        f'rx="{radius}"/>'
    )


def _egoline_of_text(box: layout.Rect, head: str, lines: Sequence[str], ego: _Ego) -> str:
    indent = 10 if ego.wrap[0] else 6
    y = box.y + ego.line + 3
    text = ""
    if head:
        most = int((box.width - 2 * indent) / (6.2 if ego.wrap[0] else 5.6))
        text = line_of_text("id", box.x + indent, y, shorten(head, max(8, most)))
        y += ego.line
    return text + (lines_of_text("words", box.x + indent, y, lines, ego.line) if lines else "")


def _reach(box: layout.Rect, middle: layout.Rect, *, left: bool, inward: bool) -> str:
    x1, x2 = (box.x + box.width, middle.x) if left else (box.x, middle.x + middle.width)
    y1 = box.center[1]
    # Lines meet the middle where they come from, not all in one point.
    most = middle.height / 2 - 8
    y2 = middle.center[1] + max(-most, min(most, (y1 - middle.center[1]) * 0.5))
    a, b = ((x1, y1), (x2, y2)) if inward else ((x2, y2), (x1, y1))
    bend = (b[0] - a[0]) * 0.5
    return (
        f"M{a[0]:.0f} {a[1]:.0f}C{a[0] + bend:.0f} {a[1]:.0f} {b[0] - bend:.0f} {b[1]:.0f} "
        f"{b[0]:.0f} {b[1]:.0f}"
    )
