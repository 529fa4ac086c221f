"""The reference page: what the docstrings say of the public Python API, read without running it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import griffe
from markupsafe import Markup

from kb.render.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "about/reference.md"
_SECTIONS = (
    ("kb.query", ("KnowledgeBase",), "Ask"),
    ("kb.views", None, "What is answered"),
    ("kb.answers", None, "What is answered of the disagreement"),
    ("kb.frames", None, "Tables"),
    ("kb.errors", None, "What can go wrong"),
)
"""Module, its classes (None for all public ones), heading."""

# griffe warns of every parameter that a docstring types by its signature alone, as ours do.
logging.getLogger("griffe").setLevel(logging.ERROR)


def reference() -> str:
    """Return the Markdown of the reference page. Reads the package's source, runs none of it."""
    root = Path(__file__).resolve().parents[1]
    package = griffe.load(root.name, search_paths=[root.parent], docstring_parser="google")
    lines = [
        "# Reference",
        "",
        "Everything public in Python, as its docstrings say it. "
        "Start with [Ask it from Python](python.md).",
        "",
    ]
    lines += _function(package["open"], "kb.open", 2)
    for module, names, heading in _SECTIONS:
        members = package[module.split(".", 1)[1]].members
        lines += [f"## {heading}", ""]
        for name, member in members.items():
            if name.startswith("_") or member.is_alias or not member.is_class:
                continue  # an alias is what the module imports
            if names is None or name in names:
                lines += _class(member)
    return "\n".join(lines).rstrip() + "\n"


def _class(found: Any) -> Iterator[str]:
    yield f"### {untrusted(found.name)} {{ #{found.name.lower()} }}"
    yield ""
    yield from _told(found)
    fields = [
        (name, member)
        for name, member in found.members.items()
        if member.is_attribute and not name.startswith("_")
    ]
    if fields:
        yield '<dl class="fields">'
        for name, member in fields:
            kind = f" <code>{untrusted(str(member.annotation))}</code>" if member.annotation else ""
            said = f" {_prose(member.docstring.value)}" if member.docstring else ""
            yield f"<dt><code>{untrusted(name)}</code></dt><dd>{kind}{said}</dd>"
        yield "</dl>"
        yield ""
    # A mixin's queries belong to the class that a reader meets.
    for name, member in sorted(found.all_members.items(), key=_place):
        if member.is_function and not name.startswith("_") and member.docstring:
            yield from _function(member, name, 4)


def _place(item: tuple[str, Any]) -> tuple[str, int]:
    """Where a member is defined: modules by name, lines within."""
    return str(item[1].filepath), item[1].lineno or 0


def _function(found: Any, name: str, level: int) -> Iterator[str]:
    shown = [p for p in found.parameters if p.name not in ("self", "cls")]
    parts = []
    for parameter in shown:
        text = parameter.name
        if parameter.annotation is not None:
            text += f": {parameter.annotation}"
        if parameter.default is not None:
            text += f" = {parameter.default}"
        parts.append(text)
    returns = f" -> {found.returns}" if found.returns is not None else ""
    yield f"{'#' * level} {untrusted(name)}"
    yield ""
    yield Markup('<p class="signature"><code>{}</code></p>').format(
        untrusted(f"{name}({', '.join(parts)}){returns}")
    )
    yield ""
    yield from _told(found)


def _told(found: Any) -> Iterator[str]:
    """What a docstring says, section by section; examples are shown as code."""
    if found.docstring is None:
        return
    for section in found.docstring.parsed:
        if section.kind == griffe.DocstringSectionKind.text:
            for paragraph in section.value.split("\n\n"):
                yield _prose(paragraph)
                yield ""
        elif section.kind == griffe.DocstringSectionKind.examples:
            code = "\n".join(text for _, text in section.value)
            yield (
                "<pre><code>"
                + "&#10;".join(map(str, map(_kept, code.split("\n"))))
                + "</code></pre>"
            )
            yield ""
        elif section.kind in _LISTS:
            yield f'<p class="label">{_LISTS[section.kind]}</p>'
            yield '<dl class="fields">'
            for item in section.value:
                name = getattr(item, "name", "") or str(getattr(item, "annotation", "") or "")
                yield (
                    f"<dt><code>{untrusted(name)}</code></dt><dd>{_prose(item.description)}</dd>"
                )
            yield "</dl>"
            yield ""


_LISTS = {
    griffe.DocstringSectionKind.parameters: "Arguments",
    griffe.DocstringSectionKind.returns: "Returns",
    griffe.DocstringSectionKind.yields: "Yields",
    griffe.DocstringSectionKind.raises: "Raises",
    griffe.DocstringSectionKind.attributes: "Attributes",
}


def _kept(line: str) -> str:
    """A line of code with all its spaces: the filter folds them, so they become entities."""
    return "&#32;".join(str(untrusted(word)) for word in line.split(" "))


def _prose(text: str) -> str:
    """A docstring's sentence, its `code` marked as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a stray mark: show the text as it is
        return str(untrusted(text))
    shown = [
        f"<code>{untrusted(part)}</code>" if i % 2 else _spaced(part)
        for i, part in enumerate(parts)
    ]
    return "".join(shown)


def _spaced(text: str) -> str:
    """Filtered text that keeps a space at its ends, where code adjoins it."""
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{untrusted(text.strip())}{after}"
