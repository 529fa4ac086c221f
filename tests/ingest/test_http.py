import gzip
import socket
import time
import tracemalloc

import pytest

from ingest import http
from ingest.errors import FetchError, ParseError


def anything(_body):
    return ""


def test_a_body_comes_back_as_it_is(server, connect):
    assert connect().fetch(server.url, anything) == b"fine"


def test_we_say_who_we_are_and_whom_to_write_to(server, connect):
    connect(contact="ada@example.org").fetch(server.url, anything)
    agent = server.asked[0][1]["User-Agent"]
    assert agent.startswith("dissensus/")
    assert "ada@example.org" in agent


def test_cookies_are_not_kept(server, connect):
    server.answers = [(200, {"Set-Cookie": "who=you"}, b"fine")]
    session = connect()
    for _ in range(2):
        session.fetch(server.url, anything)
    assert "Cookie" not in server.asked[1][1]


def test_requests_to_one_host_keep_their_distance(server, connect, clock):
    session = connect(gap=3.0)
    for _ in range(3):
        session.fetch(server.url, anything)
    assert clock.slept == [3.0, 3.0]


def test_time_that_passed_anyway_is_not_waited_again(server, connect, clock):
    session = connect(gap=3.0)
    session.fetch(server.url, anything)
    clock.now += 2.0
    session.fetch(server.url, anything)
    assert clock.slept == [1.0]


def test_retry_after_in_seconds_is_kept(server, connect, clock):
    server.answers = [(429, {"Retry-After": "17"}, b""), (200, {}, b"fine")]
    assert connect().fetch(server.url, anything) == b"fine"
    assert clock.slept == [17.0]


def test_retry_after_as_a_date_is_measured_by_the_servers_clock():
    headers = {
        "Retry-After": "Wed, 21 Oct 2015 07:29:30 GMT",
        "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
    }
    assert http.retry_after(headers) == 90.0


@pytest.mark.parametrize("text", ["", "soon", "-5", "1e9", "²"])
def test_a_retry_after_that_says_nothing_is_ignored(text):
    assert http.retry_after({"Retry-After": text}) is None


def test_a_wait_beyond_the_budget_is_deferred_at_once(server, connect, clock):
    server.answers = [(429, {"Retry-After": "86400"}, b"")]
    with pytest.raises(FetchError, match=r"429.*86400 s") as caught:
        connect().fetch(server.url, anything)
    assert caught.value.is_host_wide
    assert caught.value.exit_code == 8
    assert clock.slept == []
    assert len(server.asked) == 1


def test_a_storm_of_503_ends_after_growing_waits(server, connect, clock):
    server.answers = [(503, {}, b"")]
    with pytest.raises(FetchError, match=r"503, 5 times"):
        connect(retries=4, backoff=5.0).fetch(server.url, anything)
    assert clock.slept == [5.0, 10.0, 20.0, 40.0]
    assert len(server.asked) == 5


def test_a_storm_that_passes_is_survived(server, connect):
    server.answers = [(503, {}, b""), (500, {}, b""), (429, {}, b""), (200, {}, b"fine")]
    assert connect().fetch(server.url, anything) == b"fine"


def test_a_page_that_is_not_what_we_asked_for_is_asked_for_again(server, connect):
    server.answers = [(200, {}, b"<html>busy</html>"), (200, {}, b""), (200, {}, b"fine")]
    check = lambda body: "" if body == b"fine" else "not fine"  # noqa: E731 - two words long
    assert connect().fetch(server.url, check) == b"fine"
    assert len(server.asked) == 3


def test_a_page_that_stays_wrong_is_given_up(server, connect):
    server.answers = [(200, {}, b"<html>busy</html>")]
    with pytest.raises(FetchError, match="not fine, 3 times") as caught:
        connect(retries=2).fetch(server.url, lambda _: "not fine")
    assert not caught.value.is_host_wide


def test_a_request_that_is_refused_is_not_repeated(server, connect):
    server.answers = [(400, {}, b"<p>the query\n is <b>odd</b></p>")]
    with pytest.raises(ParseError, match="HTTP 400, which says: the query is odd") as caught:
        connect().fetch(server.url, anything)
    assert caught.value.exit_code == 9
    assert len(server.asked) == 1


def test_a_redirect_on_the_list_is_followed(server, connect):
    server.answers = [(301, {"Location": "/moved"}, b""), (200, {}, b"fine")]
    assert connect().fetch(server.url, anything) == b"fine"
    assert [path for path, _ in server.asked] == ["/list", "/moved"]


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost/",
        "http://127.0.0.2/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "https://127.0.0.1.example.org/",
        "//example.org/x",
        "file:///etc/passwd",
        "http://127.0.0.1@example.org/",
        "http://[bad/",
    ],
)
def test_a_redirect_off_the_list_is_refused(server, connect, target):
    server.answers = [(302, {"Location": target}, b"")]
    with pytest.raises(ParseError):
        connect(retries=0).fetch(server.url, anything)
    assert len(server.asked) == 1


def test_redirects_in_a_circle_end(server, connect):
    server.answers = [(302, {"Location": "/list"}, b"")]
    with pytest.raises(ParseError, match="too many redirects"):
        connect().fetch(server.url, anything)


def test_a_session_given_away_follows_nothing(server, connect):
    server.answers = [(302, {"Location": "http://example.org/"}, b"")]
    assert connect().get(server.url).status_code == 302


def test_only_gets_leave(server, connect):
    with pytest.raises(ParseError, match="POST"):
        connect().post(server.url, data=b"x")
    assert server.asked == []


def test_a_public_session_speaks_only_https(server, connect):
    with pytest.raises(ParseError, match="https"):
        connect(private=False).fetch(server.url, anything)
    assert server.asked == []


def test_a_listed_name_that_leads_to_this_machine_is_refused_before_anything_is_sent(
    server, connect, monkeypatch
):
    session = connect(private=False, hosts=["example.org"])
    monkeypatch.setattr(session, "_admit", lambda _url: "example.org")  # let plain http by
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _host, *more, **kw: real("127.0.0.1", *more, **kw)
    )
    with pytest.raises(ParseError, match="not public"):
        session.fetch(f"http://example.org:{server.server_port}/", anything)
    assert server.asked == []


def test_an_answer_that_is_too_large_is_cut_off(server, connect):
    server.answers = [(200, {}, b"x" * 20_001)]
    with pytest.raises(ParseError, match="20,000 bytes on the wire"):
        connect(wire=20_000).fetch(server.url, anything)


def test_a_compressed_answer_is_inflated(server, connect):
    server.answers = [(200, {"Content-Encoding": "gzip"}, gzip.compress(b"fine" * 9000))]
    assert connect().fetch(server.url, anything) == b"fine" * 9000


def test_a_bomb_is_stopped_before_it_fills_the_memory(server, connect):
    bomb = gzip.compress(bytes(200_000_000), 9)
    server.answers = [(200, {"Content-Encoding": "gzip"}, bomb)]
    tracemalloc.start()
    with pytest.raises(ParseError, match="inflated"):
        connect().fetch(server.url, anything)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Encoding": "gzip"}, gzip.compress(b"fine" * 9000)[:-30]),
        (200, {"Content-Encoding": "gzip"}, b"not gzip at all"),
        (200, {"Content-Length": "4000"}, b"torn"),
    ],
)
def test_a_torn_answer_is_not_taken_for_whole(server, connect, answer):
    def torn(handler):
        status, headers, body = answer
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    server.answers = [torn]
    with pytest.raises(FetchError, match="connection failed"):
        connect(retries=1).fetch(server.url, anything)
    assert len(server.asked) == 2


def test_a_byte_at_a_time_meets_the_deadline(server, connect):
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    server.answers = [drip]
    begun = time.monotonic()
    with pytest.raises(FetchError, match=r"no whole answer within 0.3 s"):
        connect(total=0.3, retries=0).fetch(server.url, anything)
    assert time.monotonic() - begun < 5


def test_headers_a_byte_at_a_time_meet_the_deadline_too(server, connect):
    def drip(handler):
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.05)

    server.answers = [drip]
    begun = time.monotonic()
    with pytest.raises(FetchError, match=r"no whole answer within 0.3 s"):
        connect(total=0.3, retries=0).fetch(server.url, anything)
    assert time.monotonic() - begun < 5


def test_silence_meets_the_deadline(server, connect):
    server.answers = [lambda _handler: time.sleep(0.6)]
    with pytest.raises(FetchError, match="no answer in time"):
        connect(read=0.2, retries=0).fetch(server.url, anything)


def test_a_closed_port_is_tried_again_and_then_deferred(connect, clock):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(FetchError, match="connection failed"):
        connect(retries=2, backoff=1.0).fetch(url, anything)
    assert clock.slept == [1.0, 2.0]


def test_a_name_that_does_not_resolve_is_deferred(connect, monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    session = connect(private=False, hosts=["export.arxiv.org"], retries=1)
    with pytest.raises(FetchError, match="connection failed") as caught:
        session.fetch("https://export.arxiv.org/api/query", anything)
    assert caught.value.is_host_wide
