"""BERT's forward pass over texts laid end to end, so that no padding is computed.

Everything but attention looks at one token at a time and is one product of matrices for the
whole batch. Attention is computed for all texts of one length at once, or by the kernel for
texts of any lengths that torch has for graphics cards.

Source: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", NAACL 2019; unpadded as in Zeng et al., "Boosting Distributed Training Performance
of the Unpadded BERT Model", 2022.
"""

from __future__ import annotations

import importlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Attention = Callable[[Any, Sequence[int], Any], Any]
    """From queries, keys and values, shape (tokens, 3, heads, width), the lengths of the texts
    and where each begins, to what each token takes from its text, shape (tokens, heads * width)."""

_USUAL = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""What a model's settings must say to be computed here."""


def is_usual(settings: Any) -> bool:
    """Return whether a model with these settings is a plain BERT."""
    told = {name: getattr(settings, name, None) for name in _USUAL}
    position = getattr(settings, "position_embedding_type", None) or "absolute"
    return told == _USUAL and position == "absolute"


@dataclass(frozen=True)
class _Layer:
    """The weights of one layer, each with its bias."""

    qkv: tuple[Any, Any]
    out: tuple[Any, Any]
    norm: tuple[Any, Any]
    up: tuple[Any, Any]
    down: tuple[Any, Any]
    last: tuple[Any, Any]


class Bert:
    """A BERT with the mean, or the first token, of each text's last layer as its vector."""

    def __init__(
        self,
        torch: Any,
        model: Any,
        *,
        first: bool,
        attention: Attention,
        half: bool = False,
        device: str = "cpu",
    ) -> None:
        """Copy the weights of a model of the transformers library.

        Args:
            torch: The library.
            model: A BertModel in float32 for which `is_usual` holds.
            first: Take the first token's vector, not the mean of all.
            attention: See `by_length` and `varlen`.
            half: Multiply matrices in bf16. What is added up over the layers stays in float32:
                that costs next to nothing and halves the error.
            device: Where to compute.
        """
        self._torch = torch
        self._first = first
        self._attend = attention
        self._heads = int(model.config.num_attention_heads)
        self._eps = float(model.config.layer_norm_eps)
        self._kind = torch.bfloat16 if half else torch.float32
        state = {name: weight.detach().to(device) for name, weight in model.state_dict().items()}
        self.width = int(model.config.hidden_size)

        def norm(name: str) -> tuple[Any, Any]:
            return state[f"{name}.weight"], state[f"{name}.bias"]

        def product(*names: str) -> tuple[Any, Any]:
            pairs = [norm(name) for name in names]
            return (
                torch.cat([weight for weight, _ in pairs]).to(self._kind),
                torch.cat([bias for _, bias in pairs]).to(self._kind),
            )

        # Every text is a first sentence: type 0 can be added to the positions once.
        at = "embeddings."
        self._words = state[f"{at}word_embeddings.weight"]
        self._positions = (
            state[f"{at}position_embeddings.weight"] + state[f"{at}token_type_embeddings.weight"][0]
        )
        self._norm = norm(f"{at}LayerNorm")
        self._layers = []
        for number in range(int(model.config.num_hidden_layers)):
            at = f"encoder.layer.{number}."
            self._layers.append(
                _Layer(
                    qkv=product(*(f"{at}attention.self.{n}" for n in ("query", "key", "value"))),
                    out=product(f"{at}attention.output.dense"),
                    norm=norm(f"{at}attention.output.LayerNorm"),
                    up=product(f"{at}intermediate.dense"),
                    down=product(f"{at}output.dense"),
                    last=norm(f"{at}output.LayerNorm"),
                )
            )

    def __call__(self, ids: Any, starts: Any, lengths: Sequence[int]) -> Any:
        """Return one row of float32 per text, of any length.

        Args:
            ids: The tokens of all texts, one text after another, on the model's device.
            starts: Where each text begins and, last, how many tokens there are; int32, there too.
            lengths: Tokens of each text.
        """
        torch, functional = self._torch, self._torch.nn.functional
        counts = starts[1:] - starts[:-1]
        total = ids.shape[0]
        owner = torch.repeat_interleave(
            torch.arange(len(lengths), device=ids.device), counts, output_size=total
        )
        places = torch.arange(total, device=ids.device) - starts[:-1][owner]
        x = self._normed(
            functional.embedding(ids, self._words) + functional.embedding(places, self._positions),
            self._norm,
        )
        for layer in self._layers:
            qkv = functional.linear(x.to(self._kind), *layer.qkv).view(total, 3, self._heads, -1)
            seen = self._attend(qkv, lengths, starts)
            x = self._normed(functional.linear(seen, *layer.out) + x, layer.norm)
            wide = functional.gelu(functional.linear(x.to(self._kind), *layer.up))
            x = self._normed(functional.linear(wide, *layer.down) + x, layer.last)
        if self._first:
            return x[starts[:-1].long()]
        sums = torch.zeros(len(lengths), self.width, device=x.device)
        return sums.index_add_(0, owner, x) / counts[:, None]

    def _normed(self, x: Any, pair: tuple[Any, Any]) -> Any:
        return self._torch.nn.functional.layer_norm(x, (self.width,), *pair, self._eps)


def by_length(torch: Any) -> Attention:
    """Return attention that takes all neighboring texts of one length at once.

    Products of small matrices: for texts as short as ours torch's fused attention is slower on a
    processor. Weights are made in float32, as it makes them.
    """

    def attend(qkv: Any, lengths: Sequence[int], _: Any) -> Any:
        parts, start = [], 0
        for length, run in itertools.groupby(lengths):
            number = sum(1 for _ in run)
            end = start + number * length
            # To (3, texts, heads, tokens, width).
            q, k, v = qkv[start:end].unflatten(0, (number, length)).permute(2, 0, 3, 1, 4)
            scores = (q @ k.transpose(-1, -2)).float()
            weights = scores.mul_(q.shape[-1] ** -0.5).softmax(-1).to(v.dtype)
            parts.append((weights @ v).transpose(1, 2).reshape(number * length, -1))
            start = end
        return torch.cat(parts)

    return attend


def varlen(kernel: Any) -> Attention:
    """Return attention by torch's kernel for texts of any lengths (`varlen_attn`)."""

    def attend(qkv: Any, lengths: Sequence[int], starts: Any) -> Any:
        most = max(lengths)
        q, k, v = (each.contiguous() for each in qkv.unbind(1))
        return kernel(q, k, v, starts, starts, most, most).flatten(1)

    return attend


def kernel() -> Any:
    """Return torch's attention for texts of any lengths, None where it has none yet."""
    try:
        return importlib.import_module("torch.nn.attention.varlen").varlen_attn
    except (ImportError, AttributeError):
        return None
