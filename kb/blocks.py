"""Rows of unit vectors in one file, mapped into memory and searched block by block.

The file is derived from the database and may be removed at any time. It holds

* 64 bytes: what it is, and where the rest lies
* the rows, little-endian float32, one after another
* a table, JSON: whose rows they are, and what each was made from

and a checksum of the rows and the table. It is written beside its place, forced to the disk
and renamed, so that it is there whole or not at all; one that is cut short or changed is taken
for none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

Key = tuple[str, str]
"""(kind, id): ("work", "arxiv:2505.17638")."""

BLOCK = 524_288
"""Rows whose scores are held at once, 2 MB of them. After each block all threads wait for one
another, so small blocks are slow: the rows themselves are mapped and cost no memory."""
_HEAD = struct.Struct("<8sIIQQQ")
"""Magic, CRC-32 of all after the head, length of a row, rows, start and length of the table."""
_MAGIC = b"kbvectr1"
_START = 64
"""Where the rows begin: a cache line, which vector instructions like."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some keys with their rows, and the mark of what each row was made from."""

    keys: list[Key]
    marks: list[str]
    rows: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rows(Part):
    """All keys with their rows."""

    facts: dict[str, Any]
    """What the maker of the file wrote about it."""
    print: str
    """A digest of all keys and marks, in their order: whatever was made of rows with another one
    was made of other rows."""


def gather(parts: Iterable[Part], facts: dict[str, Any]) -> Rows:
    """Return parts as one, in memory."""
    keys: list[Key] = []
    marks: list[str] = []
    rows: list[NDArray[np.float32]] = []
    for part in parts:
        keys += part.keys
        marks += part.marks
        if part.keys:
            rows.append(part.rows)
    whole = np.concatenate(rows) if rows else np.empty((0, 0), np.float32)
    return Rows(keys, marks, whole, facts, _print(keys, marks))


def _print(keys: list[Key], marks: list[str]) -> str:
    return hashlib.blake2b(json.dumps([keys, marks]).encode(), digest_size=16).hexdigest()


def write(path: Path, parts: Iterable[Part], facts: dict[str, Any]) -> None:
    """Put parts into a file, one at a time, and the file in its place at the end.

    Args:
        path: Where; what is there is replaced, and stays valid for those who have it mapped.
        parts: In the order in which the rows shall stand.
        facts: Anything that JSON can hold.

    Raises:
        OSError: The file cannot be written; nothing has changed.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    keys: list[Key] = []
    marks: list[str] = []
    dim = check = 0
    try:
        with new.open("wb") as file:
            file.write(bytes(_START))
            for part in parts:
                if not part.keys:
                    continue
                keys += part.keys
                marks += part.marks
                data = np.ascontiguousarray(part.rows, "<f4")
                dim = data.shape[1]
                check = zlib.crc32(data.data.cast("B"), check)
                file.write(data.data)
            told = {"facts": facts, "keys": keys, "marks": marks, "print": _print(keys, marks)}
            table = json.dumps(told).encode()
            at = file.tell()
            file.write(table)
            file.seek(0)
            check = zlib.crc32(table, check)
            file.write(_HEAD.pack(_MAGIC, check, dim, len(keys), at, len(table)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def mapped(path: Path) -> memoryview:
    """Return a file as it lies on the disk, empty where there is none to map."""
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):  # an empty file cannot be mapped
        return memoryview(b"")


def read(path: Path) -> Rows | None:
    """Map a file that `write` made; None where there is none, or it is not whole."""
    whole = mapped(path)
    if len(whole) < _START:
        return None
    magic, check, dim, count, at, length = _HEAD.unpack_from(whole)
    if magic != _MAGIC or at != _START + 4 * dim * count or len(whole) != at + length:
        return None
    if zlib.crc32(whole[_START:]) != check:
        return None
    table = json.loads(bytes(whole[at:]))
    rows = np.frombuffer(whole, "<f4", dim * count, _START).reshape(count, dim)
    keys = [(kind, id) for kind, id in table["keys"]]
    # A file of an earlier version has no print, and then none that anything was made of.
    return Rows(keys, table["marks"], rows, table["facts"], table.get("print", ""))


def nearest(
    rows: NDArray[np.float32],
    query: NDArray[np.float32],
    k: int,
    among: NDArray[np.bool_] | None = None,
) -> list[tuple[int, float]]:
    """Return the k rows with the greatest product with a query, best first. Exact.

    Ties go to the earlier row. One block of scores is held at a time, and of each block only
    what may be among the best is kept.

    Args:
        rows: Unit rows, shape (n, dim).
        query: A unit vector.
        k: At least 1.
        among: Which rows may be returned, shape (n,); all when None.

    Examples:
        >>> nearest(np.eye(3, dtype=np.float32), np.array([0, 1, 0], np.float32), 2)
        [(1, 1.0), (0, 0.0)]
    """
    best = np.empty(0, np.float32)
    places = np.empty(0, np.intp)
    for start in range(0, len(rows), BLOCK):
        scores = rows[start : start + BLOCK] @ query
        if among is None:
            kept = np.arange(len(scores))
        else:
            kept = np.flatnonzero(among[start : start + BLOCK])
        if len(best) == k:  # an equal score comes later, so it loses
            kept = kept[scores[kept] > best[-1]]
        if len(kept) > k:
            edge = np.partition(scores[kept], -k)[-k]
            kept = kept[scores[kept] >= edge]
        if not len(kept):
            continue
        best = np.concatenate([best, scores[kept]])
        places = np.concatenate([places, kept + start])
        order = np.argsort(-best, kind="stable")[:k]
        best, places = best[order], places[order]
    return [(int(place), float(score)) for place, score in zip(places, best, strict=True)]
