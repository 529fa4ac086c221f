import numpy as np
import pytest

from kb.encoding.cards import Lanes

torch = pytest.importorskip("torch", reason="the embed extra is not installed")


class Event:
    def __init__(self):
        self.recorded = self.awaited = False

    def record(self):
        self.recorded = True

    def synchronize(self):
        assert self.recorded
        self.awaited = True


def forward(ids, starts, lengths):
    """A row a text: the sum of its tokens, its length."""
    assert starts.tolist() == [0, *np.cumsum(lengths).tolist()]
    sums = [part.sum() for part in ids.split(list(lengths))]
    return torch.tensor([[int(s), n] for s, n in zip(sums, lengths, strict=True)]).float()


def lanes(depth=2):
    return Lanes(torch, forward, 2, device="cpu", depth=depth, event=Event)


def batch(*lengths, base=1):
    return [np.full(n, base, np.int32) for n in lengths]


def test_rows_of_two_batches_under_way_do_not_mix():
    way = lanes()
    one, other = way.start(batch(3, 2)), way.start(batch(4, base=7))
    np.testing.assert_array_equal(way.finish(one), [[3, 3], [2, 2]])
    np.testing.assert_array_equal(way.finish(other), [[28, 4]])


def test_buffers_are_used_in_turn_and_grow():
    way = lanes()
    first = way.start(batch(1))
    way.start(batch(1))
    rows = way.finish(first)
    again = way.start(batch(*[5] * 30, base=2))
    assert again[0] is not first[0]  # too small: another in its place
    np.testing.assert_array_equal(way.finish(again), [[10, 5]] * 30)
    np.testing.assert_array_equal(rows, [[1, 1]])  # a copy, not the buffer


def test_rows_are_waited_for():
    way = lanes()
    begun = way.start(batch(2))
    event = begun[0].done
    assert event.recorded and not event.awaited
    way.finish(begun)
    assert event.awaited


def test_a_buffer_is_never_written_while_its_batch_is_under_way():
    way = lanes(depth=1)
    way.start(batch(2))
    with pytest.raises(RuntimeError, match="not fetched before its buffers"):
        way.start(batch(2))


def test_a_batch_that_found_no_room_leaves_its_lane_free():
    fails = [True]

    def once(*told):
        if fails.pop() if fails else False:
            raise torch.OutOfMemoryError
        return forward(*told)

    way = Lanes(torch, once, 2, device="cpu", depth=1, event=Event)
    with pytest.raises(torch.OutOfMemoryError):
        way.start(batch(4, 4))
    np.testing.assert_array_equal(way.finish(way.start(batch(4))), [[4, 4]])
