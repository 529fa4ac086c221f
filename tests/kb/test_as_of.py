import datetime as dt
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from kb import dates, models
from kb.errors import DateError, NotFoundError
from kb.moments import Moment
from kb.query import KnowledgeBase
from kb.store import Store

JANUARY, FEBRUARY, MARCH = (dt.datetime(2026, month, 1, tzinfo=dt.UTC) for month in (1, 2, 3))
RECORDED = ["", "2025", "2026-01", "2026-02-01T00:00:00Z", "2026-02", "2026-03", "2027"]
VALID = ["", "2018", "2019-06", "2019", "2020-01", "2020", "2021-05-03", "2021", "2030"]
moments = st.tuples(st.sampled_from(VALID), st.sampled_from(RECORDED))


def rows():
    """A debate of four works whose rows came, went and were replaced."""
    yield models.Strand(id="s", position=0, title="S", question="?", summary="S.")
    for id in ("a", "b"):
        yield models.Claim(id=id, level="finding", strand_id="s", text=f"Claim {id}.")
    for id, key, date in (
        ("key:old", "old", "2019-06-12"),
        ("key:vague", "vague", "2020"),
        ("key:undated", "undated", ""),
        ("arxiv:2105.00001", None, "2021-05"),
    ):
        yield models.Work(
            id=id, key=key, kind="paper", title=id, first_public=date,
            abstract="" if key else "Second.",
        )  # fmt: skip
        yield models.Identifier(id=id, work_id=id)
    for version, day, text in ((1, FEBRUARY, "First."), (2, MARCH, "Second.")):
        yield models.Manifestation(
            id=f"arxiv:2105.00001v{version}",
            work_id="arxiv:2105.00001",
            kind="arxiv",
            title="A form",
            abstract=text,
            version=version,
            valid="2021-05",
            retrieved_at=day,
        )
    yield models.Person(id="p", name="P")
    yield models.Voice(id="V", name="P", kind="person", person_id="p")
    yield from clocked()


def clocked():
    curated = {"agent_kind": "curation", "agent": "curation"}
    for work, claim, stance, date, since, until in (
        ("key:old", "a", "supports", "2019-06-12", JANUARY, MARCH),
        ("key:old", "a", "qualifies", "2019-06-12", MARCH, None),
        ("key:vague", "a", "disputes", "2020", FEBRUARY, None),
        ("key:undated", "b", "supports", "", JANUARY, None),
        ("arxiv:2105.00001", "b", "disputes", "2021-05", FEBRUARY, None),
    ):
        yield models.Link(
            work_id=work, claim_id=claim, stance=stance, how="asserts", valid=date,
            recorded_at=since, superseded_at=until, **curated,
        )  # fmt: skip
    for kind, date, since, until in (
        ("disputes", "", JANUARY, FEBRUARY),
        ("qualifies", "", FEBRUARY, None),
        ("extends", "2020-06", JANUARY, None),
    ):
        yield models.ClaimRelation(
            from_claim_id="b", to_claim_id="a", kind=kind, valid=date,
            recorded_at=since, superseded_at=until, **curated,
        )  # fmt: skip
    for status, date, since, until in (
        ("poster", "2020", JANUARY, None),
        ("oral", "2020", FEBRUARY, MARCH),
    ):
        yield models.StatusEvent(
            work_id="key:old", status=status, valid=date, recorded_at=since, superseded_at=until
        )
    for attitude, work, date, since in (
        ("holds", "key:old", "2019-06-12/2020", JANUARY),
        ("rejects", "key:vague", "2020/..", FEBRUARY),
    ):
        yield models.VoiceHolding(
            voice_id="V", claim_id="a", attitude=attitude, work_id=work, checked="abstract",
            valid=date, recorded_at=since,
        )  # fmt: skip


@pytest.fixture(scope="module")
def past(tmp_path_factory, _empty_store):
    path = tmp_path_factory.mktemp("past") / "kb.sqlite"
    shutil.copyfile(_empty_store, path)
    store = Store(path)
    with store.write() as session:
        for row in rows():
            session.add(row)
            session.flush()
    with KnowledgeBase(store) as past:
        yield past


def seen(debate):
    """Everything that a moment can change, as plain values."""
    works = debate.works()
    return {
        "works": {(w.id, w.abstract, len(w.manifestations)) for w in works},
        "links": {(k.work.id, k.claim.id, k.stance) for c in debate.claims() for k in c.links},
        "links of works": {(k.work.id, k.claim.id, k.stance) for w in works for k in w.links},
        "statuses": {(w.id, s.status) for w in works for s in w.statuses},
        "relations": {r.headline() for c in debate.claims() for r in c.relations},
        "holdings": {h.headline() for v in debate.voices() for h in v.holdings},
        "timeline": [e.headline() for e in debate.timeline()],
        "graph": list(debate.graph().edges(data=True)),
        "counts": debate.status(),
        "moved": [m.headline() for m in debate.who_moved()],
    }


def there(row, moment):
    """The definition, for a row with both clocks, straight from the words of the documentation."""
    day, at = moment.day, moment.at
    dated = day == dates.OPEN_END or (bool(row.valid) and dates.span(row.valid)[1] <= day)
    return dated and row.recorded_at <= at and (not row.superseded_at or row.superseded_at > at)


@given(moments)
@settings(max_examples=40, deadline=None)
def test_links_and_statuses_are_those_of_the_definition(past, bounds):
    then, moment = past.as_of(*bounds), Moment.of(*bounds)
    works = {w.id for w in then.works()}
    with past._store.read() as session:
        links = session.exec(select(models.Link)).all()
        statuses = session.exec(select(models.StatusEvent)).all()
    shown = seen(then)
    assert shown["links"] == shown["links of works"]
    assert shown["links"] == {
        (k.work_id, k.claim_id, k.stance) for k in links if there(k, moment) and k.work_id in works
    }
    assert shown["statuses"] == {
        (s.work_id, s.status) for s in statuses if there(s, moment) and s.work_id in works
    }


@given(moments)
@settings(max_examples=25, deadline=None)
def test_asking_twice_for_a_moment_changes_nothing(past, bounds):
    then = past.as_of(*bounds)
    assert seen(then.as_of(*bounds)) == seen(then)


@given(moments, moments)
@settings(max_examples=40, deadline=None)
def test_narrowing_twice_is_the_earlier_of_the_two_on_each_clock(past, one, other):
    valid = min(one[0], other[0], key=lambda text: Moment.of(text).day)
    recorded = min(one[1], other[1], key=lambda text: Moment.of(recorded=text).at)
    twice = seen(past.as_of(*one).as_of(*other))
    assert twice == seen(past.as_of(valid, recorded)) == seen(past.as_of(*other).as_of(*one))


@given(st.sampled_from(RECORDED), st.sampled_from(VALID), st.sampled_from(VALID))
@settings(max_examples=40, deadline=None)
def test_works_only_come_and_never_go_as_the_world_moves_on(past, recorded, one, other):
    early, late = sorted((one, other), key=lambda text: Moment.of(text).day)
    ids = [{w.id for w in past.as_of(v, recorded).works()} for v in (early, late)]
    assert ids[0] <= ids[1]


@given(st.sampled_from(VALID), st.sampled_from(RECORDED), st.sampled_from(RECORDED))
@settings(max_examples=40, deadline=None)
def test_what_was_shown_once_is_in_the_history_of_every_later_state(past, valid, one, other):
    early, late = sorted((one, other), key=lambda text: Moment.of(recorded=text).at)
    shown = seen(past.as_of(valid, early))
    with past._store.read() as session:
        every = session.exec(select(models.Link)).all()
    history = {
        (k.work_id, k.claim_id, k.stance)
        for k in every
        if k.recorded_at <= Moment.of(recorded=late).at
    }
    assert shown["links"] <= history
    assert {w[0] for w in shown["works"]} <= {w.id for w in past.as_of(valid, late).works()}


def test_now_is_the_present(past, debate):
    for one in (past, debate):
        now = one.as_of(recorded=dt.datetime.now(dt.UTC).isoformat())
        assert seen(now) == seen(one)
        for name in ("strands", "topics", "tensions", "events", "digests", "cycles", "contested"):
            assert getattr(now, name)() == getattr(one, name)(), name
        assert now.claims() == one.claims()
        assert now.works() == one.works()


def test_a_superseded_row_is_back_before_it_was_superseded(past):
    stance = {
        month: [k.stance for k in past.as_of(recorded=month).claim("a").links]
        for month in ("2025", "2026-01", "2026-02-28", "2026-03")
    }
    assert stance["2025"] == []
    assert stance["2026-01"] == ["supports"]
    assert sorted(stance["2026-02-28"]) == ["disputes", "supports"]
    assert sorted(stance["2026-03"]) == ["disputes", "qualifies"]


def test_the_instant_of_a_change_belongs_to_what_came(past):
    at = past.as_of(recorded="2026-03-01T00:00:00Z").claim("a").links
    before = past.as_of(recorded="2026-02-28T23:59:59Z").claim("a").links
    assert "qualifies" in {k.stance for k in at}
    assert "supports" not in {k.stance for k in at}
    assert "supports" in {k.stance for k in before}


def test_a_date_that_may_be_later_is_not_there_yet(past):
    ids = {v: {w.id for w in past.as_of(v).works()} for v in ("2020-06", "2020-12-30", "2020")}
    assert "key:vague" not in ids["2020-06"] | ids["2020-12-30"]
    assert "key:vague" in ids["2020"]


def test_what_has_no_date_is_there_only_where_no_moment_is_asked_for(past):
    assert "key:undated" in {w.id for w in past.works()}
    assert "key:undated" not in {w.id for w in past.as_of("9998").works()}
    assert not [k for k in past.as_of("9998").claim("b").links if k.work.id == "key:undated"]


def test_a_relation_without_a_date_has_one_clock(past):
    kinds = {r.kind for r in past.as_of("2018", "2026-01").claim("a").relations}
    assert kinds == {"disputes"}
    assert {r.kind for r in past.as_of("2020").claim("a").relations} == {"qualifies", "extends"}


def test_a_position_ends_with_its_interval(past):
    def held(valid):
        return {h.attitude for h in past.as_of(valid).voice("V").holdings}

    assert held("2018") == set()
    assert held("2019") == {"holds"}
    assert held("2020") == {"holds", "rejects"}
    assert held("2021") == {"rejects"}


def test_a_position_is_not_given_up_before_it_was(past):
    def moves(valid):
        return {move.change for moved in past.as_of(valid).who_moved() for move in moved.moves}

    assert moves("2019") == {"took up"}
    assert moves("2020") == {"took up", "gave up", "turned"}


def test_an_ingested_work_is_there_from_its_first_fetched_form(past):
    with pytest.raises(NotFoundError):
        past.as_of(recorded="2026-01").work("2105.00001")
    assert past.as_of(recorded="2026-02").work("2105.00001").abstract == "First."
    assert past.as_of(recorded="2026-03").work("2105.00001").abstract == "Second."
    assert past.work("2105.00001").abstract_from == "arxiv:2105.00001v2"


def test_a_work_of_later_is_unknown_by_every_name(debate):
    then = debate.as_of("2020")
    for name in ("bonnaire-2025", "2505.17638"):
        with pytest.raises(NotFoundError) as told:
            then.work(name)
        assert "bonnaire-2025" not in told.value.nearest
    assert "arxiv:2505.17638" not in {hit.id for hit in then.search("diffusion", 50, meaning=False)}
    assert all(w.ref.date <= "2020-12-31" for w in then.works())
    assert all(e.date <= "2020-12-31" for e in then.timeline())
    assert then.digests() == []
    assert then.events() == []


def test_the_past_of_the_store_ends_before_it_was_made(debate):
    then = debate.as_of(recorded="2000")
    assert then.cycles() == []
    assert then.status().last_cycle == ""
    assert sum(n for _, n in then.status().links) == 0
    with pytest.raises(NotFoundError):
        then.diff("1", "1")


@pytest.mark.parametrize("text", ["last week", "2026-05-02T10:00", "2026-05-02T99:00Z"])
def test_what_is_no_moment_is_refused(debate, text):
    with pytest.raises(DateError):
        debate.as_of(recorded=text)


def test_a_moment_leaves_the_knowledge_base_it_came_from_open(curated):
    with KnowledgeBase(curated) as debate:
        with debate.as_of("2020") as then:
            assert then.works()
        assert len(debate.works()) > len(then.works())


@given(
    st.sampled_from(["2024", "2024-05", "2024-05-03", ".."]),
    st.sampled_from(["2024", "2025-05", "2025-05-03", ".."]),
)
def test_plain_intervals_need_no_parser_and_mean_the_same(start, end):
    from edtf import parse_edtf

    parsed = parse_edtf(f"{start}/{end}")
    low, high = dates.span(f"{start}/{end}")
    ours = (low, dates.OPEN_START), (high, dates.OPEN_END)
    for (day, unbounded), theirs in zip(
        ours, (parsed.lower_strict(), parsed.upper_strict()), strict=True
    ):
        assert (day == unbounded) == isinstance(theirs, float)
        assert day == unbounded or day.timetuple()[:3] == theirs[:3]
