"""XML as it should be, or not at all: pages that are cut into records, records as trees. Pure.

A feed that is torn, declares a document type, is nested beyond reason or is written in an
encoding that nobody named is refused whole, with one line that says why: half a list read as a
whole one would move a cursor past what was lost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn
from xml.etree.ElementTree import ParseError as NotXML

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as SafeTree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

DEPTH = 200
"""Elements within elements; no real record has ten."""
_DECLARED = re.compile(rb"\s*<\?xml[^>]*encoding\s*=\s*[\"']([^\"']*)")


class UnreadableError(ValueError):
    """It is not XML of the kind we read; the message says why, on one line."""


def tree(body: bytes) -> Element:
    """Return the root of a small document.

    Raises:
        UnreadableError: It is not XML, or declares a document type.
    """
    try:
        root: Element = SafeTree.fromstring(body, forbid_dtd=True)
    except _FAILURES as error:
        _refuse(error)
    return root


def refuse_encoding(body: bytes) -> None:
    """Refuse a page that says, or shows, that it is not in UTF-8.

    Raises:
        UnreadableError: It is in another encoding.
    """
    declared = _DECLARED.match(body[:200])
    if declared and declared[1].lower() not in (b"utf-8", b"us-ascii"):
        raise UnreadableError(f"encoded as {declared[1][:40]!r}")
    if b"\0" in body[:64]:  # an encoding of two bytes a letter, which a parser would guess
        raise UnreadableError("not encoded as UTF-8")


class Cutter:
    """Walks through a page and tells a subclass what opens and closes, and where.

    Attributes:
        body: The page.
        path: Tags of the open elements, the root first.
    """

    said_depth = 6
    """How deep text is listened to, in elements."""

    def __init__(self, body: bytes) -> None:
        """Keep the page; nothing is read before `cut`."""
        self.body = body
        self.path: list[str] = []
        self._said: list[str] = []
        self._parser: Any = None

    def cut(self) -> None:
        """Walk through the whole page.

        Raises:
            UnreadableError: It is not whole, or not of the kind we read.
        """
        parser = SafeTree.DefusedXMLParser(target=self, forbid_dtd=True)
        self._parser = parser.parser
        try:
            parser.feed(self.body)
            parser.close()
        except _FAILURES as error:
            _refuse(error)

    # -- for the subclass -----------------------------------------------------------------

    def root(self, tag: str) -> None:
        """Look at the root's tag; raise `UnreadableError` where it is another's."""

    def opened(self, attributes: Mapping[str, str]) -> None:
        """Take note of an element that has just been opened, the last of `path`."""

    def closed(self, said: str) -> None:
        """Take note of an element that is about to be closed, and of the text in it."""

    def place(self) -> int:
        """Return the first byte of the tag that is being read."""
        return int(self._parser.CurrentByteIndex)

    def end_place(self) -> int:
        """Return the byte after the closing tag that is being read."""
        return self.body.index(b">", self.place()) + 1

    # -- for the parser, see `xml.etree.ElementTree.XMLParser` ------------------------------

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Follow the parser into an element."""
        if not self.path:
            self.root(tag)
        self.path.append(tag)
        if len(self.path) > DEPTH:
            raise UnreadableError("nested too deeply")
        self._said.clear()
        self.opened(attributes)

    def data(self, text: str) -> None:
        """Listen to text."""
        if len(self.path) < self.said_depth:
            self._said.append(text)

    def end(self, tag: str) -> None:  # noqa: ARG002 - the parser's shape
        """Follow the parser out of an element."""
        self.closed("".join(self._said).strip() if len(self.path) < self.said_depth else "")
        self.path.pop()
        self._said.clear()

    def close(self) -> None:
        """Nothing is left to do."""


_FAILURES = (NotXML, LookupError, ValueError)
"""An unknown encoding is a LookupError, one of several bytes a letter a ValueError."""


def _refuse(error: Exception) -> NoReturn:
    if isinstance(error, UnreadableError):
        raise error
    if isinstance(error, DefusedXmlException):
        raise UnreadableError("it declares a document type") from error
    raise UnreadableError(" ".join(str(error).split())[:200]) from error
