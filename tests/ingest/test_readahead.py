import datetime as dt
import io
import json
import pickle

import pytest

from ingest import readahead
from ingest.errors import ParseError
from ingest.readahead import Helper
from ingest.records import Draft, ManifestationDraft, Raw, Removal, StatusDraft
from ingest.sources.arxiv_snapshot import ArxivSnapshot
from kb.vocabulary import ManifestationKind, StatusKind, WorkKind

AT = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)


def raw(number, **fields):
    row = {"id": f"2502.{99000 + number}", "title": f"Kettle {number}", **fields}
    return Raw("arxiv-snapshot", f"f#{number}", AT, json.dumps(row).encode())


def test_a_second_process_reads_what_the_first_would():
    raws = [raw(n, abstract="caf\u00e9", authors="Ada B. Example, Carl Demo") for n in range(300)]
    with Helper(ArxivSnapshot.read) as helper:
        for start in range(0, 300, 100):
            helper.ask(raws[start : start + 100])
            helper.take()
            assert len(helper._answers) == 100
            for each in raws[start : start + 100]:
                assert helper.read(each) == ArxivSnapshot.read(each)


def test_what_cannot_be_read_says_why():
    bad = raw(1, title=["no text"])
    with Helper(ArxivSnapshot.read) as helper:
        helper.ask([raw(0), bad])
        helper.take()
        assert helper.read(raw(0)).title == "Kettle 0"
        with pytest.raises(ParseError, match="title is not text"):
            helper.read(bad)


def test_without_a_question_there_is_no_process():
    with Helper(ArxivSnapshot.read) as helper:
        helper.ask([])
        helper.take()
        assert helper._process is None
        assert helper.read(raw(0)).title == "Kettle 0"


def test_when_the_process_dies_records_are_read_here():
    with Helper(ArxivSnapshot.read) as helper:
        helper.ask([raw(0)])
        helper._process.kill()
        helper._process.wait()
        helper.take()
        assert helper.read(raw(0)).title == "Kettle 0"
        helper.ask([raw(1)])
        helper.take()
        assert helper.read(raw(1)).title == "Kettle 1"


def test_the_process_ends_with_its_input():
    with Helper(ArxivSnapshot.read) as helper:
        helper.ask([raw(0)])
        helper.take()
        helper._process.stdin.close()
        assert helper._process.wait(timeout=30) == 0
        helper._process.stdin = None


def test_rows_of_any_class_come_through_as_they_were():
    form = ManifestationDraft("arxiv:2502.99001v1", ManifestationKind.arxiv, "T", "A", "")
    act = StatusDraft(StatusKind.accepted, "2025", "COLT")
    draft = Draft(("arxiv:2502.99001",), WorkKind.paper, "T", "A", ("Ada B. Example",), "2025",
                  "cs.LG", False, (form, form), (act,))  # fmt: skip
    told = [draft, Removal(("arxiv:2502.99001v1",)), raw(1), {"plain": (1, None, b"x")}, Draft]
    sent = io.BytesIO()
    readahead._Pickler(sent, pickle.HIGHEST_PROTOCOL).dump(told)
    assert pickle.loads(sent.getvalue()) == told
