"""Every fault in full, and the figures: what `make faults` runs.

The tests behind each fault of a source, the store or the disk lie beside the code they try;
this runs them all, slow ones too, after the four long trials that have a figure.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
TRIALS = (
    ("kills", [HERE / "kill_nights.py", "1000", "1"]),
    ("spoilt feeds", [HERE / "mutate.py", "10000", "1"]),
    ("requests", [TESTS / "ingest" / "pacing.py", "1000"]),
)
SUITES = ("faults", "ingest", "kb/test_store.py", "kb/test_backup.py", "kb/test_dump.py")


def main():
    failed = []
    for name, command in TRIALS:
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, *map(str, command)], check=False)
        failed += [name] * bool(done.returncode)
    print("== memory", flush=True)
    few, many = peak(10_000), peak(100_000)
    print(f"peak at 100,000 records: {many / few:.2f} times that at 10,000 ({many // 1024} MB)")
    failed += ["memory"] * (many > 1.3 * few)
    print("== every fault", flush=True)
    trials = "not thousand and not ten_thousand and not hundred_thousand"
    suites = [str(TESTS / suite) for suite in SUITES]
    command = [sys.executable, "-m", "pytest", "-q", "-k", trials, *suites]
    failed += ["tests"] * bool(subprocess.run(command, check=False).returncode)
    print(f"failed: {', '.join(failed)}" if failed else "all as it should be")
    return 1 if failed else 0


def peak(records):
    """Return the peak of memory, in KiB, of taking in so many records."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(HERE / "memory.py"), str(records), folder],
            capture_output=True,
            text=True,
            check=True,
        )
    return int(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
