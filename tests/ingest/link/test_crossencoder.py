import numpy as np
import pytest

from ingest.link.crossencoder import CLASSES, CrossEncoder
from kb.errors import EncoderError

THESIS = "Flat minima generalize better than sharp ones."
FOR = "We prove that flat minima generalize better than sharp minima in deep networks."
AGAINST = "We show that sharp minima can generalize just as well, so flatness does not explain it."
OTHER = "The catalogue lists three hundred beetles of the northern forests."

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def reader():
    return CrossEncoder()


def test_it_tells_what_a_sentence_does_to_a_thesis(reader):
    rows = reader.read([THESIS] * 3, [FOR, AGAINST, OTHER])
    assert rows.shape == (3, len(CLASSES))
    assert np.exp(rows).sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert [CLASSES[i] for i in rows.argmax(axis=1)] == ["supports", "disputes", "none"]


def test_what_it_says_hardly_depends_on_what_else_is_read(reader):
    alone = reader.read([THESIS], [FOR])
    beside = reader.read([THESIS, THESIS], [FOR, f"{AGAINST} " * 3])
    assert np.abs(np.exp(alone[0]) - np.exp(beside[0])).max() < 0.02  # bf16 has three digits


def test_nothing_to_read_gives_no_row(reader):
    assert reader.read([], []).shape == (0, len(CLASSES))


def test_a_text_of_any_length_is_read(reader):
    assert np.isfinite(reader.read([THESIS, THESIS], ["", "flat " * 5000])).all()


def test_its_name_follows_its_weights(reader, tmp_path):
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"something else")
    assert CrossEncoder(other).name != reader.name == CrossEncoder().name


def test_weights_that_are_missing_or_do_not_fit_are_told_in_one_line(tmp_path):
    from safetensors.numpy import save_file

    with pytest.raises(EncoderError, match="No such file"):
        CrossEncoder(tmp_path / "none.safetensors")
    torn, strange = tmp_path / "torn.safetensors", tmp_path / "strange.safetensors"
    torn.write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    save_file({"no.such.weight": np.zeros(3, np.float32)}, strange)
    for path in (torn, strange):
        with pytest.raises(EncoderError) as caught:
            CrossEncoder(path).read([THESIS], [FOR])
        assert "\n" not in str(caught.value) and path.name in str(caught.value)
