"""Dissensus: a knowledge base of the debate on deep learning theory.

>>> import kb
>>> with kb.open("data/kb.sqlite") as debate:       # doctest: +SKIP
...     print(debate.tension("T2").question)

Importing this package is cheap: the database and the model are loaded when first used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kb.errors import (
    BusyError,
    ConfigError,
    ContentError,
    DateError,
    EncoderError,
    IdentifierError,
    KnowledgeBaseError,
    NotFoundError,
    StoreError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kb.query import KnowledgeBase

__all__ = [
    "BusyError",
    "ConfigError",
    "ContentError",
    "DateError",
    "EncoderError",
    "IdentifierError",
    "KnowledgeBase",
    "KnowledgeBaseError",
    "NotFoundError",
    "StoreError",
    "open",
]


def open(target: str | Path | None = None, *, model: str | None = None) -> KnowledgeBase:
    """Open a knowledge base for reading; use it as a context manager, or close it.

    Args:
        target: A path or SQLAlchemy URL. None takes the KB_DB environment variable, and
            "data/kb.sqlite" where that is unset.
        model: The encoder for searches by meaning; the packaged one when None.

    Raises:
        StoreError: There is none, or it is not one that this version can read.
    """
    from kb.query import KnowledgeBase
    from kb.store import DEFAULT

    # The one place outside the command line that reads the environment, and only when asked:
    # a notebook and a shell in the same folder should mean the same file.
    return KnowledgeBase.open(target or os.environ.get("KB_DB") or DEFAULT, model=model)


def __getattr__(name: str) -> Any:
    if name == "KnowledgeBase":  # imported late, so that `import kb` stays cheap
        from kb.query import KnowledgeBase

        return KnowledgeBase
    raise AttributeError(f"module 'kb' has no attribute {name!r}")
