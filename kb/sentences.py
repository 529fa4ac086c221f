"""Where the sentences of an abstract lie, and windows of it that fit an encoder whole.

An encoder reads a few hundred tokens and drops the rest without a word, and the result of a
paper tends to stand at the end of its abstract. So an abstract is read in windows that
overlap, and sentence by sentence. Everything here is pure and total: offsets count in the
text as given, which is never changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

BUDGET = 240
"""Tokens that a window may hold by `tokens`; the default encoder reads 256, two of them marks."""
_OVERLAP = 60
"""Tokens of the window before that the next one may repeat."""


class Span(NamedTuple):
    """A stretch of a text: `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passages:
    """A work's words, cut as the encoder reads them."""

    title: str
    windows: tuple[str, ...]
    """Of title and abstract together, in order, overlapping."""
    sentences: tuple[str, ...]
    """Of the abstract: `abstract[span.start:span.end]` for each of `spans`."""
    spans: tuple[Span, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything to encode: the title where there is one, the windows, the sentences."""
        title = (self.title,) if self.title else ()
        return (*title, *self.windows, *self.sentences)


# A full stop may stand inside closing quotes, brackets or TeX math: "(see above.)", "$x.$".
# The lookbehind keeps a long run of stops from being tried once for each of them.
_STOP = re.compile(
    r"(?<![.!?\u2026])[.!?\u2026]+[\"'\u201d\u2019)\]}$]*\s+"
    r"|[\u3002\uff01\uff1f]\s*|\n[ \t]*\n\s*"
)
# Pandoc's rule: no space just inside the dollars and no digit after them, so that sums of
# money are not math. The length is bounded so that one stray dollar costs one sentence at most.
_MATH = re.compile(
    r"\$\$[^$]{1,600}\$\$|(?<!\\)\$(?=\S)[^$]{0,300}?(?<=[^\s\\])\$(?!\d)"
    r"|\\\(.{0,300}?\\\)|\\\[.{0,300}?\\\]",
    re.DOTALL,
)
_LAST_WORD = re.compile(r"[^\s(\[{\"'\u201c\u2018~]*$")
_NEXT_WORD = re.compile(r"[\"'\u201c\u2018(\[{]*([^\W_]+)")
_START = re.compile(r"[\"'\u201c\u2018]?(?:[^\W\d_]|\d|[$\\([{*\u2022-])")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Never the end of a sentence: a name, a number or an explanation follows.
_OPEN = _words(
    """e.g i.e cf vs viz fig figs eq eqs eqn sec sect thm prop lem def ref refs tab ch chap alg
    app cor vol no nos pp p ca approx resp w.r.t s.t dr prof mr mrs ms st a.k.a aka dept univ"""
)
# May end one: only when the next word is one that sentences begin with.
_EITHER = _words("al etc i.i.d iid a.s a.e inc ltd jr sr u.s u.k ph.d")
_OPENERS = _words(
    """a additionally although an and as at based because both building but by consequently
    contrary conversely despite each even experiments extensive finally first following for from
    further furthermore given hence here how however if in indeed instead inspired it its later
    leveraging like many meanwhile moreover most motivated next nevertheless no notably numerical
    on one our overall particularly previous prior rather recent recently results second several
    similarly since so some specifically subsequently such surprisingly that the their then there
    thereby therefore these they third this those though thus to together two under unlike using
    we what when where whereas whether which while with"""
)


def sentences(text: str) -> list[Span]:
    """Return the sentences of `text`, in order.

    Spans do not overlap, begin and end in a character that is not white space, hold every
    such character of `text`, and fit an encoder: a sentence too long for it is cut at a space.

    Examples:
        >>> text = "We fit e.g. Fig. 2 at 0.5 (Li et al. 2020). It is i.i.d. Gaussian noise."
        >>> [text[start:end] for start, end in sentences(text)]
        ['We fit e.g. Fig. 2 at 0.5 (Li et al. 2020).', 'It is i.i.d. Gaussian noise.']
    """
    math = [match.span() for match in _MATH.finditer(text)]
    found: list[Span] = []
    start = inside = 0
    for stop in _STOP.finditer(text):
        while inside < len(math) and math[inside][1] < stop.end():
            inside += 1
        if inside < len(math) and math[inside][0] < stop.end() - 1 < math[inside][1] - 1:
            continue
        if _ends(text, start, stop):
            found += _fitting(text, start, stop.end())
            start = stop.end()
    return found + _fitting(text, start, len(text))


def _ends(text: str, start: int, stop: re.Match[str]) -> bool:
    """Whether a sentence that began at `start` ends with `stop`."""
    mark, after = stop.group(), text[stop.end() : stop.end() + 40]
    if mark[0] in "\n\u3002\uff01\uff1f":
        return True
    begins = _START.match(after)
    if begins is None or after[:1].islower():
        return False
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    word = _LAST_WORD.search(text, max(start, stop.start() - 40), stop.start())
    last = word.group() if word else ""
    if word and word.start() == start and len(last) <= 3 and (last.isdigit() or len(last) == 1):
        return False  # the number of a list item
    following = _NEXT_WORD.match(after)
    opens = following is not None and following.group(1).lower() in _OPENERS
    if last.lower() in _OPEN:
        return False
    initial = re.fullmatch(r"(?:[A-Z]\.)*[A-Z]", last)
    if last.lower() in _EITHER or initial:
        return opens and after[:1].isupper() and after[1:2] != "."
    return True


def _fitting(text: str, start: int, end: int) -> list[Span]:
    """`text[start:end]` without white space at its ends, cut where it is too long to encode."""
    while start < end and text[start].isspace():
        start += 1
    end = _before_space(text, start, end)
    if start == end:
        return []
    # A token is never shorter than a character, so most sentences need no counting.
    if end - start <= BUDGET or tokens(text[start:end]) <= BUDGET:
        return [Span(start, end)]
    cuts: list[Span] = []
    begin, cost, cut, spare = start, 0, start, 0
    for piece in _PIECE.finditer(text, start, end):
        if text[piece.start() - 1].isspace():
            cut, spare = piece.start(), cost
        if cost + _cost(piece) > BUDGET:
            if cut == begin:  # one word longer than a window
                cut, spare = piece.start(), cost
            cuts.append(Span(begin, _before_space(text, begin, cut)))
            begin, cost = cut, cost - spare
        cost += _cost(piece)
    return [*cuts, Span(begin, end)]


def _before_space(text: str, start: int, end: int) -> int:
    """`end` moved back over white space, as far as `start`."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


# A run of ASCII letters, of digits, or any one other character, which the usual vocabularies
# split off; a run is cut where no vocabulary has so long a word.
_PIECE = re.compile(r"[A-Za-z]{1,24}|[0-9]{1,12}|\S")


def _cost(piece: re.Match[str]) -> int:
    """Tokens for a piece: a plain word of n letters rarely needs more than 1 + n / 6."""
    length = piece.end() - piece.start()
    return 1 + (length - 1) // 6 if length > 1 else 1


def tokens(text: str) -> int:
    """Return about how many tokens an encoder makes of `text`, rather too many than too few.

    Counted without a tokenizer so that the cut, and with it the key under which a vector is
    stored, is the same for every encoder.

    Examples:
        >>> tokens("Networks memorize $x_1$.")
        10
    """
    return sum(map(_cost, _PIECE.finditer(text)))


def windows(text: str) -> list[Span]:
    """Return stretches of `text` that each fit an encoder and together hold all of it.

    Windows begin and end with sentences, and each begins with the last sentence of the one
    before where that is short enough. A text that fits whole is one window.
    """
    found: list[Span] = []
    held: list[tuple[Span, int]] = []
    for span in sentences(text):
        cost = tokens(text[span.start : span.end])
        if held and sum(each for _, each in held) + cost > BUDGET:
            found.append(Span(held[0][0].start, held[-1][0].end))
            last = held[-1]
            held = [last] if last[1] <= _OVERLAP and last[1] + cost <= BUDGET else []
        held.append((span, cost))
    if held:
        found.append(Span(held[0][0].start, held[-1][0].end))
    return found


def passages(title: str, abstract: str) -> Passages:
    """Return what an encoder should read of a work."""
    title = title.strip()
    stop = "" if title.endswith((".", "!", "?")) or not title else "."
    whole = f"{title}{stop} {abstract}".strip()
    spans = tuple(sentences(abstract))
    return Passages(
        title=title,
        windows=tuple(whole[start:end] for start, end in windows(whole)),
        sentences=tuple(abstract[start:end] for start, end in spans),
        spans=spans,
    )
