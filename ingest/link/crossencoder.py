"""A small model that reads a thesis and a sentence together and tells what one does to the other.

It is all-MiniLM-L6-v2, which the encoder uses too, with the weights moved a little: what is
packaged here are the moves alone, as two thin factors for each matrix. `bench/train_stance.py`
makes them from sentences of our own and labelled abstracts.
"""

from __future__ import annotations

import hashlib
import importlib
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kb.encoder import packaged_model, processor_has_bf16
from kb.errors import EncoderError
from kb.vocabulary import Stance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


CLASSES = (*(stance.value for stance in Stance), "none")
"""What a sentence does to a thesis, in the order of the model's answers; last: it speaks to
another matter."""
WEIGHTS = "crossencoder.safetensors"
_LEFT, _RIGHT, _HEAD = ".left", ".right", "head."
_TOKENS = 192
"""A thesis and the longest sentence that `kb.sentences` cuts, but for odd ones."""


class Reader(Protocol):
    """Anything that reads a thesis and a text together."""

    @property
    def name(self) -> str:
        """Name and version."""
        ...

    def read(self, thesis: Sequence[str], text: Sequence[str]) -> NDArray[np.float32]:
        """Return log-probabilities of `CLASSES` for each thesis and text, shape (n, 5)."""
        ...


class CrossEncoder:
    """The packaged reader; torch and the model are loaded when the first text is read.

    What it says of a text does not depend on what else is read, up to the last bits: everything
    that it is given at once is one batch, and a judge gives it one work at a time.
    """

    def __init__(self, weights: Path | None = None) -> None:
        """Name the weights; nothing is loaded yet.

        Args:
            weights: Another file of moves; the packaged one when None.

        Raises:
            EncoderError: There is no such file.
        """
        packaged = resources.files("ingest.link").joinpath(WEIGHTS)
        try:
            self._bytes = weights.read_bytes() if weights else packaged.read_bytes()
        except OSError as error:
            raise EncoderError(f"{weights or WEIGHTS}: {error.strerror}") from error
        self._half = processor_has_bf16()
        self._title = weights.name if weights else WEIGHTS
        self._loaded: tuple[Any, Any, Any] | None = None

    @property
    def name(self) -> str:
        """Name, the first digits of the SHA-256 of the moves, and the precision."""
        precision = "bf16" if self._half else "fp32"
        return f"reader@{hashlib.sha256(self._bytes).hexdigest()[:8]}/{precision}"

    def read(self, thesis: Sequence[str], text: Sequence[str]) -> NDArray[np.float32]:
        """Return log-probabilities of `CLASSES` for each thesis and text, shape (n, 5).

        Raises:
            EncoderError: The packages or the model are absent, or the weights do not fit it.
        """
        if not thesis:
            return np.zeros((0, len(CLASSES)), np.float32)
        torch, tokenizer, forward = self._loaded or self._load()
        marks = tokenizer(
            list(thesis),
            list(text),
            truncation="only_second",
            max_length=_TOKENS,
            padding=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            rows: NDArray[np.float32] = forward(marks).log_softmax(-1).float().numpy()
        return rows

    def _load(self) -> tuple[Any, Any, Any]:
        model, tokenizer, torch = packaged_model()
        library = importlib.import_module("safetensors")
        try:
            moves = importlib.import_module("safetensors.torch").load(self._bytes)
        except library.SafetensorError as error:
            raise EncoderError(f"{self._title}: is not safetensors ({error})") from error
        state = model.state_dict()
        head = {part: moves.pop(f"{_HEAD}{part}", None) for part in ("weight", "bias")}
        for name in [name for name in moves if not name.endswith(_RIGHT)]:
            plain, move = name.removesuffix(_LEFT), moves[name].float()
            if name.endswith(_LEFT):
                move = move @ moves[f"{plain}{_RIGHT}"].float()
            if plain not in state or state[plain].shape != move.shape:
                raise EncoderError(f"{self._title}: does not fit the packaged model ({plain})")
            state[plain] = state[plain] + move
        if head["weight"] is None or head["bias"] is None:
            raise EncoderError(f"{self._title}: does not fit the packaged model (no head)")
        model.load_state_dict(state)
        if self._half:
            model.to(torch.bfloat16)
        model.eval()
        weight, bias = head["weight"].float(), head["bias"].float()

        def forward(marks: Any) -> Any:
            hidden = model(**marks).last_hidden_state.float()
            mask = marks["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(1) / mask.sum(1)
            return torch.cat([hidden[:, 0], mean], -1) @ weight.T + bias

        self._loaded = torch, tokenizer, forward
        return self._loaded
