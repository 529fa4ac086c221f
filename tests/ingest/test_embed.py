import numpy as np
import pytest
from sqlmodel import func, select

from ingest import embed
from kb import vectors
from kb.errors import EncoderError
from kb.models import Run, Vector, Work
from kb.vocabulary import WorkKind


@pytest.fixture
def store(any_store):
    return any_store


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
