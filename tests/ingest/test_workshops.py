import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select
from typer.testing import CliRunner

from ingest import markup, slots
from ingest.errors import FetchError, HaltError, ParseError, SourceError
from ingest.records import Raw
from ingest.sources import workshops
from ingest.sources.workshops import Workshops
from kb import content
from kb.cli import app
from kb.errors import KnowledgeBaseError
from kb.models import RawRecord
from kb.schema import SourcesFile, WorkshopEntry
from kb.store import Store
from kb.vocabulary import StatusKind, TalkKind

PAGES = Path(__file__).parents[1] / "fixtures/workshops"
URL = "https://tea.example.org/plan"
NOON = dt.datetime(2031, 1, 2, 12, tzinfo=dt.UTC)
EVENTS = {
    "what": "events",
    "rows": ".event-card",
    "fields": {
        "title": ".event-title",
        "url": ".event-title a@href",
        "organizers": ".event-speakers",
        "time": ".touchup-time",
        "place": ".pill:not(.time)",
        "abstract": ".abstract-text",
    },
}


def recipe(*pages, **more):
    entry = {"id": "kettles-2031", "name": "Kettles 2031", "date": "2031-06-07", **more}
    return WorkshopEntry.model_validate({**entry, "pages": [{"url": URL, **p} for p in pages]})


def list_recipe(**more):
    page = {"url": "https://conf.example.org/virtual/2031/list", **EVENTS}
    entry = {"id": "tea-conf", "parent": "TeaConf 2031", "date": "2031", "pages": [page]}
    return WorkshopEntry.model_validate({**entry, **more})


def draft_of(body, entry):
    page = entry.pages[0]
    raws, _ = workshops.raws_of(entry, page, body, NOON)
    return workshops.read(entry, raws[0])


def talks(name, **page):
    entry = recipe(page)
    return talks_of((PAGES / name).read_bytes(), entry)


def talks_of(body, entry):
    return [talk for part in draft_of(body, entry).sessions for talk in part.talks]


def lines(found):
    return [(t.start, t.end, t.kind.value, t.title, t.people) for t in found]


# -- pages that are read --------------------------------------------------------------------


def test_a_plan_as_lists_is_read_with_its_afternoon_hours():
    assert lines(talks("programme.html")) == [
        ("08:50", "09:00", "opening", "Opening remarks", ()),
        ("09:00", "09:30", "invited", "Invited talk 1", ()),
        ("09:30", "10:30", "poster", "Poster session and break", ()),
        ("11:30", "11:45", "oral", "Oral presentation 1", ()),
        ("12:00", "13:30", "break", "Lunch", ()),
        ("13:30", "14:00", "invited", "Invited talk 2", ()),
        ("14:00", "15:00", "poster", "Poster session and break", ()),
        ("16:00", "16:50", "panel", "Panel discussion", ()),
        ("16:50", "17:00", "closing", "Awards and closing", ()),
    ]


def test_slots_without_people_tell_nothing_of_a_paper():
    assert all(not talk.statuses for talk in talks("programme.html"))


def test_a_table_in_markdown_is_read_without_its_comments_and_marks():
    found = talks("programme.md", form="markdown")
    assert lines(found) == [
        ("08:50", "09:00", "opening", "Introduction and opening remarks", ()),
        (
            "09:00",
            "09:30",
            "keynote",
            "Can leaves steep longer than they were dried? Notes on patience",
            ("Ada B. Example",),
        ),
        ("09:30", "10:00", "invited", "Invited talk 2", ("Eve Sample",)),
        ("10:00", "10:30", "break", "Coffee Break", ()),
        ("10:30", "10:45", "contributed", "Steeping is not enough (arXiv)", ("Carl van Demo",)),
        ("10:45", "11:00", "contributed", "Contributed Talk 2", ()),
        ("11:00", "12:00", "poster", "Poster Session 1", ()),
        ("12:00", "13:00", "break", "Lunch Break", ()),
        (
            "13:00",
            "14:00",
            "panel",
            "Panel Discussion",
            ("Ada B. Example", "Carl van Demo", "Eve Sample"),
        ),
        ("14:00", "14:30", "closing", "Winners Announcement + Closing Remarks", ()),
    ]
    assert [t.identifiers for t in found if t.identifiers] == [("arxiv:3101.00007",)]


def test_a_plan_as_plain_text_is_read_with_abstracts_and_authors():
    found = talks("programme.txt", form="text")
    assert lines(found) == [
        ("09:00", "09:10", "opening", "Opening Remarks", ("Ada B. Example",)),
        ("09:10", "09:40", "invited", "How Shape Decides the Warmth of Pots", ("Eve Sample",)),
        ("09:40", "10:30", "poster", "Poster / Break", ()),
        (
            "10:30",
            "10:40",
            "oral",
            "Latent Leaf Steeping",
            ("Carl van Demo", "Ada B. Example", "Eve-Lynn Sample"),
        ),
        ("10:40", "10:50", "oral", "KET-Le: Order within Pots", ("Víctor Demo", "Ya-Ping Sample")),
        ("12:00", "13:30", "break", "Lunch", ()),
        ("16:50", "17:00", "closing", "Awards & Closing Remarks", ("Carl van Demo",)),
    ]
    assert found[1].abstract == ("Pots differ in shape. We compare 3 shapes at 9:30 and later.")


def test_an_oral_of_a_paper_says_so_of_the_paper():
    found = talks("programme.txt", form="text")
    acts = [act for talk in found for act in talk.statuses]
    assert {(act.status, act.valid) for act in acts} == {(StatusKind.oral, "2031-06-07")}
    assert len(acts) == 2


def test_tables_of_several_days_become_a_session_a_day():
    draft = draft_of((PAGES / "table.html").read_bytes(), recipe({}))
    assert [(s.title, s.valid, len(s.talks)) for s in draft.sessions] == [
        ("Programme", "2031-06-07", 3),
        ("Programme", "2031-06-08", 2),
    ]


def test_columns_are_named_by_their_heads():
    patience, panel, _, rest, porous = talks("table.html")
    assert lines([patience]) == [("09:00", "09:30", "invited", "On patience", ("Ada B. Example",))]
    assert patience.abstract == "Leaves take their time."
    assert patience.url == "https://tea.example.org/talks/patience"
    assert (panel.start, panel.end, panel.kind) == ("11:30", "12:30", TalkKind.panel)
    assert panel.people == ("Eve Sample", "Carl van Demo", "Ada B. Example")
    assert (rest.title, rest.people) == ("Warm pots at rest", ("Carl van Demo",))
    assert rest.abstract == "A pot that rests keeps warm."
    assert porous.identifiers == ("openreview:tEapOt1234",)
    assert [act.status for act in porous.statuses] == [StatusKind.spotlight]


def test_a_talk_without_a_title_yet_keeps_its_speaker_and_hour():
    open_ = talks("table.html")[2]
    assert (open_.start, open_.end, open_.people) == ("13:30", "", ("Eve Sample",))
    assert "TBD" not in open_.title


def test_a_table_of_papers_gives_titles_people_and_what_the_list_means():
    found = talks("accepted.md", form="markdown", what="accepted", status="poster")
    assert [(t.title, t.people, t.url, t.identifiers) for t in found] == [
        (
            "Real-time steeping with slow leaves",
            ("Ada B. Example", "Carl van Demo"),
            "https://tea.example.org/papers/2.pdf",
            (),
        ),
        (
            "Is the surrogate leaf green?",
            ("Eve-Lynn Sample", "Jean d'Exemple", "Luz M. Demo"),
            "https://tea.example.org/papers/3.pdf",
            (),
        ),
        (
            "Oolong - learning to embed the social behavior of leaves",
            ("Čarl Démo",),
            "https://arxiv.org/abs/3101.00003",
            ("arxiv:3101.00003",),
        ),
    ]
    assert {t.kind for t in found} == {TalkKind.poster}
    assert {a.status for t in found for a in t.statuses} == {StatusKind.poster}


def test_a_list_of_papers_is_told_from_the_menu():
    found = talks("accepted.html", what="accepted")
    assert [(t.title, t.people, t.identifiers) for t in found] == [
        (
            "Leaves that remember the pot",
            ("Ada B. Example", "Carl van Demo"),
            ("openreview:lEaf-56789",),
        ),
        (
            "A bound on the warmth of pots",
            ("Eve Sample", "Ada B. Example"),
            ("doi:10.1000/tea.7",),
        ),
        ("Steeping without water", ("Carl van Demo", "Eve Sample"), ()),
        ("How leaves settle in still water", (), ("arxiv:3101.00011",)),
    ]
    assert [a.status.value for t in found for a in t.statuses] == [
        "workshop",
        "workshop",
        "oral",
        "workshop",
    ]


def test_selectors_of_a_recipe_go_before_what_is_found_by_itself():
    found = talks(
        "programme.html",
        rows="ul.plan > li",
        fields={"time": "span", "title": "strong"},
        kinds={"oral": "contributed"},
        kind="keynote",
    )
    assert [t.kind.value for t in found[:4]] == ["opening", "invited", "poster", "contributed"]
    assert len(found) == 9


@pytest.mark.parametrize("name", ["events.html", "events.csv"])
def test_a_list_of_workshops_gives_an_event_an_entry(name):
    page = {"url": "https://conf.example.org/virtual/2031/list", "what": "events"}
    page |= (
        {"form": "csv", "fields": {"organizers": "speakers"}} if name == "events.csv" else EVENTS
    )
    entry = list_recipe(pages=[page], tz="Europe/Lisbon", place="Porto")
    raws, count = workshops.raws_of(entry, entry.pages[0], (PAGES / name).read_bytes(), NOON)
    found = [workshops.read(entry, raw) for raw in raws]
    assert count == len(found) == 3
    assert [(e.name, e.valid, e.hours) for e in found] == [
        ("Kettle Dynamics", "2031-06-07", "08:00-17:00"),
        ("Tea & Society: The 2nd Workshop", "2031-06-08", "08:00-12:30"),
        ("Pots for Health", "2031-06-08", "13:00-17:00"),
    ]
    first = found[0]
    assert first.id.startswith("teaconf-2031-kettle-dynamics-")
    assert first.url == "https://conf.example.org/virtual/2031/workshop/901"
    assert first.organizers == ("Ada B. Example", "Carl van Demo")
    assert (first.place, first.parent, first.tz) == (
        "Room 3, Porto",
        "TeaConf 2031",
        "Europe/Lisbon",
    )
    assert first.abstract == "How kettles warm over time."


def test_of_a_list_of_workshops_only_wanted_ones_are_kept():
    entry = list_recipe(any_of=["remember", "SOCIETY"])
    body = (PAGES / "events.html").read_bytes()
    raws, count = workshops.raws_of(entry, entry.pages[0], body, NOON)
    assert [workshops.read(entry, raw).name for raw in raws] == [
        "Tea & Society: The 2nd Workshop",
        "Pots for Health",
    ]
    assert count == 3  # a list that shrinks is noticed whatever is wanted of it


def test_an_entry_keeps_its_digest_when_others_come_and_go():
    entry = list_recipe()
    body = (PAGES / "events.html").read_bytes()
    whole, _ = workshops.raws_of(entry, entry.pages[0], body, NOON)
    start, end = (
        body.index(b'<div class="event-card"'),
        body.index(b'<div class="event-card" id="event-902"'),
    )
    fewer, _ = workshops.raws_of(
        entry, entry.pages[0], body[:start] + body[end:].replace(b"mark-1", b"mark-0"), NOON
    )
    assert [raw.digest for raw in fewer] == [raw.digest for raw in whole[1:]]


# -- slots ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("9:00 - 9:30", 540, 570),
        ("09:00–09:30 AM", 540, 570),
        ("11:30 – 12:30 PM", 690, 750),
        ("1:30 PM", 810, None),
        ("12:15 AM to 1 a.m.", 15, 60),
        ("9h30 — 10h", 570, 600),
        ("13.30-14.00", 810, 840),
        ("9-10:30 AM", 540, 630),
        ("[10:00 - 10:30]", 600, 630),
    ],
)
def test_hours_are_read_as_pages_write_them(line, start, end):
    found = slots.hours(line)
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize(
    "line", ["10 leaves", "2031-06-07", "24:00", "noon", "9.5 grams of tea", ""]
)
def test_what_is_no_hour_is_not_taken_for_one(line):
    assert slots.hours(line) is None


@pytest.mark.parametrize(
    ("text", "title", "people"),
    [
        (["Carl van Demo", "Warm pots"], "Warm pots", ("Carl van Demo",)),
        (["Warm pots", "Carl van Demo, Eve Sample"], "Warm pots", ("Carl van Demo", "Eve Sample")),
        (["Ada B. Example - How warm is warm?"], "How warm is warm?", ("Ada B. Example",)),
        (["How warm is warm? by Ada B. Example"], "How warm is warm?", ("Ada B. Example",)),
        (["How warm is warm? (Ada B. Example)"], "How warm is warm?", ("Ada B. Example",)),
        (["[Oral] Warm pots", "Eve Sample"], "Warm pots", ("Eve Sample",)),
        (["Speaker: Eve Sample", "Title: Warm pots"], "Warm pots", ("Eve Sample",)),
        (["Breaking the pot: a tale of leaves"], "Breaking the pot: a tale of leaves", ()),
        (["Panel data in tea houses", "Eve Sample"], "Panel data in tea houses", ("Eve Sample",)),
    ],
)
def test_people_are_told_from_titles(text, title, people):
    slot = slots.read(text)
    assert (slot.title, slot.people) == (title, people)


# -- pages that are not ---------------------------------------------------------------------


def test_a_script_in_a_title_stays_text():
    title = b"Tea &lt;script&gt;alert(1)&lt;/script&gt;<script>alert(2)</script>"
    body = (
        b"<ul><li>9:00-9:30 <b>Eve Sample</b><br>" + title + b"</li><li>9:30-10:00 Lunch</li></ul>"
    )
    found = talks_of(body, recipe({}))
    assert found[0].title == "Tea <script>alert(1)</script>"


def test_an_address_that_runs_code_is_no_address():
    link = b"<a href='javascript:alert(1)'>How warm is tea?</a>"
    body = b"<ul><li>9:00-9:30 " + link + b"</li><li>9:30-10:00 Lunch</li></ul>"
    assert talks_of(body, recipe({}))[0].url == ""


@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * 10_000 + b"9:00-9:30 Tea",
        b"<div>" * 150_000,
        b"<table><tr><td>" * 10_000,
        b"<ul><li>9:00-9:30 x" * 5_000,
        b"".join(b"<font color=%d>" % n for n in range(1_000)) + b"<p>" * 1_000,
    ],
    ids=["divs", "many divs", "tables", "lists", "fonts"],
)
def test_a_tower_of_tags_is_refused(body):
    with pytest.raises(ParseError, match=r"nested too deeply|nothing|no table"):
        draft_of(body, recipe({}))


def test_a_table_without_end_is_refused():
    body = b"<table>" + b"<tr><td>9:00 - 9:30</td><td>Tea</td></tr>" * 40_000
    with pytest.raises(ParseError, match="40,000 rows"):
        draft_of(body, recipe({}))


@pytest.mark.parametrize(
    "body",
    [b"<![" * 20_000, b"[" * 60_000, b"<" * 60_000, b"*_" * 30_000, b"- " * 30_000, b"|" * 60_000,
     b"> " * 30_000, b"&" * 60_000],
    ids=["<![", "[", "<", "*_", "- ", "|", "> ", "&"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["html", "markdown", "csv", "text"])
def test_a_fragment_of_marks_is_refused(body, form):
    with pytest.raises(ParseError):
        draft_of(body, recipe({"form": form}))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<p>9:00-9:30 thé</p>".encode("latin-1"), "not in the encoding"),
        (b"<meta charset=utf-7><p>9:00-9:30 tea</p>", "encoded as 'utf-7'"),
        (b"<meta charset=shift_jis><p>9:00 \x81</p>", "not in the encoding"),
        (b"\xff\xfe9\x00:\x00\x00\xd8", "not in the encoding"),
        (b"x" * (markup.PAGE_CAP + 1), "above"),
        (b"   ", "blank"),
        (b"<html><body><p>Coming soon!</p></body></html>", "no table, list or line begins"),
    ],
)
def test_a_page_that_cannot_be_read_says_why(body, reason):
    with pytest.raises(ParseError, match=reason):
        draft_of(body, recipe({}))


def test_a_declared_encoding_is_used():
    slots = "<ul><li>9:00-9:30 Thé à la menthe</li><li>9:30-10:00 Lunch</li></ul>"
    body = f"<meta charset='iso-8859-1'>{slots}"
    assert talks_of(body.encode("latin-1"), recipe({}))[0].title == "Thé à la menthe"


def test_the_selector_that_finds_nothing_is_named():
    body = (PAGES / "programme.html").read_bytes()
    with pytest.raises(ParseError, match=r"rows 'tr.plan' match nothing"):
        draft_of(body, recipe({"rows": "tr.plan"}))
    with pytest.raises(ParseError, match=r"title 'h7'"):
        draft_of(body, recipe({"rows": "ul.plan li", "fields": {"title": "h7"}}))
    with pytest.raises(ParseError, match="is not a CSS selector"):
        draft_of(body, recipe({"rows": "li["}))


def test_a_page_with_fewer_than_expected_is_an_error():
    with pytest.raises(ParseError, match="lists 9, and the recipe expects 12"):
        draft_of((PAGES / "programme.html").read_bytes(), recipe({"least": 12}))


FORMS = [
    ("programme.html", {}),
    ("programme.md", {"form": "markdown"}),
    ("programme.txt", {"form": "text"}),
    ("table.html", {}),
    ("accepted.md", {"form": "markdown", "what": "accepted"}),
    ("accepted.html", {"what": "accepted"}),
    ("events.html", EVENTS),
    ("events.csv", {"form": "csv", "what": "events"}),
]


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(FORMS),
    st.lists(
        st.tuples(
            st.floats(0, 1, exclude_max=True),
            st.integers(0, 40),
            st.one_of(
                st.binary(max_size=12),
                st.sampled_from([b"<", b"</td>", b"<li>", b"9:00", b'"', b"|"]),
            ),
        ),
        max_size=6,
    ),
)
def test_a_mutated_page_raises_nothing_but_what_a_source_may(form, changes):
    name, page = form
    body = (PAGES / name).read_bytes()
    for where, gone, put in changes:
        at = int(where * len(body))
        body = body[:at] + put + body[at + gone :]
    is_list = page.get("what") == "events"
    entry = list_recipe(pages=[{"url": URL, **page}]) if is_list else recipe(page)
    try:
        raws, count = workshops.raws_of(entry, entry.pages[0], body, NOON)
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert count
        assert all(workshops.read(entry, raw) for raw in raws)


# -- runs -----------------------------------------------------------------------------------


class Web:
    """Answers with pages, and holds them to what the source checks."""

    def __init__(self, **pages):
        self.pages = {f"https://tea.example.org/{name}": body for name, body in pages.items()}
        self.asked = []

    def __call__(self, url, check, *, headers=None, json=None, keep=False):
        self.asked.append((url, keep))
        body = self.pages[url]
        if isinstance(body, Exception):
            raise body
        if fault := check(body):
            raise FetchError("tea.example.org", url, fault)
        return body


def counts(source):
    return {url: count for url, (count, _) in json.loads(source.position).items()}


def plan(n):
    rows = "".join(f"<li>{9 + i // 4}:{i % 4 * 15:02d} Tea {i}</li>" for i in range(n))
    return f"<html><ul>{rows}</ul></html>".encode()


def two_pages():
    return recipe(
        {"url": "https://tea.example.org/plan"},
        {"url": "https://tea.example.org/papers", "what": "accepted"},
    )


def test_each_page_is_one_record_and_is_asked_for_again_only_when_it_changed():
    web = Web(plan=plan(10), papers=(PAGES / "accepted.html").read_bytes())
    source = Workshops(two_pages(), web)
    raws = list(source.fetch(""))
    assert [raw.url for raw in raws] == [url for url, _ in web.asked]
    assert {raw.source for raw in raws} == {"workshops:kettles-2031"}
    assert all(keep for _, keep in web.asked)
    assert counts(source) == {raws[0].url: 10, raws[1].url: 4}


def test_a_page_that_lost_a_fifth_halts_and_the_others_are_taken():
    entry = two_pages()
    papers = (PAGES / "accepted.html").read_bytes()
    source = Workshops(entry, Web(plan=plan(10), papers=papers))
    list(source.fetch(""))
    before = source.position
    source = Workshops(entry, Web(plan=plan(7), papers=papers))
    taken = []
    with pytest.raises(HaltError, match=r"lists 7, the last time it was 10.*--accept"):
        taken.extend(source.fetch(before))
    assert [raw.url for raw in taken] == ["https://tea.example.org/papers"]
    assert source.position == before  # so that it halts again until a person has looked


def test_a_person_may_accept_that_a_page_lost_much():
    entry = recipe({})
    source = Workshops(entry, Web(plan=plan(3)))
    source.accept_loss = True
    assert len(list(source.fetch(json.dumps({URL: [10, {}]})))) == 1
    assert counts(source) == {URL: 3}


def test_a_page_that_lost_less_is_taken():
    source = Workshops(recipe({}), Web(plan=plan(8)))
    assert len(list(source.fetch(json.dumps({URL: [10, {}]})))) == 1


def test_a_page_that_fails_does_not_keep_the_others_from_being_read():
    gone = FetchError("tea.example.org", "https://tea.example.org/plan", "it is gone")
    source = Workshops(two_pages(), Web(plan=gone, papers=(PAGES / "accepted.html").read_bytes()))
    taken = []
    with pytest.raises(FetchError, match="it is gone"):
        taken.extend(source.fetch(""))
    assert [raw.url for raw in taken] == ["https://tea.example.org/papers"]
    assert counts(source) == {"https://tea.example.org/papers": 4}


def test_a_page_that_is_again_as_it_was_is_news():
    entry, position, digests = recipe({}), "", []
    for n in (10, 9, 9, 10, 10, 9):
        source = Workshops(entry, Web(plan=plan(n)))
        (raw,) = source.fetch(position)
        position = source.position
        digests.append(raw.digest)
        assert len(workshops.read(entry, raw).sessions[0].talks) == n
    assert digests[1] == digests[2]
    assert digests[3] == digests[4]
    assert len(set(digests)) == 4


def test_an_entry_of_a_list_that_is_again_as_it_was_is_news():
    entry, position = list_recipe(), ""
    body = (PAGES / "events.html").read_bytes()
    url, told = entry.pages[0].url, []
    for room in (b"Room 3", b"Room 4", b"Room 3"):
        source = Workshops(entry, Web())
        source._fetch.pages[url] = body.replace(b"Room 3", room)
        told.append([raw.digest for raw in source.fetch(position)])
        position = source.position
    assert len({digests[0] for digests in told}) == 3
    assert len({tuple(digests[1:]) for digests in told}) == 1


@pytest.mark.parametrize(
    "cursor", ["", "2031", "[]", '{"x": "y"}', '{"x": [1, 2]}', "{", "[" * 100_000]
)
def test_a_cursor_of_another_kind_is_none(cursor):
    assert len(list(Workshops(recipe({}), Web(plan=plan(2))).fetch(cursor))) == 1


@pytest.mark.parametrize(
    ("form", "body"), [("html", b" \n"), ("csv", b"<!DOCTYPE html><p>Sorry"), ("text", b"<html>")]
)
def test_an_answer_of_another_form_is_asked_for_again(form, body):
    with pytest.raises(FetchError, match=r"blank page|an HTML page where"):
        list(Workshops(recipe({"form": form}), Web(plan=body)).fetch(""))


def test_enabled_recipes_are_errands_and_all_have_readers():
    on, off = recipe({}), recipe({}, id="old", enabled=False)
    config = SourcesFile(arxiv=[], workshops=[on, off], every={"workshops": 7})
    (errand,) = workshops.errands(config)
    assert errand.name.startswith("workshops:kettles-2031:")
    assert dict(errand.hosts) == {"tea.example.org": 2.0}
    assert errand.every == 7
    assert set(workshops.readers(config)) == {"workshops:kettles-2031", "workshops:old"}


def test_a_changed_recipe_does_not_inherit_the_counts_of_the_old_one():
    one, other = recipe({}), recipe({"kind": "keynote"})
    names = {workshops.errands(SourcesFile(arxiv=[], workshops=[e]))[0].name for e in (one, other)}
    assert len(names) == 2


def test_a_record_of_a_page_that_the_recipe_no_longer_has_is_refused():
    raw = Raw("workshops:kettles-2031", "https://tea.example.org/gone", NOON, plan(3))
    with pytest.raises(ParseError, match="no page of this address"):
        workshops.read(two_pages(), raw)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": ""}, "name the event"),
        ({"pages": [{"url": URL}, {"url": f"{URL}2"}]}, "two pages have the same title"),
        ({"pages": [{"url": URL, "what": "events", "rows": "li"}]}, "no event and no name"),
        ({"pages": []}, "at least 1"),
    ],
)
def test_a_recipe_that_cannot_work_is_told(change, reason):
    entry = {"id": "x", "name": "X", "date": "2031", "pages": [{"url": URL}], **change}
    with pytest.raises(ValueError, match=reason):
        WorkshopEntry.model_validate(entry)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("event: delta-2026", "event: delta-2062", "there is no event 'delta-2062'"),
        ("tz: America/Los_Angeles", "tz: America/Tea", "'America/Tea' is not a time zone name"),
        ("- id: fdgm-2026", "- id: delta-2026", "the id 'delta-2026' is used more than once"),
        ("        least: 10", "        most: 10", "no such key"),
    ],
)
def test_a_fault_in_a_recipe_is_told_with_its_line(files, old, new, said):
    path = files / "sources.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    _, faults = content.inspect(files)
    assert [fault.file for fault in faults if said in fault.message and fault.line > 100]


def test_what_is_no_name_of_an_attribute_is_told():
    with pytest.raises(ParseError, match="not the name of an attribute"):
        draft_of(plan(3), recipe({"rows": "li", "fields": {"url": "a@hr ef"}}))


def test_odd_attributes_of_an_entry_are_no_hindrance():
    body = b"<ul><li class='e&#1;' x\"y=1><h3>Kettle Dynamics</h3></li></ul>"
    page = {"url": URL, "what": "events", "rows": "li", "fields": {"title": "h3"}}
    entry = list_recipe(pages=[page])
    assert draft_of(body, entry).name == "Kettle Dynamics"


# -- by hand --------------------------------------------------------------------------------


def kb(store, *args):
    return CliRunner().invoke(app, ["--db", str(store.path), "ingest", "workshop", *args])


def test_a_dry_run_prints_what_a_recipe_makes_of_a_page_and_keeps_nothing(curated):
    done = kb(curated, "fdgm-2026", "--file", str(PAGES / "table.html"), "--dry-run")
    assert done.exit_code == 0
    assert "09:00-09:30 invited     On patience" in done.output
    assert "openreview:tEapOt1234" in done.output
    assert "5 talks, 1 event" in done.output
    with curated.read() as session:
        assert session.exec(select(RawRecord)).all() == []


def test_a_dry_run_names_the_work_that_a_talk_would_be_tied_to(curated, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "<ul><li>9:00-9:30 Talk: on tea</li><li>9:30-9:45 Oral: Manifold things<br>Zebang Shen "
        "<a href='https://arxiv.org/abs/2603.23792'>paper</a></li></ul>"
    )
    done = kb(curated, "fdgm-2026", "--file", str(page), "--dry-run")
    assert "work arxiv:2603.23792 by identifier" in done.output


def test_a_dry_run_needs_no_database(tmp_path):
    store = Store(tmp_path / "none.sqlite")
    done = kb(store, "fdgm-2026", "--file", str(PAGES / "programme.html"), "--dry-run")
    assert "9 talks, 1 event" in done.output
    assert not store.path.exists()


def test_a_saved_page_is_taken_in_once(curated):
    page = str(PAGES / "table.html")
    assert "1 added" in kb(curated, "fdgm-2026", "--file", page).output
    assert "1 same" in kb(curated, "fdgm-2026", "--file", page).output


def test_a_saved_page_that_is_again_as_it_was_is_taken_in_again(curated):
    one, other = str(PAGES / "table.html"), str(PAGES / "programme.html")
    told = [kb(curated, "fdgm-2026", "--file", page).output for page in (one, other, one, one)]
    assert [line.rpartition(": ")[2].strip() for line in told] == [
        "1 added",
        "1 changed",
        "1 changed",
        "1 same",
    ]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["fdgm-2027", "--file", "x"], 3, "did you mean fdgm-2026"),
        (["fdgm-2026", "--file", "no-such-page"], 9, "cannot read the file"),
        (["fdgm-2026", "--file", str(PAGES / "accepted.md")], 9, "no table, list or line"),
        (["fdgm-2026", "--file", "x", "--page", "2"], 9, "the recipe has 1 page"),
    ],
)
def test_a_page_that_cannot_be_taken_in_is_one_clear_line(curated, args, code, said):
    done = kb(curated, *args)
    assert isinstance(done.exception, KnowledgeBaseError)
    assert done.exception.exit_code == code
    assert said in str(done.exception)
