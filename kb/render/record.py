"""What the pages of tensions, claims, strands, topics, terms and voices look up in the debate."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from kb import dates, dialectic
from kb.render import charts
from kb.render.debate import place
from kb.render.regimes import Regimes, regimes
from kb.render.strokes import name
from kb.views import ClaimView, StrandView, TensionView, TopicView, VoiceView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from markupsafe import Markup

    from kb.render.debate import Debate, Thing
    from kb.views import (
        ChangeView,
        ClaimRef,
        CycleView,
        HoldingView,
        LinkView,
        TermView,
        WorkRef,
    )

    Href: TypeAlias = Callable[[Thing], Markup]

_LIVE = ("proposed", "confirmed")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one cycle brought for a thing."""

    cycle: CycleView
    changes: tuple[ChangeView, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a voice's evolution."""

    cycle: CycleView
    label: str
    """ "strengthened", "consistent" and so on: see `kb.changes`."""
    change: ChangeView
    holdings: tuple[HoldingView, ...]
    """Positions first shown in the time that the cycle covers: what moved the label."""


class Record:
    """Look-ups over a debate that several pages share."""

    def __init__(self, debate: Debate) -> None:
        self._debate = debate
        self._claims = {claim.id: claim for claim in debate.claims}
        self._days = {cycle.name: cycle.valid or cycle.created[:10] for cycle in debate.cycles}
        self._by_subject: dict[str, list[tuple[CycleView, ChangeView]]] = defaultdict(list)
        for cycle in debate.cycles:
            for change in cycle.changes:
                for subject in _subjects(change):
                    self._by_subject[subject].append((cycle, change))

    @property
    def day(self) -> str:
        """The day of the last cycle, ISO, "" before the first."""
        return self._debate.as_of[:10]

    # -- evidence over time ----------------------------------------------------------------

    def support(self, thing: TensionView | ClaimView, href: Href) -> list[tuple[str, Markup]]:
        """Return how evidence came in: a drawing for each pole, or one for a claim."""
        return charts.support(_panels(thing), self.day, href)

    def support_table(
        self, thing: TensionView | ClaimView
    ) -> list[tuple[str, list[tuple[str, list[int]]]]]:
        """Return the numbers behind `support`, by year."""
        return charts.support_table(_panels(thing), self.day)

    def positions(self, voice: VoiceView) -> tuple[Markup, list[tuple[HoldingView, Markup]]]:
        """Return the years and each position of a voice with its bar."""
        return charts.positions(voice.holdings, self.day)

    # -- tensions --------------------------------------------------------------------------

    def regimes(self, tension: TensionView) -> Regimes:
        """Return where a tension's claims meet and where they do not."""
        return regimes(tension, self._claims)

    def pairs(self, found: Regimes) -> int:
        """Return how many pairs of claims stand across the poles."""
        return sum(n for _, n in found.counts)

    def related(self, links: Iterable[LinkView], most: int) -> tuple[list[LinkView], int]:
        """Return works that a machine alone relates to claims, and how many are left out.

        A work appears once, by its highest score; the link names the claim and has the sentence.
        """
        best: dict[str, LinkView] = {}
        links = list(links)
        read = {k.work.lineage for k in links if k.review in _LIVE and dialectic.is_read(k)}
        for link in links:
            if link.review != "proposed" or dialectic.is_read(link) or link.work.lineage in read:
                continue
            other = best.get(link.work.id)
            if other is None or _score(link) > _score(other):
                best[link.work.id] = link
        ranked = sorted(best.values(), key=lambda k: (-_score(k), k.work.id))
        return ranked[:most], max(0, len(ranked) - most)

    def read(self, links: Iterable[LinkView]) -> list[LinkView]:
        """Return the links that were read or confirmed and take a side."""
        return [k for k in links if dialectic.bears(k) and dialectic.is_read(k)]

    def bearing(self, links: Iterable[LinkView]) -> list[tuple[str, WorkRef, list[ClaimRef]]]:
        """Return who takes which side of what: (stance, work, claims), oldest work first."""
        found: dict[tuple[WorkRef, str], list[ClaimRef]] = {}
        for link in links:
            found.setdefault((link.work, link.stance), []).append(link.claim)
        rows = [(stance, work, claims) for (work, stance), claims in found.items()]
        return sorted(rows, key=lambda row: (not row[1].date, _late(row[1]), row[1].id, row[0]))

    def links(self, tension: TensionView) -> list[LinkView]:
        """Return the links to all claims of a tension."""
        return [link for pole in tension.poles for link in pole.links]

    def label(self, ref: ClaimRef) -> str:
        """Return a claim in as few words as name it: a finding's id, a thesis's short name."""
        claim = self._claims.get(ref.id)
        return name(claim) if claim and ref.level == "thesis" else ref.id

    def tension_of(self, id: str) -> TensionView | None:
        """Return a tension by id, None where the debate has none."""
        return next((t for t in self._debate.tensions if t.id == id), None)

    # -- history ---------------------------------------------------------------------------

    def history(self, thing: TensionView | ClaimView | VoiceView) -> list[Turn]:
        """Return what happened to a thing over all cycles, latest first.

        A tension's history has the balances of its claims, a claim's its links and relations.
        What a machine proposed is left out: it is on no record of the debate.
        """
        subjects = [thing.id]
        if isinstance(thing, TensionView):
            subjects += [f"balance {c.id}" for pole in thing.poles for c in pole.claims]
        seen: dict[str, tuple[CycleView, dict[str, ChangeView]]] = {}
        for subject in dict.fromkeys(subjects):
            for cycle, change in self._by_subject.get(subject, []):
                seen.setdefault(cycle.name, (cycle, {}))[1].setdefault(change.id, change)
        turns = [
            Turn(cycle, tuple(seen[cycle.name][1].values()))
            for cycle in self._debate.cycles
            if cycle.name in seen
        ]
        return turns[::-1]

    def evolution(self, voice: VoiceView) -> list[Stage]:
        """Return how a voice's positions moved from cycle to cycle, latest first."""
        stages = []
        for cycle, change in self._by_subject.get(voice.id, []):
            if not change.kind.startswith("voice-") or change.kind == "voice-revised":
                continue
            after = self._days.get(cycle.before, "")
            held = [h for h in voice.holdings if _begun(h, after, self._days[cycle.name])]
            label = change.kind.removeprefix("voice-")
            stages.append(Stage(cycle, label, change, tuple(held)))
        return stages[::-1]

    # -- words and hubs --------------------------------------------------------------------

    def term(self, id: str) -> TermView | None:
        """Return a word of several senses, None where there is none of that name."""
        return next((term for term in self._debate.terms if term.id == id), None)

    def term_page(self, id: str) -> str:
        """Return the path of the page of a word, "" where it has none."""
        term = self.term(id)
        return place(term) if term else ""

    def apart_by(self, term: TermView) -> list[tuple[TensionView, list[tuple[ClaimRef, ClaimRef]]]]:
        """Return the tensions in which claims of two poles part by a word, with the pairs.

        Those whose kind says that they are a matter of meaning come first.
        """
        found = []
        for tension in self._debate.tensions:
            known = {c.id for pole in tension.poles for c in pole.claims} <= self._claims.keys()
            told = dialectic.settlement(tension, self._claims) if known else None
            pairs = [
                (pair.one, pair.other)
                for pair in (told.apart if told else ())
                if any(
                    d.kind == "sense" and d.name == term.id and d.verdict == "apart"
                    for d in pair.differences
                )
            ]
            if pairs:
                found.append((tension, pairs))
        found.sort(key=lambda item: item[0].kind != "apparent-sense")
        return found

    def tensions_of(self, thing: StrandView | TopicView | TermView) -> list[TensionView]:
        """Return the tensions of a strand, or those that a hub's claims stand in."""
        if isinstance(thing, StrandView):
            wanted = {ref.id for ref in thing.tensions}
        else:
            wanted = {
                ref.id
                for claim in _claims_of(thing)
                if claim.id in self._claims
                for ref in self._claims[claim.id].tensions
            }
        return [tension for tension in self._debate.tensions if tension.id in wanted]

    def voices_of(self, strand: StrandView) -> list[tuple[VoiceView, list[HoldingView]]]:
        """Return the voices that take a position in a strand, with those positions."""
        found = []
        for voice in self._debate.voices:
            held = [h for h in voice.holdings if h.claim.strand == strand.id]
            if held:
                found.append((voice, held))
        return found

    def stands(self, holdings: Iterable[HoldingView]) -> list[tuple[str, ClaimRef, int]]:
        """Return what is held and rejected, each once: (attitude, claim, works that show it)."""
        shown: dict[tuple[str, ClaimRef], set[str]] = defaultdict(set)
        for held in holdings:
            shown[held.attitude, held.claim].add(held.work.id)
        return [(attitude, claim, len(works)) for (attitude, claim), works in shown.items()]

    def works_of(self, thing: TopicView, most: int) -> tuple[list[tuple[WorkRef, int]], int]:
        """Return works read for a hub's claims with how many of them, and how many are left.

        Works with most of the claims first, then the latest.
        """
        bearing: dict[WorkRef, set[str]] = defaultdict(set)
        for claim in thing.claims:
            full = self._claims.get(claim.id)
            for link in self.read(full.links if full else ()):
                bearing[link.work].add(claim.id)
        latest = sorted(bearing, key=lambda w: (_late(w), w.id), reverse=True)
        latest.sort(key=lambda w: -len(bearing[w]))
        return [(w, len(bearing[w])) for w in latest[:most]], max(0, len(latest) - most)


def _panels(thing: TensionView | ClaimView) -> Sequence[tuple[str, Sequence[LinkView]]]:
    if isinstance(thing, ClaimView):
        return [("", thing.links)]
    return [(pole.title, pole.links) for pole in thing.poles]


def _subjects(change: ChangeView) -> list[str]:
    """Return what an event is looked up by: ids, and "balance C02" for a balance."""
    if change.kind.startswith(("proposal-", "harvest-")):
        return []
    if change.kind == "balance-moved":
        return [change.subject, f"balance {change.subject}"]
    parts: list[str] = [change.subject]
    if change.kind.startswith("link-"):
        parts.append(change.subject.partition(" → ")[2].partition(" (")[0])
    elif change.kind.startswith(("relation-", "holding-")):
        ends = change.subject.partition(" (")[0].split(" ")
        parts += [ends[0], ends[-1]]
    return list(dict.fromkeys(parts))


def _begun(held: HoldingView, after: str, until: str) -> bool:
    start = held.valid.partition("/")[0]
    if not start:
        return False
    low, high = dates.span(start)
    # A year is over by the cycle at its end, and counts there as it does in the cycle itself.
    day = min(high, dt.date.fromisoformat(until)).isoformat()
    return low.isoformat() <= until and day > after


def _score(link: LinkView) -> float:
    return 0.0 if link.score is None else link.score


def _late(work: WorkRef) -> Any:
    return dates.sort_key(work.date) if work.date else ("", "", "")


def _claims_of(thing: TopicView | TermView) -> list[ClaimRef]:
    if isinstance(thing, TopicView):
        return list(thing.claims)
    return [*(c for sense in thing.senses for c in sense.claims), *thing.unsettled]
