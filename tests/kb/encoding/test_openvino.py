import sys

import numpy as np
import pytest

from kb.encoder import SentenceTransformerEncoder
from kb.errors import EncoderError

TEXTS = [f"Minimum {n} generalizes {'very ' * (n % 9)}well." for n in range(40)]


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    pytest.importorskip("sentence_transformers", reason="the embed extra is not installed")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(EncoderError, match=r"pip install 'dissensus\[openvino\]'") as caught:
        SentenceTransformerEncoder(device="openvino")
    assert "\n" not in str(caught.value)


@pytest.mark.model
@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.99999), ("bf16", 0.9999)])
def test_vectors_are_torchs_in_fp32(precision, least):
    pytest.importorskip("sentence_transformers", reason="the embed extra is not installed")
    pytest.importorskip("openvino", reason="the openvino extra is not installed")
    plain = SentenceTransformerEncoder(device="cpu", precision="fp32")
    vino = SentenceTransformerEncoder(device="openvino", precision=precision)
    assert vino.name == plain.name.replace("fp32", precision)
    cosine = (plain.encode(TEXTS) * vino.encode(TEXTS)).sum(axis=1)
    assert cosine.min() > least
    assert vino.device == "openvino" and vino.where.startswith("openvino, ")


@pytest.mark.model
def test_a_model_that_does_more_than_average_is_refused_in_one_line(monkeypatch):
    pytest.importorskip("sentence_transformers", reason="the embed extra is not installed")
    pytest.importorskip("openvino", reason="the openvino extra is not installed")
    monkeypatch.setattr("kb.encoding.models.parts", lambda _model: None)
    with pytest.raises(EncoderError, match="takes models that average words alone"):
        SentenceTransformerEncoder(device="openvino").encode(["one"])


def test_rows_are_float32_of_the_whole_batch():
    pytest.importorskip("openvino", reason="the openvino extra is not installed")
    from kb.encoding.openvino import OpenVinoEngine

    class Request:
        def infer(self, told):
            self.told = told
            return [told["input_ids"].sum(axis=1, keepdims=True)]

    engine = OpenVinoEngine.__new__(OpenVinoEngine)
    engine._request = Request()
    rows = engine.finish(engine.start([np.array([5, 6, 7]), np.array([9])]))
    np.testing.assert_array_equal(rows, [[18], [9]])
    np.testing.assert_array_equal(engine._request.told["attention_mask"], [[1, 1, 1], [1, 0, 0]])
