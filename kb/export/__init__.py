"""Views -> the files of other tools, one module a family of formats. Pure.

Every writer takes a `Selection` and yields bytes; equal selections give equal bytes. Machine
proposals say everywhere that they are that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.export.arguments import aif, argdown
from kb.export.arguments import left_out as _arguments_left_out
from kb.export.bibtex import biblatex, bibtex
from kb.export.csl import csl
from kb.export.feeds import atom, jsonfeed, rss
from kb.export.feeds import left_out as _feeds_left_out
from kb.export.ical import icalendar
from kb.export.ical import left_out as _calendar_left_out
from kb.export.jsonld import jsonld
from kb.export.nanopub import nanopub
from kb.export.networks import cytoscape, gexf, graphml
from kb.export.parquet import parquet_table
from kb.export.ris import ris
from kb.export.selection import Selection
from kb.export.tables import TABLES, Table, csv_table
from kb.export.text import site_base

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DOCUMENTS", "FORMATS", "TABLES", "TABULAR", "Document", "Selection", "Table",
           "site_base"]  # fmt: skip


def _nothing(_selection: Selection) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Document:
    """A format that is one file."""

    write: Callable[[Selection], Iterator[bytes]]
    about: str
    left_out: Callable[[Selection], list[str]] = _nothing
    """What the format cannot hold, in plain words, a line each."""


DOCUMENTS: dict[str, Document] = {
    "bibtex": Document(bibtex, "works for BibTeX"),
    "biblatex": Document(biblatex, "works for BibLaTeX"),
    "csl-json": Document(csl, "works for citation processors"),
    "ris": Document(ris, "works for reference managers"),
    "jsonld": Document(jsonld, "everything, in schema.org and CiTO"),
    "nanopub": Document(nanopub, "stances as unsigned nanopublications, TriG"),
    "graphml": Document(graphml, "the graph"),
    "gexf": Document(gexf, "the graph for Gephi"),
    "cytoscape": Document(cytoscape, "the graph for Cytoscape"),
    "argdown": Document(argdown, "the argument map", _arguments_left_out),
    "aif": Document(aif, "the argument map, AIF JSON", _arguments_left_out),
    "atom": Document(atom, "what entered or changed", _feeds_left_out),
    "rss": Document(rss, "what entered or changed", _feeds_left_out),
    "jsonfeed": Document(jsonfeed, "what entered or changed", _feeds_left_out),
    "icalendar": Document(icalendar, "events, talks and deadlines", _calendar_left_out),
}
TABULAR: dict[str, Callable[[Selection, Table], Iterator[bytes]]] = {
    "csv": csv_table,
    "parquet": parquet_table,
}
"""Formats that are one file a table."""
FORMATS: tuple[str, ...] = (*DOCUMENTS, *TABULAR, "sqlite")
"""Every format; "sqlite" is a copy of the database itself, made by `kb.store`."""
