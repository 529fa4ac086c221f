"""The Judge port, and the packaged judge: similarity finds, a cross-encoder reads.

Similarity to the theses' own statements names the few theses that a work may bear on. Its title
and best sentences are read beside each of these, and what comes of it is weighed together with
the similarity. The sentence that shows the link is chosen apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ingest.link import calibrate, evidence
from ingest.link.candidates import Candidates
from ingest.link.crossencoder import CrossEncoder
from kb.vocabulary import AssertedHow, Stance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.link.calibrate import Reference
    from ingest.link.candidates import Reading, Similarity
    from ingest.link.crossencoder import Reader
    from ingest.link.theses import Thesis

    Matrix = NDArray[np.float32]

LINK = ("similarity", "ahead", "read", "read_mean", "read_ahead")
"""What a link's score is made of: the log-odds that its similarities give; how far these are
ahead of the best other thesis; the log-odds that a sentence bears on the thesis, as it was
read, for the best sentence and on average; how far the best is ahead of the best other thesis."""
STANCE = (*(stance.value for stance in Stance), "read", *evidence.CUES)
"""What a stance is made of: the log-shares of the four over what was read, the log-odds that the
best of it bears on the thesis, and what the wording says."""
_STANCES = tuple(Stance)
_SHOWN = 3
"""Sentences that a judgement names, best first."""
_READ = 3
"""Sentences of a work that are read beside a thesis, the most relevant, besides the title."""
_FAR = -6.0
"""Log-odds of a thesis that was not read: it takes no part in a comparison."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sentence of an abstract that shows a link: `abstract[start:end] == quote`."""

    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge makes of one work and one thesis."""

    claim: str
    """Id of the thesis."""
    stance: Stance
    score: float
    """That the work bears on the thesis at all, in [0, 1]; no probability."""
    stance_score: float
    """The share of "supports" less that of "disputes", in [-1, 1]; above 0 is for."""
    published: bool
    """Whether the score is high enough to be shown."""
    evidence: Evidence
    how: AssertedHow = AssertedHow.asserts
    """Whether the work says it as its own finding or reports it of others."""
    queued: bool = False
    """Whether it is not shown, but worth a person's look."""
    confidence: float = 0.0
    """The share of the stance among the four, in [0, 1]; no probability."""
    alternatives: tuple[Evidence, ...] = ()
    """The next best sentences."""


class Judge(Protocol):
    """Anything that tells which theses a work bears on."""

    @property
    def name(self) -> str:
        """Name and version, and the encoder's where it uses one."""
        ...

    def judge(self, reading: Reading) -> list[Judgement]:
        """Return a judgement for every thesis, highest score first; none without a sentence."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a judgement is made of; what the fit of the reference needs."""

    similarity: Similarity
    first: NDArray[np.float64]
    """Log-odds that the similarities alone give, shape (theses,)."""
    read: NDArray[np.int64]
    """Places of the theses that were read beside the work."""
    link: NDArray[np.float64]
    """`LINK` for each of these, shape (read, features)."""
    stance: NDArray[np.float64]
    """`STANCE` for each of these, shape (read, features)."""
    sentences: NDArray[np.float64]
    """`evidence.FEATURES`, shape (sentences, theses, features)."""


class PackagedJudge:
    """Judges by the theses' own statements and the packaged cross-encoder.

    Attributes:
        name: "linker/2 all-MiniLM-L6-v2@53aa5117/bf16 reader@0123abcd".
        theses: What it links to.
        reader: The name of the cross-encoder.
    """

    name: str
    theses: list[Thesis]
    reader: str

    def __init__(
        self,
        theses: Sequence[Thesis],
        rows: Matrix,
        encoder: str,
        reference: Reference | None = None,
        reader: Reader | None = None,
    ) -> None:
        """Index the theses.

        Args:
            theses: What to link to, at least one.
            rows: The vectors of all their `sentences`, one after another.
            encoder: The name of the encoder that made them.
            reference: The fitted numbers; the packaged ones when None.
            reader: Reads theses and abstracts together; the packaged one when None.
        """
        self.theses = list(theses)
        self._reference = reference or calibrate.load()
        self._reader = reader or CrossEncoder()
        self.reader = self._reader.name
        self.name = f"linker/{self._reference.version} {encoder} {self.reader}"
        ends = np.cumsum([len(thesis.sentences) for thesis in self.theses])
        self._candidates = Candidates(self.theses, np.split(rows, ends[:-1]))

    def judge(self, reading: Reading) -> list[Judgement]:
        """Return a judgement for every thesis, highest score first; none without a sentence.

        Raises:
            EncoderError: The reader cannot be loaded.
        """
        return self.decide(reading, self.see(reading)) if reading.passages.sentences else []

    def decide(
        self, reading: Reading, seen: Seen, reference: Reference | None = None
    ) -> list[Judgement]:
        """Return the judgements that follow from what was seen, highest score first.

        Args:
            reading: A work with at least one sentence.
            seen: What `see` makes of it.
            reference: Other numbers than the judge's own.
        """
        numbers = reference or self._reference
        # A thesis that was not read stays below the floor, in the order of its similarity.
        scores = numbers.floor * _chance(seen.first)
        shares = np.tile([0.0, 0.0, 0.0, 1.0], (len(self.theses), 1))
        if len(seen.read):
            scores[seen.read] = _chance(numbers.link(seen.link)[:, 0])
            shares[seen.read] = _softmax(numbers.stance(seen.stance))
        order = np.argsort(-numbers.sentence(seen.sentences)[..., 0], axis=0, kind="stable")
        judgements = [
            self._one(numbers, place, reading, scores[place], shares[place], order[:, place])
            for place in range(len(self.theses))
        ]
        return sorted(judgements, key=lambda each: (-each.score, each.claim))

    def see(self, reading: Reading) -> Seen:
        """Return what a judgement is made of, for a work with at least one sentence."""
        similarity = self.compare(reading)
        ids = [thesis.id for thesis in self.theses]
        numbers = self._reference
        first = numbers.first(numbers.scales(similarity.features, ids))[:, 0]
        order = np.argsort(-first, kind="stable")[: numbers.most]
        read = order[first[order] >= numbers.least]
        told = self._read(reading, similarity, read)
        best = np.array([odds.max() for odds, _ in told])
        ahead = first[read] - _best_other(first)[read]
        mean = [odds.mean() for odds, _ in told]
        link = np.array([first[read], ahead, best, mean, best - _best_other(best)]).T
        return Seen(
            similarity=similarity,
            first=first,
            read=read,
            link=link.reshape(len(read), len(LINK)),
            stance=np.array([stance for _, stance in told]).reshape(len(read), len(STANCE)),
            sentences=evidence.features(reading, similarity),
        )

    def compare(self, reading: Reading) -> Similarity:
        """Return what the work has in common with each thesis."""
        return self._candidates(reading)

    def _read(
        self, reading: Reading, similarity: Similarity, places: NDArray[np.int64]
    ) -> list[tuple[NDArray[np.float64], list[float]]]:
        """Read a work beside theses: for each the log-odds of its sentences, and `STANCE`."""
        title, sentences = reading.passages.title, reading.passages.sentences
        near = np.argsort(-similarity.relevance[:, places], axis=0, kind="stable")[:_READ]
        best = [[sentences[i] for i in column] for column in near.T]
        texts = [[*each, title] if title else each for each in best]
        beside = [self.theses[p].text for p, each in zip(places, texts, strict=True) for _ in each]
        # All at once, but one work at a time: what is read together shares its last bits.
        rows = self._reader.read(beside, [text for each in texts for text in each])
        found = []
        ends = np.cumsum([len(each) for each in texts])
        for own, told in zip(best, np.split(rows.astype(np.float64), ends[:-1]), strict=False):
            bears = -np.expm1(np.minimum(told[:, -1], -1e-4))
            odds = np.log(bears) - told[:, -1]
            weight = bears @ np.exp(told[:, :-1]) + 1e-3
            shares = np.log(weight) - np.log(weight.sum())
            found.append(
                (odds[: len(own)], [*shares, float(odds.max()), *evidence.cues(title, own)])
            )
        return found

    def _one(
        self,
        numbers: Reference,
        place: int,
        reading: Reading,
        chance: np.float64,
        shares: NDArray[np.float64],
        order: NDArray[np.int64],
    ) -> Judgement:
        # Rounded, so that the last bits of a processor's arithmetic do not make a new link.
        score = round(float(chance), 3)
        told = dict(zip(_STANCES, shares.round(3).tolist(), strict=True))
        stance = max(_STANCES, key=told.__getitem__)
        if stance == Stance.disputes and told[stance] < numbers.dispute:
            stance = Stance.mentions  # which also stands for "cannot tell"
        spans, texts = reading.passages.spans, reading.passages.sentences
        shown = [Evidence(spans[i].start, spans[i].end, texts[i]) for i in order[:_SHOWN]]
        is_reported = stance == Stance.mentions and evidence.is_reported(shown[0].quote)
        return Judgement(
            claim=self.theses[place].id,
            stance=stance,
            score=score,
            stance_score=round(told[Stance.supports] - told[Stance.disputes], 3),
            published=score >= numbers.publish,
            queued=numbers.queue <= score < numbers.publish,
            evidence=shown[0],
            alternatives=tuple(shown[1:]),
            how=AssertedHow.reports if is_reported else AssertedHow.asserts,
            confidence=told[stance],
        )


def _best_other(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """For each value the best of the others, or `_FAR` where there is none."""
    if len(values) < 2:
        return np.full_like(values, _FAR)
    best = int(np.argmax(values))
    others = np.full_like(values, values[best])
    others[best] = np.delete(values, best).max()
    return others


def _chance(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


def _softmax(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float64)
