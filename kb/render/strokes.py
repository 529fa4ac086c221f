"""What all maps of the debate are drawn with: names, lines of text, the ends of lines."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from kb.render.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kb.render.debate import Debate
    from kb.views import ClaimView

SHOWN = ("proposed", "confirmed")
"""Review states of the relations that a map shows."""

_CAPITALS = frozenset({"llm", "ntk", "pac", "sgd"})


def name(claim: ClaimView) -> str:
    """Return what a map calls a claim: a thesis by the words of its id, a finding by its id."""
    if claim.ref.level != "thesis":
        return claim.id
    text = " ".join(w.upper() if w in _CAPITALS else w for w in claim.id.split("-"))
    return text[:1].upper() + text[1:]


def strands(debate: Debate) -> list[tuple[str, str]]:
    """Return (id, title) of each strand in order; one without a page is named by its id."""
    known = {strand.id: strand.title for strand in debate.strands}
    used = [t.strand for t in debate.tensions] + [c.ref.strand for c in debate.claims]
    return [*known.items(), *((s, s) for s in dict.fromkeys(used) if s not in known)]


_STANCE = {
    "supports": "supports",
    "replicates": "supports",
    "equivalentTo": "supports",
    "disputes": "disputes",
    "incompatibleWith": "disputes",
    "undercuts": "disputes",
}


def stance(relation: str) -> str:
    """Return which of three lines a relation between claims is drawn with.

    Examples:
        >>> stance("undercuts"), stance("refines")
        ('disputes', 'qualifies')
    """
    return _STANCE.get(relation, "qualifies")


def wrap(text: str, width: int, most: int) -> tuple[str, ...]:
    """Return a text in at most so many lines, the last one cut where it does not fit."""
    if not width:
        return ()
    return tuple(textwrap.wrap(text, width, max_lines=most, placeholder=" …")) or ("",)


def line_of_text(kind: str, x: float, y: float, text: str) -> str:
    """Return one line of text as SVG."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{untrusted(text)}</text>'


def lines_of_text(kind: str, x: float, y: float, lines: Sequence[str], step: float) -> str:
    """Return lines of text, one below the other, as SVG."""
    if len(lines) == 1:
        return line_of_text(kind, x, y, lines[0])
    spans = "".join(
        f'<tspan x="{x:g}" y="{y + i * step:g}">{untrusted(line)}</tspan>'
        for i, line in enumerate(lines)
    )
    return f'<text class="{kind}">{spans}</text>'


ENDS = {
    "supports": '<path d="M0 0L8 4L0 8z"/>',
    "disputes": '<path d="M6 0V8"/>',
    "qualifies": '<circle cx="4.5" cy="4" r="2.6"/>',
}
"""Stance -> what its line ends in: an arrow, a bar, a ring."""


def ends(prefix: str) -> str:
    """Return the ends of lines; every drawing has its own, for one that is hidden lends none.

    Args:
        prefix: Letters, digits and hyphens; the ids are the prefix, a hyphen and the stance.
    """
    return (
        "<defs>"
        + "".join(
            f'<marker id="{prefix}-{stance}" class="end {stance}" viewBox="0 0 9 8" refX="8" '
            'refY="4" markerWidth="9" markerHeight="8" markerUnits="userSpaceOnUse" '
            f'orient="auto">{path}</marker>'
            for stance, path in ENDS.items()
        )
        + "</defs>"
    )
