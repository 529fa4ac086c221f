"""Works judged by many workers; the links are written here, by the one process that may."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.cluster.pool import ClusterError
from ingest.cluster.shards import DONE, TODO, ShardError
from ingest.link import calibrate, job
from ingest.link.candidates import Reading
from ingest.link.judge import Evidence, Judgement, PackagedJudge
from ingest.link.theses import Thesis
from kb.sentences import Passages, Span
from kb.vocabulary import AssertedHow, Stance

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.cluster.pool import Pool
    from ingest.cluster.shards import Columns, Shards
    from ingest.link.endpoint import Endpoint
    from ingest.link.job import Desk, Told
    from ingest.link.judge import Judge
    from kb.encoder import Encoder, Progress
    from kb.store import Store

SHARD = 256
"""Works in a shard: some seconds of a core, and a transaction."""
_THESES = "theses"


def link(
    store: Store,
    encoder: Encoder,
    progress: Progress | None = None,
    *,
    pool: Pool,
    make: Callable[[str], Shards],
    judge: Callable[..., Judge] = PackagedJudge,
    size: int = SHARD,
    model: str = "",
    endpoint: Endpoint | None = None,
    only: Collection[str] | None = None,
) -> dict[str, int]:
    """Link works as `ingest.link.run` does, but have them judged by a pool of workers.

    What the workers make of a work goes through the very code that writes links here, so that
    what stands in the store is the same. It is committed shard by shard; what a killed run had
    judged is committed first when it is run again.

    Args:
        store: See `ingest.link.run`.
        encoder: Its vectors should be there; those that are missing are made here.
        progress: Told (done, all) works.
        pool: Who judges.
        make: Gives the shards of a job with this basis.
        judge: Makes the judge in each worker, from what `PackagedJudge` takes.
        size: Works in a shard.
        model: See `ingest.link.run`. A language model is asked here.
        endpoint: See `ingest.link.run`.
        only: Works that may have changed; None for all.

    Returns:
        Counts, as `ingest.link.run` gives them.

    Raises:
        ConfigError: Ray cannot be started or reached.
        ClusterError: The workers fail; what was judged before is kept.
        EncoderError: The encoder or the judge fails.
        SourceError: The language model failed.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """

    def spread(desk: Desk, ids: Sequence[str]) -> Iterator[tuple[Sequence[str], Told]]:
        shards = make(desk.basis)
        return _spread(desk, ids, pool, shards, Judging(shards, encoder.name, judge), size)

    return job.run(
        store,
        encoder,
        progress,
        model=model,
        endpoint=endpoint,
        only=only,
        spread=spread,
    )


def _spread(
    desk: Desk, ids: Sequence[str], pool: Pool, shards: Shards, judging: Judging, size: int
) -> Iterator[tuple[Sequence[str], Told]]:
    """Yield each work once: those judged before, those with nothing to judge, and the rest.

    What was yielded last is in the store when the next is asked for.
    """
    left = dict.fromkeys(ids)
    for name in shards.names(DONE):
        try:
            found = answered(shards, name)
        except ShardError:
            continue  # it is asked again
        known = [id for id in found if id in left]
        yield known, dict(found.values())
        for id in known:
            del left[id]
        shards.drop(name)
    shards.clear()
    if not desk.theses:
        yield list(left), {}
        return
    plan: dict[str, list[str]] = {}
    waiting = list(left)
    for start in range(0, len(waiting), size):
        part = waiting[start : start + size]
        readings = desk.pending(part)
        if rest := [id for id in part if id not in readings]:
            yield rest, {}
        if readings:
            name = f"{start // size:06}"
            shards.write(TODO, name, _question(readings))
            plan[name] = list(readings)
    if plan:
        shards.write(_THESES, _THESES, _listed(desk.theses, desk.rows))
        for name in pool.answer(shards, list(plan), judging):
            yield plan[name], dict(answered(shards, name).values())
            shards.drop(name)
    shards.clear()


class Judging:
    """Makes the packaged judge in a worker; sent there."""

    def __init__(
        self, shards: Shards, encoder: str, judge: Callable[..., Judge] = PackagedJudge
    ) -> None:
        """Say what to judge by.

        Args:
            shards: Where the theses lie. Their basis is that of the answers.
            encoder: The name of the encoder that made the vectors.
            judge: Makes the judge, from what `PackagedJudge` takes.
        """
        self._shards = shards
        self._encoder = encoder
        self._judge = judge

    def __call__(self) -> Callable[[dict[str, Any]], Columns]:
        """Return what answers a shard of works with their judgements.

        Raises:
            ClusterError: The judge here is another one than that of the process which asks.
            EncoderError: The judge cannot be made.
            ShardError: The theses cannot be read.
        """
        told = self._shards.read(_THESES, _THESES)
        texts = zip(*(told[key] for key in _TEXTS), strict=True)
        listed = [Thesis(id, text, *map(tuple, rest)) for (id, text, *rest) in texts]
        reference = calibrate.load()
        rows = [
            _rows(data, thesis.sentences) for data, thesis in zip(told["rows"], listed, strict=True)
        ]
        judge = self._judge(listed, np.concatenate(rows), self._encoder, reference)
        if job.basis(judge.name, listed, reference) != self._shards.basis:
            raise ClusterError(
                f"{platform.node()} judges by {judge.name}, in another version or precision than "
                "the process that writes the links: install the same version of dissensus on "
                "machines of one kind"
            )
        return lambda question: _answer(judge, question)


_TEXTS = ("id", "text", "for_", "against", "qualifies", "terms")
"""The fields of a thesis, in order."""


def _listed(listed: Sequence[Thesis], rows: NDArray[np.float32]) -> Columns:
    ends = np.cumsum([len(thesis.sentences) for thesis in listed])
    parts = np.split(np.asarray(rows, "<f4"), ends[:-1])
    columns = {key: [getattr(thesis, key) for thesis in listed] for key in _TEXTS}
    return {**columns, "rows": [part.tobytes() for part in parts]}


def _rows(data: bytes, texts: Sequence[str]) -> NDArray[np.float32]:
    return np.frombuffer(data, "<f4").reshape(len(texts), -1)


def _question(readings: Mapping[str, Reading]) -> Columns:
    """Works as their words, cut, and the vectors of these."""
    cut = [reading.passages for reading in readings.values()]
    return {
        "work": list(readings),
        "title": [each.title for each in cut],
        "windows": [each.windows for each in cut],
        "sentences": [each.sentences for each in cut],
        "starts": [[span.start for span in each.spans] for each in cut],
        "ends": [[span.end for span in each.spans] for each in cut],
        "rows": [_bytes(reading) for reading in readings.values()],
    }


def _bytes(reading: Reading) -> bytes:
    """The vectors of `passages.texts`, in order."""
    title = [reading.title[None]] if reading.passages.title else []
    return np.concatenate([*title, reading.windows, reading.sentences]).astype("<f4").tobytes()


def _asked(question: Mapping[str, Any]) -> list[Passages]:
    return [
        Passages(title, tuple(windows), tuple(sentences), tuple(map(Span, starts, ends)))
        for title, windows, sentences, starts, ends in zip(
            *(question[key] for key in ("title", "windows", "sentences", "starts", "ends")),
            strict=True,
        )
    ]


def _answer(judge: Judge, question: Mapping[str, Any]) -> Columns:
    """A row a judgement; a sentence as its place among those of the work."""
    rows: list[tuple[Any, ...]] = []
    for place, (cut, data) in enumerate(zip(_asked(question), question["rows"], strict=True)):
        where = {span.start: number for number, span in enumerate(cut.spans)}
        rows += [
            (
                place,
                each.claim,
                each.stance.value,
                each.score,
                each.stance_score,
                each.published,
                each.queued,
                each.how.value,
                each.confidence,
                [where[one.start] for one in (each.evidence, *each.alternatives)],
            )
            for each in judge.judge(Reading.of(cut, _rows(data, cut.texts)))
        ]
    return {key: [row[i] for row in rows] for i, key in enumerate(_ANSWER)}


_ANSWER = (
    "place", "claim", "stance", "score", "stance_score", "published", "queued", "how",
    "confidence", "shown",
)  # fmt: skip


def answered(shards: Shards, name: str) -> dict[str, tuple[Passages, list[Judgement]]]:
    """Return what was read of each work of a shard, and the judgements, in the judge's order.

    Raises:
        ShardError: The question or the answer is not there, is damaged or of another basis.
    """
    question, answer = shards.read(TODO, name), shards.read(DONE, name)
    found: list[tuple[Passages, list[Judgement]]] = [(cut, []) for cut in _asked(question)]
    for place, claim, stance, score, stance_score, published, queued, how, confidence, shown in zip(
        *(answer[key] for key in _ANSWER), strict=True
    ):
        cut, judgements = found[place]
        first, *others = (
            Evidence(cut.spans[i].start, cut.spans[i].end, cut.sentences[i]) for i in shown
        )
        judgements.append(
            Judgement(
                claim=claim,
                stance=Stance(stance),
                score=score,
                stance_score=stance_score,
                published=published,
                evidence=first,
                how=AssertedHow(how),
                queued=queued,
                confidence=confidence,
                alternatives=tuple(others),
            )
        )
    return dict(zip(question["work"], found, strict=True))
