"""Vectors in the store: each text encoded once per model, many read back at a time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import insert
from sqlmodel import col, select

from kb.encoder import Streaming
from kb.errors import EncoderError
from kb.models import Vector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlmodel import Session

    from kb.encoder import Encoder, Part, Progress
    from kb.store import Store

CHUNK = 512
"""Texts encoded between two commits: what a kill can cost."""
_VARIABLES = 900
"""Values in one IN clause; SQLite before 3.32 takes 999."""


def digest(text: str) -> str:
    """Return the key of a text: SHA-256 of its UTF-8, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def embed_texts(
    store: Store, encoder: Encoder, texts: Iterable[str], progress: Progress | None = None
) -> dict[str, int]:
    """Encode the texts that have no vector under this encoder's name yet, and keep the vectors.

    Committed every `CHUNK` texts, or batch where one holds more, so that a killed run goes on
    where it stopped.

    Args:
        store: Where vectors are kept.
        encoder: Its name is part of the key: vectors of two models never mix.
        texts: In any order, repeats allowed; empty ones are left out.
        progress: Told (done, all) after each commit, of the texts that needed encoding.

    Returns:
        How many distinct texts there were, and how many were encoded and reused.

    Raises:
        EncoderError: The encoder fails, or its vectors are not as long as it says or hold what
            is not a number; those of the batches before are kept.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    by_key = {digest(text): text for text in texts if text}
    with store.read() as session:
        known = _known(session, encoder.name, by_key)
    # A batch costs as much as its longest text: whoever encodes many sorts them by length.
    todo = sorted(by_key.keys() - known, key=lambda key: (len(by_key[key]), key))
    done = 0
    for keys, rows in _encoded(encoder, todo, by_key):
        with store.write() as session:
            session.connection().execute(
                insert(Vector),
                [
                    {
                        "text_digest": key,
                        "model": encoder.name,
                        "dim": encoder.dim,
                        "data": row.tobytes(),
                    }
                    for key, row in zip(keys, rows, strict=True)
                ],
            )
        done += len(keys)
        if progress is not None:
            progress(done, len(todo))
    return {"texts": len(by_key), "encoded": len(todo), "reused": len(by_key) - len(todo)}


def _encoded(
    encoder: Encoder, todo: list[str], texts: Mapping[str, str]
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """Yield keys with their rows, at least `CHUNK` at a time but for the last ones.

    Raises:
        EncoderError: The rows are not vectors of the length that the encoder says.
    """
    keys: list[str] = []
    parts: list[NDArray[np.float32]] = []
    for places, rows in _streamed(encoder, [texts[key] for key in todo]):
        if rows.shape != (len(places), encoder.dim):
            wanted = (len(places), encoder.dim)
            raise EncoderError(f"{encoder.name} gave vectors of shape {rows.shape}, not {wanted}")
        if not np.isfinite(rows).all():
            raise EncoderError(
                f"{encoder.name} gave a vector that is not a number, which is not kept; "
                "try --device cpu, or another model"
            )
        keys += [todo[i] for i in places]
        parts.append(rows.astype("<f4"))
        if len(keys) >= CHUNK:
            yield keys, np.concatenate(parts)
            keys, parts = [], []
    if keys:
        yield keys, np.concatenate(parts)


def _streamed(encoder: Encoder, texts: list[str]) -> Iterator[Part]:
    """The rows of all texts as an encoder gives them, or `CHUNK` at a time."""
    if isinstance(encoder, Streaming):
        yield from encoder.stream(texts)
        return
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        yield list(range(start, start + len(chunk))), encoder.encode(chunk)


def missing(session: Session, model: str, texts: Iterable[str]) -> dict[str, str]:
    """Return those of `texts` that have no vector under a model, by their keys."""
    by_key = {digest(text): text for text in texts if text}
    known = _known(session, model, by_key)
    return {key: text for key, text in by_key.items() if key not in known}


def read(session: Session, encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the stored vectors of `texts`, row i for texts[i], shape (len(texts), dim).

    Raises:
        EncoderError: A text has no vector under this encoder's name, or one of another length.
    """
    keys = [digest(text) for text in texts]
    wanted = list(dict.fromkeys(keys))
    place: dict[str, int] = {}
    found: list[bytes] = []
    for start in range(0, len(wanted), _VARIABLES):
        rows = session.exec(
            select(Vector.text_digest, Vector.data).where(
                Vector.model == encoder.name,
                col(Vector.text_digest).in_(wanted[start : start + _VARIABLES]),
            )
        )
        for key, data in rows:
            place[key] = len(found)
            found.append(data)
    if len(found) != len(wanted):
        raise EncoderError(
            f"{len(wanted) - len(found)} texts have no vector by {encoder.name}; "
            "kb embed makes them"
        )
    if any(len(data) != 4 * encoder.dim for data in found):
        raise EncoderError(f"stored vectors of {encoder.name} are not of length {encoder.dim}")
    matrix = np.frombuffer(b"".join(found), "<f4").reshape(len(found), encoder.dim)
    return matrix[[place[key] for key in keys]]


def _known(session: Session, model: str, keys: Iterable[str]) -> set[str]:
    """Those of `keys` that have a vector under a model."""
    wanted = list(keys)
    known: set[str] = set()
    for start in range(0, len(wanted), _VARIABLES):
        known.update(
            session.exec(
                select(Vector.text_digest).where(
                    Vector.model == model,
                    col(Vector.text_digest).in_(wanted[start : start + _VARIABLES]),
                )
            )
        )
    return known
