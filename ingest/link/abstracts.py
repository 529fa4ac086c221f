"""Links for abstracts that are not in the store, to see what the linker would make of them."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ingest.link import calibrate, theses
from ingest.link.candidates import Reading
from ingest.link.judge import PackagedJudge
from kb.errors import KnowledgeBaseError
from kb.sentences import passages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.link.judge import Judgement
    from kb.encoder import Encoder
    from kb.schema import ThesesFile

_BATCH = 64
"""Abstracts encoded together; their vectors are what is held in memory."""


class LineError(KnowledgeBaseError):
    """A line of input is not an abstract in the form that is asked for."""

    exit_code: ClassVar[int] = 2

    def __init__(self, number: int, reason: str) -> None:
        """Keep the line's number, from 1, and what is wrong with it."""
        super().__init__(
            f"line {number}: {reason}; each line is a JSON object with the texts "
            '"id", "title" and "abstract"'
        )
        self.number = number


class _Abstract(NamedTuple):
    id: str
    title: str
    abstract: str


def preview(
    lines: Iterable[str | bytes], file: ThesesFile, encoder: Encoder
) -> Iterator[dict[str, Any]]:
    """Judge abstracts against the theses without touching any store.

    Args:
        lines: JSON Lines, each with id, title and abstract; blank lines are left out.
        file: The theses.
        encoder: Turns texts into vectors.

    Yields:
        For each line, in order, {"id", "links": [{"claim", "stance", "stance_score",
        "stance_confidence", "how", "score", "published", "queued", "evidence",
        "alternatives"}]}: every thesis above a low floor, highest score first. `published` says
        whether the site would show the link, `queued` whether a person should look at it;
        `evidence` is a sentence of the abstract, verbatim, and `alternatives` the next best.

    Raises:
        LineError: A line is not in that form.
        EncoderError: The encoder fails.
    """
    listed = theses.from_file(file)
    reference = calibrate.load()
    rows = encoder.encode([text for thesis in listed for text in thesis.sentences])
    judge = PackagedJudge(listed, rows, encoder.name, reference)
    read = (_read(number, line) for number, line in enumerate(lines, 1) if line.strip())
    while batch := list(itertools.islice(read, _BATCH)):
        cut = [passages(each.title, each.abstract) for each in batch]
        vectors = encoder.encode([text for each in cut for text in each.texts])
        ends = np.cumsum([len(each.texts) for each in cut])
        for each, part, own in zip(batch, cut, np.split(vectors, ends[:-1]), strict=True):
            judged = judge.judge(Reading.of(part, own))
            yield {
                "id": each.id,
                "links": [_told(one) for one in judged if one.score >= reference.floor],
            }


def _told(judgement: Judgement) -> dict[str, Any]:
    return {
        "claim": judgement.claim,
        "stance": judgement.stance.value,
        "stance_score": judgement.stance_score,
        "stance_confidence": judgement.confidence,
        "how": judgement.how.value,
        "score": judgement.score,
        "published": judgement.published,
        "queued": judgement.queued,
        "evidence": judgement.evidence.quote,
        "alternatives": [each.quote for each in judgement.alternatives],
    }


def _read(number: int, line: str | bytes) -> _Abstract:
    try:
        told = json.loads(line)
    except ValueError as error:
        raise LineError(number, f"not JSON ({error})") from error
    except RecursionError as error:
        raise LineError(number, "nested too deeply") from error
    if not isinstance(told, dict):
        raise LineError(number, "not an object")
    for name in _Abstract._fields:
        value = told.get(name)
        if not isinstance(value, str):
            raise LineError(number, f'"{name}" is {"no text" if name in told else "missing"}')
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise LineError(number, f'"{name}" holds half a character') from error
    return _Abstract(told["id"], told["title"], told["abstract"])
