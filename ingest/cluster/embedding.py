"""Texts encoded by many workers; the vectors are kept by the one process that may write."""

from __future__ import annotations

import contextlib
import platform
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.cluster.pool import ClusterError
from ingest.cluster.shards import DONE, TODO, ShardError
from ingest.embed import batches
from kb.indexed import index
from kb.vectors import embed_texts, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from ingest.cluster.pool import Pool
    from ingest.cluster.shards import Columns, Shards
    from kb.encoder import Encoder, Progress
    from kb.store import Store

SHARD = 4096
"""Texts in a shard: some seconds of a core, a fraction of a second of a graphics card."""
_WINDOW = 16
"""Shards that are cut together, by length: a batch costs as much as its longest text."""
_UNIT = 1e-3
"""How far the length of a unit vector may be from 1."""


def embed(
    store: Store,
    encoder: Encoder,
    progress: Progress | None = None,
    only: Collection[str] | None = None,
    *,
    pool: Pool,
    make: Callable[[str], Shards],
    model: Callable[[], Encoder],
    size: int = SHARD,
) -> dict[str, int]:
    """Give every text a vector as `ingest.embed.run` does, but have a pool of workers encode.

    Each shard is committed as it comes, under the hash of each text and the encoder's name: a
    text that has a vector keeps it, however often its shard comes. What a killed run had encoded
    is committed first when it is run again.

    Args:
        store: Read for texts, written with vectors.
        encoder: Named like those of the workers; it encodes nothing here.
        progress: Told (done, all) texts.
        only: Works whose texts alone may have changed; None for all there are.
        pool: Who encodes.
        make: Gives the shards of a job with this basis.
        model: Makes the encoder in each worker.
        size: Texts in a shard.

    Returns:
        Counts, as `ingest.embed.run` gives them.

    Raises:
        ConfigError: Ray cannot be started or reached.
        ClusterError: The workers fail; what was encoded before is kept.
        EncoderError: A worker's encoder fails.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    counts: Counter[str] = Counter(texts=0, encoded=0, reused=0)
    with store.run("embed") as entry:
        try:
            shards = make(encoder.name)
            for name in shards.names(DONE):
                with contextlib.suppress(ShardError):  # it is asked again
                    _commit(store, encoder, shards, name)
            shards.clear()
            plan = _planned(store, encoder, shards, only, size, counts)
            done, total = 0, sum(plan.values())
            if plan:
                task = Encoding(encoder.name, model)
                for name in pool.answer(shards, list(plan), task, gpu=True):
                    counts["encoded"] += _commit(store, encoder, shards, name)
                    done += plan[name]
                    if progress is not None:
                        progress(done, total)
            shards.clear()
            index(store, encoder.name)
        finally:
            entry.counts = dict(counts)
    return dict(counts)


def _planned(
    store: Store,
    encoder: Encoder,
    shards: Shards,
    only: Collection[str] | None,
    size: int,
    counts: Counter[str],
) -> dict[str, int]:
    """Write the texts without a vector as shards; return their names with how many each holds."""
    plan: dict[str, int] = {}
    waiting: dict[str, str] = {}

    def cut() -> None:
        keys = sorted(waiting, key=lambda key: (len(waiting[key]), key))
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            name = f"{len(plan):06}"
            shards.write(TODO, name, {"key": part, "text": [waiting[key] for key in part]})
            plan[name] = len(part)
        waiting.clear()

    for _, texts in batches(store, only):
        with store.read() as session:
            found = missing(session, encoder.name, texts)
        distinct = len({text for text in texts if text})
        counts.update(texts=distinct, reused=distinct - len(found))
        waiting.update(found)
        if len(waiting) >= _WINDOW * size:
            cut()
    cut()
    return plan


def _commit(store: Store, encoder: Encoder, shards: Shards, name: str) -> int:
    """Keep the vectors of a shard that are not kept yet, and return how many those were."""
    texts, rows = answered(shards, name, encoder.dim)
    kept = embed_texts(store, _Ready(encoder, texts, rows), texts)["encoded"]
    shards.drop(name)
    return kept


def answered(shards: Shards, name: str, dim: int) -> tuple[list[str], NDArray[np.float32]]:
    """Return the texts of a shard and their vectors, shape (len(texts), dim).

    Raises:
        ShardError: The question or the answer is not there, is damaged or of another basis, or
            they do not belong together.
    """
    question, answer = shards.read(TODO, name), shards.read(DONE, name)
    rows: NDArray[np.float32] = answer["vector"]
    if answer["key"] != question["key"] or rows.shape != (len(question["key"]), dim):
        raise ShardError(f"the vectors of {name} in {shards.folder} are of other texts")
    lengths = np.linalg.norm(rows, axis=1)
    if not (np.abs(lengths - 1) < _UNIT).all():  # false for what is not a number, too
        raise ShardError(f"the vectors of {name} in {shards.folder} are not of length 1")
    return question["text"], rows


class _Ready:
    """An encoder whose vectors are there already."""

    def __init__(self, like: Encoder, texts: Sequence[str], rows: NDArray[np.float32]) -> None:
        self.name = like.name
        self.dim = like.dim
        self._place = {text: place for place, text in enumerate(texts)}
        self._rows = rows

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> NDArray[np.float32]:
        del progress  # the port's; there is nothing to wait for
        return self._rows[[self._place[text] for text in texts]]


class Encoding:
    """Makes the encoder in a worker; sent there."""

    def __init__(self, name: str, model: Callable[[], Encoder]) -> None:
        """Say what to encode with.

        Args:
            name: What the encoder must be called there.
            model: Makes it.
        """
        self._name = name
        self._model = model

    def __call__(self) -> Callable[[dict[str, Any]], Columns]:
        """Return what answers a shard of texts with their vectors.

        Raises:
            ClusterError: The encoder is another one here.
            EncoderError: It cannot be made.
        """
        encoder = self._model()
        if encoder.name != self._name:
            raise ClusterError(
                f"{platform.node()} encodes with {encoder.name}, and not with {self._name}: "
                "install the same model on every machine"
            )

        def answer(question: dict[str, Any]) -> Columns:
            return {"key": question["key"], "vector": encoder.encode(question["text"])}

        return answer
