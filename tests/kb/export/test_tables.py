"""CSV and Parquet, read by the csv module, a spreadsheet library and pyarrow."""

import csv
import io

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given

from kb.export import TABLES, TABULAR, Selection
from kb.export.tables import JOINT, guarded
from kb.export.text import line

from .made import by_machine, hostile, link, ref, whole, work

BY_NAME = {table.name: table for table in TABLES}


def told(name, selection, table="works"):
    return b"".join(TABULAR[name](selection, BY_NAME[table]))


def rows(selection, table="works"):
    return list(csv.DictReader(io.StringIO(told("csv", selection, table).decode(), newline="")))


def frame(selection, table="works"):
    return pq.read_table(io.BytesIO(told("parquet", selection, table)))


def unguarded(text):
    """What a person does who sees the apostrophe of a guarded cell."""
    return text[1:] if guarded(text) != text else text


def as_text(value):
    if isinstance(value, list):
        return JOINT.join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


@given(hostile)
@example('=HYPERLINK("http://x")')
@example("'=1+1")
@example("''")
@example("-2+3")
@example("\t=1")
@example("\r=1")
@example("＝1")
def test_a_title_comes_back_from_csv_and_no_cell_is_a_formula(text):
    selection = Selection(works=(work(ref(title=text)),))
    (row,) = rows(selection)
    assert unguarded(row["title"]) == line(text)
    for cell in row.values():
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


@given(hostile)
def test_a_title_comes_back_from_parquet(text):
    (row,) = frame(Selection(works=(work(ref(title=text), authors=(text,)),))).to_pylist()
    assert row["title"] == line(text)
    assert row["authors"] == [line(text)]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r@"])
def test_a_spreadsheet_keeps_hostile_cells_as_text(start):
    """A spreadsheet that is filled from the CSV holds strings, never formulas."""
    selection = whole(f"{start}cmd|'/c calc'!A1")
    book = openpyxl.Workbook()
    for table in BY_NAME:
        sheet = book.create_sheet(table)
        for cells in csv.reader(io.StringIO(told("csv", selection, table).decode(), newline="")):
            sheet.append(cells)
    buffer = io.BytesIO()
    book.save(buffer)
    kinds = {
        cell.data_type
        for sheet in openpyxl.load_workbook(io.BytesIO(buffer.getvalue())).worksheets
        for line_ in sheet.iter_rows()
        for cell in line_
    }
    assert "s" in kinds
    assert "f" not in kinds


def test_an_unguarded_cell_would_have_been_a_formula():
    sheet = openpyxl.Workbook().active
    sheet.append(["=1+1", guarded("=1+1")])
    assert [cell.data_type for cell in sheet[1]] == ["f", "s"]


@pytest.mark.parametrize("table", BY_NAME)
def test_csv_and_parquet_hold_the_same_rows(debate, table):
    selection = Selection(
        claims=tuple(debate.claims()),
        tensions=tuple(debate.tensions()),
        works=tuple(debate.works()),
        voices=tuple(debate.voices()),
    )
    flat, typed = rows(selection, table), frame(selection, table)
    assert len(flat) == typed.num_rows > 10
    assert list(flat[0]) == typed.column_names
    for mine, theirs in zip(flat, typed.to_pylist(), strict=True):
        for name, value in theirs.items():
            assert unguarded(mine[name]) == as_text(value)


def test_links_keep_score_evidence_and_who_says_so():
    first = ref()
    guess = by_machine(first, quote="It | rises.")
    selection = Selection(works=(work(first, (guess, link(first, review="rejected"))),))
    machine, rejected = frame(selection, "links").to_pylist()
    assert machine["score"] == pytest.approx(0.714)
    assert machine["quotes"] == ["It | rises."]
    assert machine["said_by"] == "proposed by a machine, score 0.71"
    assert (rejected["review"], rejected["score"]) == ("rejected", None)


def test_many_rows_are_written_in_groups(monkeypatch):
    monkeypatch.setattr("kb.export.parquet._ROWS", 3)
    works = tuple(work(ref(f"arxiv:3001.0000{n}")) for n in range(8))
    chunks = list(TABULAR["parquet"](Selection(works=works), BY_NAME["works"]))
    found = pq.ParquetFile(io.BytesIO(b"".join(chunks)))
    assert found.num_row_groups == 3
    assert found.read()["id"].to_pylist() == [w.id for w in works]


@pytest.mark.parametrize("table", BY_NAME)
def test_an_empty_table_has_its_columns(table):
    names = [name for name, _ in BY_NAME[table].columns]
    assert told("csv", Selection(), table).decode().splitlines() == [
        ",".join(f'"{name}"' for name in names)
    ]
    empty = frame(Selection(), table)
    assert (empty.column_names, empty.num_rows) == (names, 0)
