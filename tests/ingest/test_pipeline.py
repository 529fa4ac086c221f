import datetime as dt
import json
from pathlib import Path

import pytest
from sqlmodel import col, func, select, text

from ingest import intake, pipeline
from ingest.errors import FetchError, ParseError
from ingest.records import Draft, ManifestationDraft, Raw
from kb.errors import DateError
from kb.models import (
    Authorship,
    Cursor,
    Identifier,
    Manifestation,
    RawRecord,
    Refusal,
    Run,
    SearchText,
    StatusEvent,
    Work,
)
from kb.vocabulary import ManifestationKind, StatusKind, WorkKind

FILE = Path(__file__).parents[1] / "fixtures/arxiv/snapshot.jsonl"
PAGE = (FILE.parent / "page.xml").read_bytes()
LATER = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
KETTLE = "arxiv:2502.99901"


class Notes:
    """A source whose records are Python values, JSON-encoded."""

    name = "notes"
    position = ""

    def __init__(self, *rows):
        self.rows = rows

    def fetch(self, since=""):
        for number, row in enumerate(self.rows, 1):
            if isinstance(row, Exception):
                raise row
            self.position = str(number)
            yield Raw(self.name, f"note/{number}", LATER, json.dumps(row).encode())

    @staticmethod
    def read(raw):
        row = json.loads(raw.body)
        if "bad" in row:
            raise ParseError("notes", raw.url, row["bad"])
        version = row.get("version", 1)
        title, abstract = row.get("title", "Kettles"), row.get("abstract", "Hot.")
        return Draft(
            identifiers=tuple(row.get("ids", [KETTLE])),
            kind=WorkKind.paper,
            title=title,
            abstract=abstract,
            authors=tuple(row.get("authors", ["Ada Example"])),
            first_public=row.get("first", "2025-02"),
            categories=row.get("categories", "cs.LG"),
            withdrawn=row.get("withdrawn", False),
            manifestations=(
                ManifestationDraft(
                    id=f"{row.get('ids', [KETTLE])[0]}v{version}",
                    kind=ManifestationKind.arxiv,
                    title=title,
                    abstract=abstract,
                    url="https://arxiv.org/abs/2502.99901",
                    version=version,
                    valid=row.get("valid", f"2025-02-{version:02}"),
                ),
            ),
        )


def take(store, *rows):
    source = Notes(*rows)
    return dict(+intake.harvest(store, source, source.fetch(), "notes"))


def rows(store, kind, *where):
    with store.read() as session:
        return list(session.exec(select(kind).where(*where)))


def one(store, kind, *where):
    (row,) = rows(store, kind, *where)
    return row


def add(store, *things):
    with store.write() as session:
        for thing in things:
            session.add(thing)
            session.flush()


def curated(store):
    add(
        store,
        Work(id=KETTLE, key="kettle-2025", kind=WorkKind.paper, title="Kettles, Curated",
             first_public="2025-02-03", first_day="2025-02-03", year=2025, synopsis="Ours."),
        Identifier(id=KETTLE, work_id=KETTLE),
        Identifier(id="key:kettle-2025", work_id=KETTLE),
    )  # fmt: skip


# -- snapshot --------------------------------------------------------------------------------


def test_a_snapshot_becomes_works(store):
    counts = pipeline.ingest_snapshot(store, FILE)
    assert counts == {"added": 4, "changed": 0, "same": 0, "refused": 0, "conflicts": 0}
    work = one(store, Work, Work.id == KETTLE)
    assert (work.key, work.first_public, work.first_day) == (None, "2025-02", "2025-02-01")
    assert (work.year, work.withdrawn, work.synopsis) == (2025, False, "")
    form = one(store, Manifestation, Manifestation.work_id == KETTLE)
    assert form.abstract == work.abstract == "We teach a kettle to remember."
    assert one(store, RawRecord, RawRecord.digest == form.raw_digest).body in FILE.read_bytes()
    names = rows(store, Authorship, Authorship.work_id == KETTLE)
    assert [a.name for a in names] == ["Ada B. Example", "José Sample"]
    event = one(store, StatusEvent, StatusEvent.work_id == KETTLE)
    assert (event.status, event.valid, event.source) == ("preprint", "2025-02", "arXiv")
    assert one(store, Work, Work.id == "arxiv:2501.99902").withdrawn


def test_a_second_run_adds_nothing(store):
    pipeline.ingest_snapshot(store, FILE)
    counts = pipeline.ingest_snapshot(store, FILE)
    assert counts == {"added": 0, "changed": 0, "same": 4, "refused": 0, "conflicts": 0}


def test_the_ledger_and_the_cursor_say_what_was_done(store):
    pipeline.ingest_snapshot(store, FILE)
    run = one(store, Run)
    assert (run.job, run.outcome, run.counts["added"]) == ("ingest arxiv-snapshot", "ok", 4)
    cursor = one(store, Cursor)
    assert cursor.name == f"arxiv-snapshot:snapshot.jsonl:{FILE.stat().st_size}"
    assert cursor.value == "4"


def test_a_damaged_file_keeps_what_came_before(store, tmp_path):
    import gzip

    lines = [{"id": f"2502.{n:05}", "title": f"Kettle {n} {n * 7919 % 1009}"} for n in range(5000)]
    path = tmp_path / "dump.gz"
    whole = gzip.compress("\n".join(map(json.dumps, lines)).encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ParseError, match="ends too early"):
        pipeline.ingest_snapshot(store, path)
    kept = len(rows(store, Work))
    assert 1000 < kept < 5000
    run = one(store, Run)
    assert (run.outcome, run.counts["added"]) == ("failed", kept)
    path.write_bytes(whole)
    assert pipeline.ingest_snapshot(store, path)["added"] == 5000 - kept


def test_progress_is_told_after_each_batch(store, tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "BATCH", 3)
    told = []
    pipeline.ingest_snapshot(store, FILE, told.append)
    assert told == [3, 4]


def test_what_was_ingested_can_be_found_by_its_words_and_authors(store):
    pipeline.ingest_snapshot(store, FILE)
    with store.read() as session:
        for word, ref in [
            ("kettle", KETTLE),
            ("sample", KETTLE),
            ("pancake", "arxiv:math/0309999"),
        ]:
            query = text("SELECT ref FROM search_fts JOIN search_text AS s ON s.id = "
                         "search_fts.rowid WHERE search_fts MATCH :word")  # fmt: skip
            assert session.connection().execute(query, {"word": word}).scalars().all() == [ref]


# -- works -----------------------------------------------------------------------------------


def test_a_new_version_is_a_new_manifestation_and_the_old_stays(store):
    take(store, {"abstract": "Warm."})
    assert take(store, {"version": 2, "abstract": "Hot.", "title": "Hotter"}) == {"changed": 1}
    work = one(store, Work)
    assert (work.title, work.abstract) == ("Hotter", "Hot.")
    assert {m.id: m.abstract for m in rows(store, Manifestation)} == {
        f"{KETTLE}v1": "Warm.",
        f"{KETTLE}v2": "Hot.",
    }
    assert one(store, SearchText).title == "Hotter"


def test_an_old_version_that_comes_late_does_not_speak_for_the_work(store):
    take(store, {"version": 2, "title": "New"}, {"version": 1, "title": "Old"})
    assert one(store, Work).title == "New"
    assert len(rows(store, Manifestation)) == 2


def test_versions_in_one_batch_end_like_versions_in_two(store, tmp_path):
    batch = [{"version": n, "title": f"T{n}", "authors": [f"A{n}"]} for n in (1, 3, 2)]
    assert take(store, *batch) == {"added": 1, "changed": 2}
    assert one(store, Work).title == "T3"
    assert one(store, Authorship).name == "A3"


def test_a_text_corrected_within_a_version_never_replaces_the_stored_one(store):
    take(store, {"abstract": "Hot."})
    assert take(store, {"abstract": "Hot!"}) == {"changed": 1}
    texts = {m.id: m.abstract for m in rows(store, Manifestation)}
    assert texts.pop(f"{KETTLE}v1") == "Hot."
    assert list(texts.values()) == ["Hot!"]
    assert one(store, Work).abstract == "Hot!"
    assert take(store, {"abstract": "Hot!", "categories": "new"}) == {"same": 1}


def test_a_withdrawal_and_its_return_follow_the_newest_version(store):
    take(store, {"version": 1})
    take(store, {"version": 2, "withdrawn": True})
    assert one(store, Work).withdrawn
    take(store, {"version": 3})
    assert not one(store, Work).withdrawn


def test_fewer_authors_in_a_new_version_leave_no_ghosts(store):
    take(store, {"authors": ["Ada", "Carl", "Eve"]})
    take(store, {"version": 2, "authors": ["Eve"]})
    assert [(a.position, a.name) for a in rows(store, Authorship)] == [(0, "Eve")]


def test_a_day_refines_a_month_and_the_old_statement_is_superseded(store):
    take(store, {"first": "2025-02"})
    take(store, {"version": 2, "first": "2025-02-07"})
    take(store, {"version": 3, "first": "2025-02"})
    work = one(store, Work)
    assert (work.first_public, work.first_day) == ("2025-02-07", "2025-02-07")
    events = {e.valid: e.superseded_at for e in rows(store, StatusEvent)}
    assert events["2025-02"] is not None
    assert events["2025-02-07"] is None


def test_a_curated_work_keeps_its_own_words(store):
    curated(store)
    assert take(store, {"title": "Kettles As Posted", "first": "2025-02-01"}) == {"changed": 1}
    work = one(store, Work)
    assert (work.title, work.synopsis, work.first_public) == (
        "Kettles, Curated", "Ours.", "2025-02-03",
    )  # fmt: skip
    assert (work.abstract, work.categories) == ("Hot.", "cs.LG")
    assert one(store, Manifestation).title == "Kettles As Posted"
    assert [a.name for a in rows(store, Authorship)] == ["Ada Example"]
    assert one(store, SearchText).body == "Hot. Ours. Ada Example kettle-2025"


def test_curated_authors_and_preprint_days_stay(store):
    curated(store)
    add(
        store,
        Authorship(work_id=KETTLE, position=0, name="A. Example"),
        StatusEvent(work_id=KETTLE, status=StatusKind.preprint, valid="2025", source="a page",
                    recorded_at=LATER),
    )  # fmt: skip
    take(store, {"authors": ["Ada Example", "Carl Demo"], "first": "2025-02-01"})
    assert [a.name for a in rows(store, Authorship)] == ["A. Example"]
    assert one(store, StatusEvent).valid == "2025"


def test_new_identifiers_join_the_work_they_belong_to(store):
    take(store, {"ids": [KETTLE]})
    take(store, {"ids": [KETTLE, "doi:10.5555/k"], "version": 2})
    assert {i.id: i.work_id for i in rows(store, Identifier)} == {
        KETTLE: KETTLE,
        "doi:10.5555/k": KETTLE,
    }
    assert len(rows(store, Work)) == 1


def test_works_that_share_a_weak_name_stay_two_and_are_counted(store):
    volume = "doi:10.5555/volume"
    other = "arxiv:2502.99902"
    counts = take(store, {"ids": [KETTLE, volume]}, {"ids": [other, volume]})
    assert counts == {"added": 2, "conflicts": 1}
    assert one(store, Identifier, Identifier.id == volume).work_id == KETTLE
    assert {w.id for w in rows(store, Work)} == {KETTLE, other}


def test_the_same_record_twice_in_a_batch_is_one(store):
    assert take(store, {"version": 1}, {"version": 1}) == {"added": 1, "same": 1}


# -- refusals --------------------------------------------------------------------------------


def test_a_record_we_cannot_read_is_kept_counted_and_listed(store):
    assert take(store, {"version": 1}, {"bad": "no title"}) == {"added": 1, "refused": 1}
    (listed,) = intake.refused(store)
    assert (listed.source, listed.url, listed.reason) == ("notes", "note/2", "no title")
    assert listed.head == b'{"bad": "no title"}'
    assert take(store, {"bad": "no title"}) == {"refused": 1}
    assert len(rows(store, Refusal)) == 1


def test_a_record_that_can_be_read_after_all_is_resolved(store, monkeypatch):
    take(store, {"bad": "no title"})
    monkeypatch.setattr(
        Notes, "read", staticmethod(lambda raw, read=Notes.read: read(
            Raw(raw.source, raw.url, raw.fetched_at, b"{}")))
    )  # fmt: skip
    assert take(store, {"bad": "no title"}) == {"added": 1}
    assert intake.refused(store) == []
    assert one(store, Refusal).resolved_at is not None
    assert take(store, {"bad": "no title"}) == {"same": 1}


def test_what_came_before_a_broken_listing_is_kept(store):
    with pytest.raises(FetchError):
        take(store, {"version": 1}, FetchError("notes", "note/2", "gone"))
    assert len(rows(store, Work)) == 1


def test_a_batch_that_fails_leaves_nothing(store, monkeypatch):
    def broken(*_args):
        raise MemoryError

    monkeypatch.setattr(intake, "_search_row", broken)
    with pytest.raises(MemoryError):
        take(store, {"version": 1})
    for kind in (RawRecord, Work, Identifier, Manifestation, Cursor):
        assert rows(store, kind) == []


# -- arXiv -----------------------------------------------------------------------------------


class Arxiv:
    """Answers each query with a page, or with an error."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, url, check):
        name = next(name for name in self.answers if f"all%3A{name}" in url)
        self.asked.append(name)
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        assert check(answer) == ""
        return answer


def strands(*names):
    return [(name, f"all:{name}") for name in names]


def test_arxiv_is_ingested_strand_by_strand(store):
    counts = pipeline.ingest_arxiv(
        store, strands("kettle", "tea"), None, Arxiv(kettle=PAGE, tea=PAGE)
    )
    assert counts == {"added": 4, "changed": 0, "same": 4, "refused": 0, "conflicts": 0}
    cursors = rows(store, Cursor)
    assert {c.name.rsplit(":", 1)[0] for c in cursors} == {"arxiv:kettle", "arxiv:tea"}
    assert {c.value for c in cursors} == {"2025-05-20T09:30:00Z"}


def test_the_next_run_starts_a_little_before_the_cursor(store, monkeypatch):
    pipeline.ingest_arxiv(store, strands("kettle"), None, Arxiv(kettle=PAGE))
    counts = pipeline.ingest_arxiv(store, strands("kettle"), None, Arxiv(kettle=PAGE))
    assert counts["same"] == 1  # the entry of 20 May; the next is older than 6 May


def test_a_changed_query_starts_from_the_beginning(store):
    pipeline.ingest_arxiv(store, [("s", "all:kettle")], None, Arxiv(kettle=PAGE))
    counts = pipeline.ingest_arxiv(store, [("s", "all:kettle OR tea")], None, Arxiv(kettle=PAGE))
    assert counts["same"] == 4


def test_since_overrides_the_cursor(store):
    counts = pipeline.ingest_arxiv(store, strands("kettle"), "2025-04", Arxiv(kettle=PAGE))
    assert counts["added"] == 2


@pytest.mark.parametrize("since", ["yesterday", "2025-5", "../2025", "2025-05-01 10:00"])
def test_a_since_that_is_no_date_is_refused_before_anything_is_asked(store, since):
    site = Arxiv(kettle=PAGE)
    with pytest.raises(DateError):
        pipeline.ingest_arxiv(store, strands("kettle"), since, site)
    assert site.asked == []


def test_a_snapshot_and_the_api_agree_on_what_is_one_work(store):
    pipeline.ingest_snapshot(store, FILE)
    counts = pipeline.ingest_arxiv(store, strands("kettle"), None, Arxiv(kettle=PAGE))
    assert (counts["added"], counts["changed"]) == (0, 4)
    assert len(rows(store, Work)) == 4
    assert one(store, Work, Work.id == KETTLE).first_public == "2025-02-27"


def test_a_broken_strand_keeps_its_cursor_and_the_others_go_on(store):
    error = FetchError("arxiv", "url", "empty page at 3 of 9")
    site = Arxiv(kettle=error, tea=PAGE)
    with pytest.raises(FetchError, match="empty page"):
        pipeline.ingest_arxiv(store, strands("kettle", "tea"), None, site)
    assert one(store, Cursor).name.startswith("arxiv:tea:")
    run = one(store, Run)
    assert (run.outcome, run.counts["added"]) == ("partial", 4)


def test_a_host_that_wants_to_be_left_alone_is_left_alone(store):
    site = Arxiv(kettle=PAGE, tea=FetchError("h", "u", "429", is_host_wide=True), rice=PAGE)
    with pytest.raises(FetchError, match="429"):
        pipeline.ingest_arxiv(store, strands("kettle", "tea", "rice"), None, site)
    assert site.asked == ["kettle", "tea"]
    assert one(store, Run).outcome == "deferred"
    assert len(rows(store, Work)) == 4


def test_no_orphans_are_left(store):
    take(store, {"ids": [KETTLE, "doi:10.5555/k"]}, {"bad": "x"}, {"version": 2})
    assert store.integrity() == []
    with store.read() as session:
        texts = session.exec(select(func.count()).select_from(SearchText)).one()
        works = session.exec(select(func.count()).select_from(Work)).one()
        loose = session.exec(
            select(Manifestation.id).where(col(Manifestation.raw_digest).is_(None))
        ).all()
    assert texts == works == 1
    assert loose == []
