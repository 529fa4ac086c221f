import itertools

from hypothesis import given
from hypothesis import strategies as st

from kb.encoding import plan

sizes = st.lists(st.integers(min_value=1, max_value=600), max_size=80)


@given(sizes, st.integers(min_value=1, max_value=5000))
def test_every_text_is_in_one_batch(listed, budget):
    found = list(itertools.chain.from_iterable(plan.batches(listed, budget)))
    assert sorted(found) == list(range(len(listed)))


@given(sizes, st.integers(min_value=1, max_value=5000))
def test_no_batch_of_several_is_over_the_budget(listed, budget):
    for batch in plan.batches(listed, budget):
        padded = len(batch) * max(listed[i] for i in batch)
        assert padded <= budget or len(batch) == 1


@given(sizes, st.integers(min_value=1, max_value=5000))
def test_batches_hold_texts_of_like_length(listed, budget):
    order = [listed[i] for batch in plan.batches(listed, budget) for i in batch]
    assert order == sorted(listed, reverse=True)


@given(st.lists(st.text(max_size=12)), st.integers(min_value=1, max_value=9))
def test_blocks_are_sorted_over_all_texts(texts, size):
    found = list(plan.blocks(texts, size))
    flat = list(itertools.chain.from_iterable(found))
    assert sorted(flat) == list(range(len(texts)))
    lengths = [len(texts[i]) for i in flat]
    assert lengths == sorted(lengths, reverse=True)
    assert all(len(block) == size for block in found[:-1])
