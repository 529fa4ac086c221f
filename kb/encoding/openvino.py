"""A model computed by OpenVINO, on a processor: an engine beside torch's.

The model is converted when it is loaded, which takes some seconds. The vectors are torch's in
fp32 to a cosine of 0.99999; in bf16, where the processor computes in it, to 0.9999.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.encoding.models import cores
from kb.encoding.plan import BLOCK
from kb.encoding.tokens import Cutter
from kb.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from kb.encoding.models import Parts

EXTRA = "pip install 'dissensus[openvino]'"
_BUDGET = 1024
"""Tokens a batch; more no longer lie in the cache, see `bench/embed.py`."""


class OpenVinoEngine:
    """A converted model. Texts of a batch are padded to its longest."""

    device = "cpu"
    depth = readers = 1
    block = BLOCK

    def __init__(self, torch: Any, found: Parts, *, half: bool, threads: int | None = None) -> None:
        """Convert a model that lies on the processor in fp32.

        Args:
            torch: The library.
            found: The model.
            half: Compute in bf16.
            threads: How many; one for each core that may be used when None.

        Raises:
            EncoderError: OpenVINO is not installed, or cannot take the model.
        """
        try:
            library = importlib.import_module("openvino")
        except ImportError as error:
            raise EncoderError(f"device openvino needs one more package: {EXTRA}") from error
        self.budget = _BUDGET
        self.threads = threads or cores()
        self._cutter = Cutter(found.tokenizer, found.limit)
        try:
            with _silence():
                made = library.convert_model(
                    _wrapped(torch, found.transformer, found.first).eval(),
                    example_input={
                        name: torch.ones(2, 7, dtype=torch.long)
                        for name in ("input_ids", "attention_mask")
                    },
                )
                compiled = library.Core().compile_model(
                    made,
                    "CPU",
                    {
                        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
                        "INFERENCE_NUM_THREADS": self.threads,
                        "NUM_STREAMS": 1,
                    },
                )
        except (RuntimeError, ValueError, TypeError) as error:
            line = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            raise EncoderError(f"OpenVINO cannot take this model: {line}") from error
        self._request = compiled.create_infer_request()

    def cut(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Return the tokens of each text."""
        return self._cutter(texts)

    def size(self, item: Any) -> int:
        """Return how many tokens a text has."""
        return len(item)

    def start(self, items: Sequence[Any]) -> NDArray[np.float32]:
        """Compute a batch."""
        longest = max(len(each) for each in items)
        ids = np.zeros((len(items), longest), np.int64)
        mask = np.zeros_like(ids)
        for at, each in enumerate(items):
            ids[at, : len(each)] = each
            mask[at, : len(each)] = 1
        rows = self._request.infer({"input_ids": ids, "attention_mask": mask})[0]
        return np.array(rows, np.float32)

    def finish(self, started: Any) -> NDArray[np.float32]:
        """Return the rows of a batch."""
        rows: NDArray[np.float32] = started
        return rows

    def shrink(self, budget: int) -> None:
        """Take smaller batches from now on."""
        self.budget = max(1, budget)

    def retreat(self) -> bool:
        """Return False: it is on the processor."""
        return False


def _wrapped(torch: Any, transformer: Any, first: bool) -> Any:
    """The transformer with its pooling, as one module to be converted."""

    class Pooled(torch.nn.Module):  # type: ignore[misc]  # torch is not there to be read
        def __init__(self) -> None:
            super().__init__()
            self.inner = transformer

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            hidden = self.inner(
                input_ids=input_ids, attention_mask=attention_mask
            ).last_hidden_state
            if first:
                return hidden[:, 0]
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            return (hidden * mask).sum(1) / mask.sum(1)

    return Pooled()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what the conversion says of the model's own code to itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
