"""What a disagreement is: lineages, balance. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb.views import Balance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kb.views import LinkView


def lineages(related: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return, for each work that is tied to another, the id that stands for its lineage.

    Resubmissions, retitles and extended versions are one body of evidence: ten copies of one
    result are one support. The smallest id stands for all, so the order does not matter.

    Args:
        related: Pairs of work ids that belong together.

    Examples:
        >>> lineages([("b", "a"), ("c", "b")])
        {'a': 'a', 'b': 'a', 'c': 'a'}
    """
    root: dict[str, str] = {}

    def find(id: str) -> str:
        while root.setdefault(id, id) != id:
            root[id] = root[root[id]]
            id = root[id]
        return id

    for one, other in related:
        low, high = sorted((find(one), find(other)))
        root[high] = low
    return {id: find(id) for id in sorted(root)}


def balance(links: Iterable[LinkView]) -> Balance:
    """Count lineages for, against and qualifying.

    Rejected and superseded links, mentions, reports of what others found, coverage and
    awards count nothing. A lineage counts once per side however many works, versions or
    links it has.
    """
    sides: Mapping[str, set[str]] = {"supports": set(), "disputes": set(), "qualifies": set()}
    read: set[str] = set()
    everyone: set[str] = set()
    for link in links:
        if not counts(link):
            continue
        lineage = link.work.lineage
        sides[link.stance].add(lineage)
        everyone.add(lineage)
        if link.agent_kind != "model" or link.review == "confirmed":
            read.add(lineage)
    return Balance(
        supports=len(sides["supports"]),
        disputes=len(sides["disputes"]),
        qualifies=len(sides["qualifies"]),
        curated=len(read),
        machine=len(everyone - read),
    )


def counts(link: LinkView) -> bool:
    """Tell whether a link is evidence: a stance of the authors' own that nobody rejected."""
    return (
        link.review in ("proposed", "confirmed")
        and link.stance in ("supports", "disputes", "qualifies")
        and link.how != "reports"
    )
