import dataclasses
import datetime as dt

import numpy as np
import pytest

from ingest.link import fit, report
from ingest.link.calibrate import Linear
from ingest.link.gold import Label, LabelError, Labelled
from kb import content, measured
from kb.vocabulary import Stance

THESES = content.load().theses


def labelled(number):
    """An abstract made of a thesis' own words, or of none."""
    thesis = THESES.theses[number % len(THESES.theses)]
    if number % 4 == 0:
        text = f"We list beetle number {number}. It is brown. It sleeps."
        return Labelled(id=str(number), title=f"Beetle {number}", abstract=text)
    said = {"supports": thesis.for_, "disputes": thesis.against, "qualifies": thesis.qualifies}
    stance = Stance(list(said)[number % 3])
    shown = said[stance][number % len(said[stance])]
    shown = shown if shown.endswith(".") else f"{shown}."
    return Labelled(
        id=str(number), title=" ".join(thesis.terms[:3]), abstract=f"It is often asked. {shown}",
        links=(Label(claim=thesis.id, stance=stance, evidence=(shown,)),),
    )  # fmt: skip


@pytest.fixture(scope="module")
def material(make_encoder):
    return fit.prepare([labelled(n) for n in range(60)], THESES, make_encoder())


def test_a_fit_to_labels_finds_what_is_labelled(material):
    found = report.figures(report.pairs(material.works, fit.by_paper(material)))
    assert found["link AUROC"] > 0.9
    assert found["evidence hit@1"] > 0.6


def test_a_thesis_is_judged_without_its_own_labels(material, monkeypatch):
    left_out, real = [], fit.fitted
    monkeypatch.setattr(
        fit, "fitted",
        lambda m, only, without: left_out.append(without) or real(m, only, without),
    )  # fmt: skip
    judged = fit.by_thesis(material)
    assert left_out == [thesis.id for thesis in THESES.theses]
    monkeypatch.undo()
    assert all(len(each) == len(left_out) for each in judged)
    unseen = dataclasses.replace(material, seen=[])
    assert fit.by_thesis(unseen) == judged, "what is judged strictly was seen otherwise"
    table = fit._Table(material, range(len(material.works)), left_out[1])
    assert len(table.linked) < len(fit._Table(material, range(60), "").linked)


def test_folds_are_even_and_fixed():
    folds = fit._folds(23, seed=0)
    assert sorted(np.bincount(folds)) == [4, 4, 5, 5, 5]
    assert folds.tolist() == fit._folds(23, seed=0).tolist() != fit._folds(23, seed=1).tolist()


def test_a_threshold_keeps_its_precision_or_lets_nothing_through():
    chance = np.random.default_rng(0)
    scores = chance.random(400)
    right = chance.random(400) < scores
    at = fit.threshold(scores, right, 0.8)
    assert right[scores >= at].mean() >= 0.8
    assert fit.threshold(scores, np.zeros(400, bool), 0.8) == 1.0


def test_a_model_reads_back_as_it_was_fitted():
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(300, 2)) * [5, 0.1] + [3, 0]
    truth = rows[:, 0] + chance.normal(size=300) > 3
    told = fit.numbers(("one", "two"), "yes", rows, truth, 1.0)
    model = Linear(told)
    assert model.features == ("one", "two")
    assert ((model(rows)[:, 0] > 0) == truth).mean() > 0.85


def test_a_few_labels_judge_the_packaged_numbers_alone(make_encoder):
    few = fit.prepare([labelled(n) for n in range(6)], THESES, make_encoder())
    told = report.report(few, dt.date(2031, 1, 2), "a machine", "They agree.", samples=20)
    assert [scheme["name"] for scheme in told["schemes"]] == ["as shipped"]
    assert "works a second judged against 27 theses" in report.speed(few)


def test_labels_that_all_say_the_same_are_refused_in_one_line(make_encoder):
    same = [labelled(4 * n) for n in range(40)]
    with pytest.raises(LabelError, match="one answer only"):
        fit.fitted(fit.prepare(same, THESES, make_encoder()))


def test_the_report_is_what_the_method_page_reads_and_says_what_it_was_fitted_to(material):
    import json

    told = report.report(material, dt.date(2031, 1, 2), "a machine", "They agree.", samples=20)
    read = measured.read(json.dumps(told))
    assert [scheme.name for scheme in read.schemes] == [
        "as shipped", "abstracts not seen", "theses not seen",
    ]  # fmt: skip
    assert "not fitted to" in read.schemes[0].says
    assert read.judge == material.judge.name and read.labels.by == "a machine"
    lines = report.lines(told)
    assert any("link AP" in line and "0.82" in line for line in lines)
    assert not any(line != line.rstrip() for line in lines)
