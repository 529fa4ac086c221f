import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import normalize

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=[]))


@given(ANY_TEXT)
def test_prose_is_idempotent(text):
    once = normalize.prose(text)
    assert normalize.prose(once) == once


@given(ANY_TEXT)
def test_prose_can_always_be_stored(text):
    kept = normalize.prose(text)
    kept.encode()
    assert not any(unicodedata.category(c) == "Cc" for c in kept)
    assert not set(kept) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert kept == kept.strip()


@given(ANY_TEXT)
def test_names_are_total(text):
    for name in normalize.authors(text):
        assert name
        name.encode()


def test_prose_keeps_tex_and_composes_accents():
    assert normalize.prose("Une\u0301  $\\mu$P\x00\n study\u202e") == "Uné $\\mu$P study"


def test_joiners_that_scripts_need_stay():
    assert normalize.prose("می\u200cخواهم") == "می\u200cخواهم"


def test_half_a_character_is_noticed():
    assert normalize.is_sound("whole 𝔄")
    assert not normalize.is_sound("\ud835")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Ada Example and Carl Demo", ("Ada Example", "Carl Demo")),
        ("Ada Example, Carl Demo, and Eve Sample", ("Ada Example", "Carl Demo", "Eve Sample")),
        ("Ada Example (Here (and, There)),\n  Carl Demo (1)", ("Ada Example", "Carl Demo")),
        ("Sandra Andersen & B. Orland", ("Sandra Andersen", "B. Orland")),
        ("Carl Demo, Jr., Eve Sample III", ("Carl Demo, Jr.", "Eve Sample III")),
        (r"Fran\c{c}ois P\'{e}rez, Kurt G\"odel", ("François Pérez", "Kurt Gödel")),
        (r"Ji\v{r}\'{\i} Nov\'ak, S{\o}ren \L{}ys", ("Jiří Novák", "Søren Łys")),
        (r"D. \c Ceylan, P. Erd\H{o}s, \AA. Berg", ("D. Çeylan", "P. Erdős", "Å. Berg")),
        ("", ()),
        (" , and ", ()),
    ],
)
def test_an_author_line_becomes_names(line, names):
    assert normalize.authors(line) == names


def test_parsed_names_are_given_name_first():
    rows = [["Example", "Ada B.", ""], ["Demo", "Carl", "Jr."], ["Collective", "", ""], ["", ""]]
    assert normalize.authors_parsed(rows) == ("Ada B. Example", "Carl Demo, Jr.", "Collective")


@pytest.mark.parametrize(
    ("comment", "abstract"),
    [
        ("This paper has been withdrawn by the author due to an error", ""),
        ("Withdrawn", ""),
        ("9 pages. Withdrawn for lack of kettles", ""),
        ("submission has been withdrawn by arXiv administrators", ""),
        ("We have decided to withdraw this manuscript", ""),
        ("The authors are withdrawing the article", ""),
        ("", "This paper is withdrawn because of a gap in Lemma 2."),
        ("", "This manuscript was withdrawn\nby its authors."),
    ],
)
def test_a_withdrawal_is_seen(comment, abstract):
    assert normalize.is_withdrawn(comment, abstract)


@pytest.mark.parametrize(
    ("comment", "abstract"),
    [
        ("12 pages", "The fluid is withdrawn at infinity."),
        ("", "Hints are withdrawn as the model learns; withdrawal symptoms are studied."),
        ("It holds results withdrawn from our earlier preprint", ""),
        ("Accepted; withdrawn before presentation for lack of travel funds", ""),
        ("", "We study kettles. " * 10 + "An older paper has been withdrawn."),
    ],
)
def test_other_withdrawals_are_not_the_papers(comment, abstract):
    assert not normalize.is_withdrawn(comment, abstract)


def prose_by_patterns(text):
    visible = normalize._INVISIBLE.sub("", normalize._SURROGATE.sub("\ufffd", text))
    return normalize._SPACE.sub(" ", unicodedata.normalize("NFC", visible)).strip()


MOSTLY_PLAIN = st.text(alphabet=st.one_of(st.characters(max_codepoint=0xA1), st.characters()))


@given(st.one_of(ANY_TEXT, MOSTLY_PLAIN))
def test_the_short_way_to_prose_ends_where_the_long_one_does(text):
    assert normalize.prose(text) == prose_by_patterns(text)


SAID = st.lists(
    st.sampled_from(["this paper", "has been", "withdrawn", "WITHDRAW", "w\u0131thdrawn", "removed",
                     "by arXiv", "we", "the", "\u00ad", ". ", " ", "paper", "12 pages"])
).map("".join)  # fmt: skip


@given(SAID, SAID)
def test_looking_for_a_word_first_misses_no_withdrawal(comment, abstract):
    said = normalize.prose(comment[:2000])
    begun = normalize.prose(abstract[:200])[:160]
    told = any(
        pattern.search(text)
        for pattern, text in (
            (normalize._NOTE, said),
            (normalize._WITHDRAWN, said),
            (normalize._WITHDRAWN, begun),
        )
    )
    assert normalize.is_withdrawn(comment, abstract) == told
