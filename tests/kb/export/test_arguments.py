"""Argument maps. AIF is read as a graph by networkx; no reader of Argdown is written in Python,
so its lines are matched against the grammar of statements and relations."""

import dataclasses
import json
import re

import networkx as nx
from hypothesis import given

from kb.export import DOCUMENTS, Selection
from kb.export.text import line
from kb.views import RelationView

from .made import CLAIM, OTHER, by_machine, claim, link, ref, titled, whole, work

STATEMENT = re.compile(r"\[(?P<name>[\w-]+)\]: (?P<text>.*) #(?P<level>thesis|finding)")
RELATION = re.compile(r"  [+-] (?:\[[\w-]+\]|<(?P<name>[a-z0-9-]+)>(?:: (?P<text>.*))?)")
SPECIAL = re.compile(r"(?<!\\)(?:\\\\)*[\[\]<>{}#@*_:/^|~`+]")


def argdown(selection):
    return b"".join(DOCUMENTS["argdown"].write(selection)).decode()


def body(selection):
    """The lines below the front matter, without headings and empty lines."""
    lines = argdown(selection).split("===\n", 2)[2].split("\n")
    return [line for line in lines if line and not line.startswith("# ")]


def aif(selection):
    data = json.loads(b"".join(DOCUMENTS["aif"].write(selection)))
    graph = nx.DiGraph()
    for node in data["nodes"]:
        graph.add_node(node["nodeID"], **node)
    for edge in data["edges"]:
        assert {edge["fromID"], edge["toID"]} <= set(graph)
        graph.add_edge(edge["fromID"], edge["toID"])
    return graph


def around(links, relations=()):
    ends = tuple(claim(c, links if c is CLAIM else (), bears_on=relations) for c in (CLAIM, OTHER))
    return Selection(claims=ends, works=())


@given(titled)
def test_every_line_of_argdown_is_a_statement_or_a_relation(text):
    for told in body(whole(text)):
        match = STATEMENT.fullmatch(told) or RELATION.fullmatch(told)
        assert match, told
        assert not SPECIAL.search(match["text"] or "")
    statements = [m for told in body(whole(text)) if (m := STATEMENT.fullmatch(told))]
    (first,) = (m["text"] for m in statements if m["name"] == "C01")
    assert re.sub(r"\\(.)", r"\1", first) == line(f"A claim: {text}")


@given(titled)
def test_texts_come_back_from_aif(text):
    texts = {data["text"] for _, data in aif(whole(text)).nodes(data=True)}
    assert line(f"C01: A claim: {text}") in texts


def test_reasons_are_inferences_and_conflicts_into_the_claim():
    first, second = ref(), ref("key:salt", "Salt", key="salt")
    bears = RelationView(OTHER, "supports", CLAIM, True, (), "", "proposed", "")
    graph = aif(around((link(first), link(second, stance="disputes")), (bears,)))
    (target,) = (n for n, d in graph.nodes(data=True) if d["text"].startswith("C01: "))
    steps = {graph.nodes[n]["type"] for n in graph.predecessors(target)}
    assert steps == {"RA", "CA"}
    for step in graph.predecessors(target):
        (source,) = graph.predecessors(step)
        text, kind = graph.nodes[source]["text"], graph.nodes[step]["type"]
        assert kind == ("CA" if text.startswith("Salt (") else "RA")
    assert graph.in_degree(target) == 3


def test_machine_proposals_and_what_has_no_word_are_left_out_and_counted():
    first = ref()
    links = (
        by_machine(first), link(first, stance="qualifies"), link(first, review="rejected"),
        link(first, how="reports"), link(first, stance="mentions"),
    )  # fmt: skip
    undercuts = RelationView(OTHER, "undercuts", CLAIM, False, (), "", "proposed", "")
    selection = around(links, (undercuts,))
    assert [told for told in body(selection) if not told.startswith("[")] == []
    assert all(d["type"] == "I" for _, d in aif(selection).nodes(data=True))
    for name in ("argdown", "aif"):
        machine, wordless = DOCUMENTS[name].left_out(selection)
        assert machine.startswith("left out 1 links that a machine")
        assert wordless.startswith("left out 2 links and relations")
    assert DOCUMENTS["aif"].left_out(around((link(first),))) == []


def test_a_work_is_told_once_and_named_again():
    first = ref(key="rest-2030")
    selection = Selection(
        claims=(claim(links=(link(first),)), claim(OTHER, (link(first, OTHER, "disputes"),))),
        works=(work(first),),
    )
    told = [text for text in body(selection) if text.startswith("  ")]
    assert told == ["  + <rest-2030>: Resting dough (Author et al., 2030-01-05)", "  - <rest-2030>"]


def test_the_curated_map_has_every_claim(debate):
    claims = tuple(debate.claims())
    selection = dataclasses.replace(Selection(), claims=claims)
    names = {m["name"] for text in body(selection) if (m := STATEMENT.fullmatch(text))}
    assert names == {c.id for c in claims}
    graph = aif(selection)
    assert {d["type"] for _, d in graph.nodes(data=True)} == {"I", "RA", "CA"}
    assert nx.is_directed_acyclic_graph(graph) or nx.number_of_selfloops(graph) == 0
