"""The fixed numbers that turn what is seen of a work into scores, and where they come from.

They are read from `reference.json` beside this module, which says how they were fitted;
`bench/fit_linker.py` makes it again. Nothing here depends on the other works of a batch, so a
work gets the same links whenever it is linked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray


class Scales:
    """Mean and standard deviation of each similarity over reference abstracts.

    A similarity is told twice: as it stands among all theses, and as it stands for its own,
    since some theses have more words in common with any abstract than others.
    """

    def __init__(self, told: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
        """Take the numbers of a file.

        Args:
            told: Similarity -> thesis -> mean and standard deviation; "" for all theses. A
                thesis that is not there, such as a new one, is taken as all are.
        """
        self._told = told

    def __repr__(self) -> str:
        """Say every number: what a link was made with is kept as a hash of this."""
        return f"Scales({json.dumps(self._told, sort_keys=True)})"

    def __call__(self, features: ArrayLike, theses: Sequence[str]) -> NDArray[np.float64]:
        """Return features in standard deviations: of all theses, then of each one's own.

        Args:
            features: Shape (theses, features), in the order of the file.
            theses: Their ids.

        Returns:
            Shape (theses, 2 * features).
        """
        rows = np.asarray(features, np.float64)
        every = np.array([[of[""] for of in self._told.values()]])
        own = np.array([[of.get(id, of[""]) for of in self._told.values()] for id in theses])
        both = [(rows - each[:, :, 0]) / each[:, :, 1] for each in (every, own)]
        return np.concatenate(both, axis=1)


class Linear:
    """A linear model on named, standardized numbers: small enough to read.

    Attributes:
        features: Their names, in order.
        outputs: What it tells, in order.
    """

    features: tuple[str, ...]
    outputs: tuple[str, ...]

    def __init__(self, told: Mapping[str, Any]) -> None:
        """Take the numbers of a file.

        Args:
            told: "outputs" and "bias", a list each; "features": name -> {"mean", "sd",
                "weights"}, one weight for each output.
        """
        self.outputs = tuple(told["outputs"])
        self.features = tuple(told["features"])
        each = list(told["features"].values())
        self._mean = np.array([one["mean"] for one in each], np.float64)
        self._sd = np.array([one["sd"] for one in each], np.float64)
        self._weights = np.array([one["weights"] for one in each], np.float64)
        self._bias = np.array(told["bias"], np.float64)
        self._told = told

    def __repr__(self) -> str:
        """Say every number, as those of `Scales`."""
        return f"Linear({json.dumps(self._told, sort_keys=True)})"

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs for rows of features, shape (n, features) -> (n, outputs)."""
        rows = (np.asarray(values, np.float64) - self._mean) / self._sd
        return np.asarray(rows @ self._weights + self._bias, np.float64)


@dataclass(frozen=True, slots=True)
class Reference:
    """What the linker was fitted with."""

    version: int
    """Goes into the agent's name: a new fit makes new links."""
    encoder: str
    """The encoder it was fitted with; under another one its scores are comparable among
    themselves, but the thresholds were not measured."""
    fitted: str
    """Which labelled abstracts it was fitted to; see `report.digest`."""
    files: str
    """The beginnings of the SHA-256 of the examples and of the stance model: they belong to the
    numbers, and a link that was made with others is made anew."""
    scales: Scales
    """Of `candidates.FEATURES`."""
    example_scales: Scales
    """Of `examples.FEATURES`."""
    first: Linear
    """How far a work bears on a thesis that has examples, as log-odds; of
    `candidates.FEATURES` and `examples.FEATURES`, twice."""
    alone: Mapping[str, Linear]
    """The same by `candidates.FEATURES` alone: at "" for a thesis without examples; at the id of
    a thesis as fitted to the labels of the others, so as to judge how a new one would do."""
    most: int
    """Theses of a work that are judged at most; the others keep the floor."""
    least: float
    """Log-odds below which none is."""
    link: Linear
    """How far a work bears on a thesis when the others are seen too; see `judge.LINK`."""
    sentence: Linear
    """How well a sentence shows it; see `evidence.FEATURES`."""
    publish: float
    """The least score that the site shows."""
    queue: float
    """The least score that is put before a person."""
    floor: float
    """The least score worth reporting at all."""
    dispute: float
    """The least share that "disputes" must have among the stances to be said: a wrong one is
    worse than none."""


def load() -> Reference:
    """Return the packaged reference."""
    text = resources.files("ingest.link").joinpath("reference.json").read_text("utf-8")
    told = json.loads(text)
    told.pop("about")
    for name in ("scales", "example_scales"):
        told[name] = Scales(told[name])
    for name in ("first", "link", "sentence"):
        told[name] = Linear(told[name])
    told["alone"] = {id: Linear(model) for id, model in told["alone"].items()}
    return Reference(**told)
