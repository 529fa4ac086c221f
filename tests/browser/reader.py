"""A browser, a server over loopback, and a page that remembers what went wrong on it."""

import functools
import http.server
import os
import re
import shutil
import threading
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "site"
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def needed(name, found):
    """Skip without a tool, but fail in CI: there a skip would pass for a success."""
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed")


class Kept(http.server.SimpleHTTPRequestHandler):
    """Says nothing, and lets a browser keep the parts that pages share."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()


def serve(folder):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Kept, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"


@functools.cache
def kinds(folder):
    """Return kind of page -> path of the largest such page; each list is a kind of its own."""
    found = {}
    for path in sorted(folder.rglob("*.html"), key=lambda path: (-path.stat().st_size, path)):
        match = re.search(r'class="md-content page-([a-z-]+)', path.read_text("utf-8"))
        kind = match[1] if match else "moved"
        name = path.relative_to(folder).as_posix()
        found.setdefault(name if kind == "index" and "index" in name else kind, name)
    return found


AT_ONCE = 8
"""Pages that are open together: all come to rest in the half second that one takes."""


class Watched:
    """A page that remembers what went wrong on it, and others beside it."""

    def __init__(self, browser, origin, **options):
        self.context = browser.new_context(**options)
        self.origin = origin
        self.wrong = []
        self.page = self.opened()

    def opened(self):
        """Return a new page, of which is remembered too what goes wrong."""
        page = self.context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("dialog", lambda d: (self.wrong.append(f"dialog: {d.message}"), d.dismiss()))
        page.on(
            "request",
            lambda r: (
                None
                if r.url.startswith((self.origin, "data:"))
                else self.wrong.append(f"request: {r.url}")
            ),
        )
        return page

    def _said(self, message):
        # A page that leads on has no icon: a browser that stays on it for long looks for one.
        where = message.location["url"]
        if message.type in ("error", "warning") and where != f"{self.origin}/favicon.ico":
            self.wrong.append(f"{message.type}: {message.text} {where}")

    def each(self, paths):
        """Yield name, page for each name -> path, when it asks the server for nothing more."""
        named = list(paths.items())
        for start in range(0, len(named), AT_ONCE):
            some = [(name, path, self.opened()) for name, path in named[start : start + AT_ONCE]]
            for name, path, page in some:
                assert page.goto(f"{self.origin}/{path}").ok, name
            for name, _, page in some:
                page.wait_for_load_state("networkidle")
                page.bring_to_front()
                yield name, page
                page.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
