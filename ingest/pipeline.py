"""One run: what is asked of which source, in what order, and what is kept when one fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest import http, intake
from ingest.errors import FetchError, SourceError
from ingest.sources import arxiv
from ingest.sources.arxiv import Arxiv
from ingest.sources.arxiv_snapshot import ArxivSnapshot
from kb.errors import DateError
from kb.models import Cursor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.intake import Progress
    from ingest.records import Fetch
    from kb.store import Store

_SINCE = re.compile(r"(\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\dZ)?)?)?)?")


def ingest_snapshot(store: Store, path: Path, progress: Progress | None = None) -> dict[str, int]:
    """Take in every paper of an arXiv metadata dump.

    Returns:
        Counts: added, changed, same, refused, conflicts.

    Raises:
        ParseError: The file cannot be opened, is damaged or ends too early; what came before
            is kept.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    source = ArxivSnapshot(path)
    with store.run(f"ingest {source.name}") as run:
        counts = intake.zero()
        run.counts = counts
        size = path.stat().st_size if path.is_file() else 0
        # The cursor only tells how far a file has been read. A rerun does not skip by it: a
        # file may change under its name, and known digests are passed over fast enough.
        cursor = f"{source.name}:{path.name}:{size}"
        intake.harvest(store, source, source.fetch(), cursor, counts, progress)
        return dict(counts)


def ingest_arxiv(
    store: Store,
    queries: Sequence[tuple[str, str]],
    since: str | None = None,
    fetch: Fetch | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Take in what changed on arXiv since the last time.

    A strand whose listing breaks off keeps its cursor, and the other strands go on.

    Args:
        store: Where to keep what comes.
        queries: Strand and query in arXiv's syntax.
        since: Moment or partial date to start from; None for each strand's cursor, or all
            there is where it has none.
        fetch: How to reach the network; None for a session of our own.
        progress: Told how many records have been taken, after each batch.

    Returns:
        Counts: added, changed, same, refused, conflicts.

    Raises:
        FetchError: arXiv could not be reached for one strand at least; what came is kept.
        ParseError: A query is wrong; what came is kept.
        DateError: `since` is not a year, month, day or moment in UTC.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    if fetch is None:
        with http.Session(arxiv.HOSTS) as session:
            return ingest_arxiv(store, queries, since, session.fetch, progress)
    if since is not None and not _SINCE.fullmatch(since):
        raise DateError(since)
    failures: list[SourceError] = []
    with store.run(f"ingest {Arxiv.name}") as run:
        counts = intake.zero()
        run.counts = counts
        for strand, query in queries:
            cursor = f"{Arxiv.name}:{strand}:{arxiv.mark(query)}"
            source = Arxiv(query, fetch)
            start = _resume(store, cursor) if since is None else since
            try:
                intake.harvest(store, source, source.fetch(start), cursor, counts, progress)
            except SourceError as error:
                failures.append(error)
                if isinstance(error, FetchError) and error.is_host_wide:
                    break  # every strand asks the same host: do not knock on
        if failures:
            worst = failures[-1]  # a host that sent us away is the last we asked
            deferred = isinstance(worst, FetchError) and worst.is_host_wide
            run.outcome = "deferred" if deferred else "partial"
            run.message = str(worst)
            raise worst
        return dict(counts)


def _resume(store: Store, cursor: str) -> str:
    with store.read() as session:
        row = session.get(Cursor, cursor)
    if row is None or not row.value:
        return ""
    return arxiv._resume(row.value)
