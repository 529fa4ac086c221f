"""How well judgements agree with labels: figures, with intervals. Pure.

The definitions, since each figure has several in use:

- A pair is a labelled abstract and a thesis. A link that only one of two readers gave is left
  out, for and against. All other theses count as "no link".
- Average precision, F1, AUROC and calibration rank all pairs by `score`.
- Stance is judged on the linked pairs whose stance the readers agree on. "Supports against
  disputes" ranks by `stance_score` the pairs that are one or the other.
- Evidence hits where the sentence overlaps one of the labelled parts.
- Intervals are percentiles of bootstrap samples: of the abstracts, since pairs of one abstract
  hang together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.vocabulary import Stance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ingest.link.gold import Labelled
    from ingest.link.judge import Judgement

STANCES = tuple(stance.value for stance in Stance)
_NONE = -1
_SAMPLES = 1000
_BINS = 10


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of an abstract and a thesis, what the labels say and what the judge says."""

    work: NDArray[np.int64]
    """Number of the abstract; abstracts without a pair do not occur."""
    linked: NDArray[np.bool_]
    """Whether the labels link the two."""
    silent: NDArray[np.bool_]
    """Whether the labels link the abstract to no thesis at all."""
    stance: NDArray[np.int64]
    """Labelled stance as a place in `STANCES`; -1 where there is none or readers differ."""
    score: NDArray[np.float64]
    rank: NDArray[np.int64]
    """Of the thesis among those of the abstract, from 0."""
    published: NDArray[np.bool_]
    said: NDArray[np.int64]
    """The judge's stance, as a place in `STANCES`."""
    side: NDArray[np.float64]
    """Above 0 for, below 0 against."""
    confidence: NDArray[np.float64]
    """How sure the judge is of its stance, comparable between pairs."""
    hit1: NDArray[np.bool_]
    """Whether the first evidence sentence is a labelled one."""
    hit3: NDArray[np.bool_]
    """Whether one of the first three is."""
    shown: NDArray[np.bool_]
    """Whether the labels name evidence."""

    def take(self, rows: NDArray[Any]) -> Pairs:
        """Return some of the pairs, by mask or by place."""
        return Pairs(*(getattr(self, field.name)[rows] for field in fields(self)))


def pairs(
    works: Sequence[Labelled], judged: Sequence[Sequence[Judgement]], only: str | None = None
) -> Pairs:
    """Set judgements beside labels.

    Args:
        works: The labelled abstracts.
        judged: For each, a judgement for every thesis, highest score first.
        only: Keep the pairs with this thesis alone.
    """
    rows: list[tuple[Any, ...]] = []
    for number, (work, judgements) in enumerate(zip(works, judged, strict=True)):
        labels = {label.claim: label for label in work.links}
        for rank, each in enumerate(judgements):
            label = labels.get(each.claim)
            if (label is not None and not label.sure) or only not in (None, each.claim):
                continue
            places = work.places(label) if label else []
            hits = [
                any(start < part.end and part.start < end for start, end in places)
                for part in (each.evidence, *each.alternatives)
            ]
            rows.append(
                (
                    number,
                    label is not None,
                    not work.links,
                    STANCES.index(label.stance) if label and label.stance else _NONE,
                    each.score,
                    rank,
                    each.published,
                    STANCES.index(each.stance),
                    each.stance_score,
                    each.confidence,
                    hits[0],
                    any(hits),
                    bool(places),
                )
            )
    kinds = (int, bool, bool, int, float, int, bool, int, float, float, bool, bool, bool)
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return Pairs(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


def figures(found: Pairs) -> dict[str, float]:
    """Return every figure by name; one that the pairs cannot give is left out."""
    told: dict[str, float | None] = {}
    y, s, p = found.linked, found.score, found.published
    if y.any() and not y.all():
        precision, recall = _curve(y, s)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        told |= {
            "link AP": float((np.diff(recall, prepend=0.0) * precision).sum()),
            "link best F1": float(f1.max()),
            "link AUROC": auroc(y, s),
            "recall at precision 0.9": float(recall[precision >= 0.9].max(initial=0.0)),
            "recall@5 theses": float((found.rank[y] < 5).mean()),
            "expected calibration error": _calibration(y, s, everywhere=True),
            "calibration error above 0.05": _calibration(y, s, everywhere=False),
        }
    told["published precision"] = _mean(y[p])
    told["published recall"] = _mean(p[y])
    hits, said, there = (y & p).sum(), p.sum(), y.sum()
    told["published F1"] = float(2 * hits / (said + there)) if said + there else None
    quiet = found.take(found.silent)
    told["unlinked abstracts with a published link"] = (
        len(np.unique(quiet.work[quiet.published])) / len(np.unique(quiet.work))
        if len(quiet.work)
        else None
    )
    told |= _stance(found.take(found.stance != _NONE))
    seen = found.take(y & found.shown)
    told["evidence hit@1"], told["evidence hit@3"] = _mean(seen.hit1), _mean(seen.hit3)
    return {name: value for name, value in told.items() if value is not None}


def _stance(found: Pairs) -> dict[str, float | None]:
    truth, said = found.stance, found.said
    told: dict[str, float | None] = {"stance accuracy": _mean(truth == said)}
    scores = []
    for place, name in enumerate(STANCES):
        right = ((truth == place) & (said == place)).sum()
        told[f"{name} precision"] = _share(right, (said == place).sum())
        told[f"{name} recall"] = _share(right, (truth == place).sum())
        if (truth == place).any():
            scores.append(2 * right / ((truth == place).sum() + (said == place).sum()))
    told["stance macro-F1"] = float(np.mean(scores)) if scores else None
    sides = found.take(
        np.isin(truth, [STANCES.index(Stance.supports), STANCES.index(Stance.disputes)])
    )
    told["supports against disputes AUROC"] = auroc(
        sides.stance == STANCES.index(Stance.supports), sides.side
    )
    shown = found.take(found.published)
    order = np.argsort(-shown.confidence, kind="stable")[: (len(shown.work) + 1) // 2]
    told["published stance precision"] = _mean(shown.stance == shown.said)
    told["published stance precision, surer half"] = _mean(shown.stance[order] == shown.said[order])
    return told


def intervals(
    found: Pairs, figure: Callable[[Pairs], dict[str, float]] = figures, samples: int = _SAMPLES
) -> dict[str, tuple[float, float]]:
    """Return the 95 % interval of every figure.

    Abstracts are drawn with replacement (Efron and Tibshirani, An Introduction to the Bootstrap,
    1993, ch. 13, the percentile interval). The draw is seeded: two calls agree.

    Args:
        found: The pairs.
        figure: What to compute of each sample.
        samples: How many.
    """
    chance = np.random.default_rng(0)
    works, first = np.unique(found.work, return_inverse=True)
    order = np.argsort(first, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(first))[:-1]) if len(works) else []
    drawn: dict[str, list[float]] = {}
    for _ in range(samples if groups else 0):
        picked = chance.integers(len(groups), size=len(groups))
        sample = found.take(np.concatenate([groups[i] for i in picked]))
        # A work that is drawn twice counts as two.
        sizes = [len(groups[i]) for i in picked]
        sample.work[:] = np.repeat(np.arange(len(picked)), sizes)
        for name, value in figure(sample).items():
            drawn.setdefault(name, []).append(value)
    return {
        name: (float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5)))
        for name, values in drawn.items()
    }


def confusion(found: Pairs) -> list[list[int]]:
    """Return how often each labelled stance (rows) was said as each (columns), in `STANCES`."""
    table = np.zeros((len(STANCES), len(STANCES)), np.int64)
    known = found.take(found.stance != _NONE)
    np.add.at(table, (known.stance, known.said), 1)
    rows: list[list[int]] = table.tolist()
    return rows


def auroc(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float | None:
    """Return the share of pairs of a positive and a negative in the right order, ties half.

    None where one of the two is missing. Source: Hanley and McNeil, Radiology 143, 1982.
    """
    above, below = score[positive], np.sort(score[~positive])
    if not len(above) or not len(below):
        return None
    under = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(under.mean() / 2 / len(below))


def _curve(y: NDArray[np.bool_], s: NDArray[np.float64]) -> tuple[Any, Any]:
    """Precision and recall at each distinct score, highest score first."""
    order = np.argsort(-s, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(s[order])), len(s) - 1)
    right = np.cumsum(y[order])[ends]
    return right / (ends + 1), right / max(y.sum(), 1)


def _calibration(y: NDArray[np.bool_], s: NDArray[np.float64], *, everywhere: bool) -> float | None:
    """Expected calibration error over equal bins (Guo et al., ICML 2017).

    Almost all pairs score next to nothing and are no links, so the error over all of them is
    small for any judge; that over pairs that score above 0.05 tells more.
    """
    kept = np.ones(len(s), bool) if everywhere else s > 0.05
    if not kept.any():
        return None
    bins = np.minimum((s[kept] * _BINS).astype(int), _BINS - 1)
    off = [abs(float((y[kept][bins == b] - s[kept][bins == b]).sum())) for b in range(_BINS)]
    return sum(off) / int(kept.sum())


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) else None


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
