"""Nanopublications in TriG: one per stance, each able to stand alone. Unsigned.

A nanopublication has an assertion (the work does this to the claim), its provenance (who
says so, from which sentence) and publication info. They carry names in the namespace that
nanopub.net keeps for what is not signed: a name is the hash of what it says, so equal
statements have equal names. Rejected and superseded links are left out, since a reader may
look at the assertion alone.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from kb.dialectic import is_read
from kb.export.jsonld import CONTEXT, cito
from kb.export.selection import stands
from kb.export.text import dump, iri, line, need, work_iri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.export.selection import Selection
    from kb.views import LinkView

_SPACE = "http://purl.org/nanopub/temp/dissensus/"
_PREFIXES = {
    "np": "http://www.nanopub.org/nschema#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "oa": "http://www.w3.org/ns/oa#",
    "edtf": "http://id.loc.gov/datatypes/edtf/",
    **{name: CONTEXT[name] for name in ("cito", "dcterms", "xsd", "kb")},
}


def nanopub(selection: Selection) -> Iterator[bytes]:
    """Yield one nanopublication per standing link, in TriG.

    Raises:
        ConfigError: rdflib is not installed.
    """
    rdflib = need("rdflib")
    yield "".join(f"@prefix {n}: <{iri}> .\n" for n, iri in _PREFIXES.items()).encode()
    for link in selection.links():
        if stands(link):
            yield _one(rdflib, selection.base, link).encode()


def _one(rdflib: Any, base: str, link: LinkView) -> str:
    def name(url: str) -> str:
        return str(rdflib.URIRef(url).n3())

    def text(value: object, datatype: str = "") -> str:
        kind = rdflib.URIRef(datatype) if datatype else None
        return str(rdflib.Literal(line(value), datatype=kind).n3())

    work, claim = name(work_iri(base, link.work.id)), name(iri(base, "claim", link.claim.id))
    assertion = f"{work} {cito(link.stance)} {claim}"
    moment = text(link.recorded, f"{CONTEXT['xsd']}dateTime")
    provenance = [
        f"prov:wasAttributedTo {name(_agent(link))}",
        f"prov:generatedAtTime {moment}",
        f"kb:agentKind {text(link.agent_kind)}",
        f"kb:curated {str(is_read(link)).lower()}",
        f"kb:review {text(link.review)}",
    ]
    for term, value in (("assertedHow", link.how), ("checked", link.checked), ("why", link.why)):
        if value:
            provenance.append(f"kb:{term} {text(value)}")
    if link.reviewed_by:
        provenance.append(f"kb:reviewedBy {text(link.reviewed_by)}")
    if link.score is not None:
        decimal = f"{CONTEXT['xsd']}decimal"
        provenance.append(f"kb:score {text(f'{link.score:.4f}', decimal)}")
    if link.valid:
        provenance.append(f"kb:valid {text(link.valid, _PREFIXES['edtf'] + 'EDTF')}")
    quotes = [
        [
            "a oa:TextQuoteSelector",
            f"oa:exact {text(e.quote)}",
            f"oa:start {e.start}",
            f"oa:end {e.end}",
            f"kb:manifestation {text(e.manifestation)}",
            f"kb:agent {text(e.agent)}",
            f"kb:review {text(e.review)}",
        ]
        for e in link.evidence
    ]
    # The name is made of what is said and by whom, so that it never changes by itself.
    said = dump([assertion, provenance, quotes])
    self = f"{_SPACE}{hashlib.sha256(said.encode()).hexdigest()[:32]}"
    head, body, prov, info = (
        name(f"{self}#{part}") for part in ("Head", "assertion", "provenance", "pubinfo")
    )
    provenance.insert(0, f"prov:hadPrimarySource {work}")
    about = []
    for number, quote in enumerate(quotes, 1):
        evidence = name(f"{self}#evidence-{number}")
        provenance.append(f"prov:wasQuotedFrom {evidence}")
        about.append(f"  {evidence} {_joined(quote)} .\n")
    label, told = text(link.work.title), text(link.claim.text)
    return (
        f"\n{head} {{\n"
        f"  {name(self)} a np:Nanopublication ; np:hasAssertion {body} ; "
        f"np:hasProvenance {prov} ; np:hasPublicationInfo {info} .\n}}\n"
        f"{body} {{\n  {assertion} .\n}}\n"
        f"{prov} {{\n  {body} {_joined(provenance)} .\n{''.join(about)}}}\n"
        f"{info} {{\n  {name(self)} dcterms:created {moment} ; "
        f"kb:review {text(link.review)} ; kb:signed false .\n"
        f"  {work} rdfs:label {label} .\n  {claim} rdfs:label {told} .\n}}\n"
    )


def _joined(pairs: list[str]) -> str:
    return " ;\n    ".join(pairs)


def _agent(link: LinkView) -> str:
    digest = hashlib.sha256(link.agent.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in link.agent).strip("-")
    return f"urn:x-dissensus:agent:{link.agent_kind}:{plain}:{digest}"
