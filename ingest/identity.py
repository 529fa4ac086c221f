"""Which records are one work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import ids

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class Match:
    """The work that a record belongs to."""

    work_id: str
    conflicts: tuple[str, ...]
    """The record's identifiers that name another work, in order. Works are never merged on
    their strength: a person must look."""


def resolve(
    identifiers: Collection[str],
    owners: Mapping[str, str],
    names: Mapping[str, Collection[str]],
) -> Match:
    """Return the work that a record with these identifiers belongs to.

    A known identifier decides, the one that names a work best first. One exception: papers
    that share a weak name (a volume's DOI) and differ in a stronger one (their arXiv ids)
    are two works.

    Args:
        identifiers: Of the record, in the canonical form of `kb.ids`, at least one.
        owners: Identifier -> the work that carries it, for every known one of `identifiers`.
        names: Work -> all its identifiers, for every work in `owners`.

    Raises:
        ValueError: There is no identifier.

    Examples:
        >>> resolve(["doi:10.1000/x", "arxiv:2501.00001"], {}, {}).work_id
        'arxiv:2501.00001'
        >>> resolve(["arxiv:2501.00001"], {"arxiv:2501.00001": "openreview:abcdefgh"},
        ...         {"openreview:abcdefgh": {"arxiv:2501.00001"}}).work_id
        'openreview:abcdefgh'
    """
    ranked = sorted(identifiers, key=_rank)
    work_id = next(
        (
            owners[id]
            for id in ranked
            if id in owners and not _differs(ranked, names.get(owners[id], ()), _rank(id)[0])
        ),
        None,
    )
    if work_id is None:
        work_id = ids.best(ranked)
    return Match(work_id, tuple(id for id in ranked if owners.get(id, work_id) != work_id))


def _rank(id: str) -> tuple[int, str]:
    return ids.SCHEMES.index(id.partition(":")[0]), id


def _differs(mine: Collection[str], theirs: Collection[str], rank: int) -> bool:
    """Whether both sides have names of a stronger scheme, and none of them in common."""
    for scheme in ids.SCHEMES[:rank]:
        ours = {id for id in mine if id.startswith(f"{scheme}:")}
        others = {id for id in theirs if id.startswith(f"{scheme}:")}
        if ours and others and not ours & others:
            return True
    return False
