"""OpenReview's API, version 2 and for old venues version 1: https://docs.openreview.net.

A venue is listed whole each time it is due, since only a whole list shows what is gone.
What one listing saw is kept in the cursor, so that the next can tell.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from ingest import normalize
from ingest.errors import BlockedError, FetchError, HaltError, ParseError
from ingest.records import Errand, Raw
from ingest.sources.arxiv import mark
from ingest.sources.openreview_notes import NAME, listed, names, plain, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ingest.records import Draft, Fetch, Reading, Removal
    from kb.schema import OpenReviewEntry, SourcesFile

HOSTS: Mapping[str, float] = {"api2.openreview.net": 2.0, "api.openreview.net": 2.0}
"""Host -> seconds between two requests."""
_BASES = {1: "https://api.openreview.net", 2: "https://api2.openreview.net"}
_LOGIN = "https://api2.openreview.net/login"
"""Its token holds for both versions."""
_PAGE = 1000
"""Notes per request; OpenReview refuses to give more."""
_PAGE_OF_FORUMS = 200
"""Notes per request where each comes with its reviews."""
_LEAST_LOSS = 5
"""Notes that a venue may lose without being asked about."""
_MOST_SHARE = 5
"""One part in so many of a venue's notes may be gone before a person must look."""


# -- letting us in --------------------------------------------------------------------------


class Credentials:
    """Who we are to OpenReview: a token, or a name and password to get one with.

    They are read from the environment when they are needed, held in memory, and appear in
    no message. One object serves a whole run, since OpenReview counts logins.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Remember where to look.

        Args:
            environ: May hold OPENREVIEW_TOKEN, or OPENREVIEW_USERNAME and
                OPENREVIEW_PASSWORD.
        """
        self._environ = environ
        self._token = ""

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return bool(self._read("OPENREVIEW_TOKEN") or self._account() is not None)

    def headers(self, fetch: Fetch) -> dict[str, str]:
        """Return what to send with each request, after logging in where that is needed.

        Raises:
            FetchError: The login could not be reached.
            BlockedError: The login was refused.
        """
        given = self._read("OPENREVIEW_TOKEN")
        account = self._account()
        if not given and account is not None and not self._token:
            self._token = _log_in(fetch, *account)
        token = given or self._token
        if token and not re.fullmatch(r"[\x21-\x7e]+", token):
            raise BlockedError(NAME, _LOGIN, "the token is not one", "check OPENREVIEW_TOKEN")
        return {"Authorization": f"Bearer {token}"} if token else {}

    def renew(self) -> bool:
        """Forget a token that a login gave, and tell whether there was one."""
        had, self._token = bool(self._token), ""
        return had

    def _account(self) -> tuple[str, str] | None:
        name, password = self._read("OPENREVIEW_USERNAME"), self._read("OPENREVIEW_PASSWORD")
        return (name, password) if name and password else None

    def _read(self, name: str) -> str:
        return self._environ.get(name, "").strip()


def _log_in(fetch: Fetch, name: str, password: str) -> str:
    try:
        body = fetch(_LOGIN, _login_fault, json={"id": name, "password": password})
    except (BlockedError, ParseError):
        # Without its cause: the server may have repeated what it was sent.
        raise BlockedError(
            NAME,
            _LOGIN,
            "the login was refused",
            "check OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD",
        ) from None
    said = {} if _is_challenge(body) else json.loads(body)
    token = said.get("token")
    if isinstance(token, str) and token:
        return token
    raise BlockedError(
        NAME,
        _LOGIN,
        "the login gave no token; the account may ask for a second factor",
        "set OPENREVIEW_TOKEN",
    )


def _login_fault(body: bytes) -> str:
    if _is_challenge(body):
        return ""
    try:
        return "" if isinstance(json.loads(body), dict) else "not a JSON object"
    except (ValueError, RecursionError):
        return "not JSON"


def _is_challenge(body: bytes) -> bool:
    """Whether this is the page, sent with status 200, that wants to see a browser."""
    head = body[:20_000].lower()
    return head.lstrip().startswith(b"<") and any(
        word in head for word in (b"verifying", b"challenge", b"turnstile", b"captcha")
    )


# -- one venue ------------------------------------------------------------------------------


class OpenReview:
    """The submissions of one venue: open, decided, withdrawn and desk-rejected."""

    name = NAME

    def __init__(
        self,
        entry: OpenReviewEntry,
        fetch: Fetch,
        credentials: Credentials,
        *,
        accept_loss: bool = False,
    ) -> None:
        """Remember the venue.

        Args:
            entry: What is asked.
            fetch: How to reach the network.
            credentials: Guests are asked to prove that they are human.
            accept_loss: A person has seen that many notes are gone and says it is so.
        """
        self.entry = entry
        self.position = ""
        """What the listing saw, as JSON; "" until it is complete."""
        self.accept_loss = accept_loss
        self._fetch = fetch
        self._credentials = credentials
        self._source = f"{NAME}:{entry.id}"
        self._words = _pattern(entry.any_of)

    def fetch(self, since: str) -> Iterator[Raw]:
        """Yield one record per submission, then one per submission that is gone.

        A record holds the note's own text as it stood in the list, and of the replies to it
        only the decisions. A note that was gone and is there again is recorded as that: the
        text alone would be one that is known.

        Args:
            since: The position of the last listing; "" to compare with none. A date says
                nothing to a list that is always whole: the position then stays as it was.

        Raises:
            FetchError: OpenReview could not be reached, or its list is not whole.
            BlockedError: It does not let us in.
            HaltError: More than a fifth of the notes are gone.
            ParseError: It refuses what it is asked.
        """
        before = _Listing.load(since)
        listed: set[str] = set()
        now = _Listing()
        held: list[_Item] = []
        for number, question in enumerate(_questions(self.entry)):
            # Not every venue has a shelf for each of the usual ends.
            for item in self._items(question, may_lack=number > 0 and not self.entry.also):
                if not item.id:
                    yield self._raw(_body(item.text), item.url, item.fetched_at)
                    continue
                if item.id in listed or item.deleted:
                    continue
                listed.add(item.id)
                now.changed = max(now.changed, item.changed)
                known = item.id in before.kept or item.id in before.gone
                if not known and not self._matches(item):
                    continue
                now.kept.add(item.id)
                if item.id in before.gone or item.id in before.back:
                    held.append(item)
                else:
                    yield self._raw(_body(item.text), item.url, item.fetched_at)
            if not number and not listed and not (before.kept and self.accept_loss):
                raise FetchError(
                    self.name,
                    self.entry.id,
                    "the venue's list is empty, which is not believed",
                    "check its id, or switch it off until its submissions are public",
                )
        now.count = len(listed)
        self._compare(before, now, listed)
        # The position goes into the store with the first of the records below or before any:
        # should the run end there, the next one finds in it what is left to record.
        self.position = now.dump() if not since or since.startswith("{") else ""
        at = dt.datetime.now(dt.UTC)
        for id, event in sorted(now.gone.items()):
            yield self._raw(json.dumps({"gone": id, "event": event}), _address(id), at)
        for item in held:
            yield self._raw(_body(item.text, now.back[item.id]), item.url, item.fetched_at)

    def read(self, raw: Raw) -> Draft | Removal:
        """Return what one record says; see `Source.read`."""
        return read(self.entry, raw)

    def _compare(self, before: _Listing, now: _Listing, listed: set[str]) -> None:
        """Note what is gone and what is back, unless too much is gone."""
        lost = before.kept - listed
        fewer = before.count - now.count
        if not self.accept_loss and (
            _is_much(len(lost), len(before.kept)) or _is_much(fewer, before.count)
        ):
            raise HaltError(
                self.name,
                self.entry.id,
                f"{self.entry.name} listed {before.count} notes and now lists {now.count}; "
                f"{len(lost)} of the {len(before.kept)} that we keep are gone",
                f"nothing was marked; if it is so, run `kb run --accept {self._source}` "
                f"or `kb ingest openreview {self.entry.id} --accept-loss`",
            )
        again = before.gone.keys() & listed
        now.events = before.events + bool(lost or again)
        now.gone = {id: n for id, n in before.gone.items() if id not in again}
        now.gone.update(dict.fromkeys(lost, now.events))
        now.back = {id: n for id, n in before.back.items() if id not in lost}
        now.back.update(dict.fromkeys(again, now.events))

    def _matches(self, item: _Item) -> bool:
        """Whether a note is wanted; one that cannot be looked into is, and is then refused."""
        content = item.note.get("content")
        if self._words is None or not isinstance(content, dict):
            return True
        texts = [
            plain(content, name)
            for name in ("title", "abstract", "TLDR", "TL;DR", "one-sentence_summary")
        ]
        texts += names(content, "keywords") or [plain(content, "keywords")]
        return self._words.search(normalize.prose(" \n ".join(texts)).casefold()) is not None

    def _raw(self, text: str, url: str, fetched_at: dt.datetime) -> Raw:
        return Raw(self._source, url, fetched_at, text.encode("utf-8"))

    # -- pages ------------------------------------------------------------------------------

    def _items(self, question: Mapping[str, str], *, may_lack: bool) -> Iterator[_Item]:
        """Yield every note of one list, each once.

        Args:
            question: Which list.
            may_lack: The venue need not have such a list at all.

        Raises:
            FetchError: Fewer notes came than OpenReview counts, or the list goes in a circle.
        """
        has_replies = self.entry.decision_field != "venue"
        size = _PAGE_OF_FORUMS if has_replies else _PAGE
        found: set[str] = set()
        asked: set[str] = set()
        unnamed = total = 0
        after = ""
        while True:
            query = {**question, "limit": str(size), "sort": "id", "count": "true"}
            query |= {"details": "directReplies"} if has_replies else {}
            query |= {"after": after} if after else {"offset": "0"}
            url = f"{_BASES[self.entry.api]}/notes?{urlencode(query)}"
            try:
                page = self._page(url, len(found) + unnamed, total)
            except ParseError as error:
                if may_lack and not after and error.reason.startswith("HTTP 404"):
                    return
                raise
            total = page.total or total
            for note, text in _notes(page, self.entry):
                item = _item(note, text, url)
                if item.id in found:
                    continue
                if item.id:
                    found.add(item.id)
                else:
                    unnamed += 1
                yield item
            seen = len(found) + unnamed
            if not page.spans or (total and seen >= total):
                return  # an empty page is believed only where nothing is left, see `_page`
            last = next((id for note, _, _ in reversed(page.spans) if (id := _id(note))), "")
            if not last or last in asked:
                raise FetchError(self.name, url, f"the list stops moving at {seen} of {total}")
            asked.add(last)
            after = last

    def _page(self, url: str, seen: int, total: int) -> _Page:
        pages: list[_Page] = []

        def check(body: bytes) -> str:
            pages.clear()
            if _is_challenge(body):
                return ""
            try:
                page = _split(body)
            except _NotNotesError as error:
                return str(error)
            if not page.spans and seen < (page.total or total):
                return f"empty page at {seen} of {page.total or total}"
            pages.append(page)
            return ""

        refused: BlockedError | None = None
        for _ in range(2):  # the second time with a new token, where a login gives one
            try:
                self._fetch(url, check, headers=self._credentials.headers(self._fetch))
            except BlockedError as error:
                if error.where == _LOGIN:
                    raise
                refused = error
            if pages:
                return pages[0]
            if not self._credentials.renew():
                break
        given = self._credentials.given
        raise BlockedError(
            self.name,
            url,
            "it does not take our credentials"
            if given
            else "it wants guests to prove that they are human",
            "what is stored is kept; "
            + ("renew" if given else "set")
            + " OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD, or OPENREVIEW_TOKEN",
            wait=refused.wait if refused else None,
        ) from refused


def _questions(entry: OpenReviewEntry) -> list[dict[str, str]]:
    """What to list, the submissions themselves first; only that list must not be empty."""
    main = entry.submission or f"{entry.id}/-/" + (
        "Submission" if entry.api == 2 else "Blind_Submission"
    )
    also = entry.also
    if not also:
        between = "/" if entry.api == 2 else "/-/"
        also = [f"{entry.id}{between}{kind}_Submission" for kind in ("Withdrawn", "Desk_Rejected")]
    return [
        {"invitation": name} if "/-/" in name else {"content.venueid": name}
        for name in (main, *also)
    ]


def _is_much(lost: int, had: int) -> bool:
    return lost > _LEAST_LOSS and lost * _MOST_SHARE > had


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """What finds any of the words, each at the beginning of a word; None for no words."""
    found = ["[ -]".join(map(re.escape, re.split(r"[\s-]+", w.casefold().strip()))) for w in words]
    return re.compile(r"(?<!\w)(?:" + "|".join(found) + ")") if found else None


@dataclass(slots=True)
class _Listing:
    """What one listing of a venue saw, as the cursor carries it."""

    kept: set[str] = field(default_factory=set)
    """Notes that were taken in."""
    count: int = 0
    """Notes that were listed, wanted or not."""
    changed: int = 0
    """When the newest change was made, in milliseconds since 1970, by OpenReview's clock."""
    events: int = 0
    """How often notes went or came back."""
    gone: dict[str, int] = field(default_factory=dict)
    """Notes that were taken in and are listed no more -> the event with which they went.

    The number is a part of the record, so that a second going is another record than the
    first, while a run that is repeated makes the same record again.
    """
    back: dict[str, int] = field(default_factory=dict)
    """Notes that went and are listed again -> the event with which they came."""

    @classmethod
    def load(cls, text: str) -> _Listing:
        """Return the listing that a cursor holds; an empty one where it holds none."""
        if not text.startswith("{"):
            return cls()
        try:
            row = json.loads(text)
            return cls(
                kept=set(row["kept"].split()),
                count=int(row["count"]),
                changed=int(row["changed"]),
                events=int(row["events"]),
                gone={str(id): int(n) for id, n in row["gone"].items()},
                back={str(id): int(n) for id, n in row["back"].items()},
            )
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ParseError(NAME, text[:80], "the cursor is not one of ours") from error

    def dump(self) -> str:
        """Return the cursor's text, the same for the same listing."""
        row = {
            "kept": " ".join(sorted(self.kept)),
            "count": self.count,
            "changed": self.changed,
            "events": self.events,
            "gone": self.gone,
            "back": self.back,
        }
        return json.dumps(row, separators=(",", ":"), sort_keys=True)


# -- the text of a page ---------------------------------------------------------------------

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class _NotNotesError(ValueError):
    """An answer that is not a list of notes."""


@dataclass(slots=True)
class _Page:
    text: str
    spans: list[tuple[Any, int, int]]
    """Each note, with the place of its first character and of the one after its last."""
    total: int


@dataclass(slots=True)
class _Item:
    """One note of a list."""

    note: dict[str, Any]
    text: str
    """Its own text, and that of the decisions on it, as members of a JSON object."""
    id: str
    """"" where it has none, or is not a note at all."""
    url: str
    deleted: bool
    changed: int
    fetched_at: dt.datetime


def _split(body: bytes) -> _Page:
    """Find the notes of a page.

    Raises:
        _NotNotesError: It has none because it is something else.
    """
    try:
        text = body.decode("utf-8-sig")
        page = json.loads(text)
    except UnicodeDecodeError as error:
        raise _NotNotesError("not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise _NotNotesError("not JSON" if body.strip() else "blank page") from error
    if not isinstance(page, dict) or not isinstance(page.get("notes"), list):
        raise _NotNotesError("not a list of notes")
    total = page.get("count")
    parts = list(_members(text, 0))
    start = parts[_last(parts, "notes")].value
    return _Page(text, list(_elements(text, start)), total if isinstance(total, int) else 0)


def _notes(page: _Page, entry: OpenReviewEntry) -> Iterator[tuple[Any, str]]:
    """Yield each note of a page and its text, cut out byte for byte.

    The details that we asked for are not the note's own: of them only the decisions are
    kept, so that a stranger's comment neither is stored nor makes a new record.
    """
    for note, begin, end in page.spans:
        own, decisions = page.text[begin:end], []
        if isinstance(note, dict) and "details" in note:
            parts = list(_members(page.text, begin))
            here = _last(parts, "details")
            before, after = parts[:here], parts[here + 1 :]
            head = page.text[begin : before[-1].end] if before else "{"
            tail = page.text[parts[here].end : end] if before else "}"
            if after and not before:
                tail = page.text[after[0].begin : end]
            own = head + tail
            decisions = list(_decisions(page.text, parts[here].value, note["details"], entry))
        yield note, f'"note":{own},"decisions":[{",".join(decisions)}]'


def _decisions(text: str, at: int, details: Any, entry: OpenReviewEntry) -> Iterator[str]:
    """Yield the text of each decision among a note's replies, in a fixed order."""
    if not isinstance(details, dict) or not isinstance(details.get("directReplies"), list):
        return
    parts = list(_members(text, at))
    start = parts[_last(parts, "directReplies")].value
    found = [
        (_id(reply), text[begin:end])
        for reply, begin, end in _elements(text, start)
        if _is_decision(reply, entry)
    ]
    for _, own in sorted(found):
        yield own


def _is_decision(reply: Any, entry: OpenReviewEntry) -> bool:
    """Whether the venue made this reply, by an invitation that only its chairs have."""
    if not isinstance(reply, dict) or reply.get("ddate"):
        return False
    names = [reply.get("invitation"), *listed(reply.get("invitations"))]
    return any(
        isinstance(name, str)
        and name.startswith(f"{entry.id}/")
        and re.search(r"/(?:Acceptance_)?Decision$|/Meta_Review$|/acceptance$", name) is not None
        for name in names
    )


class _Member(NamedTuple):
    """A member of a JSON object, by places in the text."""

    key: str
    begin: int
    value: int
    """Where its value begins."""
    end: int


def _members(text: str, at: int) -> Iterator[_Member]:
    """Yield the members of a JSON object; the text has been parsed before, so it is in order."""
    at = _skip(text, _skip(text, at) + 1)
    while text[at] != "}":
        begin = at
        key, at = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, at) + 1)
        _, at = _DECODER.raw_decode(text, value)
        yield _Member(key, begin, value, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _last(parts: Sequence[_Member], key: str) -> int:
    """Which member has this key; of several the last, which is the one that a parser keeps."""
    return max(number for number, part in enumerate(parts) if part.key == key)


def _elements(text: str, at: int) -> Iterator[tuple[Any, int, int]]:
    """Yield each element of a JSON array that has been parsed before, its begin and its end."""
    at = _skip(text, at + 1)
    while text[at] != "]":
        begin = at
        value, at = _DECODER.raw_decode(text, at)
        yield value, begin, at
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _item(note: Any, text: str, page_url: str) -> _Item:
    id = _id(note)
    note = note if isinstance(note, dict) else {}
    changed = note.get("tmdate")
    return _Item(
        note=note,
        text=text,
        id=id,
        url=_address(id) if id else page_url,
        deleted=bool(note.get("ddate")),
        changed=changed if isinstance(changed, int) else 0,
        fetched_at=dt.datetime.now(dt.UTC),
    )


def _id(note: Any) -> str:
    id = note.get("id") if isinstance(note, dict) else None
    return id if isinstance(id, str) and re.fullmatch(r"[\w-]{1,64}", id, re.ASCII) else ""


def _address(id: str) -> str:
    return f"https://openreview.net/forum?id={id}"


def _body(text: str, event: int = 0) -> str:
    """The body of a record; with the event's number where the note had been gone."""
    return f'{{"returned":{event},{text}}}' if event else f"{{{text}}}"


# -- what a run asks ------------------------------------------------------------------------


def errands(config: SourcesFile) -> list[Errand]:
    """Return one errand per venue that is switched on; they share one login."""
    credentials = Credentials(os.environ)
    return [
        Errand(
            name=_errand(entry),
            title=f"OpenReview: {entry.name}",
            hosts=HOSTS,
            make=partial(_make, entry, credentials),
            every=config.every.get(NAME, 7.0),
            asks=entry.id,
        )
        for entry in config.openreview
        if entry.enabled
    ]


def readers(config: SourcesFile) -> Mapping[str, Callable[[Raw], Reading]]:
    """Return how the records of each venue are read, of those switched off too."""
    return {f"{NAME}:{entry.id}": partial(read, entry) for entry in config.openreview}


def _make(
    entry: OpenReviewEntry, credentials: Credentials, fetch: Fetch, *, accept_loss: bool = False
) -> OpenReview:
    return OpenReview(entry, fetch, credentials, accept_loss=accept_loss)


def _errand(entry: OpenReviewEntry) -> str:
    # Not by its words: a venue is listed whole, and what was kept by others is still followed.
    question = entry.model_dump_json(exclude={"name", "enabled", "any_of"})
    return f"{NAME}:{entry.id}:{mark(question)}"
