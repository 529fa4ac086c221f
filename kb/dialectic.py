"""What a disagreement is: lineages, balance, collision, change of mind. Pure.

Everything here is counted or compared; nothing is weighed with invented numbers. Machine
proposals that nobody confirmed are counted nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import dates
from kb.answers import (
    BalanceSheet,
    Collision,
    Contested,
    Difference,
    Move,
    Moved,
    Settlement,
    Side,
)
from kb.views import Balance, Ref
from kb.vocabulary import Facet

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from kb.views import ClaimView, HoldingView, LinkView, RelationView, TensionView


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


# -- how contested ---------------------------------------------------------------------------

AGAINST = ("disputes", "undercuts", "incompatibleWith")
"""What a claim does to another that speaks against it."""


def sheet(claim: ClaimView, carried: Mapping[str, Iterable[ClaimView]]) -> BalanceSheet:
    """Return the lineages behind a claim's balance, and by what kind of argument.

    A proof level belongs to a finding, not to a work. A lineage that supports a finding argues
    as the finding does; any other by the proof levels of those findings related to the claim
    that it supports; "unstated" where there is none.

    Args:
        claim: The claim.
        carried: Lineage -> the findings that its works support.
    """
    near = {r.source.id for r in (*claim.relations, *claim.bears_on)}
    near |= {r.target.id for r in (*claim.relations, *claim.bears_on)}
    grouped: dict[tuple[str, str], list[LinkView]] = {}
    for link in claim.links:
        if bears(link) and is_read(link):
            grouped.setdefault((link.stance, link.work.lineage), []).append(link)
    sides = []
    for (stance, lineage), links in grouped.items():
        related = [f.proof_level for f in carried.get(lineage, ()) if f.id in near]
        if stance == "supports" and claim.proof_level:
            related = [claim.proof_level]
        levels = {str(level) for level in related if level}
        first = min(links, key=lambda k: (dates.sort_key(k.work.date), k.work.id))
        works = len({k.work.id for k in links})
        sides.append(Side(str(stance), first.work, works, tuple(sorted(levels)) or ("unstated",)))
    order = {stance: i for i, stance in enumerate(("supports", "disputes", "qualifies"))}
    sides.sort(key=lambda s: (order[s.stance], dates.sort_key(s.work.date), s.work.id))
    counts: dict[tuple[str, str], int] = {}
    for side in sides:
        for argument in side.arguments:
            counts[side.stance, argument] = counts.get((side.stance, argument), 0) + 1
    rows = sorted(counts.items(), key=lambda item: (order[item[0][0]], -item[1], item[0][1]))
    return BalanceSheet(
        claim.ref, claim.balance, tuple(sides), tuple((s, a, n) for (s, a), n in rows)
    )


def contested(claims: Iterable[ClaimView]) -> list[Contested]:
    """Return the claims that anything speaks against or qualifies, most contested first.

    The order is by the parts one after the other: lineages on both sides, voices on both
    sides, findings against it, lineages that qualify it, tensions. A later part only decides
    between claims that are equal in all earlier ones; the id decides last.
    """
    found = []
    for claim in claims:
        holding = {h.voice.id for h in claim.voices if h.attitude == "holds"}
        rejecting = {h.voice.id for h in claim.voices if h.attitude == "rejects"}
        against = {
            r.source.id
            for r in (*claim.relations, *claim.bears_on)
            if r.target.id == claim.id and r.kind in AGAINST and r.review != "rejected"
        }
        item = Contested(
            claim=claim.ref,
            balance=claim.balance,
            split=min(claim.balance.supports, claim.balance.disputes),
            divided=min(len(holding), len(rejecting)),
            challenged=len(against),
            qualified=claim.balance.qualifies,
            tensions=claim.tensions,
        )
        if _parts(item) != (0, 0, 0, 0, 0):
            found.append(item)
    return sorted(found, key=lambda c: (tuple(-n for n in _parts(c)), c.claim.id))


def _parts(item: Contested) -> tuple[int, int, int, int, int]:
    return (item.split, item.divided, item.challenged, item.qualified, len(item.tensions))


# -- do two claims collide -------------------------------------------------------------------

_THEORY = ("theorem", "asymptotic-theory")
_SET_AGAINST = (*AGAINST, "qualifies")


def differences(one: ClaimView, other: ClaimView) -> list[Difference]:
    """Return where two claims meet or part: senses of terms first, then facets of scope.

    Values of facets are free text, so two different wordings prove nothing. Claims are apart
    in a sense when both name different ones, in a facet when one excludes the value that the
    other is about, and in either where a recorded relation between them says that they differ
    in it. Where a recorded relation between findings says that one disputes the other and no
    relation between them names a difference,
    its reader found none, so a facet counts as shared.
    """
    between = _between(one, other)
    stated = {name for r in between for name in r.differs_in}
    shared = _disputed(one, other) and not stated
    return [*_by_sense(one, other, stated), *_by_facet(one, other, stated, shared=shared)]


def _between(one: ClaimView, other: ClaimView) -> list[RelationView]:
    pair = {one.id, other.id}
    both = (*one.relations, *one.bears_on)
    return [r for r in both if {r.source.id, r.target.id} == pair and r.review != "rejected"]


def _by_sense(one: ClaimView, other: ClaimView, stated: set[str]) -> list[Difference]:
    mine = {term: sense for term, sense, _ in one.senses}
    theirs = {term: sense for term, sense, _ in other.senses}
    out = []
    for term in sorted({*mine, *theirs} | {n[6:] for n in stated if n.startswith("sense:")}):
        a, b = mine.get(term, ""), theirs.get(term, "")
        if a and b and a != b:
            verdict, because = "apart", "the word means two things"
        elif f"sense:{term}" in stated:
            verdict, because = "apart", "a recorded relation says so"
        elif a and b:
            verdict, because = "same", "both use the word in this sense"
        elif term in (other.terms if a else one.terms):
            verdict, because = "unknown", "one of them uses the word and its sense is not recorded"
        else:
            continue
        out.append(Difference("sense", term, a, b, verdict, because))
    return out


def _by_facet(
    one: ClaimView, other: ClaimView, stated: set[str], *, shared: bool
) -> list[Difference]:
    out = []
    for facet in Facet:
        mine, theirs = _values(one, facet), _values(other, facet)
        if not mine and not theirs and facet not in stated:
            continue
        if facet in stated:
            verdict, because = "apart", "a recorded relation says so"
        elif _excluded(mine, theirs) or _excluded(theirs, mine):
            verdict, because = "apart", "one excludes what the other is about"
        elif mine == theirs:
            verdict, because = "same", "both say the same"
        elif shared:
            verdict, because = "same", "one disputes the other and no difference is recorded"
        elif mine and theirs:
            verdict, because = "unknown", "whether the two wordings meet is not recorded"
        else:
            verdict, because = "unknown", "only one of them says"
        a, b = ("; ".join(f"{op} {value}" for op, value in sorted(v)) for v in (mine, theirs))
        out.append(Difference("facet", facet.value, a, b, verdict, because))
    return out


def _values(claim: ClaimView, facet: Facet) -> set[tuple[str, str]]:
    return {(op, " ".join(value.lower().split())) for f, op, value in claim.scope if f == facet}


def _excluded(mine: set[tuple[str, str]], theirs: set[tuple[str, str]]) -> bool:
    about = {value for op, value in mine if op != "excludes"}
    return any(op == "excludes" and value in about for op, value in theirs)


def collision(one: ClaimView, other: ClaimView, poles: Sequence[str] = ()) -> Collision:
    """Decide by a fixed rule whether two opposed claims collide.

    In this order: nothing sets them against each other, unopposed; another sense of a key
    term, apparent-sense; scopes apart, apparent-scope; a theorem and an experiment,
    qualification, for the one undercuts or qualifies the other and does not dispute it; an
    unknown sense or facet, or a claim that nobody asserts, open-question; otherwise
    genuine-candidate. The rule never says genuine: a person does.

    Args:
        one: A claim.
        other: Another claim.
        poles: The tensions that put them on different poles, in words.

    Raises:
        ValueError: The two are one claim.
    """
    if one.id == other.id:
        raise ValueError(f"{one.id} cannot collide with itself")
    opposed = (*_opposed(one, other), *poles)
    found = differences(one, other)
    kind, because = _rule(one, other, opposed, found)
    return Collision(one.ref, other.ref, kind, because, opposed, tuple(found))


def _rule(
    one: ClaimView, other: ClaimView, opposed: tuple[str, ...], found: list[Difference]
) -> tuple[str, str]:
    if not opposed:
        return "unopposed", "nothing recorded sets them against each other"
    apart = [d for d in found if d.verdict == "apart"]
    senses = [d.name for d in apart if d.kind == "sense"]
    if senses:
        return "apparent-sense", f"they use {_and(senses)} in different senses"
    if apart:
        return "apparent-scope", f"their scopes lie apart in {_and([d.name for d in apart])}"
    levels = {one.proof_level, other.proof_level}
    if "experiment" in levels and levels & set(_THEORY):
        return "qualification", "an experiment undercuts or qualifies a theorem, or it the other"
    unknown = [d.name for d in found if d.verdict == "unknown"]
    if unknown:
        return "open-question", f"unknown: {_and(unknown)}"
    if not one.scope and not other.scope and not _disputed(one, other):
        return "open-question", "the scope of neither is recorded"
    silent = [c.id for c in (one, other) if not asserted(c)]
    if silent:
        return "open-question", f"no recorded work or voice asserts {_and(silent)}"
    return "genuine-candidate", "both are asserted and nothing recorded keeps them apart"


def _disputed(one: ClaimView, other: ClaimView) -> bool:
    kinds = [r.kind for r in _between(one, other) if not r.bears_on]
    return "disputes" in kinds or "incompatibleWith" in kinds


def _opposed(one: ClaimView, other: ClaimView) -> list[str]:
    out = [r.headline() for r in _between(one, other) if r.kind in _SET_AGAINST]
    sides = [
        {r.target.id: r.kind for r in c.bears_on if r.source.id == c.id and r.review != "rejected"}
        for c in (one, other)
    ]
    for thesis in sorted(sides[0].keys() & sides[1].keys()):
        kinds = (sides[0][thesis], sides[1][thesis])
        if any(k in AGAINST for k in kinds) and "supports" in kinds:
            out.append(f"they bear on {thesis} from opposite sides")
    return out


def asserted(claim: ClaimView) -> bool:
    """Tell whether a work that somebody read, or a voice, asserts a claim."""
    read = (k for k in claim.links if bears(k) and is_read(k) and k.stance == "supports")
    return any(read) or any(h.attitude == "holds" for h in claim.voices)


def settlement(tension: TensionView, claims: Mapping[str, ClaimView]) -> Settlement:
    """Return what would settle a tension, and every pair across its poles by the rule.

    Args:
        tension: The tension.
        claims: Its claims by id.
    """
    pairs = []
    word = f"on different poles of {tension.id}"
    for i, pole in enumerate(tension.poles):
        for rival in tension.poles[i + 1 :]:
            for a in pole.claims:
                pairs += [
                    collision(claims[a.id], claims[b.id], (word,))
                    for b in rival.claims
                    if a.id != b.id
                ]
    return Settlement(
        tension=Ref("tension", tension.id, tension.question),
        kind=tension.kind,
        review=tension.review,
        settles=tension.settles,
        unheld=tuple(pole.title for pole in tension.poles if not pole.claims),
        open=tuple(p for p in pairs if p.kind == "open-question"),
        candidates=tuple(p for p in pairs if p.kind == "genuine-candidate"),
        apart=tuple(
            p for p in pairs if p.kind in ("apparent-sense", "apparent-scope", "qualification")
        ),
    )


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


# -- who changed their mind ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """A row of a voice's history: a holding with the store's clock."""

    holding: HoldingView
    recorded: dt.datetime
    superseded: dt.datetime | None


def moved(history: Iterable[Held], since: str | None, recorded: dt.datetime | None) -> list[Moved]:
    """Return the voices whose positions changed, by id.

    In the world, a current holding that begins in or after `since` was taken up, or turned
    when the voice had begun the opposite of it before; one that ends then was given up. In
    the store, a holding recorded at or after `recorded` was learnt, or corrected when it took
    the place of another; one superseded then and not replaced was dropped.

    Args:
        history: Every row, superseded ones included.
        since: EDTF date, inclusive, "" for all time; None leaves the world's clock out.
        recorded: Inclusive; None leaves the store's clock out.
    """
    history = list(history)
    current = [row.holding for row in history if row.superseded is None]
    moves: dict[str, list[tuple[tuple[object, ...], Move]]] = {}
    names: dict[str, Ref] = {}

    def note(rank: int, moment: tuple[object, ...], change: str, when: str, h: HoldingView) -> None:
        names[h.voice.id] = h.voice
        key = (rank, moment, change, h.claim.id, h.attitude, h.work.id)
        moves.setdefault(h.voice.id, []).append((key, Move(change, when, h)))

    if since is not None:
        for held in current:
            start, _, end = held.valid.partition("/")
            if dates.overlaps(start, since):
                change = "turned" if _turned(held, current) else "took up"
                note(0, dates.sort_key(start), change, start, held)
            if end not in ("", "..") and dates.overlaps(end, since):
                note(0, dates.sort_key(end), "gave up", end, held)
    if recorded is not None:
        gone = {(_slot(r.holding), r.superseded) for r in history if r.superseded is not None}
        came = {(_slot(r.holding), r.recorded) for r in history}
        for row in history:
            slot = _slot(row.holding)
            if row.recorded >= recorded:
                change = "corrected" if (slot, row.recorded) in gone else "learnt"
                when = row.recorded.isoformat()
                note(1, (when,), change, when, row.holding)
            ended = row.superseded
            if ended is not None and ended >= recorded and (slot, ended) not in came:
                note(1, (ended.isoformat(),), "dropped", ended.isoformat(), row.holding)
    return [
        Moved(names[id], tuple(move for _, move in sorted(moves[id], key=lambda item: item[0])))
        for id in sorted(moves)
    ]


def _slot(held: HoldingView) -> tuple[str, str, str, str]:
    return (held.voice.id, held.claim.id, held.attitude, held.work.id)


def _turned(held: HoldingView, all_held: list[HoldingView]) -> bool:
    start = dates.sort_key(held.valid.partition("/")[0])
    return any(
        h.voice.id == held.voice.id
        and h.claim.id == held.claim.id
        and h.attitude != held.attitude
        and dates.sort_key(h.valid.partition("/")[0]) < start
        for h in all_held
    )
