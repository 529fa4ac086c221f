import os
import string
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb import KnowledgeBase, blocks, models, search, sentences
from kb.vectors import embed_texts

KEYS = st.lists(st.tuples(st.just("work"), st.sampled_from("abcdef")), unique=True)


@given(KEYS, KEYS)
def test_fusion_keeps_everything_once_and_in_order_of_score(one, other):
    fused = search.fuse(one, other)
    assert {key for key, _ in fused} == {*one, *other}
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)


@given(st.text(max_size=300), st.text(max_size=20), st.integers(10, 80))
def test_a_snippet_is_never_much_longer_than_asked(body, query, width):
    assert len(search.snippet(body, query, width)) <= width + 4


def test_the_nearest_come_in_order_and_ties_go_to_the_earlier_key():
    rows = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8]], np.float32)
    keys = [("work", "a"), ("work", "b"), ("claim", "c"), ("work", "d")]
    vectors = search.Vectors(keys, rows)
    near = vectors.nearest(np.array([1, 0], np.float32), 3)
    assert [key[1] for key, _ in near] == ["a", "c", "d"]
    only = vectors.nearest(np.array([1, 0], np.float32), 3, kinds=("work",))
    assert [key[1] for key, _ in only] == ["a", "d", "b"]


@given(
    st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), max_size=30), st.integers(1, 6)
)
def test_neighborhoods_are_what_nearest_says_of_each_without_itself(rows, k):
    # Small whole numbers, so that both products are exact and ties are ties.
    keys = [("work" if i % 4 else "claim", f"{i:02}") for i in range(len(rows))]
    vectors = search.Vectors(keys, np.array(rows, np.float32).reshape(-1, 3))
    found = dict(vectors.neighborhoods("work", k))
    works = [key for key in keys if key[0] == "work"]
    assert list(found) == [id for _, id in works]
    for key in works:
        near = vectors.nearest(vectors.row(key), len(keys), kinds=("work",))
        alone = [(other[1], score) for other, score in near if other != key][:k]
        assert [id for id, _ in found[key[1]]] == [id for id, _ in alone]


def test_only_keeps_rows_in_their_order():
    vectors = search.Vectors([("work", "a"), ("work", "b"), ("claim", "c")], np.eye(3, dtype="f4"))
    kept = vectors.only([("claim", "c"), ("work", "a"), ("work", "gone")])
    assert kept.keys == [("work", "a"), ("claim", "c")]
    assert kept.row(("claim", "c")).tolist() == [0, 0, 1]


# -- no text is syntax ---------------------------------------------------------------------------

SYNTAX = st.text(alphabet=string.punctuation + " aé\0\n", max_size=12)
WORDS = st.sampled_from(["AND", "OR", "NOT", "NEAR", "NEAR(", "title:", "body :", "flat", "*", '"'])


@pytest.fixture(scope="session")
def curated_session(curated_file):
    with KnowledgeBase.open(curated_file) as debate, debate._store.read() as session:
        yield session


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.one_of(WORDS, SYNTAX)).map(" ".join)))
def test_any_text_is_looked_for_and_none_is_syntax(curated_session, query):
    search.by_words(curated_session, query, 5)


@settings(deadline=None)
@given(st.lists(SYNTAX, min_size=1, max_size=4))
def test_signs_around_words_change_nothing(curated_session, signs):
    bare = "".join(sign for sign in signs if not any(map(str.isalnum, sign)))
    plain = search.by_words(curated_session, "flat minima", 5)
    assert plain
    assert search.by_words(curated_session, f"{bare} flat {bare} minima {bare}", 5) == plain


@pytest.mark.parametrize("word", ["AND", "OR", "NOT", "NEAR"])
def test_an_operator_is_a_word_like_any_other(curated_session, word):
    alone = search.by_words(curated_session, word, 5)
    assert alone == search.by_words(curated_session, word.lower(), 5)


# -- rows that are kept ----------------------------------------------------------------------------


class HashingEncoder:
    """Unit vectors that differ by text, without a model."""

    name, dim = "hashing/1", 8

    def encode(self, texts):
        seeds = [sum(text.encode()) for text in texts]
        rows = np.stack([np.random.default_rng(s).standard_normal(self.dim) for s in seeds])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def embed(store):
    with store.read() as session:
        texts = [t for some in search._texts(session) for each in some for t in search._cut(*each)]
    embed_texts(store, HashingEncoder(), texts)


@pytest.fixture
def embedded(curated):
    embed(curated)
    # As if written some time ago: of a file written just now no time tells which state it holds.
    os.utime(curated.path, (1.6e9, 1.6e9))
    return curated


def load(store, kept_from=0):
    with pytest.MonkeyPatch.context() as patch, store.read() as session:
        patch.setattr(search, "KEPT_FROM", kept_from)
        return search.Vectors.load(session, HashingEncoder.name)


def same(one, other):
    assert one.keys == other.keys
    np.testing.assert_array_equal(one.rows, other.rows)


def plain(store):
    return load(store, kept_from=10**9)


def kept(store):
    return Path(f"{store.path}.vectors")


def test_rows_read_from_the_file_are_those_made_from_the_database(embedded):
    first, again = load(embedded), load(embedded)
    assert len(first.keys) > 150
    same(first, plain(embedded))
    same(again, first)


def test_a_file_that_fits_is_taken_as_it_is(embedded):
    load(embedded)
    before = kept(embedded).stat().st_ino
    load(embedded)
    assert kept(embedded).stat().st_ino == before


def test_few_works_leave_no_file(embedded):
    plain(embedded)
    assert not kept(embedded).exists()


def change(store):
    with store.write() as session:
        work = session.get(models.Work, "arxiv:1906.05271")
        work.synopsis = "Another text, which is not the one before."
        session.get(models.Work, "arxiv:2201.02177").retired = True


def test_a_changed_text_is_never_answered_for_by_its_old_row(embedded):
    key = ("work", "arxiv:1906.05271")
    before = load(embedded)
    change(embedded)
    missing = load(embedded)
    assert missing.row(key) is None
    assert missing.row(("work", "arxiv:2201.02177")) is None
    embed(embedded)
    after = load(embedded)
    same(after, plain(embedded))
    assert not np.allclose(after.row(key), before.row(key))


def test_only_what_changed_is_made_again(embedded, monkeypatch):
    load(embedded)
    change(embedded)
    embed(embedded)
    cut = []
    split = search._cut
    monkeypatch.setattr(search, "_cut", lambda key, *texts: cut.append(key) or split(key, *texts))
    load(embedded)
    assert cut == [("work", "arxiv:1906.05271")]


def test_another_database_in_the_same_place_is_not_answered_for(embedded, curated_file):
    load(embedded)
    embedded.close()
    embedded.path.write_bytes(Path(curated_file).read_bytes())  # one without vectors
    os.utime(embedded.path, (1.6e9, 1.6e9))
    assert load(embedded).keys == []


def test_a_database_written_just_now_is_compared_by_its_texts(embedded):
    os.utime(embedded.path, (time.time(), time.time()))
    load(embedded)
    assert blocks.read(kept(embedded)).facts["stamp"] == ""
    same(load(embedded), plain(embedded))


@pytest.mark.parametrize("damage", [b"", b"kbvectr1", b"not ours at all" * 40])
def test_a_damaged_file_is_made_again(embedded, damage):
    load(embedded)
    kept(embedded).write_bytes(damage)
    same(load(embedded), plain(embedded))
    assert blocks.read(kept(embedded)) is not None


def test_where_no_file_can_be_written_the_answer_is_the_same(embedded):
    kept(embedded).mkdir()
    same(load(embedded), plain(embedded))


def test_the_recipe_has_the_number_of_how_texts_are_cut():
    # When this fails texts are cut in another way: raise search.RECIPE and pin the new windows.
    body = " ".join(f"Sentence {i} of a long abstract holds eight words." for i in range(60))
    windows = sentences.passages("A title", body).windows
    assert (search.RECIPE, [len(window) for window in windows]) == (1, [948, 999, 999, 199])
