"""The shapes a record has on its way in, and the two ports it comes through."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from kb.vocabulary import ManifestationKind, WorkKind


@dataclass(frozen=True, slots=True)
class Raw:
    """One item as the source gave it, before anyone has interpreted it."""

    source: str
    """The adapter's name, a key of `ingest.sources.SOURCES`."""
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


@dataclass(frozen=True, slots=True)
class Draft:
    """One record as we understand it, before the store has seen it."""

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


class Fetch(Protocol):
    """How a source reaches the network; see `ingest.http.Session.fetch`."""

    def __call__(self, url: str, check: Callable[[bytes], str]) -> bytes:
        """GET `url` and return its body.

        Args:
            url: An absolute address.
            check: Says what is wrong with a body, "" when nothing is. A body that is wrong
                is asked for again: some servers send error pages with status 200.

        Raises:
            FetchError: The source could not be reached, or kept sending a wrong body.
            ParseError: The source refused the request itself.
        """
        ...


class Source(Protocol):
    """A place we read from. To add one: write this, then list it in `sources.SOURCES`."""

    name: str
    position: str
    """How far the listing has been read, for the cursor; "" while it must not move."""

    def fetch(self, since: str) -> Iterator[Raw]:
        """Yield every record the source has changed since a partial date, "" for all.

        Raises:
            FetchError: The source could not be reached.
            ParseError: Its listing cannot be split into records.
        """
        ...

    @staticmethod
    def read(raw: Raw) -> Draft:
        """Return what one record says. Pure: no network, no clock.

        Raises:
            ParseError: A field we need is missing or is not what it should be.
        """
        ...
