import itertools
import json

import pytest

from ingest.link import preview
from ingest.link.abstracts import LineError
from kb import content
from kb.errors import KnowledgeBaseError
from kb.vocabulary import Stance

GOOD = {
    "id": "x1",
    "title": "Do flat minima generalize?",
    "abstract": "Sharpness was blamed before. We show that flat minima generalize better than "
    "sharp minima, e.g. on images. Code is available.",
}


@pytest.fixture(scope="module")
def theses():
    return content.load().theses


def ask(lines, theses, encoder):
    return list(preview([json.dumps(line) for line in lines], theses, encoder))


def test_the_answer_has_the_fixed_form(theses, encoder):
    (answer,) = ask([GOOD], theses, encoder)
    assert list(answer) == ["id", "links"] and answer["id"] == "x1" and answer["links"]
    for link in answer["links"]:
        assert list(link) == [
            "claim", "stance", "stance_score", "stance_confidence", "how", "score",
            "published", "queued", "evidence", "alternatives",
        ]  # fmt: skip
        assert link["claim"] in {thesis.id for thesis in theses.theses}
        assert link["stance"] in set(Stance)
        assert 0 <= link["score"] <= 1 and isinstance(link["published"], bool)
        assert link["evidence"] in GOOD["abstract"]
        assert all(other in GOOD["abstract"] for other in link["alternatives"])
        assert -1 <= link["stance_score"] <= 1 and 0 <= link["stance_confidence"] <= 1
        assert not (link["published"] and link["queued"])
    scores = [link["score"] for link in answer["links"]]
    assert scores == sorted(scores, reverse=True)


def test_the_evidence_is_the_sentence_that_speaks_to_the_thesis(theses, encoder):
    (answer,) = ask([GOOD], theses, encoder)
    best = answer["links"][0]
    assert best["claim"] == "flat-minima-generalize"
    assert best["evidence"].startswith("We show that flat minima")


def test_an_abstract_is_judged_alike_alone_and_among_others(theses, encoder):
    others = [
        {"id": f"o{n}", "title": f"Kernel {n}", "abstract": "Kernels grok. " * n} for n in range(70)
    ]
    alone = ask([GOOD], theses, encoder)
    assert ask([*others, GOOD], theses, encoder)[-1:] == alone


def test_nothing_is_said_of_an_empty_abstract(theses, encoder):
    lines = [{**GOOD, "abstract": ""}, {**GOOD, "abstract": " \n"}, {**GOOD, "title": ""}]
    empty, blank, untitled = ask(lines, theses, encoder)
    assert empty == blank == {"id": "x1", "links": []}
    assert untitled["links"]


def test_lines_may_be_bytes_and_blank_ones_are_left_out(theses, encoder):
    lines = [b"\n", json.dumps(GOOD).encode() + b"\n", b"  \r\n"]
    assert [answer["id"] for answer in preview(lines, theses, encoder)] == ["x1"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: not an object"),
        ('{"id": "a", "title": "b"}', 'line 2: "abstract" is missing'),
        ('{"id": "a", "title": null, "abstract": ""}', 'line 2: "title" is no text'),
        ('{"id": "\\ud800", "title": "", "abstract": ""}', 'line 2: "id" holds half'),
        (b"\xff\xfe", "line 2: not JSON"),
        ("[" * 100_000, "line 2: "),
    ],
)
def test_a_bad_line_is_named_with_what_would_be_right(theses, encoder, line, reason):
    answers = preview([json.dumps(GOOD), line], theses, encoder)
    with pytest.raises(LineError, match=reason) as caught:
        list(answers)
    assert isinstance(caught.value, KnowledgeBaseError) and caught.value.exit_code == 2
    assert 'JSON object with the texts "id", "title" and "abstract"' in str(caught.value)


def test_an_endless_input_is_answered_as_it_comes(theses, encoder):
    lines = itertools.repeat(json.dumps(GOOD))
    assert next(preview(lines, theses, encoder))["id"] == "x1"
