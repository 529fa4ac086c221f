"""Argument maps: Argdown, and the Argument Interchange Format's JSON as AIFdb has it.

Works are reasons, claims are what they are reasons for or against. A map is read as what was
argued, so what a machine alone proposes stays out of it, and so does what neither language
has a word for: to qualify, refine, extend or undercut a claim. `left_out` counts both.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb import dialectic, ids
from kb.export.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.export.selection import Selection
    from kb.views import ClaimView, WorkRef

_SIGNS = {"supports": "+", "replicates": "+", "disputes": "-", "incompatibleWith": "-"}


@dataclass(frozen=True, slots=True)
class Reason:
    """What speaks for or against a claim: a work, or another claim."""

    source: WorkRef | str
    """A work, or the id of a claim."""
    sign: str
    """ "+" or "-"."""
    word: str
    """The stance or relation."""
    review: str


def argdown(selection: Selection) -> Iterator[bytes]:
    """Yield the claims with their reasons as Argdown, by strand."""
    yield b"===\ntitle: Dissensus\nmodel:\n  removeTagsFromText: true\n===\n"
    told: set[str] = set()
    strand = ""
    for claim in sorted(selection.claims, key=lambda c: c.ref.strand):
        if claim.ref.strand != strand:
            strand = claim.ref.strand
            title = next((s.title for s in selection.strands if s.id == strand), strand)
            yield f"\n# {_words(title)}\n".encode()
        lines = [f"\n[{claim.id}]: {_words(claim.text)} #{claim.ref.level}"]
        for reason in _reasons(selection, claim):
            if isinstance(reason.source, str):
                lines.append(f"  {reason.sign} [{reason.source}]")
                continue
            name = reason.source.key or ids.slug(reason.source.id)
            about = "" if name in told else f": {_words(_headline(reason.source))}"
            told.add(name)
            lines.append(f"  {reason.sign} <{name}>{about}")
        yield ("\n".join(lines) + "\n").encode()


def aif(selection: Selection) -> Iterator[bytes]:
    """Yield the claims with their reasons as AIF JSON: I-nodes, RA-nodes and CA-nodes."""
    nodes: dict[str, dict[str, Any]] = {}
    edges: list[dict[str, Any]] = []

    def node(name: str, text: str, kind: str, **more: str) -> str:
        if name not in nodes:
            # No clock in a pure export: AIFdb's timestamp is the cycle's, or left empty.
            moment = selection.as_of[:19].replace("T", " ")
            id = str(len(nodes) + 1)
            nodes[name] = {"nodeID": id, "text": text, "type": kind, "timestamp": moment, **more}
        return str(nodes[name]["nodeID"])

    def edge(source: str, target: str) -> None:
        id = str(len(edges) + 1)
        edges.append({"edgeID": id, "fromID": source, "toID": target, "formEdgeID": None})

    texts = {claim.id: claim.text for claim in selection.claims}
    for claim in selection.claims:
        node(f"claim {claim.id}", f"{claim.id}: {line(claim.text)}", "I")
    for claim in selection.claims:
        for reason in _reasons(selection, claim):
            if isinstance(reason.source, str):
                name, text = f"claim {reason.source}", texts[reason.source]
            else:
                name, text = f"work {reason.source.id}", _headline(reason.source)
            kind, scheme = {
                "+": ("RA", "Default Inference"),
                "-": ("CA", "Default Conflict"),
            }[reason.sign]
            step = node(
                f"{name} {reason.word} {claim.id}",
                scheme,
                kind,
                scheme=scheme,
                stance=reason.word,
                review=reason.review,
            )
            edge(node(name, line(text), "I"), step)
            edge(step, node(f"claim {claim.id}", claim.text, "I"))
    for name, items in (("nodes", nodes.values()), ("edges", edges)):
        yield b'{"nodes": [' if name == "nodes" else b'\n], "edges": ['
        separator = b"\n"
        for item in items:
            yield separator + json.dumps(item, ensure_ascii=False).encode()
            separator = b",\n"
    yield b'\n], "locutions": []}\n'


def left_out(selection: Selection) -> list[str]:
    """Return what an argument map of the selection does not show, in plain words."""
    machine = wordless = 0
    for claim in selection.claims:
        for link in claim.links:
            if dialectic.bears(link):
                machine += not dialectic.is_read(link)
                wordless += dialectic.is_read(link) and link.stance not in _SIGNS
        for relation in (*claim.relations, *claim.bears_on):
            mine = relation.source.id == claim.id
            wordless += mine and relation.kind not in _SIGNS
    out = []
    if machine:
        out.append(f"left out {machine} links that a machine alone proposes")
    if wordless:
        out.append(
            f"left out {wordless} links and relations that are neither for nor against: to "
            "qualify, refine, extend or undercut has no word here"
        )
    return out


def _reasons(selection: Selection, claim: ClaimView) -> Iterator[Reason]:
    known = {c.id for c in selection.claims}
    for relation in (*claim.bears_on, *claim.relations):
        here = relation.target.id == claim.id and relation.source.id in known
        standing = relation.review in ("proposed", "confirmed")
        if here and standing and (sign := _SIGNS.get(relation.kind)):
            yield Reason(relation.source.id, sign, relation.kind, relation.review)
    for link in claim.links:
        if dialectic.bears(link) and dialectic.is_read(link) and link.stance in _SIGNS:
            yield Reason(link.work, _SIGNS[link.stance], link.stance, link.review)


def _headline(work: WorkRef) -> str:
    about = ", ".join(part for part in (line(work.authors), work.date) if part)
    return f"{line(work.title)} ({about})" if about else line(work.title)


def _words(text: str) -> str:
    """One-line text that Argdown reads as words: whatever may be syntax has a backslash."""
    return re.sub(r"([^\w\s,.;?!()'\"-]|_)", r"\\\1", line(text))
