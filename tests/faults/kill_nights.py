"""Kill nightly runs at random steps, and compare what they leave with undisturbed ones.

Usage: kill_nights.py KILLS [SEED]   prints the figures; exits with 1 where anything differs.
"""

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from night import Nights, state

from kb import content, curation
from kb.store import Store

DAYS = range(5)
PAPERS = 60


def main(kills, seed):
    rng = random.Random(seed)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worldserver.py")), "7", str(PAPERS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            nights = Nights(int(server.stdout.readline()), seed)
            made = folder / "made.sqlite"
            store = Store(made)
            store.migrate()
            curation.apply(store, content.load())
            store.close()
            wanted, steps = undisturbed(nights, made, folder)
            wrong = Counter()
            rounds = 0
            nights.kills = nights.runs = 0
            while nights.kills < kills:
                rounds += 1
                wrong.update(disturbed(nights, rng, made, folder, wanted, steps, kills))
        finally:
            server.stdin.close()
            server.wait()
            server.stdout.close()
    took = time.monotonic() - begun
    print(
        f"{nights.kills} kills in {nights.runs} runs over {rounds} x {len(DAYS)} nights of "
        f"{PAPERS} papers, {min(steps)} to {max(steps)} steps a night: "
        f"{sum(wrong.values())} nights that ended otherwise ({took:.0f} s)"
    )
    for difference, times in wrong.most_common(10):
        print(f"{times} x {difference}")
    return 1 if wrong else 0


def undisturbed(nights, made, folder):
    """Return the state after each night, and how many steps each took."""
    database = folder / "undisturbed.sqlite"
    shutil.copyfile(made, database)
    told = folder / "steps"
    wanted, steps = [], []
    for day in DAYS:
        nights.day(day)
        nights.go(database, folder / "cache-undisturbed", steps_to=told)
        wanted.append(state(database))
        steps.append(int(told.read_text()))
        assert wanted[-1][2] == [], wanted[-1][2]
    again = folder / "again"
    nights.go(database, folder / "cache-undisturbed", steps_to=again)
    assert state(database) == wanted[-1], "a second run changes something"
    return wanted, steps


def disturbed(nights, rng, made, folder, wanted, steps, kills):
    """Play the nights once with kills; return what differs from the undisturbed ones."""
    database = folder / "disturbed.sqlite"
    cache = folder / "cache-disturbed"
    shutil.copyfile(made, database)
    shutil.rmtree(cache, ignore_errors=True)
    for day in DAYS:
        nights.day(day)
        # A run that finds the work done by those before it takes fewer steps and survives.
        while nights.kills < kills and nights.go(database, cache, rng.randrange(1, steps[day])):
            pass
        nights.go(database, cache)
        lines, snapshot, faults = state(database)
        if faults:
            yield f"night {day}: {faults[0]}"
        if lines != wanted[day][0]:
            odd = sorted(set(lines) ^ set(wanted[day][0])) or ["a row twice"]
            yield f"night {day}: {odd[0][:200]}"
        if snapshot != wanted[day][1]:
            yield f"night {day}: the debate differs"


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
