import numpy as np
import pytest

from ingest.link import calibrate
from ingest.link.candidates import Candidates, Reading
from ingest.link.theses import Thesis, digest, from_file, from_store
from ingest.link.words import words
from kb import content
from kb.sentences import passages

FLAT = Thesis(
    "flat",
    "Flat minima generalize better than sharp ones.",
    for_=("Flatter minima have lower test error.", "Sharp minima generalize poorly."),
    against=("Sharp minima can generalize as well as flat ones.",),
    terms=("flat minima", "sharpness"),
)
KERNEL = Thesis(
    "kernel",
    "Wide networks train like a fixed neural tangent kernel.",
    for_=("The tangent kernel stays constant while a wide network trains.",),
    against=("Networks of practical width leave the kernel regime.",),
    terms=("neural tangent kernel",),
)


def index(encoder, theses):
    return Candidates(theses, [encoder.encode(thesis.sentences) for thesis in theses])


def reading(encoder, title, abstract):
    cut = passages(title, abstract)
    return Reading.of(cut, encoder.encode(cut.texts))


@pytest.mark.parametrize("feature", range(4))
def test_every_feature_finds_the_thesis_that_an_abstract_is_about(encoder, feature):
    candidates = index(encoder, [FLAT, KERNEL])
    about_flat = reading(encoder, "Sharpness", "We find flat minima with low test error. So be it.")
    about_kernel = reading(encoder, "Width", "The neural tangent kernel stays constant. So be it.")
    assert np.argmax(candidates(about_flat).features()[feature]) == 0
    assert np.argmax(candidates(about_kernel).features()[feature]) == 1


def test_a_work_without_a_title_can_be_compared(encoder):
    found = index(encoder, [FLAT, KERNEL])(reading(encoder, "", "Flat minima generalize."))
    assert np.isfinite(found.features()).all()


def test_a_single_thesis_without_statements_can_be_indexed(encoder):
    found = index(encoder, [Thesis("one", "Flat minima generalize.")])(
        reading(encoder, "A title", "Flat minima generalize. Cats sleep.")
    )
    assert np.isfinite(found.features()).all()


def test_spellings_and_endings_of_one_word_meet():
    assert words("memorize") == words("memorization") == words("memorizing") == ["memoriz"]
    assert words("over-parameterized") == words("overparametrized")
    assert words("generalise") == words("generalization")


def test_pairs_of_words_are_kept_beside_the_words():
    assert words("the implicit regularization of SGD")[3:] == [
        "implicit regulariz",
        "regulariz sgd",
    ]


def test_the_store_and_the_files_give_the_same_theses(curated):
    file = content.load().theses
    with curated.read() as session:
        stored = from_store(session)
    assert sorted(stored, key=lambda t: t.id) == sorted(from_file(file), key=lambda t: t.id)
    assert digest(stored) == digest(from_file(file))
    assert digest(stored[1:]) != digest(stored)


def test_the_packaged_numbers_say_how_they_were_fitted_and_give_a_score():
    reference = calibrate.load()
    assert set(reference.scales) == set(calibrate.FEATURES)
    low, middle, high = (reference.score(reference.offset + z) for z in (-50, 0, 50))
    assert 0 <= low < middle == 0.5 < high <= 1
    assert reference.floor < reference.publish
