"""Which entries of the timeline belong to which strand, tension, claim and voice.

What a person read stands apart from what a machine alone proposes, here as everywhere.
"""

from __future__ import annotations

import datetime as dt
import html
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb import dates, dialectic, ids
from kb.render import timeline
from kb.render.debate import place
from kb.render.tex import tex_plain
from kb.render.untrusted import address, untrusted
from kb.render.words import LANES, OF_LANE
from kb.views import ClaimView, StrandView, TensionView, VoiceView, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.render.debate import Debate
    from kb.render.timeline import Line

PATH = "assets/timeline.json"
"""Where the site keeps what `data` returns."""

_EPOCH = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Ties:
    """What an entry is about, as ids."""

    claims: frozenset[str]
    """By a curated or confirmed link, or a position taken."""
    proposed: frozenset[str]
    """Claims that a machine alone ties it to."""
    voices: frozenset[str]


class Chronology:
    """The lines of a debate's timeline, and what each of them is about."""

    def __init__(self, debate: Debate) -> None:
        self._debate = debate
        self.lines = timeline.merged(debate.timeline)
        self._strand_of = {claim.id: claim.ref.strand for claim in debate.claims}
        self._tensions = {
            tension.id: frozenset(
                claim.id
                for claim in (*tension.core, *(c for pole in tension.poles for c in pole.claims))
            )
            for tension in debate.tensions
        }
        read: dict[str, set[str]] = defaultdict(set)
        guessed: dict[str, set[str]] = defaultdict(set)
        for work in debate.works:
            for link in work.links:
                if link.review in ("proposed", "confirmed"):
                    part = read if dialectic.is_read(link) else guessed
                    part[work.id].add(link.claim.id)
        voices: dict[str, set[str]] = defaultdict(set)
        for voice in debate.voices:
            for ref in (*voice.works, *(holding.work for holding in voice.holdings)):
                voices[ref.id].add(voice.id)
        presented = {
            event.id: {talk.work.id for talk in event.talks if talk.work} for event in debate.events
        }
        self._ties = {line.id: _ties(line, read, guessed, voices, presented) for line in self.lines}

    def ties(self, line: Line) -> Ties:
        """Return what a line is about."""
        return self._ties[line.id]

    def of(self, thing: StrandView | TensionView | ClaimView | VoiceView) -> list[Line]:
        """Return the lines about one thing, in the order of the timeline.

        An event is about what the works presented at it are about. A line that only a
        machine's proposal ties to the thing is not `curated` here, whatever its work is.
        """
        if isinstance(thing, VoiceView):
            return [line for line in self.lines if thing.id in self._ties[line.id].voices]
        if isinstance(thing, TensionView):
            claims = self._tensions.get(thing.id, frozenset())
        elif isinstance(thing, StrandView):
            claims = frozenset(id for id, strand in self._strand_of.items() if strand == thing.id)
        else:
            claims = frozenset({thing.id})
        found = []
        for line in self.lines:
            ties = self._ties[line.id]
            if ties.claims & claims:
                found.append(line)
            elif ties.proposed & claims:
                found.append(timeline.as_proposed(line))
        return found

    def data(self) -> str:
        """Return all lines as JSON for the timeline's script.

        A date is given with the days between which it lies, as days since 1970 and null for
        an end that nobody knows: the script need not read EDTF. Texts are plain; the script
        sets them as text.
        """
        debate = self._debate
        strands = {strand.id: i for i, strand in enumerate(debate.strands)}
        claims = {claim.id: i for i, claim in enumerate(debate.claims)}
        voices = {voice.id: i for i, voice in enumerate(debate.voices)}
        table: dict[str, int] = {}
        learnt: dict[str, int] = {}
        entries = []
        for line in self.lines:
            ties, entry = self._ties[line.id], line.first
            sure = {self._strand_of[id] for id in ties.claims if id in self._strand_of}
            entries.append(
                [
                    line.id,
                    list(LANES).index(line.lane),
                    table.setdefault(line.date, len(table)),
                    learnt.setdefault(entry.recorded[:10], len(learnt)),
                    int(line.curated),
                    _plain(tex_plain(entry.title)),
                    _plain(entry.detail),
                    _href(line),
                    _numbers(sure, strands),
                    _numbers(set(line.strands) - sure, strands),
                    _numbers(ties.claims, claims),
                    _numbers(ties.proposed - ties.claims, claims),
                    _numbers(ties.voices, voices),
                ]
            )
        value = {
            "lanes": [[id, name, OF_LANE[id]] for id, name in LANES.items()],
            "strands": [[s.id, _plain(s.title)] for s in debate.strands],
            "tensions": [
                [t.id, _plain(t.question), _numbers(self._tensions[t.id], claims)]
                for t in debate.tensions
            ],
            "claims": [[c.id, _plain(shorten(c.ref.text, 90))] for c in debate.claims],
            "voices": [[v.id, _plain(v.name)] for v in debate.voices],
            "dates": [_dated(text) for text in table],
            "learnt": [_dated(text) for text in learnt],
            "entries": entries,
        }
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        # No reader of the file takes it for markup, even one that guesses.
        for mark in "<>&\u2028\u2029":
            text = text.replace(mark, f"\\u{ord(mark):04x}")
        return text + "\n"


def _ties(
    line: Line,
    read: dict[str, set[str]],
    guessed: dict[str, set[str]],
    voices: dict[str, set[str]],
    presented: dict[str, set[str]],
) -> Ties:
    entry = line.first
    if entry.lane == "voices":
        voice = frozenset({entry.ref.id} if entry.ref else ())
        return Ties(frozenset({entry.claim} if entry.claim else ()), frozenset(), voice)
    works = {entry.work.id} if entry.work else set()
    if entry.lane == "events" and entry.ref:
        works = presented.get(entry.ref.id, set())
    sure = frozenset(id for work in works for id in read.get(work, ()))
    # What a machine says of one talk is no reason to tie a whole event to a claim.
    maybe = frozenset(id for work in works for id in guessed.get(work, ()) if entry.work)
    held = frozenset(id for work in works for id in voices.get(work, ()) if entry.work)
    return Ties(sure, maybe - sure, held)


def _numbers(names: Iterable[str], numbers: dict[str, int]) -> list[int]:
    return sorted(numbers[name] for name in names if name in numbers)


def _plain(text: str) -> str:
    """Return text without control characters and invisible direction marks."""
    return html.unescape(str(untrusted(text)))


def _dated(text: str) -> list[Any]:
    """Return [EDTF, in words, precision, first day, last day]."""
    if not text:
        return ["", dates.words(""), "unknown", None, None]
    low, high = dates.span(text)
    return [
        text,
        dates.words(text),
        dates.precision(text),
        None if low == dates.OPEN_START else low.toordinal() - _EPOCH,
        None if high == dates.OPEN_END else high.toordinal() - _EPOCH,
    ]


def _href(line: Line) -> str:
    """Return a page of the site or an address outside; "" for a work, whose id tells it.

    A work's line "w-arxiv-2505-17638" has the page "works/arxiv-2505-17638.html".
    """
    entry = line.first
    if entry.lane == "works" and entry.work:
        return "" if line.id == f"w-{ids.slug(entry.work.id)}" else f"{place(entry.work)}.html"
    thing = entry.ref or (None if entry.lane == "coverage" else entry.work)
    if thing:
        return f"{place(thing)}.html"
    return html.unescape(str(address(entry.url)))
