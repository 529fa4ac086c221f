"""Every text of the knowledge base that has no vector yet -> vectors, in batches.

A work is read as its title, windows of title and abstract together, and each sentence of the
abstract: a model drops what is beyond its limit, and the result usually stands at the end.
Where no source gave an abstract, our synopsis stands for it, so that the work can be found and
compared; links are never made from a synopsis.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlmodel import col, func, select

from kb.held import is_held
from kb.indexed import index
from kb.models import Claim, Statement, Work
from kb.sentences import passages
from kb.vectors import embed_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from kb.encoder import Encoder, Progress
    from kb.store import Store

_WORKS = 500
"""Works read at a time; their texts are what is held in memory."""


def run(
    store: Store,
    encoder: Encoder,
    progress: Progress | None = None,
    only: Collection[str] | None = None,
) -> dict[str, int]:
    """Give every text a vector under this encoder, save those of works that are held back.

    Args:
        store: Read for texts, written with vectors.
        encoder: Turns texts into vectors.
        progress: Told (done, all) works.
        only: Works whose texts alone may have changed; None for all there are.

    Returns:
        Distinct texts of each batch of works added up, and how many of them were encoded and
        how many had a vector.

    Raises:
        EncoderError: The encoder fails; what it did before is kept.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    counts: Counter[str] = Counter(texts=0, encoded=0, reused=0)
    with store.run("embed") as entry:
        try:
            with store.read() as session:
                total = len(only) if only is not None else session.exec(_COUNT).one()
            done = 0
            for works, texts in batches(store, only):
                counts.update(embed_texts(store, encoder, texts))
                done += works
                if progress is not None and works:
                    progress(done, total)
            index(store, encoder.name)
        finally:
            entry.counts = dict(counts)
    return dict(counts)


_COUNT = select(func.count()).select_from(Work)


def batches(store: Store, only: Collection[str] | None) -> Iterator[tuple[int, list[str]]]:
    """Yield all that a vector is wanted of: claims and statements first, then works.

    Args:
        store: Read for texts.
        only: Works whose texts alone are wanted; None for all there are.

    Yields:
        How many works a batch holds, and the texts of those that are not retired.
    """
    with store.read() as session:
        said = [*session.exec(select(Claim.text)), *session.exec(select(Statement.text))]
    yield 0, said
    last = ""
    wanted = None if only is None else sorted(only)
    while wanted is None or wanted:
        query = select(Work).where(col(Work.id) > last, ~is_held(col(Work.id)))
        if wanted is not None:
            query = query.where(col(Work.id).in_(wanted[:_WORKS]))
            wanted = wanted[_WORKS:]
        with store.read() as session:
            rows = session.exec(query.order_by(Work.id).limit(_WORKS)).all()
        if not rows:
            if wanted is None:
                return
            continue
        last = rows[-1].id
        texts = [
            text
            for row in rows
            if not row.retired
            for text in passages(row.title, row.abstract or row.synopsis).texts
        ]
        yield len(rows), texts
