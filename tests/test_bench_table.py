"""The README of bench says what bench/table.py prints: run it with --write where it does not."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MACHINE = {
    "cores": 2, "cpu": "Some", "memory_gib": 8.0, "load": 0.1, "python": "3.11.7",
    "sqlite": "3.40.1", "packages": {"numpy": "2.4.6", "typer": "0.29.2"},
    "measured_at": "2026-01-01T00:00Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def table():
    spec = importlib.util.spec_from_file_location("table", ROOT / "bench/table.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "table", module)  # where dataclasses look for it
        spec.loader.exec_module(module)
    return module


def started(seconds):
    """What bench/startup.py keeps of `kb --help`."""
    figures = {"wall_s": seconds, "times_python": 8.0, "times_peers": 0.4, "brought": []}
    return {"startup": {"machine": MACHINE, "figures": {"kb --help": figures}}}


def line(text, figure):
    [found] = [row for row in text.splitlines() if row.startswith(f"| {figure} |")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_the_readme_says_what_the_script_prints(table):
    [block] = table.BLOCK.finditer(table.PAGE.read_text("utf-8"))
    said = block[0].removeprefix(block[1]).removesuffix(block[2])
    assert said == table.table(table.read())


def test_of_all_that_falls_short_the_reason_is_told(table):
    assert [row.what for row, why in table.short(table.read()) if not why] == []


def test_every_script_is_in_the_readme_and_run_by_make(table):
    scripts = {path.name for path in (ROOT / "bench").glob("*.py")} - {"library.py", "machine.py"}
    page = table.BLOCK.sub("", table.PAGE.read_text("utf-8"))
    assert set(re.findall(r"^\| `(\w+\.py)` \|", page, re.MULTILINE)) == scripts
    [recipe] = re.findall(
        r"^bench:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    run = set(re.findall(r"\w+\.py", recipe))
    # One has a target of its own, and one changes what is packaged.
    assert scripts - run <= {"audit.py", "fit_linker.py"}
    assert {f"{row.script}.py" for row in table.ROWS} <= run


def test_without_results_every_figure_is_not_measured_and_keeps_its_goal(table):
    text = table.table({})
    for row in table.ROWS:
        _, goal, reached, beside, _ = line(text, row.what)
        assert goal == row.goal()
        assert reached.startswith("not measured")
        assert beside == ""
    assert line(text, "`kb --help`")[1] == "under 0.40 s"


def test_what_is_reached_stands_beside_its_goal_and_its_peer(table):
    _, goal, reached, beside, script = line(table.table(started(0.25)), "`kb --help`")
    assert (goal, reached, script) == ("under 0.40 s", "0.25 s", "`startup.py`")
    assert beside.startswith("8.0 × python -c pass")
    assert "typer 0.29.2" in beside


def test_what_falls_short_is_marked_and_said(table):
    kept = started(0.4)
    text = table.table(kept)
    assert line(text, "`kb --help`")[2] == "**0.40 s**"
    assert [row.what for row, why in table.short(kept)] == ["`kb --help`"]
    kept["startup"]["figures"]["why"] = "importing takes all of it"
    assert "- `kb --help`: importing takes all of it." in table.table(kept)
    assert list(table.short(started(0.39))) == []


def test_the_machine_is_told_once(table):
    text = table.table(started(0.2) | {"graph": {"machine": MACHINE, "figures": {}}})
    [told] = [row for row in text.splitlines() if row.startswith("- 2 cores of Some")]
    assert "graph (2026-01-01T00:00Z, load 0.1)" in told
    assert "startup (2026-01-01T00:00Z, load 0.1)" in told
