"""Every kind of page: for everybody, for machines, and with nothing from elsewhere."""

import json
import re
from itertools import pairwise

import pytest

from .reader import Watched, kinds, needed

pytestmark = pytest.mark.browser

NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1440, "height": 900}


def axe():
    """Return the source of axe-core from the package that carries it."""
    try:
        from axe_playwright_python.base import AXE_FILE_PATH
    except ImportError:
        needed("axe-playwright-python", None)
    return AXE_FILE_PATH.read_text()


def looked_at(folder):
    """Return kind of page -> path, but for what leads away before anybody could look."""
    return {kind: path for kind, path in kinds(folder).items() if kind != "moved"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_axe_finds_nothing_serious(chromium, built, site, size, scheme):
    source = axe()
    found = {}
    with Watched(chromium, site, viewport=size, color_scheme=scheme) as w:
        for kind, page in w.each(looked_at(built)):
            page.evaluate(source)
            told = page.evaluate("axe.run({resultTypes: ['violations']})")
            for rule in told["violations"]:
                if rule["impact"] in ("serious", "critical"):
                    where = [str(node["target"][-1]) for node in rule["nodes"]]
                    found[kind, rule["id"]] = f"{len(where)}: {where[:3]}"
        assert w.wrong == []
    assert found == {}


LOOK = """() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true });
  const heads = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(shown);
  const levels = heads.map((e) => Number(e.tagName[1]));
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  const small = [...document.querySelectorAll("main button, main input, main select, main summary")]
    .filter((e) => shown(e) && e.getBoundingClientRect().height < 24);
  const box = document.scrollingElement;
  return {
    h1: levels.filter((level) => level === 1).length,
    jumps: levels.filter((level, at) => at && level > levels[at - 1] + 1).length,
    twice: ids.filter((id, at) => ids.indexOf(id) !== at),
    named: ["main", "nav", "header", "footer"].filter((tag) => !document.querySelector(tag)),
    language: document.documentElement.lang,
    title: document.title,
    summary: document.querySelector("meta[name=description]")?.content ?? "",
    viewport: document.querySelector("meta[name=viewport]")?.content ?? "",
    unlabelled: [...document.querySelectorAll("svg")].filter((e) =>
      shown(e) && !e.parentElement.closest("svg, [role=img]")
      && !e.closest("[aria-hidden=true], a, button, label, summary")
      && !e.hasAttribute("aria-label") && !e.hasAttribute("aria-labelledby")
      && !e.querySelector("title")).map((e) => e.outerHTML.slice(0, 80)),
    small: small.map((e) => e.outerHTML.slice(0, 80)),
    wide: box.scrollWidth - innerWidth,
    data: [...document.querySelectorAll("script[type='application/ld+json']")].map((e) => e.text),
    shared: ["title", "description", "type", "site_name"].filter((name) =>
      !document.querySelector(`meta[property='og:${name}']`)?.content),
  };
}"""


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_every_kind_of_page_is_sound(chromium, built, site, size):
    wrong = {}
    with Watched(chromium, site, viewport=size) as w:
        for kind, page in w.each(looked_at(built)):
            told = page.evaluate(LOOK)
            faults = {
                name: told[name] for name in ("jumps", "twice", "named", "unlabelled", "shared")
            }
            faults |= {"wide": max(0, told["wide"]), "one h1": told["h1"] != 1}
            faults |= {"language": told["language"] != "en", "summary": len(told["summary"]) < 40}
            faults |= {
                "title": len(told["title"]) < 8,
                "data": not all(map(json.loads, told["data"])),
            }
            faults |= {"viewport": "width=device-width" not in told["viewport"]}
            if size is NARROW:
                faults["small"] = told["small"]
            if found := {name: what for name, what in faults.items() if what}:
                wrong[kind] = found
        assert w.wrong == []  # no other host asked, nothing against the content policy
    assert wrong == {}


def test_titles_tell_pages_apart(built):
    """Of works and their talks alone several may have one title."""
    titles = {}
    for path in built.rglob("*.html"):
        name = path.relative_to(built).as_posix()
        text = path.read_text("utf-8")
        if 'name="description"' in text and not name.startswith(("works/", "talks/")):
            titles.setdefault(re.search(r"<title>(.*?)</title>", text)[1], []).append(name)
    assert {title: names for title, names in titles.items() if len(names) > 1} == {}


def test_the_keyboard_meets_what_is_seen_in_its_order(chromium, site):
    """From the top of a page on: each stop is visible, shows its focus, and none is a trap."""
    with Watched(chromium, site, viewport=WIDE) as w:
        w.page.goto(f"{site}/tensions/t2.html")
        seen = []
        for _ in range(25):
            w.page.keyboard.press("Tab")
            seen.append(w.page.evaluate(
                """() => {
                  const own = document.activeElement;
                  // The choice of light or dark is drawn by the label after it.
                  const e = own.matches(".md-option") ? own.nextElementSibling : own;
                  const style = getComputedStyle(e);
                  const box = e.getBoundingClientRect();
                  const ring = style.outlineStyle !== "none" || style.boxShadow !== "none";
                  const top = Math.round(box.top + scrollY);
                  return [e.outerHTML.slice(0, 90), ring, top, box.width > 0];
                }"""
            ))  # fmt: skip
    assert len({html for html, *_ in seen}) > 20
    assert [html for html, ring, _, wide in seen if not (ring and wide)] == []
    tops = [top for _, _, top, _ in seen]
    assert sum(b < a - 60 for a, b in pairwise(tops)) <= 1, tops


def test_reduced_motion_moves_nothing(chromium, built, site):
    moving = """() => document.getAnimations().filter((a) => a.playState === "running").length
      + [...document.querySelectorAll("main *")].filter((e) => {
        const style = getComputedStyle(e);
        return style.transitionDuration.split(",").some((d) => parseFloat(d) > 0.05)
          || (style.animationName !== "none" && parseFloat(style.animationDuration) > 0.05);
      }).length"""
    with Watched(chromium, site, reduced_motion="reduce") as w:
        found = {}
        for kind, path in kinds(built).items():
            if kind in ("home", "map", "timeline", "tension", "work", "search"):
                w.page.goto(f"{site}/{path}")
                if count := w.page.evaluate(moving):
                    found[kind] = count
    assert found == {}


def test_a_page_that_has_moved_leads_on_without_script(chromium, built, site):
    name = kinds(built)["moved"]
    with Watched(chromium, site, java_script_enabled=False) as w:
        w.page.goto(f"{site}/{name}")
        w.page.locator("article h1").wait_for()
        w.page.wait_for_url(lambda url: url != f"{site}/{name}")
        assert w.wrong == []
