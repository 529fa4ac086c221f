"""The logical dump: what a database says, in a form that two databases can be compared by.

One line of JSON for each row, in an order that depends on the rows alone. Left out is what
says nothing: the clocks of our own (of one that may be empty stays whether it is set), the
ledger and what stages remember, numbers that only count rows (such a row goes by what it is
about, and so does what points to it) and the place of a record in the order of arrival. Bytes
stand as their SHA-256, vectors as their length alone, since the size of a batch changes their
last bits. SQLite and PostgreSQL give the same dump.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, LargeBinary, String, collate, select
from sqlmodel import SQLModel

from kb import models

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Select, Table
    from sqlmodel import Session

LEFT_OUT = frozenset({"run", "setting"})
"""Tables of which nothing is dumped: the ledger, and what stages remember."""
NUMBERED = {
    "work_merge": ("from_work_id", "to_work_id"),
    "status_event": ("work_id", "status", "valid", "venue", "version"),
    "claim_relation": ("from_claim_id", "to_claim_id", "kind", "bears_on"),
    "link": ("work_id", "claim_id", "agent_kind"),
    "queued_link": ("work_id", "claim_id"),
    "evidence_span": ("start", "quote_hash"),
    "voice_holding": ("voice_id", "claim_id", "attitude", "work_id"),
    "search_text": ("kind", "ref"),
}
"""Tables whose `id` only counts -> what a row is about."""
_SILENT = {("raw_record", "seq"), ("text_vector", "data")}
_WHETHER = {("status_event", "raw_digest")}
"""Columns of which only counts whether they are set. Several records may tell of one act: from
which it was taken depends on when its work became known."""
_READ = 500
"""Rows fetched at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row."""

    table: str
    key: tuple[Any, ...]
    """What the row is about; rows of one key may differ in the rest, as history does."""
    line: str
    """Canonical JSON: the table's name, then the row."""
    row: tuple[Any, ...]
    """Its primary key in this database."""


def entries(
    session: Session, *, history: bool = True, only: Sequence[str] | None = None
) -> Iterator[Entry]:
    """Yield every row that says something, by table and key.

    Args:
        session: An open transaction. The rows are read as they are asked for.
        history: Include superseded rows, and what points to them.
        only: Names of tables; all that say something when None.

    Raises:
        StoreError: The database cannot be read.
    """
    names = sorted(SQLModel.metadata.tables.keys() - LEFT_OUT) if only is None else sorted(only)
    for name in names:
        yield from _rows(session, SQLModel.metadata.tables[name], history)


def digest(session: Session, *, history: bool = True) -> str:
    """Return the SHA-256 of the dump, in hex.

    Raises:
        StoreError: The database cannot be read.
    """
    hashed = hashlib.sha256()
    for entry in entries(session, history=history):
        hashed.update(entry.line.encode())
        hashed.update(b"\n")
    return hashed.hexdigest()


def pairs(
    old: Iterator[Entry], new: Iterator[Entry]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield the rows of two dumps side by side, None where one has no such row.

    Rows that say the same are paired first; what is left under one key is paired in order.
    """
    left, right = _grouped(old), _grouped(new)
    one, other = next(left, None), next(right, None)
    while one or other:
        if one and (not other or one[0] < other[0]):
            yield from ((entry, None) for entry in one[1])
            one = next(left, None)
        elif other and (not one or other[0] < one[0]):
            yield from ((None, entry) for entry in other[1])
            other = next(right, None)
        elif one and other:
            yield from _matched(one[1], other[1])
            one, other = next(left, None), next(right, None)


def differences(
    old: Iterator[Entry], new: Iterator[Entry]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield those `pairs` whose sides do not say the same."""
    for one, other in pairs(old, new):
        if one is None or other is None or one.line != other.line:
            yield one, other


_Group = tuple[tuple[Any, ...], list[Entry]]


def _grouped(found: Iterator[Entry]) -> Iterator[_Group]:
    for key, group in groupby(found, key=lambda entry: (entry.table, *entry.key)):
        yield key, list(group)


def _matched(one: list[Entry], other: list[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    rest: list[Entry] = []
    unmatched = list(other)
    for entry in one:
        same = next((each for each in unmatched if each.line == entry.line), None)
        if same is None:
            rest.append(entry)
        else:
            unmatched.remove(same)
            yield entry, same
    for i in range(max(len(rest), len(unmatched))):
        yield (rest[i] if i < len(rest) else None, unmatched[i] if i < len(unmatched) else None)


# -- rows ------------------------------------------------------------------------------------


def _rows(session: Session, table: Table, history: bool) -> Iterator[Entry]:
    own = [c for c in table.columns if not _is_silent(c)]
    keys = [table.c[name] for name in NUMBERED.get(table.name, table.primary_key.columns.keys())]
    query = select(*table.primary_key.columns, *keys, *own)
    current = [table.c.superseded_at.is_(None)] if "superseded_at" in table.c else []
    linked = _LINK if table is _SPANS else []
    if linked:
        query = query.add_columns(*linked, _LINKS.c.superseded_at)
        query = query.join(_LINKS, _LINKS.c.id == table.c.link_id)
        keys = [*linked, *keys]
        current.append(_LINKS.c.superseded_at.is_(None))
    if not history:
        query = query.where(*current)
    query = _sorted(session, query, keys)
    for _, group in groupby(
        _entries(session, query, table, [c.name for c in own], bool(linked)), lambda e: e.key
    ):
        yield from sorted(group, key=lambda entry: entry.line)


def _entries(
    session: Session, query: Select[Any], table: Table, names: list[str], is_linked: bool
) -> Iterator[Entry]:
    width = len(table.primary_key.columns)
    depth = width + len(NUMBERED.get(table.name, table.primary_key.columns.keys()))
    rows = session.connection().execute(query, execution_options={"yield_per": _READ})
    for row in rows:
        values = tuple(row)
        key = tuple(_plain(value) for value in values[width:depth])
        told = dict(zip(names, values[depth:], strict=False))
        said = {name: _said(table, name, value) for name, value in told.items()}
        if is_linked:
            *about, superseded = values[depth + len(names) :]
            key = (*(_plain(value) for value in about), *key)
            said["link"] = [*(_plain(value) for value in about), superseded is not None]
        line = json.dumps([table.name, said], ensure_ascii=False, sort_keys=True,
                          separators=(",", ":"))  # fmt: skip
        yield Entry(table.name, key, line, values[:width])


_LINKS: Table = SQLModel.metadata.tables["link"]
_SPANS: Table = SQLModel.metadata.tables["evidence_span"]
_LINK: list[Any] = [_LINKS.c[name] for name in NUMBERED["link"]]


def _is_silent(column: Any) -> bool:
    table = column.table.name
    if (table, column.name) in _SILENT:
        return True
    if table in NUMBERED and column.name == "id":
        return True
    if isinstance(column.type, models.Utc | DateTime) and not column.nullable:
        return True
    targets = {key.column.table.name for key in column.foreign_keys}
    return bool(targets & (LEFT_OUT | NUMBERED.keys()))


def _sorted(session: Session, query: Select[Any], keys: Sequence[Any]) -> Select[Any]:
    """Sort text by its characters' numbers everywhere: a server would follow its language."""
    by_number = session.get_bind().dialect.name == "postgresql"

    def order(column: Any) -> ColumnElement[Any]:
        is_text = isinstance(column.type, String)
        return collate(column, "C") if by_number and is_text else column

    return query.order_by(*(order(key) for key in keys))


def _said(table: Table, name: str, value: Any) -> Any:
    kind = table.c[name].type
    if isinstance(kind, models.Utc | DateTime) or (table.name, name) in _WHETHER:
        return value is not None
    if isinstance(kind, LargeBinary | models.Embedding):
        return hashlib.sha256(value).hexdigest()
    if table.name == "work_merge" and name == "moved":
        return {kind: sorted(keys) for kind, keys in dict(value).items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value
