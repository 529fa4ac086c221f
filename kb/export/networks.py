"""The debate's graph for Gephi, yEd, Cytoscape and igraph: GraphML, GEXF, Cytoscape JSON.

Attributes are those that `kb.graph.build` documents. `type` is called `what`, because GEXF
and Cytoscape keep `type` for themselves; what is not known is absent.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from typing import TYPE_CHECKING, Any

from kb import graph
from kb.export.selection import stands
from kb.export.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    import networkx as nx

    from kb.export.selection import Selection


def network(selection: Selection) -> nx.MultiDiGraph:
    """Return the selection as a graph of text, numbers and truth values alone.

    Links that a person rejected are left out, and so is what leads out of the selection.
    """
    full = graph.build(
        selection.strands,
        selection.claims,
        selection.tensions,
        [work.ref for work in selection.works[::-1]],
        map(graph.ties, selection.works[::-1]),
        selection.voices,
        selection.events,
    )
    out = full.__class__()
    for node, data in full.nodes(data=True):
        if "type" in data:  # without one it was only named by an edge
            out.add_node(line(node), **_clean(data), label=line(data["title"]))
    rejected = {
        (f"work:{k.work.id}", f"claim:{k.claim.id}", k.agent, k.review)
        for k in selection.links()
        if not stands(k)
    }
    number = itertools.count()
    for source, target, data in full.edges(data=True):
        key = (source, target, data.get("agent"), data.get("review"))
        if key in rejected or line(source) not in out or line(target) not in out:
            continue
        # A number that is unique in the graph: readers take "id" for the name of the edge.
        name = next(number)
        out.add_edge(line(source), line(target), key=name, id=f"e{name}", **_clean(data))
    return out


def graphml(selection: Selection) -> Iterator[bytes]:
    """Yield the graph as GraphML."""
    import networkx as nx

    yield b"<?xml version='1.0' encoding='utf-8'?>\n"
    for text in nx.generate_graphml(network(selection)):
        yield f"{text}\n".encode()


def gexf(selection: Selection) -> Iterator[bytes]:
    """Yield the graph as GEXF 1.2."""
    import networkx as nx

    buffer = io.BytesIO()
    nx.write_gexf(network(selection), buffer, version="1.2draft")
    # networkx puts the day of writing in: two exports of one store would differ.
    yield re.sub(rb' lastmodifieddate="[^"]*"', b"", buffer.getvalue(), count=1) + b"\n"


def cytoscape(selection: Selection) -> Iterator[bytes]:
    """Yield the graph as the JSON that Cytoscape and Cytoscape.js load."""
    import networkx as nx

    whole = nx.cytoscape_data(network(selection))
    yield b'{"data": [], "directed": true, "multigraph": true, "elements": {"nodes": ['
    for name in ("nodes", "edges"):
        if name == "edges":
            yield b'\n], "edges": ['
        separator = b"\n"
        for element in whole["elements"][name]:
            yield separator + json.dumps(element, ensure_ascii=False).encode()
            separator = b",\n"
    yield b"\n]}}\n"


def _clean(data: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in data.items():
        key = {"type": "what", "id": "kb_id", "label": "kb_label"}.get(name, name)
        if value is None:
            continue
        out[key] = value if isinstance(value, bool | int | float) else line(value)
    return out
