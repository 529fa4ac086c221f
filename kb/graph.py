"""The debate as a graph: views -> networkx.MultiDiGraph. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.views import (
        ClaimView,
        EventView,
        LinkView,
        StrandView,
        TensionView,
        VoiceView,
        WorkView,
    )


def build(
    strands: Iterable[StrandView],
    claims: Iterable[ClaimView],
    tensions: Iterable[TensionView],
    works: Iterable[WorkView],
    voices: Iterable[VoiceView],
    events: Iterable[EventView],
) -> nx.MultiDiGraph:
    """Return the debate as a directed multigraph with typed nodes and edges.

    Nodes are named "work:…", "claim:…", "tension:…", "voice:…", "event:…", "strand:…" and
    carry `type` and `title`. Edges carry `type`:

    * stance (work -> claim): stance, review, agent_kind, agent, score, valid
    * relation (claim -> claim): kind, bears_on, review
    * pole (tension -> claim): pole
    * holding (voice -> claim): attitude, valid
    * presents (event -> work), part_of (claim or tension -> strand), lineage (work -> work)

    Nodes and edges come in the order of the views, so equal views give equal graphs.
    """
    graph: nx.MultiDiGraph = nx.MultiDiGraph()
    works, claims = list(works), list(claims)
    for strand in strands:
        graph.add_node(f"strand:{strand.id}", type="strand", title=strand.title)
    for claim in claims:
        graph.add_node(
            f"claim:{claim.id}",
            type="claim",
            title=claim.text,
            level=claim.ref.level,
            strand=claim.ref.strand,
        )
        graph.add_edge(f"claim:{claim.id}", f"strand:{claim.ref.strand}", type="part_of")
    for work in works:
        graph.add_node(
            f"work:{work.id}",
            type="work",
            title=work.title,
            kind=work.ref.kind,
            date=work.ref.date,
            lineage=work.ref.lineage,
        )
    for work in works:
        for link in work.links:
            _stance(graph, link)
        for kind, other in work.related:
            if kind[:1].isalpha() and " " not in kind:  # one direction is enough
                graph.add_edge(f"work:{work.id}", f"work:{other.id}", type="lineage", kind=kind)
    seen: set[tuple[str, str, str, bool]] = set()
    for claim in claims:
        for relation in (*claim.relations, *claim.bears_on):
            key = (relation.source.id, relation.target.id, relation.kind, relation.bears_on)
            if key not in seen:  # both ends list it
                seen.add(key)
                graph.add_edge(
                    f"claim:{relation.source.id}",
                    f"claim:{relation.target.id}",
                    type="relation",
                    kind=relation.kind,
                    bears_on=relation.bears_on,
                    review=relation.review,
                )
    for tension in tensions:
        name = f"tension:{tension.id}"
        graph.add_node(name, type="tension", title=tension.question, kind=tension.kind)
        graph.add_edge(name, f"strand:{tension.strand}", type="part_of")
        for pole in tension.poles:
            for ref in pole.claims:
                graph.add_edge(name, f"claim:{ref.id}", type="pole", pole=pole.id)
    for voice in voices:
        name = f"voice:{voice.id}"
        graph.add_node(name, type="voice", title=voice.name, kind=voice.kind)
        for holding in voice.holdings:
            graph.add_edge(
                name,
                f"claim:{holding.claim.id}",
                type="holding",
                attitude=holding.attitude,
                valid=holding.valid,
            )
    for event in events:
        name = f"event:{event.id}"
        graph.add_node(name, type="event", title=event.name, date=event.date)
        for talk in event.talks:
            if talk.work is not None:
                graph.add_edge(name, f"work:{talk.work.id}", type="presents", title=talk.title)
    return graph


def _stance(graph: nx.MultiDiGraph, link: LinkView) -> None:
    graph.add_edge(
        f"work:{link.work.id}",
        f"claim:{link.claim.id}",
        type="stance",
        stance=link.stance,
        review=link.review,
        agent_kind=link.agent_kind,
        agent=link.agent,
        score=link.score,
        valid=link.valid,
    )
