"""What the kinds of events mean, and that a difference is the same from either end."""

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from kb import changes, chronicle
from kb.changes import KINDS, MIRRORS, diff
from kb.render.words import CHANGE_KINDS

DAY = "2030-12-31"


def work(title="On rest", date="2030-01-05", key="", lineage="", retired=False, id="w1"):
    return {
        "title": title,
        "first_public": date,
        "retired": retired,
        "key": key,
        "lineage": lineage or id,
    }


def link(work, claim, stance="supports", review="proposed", how="asserts", agent="curation"):
    machine = agent == "model"
    return f"{work} → {claim} ({agent})", {
        "work": work,
        "claim": claim,
        "stance": stance,
        "nuance": None,
        "how": how,
        "agent_kind": agent,
        "agent": agent,
        "review": review,
        "score": 0.7 if machine else None,
        "valid": "",
    }


def holding(voice, claim, valid="2030-01-05/..", attitude="holds", work="w1"):
    return f"{voice} {attitude} {claim} ({work})", {
        "voice": f"Voice {voice}",
        "voice_id": voice,
        "work": work,
        "attitude": attitude,
        "claim": claim,
        "valid": valid,
    }


def voice(id, *members):
    return {"name": f"Voice {id}", "kind": "group", "members": list(members), "retired": False}


def tension(poles, kind="open-question", core=(), question="Does rest help?"):
    return {
        "question": question,
        "kind": kind,
        "review": "proposed",
        "poles": poles,
        "core": list(core),
        "retired": False,
    }


def status(work, status, valid="2030", venue="Bread Day"):
    key = f"{work} {status} {valid} {venue}"
    return key, {"work": work, "status": status, "venue": venue, "valid": valid}


def shot(**kinds):
    claims = {c: {"text": c, "level": "finding", "strand": "s", "retired": False} for c in CLAIMS}
    names = ("work", "manifestation", "link", "relation", "tension", "voice", "holding")
    base = {name: {} for name in (*names, "status", "event", "digest")}
    base |= {"claim": claims, "work": {w: work(title=w, id=w) for w in WORKS}}
    return base | {name: dict(rows) for name, rows in kinds.items()}


CLAIMS = ("C01", "C02", "C03")
WORKS = ("w1", "w2", "w3")


def kinds(before, after, days=(DAY, DAY)):
    return [(c.kind, c.subject) for c in diff(before, after, days)]


# -- balances and links ----------------------------------------------------------------


def test_a_balance_moves_by_lineages():
    one = shot(link=[link("w1", "C01")])
    both = shot(link=[link("w1", "C01"), link("w2", "C01")])
    [moved] = [c for c in diff(one, both) if c.kind == "balance-moved"]
    assert (moved.subject, moved.before, moved.after) == (
        "C01",
        "1 for, 0 against, 0 qualifying",
        "2 for, 0 against, 0 qualifying",
    )
    tied = {w: work(title=w, id=w, lineage="w1") for w in WORKS}
    one["work"] = both["work"] = tied
    assert [k for k, _ in kinds(one, both)] == ["link-added"]


def test_a_machines_proposal_is_told_apart_and_moves_no_balance():
    proposed = shot(link=[link("w1", "C01", agent="model", how="")])
    assert [k for k, _ in kinds(shot(), proposed)] == ["proposal-added"]
    confirmed = shot(link=[link("w1", "C01", agent="model", how="", review="confirmed")])
    assert [k for k, _ in kinds(proposed, confirmed)] == ["balance-moved", "link-confirmed"]
    rejected = shot(link=[link("w1", "C01", agent="model", how="", review="rejected")])
    assert [k for k, _ in kinds(proposed, rejected)] == ["link-rejected"]


def test_what_is_only_reported_moves_no_balance():
    assert [k for k, _ in kinds(shot(), shot(link=[link("w1", "C01", how="reports")]))] == [
        "link-added"
    ]


# -- status ----------------------------------------------------------------------------


def test_status_is_raised_by_a_higher_act_and_lowered_by_a_withdrawal():
    poster = shot(status=[status("w1", "poster")])
    oral = shot(status=[status("w1", "poster"), status("w1", "oral")])
    assert kinds(shot(), poster) == [("status-raised", "w1")]
    assert kinds(poster, oral) == [("status-raised", "w1")]
    assert kinds(oral, poster) == [("status-lowered", "w1")]
    gone = shot(status=[status("w1", "poster"), status("w1", "withdrawn", "2031", "")])
    assert kinds(poster, gone) == [("status-lowered", "w1")]


def test_a_rejection_takes_nothing_from_what_another_venue_accepted():
    accepted = shot(status=[status("w1", "accepted")])
    both = shot(status=[status("w1", "accepted"), status("w1", "rejected", "2031", "Salt")])
    assert [k for k, _ in kinds(accepted, both)] == ["status-recorded"]
    only = shot(status=[status("w1", "rejected")])
    assert [k for k, _ in kinds(shot(), only)] == ["status-lowered"]
    [raised] = diff(only, shot(status=[status("w1", "rejected"), status("w1", "poster", "2031")]))
    assert (raised.before, raised.after) == ("rejected at Bread Day", "poster at Bread Day")


# -- voices ----------------------------------------------------------------------------


def held(*holdings, voices=()):
    return shot(holding=holdings, voice={id: voice(id, *people) for id, people in voices})


def of_voices(before, after, days=(DAY, DAY)):
    return [k for k, _ in kinds(before, after, days) if k.startswith("voice-")]


def test_a_voice_is_new_then_stronger_then_weaker_then_gone():
    none, one = held(), held(holding("V01", "C01"))
    two = held(holding("V01", "C01"), holding("V01", "C02"))
    assert of_voices(none, one) == ["voice-new"]
    assert of_voices(one, two) == ["voice-strengthened"]
    assert of_voices(two, one) == ["voice-weakened"]
    assert of_voices(one, none) == ["voice-gone"]


def test_a_voice_that_turns_on_a_claim_shifts():
    one = held(holding("V01", "C01"))
    assert of_voices(one, held(holding("V01", "C01", attitude="rejects"))) == ["voice-shifted"]
    assert of_voices(one, held(holding("V01", "C02"))) == ["voice-shifted"]


def test_an_interval_that_ended_is_a_position_given_up():
    one = held(holding("V01", "C01"), holding("V01", "C02"))
    end = held(holding("V01", "C01"), holding("V01", "C02", "2028/2029"))
    assert of_voices(one, end) == ["voice-weakened"]


def test_a_voice_that_says_the_same_again_is_consistent():
    one = held(holding("V01", "C01"))
    again = held(holding("V01", "C01"), holding("V01", "C01", work="w2"))
    assert of_voices(one, again) == ["voice-consistent"]


def test_a_voice_is_dormant_after_three_years_and_awake_when_seen_from_there():
    one = held(holding("V01", "C01", "2027-06-01/.."))
    assert of_voices(one, one, ("2029-12-31", "2030-12-31")) == ["voice-dormant"]
    assert of_voices(one, one, ("2030-12-31", "2029-12-31")) == ["voice-awake"]
    assert of_voices(one, one, ("2029-12-31", "2030-05-31")) == []


def test_a_voice_splits_into_its_people_and_merges_from_them():
    whole = held(holding("V01", "C01"), voices=[("V01", ("ann", "bo"))])
    parts = held(
        holding("V02", "C01"),
        holding("V03", "C02"),
        voices=[("V02", ("ann",)), ("V03", ("bo",))],
    )
    [split] = [c for c in diff(whole, parts) if c.kind.startswith("voice-")]
    [merged] = [c for c in diff(parts, whole) if c.kind.startswith("voice-")]
    assert (split.kind, split.subject, split.after) == (
        "voice-split",
        "V01",
        "Voice V02 and Voice V03",
    )
    assert (merged.kind, merged.subject) == ("voice-merged", "V01")


# -- tensions --------------------------------------------------------------------------

TWO = {"yes": ["C01"], "no": ["C02"]}


def debated(*links, **more):
    return shot(link=links, tension={"T1": tension(**({"poles": TWO} | more))})


def of_tensions(before, after, days=(DAY, DAY)):
    return [k for k, _ in kinds(before, after, days) if k.startswith("tension-")]


def test_a_tension_is_open_while_two_poles_have_holders():
    one = debated(link("w1", "C01"))
    two = debated(link("w1", "C01"), link("w2", "C02"))
    assert of_tensions(shot(), one) == ["tension-entered"]
    assert of_tensions(one, two) == ["tension-opened"]
    assert of_tensions(two, one) == ["tension-closed"]
    assert of_tensions(shot(), two) == ["tension-opened"]


def test_a_machines_proposal_or_a_dispute_opens_nothing():
    one = debated(link("w1", "C01"))
    for other in (link("w2", "C02", agent="model", how=""), link("w2", "C02", stance="disputes")):
        assert of_tensions(one, debated(link("w1", "C01"), other)) == []


def test_a_voice_holds_a_pole_open():
    one = debated(link("w1", "C01"))
    other = {**one, "holding": dict([holding("V01", "C02")])}
    assert of_tensions(one, other) == ["tension-opened"]


def test_a_tension_narrows_to_its_core_and_widens_by_a_claim():
    links = (link("w1", "C01"), link("w2", "C02"))
    wide = debated(*links, poles={"yes": ["C01", "C03"], "no": ["C02"]})
    core = debated(*links, poles={"yes": ["C01", "C03"], "no": ["C02"]}, core=("C01", "C02"))
    small = debated(*links)
    assert of_tensions(wide, core) == ["tension-narrowed"]
    assert of_tensions(wide, small) == ["tension-narrowed"]
    assert of_tensions(small, wide) == ["tension-widened"]
    turned = debated(*links, poles={"yes": ["C02"], "no": ["C01"]})
    assert of_tensions(small, turned) == ["tension-redrawn"]


def test_a_tension_changes_kind():
    links = (link("w1", "C01"), link("w2", "C02"))
    [change] = diff(debated(*links), debated(*links, kind="genuine"))
    assert (change.kind, change.before, change.after) == (
        "tension-kind",
        "open-question",
        "genuine",
    )


def test_a_tension_that_no_work_speaks_to_is_dormant():
    one = debated(link("w1", "C01"), link("w2", "C02"))
    assert of_tensions(one, one, ("2032-12-31", "2033-12-31")) == ["tension-dormant"]
    assert of_tensions(one, one, ("2033-12-31", "2032-12-31")) == ["tension-awake"]


# -- works -----------------------------------------------------------------------------


def test_a_harvested_work_is_told_apart_from_a_curated_one():
    more = shot(work={w: work(id=w, key="k" if w == "w9" else "") for w in (*WORKS, "w8", "w9")})
    more["work"] |= {w: work(title=w, id=w) for w in WORKS}
    assert kinds(shot(), more) == [("work-entered", "w9"), ("harvest-entered", "w8")]


def test_a_new_version_is_told_of_a_work_that_was_there():
    form = {"work": "w1", "kind": "arxiv", "version": 2, "valid": "2030-06-01"}
    [change] = diff(shot(), shot(manifestation={"arxiv:1v2": form}))
    assert (change.kind, change.subject) == ("version-added", "arxiv:1v2")
    assert "arxiv v2, 1 June 2030" in change.text


# -- from either end -------------------------------------------------------------------

some = st.sampled_from
DATES = some(["2024", "2026-03/..", "2030-01-05", "2030-02", "2025/2026", ""])
PEOPLE = st.lists(some(["ann", "bo", "cy"]), unique=True, min_size=1).map(sorted)


@st.composite
def snapshots(draw):
    """A snapshot that hangs together, from few words, so that two of them often overlap."""

    def rows(strategy, most=4):
        return dict(draw(st.lists(strategy, max_size=most)))

    works = {
        id: work(
            title=draw(some(["One", "Other"])),
            date=draw(DATES),
            key=draw(some(["", id])),
            lineage=draw(some([id, "w1"])),
        )
        for id in draw(st.lists(some(WORKS), unique=True))
    }
    claims = {
        id: {
            "text": draw(some(["So.", "Not so."])),
            "level": draw(some(["thesis", "finding"])),
            "strand": "s",
            "retired": draw(some([False, False, True])),
        }
        for id in draw(st.lists(some(CLAIMS), unique=True))
    }
    found = shot(work=works, claim=claims)
    pole = st.lists(some(CLAIMS), unique=True, max_size=2)
    found["tension"] = {
        id: tension(
            {"yes": draw(pole), "no": draw(pole), "both": []}, draw(some(["genuine", "normative"]))
        )
        for id in draw(st.lists(some(["T1", "T2"]), unique=True))
    }
    for row in found["tension"].values():
        row["core"] = draw(some([[], ["C01"], ["C01", "C02"]]))
    people = {id: draw(PEOPLE) for id in draw(st.lists(some(["V01", "V02", "V03"]), unique=True))}
    found["voice"] = {id: voice(id, *members) for id, members in people.items()}
    if people:
        attitude = some(["holds", "rejects"])
        interval = some(["2024/..", "2026-03/..", "2025/2026", "2030-01-05/.."])
        found["holding"] = rows(
            st.builds(holding, some(sorted(people)), some(CLAIMS), interval, attitude, some(WORKS))
        )
    if works:
        ids = some(sorted(works))
        stance = some(["supports", "disputes", "qualifies", "mentions"])
        review = some(["proposed", "confirmed", "rejected", "superseded"])
        how, agent = some(["asserts", "reports"]), some(["curation", "model"])
        found["link"] = rows(st.builds(link, ids, some(CLAIMS), stance, review, how, agent), 6)
        acts = some(["preprint", "rejected", "withdrawn", "poster", "oral", "award"])
        found["status"] = rows(st.builds(status, ids, acts, some(["2029", "2030"])))
        form = st.builds(
            lambda w, n: (f"{w}v{n}", {"work": w, "kind": "arxiv", "version": n, "valid": "2030"}),
            ids,
            some([1, 2]),
        )
        found["manifestation"] = rows(form)
    found["event"] = rows(some([("e", {"name": "Day", "date": d}) for d in ("2030", "2031")]), 1)
    return found


DAYS = some(["", "2026-12-31", "2030-12-31"])


@settings(max_examples=150, deadline=None)
@given(snapshots(), snapshots(), DAYS, DAYS)
def test_seen_from_the_other_end_it_is_the_same_difference(one, other, day, other_day):
    there = diff(one, other, (day, other_day))
    back = diff(other, one, (other_day, day))
    family = Counter((c.kind.split("-")[0], c.subject, c.before, c.after) for c in there)
    assert family == Counter((c.kind.split("-")[0], c.subject, c.after, c.before) for c in back)
    named = Counter((MIRRORS[c.kind], c.subject) for c in there if c.kind in MIRRORS)
    assert named == Counter((c.kind, c.subject) for c in back if c.kind in MIRRORS)


@settings(max_examples=300, deadline=None)
@given(snapshots(), snapshots(), some(["work", "claim", "tension", "link", "holding", "status"]))
def test_there_is_a_difference_exactly_where_snapshots_differ(one, other, kind):
    """Two snapshots that differ in one kind alone: nothing hides behind another difference."""
    assert diff(one, one, (DAY, DAY)) == []
    # An act of a work that is not there cannot be stored.
    rows = {i: r for i, r in other[kind].items() if kind != "status" or r["work"] in one["work"]}
    mixed = {**one, kind: rows}

    def live(shot):
        return {id: row for id, row in shot[kind].items() if not row.get("retired")}

    assert bool(diff(one, mixed, (DAY, DAY))) == (live(one) != live(mixed))


@settings(max_examples=100, deadline=None)
@given(snapshots(), snapshots())
def test_events_do_not_depend_on_the_order_of_a_snapshot(one, other):
    def turned(shot):
        return {k: dict(reversed(rows.items())) for k, rows in reversed(shot.items())}

    def kept(shot):
        return json.loads(json.dumps(shot, sort_keys=True))

    events = diff(one, other, (DAY, DAY))
    assert events == diff(turned(one), turned(other), (DAY, DAY))
    assert events == diff(kept(one), kept(other), (DAY, DAY))
    assert len({c.id for c in events}) == len(events)
    assert all(chronicle.EVENT_ID.fullmatch(c.id) for c in events)
    ranks = [KINDS.index(c.kind) for c in events]
    assert ranks == sorted(ranks)


@settings(max_examples=100, deadline=None)
@given(snapshots(), snapshots())
def test_each_event_is_told_once(one, other):
    events = diff(one, other, (DAY, DAY))
    told = [s for passage in chronicle.narrate(events) for s in passage.sentences]
    assert sorted(id for s in told for id in s.events) == sorted(c.id for c in events)
    assert all(s.text.endswith((".", "…")) for s in told)


@settings(max_examples=100, deadline=None)
@given(snapshots(), some(["2024-12-31", "2026-12-31", "2030-01-31"]))
def test_what_stood_was_dated_and_whole(shot, day):
    past = chronicle.stood(shot, day)
    assert set(past["as_of"]) == {day}
    assert all(changes.begun(row["first_public"], day) for row in past["work"].values())
    for row in past["link"].values():
        assert row["work"] in past["work"]
        assert row["claim"] in past["claim"]
        assert row["agent_kind"] == "curation" or row["review"] in ("confirmed", "rejected")
    assert set(past["tension"]) == changes.open_tensions(past, day)
    later = chronicle.stood(shot, "2031-12-31")
    assert set(past["work"]) <= set(later["work"])


def test_every_kind_has_a_mirror_or_is_of_a_link_and_has_a_heading():
    assert set(KINDS) - set(MIRRORS) == {k for k in KINDS if k.startswith("link-")}
    assert all(MIRRORS[MIRRORS[kind]] == kind for kind in MIRRORS)
    assert set(CHANGE_KINDS) == set(KINDS) >= set(MIRRORS)
