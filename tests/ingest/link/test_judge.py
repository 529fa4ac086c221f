import dataclasses

import numpy as np
import pytest

from ingest.link import calibrate, evidence, stance
from ingest.link.candidates import Reading
from ingest.link.examples import Examples
from ingest.link.judge import LINK, PackagedJudge
from ingest.link.theses import from_file
from kb import content
from kb.sentences import passages
from kb.vocabulary import AssertedHow, Stance

FLAT = (
    "Sharpness was blamed for poor test error before. We show that flat minima generalize better "
    "than sharp minima and that sharpness predicts the generalization gap. Code is available."
)
THESES = from_file(content.load().theses)


def reading(encoder, title="Flat minima and generalization", abstract=FLAT):
    cut = passages(title, abstract)
    return Reading.of(cut, encoder.encode(cut.texts))


class Fixed:
    """Tells the same stance of everything."""

    def __init__(self, *shares):
        self.shares = shares

    def __call__(self, looks):
        return np.tile(np.log(self.shares), (len(looks), 1))


def always(*shares):
    return dict.fromkeys(stance.FORMS, Fixed(*shares))


@pytest.fixture
def make(encoder):
    def build(reference=None, theses=THESES, **others):
        rows = encoder.encode([text for thesis in theses for text in thesis.sentences])
        return PackagedJudge(theses, rows, encoder.name, reference, **others)

    return build


def test_every_thesis_is_judged_highest_score_first(make, encoder):
    judged = make().judge(reading(encoder))
    assert {each.claim for each in judged} == {thesis.id for thesis in THESES}
    scores = [each.score for each in judged]
    assert scores == sorted(scores, reverse=True) and 0 <= scores[-1] <= scores[0] <= 1
    assert judged[0].claim == "flat-minima-generalize"


def test_quotes_are_verbatim_and_no_sentence_is_named_twice(make, encoder):
    for each in make().judge(reading(encoder)):
        shown = [each.evidence, *each.alternatives]
        assert all(FLAT[one.start : one.end] == one.quote for one in shown)
        assert len({one.start for one in shown}) == len(shown) == 3


def test_only_the_nearest_theses_score_above_the_floor(make, encoder):
    seen = make().see(reading(encoder))
    reference = calibrate.load()
    assert 0 < len(seen.near) <= reference.most
    judged = make(dataclasses.replace(reference, least=99.0)).judge(reading(encoder))
    assert all(each.score <= reference.floor and not each.published for each in judged)


def test_features_have_the_names_that_the_numbers_are_for(make, encoder):
    seen = make().see(reading(encoder))
    assert seen.link.shape == (len(seen.near), len(LINK))
    assert seen.stance.shape == (len(seen.near), len(Stance))
    assert seen.sentences.shape == (3, len(seen.near), len(evidence.FEATURES))
    assert all(np.isfinite(each).all() for each in (seen.link, seen.stance, seen.sentences))


def test_a_dispute_that_is_not_sure_enough_is_told_as_a_mention(make, encoder):
    base = calibrate.load()
    for least, stances in ((0.0, {Stance.disputes}), (1.01, {Stance.mentions})):
        against = always(0.001, 0.997, 0.001, 0.001)
        judge = make(dataclasses.replace(base, dispute=least), stances=against)
        judged = judge.judge(reading(encoder))
        assert {each.stance for each in judged if each.score > base.floor} == stances
        assert judged[0].stance_score < 0


def test_an_example_that_a_work_is_like_raises_its_score_for_the_theses_of_that_example(
    make, encoder
):
    work = reading(encoder)
    place = [thesis.id for thesis in THESES].index("double-descent")
    chance = np.random.default_rng(0)
    others = chance.normal(size=(40, work.windows.shape[1])).astype(np.float32)
    near = work.windows[0] + 0.3 * others[:3] / np.linalg.norm(others[:3], axis=1, keepdims=True)
    rows = np.concatenate([others, near])
    bears = np.zeros((len(rows), len(THESES)), bool)
    bears[-3:, place] = True
    known = Examples(
        rows / np.linalg.norm(rows, axis=1, keepdims=True), bears, [t.id for t in THESES]
    )
    with_them, without = make(known=known).see(work), make().see(work)
    assert with_them.first[place] > without.first[place]
    others = np.arange(len(THESES)) != place
    assert np.array_equal(with_them.first[others], without.first[others])


def test_judged_strictly_a_thesis_gains_nothing_from_its_own_labels(make, encoder):
    work, base = reading(encoder), calibrate.load()
    place = [thesis.id for thesis in THESES].index("flat-minima-generalize")
    blind = {**base.alone, "flat-minima-generalize": calibrate.Linear(none(base))}
    seen = make(dataclasses.replace(base, alone=blind)).see(work, strict=True)
    assert seen.first[place] == -3.0
    stances = {"all": Fixed(0.9, 0.04, 0.03, 0.03), "own": Fixed(0.1, 0.7, 0.1, 0.1)}
    judge = make(base, stances=stances)
    assert judge.see(work).stance[0].argmax() == 0
    assert judge.see(work, strict=True).stance[0].argmax() == 1


def none(base):
    """A model that finds nothing in any similarity."""
    features = {
        name: {"mean": 0.0, "sd": 1.0, "weights": [0.0]} for name in base.alone[""].features
    }
    return {"outputs": ["bears"], "bias": [-3.0], "features": features}


def test_what_is_shown_is_not_queued_and_what_scores_low_is_neither(make, encoder):
    work = reading(encoder)
    best, second, *rest = sorted({each.score for each in make().judge(work)}, reverse=True)
    numbers = dataclasses.replace(calibrate.load(), publish=best, queue=second)
    judged = make(numbers).judge(work)
    told = {each.score: (each.published, each.queued) for each in judged}
    assert told[best] == (True, False)
    assert told[second] == (False, True)
    assert rest and {told[score] for score in rest} == {(False, False)}


@pytest.mark.parametrize("abstract", ["", " \n "])
def test_nothing_is_judged_without_a_sentence(make, encoder, abstract):
    assert make().judge(reading(encoder, abstract=abstract)) == []


def test_one_sentence_without_a_title_and_one_bare_thesis_are_enough(make, encoder):
    bare = [dataclasses.replace(THESES[0], for_=(), against=(), qualifies=(), terms=())]
    (each,) = make(theses=bare).judge(reading(encoder, "", "Memorization helps."))
    assert each.evidence.quote == "Memorization helps." and each.alternatives == ()


def test_the_name_tells_numbers_and_encoder(make):
    assert make().name == f"linker/{calibrate.load().version} hashing/1"


def test_a_mention_of_others_work_is_told_as_reported(make, encoder):
    judge = make(stances=always(0.001, 0.001, 0.001, 0.997))
    told = "Recent studies have attributed generalization to flat minima."
    (best, *_) = judge.judge(reading(encoder, abstract=told))
    assert (best.stance, best.how) == (Stance.mentions, AssertedHow.reports)
    (best, *_) = judge.judge(reading(encoder, abstract="We study flat minima."))
    assert best.how == AssertedHow.asserts
