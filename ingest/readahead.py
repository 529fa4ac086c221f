"""Records read in a second process while the first one writes those before them.

Reading is pure, so where it happens changes nothing but the time. The helper is a process of
its own that ends when its input does, however the first one died; and where the helper dies,
what it had not answered is read here.
"""

from __future__ import annotations

import contextlib
import gc
import pickle
import signal
import subprocess
import sys
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any, Self

from ingest.errors import ParseError
from ingest.records import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.records import Reading

    Read = Callable[[Raw], Reading]
    """From a record to what it says; see `Source.read`."""


class Helper:
    """A process that reads records; started with the first ones it is given."""

    def __init__(self, read: Read) -> None:
        """Name what the records are read with: a function that a module has at its top."""
        self._read = read
        self._process: subprocess.Popen[bytes] | None = None
        self._is_asked = False
        self._is_dead = False
        self._answers: dict[str, Reading] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def ask(self, raws: Sequence[Raw]) -> None:
        """Have these records read from now on; `take` fetches what they say."""
        if not raws or self._is_dead:
            return
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ingest.readahead"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self._send(self._read)
        # As plain tuples: rows of a class take four times as long on their way.
        self._send([(raw.source, raw.url, raw.fetched_at, raw.body) for raw in raws])
        self._is_asked = not self._is_dead

    def take(self) -> None:
        """Wait for the answers to what was last asked; `read` gives them out."""
        self._answers = {}
        if not self._is_asked or self._process is None or self._process.stdout is None:
            return
        self._is_asked = False
        try:
            self._answers = pickle.load(self._process.stdout)  # noqa: S301 - our own process
        except (EOFError, pickle.UnpicklingError, OSError):
            self._is_dead = True

    def read(self, raw: Raw) -> Reading:
        """Return what a record says, from the answers where they have it.

        Raises:
            ParseError: It cannot be read.
        """
        answer = self._answers.pop(raw.digest, None)
        return self._read(raw) if answer is None else answer

    def _send(self, told: object) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            pickle.dump(told, self._process.stdin, pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except OSError:
            self._is_dead = True


class _Pickler(pickle.Pickler):
    """Sends rows of our classes as their fields, which takes a third of the usual time."""

    def __init__(self, file: IO[bytes], protocol: int) -> None:
        super().__init__(file, protocol)
        self._fields: dict[type, Callable[[object], tuple[object, ...]]] = {}

    def reducer_override(self, row: object) -> Any:
        """Return the class and the values of its fields, as whoever made the row gave them."""
        kind = type(row)
        if kind not in self._fields:
            if isinstance(row, type) or not is_dataclass(row):
                return NotImplemented
            names = [each.name for each in fields(row)]
            # A field that is worked out from the others is not given, and one alone is no tuple.
            if len(names) < 2 or not all(each.init for each in fields(row)):
                return NotImplemented
            self._fields[kind] = attrgetter(*names)
        return kind, self._fields[kind](row)


def main() -> None:
    """Answer batches of records from standard input until it ends."""
    gc.disable()  # what is read has no cycles
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever was interrupted ends our input
    with contextlib.suppress(EOFError, BrokenPipeError):
        read: Read = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by our own process
        while True:
            raws = [Raw(*each) for each in pickle.load(sys.stdin.buffer)]  # noqa: S301
            answers: dict[str, Reading] = {}
            for raw in raws:
                # One that cannot be read is left out: whoever asked reads it and has the fault.
                with contextlib.suppress(ParseError):
                    answers[raw.digest] = read(raw)
            _Pickler(sys.stdout.buffer, pickle.HIGHEST_PROTOCOL).dump(answers)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
