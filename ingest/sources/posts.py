"""Feeds of posts, RSS and Atom: what people write about works, never a form of one.

RSS 2.0: https://www.rssboard.org/rss-specification; RSS 1.0: https://web.resource.org/rss/1.0/;
Atom: RFC 4287.

A page is read strictly: whole, well-formed, with a feed's root and without a document type.
A lenient parser takes an error page for a feed without entries, and the head of a torn page
for all of it.
"""

from __future__ import annotations

import codecs
import datetime as dt
import email.utils
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit
from xml.sax.saxutils import quoteattr

from defusedxml import ElementTree as SafeTree

from ingest import markup, normalize, strict
from ingest.errors import ParseError
from ingest.records import CoverageDraft, Errand, Raw
from ingest.sources.arxiv import mark
from kb import dates, ids
from kb.errors import DateError, IdentifierError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from xml.etree.ElementTree import Element

    from ingest.records import Fetch, Reading
    from kb.schema import FeedEntry, SourcesFile

ADAPTER = "posts"
PAUSE = 5.0
"""Seconds between two requests to one host. A feed is one request a day."""
MOST = 50
"""Identifiers that one post may name; a list of a hundred papers is about none of them."""

_ATOM = "{http://www.w3.org/2005/Atom}"
_RSS1 = "{http://purl.org/rss/1.0/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_OWN = (_ATOM, _RSS1, "")
"""Namespaces of the feeds' own elements."""
_PATHS = {
    f"{_ATOM}feed": [f"{_ATOM}entry"],
    "rss": ["channel", "item"],
    f"{_RDF}RDF": [f"{_RSS1}item"],
}
"""A feed's root -> where below it the entries stand."""
_HTML = 400_000
"""Characters of HTML that are looked through for names; the longest posts have half of it."""
_TITLE = 500
"""Characters; a longer title is cut."""
_EARLIEST = dt.date(1990, 1, 1)
"""Before it there was no web to post on."""
_AHEAD = dt.timedelta(days=2)
"""How far behind the server's clock and calendar ours may be."""


class Posts:
    """The posts of one feed, in its order."""

    def __init__(self, entry: FeedEntry, fetch: Fetch) -> None:
        """Name the feed.

        Args:
            entry: Where it is, and which of its posts are wanted.
            fetch: How to reach the network.
        """
        self.name = f"{ADAPTER}:{entry.id}"
        self.position = ""
        """Always "": a feed lists its newest posts and cannot be asked for those since a day."""
        self._entry = entry
        self._fetch = fetch

    def fetch(self, since: str = "") -> Iterator[Raw]:  # noqa: ARG002 - a feed is read whole
        """Yield one record per wanted entry, cut from the page as it stands there.

        Raises:
            FetchError: The feed could not be reached, or what came is no feed.
            BlockedError: It does not let us in.
            ParseError: Its address is wrong.
        """
        url = self._entry.url
        body = self._fetch(url, page_fault, keep=True)
        fetched_at = dt.datetime.now(dt.UTC)
        for xml in _entries(body):
            try:
                post = _post(xml, url)
            except strict.UnreadableError:  # an end that we cannot tell: it will be refused
                yield Raw(self.name, url, fetched_at, xml)
                continue
            if _is_wanted(post, self._entry.any_of):
                yield Raw(self.name, (post.link or url)[:500], fetched_at, xml)

    def read(self, raw: Raw) -> CoverageDraft:
        """Return what one entry says; see `Source.read`."""
        return read(self._entry, raw)


def errands(config: SourcesFile) -> list[Errand]:
    """Return one errand per enabled feed."""
    return [
        Errand(
            name=f"{ADAPTER}:{entry.id}:{mark(entry.url)}",
            title=f"posts: {entry.publisher}",
            hosts={urlsplit(entry.url).hostname or "": PAUSE},
            make=partial(Posts, entry),
            every=config.every.get(ADAPTER, 1.0),
        )
        for entry in config.posts
        if entry.enabled
    ]


def readers(config: SourcesFile) -> Mapping[str, Callable[[Raw], Reading]]:
    """Return how the records of each feed are read, also of those no longer asked."""
    return {f"{ADAPTER}:{entry.id}": partial(read, entry) for entry in config.posts}


def read(entry: FeedEntry, raw: Raw) -> CoverageDraft:
    """Return the post that one entry of a feed describes.

    Raises:
        ParseError: It has no address, title or date, or one that cannot be right.
    """

    def wrong(reason: str) -> ParseError:
        return ParseError(raw.source, raw.url, reason)

    try:
        post = _post(raw.body, entry.url)
    except strict.UnreadableError as error:
        raise wrong(f"not an entry of a feed: {error}") from error
    if not post.link:
        raise wrong("entry has no link to a post")
    url = clean(post.link)
    if not url:
        raise wrong(f"link is not a web address: {normalize.prose(post.link)[:80]!r}")
    try:
        title, about = normalize.prose(_heading(post)), named(_all_text(post))
    except markup.PageError as error:
        raise wrong(f"HTML {error}") from error
    if not title:
        raise wrong("entry has no title")
    if not post.date:
        raise wrong("entry has no date")
    try:
        valid = day(post.date, raw.fetched_at)
    except ValueError as error:
        raise wrong(str(error)) from error
    authors = (normalize.name(name[:200]) for name in post.authors[:100])
    return CoverageDraft(
        id=f"url:https:{url.partition(':')[2]}",  # one page, however its address is spelled
        kind=entry.kind,
        title=title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…",
        publisher=entry.publisher,
        url=url,
        valid=valid,
        authors=tuple(dict.fromkeys(filter(None, authors))),
        about=about[:MOST],
    )


# -- what an entry holds --------------------------------------------------------------------


@dataclass(slots=True)
class _Post:
    """One entry in the terms of any of the three formats."""

    title: str = ""
    is_title_html: bool = False
    link: str = ""
    """Absolute; "" where there is none."""
    date: str = ""
    """As the feed spells it."""
    authors: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """HTML."""


def _post(xml: bytes, url: str) -> _Post:
    wrapper = strict.tree(xml)
    if not len(wrapper):
        raise strict.UnreadableError("there is none")
    element = wrapper[0]
    base = _join(url, wrapper.get(_BASE, ""), element.get(_BASE, ""))
    post = _Post()
    links: list[tuple[int, str]] = []
    found: dict[str, str] = {}
    for child in element:
        space, name = _split_tag(child.tag)
        text = (child.text or "").strip()
        if space == _CONTENT and name == "encoded":
            post.texts.append(text)
        elif space == _DC and name == "creator":
            post.authors.append(text)
        elif space in (_DC, _TERMS):
            found.setdefault(name, text)
        elif space not in _OWN:
            continue
        elif name == "title":
            post.title, post.is_title_html = _inner(child, space)
        elif name in ("description", "summary", "content"):
            post.texts.append(_html(child))
        elif name == "link":
            href = child.get("href", "").strip() or text
            rank = {"": 1, "alternate": 0 if "html" in child.get("type", "html") else 1}
            if href and child.get("rel", "") in rank:
                link = _join(base, child.get(_BASE, ""), href)
                links.append((rank[child.get("rel", "")], link))
        elif name == "guid" and child.get("isPermaLink", "true") != "false":
            if re.match(r"https?://", text):
                links.append((2, text))
        elif name == "author":
            post.authors.append(_writer(child, text))
        else:
            found.setdefault(name, text)
    about = element.get(f"{_RDF}about", "").strip()
    if about:
        links.append((2, _join(base, about)))
    post.link = min(links, key=lambda pair: pair[0])[1] if links else ""
    order = ("published", "pubDate", "issued", "created", "date", "updated", "modified")
    post.date = next((found[name] for name in order if found.get(name)), "")
    return post


def _split_tag(tag: str) -> tuple[str, str]:
    space, brace, name = tag.rpartition("}")
    return space + brace, name


_MARKED_UP = re.compile(r"&#?\w{1,31};|</?[a-zA-Z][^<>]*>")


def _inner(element: Element, space: str) -> tuple[str, bool]:
    """A title, and whether it is HTML: RSS does not say."""
    kind = element.get("type", "text")
    if kind == "xhtml":
        return "".join(element.itertext()), False
    text = element.text or ""
    return text, kind == "html" if space == _ATOM else bool(_MARKED_UP.search(text))


def _html(element: Element) -> str:
    """The HTML that an element holds, as text or as elements."""
    if len(element):
        for part in element.iter():
            part.tag = _split_tag(part.tag)[1]
        return str(SafeTree.tostring(element, encoding="unicode", method="html"))
    text = element.text or ""
    plain = element.get("type", "html") in ("text", "text/plain")
    return text.replace("&", "&amp;").replace("<", "&lt;") if plain else text


def _writer(element: Element, text: str) -> str:
    """A name: Atom has elements, RSS "address (name)". An address alone is nobody's business."""
    for child in element:
        if _split_tag(child.tag)[1] == "name":
            return (child.text or "").strip()
    if match := re.search(r"\(([^()]*)\)\s*$", text):
        return match[1]
    return "" if "@" in text else text


def _heading(post: _Post) -> str:
    return _plain(post.title) if post.is_title_html else post.title


def _all_text(post: _Post) -> str:
    return "\n".join((_heading(post), post.link, *map(_plain, post.texts)))


def _plain(html: str) -> str:
    """The text of HTML, with the target of each link before the link's own text.

    Raises:
        PageError: It is nested too deeply.
    """
    root = markup.tree(f"<div>{html[:_HTML]}</div>")
    for link in root.iter("a"):
        # A character reference may stand for what XML forbids, and the tree takes XML only.
        link.text = _CONTROLS.sub("", f" {link.get('href', '')} {link.text or ''}")
    return markup.text(root)


def _is_wanted(post: _Post, any_of: Iterable[str]) -> bool:
    """Tell whether a post names a work or one of the words; each word matches from its start."""
    words = [re.escape(" ".join(word.split())) for word in any_of]
    if not words:
        return True
    try:
        text = normalize.prose(_all_text(post))
    except markup.PageError:
        return True  # it will be refused with the reason
    return bool(re.search(rf"(?<!\w)(?:{'|'.join(words)})", text, re.I) or named(text))


# -- addresses, dates and names -------------------------------------------------------------

_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id|ref_src", re.I)


def _join(base: str, *parts: str) -> str:
    """An address against its bases; what cannot be joined is left as it is, to be refused."""
    for part in parts:
        if part:
            try:
                base = urljoin(base, part)
            except ValueError:
                return part
    return base


def clean(url: str) -> str:
    """Return an address as one writes it: host in small letters, no port, no trackers.

    Returns:
        "" where it is no http or https address.

    Examples:
        >>> clean("HTTPS://Example.org:443/a?utm_source=feed&p=1")
        'https://example.org/a?p=1'
        >>> clean("javascript:alert(1)"), clean("https://user@example.org/")
        ('', '')
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if (
        parts.scheme.lower() not in ("http", "https")
        or not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", host)
        or parts.username is not None
        or len(url) > 2000
        or re.search(r"[\s<>\"`\\^{}|\x00-\x1f\x7f-\xa0]", url.strip())
    ):
        return ""
    query = parts.query
    if _TRACKING.search(query):
        kept = parse_qsl(query, keep_blank_values=True)
        query = urlencode([(name, value) for name, value in kept if not _TRACKING.match(name)])
    site = host if port in (None, 80, 443) else f"{host}:{port}"
    return urlunsplit((parts.scheme.lower(), site, parts.path or "/", query, parts.fragment))


_ISO = re.compile(
    r"(?P<day>\d{4}(?:-\d\d(?:-\d\d)?)?)"
    r"(?:[Tt ](?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)?\s?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?)?"
)


def day(text: str, fetched_at: dt.datetime) -> str:
    """Return the day that a feed's date means, in UTC where it gives a zone.

    Args:
        text: In the form of RFC 822 or ISO 8601; a year or month alone stays one.
        fetched_at: When the feed was read: nothing is posted after that.

    Raises:
        ValueError: It is neither, or lies where no post can.

    Examples:
        >>> now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        >>> day("Tue, 20 May 2025 23:30:00 -0500", now), day("2025-05", now)
        ('2025-05-21', '2025-05')
    """
    text = " ".join(text.split())[:64]
    try:
        if match := _ISO.fullmatch(text):
            found = match["day"]
            if match["time"]:
                zone = (match["zone"] or "").upper().replace("Z", "+00:00")
                found = _utc(dt.datetime.fromisoformat(f"{found}T{match['time']}{zone}"))
        else:
            found = _utc(email.utils.parsedate_to_datetime(text))
        low = dates.span(found)[0]
    except (ValueError, TypeError, IndexError, OverflowError, DateError) as error:
        raise ValueError(f"date cannot be read: {text!r}") from error
    if not _EARLIEST <= low <= (fetched_at + _AHEAD).date():
        raise ValueError(f"date cannot be right: {text!r}")
    return found


def _utc(moment: dt.datetime) -> str:
    return (moment.astimezone(dt.UTC) if moment.tzinfo else moment).date().isoformat()


_NAME = re.compile(r"https?://[^\s<>\"'`]+|\barxiv:\s?[^\s<>,;]+|\bdoi:\s?10\.[^\s<>,;]+", re.I)
_ARXIV_HOSTS = re.compile(r"(?:[a-z0-9-]+\.)*arxiv\.org|(?:www\.)?(?:ar5iv\.org|alphaxiv\.org)")
_ARXIV_DOI = "doi:10.48550/arxiv."


def named(text: str) -> tuple[str, ...]:
    """Return the works that a text names, in order: arXiv, OpenReview and DOI identifiers.

    Examples:
        >>> named("See arXiv:2505.17638v2 (and https://doi.org/10.1000/AB).")
        ('arxiv:2505.17638', 'doi:10.1000/ab')
    """
    found = (_identify(match[0].rstrip(").,;:!?]}")) for match in _NAME.finditer(text))
    return tuple(dict.fromkeys(filter(None, found)))


def _identify(text: str) -> str:
    try:
        scheme, _, rest = text.partition(":")
        if scheme.lower() == "arxiv":
            return ids.arxiv(rest)
        if scheme.lower() == "doi":
            return _doi(ids.doi(rest))
        host = urlsplit(text).hostname or ""
        if _ARXIV_HOSTS.fullmatch(host):
            return ids.arxiv(text.rstrip("/"))
        if host.removeprefix("www.") == "openreview.net":
            return ids.openreview(text)
        if host in ("doi.org", "dx.doi.org", "www.doi.org"):
            return _doi(ids.doi(text))
    except (IdentifierError, ValueError):
        pass
    return ""


def _doi(id: str) -> str:
    """ArXiv's own DOIs name its papers: one name for one thing."""
    return ids.arxiv(id.removeprefix(_ARXIV_DOI)) if id.startswith(_ARXIV_DOI) else id


# -- pages ----------------------------------------------------------------------------------

_DECLARATION = re.compile(r"\s*<\?xml[^>]*?(?:encoding\s*=\s*[\"']([^\"'>]*)[\"'][^>]*)?\?>")
_CODECS = frozenset(("utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"))
# Not XML in any encoding, but what people paste into posts.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def page_fault(body: bytes) -> str:
    """Return what is wrong with a feed, "" when nothing is."""
    if not body.strip():
        return "blank page"
    try:
        _split(_utf8(body))
    except strict.UnreadableError as error:
        return f"not a feed: {error}"
    return ""


def _entries(body: bytes) -> Iterator[bytes]:
    """Each entry's bytes, wrapped so that it can be read by itself."""
    page = _utf8(body)
    for span in _split(page):
        xml = page[span.begin : span.end]
        # Only what the entry uses, so that a feed which learns a prefix changes no entry.
        spaces = "".join(
            f" xmlns{f':{prefix}' if prefix else ''}={quoteattr(uri)}"
            for prefix, uri in sorted(span.spaces.items())
            if uri and (not prefix or f"{prefix}:".encode() in xml)
        )
        base = f" xml:base={quoteattr(span.base)}" if span.base else ""
        yield f"<feed{spaces}{base}>".encode() + xml + b"</feed>"


@dataclass(frozen=True, slots=True)
class _Span:
    begin: int
    end: int
    spaces: Mapping[str, str]
    """Prefix -> namespace, as declared around the entry."""
    base: str
    """What links are relative to, beside the feed's own address."""


def _utf8(body: bytes) -> bytes:
    """A page in UTF-8 without a declaration and without controls that XML forbids."""
    declared = _DECLARATION.match(body[:200].decode("latin-1").removeprefix("ï»¿"))
    name = (declared and declared[1]) or "utf-8"
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):  # a name with a NUL is no name
        codec = ""
    if codec not in _CODECS:
        raise strict.UnreadableError(f"encoded as {name[:40]!r}")
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as error:
        raise strict.UnreadableError(f"not {name}: byte {error.start}") from error
    text = text.removeprefix("\ufeff")
    return _CONTROLS.sub("", _DECLARATION.sub("", text, count=1) if declared else text).encode()


class _Cutter(strict.Cutter):
    """Notes where entries begin and end while the parser checks the page."""

    said_depth = 0

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.spans: list[_Span] = []
        self._spaces: list[dict[str, str]] = []
        """Of each open element, with those of the elements around it."""
        self._bases: list[str] = []
        self._declared: dict[str, str] = {}
        self._entry: list[str] = []
        self._begin = 0

    def start_ns(self, prefix: str, uri: str) -> None:
        self._declared[prefix] = uri

    def root(self, tag: str) -> None:
        if tag not in _PATHS:
            raise strict.UnreadableError(f"its root is <{tag[-60:]}>")
        self._entry = [tag, *_PATHS[tag]]

    def opened(self, attributes: Mapping[str, str]) -> None:
        if len(self.path) < len(self._entry):
            around = self._spaces[-1] if self._spaces else {}
            self._spaces.append(around | self._declared)
            base = attributes.get(_BASE, "")
            self._bases.append(_join(self._bases[-1], base) if self._bases else base)
        elif self.path == self._entry:
            self._begin = self.place()
        self._declared = {}

    def closed(self, said: str) -> None:  # noqa: ARG002 - the base's shape
        if self.path == self._entry:
            span = _Span(self._begin, self.end_place(), self._spaces[-1], self._bases[-1])
            self.spans.append(span)
        if len(self.path) <= len(self._spaces):
            self._spaces.pop()
            self._bases.pop()


def _split(body: bytes) -> list[_Span]:
    cutter = _Cutter(body)
    cutter.cut()
    return cutter.spans
