"""OpenReview, against a stand-in of it on this machine."""

import datetime as dt
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import col, select

from ingest import intake
from ingest.errors import BlockedError, FetchError, HaltError, ParseError
from ingest.records import Raw, Removal
from ingest.sources import openreview
from ingest.sources.openreview import Credentials, OpenReview
from ingest.sources.openreview_notes import read, verdict
from kb.models import Authorship, Cursor, Manifestation, RawRecord, Refusal, StatusEvent, Work
from kb.schema import OpenReviewEntry, SourcesFile
from kb.vocabulary import ManifestationKind, StatusKind, WorkRelationKind

FIXTURES = Path(__file__).parents[1] / "fixtures/openreview"
V2 = (FIXTURES / "notes_v2.json").read_text()
V1 = (FIXTURES / "notes_v1.json").read_text()
CHALLENGE = (FIXTURES / "challenge.json").read_bytes()
VERIFYING = (FIXTURES / "challenge.html").read_bytes()
VENUE = "Kettle.cc/2031/Conference"
ENTRY = OpenReviewEntry(id=VENUE, name="KETTLE 2031")
OLD = OpenReviewEntry(
    id="Kettle.cc/2020/Conference", name="KETTLE 2020", api=1, decision_field="decision"
)
ACCOUNT = {"OPENREVIEW_USERNAME": "ada@example.org", "OPENREVIEW_PASSWORD": "t3apot-secret"}
DAY = 86_400_000
MOMENT = 1927324800123  # 2031-01-28


def note(number, venue="Submitted to KETTLE 2031", place="Submission", **fields):
    id = f"Kettle{number:04d}"
    content = {
        "title": f"Kettle {number}",
        "abstract": "Hot.",
        "venue": venue,
        "venueid": f"{VENUE}/{place}".rstrip("/"),
        **fields.pop("content", {}),
    }
    return {
        "id": id,
        "forum": id,
        "cdate": MOMENT,
        "tmdate": MOMENT + number,
        "mdate": MOMENT + number,
        "invitations": [f"{VENUE}/-/Submission"],
        "content": {name: {"value": value} for name, value in content.items()},
        **fields,
    }


class Site:
    """Answers as OpenReview does: login, a wall for guests, pages sorted by id, counts."""

    def __init__(self, server, notes=()):
        self.server = server
        self.notes = list(notes)
        self.lists = {}
        self.token = "T-1"
        self.logins = 0
        self.open = False
        self.faults = []
        """Answers given instead, one a request for notes."""
        self.counts = True
        self.short = 0
        self.queries = []
        self.headers = []
        server.answers = [self.answer]

    def answer(self, handler):
        parts = urlsplit(handler.path)
        if parts.path == "/login":
            return self.login(handler)
        self.headers.append(handler.headers.get("Authorization", ""))
        if not self.open and self.headers[-1] != f"Bearer {self.token}":
            return send(handler, 403, CHALLENGE)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.queries.append((handler.headers["Host"], query))
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            return send(handler, *fault)
        return send(handler, 200, self.page(query))

    def page(self, query):
        name = query.get("invitation") or query.get("content.venueid")
        is_main = name.endswith(("/-/Submission", "/-/Blind_Submission"))
        notes = sorted(
            self.lists.get(name, self.notes if is_main else []),
            key=lambda each: str(each.get("id")) if isinstance(each, dict) else "",
        )
        after = query.get("after", "")
        left = [
            each for each in notes if not after or not isinstance(each, dict) or each["id"] > after
        ]
        shown = left[: self.short or int(query["limit"])]
        return json.dumps(
            {"notes": shown, **({"count": len(notes)} if self.counts else {})}
        ).encode()

    def login(self, handler):
        sent = json.loads(self.server.posted[-1][1])
        self.logins += 1
        if sent["password"] != ACCOUNT["OPENREVIEW_PASSWORD"]:
            said = {"name": "Error", "message": f"Invalid password {sent['password']}"}
            return send(handler, 400, json.dumps(said).encode())
        return send(handler, 200, json.dumps({"token": self.token, "user": {}}).encode())


def send(handler, status, body, headers=()):
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **dict(headers)}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def site(server):
    return Site(server)


@pytest.fixture
def session(connect, server):
    base = server.url.removesuffix("/list")
    return connect(
        hosts=dict.fromkeys(openreview.HOSTS, 0.0), via=dict.fromkeys(openreview.HOSTS, base)
    )


@pytest.fixture
def venue(session):
    """Make adapters that share one account."""
    credentials = Credentials(ACCOUNT)

    def make(entry=ENTRY, environ=None, **more):
        own = credentials if environ is None else Credentials(environ)
        return OpenReview(entry, session.fetch, own, **more)

    return make


@pytest.fixture
def take(store, venue):
    """List the venue once and take in what comes, as a run does."""

    def taken(entry=ENTRY, **more):
        source = venue(entry, **more)
        with store.read() as session:
            row = session.get(Cursor, "kettle")
            since = row.value if row else ""
        with store.run("ingest openreview"):
            return intake.harvest(store, source, source.fetch(since), "kettle")

    return taken


def rows(store, kind, **where):
    with store.read() as session:
        query = select(kind)
        for name, value in where.items():
            query = query.where(col(getattr(kind, name)) == value)
        return list(session.exec(query))


def raw(body, url="here", entry=ENTRY):
    text = body if isinstance(body, str) else json.dumps(body)
    moment = dt.datetime(2031, 6, 1, tzinfo=dt.UTC)
    return Raw(f"openreview:{entry.id}", url, moment, text.encode())


def draft(row, entry=ENTRY, decisions=()):
    return read(entry, raw({"note": row, "decisions": list(decisions)}))


def acts(drafted):
    return [(act.status.value, act.valid, act.note) for act in drafted.statuses]


def fixture(text):
    """What a page of ours is split into."""
    page = openreview._split(text.encode())
    entry = OLD if text is V1 else ENTRY
    return [raw(openreview._body(own), entry=entry) for _, own in openreview._notes(page, entry)]


# -- what a note says -----------------------------------------------------------------------


def test_a_submission_becomes_a_work_with_what_its_venue_did():
    work = read(ENTRY, fixture(V2)[0])
    assert work.identifiers == ("openreview:KettleAAA1", "arxiv:3101.00001")
    assert work.title == "A Kettle Remembers its Last Tea"
    assert work.abstract.endswith("a naïve kettle keeps it all.")
    assert work.authors == ("Ada B. Example", "Carl Demo")
    assert work.first_public == "2031-02-21"
    assert [form.id for form in work.manifestations] == ["openreview:KettleAAA1"]
    form = work.manifestations[0]
    assert form.kind is ManifestationKind.openreview
    assert (form.publisher, form.valid) == ("OpenReview", "2031-03-09")
    assert form.url == "https://openreview.net/forum?id=KettleAAA1"
    assert acts(work) == [("oral", "2031-02-28", "")]
    assert work.statuses[0].venue == "KETTLE 2031"
    assert work.related == ((WorkRelationKind.resubmission_of, "openreview:OldKettle1"),)
    assert not work.withdrawn


def test_what_happened_to_the_others_is_told_by_where_the_venue_put_them():
    told = {work.title: acts(work) for work in (read(ENTRY, each) for each in fixture(V2)[1:])}
    assert told == {
        "Pots Do Not Remember": [("under-review", "2031-01-28", "")],
        "Cups, Withdrawn": [("withdrawn", "2031-01-28/2031-03-09", "")],
        "Saucers of Thirty Pages": [("rejected", "2031-01-28/2031-03-09", "desk")],
        "Spoons, Rejected": [("rejected", "2031-01-28/2031-03-09", "")],
        "A Regular Teapot": [("accepted", "2031-02-28", "KETTLE 2031 regular")],
    }


def test_newer_forms_of_names_and_identifiers_are_read():
    work = read(ENTRY, fixture(V2)[5])
    assert work.authors == ("Eve Sample",)
    assert work.identifiers == ("openreview:KettleFFF6", "doi:10.5555/teapot.2031")


def test_an_old_venue_tells_its_decisions_in_replies_of_its_chairs():
    first, second = (read(OLD, each) for each in fixture(V1))
    assert acts(first) == [("spotlight", "2019-12-20", "")]
    assert first.identifiers == ("openreview:OldPot0001",)
    assert (first.first_public, first.authors) == ("2019-09-25", ("Ada B. Example",))
    # Words that are not understood decide nothing; they are kept.
    assert acts(second) == [("under-review", "2019-09-25", "Invite to Workshop Track")]


def test_in_an_old_venue_its_own_name_is_no_acceptance():
    row = note(1, "KETTLE 2020 Submitted", "")
    row["content"] = {"title": "T", "abstract": "A", "venueid": OLD.id, "venue": "KETTLE 2020 Cup"}
    assert acts(draft(row, OLD)) == [("under-review", "2031-01-28", "KETTLE 2020 Cup")]
    row["invitation"] = f"{OLD.id}/-/Withdrawn_Submission"
    assert [act[0] for act in acts(draft(row, OLD))] == ["withdrawn"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ICLR 2026 Poster", ["poster"]),
        ("NeurIPS 2025 oral", ["oral"]),
        ("ICML 2025 spotlightposter", ["spotlight"]),
        ("ICML 2023 OralPoster", ["oral"]),
        ("Accept (Talk)", ["oral"]),
        ("Accept (Oral), Best Paper Award", ["oral", "award"]),
        ("ICLR 2031 Outstanding Paper", ["award"]),
        ("Accept", ["accepted"]),
        ("ICLR 2023 notable top 5%", ["accepted"]),
        ("Accepted by TMLR", ["accepted"]),
        ("Reject", ["rejected"]),
        ("ICLR 2026 Conference Desk Rejected Submission", ["rejected"]),
        ("ICLR 2026 Conference Withdrawn Submission", ["withdrawn"]),
        ("Withdrawn by Authors", ["withdrawn"]),
        ("Retracted by Authors", ["retracted"]),
        ("Under review for TMLR", ["under-review"]),
        ("Submitted to Temporal Posters 2031", ["under-review"]),
        ("Temporal Graphs 2031", []),
        ("Corals 2031", []),
        ("Not accepted", []),
        ("submitted, no decision", ["under-review"]),
        ("Invite to Workshop Track", []),
        ("", []),
    ],
)
def test_a_decision_is_only_what_its_words_say(words, told):
    assert [act.value for act, _ in verdict(words)] == told


def test_an_accepted_paper_of_a_workshop_has_that_status():
    entry = OpenReviewEntry(id="Kettle.cc/2031/Workshop/Tea", name="Tea workshop at KETTLE 2031")
    row = note(1, "Tea 2031")
    row["content"]["venueid"]["value"] = entry.id
    assert acts(draft(row, entry)) == [("workshop", "2031-01-28", "Tea 2031")]


def test_the_date_of_an_act_stays_the_same_act_when_the_note_changes_again(store, site, take):
    site.notes = [note(1, "KETTLE 2031 Withdrawn Submission", "Withdrawn_Submission")]
    take()
    site.notes[0]["tmdate"] = site.notes[0]["mdate"] = MOMENT + 90 * DAY
    assert take()["same"] == 1
    assert [row.status for row in rows(store, StatusEvent)] == [StatusKind.withdrawn]


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("pdf", "https://arxiv.org/pdf/3101.00007v3.pdf", ("arxiv:3101.00007",)),
        ("html", "https://doi.org/10.5555/abc", ("doi:10.5555/abc",)),
        ("arxiv_id", "arXiv:3101.00007", ("arxiv:3101.00007",)),
        ("doi", "10.48550/arXiv.3101.00007", ("arxiv:3101.00007",)),
        ("code", "https://arxiv.org/abs/3101.00007", ()),
        ("TLDR", "https://arxiv.org/abs/3101.00007", ()),
        ("arxiv", "see https://arxiv.org/abs/3101.00007", ()),
        ("doi", "pending", ()),
    ],
)
def test_only_fields_that_name_the_paper_give_it_names(field, value, found):
    assert draft(note(1, content={field: value})).identifiers[1:] == found


def test_hidden_authors_are_no_authors():
    assert draft(note(1, content={"authors": ["Anonymous Authors"]})).authors == ()
    assert draft(note(1)).authors == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id is missing"),
        ({"id": "no id", "forum": "no id"}, "OpenReview"),
        ({"forum": "Another001"}, "a reply"),
        ({"content": []}, "no content"),
        ({"content": {"title": {"value": " "}}}, "title is missing"),
        ({"content": {"title": {"value": 7}}}, "title is not text"),
        ({"content": {"title": {"value": "half \ud835"}}}, "half a character"),
        ({"cdate": None}, "no date"),
        ({"cdate": 10**18}, "no date"),
        ({"cdate": True}, "no date"),
    ],
)
def test_a_note_that_cannot_be_understood_is_refused_with_a_reason(change, reason):
    with pytest.raises(ParseError, match=reason):
        draft({**note(1), **change})


@pytest.mark.parametrize("body", ["[", "[]", "7", '{"note": 7}', "{}", "[" * 100_000])
def test_a_record_that_is_not_one_is_refused(body):
    with pytest.raises(ParseError):
        read(ENTRY, raw(body))


# -- pages ----------------------------------------------------------------------------------


def test_a_record_is_the_notes_own_text(site, venue):
    site.open = True
    site.faults = [(200, V2.encode())]
    first = next(iter(venue().fetch("")))
    own = V2[V2.index('{\n      "content"') : V2.index(',\n    {"id": "KettleBBB2"')]
    assert first.body.decode() == f'{{"note":{own},"decisions":[]}}'
    assert first.source == f"openreview:{VENUE}"
    assert first.url == "https://openreview.net/forum?id=KettleAAA1"


def test_of_the_replies_only_the_decisions_are_kept():
    text = fixture(V1)[0].body.decode()
    record = json.loads(text)
    assert "details" not in record["note"]
    assert [reply["id"] for reply in record["decisions"]] == ["Decide0003"]
    assert "Lukewarm" not in text
    start = V1.index('{"id": "OldPot0001"')
    assert text.startswith('{"note":' + V1[start : V1.index(',\n   "details"')] + "},")


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ('{"details":{}}', "{}"),
        ('{ "details" : {} , "a": 1 }', '{"a": 1 }'),
        ('{ "a": 1 , "details" : {} }', '{ "a": 1 }'),
        ('{"a":1,"details":{},"b":[2]}', '{"a":1,"b":[2]}'),
        ('{"details":7,"a":1,"details":{"directReplies":7}}', '{"details":7,"a":1}'),
    ],
)
def test_the_details_are_cut_out_wherever_they_stand(text, own):
    page = openreview._split(f'{{"notes":[{text}]}}'.encode())
    assert [own for _, own in openreview._notes(page, OLD)] == [f'"note":{own},"decisions":[]']


def test_a_comment_of_a_stranger_makes_no_new_record():
    page = json.loads(V1)
    before = [each.digest for each in fixture(V1)]
    page["notes"][0]["details"]["directReplies"].append({"id": "Talk000009", "content": {}})
    again = openreview._split(json.dumps(page).encode())
    spaced = openreview._split(json.dumps(json.loads(V1)).encode())
    bodies = [[own for _, own in openreview._notes(each, OLD)] for each in (again, spaced)]
    assert bodies[0] == bodies[1]
    assert len(before) == 2


def test_a_list_is_read_in_pages_to_its_end(site, venue):
    site.notes = [note(number) for number in range(2500)]
    source = venue()
    found = list(source.fetch(""))
    assert len({each.digest for each in found}) == 2500
    mine = [query for _, query in site.queries if "invitation" in query]
    assert [query.get("after", "") for query in mine] == ["", "Kettle0999", "Kettle1999"]
    assert all(query["limit"] == "1000" and query["sort"] == "id" for query in mine)
    # What was withdrawn and desk-rejected lies elsewhere, and is listed too.
    assert [query["content.venueid"] for _, query in site.queries if "invitation" not in query] == [
        f"{VENUE}/Withdrawn_Submission",
        f"{VENUE}/Desk_Rejected_Submission",
    ]
    assert json.loads(source.position)["count"] == 2500


def test_notes_of_the_other_lists_are_taken_once(site, venue):
    gone = note(7, "KETTLE 2031 Conference Withdrawn Submission", "Withdrawn_Submission")
    site.notes = [note(1), gone]
    site.lists[f"{VENUE}/Withdrawn_Submission"] = [gone, note(8, "", "Withdrawn_Submission")]
    ids = [json.loads(each.body)["note"]["id"] for each in venue().fetch("")]
    assert ids == ["Kettle0001", "Kettle0007", "Kettle0008"]


def test_an_old_venue_is_asked_at_its_own_host_with_the_replies(site, venue):
    site.faults = [(200, V1.encode())]
    assert len(list(venue(OLD).fetch(""))) == 2
    assert {host for host, _ in site.queries} == {"api.openreview.net"}
    assert {query["details"] for _, query in site.queries} == {"directReplies"}
    assert [query["invitation"] for _, query in site.queries] == [
        f"{OLD.id}/-/{kind}_Submission" for kind in ("Blind", "Withdrawn", "Desk_Rejected")
    ]


def test_a_venue_may_lack_the_usual_lists_but_not_one_that_it_is_asked_for(site, venue):
    site.notes = [note(1)]
    absent = (404, b'{"name": "NotFoundError", "message": "The Invitation was not found"}')
    site.faults = [None, absent, absent]
    assert len(list(venue(OLD).fetch(""))) == 1
    site.faults = [None, absent]
    with pytest.raises(ParseError, match="HTTP 404"):
        list(venue(OLD.model_copy(update={"also": ["Kettle.cc/-/Cold"]})).fetch(""))
    site.faults = [absent]
    with pytest.raises(ParseError, match="HTTP 404"):
        list(venue(OLD).fetch(""))


def test_a_short_page_in_mid_list_is_not_the_end(site, venue):
    site.notes = [note(number) for number in range(30)]
    site.short = 7
    assert len(list(venue().fetch(""))) == 30


def test_without_a_count_the_list_ends_with_an_empty_page(site, venue):
    site.notes = [note(number) for number in range(30)]
    site.short, site.counts = 7, False
    assert len(list(venue().fetch(""))) == 30


def test_an_empty_page_in_mid_list_is_asked_for_again(site, venue):
    site.notes = [note(number) for number in range(1500)]
    site.faults = [None, (200, b'{"notes": [], "count": 1500}')]
    assert len(list(venue().fetch(""))) == 1500


def test_a_list_that_breaks_off_leaves_the_position_where_it_was(site, venue):
    site.notes = [note(number) for number in range(1500)]
    site.faults = [None, *[(200, b'{"notes": []}')] * 20]
    source = venue()
    with pytest.raises(FetchError, match="empty page at 1000 of 1500"):
        list(source.fetch(""))
    assert source.position == ""


def test_a_list_that_goes_in_a_circle_ends(site, venue):
    page = json.dumps({"notes": [note(1), note(2)], "count": 9}).encode()
    site.faults = [(200, page)] * 9
    with pytest.raises(FetchError, match="stops moving at 2 of 9"):
        list(venue().fetch(""))


def test_repeated_and_shifted_pages_do_no_harm(site, venue):
    pages = [[note(1), note(2)], [note(2), note(1), note(3)], [note(3), note(4)]]
    site.faults = [(200, json.dumps({"notes": each, "count": 4}).encode()) for each in pages]
    ids = [json.loads(each.body)["note"]["id"] for each in venue().fetch("")]
    assert ids == ["Kettle0001", "Kettle0002", "Kettle0003", "Kettle0004"]


@pytest.mark.parametrize(
    "body", [b"", b"<html>busy</html>", b'{"notes": [', b'{"errors": []}', b"\xff", b"[" * 99_999]
)
def test_a_body_that_is_no_list_is_asked_for_again(site, venue, body):
    site.notes = [note(1)]
    site.faults = [(200, body)]
    assert len(list(venue().fetch(""))) == 1


def test_a_host_that_names_a_time_is_left_alone_until_then(site, venue, clock):
    now = dt.datetime.now(dt.UTC)
    later = (now + dt.timedelta(seconds=40)).isoformat().replace("+00:00", "Z")
    body = json.dumps({"name": "RateLimitError", "details": {"resetTime": later}}).encode()
    stamp = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    site.notes = [note(1)]
    site.faults = [(429, body, {"Date": stamp})]
    assert len(list(venue().fetch(""))) == 1
    assert any(39 <= slept <= 42 for slept in clock.slept)


def test_only_notes_that_hold_one_of_the_words_are_kept(site, venue):
    site.notes = [
        note(1, content={"title": "Memorization of tea"}),
        note(2, content={"abstract": "Pots are over parameterized."}),
        note(3, content={"keywords": ["double  descent"]}),
        note(4, content={"TLDR": "We see grokking."}),
        note(5, content={"title": "Unmemorable tea"}),
        note(6, content={"abstract": "Descent, double."}),
    ]
    entry = ENTRY.model_copy(
        update={"any_of": ["memori", "over-parameteri", "Double Descent", "grokking"]}
    )
    source = venue(entry)
    ids = [json.loads(each.body)["note"]["id"][-1] for each in source.fetch("")]
    assert ids == ["1", "2", "3", "4"]
    assert json.loads(source.position)["count"] == 6


def test_a_note_that_was_kept_is_followed_when_it_loses_its_word(site, venue):
    entry = ENTRY.model_copy(update={"any_of": ["memori"]})
    site.notes = [note(1, content={"title": "Memorization"}), note(2)]
    source = venue(entry)
    assert len(list(source.fetch(""))) == 1
    site.notes[0] = note(1, content={"title": "Recall"})
    assert len(list(venue(entry).fetch(source.position))) == 1


def test_a_note_without_an_id_is_stored_and_refused(store, site, take):
    odd = {**note(2), "id": None}
    site.notes = [note(1), odd, "not a note"]
    site.page = lambda query: json.dumps(
        {"notes": site.notes if "invitation" in query else [], "count": 3 * ("invitation" in query)}
    ).encode()
    assert take() == {"added": 1, "changed": 0, "same": 0, "refused": 2, "conflicts": 0}
    assert {row.reason for row in rows(store, Refusal)} == {
        "id is missing",
        "the note is not an object",
    }


# -- letting us in --------------------------------------------------------------------------


def test_one_login_serves_all_venues_of_a_run(site, venue):
    site.notes = [note(1)]
    list(venue().fetch(""))
    list(venue().fetch(""))
    assert site.logins == 1
    assert set(site.headers) == {"Bearer T-1"}


def test_a_token_from_the_environment_needs_no_login(site, venue):
    site.notes = [note(1)]
    assert len(list(venue(environ={"OPENREVIEW_TOKEN": " T-1 "}).fetch(""))) == 1
    assert site.logins == 0


def test_a_login_that_has_run_out_is_made_again(site, venue):
    site.notes = [note(1)]
    list(venue().fetch(""))
    site.token = "T-2"
    assert len(list(venue().fetch(""))) == 1
    assert site.logins == 2


def test_a_guest_is_blocked_and_told_what_to_set(site, venue):
    site.notes = [note(1)]
    source = venue(environ={})
    with pytest.raises(BlockedError, match=r"guests.*set OPENREVIEW_USERNAME"):
        list(source.fetch(""))
    assert source.position == ""


def test_a_page_that_wants_to_see_a_browser_blocks_at_once(site, venue):
    site.open = True
    site.faults = [(200, VERIFYING)] * 9
    with pytest.raises(BlockedError, match="prove that they are human"):
        list(venue(environ={}).fetch(""))
    assert len(site.queries) == 1


@pytest.mark.parametrize(
    "environ",
    [
        {"OPENREVIEW_TOKEN": "wrong-t0ken"},
        {"OPENREVIEW_TOKEN": "two\r\nlines-t0ken"},
        {"OPENREVIEW_USERNAME": "ada@example.org", "OPENREVIEW_PASSWORD": "wrong-t0ken"},
    ],
)
def test_what_is_secret_is_in_no_message(site, venue, environ):
    with pytest.raises(BlockedError) as caught:
        list(venue(environ=environ).fetch(""))
    error = caught.value
    while error is not None:
        assert "t0ken" not in str(error)
        assert "ada@" not in str(error)
        error = error.__cause__


def test_a_login_that_asks_for_more_is_blocked(site, venue):
    site.login = lambda handler: send(handler, 200, b'{"mfaPending": true}')
    with pytest.raises(BlockedError, match=r"second factor.*OPENREVIEW_TOKEN"):
        list(venue().fetch(""))


def test_the_environment_is_read_when_a_venue_is_asked(site, session, monkeypatch):
    config = SourcesFile(arxiv=[], openreview=[ENTRY])
    for name in ("OPENREVIEW_TOKEN", *ACCOUNT):
        monkeypatch.delenv(name, raising=False)
    errand = openreview.errands(config)[0]
    monkeypatch.setenv("OPENREVIEW_TOKEN", "T-1")
    site.notes = [note(1)]
    assert len(list(errand.make(session.fetch).fetch(""))) == 1


# -- what changes ---------------------------------------------------------------------------


def test_an_empty_list_is_not_believed(store, site, take):
    with pytest.raises(FetchError, match="empty, which is not believed"):
        take()
    site.notes = [note(number) for number in range(3)]
    take()
    site.notes = []
    with pytest.raises(FetchError, match="empty, which is not believed"):
        take()
    assert all(row.removed_at is None for row in rows(store, Manifestation))
    assert take(accept_loss=True)["changed"] == 3


def test_poster_then_oral_then_award_all_stay(store, site, take):
    site.notes = [note(1)]
    take()
    for number, words in enumerate(("poster", "oral", "oral, Best Paper"), 1):
        site.notes = [note(1, f"KETTLE 2031 {words}", "", tmdate=MOMENT + number * DAY)]
        assert take()["changed"] == 1
    told = [row.status.value for row in rows(store, StatusEvent)]
    assert told == ["under-review", "poster", "oral", "award"]


def test_an_edit_is_a_new_form_beside_the_old(store, site, take):
    site.notes = [note(1)]
    take()
    changed = note(1, tmdate=MOMENT + DAY, mdate=MOMENT + DAY, content={"title": "Kettle, revised"})
    site.notes = [changed]
    assert take()["changed"] == 1
    forms = sorted(row.id for row in rows(store, Manifestation))
    assert forms[0] == "openreview:Kettle0001"
    assert forms[1].startswith("openreview:Kettle0001#")
    assert [row.title for row in rows(store, Work)] == ["Kettle, revised"]


def test_authors_that_a_blind_review_hid_are_added(store, site, take):
    site.notes = [note(1)]
    take()
    names = {"authors": ["Ada B. Example", "Carl Demo"]}
    site.notes = [note(1, "KETTLE 2031 poster", "", tmdate=MOMENT + DAY, content=names)]
    assert take()["changed"] == 1
    assert [row.name for row in rows(store, Authorship)] == ["Ada B. Example", "Carl Demo"]


def test_a_deleted_note_is_kept_and_marked(store, site, take):
    site.notes = [note(1), note(2)]
    take()
    site.notes[1]["ddate"] = MOMENT + DAY
    assert take()["changed"] == 1
    marked = {row.id: row.removed_at is not None for row in rows(store, Manifestation)}
    assert marked == {"openreview:Kettle0001": False, "openreview:Kettle0002": True}
    assert len(rows(store, Work)) == 2


def gone(store):
    """The numbers of the notes that have a form marked as gone."""
    marked = [row.id for row in rows(store, Manifestation) if row.removed_at is not None]
    return {int(id.partition("#")[0][-4:]) for id in marked}


def test_a_note_that_vanishes_and_returns_as_it_was_is_unmarked_each_time(store, site, take):
    both = [note(1), note(2)]
    for _ in range(3):
        site.notes = both
        take()
        assert gone(store) == set()
        site.notes = both[:1]
        assert take()["changed"] == 1
        assert gone(store) == {2}
        assert take()["changed"] == 0
    site.notes = both
    assert take()["changed"] == 1
    assert take() == {"added": 0, "changed": 0, "same": 2, "refused": 0, "conflicts": 0}
    assert gone(store) == set()


def test_corrections_of_a_note_go_and_return_with_it(store, site, take):
    site.notes = [note(1), note(2)]
    take()
    site.notes = [note(1), note(2, tmdate=MOMENT + DAY, content={"title": "Kettle, revised"})]
    take()
    both = site.notes
    site.notes = both[:1]
    take()
    assert len([row for row in rows(store, Manifestation) if row.removed_at]) == 2
    site.notes = both
    take()
    assert gone(store) == set()


class _KilledError(Exception):
    """Stands for the end of the process."""


def test_a_run_that_ends_before_it_has_marked_anything_is_made_good(store, site, venue, take):
    site.notes = [note(number) for number in range(intake.BATCH + 20)]
    take()
    site.notes = site.notes[: intake.BATCH]
    source = venue()
    since = rows(store, Cursor)[0].value

    def cut():
        """End after the first batch, with which the position is stored."""
        for number, each in enumerate(source.fetch(since)):
            yield each
            if number == intake.BATCH:
                raise _KilledError

    with pytest.raises(_KilledError), store.run("ingest openreview"):
        intake.harvest(store, source, cut(), "kettle")
    assert rows(store, Cursor)[0].value != since
    assert gone(store) == set()
    assert take()["changed"] == 20
    assert gone(store) == set(range(intake.BATCH, intake.BATCH + 20))


def test_the_position_is_the_same_when_nothing_changed(store, site, take):
    site.notes = [note(1), note(2)]
    take()
    before = rows(store, Cursor)[0].value
    assert take()["same"] == 2
    assert rows(store, Cursor)[0].value == before
    assert len(rows(store, RawRecord)) == 2


def test_a_venue_that_loses_more_than_a_fifth_halts_until_a_person_agrees(store, site, take):
    site.notes = [note(number) for number in range(40)]
    take()
    site.notes = site.notes[:31]
    with pytest.raises(HaltError, match="listed 40 notes and now lists 31; 9 of the 40") as caught:
        take()
    assert f"kb run --accept openreview:{VENUE}" in str(caught.value)
    assert f"kb ingest openreview {VENUE} --accept-loss" in str(caught.value)
    assert gone(store) == set()
    with pytest.raises(HaltError):
        take()
    assert take(accept_loss=True)["changed"] == 9
    assert gone(store) == set(range(31, 40))
    assert take()["changed"] == 0


def test_a_fifth_and_a_handful_may_go_without_a_question(store, site, take):
    site.notes = [note(number) for number in range(40)]
    take()
    site.notes = site.notes[:32]
    assert take()["changed"] == 8
    site.notes = site.notes[:27]
    assert take()["changed"] == 5


def test_a_loss_among_notes_that_are_not_kept_halts_too(site, venue):
    entry = ENTRY.model_copy(update={"any_of": ["memori"]})
    site.notes = [note(0, content={"title": "Memorization"}), *(note(n) for n in range(1, 40))]
    source = venue(entry)
    list(source.fetch(""))
    site.notes = site.notes[:20]
    with pytest.raises(HaltError, match="0 of the 1 that we keep"):
        list(venue(entry).fetch(source.position))


def test_a_date_to_start_from_leaves_the_position_alone(site, venue):
    site.notes = [note(1)]
    source = venue()
    assert len(list(source.fetch("2031-01-01"))) == 1
    assert source.position == ""


@pytest.mark.parametrize("text", ["{", "{}", '{"kept": 7}', '{"kept":"","count":"x"}'])
def test_a_cursor_that_is_not_ours_is_refused(venue, text):
    with pytest.raises(ParseError, match="cursor"):
        list(venue().fetch(text))


def test_a_note_that_is_gone_is_read_as_that():
    assert read(ENTRY, raw({"gone": "KettleAAA1", "event": 3})) == Removal(
        (), ("openreview:KettleAAA1",)
    )


# -- what a run asks ------------------------------------------------------------------------


def test_each_venue_that_is_on_is_an_errand_and_all_can_be_read():
    off = OLD.model_copy(update={"enabled": False})
    config = SourcesFile(every={"openreview": 3}, arxiv=[], openreview=[ENTRY, off])
    errands = openreview.errands(config)
    assert [(each.title, each.every) for each in errands] == [("OpenReview: KETTLE 2031", 3)]
    assert errands[0].name.startswith(f"openreview:{VENUE}:")
    assert errands[0].hosts == openreview.HOSTS
    assert set(openreview.readers(config)) == {f"openreview:{VENUE}", f"openreview:{OLD.id}"}


def test_new_words_keep_the_cursor_and_another_question_does_not():
    def name(**change):
        entry = ENTRY.model_copy(update=change)
        return openreview.errands(SourcesFile(arxiv=[], openreview=[entry]))[0].name

    assert name(any_of=["tea"]) == name() == name(name="Kettles")
    assert name(submission="Kettle.cc/-/Paper") != name()
