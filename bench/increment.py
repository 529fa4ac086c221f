"""What one new paper costs among many: the steps of a run, beside those of a run without news.

    python bench/increment.py --dump FILE [--works N] [--scratch FOLDER] [--out FILE]

Takes the first works of a dump of arXiv's metadata into a store with the curated debate, sifts
and embeds them and closes a cycle; then runs the same steps with no news, with one new paper,
and over everything again, which is the peer: what the one paper would cost without a memory of
what changed. Seconds are of the processor. The encoder is a stand-in that hashes words, so that
the cost of a model hides nothing; the linker and the site are not among the steps.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine
import numpy as np

from ingest import pipeline
from ingest.sources.arxiv_snapshot import ArxivSnapshot
from kb import content, curation
from kb.schema import SourcesFile
from kb.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

GOALS = {"one_new_to_none": 1.5}
_NEW = {
    "id": "2502.99001",
    "title": "Deep networks memorize noisy labels and still generalize",
    "abstract": "We show that overparameterized networks memorize noisy labels and generalize: "
    "benign overfitting under implicit regularization of gradient descent.",
    "authors": "Ada B. Example",
    "categories": "cs.LG",
    "update_date": "2025-02-02",
}


class Hashing:
    """Unit vectors of word counts, each word at a place of its own."""

    name, dim = "hashing/1", 64

    def encode(self, texts: Sequence[str], progress: object = None) -> NDArray[np.float32]:  # noqa: ARG002 - the port's shape
        """Return a row for each text."""
        rows = np.full((len(texts), self.dim), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.split():
                row[zlib.crc32(word.encode()) % self.dim] += 1
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def main() -> None:
    """Run the steps and print the ratios."""
    parser = argparse.ArgumentParser(description="What one new paper costs among many.")
    parser.add_argument("--dump", type=Path, required=True)
    parser.add_argument("--works", type=int, default=100_000)
    parser.add_argument("--scratch", type=Path, help="Folder for the database.")
    parser.add_argument("--out", type=Path)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=told.scratch) as folder:
        database, some, one = (Path(folder) / n for n in ("kb.sqlite", "some.jsonl", "one.jsonl"))
        with some.open("wb") as file:
            for raw in itertools.islice(ArxivSnapshot(told.dump).fetch(), told.works):
                file.write(raw.body)
        one.write_text(json.dumps(_NEW) + "\n", "utf-8")
        store = Store(database)
        store.migrate()
        curation.apply(store, content.load())
        pipeline.ingest_snapshot(store, some)
        figures: dict[str, Any] = {"works": told.works, "goals": GOALS, "first": _steps(store)}
        figures["none"] = _steps(_again(store, database))
        store = _again(store, database)
        figures["one_new"] = _steps(store, one)
        figures["everything_again"] = _steps(_again(store, database), again=True)
    for name in ("first", "none", "one_new", "everything_again"):
        figures[name]["all"] = sum(figures[name].values())
        print(name, {step: round(seconds, 3) for step, seconds in figures[name].items()})
    figures["ratios"] = {
        "one_new_to_none": figures["one_new"]["all"] / figures["none"]["all"],
        "everything_to_one_new": figures["everything_again"]["all"] / figures["one_new"]["all"],
    }
    print(figures["ratios"])
    print(machine.write("increment", figures, told.out))


def _again(store: Store, database: Path) -> Store:
    """Another process would open the file anew, and look at its pages before it writes."""
    store.close()
    return Store(database)


def _steps(store: Store, new: Path | None = None, *, again: bool = False) -> dict[str, float]:
    config = SourcesFile(arxiv=[], funnel=[ArxivSnapshot.name])
    return {
        "soundness": _timed(store.ensure_sound),
        "curated files": _timed(lambda: curation.apply(store, content.load())),
        "new": _timed(lambda: new and pipeline.ingest_snapshot(store, new)),
        "funnel": _timed(lambda: pipeline.sift(store, config, again=again)),
        "vectors": _timed(lambda: pipeline.embed(store, Hashing(), again=again)),
        "cycle": _timed(lambda: pipeline.cycle(store, again=again)),
    }


def _timed(job: Callable[[], object]) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


if __name__ == "__main__":
    main()
