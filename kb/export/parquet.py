"""Parquet: the flat tables with their types, for pandas, polars, DuckDB and Spark."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

from kb.export.text import line, need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.export.selection import Selection
    from kb.export.tables import Table

_ROWS = 5_000
"""Rows per row group: some megabytes of abstracts."""


def parquet_table(selection: Selection, table: Table) -> Iterator[bytes]:
    """Yield a table as Parquet, a row group at a time.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    types = {
        "text": arrow.string(),
        "list": arrow.list_(arrow.string()),
        "int": arrow.int64(),
        "real": arrow.float64(),
        "bool": arrow.bool_(),
    }
    schema = arrow.schema([(name, types[kind]) for name, kind in table.columns])
    rows = iter(table.rows(selection))
    sink = _Sink()
    with parquet.ParquetWriter(arrow.PythonFile(sink, mode="w"), schema) as writer:
        while part := list(itertools.islice(rows, _ROWS)):
            columns = zip(*part, strict=True)
            arrays = [
                arrow.array([_value(v, kind) for v in column], type=types[kind])
                for column, (_, kind) in zip(columns, table.columns, strict=True)
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            yield sink.drain()
    yield sink.drain()


class _Sink(io.RawIOBase):
    """A file that gives what was written to it and forgets it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        return len(part)

    def drain(self) -> bytes:
        out = b"".join(self._parts)
        self._parts.clear()
        return out


def _value(value: Any, kind: str) -> Any:
    if kind == "list":
        return [line(item) for item in value]
    return line(value) if kind == "text" else value
