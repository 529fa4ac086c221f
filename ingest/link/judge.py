"""The Judge port, and the packaged judge: similarities find, words and vectors tell the stance.

Similarity to the theses' own statements, and to labelled abstracts where there are any, tells
which theses a work bears on. The sentence that shows a link is chosen apart, and what it and
its neighbours say tells the stance. All models are linear.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ingest.link import calibrate, evidence, examples, stance
from ingest.link.candidates import Candidates
from kb.vocabulary import AssertedHow, Stance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.link.calibrate import Reference
    from ingest.link.candidates import Reading, Similarity
    from ingest.link.examples import Examples
    from ingest.link.stance import Look, StanceModel
    from ingest.link.theses import Thesis

    Matrix = NDArray[np.float32]

LINK = ("similarity",)
"""What a link's score is made of: the log-odds that its similarities give, which a fit to other
abstracts puts on the scale of a chance. How other theses fare is left out: a work may bear on
two."""
_STANCES = tuple(Stance)
_SHOWN = 3
"""Sentences that a judgement names, best first."""


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
    near: NDArray[np.int64]
    """Places of the theses that are near enough to be judged, nearest first."""
    link: NDArray[np.float64]
    """`LINK` for each of these, shape (near, features)."""
    stance: NDArray[np.float64]
    """Log-shares of the four stances for each of these, shape (near, 4)."""
    sentences: NDArray[np.float64]
    """`evidence.FEATURES` for each of these, shape (sentences, near, features)."""


class PackagedJudge:
    """Judges by the theses' own statements and what was learnt from labelled abstracts.

    Attributes:
        name: "linker/3 all-MiniLM-L6-v2@53aa5117/bf16".
        theses: What it links to.
    """

    name: str
    theses: list[Thesis]

    def __init__(
        self,
        theses: Sequence[Thesis],
        rows: Matrix,
        encoder: str,
        reference: Reference | None = None,
        *,
        known: Examples | None = None,
        stances: Mapping[str, StanceModel] | None = None,
    ) -> None:
        """Index the theses.

        Args:
            theses: What to link to, at least one.
            rows: The vectors of all their `sentences`, one after another.
            encoder: The name of the encoder that made them.
            reference: The fitted numbers; the packaged ones when None.
            known: Labelled abstracts to compare with; the packaged ones when None.
            stances: What tells stances, in its two forms; the packaged ones when None.

        Raises:
            EncoderError: A packaged file does not hold what it should.
        """
        self.theses = list(theses)
        self._ids = [thesis.id for thesis in self.theses]
        self._reference = reference or calibrate.load()
        self._examples = known if known is not None else examples.load(encoder)
        self._stances = stances if stances is not None else stance.load(encoder)
        self.name = f"linker/{self._reference.version} {encoder}"
        ends = np.cumsum([len(thesis.sentences) for thesis in self.theses])
        self._candidates = Candidates(self.theses, np.split(rows, ends[:-1]))
        # Matrices this small are multiplied faster by one thread, much so on a busy machine.
        self._threads = importlib.import_module("threadpoolctl").ThreadpoolController()

    def judge(self, reading: Reading) -> list[Judgement]:
        """Return a judgement for every thesis, highest score first; none without a sentence."""
        if not reading.passages.sentences:
            return []
        with self._threads.limit(limits=1, user_api="blas"):
            return self.decide(reading, self.see(reading))

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
        # A thesis that is not near stays below the floor, in the order of its similarity.
        scores = numbers.floor * _chance(seen.first)
        shares = np.tile([0.0, 0.0, 0.0, 1.0], (len(self.theses), 1))
        if len(seen.near):
            scores[seen.near] = _chance(numbers.link(seen.link)[:, 0])
            shares[seen.near] = np.exp(seen.stance)
        # Where it does not count, the sentence that is nearest will do.
        ranks = seen.similarity.relevance.astype(np.float64)
        ranks[:, seen.near] = numbers.sentence(seen.sentences)[..., 0]
        order = np.argsort(-ranks, axis=0, kind="stable")
        judgements = [
            self._one(numbers, place, reading, scores[place], shares[place], order[:, place])
            for place in range(len(self.theses))
        ]
        return sorted(judgements, key=lambda each: (-each.score, each.claim))

    def see(self, reading: Reading, *, strict: bool = False) -> Seen:
        """Return what a judgement is made of, for a work with at least one sentence.

        Args:
            reading: The work.
            strict: Judge each thesis as if it were new: by what no label of its own went into.
        """
        similarity = self.compare(reading)
        numbers = self._reference
        first = self._first(reading, similarity, strict=strict)
        order = np.argsort(-first, kind="stable")[: numbers.most]
        near = order[first[order] >= numbers.least]
        places = near.tolist()
        sentences = evidence.features(reading, similarity, places)
        looks = self._look(reading, similarity, sentences, places)
        return Seen(
            similarity=similarity,
            first=first,
            near=near,
            link=first[near][:, None],
            stance=self._stances["own" if strict else "all"](looks).reshape(-1, len(_STANCES)),
            sentences=sentences,
        )

    def look(self, reading: Reading, places: Sequence[int]) -> list[Look]:
        """Return what tells the stance of a work to some theses, by their places."""
        similarity = self.compare(reading)
        sentences = evidence.features(reading, similarity, places)
        return self._look(reading, similarity, sentences, places)

    def _look(
        self,
        reading: Reading,
        similarity: Similarity,
        sentences: NDArray[np.float64],
        places: Sequence[int],
    ) -> list[Look]:
        scores = self._reference.sentence(sentences)[..., 0]
        best = np.argsort(-scores, axis=0, kind="stable")
        return [
            stance.look(reading, similarity, place, column)
            for place, column in zip(places, best.T.tolist(), strict=True)
        ]

    def compare(self, reading: Reading) -> Similarity:
        """Return what the work has in common with each thesis."""
        return self._candidates(reading)

    def _first(
        self, reading: Reading, similarity: Similarity, *, strict: bool
    ) -> NDArray[np.float64]:
        numbers, known = self._reference, self._examples
        rows = numbers.scales(similarity.features, self._ids)
        new = numbers.alone[""](rows)[:, 0]
        if strict:
            models = [numbers.alone.get(id, numbers.alone[""]) for id in self._ids]
            told = [model(row[None])[0, 0] for model, row in zip(models, rows, strict=True)]
            return np.array(told, np.float64)
        if known is None:
            return new
        like = numbers.example_scales(known(reading.windows, self._ids), self._ids)
        with_examples = numbers.first(np.concatenate([rows, like], axis=1))[:, 0]
        return np.where([id in known.known for id in self._ids], with_examples, new)

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
        said = max(_STANCES, key=told.__getitem__)
        if said == Stance.disputes and told[said] < numbers.dispute:
            said = Stance.mentions  # which also stands for "cannot tell"
        spans, texts = reading.passages.spans, reading.passages.sentences
        shown = [Evidence(spans[i].start, spans[i].end, texts[i]) for i in order[:_SHOWN].tolist()]
        is_reported = said == Stance.mentions and evidence.is_reported(shown[0].quote)
        return Judgement(
            claim=self.theses[place].id,
            stance=said,
            score=score,
            stance_score=round(told[Stance.supports] - told[Stance.disputes], 3),
            published=score >= numbers.publish,
            queued=numbers.queue <= score < numbers.publish,
            evidence=shown[0],
            alternatives=tuple(shown[1:]),
            how=AssertedHow.reports if is_reported else AssertedHow.asserts,
            confidence=told[said],
        )


def _chance(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-odds)), np.float64)
