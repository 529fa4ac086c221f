"""The charts draw what the dialectic counts, and no date better than it is known."""

import dataclasses
import datetime as dt
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import dates, dialectic
from kb.render import charts
from kb.views import ClaimRef, HoldingView, LinkView, Ref, WorkRef

from .debate_fixture import SMALL, THESIS

UNTIL = "2026-11-22"


def no_page(_thing):
    return ""


def link(work, lineage, date, stance="supports", *, read=True, review="proposed", how="asserts"):
    ref = WorkRef(f"key:{work}", "", "paper", f"Work {work}", "Author", date, f"key:{lineage}")
    kind = "curation" if read else "model"
    score = None if read else 0.9
    return LinkView(
        ref, THESIS, stance, "", how, kind, kind, review, "", "", score, "", (), date, ""
    )


DATES = st.sampled_from(
    ["", "2023", "2024-05", "2024-05-23", "2025~", "2025/2026", "2026", "2025-05/..", "202X"]
)
LINKS = st.lists(
    st.builds(
        link,
        st.integers(0, 9).map(str),
        st.integers(0, 5).map(str),
        DATES,
        st.sampled_from(["supports", "disputes", "qualifies", "mentions"]),
        read=st.booleans(),
        review=st.sampled_from(["proposed", "confirmed", "rejected", "superseded"]),
        how=st.sampled_from(["asserts", "reports", ""]),
    ),
    max_size=25,
)


@given(LINKS)
def test_a_chart_ends_at_the_balance(links):
    grown = charts.growth(links, UNTIL)
    weights = dialectic.balance(links)
    for side in charts.SIDES:
        assert grown[side].total == getattr(weights, side)
        assert grown[side].by(dt.date.fromisoformat(UNTIL)) + grown[side].undated == getattr(
            weights, side
        )


@given(LINKS)
def test_a_line_never_falls_and_no_lineage_comes_in_twice(links):
    for grown in charts.growth(links, UNTIL).values():
        lasts = [step.last for step in grown.steps]
        assert lasts == sorted(lasts)
        assert len({step.work.lineage for step in grown.steps}) == len(grown.steps)


@given(LINKS)
def test_a_lineage_counts_only_once_it_was_certainly_out(links):
    end = dt.date.fromisoformat(UNTIL)
    for grown in charts.growth(links, UNTIL).values():
        for step in grown.steps:
            low, high = dates.span(step.work.date)
            assert step.first == low
            assert step.last == max(low, min(high, end))


@given(LINKS)
def test_the_table_says_what_the_chart_draws(links):
    tables = charts.support_table([("", links)], UNTIL)
    weights = dialectic.balance(links)
    totals = [getattr(weights, side) for side in charts.SIDES]
    if not any(totals):
        assert tables == []
        return
    [(_, rows)] = tables
    assert rows[-1][1] == totals
    for before, after in pairwise(rows):
        assert all(a <= b for a, b in zip(before[1], after[1], strict=True))


@given(LINKS)
def test_every_lineage_that_is_read_and_dated_has_its_mark(links):
    grown = charts.growth(links, UNTIL)
    drawn = charts.support([("A pole", links)], UNTIL, no_page)
    marks = sum(len(re.findall('overflow="visible"', svg)) for _, svg in drawn)
    assert marks == sum(len(grown[side].steps) for side in charts.SIDES[:3])


def test_a_year_is_a_reach_and_a_day_is_none():
    [(_, year)] = charts.support([("", [link("a", "a", "2024")])], UNTIL, no_page)
    [(_, day)] = charts.support([("", [link("a", "a", "2024-05-23")])], UNTIL, no_page)
    assert 'class="reach" x1="0.00%" x2="99.73%"' in year
    assert "reach" not in day


def test_proposals_have_a_scale_of_their_own():
    few = [link("a", "a", "2024-01-01")]
    many = [link(str(n), str(n), "2024-02-01", read=False) for n in range(200)]
    [(_, alone)] = charts.support([("", few)], UNTIL, no_page)
    [(_, beside)] = charts.support([("", few + many)], UNTIL, no_page)
    band = alone.split('<g class="band')[1].removesuffix("</svg>")
    assert band in beside
    assert "proposed by a machine 200&#44; not counted" in beside
    assert "1 for&#44; 200 proposed by a machine" in beside


def test_a_title_cannot_leave_the_chart():
    bad = dataclasses.replace(link("a", "a", "2024"), work=SMALL.works[1].ref)
    [(_, drawn)] = charts.support([('"><script>', [bad])], UNTIL, no_page)
    assert "<script" not in drawn
    assert "<img" not in drawn


def test_nothing_dated_draws_nothing():
    assert charts.support([("", [link("a", "a", "")])], UNTIL, no_page) == []
    assert charts.support([], UNTIL, no_page) == []


# -- positions -------------------------------------------------------------------------------


def held(valid, attitude="holds"):
    claim = ClaimRef("C01", "finding", "crumb", "A claim.")
    voice = Ref("voice", "V01", "A voice")
    return HoldingView(voice, attitude, claim, SMALL.works[0].ref, valid, "", "")


def test_an_open_position_has_an_arrow_and_an_ended_one_has_none():
    years, rows = charts.positions([held("2024-03-01/.."), held("2023/2024")], UNTIL)
    by = {h.valid: str(bar) for h, bar in rows}
    assert "2025" in years
    assert "arrow" in by["2024-03-01/.."]
    assert "arrow" not in by["2023/2024"]


def test_a_beginning_known_to_the_year_is_thin_for_that_year():
    _, [(_, year)] = charts.positions([held("2024/..")], UNTIL)
    _, [(_, day)] = charts.positions([held("2024-03-01/..")], UNTIL)
    assert 'class="may"' in year
    assert 'class="may"' not in day


def test_positions_stand_in_the_order_in_which_they_were_taken_undated_last():
    _, rows = charts.positions([held(""), held("2025-01-01/.."), held("2024/..")], UNTIL)
    assert [h.valid for h, _ in rows] == ["2024/..", "2025-01-01/..", ""]
    assert rows[-1][1] == ""


@pytest.mark.parametrize("attitude", ["holds", "rejects"])
def test_what_is_rejected_differs_by_more_than_color(attitude):
    _, [(_, bar)] = charts.positions([held("2024/..", attitude)], UNTIL)
    assert f'class="bar {attitude}"' in bar
    assert f'aria-label="{attitude} C01' in bar
