"""Stores that hold the curated debate. Made once a session; a test that writes takes a copy."""

import shutil

import pytest

from kb import content, curation, cycles
from kb.query import KnowledgeBase
from kb.store import Store


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


@pytest.fixture
def curated(curated_file, tmp_path):
    """A store of one's own with the curated debate."""
    path = tmp_path / "kb.sqlite"
    shutil.copy(curated_file, path)
    store = Store.open(path)
    yield store
    store.close()


@pytest.fixture(scope="session")
def debate(curated_file):
    """The curated debate, to be asked."""
    with KnowledgeBase.open(curated_file) as debate:
        yield debate


@pytest.fixture
def files(tmp_path):
    """A copy of the curated files that a test may break."""
    folder = tmp_path / "debate"
    shutil.copytree(content.directory(), folder)
    return folder
