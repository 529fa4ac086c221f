"""Names of works: parse what people write, print what we store."""

from __future__ import annotations

import hashlib
import re

from kb.errors import IdentifierError

# Both forms of https://info.arxiv.org/help/arxiv_identifier.html; the version is dropped,
# because a claim is made by a work, not by one revision of it.
_ARXIV = re.compile(
    r"(?:^|[/:\s\[])((?:\d{4}\.\d{4,5})|(?:[a-z-]+(?:\.[A-Z]{2})?/\d{7}))"
    r"(v[1-9]\d*)?(?:\.pdf)?(?=$|[\]\s?#])"
)
# A forum id is 8 to 14 URL-safe characters: https://docs.openreview.net.
_OPENREVIEW = re.compile(
    r"(?:^|openreview:|openreview\.net/(?:forum|pdf)\?(?:.*&)?id=)([A-Za-z0-9_-]{8,14})(?=$|[&#\s])"
)
# https://www.crossref.org/blog/dois-and-matching-regular-expressions/
_DOI = re.compile(r"(?:^|doi:|doi\.org/)(10\.\d{4,9}/[-._;()/:A-Za-z0-9]+)(?=$|\s)")

SCHEMES = ("arxiv", "openreview", "doi", "url", "key")
"""Every scheme of an identifier, the one that names a work best first."""


def arxiv(text: str) -> str:
    """Return the canonical id of the arXiv paper that `text` names.

    Args:
        text: An abs or pdf URL, a bare id, or "[2505.17638] Title", with or without "v2".

    Raises:
        IdentifierError: `text` holds no arXiv identifier.

    Examples:
        >>> arxiv("https://arxiv.org/abs/2505.17638v2")
        'arxiv:2505.17638'
        >>> arxiv("quant-ph/0201082v1"), arxiv("math.GT/0309136")
        ('arxiv:quant-ph/0201082', 'arxiv:math/0309136')
    """
    # "math.GT/0309136" and "math/0309136" are one paper: the subject class is no part of the id.
    return f"arxiv:{re.sub(r'[.][A-Z]{2}/', '/', _arxiv(text)[1])}"


def arxiv_version(text: str) -> int:
    """Return the version that an arXiv identifier names, or 0 where it names none.

    Raises:
        IdentifierError: `text` holds no arXiv identifier.

    Examples:
        >>> arxiv_version("http://arxiv.org/abs/2505.17638v2")
        2
    """
    return int((_arxiv(text)[2] or "v0")[1:])


def _arxiv(text: str) -> re.Match[str]:
    if match := _ARXIV.search(text.strip()):
        return match
    raise IdentifierError("arXiv", text)


def openreview(text: str) -> str:
    """Return the canonical id of the OpenReview forum that `text` names.

    Raises:
        IdentifierError: `text` holds no forum id.

    Examples:
        >>> openreview("https://openreview.net/forum?id=BSZqpqgqM0")
        'openreview:BSZqpqgqM0'
    """
    if match := _OPENREVIEW.search(text.strip()):
        return f"openreview:{match[1]}"
    raise IdentifierError("OpenReview", text)


def doi(text: str) -> str:
    """Return the canonical id of the object that a DOI names; DOIs are case-insensitive.

    Raises:
        IdentifierError: `text` holds no DOI.

    Examples:
        >>> doi("https://doi.org/10.1145/3446776")
        'doi:10.1145/3446776'
    """
    if match := _DOI.search(text.strip()):
        return f"doi:{match[1].lower()}"
    raise IdentifierError("DOI", text)


def parse(text: str) -> str:
    """Return the canonical form of any identifier of a work: arXiv, OpenReview, DOI, URL or key.

    Raises:
        IdentifierError: `text` is none of them.

    Examples:
        >>> parse("arXiv:2505.17638v2"), parse("bonnaire-2025")
        ('arxiv:2505.17638', 'key:bonnaire-2025')
    """
    text = text.strip()
    lowered = text.lower()
    if lowered.startswith(("arxiv:", "http://arxiv.org", "https://arxiv.org")):
        return arxiv(text if not lowered.startswith("arxiv:") else text[6:])
    if lowered.startswith("openreview:") or "openreview.net/" in lowered:
        return openreview(text)
    if lowered.startswith(("doi:", "10.")) or "doi.org/" in lowered:
        return doi(text)
    if lowered.startswith(("http://", "https://")):
        return f"url:{text}"
    if lowered.startswith("url:"):
        return text
    bare = text.removeprefix("key:")
    if re.fullmatch(r"[a-z0-9][a-z0-9-]*", bare) and not bare[:4].isdigit():
        return f"key:{bare}"
    return arxiv(text)


def best(identifiers: list[str]) -> str:
    """Return the identifier that names a work: by scheme, then by value.

    The choice depends on the identifiers alone, not on the order in which sources gave
    them, so that the same records always make the same works.

    Raises:
        ValueError: There is no identifier.

    Examples:
        >>> best(["key:feldman-2019", "doi:10.1145/3357713", "arxiv:1906.05271"])
        'arxiv:1906.05271'
    """
    if not identifiers:
        raise ValueError("a work needs at least one identifier")
    return min(identifiers, key=lambda name: (SCHEMES.index(name.split(":", 1)[0]), name))


def bare(form: str) -> str:
    """Return the identifier that the id of a form begins with.

    Examples:
        >>> bare("arxiv:2502.99901v2#0a1b2c3d"), bare("openreview:abcdefghijv2")
        ('arxiv:2502.99901', 'openreview:abcdefghijv2')
    """
    head = form.partition("#")[0]
    return re.sub(r"v[1-9]\d*$", "", head) if head.startswith("arxiv:") else head


def slug(id: str) -> str:
    """Return a name for a page or a file: lower-case letters, digits and hyphens only.

    Where that loses a distinction (OpenReview ids differ by case) the first eight digits
    of the id's SHA-256 are added, so different ids never share a page.

    Examples:
        >>> slug("arxiv:2505.17638"), slug("C07"), slug("key:feldman-2019")
        ('arxiv-2505-17638', 'c07', 'feldman-2019')
    """
    text = id.removeprefix("key:")
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80]
    exact = re.fullmatch(
        r"[a-z0-9-]+|[CTV]\d+[a-z]?|arxiv:\d{4}\.\d{4,5}|arxiv:[a-z-]+/\d{7}", text
    )
    if exact and plain:
        return plain
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain}-{digest}" if plain else digest


def url(id: str) -> str:
    """Return the public address of an identifier, or "" where the scheme has none.

    Examples:
        >>> url("arxiv:2505.17638")
        'https://arxiv.org/abs/2505.17638'
    """
    scheme, _, value = id.partition(":")
    return {
        "arxiv": f"https://arxiv.org/abs/{value}",
        "openreview": f"https://openreview.net/forum?id={value}",
        "doi": f"https://doi.org/{value}",
        "url": value,
    }.get(scheme, "")
