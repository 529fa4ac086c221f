"""What the funnel lets pass, what it loses, and how fast it is, beside the same score word by word.

    python bench/funnel.py --labels FILE [--corpus FILE] [--first N] [--out FILE]

Labels are JSON Lines: {"title", "abstract", "links": [{"claim", "sure"}]}; links that are not sure
count neither for nor against. Recall is the share of labelled links whose abstract passes. The
threshold and the form of the score were chosen with the development labels in view, so recall on
those is no forecast; on labels kept apart it is. The corpus is a dump of arXiv's metadata,
of which every n-th record is scored so that `--first` are; what share of it passes is told for
all of it and for each of some categories.

The peer computes the same score with `ingest.link.words`, a text and a word at a time. The limit
is what it takes to read the same lines as JSON, which any prefilter over records must do.
Both by processor time of one core.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine
import numpy as np

from ingest import funnel
from ingest.link import theses
from ingest.link.words import words
from ingest.sources.arxiv_snapshot import ArxivSnapshot
from kb import content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOALS = {"recall": 0.98, "abstracts_per_second": 20_000}
_CATEGORIES = ("cs.LG", "stat.ML", "cs.CV", "cs.CL", "math.AP", "hep-th")
_BATCH = 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the funnel lets pass.")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--first", type=int, default=20_000, help="Records of the corpus.")
    parser.add_argument("--total", type=int, default=178_911, help="Records that it holds.")
    parser.add_argument("--out", type=Path)
    told = parser.parse_args()
    listed = theses.from_file(content.load().theses)
    sieve = funnel.Funnel(listed)
    figures: dict[str, Any] = {"threshold": funnel.THRESHOLD, "goals": GOALS}
    if told.labels is not None:
        figures |= _recall(sieve, told.labels)
    lines = list(_lines(told.corpus, told.total, told.first)) if told.corpus else []
    if lines:
        rows = [json.loads(line) for line in lines]
        texts = [f"{row['title']}. {row['abstract']}" for row in rows]
        figures |= _share(sieve, texts, [row["categories"] or "" for row in rows])
        figures |= _speed(sieve, texts, lines)
    for name, value in figures.items():
        print(f"{name}: {value}")
    print(machine.write("funnel", figures, told.out))


def _recall(sieve: funnel.Funnel, path: Path) -> dict[str, Any]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    scores = sieve.scores([f"{row['title']}. {row['abstract']}" for row in rows])
    links = np.array([sum(link["sure"] for link in row["links"]) for row in rows])
    passes = scores >= funnel.THRESHOLD
    order = np.argsort(-scores)
    reached = np.cumsum(links[order]) / links.sum()
    return {
        "labelled_links": int(links.sum()),
        "recall": round(float(links[passes].sum() / links.sum()), 4),
        "unlinked_that_pass": round(float(passes[links == 0].mean()), 3),
        "threshold_for_recall": {
            str(goal): round(float(scores[order][np.searchsorted(reached, goal - 1e-9)]), 2)
            for goal in (0.97, 0.98, 0.99, 1.0)
        },
    }


def _lines(path: Path, total: int, wanted: int) -> Iterator[bytes]:
    step = max(total // wanted, 1)
    for number, raw in enumerate(ArxivSnapshot(path).fetch()):
        if number % step == 0:
            yield raw.body


def _share(sieve: funnel.Funnel, texts: list[str], classes: list[str]) -> dict[str, Any]:
    passes = np.concatenate([sieve.scores(part) for part in _parts(texts)]) >= funnel.THRESHOLD
    found = {}
    for name in _CATEGORIES:
        here = np.array([name in each.split() for each in classes])
        if here.any():
            found[name] = [int(here.sum()), round(float(passes[here].mean()), 3)]
    return {"scored": len(texts), "share_that_passes": round(float(passes.mean()), 3),
            "by_category": found}  # fmt: skip


def _speed(sieve: funnel.Funnel, texts: list[str], lines: list[bytes]) -> dict[str, Any]:
    ours = min(_timed(lambda: [sieve.scores(part) for part in _parts(texts)]) for _ in range(3))
    few = texts[:2000]
    plain = _timed(lambda: [_by_word(sieve, text) for text in few]) * len(texts) / len(few)
    reading = min(_timed(lambda: [json.loads(line) for line in lines]) for _ in range(3))
    return {
        "abstracts_per_second": round(len(texts) / ours),
        "by_word_per_second": round(len(texts) / plain),
        "ratio_to_by_word": round(plain / ours, 1),
        "ratio_to_reading_json": round(ours / reading, 2),
    }


def _by_word(sieve: funnel.Funnel, text: str) -> float:
    found = words(text)
    rows = sorted({sieve._rows[word] for word in found if word in sieve._rows})
    if not rows:
        return 0.0
    return float(sieve._weights[rows].sum(axis=0).max()) / (1 + len(found) / 2) ** funnel._LENGTH


def _timed(job: Callable[[], object]) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


def _parts(texts: list[str]) -> Iterator[list[str]]:
    return (texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH))


if __name__ == "__main__":
    main()
