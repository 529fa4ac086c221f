"""What the pages of works and events look up: abstracts and marks, answers, programmes, talks."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import dialectic
from kb.render import excerpt, tex
from kb.render.dossier import Dossier, talk_pages
from kb.render.untrusted import verbatim
from kb.views import EvidenceView

from .debate_fixture import (
    AGAINST,
    BULK,
    BULK_THESIS,
    CLAIMS,
    EVENTS,
    FORM,
    QUOTE,
    REST,
    REST_FINDING,
    SALT,
    SMALL,
    THESIS,
    WORKS,
    claim,
    link,
)

DOUGH = WORKS[0]


def told(text):
    """What a reader sees of markup."""
    import html

    return html.unescape(re.sub(r"<[^>]+>", "", str(text)))


# -- abstracts --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["arxiv", "openreview"])
def test_an_abstract_is_shown_where_its_source_lets_everybody_show_it(kind):
    form = dataclasses.replace(FORM, kind=kind)
    found = excerpt.abstract(dataclasses.replace(DOUGH, manifestations=(form,)))
    assert found.shown
    assert found.origin is form
    assert found.reason


@pytest.mark.parametrize("kind", ["post", "page", "pdf", "proceedings", "journal", "", "arXiv"])
def test_no_other_source_is_taken_to_allow_it(kind):
    form = dataclasses.replace(FORM, kind=kind)
    found = excerpt.abstract(dataclasses.replace(DOUGH, manifestations=(form,)))
    assert not found.shown
    assert "does not say" in found.reason


def test_an_abstract_of_unknown_origin_is_not_shown_and_none_needs_no_reason():
    assert not excerpt.abstract(dataclasses.replace(DOUGH, abstract_from="gone")).shown
    assert excerpt.abstract(dataclasses.replace(DOUGH, abstract="")).reason == ""


# -- marks ------------------------------------------------------------------------------------


def with_evidence(text, *spans, review="proposed"):
    links = tuple(
        dataclasses.replace(
            REST_FINDING,
            claim=dataclasses.replace(REST_FINDING.claim, id=f"C{n}"),
            review=review,
            evidence=(EvidenceView(text[a:b], FORM.id, a, b, "linker/1", "proposed", 0.5),),
        )
        for n, (a, b) in enumerate(spans)
    )
    return dataclasses.replace(DOUGH, abstract=text, links=links)


def test_a_mark_covers_exactly_its_quote():
    pieces = excerpt.marked(DOUGH)
    assert [told(p.markup) for p in pieces if p.links] == [QUOTE]
    assert "".join(told(p.markup) for p in pieces) == DOUGH.abstract


def test_a_quote_that_does_not_stand_at_its_offsets_is_not_marked():
    work = with_evidence("Dough rests.", (0, 5))
    moved = dataclasses.replace(work, abstract="A dough rests.")
    assert not any(p.links for p in excerpt.marked(moved))


def test_rejected_evidence_is_not_marked():
    assert not any(
        p.links for p in excerpt.marked(with_evidence("Dough rests.", (0, 5), review="rejected"))
    )


def test_a_mark_never_cuts_a_formula():
    text = r"So $\alpha + \beta$ holds, and \emph{only so} it does."
    a, b = text.index("alpha"), text.index("beta")
    (marked,) = [p for p in excerpt.marked(with_evidence(text, (a, b))) if p.links]
    assert str(marked.markup) == str(tex.tex(r"$\alpha + \beta$"))
    inner = text.index("only")
    (marked,) = [p for p in excerpt.marked(with_evidence(text, (inner, len(text)))) if p.links]
    assert told(marked.markup) == "only so it does."


def test_a_claim_is_named_once_where_its_sentence_ends_though_others_overlap():
    text = "Dough rests in the cold for long."
    pieces = excerpt.marked(with_evidence(text, (0, 18), (6, 33)))
    named = [[k.claim.id for k in p.closing] for p in pieces]
    assert named == [[], ["C0"], ["C1"]]
    assert [len(p.links) for p in pieces] == [1, 2, 1]


def test_a_mark_tells_a_machine_from_a_reader():
    machine = dataclasses.replace(
        BULK_THESIS,
        evidence=(EvidenceView("Dough", FORM.id, 0, 5, "linker/1", "proposed", 0.5),),
    )
    work = dataclasses.replace(DOUGH, abstract="Dough rests.", links=(machine,))
    assert [p.is_read for p in excerpt.marked(work) if p.links] == [False]
    assert [
        p.is_read for p in excerpt.marked(with_evidence("Dough rests.", (0, 5))) if p.links
    ] == [True]


BITS = st.sampled_from(
    [
        "$",
        "\\",
        "a",
        " ",
        "{",
        "}",
        "\\emph{b}",
        "$x$",
        "$$",
        "<b>",
        "&",
        "\\(",
        "\\)",
        "^2",
        "é",
        "--",
    ]
)


@given(st.lists(BITS, max_size=24).map("".join), st.lists(st.integers(0, 60), max_size=6))
def test_pieces_are_the_whole_text_and_show_what_it_shows(text, cuts):
    pieces = tex.tex_cut(text, cuts)
    edges = [a for a, _, _ in pieces] + [b for _, b, _ in pieces[-1:]]
    assert edges == sorted(set(edges))
    if pieces:
        assert (edges[0], edges[-1]) == (0, len(text))
    whole = tex.tex_whole(text)
    assert not any(a < edge < b for edge in edges for a, b in whole)
    shown = "".join(str(m) for _, _, m in pieces)
    assert shown.count("<math>") == str(tex.tex(text)).count("<math>")
    assert re.sub(r"</?(?:math|m[a-z]+|span|em|strong|code)\b[^>]*>", "", shown).count("<") == 0


# -- who answers -------------------------------------------------------------------------------


def dossier(*claims):
    return Dossier(dataclasses.replace(SMALL, claims=claims or CLAIMS))


def on_thesis(*links):
    return claim(THESIS, (REST_FOR, *links))


REST_FOR = link(REST, THESIS, "supports")


def test_a_work_is_answered_by_the_other_side_and_not_by_its_own_lineage():
    other = dataclasses.replace(SALT, id="doi:10.1/x", lineage=REST.lineage)
    own = link(other, THESIS, "disputes")
    against = link(SALT, THESIS, "disputes")
    found = dossier(on_thesis(own, against)).answers(DOUGH, REST_FOR)
    assert [k.work.id for k in found.links] == [SALT.id]


def test_what_a_machine_proposes_answers_nothing_but_is_counted():
    found = dossier(on_thesis(BULK_THESIS)).answers(DOUGH, REST_FOR)
    assert found.links == ()
    assert found.proposed == 1


def test_a_few_answers_are_named_and_the_rest_counted_by_lineage():
    many = [
        link(
            dataclasses.replace(SALT, id=f"key:s{n}", lineage=f"key:s{n // 2}"), THESIS, "disputes"
        )
        for n in range(14)
    ]
    found = dossier(on_thesis(*many)).answers(DOUGH, REST_FOR)
    assert (len(found.links), found.more) == (4, 3)


def test_findings_against_a_claim_answer_who_supports_it():
    found = dossier().answers(DOUGH, REST_FOR)
    assert [r.source.id for r in found.claims] == [AGAINST.id]
    disputing = dataclasses.replace(REST_FOR, stance="disputes")
    assert dossier().answers(DOUGH, disputing).claims == ()


def test_a_mention_takes_no_side():
    assert dossier().answers(DOUGH, dataclasses.replace(REST_FOR, stance="mentions")) is None


# -- a work taken back ---------------------------------------------------------------------------


def test_a_retraction_comes_before_all_else():
    act = dataclasses.replace(DOUGH.statuses[0], status="retracted", venue="Mill", valid="2031")
    (notice,) = dossier().notices(dataclasses.replace(DOUGH, statuses=(*DOUGH.statuses, act)))
    assert (notice.kind, notice.text, notice.when) == ("retracted", "Retracted by Mill", "2031")


def test_a_work_is_gone_only_when_no_form_of_it_is_left():
    gone = dataclasses.replace(FORM, removed="2031-02-01T00:00:00+00:00")
    left = dataclasses.replace(FORM, id="other")
    assert dossier().notices(dataclasses.replace(DOUGH, manifestations=(gone, left))) == []
    (notice,) = dossier().notices(dataclasses.replace(DOUGH, manifestations=(gone,)))
    assert (notice.kind, notice.when) == ("removed", "2031-02-01")


def test_an_award_comes_after_the_act_of_its_day():
    acts = [
        dataclasses.replace(DOUGH.statuses[0], status=status, valid="2031-05-01")
        for status in ("award", "oral")
    ]
    found = dossier().ladder(dataclasses.replace(DOUGH, statuses=tuple(acts)))
    assert [act.status for act in found] == ["oral", "award"]


# -- events and talks --------------------------------------------------------------------------


def test_a_programme_goes_by_day_with_the_unknown_day_last():
    first = EVENTS[0]
    late = dataclasses.replace(first.talks[0], start="2030-06-02T08:00")
    vague = dataclasses.replace(first.talks[0], start="08:00")
    event = dataclasses.replace(
        first, date="2030-06-01/2030-06-02", talks=(vague, late, *first.talks[:1])
    )
    days = Dossier(SMALL).programme(event)
    assert [day for day, _ in days] == ["2030-06-01", "2030-06-02", ""]


def test_an_hour_without_a_day_belongs_to_the_one_day_of_its_event():
    event = dataclasses.replace(
        EVENTS[0], talks=(dataclasses.replace(EVENTS[0].talks[0], start="08:00"),)
    )
    ((day, _),) = Dossier(SMALL).programme(event)
    assert day == EVENTS[0].date


def test_a_talk_has_a_page_for_its_abstract_or_work_and_keeps_it_when_it_moves():
    event = EVENTS[0]
    spoken = dataclasses.replace(event.talks[0], abstract="We speak.", title="On <ovens>")
    pages = talk_pages(dataclasses.replace(event, talks=(*event.talks, spoken)))
    assert [p.path for p in pages] == [
        "talks/bread-day-2030-resting-dough",
        "talks/bread-day-2030-on-ovens",
    ]
    turned = talk_pages(dataclasses.replace(event, talks=(spoken, *event.talks)))
    assert {p.path for p in turned} == {p.path for p in pages}


def test_two_talks_of_one_title_have_two_pages():
    talk = dataclasses.replace(EVENTS[0].talks[0], abstract="We speak.", title="流动")
    pages = talk_pages(dataclasses.replace(EVENTS[0], talks=(talk, talk)))
    assert len({p.path for p in pages}) == 2
    assert all(re.fullmatch(r"talks/[a-z0-9-]+", p.path) for p in pages)


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("2030-06-01", "ended"),
        ("2031-06-01", "to come"),
        ("2031", "now, or on a day not yet known"),
        ("", ""),
    ],
)
def test_an_event_is_over_or_to_come_by_the_last_cycle(date, said):
    assert Dossier(SMALL).standing(dataclasses.replace(EVENTS[0], date=date)) == said


# -- texts to copy -----------------------------------------------------------------------------


@given(st.text(max_size=60))
def test_a_text_to_copy_is_all_text(text):
    shown = str(verbatim(text))
    assert "<" not in shown
    assert "`" not in shown
    assert len(shown.split("\n")) == max(1, len(text.splitlines()))


def test_the_balance_is_no_matter_of_answers():
    """A machine's link that an answer counts apart moves no balance either."""
    assert dialectic.balance((BULK_THESIS,)).disputes == 0
    assert BULK.id not in {k.work.id for k in dossier().answers(DOUGH, REST_FOR).links}
