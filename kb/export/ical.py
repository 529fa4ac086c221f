"""iCalendar (RFC 5545): events, their talks in the event's own time zone, and deadlines.

A calendar wants days. An event known to the year or month alone, or to one of two days, is
left out, and a talk whose hour stands without a day or a zone is left out with it;
`left_out` names them. Written by the icalendar library.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import TYPE_CHECKING, Any

from kb import dates
from kb.export.text import address, is_edtf, line, need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.export.selection import Selection
    from kb.views import EventView, TalkView

_EPOCH = "1970-01-01T00:00:00+00:00"


def icalendar(selection: Selection) -> Iterator[bytes]:
    """Yield one calendar with every event whose days are known.

    Raises:
        ConfigError: icalendar is not installed.
    """
    library = need("icalendar")
    calendar = library.Calendar()
    calendar.add("prodid", "-//Dissensus//Dissensus//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Dissensus: events of the debate on deep learning theory")
    # When the entries were made, and not when this was written: the file must not change.
    stamp = dt.datetime.fromisoformat(selection.as_of or _EPOCH)
    used: list[dt.date] = []
    for event in selection.events:
        for component in _components(library, event, stamp):
            calendar.add_component(component)
            used.append(component.decoded("dtstart"))
    if used:
        years = [moment.year for moment in used]
        calendar.add_missing_timezones(dt.date(min(years), 1, 1), dt.date(max(years) + 1, 12, 31))
    yield calendar.to_ical()


def left_out(selection: Selection) -> list[str]:
    """Return the events and the talks that have no place in a calendar, in plain words."""
    vague = [event for event in selection.events if _days(event.date) is None]
    out = []
    if vague:
        names = ", ".join(f"{event.id} ({event.date or 'undated'})" for event in vague)
        out.append(f"left out {len(vague)} events whose days are not known: {names}")
    hours = {
        event.id: missing
        for event in selection.events
        if event not in vague
        and (missing := sum(1 for talk in event.talks if _hours(event, talk) is None))
    }
    if hours:
        names = ", ".join(f"{id} ({count})" for id, count in hours.items())
        out.append(f"left out talks without an hour or a zone: {names}")
    return out


def _components(library: Any, event: EventView, stamp: dt.datetime) -> Iterator[Any]:
    def component(name: str, title: str, start: dt.date, end: dt.date | None) -> Any:
        entry = library.Event()
        entry.add("uid", f"{name}.dissensus")
        entry.add("dtstamp", stamp)
        entry.add("summary", line(title))
        entry.add("dtstart", start)
        if end is not None:
            entry.add("dtend", end)
        return entry

    if (days := _days(event.date)) is not None:
        entry = component(event.id, event.name, days[0], days[1] + dt.timedelta(days=1))
        told = [event.hours and f"Hours: {event.hours} {event.tz}", f"Source: {event.verified}"]
        entry.add("description", line(". ".join(part for part in told if part)))
        if event.place:
            entry.add("location", line(event.place))
        if url := address(event.url):
            entry.add("url", url)
        yield entry
    zone = dict(event.deadlines).get("submission_time", "")
    for name, date in event.deadlines:
        if is_edtf(date) and (day := _days(date)) is not None:
            title = f"{event.name}: {name.replace('_', ' ')}"
            entry = component(f"{event.id}.{name}", title, day[0], day[1] + dt.timedelta(days=1))
            if zone and name == "submission":
                entry.add("description", line(f"Time zone: {zone}"))
            yield entry
    for number, talk in enumerate(event.talks, 1):
        if (slot := _hours(event, talk)) is None:
            continue
        title = ": ".join(part for part in (", ".join(talk.people), talk.title) if part)
        entry = component(f"{event.id}.{number}", title or talk.kind, *slot)
        entry.add("description", line(f"{talk.kind}, {event.name}"))
        if event.place:
            entry.add("location", line(event.place))
        yield entry


def _days(date: str) -> tuple[dt.date, dt.date] | None:
    """The first and last day that something takes; None where a day would be made up."""
    if not date or date[0] in "[{" or date[-1] in "~?%":
        return None
    ends = date.split("/")
    if not all(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", end) for end in ends):
        return None
    return dates.span(date)


def _hours(event: EventView, talk: TalkView) -> tuple[dt.datetime, dt.datetime | None] | None:
    days = _days(event.date)
    start = _moment(talk.start, days, event.tz)
    if start is None:
        return None
    return start, _moment(talk.end, days, event.tz)


def _moment(text: str, days: tuple[dt.date, dt.date] | None, tz: str) -> dt.datetime | None:
    """A point in time with its zone: "09:20" on the event's one day, or a full date and time."""
    try:
        zone = zoneinfo.ZoneInfo(tz) if tz else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        zone = None
    if re.fullmatch(r"[0-9]{2}:[0-9]{2}", text):
        if days is None or days[0] != days[1] or zone is None:
            return None
        return dt.datetime.combine(days[0], dt.time.fromisoformat(text), zone)
    if "T" not in text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if zone is not None:
        return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    return moment.astimezone(dt.UTC) if moment.tzinfo else None
