"""What an abstract does to a thesis, by the words and vectors of the sentences that bear on it.

A linear model: each word of the chosen sentences, of the title and of the whole abstract has a
weight for each stance, and so have the coordinates of their vectors and a few numbers. It is
packaged in two forms. "all" was fitted to abstracts that a language-model annotator labelled, and
to sentences and abstracts that we wrote; "own" to the latter alone, so that it has seen no label
of any real abstract. `bench/fit_linker.py` makes both.
"""

from __future__ import annotations

import importlib
import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.link import evidence
from kb.errors import EncoderError
from kb.vocabulary import Stance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ingest.link.candidates import Reading, Similarity

    Floats = NDArray[np.float64]

FILE = "stance.safetensors"
FORMS = ("all", "own")
STANCES = tuple(Stance)
CHOSEN = 2
"""Sentences that are looked at, those that show the link best."""
NUMBERS = (
    "for",  # cosine of the best sentence to a statement for the thesis less that to one against
    "for_mean",  # the same, on average over the chosen sentences
    "between",  # cosine of the best to a qualifying statement less the better of the two
    "near",  # the better of the two
    *evidence.CUES,
)
_FIELDS = (1.0, 0.7, 0.7)
"""What a word counts in the chosen sentences, in the title and in the whole abstract."""
_VECTORS = (1.0, 0.5)
"""What the vectors of the chosen sentences and of the title count."""
_SHARE = 0.3
"""What the standardized numbers count."""
_WORD = re.compile(r"\b\w\w+\b")


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to tell a stance by."""

    texts: tuple[str, str, str]
    """The chosen sentences, the title, the whole abstract."""
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]]
    """Of the chosen sentences together, length 1, and of the title."""
    numbers: tuple[float, ...]
    """`NUMBERS`."""


def look(reading: Reading, similarity: Similarity, place: int, best: Sequence[int]) -> Look:
    """Return what tells the stance of a work to a thesis.

    Args:
        reading: The work.
        similarity: Of the work to the theses.
        place: Of the thesis.
        best: Places of the sentences that show the link, best first; at least one.
    """
    chosen = list(best[:CHOSEN])
    texts, title = reading.passages.sentences, reading.passages.title
    told = " ".join(texts[i] for i in chosen)
    vector = reading.sentences[chosen].mean(axis=0)
    vector = vector / max(float(np.linalg.norm(vector)), 1e-9)
    kinds = similarity.sentence_kinds[chosen, place]
    for_, against, between = kinds[0, 1:]
    better = max(for_, against)
    return Look(
        texts=(told, title, " ".join(texts)),
        vectors=(vector, reading.title),
        numbers=(
            float(for_ - against),
            float((kinds[:, 1] - kinds[:, 2]).mean()),
            float(between - better),
            float(better),
            *evidence.cues(title, [told]),
        ),
    )


class Words:
    """Words with weights: how often in a text, and how rare among texts; length 1 in all."""

    def __init__(self, rarity: Mapping[str, float]) -> None:
        """Take the known words, each with its inverse document frequency."""
        self.rarity = dict(rarity)
        self._rows = {word: row for row, word in enumerate(self.rarity)}
        self._weights = np.array(list(self.rarity.values()), np.float64)

    @classmethod
    def of(cls, texts: Sequence[str], least: int) -> Words:
        """Learn the words that stand in at least so many of the texts.

        Source: smoothed inverse document frequency, log((1 + n) / (1 + df)) + 1, as in
        scikit-learn's TfidfVectorizer.
        """
        found = Counter(word for text in texts for word in set(_words(text)))
        return cls(
            {
                word: round(math.log((1 + len(texts)) / (1 + count)) + 1, 3)
                for word, count in sorted(found.items())
                if count >= least
            }
        )

    def __call__(self, text: str) -> tuple[list[int], Floats]:
        """Return rows of the words that a text has, and their weights: (1 + log often) x rarity."""
        counts = Counter(self._rows[word] for word in _words(text) if word in self._rows)
        rows = list(counts)
        weights = (1 + np.log(list(counts.values()))) * self._weights[rows]
        return rows, weights / max(float(np.linalg.norm(weights)), 1e-9)


class StanceModel:
    """Tells stances by what was looked at."""

    def __init__(
        self, words: Words, tables: Mapping[str, NDArray[Any]], *, has_vectors: bool = True
    ) -> None:
        """Take the weights.

        Args:
            words: The known words.
            tables: "words", shape (3, words, 4); "vectors", (2, dim, 4); "numbers", (numbers, 4);
                "bias", (4,); "mean" and "sd" of the numbers.
            has_vectors: Whether the vectors that it will be shown come from the encoder that it
                was fitted with; it does without them otherwise.
        """
        self._words = words
        self._tables = {name: np.asarray(table, np.float64) for name, table in tables.items()}
        self._has_vectors = has_vectors

    def __call__(self, looks: Sequence[Look]) -> Floats:
        """Return log-shares of the four stances, shape (n, 4)."""
        told = self._tables
        known: dict[str, tuple[list[int], Floats]] = {}
        rows = np.tile(told["bias"], (len(looks), 1))
        for row, each in zip(rows, looks, strict=True):
            for field, (text, share) in enumerate(zip(each.texts, _FIELDS, strict=True)):
                if text not in known:
                    known[text] = self._words(text)
                places, weights = known[text]
                row += share * (weights @ told["words"][field, places])
            if self._has_vectors:
                for field, (vector, share) in enumerate(zip(each.vectors, _VECTORS, strict=True)):
                    row += share * (vector @ told["vectors"][field])
            row += _SHARE * (((each.numbers - told["mean"]) / told["sd"]) @ told["numbers"])
        return np.asarray(rows - np.logaddexp.reduce(rows, axis=1, keepdims=True), np.float64)


def load(encoder: str) -> dict[str, StanceModel]:
    """Return the packaged model in its `FORMS`.

    Args:
        encoder: The name of the encoder whose vectors it will be shown.

    Raises:
        EncoderError: The file does not hold what it should.
    """
    told = resources.files("ingest.link").joinpath(FILE).read_bytes()
    library = importlib.import_module("safetensors")
    try:
        size = int.from_bytes(told[:8], "little")
        about = json.loads(told[8 : 8 + size])["__metadata__"]
        held = importlib.import_module("safetensors.numpy").load(told)
        fits = about["encoder"].partition("/")[0] == encoder.partition("/")[0]
        return {
            form: StanceModel(
                Words(json.loads(about[f"words.{form}"])),
                {
                    name.removeprefix(f"{form}."): table
                    for name, table in held.items()
                    if name.startswith(f"{form}.")
                },
                has_vectors=fits,
            )
            for form in FORMS
        }
    except (library.SafetensorError, ValueError, KeyError) as error:
        raise EncoderError(f"{FILE}: is not a stance model ({error})") from error


def fit(
    looks: Sequence[Look], stances: Sequence[Stance], weights: Sequence[float], least: int = 3
) -> tuple[Words, dict[str, NDArray[Any]]]:
    """Fit the model; returns what `StanceModel` takes. Needs scikit-learn.

    Args:
        looks: What is known of each.
        stances: What each is.
        weights: What each counts.
        least: Texts that a word must stand in to be known.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    words = Words.of([f"{each.texts[1]} {each.texts[2]}" for each in looks], least)
    numbers = np.array([each.numbers for each in looks])
    mean, sd = numbers.mean(axis=0), np.maximum(numbers.std(axis=0), 1e-3)
    parts = [csr_matrix(_SHARE * (numbers - mean) / sd)]
    for field, share in enumerate(_FIELDS):
        found = [words(each.texts[field]) for each in looks]
        ends = np.cumsum([0, *(len(rows) for rows, _ in found)])
        values = np.concatenate([share * weight for _, weight in found])
        columns = np.concatenate([np.array(rows, int) for rows, _ in found])
        parts.append(csr_matrix((values, columns, ends), shape=(len(looks), len(words.rarity))))
    for field, share in enumerate(_VECTORS):
        parts.append(csr_matrix(share * np.array([each.vectors[field] for each in looks])))
    truth = np.array([STANCES.index(stance) for stance in stances])
    model = LogisticRegression(max_iter=500).fit(hstack(parts).tocsr(), truth, np.array(weights))
    dim, size = len(looks[0].vectors[0]), len(words.rarity)
    cuts = np.cumsum([len(NUMBERS), size, size, size, dim])
    own, *fields = np.split(model.coef_.T, cuts)
    return words, {
        "words": np.stack(fields[:3]),
        "vectors": np.stack(fields[3:]),
        "numbers": own,
        "bias": model.intercept_,
        "mean": mean,
        "sd": sd,
    }


def save(
    path: Path, encoder: str, forms: Mapping[str, tuple[Words, Mapping[str, NDArray[Any]]]]
) -> None:
    """Write the model's forms, half a number's precision each."""
    about = {"encoder": encoder}
    held: dict[str, NDArray[Any]] = {}
    for form, (words, tables) in forms.items():
        about[f"words.{form}"] = json.dumps(words.rarity, ensure_ascii=False)
        held |= {f"{form}.{name}": table.astype(np.float16) for name, table in tables.items()}
    importlib.import_module("safetensors.numpy").save_file(held, str(path), about)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
