"""Pages as trees and as lines of text: HTML and Markdown, from hands one cannot trust. Pure.

libxml2's parser holds a page to 256 levels and puts no formatting element back in place, so
neither a tower of tags nor a handful that an HTML5 parser must repeat can make it grow. It
runs no script, loads nothing and expands no entity of the page's own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from cssselect import SelectorError
from lxml import etree
from lxml.cssselect import CSSSelector
from markdown_it import MarkdownIt

from ingest.normalize import prose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lxml.etree import _Element as Element

    Select = Callable[[Element], list[Element]]
    """From an element to those within it, or itself, that a selector names."""

PAGE_CAP = 2_000_000
"""Bytes. The largest real page of this kind has 300,000; a tag with two megabytes of
attributes takes libxml2 half a minute."""
_DEPTH = 200
"""Elements within elements; a real page has some twenty."""
_CHARSETS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "windows-1252": "cp1252", "cp1252": "cp1252",
    "iso-8859-2": "iso8859_2", "windows-1250": "cp1250", "iso-8859-15": "iso8859_15",
    "windows-1251": "cp1251", "koi8-r": "koi8_r", "shift_jis": "cp932", "euc-jp": "euc_jp",
    "euc-kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5",
}  # fmt: skip
"""What a page may declare -> how it is read, as browsers do."""
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,30})", re.I)
_HIDDEN = frozenset(
    ["script", "style", "template", "noscript", "head", "svg", "iframe", "object", "select"]
)
_BLOCKS = frozenset(
    ["address", "article", "aside", "blockquote", "body", "br", "caption", "dd", "details", "div",
     "dl", "dt", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
     "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
     "th", "thead", "tr", "ul"]
)  # fmt: skip
_FRONT = re.compile(r"\A﻿?---[ \t]*\n.*?\n---[ \t]*\n", re.DOTALL)
_ATTRIBUTES = re.compile(r"^[ \t]*\{:[^}\n]*\}[ \t]*$", re.MULTILINE)


class PageError(ValueError):
    """A page that cannot be read; the message is the reason, on one line."""


def decode(body: bytes) -> str:
    """Return a page as text, by its own declaration, else as UTF-8.

    Raises:
        PageError: It is too large, or is not what it declares.
    """
    if len(body) > PAGE_CAP:
        raise PageError(f"a page above {PAGE_CAP:,} bytes")
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        charset = "utf-16"
    else:
        match = _DECLARED.search(body[:4096])
        declared = match[1].decode("ascii").lower() if match else "utf-8"
        if declared not in _CHARSETS:
            raise PageError(f"encoded as {declared!r}, which is not read here")
        charset = _CHARSETS[declared]
    try:
        return body.decode(charset).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise PageError(f"not in the encoding {charset} that it should be in") from error


def tree(text: str) -> Element:
    """Return the root of an HTML page or fragment.

    Raises:
        PageError: It holds no element, or is nested too deeply.
    """
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, recover=True
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.LxmlError as error:
        raise PageError(prose(f"not HTML: {error}")[:200]) from error
    if root is None:
        raise PageError("a blank page")
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > _DEPTH:
            raise PageError("nested too deeply")
    return root


def markdown(text: str) -> Element:
    """Return the root of a Markdown page, with tables, without front matter.

    Raises:
        PageError: See `tree`.
    """
    plain = _ATTRIBUTES.sub("", _FRONT.sub("", text.replace("\r\n", "\n"), count=1))
    reader = MarkdownIt("commonmark").enable("table")
    return tree(f"<html><body>{reader.render(plain)}</body></html>")


def selector(text: str) -> Select:
    """Return what finds the elements that a CSS selector names.

    Raises:
        PageError: It is not one.
    """
    try:
        compiled = CSSSelector(text, translator="html")
    except SelectorError as error:
        raise PageError(f"{text!r} is not a CSS selector: {prose(str(error))}") from error

    def select(element: Element) -> list[Element]:
        found = compiled(element)
        return [node for node in found if etree.iselement(node)] if isinstance(found, list) else []

    return select


def lines(element: Element) -> list[str]:
    """Return the visible text of an element, a line for each block of it."""
    return [line for line in map(prose, "".join(_pieces(element)).split("\n")) if line]


def text(element: Element) -> str:
    """Return the visible text of an element on one line."""
    return " ".join(lines(element))


def short(element: Element, most: int = 100) -> str:
    """Return the text of an element on one line, "" where it is longer than a heading is."""
    said = ""
    for piece in _pieces(element):
        said += piece
        if len(said) > 4 * most:
            return ""
    said = prose(said)
    return said if len(said) <= most else ""


def _pieces(element: Element) -> Iterator[str]:
    hidden = 0
    for event, node in etree.iterwalk(element, events=("start", "end")):
        is_hidden, is_block = node.tag in _HIDDEN, node.tag in _BLOCKS
        if event == "start":
            hidden += is_hidden
            if is_block:
                yield "\n"
            if node.text and not hidden:
                yield _flat(node.text)
        else:
            hidden -= is_hidden
            if is_block:
                yield "\n"
            if node is not element and node.tail and not hidden:
                yield _flat(node.tail)


def _flat(text: str) -> str:
    """Within text a line break is only a space."""
    return re.sub(r"\s+", " ", text)


def links(element: Element, base: str) -> list[tuple[str, str]]:
    """Return the addresses and texts of the http(s) links in an element, made absolute."""
    return [
        (address, text(node))
        for node in element.iter("a")
        if (address := absolute(node.get("href") or "", base))
    ]


def absolute(href: str, base: str) -> str:
    """Return an address made absolute, "" where it is none of http or https.

    Examples:
        >>> absolute("/papers/2.pdf", "https://example.org/list"), absolute("javascript:x", "")
        ('https://example.org/papers/2.pdf', '')
    """
    href = prose(href)
    try:
        address = urljoin(base, href)
        parts = urlsplit(address)
    except ValueError:
        return ""
    is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    return address if is_whole and len(address) <= 2_000 and href else ""


_NO_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What an attribute may get from a page and may not be given again."""
_KEPT = ("class", "href", "datetime")
"""What an entry that was cut out keeps of its attributes: the rest changes with its place."""


def cut(element: Element) -> bytes:
    """Return one entry of a list as HTML of its own, without what changes from day to day."""
    whole = etree.tostring(element, method="html", with_tail=False, encoding="utf-8")
    copy = tree(whole.decode())
    etree.strip_elements(copy, *_HIDDEN - {"head"}, "button", with_tail=False)
    for node in copy.iter(etree.Element):
        kept = [(name, node.get(name)) for name in _KEPT]
        node.attrib.clear()  # one by one fails on names that are none, and pages have such
        for name, value in kept:
            if value is not None:
                node.set(name, _NO_XML.sub("", value))
    return etree.tostring(copy, method="html", encoding="utf-8")
