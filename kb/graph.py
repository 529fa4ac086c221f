"""The debate as a graph: views -> networkx.MultiDiGraph, and ways through it. Pure.

Nodes are named by kind and id, "work:arxiv:2505.17638", and every one has

* `type`: work, claim, tension, voice, event or strand
* `title`: a title, a name, a question, or the claim's proposition

and besides, by type:

* work: `kind` (paper, post, talk, page, news), `date` (first public, EDTF), `lineage` (id of
  the work that stands for its lineage: equal values count as one support)
* claim: `level` (thesis or finding), `strand` (its id)
* tension: `kind` (genuine, apparent-scope, apparent-sense, open-question, normative)
* voice: `kind` (person or group)
* event: `date` (EDTF)

Every edge has `type`, and besides, by type:

* stance, work -> claim: `stance` (supports, disputes, qualifies, mentions), `review`
  (proposed, confirmed, rejected), `agent_kind` (curation, human, rule, model), `agent`,
  `score` (a machine's, in [0, 1] and no probability; None otherwise), `valid` (EDTF). A
  machine's proposal is an edge too: keep those that are confirmed or not a model's to count.
* relation, claim -> claim: `kind` (supports, disputes, qualifies, refines, extends,
  replicates, undercuts, incompatibleWith, equivalentTo), `bears_on` (from a finding to a
  thesis), `review`
* pole, tension -> claim: `pole` (its id)
* holding, voice -> claim: `attitude` (holds or rejects), `valid` (EDTF interval)
* presents, event -> work: `title` (of the talk)
* lineage, work -> work: `kind` (resubmissionOf, retitleOf, extendedVersionOf)
* part_of, claim or tension -> strand: nothing
"""

from __future__ import annotations

import contextlib
import gc
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from kb.answers import Path, Step
from kb.views import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kb.views import (
        ClaimView,
        EventView,
        StrandView,
        TensionView,
        VoiceView,
        WorkRef,
        WorkView,
    )


class Stance(NamedTuple):
    """What an edge from a work to a claim says."""

    claim: str
    stance: str
    review: str
    agent_kind: str
    agent: str
    score: float | None
    valid: str


class Ties(NamedTuple):
    """What ties a work to claims and to other works."""

    work: str
    stances: Sequence[Stance]
    lineage: Sequence[tuple[str, str]]
    """(kind, id of the other work): resubmissionOf and its like, not their inverses."""


def ties(work: WorkView) -> Ties:
    """Return what ties a work to others."""
    return Ties(
        work.id,
        [
            Stance(k.claim.id, k.stance, k.review, k.agent_kind, k.agent, k.score, k.valid)
            for k in work.links
        ],
        # One direction is enough; the inverse is told in several words.
        [(kind, other.id) for kind, other in work.related if " " not in kind],
    )


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile: of a million dictionaries that all stay there is none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_uncollected()
def build(
    strands: Iterable[StrandView],
    claims: Iterable[ClaimView],
    tensions: Iterable[TensionView],
    works: Iterable[WorkRef],
    tied: Iterable[Ties],
    voices: Iterable[VoiceView],
    events: Iterable[EventView],
) -> nx.MultiDiGraph:
    """Return the debate as a directed multigraph with typed nodes and edges.

    The module's documentation lists the names and attributes. Nodes and edges come in the
    order of the views, so equal views give equal graphs. Works and their ties, of which there
    may be a million, are taken one at a time.
    """
    graph: nx.MultiDiGraph = nx.MultiDiGraph()
    claims = list(claims)
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
    claim_nodes = {claim.id: f"claim:{claim.id}" for claim in claims}
    for work in works:
        graph.add_node(
            f"work:{work.id}",
            type="work",
            title=work.title,
            kind=work.kind,
            date=work.date,
            lineage=work.lineage,
        )
    for id, stances, lineage in tied:
        name = f"work:{id}"
        for each in stances:
            graph.add_edge(
                name,
                claim_nodes.get(each.claim) or f"claim:{each.claim}",
                type="stance",
                stance=each.stance,
                review=each.review,
                agent_kind=each.agent_kind,
                agent=each.agent,
                score=each.score,
                valid=each.valid,
            )
        for kind, other in lineage:
            graph.add_edge(name, f"work:{other}", type="lineage", kind=kind)
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


# -- ways through it --------------------------------------------------------------------------


def path(graph: nx.MultiDiGraph, start: str, end: str) -> Path:
    """Return a shortest way between two nodes, in either direction of each edge, in words.

    What a machine alone proposes, what a person rejected and bare mentions connect nothing;
    nor does a strand, which is a drawer and not an argument. Among ways of one length the one
    whose edges come first in the graph is taken.

    Args:
        graph: As `build` makes it.
        start: A node, "claim:C02".
        end: A node.

    Raises:
        KeyError: A node is not in the graph.
    """
    for node in (start, end):
        if node not in graph:
            raise KeyError(node)
    around: dict[str, list[Step]] = {node: [] for node in graph}
    for source, target, data in graph.edges(data=True):
        if _connects(data):
            words = _words(data)
            told = f"{_name(graph, source)} {words} {_name(graph, target)}"
            around[source].append(Step(source, words, target, backward=False, sentence=told))
            around[target].append(Step(target, words, source, backward=True, sentence=told))
    came: dict[str, Step | None] = {start: None}
    queue = deque([start])
    while queue and end not in came:
        for step in around[queue.popleft()]:
            if step.target not in came:
                came[step.target] = step
                queue.append(step.target)
    steps: list[Step] = []
    back = came.get(end)
    while back is not None:
        steps.append(back)
        back = came[back.source]
    return Path(start, end, tuple(reversed(steps)), found=end in came)


def _connects(data: dict[str, Any]) -> bool:
    if data["type"] == "part_of" or data.get("review") == "rejected":
        return False
    if data["type"] != "stance":
        return True
    read = data["review"] == "confirmed" or data["agent_kind"] in ("curation", "human")
    return read and data["stance"] != "mentions"


def _name(graph: nx.MultiDiGraph, node: str) -> str:
    data = graph.nodes[node]
    if data["type"] in ("claim", "tension"):
        return node.partition(":")[2]
    return f"“{shorten(data['title'])}”" if data["type"] == "work" else str(data["title"])


def _words(data: dict[str, Any]) -> str:
    words: dict[str, str] = {
        "stance": data.get("stance", ""),
        "relation": data.get("kind", ""),
        "pole": f"has on its pole {data.get('pole', '')}",
        "holding": data.get("attitude", ""),
        "presents": "has a talk on",
        "lineage": f"is {data.get('kind', '')}",
    }
    return words[data["type"]]
