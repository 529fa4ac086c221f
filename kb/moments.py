"""A moment of the debate on both its clocks, and what was so by then. Pure.

`valid` asks what was so in the world, `recorded` what the store had been told. A filter never
shows what it cannot vouch for: where a date leaves room for a later day, the thing is not
there yet, and what has no date at all is there only when nobody asks for a moment.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from kb import dates
from kb.errors import DateError

FOREVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """The last day and the last instant that a reader may know of; by default there is none."""

    day: dt.date = dates.OPEN_END
    at: dt.datetime = FOREVER

    @classmethod
    def of(cls, valid: str = "", recorded: str = "") -> Moment:
        """Return the moment that two texts mean.

        Args:
            valid: EDTF date, through its last day: "2025" takes in all of 2025. "" for no
                bound.
            recorded: EDTF date, through its last day in UTC, or an ISO 8601 time with its
                zone. "" for no bound.

        Raises:
            DateError: A text is neither; a time without a zone is a guess.

        Examples:
            >>> Moment.of("2025-05").day
            datetime.date(2025, 5, 31)
            >>> Moment.of(recorded="2026-05-02T07:19+02:00").at.isoformat()
            '2026-05-02T05:19:00+00:00'
        """
        return cls(dates.span(valid)[1], instant(recorded, last=True))

    def narrow(self, other: Moment) -> Moment:
        """Return the earlier of two moments on each clock."""
        return Moment(min(self.day, other.day), min(self.at, other.at))

    @property
    def dated(self) -> bool:
        """Whether the world's clock is bounded."""
        return self.day != dates.OPEN_END

    @property
    def timed(self) -> bool:
        """Whether the store's clock is bounded."""
        return self.at != FOREVER

    def came(self, text: str) -> bool:
        """Tell whether what happened at an EDTF date had certainly happened.

        Examples:
            >>> june = Moment.of("2025-06")
            >>> june.came("2025-06-30"), june.came("2025"), june.came("")
            (True, False, False)
        """
        return not self.dated or (bool(text) and dates.span(text)[1] <= self.day)

    def began(self, text: str) -> bool:
        """Tell whether an EDTF interval had certainly begun.

        Examples:
            >>> Moment.of("2026").began("2026-04-24/.."), Moment.of("2026").began("2027/2028")
            (True, False)
        """
        return self.came(text.split("/", 1)[0] if "/" in text else text)

    def lasts(self, text: str) -> bool:
        """Tell whether an EDTF interval had certainly begun and was not over.

        A date that is no interval has a beginning and no known end; an interval covers its
        last day, month or year whole.

        Examples:
            >>> Moment.of("2025").lasts("2023/2025"), Moment.of("2026").lasts("2023/2025")
            (True, False)
        """
        if not self.began(text):
            return False
        end = text.split("/", 1)[1] if "/" in text else ""
        return not self.dated or end in ("", "..") or dates.span(end)[1] >= self.day

    def knew(self, recorded: dt.datetime | None, superseded: dt.datetime | None = None) -> bool:
        """Tell whether a row recorded then, and superseded then, was what the store said.

        Examples:
            >>> noon = dt.datetime(2026, 5, 2, 12, tzinfo=dt.UTC)
            >>> Moment.of(recorded="2026-05-02").knew(noon, noon.replace(day=3))
            True
            >>> Moment.of(recorded="2026-05-03").knew(noon, noon.replace(day=3))
            False
        """
        if not self.timed:
            return superseded is None
        came = recorded is None or recorded <= self.at
        return came and (superseded is None or superseded > self.at)


def instant(text: str, *, last: bool) -> dt.datetime:
    """Return the first or last instant that a text may mean, in UTC; "" is without bound.

    Raises:
        DateError: It is neither an EDTF date nor an ISO 8601 time with its zone.

    Examples:
        >>> instant("2026-05", last=False).isoformat()
        '2026-05-01T00:00:00+00:00'
    """
    if re.match(r"\d{4}-\d{2}-\d{2}[T ]", text):
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError as error:
            raise DateError(text) from error
        if moment.tzinfo is None:
            raise DateError(text)
        return moment.astimezone(dt.UTC)
    low, high = dates.span(text)
    clock = dt.time.max if last else dt.time.min
    return dt.datetime.combine(high if last else low, clock, dt.UTC)
