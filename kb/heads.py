"""What a page tells machines: a summary, JSON-LD, and where pages went that had another name.

It is put into finished pages, so that templates speak to readers alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from kb import dates, ids
from kb.errors import ConfigError
from kb.export.jsonld import about
from kb.render import untrusted
from kb.render.debate import place
from kb.render.tex import tex_plain
from kb.views import ClaimView, EventView, TensionView, VoiceView, WorkView, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kb.render import Debate

    Thing = ClaimView | EventView | TensionView | VoiceView | WorkView

SUMMARY = 200
"""Characters of a summary; search engines and chat windows cut near there."""

_LISTS = {
    "index": "Which claims about deep learning pull against each other, which works bear on them, "
    "and how sure we are of each link.",
    "tensions/index": "Open and apparent disagreements in the theory of deep learning, each with "
    "its poles and who holds them.",
    "claims/index": "Theses and findings of the debate, by strand, with the balance of evidence.",
    "works/index": "Papers, posts and talks in the debate, by year.",
    "voices/index": "Who argues in the debate, and what each holds and held.",
    "events/index": "Workshops and conferences where the debate takes place, with programmes.",
    "strands/index": "The strands of the debate and the question that each one asks.",
    "topics/index": "Topics of the debate: what a word means in it, and where it matters.",
    "digests/index": "Digests by others, each of their sources placed in this debate.",
    "cycles/index": "What the debate looked like at each point, and what changed between them.",
    "map": "All theses, findings and tensions of the debate as one map.",
    "timeline": "Works, status events, voices and events of the debate on one axis.",
    "sources": "Where the records come from, when each source was last read, and what it brought.",
}
_PATH = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)*")
_JSONLD = '<script type="application/ld+json">{}</script>'
_MOVED = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; object-src 'none'; \
base-uri 'none'; form-action 'none'">
<meta http-equiv="refresh" content="0; url={target}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>This page has moved</title>
<link rel="canonical" href="{canonical}">
</head>
<body>
<main><h1>This page has moved</h1><p><a href="{target}">It is here now.</a></p></main>
</body>
</html>
"""


class Heads:
    """Adds to each page of one debate what machines read of it.

    Args:
        debate: What the site shows.
        base: Address of the published site, with a "/" at its end, or "".
    """

    def __init__(self, debate: Debate, base: str = "") -> None:
        self._base = base
        self._claims = frozenset(claim.id for claim in debate.claims)
        things: list[Thing] = [
            *debate.works, *debate.claims, *debate.tensions, *debate.voices, *debate.events
        ]  # fmt: skip
        self._things = {place(thing): thing for thing in things}

    def dress(self, path: str, page: str) -> str:
        """Return a page with its summary in its header and its JSON-LD at its end.

        Args:
            path: Relative to the site's root, without ending.
            page: Markdown with a YAML header.
        """
        thing = self._things.get(path)
        told = summary(thing) if thing else _LISTS.get(path, "")
        if told and "\ndescription:" not in page[: page.find("\n---\n")]:
            line = f'description: "{untrusted(shorten(told, SUMMARY))}"\n'
            page = page.replace("\n---\n", f"\n{line}---\n", 1)
        if thing:
            page += "\n" + _JSONLD.format(about(thing, self._claims, self._base)) + "\n"
        return page


def summary(thing: Thing) -> str:
    """Return what a thing is in a sentence or two, for search results and shared links.

    Never an abstract: not every source lets it be shown, and a link does not say whose it is.
    """
    if isinstance(thing, ClaimView):
        return f"A {thing.ref.level} of the debate, with the works for and against it: {thing.text}"
    if isinstance(thing, TensionView):
        return f"{thing.question} " + " / ".join(pole.title for pole in thing.poles)
    if isinstance(thing, VoiceView):
        return f"{thing.name} in the debate: claims held, works and who answers them."
    if isinstance(thing, EventView):
        when = dates.words(thing.date) if thing.date else ""
        told = ", ".join(part for part in (when, thing.place) if part)
        return f"{thing.name}{f' ({told})' if told else ''}: talks and papers in the debate."
    by = ", ".join(thing.authors) or thing.ref.authors
    when = dates.words(thing.ref.date) if thing.ref.date else ""
    said = ", ".join(part for part in (by, when) if part)
    title = tex_plain(thing.title)
    return thing.synopsis or f"{title}{f' ({said})' if said else ''}: what it says to which claims."


def moved(debate: Debate, pages: Iterable[str], by_hand: Path) -> dict[str, str]:
    """Return the former path of each page that has moved, and where it is now.

    A work is found under each of its identifiers, and under those of works that were joined
    with it. What was renamed by hand is in a file.

    Args:
        debate: What the site shows.
        pages: Paths of all pages, without ending.
        by_hand: YAML, a former path to a path; may be absent.

    Raises:
        ConfigError: The file is no such list, or points at no page, or from one.
    """
    known = set(pages)
    found: dict[str, str] = {}
    unclear: set[str] = set()
    for old, new in _former(debate):
        if found.setdefault(old, new) != new:
            unclear.add(old)  # two works claim it: neither is where it leads
    found = {k: v for k, v in found.items() if v in known and k not in known | unclear}
    return found | _renamed(by_hand, known)


def moved_page(old: str, new: str, base: str = "") -> str:
    """Return the HTML that stands where a page was and leads to where it is."""
    target = "../" * old.count("/") + f"{new}.html"
    return _MOVED.format(target=target, canonical=f"{base}{new}.html" if base else target)


def robots(base: str) -> str:
    """Return the text that tells crawlers they may read everything, and where the list is."""
    return "User-agent: *\nAllow: /\n" + (f"Sitemap: {base}sitemap.xml\n" if base else "")


def _former(debate: Debate) -> Iterator[tuple[str, str]]:
    for work in debate.works:
        joined = [m.loser for m in work.merges if m.applied and not m.relation]
        for id in (*work.identifiers, *joined):
            if id != work.id:
                yield f"works/{ids.slug(id)}", place(work)


def _renamed(path: Path, known: set[str]) -> dict[str, str]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    try:
        listed = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    if not isinstance(listed, dict):
        raise ConfigError(f"{path}: a former path to a path is expected in each line")
    for old, new in listed.items():
        if not (isinstance(old, str) and _PATH.fullmatch(old)):
            raise ConfigError(f"{path}: not the path of a page: {old!r}")
        if old in known:
            raise ConfigError(f"{path}: there is a page at {old}; it cannot lead elsewhere")
        if new not in known:
            raise ConfigError(f"{path}: there is no page at {new!r}, to which {old} leads")
    return listed
