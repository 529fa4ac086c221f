"""Which program this is: what another version derived may have to be derived again."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


@cache
def digest() -> str:
    """Return a hash over the modules of both packages and the figures they come with.

    The version would not do: a checkout changes without one.
    """
    root = Path(__file__).resolve().parent.parent
    sha = hashlib.sha256()
    for package in ("ingest", "kb"):
        for path in sorted((root / package).rglob("*")):
            if path.suffix in (".py", ".json") and "schema" not in path.parts:
                data = path.read_bytes()
                sha.update(f"{path.relative_to(root).as_posix()}\0{len(data)}\0".encode())
                sha.update(data)
    return sha.hexdigest()
