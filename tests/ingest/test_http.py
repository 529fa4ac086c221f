import datetime as dt
import email.utils
import gzip
import ipaddress
import itertools
import json
import queue
import random
import runpy
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

from ingest import http
from ingest.errors import BlockedError, FetchError, ParseError
from kb.errors import ConfigError

HERE = Path(__file__).parent
SECRET = "kettle-key-73"  # what must never be printed


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
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
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


def bomb(size, filler=b""):
    """A gzip member of `size` zero bytes; before each MB, `filler` to worsen the ratio."""
    pack = zlib.compressobj(9, wbits=31)
    start = pack.compress(b"") + pack.flush(zlib.Z_FULL_FLUSH)
    # Flushed in full, a block does not refer to what was before: one will do for all.
    block = pack.compress(filler + bytes(1_000_000)) + pack.flush(zlib.Z_FULL_FLUSH)
    return start + block * (size // 1_000_000) + pack.flush()


EATER = """
import re, sys
from pathlib import Path
from ingest import http
from ingest.errors import ParseError

def peak():  # not getrusage: its figure begins with what the parent process had
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

session = http.Session({"127.0.0.1": 0.0}, private=True)
session.fetch(sys.argv[1], lambda body: "")
before = peak()
try:
    session.fetch(sys.argv[1], lambda body: "")
except ParseError as error:
    print(peak() - before, error.reason)
"""


@pytest.mark.parametrize(
    ("filler", "limit"),
    [
        (b"", "a bomb's ratio"),
        # Random bytes: 15 kB in a MB is a ratio of 60, so that only the size stops it.
        (random.Random(1).randbytes(15_000), "above 100,000,000 bytes inflated"),
    ],
)
def test_a_gigabyte_of_zeros_is_stopped_before_it_fills_the_memory(server, filler, limit):
    packed = {"Content-Encoding": "gzip"}
    server.answers = [(200, {}, b"fine"), (200, packed, bomb(1_000_000_000, filler))]
    done = subprocess.run(
        [sys.executable, "-c", EATER, server.url],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    more, _, reason = done.stdout.partition(" ")
    assert limit in reason
    assert int(more) < 150_000  # kB


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


def drip(handler, text, pause=0.05):
    """Send a byte at a time, for as long as anyone listens."""
    for byte in text:
        handler.wfile.write(bytes([byte]))
        time.sleep(pause)
    handler.server.asked.append("dripped to the end")


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000,
        HEAD + b"X-Long: " + b"x" * 1000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200,
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(1_000_000)),
    ],
    ids=["body", "headers", "chunks", "gzip"],
)
def test_a_byte_at_a_time_meets_the_deadline(server, connect, text):
    server.answers = [lambda handler: drip(handler, text)]
    with pytest.raises(FetchError, match=r"no whole answer within 0.5 s"):
        connect(total=0.5, retries=0).fetch(server.url, anything)
    assert "dripped to the end" not in server.asked


def test_a_byte_a_second_meets_the_deadline(server, connect):
    server.answers = [lambda handler: drip(handler, HEAD + b"\r\n" + b"x" * 20, pause=1.0)]
    with pytest.raises(FetchError, match=r"no whole answer within 2.5 s"):
        connect(total=2.5, retries=0).fetch(server.url, anything)
    assert "dripped to the end" not in server.asked


def test_a_handshake_a_byte_at_a_time_meets_the_deadline(connect):
    heard = []

    def drip_a_record(door):
        line, _ = door.accept()
        with line:
            heard.append(line.recv(5)[:1])
            line.sendall(b"\x16\x03\x03\x40\x00")  # 16 kB of handshake, it says
            try:
                for _ in range(400):
                    line.sendall(b"\x02")
                    time.sleep(0.05)
            except OSError:
                heard.append("hung up")

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=drip_a_record, args=(door,))
        thread.start()
        session = connect(total=0.5, retries=0, connect=30.0, read=30.0)
        with pytest.raises(FetchError, match=r"no whole answer within 0.5 s"):
            session.fetch(f"https://127.0.0.1:{door.getsockname()[1]}/", anything)
        thread.join()
    assert heard == [b"\x16", "hung up"]


def test_silence_meets_the_deadline(server, connect):
    server.answers = [lambda _handler: time.sleep(0.6)]
    with pytest.raises(FetchError, match="no answer in time"):
        connect(read=0.2, retries=0).fetch(server.url, anything)


def test_a_closed_port_is_tried_again_and_then_deferred(connect, clock):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(FetchError, match="no connection can be made"):
        connect(retries=2, backoff=1.0).fetch(url, anything)
    assert clock.slept == [1.0, 2.0]


def test_a_name_that_does_not_resolve_is_deferred(connect, monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    session = connect(private=False, hosts=["export.arxiv.org"], retries=1)
    with pytest.raises(FetchError, match="its name cannot be looked up") as caught:
        session.fetch("https://export.arxiv.org/api/query", anything)
    assert caught.value.is_host_wide


def test_a_resolver_that_comes_back_is_asked_again(server, connect, monkeypatch):
    real = socket.getaddrinfo
    failures = [socket.EAI_AGAIN, socket.EAI_AGAIN]

    def unsteady(_host, *more, **kw):
        if failures:
            raise socket.gaierror(failures.pop(), "Temporary failure in name resolution")
        return real("127.0.0.1", *more, **kw)

    monkeypatch.setattr(socket, "getaddrinfo", unsteady)
    session = connect(hosts=["kettle.example.org"], retries=2)
    url = f"http://kettle.example.org:{server.server_port}/"
    assert session.fetch(url, anything) == b"fine"
    assert session.tally.requests == 3


def test_a_resolver_slower_than_the_deadline_leaves_nothing_sent(server, connect, monkeypatch):
    real = socket.getaddrinfo

    def slow(_host, *more, **kw):
        time.sleep(0.6)
        return real("127.0.0.1", *more, **kw)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(FetchError, match=r"no whole answer within 0.2 s"):
        connect(total=0.2, retries=0).fetch(server.url, anything)
    assert server.asked == []


# -- what is sent ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "contact",
    ["Ada B. Example <ada@example.org>", "x\r\nX-Evil: 1", "(((", "tea ☕ 茶", "\\", "  "],
)
def test_any_contact_gives_a_sound_user_agent(server, connect, contact):
    connect(contact=contact).fetch(server.url, anything)
    headers = server.asked[0][1]
    agent = headers["User-Agent"]
    assert agent.startswith("dissensus/")
    assert agent.count("(") == agent.count(")") == 1
    assert agent.endswith(")")
    assert agent.isascii()
    assert "X-Evil" not in headers


def test_without_a_contact_none_is_named():
    assert ";" not in http.user_agent("")


def test_headers_are_sent(server, connect):
    connect().fetch(server.url, anything, headers={"Authorization": f"Bearer {SECRET}"})
    assert server.asked[0][1]["Authorization"] == f"Bearer {SECRET}"


def test_json_is_posted(server, connect):
    order = {"id": "ada@example.org", "password": SECRET}
    assert connect().fetch(server.url, anything, json=order) == b"fine"
    ((kind, body),) = server.posted
    assert kind == "application/json"
    assert json.loads(body) == order


def test_a_post_is_paced_and_repeated_like_anything_else(server, connect, clock):
    server.answers = [(503, {}, b""), (200, {}, b"fine")]
    session = connect(gap=3.0, backoff=1.0)
    session.fetch(server.url, anything, json={"a": "b"})
    assert len(server.posted) == 2
    assert sum(clock.slept) == 3.0


def test_a_post_keeps_to_the_list(server, connect):
    with pytest.raises(ParseError, match="not on the list"):
        connect().fetch("https://example.org/login", anything, json={"a": "b"})


def test_json_of_any_depth_is_posted(server, connect):
    order = {"model": "m", "messages": [{"role": "user", "content": "a\n\u202eb"}]}
    connect().fetch(server.url, anything, json=order)
    assert json.loads(server.posted[0][1]) == order


def test_what_a_nested_json_error_says_is_told(server, connect):
    server.answers = [(404, {}, b'{"error": {"message": "no such model", "code": 7}}')]
    with pytest.raises(ParseError, match=r"HTTP 404, which says: no such model \("):
        connect().fetch(server.url, anything, json={"model": "m"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_after_a_post_is_refused(server, connect, status):
    server.answers = [(status, {"Location": "/elsewhere"}, b"")]
    with pytest.raises(ParseError, match="a redirect where we sent something"):
        connect().fetch(server.url, anything, json={"password": SECRET})
    assert len(server.asked) == 1


def test_headers_do_not_follow_to_another_host_nor_come_back(server, connect):
    base = server.url.removesuffix("/list")
    session = connect(
        hosts=["a.example.org", "b.example.org"],
        via={"a.example.org": base, "b.example.org": base},
    )
    server.answers = [
        (302, {"Location": "/same"}, b""),
        (302, {"Location": "https://b.example.org/other"}, b""),
        (302, {"Location": "https://a.example.org/back"}, b""),
        (200, {}, b"fine"),
    ]
    session.fetch("https://a.example.org/list", anything, headers={"Authorization": SECRET})
    sent = [(h["Host"], path, h.get("Authorization")) for path, h in server.asked]
    assert sent == [
        ("a.example.org", "/list", SECRET),
        ("a.example.org", "/same", SECRET),
        ("b.example.org", "/other", None),
        ("a.example.org", "/back", None),
    ]


@pytest.mark.parametrize("headers", [{"X-Key": "tea"}, {}])
def test_headers_are_forgotten_after_the_request(server, connect, headers):
    session = connect()
    session.fetch(server.url, anything, headers={"X-Key": SECRET})
    session.fetch(server.url, anything, headers=headers)
    assert server.asked[1][1].get("X-Key") == headers.get("X-Key")


@pytest.mark.parametrize("value", [SECRET + "\n", SECRET + "\r\nX: y", SECRET + "é", " " + SECRET])
def test_a_header_that_cannot_be_sent_is_refused_unseen(server, connect, value):
    with pytest.raises(ConfigError, match="Authorization cannot be sent") as caught:
        connect().fetch(server.url, anything, headers={"Authorization": value})
    assert SECRET not in str(caught.value)
    assert server.asked == []


@pytest.mark.parametrize("name", ["Host", "user-agent", "Cookie", "Content-Length"])
def test_what_the_session_says_is_not_for_a_source_to_set(connect, name):
    with pytest.raises(ValueError, match="not for a source"):
        connect().fetch("http://127.0.0.1/", anything, headers={name: "x"})


@pytest.mark.parametrize("status", [400, 401, 403, 418, 429, 503])
@pytest.mark.parametrize(
    "page",
    [
        f"<p>no such key: {SECRET}</p>",
        f"<p>Bearer {SECRET}</p>",
        "x" * 280 + SECRET,
        "<i></i>" * 570 + SECRET,
        json.dumps({"name": SECRET, "message": f"unknown: {SECRET}"}),
        json.dumps([SECRET]),
    ],
)
@pytest.mark.parametrize("how", ["headers", "json"])
def test_a_credential_that_the_server_repeats_is_not_printed(server, connect, status, page, how):
    server.answers = [(status, {}, page.encode())]
    given = {"headers": {"Authorization": f"Bearer {SECRET}"}, "json": {"password": SECRET}}
    with pytest.raises((FetchError, ParseError)) as caught:
        connect(retries=0).fetch(server.url, anything, **{how: given[how]})
    assert "kettle" not in str(caught.value)


def test_a_credential_in_what_a_check_says_is_not_printed(server, connect):
    server.answers = [(200, {}, SECRET.encode())]
    with pytest.raises(FetchError, match="not a token: …") as caught:
        connect(retries=0).fetch(
            server.url, lambda body: f"not a token: {body.decode()}", json={"password": SECRET}
        )
    assert SECRET not in str(caught.value)


def test_a_password_in_an_address_is_refused_and_not_printed(server, connect):
    url = server.url.replace("//", f"//ada:{SECRET}@")
    with pytest.raises(ParseError) as caught:
        connect().fetch(url, anything)
    assert SECRET not in str(caught.value)
    assert server.asked == []


# -- who does not let us in -----------------------------------------------------------------

CHALLENGE = {
    "name": "ChallengeRequiredError",
    "message": "Prove that you are no kettle",
    "details": {"path": "/notes"},
}


@pytest.mark.parametrize(("status", "remedy"), [(401, "credentials"), (403, "left alone")])
def test_a_closed_door_is_blocked_and_not_knocked_at_again(server, connect, status, remedy):
    server.answers = [(status, {}, json.dumps(CHALLENGE).encode())]
    with pytest.raises(BlockedError) as caught:
        connect().fetch(server.url, anything)
    text = str(caught.value)
    assert f"HTTP {status}, which says: ChallengeRequiredError: Prove that you are no" in text
    assert "{" not in text
    assert remedy in text
    assert caught.value.is_host_wide
    assert caught.value.exit_code == 8
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"message": "no tea"}', "which says: no tea"),
        (b'{"name": 7, "message": "no tea"}', "which says: no tea"),
        (b'{"name": "E", "message": "a\\u001b[31m\\nb"}', r"which says: E: a \[31m b"),
        (b'{"message": {"deep": 1}}', "which says: {"),
        (b'{"message": ', "which says: {"),
        (b'{"a":' * 12_000, "HTTP 400"),
        (b"[" * 60_000, "HTTP 400"),
        (b"<h1>Go\n away</h1>", "which says: Go away"),
        (b"\xff\xfe", "HTTP 400"),
        (b"", r"HTTP 400 \("),
    ],
)
def test_what_a_refusal_says_is_one_plain_line(server, connect, body, told):
    server.answers = [(400, {}, body)]
    with pytest.raises(ParseError, match=told) as caught:
        connect().fetch(server.url, anything)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


# -- storms ---------------------------------------------------------------------------------

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def reset(after, date=NOON):
    """A 429 whose body says until when, by the server's clock."""
    until = (NOON + dt.timedelta(seconds=after)).isoformat().replace("+00:00", "Z")
    body = {"name": "RateLimitError", "message": "Slow down", "details": {"resetTime": until}}
    dated = {"Date": email.utils.format_datetime(date, usegmt=True)} if date else {}
    return (429, dated, json.dumps(body).encode())


def undated(answer):
    """The same without the Date that our test server adds to each answer."""

    def send(handler):
        status, headers, body = answer
        handler.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def test_a_reset_time_is_kept_by_the_servers_clock(server, connect, clock):
    server.answers = [undated(reset(42.5)), (200, {}, b"fine")]
    assert connect().fetch(server.url, anything) == b"fine"
    assert clock.slept == [42.5]


def test_a_reset_time_without_a_date_says_nothing(server, connect, clock):
    server.answers = [undated(reset(42.5, date=None)), (200, {}, b"fine")]
    connect(backoff=5.0).fetch(server.url, anything)
    assert clock.slept == [5.0]


def test_the_longest_of_all_waits_is_kept():
    _, headers, body = reset(30)
    assert http.retry_after({**headers, "Retry-After": "20"}, body) == 30.0
    assert http.retry_after({**headers, "Retry-After": "40"}, body) == 40.0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"details": null}',
        b'{"details": []}',
        b'{"details": {"resetTime": 5}}',
        b'{"details": {"resetTime": "soon"}}',
        b'{"details": {"resetTime": "99999-01-01T00:00:00Z"}}',
    ],
)
def test_a_body_without_a_reset_time_asks_for_nothing(body):
    assert http.retry_after({"Date": "Mon, 02 Mar 2026 12:00:00 GMT"}, body) is None


@pytest.mark.parametrize(
    "date",
    [
        "",
        "Mon, 02 Mar 99999999999999999999 12:00:00 GMT",
        "Mon, 99 Mar 2026 12:00:00 GMT",
        "Mon, 02 Mar 2026 12:00:00 +999999",
    ],
)
def test_a_date_that_is_none_is_ignored(date):
    headers = {"Retry-After": "Mon, 02 Mar 2026 13:00:00 GMT", "Date": date}
    assert http.retry_after(headers) is None
    assert http.retry_after({"Retry-After": date, "Date": headers["Retry-After"]}) is None


def test_a_reset_beyond_the_budget_says_until_when(server, connect, clock):
    server.answers = [undated(reset(3600))]
    with pytest.raises(FetchError, match="asked us to wait 3600 s more") as caught:
        connect().fetch(server.url, anything)
    assert caught.value.wait == 3600.0
    assert caught.value.is_host_wide
    assert clock.slept == []


def test_a_storm_without_a_word_leaves_the_wait_open(server, connect):
    server.answers = [(503, {}, b"")]
    with pytest.raises(FetchError) as caught:
        connect(retries=1).fetch(server.url, anything)
    assert caught.value.wait is None


@pytest.mark.parametrize("status", [429, 503])
def test_a_storm_that_asks_for_no_wait_meets_growing_ones(server, connect, clock, status):
    server.answers = [(status, {"Retry-After": "0"}, b"")]
    with pytest.raises(FetchError, match=f"{status}, 5 times"):
        connect(retries=4, backoff=5.0).fetch(server.url, anything)
    assert clock.slept == [5.0, 10.0, 20.0, 40.0]


def test_waits_that_add_up_to_the_budget_end_a_storm(server, connect, clock):
    server.answers = [(429, {"Retry-After": "100"}, b"")]
    with pytest.raises(FetchError, match="asked us to wait 100 s more") as caught:
        connect(retries=9, budget=300.0).fetch(server.url, anything)
    assert clock.slept == [100.0, 100.0, 100.0]
    assert caught.value.wait == 100.0


# -- pace -----------------------------------------------------------------------------------


def test_retries_and_redirects_keep_their_distance_too(server, connect, clock):
    arrivals = []

    def at(answer):
        def send(handler):
            arrivals.append(clock.now)
            undated(answer)(handler)

        return send

    server.answers = [
        at((302, {"Location": "/moved"}, b"")),
        at((503, {}, b"")),
        at((302, {"Location": "/moved"}, b"")),
        at((200, {}, b"torn early")),
        at((200, {}, b"fine")),
    ]
    connect(gap=3.0, backoff=0.5).fetch(server.url, lambda b: "" if b == b"fine" else "torn")
    gaps = [after - before for before, after in itertools.pairwise(arrivals)]
    assert gaps == [3.0, 3.0, 3.0, 3.0]


def test_hosts_of_one_site_share_the_slowest_pace(server, connect, clock):
    base = server.url.removesuffix("/list")
    hosts = {"export.example.org": 3.0, "OAI.example.org": 1.0, "tea.example.net": 5.0}
    session = connect(hosts=hosts, via=dict.fromkeys(hosts, base))
    for host in ("oai.example.org", "export.example.org", "tea.example.net", "oai.example.org"):
        session.fetch(f"https://{host}/", anything)
    assert clock.slept == [3.0, 3.0]


@pytest.mark.parametrize("step", [86_400.0, -86_400.0])
def test_a_step_of_the_wall_clock_changes_nothing(server, monkeypatch, step):
    slept = []
    real = time.time
    session = http.Session({"127.0.0.1": 60.0}, private=True, sleep=slept.append)
    session.fetch(server.url, anything)
    monkeypatch.setattr(time, "time", lambda: real() + step)
    server.answers = [
        undated((429, {"Retry-After": "Mon, 02 Mar 2026 12:00:09 GMT",
                       "Date": "Mon, 02 Mar 2026 12:00:00 GMT"}, b"")),
        (200, {}, b"fine"),
    ]  # fmt: skip
    session.fetch(server.url, anything)
    session.close()
    pauses = [pause for pause in slept if pause != 9.0]
    assert len(slept) - len(pauses) == 1  # what the server asked for, by its own clock
    assert pauses
    assert all(0 < pause <= 60.0 for pause in pauses)


def test_a_connection_ends_with_its_answer(server, connect):
    ended = queue.SimpleQueue()

    def wait_for_the_end(handler):
        undated((200, {}, b"fine"))(handler)
        ended.put(handler.rfile.read(1))  # nothing, once the other side has closed

    server.answers = [wait_for_the_end]
    session = connect()
    kept = [session.get(server.url) for _ in range(2)]  # answers that live on
    assert [answer.content for answer in kept] == [b"fine", b"fine"]
    assert [ended.get(timeout=30) for _ in kept] == [b"", b""]


@pytest.fixture(scope="module")
def measure():
    return runpy.run_path(str(HERE / "pacing.py"))["measure"]


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_gap_under_the_pause_and_one_connection_at_a_time(measure, count):
    pause = 0.005
    found = measure(count, pause)
    assert found.requests >= count
    assert found.smallest >= pause
    assert found.connections == 1
    assert found.hosts == {"a.example.org", "b.example.org"}


# -- where it leads -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2001:db8::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_open_internet_is_known(address):
    assert not http.public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_known(address):
    assert http.public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org@127.0.0.1/",
        "https://127.0.0.1\\@example.org/",
        "https://127.0.0.1:99999/",
        "ftp://127.0.0.1/",
        "https://127.0.0.1.",
        "https://",
        "",
        "no address",
        "https://[::1",
        "https://exa\x1bmple.org/",
        "https://例え.jp/",
    ],
)
def test_an_odd_address_is_refused_on_one_line(connect, url):
    with pytest.raises(ParseError) as caught:
        connect().fetch(url, anything)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("target", [b"/\xff\xfe", b"http://[", b"https://exa\x1bmple.org/"])
def test_a_redirect_that_cannot_be_read_is_refused(server, connect, target):
    def redirect(handler):
        handler.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: " + target + b"\r\n\r\n")

    server.answers = [redirect]
    with pytest.raises(ParseError) as caught:
        connect(retries=0).fetch(server.url, anything)
    assert str(caught.value).isprintable()
    assert len(server.asked) == 1


def test_a_redirect_to_this_machine_is_refused_by_a_public_session(server, connect, monkeypatch):
    session = connect(private=False, hosts=["example.org", "127.0.0.1"])
    port = server.server_port
    # The first hop stands for a public server; the second leads where it leads.
    monkeypatch.setattr(http, "public", lambda address: len(server.asked) == 0)
    admit = session._admit
    plain = {f"http://127.0.0.1:{port}/list": "127.0.0.1"}
    monkeypatch.setattr(session, "_admit", lambda url: plain.get(url) or admit(url))
    server.answers = [(302, {"Location": server.url}, b"")]
    with pytest.raises(ParseError, match="not public"):
        session.fetch(server.url, anything)
    assert len(server.asked) == 1


def test_a_stand_in_needs_a_private_session():
    with pytest.raises(ValueError, match="private"):
        http.Session({"example.org": 0.0}, via={"example.org": "http://127.0.0.1:1"})


def test_a_stand_in_is_reached_in_the_hosts_name(server, connect):
    session = connect(
        hosts=["example.org"], via={"example.org": server.url.removesuffix("list")}, retries=0
    )
    assert session.fetch("https://example.org/a/b?c=d", anything) == b"fine"
    path, headers = server.asked[0]
    assert (path, headers["Host"]) == ("/a/b?c=d", "example.org")
    server.answers = [(302, {"Location": server.url}, b""), (503, {}, b"")]
    with pytest.raises(ParseError, match=r"127\.0\.0\.1: not on the list"):
        session.fetch("https://example.org/", anything)
    with pytest.raises(FetchError, match=r"example\.org: HTTP 503") as caught:
        session.fetch("https://example.org/", anything)
    assert "127.0.0.1" not in str(caught.value)


# -- broken answers -------------------------------------------------------------------------

FEED = b"<feed><entry>The kettle boils.</entry><entry>The tea is ready.</entry></feed>"


def framed(how):
    """A whole answer on the wire."""
    if how == "gzip":
        body = gzip.compress(FEED, mtime=0)
        head = HEAD + b"Content-Encoding: gzip\r\n\r\n"
    elif how == "chunked":
        body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (FEED[:30], FEED[30:])) + b"0\r\n"
        head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    else:
        body = FEED
        head = HEAD + b"Content-Length: %d\r\n\r\n" % len(body)
    return head + body


@pytest.mark.parametrize("how", ["length", "chunked", "gzip"])
def test_an_answer_cut_at_any_byte_is_not_taken_for_whole(server, connect, how):
    whole = framed(how)
    session = connect(retries=0)
    taken = []
    # The last chunk says that it is the last with its first digit.
    last = len(whole) - 2 if how == "chunked" else len(whole)
    for end in range(last):
        server.answers = [lambda handler, end=end: handler.wfile.write(whole[:end])]
        with pytest.raises(FetchError, match="connection failed"):
            session.fetch(server.url, taken.append)
    server.answers = [lambda handler: handler.wfile.write(whole)]
    assert session.fetch(server.url, anything) == FEED
    assert taken == []


def reset_line(handler):
    """Hang up so that the other side gets a reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def reset_half_way(handler):
    handler.wfile.write(HEAD + b"Content-Length: 9\r\n\r\ntorn")
    reset_line(handler)


@pytest.mark.parametrize("answer", [reset_line, reset_half_way])
def test_a_reset_is_tried_again(server, connect, answer):
    server.answers = [answer, answer, (200, {}, b"fine")]
    assert connect(retries=2).fetch(server.url, anything) == b"fine"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5, 9",
        b"Content-Length: 5\r\nContent-Length: 9",
        b"Content-Length: 99999999999999999999999999999999",
        b"Transfer-Encoding: chunked",
        b"\r\n".join(b"X-%d: y" % n for n in range(200)) + b"\r\nContent-Length: 4",
        b"X: " + b"y" * 70_000 + b"\r\nContent-Length: 4",
    ],
    ids=["list", "two", "huge", "chunked", "many", "long"],
)
def test_odd_headers_are_no_answer(server, connect, head):
    server.answers = [lambda h: h.wfile.write(HEAD + head + b"\r\n\r\nfine")]
    with pytest.raises(FetchError, match="connection failed"):
        connect(retries=1).fetch(server.url, anything)
    assert len(server.asked) == 2


@pytest.mark.parametrize("length", [b"4", b"\xb2", b"-1", b"many", b""])
def test_a_length_that_is_none_is_ignored(server, connect, length):
    server.answers = [
        lambda h: h.wfile.write(HEAD + b"Content-Length: " + length + b"\r\n\r\nfine")
    ]
    assert connect().fetch(server.url, anything) == b"fine"


def test_a_length_that_is_too_short_is_the_checks_to_find(server, connect):
    server.answers = [(200, {"Content-Length": "20"}, FEED), (200, {}, FEED)]
    check = lambda body: "" if body.endswith(b"</feed>") else "ends early"  # noqa: E731 - short
    assert connect().fetch(server.url, check) == FEED
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "line", [b"", b"\x16\x03\x01", b"SSH-2.0-kettle\r\n", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_what_is_not_http_is_no_answer(server, connect, line):
    server.answers = [lambda handler: handler.wfile.write(line)]
    with pytest.raises(FetchError, match="connection failed"):
        connect(retries=0).fetch(server.url, anything)


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip", "\x1b[31m"])
def test_a_coding_that_was_not_asked_for_is_refused(server, connect, coding):
    server.answers = [(200, {"Content-Encoding": coding}, b"fine")]
    with pytest.raises(ParseError, match="unknown coding") as caught:
        connect().fetch(server.url, anything)
    assert str(caught.value).isprintable()


def test_all_members_of_a_compressed_answer_are_taken(server, connect):
    body = b"".join(gzip.compress(part) for part in (b"one ", b"", b"two ", b"three" * 50_000))
    server.answers = [(200, {"Content-Encoding": "gzip"}, body)]
    assert connect().fetch(server.url, anything) == b"one two " + b"three" * 50_000


def test_what_follows_a_compressed_answer_is_not_passed_over(server, connect):
    server.answers = [(200, {"Content-Encoding": "gzip"}, gzip.compress(b"one") + b"<p>oops")]
    with pytest.raises(FetchError, match="connection failed"):
        connect(retries=0).fetch(server.url, anything)


# -- what it took ---------------------------------------------------------------------------


def test_every_request_and_every_byte_is_counted(server, connect):
    base = server.url.removesuffix("/list")
    hosts = ["a.example.org", "b.example.org"]
    session = connect(hosts=hosts, via=dict.fromkeys(hosts, base))
    packed = gzip.compress(FEED * 20)
    server.answers = [
        (302, {"Location": "https://b.example.org/moved"}, b"gone"),
        (503, {}, b"busy!"),
        (200, {"Content-Encoding": "gzip"}, packed),
    ]
    session.fetch("https://a.example.org/", anything)
    tally = session.tally
    assert tally.requests == 3
    assert tally.bytes == len(b"gone" + b"busy!" + packed)
    assert tally.hosts["a.example.org"].requests == 2
    assert tally.hosts["b.example.org"].requests == 1
    assert tally.hosts["b.example.org"].bytes == len(b"busy!")


def test_an_answer_that_failed_is_counted(server, connect):
    server.answers = [reset_line, (200, {"Content-Length": "9"}, b"torn")]
    session = connect(retries=1)
    with pytest.raises(FetchError):
        session.fetch(server.url, anything)
    assert (session.tally.requests, session.tally.bytes) == (2, 4)


def test_a_refused_address_is_not_counted(connect):
    session = connect()
    with pytest.raises(ParseError):
        session.fetch("https://example.org/", anything)
    assert session.tally == http.Tally()


# -- what is kept ---------------------------------------------------------------------------

MARKED = {"ETag": '"tea-1"', "Last-Modified": "Mon, 02 Mar 2026 12:00:00 GMT"}
NOT_MODIFIED = (304, {"Content-Length": "999"}, b"")


def test_what_has_not_changed_is_not_sent_again(server, connect, tmp_path):
    server.answers = [(200, MARKED, b"fine"), NOT_MODIFIED]
    assert connect(cache=tmp_path).fetch(server.url, anything, keep=True) == b"fine"
    for _ in range(2):  # a later session, and once more
        assert connect(cache=tmp_path).fetch(server.url, anything, keep=True) == b"fine"
    first, *later = [headers for _, headers in server.asked]
    assert "If-None-Match" not in first
    for headers in later:
        assert headers["If-None-Match"] == MARKED["ETag"]
        assert headers["If-Modified-Since"] == MARKED["Last-Modified"]


def test_what_has_changed_takes_the_place_of_the_old(server, connect, tmp_path):
    server.answers = [
        (200, MARKED, b"old"),
        (200, {"ETag": '"tea-2"'}, b"new"),
        (304, {}, b""),
    ]
    session = connect(cache=tmp_path)
    assert [session.fetch(server.url, anything, keep=True) for _ in range(3)] == [
        b"old",
        b"new",
        b"new",
    ]
    assert server.asked[2][1]["If-None-Match"] == '"tea-2"'
    assert "If-Modified-Since" not in server.asked[2][1]


def test_a_kept_body_must_pass_the_check_too(server, connect, tmp_path):
    server.answers = [(200, MARKED, b"old"), NOT_MODIFIED, (200, {}, b"new")]
    session = connect(cache=tmp_path)
    session.fetch(server.url, anything, keep=True)
    check = lambda body: "" if body == b"new" else "not new"  # noqa: E731 - short
    assert session.fetch(server.url, check, keep=True) == b"new"
    assert "If-None-Match" not in server.asked[2][1]


def test_a_body_that_fails_the_check_is_not_kept(server, connect, tmp_path):
    server.answers = [(200, MARKED, b"busy")]
    with pytest.raises(FetchError, match="wrong"):
        connect(cache=tmp_path, retries=1).fetch(server.url, lambda _: "wrong", keep=True)
    assert all("If-None-Match" not in headers for _, headers in server.asked)
    assert list(tmp_path.iterdir()) == []


def test_not_modified_where_nothing_is_kept_is_refused(server, connect, tmp_path):
    server.answers = [NOT_MODIFIED]
    for keep in (False, True):
        with pytest.raises(ParseError, match="HTTP 304"):
            connect(cache=tmp_path).fetch(server.url, anything, keep=keep)


@pytest.mark.parametrize(
    ("more", "headers"),
    [
        ({"keep": False}, MARKED),
        ({"headers": {"Authorization": SECRET}}, MARKED),
        ({"json": {"password": SECRET}}, MARKED),
        ({}, {}),
        ({}, {**MARKED, "Cache-Control": "private, No-Store"}),
    ],
    ids=["not asked for", "headers", "json", "unmarked", "no-store"],
)
def test_what_is_not_for_keeping_is_not_kept(server, connect, tmp_path, more, headers):
    server.answers = [(200, headers, b"fine")]
    session = connect(cache=tmp_path)
    for _ in range(2):
        session.fetch(server.url, anything, **{"keep": True, **more})
    assert "If-None-Match" not in server.asked[1][1]
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_is_asked_about_at_its_end(server, connect, tmp_path):
    server.answers = [
        (302, {"Location": "/moved"}, b""),
        (200, MARKED, b"fine"),
        (302, {"Location": "/moved"}, b""),
        NOT_MODIFIED,
    ]
    session = connect(cache=tmp_path)
    for _ in range(2):
        assert session.fetch(server.url, anything, keep=True) == b"fine"
    asked = [(path, headers.get("If-None-Match")) for path, headers in server.asked]
    assert asked[2:] == [("/list", None), ("/moved", MARKED["ETag"])]


def test_without_a_folder_nothing_is_kept(server, connect):
    server.answers = [(200, MARKED, b"fine")]
    session = connect()
    for _ in range(2):
        assert session.fetch(server.url, anything, keep=True) == b"fine"
    assert "If-None-Match" not in server.asked[1][1]
