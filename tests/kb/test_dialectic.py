from hypothesis import given
from hypothesis import strategies as st

from kb import dialectic
from kb.views import ClaimRef, LinkView, WorkRef

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
