"""Fit the linker's numbers to labels, and judge it where it has not seen them.

Needs scikit-learn, which comes with sentence-transformers. The models are linear and few
features wide; what they learn can be read in `reference.json`.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.link import calibrate, theses
from ingest.link.calibrate import Linear
from ingest.link.candidates import FEATURES as SIMILARITIES
from ingest.link.candidates import Reading
from ingest.link.evidence import FEATURES
from ingest.link.gold import LabelError
from ingest.link.judge import LINK, STANCE, PackagedJudge
from kb.sentences import passages
from kb.vocabulary import Stance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ingest.link.calibrate import Reference
    from ingest.link.gold import Labelled
    from ingest.link.judge import Judgement, Seen
    from kb.encoder import Encoder, Progress
    from kb.schema import ThesesFile

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

PRECISION = 0.9
"""What published links must reach on abstracts that a fit has not seen."""
QUEUED = 0.5
"""What is queued for review must reach this: half of what a person sees should be worth it."""
DISPUTED = 0.6
"""The precision that "disputes" must reach where there are enough of them to tell."""
FOLDS = 5
_SOFT = {"first": 0.3, "link": 0.1, "stance": 0.05, "sentence": 0.1}
"""scikit-learn's C of each model."""


@dataclass(frozen=True, slots=True)
class Material:
    """Labelled abstracts with what the judge sees of them."""

    judge: PackagedJudge
    works: list[Labelled]
    readings: list[Reading]
    seen: list[Seen]
    seconds: float
    """That the judge took for all of them, vectors apart."""


def prepare(
    works: Sequence[Labelled],
    file: ThesesFile,
    encoder: Encoder,
    progress: Progress | None = None,
) -> Material:
    """Read labelled abstracts as the judge does. Those without a sentence are left out.

    Raises:
        EncoderError: The encoder or the reader fails.
    """
    listed = theses.from_file(file)
    rows = encoder.encode([text for thesis in listed for text in thesis.sentences])
    judge = PackagedJudge(listed, rows, encoder.name)
    cut = [(work, passages(work.title, work.abstract)) for work in works]
    cut = [(work, each) for work, each in cut if each.sentences]
    vectors = encoder.encode([text for _, each in cut for text in each.texts])
    ends = np.cumsum([len(each.texts) for _, each in cut])
    readings = [
        Reading.of(each, own)
        for (_, each), own in zip(cut, np.split(vectors, ends[:-1]), strict=True)
    ]
    seen: list[Seen] = []
    start = 0.0
    for number, reading in enumerate(readings, 1):
        seen.append(judge.see(reading))
        judge.decide(reading, seen[-1])
        # The first one loads the reader.
        start = start or time.perf_counter()
        if progress is not None:
            progress(number, len(readings))
    return Material(judge, [work for work, _ in cut], readings, seen, time.perf_counter() - start)


def shipped(material: Material) -> list[list[Judgement]]:
    """Judge every abstract with the packaged numbers."""
    return [
        material.judge.decide(reading, seen)
        for reading, seen in zip(material.readings, material.seen, strict=True)
    ]


def by_paper(material: Material, seed: int = 0) -> list[list[Judgement]]:
    """Judge each abstract with numbers that were fitted to the other folds."""
    folds = _folds(len(material.works), seed)
    found: list[list[Judgement]] = [[] for _ in material.works]
    for fold in range(FOLDS):
        numbers = fit(material, only=lambda i, fold=fold: folds[i] != fold)  # type: ignore[misc]
        for i in np.flatnonzero(folds == fold):
            found[i] = material.judge.decide(material.readings[i], material.seen[i], numbers)
    return found


def by_thesis(material: Material) -> list[list[Judgement]]:
    """Judge each pair with numbers that were fitted to the labels of the other theses."""
    found: list[list[Judgement]] = [[] for _ in material.works]
    for thesis in material.judge.theses:
        numbers = fit(material, without=thesis.id)
        for i, (reading, seen) in enumerate(zip(material.readings, material.seen, strict=True)):
            judged = material.judge.decide(reading, seen, numbers)
            found[i] += [each for each in judged if each.claim == thesis.id]
    return [sorted(each, key=lambda one: (-one.score, one.claim)) for each in found]


def fit(
    material: Material,
    only: Callable[[int], bool] = lambda _: True,
    without: str = "",
) -> Reference:
    """Return the packaged numbers with those that labels decide fitted anew; see `fitted`."""
    told = fitted(material, only, without)
    return replace(
        calibrate.load(),
        link=Linear(told["link"]),
        stance=Linear(told["stance"]),
        sentence=Linear(told["sentence"]),
        publish=told["publish"],
        queue=told["queue"],
        dispute=told["dispute"],
    )


def fitted(
    material: Material,
    only: Callable[[int], bool] = lambda _: True,
    without: str = "",
) -> dict[str, Any]:
    """Return the numbers that labels decide, in the form of `reference.json`.

    The thresholds are set on judgements of abstracts that the models behind them did not see.

    Args:
        material: Labelled abstracts.
        only: Whether an abstract, by its place, may be used.
        without: A thesis whose labels may not be.
    """
    places = [i for i in range(len(material.works)) if only(i)]
    table = _Table(material, places, without)
    models = table.models(table.every)
    held = np.zeros((len(table.linked), 1))
    shares = np.zeros((len(table.linked), len(Stance)))
    folds = _folds(len(material.works), seed=1)[table.work]
    for fold in range(FOLDS):
        away = folds == fold
        if away.any():
            others = table.models(~away)
            held[away] = Linear(others["link"])(table.link[away])
            shares[away] = Linear(others["stance"])(table.stance[away])
    chance = 1 / (1 + np.exp(-held[:, 0]))
    publish = threshold(chance, table.linked, PRECISION)
    disputes = list(Stance).index(Stance.disputes)
    share = np.exp(shares - np.logaddexp.reduce(shares, axis=1, keepdims=True))
    said = (table.side >= 0) & (share.argmax(axis=1) == disputes)
    return {
        **models,
        "publish": publish,
        "queue": min(publish, threshold(chance, table.linked, QUEUED)),
        "dispute": threshold(share[said, disputes], table.side[said] == disputes, DISPUTED, 3),
    }


def first(
    judge: PackagedJudge, works: Sequence[Labelled], readings: Sequence[Reading]
) -> dict[str, Any]:
    """Return what finds the theses worth reading a work beside: "scales" and "first".

    The form is that of `reference.json`. Pairs that only one reader linked are left out; one that
    a reader was in doubt about counts as linked.
    """
    ids = [thesis.id for thesis in judge.theses]
    raw = np.stack([judge.compare(reading).features for reading in readings]).astype(np.float64)
    scales: dict[str, dict[str, list[float]]] = {}
    for i, name in enumerate(SIMILARITIES):
        column = raw[:, :, i]
        each = {id: column[:, j] for j, id in enumerate(ids)}
        scales[name] = {
            id: [round(float(rows.mean()), 4), round(float(rows.std()) + 1e-4, 4)]
            for id, rows in {"": column.ravel(), **each}.items()
        }
    rows = np.stack([calibrate.Scales(scales)(features, ids) for features in raw])
    linked, kept = np.zeros(rows.shape[:2], bool), np.ones(rows.shape[:2], bool)
    for i, work in enumerate(works):
        for label in work.links:
            if label.claim in ids:
                linked[i, ids.index(label.claim)] = True
                kept[i, ids.index(label.claim)] = label.sure
    names = (*SIMILARITIES, *(f"{name}, own scale" for name in SIMILARITIES))
    model = numbers(names, ("bears",), rows[kept], linked[kept], _SOFT["first"])
    return {"scales": scales, "first": model}


def threshold(scores: Floats, right: Mask, precision: float, few: int = 10) -> float:
    """Return the least score from which on the precision is reached, to three digits.

    Args:
        scores: Of all that might be shown.
        right: Whether it should be.
        precision: The share of right ones that is asked for.
        few: Of the best scores, too few to tell: a lucky first one is no evidence.

    Returns:
        1.0, which nothing reaches, where no threshold does.

    Examples:
        >>> threshold(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True]), 0.7, 1)
        0.6
    """
    order = np.argsort(-scores, kind="stable")
    reached = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(reached >= precision)
    good = good[good + 1 >= few]
    # Rounded up, or the score itself might not reach it.
    return float(np.ceil(scores[order][good[-1]] * 1000 - 0.5) / 1000) if len(good) else 1.0


class _Table:
    """The labelled pairs of some abstracts as rows of features."""

    def __init__(self, material: Material, places: Sequence[int], without: str) -> None:
        work, linked, side, link, stance = [], [], [], [], []
        sentences, shows, owner = [], [], []
        ids = [thesis.id for thesis in material.judge.theses]
        for i in places:
            seen = material.seen[i]
            labels = {label.claim: label for label in material.works[i].links}
            for row, place in enumerate(seen.read):
                label = labels.get(ids[place])
                if ids[place] == without or (label is not None and not label.sure):
                    continue
                work.append(i)
                linked.append(label is not None)
                side.append(list(Stance).index(label.stance) if label and label.stance else -1)
                link.append(seen.link[row])
                stance.append(seen.stance[row])
            spans = material.readings[i].passages.spans
            for label in labels.values():
                parts = material.works[i].places(label)
                if not parts or label.claim == without or label.claim not in ids:
                    continue
                for row, span in enumerate(spans):
                    sentences.append(seen.sentences[row, ids.index(label.claim)])
                    shows.append(any(a < span.end and span.start < b for a, b in parts))
                    owner.append(i)
        self.work = np.array(work, int)
        self.linked, self.side = np.array(linked, bool), np.array(side, int)
        self.link, self.stance = np.array(link), np.array(stance)
        self._sentences, self._shows = np.array(sentences), np.array(shows, bool)
        self._owner = np.array(owner, int)

    @property
    def every(self) -> Mask:
        """A mask of all pairs."""
        return np.ones(len(self.linked), bool)

    def models(self, kept: Mask) -> dict[str, dict[str, Any]]:
        """Fit the three models to the pairs of a mask, and to the sentences of their abstracts."""
        known = kept & (self.side >= 0)
        owned = np.isin(self._owner, np.unique(self.work[kept]))
        return {
            "link": numbers(LINK, ("bears",), self.link[kept], self.linked[kept], _SOFT["link"]),
            "stance": numbers(
                STANCE,
                tuple(stance.value for stance in Stance),
                self.stance[known],
                self.side[known],
                _SOFT["stance"],
                balanced=True,
            ),
            "sentence": numbers(
                FEATURES,
                ("shows",),
                self._sentences[owned],
                self._shows[owned],
                _SOFT["sentence"],
            ),
        }


def numbers(
    features: tuple[str, ...],
    outputs: tuple[str, ...],
    rows: Floats,
    truth: NDArray[Any],
    soft: float,
    *,
    balanced: bool = False,
) -> dict[str, Any]:
    """Return a fitted logistic model in the form that `Linear` reads."""
    from sklearn.linear_model import LogisticRegression

    if len(set(truth.tolist())) < 2:
        raise LabelError(
            f"the labels have one answer only for {' or '.join(outputs)}: more are needed to fit to"
        )
    mean, sd = rows.mean(axis=0), rows.std(axis=0)
    sd[sd < 1e-3] = 1.0  # a number that never changes tells nothing, and divides by nothing
    # Half way to equal weights: rare classes are heard, and common ones still more likely.
    counts = np.bincount(truth.astype(int))
    weight = (len(truth) / counts[truth.astype(int)]) ** 0.5 if balanced else None
    model = LogisticRegression(C=soft, max_iter=2000).fit((rows - mean) / sd, truth, weight)
    weights = np.zeros((len(features), len(outputs)))
    bias = np.full(len(outputs), -20.0)  # a class that no label has is never said
    if len(outputs) == 1:
        weights[:, 0], bias[0] = model.coef_[0], model.intercept_[0]
    elif len(model.classes_) == 2:
        low, high = model.classes_
        weights[:, high], bias[low], bias[high] = model.coef_[0], 0.0, model.intercept_[0]
    else:
        weights[:, model.classes_] = model.coef_.T
        bias[model.classes_] = model.intercept_
    return {
        "outputs": list(outputs),
        "bias": [round(float(value), 4) for value in bias],
        "features": {
            name: {
                "mean": round(float(mean[i]), 4),
                "sd": round(float(sd[i]), 4),
                "weights": [round(float(value), 4) for value in weights[i]],
            }
            for i, name in enumerate(features)
        },
    }


def _folds(count: int, seed: int) -> NDArray[np.int64]:
    """A fold for each abstract, equal in size, drawn by a seed."""
    order = list(range(count))
    random.Random(seed).shuffle(order)  # noqa: S311 - folds, not secrets
    folds = np.empty(count, int)
    folds[order] = np.arange(count) % FOLDS
    return folds
