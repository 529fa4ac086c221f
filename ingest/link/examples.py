"""Labelled abstracts as examples: what bears on a thesis is often near to what was seen to.

What is packaged are the encoder's vectors of abstracts that a language-model annotator labelled,
not people, with the theses that each bears on and the name of each work; the texts are not
here. They help with theses that have examples, and with the encoder that made them; a new thesis,
or another encoder, goes without. `bench/fit_linker.py` makes the file.
"""

from __future__ import annotations

import importlib
import json
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from kb.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

FILE = "examples.safetensors"
FEATURES = ("example", "example_ahead", "neighbours")
"""The mean cosine to the three nearest examples of a thesis; how far that is ahead of the ten
nearest that bear on no thesis; the share of the nearest examples of all that bear on the thesis."""
_THREE, _TEN, _NEAREST = 3, 10, 20
_SHARP = 12.0
"""How fast the weight of a neighbour falls: by a half for a cosine less by 0.06."""
_SAME = 0.985
"""A cosine from which two texts are one: no abstract is an example of itself, so that a labelled
work of the store is judged as any other."""


class Examples:
    """Labelled abstracts, to be compared with.

    Attributes:
        known: Theses that have examples enough.
    """

    known: frozenset[str]

    def __init__(
        self, rows: Matrix, bears: NDArray[np.bool_], theses: Sequence[str], *, without: str = ""
    ) -> None:
        """Take the examples.

        Args:
            rows: A vector for each, length 1, shape (n, dim).
            bears: Which theses each bears on, shape (n, theses).
            theses: Their ids, in the order of the columns.
            without: A thesis that is not to be known.
        """
        self._rows = np.asarray(rows, np.float32)
        self._bears = bears.astype(np.float32)
        self._none = np.flatnonzero(~bears.any(axis=1))
        self._places = {id: place for place, id in enumerate(theses)}
        is_enough = (bears.sum(axis=0) >= _THREE) & (len(self._none) >= _TEN)
        self._bearing = [np.flatnonzero(column) for column in bears.T]
        self.known = frozenset(
            id for id, place in self._places.items() if is_enough[place] and id != without
        )

    def __call__(self, windows: Matrix, theses: Sequence[str]) -> Matrix:
        """Return `FEATURES` of a work for each thesis, shape (theses, features).

        Args:
            windows: The vectors of the work's windows, shape (windows, dim).
            theses: Ids; those that are not known get zeros.
        """
        told = np.zeros((len(theses), len(FEATURES)), np.float32)
        places = [(row, self._places[id]) for row, id in enumerate(theses) if id in self.known]
        if not places:
            return told
        near = self._rows @ whole(windows)
        near[near > _SAME] = -1.0
        beyond = _mean_of_best(near[self._none], _TEN)
        best = np.argpartition(-near, _NEAREST)[:_NEAREST] if len(near) > _NEAREST else slice(None)
        weight = np.exp(_SHARP * (near[best] - 0.5))
        shares = weight @ self._bears[best] / weight.sum()
        for row, place in places:
            nearest = _mean_of_best(near[self._bearing[place]], _THREE)
            told[row] = nearest, nearest - beyond, shares[place]
        return told
        near = self._rows @ whole(windows)
        near[near > _SAME] = -1.0
        beyond = _mean_of_best(near[self._none], _TEN)
        best = np.argpartition(-near, _NEAREST)[:_NEAREST] if len(near) > _NEAREST else slice(None)
        weight = np.exp(_SHARP * (near[best] - 0.5))
        shares = weight @ self._bears[best] / weight.sum()
        for row, place in places:
            nearest = _mean_of_best(near[self._bears[:, place] > 0], _THREE)
            told[row] = nearest, nearest - beyond, shares[place]
        return told


def whole(windows: Matrix) -> Matrix:
    """Return the vector of a whole text, length 1, from those of its windows."""
    mean = windows.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def load(encoder: str) -> Examples | None:
    """Return the packaged examples, or None where another encoder made them.

    Precision is left out of the comparison: it moves a vector by less than a thousandth.

    Args:
        encoder: The name of the encoder whose vectors will be compared with them.

    Raises:
        EncoderError: The file does not hold what it should.
    """
    told = resources.files("ingest.link").joinpath(FILE).read_bytes()
    library = importlib.import_module("safetensors")
    try:
        size = int.from_bytes(told[:8], "little")
        about = json.loads(told[8 : 8 + size])["__metadata__"]
        if about["encoder"].partition("/")[0] != encoder.partition("/")[0]:
            return None
        held = importlib.import_module("safetensors.numpy").load(told)
        rows, bears = held["rows"].astype(np.float32), held["bears"].astype(bool)
        theses = json.loads(about["theses"])
    except (library.SafetensorError, ValueError, KeyError) as error:
        raise EncoderError(f"{FILE}: is not a file of examples ({error})") from error
    return Examples(rows / np.linalg.norm(rows, axis=1, keepdims=True), bears, theses)


def save(
    path: Path,
    encoder: str,
    rows: Matrix,
    bears: NDArray[np.bool_],
    theses: Sequence[str],
    of: Collection[str],
) -> None:
    """Write examples, half a number's precision each.

    Args:
        path: The file.
        encoder: Who made the vectors.
        rows: See `Examples`.
        bears: See `Examples`.
        theses: See `Examples`.
        of: A name for each example: whose abstract it is.
    """
    about = {"encoder": encoder, "theses": json.dumps(theses), "of": json.dumps(list(of))}
    held = {"rows": rows.astype(np.float16), "bears": bears.astype(np.uint8)}
    importlib.import_module("safetensors.numpy").save_file(held, str(path), about)


def _mean_of_best(values: NDArray[np.float32], count: int) -> np.float32:
    if len(values) > count:
        values = np.partition(values, len(values) - count)[-count:]
    return np.float32(values.sum() / len(values))
