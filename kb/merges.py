"""Works that are one: join them, put them apart again, and obey what people said of them.

A merge moves what hangs on one work, the loser, to another, the winner, and remembers row by
row what it moved, so that it can be undone. The loser stays, retired, and leads to the winner.
Likeness never moves anything: it only leaves a proposal for a person.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam
from sqlmodel import col, delete, or_, select

from kb import dates, ids, titles
from kb.models import (
    Authorship,
    Coverage,
    EvidenceSpan,
    Identifier,
    IdentityVerdict,
    Link,
    Manifestation,
    QueuedLink,
    SearchText,
    Setting,
    StatusEvent,
    Talk,
    Verdict,
    Work,
    WorkMerge,
    WorkRelation,
)
from kb.vocabulary import AgentKind, ReviewState, StatusKind, WorkRelationKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from sqlmodel import Session

RULE = "identifier/1"
"""Who joins works that one record names both of."""
VERDICT = "verdict"
"""Source of a relation that a person's verdict makes."""
_ON = "identity_verdict"
_LINKED = "link:"
"""Before a work's id: the setting that holds what the linker last judged it from."""
_OWN = frozenset({_ON, "work", "search_text"})
"""What a merge remembers besides keys of rows."""
_CROWD = 12
"""A title that more works than these have tells nothing."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why two works are, or may be, one."""

    agent_kind: AgentKind
    agent: str
    reason: str
    score: float | None = None
    review: ReviewState = ReviewState.proposed
    relation: str = ""
    verdict: tuple[str, str] | None = None
    """The two identifiers of the verdict that it rests on."""


@dataclass(slots=True)
class Candidate:
    """What likeness is judged by."""

    id: str
    is_curated: bool
    title: str
    authors: tuple[str, ...]
    first_day: str = ""
    names: set[str] = field(default_factory=set)


def order(one: str, is_one_curated: bool, other: str, is_other_curated: bool) -> tuple[str, str]:
    """Return loser and winner: the curated work wins, else the one with the better name.

    Examples:
        >>> order("arxiv:2502.99901", False, "openreview:abcdefgh", True)
        ('arxiv:2502.99901', 'openreview:abcdefgh')
        >>> order("arxiv:2502.99901", False, "openreview:abcdefgh", False)
        ('openreview:abcdefgh', 'arxiv:2502.99901')
    """
    if is_one_curated != is_other_curated:
        return (other, one) if is_one_curated else (one, other)
    winner = ids.best([one, other])
    return (other, one) if winner == one else (one, other)


def alike(one: Candidate, other: Candidate) -> tuple[str, str, Grounds] | None:
    """Return loser, winner and why they may be one work, None when nothing speaks for it.

    Two submissions to OpenReview are two works of one lineage, of which the later is
    proposed as a resubmission.
    """
    if one.is_curated and other.is_curated:
        return None  # whoever wrote them down as two knows
    found = titles.likeness(one.title, one.authors, other.title, other.authors)
    if found is None:
        return None
    score, reason = found
    relation = ""
    first, second = order(one.id, one.is_curated, other.id, other.is_curated)
    forums = [{n for n in each.names if n.startswith("openreview:")} for each in (one, other)]
    if all(forums) and not forums[0] & forums[1]:
        relation = WorkRelationKind.resubmission_of.value
        reason = f"{reason}; two submissions to OpenReview"
        early, late = sorted((one, other), key=lambda c: (c.first_day or "9999", c.id))
        first, second = late.id, early.id
    grounds = Grounds(AgentKind.rule, titles.AGENT, reason, score, relation=relation)
    return first, second, grounds


# -- reading --------------------------------------------------------------------------------


_ALIKE = (
    select(Work)
    .where(col(Work.title_key).in_(bindparam("keys", expanding=True)), col(Work.retired).is_(False))
    .order_by(Work.id)
)


def candidates(session: Session, keys: Iterable[str]) -> dict[str, list[Candidate]]:
    """Return the works of each title key, without those that are retired or merged."""
    wanted = sorted(set(keys) - {""})
    out: dict[str, list[Candidate]] = {}
    by_id: dict[str, Candidate] = {}
    for part in _parts(wanted):
        for row in session.exec(_ALIKE, params={"keys": part}):
            by_id[row.id] = Candidate(row.id, row.key is not None, row.title, (), row.first_day)
            out.setdefault(row.title_key, []).append(by_id[row.id])
            # Intake writes plain columns: a row that stayed here would be out of date.
            if row not in session.dirty:
                session.expunge(row)
    for part in _parts(sorted(by_id)):
        authors = select(Authorship.work_id, Authorship.name).where(
            col(Authorship.work_id).in_(part)
        )
        for id, name in session.exec(authors.order_by(col(Authorship.position))):
            by_id[id].authors += (name,)
        named = select(Identifier.id, Identifier.work_id).where(col(Identifier.work_id).in_(part))
        for name, id in session.exec(named):
            by_id[id].names.add(name)
    return out


def is_telling(crowd: int) -> bool:
    """Tell whether a title that so many works have says anything."""
    return crowd <= _CROWD


def current(session: Session, one: str, other: str) -> WorkMerge | None:
    """Return the row that stands on two works, in whichever order it names them."""
    pair = [one, other]
    return session.exec(
        select(WorkMerge).where(
            col(WorkMerge.from_work_id).in_(pair),
            col(WorkMerge.to_work_id).in_(pair),
            col(WorkMerge.superseded_at).is_(None),
        )
    ).first()


def _parts(values: list[str]) -> Iterable[list[str]]:
    return (values[start : start + 500] for start in range(0, len(values), 500))


# -- proposing ------------------------------------------------------------------------------


def propose(session: Session, loser: str, winner: str, grounds: Grounds, at: dt.datetime) -> bool:
    """Note that two works may be one; nothing moves. Tell whether the note is new."""
    if current(session, loser, winner) is not None:
        return False
    _enter(session, loser, winner, grounds, at)
    return True


def propose_alike(session: Session, keys: Iterable[str], at: dt.datetime) -> int:
    """Propose every merge that likeness speaks for among works of these title keys."""
    count = 0
    for group in candidates(session, keys).values():
        if not is_telling(len(group)):
            continue
        for i, one in enumerate(group):
            for other in group[i + 1 :]:
                found = alike(one, other)
                count += found is not None and propose(session, *found, at)
    return count


def _enter(
    session: Session,
    loser: str,
    winner: str,
    grounds: Grounds,
    at: dt.datetime,
    *,
    applied: bool = False,
    moved: Mapping[str, list[str]] | None = None,
) -> WorkMerge:
    moved = dict(moved or {})
    if grounds.verdict:
        moved[_ON] = list(grounds.verdict)
    row = WorkMerge(
        from_work_id=loser,
        to_work_id=winner,
        relation=grounds.relation,
        agent_kind=grounds.agent_kind,
        agent=grounds.agent,
        reason=grounds.reason,
        score=grounds.score,
        review=grounds.review,
        applied=applied,
        moved=moved,
        recorded_at=at,
    )
    session.add(row)
    session.flush()
    return row


# -- joining --------------------------------------------------------------------------------


def merge(
    session: Session, loser: str, winner: str, grounds: Grounds, at: dt.datetime
) -> WorkMerge:
    """Make one work of two.

    Identifiers, forms, coverage, statuses, talks, verdicts and relations of the loser go to the
    winner; what the winner has already stays where it is. The loser's authors and text stay
    with it, and a machine's links to it are superseded: the linker judges the winner again.

    Args:
        session: A write transaction.
        loser: A work that is not merged, and not curated unless the winner is retired.
        winner: Another work that is not merged.
        grounds: Who says so, and why.
        at: When we learnt it.
    """
    session.flush()
    old = current(session, loser, winner)
    if old is not None:
        old.superseded_at = at
    moved: dict[str, list[str]] = {}

    def note(table: str, keys: list[str]) -> None:
        if keys:
            moved[table] = sorted(keys)

    note("identifier", _move(session, Identifier, loser, winner))
    note("manifestation", _move(session, Manifestation, loser, winner))
    note("coverage", _move(session, Coverage, loser, winner))
    note("talk", _move(session, Talk, loser, winner))
    note("status_event", _move_statuses(session, loser, winner))
    note("verdict", _move_verdicts(session, loser, winner))
    note("work_relation", _move_relations(session, loser, winner))
    first, second = session.get_one(Work, loser), session.get_one(Work, winner)
    note("work", _fill(first, second))
    note("search_text", _hide(session, loser))
    first.retired, first.merged_into = True, winner
    _refresh(session, second)
    _unlink(session, loser, at)
    return _enter(session, loser, winner, grounds, at, applied=True, moved=moved)


def _move(session: Session, kind: Any, loser: str, winner: str) -> list[str]:
    rows = session.exec(select(kind).where(kind.work_id == loser)).all()
    for row in rows:
        row.work_id = winner
    return [row.id for row in rows]


def _statuses(session: Session, work: str) -> list[StatusEvent]:
    """The current statuses of a work, in the order in which they came."""
    query = select(StatusEvent).where(
        StatusEvent.work_id == work, col(StatusEvent.superseded_at).is_(None)
    )
    return list(session.exec(query.order_by(col(StatusEvent.id))))


def _move_statuses(session: Session, loser: str, winner: str) -> list[str]:
    known = _statuses(session, winner)
    keys = []
    for row in _statuses(session, loser):
        if any(_is_one_act(row, other) for other in known):
            continue
        row.work_id = winner
        keys.append(json.dumps([row.status.value, row.valid, row.venue, row.version]))
    return keys


def _is_one_act(one: StatusEvent, other: StatusEvent) -> bool:
    """Whether two rows tell of one act: a work appears for the first time only once."""
    if one.status != other.status or one.venue.casefold() != other.venue.casefold():
        return False
    if one.status == StatusKind.preprint or not one.valid or not other.valid:
        return True
    (low, high), (other_low, other_high) = dates.span(one.valid), dates.span(other.valid)
    return low <= other_high and other_low <= high


def _move_verdicts(session: Session, loser: str, winner: str) -> list[str]:
    kept = select(Verdict.claim_id, Verdict.by).where(Verdict.work_id == winner)
    known = set(session.exec(kept))
    keys = []
    for row in session.exec(select(Verdict).where(Verdict.work_id == loser)).all():
        if (row.claim_id, row.by) not in known:
            row.work_id = winner
            keys.append(json.dumps([row.claim_id, row.by]))
    return keys


def _move_relations(session: Session, loser: str, winner: str) -> list[str]:
    ends = or_(WorkRelation.from_work_id == loser, WorkRelation.to_work_id == loser)
    keys = []
    for row in session.exec(select(WorkRelation).where(ends)).all():
        start = winner if row.from_work_id == loser else row.from_work_id
        end = winner if row.to_work_id == loser else row.to_work_id
        if start == end or session.get(WorkRelation, (start, row.kind, end)) is not None:
            continue
        keys.append(json.dumps([row.from_work_id, row.kind.value, row.to_work_id]))
        row.from_work_id, row.to_work_id = start, end
        session.flush()
    return keys


def _fill(loser: Work, winner: Work) -> list[str]:
    """Give the winner what it lacks; return what it had and what it got, as JSON."""
    new: dict[str, Any] = {}
    if not winner.abstract and loser.abstract:
        new["abstract"] = loser.abstract
    if not winner.categories and loser.categories:
        new["categories"] = loser.categories
    is_earlier = loser.first_day and (not winner.first_day or loser.first_day < winner.first_day)
    if winner.key is None and is_earlier:
        new |= {name: getattr(loser, name) for name in ("first_public", "first_day", "year")}
    told = []
    for name, value in new.items():
        told.append(json.dumps([name, getattr(winner, name), value], ensure_ascii=False))
        setattr(winner, name, value)
    return told


def _hide(session: Session, work: str) -> list[str]:
    """Take a work out of the full-text search; return what it said there, as JSON."""
    row = session.exec(
        select(SearchText).where(SearchText.kind == "work", SearchText.ref == work)
    ).first()
    if row is None:
        return []
    session.delete(row)
    session.flush()
    return [json.dumps([row.title, row.body], ensure_ascii=False)]


def _refresh(session: Session, work: Work) -> None:
    """Let the full-text search see a work as it is now."""
    session.flush()
    row = session.exec(
        select(SearchText).where(SearchText.kind == "work", SearchText.ref == work.id)
    ).first()
    if row is None:
        return
    names = session.exec(
        select(Authorship.name)
        .where(Authorship.work_id == work.id)
        .order_by(col(Authorship.position))
    )
    body = " ".join([work.abstract, work.synopsis, *names, work.key or ""])
    body = re.sub(r"\s+", " ", body).strip()
    if row.body != body:
        row.body = body


def _unlink(session: Session, work: str, at: dt.datetime) -> None:
    """Supersede what a machine proposed of a work, and let the linker forget that it judged it."""
    links = session.exec(
        select(Link).where(
            Link.work_id == work,
            Link.agent_kind == AgentKind.model,
            col(Link.superseded_at).is_(None),
        )
    ).all()
    spans = session.exec(
        select(EvidenceSpan).where(
            col(EvidenceSpan.link_id).in_([link.id for link in links]),
            col(EvidenceSpan.superseded_at).is_(None),
        )
    ).all()
    queued = session.exec(
        select(QueuedLink).where(
            QueuedLink.work_id == work, col(QueuedLink.superseded_at).is_(None)
        )
    ).all()
    for row in (*links, *spans, *queued):
        row.superseded_at = at
    session.exec(delete(Setting).where(col(Setting.name) == f"{_LINKED}{work}"))


# -- putting apart --------------------------------------------------------------------------


def undo(session: Session, row: WorkMerge, at: dt.datetime) -> None:
    """Put what a merge moved back where it was, and supersede the merge.

    What came to the winner since under an identifier of the loser goes with it. Links are left
    to the linker.

    Args:
        session: A write transaction.
        row: A merge that is applied and current.
        at: When we learnt better.
    """
    session.flush()
    loser, winner = row.from_work_id, row.to_work_id
    moved = {table: list(keys) for table, keys in row.moved.items()}
    _bring_along(session, loser, winner, moved)
    for kind in (Identifier, Manifestation, Coverage, Talk):
        table = str(kind.__tablename__)
        for id in moved.get(table, ()):
            found: Any = session.get(kind, id)
            if found is not None:
                found.work_id = loser
    _return_statuses(session, row, moved.get("status_event", ()))
    holders = [winner, *_above(session, winner)]
    for told in moved.get("verdict", ()):
        claim, by = json.loads(told)
        held = (session.get(Verdict, (holder, claim, by)) for holder in holders)
        verdict = next((row for row in held if row is not None), None)
        if verdict is not None:
            verdict.work_id = loser
    _return_relations(session, loser, holders, moved.get("work_relation", ()))
    first, second = session.get_one(Work, loser), session.get_one(Work, winner)
    for told in moved.get("work", ()):
        name, before, after = json.loads(told)
        if getattr(second, name) == after:
            setattr(second, name, before)
    first.retired, first.merged_into = False, None
    for told in moved.get("search_text", ()):
        title, body = json.loads(told)
        session.add(SearchText(kind="work", ref=loser, title=title, body=body))
    session.flush()
    _refresh(session, first)
    _refresh(session, second)
    session.exec(delete(Setting).where(col(Setting.name) == f"{_LINKED}{winner}"))
    _forget(session, winner, moved)
    row.superseded_at = at
    session.flush()


def _bring_along(session: Session, loser: str, winner: str, moved: dict[str, list[str]]) -> None:
    """Add to what goes back the forms that came later under a name of the loser.

    With a form go the statuses that the same record told.
    """
    names = set(moved.get("identifier", ())) | {loser}
    known = set(moved.get("manifestation", ()))
    holders = [winner, *_above(session, winner)]
    for form in session.exec(
        select(Manifestation).where(col(Manifestation.work_id).in_(holders))
    ).all():
        if form.id not in known and ids.bare(form.id) in names:
            moved.setdefault("manifestation", []).append(form.id)
            if form.raw_digest is None:
                continue
            acts = select(StatusEvent).where(
                col(StatusEvent.work_id).in_(holders), StatusEvent.raw_digest == form.raw_digest
            )
            for act in session.exec(acts).all():
                act.work_id = loser


def _return_statuses(session: Session, row: WorkMerge, keys: Iterable[str]) -> None:
    holders = [row.to_work_id, *_above(session, row.to_work_id)]
    for key in keys:
        status, valid, venue, version = json.loads(key)
        act = session.exec(
            select(StatusEvent)
            .where(
                col(StatusEvent.work_id).in_(holders),
                StatusEvent.status == StatusKind(status),
                StatusEvent.valid == valid,
                StatusEvent.venue == venue,
                StatusEvent.version == version,
            )
            .order_by(col(StatusEvent.superseded_at).is_not(None), col(StatusEvent.id))
        ).first()
        if act is not None:
            act.work_id = row.from_work_id
            act.superseded_at = None  # what was said of the winner since does not bind the loser


def _return_relations(
    session: Session, loser: str, holders: list[str], keys: Iterable[str]
) -> None:
    for key in keys:
        start, kind, end = json.loads(key)
        for holder in holders:
            now = [holder if id == loser else id for id in (start, end)]
            relation = session.get(WorkRelation, (now[0], WorkRelationKind(kind), now[1]))
            if relation is not None:
                relation.from_work_id, relation.to_work_id = start, end
                session.flush()
                break


def _above(session: Session, work: str) -> list[str]:
    """The works that a work was merged into, the nearest first."""
    found: list[str] = []
    at = session.get(Work, work)
    while at is not None and at.merged_into is not None and at.merged_into not in found:
        found.append(at.merged_into)
        at = session.get(Work, at.merged_into)
    return found


def _forget(session: Session, work: str, moved: Mapping[str, list[str]]) -> None:
    """Let the merges of a work into others no longer count what went back from it."""
    for id in (work, *_above(session, work)):
        for row in session.exec(_standing().where(WorkMerge.from_work_id == id)).all():
            row.moved = {
                table: keys
                if table in _OWN
                else [key for key in keys if key not in moved.get(table, ())]
                for table, keys in row.moved.items()
            }


def _standing() -> Any:
    """Merges that are in effect."""
    return select(WorkMerge).where(
        col(WorkMerge.applied).is_(True), col(WorkMerge.superseded_at).is_(None)
    )


# -- what people said -----------------------------------------------------------------------


def distinct_pairs(session: Session) -> frozenset[frozenset[str]]:
    """Return the pairs of identifiers of which a person said that they name two works."""
    rows = session.exec(
        select(IdentityVerdict.first, IdentityVerdict.second).where(
            col(IdentityVerdict.same).is_(False)
        )
    )
    return frozenset(frozenset(pair) for pair in rows)


def awaited(session: Session) -> frozenset[str]:
    """Return the identifiers that verdicts name, of works that may come later."""
    rows = session.exec(select(IdentityVerdict.first, IdentityVerdict.second))
    return frozenset(name for pair in rows for name in pair)


def settle(session: Session, at: dt.datetime) -> Counter[str]:
    """Make the store obey the verdicts it has, and no others.

    Returns:
        How many merges were made, undone and told apart, and how many verdicts wait for works
        that are not here.
    """
    session.flush()
    counts: Counter[str] = Counter()
    homes = _Homes(session)
    verdicts = session.exec(
        select(IdentityVerdict).order_by(IdentityVerdict.first, IdentityVerdict.second)
    ).all()
    wanted: dict[tuple[str, str], IdentityVerdict] = {}
    for verdict in verdicts:
        if homes.of(verdict.first) is None or homes.of(verdict.second) is None:
            counts["identity verdict waiting"] += 1
        else:
            wanted[verdict.first, verdict.second] = verdict
    rows = session.exec(
        select(WorkMerge)
        .where(WorkMerge.agent_kind == AgentKind.human, col(WorkMerge.superseded_at).is_(None))
        .order_by(col(WorkMerge.id).desc())
    ).all()
    for row in rows:
        first, second = row.moved.get(_ON, ["", ""])
        known = wanted.get((first, second))
        if known is not None and _grounds(known) == _read(row):
            del wanted[first, second]
        else:
            _withdraw(session, row, at)
            counts["identity verdict undone"] += 1
    _relate(session, [v for v in verdicts if v.same and v.relation], homes)
    for verdict in wanted.values():
        homes = _Homes(session)
        one, other = homes.of(verdict.first), homes.of(verdict.second)
        if one is None or other is None or one == other:
            counts["identity verdict waiting"] += 1
        elif not verdict.same:
            _separate(session, one, other, verdict, at)
            counts["identity verdict added"] += 1
        elif verdict.relation:
            _supersede(session, one, other, at)
            _enter(session, one, other, _grounds(verdict), at)
            counts["identity verdict added"] += 1
        else:
            counts["identity verdict added"] += _join(session, one, other, verdict, at)
    return counts


class _Homes:
    """Which work an identifier came with, whatever was merged since."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._first: dict[str, str] = {}
        for row in session.exec(_standing().order_by(col(WorkMerge.id))):
            for name in row.moved.get("identifier", ()):
                self._first.setdefault(name, row.from_work_id)

    def of(self, name: str) -> str | None:
        if name in self._first:
            return self._first[name]
        row = self._session.get(Identifier, name)
        if row is not None:
            return row.work_id
        return name if self._session.get(Work, name) is not None else None


def _grounds(verdict: IdentityVerdict) -> Grounds:
    said = "are one work" if verdict.same else "are two works"
    if verdict.relation:
        said = f"are two works of one lineage ({verdict.relation})"
    note = f": {verdict.note}" if verdict.note else ""
    return Grounds(
        AgentKind.human,
        verdict.by,
        f"{verdict.by} says that {verdict.first} and {verdict.second} {said}{note}",
        review=ReviewState.confirmed if verdict.same else ReviewState.rejected,
        relation=verdict.relation,
        verdict=(verdict.first, verdict.second),
    )


def _read(row: WorkMerge) -> Grounds:
    first, second = row.moved.get(_ON, ["", ""])
    return Grounds(
        row.agent_kind, row.agent, row.reason, row.score, row.review, row.relation, (first, second)
    )


def _supersede(session: Session, one: str, other: str, at: dt.datetime) -> None:
    old = current(session, one, other)
    if old is not None:
        old.superseded_at = at
    session.flush()


def _join(
    session: Session, one: str, other: str, verdict: IdentityVerdict, at: dt.datetime
) -> bool:
    tops = [([id, *_above(session, id)])[-1] for id in (one, other)]
    if tops[0] == tops[1]:  # one already: a person confirms what made it so
        row = next(
            (r for r in session.exec(_standing()).all() if {r.from_work_id, r.to_work_id} ==
             {one, other}), None
        )  # fmt: skip
        if row is None:
            return False
        row.superseded_at = at
        session.flush()
        kept = row.moved
        _enter(session, row.from_work_id, row.to_work_id, _grounds(verdict), at,
               applied=True, moved=kept)  # fmt: skip
        return True
    works = [session.get_one(Work, id) for id in tops]
    if all(work.key is not None and not work.retired for work in works):
        return False  # the curated files keep them apart; kb check says so
    loser, winner = order(tops[0], works[0].key is not None, tops[1], works[1].key is not None)
    merge(session, loser, winner, _grounds(verdict), at)
    return True


def _separate(
    session: Session, one: str, other: str, verdict: IdentityVerdict, at: dt.datetime
) -> None:
    for _ in range(_CROWD):
        chains = [[id, *_above(session, id)] for id in (one, other)]
        if chains[0][-1] != chains[1][-1]:
            break
        # The later of the two works' own merges is the one that brought them together.
        own = session.exec(
            _standing()
            .where(col(WorkMerge.from_work_id).in_([one, other]))
            .order_by(col(WorkMerge.id).desc())
        ).first()
        if own is None:
            break
        undo(session, own, at)
    _supersede(session, one, other, at)
    works = [session.get_one(Work, id) for id in (one, other)]
    loser, winner = order(one, works[0].key is not None, other, works[1].key is not None)
    _enter(session, loser, winner, _grounds(verdict), at)


def _withdraw(session: Session, row: WorkMerge, at: dt.datetime) -> None:
    """Take a verdict's row back, and let what it had taken the place of stand again."""
    pair = [row.from_work_id, row.to_work_id]
    before = session.exec(
        select(WorkMerge)
        .where(
            col(WorkMerge.from_work_id).in_(pair),
            col(WorkMerge.to_work_id).in_(pair),
            WorkMerge.agent_kind != AgentKind.human,
            col(WorkMerge.superseded_at) == row.recorded_at,
        )
        .order_by(col(WorkMerge.id).desc())
    ).first()
    if before is not None and before.applied and row.applied:  # only the person's word goes
        row.superseded_at = at
        session.flush()
        moved = {table: keys for table, keys in row.moved.items() if table != _ON}
        _enter(session, before.from_work_id, before.to_work_id, _said(before), at,
               applied=True, moved=moved)  # fmt: skip
        return
    if row.applied:
        undo(session, row, at)
    row.superseded_at = at
    session.flush()
    if before is None:
        return
    if before.applied:
        merge(session, before.from_work_id, before.to_work_id, _said(before), at)
    else:
        _enter(session, before.from_work_id, before.to_work_id, _said(before), at)


def _said(row: WorkMerge) -> Grounds:
    return Grounds(
        row.agent_kind, row.agent, row.reason, row.score, ReviewState.proposed, row.relation
    )


def _relate(session: Session, verdicts: list[IdentityVerdict], homes: _Homes) -> None:
    """Make the relations that verdicts state equal to those that are there."""
    wanted: dict[tuple[str, str, str], str] = {}
    for verdict in verdicts:
        one, other = homes.of(verdict.first), homes.of(verdict.second)
        if one is not None and other is not None and one != other:
            wanted[one, verdict.relation, other] = verdict.note
    for row in session.exec(select(WorkRelation).where(WorkRelation.source == VERDICT)).all():
        if (row.from_work_id, row.kind.value, row.to_work_id) not in wanted:
            session.delete(row)
    session.flush()
    for (one, kind, other), note in wanted.items():
        word = WorkRelationKind(kind)
        if session.get(WorkRelation, (one, word, other)) is None:
            session.add(
                WorkRelation(
                    from_work_id=one, kind=word, to_work_id=other, source=VERDICT, note=note
                )
            )
    session.flush()
