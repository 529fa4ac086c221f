"""Feeds, calendars and citations beside the pages say what the pages say, and are text alone."""

import dataclasses
import json
from xml.etree import ElementTree as ET

import feedparser
import icalendar
import pytest

from kb import companions
from kb.export.feeds import Channel, atom

from .debate_fixture import BULK, EVENTS, REST, SMALL, TIMELINE

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = 'Bread\r\nBEGIN:VALARM\r\n\u202e<script>alert(1)</script> ]]> &amp; "; DROP'


@pytest.fixture(scope="module")
def whole():
    return companions.complete(dataclasses.replace(SMALL, calendars=frozenset(), feeds={}))


def test_there_are_feeds_of_all_of_each_strand_and_of_each_tension(whole):
    names = {name.split(".")[0] for name in companions.files(whole) if name.startswith("feeds/")}
    assert names == {
        "feeds/all",
        "feeds/strand-crumb",
        "feeds/strand-salt",
        "feeds/tension-t1",
    }
    assert set(whole.feeds.values()) == names
    assert whole.feeds["tensions/t1"] == "feeds/tension-t1"


def test_the_files_are_the_same_each_time(whole):
    assert companions.files(whole) == companions.files(whole)


def test_a_feed_reads_without_an_address_of_the_site(whole):
    files = companions.files(whole)
    for name in ("feeds/all.atom.xml", "feeds/all.rss.xml"):
        feed = feedparser.parse(files[name])
        assert not feed.bozo, feed.get("bozo_exception")
        assert feed.entries
        assert len({entry.id for entry in feed.entries}) == len(feed.entries)
    told = json.loads(files["feeds/all.feed.json"])
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert "home_page_url" not in told


def test_without_an_address_only_atom_links_into_the_site_and_relatively(whole):
    files = companions.files(whole)
    root = ET.fromstring(files["feeds/tension-t1.atom.xml"])
    links = [link.get("href") for link in root.iter(f"{ATOM}link")]
    assert "../tensions/t1.html" in links
    assert "../cycles/2.html" in links
    assert "tension-t1.atom.xml" in links
    for name in ("feeds/all.rss.xml", "feeds/all.feed.json"):
        assert b"cycles/2.html" not in files[name]


def test_with_an_address_every_feed_links_to_pages_that_are_there(whole):
    from jinja2 import FileSystemLoader

    from kb.publish import find_source
    from kb.render import FUNCTIONS, environment, pages

    templates = environment(FileSystemLoader(find_source() / "templates"), FUNCTIONS)
    known = {path.removesuffix(".md") for path, _ in pages(whole, templates)}
    base = "https://example.org/d/"
    files = companions.files(whole, base)
    urls = [e.link for e in feedparser.parse(files["feeds/all.rss.xml"]).entries if "link" in e]
    urls += [i["url"] for i in json.loads(files["feeds/all.feed.json"])["items"] if "url" in i]
    root = ET.fromstring(files["feeds/strand-crumb.atom.xml"])
    urls += [link.get("href") for link in root.iter(f"{ATOM}link") if link.get("rel") != "self"]
    ours = [url.removeprefix(base) for url in urls if url.startswith(base)]
    assert len(ours) > 4
    assert {url.removesuffix(".html") for url in ours} <= known


def test_a_feed_of_a_tension_tells_only_of_it(whole):
    timeline = (dataclasses.replace(TIMELINE[0], title="Far away", work=BULK, strand="salt"),)
    lone = dataclasses.replace(whole, timeline=(*TIMELINE, *timeline))
    text = companions.files(lone)["feeds/tension-t1.feed.json"].decode()
    assert "Far away" not in text
    assert "Bread Day 2030" not in [i["title"] for i in json.loads(text)["items"]]


def test_a_hostile_title_is_text_in_every_feed(whole):
    ref = dataclasses.replace(REST, title=HOSTILE)
    entry = dataclasses.replace(TIMELINE[0], title=HOSTILE, work=ref)
    files = companions.files(dataclasses.replace(whole, timeline=(entry,)))
    for name, data in files.items():
        if name.startswith("feeds/"):
            assert b"<script" not in data, name
            assert "\u202e".encode() not in data
    assert not feedparser.parse(files["feeds/all.atom.xml"]).bozo


def test_formulas_in_titles_are_plain_letters_in_feeds(whole):
    entry = dataclasses.replace(TIMELINE[0], title=r"Dough with $\mu$P")
    told = json.loads(
        companions.files(dataclasses.replace(whole, timeline=(entry,)))["feeds/all.feed.json"]
    )
    assert "Dough with μP" in [item["title"] for item in told["items"]]


def test_a_feed_has_no_more_entries_than_it_may():
    from kb.export import Selection

    selection = Selection(timeline=TIMELINE, cycles=SMALL.cycles, as_of=SMALL.as_of)
    data = b"".join(atom(selection, Channel(most=2)))
    assert data.count(b"<entry>") == 2


# -- calendars -----------------------------------------------------------------------------------


def test_an_event_whose_day_is_known_has_a_calendar_file(whole):
    assert whole.calendars == {"bread-day-2030"}
    data = companions.files(whole)["events/bread-day-2030.ics"]
    entries = icalendar.Calendar.from_ical(data).walk("VEVENT")
    assert "Bread Day 2030" in [str(entry["SUMMARY"]) for entry in entries]
    talk = next(e for e in entries if "Resting" in str(e["SUMMARY"]))
    assert str(talk["DTSTART"].dt.tzinfo) == "Europe/Lisbon"


def test_a_hostile_event_adds_no_line_to_its_calendar():
    talk = dataclasses.replace(EVENTS[0].talks[1], title=HOSTILE, people=(HOSTILE,))
    event = dataclasses.replace(EVENTS[0], name=HOSTILE, place=HOSTILE, talks=(talk,))
    (data,) = companions.calendars((event,), SMALL.as_of).values()
    calendar = icalendar.Calendar.from_ical(data)
    assert calendar.walk("VALARM") == []
    assert len(calendar.walk("VEVENT")) == 3  # the day, a deadline, a talk
    assert all(not line.startswith(b"BEGIN:VALARM") for line in data.splitlines())


# -- citations -----------------------------------------------------------------------------------


def test_a_citation_names_no_claim_and_no_proposal(whole):
    for bib, told in whole.citations.values():
        assert bib.startswith("@")
        assert "keywords" not in bib
        (item,) = json.loads(told)
        assert "keyword" not in item


def test_a_citation_on_few_lines_says_what_the_export_says(whole):
    from kb.export import DOCUMENTS, Selection

    brackets = dataclasses.replace(
        whole.works[0], ref=dataclasses.replace(REST, title='A {b} [c] "d"'), links=()
    )
    (told,) = (told for _, told in companions.citations([brackets]).values())
    (exported,) = json.loads(b"".join(DOCUMENTS["csl-json"].write(Selection(works=(brackets,)))))
    assert json.loads(told) == [exported]
    assert len(told.splitlines()) < 20
