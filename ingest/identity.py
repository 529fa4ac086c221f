"""Which records are one work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import ids

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Match:
    """The work that a record belongs to."""

    work_id: str
    conflicts: tuple[str, ...]
    """The record's identifiers that name another work, in order; see `bar`."""


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
    if not owners:  # nothing is known of most records of a dump
        return Match(ids.best(list(identifiers)), ())
    ranked = sorted(identifiers, key=rank)
    work_id = next(
        (
            owners[id]
            for id in ranked
            if id in owners and not _differs(ranked, names.get(owners[id], ()), rank(id)[0])
        ),
        None,
    )
    if work_id is None:
        work_id = ids.best(ranked)
    return Match(work_id, tuple(id for id in ranked if owners.get(id, work_id) != work_id))


def rank(id: str) -> tuple[int, str]:
    """Return a sort key: the identifier that names a work best comes first."""
    return ids.SCHEMES.index(id.partition(":")[0]), id


def _differs(mine: Collection[str], theirs: Collection[str], rank: int) -> bool:
    """Whether both sides have names of a stronger scheme, and none of them in common."""
    for scheme in ids.SCHEMES[:rank]:
        ours = {id for id in mine if id.startswith(f"{scheme}:")}
        others = {id for id in theirs if id.startswith(f"{scheme}:")}
        if ours and others and not ours & others:
            return True
    return False


def bar(
    mine: Collection[str],
    theirs: Collection[str],
    by: str,
    distinct: Collection[frozenset[str]] = (),
) -> str:
    """Return why a record that names two works does not make them one, "" where it does.

    Args:
        mine: Every identifier of one work.
        theirs: Every identifier of the other.
        by: The identifier of the other that the record gives.
        distinct: Pairs of identifiers of which a person said that they name two works.

    Examples:
        >>> bar({"arxiv:2502.99901"}, {"openreview:abcdefgh"}, "openreview:abcdefgh")
        ''
        >>> bar({"arxiv:2502.99901"}, {"arxiv:2502.99902", "doi:10.5555/v"}, "doi:10.5555/v")
        'they have different identifiers of a stronger kind'
    """
    if any(frozenset((one, other)) in distinct for one in mine for other in theirs):
        return SAID
    if _differs(mine, theirs, rank(by)[0]):
        return "they have different identifiers of a stronger kind"
    # A paper has one number on arXiv for life; a person may know of an exception.
    if _differs(mine, theirs, 1):
        return "they are two papers on arXiv"
    return ""


SAID = "a person says that they are two"
"""The reason that ends the matter: nothing is proposed any more."""


def apart(
    identifiers: Sequence[str], distinct: Collection[frozenset[str]], own: Collection[str] = ()
) -> list[str]:
    """Return a record's identifiers without those that a person says belong to another work.

    What the record itself is called stays, whatever else it names.

    Args:
        identifiers: Of the record, at least one.
        distinct: Pairs of identifiers of which a person said that they name two works.
        own: Those of the forms that the record describes.

    Examples:
        >>> apart(["arxiv:2502.99901", "doi:10.5555/k"],
        ...       [frozenset(["arxiv:2502.99901", "doi:10.5555/k"])])
        ['arxiv:2502.99901']
    """
    if not distinct:
        return list(identifiers)
    kept: list[str] = []
    for id in sorted(identifiers, key=lambda name: (name not in own, rank(name))):
        if not any(frozenset((id, other)) in distinct for other in kept):
            kept.append(id)
    return kept
