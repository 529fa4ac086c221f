"""BibTeX and BibLaTeX: one entry a work, with text that TeX cannot act upon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kb.export.records import parts, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.export.records import Record
    from kb.export.selection import Selection

# BibTeX counts braces even behind a backslash, so a lone one must be a word.
_ESCAPES = str.maketrans(
    {
        "\\": r"{\textbackslash}",
        "{": r"{\textbraceleft}",
        "}": r"{\textbraceright}",
        "^": r"{\textasciicircum}",
        "~": r"{\textasciitilde}",
        "<": r"{\textless}",
        ">": r"{\textgreater}",
        '"': r"{\textquotedbl}",
        "`": r"{\textasciigrave}",
        "|": r"{\textbar}",
        **{mark: f"\\{mark}" for mark in "$&%#_"},
    }
)
# Formulas in titles are kept when nothing in them but these words can act.
_WORDS = frozenset(
    re.findall(
        r"\w+",
        "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi "
        "rho sigma tau phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi "
        "Omega ell infty partial nabla neq leq geq ne le ge approx sim propto to rightarrow "
        "times cdot pm in mathbb mathbf mathcal mathrm mathsf mathit mathfrak boldsymbol frac "
        "sqrt log exp tilde hat bar overline ldots cdots dots star ast prime circ ",
    )
)
_FORMULA = re.compile(r"\$([A-Za-z0-9Α-Ωα-ω\\{}^_+*/=,.;:()\[\] -]{1,200})\$")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def bibtex(selection: Selection) -> Iterator[bytes]:
    """Yield the works as classic BibTeX: year and month where they are known."""
    for record in records(selection):
        kind = {"article": "article", "inproceedings": "inproceedings"}.get(record.kind, "misc")
        date = parts(record.date)
        fields = [
            ("author", _authors(record)),
            ("title", f"{{{escape(record.title)}}}"),
            ("journal" if kind == "article" else "booktitle", escape(record.venue)),
            ("year", record.year),
        ]
        if len(date) > 1:
            fields.append(("month", f"#{_MONTHS[date[1] - 1]}"))
        fields += _common(record)
        yield _entry(kind, record.key, fields)


def biblatex(selection: Selection) -> Iterator[bytes]:
    """Yield the works as BibLaTeX, whose `date` takes an EDTF date as it is."""
    for record in records(selection):
        kind = {"article": "article", "inproceedings": "inproceedings"}.get(record.kind, "online")
        fields = [
            ("author", _authors(record)),
            ("title", f"{{{escape(record.title)}}}"),
            ("journaltitle" if kind == "article" else "booktitle", escape(record.venue)),
            # BibLaTeX reads EDTF levels 0 and 1; "one of these days" is level 2.
            ("date", record.date.removesuffix("..") if record.date[:1] not in "[{" else ""),
            *_common(record),
        ]
        yield _entry(kind, record.key, fields)


def escape(text: str) -> str:
    r"""Return one-line text as TeX that prints it; short harmless formulas stay formulas.

    Examples:
        >>> escape(r"100% of $\ell_2$ {norms}")
        '100\\% of $\\ell_2$ {\\textbraceleft}norms{\\textbraceright}'
        >>> escape(r"$\input{/etc/passwd}$")[:17]
        '\\${\\textbackslash'
    """
    out, done = [], 0
    for match in _FORMULA.finditer(text):
        if not _harmless(match[1]):
            continue
        out += [_plain(text[done : match.start()]), match[0]]
        done = match.end()
    return "".join([*out, _plain(text[done:])])


def _plain(text: str) -> str:
    # TeX joins hyphens and apostrophes in a row to dashes and quotes; braces keep them apart.
    apart = re.sub(r"-{2,}|'{2,}", lambda m: "\0".join(m[0]), text).translate(_ESCAPES)
    return apart.replace("\0", "{}")


def _harmless(formula: str) -> bool:
    depth = 0
    for mark in re.sub(r"\\[A-Za-z]+", "", formula):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth < 0 or mark == "\\":
            return False
    return depth == 0 and _WORDS.issuperset(re.findall(r"\\([A-Za-z]+)", formula))


def _authors(record: Record) -> str:
    return " and ".join(
        f"{_name(family)}, {_name(given)}" if given else f"{{{escape(family)}}}"
        for given, family in record.authors
    )


def _name(part: str) -> str:
    """A name part, in braces where an "and", a comma or a mark would be read as syntax."""
    text = escape(part)
    plain = re.fullmatch(r"[^\W\d_]+(?:[ .-]+[^\W\d_]+)*\.?", part)
    return text if plain and "and" not in part.lower().split() else f"{{{text}}}"


def _verbatim(text: str) -> str:
    """An identifier as it is: styles print these fields unread, so escapes would show."""
    return re.sub(r"[^A-Za-z0-9._;()/:+<>-]", "", text)


def _common(record: Record) -> list[tuple[str, str]]:
    fields = [("doi", _verbatim(record.doi))]
    if record.arxiv:
        fields += [
            ("eprint", _verbatim(record.arxiv)),
            ("eprinttype", "arxiv"),
            ("archiveprefix", "arXiv"),
            ("primaryclass", _verbatim(record.category)),
        ]
    return [
        *fields,
        ("url", record.url),  # percent-encoded: no brace or backslash is left in it
        ("keywords", escape(", ".join(k.replace(",", ";") for k in record.keywords))),
        ("note", escape(record.note)),
    ]


def _entry(kind: str, key: str, fields: list[tuple[str, str]]) -> bytes:
    lines = [f"@{kind}{{{key},"]
    for name, value in fields:
        if value.startswith("#"):  # a month is a macro, not text
            lines.append(f"  {name} = {value[1:]},")
        elif value and value != "{}":
            lines.append(f"  {name} = {{{value}}},")
    return ("\n".join([*lines, "}"]) + "\n\n").encode()
