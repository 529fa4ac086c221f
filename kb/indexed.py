"""Nearest neighbors through the index of a server: the same answers, but for what it misses.

SQLite has no such index; there every row is looked at (`kb.search.Vectors`), or an index beside
the file is asked (`kb.approximate`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kb import approximate, postgres
from kb.search import RECIPE, Vectors, parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from sqlalchemy import Engine
    from sqlmodel import Session

    from kb.blocks import Key
    from kb.store import Store


class Indexed:
    """The vectors of works and claims under one model, left on the server.

    Its methods are those of `kb.search.Vectors`.
    """

    def __init__(self, engine: Engine, model: str, dim: int) -> None:
        """Ask `engine`, one connection a question."""
        self._engine = engine
        self._model = model
        self.dim = dim

    def row(self, key: Key) -> NDArray[np.float32] | None:
        """Return the unit row of a key, or None where it has none."""
        with self._engine.connect() as connection:
            found = [data for _, _, data in postgres.indexed(connection, self._model, [key])]
        return np.frombuffer(found[0], "<f4") if found else None

    def nearest(
        self, query: NDArray[np.float32], k: int, kinds: Iterable[str] = ("work", "claim")
    ) -> list[tuple[Key, float]]:
        """Return the k keys nearest to a unit vector with their cosine similarity, best first.

        Through the index, which may miss a neighbor; exact where k is more than
        `kb.postgres.MOST_NEAR`. Ties go to the earlier key.
        """
        data = query.astype("<f4").tobytes()
        with self._engine.connect() as connection:
            return postgres.nearest(connection, self._model, data, k, kinds)

    def only(self, keys: Iterable[Key]) -> Vectors:
        """Return the rows of some keys, in their order; keys without one are left out."""
        with self._engine.connect() as connection:
            return _gathered(list(postgres.indexed(connection, self._model, sorted(set(keys)))))


def load(session: Session, model: str) -> Vectors | Indexed:
    """Return the vectors of a model, to be asked through an index where there is one."""
    bind = session.get_bind()
    if bind.dialect.name == "postgresql":
        dim = postgres.dimension(session.connection(), model)
        if dim:
            return Indexed(bind.engine, model, dim)
    return approximate.load(session, model)


def index(store: Store, model: str) -> int:
    """Bring the index up to date with the texts and their vectors.

    On a server committed some works at a time, so that a killed run goes on where it stopped.
    Beside a SQLite file there is an index only past `kb.approximate.LEAST`, or where one was
    asked for.

    Returns:
        How many works and claims were put in, changed or taken out.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    if store.dialect != "postgresql":
        return approximate.make(store, model)
    count = 0
    with store.read() as session:
        connection = session.connection()
        had = postgres.marks(connection, model)
        left = set(had)
        has = {mark: key for key, mark in had.items()}
        dim = postgres.dimension(connection, model)
        # What there is a row of already is not computed again: nothing stands for it here.
        rows = np.zeros((1, dim), np.float32) if dim else None
        known = {
            mark.removeprefix(f"{RECIPE}:"): 0 for mark in has if mark.startswith(f"{RECIPE}:")
        }
        for part in parts(session, model, known, rows):
            left.difference_update(part.keys)
            new = []
            for key, bare, row in zip(part.keys, part.marks, part.rows, strict=True):
                mark, data = f"{RECIPE}:{bare}", row.astype("<f4").tobytes()
                if had.get(key) == mark:
                    continue
                if mark in has:  # another work says the very same
                    [(_, _, data)] = postgres.indexed(connection, model, [has[mark]])
                new.append((key, mark, data))
            if new:
                with store.write() as other:
                    postgres.put(other.connection(), model, new)
            count += len(new)
        if left:
            with store.write() as other:
                postgres.take_out(other.connection(), model, sorted(left))
    return count + len(left)


def _gathered(found: list[tuple[Key, str, bytes]]) -> Vectors:
    if not found:
        return Vectors([], np.empty((0, 0), np.float32))
    rows = np.frombuffer(b"".join(data for _, _, data in found), "<f4")
    return Vectors([key for key, _, _ in found], rows.reshape(len(found), -1))
