import datetime as dt
import gzip
import json
import lzma
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from ingest.errors import ParseError
from ingest.records import Raw
from ingest.sources import arxiv_snapshot
from ingest.sources.arxiv_snapshot import ArxivSnapshot, month
from kb import dates

FILE = Path(__file__).parents[1] / "fixtures/arxiv/snapshot.jsonl"
PACK = {
    ".jsonl": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def raws(path):
    return list(ArxivSnapshot(path).fetch())


def drafts():
    return [ArxivSnapshot.read(raw) for raw in raws(FILE)]


def line(**fields):
    body = json.dumps({"id": "2502.99901", "title": "Kettles", **fields}).encode()
    return Raw("arxiv-snapshot", "f#1", dt.datetime(2025, 6, 1, tzinfo=dt.UTC), body)


def raw(body):
    return Raw("arxiv-snapshot", "f#1", dt.datetime(2025, 6, 1, tzinfo=dt.UTC), body)


def test_a_line_becomes_a_work():
    draft = drafts()[0]
    assert draft.identifiers == ("arxiv:2502.99901", "doi:10.5555/kettle.2025")
    assert draft.title == "Kettles That Remember Their Boiling Point"
    assert draft.abstract == "We teach a kettle to remember."
    assert draft.authors == ("Ada B. Example", "José Sample")
    assert draft.categories == "cs.LG stat.ML"


def test_without_versions_the_month_of_the_identifier_is_all_we_claim():
    draft = drafts()[0]
    assert draft.first_public == "2025-02"
    (form,) = draft.manifestations
    assert (form.id, form.version) == ("arxiv:2502.99901", 0)
    assert form.valid == "2025-02/2025-05-21"
    assert dates.precision(form.valid) == "interval"


def test_versions_give_the_days_in_utc_and_the_number():
    draft = drafts()[1]
    assert draft.first_public == "2003-10-01"
    (form,) = draft.manifestations
    assert (form.id, form.version, form.valid) == ("arxiv:math/0309999v2", 2, "2003-10-01")
    assert draft.authors == ("Carl Demo", "Ada B. Example, Jr.")


def test_a_withdrawn_paper_is_marked():
    assert [draft.withdrawn for draft in drafts()] == [False, False, True, False]


def test_all_but_id_and_title_may_be_absent_or_null():
    draft = drafts()[3]
    assert (draft.abstract, draft.authors, draft.categories) == ("", (), "")
    nothing = dict.fromkeys(
        ["abstract", "authors", "authors_parsed", "categories", "versions", "update_date",
         "comments", "journal-ref", "doi"]
    )  # fmt: skip
    assert ArxivSnapshot.read(line(**nothing)).first_public == "2025-02"


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        ("arxiv:0704.0001", "2007-04"),
        ("arxiv:2505.17638", "2025-05"),
        ("arxiv:9901.00001", "2099-01"),
        ("arxiv:math/0309999", "2003-09"),
        ("arxiv:hep-th/9108001", "1991-08"),
        ("arxiv:0000.0000", ""),
        ("arxiv:2513.00001", ""),
    ],
)
def test_an_identifier_tells_its_month(work, expected):
    assert month(work) == expected


def test_an_update_before_the_first_day_is_not_believed():
    draft = ArxivSnapshot.read(line(update_date="2007-05-23"))
    assert draft.manifestations[0].valid == "2025-02"


@pytest.mark.parametrize("suffix", PACK)
def test_every_packing_gives_the_same_lines(tmp_path, suffix):
    path = tmp_path / f"dump{suffix}"
    path.write_bytes(PACK[suffix](FILE.read_bytes()))
    assert [r.body for r in raws(path)] == FILE.read_bytes().splitlines(keepends=True)


def test_frames_and_members_one_after_another_are_all_read(tmp_path):
    first, second = FILE.read_bytes()[:100], FILE.read_bytes()[100:]
    for suffix in (".gz", ".xz", ".zst"):
        path = tmp_path / f"dump{suffix}"
        path.write_bytes(PACK[suffix](first) + PACK[suffix](second))
        assert len(raws(path)) == 4


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_a_torn_file_gives_what_came_before_and_then_one_clear_line(tmp_path, suffix):
    whole = FILE.read_bytes() * 3000
    path = tmp_path / f"dump{suffix}"
    packed = PACK[suffix](whole) if suffix != ".zst" else zstandard.compress(whole, 1)
    path.write_bytes(packed[: len(packed) * 3 // 4])
    source, seen = ArxivSnapshot(path), []
    with pytest.raises(ParseError, match=r"ends too early.*get the file again") as caught:
        seen.extend(raw.body for raw in source.fetch())
    assert caught.value.exit_code == 9
    assert "\n" not in str(caught.value)
    assert seen
    assert seen == whole.splitlines(keepends=True)[: len(seen)]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, suffix):
    path = tmp_path / f"dump{suffix}"
    path.write_bytes(FILE.read_bytes())
    with pytest.raises(ParseError, match=r"damaged|cannot read"):
        raws(path)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(ParseError, match="cannot read the file: No such file"):
        raws(tmp_path / "none.jsonl")
    with pytest.raises(ParseError, match="cannot read the file: Is a directory"):
        raws(tmp_path)


def test_blank_lines_are_no_records(tmp_path):
    path = tmp_path / "dump.jsonl"
    path.write_bytes(b"\n  \n" + FILE.read_bytes())
    assert [raw.url for raw in raws(path)] == [f"dump.jsonl#{n}" for n in (3, 4, 5, 6)]


def test_a_line_without_end_is_cut_and_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(arxiv_snapshot, "LINE_CAP", 1000)
    path = tmp_path / "dump.jsonl"
    path.write_bytes(b'{"id": "' + b"9" * 5000 + b"\n" + FILE.read_bytes())
    first, *rest = raws(path)
    assert len(first.body) == 1000
    assert len(rest) == 4
    with pytest.raises(ParseError, match="line above 1,000 bytes"):
        ArxivSnapshot.read(first)


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "dump.zst"
    row = json.dumps({"id": "2502.99901", "title": "Kettles", "abstract": "hot " * 25_000})
    path.write_bytes(zstandard.compress(f"{row}\n".encode() * 1500))  # 150 MB inflated
    tracemalloc.start()
    lines = sum(1 for _ in ArxivSnapshot(path).fetch())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == 1500
    assert peak < 75_000_000  # a step inflates to at most some 32 MB, and is copied once


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"id": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b'{"id": "2502.99901", "title": "caf\xe9"}', "not UTF-8"),
        (b'{"title": "Kettles"}', "id is missing"),
        (b'{"id": "2502.99901"}', "title is missing"),
        (b'{"id": "2502.99901", "title": " \\u0000 "}', "title is missing"),
        (b'{"id": "../../etc", "title": "Kettles"}', "not a valid arXiv identifier"),
        (b'{"id": 2502.99901, "title": "Kettles"}', "id is not text"),
        (b'{"id": "2502.99901", "title": ["Kettles"]}', "title is not text"),
        (b'{"id": "2502.99901", "title": "\\ud835"}', "title holds half a character"),
        (b'{"id": "2502.99901", "title": "T", "versions": "v1"}', "versions is not"),
        (b'{"id": "2502.99901", "title": "T", "versions": [1]}', "versions is not"),
        (b'{"id": "2502.99901", "title": "T", "authors_parsed": [["A", 1]]}', "authors_parsed"),
        (b'{"id": "2502.99901", "title": "T", "authors_parsed": [["\\udfff"]]}', "authors_parsed"),
    ],
)
def test_a_line_we_cannot_use_is_refused_with_the_reason(body, reason):
    with pytest.raises(ParseError, match=reason):
        ArxivSnapshot.read(raw(body))


@pytest.mark.parametrize("created", ["", "yesterday", "Mon, 99 Foo 2025 00:00:00 GMT", "1"])
def test_a_version_without_a_usable_day_falls_back_to_the_month(created):
    draft = ArxivSnapshot.read(line(versions=[{"version": "v3", "created": created}]))
    assert draft.first_public == "2025-02"
    assert draft.manifestations[0].id == "arxiv:2502.99901v3"
