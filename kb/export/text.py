"""What every format needs: text without traps, addresses that are safe, names for things."""

from __future__ import annotations

import importlib
import json
import re
import unicodedata
from typing import Any
from urllib.parse import quote, urlsplit

from kb import ids
from kb.errors import ConfigError, DateError

# Invisible and direction marks as on the pages: zero-width joiner and non-joiner stay, since
# several scripts need them.
_INVISIBLE = (
    *range(0x202A, 0x202F),
    *range(0x2066, 0x2070),
    *(0x061C, 0x200B, 0x200E, 0x200F, 0xFEFF),
    *range(0x2060, 0x2065),
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0080),
)
_DROP: dict[int, None] = dict.fromkeys(
    [
        *range(0x20),
        *range(0x7F, 0xA0),
        *range(0xD800, 0xE000),  # lone surrogates have no UTF-8
        *range(0xFDD0, 0xFDF0),
        *_INVISIBLE,
        *(plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)),
    ]
)
_FOLDERS = {
    "work": "works",
    "claim": "claims",
    "tension": "tensions",
    "voice": "voices",
    "event": "events",
    "strand": "strands",
    "cycle": "cycles",
}


def line(text: object) -> str:
    r"""Return `text` on one line in NFC, without control characters or direction marks.

    It is what each format means by "the title": a format adds its own escapes, and a reader
    that takes them away has this text again.

    Examples:
        >>> line("Flat\n minima\x00 \u202egeneralize")
        'Flat minima generalize'
    """
    plain = " ".join(unicodedata.normalize("NFC", str(text)).split()).translate(_DROP)
    return " ".join(plain.split())


def address(url: str) -> str:
    """Return a web address that any format can hold, or "" when it is none.

    Examples:
        >>> address("https://example.org/a b?x=<1>"), address("javascript:alert(1)")
        ('https://example.org/a%20b?x=%3C1%3E', '')
    """
    plain = line(url)
    try:
        parts = urlsplit(plain)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.-]+", host):
        return ""
    return quote(plain, safe="/:?#@!$&'()*+,;=%~.-_")


def page(kind: str, id: str) -> str:
    """Return where a thing's page lies in the site.

    Examples:
        >>> page("claim", "C02")
        'claims/c02.html'
    """
    return f"{_FOLDERS[kind]}/{ids.slug(id)}.html"


def iri(base: str, kind: str, id: str) -> str:
    """Return the name of a thing: its page on the site at `base`, or a URN where there is none.

    Examples:
        >>> iri("https://example.org/", "claim", "C02"), iri("", "claim", "C02")
        ('https://example.org/claims/c02.html', 'urn:x-dissensus:claim:c02')
    """
    if base:
        return f"{base}{page(kind, id)}"
    return f"urn:x-dissensus:{kind}:{ids.slug(id)}"


def work_iri(base: str, id: str) -> str:
    """Return the public address of a work, or our name for it where it has none."""
    return address(ids.url(id)) or iri(base, "work", id)


def site_base(url: str) -> str:
    """Return the site's address as a prefix of its pages' addresses; "" for no site.

    Raises:
        ConfigError: It is not an http or https address.
    """
    if not url:
        return ""
    safe = address(url)
    if not safe or "?" in safe or "#" in safe:
        raise ConfigError(f"not the address of a web site: {line(url)!r}")
    return safe if safe.endswith("/") else f"{safe}/"


def iso(date: str) -> str:
    """Return an EDTF date that is also an ISO 8601 year, month or day, else "".

    Examples:
        >>> iso("2025-05"), iso("2025~"), iso("2024/2025")
        ('2025-05', '', '')
    """
    if re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", date):
        return date
    return ""


def is_edtf(date: str) -> bool:
    """Tell whether a text is a date at all; curated deadlines hold words beside dates."""
    from kb import dates

    try:
        dates.span(date)
    except DateError:
        return False
    return bool(date)


def dump(value: Any) -> str:
    r"""Return JSON that may also stand inside an HTML script element.

    Examples:
        >>> dump({"title": "a </script> b"})
        '{"title": "a \\u003c/script\\u003e b"}'
    """
    text = json.dumps(value, ensure_ascii=False)
    return text.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def need(module: str) -> Any:
    """Return an optional library.

    Raises:
        ConfigError: It is not installed; the error says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.split(".")[0]
        raise ConfigError(
            f"this format needs {name}, which is not installed: pip install 'dissensus[export]'"
        ) from error
