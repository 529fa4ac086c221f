"""A whole run against the made-up world, in a process that may be killed anywhere.

`Nights` keeps one process with everything imported and forks it for each run, so that a run
costs what it does and not what Python takes to start. A run may be told to die at its n-th
step: a statement, a commit, a file opened or renamed, a connection made.
"""

import os
import random
import re
import signal
import sys
import urllib.request
import zlib

import numpy as np
import world
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlmodel import Session as Transaction

from ingest import http, pipeline
from ingest.sources import errands
from kb import cycles, dump, schema
from kb.errors import KnowledgeBaseError
from kb.store import Store

CONFIG = schema.SourcesFile.model_validate(
    {
        "every": dict.fromkeys(("arxiv", "arxiv-oai", "openreview", "workshops", "posts"), 0),
        "arxiv": [
            {"strand": "memorization", "query": "abs:memorization"},
            {"strand": "dynamics", "query": "abs:dynamics"},
        ],
        "arxiv_oai": [{"set": world.SET, "since": "2026-01-01"}],
        "openreview": [{"id": world.VENUE, "name": "Kettle 2026"}],
        "workshops": [
            {
                "id": "kettles-2026",
                "name": "Workshop on kettles",
                "date": "2026-03-20",
                "tz": "Europe/Berlin",
                "venue": "Kettle workshop 2026",
                "pages": [{"url": world.PROGRAMME}],
            }
        ],
        "posts": [{"id": "kettle-posts", "url": world.FEED, "publisher": "Posts on kettles"}],
    }
)
HOSTS = (world.ARXIV, world.OAI, world.OPENREVIEW, "posts.example.org", "workshop.example.org")
STEPS = {"open", "os.rename", "os.remove", "socket.connect", "sqlite3.connect"}
"""Events of the interpreter that count as a step."""


class HashingEncoder:
    """Unit vectors of word counts: fast, and the same in every process."""

    name, dim = "hashing/1", 64

    def encode(self, texts, progress=None):
        rows = np.full((len(texts), self.dim), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[zlib.crc32(word.encode()) % self.dim] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def run(database, port, cache):
    """Harvest, embed, link and close a cycle, as a nightly run does; return what came of it."""
    store = Store.open(database)
    via = dict.fromkeys(HOSTS, f"http://127.0.0.1:{port}")

    def connect(hosts):
        return http.Session(
            dict.fromkeys(hosts, 0.0), private=True, via=via, cache=cache, sleep=lambda _: None
        )

    encoder = HashingEncoder()
    with store.lock("run"):
        told = pipeline.harvest_all(store, errands(CONFIG), connect)
        pipeline.embed(store, encoder)
        pipeline.link(store, encoder)
        pipeline.cycle(store)
    store.close()
    return told


def count_steps(act):
    """Call `act` at each step from now on."""
    event.listen(Engine, "after_cursor_execute", lambda *_: act())
    event.listen(Transaction, "before_commit", lambda *_: act())
    event.listen(Transaction, "after_commit", lambda *_: act())
    sys.addaudithook(lambda name, _: act() if name in STEPS else None)


class Nights:
    """Runs, each in a fork of this process."""

    def __init__(self, port, seed=0):
        self.port = port
        self.rng = random.Random(seed)
        self.kills = 0
        self.runs = 0

    def day(self, number):
        """Set the day of the world."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{number}", headers={"Host": "control"}
        )
        with urllib.request.urlopen(request) as answer:
            answer.read()

    def go(self, database, cache, die_at=None, steps_to=None):
        """Run once; return whether it was killed.

        Args:
            database: The store's file.
            cache: Where the transport keeps bodies.
            die_at: The step at which the process kills itself; None lets it live.
            steps_to: A file that the number of steps is written to.
        """
        self.runs += 1
        child = os.fork()
        if child == 0:
            code = 70
            try:
                self._child(database, cache, die_at, steps_to)
                code = 0
            except KnowledgeBaseError as error:
                print(f"run failed: {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, status
            self.kills += 1
            return True
        assert os.WEXITSTATUS(status) == 0, f"the run ended with {os.WEXITSTATUS(status)}"
        return False

    def _child(self, database, cache, die_at, steps_to):
        steps = 0

        def step():
            nonlocal steps
            steps += 1
            if steps == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        count_steps(step)
        told = run(database, self.port, cache)
        failed = [f"{each.errand.name}: {each.message}" for each in told if each.outcome != "ok"]
        if failed:
            print("\n".join(failed), file=sys.stderr, flush=True)
            os._exit(71)
        if steps_to is not None:
            steps_to.write_text(str(steps))


def state(database):
    """Return what a store says, apart from clocks and the ledger; and what is broken in it."""
    store = Store.open(database)
    with store.read() as session:
        # A cycle holds the time at which it was closed, and how often one was closed depends
        # on where a run was cut off. What the debate holds at the end does not.
        skip = {"cycle", "cursor"}
        lines = [entry.line for entry in dump.entries(session) if entry.table not in skip]
        snapshot = cycles.canonical(cycles.snapshot(session))
    faults = store.integrity()
    store.close()
    return sorted(lines), snapshot, faults
