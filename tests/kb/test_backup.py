import contextlib
import hashlib
import random
import shutil
import sqlite3
import subprocess
import sys

import pytest

from kb import backup, cli, dump
from kb.errors import BusyError, StoreError
from kb.models import Verdict, Work
from kb.store import HEAD, Store
from kb.vocabulary import WorkKind

KETTLE = "arxiv:2502.99901"


def add(store, title="Kettles", id=KETTLE):
    with store.write() as session:
        session.merge(Work(id=id, kind=WorkKind.paper, title=title))


def digest(path):
    with contextlib.closing(Store.open(path)) as store, store.read() as session:
        return dump.digest(session)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_is_whole_named_by_time_and_schema_and_summed(curated):
    made = backup.create(curated)
    assert made.parent == curated.path.parent / "backups"
    assert backup.backups(made.parent, "kb") == [made]
    assert made.name.endswith(f"Z-{HEAD}.sqlite")
    assert digest(made) == digest(curated.path)
    told = (made.parent / f"{made.name}.sha256").read_text().split()
    assert told == [hashlib.sha256(made.read_bytes()).hexdigest(), made.name]
    assert names(made.parent) == [made.name, f"{made.name}.sha256"]


def test_the_drill(curated, tmp_path):
    """Back up, damage every page, restore: the same database, and the wreck beside it."""
    before = digest(curated.path)
    made = backup.create(curated, tmp_path / "safe")
    curated.close()
    body = bytearray(curated.path.read_bytes())
    rng = random.Random(1)
    for page in range(len(body) // 4096):
        body[page * 4096 + rng.randrange(4096)] ^= 0xFF
    curated.path.write_bytes(body)
    with pytest.raises(StoreError, match="kb restore brings a backup back"):
        add(Store(curated.path))
    told = backup.restore(Store(curated.path), made)
    assert digest(curated.path) == before
    assert told.kept.read_bytes() == bytes(body)
    assert (told.migrated_from, told.is_summed) == ("", True)
    with contextlib.closing(Store.open(curated.path)) as store:
        add(store, "Written again")
        assert store.integrity() == []


def test_a_database_that_is_gone_comes_back(store, tmp_path):
    add(store)
    made = backup.create(store)
    store.close()
    shutil.move(made, tmp_path / "elsewhere.sqlite")
    new = Store(tmp_path / "new" / "kb.sqlite")
    told = backup.restore(new, tmp_path / "elsewhere.sqlite")
    assert told.kept is None and told.is_summed is False
    assert digest(new.path) == digest(store.path)


def test_only_the_oldest_of_our_own_naming_go(store, monkeypatch):
    folder = store.path.parent / "backups"
    folder.mkdir()
    own = [f"kb-2026010{n}T000000Z-0002.sqlite" for n in (1, 2, 3)]
    others = [
        "kb-20260101.sqlite",
        "kb-20260101T000000Z-0002.sqlite.old",
        "tea-20260101T000000Z-0002.sqlite",
        "notes.txt",
    ]
    for name in own + others:
        (folder / name).write_text("x")
    (folder / f"{own[0]}.sha256").write_text("x")
    made = backup.create(store, keep=2)
    left = names(folder)
    assert [name for name in left if name in own] == own[2:]
    assert set(others) < set(left) and made.name in left
    assert f"{own[0]}.sha256" not in left
    with pytest.raises(ValueError, match="at least 1"):
        backup.create(store, keep=0)


def test_a_damaged_database_is_not_backed_up(store):
    add(store)
    store.close()
    body = bytearray(store.path.read_bytes())
    body[8192:8200] = b"\xff" * 8
    store.path.write_bytes(body)
    folder = store.path.parent / "backups"
    with pytest.raises(StoreError, match=r"kb\.sqlite is damaged"):
        backup.create(Store(store.path))
    assert names(folder) == []


def test_a_backup_that_changed_is_refused(store, tmp_path):
    add(store)
    made = backup.create(store, tmp_path / "safe")
    body = bytearray(made.read_bytes())
    body[5000] ^= 1
    made.write_bytes(body)
    before = store.path.read_bytes()
    with pytest.raises(StoreError, match="its checksum differs"):
        backup.restore(store, made)
    made.with_name(f"{made.name}.sha256").unlink()
    made.write_bytes(body[:4096] + b"\xff" * 4096 + body[8192:])
    with pytest.raises(StoreError, match="is damaged; nothing was changed"):
        backup.restore(store, made)
    assert store.path.read_bytes() == before
    assert not [name for name in names(tmp_path) if "part" in name or "before" in name]


def test_what_is_no_backup_of_ours_is_refused(store, tmp_path):
    other = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE tea (id)")
    with pytest.raises(StoreError, match="holds no knowledge base; nothing was changed"):
        backup.restore(store, other)
    other.write_text("not a database at all, only words about kettles" * 20)
    with pytest.raises(StoreError, match="nothing was changed"):
        backup.restore(store, other)
    with pytest.raises(StoreError, match="no backup at"):
        backup.restore(store, tmp_path / "absent")
    with pytest.raises(StoreError, match="is the database itself"):
        backup.restore(store, store.path)


def test_a_newer_schema_is_refused(store, tmp_path):
    newer = tmp_path / "newer.sqlite"
    store.copy(newer)
    with contextlib.closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreError, match=r"schema 9999, newer .* nothing was changed"):
        backup.restore(store, newer)


def test_a_journal_that_a_killed_writer_left_goes_with_the_old_file(store):
    """SQLite would roll it back into whatever lies under the name that it belongs to."""
    add(store)
    made = backup.create(store)
    code = (
        "import os, signal, sqlite3, sys;"
        "c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA cache_size = 1');"
        "c.execute('BEGIN');"
        "c.executemany('INSERT INTO setting VALUES (?, ?)',"
        " ((f'n{i}', 'x' * 900) for i in range(3000)));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    store.close()
    subprocess.run([sys.executable, "-c", code, str(store.path)], check=False)
    journal = store.path.with_name("kb.sqlite-journal")
    assert journal.exists()
    before = digest(made)
    told = backup.restore(Store(store.path), made)
    assert not journal.exists() and told.kept.with_name(f"{told.kept.name}-journal").exists()
    assert digest(store.path) == before
    with contextlib.closing(Store.open(told.kept)) as kept:  # rolled back by its own journal
        assert kept.integrity() == [] and kept.setting("n1") == ""


def test_nobody_writes_while_a_backup_is_restored(store):
    made = backup.create(store)
    other = Store(store.path)
    with other.lock("a harvest"), pytest.raises(BusyError, match="a harvest"):
        backup.restore(Store(store.path), made)
    other.close()


def test_a_backup_waits_for_no_job(store):
    """A job holds the lock for hours; between two of its transactions the file is whole."""
    other = Store(store.path)
    with other.lock("a harvest"):
        add(other, "Taken in meanwhile")
        made = backup.create(store)
    other.close()
    assert digest(made) == digest(store.path)


def test_a_server_is_backed_up_by_its_own_tool():
    store = Store("postgresql+psycopg://user:secret@host/name")
    with pytest.raises(StoreError, match="pg_dump --format=custom") as told:
        backup.create(store)
    assert "secret" not in str(told.value)
    with pytest.raises(StoreError, match="pg_restore"):
        backup.restore(store, store.path)


FULL = """
import resource, signal, sys
from pathlib import Path
from kb import backup
from kb.errors import StoreError
from kb.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails like a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
store = Store(sys.argv[1])
try:
    if sys.argv[2] == "backup":
        backup.create(store)
    elif sys.argv[2] == "restore":
        backup.restore(store, Path(sys.argv[4]))
    else:
        store.migrate()
except StoreError as error:
    print(error)
"""


def full_disk(store, what, *more, limit=100_000):
    store.close()
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(store.path), what, str(limit), *map(str, more)],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


def test_a_full_disk_leaves_no_half_backup_and_no_half_restoration(store):
    add(store)
    made = backup.create(store)
    before = names(made.parent), names(store.path.parent), store.path.read_bytes()
    for what in ("backup", "restore"):
        told = full_disk(store, what, made)
        assert "\n" not in told and ("full" in told or "too large" in told), told
        assert before == (names(made.parent), names(store.path.parent), store.path.read_bytes())


def call(database, *words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["kb", "--db", str(database), *map(str, words)])
        try:
            cli.run()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def test_the_commands_say_what_they_did(store, tmp_path, capsys):
    add(store)
    folder = tmp_path / "safe"
    assert call(store.path, "backup", "--to", folder, "--keep", 3) == 0
    (made,) = backup.backups(folder, "kb")
    assert str(made) in capsys.readouterr().out
    add(store, "Changed since")
    store.close()
    assert call(store.path, "restore", made) == 0
    told = capsys.readouterr()
    assert f"restored from {made}" in told.out and "is kept as" in told.err
    assert digest(store.path) == digest(made)
    assert call(store.path, "restore", tmp_path / "absent") == 5
    assert capsys.readouterr().err.startswith("error: no backup at ")


# -- older schemas ---------------------------------------------------------------------------------


def older(path):
    """A database of the first schema with a little in it."""
    from alembic import command
    from alembic.config import Config

    from kb import store as module

    store = Store(path)
    config = Config()
    folder = module.Path(module.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    with store._engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for n in range(40):
            body = f'{{"kettle": {n}}}'.encode() + b" " * 3000
            connection.execute(
                "INSERT INTO raw_record (digest, source, url, fetched_at, body) "
                "VALUES (?, 'notes', ?, ?, ?)",
                (f"{n:064}", f"note/{n}", f"2025-02-{n % 27 + 1:02} 10:00:00.000000", body),
            )
        connection.execute(
            "INSERT INTO work (id, kind, title, abstract, first_public, first_day, venue, "
            "categories, synopsis, withdrawn, retired) VALUES (?, 'paper', 'Kettles', 'Hot.', "
            "'2025', '2025-01-01', '', 'cs.LG', '', 0, 0)",
            (KETTLE,),
        )
        connection.execute(
            "INSERT INTO manifestation (id, work_id, kind, title, abstract, publisher, url, "
            "version, valid, content_hash, raw_digest, cited, note) VALUES ('arxiv:2502.99901v1', "
            "?, 'arxiv', 'Kettles', 'Hot.', '', '', 1, '2025', '', ?, 1, '')",
            (KETTLE, f"{7:064}"),
        )
        connection.execute("INSERT INTO run (job, started_at, outcome, counts, message) VALUES "
                           "('ingest', '2025-02-01 10:00:00', 'ok', '{}', '')")  # fmt: skip
        connection.execute("INSERT INTO setting VALUES ('kept', 'x')")
        connection.commit()
    return path


def test_an_older_database_is_backed_up_and_brought_up_to_date(tmp_path):
    path = older(tmp_path / "kb.sqlite")
    with pytest.raises(StoreError, match=r"has schema 0001.*kb init backs it up and migrates it"):
        Store.open(path)
    before = path.read_bytes()
    kept = Store(path).migrate()
    assert kept == f"{path}.before-{HEAD}"
    with contextlib.closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT count(*) FROM raw_record").fetchone() == (40,)
        assert connection.execute("SELECT * FROM alembic_version").fetchone() == ("0001",)
    assert len((tmp_path / f"kb.sqlite.before-{HEAD}").read_bytes()) == len(before)
    store = Store.open(path)
    assert store.integrity() == [] and store.setting("kept") == "x"
    with store.read() as session:
        rows = list(dump.entries(session, only=["raw_record", "work", "manifestation"]))
    assert len(rows) == 42
    with contextlib.closing(sqlite3.connect(path)) as connection:
        numbered = connection.execute("SELECT seq, digest FROM raw_record ORDER BY seq").fetchall()
        assert [seq for seq, _ in numbered] == list(range(1, 41))
    add(store, "Written after")
    store.close()


def test_verdicts_of_an_older_database_keep_their_readers(tmp_path):
    path = older(tmp_path / "kb.sqlite")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO strand (id, position, title, question, summary) "
            "VALUES ('s', 0, 'S', '?', 'S.')"
        )
        connection.execute(
            "INSERT INTO claim (id, level, strand_id, text, retired) "
            "VALUES ('C01', 'finding', 's', 'Kettles forget.', 0)"
        )
        connection.execute(
            'INSERT INTO verdict (work_id, claim_id, verdict, stance, "by", valid, note) '
            "VALUES (?, 'C01', 'confirmed', 'disputes', 'ada', '2026', 'So.')",
            (KETTLE,),
        )
        connection.commit()
    Store(path).migrate()
    with contextlib.closing(Store.open(path)) as store, store.read() as session:
        row = session.get(Verdict, (KETTLE, "C01", "ada"))
        assert (row.verdict, row.stance, row.valid, row.note) == (
            "confirmed", "disputes", "2026", "So.",
        )  # fmt: skip
        assert (row.abstract_hash, row.blind, row.proposed, row.published) == ("", False, None, 0)


def test_an_older_backup_is_migrated_when_it_is_restored(tmp_path):
    old = older(tmp_path / "old.sqlite")
    store = Store(tmp_path / "kb.sqlite")
    told = backup.restore(store, old)
    assert told.migrated_from == "0001"
    with contextlib.closing(Store.open(store.path)) as restored:
        assert restored.setting("kept") == "x" and restored.integrity() == []
    assert names(tmp_path) == ["kb.sqlite", "kb.sqlite.lock", "old.sqlite"]


KILLED = """
import os, signal, sys
from sqlalchemy import event
from kb.store import Store
left = int(sys.argv[2])
def tick(*_):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
store = Store(sys.argv[1])
event.listen(store._engine, "after_cursor_execute", tick)
store.migrate()
"""


@pytest.mark.parametrize("statements", [3, 8, 15, 30, 60, 90])
def test_a_kill_in_mid_migration_leaves_the_old_one(tmp_path, statements):
    path = older(tmp_path / "kb.sqlite")
    told = subprocess.run([sys.executable, "-c", KILLED, str(path), str(statements)], check=False)
    assert told.returncode == -9, "the migration was over before the kill"
    assert Store(path).revision() == "0001"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM raw_record").fetchone() == (40,)
    Store(path).migrate()
    with contextlib.closing(Store.open(path)) as store:
        assert store.setting("kept") == "x" and store.integrity() == []


def test_a_disk_that_fills_in_mid_migration_leaves_the_old_one(tmp_path):
    path = older(tmp_path / "kb.sqlite")
    size = path.stat().st_size
    seen = set()
    for limit in (size // 2, size, size + 8192, size + 65536):
        told = full_disk(Store(path), "migrate", limit=limit)
        assert "\n" not in told
        assert Store(path).revision() == ("0001" if told else HEAD)
        seen.add(bool(told))
        if not told:
            break
    assert True in seen
    Store(path).migrate()
    with contextlib.closing(Store.open(path)) as store:
        assert store.setting("kept") == "x" and store.integrity() == []
    assert f"kb.sqlite.before-{HEAD}.part" not in names(tmp_path)
