"""The debate's past: what stood on a day, and what changed told as sentences. Pure.

A snapshot says what the debate holds when it is taken. `stood` takes from it what was already
so on an earlier day, by the dates of the facts themselves. That is "what was so then, as we
know it now"; it is not "what we showed then", and whatever is made of it says so.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from kb.changes import begun, ended, open_tensions, start
from kb.views import PassageView, SentenceView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kb.changes import Snapshot
    from kb.views import ChangeView

FIRST_YEAR = 2016
"""The first year whose end is reconstructed: deep networks that fit random labels came in it."""

REFERENCE = re.compile(r"\[([^\[\]\s]+)\]")
"""What a hand-written sentence names in brackets: an event, claim, tension or work."""

EVENT_ID = re.compile(r"e[0-9a-f]{10}")
"""The form of an event's id; see `kb.changes.event`."""

_NOT_STANDING = ("rejected", "superseded")


def days(shot: Snapshot, taken: str) -> list[str]:
    """Return the days whose debate can be told apart before the first snapshot was taken.

    The ends of the years since `FIRST_YEAR`, and the day of each digest that prints a version
    and a time: those are the days on which somebody else wrote down where the debate stood.

    Args:
        shot: The first snapshot.
        taken: The ISO day on which it was taken.
    """
    found = {f"{year}-12-31" for year in range(FIRST_YEAR, dt.date.fromisoformat(taken).year)}
    for digest in shot.get("digest", {}).values():
        if digest["version"] and len(digest["as_of"]) >= len("2026-05-02"):
            found.add(digest["as_of"][:10])
    return sorted(day for day in found if day < taken)


def stood(shot: Snapshot, day: str) -> Snapshot:
    """Return what of a snapshot was already so by the end of a day.

    Only facts of the curated files count: harvested works and a machine's proposals are how
    we search today. A date known by its year alone counts from that year's end; what has no
    date is left out. A claim stands from its first link or holding on, a relation from the
    later of its claims, and a tension while it is open (`kb.changes`). The
    kind of a tension is as judged in the snapshot.

    Args:
        shot: What is known, at whatever later time.
        day: ISO day.
    """
    link_rows = {k: v for k, v in shot.get("link", {}).items() if _read(k, v)}
    holding_rows = {k: (_work_of(k, v), v) for k, v in shot.get("holding", {}).items()}
    named = {row["work"] for row in link_rows.values()} | {w for w, _ in holding_rows.values()}
    works = {
        id: row
        for id, row in shot.get("work", {}).items()
        if (row.get("key") or id in named)
        and not row["retired"]
        and begun(row["first_public"], day)
    }
    links = {
        key: row for key, row in link_rows.items() if row["work"] in works and _since(row, day)
    }
    holdings = {
        key: row
        for key, (_, row) in holding_rows.items()
        if begun(start(row["valid"]), day) and not ended(row["valid"], day)
    }
    # A rejected link is told, and nothing stands on it.
    backing = {r["claim"] for r in links.values() if r["review"] not in _NOT_STANDING}
    backing |= {row["claim"] for row in holdings.values()}
    claims = {
        id: row for id, row in shot.get("claim", {}).items() if id in backing and not row["retired"]
    }
    voices = {(row.get("voice_id") or key.split(" ", 1)[0]) for key, row in holdings.items()}
    out: Snapshot = {
        "work": works,
        "claim": claims,
        "link": {key: row for key, row in links.items() if row["claim"] in claims},
        "relation": {
            key: row
            for key, row in shot.get("relation", {}).items()
            if {key.split(" ")[0], key.split(" ")[-1]} <= set(claims) and _since(row, day)
        },
        "tension": _tensions(shot.get("tension", {}), set(claims)),
        "holding": {key: row for key, row in holdings.items() if row["claim"] in claims},
        "status": {
            key: row
            for key, row in shot.get("status", {}).items()
            if row["work"] in works and begun(row["valid"], day)
        },
        "event": {id: row for id, row in shot.get("event", {}).items() if begun(row["date"], day)},
        "as_of": {day: {}},
    }
    for kind, keep in (
        ("voice", lambda voice, _: voice in voices),
        ("manifestation", lambda _, row: row["work"] in works and begun(row["valid"], day)),
        ("digest", lambda _, row: bool(row["version"]) and begun(row["as_of"][:10], day)),
    ):
        if kind in shot:  # an older form does not know them
            out[kind] = {id: row for id, row in shot[kind].items() if keep(id, row)}
    tensions = open_tensions(out, day)
    out["tension"] = {id: row for id, row in out["tension"].items() if id in tensions}
    return out


def undated(shot: Snapshot) -> int:
    """Return how many curated works have no date, and so stand in no reconstructed cycle."""
    return sum(
        1
        for row in shot.get("work", {}).values()
        if row.get("key") and not row["first_public"] and not row["retired"]
    )


def _read(key: str, row: dict[str, Any]) -> bool:
    agent = row.get("agent_kind") or key.rsplit("(", 1)[-1].rstrip(")")
    return agent in ("curation", "human") or row["review"] in ("confirmed", "rejected")


def _work_of(key: str, row: dict[str, Any]) -> str:
    return str(row.get("work") or key[key.rfind("(") + 1 : -1])


def _since(row: dict[str, Any], day: str) -> bool:
    """Tell whether a link or relation stood; without a date it stands with what it ties."""
    valid = row.get("valid", "")
    return not valid or begun(valid, day)


def _tensions(rows: dict[str, Any], claims: set[str]) -> dict[str, Any]:
    found = {}
    for id, row in rows.items():
        poles = {pole: [c for c in on if c in claims] for pole, on in row["poles"].items()}
        if not row["retired"]:
            core = row["core"] if claims.issuperset(row["core"]) else []
            found[id] = {**row, "poles": poles, "core": core}
    return found


# -- the narrative ---------------------------------------------------------------------------

_PASSAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Tensions", ("tension",)),
    ("Where the evidence lies", ("balance",)),
    ("Voices", ("voice",)),
    ("Verdicts", ("link-confirmed", "link-rejected", "link-reopened", "link-superseded")),
    ("Claims", ("claim",)),
    ("Works", ("work", "version", "status")),
    ("Links", ("link", "relation", "holding")),
    ("Events and digests", ("event", "digest")),
    ("Harvest and proposals, counted nowhere", ("harvest", "proposal")),
)
"""Heading and the kinds it tells of, by family or by whole name; the weightiest first."""

MAIN = frozenset(("In short", *(heading for heading, _ in _PASSAGES[:5])))
"""The passages that say where the debate moved; the others say what came in."""

_ALONE = 3
"""Events of one kind up to which each has its own sentence."""
_NAMED = 3
"""Events that a sentence about many names."""

_MANY: dict[str, str] = {
    "tension-opened": "{n} tensions opened: {names}",
    "tension-closed": "{n} tensions closed: {names}",
    "tension-entered": "{n} questions were recorded with holders on one side only: {names}",
    "tension-left": "{n} questions are no longer recorded: {names}",
    "tension-kind": "{n} tensions changed kind: {moves}",
    "tension-narrowed": "{n} tensions narrowed: {names}",
    "tension-widened": "{n} tensions widened: {names}",
    "tension-redrawn": "{n} tensions were redrawn: {names}",
    "tension-dormant": "{n} tensions are dormant: {names}",
    "tension-awake": "{n} tensions are awake again: {names}",
    "balance-moved": "The balance of {n} claims moved, most of all that of {gains}",
    "voice-new": "{n} voices are new: {names}",
    "voice-gone": "{n} voices hold no position any more: {names}",
    "voice-shifted": "{n} voices shifted: {names}",
    "voice-strengthened": "{n} voices kept their positions and took more: {names}",
    "voice-weakened": "{n} voices gave up positions: {names}",
    "voice-consistent": "{n} voices spoke again for the same: {names}",
    "voice-dormant": "{n} voices are dormant: {names}",
    "voice-awake": "{n} voices are awake again: {names}",
    "link-confirmed": "A person confirmed {n} links, among them those of {names}",
    "link-rejected": "A person rejected {n} links, among them those of {names}",
    "claim-entered": "{n} claims entered: {names}",
    "claim-left": "{n} claims left: {names}",
    "link-added": "{n} links between works and claims are recorded, among them those of {names}",
    "link-removed": "{n} links are no longer recorded, among them those of {names}",
    "status-raised": "{n} works rose in standing: {rises}",
    "status-lowered": "{n} works fell in standing: {rises}",
    "status-recorded": "{n} further acts are recorded, among them for {names}",
    "work-entered": "{n} works entered, the latest {names}",
    "work-left": "{n} works left: {names}",
    "harvest-entered": "{n} works came in by harvest, the latest {names}",
    "version-added": "{n} new versions appeared, among them of {names}",
    "holding-added": "{n} positions of voices are recorded",
    "relation-added": "{n} relations between claims are recorded",
    "event-entered": "{n} events are recorded: {names}",
    "proposal-added": "A machine proposes {n} links, among them for {names}",
    "proposal-removed": "{n} proposals of a machine are gone",
    "proposal-revised": "A machine revised {n} of its proposals",
}
"""Kind -> what is said of many such events; a kind that is absent is named by its words."""


def narrate(changes: Sequence[ChangeView], written: Iterable[str] = ()) -> tuple[PassageView, ...]:
    """Return what changed as passages of sentences, each bound to the events it tells of.

    Every event is in exactly one computed sentence. What the curated chronicle says stands
    first, with the references that it names; an event that it names and that is not among the
    changes binds nothing, and stays in `refs`.

    Args:
        changes: From `kb.changes.diff`, in its order.
        written: Sentences by hand, each with references in brackets.
    """
    passages = []
    by_hand = tuple(_by_hand(text, {change.id for change in changes}) for text in written)
    if by_hand:
        passages.append(PassageView("In short", by_hand))
    groups: dict[str, dict[str, list[ChangeView]]] = defaultdict(lambda: defaultdict(list))
    for change in changes:
        groups[_heading(change.kind)][change.kind].append(change)
    for heading, _ in _PASSAGES:
        sentences: list[SentenceView] = []
        for kind, events in groups.get(heading, {}).items():
            if len(events) <= _ALONE:
                sentences += [SentenceView(e.text, (e.id,), (), False) for e in events]
            else:
                ids = tuple(e.id for e in events)
                sentences.append(SentenceView(_gathered(kind, events), ids, (), False))
        if sentences:
            passages.append(PassageView(heading, tuple(sentences)))
    return tuple(passages)


def _heading(kind: str) -> str:
    family = kind.split("-", 1)[0]
    exact = [heading for heading, kinds in _PASSAGES if kind in kinds]
    return next(iter(exact), "") or next(h for h, kinds in _PASSAGES if family in kinds)


def _by_hand(text: str, known: set[str]) -> SentenceView:
    refs = REFERENCE.findall(text)
    events = tuple(dict.fromkeys(ref for ref in refs if ref in known))
    # Claims, tensions and works stay in the text, where readers know them by name.
    shown = REFERENCE.sub(lambda m: "" if EVENT_ID.fullmatch(m[1]) else m[0], text)
    shown = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(shown.split()))
    return SentenceView(shown, events, tuple(dict.fromkeys(refs)), True)


def _gathered(kind: str, events: Sequence[ChangeView]) -> str:
    """Return one sentence about many events of one kind."""
    plain = f"{{n}} times: {kind.replace('-', ' ')} ({{names}})"
    parts: Mapping[str, Callable[[ChangeView], str]] = {
        "names": lambda e: e.name,
        "moves": lambda e: f"{e.name} from {e.before} to {e.after}",
        "gains": lambda e: f"{e.name} ({_gains(e.before, e.after)})",
        "rises": lambda e: f"{e.name}, {e.after or 'a preprint again'}",
    }
    form = _MANY.get(kind, plain)
    wanted = [name for name in parts if f"{{{name}}}" in form]
    shown = {name: _some([parts[name](e) for e in events]) for name in wanted}
    return form.format(n=f"{len(events):,}", **shown) + "."


_SIDE = re.compile(r"(\d+) (for|against|qualifying)")


def _gains(before: str, after: str) -> str:
    """Return what a balance gained and lost.

    Examples:
        >>> _gains("1 for, 0 against, 2 qualifying", "2 for, 0 against, 1 qualifying")
        '1 more for, 1 fewer qualifying'
    """
    pairs = zip(_SIDE.findall(before), _SIDE.findall(after), strict=True)
    moved = [(int(new) - int(old), side) for (old, side), (new, _) in pairs]
    return ", ".join(f"{abs(n)} {'more' if n > 0 else 'fewer'} {side}" for n, side in moved if n)


def _some(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    unique = list(dict.fromkeys(names))
    rest = len(unique) - _NAMED
    if rest <= 1:  # "and 1 more" is no shorter than its name
        return "; ".join(unique)
    return "; ".join([*unique[:_NAMED], f"and {rest:,} more"])
