"""The one room with a database in it: engine, transactions, the write lock, migrations, backup.

SQLite before 3.51.3 can corrupt a database in WAL mode under two connections, so a file
keeps its rollback journal, has one writer under a file lock, and every write transaction
begins IMMEDIATE: a deferred one fails half-way when another process writes first.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sqlite3
import sys
import weakref
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from filelock import FileLock, Timeout
from sqlalchemy import (
    Boolean,
    Engine,
    Float,
    Integer,
    LargeBinary,
    delete,
    event,
    exc,
    func,
    inspect,
    text,
)
from sqlmodel import Session, SQLModel, col, create_engine, select

from kb import postgres
from kb.errors import BusyError, StoreError
from kb.models import Embedding, Run, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Column, Connection

HEAD = "0005"
"""The newest revision under kb/migrations; a test keeps it so."""
DEFAULT = "data/kb.sqlite"
"""Where the database is unless --db or KB_DB says otherwise."""

REVISION = "revision"
"""Name of the setting that counts the transactions that changed what is known: what was
derived from one revision need not be looked at again while it stands."""


KEPT = 10_000
"""Revisions whose changes are remembered at most."""
_TOUCHED = "touched:"
"""Before a revision: the setting that lists the works that came to it changed."""


def touch(session: Session, works: Iterable[str] | None = None) -> None:
    """Note, within a write transaction, that what is known has changed.

    Args:
        session: A write transaction.
        works: What has changed of works, where nothing else has; None when it may be anything.
    """
    row = session.get(Setting, REVISION)
    revision = 1 if row is None else int(row.value) + 1
    if row is None:
        session.add(Setting(name=REVISION, value="1"))
    else:
        row.value = str(revision)
    if works is not None:
        name = f"{_TOUCHED}{revision:012}"
        session.merge(Setting(name=name, value=json.dumps(sorted(works))))


def touched(session: Session, since: int, until: int) -> set[str] | None:
    """Return the works that changed after one revision and up to another.

    None where that is not known: something else changed too, or it was forgotten since.
    """
    query = select(Setting).where(
        col(Setting.name) > f"{_TOUCHED}{since:012}", col(Setting.name) <= f"{_TOUCHED}{until:012}"
    )
    rows = session.exec(query).all()
    if len(rows) != until - since:
        return None
    return {id for row in rows for id in json.loads(row.value)}


def forget(session: Session, until: int) -> None:
    """Forget which works changed up to a revision: whoever asks for these is told "anything".

    What nobody has asked for in `KEPT` revisions is forgotten too: who did not in all that time
    may as well look at everything.
    """
    row = session.get(Setting, REVISION)
    oldest = max(until, (0 if row is None else int(row.value)) - KEPT)
    session.connection().execute(
        delete(Setting).where(
            col(Setting.name) > _TOUCHED, col(Setting.name) <= f"{_TOUCHED}{oldest:012}"
        )
    )


def now() -> dt.datetime:
    """Return this moment in UTC, to the second: finer would only make diffs noisy."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


class Store:
    """A database of the knowledge base: a SQLite file, or one on a PostgreSQL server."""

    def __init__(self, target: str | Path) -> None:
        """Name the database; nothing is opened before it is used.

        Args:
            target: A path, or a SQLAlchemy URL such as "postgresql+psycopg://user@host/name".

        Raises:
            StoreError: The URL cannot be understood, names another kind of database, or what
                PostgreSQL needs is not installed.
        """
        named = "://" in str(target)
        self.url = postgres.plain_url(str(target)) if named else f"sqlite:///{target}"
        if not self.url.startswith(("sqlite:", "sqlite+", postgres.SCHEME)):
            raise StoreError(
                f"cannot use the database {_safe(self.url)}: name a file, or "
                f"{postgres.SCHEME}USER@HOST/NAME"
            )
        try:
            self._engine = create_engine(self.url)
            if self.dialect == "postgresql":
                postgres.vector_type()
        except (exc.ArgumentError, ValueError) as error:
            raise StoreError(f"cannot use the database URL {_safe(self.url)}: {error}") from error
        except ImportError as error:
            raise StoreError(f"cannot use {_safe(self.url)}: {postgres.EXTRA}") from error
        self.path = _sqlite_path(self._engine)
        self._is_locked = False
        self._is_sound = False
        self._running: list[Run] = []
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin)
        else:
            event.listen(self._engine, "connect", postgres.prepare)
        # A server is told when we go; a file is released.
        weakref.finalize(self, self._engine.dispose)

    @classmethod
    def open(cls, target: str | Path) -> Self:
        """Open an existing knowledge base for reading or writing.

        Raises:
            StoreError: There is none, it is not a database, or its schema is not ours.
        """
        store = cls(target)
        try:
            store._ensure_current()
        except StoreError:
            store.close()
            raise
        return store

    def _ensure_current(self) -> None:
        if self.path is not None and not self.path.exists():
            raise StoreError(f"no knowledge base at {self.path}; kb init makes one")
        found = self.revision()
        if found is None:
            raise StoreError(f"{self.name} holds no knowledge base yet; kb init makes one")
        self._refuse_newer(found)
        if found != HEAD:
            raise StoreError(
                f"{self.name} has schema {found}, this version needs {HEAD}; "
                + (
                    "kb init backs it up and migrates it"
                    if self.path is not None
                    else "back it up with pg_dump, then kb init migrates it"
                )
            )

    @property
    def name(self) -> str:
        """What to call this database in a message: its path, or its URL without a password."""
        return str(self.path) if self.path is not None else _safe(self.url)

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self._engine.dialect.name

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    # -- transactions ---------------------------------------------------------------------

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that sees one state of the database and writes nothing.

        Raises:
            StoreError: The file cannot be read.
        """
        engine = self._engine
        if self.dialect == "postgresql":  # where each statement would see a state of its own
            engine = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with (
            self._translated(),
            Session(engine, expire_on_commit=False, autoflush=False) as session,
        ):
            yield session  # closing rolls back and leaves what was read readable

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """Open a write transaction: commit on a clean exit, roll back on any exception.

        Takes the write lock unless this store already holds it. Before the first one the pages
        of the file are checked: writing to a damaged one would damage more of it.

        Raises:
            BusyError: Another process is writing.
            StoreError: The file cannot be written, or is damaged.
        """
        with self.lock("write"), self._translated():
            if not self._is_sound:
                self.ensure_sound()
            engine = self._engine.execution_options(immediate=True)
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
                if self.dialect == "postgresql":
                    postgres.count_write(session.connection())

    @contextlib.contextmanager
    def lock(self, job: str) -> Iterator[None]:
        """Be the one writer until the block ends. Re-entrant within a store.

        Raises:
            BusyError: Another process holds the lock; the message names it.
            StoreError: The lock file cannot be made.
        """
        if self._is_locked:
            yield
            return
        if self.path is None:
            with self._server_lock(job):
                yield
            return
        lock = FileLock(f"{self.path}.lock", timeout=0)
        holder = Path(f"{self.path}.holder")
        try:
            lock.acquire()
        except Timeout as error:
            raise BusyError(f"{self.path} is being written by {_holder(holder)}") from error
        except OSError as error:
            raise StoreError(
                f"cannot write beside {self.path}: {error.strerror or error}"
            ) from error
        self._is_locked = True
        try:
            with contextlib.suppress(OSError):  # a full disk must not hide the real message
                holder.write_text(
                    json.dumps({"pid": os.getpid(), "job": job, "since": now().isoformat()})
                )
            yield
        finally:
            with contextlib.suppress(OSError):
                holder.unlink(missing_ok=True)
            self._is_locked = False
            lock.release()

    @contextlib.contextmanager
    def _server_lock(self, job: str) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            if self.dialect == "postgresql":
                with self._translated():
                    held.enter_context(postgres.lock(self._engine, self.name, job))
            self._is_locked = True
            try:
                yield
            finally:
                self._is_locked = False

    @contextlib.contextmanager
    def run(self, job: str, parent: Run | None = None) -> Iterator[Run]:
        """Enter a job in the ledger: a row before it starts, closed when it ends.

        The caller fills `counts`, and `outcome` and `message` where they are not "ok" and "".
        A row that a killed process left open is closed as "interrupted".

        Args:
            job: What is done.
            parent: The run that it is a part of; the innermost that this store has open when
                None.

        Raises:
            BusyError: Another process is writing.
            StoreError: The ledger cannot be written.
        """
        with self.lock(job):
            parent = parent or (self._running[-1] if self._running else None)
            ours = {run.id for run in self._running}
            with self.write() as session:
                for left in session.exec(select(Run).where(Run.outcome == "running")):
                    if left.id not in ours:
                        left.outcome = "interrupted"
                row = Run(job=job, started_at=now(), parent_id=parent.id if parent else None)
                session.add(row)
            run = Run.model_validate(row, from_attributes=True)
            run.outcome = "ok"
            failed = True
            self._running.append(run)
            try:
                yield run
                failed = False
            except (KeyboardInterrupt, SystemExit):
                run.outcome = "interrupted"
                raise
            finally:
                self._running.pop()
                if failed and run.outcome == "ok":
                    error = sys.exc_info()[1]
                    run.outcome, run.message = "failed", str(error)
                with self.write() as session:
                    kept = session.get_one(Run, row.id)
                    kept.outcome, kept.message = run.outcome, run.message
                    kept.counts = dict(run.counts)
                    kept.requests, kept.bytes, kept.cursor = run.requests, run.bytes, run.cursor
                    kept.ended_at = now()

    # -- settings ---------------------------------------------------------------------------

    def setting(self, name: str) -> str:
        """Return what a stage last worked from, "" when it never ran."""
        with self.read() as session:
            row = session.get(Setting, name)
            return row.value if row else ""

    # -- schema -----------------------------------------------------------------------------

    def revision(self) -> str | None:
        """Return the schema revision, or None where there is no knowledge base.

        Raises:
            StoreError: The file is not a database.
        """
        with self._translated(), self._engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def migrate(self) -> str | None:
        """Make the tables, or bring them up to date after a backup.

        Returns:
            The backup's path, or None where nothing needed one, or on a server, which has
            backups of its own.

        Raises:
            BusyError: Another process is writing.
            StoreError: The file is not a database, is newer than this version, or cannot be
                written.
        """
        self.make_folder()
        with self.lock("migrate"):
            found = self.revision()
            if found == HEAD:
                return None
            backup = None
            if found is not None:
                self._refuse_newer(found)
                self.ensure_sound()
                backup = self.backup(f"before-{HEAD}")
            # Imported here: only a migration needs Alembic.
            from alembic import command
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            with (
                self._translated(),
                self._engine.execution_options(immediate=True).connect() as connection,
                connection.begin(),
            ):
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            return backup

    def make_folder(self) -> None:
        """Make the folder that the SQLite file and its lock are to lie in.

        Raises:
            StoreError: It cannot be made.
        """
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot make the folder {self.path.parent}: {error.strerror}"
            ) from error

    def _refuse_newer(self, found: str) -> None:
        if found > HEAD:
            raise StoreError(
                f"{self.name} has schema {found}, newer than this version's {HEAD}; "
                "install the newer version, nothing was changed"
            )

    def backup(self, label: str) -> str | None:
        """Copy the SQLite file beside itself and return the copy's path; None on a server.

        Raises:
            StoreError: The copy cannot be written.
        """
        if self.path is None:
            return None
        target = self.path.with_name(f"{self.path.name}.{label}")
        part = target.with_name(f"{target.name}.part")
        journal = part.with_name(f"{part.name}-journal")
        try:
            for left in (part, journal):  # by a process that was killed
                left.unlink(missing_ok=True)
            self.copy(part)
            part.replace(target)
        except OSError as error:
            raise StoreError(f"cannot copy to {target}: {error.strerror or error}") from error
        finally:
            with contextlib.suppress(OSError):
                for left in (part, journal):
                    left.unlink(missing_ok=True)
        return str(target)

    def copy(self, target: Path) -> None:
        """Copy the SQLite file, as it stands between two transactions, over `target`.

        Raises:
            StoreError: The database is on a server, or the copy cannot be written.
        """
        if self.path is None:
            raise StoreError(f"{self.name} is no SQLite file and cannot be copied as one")
        try:
            with (
                contextlib.closing(sqlite3.connect(self.path)) as source,
                contextlib.closing(sqlite3.connect(target)) as copy,
            ):
                source.backup(copy)
        except sqlite3.Error as error:
            raise StoreError(f"cannot copy to {target}: {error}") from error

    def ensure_sound(self) -> None:
        """Look at every page of a SQLite file, which takes a third of a second for a gigabyte.

        Raises:
            StoreError: One is not what it should be, or the file cannot be read.
        """
        if self.dialect == "sqlite":
            with self._translated(), self._engine.connect() as connection:
                fault = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
            if fault != "ok":
                raise self._explain("malformed")
        self._is_sound = True

    def integrity(self) -> list[str]:
        """Return what is wrong with the file, an empty list when nothing is.

        Raises:
            StoreError: The file cannot be read at all.
        """
        with self._translated():
            return self._faults()

    def _faults(self) -> list[str]:
        if self.dialect != "sqlite":
            return []
        with self._engine.connect() as connection:
            faults = [row[0] for row in connection.execute(text("PRAGMA integrity_check(20)"))]
            broken = list(connection.execute(text("PRAGMA foreign_key_check")))
        faults = [fault for fault in faults if fault != "ok"] + self._odd_values()
        return faults + [f"{row[0]} row {row[1]} points to no {row[2]}" for row in broken[:20]]

    def _odd_values(self) -> list[str]:
        """Columns of a SQLite file that hold a value of a kind that we never wrote there."""
        if self.dialect != "sqlite":
            return []
        found = []
        with contextlib.suppress(exc.DBAPIError), self._engine.connect() as connection:
            there = set(inspect(connection).get_table_names())
            for table in SQLModel.metadata.sorted_tables:
                if table.name not in there:
                    continue
                odd = [
                    func.coalesce(func.sum(func.typeof(column).not_in(_kinds(column))), 0)
                    for column in table.columns
                ]
                counts = connection.execute(select(*odd)).one()
                found += [
                    f"{table.name}.{column.name} holds {count} values of another kind"
                    for column, count in zip(table.columns, counts, strict=True)
                    if count
                ]
        return found

    def _is_damaged(self) -> bool:
        try:
            return bool(self._faults())
        except (exc.SQLAlchemyError, sqlite3.Error, ValueError, LookupError, TypeError):
            return True  # what is wrong cannot even be told

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (exc.OperationalError, exc.DatabaseError) as error:
            if self.dialect == "postgresql":
                told = postgres.explain(self.name, error)
                if told is None:
                    raise  # a fault of ours, not of the server
                raise told from error
            if isinstance(error, exc.IntegrityError | exc.ProgrammingError | exc.DataError):
                if self._is_damaged():
                    raise self._explain("malformed") from error
                raise  # a fault of ours, not of the file
            raise self._explain(str(error.orig)) from error
        except (ValueError, LookupError, TypeError, AttributeError, zlib.error) as error:
            # A page can be whole and a value in it changed: to no word of ours, to no date, no
            # JSON, to bytes where text should be, to the name of a row that is not there.
            if _is_of_a_row(error) or self._is_damaged():
                raise self._explain("malformed") from error
            raise

    def _explain(self, reason: str) -> StoreError:
        name = self.name
        damaged = (
            f"{name} is damaged and was not written to; kb doctor says where. kb restore brings a "
            "backup back; where the records can still be read, kb replay --swap makes the rest "
            "again"
        )
        known = {
            "not a database": f"{name} is not a knowledge base; move it away or name another "
            "with --db",
            "malformed": damaged,
            "Could not decode": damaged,
            "full": f"the disk of {name} is full; the last step was undone and everything before "
            "it is kept. Free some space and run the command again",
            "disk I/O error": f"the disk of {name} is full or failing; the last step was undone "
            "and everything before it is kept",
            "readonly": f"{name} cannot be written: it or its folder is read-only",
            "unable to open": f"cannot open {name}: check that its folder exists and may be "
            "written",
        }
        for sign, message in known.items():
            if sign in reason:
                return StoreError(message)
        if "locked" in reason:
            return BusyError(f"{name} is locked by another process; try again when it is done")
        return StoreError(f"{name}: {reason.splitlines()[0] if reason else 'unknown fault'}")


def _sqlite_path(engine: Engine) -> Path | None:
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return None
    return Path(database)


def _safe(url: str) -> str:
    """A URL without its password, or the text itself when it is not a URL."""
    url = url.partition("?")[0]  # a password may stand among the options as well
    head, at, tail = url.rpartition("@")
    scheme, sep, user = head.partition("://")
    return f"{scheme}{sep}{user.split(':', 1)[0]}@{tail}" if at else url


def _kinds(column: Column[Any]) -> list[str]:
    """What SQLite calls the values that a column may hold."""
    if isinstance(column.type, Integer | Boolean):
        kinds = ["integer"]
    elif isinstance(column.type, Float):
        kinds = ["real", "integer"]
    else:
        kinds = ["blob"] if isinstance(column.type, LargeBinary | Embedding) else ["text"]
    return [*kinds, "null"] if column.nullable else kinds


def _is_of_a_row(error: BaseException) -> bool:
    """Whether an error arose below our own code, while SQLAlchemy read what is stored."""
    if isinstance(error, exc.SQLAlchemyError):
        return False
    beneath = False
    frame = error.__traceback__
    while frame is not None:
        module = str(frame.tb_frame.f_globals.get("__name__", ""))
        if module.startswith("sqlalchemy."):
            beneath = True
        elif module.startswith(("kb.", "ingest.")) and module != "kb.models":
            beneath = False
        frame = frame.tb_next
    return beneath


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin
    # SQLite ignores foreign keys unless asked, on every connection.
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 5000")  # milliseconds
    # KiB, below zero. With SQLite's own 2 MB a large batch spills: the journal is synced and
    # the file written in the middle of it.
    connection.execute("PRAGMA cache_size = -24000")


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _holder(path: Path) -> str:
    try:
        who: dict[str, Any] = json.loads(path.read_text())
        return f"process {who['pid']} ({who['job']}, since {who['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
