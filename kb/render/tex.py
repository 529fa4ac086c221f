r"""TeX in titles and abstracts to MathML and plain marks, when the page is made.

Authors write TeX of their own making, and strangers write traps. So a formula is rendered only
where it is short, shallow, and made of commands that this list knows; anything else is shown
as it was written. What comes out is built anew from the few elements that are allowed, with
every letter through the one filter, so that neither the converter nor its input can add markup.
"""

from __future__ import annotations

import html
import inspect
import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element
from markupsafe import Markup

from kb.render.untrusted import LIMIT, untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree.ElementTree import Element

_LONGEST = 300
"""Characters of one formula; the longest of a thousand real ones has 158."""
_MOST = 80
"""Formulas of one text."""
_DEPTH = 12
"""Braces within braces."""

# A dollar opens only before something that is not a space, and closes only after such and not
# before a digit, so that "from $5 to $10" stays what it is.
_FORMULA = re.compile(
    rf"""
      (?<!\\)\$\$(?P<a>[^$]{{1,{_LONGEST}}}?)\$\$
    | (?<![\\$])\$(?P<b>(?![\s$])[^$]{{0,{_LONGEST}}}?[^\s$\\])\$(?![\d$])
    | \\\((?P<c>[^$]{{1,{_LONGEST}}}?)\\\)
    | \\\[(?P<d>[^$]{{1,{_LONGEST}}}?)\\\]
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMAND = re.compile(r"\\([a-zA-Z]+|.)", re.DOTALL)
_COMMANDS = (
    # letters
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta "
    "Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar Re Im aleph imath jmath "
    # alphabets and styles
    "mathbf mathbb mathcal mathrm mathsf mathtt mathit mathscr mathfrak boldsymbol bm text textit "
    "textbf texttt textrm mbox operatorname displaystyle textstyle "
    # operators and relations
    "times cdot cdots ldots dots vdots ddots div pm mp ast star circ bullet oplus otimes odot "
    "wedge vee cap cup setminus leq le geq ge neq ne ll gg lesssim gtrsim approx sim simeq cong "
    "equiv propto asymp prec succ subset supset subseteq supseteq in notin ni perp parallel mid "
    "vdash models forall exists neg lnot land lor emptyset varnothing infty partial nabla to gets "
    "rightarrow leftarrow Rightarrow Leftarrow leftrightarrow Leftrightarrow longrightarrow "
    "longleftarrow mapsto uparrow downarrow hookrightarrow implies iff therefore because "
    "sum prod int iint oint bigcup bigcap bigoplus bigotimes lim limsup liminf max min sup inf "
    "arg argmax argmin log ln exp sin cos tan sinh cosh tanh det dim ker tr deg gcd Pr bmod pmod "
    # structure
    "frac tfrac dfrac sqrt binom hat widehat tilde widetilde bar overline underline vec dot ddot "
    "overbrace underbrace overset underset stackrel left right big Big bigg Bigg bigl bigr lVert "
    "rVert lvert rvert langle rangle lceil rceil lfloor rfloor prime top bot dagger quad qquad "
    "angle triangle square checkmark pmb"
)
_KNOWN = frozenset(_COMMANDS.split()) | frozenset("%&#_{}|,;:! ")
_TAGS_OF_MATH = (
    "mrow mi mn mo ms mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover "
    "mtable mtr mtd mstyle mpadded mphantom menclose"
)
_ELEMENTS = frozenset(_TAGS_OF_MATH.split())
_ATTRIBUTES = {
    "stretchy": frozenset({"true", "false"}),
    "fence": frozenset({"true", "false"}),
    "accent": frozenset({"true", "false"}),
    "mathvariant": frozenset(
        {"normal", "bold", "italic", "bold-italic", "double-struck", "script", "fraktur",
         "sans-serif", "monospace"}
    ),
    "linethickness": frozenset({"0"}),
}  # fmt: skip
_FAILURES: tuple[type[Exception], ...] = (
    *(e for _, e in inspect.getmembers(exceptions, inspect.isclass) if issubclass(e, Exception)),
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
)
"""The package's own errors share no base, and odd input reaches it that it did not foresee."""

_MARKED = re.compile(
    r"\\(?P<command>emph|textit|textbf|texttt|textsc|textrm|underline|mbox)\{(?P<inner>[^{}\\]{0,300})\}"
)
_TAGS = {"emph": "em", "textit": "em", "textbf": "strong", "texttt": "code"}
_ACCENTED = re.compile(r"\\([`'^~\"=.])\{?([A-Za-z])\}?")
_ACCENTS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308",
            "=": "\u0304", ".": "\u0307"}  # fmt: skip
_PLAIN = (("``", "“"), ("''", "”"), ("---", "—"), ("--", "–"), ("\\%", "%"), ("\\&", "&"),
          ("\\#", "#"), ("\\_", "_"), ("\\$", "$"), ("\\ ", " "), ("\\,", " "))  # fmt: skip


def tex(text: object, limit: int = LIMIT) -> Markup:
    r"""Return a title or an abstract as markup in which formulas are MathML.

    Args:
        text: As its source wrote it.
        limit: Most characters kept; see `untrusted`.

    Examples:
        >>> str(tex(r"Learning with $\mu$P"))
        'Learning with <span class="tex"><math><mi>μ</mi></math></span>P'
        >>> str(tex(r"$\href{javascript:x}{y}$ costs 5\%"))[:18]
        '&#36;&#92;href&#12'
    """
    found = "".join(_pieces(str(text)[:limit]))
    return Markup(found)  # noqa: S704 - each piece is encoded or built of allowed elements


def tex_plain(text: object, limit: int = LIMIT) -> str:
    r"""Return a title as plain text: formulas as their characters, for heads, feeds and names.

    Examples:
        >>> tex_plain(r"Learning with $\mu$P and $\mathcal{O}(n^2)$ \emph{cups}")
        'Learning with μP and 𝒪(n2) cups'
    """
    value = str(text)[:limit]
    parts: list[str] = []
    at = 0
    for match in _FORMULA.finditer(value):
        parts.append(_bare(value[at : match.start()]))
        element = _parsed(_inner(match))
        parts.append(match[0] if element is None else html.unescape("".join(element.itertext())))
        at = match.end()
    parts.append(_bare(value[at:]))
    return " ".join("".join(parts).split())


def tex_cut(text: object, cuts: Iterable[int], limit: int = LIMIT) -> list[tuple[int, int, Markup]]:
    r"""Return a text in pieces, each as `tex` shows it where it stands, so that they can be marked.

    A formula, or a command such as \emph with its words, is shown whole: a cut within it moves to
    its start. `tex_whole` says where those stand, for whoever wants a cut at its end.

    Args:
        text: As its source wrote it.
        cuts: Offsets at which to cut; the ends need not be among them.
        limit: Most characters kept; see `untrusted`.

    Returns:
        (start, end, markup) in order; together they are the whole text.

    Examples:
        >>> [(a, b) for a, b, _ in tex_cut(r"so $a+b$ is", [2, 5])]
        [(0, 2), (2, 3), (3, 11)]
    """
    value = str(text)[:limit]
    whole = list(_atoms(value))
    moved = {0, len(value)}
    for cut in cuts:
        within = next((start for start, end, _ in whole if start < cut < end), cut)
        moved.add(min(max(within, 0), len(value)))
    return [
        (start, end, Markup("".join(_between(value, whole, start, end))))  # noqa: S704 - as in tex
        for start, end in pairwise(sorted(moved))
    ]


def tex_whole(text: object, limit: int = LIMIT) -> list[tuple[int, int]]:
    r"""Return the stretches of a text that are shown as one thing: formulas, words in \emph.

    Examples:
        >>> tex_whole(r"so $a+b$ is")
        [(3, 8)]
    """
    return [(start, end) for start, end, _ in _atoms(str(text)[:limit])]


def _pieces(text: str) -> Iterator[str]:
    yield from _between(text, list(_atoms(text)), 0, len(text))


def _between(text: str, whole: list[tuple[int, int, str]], start: int, end: int) -> Iterator[str]:
    """The markup of a stretch of the text that cuts none of what is shown whole."""
    at = start
    for first, last, shown in whole:
        if start <= first and last <= end:
            yield _encoded(text[at:first])
            yield shown
            at = last
    yield _encoded(text[at:end])


def _atoms(text: str) -> Iterator[tuple[int, int, str]]:
    """What is shown whole, as (start, end, markup): formulas, and between them marked words."""
    at = 0
    for number, match in enumerate(_FORMULA.finditer(text)):
        if number == _MOST:
            break
        element = _parsed(_inner(match))
        if element is None:
            continue  # shown as written, with what comes before the next formula
        yield from _marked(text, at, match.start())
        block = "".join(_built(child, 0) for child in _unwrapped(element))
        yield match.start(), match.end(), f'<span class="tex"><math>{block}</math></span>'
        at = match.end()
    yield from _marked(text, at, len(text))


def _marked(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Words that the text itself marks outside formulas: emphasis as markup."""
    for match in _MARKED.finditer(text, start, end):
        tag = _TAGS.get(match["command"], "span")
        yield match.start(), match.end(), f"<{tag}>{_encoded(match['inner'])}</{tag}>"


def _inner(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


@lru_cache(maxsize=4096)
def _parsed(formula: str) -> Element | None:
    """The formula as MathML, None where it is not of the kind we render."""
    depth = deepest = 0
    for sign in re.sub(r"\\.", "", formula):
        depth += (sign == "{") - (sign == "}")
        deepest = max(deepest, depth)
    commands = {match[1] for match in _COMMAND.finditer(formula)}
    if depth or deepest > _DEPTH or not commands <= _KNOWN:
        return None
    try:
        element = convert_to_element(" ".join(formula.split()))
    except _FAILURES:
        return None
    known = all(part.tag in _ELEMENTS for part in element.iter() if part is not element)
    return element if known else None


def _unwrapped(element: Element) -> list[Element]:
    """The parts of <math> without the row that the converter puts around all of them."""
    parts = list(element)
    if len(parts) == 1 and parts[0].tag == "mrow":
        return list(parts[0])
    return parts


def _built(element: Element, depth: int) -> str:
    if depth > 4 * _DEPTH:
        return ""
    attributes = "".join(
        f' {name}="{value}"'
        for name, value in sorted(element.attrib.items())
        if value in _ATTRIBUTES.get(name, ())
    )
    # The converter writes signs as entities, which untrusted text would show as such.
    text = untrusted(html.unescape(element.text)) if element.text else ""
    inner = "".join(_built(child, depth + 1) for child in element)
    return f"<{element.tag}{attributes}>{text}{inner}</{element.tag}>"


def _encoded(text: str) -> str:
    """Encode, keeping the space at either end, which the filter would strip."""
    if not text:
        return ""
    inner = str(untrusted(_signs(text)))
    left = " " if text[0].isspace() else ""
    right = " " if inner and text[-1].isspace() else ""
    return f"{left}{inner}{right}"


def _bare(text: str) -> str:
    return _signs(_MARKED.sub(lambda match: match["inner"], text))


def _signs(text: str) -> str:
    text = _ACCENTED.sub(
        lambda match: unicodedata.normalize("NFC", match[2] + _ACCENTS[match[1]]), text
    )
    for written, meant in _PLAIN:
        text = text.replace(written, meant)
    return text
