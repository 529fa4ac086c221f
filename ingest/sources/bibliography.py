"""Bibliographies as files: BibTeX and BibLaTeX, RIS, CSL-JSON. The way in by hand.

An entry is second-hand: it adds names to a work, and speaks for it only while no source does.
It says where a work appeared, which becomes a form of the work without a text; what a venue
decided is not in it.

Formats: https://ctan.org/pkg/biblatex; https://en.wikipedia.org/wiki/RIS_(file_format);
https://docs.citationstyles.org.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import logging
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ingest import normalize
from ingest.errors import ParseError
from ingest.records import Draft, ManifestationDraft, Raw
from ingest.sources.arxiv_snapshot import month
from ingest.sources.posts import clean, named
from kb import dates, ids
from kb.errors import ConfigError, DateError, IdentifierError
from kb.vocabulary import ManifestationKind, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ingest.records import Errand, Reading
    from kb.schema import SourcesFile

FORMS = ("bibtex", "ris", "csl-json")
"""What can be read; each is the name of a source too."""
FILE_CAP = 64_000_000
"""Bytes of a file: some 100,000 entries."""
ENTRY_CAP = 1_000_000
"""Bytes of an entry. Papers with thousands of authors have some 100,000."""
_VALUE_CAP = 200_000
"""Characters of a field: macros of macros can make it grow without bounds."""

# Broken entries are told through ParseError; the library would also print them.
logging.getLogger("bibtexparser").addHandler(logging.NullHandler())


class Bibliography:
    """Every entry of one file, in the file's order."""

    def __init__(self, path: Path, form: str) -> None:
        """Name the file; nothing is opened before it is fetched.

        Raises:
            ConfigError: There is no such form.
        """
        if form not in FORMS:
            raise ConfigError(f"{form!r} is no form of bibliography; there are {', '.join(FORMS)}")
        self.name = form
        self.path = path
        self.position = "0"
        """Entries read so far."""

    def fetch(self, since: str = "") -> Iterator[Raw]:  # noqa: ARG002 - a file is read whole
        """Yield one record per entry, each with all that is needed to read it.

        Raises:
            ParseError: The file cannot be opened, is too large, is not UTF-8, or holds no
                entry; or, in the middle of it, is not JSON.
            ConfigError: The library for this form is not installed.
        """
        fetched_at = dt.datetime.now(dt.UTC)
        text = _text_of(self.path, self.name)
        number = 0
        for line, entry in _SPLIT[self.name](text, self.path):
            number += 1
            self.position = str(number)
            body = entry.encode("utf-8", "surrogatepass")[:ENTRY_CAP]
            yield Raw(self.name, f"{self.path.name}#{line}", fetched_at, body)
        if not number and self.name != "csl-json":  # an empty array is a bibliography too
            raise ParseError(self.name, str(self.path), f"no {self.name} entry in it")

    def read(self, raw: Raw) -> Draft:
        """Return the work that one entry describes; see `Source.read`."""
        return read(self.name, raw)


def errands(config: SourcesFile) -> list[Errand]:  # noqa: ARG001 - the shape of every source
    """Return nothing: a file is taken in by hand."""
    return []


def readers(config: SourcesFile) -> Mapping[str, Callable[[Raw], Reading]]:  # noqa: ARG001
    """Return how the records of these sources are read."""
    return {form: partial(read, form) for form in FORMS}


def read(form: str, raw: Raw) -> Draft:
    """Return the work that one entry describes.

    Raises:
        ParseError: The entry is broken, names no work that we could find again, or has no title.
        ConfigError: The library for this form is not installed.
    """
    if len(raw.body) >= ENTRY_CAP:
        raise ParseError(form, raw.url, f"entry above {ENTRY_CAP:,} bytes, cut")
    try:
        text = raw.body.decode()
        reference = _READ[form](text)
        return _draft(reference)
    except UnicodeDecodeError as error:
        raise ParseError(form, raw.url, "not UTF-8") from error
    except _BrokenError as error:
        raise ParseError(form, raw.url, normalize.prose(str(error))[:300]) from error


class _BrokenError(ValueError):
    """An entry that cannot be read, with the reason."""


def _text_of(path: Path, form: str) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(FILE_CAP + 1)
    except OSError as error:
        reason = f"cannot read the file: {error.strerror or error}"
        raise ParseError(form, str(path), reason) from error
    if len(body) > FILE_CAP:
        raise ParseError(form, str(path), f"file above {FILE_CAP:,} bytes", "split it")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ParseError(
            form, f"{path}, line {line}", "not UTF-8", "save the file as UTF-8"
        ) from error


# -- from an entry to a work ----------------------------------------------------------------


@dataclass(slots=True)
class _Reference:
    """One entry in the terms of any of the three forms. All text is plain."""

    kind: str = "other"
    """journal, proceedings, post, news, page or other."""
    title: str = ""
    authors: tuple[str, ...] = ()
    date: str = ""
    """EDTF, as precise as it is given; "" where it is none."""
    abstract: str = ""
    venue: str = ""
    arxiv: str = ""
    """What stands where an arXiv identifier belongs."""
    doi: str = ""
    urls: list[str] = field(default_factory=list)
    asides: list[str] = field(default_factory=list)
    """Notes, numbers and the like, of which each may be nothing but an identifier."""


_ARXIV = re.compile(r"\barxiv\b|\bcorr\b", re.I)
_BARE_ARXIV = re.compile(r"(?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?", re.I)
_ASIDE = re.compile(
    r"(?:(?:preprint|(?:arxiv|corr)(?: e-?prints?| preprint)?)[ ,:]+)*"
    r"(?P<id>(?:arxiv:|abs/|https?://|doi:)\S+?)(?:\s*\[[\w.-]+\])?[.,;]?",
    re.I,
)
"""A note that says where the work is, and nothing of another work."""
_REMEDY = "give it a doi, an arXiv id or a url"


def _draft(reference: _Reference) -> Draft:
    title = normalize.prose(reference.title)
    if not title:
        raise _BrokenError("title is missing")
    names = _names(reference)
    work = ids.best(list(names))
    arxiv = next((name for name in names if name.startswith("arxiv:")), "")
    abstract = normalize.prose(reference.abstract)
    first = reference.date
    if given := month(arxiv):  # the year of a paper on arXiv is often that of its journal
        first = first if first.startswith(given) else given
    kind = {"post": WorkKind.post, "news": WorkKind.news, "page": WorkKind.page}
    is_paper = not work.startswith("url:") or reference.kind in ("journal", "proceedings")
    return Draft(
        identifiers=names,
        kind=WorkKind.paper if is_paper else kind.get(reference.kind, WorkKind.paper),
        title=title,
        abstract=abstract,
        authors=tuple(name for name in reference.authors if name),
        first_public=first,
        categories="",
        withdrawn=False,
        manifestations=tuple(_forms(reference, names, title, abstract)),
        are_authors_parsed=False,
    )


def _names(reference: _Reference) -> tuple[str, ...]:
    """The identifiers of the work, the best first.

    Raises:
        _BrokenError: There is none, or it names two papers.
    """
    found = [*named(f"arxiv:{reference.arxiv}")]
    try:
        found += named(f"https://doi.org/{ids.doi(reference.doi)[4:]}")
    except IdentifierError:
        found += named(reference.doi)
    for text in (*reference.urls, *map(_aside, reference.asides)):
        found += named(text)
    by_scheme: dict[str, str] = {}
    for name in dict.fromkeys(found):
        scheme = name.partition(":")[0]
        first = by_scheme.setdefault(scheme, name)
        if scheme == "arxiv" and first != name:
            raise _BrokenError(f"names two papers on arXiv, {first[6:]} and {name[6:]}")
    if by_scheme:
        return tuple(by_scheme[scheme] for scheme in ids.SCHEMES if scheme in by_scheme)
    pages = [url for url in map(clean, reference.urls) if url]
    whole = [url for url in pages if re.fullmatch(r"https?://[^/]+/?", url)]
    if len(pages) > len(whole):
        return (f"url:{next(url for url in pages if url not in whole)}",)
    if whole:
        raise _BrokenError(f"its url is that of a whole site: {_REMEDY} of its own")
    raise _BrokenError(f"no identifier: {_REMEDY}")


def _aside(text: str) -> str:
    """The identifier that a note consists of, "" where it says anything else."""
    match = _ASIDE.fullmatch(normalize.prose(text[:300]))
    return re.sub(r"^abs/", "arxiv:", match["id"], flags=re.I) if match else ""


def _forms(
    reference: _Reference, names: Sequence[str], title: str, abstract: str
) -> Iterator[ManifestationDraft]:
    """Where the work appeared. Without an abstract a form has no text; with one, no date: so
    that it speaks for the work only while no source does.
    """
    by_scheme = {name.partition(":")[0]: name for name in names}
    venue = "" if _ARXIV.search(reference.venue) else normalize.prose(reference.venue)[:300]
    work, kind = ids.best(list(names)), ManifestationKind.page
    if venue and reference.kind in ("journal", "proceedings"):
        kind = ManifestationKind(reference.kind)
        id = by_scheme.get("doi") or f"{work}/{ids.slug(venue)}"
        url = ids.url(by_scheme.get("doi", ""))
    else:
        id, url = work, ids.url(work)
        if "arxiv" in by_scheme:
            if not abstract:
                return  # arXiv's versions are known by number, or will be
            kind = ManifestationKind.arxiv
        elif "openreview" in by_scheme:
            kind = ManifestationKind.openreview
        elif "doi" in by_scheme:
            kind = ManifestationKind.page
        elif reference.kind == "post":
            kind = ManifestationKind.post
    yield ManifestationDraft(
        id=id,
        kind=kind,
        title=title,
        abstract=abstract,
        url=url,
        publisher=venue,
        valid="" if abstract else reference.date,
        has_text=bool(abstract),
    )


def _edtf(text: str) -> str:
    """A date where it is one, "" where it is not."""
    text = text.strip()
    try:
        dates.span(text)
    except DateError:
        return ""
    return text


def _day(year: str, month: str = "", day: str = "") -> str:
    """A date from its parts, as far as they are known.

    Examples:
        >>> _day("2025", "5"), _day("2025", "", "3"), _day("in press")
        ('2025-05', '2025', '')
    """
    if not re.fullmatch(r"\d{4}", year):
        return ""
    found = year
    for part in (month, day):
        if not re.fullmatch(r"\d{1,2}", part):
            break
        found += f"-{int(part):02}"
    return _edtf(found) or _edtf(year)


def _need(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"this form needs {module}, which is not installed: pip install {module}"
        ) from error


# -- BibTeX ---------------------------------------------------------------------------------

_KINDS = {
    "article": "journal",
    "inproceedings": "proceedings",
    "conference": "proceedings",
    "incollection": "proceedings",
    "online": "page",
    "electronic": "page",
    "www": "page",
}
_VOLUMES = frozenset(
    ["proceedings", "mvproceedings", "collection", "mvcollection", "periodical", "set", "xdata"]
)
_INHERITED = ("journal", "journaltitle", "year", "month", "date")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORD = re.compile(r"[^\s{}\"#%'(),=\\]+")


def _split_bibtex(text: str, path: Path) -> Iterator[tuple[int, str]]:  # noqa: ARG001
    """Each entry with the macros and the parent that it uses."""
    library = _need("bibtexparser").parse_string(text, parse_stack=[])
    macros = {block.key.lower(): block.raw for block in library.strings}
    parents = {block.key.lower(): block.raw for block in library.entries}
    model = _need("bibtexparser.model")
    for block in library.blocks:
        if isinstance(block, model.DuplicateBlockKeyBlock):  # two entries may have one key
            block = block.ignore_error_block
        if isinstance(block, model.Entry):
            parent = block.fields_dict.get("crossref")
            above = parents.get(_braced(parent.value).lower(), "") if parent else ""
            above = "" if above == block.raw else above
            used = _macros(f"{above}\n{block.raw}", macros)
            parts = [*used, *filter(None, [above]), block.raw]
        elif isinstance(block, model.ParsingFailedBlock):
            parts = [block.raw]
        else:  # macros, preambles, comments
            continue
        yield block.start_line + 1, "\n".join(parts)


def _macros(text: str, macros: Mapping[str, str]) -> list[str]:
    """The definitions that a text uses, and those that they use, in the file's order."""
    used: set[str] = set()
    todo = [text]
    while todo:
        fresh = {word.lower() for word in _WORD.findall(todo.pop())} & macros.keys() - used
        used |= fresh
        todo += [macros[name] for name in fresh]
    return [raw for name, raw in macros.items() if name in used]


def _braced(value: str) -> str:
    return value.strip().strip('{}"').strip()


def _read_bibtex(text: str) -> _Reference:
    library = _need("bibtexparser").parse_string(text, parse_stack=[])
    blocks = [block for block in library.blocks if not hasattr(block, "comment")]
    block = blocks[-1] if blocks else None
    model = _need("bibtexparser.model")
    if isinstance(block, model.DuplicateFieldKeyBlock):
        raise _BrokenError(f"{', '.join(sorted(block.duplicate_keys))} is given twice")
    if isinstance(block, model.DuplicateBlockKeyBlock):
        block = block.ignore_error_block
    if isinstance(block, model.ParsingFailedBlock):
        reason = str(getattr(block.error, "abort_reason", "") or "it cannot be parsed")
        if "end of file" in reason:
            reason = "a field is not closed before the entry ends"
        raise _BrokenError(f"broken BibTeX: {reason}")
    if not isinstance(block, model.Entry):
        raise _BrokenError("broken BibTeX: no entry")
    kind = block.entry_type.lower()
    if kind in _VOLUMES:
        raise _BrokenError(f"@{kind} is a whole volume, not a work")
    macros: dict[str, str] = {}
    for macro in library.strings:
        macros[macro.key.lower()] = _value(macro.value, macros)
    fields = _fields(block, macros)
    above = [entry for entry in library.entries if entry is not block]
    if above and "crossref" in fields:
        parent = _fields(above[-1], macros)
        inherited = {name: parent[name] for name in _INHERITED if name in parent}
        inherited["booktitle"] = parent.get("booktitle", parent.get("title", ""))
        fields = inherited | fields
    return _from_bibtex(kind, fields)


def _from_bibtex(kind: str, fields: Mapping[str, str]) -> _Reference:
    def get(*names: str) -> str:
        return next((fields[name].strip() for name in names if fields.get(name, "").strip()), "")

    archive = get("archiveprefix", "eprinttype").lower()
    eprint = get("eprint")
    if archive not in ("arxiv", "") or (not archive and not _BARE_ARXIV.fullmatch(eprint)):
        eprint = ""
    venue = get("journal", "journaltitle") or get("booktitle")
    urls = [_address(get(name)) for name in ("url", "howpublished", "ee") if get(name)]
    said = get("month")
    number = said if said.isdigit() else _number(said)
    return _Reference(
        kind=_KINDS.get(kind, "other"),
        title=detex(get("title") + (f": {get('subtitle')}" if get("subtitle") else "")),
        authors=tuple(map(_person, _split_at(get("author"), r"\s+and\s+"))),
        date=_edtf(get("date")) or _day(get("year") or get("date")[:4], number, get("day")),
        abstract=detex(get("abstract")),
        venue=detex(venue),
        arxiv=eprint or get("arxivid"),
        doi=_address(get("doi")),
        urls=urls,
        asides=[detex(get(name)) for name in ("note", "howpublished", "journal", "volume")],
    )


def _number(name: str) -> str:
    """The month that begins a text, as a number."""
    head = detex(name)[:3].lower()
    return str(_MONTHS.index(head) + 1) if head in _MONTHS else ""


def _fields(block: Any, macros: Mapping[str, str]) -> dict[str, str]:
    return {entry.key.lower(): _value(entry.value, macros) for entry in block.fields}


def _value(text: str, macros: Mapping[str, str]) -> str:
    """A field without its quotes or braces, macros and concatenation resolved.

    Examples:
        >>> _value('tea # " and {K}ettles"', {"tea": "Tea"}), _value("2030", {})
        ('Tea and {K}ettles', '2030')
    """
    found: list[str] = []
    size = at = 0
    while at < len(text):
        mark = text[at]
        if mark in '{"':
            end = _closing(text, at)
            found.append(text[at + 1 : end])
            at = end + 1
        elif match := _WORD.match(text, at):
            found.append(macros.get(match[0].lower(), match[0]))
            at = match.end()
        else:
            at += 1
            continue
        size += len(found[-1])
        if size > _VALUE_CAP:
            raise _BrokenError(f"a field above {_VALUE_CAP:,} characters")
    return "".join(found)


def _closing(text: str, start: int) -> int:
    """Where the brace or quote at `start` is closed."""
    depth = 0
    for at in range(start + (text[start] == '"'), len(text)):
        if text[at] == "\\":
            continue
        escaped = text[at - 1] == "\\"
        if text[at] == "{" and not escaped:
            depth += 1
        elif text[at] == "}" and not escaped:
            depth -= 1
            if not depth and text[start] == "{":
                return at
        elif text[at] == text[start] == '"' and not depth and not escaped:
            return at
    return len(text)


def _split_at(text: str, separator: str) -> list[str]:
    """Split outside of braces."""
    parts, start, depth = [], 0, 0
    for match in re.finditer(rf"[{{}}]|{separator}", text):
        if match[0] in "{}":
            depth += 1 if match[0] == "{" else -1
        elif depth == 0:
            parts.append(text[start : match.start()])
            start = match.end()
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def _person(text: str) -> str:
    """A name in the order in which it is said; "" for "and others"."""
    if text == "others":
        return ""
    family, *given = _split_at(text, r"\s*,\s*") or [""]
    if len(given) > 1:
        return f"{detex(' '.join(given[1:]))} {detex(family)}, {detex(given[0])}"
    return detex(f"{given[0]} {family}" if given else family)


def _address(text: str) -> str:
    r"""An address from a field that styles print unread: "\url{...}" and escapes come off."""
    match = re.search(r"\\(?:url|href)\s*\{([^{}]*)\}", text)
    return re.sub(r"\\([&%#_~$])", r"\1", match[1] if match else text).strip("{} \t\n")


# Our own marks for what must outlive the removal of braces; no text uses this private range.
_KEEP = {
    "textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}", "textasciicircum": "^",
    "textasciitilde": "~", "textless": "<", "textgreater": ">", "textquotedbl": '"',
    "textasciigrave": "`", "textbar": "|", "textendash": "–", "textemdash": "—", "&": "&",
    "%": "%", "#": "#", "_": "_", "$": "$", "{": "{", "}": "}",
}  # fmt: skip
_KEPT = re.compile(
    r"\\(?:(text(?:backslash|brace(?:left|right)|ascii(?:circum|tilde|grave)|less|greater|"
    r"quotedbl|bar|endash|emdash))(?![A-Za-z])\s*(?:\{\})?|([&%#_${}]))"
)
_FORMULA = re.compile(r"(?<!\\)\$[^$]{1,500}(?<!\\)\$")
_FONT = re.compile(
    r"\\(?:emph|text(?:it|bf|sc|tt|rm|sf|sl|up|md|normal)|mbox|uppercase)\s*(?=\{)"
    r"|\\(?:em|it|bf|sc|tt|rm|sf|sl|bibinfo)(?![A-Za-z])\s*"
)
_PRIVATE = re.compile("[\ue000-\uf8ff]")


def detex(text: str) -> str:
    r"""Return TeX as one line of plain text: braces off, accents on; formulas stay as they are.

    Examples:
        >>> detex(r"{K}ettles \& {\'E}clairs: $\mathbb{R}^n$ -- a {\em s{\"u}rvey}")
        'Kettles & Éclairs: $\\mathbb{R}^n$ – a sürvey'
        >>> detex("-{}-{\\textbraceleft}100\\%{\\textbraceright}")
        '--{100%}'
    """
    kept: list[str] = []

    def keep(plain: str) -> str:
        kept.append(plain)
        return chr(0xE000 + len(kept) - 1)

    text = _PRIVATE.sub("", text)
    room = 0xF8FF - 0xE000
    text = _FORMULA.sub(lambda m: keep(m[0]) if len(kept) < room else m[0], text)
    text = _KEPT.sub(lambda m: keep(_KEEP[m[1] or m[2]]) if len(kept) < room else "", text)
    text = text.replace("---", "—").replace("--", "–").replace("``", "“").replace("''", "”")
    plain = normalize.name(_FONT.sub("", text))
    return normalize.prose(_PRIVATE.sub(lambda m: kept[ord(m[0]) - 0xE000], plain))


# -- RIS ------------------------------------------------------------------------------------

_RIS_KINDS = {
    "JOUR": "journal",
    "EJOUR": "journal",
    "MGZN": "journal",
    "CPAPER": "proceedings",
    "CONF": "proceedings",
    "CHAP": "proceedings",
    "BLOG": "post",
    "NEWS": "news",
    "ELEC": "page",
    "WEB": "page",
    "ICOMM": "page",
}
_RIS_TAG = re.compile(r"[A-Z][A-Z0-9]  -")


def _split_ris(text: str, path: Path) -> Iterator[tuple[int, str]]:  # noqa: ARG001
    lines: list[str] = []
    start = 0
    for number, line in enumerate(re.split(r"(?<=\n)|(?<=\r)(?!\n)", text), 1):
        begins = line.startswith("TY  -")
        if lines and begins:
            yield start, "".join(lines)  # the one before has no end
            lines = []
        if not lines and not _RIS_TAG.match(line):
            continue
        if not lines:
            start = number
        lines.append(line)
        if line.startswith("ER  -"):
            yield start, "".join(lines)
            lines = []
    if lines:
        yield start, "".join(lines)


def _read_ris(text: str) -> _Reference:
    lines = re.split(r"\r\n|\r|\n", text)
    if not lines[0].startswith("TY  -"):
        raise _BrokenError("broken RIS: the record does not begin with TY")
    try:
        found = _need("rispy").loads("\n".join(lines))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise _BrokenError(f"broken RIS: {error}") from error
    if len(found) != 1:
        raise _BrokenError("broken RIS: the record does not end with ER")
    row = found[0]

    def get(*names: str) -> str:
        return next((str(row[name]).strip() for name in names if row.get(name)), "")

    day = [*re.split(r"[/-]", get("date", "year", "publication_year")), "", ""][:3]
    authors = row.get("authors") or row.get("first_authors") or []
    notes = row.get("notes") or []
    return _Reference(
        kind=_RIS_KINDS.get(get("type_of_reference"), "other"),
        title=get("title", "primary_title"),
        authors=tuple(map(_inverted, authors)),
        date=_day(*day) or _day(get("year")[:4]),
        abstract=get("abstract", "notes_abstract"),
        venue=get("journal_name", "secondary_title", "alternate_title3", "alternate_title2"),
        doi=get("doi"),
        urls=[url for url in row.get("urls", []) if url],
        asides=[get("number"), get("note"), get("accession_number"), *map(str, notes)],
    )


def _inverted(name: str) -> str:
    """ "Family, Given, Suffix" in the order in which it is said."""
    family, given, suffix = ([part.strip() for part in name.split(",")] + ["", ""])[:3]
    said = normalize.prose(f"{given} {family}")
    return f"{said}, {normalize.prose(suffix)}" if suffix else said


# -- CSL-JSON -------------------------------------------------------------------------------

_CSL_KINDS = {
    "article-journal": "journal",
    "article-magazine": "journal",
    "paper-conference": "proceedings",
    "chapter": "proceedings",
    "post": "post",
    "post-weblog": "post",
    "article-newspaper": "news",
    "webpage": "page",
}
_BLANK = re.compile(r"[ \t\r\n]*")


def _split_csl(text: str, path: Path) -> Iterator[tuple[int, str]]:
    """Each item of the array, as it stands there."""
    decoder = json.JSONDecoder()
    line = 1

    def broken(at: int, reason: str) -> ParseError:
        where = f"{path}, line {text.count(chr(10), 0, at) + 1}"
        return ParseError("csl-json", where, f"not JSON: {reason}", "the items before are kept")

    at = _after_blank(text, 0)
    is_array = text.startswith("[", at)
    at = _after_blank(text, at + is_array)
    if is_array and text.startswith("]", at):
        return
    counted = 0
    while True:
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "") or str(error)
            raise broken(getattr(error, "pos", at), reason[:200]) from error
        line += text.count("\n", counted, at)
        counted = at
        yield line, text[at:end]
        at = _after_blank(text, end)
        if not is_array:
            if at < len(text):
                raise broken(at, "more than one item outside of an array")
            return
        if text.startswith("]", at):
            return
        if not text.startswith(",", at):
            raise broken(at, "a comma or the array's end is missing")
        at = _after_blank(text, at + 1)


def _after_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _read_csl(text: str) -> _Reference:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _BrokenError(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise _BrokenError("not a JSON object")

    def get(*names: str) -> str:
        for name in names:
            value = row.get(name)
            if value in (None, ""):
                continue
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise _BrokenError(f"{name} is not text")
            return _sound(str(value).strip(), name)
        return ""

    issued = row.get("issued")
    archive = get("archive").lower()
    return _Reference(
        kind=_CSL_KINDS.get(get("type"), "other"),
        title=get("title"),
        authors=tuple(_csl_name(name) for name in _rows(row, "author")),
        date=_csl_date(issued) if isinstance(issued, dict) else "",
        abstract=get("abstract"),
        venue=get("container-title"),
        arxiv=get("archive_location") if "arxiv" in archive else "",
        doi=get("DOI"),
        urls=[get("URL")],
        asides=[get("number"), get("note"), get("archive_location"), get("container-title")],
    )


def _sound(text: str, name: str) -> str:
    if not normalize.is_sound(text):
        raise _BrokenError(f"{name} holds half a character")
    return text


def _rows(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = row.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(item, dict) for item in rows):
        raise _BrokenError(f"{name} is not a list of names")
    return rows


def _csl_name(row: Mapping[str, Any]) -> str:
    def get(*names: str) -> str:
        parts = (row.get(name) or "" for name in names)
        return normalize.prose(" ".join(p for p in parts if isinstance(p, str)))

    said = get("literal") or get("given", "dropping-particle", "non-dropping-particle", "family")
    suffix = get("suffix")
    return _sound(f"{said}, {suffix}" if suffix else said, "author")


def _csl_date(issued: Mapping[str, Any]) -> str:
    parts = issued.get("date-parts")
    found: list[str] = []
    if isinstance(parts, list):
        for part in parts[:2]:
            words = [str(number) for number in part[:3]] if isinstance(part, list) else []
            found.append(_day(*words) if words else "")
    if found and all(found):
        date = _edtf("/".join(found))
        return _edtf(f"{date}~") if date and issued.get("circa") and len(found) == 1 else date
    for name in ("literal", "raw"):
        if isinstance(text := issued.get(name), str) and _edtf(text):
            return _edtf(text)
    return ""


_SPLIT: Mapping[str, Callable[[str, Path], Iterable[tuple[int, str]]]] = {
    "bibtex": _split_bibtex,
    "ris": _split_ris,
    "csl-json": _split_csl,
}
"""From a file to its entries, each with the line on which it begins."""
_READ: Mapping[str, Callable[[str], _Reference]] = {
    "bibtex": _read_bibtex,
    "ris": _read_ris,
    "csl-json": _read_csl,
}
