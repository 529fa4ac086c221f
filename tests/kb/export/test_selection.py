"""What --strand, --claim and --since mark out, and what holds of every format."""

import dataclasses
import sys

import pytest

from kb.errors import ConfigError, DateError
from kb.export import DOCUMENTS, TABLES, TABULAR, Selection, site_base
from kb.export.selection import said_by
from kb.query import KnowledgeBase

from .made import (
    CLAIM,
    OTHER,
    by_machine,
    change,
    claim,
    cycle,
    entry,
    event,
    link,
    ref,
    talk,
    whole,
    work,
)

EVERY = [
    *((name, DOCUMENTS[name].write) for name in DOCUMENTS),
    *(
        (f"{name} {table.name}", lambda s, write=write, table=table: write(s, table))
        for name, write in TABULAR.items()
        for table in TABLES
    ),
]
FORMATS = pytest.mark.parametrize("write", [w for _, w in EVERY], ids=[name for name, _ in EVERY])


def gathered(debate):
    cycles = debate.cycles()
    return Selection(
        strands=tuple(debate.strands()),
        claims=tuple(debate.claims()),
        tensions=tuple(debate.tensions()),
        works=tuple(debate.works()),
        voices=tuple(debate.voices()),
        events=tuple(debate.events()),
        cycles=tuple(cycles),
        timeline=tuple(debate.timeline()),
        as_of=cycles[-1].created,
    )


@pytest.fixture(scope="module")
def everything(debate):
    return gathered(debate)


@pytest.fixture(scope="module")
def again(curated_file):
    with KnowledgeBase.open(curated_file) as debate:
        return gathered(debate)


@FORMATS
def test_two_exports_of_one_store_are_the_same_bytes(write, everything, again):
    first = b"".join(write(everything))
    assert first
    assert b"".join(write(again)) == first


@FORMATS
def test_nothing_at_all_can_be_written(write):
    assert isinstance(b"".join(write(Selection())), bytes)


@FORMATS
def test_no_control_character_or_direction_mark_gets_out(write):
    told = b"".join(write(whole("a\x00b\x1b[31m\u202ec\u2066d\ud800e\ufffe")))
    for mark in ("\x1b[", "\u202e", "\u2066", "\ufffe", "a\x00"):
        assert mark.encode() not in told


def test_a_strand_brings_its_claims_tensions_works_and_voices(everything):
    part = everything.only(strand="grokking")
    assert {c.ref.strand for c in part.claims} == {"grokking"}
    assert {t.strand for t in part.tensions} == {"grokking"}
    ids = {c.id for c in part.claims}
    assert part.works
    for found in part.works:
        assert found.links
        assert {k.claim.id for k in found.links} <= ids
    for voice in part.voices:
        assert {h.claim.id for h in voice.holdings} <= ids
    assert {e.strand for e in part.timeline} == {"grokking"}
    assert [s.id for s in part.strands] == ["grokking"]


def test_a_claim_brings_the_works_that_bear_on_it_and_not_those_rejected():
    first, second = ref(), ref("key:salt")
    selection = Selection(
        claims=(claim(links=(link(first),)), claim(OTHER)),
        works=(
            work(first, (link(first), link(first, OTHER))),
            work(second, (link(second, review="rejected"),)),
        ),
        events=(
            event("one", talks=(talk(work=first),)),
            event("other", talks=(talk(work=second),)),
            event("none"),
        ),
        timeline=(entry("Its own", work=first), entry("Another", work=second)),
        cycles=(cycle(1, (change(), change("Else", subject="C02"), change("By its end",
            "link-added", "key:x → C01 (curation)"))),),
    )  # fmt: skip
    part = selection.only(claim="C01")
    assert [c.id for c in part.claims] == ["C01"]
    assert [(w.id, [k.claim.id for k in w.links]) for w in part.works] == [(first.id, ["C01"])]
    assert [e.id for e in part.events] == ["one"]
    assert [e.title for e in part.timeline] == ["Its own"]
    assert [x.text for x in part.cycles[0].changes] == ["A claim entered.", "By its end"]


@pytest.mark.parametrize(
    ("since", "kept"),
    [
        ("2030", ["2030", "2030-06", "2030-01-05"]),
        ("2030-02", ["2030", "2030-06"]),
        ("2031", []),
        ("", ["2030", "2030-06", "2030-01-05", "2029", ""]),
    ],
)
def test_since_keeps_what_may_be_that_late_and_drops_the_undated(since, kept):
    dates = ["2030", "2030-06", "2030-01-05", "2029", ""]
    works = tuple(work(ref(f"key:w{n}", date=date)) for n, date in enumerate(dates))
    part = Selection(claims=(claim(),), works=works).only(since=since)
    assert [w.ref.date for w in part.works] == kept
    assert [c.id for c in part.claims] == [CLAIM.id]


def test_since_takes_a_date_and_nothing_else():
    with pytest.raises(DateError):
        Selection().only(since="last week")


def test_who_says_so_is_said_in_words():
    first = ref()
    assert said_by(link(first)) == "curated"
    assert said_by(link(first, review="confirmed")) == "confirmed"
    assert said_by(by_machine(first)) == "proposed by a machine, score 0.71"
    assert said_by(by_machine(first, score=None)) == "proposed by a machine"
    assert said_by(by_machine(first, review="confirmed")) == "confirmed"


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("ris", "rispy"),
        ("nanopub", "rdflib"),
        ("icalendar", "icalendar"),
        ("parquet", "pyarrow"),
    ],
)
def test_a_missing_library_is_named_with_the_way_to_install_it(monkeypatch, name, library):
    monkeypatch.setitem(sys.modules, library, None)
    write = DOCUMENTS[name].write if name in DOCUMENTS else None
    chunks = write(whole()) if write else TABULAR[name](whole(), TABLES[0])
    with pytest.raises(ConfigError, match=rf"{library}.*pip install 'dissensus\[export\]'"):
        list(chunks)


def test_the_address_of_a_site_is_checked():
    assert site_base("https://example.org/debate") == "https://example.org/debate/"
    assert site_base("") == ""
    for wrong in ("javascript:alert(1)", "example.org", "https://", "https://a.org/?x=1"):
        with pytest.raises(ConfigError):
            site_base(wrong)


def test_works_are_written_one_by_one():
    """A writer that made the whole text first would ask for every work before the first byte."""
    asked = []

    class Works(tuple):
        def __iter__(self):
            for item in super().__iter__():
                asked.append(item)
                yield item

    works = Works(work(ref(f"arxiv:3001.0000{n}")) for n in range(9))
    for name in ("bibtex", "biblatex", "csl-json", "ris"):
        asked.clear()
        chunks = DOCUMENTS[name].write(dataclasses.replace(Selection(), works=works))
        next(chunks)
        assert len(asked) == 1, name
