import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sqlmodel import func, select

from ingest import embed
from kb import vectors
from kb.errors import EncoderError
from kb.models import Run, Vector, Work
from kb.store import Store
from kb.vocabulary import WorkKind


@pytest.fixture
def store(any_store):
    return any_store


@pytest.fixture
def store_file(tmp_path):
    found = Store(tmp_path / "kb.sqlite")
    found.migrate()
    yield found
    found.close()


def add_works(store, number=3):
    with store.write() as session:
        for n in range(number):
            session.add(
                Work(
                    id=f"arxiv:2501.{n:05}",
                    kind=WorkKind.paper,
                    title=f"Work {n}",
                    abstract=f"We study case {n}. It is hard. We solve it {'again ' * n}.",
                )
            )


def stored(store):
    with store.read() as session:
        return session.exec(select(func.count()).select_from(Vector)).one()


def test_a_text_is_encoded_once(store, encoder):
    add_works(store)
    first = embed.run(store, encoder)
    assert first["encoded"] == len(encoder.asked) == len(set(encoder.asked)) == stored(store)
    second = embed.run(store, encoder)
    assert second["encoded"] == 0 and second["reused"] == first["texts"]
    assert stored(store) == len(encoder.asked)


def test_title_windows_and_every_sentence_get_a_vector(store, encoder):
    add_works(store, 1)
    embed.run(store, encoder)
    assert {"Work 0", "We study case 0.", "It is hard."} <= set(encoder.asked)
    assert any(text.startswith("Work 0. We study") for text in encoder.asked)


def test_claims_and_statements_are_embedded(curated, encoder):
    embed.run(curated, encoder)
    assert any("flat minima" in text.lower() for text in encoder.asked)


def test_vectors_of_two_models_never_mix(store, make_encoder):
    one, other = make_encoder("one"), make_encoder("other")
    vectors.embed_texts(store, one, ["a text"])
    with store.read() as session, pytest.raises(EncoderError, match="no vector by other"):
        vectors.read(session, other, ["a text"])
    assert vectors.embed_texts(store, other, ["a text"])["encoded"] == 1


def test_rows_come_back_in_the_order_asked_for(store, encoder):
    texts = [f"text {n}" for n in range(2000)]
    vectors.embed_texts(store, encoder, texts)
    asked = [texts[1999], texts[3], texts[1999]]
    with store.read() as session:
        rows = vectors.read(session, encoder, asked)
        assert vectors.read(session, encoder, []).shape == (0, encoder.dim)
    np.testing.assert_array_equal(rows, encoder.encode(asked))


def test_a_killed_run_keeps_what_it_did_and_goes_on(store, make_encoder, monkeypatch):
    monkeypatch.setattr(vectors, "CHUNK", 4)
    add_works(store, 5)
    dying = make_encoder(fail_after=8)
    with pytest.raises(KeyboardInterrupt):
        embed.run(store, dying)
    assert stored(store) == len(dying.asked) == 8
    again = make_encoder()
    embed.run(store, again)
    assert not set(again.asked) & set(dying.asked)
    with store.read() as session:
        assert [run.outcome for run in session.exec(select(Run).order_by(Run.id))] == [
            "interrupted",
            "ok",
        ]


def test_an_encoder_of_another_width_is_refused(store, encoder, monkeypatch):
    monkeypatch.setattr(encoder, "encode", lambda texts: np.ones((len(texts), 3), np.float32))
    with pytest.raises(EncoderError, match=r"shape \(1, 3\), not \(1, 64\)"):
        vectors.embed_texts(store, encoder, ["a"])


def test_retired_works_and_empty_texts_are_left_out(store, encoder):
    add_works(store, 2)
    with store.write() as session:
        session.get(Work, "arxiv:2501.00001").retired = True
        session.get(Work, "arxiv:2501.00000").abstract = ""
    embed.run(store, encoder)
    assert encoder.asked == ["Work 0", "Work 0."]


def test_progress_counts_works(store, encoder):
    add_works(store, 3)
    told = []
    embed.run(store, encoder, lambda done, total: told.append((done, total)))
    assert told == [(3, 3)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_a_number_is_refused_and_nothing_of_its_batch_is_stored(
    store, make_encoder, monkeypatch, bad
):
    monkeypatch.setattr(vectors, "CHUNK", 4)
    encoder = make_encoder()
    whole = encoder.encode

    def spoilt(texts):
        rows = whole(texts)
        if "text 9" in texts:
            rows[texts.index("text 9"), 3] = bad
        return rows

    monkeypatch.setattr(encoder, "encode", spoilt)
    with pytest.raises(EncoderError, match="hashing/1 gave a vector that is not a number"):
        vectors.embed_texts(store, encoder, [f"text {n}" for n in range(10)])
    assert stored(store) % 4 == 0 and stored(store) < 10
    with store.read() as session:
        for data in session.exec(select(Vector.data)):
            assert np.isfinite(np.frombuffer(data, "<f4")).all()


class Stream:
    """Gives rows in an order and in batches of its own."""

    def __init__(self, inner):
        self._inner = inner
        self.name, self.dim = inner.name, inner.dim

    def encode(self, texts, progress=None):
        raise AssertionError("rows are taken as they come")

    def stream(self, texts):
        places = list(range(len(texts)))[::-1]
        for start in range(0, len(places), 3):
            part = places[start : start + 3]
            yield part, self._inner.encode([texts[i] for i in part])


def test_rows_that_come_in_another_order_are_kept_under_their_texts(store, encoder, monkeypatch):
    monkeypatch.setattr(vectors, "CHUNK", 4)
    texts = [f"text number {n} {'more ' * (n % 5)}" for n in range(20)]
    told = []
    counts = vectors.embed_texts(store, Stream(encoder), texts, lambda *each: told.append(each))
    assert counts == {"texts": 20, "encoded": 20, "reused": 0}
    assert told == [(6, 20), (12, 20), (18, 20), (20, 20)]
    with store.read() as session:
        np.testing.assert_array_equal(vectors.read(session, encoder, texts), encoder.encode(texts))


KILLED = """
    import os, signal, sys
    import numpy as np
    from kb import vectors
    from kb.store import Store

    class Encoder:
        name, dim = "killed/1", 4

        def encode(self, texts, progress=None):
            raise AssertionError

        def stream(self, texts):
            for start in range(0, len(texts), 8):
                if start == 24:
                    os.kill(os.getpid(), signal.SIGKILL)
                places = list(range(start, min(start + 8, len(texts))))
                yield places, np.full((len(places), 4), 0.5, np.float32)

    vectors.CHUNK = 8
    vectors.embed_texts(Store.open(sys.argv[1]), Encoder(), [f"text {n}" for n in range(60)])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_process_killed_in_mid_run_loses_at_most_the_batch_it_was_at(store_file):
    store = store_file
    code = textwrap.dedent(KILLED)
    died = subprocess.run([sys.executable, "-c", code, str(store.path)], capture_output=True)
    assert died.returncode == -9, died.stderr
    assert stored(store) == 24

    class Encoder:
        name, dim = "killed/1", 4

        def __init__(self):
            self.asked = []

        def encode(self, texts, progress=None):
            self.asked += texts
            return np.full((len(texts), 4), 0.5, np.float32)

    again = Encoder()
    counts = vectors.embed_texts(store, again, [f"text {n}" for n in range(60)])
    assert counts == {"texts": 60, "encoded": 36, "reused": 24}
    assert len(again.asked) == 36 and stored(store) == 60
