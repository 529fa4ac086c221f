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
from ingest.link.examples import FEATURES as LIKENESSES
from ingest.link.gold import LabelError
from ingest.link.judge import LINK, PackagedJudge
from kb.sentences import passages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ingest.link.calibrate import Reference
    from ingest.link.examples import Examples
    from ingest.link.gold import Labelled
    from ingest.link.judge import Judgement, Seen
    from kb.encoder import Encoder
    from kb.schema import ThesesFile

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

PRECISION = 0.9
"""What published links must reach on abstracts that a fit has not seen."""
QUEUED = 0.5
"""What is queued for review must reach this: half of what a person sees should be worth it."""
FOLDS = 5
_SOFT = {"first": 0.3, "link": 0.1, "sentence": 0.1}
"""scikit-learn's C of each model."""


@dataclass(frozen=True, slots=True)
class Material:
    """Labelled abstracts with what the judge sees of them."""

    judge: PackagedJudge
    works: list[Labelled]
    readings: list[Reading]
    seen: list[Seen]
    strict: list[Seen]
    """The same with each thesis as if it were new."""


def prepare(works: Sequence[Labelled], file: ThesesFile, encoder: Encoder) -> Material:
    """Read labelled abstracts as the judge does. Those without a sentence are left out.

    Raises:
        EncoderError: The encoder fails, or a packaged file does not hold what it should.
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
    return Material(
        judge=judge,
        works=[work for work, _ in cut],
        readings=readings,
        seen=[judge.see(reading) for reading in readings],
        strict=[judge.see(reading, strict=True) for reading in readings],
    )


def seconds(material: Material) -> float:
    """Return how long the judge takes for all of them, vectors apart."""
    for reading in material.readings[:20]:
        material.judge.judge(reading)  # so that the first ones do not count as slow
    start = time.perf_counter()
    for reading in material.readings:
        material.judge.judge(reading)
    return time.perf_counter() - start


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
    """Judge each pair with nothing that a label of its thesis went into, as if it were new.

    No example of it is known, the similarities are weighed as fitted to the other theses, the
    stance is told by what was fitted to our own sentences and abstracts alone, and the last step
    is fitted here without the thesis. What is known of it is what we wrote about it ourselves.
    """
    found: list[list[Judgement]] = [[] for _ in material.works]
    material = replace(material, seen=material.strict)
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
        sentence=Linear(told["sentence"]),
        publish=told["publish"],
        queue=told["queue"],
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
    folds = _folds(len(material.works), seed=1)[table.work]
    for fold in range(FOLDS):
        away = folds == fold
        if away.any():
            held[away] = Linear(table.models(~away)["link"])(table.link[away])
    chance = 1 / (1 + np.exp(-held[:, 0]))
    publish = threshold(chance, table.linked, PRECISION)
    return {
        **models,
        "publish": publish,
        "queue": min(publish, threshold(chance, table.linked, QUEUED)),
    }


def first(
    judge: PackagedJudge,
    works: Sequence[Labelled],
    readings: Sequence[Reading],
    known: Examples,
) -> dict[str, Any]:
    """Return what similarities say of a link, with examples and alone, as `reference.json` has it.

    Pairs that only one reader linked are left out; one that a reader was in doubt about counts as
    linked.

    Args:
        judge: Its theses are those that are linked to.
        works: Labelled abstracts.
        readings: The same.
        known: Examples, which may be those abstracts: none is an example of itself.
    """
    ids = [thesis.id for thesis in judge.theses]
    similar = np.stack([judge.compare(reading).features for reading in readings])
    like = np.stack([known(reading.windows, ids) for reading in readings])
    told = {
        "scales": _scales(SIMILARITIES, similar, ids),
        "example_scales": _scales(LIKENESSES, like, ids),
    }
    rows = np.stack([calibrate.Scales(told["scales"])(each, ids) for each in similar])
    more = np.stack([calibrate.Scales(told["example_scales"])(each, ids) for each in like])
    linked, kept = np.zeros(rows.shape[:2], bool), np.ones(rows.shape[:2], bool)
    for i, work in enumerate(works):
        for label in work.links:
            if label.claim in ids:
                linked[i, ids.index(label.claim)] = True
                kept[i, ids.index(label.claim)] = label.sure
    names, extra = _twice(SIMILARITIES), _twice(LIKENESSES)
    enough = kept & np.array([id in known.known for id in ids])
    every = np.concatenate([rows, more], axis=2)[enough]
    told["first"] = numbers((*names, *extra), "bears", every, linked[enough], _SOFT["first"])
    told["alone"] = {}
    for id in ("", *ids):
        of = kept & np.array([one != id for one in ids])
        told["alone"][id] = numbers(names, "bears", rows[of], linked[of], _SOFT["first"])
    return told


def _twice(names: Sequence[str]) -> tuple[str, ...]:
    return (*names, *(f"{name}, own scale" for name in names))


def _scales(
    names: Sequence[str], raw: NDArray[np.float32], ids: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Mean and standard deviation of each feature, over all theses and for each."""
    found: dict[str, dict[str, list[float]]] = {}
    for i, name in enumerate(names):
        column = raw[:, :, i].astype(np.float64)
        each = {"": column.ravel(), **{id: column[:, j] for j, id in enumerate(ids)}}
        found[name] = {
            id: [round(float(values.mean()), 4), round(float(values.std()) + 1e-4, 4)]
            for id, values in each.items()
        }
    return found


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
        work, linked, link = [], [], []
        sentences, shows, owner = [], [], []
        ids = [thesis.id for thesis in material.judge.theses]
        for i in places:
            seen = material.seen[i]
            labels = {label.claim: label for label in material.works[i].links}
            for row, place in enumerate(seen.near):
                label = labels.get(ids[place])
                if ids[place] == without or (label is not None and not label.sure):
                    continue
                work.append(i)
                linked.append(label is not None)
                link.append(seen.link[row])
            spans = material.readings[i].passages.spans
            near = [ids[place] for place in seen.near]
            for label in labels.values():
                parts = material.works[i].places(label)
                if not parts or label.claim == without or label.claim not in near:
                    continue
                for row, span in enumerate(spans):
                    sentences.append(seen.sentences[row, near.index(label.claim)])
                    shows.append(any(a < span.end and span.start < b for a, b in parts))
                    owner.append(i)
        self.work = np.array(work, int)
        self.linked, self.link = np.array(linked, bool), np.array(link)
        self._sentences, self._shows = np.array(sentences), np.array(shows, bool)
        self._owner = np.array(owner, int)

    @property
    def every(self) -> Mask:
        """A mask of all pairs."""
        return np.ones(len(self.linked), bool)

    def models(self, kept: Mask) -> dict[str, dict[str, Any]]:
        """Fit the three models to the pairs of a mask, and to the sentences of their abstracts."""
        owned = np.isin(self._owner, np.unique(self.work[kept]))
        return {
            "link": numbers(LINK, "bears", self.link[kept], self.linked[kept], _SOFT["link"]),
            "sentence": numbers(
                FEATURES,
                "shows",
                self._sentences[owned],
                self._shows[owned],
                _SOFT["sentence"],
            ),
        }


def numbers(
    features: tuple[str, ...], output: str, rows: Floats, truth: NDArray[Any], soft: float
) -> dict[str, Any]:
    """Return a fitted logistic model of yes or no in the form that `Linear` reads."""
    from sklearn.linear_model import LogisticRegression

    if len(set(truth.tolist())) < 2:
        raise LabelError(f"the labels have one answer only for {output}: more are needed to fit to")
    mean, sd = rows.mean(axis=0), rows.std(axis=0)
    sd[sd < 1e-3] = 1.0  # a number that never changes tells nothing, and divides by nothing
    model = LogisticRegression(C=soft, max_iter=2000).fit((rows - mean) / sd, truth)
    return {
        "outputs": [output],
        "bias": [round(float(model.intercept_[0]), 4)],
        "features": {
            name: {
                "mean": round(float(mean[i]), 4),
                "sd": round(float(sd[i]), 4),
                "weights": [round(float(model.coef_[0][i]), 4)],
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
