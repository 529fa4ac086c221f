"""Weekly digests are told from recorded times and dates, and only from what is there."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from kb.render import weeks
from kb.views import TimelineEntry

from .debate_fixture import BULK, CYCLES, RECORDED, REST, SMALL, TIMELINE, V01


def test_a_week_has_a_page_when_something_came_in_or_a_cycle_was_taken():
    told = weeks.weeks(SMALL)
    assert [week.id for week in told] == ["2031-w09"]
    assert [cycle.name for cycle in told[0].cycles] == ["1", "2"]
    assert weeks.weeks(dataclasses.replace(SMALL, timeline=(), cycles=())) == []


def test_weeks_are_newest_first_and_a_reconstructed_cycle_makes_none():
    old = dataclasses.replace(TIMELINE[0], recorded="2029-12-31T23:59:59+00:00")
    told = weeks.weeks(dataclasses.replace(SMALL, timeline=(old,), cycles=CYCLES))
    assert [week.id for week in told] == ["2031-w09", "2030-w01"]
    past = tuple(c for c in CYCLES if c.reconstructed)
    assert weeks.weeks(dataclasses.replace(SMALL, timeline=(), cycles=past)) == []


def test_what_entered_is_told_once_and_by_hand_apart_from_the_harvest():
    (week,) = weeks.weeks(SMALL)
    assert [work.id for work in week.curated] == [REST.id, "key:salt-notes"]
    assert [work.id for work in week.harvested] == [BULK.id]
    assert week.by_strand == (("crumb", 1),)
    assert [(k.work.id, k.score) for k in week.nearest] == [(BULK.id, 0.714)]


def test_a_tension_is_moved_by_its_own_events_and_by_those_of_its_claims():
    (week,) = weeks.weeks(SMALL)
    ((tension, changes),) = [(m.tension.id, m.changes) for m in week.moved]
    assert tension == "T1"
    subjects = {change.subject for _, change in changes}
    assert subjects == {"T1", "C01", "C02"}
    assert week.further == 2  # C00 and C03 stand on no pole


def test_a_machines_proposals_move_nothing():
    change = dataclasses.replace(
        CYCLES[1].changes[0], kind="proposal-added", subject="x → C01 (model)"
    )
    cycle = dataclasses.replace(CYCLES[1], changes=(change,))
    (week,) = weeks.weeks(dataclasses.replace(SMALL, cycles=(cycle,), timeline=()))
    assert week.moved == ()
    assert week.further == 0


def test_only_a_known_day_is_dated_to_a_week():
    event = {"recorded": RECORDED, "lane": "status", "detail": "oral", "strand": ""}
    dates = ("2031-03-01", "2031-03", "2031", "2031-02-23", "")
    timeline = tuple(
        TimelineEntry(date, title=f"On {date}", work=REST, ref=None, **event) for date in dates
    )
    (week,) = weeks.weeks(dataclasses.replace(SMALL, timeline=timeline))
    assert [entry.title for entry in week.happened] == ["On 2031-03-01"]
    assert len(week.statuses) == 5


def test_whose_positions_were_recorded_is_told_by_name():
    (week,) = weeks.weeks(SMALL)
    assert week.speakers == [(V01.id, V01.title)]


@given(st.dates())
def test_every_day_lies_in_its_week(day):
    import datetime as dt

    name = weeks.week_of(day.isoformat())
    monday = dt.date.fromisocalendar(int(name[:-4]), int(name[-2:]), 1)
    assert monday <= day
    assert (day - monday).days < 7
