import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.encoding.engine import NoRoomError, run


class Card:
    """A device with room for so many tokens at once, whatever was begun and not fetched."""

    readers, block = 1, 16

    def __init__(self, room, depth=2, budget=1000, backup=True):
        self.device, self.budget, self.depth = "card", budget, depth
        self._room, self._used, self._backup = room, 0, backup
        self.batches, self.most = [], 0
        self._under_way = 0

    def cut(self, texts):
        return list(texts)

    def size(self, item):
        return len(item) + 1

    def start(self, items):
        need = len(items) * max(self.size(each) for each in items)
        if self.device == "card" and self._used + need > self._room:
            raise NoRoomError
        self._used += need
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        self.batches.append((self.device, len(items)))
        return need, np.array([[len(each), hash(each) % 97] for each in items], np.float32)

    def finish(self, started):
        need, rows = started
        self._used -= need
        self._under_way -= 1
        return rows

    def shrink(self, budget):
        assert budget < self.budget or self._used == 0
        self.budget = max(1, budget)

    def retreat(self):
        if not self._backup or self.device == "cpu":
            return False
        self.device = "cpu"
        return True


def gathered(engine, texts):
    out = np.full((len(texts), 2), -1, np.float32)
    for places, rows in run(engine, texts):
        assert (out[places] == -1).all()
        out[places] = rows
    return out


def expected(texts):
    return np.array([[len(t), hash(t) % 97] for t in texts], np.float32).reshape(-1, 2)


@given(
    st.lists(st.text(alphabet="ab", max_size=40), max_size=60),
    st.integers(min_value=1, max_value=200),
    st.integers(min_value=1, max_value=3),
)
def test_every_text_gets_its_own_row_whatever_room_there_is(texts, room, depth):
    np.testing.assert_array_equal(gathered(Card(room, depth), texts), expected(texts))


def test_out_of_memory_halves_the_batch_and_goes_on():
    card = Card(room=44, depth=1)
    texts = ["a" * 10] * 16
    np.testing.assert_array_equal(gathered(card, texts), expected(texts))
    assert card.batches == [("card", 4)] * 4 and card.device == "card"


def test_what_is_under_way_is_fetched_before_a_batch_is_halved():
    card = Card(room=60, depth=2, budget=44)
    texts = ["a" * 10] * 12
    np.testing.assert_array_equal(gathered(card, texts), expected(texts))
    assert card.device == "card"


def test_a_text_without_room_by_itself_goes_to_the_processor():
    card = Card(room=20)
    texts = ["a" * 30, "b" * 5, "c"]
    np.testing.assert_array_equal(gathered(card, texts), expected(texts))
    assert {device for device, _ in card.batches} == {"cpu"}


def test_without_a_way_out_it_is_an_error():
    with pytest.raises(NoRoomError):
        gathered(Card(room=20, backup=False), ["a" * 30])


def test_the_next_batch_is_begun_before_the_last_is_fetched():
    one, two = Card(10_000, depth=1, budget=20), Card(10_000, depth=2, budget=20)
    texts = ["a" * 9] * 40
    gathered(one, texts)
    gathered(two, texts)
    assert (one.most, two.most) == (1, 2)
