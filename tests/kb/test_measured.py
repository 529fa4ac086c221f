"""A file of figures is read strictly, and its faults are named."""

import json
from pathlib import Path

import pytest

from kb import cli, measured
from kb.errors import ConfigError
from kb.vocabulary import Stance

FIXTURE = (Path(__file__).parents[1] / "fixtures/measured.json").read_text("utf-8")


def test_a_file_of_figures_is_read_whole():
    told = measured.read(FIXTURE)
    assert (told.judge, told.made.isoformat(), told.labels.links) == ("linker/1", "2031-03-01", 120)
    shipped, held_out = told.schemes
    assert [f.reached for f in shipped.figures] == [False, True, False, True, None]
    assert shipped.confusion.stances[0] is Stance.supports
    assert shipped.confusion.rows[2] == (9, 1, 10, 0)
    assert held_out.confusion is None


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (("judge",), 7, "judge: Input should be a valid string"),
        (("judge",), "linker\nof two lines", "judge: String should match"),
        (("author",), "x", "author: Extra inputs are not permitted"),
        (("made",), "yesterday", "made: Input should be a valid date"),
        (("labels", "links"), -1, "labels.links: Input should be greater than or equal to 0"),
        (("schemes", 0, "figures", 1, "value"), "0.7", "schemes.0.figures.1.value: Input should"),
        (("schemes", 0, "figures", 1, "low"), 0.9, "the interval ends before it begins"),
        (("schemes", 0, "figures", 1, "low"), None, "an interval has two ends"),
        (("schemes", 0, "confusion", "stances", 1), "supports", "a stance is named twice"),
        (("schemes", 0, "confusion", "stances", 1), "likes", "schemes.0.confusion.stances.1:"),
        (("schemes", 0, "confusion", "rows", 3), [1, 2, 3], "schemes.0.confusion.rows.3.3: Field"),
        (("schemes", 0, "confusion", "rows", 3, 0), 0.5, "schemes.0.confusion.rows.3.0: Input"),
        (("schemes", 1, "name"), "shipped", "two schemes have one name"),
    ],
)
def test_a_fault_is_named_with_its_place_and_the_remedy(at, value, said):
    told = json.loads(FIXTURE)
    inner = told
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    with pytest.raises(ConfigError) as caught:
        measured.read(json.dumps(told), "here.json")
    message = str(caught.value)
    assert message.startswith("here.json: ")
    assert said in message
    assert message.endswith("; make eval writes it anew")
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "{", "[]", FIXTURE.replace("0.75", "NaN")])
def test_what_is_no_such_file_is_refused(text):
    with pytest.raises(ConfigError, match=r"^measured\.json: "):
        measured.read(text)


def test_the_figures_that_come_with_the_linker_can_be_read_where_there_are_any():
    told = cli._measured()
    assert told is None or told.schemes
