"""How long each query takes, on the curated debate or any store, beside a plain count in SQL.

    python bench/query.py [DATABASE] [--runs 7]

Without a database, a store with the curated debate alone is made in a temporary folder. Cold is
opening the store and asking once in a fresh process, imports done; warm is asking again. Every
figure is the median of the runs in milliseconds; the limit is 50 ms. The peer counts the rows
of five tables, on a connection of its own, so its ratio carries from one machine to another.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb import content, curation, cycles
from kb.query import KnowledgeBase
from kb.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 50.0
"""Milliseconds."""
IMPORT = 300.0
"""Milliseconds that `import kb` may take."""

QUERIES: dict[str, Callable[[KnowledgeBase], Any]] = {
    "strands()": lambda d: d.strands(),
    "topics()": lambda d: d.topics(),
    "claims()": lambda d: d.claims(),
    "claim('C02')": lambda d: d.claim("C02"),
    "tensions()": lambda d: d.tensions(),
    "tension('T2')": lambda d: d.tension("T2"),
    "voices()": lambda d: d.voices(),
    "voice('V01')": lambda d: d.voice("V01"),
    "events()": lambda d: d.events(),
    "event('delta-2026')": lambda d: d.event("delta-2026"),
    "works()": lambda d: d.works(),
    "work('bonnaire-2025')": lambda d: d.work("bonnaire-2025"),
    "digests()": lambda d: d.digests(),
    "cycles()": lambda d: d.cycles(),
    "timeline()": lambda d: d.timeline(),
    "graph()": lambda d: d.graph(),
    "status()": lambda d: d.status(),
    "show('T2')": lambda d: d.show("T2"),
    "search(…, words)": lambda d: d.search("flat minima generalize", meaning=False),
    "contested()": lambda d: d.contested(),
    "balance('C02')": lambda d: d.balance("C02"),
    "differs_in('C02', 'C05')": lambda d: d.differs_in("C02", "C05"),
    "collision('C03', 'C04')": lambda d: d.collision("C03", "C04"),
    "what_would_settle('T9')": lambda d: d.what_would_settle("T9"),
    "who_moved('2025')": lambda d: d.who_moved("2025"),
    "lineage('isitactually-a')": lambda d: d.lineage("isitactually-a"),
    "answers('feldman-2019')": lambda d: d.answers("feldman-2019"),
    "counter_claims(…, words)": lambda d: d.counter_claims(
        "Memorization is necessary.", meaning=False
    ),
    "path('C02', 'C12')": lambda d: d.path("C02", "C12"),
    "as_of('2024').works()": lambda d: d.as_of("2024").works(),
}
_COUNTED = ("work", "claim", "link", "status_event", "manifestation")


def main() -> None:
    """Time every query and print a table."""
    parser = argparse.ArgumentParser(description="Speed of the queries.")
    parser.add_argument("database", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", default="", help="Time this query once, cold, and print it.")
    told = parser.parse_args()
    if told.one:
        print(_ask(told.database, QUERIES[told.one]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = told.database or _curated(Path(folder) / "kb.sqlite")
        peer = statistics.median(_count(path) for _ in range(told.runs))
        print(f"{told.runs} runs each; peer, counting five tables: {peer:.2f} ms\n")
        print(
            f"{'query':28}{'cold ms':>9}{'× peer':>8}{'warm ms':>9}{'× peer':>8}  limit {LIMIT:.0f}"
        )
        start = statistics.median(_import() for _ in range(told.runs))
        print(f"{'import kb':28}{start:9.1f}{start / peer:8.0f}{'':17}  limit {IMPORT:.0f}")
        for name, ask in QUERIES.items():
            cold = statistics.median(_cold(path, name) for _ in range(told.runs))
            warm = _warm(path, ask, told.runs)
            sign = "ok" if max(cold, warm) < LIMIT else "OVER"
            print(f"{name:28}{cold:9.1f}{cold / peer:8.0f}{warm:9.1f}{warm / peer:8.0f}  {sign}")


def _curated(path: Path) -> Path:
    store = Store(path)
    store.migrate()
    curation.apply(store, content.load())
    cycles.close(store)
    store.close()
    return path


def _count(path: Path) -> float:
    start = time.perf_counter()
    connection = sqlite3.connect(path)
    for table in _COUNTED:
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - ours
    connection.close()
    return 1000 * (time.perf_counter() - start)


def _import() -> float:
    code = "import time; t = time.perf_counter(); import kb; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    return 1000 * float(
        subprocess.run(command, capture_output=True, check=True, text=True).stdout  # noqa: S603 - ours
    )


def _cold(path: Path, name: str) -> float:
    command = [sys.executable, __file__, str(path), "--one", name]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)  # noqa: S603 - ours


def _ask(path: Path, ask: Callable[[KnowledgeBase], Any]) -> float:
    start = time.perf_counter()
    with KnowledgeBase.open(path) as debate:
        ask(debate)
        return 1000 * (time.perf_counter() - start)


def _warm(path: Path, ask: Callable[[KnowledgeBase], Any], runs: int) -> float:
    times = []
    with KnowledgeBase.open(path) as debate:
        ask(debate)
        for _ in range(runs):
            start = time.perf_counter()
            ask(debate)
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


if __name__ == "__main__":
    main()
