"""Six flat tables, and CSV that a spreadsheet can open without running what is in it."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb import ids
from kb.export.selection import said_by
from kb.export.text import address, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kb.export.selection import Selection

JOINT = " | "
"""Between the items of a list in one cell."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns with their types, and its rows in order."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """(name, type); types are text, list (of texts), int, real and bool."""
    rows: Callable[[Selection], Iterable[tuple[Any, ...]]]


def csv_table(selection: Selection, table: Table) -> Iterator[bytes]:
    """Yield a table as CSV in UTF-8, a row at a time, every text quoted.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, as one would
    type it; see `guarded`.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow([name for name, _ in table.columns])
    yield buffer.getvalue().encode()
    for row in table.rows(selection):
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(
            [_cell(value, kind) for value, (_, kind) in zip(row, table.columns, strict=True)]
        )
        yield buffer.getvalue().encode()


def guarded(text: str) -> str:
    """Return one-line text that a spreadsheet takes for text.

    An apostrophe goes before "=", "+", "-" and "@" (and their full-width forms) at the start,
    and before apostrophes that stand before one of these: taking one away always gives the
    text back.

    Examples:
        >>> guarded("=1+1"), guarded("'=1+1"), guarded("'tis")
        ("'=1+1", "''=1+1", "'tis")
    """
    return f"'{text}" if re.match(r"'*\s*[=+\-@\t\r\n＝＋－＠]", text) else text


def _cell(value: Any, kind: str) -> Any:
    if kind == "list":
        return guarded(JOINT.join(line(item) for item in value))
    if kind == "text":
        return guarded(line(value))
    if value is None:
        return ""
    return str(value).lower() if kind == "bool" else value


def _works(selection: Selection) -> Iterator[tuple[Any, ...]]:
    for w in selection.works:
        url = next((u for id in w.identifiers if (u := address(ids.url(id)))), "")
        yield (
            w.id, w.ref.key, w.ref.kind, w.title, w.authors, w.ref.date, w.year, w.venue,
            w.ref.lineage, w.identifiers, w.categories, url, w.withdrawn, w.checked,
            w.synopsis, w.abstract,
        )  # fmt: skip


def _claims(selection: Selection) -> Iterator[tuple[Any, ...]]:
    for c in selection.claims:
        yield (
            c.id, c.ref.level, c.ref.strand, c.text, c.proof_level, c.checked,
            [" ".join(facet) for facet in c.scope],
            [f"{term}: {sense}" for term, sense, _ in c.senses],
            c.balance.supports, c.balance.disputes, c.balance.qualifies, c.balance.proposed,
            [t.id for t in c.tensions],
        )  # fmt: skip


def _links(selection: Selection) -> Iterator[tuple[Any, ...]]:
    for k in selection.links():
        yield (
            k.work.id, k.claim.id, k.stance, k.nuance, k.how, k.agent_kind, k.agent, k.review,
            said_by(k), k.reviewed_by, k.checked, k.score, k.why, k.valid, k.recorded,
            [e.quote for e in k.evidence],
            [f"{e.manifestation} [{e.start}:{e.end}]" for e in k.evidence],
        )  # fmt: skip


def _tensions(selection: Selection) -> Iterator[tuple[Any, ...]]:
    for t in selection.tensions:
        for pole in t.poles:
            yield (
                t.id, t.strand, t.question, t.kind, t.kind_reason, t.review, t.settles,
                pole.id, pole.title, pole.note, [ref.id for ref in pole.claims],
                pole.balance.supports, pole.balance.disputes, pole.balance.qualifies,
                pole.balance.proposed,
            )  # fmt: skip


def _voices(selection: Selection) -> Iterator[tuple[Any, ...]]:
    for v in selection.voices:
        for h in v.holdings:
            yield (
                v.id, v.name, v.kind, v.members, h.attitude, h.claim.id, h.work.id, h.valid,
                h.checked, h.note,
            )  # fmt: skip
        if not v.holdings:
            yield (v.id, v.name, v.kind, v.members, "", "", "", "", "", "")


def _statuses(selection: Selection) -> Iterator[tuple[Any, ...]]:
    for w in selection.works:
        for s in w.statuses:
            yield (w.id, s.status, s.venue, s.valid, s.version, s.source, s.verified, s.note)


def _columns(spec: str) -> tuple[tuple[str, str], ...]:
    """ "id score:real" -> (("id", "text"), ("score", "real"))."""
    words = (word.partition(":") for word in spec.split())
    return tuple((name, kind or "text") for name, _, kind in words)


TABLES: tuple[Table, ...] = (
    Table(
        "works",
        _columns(
            "id key kind title authors:list date year:int venue lineage identifiers:list "
            "categories url withdrawn:bool checked synopsis abstract"
        ),
        _works,
    ),
    Table(
        "claims",
        _columns(
            "id level strand text proof_level checked scope:list senses:list supports:int "
            "disputes:int qualifies:int proposed:int tensions:list"
        ),
        _claims,
    ),
    Table(
        "links",
        _columns(
            "work claim stance nuance how agent_kind agent review said_by reviewed_by "
            "checked score:real why valid recorded quotes:list spans:list"
        ),
        _links,
    ),
    Table(
        "tensions",
        _columns(
            "id strand question kind kind_reason review settles pole pole_title pole_note "
            "claims:list supports:int disputes:int qualifies:int proposed:int"
        ),
        _tensions,
    ),
    Table(
        "voices",
        _columns("id name kind members:list attitude claim work valid checked note"),
        _voices,
    ),
    Table(
        "statuses",
        _columns("work status venue valid version source verified note"),
        _statuses,
    ),
)
"""One row a work, claim, link, pole of a tension, position of a voice, and status."""
