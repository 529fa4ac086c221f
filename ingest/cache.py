"""Bodies kept on disk, so that a source need not send what has not changed.

We hold no answer to be fresh: each is asked for again, and only "not modified" brings a kept
body back. The well-known caches for requests decide themselves whether to ask at all, and
keep an answer before anyone has looked at it; none of them survives a power cut or notices
damage. What remains is a folder of files, and it is here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CAP = 200_000_000
"""Bytes that all entries may take together."""

_SUFFIX = ".kept"
_LONGEST = 1000  # characters of an ETag; longer ones are not worth sending back


@dataclass(frozen=True, slots=True)
class Kept:
    """A body, and what its server calls this state of it."""

    body: bytes
    etag: str
    """As the server wrote it, quotes and all; "" where it gave none."""
    modified: str
    """The text of Last-Modified; "" where it gave none."""

    def conditions(self) -> dict[str, str]:
        """Return the headers that ask for the body only if it is another by now."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in asked.items() if value}


class Cache:
    """A folder of entries, one file each, named by the hash of its address.

    Nothing here is worth a failed run: an entry that cannot be read is absent, one that
    cannot be written is left out. Other files in the folder are not touched.
    """

    def __init__(self, folder: Path, cap: int = CAP) -> None:
        """Open the folder; it is made when there is something to keep.

        Args:
            folder: Where the entries are, or will be.
            cap: Bytes that all entries may take together. What was asked for longest ago
                makes room.
        """
        self._folder = folder
        self._cap = cap
        for torn in folder.glob(f"*{_SUFFIX}.new"):  # a process died while it wrote
            _remove(torn)

    def get(self, url: str) -> Kept | None:
        """Return what is kept of an address, None where nothing whole is."""
        path = self._path(url)
        try:
            digest, _, rest = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        # The digest is over all that follows it: a file cut short or changed in any byte
        # does not pass, and what passes was written by `put`.
        if hashlib.sha256(rest).hexdigest().encode() != digest:
            _remove(path)
            return None
        head, _, body = rest.partition(b"\n")
        facts = json.loads(head)
        return Kept(body, facts["etag"], facts["modified"]) if facts["url"] == url else None

    def put(self, url: str, kept: Kept) -> None:
        """Keep a body in place of what was kept of its address.

        A body without ETag or date cannot be asked about, so it is not kept.
        """
        path = self._path(url)
        facts = asdict(kept)
        body = facts.pop("body")
        known = [text for text in facts.values() if text]
        if not known or any(len(text) > _LONGEST or not text.isascii() for text in known):
            _remove(path)
            return
        rest = json.dumps({"url": url, **facts}).encode() + b"\n" + body
        data = hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest
        if len(data) > self._cap:
            _remove(path)
            return
        with contextlib.suppress(OSError):  # a full disk: it is asked for in full next time
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room(len(data), path)
            self._write(path, data)

    def confirm(self, url: str) -> None:
        """Note that an address was asked for, so that its entry is not the next to go."""
        with contextlib.suppress(OSError):
            os.utime(self._path(url))

    def drop(self, url: str) -> None:
        """Forget what is kept of an address."""
        _remove(self._path(url))

    def _path(self, url: str) -> Path:
        return self._folder / (hashlib.sha256(url.encode()).hexdigest() + _SUFFIX)

    def _make_room(self, size: int, path: Path) -> None:
        others = sorted(entry for entry in self._entries() if entry[2] != path)
        left = size + sum(entry[1] for entry in others)
        for _, freed, oldest in others:
            if left <= self._cap:
                break
            _remove(oldest)
            left -= freed

    def _entries(self) -> Iterator[tuple[int, int, Path]]:
        """Time of last use, size and path of each entry."""
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):  # removed meanwhile
                about = path.stat()
                yield about.st_mtime_ns, about.st_size, path

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self._folder, suffix=f"{_SUFFIX}.new")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        finally:
            _remove(Path(name))
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name, too, is to outlast a power cut
        finally:
            os.close(folder)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
