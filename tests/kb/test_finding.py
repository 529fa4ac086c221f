"""What a search knows of a page beside its text."""

import dataclasses

import pytest

from kb.render import finding
from kb.views import WorkRef

from .debate_fixture import BULK_OLD, BULK_THESIS, SALT_THESIS, SMALL


def told(name, thing, debate=SMALL):
    lines = str(finding.header(name, {name: thing}, debate)).splitlines()
    return dict(line.split(": ", 1) for line in lines)


WORKS = {work.id: work for work in SMALL.works}


def test_a_work_tells_its_stances_to_theses_and_a_machine_s_only_as_proposed():
    work = dataclasses.replace(WORKS["arxiv:3002.00002"], links=(BULK_THESIS, BULK_OLD))
    found = told("work", work)
    assert found["find_stances"] == '["proposed&#58; disputes"]'  # the rejected one is not told
    assert "find_strands" not in found  # a machine's link places no work
    assert "find_shelf" not in found
    work = dataclasses.replace(WORKS["key:salt-notes"], links=(SALT_THESIS,))
    found = told("work", work)
    assert found["find_stances"] == '["qualifies"]'
    assert found["find_strands"]
    assert found["find_shelf"] == '"curated"'
    assert found["find_label"] == '"post"'


def test_a_title_stays_text_and_its_formulas_are_letters():
    ref = WorkRef("arxiv:3004.00001", "", "paper", r'Rates of $\mu$P" ]: <b>', "", "2030", "")
    work = dataclasses.replace(WORKS["arxiv:3002.00002"], ref=ref)
    assert told("work", work)["find_title"] == '"Rates of μP&#34; &#93;&#58; &#60;b&#62;"'


def test_a_thing_is_looked_up_by_bare_number_and_id():
    assert told("work", WORKS["arxiv:3001.00001"])["find_id"] == '"3001&#46;00001"'
    claims = {claim.id: claim for claim in SMALL.claims}
    assert told("claim", claims["C01"])["find_id"] == '"C01"'
    assert told("claim", claims["C01"])["find_stances"] == '["supports"]'  # the thesis it bears on


def test_an_uncertain_date_is_told_as_it_is_known():
    ref = dataclasses.replace(WORKS["arxiv:3002.00002"].ref, date="2030-02")
    work = dataclasses.replace(WORKS["arxiv:3002.00002"], ref=ref)
    found = told("work", work)
    assert found["find_date"] == '"February 2030"'
    assert found["find_years"] == '["2030"]'


@pytest.mark.parametrize("name", ["home", "works", "timeline", "shelf", "changes"])
def test_a_list_of_things_is_not_found(name):
    assert finding.header(name, {}, SMALL) == ""


def test_words_are_those_of_titles_most_frequent_first():
    words = finding.words(SMALL).split()
    assert {"dough", "crumb"} <= set(words)
    assert words.index("crumb") < words.index("dough")
    assert "ovens" not in words  # one harvested title alone has it
    assert all(word.isascii() and word.islower() and len(word) > 3 for word in words)
