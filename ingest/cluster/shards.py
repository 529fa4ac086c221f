"""Parquet shards in a folder that all machines see: what goes to workers and comes back.

A shard is written whole or not at all, and found by its name. The worker writes the answer
under the name of the question, so that asking again gives the same file.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import shutil
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.errors import ConfigError, KnowledgeBaseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Columns = Mapping[str, Sequence[Any] | NDArray[Any]]
    """Columns of the same length; a two-dimensional one holds vectors."""

TODO, DONE = "todo", "done"
"""What a shard is: a question to a worker, or its answer."""
TRIES = 3
"""Workers that may die over a shard before it is given up."""
_EXTRA = "pip install 'dissensus[cluster]'"
_BASIS = b"basis"


class ShardError(KnowledgeBaseError):
    """A shard is not there, is damaged, or was made from something else."""


def need(*modules: str) -> None:
    """Make sure that what the extra `cluster` brings is installed, without loading it.

    Raises:
        ConfigError: Something is absent.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise ConfigError(f"--engine ray needs {module}, which is not installed: {_EXTRA}")


class Shards:
    """The shards of one job, in a folder of their own. Can be sent to another process."""

    def __init__(self, folder: Path, basis: str) -> None:
        """Name the folder; nothing is made yet.

        Args:
            folder: One that every machine sees under this name.
            basis: What answers come from besides the question, such as the model's name: those
                of another basis are refused.
        """
        self.folder = folder
        self.basis = basis

    def names(self, kind: str) -> list[str]:
        """Return the names of the shards of a kind, in order."""
        return sorted(path.stem for path in (self.folder / kind).glob("*.parquet"))

    def write(self, kind: str, name: str, columns: Columns) -> None:
        """Write a shard, in place of the one that has this name.

        Raises:
            OSError: The folder cannot be written.
        """
        arrow, parquet = _arrow()
        arrays = {key: _array(arrow, values) for key, values in columns.items()}
        table = arrow.table(arrays).replace_schema_metadata({_BASIS: self.basis.encode()})
        path = self._path(kind, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{name}.{uuid.uuid4().hex}.partial")
        try:
            with partial.open("wb") as file:
                parquet.write_table(table, file, compression="zstd", use_dictionary=False)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def read(self, kind: str, name: str) -> dict[str, Any]:
        """Return a shard's columns: vectors as a matrix of float32, all else as lists.

        Raises:
            ShardError: There is no such shard, it is damaged, or of another basis.
        """
        arrow, parquet = _arrow()
        path = self._path(kind, name)
        try:
            table = parquet.read_table(path)
            table.validate(full=True)
        except (OSError, arrow.ArrowException) as error:
            raise ShardError(f"{path}: {_line(error)}") from error
        basis = (table.schema.metadata or {}).get(_BASIS, b"").decode(errors="replace")
        if basis != self.basis:
            raise ShardError(f"{path} was made by {basis or 'another program'}, not {self.basis}")
        return {key: _values(arrow, table[key]) for key in table.column_names}

    def begin(self, name: str) -> bool:
        """Note that a worker begins with a shard, and tell whether it may.

        A shard that took this many workers with it would take all others too.
        """
        path = self.folder / "tries" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(b".")
        return path.stat().st_size <= TRIES

    def drop(self, name: str) -> None:
        """Remove a question and its answer, once the answer is in the store."""
        for path in (self._path(DONE, name), self._path(TODO, name), self.folder / "tries" / name):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the job's folder, and the one around it when that is empty then."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()

    def _path(self, kind: str, name: str) -> Path:
        return self.folder / kind / f"{name}.parquet"


def _array(arrow: Any, values: Sequence[Any] | NDArray[Any]) -> Any:
    if not isinstance(values, np.ndarray) or values.ndim != 2:
        return arrow.array(values)
    flat = arrow.array(np.ascontiguousarray(values, "<f4").reshape(-1))
    return arrow.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _values(arrow: Any, column: Any) -> Any:
    if not arrow.types.is_fixed_size_list(column.type):
        return column.to_pylist()
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, np.float32).reshape(len(column), column.type.list_size)


def _arrow() -> tuple[Any, Any]:
    return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")


def _line(error: BaseException) -> str:
    strerror = getattr(error, "strerror", None)
    return strerror or (str(error).splitlines() or [type(error).__name__])[0]
