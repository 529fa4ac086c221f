"""How fast texts become vectors here, beside plain sentence-transformers in the same run.

    python bench/embed.py [TEXTS.jsonl] [--texts 1200] [--device cpu]

Texts come from the abstracts of a JSON Lines file, cut as the embed stage cuts them; without
one, from the statements of the curated theses. Prints JSON; the ratio is what carries from one
machine to another.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from kb import content
from kb.encoder import SentenceTransformerEncoder, default_folder
from kb.sentences import passages


def main() -> None:
    """Time both and print."""
    parser = argparse.ArgumentParser(description="Speed of the embed stage.")
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--texts", type=int, default=1200)
    parser.add_argument("--device", default="auto")
    told = parser.parse_args()
    texts = _texts(told.file, told.texts)
    ours = SentenceTransformerEncoder(device=told.device)
    # Imported here: the encoder above has set it up without the network.
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(default_folder()), device=ours.device, local_files_only=True)
    ours.encode(texts[:64])
    plain.encode(texts[:64])
    seconds, rows = _time(lambda: ours.encode(texts))
    plain_seconds, plain_rows = _time(
        lambda: plain.encode(texts, batch_size=32, normalize_embeddings=True)
    )
    cosine = (rows * plain_rows).sum(axis=1)
    print(
        json.dumps(
            {
                "encoder": ours.name,
                "device": ours.device,
                "texts": len(texts),
                "texts_per_second": round(len(texts) / seconds, 1),
                "plain_texts_per_second": round(len(texts) / plain_seconds, 1),
                "ratio": round(plain_seconds / seconds, 2),
                "least_cosine_to_plain": round(float(cosine.min()), 5),
            },
            indent=2,
        )
    )


def _texts(file: Path | None, count: int) -> list[str]:
    """Up to `count` texts, evenly spaced over what there is."""
    if file is None:
        listed = content.load().theses.theses
        found = [text for thesis in listed for text in (*thesis.for_, *thesis.against)]
    else:
        with file.open(encoding="utf-8") as lines:
            works = [json.loads(line) for line in lines if line.strip()]
        found = [text for work in works for text in passages(work["title"], work["abstract"]).texts]
    return found[:: max(1, len(found) // count)][:count]


def _time(call: Any) -> tuple[float, np.ndarray]:
    """The better of two runs, in seconds, and what came out."""
    best, out = float("inf"), np.empty(0)
    for _ in range(2):
        start = time.perf_counter()
        out = call()
        best = min(best, time.perf_counter() - start)
    return best, out


if __name__ == "__main__":
    main()
