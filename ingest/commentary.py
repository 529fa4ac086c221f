"""Posts about works into the store: coverage, never a form or a name of a work, nor evidence.

A post is one row under its own id. That row is tied to the first known work that the post
names; each further one has a row "<post>#<work>". A post that names no work we know is
commentary on the debate, and is tied when such a work arrives. What a post once named it
stays tied to, and no row is deleted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from kb.models import Coverage, Identifier, Work
from kb.store import touch

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlmodel import Session

    from ingest.records import CoverageDraft, Raw

_CHUNK = 500
"""Values in one query: databases limit them."""
_MOST = 200
"""Identifiers that are remembered of one post over all its revisions."""


def write(
    session: Session,
    at: dt.datetime,  # noqa: ARG001 - the shape of every writer: coverage has no clock
    pairs: Sequence[tuple[Raw, CoverageDraft]],
) -> Counter[str]:
    """Write what posts say; what a later one says of the same post stands.

    Returns:
        Counts: added, changed, same.
    """
    known = _with_further(session, {draft.id for _, draft in pairs})
    counts: Counter[str] = Counter()
    touched: dict[str, list[Coverage]] = {}
    for raw, draft in pairs:
        rows = known[draft.id]
        outcome = "same"
        if not rows:
            rows.append(Coverage(id=draft.id, kind=draft.kind, title=draft.title))
            session.add(rows[0])
            outcome = "added"
        touched[draft.id] = rows
        says = {
            "kind": draft.kind,
            "title": draft.title,
            "publisher": draft.publisher,
            "url": draft.url,
            "valid": draft.valid,
            "authors": list(draft.authors),
        }
        for row in rows:
            if _put(row, **says) and outcome == "same":
                outcome = "changed"
            row.raw_digest = raw.digest
        about = list(dict.fromkeys([*rows[0].about, *draft.about]))[:_MOST]
        if _put(rows[0], about=about) and outcome == "same":
            outcome = "changed"
        counts[outcome] += 1
    _tie(session, touched)
    session.flush()
    return counts


def relink(session: Session, works: Collection[str] | None = None) -> int:
    """Tie posts to works that arrived after them.

    It reads the posts' names and no records, and writes nothing when nothing is new.

    Args:
        session: A write transaction.
        works: Ids of works that are new or have changed; None looks at all.

    Returns:
        How many rows of coverage changed.
    """
    if works is not None and not works:
        return 0
    rows: dict[str, list[Coverage]] = {}
    columns = select(Coverage.id, Coverage.work_id, Coverage.about)
    every = session.exec(columns.where(col(Coverage.raw_digest).is_not(None))).all()
    tied = {id: work_id for id, work_id, _ in every}
    named = {id: about for id, _, about in every if about}
    if works is not None and named:
        known = set(works)
        for part in _parts(works):
            known |= set(
                session.exec(select(Identifier.id).where(col(Identifier.work_id).in_(part)))
            )
        named = {id: about for id, about in named.items() if not known.isdisjoint(about)}
    owners = _owners(session, {name for about in named.values() for name in about})
    late = [
        id
        for id, about in named.items()
        if any(tied.get(row) != work_id for row, work_id in _wanted(id, about, owners))
    ]
    for part in _parts(late):
        rows |= _with_further(session, part)
    changed = _tie(session, rows, owners)
    if changed:
        session.flush()
        touch(session)
    return changed


def _tie(
    session: Session,
    posts: Mapping[str, list[Coverage]],
    owners: Mapping[str, str] | None = None,
) -> int:
    if owners is None:
        owners = _owners(session, {name for rows in posts.values() for name in rows[0].about})
    changed = 0
    for id, rows in posts.items():
        by_id = {row.id: row for row in rows}
        for row_id, work_id in _wanted(id, rows[0].about, owners):
            row = by_id.get(row_id)
            if row is None:
                row = Coverage.model_validate(
                    rows[0].model_dump() | {"id": row_id, "about": [], "work_id": None}
                )
                session.add(row)
                rows.append(row)
            changed += _put(row, work_id=work_id)
    return changed


def _wanted(id: str, about: Iterable[str], owners: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Which row of a post is tied to which work. It depends on nothing but what is known."""
    works = dict.fromkeys(owners[name] for name in about if name in owners)
    for number, work_id in enumerate(works):
        yield (f"{id}#{work_id}" if number else id), work_id


def _with_further(session: Session, ids: Collection[str]) -> dict[str, list[Coverage]]:
    """The rows of each post, its own first; all of them hold the digest of one record."""
    posts: dict[str, list[Coverage]] = defaultdict(list)
    digests: dict[str, str] = {}
    # A merge moves coverage by plain statements: what is loaded may be out of date.
    fresh = {"populate_existing": True}
    own = select(Coverage).where(col(Coverage.id).in_(ids)).execution_options(**fresh)
    for row in session.exec(own):
        posts[row.id].append(row)
        digests[row.raw_digest or ""] = row.id
    further = select(Coverage).where(
        col(Coverage.raw_digest).in_(digests), col(Coverage.id).not_in(ids)
    )
    for row in session.exec(further.order_by(Coverage.id).execution_options(**fresh)):
        posts[digests[row.raw_digest or ""]].append(row)
    return posts


def _owners(session: Session, names: Collection[str]) -> dict[str, str]:
    """Identifier -> the work that carries it now, for those that are known."""
    found: dict[str, str] = {}
    for part in _parts(names):
        found.update({id: id for id in session.exec(select(Work.id).where(col(Work.id).in_(part)))})
        rows = select(Identifier.id, Identifier.work_id).where(col(Identifier.id).in_(part))
        found.update(dict(session.exec(rows).all()))
    if not found:
        return found
    merged = select(Work.id, Work.merged_into).where(col(Work.merged_into).is_not(None))
    into = dict(session.exec(merged).all())
    for name, work_id in found.items():
        seen = {work_id}
        while (target := into.get(found[name])) and target not in seen:
            seen.add(target)
            found[name] = target
    return found


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(names)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]


def _put(row: Coverage, **values: Any) -> bool:
    """Set columns and tell whether any had another value."""
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)
