"""A mark covers the time that its date may mean: no more, and no less but for the axis' edges."""

import dataclasses
import datetime as dt
import json
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb import dates
from kb.render import chronology, timeline
from kb.render.axis import Axis, month
from kb.views import Ref, TimelineEntry, WorkRef

from .debate_fixture import CLAIMS, REST, SMALL, STRANDS, TENSION, TIMELINE, V01, VOICES

# -- dates on an axis ------------------------------------------------------------

YEARS = st.integers(2003, 2034)
DAYS = st.dates(dt.date(2003, 1, 1), dt.date(2034, 12, 31))
EDTF = st.one_of(
    YEARS.map("{:04d}".format),
    DAYS.map(lambda day: f"{day:%Y-%m}"),
    DAYS.map(dt.date.isoformat),
    DAYS.map(lambda day: f"{day:%Y-%m}/.."),
    DAYS.map(lambda day: f"../{day:%Y}"),
    YEARS.map(lambda year: f"{year // 10}X"),
    st.tuples(DAYS, DAYS).map(lambda pair: f"{min(pair):%Y-%m}/{max(pair):%Y-%m}"),
    st.tuples(DAYS, DAYS).map(lambda pair: f"[{min(pair)},{max(pair)}]"),
    YEARS.map("{:04d}~".format),
    DAYS.map(lambda day: f"{day:%Y-%m}?"),
)
AXES = st.tuples(YEARS, YEARS).map(lambda pair: Axis(min(pair), max(pair)))


def covered(axis, low, high):
    """Count the days of an axis that lie in a span, one by one."""
    first, last = dt.date(axis.first, 1, 1), dt.date(axis.last, 12, 31)
    return max(0, min(high.toordinal(), last.toordinal()) - max(low, first).toordinal() + 1)


@settings(deadline=None)  # what it takes to read an odd date is not asked here
@given(EDTF, AXES)
def test_a_mark_is_as_long_as_what_its_date_may_mean(text, axis):
    low, high = dates.span(text)
    length = (dt.date(axis.last, 12, 31) - dt.date(axis.first, 1, 1)).days + 1
    extent = axis.extent(text)
    if extent is None:
        assert covered(axis, low, high) == 0
        return
    assert (extent.right - extent.left) * length == pytest.approx(covered(axis, low, high))
    assert extent.left * length == pytest.approx(
        max(0, low.toordinal() - dt.date(axis.first, 1, 1).toordinal())
    )
    assert extent.day == (low == high)
    assert extent.open_left == text.startswith("..")
    assert extent.open_right == text.endswith("..")


def test_a_year_is_no_first_of_january():
    axis = Axis(2024, 2025)
    year, day = axis.extent("2025"), axis.extent("2025-01-01")
    assert (year.left, year.right) == (366 / 731, 1.0)
    assert not year.day
    assert day.day
    assert day.right - day.left == pytest.approx(1 / 731)


@pytest.mark.parametrize("text", ["2025~", "2025-03?", "[2025-03-01,2025-03-09]", "202X"])
def test_an_unsure_date_says_so(text):
    assert Axis(2020, 2029).extent(text).about
    assert not Axis(2020, 2029).extent("2025-03").about


def test_an_old_work_does_not_squeeze_the_rest_and_a_vague_one_does_not_stretch_it():
    axis = Axis.over(["1958", "2019", "2025-03", "202X", "2024/..", ""])
    assert (axis.first, axis.last) == (2012, 2025)
    assert axis.extent("1958") is None
    assert Axis.over(["", "../.."]) is None


@settings(deadline=None)
@given(EDTF)
def test_a_month_is_named_only_where_the_date_lies_in_one(text):
    low, high = dates.span(text)
    part = month(text)
    assert bool(part) == ((low.year, low.month) == (high.year, high.month))
    assert not part or low.isoformat().startswith(part)


@settings(deadline=None)
@given(st.lists(EDTF, min_size=1, max_size=40))
def test_no_mark_covers_another(texts):
    axis = Axis(2003, 2034)
    extents = [axis.extent(text) for text in texts]
    rows, used = timeline.pack(extents)
    assert set(rows) == set(range(used))
    for row in range(used):
        mine = sorted(
            (e.left, e.right)
            for e, at in zip(extents, rows, strict=True)
            if at == row and not e.day
        )
        assert all(a[1] <= b[0] + 1e-6 for a, b in pairwise(mine))


# -- lines ------------------------------------------------------------


def entry(date, title="A work", lane="works", **more):
    values = {"recorded": "", "detail": "", "strand": "", "work": None, "ref": None} | more
    return TimelineEntry(date=date, lane=lane, title=title, **values)


def numbered(many, date, key="k"):
    return [
        entry(
            date, f"W{i}", work=WorkRef(f"arxiv:3001.{i:05d}", key, "paper", f"W{i}", "", date, "")
        )
        for i in range(many)
    ]


def drawn(entries, **more):
    return str(timeline.lanes(timeline.merged(entries), lambda _: "", **more))


def test_one_line_an_entry_however_many_strands():
    lines = timeline.merged(TIMELINE)
    [rest] = [x for x in lines if x.first.lane == "works" and x.first.work == REST]
    assert rest.strands == ("crumb", "salt")


def test_every_line_has_an_anchor_of_its_own_that_outlives_a_better_date():
    lines = timeline.merged(TIMELINE)
    assert len({line.id for line in lines}) == len(lines)
    better = [
        dataclasses.replace(e, date="2030-03-03") if e.date == "2030" else e for e in TIMELINE
    ]
    assert [line.id for line in timeline.merged(better)] == [line.id for line in lines]
    twice = timeline.merged([entry("2030", "Same"), entry("2031", "Same")])
    assert len({line.id for line in twice}) == 2


def test_a_post_is_discourse_whether_it_is_evidence_or_coverage():
    post = WorkRef("key:p", "p", "post", "P", "", "2030", "key:p")
    assert timeline.lane_of(entry("2030", work=post)) == "discourse"
    assert timeline.lane_of(entry("2030", lane="coverage", work=REST)) == "discourse"
    assert timeline.lane_of(entry("2030", work=REST)) == "works"


def test_the_list_holds_each_curated_line_once_and_counts_the_rest():
    lines = timeline.merged(TIMELINE)
    years = timeline.years(lines)
    listed = [line.id for year in years for part in year.months for line in part.lines]
    assert sorted(listed) == sorted(line.id for line in lines if line.curated)
    assert sum(year.harvested for year in years) == sum(not line.curated for line in lines) == 1
    assert sum(n for year in years for _, n in year.counts) == len(lines)
    assert [year.title for year in years] == ["2030", "undated"]
    assert [part.title for part in years[0].months][-1] == "2030, not within one month"


# -- the drawing ------------------------------------------------------------


def test_a_day_is_a_dot_a_year_is_a_bar_and_an_open_end_has_no_cap():
    page = drawn([entry("2024-07-02"), entry("2025", "B"), entry("2024-07/..", "C")])
    assert page.count("<circle") == 1
    assert '<rect x="50.068%" width="49.932%"' in page  # all of 2025, on an axis of 731 days
    assert page.count('text-anchor="end">›<') == 1


def test_many_marks_are_counted_and_none_is_lost():
    entries = [*numbered(30, "2025-03"), *numbered(3, "2024-05-06"), *numbered(12, "2024", "")]
    entries = [dataclasses.replace(e, title=f"{i}") for i, e in enumerate(entries)]
    page = drawn(entries)
    told = re.findall(r"<title>([^<]*?)&#58; (\d+)", page)
    assert dict(told) == {"March 2025": "30", "May 2024": "3", "2024": "12"}


def test_dates_that_the_edge_cuts_to_one_length_are_counted_apart():
    entries = [*numbered(30, "2025-03"), *numbered(8, "2025"), *numbered(9, "2025/..")]
    page = drawn([dataclasses.replace(e, title=f"{i}") for i, e in enumerate(entries)])
    told = re.findall(r"<title>([^<]*?)&#58; (\d+)&#44; known no better", page)
    assert dict(told) == {"2025": "8", "since 2025": "9"}


def test_what_a_machine_placed_is_drawn_lighter_and_said():
    page = drawn([*numbered(4, "2025-03"), *numbered(9, "2025-03", "")])
    assert "March 2025&#58; 13&#44; 4 of them curated" in page
    assert 'class="all"' in page
    assert 'class="sure"' in page


def test_what_lies_before_the_axis_is_counted_at_its_edge():
    assert "1 entry before 2012" in drawn([entry("1958", "Old"), entry("2025-01", "New")])


def test_nothing_with_a_date_draws_nothing():
    assert drawn([entry("")]) == ""
    assert str(timeline.strip([], lambda _: "")) == ""


def test_a_drawing_says_in_words_what_it_shows():
    page = str(timeline.strip(timeline.merged(TIMELINE), lambda _: ""))
    assert 'aria-label="Works&#58; 2 in 2030&#59; ' in page


# -- what belongs to what ------------------------------------------------------------


def of(thing):
    return chronology.Chronology(SMALL).of(thing)


def test_a_claim_has_its_works_its_positions_and_what_became_of_them():
    lanes = {line.lane for line in of(CLAIMS[0])}
    assert lanes >= {"works", "status"}
    [bulk] = [line for line in of(CLAIMS[0]) if line.first.work and not line.first.work.key]
    assert not bulk.curated


def test_a_rejected_link_ties_nothing():
    works = {line.first.work.id for line in of(CLAIMS[1]) if line.first.work}
    assert "arxiv:3002.00002" not in works  # a person rejected that link


def test_a_voice_has_its_positions_and_its_works():
    [voice] = [v for v in VOICES if v.id == V01.id]
    assert {line.lane for line in of(voice)} >= {"voices", "works"}


def test_a_tension_has_what_its_claims_have_and_a_strand_what_its_claims_have():
    claims = {line.id for claim in CLAIMS for line in of(claim)}
    assert {line.id for line in of(TENSION)} == claims
    assert {line.id for line in of(STRANDS[0])} <= claims


# -- the script's data ------------------------------------------------------------


def test_the_data_hold_every_line_with_days_and_no_markup():
    found = chronology.Chronology(SMALL)
    text = found.data()
    assert not set("<>&\u2028\u2029") & set(text)
    value = json.loads(text)
    assert [e[0] for e in value["entries"]] == [line.id for line in found.lines]
    assert any(e[5] == '"><img src=x onerror=alert(1)> on ovens txt' for e in value["entries"])
    spans = {date[0]: date[2:] for date in value["dates"]}
    first = dt.date(2030, 1, 1).toordinal() - dt.date(1970, 1, 1).toordinal()
    assert spans["2030"] == ["year", first, first + 364]
    assert spans["2030-01-05/.."] == ["interval", first + 4, None]
    assert spans[""] == ["unknown", None, None]
    assert text == chronology.Chronology(SMALL).data()


def test_an_address_of_the_data_is_a_page_or_plain_http():
    bad = entry("2030", "Post", "coverage", url="javascript:alert(1)")
    good = entry("2030", "Post 2", "coverage", url="https://example.org/p?a=1&b=2")
    voice = entry("2030", "V", "voices", ref=Ref("voice", "V01", "V"), work=REST)
    debate = dataclasses.replace(SMALL, timeline=(bad, good, voice))
    addresses = [e[7] for e in json.loads(chronology.Chronology(debate).data())["entries"]]
    assert addresses == ["", "https://example.org/p?a=1&b=2", "voices/v01.html"]


# -- what we learnt when ------------------------------------------------------------


def test_the_store_says_when_it_learnt_of_works_positions_and_statuses(debate):
    entries = debate.timeline()
    for lane in ("works", "status", "voices"):
        some = [e for e in entries if e.lane == lane]
        assert sum(bool(e.recorded) for e in some) > len(some) / 2, lane
    assert all(e.claim for e in entries if e.lane == "voices")
