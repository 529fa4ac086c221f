"""The command line as a user meets it: real processes, real files."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

KB = Path(sys.executable).with_name("kb")
READING = [
    ["status"],
    ["show", "C02"],
    ["show", "bonnaire-2025"],
    ["search", "flat minima", "--words-only"],
    ["timeline", "--strand", "grokking"],
    ["tensions"],
    ["claims"],
]


def kb(*words, db=None, cwd=None, **more):
    environment = more.pop("env", os.environ) | ({"KB_DB": str(db)} if db else {})
    return subprocess.run(
        [KB, *map(str, words)], capture_output=True, text=True, env=environment, cwd=cwd, **more
    )


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_commands_print_text_and_json(curated_file, words):
    plain = kb(*words, db=curated_file)
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout.strip()
    told = kb(*words, "--json", db=curated_file)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)


def test_status_counts_what_the_readme_says(curated_file):
    counts = json.loads(kb("status", "--json", db=curated_file).stdout)
    assert set(counts) >= {
        "works", "manifestations", "coverage", "claims", "tensions", "voices", "links",
        "vectors", "refused", "last_cycle",
    }  # fmt: skip
    assert counts["claims"]["thesis"] == 27


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["show", "C99"], 3, "did you mean"),
        (["show", "bonaire-2025"], 3, "bonnaire-2025"),
        (["timeline", "--since", "last week"], 2, "not an EDTF date"),
        (["timeline", "--strand", "groking"], 3, "grokking"),
        (["claims", "--strand", "groking"], 3, "grokking"),
        (["similar", "bonnaire-2025"], 7, "kb embed"),
        (["ingest", "arxiv", "--since", "soon"], 2, "not an EDTF date"),
        (["ingest", "arxiv-snapshot", "nowhere.jsonl"], 9, "nowhere.jsonl"),
        (["check", "nowhere"], 4, "cannot be read"),
        (["preview-links", "nowhere.jsonl", "out.jsonl"], 2, "nowhere.jsonl"),
        (["--db", "nowhere.sqlite", "status"], 5, "kb init makes one"),
        (["--db", "foo://bar", "status"], 5, "cannot use the database foo://bar"),
        (["nonsense"], 2, "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_gets_one_clear_line_and_an_exit_code(curated, tmp_path, words, code, told):
    done = kb(*words, db=curated.path, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert told in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    if code != 2 and words[0] != "check":
        assert len(done.stderr.strip().splitlines()) == 1


def test_init_makes_a_knowledge_base_and_a_second_one_changes_nothing(tmp_path):
    first = kb("init", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "117 work" in first.stdout or re.search(r"\d+ work", first.stdout)
    again = kb("init", cwd=tmp_path)
    assert again.stdout == "data/kb.sqlite: nothing changed\n"
    assert kb("cycle", cwd=tmp_path).stdout.startswith("data/kb.sqlite: cycle 1")
    assert "nothing changed since" in kb("cycle", cwd=tmp_path).stdout


def test_check_names_file_and_line(files):
    path = files / "works.yaml"
    path.write_text(path.read_text().replace("claim: C11", "claim: C99", 1))
    done = kb("check", files)
    assert done.returncode == 4
    assert re.match(r"works\.yaml:\d+: there is no claim 'C99'", done.stdout)
    assert kb("check").stdout.startswith("no faults: ")


def test_the_schemas_are_written_for_editors(tmp_path):
    assert kb("check", "--write-schemas", tmp_path / "schemas").returncode == 0
    made = sorted(path.name for path in (tmp_path / "schemas").iterdir())
    assert "works.schema.json" in made
    assert len(made) == 13


def test_doctor_finds_what_is_missing(curated_file):
    done = kb("doctor", "--json", db=curated_file)
    findings = {row["check"]: row for row in json.loads(done.stdout)}
    assert findings["integrity"]["ok"]
    assert findings["curation"]["ok"]
    assert not findings["vectors"]["ok"]
    assert "kb embed" in findings["vectors"]["detail"]
    assert done.returncode == 1


def test_a_closed_pipe_ends_quietly(curated_file):
    done = subprocess.run(
        f"{KB} timeline | head -1",
        shell=True, capture_output=True, text=True, env=os.environ | {"KB_DB": str(curated_file)},
    )  # fmt: skip
    assert done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "command",
    [
        "init",
        "check",
        "run",
        "runs",
        "sources",
        "schedule",
        "embed",
        "link",
        "cycle",
        "site",
        "preview-links",
        "status",
        "show",
        "search",
        "similar",
        "timeline",
        "tensions",
        "claims",
        "doctor",
        "same",
        "distinct",
        "merges",
        "review",
        "audit",
        "export",
        "serve",
        "shell",
        "cycles",
        "diff",
        "ingest",
    ],
)
def test_every_command_explains_itself(command):
    done = kb(command, "--help")
    assert done.returncode == 0
    assert command in done.stdout


def test_the_shell_opens_with_the_debate_ready(curated_file, tmp_path):
    done = kb(
        "shell",
        db=curated_file,
        input="print(debate.claim('C02').id, len(debate.tensions()))\nexit\n",
        env=os.environ | {"KB_DB": str(curated_file), "IPYTHONDIR": str(tmp_path)},
    )
    assert "C02 12" in done.stdout
    assert done.returncode == 0
