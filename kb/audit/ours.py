"""Our own content as a synthesis, so that the rules judge it as they judge others'."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kb.audit.reading import Knowledge, Placed, Reading
from kb.synthesis import Entry, Perspective, Source, Statement, Synthesis

if TYPE_CHECKING:
    from kb.views import LinkView, StrandView, TensionView, WorkView

_CLAIM_ID = re.compile(r"\b[CT][0-9]{1,2}[a-z]?\b")


class _Sheet:
    """Numbers for works and for places."""

    def __init__(self, works: tuple[WorkView, ...]) -> None:
        self.works = works
        self.numbers = {work.id: n for n, work in enumerate(works, 1)}
        self.names: dict[int, str] = {-n: works[n - 1].ref.key for n in self.numbers.values()}
        self.line = 0

    def say(self, section: str, name: str, text: str, works: list[str]) -> Statement:
        """Return a statement that cites works, under a line number that stands for its name."""
        self.line += 1
        self.names[self.line] = name
        cites = dict.fromkeys(self.numbers[id] for id in works if id in self.numbers)
        return Statement(section, self.line, text, tuple(cites))


def ours(
    knowledge: Knowledge, strands: tuple[StrandView, ...], tensions: tuple[TensionView, ...]
) -> Reading:
    """Return what we say as a synthesis: works are the sources, their first days the timeline.

    The narrative is the summaries of the strands and our reason for every curated link, the
    entries are our synopses, the perspectives our voices with what they hold.
    """
    works = tuple(
        sorted((w for w in knowledge.works if w.ref.key and _is_told(w)), key=lambda w: w.id)
    )
    sheet = _Sheet(works)
    holders = {
        claim.id: [link.work.id for link in claim.links if _supports(link)]
        for claim in knowledge.claims
    }
    narrative = []
    for strand in strands:
        for sentence in strand.summary.split(". "):
            cites = [id for c in _CLAIM_ID.findall(sentence) for id in holders.get(c, [])]
            narrative.append(sheet.say("Narrative", strand.id, sentence, cites))
    timeline = []
    for work in works:
        told = sheet.say("Timeline", work.ref.key, work.synopsis or work.title, [work.id])
        timeline.append(Entry(work.ref.date, told))
        narrative += [
            sheet.say("Narrative", f"{work.ref.key} → {link.claim.id}", link.why, [work.id])
            for link in work.links
            if link.agent_kind == "curation" and link.why
        ]
    perspectives = []
    for voice in knowledge.voices:
        held = [holding for holding in voice.holdings if holding.attitude == "holds"]
        text = " ".join(holding.claim.text for holding in held)
        cites = [holding.work.id for holding in voice.holdings]
        position = sheet.say("Perspectives", voice.id, text, cites)
        evolution = sheet.say("Perspectives", voice.id, " ".join(voice.notes), [])
        perspectives.append(Perspective(voice.name, position.line, position, evolution))
    questions = []
    for tension in tensions:
        cites = [k.work.id for pole in tension.poles for k in pole.links if _supports(k)]
        text = " ".join((tension.question, tension.kind_reason, tension.settles, *tension.notes))
        questions.append(sheet.say("Tensions", tension.id, text, cites))
    synthesis = Synthesis(
        title="our own content",
        version="",
        as_of="",
        items=None,
        items_line=0,
        narrative=tuple(narrative),
        timeline=tuple(timeline),
        perspectives=tuple(perspectives),
        tensions=tuple(questions),
        sources=tuple(
            Source(n, 0, work.title, work.venue, work.ref.date) for n, work in enumerate(works, 1)
        ),
    )
    placed = {n: Placed(work, False, "") for n, work in enumerate(works, 1)}
    return Reading(synthesis, knowledge, placed, sheet.names)


def _is_told(work: WorkView) -> bool:
    """Whether the debate rests on a work in any way: a link, a date, a synopsis."""
    return bool(work.links or work.ref.date or work.synopsis)


def _supports(link: LinkView) -> bool:
    return link.stance == "supports" and link.how == "asserts" and link.agent_kind != "model"
