"""What the web site costs: to build it, and to read it.

    python bench/site.py [DATABASE] [--works 3000] [--no-browser]

Without a database, a store with the curated debate alone is made. Works that it lacks up to the
number wanted are made up. Building runs in a process of its own: processor seconds are those of
it and of all that it starts, memory is the largest process. Pages are then read in Chromium over
loopback: bytes are those of all that a page loads, each file zipped as a server would; requests,
first paint in milliseconds (median of five), how much the layout shifts, links and controls
narrower or lower than 24 px at 390 px, and what axe-core finds serious where it is installed.
The map's own figures are printed by bench/map.py, a search's by the tests of the search.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import gzip
import http.server
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kb import content, curation
from kb.publish import gather, publish
from kb.query import KnowledgeBase
from kb.store import Store
from kb.views import ManifestationView, WorkRef, WorkView

CPU_GOAL, MEMORY_GOAL, HOME_GOAL, PAINT_GOAL = 60, 500, 150, 1000
"""Seconds, MB, kB zipped, milliseconds."""
WORDS = [
    "loss", "landscape", "width", "depth", "sharpness", "kernel", "feature", "regime", "noise",
    "memorization", "margin", "curvature", "spectrum", "alignment", "scaling", "rotation",
    "simplicity", "gradient", "sample",
]  # fmt: skip
ZIPPED = {".html", ".css", ".js", ".svg", ".json", ".txt", ".xml", ".map"}


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database", nargs="?", type=Path)
    parser.add_argument("--works", type=int, default=3000)
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.into:
        build(given.database, given.works, given.into)
        return
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or curated(Path(folder) / "kb.sqlite")
        out = Path(folder) / "build"
        site = measure_build(database, given.works, out)
        if not given.no_browser:
            measure_pages(site)


def curated(path: Path) -> Path:
    """Return a new store with the curated debate."""
    store = Store(path)
    store.migrate()
    curation.apply(store, content.load())
    store.close()
    return path


def measure_build(database: Path, works: int, out: Path) -> Path:
    """Print what a build costs; return the site."""
    command = [sys.executable, __file__, str(database), f"--works={works}", f"--into={out}"]
    start = time.perf_counter()
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    site = out / "site"
    files = [path for path in site.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(told.strip())
    print(
        f"build: {used.ru_utime + used.ru_stime:.1f} s of CPU (goal {CPU_GOAL}), {wall:.1f} s on "
        f"the clock, largest process {used.ru_maxrss / 1024:.0f} MB (goal {MEMORY_GOAL})"
    )
    print(f"site: {len(files):,} files, {size / 1e6:.1f} MB")
    return site


def build(database: Path, works: int, out: Path) -> None:
    """Build the site of a store with made-up works up to a number, in this process."""
    with KnowledgeBase(Store.open(database)) as debate:
        whole = gather(debate)
    read = cpu()
    more = [made_up(number) for number in range(works - len(whole.works))]
    whole = dataclasses.replace(whole, works=(*whole.works, *more))
    done = publish(whole, out)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(whole.works):,} works, {len(more):,} of them made up; {done.pages:,} pages; reading "
        f"the store took {read:.1f} s of CPU; the process that writes Markdown reached {own:.0f} MB"
    )


def cpu() -> float:
    """Return the seconds of processor that this process used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def made_up(number: int) -> WorkView:
    """Return a work that nobody wrote, with an abstract of common length."""
    pick = [WORDS[(number * step + step) % len(WORDS)] for step in range(1, 190)]
    id = f"arxiv:{1001 + number // 9000}.{number % 9000 + 90000:05d}"
    title = f"On {pick[0]} and {pick[1]} in {pick[2]} number {number}"
    date = f"20{10 + number % 16}-{number % 12 + 1:02d}-{number % 27 + 1:02d}"
    form = ManifestationView(
        f"{id}v1", "arxiv", title, "arXiv", f"https://arxiv.org/abs/{id[6:]}v1", 1, date,
        f"{date}T00:00:00+00:00", "", "", None, "",
    )  # fmt: skip
    return WorkView(
        ref=WorkRef(id, "", "paper", title, "Made and others", date, id),
        authors=(f"Made Up{number % 700}", "Nobody Atall", "Some One"),
        identifiers=(id,), venue="", year=int(date[:4]), categories="cs.LG stat.ML", synopsis="",
        abstract=" ".join(pick).capitalize() + ".", abstract_from=form.id, checked="",
        withdrawn=False, links=(), statuses=(), manifestations=(form,), coverage=(), related=(),
        voices=(), notes=(), unverified=(),
    )  # fmt: skip


def measure_pages(site: Path) -> None:
    """Print what reading each kind of page costs."""
    from playwright.sync_api import sync_playwright

    chromium = next(
        (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), ""
    )
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    print(f"{'page':26}{'kB zip':>8}{'requests':>10}{'paint ms':>10}{'shift':>8}{'small':>7}"
          f"{'axe':>5}")  # fmt: skip
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, path in kinds(site).items():
            told = measure_page(browser, url, site, path)
            print(f"{name:26}{told['zip'] / 1000:>8.1f}{told['requests']:>10}{told['paint']:>10.0f}"
                  f"{told['shift']:>8.3f}{told['small']:>7}{told['axe']:>5}")  # fmt: skip
            if name == "home":
                print(f"{'  goals':26}{HOME_GOAL:>8}{'':>10}{PAINT_GOAL:>10}")
        browser.close()
    server.shutdown()


def measure_page(browser: Any, url: str, site: Path, path: str) -> dict[str, Any]:
    """Return the figures of one page."""
    paints = []
    for _ in range(5):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        asked: list[str] = []
        page.on("requestfinished", lambda request, asked=asked: asked.append(request.url))
        page.goto(f"{url}/{path}")
        page.wait_for_load_state("networkidle")
        paints.append(page.evaluate(PAINT))
        shift = page.evaluate(SHIFT)
        context.close()
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{url}/{path}")
    page.wait_for_load_state("networkidle")
    small = page.evaluate(SMALL)
    axe = serious(page)
    context.close()
    own = [one for one in asked if one.startswith(url)]
    assert own == asked, "a page asks another host"
    return {
        "zip": sum(zipped(site, one) for one in set(own)),
        "requests": len(asked),
        "paint": statistics.median(paints),
        "shift": shift,
        "small": small,
        "axe": axe,
    }


def zipped(site: Path, url: str) -> int:
    """Return the bytes of a file as a server sends it."""
    path = site / unquote(urlsplit(url).path.lstrip("/"))
    data = path.read_bytes()
    return len(gzip.compress(data, 6)) if path.suffix in ZIPPED else len(data)


def serious(page: Any) -> str:
    """Return how many serious faults axe-core finds, "" where it is not installed."""
    try:
        from axe_playwright_python.base import AXE_FILE_PATH
    except ImportError:
        return ""
    page.evaluate(AXE_FILE_PATH.read_text())
    told = page.evaluate("axe.run({resultTypes: ['violations']})")
    return str(sum(one["impact"] in ("serious", "critical") for one in told["violations"]))


def kinds(site: Path) -> dict[str, str]:
    """Return kind of page -> path of the largest one, the home page first."""
    found = {"home": "index.html"}
    for path in sorted(site.rglob("*.html"), key=lambda path: (-path.stat().st_size, path)):
        match = re.search(r'class="md-content page-([a-z-]+)', path.read_text("utf-8"))
        name = path.relative_to(site).as_posix()
        if match:
            found.setdefault(name if match[1] == "index" else match[1], name)
    return {name: path for name, path in found.items() if not name.startswith("works/year")}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
SHIFT = """new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 100);
})"""
SMALL = """[...document.querySelectorAll("a[href], button, input, select, summary")].filter((e) => {
  // A link within a sentence may be as low as its line.
  if (e.closest("svg, .headerlink") || getComputedStyle(e).display === "inline") return false;
  const box = e.getBoundingClientRect();
  return box.width && box.height && (box.width < 24 || box.height < 24);
}).length"""

if __name__ == "__main__":
    main()
