import socket

import pytest
from kb.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "kb.sqlite")
    store.migrate()
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
