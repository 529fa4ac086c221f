import dataclasses

import pytest

from ingest.link import calibrate
from ingest.link.stance import Leaning, Stances, decide
from ingest.link.theses import Thesis
from kb.vocabulary import Stance

THESES = [
    Thesis(
        "flat",
        "Flat minima generalize better.",
        for_=("Flatness predicts good accuracy strongly.", "Flatness predicts accuracy."),
        against=("Sharp solutions are equally accurate everywhere.", "Sharp solutions succeed."),
        qualifies=("It depends on batch normalization.", "It depends on the measure."),
    ),
    Thesis("bare", "A thesis without statements."),
]
LEANING = Leaning(side=0.0, condition=-1.0, central=9.0, denies=False)


@pytest.fixture
def stances(encoder):
    return Stances(THESES, [encoder.encode(thesis.sentences) for thesis in THESES])


def lean(stances, encoder, text, place=0):
    return stances.lean(place, encoder.encode([text]), [text], central=9.0)


def test_the_margin_points_to_the_nearer_statements(stances, encoder):
    yes = lean(stances, encoder, "Flatness predicts accuracy.")
    no = lean(stances, encoder, "Sharp solutions succeed everywhere.")
    assert -1 <= no.side < 0 < yes.side <= 1
    between = lean(stances, encoder, "It depends on the measure.")
    assert between.condition > max(yes.condition, 0)


def test_a_thesis_without_statements_leans_nowhere_and_breaks_nothing(stances, encoder):
    assert -1 <= lean(stances, encoder, "Anything at all.", place=1).side <= 1


def test_a_denial_is_seen(stances, encoder):
    assert lean(stances, encoder, "Flatness cannot predict accuracy.").denies
    assert not lean(stances, encoder, "Nothing notable happens.").denies


@pytest.mark.parametrize(
    ("changed", "stance"),
    [
        ({}, Stance.supports),
        ({"central": -9.0}, Stance.mentions),
        ({"side": -1.0, "denies": True}, Stance.disputes),
        ({"side": -1.0}, Stance.mentions),
        ({"condition": 1.0}, Stance.qualifies),
        ({"side": -1.0, "denies": True, "central": -9.0}, Stance.mentions),
    ],
)
def test_a_stance_is_said_only_on_enough_evidence(changed, stance):
    assert decide(dataclasses.replace(LEANING, **changed), calibrate.load()) == stance
