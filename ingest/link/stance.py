"""What a work does to a thesis: which of its statements its best sentences are nearest to.

Similarity says little about stance, so little is claimed. A work that is not mainly about the
thesis `mentions` it, which also stands for "cannot tell". One that is supports it, as most such
works do, unless its sentences lie clearly nearer the statements against. To say that it disputes
the thesis takes that margin and a sentence that denies something, for a wrong "disputes" is
worse than none.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ingest.link.candidates import whiten
from kb.vocabulary import Stance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.link.calibrate import Reference
    from ingest.link.theses import Thesis

    Matrix = NDArray[np.float32]

BEST = 3
"""Sentences of an abstract that are asked for a stance, those that speak to the thesis most."""
_DENIES = re.compile(
    r"\b(?:not|no|nor|neither|cannot|fails?|failed|failures?|contrary|contradict\w*|challeng\w+|"
    r"refut\w+|disprov\w+|counterexamples?|rather than|instead of|insufficient|overturn\w*|"
    r"reject\w*|unable|impossib\w+|limitations?)\b|n't\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Leaning:
    """The evidence on stance of one work and one thesis."""

    side: float
    """Margin between the statements for and against, in [-1, 1]."""
    condition: float
    """Margin between the qualifying statements and those for, in [-1, 1]."""
    central: float
    """Mean relevance of the work's title and sentences to the thesis, in standard deviations."""
    denies: bool
    """Whether one of the best sentences denies something."""


class Stances:
    """The statements of the theses, as directions in the encoder's space."""

    def __init__(self, theses: Sequence[Thesis], rows: Sequence[Matrix]) -> None:
        """Learn the directions.

        Args:
            theses: At least one.
            rows: For each thesis the vectors of its `sentences`, shape (sentences, dim).
        """
        groups = [_groups(thesis, own) for thesis, own in zip(theses, rows, strict=True)]
        spread = _spread([group for three in groups for group in three])
        means = [
            [_mean(group, own) for group in three] for three, own in zip(groups, rows, strict=True)
        ]
        side = np.stack([yes - no for yes, no, _ in means], axis=1)
        condition = np.stack([between - yes for yes, _, between in means], axis=1)
        # What parts the sides of all theses, "not", "depends on", helps where one has few words.
        self._side = whiten(spread, side + side.mean(axis=1, keepdims=True))
        self._condition = whiten(spread, condition + condition.mean(axis=1, keepdims=True))
        self._no_side = _offsets(self._side, [(yes + no) / 2 for yes, no, _ in means])
        self._no_condition = _offsets(self._condition, [(q + yes) / 2 for yes, _, q in means])

    def lean(self, place: int, rows: Matrix, texts: Sequence[str], central: float) -> Leaning:
        """Weigh a work's best sentences.

        Args:
            place: Of the thesis among the theses.
            rows: Vectors of the sentences, shape (sentences, dim), at least one.
            texts: The sentences.
            central: See `Leaning.central`.
        """
        side = float((rows @ self._side[:, place]).mean() - self._no_side[place])
        condition = float((rows @ self._condition[:, place]).mean() - self._no_condition[place])
        return Leaning(
            side=round(math.tanh(side), 4),
            condition=round(math.tanh(condition), 4),
            central=central,
            denies=any(_DENIES.search(text) for text in texts),
        )


def decide(leaning: Leaning, reference: Reference) -> Stance:
    """Return the stance that the evidence is enough for; `mentions` where it is for none."""
    if leaning.central < reference.central:
        return Stance.mentions
    if leaning.side <= -reference.against and leaning.denies:
        return Stance.disputes
    if leaning.condition >= reference.condition:
        return Stance.qualifies
    if leaning.side >= reference.side:
        return Stance.supports
    return Stance.mentions


def _groups(thesis: Thesis, rows: Matrix) -> list[NDArray[np.float64]]:
    """The vectors of the statements for, against and in between."""
    first = 1 + len(thesis.for_)
    second = first + len(thesis.against)
    wide = rows.astype(np.float64)
    return [wide[1:first], wide[first:second], wide[second:]]


def _mean(group: NDArray[np.float64], all_rows: Matrix) -> NDArray[np.float64]:
    """The mean of a group; that of all the thesis' sentences where it is empty."""
    mean: NDArray[np.float64] = (group if len(group) else all_rows.astype(np.float64)).mean(axis=0)
    return mean


def _spread(groups: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Covariance within the groups."""
    dim = groups[0].shape[1]
    total, count = np.zeros((dim, dim)), 0
    for group in groups:
        if len(group):
            off = group - group.mean(axis=0)
            total += off.T @ off
            count += len(group)
    return total / max(count, 1)


def _offsets(
    directions: NDArray[np.float64], middles: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Where the middle of two groups lies on each thesis' direction."""
    return np.asarray((directions * np.stack(middles, axis=1)).sum(axis=0))
