"""Cycles: snapshots of the debate that are kept, and the past that the first one lets us tell.

Two kinds of cycle. One is taken as things stand, numbered, and kept for good. The others are
reconstructed from the first of those by the dates of its facts (`kb.chronicle.stood`): they
come before it, are named by their day, and are computed again whenever they are asked for.
The first cycle never changes, so neither do they; and their hash is over what they hold.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select as sa_select
from sqlmodel import col, select

from kb import changes, chronicle, dialectic, models
from kb.errors import NotFoundError
from kb.held import is_held
from kb.store import now
from kb.views import CycleView, DiffView

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlmodel import Session, SQLModel

    from kb.changes import Snapshot
    from kb.store import Store
    from kb.views import ChangeView

_CHUNK = 500
"""Ids per IN clause: SQLite before 3.32 takes 999 parameters."""
_LEVEL = 4
"""Of compression. The highest takes four times as long to save a twentieth."""
_HASH = 6
"""Characters of a hash that are enough to name a cycle by."""


def snapshot(session: Session) -> Snapshot:
    """Return what the debate says now, as plain values; equal stores give equal snapshots.

    Times of recording, row numbers and runs are left out: they are how we learnt it, not
    what it says.
    """
    out = _of_works(session, None)
    _name_lineages(session, out["work"])
    return out | _frame(session)


def renewed(session: Session, last: Snapshot, moved: Collection[str]) -> Snapshot:
    """Return `snapshot`, made from the last one where only some works have changed since.

    Args:
        session: An open transaction.
        last: A snapshot of this store, taken by the same program; it is used up.
        moved: All works of which anything has changed since, and maybe others.
    """
    fresh = _of_works(session, moved)
    gone = set(moved)
    out = {
        kind: {id: row for id, row in last[kind].items() if row["work"] not in gone} | rows
        for kind, rows in fresh.items()
        if kind != "work"
    }
    works = {id: row for id, row in last["work"].items() if id not in gone}
    out["work"] = works | fresh["work"]
    # A new work may join the lineages of others.
    _name_lineages(session, out["work"])
    return out | _frame(session)


def _of_works(session: Session, only: Collection[str] | None) -> Snapshot:
    """What is said of works, of some or of all; their lineages are still to be named.

    Columns are read, not objects, which would take four times as long.
    """
    out: Snapshot = {"work": {}, "manifestation": {}, "link": {}, "status": {}}
    if only is None:
        parts: list[list[str] | None] = [None]
    else:
        names = sorted(only)
        parts = [names[i : i + _CHUNK] for i in range(0, len(names), _CHUNK)]

    def read(query: Any, work: Any, some: list[str] | None) -> Iterator[Any]:
        if some is not None:
            query = query.where(col(work).in_(some))
        return iter(session.connection().execute(query))

    work, form, link, act = models.Work, models.Manifestation, models.Link, models.StatusEvent
    works = sa_select(*_columns(work, "id", "title", "first_public", "retired", "key"))
    # A work that is held back is no part of the debate.
    works = works.where(~is_held(col(work.id))).order_by(work.id)
    forms = (
        sa_select(*_columns(form, "id", "work_id", "kind", "version", "valid"))
        .where(col(form.work_id).is_not(None), ~is_held(col(form.work_id)))
        .where(col(form.digest_id).is_(None))
        # A line of a version history, whose text nobody has fetched, is no news.
        .where(col(form.raw_digest).is_(None) | (col(form.content_hash) != ""))
    )
    links = sa_select(
        *_columns(
            link, "work_id", "claim_id", "stance", "nuance", "how", "agent_kind", "agent",
            "review", "score", "valid",
        )
    ).where(col(link.superseded_at).is_(None))  # fmt: skip
    links = links.order_by(link.work_id, link.claim_id, col(link.agent_kind))
    acts = sa_select(*_columns(act, "work_id", "status", "venue", "version", "valid")).where(
        col(act.superseded_at).is_(None), ~is_held(col(act.work_id))
    )
    for some in parts:
        for id, title, first_public, retired, key in read(works, work.id, some):
            out["work"][id] = {
                "title": title,
                "first_public": first_public,
                "retired": retired,
                "key": key or "",
            }
        for id, owner, kind, version, valid in read(forms, form.work_id, some):
            row = {"work": owner, "kind": kind, "version": version, "valid": valid}
            out["manifestation"][id] = row
        for k in read(links, link.work_id, some):
            out["link"][f"{k.work_id} → {k.claim_id} ({k.agent_kind})"] = {
                "work": k.work_id,
                "claim": k.claim_id,
                "stance": k.stance,
                "nuance": k.nuance,
                "how": k.how,
                "agent_kind": k.agent_kind,
                "agent": k.agent,
                "review": k.review,
                "score": None if k.score is None else round(k.score, 4),
                "valid": k.valid,
            }
        for owner, status, venue, version, valid in read(acts, act.work_id, some):
            out["status"][f"{owner} {status} {valid} {venue} {version}".strip()] = {
                "work": owner,
                "status": status,
                "venue": venue,
                "valid": valid,
            }
    return out


def _columns(kind: type[SQLModel], *names: str) -> list[Any]:
    return [getattr(kind, name) for name in names]


def _name_lineages(session: Session, works: dict[str, dict[str, Any]]) -> None:
    related = _columns(models.WorkRelation, "from_work_id", "to_work_id")
    pairs = session.connection().execute(sa_select(*related))
    lineage = dialectic.lineages((one, other) for one, other in pairs)
    for id, row in works.items():
        row["lineage"] = lineage.get(id, id)


def _frame(session: Session) -> Snapshot:
    """What is said of all but works: the curated frame, which is small."""
    out: Snapshot = {}
    out["claim"] = {
        c.id: {"text": c.text, "level": c.level, "strand": c.strand_id, "retired": c.retired}
        for c in session.exec(select(models.Claim).order_by(models.Claim.id))
    }
    relations = session.exec(
        select(models.ClaimRelation).where(col(models.ClaimRelation.superseded_at).is_(None))
    )
    out["relation"] = {
        f"{r.from_claim_id} {r.kind} {r.to_claim_id}": {
            "note": r.note,
            "review": r.review,
            "valid": r.valid,
        }
        for r in relations
    }
    poles: dict[str, dict[str, list[str]]] = {}
    for pole in session.exec(select(models.PoleClaim).order_by(col(models.PoleClaim.position))):
        poles.setdefault(pole.tension_id, {}).setdefault(pole.pole_id, []).append(pole.claim_id)
    out["tension"] = {
        t.id: {
            "question": t.question,
            "kind": t.kind,
            "review": t.review,
            "poles": poles.get(t.id, {}),
            "core": t.core,
            "retired": t.retired,
        }
        for t in session.exec(select(models.Tension))
    }
    holdings = session.exec(
        select(models.VoiceHolding).where(col(models.VoiceHolding.superseded_at).is_(None))
    )
    people: dict[str, list[str]] = {}
    for member in session.exec(select(models.Membership)):
        people.setdefault(member.group_id, []).append(member.person_id)
    voices = session.exec(select(models.Voice)).all()
    names = {v.id: v.name for v in voices}
    out["voice"] = {
        v.id: {
            "name": v.name,
            "kind": v.kind,
            "members": sorted(people.get(v.group_id or "", [v.person_id or ""])),
            "retired": v.retired,
        }
        for v in voices
    }
    out["holding"] = {
        f"{h.voice_id} {h.attitude} {h.claim_id} ({h.work_id})": {
            "voice": names[h.voice_id],
            "voice_id": h.voice_id,
            "work": h.work_id,
            "attitude": h.attitude,
            "claim": h.claim_id,
            "valid": h.valid,
        }
        for h in holdings
    }
    out["event"] = {
        e.id: {"name": e.name, "date": e.valid} for e in session.exec(select(models.Event))
    }
    out["digest"] = {
        d.id: {"publisher": d.publisher, "title": d.title, "version": d.version, "as_of": d.as_of}
        for d in session.exec(select(models.Digest))
    }
    return out


def canonical(shot: Snapshot) -> bytes:
    """Return the one JSON form of a snapshot: sorted keys, no spaces, UTF-8."""
    return json.dumps(shot, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def close(store: Store, moved: Collection[str] | None = None) -> tuple[int, bool]:
    """Close a cycle: store a snapshot unless nothing changed since the last one.

    Args:
        store: Read for the debate, written with the cycle.
        moved: The works of which anything may have changed since the last cycle was closed by
            this program, where nothing else has; None when it may be anything.

    Returns:
        The number of the newest cycle, and whether it is new.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    with store.read() as session:
        last = session.exec(select(models.Cycle).order_by(col(models.Cycle.number).desc())).first()
        if last is None or moved is None:
            shot = snapshot(session)
        else:
            shot = renewed(session, read(last), moved)
        body = canonical(shot)
        digest = hashlib.sha256(body).hexdigest()
    if last is not None and last.hash == digest:
        return last.number, False
    number = 1 if last is None else last.number + 1
    counts = {kind: len(items) for kind, items in shot.items()}
    with store.run("cycle") as run, store.write() as session:
        session.add(
            models.Cycle(
                number=number,
                hash=digest,
                parent="" if last is None else last.hash,
                created_at=now(),
                counts=counts,
                snapshot=zlib.compress(body, _LEVEL),
            )
        )
        run.counts = counts
    return number, True


def read(cycle: models.Cycle) -> Snapshot:
    """Return the snapshot of a cycle."""
    shot: Snapshot = json.loads(zlib.decompress(cycle.snapshot))
    return shot


@dataclass(frozen=True, slots=True)
class _Kept:
    """A cycle of either kind with all that it holds."""

    number: int
    day: str
    """ISO day: of the reconstruction, or on which it was taken."""
    valid: str
    """The same for a reconstructed one, "" else."""
    hash: str
    parent: str
    created: str
    shot: Snapshot
    undated: int = 0

    @property
    def name(self) -> str:
        return self.valid or str(self.number)


def history(session: Session) -> list[CycleView]:
    """Return every cycle, reconstructed ones first, each with what changed since the one before.

    Raises:
        StoreError: The store cannot be read.
    """
    found: list[CycleView] = []
    written = _written(session)
    before: _Kept | None = None
    every = list(_all(session))
    known: changes.Known = {}
    for kept in every:
        told = [] if before is None else _between(before, kept, known)
        found.append(
            CycleView(
                number=kept.number,
                hash=kept.hash,
                parent=kept.parent,
                created=kept.created,
                counts=_counts(kept.shot),
                changes=tuple(told),
                narrative=chronicle.narrate(told, _of(kept, written)),
                valid=kept.valid,
                reconstructed=bool(kept.valid),
                before="" if before is None else before.name,
                tensions=tuple(
                    sorted(changes.open_tensions(kept.shot, kept.day, known), key=_by_number)
                ),
                undated=kept.undated,
            )
        )
        before = kept
    return found


def compare(session: Session, before: str, after: str) -> DiffView:
    """Return what changed between any two cycles, in either order.

    Args:
        session: Where they are kept.
        before: A number, at least six characters of a hash, or an ISO day before the first
            cycle, for which the debate is then reconstructed.
        after: The same.

    Raises:
        NotFoundError: There is no such cycle.
    """
    every = list(_all(session))
    one, other = _find(every, before), _find(every, after)
    told = _between(one, other)
    return DiffView(one.name, other.name, tuple(told), chronicle.narrate(told))


def _between(before: _Kept, after: _Kept, known: changes.Known | None = None) -> list[ChangeView]:
    return changes.diff(before.shot, after.shot, (before.day, after.day), known)


def _all(session: Session) -> Iterator[_Kept]:
    """Yield the cycles in the order of their days: the past of the first one, then those taken."""
    rows = session.exec(select(models.Cycle).order_by(col(models.Cycle.number)))
    for row in rows:
        created, shot = row.created_at.isoformat(), read(row)
        if not row.parent:
            yield from _past(row, shot)
        yield _Kept(row.number, created[:10], "", row.hash, row.parent, created, shot)


def _past(first: models.Cycle, shot: Snapshot) -> Iterator[_Kept]:
    created = first.created_at.isoformat()
    parent = ""
    for day in chronicle.days(shot, created[:10]):
        kept = _at(day, shot, created, parent)
        yield kept
        parent = kept.hash


def _at(day: str, shot: Snapshot, created: str, parent: str) -> _Kept:
    past = chronicle.stood(shot, day)
    digest = hashlib.sha256(canonical(past)).hexdigest()
    return _Kept(0, day, day, digest, parent, created, past, chronicle.undated(shot))


def _find(every: list[_Kept], name: str) -> _Kept:
    wanted = name.strip().lower()
    for kept in every:
        if wanted == kept.name:
            return kept
    found = [k for k in every if len(wanted) >= _HASH and k.hash.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    first = next((k for k in every if k.number), None)
    if first is not None and _is_day(wanted) and wanted < first.day:
        return _at(wanted, first.shot, first.created, "")
    raise NotFoundError("cycle", name, tuple(k.name for k in every[-3:]))


def _by_number(id: str) -> tuple[int, str]:
    """T2 comes before T10."""
    return len(id), id


def _is_day(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _counts(shot: Snapshot) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((kind, len(items)) for kind, items in shot.items() if kind != "as_of"))


def _written(session: Session) -> dict[str, list[str]]:
    """Return the sentences of the curated chronicle by the cycle that they name."""
    notes = session.exec(
        select(models.Note)
        .where(models.Note.subject_kind == "cycle")
        .order_by(models.Note.subject_id, col(models.Note.position))
    )
    found: dict[str, list[str]] = {}
    for note in notes:
        found.setdefault(note.subject_id, []).append(note.text)
    return found


def _of(kept: _Kept, written: dict[str, list[str]]) -> list[str]:
    """Return what was written about a cycle, by its day or the beginning of its hash."""
    return [
        text
        for name, texts in written.items()
        if name == kept.valid or (len(name) >= _HASH and kept.hash.startswith(name))
        for text in texts
    ]
