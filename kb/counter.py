"""Which of our sentences a sentence comes nearest to, by words and by meaning."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlmodel import col, select

from kb import models
from kb.search import RRF
from kb.vectors import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from sqlmodel import Session

_TOKEN = re.compile(r"[^\W_]{3,}", re.UNICODE)
_STEM = 7
"""Letters that tell a word: memorizing and memorization are one."""
_K1, _B = 1.2, 0.75
"""The customary constants of BM25: how fast repeats stop counting, how much length costs."""
_NEGATION = re.compile(r"\b(?:not|no|never|without|cannot|neither|nor)\b|n['’]t\b", re.IGNORECASE)
_CHUNK = 500
"""Ids per IN clause: SQLite before 3.32 takes 999 parameters."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence of ours: a claim's own text, or what a work for or against it might say."""

    claim: str
    states: bool
    """Whether it states the claim or denies it."""
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A phrase that a sentence is near to."""

    phrase: Phrase
    score: float
    """Fused by rank; comparable within one search only."""
    matched: tuple[str, ...]
    """words, meaning, or both."""


class Phrases:
    """The sentences of all claims, to be searched."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        """Index the words of `phrases`."""
        self.phrases = list(phrases)
        counts = [Counter(_words(phrase.text)) for phrase in self.phrases]
        total = len(counts)
        mean = sum(words.total() for words in counts) / max(1, total)
        seen = Counter(word for words in counts for word in words)
        self._holding: dict[str, list[tuple[int, float]]] = {word: [] for word in seen}
        for i, words in enumerate(counts):
            length = _K1 * (1 - _B + _B * words.total() / mean)
            for word, n in words.items():
                rarity = math.log(1 + (total - seen[word] + 0.5) / (seen[word] + 0.5))
                self._holding[word].append((i, rarity * n * (_K1 + 1) / (n + length)))
        self._rows: tuple[str, NDArray[np.float32], NDArray[np.intp]] | None = None

    def load(self, session: Session, model: str) -> None:
        """Read the vectors that the phrases have under a model, once."""
        if self._rows is None or self._rows[0] != model:
            keys = {digest(phrase.text): i for i, phrase in enumerate(self.phrases)}
            data: Mapping[str, bytes] = {}
            names = list(keys)
            for start in range(0, len(names), _CHUNK):
                query = select(models.Vector.text_digest, models.Vector.data).where(
                    col(models.Vector.model) == model,
                    col(models.Vector.text_digest).in_(names[start : start + _CHUNK]),
                )
                data = {**data, **dict(session.exec(query).all())}
            kept = [name for name in names if name in data]
            rows = [np.frombuffer(data[name], "<f4") for name in kept]
            matrix = np.stack(rows) if rows else np.empty((0, 0), np.float32)
            self._rows = (model, matrix, np.array([keys[n] for n in kept], dtype=np.intp))

    def by_words(self, text: str, k: int) -> list[int]:
        """Return the k phrases nearest to a text by BM25, best first."""
        scores: dict[int, float] = {}
        for word in set(_words(text)):
            for i, weight in self._holding.get(word, ()):
                scores[i] = scores.get(i, 0.0) + weight
        return sorted(scores, key=lambda i: (-scores[i], i))[:k]

    def by_meaning(self, row: NDArray[np.float32], k: int) -> list[int]:
        """Return the k phrases nearest to a unit vector, best first; [] without vectors."""
        if self._rows is None or not len(self._rows[2]) or self._rows[1].shape[1] != len(row):
            return []
        order = np.argsort(-(self._rows[1] @ row), kind="stable")[:k]
        return [int(self._rows[2][i]) for i in order]

    def read(
        self, text: str, words: Sequence[int], meaning: Sequence[int], k: int
    ) -> list[Reading]:
        """Return the k claims that a text is nearest to, each by its best phrase, best first.

        A phrase that is negated where the text is not, or the other way round, stands for a
        claim only where none of the claim's other phrases was found: words and vectors are
        nearly blind to a "not".
        """
        scores: dict[int, float] = {}
        for ranking in (words, meaning):
            for rank, i in enumerate(ranking):
                scores[i] = scores.get(i, 0.0) + 1.0 / (RRF + rank + 1)
        best: dict[str, Reading] = {}
        negated = _negated(text)
        order = sorted(scores, key=lambda i: (-scores[i], i))
        for i in sorted(order, key=lambda i: _negated(self.phrases[i].text) != negated):
            how = [name for name, ids in (("words", words), ("meaning", meaning)) if i in ids]
            phrase = self.phrases[i]
            best.setdefault(phrase.claim, Reading(phrase, round(scores[i], 6), tuple(how)))
        return sorted(best.values(), key=lambda reading: -reading.score)[:k]


def _words(text: str) -> list[str]:
    """The stems of the words of three letters or more."""
    return [word[:_STEM].rstrip("s") for word in _TOKEN.findall(text.lower())]


def _negated(text: str) -> bool:
    """Tell whether a sentence holds an odd number of negations."""
    return len(_NEGATION.findall(text)) % 2 == 1
