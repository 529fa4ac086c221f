"""Whose word stands, what is asked first, and how far readers agree."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import review
from kb.review import Opinion, Reading, Share
from kb.views import Balance, ClaimRef, ProposalView, VerdictView, WorkRef
from kb.vocabulary import ReviewState, Stance

CONFIRMED, REJECTED = ReviewState.confirmed, ReviewState.rejected
EMPTY = Balance(0, 0, 0, 0)


def proposal(work="w", claim="c", **more):
    told = {
        "stance": "supports", "how": "asserts", "score": 0.5, "stance_score": 0.0, "agent": "m",
        "published": True, "abstract": "It is so.", "quote": "It is so.", "start": 0, "end": 9,
        "review": "proposed", "verdicts": (), "balance": EMPTY, "counted": False, "tensions": (),
    }  # fmt: skip
    return ProposalView(
        work=WorkRef(work, "", "paper", "A title", "Someone", "2031", work),
        claim=ClaimRef(claim, "thesis", "s", "It is so."),
        **(told | more),
    )


def verdict(by, word="confirmed", stance="", changed=False):
    return VerdictView(by, word, stance, "2031", "", changed)


# -- whose word stands -------------------------------------------------------------------

opinions = st.lists(
    st.builds(
        Opinion,
        by=st.sampled_from("abcd"),
        verdict=st.sampled_from([CONFIRMED, REJECTED]),
        stance=st.none() | st.sampled_from(Stance),
    ),
    unique_by=lambda each: each.by,
)


@given(opinions, st.sampled_from(Stance), st.randoms())
def test_what_stands_does_not_depend_on_the_order_of_the_readers(told, proposed, random):
    mixed = random.sample(told, len(told))
    assert review.settle(mixed, proposed) == review.settle(told, proposed)


@given(opinions, st.sampled_from(Stance))
def test_only_readers_who_all_say_the_same_settle_anything(told, proposed):
    said = {"rejected" if each.verdict == REJECTED else (each.stance or proposed) for each in told}
    settled = review.settle(told, proposed)
    assert settled.contested == (len(said) > 1)
    if len(said) != 1:
        assert (settled.review, settled.stance) == (ReviewState.proposed, proposed)
    elif said == {"rejected"}:
        assert (settled.review, settled.stance) == (REJECTED, proposed)
    else:
        assert (settled.review, settled.stance) == (CONFIRMED, *said)
    assert settled.by == ", ".join(sorted(each.by for each in told))


# -- the queue -----------------------------------------------------------------------------


def test_what_says_that_a_work_disputes_comes_first():
    certain = proposal("b", stance="disputes", score=1.0, stance_score=-1.0, counted=True)
    unsure = proposal("a", score=0.5)
    assert review.queue([unsure, certain]) == [certain, unsure]


def test_the_less_certain_comes_first_by_score_and_by_lean():
    edge = proposal("e", score=0.6)
    near = proposal("d", score=0.65)
    far = proposal("c", score=0.95)
    leaning = proposal("b", score=0.6, stance_score=0.9)
    assert review.queue([far, leaning, near, edge]) == [edge, near, far, leaning]


def test_the_threshold_is_the_lowest_score_shown_that_nobody_judged():
    judged = proposal("a", score=0.2, verdicts=(verdict("ada"),))
    waiting = proposal("b", score=0.3, published=False)
    shown = [proposal("c", score=0.7), proposal("d", score=0.6), proposal("e", agent="n")]
    assert review.thresholds([judged, waiting, *shown]) == {"m": 0.6, "n": 0.5}


@pytest.mark.parametrize(
    ("stance", "balance", "expected"),
    [
        ("supports", Balance(0, 0, 0, 7), 1.0),  # the first word on the claim
        ("supports", Balance(3, 0, 0, 0), 0.125),  # one more of the same
        ("supports", Balance(1, 2, 0, 0), 0.625),  # draws level
        ("disputes", Balance(3, 0, 0, 0), 0.625),  # the first against
        ("qualifies", Balance(1, 1, 1, 0), 0.125),
        ("mentions", EMPTY, 0.0),
    ],
)
def test_influence_is_what_a_confirmation_would_change(stance, balance, expected):
    told = proposal(stance=stance, balance=balance)
    assert review.influence(told) == expected
    assert review.influence(dataclasses.replace(told, counted=True)) == 0
    assert review.influence(dataclasses.replace(told, how="reports")) == 0


scores = st.floats(0, 1)
proposals = st.lists(
    st.builds(
        proposal,
        work=st.sampled_from("abcdefgh"),
        claim=st.sampled_from("xyz"),
        score=scores,
        stance_score=st.floats(-1, 1),
        published=st.booleans(),
        stance=st.sampled_from([each.value for each in Stance]),
        balance=st.builds(Balance, *[st.integers(0, 4)] * 4),
    ),
    unique_by=lambda each: each.id,
)


@given(proposals, st.randoms())
def test_both_orders_depend_on_the_proposals_alone(told, random):
    mixed = random.sample(told, len(told))
    assert review.queue(mixed) == review.queue(told)
    assert review.shuffled(mixed) == review.shuffled(told)
    assert sorted(each.id for each in review.queue(told)) == sorted(each.id for each in told)


@given(proposals, scores)
def test_the_parts_of_the_order_are_shares(told, threshold):
    for each in told:
        assert 0 <= review.uncertainty(each, threshold) <= 1
        assert 0 <= review.influence(each) <= 1


@given(proposals)
def test_the_blind_order_tells_nothing_of_what_the_machine_said(told):
    other = [
        dataclasses.replace(each, stance="disputes", score=0.0, published=False) for each in told
    ]
    assert [e.id for e in review.shuffled(told)] == [e.id for e in review.shuffled(other)]


def test_a_reader_is_asked_what_is_open_contested_or_has_changed():
    told = {
        "open": (),
        "judged": (verdict("bob"),),
        "mine": (verdict("ada"),),
        "changed": (verdict("ada", changed=True),),
        "contested": (verdict("bob"), verdict("cyd", "rejected")),
        "contested by me": (verdict("ada"), verdict("bob", "rejected")),
        "by stance": (verdict("bob"), verdict("cyd", stance="disputes")),
    }
    every = [proposal(work, verdicts=said) for work, said in told.items()]
    asked = [each.work.id for each in review.wanting(every, "ada")]
    assert asked == ["open", "changed", "contested", "by stance"]
    second = [each.work.id for each in review.second(every, "ada")]
    assert sorted(second) == ["by stance", "contested", "judged"]


# -- how far to trust ------------------------------------------------------------------------


@given(st.integers(0, 400), st.integers(0, 400))
def test_an_interval_holds_its_share_and_stays_a_share(part, more):
    share = Share(part, part + more)
    low, high = share.interval
    assert 0 <= low <= high <= 1
    if share.value is not None:
        assert low - 1e-9 <= share.value <= high + 1e-9


words = st.sampled_from(["rejected", "supports", "disputes"])


@given(st.lists(st.tuples(words, words), max_size=30))
def test_kappa_is_the_same_for_either_reader_first_and_at_most_one(pairs):
    one, other = review.agreement(pairs), review.agreement([(b, a) for a, b in pairs])
    assert one.same == other.same
    assert (one.kappa is None) == (other.kappa is None)
    if one.kappa is not None:
        assert one.kappa == pytest.approx(other.kappa) and one.kappa <= 1
        assert (one.kappa == pytest.approx(1)) == (one.same.part == one.same.whole)


def test_kappa_is_not_defined_where_chance_explains_everything():
    assert review.agreement([]).kappa is None
    assert review.agreement([("yes", "yes")] * 9).kappa is None
    assert review.agreement([("yes", "yes")] * 9).too_few
    assert not review.agreement([("yes", "no")] * review.TOO_FEW).too_few


def reading(work, by, word=CONFIRMED, stance=Stance.supports, **more):
    return Reading(work, "c", Opinion(by, word, stance if word == CONFIRMED else None), **more)


def test_the_record_counts_the_machine_and_the_readers():
    shown = {"proposed": Stance.supports, "published": True}
    told = review.record(
        [
            reading("right", "ada", **shown),
            reading("right", "bob", blind=True, **shown),
            reading("turned", "ada", stance=Stance.disputes, **shown),
            reading("wrong", "ada", REJECTED, **shown),
            reading("contested", "ada", **shown),
            reading("contested", "bob", REJECTED, blind=True, **shown),
            reading("queued", "ada", proposed=Stance.supports),
            reading("seen", "ada", **shown),
            reading("seen", "cyd", **shown),  # not blind: no pair
        ]
    )
    assert told.readers == (("ada", 6), ("bob", 2), ("cyd", 1))
    assert (told.confirmed, told.rejected, told.contested) == (4, 1, 1)
    assert told.precision == Share(3, 4)  # neither the contested nor the queued one
    assert told.stances == Share(2, 3)
    assert told.links.same == told.positions.same == Share(1, 2)
