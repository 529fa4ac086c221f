"""`kb export` as a user meets it, and the SQLite copy read by sqlite3."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kb.errors import StoreError
from kb.export import FORMATS, TABLES
from kb.store import Store

KB = Path(sys.executable).with_name("kb")


def kb(*words, db, cwd=None):
    return subprocess.run(
        [KB, *map(str, words)], capture_output=True, env=os.environ | {"KB_DB": str(db)}, cwd=cwd
    )


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["bibtx"], 2, "did you mean bibtex"),
        (["BibTeX"], 2, "did you mean bibtex"),
        (["word"], 2, "no format 'word'"),
        (["bibtex", "--strand", "groking"], 3, "did you mean grokking?"),
        (["bibtex", "--claim", "C99"], 3, "did you mean C"),
        (["bibtex", "--since", "last week"], 2, "not an EDTF date: 'last week'"),
        (["bibtex", "--table", "works"], 2, "csv and parquet have the tables works"),
        (["csv", "--table", "work"], 2, "csv and parquet have the tables works"),
        (["csv"], 2, "--out FOLDER"),
        (["sqlite"], 2, "--out FILE"),
        (["sqlite", "--out", "x.sqlite", "--strand", "grokking"], 2, "no filter"),
        (["atom", "--site-url", "javascript:1"], 2, "not the address of a web site"),
        (["atom", "--out", "file/below"], 2, "file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_gets_one_clear_line_and_writes_nothing(
    curated_file, tmp_path, words, code, told
):
    (tmp_path / "file").write_text("in the way")
    done = kb("export", *words, db=curated_file, cwd=tmp_path)
    lines = done.stderr.decode().strip().splitlines()
    assert done.returncode == code, lines
    assert len(lines) == 1
    assert told in lines[0]
    assert done.stdout == b""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_help_names_every_format():
    told = subprocess.run([KB, "export", "--help"], capture_output=True, text=True).stdout
    for name in FORMATS:
        assert re.search(rf"\b{name}\b", told), name


def test_a_file_and_standard_output_get_the_same_bytes(curated_file, tmp_path):
    out = tmp_path / "new" / "works.json"
    words = ["export", "csl-json", "--strand", "grokking", "--since", "2024"]
    assert kb(*words, "--out", out, db=curated_file).returncode == 0
    assert kb(*words, db=curated_file).stdout == out.read_bytes()
    shouted = kb("export", "csl-json", "--strand", "GROKKING", "--since", "2024", db=curated_file)
    assert shouted.stdout == out.read_bytes()
    assert json.loads(out.read_text(encoding="utf-8"))
    assert list(out.parent.iterdir()) == [out]


def test_what_is_left_out_is_said_on_standard_error(curated_file):
    done = kb("export", "icalendar", db=curated_file)
    assert b"BEGIN:VCALENDAR" in done.stdout
    assert "events whose days are not known: hild-2023 (2023)" in done.stderr.decode()


def test_the_tables_go_into_a_folder(curated_file, tmp_path):
    done = kb("export", "csv", "--out", tmp_path / "t", db=curated_file)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (tmp_path / "t").iterdir()} == {f"{t.name}.csv" for t in TABLES}
    alone = kb("export", "csv", "--table", "claims", db=curated_file).stdout
    assert alone == (tmp_path / "t/claims.csv").read_bytes()


def test_the_copy_is_a_whole_database_and_equals_its_twin(curated_file, tmp_path):
    for name in ("a.sqlite", "b.sqlite"):
        done = kb("export", "sqlite", "--out", tmp_path / name, db=curated_file)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.sqlite").read_bytes() == (tmp_path / "b.sqlite").read_bytes()
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "a.sqlite")) as copy,
        contextlib.closing(sqlite3.connect(curated_file)) as original,
    ):
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        for table in ("work", "claim", "link", "tension", "voice", "status_event"):
            count = f"SELECT count(*) FROM {table}"
            assert copy.execute(count).fetchone() == original.execute(count).fetchone()


def test_a_database_is_not_copied_over_itself(curated):
    before = curated.path.read_bytes()
    done = kb("export", "sqlite", "--out", curated.path, db=curated.path)
    assert done.returncode == 2
    assert "is the database itself" in done.stderr.decode()
    assert curated.path.read_bytes() == before


def test_only_a_file_can_be_copied_and_only_to_where_one_can_be_written(curated, tmp_path):
    with pytest.raises(StoreError, match="no SQLite file"):
        Store("sqlite:///:memory:").copy(tmp_path / "copy.sqlite")
    with pytest.raises(StoreError, match="cannot copy to"):
        curated.copy(tmp_path / "nowhere" / "copy.sqlite")
