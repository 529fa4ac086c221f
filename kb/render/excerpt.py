"""Abstracts: which may be shown, and the sentences in them that show a link.

The rule on showing is one table. Whoever is not in it has not said that its abstracts may be
shown, and then the page has our own synopsis and a link.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import dialectic
from kb.render.tex import tex_cut, tex_whole

if TYPE_CHECKING:
    from markupsafe import Markup

    from kb.views import LinkView, ManifestationView, WorkView

TERMS: dict[str, str] = {
    "arxiv": "arXiv gives the metadata of its papers, abstracts among them, to everybody (CC0).",
    "openreview": "OpenReview shows abstracts to everybody; here with its name and a link to it.",
}
"""Kind of form -> why its abstract may be shown. A feed, a bibliography file, a publisher's or an
author's page does not say so: not here."""


@dataclass(frozen=True, slots=True)
class Abstract:
    """What a work's page does with its abstract."""

    shown: bool
    origin: ManifestationView | None
    """The form it was read from, None where none was."""
    reason: str
    """Why it is shown, or why not; "" where there is no abstract."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an abstract and the links whose evidence covers it."""

    markup: Markup
    links: tuple[LinkView, ...]
    closing: tuple[LinkView, ...]
    """Those of them whose sentence ends here: each is named once, after its sentence."""

    @property
    def is_read(self) -> bool:
        """Whether a person stands behind one of the links, or confirmed the sentence."""
        return any(dialectic.is_read(link) for link in self.links)


def abstract(work: WorkView) -> Abstract:
    """Return whether a work's abstract is shown, where it comes from, and why."""
    if not work.abstract:
        return Abstract(shown=False, origin=None, reason="")
    origin = next((m for m in work.manifestations if m.id == work.abstract_from), None)
    if origin is None:
        return Abstract(shown=False, origin=None, reason="It is not on record where it comes from.")
    reason = TERMS.get(origin.kind)
    if reason is None:
        told = "Its source does not say that its abstracts may be shown elsewhere."
        return Abstract(shown=False, origin=origin, reason=told)
    return Abstract(shown=True, origin=origin, reason=reason)


def marked(work: WorkView) -> list[Piece]:
    """Return a work's abstract in pieces, each with the links whose evidence covers it.

    Only a quote that stands in the text at its very offsets is marked. A mark that begins or
    ends within a formula takes in the whole of it, since half a formula cannot be shown.
    """
    whole = tex_whole(work.abstract)
    spans = []
    for link in work.links:
        for e in link.evidence if link.review in ("proposed", "confirmed") else ():
            if e.manifestation != work.abstract_from or not 0 <= e.start < e.end:
                continue
            if work.abstract[e.start : e.end] == e.quote:
                start = next((a for a, b in whole if a < e.start < b), e.start)
                end = next((b for a, b in whole if a < e.end < b), e.end)
                spans.append((start, end, link))
    cuts = {edge for start, end, _ in spans for edge in (start, end)}
    pieces = []
    for start, end, markup in tex_cut(work.abstract, cuts):
        over = [link for a, b, link in spans if a <= start and end <= b]
        ends = [link for _, b, link in spans if b == end]
        pieces.append(Piece(markup, _in_order(over), _in_order(ends)))
    return pieces


def _in_order(links: list[LinkView]) -> tuple[LinkView, ...]:
    unique = {(k.claim.id, str(k.stance), k.agent): k for k in links}
    return tuple(unique[key] for key in sorted(unique))
