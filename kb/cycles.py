"""Snapshots of the debate, and what changed between two of them."""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from kb import models
from kb.store import now
from kb.views import ChangeView, shorten

if TYPE_CHECKING:
    from sqlmodel import Session

    from kb.store import Store

Snapshot = dict[str, dict[str, Any]]
"""Kind -> id -> what is shown of it. Kinds: work, claim, link, relation, tension, holding,
status, event."""


def snapshot(session: Session) -> Snapshot:
    """Return what the debate says now, as plain values; equal stores give equal snapshots.

    Times of recording, row numbers and runs are left out: they are how we learnt it, not
    what it says.
    """
    out: Snapshot = {}
    works = session.exec(select(models.Work).order_by(models.Work.id)).all()
    out["work"] = {
        w.id: {"title": w.title, "first_public": w.first_public, "retired": w.retired}
        for w in works
    }
    out["claim"] = {
        c.id: {"text": c.text, "level": c.level, "strand": c.strand_id, "retired": c.retired}
        for c in session.exec(select(models.Claim).order_by(models.Claim.id))
    }
    current = col(models.Link.superseded_at).is_(None)
    out["link"] = {
        f"{k.work_id} → {k.claim_id} ({k.agent_kind})": {
            "work": k.work_id,
            "claim": k.claim_id,
            "stance": k.stance,
            "nuance": k.nuance,
            "how": k.how,
            "agent": k.agent,
            "review": k.review,
            "score": None if k.score is None else round(k.score, 4),
        }
        for k in session.exec(
            select(models.Link)
            .where(current)
            .order_by(models.Link.work_id, models.Link.claim_id, col(models.Link.agent_kind))
        )
    }
    relations = session.exec(
        select(models.ClaimRelation).where(col(models.ClaimRelation.superseded_at).is_(None))
    )
    out["relation"] = {
        f"{r.from_claim_id} {r.kind} {r.to_claim_id}": {"note": r.note, "review": r.review}
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
    names = {v.id: v.name for v in session.exec(select(models.Voice))}
    out["holding"] = {
        f"{h.voice_id} {h.attitude} {h.claim_id} ({h.work_id})": {
            "voice": names[h.voice_id],
            "attitude": h.attitude,
            "claim": h.claim_id,
            "valid": h.valid,
        }
        for h in holdings
    }
    statuses = session.exec(
        select(models.StatusEvent).where(col(models.StatusEvent.superseded_at).is_(None))
    )
    out["status"] = {
        f"{s.work_id} {s.status} {s.valid} {s.venue} {s.version}".strip(): {
            "work": s.work_id,
            "status": s.status,
            "venue": s.venue,
            "valid": s.valid,
        }
        for s in statuses
    }
    out["event"] = {
        e.id: {"name": e.name, "date": e.valid} for e in session.exec(select(models.Event))
    }
    return out


def canonical(shot: Snapshot) -> bytes:
    """Return the one JSON form of a snapshot: sorted keys, no spaces, UTF-8."""
    return json.dumps(shot, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def close(store: Store) -> tuple[int, bool]:
    """Close a cycle: store a snapshot unless nothing changed since the last one.

    Returns:
        The number of the newest cycle, and whether it is new.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    with store.read() as session:
        body = canonical(snapshot(session))
        digest = hashlib.sha256(body).hexdigest()
        last = session.exec(select(models.Cycle).order_by(col(models.Cycle.number).desc())).first()
    if last is not None and last.hash == digest:
        return last.number, False
    number = 1 if last is None else last.number + 1
    shot = json.loads(body)
    counts = {kind: len(items) for kind, items in shot.items()}
    with store.run("cycle") as run, store.write() as session:
        session.add(
            models.Cycle(
                number=number,
                hash=digest,
                parent="" if last is None else last.hash,
                created_at=now(),
                counts=counts,
                snapshot=zlib.compress(body, 9),
            )
        )
        run.counts = counts
    return number, True


def read(cycle: models.Cycle) -> Snapshot:
    """Return the snapshot of a cycle."""
    shot: Snapshot = json.loads(zlib.decompress(cycle.snapshot))
    return shot


def diff(before: Snapshot, after: Snapshot) -> list[ChangeView]:
    """Return every difference between two snapshots, by kind and id, each as one sentence."""
    changes: list[ChangeView] = []
    for kind in _ORDER:
        old, new = before.get(kind, {}), after.get(kind, {})
        for id in sorted({*old, *new}):
            if old.get(id) == new.get(id):
                continue
            change = "added" if id not in old else "removed" if id not in new else "changed"
            item = new.get(id) or old[id]
            text = _sentence(kind, id, change, item, old.get(id) or {}, after)
            changes.append(ChangeView(kind=kind, change=change, id=id, text=text))
    return changes


_ORDER = ("tension", "claim", "relation", "holding", "link", "status", "work", "event")


def _sentence(
    kind: str, id: str, change: str, item: dict[str, Any], old: dict[str, Any], shot: Snapshot
) -> str:
    works = shot.get("work", {})
    title = shorten(works.get(item.get("work", ""), {}).get("title", item.get("work", "")), 80)
    if kind == "link":
        sure = item["review"] if item["score"] is None else f"{item['review']} by the linker"
        verb = {"added": "now", "changed": "now", "removed": "no longer"}[change]
        was = f" (was {old['stance']}, {old['review']})" if change == "changed" and old else ""
        return f"“{title}” {verb} {item['stance']} {item['claim']}, {sure}{was}"
    if kind == "status":
        where = f" at {item['venue']}" if item["venue"] else ""
        return f"“{title}”: {item['status']}{where}, {item['valid']}"
    if kind == "holding":
        return f"{item['voice']} {item['attitude']} {item['claim']} ({item['valid']})"
    if kind == "relation":
        return id
    label = item.get("title") or item.get("question") or item.get("text") or item.get("name") or id
    if change == "changed":
        fields = sorted(name for name in item if item[name] != old.get(name))
        return f"{shorten(str(label), 110)} ({', '.join(fields)})"
    return shorten(str(label), 110)
