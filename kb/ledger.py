"""The ledger as it is read: what ran, what each source said last, and what is due.

The jobs themselves write the ledger (`kb.store.Store.run`). Which sources there are is known
to those who ask them, so whoever is about to harvest writes the list down here first (`enlist`).
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlmodel import col, select

from kb.models import RawRecord, Refusal, Run, Setting
from kb.views import RunView, SourceView

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlmodel import Session

    from kb.store import Store

HARVEST = "harvest "
"""Before a source's name: the job of asking it."""
_ROSTER = "sources"
"""Name of the setting that lists the configured sources."""
_ILL = ("blocked", "halted", "failed")
"""Outcomes that only a person can mend; a deferred source mends itself."""
_SLACK = dt.timedelta(hours=6)
"""By how much a source may be asked early, at most: a nightly timer with a random delay would
else find it not quite due, and leave it to the next night."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A configured source, as the ledger knows it."""

    name: str
    """As in its ledger rows: "arxiv:memorization:1f2e3d4c"."""
    title: str
    asks: str
    """The question in the source's own syntax; "" where the title says all."""
    every: float
    """Days after a success when it is due again."""
    is_on: bool = True
    """False where the configuration keeps it and asks nothing."""


def enlist(store: Store, roster: Sequence[Listed]) -> None:
    """Write down which sources are configured, unless it is written already.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    text = json.dumps([asdict(each) for each in roster], ensure_ascii=False)
    if store.setting(_ROSTER) == text:
        return
    with store.write() as session:
        session.merge(Setting(name=_ROSTER, value=text))


def roster(session: Session) -> list[Listed]:
    """Return the configured sources in the order in which a run asks them."""
    row = session.get(Setting, _ROSTER)
    return [Listed(**each) for each in json.loads(row.value)] if row else []


def due(session: Session, names: Mapping[str, float], at: dt.datetime) -> set[str]:
    """Return the sources whose last success is long enough ago.

    A source counts as due a quarter of its period early, at most six hours. One whose last
    success lies in the future was asked by a clock that has been set back: it is due.

    Args:
        session: Where the ledger is.
        names: Name -> days after a success when it is due again.
        at: This moment.
    """
    asked = _last(session, names, "ok")
    return {
        name
        for name, every in names.items()
        if name not in asked
        or asked[name].started_at > at
        or at >= _next(asked[name].started_at, every) - min(dt.timedelta(every) / 4, _SLACK)
    }


def sources(
    session: Session, at: dt.datetime, until: dt.datetime | None = None
) -> list[SourceView]:
    """Return the state of each configured source, in the order in which a run asks them.

    Args:
        session: Where the ledger is.
        at: When: ages and staleness are those of this moment.
        until: Only what the ledger held by then; None for all of it.
    """
    listed = roster(session)
    names = [each.name for each in listed]
    tried = _last(session, names, until=until)
    worked = _last(session, names, "ok", until=until)
    kept = _counted(session)
    return [_view(each, tried.get(each.name), worked.get(each.name), kept, at) for each in listed]


def runs(session: Session, n: int, until: dt.datetime | None = None) -> list[RunView]:
    """Return the last jobs that were started by themselves, newest first, with their parts.

    Args:
        session: Where the ledger is.
        n: How many.
        until: Only what was started by then; None for all.
    """
    query = select(Run).where(col(Run.parent_id).is_(None))
    if until is not None:
        query = query.where(col(Run.started_at) <= until)
    rows = session.exec(query.order_by(col(Run.id).desc()).limit(n)).all()
    ids = [row.id for row in rows]
    parts: dict[int | None, list[RunView]] = {}
    inner = select(Run).where(col(Run.parent_id).in_(ids)).order_by(col(Run.id))
    for row in session.exec(inner):
        parts.setdefault(row.parent_id, []).append(_run(row, ()))
    return [_run(row, parts.get(row.id, ())) for row in rows]


def _last(
    session: Session,
    names: Iterable[str],
    outcome: str = "",
    until: dt.datetime | None = None,
) -> dict[str, Run]:
    """The newest row of each source, of this outcome where one is given."""
    jobs = [f"{HARVEST}{name}" for name in names]
    newest = select(func.max(Run.id)).where(col(Run.job).in_(jobs))
    if outcome:
        newest = newest.where(Run.outcome == outcome)
    if until is not None:
        newest = newest.where(col(Run.started_at) <= until)
    rows = session.exec(select(Run).where(col(Run.id).in_(newest.group_by(Run.job))))
    return {row.job.removeprefix(HARVEST): row for row in rows}


def _counted(session: Session) -> dict[str, tuple[int, int]]:
    """Records kept and records that could not be read, by the name they are kept under."""
    kept = select(RawRecord.source, func.count()).group_by(RawRecord.source)
    bad = (
        select(RawRecord.source, func.count())
        .join(Refusal, col(Refusal.raw_digest) == RawRecord.digest)
        .where(col(Refusal.resolved_at).is_(None))
        .group_by(RawRecord.source)
    )
    refused = dict(session.exec(bad).all())
    return {name: (count, refused.get(name, 0)) for name, count in session.exec(kept)}


def _view(
    each: Listed,
    tried: Run | None,
    worked: Run | None,
    kept: Mapping[str, tuple[int, int]],
    at: dt.datetime,
) -> SourceView:
    # A moment before the last try would make it lie in the future.
    at = at if tried is None else max(at, tried.started_at)
    shelf = _shelf(each.name, kept)
    records, refused = kept.get(shelf, (0, 0))
    age = None if worked is None else (at - worked.started_at) / dt.timedelta(days=1)
    outcome = tried.outcome if tried else ""
    return SourceView(
        name=each.name,
        title=each.title,
        asks=each.asks,
        every=each.every,
        staleness=_staleness(each, outcome, age),
        outcome=outcome,
        message=tried.message if tried else "",
        last_try=tried.started_at.isoformat() if tried else "",
        last_success=worked.started_at.isoformat() if worked else "",
        next_due=_next(worked.started_at, each.every).isoformat() if worked and each.is_on else "",
        age=None if age is None else round(age, 2),
        brought=_brought(worked.counts) if worked else 0,
        shelf=shelf,
        records=records,
        refused=refused,
    )


def _staleness(each: Listed, outcome: str, age: float | None) -> str:
    if not each.is_on:
        return "off"
    if outcome in _ILL:
        return "ill"
    if age is None:
        return "never"
    return "late" if age > 2 * each.every else "fresh"


def _shelf(name: str, kept: Collection[str]) -> str:
    """Under which name a source's records are kept: several questions may share one."""
    parts = name.split(":")
    heads = [":".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return next((head for head in heads if head in kept), parts[0])


def _next(success: dt.datetime, every: float) -> dt.datetime:
    return success + dt.timedelta(days=every)


def _brought(counts: Mapping[str, Any]) -> int:
    return int(counts.get("added", 0)) + int(counts.get("changed", 0))


def _run(row: Run, parts: Sequence[RunView]) -> RunView:
    took = None if row.ended_at is None else (row.ended_at - row.started_at).total_seconds()
    return RunView(
        id=row.id or 0,
        job=row.job,
        started=row.started_at.isoformat(),
        ended=row.ended_at.isoformat() if row.ended_at else "",
        seconds=None if took is None else int(took),
        outcome=row.outcome,
        counts=tuple((name, int(value)) for name, value in row.counts.items()),
        requests=row.requests,
        bytes=row.bytes,
        cursor=row.cursor,
        message=row.message,
        parts=tuple(parts),
    )
