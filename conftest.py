"""Fixtures for the tests and for the examples in docstrings."""

import os

import pytest

from kb import content, curation, cycles
from kb.query import KnowledgeBase
from kb.store import Store

# Set before torch is loaded. Tests give a model a few texts: threads that wait for each other
# would cost more than they bring, many times as much where tests run beside each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def curated_file(tmp_path_factory):
    """A database with the curated debate and its first cycle. Do not write to it."""
    path = tmp_path_factory.mktemp("curated") / "kb.sqlite"
    store = Store(path)
    store.migrate()
    curation.apply(store, content.load())
    cycles.close(store)
    store.close()
    return path


@pytest.fixture(scope="session")
def debate(curated_file):
    """The curated debate, to be asked."""
    with KnowledgeBase.open(curated_file) as debate:
        yield debate


@pytest.fixture(autouse=True)
def _debate_in_examples(request, doctest_namespace):
    """Let examples in docstrings ask the curated debate by the name of `debate`."""
    test = getattr(request.node, "dtest", None)
    if test is not None and any("debate" in example.source for example in test.examples):
        doctest_namespace["debate"] = request.getfixturevalue("debate")
