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


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(folder):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"


def kinds(folder):
    """Return kind of page -> path of the largest such page; each list is a kind of its own."""
    found = {}
    for path in sorted(folder.rglob("*.html"), key=lambda path: (-path.stat().st_size, path)):
        match = re.search(r'class="md-content page-([a-z-]+)', path.read_text("utf-8"))
        kind = match[1] if match else "moved"
        name = path.relative_to(folder).as_posix()
        found.setdefault(name if kind == "index" and "index" in name else kind, name)
    return found


class Watched:
    """A page that remembers what went wrong on it."""

    def __init__(self, browser, origin, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.wrong = []
        self.page.on(
            "console",
            lambda m: (
                self.wrong.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None
            ),
        )
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", lambda d: (self.wrong.append(f"dialog: {d.message}"), d.dismiss()))
        self.page.on(
            "request",
            lambda r: (
                None
                if r.url.startswith((origin, "data:"))
                else self.wrong.append(f"request: {r.url}")
            ),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
