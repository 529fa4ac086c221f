"""What a disagreement is: lineages, balance. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb.views import Balance

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    awards count nothing; nor does a machine's proposal that no person has confirmed, which
    is counted apart. A lineage counts once per side however many works, versions or links
    it has.
    """
    sides: dict[str, set[str]] = {"supports": set(), "disputes": set(), "qualifies": set()}
    machine: set[str] = set()
    for link in links:
        if not bears(link):
            continue
        if is_read(link):
            sides[link.stance].add(link.work.lineage)
        else:
            machine.add(link.work.lineage)
    return Balance(
        supports=len(sides["supports"]),
        disputes=len(sides["disputes"]),
        qualifies=len(sides["qualifies"]),
        proposed=len(machine.difference(*sides.values())),
    )


def bears(link: LinkView) -> bool:
    """Tell whether a link takes a side: a stance of the authors' own that nobody rejected."""
    return (
        link.review in ("proposed", "confirmed")
        and link.stance in ("supports", "disputes", "qualifies")
        and link.how != "reports"
    )


def is_read(link: LinkView) -> bool:
    """Tell whether more than a machine's guess stands behind a link."""
    return link.review == "confirmed" or link.agent_kind in ("curation", "human")
