import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kb import search

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
