"""Everything derived, made again: from the raw records and the curated files, offline.

A new database is filled with the raw records in the order in which they came, each read with
today's readers as of the moment when it was recorded; with today's curated files; and with
vectors and links, where the old one had them. Then the logical dumps of the two (`kb.dump`)
are compared, superseded rows included.

Carried over as it stands, because neither records nor files can give it again:

* the ledger, the cursors, the cycles, which are immutable;
* vectors, unless all are to be computed: they depend on the text and the model alone;
* what is history: superseded rows of earlier curated files, records and linkers, refusals that
  were resolved, what the curated files named once and no longer do, with what describes it,
  and the names of people, venues and digests from then;
* of a row that says the same in both, when it was recorded, and by which run;
* which of its identifiers a curated work goes by.

Everything else of the new database was made anew, and a difference in it is told.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, func, insert, select, update
from sqlmodel import SQLModel

from ingest import commentary, intake, pipeline, programmes
from ingest.records import Raw
from ingest.sources import readers
from kb import backup, curation, dump
from kb.errors import StoreError
from kb.store import Store, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import Table
    from sqlmodel import Session

    from ingest.records import Reading
    from kb.content import Content
    from kb.dump import Entry
    from kb.encoder import Encoder, Progress

TOLD = 20
"""Differences that are kept to be told."""
_BATCH = 200
_BATCH_BYTES = 8_000_000
_ROWS = 500
_TABLES = SQLModel.metadata.tables
_VERBATIM = ("run", "cursor", "cycle")
_STAGES = ("sifted", "embedded", "linked", "relinked", "closed", "settled", "revision")
"""Settings that tell what a stage last worked from: true of the old database alone."""
_LINKS, _MADE = "link:", ("touched:", "brought:")
_LATE = ("link", "evidence_span", "queued_link")
"""Tables that the linker writes: compared when it is done."""
_NAMES = frozenset({"person", "identity", "person_group", "membership", "venue", "digest"})
"""Tables that only ever grow: a name that the curated files gave once stays."""
_ABOUT = {"search_text": ("kind", "ref"), "note": ("subject_kind", "subject_id")}
"""Tables that name a row of another table by its table and id."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay."""

    digest: str
    """SHA-256 of the new database's logical dump, in hex."""
    records: int
    refused: int
    """Records that today's readers cannot read."""
    unread: Mapping[str, int]
    """Name of a source that has no reader any more -> its records. They are kept raw, and what
    was read from them is missing."""
    carried: Mapping[str, int]
    """Table -> rows of history that were carried over."""
    differences: int
    told: tuple[str, ...]
    """The first `TOLD` differences, in words."""
    kept: Path | None = None
    """Where the old database lies now, when the new one took its place."""


def run(
    old: Store,
    content: Content,
    encoder: Callable[[], Encoder],
    *,
    out: Path | None = None,
    swap: bool = False,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Replayed:
    """Make the database again and compare.

    Args:
        old: Where the records are. It is locked, and not written.
        content: The curated files.
        encoder: Makes the encoder; asked only where the old database has vectors.
        out: Where to leave the new database; None to drop it after the comparison.
        swap: Put it in the old one's place, which is kept beside it. Also where they differ:
            that is how what a mended reader finds comes in.
        fresh: Compute every vector.
        progress: Told (done, all) records.

    Raises:
        BusyError: Another process is writing.
        EncoderError: The encoder fails.
        StoreError: The old database cannot be read, the new one cannot be written, there is
            a file at `out`, or a database on a server was to be swapped.
    """
    place = _place(old, out, swap)
    part = place.with_name(f"{place.name}.part")
    backup.remove(part)
    try:
        with old.lock("replay"):
            told = _make(old, Store(part), content, encoder, fresh, progress)
            if swap:
                old.close()
                return replace(told, kept=backup.swap(part, place, "replay"))
        if out is not None:
            backup.settle(part, place)
        return told
    finally:
        backup.remove(part)


def _place(old: Store, out: Path | None, swap: bool) -> Path:
    if swap:
        if old.path is None:
            raise StoreError(f"{old.name} is on a server and cannot be swapped; give --out FILE")
        if out is not None:
            raise StoreError("a new database either takes the old one's place or lies elsewhere")
        return old.path
    if out is not None:
        if out.exists():
            raise StoreError(f"there is a file at {out} already; name another, or move it away")
        return out
    if old.path is not None:
        return old.path.with_name(f"{old.path.name}.replay")
    return Path(tempfile.gettempdir()) / f"kb-{os.getpid()}.replay"


def _make(
    old: Store,
    new: Store,
    content: Content,
    encoder: Callable[[], Encoder],
    fresh: bool,
    progress: Progress | None,
) -> Replayed:
    with contextlib.closing(new), old.read() as source:
        new.migrate()
        for name in _VERBATIM:
            _copy(source, new, _TABLES[name])
        _copy_settings(source, new)
        with new.run("replay") as entry:
            curation.apply(new, content, _decided(source))
            counts, unread = _read(source, new, readers(content.sources), progress)
            curation.apply(new, content, _decided(source))  # verdicts that waited for a work
            with new.write() as session:
                programmes.settle(session, now())
                commentary.relink(session)
            entry.counts = dict(counts)
            carrier = _Carrier(source, new)
            carrier.carry(
                table.name
                for table in SQLModel.metadata.sorted_tables
                if table.name not in (*_LATE, *_SKIPPED, *_ABOUT)
            )
            carrier.carry(_ABOUT)
            _derive(source, new, encoder, fresh)
            carrier.carry(_LATE)
        records = _count(source, "raw_record")
        with new.read() as made:
            told, differences = _compare(source, made)
            digest = dump.digest(made)
    return Replayed(
        digest=digest,
        records=records,
        refused=counts["refused"],
        unread=unread,
        carried=dict(carrier.counts),
        differences=differences,
        told=told,
    )


_SKIPPED = frozenset({*_VERBATIM, "setting", "raw_record", "text_vector"})


# -- records ---------------------------------------------------------------------------------


def _read(
    source: Session,
    new: Store,
    known: Mapping[str, Callable[[Raw], Reading]],
    progress: Progress | None,
) -> tuple[Counter[str], dict[str, int]]:
    """Copy the records and read them again, in the order and as of the moments they came."""
    counts = intake.zero()
    unread: Counter[str] = Counter()
    total, done = _count(source, "raw_record"), 0
    for batch in _batches(source):
        raws = [_raw(row) for row in batch]
        for raw in raws:
            if raw.source not in known:
                unread[raw.source] += 1
        with new.write() as session:
            session.connection().execute(insert(_TABLES["raw_record"]), batch)
            todo = [raw for raw in raws if raw.source in known]
            counts.update(
                intake.apply(
                    session, lambda raw: known[raw.source](raw), todo, batch[0]["recorded_at"]
                )
            )
        done += len(batch)
        if progress is not None:
            progress(done, total)
    return counts, dict(unread)


def _raw(row: Mapping[str, Any]) -> Raw:
    return Raw(source=row["source"], url=row["url"], fetched_at=row["fetched_at"], body=row["body"])


def _batches(source: Session) -> Iterator[list[dict[str, Any]]]:
    """Records in order of arrival; those of a batch were recorded at the same moment."""
    table = _TABLES["raw_record"]
    batch: list[dict[str, Any]] = []
    size = 0
    for row in _stream(source, select(table).order_by(table.c.seq, table.c.digest)):
        is_full = len(batch) == _BATCH or size > _BATCH_BYTES
        if batch and (is_full or row["recorded_at"] != batch[0]["recorded_at"]):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += len(row["body"])
    if batch:
        yield batch


def _decided(source: Session) -> dict[str, str]:
    """Curated key -> the id that its work goes by."""
    work = _TABLES["work"]
    query = select(work.c.key, work.c.id).where(work.c.key.is_not(None))
    return {row.key: row.id for row in source.connection().execute(query)}


# -- what follows from them --------------------------------------------------------------------


def _derive(source: Session, new: Store, encoder: Callable[[], Encoder], fresh: bool) -> None:
    """Make vectors and links, where the old database had them."""
    if not _count(source, "text_vector"):
        return
    vectors = _TABLES["text_vector"]
    if not fresh:
        _copy(source, new, vectors)
    setting = _TABLES["setting"]
    made = encoder()
    pipeline.embed(new, made)
    is_linked = select(setting.c.name).where(setting.c.name.startswith(_LINKS)).limit(1)
    if source.connection().execute(is_linked).first():
        pipeline.link(new, made)
    if fresh:  # texts of earlier files and other models: there is nothing to compute them from
        with new.read() as session:
            missing = [
                one.row
                for one, other in _pairs(source, session, "text_vector")
                if one is not None and other is None
            ]
        for start in range(0, len(missing), _ROWS):
            rows = [_get(source, vectors, row) for row in missing[start : start + _ROWS]]
            with new.write() as session:
                session.connection().execute(insert(vectors), rows)


# -- carrying over -----------------------------------------------------------------------------


def _copy(source: Session, new: Store, table: Table) -> None:
    rows = _stream(source, select(table).order_by(*table.primary_key.columns))
    while batch := list(islice(rows, _ROWS)):
        with new.write() as session:
            session.connection().execute(insert(table), batch)


def _copy_settings(source: Session, new: Store) -> None:
    table = _TABLES["setting"]
    rows = [
        row
        for row in _stream(source, select(table))
        if row["name"] not in (*_STAGES, curation.SETTING)
        and not row["name"].startswith((_LINKS, *_MADE))
    ]
    if rows:
        with new.write() as session:
            session.connection().execute(insert(table), rows)


class _Carrier:
    """Brings over what is history, and when we learnt what both databases say."""

    def __init__(self, source: Session, new: Store) -> None:
        self.counts: Counter[str] = Counter()
        self._source = source
        self._new = new
        self._carried: dict[str, set[Any]] = {}
        """Table -> ids of the entities that came over."""
        self._numbers: dict[int, int] = {}
        """Old id of a link -> its new one."""

    def carry(self, names: Iterable[str]) -> None:
        """Carry over the history in some tables, those that others point to first."""
        for name in names:
            table = _TABLES[name]
            same: list[tuple[Any, Any]] = []
            todo: list[tuple[Entry, Entry | None]] = []
            with self._new.read() as session:
                for one, other in _pairs(self._source, session, name):
                    if one is None:
                        continue
                    if other is not None and one.line == other.line:
                        same.append((one.row[0], other.row[0]))
                    elif self._is_history(one, other):
                        todo.append((one, other))
            with self._new.write() as session:
                if name in dump.NUMBERED and "recorded_at" in table.c:
                    self._clock(session, table, same)
                for one, other in todo:
                    self._put(session, table, one.row, is_there=self._is_kept(one, other))

    def _is_history(self, one: Entry, other: Entry | None) -> bool:
        table, said = json.loads(one.line)
        if said.get("superseded_at"):
            return True
        if said.get("retired") and (other is None or not said.get("merged_into")):
            return other is None or not json.loads(other.line)[1]["retired"]
        if other is not None:
            return False
        return table in _NAMES or bool(said.get("resolved_at")) or self._describes(table, said)

    def _is_kept(self, one: Entry, other: Entry | None) -> bool:
        """Whether the row is to be overwritten: a superseded one stands beside any other."""
        return other is not None and one.table not in dump.NUMBERED

    def _describes(self, table: str, said: Mapping[str, Any]) -> bool:
        """Whether a row is about an entity that came over."""
        if table in _ABOUT:
            kind, ref = _ABOUT[table]
            return said[ref] in self._carried.get(said[kind], ())
        for column in _TABLES[table].columns:
            owner = {key.column.table.name for key in column.foreign_keys}
            if column.name == "tension_id":
                owner.add("tension")  # of a pole's claims, which point to the pole as a pair
            if any(said.get(column.name) in self._carried.get(each, ()) for each in owner):
                return True
        return False

    def _put(self, session: Session, table: Table, row: tuple[Any, ...], is_there: bool) -> None:
        values = _get(self._source, table, row)
        for column in table.columns:
            for key in column.foreign_keys:
                target, value = key.column.table, values[column.name]
                if value is None or target.name == "run":
                    continue
                if target.name in dump.NUMBERED:
                    values[column.name] = self._numbers[value]
                elif target is not table and not _has(session, target, value):
                    self._put(session, target, (value,), is_there=False)
        number = values.pop("id") if table.name in dump.NUMBERED else None
        if is_there:
            session.connection().execute(update(table).where(_is(table, row)).values(**values))
        else:
            made = session.connection().execute(insert(table), values).inserted_primary_key
            if table.name == "link" and number is not None and made is not None:
                self._numbers[number] = made[0]
        self._carried.setdefault(table.name, set()).add(row[0])
        self.counts[table.name] += 1

    def _clock(self, session: Session, table: Table, same: list[tuple[Any, Any]]) -> None:
        """Give rows that both have the times, and the run, of the old one."""
        if table.name == "link":
            self._numbers.update(same)
        names = [n for n in ("recorded_at", "superseded_at", "run_id") if n in table.c]
        query = select(table.c.id, *(table.c[name] for name in names))
        clocks = {row[0]: tuple(row[1:]) for row in self._source.connection().execute(query)}
        if same:
            session.connection().execute(
                update(table)
                .where(table.c.id == bindparam("number"))
                .values({name: bindparam(f"new_{name}") for name in names}),
                [
                    {
                        "number": there,
                        **{f"new_{n}": value for n, value in zip(names, clocks[here], strict=True)},
                    }
                    for here, there in same
                ],
            )


# -- comparing ---------------------------------------------------------------------------------


def _compare(source: Session, made: Session) -> tuple[tuple[str, ...], int]:
    told: list[str] = []
    count = 0
    for one, other in dump.differences(dump.entries(source), dump.entries(made)):
        count += 1
        if len(told) < TOLD:
            told.append(difference(one, other))
    return tuple(told), count


def difference(one: Entry | None, other: Entry | None) -> str:
    """Return in one line how a row of the old database differs from that of the new one."""
    entry = one or other
    if entry is None:
        return ""
    name = f"{entry.table} {' '.join(str(part) for part in entry.key)}"
    if one is None:
        return f"only in the new: {name}"
    if other is None:
        return f"only in the old: {name}"
    old, new = json.loads(one.line)[1], json.loads(other.line)[1]
    fields = [
        f"{field} {_short(old.get(field))} became {_short(new.get(field))}"
        for field in sorted(old.keys() | new.keys())
        if old.get(field) != new.get(field)
    ]
    return f"{name}: {'; '.join(fields)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _pairs(
    source: Session, made: Session, table: str
) -> Iterator[tuple[Entry | None, Entry | None]]:
    return dump.pairs(dump.entries(source, only=[table]), dump.entries(made, only=[table]))


# -- rows --------------------------------------------------------------------------------------


def _stream(session: Session, query: Any) -> Iterator[dict[str, Any]]:
    rows = session.connection().execute(query, execution_options={"yield_per": _ROWS})
    for row in rows.mappings():
        yield dict(row)


def _count(session: Session, table: str) -> int:
    query = select(func.count()).select_from(_TABLES[table])
    return int(session.connection().execute(query).scalar_one())


def _is(table: Table, row: tuple[Any, ...]) -> Any:
    return and_(*(c == value for c, value in zip(table.primary_key.columns, row, strict=True)))


def _get(session: Session, table: Table, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(session.connection().execute(select(table).where(_is(table, row))).mappings().one())


def _has(session: Session, table: Table, value: Any) -> bool:
    query = select(table.primary_key.columns[0]).where(_is(table, (value,)))
    return session.connection().execute(query).first() is not None
