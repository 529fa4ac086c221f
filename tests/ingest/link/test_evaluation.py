import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from ingest.link.evaluation import STANCES, confusion, figures, intervals, pairs
from ingest.link.gold import Label, Labelled
from ingest.link.judge import Evidence, Judgement
from kb.vocabulary import Stance

TEXT = "Flat minima help. We prove it. Cats sleep. Dogs too."
SENTENCES = [
    Evidence(0, 17, TEXT[:17]),
    Evidence(18, 30, TEXT[18:30]),
    Evidence(31, 42, "Cats sleep."),
]


def judged(claim, score, stance="supports", published=False, side=0.5, sure=0.5, shown=SENTENCES):
    return Judgement(
        claim=claim, stance=Stance(stance), score=score, stance_score=side, published=published,
        evidence=shown[0], alternatives=tuple(shown[1:]), confidence=sure,
    )  # fmt: skip


def work(id, *links):
    return Labelled(id=id, title="T", abstract=TEXT, links=links)


def label(claim, stance="supports", evidence="We prove it.", **more):
    return Label(claim=claim, stance=stance, evidence=(evidence,), **more)


WORKS = [
    work("1", label("a"), label("b", "disputes", "Cats sleep.")),
    work("2"),
    work("3", label("a", "qualifies"), label("b", sure=False)),
]
JUDGED = [
    [judged("a", 0.9, published=True), judged("b", 0.8, "mentions", side=-0.5), judged("c", 0.1)],
    [judged("c", 0.6, published=True), judged("a", 0.2), judged("b", 0.1)],
    [judged("b", 0.95, published=True), judged("a", 0.5, "qualifies"), judged("c", 0.0)],
]


def test_the_figures_are_what_a_reader_would_count():
    told = figures(pairs(WORKS, JUDGED))
    # Eight pairs, since the unsure one is left out; linked ones rank 1st, 2nd and 4th.
    assert told["link AP"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert told["link best F1"] == pytest.approx(2 * 3 / (4 + 3))
    assert told["recall at precision 0.9"] == pytest.approx(2 / 3)
    assert told["published precision"] == 0.5
    assert told["published recall"] == pytest.approx(1 / 3)
    assert told["unlinked abstracts with a published link"] == 1
    assert told["stance accuracy"] == pytest.approx(2 / 3)
    assert told["supports against disputes AUROC"] == 1
    assert told["evidence hit@1"] == 0
    assert told["evidence hit@3"] == 1
    assert told["recall@5 theses"] == 1


def test_the_confusion_table_has_a_row_for_each_label():
    table = confusion(pairs(WORKS, JUDGED))
    assert sum(map(sum, table)) == 3
    assert table[STANCES.index("disputes")][STANCES.index("mentions")] == 1


def test_one_thesis_can_be_looked_at_alone():
    found = pairs(WORKS, JUDGED, only="a")
    assert found.linked.tolist() == [True, False, True]


SCORES = st.lists(
    st.tuples(st.booleans(), st.floats(0, 1).map(lambda s: round(s, 2))), min_size=4, max_size=40
).filter(lambda rows: 0 < sum(linked for linked, _ in rows) < len(rows))


@given(SCORES)
def test_ranking_figures_agree_with_scikit_learn(rows):
    works = [work(str(n), *([label("a")] if linked else [])) for n, (linked, _) in enumerate(rows)]
    told = figures(pairs(works, [[judged("a", score, published=score > 0.5)] for _, score in rows]))
    truth, scores = zip(*rows, strict=True)
    assert told["link AP"] == pytest.approx(average_precision_score(truth, scores))
    assert told["link AUROC"] == pytest.approx(roc_auc_score(truth, scores))
    said = [score > 0.5 for score in scores]
    if any(said):
        assert told["published F1"] == pytest.approx(f1_score(truth, said))


@given(SCORES)
def test_every_figure_is_a_share_and_its_interval_has_two_ends(rows):
    works = [work(str(n), *([label("a")] if linked else [])) for n, (linked, _) in enumerate(rows)]
    found = pairs(works, [[judged("a", score)] for _, score in rows])
    assert all(0 <= value <= 1 for value in figures(found).values())
    ends = intervals(found, samples=20)
    assert ends and all(low <= high for low, high in ends.values())
    assert ends == intervals(found, samples=20)


def test_a_work_drawn_twice_counts_twice():
    found = pairs(WORKS, JUDGED)
    seen = []
    intervals(found, lambda sample: seen.append(len(np.unique(sample.work))) or {}, samples=30)
    assert set(seen) == {len(WORKS)}


def test_figures_that_the_labels_cannot_give_are_left_out():
    told = figures(pairs([work("1")], [[judged("a", 0.5)]]))
    assert "link AP" not in told and "stance accuracy" not in told
    assert told["unlinked abstracts with a published link"] == 0


def test_calibration_is_perfect_where_scores_are_shares():
    works = [work(str(n), *([label("a")] if n % 2 else [])) for n in range(40)]
    even = [[judged("a", 0.5)] for _ in works]
    assert figures(pairs(works, even))["expected calibration error"] == pytest.approx(0)
    sure = [[dataclasses.replace(each[0], score=1.0)] for each in even]
    assert figures(pairs(works, sure))["expected calibration error"] == pytest.approx(0.5)
