"""A process killed anywhere, and run again, ends in the store of one that was never killed.

SIGKILL does not test a power cut: what the kernel had taken is still written.
"""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlmodel import SQLModel

from ingest import intake, pipeline
from ingest.errors import ParseError
from ingest.sources.arxiv_snapshot import ArxivSnapshot
from kb import dump as dumps
from kb.errors import BusyError, StoreError
from kb.store import Store

SCRIPT = Path(__file__).with_name("ingest_and_die.py")


def contents(store):
    """The logical dump by table, and how much full-text search finds."""
    found = {name: [] for name in SQLModel.metadata.tables.keys() - dumps.LEFT_OUT}
    with store.read() as session:
        for entry in dumps.entries(session):
            found[entry.table].append(entry.line)
        words = "SELECT rowid FROM search_fts WHERE search_fts MATCH 'kettle OR again'"
        found["found"] = len(session.connection().execute(text(words)).all())
    return found


def record(number, rng):
    """A record that may be new, a new version, shared with another, or unreadable."""
    kind = rng.random()
    paper = f"2502.{99000 + (number if kind < 0.7 else rng.randrange(number + 1)):05}"
    row = {
        "id": paper,
        "title": f"Kettle {number}",
        "abstract": f"Text {rng.randrange(5)} again.",
        "authors": ", ".join(f"Author {n}" for n in range(rng.randrange(4))),
        "categories": "cs.LG",
        "doi": f"10.5555/{rng.randrange(300)}" if kind < 0.3 else None,
        "versions": [
            {"version": f"v{n + 1}", "created": f"Mon, {3 + n} Feb 2025 00:00:00 GMT"}
            for n in range(rng.randrange(4))
        ],
        "update_date": "2025-05-01",
    }
    return json.dumps({k: v for k, v in row.items() if kind < 0.95 or k != "title"})


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    rng = random.Random(7)
    path = tmp_path_factory.mktemp("dump") / "dump.jsonl"
    lines = [record(number, rng) for number in range(600)]
    lines[100] = "{torn"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def undisturbed(dump, tmp_path_factory, _empty_store):
    path = tmp_path_factory.mktemp("undisturbed") / "kb.sqlite"
    shutil.copyfile(_empty_store, path)
    store = Store(path)
    counts = pipeline.ingest_snapshot(store, dump)
    found = contents(store)
    store.close()
    assert counts["refused"] > 10
    assert counts["changed"] > 50
    assert counts["conflicts"] > 5
    return found


def ingest(database, dump, point="none", number=0, kill_after=None):
    """Run the script, and return whether it was killed."""
    command = [sys.executable, str(SCRIPT), str(database), str(dump), point, str(number)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, -9), errors
    return process.returncode == -9


def assert_as_undisturbed(store, undisturbed):
    found = contents(store)
    assert found.keys() == undisturbed.keys()
    for table, rows in found.items():
        assert rows == undisturbed[table], table
    assert store.integrity() == []


@pytest.mark.parametrize("size", [1, 7, 200])
def test_batches_of_another_size_end_in_the_same_store(store, dump, undisturbed, monkeypatch, size):
    monkeypatch.setattr(intake, "BULK", size)
    pipeline.ingest_snapshot(store, dump)
    assert_as_undisturbed(store, undisturbed)


def test_reading_ahead_in_a_second_process_ends_in_the_same_store(
    store, dump, undisturbed, monkeypatch
):
    monkeypatch.setattr(pipeline, "_LARGE", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(intake, "BULK", 50)
    first = pipeline.ingest_snapshot(store, dump)
    assert first["refused"] > 10
    assert_as_undisturbed(store, undisturbed)
    assert pipeline.ingest_snapshot(store, dump)["same"] == 600 - first["refused"]
    assert_as_undisturbed(store, undisturbed)


def test_a_torn_file_read_ahead_keeps_what_came_before(store, dump, tmp_path, _empty_store):
    whole = gzip.compress(dump.read_bytes(), 1)
    torn = tmp_path / "torn.gz"
    torn.write_bytes(whole[: len(whole) * 3 // 4])
    shutil.copyfile(_empty_store, tmp_path / "plain.sqlite")
    plain = Store(tmp_path / "plain.sqlite")
    for target, helper in ((plain, False), (store, True)):
        source = ArxivSnapshot(torn)
        with pytest.raises(ParseError, match="ends too early"):
            intake.harvest(target, source, source.fetch(), "c", size=50, helper=helper)
    found = contents(plain)
    plain.close()
    assert len(found["work"]) > 100
    assert_as_undisturbed(store, found)


def test_kills_at_named_points_leave_no_trace(store, dump, undisturbed):
    points = [
        ("statement", 3),  # opening the ledger
        ("read", 20),  # within the first batch
        ("statement", 30),
        ("commit", 3),
        ("committed", 5),
        ("progress", 6),
    ]
    for point, number in points:
        assert ingest(store.path, dump, point, number), f"{point} {number} was never reached"
        assert store.integrity() == []
    assert not ingest(store.path, dump)
    assert_as_undisturbed(store, undisturbed)


def test_the_ledger_names_the_runs_that_were_killed(store, dump):
    assert ingest(store.path, dump, "progress", 2)
    pipeline.ingest_snapshot(store, dump)
    with store.read() as session:
        outcomes = session.connection().execute(text("SELECT outcome FROM run ORDER BY id"))
        assert outcomes.scalars().all() == ["interrupted", "ok"]


def test_a_full_disk_is_one_clear_line_and_the_next_run_goes_on(
    store, dump, undisturbed, monkeypatch
):
    monkeypatch.setattr(intake, "BULK", 200)
    full = Store(store.path)
    event.listen(full._engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count = 260"))
    with pytest.raises(StoreError, match=r"disk .* is full") as caught:
        pipeline.ingest_snapshot(full, dump)
    full.close()
    assert "\n" not in str(caught.value)
    assert store.integrity() == []
    assert 0 < len(contents(store)["work"]) < len(undisturbed["work"])
    pipeline.ingest_snapshot(store, dump)
    assert_as_undisturbed(store, undisturbed)


def test_a_second_process_leaves_the_first_alone(store, dump):
    other = Store(store.path)
    with other.lock("ingest elsewhere"), pytest.raises(BusyError, match="ingest elsewhere"):
        pipeline.ingest_snapshot(store, dump)
    other.close()
    assert contents(store)["work"] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_kills_at_random_moments_leave_no_trace(store, dump, undisturbed, seed):
    rng = random.Random(seed)
    kills = 0
    for _ in range(12):
        if rng.random() < 0.5:
            kills += ingest(store.path, dump, kill_after=rng.uniform(0.3, 1.5))
        else:
            point = rng.choice(["statement", "commit", "committed", "read", "progress"])
            kills += ingest(store.path, dump, point, rng.randrange(60))
        assert store.integrity() == []
    ingest(store.path, dump)
    assert kills > 0
    assert_as_undisturbed(store, undisturbed)
