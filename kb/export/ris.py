"""RIS: what EndNote, Zotero and Mendeley take in. Written by rispy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kb.export.records import parts, records
from kb.export.text import need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.export.records import Record
    from kb.export.selection import Selection

_TYPES = {
    "article": "JOUR",
    "inproceedings": "CPAPER",
    "preprint": "UNPB",
    "post": "BLOG",
    "news": "NEWS",
    "page": "ELEC",
}


def ris(selection: Selection) -> Iterator[bytes]:
    """Yield the works as RIS, an entry at a time.

    Raises:
        ConfigError: rispy is not installed.
    """
    rispy = need("rispy")
    for record in records(selection):
        entry = {name: value for name, value in _fields(record).items() if value}
        text = rispy.dumps([entry])
        # rispy numbers the entries of a list, and ours is always the first.
        yield f"{text[text.index('TY  - ') :].rstrip()} \n\n".encode()


def _fields(record: Record) -> dict[str, Any]:
    date = parts(record.date)
    known = "/".join(f"{part:02}" for part in date)
    return {
        "type_of_reference": _TYPES[record.kind],
        "id": record.key,
        "title": record.title,
        "authors": [f"{family}, {given}" if given else family for given, family in record.authors],
        "year": record.year,
        # "2025/05//": the slashes say which parts are not known.
        "date": known + "/" * (3 - len(date)) if date else "",
        "journal_name" if record.kind == "article" else "secondary_title": record.venue,
        "doi": record.doi,
        "number": f"arXiv:{record.arxiv}" if record.arxiv else "",
        "urls": [record.url] if record.url else [],
        "keywords": list(record.keywords),
        "notes": [record.note] if record.note else [],
    }
