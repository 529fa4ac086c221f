"""Works that are kept and stand nowhere yet, since their words have too little to do with a thesis.

What holds them back, and why, is in `ingest.funnel`; here is how everyone else leaves them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, func, select

from kb.models import Setting

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement
    from sqlmodel import Session

HELD = "held:"
"""Before a work's id: the setting that says that it is held back, with its score."""
PASSED = "passed:"
"""Before a work's id: the setting that says that a person let it pass."""
BROUGHT = "brought:"
"""Before a work's id: the setting that names the adapters that brought it too, after its text
had come from another: nothing else in the store would tell."""

_CHUNK = 500
"""Names per IN clause: SQLite before 3.32 takes 999."""


def is_held(work_id: Any) -> ColumnElement[bool]:
    """Return the condition that the work with the id in this column is held back."""
    return select(Setting.name).where(Setting.name == HELD + work_id).exists()


def ids(session: Session, among: Collection[str] | None = None) -> set[str]:
    """Return the works that are held back, of some or of all."""
    if among is not None:
        names = [f"{HELD}{id}" for id in among]
        parts = (names[i : i + _CHUNK] for i in range(0, len(names), _CHUNK))
        found = (session.exec(_name(some)) for some in parts)
        return {name.removeprefix(HELD) for part in found for name in part}
    return {name.removeprefix(HELD) for name in session.exec(_named(select(Setting.name)))}


def count(session: Session) -> int:
    """Return how many works are held back."""
    return int(session.exec(_named(select(func.count()).select_from(Setting))).one())


def _name(some: list[str]) -> Any:
    return select(Setting.name).where(col(Setting.name).in_(some))


def _named(query: Any) -> Any:
    # A range and not a pattern, so that the key's index answers it.
    return query.where(col(Setting.name) >= HELD, col(Setting.name) < f"{HELD[:-1]};")
