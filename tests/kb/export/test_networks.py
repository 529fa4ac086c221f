"""GraphML, GEXF and Cytoscape JSON, read by networkx."""

import io
import json
from xml.etree import ElementTree as ET

import networkx as nx
import pytest
from hypothesis import given

from kb.export import DOCUMENTS, Selection
from kb.export.text import line

from .made import by_machine, claim, link, ref, titled, whole, work


def told(name, selection):
    return b"".join(DOCUMENTS[name].write(selection))


def graphml(selection):
    return nx.read_graphml(io.BytesIO(told("graphml", selection)), force_multigraph=True)


def gexf(selection):
    return nx.read_gexf(io.BytesIO(told("gexf", selection)), version="1.2draft")


def cytoscape(selection):
    return nx.cytoscape_graph(json.loads(told("cytoscape", selection)))


READERS = pytest.mark.parametrize("read", [graphml, gexf, cytoscape])


@READERS
@given(text=titled)
def test_a_title_comes_back(read, text):
    nodes = read(whole(text)).nodes
    assert nodes["work:arxiv:3001.00001"]["title"] == line(text)
    assert nodes["claim:C01"]["title"] == line(f"A claim: {text}")
    assert nodes["tension:T1"]["title"] == line(text)


@READERS
def test_the_curated_graph_comes_back_with_every_node_and_edge(read, debate):
    part = Selection(
        strands=tuple(debate.strands()),
        claims=tuple(debate.claims()),
        tensions=tuple(debate.tensions()),
        works=tuple(debate.works()),
        voices=tuple(debate.voices()),
        events=tuple(debate.events()),
    )
    graph, whole_graph = read(part), debate.graph()
    assert set(graph) == set(whole_graph)
    assert graph.number_of_edges() == whole_graph.number_of_edges()
    kinds = sorted(data["what"] for _, _, data in graph.edges(data=True))
    assert kinds == sorted(data["type"] for _, _, data in whole_graph.edges(data=True))


@READERS
def test_an_edge_says_who_says_so_and_rejected_ones_are_absent(read):
    first = ref()
    links = (
        by_machine(first, stance="supports"),
        link(first, stance="qualifies"),
        link(first, stance="disputes", review="rejected"),
    )
    graph = read(Selection(claims=(claim(links=links),), works=(work(first, links),)))
    edges = {d["stance"]: d for _, _, d in graph.edges(data=True) if d["what"] == "stance"}
    assert set(edges) == {"supports", "qualifies"}
    assert (edges["supports"]["agent_kind"], edges["supports"]["review"]) == ("model", "proposed")
    assert edges["supports"]["score"] == pytest.approx(0.714)
    assert "score" not in edges["qualifies"]


@READERS
def test_what_leads_out_of_the_selection_is_left_out(read, debate):
    part = Selection(
        strands=tuple(debate.strands()),
        claims=tuple(debate.claims()),
        tensions=tuple(debate.tensions()),
        works=tuple(debate.works()),
        voices=tuple(debate.voices()),
    ).only(claim="C02")
    graph = read(part)
    assert {d["what"] for _, d in graph.nodes(data=True)} >= {"claim", "work", "strand"}
    assert [n for n in graph if n.startswith("claim:")] == ["claim:C02"]


def test_ids_are_unique_in_the_xml():
    for name, tags in (("graphml", ("key", "node", "edge")), ("gexf", ("node", "edge"))):
        root = ET.fromstring(told(name, whole()))
        for tag in tags:
            found = [e.get("id") for e in root.iter() if e.tag.endswith(f"}}{tag}")]
            assert found
            assert len(found) == len(set(found))


def test_gexf_does_not_say_on_what_day_it_was_written():
    assert b"lastmodifieddate" not in told("gexf", whole())
