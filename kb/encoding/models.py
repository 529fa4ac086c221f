"""A sentence-transformers model as an engine: without padding where it is a BERT, else as it is."""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.encoding import bert
from kb.encoding.cards import Lanes
from kb.encoding.engine import NoRoomError
from kb.encoding.plan import BLOCK
from kb.encoding.tokens import Cutter, Cutters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

BUDGET = {"cpu": 2048, "mps": 16_384, "cuda": 131_072}
"""Tokens a batch: what stays in a processor's cache, and what keeps a card busy for some
milliseconds. `bench/embed.py` measures others."""
_CARD_BLOCK = 2048
"""Texts cut at once for a card, which computes them in less than a tenth of a second."""
_BYTES = 4
"""Characters that make about one token, where tokens are not known."""


@dataclass(frozen=True)
class Parts:
    """What the fast ways need of a sentence-transformers model."""

    transformer: Any
    """A model of the transformers library."""
    tokenizer: str
    """tokenizer.json."""
    limit: int
    """Tokens of a text that it reads."""
    first: bool
    """Whether a text's vector is that of its first token, not the mean of all."""


def parts(model: Any) -> Parts | None:
    """Return the parts of a model of the usual build, None where there is more to it.

    The usual build: tokens, a transformer, the mean of all tokens or the first, and at most a
    scaling to length 1, which is done here in any case.
    """
    modules = list(model)
    kinds = [type(each).__name__ for each in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return None
    pooling = getattr(modules[1], "pooling_mode", None)
    pooling = pooling[0] if isinstance(pooling, list | tuple) and len(pooling) == 1 else pooling
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    transformer = getattr(modules[0], "auto_model", None)
    is_more = (
        getattr(model, "default_prompt_name", None)
        or getattr(model, "truncate_dim", None)
        or getattr(modules[0], "do_lower_case", False)
    )
    if is_more or tokenizer is None or transformer is None or pooling not in ("mean", "cls"):
        return None
    room = getattr(transformer.config, "max_position_embeddings", None)
    limits = [int(each) for each in (model.max_seq_length, room) if each]
    if not limits:
        return None
    return Parts(transformer, tokenizer.to_str(), min(limits), pooling == "cls")


def cores() -> int:
    """Return how many cores this process may use, by its affinity and its control group."""
    if hasattr(os, "sched_getaffinity"):
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count() or 1
    return max(1, min(found, _quota(Path("/sys/fs/cgroup/cpu.max")) or found))


def _quota(file: Path) -> int | None:
    """Cores that a container may keep busy, None without a limit."""
    try:
        most, period = file.read_text(encoding="ascii").split()
        return math.ceil(int(most) / int(period))
    except (OSError, ValueError):
        return None


class BertEngine:
    """A BERT of any size: what pads nothing (see `kb.encoding.bert`)."""

    def __init__(
        self,
        torch: Any,
        found: Parts,
        device: str,
        *,
        half: bool,
        budget: int | None = None,
        readers: int | None = None,
    ) -> None:
        """Copy a model to its device.

        Args:
            torch: The library.
            found: The model in float32; `kb.encoding.bert.is_usual` holds for it.
            device: Where to compute.
            half: Multiply matrices in bf16.
            budget: Tokens a batch; see `BUDGET` when None.
            readers: Processes that cut texts for a card; one for each core but one when None.
        """
        self._torch = torch
        self.device = device
        self.budget = budget or BUDGET[device]
        self.readers, self.block = 1, BLOCK
        self._cutter: Callable[[Sequence[str]], Any] = Cutter(found.tokenizer, found.limit)
        self._on = partial(bert.Bert, torch, found.transformer, first=found.first, half=half)
        attention = bert.by_length(torch)
        if device == "cuda":
            self.readers = readers or max(1, cores() - 1)
            self.block = _CARD_BLOCK
            self._cutter = Cutters(found.tokenizer, found.limit)
            kernel = bert.kernel()
            if kernel is not None and half:  # it takes no float32
                attention = bert.varlen(kernel)
        self._forward = self._on(attention=attention, device=device)
        self._lanes: Lanes | None = None
        if device == "cuda":
            self._lanes = Lanes(torch, self._forward, self._forward.width)

    @property
    def depth(self) -> int:
        """Two batches on a card, one of which waits there; one elsewhere."""
        return 1 if self._lanes is None else 2

    def cut(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Return the tokens of each text."""
        found: list[NDArray[np.int32]] = self._cutter(texts)
        return found

    def size(self, item: Any) -> int:
        """Return how many tokens a text has."""
        return len(item)

    def start(self, items: Sequence[Any]) -> Any:
        """Begin to compute a batch; see `Engine.start`."""
        try:
            return self._here(items) if self._lanes is None else self._lanes.start(items)
        except (self._torch.OutOfMemoryError, RuntimeError) as error:
            raise _as_no_room(self._torch, error) from error

    def _here(self, items: Sequence[Any]) -> NDArray[np.float32]:
        torch = self._torch
        lengths = [len(each) for each in items]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        with torch.no_grad():
            rows = self._forward(
                torch.from_numpy(np.concatenate(items)).to(self.device),
                torch.from_numpy(starts).to(self.device),
                lengths,
            )
            kept: NDArray[np.float32] = rows.cpu().numpy()
        return kept

    def finish(self, started: Any) -> NDArray[np.float32]:
        """Return the rows of a batch."""
        return started if self._lanes is None else self._lanes.finish(started)

    def shrink(self, budget: int) -> None:
        """Take smaller batches from now on."""
        _free(self._torch, self.device)
        self.budget = max(1, budget)

    def retreat(self) -> bool:
        """Go on on the processor."""
        if self.device == "cpu":
            return False
        self._lanes = None
        self._forward = self._on(attention=bert.by_length(self._torch))
        _free(self._torch, self.device)
        self.device, self.budget = "cpu", BUDGET["cpu"]
        return True


class WholeEngine:
    """Any other model, computed by sentence-transformers itself."""

    depth = readers = 1
    block = BLOCK

    def __init__(
        self, torch: Any, model: Any, device: str, *, half: bool, budget: int | None = None
    ) -> None:
        """Bring a model to its device, in bf16 or as it is."""
        self._torch = torch
        self._model = model.to(device).to(torch.bfloat16 if half else torch.float32)
        self.device = device
        self.budget = budget or BUDGET[device]

    def cut(self, texts: Sequence[str]) -> Sequence[str]:
        """Return the texts: the library cuts them."""
        return texts

    def size(self, item: Any) -> int:
        """Return about how many tokens a text has."""
        return len(item) // _BYTES + 1

    def start(self, items: Sequence[Any]) -> Any:
        """Compute a batch."""
        try:
            with warnings.catch_warnings():  # of the library, about itself
                warnings.simplefilter("ignore")
                return self._model.encode(
                    list(items),
                    batch_size=len(items),
                    convert_to_tensor=True,
                    show_progress_bar=False,
                )
        except (self._torch.OutOfMemoryError, RuntimeError) as error:
            raise _as_no_room(self._torch, error) from error

    def finish(self, started: Any) -> NDArray[np.float32]:
        """Return the rows of a batch."""
        rows: NDArray[np.float32] = started.float().cpu().numpy()
        return rows

    def shrink(self, budget: int) -> None:
        """Take smaller batches from now on."""
        _free(self._torch, self.device)
        self.budget = max(1, budget)

    def retreat(self) -> bool:
        """Go on on the processor."""
        if self.device == "cpu":
            return False
        _free(self._torch, self.device)
        self._model.to("cpu")
        self.device, self.budget = "cpu", BUDGET["cpu"]
        return True


def _as_no_room(torch: Any, error: RuntimeError) -> RuntimeError | NoRoomError:
    """The error as what it means: torch names the processor's want of memory in words only."""
    told = str(error)
    if isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in told:
        return NoRoomError(told)
    return error


def _free(torch: Any, device: str) -> None:
    """Wait for what a card still does and give its memory back."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
