"""What is worked out from what changed is what looking at everything would find."""

import datetime as dt
import hashlib
import itertools
import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from ingest import funnel, intake, pipeline
from ingest.errors import SourceError
from ingest.records import Draft, ManifestationDraft, Raw, StatusDraft
from kb import cycles, held, models
from kb.schema import SourcesFile
from kb.store import KEPT, REVISION, Store, forget, touch, touched
from kb.vocabulary import ManifestationKind, StatusKind, WorkKind, WorkRelationKind

SIFTED = SourcesFile(arxiv=[], funnel=["whole"])
NEAR = "Deep networks memorize noisy labels and still generalize: benign overfitting."
FAR = "We measure the boiling point of tea in copper kettles at sea level."


class Listing:
    """A source whose records are what they say."""

    position = ""

    def __init__(self, name, *said):
        self.name = name
        at = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
        self.raws = [Raw(name, "u", at, json.dumps(each).encode()) for each in said]

    def fetch(self, since=""):
        yield from self.raws

    def read(self, raw):
        told = json.loads(raw.body)
        version = told.get("version", 1)
        title = told.get("title", f"Work {told['n']}")
        form = ManifestationDraft(
            f"{work(told['n'])}v{version}", ManifestationKind.arxiv, title, told["text"], "",
            version=version, valid=f"2025-02-{version:02}",
        )  # fmt: skip
        venues = [told["venue"]] if "venue" in told else []
        acts = [StatusDraft(StatusKind.accepted, "2025", venue) for venue in venues]
        others = [work(told["of"])] if "of" in told else []
        related = [(WorkRelationKind.extended_version_of, other) for other in others]
        return Draft((work(told["n"]),), WorkKind.paper, title, told["text"], ("Ada B. Example",),
                     "2025-02", "cs.LG", False, (form,), tuple(acts), tuple(related))  # fmt: skip


def work(n):
    return f"arxiv:2502.{99000 + n}"


def take(store, *said, source="whole"):
    listing = Listing(source, *said)
    intake.harvest(store, listing, listing.fetch(), listing.name)


@pytest.fixture
def store(curated_file, tmp_path):
    path = tmp_path / "kb.sqlite"
    shutil.copyfile(curated_file, path)
    store = Store(path)
    yield store
    store.close()


def newest(store):
    with store.read() as session:
        return session.exec(select(models.Cycle).order_by(col(models.Cycle.number).desc())).first()


def plain(store):
    with store.read() as session:
        return cycles.canonical(cycles.snapshot(session))


def assert_cycle_is_whole(store):
    found = newest(store)
    body = plain(store)
    assert cycles.canonical(cycles.read(found)) == body
    assert found.hash == hashlib.sha256(body).hexdigest()
    assert found.counts == {kind: len(items) for kind, items in json.loads(body).items()}


def stages(store, encoder):
    pipeline.sift(store, SIFTED)
    pipeline.embed(store, encoder)
    pipeline.link(store, encoder)
    return pipeline.cycle(store)


def log(store):
    query = select(models.Setting.name).where(col(models.Setting.name).like("touched:%"))
    with store.read() as session:
        return [int(name.removeprefix("touched:")) for name in session.exec(query)]


@pytest.fixture
def looked(monkeypatch):
    """What each cycle was made from: the works that changed, or None for all."""
    found = []
    close = cycles.close
    monkeypatch.setattr(
        pipeline.cycles,
        "close",
        lambda store, moved=None: found.append(moved) or close(store, moved),
    )
    return found


# -- cycles --------------------------------------------------------------------------------------

WORKS = st.fixed_dictionaries(
    {"n": st.integers(1, 5), "text": st.sampled_from([NEAR, FAR])},
    optional={
        "version": st.integers(1, 3),
        "title": st.sampled_from(['Tea "at" sea', "Deep networks, memorizing → noise"]),
        "venue": st.sampled_from(["COLT", "ICML"]),
        "of": st.integers(1, 5),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.lists(WORKS, min_size=1, max_size=3), st.sampled_from(
            ["whole", "asked"])),
        st.tuples(st.just("pass"), st.integers(1, 5)),
        st.sampled_from([("sift",), ("link",), ("cycle",)]),
    ),
    max_size=8,
)  # fmt: skip


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_a_cycle_of_what_changed_is_the_cycle_of_everything(
    curated_file, tmp_path_factory, make_encoder, steps
):
    path = tmp_path_factory.mktemp("store") / "kb.sqlite"
    shutil.copyfile(curated_file, path)
    store, encoder = Store(path), make_encoder()
    stages(store, encoder)
    for kind, *rest in [*steps, ("cycle",)]:
        if kind == "take":
            said, source = rest
            take(store, *said, source=source)
        elif kind == "pass":
            with store.read() as session:
                is_there = session.get(models.Work, work(rest[0])) is not None
            if is_there:
                funnel.let_pass(store, [work(rest[0])])
        elif kind == "sift":
            pipeline.sift(store, SIFTED)
        elif kind == "link":
            pipeline.embed(store, encoder)
            pipeline.link(store, encoder)
        else:
            pipeline.cycle(store)
            assert_cycle_is_whole(store)
    store.close()


def test_a_cycle_looks_only_at_what_changed(store, encoder, looked):
    take(store, {"n": 1, "text": NEAR}, {"n": 2, "text": FAR})
    stages(store, encoder)
    take(store, {"n": 3, "text": f"{NEAR} Again."})
    _, is_new = stages(store, encoder)
    assert is_new and looked[1:] == [{work(3)}]
    take(store, {"n": 4, "text": FAR})
    _, is_new = stages(store, encoder)  # held back
    assert not is_new and looked[2:] == [{work(4)}]
    assert_cycle_is_whole(store)


def test_a_new_work_moves_the_lineage_of_one_that_did_not_change(store, encoder, looked):
    take(store, {"n": 2, "text": NEAR})
    stages(store, encoder)
    take(store, {"n": 1, "text": f"{NEAR} Again.", "of": 2})
    stages(store, encoder)
    assert looked[-1] == {work(1)}
    assert cycles.read(newest(store))["work"][work(2)]["lineage"] == work(1)
    assert_cycle_is_whole(store)


def test_links_made_anew_for_all_works_are_in_the_next_cycle(store, encoder, make_encoder, looked):
    take(store, {"n": 1, "text": NEAR})
    stages(store, encoder)
    with store.write() as session:  # as a judge that came back after being out of reach would
        row = session.exec(
            select(models.Link).where(models.Link.agent_kind == "curation").limit(1)
        ).one()
        row.score = 0.5
    pipeline.link(store, encoder, again=True)
    assert pipeline.cycle(store) == (newest(store).number, True)
    assert looked[-1] is None
    assert_cycle_is_whole(store)
    pipeline.embed(store, make_encoder("hashing/2"))
    pipeline.link(store, make_encoder("hashing/2"))
    pipeline.cycle(store)
    assert looked[-1] is None


def test_links_that_broke_off_half_way_are_in_the_next_cycle(store, encoder, looked, monkeypatch):
    take(store, {"n": 1, "text": NEAR})
    stages(store, encoder)
    import ingest.link

    def broken(store, *_, **__):
        with store.write() as session:
            row = session.exec(
                select(models.Link).where(models.Link.agent_kind == "curation").limit(1)
            ).one()
            row.score = 0.25
        raise SourceError("model", "here", "went away")

    monkeypatch.setattr(ingest.link, "run", broken)
    with pytest.raises(SourceError):
        pipeline.link(store, encoder, again=True)
    _, is_new = pipeline.cycle(store)
    assert is_new and looked[-1] is None
    assert_cycle_is_whole(store)


def test_a_change_of_anything_else_is_looked_for_everywhere(store, encoder, looked):
    take(store, {"n": 1, "text": NEAR})
    stages(store, encoder)
    with store.write() as session:
        session.get(models.Tension, "T2").kind = "open-question"
        touch(session)
    _, is_new = stages(store, encoder)
    assert is_new and looked[-1] is None
    assert_cycle_is_whole(store)


# -- the log of changed works --------------------------------------------------------------------


def test_what_every_stage_has_seen_is_forgotten(store, encoder):
    take(store, {"n": 1, "text": NEAR})
    take(store, {"n": 2, "text": FAR})
    assert len(log(store)) == 2
    stages(store, encoder)
    assert log(store) == []
    take(store, {"n": 3, "text": FAR})
    pipeline.sift(store, SIFTED)
    left = log(store)
    assert left  # the others have not seen it
    pipeline.embed(store, encoder)
    assert log(store) == left
    stages(store, encoder)
    # The cycle asks from what the linker had seen when the last one was closed.
    assert log(store) == []


def test_a_store_that_never_links_still_tells_and_forgets(store, encoder, looked):
    take(store, {"n": 1, "text": NEAR})
    for n in itertools.count(2):
        pipeline.sift(store, SIFTED)
        pipeline.embed(store, encoder)
        pipeline.cycle(store)
        assert log(store) == []
        if n == 4:
            break
        take(store, {"n": n, "text": f"{NEAR} {n}"})
    assert looked == [None, {work(2)}, {work(3)}]
    assert_cycle_is_whole(store)


def test_no_change_that_a_stage_still_has_to_see_is_forgotten(store, encoder):
    stages(store, encoder)
    for n in range(1, 4):
        take(store, {"n": n, "text": f"{NEAR} {n}"})
        pipeline.sift(store, SIFTED)
        pipeline.cycle(store)
    assert len(log(store)) == 3
    assert pipeline.link(store, encoder)["judged"] == 3


def test_what_nobody_asked_for_in_a_long_time_is_anything(store):
    with store.write() as session:
        touch(session, [work(1)])
        touch(session, [work(2)])
        revision = session.get(models.Setting, REVISION)
        since = int(revision.value)
        assert touched(session, since - 1, since) == {work(2)}
        revision.value = str(since + KEPT)
        forget(session, 0)
        assert touched(session, since - 1, since) is None
    assert log(store) == []


# -- the funnel ----------------------------------------------------------------------------------


@given(st.sets(st.integers(0, 1200), max_size=40), st.sets(st.integers(0, 1200), max_size=40))
@settings(max_examples=10, deadline=None)
def test_works_held_back_are_found_among_some_as_among_all(tmp_path_factory, back, asked):
    store = Store(tmp_path_factory.mktemp("store") / "kb.sqlite")
    store.migrate()
    with store.write() as session:
        session.add_all(models.Setting(name=f"{held.HELD}{work(n)}", value="1") for n in back)
        session.flush()
        among = {work(n) for n in asked} | {work(2000 + n) for n in range(600)}
        assert held.ids(session, among) == held.ids(session) & among
    store.close()
