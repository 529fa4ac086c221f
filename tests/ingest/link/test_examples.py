import numpy as np
import pytest

from ingest.link import examples
from ingest.link.examples import FEATURES, Examples
from kb.errors import EncoderError


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def known():
    """Five examples of a thesis along one axis, thirty of none around another."""
    chance = np.random.default_rng(0)
    near = np.array([1, 0, 0, 0]) + 0.1 * chance.normal(size=(5, 4))
    far = np.array([0, 1, 0, 0]) + 0.1 * chance.normal(size=(30, 4))
    bears = np.zeros((35, 2), bool)
    bears[:5, 0] = True
    return unit(np.concatenate([near, far])), bears


def test_a_work_is_like_the_examples_of_its_thesis(known):
    rows, bears = known
    told = Examples(rows, bears, ["a", "b"])
    like, ahead, share = told(unit([[1, 0, 0.2, 0]]), ["a"])[0]
    assert like > 0.9 and ahead > 0.5 and share > 0.9
    like, ahead, share = told(unit([[0, 1, 0.2, 0]]), ["a"])[0]
    assert like < 0.4 and ahead < 0 and share < 0.1


def test_figures_are_those_of_the_plain_formula(known):
    rows, bears = known
    work = unit([[0.6, 0.6, 0.3, 0.1]])
    near = rows @ work[0]
    best = np.argsort(-near)[:20]
    weight = np.exp(12 * (near[best] - 0.5))
    three = np.sort(near[:5])[-3:].mean()
    plain = [three, three - np.sort(near[5:])[-10:].mean(), weight @ bears[best, 0] / weight.sum()]
    assert np.allclose(Examples(rows, bears, ["a", "b"])(work, ["a"])[0], plain, atol=1e-5)


def test_no_text_is_an_example_of_itself():
    rows = unit(np.random.default_rng(0).normal(size=(40, 16)))
    bears = np.zeros((40, 1), bool)
    bears[:6] = True
    told = Examples(rows, bears, ["a"])(rows[:1], ["a"])
    without = Examples(rows[1:], bears[1:], ["a"])(rows[:1], ["a"])
    assert np.allclose(told, without, atol=1e-3)


def test_a_thesis_with_too_few_examples_is_not_known(known):
    rows, bears = known
    told = Examples(rows, bears, ["a", "b"])
    assert told.known == {"a"}
    assert told(unit([[1, 0, 0, 0]]), ["b", "new"]).tolist() == [[0] * len(FEATURES)] * 2


def test_examples_read_back_as_they_were_written_and_only_for_their_encoder(
    known, tmp_path, monkeypatch
):
    rows, bears = known
    examples.save(tmp_path / examples.FILE, "one@1/bf16", rows, bears, ["a", "b"], ["x"] * 35)
    monkeypatch.setattr(examples.resources, "files", lambda _: tmp_path)
    read = examples.load("one@1/fp32")
    work = unit([[0.5, 0.5, 0.1, 0.7]])
    assert np.allclose(read(work, ["a"]), Examples(rows, bears, ["a", "b"])(work, ["a"]), atol=2e-3)
    assert examples.load("two@1/fp32") is None
    (tmp_path / examples.FILE).write_bytes(b"no tensors")
    with pytest.raises(EncoderError, match="not a file of examples"):
        examples.load("one@1/fp32")


def test_the_packaged_examples_name_their_works_and_hold_no_text():
    import json
    from importlib import resources

    told = resources.files("ingest.link").joinpath(examples.FILE).read_bytes()
    about = json.loads(told[8 : 8 + int.from_bytes(told[:8], "little")])
    assert about.keys() == {"__metadata__", "rows", "bears"}
    names = json.loads(about["__metadata__"]["of"])
    assert len(names) == about["rows"]["shape"][0] == about["bears"]["shape"][0]
    assert max(map(len, names)) < 300
