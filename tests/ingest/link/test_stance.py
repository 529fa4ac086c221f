import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from ingest.link import stance
from ingest.link.stance import NUMBERS, Look, StanceModel, Words
from kb.errors import EncoderError
from kb.vocabulary import Stance

TEXTS = [
    "We show that flat minima generalize.",
    "Flat minima do not generalize; we show a counterexample.",
    "Minima, minima and minima: a survey of flat ones.",
]


def look(text, vector=(1.0, 0.0), title=""):
    vector = np.array(vector, np.float32)
    return Look((text, title, text), (vector, vector), (0.0,) * len(NUMBERS))


@pytest.fixture(scope="module")
def fitted():
    kinds = {
        Stance.supports: "we show that it holds",
        Stance.disputes: "we show that it fails",
        Stance.qualifies: "it holds only under conditions",
        Stance.mentions: "it was studied before",
    }
    looks = [look(f"{text} {n}", (n % 3, 1.0)) for n in range(12) for text in kinds.values()]
    return stance.fit(looks, [*kinds] * 12, [1.0] * len(looks))


def test_words_weigh_as_in_scikit_learn():
    plain = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\b\w\w+\b").fit(TEXTS)
    words = Words.of(TEXTS, 1)
    for text in [*TEXTS, "minima unheard of", "", "none"]:
        rows, weights = words(text)
        names = [list(words.rarity)[row] for row in rows]
        told = dict(zip(names, weights, strict=True))
        row = plain.transform([text]).toarray()[0]
        expected = {name: row[at] for name, at in plain.vocabulary_.items() if row[at]}
        assert told.keys() == expected.keys()
        assert all(abs(told[name] - value) < 1e-3 for name, value in expected.items())


def test_a_word_that_too_few_texts_have_is_not_known():
    assert "minima" in Words.of(TEXTS, 3).rarity
    assert "counterexample" not in Words.of(TEXTS, 2).rarity


def test_a_fitted_model_tells_stances_by_words(fitted):
    told = StanceModel(*fitted)([look("however, it fails"), look("studied before")])
    assert np.allclose(np.exp(told).sum(axis=1), 1)
    assert [stance.STANCES[row.argmax()] for row in told] == [Stance.disputes, Stance.mentions]


def test_another_encoders_vectors_are_left_out(fitted):
    blind = StanceModel(*fitted, has_vectors=False)
    one, other = blind([look("it fails", (9.0, 0.0)), look("it fails", (0.0, 9.0))])
    assert np.array_equal(one, other)
    one, other = StanceModel(*fitted)([look("it fails", (9.0, 0.0)), look("it fails", (0.0, 9.0))])
    assert not np.allclose(one, other)


def test_nothing_to_look_at_is_no_row(fitted):
    assert StanceModel(*fitted)([]).shape == (0, 4)


def test_a_model_reads_back_as_it_was_written(fitted, tmp_path, monkeypatch):
    stance.save(tmp_path / stance.FILE, "one@1/bf16", {"all": fitted, "own": fitted})
    monkeypatch.setattr(stance.resources, "files", lambda _: tmp_path)
    looks = [look("it fails", (2.0, 1.0)), look("we show a survey")]
    plain = StanceModel(*fitted)(looks)
    assert all(
        np.allclose(one(looks), plain, atol=5e-3) for one in stance.load("one@1/fp32").values()
    )
    other = stance.load("two@1/fp32")["all"]
    assert np.array_equal(*other([look("it fails", (9.0, 0.0)), look("it fails", (0.0, 9.0))]))
    (tmp_path / stance.FILE).write_bytes(b"no tensors")
    with pytest.raises(EncoderError, match="not a stance model"):
        stance.load("one@1/fp32")


def test_the_packaged_model_knows_words_that_turn_a_stance():
    models = stance.load("all-MiniLM-L6-v2@53aa5117/bf16")
    assert models.keys() == set(stance.FORMS)
    against = look(
        "We show that this explanation fails: a counterexample refutes it.", np.zeros(384)
    )
    for_ = look("We prove and confirm that this holds.", np.zeros(384))
    for model in models.values():
        lean = np.exp(model([for_, against]))
        assert lean[0, 0] - lean[0, 1] > lean[1, 0] - lean[1, 1]
