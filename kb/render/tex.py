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
from typing import TYPE_CHECKING

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element
from markupsafe import Markup

from kb.render.untrusted import LIMIT, untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def _pieces(text: str) -> Iterator[str]:
    at = 0
    for number, match in enumerate(_FORMULA.finditer(text)):
        if number == _MOST:
            break
        element = _parsed(_inner(match))
        if element is None:
            continue  # shown as written, with what comes before the next formula
        yield from _prose(text[at : match.start()])
        block = "".join(_built(child, 0) for child in _unwrapped(element))
        yield f'<span class="tex"><math>{block}</math></span>'
        at = match.end()
    yield from _prose(text[at:])


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


def _prose(text: str) -> Iterator[str]:
    """Text outside formulas: emphasis as markup, a few signs as themselves."""
    at = 0
    for match in _MARKED.finditer(text):
        yield _encoded(text[at : match.start()])
        tag = _TAGS.get(match["command"], "span")
        yield f"<{tag}>{_encoded(match['inner'])}</{tag}>"
        at = match.end()
    yield _encoded(text[at:])


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
