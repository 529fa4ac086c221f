import datetime as dt

import pytest
from sqlalchemy import event as sql_event
from sqlmodel import select

from ingest import intake, programmes
from ingest.records import (
    Draft,
    EventDraft,
    ManifestationDraft,
    Raw,
    SessionDraft,
    StatusDraft,
    TalkDraft,
)
from kb import content, curation
from kb.models import (
    Event,
    EventPerson,
    EventSession,
    SearchText,
    StatusEvent,
    Talk,
    TalkPerson,
    Venue,
)
from kb.query import KnowledgeBase
from kb.vocabulary import ManifestationKind, StatusKind, TalkKind, WorkKind

NOON = dt.datetime(2031, 1, 2, 12, tzinfo=dt.UTC)
ORAL = (StatusDraft(StatusKind.oral, "2031-06-07", "Kettle workshop at TeaConf 2031"),)


def talk(title, *people, kind=TalkKind.invited, **more):
    return TalkDraft(kind, title, people, **more)


def page(*talks, title="Programme", **more):
    values = {"name": "Kettles 2031", "valid": "2031-06-07", "url": "https://tea.example.org/plan"}
    parts = (SessionDraft(title, "2031-06-07", talks),)
    return EventDraft(**{"id": "kettles-2031", **values, "sessions": parts, **more})


class Reader:
    """Takes drafts in as if each had been read from a page of its own."""

    def __init__(self, store):
        self.store = store
        self.drafts = {}
        self.asked = 0

    def __call__(self, *drafts, recipe="kettles", url="https://tea.example.org/plan"):
        raws = []
        for draft in drafts:
            self.asked += 1
            source = "arxiv" if isinstance(draft, Draft) else f"workshops:{recipe}"
            raw = Raw(source, url, NOON, str(self.asked).encode())
            self.drafts[raw.digest] = draft
            raws.append(raw)
        counts = intake.harvest(self.store, self, raws, "test")
        return {name: count for name, count in counts.items() if count}

    name = "workshops"
    position = ""

    def read(self, raw):
        return self.drafts[raw.digest]

    def rows(self, kind, *where):
        with self.store.read() as session:
            return session.exec(select(kind).where(*where).order_by(*_order(kind))).all()

    def talks(self, *, retired=False):
        return [t for t in self.rows(Talk) if t.retired is retired]


def _order(kind):
    named = ("session_id", "position", "id") if kind is Talk else ("id",)
    return [getattr(kind, name) for name in named if hasattr(kind, name)]


@pytest.fixture
def take(store):
    return Reader(store)


def paper(id="3101.00007", title="Steeping is not enough for leaves", authors=("Carl van Demo",)):
    form = ManifestationDraft(
        f"arxiv:{id}v1", ManifestationKind.arxiv, title, "We steep.", "", version=1, valid="2031"
    )
    return Draft(
        identifiers=(f"arxiv:{id}",),
        kind=WorkKind.paper,
        title=title,
        abstract="We steep.",
        authors=authors,
        first_public="2031",
        categories="cs.LG",
        withdrawn=False,
        manifestations=(form,),
    )


STEEPING = talk(
    "Steeping is not enough for leaves",
    "Carl van Demo",
    kind=TalkKind.oral,
    start="10:30",
    identifiers=("arxiv:3101.00007",),
    statuses=ORAL,
)


# -- events and talks -----------------------------------------------------------------------


def test_a_page_of_a_new_event_makes_event_session_and_talks(take):
    told = page(
        talk("On patience", "Ada B. Example", start="09:00", end="09:30", abstract="Leaves."),
        talk("Lunch", kind=TalkKind.break_, start="12:00"),
        parent="TeaConf 2031",
        tz="Europe/Lisbon",
        organizers=("Eve Sample",),
    )
    assert take(told) == {"added": 1}
    (event,) = take.rows(Event)
    assert (event.id, event.source, event.tz, event.first_day) == (
        "kettles-2031",
        "workshops",
        "Europe/Lisbon",
        "2031-06-07",
    )
    assert [row.name for row in take.rows(Venue)] == ["TeaConf 2031"]
    assert [(row.role, row.name) for row in take.rows(EventPerson)] == [("organizer", "Eve Sample")]
    (session,) = take.rows(EventSession)
    assert session.id == "kettles-2031/kettles/programme"
    assert session.source == "workshops:kettles"
    assert [(t.title, t.start, t.abstract) for t in take.talks()] == [
        ("On patience", "09:00", "Leaves."),
        ("Lunch", "12:00", ""),
    ]
    assert [row.name for row in take.rows(TalkPerson)] == ["Ada B. Example"]
    (text,) = take.rows(SearchText)
    assert "On patience Ada B. Example" in text.body


def test_the_same_programme_again_changes_no_row(take, store):
    told = page(talk("On patience", "Ada B. Example"), STEEPING, talk("Tea"), talk("Tea"))
    take(paper(), told)
    written = []
    engine = store._engine

    def note(_connection, _cursor, statement, *_):
        if statement.split()[0] in ("INSERT", "UPDATE", "DELETE"):
            written.append(statement.split()[:3])

    sql_event.listen(engine, "before_cursor_execute", note)
    assert take(told) == {"same": 1}
    sql_event.remove(engine, "before_cursor_execute", note)
    assert written == [["INSERT", "INTO", "raw_record"]]


def test_a_talk_keeps_its_id_when_it_moves_in_the_programme(take):
    one, other = (
        talk("On patience", "Ada B. Example", start="09:00"),
        talk("On pots", start="10:00"),
    )
    take(page(one, other))
    before = {t.title: t.id for t in take.talks()}
    moved = talk("On patience", "Ada B. Example", start="14:00")
    assert take(page(other, moved)) == {"changed": 1}
    after = take.talks()
    assert {t.title: t.id for t in after} == before
    assert [(t.title, t.start) for t in after] == [("On pots", "10:00"), ("On patience", "14:00")]


def test_slots_of_one_name_are_as_many_as_the_page_has(take):
    take(page(talk("Break", start="10:00"), talk("Break", start="15:00")))
    assert len({t.id for t in take.talks()}) == 2
    take(page(talk("Break", start="15:00")))
    assert [(t.start, t.retired) for t in take.rows(Talk)] == [("10:00", True), ("15:00", False)]


def test_a_talk_that_gets_its_title_later_is_the_same_talk(take):
    take(page(talk("Invited talk 1", "Ada B. Example", start="09:00")))
    (before,) = take.talks()
    take(page(talk("On patience", "Ada B. Example", start="09:00")))
    (after,) = take.talks()
    assert (after.id, after.title) == (before.id, "On patience")
    assert take.talks(retired=True) == []


def test_a_talk_that_gets_more_people_is_the_same_talk(take):
    take(page(talk("Leaves that remember the pot", "Ada B. Example")))
    (before,) = take.talks()
    take(page(talk("Leaves that remember the pot", "Ada B. Example", "Eve Sample")))
    (after,) = take.talks()
    assert after.id == before.id
    assert [row.name for row in take.rows(TalkPerson)] == ["Ada B. Example", "Eve Sample"]


def test_a_talk_that_is_gone_is_retired_and_may_come_back(take):
    one, other = talk("On patience", "Ada B. Example"), talk("On pots", "Eve Sample")
    take(page(one, other))
    before = {t.id for t in take.talks()}
    assert take(page(one)) == {"changed": 1}
    assert [t.title for t in take.talks(retired=True)] == ["On pots"]
    assert take(page(one, other)) == {"changed": 1}
    assert {t.id for t in take.talks()} == before


def test_two_pages_of_a_workshop_leave_each_others_talks_alone(take):
    papers = page(STEEPING, title="Accepted papers")
    take(page(talk("On patience", "Ada B. Example")))
    take(papers, url="https://tea.example.org/papers")
    assert len(take.talks()) == 2
    take(page(talk("On pots", "Eve Sample")))
    assert {t.title for t in take.talks()} == {"On pots", STEEPING.title}


def test_days_of_a_page_are_sessions_of_their_own(take):
    days = tuple(
        SessionDraft("Programme", f"2031-06-0{n}", (talk(f"Talk of day {n}"),)) for n in (7, 8)
    )
    take(page(sessions=days))
    assert [row.id for row in take.rows(EventSession)] == [
        "kettles-2031/kettles/programme/2031-06-07",
        "kettles-2031/kettles/programme/2031-06-08",
    ]


def test_an_event_of_a_list_that_changes_is_changed(take):
    listed = page(sessions=(), place="Room 3", abstract="How kettles warm.")
    assert take(listed) == {"added": 1}
    assert take(page(sessions=(), place="Room 4", abstract="How kettles warm.")) == {"changed": 1}
    (event,) = take.rows(Event)
    assert (event.place, event.name) == ("Room 4", "Kettles 2031")


# -- beside the curated files ---------------------------------------------------------------


def delta(*talks, **more):
    parts = (SessionDraft("Programme", "2026-04-27", talks),)
    return EventDraft(id="delta-2026", name="", valid="", sessions=parts, **more)


@pytest.fixture
def beside(curated):
    return Reader(curated)


def rows_of(reader, event_id):
    return [t for t in reader.rows(Talk) if t.session_id.startswith(f"{event_id}/")]


def test_a_curated_event_keeps_what_the_files_say(beside):
    (before,) = beside.rows(Event, Event.id == "delta-2026")
    beside(delta(talk("A talk on tea", "Eve Sample"), place="Nowhere", tz="Asia/Tokyo"))
    (after,) = beside.rows(Event, Event.id == "delta-2026")
    assert after == before


def test_a_talk_that_the_files_have_is_not_doubled_and_gains_what_it_lacks(beside):
    before = rows_of(beside, "delta-2026")
    told = delta(
        talk("opening remarks!", "Kenji Fukumizu", start="09:00", abstract="Welcome."),
        talk("Lunch break", kind=TalkKind.break_, start="12:00"),
        talk("A talk on tea", "Eve Sample", start="17:00"),
    )
    beside(told)
    after = rows_of(beside, "delta-2026")
    assert [t.title for t in after if t not in before and t.session_id != "delta-2026/1"] == [
        "A talk on tea"
    ]
    opening = next(t for t in after if t.title == "Opening Remarks")
    assert (opening.abstract, opening.retired) == ("Welcome.", False)


def test_the_same_people_at_the_same_hour_are_one_talk(beside):
    title = "A renamed talk on geometry"
    beside(delta(talk(title, "Rene Vidal", start="09:10", url="https://tea.example.org/geo")))
    assert all(t.title != title for t in rows_of(beside, "delta-2026"))
    assert [t.start for t in rows_of(beside, "delta-2026") if t.url] == ["09:10"]


def test_kb_init_keeps_what_pages_added(beside, curated, files):
    beside(
        page(talk("On patience", "Ada B. Example")),
        delta(
            talk("Opening Remarks", "Kenji Fukumizu", abstract="Welcome."),
            talk("A talk on tea", "Eve Sample"),
        ),
    )
    before = [t.model_dump() for t in beside.rows(Talk)]
    path = files / "events.yaml"
    path.write_text(path.read_text().replace("title: Lunch", "title: Long lunch", 1))
    assert curation.apply(curated, content.load(files))
    after = [t.model_dump() for t in beside.rows(Talk)]
    assert [a["id"] for a, b in zip(after, before, strict=True) if a != b] == ["delta-2026/1/09"]
    (event,) = beside.rows(Event, Event.id == "kettles-2031")
    assert not event.retired


def test_a_slot_that_the_files_move_keeps_what_its_page_added(beside, curated, files):
    beside(delta(talk("Toward Physical Generative Models", "Nisha Chandramoorthy", abstract="Ab.")))
    path = files / "events.yaml"
    first = '      - start: "09:00"\n        end: "09:10"\n'
    more = '      - start: "08:00"\n        end: "09:00"\n        kind: break\n        title: Tea\n'
    path.write_text(path.read_text().replace(first, more + first, 1))
    curation.apply(curated, content.load(files))
    held = [t for t in rows_of(beside, "delta-2026") if t.abstract]
    assert [(t.title, t.id) for t in held] == [
        ("Toward Physical Generative Models", "delta-2026/1/06")
    ]


def test_files_that_take_a_talk_over_get_what_its_page_said(beside, curated, files):
    beside(delta(talk("A talk on tea", "Eve Sample", start="17:00", abstract="Tea is warm.")))
    path = files / "events.yaml"
    last = '      - start: "16:50"\n        end: "17:00"\n        kind: closing\n'
    more = (
        '      - start: "17:00"\n        kind: invited\n        people: [Eve Sample]\n'
        "        title: A talk on tea\n"
    )
    path.write_text(path.read_text().replace(last, more + last, 1))
    curation.apply(curated, content.load(files))
    with curated.write() as session:
        assert programmes.settle(session, NOON) == 1
    with curated.write() as session:
        assert programmes.settle(session, NOON) == 0
    found = [t for t in rows_of(beside, "delta-2026") if t.title == "A talk on tea"]
    assert [(t.session_id, t.retired, t.abstract) for t in found] == [
        ("delta-2026/1", False, "Tea is warm."),
        ("delta-2026/kettles/programme", True, "Tea is warm."),
    ]
    with KnowledgeBase(curated) as kb:
        assert kb.event("delta-2026").dropped is None


def test_an_entry_of_a_list_is_the_curated_event_of_its_address_or_name(beside):
    count = len(beside.rows(Event))
    listed = {"sessions": (), "valid": "2025-12-06", "parent": "NeurIPS 2025"}
    spigm = page(
        id="x", name="SPIGM", **{**listed, "url": "https://neurips.cc/virtual/2025/workshop/109570"}
    )
    mechanistic = page(
        id="y", name="Workshop on Mechanistic Interpretability", **{**listed, "valid": "2025-12-07"}
    )
    assert beside(spigm, mechanistic) == {"same": 2}
    assert len(beside.rows(Event)) == count


def test_an_event_of_another_year_is_another_event(beside):
    told = page(id="y", name="Workshop on Mechanistic Interpretability", sessions=(), valid="2031")
    assert beside(told) == {"added": 1}


# -- works ----------------------------------------------------------------------------------


def test_a_work_that_the_page_names_is_linked_and_told_of_its_oral(take):
    take(paper(), page(STEEPING))
    (row,) = take.talks()
    assert (row.work_id, row.match, row.arxiv) == ("arxiv:3101.00007", "identifier", "3101.00007")
    (act,) = take.rows(StatusEvent, StatusEvent.status == StatusKind.oral)
    assert (act.work_id, act.valid, act.venue) == (
        "arxiv:3101.00007",
        "2031-06-07",
        "Kettle workshop at TeaConf 2031",
    )
    assert act.raw_digest is not None


def test_an_act_without_day_or_venue_gets_those_of_the_event(take):
    bare = talk("T", "Eve Sample", identifiers=("arxiv:3101.00007",),
                statuses=(StatusDraft(StatusKind.poster, ""),))  # fmt: skip
    take(paper(), page(bare, name="Kettles 2031: On Warmth"))
    (act,) = take.rows(StatusEvent, StatusEvent.status == StatusKind.poster)
    assert (act.valid, act.venue) == ("2031-06-07", "Kettles 2031")


def test_the_same_act_is_not_told_twice(take):
    take(paper(), page(STEEPING))
    take(page(STEEPING, title="Accepted papers"), url="https://tea.example.org/papers")
    assert len(take.rows(StatusEvent, StatusEvent.status == StatusKind.oral)) == 1


def test_an_equal_title_with_an_author_in_common_is_a_guess_and_tells_nothing(take):
    guess = talk("Steeping is Not Enough for Leaves", "C. van Demo", "Eve Sample", statuses=ORAL)
    take(paper(), page(guess))
    (row,) = take.talks()
    assert (row.work_id, row.match) == ("arxiv:3101.00007", "title")
    assert take.rows(StatusEvent, StatusEvent.status == StatusKind.oral) == []


@pytest.mark.parametrize(
    "other",
    [
        talk("Steeping is not enough for leaves", "Eve Sample"),
        talk("Steeping is not enough for leaves"),
        talk("Steeping is enough for leaves", "Carl van Demo"),
    ],
    ids=["other people", "no people", "another title"],
)
def test_less_than_that_is_no_guess(take, other):
    take(paper(), page(other))
    assert [row.work_id for row in take.talks()] == [None]


def test_a_work_that_comes_later_is_linked_without_reading_the_page_again(take):
    take(page(STEEPING))
    assert [row.work_id for row in take.talks()] == [None]
    take(paper())
    assert [(row.work_id, row.match) for row in take.talks()] == [
        ("arxiv:3101.00007", "identifier")
    ]
    (act,) = take.rows(StatusEvent, StatusEvent.status == StatusKind.oral)
    assert act.source == "workshops:kettles"


def test_a_work_that_comes_later_may_be_guessed_and_then_named(take):
    unnamed = talk(
        "Steeping is not enough for leaves", "Carl van Demo", start="10:30", statuses=ORAL
    )
    take(page(unnamed))
    take(paper())
    assert [(row.work_id, row.match) for row in take.talks()] == [("arxiv:3101.00007", "title")]
    take(page(STEEPING))
    assert [row.match for row in take.talks()] == ["identifier"]
    assert len(take.rows(StatusEvent, StatusEvent.status == StatusKind.oral)) == 1


def test_a_curated_talk_that_names_a_paper_is_linked_when_the_paper_comes(beside, curated):
    named = next(t for t in beside.rows(Talk) if t.arxiv and t.work_id is None)
    beside(paper(named.arxiv, named.title, ("Ada B. Example",)))
    (row,) = beside.rows(Talk, Talk.id == named.id)
    assert (row.work_id, row.match) == (f"arxiv:{named.arxiv}", "identifier")


def test_without_news_no_talk_is_looked_at(take, store):
    take(page(STEEPING))
    with store.write() as session:
        assert programmes.relink(session, NOON).total() == 0
        assert programmes.relink(session, NOON, []).total() == 0


# -- what readers see -----------------------------------------------------------------------


def test_readers_see_talks_marked_as_read_and_guesses_as_guesses(take, store):
    guess = talk("Steeping is not enough for leaves", "Carl van Demo", start="09:00")
    gone = talk("On pots", "Eve Sample", start="11:00")
    take(paper())
    take(page(guess, gone), page(guess))
    with KnowledgeBase(store) as kb:
        event = kb.event("kettles-2031")
    (shown,) = event.talks
    assert (shown.session, shown.read, shown.listed) == ("Programme", "2031-01-02", False)
    assert shown.work is None
    assert shown.guess.id == "arxiv:3101.00007"
    assert (event.source, event.dropped) == ("workshops", 1)


def test_a_list_of_papers_is_told_from_a_programme(take, store):
    take(page(talk("On patience", "Ada B. Example", start="09:00")))
    take(page(STEEPING.__class__(TalkKind.poster, "On pots"), title="Accepted papers"),
         url="https://tea.example.org/papers")  # fmt: skip
    with KnowledgeBase(store) as kb:
        talks = kb.event("kettles-2031").talks
    assert [(t.session, t.listed) for t in talks] == [
        ("Accepted papers", True),
        ("Programme", False),
    ]
