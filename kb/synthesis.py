"""Read a synthesis of the debate: narrative, timeline, perspectives, tensions, numbered sources.

The form is plain text. A title; "Version N" and "2026-05-02 05:19 UTC · 280 items" where they
are told; then five headings, each on a line of its own and in this order:

    Narrative      paragraphs, one a line
    Timeline       "- DATE: what happened. [3][7]"
    Perspectives   a name, what it holds, "Evolution: how that changed", over and over
    Tensions       "- A question and what pulls. [3][7]"
    Sources        "- [3] Title — where it stands"

A number in brackets cites a source. The text comes from outside: the parser takes nothing on
trust, and what it does not understand is one error that names the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import dates
from kb.errors import DateError, SynthesisError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 500_000
"""A synthesis is some pages of text; this is ten times the longest that we know."""
MOST_LINES = 5_000
LONGEST_LINE = 20_000
"""Characters."""

SECTIONS = ("Narrative", "Timeline", "Perspectives", "Tensions", "Sources")

_CITATION = re.compile(r"\[([0-9]{1,5})\]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")
_VERSION = re.compile(r"Version ([0-9A-Za-z.]{1,20})")
_STAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2} UTC)?)(?: · ([0-9]{1,7}) items)?"
)
_DATE = r"[0-9]{4}(?:-[0-9]{2}){0,2}"
_ENTRY = re.compile(rf"- ({_DATE}(?:/(?:{_DATE}|\.\.))?): (.+)")
_SOURCE = re.compile(r"- \[([0-9]{1,5})\] (.+)")
_TOLD_DATE = re.compile(rf"\(({_DATE})\)$")
_EVOLUTION = "Evolution:"


@dataclass(frozen=True, slots=True)
class Statement:
    """A stretch of text and what it cites."""

    section: str
    """One of `SECTIONS`."""
    line: int
    """1-based line of the file."""
    text: str
    cites: tuple[int, ...]
    """Numbers of sources, in order, each once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is told to have happened."""

    date: str
    """EDTF, as the synthesis gives it."""
    told: Statement


@dataclass(frozen=True, slots=True)
class Perspective:
    """A voice as the synthesis names it, with what it holds and how that changed."""

    name: str
    line: int
    position: Statement
    evolution: Statement


@dataclass(frozen=True, slots=True)
class Source:
    """A numbered source, as far as its one line tells."""

    n: int
    line: int
    title: str
    origin: str
    """What follows the last dash: a host, a publisher or an internal name; "" when nothing does."""
    date: str
    """A date in parentheses at the end of `origin`; "" when there is none."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """A synthesis as it was read."""

    title: str
    version: str
    as_of: str
    """Date or date and time, UTC; "" when it is not told."""
    items: int | None
    """How many items its header announces; None when it announces none."""
    items_line: int
    narrative: tuple[Statement, ...]
    timeline: tuple[Entry, ...]
    perspectives: tuple[Perspective, ...]
    tensions: tuple[Statement, ...]
    sources: tuple[Source, ...]

    def statements(self) -> Iterator[Statement]:
        """Yield every stretch of text, in the order of the file."""
        yield from self.narrative
        for entry in self.timeline:
            yield entry.told
        for perspective in self.perspectives:
            yield perspective.position
            yield perspective.evolution
        yield from self.tensions


def citations(text: str) -> tuple[int, ...]:
    """Return the numbers of the sources that a text cites, in order, each once.

    Examples:
        >>> citations("So it is [3][7], as others say [3].")
        (3, 7)
    """
    return tuple(dict.fromkeys(int(n) for n in _CITATION.findall(text)))


def decode(raw: bytes) -> str:
    """Return the text of a file.

    Raises:
        SynthesisError: It is not UTF-8, or too long to be a synthesis.
    """
    if len(raw) > MOST_BYTES:
        raise SynthesisError(1, f"longer than {MOST_BYTES} bytes, no synthesis is")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SynthesisError(raw[: error.start].count(b"\n") + 1, "is not UTF-8") from error


def parse(text: str) -> Synthesis:
    r"""Read a synthesis. Total: any text gives a synthesis or a SynthesisError.

    Raises:
        SynthesisError: The text is not of this form; the error names the first line that is not.

    Examples:
        >>> heads = "Narrative", "Timeline", "Perspectives", "Tensions", "Sources"
        >>> text = "\n".join(("How tea steeps", *heads, "- [1] Cold steeping — a blog (2031-05)"))
        >>> parse(text).sources
        (Source(n=1, line=7, title='Cold steeping', origin='a blog (2031-05)', date='2031-05'),)
    """
    if len(text) > MOST_BYTES:
        raise SynthesisError(1, f"longer than {MOST_BYTES} characters, no synthesis is")
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if len(lines) > MOST_LINES:
        raise SynthesisError(MOST_LINES + 1, f"more than {MOST_LINES} lines, no synthesis has")
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            raise SynthesisError(number, f"longer than {LONGEST_LINE} characters")
        if match := _CONTROL.search(line):
            raise SynthesisError(number, f"holds the control character U+{ord(match[0]):04X}")
    numbered = [(n, line.strip()) for n, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise SynthesisError(1, "is empty")
    parts = _split(numbered, len(lines))
    title, version, as_of, items, items_line = _header(parts[0])
    sources = tuple(_sources(parts[5]))
    return Synthesis(
        title=title,
        version=version,
        as_of=as_of,
        items=items,
        items_line=items_line,
        narrative=tuple(_statement("Narrative", *line) for line in parts[1]),
        timeline=tuple(_entries(parts[2])),
        perspectives=tuple(_perspectives(parts[3])),
        tensions=tuple(_questions(parts[4])),
        sources=sources,
    )


_Lines = list[tuple[int, str]]


def _split(numbered: _Lines, last: int) -> list[_Lines]:
    """What stands before the first heading and under each of the five."""
    parts: list[_Lines] = [[]]
    for number, line in numbered:
        if line in SECTIONS:
            expected = SECTIONS[len(parts) - 1] if len(parts) <= len(SECTIONS) else ""
            if line != expected:
                wanted = f'"{expected}" comes next' if expected else "all headings were there"
                raise SynthesisError(number, f'the heading "{line}" is out of place: {wanted}')
            parts.append([])
        else:
            parts[-1].append((number, line))
    if len(parts) <= len(SECTIONS):
        raise SynthesisError(last, f'there is no heading "{SECTIONS[len(parts) - 1]}"')
    return parts


def _header(lines: _Lines) -> tuple[str, str, str, int | None, int]:
    if not lines:
        raise SynthesisError(1, "there is no title")
    title = re.sub(r"\s*·\s*history$", "", lines[0][1])
    version = as_of = ""
    items: int | None = None
    items_line = lines[0][0]
    for number, line in lines[1:]:
        if (match := _VERSION.fullmatch(line)) and not version:
            version = match[1]
        elif (match := _STAMP.fullmatch(line)) and not as_of:
            as_of, items_line = match[1], number
            items = int(match[2]) if match[2] else None
        else:
            raise SynthesisError(
                number, 'between title and "Narrative" only a version and a time may stand'
            )
    return title, version, as_of, items, items_line


def _statement(section: str, line: int, text: str) -> Statement:
    return Statement(section, line, text, citations(text))


def _entries(lines: _Lines) -> Iterator[Entry]:
    for number, line in lines:
        match = _ENTRY.fullmatch(line)
        if match is None:
            raise SynthesisError(number, 'an entry of the timeline is "- DATE: what happened"')
        try:
            dates.span(match[1])
        except DateError as error:
            raise SynthesisError(number, str(error)) from error
        yield Entry(match[1], _statement("Timeline", number, match[2]))


def _perspectives(lines: _Lines) -> Iterator[Perspective]:
    held: _Lines = []
    for number, line in lines:
        if not line.startswith(_EVOLUTION):
            held.append((number, line))
            continue
        if len(held) < 2:
            raise SynthesisError(
                number, 'a perspective is a name, what it holds, and a line "Evolution: …"'
            )
        position = " ".join(text for _, text in held[1:])
        yield Perspective(
            name=held[0][1],
            line=held[0][0],
            position=_statement("Perspectives", held[1][0], position),
            evolution=_statement("Perspectives", number, line.removeprefix(_EVOLUTION).strip()),
        )
        held = []
    if held:
        raise SynthesisError(held[0][0], 'this perspective has no line "Evolution: …"')


def _questions(lines: _Lines) -> Iterator[Statement]:
    for number, line in lines:
        if not line.startswith("- "):
            raise SynthesisError(number, 'a tension is "- what pulls apart"')
        yield _statement("Tensions", number, line[2:].strip())


def _sources(lines: _Lines) -> Iterator[Source]:
    seen: set[int] = set()
    for number, line in lines:
        match = _SOURCE.fullmatch(line)
        if match is None:
            raise SynthesisError(number, 'a source is "- [NUMBER] Title — where it stands"')
        n = int(match[1])
        if n in seen:
            raise SynthesisError(number, f"the source number {n} is used more than once")
        seen.add(n)
        title, dash, origin = match[2].rpartition(" — ")
        if not dash:
            title, origin = match[2], ""
        told = _TOLD_DATE.search(origin)
        date = told[1] if told else ""
        try:
            dates.span(date)
        except DateError as error:
            raise SynthesisError(number, str(error)) from error
        yield Source(n, number, title.strip(), origin.strip(), date)
