"""Write down what a person says: an entry at the end of a curated file, the rest untouched."""

from __future__ import annotations

import contextlib
import os
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock, Timeout

from kb import content, schema
from kb.errors import BusyError, ConfigError, ContentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOCK = ".lock"
"""In the folder of the curated files: who writes them waits for the others."""
_PATIENCE = 10.0
"""Seconds to wait for another who writes; an entry takes a fraction of one."""
_NEW = """\
# yaml-language-server: $schema=../schema/verdicts.schema.json
# What one reader makes of links between works and claims; README.md in this folder says how.
# Entries are appended and never edited: a later one on the same link stands in place of the
# earlier.

verdicts: []
"""


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as it was put into a file."""

    path: Path
    text: str


def judge(
    first: str,
    second: str,
    *,
    same: bool,
    by: str,
    on: str,
    relation: str = "",
    note: str = "",
    folder: Path | None = None,
) -> Path:
    """Append a judgement on two identifiers to identity.yaml, where comments stay as they are.

    The file appears whole or stays as it was, and only when the curated files are still without
    faults with the new entry in it.

    Args:
        first: Any identifier of a work.
        second: Another.
        same: Whether they name one work, or two of one lineage where there is a `relation`.
        by: The person's handle.
        on: The day of the judgement, EDTF.
        relation: What the first is to the second, a WorkRelationKind; "" for one work.
        note: Why, in the person's words.
        folder: Of the curated files; the package's own when None.

    Returns:
        The file.

    Raises:
        ContentError: The entry, or what was there before, has a fault.
        ConfigError: The file cannot be written.
        BusyError: Another process is writing the curated files and does not come to an end.
    """
    entry: dict[str, Any] = {"same" if same else "distinct": [first, second]}
    entry |= {"relation": relation} if relation else {}
    entry |= {"by": by, "on": on}
    entry |= {"note": note} if note else {}
    return _append(folder or content.directory(), "identity", "identity", entry).path


def give(entry: schema.VerdictEntry, folder: Path | None = None) -> Written:
    """Append a reader's verdict on a link to the reader's own file, making it where it is new.

    Args:
        entry: The verdict; `by` names the file.
        folder: Of the curated files; the package's own when None.

    Raises:
        ContentError: The entry, or what was there before, has a fault.
        ConfigError: `by` is no handle, or the file cannot be written.
        BusyError: Another process is writing the curated files and does not come to an end.
    """
    if not content.is_handle(entry.by):
        raise ConfigError(
            f"{entry.by!r} is no handle: lower-case letters, digits and single hyphens, at most 39"
        )
    told = entry.model_dump(mode="json", exclude_defaults=True)
    name = f"{schema.VERDICTS}/{entry.by}"
    return _append(folder or content.directory(), name, "verdicts", told, _NEW)


def take_back(written: Written) -> None:
    """Remove an entry that was just written. One that a person has edited since stays.

    Raises:
        ConfigError: It is not there as it was written, or the file cannot be written.
        BusyError: Another process is writing the curated files and does not come to an end.
    """

    def without(before: str) -> str:
        head, found, tail = before.rpartition(written.text)
        if not found or not head.endswith("\n"):
            told = "is not as it was written; append a later verdict in its place"
            raise ConfigError(f"{written.path}: the entry {told}")
        return re.sub(r"^verdicts:\s*\Z", "verdicts: []\n", f"{head}{tail}", flags=re.MULTILINE)

    with _locked(written.path.parent.parent):
        _rewrite(written.path, without)


def _append(
    folder: Path, name: str, key: str, entry: dict[str, Any], new: str | None = None
) -> Written:
    path = folder / f"{name}.yaml"
    told = yaml.safe_dump([entry], allow_unicode=True, sort_keys=False, width=90)
    told = textwrap.indent(told, "  ")
    empty = re.compile(rf"^{key}:[ \t]*\[[ \t]*\][ \t]*$", re.MULTILINE)

    def with_entry(before: str) -> str:
        after = empty.sub(f"{key}:", before).rstrip("\n") + f"\n{told}"
        faults = content.inspect(folder, {name: after})[1]
        if faults:
            raise ContentError(tuple(str(fault) for fault in faults))
        return after

    with _locked(folder):
        _rewrite(path, with_entry, new)
    return Written(path, told)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Be the only one who changes the curated files in a folder."""
    lock = FileLock(folder / _LOCK, timeout=_PATIENCE)
    try:
        lock.acquire()
    except Timeout as error:
        raise BusyError(f"{folder} is being written by another process; try again") from error
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _rewrite(path: Path, change: Callable[[str], str], new: str | None = None) -> None:
    """Put a changed text in a file's place: it appears whole, on the disk, or not at all.

    Args:
        path: The file.
        change: Its text -> the text that it is to have.
        new: The text to change where there is no file yet; None where there must be one.
    """
    partial = path.with_name(f"{path.name}.part")
    try:
        if new is not None:
            path.parent.mkdir(exist_ok=True)
        is_there = new is None or path.exists()
        after = change(path.read_text(encoding="utf-8") if is_there else str(new))
        with partial.open("w", encoding="utf-8") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except UnicodeDecodeError as error:
        raise ContentError((f"{path.name}:1: is not UTF-8",)) from error
    except OSError as error:
        raise ConfigError(f"{error.filename or path}: {error.strerror}") from error
    finally:
        if partial.exists():
            partial.unlink()
