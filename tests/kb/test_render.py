"""The pages of a small debate are what their golden copies say.

A diff of tests/golden is the review of a change to the site; UPDATE_GOLDEN=1 writes it.
"""

import dataclasses
import os
import re
from pathlib import Path

import pytest
from jinja2 import FileSystemLoader

from kb.errors import ConfigError
from kb.render import FUNCTIONS, environment, pages
from kb.views import TalkView

from .debate_fixture import BULK_OLD, BULK_THESIS, QUOTE, REST, SMALL

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden"


@pytest.fixture(scope="module")
def templates():
    return environment(FileSystemLoader(ROOT / "site/templates"), FUNCTIONS)


@pytest.fixture(scope="module")
def small(templates):
    return dict(pages(SMALL, templates))


def test_pages_match_their_golden_copies(small):
    if os.environ.get("UPDATE_GOLDEN"):
        for old in GOLDEN.rglob("*.md"):
            old.unlink()
        for path, text in small.items():
            (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / path).write_text(text, "utf-8")
    golden = {p.relative_to(GOLDEN).as_posix(): p.read_text("utf-8") for p in GOLDEN.rglob("*.md")}
    assert sorted(golden) == sorted(small)
    for path, text in small.items():
        assert text == golden[path], f"{path} changed; if meant, run with UPDATE_GOLDEN=1"


def test_the_same_debate_makes_the_same_pages(templates, small):
    assert dict(pages(SMALL, templates)) == small


def test_every_thing_has_a_page(small):
    folders = (
        "tensions/t1",
        "claims/c01",
        "claims/rest-opens-crumb",
        "works/arxiv-3001-00001",
        "works/year/2030",
        "voices/v01",
        "strands/crumb",
        "events/bread-day-2030",
        "topics/rest",
        "terms/rest",
        "cycles/2",
        "digests/weekly-loaf",
    )
    for path in ("index", "map", "timeline", "sources", *folders):
        assert f"{path}.md" in small


def test_two_things_cannot_share_a_page(templates):
    twice = dataclasses.replace(SMALL, voices=SMALL.voices * 2)
    with pytest.raises(ConfigError, match="voices/v01"):
        list(pages(twice, templates))


def test_an_empty_debate_has_pages_too(templates):
    nothing = {
        field.name: ()
        for field in dataclasses.fields(SMALL)
        if field.name not in ("status", "looked")
    }  # fmt: skip
    empty = dict(pages(dataclasses.replace(SMALL, **nothing), templates))
    assert "No tension is recorded yet" in empty["index.md"]


def plain(text):
    import html

    return html.unescape(text)


def test_a_machine_proposal_says_what_it_is(small):
    page = plain(small["claims/rest-opens-crumb.md"])
    assert "machine proposal · score 0.71 · not confirmed by a person" in page
    assert "curated · abstract read · not confirmed by a person" in page
    assert "confirmed by handle" in page


def test_a_rejected_link_is_shown_apart_and_never_as_evidence(small):
    page = plain(small["claims/c01.md"])
    evidence, aside = page.split("### Set aside")
    assert BULK_OLD.work.title.split(" \u202e")[0] not in evidence
    assert "rejected by handle" in aside


def test_a_pole_without_a_holder_says_so(small):
    assert "No claim on record states this pole." in plain(small["tensions/t1.md"])
    assert "no claim on record" in plain(small["index.md"])


def test_an_abstract_shows_only_where_its_source_allows_it(small):
    shown = plain(small["works/arxiv-3001-00001.md"])
    assert "We bake 40 loaves." in shown
    assert f'<mark class="read">{QUOTE}</mark>' in shown
    assert "the source is a mirror" not in plain(small["works/arxiv-3002-00002.md"])


def test_coverage_stands_apart_from_manifestations(small):
    before, after = plain(small["works/arxiv-3001-00001.md"]).split("## Coverage")
    assert "Dough explained" in after
    assert "Dough explained" not in before


def test_an_event_page_says_what_was_read_and_what_is_guessed(templates):
    first, *others = SMALL.events
    slot = TalkView("09:20", "", "oral", "Ovens <script>", ("Fourth Author",), None, "")
    read = dataclasses.replace(slot, session="Programme", read="2030-05-01", guess=REST)
    paper = dataclasses.replace(slot, start="", session="Accepted papers", read="2030-05-02")
    talks = (*first.talks, read, dataclasses.replace(paper, listed=True, title="Crust"))
    event = dataclasses.replace(first, talks=talks, dropped=2)
    made = dict(pages(dataclasses.replace(SMALL, events=(event, *others)), templates))
    page = made["events/bread-day-2030.md"]
    assert "<script>" not in page
    programme, papers = plain(page).split("## Accepted papers")
    assert "on 1 May 2030; no person has checked it" in programme
    assert "a guess: equal title, an author in common" in programme
    assert "Crust" in papers
    assert "Crust" not in programme
    assert "2 entries that the event's pages listed before are no longer on them" in papers
    assert "4 slots" in plain(made["events.md"] if "events.md" in made else made["events/index.md"])


def test_a_script_address_is_text_and_no_link(small):
    assert not any("javascript" in plain(text) for text in small.values())


def test_ids_in_our_prose_are_links(small):
    page = small["claims/rest-opens-crumb.md"]
    assert '<a href="../claims/c01.html">C01</a>' in page
    assert '<a href="../works/arxiv-3001-00001.html">Author and Author 2030</a>' in page


def test_a_tension_is_livelier_the_more_lineages_spoke_lately(templates):
    quiet = dataclasses.replace(SMALL.tensions[0], id="T0", poles=())
    text = dict(pages(dataclasses.replace(SMALL, tensions=(quiet, *SMALL.tensions)), templates))
    listed = text["index.md"].partition("The liveliest tensions")[2]
    assert listed.index(">T1<") < listed.index(">T0<")


def test_the_marks_add_up_to_the_balance(debate):
    from kb.render.marks import balance

    for claim in debate.claims():
        weights = claim.balance
        drawn = str(balance(weights)).count("M")
        assert drawn == weights.supports + weights.disputes + weights.qualifies


# -- timeline ------------------------------------------------------------


def test_the_timeline_links_its_marks_and_counts_to_its_list(small):
    page = plain(small["timeline.md"])
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'<a class="[^"]+" href="#([^"]+)"', page)) <= anchors
    assert "1 January" not in page


def test_an_undated_entry_is_listed_last(small):
    assert small["timeline.md"].index('id="y2030"') < small["timeline.md"].index('id="yundated"')


# -- badges ------------------------------------------------------------


def test_the_words_of_a_badge():
    from kb.render.words import badge

    assert badge(BULK_THESIS)[0] == "machine"
    rule = dataclasses.replace(BULK_THESIS, agent_kind="rule", score=None)
    assert badge(rule)[1] == "machine proposal · not confirmed by a person"
    old = dataclasses.replace(BULK_THESIS, review="superseded")
    assert badge(old)[0] == "superseded"
    contested = dataclasses.replace(BULK_THESIS, reviewed_by="ada, bob")
    assert badge(contested) == ("machine", "contested: ada, bob disagree · not confirmed")
