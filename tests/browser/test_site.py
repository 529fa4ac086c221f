"""The site in a real browser, as a reader meets it."""

import pytest

from .reader import Watched

pytestmark = pytest.mark.browser

PAGES = {
    "home": "index.html",
    "tension": "tensions/t2.html",
    "claim": "claims/c03.html",
    "work": "works/arxiv-2604-08519.html",
    "map": "map.html",
    "timeline": "timeline.html",
    "search": "search.html?q=grokking",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_load_clean_and_fit(chromium, site, width, scheme):
    size = {"width": width, "height": 900}
    with Watched(chromium, site, viewport=size, color_scheme=scheme) as w:
        for name, page in w.each(PAGES):
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{name} is {wide} px too wide"
            paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (max(map(int, paper[4:-1].split(","))) < 64) == (scheme == "dark"), name
            assert w.wrong == [], name


def test_the_choice_of_dark_is_kept(chromium, site):
    with Watched(chromium, site, color_scheme="light") as w:
        w.page.goto(f"{site}/index.html")
        for _ in range(2):  # from the system's choice to light to dark
            w.page.locator("[data-md-component=palette] label:not([hidden])").click()
        w.page.goto(f"{site}/tensions/t2.html")
        assert w.page.locator("body").get_attribute("data-md-color-scheme") == "slate"
        assert w.wrong == []


def test_without_script_all_pages_read_and_links_work(chromium, site):
    with Watched(chromium, site, java_script_enabled=False, color_scheme="dark") as w:
        for path in PAGES.values():
            w.page.goto(f"{site}/{path}")
            assert w.page.locator("main h1").is_visible()
            if "search" not in path:  # which says in two lines that it needs its script
                assert len(w.page.locator("main").inner_text()) > 400
        w.page.goto(f"{site}/index.html")
        paper = w.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(20, 22, 25)"  # dark, as the system asks, with nobody to set it
        w.page.locator(".top-nav a", has_text="Tensions").click()
        w.page.wait_for_url("**/tensions/index.html")
        w.page.locator(".tension-card h3 a").first.click()
        w.page.wait_for_url("**/tensions/t*.html")
        w.page.locator(".pole .claim a").first.click()
        w.page.wait_for_url("**/claims/*.html")


def test_search_finds_a_claim_and_shows_a_hostile_title_as_text(chromium, small):
    with Watched(chromium, small) as w:
        w.page.goto(f"{small}/index.html")
        w.page.keyboard.press("/")
        w.page.keyboard.type("ovens")
        hit = w.page.locator(".find-title", has_text="on ovens").first
        hit.wait_for()
        assert "<img src=x onerror=alert(1)>" in hit.inner_text()
        assert w.page.locator("img").count() == 0
        assert w.wrong == []


def test_hostile_titles_run_nothing_on_any_page(chromium, small):
    paths = [
        "index.html", "works/year/2030.html", "works/arxiv-3002-00002.html",
        "claims/rest-opens-crumb.html", "timeline.html", "events/bread-day-2030.html",
        "sources.html",
    ]  # fmt: skip
    with Watched(chromium, small) as w:
        for path, page in w.each({path: path for path in paths}):
            assert page.evaluate("document.querySelectorAll('img, iframe, object').length") == 0
            assert w.wrong == [], path
        w.page.goto(f"{small}/works/arxiv-3002-00002.html")
        assert w.page.title().startswith('"><img src=x onerror=alert(1)> on ovens txt')
        assert w.page.locator("h1").inner_text().startswith('"><img src=x onerror=alert(1)>')


def test_the_state_of_a_source_goes_by_the_readers_day(chromium, small):
    """The page was made on 11 February 2031; the source is to be read every day."""
    told = {}
    for day in (10, 11, 12, 13, 14):
        with Watched(chromium, small) as w:
            w.page.clock.set_fixed_time(f"2031-02-{day}T06:00:00Z")
            w.page.goto(f"{small}/sources.html")
            row = w.page.locator("tr", has_text="Ovens: crumb")
            told[day] = (
                row.locator(".badge").inner_text(),
                row.locator("td[data-label='Last read']").inner_text().split("2031")[1].strip(),
            )
            assert w.page.locator("tr", has_text="Mills: Bread").locator(".ill").count() == 1
            assert w.wrong == []
    assert told == {
        10: ("fresh", ""),  # a clock that is wrong is not believed
        11: ("fresh", "today"),
        12: ("fresh", "yesterday"),
        13: ("fresh", "2 days ago"),
        14: ("late", "3 days ago"),
    }


def test_the_home_page_says_how_the_sources_are(chromium, small):
    with Watched(chromium, small) as w:
        w.page.clock.set_fixed_time("2031-02-13T06:00:00Z")
        w.page.goto(f"{small}/index.html")
        line = w.page.locator("p.health")
        assert line.inner_text() == (
            "Sources last read on 11 February 2031 (2 days ago); "
            "4 sources: 1 fresh, 1 late, 1 ill, 1 never read."
        )
        line.locator("a").click()
        w.page.wait_for_url("**/sources.html")
        assert w.wrong == []


@pytest.mark.parametrize("width", [1440, 390])
def test_the_list_of_sources_fits(chromium, small, width):
    with Watched(chromium, small, viewport={"width": width, "height": 900}) as w:
        w.page.goto(f"{small}/sources.html")
        assert w.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_the_first_page_is_light(chromium, site):
    sizes = []
    with Watched(chromium, site) as w:
        w.page.on("requestfinished", lambda r: sizes.append(r.sizes()["responseBodySize"]))
        w.page.goto(f"{site}/index.html")
        w.page.wait_for_load_state("networkidle")
    assert 0 < sum(sizes) < 900_000  # uncompressed: the test's server does not zip


def test_a_page_opens_from_the_file_system(chromium, built):
    with Watched(chromium, "file://") as w:
        w.page.goto(f"file://{built}/index.html")
        w.page.locator(".tension-card h3 a").first.click()
        w.page.locator(".poles").wait_for()
        paper = w.page.evaluate("getComputedStyle(document.body).fontFamily")
        assert "Palatino" in paper
