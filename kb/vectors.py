"""Vectors in the store: each text encoded once per model, many read back at a time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import insert
from sqlmodel import col, select

from kb.errors import EncoderError
from kb.models import Vector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from sqlmodel import Session

    from kb.encoder import Encoder, Progress
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

    Committed every `CHUNK` texts, so a killed run goes on where it stopped.

    Args:
        store: Where vectors are kept.
        encoder: Its name is part of the key: vectors of two models never mix.
        texts: In any order, repeats allowed; empty ones are left out.
        progress: Told (done, all) after each commit, of the texts that needed encoding.

    Returns:
        How many distinct texts there were, and how many were encoded and reused.

    Raises:
        EncoderError: The encoder fails, or its vectors are not as long as it says.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    by_key = {digest(text): text for text in texts if text}
    with store.read() as session:
        known = _known(session, encoder.name, by_key)
    # Batches hold texts of like length, since a batch costs as much as its longest.
    missing = sorted(by_key.keys() - known, key=lambda key: (len(by_key[key]), key))
    for start in range(0, len(missing), CHUNK):
        keys = missing[start : start + CHUNK]
        rows = encoder.encode([by_key[key] for key in keys])
        if rows.shape != (len(keys), encoder.dim):
            raise EncoderError(
                f"{encoder.name} gave vectors of shape {rows.shape}, not {(len(keys), encoder.dim)}"
            )
        data = rows.astype("<f4")
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
                    for key, row in zip(keys, data, strict=True)
                ],
            )
        if progress is not None:
            progress(start + len(keys), len(missing))
    return {"texts": len(by_key), "encoded": len(missing), "reused": len(by_key) - len(missing)}


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
