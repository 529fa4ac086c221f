"""One run: what is asked of which source, what is kept when one fails, and what follows.

Each source is one row of the ledger, and none stops another. What is derived from the records
(vectors, links, a cycle) is looked at again only when what is known has changed.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from sqlmodel import col, select

from ingest import intake
from ingest.embed import run as embed_all
from ingest.errors import BlockedError, FetchError, HaltError, SourceError
from ingest.sources import errands as all_errands
from ingest.sources.arxiv_snapshot import ArxivSnapshot
from kb import current, cycles, ledger, program
from kb.content import nearest
from kb.errors import DateError, NotFoundError
from kb.models import Cursor, Setting
from kb.store import REVISION, forget, now, touched

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ingest.intake import Progress
    from ingest.link.endpoint import Endpoint
    from ingest.records import Errand, Fetch, Raw, Reading, Source
    from kb.encoder import Encoder
    from kb.encoder import Progress as Share
    from kb.models import Run
    from kb.schema import SourcesFile
    from kb.store import Store

    Embed = Callable[[Store, Encoder, Share | None, Collection[str] | None], dict[str, int]]
    """Gives texts a vector, as `ingest.embed.run` does."""
    Link = Callable[..., dict[str, int]]
    """Links works, with the arguments of `ingest.link.run`."""

_SINCE = re.compile(r"(\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\dZ)?)?)?)?")
_LARGE = 4_000_000
"""Bytes of a file from which a second process saves more time than it takes to start."""
EXITS = {"ok": 0, "failed": 1, "deferred": 8, "partial": 10}
"""What a harvest came to -> the exit code that says so."""


class Tally(Protocol):
    """What has gone over the network so far."""

    requests: int
    bytes: int


class Connection(Protocol):
    """How a harvest reaches its hosts; see `ingest.http.Session`."""

    @property
    def fetch(self) -> Fetch:
        """Gets one answer."""
        ...

    @property
    def tally(self) -> Tally:
        """What has been sent and received until now."""
        ...


@dataclass(frozen=True, slots=True)
class Harvested:
    """What came of asking one source."""

    errand: Errand
    outcome: str
    """ok, deferred, blocked, halted or failed."""
    counts: Mapping[str, int]
    message: str
    """Why it did not end well, "" when it did."""
    requests: int = 0
    bytes: int = 0


# -- what to ask ----------------------------------------------------------------------------


def roster(config: SourcesFile) -> list[ledger.Listed]:
    """Return every configured source, those that are switched off too."""
    on = {errand.name for errand in all_errands(config)}
    changes: dict[str, Any] = {}
    for field in type(config).model_fields:
        entries = getattr(config, field)
        if isinstance(entries, list):
            changes[field] = [
                entry.model_copy(update={"enabled": True}) if hasattr(entry, "enabled") else entry
                for entry in entries
            ]
    everything = all_errands(config.model_copy(update=changes))
    return [
        ledger.Listed(e.name, e.title, e.asks, float(e.every), e.name in on) for e in everything
    ]


def choose(errands: Sequence[Errand], wanted: Iterable[str], adapter: str = "") -> list[Errand]:
    """Return the errands that people mean by these names.

    An errand goes by its name, by the beginning of it up to a colon ("arxiv",
    "arxiv:memorization"), by its title and by what it asks; within one adapter also without the
    adapter's name.

    Args:
        errands: Every configured one.
        wanted: Names; none for all of the adapter's.
        adapter: Only errands of this one; "" for any.

    Raises:
        NotFoundError: A name fits none; the error tells the nearest.
    """
    near = [errand for errand in errands if adapter in ("", errand.name.split(":")[0])]
    wanted = list(wanted)
    if not wanted:
        return near
    chosen: dict[str, Errand] = {}
    for name in wanted:
        fits = [errand for errand in near if _means(errand, name, adapter)]
        if not fits:
            known = {errand.title for errand in near}
            known |= {errand.name.rpartition(":")[0] or errand.name for errand in near}
            raise NotFoundError("configured source", name, nearest(name, known))
        chosen |= {errand.name: errand for errand in fits}
    return [errand for errand in near if errand.name in chosen]


def _means(errand: Errand, name: str, adapter: str) -> bool:
    short = errand.name.removeprefix(f"{adapter}:") if adapter else errand.name
    titles = (errand.title, errand.title.partition(": ")[2], errand.asks)
    return name.casefold() in map(str.casefold, titles) or any(
        each == name or each.startswith(f"{name}:") for each in (errand.name, short)
    )


def due(store: Store, errands: Sequence[Errand]) -> list[Errand]:
    """Return the errands whose last success is long enough ago; see `kb.ledger.due`.

    Raises:
        StoreError: The store cannot be read.
    """
    with store.read() as session:
        names = ledger.due(session, {errand.name: errand.every for errand in errands}, now())
    return [errand for errand in errands if errand.name in names]


# -- asking ---------------------------------------------------------------------------------


def harvest_all(
    store: Store,
    errands: Sequence[Errand],
    connect: Callable[[Mapping[str, float]], AbstractContextManager[Connection]],
    *,
    since: str | None = None,
    accept: Collection[str] = (),
    progress: Callable[[Errand, int], None] | None = None,
) -> list[Harvested]:
    """Ask each source what changed, and take it in; one that fails does not stop the others.

    A source whose host is down, wants to be left alone or does not let us in makes the others
    that need this host wait for another run: nobody knocks there again.

    Args:
        store: Where to keep what comes, and the ledger.
        errands: What to ask, in this order.
        connect: Opens the one connection that all share, to these hosts at these paces.
        since: Moment or partial date to start from; None for each errand's cursor, or all
            there is where it has none.
        accept: Names of errands whose source may undo much of what it said before: a person
            has looked at what it said.
        progress: Told, after each batch, how many records an errand has taken.

    Returns:
        What came of each, in the same order.

    Raises:
        DateError: `since` is not a year, month, day or moment in UTC.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    if since is not None and not _SINCE.fullmatch(since):
        raise DateError(since)
    hosts: dict[str, float] = {}
    for errand in errands:
        for host, pause in errand.hosts.items():
            hosts[host] = max(pause, hosts.get(host, 0.0))
    told: list[Harvested] = []
    closed: dict[str, Harvested] = {}
    unfound: set[str] = set()
    if not errands:
        return told
    with store.lock("harvest"), connect(hosts) as connection:
        for errand in errands:
            barred = next((host for host in errand.hosts if host in closed), "")
            with store.run(f"{ledger.HARVEST}{errand.name}") as run:
                if barred:
                    run.outcome = closed[barred].outcome
                    run.message = f"not asked: {barred} failed before in this run"
                elif errand.hosts and len(unfound) > 1 and not connection.tally.bytes:
                    run.outcome = "deferred"
                    run.message = "not asked: this machine seems to have no network"
                    barred = "network"
                else:
                    error = _harvest(store, run, errand, connection, since, accept, progress)
                one = Harvested(
                    errand, run.outcome, dict(run.counts), run.message, run.requests, run.bytes
                )
            told.append(one)
            if not barred and isinstance(error, FetchError) and error.is_host_wide:
                closed |= dict.fromkeys(_hosts(error, errand), one)
                if error.is_unfound:
                    unfound.add(error.source)
    return told


def _harvest(
    store: Store,
    run: Run,
    errand: Errand,
    connection: Connection,
    since: str | None,
    accept: Collection[str],
    progress: Callable[[Errand, int], None] | None,
) -> SourceError | None:
    """Ask one source, and note in its row of the ledger what came of it."""
    counts = intake.zero()
    run.counts = counts
    sent, received = connection.tally.requests, connection.tally.bytes
    cursor = _cursor(store, errand)
    start = errand.resume(cursor) if cursor else ""
    source = errand.make(connection.fetch)
    if errand.name in accept and hasattr(source, "accept_loss"):
        source.accept_loss = True
    if since is not None:
        if cursor and since > start:  # what lies between was not asked for, and is still to come
            source = _Unmoved(source)
        start = since
    tell: Progress | None = None if progress is None else lambda done: progress(errand, done)
    failure: SourceError | None = None
    try:
        intake.harvest(store, source, source.fetch(start), errand.name, counts, tell)
    except SourceError as error:
        failure, run.outcome = error, _outcome(error)
        # Where a source cannot be reached, its address says no more than its name.
        run.message = f"{error.source}: {error.reason}"
        if not isinstance(error, FetchError) or isinstance(error, BlockedError):
            run.message = str(error)
    finally:
        run.requests = connection.tally.requests - sent
        run.bytes = connection.tally.bytes - received
    moved = _cursor(store, errand)
    run.cursor = moved if moved != cursor else ""
    return failure


class _Unmoved:
    """A source whose cursor stays where it is."""

    position = ""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source

    def fetch(self, since: str) -> Iterator[Raw]:
        return self._source.fetch(since)

    def read(self, raw: Raw) -> Reading:
        return self._source.read(raw)


def _cursor(store: Store, errand: Errand) -> str:
    with store.read() as session:
        row = session.get(Cursor, errand.name)
        return row.value if row else ""


def _outcome(error: SourceError) -> str:
    if isinstance(error, BlockedError):
        return "blocked"
    if isinstance(error, FetchError):
        return "deferred"
    return "halted" if isinstance(error, HaltError) else "failed"


def _hosts(error: FetchError, errand: Errand) -> Collection[str]:
    """Which of an errand's hosts an error speaks of: the one it names, or all."""
    try:
        host = urlsplit(error.where).hostname
    except ValueError:
        host = None
    return [host] if host and host in errand.hosts else list(errand.hosts)


def verdict(told: Sequence[Harvested]) -> str:
    """Return what a harvest came to: ok, partial, deferred or failed.

    deferred means that every source asked us to wait or could not be reached; where all
    failed and one needs a person, it is failed.
    """
    outcomes = {each.outcome for each in told}
    if outcomes <= {"ok"}:
        return "ok"
    if "ok" in outcomes:
        return "partial"
    return "deferred" if outcomes == {"deferred"} else "failed"


def total(told: Iterable[Harvested]) -> dict[str, int]:
    """Return the counts of several harvests added up."""
    counts = intake.zero()
    for each in told:
        counts.update(each.counts)
    return dict(counts)


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
        with _rarely_collecting():
            intake.harvest(
                store,
                source,
                source.fetch(),
                cursor,
                counts,
                progress,
                size=intake.BULK,
                helper=size > _LARGE and (os.cpu_count() or 1) > 1,
            )
        return dict(counts)


@contextlib.contextmanager
def _rarely_collecting() -> Iterator[None]:
    """Look for cycles of garbage once in a batch or so: rows hold none, and there are millions."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


# -- what follows from it -------------------------------------------------------------------


def sift(
    store: Store, config: SourcesFile, *, again: bool = False, threshold: float | None = None
) -> dict[str, int]:
    """Hold back what has too little to do with the debate, unless nothing has changed.

    Args:
        store: Read for works, written with what is held back.
        config: Names the adapters whose works can be held back.
        again: Look at every work whether or not anything has changed.
        threshold: Works that score below it are held back; the packaged one when None.

    Returns:
        Counts as `ingest.funnel.sift` gives them, none where there was nothing to look at.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    with store.lock("funnel"):
        told = store.setting(_LEVEL) if threshold is None else f"{threshold:g}"
        mark = _mark(store, f"{','.join(sorted(config.funnel))} {told}")
        last = store.setting(_SIFTED)
        if not again and last == mark:
            return {}
        # Imported here: learning the theses' words takes longer than to find it is not needed.
        from ingest import funnel

        only = None if again else _moved(store, last, mark)
        level = float(told) if told else funnel.THRESHOLD
        with store.run("funnel") as entry:
            counts = funnel.sift(store, config.funnel, only, level)
            entry.counts = counts
        with store.write() as session:
            session.merge(Setting(name=_LEVEL, value=told))
        # Holding back counts the revision up too, and needs no second look.
        _note(store, _SIFTED, _mark(store, f"{','.join(sorted(config.funnel))} {told}"))
    return counts


def sift_as_packaged(store: Store) -> None:
    """Forget the threshold that a person chose.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    _note(store, _LEVEL, "")


def embed(
    store: Store,
    encoder: Encoder,
    progress: Share | None = None,
    *,
    again: bool = False,
    engine: Embed = embed_all,
) -> dict[str, int]:
    """Give every text a vector, unless nothing has changed since that was done.

    Args:
        store: Read for texts, written with vectors.
        encoder: Turns texts into vectors.
        progress: Told (done, all) works.
        again: Look at every text whether or not anything has changed.
        engine: What does it; here, one batch after another, by default.

    Returns:
        Counts as `ingest.embed.run` gives them, none where there was nothing to look at.

    Raises:
        EncoderError: The encoder fails; what it did before is kept.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    with store.lock("embed"):
        mark = _mark(store, encoder.name)
        last = store.setting(_EMBEDDED)
        if not again and last == mark:
            return {}
        # Readers stay with another encoder's vectors until there is one of every text.
        told = progress
        if current.begin(store, encoder.name):
            told = _telling(store, encoder.name, progress)
        counts = engine(store, encoder, told, None if again else _moved(store, last, mark))
        current.switch(store, encoder.name)
        _note(store, _EMBEDDED, mark)
    return counts


def link(
    store: Store,
    encoder: Encoder,
    progress: Share | None = None,
    *,
    again: bool = False,
    endpoint: Endpoint | None = None,
    engine: Link | None = None,
) -> dict[str, int]:
    """Propose links, unless nothing has changed since that was done.

    Args:
        store: Texts that have no vector yet get one.
        encoder: Its name is part of the agent's.
        progress: Told (done, all) works.
        again: Look at every work whether or not anything has changed.
        endpoint: A language model to ask about what it has not answered yet. Its answers stand
            from then on.
        engine: What does it; `ingest.link.run` when None.

    Returns:
        Counts as `ingest.link.run` gives them, none where there was nothing to look at.

    Raises:
        EncoderError: The encoder fails; the batches before that are kept.
        SourceError: The language model failed; the works it did not answer for are linked by
            the packaged judge.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    with store.lock("link"):
        if endpoint is not None:
            choose_judge(store, endpoint.model)
        model = store.setting(_JUDGE)
        mark = _mark(store, f"{encoder.name} {model}".strip())
        last = store.setting(_LINKED)
        if not again and endpoint is None and last == mark:
            return {}
        # Imported here: its tables of words take longer to load than to find it is not needed.
        from ingest.link import run as link_all

        # A model that was out of reach may answer now for works that have not changed.
        only = None if again or endpoint is not None else _moved(store, last, mark)
        if only is None:  # noted before, since some may be linked when it breaks off
            _note(store, _RELINKED, str(int(store.setting(_RELINKED) or 0) + 1))
        run = link_all if engine is None else engine
        counts = run(store, encoder, progress, model=model, endpoint=endpoint, only=only)
        _note(store, _LINKED, mark)
    return counts


def choose_judge(store: Store, model: str) -> None:
    """Let the answers of this language model count from now on; with "" those of none.

    What others answered is kept, and counts again once they are chosen again.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    if store.setting(_JUDGE) != model:
        with store.write() as session:
            session.merge(Setting(name=_JUDGE, value=model))


def cycle(store: Store, *, again: bool = False) -> tuple[int, bool]:
    """Close a cycle, unless nothing has changed since one was closed.

    Returns:
        The number of the newest cycle, and whether it is new.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    with store.lock("cycle"):
        mark = _mark(store, f"{store.setting(_LINKED)} {store.setting(_RELINKED)}")
        done, _, number = store.setting(_CLOSED).partition(" ")
        if not again and done == mark:
            return int(number), False
        closed, new = cycles.close(store, None if again else _unclosed(store, done, mark))
        _note(store, _CLOSED, f"{mark} {closed}")
    return closed, new


def _telling(store: Store, encoder: str, progress: Share | None) -> Share:
    """Note in the store how far the next encoder's vectors are, besides."""

    def told(done: int, total: int) -> None:
        current.advance(store, encoder, done, total)
        if progress is not None:
            progress(done, total)

    return told


_SIFTED, _EMBEDDED, _LINKED, _CLOSED = "sifted", "embedded", "linked", "closed"
"""Names of the settings that tell what each stage last worked from."""
_STAGES = (_SIFTED, _EMBEDDED, _LINKED, _CLOSED)
_RELINKED = "relinked"
"""Name of the setting that counts how often links were proposed for all works anew, which no
revision tells of."""
_LEVEL = "funnel"
"""Name of the setting that holds the threshold that a person chose; "" for the packaged one."""
_JUDGE = "judge"
"""Name of the setting that holds the language model whose answers count; "" for none."""


def _mark(store: Store, other: str) -> str:
    """All that a stage's result depends on: what is known, by which program, and the rest."""
    return f"{store.setting(REVISION) or 0}:{program.digest()[:16]}:{other}".replace(" ", "_")


def _moved(store: Store, last: str, mark: str) -> set[str] | None:
    """Return the works that changed between two marks, None where it may be anything."""
    (since, _, before), (until, _, after) = last.partition(":"), mark.partition(":")
    if before != after or not since.isdigit() or int(since) > int(until):
        return None
    with store.read() as session:
        return touched(session, int(since), int(until))


def _unclosed(store: Store, last: str, mark: str) -> set[str] | None:
    """Return the works that changed between two marks of cycles, None where it may be anything.

    Works that the linker had not seen when the earlier cycle was closed are among them.
    """
    before, after = _CYCLE.fullmatch(last), _CYCLE.fullmatch(mark)
    if before is None or after is None:
        return None
    since = min(int(each) for each in before.group("known", "linked") if each is not None)
    return _moved(
        store, f"{since}:{before['program']}:{before['rest']}",
        f"{after['known']}:{after['program']}:{after['rest']}",
    )  # fmt: skip


_CYCLE = re.compile(r"(?P<known>\d+):(?P<program>[^:]*):((?P<linked>\d+):)?(?P<rest>.*)")
"""A cycle's mark: what was known, and what of it the linker had seen, where it ever ran."""


def _note(store: Store, name: str, mark: str) -> None:
    """Write down what a stage last worked from, and forget the changes that all have seen."""
    with store.write() as session:
        session.merge(Setting(name=name, value=mark))
        session.flush()
        stages = select(Setting.value).where(col(Setting.name).in_(_STAGES))
        seen = [int(rev) for value in session.exec(stages) for rev in _seen(value)]
        if seen:
            forget(session, min(seen))


def _seen(mark: str) -> list[str]:
    """The revisions that a stage's mark names: all that it may ask to be told of from then on.

    Examples:
        >>> _seen("12:e3b0:7:e3b0:minilm_1 4")
        ['12', '7']
    """
    found = _CYCLE.fullmatch(mark)
    return [each for each in found.group("known", "linked") if each] if found else []
