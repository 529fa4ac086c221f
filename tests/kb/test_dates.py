import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import dates
from kb.errors import DateError

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)).map(dt.date.isoformat)
PARTIAL = st.one_of(DAYS, DAYS.map(lambda d: d[:7]), DAYS.map(lambda d: d[:4]))


@given(PARTIAL)
def test_the_first_day_never_comes_after_the_last(text):
    low, high = dates.span(text)
    assert low <= high
    assert low.isoformat().startswith(text[:4])


@given(DAYS)
def test_a_day_lies_in_its_month_and_year(day):
    assert dates.overlaps(day[:4], since=day, until=day)
    assert dates.overlaps(day[:7], since=day, until=day)
    assert dates.overlaps(day, since=day[:4], until=day[:7])


@given(st.lists(PARTIAL, max_size=6))
def test_sorting_puts_unknown_dates_last(texts):
    assert sorted([*texts, ""], key=dates.sort_key)[-1] == ""


@pytest.mark.parametrize(
    "text", ["yesterday", "2025-13", "2025-02-30", "05/23/2025", "2025-5-1", "20250101x"]
)
def test_what_is_not_edtf_is_refused(text):
    with pytest.raises(DateError, match="not an EDTF date"):
        dates.span(text)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2025-11/2025-12", "2025-11-01", "2025-12-31"),
        ("[2026-04-26,2026-04-27]", "2026-04-26", "2026-04-27"),
        ("202X", "2020-01-01", "2029-12-31"),
        ("2019-06~", "2019-06-01", "2019-06-30"),
    ],
)
def test_intervals_and_sets_span_what_they_may_mean(text, low, high):
    assert tuple(day.isoformat() for day in dates.span(text)) == (low, high)


def test_an_open_interval_has_no_last_day():
    assert dates.span("2024/..")[1] == dates.OPEN_END


def test_words_claim_no_more_precision_than_the_date_has():
    assert dates.words("2025") == "2025"
    assert dates.words("2025-11/2025-12") == "November 2025 to December 2025"
    assert dates.words("[2026-04-26,2026-04-27]") == "26 April 2026 or 27 April 2026"
