import contextlib
import datetime as dt
import json
from pathlib import Path

import pytest
from sqlmodel import col, func, select, text

from ingest import http, intake, pipeline
from ingest.errors import BlockedError, FetchError, HaltError, ParseError
from ingest.records import Draft, Errand, ManifestationDraft, Raw
from ingest.sources import arxiv
from kb import ledger
from kb import store as stores
from kb.errors import DateError, NotFoundError
from kb.models import (
    Authorship,
    Cursor,
    Identifier,
    Manifestation,
    Person,
    RawRecord,
    Refusal,
    Run,
    SearchText,
    StatusEvent,
    Work,
)
from kb.schema import SourcesFile
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
    monkeypatch.setattr(intake, "BULK", 3)
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
    add(store, Person(id="a-example", name="A. Example"))
    add(
        store,
        Authorship(work_id=KETTLE, position=0, name="A. Example", person_id="a-example"),
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
    """A connection on which each query is answered with a page, or with an error."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.hosts = None
        self.tally = http.Tally()

    def __call__(self, hosts):
        self.hosts = dict(hosts)
        return contextlib.nullcontext(self)

    def fetch(self, url, check, **_more):
        name = next(name for name in self.answers if f"all%3A{name}" in url)
        self.asked.append(name)
        answer = self.answers[name]
        self.tally.add("arxiv", 1, 0)
        if isinstance(answer, Exception):
            raise answer
        self.tally.add("arxiv", 0, len(answer))
        assert check(answer) == ""
        return answer


def strands(*names, **queries):
    entries = {name: f"all:{name}" for name in names} | queries
    config = SourcesFile(arxiv=[{"strand": s, "query": q} for s, q in entries.items()])
    return arxiv.errands(config)


def ask(store, errands, site, since=None):
    """What came of it all: counts, and the outcome of each."""
    told = pipeline.harvest_all(store, errands, site, since=since)
    return pipeline.total(told), [each.outcome for each in told]


def test_arxiv_is_ingested_strand_by_strand(store):
    site = Arxiv(kettle=PAGE, tea=PAGE)
    counts, outcomes = ask(store, strands("kettle", "tea"), site)
    assert counts == {"added": 4, "changed": 0, "same": 4, "refused": 0, "conflicts": 0}
    assert outcomes == ["ok", "ok"]
    cursors = rows(store, Cursor)
    assert {c.name.rsplit(":", 1)[0] for c in cursors} == {"arxiv:kettle", "arxiv:tea"}
    assert {c.value for c in cursors} == {"2025-05-20T09:30:00Z"}
    assert site.hosts == {"export.arxiv.org": 3.0, "arxiv.org": 3.0}


def test_the_ledger_has_a_row_a_source(store):
    ask(store, strands("kettle", "tea"), Arxiv(kettle=PAGE, tea=PAGE))
    first, second = rows(store, Run)
    assert (first.job.rpartition(":")[0], first.outcome) == ("harvest arxiv:kettle", "ok")
    assert (first.counts["added"], second.counts["same"]) == (4, 4)
    assert (first.requests, first.bytes) == (1, len(PAGE))
    assert first.cursor == "2025-05-20T09:30:00Z"


def test_the_next_run_starts_a_little_before_the_cursor(store):
    ask(store, strands("kettle"), Arxiv(kettle=PAGE))
    counts, _ = ask(store, strands("kettle"), Arxiv(kettle=PAGE))
    assert counts["same"] == 1  # the entry of 20 May; the next is older than 6 May
    assert rows(store, Run)[1].cursor == ""  # nothing moved


def test_a_changed_query_starts_from_the_beginning(store):
    ask(store, strands(s="all:kettle"), Arxiv(kettle=PAGE))
    counts, _ = ask(store, strands(s="all:kettle OR tea"), Arxiv(kettle=PAGE))
    assert counts["same"] == 4


def test_since_overrides_the_cursor(store):
    counts, _ = ask(store, strands("kettle"), Arxiv(kettle=PAGE), "2025-04")
    assert counts["added"] == 2


def test_a_since_after_the_cursor_leaves_the_cursor_where_it_is(store):
    with store.write() as session:
        (errand,) = strands("kettle")
        session.add(Cursor(name=errand.name, value="2025-01-01T00:00:00Z", updated_at=LATER))
    assert ask(store, [errand], Arxiv(kettle=PAGE), "2025-05")[0]["added"] == 1
    assert one(store, Cursor).value == "2025-01-01T00:00:00Z"
    assert ask(store, [errand], Arxiv(kettle=PAGE))[0]["added"] == 3


@pytest.mark.parametrize("since", ["yesterday", "2025-5", "../2025", "2025-05-01 10:00"])
def test_a_since_that_is_no_date_is_refused_before_anything_is_asked(store, since):
    site = Arxiv(kettle=PAGE)
    with pytest.raises(DateError):
        ask(store, strands("kettle"), site, since)
    assert site.asked == []


def test_a_snapshot_and_the_api_agree_on_what_is_one_work(store):
    pipeline.ingest_snapshot(store, FILE)
    counts, _ = ask(store, strands("kettle"), Arxiv(kettle=PAGE))
    assert (counts["added"], counts["changed"]) == (0, 4)
    assert len(rows(store, Work)) == 4
    assert one(store, Work, Work.id == KETTLE).first_public == "2025-02-27"


def test_a_broken_strand_keeps_its_cursor_and_the_others_go_on(store):
    error = FetchError("arxiv", "url", "empty page at 3 of 9")
    _, outcomes = ask(store, strands("kettle", "tea"), Arxiv(kettle=error, tea=PAGE))
    assert outcomes == ["deferred", "ok"]
    assert one(store, Cursor).name.startswith("arxiv:tea:")
    broken = rows(store, Run)[0]
    assert (broken.outcome, broken.cursor) == ("deferred", "")
    assert "empty page at 3 of 9" in broken.message


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (FetchError("h", "https://export.arxiv.org/x", "429", is_host_wide=True), "deferred"),
        (BlockedError("h", "https://export.arxiv.org/x", "403"), "blocked"),
    ],
)
def test_a_host_that_fails_is_not_asked_again(store, error, outcome):
    site = Arxiv(kettle=PAGE, tea=error, rice=PAGE)
    told = pipeline.harvest_all(store, strands("kettle", "tea", "rice"), site)
    assert site.asked == ["kettle", "tea"]
    assert [each.outcome for each in told] == ["ok", outcome, outcome]
    assert told[2].message.startswith("not asked: ")
    assert len(rows(store, Work)) == 4


# -- several sources ---------------------------------------------------------------------------


def errand(name, *rows, hosts=(), every=1.0, made=None):
    def make(_fetch):
        source = Notes(*rows)
        if made is not None:
            made.append(source)
        return source

    return Errand(name, name.title(), dict.fromkeys(hosts, 0.0), make, every)


def quiet(_hosts):
    return contextlib.nullcontext(Arxiv())


def test_a_host_that_fails_stops_only_those_that_need_it(store):
    down = FetchError("h", "https://one.example/x", "503", is_host_wide=True)
    told = pipeline.harvest_all(
        store,
        [
            errand("notes:a", down, hosts=["one.example", "two.example"]),
            errand("notes:b", {"version": 1}, hosts=["two.example"]),
            errand("notes:c", {"version": 2}, hosts=["one.example"]),
            errand("notes:d", {"version": 3}),
        ],
        quiet,
    )
    assert [each.outcome for each in told] == ["deferred", "ok", "deferred", "ok"]


@pytest.mark.parametrize(
    ("failures", "verdict"),
    [
        ([None, None], "ok"),
        ([None, ParseError("s", "u", "odd")], "partial"),
        ([None, FetchError("s", "u", "wait")], "partial"),
        ([FetchError("s", "u", "wait")] * 2, "deferred"),
        ([FetchError("s", "u", "wait"), ParseError("s", "u", "odd")], "failed"),
        ([BlockedError("s", "u", "no")], "failed"),
        ([HaltError("s", "u", "all gone")], "failed"),
        ([], "ok"),
    ],
    ids=str,
)
def test_what_a_harvest_comes_to(store, failures, verdict):
    errands = [
        errand(f"notes:{n}", {"version": n + 1} if failure is None else failure)
        for n, failure in enumerate(failures)
    ]
    assert pipeline.verdict(pipeline.harvest_all(store, errands, quiet)) == verdict


def test_what_came_before_a_failure_is_counted_and_kept(store):
    errands = [errand("notes:a", {"version": 1}, ParseError("notes", "u", "odd"))]
    (told,) = pipeline.harvest_all(store, errands, quiet)
    assert (told.outcome, told.counts["added"]) == ("failed", 1)
    assert one(store, Run).counts["added"] == 1


def test_refusals_are_counted_and_no_failure(store):
    (told,) = pipeline.harvest_all(store, [errand("notes:a", {"bad": "x"})], quiet)
    assert (told.outcome, told.counts["refused"]) == ("ok", 1)


def test_progress_names_the_source(store):
    seen = []
    pipeline.harvest_all(
        store,
        [errand("notes:a", {"version": 1})],
        quiet,
        progress=lambda errand, done: seen.append((errand.name, done)),
    )
    assert seen == [("notes:a", 1)]


# -- choosing ------------------------------------------------------------------------------


def test_a_source_goes_by_its_name_its_beginning_and_its_title():
    errands = strands("kettle", "tea")
    names = [each.name for each in errands]

    def chosen(*wanted, adapter=""):
        return [each.name for each in pipeline.choose(errands, wanted, adapter)]

    assert chosen() == chosen("arxiv") == names
    assert chosen("arxiv:tea") == chosen("arXiv: Tea") == chosen(names[1]) == names[1:]
    assert chosen("tea", "kettle", adapter="arxiv") == names
    assert chosen(adapter="posts") == []
    with pytest.raises(NotFoundError, match=r"'arxiv:kettel'.*arxiv:kettle"):
        chosen("arxiv:kettel")


def test_a_source_that_is_switched_off_is_listed_as_off():
    config = SourcesFile(
        arxiv=[],
        posts=[
            {"id": "loaf", "url": "https://loaf.example/feed", "publisher": "Loaf"},
            {"id": "rye", "url": "https://rye.example/f", "publisher": "Rye", "enabled": False},
        ],
    )
    listed = [(each.name.split(":")[1], each.is_on) for each in pipeline.roster(config)]
    assert listed == [("loaf", True), ("rye", False)]
    assert [each.enabled for each in config.posts] == [True, False]


# -- what is due -----------------------------------------------------------------------------


@pytest.fixture
def at(monkeypatch):
    """Sets the store's clock, hours after a certain noon."""

    def set(hours):
        moment = LATER + dt.timedelta(hours=12 + hours)
        for module in (stores, pipeline, intake):
            monkeypatch.setattr(module, "now", lambda: moment)
        return moment

    return set


def due(store, *errands):
    return [each.name for each in pipeline.due(store, errands)]


def test_a_source_is_due_when_its_last_success_is_old(store, at):
    daily, weekly = errand("notes:a", {"version": 1}), errand("notes:b", every=7)
    assert due(store, daily, weekly) == ["notes:a", "notes:b"]
    at(0)
    pipeline.harvest_all(store, [daily, weekly], quiet)
    assert due(store, daily, weekly) == []
    at(17)
    assert due(store, daily, weekly) == []
    at(18)  # a nightly timer with a random delay may come early
    assert due(store, daily, weekly) == ["notes:a"]
    at(7 * 24 - 6)
    assert due(store, daily, weekly) == ["notes:a", "notes:b"]


def test_a_source_that_failed_is_due_at_once(store, at):
    bad = errand("notes:a", FetchError("s", "u", "wait"))
    at(0)
    pipeline.harvest_all(store, [bad], quiet)
    assert due(store, bad) == ["notes:a"]


def test_a_clock_set_back_does_not_put_a_source_off(store, at):
    daily = errand("notes:a", {"version": 1})
    at(24)
    pipeline.harvest_all(store, [daily], quiet)
    at(0)
    assert due(store, daily) == ["notes:a"]


def test_sources_are_fresh_late_ill_never_or_off(store, at):
    works, breaks = errand("notes:a", {"version": 1}), errand("notes:b", every=7)
    at(0)
    pipeline.harvest_all(store, [works, breaks], quiet)
    broken = errand("notes:b", BlockedError("s", "u", "403"), every=7)
    waiting = errand("notes:c", FetchError("s", "u", "503"))
    at(1)
    pipeline.harvest_all(store, [broken, waiting], quiet)
    listed = [
        ledger.Listed(e.name, e.title, "", e.every, e.name != "notes:d")
        for e in (works, broken, waiting, errand("notes:d"))
    ]
    ledger.enlist(store, listed)

    def states(hours):
        with store.read() as session:
            return [each.staleness for each in ledger.sources(session, at(hours))]

    assert states(48) == ["fresh", "ill", "never", "off"]
    assert states(49) == ["late", "ill", "never", "off"]
    with store.read() as session:
        first, second, third, _ = ledger.sources(session, at(12))
    assert (first.brought, first.records, first.shelf) == (1, 1, "notes")
    assert (first.age, first.next_due) == (0.5, at(24).isoformat())
    assert (second.outcome, second.last_success) == ("blocked", at(0).isoformat())
    assert "403" in second.message
    assert (third.outcome, third.last_success, third.age) == ("deferred", "", None)


def test_the_ledger_as_it_was(store, at):
    works = errand("notes:a", {"version": 1})
    at(0)
    pipeline.harvest_all(store, [works], quiet)
    ledger.enlist(store, [ledger.Listed(works.name, works.title, "", 1.0)])
    with store.read() as session:
        (before,) = ledger.sources(session, at(1), until=at(-1))
        assert ledger.runs(session, 5, until=at(-1)) == []
    assert (before.staleness, before.last_try) == ("never", "")


# -- what follows ------------------------------------------------------------------------------


def test_nothing_is_embedded_linked_or_closed_twice(store, encoder):
    pipeline.harvest_all(store, [errand("notes:a", {"version": 1})], quiet)
    assert pipeline.embed(store, encoder)["encoded"] > 0
    pipeline.link(store, encoder)
    assert pipeline.cycle(store) == (1, True)
    asked = len(encoder.asked)
    before = rows(store, Run)
    assert pipeline.embed(store, encoder) == pipeline.link(store, encoder) == {}
    assert pipeline.cycle(store) == (1, False)
    assert len(encoder.asked) == asked
    assert rows(store, Run) == before


def test_what_was_known_and_changes_is_derived_again(store, encoder):
    pipeline.harvest_all(store, [errand("notes:a", {"version": 1})], quiet)
    pipeline.embed(store, encoder)
    pipeline.link(store, encoder)
    pipeline.cycle(store)
    pipeline.harvest_all(store, [errand("notes:a", {"version": 2, "title": "Tea"})], quiet)
    assert pipeline.embed(store, encoder)["encoded"] > 0
    assert pipeline.link(store, encoder)["judged"] == 1
    assert pipeline.cycle(store) == (2, True)


def test_another_model_another_program_and_a_wish_each_derive_again(
    store, make_encoder, monkeypatch
):
    pipeline.harvest_all(store, [errand("notes:a", {"version": 1})], quiet)
    pipeline.embed(store, make_encoder())
    assert pipeline.embed(store, make_encoder("hashing/2"))["encoded"] > 0
    assert pipeline.embed(store, make_encoder("hashing/2")) == {}
    assert pipeline.embed(store, make_encoder("hashing/2"), again=True)["reused"] > 0
    monkeypatch.setattr(pipeline.program, "digest", lambda: "another")
    assert pipeline.embed(store, make_encoder("hashing/2"))["reused"] > 0


def test_a_stage_that_is_cut_short_is_done_again(store, make_encoder):
    pipeline.harvest_all(store, [errand("notes:a", {"version": 1})], quiet)
    with pytest.raises(KeyboardInterrupt):
        pipeline.embed(store, make_encoder(fail_after=0))
    assert pipeline.embed(store, make_encoder())["encoded"] > 0


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
