import hashlib
from importlib import resources

import numpy as np
import pytest

from ingest.link import calibrate, evidence, examples, judge, stance
from ingest.link.candidates import FEATURES, Candidates, Reading
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


@pytest.mark.parametrize("feature", [name for name in FEATURES if name != "sentence_against"])
def test_every_feature_finds_the_thesis_that_an_abstract_is_about(encoder, feature):
    candidates, place = index(encoder, [FLAT, KERNEL]), FEATURES.index(feature)
    about_flat = reading(
        encoder, "Flat minima", "We find flat minima with low test error. So be it."
    )
    about_kernel = reading(
        encoder, "A tangent kernel", "The neural tangent kernel stays constant. So be it."
    )
    assert np.argmax(candidates(about_flat).features[:, place]) == 0
    assert np.argmax(candidates(about_kernel).features[:, place]) == 1


def test_a_statement_against_a_thesis_is_near_it_too(encoder):
    place = FEATURES.index("sentence_against")
    found = index(encoder, [FLAT, KERNEL])(
        reading(encoder, "Minima", "Sharp minima can generalize as well as flat ones. So be it.")
    )
    assert np.argmax(found.features[:, place]) == 0
    assert found.features[0, place] > 0.99


def test_a_work_without_a_title_can_be_compared(encoder):
    found = index(encoder, [FLAT, KERNEL])(reading(encoder, "", "Flat minima generalize."))
    assert np.isfinite(found.features).all()


def test_a_thesis_without_statements_is_taken_at_its_word(encoder):
    bare = Thesis("one", "Flat minima generalize.")
    text = reading(encoder, "A title", "Flat minima generalize. Cats sleep.")
    for theses in ([bare], [FLAT, bare], [bare, KERNEL]):
        found = index(encoder, theses)(text).features[theses.index(bare)]
        assert np.isfinite(found).all()
        near = [found[FEATURES.index(f"sentence_{side}")] for side in ("for", "against")]
        assert near == pytest.approx([1, 1], abs=1e-5)


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


def test_the_packaged_numbers_fit_what_they_are_used_on():
    reference = calibrate.load()
    similar = (*FEATURES, *(f"{name}, own scale" for name in FEATURES))
    like = (*examples.FEATURES, *(f"{name}, own scale" for name in examples.FEATURES))
    assert reference.first.features == (*similar, *like)
    ids = {thesis.id for thesis in content.load().theses.theses}
    assert reference.alone.keys() == {"", *ids}
    assert {model.features for model in reference.alone.values()} == {similar}
    assert reference.link.features == judge.LINK
    assert reference.sentence.features == evidence.FEATURES
    assert 0 < reference.floor < reference.queue <= reference.publish <= 1
    home = resources.files("ingest.link")
    held = [home.joinpath(name).read_bytes() for name in (examples.FILE, stance.FILE)]
    assert reference.files == " ".join(hashlib.sha256(each).hexdigest()[:8] for each in held)


def test_a_thesis_that_the_numbers_do_not_know_is_scaled_as_all_are():
    scales = calibrate.Scales({"a": {"": [1, 2], "known": [3, 1]}, "b": {"": [0, 1]}})
    rows = scales(np.array([[5.0, 1.0], [5.0, 1.0]]), ["known", "new"])
    assert rows.tolist() == [[2, 1, 2, 1], [2, 1, 2, 1]]
    assert scales(np.array([[3.0, 1.0]]), ["known"]).tolist() == [[1, 1, 0, 1]]
