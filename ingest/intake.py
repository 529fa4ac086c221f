"""Records into the store, in batches that are whole or absent.

A batch is one transaction: raw rows, what was read from them, refusals, and the cursor. A
process killed at any moment leaves the last whole batch, and the next run goes on from what
is stored: a record whose digest is known is not taken twice.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, inspect, update
from sqlmodel import Session as Transaction
from sqlmodel import SQLModel, col, select

from ingest import commentary, identity, programmes
from ingest.errors import ParseError, SourceError
from ingest.normalize import prose
from ingest.readahead import Helper
from ingest.records import CoverageDraft, Draft, EventDraft, Removal
from kb import dates, ids, merges, titles
from kb.held import BROUGHT
from kb.models import (
    Authorship,
    Cursor,
    Identifier,
    Manifestation,
    RawRecord,
    Refusal,
    SearchText,
    Setting,
    StatusEvent,
    Work,
    WorkRelation,
)
from kb.store import now, touch
from kb.vocabulary import AgentKind, ManifestationKind, StatusKind, Verified

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import BindParameter, Dialect

    from ingest.records import ManifestationDraft, Raw, Reading, Source, StatusDraft
    from kb.store import Store

    Progress = Callable[[int], None]
    """Told how many records have been taken, after each batch."""

BATCH = 200
"""Records per transaction: few enough to lose little, enough to pay for the disk's sync."""
BULK = 1000
"""The same for a file, which can be read again at once: it may lose more."""
_BATCH_BYTES = 8_000_000
"""After which a batch is closed early, so that memory does not depend on the records."""


def zero() -> Counter[str]:
    """Return the counts of a harvest that has taken nothing."""
    return Counter(added=0, changed=0, same=0, refused=0, conflicts=0)


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that could not be read."""

    source: str
    url: str
    reason: str
    recorded_at: dt.datetime
    head: bytes
    """The first 200 bytes of the record."""
    digest: str


def refused(store: Store) -> list[Refused]:
    """Return the records that could not be read, oldest first.

    Raises:
        StoreError: The store cannot be read.
    """
    query = (
        select(RawRecord, Refusal)
        .where(RawRecord.digest == Refusal.raw_digest, col(Refusal.resolved_at).is_(None))
        .order_by(col(Refusal.recorded_at), RawRecord.source, RawRecord.url)
    )
    with store.read() as session:
        return [
            Refused(raw.source, raw.url, row.reason, row.recorded_at, raw.body[:200], raw.digest)
            for raw, row in session.exec(query)
        ]


# -- batches --------------------------------------------------------------------------------


def harvest(
    store: Store,
    source: Source,
    raws: Iterable[Raw],
    cursor: str,
    counts: Counter[str] | None = None,
    progress: Progress | None = None,
    *,
    size: int | None = None,
    helper: bool = False,
) -> Counter[str]:
    """Take in records, a batch a transaction; the caller has opened a run.

    Args:
        store: Where to keep what comes.
        source: What the records are read with, and whose position becomes the cursor.
        raws: The records.
        cursor: The cursor's name.
        counts: Added to as batches are committed, so that a failed run knows what it kept.
        progress: Told how many records have been taken, after each batch.
        size: Records per transaction; `BATCH` when None.
        helper: Read the next batch in a second process while one is written. Changes nothing
            but the time.

    Returns:
        `counts`: added, changed, same, refused, conflicts.

    Raises:
        SourceError: The listing broke off; what came before is kept.
        StoreError: The store cannot be written.
    """
    counts = zero() if counts is None else counts
    batches = _batches(source, raws, BATCH if size is None else size)
    with Helper(source.read) as process:
        read = source.read
        if helper:
            read, batches = process.read, _read_ahead(store, process, batches)
        for batch, position in batches:
            with store.write() as session:
                taken = _take(session, read, batch)
                if position:
                    session.merge(Cursor(name=cursor, value=position, updated_at=now()))
            counts.update(taken)
            if progress is not None:
                progress(sum(counts[name] for name in ("added", "changed", "same", "refused")))
    return counts


def _batches(source: Source, raws: Iterable[Raw], most: int) -> Iterator[tuple[list[Raw], str]]:
    """Split into lists, each with the source's position; the last may be empty.

    It is yielded all the same, since it carries the final position.
    """
    batch: list[Raw] = []
    size = 0
    try:
        for raw in raws:
            if len(batch) == most or size > _BATCH_BYTES:
                yield batch, source.position
                batch, size = [], 0
            batch.append(raw)
            size += len(raw.body)
    except SourceError:
        yield batch, source.position
        raise
    yield batch, source.position


def _read_ahead(
    store: Store, process: Helper, batches: Iterable[tuple[list[Raw], str]]
) -> Iterator[tuple[list[Raw], str]]:
    """Yield the same batches; while one is written, the unknown records of the next are read."""
    held: tuple[list[Raw], str] | None = None
    try:
        for each in batches:
            digests = [raw.digest for raw in each[0]]
            with store.read() as session:
                stored = set(session.exec(_STORED, params={"names": digests}))
            process.take()
            process.ask([raw for raw in each[0] if raw.digest not in stored])
            if held is not None:
                yield held
            held = each
    except SourceError:
        process.take()
        if held is not None:
            yield held
        raise
    process.take()
    if held is not None:
        yield held


# Put together once, with the names left open: with them in it, a statement takes longer to make
# than to answer.
_NAMES: BindParameter[Any] = bindparam("names", expanding=True)
_STORED = select(RawRecord.digest).where(col(RawRecord.digest).in_(_NAMES))
_REFUSED = select(Refusal).where(
    col(Refusal.raw_digest).in_(_NAMES), col(Refusal.resolved_at).is_(None)
)
# A work is found by its identifiers; one whose id is among them counts as named so.
_OWN = select(Work.id, func.coalesce(Work.merged_into, Work.id)).where(col(Work.id).in_(_NAMES))
_NAMED = select(Identifier.id, Identifier.work_id).where(col(Identifier.id).in_(_NAMES))
_FORMS = select(Manifestation.id, Manifestation.content_hash, Manifestation.removed_at).where(
    col(Manifestation.id).in_(_NAMES)
)
_SEEN = select(SearchText.ref).where(SearchText.kind == "work", col(SearchText.ref).in_(_NAMES))


def _take(
    session: Transaction, read: Callable[[Raw], Reading], batch: Sequence[Raw]
) -> Counter[str]:
    at = now()
    counts: Counter[str] = Counter()
    raws = {raw.digest: raw for raw in reversed(batch)}  # the first of a digest stays
    counts["same"] += len(batch) - len(raws)
    raws = {raw.digest: raw for raw in batch if raws.get(raw.digest) is raw}
    stored = set(session.exec(_STORED, params={"names": list(raws)}))
    refused_before: set[str] = set()
    if stored:
        query = select(Refusal.raw_digest).where(
            col(Refusal.raw_digest).in_(stored), col(Refusal.resolved_at).is_(None)
        )
        refused_before = set(session.exec(query))
    last = session.exec(select(func.max(RawRecord.seq))).one() or 0
    fresh = [raw for raw in raws.values() if raw.digest not in stored]
    _insert(
        session,
        RawRecord,
        [
            {
                "digest": raw.digest,
                "source": raw.source,
                "url": raw.url,
                "fetched_at": raw.fetched_at,
                "body": raw.body,
                "seq": seq,
                "recorded_at": at,
            }
            for seq, raw in enumerate(fresh, last + 1)
        ],
    )
    todo = [raw for raw in raws.values() if raw.digest not in stored - refused_before]
    counts["same"] += len(raws) - len(todo)
    counts.update(apply(session, read, todo, at))
    return counts


def apply(
    session: Transaction,
    read: Callable[[Raw], Reading],
    raws: Sequence[Raw],
    at: dt.datetime,
) -> Counter[str]:
    """Read records that are stored, and write what they say; those it cannot read are refused.

    Args:
        session: A write transaction.
        read: From a record to what it says; see `Source.read`.
        raws: In the order in which they came: what a later one says stands.
        at: When we learnt it: the `recorded_at` of every row.

    Returns:
        Counts: added, changed, same, refused, conflicts, merged.
    """
    counts: Counter[str] = Counter()
    digests = [raw.digest for raw in raws]
    found_bad = session.exec(_REFUSED, params={"names": digests})
    refusals = {row.raw_digest: row for row in found_bad}
    found: list[tuple[Raw, Reading]] = []
    fresh: list[dict[str, Any]] = []
    for raw in raws:
        refusal = refusals.get(raw.digest)
        try:
            found.append((raw, read(raw)))
        except ParseError as error:
            counts["refused"] += 1
            if refusal is None:
                fresh.append(
                    {
                        "raw_digest": raw.digest,
                        "reason": prose(error.reason),
                        "recorded_at": at,
                        "resolved_at": None,
                    }
                )
        else:
            if refusal is not None:  # it can be read after all
                refusal.resolved_at = at
    _insert(session, Refusal, fresh)
    moved: set[str] = set()
    for kind, group in groupby(found, key=lambda pair: type(pair[1])):
        if kind is Draft:
            pairs = [(raw, draft) for raw, draft in group if isinstance(draft, Draft)]
            counts.update(_write_works(session, at, pairs, moved))
        else:
            counts.update(_WRITE[kind](session, at, list(group)))
    if counts["added"] or counts["changed"] or counts["merged"] or moved:
        is_plain = not counts["merged"] and all(type(reading) is Draft for _, reading in found)
        touch(session, moved if is_plain else None)
    return counts


def _write_works(
    session: Transaction, at: dt.datetime, pairs: Sequence[tuple[Raw, Draft]], moved: set[str]
) -> Counter[str]:
    """Write what records say of works, and add the works that they changed to `moved`."""
    counts: Counter[str] = Counter()
    verdicts = _Verdicts(merges.distinct_pairs(session), merges.awaited(session))
    todo = list(pairs)
    news: set[str] = set()
    may_join = True
    ahead = len(todo)
    while todo:
        # A writer reads ahead what its records need, which a join makes stale.
        part = todo[:ahead]
        writer = _Writer(session, at, [draft for _, draft in part], verdicts)
        taken = 0
        is_awaited = False
        # Works are joined before the record that joins them is applied, and verdicts obeyed
        # right after the record that they wait for, so that what is stored does not depend on
        # where batches begin.
        for raw, draft in part:
            if (may_join or taken) and writer.joins(draft):
                break
            counts[writer.add(raw, draft)] += 1
            taken += 1
            is_awaited = not verdicts.awaited.isdisjoint(draft.identifiers)
            if is_awaited:
                break
        counts["conflicts"] += writer.conflicts
        writer.flush()
        news |= writer.news()
        moved |= writer.moved | _note_who_brought(session, writer.met)
        ahead = 4 if taken < len(part) else 2 * ahead
        joined = writer.join()
        may_join = bool(joined or taken)
        if is_awaited:
            settled = merges.settle(session, at)
            joined += settled["identity verdict added"] + settled["identity verdict undone"]
        if joined:
            counts["merged"] += joined
        todo = todo[taken:]
    programmes.relink(session, at, news)
    commentary.relink(session, news)
    return counts


def _note_who_brought(session: Transaction, met: Mapping[str, set[str]]) -> set[str]:
    """Remember which adapters told of works whose texts came from others; see `kb.held`.

    Args:
        session: A write transaction.
        met: Work that was known -> adapters that told of it now.

    Returns:
        The works of which this is news.
    """
    if not met:
        return set()
    rows = (
        select(Manifestation.work_id, RawRecord.source)
        .where(RawRecord.digest == Manifestation.raw_digest, col(Manifestation.work_id).in_(met))
        .distinct()
    )
    told = {(str(id), source.partition(":")[0]) for id, source in session.exec(rows)}
    news = set()
    for id, adapters in met.items():
        fresh = {name for name in adapters if (id, name) not in told}
        row = session.get(Setting, f"{BROUGHT}{id}") if fresh else None
        known = set(row.value.split()) if row is not None else set()
        if fresh - known:
            session.merge(Setting(name=f"{BROUGHT}{id}", value=" ".join(sorted(known | fresh))))
            news.add(id)
    return news


def _write_removals(
    session: Transaction, at: dt.datetime, pairs: Sequence[tuple[Raw, Removal]]
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for _, removal in pairs:
        gone = [*removal.manifestations]
        for name in removal.identifiers:
            gone += _forms(session, name)
        rows = session.exec(
            select(Manifestation).where(
                col(Manifestation.id).in_(gone), col(Manifestation.removed_at).is_(None)
            )
        ).all()
        for row in rows:
            row.removed_at = at
        counts["changed" if rows else "same"] += 1
    session.flush()
    return counts


def _forms(session: Transaction, name: str) -> list[str]:
    """Return the ids of the forms that go by an identifier: its versions, with corrections."""
    query = (
        select(Manifestation.id)
        .join(Identifier, col(Identifier.work_id) == Manifestation.work_id)
        .where(Identifier.id == name)
    )
    # The work may have forms of another name too, another paper's that was found to be it.
    return [id for id in session.exec(query) if re.match(r"(v\d+)?(#|$)", id.removeprefix(name))]


_WRITE: Mapping[type, Callable[..., Counter[str]]] = {
    Removal: _write_removals,
    CoverageDraft: commentary.write,
    EventDraft: programmes.write,
}
"""What a record turns out to be, other than a work -> what writes it, a whole batch in one go."""


def _insert(session: Transaction, kind: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Insert many rows as they are: row objects would take ten times as long.

    The rows hold the same columns. What SQLAlchemy does to each value on its way to the driver
    is done here a column at a time, which takes a third of its time a row at a time.
    """
    if not rows:
        return
    connection = session.connection()
    form = _form(kind, connection.dialect, tuple(rows[0]))
    columns = [
        _bound(process, [row[name] for row in rows]) for name, process in form.columns.items()
    ]
    values = list(zip(*columns, strict=True))
    connection.exec_driver_sql(
        form.statement,
        values if form.is_positional
        else [dict(zip(form.columns, each, strict=True)) for each in values],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Form:
    """An INSERT as the driver takes it."""

    statement: str
    columns: dict[str, Callable[[Any], Any] | None]
    """Column, in the statement's order -> what makes the driver's value of ours."""
    is_positional: bool


@lru_cache(maxsize=64)
def _form(kind: type[SQLModel], dialect: Dialect, names: tuple[str, ...]) -> _Form:
    compiled = insert(kind).compile(dialect=dialect, column_keys=names)
    types = inspect(kind).local_table.c
    return _Form(
        str(compiled),
        {
            name: types[name].type.dialect_impl(dialect).bind_processor(dialect)
            for name in (compiled.positiontup or names)
        },
        compiled.positional,
    )


def _bound(process: Callable[[Any], Any] | None, values: list[Any]) -> list[Any]:
    """Values as the driver takes them; equal ones, as most dates and words are, made once."""
    if process is None:
        return values
    if isinstance(values[0], Hashable):
        made = {value: process(value) for value in set(values)}
        return [made[value] for value in values]
    return [process(value) for value in values]


# -- works ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _State:
    """One work as it stands within the batch."""

    row: dict[str, Any]
    """Every column of Work."""
    is_new: bool = False
    is_changed: bool = False
    """A column of an existing row has a new value."""
    is_text_changed: bool = False
    """What full-text search looks in has changed."""
    names: set[str] = field(default_factory=set)
    """Its identifiers."""
    authors: tuple[str, ...] = ()
    is_credited: bool = False
    """The curated files give the authors: they alone tell which person a name is."""
    newest: tuple[dt.date, int] | None = None
    """When the newest fetched text appeared, and its version; None when there is none."""
    preprint: dict[str, Any] | None = None
    """Its current preprint event."""
    acts: list[tuple[str, str, str]] = field(default_factory=list)
    """Status, venue in small letters and date of each current event."""

    def put(self, **values: Any) -> bool:
        """Set columns and tell whether any had another value."""
        changed = False
        for name, value in values.items():
            if self.row[name] != value:
                self.row[name] = value
                changed = True
        self.is_changed |= changed
        return changed


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """What people said of identifiers."""

    distinct: frozenset[frozenset[str]] = frozenset()
    awaited: frozenset[str] = frozenset()
    """Those that any verdict names."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two works that one record names."""

    loser: str
    winner: str
    grounds: merges.Grounds


class _Writer:
    """Applies the drafts of one batch: everything known is read at once, then written at once."""

    def __init__(
        self,
        session: Transaction,
        at: dt.datetime,
        drafts: Sequence[Draft],
        verdicts: _Verdicts,
    ) -> None:
        self.conflicts = 0
        self.moved: set[str] = set()
        """Works that are new, or of which anything has changed."""
        self.met: dict[str, set[str]] = {}
        """Works that were known before -> the adapters that told of them now."""
        self._session = session
        self._verdicts = verdicts
        self._joins: list[_Pair] = []
        self._proposals: list[_Pair] = []
        self._at = at
        self._identifiers: list[dict[str, Any]] = []
        self._manifestations: dict[str, dict[str, Any]] = {}
        self._filled: set[str] = set()
        self._preprints: list[dict[str, Any]] = []
        self._acts: list[dict[str, Any]] = []
        self._relations: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._superseded: list[int] = []
        self._reauthored: set[str] = set()
        named = {id for draft in drafts for id in draft.identifiers}
        named |= {id for draft in drafts for _, id in draft.related}
        asked = {"names": list(named)}
        self._owners: dict[str, str] = dict(session.exec(_OWN, params=asked).all())
        self._owners.update(dict(session.exec(_NAMED, params=asked).all()))
        self._works: dict[str, _State] = {}
        self._hashes: dict[str, str] = {}
        if self._owners:
            self._load(set(self._owners.values()))
        forms = list({form.id for draft in drafts for form in draft.manifestations})
        self._removed: set[str] = set()
        for form_id, content_hash, removed_at in session.exec(_FORMS, params={"names": forms}):
            self._hashes[form_id] = content_hash
            if removed_at is not None:
                self._removed.add(form_id)
        if self._owners:
            gone = select(Manifestation.id).where(
                col(Manifestation.removed_at).is_not(None),
                col(Manifestation.work_id).in_(set(self._owners.values())),
            )
            self._removed |= set(session.exec(gone))
        self._peers = merges.candidates(session, {titles.key(draft.title) for draft in drafts})

    def _load(self, ids: set[str]) -> None:
        session = self._session
        for work in session.exec(select(Work).where(col(Work.id).in_(ids))):
            self._works[work.id] = _State(work.model_dump())
            session.expunge(work)  # written as plain columns, see flush
        for identifier in session.exec(select(Identifier).where(col(Identifier.work_id).in_(ids))):
            self._works[identifier.work_id].names.add(identifier.id)
        authors = (
            select(Authorship.work_id, Authorship.name, Authorship.person_id)
            .where(col(Authorship.work_id).in_(ids))
            .order_by(Authorship.work_id, col(Authorship.position))
        )
        for work_id, name, person in session.exec(authors):
            self._works[work_id].authors += (name,)
            self._works[work_id].is_credited |= person is not None
        own = col(Manifestation.work_id).in_(ids)
        hashes = select(Manifestation.id, Manifestation.content_hash).where(own)
        self._hashes.update(dict(session.exec(hashes).all()))
        texts = select(Manifestation.work_id, Manifestation.valid, Manifestation.version)
        for owner, valid, version in session.exec(
            texts.where(own, Manifestation.content_hash != "")
        ):
            state = self._works[str(owner)]
            state.newest = max(filter(None, (state.newest, (_until(valid), version))))
        events = select(StatusEvent).where(
            col(StatusEvent.work_id).in_(ids), col(StatusEvent.superseded_at).is_(None)
        )
        for event in session.exec(events.order_by(col(StatusEvent.id))):
            state = self._works[event.work_id]
            state.acts.append((event.status, event.venue.casefold(), event.valid))
            if event.status == StatusKind.preprint:
                state.preprint = event.model_dump()
            session.expunge(event)

    def _match(self, draft: Draft) -> identity.Match:
        named = identity.apart(
            draft.identifiers,
            self._verdicts.distinct,
            own=[ids.bare(form.id) for form in draft.manifestations],
        )
        owned = {id: self._owners[id] for id in named if id in self._owners}
        return identity.resolve(
            named, owned, {work_id: self._all_names(work_id) for work_id in owned.values()}
        )

    def _all_names(self, work_id: str) -> set[str]:
        return self._works[work_id].names | {work_id}

    def joins(self, draft: Draft) -> bool:
        """Tell whether a record names several works that are thereby one; `join` makes it so."""
        if self._owners.keys().isdisjoint(draft.identifiers):
            return False
        match = self._match(draft)
        if not match.conflicts:
            return False
        self._joins = [pair for pair, why in self._named(draft, match) if not why]
        return bool(self._joins)

    def _named(self, draft: Draft, match: identity.Match) -> Iterator[tuple[_Pair, str]]:
        """Yield each other work that a record names, and why it is not the same, "" if it is."""
        seen = {match.work_id}
        for id in match.conflicts:
            other = self._owners[id]
            if other in seen:
                continue
            seen.add(other)
            mine = {i for i in draft.identifiers if self._owners.get(i) == match.work_id}
            name = min(mine, key=identity.rank, default=match.work_id)
            curated = [
                work in self._works and self._works[work].row["key"] is not None
                for work in (match.work_id, other)
            ]
            names = (
                self._all_names(match.work_id) if match.work_id in self._works
                else {match.work_id, *draft.identifiers} - set(match.conflicts)
            )  # fmt: skip
            why = identity.bar(names, self._all_names(other), id, self._verdicts.distinct)
            if all(curated):
                why = why or "the curated files have both"
            loser, winner = merges.order(match.work_id, curated[0], other, curated[1])
            reason = f"one record names both {name} and {id}"
            grounds = merges.Grounds(
                AgentKind.rule, merges.RULE, f"{reason}, but {why}" if why else reason
            )
            yield _Pair(loser, winner, grounds), why

    def join(self) -> int:
        """Make one work of those that `joins` found, once what came before is written."""
        count = 0
        for pair in self._joins:
            loser = self._session.get_one(Work, pair.loser)
            winner = self._session.get_one(Work, pair.winner)
            if loser.merged_into is None and winner.merged_into is None:
                merges.merge(self._session, loser.id, winner.id, pair.grounds, self._at)
                count += 1
        self._session.flush()
        self._session.expire_all()  # what follows is written as plain columns
        return count

    def add(self, raw: Raw, draft: Draft) -> str:
        """Apply one draft and return what became of it: added, changed or same."""
        match = self._match(draft)
        self.conflicts += bool(match.conflicts)
        is_added = match.work_id not in self._works
        if is_added:
            self._works[match.work_id] = _new(match.work_id, draft)
        for pair, why in self._named(draft, match):
            if why != identity.SAID:
                self._proposals.append(pair)
        state = self._works[match.work_id]
        if not state.is_new:
            self.met.setdefault(match.work_id, set()).add(raw.source.partition(":")[0])
        before = (state.row["title_key"], state.authors)
        changed = self._name(state, draft)
        for form in draft.manifestations:
            changed |= self._manifest(state, raw, draft, form)
        if not draft.manifestations:
            changed |= self._add_to(state, draft, is_added)
        elif not state.authors:  # a review that was blind hid them, the text is as it was
            changed |= self._add_to(state, draft, is_new=False)
        changed |= self._date(state, draft)
        for act in draft.statuses:
            changed |= self._act(state, raw, act)
        changed |= self._relate(state, raw, draft)
        if is_added or before != (state.row["title_key"], state.authors):
            self._compare(state, before[0])
        if is_added or changed:
            self.moved.add(match.work_id)
        if is_added:
            return "added"
        return "changed" if changed else "same"

    def _compare(self, state: _State, old_key: str) -> None:
        """Propose the works that this one may be the same as, by title and authors."""
        row = state.row
        mine = merges.Candidate(
            row["id"], row["key"] is not None, row["title"], state.authors, row["first_day"],
            state.names,
        )  # fmt: skip
        for key in {old_key, row["title_key"]}:
            group = self._peers.get(key, [])
            self._peers[key] = [each for each in group if each.id != mine.id]
        if not row["title_key"]:
            return
        group = self._peers.setdefault(row["title_key"], [])
        if merges.is_telling(len(group) + 1):
            for other in group:
                known = self._works.get(other.id)
                if known is not None:
                    other.authors, other.names = known.authors, known.names
                found = merges.alike(mine, other)
                if found is not None:
                    self._proposals.append(_Pair(*found))
        group.append(mine)

    def _name(self, state: _State, draft: Draft) -> bool:
        work_id = state.row["id"]
        parted = identity.apart(
            draft.identifiers,
            self._verdicts.distinct,
            own=[ids.bare(form.id) for form in draft.manifestations],
        )
        fresh = [id for id in parted if id not in state.names and
                 self._owners.get(id, work_id) == work_id]  # fmt: skip
        for id in fresh:
            self._owners[id] = work_id
            state.names.add(id)
            self._identifiers.append({"id": id, "work_id": work_id})
        return bool(fresh)

    def _manifest(self, state: _State, raw: Raw, draft: Draft, form: ManifestationDraft) -> bool:
        """Add a manifestation; one that is stored keeps its text, which evidence points into."""
        text = f"{form.title}\n{form.abstract}"
        content_hash = hashlib.sha256(text.encode()).hexdigest() if form.has_text else ""
        id, known = form.id, self._hashes.get(form.id)
        if known and form.has_text and known != content_hash:
            id = f"{form.id}#{content_hash[:8]}"  # the same version, with its text corrected
        is_filled = known == "" and form.has_text  # so far we only knew that it is there
        is_back = self._take_back(id)
        if id in self._hashes and not is_filled:
            return is_back
        if is_filled and id not in self._manifestations:
            self._filled.add(id)
        self._hashes[id] = content_hash
        self._manifestations[id] = {
            "id": id,
            "work_id": state.row["id"],
            "event_id": None,
            "kind": form.kind,
            "title": form.title,
            "abstract": form.abstract,
            "publisher": form.publisher,
            "url": form.url,
            "version": form.version,
            "valid": form.valid,
            "retrieved_at": raw.fetched_at,
            "content_hash": content_hash,
            "raw_digest": raw.digest,
            "digest_id": None,
            "digest_n": None,
            "cited": True,
            "removed_at": None,
            "note": form.note,
        }
        if not form.has_text:
            return True
        rank = (_until(form.valid), form.version)
        if state.newest is None or rank >= state.newest:
            state.newest = rank
            self._describe(state, draft)
        return True

    def _take_back(self, id: str) -> bool:
        """Unmark a form whose source had lost it and has it again, with all its corrections."""
        name = id.partition("#")[0]
        back = {form for form in self._removed if form.partition("#")[0] == name}
        self._removed -= back
        for form in back:
            self._session.get_one(Manifestation, form).removed_at = None
        return bool(back)

    def _describe(self, state: _State, draft: Draft) -> None:
        """Let the newest text speak for the work, save what the curated files say of it."""
        is_curated = state.row["key"] is not None
        changed = state.put(abstract=draft.abstract or state.row["abstract"])
        state.put(categories=draft.categories or state.row["categories"])
        withdrawn = draft.withdrawn
        if all(form.kind != ManifestationKind.arxiv for form in draft.manifestations):
            withdrawn |= state.row["withdrawn"]  # only arXiv, which says so, can say otherwise
        state.put(withdrawn=withdrawn)
        if not is_curated:
            changed |= state.put(title=draft.title)
            state.put(title_key=titles.key(draft.title))
        changed |= self._credit(state, draft)
        state.is_text_changed |= changed

    def _credit(self, state: _State, draft: Draft) -> bool:
        """Take the record's authors, unless better ones are known."""
        is_better_known = state.is_credited or not draft.are_authors_parsed
        if not draft.authors or draft.authors == state.authors:
            return False
        if state.authors and is_better_known:
            return False
        state.authors = draft.authors
        self._reauthored.add(state.row["id"])
        return True

    def _add_to(self, state: _State, draft: Draft, is_new: bool) -> bool:
        """Take what a record without a form of the work says: all of it, where nothing is known."""
        if is_new:
            self._describe(state, draft)
            return True
        changed = self._credit(state, draft)
        state.is_text_changed |= changed
        return changed

    def _date(self, state: _State, draft: Draft) -> bool:
        """Keep the most precise day of first appearance, on the work and as a preprint event."""
        day = draft.first_public
        changed = False
        if state.row["key"] is None and _is_narrower(day, state.row["first_public"]):
            changed = state.put(first_public=day, first_day=_first_day(day), year=_year(day))
        if not day or all(form.kind != ManifestationKind.arxiv for form in draft.manifestations):
            return changed
        old = state.preprint
        if old is not None and (old["source"] != "arXiv" or not _is_narrower(day, old["valid"])):
            return changed
        if old is not None:
            # Kept even where both arrived in one batch, so that what is stored does not
            # depend on where batches begin.
            old["superseded_at"] = self._at
            if old["id"] is not None:
                self._superseded.append(old["id"])
        state.preprint = {
            "id": None,
            "work_id": state.row["id"],
            "status": StatusKind.preprint,
            "venue": "",
            "version": "",
            "source": "arXiv",
            "verified": Verified.official,
            "note": "",
            "raw_digest": None,
            "valid": day,
            "recorded_at": self._at,
            "superseded_at": None,
        }
        self._preprints.append(state.preprint)
        return True

    def _act(self, state: _State, raw: Raw, act: StatusDraft) -> bool:
        """Add what a venue did, unless it is known; what was known before stays beside it."""
        venue = act.venue.casefold()
        known = (
            valid for status, where, valid in state.acts if (status, where) == (act.status, venue)
        )
        if any(dates.coincide(valid, act.valid) for valid in known):
            return False  # the same act, which one of us dates more precisely
        state.acts.append((act.status, venue, act.valid))
        self._acts.append(
            {
                "work_id": state.row["id"],
                "status": act.status,
                "venue": act.venue,
                "version": act.version,
                "source": raw.source,
                "verified": Verified.official,
                "note": act.note,
                "raw_digest": raw.digest,
                "valid": act.valid,
                "recorded_at": self._at,
                "superseded_at": None,
            }
        )
        return True

    def _relate(self, state: _State, raw: Raw, draft: Draft) -> bool:
        """Tie the work to those of its lineage that the record names and we know."""
        own = state.row["id"]
        changed = False
        for kind, id in draft.related:
            other = self._owners.get(id)
            key = (own, kind, other or "")
            if other is None or other == own or key in self._relations:
                continue
            if self._session.get(WorkRelation, key) is None:
                self._relations[key] = {
                    "from_work_id": own,
                    "kind": kind,
                    "to_work_id": other,
                    "source": raw.source,
                    "note": "",
                }
                changed = True
        return changed

    def news(self) -> set[str]:
        """Return the works that are new, or are called otherwise than before."""
        called = {id for id, state in self._works.items() if state.is_new or state.is_text_changed}
        return called | {row["work_id"] for row in self._identifiers}

    def flush(self) -> None:
        """Write the batch, what others point to first."""
        session = self._session
        session.flush()
        states = list(self._works.values())
        _insert(session, Work, [state.row for state in states if state.is_new])
        changed = [state.row for state in states if state.is_changed and not state.is_new]
        if changed:
            columns = ("abstract", "title", "title_key", "categories", "withdrawn",
                       "first_public", "first_day", "year")  # fmt: skip
            session.connection().execute(
                update(Work)
                .where(col(Work.id) == bindparam("work"))
                .values({name: bindparam(f"new_{name}") for name in columns}),
                [
                    {"work": row["id"], **{f"new_{name}": row[name] for name in columns}}
                    for row in changed
                ],
            )
        _insert(session, Identifier, self._identifiers)
        self._write_authors()
        self._write_forms()
        if self._superseded:
            session.connection().execute(
                update(StatusEvent)
                .where(col(StatusEvent.id).in_(self._superseded))
                .values(superseded_at=self._at)
            )
        _insert(
            session,
            StatusEvent,
            [{k: v for k, v in row.items() if k != "id"} for row in self._preprints],
        )
        _insert(session, StatusEvent, self._acts)
        _insert(session, WorkRelation, list(self._relations.values()))
        self._write_search([state for state in states if state.is_text_changed])
        for pair in self._proposals:
            merges.propose(session, pair.loser, pair.winner, pair.grounds, self._at)

    def _write_forms(self) -> None:
        rows = self._manifestations
        fresh = [row for id, row in rows.items() if id not in self._filled]
        _insert(self._session, Manifestation, fresh)
        columns = ("title", "abstract", "url", "retrieved_at", "content_hash", "raw_digest", "note")
        filled = [rows[id] for id in sorted(self._filled)]
        if filled:
            self._session.connection().execute(
                update(Manifestation)
                .where(col(Manifestation.id) == bindparam("form"))
                .values({name: bindparam(f"new_{name}") for name in columns}),
                [{"form": row["id"], **{f"new_{c}": row[c] for c in columns}} for row in filled],
            )

    def _write_authors(self) -> None:
        old = [id for id in self._reauthored if not self._works[id].is_new]
        if old:
            self._session.connection().execute(
                delete(Authorship).where(col(Authorship.work_id).in_(old))
            )
        _insert(
            self._session,
            Authorship,
            [
                {"work_id": id, "position": position, "name": name, "person_id": None}
                for id in sorted(self._reauthored)
                for position, name in enumerate(self._works[id].authors)
            ],
        )

    def _write_search(self, states: Sequence[_State]) -> None:
        rows = {state.row["id"]: _search_row(state) for state in states}
        known = set(self._session.exec(_SEEN, params={"names": list(rows)}))
        fresh = [row for id, row in rows.items() if id not in known]
        if fresh:
            # With RETURNING, hundreds of rows go into one statement. SQLite's full-text index
            # is written out once a statement, which costs more than all other tables together.
            statement = insert(SearchText).returning(col(SearchText.id))
            self._session.connection().execute(statement, fresh)
        if known:
            self._session.connection().execute(
                update(SearchText)
                .where(SearchText.kind == "work", col(SearchText.ref) == bindparam("work"))  # type: ignore[arg-type]  # a column, typed as its value
                .values(title=bindparam("new_title"), body=bindparam("new_body")),
                [
                    {"work": id, "new_title": rows[id]["title"], "new_body": rows[id]["body"]}
                    for id in sorted(known)
                ],
            )


def _new(work_id: str, draft: Draft) -> _State:
    return _State(
        {
            "id": work_id,
            "key": None,
            "kind": draft.kind,
            "title": draft.title,
            "title_key": titles.key(draft.title),
            "abstract": "",
            "first_public": "",
            "first_day": "",
            "venue": "",
            "year": None,
            "categories": "",
            "synopsis": "",
            "checked": None,
            "withdrawn": False,
            "retired": False,
            "merged_into": None,
        },
        is_new=True,
        is_text_changed=True,
    )


def _search_row(state: _State) -> dict[str, Any]:
    """What search sees of a work, in the form that the curated content gives its own."""
    row = state.row
    body = " ".join([row["abstract"], row["synopsis"], *state.authors, row["key"] or ""])
    return {"kind": "work", "ref": row["id"], "title": prose(row["title"]), "body": prose(body)}


def _until(valid: str) -> dt.date:
    """The last day that a date may mean, by which texts are newer or older."""
    return dates.span(valid.rpartition("/")[2])[1] if valid else dates.OPEN_START


def _is_narrower(new: str, old: str) -> bool:
    """Whether `new` is a date and says more than `old`."""
    if not new or new == old:
        return False
    (low, high), (old_low, old_high) = dates.span(new), dates.span(old)
    return high - low < old_high - old_low


def _first_day(text: str) -> str:
    return dates.span(text)[0].isoformat() if text else ""


def _year(text: str) -> int | None:
    return int(text[:4]) if text[:4].isdigit() else None
