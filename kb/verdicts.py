"""Write down what a person says: an entry at the end of a curated file, the rest untouched."""

from __future__ import annotations

import os
import re
import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from kb import content
from kb.errors import ConfigError, ContentError

if TYPE_CHECKING:
    from pathlib import Path

_EMPTY = re.compile(r"^identity:[ \t]*\[[ \t]*\][ \t]*$", re.MULTILINE)


def judge(
    first: str,
    second: str,
    *,
    same: bool,
    by: str,
    on: str,
    relation: str = "",
    note: str = "",
    folder: Path | None = None,
) -> Path:
    """Append a judgement on two identifiers to identity.yaml, where comments stay as they are.

    The file appears whole or stays as it was, and only when the curated files are still without
    faults with the new entry in it.

    Args:
        first: Any identifier of a work.
        second: Another.
        same: Whether they name one work, or two of one lineage where there is a `relation`.
        by: The person's handle.
        on: The day of the judgement, EDTF.
        relation: What the first is to the second, a WorkRelationKind; "" for one work.
        note: Why, in the person's words.
        folder: Of the curated files; the package's own when None.

    Returns:
        The file.

    Raises:
        ContentError: The entry, or what was there before, has a fault.
        ConfigError: The file cannot be written.
    """
    path = (folder or content.directory()) / "identity.yaml"
    entry: dict[str, Any] = {"same" if same else "distinct": [first, second]}
    entry |= {"relation": relation} if relation else {}
    entry |= {"by": by, "on": on}
    entry |= {"note": note} if note else {}
    told = yaml.safe_dump([entry], allow_unicode=True, sort_keys=False, width=90)
    told = textwrap.indent(told, "  ")
    partial = path.with_name(f"{path.name}.part")
    try:
        before = path.read_text(encoding="utf-8")
        after = _EMPTY.sub("identity:", before).rstrip("\n") + f"\n{told}"
        faults = content.inspect(path.parent, {"identity": after})[1]
        if faults:
            raise ContentError(tuple(str(fault) for fault in faults))
        with partial.open("w", encoding="utf-8") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except UnicodeDecodeError as error:
        raise ContentError((f"{path.name}:1: is not UTF-8",)) from error
    except OSError as error:
        raise ConfigError(f"{error.filename or path}: {error.strerror}") from error
    finally:
        if partial.exists():
            partial.unlink()
    return path
