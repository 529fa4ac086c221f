"""What faults and size may cost: spoilt feeds are refused in bounds, memory does not grow."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def play(script, *arguments):
    """Run one of the scripts beside this file, and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def growth(tmp_path, small, large):
    """Return by how much the peak of memory grows with the number of records."""
    few, many = (int(play("memory.py", n, tmp_path)) for n in (small, large))
    print(f"peak at {large:,} records: {many / few:.2f} times that at {small:,}")
    return many / few


def test_six_hundred_spoilt_feeds_are_taken_or_refused():
    assert " 0 not as they should be" in play("mutate.py", 600)


def test_memory_does_not_grow_with_the_records(tmp_path):
    assert growth(tmp_path, 1_000, 10_000) <= 1.3


@pytest.mark.slow
def test_ten_thousand_spoilt_feeds_are_taken_or_refused():
    assert " 0 not as they should be" in play("mutate.py", 10_000, 1)


@pytest.mark.slow
def test_memory_at_a_hundred_thousand_records(tmp_path):
    assert growth(tmp_path, 10_000, 100_000) <= 1.3
