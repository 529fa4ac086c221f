"""Labelled abstracts: what a careful reader says that each bears on. Read strictly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kb.errors import KnowledgeBaseError
from kb.vocabulary import AssertedHow, Stance  # noqa: TC001 - pydantic reads them at run time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LabelError(KnowledgeBaseError):
    """A file of labels cannot be read."""

    exit_code: ClassVar[int] = 2


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Label(_Strict):
    """One link of a labelled abstract."""

    claim: str
    """Id of a thesis."""
    sure: bool = True
    """False where only one of two readers gave it: the pair is left out, for and against."""
    stance: Stance | None = None
    """None where the readers differ."""
    how: AssertedHow | None = None
    evidence: tuple[str, ...] = ()
    """Verbatim parts of the abstract, each one as good as the others."""


class Labelled(_Strict):
    """An abstract with all the theses that it bears on; any other thesis counts as "no link"."""

    id: str
    title: str
    abstract: Annotated[str, Field(min_length=1)]
    links: tuple[Label, ...] = ()

    def places(self, label: Label) -> list[tuple[int, int]]:
        """Return where the evidence stands in the abstract, start and end of each part."""
        found = [(self.abstract.find(part), len(part)) for part in label.evidence if part]
        return [(at, at + length) for at, length in found if at >= 0]


_ADAPTER = TypeAdapter(Labelled)


def read(path: Path) -> list[Labelled]:
    """Return the labelled abstracts of a JSON Lines file.

    Each line holds id, title, abstract and links; other keys are left alone.

    Raises:
        LabelError: The file cannot be read, holds nothing, or a line is not in that form.
    """
    return list(_read(path))


def _read(path: Path) -> Iterator[Labelled]:
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                number += 1
                if line.strip():
                    yield _ADAPTER.validate_python(json.loads(line))
    except OSError as error:
        raise LabelError(f"{path}: {error.strerror}; name a file of labelled abstracts") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"{path}:{number + 1}: is not UTF-8") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the line"
        raise LabelError(f"{path}:{number}: {where}: {fault['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise LabelError(f"{path}:{number}: not a JSON object on one line") from error
    if not number:
        raise LabelError(f"{path}: is empty; each line is a labelled abstract")
