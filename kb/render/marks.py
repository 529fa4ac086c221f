"""Small drawings: stance marks, strand marks, balances. SVG with attributes, no styles.

The content policy of the site forbids inline styles, so sizes are attributes and colors
come from classes. Every drawing stands beside words that say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from kb import dialectic
from kb.render.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kb.views import LinkView

_GLYPHS = {
    "supports": '<path d="M6 1.5L11 10.5H1z"/>',
    "disputes": '<path d="M6 10.5L1 1.5H11z"/>',
    "qualifies": '<path d="M6 .8L11.2 6 6 11.2.8 6z"/>',
    "mentions": '<circle cx="6" cy="6" r="2"/>',
}
_COUNTED = ("supports", "disputes", "qualifies")
_MARKS = {
    "supports": "M{0} 8.5l4-7 4 7z",
    "disputes": "M{0} 1.5l4 7 4-7z",
    "qualifies": "M{0} 5l4-4 4 4-4 4z",
}
_MOST = 40
"""Lineages drawn one by one; more are drawn as a share of this many marks."""


def glyph(stance: str) -> Markup:
    """Return the mark of a stance: a triangle up, one down, a diamond, a dot."""
    shape = _GLYPHS.get(stance, _GLYPHS["mentions"])
    return Markup(  # noqa: S704 - constants and a known word
        f'<svg class="glyph {stance if stance in _GLYPHS else "mentions"}" viewBox="0 0 12 12" '
        f'width="12" height="12" aria-hidden="true">{shape}</svg>'
    )


def counted(links: Iterable[LinkView]) -> dict[str, tuple[int, int]]:
    """Return, for each stance, the lineages with a curated or confirmed link and the others.

    What counts is what `kb.dialectic.balance` counts, so the marks add up to its numbers.
    """
    curated: dict[str, set[str]] = {stance: set() for stance in _COUNTED}
    machine: dict[str, set[str]] = {stance: set() for stance in _COUNTED}
    for link in links:
        if dialectic.counts(link):
            read = link.review == "confirmed" or link.agent_kind in ("curation", "human")
            (curated if read else machine)[link.stance].add(link.work.lineage)
    return {s: (len(curated[s]), len(machine[s] - curated[s])) for s in _COUNTED}


def balance(links: Sequence[LinkView]) -> Markup:
    """Return a row of marks, one a lineage: filled where curated, hollow where proposed."""
    parts = counted(links)
    total = sum(a + b for a, b in parts.values())
    if not total:
        return Markup("")
    scale = 1.0 if total <= _MOST else _MOST / total
    x = 0
    shapes: list[str] = []
    for stance in _COUNTED:
        for number, kind in zip(parts[stance], ("read", "guess"), strict=True):
            drawn = max(1, round(number * scale)) if number else 0
            if drawn:
                path = "".join(_MARKS[stance].format(x + 10 * i) for i in range(drawn))
                shapes.append(f'<path class="{stance} {kind}" d="{path}"/>')
            x += 10 * drawn
        x += 5 if sum(parts[stance]) else 0
    words = "; ".join(
        f"{stance}: {read} curated, {guess} proposed by a machine"
        for stance, (read, guess) in parts.items()
    )
    note = "" if scale == 1.0 else f"; one mark stands for {1 / scale:.1f} lineages"
    return Markup(  # noqa: S704 - numbers, known words and filtered text
        f'<svg class="balance" viewBox="-1 0 {x} 10" width="{x}" height="10" role="img" '
        f'aria-label="{untrusted(words + note)}">{"".join(shapes)}</svg>'
    )
