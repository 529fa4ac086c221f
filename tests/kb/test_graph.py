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
