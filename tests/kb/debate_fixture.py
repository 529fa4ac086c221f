"""A small invented debate about how bread rises, with one of every kind of thing.

It also carries what must never work: markup in titles, a script for an address, a template
expression, a direction override. Nothing in it is true.
"""

from pathlib import Path

from kb import dialectic, measured, review
from kb.render import Debate
from kb.views import (
    ChangeView,
    ClaimRef,
    ClaimView,
    CoverageView,
    CycleView,
    DigestView,
    EventView,
    EvidenceView,
    HoldingView,
    LinkView,
    ManifestationView,
    Neighbor,
    PassageView,
    PlacedSourceView,
    PoleView,
    ProposalView,
    Ref,
    RelationView,
    SenseView,
    SentenceView,
    SourceView,
    StatusCounts,
    StatusView,
    StrandView,
    TalkView,
    TensionView,
    TermView,
    TimelineEntry,
    TopicView,
    VoiceView,
    WorkRef,
    WorkView,
)
from kb.vocabulary import ReviewState, Stance

RECORDED = "2031-03-02T10:00:00+00:00"
ABSTRACT = (
    "We bake 40 loaves. Long rests at low heat give more open crumb than short ones. "
    "Salt {{ 7*7 }} slows it."
)
QUOTE = "Long rests at low heat give more open crumb than short ones."

REST = WorkRef(
    "arxiv:3001.00001",
    "dough-2030",
    "paper",
    "Resting <b>dough</b> & the *crumb*",
    "Author and Author",
    "2030-01-05",
    "arxiv:3001.00001",
)
SALT = WorkRef(
    "key:salt-notes", "salt-notes", "post", "Salt notes", "Third Author", "2030", "key:salt-notes"
)
BULK = WorkRef(
    "arxiv:3002.00002",
    "",
    "paper",
    '"><img src=x onerror=alert(1)> on ovens \u202etxt',
    "Fourth Author",
    "2030-02",
    "arxiv:3002.00002",
)

THESIS = ClaimRef("rest-opens-crumb", "thesis", "crumb", "Longer rest gives a more open crumb.")
FINDING = ClaimRef(
    "C01", "finding", "crumb", "At 8 degrees, loaves rested for 20 hours have larger pores."
)
AGAINST = ClaimRef(
    "C02", "finding", "salt", "With 3 % salt, pores do not grow after 6 hours of rest."
)

T1 = Ref("tension", "T1", "Does long rest open the crumb?")
V01 = Ref("voice", "V01", "First Author")
EVENT = Ref("event", "bread-day-2030", "Bread Day 2030")


def link(work, claim, stance, **more):
    values = {
        "nuance": "",
        "how": "asserts",
        "agent_kind": "curation",
        "agent": "curation",
        "review": "proposed",
        "reviewed_by": "",
        "checked": "abstract",
        "score": None,
        "why": "It says so of C01 in its first table.",
        "evidence": (),
        "valid": work.date,
        "recorded": RECORDED,
    }
    return LinkView(work=work, claim=claim, stance=stance, **(values | more))


def evidence(quote):
    start = ABSTRACT.index(quote)
    return EvidenceView(
        quote, "arxiv:3001.00001v2", start, start + len(quote), "linker/1", "proposed", 0.8
    )


REST_FINDING = link(REST, FINDING, "supports", evidence=(evidence(QUOTE),))
REST_THESIS = link(
    REST,
    THESIS,
    "supports",
    review="confirmed",
    reviewed_by="handle",
    evidence=(evidence(QUOTE),),
    why="",
)
SALT_FINDING = link(SALT, AGAINST, "supports", checked="full")
SALT_THESIS = link(SALT, THESIS, "qualifies", nuance="refines", how="reports")
BULK_THESIS = link(
    BULK, THESIS, "disputes", agent_kind="model", agent="linker/1", score=0.714, checked="", why=""
)
BULK_OLD = link(
    BULK,
    FINDING,
    "supports",
    agent_kind="model",
    agent="linker/1",
    score=0.5,
    review="rejected",
    reviewed_by="handle",
    checked="",
    why="",
)

BEARS = RelationView(FINDING, "supports", THESIS, True, (), "", "proposed", "2030")
BEARS_NOT = RelationView(
    AGAINST, "disputes", THESIS, True, (), "Only salted dough.", "proposed", "2030"
)
OPPOSED = RelationView(
    AGAINST,
    "qualifies",
    FINDING,
    False,
    ("sense:rest", "noise"),
    "See salt-notes.",
    "proposed",
    "2030",
)
HOLDS = HoldingView(V01, "holds", THESIS, REST, "2030-01-05/..", "abstract", "In print only.")


def claim(ref, links, **more):
    values = {
        "proof_level": "",
        "checked": "",
        "scope": (),
        "senses": (),
        "terms": (),
        "statements": (),
        "relations": (),
        "bears_on": (),
        "tensions": (T1,),
        "voices": (),
        "notes": (),
        "unverified": (),
    }
    return ClaimView(ref=ref, balance=dialectic.balance(links), links=links, **(values | more))


CLAIMS = (
    claim(
        THESIS,
        (REST_THESIS, SALT_THESIS, BULK_THESIS),
        statements=(("supports", "A long rest makes larger holes."),),
        bears_on=(BEARS, BEARS_NOT),
        voices=(HOLDS,),
        notes=("See C01 and dough-2030.",),
    ),
    claim(
        FINDING,
        (REST_FINDING, BULK_OLD),
        proof_level="experiment",
        checked="abstract",
        scope=(("noise", "excludes", "whole meal"), ("scale", "is", "40 loaves")),
        senses=(("rest", "cold", "The dough stands in the cold."),),
        relations=(OPPOSED,),
        bears_on=(BEARS,),
        unverified=("The oven was not seen.",),
    ),
    claim(
        AGAINST,
        (SALT_FINDING,),
        relations=(OPPOSED,),
        bears_on=(BEARS_NOT,),
    ),
)

TENSION = TensionView(
    "T1",
    "crumb",
    "Does long rest open the crumb?",
    "apparent-scope",
    "C01 is without salt.",
    "proposed",
    (
        PoleView(
            "opens",
            "It opens it",
            "",
            (THESIS, FINDING),
            (REST_THESIS, REST_FINDING, SALT_THESIS, BULK_THESIS),
            dialectic.balance((REST_THESIS, REST_FINDING, SALT_THESIS, BULK_THESIS)),
        ),
        PoleView(
            "closes",
            "It closes it",
            "",
            (AGAINST,),
            (SALT_FINDING,),
            dialectic.balance((SALT_FINDING,)),
        ),
        PoleView("neither", "Neither", "Nobody was found.", (), (), dialectic.balance(())),
    ),
    (FINDING,),
    "Forty loaves with salt and forty without.",
    (HOLDS,),
    (OPPOSED,),
    ("See V01.",),
)

FORM = ManifestationView(
    "arxiv:3001.00001v2",
    "arxiv",
    "Resting dough and the crumb",
    "arXiv",
    "https://arxiv.org/abs/3001.00001v2",
    2,
    "2030-02-01",
    RECORDED,
    "0" * 64,
    "",
    None,
    "",
)
LISTED = ManifestationView(
    "weekly-loaf#1",
    "pdf",
    "Resting dough (mirror)",
    "Mill",
    "javascript:alert(1)",
    0,
    "",
    "",
    "",
    "weekly-loaf",
    1,
    "",
)
TOLD_OF = CoverageView(
    "weekly-loaf#2",
    "video",
    "Dough explained",
    "Tube",
    "https://example.org/v?a=1&b=2",
    "2030-03",
    "weekly-loaf",
    2,
    "About dough-2030.",
)


def work(ref, **more):
    values = {
        "authors": (),
        "identifiers": (ref.id,),
        "venue": "",
        "year": 2030,
        "categories": "",
        "synopsis": "",
        "abstract": "",
        "abstract_from": "",
        "checked": "",
        "withdrawn": False,
        "links": (),
        "statuses": (),
        "manifestations": (),
        "coverage": (),
        "related": (),
        "voices": (),
        "notes": (),
        "unverified": (),
    }
    return WorkView(ref=ref, **(values | more))


WORKS = (
    work(
        REST,
        authors=("First Author", "Second Author"),
        identifiers=("arxiv:3001.00001", "key:dough-2030"),
        venue="Bread Day 2030",
        categories="bread.CR",
        synopsis="Forty loaves, rested long and short.",
        abstract=ABSTRACT,
        abstract_from="arxiv:3001.00001v2",
        checked="full",
        links=(REST_FINDING, REST_THESIS),
        statuses=(
            StatusView(
                "preprint",
                "arXiv",
                "2030-01-05",
                "https://arxiv.org/abs/3001.00001",
                "official",
                "",
                "v1",
            ),
            StatusView(
                "oral", "Bread Day 2030", "2030", "", "second-hand", "Told by salt-notes.", ""
            ),
        ),
        manifestations=(LISTED, FORM),
        coverage=(TOLD_OF,),
        related=(("extendedVersionOf", SALT),),
        voices=(V01,),
        notes=("Both authors wrote C01.",),
        unverified=("The day of the talk.",),
    ),
    work(SALT, synopsis="Notes on salt.", links=(SALT_FINDING, SALT_THESIS)),
    work(
        BULK,
        abstract="Ovens vary. Not shown: the source is a mirror.",
        abstract_from="mirror",
        links=(BULK_THESIS, BULK_OLD),
        withdrawn=True,
    ),
)

STRANDS = (
    StrandView(
        "crumb",
        "Crumb",
        "What opens it?",
        "C01 began it.",
        (THESIS,),
        (FINDING,),
        (T1,),
        (REST,),
        1,
    ),
    StrandView("salt", "Salt", "What does salt do?", "", (), (AGAINST,), (), (SALT,), 0),
)
TOPICS = (
    TopicView(
        "rest",
        "Rest",
        "What C01 calls rest.",
        (Ref("strand", "crumb", "Crumb"),),
        (("rest", "cold", "In the cold."),),
        (THESIS,),
        (EVENT,),
    ),
)
TERMS = (
    TermView(
        "rest",
        (
            SenseView("cold", "In the cold.", (FINDING,)),
            SenseView("warm", "At the <b>stove</b>.", ()),
        ),
        (THESIS,),
    ),
)
VOICES = (
    VoiceView(
        "V01",
        "First Author",
        "person",
        (),
        "A baker.",
        ("F. Author",),
        (HOLDS,),
        (REST,),
        ("Shares an oven with Third Author.",),
        ("Wrote C01.",),
    ),
)
EVENTS = (
    EventView(
        "bread-day-2030",
        "Bread Day 2030",
        ("BD30",),
        "Bread Day",
        3,
        "Mill 2030",
        "workshop",
        "2030-06-01",
        "Europe/Lisbon",
        "Porto",
        "",
        "https://example.org/day",
        "official",
        ("Second Author",),
        ("First Author",),
        ("rest",),
        (("abstracts", "2030-04-01"),),
        (
            TalkView(
                "2030-06-01T09:00+01:00",
                "2030-06-01T09:20+01:00",
                "opening",
                "Welcome",
                (),
                None,
                "",
            ),
            TalkView(
                "2030-06-01T09:20+01:00",
                "",
                "oral",
                "Resting <dough>",
                ("First Author",),
                REST,
                "3001.00001",
            ),
            TalkView("", "", "poster", "Ovens", ("Fourth Author",), None, "3002.00002"),
        ),
        (("Resting dough", ("First Author", "Second Author"), "arxiv:3001.00001"),),
        (),
        (TOLD_OF,),
        ("https://example.org/day", "a leaflet"),
        ("The hall changed.",),
    ),
    EventView(
        "bread-day-2031",
        "Bread Day 2031",
        (),
        "Bread Day",
        4,
        "",
        "workshop",
        "2031",
        "",
        "",
        "",
        "",
        "no",
        (),
        (),
        (),
        (),
        (),
        (),
        (),
        (),
        (),
        (),
    ),
)
DIGESTS = (
    DigestView(
        "weekly-loaf",
        "Mill",
        "The weekly loaf",
        "9",
        "2030-05-02T05:19Z",
        "digest",
        "https://example.org/loaf",
        "Two sources on rest.",
        2,
        (
            PlacedSourceView(
                1, "Resting dough (mirror)", "Mill", "manifestation", "pdf", REST, None, True, ""
            ),
            PlacedSourceView(
                2, "Dough explained", "Tube", "coverage", "video", REST, None, False, "Named only."
            ),
        ),
        ("It counts a mirror twice.",),
    ),
)
OPENED = ChangeView(
    "e0000000001",
    "tension-opened",
    "T1",
    "T1",
    "",
    "C01 against C02",
    "T1 opened: “Does rest help?” has holders on two sides.",
)
ENTERED = tuple(
    ChangeView(
        f"e000000001{i}", "claim-entered", f"C0{i}", f"C0{i}", "", "1 for", f"C0{i} entered: Salt."
    )
    for i in range(4)
)
CYCLES = (
    CycleView(
        0,
        "c" * 64,
        "",
        "2031-03-01T10:00:00+00:00",
        (("claim", 1), ("status", 0)),
        (),
        (
            PassageView(
                "In short", (SentenceView("Rest was tried first [C01].", (), ("C01",), True),)
            ),
        ),
        "2030-05-02",
        True,
        undated=1,
    ),
    CycleView(
        1,
        "a" * 64,
        "",
        "2031-03-01T10:00:00+00:00",
        (("claim", 2), ("status", 1)),
        (OPENED,),
        (PassageView("Tensions", (SentenceView(OPENED.text, (OPENED.id,), (), False),)),),
        before="2030-05-02",
        tensions=("T1",),
    ),
    CycleView(
        2,
        "b" * 64,
        "a" * 64,
        RECORDED,
        (("claim", 3), ("status", 2)),
        (OPENED, *ENTERED),
        (
            PassageView("Tensions", (SentenceView(OPENED.text, (OPENED.id,), (), False),)),
            PassageView(
                "Claims",
                (SentenceView("4 claims entered: C00.", tuple(e.id for e in ENTERED), (), False),),
            ),
        ),
        before="1",
        tensions=("T1",),
    ),
)
TIMELINE = (
    TimelineEntry(
        "2030-01-05", RECORDED, "works", REST.title, "Author and Author", "crumb", REST, None
    ),
    TimelineEntry(
        "2030-01-05", RECORDED, "works", REST.title, "Author and Author", "salt", REST, None
    ),
    TimelineEntry("2030", RECORDED, "works", "Salt notes", "Third Author", "salt", SALT, None),
    TimelineEntry("2030-02", RECORDED, "works", BULK.title, "Fourth Author", "crumb", BULK, None),
    TimelineEntry(
        "2030", RECORDED, "status", REST.title, "oral · Bread Day 2030", "crumb", REST, None
    ),
    TimelineEntry(
        "2030-01-05/..", RECORDED, "voices", "First Author", "holds C01", "crumb", REST, V01
    ),
    TimelineEntry("2030-06-01", RECORDED, "events", "Bread Day 2030", "Porto", "", None, EVENT),
    TimelineEntry(
        "", RECORDED, "coverage", "Dough explained", "", "", None, None, "https://example.org/dough"
    ),
)

SOURCES = (
    SourceView(
        "ovens:crumb:0a1b2c3d", "Ovens: crumb", "all:crumb AND (rest OR <salt>)", 1.0, "fresh",
        "ok",
        "", "2031-02-11T04:00:00+00:00", "2031-02-11T04:00:00+00:00", "2031-02-12T04:00:00+00:00",
        0.0, 3, "ovens", 1204, 2,
    ),
    SourceView(
        "ovens:salt:4e5f6a7b", "Ovens: salt", "all:salt", 1.0, "late", "deferred", "HTTP 503",
        "2031-02-11T04:00:01+00:00", "2031-02-01T04:00:00+00:00", "2031-02-02T04:00:00+00:00",
        10.0, 0, "ovens", 1204, 2,
    ),
    SourceView(
        "mills:bread-day", "Mills: Bread Day 2030", "", 7.0, "ill", "blocked", "HTTP 403",
        "2031-02-11T04:00:02+00:00", "2031-02-10T04:00:00+00:00", "2031-02-17T04:00:00+00:00",
        1.0, 12, "mills", 12, 0,
    ),
    SourceView(
        "mills:next", "Mills: <script>alert(1)</script>", "", 0.5, "never", "", "", "", "", "",
        None, 0, "mills", 12, 0,
    ),
    SourceView(
        "posts:loaf", "The Weekly Loaf", "https://loaf.example/feed", 1.0, "off", "", "", "", "",
        "", None, 0, "posts", 0, 0,
    ),
)  # fmt: skip

WAITING = ProposalView(
    work=BULK, claim=AGAINST, stance="supports", how="asserts", score=0.52, stance_score=0.1,
    agent="linker/1", published=False, abstract="Ovens vary.", quote="Ovens vary.", start=0, end=11,
    review="proposed", verdicts=(), balance=dialectic.balance(()), counted=False, tensions=(),
)  # fmt: skip
READINGS = (
    review.Reading(
        BULK.id, "C01", review.Opinion("handle", ReviewState.rejected),
        proposed=Stance.supports, published=True,
    ),
    review.Reading(
        REST.id, "rest-opens-crumb", review.Opinion("handle", ReviewState.confirmed),
        proposed=Stance.supports, published=True,
    ),
)  # fmt: skip
MEASURED = measured.read((Path(__file__).parents[1] / "fixtures/measured.json").read_text("utf-8"))

SMALL = Debate(
    STRANDS,
    TOPICS,
    CLAIMS,
    (TENSION,),
    VOICES,
    EVENTS,
    WORKS,
    DIGESTS,
    CYCLES,
    TIMELINE,
    StatusCounts(
        3,
        2,
        1,
        1,
        2,
        1,
        1,
        2,
        (("proposed", 5), ("confirmed", 1)),
        (("curation", 4),),
        0,
        0,
        0,
        "2",
    ),
    sources=SOURCES,
    terms=TERMS,
    looked="2031-02-11T04:00:00+00:00",
    similar={REST.id: (Neighbor(SALT, 0.81, "both bear on C01"), Neighbor(BULK, 0.4, "similar"))},
    citations={
        REST.id: ("@misc{dough-2030,\n  title = {{Resting $x$}},\n}", '[\n {"id": "<b>"}\n]')
    },
    calendars=frozenset({"bread-day-2030"}),
    feeds={
        "index": "feeds/all",
        "strands/crumb": "feeds/strand-crumb",
        "tensions/t1": "feeds/tension-t1",
    },
    waiting=(WAITING,),
    verdicts=review.record(READINGS),
    measured=MEASURED,
)
