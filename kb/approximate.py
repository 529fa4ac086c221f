"""An index that finds most of the nearest vectors without looking at all of them.

Past a million rows a look at each takes a tenth of a second and more; an index takes a
millisecond, and misses some. What it proposes is then compared exactly, so scores are those of
exact search and only what it did not propose can be missing.

The file is derived from the rows beside the store (`kb.blocks`), knows by their print which
ones it was made of, and is not used for others. It holds

* the graph, as usearch writes it
* a label and a row number for each row, by label
* a table, JSON, and the lengths and a checksum of all that

and is checked before it is given to usearch, which trusts what it is given. With a store on a
server there is no such file: the server has an index of its own (`kb.indexed`).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kb import blocks
from kb.errors import ConfigError, StoreError
from kb.search import KEPT_FROM, Vectors, kept, kept_at

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray
    from sqlmodel import Session

    from kb.blocks import Key, Rows
    from kb.store import Store

LEAST = 1_000_000
"""Rows from which on an index is made without being asked for: below, exact search is fast."""
MOST = 1_000
"""Neighbors asked for beyond which every row is looked at: an index is for the first few."""
_SPARE, _FEWEST = 4, 64
"""Proposals asked of the index: so many for each neighbor wanted, and never fewer than these."""
_EFFORT = 128
"""Nodes of the graph that a search keeps in view. With 64, twice as many neighbors are missed."""
_STEP = 100_000
"""Rows added at once."""
_FOOT = struct.Struct("<8sIQQQ")
"""Magic, CRC-32 of all before the foot, bytes of the graph, rows, bytes of the table."""
_MAGIC = b"kbnearv1"
EXTRA = "pip install 'dissensus[ann]'"


def is_there() -> bool:
    """Tell whether the library that makes and reads an index is installed."""
    return importlib.util.find_spec("usearch") is not None


def require() -> None:
    """Make sure that the library is installed.

    Raises:
        ConfigError: It is not.
    """
    if not is_there():
        raise ConfigError(f"an approximate index needs usearch, which is not installed: {EXTRA}")


def load(session: Session, model: str) -> Vectors:
    """Return the vectors of a SQLite store, with the index of them where one was made."""
    found, path = kept(session, model), kept_at(session)
    if path is None or not _place(path).is_file() or not is_there():
        return Vectors(found.keys, found.rows)
    return Approximate(found, _place(path))


def make(store: Store, model: str, *, asked: bool = False) -> int:
    """Make the index of a SQLite store's vectors, or bring it up to date.

    Only past `LEAST` rows, or where there is an index already, or where one is asked for.

    Returns:
        How many rows were put in or taken out; 0 where the index was right or is not wanted.

    Raises:
        ConfigError: One was asked for, and what makes it is not installed.
        StoreError: The store cannot be read, or the file cannot be written.
    """
    if asked:
        require()
    if store.dialect != "sqlite" or not is_there():
        return 0
    with store.read() as session:
        path = kept_at(session)
        if path is None or not (asked or _place(path).is_file() or _is_large(session)):
            return 0
        rows = kept(session, model)
    if not rows.keys:
        return 0
    try:
        return _make(_place(path), rows)
    except OSError as error:
        raise StoreError(f"cannot write {_place(path)}: {error.strerror or error}") from error


def told(store: Store, changed: int) -> str:
    """Return what became of an index that was asked for, in a line.

    Args:
        store: The store.
        changed: What `make` returned.
    """
    if store.dialect != "sqlite":
        return "index: the server keeps its own"
    with store.read() as session:
        is_kept = kept_at(session) is not None
    if not is_kept:
        return f"index: none, for fewer than {KEPT_FROM:,} works each search looks at every vector"
    return f"index: {changed:,} vectors put in or taken out" if changed else "index: nothing new"


def advice(store: Store) -> str:
    """Return what a store of this size lacks, "" where it lacks nothing."""
    if is_there() or store.dialect != "sqlite":
        return ""
    with store.read() as session:
        is_large = _is_large(session)
    return f"each search looks at every vector; an index is faster: {EXTRA}" if is_large else ""


def _is_large(session: Session) -> bool:
    count = session.connection().exec_driver_sql("SELECT count(*) FROM work").scalar_one()
    return int(count) >= LEAST


class Approximate(Vectors):
    """The vectors of works and claims under one model, with an index of them.

    It is opened by the first question that it can answer; where it is not whole, or not of
    these rows, every row is looked at.
    """

    def __init__(self, rows: Rows, path: Path) -> None:
        """Keep `rows`; `path` is the index's."""
        super().__init__(rows.keys, rows.rows)
        self._facts = _facts(rows)
        self._path = path

    @cached_property
    def index(self) -> _Index | None:
        """The index of these rows, None where there is none that can be used."""
        found = _read(self._path)
        return found if found is not None and found.is_of(self._facts) else None

    def nearest(
        self, query: NDArray[np.float32], k: int, kinds: Iterable[str] = ("work", "claim")
    ) -> list[tuple[Key, float]]:
        """Return about the k keys nearest to a unit vector, best first.

        Scores are exact, and a neighbor may be missing for a further one. Ties go to the
        earlier key. Exact where more than `MOST` are wanted, or where the index proposes too
        few of the kinds.
        """
        wanted = frozenset(kinds)
        if k > MOST or self.index is None:
            return super().nearest(query, k, wanted)
        near = self.index.propose(query, max(_SPARE * k, _FEWEST))
        near = np.sort([i for i in near if self.keys[i][0] in wanted]).astype(np.intp)
        if len(near) < min(k, len(self.keys)):
            return super().nearest(query, k, wanted)
        best = blocks.nearest(self.rows[near], query, k)
        return [(self.keys[near[i]], score) for i, score in best]


# -- the file ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Index:
    """A file as it was read: the graph is mapped, and looked into by usearch."""

    graph: memoryview
    labels: NDArray[np.uint64]
    """In ascending order."""
    rows: NDArray[np.int64]
    """The row of each label."""
    facts: dict[str, Any]
    search: Any
    """usearch's own view of `graph`, which it does not keep alive."""

    def is_of(self, facts: dict[str, Any]) -> bool:
        return bool(facts["print"]) and self.facts == facts

    def may_become(self, facts: dict[str, Any]) -> bool:
        """Tell whether its rows were made as others are: a label says nothing of the model."""
        return all(self.facts[name] == facts[name] for name in ("model", "recipe", "dim"))

    def propose(self, query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the numbers of rows that are likely the nearest, in no order."""
        found: NDArray[np.uint64] = self.search.search(query, k, threads=1).keys
        return self.rows[np.searchsorted(self.labels, found)]


def _place(path: Path) -> Path:
    return path.with_name(f"{path.name}.ann")


def _facts(rows: Rows) -> dict[str, Any]:
    """What an index must be of to answer for these rows."""
    return {
        "model": rows.facts.get("model", ""),
        "recipe": rows.facts.get("recipe", 0),
        "print": rows.print,
        "dim": rows.rows.shape[1],
        "count": len(rows.keys),
    }


def _empty(dim: int) -> Any:
    from usearch.index import Index

    # Half precision halves the file; proposals are compared in full precision.
    return Index(ndim=dim, metric="ip", dtype="f16", expansion_search=_EFFORT)


def _labels(rows: Rows) -> NDArray[np.uint64]:
    """Return what each row is called in the graph: by what it is of, wherever it stands."""
    said = (
        hashlib.blake2b(f"{kind}\0{id}\0{mark}".encode(), digest_size=8).digest()
        for (kind, id), mark in zip(rows.keys, rows.marks, strict=True)
    )
    return np.frombuffer(b"".join(said), "<u8")


def _make(path: Path, rows: Rows) -> int:
    facts = _facts(rows)
    old = _read(path)
    if old is not None and old.is_of(facts):
        return 0
    labels = _labels(rows)
    order = np.argsort(labels)
    if np.any(np.diff(labels[order]) == 0):  # two of a name: once in thirty million such stores
        return 0
    graph = _empty(facts["dim"])
    fresh, gone = labels, labels[:0]
    if old is not None and old.may_become(facts):
        new, left = np.setdiff1d(labels, old.labels), np.setdiff1d(old.labels, labels)
        if len(new) + len(left) < len(old.labels) / 2:  # else a graph full of holes
            graph.load(old.graph)
            fresh, gone = new, left
    if len(gone):
        graph.remove(gone)
    at = order[np.searchsorted(labels[order], np.sort(fresh))] if len(fresh) else order[:0]
    at = np.sort(at)
    for start in range(0, len(at), _STEP):
        some = at[start : start + _STEP]
        graph.add(labels[some], rows.rows[some])
    _write(path, graph, labels[order], order, facts)
    return len(fresh) + len(gone)


def _write(
    path: Path,
    graph: Any,
    labels: NDArray[np.uint64],
    rows: NDArray[np.intp],
    facts: dict[str, Any],
) -> None:
    """Put an index into a file beside its place, and the file in its place at the end."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    table = json.dumps(facts).encode()
    try:
        try:
            graph.save(str(new))
        except RuntimeError as error:  # usearch's word for a disk that takes no more
            raise OSError(str(error)) from error
        with new.open("r+b") as file:
            check = 0
            while some := file.read(1 << 20):
                check = zlib.crc32(some, check)
            length = file.tell()
            for part in (labels.astype("<u8").tobytes(), rows.astype("<i8").tobytes(), table):
                file.write(part)
                check = zlib.crc32(part, check)
            file.write(_FOOT.pack(_MAGIC, check, length, len(labels), len(table)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def _read(path: Path) -> _Index | None:
    """Map a file that `_write` made; None where there is none, or it is not whole."""
    whole = blocks.mapped(path)
    end = len(whole) - _FOOT.size
    if end < 0:
        return None
    magic, check, length, count, tail = _FOOT.unpack_from(whole, end)
    if magic != _MAGIC or end != length + 16 * count + tail or zlib.crc32(whole[:end]) != check:
        return None
    facts = json.loads(bytes(whole[end - tail : end]))
    # Copies: what usearch wrote need not end where numbers of eight bytes may begin.
    numbers = bytes(whole[length : length + 16 * count])
    labels = np.frombuffer(numbers, "<u8", count)
    rows = np.frombuffer(numbers, "<i8", count, 8 * count)
    view = _empty(facts["dim"])
    try:
        view.view(whole[:length])
    except (RuntimeError, ValueError):  # written by a version of usearch that this one cannot read
        return None
    return _Index(whole[:length], labels, rows, facts, view)
