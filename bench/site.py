"""What the web site costs: to build it, and to read it.

    python bench/site.py [DATABASE] [--works 500 1000 2000] [--no-browser] [--out FILE]

Without a database, a store with the curated debate alone is made. Works that it lacks up to each
number wanted are made up. Building runs in a process of its own: processor seconds are those of
it and of all that it starts, memory is the largest process. Beside it MkDocs and its Material
theme alone build the same Markdown, with the theme's own search and the extensions that the
pages are written in, and nothing of ours. What a page more costs is told too: the seconds that
the largest site takes more than the smallest, by the pages that it has more; as many times the
cost of a page of the smallest as the cost is not linear. Pages are then read in Chromium over
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
import os
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

import machine
import yaml

from kb import content, curation
from kb.publish import find_source, gather, publish
from kb.query import KnowledgeBase
from kb.store import Store
from kb.views import ManifestationView, WorkRef, WorkView

PAGE_GOAL, MEMORY_GOAL, HOME_GOAL, PAINT_GOAL = 20, 500, 150, 1000
"""Milliseconds of CPU, MB, kB zipped, milliseconds."""
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
    parser.add_argument("--works", type=int, nargs="+", default=[500, 1000, 2000])
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--out", type=Path, help="File for the figures.")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.into:
        build(given.database, given.works[0], given.into)
        return
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or curated(Path(folder) / "kb.sqlite")
        builds = []
        for works in sorted(given.works):
            out = Path(folder) / f"build-{works}"
            site, told = measure_build(database, works, out)
            told["plain"] = measure_plain(out / "docs", Path(folder) / f"plain-{works}")
            told["to_plain"] = told["cpu_ms_a_page"] / told["plain"]["cpu_ms_a_page"]
            print(
                f"MkDocs and Material alone: {told['plain']['cpu_s']:.1f} s, "
                f"{told['plain']['cpu_ms_a_page']:.1f} ms a page; ours {told['to_plain']:.2f} times"
            )
            builds.append(told)
        figures: dict[str, Any] = {"builds": builds, "goals": {"cpu_ms_a_page": PAGE_GOAL}}
        if len(builds) > 1:
            figures["linearity"] = linearity(builds)
        if not given.no_browser:
            figures["pages"] = measure_pages(site)
    peers = ("mkdocs", "mkdocs-material", "markdown", "pymdown-extensions", "pagefind")
    print(machine.write("site", figures, given.out, *peers))


def curated(path: Path) -> Path:
    """Return a new store with the curated debate."""
    store = Store(path)
    store.migrate()
    curation.apply(store, content.load())
    store.close()
    return path


def measure_build(database: Path, works: int, out: Path) -> tuple[Path, dict[str, Any]]:
    """Print what a build costs; return the site, and the figures."""
    command = [sys.executable, __file__, str(database), f"--works={works}", f"--into={out}"]
    said, cpu_s, wall = timed(command)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    site = out / "site"
    files = [path for path in site.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    pages = sum(1 for _ in (out / "docs").rglob("*.md"))
    print(f"\n{said.strip()}")
    print(
        f"build: {cpu_s:.1f} s of CPU, {1000 * cpu_s / pages:.1f} ms a page (goal {PAGE_GOAL}), "
        f"{wall:.1f} s on the clock, largest process {largest:.0f} MB (goal {MEMORY_GOAL})"
    )
    print(f"site: {len(files):,} files, {size / 1e6:.1f} MB")
    return site, {
        "works": works, "pages": pages, "cpu_s": cpu_s, "cpu_ms_a_page": 1000 * cpu_s / pages,
        "wall_s": wall, "largest_process_mb": largest, "site_mb": size / 1e6,
    }  # fmt: skip


def measure_plain(docs: Path, folder: Path) -> dict[str, float]:
    """Build the same Markdown with MkDocs and its theme alone; return what it costs."""
    folder.mkdir()
    ours = yaml.safe_load((find_source().parent / "mkdocs.yml").read_text("utf-8"))
    (folder / "mkdocs.yml").write_text(
        yaml.safe_dump(
            {
                "site_name": "Plain",
                "docs_dir": str(docs),
                "site_dir": str(folder / "site"),
                "use_directory_urls": ours["use_directory_urls"],
                "theme": {"name": "material", "font": False},
                "plugins": ["search"],
                "markdown_extensions": ours["markdown_extensions"],
                # Else each page holds a list of all pages, and the whole is quadratic.
                "nav": ours["nav"],
                "validation": ours["validation"],
            }
        ),
        "utf-8",
    )
    command = [sys.executable, "-m", "mkdocs", "build", "-q", "-f", str(folder / "mkdocs.yml")]
    _, cpu_s, wall = timed(command)
    pages = sum(1 for _ in docs.rglob("*.md"))
    return {"cpu_s": cpu_s, "cpu_ms_a_page": 1000 * cpu_s / pages, "wall_s": wall}


def timed(command: list[str]) -> tuple[str, float, float]:
    """Run a process; return what it printed, its seconds of CPU, and those on the clock."""
    before, start = children(), time.perf_counter()
    more = {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        command, check=True, capture_output=True, text=True, env={**os.environ, **more}
    )
    return done.stdout, children() - before, time.perf_counter() - start


def children() -> float:
    """Return the seconds of processor of the processes that this one started and that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def linearity(builds: list[dict[str, Any]]) -> dict[str, float]:
    """Print and return what a page more costs, by what a page of the smallest site does."""
    few, many = builds[0], builds[-1]
    more = 1000 * (many["cpu_s"] - few["cpu_s"]) / (many["pages"] - few["pages"])
    told = {
        "cpu_ms_a_page_more": more,
        "to_a_page_of_the_smallest": more / few["cpu_ms_a_page"],
        "largest_to_smallest": many["cpu_ms_a_page"] / few["cpu_ms_a_page"],
    }
    print(
        f"\nfrom {few['pages']:,} to {many['pages']:,} pages: {more:.1f} ms for each page more, "
        f"{told['to_a_page_of_the_smallest']:.2f} times that of a page of the smallest; a page of "
        f"the largest costs {told['largest_to_smallest']:.2f} times one of the smallest"
    )
    return told


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


def measure_pages(site: Path) -> dict[str, dict[str, Any]]:
    """Print and return what reading each kind of page costs."""
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
    figures = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, path in kinds(site).items():
            told = figures[name] = measure_page(browser, url, site, path)
            print(f"{name:26}{told['zip'] / 1000:>8.1f}{told['requests']:>10}{told['paint']:>10.0f}"
                  f"{told['shift']:>8.3f}{told['small']:>7}{told['axe']:>5}")  # fmt: skip
            if name == "home":
                print(f"{'  goals':26}{HOME_GOAL:>8}{'':>10}{PAINT_GOAL:>10}")
        browser.close()
    server.shutdown()
    return figures


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
