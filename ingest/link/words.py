"""The words of a text as the lexical scores compare them. Pure."""

from __future__ import annotations

import itertools
import re

_WORD = re.compile(r"[^\W_]+")
_SPELLINGS = (("over-param", "overparam"), ("parametri", "parameteri"))
_COMMON_WORDS = """a an and are as at be been both but by can each for from has have how however
if in into is it its may more most new no not of on or our over paper proposed propose result
results s show shows study studies such than that the their them then there these they this those
to under used use using via was we what when where which while who will with without work works
also based between e g"""
_COMMON = frozenset(_COMMON_WORDS.split())


def words(text: str) -> list[str]:
    """Return the stems of the words of `text`, then of its pairs of neighboring words.

    Pairs are what tell "implicit regularization" from "regularization"; common words are left
    out first, so that "bias of the minimum norm" and "minimum-norm bias" share one.

    Examples:
        >>> words("Networks memorize; memorization of the noisy labels")
        ['network', 'memoriz', 'memoriz', 'noisy', 'label', 'network memoriz', \
'memoriz memoriz', 'memoriz noisy', 'noisy label']
    """
    lowered = text.lower()
    for old, new in _SPELLINGS:
        lowered = lowered.replace(old, new)
    stems = [
        _stem(word) for word in _WORD.findall(lowered) if len(word) > 1 and word not in _COMMON
    ]
    return stems + [f"{one} {two}" for one, two in itertools.pairwise(stems)]


_NOUN = re.compile(r"(?:ization|isation|ise|ize)$")
_ENDING = re.compile(r"(?:ing|ed|es|s|ly)$")


def _stem(word: str) -> str:
    """A word without its endings: crude, but the same on both sides."""
    if len(word) > 5:
        word = _NOUN.sub("iz", word)
        word = _ENDING.sub("", word[:-3] + "y" if word.endswith("ies") else word)
    elif len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return word
