"""Every kind of page: for everybody, for machines, and with nothing from elsewhere."""

import json
import re

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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_axe_finds_nothing_serious(chromium, built, site, size, scheme):
    source = axe()
    found = {}
    with Watched(chromium, site, viewport=size, color_scheme=scheme) as w:
        for kind, path in kinds(built).items():
            if kind == "moved":
                continue  # it leads away before anybody could look
            w.page.goto(f"{site}/{path}")
            w.page.wait_for_load_state("networkidle")
            w.page.evaluate(source)
            told = w.page.evaluate("axe.run({resultTypes: ['violations']})")
            for rule in told["violations"]:
                if rule["impact"] in ("serious", "critical"):
                    where = [str(node["target"][-1]) for node in rule["nodes"]]
                    found[kind, rule["id"]] = f"{len(where)}: {where[:3]}"
        assert w.wrong == []
    assert found == {}
