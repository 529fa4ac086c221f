"""The tension map as a reader explores it: filters, addresses, keyboard, phone, no script."""

import re

import pytest

from .reader import Watched

pytestmark = pytest.mark.browser

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
OUT = "() => document.querySelectorAll('.map-desk .node.out').length"
NEAR = (
    "() => [...document.querySelectorAll('.map-desk .node.near')]"
    ".map(node => node.dataset.node).sort()"
)
OUTSIDE = """() => [...document.querySelectorAll("svg.map .node")]
  .filter(node => node.getClientRects().length)
  .flatMap(node => {
    const box = node.querySelector("rect, path, circle").getBBox();
    return [...node.querySelectorAll("text")].filter(text => {
      const own = text.getBBox();
      return own.x < box.x - 1 || own.x + own.width > box.x + box.width + 1;
    }).map(text => text.textContent);
  })"""


def hash_of(page):
    """What follows the hash now: `page.url` is told of a pushed state only some time later."""
    return page.evaluate("location.hash.slice(1)")


def node(page, id, sheet="desk"):
    return page.locator(f'.map-{sheet} [data-node="{id}"]')


def view_box(page, sheet="desk"):
    return [float(n) for n in page.locator(f"svg.map-{sheet}").get_attribute("viewBox").split()]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_labels_stay_inside_their_nodes_and_one_sheet_shows(chromium, site, size):
    with Watched(chromium, site, viewport=size) as w:
        w.page.goto(f"{site}/map.html")
        assert w.page.locator("svg.map:visible").count() == 1
        assert w.page.evaluate(OUTSIDE) == []
        wide = w.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        assert w.wrong == []


def test_a_filter_dims_the_map_and_the_tables_and_stands_in_the_address(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        w.page.goto(f"{site}/map.html")
        every = w.page.locator(".map-desk .node").count()
        label = w.page.locator("select[name=strand] option[value=grokking]").inner_text()
        count = int(re.search(r"\((\d+)\)", label)[1])
        w.page.select_option("select[name=strand]", "grokking")
        assert hash_of(w.page) == "strand=grokking"
        assert w.page.evaluate(OUT) == every - count
        assert w.page.locator(".map-count").inner_text() == f"{count} of {every} shown"
        assert w.page.locator("tr[data-node]:not([hidden])").count() == count
        w.page.select_option("select[name=stance]", "disputes")
        assert hash_of(w.page) == "strand=grokking&stance=disputes"
        assert 0 < every - w.page.evaluate(OUT) < count
        lit = w.page.locator(".map-desk .edge path:not(.out)")
        stances = lit.evaluate_all("paths => paths.map(p => p.parentNode.dataset.stance)")
        assert set(stances) == {"disputes"}
        w.page.go_back()
        assert w.page.locator("select[name=stance]").input_value() == ""
        assert w.page.evaluate(OUT) == every - count
        w.page.go_back()
        assert w.page.evaluate(OUT) == 0
        w.page.go_forward()
        assert w.page.locator("select[name=strand]").input_value() == "grokking"
        w.page.locator("[data-do=clear]").click()
        assert hash_of(w.page) == ""
        assert w.page.evaluate(OUT) == 0
        assert w.wrong == []


def test_years_filter_by_the_works_that_speak(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        w.page.goto(f"{site}/map.html")
        w.page.select_option("select[name=from]", "2025")
        w.page.select_option("select[name=to]", "2023")  # before: both become 2023
        assert hash_of(w.page) == "year=2023-2023"
        shown = w.page.locator("tr[data-node]:not([hidden])")
        years = shown.evaluate_all("rows => rows.map(row => row.dataset.years.split(' '))")
        assert years
        assert all("2023" in own for own in years)
        hidden = w.page.locator("tr[data-node][hidden]")
        assert all(
            "2023" not in own
            for own in hidden.evaluate_all("rows => rows.map(r => r.dataset.years.split(' '))")
        )


def test_a_shared_address_shows_the_same_view(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        w.context.grant_permissions(["clipboard-read", "clipboard-write"])
        w.page.goto(f"{site}/map.html")
        w.page.select_option("select[name=facet]", "optimizer")
        node(w.page, "C36").click()
        w.page.locator("[data-zoom=in]").click()
        w.page.locator("[data-do=link]").click()
        w.page.get_by_text("Link copied").wait_for()
        link = w.page.evaluate("navigator.clipboard.readText()")
        seen = (w.page.evaluate(OUT), w.page.evaluate(NEAR), view_box(w.page))
        assert "facet=optimizer&focus=C36&at=1.4x" in link
        w.page.goto("about:blank")
        w.page.goto(link)
        w.page.locator(".map-panel:visible").wait_for()
        again = (w.page.evaluate(OUT), w.page.evaluate(NEAR), view_box(w.page))
        assert again[:2] == seen[:2]
        assert again[2] == pytest.approx(seen[2], abs=2)
        assert w.wrong == []


def test_an_address_that_names_nothing_shows_everything(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        for hash in (
            "#strand=none&stance=loves&focus=%3Cb%3E",
            "#at=9999x1,1",
            "#year=20x-",
            "#%E0%A4%A",
        ):
            w.page.goto("about:blank")
            w.page.goto(f"{site}/map.html{hash}")
            assert w.page.evaluate(OUT) == 0
            assert w.page.locator(".map-panel").is_hidden()
            assert w.wrong == []


def test_a_click_lights_the_neighbors_and_a_second_one_opens_the_page(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        w.page.goto(f"{site}/map.html")
        node(w.page, "C36").click()
        near = set(w.page.evaluate(NEAR))
        ends = w.page.locator(".map-desk path[data-from]").evaluate_all(
            "paths => paths.map(p => [p.dataset.from, p.dataset.to])"
        )
        assert near == {id for pair in ends if "C36" in pair for id in pair}
        panel = w.page.locator(".map-panel")
        assert "C36" in panel.inner_text()
        assert "qualifying" in panel.inner_text()  # its balance
        assert panel.get_by_role("link", name="Open its page").is_visible()
        node(w.page, "C36").click()
        w.page.wait_for_url("**/claims/c36.html")
        w.page.go_back()
        panel.wait_for()
        w.page.locator(".map-close").click()
        assert panel.is_hidden()
        assert w.page.evaluate(NEAR) == []
        assert w.wrong == []


def test_hovering_lights_and_leaving_lets_go(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        w.page.goto(f"{site}/map.html")
        node(w.page, "C02").hover()
        assert "C02" in w.page.evaluate(NEAR)
        w.page.locator("h1").hover()
        assert w.page.evaluate(NEAR) == []


def test_the_keyboard_reaches_chooses_zooms_and_opens(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        w.page.goto(f"{site}/map.html")
        w.page.locator("[data-do=link]").focus()
        on = "document.activeElement.dataset && document.activeElement.dataset.node"
        for _ in range(4):
            w.page.keyboard.press("Tab")
            if w.page.evaluate(on):
                break
        id = w.page.evaluate(on)
        assert id in w.page.evaluate(NEAR)
        before = view_box(w.page)
        w.page.keyboard.press("+")
        assert view_box(w.page)[2] < before[2]
        at = view_box(w.page)
        w.page.keyboard.press("ArrowRight")
        assert view_box(w.page)[0] > at[0]
        w.page.keyboard.press("0")
        assert view_box(w.page) == before
        w.page.keyboard.press("Enter")
        assert f"focus={id}" in hash_of(w.page)
        assert w.page.locator(".map-panel").is_visible()
        w.page.keyboard.press("Escape")
        assert w.page.locator(".map-panel").is_hidden()
        w.page.keyboard.press("Enter")
        w.page.keyboard.press("Enter")
        w.page.wait_for_url(lambda url: "map.html" not in url)
        assert w.wrong == []


def test_every_node_is_in_the_order_of_tabs_and_shows_its_focus(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        w.page.goto(f"{site}/map.html")
        w.page.locator("[data-do=link]").focus()
        seen = set()
        strokes = set()
        for _ in range(140):
            w.page.keyboard.press("Tab")
            id, width = w.page.evaluate("""() => {
                const on = document.activeElement;
                const shape = on.querySelector("rect, path, circle");
                return [on.dataset.node || "", shape ? getComputedStyle(shape).strokeWidth : ""];
            }""")
            if id:
                seen.add(id)
                strokes.add(width)
            elif len(seen) > 60:
                zoom = w.page.evaluate("document.activeElement.dataset.zoom || ''")
                if zoom:
                    break
        assert len(seen) == w.page.locator(".map-desk .node").count()
        assert strokes == {"2.6px"}  # as for one that is chosen


def test_wheel_with_ctrl_zooms_and_without_it_scrolls_the_page(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        w.page.goto(f"{site}/map.html")
        before = view_box(w.page)
        w.page.mouse.move(600, 600)
        w.page.mouse.wheel(0, 200)
        w.page.wait_for_function("() => scrollY > 100")
        assert view_box(w.page) == before
        w.page.keyboard.down("Control")
        w.page.mouse.wheel(0, -200)
        w.page.keyboard.up("Control")
        assert view_box(w.page)[2] < before[2] * 0.8


def test_dragging_moves_a_zoomed_map_and_chooses_nothing(chromium, site):
    with Watched(chromium, site, viewport=DESK) as w:
        w.page.goto(f"{site}/map.html")
        w.page.locator("[data-zoom=in]").click()
        w.page.locator("[data-zoom=in]").click()
        before = view_box(w.page)
        box = w.page.locator(".map-view").bounding_box()
        x, y = box["x"] + box["width"] / 2, max(box["y"], 0) + 200
        w.page.mouse.move(x, y)
        w.page.mouse.down()
        w.page.mouse.move(x - 60, y - 40)
        w.page.mouse.move(x - 120, y - 80)
        w.page.mouse.up()
        after = view_box(w.page)
        assert after[0] > before[0] and after[1] > before[1]
        assert after[2:] == before[2:]
        assert "map.html" in w.page.url
        assert w.page.locator(".map-panel").is_hidden()
        w.page.locator("[data-zoom=fit]").click()
        assert view_box(w.page)[0] == 0


def test_on_a_phone_the_words_are_a_sheet_at_the_bottom(chromium, site):
    with Watched(chromium, site, viewport=PHONE, has_touch=True, is_mobile=True) as w:
        w.page.goto(f"{site}/map.html")
        node(w.page, "C36", "phone").tap()
        panel = w.page.locator(".map-panel")
        panel.wait_for()
        box = panel.bounding_box()
        assert box["x"] == 0 and box["width"] == PHONE["width"]
        assert box["y"] + box["height"] == pytest.approx(PHONE["height"], abs=1)
        assert box["height"] < PHONE["height"] / 2
        w.page.wait_for_timeout(400)  # the page moves the node above the sheet
        mark = node(w.page, "C36", "phone").bounding_box()
        assert mark["y"] >= 0 and mark["y"] + mark["height"] <= box["y"]
        w.page.get_by_role("link", name="Open its page").click()
        w.page.wait_for_url("**/claims/c36.html")
        assert w.wrong == []


def test_without_script_the_map_is_links_and_tables(chromium, site):
    with Watched(chromium, site, java_script_enabled=False, viewport=DESK) as w:
        w.page.goto(f"{site}/map.html")
        for gone in (".map-tools", ".map-zoom", ".map-panel", ".map-hint"):
            assert w.page.locator(gone).is_hidden()
        drawn = w.page.locator("svg.map-desk .node").count()
        assert w.page.locator("tr[data-node]").count() == drawn
        node(w.page, "C36").click()
        w.page.wait_for_url("**/claims/c36.html")


def test_from_the_file_system_filters_and_links_work_too(chromium, built):
    with Watched(chromium, "file://", viewport=DESK) as w:
        w.page.goto(f"file://{built}/map.html")
        w.page.select_option("select[name=strand]", "grokking")
        node(w.page, "C36").click()
        assert hash_of(w.page) == "strand=grokking&focus=C36"
        w.page.locator("[data-do=link]").click()
        shown = w.page.locator(".map-link:visible, .map-count:has-text('Link copied')").first
        shown.wait_for()
        w.page.go_back()
        assert hash_of(w.page) == "strand=grokking"
        assert w.page.locator(".map-panel").is_hidden()
        assert w.wrong == []


def test_motion_is_left_out_for_those_who_ask(chromium, site):
    with Watched(chromium, site, viewport=DESK, reduced_motion="reduce") as w:
        w.page.goto(f"{site}/map.html#focus=C36")
        style = node(w.page, "C36").evaluate("mark => getComputedStyle(mark).transitionDuration")
        assert style == "0s"
        now = node(w.page, "C36").bounding_box()
        assert 0 <= now["y"] < DESK["height"]  # at once, not after a glide


def test_hostile_words_on_the_map_and_in_its_panel_stay_text(chromium, small):
    with Watched(chromium, small, viewport=DESK) as w:
        w.page.goto(f"{small}/map.html")
        for mark in w.page.locator(".map-desk .node").all():
            mark.click()
            assert w.page.locator(".map-panel").is_visible()
            assert w.page.evaluate("document.querySelectorAll('img, iframe, object').length") == 0
            w.page.keyboard.press("Escape")
        assert w.wrong == []
