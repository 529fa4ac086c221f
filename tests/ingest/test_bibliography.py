import datetime as dt
import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlmodel import select
from typer.testing import CliRunner

from ingest import byhand, intake, normalize, pipeline
from ingest.errors import ParseError
from ingest.records import Raw
from ingest.sources import bibliography
from ingest.sources.bibliography import Bibliography, detex
from kb import export, ids
from kb.cli import app
from kb.errors import ConfigError
from kb.export.bibtex import escape
from kb.export.text import line
from kb.models import Coverage, Manifestation, RawRecord, StatusEvent, Work
from kb.query import KnowledgeBase
from kb.vocabulary import ManifestationKind, WorkKind

FIXTURES = Path(__file__).parents[1] / "fixtures/bibliography"
BIB, RIS, CSL = (FIXTURES / f"kettles.{end}" for end in ("bib", "ris", "json"))
NOW = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)


def listed(path, form):
    return list(Bibliography(path, form).fetch())


def read(raw):
    return bibliography.read(raw.source, raw)


def outcome(raw):
    try:
        return read(raw).title
    except ParseError as error:
        return error.reason


def one(form, text):
    return bibliography.read(form, Raw(form, "here#1", NOW, text.encode()))


def bib(fields, kind="misc"):
    return one("bibtex", f"@{kind}{{k, {fields}}}")


def refusal(form, text):
    with pytest.raises(ParseError) as caught:
        one(form, text)
    return caught.value.reason


def test_a_bibtex_entry_becomes_a_work():
    draft = read(listed(BIB, "bibtex")[0])
    assert draft.identifiers == ("arxiv:3001.00001", "doi:10.5555/kettle.2030")
    assert draft.title == "Kettles That Remember & Pour: $\\mathbb{R}^n$ – a Sürvey"
    assert draft.authors == (
        "Ada B. Example",
        "José de la Tasse",
        "The Kettle Group",
        "Carl Demo, Jr.",
    )
    assert draft.first_public == "2030-01"  # as its number on arXiv says, not as the journal does
    assert draft.abstract == "We teach a kettle to remember."
    (form,) = draft.manifestations
    assert (form.id, form.kind) == ("doi:10.5555/kettle.2030", ManifestationKind.journal)
    assert form.publisher == "Journal of Kettles, Series B"
    assert draft.statuses == ()


def test_each_bibtex_entry_is_read_or_refused_with_its_line():
    raws = listed(BIB, "bibtex")
    found = {int(raw.url.removeprefix("kettles.bib#")): outcome(raw) for raw in raws}
    lines = BIB.read_text().splitlines()
    named = {re.split(r"[{(,]", lines[at - 1])[1]: said for at, said in found.items()}
    assert named.pop("example2030").startswith("Kettles")
    assert named.pop("broken2030") == "broken BibTeX: a field is not closed before the entry ends"
    assert named == {
        "sample2031": 'Steam "and" Tea',
        "cup2029": "Cups",
        "tea2029": "@proceedings is a whole volume, not a work",
        "dblp2017": "Attention to Tea",
        "page": "A Page on Pots",
        "twice": "title is given twice",
        "nameless": "no identifier: give it a doi, an arXiv id or a url",
        "site": "its url is that of a whole site: give it a doi, an arXiv id or a url of its own",
        "two": "names two papers on arXiv, 3001.00003 and 3001.00004",
        "untitled": "title is missing",
        "round": "Round Brackets",
    }
    assert len(raws) == BIB.read_text().count("\n@") - 3  # two macros and a preamble


def test_a_bibtex_entry_takes_from_its_parent_where_and_when_it_appeared():
    draft = next(read(raw) for raw in listed(BIB, "bibtex") if b"Cups" in raw.body)
    assert draft.identifiers == ("openreview:Cup_Tea-29",)
    assert draft.first_public == "2029-12"
    (form,) = draft.manifestations
    assert form.kind is ManifestationKind.proceedings
    assert (form.publisher, form.valid) == ("Proceedings of the Tea Conference", "2029-12")
    assert not form.has_text


def test_an_entry_is_kept_with_the_macros_that_it_uses_and_no_other():
    raws = listed(BIB, "bibtex")
    assert raws[0].body.count(b"@string") == 2
    assert all(b"@string" not in raw.body for raw in raws[1:])


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ("eprint={2501.00001}, title={T}", "arxiv:2501.00001"),
        ("eprint={2501.00001}, eprinttype={arxiv}, title={T}", "arxiv:2501.00001"),
        ("eprint={math.GT/0309136}, archiveprefix={arXiv}, title={T}", "arxiv:math/0309136"),
        ("journal={arXiv preprint arXiv:2501.00001}, title={T}", "arxiv:2501.00001"),
        ("howpublished={\\url{https://arxiv.org/abs/2501.00001}}, title={T}", "arxiv:2501.00001"),
        ("doi={10.48550/arXiv.2501.00001}, title={T}", "arxiv:2501.00001"),
        ("doi={https://doi.org/10.1000/A(b)\\_c}, title={T}", "doi:10.1000/a(b)_c"),
        ("url={https://doi.org/10.1000/ab}, title={T}", "doi:10.1000/ab"),
        ("url={https://tea.example/a?utm_source=x}, title={T}", "url:https://tea.example/a"),
    ],
)
def test_a_work_is_known_by_what_the_entry_says_of_it(fields, names):
    assert bib(fields).identifiers == (names,)


@pytest.mark.parametrize(
    ("fields", "date"),
    [
        ("year=2030, month=5, day=3", "2030-05-03"),
        ("year={2030}, month={May}", "2030-05"),
        ("year=2030, day=3", "2030"),
        ("year=2030, month=13", "2030"),
        ("date={2030-05~}", "2030-05~"),
        ("date={2030-99}", "2030"),
        ("year={in press}", ""),
    ],
)
def test_a_date_is_as_precise_as_the_entry_gives_it(fields, date):
    assert bib(f"title={{T}}, doi={{10.1000/a}}, {fields}").first_public == date


def test_entries_that_share_a_key_are_both_read_with_their_macros(tmp_path):
    path = tmp_path / "twice.bib"
    path.write_text(
        '@string{t = "Tea"}@string{t = "Milk"}'
        "@misc{k, title = t, doi={10.1000/a}}@misc{k, title = t # 2, doi={10.1000/b}}"
    )
    assert [outcome(raw) for raw in listed(path, "bibtex")] == ["Tea", "Tea2"]


def test_a_macro_that_grows_without_bounds_is_refused():
    macros = '@string{a = "tea tea tea tea "}'
    for one_, next_ in zip("abcdefghijklmn", "bcdefghijklmno", strict=True):
        macros += f"@string{{{next_} = {one_} # {one_} # {one_}}}"
    assert "above" in refusal("bibtex", f"{macros}@misc{{k, title = o, doi = {{10.1000/a}}}}")


def test_ris_records_are_read_or_refused():
    raws = listed(RIS, "ris")
    assert [(int(raw.url.split("#")[1]), outcome(raw)) for raw in raws] == [
        (1, "Kettles That Remember"),
        (17, "broken RIS: the record does not end with ER"),
        (21, "On Pots"),
        (26, "broken RIS: the record does not begin with TY"),
        (29, "no identifier: give it a doi, an arXiv id or a url"),
    ]
    draft = read(raws[0])
    assert draft.identifiers == ("arxiv:3001.00001", "doi:10.5555/kettle.2030")
    assert draft.authors == ("Ada B. Example", "Carl Demo, Jr.", "The Kettle Group")
    assert draft.abstract == "We teach a kettle to remember."
    blog = read(raws[2])
    assert (blog.kind, blog.first_public) == (WorkKind.post, "2029")
    assert blog.manifestations[0].kind is ManifestationKind.post


def test_csl_items_are_read_or_refused():
    raws = listed(CSL, "csl-json")
    assert [(int(raw.url.split("#")[1]), outcome(raw)) for raw in raws] == [
        (2, "Kettles That Remember"),
        (9, "Steam"),
        (11, "not a JSON object"),
        (12, "title is not text"),
        (13, "title holds half a character"),
        (14, "On Pots"),
    ]
    draft = read(raws[0])
    assert draft.identifiers == ("arxiv:3001.00001", "doi:10.5555/kettle.2030")
    assert draft.authors == (
        "Ada B. Example",
        "José de la Tasse",
        "Carl Demo, Jr.",
        "The Kettle Group",
    )
    assert draft.manifestations[0].publisher == "Journal of Kettles"
    assert read(raws[1]).first_public == "2031-01"
    assert read(raws[5]).first_public == "2029-12"


def test_a_json_file_that_breaks_off_keeps_what_came_before(tmp_path):
    path = tmp_path / "torn.json"
    path.write_bytes(CSL.read_bytes().partition(b'"Steam"')[0])
    raws = []
    with pytest.raises(ParseError, match=r"not JSON: .*torn\.json, line 9"):
        raws.extend(Bibliography(path, "csl-json").fetch())
    assert len(list(first_of(path))) == 1


def first_of(path):
    try:
        yield from Bibliography(path, "csl-json").fetch()
    except ParseError:
        return


@pytest.mark.parametrize(
    ("body", "form", "message"),
    [
        (b"", "bibtex", "no bibtex entry in it"),
        (b"<html>Sorry</html>", "ris", "no ris entry in it"),
        (b"<html>Sorry</html>", "csl-json", "not JSON"),
        (b"", "csl-json", "not JSON"),
        (b"@misc{k,\ntitle={Th\xe9}}", "bibtex", "line 2.*save the file as UTF-8"),
        ("@misc{k}".encode("utf-16"), "bibtex", "save the file as UTF-8"),
        (b'[{"a": 1} {"b": 2}]', "csl-json", "a comma or the array's end is missing"),
        (b"[" * 100_000, "csl-json", "not JSON"),
        (b"[" + b"9" * 10_000 + b"]", "csl-json", "not JSON"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_one_line(tmp_path, body, form, message):
    path = tmp_path / "file"
    path.write_bytes(body)
    with pytest.raises(ParseError, match=message) as caught:
        listed(path, form)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(ParseError, match="cannot read the file"):
        listed(tmp_path / "none.bib", "bibtex")
    with pytest.raises(ConfigError, match="'word' is no form"):
        Bibliography(tmp_path, "word")


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path):
    for form, path in (("bibtex", BIB), ("ris", RIS), ("csl-json", CSL)):
        marked = tmp_path / path.name
        marked.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        plain = [raw.digest for raw in listed(path, form)]
        assert [raw.digest for raw in listed(marked, form)] == plain


def test_an_entry_or_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bibliography, "ENTRY_CAP", 100)
    path = tmp_path / "large.bib"
    path.write_text(f"@misc{{k, title={{{'T' * 200}}}, doi={{10.1000/a}}}}")
    (raw,) = listed(path, "bibtex")
    assert outcome(raw) == "entry above 100 bytes, cut"
    monkeypatch.setattr(bibliography, "FILE_CAP", 100)
    with pytest.raises(ParseError, match="file above 100 bytes"):
        listed(path, "bibtex")


@given(st.text(st.characters(exclude_categories=("Cs", "Co")), max_size=60))
@example("$\\alpha$ -- {x} \\ ``q''")
@example("{\\em a} \\textbackslash b")
def test_what_is_written_as_tex_is_read_back(text):
    assert detex(escape(line(text))) == normalize.prose(line(text))


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from([("bibtex", BIB), ("ris", RIS), ("csl-json", CSL)]))
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, data, which):
    form, path = which
    body = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 9))] = data.draw(
            st.sampled_from([b"", b"@", b"{", b"}", b'"', b"\\", b"ER  -", b"\r", b"[", b"7", b","])
        )
    damaged = tmp_path_factory.mktemp("damaged") / path.name
    damaged.write_bytes(body)
    try:
        raws = listed(damaged, form)
    except ParseError as error:
        assert error.reason
        return
    for raw in raws:
        assert outcome(raw)


# -- into the store -------------------------------------------------------------------------


def test_a_file_is_taken_in_once(store):
    counts = byhand.ingest_file(store, BIB, "bibtex")
    raws = listed(BIB, "bibtex")
    assert counts["added"] + counts["refused"] == len(raws)
    assert counts["added"] == 6
    again = byhand.ingest_file(store, BIB, "bibtex")
    assert (again["same"], again["refused"], again["added"], again["changed"]) == (6, 7, 0, 0)
    assert len(intake.refused(store)) == 7


def test_what_refused_entries_lack_is_listed_with_their_line(store):
    byhand.ingest_file(store, BIB, "bibtex")
    said = {row.url: row.reason for row in intake.refused(store)}
    at = (
        BIB.read_text()
        .splitlines()
        .index(
            next(row for row in BIB.read_text().splitlines() if row.startswith("@misc{nameless"))
        )
    )
    assert "give it a doi" in said[f"kettles.bib#{at + 1}"]


def test_an_entry_adds_names_to_a_work_and_leaves_what_its_source_says(store, tmp_path):
    dump = tmp_path / "one.jsonl"
    paper = {"id": "3001.00001", "title": "Kettles, as arXiv has them", "abstract": "We boil.",
             "authors": "Ada B. Example, Eve Sample", "versions": []}  # fmt: skip
    dump.write_text(json.dumps(paper))
    pipeline.ingest_snapshot(store, dump)
    byhand.ingest_file(store, CSL, "csl-json")
    work = KnowledgeBase(store).work("10.5555/kettle.2030")
    assert (work.id, work.title) == ("arxiv:3001.00001", "Kettles, as arXiv has them")
    assert work.abstract == "We boil."
    assert work.authors == ("Ada B. Example", "Eve Sample")
    assert {form.publisher for form in work.manifestations} == {"Journal of Kettles", "arXiv"}
    with store.read() as session:
        assert all(event.source == "arXiv" for event in session.exec(select(StatusEvent)))


def test_a_post_is_tied_to_a_work_that_a_file_brings(store):
    raw = RawRecord(
        digest="0", source="posts:tea", url="", fetched_at=NOW, body=b"", recorded_at=NOW
    )
    post = Coverage(id="url:https://tea.example/1", kind="post", title="Tea", raw_digest="0")
    post.about = ["doi:10.5555/kettle.2030"]
    with store.write() as session:
        session.add(raw)
        session.flush()
        session.add(post)
    byhand.ingest_file(store, RIS, "ris")
    with store.read() as session:
        assert session.get(Coverage, post.id).work_id == "arxiv:3001.00001"


@pytest.mark.parametrize(("command", "file"), [("bibtex", BIB), ("ris", RIS), ("csl-json", CSL)])
def test_the_command_takes_a_file_in(store, command, file):
    result = CliRunner().invoke(app, ["--db", str(store.path), "ingest", command, str(file)])
    assert result.exit_code == 0, result.output
    assert "added" in result.output
    assert "kb ingest --show-refused tells why" in result.output


def test_the_command_says_what_is_wrong_with_a_file(store, tmp_path):
    path = tmp_path / "empty.bib"
    path.write_text("nothing here")
    result = CliRunner().invoke(app, ["--db", str(store.path), "ingest", "bibtex", str(path)])
    assert isinstance(result.exception, ParseError)
    assert "no bibtex entry in it" in str(result.exception)


# -- what we write, we read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "form"),
    [("bibtex", "bibtex"), ("biblatex", "bibtex"), ("ris", "ris"), ("csl-json", "csl-json")],
)
def test_an_exported_bibliography_is_taken_in_whole(debate, store, tmp_path, name, form):
    path = tmp_path / "out"
    selection = export.Selection(works=tuple(debate.works()))
    path.write_bytes(b"".join(export.DOCUMENTS[name].write(selection)))
    raws = listed(path, form)
    works = list(selection.works)
    assert len(raws) == len(works) > 100
    for work, raw in zip(works, raws, strict=True):
        addressed = [id for id in work.identifiers if ids.url(id)]
        if not addressed:
            assert outcome(raw).startswith("no identifier")
            continue
        draft = read(raw)
        assert draft.title == line(work.title)
        assert set(draft.identifiers) <= set(work.identifiers)
        assert draft.identifiers[0] == addressed[0]
        assert len(draft.authors) == len(work.authors)
    counts = byhand.ingest_file(store, path, form)
    assert counts["added"] == len([w for w in works if any(map(ids.url, w.identifiers))])
    with store.read() as session:
        assert len(session.exec(select(Work)).all()) == counts["added"]
        assert session.exec(select(Manifestation)).first() is not None
