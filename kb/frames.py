"""Answers in a row: a list that also becomes a data frame. Pure but for the frames themselves."""

from __future__ import annotations

import dataclasses
import html
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

from kb.errors import ConfigError
from kb.views import Balance, ClaimRef, Ref, View, WorkRef

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

V = TypeVar("V", bound=View)

SHOWN = 30
"""Rows that a notebook shows before it says how many more there are."""


class Views(list[V]):
    """A list of views: it is a `list` in all it does, and knows how to become a frame.

    Columns are the fields of the views in their order. A reference to a work, a claim or
    anything else becomes its id, but the one that a work or claim is itself named by becomes
    columns; a
    balance becomes four columns of counts; a tuple becomes a list of the same, and a tuple
    in it one text, so that every column has one type. What a machine alone proposed is in
    `balance_proposed` and in no other count.
    """

    @overload
    def __getitem__(self, at: SupportsIndex) -> V: ...
    @overload
    def __getitem__(self, at: slice) -> Views[V]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> V | Views[V]:
        found = super().__getitem__(at)
        return Views(found) if isinstance(found, list) else found

    def rows(self) -> list[dict[str, Any]]:
        """Return one flat dict of plain values per view, all with the same keys."""
        return [_row(view) for view in self]

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas.DataFrame with a row per view.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ConfigError(_MISSING.format("pandas")) from error
        return pd.DataFrame(self.rows())

    def to_polars(self) -> pl.DataFrame:
        """Return a polars.DataFrame with a row per view.

        Raises:
            ConfigError: polars is not installed.
        """
        try:
            import polars as pl
        except ImportError as error:
            raise ConfigError(_MISSING.format("polars")) from error
        # Every row counts for a column's type: a score may be absent from the first thousand.
        return pl.DataFrame(self.rows(), infer_schema_length=None)

    def _repr_html_(self) -> str:
        """Return the first views as a numbered list for notebooks; all text is escaped."""
        items = "".join(
            f"<li>{_figure(view)} {html.escape(view.headline())}</li>" for view in self[:SHOWN]
        )
        more = len(self) - SHOWN
        return f"<ol>{items}</ol>" + (f"<p>… {more} more</p>" if more > 0 else "")


_MISSING = "{0} is not installed; pip install 'dissensus[frames]' or {0} itself"


def _figure(view: View) -> str:
    balance = getattr(view, "balance", None)
    return balance.figure() if isinstance(balance, Balance) else ""


def _row(view: View) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field in dataclasses.fields(view):  # type: ignore[arg-type]  # every view is a dataclass
        value = getattr(view, field.name)
        if field.name == "ref" and isinstance(value, WorkRef | ClaimRef):
            out |= _row(value)
        elif isinstance(value, Balance):
            out |= {f"balance_{name}": count for name, count in _row(value).items()}
        else:
            out[field.name] = _plain(value)
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, WorkRef | ClaimRef | Ref):
        return value.id
    if isinstance(value, View):
        id = getattr(value, "id", None)
        return id if isinstance(id, str) else value.headline()
    if isinstance(value, tuple):
        return [_text(item) if isinstance(item, tuple) else _plain(item) for item in value]
    return value


def _text(items: tuple[Any, ...]) -> str:
    parts = (_text(item) if isinstance(item, tuple) else str(_plain(item)) for item in items)
    return " · ".join(part for part in parts if part)
