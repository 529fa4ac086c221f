"""Texts to tokens, ahead of the model: in a thread, or in processes where one is too slow.

A graphics card reads tokens faster than one Python process can take them from the tokenizer.
There the threads that read ahead have processes to do it; run as a program, this module is such
a process. It ends when its input does, however the first one died, and where it dies its texts
are cut in the thread.
"""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Tokens = list[NDArray[np.int32]]
    """The tokens of some texts, one array a text."""

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")
_SIZE = struct.Struct("<Q")


def ahead(
    make: Callable[[_Given], _Made], given: Iterable[_Given], threads: int = 1
) -> Iterator[_Made]:
    """Yield what `make` makes of each thing in order, made in threads before it is asked for.

    Each thread is one or two things ahead. Where `make` fails, the error is raised in its turn.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="kb-ahead") as pool:
        waiting: deque[Future[_Made]] = deque()
        try:
            for one in given:
                waiting.append(pool.submit(make, one))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # whoever asks may stop early
            for each in waiting:
                each.cancel()


class Cutter:
    """Cuts texts into tokens, as a tokenizer in its published form says."""

    def __init__(self, form: str, limit: int) -> None:
        """Read a tokenizer.

        Args:
            form: tokenizer.json.
            limit: Tokens of a text that the model takes; the rest is dropped.
        """
        # Imported here: only a model needs it.
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str(form)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(limit)

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Return the tokens of each text."""
        found = self._tokenizer.encode_batch_fast(list(texts))
        return [np.array(each.ids, np.int32) for each in found]


class Cutters:
    """The same in processes, one for each thread that asks at a time."""

    def __init__(self, form: str, limit: int) -> None:
        """Start nothing yet; see `Cutter`."""
        self._told = json.dumps([form, limit]).encode()
        self._here = Cutter(form, limit)
        self._idle: list[subprocess.Popen[bytes]] = []

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Return the tokens of each text, by a process that nobody else asks now."""
        process = None
        try:
            process = self._idle.pop() if self._idle else self._start()
            _send(process.stdin, json.dumps(list(texts)).encode())
            flat = np.frombuffer(_receive(process.stdout), np.int32)
        except (OSError, EOFError):  # it died; the texts are cut all the same
            if process is not None:
                _end(process)
            return self._here(texts)
        self._idle.append(process)
        lengths, ids = flat[: len(texts)], flat[len(texts) :]
        return np.split(ids, np.cumsum(lengths)[:-1])

    def close(self) -> None:
        """End the processes; another text starts one again."""
        while self._idle:
            _end(self._idle.pop())

    def __del__(self) -> None:
        self.close()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "kb.encoding.tokens"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        _send(process.stdin, self._told)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not sent goes with it
            if pipe is not None:
                pipe.close()
    process.wait()


def _send(pipe: IO[bytes] | None, body: bytes) -> None:
    if pipe is None:
        raise EOFError
    pipe.write(_SIZE.pack(len(body)))
    pipe.write(body)
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> bytes:
    head = pipe.read(_SIZE.size) if pipe is not None else b""
    if pipe is None or len(head) < _SIZE.size:
        raise EOFError
    body = pipe.read(*_SIZE.unpack(head))
    if len(body) < _SIZE.unpack(head)[0]:
        raise EOFError
    return body


def main() -> None:
    """Cut what comes on standard input until it ends: one tokenizer, then lists of texts."""
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        made: Any = json.loads(_receive(sys.stdin.buffer))
        cutter = Cutter(*made)
        while True:
            found = cutter(json.loads(_receive(sys.stdin.buffer)))
            lengths = np.array([len(each) for each in found], np.int32)
            _send(sys.stdout.buffer, np.concatenate([lengths, *found]).tobytes())


if __name__ == "__main__":
    main()
