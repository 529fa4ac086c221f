"""Copies of the database that can be trusted, and back again.

A backup holds what the database holds: records, everything derived from them, the ledger and
the cycles. The curated files are no part of it; their history is kept where they are edited.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import postgres
from kb.errors import StoreError
from kb.store import HEAD, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "backups"
"""Beside the database: where backups go unless another folder is named."""
_SUM = ".sha256"
_OWN = re.compile(r"\d{8}T\d{6}Z-\d{4}\.sqlite")
"""What follows the database's name in the name of a backup: when, and its schema."""
_CHUNK = 1024 * 1024


def create(store: Store, folder: Path | None = None, keep: int | None = None) -> Path:
    """Copy the database, as it stands between two transactions, and check the copy.

    Beside it lies a checksum in the form that `sha256sum --check` reads.

    Args:
        store: A SQLite file.
        folder: Where to; a folder beside the database when None.
        keep: Remove the oldest backups of this database there until so many are left; None to
            remove none. Nothing but files of our own naming is removed.

    Returns:
        The backup.

    Raises:
        ValueError: `keep` is less than 1.
        StoreError: The database is on a server, is damaged, or the copy cannot be written.
    """
    if keep is not None and keep < 1:
        raise ValueError(f"keep must be at least 1, not {keep}")
    if store.path is None:
        url = postgres.tool_url(store.name)
        raise StoreError(
            f"{store.name} is on a server: pg_dump --format=custom --file=kb.dump {url} backs it up"
        )
    folder = store.path.parent / FOLDER if folder is None else folder
    stem = store.path.stem
    target = folder / f"{stem}-{_stamp()}-{store.revision() or HEAD}.sqlite"
    part = target.with_name(f"{target.name}.part")
    with _files(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        store.copy(part)
        _ensure_sound(part, f"{store.name} is damaged, so this copy of it was dropped")
        with _files(folder):
            told = f"{checksum(part)}  {target.name}\n"
        write(target.with_name(f"{target.name}{_SUM}"), told.encode())
        settle(part, target)  # last: what has its name is whole, and has its checksum
    finally:
        remove(part)
    if keep is not None:
        with _files(folder):
            for old in backups(folder, stem)[:-keep]:
                old.unlink()
                old.with_name(f"{old.name}{_SUM}").unlink(missing_ok=True)
    return target


def backups(folder: Path, stem: str) -> list[Path]:
    """Return the backups of a database in a folder, oldest first.

    Args:
        folder: Need not exist.
        stem: The database's name without its ending.
    """
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.startswith(f"{stem}-") and _OWN.fullmatch(path.name[len(stem) + 1 :])
    )


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a restoration."""

    kept: Path | None
    """Where the database that was there lies now; None when there was none."""
    migrated_from: str
    """The backup's schema where it was an older one, else ""."""
    is_summed: bool
    """Whether there was a checksum to compare."""


def restore(store: Store, backup: Path) -> Restored:
    """Put a backup in the database's place; what is there now is kept beside it.

    Args:
        store: A SQLite file, there or not, damaged or not.
        backup: One that `create` made, or any copy of a database of ours.

    Raises:
        BusyError: Another process is writing.
        StoreError: The database is on a server; the backup is not there, differs from its
            checksum, is damaged, of a newer schema or none of ours; or there is no space.
    """
    if store.path is None:
        url = postgres.tool_url(store.name)
        raise StoreError(
            f"{store.name} is on a server: pg_restore --clean --if-exists --dbname={url} kb.dump "
            "restores it"
        )
    if not backup.is_file():
        raise StoreError(f"no backup at {backup}")
    with contextlib.suppress(OSError):
        if backup.samefile(store.path):
            raise StoreError(f"{backup} is the database itself")
    summed = backup.with_name(f"{backup.name}{_SUM}")
    with _files(backup):
        is_summed = summed.is_file()
        wanted = summed.read_text(encoding="ascii", errors="replace").split() if is_summed else []
        if is_summed and wanted[:1] != [checksum(backup)]:
            raise StoreError(f"{backup} is not the file that was backed up: its checksum differs")
    store.make_folder()
    part = store.path.with_name(f"{store.path.name}.part")
    with store.lock("restore"):
        remove(part)
        try:
            with _files(store.path.parent):
                shutil.copyfile(backup, part)
            older = _brought_up(part, backup)
            store.close()
            kept = swap(part, store.path, "restore")
        finally:
            remove(part)
    return Restored(kept, older, is_summed)


def _brought_up(part: Path, backup: Path) -> str:
    """Check a copy of a backup, migrate it where it is older, and return from which schema."""
    _ensure_sound(part, f"{backup} is damaged; nothing was changed")
    copy = Store(part)
    with contextlib.closing(copy):
        found = copy.revision()
        if found is None:
            raise StoreError(f"{backup} holds no knowledge base; nothing was changed")
        if found > HEAD:
            raise StoreError(
                f"{backup} has schema {found}, newer than this version's {HEAD}; install the "
                "newer version, nothing was changed"
            )
        copy.migrate()
    return found if found != HEAD else ""


def _ensure_sound(path: Path, message: str) -> None:
    copy = Store(path)
    with contextlib.closing(copy):
        try:
            faults = copy.integrity()
        except StoreError as error:
            raise StoreError(f"{message} ({error})") from error
    if faults:
        raise StoreError(f"{message} ({faults[0]})")


# -- files -----------------------------------------------------------------------------------


def swap(new: Path, place: Path, label: str) -> Path | None:
    """Put a database file in the place of another, which is kept; the caller holds the lock.

    At no moment is there no database. A journal that a killed writer left belongs to the old
    file and goes with it: SQLite would apply it to the new one.

    Args:
        new: A whole database that nobody has open.
        place: Where it goes.
        label: Part of the kept file's name, "kb.sqlite.before-restore-20260102T030405Z".

    Returns:
        The kept file, None when there was none.

    Raises:
        StoreError: The file system refuses.
    """
    kept = None
    with _files(place):
        if place.exists():
            kept = _unused(place.with_name(f"{place.name}.before-{label}-{_stamp()}"))
            try:
                os.link(place, kept)
            except OSError:  # a file system without hard links
                shutil.copyfile(place, kept)
                _sync(kept)
        journal = place.with_name(f"{place.name}-journal")
        if journal.exists():
            whose = place if kept is None else kept
            journal.rename(whose.with_name(f"{whose.name}-journal"))
        settle(new, place)
    return kept


def settle(part: Path, target: Path) -> None:
    """Give a finished file its name: whoever looks sees the old one or the whole new one.

    Raises:
        StoreError: The file system refuses.
    """
    with _files(target):
        _sync(part)
        part.replace(target)
        if os.name == "posix":  # the name itself must outlive a power cut too
            _sync(target.parent)


def write(target: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all.

    Raises:
        StoreError: The file system refuses; what was there stays.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with _files(part):
            part.write_bytes(data)
        settle(part, target)
    finally:
        remove(part)


def remove(part: Path) -> None:
    """Remove an unfinished database with all that lies beside it, where there is one."""
    for ending in ("", "-journal", ".lock", ".holder", f".before-{HEAD}"):
        with contextlib.suppress(OSError):
            part.with_name(f"{part.name}{ending}").unlink()


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hex.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _unused(path: Path) -> Path:
    """A name that is free: two swaps may fall into one second."""
    found, count = path, 1
    while found.exists():
        count += 1
        found = path.with_name(f"{path.name}-{count}")
    return found


def _stamp() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}"


@contextlib.contextmanager
def _files(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{error.filename or where}: {error.strerror or error}") from error
