"""How long `import kb` and `kb --help` take, beside Python itself and beside what they rest on.

    python bench/startup.py [--runs 15]

Each command is a fresh process. They take turns, so that a busy machine slows all of them
alike; the figure is the least of the runs, which other work disturbs least, and its ratio to
`python -c pass` and to `python -c "import sqlmodel, typer"` in the same run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import machine

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import sqlmodel, typer": ["-c", "import sqlmodel, typer"],
    "import kb": ["-c", "import kb"],
    "kb --help": ["-m", "kb", "--help"],
}
GOALS = {"import kb": 0.3, "kb --help": 0.4}
"""Seconds."""
HEAVY = ("torch", "sentence_transformers", "transformers", "sqlalchemy", "networkx", "scipy")
"""Packages that neither may bring."""


def main() -> None:
    """Time the commands in turn and print a table."""
    parser = argparse.ArgumentParser(description="Time to start.")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--out", type=Path, help="File for the figures.")
    told = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(told.runs):
        for name, arguments in COMMANDS.items():
            times[name].append(_timed(arguments))
    print(f"{'':24}{'wall ms':>9}{'cpu ms':>9}{'× python':>10}{'× peers':>9}  goal")
    figures: dict[str, Any] = {}
    least = {name: min(wall for wall, _ in some) for name, some in times.items()}
    for name, some in times.items():
        wall, cpu = least[name], min(cpu for _, cpu in some)
        bare, peers = wall / least["python -c pass"], wall / least["import sqlmodel, typer"]
        goal = GOALS.get(name)
        sign = (
            "" if goal is None else f"  under {1000 * goal:.0f}: {'ok' if wall < goal else 'OVER'}"
        )
        print(f"{name:24}{1000 * wall:9.0f}{1000 * cpu:9.0f}{bare:10.1f}{peers:9.2f}{sign}")
        figures[name] = {
            "wall_s": wall, "cpu_s": cpu, "times_python": bare, "times_peers": peers, "goal_s": goal
        }  # fmt: skip
    for name in GOALS:
        brought = _brought(COMMANDS[name])
        figures[name]["brought"] = brought
        print(f"{name} loads of {', '.join(HEAVY)}: {', '.join(brought) or 'none'}")
    machine.write("startup", figures, told.out, "sqlmodel", "typer")


def _timed(arguments: list[str]) -> tuple[float, float]:
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
    wall, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system
    return wall, used - before.children_user - before.children_system


def _brought(arguments: list[str]) -> list[str]:
    """Return which heavy packages a command imports."""
    told = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-X", "importtime", *arguments],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    names = {line.rpartition("|")[2].strip().split(".")[0] for line in told.stderr.splitlines()}
    return sorted(names & set(HEAVY))


if __name__ == "__main__":
    main()
