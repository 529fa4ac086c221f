"""The tension map: everything on it, nothing outside it, the same each time."""

import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest
from markupsafe import Markup

from kb.publish import gather
from kb.render import tension_map
from kb.render.debate import place

from .debate_fixture import SMALL

SHEETS = [tension_map.DESK, tension_map.PHONE]


def href(thing):
    return Markup(f"{place(thing)}.html")


def parsed(debate, sheet):
    return ET.fromstring(tension_map.draw(debate, sheet, href))


@pytest.fixture(scope="module")
def real(debate):
    return gather(debate)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda s: s.name)
def test_every_tension_and_claim_is_a_link(real, sheet):
    links = [a.get("href") for a in parsed(real, sheet).iter("a")]
    assert sorted(links) == sorted(str(href(t)) for t in (*real.tensions, *real.claims))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda s: s.name)
def test_the_map_is_the_same_each_time(real, sheet):
    assert tension_map.draw(real, sheet, href) == tension_map.draw(real, sheet, href)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda s: s.name)
def test_no_node_covers_another_and_none_leaves_the_sheet(real, sheet):
    drawing = parsed(real, sheet)
    _, _, width, height = map(float, drawing.get("viewBox").split())
    boxes = []
    for a in drawing.iter("a"):
        for r in a.iter("rect"):
            x, y, w, h = (float(r.get(k)) for k in ("x", "y", "width", "height"))
            assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
            boxes.append((x, y, w, h))
    for i, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[i + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_stances_differ_in_more_than_color(real):
    kinds = set(re.findall(r'class="edge (\w+)', tension_map.draw(real, tension_map.DESK, href)))
    css = (tension_map_css()).read_text()
    assert kinds == {"pole", "supports", "disputes", "qualifies"}
    dashes = re.findall(r"^\.edge\.(\w+) \{[^}]*stroke-dasharray: ([^;]+);", css, re.MULTILINE)
    assert len({dash for _, dash in dashes}) == len(dashes) == 2


def tension_map_css():
    from pathlib import Path

    return Path(__file__).parents[2] / "site/assets/dissensus.css"


def test_coordinates_are_rounded(real):
    paths = re.findall(r' d="([^"]+)"', tension_map.draw(real, tension_map.DESK, href))
    assert paths
    assert not any("." in path for path in paths)


def test_a_claim_of_an_unknown_strand_has_a_band_of_its_own():
    bare = dataclasses.replace(SMALL, strands=())
    assert "crumb" in tension_map.draw(bare, tension_map.DESK, href)


def test_an_empty_debate_has_an_empty_map():
    empty = dataclasses.replace(SMALL, strands=(), tensions=(), claims=())
    assert list(parsed(empty, tension_map.DESK)) == []
