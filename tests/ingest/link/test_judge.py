import dataclasses

import numpy as np
import pytest

from ingest.link import calibrate, evidence
from ingest.link.candidates import Reading
from ingest.link.judge import LINK, STANCE, PackagedJudge
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
    """Reads every pair alike."""

    name = "fixed/1"

    def __init__(self, *shares):
        self.shares = shares
        self.read_beside = []

    def read(self, thesis, text):
        self.read_beside += zip(thesis, text, strict=True)
        return np.tile(np.log(np.array(self.shares, np.float32)), (len(thesis), 1))


@pytest.fixture
def make(encoder):
    def build(reader=None, reference=None, theses=THESES):
        rows = encoder.encode([text for thesis in theses for text in thesis.sentences])
        return PackagedJudge(theses, rows, encoder.name, reference, reader)

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


def test_only_the_nearest_theses_are_read_beside_a_work(make, encoder):
    reader = Fixed(0.2, 0.2, 0.2, 0.2, 0.2)
    seen = make(reader).see(reading(encoder))
    reference = calibrate.load()
    assert 0 < len(seen.read) <= reference.most
    assert {thesis for thesis, _ in reader.read_beside} == {THESES[i].text for i in seen.read}
    beside = make(reader, dataclasses.replace(reference, least=99.0))
    reader.read_beside.clear()
    judged = beside.judge(reading(encoder))
    assert reader.read_beside == []
    assert all(each.score <= reference.floor and not each.published for each in judged)


def test_features_have_the_names_that_the_numbers_are_for(make, encoder):
    seen = make().see(reading(encoder))
    assert seen.link.shape == (len(seen.read), len(LINK))
    assert seen.stance.shape == (len(seen.read), len(STANCE))
    assert seen.sentences.shape == (3, len(THESES), len(evidence.FEATURES))
    assert all(np.isfinite(each).all() for each in (seen.link, seen.stance, seen.sentences))


def test_a_dispute_that_is_not_sure_enough_is_told_as_a_mention(make, encoder):
    against = Fixed(0.001, 0.996, 0.001, 0.001, 0.001)
    base = calibrate.load()
    for least, stances in ((0.0, {Stance.disputes}), (1.01, {Stance.mentions})):
        judge = make(against, dataclasses.replace(base, dispute=least, stance=only_shares(base)))
        judged = judge.judge(reading(encoder))
        assert {each.stance for each in judged if each.score > base.floor} == stances
        assert judged[0].stance_score < 0


def only_shares(base):
    """Numbers that take the stance as it was read."""
    features = {
        name: {"mean": 0, "sd": 1, "weights": [float(name == stance) for stance in Stance]}
        for name in base.stance.features
    }
    return calibrate.Linear({"outputs": list(Stance), "bias": [0] * 4, "features": features})


def test_what_is_shown_is_not_queued_and_what_scores_low_is_neither(make, encoder):
    work = reading(encoder)
    best, second, *rest = sorted({each.score for each in make().judge(work)}, reverse=True)
    numbers = dataclasses.replace(calibrate.load(), publish=best, queue=second)
    judged = make(None, numbers).judge(work)
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


def test_the_name_tells_numbers_encoder_and_reader(make):
    assert make(Fixed(1)).name == f"linker/{calibrate.load().version} hashing/1 fixed/1"


def test_a_mention_of_others_work_is_told_as_reported(make, encoder):
    base = calibrate.load()
    mentions = Fixed(0.001, 0.001, 0.001, 0.996, 0.001)
    judge = make(mentions, dataclasses.replace(base, stance=only_shares(base)))
    told = "Recent studies have attributed generalization to flat minima."
    (best, *_) = judge.judge(reading(encoder, abstract=told))
    assert (best.stance, best.how) == (Stance.mentions, AssertedHow.reports)
    (best, *_) = judge.judge(reading(encoder, abstract="We study flat minima."))
    assert best.how == AssertedHow.asserts
