"""arXiv's Atom API: https://info.arxiv.org/help/api/user-manual.html."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import arxiv

from ingest import normalize, strict
from ingest.errors import FetchError, ParseError
from ingest.records import Draft, Errand, ManifestationDraft, Raw
from kb import ids
from kb.errors import IdentifierError
from kb.vocabulary import ManifestationKind, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from xml.etree.ElementTree import Element

    from ingest.records import Fetch, Reading
    from kb.schema import SourcesFile

_ATOM = "http://www.w3.org/2005/Atom"
_NS = {
    "atom": _ATOM,
    "arxiv": "http://arxiv.org/schemas/atom",
    "opensearch": "http://a9.com/-/spec/opensearch/1.1/",
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_PAGE = 200
"""Entries per request. arXiv allows 2,000, but sends empty pages the more often the larger."""
_MOST = 30_000
"""Entries per query; beyond it arXiv answers HTTP 400."""

# What the entries of a page are wrapped in so that each can be read by itself. Fixed, not
# taken from the page, so that an unchanged entry keeps its digest.
_HEAD = (
    "<feed "
    + " ".join(f'xmlns{":" + p if p != "atom" else ""}="{u}"' for p, u in _NS.items())
    + ">"
).encode()
_TAIL = b"</feed>"


class Arxiv:
    """The papers that match one query, last changed first."""

    name = "arxiv"

    def __init__(self, query: str, fetch: Fetch, page_size: int = _PAGE) -> None:
        """Remember the query.

        Args:
            query: In arXiv's own syntax, "cat:cs.LG AND abs:memorization".
            fetch: How to reach the network.
            page_size: Entries per request; arXiv allows 2,000.
        """
        self.query = query
        self.position = ""
        """The newest change seen, by arXiv's clock; "" until the listing is complete."""
        self._fetch = fetch
        self._page_size = page_size

    def fetch(self, since: str) -> Iterator[Raw]:
        """Yield one record per entry changed since a moment or partial date.

        Raises:
            FetchError: arXiv could not be reached, or its list broke off.
            ParseError: The query is wrong or too broad.
        """
        pages = _Pages(self._fetch)
        # Pacing, deadlines, retries and body checks are the session's, so the package does
        # none: it has no deadline, ignores Retry-After and paces by the wall clock.
        client = arxiv.Client(page_size=self._page_size, delay_seconds=0, num_retries=0)
        client._session = pages
        search = arxiv.Search(
            self.query,
            max_results=None,
            sort_by=arxiv.SortCriterion.LastUpdatedDate,
            sort_order=arxiv.SortOrder.Descending,
        )
        newest = ""
        results = client.results(search)
        while True:
            try:
                if next(results, None) is None:
                    break
            except arxiv.UnexpectedEmptyPageError as error:
                if pages.ended:  # the list became shorter while we read it
                    break
                raise FetchError(self.name, error.url, "empty page in mid-list") from error
            entry = pages.entries.popleft()
            if entry.updated and entry.updated < since:
                break  # last changed first: the rest is older still
            if entry.updated and (not entry.page_time or entry.updated <= entry.page_time):
                newest = max(newest, entry.updated)
            yield Raw(self.name, entry.url, entry.fetched_at, _HEAD + entry.xml + _TAIL)
        self.position = newest

    @staticmethod
    def read(raw: Raw) -> Draft:
        """Return the work that one entry describes; see `Source.read`."""
        try:
            entry = strict.tree(raw.body).find("atom:entry", _NS)
        except strict.UnreadableError as error:
            raise ParseError(Arxiv.name, raw.url, f"not XML: {error}") from error
        if entry is None:
            raise ParseError(Arxiv.name, raw.url, "no Atom entry")
        address = _text(entry, "atom:id")
        if not address:
            raise ParseError(Arxiv.name, raw.url, "entry has no <id>")
        if "/api/errors" in address:
            said = normalize.prose(_text(entry, "atom:summary"))[:200]
            raise ParseError(
                Arxiv.name, address[:200], f"arXiv reports an error: {said}", "check the query"
            )
        try:
            work, version = ids.arxiv(address), ids.arxiv_version(address)
        except IdentifierError as error:
            raise ParseError(Arxiv.name, address[:200], str(error)) from error
        title = normalize.prose(_text(entry, "atom:title"))
        if not title:
            raise ParseError(Arxiv.name, address, "entry has no <title>")
        published = _day(entry, "atom:published", address)
        abstract = normalize.prose(_text(entry, "atom:summary"))
        form = ManifestationDraft(
            id=f"{work}v{version}" if version else work,
            kind=ManifestationKind.arxiv,
            title=title,
            abstract=abstract,
            url=f"{ids.url(work)}v{version}" if version else ids.url(work),
            publisher="arXiv",
            version=version,
            valid=_day(entry, "atom:updated", address),
        )
        names = (normalize.prose(_text(a, "atom:name")) for a in entry.iterfind("atom:author", _NS))
        terms = (c.get("term", "") for c in entry.iterfind("atom:category", _NS))
        return Draft(
            identifiers=(work, *dois(_text(entry, "arxiv:doi"))),
            kind=WorkKind.paper,
            title=title,
            abstract=abstract,
            authors=tuple(filter(None, names)),
            first_public=published,
            categories=normalize.prose(" ".join(terms)),
            withdrawn=normalize.is_withdrawn(_text(entry, "arxiv:comment"), abstract),
            manifestations=(form,),
        )


HOSTS: Mapping[str, float] = {"export.arxiv.org": 3.0, "arxiv.org": 3.0}
"""Host -> seconds between two requests: https://info.arxiv.org/help/api/tou.html asks for one
request in three seconds and one connection at a time."""
_OVERLAP_DAYS = 14
"""How far behind its cursor a query starts. A paper that moderators held back appears late
but carries the day of its submission, so a cursor alone would step over it."""


def errands(config: SourcesFile) -> list[Errand]:
    """Return one errand per configured query."""
    return [
        Errand(
            # A changed query must not inherit the cursor of the old one.
            name=f"{Arxiv.name}:{entry.strand}:{mark(entry.query)}",
            title=f"arXiv: {entry.strand}",
            hosts=HOSTS,
            make=partial(Arxiv, entry.query),
            every=config.every.get(Arxiv.name, 1.0),
            resume=_resume,
            asks=entry.query,
        )
        for entry in config.arxiv
    ]


def readers(config: SourcesFile) -> Mapping[str, Callable[[Raw], Reading]]:  # noqa: ARG001
    """Return how the records of this source are read."""
    return {Arxiv.name: Arxiv.read}


def mark(question: str) -> str:
    """Return eight hex digits that tell one question from another."""
    return hashlib.sha256(question.encode()).hexdigest()[:8]


def _resume(cursor: str) -> str:
    day = dt.date.fromisoformat(cursor[:10]) - dt.timedelta(days=_OVERLAP_DAYS)
    return day.isoformat()


def dois(text: str) -> tuple[str, ...]:
    """Return the DOIs in arXiv's DOI field, which may hold none, several, or nonsense.

    Examples:
        >>> dois("10.1000/AB 10.1000/cd pending")
        ('doi:10.1000/ab', 'doi:10.1000/cd')
    """
    found = []
    for part in text.split():
        try:
            found.append(ids.doi(part))
        except IdentifierError:
            continue
    return tuple(dict.fromkeys(found))


def _text(element: Element, tag: str) -> str:
    return element.findtext(tag, "", _NS) or ""


def _day(entry: Element, tag: str, address: str) -> str:
    text = _text(entry, tag).strip()
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC).date().isoformat()
    except (ValueError, OverflowError) as error:
        name = tag.removeprefix("atom:")
        raise ParseError(Arxiv.name, address, f"<{name}> is not a time: {text[:40]!r}") from error


# -- pages ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    xml: bytes
    """Exactly as the page had it."""
    url: str
    """Its <id>, or the page's address where it has none."""
    updated: str
    """"" where the entry is an error or does not say."""
    page_time: str
    """When arXiv made the page, to tell a change that lies in its future; "" if unsaid."""
    fetched_at: dt.datetime


class _Pages:
    """Stands where the package wants a session: fetches pages, keeps each entry's bytes.

    The package parses pages leniently: it drops an entry without an id or date, fails the
    whole page on a date it cannot read, and takes the head of a torn page for all of it. So
    it is shown only a table of contents, one well-formed line an entry, and decides which
    page comes next; what the entries say is split off here, byte for byte.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self.entries: deque[_Entry] = deque()
        self.ended = False
        """The last page was empty and arXiv's own total says that it may be."""

    def get(self, url: str, headers: object) -> _Answer:  # noqa: ARG002 - ours are set already
        start = _start(url)
        if start >= _MOST:
            raise ParseError(
                Arxiv.name,
                url,
                f"the query matches more than the {_MOST:,} papers that arXiv lists",
                "narrow the query, or give a later --since",
            )
        body = self._fetch(url, lambda body: page_fault(body, start))
        page = _split(body)
        self.ended = not page.spans and start >= page.total
        fetched_at = dt.datetime.now(dt.UTC)
        for begin, end in page.spans:
            xml = body[begin:end]
            self.entries.append(_entry(xml, url, page.updated, fetched_at))
        return _Answer(_contents(page))


@dataclass(frozen=True, slots=True)
class _Answer:
    content: bytes
    status_code: int = 200


def _contents(page: _Page) -> bytes:
    line = (
        b"<entry><id>http://arxiv.org/abs/0000.00000</id>"
        b"<updated>2000-01-01T00:00:00Z</updated><published>2000-01-01T00:00:00Z</published>"
        b"</entry>"
    )
    total = f"<opensearch:totalResults>{page.total}</opensearch:totalResults>".encode()
    return _HEAD + total + line * len(page.spans) + _TAIL


def _start(url: str) -> int:
    return int(parse_qs(urlsplit(url).query).get("start", ["0"])[0])


def _entry(xml: bytes, page_url: str, page_time: str, fetched_at: dt.datetime) -> _Entry:
    try:
        entry = strict.tree(_HEAD + xml + _TAIL)[0]
    except strict.UnreadableError:  # a prefix that the page's root declares and we do not know
        return _Entry(xml, page_url, "", page_time, fetched_at)
    address = _text(entry, "atom:id").strip()
    updated = _text(entry, "atom:updated").strip()
    if "/api/errors" in address or not _MOMENT.fullmatch(updated):
        updated = ""  # an error is stamped with the present: it must not move the cursor
    return _Entry(xml, address[:500] or page_url, updated, page_time, fetched_at)


def page_fault(body: bytes, start: int) -> str:
    """Return what is wrong with a page of arXiv's list, "" when nothing is.

    arXiv answers with status 200 and an HTML page, a blank page, or a feed without entries
    in mid-list when it is overloaded.

    Args:
        body: The page.
        start: The number of entries before it.
    """
    if not body.strip():
        return "blank page"
    try:
        page = _split(body)
    except strict.UnreadableError as error:
        return f"not an Atom feed: {error}"
    if not page.spans and (start < page.total or (start and not page.total)):
        return f"empty page at {start} of {page.total}"
    return ""


@dataclass(slots=True)
class _Page:
    spans: list[tuple[int, int]] = field(default_factory=list)
    """First byte and byte after the last of each entry."""
    total: int = 0
    updated: str = ""


class _Cutter(strict.Cutter):
    """Notes where entries begin and end while the parser checks the page."""

    said_depth = 3

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.page = _Page()
        self._begin = 0

    def root(self, tag: str) -> None:
        if tag != f"{{{_ATOM}}}feed":
            raise strict.UnreadableError(f"its root is <{tag[-60:]}>")

    def opened(self, attributes: Mapping[str, str]) -> None:  # noqa: ARG002 - the base's shape
        if self.path[1:] == [f"{{{_ATOM}}}entry"]:
            self._begin = self.place()

    def closed(self, said: str) -> None:
        if len(self.path) != 2:
            return
        tag = self.path[-1]
        if tag == f"{{{_ATOM}}}entry":
            self.page.spans.append((self._begin, self.end_place()))
        elif tag == f"{{{_NS['opensearch']}}}totalResults" and said.isdecimal():
            self.page.total = int(said[:9])
        elif tag == f"{{{_ATOM}}}updated" and _MOMENT.fullmatch(said):
            self.page.updated = said


def _split(body: bytes) -> _Page:
    strict.refuse_encoding(body)
    cutter = _Cutter(body)
    cutter.cut()
    return cutter.page
