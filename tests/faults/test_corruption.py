"""A byte flipped in any page is found, or says itself in one line, or changes nothing.

SQLite keeps no checksums: a changed letter of a title is found by `kb replay`, one of a raw
record by `kb doctor`. What is shown here is that no page can bring down a command.
"""

import contextlib
import json
import random
import shutil
import sqlite3
import sys

import pytest
from sqlmodel import col, select

from ingest import pipeline
from kb import cli, cycles, diagnosis
from kb.models import (
    Claim,
    EvidenceSpan,
    Link,
    RawRecord,
    Setting,
    Strand,
    Vector,
    Work,
)
from kb.store import Store, now
from kb.vectors import digest
from kb.vocabulary import AgentKind, ClaimLevel, Stance

PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory, _empty_store):
    """A small store with rows in most tables."""
    folder = tmp_path_factory.mktemp("whole")
    path, file = folder / "kb.sqlite", folder / "dump.jsonl"
    shutil.copyfile(_empty_store, path)
    file.write_text(
        "".join(
            json.dumps(
                {
                    "id": f"2502.99{n:03}",
                    "title": f"Kettle {n}" if n % 9 else "",
                    "abstract": f"Water {n} boils. " * 60,
                    "authors": "Ada B. Example, Carl Demo",
                    "categories": "cs.LG",
                    "update_date": "2025-05-01",
                }
            )
            + "\n"
            for n in range(40)
        )
    )
    store = Store(path)
    pipeline.ingest_snapshot(store, file)
    with store.write() as session:
        session.add(Strand(id="tea", position=0, title="Tea", question="Hot?", summary="Tea."))
        session.flush()
        session.add(Claim(id="hot", level=ClaimLevel.thesis, strand_id="tea", text="Tea is hot."))
        session.flush()
        for work in session.exec(select(Work).where(col(Work.abstract) != "")).all():
            link = Link(
                work_id=work.id, claim_id="hot", stance=Stance.supports, score=0.5,
                agent_kind=AgentKind.model, agent="a/1", recorded_at=now(),
            )  # fmt: skip
            session.add(link)
            session.flush()
            session.add(
                EvidenceSpan(
                    link_id=link.id, manifestation_id=f"{work.id}", start=0, end=5, quote="Water",
                    quote_hash=digest("Water"), agent_kind=AgentKind.model, agent="a/1",
                    recorded_at=now(),
                )
            )  # fmt: skip
            session.add(Vector(text_digest=digest(work.id), model="m", dim=2, data=b"12345678"))
            session.add(Setting(name=f"about {work.id}", value="x" * 200))
    cycles.close(store)
    assert store.integrity() == []
    store.close()
    return path


def call(database, *words):
    """Run a command in this process; return its exit code and what it said on standard error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["kb", "--db", str(database), *words])
        try:
            cli.run()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def flips(size, seed):
    """Yield a place in every page: in its head, in its middle and near its end in turn."""
    rng = random.Random(seed)
    for page in range(size // PAGE):
        low, high = ((0, 16), (16, PAGE - 600), (PAGE - 600, PAGE))[(page + seed) % 3]
        yield page * PAGE + rng.randrange(low, high), 1 << rng.randrange(8)


def assert_bearable(whole, path, capsys, place, bit):
    body = bytearray(whole.read_bytes())
    body[place] ^= bit
    path.write_bytes(body)
    for words in (["dump"], ["cycle" if place // PAGE % 2 else "timeline"]):
        code = call(path, *words)
        _, told = capsys.readouterr()
        where = f"byte {place} of page {place // PAGE + 1}, bit {bit}: {words} {told}"
        assert "Traceback" not in told, where
        if code:
            assert code == 5, where
            assert told.startswith("error: ") and told.count("\n") == 1, where
            if "is damaged" in told:
                assert "kb restore" in told and "kb replay" in told, where


def test_a_flipped_byte_in_any_page_is_one_clear_line_or_nothing(whole, tmp_path, capsys):
    for place, bit in flips(whole.stat().st_size, 0):
        assert_bearable(whole, tmp_path / "kb.sqlite", capsys, place, bit)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 8))
def test_more_flipped_bytes(whole, tmp_path, capsys, seed):
    for place, bit in flips(whole.stat().st_size, seed):
        assert_bearable(whole, tmp_path / "kb.sqlite", capsys, place, bit)


def test_nothing_is_written_to_a_damaged_file(whole, tmp_path, capsys):
    path = tmp_path / "kb.sqlite"
    body = bytearray(whole.read_bytes())
    body[5 * PAGE : 5 * PAGE + 8] = b"\xff" * 8
    path.write_bytes(body)
    for words in (["cycle"], ["init"], ["link"], ["run", "--offline", "--no-site"]):
        assert call(path, *words) == 5
        assert "is damaged and was not written to" in capsys.readouterr().err
        assert path.read_bytes() == bytes(body)


def test_the_doctor_names_a_record_that_changed(whole, tmp_path):
    path = tmp_path / "kb.sqlite"
    shutil.copyfile(whole, path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE raw_record SET body = CAST(replace(body, 'boils', 'toils') AS BLOB) "
            "WHERE url = 'dump.jsonl#7'"
        )
        connection.commit()
    told = {found.check: found for found in diagnosis.examine(str(path))}
    assert not told["records"].ok and "dump.jsonl#7" in told["records"].detail
    assert told["integrity"].ok
    whole_told = {found.check: found for found in diagnosis.examine(str(whole))}
    assert whole_told["records"].ok
    assert RawRecord.__tablename__ == "raw_record"
