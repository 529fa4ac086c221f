"""What a search knows of a page beside its text: its kind, strands, years and stances.

It goes into a page's front matter, and from there into the head of the page, where the search
index reads it. Only what the page itself says is told: no hidden words.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from kb import dates, dialectic, ids
from kb.render.dossier import TalkPage
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
    "talk",
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


def facets(page: str) -> tuple[dict[str, list[str]], bool]:
    r"""Return what a page can be filtered by, and whether it is not merely harvested.

    Args:
        page: Its Markdown with the front matter that `header` had a part in.

    Examples:
        >>> facets('---\nfind_kind: "work"\nfind_years: ["2030"]\n---\n# Dough\n')
        ({'kind': ['work'], 'strand': [], 'year': ['2030'], 'stance': []}, False)
    """
    lines = page.partition("\n---\n")[0].splitlines()
    # Each value is a string or a list of strings, the same in YAML and in JSON.
    told = {
        key: json.loads(value)
        for key, _, value in (line.partition(": ") for line in lines)
        if key.startswith("find_")
    }
    kind = told.get("find_kind", "about")
    lists = {
        "kind": [kind],
        "strand": told.get("find_strands", []),
        "year": told.get("find_years", []),
        "stance": told.get("find_stances", []),
    }
    plain = {group: [html.unescape(value) for value in some] for group, some in lists.items()}
    return plain, kind != "work" or "find_shelf" in told


def words(debate: Debate) -> str:
    """Return the words of titles, claims and names, most frequent first, one a line.

    A word that one harvested title alone has is left out: most of those are names of methods,
    and the list is fetched with the first search.

    Examples:
        >>> from types import SimpleNamespace as Some
        >>> work = Some(title="Flat minima, flat or not", authors=("Ann Author",))
        >>> work.ref = Some(key="author-2030")
        >>> nothing = {"claims": (), "tensions": (), "voices": (), "events": (), "strands": ()}
        >>> words(Some(works=(work,), topics=(), **nothing)).split()
        ['flat', 'author', 'minima']
    """
    ours: list[str] = []
    theirs: list[str] = []
    for work in debate.works:
        if work.ref.key:
            ours += [tex_plain(work.title), *work.authors]
        else:
            theirs.append(tex_plain(work.title))
    for claim in debate.claims:
        ours += [claim.text, *(sentence for _, sentence in claim.statements)]
    for tension in debate.tensions:
        ours += [tension.question, *(pole.title for pole in tension.poles)]
    ours += [voice.name for voice in debate.voices] + [event.name for event in debate.events]
    for strand in debate.strands:
        ours += [strand.title, strand.summary]
    for topic in debate.topics:
        ours += [topic.title, topic.summary]
    found = _counted(theirs)
    found = Counter({word: n for word, n in found.items() if n > 1}) + _counted(ours)
    ranked = sorted(found, key=lambda word: (-found[word], word))
    return "\n".join(ranked) + "\n"


def _counted(texts: Iterable[str]) -> Counter[str]:
    split = (word for text in texts for word in re.findall(r"[a-z]+", text.lower()))
    return Counter(word for word in split if len(word) >= _SHORTEST)


def _title(thing: Any) -> str:
    if isinstance(thing, WorkView):
        return tex_plain(thing.title)
    if isinstance(thing, ClaimView):
        return thing.text
    if isinstance(thing, TensionView):
        return thing.question
    if isinstance(thing, CycleView):
        return ""  # the page's heading names the day in words
    if isinstance(thing, TalkPage):
        return tex_plain(thing.title)
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
    if isinstance(thing, TalkPage):
        return ", ".join(thing.talk.people)
    return thing.publisher if isinstance(thing, DigestView) else ""


def _date(thing: Any) -> str:
    if isinstance(thing, WorkView):
        return thing.ref.date
    if isinstance(thing, EventView):
        return thing.date
    if isinstance(thing, TalkPage):
        return thing.day or thing.event.date
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
