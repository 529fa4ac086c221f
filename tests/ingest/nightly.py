"""Run by test_run.py in a process of its own: the `kb` command over made-up sources.

Usage: nightly.py PLAN WORDS..., where PLAN is a JSON file: a list of sources, each with a name
and the rows that it yields. A row that is a word fails as the word says.
"""

import datetime as dt
import json
import os
import re
import signal
import sys
import types
import zlib
from pathlib import Path

import numpy as np

from ingest import http, sources
from ingest.errors import BlockedError, FetchError, HaltError, ParseError
from ingest.records import Draft, Errand, ManifestationDraft, Raw
from kb import cli
from kb.errors import EncoderError
from kb.vocabulary import ManifestationKind, WorkKind

PLAN = {"errands": [], "port": 0, "encoder": True, "roots": {}}
HOST = "kettles.example"
FAILURES = {
    "wait": lambda: FetchError(HOST, "u", "HTTP 503", "run it again later"),
    "down": lambda: FetchError(HOST, f"https://{HOST}/", "no answer in time", is_host_wide=True),
    "blocked": lambda: BlockedError(HOST, f"https://{HOST}/", "HTTP 403"),
    "odd": lambda: ParseError("notes", "u", "not\x1b[31m XML\nat all"),
    "gone": lambda: HaltError("notes", "u", "a third of its papers is gone"),
}


class Notes:
    """A source of kettles."""

    name = "notes"
    position = ""
    accept_loss = False

    def __init__(self, rows, fetch):
        self.rows, self._fetch = rows, fetch

    def fetch(self, since):
        for number, row in enumerate(self.rows, 1):
            if row == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            elif row == "gone" and self.accept_loss:
                continue
            elif row in FAILURES:
                raise FAILURES[row]()
            body = str(row).encode()
            if str(row).startswith("/"):
                body = self._fetch(f"https://{HOST}{row}", lambda _: "")
            self.position = str(number)
            yield Raw(self.name, f"note/{row}", dt.datetime(2025, 6, 1, tzinfo=dt.UTC), body)

    @staticmethod
    def read(raw):
        title = raw.body.decode()
        if title == "nonsense":
            raise ParseError("notes", raw.url, "no title")
        work = f"arxiv:2502.{90000 + zlib.crc32(raw.body) % 9000:05}"
        form = ManifestationDraft(
            f"{work}v1",
            ManifestationKind.arxiv,
            title,
            f"On {title}. It is hot.",
            "",
            "",
            1,
            "2025",
        )
        return Draft(
            (work,), WorkKind.paper, title, form.abstract, ("Ada B. Example",), "2025", "", False,
            (form,),
        )  # fmt: skip


class HashingEncoder:
    """Unit vectors of word counts."""

    name, dim = "hashing/1", 64

    def encode(self, texts, progress=None):
        rows = np.full((len(texts), self.dim), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[zlib.crc32(word.encode()) % self.dim] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def errands(_config):
    return [
        Errand(
            name=each["name"],
            title=each.get("title", each["name"]),
            hosts={HOST: 0.0} if each.get("network", True) else {},
            make=lambda fetch, rows=each["rows"]: Notes(rows, fetch),
            asks="all:kettles",
        )
        for each in PLAN["errands"]
    ]


def connect(_store, contact):
    via = {HOST: f"http://127.0.0.1:{PLAN['port']}"}
    limits = http.Limits(retries=0)
    return lambda hosts: http.Session(
        hosts, contact=contact, private=True, via=via if PLAN["port"] else None, limits=limits
    )


def encoder(_model, _device):
    if not PLAN["encoder"]:
        raise EncoderError("no model here")
    return HashingEncoder()


def main(plan, *words):
    PLAN.update(json.loads(Path(plan).read_text()))
    notes = types.SimpleNamespace(errands=errands, readers=lambda _config: {"notes": Notes.read})
    sources.SOURCES = (notes,)
    cli._connect, cli._encoder = connect, encoder
    sys.argv = ["kb", *words]
    cli.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
