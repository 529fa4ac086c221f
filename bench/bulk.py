"""How fast a dump of arXiv's metadata comes in, beside a plain `session.add` loop over its rows.

    python bench/bulk.py [--dump FILE] [--first N] [--scratch FOLDER] [--out FILE]

The dump is read streaming, compressed or not; without one, made-up records of like length are
used, so that the ratio can be had anywhere. Three things are run over the same records, each in
a process of its own, so that its peak of memory is its own: `kb ingest arxiv-snapshot` into an
empty store; the same again, which must change nothing; and, over the first `--peer` records, the
plain way: read a line, build the row objects that our store holds for it, `session.add` each,
commit every 1,000 records. The peer decides no identities and looks nothing up.

On a shared machine wall time says little: records a second are told by the wall, by the time of
the processor, of which the store's process and its helper are added up, and by that of the busier
of the two, which is what two free cores would give.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine
from library import sayings

from ingest import pipeline
from ingest.sources.arxiv_snapshot import ArxivSnapshot
from kb import models, titles
from kb.store import Store, now
from kb.vocabulary import StatusKind, Verified

if TYPE_CHECKING:
    from sqlmodel import Session

    from ingest.records import Draft, Raw

GOALS = {"records_per_second": 10_000, "peak_mb": 400, "second_pass": 5}


def main() -> None:
    """Run the three and print the ratios."""
    parser = argparse.ArgumentParser(description="How fast a dump comes in.")
    parser.add_argument("--dump", type=Path, help="JSON Lines, plain, .gz, .xz or .zst.")
    parser.add_argument("--first", type=int, default=0, help="Only so many records; 0 for all.")
    parser.add_argument("--peer", type=int, default=20_000, help="Records for the plain way.")
    parser.add_argument("--scratch", type=Path, help="Folder for the databases.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.part:
        print(json.dumps(_part(*told.part)))
        return
    with tempfile.TemporaryDirectory(dir=told.scratch) as folder:
        dump, few = _files(Path(folder), told.dump, told.first, told.peer)
        store, plain = f"{folder}/kb.sqlite", f"{folder}/plain.sqlite"
        figures = {
            "first": _play("ours", store, dump),
            "second": _play("ours", store, dump),
            "ours_on_the_peers_records": _play("ours", f"{folder}/few.sqlite", few),
            "session_add": _play("plain", plain, few),
        }
    first, second = figures["first"], figures["second"]
    ours, peer = figures["ours_on_the_peers_records"], figures["session_add"]
    ratios = {
        "second_pass_to_first": first["cpu"] / second["cpu"],
        "to_session_add": peer["cpu"] / ours["cpu"],
        "to_session_add_wall": peer["wall"] / ours["wall"],
    }
    for name, each in figures.items():
        print(
            f"{name:26} {each['records']:>8,} records  {each['records'] / each['wall']:>8,.0f} a "
            f"second by the wall  {each['records'] / each['cpu']:>8,.0f} a second of processor  "
            f"{each['records'] / each['busier_cpu']:>8,.0f} of the busier process  "
            f"peak {each['peak_mb']:.0f} MB  {each['counts']}"
        )
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.1f}")
    figures |= {"ratios": ratios, "goals": GOALS, "is_real": told.dump is not None}
    print(machine.write("bulk", figures, told.out, "sqlalchemy", "sqlmodel"))


def _files(folder: Path, dump: Path | None, first: int, few: int) -> tuple[Path, Path]:
    """The whole dump, and its first records in a file of their own."""
    if dump is None:
        dump = folder / "made.jsonl"
        _make(dump, first or 20_000)
        first = 0
    some = folder / "some.jsonl"
    _cut(dump, some, few)
    if first:
        dump, whole = folder / "first.jsonl", dump
        _cut(whole, dump, first)
    return dump, some


def _cut(dump: Path, target: Path, most: int) -> None:
    with target.open("wb") as file:
        for raw in itertools.islice(ArxivSnapshot(dump).fetch(), most):
            file.write(raw.body)


def _make(path: Path, records: int) -> None:
    draw = random.Random(0)  # noqa: S311 - no secret
    with path.open("w", encoding="utf-8") as file:
        for n, text in enumerate(sayings(records, 150)):
            row = {
                "id": f"{2001 + n // 90_000:04}.{n % 90_000 + 1:05}",
                "title": text[:70],
                "abstract": text,
                "authors": ", ".join(f"A. Name{draw.randrange(5000)}" for _ in range(3)),
                "categories": "cs.LG",
                "update_date": "2020-02-02",
            }
            file.write(json.dumps(row) + "\n")


def _play(kind: str, database: str, dump: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--part", kind, database, str(dump)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _part(kind: str, database: str, dump: str) -> dict[str, Any]:
    store = Store(database)
    store.migrate()
    before, start = [_cpu(who) for who in _BOTH], time.perf_counter()
    counts = (_ours if kind == "ours" else _plain)(store, Path(dump))
    wall = time.perf_counter() - start
    used = [_cpu(who) - was for who, was in zip(_BOTH, before, strict=True)]
    store.close()
    peak = sum(resource.getrusage(who).ru_maxrss / 1024 for who in _BOTH)
    records = sum(counts.get(name, 0) for name in ("added", "changed", "same", "refused"))
    return {
        "records": records, "wall": wall, "cpu": sum(used), "busier_cpu": max(used),
        "peak_mb": peak, "counts": counts,
    }  # fmt: skip


_BOTH = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN


def _cpu(who: int) -> float:
    """Seconds of processor of this process, or of those it started that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _ours(store: Store, dump: Path) -> dict[str, int]:
    return pipeline.ingest_snapshot(store, dump)


def _plain(store: Store, dump: Path) -> dict[str, int]:
    count = 0
    raws = ArxivSnapshot(dump).fetch()
    while batch := list(itertools.islice(raws, 1000)):
        with store.write() as session:
            drafts = [ArxivSnapshot.read(raw) for raw in batch]
            for raw, draft in zip(batch, drafts, strict=True):
                count += 1
                _add_work(session, raw, draft, count)
            session.flush()  # what the other rows point to
            for raw, draft in zip(batch, drafts, strict=True):
                _add_rest(session, raw, draft)
    return {"added": count}


def _add_work(session: Session, raw: Raw, draft: Draft, seq: int) -> None:
    session.add(
        models.RawRecord(
            digest=raw.digest, source=raw.source, url=raw.url, fetched_at=raw.fetched_at,
            body=raw.body, seq=seq, recorded_at=now(),
        )
    )  # fmt: skip
    session.add(
        models.Work(
            id=draft.identifiers[0], kind=draft.kind, title=draft.title,
            title_key=titles.key(draft.title), abstract=draft.abstract,
            first_public=draft.first_public, first_day=f"{draft.first_public}-01",
            categories=draft.categories,
        )
    )  # fmt: skip


def _add_rest(session: Session, raw: Raw, draft: Draft) -> None:
    """Add the other rows that our store holds for one record."""
    (form,), work = draft.manifestations, draft.identifiers[0]
    session.add(models.Identifier(id=work, work_id=work))
    for position, name in enumerate(draft.authors):
        session.add(models.Authorship(work_id=work, position=position, name=name))
    session.add(
        models.Manifestation(
            id=form.id, work_id=work, kind=form.kind, title=form.title, abstract=form.abstract,
            publisher=form.publisher, url=form.url, version=form.version, valid=form.valid,
            retrieved_at=raw.fetched_at, content_hash=raw.digest, raw_digest=raw.digest,
        )
    )  # fmt: skip
    session.add(
        models.StatusEvent(
            work_id=work, status=StatusKind.preprint, source="arXiv", verified=Verified.official,
            valid=draft.first_public, recorded_at=now(),
        )
    )  # fmt: skip
    body = " ".join([draft.abstract, *draft.authors])
    session.add(models.SearchText(kind="work", ref=work, title=draft.title, body=body))


if __name__ == "__main__":
    main()
