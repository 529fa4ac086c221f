"""Where things go on a map: regions in rows, boxes within a region. Pure geometry.

No random start and no clock: equal input gives equal output. Only the four operations and
square roots enter the iterations, in a fixed order, and every step is rounded, so that two
machines agree. Boxes never overlap: a region that has no room grows until it has.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

STEPS = 160
"""Steps of the springs; more change nothing that one sees."""

PUSHES = 320
"""Most rounds that push boxes apart before the region is made larger."""

PATIENCE = 60
"""Rounds after which fewer boxes must overlap, or the pushing stops."""

GROWTH = 1.04
"""By how much a region's area grows when its boxes do not fit."""

EVEN = 0.6
"""How far points go from where springs put them to an even spread, 0 to 1."""

WIDEN = 1.05
"""By how much a region becomes wider when its boxes do not fit, at its neighbors' cost."""

TRIES = 120
"""Most times that a region grows; it is then a hundred times as large as at first."""

_NEAR = 0.05
"""How much nearer than the gap two boxes may be: pushes halve what is left and never end."""

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> tuple[float, float]:
        """The middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def overlaps(self, other: Rect) -> bool:
        """Tell whether two rectangles share more than an edge."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the map with boxes of its own."""

    id: str
    boxes: Mapping[str, tuple[float, float]]
    """Name -> (width, height), in the order in which they enter."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The measures of one map, in CSS pixels."""

    width: float
    gap: float
    """Least distance of two boxes."""
    margin: float
    """Distance of boxes from their region's edge, and of regions from each other."""
    line: float
    """Line height of a region's title."""
    letter: float
    """Width of a letter of a region's title."""
    slack: float
    """How many times the area of its boxes a region has at first."""
    across: int
    """Most regions side by side."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where everything went."""

    regions: dict[str, Rect]
    boxes: dict[str, Rect]
    height: float


Spring = tuple[str, str, float]
"""Two boxes that draw each other, and how strongly."""


def arrange(regions: Sequence[Region], springs: Sequence[Spring], plan: Plan) -> Placed:
    """Place regions in rows, in their order, and the boxes within each.

    Args:
        regions: Those without a box get no place.
        springs: Between boxes; one that leaves its region pulls nothing.
        plan: The measures.
    """
    regions = [region for region in regions if region.boxes]
    placed = Placed({}, {}, 0.0)
    if not regions:
        return placed
    y = plan.margin
    for row in _rows(regions, plan):
        inner = _row(row, springs, plan)
        height = max(h for _, h, _ in inner)
        x = 0.0
        for region, (width, used, spots) in zip(row, inner, strict=True):
            placed.regions[region.id] = Rect(round(x), round(y), round(width), round(height))
            # A region lower than its row holds its boxes in the middle.
            drop = (height - used) / 2
            for name, spot in spots.items():
                placed.boxes[name] = Rect(
                    round(x + spot.x), round(y + spot.y + drop), spot.width, spot.height
                )
            x += width + plan.margin
        y += height + plan.margin
    return Placed(placed.regions, placed.boxes, round(y))


def title_lines(title: str, width: float, plan: Plan) -> list[str]:
    """Return a region's title in the lines that fit its width."""
    return textwrap.wrap(title, letters(width, plan), break_long_words=False)


def letters(width: float, plan: Plan) -> int:
    """Return how many letters of a title stand in one line of a region."""
    return max(8, int((width - 2 * plan.margin - 6) / plan.letter))


def _area(region: Region, plan: Plan) -> float:
    boxes = sum((w + plan.gap) * (h + plan.gap) for w, h in region.boxes.values())
    least = _least(region, plan)
    return max(boxes * plan.slack + 60 * plan.line, 0.8 * least * least)


def _rows(regions: Sequence[Region], plan: Plan) -> list[list[Region]]:
    """Return the regions in rows whose parts are as little drawn out as the order allows."""
    areas = [_area(region, plan) for region in regions]
    least = [_least(region, plan) for region in regions]
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(regions) + 1):
        options = []
        for start in range(max(0, end - plan.across), end):
            free = plan.width - plan.margin * (end - start - 1)
            if end - start > 1 and sum(least[start:end]) > free:
                continue
            height = sum(areas[start:end]) / free
            widths = _shares(areas[start:end], least[start:end], free)
            # A region half as wide again as high looks best.
            cost = sum(math.log(width / height / 1.5) ** 2 for width in widths)
            options.append((best[start][0] + cost, start))
        best.append(min(options))
    cuts = [len(regions)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    cuts.reverse()
    return [list(regions[a:b]) for a, b in pairwise(cuts)]


def _least(region: Region, plan: Plan) -> float:
    """Return the least width of a region: its widest box and longest word fit in it."""
    word = max((len(word) for word in region.title.split()), default=0) * plan.letter + 6
    return max(word, *(w for w, _ in region.boxes.values())) + 2 * plan.margin + 2


def _row(
    row: Sequence[Region], springs: Sequence[Spring], plan: Plan
) -> list[tuple[float, float, dict[str, Rect]]]:
    """Return (width, height used, boxes) for each region of a row."""
    areas = [_area(region, plan) for region in row]
    shapes = [_sprung(region, springs) for region in row]
    free = plan.width - plan.margin * (len(row) - 1)
    least = [_least(region, plan) for region in row]
    for _ in range(TRIES):
        widths = _shares(areas, least, free)
        height = sum(areas) / free
        found = []
        for i, (region, width) in enumerate(zip(row, widths, strict=True)):
            spots = _inside(region, shapes[i], width, height, plan)
            if spots is None:
                areas[i] *= GROWTH
                room = free - sum(least)
                least[i] = max(least[i], min(width * WIDEN, least[i] + room))
            else:
                found.append(spots)
        if len(found) == len(row):
            return [(w, *_tight(s, r, w, plan)) for w, s, r in zip(widths, found, row, strict=True)]
    return [
        (w, *_tight(_shelves(r, w, plan), r, w, plan)) for w, r in zip(widths, row, strict=True)
    ]


def _shares(areas: Sequence[float], least: Sequence[float], free: float) -> list[float]:
    """Return widths in proportion to the areas, none below what its widest box needs."""
    widths = [free * area / sum(areas) for area in areas]
    short = [max(0.0, need - width) for need, width in zip(least, widths, strict=True)]
    spare = [max(0.0, width - need) for need, width in zip(least, widths, strict=True)]
    take = min(1.0, sum(short) / sum(spare)) if sum(spare) else 0.0
    return [w + s - take * p for w, s, p in zip(widths, short, spare, strict=True)]


def _tight(
    spots: dict[str, Rect], region: Region, width: float, plan: Plan
) -> tuple[float, dict[str, Rect]]:
    """Return the height used and the boxes, moved up to where the title ends."""
    top = _head(region, width, plan)
    lift = min(spot.y for spot in spots.values()) - top
    moved = {n: Rect(s.x, s.y - lift, s.width, s.height) for n, s in spots.items()}
    return max(s.y + s.height for s in moved.values()) + plan.margin, moved


def _head(region: Region, width: float, plan: Plan) -> float:
    return len(title_lines(region.title, width, plan)) * plan.line + plan.margin


def _inside(
    region: Region, shape: NDArray[np.float64], width: float, height: float, plan: Plan
) -> dict[str, Rect] | None:
    """Return the boxes of a region within its rectangle, None where they do not fit."""
    sizes = np.array(list(region.boxes.values()), dtype=np.float64)
    head = _head(region, width, plan)
    low = np.array([plan.margin, head]) + sizes / 2
    high = np.array([width - plan.margin, height - plan.margin]) - sizes / 2
    if bool((high < low).any()):
        return None
    spots = np.round(low + shape * (high - low), 3)
    apart = _apart(np.clip(spots, low, high), sizes, low, high, plan.gap)
    if apart is None:
        return None
    return {
        name: Rect(float(x - w / 2), float(y - h / 2), float(w), float(h))
        for name, (x, y), (w, h) in zip(region.boxes, apart, sizes, strict=True)
    }


def _sprung(region: Region, springs: Sequence[Spring]) -> NDArray[np.float64]:
    """Return points in [0, 1] that springs draw together and nearness drives apart, (n, 2)."""
    index = {name: i for i, name in enumerate(region.boxes)}
    pairs = [(index[a], index[b], s) for a, b, s in springs if a in index and b in index]
    count = len(index)
    order = np.arange(count, dtype=np.float64)
    radius = np.sqrt((order + 0.5) / count)
    angle = order * _GOLDEN_ANGLE
    at = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    at = np.round(at, 9)
    pull = np.zeros((count, count))
    for a, b, strength in pairs:
        pull[a, b] += strength
        pull[b, a] += strength
    ideal = 1.6 / math.sqrt(count)
    for step in range(STEPS):
        apart = at[:, None, :] - at[None, :, :]
        square = apart[:, :, 0] ** 2 + apart[:, :, 1] ** 2 + 1e-4
        distance = np.sqrt(square)
        force = ideal * ideal / square - pull * distance / ideal
        # Summed over the first axis: row after row, in the same order on every machine.
        move = -(force[:, :, None] * apart).sum(axis=0) - 0.35 * at
        length = np.sqrt(move[:, 0] ** 2 + move[:, 1] ** 2) + 1e-9
        most = 0.16 * (1 - step / STEPS)
        at = np.round(at + move * (np.minimum(length, most) / length)[:, None], 9)
    if count == 1:
        return np.full((1, 2), 0.5)
    low, high = at.min(axis=0), at.max(axis=0)
    spread = (at - low) / np.maximum(high - low, 1e-6)
    # A few outliers would leave most of the region empty: half of the way everything goes to
    # where its rank puts it, which keeps the order and evens out the density.
    rank = at.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable") / (count - 1)
    even: NDArray[np.float64] = np.round((1 - EVEN) * spread + EVEN * rank, 6)
    return even


def _apart(
    at: NDArray[np.float64],
    sizes: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    gap: float,
) -> NDArray[np.float64] | None:
    """Return the centers pushed so that no two boxes are nearer than the gap, or None."""
    wide = (sizes[:, None, 0] + sizes[None, :, 0]) / 2 + gap
    tall = (sizes[:, None, 1] + sizes[None, :, 1]) / 2 + gap
    upper = np.triu(np.ones((len(at), len(at)), dtype=bool), 1)
    before = len(at) ** 2
    for step in range(PUSHES):
        across = at[:, None, 0] - at[None, :, 0]
        down = at[:, None, 1] - at[None, :, 1]
        hit = (np.abs(across) < wide - _NEAR) & (np.abs(down) < tall - _NEAR) & upper
        one, other = np.nonzero(hit)
        if not len(one):
            return at
        if step % PATIENCE == PATIENCE - 1:
            # As many as before in spite of all the pushing: there is no room.
            if len(one) >= max(before, 3):
                return None
            before = len(one)
        dx, dy = across[one, other], down[one, other]
        over_x, over_y = wide[one, other] - np.abs(dx), tall[one, other] - np.abs(dy)
        flat = over_x < over_y
        # Of two boxes on one spot the later goes right and down.
        push_x = np.where(flat, 0.52 * over_x * np.where(dx > 0, 1.0, -1.0), 0.0)
        push_y = np.where(flat, 0.0, 0.52 * over_y * np.where(dy > 0, 1.0, -1.0))
        push = np.stack([push_x, push_y], axis=1)
        at = at.copy()
        np.add.at(at, one, push)
        np.subtract.at(at, other, push)
        at = np.clip(np.round(at, 6), low, high)
    return None


def _shelves(region: Region, width: float, plan: Plan) -> dict[str, Rect]:
    """Return the boxes line by line, which always fits: the height is what it takes."""
    x, y, tall = plan.margin, _head(region, width, plan), 0.0
    spots = {}
    for name, (w, h) in region.boxes.items():
        if x > plan.margin and x + w > width - plan.margin:
            x, y, tall = plan.margin, y + tall + plan.gap, 0.0
        spots[name] = Rect(x, y, w, h)
        x, tall = x + w + plan.gap, max(tall, h)
    return spots
