"""Fixtures for all tests: stores, files to break, and no way out of this machine.

The curated debate itself comes from the conftest.py above, which the examples share.
"""

import shutil
import socket

import pytest

from kb import content
from kb.store import Store


@pytest.fixture(scope="session")
def _empty_store(tmp_path_factory):
    """A migrated file to copy: migrating one for each test would take most of the time."""
    path = tmp_path_factory.mktemp("empty") / "kb.sqlite"
    store = Store(path)
    store.migrate()
    store.close()
    return path


@pytest.fixture
def store(tmp_path, _empty_store):
    path = tmp_path / "kb.sqlite"
    shutil.copyfile(_empty_store, path)
    store = Store(path)
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch):
    """Any connection that would leave this machine is a failure."""
    connect = socket.socket.connect

    def guarded(self, address):
        outside = isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1")
        assert not outside, f"a test tried to reach {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def curated(curated_file, tmp_path):
    """A store of one's own with the curated debate."""
    path = tmp_path / "kb.sqlite"
    shutil.copy(curated_file, path)
    store = Store.open(path)
    yield store
    store.close()


@pytest.fixture
def files(tmp_path):
    """A copy of the curated files that a test may break."""
    folder = tmp_path / "debate"
    shutil.copytree(content.directory(), folder)
    return folder
