"""`kb run` as a timer starts it: real processes, made-up sources."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kb.store import Store

SCRIPT = Path(__file__).with_name("nightly.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def night(curated_file, tmp_path):
    """Runs a command over sources, each `name=[rows]`, in a folder with the curated debate."""
    folder = tmp_path / "night"
    (folder / "data").mkdir(parents=True)
    shutil.copyfile(curated_file, folder / "data/kb.sqlite")

    def run(*words, plan=None, port=0, encoder=True, cwd=folder):
        errands = [
            each if isinstance(each, dict) else {"name": each[0], "rows": each[1]}
            for each in plan or [("notes:a", ["black kettle"])]
        ]
        (tmp_path / "plan.json").write_text(
            json.dumps({"errands": errands, "port": port, "encoder": encoder})
        )
        done = subprocess.run(
            [sys.executable, SCRIPT, tmp_path / "plan.json", *words],
            cwd=cwd, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    run.folder = folder
    run.database = folder / "data/kb.sqlite"
    return run


def rows(database, without=("run",)):
    """Every row of every table."""
    with sqlite3.connect(database) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            if name not in without and not name.startswith("search_fts")
        ]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}


def files(folder):
    """Every file, with what is in it and when it was written."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("kb.sqlite")
    }


def ledger(night, *more):
    return json.loads(night("runs", "--json", *more).stdout)


# -- all of it ---------------------------------------------------------------------------------


def test_a_run_does_everything_and_the_second_changes_no_row_and_writes_no_file(night):
    pytest.importorskip("material", reason="the site extra is not installed")
    (night.folder / "site").symlink_to(ROOT / "site")
    shutil.copy(ROOT / "mkdocs.yml", night.folder)
    plan = [("notes:a", ["black kettle", "red kettle"]), ("notes:b", ["black kettle", "nonsense"])]
    first = night("run", plan=plan)
    assert first.returncode == 0, first.stderr
    lines = [re.split(r"\s{2,}", line) for line in first.stdout.splitlines()]
    assert lines[:3] == [
        ["source", "outcome", "added", "changed", "same", "refused", "requests", "received"],
        ["notes:a", "ok", "2", "0", "0", "0", "0", "0.0 kB"],
        ["notes:b", "ok", "0", "0", "1", "1", "0", "0.0 kB"],
    ]
    assert "cycle: 2 is new" in first.stdout
    assert "site: built" in first.stdout
    page = (night.folder / "build/docs/sources.md").read_text()
    assert page.count('class="badge health fresh"') == 3  # two sources and the legend
    before, written = rows(night.database), files(night.folder)
    second = night("run", plan=plan)
    assert second.returncode == 0, second.stderr
    assert second.stdout.splitlines() == [
        "no source was asked: none is due",
        "curated files: nothing new",
        "funnel: nothing new",
        "vectors: nothing new",
        "links: nothing new",
        "cycle: nothing new",
        "site: nothing new",
    ]
    assert rows(night.database) == before
    assert files(night.folder) == written


def test_sources_that_are_asked_again_and_bring_nothing_change_no_row(night):
    plan = [("notes:a", ["black kettle", "nonsense"])]
    night("run", "--no-site", plan=plan)
    before = rows(night.database, without=("run", "cursor"))
    again = night("run", "--no-site", "--only", "notes", plan=plan)
    assert again.returncode == 0
    assert rows(night.database, without=("run", "cursor")) == before
    assert "cycle: nothing new" in again.stdout


def test_a_run_in_an_empty_folder_makes_the_database(night, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    done = night("run", "--no-site", cwd=empty)
    assert done.returncode == 0, done.stderr
    assert (empty / "data/kb.sqlite").is_file()
    assert "work" in re.search(r"^curated files: added (.*)$", done.stdout, re.M)[1]


# -- sources that fail --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "code", "outcomes"),
    [
        ([("n:a", ["k"]), ("n:b", ["odd"]), ("n:c", ["l"])], 10, ["ok", "failed", "ok"]),
        ([("n:a", ["wait"]), ("n:b", ["k"])], 10, ["deferred", "ok"]),
        ([("n:a", ["down"]), ("n:b", ["k"])], 8, ["deferred", "deferred"]),
        ([("n:a", ["blocked"]), ("n:b", ["k"])], 1, ["blocked", "blocked"]),
        ([("n:a", ["odd"]), ("n:b", ["gone"])], 1, ["failed", "halted"]),
    ],
    ids=["partial", "one waits", "all wait", "blocked", "failed"],
)
def test_the_exit_code_says_what_the_run_came_to(night, plan, code, outcomes):
    done = night("run", "--no-site", plan=plan)
    assert done.returncode == code
    (run,) = ledger(night, "-n", "1")
    harvests = [part for part in run["parts"] if part["job"].startswith("harvest ")]
    assert [part["outcome"] for part in harvests] == outcomes
    assert run["outcome"] == {10: "partial", 8: "deferred", 1: "failed"}[code]
    failed = [name for name, outcome in zip([n for n, _ in plan], outcomes, strict=True)
              if outcome != "ok"]  # fmt: skip
    unasked = [part for part in harvests if part["message"].startswith("not asked: ")]
    if unasked:  # those are told of in one line, and the table names them
        failed[1:] = [f"{len(unasked)} more were not asked for the same reason"]
    told = done.stderr.splitlines()
    assert [line.split(": ")[1] for line in told] == failed
    assert "\x1b" not in done.stderr
    assert ("cycle: 2 is new" in done.stdout) == ("ok" in outcomes)


def test_what_follows_is_done_although_a_source_failed(night):
    done = night("run", "--no-site", plan=[("n:a", ["black kettle", "odd"])])
    assert done.returncode == 1
    assert re.search(r"^vectors: \d+ new$", done.stdout, re.M)
    assert re.search(r"^links: .*judged", done.stdout, re.M)
    assert "cycle: 2 is new" in done.stdout


def test_without_an_encoder_the_cycle_is_closed_and_the_run_is_partial(night):
    done = night("run", "--no-site", encoder=False)
    assert done.returncode == 10
    assert done.stderr == "error: no model here\n"
    assert "cycle: 2 is new" in done.stdout
    (run,) = ledger(night, "-n", "1")
    assert (run["outcome"], run["message"]) == ("partial", "no model here")
    mended = night("run", "--no-site")
    assert mended.returncode == 0
    assert re.search(r"^vectors: \d+ new$", mended.stdout, re.M)


def test_a_site_that_cannot_be_written_leaves_the_rest_done(night):
    pytest.importorskip("material", reason="the site extra is not installed")
    done = night("run", "--out", "/proc/nowhere")
    assert done.returncode == 10
    assert done.stderr.startswith("error: cannot write the site: ")
    assert "cycle: 2 is new" in done.stdout
    assert ledger(night, "-n", "1")[0]["outcome"] == "partial"


def test_a_loss_is_taken_in_when_a_person_accepts_it(night):
    plan = [("n:a", ["k", "gone", "l"]), ("n:b", ["gone"])]
    assert night("run", "--no-site", plan=plan).returncode == 1
    done = night("run", "--no-site", "--accept", "n:a", plan=plan)
    assert done.returncode == 10
    (run,) = ledger(night, "-n", "1")
    outcomes = {part["job"]: part["outcome"] for part in run["parts"]}
    assert (outcomes["harvest n:a"], outcomes["harvest n:b"]) == ("ok", "halted")


# -- what is asked --------------------------------------------------------------------------------


def asked(done):
    table = done.stdout.split("curated files:")[0].splitlines()[1:]
    return [line.split()[0] for line in table]


def test_only_what_is_due_is_asked_unless_all_or_one_is_wanted(night):
    plan = [("n:a", ["k"]), ("n:b", ["l"]), ("m:c", ["wait"])]
    assert asked(night("run", "--no-site", plan=plan)) == ["n:a", "n:b", "m:c"]
    assert asked(night("run", "--no-site", plan=plan)) == ["m:c"]  # it did not work
    assert asked(night("run", "--no-site", "--only", "n:b", plan=plan)) == ["n:b"]
    assert asked(night("run", "--no-site", "--only", "n", plan=plan)) == ["n:a", "n:b"]
    everything = night("run", "--no-site", "--all", plan=plan)
    assert asked(everything) == ["n:a", "n:b", "m:c"]
    unknown = night("run", "--no-site", "--only", "n:z", plan=plan)
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (3, 1)


def test_offline_asks_what_lies_in_files_alone(night):
    plan = [("n:a", ["k"]), {"name": "n:file", "rows": ["l"], "network": False}]
    assert asked(night("run", "--no-site", "--offline", plan=plan)) == ["n:file"]
    done = night("run", "--no-site", "--offline", plan=plan)
    assert done.stdout.startswith("no source was asked: offline\n")


def test_the_ledger_counts_requests_and_bytes(night, server):
    server.answers = [(200, {}, b"a kettle"), (200, {}, b"teapots")]
    plan = [("n:a", ["/1", "/2"])]
    done = night("run", "--no-site", plan=plan, port=server.server_port)
    assert done.returncode == 0, done.stderr
    (run,) = ledger(night, "-n", "1")
    (harvest,) = [part for part in run["parts"] if part["job"] == "harvest n:a"]
    assert (harvest["requests"], harvest["bytes"], harvest["cursor"]) == (2, 15, "2")
    assert (run["requests"], run["bytes"], dict(run["counts"])["added"]) == (2, 15, 2)


def test_a_host_that_asks_us_to_wait_is_asked_once(night, server):
    server.answers = [(503, {"Retry-After": "3600"}, b"")]
    plan = [("n:a", ["/1"]), ("n:b", ["/2"]), ("n:c", ["/3"])]
    done = night("run", "--no-site", plan=plan, port=server.server_port)
    assert done.returncode == 8
    assert len(server.asked) == 1
    assert "asked us to wait 3600 s" in done.stderr


# -- two runs, and one that is killed ------------------------------------------------------------


def test_a_second_run_leaves_at_once_and_names_the_first(night):
    other = Store(night.database)
    with other.lock("run"):
        done = night("run", "--no-site")
    other.close()
    assert done.returncode == 6
    assert re.search(r"is being written by process \d+ \(run, since ", done.stderr)


def test_a_run_that_was_killed_is_interrupted_in_the_ledger_and_gone_on_with(night):
    plan = [("n:a", ["k"]), ("n:b", ["die"])]
    assert night("run", "--no-site", plan=plan).returncode == -9
    done = night("run", "--no-site", plan=[("n:a", ["k"]), ("n:b", ["l"])])
    assert done.returncode == 0, done.stderr
    assert asked(done) == ["n:b"]
    new, old = ledger(night, "-n", "2")
    assert (new["outcome"], old["outcome"]) == ("ok", "interrupted")
    assert [(part["job"], part["outcome"]) for part in old["parts"]] == [
        ("harvest n:a", "ok"),
        ("harvest n:b", "interrupted"),
    ]


# -- reading the ledger ---------------------------------------------------------------------------


def test_the_ledger_is_printed_a_line_a_job(night):
    night("run", "--no-site", plan=[("n:a", ["k"]), ("n:b", ["odd"])])
    told = night("runs", "-n", "1").stdout.splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d run: partial, \d+ s; 1 added; not read: n:b", told[0]
    )
    assert re.search(r"^    \S+ \S+ harvest n:a: ok, \d+ s; 1 added; now at 1$", told[1])
    assert "harvest n:b: failed" in told[2]
    assert "not [31m XML at all" in told[2]


def test_the_sources_are_listed_with_their_state(night):
    plan = [("n:a", ["k", "nonsense"]), ("n:b", ["blocked"])]
    before = json.loads(night("sources", "--json", plan=plan).stdout)
    assert [(each["staleness"], each["next_due"]) for each in before] == [("never", "")] * 2
    night("run", "--no-site", plan=plan)
    first, second = json.loads(night("sources", "--json", plan=plan).stdout)
    assert (first["staleness"], first["outcome"], first["asks"]) == ("fresh", "ok", "all:kettles")
    assert (second["staleness"], second["outcome"]) == ("ill", "blocked")
    lines = night("sources", plan=plan).stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["n:a", "fresh"], ["n:b", "ill"]]


# -- one adapter ---------------------------------------------------------------------------------


def test_ingest_asks_one_adapter_due_or_not(night):
    plan = [("arxiv:tea:1", ["k"]), ("arxiv:rice:2", ["l"]), ("posts:loaf:3", ["m"])]
    done = night("ingest", "arxiv", plan=plan)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "data/kb.sqlite: 2 added"
    again = night("ingest", "arxiv", "--strand", "tea", plan=plan)
    assert [line.split()[0] for line in again.stdout.splitlines()[1:]] == [
        "arxiv:tea:1",
        "data/kb.sqlite:",
    ]
    assert night("ingest", "posts", "loaf", plan=plan).stdout.endswith("1 added\n")
    nothing = night("ingest", "workshops", plan=plan)
    assert (nothing.returncode, nothing.stderr) == (
        2,
        "error: sources.yaml configures nothing for workshops\n",
    )


def test_ingest_says_how_it_went(night):
    plan = [("openreview:Kettle/2026:1", ["k", "gone", "l"])]
    done = night("ingest", "openreview", plan=plan)
    assert done.returncode == 1
    assert "a third of its papers is gone" in done.stderr
    assert night("ingest", "openreview", "Kettle/2026", "--accept-loss", plan=plan).returncode == 0
    assert night("ingest", "arxiv", "--strand", "x", plan=plan).returncode == 3
