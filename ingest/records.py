"""The shapes a record has on its way in, and the two ports it comes through."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping

    from kb.vocabulary import (
        CoverageKind,
        ManifestationKind,
        StatusKind,
        TalkKind,
        WorkKind,
        WorkRelationKind,
    )


@dataclass(frozen=True, slots=True)
class Raw:
    """One item as the source gave it, before anyone has interpreted it."""

    source: str
    """The adapter's name, and after a colon the recipe where the adapter follows several:
    "arxiv", "workshops:delta-2026"."""
    url: str
    """Where it came from: an address, or "file name#line"."""
    fetched_at: dt.datetime
    body: bytes
    digest: str = field(init=False)
    """SHA-256 of source name, a zero byte and `body`, in hex: the same answer twice is one
    record."""

    def __post_init__(self) -> None:
        """Compute the digest once; it is asked for several times."""
        text = hashlib.sha256(self.source.encode() + b"\0" + self.body).hexdigest()
        object.__setattr__(self, "digest", text)


@dataclass(frozen=True, slots=True)
class ManifestationDraft:
    """A form in which a work appeared, as one record describes it."""

    id: str
    """ "arxiv:2505.17638v2", or "arxiv:2505.17638" where the record does not say which
    version it holds."""
    kind: ManifestationKind
    title: str
    abstract: str
    url: str
    publisher: str = ""
    version: int = 0
    """0 where the record does not say."""
    valid: str = ""
    """When this form appeared, EDTF."""
    has_text: bool = True
    """False where the record only says that there is such a form, and when it appeared. The
    title is then that of the work."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class StatusDraft:
    """A venue's or an author's act, as one record tells it."""

    status: StatusKind
    valid: str
    """When, EDTF."""
    venue: str = ""
    """As people write it: "NeurIPS 2025"."""
    version: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """One record of a work as we understand it, before the store has seen it."""

    identifiers: tuple[str, ...]
    """In the canonical form of `kb.ids`, at least one."""
    kind: WorkKind
    title: str
    abstract: str
    """Empty when the source gave none; never a summary of ours."""
    authors: tuple[str, ...]
    first_public: str
    """First public appearance, EDTF, as precise as the record says."""
    categories: str
    """The source's subject classes, separated by spaces."""
    withdrawn: bool
    manifestations: tuple[ManifestationDraft, ...]
    """Empty where the record only adds names to a work that others describe."""
    statuses: tuple[StatusDraft, ...] = ()
    """What venues did with it. Recorded beside what was known, never in its place."""
    related: tuple[tuple[WorkRelationKind, str], ...] = ()
    """Works of the same lineage that the record names, by identifier."""
    are_authors_parsed: bool = True
    """False where the names were cut out of a line of text. Names that a source gives one by
    one are kept before such."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A record that its source no longer has. What we have of it is kept and marked."""

    manifestations: tuple[str, ...]
    """Ids of the forms that are gone."""
    identifiers: tuple[str, ...] = ()
    """Of papers that are gone in every version, whichever we have: "arxiv:2505.17638"."""


@dataclass(frozen=True, slots=True)
class TalkDraft:
    """One slot of a programme, or one paper of a list of accepted papers."""

    kind: TalkKind
    title: str
    people: tuple[str, ...] = ()
    start: str = ""
    """Local time "HH:MM" in the event's zone; "" when the page gives none."""
    end: str = ""
    abstract: str = ""
    url: str = ""
    identifiers: tuple[str, ...] = ()
    """Of the work that is presented, where the page names them."""
    statuses: tuple[StatusDraft, ...] = ()
    """What the event thereby did with the work: a poster, an oral."""


@dataclass(frozen=True, slots=True)
class SessionDraft:
    """A run of talks on one day, or a list of accepted papers."""

    title: str
    valid: str
    """The day, EDTF."""
    talks: tuple[TalkDraft, ...]


@dataclass(frozen=True, slots=True)
class EventDraft:
    """One page of an event as we understand it."""

    id: str
    """The curated files' id where they have the event, else a slug of ours."""
    name: str
    valid: str
    """When it takes place, EDTF. Name and date are "" where the curated files give them."""
    kind: str = "workshop"
    series: str = ""
    parent: str = ""
    """The conference that it belongs to: "NeurIPS 2025"."""
    tz: str = ""
    """IANA name; "" where the page gives none."""
    place: str = ""
    hours: str = ""
    """Local, "08:00-17:00"; "" where a programme says more."""
    url: str = ""
    abstract: str = ""
    """What its organizers say of it."""
    speakers: tuple[str, ...] = ()
    organizers: tuple[str, ...] = ()
    sessions: tuple[SessionDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverageDraft:
    """A post as we understand it: something said about works, never a form of one."""

    id: str
    """Canonical, "url:https://example.org/post"."""
    kind: CoverageKind
    title: str
    publisher: str
    url: str
    valid: str
    """When it was published, EDTF."""
    authors: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    """Identifiers that it names, in order."""


Reading = Draft | EventDraft | CoverageDraft | Removal
"""What a record turns out to be."""


class Fetch(Protocol):
    """How a source reaches the network; see `ingest.http.Session.fetch`."""

    def __call__(
        self,
        url: str,
        check: Callable[[bytes], str],
        *,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
        keep: bool = False,
    ) -> bytes:
        """GET `url`, or POST `json` to it, and return the body of the answer.

        Args:
            url: An absolute address.
            check: Says what is wrong with a body, "" when nothing is. A body that is wrong
                is asked for again: some servers send error pages with status 200.
            headers: Sent to this host alone, never after a redirect to another.
            json: What to post; None to GET.
            keep: Keep the body on disk, and ask the next time only whether it changed.

        Raises:
            FetchError: The source could not be reached, or kept sending a wrong body.
            BlockedError: The source does not let us in.
            ParseError: The source refused the request itself.
        """
        ...


class Source(Protocol):
    """A place we read from.

    To add one: write this and an `errands` function in a module of its own, record an answer
    as a fixture, and list the module in `ingest.sources`.
    """

    name: str
    """The adapter's name, as `Raw.source` carries it."""
    position: str
    """How far the listing has been read, for the cursor; "" while it must not move."""

    def fetch(self, since: str) -> Iterator[Raw]:
        """Yield every record the source has changed since its last position, "" for all.

        Raises:
            FetchError: The source could not be reached.
            BlockedError: It does not let us in.
            HaltError: What it says is so unlike what it said before that a person must look.
            ParseError: Its listing cannot be split into records.
        """
        ...

    def read(self, raw: Raw) -> Reading:
        """Return what one record says. Pure: no network, no clock.

        Raises:
            ParseError: A field we need is missing or is not what it should be.
        """
        ...


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing that a run does: ask one source one question, and remember how far it got."""

    name: str
    """The cursor's and the ledger's name, "arxiv:memorization:1f2e3d4c". It holds a mark of
    the question, so that a changed question does not inherit the old one's cursor."""
    title: str
    """For people: "arXiv: memorization"."""
    hosts: Mapping[str, float]
    """Hosts that it needs -> seconds between two requests. Empty where it reads files."""
    make: Callable[[Fetch], Source]
    every: float = 1.0
    """Days after a success when it is due again."""
    resume: Callable[[str], str] = str
    """From the stored cursor to what `Source.fetch` starts from: where a listing may change
    behind its cursor, this steps back."""
    asks: str = ""
    """The question in the source's own syntax, for people; "" where the title says all."""
