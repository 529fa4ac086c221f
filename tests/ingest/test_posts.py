import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import FetchError, ParseError
from ingest.records import Raw
from ingest.sources import posts
from ingest.sources.posts import Posts
from kb import content
from kb.schema import FeedEntry
from kb.vocabulary import CoverageKind

FIXTURES = Path(__file__).parents[1] / "fixtures/feeds"
ATOM, RSS, RSS1 = ((FIXTURES / name).read_bytes() for name in ("atom.xml", "rss.xml", "rss1.xml"))
NOW = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
ENTRY = FeedEntry(id="kettle", url="https://kettle.example/atom.xml", publisher="The Kettle Log")


def serve(body):
    """Refuses a page as the real session would, and notes how it was asked."""

    def fetch(url, check, *, headers=None, json=None, keep=False):
        fetch.asked.append((url, keep))
        if fault := check(body):
            raise FetchError("kettle.example", url, fault)
        return body

    fetch.asked = []
    return fetch


def listed(body, entry=ENTRY):
    return list(Posts(entry, serve(body)).fetch())


def atom(entries, more=""):
    return f'<feed xmlns="http://www.w3.org/2005/Atom"{more}>{entries}</feed>'.encode()


def item(title="Tea", link="https://tea.example/1", date="Wed, 01 May 2030 10:00:00 GMT", more=""):
    return f"<item><title>{title}</title><link>{link}</link><pubDate>{date}</pubDate>{more}</item>"


def rss(*items, more=""):
    return f"<rss><channel>{''.join(items)}{more}</channel></rss>".encode()


def read(raw):
    late = Raw(raw.source, raw.url, NOW, raw.body)
    return posts.read(ENTRY, late)


def only(body):
    (raw,) = listed(body)
    return read(raw)


def refusal(body):
    with pytest.raises(ParseError) as caught:
        only(body)
    return caught.value.reason


def test_an_atom_entry_becomes_coverage():
    raws = listed(ATOM)
    assert [raw.source for raw in raws] == ["posts:kettle"] * 3
    post = read(raws[0])
    assert post.id == "url:https://kettle.example/posts/remember#top"
    assert post.kind is CoverageKind.post
    assert post.title == "Why kettles remember & forget"
    assert post.publisher == "The Kettle Log"
    assert post.valid == "2030-05-02"
    assert post.authors == ("Ada B. Example", "José Sample")
    assert post.about == (
        "arxiv:3001.00001",
        "arxiv:3001.00002",
        "openreview:Kettle_123",
        "doi:10.5555/kettle.2030",
    )


def test_elements_in_content_are_read_like_text():
    post = read(listed(ATOM)[1])
    assert (post.title, post.valid, post.about) == (
        "On n < m cups",
        "2030-04",
        ("arxiv:3001.00002",),
    )


def test_an_rss_item_becomes_coverage():
    first, second, third = map(read, listed(RSS))
    assert (first.title, first.authors) == ("Dough – a love story", ("Carl Demo",))
    assert (first.valid, first.about) == ("2030-05-01", ("arxiv:3001.00001",))
    assert (second.authors, second.valid) == (("Eve Sample",), "2030-04-01")
    assert third.id == "url:https://tea.example/2030/03/only/"
    assert third.authors == ()  # an address is no name
    assert third.valid == "2030-03-31"


def test_an_rss_1_item_becomes_coverage():
    post = only(RSS1)
    assert (post.id, post.valid) == ("url:https://pot.example/steam", "2030-03-01")
    assert (post.authors, post.about) == (("Ada B. Example",), ("doi:10.5555/steam.1",))


def test_a_feed_is_asked_only_whether_it_changed():
    fetch = serve(RSS)
    list(Posts(ENTRY, fetch).fetch())
    assert fetch.asked == [("https://kettle.example/atom.xml", True)]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "blank page"),
        (b" \n", "blank page"),
        (b"<!DOCTYPE html><html><body>Sorry</body></html>", "not a feed: it declares a document"),
        (b"<html><body>Sorry</body></html>", "not a feed: its root is <html>"),
        (b'{"error": "no"}', "not a feed"),
        (b'<!DOCTYPE rss [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><rss>&b;</rss>', "document type"),
        (b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><rss><channel/></rss>', "document type"),
        (b"<rss><channel><item>&nbsp;</item></channel></rss>", "undefined entity"),
        (b'<?xml version="1.0" encoding="utf-7"?><rss/>', "encoded as 'utf-7'"),
        (b'<?xml version="1.0" encoding="no-such"?><rss/>', "encoded as 'no-such'"),
        (b"\xff\xfe<\x00r\x00s\x00s\x00/\x00>\x00", "not utf-8"),
        (b"<rss><channel>\xe9</channel></rss>", "not utf-8"),
        (b"<rss>" + b"<a>" * 300 + b"</a>" * 300 + b"</rss>", "nested too deeply"),
    ],
)
def test_what_is_no_feed_is_not_believed(body, fault):
    assert fault in posts.page_fault(body)
    with pytest.raises(FetchError):
        listed(body)


def test_a_feed_is_read_over_the_wire_and_an_error_page_asked_again(server, connect):
    page = (200, {}, b"<html><body>Busy</body></html>")
    server.answers = [page, (200, {"Content-Type": "text/html"}, RSS)]
    entry = ENTRY.model_copy(update={"url": server.url})
    assert len(list(Posts(entry, connect().fetch).fetch())) == 3
    server.answers = [page]
    with pytest.raises(FetchError, match="its root is <html>"):
        list(Posts(entry, connect().fetch).fetch())


def test_a_feed_without_entries_is_a_feed():
    assert listed(atom("")) == listed(rss()) == []


@pytest.mark.parametrize("feed", [ATOM, RSS, RSS1], ids=["atom", "rss", "rss1"])
def test_a_feed_that_breaks_off_anywhere_is_not_believed(feed):
    body = feed.rstrip()
    assert not posts.page_fault(body)
    assert all(posts.page_fault(body[:end]) for end in range(len(body)))


def test_an_entry_keeps_its_digest_when_the_feed_around_it_changes():
    before = listed(ATOM)[1]
    changed = ATOM.replace(
        b'xmlns:media="http://search.yahoo.com/mrss/"', b'xmlns:new="https://new.example/"'
    ).replace(b"The Kettle Log", b"The Kettle")
    assert listed(changed)[1].digest == before.digest


def test_the_bytes_of_an_entry_are_kept_as_they_came():
    for raw, xml in zip(listed(RSS), RSS.split(b"<item>")[1:], strict=True):
        assert b"<item>" + xml.split(b"</item>")[0] + b"</item>" in raw.body


def test_a_prefix_that_the_feed_declares_is_known_in_the_entry():
    body = (
        b'<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:entry><a:title>Tea</a:title>'
        b'<a:link href="https://tea.example/1"/><a:updated>2030-05-01</a:updated></a:entry></a:feed>'
    )
    assert only(body).title == "Tea"


def test_a_declared_encoding_is_read():
    head = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    assert only((head + rss(item("Thé")).decode()).encode("latin-1")).title == "Thé"
    assert only(b"\xef\xbb\xbf" + rss(item("Thé"))).title == "Thé"


def test_a_control_character_does_not_lose_the_feed():
    assert only(rss(item("T\x0cea"))).title == "Tea"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (rss("<item><title>Tea</title></item>"), "entry has no link to a post"),
        (rss(item(link="javascript:alert(1)")), "link is not a web address"),
        (rss(item(link="https://user:word@tea.example/1")), "link is not a web address"),
        (rss(item(link="https://tea.example:port/")), "link is not a web address"),
        (rss(item(link="https://[/")), "link is not a web address"),
        (rss(item(title="")), "entry has no title"),
        (rss(item(date="")), "entry has no date"),
        (rss(item(date="yesterday")), "date cannot be read: 'yesterday'"),
        (rss(item(date="2030-02-31")), "date cannot be read"),
        (rss(item(date="Wed, 01 May 1870 10:00:00 GMT")), "date cannot be right"),
        (rss(item(date="Wed, 01 May 2999 10:00:00 GMT")), "date cannot be right"),
        (rss(item(more=f"<description>{'&lt;i&gt;' * 999}</description>")), "HTML nested too"),
        (rss("<item a='>'/>"), "not an entry of a feed"),
    ],
)
def test_an_entry_that_cannot_be_right_is_refused_with_the_reason(body, reason):
    assert reason in refusal(body)


def test_the_other_entries_of_a_feed_with_a_wrong_one_are_read():
    good, bad = listed(rss(item(), item(date="soon")))
    assert read(good).title == "Tea"
    with pytest.raises(ParseError):
        read(bad)


def test_a_link_is_resolved_against_the_bases_of_the_feed():
    entry = (
        '<entry xml:base="may/"><title>Tea</title><link href="1"/>'
        "<updated>2030-05-01</updated></entry>"
    )
    assert only(atom(entry)).url == "https://kettle.example/may/1"
    based = ' xml:base="https://tea.example/2030/"'
    assert only(atom(entry, based)).url == "https://tea.example/2030/may/1"


def test_a_page_is_one_post_however_its_address_is_spelled():
    plain = only(rss(item(link="https://tea.example/1")))
    other = only(rss(item(link="http://TEA.example:80/1?utm_medium=rss")))
    assert plain.id == other.id
    assert other.url == "http://tea.example/1"


def test_a_reference_to_a_control_character_is_read():
    html = "&lt;a href='https://arxiv.org/abs/3001.00001'&gt;&amp;#1;&amp;#xD800;&lt;/a&gt;"
    assert only(rss(item(more=f"<description>{html}</description>"))).about == ("arxiv:3001.00001",)


def test_an_encoding_with_an_impossible_name_is_refused():
    assert "encoded as" in posts.page_fault(b'<?xml version="1.0" encoding="utf\x008"?><rss/>')


def test_a_long_title_is_cut():
    assert len(only(rss(item(title="tea " * 1000))).title) == 500


def test_a_post_names_at_most_some_dozens_of_works():
    names = " ".join(f"arXiv:3001.{number:05}" for number in range(1, 200))
    about = only(rss(item(more=f"<description>{names}</description>"))).about
    assert (len(about), about[0], about[-1]) == (50, "arxiv:3001.00001", "arxiv:3001.00050")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://arxiv.org/abs/2501.00001v3.", ("arxiv:2501.00001",)),
        ("https://ar5iv.labs.arxiv.org/html/2501.00001/", ("arxiv:2501.00001",)),
        ("https://arxiv.org/list/cs.LG/2501", ()),
        ("https://notarxiv.org/abs/2501.00001", ()),
        ("https://arxiv.org.evil.example/abs/2501.00001", ()),
        ("2501.00001 or 10.1000/x alone", ()),
        ("https://doi.org/10.48550/arXiv.2501.00001", ("arxiv:2501.00001",)),
        ("https://openreview.net/group?id=tea.example/2030", ()),
        ("https://[bad", ()),
        ("ARXIV: 2501.00001, arxiv:2501.00001", ("arxiv:2501.00001",)),
    ],
)
def test_only_what_names_a_work_is_taken_for_a_name(text, found):
    assert posts.named(text) == found


def test_of_a_broad_feed_only_posts_that_name_a_work_or_a_word_are_kept():
    picky = ENTRY.model_copy(update={"any_of": ["benign over", "memor"]})
    assert [raw.url.rsplit("/", 2)[1] for raw in listed(RSS, picky)] == ["dough", "only"]
    inside = ENTRY.model_copy(update={"any_of": ["eaves"]})
    assert len(listed(RSS, inside)) == 1  # "Leaves" does not begin with it


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_date_is_a_date_or_refused(text):
    try:
        found = posts.day(text, NOW)
    except ValueError as error:
        assert "date cannot" in str(error)
    else:
        assert found[:4].isdigit()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_feed_is_read_or_refused(data):
    body = bytearray(data.draw(st.sampled_from([ATOM, RSS, RSS1])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    try:
        raws = listed(bytes(body))
    except FetchError:
        return
    for raw in raws:
        try:
            assert read(raw).id.startswith("url:https://")
        except ParseError as error:
            assert error.reason


def test_each_configured_feed_has_a_reader_and_the_enabled_ones_an_errand():
    config = content.load().sources.model_copy(
        update={"posts": [ENTRY, ENTRY.model_copy(update={"id": "off", "enabled": False})]}
    )
    assert list(posts.readers(config)) == ["posts:kettle", "posts:off"]
    (errand,) = posts.errands(config)
    assert errand.hosts == {"kettle.example": 5.0}
    assert errand.make(serve(RSS)).name == "posts:kettle"


def test_the_feeds_of_the_debate_can_be_asked():
    errands = posts.errands(content.load().sources)
    assert len({errand.name for errand in errands}) == len(errands) > 0
    assert all(host for errand in errands for host in errand.hosts)
