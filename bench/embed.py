"""How fast texts become vectors here, beside plain sentence-transformers and a measured limit.

    python bench/embed.py [--dump ARXIV.jsonl.xz] [--count 1200] [--rounds 3] [--threads N]

Texts are titles, windows and sentences, cut as the embed stage cuts them: of the abstracts of a
JSON Lines file, or of abstracts put together from our own statements. All ways take turns, round
after round, on the same texts, and the best round of each counts: others may work on the machine.
Processor time is told besides; with more threads than one it holds what threads waited for each
other.

The limit is that of bf16 products of matrices of the model's own shapes, in the same rounds.
Operations are counted by formula: for each token and layer 2 * (4 d^2 + 2 d f), for each text of n
tokens and layer 4 n^2 d, where d is the model's width and f that of its inner layers (Vaswani et
al., "Attention Is All You Need", 2017, section 3: a product of n x k and k x m takes 2 n k m).

With a graphics card in the machine, texts of 256 tokens are measured on it too.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import json
import lzma
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine
import numpy as np

from kb import content
from kb.encoder import SentenceTransformerEncoder, default_folder, processor_has_bf16
from kb.encoding.models import cores
from kb.encoding.tokens import Cutter
from kb.sentences import passages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOALS = {"ratio": 3.5, "share_of_limit": 0.6, "least_cosine": 0.9999, "top_10_overlap": 0.99}
CARD_GOAL = 30_000
"""Texts of 256 tokens a second on one H100 or H200, cutting included."""
_ROWS = 2048
"""Tokens of the products that make the limit: a batch of ours."""
_KINDS = {
    "products with weights": ("aten::addmm", "aten::linear", "mkldnn::", "aten::mm"),
    "attention": ("aten::bmm", "aten::_softmax", "aten::mul_", "aten::baddbmm"),
    "layer norm": ("aten::native_layer_norm",),
    "gelu": ("aten::gelu",),
    "copies and casts": ("aten::copy_", "aten::cat", "aten::clone"),
}
"""What is told of the profile, by the names that torch's profiler gives."""


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description="Speed of the encoder.")
    parser.add_argument("--dump", type=Path, help="JSON Lines with title and abstract, or .xz")
    parser.add_argument("--count", type=int, default=1200, help="how many texts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--out", type=Path)
    told = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", str(told.threads))
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(told.threads)
    texts = _texts(told.dump, told.count)
    plain = SentenceTransformer(str(default_folder()), device="cpu", local_files_only=True)
    settings = plain[0].auto_model.config
    form = (default_folder() / "tokenizer.json").read_text(encoding="utf-8")
    cut = Cutter(form, plain.max_seq_length)
    lengths = [len(each) for each in cut(texts)]
    work = _operations(settings, lengths)

    ways: dict[str, Callable[[], Any]] = {
        "plain": lambda: plain.encode(texts, batch_size=32, normalize_embeddings=True),
        "cutting": lambda: cut(texts),
    }
    precisions = ("bf16", "fp32") if processor_has_bf16() else ("fp32",)
    devices = ["cpu", *(["openvino"] if importlib.util.find_spec("openvino") else [])]
    for device, precision in itertools.product(devices, precisions):
        one = SentenceTransformerEncoder(device=device, precision=precision)  # type: ignore[arg-type]
        one.encode(texts[:64])
        ways[f"{device} {precision}"] = lambda one=one: one.encode(texts)
    limits = {}
    for precision in precisions:
        products, products_work = _products(torch, settings, precision)
        ways[f"limit {precision}"] = products
        limits[precision] = products_work

    wall, spent, rows = _rounds(ways, told.rounds)
    rate = {name: limits[name] / wall[f"limit {name}"] for name in precisions}
    encoders = {
        f"{device} {precision}": {
            "ratio": round(wall["plain"] / wall[f"{device} {precision}"], 2),
            "ratio_of_processor_time": round(spent["plain"] / spent[f"{device} {precision}"], 2),
            "texts_per_second": round(len(texts) / wall[f"{device} {precision}"], 1),
            "gflops": round(work / wall[f"{device} {precision}"] / 1e9, 1),
            "share_of_limit": round(work / wall[f"{device} {precision}"] / rate[precision], 3),
            **_likeness(rows["plain"], rows[f"{device} {precision}"]),
        }
        for device, precision in itertools.product(devices, precisions)
    }
    ours = f"cpu {precisions[0]}"
    figures: dict[str, Any] = {
        "texts": len(texts),
        "source": told.dump.name if told.dump else "abstracts of our own statements",
        "tokens": {"all": sum(lengths), "mean": round(float(np.mean(lengths)), 1)},
        "threads": torch.get_num_threads(),
        "rounds": told.rounds,
        "operations": work,
        "limit_gflops": {name: round(value / 1e9, 1) for name, value in rate.items()},
        "plain": {
            "texts_per_second": round(len(texts) / wall["plain"], 1),
            "gflops": round(work / wall["plain"] / 1e9, 1),
        },
        "encoders": encoders,
        "ours": ours,
        "goals": {name: {"goal": goal, "reached": encoders[ours][name]}
                  for name, goal in GOALS.items()},
        "cutting_share": round(wall["cutting"] / wall[ours], 4),
        "profile": _profile(ways[ours]),
        "card": _card(torch, form) if torch.cuda.is_available() else "none: not measured",
    }  # fmt: skip
    place = machine.write(
        "embed", figures, told.out, "torch", "sentence-transformers", "transformers", "openvino"
    )
    print(json.dumps(figures, indent=2))
    for name, each in figures["goals"].items():
        verdict = "reached" if each["reached"] >= each["goal"] else "MISSED"
        print(f"{name}: {each['reached']} (goal {each['goal']}, {verdict})")
    print(f"kept in {place}")


# -- what is read ------------------------------------------------------------------------------


def _texts(dump: Path | None, count: int) -> list[str]:
    """Up to `count` texts, evenly spaced over those of as many works as hold twice as many."""
    found: list[str] = []
    for title, abstract in _dumped(dump) if dump else _generated():
        found += passages(title, abstract).texts
        if len(found) >= 2 * count:
            break
    found = list(dict.fromkeys(found))
    return found[:: max(1, len(found) // count)][:count]


def _dumped(dump: Path) -> Iterator[tuple[str, str]]:
    read = lzma.open if dump.suffix == ".xz" else open
    with read(dump, "rt", encoding="utf-8") as lines:
        for line in lines:
            work = json.loads(line)
            if work.get("abstract"):
                yield work["title"], work["abstract"]


def _generated() -> Iterator[tuple[str, str]]:
    """Abstracts of five to nine of our own statements each, the same in every run."""
    listed = content.load().theses.theses
    said = [text for thesis in listed for text in (*thesis.for_, *thesis.against)]
    chance = random.Random(20)  # noqa: S311 - to mix texts
    while True:
        title, *rest = chance.sample(said, chance.randint(6, 10))
        yield title.rstrip("."), " ".join(rest)


# -- what is measured ----------------------------------------------------------------------------


def _rounds(
    ways: dict[str, Callable[[], Any]], rounds: int
) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """Run all ways in turn; return the least seconds and processor seconds, and what came."""
    wall = dict.fromkeys(ways, float("inf"))
    spent, came = dict(wall), {}
    for _ in range(rounds):
        for name, way in ways.items():
            start, begun = time.perf_counter(), time.process_time()
            came[name] = way()
            spent[name] = min(spent[name], time.process_time() - begun)
            wall[name] = min(wall[name], time.perf_counter() - start)
    return wall, spent, came


def _operations(settings: Any, lengths: list[int]) -> float:
    width, inner = settings.hidden_size, settings.intermediate_size
    token = 2.0 * (4 * width**2 + 2 * width * inner)
    each = sum(token * n + 4.0 * n * n * width for n in lengths)
    return float(each * settings.num_hidden_layers)


def _products(torch: Any, settings: Any, precision: str) -> tuple[Callable[[], None], float]:
    """Products of the shapes of one layer's weights, some times, and their operations."""
    d, f, times = settings.hidden_size, settings.intermediate_size, 40
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    shapes = ((d, 3 * d), (d, d), (d, f), (f, d))
    pairs = [(torch.randn(_ROWS, k).to(kind), torch.randn(m, k).to(kind)) for k, m in shapes]

    def products() -> None:
        with torch.no_grad():
            for _ in range(times):
                for one, other in pairs:
                    torch.nn.functional.linear(one, other)

    return products, float(times * sum(2 * _ROWS * k * m for k, m in shapes))


def _likeness(plain: Any, ours: Any) -> dict[str, float]:
    """How like the vectors are to plain fp32's, and how many of ten neighbors are the same."""
    cosine = (plain * ours).sum(axis=1)
    near = [_ten(rows) for rows in (plain, ours)]
    same = [len(set(a) & set(b)) / 10 for a, b in zip(*near, strict=True)]
    return {
        "least_cosine": round(float(cosine.min()), 6),
        "mean_cosine": round(float(cosine.mean()), 6),
        "top_10_overlap": round(float(np.mean(same)), 4),
    }


def _ten(rows: Any) -> Any:
    scores = rows @ rows.T
    np.fill_diagonal(scores, -np.inf)
    return np.argpartition(-scores, 10, axis=1)[:, :10].tolist()


def _profile(way: Callable[[], Any]) -> dict[str, float]:
    """Shares of the time of torch's operations, by kind."""
    profiler = importlib.import_module("torch.profiler")
    with profiler.profile(activities=[profiler.ProfilerActivity.CPU]) as found:
        way()
    times = {each.key: each.self_cpu_time_total for each in found.key_averages()}
    total = sum(times.values())
    shares = {
        kind: sum(t for key, t in times.items() if key.startswith(names)) / total
        for kind, names in _KINDS.items()
    }
    shares["all else"] = 1 - sum(shares.values())
    return {kind: round(share, 3) for kind, share in shares.items()}


def _card(torch: Any, form: str) -> dict[str, Any]:
    """Texts of 256 tokens a second on a graphics card, and what each part could do by itself."""
    library = importlib.import_module("sentence_transformers")
    words = [text for text, _ in itertools.islice(_generated(), 4000)]
    chance = random.Random(21)  # noqa: S311 - to mix texts
    texts = [" ".join(chance.choices(words, k=30)) for _ in range(60_000)]
    one = SentenceTransformerEncoder(device="cuda")
    one.encode(texts[:8192])
    engine = one._engine
    assert engine is not None
    start = time.perf_counter()
    one.encode(texts)
    whole = time.perf_counter() - start
    some = Cutter(form, 256)(texts[:8192])
    start = time.perf_counter()
    for at in range(0, len(some), 512):
        engine.finish(engine.start(some[at : at + 512]))
    model = (time.perf_counter() - start) / len(some)
    start = time.perf_counter()
    Cutter(form, 256)(texts[:8192])
    cutting = (time.perf_counter() - start) / len(some)
    plain = library.SentenceTransformer(str(default_folder()), device="cuda")
    start = time.perf_counter()
    plain.encode(texts[:8192], batch_size=256, normalize_embeddings=True)
    peer = (time.perf_counter() - start) / 8192
    return {
        "name": torch.cuda.get_device_name(),
        "tokens_mean": round(float(np.mean([len(each) for each in some])), 1),
        "texts_per_second": round(len(texts) / whole),
        "goal": CARD_GOAL,
        "ratio": round(peer * len(texts) / whole, 2),
        "texts_per_second_model_alone": round(1 / model),
        "texts_per_second_one_process_cutting": round(1 / cutting),
        "processes_cutting": engine.readers,
        "peak_memory_mib": torch.cuda.max_memory_allocated() // 2**20,
    }


if __name__ == "__main__":
    main()
