"""Dates as precise as they are known: the Extended Date/Time Format (EDTF, ISO 8601-2:2019).

"2025" is a year, never the first of January; "2025-11/2025-12" is somewhere in two months;
"2026-04-24/.." has begun and we know of no end.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from calendar import monthrange
from functools import lru_cache

from kb.errors import DateError

OPEN_START = dt.date.min
OPEN_END = dt.date.max


@lru_cache(maxsize=65536)
def span(text: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last day that an EDTF date may mean.

    An open or unknown end is `OPEN_START` or `OPEN_END`. "" is wholly unknown.

    Raises:
        DateError: `text` is not EDTF.

    Examples:
        >>> span("2025-05")
        (datetime.date(2025, 5, 1), datetime.date(2025, 5, 31))
        >>> span("2024/..")[1] == OPEN_END
        True
    """
    if not text:
        return OPEN_START, OPEN_END
    if len(text) == 10 and text[4] == text[7] == "-":  # the common case, 100 times as fast
        try:
            day = dt.date.fromisoformat(text)
        except ValueError as error:
            raise DateError(text) from error
        return day, day
    if re.fullmatch(r"[0-9]{4}(-(0[1-9]|1[0-2]))?", text) and text[:4] != "0000":
        return _whole(text)
    if plain := _PLAIN_RANGE.fullmatch(text):
        start, end = plain["start"], plain["end"]
        low = OPEN_START if start == ".." else span(start)[0]
        high = OPEN_END if end == ".." else span(end)[1]
        if low <= high:
            return low, high
    if re.fullmatch(r"[0-9]{3}X", text) and text != "000X":  # some year of a decade
        return dt.date(int(f"{text[:3]}0"), 1, 1), dt.date(int(f"{text[:3]}9"), 12, 31)
    if _PLAIN_CHOICE.fullmatch(text):
        parts = [span(part) for part in text.strip("[]").split(",")]
        return min(low for low, _ in parts), max(high for _, high in parts)
    # Imported here: a parser generator is not worth its start-up time to those who only ask.
    from edtf import EDTFParseException, parse_edtf

    try:
        parsed = parse_edtf(text)
        low, high = parsed.lower_strict(), parsed.upper_strict()
        return _day(low, OPEN_START), _day(high, OPEN_END)
    except (EDTFParseException, ValueError, AttributeError, TypeError) as error:
        raise DateError(text) from error


_PART = r"\d{4}(?:-\d{2}(?:-\d{2})?)?"
_PLAIN_RANGE = re.compile(rf"(?P<start>{_PART}|\.\.)/(?P<end>{_PART}|\.\.)")
"""An interval of plain dates, which needs no parser."""
_PLAIN_CHOICE = re.compile(rf"\[{_PART}(?:,{_PART})+\]")
"""One of several plain dates."""


def _whole(text: str) -> tuple[dt.date, dt.date]:
    """The first and last day of a year or month, without the parser: it takes milliseconds."""
    year, _, month = text.partition("-")
    last = int(month or 12)
    days = monthrange(int(year), last)[1]
    return dt.date(int(year), int(month or 1), 1), dt.date(int(year), last, days)


def _day(moment: object, unbounded: dt.date) -> dt.date:
    if isinstance(moment, float):  # edtf gives an infinity for an open end
        return unbounded
    if not isinstance(moment, time.struct_time):
        raise TypeError(f"edtf gave {moment!r}")
    return dt.date(moment.tm_year, moment.tm_mon, moment.tm_mday)


def sort_key(text: str) -> tuple[str, str, str]:
    """Return a key that orders dates by their first day, then their last, unknown ones last.

    Examples:
        >>> sorted(["2025-05-23", "", "2025", "2024"], key=sort_key)
        ['2024', '2025', '2025-05-23', '']
    """
    low, high = span(text)
    if not text:
        return ("9999-12-31", "9999-12-31", "")
    return (low.isoformat(), high.isoformat(), text)


def overlaps(text: str, since: str = "", until: str = "") -> bool:
    """Tell whether a date may lie between the start of `since` and the end of `until`.

    Both bounds are inclusive EDTF dates; "" is unbounded. An unknown date overlaps only
    where there is no bound, so that a filter never shows what it cannot vouch for.

    Examples:
        >>> overlaps("2025", since="2025-06")
        True
        >>> overlaps("2024", since="2025")
        False
    """
    if not text:
        return not since and not until
    low, high = span(text)
    return high >= span(since)[0] and low <= span(until)[1]


def coincide(one: str, other: str) -> bool:
    """Tell whether two dates may mean the same day; one that is not known may mean any.

    Examples:
        >>> coincide("2025", "2025-05-23"), coincide("2024", "2025"), coincide("", "2025")
        (True, False, True)
    """
    if not one or not other:
        return True
    (low, high), (other_low, other_high) = span(one), span(other)
    return low <= other_high and other_low <= high


def precision(text: str) -> str:
    """Return "day", "month", "year", "interval" or "unknown".

    Examples:
        >>> precision("2025"), precision("2025-05-23"), precision("2025/2026")
        ('year', 'day', 'interval')
    """
    if not text:
        return "unknown"
    low, high = span(text)
    if low == high:
        return "day"
    if "/" in text or "[" in text or "{" in text:
        return "interval"
    days = (high - low).days
    if days <= 31:
        return "month"
    return "year" if days <= 366 else "interval"


def words(text: str) -> str:
    """Return a date in plain words, claiming no more precision than it has.

    Examples:
        >>> words("2025-05-23"), words("2025-05"), words("2024/.."), words("")
        ('23 May 2025', 'May 2025', 'since 2024', 'date unknown')
    """
    if not text:
        return "date unknown"
    span(text)
    if text.startswith("["):
        return " or ".join(_plain(part) for part in text.strip("[]").split(","))
    if "/" in text:
        start, end = text.split("/", 1)
        if end in ("..", ""):
            return f"since {_plain(start)}"
        if start in ("..", ""):
            return f"until {_plain(end)}"
        return f"{_plain(start)} to {_plain(end)}"
    return _plain(text)


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _plain(text: str) -> str:
    mark = {"~": "about ", "?": "perhaps ", "%": "perhaps about "}.get(text[-1:], "")
    if re.fullmatch(r"[0-9]{3}X", text):
        return f"some year of the {text[:3]}0s"
    parts = text.rstrip("~?%").split("-")
    if not all(part.isdigit() for part in parts):
        return f"{mark}{text.rstrip('~?%')}"
    if len(parts) == 3:
        return f"{mark}{int(parts[2])} {_MONTHS[int(parts[1]) - 1]} {parts[0]}"
    if len(parts) == 2 and 1 <= int(parts[1]) <= 12:
        return f"{mark}{_MONTHS[int(parts[1]) - 1]} {parts[0]}"
    return f"{mark}{parts[0]}"
