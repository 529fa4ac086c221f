"""A work as a bibliography sees it, for the four formats of reference managers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb import dates, ids
from kb.export.selection import said_by, stands
from kb.export.text import address, iso, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.export.selection import Selection
    from kb.views import WorkView

_ACCEPTED = ("accepted", "poster", "spotlight", "oral")
_PARTICLES = {"van", "von", "der", "den", "de", "di", "da", "la", "le", "del", "della", "ter"}


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a bibliography; every text is on one line and safe to escape."""

    key: str
    kind: str
    """article, inproceedings, preprint, post, news or page."""
    title: str
    authors: tuple[tuple[str, str], ...]
    """(given names, family name with its particle); ("", name) where it cannot be split."""
    date: str
    """EDTF, as precise as it is known; of the publication named in `venue`, if there is one."""
    venue: str
    doi: str
    arxiv: str
    category: str
    url: str
    keywords: tuple[str, ...]
    note: str

    @property
    def year(self) -> str:
        """The one year that the date lies in, "" where it may be two."""
        if not self.date:
            return ""
        low, high = dates.span(self.date)
        return str(low.year) if low.year == high.year else ""


def records(selection: Selection) -> Iterator[Record]:
    """Yield the works of a selection as bibliography entries with unique keys."""
    seen: set[str] = set()
    for work in selection.works:
        key = work.ref.key or ids.slug(work.id)
        while key in seen:
            key += "-b"
        seen.add(key)
        yield _record(work, key)


def split_name(name: str) -> tuple[str, str]:
    """Return (given, family); the family name is the last word and the particles before it.

    Examples:
        >>> split_name("Laurens van der Maaten"), split_name("OpenAI")
        (('Laurens', 'van der Maaten'), ('', 'OpenAI'))
    """
    words = line(name).split()
    cut = len(words) - 1
    while cut > 1 and words[cut - 1].lower() in _PARTICLES:
        cut -= 1
    return " ".join(words[:cut]), " ".join(words[cut:])


def _record(work: WorkView, key: str) -> Record:
    kind, venue, date = _published(work)
    names = {id.split(":", 1)[0]: id.split(":", 1)[1] for id in reversed(work.identifiers)}
    notes = []
    if work.withdrawn or any(s.status == "withdrawn" for s in work.statuses):
        notes.append("Withdrawn by its authors.")
    if any(s.status == "retracted" for s in work.statuses):
        notes.append("Retracted.")
    return Record(
        key=key,
        kind=kind,
        title=line(work.title),
        authors=tuple(split_name(name) for name in work.authors if line(name)),
        date=date,
        venue=line(venue),
        doi=line(names.get("doi", "")),
        arxiv=line(names.get("arxiv", "")),
        category=line(work.categories).split(" ")[0],
        url=next((url for id in work.identifiers if (url := address(ids.url(id)))), ""),
        keywords=tuple(
            f"{link.stance} {link.claim.id} ({said_by(link)})"
            for link in work.links
            if stands(link)
        ),
        note=" ".join(notes),
    )


def _published(work: WorkView) -> tuple[str, str, str]:
    """Return kind, venue and date of the form in which a work is best cited."""
    if work.ref.kind != "paper":
        return {"post": "post", "news": "news"}.get(work.ref.kind, "page"), "", work.ref.date
    for act in reversed(work.statuses):
        if act.status == "journal" and act.venue:
            return "article", act.venue, act.valid or work.ref.date
    for act in reversed(work.statuses):
        if act.status in _ACCEPTED and act.venue:
            return "inproceedings", act.venue, act.valid or work.ref.date
    return "preprint", "", work.ref.date


def parts(date: str) -> list[int]:
    """Return [year], [year, month] or [year, month, day], [] where a date is not so plain.

    Examples:
        >>> parts("2025-05"), parts("[2026-04-24,2026-04-25]")
        ([2025, 5], [])
    """
    return [int(part) for part in iso(date).split("-")] if iso(date) else []
