"""Batches to a graphics card and rows back, without either waiting for the other.

There are as many lanes as batches that may be under way. Each has buffers of its own in memory
that the card can read by itself ("pinned"), so that a batch is written into one lane while the
card computes what lies in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Forward = Callable[[Any, Any, Sequence[int]], Any]
    """From tokens end to end, where each text begins and the texts' lengths to rows."""
    Begun = tuple["_Lane", int]


class _Lane:
    """Buffers of one batch."""

    def __init__(self, torch: Any, ints: int, rows: int, width: int, pinned: bool) -> None:
        self.ints = torch.empty(ints, dtype=torch.int32, pin_memory=pinned)
        self.rows = torch.empty((rows, width), dtype=torch.float32, pin_memory=pinned)
        self.done: Any = None
        """An event that has come when `rows` are there."""


class Lanes:
    """The way to a device and back, for `depth` batches at a time."""

    def __init__(
        self,
        torch: Any,
        forward: Forward,
        width: int,
        *,
        device: str = "cuda",
        depth: int = 2,
        event: Callable[[], Any] | None = None,
    ) -> None:
        """Take what computes; buffers are made when the first batch says how large.

        Args:
            torch: The library.
            forward: Computes a batch on the device.
            width: Length of a row.
            device: Where it computes.
            depth: Batches under way at most.
            event: Makes what tells that the device has come so far; torch's own when None.
        """
        self._torch = torch
        self._forward = forward
        self._width = width
        self._device = device
        self._event = event or torch.cuda.Event
        self._pinned = device == "cuda"
        self._lanes: list[_Lane | None] = [None] * depth
        self._turn = 0

    def start(self, items: Sequence[NDArray[np.int32]]) -> Begun:
        """Send a batch on its way; at most `depth` may be."""
        lengths = [len(each) for each in items]
        total, number = sum(lengths), len(items)
        lane = self._lane(total + number + 1, number)
        ints = lane.ints.numpy()
        np.concatenate(items, out=ints[:total])
        ints[total] = 0
        np.cumsum(lengths, out=ints[total + 1 : total + number + 1])
        torch = self._torch
        with torch.no_grad():
            there = lane.ints[: total + number + 1].to(self._device, non_blocking=True)
            rows = self._forward(there[:total], there[total:], lengths)
            lane.rows[:number].copy_(rows, non_blocking=True)
        lane.done = self._event()
        lane.done.record()
        self._turn = (self._turn + 1) % len(self._lanes)
        return lane, number

    def finish(self, begun: Begun) -> NDArray[np.float32]:
        """Wait for a batch and return a copy of its rows: the lane is free then."""
        lane, number = begun
        lane.done.synchronize()
        lane.done = None
        rows: NDArray[np.float32] = lane.rows[:number].numpy().copy()
        return rows

    def _lane(self, ints: int, rows: int) -> _Lane:
        """The lane whose turn it is, with room for a batch."""
        lane = self._lanes[self._turn]
        if lane is not None and lane.done is not None:
            raise RuntimeError("a batch was not fetched before its buffers were needed again")
        if lane is None or lane.ints.shape[0] < ints or lane.rows.shape[0] < rows:
            # Room for somewhat more: pinning memory is slow, and batches differ little.
            lane = _Lane(self._torch, ints * 5 // 4, rows * 5 // 4, self._width, self._pinned)
            self._lanes[self._turn] = lane
        return lane
