"""Past one machine: texts encoded and works judged by a pool of workers under Ray Data.

The workers get shards of Parquet from a folder that all machines see, and answer with others.
One process commits them to the store: vectors under the hash of the text and the encoder's name,
links under the work and all that they come from, so that a shard which comes twice, a worker or
a whole run that is killed neither loses nor doubles anything.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.cluster.embedding import embed
from ingest.cluster.linking import link
from ingest.cluster.pool import ClusterError, Pool
from ingest.cluster.shards import ShardError, Shards

if TYPE_CHECKING:
    from collections.abc import Callable

    from kb.store import Store

__all__ = ["ClusterError", "Pool", "ShardError", "Shards", "embed", "folder", "link"]


def folder(store: Store, work: Path | None = None) -> Callable[[str], Shards]:
    """Return what gives the shards of a job on a store by the job's basis.

    The same store and basis lead to the same folder, so that a run which was killed is gone on
    with; those of others lie apart.

    Args:
        store: Its file or address is part of the folder's name.
        work: Where the folders of jobs are made; None for a place beside the database.
    """
    place = Path(f"{store.path}.shards") if store.path else Path("data/shards")
    place = (work or place).absolute()
    whose = str(store.path.resolve()) if store.path else store.name

    def shards(basis: str) -> Shards:
        name = hashlib.sha256(f"{whose} {basis}".encode()).hexdigest()[:16]
        return Shards(place / name, basis)

    return shards
