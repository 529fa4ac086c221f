"""A server that counts: how far apart do requests arrive, and over how many connections at once?

As a script: pacing.py REQUESTS PAUSE (seconds), prints what it found.
"""

import contextlib
import random
import selectors
import socket
import sys
import threading
import time
from dataclasses import dataclass, field

from ingest import http
from ingest.errors import SourceError

BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: https://b.example.org/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntorn",
    b"",
)
"""What a server does on a bad day: the last two are a torn answer and none at all."""
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


@dataclass
class Figures:
    """What the server saw. Times in seconds."""

    requests: int = 0
    connections: int = 0
    """The most that were open at once."""
    smallest: float = float("inf")
    """The smallest gap between the arrivals of two requests."""
    hosts: set = field(default_factory=set)
    """Whom the requests were for, by their Host header."""


class _Counter(threading.Thread):
    """One thread that watches every connection, so that no count depends on scheduling."""

    def __init__(self, seed):
        super().__init__(daemon=True)
        self.figures = Figures()
        self._random = random.Random(seed)
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.base = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self._watched = selectors.DefaultSelector()
        self._watched.register(self._door, selectors.EVENT_READ)
        self._open = {}
        self._last = None
        self._stopped = threading.Event()

    def run(self):
        while not self._stopped.is_set():
            ready = [key.fileobj for key, _ in self._watched.select(timeout=0.05)]
            # Those that were closed go first: a client may close one and open the next
            # between two looks.
            for line in sorted(ready, key=lambda line: line is self._door):
                if line is self._door:
                    self._welcome()
                else:
                    self._hear(line)
        for line in list(self._open):
            self._close(line)
        self._watched.close()
        self._door.close()

    def stop(self):
        self._stopped.set()
        self.join()

    def _welcome(self):
        line, _ = self._door.accept()
        for other in list(self._open):
            try:
                if not other.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    self._close(other)
            except BlockingIOError:
                pass  # open, and silent
            except ConnectionError:
                self._close(other)
        self._open[line] = b""
        self._watched.register(line, selectors.EVENT_READ)
        self.figures.connections = max(self.figures.connections, len(self._open))

    def _hear(self, line):
        if line not in self._open:
            return
        try:
            heard = line.recv(65536)
        except ConnectionError:
            heard = b""
        if not heard:
            self._close(line)
            return
        self._open[line] += heard
        if not self._open[line].endswith(b"\r\n\r\n"):
            return
        now = time.monotonic()
        if self._last is not None:
            self.figures.smallest = min(self.figures.smallest, now - self._last)
        self._last = now
        self.figures.requests += 1
        for header in self._open[line].split(b"\r\n"):
            if header.startswith(b"Host: "):
                self.figures.hosts.add(header[6:].decode())
        self._open[line] = b""
        answer = FINE if self._random.random() < 0.7 else self._random.choice(BUSY)
        line.sendall(answer)
        if not answer.endswith((b"\r\n", b"fine")):
            # Torn: the client sees our end, and we wait to see its own.
            line.shutdown(socket.SHUT_WR)

    def _close(self, line):
        self._watched.unregister(line)
        del self._open[line]
        line.close()


def measure(count, pause, threads=2, seed=1):
    """Send `count` requests at least, on good and bad answers, and return what arrived.

    Two hosts of one site share the pace, and several threads the session.
    """
    counter = _Counter(seed)
    counter.start()
    hosts = {"a.example.org": pause, "b.example.org": pause / 2}
    session = http.Session(
        hosts,
        limits=http.Limits(retries=2, backoff=pause / 4),
        private=True,
        via=dict.fromkeys(hosts, counter.base),
    )

    def ask(host):
        while session.tally.requests < count:
            with contextlib.suppress(SourceError):  # a bad day; go on with the next
                session.fetch(f"https://{host}/list", lambda _body: "")

    askers = [
        threading.Thread(target=ask, args=(list(hosts)[number % 2],)) for number in range(threads)
    ]
    try:
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    finally:
        session.close()
        counter.stop()
    assert counter.figures.requests == session.tally.requests
    return counter.figures


if __name__ == "__main__":
    print(measure(int(sys.argv[1]), float(sys.argv[2])))
