"""Files that a person takes in: bibliographies, saved pages of workshops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from ingest import intake
from ingest.errors import ParseError
from ingest.markup import PAGE_CAP
from ingest.records import Raw
from ingest.sources import workshops
from ingest.sources.bibliography import Bibliography
from kb.models import RawRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.intake import Progress
    from ingest.records import EventDraft
    from kb.schema import WorkshopEntry
    from kb.store import Store


def ingest_file(
    store: Store, path: Path, form: str, progress: Progress | None = None
) -> dict[str, int]:
    """Take in every entry of a bibliography.

    Args:
        store: Where to keep what comes.
        path: The file.
        form: "bibtex" (BibLaTeX too), "ris" or "csl-json".
        progress: Told how many records have been taken, after each batch.

    Returns:
        Counts, as `ingest.intake.harvest` gives them.

    Raises:
        ParseError: The file cannot be opened, is not UTF-8, holds no entry, or breaks off; what
            came before is kept.
        ConfigError: There is no such form, or its library is not installed.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    source = Bibliography(path, form)
    with store.run(f"ingest {form}") as run:
        counts = intake.zero()
        run.counts = counts
        size = path.stat().st_size if path.is_file() else 0
        # As with a dump, the cursor only tells how far a file has been read.
        cursor = f"{form}:{path.name}:{size}"
        intake.harvest(store, source, source.fetch(), cursor, counts, progress)
        return dict(counts)


class SavedPage:
    """A page of a workshop that a person saved, in the place of one that is fetched."""

    name = workshops.Workshops.name
    position = ""
    """A saved page says nothing of how far the live one has been read."""

    def __init__(self, entry: WorkshopEntry, path: Path, number: int = 1) -> None:
        """Name recipe, file and which of the recipe's pages it is, from 1.

        Raises:
            ParseError: The recipe has no such page, or the file cannot be read.
        """
        self.entry = entry
        source = f"{self.name}:{entry.id}"
        if not 1 <= number <= len(entry.pages):
            count = f"{len(entry.pages)} page{'s' if len(entry.pages) > 1 else ''}"
            raise ParseError(source, str(path), f"the recipe has {count}")
        try:
            with path.open("rb") as file:
                body = file.read(PAGE_CAP + 1)
        except OSError as error:
            raise ParseError(
                source, str(path), f"cannot read the file: {error.strerror}"
            ) from error
        self._raws, _ = workshops.raws_of(entry, entry.pages[number - 1], body)

    def renew(self, store: Store) -> None:
        """Tell a page that is as it was before its last change from its earlier self.

        Raises:
            StoreError: The store cannot be read.
        """
        with store.read() as session:
            for i, raw in enumerate(self._raws):
                query = select(RawRecord.digest).where(
                    RawRecord.source == raw.source, RawRecord.url == raw.url
                )
                told = list(session.exec(query.order_by(col(RawRecord.seq))))
                while raw.digest in told[:-1]:
                    raw = Raw(raw.source, raw.url, raw.fetched_at, raw.body + b"\n")
                self._raws[i] = raw

    def fetch(self, since: str = "") -> Iterator[Raw]:  # noqa: ARG002 - a file is read whole
        """Yield the records of the page; see `ingest.records.Source`."""
        yield from self._raws

    def read(self, raw: Raw) -> EventDraft:
        """Return what one record says; see `ingest.records.Source`."""
        return workshops.read(self.entry, raw)

    def drafts(self) -> list[EventDraft]:
        """Return all that the page says."""
        return [self.read(raw) for raw in self._raws]


def ingest_page(store: Store, page: SavedPage) -> dict[str, int]:
    """Take in a saved page of a workshop.

    Returns:
        Counts, as `ingest.intake.harvest` gives them.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    name = f"{page.name}:{page.entry.id}"
    with store.run(f"ingest {name}") as run:
        counts = intake.zero()
        run.counts = counts
        page.renew(store)
        intake.harvest(store, page, page.fetch(), name, counts)
        return dict(counts)
