"""The form of a synthesis, and that no text can do more than be refused."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kb import synthesis
from kb.errors import SynthesisError
from kb.synthesis import SECTIONS, parse

FIXTURES = Path(__file__).parents[1] / "fixtures/synthesis"
TEXT = (FIXTURES / "steeping.txt").read_text("utf-8")
FORM = [
    "Tea", "Version 2", "2032-06-01 08:00 UTC · 18 items", "2032-06-01", *SECTIONS,
    "- 2031-05: It steeps. [1]", "- 2031-13-01: It does not. [2]", "- 2031/..: It may. [3]",
    "A voice", "It holds.", "Evolution: none.", "Evolution:", "- A question? [1][2]",
    "- [1] A title — a host (2031-02-30)", "- [2] A title — a host (2031-05)", "- [2] Another",
    "", "- ", "[1]", "\u202e", "\x00", "\ud800", "—", "Narrative ",
]  # fmt: skip


def test_every_part_is_read_with_its_line():
    read = parse(TEXT)
    assert (read.title, read.version, read.as_of) == (
        "How Tea Steeps — A Running Account",
        "3",
        "2032-06-01 08:00 UTC",
    )
    assert (read.items, read.items_line) == (18, 3)
    assert [len(read.narrative), len(read.timeline), len(read.perspectives)] == [2, 11, 2]
    assert [len(read.tensions), len(read.sources)] == [3, 18]
    lines = TEXT.splitlines()
    for statement in read.statements():
        assert statement.text in lines[statement.line - 1]
    for source in read.sources:
        assert lines[source.line - 1].startswith(f"- [{source.n}] {source.title}")
    assert read.timeline[0].told.cites == (1,)
    assert read.perspectives[0].name == "Gil Fern and Hana Grove (steeping mechanics)"
    assert read.sources[1].date == "2032-05-26"


def test_citations_count_once_and_other_brackets_are_none():
    assert synthesis.citations("[3][12] (arXiv [2031.00001]) [R] [3]") == (3, 12)


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("Timeline\n", "", 18, '"Timeline" comes next'),
        ("Tensions\n", "Sources\n", 26, '"Tensions" comes next'),
        ("- 2031-05: Lark", "- May 2031: Lark", 10, "an entry of the timeline"),
        ("- 2031-05: Lark", "- 2031-15: Lark", 10, "not an EDTF date"),
        ("Evolution: Consistent.\n", "", 23, "no line"),
        ("A mechanics of flow around leaves is within reach.\n", "", 21, "a perspective is"),
        ("- Is leaf area", "Is leaf area", 27, "a tension is"),
        ("- [5] ", "- [4] ", 35, "more than once"),
        ("- [5] ", "- 5. ", 35, "a source is"),
        ("(2032-05-26)", "(2032-05-32)", 32, "not an EDTF date"),
        ("Version 3", "By a kettle", 2, "only a version and a time"),
        ("Version 3", "Version 3\x07", 2, "control character U+0007"),
    ],
)
def test_what_is_not_of_the_form_is_named_with_its_line(old, new, line, told):
    assert TEXT.count(old) == 1
    with pytest.raises(SynthesisError, match=f"^line {line}: ") as caught:
        parse(TEXT.replace(old, new))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("Narrative\n", "no heading"),
        ("\n".join(("Narrative", *SECTIONS[1:])), "there is no title"),
        ("x" * (synthesis.LONGEST_LINE + 1), "longer than"),
        ("x\n" * (synthesis.MOST_LINES + 1), "more than"),
        ("x" * (synthesis.MOST_BYTES + 1), "longer than"),
    ],
    ids=lambda value: value[:12],
)
def test_texts_that_are_none_are_refused(text, told):
    with pytest.raises(SynthesisError, match=told):
        parse(text)


def test_bytes_that_are_no_text_are_refused_with_their_line():
    with pytest.raises(SynthesisError, match="line 2: is not UTF-8"):
        synthesis.decode(b"Tea\n\xff")
    with pytest.raises(SynthesisError, match="longer than"):
        synthesis.decode(b"x" * (synthesis.MOST_BYTES + 1))
    assert synthesis.decode("\ufeffTea".encode()) == "Tea"


def parsed(text):
    try:
        return parse(text)
    except SynthesisError as error:
        assert 1 <= error.line <= text.count("\n") + 2
        return None


@given(st.text())
@example("\ud800")
def test_any_text_is_read_or_refused(text):
    parsed(text)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(FORM) | st.text(max_size=20), max_size=30))
def test_any_lines_of_the_form_are_read_or_refused(lines):
    parsed("\n".join(lines))


@given(st.data())
def test_a_moved_line_is_refused_or_stands_somewhere(data):
    lines = TEXT.splitlines()
    where = data.draw(st.integers(0, len(lines) - 1))
    line = lines.pop(where)
    lines.insert(data.draw(st.integers(0, len(lines))), line)
    read = parsed("\n".join(lines))
    if read is not None and where >= 3:
        # Nothing is lost in silence: the line stands somewhere in what was read.
        told = [s.text for s in read.statements()] + [p.name for p in read.perspectives]
        told += [f"{s.title} — {s.origin}" for s in read.sources] + [read.title]
        assert line in SECTIONS or any(line.split(" ")[-1] in text for text in told)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(raw):
    try:
        parsed(synthesis.decode(raw))
    except SynthesisError as error:
        assert error.line >= 1
