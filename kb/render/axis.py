"""A stretch of time as a line from 0 to 1, on which a date covers what it may mean and no more."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from kb import dates

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_YEARS = 14
"""Years of an axis at most; what lies before is counted at its edge, so that one old work does
not squeeze the rest."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The part of an axis that a date covers."""

    left: float
    right: float
    """0 <= left < right <= 1."""
    day: bool
    """It is one day, drawn as a dot in the middle of it."""
    open_left: bool
    """It begins nobody knows when, or before the axis does."""
    open_right: bool
    about: bool
    """Its writer was not sure of it, or left a choice."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From the first day of one year to the last of another, every day as wide as the next."""

    first: int
    """Year."""
    last: int
    """Year, included."""

    @classmethod
    def over(cls, texts: Iterable[str]) -> Self | None:
        """Return the axis that holds EDTF dates, None where none of them is known to a year.

        A date that is vaguer than a year stretches no axis; it is cut at its edges.
        """
        spans = [dates.span(text) for text in texts if text]
        known = [(low, high) for low, high in spans if low.year == high.year]
        if not known:
            known = [(day, day) for low, high in spans for day in (low, high) if _is_known(day)]
        if not known:
            return None
        last = max(high.year for _, high in known)
        first = min(low.year for low, _ in known)
        return cls(max(first, last - MOST_YEARS + 1), last)

    @property
    def years(self) -> range:
        """The years of the axis."""
        return range(self.first, self.last + 1)

    def at(self, day: dt.date) -> float:
        """Return where a day begins, cut at the edges.

        Examples:
            >>> Axis(2024, 2025).at(dt.date(2025, 1, 1)) == 366 / 731
            True
        """
        start = dt.date(self.first, 1, 1).toordinal()
        length = dt.date(self.last, 12, 31).toordinal() + 1 - start
        return min(max((day.toordinal() - start) / length, 0.0), 1.0)

    def extent(self, text: str) -> Extent | None:
        """Return what an EDTF date covers, None where it is unknown or off the axis.

        Examples:
            >>> half = Axis(2024, 2025).extent("2024-07/..")
            >>> half.open_right, half.right
            (True, 1.0)
        """
        if not text:
            return None
        low, high = dates.span(text)
        if high.year < self.first or low.year > self.last:
            return None
        return Extent(
            self.at(low),
            1.0 if high == dates.OPEN_END else self.at(high + dt.timedelta(days=1)),
            day=low == high,
            open_left=low == dates.OPEN_START,
            open_right=high == dates.OPEN_END,
            about=text[-1] in "~?%" or text[0] in "[{" or "X" in text,
        )


def month(text: str) -> str:
    """Return the month in which a date certainly lies, "" where it may lie in several.

    Examples:
        >>> month("2025-05-23"), month("2025-05"), month("2025"), month("")
        ('2025-05', '2025-05', '', '')
    """
    if not text:
        return ""
    low, high = dates.span(text)
    return f"{low:%Y-%m}" if (low.year, low.month) == (high.year, high.month) else ""


def _is_known(day: dt.date) -> bool:
    return day not in (dates.OPEN_START, dates.OPEN_END)
