"""Small drawings: stance marks, strand marks, balances. SVG with attributes, no styles.

The content policy of the site forbids inline styles, so sizes are attributes and colors
come from classes. Every drawing stands beside words that say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from kb.render.untrusted import untrusted

if TYPE_CHECKING:
    from kb.views import Balance

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


def balance(weights: Balance) -> Markup:
    """Return a row of marks, one a lineage that is read or confirmed: for, against, qualifying.

    What a machine alone proposes is not drawn: it would drown what was read.
    """
    total = weights.supports + weights.disputes + weights.qualifies
    if not total:
        return Markup("")
    scale = min(1.0, _MOST / total)
    x = 0
    shapes: list[str] = []
    for stance in _COUNTED:
        number: int = getattr(weights, stance)
        drawn = max(1, round(number * scale)) if number else 0
        if drawn:
            path = "".join(_MARKS[stance].format(x + 10 * i) for i in range(drawn))
            shapes.append(f'<path class="{stance}" d="{path}"/>')
            x += 10 * drawn + 5
    words = "; ".join(f"{stance}: {getattr(weights, stance)}" for stance in _COUNTED)
    note = "" if scale == 1.0 else f"; one mark stands for {1 / scale:.1f} lineages"
    return Markup(  # noqa: S704 - numbers, known words and filtered text
        f'<svg class="balance" viewBox="-1 0 {x} 10" width="{x}" height="10" role="img" '
        f'aria-label="{untrusted(words + note)}">{"".join(shapes)}</svg>'
    )
