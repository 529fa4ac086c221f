"""Titles and names of authors in a form that can be compared. Pure.

Nothing here says that two works are one: it says how alike what is written of them is. Letters
of different scripts never become equal, however alike they look.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

AGENT = "likeness/1"
"""Who proposes by likeness. The number goes up when the same works would be judged otherwise."""
_LONGEST = 200
"""Letters of a key: more than any two titles share by chance, few enough for an index."""
_LEAST_WORDS, _LEAST_LETTERS = 3, 16
"""Below either, a title is not one's own: "Introduction", "Deep learning"."""
_SUFFIX = frozenset({"jr", "sr", "ii", "iii", "iv"})


def fold(text: str) -> str:
    """Return `text` with case, accents and styled letters made plain, still with its marks.

    Examples:
        >>> fold("Na\u00efve \U0001d416\U0001d421\U0001d432?")
        'naive why?'
    """
    if text.isascii():
        return text.casefold()
    # "Letter-like" styles are the same letters in another font; a Cyrillic a stays Cyrillic.
    split = unicodedata.normalize("NFKD", text)
    return "".join(c for c in split if not unicodedata.combining(c)).casefold()


def words(text: str) -> tuple[str, ...]:
    """Return the words of a title, without marks.

    Examples:
        >>> words("Don't Look: A Two-Layer Kettle")
        ('dont', 'look', 'a', 'two', 'layer', 'kettle')
    """
    plain = re.sub(r"['’‘`´]", "", fold(text))
    return tuple(re.findall(r"[^\W_]+", plain))


@functools.lru_cache(maxsize=4096)
def key(title: str) -> str:
    """Return what equal titles have in common, "" for a title too short to tell works apart.

    Case, accents, marks and breaks within words do not count.

    Examples:
        >>> key("A Kettle That REMEMBERS!") == key("a kettle that remem- bers")
        True
        >>> key("Kettles")
        ''
    """
    parts = words(title)
    letters = "".join(parts)
    if len(parts) < _LEAST_WORDS or len(letters) < _LEAST_LETTERS:
        return ""
    return letters[:_LONGEST]


def author(name: str) -> str:
    """Return a name's last word and first letter, by which "A. Example" is "Ada B. Example".

    Examples:
        >>> author("Ada B. Example"), author("Example, Ada"), author("Carl Demo, Jr.")
        ('example a', 'example a', 'demo c')
    """
    family, comma, given = name.partition(",")
    if comma and fold(given).strip(" .") in _SUFFIX:
        comma = ""
    parts = words(f"{given} {family}" if comma else family)
    parts = tuple(part for part in parts if part not in _SUFFIX) or parts
    return f"{parts[-1]} {parts[0][0]}" if parts else ""


def shared(one: Collection[str], other: Collection[str]) -> float:
    """Return which part of both lists of authors is the same, in [0, 1]; 0 where one is empty.

    Examples:
        >>> shared(["Ada Example", "Carl Demo"], ["A. Example"])
        0.5
    """
    ours = {author(name) for name in one} - {""}
    others = {author(name) for name in other} - {""}
    every = ours | others
    return len(ours & others) / len(every) if every else 0.0


def likeness(
    one_title: str, one_authors: Sequence[str], other_title: str, other_authors: Sequence[str]
) -> tuple[float, str] | None:
    """Return how alike two works are by title and authors, with the reason in words.

    Authors who have no name in common speak against, however alike the titles are. Where one
    side names none, only a long title counts.

    Returns:
        A score in [0, 1], which is no probability, and what is alike; None when the works
        are not to be taken for one.

    Examples:
        >>> likeness("A kettle that remembers", ["Ada Example"],
        ...          "A Kettle That Remembers", ["A. Example", "Carl Demo"])
        (0.85, 'equal titles, 1 of 2 authors in common')
        >>> likeness("A kettle that remembers", ["Ada Example"],
        ...          "A Kettle That Remembers", ["Eve Sample"]) is None
        True
    """
    if not key(one_title) or key(one_title) != key(other_title):
        return None
    if not one_authors or not other_authors:
        if len(words(one_title)) < 2 * _LEAST_WORDS:
            return None
        return 0.6, "equal titles; the authors of one are not known"
    part = shared(one_authors, other_authors)
    if not part:
        return None
    people = {author(name) for name in (*one_authors, *other_authors)} - {""}
    if part == 1:
        return 0.99, "equal titles and authors"
    count = round(part * len(people))
    return round(0.7 + 0.3 * part, 2), (f"equal titles, {count} of {len(people)} authors in common")
