"""Atom, RSS and JSON Feed: what entered the debate or changed, newest first.

A feed reader wants an instant for every entry. What changed has one: the time of its cycle.
What happened in the world is often known to the month or the year alone; such entries are
left out rather than moved to the first of January, and `left_out` says how many. A day is
told as its first instant in UTC.

A link in a feed needs the site's address. Without one, Atom takes links relative to the feed,
which RFC 4287 allows; RSS and JSON Feed do not, and there an entry links to its work's public
address or to nothing. Names of entries are URNs in all three and never change.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from kb import dates, ids
from kb.export.text import address, dump, iso, line, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.export.selection import Selection
    from kb.views import TimelineEntry

_TITLE = "Dissensus: the debate on deep learning theory"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SELF = "urn:x-dissensus:feed"
_BULK = ("proposal-", "harvest-")
"""Kinds of change that come by the hundred and are told as one number."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed."""

    id: str
    title: str
    text: str
    place: str
    """The path of its page in the site, "" where it has none."""
    outside: str
    """The public address of the work it is about, "" where it has none."""
    moment: dt.datetime
    category: str

    def url(self, base: str) -> str:
        """Return its address where the site's is known, else its work's; "" for neither."""
        return f"{base}{self.place}" if base and self.place else self.outside


@dataclass(frozen=True, slots=True)
class Channel:
    """What a feed is about and where it lies; the whole debate, anywhere, by default."""

    title: str = _TITLE
    name: str = ""
    """Of this feed among the site's, "" for the whole: part of its URN."""
    path: str = ""
    """Where it lies in the site, so that it can link from there; "" outside of one."""
    page: str = ""
    """The path of the page it is about."""
    most: int = 0
    """Entries at most, the newest; 0 for all."""

    @property
    def id(self) -> str:
        """Its name, which holds wherever the site lies."""
        return f"{_SELF}:{self.name}" if self.name else _SELF

    def link(self, base: str, place: str) -> str:
        """Return the address of a place of the site as seen from this feed, "" for none."""
        if base:
            return f"{base}{place}"
        return "../" * self.path.count("/") + place if self.path else ""


_WHOLE = Channel()


def entries(selection: Selection, most: int = 0) -> list[Entry]:
    """Return the entries of a feed, newest first, each with an id that never changes."""
    found = [*_changes(selection), *_happenings(selection)]
    found.sort(key=lambda e: -e.moment.timestamp())
    return found[:most] if most else found


def left_out(selection: Selection) -> list[str]:
    """Return what a feed of the selection does not show, in plain words."""
    vague = {_key(e) for e in _told(selection) if dates.precision(e.date) != "day"}
    return (
        [f"left out {len(vague)} entries whose day is not known: a feed would make one up"]
        if vague
        else []
    )


def atom(selection: Selection, channel: Channel = _WHOLE) -> Iterator[bytes]:
    """Yield an Atom feed (RFC 4287), an entry at a time."""
    found, base = entries(selection, channel.most), selection.base
    yield b'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
    yield _xml("title", line(channel.title))
    yield _xml("id", base if base and not channel.name else channel.id)
    yield _xml("updated", _latest(selection, found).isoformat())
    if url := channel.link(base, channel.page):
        yield _xml("link", rel="alternate", href=url)
    if channel.path:
        here = f"{base}{channel.path}" if base else channel.path.rpartition("/")[2]
        yield _xml("link", rel="self", type="application/atom+xml", href=here)
    yield b"<author><name>Dissensus</name></author>\n"
    for entry in found:
        element = ET.Element("entry")
        _child(element, "title", entry.title, type="text")
        _child(element, "id", entry.id)
        _child(element, "updated", entry.moment.isoformat())
        _child(element, "category", term=entry.category)
        if url := (channel.link(base, entry.place) if entry.place else "") or entry.outside:
            _child(element, "link", href=url)
        _child(element, "content", entry.text, type="text")
        yield ET.tostring(element, encoding="unicode").encode() + b"\n"
    yield b"</feed>\n"


def rss(selection: Selection, channel: Channel = _WHOLE) -> Iterator[bytes]:
    """Yield an RSS 2.0 feed, an item at a time."""
    found, base = entries(selection, channel.most), selection.base
    yield b'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0">\n<channel>\n'
    yield _xml("title", line(channel.title))
    # Required, and must be absolute: without the site's address it is the feed's own name.
    yield _xml("link", f"{base}{channel.page}" if base else channel.id)
    yield _xml("description", "What entered the debate or changed.")
    yield _xml("lastBuildDate", format_datetime(_latest(selection, found), usegmt=True))
    for entry in found:
        element = ET.Element("item")
        _child(element, "title", _html(entry.title))
        _child(element, "guid", entry.id, isPermaLink="false")
        _child(element, "pubDate", format_datetime(entry.moment, usegmt=True))
        _child(element, "category", entry.category)
        if url := entry.url(base):
            _child(element, "link", url)
        _child(element, "description", _html(entry.text))
        yield ET.tostring(element, encoding="unicode").encode() + b"\n"
    yield b"</channel>\n</rss>\n"


def jsonfeed(selection: Selection, channel: Channel = _WHOLE) -> Iterator[bytes]:
    """Yield a JSON Feed (version 1.1), an item at a time."""
    base = selection.base
    head = {"version": "https://jsonfeed.org/version/1.1", "title": line(channel.title)}
    if base:
        head["home_page_url"] = f"{base}{channel.page}"
        if channel.path:
            head["feed_url"] = f"{base}{channel.path}"
    yield dump(head)[:-1].encode() + b', "items": ['
    separator = b"\n"
    for entry in entries(selection, channel.most):
        item: dict[str, object] = {
            "id": entry.id,
            "title": entry.title,
            "content_text": entry.text,
            "date_published": entry.moment.isoformat(),
            "tags": [entry.category],
        }
        if url := entry.url(base):
            item["url"] = url
        yield separator + dump(item).encode()
        separator = b",\n"
    yield b"\n]}\n"


def _changes(selection: Selection) -> Iterator[Entry]:
    for cycle in selection.cycles:
        if cycle.reconstructed:
            continue  # nothing was shown on that day; the timeline tells what happened on it
        moment = dt.datetime.fromisoformat(cycle.created)
        place = page("cycle", cycle.name)
        machine = sum(1 for change in cycle.changes if change.kind.startswith(_BULK))
        counts = ", ".join(f"{count} {kind}" for kind, count in cycle.counts)
        more = f" {machine} changes by harvest and machine." if machine else ""
        text = line(f"In it: {counts}.{more}")
        yield Entry(_hash(cycle.hash), f"Cycle {cycle.name}", text, place, "", moment, "cycle")
        for change in cycle.changes:
            if not change.kind.startswith(_BULK):
                name, text = _hash(cycle.hash, change.id), f"{change.kind}: {change.text}"
                yield Entry(name, line(change.text), line(text), place, "", moment, change.kind)


def _happenings(selection: Selection) -> Iterator[Entry]:
    seen: set[tuple[str, ...]] = set()
    for entry in _told(selection):
        key = _key(entry)
        if key in seen or dates.precision(entry.date) != "day" or not iso(entry.date):
            continue
        seen.add(key)
        moment = dt.datetime.fromisoformat(entry.date).replace(tzinfo=dt.UTC)
        if selection.as_of and moment > dt.datetime.fromisoformat(selection.as_of):
            continue  # news from the future would stay on top of every reader
        text = " · ".join(p for p in (dates.words(entry.date), entry.lane, entry.detail) if p)
        place, outside = _page(entry)
        yield Entry(_hash(*key), line(entry.title), line(text), place, outside, moment, entry.lane)


def _told(selection: Selection) -> Iterator[TimelineEntry]:
    """What is told on its own: harvested works are many, and a table shows them better."""
    for entry in selection.timeline:
        if entry.date and (entry.lane != "works" or entry.work is None or entry.work.key):
            yield entry


def _key(entry: TimelineEntry) -> tuple[str, ...]:
    """What makes two entries one: the timeline lists a work once for each of its strands."""
    about = entry.work.id if entry.work else entry.ref.id if entry.ref else ""
    return (entry.date, entry.lane, entry.title, entry.detail, about)


def _page(entry: TimelineEntry) -> tuple[str, str]:
    """Where an entry leads: its page in the site, and its work's public address."""
    if entry.ref is not None:
        return page(entry.ref.kind, entry.ref.id), ""
    if entry.work is None:
        return "", address(entry.url)
    return page("work", entry.work.id), address(ids.url(entry.work.id))


def _latest(selection: Selection, found: list[Entry]) -> dt.datetime:
    if selection.as_of:
        return dt.datetime.fromisoformat(selection.as_of)
    return max((entry.moment for entry in found), default=_EPOCH)


def _hash(*words: str) -> str:
    digest = hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()
    return f"urn:x-dissensus:entry:{digest[:32]}"


def _html(text: str) -> str:
    """RSS does not say whether a text is HTML; readers take it for HTML, so it is that."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _child(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> None:
    child = ET.SubElement(parent, tag, attributes)
    if text:
        child.text = text


def _xml(tag: str, text: str = "", **attributes: str) -> bytes:
    element = ET.Element(tag, attributes)
    if text:
        element.text = text
    return ET.tostring(element, encoding="unicode").encode() + b"\n"
