"""What the pages of the debate look up agrees with the dialectic and with the cycles."""

import dataclasses
import re
from itertools import combinations

import pytest
import yaml
from jinja2 import FileSystemLoader

from kb import content, dialectic
from kb.render import FUNCTIONS, environment, pages
from kb.render.record import Record
from kb.render.regimes import PAIRS, regimes

from .debate_fixture import SMALL
from .test_render import ROOT, plain


@pytest.fixture(scope="module")
def whole(debate):
    from kb.publish import gather

    return gather(debate)


def test_every_pair_across_poles_is_judged_once_and_as_the_dialectic_does(whole):
    claims = {claim.id: claim for claim in whole.claims}
    for tension in whole.tensions:
        found = regimes(tension, claims)
        told = dialectic.settlement(tension, claims)
        counts = dict(found.counts)
        assert counts.get("open-question", 0) == len(told.open)
        assert counts.get("genuine-candidate", 0) == len(told.candidates)
        assert sum(counts.values()) == len(told.open) + len(told.candidates) + len(told.apart)
        filled = [pair for _, row in found.across for pair in row if pair]
        assert len(filled) == sum(counts.values())
        assert counts.keys() <= PAIRS.keys()


def test_a_cell_differs_exactly_from_the_claims_of_other_poles_that_lie_apart_there(whole):
    claims = {claim.id: claim for claim in whole.claims}
    [tension] = [t for t in whole.tensions if t.id == "T2"]
    found = regimes(tension, claims)
    assert all(len(row.cells) == len(found.columns) for row in found.rows)
    for one, other in combinations(found.rows, 2):
        if one.number == other.number:
            continue
        told = {
            d.name
            for d in dialectic.differences(one.claim, other.claim)
            if d.kind == "facet" and d.verdict == "apart"
        }
        drawn = {
            column
            for column, cell in zip(found.columns, one.cells, strict=True)
            if not cell.term and other.claim.ref in cell.apart
        }
        assert len(told) == len(drawn)


def test_a_history_holds_what_the_cycles_say_and_nothing_else(whole):
    record = Record(whole)
    for tension in whole.tensions:
        told = {c.id for turn in record.history(tension) for c in turn.changes}
        own = {
            c.id
            for cycle in whole.cycles
            for c in cycle.changes
            if c.kind.startswith("tension-") and c.subject == tension.id
        }
        assert own <= told
        assert all(
            not c.kind.startswith("proposal-")
            for turn in record.history(tension)
            for c in turn.changes
        )


def test_the_stages_of_a_voice_are_its_events_and_name_works_of_its_own(whole):
    record = Record(whole)
    for voice in whole.voices:
        stages = record.evolution(voice)
        events = [
            c.id
            for cycle in whole.cycles
            for c in cycle.changes
            if c.subject == voice.id and c.kind.startswith("voice-")
        ]
        assert [stage.change.id for stage in stages][::-1] == events
        for stage in stages:
            assert set(stage.holdings) <= set(voice.holdings)
            if stage.label in ("new", "strengthened", "consistent"):
                assert stage.holdings


def test_a_term_gathers_the_claims_of_each_sense(whole):
    by_id = {term.id: term for term in whole.terms}
    for claim in whole.claims:
        for name, sense, definition in claim.senses:
            [found] = [s for s in by_id[name].senses if s.sense == sense]
            assert claim.ref in found.claims
            assert found.definition == definition
    for term in whole.terms:
        settled = {c.id for sense in term.senses for c in sense.claims}
        assert not settled & {c.id for c in term.unsettled}


def test_tensions_of_a_term_part_by_that_term(whole):
    record = Record(whole)
    claims = {claim.id: claim for claim in whole.claims}
    [term] = [t for t in whole.terms if t.id == "memorization"]
    found = record.apart_by(term)
    assert "T2" in [tension.id for tension, _ in found]
    for _, pairs in found:
        for one, other in pairs:
            names = {
                d.name
                for d in dialectic.differences(claims[one.id], claims[other.id])
                if d.verdict == "apart"
            }
            assert "memorization" in names


# -- on the page -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def templates():
    return environment(FileSystemLoader(ROOT / "site/templates"), FUNCTIONS)


def test_the_entry_for_a_verdict_is_one_that_the_checks_take(whole, templates):
    link = next(k for claim in whole.claims for k in claim.links if k.agent_kind == "curation")
    machine = dataclasses.replace(
        link, agent_kind="model", agent="linker/1", score=0.5, stance_score=-0.25, review="proposed"
    )
    [claim] = [c for c in whole.claims if c.id == link.claim.id]
    claims = tuple(
        dataclasses.replace(c, links=(machine,)) if c is claim else c for c in whole.claims
    )
    text = dict(pages(dataclasses.replace(whole, claims=claims), templates))
    page = plain(text[f"claims/{claim.id.lower()}.md"])
    [entry] = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)
    filled = entry.replace("YYYY-MM-DD", "2031-01-01")
    [told] = yaml.safe_load(filled)
    assert (told["work"], told["claim"]) == (link.work.id, claim.id)
    written = {"verdicts/your-handle": f"verdicts:\n{filled}\n"}
    assert content.inspect(content.directory(), written)[1] == []
    assert "−0.25 where its sentences lean" in re.sub("</?b>", "", page)


def test_a_word_of_several_senses_has_a_page(templates):
    text = dict(pages(SMALL, templates))
    page = plain(text["terms/rest.md"])
    assert '<li id="cold"><h3>cold</h3><p>In the cold.</p>' in page
    assert "No claim on record uses it so." in page
    assert "<b>stove" not in text["terms/rest.md"]
    assert "rest.html" in text["terms/index.md"]


def test_a_link_to_a_sense_finds_it(whole, templates):
    text = dict(pages(whole, templates))
    anchors = {
        f"terms/{term.id}.html#{found}"
        for term in whole.terms
        for found in re.findall(r'<li id="([^"]+)"', plain(text[f"terms/{term.id}.md"]))
    }
    linked = {
        link
        for page in text.values()
        for link in re.findall(r'href="(?:\.\./)?(terms/[^"]+#[^"]+)"', page)
    }
    assert len(linked) > len(whole.terms)
    assert linked <= anchors


def test_a_machine_work_is_related_once_by_its_highest_score():
    [first, *_] = SMALL.claims[0].links
    low = dataclasses.replace(first, agent_kind="model", review="proposed", score=0.2)
    high = dataclasses.replace(low, score=0.8)
    read = dataclasses.replace(first, agent_kind="curation", review="proposed", score=None)
    record = Record(SMALL)
    assert record.related([low, high], 5) == ([high], 0)
    assert record.related([low, high, read], 5) == ([], 0)
