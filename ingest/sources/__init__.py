"""Where records come from: one module a source, all of them listed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources.arxiv import Arxiv
from ingest.sources.arxiv_snapshot import ArxivSnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.records import Source

SOURCES: Mapping[str, type[Source]] = {
    "arxiv": Arxiv,
    "arxiv-snapshot": ArxivSnapshot,
}
"""Name, as raw records carry it -> adapter."""
