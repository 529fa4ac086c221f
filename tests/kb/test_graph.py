import networkx as nx
import pytest

from kb import graph as graphs
from kb.assembly import Assembly


def test_every_stance_is_one_edge_from_work_to_claim(debate):
    graph = debate.graph()
    edges = [
        (source, target)
        for source, target, data in graph.edges(data=True)
        if data["type"] == "stance"
    ]
    links = [link for claim in debate.claims() for link in claim.links]
    assert len(edges) == len(links)
    assert all(s.startswith("work:") and t.startswith("claim:") for s, t in edges)


def test_a_relation_between_claims_stands_once(debate):
    graph = debate.graph()
    relations = [
        (source, target, data["kind"], data["bears_on"])
        for source, target, data in graph.edges(data=True)
        if data["type"] == "relation"
    ]
    assert len(relations) == len(set(relations)) > 100


def test_every_edge_joins_known_nodes(debate):
    graph = debate.graph()
    assert all(data.get("title") for _, data in graph.nodes(data=True))


def small():
    graph = nx.MultiDiGraph()
    for name in ("claim:a", "claim:b", "claim:c", "work:w", "work:m", "strand:s"):
        graph.add_node(name, type=name.partition(":")[0], title=f"<{name}>")
    read = {"type": "stance", "review": "proposed", "agent_kind": "curation"}
    graph.add_edge("work:w", "claim:a", stance="supports", **read)
    graph.add_edge("work:w", "claim:b", stance="disputes", **read)
    graph.add_edge("work:m", "claim:a", stance="supports", **read | {"agent_kind": "model"})
    graph.add_edge("work:m", "claim:c", stance="supports", **read | {"agent_kind": "model"})
    for claim in "abc":
        graph.add_edge(f"claim:{claim}", "strand:s", type="part_of")
    return graph


def test_a_path_goes_either_way_along_edges_and_reads_as_they_were_recorded():
    told = graphs.path(small(), "claim:a", "claim:b")
    assert [step.backward for step in told.steps] == [True, False]
    assert told.headline() == "“<work:w>” supports a; “<work:w>” disputes b"


def test_machine_proposals_and_strands_connect_nothing():
    told = graphs.path(small(), "claim:a", "claim:c")
    assert (told.found, told.steps) == (False, ())
    assert "nothing recorded connects" in told.headline()


def test_a_thing_is_where_it_is():
    told = graphs.path(small(), "claim:a", "claim:a")
    assert (told.found, told.steps) == (True, ())
    with pytest.raises(KeyError):
        graphs.path(small(), "claim:a", "claim:z")


def test_nodes_and_edges_carry_what_is_documented(debate):
    graph = debate.graph()
    nodes = {data["type"]: set(data) for _, data in graph.nodes(data=True)}
    assert nodes == {
        "work": {"type", "title", "kind", "date", "lineage"},
        "claim": {"type", "title", "level", "strand"},
        "tension": {"type", "title", "kind"},
        "voice": {"type", "title", "kind"},
        "event": {"type", "title", "date"},
        "strand": {"type", "title"},
    }
    edges = {data["type"]: set(data) - {"type"} for *_, data in graph.edges(data=True)}
    assert edges == {
        "stance": {"stance", "review", "agent_kind", "agent", "score", "valid"},
        "relation": {"kind", "bears_on", "review"},
        "pole": {"pole"},
        "holding": {"attitude", "valid"},
        "presents": {"title"},
        "lineage": {"kind"},
        "part_of": set(),
    }
    for name in {
        *nodes,
        *edges,
        *(a for names in (*nodes.values(), *edges.values()) for a in names),
    }:
        assert name in graphs.__doc__, name


def test_the_graph_holds_no_views_of_links(debate, monkeypatch):
    def read(*_):
        raise AssertionError("a million links as views would take gigabytes")

    monkeypatch.setattr(Assembly, "_links", read)
    kinds = [told["type"] for *_, told in debate.graph().edges(data=True)]
    assert kinds.count("stance") > 100
