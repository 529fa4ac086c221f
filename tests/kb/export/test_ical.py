"""iCalendar, read back by the icalendar library's parser."""

import datetime as dt

import pytest
from hypothesis import given
from icalendar import Calendar

from kb.export import DOCUMENTS, Selection
from kb.export.text import line

from .made import RECORDED, event, talk, titled


def told(*events):
    return b"".join(DOCUMENTS["icalendar"].write(Selection(events=events, as_of=RECORDED)))


def entries(*events):
    found = Calendar.from_ical(told(*events)).walk("VEVENT")
    assert not any(entry.errors for entry in found)
    return {str(entry["summary"]): entry for entry in found}


@given(titled)
def test_a_name_comes_back(name):
    found = entries(event(name=name, place=name, talks=(talk(name, people=()),)))
    assert set(found) == {line(name)}
    assert str(found[line(name)]["location"]) == line(name)


@pytest.mark.parametrize(
    "date", ["2030", "2030-06", "[2030-06-01,2030-06-02]", "2030-06-01/..", "2030-06-01~", ""]
)
def test_an_event_without_known_days_is_left_out_and_named(date):
    made = event(date=date, talks=(talk(),))
    assert entries(made) == {}
    (remark,) = DOCUMENTS["icalendar"].left_out(Selection(events=(made,)))
    assert f"bread-day ({date or 'undated'})" in remark


def test_a_day_is_a_whole_day_and_an_interval_ends_after_its_last():
    one = entries(event(date="2030-06-01"))["Bread Day"]
    assert (one.decoded("dtstart"), one.decoded("dtend")) == (
        dt.date(2030, 6, 1), dt.date(2030, 6, 2),
    )  # fmt: skip
    more = entries(event(date="2030-06-01/2030-06-03"))["Bread Day"]
    assert more.decoded("dtend") == dt.date(2030, 6, 4)


def test_a_talk_stands_at_its_hour_in_the_zone_of_its_event():
    found = entries(
        event(
            tz="America/Sao_Paulo",
            talks=(talk(), talk("Late", "2030-06-01T20:00+00:00", "", people=())),
        )
    )
    early, late = found["Ann Author: Rest"], found["Late"]
    assert early["dtstart"].params["TZID"] == "America/Sao_Paulo"
    assert early.decoded("dtstart").astimezone(dt.UTC) == dt.datetime(
        2030, 6, 1, 12, 20, tzinfo=dt.UTC
    )
    assert early.decoded("dtend") - early.decoded("dtstart") == dt.timedelta(minutes=20)
    assert late.decoded("dtstart") == dt.datetime(2030, 6, 1, 20, tzinfo=dt.UTC)
    assert "dtend" not in late


def test_the_zones_that_are_used_are_defined():
    calendar = Calendar.from_ical(told(event(tz="Asia/Seoul", talks=(talk(),))))
    assert [zone.tz_name for zone in calendar.timezones] == ["Asia/Seoul"]
    assert calendar.get_missing_tzids() == set()


@pytest.mark.parametrize(
    "made",
    [
        event(tz="", talks=(talk(),)),
        event(tz="Nowhere/Atlantis", talks=(talk(),)),
        event(date="2030-06-01/2030-06-02", talks=(talk(),)),
        event(talks=(talk(start=""),)),
        event(talks=(talk(start="2030-06-01Tnoon"),)),
    ],
)
def test_a_talk_without_hour_day_or_zone_is_left_out_and_counted(made):
    assert set(entries(made)) == {"Bread Day"}
    (remark,) = DOCUMENTS["icalendar"].left_out(Selection(events=(made,)))
    assert remark.endswith("bread-day (1)")


def test_a_deadline_is_a_day_of_its_own_even_where_the_event_has_none():
    deadlines = (("submission", "2030-04-01"), ("submission_time", "AoE"), ("camera", "2030-05"))
    (found,) = entries(event(date="2030", deadlines=deadlines)).values()
    assert str(found["summary"]) == "Bread Day: submission"
    assert found.decoded("dtstart") == dt.date(2030, 4, 1)
    assert "AoE" in found["description"]


def test_an_address_that_is_none_is_not_given():
    assert "url" not in entries(event(url="javascript:alert(1)"))["Bread Day"]
    good = entries(event(url="https://example.org/day"))["Bread Day"]
    assert str(good["url"]) == "https://example.org/day"


def test_entries_are_stamped_with_the_cycle_and_have_names_of_their_own(debate):
    events = debate.events()
    found = Calendar.from_ical(told(*events)).walk("VEVENT")
    assert {entry.decoded("dtstamp").isoformat() for entry in found} == {RECORDED}
    assert len({str(entry["uid"]) for entry in found}) == len(found) > 50
