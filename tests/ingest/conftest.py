"""A stand-in for the embedding model, and a web server on this machine to talk to."""

import re
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from ingest import http


class HashingEncoder:
    """Unit vectors of word counts, each word at a place of its own choosing.

    Fast, deterministic, and it remembers what it was asked.
    """

    dim = 64

    def __init__(self, name="hashing/1", fail_after=None):
        self.name = name
        self.asked = []
        self._fail_after = fail_after

    def encode(self, texts, progress=None):
        if self._fail_after is not None and len(self.asked) >= self._fail_after:
            raise KeyboardInterrupt
        self.asked += texts
        rows = np.full((len(texts), self.dim), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[zlib.crc32(word.encode()) % self.dim] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def encoder():
    return HashingEncoder()


@pytest.fixture(scope="session")
def make_encoder():
    return HashingEncoder


class Clock:
    """Monotonic seconds that pass only when someone sleeps."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer(self)
            self.close_connection = True
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.server.posted.append((self.headers["Content-Type"], self.rfile.read(length)))
        self.do_GET()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that hangs up is what these tests are about


@pytest.fixture
def server():
    """Gives its `answers` one after another, the last for ever, and notes what was `asked`
    and `posted`."""
    server = Server(("127.0.0.1", 0), Handler)
    server.asked, server.posted, server.answers = [], [], [(200, {}, b"fine")]
    server.url = f"http://127.0.0.1:{server.server_port}/list"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def connect(clock):
    """Make sessions that may talk to this machine, on a clock of our own."""
    opened = []

    def make(
        gap=0.0, private=True, hosts=("127.0.0.1",), contact="", cache=None, via=None, **limits
    ):
        session = http.Session(
            dict.fromkeys(hosts, gap) if isinstance(hosts, tuple | list) else hosts,
            contact=contact,
            limits=http.Limits(**{"read": 5.0, "total": 5.0, **limits}),
            cache=cache,
            private=private,
            via=via,
            clock=clock,
            sleep=clock.sleep,
        )
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.close()
