"""Cycles that are kept: closing, hashes, the history, comparing any two, the command line."""

import hashlib
import html
import json
import re
from itertools import pairwise

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from kb import changes, chronicle, cycles, models
from kb.cli import app
from kb.errors import NotFoundError
from kb.query import KnowledgeBase

PAST = [f"{year}-12-31" for year in range(2016, 2026)]


@pytest.fixture
def curated(any_curated):
    return any_curated


@pytest.fixture(scope="module")
def told(debate):
    return debate.cycles()


def test_a_cycle_is_closed_only_when_something_changed(curated):
    assert cycles.close(curated) == (1, False)
    with curated.write() as session:
        session.get(models.Tension, "T2").settles = "not part of what is compared"
    assert cycles.close(curated) == (1, False)
    with curated.write() as session:
        session.get(models.Tension, "T2").kind = "open-question"
    assert cycles.close(curated) == (2, True)
    assert cycles.close(curated) == (2, False)


def test_a_cycle_keeps_the_hash_of_what_it_holds_and_of_its_parent(curated):
    with curated.write() as session:
        session.get(models.Tension, "T2").kind = "open-question"
    cycles.close(curated)
    with curated.read() as session:
        first, second = session.exec(select(models.Cycle).order_by(models.Cycle.number)).all()
    assert second.parent == first.hash
    assert hashlib.sha256(cycles.canonical(cycles.read(first))).hexdigest() == first.hash


def test_a_changed_link_is_told_in_one_sentence(curated):
    with curated.write() as session:
        row = session.exec(
            select(models.Link).where(models.Link.claim_id == "C11").order_by(models.Link.work_id)
        ).first()
        row.stance = "mentions"
        work = session.get(models.Work, row.work_id).title
    cycles.close(curated)
    with KnowledgeBase(curated) as debate:
        newest = debate.cycles()[-1]
    assert newest.before == "1"
    [change] = [c for c in newest.changes if c.kind.startswith("link-")]
    assert change.kind == "link-revised"
    assert work[:40] in change.text
    assert change.after.startswith("mentions")
    assert [c.subject for c in newest.changes if c.kind == "balance-moved"] in ([], ["C11"])


def test_a_persons_verdict_is_told_as_such(curated):
    with curated.write() as session:
        one, other = session.exec(
            select(models.Link).where(models.Link.claim_id == "C11").order_by(models.Link.work_id)
        ).all()[:2]
        one.review, other.review = "confirmed", "rejected"
    cycles.close(curated)
    with KnowledgeBase(curated) as debate:
        kinds = [c.kind for c in debate.cycles()[-1].changes]
    assert kinds.count("link-confirmed") == kinds.count("link-rejected") == 1


def test_the_number_of_the_present_does_not_depend_on_the_past(told):
    assert [c.number for c in told if not c.reconstructed] == [1]
    assert told[-1].number == 1


# -- the reconstructed past ------------------------------------------------------------


def test_the_past_is_the_ends_of_years_and_the_day_of_the_versioned_digest(told):
    past = [c for c in told if c.reconstructed]
    ends = [c.valid for c in past if c.valid.endswith("-12-31")]
    assert ends[: len(PAST)] == PAST
    assert [c.valid for c in past if c.valid not in ends] == ["2026-05-02"]
    assert [c.valid for c in past] == sorted(c.valid for c in past)


def test_a_reconstructed_cycle_has_both_clocks(told):
    for cycle in told[:-1]:
        assert cycle.valid < cycle.created[:10]
        assert cycle.created == told[-1].created
        assert cycle.name == cycle.valid
        assert cycle.number == 0


def test_the_past_is_chained_by_hash_and_stays_as_it_is(told, debate):
    past = [c for c in told if c.reconstructed]
    assert [c.parent for c in past] == ["", *(c.hash for c in past[:-1])]
    assert [c.hash for c in debate.cycles()] == [c.hash for c in told]
    assert len({c.hash for c in told}) == len(told)


def test_later_facts_do_not_move_the_past(curated):
    with KnowledgeBase(curated) as debate:
        before = [(c.name, c.hash) for c in debate.cycles()]
    with curated.write() as session:
        session.get(models.Work, "arxiv:1611.03530").first_public = "2014"
    cycles.close(curated)
    with KnowledgeBase(curated) as debate:
        after = [(c.name, c.hash) for c in debate.cycles()]
    assert after[:-1] == before
    assert after[-1][0] == "2"


def test_counts_are_those_of_what_a_cycle_holds(curated, told):
    with curated.read() as session:
        shot = cycles.snapshot(session)
    for cycle in told[:-1]:
        past = chronicle.stood(shot, cycle.valid)
        assert dict(cycle.counts) == {k: len(v) for k, v in past.items() if k != "as_of"}
    assert dict(told[-1].counts) == {kind: len(items) for kind, items in shot.items()}


def test_nothing_in_the_past_is_younger_than_its_day(curated):
    with curated.read() as session:
        shot = cycles.snapshot(session)
    past = chronicle.stood(shot, "2019-12-31")
    assert past["work"]
    for work in past["work"].values():
        assert work["first_public"] <= "2019-12-31"
    assert {row["work"] for row in past["link"].values()} <= set(past["work"])
    assert not {"2020", "2021"} & {row["valid"][:4] for row in past["holding"].values()}


def test_undated_works_are_counted_and_stand_nowhere(told, debate):
    undated = {w.id for w in debate.works() if not w.ref.date}
    assert {c.undated for c in told if c.reconstructed} == {len(undated)}
    entered = {e.subject for c in told[:-1] for e in c.changes if e.kind == "work-entered"}
    assert not entered & undated


# -- comparing any two -----------------------------------------------------------------


def test_any_two_compare_and_steps_add_up(debate, told):
    whole = debate.diff("2018-12-31", "2020-12-31")
    steps = [c for c in told if c.name in ("2019-12-31", "2020-12-31")]

    def entered(events):
        return {e.subject for e in events if e.kind == "work-entered"}

    assert entered(whole.changes) == {w for c in steps for w in entered(c.changes)}


def test_a_cycle_is_found_by_number_day_or_hash(debate, told):
    by_day = debate.diff("2026-05-02", "1")
    assert debate.diff(told[-2].hash[:6], told[-1].hash) == by_day
    assert by_day.changes == told[-1].changes
    assert debate.diff("2018-06-30", "2018-12-31").before == "2018-06-30"


@pytest.mark.parametrize("name", ["7", "2999-01-01", "2018-06", "abc", "", "ffffff"])
def test_an_unknown_cycle_is_named_with_those_that_exist(debate, name):
    with pytest.raises(NotFoundError) as caught:
        debate.diff("1", name)
    assert "2026-05-02" in caught.value.nearest


def test_the_commands_say_the_same(curated_file, told):
    def run(*arguments):
        done = CliRunner().invoke(app, ["--db", str(curated_file), *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    listed = json.loads(run("cycles", "--json"))
    assert [row["name"] for row in listed] == [c.name for c in told]
    assert [row["reconstructed"] for row in listed] == [c.reconstructed for c in told]
    assert "2026-05-02" in run("cycles")
    found = json.loads(run("diff", "2026-05-02", "1", "--json"))
    assert [e["id"] for e in found["changes"]] == [c.id for c in told[-1].changes]
    events = run("diff", "2026-05-02", "1", "--events").splitlines()
    assert len(events) == len(found["changes"]) + 1
    assert "Voices" in run("diff", "1", "2026-05-02")


# -- the narrative ---------------------------------------------------------------------


def test_every_event_is_in_exactly_one_computed_sentence(told):
    for cycle in told:
        sentences = [s for passage in cycle.narrative for s in passage.sentences]
        bound = [id for s in sentences if not s.curated for id in s.events]
        assert sorted(bound) == sorted(c.id for c in cycle.changes)
        assert all(s.events for s in sentences if not s.curated)


def test_the_curated_chronicle_is_told_first_with_its_references(told):
    by_day = {c.name: c for c in told}
    first = by_day["2019-12-31"].narrative[0]
    assert first.title == "In short"
    assert all(s.curated and s.refs for s in first.sentences)
    assert "T3" in first.sentences[0].refs


def test_a_written_sentence_may_name_an_event(told):
    change = told[-1].changes[0]
    text = f"It was quiet [{change.id}], as far as is known [C02] [e0123456789]."
    [passage] = chronicle.narrate((), [text])
    assert passage.sentences[0].events == ()
    told_first = chronicle.narrate(told[-1].changes, [text])[0].sentences[0]
    assert told_first.events == (change.id,)
    assert told_first.text == "It was quiet, as far as is known [C02]."
    assert told_first.refs == (change.id, "C02", "e0123456789")


def test_the_chronicle_of_the_bundled_debate_is_bound_to_cycles_that_exist(told, debate):
    from kb import content

    names = {c.name for c in told}
    entries = content.load().chronicle.chronicle
    assert entries
    for entry in entries:
        assert entry.cycle in names
        shown = next(c for c in told if c.name == entry.cycle).narrative[0]
        assert len(shown.sentences) == len(entry.sentences)


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("Much happened in that year.", "names nothing that it rests on"),
        ("Much happened [C02]. More was said.", "“More was said.…” names nothing"),
        ("Much happened [C0222].", "there is no claim, tension or work 'C0222'"),
        ("Much happened [e0123456789].", None),
        ("Much happened [T2], and more [feldman-2019].", None),
    ],
)
def test_a_sentence_without_a_reference_is_a_fault_with_its_line(files, sentence, fault):
    from kb import content

    path = files / "chronicle.yaml"
    path.write_text(f'chronicle:\n  - cycle: "2019-12-31"\n    sentences:\n      - "{sentence}"\n')
    found, faults = content.inspect(files)
    assert found is not None
    said = [str(f) for f in faults]
    assert said == [] if fault is None else (len(said) == 1 and fault in said[0])
    assert fault is None or said[0].startswith("chronicle.yaml:4:")


@pytest.mark.parametrize("cycle", ["soon", "2019", "abc"])
def test_a_chronicle_names_its_cycle_by_day_or_hash(files, cycle):
    from kb import content

    path = files / "chronicle.yaml"
    path.write_text(f'chronicle:\n  - cycle: "{cycle}"\n    sentences:\n      - "So [C02]."\n')
    assert content.inspect(files)[1]


# -- pages -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(debate):
    from pathlib import Path

    from jinja2 import FileSystemLoader

    from kb.publish import gather
    from kb.render import FUNCTIONS, environment, pages

    root = Path(__file__).parents[2] / "site/templates"
    return dict(pages(gather(debate), environment(FileSystemLoader(root), FUNCTIONS)))


def test_every_cycle_has_a_page_and_every_pair_has_one(told, written):
    for cycle in told:
        assert f"cycles/{cycle.name}.md" in written
        assert f'id="h{cycle.hash[:12]}"' in written["cycles/index.md"]
    for one, other in pairwise(told):
        assert f"cycles/{one.name}-to-{other.name}.md" in written


def test_every_sentence_links_to_events_that_are_on_their_page(told, written):
    found = 0
    for path in ["index.md", *(f"cycles/{c.name}.md" for c in told)]:
        for target, anchor in re.findall(r'href="([^"#]*)#([^"]*)"', written[path]):
            page = written[f"cycles/{target.rsplit('/', 1)[-1].removesuffix('.html')}.md"]
            assert f'id="{anchor}"' in html.unescape(page), (path, target, anchor)
            found += 1
    told_of = [s for c in told for p in c.narrative for s in p.sentences if not s.curated]
    assert found > len(told_of)


def test_a_reconstructed_page_says_what_it_is(told, written):
    for cycle in told[:-1]:
        page = written[f"cycles/{cycle.name}.md"]
        assert "Reconstructed cycle" in page
        assert "nobody was shown it on that day" in page
        assert "later than the day it speaks of" in page
    assert "Reconstructed cycle" not in written["cycles/1.md"]
    assert "version 9" in written["cycles/2026-05-02.md"]


# -- snapshots of an older form --------------------------------------------------------


def older(shot):
    """The form that snapshots had before lineages, versions, voices and digests were in them."""
    drop = {
        "work": {"key", "lineage"},
        "link": {"agent_kind", "valid"},
        "relation": {"valid"},
        "holding": {"voice_id", "work"},
    }
    return {
        kind: {
            id: {f: v for f, v in row.items() if f not in drop.get(kind, ())}
            for id, row in rows.items()
        }
        for kind, rows in shot.items()
        if kind not in ("manifestation", "voice", "digest")
    }


def test_a_new_form_is_no_change_of_the_debate(curated):
    with curated.read() as session:
        shot = cycles.snapshot(session)
    assert changes.diff(older(shot), shot, ("2026-11-01", "2026-11-01")) == []
    assert changes.diff(shot, older(shot), ("2026-11-01", "2026-11-01")) == []


def test_an_older_form_has_the_same_past(curated):
    with curated.read() as session:
        shot = cycles.snapshot(session)
    for day in ("2019-12-31", "2026-05-02"):
        old, new = chronicle.stood(older(shot), day), chronicle.stood(shot, day)
        for kind in ("claim", "link", "holding", "tension", "event"):
            assert set(old[kind]) == set(new[kind])
