"""Whose vectors readers take, while another encoder's are made beside them.

Vectors of two models never mix, and none is deleted. A new encoder's vectors are made beside the
old ones; search, neighbors and links stay with the old encoder until every text has a vector
under the new one, and then one transaction switches.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlmodel import col, func, select

from kb.errors import EncoderError
from kb.models import Setting, Vector

if TYPE_CHECKING:
    from sqlmodel import Session

    from kb.store import Store

_CURRENT, _NEXT = "encoder", "encoder:next"
"""Names of the settings that hold the encoder that readers go by, and [the one whose vectors are
being made, works done, all works]; "" for none."""


def name(session: Session) -> str:
    """Return the name of the encoder whose vectors readers take, "" where there are none.

    Before the first switch: the one that most vectors are of.
    """
    row = session.get(Setting, _CURRENT)
    if row is not None and row.value and _has(session, row.value):
        return row.value
    most = session.connection().execute(
        text("SELECT model FROM text_vector GROUP BY model ORDER BY count(*) DESC, model LIMIT 1")
    )
    found = most.first()
    return str(found[0]) if found else ""


def is_same(one: str, other: str) -> bool:
    """Return whether vectors of two encoders can be compared: they differ at most in precision.

    Examples:
        >>> is_same("minilm@53aa/bf16", "minilm@53aa/fp32")
        True
        >>> is_same("minilm@53aa/bf16", "minilm@0000/bf16")
        False
    """
    return one == other or ("/" in one and one.rpartition("/")[0] == other.rpartition("/")[0])


def begin(store: Store, encoder: str) -> bool:
    """Note that an encoder's vectors are being made; readers stay with whom they have.

    Returns:
        Whether another encoder's are read meanwhile.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    with store.read() as session:
        now = name(session)
    if now in ("", encoder):
        return False
    _write(store, {_CURRENT: now})
    advance(store, encoder, 0, 0)
    return True


def advance(store: Store, encoder: str, done: int, total: int) -> None:
    """Note how far the vectors of the next encoder are.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    _write(store, {_NEXT: json.dumps([encoder, done, total])})


def switch(store: Store, encoder: str) -> None:
    """Let readers take an encoder's vectors from now on: every text has one under it.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    if store.setting(_CURRENT) != encoder or store.setting(_NEXT):
        _write(store, {_CURRENT: encoder, _NEXT: ""})


def following(session: Session) -> tuple[str, int, int] | None:
    """Return the encoder whose vectors are being made beside, works done, and all works."""
    row = session.get(Setting, _NEXT)
    if row is None or not row.value:
        return None
    encoder, done, total = json.loads(row.value)
    return str(encoder), int(done), int(total)


def require(store: Store, encoder: str) -> None:
    """Make sure that links are made from the vectors that readers take.

    Raises:
        EncoderError: Readers take another encoder's.
    """
    with store.read() as session:
        now = name(session)
    if now not in ("", encoder):
        raise EncoderError(
            f"vectors are read of {now}, not of {encoder}: kb embed with this model makes the rest "
            "of its vectors and switches, or name the other with --model"
        )


def _has(session: Session, encoder: str) -> bool:
    query = select(func.count()).select_from(
        select(Vector.model).where(col(Vector.model) == encoder).limit(1).subquery()
    )
    return session.exec(query).one() > 0


def _write(store: Store, settings: dict[str, str]) -> None:
    with store.write() as session:
        for key, value in settings.items():
            session.merge(Setting(name=key, value=value))
