"""What changed between two snapshots: typed events, each with a stable id and one sentence.

The rules, for the kinds whose name is a judgement:

- **status**: a work's standing is its highest act (workshop, accepted or poster, spotlight,
  oral, award), until a later act withdraws or retracts the work; a rejection or a withdrawn
  submission counts only while no venue has taken it. It is raised or lowered when the
  standing moves; an act that does not move it is recorded.
- **balance**: lineages for, against and qualifying as `kb.dialectic.balance` counts them, so a
  machine's proposal that nobody confirmed never moves one.
- **voice**, from the positions whose interval covers the day, one event a voice: *split* when
  its people now stand in two or more new voices, *merged* when one new voice took in two or
  more that ended; *new* or *gone*; *shifted* when it turned on a claim, or gave up a position
  and took another; *strengthened* when it kept all and took more, *weakened* when it gave up
  some and took none; *consistent* when it spoke again for the same; *dormant* when it took no
  dated position here in the `DORMANT_YEARS` before the day, *awake* the reverse.
- **tension**: *open* while claims of two poles at least have a read link that takes a side
  for them or a voice that holds them; *opened* and *closed* say that this changed. Its extent
  is its core where it has one, else all claims on its poles: *narrowed* or *widened* when one
  extent lies within the other (all its claims decide where the core stayed), *redrawn*
  otherwise. *Dormant* when no work with a read link to
  it appeared in the `DORMANT_YEARS` before the day.

A difference told from the other end is the same difference: see `MIRRORS`. Snapshots of an
older form lack fields; only what both have is compared.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from kb import dates, dialectic
from kb.views import Balance, ChangeView, ClaimRef, LinkView, WorkRef, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Snapshot: TypeAlias = dict[str, dict[str, Any]]
"""Kind -> id -> what is shown of it. Kinds: work, manifestation, claim, link, relation,
tension, voice, holding, status, event, digest."""

DORMANT_YEARS = 3
"""Years without anything new after which a voice or tension counts as dormant."""

MIRRORS: dict[str, str] = {
    "tension-opened": "tension-closed",
    "tension-entered": "tension-left",
    "tension-narrowed": "tension-widened",
    "tension-dormant": "tension-awake",
    "tension-redrawn": "tension-redrawn",
    "tension-kind": "tension-kind",
    "tension-revised": "tension-revised",
    "balance-moved": "balance-moved",
    "voice-split": "voice-merged",
    "voice-new": "voice-gone",
    "voice-shifted": "voice-shifted",
    "voice-strengthened": "voice-weakened",
    "voice-consistent": "voice-consistent",
    "voice-dormant": "voice-awake",
    "voice-revised": "voice-revised",
    "claim-entered": "claim-left",
    "claim-revised": "claim-revised",
    "status-raised": "status-lowered",
    "status-recorded": "status-struck",
    "work-entered": "work-left",
    "harvest-entered": "harvest-left",
    "work-revised": "work-revised",
    "version-added": "version-removed",
    "version-revised": "version-revised",
    "relation-added": "relation-removed",
    "relation-revised": "relation-revised",
    "holding-added": "holding-removed",
    "holding-revised": "holding-revised",
    "event-entered": "event-left",
    "event-revised": "event-revised",
    "digest-entered": "digest-left",
    "digest-revised": "digest-revised",
    "proposal-added": "proposal-removed",
    "proposal-revised": "proposal-revised",
}
MIRRORS |= {mirror: kind for kind, mirror in MIRRORS.items()}
"""Kind -> the kind of the same difference seen from the other end.

Kinds of links are absent: they are named by what the link has become, so that the mirror of
a rejection is whatever stood before it.
"""

KINDS = (
    "tension-opened",
    "tension-closed",
    "tension-entered",
    "tension-left",
    "tension-kind",
    "tension-narrowed",
    "tension-widened",
    "tension-redrawn",
    "tension-dormant",
    "tension-awake",
    "tension-revised",
    "balance-moved",
    "voice-split",
    "voice-merged",
    "voice-shifted",
    "voice-new",
    "voice-gone",
    "voice-weakened",
    "voice-strengthened",
    "voice-consistent",
    "voice-dormant",
    "voice-awake",
    "voice-revised",
    "link-confirmed",
    "link-rejected",
    "link-reopened",
    "link-superseded",
    "claim-entered",
    "claim-left",
    "claim-revised",
    "link-added",
    "link-removed",
    "link-revised",
    "status-raised",
    "status-lowered",
    "status-recorded",
    "status-struck",
    "work-entered",
    "work-left",
    "version-added",
    "version-removed",
    "work-revised",
    "version-revised",
    "holding-added",
    "holding-removed",
    "holding-revised",
    "relation-added",
    "relation-removed",
    "relation-revised",
    "event-entered",
    "event-left",
    "event-revised",
    "digest-entered",
    "digest-left",
    "digest-revised",
    "harvest-entered",
    "harvest-left",
    "proposal-added",
    "proposal-removed",
    "proposal-revised",
)
"""Every kind, the weightiest first: the order of `diff`."""

_RANKS = {
    "preprint": 1,
    "under-review": 1,
    "workshop": 2,
    "accepted": 3,
    "poster": 3,
    "journal": 3,
    "spotlight": 4,
    "oral": 5,
    "award": 6,
}
_FALLS = {"rejected": 0, "withdrawn": -1, "retracted": -2}


def diff(
    before: Snapshot,
    after: Snapshot,
    days: tuple[str, str] = ("", ""),
    known: Known | None = None,
) -> list[ChangeView]:
    """Return every difference between two snapshots as events, the weightiest kinds first.

    Works that enter or leave bring their versions and lesser acts with them: those are told
    only of works that both snapshots hold.

    Args:
        before: The earlier one; either order is fine, see `MIRRORS`.
        after: The other.
        days: The ISO day of each; "" where it does not matter. Without them nothing becomes
            dormant and every recorded interval counts as current.
        known: What earlier calls worked out of the same snapshots; the caller keeps these
            alive for as long as it keeps this.
    """
    # An older form does not know lineages, and a balance must not move for that.
    tied = {**_lineages(before), **_lineages(after)}
    old = _state(before, days[0], tied, known)
    new = _state(after, days[1], tied, known)
    found = [
        *_tensions(old, new),
        *_balances(old, new),
        *_voices(old, new),
        *_claims(old, new),
        *_links(old, new),
        *_statuses(old, new),
        *_works(old, new),
        *_versions(old, new),
        *_plain(old, new),
    ]
    order = {kind: i for i, kind in enumerate(KINDS)}
    return [
        event for _, event in sorted(found, key=lambda e: (order[e[1].kind], e[0], e[1].subject))
    ]


Known: TypeAlias = "dict[tuple[int, str], _State]"
"""What follows from snapshots that are compared more than once, by identity and day."""

_Weighted: TypeAlias = "tuple[float, ChangeView]"
"""Events of one kind are listed by weight, the lightest number first."""


def event(
    kind: str, subject: str, name: str, before: str, after: str, text: str, weight: float = 0.0
) -> _Weighted:
    """Return an event with its place among those of its kind."""
    body = json.dumps([kind, subject, before, after], ensure_ascii=False).encode()
    id = f"e{hashlib.sha256(body).hexdigest()[:10]}"
    return weight, ChangeView(id, kind, subject, name, before, after, text)


def open_tensions(shot: Snapshot, day: str, known: Known | None = None) -> set[str]:
    """Return the ids of the tensions that have holders on two sides; see the rules above."""
    state = _state(shot, day, {}, known)
    return {id for id, row in state.live("tension").items() if state.is_open(row)}


def _state(shot: Snapshot, day: str, tied: dict[str, str], known: Known | None) -> _State:
    if known is None or not all("lineage" in row for row in shot.get("work", {}).values()):
        return _State(shot, day, tied)  # what it says depends on the other snapshot
    return known.setdefault((id(shot), day), _State(shot, day, {}))


class _State:
    """A snapshot with what follows from it, computed once and only when asked for."""

    def __init__(self, shot: Snapshot, day: str, lineages: dict[str, str]) -> None:
        self.shot = shot
        self.day = day
        self.lineages = {**lineages, **_lineages(shot)}

    def live(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the items of a kind that are not retired."""
        return {k: v for k, v in self.shot.get(kind, {}).items() if not v.get("retired")}

    @cached_property
    def works(self) -> dict[str, dict[str, Any]]:
        return self.live("work")

    @cached_property
    def links(self) -> dict[str, LinkView]:
        rows = self.shot.get("link", {})
        return {key: _link(key, row, self.works, self.lineages) for key, row in rows.items()}

    @cached_property
    def by_claim(self) -> dict[str, list[LinkView]]:
        found: dict[str, list[LinkView]] = defaultdict(list)
        for link in self.links.values():
            found[link.claim.id].append(link)
        return found

    @cached_property
    def curated(self) -> set[str]:
        """Works that the curated files name, or that a person or we linked."""
        found = {k.work.id for k in self.links.values() if dialectic.is_read(k)}
        found |= {holding["work"] for holding in self.holdings.values()}
        return found | {id for id, work in self.works.items() if work.get("key")}

    def balance(self, claim: str) -> Balance:
        return dialectic.balance(self.by_claim.get(claim, ()))

    @cached_property
    def holdings(self) -> dict[str, dict[str, Any]]:
        """Every holding with its voice's id and its work, which an older form has in its key."""
        found = {}
        for key, row in self.shot.get("holding", {}).items():
            voice, work = key.split(" ", 1)[0], key[key.rfind("(") + 1 : -1]
            found[key] = {"voice_id": voice, "work": work, **row}
        return found

    @cached_property
    def positions(self) -> dict[str, dict[tuple[str, str], set[str]]]:
        """Voice -> (attitude, claim) -> the works that show it, for positions held on the day."""
        found: dict[str, dict[tuple[str, str], set[str]]] = defaultdict(dict)
        for row in self.holdings.values():
            if not ended(row["valid"], self.day):
                key = (row["attitude"], row["claim"])
                found[row["voice_id"]].setdefault(key, set()).add(row["work"])
        return found

    def voice_name(self, id: str) -> str:
        """Return a voice's name, which an older form has in its holdings alone."""
        named = self.shot.get("voice", {}).get(id)
        if named:
            return str(named["name"])
        return next((str(h["voice"]) for h in self.holdings.values() if h["voice_id"] == id), id)

    def members(self, id: str) -> frozenset[str]:
        return frozenset(self.shot.get("voice", {}).get(id, {}).get("members", ()))

    def quiet(self, days: Iterable[str]) -> bool:
        """Tell whether the last of these dates lies more than `DORMANT_YEARS` before the day."""
        known = [_latest(text) for text in days if text]
        if not self.day or not known:
            return False
        return max(known) < f"{int(self.day[:4]) - DORMANT_YEARS:04}{self.day[4:]}"

    def voice_quiet(self, id: str) -> bool:
        return self.quiet(start(h["valid"]) for h in self.holdings.values() if h["voice_id"] == id)

    @cached_property
    def held(self) -> set[str]:
        """Claims that a voice holds on the day."""
        return {c for p in self.positions.values() for a, c in p if a == "holds"}

    def _backs(self, claim: str) -> bool:
        return claim in self.held or any(
            dialectic.bears(k) and dialectic.is_read(k) and k.stance in ("supports", "qualifies")
            for k in self.by_claim.get(claim, ())
        )

    def is_open(self, tension: dict[str, Any]) -> bool:
        backed = sum(any(map(self._backs, claims)) for claims in tension["poles"].values())
        return backed > 1

    def tension_quiet(self, tension: dict[str, Any]) -> bool:
        return self.quiet(
            link.work.date
            for claim in on_poles(tension)
            for link in self.by_claim.get(claim, ())
            if dialectic.bears(link) and dialectic.is_read(link)
        )

    @cached_property
    def acts(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for act in self.shot.get("status", {}).values():
            found[act["work"]].append(act)
        return found

    def standing(self, work: str) -> tuple[int, str]:
        """Return the rank and name of a work's standing; (1, "") where it is a preprint."""
        # A venue's act known by its year alone may be later than all of that year.
        acts = sorted(
            self.acts.get(work, ()),
            key=lambda act: (dates.span(act["valid"])[1], _rank(act["status"]), act["venue"]),
        )
        best, name = 1, ""
        for act in acts:
            rank = _rank(act["status"])
            # A submission that failed at one venue takes nothing from what another accepted.
            elsewhere = act["status"] != "retracted" and bool(act["venue"])
            if (rank < 1 and not (elsewhere and best > 1)) or rank > max(best, 1):
                best, name = rank, _act(act)
        return best, name


def start(text: str) -> str:
    """Return where an interval begins; a plain date begins with itself."""
    return text.split("/", 1)[0]


def begun(text: str, day: str) -> bool:
    """Tell whether what is dated so had surely come by the end of an ISO day.

    An interval with both ends says that it came somewhere between them; one with an open end
    says since when.

    Examples:
        >>> begun("2025", "2025-06-30"), begun("2025-05/..", "2025-06-30")
        (False, True)
        >>> begun("2025-05/2025-07", "2025-06-30")
        False
    """
    return bool(text) and _latest(text) <= day


def _latest(text: str) -> str:
    """Return the last ISO day on which what is dated so can have come."""
    first, _, last = text.partition("/")
    return dates.span(first if last in ("", "..") else text)[1].isoformat()


def ended(text: str, day: str) -> bool:
    """Tell whether an interval had surely ended before an ISO day; a plain date has no end.

    Examples:
        >>> ended("2019/2021", "2022-01-01"), ended("2019/..", "2022-01-01"), ended("2019", "")
        (True, False, False)
    """
    _, _, last = text.partition("/")
    return bool(day) and last not in ("", "..") and dates.span(last)[1].isoformat() < day


def on_poles(tension: dict[str, Any]) -> set[str]:
    """Return the claims on a tension's poles."""
    return {claim for claims in tension["poles"].values() for claim in claims}


_AGENT = re.compile(r"\((\w+)\)$")


def _lineages(shot: Snapshot) -> dict[str, str]:
    works = shot.get("work", {})
    return {id: row["lineage"] for id, row in works.items() if "lineage" in row}


def _link(
    key: str, row: dict[str, Any], works: dict[str, dict[str, Any]], lineages: dict[str, str]
) -> LinkView:
    """A snapshot's link as a view, so that `kb.dialectic` decides what counts."""
    agent = _AGENT.search(key)
    work = works.get(row["work"], {})
    return _view(
        row["work"],
        work.get("key") or "",
        work.get("title", row["work"]),
        work.get("first_public", ""),
        lineages.get(row["work"], row["work"]),
        row["claim"],
        row["stance"],
        row["nuance"] or "",
        row["how"] or "",
        row.get("agent_kind") or (agent[1] if agent else ""),
        row["agent"],
        row["review"],
        row["score"],
        row.get("valid", ""),
    )


@lru_cache(maxsize=65536)  # the same link stands in a dozen snapshots of one history
def _view(
    work: str,
    key: str,
    title: str,
    date: str,
    lineage: str,
    claim: str,
    stance: str,
    nuance: str,
    how: str,
    agent_kind: str,
    agent: str,
    review: str,
    score: float | None,
    valid: str,
) -> LinkView:
    return LinkView(
        work=WorkRef(work, key, "", title, "", date, lineage),
        claim=ClaimRef(claim, "", "", ""),
        stance=stance,
        nuance=nuance,
        how=how,
        agent_kind=agent_kind,
        agent=agent,
        review=review,
        reviewed_by="",
        checked="",
        score=score,
        why="",
        evidence=(),
        valid=valid,
        recorded="",
    )


# -- one function a family ------------------------------------------------------------------


def _tensions(old: _State, new: _State) -> Iterator[_Weighted]:
    was, now = old.live("tension"), new.live("tension")
    for id in {*was, *now}:
        one, other = was.get(id), now.get(id)
        opened = one is not None and old.is_open(one)
        opens = other is not None and new.is_open(other)
        row = other or one or {}
        question = f"“{shorten(row['question'], 110)}”"
        ends = (_poles(one) if one else "", _poles(other) if other else "")

        def tell(kind: str, text: str, ends: tuple[str, str] = ends, id: str = id) -> _Weighted:
            return event(f"tension-{kind}", id, id, *ends, text)

        if opens and not opened:
            yield tell("opened", f"{id} opened: {question} has holders on two sides.")
        elif opened and not opens:
            yield tell("closed", f"{id} closed: {question} no longer has holders on two sides.")
        elif one is None:
            yield tell("entered", f"{id} was recorded: {question}, with holders on one side only.")
        elif other is None:
            yield tell("left", f"{id} is no longer recorded: {question}.")
        if one is None or other is None:
            continue
        if one["kind"] != other["kind"]:
            kinds = (one["kind"], other["kind"])
            yield tell(
                "kind", f"{id} changed kind from {kinds[0]} to {kinds[1]}: {question}.", kinds
            )
        yield from _extent(id, one, other, tell)
        if opened and opens and old.tension_quiet(one) != new.tension_quiet(other):
            quiet = new.tension_quiet(other)
            ends = ("awake", "dormant") if quiet else ("dormant", "awake")
            said = (
                f"no work spoke to it in {DORMANT_YEARS} years" if quiet else "a work spoke to it"
            )
            yield tell(ends[1], f"{id} is {ends[1]}: {said}.", ends)
        fields = [f for f in ("question", "review") if not _same(one, other, f)]
        if fields:
            ends = (_values(one, fields), _values(other, fields))
            yield tell("revised", f"{id} was revised ({', '.join(fields)}): {question}.", ends)


def _extent(
    id: str, one: dict[str, Any], other: dict[str, Any], tell: Callable[[str, str], _Weighted]
) -> Iterator[_Weighted]:
    if one["poles"] == other["poles"] and set(one["core"]) == set(other["core"]):
        return
    was, now = (set(t["core"]) or on_poles(t) for t in (one, other))
    if was == now:  # the core stayed: then what stands around it
        was, now = on_poles(one), on_poles(other)
    if now < was:
        yield tell("narrowed", f"{id} narrowed to {_list(now)}.")
    elif was < now:
        yield tell("widened", f"{id} widened: {_list(now - was)} joined.")
    else:
        yield tell("redrawn", f"{id} was redrawn: it now sets {_poles(other)}.")


def _balances(old: _State, new: _State) -> Iterator[_Weighted]:
    for id in {*old.live("claim")} & {*new.live("claim")}:
        one, other = old.balance(id), new.balance(id)
        sides = [
            (getattr(one, s), getattr(other, s)) for s in ("supports", "disputes", "qualifies")
        ]
        moved = sum(abs(b - a) for a, b in sides)
        if moved:
            ends = (_counted(one), _counted(other))
            text = f"The balance of {id} moved from {ends[0]} to {ends[1]}."
            yield event("balance-moved", id, id, *ends, text, -moved)


def _voices(old: _State, new: _State) -> Iterator[_Weighted]:
    was, now = old.positions, new.positions
    come, gone = set(now) - set(was), set(was) - set(now)
    regrouped: set[str] = set()
    for kind, parts, source, wholes, target, verb in (
        ("split", come, new, gone, old, "split into"),
        ("merged", gone, old, come, new, "was merged from"),
    ):
        for whole in sorted(wholes):
            people = target.members(whole)
            mine = sorted(p for p in parts if source.members(p) and source.members(p) <= people)
            together = frozenset().union(*(source.members(p) for p in mine))
            if len(mine) < 2 or together != people:
                continue
            regrouped |= {whole, *mine}
            many = _list((source.voice_name(p) for p in mine), sort=False)
            ends = (
                (target.voice_name(whole), many)
                if kind == "split"
                else (many, target.voice_name(whole))
            )
            name = target.voice_name(whole)
            yield event(f"voice-{kind}", whole, name, *ends, f"{name} {verb} {many}.")
    for id in {*was, *now} - regrouped:
        yield from _voice(id, old, new)
    for id in {*old.live("voice")} & {*new.live("voice")}:
        one, other = old.live("voice")[id], new.live("voice")[id]
        fields = [f for f in ("name", "kind", "members") if not _same(one, other, f)]
        if fields:
            text = f"{other['name']} ({id}) was revised ({', '.join(fields)})."
            ends = (_values(one, fields), _values(other, fields))
            yield event("voice-revised", id, other["name"], *ends, text)


def _voice(id: str, old: _State, new: _State) -> Iterator[_Weighted]:
    """The one event of a voice that neither split nor merged, if anything moved."""
    one, other = old.positions.get(id, {}), new.positions.get(id, {})
    name = new.voice_name(id) if other else old.voice_name(id)
    left, taken = set(one) - set(other), set(other) - set(one)
    ends = (_stands(one), _stands(other))
    if not one:
        kind, text = "new", f"{name} ({id}) is a new voice: {_stands(taken)}."
    elif not other:
        kind, text = "gone", f"{name} ({id}) holds no position any more."
    elif left and taken:
        kind, text = "shifted", f"{name} ({id}) shifted from {_stands(left)} to {_stands(taken)}."
    elif taken:
        kind, text = (
            "strengthened",
            f"{name} ({id}) kept its positions and took more: {_stands(taken)}.",
        )
    elif left:
        kind, text = (
            "weakened",
            f"{name} ({id}) gave up {_stands(left)} and took nothing in its place.",
        )
    elif one != other:
        works = {**old.works, **new.works}
        again = {_title(work, works) for key in other for work in other[key] ^ one[key]}
        ends = (f"{ends[0]} ({_showing(one)})", f"{ends[1]} ({_showing(other)})")
        kind, text = "consistent", f"{name} ({id}) spoke again for the same, in {_list(again)}."
    elif old.voice_quiet(id) != new.voice_quiet(id):
        quiet = new.voice_quiet(id)
        ends = ("awake", "dormant") if quiet else ("dormant", "awake")
        kind = ends[1]
        no = "no" if quiet else "a"
        text = f"{name} ({id}) is {kind}: {no} dated position here in {DORMANT_YEARS} years."
    else:
        return
    yield event(f"voice-{kind}", id, name, *ends, text)


def _claims(old: _State, new: _State) -> Iterator[_Weighted]:
    was, now = old.live("claim"), new.live("claim")
    for id in {*was, *now}:
        if id not in was:
            text = f"{id} entered: {shorten(now[id]['text'], 140)}"
            weight = 0.0 if now[id]["level"] == "thesis" else 1.0
            yield event("claim-entered", id, id, "", _counted(new.balance(id)), text, weight)
        elif id not in now:
            weight = 0.0 if was[id]["level"] == "thesis" else 1.0
            text = f"{id} left: {shorten(was[id]['text'], 140)}"
            yield event("claim-left", id, id, _counted(old.balance(id)), "", text, weight)
        elif fields := [f for f in ("text", "level", "strand") if not _same(was[id], now[id], f)]:
            ends = (_values(was[id], fields), _values(now[id], fields))
            text = f"{id} was revised ({', '.join(fields)}): {shorten(now[id]['text'], 140)}"
            yield event("claim-revised", id, id, *ends, text)


def _links(old: _State, new: _State) -> Iterator[_Weighted]:
    for key in {*old.links, *new.links}:
        one, other = old.links.get(key), new.links.get(key)
        if one is not None and other is not None and _same_row(old, new, "link", key):
            continue
        link = other or one
        if link is None:  # pragma: no cover - the key is of one of the two
            continue
        ends = (_worded(one), _worded(other))
        machine = all(k is None or not dialectic.is_read(k) for k in (one, other))
        rejected = any(
            k is not None and k.review not in ("proposed", "confirmed") for k in (one, other)
        )
        if machine and not rejected:
            kind = "proposal-added" if one is None else "proposal-removed" if other is None else ""
            kind = kind or "proposal-revised"
        elif other is None:
            kind = "link-removed"
        elif one is None or one.review != other.review:
            states = {"confirmed": "confirmed", "rejected": "rejected", "superseded": "superseded"}
            kind = f"link-{states.get(other.review, 'added' if one is None else 'reopened')}"
        else:
            kind = "link-revised"
        title = _title(link.work.id, (new.works if other else old.works))
        yield event(kind, key, title, *ends, _told(kind, title, link, ends))


def _told(kind: str, title: str, link: LinkView, ends: tuple[str, str]) -> str:
    verb = link.stance
    if kind == "proposal-added":
        return f"A machine proposes that {title} {verb} {link.claim.id}."
    if kind == "proposal-removed":
        return f"No machine proposes any more that {title} {verb} {link.claim.id}."
    if kind in ("link-added", "link-confirmed", "link-rejected"):
        said = {"link-added": "is recorded", "link-confirmed": "was confirmed by a person"}
        return f"That {title} {verb} {link.claim.id} {said.get(kind, 'was rejected by a person')}."
    if kind == "link-removed":
        return f"That {title} {verb} {link.claim.id} is no longer recorded."
    return f"What {title} does to {link.claim.id} went from {ends[0]} to {ends[1]}."


def _statuses(old: _State, new: _State) -> Iterator[_Weighted]:
    for id in {*old.acts, *new.acts}:
        (low, before), (high, after) = old.standing(id), new.standing(id)
        title = _title(id, new.works if id in new.works else old.works)
        if low != high:
            kind = "status-raised" if high > low else "status-lowered"
            since = f" (it was {before})" if before else ""
            text = f"{title}: now {after or 'a preprint again'}{since}."
            yield event(kind, id, title, before, after, text, -abs(high - low))
    was, now = old.shot.get("status", {}), new.shot.get("status", {})
    both = set(old.works) & set(new.works)
    for key in {*was, *now}:
        row = now.get(key) or was[key]
        if (key in was and key in now) or row["work"] not in both:
            continue
        title, act = _title(row["work"], new.works), _act(row)
        (low, one), (high, other) = old.standing(row["work"]), new.standing(row["work"])
        if low != high and act in (one, other):
            continue  # told as the act that moved the standing
        if key in now:
            yield event("status-recorded", key, title, "", act, f"{title}: {act} is recorded.")
        else:
            yield event("status-struck", key, title, act, "", f"{title}: {act} is struck.")


def _works(old: _State, new: _State) -> Iterator[_Weighted]:
    for id in {*old.works, *new.works}:
        one, other = old.works.get(id), new.works.get(id)
        if one is not None and other is not None:
            compared = ("title", "first_public", "lineage", "key")
            fields = [f for f in compared if not _same(one, other, f)]
            if fields:
                ends = (_values(one, fields), _values(other, fields))
                title = _title(id, new.works)
                names = {"first_public": "date", "key": "curated name"}
                named = ", ".join(names.get(f, f) for f in fields)
                text = f"{title} was revised ({named})."
                yield event("work-revised", id, title, *ends, text)
            continue
        state, row = (new, other) if other is not None else (old, one or {})
        family = "work" if id in state.curated else "harvest"
        title, date = _title(id, state.works), row["first_public"]
        # The latest first.
        weight = -float(dates.sort_key(date)[0].replace("-", "")) if date else 0.0
        said = f"{title}, {dates.words(date)}"
        if other is not None:
            verb = "entered" if family == "work" else "came in by harvest"
            yield event(f"{family}-entered", id, title, "", date, f"{said}, {verb}.", weight)
        else:
            yield event(f"{family}-left", id, title, date, "", f"{said}, left.", weight)


def _versions(old: _State, new: _State) -> Iterator[_Weighted]:
    was, now = old.shot.get("manifestation"), new.shot.get("manifestation")
    if was is None or now is None:
        return  # an older form that does not know them
    both = set(old.works) & set(new.works)
    for id in {*was, *now}:
        row = now.get(id) or was[id]
        if row["work"] not in both or was.get(id) == now.get(id):
            continue
        title = _title(row["work"], new.works)
        ends = (_form(was.get(id)), _form(now.get(id)))
        what = "added" if id not in was else "removed" if id not in now else "revised"
        said = {"added": "has a new version", "removed": "no longer has the version"}
        text = f"{title} {said.get(what, 'has a revised version')}: {ends[1] or ends[0]} ({id})."
        yield event(f"version-{what}", id, title, *ends, text)


_PLAIN: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("relation", "added", "removed", ("note", "review")),
    ("holding", "added", "removed", ("valid",)),
    ("event", "entered", "left", ("name", "date")),
    ("digest", "entered", "left", ("title", "version", "as_of")),
)
"""Kind, words for coming and going, and the fields that are compared."""


def _plain(old: _State, new: _State) -> Iterator[_Weighted]:
    for kind, came, went, compared in _PLAIN:
        if kind not in old.shot or kind not in new.shot:
            continue  # an older form that does not know them
        was, now = old.live(kind), new.live(kind)
        for id in {*was, *now}:
            fields = list(compared)
            if id in was and id in now:
                fields = [f for f in compared if not _same(was[id], now[id], f)]
                if not fields:
                    continue
            row, state = (now[id], new) if id in now else (was[id], old)
            ends = tuple(_values(t[id], fields) if id in t else "" for t in (was, now))
            what = came if id not in was else went if id not in now else "revised"
            name = _plain_name(kind, id, row, state)
            said = {came: "is recorded", went: "is no longer recorded"}.get(what, "was revised")
            yield event(f"{kind}-{what}", id, name, ends[0], ends[1], f"{name} {said}.")


def _plain_name(kind: str, id: str, row: dict[str, Any], state: _State) -> str:
    if kind == "holding":
        held = state.holdings[id]
        voice = f"{state.voice_name(held['voice_id'])} ({held['voice_id']})"
        return f"That {voice} {row['attitude']} {row['claim']} ({dates.words(row['valid'])})"
    if kind == "event":
        return f"{shorten(row['name'], 100)} ({dates.words(row['date'])})"
    if kind == "digest":
        version = f", version {row['version']}" if row["version"] else ""
        return f"{row['publisher']}: {shorten(row['title'], 100)}{version}"
    return f"That {id}"


# -- words -----------------------------------------------------------------------------------


def _same(one: dict[str, Any], other: dict[str, Any], field: str) -> bool:
    """Compare a field; what only one form of snapshot knows is no difference."""
    return field not in one or field not in other or one[field] == other[field]


def _same_row(old: _State, new: _State, kind: str, key: str) -> bool:
    one, other = old.shot[kind][key], new.shot[kind][key]
    return all(_same(one, other, field) for field in one)


def _title(id: str, works: dict[str, dict[str, Any]]) -> str:
    """A work as sentences name it: its title, and the curated name where it has one."""
    work = works.get(id, {})
    title = f"“{shorten(work.get('title', id), 80)}”"
    return f"{title} ({work['key']})" if work.get("key") else title


def _values(row: dict[str, Any], fields: Iterable[str]) -> str:
    shown = (row.get(field, "") for field in fields)
    return "; ".join(", ".join(map(str, v)) if isinstance(v, list) else str(v) for v in shown)


def _counted(balance: Balance) -> str:
    return f"{balance.supports} for, {balance.disputes} against, {balance.qualifies} qualifying"


def _list(names: Iterable[str], *, sort: bool = True) -> str:
    """Return "a, b and c"."""
    every = sorted(names) if sort else list(names)
    return (
        " and ".join(part for part in (", ".join(every[:-1]), every[-1]) if part) if every else ""
    )


def _poles(tension: dict[str, Any]) -> str:
    core = f"; core {_list(tension['core'])}" if tension["core"] else ""
    # By name: a snapshot that was kept has lost the order of its poles.
    poles = (claims for _, claims in sorted(tension["poles"].items()))
    return " against ".join(_list(claims) or "nothing" for claims in poles) + core


def _stands(positions: Iterable[tuple[str, str]]) -> str:
    """Return "holds C01 and C02; rejects C03"."""
    by: dict[str, list[str]] = defaultdict(list)
    for attitude, claim in positions:
        by[attitude].append(claim)
    return "; ".join(f"{attitude} {_list(by[attitude])}" for attitude in sorted(by))


def _showing(positions: dict[tuple[str, str], set[str]]) -> str:
    return "in " + _list({work for works in positions.values() for work in works})


def _rank(status: str) -> int:
    return _FALLS[status] if status in _FALLS else _RANKS.get(status, 1)


def _act(act: dict[str, Any]) -> str:
    return f"{act['status']} at {act['venue']}" if act["venue"] else str(act["status"])


def _form(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    number = f" v{row['version']}" if row["version"] else ""
    return f"{row['kind']}{number}, {dates.words(row['valid'])}"


def _worded(link: LinkView | None) -> str:
    if link is None:
        return ""
    nuance = f" ({link.nuance})" if link.nuance else ""
    how = ", reports others" if link.how == "reports" else ""
    machine = link.score is not None
    score = f", by {link.agent}, score {link.score:.4f}" if machine else ""
    return f"{link.stance}{nuance}{how}, {link.review}{score}"
