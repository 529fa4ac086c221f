"""Pages of tensions, claims, words and voices in a real browser."""

import re

import pytest

from .reader import Watched

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
        w.page.wait_for_url("**/about/contribute.html#judge-a-proposal")
        assert w.page.locator("#judge-a-proposal").is_visible()
        assert w.wrong == []


def test_the_map_on_the_home_page_leads_to_a_tension_by_keyboard(chromium, site):
    with Watched(chromium, site) as w:
        w.page.goto(f"{site}/index.html")
        link = w.page.locator(".glance svg:visible a[href*='tensions/']").first
        link.focus()
        w.page.keyboard.press("Enter")
        w.page.wait_for_url("**/tensions/t*.html")
        assert w.wrong == []
