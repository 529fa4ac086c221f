import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import blocks

FACTS = {"model": "counting/1"}


def part(n, start=0, dim=4):
    rows = np.random.default_rng(start).standard_normal((n, dim)).astype(np.float32)
    keys = [("work", f"w{i}") for i in range(start, start + n)]
    return blocks.Part(keys, [f"m{i}" for i in range(start, start + n)], rows)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kb.sqlite.vectors"


def test_what_is_written_is_what_is_read(path):
    parts = [part(3), part(0, 3), part(5, 3)]
    blocks.write(path, iter(parts), FACTS)
    found, plain = blocks.read(path), blocks.gather(parts, FACTS)
    assert (found.keys, found.marks, found.facts) == (plain.keys, plain.marks, plain.facts)
    np.testing.assert_array_equal(found.rows, plain.rows)
    assert not found.rows.flags.writeable


def test_nothing_at_all_is_kept_too(path):
    blocks.write(path, [], FACTS)
    assert blocks.read(path).rows.shape == (0, 0)


def test_a_file_cut_short_anywhere_is_taken_for_none(path):
    blocks.write(path, [part(3)], FACTS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert blocks.read(path) is None
    path.write_bytes(whole + b"\0")
    assert blocks.read(path) is None


def test_a_file_with_any_bit_changed_is_taken_for_none(path):
    blocks.write(path, [part(2)], FACTS)
    whole = path.read_bytes()
    spare = range(40, 64)  # between the head and the rows nothing is kept
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        assert (blocks.read(path) is None) or place in spare


def test_no_file_is_none(path):
    assert blocks.read(path) is None


def test_who_has_the_file_mapped_keeps_what_they_have(path):
    blocks.write(path, [part(3)], FACTS)
    old = blocks.read(path)
    before = old.rows.copy()
    blocks.write(path, [part(9, 50)], FACTS)
    np.testing.assert_array_equal(old.rows, before)
    assert len(blocks.read(path).keys) == 9


def test_a_write_that_fails_leaves_what_was_there(path):
    blocks.write(path, [part(3)], FACTS)

    def failing():
        yield part(2, 70)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        blocks.write(path, failing(), FACTS)
    assert len(blocks.read(path).keys) == 3
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@given(
    rows=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=40),
    query=st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    k=st.integers(1, 50),
    block=st.integers(1, 12),
    odd=st.booleans(),
)
def test_blocks_give_what_sorting_all_scores_gives(rows, query, k, block, odd):
    # Small whole numbers, so that products are exact and ties are ties.
    matrix = np.array(rows, np.float32).reshape(-1, 2)
    vector = np.array(query, np.float32)
    among = np.arange(len(matrix)) % 2 == 1 if odd else None
    scores = matrix @ vector
    order = [i for i in np.argsort(-scores, kind="stable") if among is None or among[i]][:k]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", block)
        found = blocks.nearest(matrix, vector, k, among)
    assert found == [(i, scores[i]) for i in order]
