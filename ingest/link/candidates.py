"""How much an abstract speaks to each thesis: similarities by words and by meaning.

All are learnt from the theses' own sentences alone. By words: BM25 with those sentences
as the documents and the abstract as the query, so that its statistics do not change with the
works at hand; and, for single sentences, how much likelier their words are in one thesis'
sentences than in the others'. By meaning: the cosine of the abstract and the nearest sentence
of the thesis, which keeps out works of other fields; and, for single sentences, the direction in
the encoder's space that best parts one thesis' sentences from the others' (Fisher's linear
discriminant), which drops what all of them share, "networks", "generalize".
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ingest.link.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.link.theses import Thesis
    from kb.sentences import Passages

    Matrix = NDArray[np.float32]

_K1, _B = 1.2, 0.75
"""BM25's usual saturation and length normalization.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009.
"""
_TERMS_WEIGHT = 0.15
"""Weight of the key terms, taken together, against the mean of the sentences."""
_SPREAD_OF_WORDS, _SPREAD_OF_MEANING = 1.016, 1.115
"""Standard deviations of the two scores of a sentence over 4,900 abstracts and all theses: what
puts them on one scale."""
_SHRINK = 1.0
"""How far the covariance of the sentences is drawn to a sphere: they are fewer than three times
the dimensions."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A work as a judge gets it: its passages and their vectors."""

    passages: Passages
    title: Matrix
    """Shape (dim,); zeros where the work has no title."""
    windows: Matrix
    """Shape (windows, dim)."""
    sentences: Matrix
    """Shape (sentences, dim)."""

    @classmethod
    def of(cls, passages: Passages, rows: Matrix) -> Reading:
        """Take the rows of `passages.texts`, in order."""
        first = 1 if passages.title else 0
        after = first + len(passages.windows)
        title = rows[0] if first else np.zeros(rows.shape[1], np.float32)
        return cls(passages, title, rows[first:after], rows[after:])


FEATURES = (
    "lexical",  # words of the abstract
    "sentence_lexical",  # words of its best sentence
    "sentence_lexical_3",  # of its best three, on average
    "dense",  # cosine of the best window and the nearest sentence of the thesis
    "dense_for",  # the same with the statements for it alone
    "sentence_dense",  # the best sentence, or the title, along the thesis' own direction
    "sentence_dense_3",
    "sentence_dense_mean",
    "title_dense",
    "sentence_both",  # the best sentence by words and direction together
    "sentence_for",  # cosine of the best sentence and the nearest statement for the thesis
    "sentence_against",
    "terms",  # how many key terms of the thesis stand in the text, as log(1 + n)
)
"""What a thesis and a work have in common; each is standardized twice, see `calibrate.Scales`."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """What each thesis has in common with a work; raw, see `calibrate.Scales`."""

    features: Matrix
    """`FEATURES` for each thesis, shape (theses, features)."""
    relevance: Matrix
    """How much each sentence speaks to each thesis, by words and by direction together:
    shape (sentences, theses)."""
    sentence_lexical: Matrix
    """Shape (sentences, theses)."""
    sentence_kinds: Matrix
    """Cosine to each thesis itself and to the nearest statement for it, against it and in
    between, in [-1, 1]: shape (sentences, theses, 4)."""


class Candidates:
    """The theses, indexed once."""

    def __init__(self, theses: Sequence[Thesis], rows: Sequence[Matrix]) -> None:
        """Index the theses.

        Args:
            theses: At least one.
            rows: For each thesis the vectors of its `sentences`, shape (sentences, dim).
        """
        self._bm25, self._odds = self._lexicon(theses)
        self._center, self._directions = _discriminants(rows)
        self._said = np.concatenate(rows)
        own = [[term.lower() for term in thesis.terms] for thesis in theses]
        self._terms = sorted({term for terms in own for term in terms})
        self._of_terms = np.array(
            [[terms.count(term) for terms in own] for term in self._terms], np.float32
        ).reshape(len(self._terms), len(own))
        # A thesis without statements for or against is taken at its word.
        sizes = [(1, len(t.for_), len(t.against), len(t.qualifies)) for t in theses]
        first = np.cumsum([0, *(size for four in sizes for size in four if size)])[:-1]
        self._starts, self._blocks, block = first, np.zeros((len(theses), 4), np.int64), 0
        for place, four in enumerate(sizes):
            for kind, size in enumerate(four):
                self._blocks[place, kind] = block if size else self._blocks[place, 0]
                block += size > 0

    def __call__(self, reading: Reading) -> Similarity:
        """Compare a work that has at least one sentence with every thesis."""
        passages = reading.passages
        parts = [words(text) for text in (passages.title, *passages.sentences)]
        odds = [self._odds[self._rows(part)].sum(axis=0) for part in parts[1:]]
        length = [4 + len(part) // 2 for part in parts[1:]]
        whole = [word for part in parts for word in part]
        by_words = np.asarray(np.stack(odds) / np.sqrt(length)[:, None], np.float32)
        by_meaning, title = self._dense(reading.sentences), self._dense(reading.title)
        both = by_words / _SPREAD_OF_WORDS + by_meaning / _SPREAD_OF_MEANING
        windows = self._nearest(reading.windows).max(axis=0)
        near = self._nearest(reading.sentences)
        text = " ".join((passages.title, *passages.sentences)).lower()
        features = [
            self._bm25[self._rows(whole)].sum(axis=0) / np.float32(1 + len(whole) / 2) ** 0.5,
            by_words.max(axis=0),
            _best_three(by_words),
            windows.max(axis=1),
            windows[:, 1],
            np.maximum(by_meaning.max(axis=0), title),
            _best_three(by_meaning),
            by_meaning.mean(axis=0),
            title,
            both.max(axis=0),
            near[:, :, 1].max(axis=0),
            near[:, :, 2].max(axis=0),
            np.log1p(np.array([term in text for term in self._terms], bool) @ self._of_terms),
        ]
        return Similarity(
            features=np.stack(features, axis=1).astype(np.float32),
            relevance=both,
            sentence_lexical=by_words,
            sentence_kinds=near,
        )

    def _nearest(self, rows: Matrix) -> Matrix:
        """Cosine of each of `rows` to the nearest of four kinds of sentences of each thesis.

        The kinds are the thesis itself, then what is said for it, against it and in between.

        Returns:
            Shape (rows, theses, 4).
        """
        near: Matrix = np.maximum.reduceat(rows @ self._said.T, self._starts, axis=1)
        return near[:, self._blocks]

    def _dense(self, rows: Matrix) -> Matrix:
        return np.asarray((rows - self._center) @ self._directions, np.float32)

    def _rows(self, found: list[str]) -> list[int]:
        """Rows of the tables for those of the words that the theses use, each once."""
        return sorted({self._index[word] for word in found if word in self._index})

    def _lexicon(self, theses: Sequence[Thesis]) -> tuple[Matrix, Matrix]:
        """The weight of each word for each thesis, by BM25 and by odds: shape (words, theses)."""
        documents = [
            (place, 1 / len(thesis.sentences), Counter(words(text)))
            for place, thesis in enumerate(theses)
            for text in thesis.sentences
        ]
        said = len(documents)
        documents += [
            (place, _TERMS_WEIGHT, Counter(words(" ".join(thesis.terms))))
            for place, thesis in enumerate(theses)
        ]
        frequency = Counter(word for _, _, counts in documents for word in counts)
        self._index = {word: row for row, word in enumerate(frequency)}
        mean_length = max(sum(counts.total() for _, _, counts in documents) / len(documents), 1e-9)
        weights = np.zeros((len(frequency), len(theses)), np.float32)
        holding = np.zeros((len(frequency), len(theses)), np.float32)
        for number, (place, share, counts) in enumerate(documents):
            norm = _K1 * (1 - _B + _B * counts.total() / mean_length)
            for word, count in counts.items():
                often = frequency[word]
                # Lucene's form of the inverse document frequency, which is never negative.
                rarity = math.log(1 + (len(documents) - often + 0.5) / (often + 0.5))
                row = self._index[word]
                weights[row, place] += share * rarity * count * (_K1 + 1) / (count + norm)
                holding[row, place] += number < said
        return weights, _odds(holding, np.array([len(t.sentences) for t in theses], np.float32))


def _best_three(values: Matrix) -> Matrix:
    """The mean of the three best sentences, or of as many as there are, for each thesis."""
    best: Matrix = np.sort(values, axis=0)[::-1][:3].mean(axis=0)
    return best


def _odds(holding: Matrix, sizes: Matrix) -> Matrix:
    """How much likelier a sentence of a thesis holds a word than one of the others, as a log.

    Words against a thesis count nothing: a sentence may speak to several. A word that only one
    sentence of ours holds is weak evidence, so the log grows with the root of their number.

    Args:
        holding: How many sentences of each thesis hold each word, shape (words, theses).
        sizes: How many sentences each thesis has.
    """
    inside = (holding + 0.1) / (sizes + 1)
    others = holding.sum(axis=1, keepdims=True) - holding
    outside = (others + 0.1) / (sizes.sum() - sizes + 1)
    table = np.maximum(np.log(inside / outside), 0) * np.sqrt(np.minimum(holding, 3))
    return np.asarray(table, np.float32)


def _discriminants(rows: Sequence[Matrix]) -> tuple[Matrix, Matrix]:
    """The center of all sentences, and for each thesis the direction that leads to its own.

    A direction is scaled so that sentences of one thesis vary by about 1 along it.

    Returns:
        Shapes (dim,) and (dim, theses).
    """
    every = np.concatenate(rows).astype(np.float64)
    center = every.mean(axis=0)
    means = np.stack([own.mean(axis=0) for own in rows]).astype(np.float64)
    spread = sum((own - own.mean(axis=0)).T @ (own - own.mean(axis=0)) for own in rows) / len(every)
    shifts = (means - center).T
    directions = whiten(np.asarray(spread), shifts)
    return center.astype(np.float32), directions.astype(np.float32)


def whiten(spread: NDArray[np.float64], shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return directions along which `shifts` stand out most against `spread`.

    Args:
        spread: Covariance within a group, shape (dim, dim).
        shifts: Differences of means, shape (dim, n).

    Returns:
        Shape (dim, n), each scaled to a spread of about 1; zeros where a shift is zero.
    """
    size = max(float(np.trace(spread)) / len(spread), 1e-6)
    solved = np.linalg.solve(spread + _SHRINK * size * np.eye(len(spread)), shifts)
    norm = np.sqrt(np.maximum((solved * shifts).sum(axis=0), 1e-12))
    return np.asarray(solved / norm, np.float64)
