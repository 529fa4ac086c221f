"""A picture of every kind of page at two widths, light and dark: what `make screenshots` runs.

    python tests/browser/screenshots.py SITE OUT

OUT gets the pictures and an index.html that shows them side by side.
"""

import html
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from reader import CHROMIUM, FLAGS, kinds, serve

SIZES = {1440: 900, 390: 844}
LONGEST = 4000
"""Pixels of a page's height that are shown."""


def main(site, out):
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.png"):
        old.unlink()
    server, url = serve(site)
    pages = {kind: path for kind, path in kinds(site).items() if kind != "moved"}
    pages["search"] += "?q=memorization"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for scheme in ("light", "dark"):
            for width, height in SIZES.items():
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                )
                page = context.new_page()
                for kind, path in pages.items():
                    page.goto(f"{url}/{path}")
                    page.wait_for_load_state("networkidle")
                    full = page.evaluate("document.documentElement.scrollHeight")
                    page.screenshot(
                        path=out / name(kind, width, scheme),
                        full_page=True,
                        clip={"x": 0, "y": 0, "width": width, "height": min(full, LONGEST)},
                    )
                context.close()
        browser.close()
    server.shutdown()
    (out / "index.html").write_text(index(pages))
    print(f"{len(pages)} kinds of page, {4 * len(pages)} pictures: {out / 'index.html'}")


def name(kind, width, scheme):
    return f"{kind.removesuffix('.html').replace('/', '-')}-{width}-{scheme}.png"


def index(pages):
    rows = []
    for kind, path in pages.items():
        shown = "".join(
            f'<a href="{name(kind, width, scheme)}"><img src="{name(kind, width, scheme)}" '
            f'alt="{html.escape(kind)}, {width} px, {scheme}" height="420" loading="lazy"></a> '
            for width in SIZES
            for scheme in ("light", "dark")
        )
        rows.append(f"<h2>{html.escape(kind)}: {html.escape(path)}</h2>\n<p>{shown}</p>\n")
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Every kind of page</title>\n'
        f"<h1>Every kind of page</h1>\n{''.join(rows)}</html>\n"
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
