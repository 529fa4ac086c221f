import datetime as dt
import itertools
import re
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from ingest import intake
from ingest.errors import FetchError, ParseError
from ingest.records import Draft, Raw, Removal
from ingest.sources import arxiv_oai
from ingest.sources.arxiv_oai import ArxivOai
from kb.models import Authorship, Cursor, Manifestation, RawRecord, Refusal, StatusEvent, Work
from kb.schema import SetEntry, SourcesFile
from kb.store import Store

FIXTURES = Path(__file__).parents[1] / "fixtures/arxiv_oai"
RAW, NAMES, EXPIRED, REFUSED, NOTHING = (
    (FIXTURES / f"{name}.xml").read_bytes()
    for name in ("raw", "names", "expired", "refused", "nothing")
)
KETTLE = "arxiv:2502.99901"
ROOT = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
DATED = f"{ROOT}<responseDate>2025-06-02T01:20:30Z</responseDate>"


class Paper:
    """One paper as the service has it."""

    def __init__(self, number, day, versions=1, names=(("Example", "Ada"),), gone=False):
        self.id = f"2502.{99000 + number}"
        self.day = day
        self.versions = versions
        self.names = names
        self.gone = gone

    def record(self, form):
        status = ' status="deleted"' if self.gone else ""
        header = (
            f"<header{status}><identifier>oai:arXiv.org:{self.id}</identifier>"
            f"<datestamp>{self.day}</datestamp><setSpec>cs:cs:LG</setSpec></header>"
        )
        if self.gone:
            return f"<record>{header}</record>"
        if form == "arXivRaw":
            history = "".join(
                f'<version version="v{n}"><date>Mon, {n} Feb 2025 10:00:00 GMT</date>'
                f"<size>{n}kb</size></version>"
                for n in range(1, self.versions + 1)
            )
            people = f"<authors>{', '.join(f'{g} {k} Esq' for k, g in self.names)}</authors>"
        else:
            history = "<created>2025-02-09</created>"
            people = "<authors>" + "".join(
                f"<author><keyname>{k}</keyname><forenames>{g}</forenames></author>"
                for k, g in self.names
            )
            people += "</authors>"
        return (
            f'<record>{header}<metadata><{form} xmlns="http://arxiv.org/OAI/{form}/">'
            f"<id>{self.id}</id>{history}<title>Kettle {self.id}</title>{people}"
            f"<categories>cs.LG</categories><abstract>Text {self.versions}.</abstract>"
            f"</{form}></metadata></record>"
        )


class Service:
    """Lists papers as arXiv does: by day and id, with tokens that name a place in the list.

    A token lives until midnight, since the list may change at night.
    """

    def __init__(self, papers=(), size=2, today="2025-06-02"):
        self.papers = list(papers)
        self.size = size
        self.today = today
        self.asked = []
        self.at = {}
        """Number of a request -> what happens before it is answered."""
        self.totals = False
        self.torn = {}
        """Number of a request -> what it is answered with, whatever it asks."""

    def __call__(self, url, check, **_):
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.asked.append(query)
        number = len(self.asked)
        if number in self.at:
            self.at[number]()
        body = self.torn[number] if number in self.torn else self._answer(query)
        if fault := check(body):
            raise FetchError("arxiv-oai", url, fault)
        return body

    def _answer(self, query):
        skip = 0
        if token := query.get("resumptionToken"):
            query = {name: values[0] for name, values in parse_qs(unquote(token)).items()}
            if query.pop("day") != self.today:
                return self._wrap("<error code='badResumptionToken'>Cold.</error>")
            skip = int(query.pop("skip"))
        start = query.get("from", "")
        listed = sorted((p for p in self.papers if p.day >= start), key=lambda p: (p.day, p.id))
        page = listed[skip : skip + self.size]
        if not page:
            return self._wrap("<error code='noRecordsMatch'/>")
        end = skip + len(page)
        size = f' cursor="{skip}" completeListSize="{len(listed)}"' if self.totals else ""
        text = "".join(paper.record(query["metadataPrefix"]) for paper in page)
        if end < len(listed):
            token = quote(urlencode({**query, "skip": end, "day": self.today}))
            text += f"<resumptionToken{size}>{token}</resumptionToken>"
        elif skip:
            text += f"<resumptionToken{size}/>"
        return self._wrap(f"<ListRecords>{text}</ListRecords>")

    def _wrap(self, inner):
        moment = f"{self.today}T01:{len(self.asked):02}:00Z"
        return f"{ROOT}<responseDate>{moment}</responseDate>{inner}</OAI-PMH>".encode()


def papers(count, days=3):
    return [Paper(n, f"2025-05-{20 + n * days // count:02}") for n in range(count)]


def listed(service, since=""):
    source = ArxivOai("cs:cs:LG", "2025-05-01", service)
    return source, list(source.fetch(since))


def named(raws):
    return [re.search(r"identifier=oai:arXiv.org:([\w.]+)", raw.url)[1] for raw in raws]


def pages(*bodies):
    """Answer with these, one after another."""
    queue = list(bodies)

    def fetch(url, check, **_):
        body = queue.pop(0)
        if fault := check(body):
            raise FetchError("arxiv-oai", url, fault)
        return body

    return fetch


def raws(page, form="arXivRaw"):
    """The records of one page, without asking for another."""
    source = ArxivOai("cs:cs:LG", "", pages(page, NOTHING, NOTHING, NOTHING, NOTHING))
    count = page.count(b"<record>")
    return list(itertools.islice(source.fetch(""), count))


def record(metadata="", identifier="oai:arXiv.org:2502.99901", header=None):
    header = f"<header><identifier>{identifier}</identifier></header>" if header is None else header
    body = f"<record>{header}<metadata>{metadata}</metadata></record>"
    return whole(body.encode())


def whole(body):
    body = arxiv_oai._HEAD + body + arxiv_oai._TAIL
    return Raw("arxiv-oai", "here", dt.datetime(2025, 6, 2, tzinfo=dt.UTC), body)


def paper(inside, form="arXivRaw"):
    return record(f'<{form} xmlns="http://arxiv.org/OAI/{form}/">{inside}</{form}>')


# -- records --------------------------------------------------------------------------------


def test_a_record_becomes_a_work_with_its_history():
    draft = ArxivOai.read(raws(RAW)[0])
    assert draft.identifiers == (
        KETTLE, "doi:10.5555/kettle.2025", "doi:10.5555/kettle.2025e", "doi:10.5555/kettle.2025f",
    )  # fmt: skip
    assert draft.title == "Kettles That Remember Their Boiling Point"
    assert draft.abstract.startswith("We teach a kettle") and "<nothing> & pours" in draft.abstract
    assert draft.authors == ("Ada B. Example", "José Sample", "Carl Demo Jr")
    assert (draft.first_public, draft.categories) == ("2025-02-27", "cs.LG stat.ML")
    assert not draft.withdrawn and not draft.are_authors_parsed
    old, new = draft.manifestations
    assert (old.id, old.version, old.valid) == (f"{KETTLE}v1", 1, "2025-02-27")
    assert (old.has_text, old.abstract) == (False, "") and "(24kb)" in old.note
    assert (new.id, new.version, new.valid) == (f"{KETTLE}v2", 2, "2025-05-20")
    assert (new.has_text, new.abstract, new.note) == (True, draft.abstract, "")


def test_an_old_identifier_and_a_local_time_are_read():
    draft = ArxivOai.read(raws(RAW)[1])
    assert draft.identifiers == ("arxiv:math/0309999",)
    assert draft.first_public == "2003-10-01"


def test_a_version_that_only_withdraws_marks_the_work_and_removes_nothing():
    draft = ArxivOai.read(raws(RAW)[2])
    assert draft.withdrawn
    assert [form.version for form in draft.manifestations] == [1, 2]


def test_a_deleted_header_is_a_removal_of_every_version():
    assert ArxivOai.read(raws(RAW)[3]) == Removal((), identifiers=("arxiv:2501.99903",))


def test_names_are_read_one_by_one_and_no_date_is_believed():
    draft = ArxivOai.read(raws(NAMES)[0])
    assert draft.authors == ("Kettle Collaboration", "Ada B. Example", "José Sample",
                             "Carl Demo, Jr")  # fmt: skip
    assert draft.identifiers == (KETTLE, "doi:10.5555/kettle.2025")
    assert (draft.first_public, draft.manifestations) == ("", ())
    assert draft.are_authors_parsed


def test_a_form_that_is_not_arxivs_is_refused():
    with pytest.raises(ParseError, match="a record of the form <dc> is not read"):
        ArxivOai.read(raws(NAMES)[1])


def test_the_bytes_of_a_record_are_kept_as_they_came():
    parts = re.findall(rb"<record>.*?</record>", RAW, re.DOTALL)
    assert len(parts) == 4
    for part, raw in zip(parts, raws(RAW), strict=True):
        assert raw.body == arxiv_oai._HEAD + part + arxiv_oai._TAIL


def test_each_record_says_where_it_can_be_asked_for_again():
    assert raws(RAW)[1].url == (
        "https://oaipmh.arxiv.org/oai?verb=GetRecord"
        "&identifier=oai:arXiv.org:math/0309999&metadataPrefix=arXivRaw"
    )


TITLED = "<id>2502.99901</id><title>T</title>"
HISTORY = '<version version="v1"><date>Thu, 27 Feb 2025 18:00:01 GMT</date></version>'


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (whole(b""), "no record"),
        (whole(b"<record/>"), "no <header>"),
        (whole(b"<record><header/></record>"), "not a record of arXiv: ''"),
        (record(), "no <metadata>"),
        (record(identifier="oai:example.org:7"), "not a record of arXiv"),
        (record(identifier="oai:arXiv.org:nonsense"), "not a valid arXiv identifier"),
        (paper("<id>2502.99902</id>"), "header names arxiv:2502.99901, record names arxiv:2502"),
        (paper(f"<id>2502.99901</id>{HISTORY}"), "no <title>"),
        (paper(TITLED), "no <version>"),
        (paper(f'{TITLED}<version version="v0"/>'), "not a version: 'v0'"),
        (paper(f'{TITLED}<version version="v7"/>'), "<date> of v7 is not a time: ''"),
        (paper(TITLED + HISTORY.replace("Thu, 27", "soon")), "v1 is not a time: 'soon Feb"),
        (paper("<title>T</title>", "arXiv"), "not a valid arXiv identifier: ''"),
        (whole(b"<x:record/>"), "not XML"),
    ],
)
def test_a_record_that_lacks_what_we_need_is_refused(raw, reason):
    with pytest.raises(ParseError, match=re.escape(reason)):
        ArxivOai.read(raw)


def test_hostile_text_arrives_as_plain_text():
    title = "Kettle &lt;script&gt;\u202e &#x7f;{{7*7}}"
    draft = ArxivOai.read(paper(f"<id>2502.99901</id><title>{title}</title>{HISTORY}"))
    assert draft.title == "Kettle <script> {{7*7}}"


@settings(deadline=None)
@given(st.data())
def test_a_mangled_record_is_read_or_refused(data):
    body = bytearray(data.draw(st.sampled_from(raws(RAW) + raws(NAMES))).body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        cut = data.draw(st.integers(0, 40))
        body[at : at + cut] = data.draw(st.binary(max_size=8) | st.just(b"<title>"))
    try:
        reading = ArxivOai.read(Raw("arxiv-oai", "here", dt.datetime.now(dt.UTC), bytes(body)))
    except ParseError as error:
        assert error.reason
    else:
        assert isinstance(reading, Draft | Removal)


# -- pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "blank page"),
        (b" \n", "blank page"),
        (b"<html><body>Rate exceeded.</body></html>", "its root is <html>"),
        (b"<!DOCTYPE html><html></html>", "document type"),
        (b"<OAI-PMH></OAI-PMH>", "its root is <OAI-PMH>"),
        (b"broken xml", "not an OAI-PMH answer"),
        (f"{DATED}</OAI-PMH>".encode(), "empty page"),
        (f"{DATED}<ListRecords/></OAI-PMH>".encode(), "empty page"),
        (f"{ROOT}<error code='badArgument'/></OAI-PMH>".encode(), "no <responseDate>"),
        (RAW.replace(b"UTF-8", b"latin-1"), "encoded as"),
        (RAW.decode().replace('encoding="UTF-8"', "").encode("utf-16"), "not encoded as UTF-8"),
        (RAW.replace(b"Institute", b"Instit\xfcte"), "not an OAI-PMH answer"),
        (f"{DATED}{'<a>' * 300}{'</a>' * 300}</OAI-PMH>".encode(), "nested too deeply"),
        (RAW.replace(b"skip%3D1", b"skip%3D1" * 300), "its resumption token has 2,494 characters"),
    ],
)
def test_a_page_that_is_no_answer_is_known(body, fault):
    assert fault in arxiv_oai.page_fault(body)


@pytest.mark.parametrize("page", [RAW, NAMES, EXPIRED, REFUSED, NOTHING])
def test_a_page_torn_at_any_byte_is_known(page):
    page = page.rstrip()
    assert arxiv_oai.page_fault(page) == ""
    assert [n for n in range(len(page)) if not arxiv_oai.page_fault(page[:n])] == []


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd">',
    ],
)
def test_a_document_type_is_refused(declaration):
    body = declaration.encode() + RAW.split(b"?>", 1)[1]
    assert "document type" in arxiv_oai.page_fault(body)
    with pytest.raises(ParseError, match="not XML"):
        ArxivOai.read(Raw("arxiv-oai", "here", dt.datetime.now(dt.UTC), body))


def test_as_many_records_are_accepted_and_refused_as_came(store):
    torn = RAW.replace(b"<title>On the Measure of a Cup</title>", b"")
    source = ArxivOai("cs:cs:LG", "", pages(torn, NOTHING.replace(b"noRecordsMatch", b"x")))
    counts = intake.zero()
    with pytest.raises(ParseError):
        intake.harvest(store, source, source.fetch(""), "c", counts)
    assert (counts["added"], counts["same"], counts["refused"]) == (2, 1, 1)
    assert len(rows(store, RawRecord)) == sum(counts.values()) == torn.count(b"<record>")
    assert [row.reason for row in rows(store, Refusal)] == ["record has no <title>"]


# -- listings -------------------------------------------------------------------------------


def test_both_forms_are_listed_from_the_same_day_and_never_until_one():
    service = Service(papers(3))
    source, found = listed(service)
    assert named(found) == ["2502.99000", "2502.99001", "2502.99002"] * 2
    first, second, third, fourth = service.asked
    assert first == {"verb": "ListRecords", "metadataPrefix": "arXivRaw", "set": "cs:cs:LG",
                     "from": "2025-05-01"}  # fmt: skip
    assert third == first | {"metadataPrefix": "arXiv"}
    assert second.keys() == fourth.keys() == {"verb", "resumptionToken"}
    assert source.position == "2025-06-02T01:01:00Z"


@pytest.mark.parametrize(
    ("since", "day"),
    [("2025", "2025-01-01"), ("2025-05", "2025-05-01"), ("2025-05-09T10:11:12Z", "2025-05-09")],
)
def test_a_listing_starts_on_a_whole_day(since, day):
    service = Service(papers(1))
    listed(service, since)
    assert {query["from"] for query in service.asked} == {day}


def test_everything_there_is_can_be_asked_for():
    service = Service(papers(1))
    list(ArxivOai("cs", "", service).fetch(""))
    assert "from" not in service.asked[0]


def test_a_since_that_is_no_day_is_said_to_be_none():
    with pytest.raises(ParseError, match="not a day"):
        listed(Service(), "yesterday")


def test_a_cursor_no_one_can_read_is_said_to_be_so():
    for cursor in ('0000 {"form": ', '0000 {"colour": "red"}', '0000 {"form": "oai_dc"}'):
        with pytest.raises(ParseError, match="cannot be read"):
            listed(Service(), cursor)


def test_nothing_new_is_an_answer_and_moves_the_cursor_by_the_services_clock():
    source = ArxivOai("cs:cs:LG", "2025-05-01", pages(NOTHING))
    assert list(source.fetch("")) == []
    assert source.position == "2025-06-03T02:00:00Z"


@pytest.mark.parametrize("code", ["badArgument", "cannotDisseminateFormat", "idDoesNotExist",
                                  "noSetHierarchy", "badVerb", "undefinedError"])  # fmt: skip
def test_any_other_error_is_told_in_the_services_words(code):
    source = ArxivOai("cs:cs:XX", "", pages(REFUSED.replace(b"badArgument", code.encode())))
    with pytest.raises(ParseError, match=f"arXiv refuses: {code} There is no such set") as caught:
        list(source.fetch(""))
    assert "\n" not in str(caught.value)
    assert source.position == ""


def test_an_empty_page_in_mid_list_breaks_the_listing_off():
    service = Service(papers(6))
    service.torn[2] = f"{DATED}<ListRecords/></OAI-PMH>".encode()
    source = ArxivOai("cs:cs:LG", "", service)
    found = source.fetch("")
    assert len([next(found), next(found)]) == 2
    with pytest.raises(FetchError, match="empty page"):
        next(found)


def test_an_expired_token_begins_again_at_the_day_of_the_last_record():
    service = Service(papers(6))
    service.at[3] = lambda: setattr(service, "today", "2025-06-03")
    source, found = listed(service)
    texts = [raw for raw in found if raw.url.endswith("=arXivRaw")]
    assert set(named(texts)) == {p.id for p in service.papers}
    assert [query.get("from") for query in service.asked[:4]] == [
        "2025-05-01", None, None, "2025-05-21",
    ]  # fmt: skip
    assert source.position == "2025-06-02T01:01:00Z", "the day on which the listing began"


def test_a_list_that_is_not_in_order_begins_again_where_it_began():
    service = Service(papers(6))
    one, two = service.papers[:2]
    mixed = two.record("arXivRaw").replace(two.day, "2025-05-29") + one.record("arXivRaw")
    service.torn[1] = (
        f"{DATED}<ListRecords>{mixed}<resumptionToken>a</resumptionToken></ListRecords></OAI-PMH>"
    ).encode()
    service.torn[2] = EXPIRED
    _, found = listed(service)
    assert service.asked[2]["from"] == "2025-05-01"
    assert {p.id for p in service.papers} == set(named(found))


def test_a_record_from_the_services_future_is_no_place_to_begin_again():
    service = Service([*papers(3), Paper(9, "2099-01-01")], size=4)
    body = service._answer({"metadataPrefix": "arXivRaw"}).decode()
    service.torn[1] = body.replace(
        "</ListRecords>", "<resumptionToken>a</resumptionToken></ListRecords>"
    ).encode()
    service.torn[2] = EXPIRED
    listed(service)
    assert service.asked[2]["from"] == "2025-05-01"


def test_a_token_that_is_answered_by_nothing_begins_again_too():
    service = Service(papers(4))
    service.torn[2] = NOTHING
    _, found = listed(service)
    assert {p.id for p in service.papers} == set(named(found))


@pytest.mark.parametrize("answer", [EXPIRED, RAW.replace(b"/0309999", b"/0309998")])
def test_a_list_that_never_ends_is_given_up(answer):
    first = RAW.replace(b"skip%3D1", b"skip%3D2")
    queue = itertools.chain([first], itertools.cycle([answer, first]))
    source = ArxivOai("cs:cs:LG", "", lambda url, check, **_: next(queue))
    asked = 0
    with pytest.raises(FetchError, match="however often"):
        for _ in source.fetch(""):
            asked += 1
    assert asked < 100


def test_the_same_page_under_ever_new_tokens_is_given_up():
    asked = itertools.count()

    def fetch(url, check, **_):
        return RAW.replace(b"skip%3D1", f"skip%3D{next(asked)}".encode())

    with pytest.raises(FetchError, match="the list repeats itself"):
        list(ArxivOai("cs:cs:LG", "", fetch).fetch(""))
    assert next(asked) < 20


def test_a_gap_between_pages_breaks_the_listing_off():
    service = Service(papers(6))
    service.totals = True
    token = quote(urlencode({"metadataPrefix": "arXivRaw", "skip": 4, "day": service.today}))
    third = {"verb": "ListRecords", "resumptionToken": token}
    service.torn[2] = service._answer(third)
    source = ArxivOai("cs:cs:LG", "", service)
    with pytest.raises(FetchError, match="records 3 to 4 were left out"):
        list(source.fetch(""))


def test_a_list_that_ends_before_its_own_total_breaks_off():
    service = Service(papers(6))
    service.totals = True
    service.torn[2] = Service(papers(6)[2:4])._answer({"metadataPrefix": "arXivRaw"})
    source = ArxivOai("cs:cs:LG", "", service)
    with pytest.raises(FetchError, match="the list ends at 4 of 6 records"):
        list(source.fetch(""))
    assert '"count": 2' in source.position


def test_a_list_with_totals_is_read_whole():
    service = Service(papers(5))
    service.totals = True
    source, found = listed(service)
    assert len(found) == 10 and source.position == "2025-06-02T01:01:00Z"


# -- in the store ---------------------------------------------------------------------------


def rows(store, kind, *where):
    with store.read() as session:
        return list(session.exec(select(kind).where(*where)))


def harvest(store, service, since=None, progress=None, name="oai"):
    """One run: from the stored cursor, as the pipeline does it."""
    (errand,) = arxiv_oai.errands(
        SourcesFile(arxiv=[], arxiv_oai=[SetEntry(set="cs:cs:LG", since="2025-05-01")])
    )
    source = errand.make(service)
    if since is None:
        stored = rows(store, Cursor, Cursor.name == name)
        since = errand.resume(stored[0].value) if stored else ""
    return +intake.harvest(store, source, source.fetch(since), name, progress=progress)


def cursor(store):
    (row,) = rows(store, Cursor)
    return row.value


def forms(store):
    """What is known of each form: version, abstract, when, and whether its source has it."""
    return {
        row.id: (row.version, row.abstract, row.valid, row.removed_at is None)
        for row in rows(store, Manifestation)
    }


def authors(store, id):
    found = rows(store, Authorship, Authorship.work_id == id)
    return [row.name for row in sorted(found, key=lambda row: row.position)]


def dump(store):
    works = rows(store, Work)
    return (
        sorted((w.id, w.title, w.abstract, w.first_public, w.withdrawn) for w in works),
        forms(store),
        {w.id: authors(store, w.id) for w in works},
        sorted((s.work_id, s.status, s.valid) for s in rows(store, StatusEvent)),
        sorted(r.digest for r in rows(store, RawRecord)),
    )


def test_a_harvest_has_the_text_the_history_and_the_parsed_names(store):
    service = Service([Paper(1, "2025-05-20", versions=3, names=[("Example", "Ada")])])
    assert harvest(store, service) == {"added": 1, "changed": 1}
    assert forms(store) == {
        "arxiv:2502.99001v1": (1, "", "2025-02-01", True),
        "arxiv:2502.99001v2": (2, "", "2025-02-02", True),
        "arxiv:2502.99001v3": (3, "Text 3.", "2025-02-03", True),
    }
    assert authors(store, "arxiv:2502.99001") == ["Ada Example"], "not the line's Ada Example Esq"
    (work,) = rows(store, Work)
    assert (work.abstract, work.first_public) == ("Text 3.", "2025-02-01")
    hashes = {row.version: row.content_hash for row in rows(store, Manifestation)}
    assert hashes[1] == hashes[2] == "" != hashes[3]


def test_a_second_harvest_changes_nothing_and_starts_a_day_behind_the_services_clock(store):
    service = Service(papers(5))
    harvest(store, service)
    before = dump(store)
    service.papers.append(Paper(9, "2025-06-01"))
    asked = len(service.asked)
    service.today = "2025-06-03"
    assert harvest(store, service) == {"added": 1, "changed": 1}
    assert service.asked[asked]["from"] == "2025-06-01"
    service.papers.pop()
    assert harvest(store, service) == {}
    assert set(before[1]) < set(forms(store))


def test_a_new_version_leaves_the_old_text_and_keeps_parsed_names(store):
    service = Service([Paper(1, "2025-05-20")])
    harvest(store, service)
    service.papers = [Paper(1, "2025-06-02", versions=2)]
    harvest(store, service)
    assert forms(store) == {
        "arxiv:2502.99001v1": (1, "Text 1.", "2025-02-01", True),
        "arxiv:2502.99001v2": (2, "Text 2.", "2025-02-02", True),
    }
    assert authors(store, "arxiv:2502.99001") == ["Ada Example"]


def test_names_that_change_with_a_version_are_taken(store):
    service = Service([Paper(1, "2025-05-20")])
    harvest(store, service)
    both = [("Example", "Ada"), ("Demo", "Carl")]
    service.papers = [Paper(1, "2025-06-02", versions=2, names=both)]
    harvest(store, service)
    assert authors(store, "arxiv:2502.99001") == ["Ada Example", "Carl Demo"]


def test_a_version_known_from_the_history_gets_its_text_when_it_comes(store):
    service = Service([Paper(1, "2025-05-20", versions=2)])
    harvest(store, service)
    old = whole(Paper(1, "2025-05-20", versions=1).record("arXivRaw").encode())
    with store.write() as session:
        intake._take(session, ArxivOai("", "", service).read, [old])
    (form,) = rows(store, Manifestation, Manifestation.version == 1)
    assert (form.id, form.abstract, form.note) == ("arxiv:2502.99001v1", "Text 1.", "")
    assert form.content_hash and form.raw_digest == old.digest
    (work,) = rows(store, Work)
    assert work.abstract == "Text 2.", "the newest text speaks for the work"


def test_history_and_text_of_one_version_may_come_in_one_batch(store):
    service = Service()
    new, old = (
        whole(Paper(1, day, versions=n).record("arXivRaw").encode())
        for day, n in (("2025-05-21", 2), ("2025-05-20", 1))
    )
    with store.write() as session:
        intake._take(session, ArxivOai("", "", service).read, [new, old])
    assert [form[1] for form in forms(store).values()] == ["Text 1.", "Text 2."]


def test_a_paper_first_seen_in_the_second_listing_is_completed_by_the_next(store):
    service = Service(papers(1))
    late = Paper(5, "2025-06-02")
    service.at[2] = lambda: service.papers.append(late)
    harvest(store, service)
    (work,) = rows(store, Work, Work.id == f"arxiv:{late.id}")
    assert (work.title, work.abstract) == (f"Kettle {late.id}", "Text 1.")
    assert rows(store, Manifestation, Manifestation.work_id == work.id) == []
    harvest(store, service)
    assert forms(store)[f"arxiv:{late.id}v1"] == (1, "Text 1.", "2025-02-01", True)
    assert authors(store, work.id) == ["Ada Example"]


def test_a_record_of_two_sets_is_taken_once(store):
    service = Service(papers(2))
    harvest(store, service)
    assert harvest(store, service, since="", name="another set") == {"same": 4}


def test_a_deleted_paper_is_kept_and_marked_in_every_version_until_it_is_back(store):
    service = Service([Paper(1, "2025-05-20", versions=2), Paper(10, "2025-05-20")])
    harvest(store, service)
    service.papers[0] = Paper(1, "2025-06-02", gone=True)
    assert harvest(store, service) == {"changed": 1, "same": 1}
    there = {id: form[3] for id, form in forms(store).items()}
    assert there == {
        "arxiv:2502.99001v1": False, "arxiv:2502.99001v2": False, "arxiv:2502.99010v1": True,
    }  # fmt: skip
    service.papers[0] = Paper(1, "2025-06-03", versions=2)
    harvest(store, service)
    assert all(form[3] for form in forms(store).values())


def test_a_deleted_paper_takes_no_other_form_of_the_work_with_it(store):
    service = Service([Paper(1, "2025-05-20")])
    harvest(store, service)
    others = ["arxiv:2502.99777v1", "openreview:kettle0001"]
    with store.write() as session:
        for id in others:
            form = Manifestation(id=id, work_id="arxiv:2502.99001", kind="arxiv", title="Kettle")
            session.add(form)
    service.papers[0] = Paper(1, "2025-06-02", gone=True)
    harvest(store, service)
    assert [id for id, form in forms(store).items() if form[3]] == others


def test_a_deleted_paper_that_was_never_here_is_nothing(store):
    service = Service([Paper(1, "2025-06-02", gone=True)])
    assert harvest(store, service) == {"same": 2}


def test_what_changes_while_we_list_is_found_now_or_the_next_time(store):
    service = Service(papers(6))
    service.at[3] = lambda: service.papers.__setitem__(0, Paper(0, "2025-06-02", versions=2))
    harvest(store, service)
    service.today = "2025-06-03"
    harvest(store, service)
    assert forms(store)["arxiv:2502.99000v2"][1] == "Text 2."
    assert len(rows(store, Work)) == 6


class Killed(BaseException):
    """The process is gone."""


def killer(after):
    batches = itertools.count(1)

    def progress(_):
        if next(batches) == after:
            raise Killed

    return progress


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    count=st.integers(1, 9),
    size=st.integers(1, 4),
    batch=st.integers(1, 7),
    kills=st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=4),
)
def test_a_harvest_killed_between_batches_ends_as_one_that_was_not(
    count, size, batch, kills, tmp_path_factory, _empty_store, monkeypatch
):
    monkeypatch.setattr(intake, "BATCH", batch)
    stores = []
    for name in ("calm", "killed"):
        path = tmp_path_factory.mktemp(name) / "kb.sqlite"
        path.write_bytes(_empty_store.read_bytes())
        stores.append(Store(path))
    calm, killed = stores
    harvest(calm, Service(papers(count), size))
    service = Service(papers(count), size)
    days = itertools.count(3)
    for after, overnight in kills:
        try:
            harvest(killed, service, progress=killer(after))
        except Killed:
            stored = {row.url for row in rows(killed, RawRecord)}
            for cursor in rows(killed, Cursor):
                assert passed(cursor.value, count) <= len(stored)
        if overnight:
            service.today = f"2025-06-{next(days):02}"
    harvest(killed, service)
    assert dump(killed) == dump(calm)
    for store in stores:
        store.close()


def passed(position, count):
    """How many records a position says are behind it."""
    if "{" not in position:
        return count * 2
    at = arxiv_oai._Progress.read(position)
    token = parse_qs(unquote(at.token))
    skipped = int(token["skip"][0]) if token else 0
    older = sum(p.day < at.day for p in papers(count))
    return (count if at.form == "arXiv" else 0) + older + skipped


def test_a_killed_run_goes_on_at_its_token(store, monkeypatch):
    monkeypatch.setattr(intake, "BATCH", 2)
    service = Service(papers(8))
    with pytest.raises(Killed):
        harvest(store, service, progress=killer(2))
    assert len(rows(store, RawRecord)) == 4
    asked = len(service.asked)
    harvest(store, service)
    token = unquote(service.asked[asked]["resumptionToken"])
    assert "skip=4" in token
    assert cursor(store) == "2025-06-02T01:01:00Z", "the first answer of the run that was killed"


def test_a_place_in_a_listing_is_older_than_any_day_after_the_listings_first(store, monkeypatch):
    monkeypatch.setattr(intake, "BATCH", 2)
    with pytest.raises(Killed):
        harvest(store, Service(papers(8)), progress=killer(2))
    assert "2025-05-01" < cursor(store) < "2025-05-02"


def test_a_run_killed_long_ago_begins_again_at_its_last_day(store, monkeypatch):
    monkeypatch.setattr(intake, "BATCH", 2)
    service = Service(papers(8))
    with pytest.raises(Killed):
        harvest(store, service, progress=killer(2))
    service.today = "2025-06-20"
    asked = len(service.asked)
    harvest(store, service)
    assert "resumptionToken" in service.asked[asked]
    assert service.asked[asked + 1]["from"] == "2025-05-21"
    assert len(rows(store, Work)) == 8


def test_a_listing_that_breaks_off_keeps_what_came_and_its_place(store):
    service = Service(papers(6))
    service.torn[3] = b"<html>busy</html>"
    with pytest.raises(FetchError):
        harvest(store, service)
    assert len(rows(store, Work)) == 4
    assert '"count": 4' in cursor(store)
    harvest(store, service)
    assert len(rows(store, Work)) == 6
    assert cursor(store) == "2025-06-02T01:01:00Z"


# -- what is configured -----------------------------------------------------------------------


def test_only_sets_that_are_switched_on_are_asked():
    entries = [SetEntry(set="cs:cs:LG", enabled=False), SetEntry(set="physics:cond-mat:dis-nn")]
    config = SourcesFile(arxiv=[], arxiv_oai=entries, every={"arxiv-oai": 7})
    (errand,) = arxiv_oai.errands(config)
    assert errand.name.startswith("arxiv-oai:physics.cond-mat.dis-nn:")
    assert (errand.every, errand.hosts) == (7, {"oaipmh.arxiv.org": 3.0})


def test_a_changed_question_has_a_cursor_of_its_own():
    names = {
        errand.name
        for since in ("", "2025-01-01")
        for errand in arxiv_oai.errands(
            SourcesFile(arxiv=[], arxiv_oai=[SetEntry(set="cs:cs:LG", since=since)])
        )
    }
    assert len(names) == 2


@pytest.mark.parametrize("bad", [{"set": "cs.LG"}, {"set": "cs", "since": "2025"}])
def test_a_set_is_named_as_the_service_names_it(bad):
    with pytest.raises(ValueError, match="pattern"):
        SetEntry(**bad)


# -- over a real connection -------------------------------------------------------------------


def over(session, server):
    site = server.url.removesuffix("/list")
    return lambda url, check: session.fetch(url.replace("https://oaipmh.arxiv.org", site), check)


def test_a_set_is_read_through_all_that_arxiv_does_when_it_is_busy(server, connect, clock):
    last = RAW.replace(RAW[RAW.index(b"<resumptionToken") : RAW.index(b"</ListRecords>")], b"")
    html = (200, {}, b"<!DOCTYPE html><html><body>Rate exceeded.</body></html>")
    server.answers = [
        (503, {"Retry-After": "20"}, b""),
        (200, {}, RAW),
        html,
        (200, {}, RAW[:900]),
        (200, {}, last),
        (429, {"Retry-After": "9"}, b""),
        (200, {}, NAMES),
    ]
    source = ArxivOai("cs:cs:LG", "2025-05-20", over(connect(gap=3.0, backoff=5.0), server))
    assert len(list(source.fetch(""))) == 4 + 4 + 2
    assert source.position == "2025-06-02T01:20:30Z"
    assert 20.0 in clock.slept and 9.0 in clock.slept
    asked = [path for path, _ in server.asked]
    token = re.search(rb"<resumptionToken[^>]*>([^<]*)<", RAW)[1].decode()
    assert asked[2] == f"/oai?verb=ListRecords&resumptionToken={token.replace('%', '%25')}"
    assert all("until" not in path for path in asked)
