import datetime as dt
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from ingest.errors import FetchError, ParseError
from ingest.records import Raw
from ingest.sources import arxiv
from ingest.sources.arxiv import Arxiv

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/fixtures/arxiv"
PAGE = (FIXTURES / "page.xml").read_bytes()
ERROR = (FIXTURES / "error.xml").read_bytes()
WIRE = ROOT.parent / "shared/wire/arxiv_atom"
HEAD = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom" '
    'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
    "<updated>2025-06-01T00:00:00Z</updated>"
)


def entry(number, updated="2025-05-01T00:00:00Z", id=True):
    name = f"<id>http://arxiv.org/abs/2502.{99000 + number}v1</id>" if id else ""
    return (
        f"<entry>{name}<title>Kettle {number}</title><summary>Hot.</summary>"
        f"<updated>{updated}</updated><published>2025-02-01T00:00:00Z</published></entry>"
    )


def feed(entries, total):
    size = f"<opensearch:totalResults>{total}</opensearch:totalResults>"
    return (HEAD + size + "".join(entries) + "</feed>").encode()


def over(session, server):
    """Reach the test server where arXiv is meant."""
    site = server.url.removesuffix("/list")
    return lambda url, check: session.fetch(url.replace("https://export.arxiv.org", site), check)


class Site:
    """Serves a list in pages, and refuses a page as the real session would."""

    def __init__(self, entries=(), total=None, pages=None):
        self.entries = list(entries)
        self.total = len(self.entries) if total is None else total
        self.pages = pages or {}
        self.asked = []

    def __call__(self, url, check):
        query = parse_qs(urlsplit(url).query)
        start, size = int(query["start"][0]), int(query["max_results"][0])
        self.asked.append(start)
        page = feed(self.entries[start : start + size], self.total)
        body = self.pages.get(start, page)
        if fault := check(body):
            raise FetchError("arxiv", url, fault)
        return body


def raw(body, url="here"):
    return Raw("arxiv", url, dt.datetime(2025, 6, 1, tzinfo=dt.UTC), body)


def wrap(xml):
    return raw(f"{HEAD}{xml}</feed>".encode())


def listed(site, since="", size=200):
    source = Arxiv("all:kettle", site, page_size=size)
    return source, list(source.fetch(since))


def test_an_entry_becomes_a_work_with_its_version():
    _, raws = listed(Site(pages={0: PAGE}))
    draft = Arxiv.read(raws[0])
    assert draft.identifiers == ("arxiv:2502.99901", "doi:10.5555/kettle.2025")
    assert draft.title == "Kettles That Remember Their Boiling Point"
    assert draft.abstract == (
        "We teach a kettle to remember. With $n \\to \\infty$ cups it forgets <nothing> & "
        "pours well. A second line follows."
    )
    assert draft.authors == ("Ada B. Example", "José Sample")
    assert draft.first_public == "2025-02-27"
    assert draft.categories == "cs.LG stat.ML"
    assert not draft.withdrawn
    (form,) = draft.manifestations
    assert (form.id, form.version, form.valid) == ("arxiv:2502.99901v2", 2, "2025-05-20")
    assert form.url == "https://arxiv.org/abs/2502.99901v2"


def test_an_old_identifier_is_read():
    _, raws = listed(Site(pages={0: PAGE}))
    draft = Arxiv.read(raws[1])
    assert draft.identifiers == ("arxiv:math/0309999",)
    assert draft.manifestations[0].id == "arxiv:math/0309999v1"
    assert draft.first_public == "2003-09-30"


def test_a_withdrawn_paper_is_marked():
    _, raws = listed(Site(pages={0: PAGE}))
    assert [Arxiv.read(r).withdrawn for r in raws] == [False, False, True, False]


def test_the_bytes_of_an_entry_are_kept_as_they_came():
    _, raws = listed(Site(pages={0: PAGE}))
    entries = [part.split(b"</entry>")[0] for part in PAGE.split(b"<entry>")[1:]]
    assert len(entries) == 4
    for xml, kept in zip(entries, raws, strict=True):
        assert b"<entry>" + xml + b"</entry>" in kept.body


def test_an_entry_keeps_its_digest_on_another_page():
    _, first = listed(Site([entry(1), entry(2)]))
    _, again = listed(Site([entry(3), entry(2)]))
    assert first[1].digest == again[1].digest


def test_pages_follow_one_another_to_the_end():
    site = Site([entry(n) for n in range(7)])
    source, raws = listed(site, size=3)
    assert site.asked == [0, 3, 6]
    assert [r.url[-7:] for r in raws] == [f"{99000 + n}v1" for n in range(7)]
    assert source.position == "2025-05-01T00:00:00Z"


def test_the_list_ends_at_the_first_older_entry():
    entries = [entry(n, f"2025-05-{20 - n:02}T00:00:00Z") for n in range(9)]
    site = Site(entries)
    source, raws = listed(site, since="2025-05-17", size=2)
    assert len(raws) == 4
    assert site.asked == [0, 2, 4]
    assert source.position == "2025-05-20T00:00:00Z"


def test_no_match_is_believed_when_it_is_a_feed():
    source, raws = listed(Site())
    assert raws == []
    assert source.position == ""


@pytest.mark.parametrize("total", [9, 0])
def test_an_empty_page_in_mid_list_is_not_the_end(total):
    site = Site([entry(n) for n in range(9)], pages={3: feed([], total)})
    source = Arxiv("all:kettle", site, page_size=3)
    with pytest.raises(FetchError, match=f"empty page at 3 of {total}"):
        list(source.fetch(""))
    assert source.position == ""


def test_a_list_that_shrinks_while_we_read_ends_well():
    site = Site([entry(n) for n in range(4)], total=5, pages={4: feed([], 4)})
    source, raws = listed(site, size=2)
    assert len(raws) == 4
    assert source.position


def test_an_entry_without_an_id_is_passed_on_and_refused():
    site = Site([entry(0), entry(1, id=False), entry(2), entry(3, id=False)])
    _, raws = listed(site, size=2)
    assert len(raws) == 4
    assert site.asked == [0, 2]
    with pytest.raises(ParseError, match="no <id>"):
        Arxiv.read(raws[1])


def test_an_error_entry_is_refused_with_its_reason_and_moves_no_cursor():
    source, raws = listed(Site(pages={0: ERROR}))
    with pytest.raises(ParseError, match="arXiv reports an error: the query is odd"):
        Arxiv.read(raws[0])
    assert source.position == ""


def test_a_date_no_one_can_read_spoils_only_its_own_entry():
    source, raws = listed(Site([entry(0, "yesterday"), entry(1)]))
    with pytest.raises(ParseError, match="<updated> is not a time: 'yesterday'"):
        Arxiv.read(raws[0])
    assert Arxiv.read(raws[1]).title == "Kettle 1"
    assert source.position == "2025-05-01T00:00:00Z"


def test_a_change_in_the_servers_future_moves_no_cursor():
    source, _ = listed(Site([entry(0, "2099-01-01T00:00:00Z"), entry(1)]))
    assert source.position == "2025-05-01T00:00:00Z"


def test_a_query_that_matches_too_much_says_so(monkeypatch):
    monkeypatch.setattr(arxiv, "_MOST", 4)
    source = Arxiv("all:kettle", Site([entry(n) for n in range(9)]), page_size=2)
    raws = source.fetch("")
    assert len([next(raws) for _ in range(4)]) == 4
    with pytest.raises(ParseError, match="narrow the query"):
        next(raws)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "blank page"),
        (b" \n", "blank page"),
        (b"<html><body>Too many requests</body></html>", "its root is <html>"),
        (b"<!DOCTYPE html><html></html>", "document type"),
        (b'{"error": "busy"}', "not an Atom feed"),
        (b"<feed></feed>", "its root is <feed>"),
        (b'<?xml version="1.0" encoding="latin-1"?>' + feed([], 0), "encoded as"),
        (feed([], 5), "empty page at 0 of 5"),
        (b"\xff\xfe" + PAGE, "not an Atom feed"),
        (PAGE.replace(b"pancake", b"p\xe4ncake"), "not an Atom feed"),
        (HEAD.encode() + b"<a>" * 300 + b"</a>" * 300 + b"</feed>", "nested too deeply"),
    ],
)
def test_a_page_that_is_no_feed_is_known(body, fault):
    assert fault in arxiv.page_fault(body, 0)


def test_a_page_torn_at_any_byte_is_known():
    whole = PAGE.rstrip()
    assert arxiv.page_fault(whole, 0) == ""
    torn = [n for n in range(len(whole)) if not arxiv.page_fault(whole[:n], 0)]
    assert torn == []


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE feed [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE feed SYSTEM "http://127.0.0.1/x.dtd">',
    ],
)
def test_a_document_type_is_refused(declaration):
    body = declaration.encode() + PAGE.split(b"?>", 1)[1]
    assert "document type" in arxiv.page_fault(body, 0)
    with pytest.raises(ParseError, match="not XML"):
        Arxiv.read(raw(body))


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("", "no Atom entry"),
        ("<entry><id>http://arxiv.org/abs/nonsense</id></entry>", "not a valid arXiv identifier"),
        ("<entry><id>http://arxiv.org/abs/2502.99901v1</id></entry>", "no <title>"),
        (
            "<entry><id>http://arxiv.org/abs/2502.99901v1</id><title>T</title></entry>",
            "<published> is not a time",
        ),
    ],
)
def test_an_entry_that_lacks_what_we_need_is_refused(xml, reason):
    with pytest.raises(ParseError, match=reason):
        Arxiv.read(wrap(xml))


def test_hostile_text_arrives_as_plain_text():
    title = "Kettle &lt;script&gt;\u202e &#x7f;{{7*7}}"
    xml = entry(1).replace("Kettle 1", title)
    assert Arxiv.read(wrap(xml)).title == "Kettle <script> {{7*7}}"


# -- over a real connection ------------------------------------------------------------------


def pages(*starts):
    entries = [entry(n) for n in range(6)]
    return [(200, {}, feed(entries[start : start + 2], 6)) for start in starts]


def test_a_list_is_read_through_all_that_arxiv_does_when_it_is_busy(server, connect, clock):
    first, second, third = pages(0, 2, 4)
    busy = [
        (429, {"Retry-After": "9"}, b""),
        (200, {}, b"<!DOCTYPE html><html><body>Rate exceeded.</body></html>"),
        (503, {}, b"<html></html>"),
    ]
    empty = (200, {}, feed([], 6))
    server.answers = [busy[0], first, busy[1], empty, second, busy[2], (200, {}, b""), third]
    source = Arxiv("all:kettle", over(connect(gap=3.0, backoff=5.0), server), page_size=2)
    assert len(list(source.fetch(""))) == 6
    assert source.position
    assert [path.partition("start=")[2][0] for path, _ in server.asked] == list("00222444")
    assert all(pause >= 3.0 for pause in clock.slept)


def test_a_page_that_stays_empty_breaks_the_listing_off(server, connect):
    server.answers = [*pages(0), (200, {}, feed([], 6))]
    source = Arxiv("all:kettle", over(connect(retries=2), server), page_size=2)
    seen = []
    with pytest.raises(FetchError, match="empty page at 2 of 6, 3 times") as caught:
        seen.extend(source.fetch(""))
    assert len(seen) == 2
    assert source.position == ""
    assert not caught.value.is_host_wide


def test_a_torn_page_is_asked_for_again(server, connect):
    whole = feed([entry(0)], 1)
    server.answers = [(200, {}, whole[:-20]), (200, {}, whole)]
    source = Arxiv("all:kettle", over(connect(), server))
    assert len(list(source.fetch(""))) == 1


RECORDED = sorted(WIRE.glob("*_s*_m*.json"))


@pytest.mark.skipif(not RECORDED, reason="no recorded answers of arXiv beside this checkout")
def test_every_recorded_answer_of_arxiv_is_read():
    works = 0
    for path in RECORDED:
        recorded = json.loads(path.read_text())
        body = recorded["body"].encode()
        start = int(parse_qs(urlsplit(recorded["url"]).query)["start"][0])
        assert arxiv.page_fault(body, start) == ""
        page = arxiv._split(body)
        assert len(page.spans) == body.count(b"<entry>")
        for begin, end in page.spans:
            kept = raw(arxiv._HEAD + body[begin:end] + arxiv._TAIL)
            if recorded["status_code"] == 400:
                with pytest.raises(ParseError, match="arXiv reports an error"):
                    Arxiv.read(kept)
                continue
            draft = Arxiv.read(kept)
            assert draft.title
            assert draft.authors
            assert draft.manifestations[0].version >= 1
            assert draft.first_public <= draft.manifestations[0].valid
            works += 1
    assert works > 150
