"""Text as it comes to text as we keep it. Every function here is pure and total."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPACE = re.compile(r"\s+")
# Controls that are not white space, soft marks that only hide text, and the bidirectional
# controls with which a title can be made to read as another (https://trojansource.codes).
# The joiners U+200C and U+200D stay: Persian and Indic scripts need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def prose(text: str) -> str:
    r"""Return `text` on one line, in NFC, without invisible controls, runs of space made one.

    TeX is left alone: "$\mu$P" is the author's spelling, and the site can render it. A lone
    surrogate, which no encoding can carry, becomes U+FFFD; a source should refuse the record
    first, see `is_sound`.

    Examples:
        >>> prose("Why Diffusion\n  Models Don't\u00a0Memorize ")
        "Why Diffusion Models Don't Memorize"
    """
    if text.isascii() and text.isprintable() and "  " not in text:  # has no space but " "
        return text.strip()
    words = " ".join(text.split())
    if words.isascii() and words.isprintable():  # most texts: nothing else can be done to them
        return words
    visible = _INVISIBLE.sub("", _SURROGATE.sub("\ufffd", text))
    return _SPACE.sub(" ", unicodedata.normalize("NFC", visible)).strip()


def is_sound(text: str) -> bool:
    r"""Tell whether `text` can be encoded: JSON can smuggle in half a character.

    Examples:
        >>> is_sound("naïve"), is_sound("half \ud835 a letter")
        (True, False)
    """
    return text.isascii() or _SURROGATE.search(text) is None


# -- names ---------------------------------------------------------------------------------

_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306",
    ".": "\u0307", '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323",
    "c": "\u0327", "k": "\u0328",
}  # fmt: skip
_LETTERS = {
    "aa": "å", "AA": "Å", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø",
    "l": "ł", "L": "Ł", "ss": "ß", "i": "ı", "j": "ȷ",
}  # fmt: skip
# The accent is a sign, or a letter that a brace or a space keeps apart from the base.
_ACCENTED = re.compile(
    r"\\(?:([`'^~=.\"])\s*|([uvHcdkr])(?:\s+|(?=\{)))(?:\{\s*(\\?[^\W\d_])\s*\}|(\\?[^\W\d_]))"
)
_LETTER = re.compile(r"\\(aa|AA|ae|AE|oe|OE|ss|o|O|l|L|i|j)(?![A-Za-z])\s*(?:\{\})?")
_TEX_MARKS = str.maketrans({"{": None, "}": None, "~": " "})
_SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv)\.?", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*[,;]\s*|\s+(?:and|&)\s+")
_AND = re.compile(r"^and(?:\s+|$)")
_PARENTHESIS = re.compile(r"\([^()]*\)")


def name(text: str) -> str:
    r"""Return a person's name with TeX accents as letters.

    Examples:
        >>> name("Fran\\c{c}ois G\\\"odel"), name("S\\o{}ren {\\L}ukasz")
        ('François Gödel', 'Søren Łukasz')
    """
    if "\\" in text:
        text = _ACCENTED.sub(_accented, text)
        text = _LETTER.sub(lambda match: _LETTERS[match[1]], text)
    return prose(text.translate(_TEX_MARKS))


def _accented(match: re.Match[str]) -> str:
    base = (match[3] or match[4]).removeprefix("\\")  # \'{\i} is an i that makes room
    return unicodedata.normalize("NFC", base + _ACCENTS[match[1] or match[2]])


def authors(text: str) -> tuple[str, ...]:
    """Return the names in an author line, in order, without affiliations.

    Examples:
        >>> authors("Ada B. Example (Institute of A, and B), Carl Demo, Jr. and Eve Sample")
        ('Ada B. Example', 'Carl Demo, Jr.', 'Eve Sample')
    """
    for _ in range(4):  # innermost first; nobody nests deeper, and a hostile line might
        if "(" not in text:
            break
        text = _PARENTHESIS.sub(" ", text)
    found: list[str] = []
    for part in _BETWEEN.split(f" {prose(text)} "):
        part = part.strip()
        plain = name(_AND.sub("", part) if part.startswith("and") else part)
        if found and _SUFFIX.fullmatch(plain):
            found[-1] = f"{found[-1]}, {plain}"
        elif plain:
            found.append(plain)
    return tuple(found)


def authors_parsed(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return names from rows of family name, given names, suffix and anything else.

    Examples:
        >>> authors_parsed([["Example", "Ada B.", ""], ["Demo", "Carl", "Jr."]])
        ('Ada B. Example', 'Carl Demo, Jr.')
    """
    found = []
    for row in rows:
        family, given, suffix = (*row, "", "", "")[:3]
        plain = name(f"{given} {family}")
        if plain:
            found.append(f"{plain}, {name(suffix)}" if name(suffix) else plain)
    return tuple(found)


# -- withdrawal ----------------------------------------------------------------------------

_PAPER = r"(?:paper|article|manuscript|preprint|submission|work|note|letter|document|thesis)"
# A comment, or a sentence in one, that begins with the word speaks of the paper.
_NOTE = re.compile(r"(?:^|\. )\W*(?:this is |administratively )?withdraw(?:n|al|ing)?\b", re.I)
_WITHDRAWN = re.compile(
    rf"""
      \b{_PAPER}\ (?:\w+\ )?(?:(?:has|have)\ (?:now\ |to\ )?(?:been?\ )?|is\ (?:being\ )?|was\ |
        (?:has|should|will|must|needs?)\ (?:to\ )?be\ )?(?:temporarily\ |now\ )?
        (?:withdrawn?|removed\ by\ arxiv)\b
    | \b(?:authors?|we|i)(?:['’]m|['’]re)?\ (?:\w+\ ){{0,5}}?withdr(?:awn?|ew|awing|aws)
        \ (?:all\ versions\ of\ )?(?:this|the|our|my|it\b)(?!\ (?:previous|earlier|old))
    | \bwithdraw(?:al\ of)?\ (?:this|the|our)\ (?:\w+\ )?{_PAPER}
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_withdrawn(comment: str, abstract: str) -> bool:
    """Tell whether the authors, or arXiv, say that they withdrew the paper.

    arXiv has no field for it: the newest version's comment says so, or its abstract is
    replaced by a sentence that does. Of an abstract only the beginning counts, since fluids,
    cues and troops are withdrawn too.

    Examples:
        >>> is_withdrawn("This paper has been withdrawn by the author", "We study cats.")
        True
        >>> is_withdrawn("12 pages", "The drug is withdrawn after a week.")
        False
    """
    said, begun = prose(comment[:2000]), prose(abstract[:200])[:160]
    if not (_may_tell(said) or _may_tell(begun)):
        return False
    return bool(_NOTE.search(said) or _WITHDRAWN.search(said) or _WITHDRAWN.search(begun))


def _may_tell(text: str) -> bool:
    """Whether one of the patterns may find something: all need one of these words.

    Beyond ASCII there are letters that only a pattern takes for one of theirs.
    """
    lowered = text.lower()
    return not text.isascii() or "withdr" in lowered or "removed by arxiv" in lowered
