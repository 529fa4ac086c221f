"""One browser for all tests, and the sites that they walk."""

import pytest

from kb.publish import publish

from ..kb.debate_fixture import SMALL
from .reader import CHROMIUM, FLAGS, SOURCE, needed, serve


@pytest.fixture(scope="session")
def chromium():
    needed("Chromium", CHROMIUM)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        needed("playwright", None)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def built(debate, tmp_path_factory):
    """The folder of the curated debate's site."""
    return publish(debate, tmp_path_factory.mktemp("real"), SOURCE).site


@pytest.fixture(scope="session")
def site(built):
    """The curated debate, built and served over loopback."""
    server, url = serve(built)
    yield url
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The invented debate with the hostile titles."""
    server, url = serve(publish(SMALL, tmp_path_factory.mktemp("small"), SOURCE).site)
    yield url
    server.shutdown()
    server.server_close()
