"""A nightly run that is killed anywhere, again and again, ends where an undisturbed one does.

SIGKILL does not test a power cut: what the kernel had taken is still written.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def kill(count, seed=0):
    """Run the killer in a process of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(HERE / "kill_nights.py"), str(count), str(seed)],
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def test_kills_at_random_steps_leave_no_trace():
    kills = 200 if os.environ.get("CI") else 40
    assert f"{kills} kills" in kill(kills)


@pytest.mark.slow
def test_a_thousand_kills_leave_no_trace():
    assert "1000 kills" in kill(1000, seed=1)
