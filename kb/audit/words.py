"""Words as the rules compare them: without case, endings and typography. Pure and total."""

from __future__ import annotations

import re
import unicodedata

_BROKEN = re.compile(r"(?<=\w)- (?=[^\W\d])")
_NOT_WORD = re.compile(r"[^\w%]+")
_ENDING = re.compile(r"(?:ing|ed|es|s|e)$")
_MARKS = re.compile(r"^\s*(?:\[[^\]]{1,20}\]\s*)+|\s*\[R\]\s*$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP = _words(
    """a about above after all also an and any are as at be been before being but by can could did
    do does each else even every for from had has have how if in into is it its just less like
    many may more most much must no nor not of off on one only or other our out over own per same
    so some such than that the their them then there these they this those through to too under
    up upon very via was were what when where which while who whom why will with without would
    yet"""
)
"""Words that carry no subject."""


def plain(text: str) -> str:
    """Return the words of a text: no case, accents of typography, punctuation or word breaks.

    Examples:
        >>> plain("IS MEMORIZATION NECESSARY FOR GENER- ALIZATION?")
        'is memorization necessary for generalization'
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _BROKEN.sub("", text.replace("\u2019", "'")).replace("'", "")
    return _NOT_WORD.sub(" ", text).strip()


def stem(word: str) -> str:
    """Return the part of a plain word that its forms share, at most six letters.

    Coarse on purpose: it serves to see whether a subject is mentioned, never to tell two apart.

    Examples:
        >>> stem("traced") == stem("tracing"), stem("memorize") == stem("memorization")
        (True, True)
    """
    short = _ENDING.sub("", word)
    return (short if len(short) >= 4 else word)[:6]


def stems(text: str) -> frozenset[str]:
    """Return the stems of the words of a text that carry a subject."""
    return frozenset(stem(w) for w in plain(text).split() if w not in STOP and len(w) > 1)


def title(text: str) -> str:
    """Return a title in plain words, without marks like "[PDF]" and the dots where it was cut."""
    return plain(_MARKS.sub("", text))


def within(part: str, whole: str) -> bool:
    """Tell whether plain words stand in a row in other plain words.

    Examples:
        >>> within("learning need", "does learning need rest"), within("earning", "learning")
        (True, False)
    """
    return bool(part) and f" {part} " in f" {whole} "


def same_title(one: str, other: str) -> bool:
    """Tell whether one plain title is the other, a part of it, or its cut beginning."""
    if within(one, other) or within(other, one):
        return True
    # Cut in the middle of a word: the last word may be a beginning.
    short, long = sorted((one, other), key=len)
    return len(short) >= 12 and long.startswith(short)


def listed(items: list[str]) -> str:
    """Join as one says it: "a", "a and b", "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def ranges(numbers: list[int]) -> str:
    """Return numbers in their order with runs drawn together.

    Examples:
        >>> ranges([35, 42, 44, 45, 46])
        '35, 42, 44-46'
    """
    runs: list[list[int]] = []
    for n in sorted(set(numbers)):
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return ", ".join(
        str(run[0]) if len(run) == 1 else f"{run[0]}{'-' if len(run) > 2 else ', '}{run[-1]}"
        for run in runs
    )
