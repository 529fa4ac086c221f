"""Which texts are computed together: those of like length, as many as a budget of tokens holds.

A batch costs as much as its longest text times its number of texts, so texts are sorted by
length over all there are; batches are counted in tokens, since that is what time and memory
go by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOCK = 256
"""Texts cut into tokens at once: a fraction of a second's work ahead of the model."""


def blocks(texts: Sequence[str], size: int = BLOCK) -> Iterator[list[int]]:
    """Yield the places of all texts in blocks, the longest texts first.

    The longest first, so that a device without room for them says so at once. Characters tell
    the length here: tokens are not known yet.

    Examples:
        >>> list(blocks(["a", "ccc", "bb"], 2))
        [[1, 2], [0]]
    """
    order = sorted(range(len(texts)), key=lambda i: (-len(texts[i]), texts[i]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def batches(sizes: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield the places of all sizes in batches, the largest first.

    A batch holds at most `budget` tokens, each text counted as long as the batch's longest; a
    text that is longer by itself is a batch of its own.

    Examples:
        >>> list(batches([2, 5, 9, 4], 10))
        [[2], [1, 3], [0]]
    """
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))
    start = 0
    while start < len(order):
        most = max(1, budget // max(1, sizes[order[start]]))
        yield order[start : start + most]
        start += most
