"""Fit the linker anew: reference.json, examples.safetensors and stance.safetensors in ingest/link.

    python bench/fit_linker.py LABELS.jsonl --abstracts ABSTRACTS.jsonl ...

What similarities say, the examples, and the words that tell stances come from the labelled
abstracts of labels/real.jsonl whose texts are in the files given; the words from sentences and
abstracts of our own too. The sentence that is shown, the last step of a link's score and the
thresholds are fitted to LABELS (each line: id, title, abstract, links); `kb eval links` tells how
all does there when it is cross-validated. Labels are a language-model annotator's, not people's.
About five minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from labelled import SENTENCES, read, written

from ingest.link import calibrate, examples, fit, gold, report, stance, theses
from ingest.link.candidates import Reading
from ingest.link.examples import Examples, whole
from ingest.link.judge import PackagedJudge
from kb import content
from kb.encoder import SentenceTransformerEncoder
from kb.sentences import passages
from kb.vocabulary import Stance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.link.gold import Labelled
    from ingest.link.stance import Look
    from kb.encoder import Encoder

    Known = tuple[Look, Stance]

VERSION = 3
MOST, LEAST, FLOOR = 8, -4.6, 0.01
"""Theses of a work that are judged at most; log-odds below which none is; the least score."""
OURS = 0.6
"""What one of our own texts counts beside a labelled abstract where stances are learnt."""
DISPUTED, FOLDS = 0.6, 5
"""The precision that "disputes" must reach on abstracts not seen; parts that these are cut in."""
ABOUT = (
    "Fixed numbers of the linker, made by `python bench/fit_linker.py`. scales: similarity -> "
    "thesis -> mean and standard deviation over {own} abstracts. first and alone: logistic models "
    "on them, fitted to these abstracts, which are labelled, with {own_links} links; in alone, by "
    "thesis, without its labels. link, sentence and the thresholds: fitted to {works} other "
    "labelled abstracts with {links} links; publish is the least score that keeps precision "
    "{precision} on abstracts not seen, by cross-validation. Labels come from a language-model "
    "annotator, not from people."
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
    """Fit everything and write the three files."""
    home = Path(calibrate.__file__).parent
    path = home / "reference.json"
    file = content.load().theses
    listed = theses.from_file(file)
    ids = [thesis.id for thesis in listed]
    rows = encoder.encode([text for thesis in listed for text in thesis.sentences])
    works, readings = _readings(encoder, own)
    bears = np.array([[id in {each.claim for each in work.links} for id in ids] for work in works])
    vectors = np.stack([whole(reading.windows) for reading in readings])
    examples.save(home / examples.FILE, encoder.name, vectors, bears, ids, [w.id for w in works])
    known = Examples(vectors.astype(np.float16).astype(np.float32), bears, ids)
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    judge = PackagedJudge(listed, rows, encoder.name, known=known, stances={})
    told |= fit.first(judge, works, readings, known)
    told |= {
        "version": VERSION,
        "encoder": encoder.name,
        "fitted": report.digest(labels),
        "files": "",
        "most": MOST,
        "least": LEAST,
        "floor": FLOOR,
        "about": ABOUT.format(
            own=len(works),
            own_links=sum(len(work.links) for work in works),
            works=len(labels),
            links=sum(label.sure for work in labels for label in work.links),
            precision=fit.PRECISION,
        ),
    }
    # Twice: which sentences a stance is told by is fitted too.
    for _ in range(2):
        path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
        judge = PackagedJudge(listed, rows, encoder.name, known=known, stances={})
        ours = [*_looks(judge, *_readings(encoder, written())), *_sentences(judge, encoder)]
        seen = [*_looks(judge, works, readings), *ours]
        weights = [*[1.0] * (len(seen) - len(ours)), *[OURS] * len(ours)]
        forms = {"all": _fit(seen, weights), "own": _fit(ours, [1.0] * len(ours))}
        stance.save(home / stance.FILE, encoder.name, forms)
        told["dispute"] = _dispute(seen[: len(seen) - len(ours)], ours)
        told |= fit.fitted(fit.prepare(labels, file, encoder))
    held = [(home / name).read_bytes() for name in (examples.FILE, stance.FILE)]
    told["files"] = " ".join(hashlib.sha256(each).hexdigest()[:8] for each in held)
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(f"{len(seen)} stances, {len(ours)} of them in texts of our own")
    print(f"{path.name}: publish {told['publish']}, queue {told['queue']}, "
          f"dispute {told['dispute']}")  # fmt: skip


def _fit(known: Sequence[Known], weights: Sequence[float]) -> Any:
    return stance.fit([look for look, _ in known], [name for _, name in known], weights)


def _dispute(real: Sequence[Known], ours: Sequence[Known]) -> float:
    """The least share with which "disputes" is right often enough, by cross-validation."""
    folds = np.random.default_rng(0).integers(0, FOLDS, len(real))
    shares = np.zeros((len(real), len(stance.STANCES)))
    for fold in range(FOLDS):
        others = [one for one, of in zip(real, folds, strict=True) if of != fold]
        words, tables = _fit([*others, *ours], [*[1.0] * len(others), *[OURS] * len(ours)])
        away = [look for (look, _), of in zip(real, folds, strict=True) if of == fold]
        shares[folds == fold] = np.exp(stance.StanceModel(words, tables)(away))
    place = stance.STANCES.index(Stance.disputes)
    said = shares.argmax(axis=1) == place
    right = np.array([name == Stance.disputes for _, name in real])
    print(f"disputes: said of {said.sum()} labelled abstracts not seen, right of "
          f"{(said & right).sum()}, of {right.sum()} that are")  # fmt: skip
    return fit.threshold(shares[said, place], right[said], DISPUTED)


def _looks(
    judge: PackagedJudge, works: Sequence[Labelled], readings: Sequence[Reading]
) -> Iterator[Known]:
    """What there is to see of each labelled stance."""
    places = {thesis.id: place for place, thesis in enumerate(judge.theses)}
    for work, reading in zip(works, readings, strict=True):
        links = [each for each in work.links if each.sure and each.stance and each.claim in places]
        looks = judge.look(reading, [places[each.claim] for each in links])
        yield from zip(looks, [each.stance for each in links if each.stance], strict=True)


def _sentences(judge: PackagedJudge, encoder: Encoder) -> Iterator[Known]:
    """The same of our single sentences."""
    ours = yaml.safe_load(SENTENCES.read_text("utf-8"))
    for place, thesis in enumerate(judge.theses):
        said = ours[thesis.id]
        texts = [(text, Stance.supports) for text, _ in said["pairs"]]
        texts += [(text, Stance.disputes) for _, text in said["pairs"]]
        texts += [(text, name) for name in Stance for text in said[name.value]]
        cut = [passages("", text) for text, _ in texts]
        rows = encoder.encode([text for each in cut for text in each.texts])
        ends = np.cumsum([len(each.texts) for each in cut])
        for (_, name), each, own in zip(texts, cut, np.split(rows, ends[:-1]), strict=True):
            yield judge.look(Reading.of(each, own), [place])[0], name


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
