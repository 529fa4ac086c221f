"""Fit the linker's numbers anew: ingest/link/reference.json.

    python bench/fit_linker.py LABELS.jsonl --abstracts ABSTRACTS.jsonl ...

What finds the theses worth reading is fitted to the labelled abstracts of labels/arxiv.jsonl whose
texts are in the files given. All else, the thresholds too, is fitted to LABELS (each line: id,
title, abstract, links), which neither that nor the cross-encoder has seen; `kb eval links` tells
how it does there when it is cross-validated. Labels are a language-model annotator's, not people's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from labelled import read

from ingest.link import calibrate, fit, gold, report, theses
from ingest.link.candidates import Reading
from ingest.link.judge import PackagedJudge
from kb import content
from kb.encoder import SentenceTransformerEncoder
from kb.sentences import passages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.link.gold import Labelled
    from kb.encoder import Encoder

VERSION = 2
MOST, LEAST, FLOOR = 5, -4.0, 0.01
"""Theses that a work is read beside at most; log-odds below which none is; the least score."""
ABOUT = (
    "Fixed numbers of the linker, made by `python bench/fit_linker.py`. scales: similarity -> "
    "thesis -> mean and standard deviation over {reference} abstracts. first: logistic model on "
    "them, fitted to {own} labelled abstracts with {own_links} links. link, stance, sentence and "
    "the thresholds: fitted to {works} other labelled abstracts with {links} links; publish is the "
    "least score that keeps precision {precision} on abstracts not seen, by cross-validation. "
    "Labels come from a language-model annotator, not from people."
)


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("labels", type=Path)
    parser.add_argument("--abstracts", type=Path, nargs="+", required=True)
    parser.add_argument("--model", default=None)
    parser.add_argument("--device", default="auto")
    told = parser.parse_args()
    encoder = SentenceTransformerEncoder(told.model, device=told.device)
    write(encoder, gold.read(told.labels), read(told.abstracts))


def write(encoder: Encoder, labels: Sequence[Labelled], own: Sequence[Labelled]) -> None:
    """Fit everything and write reference.json."""
    path = Path(calibrate.__file__).with_name("reference.json")
    file = content.load().theses
    listed = theses.from_file(file)
    rows = encoder.encode([text for thesis in listed for text in thesis.sentences])
    judge = PackagedJudge(listed, rows, encoder.name)
    works, readings = _readings(encoder, own)
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    told |= fit.first(judge, works, readings)
    told |= {
        "version": VERSION,
        "encoder": encoder.name,
        "reader": judge.reader,
        "fitted": report.digest(labels),
        "most": MOST,
        "least": LEAST,
        "floor": FLOOR,
    }
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    material = fit.prepare(labels, file, encoder)
    told |= fit.fitted(material)
    told["about"] = ABOUT.format(
        reference=len(works),
        own=len(works),
        own_links=sum(len(work.links) for work in works),
        works=len(labels),
        links=sum(label.sure for work in labels for label in work.links),
        precision=fit.PRECISION,
    )
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(f"{path.name}: publish {told['publish']}, queue {told['queue']}, "
          f"dispute {told['dispute']}")  # fmt: skip


def _readings(encoder: Encoder, works: Sequence[Labelled]) -> tuple[list[Labelled], list[Reading]]:
    """The works that have a sentence, and what a judge gets of them."""
    cut = [(work, passages(work.title, work.abstract)) for work in works]
    cut = [(work, each) for work, each in cut if each.sentences]
    rows = encoder.encode([text for _, each in cut for text in each.texts])
    ends = np.cumsum([len(each.texts) for _, each in cut])
    readings = [
        Reading.of(each, own) for (_, each), own in zip(cut, np.split(rows, ends[:-1]), strict=True)
    ]
    return [work for work, _ in cut], readings


if __name__ == "__main__":
    main()
