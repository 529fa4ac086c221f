"""The loop that keeps a model busy, and the port behind which the model is."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from kb.encoding import plan
from kb.encoding.tokens import ahead

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray


class NoRoomError(Exception):
    """The device has no room for a batch; a smaller one may fit."""


class Engine(Protocol):
    """A model on a device."""

    @property
    def device(self) -> str:
        """Where it runs, such as "cpu"."""
        ...

    @property
    def budget(self) -> int:
        """Tokens a batch."""
        ...

    @property
    def depth(self) -> int:
        """Batches that may be begun before the first of them is fetched, at least 1."""
        ...

    @property
    def readers(self) -> int:
        """Threads that cut texts ahead of the model, at least 1."""
        ...

    @property
    def block(self) -> int:
        """Texts that are cut at once."""
        ...

    def cut(self, texts: Sequence[str]) -> Sequence[Any]:
        """Return each text as the model reads it; called from other threads."""
        ...

    def size(self, item: Any) -> int:
        """Return how many tokens a text has that was cut."""
        ...

    def start(self, items: Sequence[Any]) -> Any:
        """Begin to compute a batch and return what `finish` takes.

        Raises:
            NoRoomError: The device has no room for it.
        """
        ...

    def finish(self, started: Any) -> NDArray[np.float32]:
        """Wait for a batch and return one row per text."""
        ...

    def shrink(self, budget: int) -> None:
        """Free what can be freed and take batches of at most so many tokens from now on."""
        ...

    def retreat(self) -> bool:
        """Go on on the processor, where a single text does not fit; False when it is there."""
        ...


def run(engine: Engine, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
    """Yield the rows of all texts, some at a time, with the places of their texts.

    While one batch is computed, the texts after it are cut; where the engine's depth allows it,
    the next batch is begun before the last is fetched.

    Raises:
        NoRoomError: Not even a single text fits on the processor.
    """

    def cut(places: list[int]) -> tuple[list[int], Sequence[Any]]:
        return places, engine.cut([texts[i] for i in places])

    begun: deque[tuple[list[int], Any]] = deque()
    for places, items in ahead(cut, plan.blocks(texts, engine.block), engine.readers):
        todo = deque(_batches(engine, list(range(len(items))), items))
        while todo:
            batch = todo.popleft()
            try:
                started = engine.start([items[i] for i in batch])
            except NoRoomError:
                while begun:  # what is under way holds memory
                    yield _fetched(engine, begun)
                if len(batch) > 1:
                    longest = max(engine.size(items[i]) for i in batch)
                    engine.shrink(longest * (len(batch) // 2))
                elif not engine.retreat():
                    raise
                left = [*batch, *(i for later in todo for i in later)]
                todo = deque(_batches(engine, left, items))
                continue
            begun.append(([places[i] for i in batch], started))
            if len(begun) >= engine.depth:
                yield _fetched(engine, begun)
    while begun:
        yield _fetched(engine, begun)


def _fetched(
    engine: Engine, begun: deque[tuple[list[int], Any]]
) -> tuple[list[int], NDArray[np.float32]]:
    places, started = begun.popleft()
    return places, engine.finish(started)


def _batches(engine: Engine, places: list[int], items: Sequence[Any]) -> Iterator[list[int]]:
    for batch in plan.batches([engine.size(items[i]) for i in places], engine.budget):
        yield [places[i] for i in batch]
