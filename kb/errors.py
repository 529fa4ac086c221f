"""What can go wrong.

* KnowledgeBaseError
  * ConfigError       a setting is missing or contradicts another
  * IdentifierError   text that should name a work does not
  * DateError         text that should be an EDTF date is not
  * NotFoundError     no row has this id
  * ContentError      the curated files contradict themselves or the schema
  * SynthesisError    a text is not a synthesis in the form that we read
  * StoreError        the file is not a database we can use
    * BusyError       another process is writing
  * EncoderError      the model is absent, or its vectors do not fit the stored ones
  * SourceError       (ingest.errors) a source failed us

A function raises only what its docstring names. The command line turns these into one
line and an exit code; nothing anywhere catches Exception.
"""

from __future__ import annotations

from typing import ClassVar


class KnowledgeBaseError(Exception):
    """Base of every error this project raises on purpose."""

    exit_code: ClassVar[int] = 1
    """What the shell gets; see "Exit codes" in the README."""


class ConfigError(KnowledgeBaseError):
    """A setting is missing or contradicts another."""

    exit_code = 2


class IdentifierError(KnowledgeBaseError):
    """Text that should name a work does not."""

    exit_code = 2

    def __init__(self, scheme: str, text: str) -> None:
        """Keep the scheme that was tried and the text that failed."""
        super().__init__(f"not a valid {scheme} identifier: {text!r}")
        self.scheme = scheme
        self.text = text


class DateError(KnowledgeBaseError):
    """Text that should be a date in the Extended Date/Time Format is not."""

    exit_code = 2

    def __init__(self, text: str) -> None:
        """Keep the text that failed."""
        super().__init__(
            f'not an EDTF date: {text!r} (write "2025", "2025-05", "2025-05-23" or "2025/2026")'
        )
        self.text = text


class NotFoundError(KnowledgeBaseError):
    """No row has this id."""

    exit_code = 3

    def __init__(self, kind: str, id: str, nearest: tuple[str, ...] = ()) -> None:
        """Keep the kind, the id and the ids that look most like it, best first."""
        hint = f" (did you mean {', '.join(nearest)}?)" if nearest else ""
        super().__init__(f"no {kind} has the id {id!r}{hint}")
        self.kind = kind
        self.id = id
        self.nearest = nearest


class ContentError(KnowledgeBaseError):
    """The curated files contradict themselves or the schema."""

    exit_code = 4

    def __init__(self, faults: tuple[str, ...]) -> None:
        """Keep every fault as "file:line: what is wrong"."""
        more = f" (and {len(faults) - 1} more; kb check lists them)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0] if faults else 'unknown fault'}{more}")
        self.faults = faults


class SynthesisError(KnowledgeBaseError):
    """A text is not a synthesis in the form that `kb.synthesis` reads."""

    exit_code = 9

    def __init__(self, line: int, message: str, file: str = "") -> None:
        """Keep the 1-based line, what is wrong with it, and the file where there is one."""
        super().__init__(f"{file}:{line}: {message}" if file else f"line {line}: {message}")
        self.line = line
        self.message = message


class StoreError(KnowledgeBaseError):
    """The database cannot be used as it is."""

    exit_code = 5


class BusyError(StoreError):
    """Another process holds the write lock."""

    exit_code = 6


class EncoderError(KnowledgeBaseError):
    """The model is absent, altered, or its vectors do not fit."""

    exit_code = 7
