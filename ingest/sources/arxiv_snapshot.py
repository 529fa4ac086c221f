"""arXiv's public metadata dump: JSON Lines, plain or compressed.

The form is that of https://www.kaggle.com/datasets/Cornell-University/arxiv, one paper a
line. Any field but id and title may be null or absent.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import gzip
import io
import json
import lzma
import re
import zlib
from typing import TYPE_CHECKING, Any

import zstandard

from ingest import normalize
from ingest.errors import ParseError
from ingest.records import Draft, ManifestationDraft, Raw
from ingest.sources.arxiv import dois
from kb import ids
from kb.errors import IdentifierError
from kb.vocabulary import ManifestationKind, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ingest.records import Errand, Reading
    from kb.schema import SourcesFile

LINE_CAP = 4_000_000
"""Bytes. The longest real line, a paper with thousands of authors, has some 300,000."""
_WINDOW = 2**27
"""Bytes of memory that a .zst file may ask for, zstd's own default limit."""


class ArxivSnapshot:
    """Every paper in one file, in the file's order."""

    name = "arxiv-snapshot"

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened before it is fetched."""
        self.path = path
        self.position = "0"
        """Lines read so far."""

    def fetch(self, since: str = "") -> Iterator[Raw]:  # noqa: ARG002 - a file is read whole
        """Yield one record per line, in constant memory.

        A line above `LINE_CAP` is yielded cut at the cap, so that it is refused and listed.

        Raises:
            ParseError: The file cannot be opened, is damaged, or ends too early. What came
                before is yielded first.
        """
        fetched_at = dt.datetime.now(dt.UTC)
        number = 0
        try:
            with _open(self.path) as file:
                while line := file.readline(LINE_CAP):
                    number += 1
                    whole = len(line) < LINE_CAP or line.endswith(b"\n")
                    while not whole:
                        rest = file.readline(LINE_CAP)
                        whole = not rest or rest.endswith(b"\n")
                    self.position = str(number)
                    if line.strip():
                        yield Raw(self.name, f"{self.path.name}#{number}", fetched_at, line)
        except (EOFError, lzma.LZMAError, zlib.error, zstandard.ZstdError, OSError) as error:
            raise ParseError(
                self.name,
                f"{self.path}, after line {number}",
                _explain(error),
                "the lines before are kept; get the file again" if number else "",
            ) from error

    @staticmethod
    def read(raw: Raw) -> Draft:
        """Return the work that one line describes; see `Source.read`."""
        row = _row(raw)
        work, title = _work(row, raw), normalize.prose(_text(row, "title", raw))
        if not title:
            raise ParseError(ArxivSnapshot.name, raw.url, "title is missing")
        abstract = normalize.prose(_text(row, "abstract", raw))
        version, first, last = _history(row, raw)
        first_public = first or month(work)
        form = ManifestationDraft(
            id=f"{work}v{version}" if version else work,
            kind=ManifestationKind.arxiv,
            title=title,
            abstract=abstract,
            url=f"{ids.url(work)}v{version}" if version else ids.url(work),
            publisher="arXiv",
            version=version,
            valid=last or _since(first_public, _text(row, "update_date", raw)),
        )
        return Draft(
            identifiers=(work, *dois(_text(row, "doi", raw))),
            kind=WorkKind.paper,
            title=title,
            abstract=abstract,
            authors=_authors(row, raw),
            first_public=first_public,
            categories=normalize.prose(_text(row, "categories", raw)),
            withdrawn=normalize.is_withdrawn(_text(row, "comments", raw), abstract),
            manifestations=(form,),
        )


def errands(config: SourcesFile) -> list[Errand]:  # noqa: ARG001 - the shape of every source
    """Return nothing: a dump is taken in by hand, since its file has a new name each time."""
    return []


def readers(config: SourcesFile) -> Mapping[str, Callable[[Raw], Reading]]:  # noqa: ARG001
    """Return how the records of this source are read."""
    return {ArxivSnapshot.name: ArxivSnapshot.read}


def month(work: str) -> str:
    """Return the month in which arXiv gave out an identifier, "" where it names none.

    Source:
        https://info.arxiv.org/help/arxiv_identifier.html

    Examples:
        >>> month("arxiv:2505.17638"), month("arxiv:math/0309136"), month("arxiv:hep-th/9901001")
        ('2025-05', '2003-09', '1999-01')
    """
    match = re.search(r"[:/](\d\d)(0[1-9]|1[0-2])(?:\.\d+|\d{3})$", work)
    if not match:
        return ""
    century = "19" if "/" in work and match[1] > "90" else "20"
    return f"{century}{match[1]}-{match[2]}"


def _row(raw: Raw) -> dict[str, Any]:
    if len(raw.body) >= LINE_CAP and not raw.body.endswith(b"\n"):
        raise ParseError(ArxivSnapshot.name, raw.url, f"line above {LINE_CAP:,} bytes, cut")
    try:
        row = json.loads(raw.body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ParseError(ArxivSnapshot.name, raw.url, "not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ParseError(ArxivSnapshot.name, raw.url, f"not JSON: {error}"[:200]) from error
    if not isinstance(row, dict):
        raise ParseError(ArxivSnapshot.name, raw.url, "not a JSON object")
    return row


def _text(row: dict[str, Any], name: str, raw: Raw) -> str:
    """A field as text, "" where it is null or absent."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ParseError(ArxivSnapshot.name, raw.url, f"{name} is not text")
    if not normalize.is_sound(value):
        raise ParseError(ArxivSnapshot.name, raw.url, f"{name} holds half a character")
    return value


def _work(row: dict[str, Any], raw: Raw) -> str:
    text = _text(row, "id", raw)
    if not text:
        raise ParseError(ArxivSnapshot.name, raw.url, "id is missing")
    try:
        return ids.arxiv(text)
    except IdentifierError as error:
        raise ParseError(ArxivSnapshot.name, raw.url, str(error)[:200]) from error


def _history(row: dict[str, Any], raw: Raw) -> tuple[int, str, str]:
    """The newest version's number, and the days of the first and the newest version.

    0 and "" where the record does not say: many copies of the dump leave versions empty.
    """
    versions = row.get("versions") or []
    if not isinstance(versions, list) or not all(isinstance(v, dict) for v in versions):
        raise ParseError(ArxivSnapshot.name, raw.url, "versions is not a list of objects")
    if not versions:
        return 0, "", ""
    named = re.fullmatch(r"v(\d{1,4})", _text(versions[-1], "version", raw))
    first, last = _text(versions[0], "created", raw), _text(versions[-1], "created", raw)
    return int(named[1]) if named else len(versions), _day(first), _day(last)


def _day(text: str) -> str:
    try:
        return email.utils.parsedate_to_datetime(text).astimezone(dt.UTC).date().isoformat()
    except (ValueError, OverflowError):
        return ""


def _since(first_public: str, updated: str) -> str:
    """When a text of unknown version appeared: somewhere up to the record's last update.

    The update may have changed the metadata alone, so its day is only an upper bound.
    """
    with contextlib.suppress(ValueError):
        day = dt.date.fromisoformat(updated).isoformat()
        if first_public and day > first_public:
            return f"{first_public}/{day}"
    return first_public


def _authors(row: dict[str, Any], raw: Raw) -> tuple[str, ...]:
    parsed = row.get("authors_parsed") or []
    if parsed:
        if not isinstance(parsed, list) or not all(_is_name(name) for name in parsed):
            raise ParseError(ArxivSnapshot.name, raw.url, "authors_parsed is not a list of names")
        return normalize.authors_parsed(parsed)
    return normalize.authors(_text(row, "authors", raw))


def _is_name(name: object) -> bool:
    return isinstance(name, list) and all(
        isinstance(part, str) and normalize.is_sound(part) for part in name
    )


# -- files ----------------------------------------------------------------------------------


@contextlib.contextmanager
def _open(path: Path) -> Iterator[io.BufferedIOBase]:
    with contextlib.ExitStack() as stack:
        file: io.BufferedIOBase
        match path.suffix.lower():
            case ".gz":
                file = stack.enter_context(gzip.open(path))
            case ".xz":
                file = stack.enter_context(lzma.open(path))
            case ".zst":
                inner = stack.enter_context(path.open("rb"))
                file = stack.enter_context(io.BufferedReader(_Zstandard(inner), 2**20))
            case _:
                file = stack.enter_context(path.open("rb"))
        yield file


class _Zstandard(io.RawIOBase):
    """Reads .zst frames one after another; zstandard's own reader takes a torn file for whole."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._frames = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._frame = self._frames.decompressobj()
        self._fresh = True
        self._left = b""

    def readable(self) -> bool:
        """Tell that this can be read; see `io.IOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with inflated bytes; see `io.RawIOBase`.

        Raises:
            EOFError: The file ends within a frame.
        """
        while not self._left:
            # A kilobyte at a time: each may inflate to some 30 MB, and all of it is returned.
            chunk = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame, self._fresh = self._frames.decompressobj(), True
            chunk = chunk or self._file.read(1024)
            if not chunk:
                if self._fresh:
                    return 0
                raise EOFError("the file ends within a frame")
            self._fresh = False
            self._left = self._frame.decompress(chunk)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _explain(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the compressed file ends too early"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot read the file: {error.strerror}"
    return f"the compressed file is damaged: {error}"
