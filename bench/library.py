"""A store of a size of one's choice, for benchmarks: the curated debate and made-up works.

Titles and abstracts are words drawn by Zipf's law, always the same ones. They stand for real
records in number and length, not in sense; nothing of them is ever a figure about quality.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
import sqlite3
from typing import TYPE_CHECKING, Any

from kb import content, curation, cycles
from kb.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

VOCABULARY = 30_000
"""Distinct words, as many as a hundred thousand abstracts of a field hold more than once."""
_STANCES = ("supports", "disputes", "qualifies", "mentions")
_NOW = "2026-01-01 00:00:00.000000"


def curated(path: Path) -> Path:
    """Make a store with the curated debate alone."""
    store = Store(path)
    store.migrate()
    curation.apply(store, content.load())
    cycles.close(store)
    store.close()
    return path


def sayings(n: int, words: int, seed: int = 0) -> Iterator[str]:
    """Yield n texts of some number of words."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    names = [f"w{i:x}" for i in range(VOCABULARY)]
    weights = list(itertools.accumulate(1 / (i + 1) for i in range(VOCABULARY)))
    for _ in range(n):
        yield " ".join(draw.choices(names, cum_weights=weights, k=words))


def grow(path: Path, works: int, links: int = 0) -> None:
    """Add made-up works to a store, and machine-made links to its claims, each with evidence.

    Written as rows: this is what a benchmark reads, not how records come in.
    """
    draw = random.Random(1)  # noqa: S311 - no secret
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        claims = [row[0] for row in connection.execute("SELECT id FROM claim WHERE NOT retired")]
        months = [(10 + i // 9000 // 12, 1 + i // 9000 % 12) for i in range(works)]
        ids = [f"arxiv:{y}{m:02}.{80000 + i % 9000}" for i, (y, m) in enumerate(months)]
        names, bodies = list(sayings(works, 9, 2)), list(sayings(works, 150, 3))
        dates = [f"{2015 + i % 10}-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(works)]

        def put(table: str, rows: Sequence[dict[str, Any]]) -> None:
            columns = list(rows[0])
            quoted = ", ".join(f'"{name}"' for name in columns)
            marks = ", ".join(f":{name}" for name in columns)
            connection.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({marks})", rows)  # noqa: S608 - our own tables

        if works:
            put("work", [_work(*each) for each in zip(ids, names, bodies, dates, strict=True)])
            put("identifier", [{"id": id, "work_id": id} for id in ids])
            put("manifestation", [_form(*e) for e in zip(ids, names, bodies, dates, strict=True)])
            put(
                "authorship",
                [
                    {"work_id": id, "position": n, "name": f"A. Name{draw.randrange(50_000)}"}
                    for id in ids
                    for n in range(3)
                ],
            )
            put(
                "search_text",
                [
                    {"kind": "work", "ref": id, "title": title, "body": body}
                    for id, title, body in zip(ids, names, bodies, strict=True)
                ],
            )
        start = connection.execute("SELECT coalesce(max(id), 0) FROM link").fetchone()[0] + 1
        pairs = itertools.islice(
            (
                (w, claims[(c * 7 + w) % len(claims)])
                for c in range(len(claims))
                for w in range(works)
            ),
            links,
        )
        made = [_link(start + n, ids[w], claim) for n, (w, claim) in enumerate(pairs)]
        if made:
            put("link", made)
            text = dict(zip(ids, bodies, strict=True))
            put("evidence_span", [_span(link, text[link["work_id"]][:120]) for link in made])
        connection.commit()


def _work(id: str, title: str, body: str, date: str) -> dict[str, Any]:
    return {
        "id": id, "kind": "paper", "title": title, "title_key": title, "abstract": body,
        "first_public": date, "first_day": date, "venue": "", "categories": "cs.LG",
        "synopsis": "", "withdrawn": False, "retired": False,
    }  # fmt: skip


def _form(id: str, title: str, body: str, date: str) -> dict[str, Any]:
    return {
        "id": f"{id}v1", "work_id": id, "kind": "arxiv", "title": title,
        "abstract": body, "publisher": "arXiv", "url": f"https://arxiv.org/abs/{id[6:]}v1",
        "version": 1, "valid": date, "retrieved_at": _NOW, "cited": True, "note": "",
        "content_hash": hashlib.sha256(f"{title}\n{body}".encode()).hexdigest(),
    }  # fmt: skip


def _link(id: int, work: str, claim: str) -> dict[str, Any]:
    return {
        "id": id, "work_id": work, "claim_id": claim, "stance": _STANCES[id % 4], "how": None,
        "agent_kind": "model", "agent": "made-up/1", "why": "", "score": id % 100 / 100,
        "stance_score": 0.0, "review": "proposed", "reviewed_by": "", "valid": "2025-01-01",
        "recorded_at": _NOW,
    }  # fmt: skip


def _span(link: dict[str, Any], quote: str) -> dict[str, Any]:
    return {
        "link_id": link["id"], "manifestation_id": f"{link['work_id']}v1", "start": 0,
        "end": len(quote), "quote": quote, "agent_kind": "model", "agent": "made-up/1",
        "quote_hash": hashlib.sha256(quote.encode()).hexdigest(), "score": link["score"],
        "review": "proposed", "recorded_at": _NOW,
    }  # fmt: skip
