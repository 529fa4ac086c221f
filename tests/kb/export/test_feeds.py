"""Atom and RSS, read by feedparser; JSON Feed, by json and the rules of its version 1.1."""

import dataclasses
import datetime as dt
import html
import json

import feedparser
import pytest
from hypothesis import assume, given

from kb.export import DOCUMENTS, Selection
from kb.export.text import line

from .made import RECORDED, change, cycle, entry, hostile, ref, whole

XML = pytest.mark.parametrize("name", ["atom", "rss"])


def told(name, selection):
    return b"".join(DOCUMENTS[name].write(selection))


def parsed(name, selection):
    feed = feedparser.parse(told(name, selection))
    assert not feed.bozo, feed.get("bozo_exception")
    return feed


def titles(name, selection):
    if name == "jsonfeed":
        return [item["title"] for item in json.loads(told(name, selection))["items"]]
    return [item.title for item in parsed(name, selection).entries]


def taken_for_a_mistake(text):
    """feedparser repairs texts that look like UTF-8 that was read as Latin-1 ("Â¡")."""
    try:
        return line(f"T{text}").encode("iso-8859-1").decode() != line(f"T{text}")
    except UnicodeError:
        return False


@given(hostile)
def test_a_title_comes_back_from_atom(text):
    assume(not taken_for_a_mistake(text))
    titled = line(f"T{text}")
    (item,) = parsed("atom", Selection(timeline=(entry(f"T{text}"),))).entries
    assert item.title_detail.type == "text/plain"
    assert item.title == titled


@given(hostile)
def test_a_title_comes_back_from_rss_and_nothing_in_it_is_markup(text):
    assume(not taken_for_a_mistake(text))
    (item,) = parsed("rss", Selection(timeline=(entry(f"T{text}"),))).entries
    # feedparser gives HTML where it takes a text for HTML, and says so.
    as_html = item.title_detail.type == "text/html"
    assert (html.unescape(item.title) if as_html else item.title) == line(f"T{text}")
    assert b"<script" not in told("rss", Selection(timeline=(entry(f"T<script>{text}"),)))


@given(hostile)
def test_a_title_comes_back_from_json_feed(text):
    assert titles("jsonfeed", Selection(timeline=(entry(text),))) == [line(text)]


@pytest.mark.parametrize("name", ["atom", "rss", "jsonfeed"])
def test_a_date_without_a_day_is_left_out_and_counted(name):
    selection = Selection(
        timeline=(
            entry("Day", "2030-01-05"),
            entry("Month", "2030-02"),
            entry("Year", "2030"),
            entry("Either", "[2030-04-24,2030-04-25]"),
            entry("Span", "2030-04-24/2030-04-25"),
            entry("Undated", ""),
        )
    )
    assert titles(name, selection) == ["Day"]
    (remark,) = DOCUMENTS[name].left_out(selection)
    assert remark.startswith("left out 4 entries")


@XML
def test_entries_are_newest_first_with_the_instant_of_their_day_or_cycle(name):
    selection = dataclasses.replace(
        whole(), timeline=(entry("Old", "2029-01-01"), entry("New", "2030-05-06"))
    )
    feed, word = parsed(name, selection), {"atom": "updated", "rss": "published"}[name]
    assert [item.title for item in feed.entries] == ["Cycle 1", "Resting dough", "New", "Old"]
    moments = [dt.datetime(*item[f"{word}_parsed"][:6], tzinfo=dt.UTC) for item in feed.entries]
    assert moments[0] == moments[1] == dt.datetime.fromisoformat(RECORDED)
    assert moments[2] == dt.datetime(2030, 5, 6, tzinfo=dt.UTC)
    assert len({item.id for item in feed.entries}) == 4


def test_the_harvest_and_machine_proposals_are_one_number():
    changes = [
        change("A work entered.", "harvest-entered", "arxiv:1"),
        change("A link was proposed.", "proposal-added", "arxiv:1 → C01 (model)"),
        change("A claim entered."),
    ]
    selection = Selection(cycles=(cycle(2, changes),), as_of=RECORDED)
    items = json.loads(told("jsonfeed", selection))["items"]
    assert [item["title"] for item in items] == ["Cycle 2", "A claim entered."]
    assert "2 changes by harvest and machine" in items[0]["content_text"]


def test_reconstructed_cycles_and_the_future_are_no_news():
    past = cycle(0, (change(),), valid="2029-05-01", reconstructed=True)
    selection = Selection(cycles=(past,), timeline=(entry("Soon", "2032-01-01"),), as_of=RECORDED)
    assert titles("jsonfeed", selection) == []


def test_a_work_of_two_strands_is_told_once_and_a_harvested_one_not_at_all():
    curated, harvested = ref(key="rest-2030"), ref("arxiv:3002.00002")
    selection = Selection(
        timeline=(
            entry("Both", lane="works", strand="crumb", work=curated),
            entry("Both", lane="works", strand="salt", work=curated),
            entry("Many", lane="works", work=harvested),
        )
    )
    assert titles("jsonfeed", selection) == ["Both"]


def test_links_lead_to_the_site_where_there_is_one_and_to_the_paper_otherwise():
    selection = Selection(timeline=(entry("Rest", work=ref(key="rest-2030")),))
    assert parsed("atom", selection).entries[0].link == "https://arxiv.org/abs/3001.00001"
    there = dataclasses.replace(selection, base="https://example.org/")
    link = parsed("rss", there).entries[0].link
    assert link == "https://example.org/works/arxiv-3001-00001.html"


def test_a_json_feed_has_what_its_version_asks_for():
    feed = json.loads(told("jsonfeed", whole()))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"]
    for item in feed["items"]:
        assert item["id"]
        assert item["content_text"]
        assert dt.datetime.fromisoformat(item["date_published"]).tzinfo


@XML
def test_the_curated_timeline_is_a_feed(name, debate):
    cycles = debate.cycles()
    selection = Selection(
        cycles=tuple(cycles), timeline=tuple(debate.timeline()), as_of=cycles[-1].created
    )
    feed = parsed(name, selection)
    assert len(feed.entries) > 50
    assert len({item.id for item in feed.entries}) == len(feed.entries)


def test_an_empty_feed_is_a_feed():
    for name in ("atom", "rss"):
        assert parsed(name, Selection()).entries == []
    assert json.loads(told("jsonfeed", Selection()))["items"] == []
