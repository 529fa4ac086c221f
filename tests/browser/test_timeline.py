"""The timeline as a reader meets it: on a phone, by keyboard, by a link, without script."""

import re

import pytest

from .reader import Watched

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}}
FELDMAN = "w-arxiv-1906-05271"
TITLE = "Does Learning Require Memorization? A Short Tale about a Long Tail"
WHOLE = "() => document.documentElement.scrollWidth - window.innerWidth"
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def opened(w, url, hash=""):
    w.page.goto(f"{url}/timeline.html{hash}")
    w.page.locator(".timeline[data-ready]").wait_for()
    return w.page


def total(page):
    return int(
        page.locator(".timeline-controls output").inner_text().split(" ")[0].replace(",", "")
    )


def test_a_phone_reads_it_as_a_short_list_without_script(chromium, site):
    with Watched(chromium, site, java_script_enabled=False, **PHONE) as w:
        w.page.goto(f"{site}/timeline.html")
        years = w.page.locator("details.list-year")
        assert years.count() > 10
        assert w.page.locator("details.list-year[open]").count() == 1
        assert re.search(r"\d+ works", years.nth(3).locator("summary").inner_text())
        entry = w.page.locator(f"#{FELDMAN}")
        assert not entry.is_visible()
        w.page.locator("#y2019 > summary").click()
        assert entry.is_visible()
        assert "12 June 2019" in entry.inner_text()
        entry.locator("a.title").click()
        w.page.wait_for_url("**/works/arxiv-1906-05271.html")


def test_without_script_a_link_to_an_entry_opens_its_year(chromium, site):
    with Watched(chromium, site, java_script_enabled=False) as w:
        w.page.goto(f"{site}/timeline.html#{FELDMAN}")
        row = w.page.locator(f"#{FELDMAN}")
        row.wait_for()
        assert row.bounding_box()["y"] < 900


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize(
    "view", ["", "#years=2025", "#claim=C02", "#clock=learnt", f"#at={FELDMAN}"]
)
def test_every_view_fits_and_breaks_no_rule(chromium, site, width, scheme, view):
    size = {"width": width, "height": 900}
    with Watched(chromium, site, viewport=size, color_scheme=scheme) as w:
        page = opened(w, site, view)
        assert page.evaluate(WHOLE) <= 0
        assert page.locator("svg.lanes a").count() > 0
        assert w.wrong == []


def test_script_and_page_draw_the_same(chromium, site):
    drawn = []
    for script in (False, True):
        with Watched(chromium, site, java_script_enabled=script, **PHONE) as w:
            w.page.goto(f"{site}/timeline.html")
            if script:
                w.page.locator(".timeline[data-ready]").wait_for()
            bars = w.page.locator("svg.lanes .lane.works > a.count rect")
            places = [
                [bars.nth(i).get_attribute(name) for name in ("class", "x", "width")]
                for i in range(bars.count())
            ]
            names = w.page.locator("svg.lanes .lane > text").all_text_contents()
            drawn.append((sorted(places), [" ".join(name.split()) for name in names]))
    assert drawn[0][0]
    assert drawn[0] == drawn[1]


def test_a_year_is_as_wide_as_the_year(chromium, site):
    with Watched(chromium, site, viewport={"width": 1440, "height": 900}) as w:
        page = opened(w, site, "#claim=C02&years=2019-2021")
        width = page.locator("svg.lanes").bounding_box()["width"]
        mark = page.locator("svg.lanes .status .year rect").first
        assert mark.bounding_box()["width"] == pytest.approx(width * 366 / 1096, abs=3)
        dot = page.locator("svg.lanes .works .day circle").first
        assert dot.bounding_box()["width"] < 12


def test_a_filter_is_in_the_address_and_the_back_button_takes_it_away(chromium, site):
    with Watched(chromium, site) as w:
        page = opened(w, site)
        every = total(page)
        page.get_by_label("Claim", exact=True).select_option("C02")
        page.wait_for_url("**/timeline.html#claim=C02")
        few = total(page)
        assert 0 < few < every
        chosen = page.get_by_label("Claim", exact=True).locator("option:checked").inner_text()
        assert chosen.endswith(f"({few})")
        assert page.locator(".timeline-found li").count() == few
        page.get_by_label(re.compile("^Works")).uncheck()
        page.wait_for_url("**#claim=C02&hide=works")
        assert page.locator(".timeline-found li.works").count() == 0
        page.go_back()
        page.go_back()
        page.locator(".timeline-list").wait_for()
        assert total(page) == every
        assert w.wrong == []


def test_a_shared_address_shows_the_same_view(chromium, site):
    address = f"#claim=C02&years=2019-2021&machine=no&at={FELDMAN}"
    with Watched(chromium, site) as w:
        page = opened(w, site, address)
        assert page.get_by_label("Claim", exact=True).input_value() == "C02"
        assert page.get_by_label("From", exact=True).input_value() == "2019"
        assert page.get_by_label("To", exact=True).input_value() == "2021"
        assert page.locator(".timeline-card .title").inner_text() == TITLE
        assert "written 2019-06-12: known to the day" in page.locator(".timeline-card").inner_text()
        page.get_by_role("button", name="Show everything").click()
        assert page.evaluate("location.hash") == ""
        assert page.get_by_label("Claim", exact=True).input_value() == ""


def test_an_address_that_names_nothing_shows_everything(chromium, site):
    with Watched(chromium, site) as w:
        page = opened(w, site)
        every = total(page)
        for odd in ("#claim=C999&strand=%3Cscript%3E", "#years=20", "#hide=nothing", "#%E0%A4%A"):
            w.page.goto("about:blank")  # or only the part behind the # would change
            opened(w, site, odd)
            assert total(page) == every, odd
        assert w.wrong == []


def test_a_link_to_an_entry_marks_it(chromium, site):
    with Watched(chromium, site) as w:
        page = opened(w, site, f"#{FELDMAN}")
        row = page.locator(f"#{FELDMAN}")
        assert "at" in row.get_attribute("class").split()
        assert 0 <= row.bounding_box()["y"] < 900
        assert page.locator(".timeline-card .title").inner_text() == TITLE


def test_the_keyboard_walks_the_marks(chromium, site):
    with Watched(chromium, site) as w:
        page = opened(w, site, "#claim=C02")
        focused = "document.activeElement.getAttribute('aria-label')"
        page.get_by_role("button", name="Show everything").focus()
        for _ in range(40):  # past the buttons of the years
            page.keyboard.press("Tab")
            if page.evaluate("!!document.activeElement.closest('svg.lanes')"):
                break
        first = page.evaluate(focused)
        assert TITLE in first
        page.keyboard.press("ArrowRight")
        assert page.evaluate(focused) != first
        page.keyboard.press("ArrowDown")
        assert page.evaluate("!!document.activeElement.closest('.lane.status')")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Home")
        assert page.evaluate(focused) == first
        assert page.locator(".timeline-card .title").inner_text() == TITLE
        page.keyboard.press("Enter")
        page.locator(".timeline-card.kept").wait_for()
        assert page.evaluate("location.hash") == f"#claim=C02&at={FELDMAN}"
        assert page.evaluate(focused) == first
        page.keyboard.press("Escape")
        page.wait_for_url("**#claim=C02")
        assert w.wrong == []


def test_a_year_opens_by_its_button_and_a_span_by_dragging(chromium, site):
    with Watched(chromium, site, viewport={"width": 1440, "height": 900}) as w:
        page = opened(w, site)
        page.get_by_role("button", name="Only 2024").click()
        page.wait_for_url("**#years=2024")
        assert page.locator(".timeline-years").inner_text().split() == MONTHS
        page.get_by_role("button", name="Later ›").click()
        page.wait_for_url("**#years=2025")
        page.get_by_role("button", name="All years").click()
        box = page.locator("svg.lanes").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.01, box["y"] + 30)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 30, steps=4)
        page.mouse.up()
        page.wait_for_url("**#years=2015-2017")
        assert w.wrong == []


def test_a_month_is_reached_by_its_address(chromium, site):
    with Watched(chromium, site) as w:
        page = opened(w, site, "#years=2025&at=m2025-02")
        month = page.locator(".timeline-found [data-part='2025-02']")
        assert 0 <= month.bounding_box()["y"] < 700
        assert "February 2025" in month.inner_text()
        assert w.wrong == []


def test_the_other_clock_asks_when_we_learnt_it(chromium, site):
    with Watched(chromium, site) as w:
        page = opened(w, site)
        every = total(page)
        page.get_by_label("When we learnt it").check()
        page.wait_for_url("**#clock=learnt")
        assert total(page) == every  # nothing is lost: what has no time of learning is told last
        years = page.locator(".timeline-found details.list-year h2").all_inner_texts()
        assert years[-1] == "No date known"
        assert len(years) < 5
        assert w.wrong == []


def test_hostile_titles_are_text_and_harvested_works_are_listed_on_demand(chromium, small):
    with Watched(chromium, small) as w:
        page = opened(w, small)
        page.get_by_role("button", name="List here").click()
        row = page.locator(".timeline-list li.machine")
        assert '"><img src=x onerror=alert(1)> on ovens' in row.inner_text()
        assert "harvested" in row.inner_text()
        page.goto("about:blank")
        opened(w, small, "#claim=rest-opens-crumb")
        assert (
            '"><img src=x onerror=alert(1)> on ovens'
            in page.locator(".timeline-found").inner_text()
        )
        assert page.locator(".timeline img").count() == 0
        page.get_by_label(re.compile("^Harvested or proposed")).uncheck()
        assert "on ovens" not in page.locator(".timeline-found").inner_text()
        assert w.wrong == []


def test_without_its_data_the_page_stays_what_it_was(chromium, site):
    with Watched(chromium, site) as w:
        w.page.route("**/timeline.json", lambda route: route.fulfill(status=404))
        w.page.goto(f"{site}/timeline.html")
        w.page.wait_for_load_state("networkidle")
        assert w.page.locator("svg.lanes a").count() > 0
        assert w.page.locator("details.list-year[open]").count() == 1
        assert w.page.locator(".timeline-form").count() == 0


def test_a_voice_has_its_own_and_leads_into_the_whole(chromium, site):
    with Watched(chromium, site, **PHONE) as w:
        w.page.goto(f"{site}/voices/v05.html")
        assert w.page.locator("svg.lanes.strip").is_visible()
        w.page.locator(".lanes-list summary").click()
        assert w.page.locator(".lanes-list li").count() > 3
        w.page.get_by_role("link", name="See it in the whole timeline").click()
        w.page.wait_for_url("**/timeline.html#voice=V05")
        w.page.locator(".timeline[data-ready]").wait_for()
        assert 0 < total(w.page) < 40
        assert w.wrong == []
