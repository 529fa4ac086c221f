"""Small selections with any texts in them, and the texts that break writers."""

import dataclasses

from hypothesis import strategies as st

from kb.dialectic import balance
from kb.export import Selection
from kb.views import (
    ChangeView,
    ClaimRef,
    ClaimView,
    CycleView,
    EventView,
    EvidenceView,
    HoldingView,
    LinkView,
    PoleView,
    Ref,
    StatusView,
    StrandView,
    TalkView,
    TensionView,
    TimelineEntry,
    VoiceView,
    WorkRef,
    WorkView,
)

RECORDED = "2031-03-02T10:00:00+00:00"
PIECES = [
    "{", "}", "\\", "$", "%", "#", "&", "_", "^", "~", '"', "'", "`", "<", ">", "|", "@", "=",
    "+", "-", "--", "''", "?`", ",", ";", ":", " and ", "\n", "\r", "\t", "\x00", "\x1b[31m",
    "\ud800", "\ufffe", "\u202e", "\u2066", "\ufeff", "\u2028", "</script>", "<b>", "&amp;",
    "&lt;", "]]>", "<!--", "*/", "[C01]", "<x>", "{{ 7*7 }}", "ER  - ", "TY  - JOUR", "@misc{",
    "\\input{/etc/passwd}", "$\\ell_2$", "$x^2$", "BEGIN:VEVENT", "=HYPERLINK(\"x\")", "é", "ß",
    "数", "\U0001f600", "a", "B", "word", " ", "1",
]  # fmt: skip
hostile = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(max_size=40),
)
"""Texts that a source may give and that a writer may stumble over."""
titled = hostile.map(lambda text: f"T{text}")
"""The same, never empty, so that every reader shows a title."""

CLAIM = ClaimRef("C01", "thesis", "crumb", "Longer rest gives a more open crumb.")
OTHER = ClaimRef("C02", "finding", "salt", "Salt closes the crumb.")


def ref(id="arxiv:3001.00001", title="Resting dough", **more):
    values = {
        "key": "", "kind": "paper", "authors": "Author et al.", "date": "2030-01-05", "lineage": id,
    }  # fmt: skip
    return WorkRef(id=id, title=title, **(values | more))


def link(work, claim=CLAIM, stance="supports", **more):
    values = {
        "nuance": "", "how": "asserts", "agent_kind": "curation", "agent": "curation",
        "review": "proposed", "reviewed_by": "", "checked": "abstract", "score": None,
        "why": "Its table says so.", "evidence": (), "valid": work.date, "recorded": RECORDED,
    }  # fmt: skip
    return LinkView(work=work, claim=claim, stance=stance, **(values | more))


def by_machine(work, claim=CLAIM, stance="supports", quote="", **more):
    evidence = EvidenceView(quote, f"{work.id}v1", 0, len(quote), "linker/1", "proposed", 0.8)
    values = {
        "agent_kind": "model", "agent": "linker/1 some/model@53aa", "score": 0.714, "how": "",
        "checked": "", "why": "", "evidence": (evidence,) if quote else (),
    }  # fmt: skip
    return link(work, claim, stance, **(values | more))


def work(ref, links=(), authors=("Ann Author",), **more):
    values = {
        "identifiers": (ref.id,), "venue": "", "year": 2030, "categories": "bread.CR",
        "synopsis": "", "abstract": "", "abstract_from": "", "checked": "", "withdrawn": False,
        "statuses": (), "manifestations": (), "coverage": (), "related": (), "voices": (),
        "notes": (), "unverified": (),
    }  # fmt: skip
    return WorkView(ref=ref, links=tuple(links), authors=tuple(authors), **(values | more))


def claim(ref=CLAIM, links=(), **more):
    values = {
        "proof_level": "", "checked": "", "scope": (), "senses": (), "terms": (),
        "statements": (), "relations": (), "bears_on": (), "tensions": (), "voices": (),
        "notes": (), "unverified": (),
    }  # fmt: skip
    return ClaimView(ref=ref, balance=balance(links), links=tuple(links), **(values | more))


def status(word, venue="", valid="2030", **more):
    values = {"source": "", "verified": "official", "note": "", "version": ""}
    return StatusView(word, venue, valid, **(values | more))


def event(id="bread-day", name="Bread Day", date="2030-06-01", **more):
    fields = {f.name: () for f in dataclasses.fields(EventView)}
    fields |= dict.fromkeys(("series", "venue", "kind", "place", "hours", "url"), "")
    fields |= {"edition": None, "tz": "Europe/Lisbon", "verified": "official"}
    return EventView(**(fields | {"id": id, "name": name, "date": date} | more))


def talk(title="Rest", start="09:20", end="09:40", **more):
    values = {"kind": "oral", "people": ("Ann Author",), "work": None, "arxiv": ""}
    return TalkView(start=start, end=end, title=title, **(values | more))


def entry(title="Resting dough", date="2030-01-05", lane="status", **more):
    values = {"recorded": "", "detail": "oral", "strand": "crumb", "work": None, "ref": None}
    return TimelineEntry(date=date, lane=lane, title=title, **(values | more))


def change(text="A claim entered.", kind="claim-entered", subject="C01"):
    return ChangeView(f"e{kind}{subject}", kind, subject, subject, "", "", text)


def cycle(number=1, changes=(), created=RECORDED, **more):
    counts = (("claim", 2),)
    return CycleView(number, str(number) * 64, "", created, counts, tuple(changes), **more)


def whole(text="Resting dough"):
    """A selection with one of everything, and `text` wherever a source may put one."""
    first = ref(title=text, authors=text)
    second = ref("key:salt", text, key="salt", kind="post", date="2030")
    read, guess = link(first, why=text), by_machine(first, OTHER, "disputes", quote=text)
    against = link(second, CLAIM, "disputes")
    main = dataclasses.replace(CLAIM, text=f"A claim: {text}")
    holds = HoldingView(Ref("voice", "V01", text), "holds", CLAIM, first, "2030", "", text)
    balanced = balance((read, against))
    return Selection(
        strands=(
            StrandView("crumb", text, "", "", (main,), (), (), (), 0),
            StrandView("salt", "Salt", "", "", (), (OTHER,), (), (), 0),
        ),
        claims=(claim(main, (read, against)), claim(OTHER, (guess,))),
        tensions=(
            TensionView(
                "T1", "crumb", text, "genuine", "", "proposed",
                (PoleView("opens", text, "", (main,), (read,), balanced),),
                (), text, (), (), (),
            ),
        ),
        works=(
            work(first, (read, guess), (text, "Ann Author"), statuses=(status("oral", text),)),
            work(second, (against,), ("Mill",), abstract=text),
        ),
        voices=(VoiceView("V01", text, "person", (), "", (), (holds,), (first,), (), ()),),
        events=(
            event(name=text, place=text, talks=(talk(text, work=first),)),
            event("bread-year", "Bread Year", "2031"),
        ),
        cycles=(cycle(1, (change(text),)),),
        timeline=(entry(text, work=first), entry("Vague", "2030", "events")),
        as_of=RECORDED,
    )  # fmt: skip
