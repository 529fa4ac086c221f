"""What stands beside the pages of the site: feeds, calendars, and how to cite each work.

The pages themselves know nothing of other formats; this puts the two together.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING

from kb import ids
from kb.export import Selection
from kb.export.bibtex import bibtex
from kb.export.csl import csl
from kb.export.feeds import Channel, atom, jsonfeed, rss
from kb.export.ical import icalendar
from kb.export.text import page
from kb.render.dossier import calendar_path
from kb.render.tex import tex_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kb.render import Debate
    from kb.views import EventView, TimelineEntry, WorkView

NEWEST = 100
"""Entries of one feed; who wants all of them exports them."""

WHOLE = "feeds/all"
"""The feeds of the whole debate, without their ending."""

_INNERMOST = re.compile(r"[\[{][^\[\]{}]*[\]}]")
_BREAK = re.compile(r"\n\s*")

_FEEDS = {".atom.xml": atom, ".rss.xml": rss, ".feed.json": jsonfeed}


def citations(works: Iterable[WorkView]) -> dict[str, tuple[str, str]]:
    """Return work id -> the work as BibTeX and as CSL-JSON."""
    found = {}
    for work in works:
        # Machine proposals are no keywords of a bibliography.
        alone = Selection(works=(dataclasses.replace(work, links=()),))
        items = json.loads(b"".join(csl(alone)))
        told = json.dumps(items, ensure_ascii=False, indent=1)
        # What holds nothing further stands on one line: a name, a date. No text has a break.
        told = _INNERMOST.sub(lambda match: _BREAK.sub(" ", match[0]), told)
        found[work.id] = (b"".join(bibtex(alone)).decode().strip(), told)
    return found


def calendars(events: Iterable[EventView], as_of: str) -> dict[str, bytes]:
    """Return event id -> its calendar file, for the events whose days are known.

    Raises:
        ConfigError: icalendar is not installed.
    """
    files = {}
    for event in events:
        data = b"".join(icalendar(Selection(events=(event,), as_of=as_of)))
        if b"BEGIN:VEVENT" in data:
            files[event.id] = data
    return files


def channels(debate: Debate) -> Iterator[tuple[str, str, str, Mapping[str, str]]]:
    """Yield (path of the feeds, title, path of the page, what `Selection.only` takes)."""
    yield WHOLE, "Dissensus: the debate on deep learning theory", "index", {}
    for strand in debate.strands:
        name = f"feeds/strand-{ids.slug(strand.id)}"
        yield name, f"Dissensus: {strand.title}", _page("strand", strand.id), {"strand": strand.id}
    for tension in debate.tensions:
        name = f"feeds/tension-{ids.slug(tension.id)}"
        title = f"Dissensus: {tension.id}, {tension.question}"
        yield name, title, _page("tension", tension.id), {"tension": tension.id}


def feed_paths(debate: Debate) -> dict[str, str]:
    """Return path of a page -> path of the feeds about it, both without their endings."""
    return {about: name for name, _, about, _ in channels(debate)}


def files(debate: Debate, base: str = "") -> dict[str, bytes]:
    """Return every file that stands beside the pages: path in the site -> content.

    Args:
        debate: All views.
        base: Address of the site, with a "/" at its end, or "": then feeds link as far as a
            feed without an address may.

    Raises:
        ConfigError: icalendar is not installed.
    """
    whole = Selection(
        strands=debate.strands,
        claims=debate.claims,
        tensions=debate.tensions,
        works=debate.works,
        voices=debate.voices,
        events=debate.events,
        cycles=debate.cycles,
        timeline=tuple(map(_plain, debate.timeline)),
        base=base,
        as_of=debate.as_of,
    )
    found: dict[str, bytes] = {}
    for name, title, about, part in channels(debate):
        selection = whole.only(**part)
        for ending, write in _FEEDS.items():
            own = "" if name == WHOLE else name.partition("/")[2]
            channel = Channel(title, own, f"{name}{ending}", f"{about}.html", NEWEST)
            found[f"{name}{ending}"] = b"".join(write(selection, channel))
    by_id = {event.id: event for event in debate.events if event.id in debate.calendars}
    for id, data in calendars(by_id.values(), debate.as_of).items():
        found[calendar_path(by_id[id])] = data
    return found


def complete(debate: Debate) -> Debate:
    """Return the debate with what its pages say of the files beside them."""
    return dataclasses.replace(
        debate,
        citations=citations(debate.works),
        calendars=frozenset(calendars(debate.events, debate.as_of)),
        feeds=feed_paths(debate),
    )


def _page(kind: str, id: str) -> str:
    return page(kind, id).removesuffix(".html")


def _plain(entry: TimelineEntry) -> TimelineEntry:
    """Titles of sources hold TeX, which a feed reader would show as it is written."""
    return dataclasses.replace(entry, title=tex_plain(entry.title))
