"""The one filter through which text enters Markdown and HTML, and templates that cannot skip it.

Titles, abstracts, names and addresses come from outside and are hostile until shown
otherwise. `html.escape` is not enough before Markdown, which acts on characters that HTML
ignores, so every ASCII punctuation character becomes a numeric entity: both then see
letters, digits and spaces alone. Our own prose takes the same path, because two paths are
one too many.
"""

from __future__ import annotations

import string
import unicodedata
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, nodes
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jinja2 import BaseLoader

LIMIT = 20_000
"""Characters kept of one text; the longest abstract that arXiv takes has 1,920."""

_URL_LIMIT = 2_000
"""Characters; browsers differ above it, and no address of a paper comes near."""

# Explicit and implicit direction marks, invisible joiners that hide text, byte-order marks,
# interlinear annotation and tag characters. Zero-width joiner and non-joiner stay: several
# scripts need them.
_INVISIBLE = (
    *range(0x202A, 0x202F),
    *range(0x2066, 0x2070),
    *(0x061C, 0x200B, 0x200E, 0x200F, 0xFEFF),
    *range(0x2060, 0x2065),
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0080),
)
_TABLE: dict[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *_INVISIBLE)),
    **dict.fromkeys(range(0xD800, 0xE000)),  # lone surrogates cannot be written
    **{code: None for plane in range(17) for code in (plane << 16 | 0xFFFE, plane << 16 | 0xFFFF)},
    **{ord(mark): f"&#{ord(mark)};" for mark in string.punctuation},
}
_PLAIN_IN_URL = frozenset(string.ascii_letters + string.digits + "/:.?=-")


def untrusted(text: object, limit: int = LIMIT) -> Markup:
    """Return `text` as characters that neither Markdown nor HTML acts on.

    White space, line breaks among it, folds to one space; control characters and invisible
    direction marks go; the rest is in NFC. What a browser shows is the text itself.

    Args:
        text: Anything; shown as `str` shows it.
        limit: Most characters kept; a longer text ends in an ellipsis.

    Examples:
        >>> str(untrusted("<b>1. *x*"))
        '&#60;b&#62;1&#46; &#42;x&#42;'
    """
    plain = " ".join(unicodedata.normalize("NFC", str(text)[: 2 * limit]).split())
    if len(plain) > limit:
        plain = plain[: limit - 1] + "…"
    # Dropping a character may leave two spaces side by side, hence the second fold.
    return Markup(" ".join(plain.translate(_TABLE).split()))  # noqa: S704 - encoded


def verbatim(text: str) -> Markup:
    r"""Return a text of several lines for a <pre>: each line through the filter, its indent kept.

    Examples:
        >>> str(verbatim("a\n  <b>"))
        'a\n&#32;&#32;&#60;b&#62;'
    """
    lines = []
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        lines.append("&#32;" * indent + str(untrusted(line)))
    return Markup("\n".join(lines))  # noqa: S704 - encoded


def address(url: str) -> Markup:
    """Return a web address fit for an href, or "" where it is not plain http or https.

    Examples:
        >>> str(address("https://arxiv.org/abs/2505.17638"))
        'https://arxiv.org/abs/2505.17638'
        >>> str(address("javascript:alert(1)"))
        ''
    """
    clean = "".join(url.translate(dict.fromkeys((*range(0x21), *_INVISIBLE))))
    if len(clean) > _URL_LIMIT:
        return Markup("")
    try:
        parts = urlsplit(clean)
        host = parts.hostname
    except ValueError:
        return Markup("")
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return Markup("")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Cn", "Zl", "Zp") for c in clean):
        return Markup("")
    return Markup(  # noqa: S704 - every character that could end the attribute is encoded
        "".join(c if c in _PLAIN_IN_URL or ord(c) > 0x9F else f"&#{ord(c)};" for c in clean)
    )


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) else untrusted(value)


class _Environment(Environment):
    """Refuses the few template expressions that would glue raw text to finished markup."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in tree.find_all((nodes.Concat, nodes.Add, nodes.Mod, nodes.MarkSafe)):
            raise TemplateSyntaxError(
                "no ~, + or % in a template: they would join text past the filter",
                node.lineno,
                name,
                filename,
            )
        return tree


_FILTERS = ("batch", "first", "groupby", "last", "length", "list", "selectattr", "rejectattr")
"""The filters that pick and count; none of them makes markup of text."""


def environment(loader: BaseLoader, functions: Mapping[str, Any]) -> Environment:
    """Return the template environment in which every printed value passes `untrusted`.

    Only what a template itself writes, what a macro returns and what a function returns
    as `Markup` passes unchanged. An undefined name is an error.

    Args:
        loader: Where the templates lie. They are ours; text from outside is never one.
        functions: Functions and constants for all templates.
    """
    env = _Environment(
        loader=loader,
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters = {name: env.filters[name] for name in _FILTERS}
    env.globals = dict(functions)
    return env


def joined(parts: Iterable[Markup | str], between: str = ", ") -> Markup:
    """Return the parts in a row; each one, and what stands between, passes the filter.

    Examples:
        >>> str(joined(["a", Markup("<b>c</b>")], " "))
        'a <b>c</b>'
    """
    # A separator is ours; its edges are spaces that the filter would strip.
    return Markup(Markup(between).join(_finalize(part) for part in parts))  # noqa: S704
