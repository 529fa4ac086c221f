"""Rules about counts, dates and lists: what a synthesis says of itself and when things were."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from kb import dates
from kb.audit import words
from kb.audit.finding import Place, at, at_source, called, found, name, numbers
from kb.audit.reading import COMMENTARY, names_authors

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from kb.audit.finding import Finding
    from kb.audit.reading import Reading
    from kb.synthesis import Entry, Source
    from kb.views import WorkView

_FIRST_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-01")
_NEW_YEARS = 3
"""So many different things on one first of January need no further proof to be looked at."""
_ABOUT = ("post", "thread", "video", "news", "digest")
"""Kinds of coverage that come after what they are about; a talk may come before its paper."""


def count_mismatch(reading: Reading) -> Iterator[Finding]:
    """The header's count is not the list's, or a number is cited that no source bears."""
    told = reading.synthesis
    if told.items is not None and told.items != len(told.sources):
        place = Place("Header", told.items_line, "", f"{told.items} items")
        reason = f"The header announces {told.items} items and {len(told.sources)} are listed."
        yield found("count-mismatch", [place], reason)
    for statement in told.statements():
        if missing := [n for n in statement.cites if n not in reading.sources]:
            reason = f"{numbers(missing)} is cited here and listed nowhere."
            yield found("count-mismatch", [at(reading, statement)], reason)


def listed_never_cited(reading: Reading) -> Iterator[Finding]:
    """A source stands in the list and nothing in the text rests on it."""
    cited = {n for statement in reading.synthesis.statements() for n in statement.cites}
    idle = [source for source in reading.synthesis.sources if source.n not in cited]
    if idle:
        reason = (
            f"{len(idle)} of {len(reading.synthesis.sources)} sources are cited nowhere in the "
            f"text: {words.ranges([source.n for source in idle])}."
        )
        yield found("listed-never-cited", [at_source(reading, source) for source in idle], reason)


def false_date_precision(reading: Reading) -> Iterator[Finding]:
    """A day is given where only a year or a month is known: the first of it."""
    first = [e for e in reading.synthesis.timeline if _FIRST_DAY.fullmatch(e.date)]
    wrong = [entry for entry in first if _on_no_day(reading, entry)]
    new_year = [entry for entry in first if entry.date.endswith("-01-01")]
    if wrong:
        outside = sum(_contradicted(reading, entry) for entry in wrong)
        reason = (
            f"{len(wrong)} of {len(reading.synthesis.timeline)} entries are dated to the first day "
            f"of a year or month, on which nothing that they cite is known to have happened; "
            f"{outside} contradict the dates that we have."
        )
        look = "" if outside else "Is the day known, or only the year or month?"
        yield found("false-date-precision", [_dated(reading, e) for e in wrong], reason, look)
    elif len(new_year) >= _NEW_YEARS:
        reason = f"{len(new_year)} different things are dated to a first of January."
        look = "Is the day known, or only the year?"
        yield found("false-date-precision", [_dated(reading, e) for e in new_year], reason, look)


def _dated(reading: Reading, entry: Entry) -> Place:
    return at(reading, entry.told, f"{entry.date}: {entry.told.text}")


def _days(work: WorkView) -> list[tuple[dt.date, dt.date]]:
    """Every span of days in which something is known to have happened to a work."""
    told = [
        work.ref.date,
        *(s.valid for s in work.statuses),
        *(m.valid for m in work.manifestations),
    ]
    return [dates.span(date) for date in told if date]


def _known_days(reading: Reading, entry: Entry) -> list[tuple[dt.date, dt.date]]:
    """The spans of the works that an entry cites; of what is about them we have no dates."""
    forms = [n for n in entry.told.cites if n in reading.placed and not reading.placed[n].coverage]
    return [span for work in reading.cited(forms) for span in _days(work)]


def _on_no_day(reading: Reading, entry: Entry) -> bool:
    spans = _known_days(reading, entry)
    day = dates.span(entry.date)[0]
    return bool(spans) and (day, day) not in spans


def _contradicted(reading: Reading, entry: Entry) -> bool:
    day = dates.span(entry.date)[0]
    return not any(low <= day <= high for low, high in _known_days(reading, entry))


def review_precedes_subject(reading: Reading) -> Iterator[Finding]:
    """A review stands before the thing that it reviews."""
    shown: dict[str, tuple[dt.date, str]] = {}
    for entry in reading.synthesis.timeline:
        for n in entry.told.cites:
            place = reading.placed.get(n)
            if (
                place
                and place.work
                and not place.coverage
                and place.work.ref.kind not in COMMENTARY
            ):
                start = dates.span(entry.date)[0]
                known = shown.get(place.work.id)
                if known is None or start < known[0]:
                    shown[place.work.id] = (start, entry.date)
    early: dict[str, list[tuple[int, str, Place]]] = defaultdict(list)
    for source in reading.synthesis.sources:
        for work in _subjects(reading, source):
            for date, where in _told_on(reading, source):
                if work.id in shown and dates.span(date)[1] < shown[work.id][0]:
                    early[work.id].append((source.n, date, where))
    for id, told in early.items():
        work = reading.works[id]
        n, date, _ = told[0]
        public = f"; we have it public on {work.ref.date}" if work.ref.date else ""
        reason = (
            f"[{n}] is about {called(work)} and dated {date}, while that is dated "
            f"{shown[id][1]}{public}."
        )
        places = [where for _, _, where in told]
        yield found("review-precedes-subject", places, reason, about=[name(work)])


def _subjects(reading: Reading, source: Source) -> list[WorkView]:
    """The works that a source is about: those it covers, or whose title stands in its own."""
    place = reading.placed.get(source.n)
    if place and place.work and place.coverage:
        return [place.work] if place.kind in _ABOUT else []
    own = place.work.id if place and place.work else ""
    if own and place and place.work and place.work.ref.kind not in COMMENTARY:
        return []
    title = words.title(source.title)
    return [
        work
        for work in reading.works.values()
        if work.id != own
        and work.ref.kind not in COMMENTARY
        and len(words.title(work.title).split()) >= 3
        and words.within(words.title(work.title), title)
    ]


def _told_on(reading: Reading, source: Source) -> Iterator[tuple[str, Place]]:
    """The dates that a synthesis gives a source, its own first."""
    if source.date:
        yield source.date, at_source(reading, source)
    for entry in reading.synthesis.timeline:
        if source.n in entry.told.cites:
            yield entry.date, _dated(reading, entry)


def primary_source_missing(reading: Reading) -> Iterator[Finding]:
    """An entry tells of a result and cites only what was written about it later."""
    for entry in reading.synthesis.timeline:
        known = [_later(reading, n, _end(entry.date)) for n in entry.told.cites]
        if not known or not all(known):
            continue
        named = [
            work
            for work in reading.knowledge.works
            if work.ref.key
            and names_authors(work, f"{entry.told.text} {entry.date[:4]}")
            and not _end(entry.date) < dates.span(work.ref.date)[0]
        ]
        missing = f"; missing is {called(named[0])}" if len(named) == 1 else ""
        reason = (
            f"The entry tells of {entry.date[:4]} and all that it cites, "
            f"{numbers(list(entry.told.cites))}, was written later about it{missing}."
        )
        about = map(name, named)
        yield found("primary-source-missing", [_dated(reading, entry)], reason, about=about)


def _end(date: str) -> dt.date:
    """The last day that an entry may mean, when the first of a year or month stands for all."""
    if date.endswith("-01-01"):
        date = date[:4]
    elif _FIRST_DAY.fullmatch(date):
        date = date[:7]
    return dates.span(date)[1]


def _later(reading: Reading, n: int, end: dt.date) -> bool:
    """Whether a source is commentary of a later day."""
    source, place = reading.sources.get(n), reading.placed.get(n)
    if source is None or place is None or place.work is None:
        return False
    if not place.coverage and place.work.ref.kind not in COMMENTARY:
        return False
    date = source.date or ("" if place.coverage else place.work.ref.date)
    return bool(date) and dates.span(date)[0] > end
