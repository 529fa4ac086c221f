"""How fast works that have vectors are judged against all theses.

    python bench/linking.py [--labels FILE] [--out FILE]

Of our own abstracts in labels/written.jsonl, each of which is about a thesis or near to one: the
hardest kind for speed, since most works of a feed are near to none and cost less. In one process,
and in one a core. With --labels, of the abstracts of that file (JSON Lines: id, title, abstract).
The limit beside it is what it takes to read the vectors and the words alone.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import machine
import numpy as np
from labelled import WRITTEN

from ingest.link import gold, theses
from ingest.link.candidates import Reading
from ingest.link.judge import PackagedJudge
from ingest.link.words import words
from kb import content
from kb.encoder import SentenceTransformerEncoder
from kb.sentences import passages

if TYPE_CHECKING:
    from collections.abc import Sequence

GOAL, ROUNDS = 1000, 3
WHY = (
    "profiled: a third is regular expressions and words over the sentences, a sixth cosines, a "
    "tenth the labelled examples, an eighth making the judgements, the rest Python between them"
)
_judge: PackagedJudge | None = None


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--labels", type=Path, default=WRITTEN)
    parser.add_argument("--out", type=Path)
    told = parser.parse_args()
    works = gold.read(told.labels)
    encoder = SentenceTransformerEncoder()
    listed = theses.from_file(content.load().theses)
    rows = encoder.encode([text for thesis in listed for text in thesis.sentences])
    cut = [passages(work.title, work.abstract) for work in works]
    cut = [each for each in cut if each.sentences]
    vectors = encoder.encode([text for each in cut for text in each.texts])
    ends = np.cumsum([len(each.texts) for each in cut])
    readings = [
        Reading.of(each, own) for each, own in zip(cut, np.split(vectors, ends[:-1]), strict=True)
    ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    _start(listed, rows, encoder.name)
    alone = max(_rate(readings) for _ in range(ROUNDS))
    shares = [readings[i::cores] for i in range(cores)]
    with ProcessPoolExecutor(
        cores, initializer=_start, initargs=(listed, rows, encoder.name)
    ) as to:
        list(to.map(_rate, [share[:50] for share in shares]))
        together = max(sum(to.map(_rate, shares)) for _ in range(ROUNDS))
    limit = max(_limit(readings) for _ in range(ROUNDS))
    figures = {
        "works": len(readings),
        "theses": len(listed),
        "processes": cores,
        "works_per_second_one_process": round(alone),
        "works_per_second": round(together),
        "words_and_vectors_alone_per_second": round(limit),
        "ratio_to_words_and_vectors_alone": round(alone / limit, 3),
        "goals": {"works_per_second": GOAL},
        "why": WHY,
    }
    print(f"{len(readings)} works against {len(listed)} theses: {alone:.0f} works a second in one "
          f"process, {together:.0f} in {cores} (goal {GOAL})")  # fmt: skip
    print(f"words and vectors alone: {limit:.0f} a second in one process")
    machine.write("linking", figures, told.out)


def _start(listed: list[theses.Thesis], rows: np.ndarray, encoder: str) -> None:
    global _judge
    _judge = PackagedJudge(listed, rows, encoder)


def _rate(readings: Sequence[Reading]) -> float:
    """Works a second."""
    if _judge is None:
        raise RuntimeError("a worker without a judge")
    _judge.judge(readings[0])
    start = time.perf_counter()
    for reading in readings:
        _judge.judge(reading)
    return len(readings) / (time.perf_counter() - start)


def _limit(readings: Sequence[Reading]) -> float:
    """Works a second whose words are counted and whose vectors are read, and no more."""
    start = time.perf_counter()
    for reading in readings:
        for text in (reading.passages.title, *reading.passages.sentences):
            words(text)
        reading.sentences @ reading.title
    return len(readings) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
