"""Pages of tensions, claims, words and voices in a real browser."""

import re

import pytest

from .reader import Watched
from .test_pages import axe

pytestmark = pytest.mark.browser


def test_each_chart_of_a_tension_has_its_numbers_below_it(chromium, site):
    with Watched(chromium, site, java_script_enabled=False) as w:
        w.page.goto(f"{site}/tensions/t9.html")
        drawn = w.page.locator("svg.growth")
        assert drawn.count() == 7
        w.page.locator(".growth-table summary").click()
        tables = w.page.locator("table.counts")
        assert tables.count() == 7
        for chart, table in zip(drawn.all(), tables.all(), strict=True):
            told = re.search(r"(\d+) for", chart.get_attribute("aria-label"))
            last = table.locator("tbody tr").last.locator("td").first.inner_text()
            assert last == (told[1] if told else "0")
        assert w.wrong == []


def test_the_settings_of_a_claim_become_a_card_on_a_phone(chromium, site):
    with Watched(chromium, site, viewport={"width": 390, "height": 844}) as w:
        w.page.goto(f"{site}/tensions/t2.html")
        table = w.page.locator("table.regimes")
        assert table.evaluate("e => getComputedStyle(e).display") == "block"
        cell = table.locator("td.differs").first
        assert cell.evaluate("e => getComputedStyle(e, '::before').content") != "none"
        box = table.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert w.wrong == []


def test_a_reader_follows_a_sense_from_a_claim_to_the_tension_that_turns_on_it(chromium, site):
    with Watched(chromium, site) as w:
        w.page.goto(f"{site}/claims/c11.html")
        w.page.locator(".facts a", has_text="copy").click()
        w.page.wait_for_url("**/terms/memorization.html#copy")
        assert w.page.locator("#copy").is_visible()
        w.page.locator(".tension-card h3 a").first.click()
        w.page.wait_for_url("**/tensions/*.html")
        assert w.wrong == []


def test_a_machine_proposal_shows_the_entry_that_judges_it(chromium, small):
    with Watched(chromium, small) as w:
        w.page.goto(f"{small}/claims/rest-opens-crumb.html")
        w.page.locator(".objection summary").first.click()
        entry = w.page.locator(".objection pre").first
        assert entry.is_visible()
        assert "verdict: rejected" in entry.inner_text()
        w.page.locator(".objection a").first.click()
        assert w.page.url.endswith("#judging")
        w.page.locator("#judging a", has_text="How to judge").click()
        w.page.wait_for_url("**/about/contribute.html#judge-a-proposal")
        assert w.page.locator("#judge-a-proposal").is_visible()
        assert w.wrong == []


def test_an_objection_opens_by_keyboard_and_without_a_script(chromium, small):
    with Watched(chromium, small, java_script_enabled=False) as w:
        w.page.goto(f"{small}/works/arxiv-3002-00002.html#rest-opens-crumb-by-model")
        link = w.page.locator("#rest-opens-crumb-by-model")
        assert "score 0.71" in link.inner_text()
        entry = link.locator(".objection pre")
        assert not entry.is_visible()
        link.locator(".objection summary").focus()
        w.page.keyboard.press("Enter")
        assert entry.is_visible()
        assert entry.inner_text().splitlines()[0].strip() == '- work: "arxiv:3002.00002"'
        assert "kb review --work arxiv:3002.00002 --claim" in link.inner_text()
        w.page.keyboard.press("Tab")  # the entry, so that it can be scrolled
        w.page.keyboard.press("Tab")
        w.page.keyboard.press("Enter")
        assert w.page.url.endswith("#judging")
        assert w.page.locator("#judging").is_visible()
        assert w.wrong == []


def test_what_a_machine_ties_to_a_claim_in_the_timeline_leads_to_its_score(chromium, small):
    with Watched(chromium, small) as w:
        w.page.goto(f"{small}/timeline.html#claim=rest-opens-crumb")
        w.page.locator("a", has_text="proposed: score and sentence").first.click()
        w.page.wait_for_url("**/works/arxiv-3002-00002.html#bears-on")
        assert "score 0.71" in w.page.locator("ul.links li").first.inner_text()
        assert w.wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_figures_of_the_linker_are_told_whole_at_every_width(chromium, small, width, scheme):
    size = {"width": width, "height": 900}
    with Watched(chromium, small, viewport=size, color_scheme=scheme) as w:
        w.page.goto(f"{small}/about/method.html")
        told = w.page.locator(".measures tbody td:not(:empty), .confusion td:not(:empty)")
        assert "short by 0.07" in told.all_inner_texts()
        for place in told.all():
            box = place.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        assert w.page.evaluate("document.scrollingElement.scrollWidth") <= width
        w.page.evaluate(axe())
        told = w.page.evaluate("axe.run({resultTypes: ['violations']})")
        grave = [v for v in told["violations"] if v["impact"] in ("serious", "critical")]
        assert [node["html"] for v in grave for node in v["nodes"]] == []
        assert w.wrong == []


def test_the_map_on_the_home_page_leads_to_a_tension_by_keyboard(chromium, site):
    with Watched(chromium, site) as w:
        w.page.goto(f"{site}/index.html")
        link = w.page.locator(".glance svg:visible a[href*='tensions/']").first
        link.focus()
        w.page.keyboard.press("Enter")
        w.page.wait_for_url("**/tensions/t*.html")
        assert w.wrong == []
