"""Where records come from: one module a source, all of them listed here.

Each module has an adapter class (see `ingest.records.Source`) and two functions: `errands`
says what the configured entries ask of it, and `readers` how its records are read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources import (
    arxiv,
    arxiv_oai,
    arxiv_snapshot,
    bibliography,
    openreview,
    posts,
    workshops,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.records import Errand, Raw, Reading
    from kb.schema import SourcesFile

SOURCES = (arxiv_oai, arxiv, arxiv_snapshot, openreview, posts, bibliography, workshops)
"""In the order in which a run asks them."""


def errands(config: SourcesFile) -> list[Errand]:
    """Return everything that a run may ask, in order."""
    return [errand for module in SOURCES for errand in module.errands(config)]


def readers(config: SourcesFile) -> Mapping[str, Callable[[Raw], Reading]]:
    """Return, for each name that `Raw.source` may carry, how such a record is read."""
    return {name: read for module in SOURCES for name, read in module.readers(config).items()}
