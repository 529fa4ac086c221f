"""Search: how good by words, by vectors and fused, and how fast, beside tantivy, faiss, usearch.

    python bench/search.py [DATABASE] [--texts 50000] [--vectors 100000 1000000]

Quality is nDCG@10 over the forty questions of `questions.yaml`, on a store that holds the works
they name and vectors of them; without a DATABASE it is left out. Intervals are percentiles of
10,000 bootstrap samples of the questions; what counts is that of the difference, question by
question. Speed is on made-up texts and vectors: points around centers in a space of few
dimensions, with noise, as vectors of texts are. Peers take turns with ours, query by query, and
the median is told: other work on the machine falls on all of them.
"""

from __future__ import annotations

import argparse
import math
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import library
import machine
import numpy as np
import yaml
from sqlalchemy import text

from kb import approximate, blocks, search
from kb.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Ranking = list[str]
    Find = Callable[[Any], Sequence[int]]

QUESTIONS = Path(__file__).parent / "questions.yaml"
K = 10
DEPTH = 40
"""Hits of each kind that are fused, as `KnowledgeBase.search` has it for ten results."""
DIM = 384
GOALS = {100_000: 30.0, 1_000_000: 100.0}
"""Rows -> milliseconds."""
SAMPLES = 10_000


def main() -> None:
    """Measure what was asked for, print it and keep it."""
    parser = argparse.ArgumentParser(description="Quality and speed of search.")
    parser.add_argument("database", nargs="?", type=Path)
    parser.add_argument("--texts", type=int, default=50_000)
    parser.add_argument("--vectors", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=30)
    parser.add_argument(
        "--graphs-to",
        type=int,
        default=100_000,
        help="Build indexes, ours and peers', up to so many rows.",
    )
    parser.add_argument("--out", type=Path, help="File for the figures.")
    told = parser.parse_args()
    figures: dict[str, Any] = {}
    if told.database is not None:
        figures["quality"] = quality(told.database)
    if told.texts:
        figures["text"] = words(told.texts, told.queries)
    figures["vectors"] = {
        str(n): vectors(n, told.queries, graph=n <= told.graphs_to) for n in told.vectors
    }
    peers = ("tantivy", "usearch", "faiss-cpu")
    machine.write("search", figures, told.out, *peers)


# -- quality -------------------------------------------------------------------------------------


def quality(path: Path) -> dict[str, Any]:
    """Rank the works for each question in each way, and print what the rankings are worth."""
    from kb.encoder import SentenceTransformerEncoder

    questions = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))["questions"]
    encoder = SentenceTransformerEncoder()
    asked = encoder.encode([question["ask"] for question in questions])
    gains: dict[str, list[float]] = {}
    with Store.open(path).read() as session:
        rows = search.Vectors.load(session, encoder.name)
        peer = _tantivy_of(session)
        missing = [
            id for q in questions for id in q["works"] if rows.row(("work", id)) is None
        ]  # fmt: skip
        if missing:
            raise SystemExit(f"{path} has no vector of {missing[0]}; kb embed makes them")
        for question, row in zip(questions, asked, strict=True):
            by_words = search.by_words(session, question["ask"], DEPTH)
            near = [key for key, _ in rows.nearest(row, DEPTH)]
            fused = [key for key, _ in search.fuse(by_words, near)]
            for name, keys in (("words", by_words), ("vectors", near), ("fused", fused)):
                ranking = [id for kind, id in keys if kind == "work"]
                gains.setdefault(name, []).append(ndcg(ranking, question["works"]))
            gains.setdefault("tantivy", []).append(ndcg(peer(question["ask"]), question["works"]))
    print(f"nDCG@{K}, {len(questions)} questions, 95 % intervals")
    told: dict[str, Any] = {name: _interval(np.array(some)) for name, some in gains.items()}
    for other in ("words", "vectors", "tantivy"):
        told[f"fused - {other}"] = _interval(np.array(gains["fused"]) - np.array(gains[other]))
    for name, (mean, low, high) in told.items():
        print(f"  {name:18}{mean:7.3f}  [{low:.3f}, {high:.3f}]")
    return told


def ndcg(ranking: Ranking, works: dict[str, int]) -> float:
    """Return how near a ranking comes to the best one, in [0, 1]: gain 2^grade - 1, log2 discount.

    Source: Järvelin and Kekäläinen, ACM TOIS 20(4), 2002, in the form of Burges et al., ICML 2005.
    """
    best = sorted(works.values(), reverse=True)[:K]
    got = [works.get(id, 0) for id in ranking[:K]]
    ideal, found = (
        sum((2**grade - 1) / math.log2(i + 2) for i, grade in enumerate(grades))
        for grades in (best, got)
    )
    return found / ideal


def _interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    draws = np.random.default_rng(0).integers(0, len(values), (SAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def _tantivy_of(session: Any) -> Callable[[str], Ranking]:
    """Index the works of a store with tantivy, titles weighing five times as ours do."""
    rows = session.connection().execute(
        text("SELECT ref, title, body FROM search_text WHERE kind = 'work' ORDER BY ref")
    )
    index = _tantivy((ref, title, body) for ref, title, body in rows)
    searcher = index.searcher()

    def find(ask: str) -> Ranking:
        query = index.parse_query(_plain(ask), ["title", "body"], field_boosts={"title": 5.0})
        return [searcher.doc(at)["ref"][0] for _, at in searcher.search(query, K).hits]

    return find


def _tantivy(texts: Iterator[tuple[str, str, str]]) -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("ref", stored=True, tokenizer_name="raw")
    for name in ("title", "body"):
        builder.add_text_field(name, tokenizer_name="en_stem")
    index = tantivy.Index(builder.build())
    writer = index.writer(100_000_000, 1)
    for ref, title, body in texts:
        writer.add_document(tantivy.Document(ref=ref, title=title, body=body))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    return index


def _plain(ask: str) -> str:
    """Letters and spaces alone: tantivy reads signs as syntax."""
    return "".join(c if c.isalnum() else " " for c in ask).lower()


# -- speed by words --------------------------------------------------------------------------------


def words(n: int, queries: int) -> dict[str, Any]:
    """Index and search made-up texts with FTS5 through `kb.search`, and with tantivy."""
    with tempfile.TemporaryDirectory() as folder:
        path = library.curated(Path(folder) / "kb.sqlite")
        start = time.perf_counter()
        library.grow(path, n)
        grown = time.perf_counter() - start
        with sqlite3.connect(path) as connection:
            start = time.perf_counter()
            connection.execute("INSERT INTO search_fts(search_fts) VALUES ('rebuild')")
            built = time.perf_counter() - start
            texts = connection.execute("SELECT ref, title, body FROM search_text").fetchall()
        connection.close()
        start = time.perf_counter()
        index = _tantivy(iter(texts))
        peer_built = time.perf_counter() - start
        searcher = index.searcher()
        asked = [" ".join(each.split()[5:8]) for _, _, each in texts[-queries:]]
        ours, theirs = [], []
        with Store.open(path).read() as session:
            for ask in asked:
                start = time.perf_counter()
                search.by_words(session, ask, K)
                ours.append(time.perf_counter() - start)
                start = time.perf_counter()
                searcher.search(index.parse_query(ask, ["title", "body"]), K)
                theirs.append(time.perf_counter() - start)
    figures = {
        "store_s": grown, "fts5_build_s": built, "tantivy_build_s": peer_built,
        "fts5_query_ms": 1000 * statistics.median(ours),
        "tantivy_query_ms": 1000 * statistics.median(theirs),
    }  # fmt: skip
    print(
        f"\n{n} texts: FTS5 index {built:.1f} s, tantivy {peer_built:.1f} s; three words "
        f"{figures['fts5_query_ms']:.1f} ms, tantivy {figures['tantivy_query_ms']:.1f} ms "
        f"({figures['fts5_query_ms'] / figures['tantivy_query_ms']:.1f} ×)"
    )
    return figures


# -- speed by vectors ------------------------------------------------------------------------------


def vectors(n: int, queries: int, *, graph: bool) -> dict[str, Any]:
    """Search made-up vectors exactly, as we do, and with peers."""
    import faiss

    made = _Made(n)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        start = time.perf_counter()
        blocks.write(path, made.parts(), {})
        written = time.perf_counter() - start
        start = time.perf_counter()
        kept = blocks.read(path)
        read = time.perf_counter() - start
        if kept is None:
            raise SystemExit(f"{path} was not kept whole; is the disk full?")
        rows = kept.rows
        asked = made.some(queries)
        finds: dict[str, Find] = {
            "ours, exact": lambda q: [i for i, _ in blocks.nearest(rows, q, K)],
            "numpy, all sorted": lambda q: np.argsort(-(rows @ q))[:K],
        }
        flat = faiss.IndexFlatIP(DIM)
        flat.add(np.asarray(rows))
        finds["faiss flat, exact"] = lambda q: flat.search(q[None], K)[1][0]
        built: dict[str, float] = {}
        if graph:
            built["ours, index"], finds["ours, index"] = _index(kept, Path(folder) / "index")
            built["usearch f16"], finds["usearch f16"] = _usearch(rows)
            built["faiss HNSW"], finds["faiss HNSW"] = _hnsw(rows)
        times: dict[str, list[float]] = {name: [] for name in finds}
        hits: dict[str, int] = dict.fromkeys(finds, 0)
        for query in asked:
            truth: set[int] = set()
            for name, find in finds.items():
                start = time.perf_counter()
                found = {int(i) for i in find(query)}
                times[name].append(1000 * (time.perf_counter() - start))
                truth = truth or found
                hits[name] += len(found & truth)
    print(
        f"\n{n} vectors of {DIM}: file written in {written:.1f} s, read and checked in {read:.2f} s"
    )
    figures: dict[str, Any] = {"write_s": written, "read_s": read}
    ours = statistics.median(times["ours, exact"])
    for name, some in times.items():
        median, recall = statistics.median(some), hits[name] / (K * queries)
        figures[name] = {
            "median_ms": median, "least_ms": min(some), "recall": recall,
            "build_cpu_s": built.get(name),
        }  # fmt: skip
        made_in = f", built in {built[name]:.0f} s of CPU" if name in built else ""
        print(
            f"  {name:20}{median:9.2f} ms, least {min(some):7.2f}, ours {ours / median:6.2f} × it"
            f"; recall@{K} {recall:.3f}{made_in}"
        )
    goal = GOALS.get(n)
    if goal is not None:
        figures["goal_ms"] = goal
        print(f"  goal {goal:.0f} ms: {'ok' if ours < goal else 'OVER'}")
    return figures


class _Made:
    """Vectors as those of texts are: around centers, in few dimensions, with noise."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._draw = np.random.default_rng(0)
        self._basis = self._draw.standard_normal((48, DIM), np.float32)
        self._centers = self._draw.standard_normal((max(50, n // 500), 48), np.float32)

    def some(self, n: int) -> NDArray[np.float32]:
        near = self._centers[self._draw.integers(0, len(self._centers), n)]
        inner = near + 0.6 * self._draw.standard_normal((n, 48), np.float32)
        rows = inner @ self._basis + 0.5 * self._draw.standard_normal((n, DIM), np.float32)
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def parts(self) -> Iterator[blocks.Part]:
        step = 20_000
        for start in range(0, self._n, step):
            names = [("work", f"made:{i}") for i in range(start, min(start + step, self._n))]
            yield blocks.Part(names, [id for _, id in names], self.some(len(names)))


def _index(kept: blocks.Rows, path: Path) -> tuple[float, Find]:
    start = time.process_time()
    approximate._make(path, kept)
    built = time.process_time() - start
    near = approximate.Approximate(kept, path)
    if near.index is None:
        raise SystemExit(f"{path} was not kept whole; is the disk full?")
    place = {key: i for i, key in enumerate(kept.keys)}
    return built, lambda q: [place[key] for key, _ in near.nearest(q, K)]


def _usearch(rows: NDArray[np.float32]) -> tuple[float, Find]:
    from usearch.index import Index

    start = time.process_time()
    index = Index(ndim=DIM, metric="ip", dtype="f16", expansion_search=64)
    index.add(np.arange(len(rows)), np.array(rows))
    return time.process_time() - start, lambda q: index.search(q, K).keys


def _hnsw(rows: NDArray[np.float32]) -> tuple[float, Find]:
    import faiss

    start = time.process_time()
    index = faiss.IndexHNSWFlat(DIM, 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = 80, 64
    index.add(np.array(rows))
    return time.process_time() - start, lambda q: index.search(q[None], K)[1][0]


if __name__ == "__main__":
    main()
