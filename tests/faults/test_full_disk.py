"""A disk that is full when a file is written: one clear line, and the old file stays.

The child's files may not grow beyond a limit, which fails as a full disk does. How the
database itself bears it is shown beside what writes it: ingest, migration, backup.
"""

import contextlib
import json
import shutil
import subprocess
import sys

import pytest
from sqlalchemy import text

from ingest import pipeline
from kb import dump
from kb.store import Store

KB = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.argv[1:] = sys.argv[2:]
from kb.cli import run
run()
"""


def kb(limit, *words):
    return subprocess.run(
        [sys.executable, "-c", KB, str(limit), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def digest(path):
    with contextlib.closing(Store.open(path)) as store, store.read() as session:
        return dump.digest(session)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


@pytest.mark.parametrize(
    "words", [("bibtex",), ("jsonld",), ("sqlite",), ("csv", "--table", "works")]
)
def test_an_export_leaves_the_old_file(curated_file, tmp_path, words):
    out = tmp_path / "out"
    out.write_text("the old one")
    done = kb(8192, "--db", curated_file, "export", *words, "--out", out)
    assert done.returncode in (2, 5), done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert out.read_text() == "the old one" and names(tmp_path) == ["out"]
    assert kb(10**9, "--db", curated_file, "export", *words, "--out", out).returncode == 0
    assert out.read_bytes() != b"the old one"


def test_a_backup_leaves_the_old_ones(curated_file, tmp_path):
    assert kb(10**9, "--db", curated_file, "backup", "--to", tmp_path).returncode == 0
    before = names(tmp_path)
    done = kb(100_000, "--db", curated_file, "backup", "--to", tmp_path, "--keep", 1)
    assert done.returncode == 5, done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert names(tmp_path) == before


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_replay_leaves_the_old_database(curated, tmp_path, share):
    file = tmp_path / "in.jsonl"
    file.write_text(
        "".join(
            json.dumps(
                {"id": f"2502.99{n:03}", "title": f"Kettle {n}", "abstract": "Hot. " * 300,
                 "authors": "Ada B. Example", "categories": "cs.LG", "update_date": "2025-05-01"}
            ) + "\n"
            for n in range(300)
        )
    )  # fmt: skip
    pipeline.ingest_snapshot(curated, file)
    with curated.write() as session:
        session.connection().execute(text("DELETE FROM cycle"))
    curated.close()
    folder = tmp_path / "store"
    folder.mkdir()
    path = folder / "kb.sqlite"
    shutil.copyfile(curated.path, path)
    before = digest(path)
    done = kb(int(path.stat().st_size * share), "--db", path, "replay", "--swap")
    assert done.returncode == 5, done.stdout + done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert names(folder) == ["kb.sqlite"] and digest(path) == before
