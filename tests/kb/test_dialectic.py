import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import dialectic
from kb.views import (
    Balance,
    ClaimRef,
    ClaimView,
    HoldingView,
    LinkView,
    Ref,
    RelationView,
    WorkRef,
)

CLAIM = ClaimRef("C01", "finding", "memorization", "A claim.")
NAMES = st.sampled_from("abcdefgh")


def link(work, stance, lineage=None, review="proposed", how="asserts", agent_kind="curation"):
    ref = WorkRef(work, work, "paper", work, "", "", lineage or work)
    return LinkView(
        ref, CLAIM, stance, "", how, agent_kind, "x", review, "", "", None, "", (), "", ""
    )


@given(st.lists(st.tuples(NAMES, NAMES)))
def test_lineages_do_not_depend_on_the_order(pairs):
    assert dialectic.lineages(pairs) == dialectic.lineages(pairs[::-1])


@given(st.lists(st.tuples(NAMES, NAMES)))
def test_what_is_tied_has_one_lineage(pairs):
    found = dialectic.lineages(pairs)
    assert all(found[a] == found[b] for a, b in pairs)


def test_ten_copies_of_one_result_are_one_support():
    links = [link(f"w{i}", "supports", lineage="w0") for i in range(10)]
    assert dialectic.balance(links).supports == 1


def test_rejected_links_mentions_and_reports_count_nothing():
    links = [
        link("a", "supports", review="rejected"),
        link("b", "mentions"),
        link("c", "disputes", how="reports"),
        link("d", "disputes", review="superseded"),
    ]
    counted = dialectic.balance(links)
    assert (counted.supports, counted.disputes, counted.qualifies) == (0, 0, 0)


def test_what_a_machine_alone_proposes_is_told_apart_and_not_counted():
    links = [link("a", "supports"), link("b", "supports", how="", agent_kind="model")]
    counted = dialectic.balance(links)
    assert (counted.supports, counted.proposed) == (1, 1)


def test_a_confirmed_proposal_counts_and_one_beside_a_curated_link_adds_nothing():
    links = [
        link("a", "supports", review="confirmed", agent_kind="model"),
        link("b", "disputes"),
        link("b", "supports", agent_kind="model"),
    ]
    counted = dialectic.balance(links)
    assert (counted.supports, counted.disputes, counted.proposed) == (1, 1, 0)


@given(st.lists(st.tuples(NAMES, st.sampled_from(["supports", "disputes", "qualifies"]))))
def test_counting_a_link_twice_changes_nothing(pairs):
    links = [link(work, stance) for work, stance in pairs]
    assert dialectic.balance(links) == dialectic.balance(links + links)


# -- two claims ------------------------------------------------------------------------------

WORK = WorkRef("w", "w", "paper", "w", "", "2024", "w")


def claim(id, *, scope=(), senses=(), level="experiment", links=None, relations=(), terms=()):
    ref = ClaimRef(id, "finding", "s", id)
    if links is None:
        links = (link(f"w-{id}", "supports"),)
    return ClaimView(
        ref, level, "", tuple(scope), tuple((t, sense, "") for t, sense in senses), tuple(terms),
        (), dialectic.balance(links), tuple(links), tuple(relations), (), (), (), (), (),
    )  # fmt: skip


def relation(a, kind, b, differs_in=(), review="proposed", bears_on=False):
    one, other = (ClaimRef(id, "finding", "s", id) for id in (a, b))
    return RelationView(one, kind, other, bears_on, tuple(differs_in), "", review, "")


TASK = ("task", "is", "image classification")


def pair(**more):
    """Two claims that one relation sets against each other, with the same scope."""
    told = relation("B", "disputes", "A", more.pop("differs_in", ()))
    values = [{"scope": [TASK], "relations": [told]} | more.get(id, {}) for id in ("A", "B")]
    return claim("A", **values[0]), claim("B", **values[1])


def test_another_sense_of_a_term_is_apparent_sense():
    one, other = pair(A={"senses": [("m", "copy")]}, B={"senses": [("m", "loo")]})
    told = dialectic.collision(one, other)
    assert told.kind == "apparent-sense"
    assert "m" in told.because


def test_disjoint_scopes_are_apparent_and_named():
    one, other = pair(B={"scope": [("task", "excludes", "Image  Classification")]})
    told = dialectic.collision(one, other)
    assert (told.kind, [d.name for d in told.differences if d.verdict == "apart"]) == (
        "apparent-scope", ["task"],
    )  # fmt: skip


def test_a_recorded_difference_counts_whatever_the_wording():
    told = dialectic.collision(*pair(differs_in=["shift", "task"]))
    assert told.kind == "apparent-scope"
    assert "task and shift" in told.because


def test_a_theorem_and_an_experiment_do_not_dispute_each_other():
    assert dialectic.collision(*pair(A={"level": "theorem"})).kind == "qualification"


def test_an_unknown_facet_leaves_it_open():
    told = relation("B", "qualifies", "A")
    for scope in ([], [("task", "is", "text")], [TASK, ("optimizer", "is", "SGD")]):
        one = claim("A", scope=[TASK], relations=[told])
        assert dialectic.collision(one, claim("B", scope=scope)).kind == "open-question"


def test_a_word_without_a_sense_leaves_it_open():
    one, other = pair(A={"senses": [("m", "copy")]}, B={"terms": ["m"]})
    assert dialectic.collision(one, other).kind == "open-question"


def test_a_claim_that_nobody_asserts_leaves_it_open():
    told = dialectic.collision(*pair(B={"links": [link("x", "supports", agent_kind="model")]}))
    assert (told.kind, "asserts B" in told.because) == ("open-question", True)


def test_a_full_meeting_is_a_candidate_and_never_genuine():
    assert dialectic.collision(*pair()).kind == "genuine-candidate"


def test_nothing_recorded_between_them_is_no_opposition():
    told = dialectic.collision(claim("A", scope=[TASK]), claim("B", scope=[TASK]))
    assert (told.kind, told.opposed) == ("unopposed", ())


def test_a_rejected_relation_sets_nothing_against_anything():
    gone = relation("B", "disputes", "A", review="rejected")
    told = dialectic.collision(claim("A", relations=[gone]), claim("B", relations=[gone]))
    assert told.kind == "unopposed"


def test_a_claim_does_not_collide_with_itself():
    with pytest.raises(ValueError, match="itself"):
        dialectic.collision(claim("A"), claim("A"))


FACETS = st.lists(
    st.tuples(
        st.sampled_from(["task", "shift"]), st.sampled_from(["is", "excludes", "requires"]),
        st.sampled_from(["x", "y"]),
    ), max_size=3,
)  # fmt: skip
SENSES = st.dictionaries(st.sampled_from("mn"), st.sampled_from("12"), max_size=2)
LEVELS = st.sampled_from(["theorem", "experiment", "position"])
SIDE = st.tuples(FACETS, SENSES, LEVELS)


@given(SIDE, SIDE, st.sampled_from(["disputes", "qualifies", "undercuts"]))
def test_the_rule_does_not_depend_on_the_order_and_never_says_genuine(mine, theirs, kind):
    told = [relation("A", kind, "B")]
    both = [
        claim(id, scope=s, senses=list(t.items()), level=level, relations=told)
        for id, (s, t, level) in (("A", mine), ("B", theirs))
    ]
    kinds = {dialectic.collision(*order).kind for order in itertools.permutations(both)}
    assert len(kinds) == 1
    assert kinds < {
        "apparent-sense", "apparent-scope", "qualification", "open-question", "genuine-candidate",
    }  # fmt: skip


# -- how contested ---------------------------------------------------------------------------


def test_contested_goes_by_the_parts_in_their_order():
    one_each = claim("C1", links=[link("a", "supports"), link("b", "disputes")])
    many_for = claim("C2", links=[link(w, "supports") for w in "abcdef"])
    limited = claim("C3", links=[link("a", "qualifies"), link("b", "qualifies")])
    found = dialectic.contested([many_for, limited, one_each])
    assert [c.claim.id for c in found] == ["C1", "C3"]
    assert (found[0].split, found[1].qualified) == (1, 2)


def test_a_machine_makes_nothing_contested():
    links = [link("a", "supports"), link("b", "disputes", agent_kind="model")]
    assert dialectic.contested([claim("C1", links=links)]) == []


def test_a_lineage_argues_by_its_findings_and_says_so_when_it_has_none():
    theorem = claim("F", level="theorem")
    thesis = claim(
        "T", level="", links=[link("a", "supports"), link("b", "disputes")],
        relations=[relation("F", "supports", "T")],
    )  # fmt: skip
    sheet = dialectic.sheet(thesis, {"a": [theorem]})
    assert sheet.by_argument == (("supports", "theorem", 1), ("disputes", "unstated", 1))
    assert sum(side.works for side in sheet.sides) == 2


# -- who moved -------------------------------------------------------------------------------

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def held(attitude, valid, *, work="w", since=DAY, until=None, on="C01"):
    ref = WorkRef(work, work, "paper", work, "", "2020", work)
    target = ClaimRef(on, "finding", "s", "A claim.")
    view = HoldingView(Ref("voice", "V", "V"), attitude, target, ref, valid, "full", "")
    return dialectic.Held(view, since, until)


def changes(history, since=None, recorded=None):
    return [
        (move.change, move.when)
        for moved in dialectic.moved(history, since, recorded)
        for move in moved.moves
    ]


def test_taking_up_giving_up_and_turning_are_told_apart():
    history = [held("holds", "2019/2020-05"), held("rejects", "2021/..", work="x")]
    assert changes(history, "") == [
        ("took up", "2019"), ("gave up", "2020-05"), ("turned", "2021"),
    ]  # fmt: skip
    assert changes(history, "2020-06") == [("turned", "2021")]


def test_a_date_that_may_lie_after_counts_as_since():
    assert changes([held("holds", "2020/..")], "2020-06") == [("took up", "2020")]


def test_what_the_store_learnt_is_asked_apart_from_what_was_so():
    later = DAY + dt.timedelta(days=31)
    history = [
        held("holds", "2019/..", until=later),
        held("holds", "2018/..", since=later),
        held("holds", "2020/..", on="C02", until=later),
    ]
    assert changes(history, recorded=later) == [
        ("corrected", later.isoformat()), ("dropped", later.isoformat()),
    ]  # fmt: skip
    assert {change for change, _ in changes(history, recorded=DAY)} == {
        "learnt", "corrected", "dropped",
    }  # fmt: skip
    assert changes(history, "") == [("took up", "2018")]


def test_a_balance_draws_a_bar_that_is_escaped_and_closed():
    figure = Balance(3, 1, 0, 2).figure()
    assert figure.count("<rect") == 3
    assert figure.startswith("<svg")
    assert figure.endswith("</svg>")
    assert Balance(0, 0, 0, 0).figure().count("<rect") == 0
