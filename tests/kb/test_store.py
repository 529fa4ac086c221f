import contextlib
import datetime as dt
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from kb import models
from kb.errors import StoreError
from kb.models import Cursor, Run, Setting, Work
from kb.store import HEAD, Store, now


def setting(name, value="x"):
    return Setting.model_validate({"name": name, "value": value})


def test_a_missing_database_is_named_with_the_remedy(tmp_path):
    with pytest.raises(StoreError, match=r"no knowledge base at .*none.sqlite; kb init makes one"):
        Store.open(tmp_path / "none.sqlite")


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be taken for one " * 40)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is not a knowledge base"):
        Store.open(path)
    with pytest.raises(StoreError, match="is not a knowledge base"):
        Store(path).migrate()
    assert path.read_bytes() == before


def test_an_empty_database_needs_init(tmp_path):
    path = tmp_path / "kb.sqlite"
    sqlite3.connect(path).close()
    with pytest.raises(StoreError, match="kb init makes one"):
        Store.open(path)


def set_revision(store, revision):
    with store._engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


def test_a_newer_schema_is_refused_and_unchanged(any_store):
    set_revision(any_store, "9999")
    for attempt in (lambda: Store.open(any_store.url), any_store.migrate):
        with pytest.raises(StoreError, match="newer than this version"):
            attempt()
    assert any_store.revision() == "9999"


def test_a_newer_file_keeps_every_byte(store):
    set_revision(store, "9999")
    before = store.path.read_bytes()
    with pytest.raises(StoreError, match="newer than this version"):
        Store(store.path).migrate()
    assert store.path.read_bytes() == before


def test_an_older_schema_asks_for_init(any_store):
    set_revision(any_store, "0000")
    remedy = "kb init backs it up" if any_store.path else "pg_dump, then kb init migrates it"
    with pytest.raises(StoreError, match=remedy):
        Store.open(any_store.url)


def test_the_newest_revision_is_the_one_that_the_store_wants():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "kb:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def is_an_index_of_its_own(change):
    """Whether a difference is what one database alone has, to search in."""
    kind, *told = change
    if kind == "remove_column":
        return told[1:3] == ["search_text", told[2]] and told[2].name == "words"
    names = ("search_fts", "search_vector", "search_text_words", "write_count")
    return kind in ("remove_table", "remove_index") and told[0].name.startswith(names)


def test_the_migrations_make_the_tables_of_the_models(any_store):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with any_store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = [
            change
            for change in compare_metadata(context, models.SQLModel.metadata)
            if not is_an_index_of_its_own(change)
        ]
    assert found == []


def test_a_writer_that_has_only_read_already_keeps_other_writers_out(store):
    # A deferred transaction would let the other in here and fail half-way later.
    with store.write() as session:
        session.get(Setting, "a")
        other = sqlite3.connect(store.path, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_a_failed_transaction_leaves_nothing(any_store):
    with pytest.raises(RuntimeError, match="stop"), any_store.write() as session:
        session.add(setting("a"))
        session.flush()
        raise RuntimeError("stop")
    assert any_store.setting("a") == ""


def test_foreign_keys_are_enforced(any_store):
    with pytest.raises(IntegrityError), any_store.write() as session:
        session.add(models.Identifier.model_validate({"id": "key:a", "work_id": "nowhere"}))


def test_closed_vocabularies_are_enforced_by_the_database(any_store):
    with any_store._engine.connect() as connection, pytest.raises(IntegrityError):
        connection.exec_driver_sql(
            "INSERT INTO work (id, kind, title, abstract, first_public, first_day, venue, "
            "categories, synopsis, withdrawn, retired) "
            "VALUES ('key:a', 'pamphlet', 't', '', '', '', '', '', '', false, false)"
        )


def test_times_come_back_in_utc_and_naive_ones_are_refused(any_store):
    moment = now()
    with any_store.write() as session:
        session.add(Cursor.model_validate({"name": "a", "value": "1", "updated_at": moment}))
    with any_store.read() as session:
        assert session.get(Cursor, "a").updated_at == moment
    with pytest.raises(Exception, match="naive"), any_store.write() as session:
        session.add(Cursor(name="b", value="1", updated_at=dt.datetime(2026, 1, 1)))


def test_a_second_writer_is_told_who_writes(any_store):
    code = (
        "import sys; from kb.store import Store; from kb.errors import BusyError\n"
        "try:\n"
        "    with Store(sys.argv[1]).write(): pass\n"
        "except BusyError as error: print(error)\n"
    )
    with any_store.lock("ingest arxiv"):
        told = subprocess.run(
            [sys.executable, "-c", code, any_store.url], capture_output=True, text=True
        )
    assert f"process {os.getpid()} (ingest arxiv" in told.stdout
    again = subprocess.run(
        [sys.executable, "-c", code, any_store.url], capture_output=True, text=True
    )
    assert again.stdout == ""


def test_eight_processes_never_lose_a_row(any_store):
    code = (
        "import sys, time; from kb.store import Store; from kb.errors import BusyError\n"
        "from kb.models import Setting\n"
        "store, done = Store(sys.argv[1]), 0\n"
        "while done < 10:\n"
        "    try:\n"
        "        with store.write() as s:\n"
        "            s.add(Setting(name=f'{sys.argv[2]}-{done}', value='x'))\n"
        "        done += 1\n"
        "    except BusyError: time.sleep(0.01)\n"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, any_store.url, str(i)]) for i in range(8)
    ]
    assert [worker.wait() for worker in workers] == [0] * 8
    with any_store.read() as session:
        assert len(session.exec(select(Setting)).all()) == 80


def test_the_ledger_closes_what_a_killed_process_left_open(any_store):
    code = (
        "import os, sys; from kb.store import Store\n"
        "with Store(sys.argv[1]).run('ingest x'): os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, any_store.url])
    with any_store.run("ingest x") as run:
        run.counts = {"added": 2}
    with any_store.read() as session:
        rows = session.exec(select(Run).order_by(Run.id)).all()
    assert [(r.outcome, r.counts) for r in rows] == [("interrupted", {}), ("ok", {"added": 2})]


def test_a_failing_job_is_entered_as_failed_with_its_message(any_store):
    with pytest.raises(StoreError, match="no room"), any_store.run("link"):
        raise StoreError("no room")
    with any_store.read() as session:
        row = session.exec(select(Run)).one()
    assert (row.outcome, row.message) == ("failed", "no room")
    assert row.ended_at is not None


def test_a_run_does_not_keep_readers_out_and_they_see_one_state(any_store):
    """One reader looks on while a run commits twice and has more in hand."""
    reader = Store.open(any_store.url)
    with any_store.run("ingest x"):
        with any_store.write() as session:
            session.add(setting("first"))
        with reader.read() as seen:
            assert seen.get(Setting, "first") is not None
        with any_store.write() as session:
            session.add(setting("second"))
            session.flush()
            with reader.read() as seen:
                names = [row.name for row in seen.exec(select(Setting))]
        assert names == ["first"]
        assert reader.setting("second") == "x"
    reader.close()


def test_every_reader_of_many_sees_whole_transactions(any_store):
    """Four read while a run writes rows in pairs: nobody ever sees half a pair."""
    begun = threading.Barrier(5)

    def look():
        store, seen = Store(any_store.url), []
        with contextlib.closing(store):
            store.setting("a")
            begun.wait()
            while not seen or seen[-1] < 40:
                with store.read() as session:
                    counts = [len(session.exec(select(Setting)).all()) for _ in range(2)]
                assert counts[0] == counts[1]
                seen.append(counts[0])
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(look) for _ in range(4)]
        with any_store.run("ingest x"):
            begun.wait()
            for n in range(20):
                with any_store.write() as session:
                    session.add(setting(f"{n} a"))
                    session.flush()
                    session.add(setting(f"{n} b"))
        seen = [reader.result(timeout=60) for reader in readers]
    assert all(count % 2 == 0 for counts in seen for count in counts)
    assert all(counts == sorted(counts) for counts in seen)


def test_who_only_reads_cannot_write(on_server):
    with pytest.raises(StoreError, match="takes no writes"), on_server.read() as session:
        session.add(setting("a"))
        session.flush()


def test_a_full_disk_is_one_clear_line_and_keeps_what_was_there(store):
    with store.write() as session:
        session.add(setting("kept"))
    with sqlite3.connect(store.path) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()

    from sqlalchemy import event

    event.listen(
        store._engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count = {pages}")
    )
    store._engine.dispose()
    told = pytest.raises(StoreError, match=r"disk of .* is full.*run the command again")
    with told, store.write() as session:
        session.add(setting("big", "x" * 5_000_000))
    fresh = Store.open(store.path)
    assert fresh.setting("kept") == "x"
    assert fresh.integrity() == []
    fresh.close()


@contextlib.contextmanager
def ordinary_user():
    """Root may write everywhere, so become nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_folder_can_be_read_and_not_written(store):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        path = folder / "kb.sqlite"
        shutil.copy(store.path, path)
        folder.chmod(0o555)
        with ordinary_user():
            reader = Store.open(path)
            assert reader.setting("a") == ""
            with pytest.raises(StoreError, match="cannot write beside"), reader.write():
                pass
            reader.close()
        folder.chmod(0o755)


def test_a_read_only_file_system_is_named(tmp_path):
    with pytest.raises(StoreError, match="cannot make the folder"):
        Store("/proc/nowhere/kb.sqlite").migrate()


def test_damage_is_found(store):
    with store.write() as session:
        session.add_all(setting(f"name {i}", "value " * 50) for i in range(400))
    store.close()
    body = bytearray(store.path.read_bytes())
    for page in range(20, len(body) // 4096):
        body[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    store.path.write_bytes(body)
    broken = Store(store.path)
    try:
        faults = broken.integrity()
    except StoreError as error:
        faults = [str(error)]
    broken.close()
    assert faults


@pytest.mark.parametrize(
    "url",
    [
        "nosuch://user:secret@host/name",
        "mysql://user:secret@host/name",
        "postgresql://user:secret@host:port/name",
        "postgresql+psycopg://host:port/name?password=secret",
    ],
)
def test_a_url_that_cannot_be_used_is_named_without_its_password(url):
    with pytest.raises(StoreError, match="cannot use the database") as told:
        Store(url)
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_backup_is_a_whole_database(store):
    with store.write() as session:
        session.add(setting("kept"))
    copy = Store.open(store.backup("before-test"))
    assert copy.setting("kept") == "x"
    copy.close()


def test_the_store_keeps_a_rollback_journal(store):
    with store._engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    assert mode == "delete"
    assert isinstance(Work.__tablename__, str)
