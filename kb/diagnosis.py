"""What `kb doctor` looks at: the database, its freshness, the libraries, the model."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import col, func, select

from kb import content, curation, current, models, postgres, search
from kb.encoder import PINNED, default_folder
from kb.errors import ContentError, EncoderError, StoreError
from kb.held import count as held_count
from kb.review import fingerprint
from kb.store import HEAD, Store, now

if TYPE_CHECKING:
    from collections.abc import Iterator

STALE_DAYS = 8
"""A weekly schedule that missed one turn; older than this is worth a remark."""
_WAL_FIXED = (3, 51, 3)
"""First SQLite without the WAL bug that `kb.store` is built around (sqlite.org, 2026)."""
_LOW_DISK = 256 * 1024 * 1024
"""Bytes; a run over a few thousand works writes less."""


@dataclass(frozen=True)
class Finding:
    """One check and what came of it."""

    check: str
    ok: bool
    detail: str


def examine(target: str) -> list[Finding]:
    """Return every check in a fixed order; later ones are left out where they make no sense.

    Raises nothing: what cannot be examined is a finding that is not ok.
    """
    found = [_sqlite(), _curated(), _model()]
    try:
        store = Store.open(target)
    except StoreError as error:
        return [*found, Finding("database", False, str(error))]
    try:
        found.append(Finding("database", True, f"{store.name}, schema {HEAD}"))
        found += _database(store)
    except StoreError as error:
        found.append(Finding("database", False, str(error)))
    finally:
        store.close()
    return found


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version
    options = sqlite3.connect(":memory:")
    try:
        rows = [row[0] for row in options.execute("PRAGMA compile_options")]
    finally:
        options.close()
    fts = "ENABLE_FTS5" in rows
    note = "" if sqlite3.sqlite_version_info >= _WAL_FIXED else ", kept out of WAL mode"
    return Finding("sqlite", fts, f"{version}{note}, full text {'there' if fts else 'missing'}")


def _curated() -> Finding:
    try:
        loaded = content.load()
    except ContentError as error:
        return Finding("curated files", False, str(error))
    return Finding("curated files", True, f"{len(loaded.works.works)} works, no faults")


def _model() -> Finding:
    try:
        folder = default_folder()
    except EncoderError as error:
        return Finding("model", False, str(error))
    return Finding("model", True, f"{len(PINNED)} pinned files as published, in {folder.name}")


def _database(store: Store) -> Iterator[Finding]:
    if store.path is None:
        with store.read() as session:
            server, extension = postgres.versions(session.connection())
        yield Finding("server", True, f"PostgreSQL {server}, pgvector {extension}")
        yield Finding("integrity", True, "the server keeps references; pg_amcheck reads pages")
    else:
        faults = store.integrity()
        told = "; ".join(faults) or "every page and reference is sound"
        yield Finding("integrity", not faults, told)
    changed = _changed(store)
    yield Finding(
        "records",
        not changed,
        f"{len(changed)} are not what was taken in: {', '.join(changed[:3])}"
        if changed
        else "each is what was taken in",
    )
    if store.path is not None:
        free = shutil.disk_usage(Path(store.path).resolve().parent).free
        yield Finding("disk", free > _LOW_DISK, f"{free // 2**20} MiB free")
    try:
        applied = store.setting(curation.SETTING).removesuffix(curation.WAITING)
        is_applied = f"{curation.FORMAT}:{content.load().digest}" == applied
        told = "as the files say" if is_applied else "run kb init"
        yield Finding("curation", is_applied, told)
    except ContentError:
        yield Finding("curation", False, "the files have faults; see above")
    yield _verdicts(store)
    with store.read() as session:
        encoder = current.name(session)
        works = session.exec(select(func.count()).select_from(models.Work)).one()
        with_text = [
            key
            for key in (search.Vectors.load(session, encoder).keys if encoder else ())
            if key[0] == "work"
        ]
        held = held_count(session)
        behind = max(works - held - len(with_text), 0)
        yield Finding(
            "vectors",
            behind == 0,
            f"{encoder or 'none'}"
            + (f"; {behind} works have none, run kb embed" if behind else "; every work has one"),
        )
        if made := current.following(session):
            name, done, total = made
            yield Finding(
                "next encoder",
                True,
                f"{name}, vectors of {done:,} of {total:,} works; kb embed with it goes on",
            )
        yield Finding(
            "funnel", True, f"{held:,} works are held back; kb funnel" if held else "holds nothing"
        )
        left = session.exec(
            select(func.count()).select_from(models.Run).where(models.Run.outcome == "running")
        ).one()
        yield Finding(
            "ledger", True, "a run is open, or was killed" if left else "every run is closed"
        )
        last = session.exec(select(models.Cycle).order_by(col(models.Cycle.number).desc())).first()
    if last is None:
        yield Finding("cycle", False, "none yet; run kb cycle")
        return
    age = (now() - last.created_at).days
    yield Finding(
        "cycle",
        True,
        f"{last.number}, {age} days ago" + (", getting stale" if age > STALE_DAYS else ""),
    )


def _verdicts(store: Store) -> Finding:
    """How many verdicts people gave, and on how many the abstract has changed since."""
    query = select(models.Verdict.abstract_hash, models.Work.abstract).where(
        models.Verdict.work_id == models.Work.id
    )
    with store.read() as session:
        rows = session.exec(query).all()
    changed = sum(read not in ("", fingerprint(abstract)) for read, abstract in rows)
    told = f"; the abstract changed since {changed} of them, run kb review" if changed else ""
    return Finding("verdicts", True, f"{len(rows)} of people{told}")


def _changed(store: Store) -> list[str]:
    """Addresses of the raw records whose body is not the one that their digest was made from.

    A page may be whole and a letter in it changed: SQLite keeps no checksums, these are ours.
    """
    found = []
    table = models.RawRecord
    query = select(table.digest, table.source, table.url, table.body).execution_options(
        yield_per=500
    )
    with store.read() as session:
        for digest, source, url, body in session.exec(query):
            if hashlib.sha256(source.encode() + b"\0" + body).hexdigest() != digest:
                found.append(url)
    return sorted(found)
