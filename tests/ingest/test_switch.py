"""Another encoder's vectors are made beside the old ones, and readers switch at the end."""

import numpy as np
import pytest
from sqlmodel import func, select

from ingest import pipeline
from kb import current, diagnosis, vectors
from kb.errors import EncoderError
from kb.models import Vector, Work
from kb.query import KnowledgeBase
from kb.store import Store
from kb.vocabulary import WorkKind


def filled(store):
    with store.write() as session:
        for n in range(12):
            session.add(
                Work(
                    id=f"arxiv:2501.{n:05}",
                    kind=WorkKind.paper,
                    title=f"Work {n} on {'flat' if n % 2 else 'sharp'} minima",
                    abstract=f"We study case {n}. It is hard. We solve it {'again ' * n}.",
                )
            )
    return store


@pytest.fixture
def store(any_store):
    return filled(any_store)


@pytest.fixture
def file(tmp_path):
    made = Store(tmp_path / "file.sqlite")
    made.migrate()
    yield filled(made)
    made.close()


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(vectors, "CHUNK", 4)


def read_by(store):
    with store.read() as session:
        return current.name(session)


def count(store, encoder):
    with store.read() as session:
        query = select(func.count()).select_from(Vector).where(Vector.model == encoder.name)
        return session.exec(query).one()


def near(store, encoder):
    """What search by meaning and `similar` say, which open the store anew."""
    debate = KnowledgeBase(store, lambda: encoder)
    found = [hit.id for hit in debate.search("sharp minima", 3, meaning=True)]
    return found, [(n.work.id, n.score) for n in debate.similar("arxiv:2501.00003", 4)]


def test_the_first_encoder_is_read_at_once(store, make_encoder, small_batches):
    assert read_by(store) == ""
    with pytest.raises(KeyboardInterrupt):
        pipeline.embed(store, make_encoder("old@1/fp32", fail_after=8))
    assert read_by(store) == "old@1/fp32"


def test_readers_stay_with_the_old_vectors_until_the_new_ones_are_all_there(
    store, make_encoder, small_batches
):
    old, new = make_encoder("old@1/fp32"), make_encoder("new@2/fp32")
    pipeline.embed(store, old)
    before = near(store, old)
    total = count(store, old)
    with pytest.raises(KeyboardInterrupt):
        pipeline.embed(store, make_encoder(new.name, fail_after=total - 6))
    had = count(store, new)
    assert 0 < had < total
    assert read_by(store) == old.name and near(store, old) == before
    current.require(store, old.name)
    with pytest.raises(EncoderError, match=r"read of old@1/fp32, not of new@2/fp32: kb embed"):
        current.require(store, new.name)
    pipeline.embed(store, new)  # goes on where it was broken off
    assert len(new.asked) == total - had and count(store, new) == total
    assert read_by(store) == new.name
    current.require(store, new.name)
    assert count(store, old) == total  # nothing is deleted
    assert near(store, new)[0]


def test_more_new_vectors_than_old_ones_do_not_switch(store, make_encoder, small_batches):
    old, new = make_encoder("old@1/fp32"), make_encoder("new@2/fp32")
    pipeline.embed(store, old)
    current.begin(store, new.name)
    vectors.embed_texts(store, new, [f"another text {n}" for n in range(3 * count(store, old))])
    assert count(store, new) > count(store, old)
    assert read_by(store) == old.name


def test_a_reader_that_is_open_sees_the_switch(store, make_encoder):
    old, new = make_encoder("old@1/fp32"), make_encoder("new@1/fp32")
    pipeline.embed(store, old)
    debate = KnowledgeBase(store)
    debate.similar("arxiv:2501.00003")

    def other_way(texts, progress=None):  # as another model: the very opposite neighbors
        return np.ascontiguousarray(old.encode(texts)[:, ::-1] * np.arange(1, 65)) / 40

    new.encode = other_way
    pipeline.embed(store, new)
    scores = [n.score for n in debate.similar("arxiv:2501.00003")]
    assert scores == [n.score for n in KnowledgeBase(store).similar("arxiv:2501.00003")]
    assert read_by(store) == new.name


def test_an_encoder_that_the_vectors_are_not_of_is_never_compared_with_them(store, make_encoder):
    old, other = make_encoder("old@1/fp32"), make_encoder("other@7/fp32")
    pipeline.embed(store, old)
    debate = KnowledgeBase(store, lambda: other)
    with pytest.raises(EncoderError, match=r"are of old@1/fp32, and the encoder is other@7/fp32"):
        debate.search("flat minima", meaning=True)
    assert all(hit.matched == ("words",) for hit in debate.search("flat minima"))
    same = KnowledgeBase(store, lambda: make_encoder("old@1/bf16"))
    assert any("meaning" in hit.matched for hit in same.search("flat minima", meaning=True))


def test_doctor_tells_which_is_read_and_how_far_the_next_one_is(file, make_encoder):
    store = file
    old = make_encoder("old@1/fp32")
    pipeline.embed(store, old)
    found = {f.check: f for f in diagnosis.examine(str(store.path))}
    assert found["vectors"].detail.startswith("old@1/fp32; every work has one")
    assert "next encoder" not in found
    current.begin(store, "new@2/fp32")
    current.advance(store, "new@2/fp32", 500, 1649)
    found = {f.check: f for f in diagnosis.examine(str(store.path))}
    assert found["vectors"].detail.startswith("old@1/fp32")
    assert found["next encoder"].detail.startswith("new@2/fp32, vectors of 500 of 1,649 works")
    current.switch(store, "new@2/fp32")
    assert "next encoder" not in {f.check for f in diagnosis.examine(str(store.path))}


def test_progress_of_the_next_encoder_is_noted_as_it_goes(store, make_encoder):
    pipeline.embed(store, make_encoder("old@1/fp32"))
    noted = []

    def told(done, total):
        with store.read() as session:
            noted.append((current.following(session), done, total))

    pipeline.embed(store, make_encoder("new@2/fp32"), told)
    assert noted == [(("new@2/fp32", 12, 12), 12, 12)]
    with store.read() as session:
        assert current.following(session) is None
