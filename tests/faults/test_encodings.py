"""A page whose declared encoding nobody knows is a fault of the page, whatever its source."""

import pytest

from ingest.sources import arxiv, arxiv_oai, posts

PAGES = {
    "arxiv": (lambda body: arxiv.page_fault(body, 0), b"<feed/>"),
    "arxiv-oai": (arxiv_oai.page_fault, b"<OAI-PMH/>"),
    "posts": (posts.page_fault, b"<rss/>"),
}
NAMES = (
    b"UTF-8UTF-8",
    b"UTF-8" * 60,
    b"kettle",
    b"utf-16",
    b"utf-32-le",
    b"shift_jis",
    b"idna",
    b"\xff",
)


@pytest.mark.parametrize("source", PAGES)
@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:12]))
@pytest.mark.parametrize(
    "head",
    [
        b'<?xml version="1.0" encoding="%s"?>',
        b'<?xml version="1.0" standalone="yes" encoding="%s"',
        b'\n<?xml version="1.0"\nencoding = "%s" ?>',
    ],
    ids=["plain", "torn", "late"],
)
def test_an_unknown_encoding_is_a_fault_of_the_page(source, name, head):
    check, rest = PAGES[source]
    fault = check(head % name + rest)
    assert fault
    assert "\n" not in fault
    assert len(fault) < 300
