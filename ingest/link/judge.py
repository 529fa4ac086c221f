"""The Judge port, and the first judge: similarity to the theses' own statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ingest.link import calibrate
from ingest.link.calibrate import FEATURES
from ingest.link.candidates import Candidates
from ingest.link.stance import BEST, Stances, decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.link.calibrate import Reference
    from ingest.link.candidates import Reading, Similarity
    from ingest.link.theses import Thesis
    from kb.sentences import Span
    from kb.vocabulary import Stance

    Matrix = NDArray[np.float32]


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
    """How far the statements for and against lie apart, in [-1, 1]; above 0 is for."""
    published: bool
    """Whether the score is high enough to be shown."""
    evidence: Evidence


class Judge(Protocol):
    """Anything that tells which theses a work bears on."""

    @property
    def name(self) -> str:
        """Name and version, and the encoder's where it uses one."""
        ...

    def judge(self, reading: Reading) -> list[Judgement]:
        """Return a judgement for every thesis, highest score first; none without a sentence."""
        ...


class StatementJudge:
    """Judges by the statements for and against each thesis, and nothing else.

    Attributes:
        name: "linker/1 all-MiniLM-L6-v2@53aa5117/bf16".
        theses: What it links to.
        rows: The vectors of their sentences, one after another.
    """

    name: str
    theses: list[Thesis]
    rows: Matrix

    def __init__(
        self,
        theses: Sequence[Thesis],
        rows: Matrix,
        encoder: str,
        reference: Reference | None = None,
    ) -> None:
        """Index the theses.

        Args:
            theses: What to link to, at least one.
            rows: The vectors of all their `sentences`, one after another.
            encoder: The name of the encoder that made them.
            reference: The fitted numbers; the packaged ones when None.
        """
        self.theses = list(theses)
        self.rows = rows
        self._reference = reference or calibrate.load()
        self.name = f"linker/{self._reference.version} {encoder}"
        ends = np.cumsum([len(thesis.sentences) for thesis in self.theses])
        split = np.split(rows, ends[:-1])
        self._candidates = Candidates(self.theses, split)
        self._stances = Stances(self.theses, split)

    def judge(self, reading: Reading) -> list[Judgement]:
        """Return a judgement for every thesis, highest score first; none without a sentence."""
        if not reading.passages.sentences:
            return []
        similarity = self._candidates(reading)
        z = self.standardized(similarity)
        relevance = self._relevance(similarity)
        central = np.vstack([similarity.title_dense, similarity.sentence_dense]).mean(axis=0)
        judgements = [
            self._one(place, reading, float(z[place]), relevance[:, place], float(central[place]))
            for place in range(len(self.theses))
        ]
        return sorted(judgements, key=lambda each: (-each.score, each.claim))

    def compare(self, reading: Reading) -> Similarity:
        """Return the raw similarities, which the fit of the reference needs."""
        return self._candidates(reading)

    def standardized(self, similarity: Similarity) -> Matrix:
        """Return the sum of the features' z-scores for each thesis, shape (theses,)."""
        scales = [self._reference.scales[name] for name in FEATURES]
        mean = np.array([scale.mean for scale in scales], np.float32)
        sd = np.array([scale.sd for scale in scales], np.float32)
        total: Matrix = ((similarity.features() - mean[:, None]) / sd[:, None]).sum(axis=0)
        return total

    def _relevance(self, similarity: Similarity) -> Matrix:
        """How much each sentence speaks to each thesis, shape (sentences, theses)."""
        by_words = self._reference.scales["sentence_lexical"].sd
        by_meaning = self._reference.scales["sentence_dense"].sd
        total: Matrix = (
            similarity.sentence_lexical / by_words + similarity.sentence_dense / by_meaning
        )
        return total

    def _one(
        self, place: int, reading: Reading, z: float, relevance: Matrix, central: float
    ) -> Judgement:
        best = np.argsort(-relevance, kind="stable")[:BEST]
        sentences = reading.passages.sentences
        leaning = self._stances.lean(
            place, reading.sentences[best], [sentences[i] for i in best], central
        )
        span: Span = reading.passages.spans[best[0]]
        score = self._reference.score(z)
        return Judgement(
            claim=self.theses[place].id,
            stance=decide(leaning, self._reference),
            score=score,
            stance_score=leaning.side,
            published=score >= self._reference.publish,
            evidence=Evidence(span.start, span.end, sentences[best[0]]),
        )
