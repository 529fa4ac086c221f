"""arXiv's OAI-PMH service: whole sets of papers, https://info.arxiv.org/help/oa/index.html.

Two forms of each record are taken, one listing after the other over the same days: `arXivRaw`
has the text and the history of versions, `arXiv` has the authors name by name. What `arXiv`
calls "created" may be the day of the newest version, so no date is taken from it.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ingest import normalize, strict
from ingest.errors import FetchError, ParseError
from ingest.records import Draft, Errand, ManifestationDraft, Raw, Removal
from ingest.sources.arxiv import dois, mark
from kb import ids
from kb.errors import IdentifierError
from kb.vocabulary import ManifestationKind, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from xml.etree.ElementTree import Element

    from ingest.records import Fetch, Reading
    from kb.schema import SourcesFile

BASE = "https://oaipmh.arxiv.org/oai"
HOSTS: Mapping[str, float] = {"oaipmh.arxiv.org": 3.0}
"""Host -> seconds between two requests: https://info.arxiv.org/help/api/tou.html."""
FORMS = ("arXivRaw", "arXiv")
"""In the order in which they are listed: the text before the names that go with it."""
_OAI = "http://www.openarchives.org/OAI/2.0/"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SINCE = re.compile(r"(\d{4})(-\d\d)?(-\d\d)?(T\d\d:\d\d:\d\dZ)?")
_TOKEN = 2_000
"""Characters of a resumption token, which travels in an address; arXiv's have some 150."""
_RESTARTS = 3
"""How often a listing is begun again on one and the same day before we give it up."""
_OVERLAP_DAYS = 1
"""How far behind its cursor a listing starts: arXiv tells records apart by days alone, and one
may carry the day before that on which it is first seen."""

# What a record is wrapped in so that it can be read by itself. Fixed, not taken from the page,
# so that an unchanged record keeps its digest.
_HEAD = (
    f'<ListRecords xmlns="{_OAI}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
).encode()
_TAIL = b"</ListRecords>"


class ArxivOai:
    """The papers of one set, first changed first."""

    name = "arxiv-oai"

    def __init__(self, set: str, since: str, fetch: Fetch) -> None:
        """Remember what to ask.

        Args:
            set: As ListSets names it, "cs:cs:LG".
            since: The day from which on, where nothing has been listed yet; "" for all.
            fetch: How to reach the network.
        """
        self.set = set
        self.since = since
        self.position = ""
        """Once both listings are complete, when arXiv began to answer the first, by its own
        clock. Before that how far they have got, "" until one page has been taken whole."""
        self._fetch = fetch

    def fetch(self, since: str) -> Iterator[Raw]:
        """Yield each record changed since a moment, a partial date or a stored `position`.

        Raises:
            FetchError: arXiv could not be reached, or its list broke off.
            ParseError: arXiv refuses the question, or `since` is none of these.
        """
        at = _Progress.read(since or self.since)
        for form in FORMS[FORMS.index(at.form) :]:
            if form != at.form:
                at = _Progress(start=at.start, first=at.first, form=form, day=at.start)
                self.position = at.write()
            at = yield from self._list(at)
            if not at.count and at.day == at.start:
                break  # nothing has changed, so the other form has nothing to say either
        self.position = at.first

    def _list(self, at: _Progress) -> Generator[Raw, None, _Progress]:
        """Yield the records of one listing, and return where it ended."""
        met: set[str] = set()
        restarts = total = 0
        while True:
            url = self._url(at)
            page = _split(self._fetch(url, page_fault))
            why = self._dead_end(page, at, url)
            if not why:
                fetched_at = dt.datetime.now(dt.UTC)
                for record in page.records:
                    where = _address(record.id, at.form) if record.id else url
                    yield Raw(self.name, where, fetched_at, _HEAD + record.xml + _TAIL)
                # A position is stored together with the records that were yielded before the
                # last one. So it moves here, where the whole page is out and more is wanted.
                at, total = at.past(page), max(total, page.total)
                if not at.token:
                    if at.count < total:
                        end = f"{at.count:,} of {total:,}"
                        raise FetchError(self.name, url, f"the list ends at {end} records")
                    return at
                self.position = at.write()
                same = hashlib.sha256(b"".join(record.xml for record in page.records))
                sights = {at.token, same.hexdigest()}
                if not met & sights:
                    met |= sights
                    continue
                why = "the list repeats itself"
            fresh = at.again()
            restarts = 0 if fresh.day > at.day else restarts + 1
            at, total = fresh, 0
            met.clear()
            self.position = at.write()
            if restarts > _RESTARTS:
                raise FetchError(self.name, url, f"{why}, however often it is begun again")

    def _dead_end(self, page: _Page, at: _Progress, url: str) -> str:
        """Return why the list does not go on here, "" where it does or is at its end.

        A token lives until midnight, and the list that it goes through may change meanwhile.

        Raises:
            FetchError: Records are missing between the page before and this one.
            ParseError: arXiv refuses the question.
        """
        if at.token and page.error in ("badResumptionToken", "noRecordsMatch"):
            return f"a resumption token is answered by {page.error}"
        if page.error not in ("", "noRecordsMatch"):
            said = f"{page.error} {normalize.prose(page.said)[:200]}".strip()
            raise ParseError(self.name, url, f"arXiv refuses: {said}", "check the set and the day")
        if page.cursor > at.count:
            gap = f"{at.count + 1:,} to {page.cursor:,}"
            raise FetchError(self.name, url, f"records {gap} were left out")
        return ""

    def _url(self, at: _Progress) -> str:
        asked = {"verb": "ListRecords"}
        if at.token:
            asked["resumptionToken"] = at.token
        else:
            asked["metadataPrefix"] = at.form
            # Never until: what changes while we list must turn up now or the next time.
            asked |= {"from": at.day} if at.day else {}
            asked |= {"set": self.set} if self.set else {}
        return f"{BASE}?{urlencode(asked)}"

    @staticmethod
    def read(raw: Raw) -> Draft | Removal:
        """Return what one record says of a paper; see `Source.read`."""
        try:
            record = strict.tree(raw.body).find(f"{{{_OAI}}}record")
        except strict.UnreadableError as error:
            raise ParseError(ArxivOai.name, raw.url, f"not XML: {error}") from error
        if record is None:
            raise ParseError(ArxivOai.name, raw.url, "no record")
        header = record.find(f"{{{_OAI}}}header")
        if header is None:
            raise ParseError(ArxivOai.name, raw.url, "record has no <header>")
        work = _work(header.findtext(f"{{{_OAI}}}identifier", "").strip(), raw.url)
        if header.get("status") == "deleted":
            return Removal((), identifiers=(work,))
        metadata = record.find(f"{{{_OAI}}}metadata")
        if metadata is None or not len(metadata):
            raise ParseError(ArxivOai.name, raw.url, "record has no <metadata>")
        paper = _Paper(metadata[0], work, raw.url)
        match paper.form:
            case "arXivRaw":
                return paper.with_history()
            case "arXiv":
                return paper.with_names()
        raise ParseError(
            ArxivOai.name, raw.url, f"a record of the form <{paper.form[:40]}> is not read"
        )


def errands(config: SourcesFile) -> list[Errand]:
    """Return one errand per set that is switched on."""
    return [
        Errand(
            # A changed question must not inherit the cursor of the old one.
            name=f"{ArxivOai.name}:{entry.set.replace(':', '.')}:"
            + mark(f"{entry.set} {entry.since}"),
            title=f"arXiv in bulk: {entry.set}",
            hosts=HOSTS,
            make=partial(ArxivOai, entry.set, entry.since),
            every=config.every.get(ArxivOai.name, 1.0),
            resume=_resume,
            asks=entry.set,
        )
        for entry in config.arxiv_oai
        if entry.enabled
    ]


def readers(config: SourcesFile) -> Mapping[str, Callable[[Raw], Reading]]:  # noqa: ARG001
    """Return how the records of this source are read."""
    return {ArxivOai.name: ArxivOai.read}


def _resume(cursor: str) -> str:
    if not _MOMENT.fullmatch(cursor):
        return cursor  # a listing that was broken off goes on where it was
    day = dt.date.fromisoformat(cursor[:10]) - dt.timedelta(days=_OVERLAP_DAYS)
    return day.isoformat()


def _address(id: str, form: str) -> str:
    """Where one record can be asked for again."""
    asked = {"verb": "GetRecord", "identifier": id, "metadataPrefix": form}
    return f"{BASE}?{urlencode(asked, safe=':/')}"


# -- how far a listing has got --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far the listings of one set have got."""

    start: str = ""
    """The day from which on both listings go; "" for all."""
    first: str = ""
    """When arXiv made the first page of the first listing; "" before it was taken."""
    form: str = FORMS[0]
    """What is being listed."""
    day: str = ""
    """The day from which on this listing was asked for, or asked for again."""
    reached: str = ""
    """The day of the last record."""
    is_ordered: bool = True
    """So far no record was older than the one before. It is nowhere promised."""
    count: int = 0
    """Records since `day`."""
    token: str = ""
    """What leads to the next page; "" at the beginning of a listing."""

    @classmethod
    def read(cls, text: str) -> _Progress:
        """Return what `write` wrote, or the beginning for a moment or partial date.

        Raises:
            ParseError: It is neither.
        """
        _, is_written, rest = text.partition(" ")
        if is_written:
            try:
                at = cls(**json.loads(rest))
                FORMS.index(at.form)
            except (ValueError, TypeError) as error:
                raise ParseError(
                    ArxivOai.name, "the cursor", f"cannot be read: {text[:80]!r}", "give --since"
                ) from error
            return at
        since = _SINCE.fullmatch(text)
        if text and not since:
            raise ParseError(ArxivOai.name, f"since {text[:40]}", "not a day", "write 2026-01-31")
        # arXiv takes whole days only.
        day = f"{since[1]}{since[2] or '-01'}{since[3] or '-01'}" if since else ""
        return cls(start=day, day=day)

    def write(self) -> str:
        """Return this as one line that compares with days as the day does on which it starts."""
        return f"{self.start or '0000'} {json.dumps(asdict(self), sort_keys=True)}"

    def past(self, page: _Page) -> _Progress:
        """Return how far the listing has got once a page has been taken."""
        reached, is_ordered = self.reached, self.is_ordered
        for record in page.records:
            is_ordered &= reached <= record.day <= page.date[:10]
            reached = record.day
        return replace(
            self,
            first=self.first or page.date,
            reached=reached,
            is_ordered=is_ordered,
            count=self.count + len(page.records),
            token=page.token,
        )

    def again(self) -> _Progress:
        """Return where to begin again when a token leads nowhere.

        What is older than the last record has been taken, if the list is in order; what has
        changed since then is no longer older.
        """
        day = self.reached if self.is_ordered and self.reached else self.start
        return replace(self, day=day, reached="", is_ordered=True, count=0, token="")


# -- records --------------------------------------------------------------------------------


def _work(identifier: str, where: str) -> str:
    scheme, _, rest = identifier.rpartition(":")
    if scheme.lower() != "oai:arxiv.org":
        raise ParseError(ArxivOai.name, where, f"not a record of arXiv: {identifier[:80]!r}")
    try:
        return ids.arxiv(rest)
    except IdentifierError as error:
        raise ParseError(ArxivOai.name, where, str(error)[:200]) from error


class _Paper:
    """The metadata of one record. The two forms have most fields in common."""

    def __init__(self, element: Element, work: str, where: str) -> None:
        self.form = _local(element)
        self._element = element
        self._work = work
        self._where = where

    def with_history(self) -> Draft:
        """Return the paper with its versions; only of the newest is the text known."""
        draft, versions = self._draft(), self._versions()
        newest = max(versions)
        forms = (self._manifestation(draft, v, v.number == newest) for v in versions.values())
        first = versions.get(1)
        # arXiv marks a version that is nothing but a withdrawal, whatever its comment says.
        return replace(
            draft,
            authors=normalize.authors(self._text("authors")),
            are_authors_parsed=False,
            first_public=first.day if first else "",
            withdrawn=draft.withdrawn or "I" in versions[newest].flags,
            manifestations=tuple(forms),
        )

    def with_names(self) -> Draft:
        """Return the paper with its authors, and without a text: it does not say which version."""
        authors = self._child("authors")
        rows = [
            [self._text(part, author) for part in ("keyname", "forenames", "suffix")]
            for author in (authors if authors is not None else ())
        ]
        # A collaboration is set off from its members by an author named ":".
        rows = [row for row in rows if any(c.isalpha() for c in "".join(row))]
        return replace(self._draft(), authors=normalize.authors_parsed(rows))

    def _draft(self) -> Draft:
        inner = self._text("id")
        try:
            named = ids.arxiv(inner)
        except IdentifierError as error:
            raise ParseError(ArxivOai.name, self._where, str(error)[:200]) from error
        if named != self._work:
            raise ParseError(
                ArxivOai.name, self._where, f"header names {self._work}, record names {named}"
            )
        title = normalize.prose(self._text("title"))
        if not title:
            raise ParseError(ArxivOai.name, self._where, "record has no <title>")
        abstract = normalize.prose(self._text("abstract"))
        # Several are set apart by commas, which no DOI of arXiv's holds before a space.
        doi = re.sub(r"[,;](?=\s|$|10\.)", " ", self._text("doi"))
        return Draft(
            identifiers=(self._work, *dois(doi)),
            kind=WorkKind.paper,
            title=title,
            abstract=abstract,
            authors=(),
            first_public="",
            categories=normalize.prose(self._text("categories")),
            withdrawn=normalize.is_withdrawn(self._text("comments"), abstract),
            manifestations=(),
        )

    def _versions(self) -> dict[int, _Version]:
        found: dict[int, _Version] = {}
        for element in self._element:
            if _local(element) != "version":
                continue
            name = element.get("version", "")
            if not re.fullmatch(r"v[1-9]\d{0,3}", name):
                raise ParseError(ArxivOai.name, self._where, f"not a version: {name[:40]!r}")
            found[int(name[1:])] = _Version(
                int(name[1:]),
                self._day(self._text("date", element), name),
                normalize.prose(self._text("size", element))[:20],
                self._text("source_type", element),
            )
        if not found:
            raise ParseError(ArxivOai.name, self._where, "record has no <version>")
        return dict(sorted(found.items()))

    def _manifestation(self, draft: Draft, version: _Version, has_text: bool) -> ManifestationDraft:
        size = f" ({version.size})" if version.size else ""
        return ManifestationDraft(
            id=f"{self._work}v{version.number}",
            kind=ManifestationKind.arxiv,
            title=draft.title,
            abstract=draft.abstract if has_text else "",
            url=f"{ids.url(self._work)}v{version.number}",
            publisher="arXiv",
            version=version.number,
            valid=version.day,
            has_text=has_text,
            note=""
            if has_text
            else f"From the version history{size}: its own title and text were not fetched.",
        )

    def _day(self, text: str, name: str) -> str:
        try:
            moment = email.utils.parsedate_to_datetime(text.strip())
            if moment.tzinfo is None:  # written "-0000": UTC, from a place that is not told
                moment = moment.replace(tzinfo=dt.UTC)
            return moment.astimezone(dt.UTC).date().isoformat()
        except (ValueError, OverflowError) as error:
            raise ParseError(
                ArxivOai.name, self._where, f"<date> of {name} is not a time: {text[:40]!r}"
            ) from error

    def _child(self, name: str) -> Element | None:
        return next((child for child in self._element if _local(child) == name), None)

    def _text(self, name: str, parent: Element | None = None) -> str:
        """A field's text, "" where it is absent. Some copies declare no namespace for fields."""
        parent = self._element if parent is None else parent
        for child in parent:
            if _local(child) == name:
                return "".join(child.itertext())
        return ""


@dataclass(frozen=True, slots=True)
class _Version:
    number: int
    day: str
    size: str
    """As arXiv writes it, "24kb"."""
    flags: str
    """Letters for what the source is; I for a version that only withdraws."""


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


# -- pages ----------------------------------------------------------------------------------


def page_fault(body: bytes) -> str:
    """Return what is wrong with a page of a listing, "" when nothing is.

    An error that arXiv states in the protocol's own form is an answer, not a fault.

    Args:
        body: The page.
    """
    if not body.strip():
        return "blank page"
    try:
        page = _split(body)
    except strict.UnreadableError as error:
        return f"not an OAI-PMH answer: {error}"
    if not page.date:
        return "not an OAI-PMH answer: it has no <responseDate>"
    if page.error:
        return ""
    if not page.records:
        return "empty page"
    if len(page.token) > _TOKEN:
        return f"its resumption token has {len(page.token):,} characters"
    return ""


@dataclass(frozen=True, slots=True)
class _Record:
    id: str
    """Its <identifier>, "oai:arXiv.org:2505.17638"; "" where it has none."""
    day: str
    """Of its <datestamp>; "" where that is none."""
    xml: bytes
    """Exactly as the page had it."""


@dataclass(slots=True)
class _Page:
    date: str = ""
    """When arXiv made it."""
    error: str = ""
    """The code of the error that it states."""
    said: str = ""
    records: list[_Record] = field(default_factory=list)
    token: str = ""
    """What leads to the next page; "" on the last."""
    cursor: int = 0
    """Records before this page, 0 where it does not say."""
    total: int = 0
    """Records of the whole list, 0 where it does not say."""


class _Cutter(strict.Cutter):
    """Notes where records begin and end while the parser checks the page."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.page = _Page()
        self._begin = 0
        self._id = self._day = ""

    def root(self, tag: str) -> None:
        if tag != f"{{{_OAI}}}OAI-PMH":
            raise strict.UnreadableError(f"its root is <{tag[-60:]}>")

    def _names(self) -> list[str]:
        """The open elements below the root, those of the protocol without its namespace."""
        return [tag.removeprefix(f"{{{_OAI}}}") for tag in self.path[1:6]]

    def opened(self, attributes: Mapping[str, str]) -> None:
        match self._names():
            case ["ListRecords", "record"]:
                self._begin = self.place()
                self._id = self._day = ""
            case ["ListRecords", "resumptionToken"]:
                self.page.cursor = _number(attributes.get("cursor", ""))
                self.page.total = _number(attributes.get("completeListSize", ""))
            case ["error"]:
                self.page.error = attributes.get("code", "")[:60] or "an error without a code"

    def closed(self, said: str) -> None:
        match self._names():
            case ["responseDate"] if _MOMENT.fullmatch(said):
                self.page.date = said
            case ["error"]:
                self.page.said = said[:1000]
            case ["ListRecords", "resumptionToken"]:
                self.page.token = said
            case ["ListRecords", "record", "header", "identifier"]:
                self._id = said[:200]
            case ["ListRecords", "record", "header", "datestamp"] if _DAY.match(said):
                self._day = said[:10]
            case ["ListRecords", "record"]:
                xml = self.body[self._begin : self.end_place()]
                self.page.records.append(_Record(self._id, self._day, xml))


def _number(text: str) -> int:
    return int(text[:9]) if text.isascii() and text.isdecimal() else 0


def _split(body: bytes) -> _Page:
    strict.refuse_encoding(body)
    cutter = _Cutter(body)
    cutter.cut()
    return cutter.page
