"""Programmes into the store: events, sessions, talks, and the works that talks present.

What the curated files say of an event stands; a page adds to it. A talk that a page no longer
lists is retired, never deleted, and one that comes back is the same talk. Reading the same
programme twice changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlmodel import Session as Transaction
from sqlmodel import col, select

from ingest.records import TalkDraft
from kb import dates, ids, merges, titles
from kb.models import (
    Event,
    EventPerson,
    EventSession,
    Identifier,
    RawRecord,
    SearchText,
    StatusEvent,
    Talk,
    TalkPerson,
    Venue,
    Work,
)
from kb.vocabulary import StatusKind, Verified

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Sequence

    from ingest.records import EventDraft, Raw, SessionDraft

SOURCE = "workshops"
"""What `Event.source` says of an event that a page made known."""
IDENTIFIER, GUESS = "identifier", "title"
"""How a talk was tied to its work: see `Talk.match`."""
_CHUNK = 500
"""Ids per IN clause."""


def write(
    session: Transaction, at: dt.datetime, pairs: Sequence[tuple[Raw, EventDraft]]
) -> Counter[str]:
    """Write what pages say of events.

    Args:
        session: A write transaction.
        at: When we learnt it.
        pairs: Records and what they say, in order.

    Returns:
        Counts: added, changed, same, by record.
    """
    return Counter(_Page(session, at, raw, draft).write() for raw, draft in pairs)


def relink(
    session: Transaction, at: dt.datetime, works: Collection[str] | None = None
) -> Counter[str]:
    """Tie talks that have no work yet to works that came, and tell these of their acts.

    Args:
        session: A write transaction.
        at: When we learnt it.
        works: Ids of works that are new or have changed; None looks at all.

    Returns:
        How many talks were tied, by how: identifier, title.
    """
    query = select(Talk).where(col(Talk.retired).is_(False))
    talks = [
        talk
        for talk in session.exec(
            # A merge moves talks by plain statements: what is loaded may be out of date.
            query.order_by(Talk.id).execution_options(populate_existing=True)
        )
        if talk.work_id is None or (talk.match == GUESS and _names(talk))
    ]
    if works is not None and talks:
        talks = _concerned(session, talks, works)
    counts: Counter[str] = Counter()
    for talk in talks:
        before = talk.work_id, talk.match
        _tie(session, talk, _people(session, talk.id))
        if (talk.work_id, talk.match) != before:
            counts[talk.match] += 1
            _tell(session, at, talk, *_page_of(session, talk))
    session.flush()
    return counts


def settle(session: Transaction, at: dt.datetime) -> int:
    """Make what pages said agree with curated files that came after them.

    A talk of a page that the curated files have now gives way to theirs, and talks are tied to
    works that the files brought.

    Returns:
        How many talks that changed.
    """
    events = select(EventSession.event_id).where(EventSession.source != "").distinct()
    changed = 0
    for event_id in session.exec(events.order_by(EventSession.event_id)).all():
        curated = _of_event(session, event_id, curated=True)
        own = _of_event(session, event_id, curated=False)
        signed = {row.id: _people(session, row.id) for row in (*curated, *own)}
        for same in (_is_same, _is_like):
            for row in own:
                draft = _as_draft(row, signed[row.id])
                found = [other for other in curated if same(draft, other, signed[other.id])]
                if row.retired or not found:
                    continue
                better = min(found, key=lambda other: other.start != draft.start)
                curated.remove(better)
                _enrich(session, at, better, draft, row.statuses, _page_of(session, row))
                row.retired = True
                changed += 1
    session.flush()
    return changed + relink(session, at).total()


def guess(session: Transaction, draft: TalkDraft) -> tuple[str, str]:
    """Return the work that a talk would be tied to and how, ("", "") where there is none."""
    if work_id := _by_identifier(session, draft.identifiers):
        return work_id, IDENTIFIER
    work_id = _by_title(session, draft.title, draft.people)
    return (work_id, GUESS) if work_id else ("", "")


def _of_event(session: Transaction, event_id: str, *, curated: bool) -> list[Talk]:
    is_curated = col(EventSession.source) == ""
    query = (
        select(Talk)
        .join(EventSession, col(EventSession.id) == Talk.session_id)
        .where(EventSession.event_id == event_id, col(Talk.retired).is_(False))
        .where(is_curated if curated else ~is_curated)
    )
    return list(session.exec(query.order_by(Talk.session_id, col(Talk.position), Talk.id)))


def _as_draft(row: Talk, names: tuple[str, ...]) -> TalkDraft:
    return TalkDraft(
        kind=row.kind,
        title=row.title,
        people=names,
        start=row.start,
        end=row.end,
        abstract=row.abstract,
        url=row.url,
        identifiers=tuple(row.identifiers),
    )


def _concerned(session: Transaction, talks: Sequence[Talk], works: Collection[str]) -> list[Talk]:
    """The talks that some of these works may be presented in."""
    named: set[str] = set()
    called: set[str] = set()
    some = sorted(works)
    for start in range(0, len(some), _CHUNK):
        part = some[start : start + _CHUNK]
        named |= {*part}
        named |= set(session.exec(select(Identifier.id).where(col(Identifier.work_id).in_(part))))
        called |= {
            titles.key(t) for t in session.exec(select(Work.title).where(col(Work.id).in_(part)))
        }
    called.discard("")
    return [t for t in talks if named & _names(t) or titles.key(t.title) in called]


def _names(talk: Talk) -> set[str]:
    """Every identifier by which a talk names its work."""
    return {*talk.identifiers, *([f"arxiv:{talk.arxiv}"] if talk.arxiv else [])}


def _page_of(session: Transaction, talk: Talk) -> tuple[str, str | None]:
    """The adapter that read a talk's page, and the record of it.

    A curated talk has none of its own; what a page added to it came with the event's page.
    """
    own = session.get_one(EventSession, talk.session_id)
    query = select(EventSession).where(
        EventSession.event_id == own.event_id, col(EventSession.raw_digest).is_not(None)
    )
    page = own
    if own.raw_digest is None:
        page = session.exec(query.order_by(EventSession.id)).first() or own
    return page.source, page.raw_digest


# -- one page -------------------------------------------------------------------------------


class _Page:
    """Brings what is known of one event up to date with one of its pages."""

    def __init__(self, session: Transaction, at: dt.datetime, raw: Raw, draft: EventDraft) -> None:
        self._session, self._at = session, at
        self._raw, self._draft = raw, draft
        self._recipe = raw.source.partition(":")[2] or raw.source
        self._curated: frozenset[str] = frozenset()
        self._is_new = False
        self._is_changed = False

    def write(self) -> str:
        """Return what became of the record: added, changed or same."""
        event = self._event()
        sessions = self._own_sessions(event)
        rows = self._talks(sessions)
        left = [row for row in rows if not row.retired]
        curated = _of_event(session=self._session, event_id=event.id, curated=True)
        self._curated = frozenset(row.id for row in curated)
        self._is_new |= bool(self._draft.sessions) and not sessions
        days = {part.valid for part in self._draft.sessions}
        fresh: list[EventSession] = []
        for position, part in enumerate(self._draft.sessions):
            row = self._put_session(event, part, position, is_split=len(days) > 1)
            fresh.append(row)
            for talk in self._place(event, row, part, rows, curated):
                left = [other for other in left if other.id != talk.id]
        for talk in left:
            talk.retired = True
            self._is_changed = True
        if self._is_new or self._is_changed:
            for row in fresh:
                row.raw_digest = self._raw.digest
            self._describe(event)
        self._session.flush()
        return "added" if self._is_new else "changed" if self._is_changed else "same"

    def _set(self, row: Any, **values: Any) -> None:
        for name, value in values.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
                self._is_changed = True

    # -- the event ----------------------------------------------------------------------------

    def _event(self) -> Event:
        draft, session = self._draft, self._session
        event = session.get(Event, draft.id) or self._known_event()
        if event is not None and event.source == "":
            return event
        venue_id = None
        if draft.parent:
            venue_id = ids.slug(f"venue:{draft.parent}").removeprefix("venue-")
            if session.get(Venue, venue_id) is None:
                session.add(Venue(id=venue_id, name=draft.parent))
                session.flush()
        values = {
            "venue_id": venue_id,
            "name": draft.name or draft.id,
            "series": draft.series,
            "kind": draft.kind,
            "valid": draft.valid,
            "first_day": _first_day(draft.valid),
            "tz": draft.tz,
            "place": draft.place,
            "hours": draft.hours,
            "url": draft.url,
            "verified": Verified.official,
            "source": SOURCE,
        }
        if event is None:
            event = Event.model_validate(
                {"id": draft.id, "sources": [self._raw.url.partition("#")[0]], **values}
            )
            session.add(event)
            session.flush()
            self._is_new = True
        else:
            self._set(event, **values)
        self._put_roles(event)
        return event

    def _known_event(self) -> Event | None:
        """The event that a list of workshops means: by address, or by name in the same days."""
        draft, session = self._draft, self._session
        if not draft.name:
            return None
        gist = _gist(draft.name, draft.parent)
        for event in session.exec(select(Event).order_by(Event.source, Event.id)):
            if draft.url and event.url == draft.url:
                return event
            if not dates.coincide(event.valid, draft.valid):
                continue
            if any(_gist(name, draft.parent) == gist for name in (event.name, *event.alt_names)):
                return event
        return None

    def _put_roles(self, event: Event) -> None:
        rows = [
            (role, i, name)
            for role, names in (
                ("organizer", self._draft.organizers),
                ("speaker", self._draft.speakers),
            )
            for i, name in enumerate(names)
        ]
        query = select(EventPerson).where(EventPerson.event_id == event.id)
        old = {(row.role, row.position): row for row in self._session.exec(query)}
        if {(role, i, row.name) for (role, i), row in old.items()} == set(rows):
            return
        for row in old.values():
            self._session.delete(row)
        self._session.flush()
        for role, i, name in rows:
            self._session.add(EventPerson(event_id=event.id, role=role, position=i, name=name))
        self._is_changed = True

    def _describe(self, event: Event) -> None:
        """What search sees of an event that the curated files do not have."""
        if event.source == "":
            return
        draft = self._draft
        said = [event.series, draft.parent, draft.abstract, *draft.organizers, *draft.speakers]
        said += [f"{t.title} {' '.join(t.people)}" for part in draft.sessions for t in part.talks]
        body = " ".join(" ".join(said).split())
        query = select(SearchText).where(SearchText.kind == "event", SearchText.ref == event.id)
        row = self._session.exec(query).first()
        if row is None:
            self._session.add(SearchText(kind="event", ref=event.id, title=event.name, body=body))
        else:
            row.title, row.body = event.name, body

    # -- sessions -----------------------------------------------------------------------------

    def _own_sessions(self, event: Event) -> list[EventSession]:
        """The sessions that were read from this page before: by title, or by its address."""
        query = (
            select(EventSession, RawRecord.url)
            .join(RawRecord, col(RawRecord.digest) == EventSession.raw_digest, isouter=True)
            .where(EventSession.event_id == event.id, EventSession.source == self._raw.source)
        )
        called = {part.title for part in self._draft.sessions}
        return [
            row
            for row, url in self._session.exec(query.order_by(EventSession.id))
            if row.title in called or url == self._raw.url
        ]

    def _put_session(
        self, event: Event, part: SessionDraft, position: int, *, is_split: bool
    ) -> EventSession:
        id = f"{event.id}/{self._recipe}/{_slug(part.title)}"
        if is_split and part.valid:
            id = f"{id}/{part.valid}"
        values = {"title": part.title, "valid": part.valid or event.valid, "position": position}
        row = self._session.get(EventSession, id)
        if row is None:
            row = EventSession.model_validate(
                {
                    "id": id,
                    "event_id": event.id,
                    "source": self._raw.source,
                    "raw_digest": self._raw.digest,
                    **values,
                }
            )
            self._session.add(row)
            self._session.flush()
            self._is_changed = True
            return row
        self._set(row, **values)
        return row

    # -- talks --------------------------------------------------------------------------------

    def _talks(self, sessions: Sequence[EventSession]) -> list[Talk]:
        """Every talk that was read from this page, those that it still listed last first."""
        query = select(Talk).where(col(Talk.session_id).in_([row.id for row in sessions]))
        rows = self._session.exec(query.order_by(col(Talk.position), Talk.id)).all()
        return sorted(rows, key=lambda row: row.retired)

    def _place(
        self,
        event: Event,
        owner: EventSession,
        part: SessionDraft,
        rows: list[Talk],
        curated: list[Talk],
    ) -> list[Talk]:
        """Give each talk of a session its row: a curated one, an old one, or a new one."""
        chosen: dict[int, Talk] = {}
        signed = {row.id: _people(self._session, row.id) for row in (*rows, *curated)}
        for same in (_is_same, _is_like):  # what is certain takes its row first
            for pool in (curated, rows):
                for i, talk in enumerate(part.talks):
                    if i in chosen:
                        continue
                    found = [row for row in pool if same(talk, row, signed[row.id])]
                    if found:
                        row = min(found, key=lambda row: (row.retired, row.start != talk.start))
                        pool.remove(row)
                        chosen[i] = row
        own = []
        for i, talk in enumerate(part.talks):
            row_or_none = chosen.get(i)
            acts = self._acts(event, owner, talk)
            if row_or_none is not None and row_or_none.id in self._curated:
                page = self._raw.source, self._raw.digest
                self._is_changed |= _enrich(self._session, self._at, row_or_none, talk, acts, page)
                continue
            own.append(self._put_talk(owner, i, talk, row_or_none, acts))
        return own

    def _acts(self, event: Event, owner: EventSession, talk: TalkDraft) -> list[dict[str, str]]:
        return [
            {
                "status": act.status.value,
                "valid": act.valid or owner.valid or event.valid,
                "venue": act.venue or event.name.split(":")[0],
            }
            for act in talk.statuses
        ]

    def _put_talk(
        self,
        owner: EventSession,
        position: int,
        draft: TalkDraft,
        row: Talk | None,
        acts: list[dict[str, str]],
    ) -> Talk:
        values = {
            "session_id": owner.id,
            "position": position,
            "start": draft.start,
            "end": draft.end,
            "kind": draft.kind,
            "title": draft.title,
            "abstract": draft.abstract,
            "url": draft.url,
            "arxiv": _arxiv(draft.identifiers),
            "identifiers": list(draft.identifiers),
            "statuses": acts,
            "retired": False,
        }
        if row is None:
            row = Talk.model_validate({"id": self._talk_id(owner, draft), **values})
            self._session.add(row)
            self._session.flush()
            self._is_changed = True
            is_news = True
        else:
            was = (row.identifiers, row.statuses, row.title, row.retired)
            self._set(row, **values)
            is_news = was != (row.identifiers, row.statuses, row.title, row.retired)
        is_news |= self._put_people(row, draft.people)
        if is_news:
            _tie(self._session, row, draft.people)
            _tell(self._session, self._at, row, self._raw.source, self._raw.digest)
        return row

    def _talk_id(self, owner: EventSession, draft: TalkDraft) -> str:
        """A name that neither the order nor the hours of a programme have a part in."""
        text = "\n".join([" ".join(_words(draft.title)), *sorted(map(_plain, draft.people))])
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        stem = f"{owner.event_id}/{self._recipe}/{_slug(owner.title)}/{digest}"
        id, n = stem, 1
        while self._session.get(Talk, id) is not None:  # "Poster session", twice a day
            n += 1
            id = f"{stem}-{n}"
        return id

    def _put_people(self, talk: Talk, names: Sequence[str]) -> bool:
        if _people(self._session, talk.id) == tuple(names):
            return False
        for row in self._session.exec(select(TalkPerson).where(TalkPerson.talk_id == talk.id)):
            self._session.delete(row)
        self._session.flush()
        for i, name in enumerate(names):
            self._session.add(TalkPerson(talk_id=talk.id, position=i, name=name))
        self._session.flush()
        self._is_changed = True
        return True


def _enrich(
    session: Transaction,
    at: dt.datetime,
    row: Talk,
    draft: TalkDraft,
    acts: list[dict[str, str]],
    page: tuple[str, str | None],
) -> bool:
    """Give a curated talk what it lacks; what it has stands. Return whether it lacked any."""
    values = {
        "abstract": row.abstract or draft.abstract,
        "url": row.url or draft.url,
        "identifiers": row.identifiers or list(draft.identifiers),
        "statuses": row.statuses or acts,
    }
    lacks = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in lacks.items():
        setattr(row, name, value)
    if lacks:
        _tie(session, row, _people(session, row.id) or draft.people)
        _tell(session, at, row, *page)
    return bool(lacks)


def _is_same(draft: TalkDraft, row: Talk, names: Sequence[str]) -> bool:
    """Whether a row says what a draft says: the same title and people."""
    return _words(draft.title) == _words(row.title) and (
        not names or not draft.people or _crowd(names) == _crowd(draft.people)
    )


def _is_like(draft: TalkDraft, row: Talk, names: Sequence[str]) -> bool:
    """Whether a row is the draft's, retitled or with other people.

    The same people at the same hour, or the same kind of slot at the same hour where nobody
    speaks; or a title of one's own.
    """
    if row.retired:
        return False
    if _crowd(names) == _crowd(draft.people):
        at_once = bool(draft.start) and draft.start == row.start
        return at_once and (bool(names) or draft.kind == row.kind)
    return titles.key(draft.title) == titles.key(row.title) != ""


# -- works ----------------------------------------------------------------------------------


def _tie(session: Transaction, talk: Talk, names: Sequence[str]) -> None:
    """Find the work that a talk presents; what the curated files say of it stands."""
    if talk.work_id is not None and talk.match == "":
        return
    work_id = _by_identifier(session, sorted(_names(talk)))
    match = IDENTIFIER if work_id else ""
    if work_id is None and (found := _by_title(session, talk.title, names)):
        work_id, match = found, GUESS
    if (talk.work_id, talk.match) != (work_id, match):
        talk.work_id, talk.match = work_id, match


def _by_identifier(session: Transaction, names: Sequence[str]) -> str | None:
    """The work that goes by one of these names, the one it turned out to be where it merged."""
    if not names:
        return None
    query = select(Identifier.id, Identifier.work_id).where(col(Identifier.id).in_(names))
    owners = {id: id for id in session.exec(select(Work.id).where(col(Work.id).in_(names)))}
    owners |= dict(session.exec(query).all())
    if not owners:
        return None
    found: str | None = owners[ids.best(list(owners))]
    work_id = found
    while found is not None:
        work_id = found
        found = session.exec(select(Work.merged_into).where(Work.id == work_id)).first()
    return work_id


def _by_title(session: Transaction, title: str, names: Sequence[str]) -> str | None:
    """The work with an equal title and an author in common, which is a guess."""
    key = titles.key(title)
    if not names or not key:
        return None
    scored = [
        (likeness[0], work.id)
        for work in merges.candidates(session, [key]).get(key, ())
        if titles.shared(names, work.authors)
        and (likeness := titles.likeness(title, names, work.title, work.authors))
    ]
    return min(scored, key=lambda pair: (-pair[0], pair[1]))[1] if scored else None


def _tell(
    session: Transaction, at: dt.datetime, talk: Talk, source: str, digest: str | None
) -> None:
    """Record what an event did with a work that is known for certain, unless it is known."""
    if talk.work_id is None or talk.match == GUESS:
        return
    for act in talk.statuses:
        query = select(StatusEvent).where(
            StatusEvent.work_id == talk.work_id,
            StatusEvent.status == StatusKind(act["status"]),
            col(StatusEvent.superseded_at).is_(None),
        )
        known = [
            row.valid
            for row in session.exec(query)
            if row.venue.casefold() == act["venue"].casefold()
        ]
        if any(dates.coincide(valid, act["valid"]) for valid in known):
            continue
        session.add(
            StatusEvent(
                work_id=talk.work_id,
                status=StatusKind(act["status"]),
                venue=act["venue"],
                source=source,
                verified=Verified.official,
                raw_digest=digest,
                valid=act["valid"],
                recorded_at=at,
            )
        )
        session.flush()


# -- helpers --------------------------------------------------------------------------------


def _people(session: Transaction, talk_id: str) -> tuple[str, ...]:
    query = select(TalkPerson.name).where(TalkPerson.talk_id == talk_id)
    return tuple(session.exec(query.order_by(col(TalkPerson.position))))


def _plain(name: str) -> str:
    return " ".join(_words(name))


def _crowd(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_plain, names))


_FILLING = frozenset(
    ["a", "an", "and", "at", "edition", "first", "for", "in", "of", "on", "second", "the", "third",
     "workshop", "workshops"]
)  # fmt: skip


def _gist(name: str, parent: str) -> frozenset[str]:
    """The words of an event's name that tell it from the others of its conference."""
    own = {word for word in _words(name) if not word[0].isdigit()} - _FILLING
    return frozenset(own - set(_words(parent))) or frozenset(_words(name))


def _slug(title: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return plain[:60] or ids.slug(title)


_words = lru_cache(maxsize=8192)(titles.words)
"""Each title of a list is compared with each that is known."""


def _arxiv(names: Iterable[str]) -> str:
    return next((name.removeprefix("arxiv:") for name in names if name.startswith("arxiv:")), "")


def _first_day(text: str) -> str:
    low = dates.span(text)[0]
    return "" if low == dates.OPEN_START else low.isoformat()
