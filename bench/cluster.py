"""Two workers under Ray beside one process: vectors, links, and what a shard costs.

    python bench/cluster.py [--dump FILE] [--works N] [--linked N] [--scratch FOLDER] [--out FILE]

Takes works of a dump of arXiv's metadata, or without one those of the curated debate, into a
store, and embeds and links copies of it by one process and by two workers on this machine, with
the packaged models. What a shard costs is told with a stand-in that hashes words, so that the
cost of a model hides nothing. The works to link are those that the funnel lets pass, since the
others are hardly read. Rates a core are of processor time; the rest is of the wall, and
both ways take what else the machine does.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine
import numpy as np
from increment import Hashing
from sqlmodel import col, select

from ingest import cluster, embed, funnel, pipeline
from ingest.link import run as link_here
from ingest.link import theses
from ingest.sources.arxiv_snapshot import ArxivSnapshot
from kb import content, curation
from kb.encoder import SentenceTransformerEncoder
from kb.models import Link, QueuedLink, Vector, Work
from kb.sentences import passages
from kb.store import Store
from kb.vocabulary import AgentKind, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kb.encoder import Encoder

WORKERS = 2
MANY = 10
"""Works to choose from, for one that is embedded."""
SPREAD = 100
"""Records of the dump from one that is taken to the next."""
MADE = 3000
"""Works made up to tell what a shard costs."""
SMALL = 256
"""Texts in a shard here, where there are only thousands."""


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description="Two workers beside one process.")
    parser.add_argument("--dump", type=Path)
    parser.add_argument("--works", type=int, default=300)
    parser.add_argument("--linked", type=int, default=120)
    parser.add_argument("--scratch", type=Path, help="Folder for the databases.")
    parser.add_argument("--out", type=Path)
    told = parser.parse_args()
    encoder = SentenceTransformerEncoder(device="cpu")
    make = partial(SentenceTransformerEncoder, device="cpu")
    with (
        tempfile.TemporaryDirectory(dir=told.scratch) as name,
        cluster.Pool(workers=WORKERS) as pool,
    ):
        folder = Path(name)
        store, ids = filled(folder, told.dump, MANY * told.works)
        figures: dict[str, Any] = {
            "workers": WORKERS,
            "abstracts": "arXiv" if told.dump else "synopses of the curated debate",
            "texts": sizes(store, ids, encoder),
        }
        figures["start_seconds"] = round(took(pool.start), 2)
        figures["shard"] = a_shard(folder, pool)
        near = passing(store, ids)[: told.linked]
        some = sorted({*ids[:: max(1, len(ids) // told.works)], *near})
        figures["embed"] = embedded(store, folder, pool, encoder, make, some)
        figures["link"] = linked(folder, pool, encoder, near)
        store.close()
    for key, value in figures.items():
        print(key, value)
    print(machine.write("cluster", figures, told.out, "ray", "pyarrow", "torch"))


def filled(folder: Path, dump: Path | None, count: int) -> tuple[Store, list[str]]:
    """Return a store with the curated debate and works, and the ids of these works."""
    store = Store(folder / "kb.sqlite")
    store.migrate()
    curation.apply(store, content.load())
    query = select(Work.id).order_by(Work.id)
    if dump is None:
        query = query.where(Work.synopsis != "")
    else:
        some = folder / "some.jsonl"
        with some.open("wb") as file:
            # Spread over the years: old abstracts are shorter.
            every = itertools.islice(ArxivSnapshot(dump).fetch(), 0, SPREAD * count, SPREAD)
            for raw in every:
                file.write(raw.body)
        pipeline.ingest_snapshot(store, some)
        query = query.where(Work.abstract != "")
    with store.read() as session:
        return store, list(session.exec(query.limit(count)))


def sizes(store: Store, ids: list[str], encoder: Encoder) -> dict[str, Any]:
    """How many texts a work has, and how many tokens a text."""
    from tokenizers import Tokenizer

    from kb.encoder import default_folder

    tokenizer = Tokenizer.from_file(str(default_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    with store.read() as session:
        works = session.exec(select(Work).where(col(Work.id).in_(ids))).all()
    texts = [t for w in works for t in passages(w.title, w.abstract or w.synopsis).texts]
    tokens = [len(each.ids) for each in tokenizer.encode_batch(texts)]
    return {
        "works": len(works),
        "a_work": round(len(texts) / len(works), 2),
        "tokens_a_text": round(float(np.mean(tokens)), 1),
        "tokens_a_work": round(sum(tokens) / len(works)),
        "bytes_a_vector": 4 * encoder.dim,
    }


def passing(store: Store, ids: list[str]) -> list[str]:
    """Return the works that the funnel lets pass."""
    with store.read() as session:
        works = session.exec(select(Work).where(col(Work.id).in_(ids)).order_by(Work.id)).all()
    scores = funnel.Funnel(theses.from_file(content.load().theses)).scores(
        [f"{work.title}\n{work.abstract or work.synopsis}" for work in works]
    )
    pairs = zip(works, scores, strict=True)
    return [work.id for work, score in pairs if score >= funnel.THRESHOLD]


def a_shard(folder: Path, pool: cluster.Pool) -> dict[str, Any]:
    """What the process that commits spends on a shard, and how long one takes on its way."""
    plain, other, few = (Store(folder / f"made {name}.sqlite") for name in ("here", "pool", "few"))
    for store, count in ((plain, MADE), (other, MADE), (few, MADE // 100)):
        made(store, count)
    cpu = time.process_time()
    seconds = took(lambda: embed.run(plain, Hashing()))
    cpu = time.process_time() - cpu
    spent: list[tuple[float, int]] = []
    walls: list[float] = []
    for store in (few, other):
        walls.clear()
        start = time.process_time()
        counts = spread(
            store, pool, Hashing(), Hashing, lambda *_: walls.append(time.perf_counter())
        )
        spent.append((time.process_time() - start, counts["encoded"]))
    (least, some), (most, texts) = spent
    return {
        "texts": texts,
        "shards": len(walls),
        "texts_in_a_shard": SMALL,
        "ms_between_shards": round(1000 * (walls[-1] - walls[0]) / (len(walls) - 1), 1),
        "committer_start_cpu_s": round(least, 2),
        "committer_ms_a_shard": round(1000 * (most - least) / (len(walls) - 1), 1),
        "committer_texts_per_cpu_second": round((texts - some) / (most - least)),
        "one_process_s": round(seconds, 2),
        "one_process_ms_of_cpu_for_as_many_texts": round(1000 * cpu * SMALL / texts, 1),
    }


def made(store: Store, count: int) -> None:
    """Fill a store with works that say each its own, in sentences of the usual length."""
    store.migrate()
    rng = np.random.default_rng(count)
    words = [f"{a}{b}" for a in ("deep", "flat", "wide", "lazy") for b in range(300)]
    with store.write() as session:
        for n in range(count):
            told = [" ".join(rng.choice(words, 20)) for _ in range(6)]
            session.add(
                Work(
                    id=f"arxiv:2501.{n:05}",
                    kind=WorkKind.paper,
                    title=f"Work {n}",
                    abstract=" ".join(f"We {sentence}." for sentence in told),
                )
            )


def embedded(
    store: Store,
    folder: Path,
    pool: cluster.Pool,
    encoder: Encoder,
    make: Callable[[], Encoder],
    ids: list[str],
) -> dict[str, Any]:
    """Vectors by one process with all cores, and by workers with one each."""
    encoder.encode(["loaded before the clock runs"])
    plain, other, few = (copied(store, folder, name) for name in ("local", "pool", "few"))
    cpu = time.process_time()
    seconds = took(lambda: embed.run(plain, encoder, only=ids))
    cpu = time.process_time() - cpu
    embed.run(few, encoder, only=[])  # what the debate itself says is not what is timed here
    until_ready = took(lambda: spread(few, pool, encoder, make, only=ids[:1]))
    spent = took(lambda: spread(other, pool, encoder, make, only=ids))
    ours, theirs = vectors(plain), vectors(other)
    if ours.keys() != theirs.keys():
        raise SystemExit("the workers made vectors of other texts")
    texts = len(ours)
    cosine = min(float(np.dot(ours[key], theirs[key])) for key in ours)
    return {
        "texts": texts,
        "one_process_s": round(seconds, 2),
        "workers_s": round(spent, 2),
        "until_models_are_loaded_s": round(until_ready, 2),
        "texts_per_core_second": round(texts / cpu, 1),
        "ratio": round(seconds / spent, 2),
        "ratio_once_loaded": once_loaded(seconds, spent, until_ready),
        "least_cosine": round(cosine, 6),
    }


def linked(folder: Path, pool: cluster.Pool, encoder: Encoder, ids: list[str]) -> dict[str, Any]:
    """Links by one process and by workers, from the vectors that are there."""
    source = Store(folder / "local.sqlite")
    plain, other, few = (copied(source, folder, f"link {n}") for n in ("local", "pool", "few"))
    link_here(copied(source, folder, "warm"), encoder, only=ids[:1])
    cpu = time.process_time()
    seconds = took(lambda: link_here(plain, encoder, only=ids))
    cpu = time.process_time() - cpu

    def by_pool(store: Store, only: list[str]) -> None:
        shards = cluster.folder(store)
        cluster.link(store, encoder, pool=pool, make=shards, only=only, size=16)

    until_ready = took(lambda: by_pool(few, ids[:1]))
    here = time.process_time()
    spent = took(lambda: by_pool(other, ids))
    driver = time.process_time() - here
    ours, theirs = links(plain), links(other)
    apart = [abs(ours[key] - theirs[key]) for key in ours.keys() & theirs.keys()]
    return {
        "works": len(ids),
        "one_process_s": round(seconds, 2),
        "workers_s": round(spent, 2),
        "until_models_are_loaded_s": round(until_ready, 2),
        "works_per_core_second": round(len(ids) / cpu, 2),
        "committer_works_per_cpu_second": round(len(ids) / driver, 1),
        "ratio": round(seconds / spent, 2),
        "ratio_once_loaded": once_loaded(seconds, spent, until_ready),
        "rows": len(ours),
        "rows_that_differ": len(ours.keys() ^ theirs.keys()),
        "most_a_score_differs": round(max(apart, default=0.0), 4),
    }


def once_loaded(seconds: float, spent: float, until_ready: float) -> float | None:
    """How many times as fast the workers are without their start; None where that is all."""
    return round(seconds / (spent - until_ready), 2) if spent > 1.2 * until_ready else None


def spread(
    store: Store,
    pool: cluster.Pool,
    encoder: Encoder,
    make: Callable[[], Encoder],
    progress: Callable[[int, int], None] | None = None,
    only: list[str] | None = None,
) -> dict[str, int]:
    """Embed a store by the pool, in small shards."""
    shards = cluster.folder(store)
    return cluster.embed(
        store, encoder, progress, only, pool=pool, make=shards, model=make, size=SMALL
    )


def copied(store: Store, folder: Path, name: str) -> Store:
    """Return a copy of a store, whose file is closed."""
    store.close()
    place = folder / f"{name}.sqlite"
    shutil.copyfile(str(store.path), place)
    return Store(place)


def vectors(store: Store) -> dict[str, np.ndarray]:
    """Return every vector of a store by the hash of its text."""
    with store.read() as session:
        rows = session.exec(select(Vector.text_digest, Vector.data)).all()
    return {key: np.frombuffer(data, "<f4") for key, data in rows}


def links(store: Store) -> dict[tuple[str, ...], float]:
    """Return what the linker says of each work and thesis, with its score."""
    with store.read() as session:
        shown = select(Link).where(Link.agent_kind == AgentKind.model)
        rows = [
            *session.exec(shown.where(col(Link.superseded_at).is_(None))),
            *session.exec(select(QueuedLink).where(col(QueuedLink.superseded_at).is_(None))),
        ]
        return {
            (type(row).__name__, row.work_id, row.claim_id, row.stance): row.score or 0.0
            for row in rows
        }


def took(job: Callable[[], object]) -> float:
    """Return the seconds that a job takes."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
