"""What opening a large store costs, and the graph of a million edges, beside networkx alone.

    python bench/graph.py [--works 200000] [--links 1000000] [--folder DIR]

A store with the curated debate, made-up works and machine-made links is written first (see
`library.py`). Each figure comes from a process of its own: seconds of CPU, so that other work
on the machine counts little, and memory above what the process held before. The peer puts
edges with the same attributes between the same nodes into a `networkx.MultiDiGraph`, from
memory and with nothing read: what is left is the price of reading them.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import library
import machine

GOALS = {"open": 0.05, "graph": 10.0}
"""Seconds."""
MEMORY = 800
"""Megabytes that the graph may take."""


def main() -> None:
    """Make the store, measure in fresh processes, print."""
    parser = argparse.ArgumentParser(description="A large store: opening, asking, its graph.")
    parser.add_argument("--works", type=int, default=200_000)
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="Where the store is made; a temporary one.")
    parser.add_argument("--store", type=Path, help="A store that `library.py` made before.")
    parser.add_argument("--out", type=Path, help="File for the figures.")
    parser.add_argument("--one", default="", help="Measure this alone, and print JSON.")
    told = parser.parse_args()
    if told.one:
        print(json.dumps(_MEASURES[told.one](told)))
        return
    with tempfile.TemporaryDirectory(dir=told.folder) as folder:
        path = told.store or library.curated(Path(folder) / "kb.sqlite")
        if told.store is None:
            library.grow(path, told.works, told.links)
        figures = {name: _measure(name, path, told) for name in _MEASURES}
    opened, graph, peer = figures["open"], figures["graph"], figures["networkx"]
    print(f"open              {1000 * opened['wall_s']:8.1f} ms (import {opened['import_s']:.2f} s "
          f"before it), {opened['wall_s'] / opened['sqlite_s']:.1f} × sqlite3.connect and one row, "
          f"goal {1000 * GOALS['open']:.0f}")  # fmt: skip
    print(f"one work, cold    {figures['work']['cpu_s']:8.2f} s CPU")
    print(f"graph             {graph['cpu_s']:8.2f} s CPU, {graph['memory_mb']:.0f} MB, "
          f"{graph['edges']} edges; goal {GOALS['graph']:.0f} s, {MEMORY} MB")  # fmt: skip
    print(f"networkx alone    {peer['cpu_s']:8.2f} s CPU, {peer['memory_mb']:.0f} MB, "
          f"{peer['edges']} edges: graph is {graph['cpu_s'] / peer['cpu_s']:.2f} × its time, "
          f"{graph['memory_mb'] / peer['memory_mb']:.2f} × its memory")  # fmt: skip
    machine.write("graph", figures | {"works": told.works}, told.out, "networkx", "sqlalchemy")


def _measure(name: str, path: Path, told: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", name, "--store", str(path)]
    command += ["--works", str(told.works), "--links", str(told.links)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    return dict(json.loads(done.stdout))


def _opened(told: argparse.Namespace) -> dict[str, float]:
    import sqlite3

    start = time.perf_counter()
    from kb.query import KnowledgeBase

    imported = time.perf_counter() - start
    walls, peers = [], []
    for _ in range(9):
        start = time.perf_counter()
        connection = sqlite3.connect(told.store)
        connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.close()
        peers.append(time.perf_counter() - start)
        start = time.perf_counter()
        KnowledgeBase.open(told.store).close()
        walls.append(time.perf_counter() - start)
    return {
        "wall_s": min(walls), "first_s": walls[0], "import_s": imported, "sqlite_s": min(peers)
    }  # fmt: skip


def _work(told: argparse.Namespace) -> dict[str, float]:
    from kb.query import KnowledgeBase

    start = time.process_time()
    with KnowledgeBase.open(told.store) as debate:
        debate.work("bonnaire-2025")
        return {"cpu_s": time.process_time() - start}


def _graph(told: argparse.Namespace) -> dict[str, float]:
    from kb.query import KnowledgeBase

    with KnowledgeBase.open(told.store) as debate:
        before, start = _held(), time.process_time()
        graph = debate.graph()
        return _cost(before, start) | {"edges": graph.number_of_edges()}


def _networkx(told: argparse.Namespace) -> dict[str, float]:
    import networkx as nx

    before, start = _held(), time.process_time()
    graph = nx.MultiDiGraph()
    for i in range(told.works):
        name = f"arxiv:{i}"
        graph.add_node(
            f"work:{name}", type="work", title=f"Title {i}", kind="paper", date="2025", lineage=name
        )
    for i in range(told.links):
        graph.add_edge(
            f"work:arxiv:{i % told.works}",
            f"claim:{(i // told.works * 7 + i) % 79}",
            type="stance", stance="supports", review="proposed", agent_kind="model",
            agent="made-up/1", score=i % 100 / 100, valid="2025-01-01",
        )  # fmt: skip
    return _cost(before, start) | {"edges": graph.number_of_edges()}


def _held() -> float:
    """Megabytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def _cost(before: float, start: float) -> dict[str, float]:
    used = time.process_time() - start
    # Not what getrusage tells: a process begins there with the peak of the one that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
    return {"cpu_s": used, "memory_mb": peak - before, "peak_mb": peak}


_MEASURES = {"open": _opened, "work": _work, "graph": _graph, "networkx": _networkx}


if __name__ == "__main__":
    main()
