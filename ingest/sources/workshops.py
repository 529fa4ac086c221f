"""Programmes and lists of accepted papers, read from workshops' own pages by recipe.

A recipe (`workshops` in sources.yaml) names an event, its pages and, where the page does not
speak for itself, where on it things stand. Tables, lists and plain text are read without one.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest import markup, slots
from ingest.errors import HaltError, ParseError, SourceError
from ingest.markup import PageError
from ingest.normalize import prose
from ingest.records import Errand, EventDraft, Raw, SessionDraft, StatusDraft, TalkDraft
from ingest.sources.arxiv import mark
from kb import dates, ids
from kb.errors import IdentifierError
from kb.vocabulary import StatusKind, TalkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lxml.etree import _Element as Element

    from ingest.records import Fetch, Reading
    from kb.schema import PageEntry, SourcesFile, WorkshopEntry

_PAUSE = 2.0
"""Seconds between two requests to a host: these are small sites, and each is asked for a page
or two."""
_KEPT_SHARE = 0.8
"""Of what a page listed the last time; a page that has less is looked at by a person first."""
_MOST = 5_000
"""Rows of one page; the largest conference's list of papers has about as many."""
_TITLES = {"programme": "Programme", "accepted": "Accepted papers"}


class Workshops:
    """The pages of one recipe."""

    name = "workshops"

    def __init__(self, entry: WorkshopEntry, fetch: Fetch) -> None:
        """Remember the recipe; nothing is read before it is fetched."""
        self.entry = entry
        self.accept_loss = False
        """A person has seen that a page lists much less, and says that it is so."""
        self.position = ""
        """JSON: for each page how many talks it had, and what it said before; "" until all
        have been asked for. Of a page that failed it is what it was."""
        self._fetch = fetch

    def fetch(self, since: str) -> Iterator[Raw]:
        """Yield one record per page, or one per entry of a list of workshops.

        A page that fails does not keep the others from being read.

        Raises:
            FetchError: A page could not be reached.
            ParseError: A page cannot be read, or nothing was found on it.
            HaltError: A page lists much less than the last time.
        """
        known = _known(since)
        failures: list[SourceError] = []
        for page in self.entry.pages:
            before = known.get(page.url, _Seen())
            try:
                body = self._fetch(page.url, partial(_fault, page), keep=True)
                raws, count = raws_of(self.entry, page, body)
                if count < _KEPT_SHARE * before.count and not self.accept_loss:
                    raise HaltError(
                        f"{self.name}:{self.entry.id}",
                        page.url,
                        f"the page lists {count}, the last time it was {before.count}",
                        "nothing was taken; if it is so, run `kb run --accept "
                        f"{self.name}:{self.entry.id}`",
                    )
            except SourceError as error:
                failures.append(error)
                continue
            raws = [before.again(raw, self._subject(page, raw)) for raw in raws]
            before.count = count
            known[page.url] = before
            yield from raws
        own = {page.url for page in self.entry.pages}
        self.position = json.dumps(
            {url: [seen.count, seen.digests] for url, seen in known.items() if url in own},
            sort_keys=True,
        )
        if failures:
            raise failures[0]

    def _subject(self, page: PageEntry, raw: Raw) -> str:
        """What a record is about: the page itself, or an entry of its list."""
        return self.read(raw).id if page.what == "events" else ""

    def read(self, raw: Raw) -> EventDraft:
        """Return what one page says; see `Source.read`."""
        return read(self.entry, raw)


def errands(config: SourcesFile) -> list[Errand]:
    """Return one errand per enabled recipe."""
    return [
        Errand(
            name=f"{Workshops.name}:{entry.id}:{mark(entry.model_dump_json())}",
            title=f"Workshop: {entry.id}",
            hosts={urlsplit(page.url).hostname or "": _PAUSE for page in entry.pages},
            make=partial(Workshops, entry),
            every=config.every.get(Workshops.name, 1.0),
            asks=" ".join(page.url for page in entry.pages),
        )
        for entry in config.workshops
        if entry.enabled
    ]


def readers(config: SourcesFile) -> Mapping[str, Callable[[Raw], Reading]]:
    """Return how the records of each recipe are read, enabled or not."""
    return {f"{Workshops.name}:{e.id}": partial(read, e) for e in config.workshops}


def raws_of(
    entry: WorkshopEntry, page: PageEntry, body: bytes, at: dt.datetime | None = None
) -> tuple[list[Raw], int]:
    """Return the records of a page, and how many talks or workshops it lists.

    Args:
        entry: The recipe.
        page: One of its pages.
        body: As it came.
        at: When; None for now.

    Raises:
        ParseError: It cannot be read, or nothing was found on it.
    """
    source, at = f"{Workshops.name}:{entry.id}", at or dt.datetime.now(dt.UTC)
    if page.what != "events":
        raw = Raw(source, page.url, at, body)
        draft = read(entry, raw)
        return [raw], sum(len(session.talks) for session in draft.sessions)
    with _located(source, page.url):
        blocks = list(_blocks(page, body))
        if not page.least <= len(blocks) <= _MOST:
            raise PageError(_nothing(page, len(blocks)))
    raws = []
    for number, block in enumerate(blocks, 1):
        raw = Raw(source, f"{page.url}#{number}", at, block)
        draft = read(entry, raw)
        if _is_wanted(entry, draft):
            raws.append(raw)
    return raws, len(blocks)


def read(entry: WorkshopEntry, raw: Raw) -> EventDraft:
    """Return what a record of a recipe says; see `Source.read`."""
    address = raw.url.partition("#")[0]
    page = next((p for p in entry.pages if p.url == address), None)
    if page is None and len(entry.pages) == 1:
        page = entry.pages[0]  # the address in the recipe has changed since
    if page is None:
        raise ParseError(raw.source, raw.url, "the recipe has no page of this address")
    with _located(raw.source, raw.url):
        if page.what == "events":
            return _event(entry, page, raw.body)
        rows = _rows(page, raw.body, _base(entry, page))
        if len(rows) > _MOST:
            raise PageError(f"{len(rows):,} rows, and no workshop has more than {_MOST:,}")
        make = _programme if page.what == "programme" else _accepted
        sessions = make(entry, page, rows)
        count = sum(len(session.talks) for session in sessions)
        if count < page.least:
            few = f"lists {count}, and the recipe expects {page.least} at least"
            raise PageError(few if count else _nothing(page, len(rows)))
        return EventDraft(
            id=entry.event or entry.id,
            name=entry.name,
            valid=entry.date,
            series=entry.series,
            parent=entry.parent,
            tz=entry.tz,
            place=entry.place,
            url=page.url,
            sessions=sessions,
        )


class _located:  # noqa: N801 - reads as a statement
    """Says where a page is that cannot be read."""

    def __init__(self, source: str, where: str) -> None:
        self._source, self._where = source, where

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PageError):
            raise ParseError(self._source, self._where, str(error)) from error


def _fault(page: PageEntry, body: bytes) -> str:
    """Return what is wrong with an answer, "" when nothing is: see `ingest.records.Fetch`."""
    if not body.strip():
        return "blank page"
    is_html = re.match(rb"\s*<(?:!doctype\s+html|html)\b", body[:200], re.IGNORECASE)
    return f"an HTML page where {page.form} should be" if is_html and page.form != "html" else ""


@dataclass(slots=True)
class _Seen:
    """What is remembered of a page."""

    count: int = 0
    digests: dict[str, list[str]] = field(default_factory=dict)
    """Subject -> the beginnings of its records' digests, the newest last."""

    def again(self, raw: Raw, subject: str) -> Raw:
        """Return a record that can be told from an earlier one, and remember it.

        A page that says once more what it said before its last change is news, and yet the
        same bytes; intake would take it for known. A line break at its end makes the
        difference.
        """
        told = self.digests.setdefault(subject, [])
        while raw.digest[:_DIGITS] in told[:-1]:
            raw = Raw(raw.source, raw.url, raw.fetched_at, raw.body + b"\n")
        if raw.digest[:_DIGITS] not in told:
            told.append(raw.digest[:_DIGITS])
        del told[:-_REMEMBERED]
        return raw


_DIGITS, _REMEMBERED = 16, 50


def _known(position: str) -> dict[str, _Seen]:
    try:
        found = json.loads(position)
        return {
            str(url): _Seen(int(count), {str(k): [str(d) for d in v] for k, v in seen.items()})
            for url, (count, seen) in found.items()
        }
    except (ValueError, RecursionError, TypeError, AttributeError):
        return {}  # a cursor of another kind


def _nothing(page: PageEntry, rows: int) -> str:
    if page.what == "events" and rows:
        return f"{rows} entries, which is less than {page.least} or more than {_MOST:,}"
    if not rows:
        if page.rows:
            return f"rows {page.rows!r} match nothing on the page"
        return "no table, list or line begins with hours" if page.what == "programme" else (
            "no table or list of papers was found"
        )  # fmt: skip
    empty = ", ".join(f"{name} {where!r}" for name, where in page.fields.items())
    return f"{rows} rows, and no title or person in any of them ({empty or 'no fields named'})"


# -- rows -----------------------------------------------------------------------------------

_HEADS = {
    "time": "time", "hours": "time", "hour": "time", "when": "time", "start": "time",
    "date": "date", "day": "date", "title": "title", "name": "title", "paper": "title",
    "author": "people", "authors": "people", "speaker": "people", "speakers": "people",
    "presenter": "people", "presenters": "people", "organizers": "organizers",
    "organisers": "organizers", "abstract": "abstract", "url": "url", "link": "url",
    "room": "place", "location": "place", "place": "place", "kind": "kind", "type": "kind",
    "decision": "kind", "presentation": "kind", "format": "kind", "event": "body",
    "session": "body", "talk": "body", "activity": "body", "programme": "body",
    "program": "body", "description": "body",
}  # fmt: skip
"""First word of a column's head -> the field that it holds."""
_DAY_LINES = ("h1", "h2", "h3", "h4", "h5", "h6", "p", "strong", "b", "caption", "th", "td")
_AWAY = frozenset(["nav", "header", "footer"])
Links = tuple[tuple[str, str], ...]
"""Addresses with the texts that bear them."""


@dataclass(frozen=True, slots=True)
class _Row:
    fields: Mapping[str, list[str]]
    """Field -> lines."""
    links: Links = ()
    day: str = ""
    """Of the heading above it."""

    def one(self, name: str) -> str:
        return " ".join(self.fields.get(name, ()))


@dataclass(slots=True)
class _Days:
    """Follows the days that stand as headings above rows."""

    base: str
    day: str = ""
    span: tuple[dt.date, dt.date] = field(init=False)

    def __post_init__(self) -> None:
        self.span = dates.span(self.base)

    def see(self, line: str) -> bool:
        """Take a line for a heading if it begins with a day of the event."""
        if len(line) > 100:
            return False
        found, rest = slots.day(line, _year(self.base))
        if not found or slots.hours(rest):
            return False
        week = dt.timedelta(days=7)  # the plan may have moved since the recipe was written
        low, high = self.span
        day = dt.date.fromisoformat(found)
        is_ours = (low == dates.OPEN_START or day >= low - week) and (
            high == dates.OPEN_END or day <= high + week
        )
        self.day = found if is_ours else self.day
        return is_ours


def _rows(page: PageEntry, body: bytes, base: str) -> list[_Row]:
    text = markup.decode(body)
    match page.form:
        case "csv":
            return [_cells(page, row) for row in _table(text)]
        case "text":
            return _lines(text.split("\n"), base)
        case "markdown":
            root = markup.markdown(text)
        case _:
            root = markup.tree(text)
    if page.rows:
        return _selected(page, root, base)
    found = _tables(page, root, base)
    if len(found) < 2:
        found = _lists(page, root, base)
    if len(found) < 2 and page.what == "programme":
        found = _lines(markup.lines(root), base)
    return found


def _table(text: str) -> list[dict[str, str]]:
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
        return [{str(k): v for k, v in row.items() if isinstance(v, str)} for row in rows]
    except csv.Error as error:
        raise PageError(f"not CSV: {error}") from error


def _cells(page: PageEntry, row: Mapping[str, str]) -> _Row:
    names = {column: f for f, column in page.fields.items()}
    fields: dict[str, list[str]] = {}
    for column, value in row.items():
        name = names.get(column) or _head(column)
        if name and (name not in fields or column in names):
            fields[name] = [line for line in map(prose, value.split("\n")) if line]
    url = markup.absolute("".join(fields.get("url", ())), page.url)
    return _Row(fields, ((url, ""),) if url else ())


def _head(text: str) -> str:
    words = re.findall(r"[a-z]+", text.lower())
    return _HEADS.get(words[0], "") if words else ""


def _selected(page: PageEntry, root: Element, base: str) -> list[_Row]:
    chosen = set(markup.selector(page.rows)(root))
    wheres: dict[str, Where] = {name: _where(text) for name, text in page.fields.items()}
    days, out = _Days(base), []
    for node in root.iter():
        if node in chosen:
            out.append(_fields(page, node, wheres, days.day))
        elif node.tag in _DAY_LINES:
            days.see(markup.short(node))
    return out


Where = tuple["markup.Select | None", str]
"""A selector within the row, None for the row itself, and the attribute, "" for the text."""


def _where(text: str) -> Where:
    css, _, attribute = text.partition("@")
    if not re.fullmatch(r"\s*[a-zA-Z-]*\s*", attribute):
        raise PageError(f"{attribute!r} is not the name of an attribute")
    return (markup.selector(css) if css.strip() else None), attribute.strip()


def _fields(page: PageEntry, node: Element, wheres: Mapping[str, Where], day: str) -> _Row:
    fields: dict[str, list[str]] = {}
    for name, (css, attribute) in wheres.items():
        found = [node] if css is None else css(node)
        if attribute:
            fields[name] = [v for n in found if (v := prose(n.get(attribute) or ""))]
        else:
            fields[name] = [line for n in found for line in markup.lines(n)]
    if not any(name in wheres for name in ("title", "body")):
        fields["body"] = markup.lines(node)
    if "url" in fields:
        fields["url"] = [u for v in fields["url"] if (u := markup.absolute(v, page.url))]
    return _Row(fields, tuple(markup.links(node, page.url)), day)


def _tables(page: PageEntry, root: Element, base: str) -> list[_Row]:
    """Rows of tables: with hours for a programme, without for a list of papers."""
    days, out = _Days(base), []
    heads: list[str] = []
    for node in root.iter("tr", "table", *_DAY_LINES[:-2]):
        if node.tag == "table":
            heads = []
        elif node.tag != "tr":
            days.see(markup.short(node))
        elif node.find(".//tr") is None:
            cells = [cell for cell in node if cell.tag in ("td", "th")]
            texts = [markup.lines(cell) for cell in cells]
            named = [_head(" ".join(lines)) for lines in texts]
            if all(cell.tag == "th" for cell in cells) and any(named):
                heads = named
                continue
            joined = " ".join(line for lines in texts for line in lines)
            if days.see(joined) or not any(c.isalnum() for c in joined):
                continue
            row = _row(page, cells, texts, heads, days.day)
            if row is not None:
                out.append(row)
    return out


def _row(
    page: PageEntry,
    cells: Sequence[Element],
    texts: Sequence[list[str]],
    heads: Sequence[str],
    day: str,
) -> _Row | None:
    named = list(heads) + [""] * (len(cells) - len(heads)) if len(heads) else [""] * len(cells)
    links = tuple(link for cell in cells for link in markup.links(cell, page.url))
    if page.what == "programme":
        at = next((i for i, t in enumerate(texts) if t and slots.hours(t[0])), None)
        if at is None:
            return None
        fields: dict[str, list[str]] = {"time": texts[at]}
        rest = [(named[i], lines) for i, lines in enumerate(texts) if i != at and lines]
    else:
        fields, rest = {}, [(named[i], lines) for i, lines in enumerate(texts) if lines]
        if not heads:
            rest = _guessed(page, cells, texts)
    for name, lines in rest:
        key = name if name and name not in ("time", "date") else "body"
        fields.setdefault(key, [])
        fields[key] = [*fields[key], *lines]
    return _Row(fields, links, day)


def _guessed(
    page: PageEntry, cells: Sequence[Element], texts: Sequence[list[str]]
) -> list[tuple[str, list[str]]]:
    """Name the cells of a list of papers without heads: people, then what is linked or long."""
    out: list[tuple[str, list[str]]] = []
    left = [(cell, lines) for cell, lines in zip(cells, texts, strict=True) if lines]
    for cell, lines in list(left):
        if len(left) > 1 and slots.are_people(" ".join(lines)) and not markup.links(cell, page.url):
            out.append(("people", lines))
            left.remove((cell, lines))
            break
    if left:
        linked = [pair for pair in left if markup.links(pair[0], page.url)] or left
        best = max(linked, key=lambda pair: len(" ".join(pair[1])))
        out.append(("title" if out else "body", best[1]))
    return out


def _lists(page: PageEntry, root: Element, base: str) -> list[_Row]:
    """Items of lists: those with hours for a programme, the longest list for papers."""
    days = _Days(base)
    groups: defaultdict[Element, list[_Row]] = defaultdict(list)
    for node in root.iter("li", "dt", *_DAY_LINES[:-2]):
        if node.tag not in ("li", "dt"):
            days.see(markup.short(node))
            continue
        if node.find(".//li") is not None or any(a.tag in _AWAY for a in node.iterancestors()):
            continue
        lines = markup.lines(node)
        links = tuple(markup.links(node, page.url))
        if node.tag == "dt":
            told = node.getnext()
            if told is not None and told.tag == "dd":
                lines = [*lines, *markup.lines(told)]
                links += tuple(markup.links(told, page.url))
        parent = node.getparent()
        if not lines or parent is None:
            continue
        if page.what == "programme":
            if slots.hours(lines[0]):
                groups[root].append(_Row({"body": lines}, links, days.day))
        elif row := _paper(page, node, lines, links):
            groups[parent].append(row)
    return max(groups.values(), key=len, default=[])


def _paper(page: PageEntry, node: Element, lines: list[str], links: Links) -> _Row | None:
    """An item of a list of papers: what is linked or set apart is the title."""
    apart = next((n for n in node.iter("a", "strong", "b", "em", "i") if markup.text(n)), None)
    joined = " ".join(lines)
    if apart is not None:
        title = markup.text(apart).strip(' .,:"“”')
        rest = joined.replace(markup.text(apart), "", 1)
        named = re.sub(r"[\[(]\s*(?:pdf|paper|arxiv|openreview|link|poster|video|code)\s*[\])]|"
                       r"\b(?:pdf|arxiv|openreview)\b", " ", rest, flags=re.IGNORECASE)  # fmt: skip
        authors = named.strip(" .,:;|–—-")
        if slots.are_people(title) and len(authors.split()) > 2:
            title, authors = authors, title
        if len(title.split()) > 2 and slots.are_people(authors):
            return _Row({"title": [title], "people": [authors]}, links)
    slot = slots.read(lines, page.kinds)
    if slot.people and len(slot.title.split()) > 2:
        return _Row({"body": lines}, links)
    return _Row({"title": [joined]}, links) if _identifiers(links, []) else None


def _lines(lines: Iterable[str], base: str) -> list[_Row]:
    """Slots of plain text: each begins with its hours and goes on to the next."""
    days, out = _Days(base), []
    open_ = False
    for line in lines:
        plain = prose(line).strip("| ")
        if not plain:
            continue
        if days.see(plain):
            open_ = False
        elif slots.hours(plain):
            out.append(_Row({"body": [plain]}, (), days.day))
            open_ = True
        elif open_ and len(out[-1].fields["body"]) < 50:
            out[-1].fields["body"].append(plain)
    return out


def _year(base: str) -> str:
    """The year of days that a page prints without one."""
    match = re.search(r"[0-9]{4}", base)
    return match[0] if match else ""


# -- what rows say --------------------------------------------------------------------------


def _base(entry: WorkshopEntry, page: PageEntry) -> str:
    return page.date or entry.date


def _programme(
    entry: WorkshopEntry, page: PageEntry, rows: Sequence[_Row]
) -> tuple[SessionDraft, ...]:
    base = _base(entry, page)
    groups: dict[str, list[tuple[_Row, slots.Hours | None, list[str]]]] = {}
    for row in rows:
        body = list(row.fields.get("body", ()))
        told = row.fields.get("time", [])
        line = " ".join(told) if told else (body[0] if body else "")
        own, rest = slots.day(line, _year(base))
        hours = slots.hours(rest)
        if hours is not None and not told:
            body = [hours.rest, *body[1:]] if hours.rest else body[1:]
        day = own or slots.day(row.one("date"), _year(base))[0] or row.day or base
        if body or row.fields.get("title") or row.fields.get("people"):
            groups.setdefault(day, []).append((row, hours, body))
    sessions = []
    for day, slotted in groups.items():
        clocks = slots.clocks([hours for _, hours, _ in slotted])
        talks = [
            talk
            for (row, _, body), (start, end) in zip(slotted, clocks, strict=True)
            if (talk := _talk(entry, page, row, body, day, start, end)) is not None
        ]
        sessions.append(SessionDraft(page.title or _TITLES["programme"], day, tuple(talks)))
    return tuple(session for session in sessions if session.talks)


def _accepted(
    entry: WorkshopEntry, page: PageEntry, rows: Sequence[_Row]
) -> tuple[SessionDraft, ...]:
    day = _base(entry, page)
    talks = (_talk(entry, page, row, row.fields.get("body", []), day) for row in rows)
    listed = {(t.title.casefold(), t.people): t for t in talks if t is not None and t.title}
    title = page.title or _TITLES["accepted"]
    return (SessionDraft(title, day, tuple(listed.values())),) if listed else ()


def _talk(
    entry: WorkshopEntry,
    page: PageEntry,
    row: _Row,
    body: Sequence[str],
    day: str,
    start: str = "",
    end: str = "",
) -> TalkDraft | None:
    slot = slots.read(body, page.kinds)
    label = row.one("kind") or slot.label
    kind = slots.kind_of(label, page.kinds) or slot.kind
    title = row.one("title")
    if title and not body:
        inner = slots.read([title], page.kinds)  # a label may stand before the title
        kind, label = kind or inner.kind, label or inner.label
        if inner.label or not row.fields.get("people"):
            title, slot = inner.title, inner
    title = "" if slots.is_open(title or slot.title) else (title or slot.title).strip()
    named = slots.people(" ; ".join(row.fields.get("people", ()))) or slot.people
    if not title and not named:
        return None
    names = _identifiers(row.links, [*body, *row.fields.get("title", ())])
    is_paper = page.what == "accepted" or (bool(named or names) and title != label)
    status = _status(page, label, kind) if is_paper else None
    is_listed = page.what == "accepted"
    return TalkDraft(
        kind=kind or (_KIND_OF.get(page.status, TalkKind.contributed) if is_listed else page.kind),
        title=title[:500],
        people=named,
        start=start,
        end=end,
        abstract=(row.one("abstract") or slot.abstract)[:20_000],
        url=_address(row, title),
        identifiers=names,
        statuses=(StatusDraft(status, day, entry.venue),) if status else (),
    )


_KIND_OF: dict[StatusKind | None, TalkKind] = {
    StatusKind.poster: TalkKind.poster,
    StatusKind.oral: TalkKind.oral,
}


def _status(page: PageEntry, label: str, kind: TalkKind | None) -> StatusKind | None:
    """What a place in the list means for a paper."""
    if re.search(r"\bspotlight", label, re.IGNORECASE):
        return StatusKind.spotlight
    if kind == TalkKind.oral:
        return StatusKind.oral
    if kind == TalkKind.poster:
        return StatusKind.poster
    if page.what == "accepted":
        return page.status or StatusKind.workshop
    return page.status if kind is None else None


def _address(row: _Row, title: str) -> str:
    if row.fields.get("url"):
        return row.fields["url"][0]
    plain = title.casefold()
    for address, text in row.links:
        said = text.casefold()
        if (len(said) > 8 and said in plain) or (plain and plain in said):
            return address
    return next((address for address, _ in row.links if _identifier(address)), "")


_ARXIV_TEXT = re.compile(r"\barxiv:\s?([0-9]{4}\.[0-9]{4,5})(?![0-9])", re.IGNORECASE)


def _identifiers(links: Links, lines: Sequence[str]) -> tuple[str, ...]:
    """Return the identifiers that a row names: of each scheme one, none where it names several.

    A talk on several papers presents none of them in particular.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    named = [_identifier(address) for address, _ in links]
    for line in lines:
        named += [f"arxiv:{match[1]}" for match in _ARXIV_TEXT.finditer(line)]
    for name in filter(None, named):
        found[name.partition(":")[0]].add(name)
    single = {scheme: names for scheme, names in found.items() if len(names) == 1}
    return tuple(min(single[scheme]) for scheme in ids.SCHEMES if scheme in single)


_NAMERS: Mapping[str, Callable[[str], str]] = {
    "arxiv.org": ids.arxiv,
    "openreview.net": ids.openreview,
    "doi.org": ids.doi,
}


def _identifier(address: str) -> str:
    try:
        host = (urlsplit(address).hostname or "").removeprefix("www.").removeprefix("dx.")
        return _NAMERS[host](address) if host in _NAMERS else ""
    except (IdentifierError, ValueError):
        return ""


# -- lists of workshops ---------------------------------------------------------------------


def _blocks(page: PageEntry, body: bytes) -> Iterator[bytes]:
    """Cut a list of workshops into its entries, so that an unchanged one keeps its digest."""
    text = markup.decode(body)
    if page.form == "csv":
        for row in _table(text):
            out = io.StringIO()
            writer = csv.DictWriter(out, list(row), lineterminator="\n")
            writer.writeheader()
            writer.writerow(row)
            yield out.getvalue().encode()
        return
    if not page.rows:
        raise PageError("a list of workshops needs rows: the selector of its entries")
    root = markup.markdown(text) if page.form == "markdown" else markup.tree(text)
    for node in markup.selector(page.rows)(root):
        yield markup.cut(node)


def _event(entry: WorkshopEntry, page: PageEntry, block: bytes) -> EventDraft:
    text = markup.decode(block)
    if page.form == "csv":
        row = next((_cells(page, cells) for cells in _table(text)), _Row({}))
    else:
        root = markup.tree(text)
        wheres: dict[str, Where] = {name: _where(where) for name, where in page.fields.items()}
        row = _fields(page, root, wheres, "")
    base = _base(entry, page)
    name = row.one("title")[:500]
    if not name:
        raise PageError(f"an entry without a title ({page.fields.get('title', 'not named')!r})")
    line = row.one("date") or row.one("time")
    day, rest = slots.day(line, _year(base))
    hours = slots.hours(rest if row.one("date") == "" else row.one("time") or rest)
    start, end = slots.clocks([hours])[0]
    url = markup.absolute(row.one("url"), page.url) or _address(row, name)
    place = ", ".join(filter(None, (row.one("place"), entry.place)))
    return EventDraft(
        id=ids.slug(f"{entry.parent or entry.id} {name}"),
        name=name,
        valid=day or base,
        series=entry.series,
        parent=entry.parent,
        tz=entry.tz,
        place=place[:300],
        hours=f"{start}-{end}".strip("-"),
        url=url,
        abstract=row.one("abstract")[:20_000],
        organizers=slots.people(" ; ".join(row.fields.get("organizers", ()))),
        speakers=slots.people(" ; ".join(row.fields.get("people", ()))),
    )


def _is_wanted(entry: WorkshopEntry, draft: EventDraft) -> bool:
    said = f"{draft.name} {draft.abstract}"
    return not entry.any_of or any(
        re.search(rf"\b{re.escape(word)}", said, re.IGNORECASE) for word in entry.any_of
    )
