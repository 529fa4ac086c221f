import numpy as np
import pytest

from kb.encoding import bert, models

torch = pytest.importorskip("torch", reason="the embed extra is not installed")
transformers = pytest.importorskip("transformers", reason="the embed extra is not installed")

LENGTHS = [9, 9, 9, 5, 5, 3, 12, 1]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    settings = transformers.BertConfig(
        vocab_size=50,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=32,
    )
    made = transformers.BertModel(settings, add_pooling_layer=False).eval()
    for weight in made.parameters():  # as made, all layers are nearly the identity
        torch.nn.init.normal_(weight, std=0.3)
    return made


@pytest.fixture(scope="module")
def texts():
    random = np.random.default_rng(3)
    return [random.integers(1, 50, n).astype(np.int32) for n in LENGTHS]


@pytest.fixture(scope="module")
def plain(model, texts):
    """One text at a time through the library's own model: mean of all tokens, and first."""
    with torch.no_grad():
        hidden = [
            model(input_ids=torch.tensor(each)[None].long()).last_hidden_state[0] for each in texts
        ]
    return torch.stack([h.mean(0) for h in hidden]), torch.stack([h[0] for h in hidden])


def computed(made, texts):
    starts = torch.tensor([0, *np.cumsum([len(t) for t in texts])], dtype=torch.int32)
    with torch.no_grad():
        return made(torch.tensor(np.concatenate(texts)), starts, [len(t) for t in texts])


def slow_kernel(q, k, v, starts, others, most, most_other):
    """torch's `varlen_attn` in words: each text by itself, from the same arguments."""
    assert starts.dtype == torch.int32 and starts.equal(others)
    assert most == most_other == int((starts[1:] - starts[:-1]).max())
    assert q.is_contiguous() and k.is_contiguous() and v.is_contiguous()
    out = torch.empty_like(q)
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        one = [each[start:end].transpose(0, 1) for each in (q, k, v)]
        out[start:end] = torch.nn.functional.scaled_dot_product_attention(*one).transpose(0, 1)
    return out


@pytest.mark.parametrize("attention", ["by length", "varlen"])
@pytest.mark.parametrize("first", [False, True])
def test_vectors_are_those_of_the_library_without_padding(model, texts, plain, first, attention):
    attend = bert.by_length(torch) if attention == "by length" else bert.varlen(slow_kernel)
    made = bert.Bert(torch, model, first=first, attention=attend)
    torch.testing.assert_close(computed(made, texts), plain[first], rtol=1e-4, atol=1e-5)


def test_a_text_does_not_depend_on_its_neighbors(model, texts):
    made = bert.Bert(torch, model, first=False, attention=bert.by_length(torch))
    whole = computed(made, texts)
    for at, each in enumerate(texts):
        torch.testing.assert_close(computed(made, [each])[0], whole[at], rtol=1e-4, atol=1e-5)


def test_only_a_plain_bert_is_computed_here(model):
    assert bert.is_usual(model.config)
    for change in ({"hidden_act": "relu"}, {"is_decoder": True}, {"model_type": "roberta"}):
        settings = transformers.BertConfig()
        for name, value in change.items():
            type(settings).__setattr__(settings, name, value)
        assert not bert.is_usual(settings)
    settings = transformers.BertConfig()
    settings.position_embedding_type = "relative_key"
    assert not bert.is_usual(settings)


def test_torchs_kernel_takes_what_we_give_it():
    kernel = bert.kernel()
    if kernel is None:
        pytest.skip("this torch has no attention for texts of any lengths")
    import inspect

    names = list(inspect.signature(kernel).parameters)
    assert names[:7] == ["query", "key", "value", "cu_seq_q", "cu_seq_k", "max_q", "max_k"]


def test_the_cores_of_a_container_are_counted(tmp_path):
    told = tmp_path / "cpu.max"
    for text, cores in (("150000 100000\n", 2), ("max 100000\n", None), ("50000 100000", 1)):
        told.write_text(text)
        assert models._quota(told) == cores
    assert models._quota(tmp_path / "absent") is None
    assert models.cores() >= 1
