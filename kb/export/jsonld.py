"""JSON-LD: schema.org for what things are, CiTO for what works do to claims.

A stance is given twice: as a CiTO property of the work where a person or the curated files
stand behind it, and always as a `kb:Stance` of its own that says who says so and how sure
that is. A reader of CiTO alone never takes a machine's proposal for a fact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kb import ids
from kb.dialectic import is_read
from kb.export.records import split_name
from kb.export.selection import stands
from kb.export.text import address, dump, iri, iso, line, work_iri
from kb.views import ClaimView, TensionView, VoiceView, WorkView
from kb.vocabulary import CITO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from kb.export.selection import Selection
    from kb.views import EventView, LinkView

    Thing = ClaimView | EventView | TensionView | VoiceView | WorkView

KB = "urn:x-dissensus:term:"
"""Our own words, for what neither schema.org nor CiTO names."""
CONTEXT: dict[str, Any] = {
    "schema": "https://schema.org/",
    "cito": "http://purl.org/spar/cito/",
    "dcterms": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "kb": KB,
    "id": "@id",
    "type": "@type",
}
_WORKS = {
    "paper": "schema:ScholarlyArticle",
    "post": "schema:BlogPosting",
    "talk": "schema:PresentationDigitalDocument",
    "page": "schema:WebPage",
    "news": "schema:NewsArticle",
}


def jsonld(selection: Selection) -> Iterator[bytes]:
    """Yield one JSON-LD document, a node at a time."""
    yield b'{"@context": ' + dump(CONTEXT).encode() + b',\n"@graph": ['
    separator = b"\n"
    for node in _nodes(selection):
        yield separator + dump(_told(node)).encode()
        separator = b",\n"
    yield b"\n]}\n"


def about(thing: Thing, claims: AbstractSet[str], base: str = "") -> str:
    """Return one thing as a JSON-LD document of one line, as it stands in the whole export.

    It may stand inside a script element of a page, and holds nothing that Markdown acts on
    there. A machine's proposals are left to the whole export, which says whose they are.

    Args:
        thing: What to tell.
        claims: Ids of the claims that the debate has; a link to another one is left out.
        base: Address of the published site, with a "/" at its end, or "".
    """
    if isinstance(thing, ClaimView):
        node = _claim(base, thing)
    elif isinstance(thing, TensionView):
        node = _tension(base, thing, claims)
    elif isinstance(thing, WorkView):
        node = _work(base, thing, claims)
    elif isinstance(thing, VoiceView):
        node = _voice(base, thing, claims)
    else:
        node = _event(base, thing)
    return dump({"@context": CONTEXT, **_told(node)})


def cito(stance: str) -> str:
    """Return the CiTO property for a stance, or our own where CiTO has none."""
    return CITO.get(stance, f"kb:{stance}")


def _told(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if value not in ("", [], None)}


def _nodes(selection: Selection) -> Iterator[dict[str, Any]]:
    base = selection.base
    claims = {claim.id for claim in selection.claims}
    for claim in selection.claims:
        yield _claim(base, claim)
    for tension in selection.tensions:
        yield _tension(base, tension, claims)
    for work in selection.works:
        yield _work(base, work, claims)
        for link in work.links:
            if stands(link) and link.claim.id in claims:
                yield _stance(base, link)
    for voice in selection.voices:
        yield _voice(base, voice, claims)
    for event in selection.events:
        yield _event(base, event)


def _claim(base: str, claim: ClaimView) -> dict[str, Any]:
    node: dict[str, Any] = {
        "id": iri(base, "claim", claim.id),
        "type": "schema:Claim",
        "schema:identifier": claim.id,
        "schema:text": line(claim.text),
        "kb:level": claim.ref.level,
        "kb:strand": claim.ref.strand,
        "kb:proofLevel": claim.proof_level,
    }
    for relation in (*claim.relations, *claim.bears_on):
        if relation.source.id == claim.id and relation.review in ("proposed", "confirmed"):
            target = {"id": iri(base, "claim", relation.target.id)}
            node.setdefault(cito(relation.kind), []).append(target)
    return node


def _tension(base: str, tension: TensionView, claims: AbstractSet[str]) -> dict[str, Any]:
    refs = {ref.id for pole in tension.poles for ref in pole.claims} & claims
    return {
        "id": iri(base, "tension", tension.id),
        "type": "schema:Question",
        "schema:identifier": tension.id,
        "schema:text": line(tension.question),
        "kb:kind": tension.kind,
        "kb:review": tension.review,
        "schema:about": [{"id": iri(base, "claim", id)} for id in sorted(refs)],
    }


def _work(base: str, work: WorkView, claims: AbstractSet[str]) -> dict[str, Any]:
    name = work_iri(base, work.id)
    node: dict[str, Any] = {
        "id": name,
        "type": _WORKS.get(work.ref.kind, "schema:CreativeWork"),
        "schema:name": line(work.title),
        "schema:author": [
            {"type": "schema:Person", "schema:name": line(author)}
            if split_name(author)[0]
            else {"type": "schema:Organization", "schema:name": line(author)}
            for author in work.authors
            if line(author)
        ],
        "schema:datePublished": iso(work.ref.date),
        "kb:date": "" if iso(work.ref.date) else work.ref.date,
        "schema:description": line(work.synopsis),
        "schema:identifier": [line(id) for id in work.identifiers],
        "schema:sameAs": [
            {"id": url} for id in work.identifiers if (url := address(ids.url(id))) and url != name
        ],
        "schema:creativeWorkStatus": "withdrawn" if work.withdrawn else "",
    }
    for link in work.links:
        if stands(link) and is_read(link) and link.claim.id in claims:
            target = {"id": iri(base, "claim", link.claim.id)}
            node.setdefault(cito(link.stance), []).append(target)
    return node


def _stance(base: str, link: LinkView) -> dict[str, Any]:
    return {
        "type": "kb:Stance",
        "kb:work": {"id": work_iri(base, link.work.id)},
        "kb:claim": {"id": iri(base, "claim", link.claim.id)},
        "kb:stance": link.stance,
        "kb:agentKind": link.agent_kind,
        "kb:agent": line(link.agent),
        "kb:review": link.review,
        "kb:score": link.score,
        "kb:assertedHow": link.how,
        "kb:quote": [line(e.quote) for e in link.evidence],
    }


def _voice(base: str, voice: VoiceView, claims: AbstractSet[str]) -> dict[str, Any]:
    node: dict[str, Any] = {
        "id": iri(base, "voice", voice.id),
        "type": "schema:Person" if voice.kind == "person" else "schema:Organization",
        "schema:identifier": voice.id,
        "schema:name": line(voice.name),
    }
    for holding in voice.holdings:
        if holding.claim.id in claims:
            target = {"id": iri(base, "claim", holding.claim.id)}
            held = node.setdefault(f"kb:{holding.attitude}", [])
            if target not in held:
                held.append(target)
    return node


def _event(base: str, event: EventView) -> dict[str, Any]:
    return {
        "id": iri(base, "event", event.id),
        "type": "schema:Event",
        "schema:name": line(event.name),
        "schema:startDate": iso(event.date),
        "kb:date": "" if iso(event.date) else event.date,
        "schema:location": line(event.place),
        "schema:url": address(event.url),
        "schema:workFeatured": [
            {"id": name}
            for name in dict.fromkeys(
                work_iri(base, talk.work.id) for talk in event.talks if talk.work is not None
            )
        ],
    }
