"""CSL-JSON: what citation processors (citeproc, Zotero, Pandoc) read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kb.export.records import parts, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.export.records import Record
    from kb.export.selection import Selection

_TYPES = {
    "article": "article-journal",
    "inproceedings": "paper-conference",
    "preprint": "article",
    "post": "post-weblog",
    "news": "article-newspaper",
    "page": "webpage",
}


def csl(selection: Selection) -> Iterator[bytes]:
    """Yield the works as one CSL-JSON array, an item at a time."""
    separator = b"[\n"
    for record in records(selection):
        yield separator + json.dumps(_item(record), ensure_ascii=False).encode()
        separator = b",\n"
    yield b"\n]\n" if separator == b",\n" else b"[]\n"


def _item(record: Record) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": record.key,
        "type": _TYPES[record.kind],
        "title": record.title,
        "author": [
            {"family": family, "given": given} if given else {"literal": family}
            for given, family in record.authors
        ],
        "issued": _issued(record.date),
        "container-title": record.venue,
        "DOI": record.doi,
        "number": f"arXiv:{record.arxiv}" if record.arxiv else "",
        "URL": record.url,
        "keyword": ", ".join(record.keywords),
        "note": record.note,
    }
    return {name: value for name, value in item.items() if value}


def _issued(date: str) -> dict[str, Any]:
    """A date as CSL has it: a part of a date is left out, never made up."""
    if plain := parts(date):
        return {"date-parts": [plain]}
    start, slash, end = date.partition("/")
    if slash and parts(start) and parts(end):
        return {"date-parts": [parts(start), parts(end)]}
    if date[-1:] in ("~", "?", "%") and parts(date[:-1]):
        return {"date-parts": [parts(date[:-1])], "circa": True}
    return {"literal": date} if date else {}
