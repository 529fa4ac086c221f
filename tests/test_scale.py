"""The page on scale says what bench/scale.py prints: run it with --write where it does not."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def scale():
    spec = importlib.util.spec_from_file_location("scale", ROOT / "bench/scale.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "scale", module)  # where dataclasses look for it
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def assumed(scale):
    return {name: value for name, (value, _) in scale.ASSUMED.items()}


def test_the_page_says_what_the_script_prints(scale, assumed):
    page = scale.PAGE.read_text("utf-8")
    [block] = scale.BLOCK.finditer(page)
    said = block[0].removeprefix(block[1]).removesuffix(block[2])
    assert said == scale.tables(scale.Measured.read(), assumed)


def test_what_is_assumed_is_marked_and_has_an_option(scale, assumed):
    found = scale.tables(scale.Measured.read(), assumed)
    for name in assumed:
        assert f"**assumed**, `--{name.replace('_', '-')}`" in found
    assert found.count("| measured, `") + found.count("**assumed**") == found.count("`") // 2


def test_the_arithmetic(scale, assumed):
    measured = scale.Measured(
        texts=10, tokens=640, vector=1536, embedded=100, linked=2, committed=50_000,
        written=25_000, taken_in=1000, sifted=10_000, passed=0.25, index=2000,
    )  # fmt: skip
    rows = {
        cells[0].strip(): [cell.strip() for cell in cells[1:]]
        for line in scale.tables(measured, {**assumed, "cores": 100}).splitlines()
        if (cells := line.strip("| ").split(" | "))
    }
    assert rows["texts"] == ["30 million", "2.5 billion"]
    # 30 million texts at 100 a second are 83.3 hours of a core.
    assert rows["encode all, on cores"][0] == "83.3 core hours: 50 min on 100 cores, $3.33"
    # Texts of 64 tokens at 4 times the rate of those of 256: 120,000 a second.
    assert rows["encode all, on one H100"] == ["4 min, $0.17", "5.8 h, $14"]
    assert rows["judge what passes, on cores"][0] == "104 core hours: 1.0 h on 100 cores, $4.17"
    assert rows["commit all vectors, one process, SQLite"][0] == "10 min"
    assert rows["memory for HNSW, one vector a work"][1] == "500 GB, $1,500 a month"
    assert rows["disk for the vectors of all texts"][1] == "4.08 TB, $326 a month"
    assert rows["H100s, with SQLite"] == ["0.42"]


def test_another_price_gives_another_sum(scale, assumed):
    measured = scale.Measured.read()
    assert scale.tables(measured, assumed) != scale.tables(measured, {**assumed, "core_hour": 9.0})
