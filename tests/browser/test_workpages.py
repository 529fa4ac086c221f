"""Pages of works, events, talks and weeks in a real browser."""

import pytest

from .reader import Watched

pytestmark = pytest.mark.browser

SMALL_PAGES = {
    "work": "works/arxiv-3001-00001.html",
    "hostile work": "works/arxiv-3002-00002.html",
    "works": "works/index.html",
    "year": "works/year/2030.html",
    "event": "events/bread-day-2030.html",
    "talk": "talks/bread-day-2030-resting-dough.html",
    "weeks": "weeks/index.html",
    "week": "weeks/2031-w09.html",
    "cycles": "cycles/index.html",
}


@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_loads_clean_and_fits(chromium, small, width):
    with Watched(chromium, small, viewport={"width": width, "height": 844}) as w:
        for name, page in w.each(SMALL_PAGES):
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{name} is {wide} px too wide"
            assert w.wrong == [], name


def test_a_citation_is_copied_as_it_stands(chromium, site):
    allowed = {"permissions": ["clipboard-read", "clipboard-write"]}
    with Watched(chromium, site, **allowed) as w:
        w.page.goto(f"{site}/works/arxiv-2505-17638.html")
        w.page.locator(".cite summary", has_text="BibTeX").click()
        shown = w.page.locator("pre[data-copy=BibTeX]").text_content()
        w.page.get_by_role("button", name="Copy BibTeX").click()
        w.page.locator(".cite [role=status]", has_text="copied").first.wait_for(state="attached")
        assert w.page.evaluate("navigator.clipboard.readText()") == shown
        assert shown.startswith("@")
        assert w.wrong == []


def test_without_script_the_citation_is_there_and_no_button(chromium, site):
    with Watched(chromium, site, java_script_enabled=False) as w:
        w.page.goto(f"{site}/works/arxiv-2505-17638.html")
        w.page.locator(".cite summary", has_text="CSL-JSON").click()
        assert '"type"' in w.page.locator("pre[data-copy=CSL-JSON]").inner_text()
        assert w.page.locator(".copy").count() == 0


def test_a_list_of_works_is_filtered_and_the_view_can_be_shared(chromium, site):
    with Watched(chromium, site) as w:
        w.page.goto(f"{site}/works/index.html")
        rows = w.page.locator(".work-rows > li:visible")
        every = rows.count()
        w.page.get_by_label("strand").select_option("grokking")
        w.page.get_by_label("stance").select_option("disputes")
        some = rows.count()
        assert 0 < some < every
        assert w.page.evaluate("location.hash") == "#strand=grokking&stance=disputes"
        assert f"{some} of {every}" in w.page.locator(".pick [role=status]").inner_text()
        w.page.go_back()
        assert w.page.get_by_label("stance").input_value() == ""
        assert rows.count() > some
        shared = w.context.new_page()
        shared.goto(f"{site}/works/index.html#strand=grokking&stance=disputes")
        assert shared.locator(".work-rows > li:visible").count() == some
        assert w.wrong == []


def test_without_script_the_list_of_works_is_whole(chromium, site):
    with Watched(chromium, site, java_script_enabled=False) as w:
        w.page.goto(f"{site}/works/index.html")
        assert w.page.locator(".work-rows > li:visible").count() > 100
        assert w.page.locator(".pick").count() == 0


def test_from_an_event_to_its_talk_to_the_work_and_what_answers_it(chromium, site):
    with Watched(chromium, site) as w:
        w.page.goto(f"{site}/events/delta-2026.html")
        assert w.page.locator("h3.day").first.inner_text().startswith("27 April 2026")
        w.page.locator(".programme a", has_text="Manifold Generalization").first.click()
        w.page.wait_for_url("**/talks/delta-2026-*")
        w.page.locator("main .work a.title").first.click()
        w.page.wait_for_url("**/works/*")
        assert w.page.locator(".rungs .oral").count() >= 1
        assert w.page.locator("h2#bears-on").is_visible()
        assert w.wrong == []


def test_a_calendar_and_a_feed_are_served_from_the_pages_that_name_them(chromium, site):
    with Watched(chromium, site) as w:
        w.page.goto(f"{site}/events/delta-2026.html")
        calendar = w.page.locator("a.calendar").get_attribute("href")
        answer = w.context.request.get(f"{site}/events/{calendar.removeprefix('../events/')}")
        assert answer.ok
        assert answer.text().startswith("BEGIN:VCALENDAR")
        w.page.goto(f"{site}/tensions/t2.html")
        named = w.page.locator("link[rel~=alternate]").evaluate_all("all => all.map(a => a.href)")
        shown = w.page.locator(".feeds a").evaluate_all("all => all.map(a => a.href)")
        assert f"{site}/feeds/tension-t2.atom.xml" in named
        assert len(shown) == 3
        for url in {*named, *shown}:
            assert w.context.request.get(url).ok, url
        assert w.wrong == []
