"""What a rule finds, and how it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.audit import words
from kb.views import View, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.audit.reading import Reading
    from kb.synthesis import Perspective, Source, Statement
    from kb.views import WorkView

BY_MACHINE = "by machine"
BY_READER = "needs a reader"


@dataclass(frozen=True, slots=True, repr=False)
class Place(View):
    """Where something stands in a synthesis."""

    section: str
    """Header, Narrative, Timeline, Perspectives, Tensions or Sources."""
    line: int
    """1-based; 0 where the synthesis is no file."""
    name: str
    """The id of what is spoken of, where the synthesis is no file; else ""."""
    words: str
    """The words in question, cut where they are long."""

    def headline(self) -> str:
        """Where, and the words."""
        where = self.name or f"line {self.line}"
        return f"{self.section}, {where}: {self.words}"


@dataclass(frozen=True, slots=True, repr=False)
class Finding(View):
    """A fault that a rule found, or a place where it asks for a reader."""

    rule: str
    """One of the names in `kb.audit.RULES`."""
    place: Place
    reason: str
    """One sentence."""
    decided: str
    """"by machine" or "needs a reader"."""
    look: str
    """What a reader should look at; "" where the machine decides."""
    also: tuple[Place, ...]
    """Further places of the same fault."""
    about: tuple[str, ...]
    """Curated names of works, ids of claims and voices that it is about."""

    def headline(self) -> str:
        """Rule, where and why."""
        where = self.place.name or f"line {self.place.line}"
        return f"{self.rule} [{self.decided}] {self.place.section}, {where}: {self.reason}"


def at(reading: Reading, told: Statement, quoted: str = "") -> Place:
    """Return the place of a statement, or of some of its words."""
    name = reading.names.get(told.line, "")
    line = 0 if reading.names else told.line
    return Place(told.section, line, name, shorten(quoted or told.text, 160))


def at_source(reading: Reading, source: Source) -> Place:
    """Return the place of a source's line."""
    name = reading.names.get(-source.n, "")
    return Place("Sources", 0 if name else source.line, name, shorten(source.title, 160))


def at_name(reading: Reading, perspective: Perspective) -> Place:
    """Return the place of a perspective's name."""
    name = reading.names.get(perspective.line, "")
    return Place("Perspectives", 0 if name else perspective.line, name, perspective.name)


def found(
    rule: str, places: list[Place], reason: str, look: str = "", about: Iterable[str] = ()
) -> Finding:
    """Return a finding; it needs a reader where there is something to look at."""
    decided = BY_READER if look else BY_MACHINE
    first, *also = dict.fromkeys(places)
    return Finding(rule, first, reason, decided, look, tuple(also), tuple(dict.fromkeys(about)))


def name(work: WorkView) -> str:
    """Return the name of a work in `Finding.about`."""
    return work.ref.key or work.id


def called(work: WorkView) -> str:
    """Return how a reason names a work."""
    return f"“{shorten(work.title, 70)}”"


def numbers(cites: list[int]) -> str:
    """Return "[3], [7]" for a few numbers and ranges for many."""
    return f"[{words.ranges(cites)}]"
