"""The few fixed numbers that turn similarities into a score, and where they come from.

They are read from `reference.json` beside this module, which says how they were fitted;
`bench/linker.py --fit` makes it again. Nothing here depends on the other works of a batch, so
a work gets the same links whenever it is linked.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib import resources

FEATURES = ("lexical", "sentence_lexical", "dense", "sentence_dense")
"""Words of the abstract, words of its best sentence, its vector, its best sentence's vector."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation of a feature over reference abstracts and all theses."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Reference:
    """What the linker was fitted with."""

    version: int
    """Goes into the agent's name: a new fit makes new links."""
    encoder: str
    """The encoder it was fitted with; under another one its scores are comparable among
    themselves, but the threshold was not measured."""
    scales: dict[str, Scale]
    slope: float
    offset: float
    """score = 1 / (1 + exp(-slope * (z - offset))), z the sum of the features' z-scores."""
    publish: float
    """The least score that the site shows."""
    floor: float
    """The least score worth reporting at all."""
    central: float
    """Mean relevance of a text to the thesis, in sd, below which it takes no side."""
    side: float
    """Margin of the statements for over those against, in [-1, 1], below which a work that is
    about the thesis is not taken to support it. Most such works do, so it is below zero."""
    against: float
    """Least margin of the statements against over those for that makes a disputer, in [0, 1]."""
    condition: float
    """Least margin of the qualifying statements over those for that makes a condition."""

    def score(self, z: float) -> float:
        """Return the score of a sum of z-scores, in [0, 1]: not a probability.

        Rounded, so that the last bits of a processor's arithmetic do not make a new link.
        """
        return round(1.0 / (1.0 + math.exp(-self.slope * (z - self.offset))), 4)


def load() -> Reference:
    """Return the packaged reference."""
    text = resources.files("ingest.link").joinpath("reference.json").read_text("utf-8")
    told = json.loads(text)
    told.pop("about")
    told["scales"] = {name: Scale(**scale) for name, scale in told["scales"].items()}
    return Reference(**told)
