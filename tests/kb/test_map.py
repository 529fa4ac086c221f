"""The tension map: everything on it, nothing over anything else, the same each time."""

import dataclasses
import re
import runpy
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import FileSystemLoader
from markupsafe import Markup

from kb.publish import gather
from kb.render import (
    FUNCTIONS,
    environment,
    layout,
    map_parts,
    neighborhood,
    pages,
    tension_map,
)
from kb.render.debate import place

from .debate_fixture import SMALL

ROOT = Path(__file__).parents[2]
BENCH = runpy.run_path(str(ROOT / "bench/map.py"))
CSS = (ROOT / "site/assets/map.css").read_text("utf-8")


def href(thing):
    return Markup(f"{place(thing)}.html")


def page(path):
    return Markup(f"{path}.html")


def drawn(part):
    return [tension_map.draw(part, sheet, href, page) for sheet in tension_map.sheets(part)]


def whole(debate):
    return map_parts.parts(debate)[0]


def links(drawing, css="node"):
    return [a.get("href") for a in ET.fromstring(drawing).iter("a") if css in a.get("class")]


def size(drawing):
    return [float(n) for n in ET.fromstring(drawing).get("viewBox").split()][2:]


@pytest.fixture(scope="module")
def real(debate):
    return gather(debate)


@pytest.fixture(scope="module")
def large():
    return BENCH["invented"](3000)


# -- the curated debate ------------------------------------------------------------------------


def test_every_tension_and_claim_is_a_link(real):
    expected = sorted(str(href(t)) for t in (*real.tensions, *real.claims))
    for drawing in drawn(whole(real)):
        assert sorted(links(drawing)) == expected


def test_every_strand_is_a_link(real):
    for drawing in drawn(whole(real)):
        assert links(drawing, "to-strand") == [str(href(s)) for s in real.strands]


def test_the_map_is_the_same_each_time(real):
    assert drawn(whole(real)) == drawn(whole(real))


def test_nothing_overlaps_and_no_label_leaves_its_node(real):
    for drawing in drawn(whole(real)):
        assert len(BENCH["marks"](drawing)) >= len(real.claims) + len(real.tensions)
        assert BENCH["overlaps"](drawing) == 0


def test_overlaps_are_counted():
    over = (
        '<svg><a class="node"><rect x="0" y="0" width="40" height="20"/>'
        '<text x="2" y="12">much too long for it</text></a>'
        '<a class="node"><circle cx="38" cy="10" r="5"/></a></svg>'
    )
    assert BENCH["overlaps"](over) == 2


def test_every_node_stands_in_the_region_of_its_strand(real):
    drawing = ET.fromstring(drawn(whole(real))[0])
    strands = {t.id: t.strand for t in real.tensions} | {c.id: c.ref.strand for c in real.claims}
    for group in drawing.iter("g"):
        if group.get("data-strand"):
            for node in group.iter("a"):
                if node.get("data-node"):
                    assert strands[node.get("data-node")] == group.get("data-strand")


def test_nothing_leaves_the_sheet(real):
    for drawing in drawn(whole(real)):
        width, height = size(drawing)
        for box in BENCH["marks"](drawing):
            assert box.x >= 0 and box.y >= 0
            assert box.x + box.width <= width and box.y + box.height <= height


def test_every_line_of_the_debate_is_drawn_once(real):
    part = whole(real)
    told = Counter((k.source, k.target, k.kind) for k in map_parts.lines(part))
    for drawing in drawn(part):
        paths = Counter(
            (path.get("data-from"), path.get("data-to"), group.get("data-stance"))
            for group in ET.fromstring(drawing).iter("g")
            if group.get("data-stance")
            for path in group
        )
        assert paths == told
    poles = {(t.id, c.id) for t in real.tensions for p in t.poles for c in p.claims}
    assert {(a, b) for a, b, kind in told if kind == "pole"} == poles


def test_stances_differ_in_dash_and_in_end():
    rules = dict(re.findall(r"^\.edge\.(\w+) \{([^}]*)\}", CSS, re.MULTILINE))
    dashes = [re.findall(r"dasharray: ([^;]+)", rules[stance]) for stance in map_parts.LINES]
    assert len({str(dash) for dash in dashes}) == 3
    from kb.render.strokes import ENDS

    assert set(ENDS) == set(map_parts.LINES)
    assert len(set(ENDS.values())) == 3


def test_a_rejected_relation_is_no_line():
    part = whole(SMALL)
    before = len(map_parts.lines(part))
    claims = tuple(
        dataclasses.replace(
            claim,
            relations=tuple(dataclasses.replace(r, review="rejected") for r in claim.relations),
            bears_on=tuple(dataclasses.replace(r, review="rejected") for r in claim.bears_on),
        )
        for claim in SMALL.claims
    )
    after = map_parts.lines(dataclasses.replace(part, claims=claims))
    assert {line.kind for line in after} <= {"pole"}
    assert len(after) < before


def test_a_line_that_a_person_confirmed_says_so():
    part = whole(SMALL)
    claims = tuple(
        dataclasses.replace(
            claim,
            bears_on=tuple(dataclasses.replace(r, review="confirmed") for r in claim.bears_on),
        )
        for claim in SMALL.claims
    )
    assert 'class="confirmed"' not in drawn(part)[0].split("<g data-strand")[0]
    assert 'class="confirmed"' in drawn(dataclasses.replace(part, claims=claims))[0]


def test_a_claim_of_an_unknown_strand_has_a_region_of_its_own():
    bare = dataclasses.replace(SMALL, strands=())
    assert "crumb" in drawn(whole(bare))[0]


def test_an_empty_debate_has_an_empty_map():
    empty = whole(dataclasses.replace(SMALL, strands=(), tensions=(), claims=()))
    assert all(links(drawing) == [] for drawing in drawn(empty))


# -- facts and filters -----------------------------------------------------------------------


def test_the_counts_of_the_filters_are_those_of_the_facts(real):
    part = whole(real)
    facts = [map_parts.facts(part, thing) for thing in map_parts.nodes(part)]
    for control in map_parts.filters(part):
        for value, _, count in control.choices:
            found = {
                "strand": lambda v: sum(f.strand == v for f in facts),
                "review": lambda v: sum(v in f.reviews for f in facts),
                "facet": lambda v: sum(v in f.facets for f in facts),
                "stance": lambda v: sum(k.kind == v for k in map_parts.lines(part)),
            }[control.name](value)
            assert found == count > 0


def test_a_year_is_of_a_work_that_was_read(real):
    part = whole(real)
    claim = next(c for c in real.claims if c.id == "C02")
    years = map_parts.facts(part, claim).years
    from kb import dates, dialectic

    read = [k for k in claim.links if dialectic.bears(k) and dialectic.is_read(k)]
    assert years == {dates.span(k.work.date)[0].year for k in read if k.work.date}


def test_a_proposal_of_a_machine_gives_no_year():
    thing = next(c for c in SMALL.claims if c.links)
    alone = tuple(
        dataclasses.replace(k, agent_kind="model", review="proposed") for k in thing.links
    )
    facts = map_parts.facts(whole(SMALL), dataclasses.replace(thing, links=alone))
    assert facts.years == frozenset()
    assert facts.reviews == {"machine"}


def test_an_uncertain_year_counts_for_each_year_it_may_be():
    thing = next(c for c in SMALL.claims if c.links)
    link = dataclasses.replace(
        thing.links[0], agent_kind="curation", review="proposed", stance="supports", how="asserts"
    )
    for date, years in (
        ("2021/2023", {2021, 2022, 2023}), ("2024", {2024}), ("2024/..", {2024}), ("", set()),
    ):  # fmt: skip
        dated = dataclasses.replace(link, work=dataclasses.replace(link.work, date=date))
        facts = map_parts.facts(whole(SMALL), dataclasses.replace(thing, links=(dated,)))
        assert facts.years == years


def test_hostile_words_are_text_on_the_map():
    bad = '"><script>alert(1)</script><image href=x onerror=alert(1)>'
    tension = dataclasses.replace(SMALL.tensions[0], question=bad)
    debate = dataclasses.replace(SMALL, tensions=(tension,))
    everything = "".join(drawn(whole(debate)))
    everything += tension_map.small(debate, [tension], href)
    everything += neighborhood.neighborhood(debate, tension, href)
    tags = set(re.findall(r"<(\w+)", everything))
    assert tags <= {
        "svg", "defs", "marker", "path", "circle", "rect", "g", "a", "title", "text", "tspan",
    }  # fmt: skip


# -- many nodes -------------------------------------------------------------------------------


@pytest.mark.parametrize("nodes", [30, 300])
def test_hundreds_of_nodes_are_all_drawn_and_none_over_another(nodes):
    debate = BENCH["invented"](nodes)
    (part,) = map_parts.parts(debate)
    for drawing in drawn(part):
        assert len(links(drawing)) == nodes
        assert BENCH["overlaps"](drawing) == 0


def test_thousands_of_nodes_are_clusters_that_hold_each_node_once(large):
    first, *rest = map_parts.parts(large)
    assert first.clusters == tuple(rest)
    held = [thing.id for part in rest for thing in (*part.tensions, *part.claims)]
    assert sorted(held) == sorted(t.id for t in (*large.tensions, *large.claims))
    assert max(len(part.claims) for part in rest) <= map_parts.CLUSTER
    assert len({part.path for part in rest}) == len(rest)
    for drawing in drawn(first):
        assert sorted(links(drawing)) == sorted(f"{part.path}.html" for part in rest)
        assert BENCH["overlaps"](drawing) == 0
        assert len(drawing) < 150_000
    for drawing in drawn(rest[0]):
        assert BENCH["overlaps"](drawing) == 0


def test_lines_between_clusters_count_those_between_their_claims(large):
    first = map_parts.parts(large)[0]
    where = {t.id: p.id for p in first.clusters for t in (*p.tensions, *p.claims)}
    inner = map_parts.lines(dataclasses.replace(first, clusters=()))
    across = [k for k in inner if k.kind != "pole" and where[k.source] != where[k.target]]
    assert sum(line.count for line in map_parts.lines(first)) == len(across)


def test_claims_of_a_topic_are_a_cluster(large):
    from kb.views import TopicView

    some = [c.ref for c in large.claims if c.ref.strand == "s0"][:7]
    topic = TopicView("pots", "All about pots", "", (), (), tuple(some), ())
    parts = map_parts.parts(dataclasses.replace(large, topics=(topic,)))
    (found,) = [part for part in parts if part.title == "All about pots"]
    assert {c.id for c in found.claims} == {ref.id for ref in some}


# -- geometry ---------------------------------------------------------------------------------

BOXES = st.lists(st.tuples(st.integers(6, 190), st.integers(6, 110)), min_size=1, max_size=14)
PLAN = layout.Plan(600, 8, 10, 16, 7, 1.6, 3)


@settings(max_examples=25, deadline=None)
@given(st.lists(BOXES, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_boxes_never_overlap_and_stay_in_their_region(sizes, chance):
    regions = [
        layout.Region(f"r{i}", {f"{i}-{k}": size for k, size in enumerate(boxes)}, "A title of it")
        for i, boxes in enumerate(sizes)
    ]
    names = [name for region in regions for name in region.boxes]
    springs = [(chance.choice(names), chance.choice(names), 1.0) for _ in names]
    placed = layout.arrange(regions, springs, PLAN)
    assert placed == layout.arrange(regions, springs, PLAN)
    rects = list(placed.regions.values())
    assert not any(a.overlaps(b) for i, a in enumerate(rects) for b in rects[i + 1 :])
    for region in regions:
        own = placed.regions[region.id]
        boxes = [placed.boxes[name] for name in region.boxes]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
        for box in boxes:
            assert own.x <= box.x and box.x + box.width <= own.x + own.width + 1
            assert own.y <= box.y and box.y + box.height <= own.y + own.height + 1
        assert own.y + own.height <= placed.height


def test_what_belongs_together_stands_together():
    boxes = {f"n{i}": (30, 20) for i in range(24)}
    springs = [(f"n{i}", f"n{i + 12}", 1.0) for i in range(12)]
    placed = layout.arrange([layout.Region("r", boxes)], springs, PLAN).boxes

    def apart(a, b):
        (ax, ay), (bx, by) = placed[a].center, placed[b].center
        return ((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5

    every = [apart(a, b) for a in boxes for b in boxes if a < b]
    tied = [apart(a, b) for a, b, _ in springs]
    assert sum(tied) / len(tied) < 0.6 * sum(every) / len(every)


# -- the small map and the neighborhoods -------------------------------------------------------


def test_the_small_map_links_strands_and_tensions_and_no_dot(real):
    lively = real.tensions[:3]
    desk, phone = tension_map.small(real, lively, href).split("\n")
    for drawing in (desk, phone):
        assert sorted(links(drawing)) == sorted(str(href(t)) for t in real.tensions)
        assert links(drawing, "to-strand") == [str(href(s)) for s in real.strands]
        assert drawing.count('class="dot ') == len(real.claims)
        assert BENCH["overlaps"](drawing) == 0
    assert desk.count('class="words"') == len(lively)


def test_a_neighborhood_shows_what_a_claim_touches(real):
    claim = next(c for c in real.claims if c.id == "C02")
    relations = {
        (r.source.id, str(r.kind), r.target.id) for r in (*claim.relations, *claim.bears_on)
    }
    expected = {str(href(t)) for t in claim.tensions}
    for source, _, target in relations:
        other = target if source == "C02" else source
        expected.add(f"claims/{other.lower()}.html")
    for drawing in neighborhood.neighborhood(real, claim, href).split("\n"):
        assert set(links(drawing)) == expected


def test_a_neighborhood_has_at_most_twelve_neighbors_and_tells_of_the_rest(real):
    for thing in (*real.claims, *real.tensions):
        both = neighborhood.neighborhood(real, thing, href)
        for drawing in filter(None, both.split("\n")):
            assert len(links(drawing)) <= neighborhood.NEIGHBORS
            width, height = size(drawing)
            for box in BENCH["marks"](drawing):
                assert box.x >= 0 and box.x + box.width <= width
                assert box.y >= 0 and box.y + box.height <= height
            assert BENCH["overlaps"](drawing) == 0


def test_a_neighborhood_says_how_many_have_no_room(real):
    pole = dataclasses.replace(real.tensions[0].poles[0], claims=tuple(c.ref for c in real.claims))
    crowded = dataclasses.replace(real.tensions[0], poles=(pole,))
    told = f"{len(real.claims) - neighborhood.NEIGHBORS} more are not drawn"
    for drawing in neighborhood.neighborhood(real, crowded, href).split("\n"):
        assert told in drawing
        assert len(links(drawing)) == neighborhood.NEIGHBORS


def test_a_claim_alone_has_no_neighborhood(real):
    claim = dataclasses.replace(real.claims[0], relations=(), bears_on=(), tensions=())
    assert neighborhood.neighborhood(real, claim, href) == ""


# -- the pages --------------------------------------------------------------------------------


def test_a_large_debate_has_a_page_for_each_cluster_and_all_say_what_they_draw():
    debate = BENCH["invented"](520)
    templates = environment(FileSystemLoader(ROOT / "site/templates"), FUNCTIONS)
    made = {}
    for path, text in pages(debate, templates):  # the maps come right after the home page
        if path.startswith("map"):
            made[path] = text
        elif made:
            break
    first, *rest = map_parts.parts(debate)
    assert sorted(made) == sorted(f"{part.path}.md" for part in (first, *rest))
    for part in (first, *rest):
        text = made[f"{part.path}.md"]
        rows = re.findall(r'<tr data-node="([^"]*)"', text)
        nodes = re.findall(r'class="node [^"]*" data-node="([^"]*)"', text)
        assert Counter(nodes) == Counter(rows * 2)  # one drawing for a desk, one for a phone
        assert len(rows) == len(map_parts.nodes(part))
    for part in rest:
        assert f'href="{part.path}.html"' in made["map.md"]
        assert 'href="../map.html"' in made[f"{part.path}.md"]
