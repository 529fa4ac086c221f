"""What pages tell machines: JSON-LD that rdflib reads, summaries, addresses that stay good."""

import dataclasses
import json
import os
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
import rdflib
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kb import ids
from kb.errors import ConfigError
from kb.heads import SUMMARY, Heads, moved, moved_page, robots, summary
from kb.publish import gather, publish
from kb.render.debate import place

from .debate_fixture import BULK, EVENTS, REST, SMALL, T1, WORKS, work

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "tests/fixtures/paths.txt"
BASE = "https://example.org/kb/"
SCHEMA = rdflib.Namespace("https://schema.org/")
PAGE = '---\ntitle: "x"\nkind: "work"\n---\n\n# x\n'
NONE = Path("/nonexistent.yaml")

# rdflib's own parsers still use its old names.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")


class Scripts(HTMLParser):
    """Gathers what stands in script elements, and every other element by name."""

    def __init__(self):
        super().__init__()
        self.held, self.elements, self.inside = [], [], False

    def handle_starttag(self, tag, attributes):
        self.inside = tag == "script"
        if self.inside:
            assert attributes == [("type", "application/ld+json")]
        else:
            self.elements.append(tag)

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.held.append(data)


def dressed(thing, base="", debate=SMALL):
    """Return (header, the JSON-LD) of a thing's page as a browser gets it."""
    page = Heads(debate, base).dress(place(thing), PAGE)
    _, header, text = page.split("---\n", 2)
    scripts = Scripts()
    scripts.feed(markdown.markdown(text, extensions=["attr_list", "tables", "toc"]))
    assert set(scripts.elements) <= {"h1"}
    return yaml.safe_load(header), "".join(scripts.held)


@pytest.mark.parametrize("base", ["", BASE])
@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        (WORKS[0], "ScholarlyArticle"),
        (SMALL.claims[1], "Claim"),
        (EVENTS[0], "Event"),
        (SMALL.voices[0], "Person"),
        (SMALL.tensions[0], "Question"),
    ],
)
def test_a_page_says_what_it_is_about(thing, kind, base):
    _, text = dressed(thing, base)
    graph = rdflib.Graph().parse(data=text, format="json-ld")
    about = next(graph.subjects(rdflib.RDF.type, SCHEMA[kind]))
    assert str(about).startswith(("https://arxiv.org/abs/", base or "urn:x-dissensus:"))
    if base and kind != "ScholarlyArticle":
        assert str(about) == f"{base}{place(thing)}.html"


def test_only_what_somebody_read_is_told_of_a_work():
    _, read = dressed(WORKS[0])
    _, machine = dressed(next(w for w in WORKS if w.ref == BULK))
    assert "cito:" in read.split('"schema:name"', 1)[1]
    assert "cito:" not in machine.split('"schema:name"', 1)[1]


@given(
    st.text(max_size=200) | st.sampled_from(["</script>", "```\n</script>", "\x02wzxhzdk:0\x03"])
)
def test_no_text_ends_the_script_or_the_header(text):
    ref = dataclasses.replace(REST, title=f"T{text}")
    thing = work(ref, authors=(text, "A B"), synopsis=f"S{text}", venue=text)
    debate = dataclasses.replace(SMALL, works=(thing,))
    header, told = dressed(thing, debate=debate)
    assert json.loads(told)["schema:description"].startswith("S")
    assert set(header) == {"title", "kind", "description"}
    assert header["title"] == "x"


def test_a_summary_is_short_and_never_an_abstract():
    for thing in (*WORKS, *SMALL.claims, *SMALL.tensions, *SMALL.voices, *SMALL.events):
        assert summary(thing)
        header, _ = dressed(thing)
        assert 0 < len(header["description"]) < 6 * SUMMARY  # each mark is an entity
    ovens = next(w for w in WORKS if w.ref == BULK)
    assert ovens.abstract
    assert ovens.abstract[:20] not in summary(ovens)


def test_a_page_with_a_summary_of_its_own_keeps_it():
    own = PAGE.replace("---\n\n", 'description: "Mine"\n---\n\n')
    assert Heads(SMALL).dress("claims/index", own) == own
    assert 'description: "Theses' in Heads(SMALL).dress("claims/index", PAGE)


def paths(debate):
    things = (*debate.works, *debate.claims, *debate.tensions, *debate.voices, *debate.events)
    return [place(thing) for thing in things]


def test_a_work_is_found_under_each_of_its_identifiers():
    found = moved(SMALL, paths(SMALL), NONE)
    assert found["works/dough-2030"] == "works/arxiv-3001-00001"
    assert not set(found) & set(paths(SMALL))


def test_what_two_works_claim_leads_to_neither():
    twice = tuple(
        dataclasses.replace(w, identifiers=(*w.identifiers, "doi:10.1/x")) for w in WORKS[:2]
    )
    debate = dataclasses.replace(SMALL, works=twice)
    assert f"works/{ids.slug('doi:10.1/x')}" not in moved(debate, paths(debate), NONE)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("tensions/t1: tensions/t2", "there is a page"),
        ("tensions/old: tensions/t9", "there is no page"),
        ("../x: tensions/t1", "not the path"),
        ("- a", "former path"),
        ("a: [", "not YAML"),
    ],
)
def test_a_wrong_list_of_renamed_pages_is_refused(tmp_path, text, wrong):
    file = tmp_path / "redirects.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=wrong):
        moved(SMALL, paths(SMALL), file)


def test_a_renamed_page_leads_to_the_new_one(tmp_path):
    file = tmp_path / "redirects.yaml"
    file.write_text("tensions/t0: tensions/t1\n")
    assert moved(SMALL, paths(SMALL), file)["tensions/t0"] == f"tensions/{T1.id.lower()}"
    page = moved_page("tensions/t0", "tensions/t1", BASE)
    assert f'<link rel="canonical" href="{BASE}tensions/t1.html">' in page
    assert '<meta http-equiv="refresh" content="0; url=../tensions/t1.html">' in page
    assert '<a href="../tensions/t1.html">' in page
    assert "<script" not in page


def test_with_an_address_pages_name_it_and_all_are_listed(tmp_path):
    site = publish(SMALL, tmp_path, ROOT / "site", site_url=BASE.rstrip("/")).site
    listed = {loc.text for loc in ET.parse(site / "sitemap.xml").findall(".//{*}loc")}
    assert f"{BASE}claims/c01.html" in listed
    assert f"{BASE}works/dough-2030.html" not in listed  # it leads elsewhere
    assert (site / "works/dough-2030.html").is_file()
    page = (site / "claims/c01.html").read_text()
    assert f'<link rel="canonical" href="{BASE}claims/c01.html">' in page
    assert f'<meta property="og:url" content="{BASE}claims/c01.html">' in page
    assert f"Sitemap: {BASE}sitemap.xml" in (site / "robots.txt").read_text()
    # Links stay relative: the site still moves as one folder.
    assert not re.search(rf'<a[^>]* href="{re.escape(BASE)}', page)


def test_without_an_address_none_is_made_up(tmp_path):
    site = publish(SMALL, tmp_path, ROOT / "site").site
    assert not list(site.glob("sitemap*"))
    page = (site / "claims/c01.html").read_text()
    assert 'rel="canonical"' not in page
    assert "og:url" not in page
    assert '<meta property="og:title" content="At 8 degrees' in page
    assert robots("") == "User-agent: *\nAllow: /\n"


def test_no_page_of_the_curated_debate_has_gone(debate):
    """The list holds every path that was ever published; an old one may lead to a new one."""
    every = {
        place(thing)
        for things in (debate.claims(), debate.tensions(), debate.voices(), debate.events(),
                       debate.strands(), debate.topics(), debate.works())
        for thing in things
    }  # fmt: skip
    before = set(LEDGER.read_text().split()) if LEDGER.exists() else set()
    if os.environ.get("UPDATE_GOLDEN"):
        LEDGER.write_text("".join(f"{path}\n" for path in sorted(before | every)))
        return
    every |= set(moved(gather(debate), every, ROOT / "site/redirects.yaml"))
    assert before - every == set(), "give each a line in site/redirects.yaml"
    assert every >= before
    assert len(before) > 250
