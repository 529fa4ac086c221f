"""Hostile text on every kind of page, in a real browser: it stays text.

`make hostile CORPUS=FOLDER` does the same with the strings of a folder.
"""

import os
import re
from contextlib import contextmanager

import pytest

from kb.export import DOCUMENTS, Selection
from kb.publish import publish
from kb.render.debate import place

from .reader import SOURCE, serve
from .vectors import BATCH, WATCH, corpus, formula, hostile, ours

pytestmark = pytest.mark.browser

BASE = "https://example.org/"
CORPUS = os.environ.get("HOSTILE_CORPUS", "")
CHUNK = 1500
"""Vectors on one site: as many work pages as are built in a minute."""
LISTS = (
    "index.html", "timeline.html", "map.html", "works/index.html", "events/index.html",
    "claims/c01.html", "digests/weekly-loaf.html", "sources.html",
)  # fmt: skip
RENEW = 400
"""Pages after which the browser forgets what it kept: it runs out of memory else."""
PLAIN = [
    "Plain words", "Words with $x^2$ in them", "https://example.org/a",
    *(f"words {n}" for n in range(120)),
]  # fmt: skip


def test_a_part_of_our_vectors_is_no_more_than_text(chromium, tmp_path):
    step = 2 if os.environ.get("CI") else 9
    assert check(chromium, tmp_path, ours()[::step]) == {}


@pytest.mark.slow
def test_no_vector_is_more_than_text(chromium, tmp_path):
    vectors = corpus(CORPUS) if CORPUS else ours()
    assert len(vectors) > 300 or CORPUS
    assert check(chromium, tmp_path, vectors) == {}


def check(chromium, folder, vectors):
    """Return what is wrong, by page or search; every page and result must report."""
    known = shapes(chromium, folder / "plain")
    failed = {}
    pages = searches = found = 0
    for first in range(0, len(vectors), CHUNK):
        part = vectors[first : first + CHUNK]
        debate = hostile(part)
        site = publish(debate, folder / str(first), SOURCE, site_url=BASE).site
        detail = {f"{place(w)}.html": w.ref.title for w in debate.works}
        shared = [f"{place(e)}.html" for e in debate.events]
        # Whatever else the site has; of the pages of talks, which are all alike, one in ten
        # where there are thousands.
        years, talks = ([
            path.relative_to(site).as_posix() for path in sorted((site / name).rglob("*.html"))
        ] for name in ("works/year", "talks"))  # fmt: skip
        paths = [*LISTS, *shared, *years, *talks[:: 10 if len(talks) > 1000 else 1], *detail]
        with Watched.over(chromium, site) as watched:
            for path in paths:
                pages += 1
                if pages % RENEW == 0:
                    watched.renew()
                if wrong := watched.wrong(path, known):
                    failed[f"{path} {detail.get(path, '')[:80]!r}"] = wrong
            for batch in range(0, len(part), BATCH):
                searches += 1
                word = f"batch{batch // BATCH}x"
                titles, wrong = watched.search(word, len(part[batch : batch + BATCH]), known)
                found += len(titles)
                if wrong:
                    failed[f"search for {word}"] = wrong
            for path in feeds(debate, site):
                if wrong := watched.feed(path):
                    failed[path] = wrong
        done = first + len(part)
        for where, what in failed.items():
            print(f"{where}: {what}")
        print(f"\n{done:,} vectors: {pages:,} pages reported, {found:,} found by {searches:,}"
              f" searches, {len(failed)} failed", flush=True)  # fmt: skip
    return failed


def feeds(debate, site):
    """Yield the paths of a site's feeds, and of two more that tell everything."""
    whole = Selection(
        works=debate.works, cycles=debate.cycles, timeline=debate.timeline, base=BASE,
        as_of=debate.as_of,
    )  # fmt: skip
    for name in ("atom", "rss"):
        (site / f"whole-{name}.xml").write_bytes(b"".join(DOCUMENTS[name].write(whole)))
    yield from sorted(str(path.relative_to(site)) for path in site.rglob("*.xml"))


def shapes(chromium, folder):
    """Return what elements a site of plain titles has: a vector may add none."""
    debate = hostile(PLAIN)
    site = publish(debate, folder, SOURCE, site_url=BASE).site
    seen = set()
    with Watched.over(chromium, site) as watched:
        for path in sorted(site.rglob("*.html")):
            name = str(path.relative_to(site))
            # Not where a page has moved, and not every one of the many that are alike.
            if path.stat().st_size > 1500 and not re.search(r"(vector|words)-\d{2}.*\.html", name):
                seen |= set(watched.report(name)["seen"])
        titles, _ = watched.search("batch1x", BATCH, None)
        assert len(titles) == BATCH
        seen |= set(watched.page.evaluate("__report()")["seen"])
        watched.search("words", len(PLAIN) - 1, None)  # more than are shown at once
        seen |= set(watched.page.evaluate("__report()")["seen"])
    return seen


class Watched:
    """A page that tells what is wrong with each address it is sent to."""

    def __init__(self, browser, url):
        self.url = url
        self.browser = browser
        self.asked = []
        self.open()

    def renew(self):
        self.context.close()
        self.open()

    def open(self):
        self.context = self.browser.new_context()
        self.context.add_init_script(WATCH)
        self.page = self.context.new_page()
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.on("dialog", lambda d: (self.asked.append(f"dialog: {d.message}"), d.dismiss()))
        self.page.on("pageerror", lambda error: self.asked.append(f"error: {error}"))
        self.page.on("console", self.said)

    @classmethod
    @contextmanager
    def over(cls, browser, folder):
        server, url = serve(folder)
        watched = cls(browser, url)
        yield watched
        watched.context.close()
        server.shutdown()
        server.server_close()

    def said(self, message):
        # For a feed that it shows, the browser looks for an icon.
        if message.type == "error" and not message.location["url"].endswith("/favicon.ico"):
            self.asked.append(message.text)

    def report(self, path):
        """Return what a page says of itself; that it says nothing is an error."""
        self.asked.clear()
        # Lists go on with what their script fetches.
        wait = "networkidle" if path in LISTS else "load"
        answer = self.page.goto(f"{self.url}/{path}", wait_until=wait)
        assert answer and answer.ok, path
        return self.page.evaluate("__report()")

    def wrong(self, path, known):
        told = self.report(path)
        return told["wrong"] + strange(told, known) + self.outside()

    def outside(self):
        return [a for a in self.asked if not a.startswith((f"{self.url}/", "data:"))]

    def search(self, word, count, known):
        """Return the titles that a search shows and what is wrong with its page."""
        self.asked.clear()
        # Pages of talks tell of their work, and would be found as well.
        self.page.goto(f"{self.url}/search.html?q={word}&kind=work")
        self.page.locator("main .find-told", has_text=f"{count} result").wait_for()
        hits = self.page.locator("main .find-hit .find-title")
        titles = hits.all_inner_texts()
        report = self.page.evaluate("__report()")
        wrong = report["wrong"] + (strange(report, known) if known else []) + self.outside()
        if len(titles) != count:
            wrong.append(f"{len(titles)} of {count} shown")
        return titles, wrong

    def feed(self, path):
        """Return what is wrong with a feed: it must be XML, and no element of it a page's."""
        self.asked.clear()
        self.page.goto(f"{self.url}/{path}")
        told = self.page.evaluate(
            """async (url) => {
              const text = await (await fetch(url)).text();
              const xml = new DOMParser().parseFromString(text, "application/xml");
              return [...xml.querySelectorAll("*")]
                .filter((e) => e.namespaceURI === "http://www.w3.org/1999/xhtml"
                  || e.localName === "parsererror")
                .map((e) => `element ${e.localName}`);
            }""",
            f"{self.url}/{path}",
        )
        return told + self.outside()


def strange(told, known):
    """Return the elements that no plain title makes, formulas apart."""
    # The theme's script gives some elements a style, soon or late.
    early = known | {shape.removesuffix(" style") for shape in known}
    return [f"<{shape}>" for shape in told["seen"] if shape not in early and not formula(shape)]
