"""Lists by name that are read when they are asked for: some at a time, or all at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

Read = Callable[[Collection[str] | None], dict[str, list[T]]]
"""From names, or None for all there are, to the list of each that has one."""


class Lazy(Mapping[str, list[T]], Generic[T]):
    """A mapping whose lists are read once, each when it is first asked for.

    Whoever goes through all of it, or asks for its length, has everything read.

    Examples:
        >>> asked = []
        >>> def read(names):
        ...     asked.append(names)
        ...     return {name: [name.upper()] for name in names or "abc" if name in "abc"}
        >>> lists = Lazy(read)
        >>> lists["a"], lists["a"], lists.get("x", ())
        (['A'], ['A'], ())
        >>> lists.need(["a", "b", "c"])
        >>> list(lists)
        ['a', 'b', 'c']
        >>> asked
        [['a'], ['x'], ['b', 'c'], None]
    """

    def __init__(self, read: Read[T]) -> None:
        """Name what reads the lists; nothing is read before it is asked for."""
        self._read = read
        self._parts: dict[str, list[T] | None] = {}
        self._whole: dict[str, list[T]] | None = None

    def need(self, names: Collection[str]) -> None:
        """Read what is not there yet of some lists, at once."""
        if self._whole is not None:
            return
        missing = [name for name in names if name not in self._parts]
        if missing:
            self._parts |= dict.fromkeys(missing)
            self._parts |= self._read(missing)

    def fill(self, whole: dict[str, list[T]]) -> None:
        """Take all lists, which somebody read."""
        self._whole, self._parts = whole, {}

    def all(self) -> dict[str, list[T]]:
        """Return every list, by name."""
        if self._whole is None:
            self.fill(self._read(None))
        return self._whole or {}

    def __getitem__(self, name: str) -> list[T]:
        if self._whole is not None:
            return self._whole[name]
        self.need([name])
        found = self._parts[name]
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())
