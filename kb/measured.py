"""How well the linker does on labelled abstracts: figures that ship beside its numbers. Pure.

`make eval` writes the file as JSON; the method page tells what it says, and where there is no
file, that nothing has been measured.
"""

import datetime as dt
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as _validated

from kb.errors import ConfigError
from kb.vocabulary import Stance

NAME = "measured.json"
"""The file, beside the linker's own numbers in its package."""

_Line = Annotated[str, StringConstraints(min_length=1, max_length=600, pattern=r"^[^\n\r]+$")]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0)]
_Row = tuple[_Count, _Count, _Count, _Count]


class _Part(BaseModel):
    """Nothing is guessed: a key that is not known, or a number in quotes, is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Figure(_Part):
    """One figure with the interval that the sample leaves open, and what we aim at."""

    name: _Line
    value: _Number
    low: _Number | None = None
    """Lower end of the 95 % interval; None where there is no interval."""
    high: _Number | None = None
    goal: _Number | None = None
    at_most: bool = False
    """Whether the goal is a ceiling: less is better."""

    @_validated(mode="after")
    def _ordered(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("the interval ends before it begins")
        return self

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal


class Confusion(_Part):
    """How often a label's stance, a row, became which stance of the linker's, a column."""

    stances: tuple[Stance, Stance, Stance, Stance]
    """Of the rows from the top and of the columns from the left."""
    rows: tuple[_Row, _Row, _Row, _Row]

    @_validated(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.stances)) != len(Stance):
            raise ValueError("a stance is named twice")
        return self


class Scheme(_Part):
    """One way of measuring, such as on theses that the fit never saw."""

    name: _Line
    says: _Line
    """What is measured on what, in a sentence."""
    figures: tuple[Figure, ...]
    confusion: Confusion | None = None


class Labels(_Part):
    """What the linker is measured against."""

    works: _Count
    links: _Count
    by: _Line
    """Who made them."""
    agreement: _Line
    """How far two passes agree, in a sentence."""


class Measured(_Part):
    """All figures of one linker."""

    judge: _Line
    """Its name and version, as its links carry it."""
    made: dt.date
    labels: Labels
    schemes: tuple[Scheme, ...]

    @_validated(mode="after")
    def _apart(self) -> Self:
        if len({scheme.name for scheme in self.schemes}) != len(self.schemes):
            raise ValueError("two schemes have one name")
        return self


def read(text: str, name: str = NAME) -> Measured:
    """Return what a file of figures says.

    Args:
        text: Its JSON.
        name: What messages call it.

    Raises:
        ConfigError: It is not in the form above; the error names the first fault.

    Examples:
        >>> read('{"made": "2030-01-01"}')
        Traceback (most recent call last):
            ...
        kb.errors.ConfigError: measured.json: judge: Field required; make eval writes it anew
    """
    try:
        return Measured.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        told = f"{where}: {first['msg']}" if where else first["msg"]
        raise ConfigError(f"{name}: {told}; make eval writes it anew") from error
