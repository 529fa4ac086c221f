"""What a search knows of a page beside its text: its kind, strands, years and stances.

It goes into a page's front matter, and from there into the head of the page, where the search
index reads it. Only what the page itself says is told: no hidden words.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from kb import dates, dialectic, ids
from kb.render.tex import tex_plain
from kb.render.timeline import year_of
from kb.render.untrusted import untrusted
from kb.views import ClaimView, CycleView, DigestView, EventView, TensionView, VoiceView, WorkView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.render.debate import Debate
    from kb.views import LinkView

WORDS = "assets/words.txt"
"""Path of the list from which a search mends misspelled words."""

_KINDS = (
    "tension", "claim", "work", "voice", "event", "strand", "topic", "term", "digest", "cycle",
)  # fmt: skip
_LIVE = ("proposed", "confirmed")
_SHORTEST = 4
"""Letters; a shorter word is near to too many others to be mended."""


def header(name: str, values: dict[str, Any], debate: Debate) -> Markup:
    """Return the lines of a page's front matter that a search reads, "" for a list of things.

    Args:
        name: The template of the page, which is the kind of thing it is about.
        values: What the template shows; the thing is under its kind.
        debate: All views, for the names of strands.
    """
    thing = values.get(name)
    if name not in _KINDS or thing is None:
        return Markup("")
    titles = {strand.id: strand.title for strand in debate.strands}
    told = {
        "label": _label(thing),
        "title": _title(thing),
        "by": _by(thing),
        "date": _when(thing),
        "id": _names(thing),
    }
    lines = [f'find_kind: "{name}"']
    lines += [f'find_{key}: "{untrusted(value)}"' for key, value in told.items() if value]
    lists = {
        "strands": sorted({titles.get(id, id) for id in _strands(thing)}),
        "years": sorted({year for date in (_date(thing),) if date and (year := year_of(date))}),
        "stances": sorted(_stances(thing)),
    }
    for key, some in lists.items():
        if some:
            lines.append(f"find_{key}: [" + ", ".join(f'"{untrusted(v)}"' for v in some) + "]")
    if isinstance(thing, WorkView) and thing.ref.key:
        lines.append('find_shelf: "curated"')
    return Markup("\n".join(lines) + "\n")  # noqa: S704 - filtered


def words(debate: Debate) -> str:
    """Return the words of titles, claims and names, most frequent first, one a line.

    Examples:
        >>> from types import SimpleNamespace as Some
        >>> work = Some(title="Flat minima, flat or not", authors=("Ann Author",))
        >>> nothing = {"claims": (), "tensions": (), "voices": (), "events": (), "strands": ()}
        >>> words(Some(works=(work,), topics=(), **nothing)).split()
        ['flat', 'author', 'minima']
    """
    texts: list[str] = []
    for work in debate.works:
        texts += [tex_plain(work.title), *work.authors]
    for claim in debate.claims:
        texts += [claim.text, *(sentence for _, sentence in claim.statements)]
    for tension in debate.tensions:
        texts += [tension.question, *(pole.title for pole in tension.poles)]
    texts += [voice.name for voice in debate.voices] + [event.name for event in debate.events]
    for strand in debate.strands:
        texts += [strand.title, strand.summary]
    for topic in debate.topics:
        texts += [topic.title, topic.summary]
    found = Counter(
        word for text in texts for word in re.findall(r"[a-z]+", text.lower())
        if len(word) >= _SHORTEST
    )  # fmt: skip
    ranked = sorted(found, key=lambda word: (-found[word], word))
    return "\n".join(ranked) + "\n"


def _title(thing: Any) -> str:
    if isinstance(thing, WorkView):
        return tex_plain(thing.title)
    if isinstance(thing, ClaimView):
        return thing.text
    if isinstance(thing, TensionView):
        return thing.question
    if isinstance(thing, CycleView):
        return ""  # the page's heading names the day in words
    return str(thing.name if isinstance(thing, VoiceView | EventView) else thing.title)


def _label(thing: Any) -> str:
    """Return what sort of its kind a thing is: a paper or a post, a thesis or a finding."""
    if isinstance(thing, WorkView):
        return thing.ref.kind
    return thing.ref.level if isinstance(thing, ClaimView) else ""


def _by(thing: Any) -> str:
    if isinstance(thing, WorkView):
        return ", ".join(thing.authors) or thing.ref.authors
    if isinstance(thing, EventView):
        return thing.venue
    return thing.publisher if isinstance(thing, DigestView) else ""


def _date(thing: Any) -> str:
    if isinstance(thing, WorkView):
        return thing.ref.date
    if isinstance(thing, EventView):
        return thing.date
    if isinstance(thing, DigestView):
        return thing.as_of[:10]
    if isinstance(thing, CycleView):
        return (thing.valid or thing.created)[:10]
    return ""


def _when(thing: Any) -> str:
    date = _date(thing)
    return dates.words(date) if date else ""


def _names(thing: Any) -> str:
    """Return what a page is looked up by: bare arXiv numbers, DOIs, ids of claims."""
    if isinstance(thing, WorkView):
        kept = (id for id in thing.identifiers if id.startswith(("arxiv:", "doi:", "openreview:")))
        return " ".join(dict.fromkeys(id.partition(":")[2] for id in kept))
    if isinstance(thing, ClaimView):
        return thing.id if thing.ref.level != "thesis" else ids.slug(thing.id)
    return str(thing.id) if isinstance(thing, TensionView | VoiceView) else ""


def _strands(thing: Any) -> Iterable[str]:
    """Return strands by id; a work's come from links that were read, not from a machine's."""
    if isinstance(thing, WorkView):
        return [k.claim.strand for k in _live(thing.links) if dialectic.is_read(k)]
    if isinstance(thing, ClaimView):
        return [thing.ref.strand]
    if isinstance(thing, TensionView):
        return [thing.strand]
    if isinstance(thing, VoiceView):
        return [holding.claim.strand for holding in thing.holdings]
    strands = getattr(thing, "strands", ())
    return [strand.id for strand in strands]


def _stances(thing: Any) -> set[str]:
    """Return stances toward theses; what only a machine says is told as proposed."""
    if isinstance(thing, WorkView):
        return {
            k.stance if dialectic.is_read(k) else f"proposed: {k.stance}"
            for k in _live(thing.links)
            if k.claim.level == "thesis"
        }
    if isinstance(thing, ClaimView):
        return {r.kind for r in thing.bears_on if r.source.id == thing.id}
    return set()


def _live(links: Iterable[LinkView]) -> list[LinkView]:
    return [link for link in links if link.review in _LIVE]
