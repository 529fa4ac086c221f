"""Feeds of every kind, spoilt at random, taken in as a run would take them.

Usage: mutate.py FEEDS [SEED]   prints the figures; exits with 1 where anything is not as it
should be: a traceback, a record that is neither taken nor refused, a refusal without a reason,
2 s of processor time or 300 MB passed.
"""

import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from memory import peak
from night import CONFIG
from world import World

from ingest import intake
from ingest.errors import FetchError, SourceError
from ingest.sources import errands
from kb.store import Store

SECONDS, MEGABYTES = 2.0, 300
TOKENS = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>',
    b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    b"&a;&e;&nbsp;&#0;&#xD800;&#x10FFFF;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b'"\\ud800"',
    b"1" * 400,
    b"[" * 3000,
    b"<a>" * 3000,
    b"<div>" * 3000,
    b"</entry>",
    b"</record>",
    b"</feed>",
    b"2026-99-99T99:99:99Z",
    b"-0001-01-01T00:00:00Z",
    b"https://arxiv.org/abs/",
    b"javascript:alert(1)",
    b"../../etc/passwd",
    b"null",
    b"{}",
    b"1e999",
    b"NaN",
    b'<?xml version="1.0" encoding="utf-7"?>',
    b"{{7*7}} --8<-- ' OR 1=1 --",
    "\u202egnp.exe \u200b\u2066".encode(),
    b"A" * 70_000,
)


def spoil(rng, body):
    """Return the body with one to four faults."""
    for _ in range(rng.randrange(1, 5)):
        if not body:
            return rng.choice(TOKENS)
        at = rng.randrange(len(body))
        end = min(len(body), at + rng.randrange(1, 200))
        match rng.randrange(10):
            case 0:
                body = body[:at]
            case 1:
                body = body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]
            case 2:
                body = body[:at] + body[end:]
            case 3:
                body = body[:end] + body[at:end] * rng.randrange(1, 20) + body[end:]
            case 4 | 5 | 6:
                body = body[:at] + rng.choice(TOKENS) + body[at:]
            case 7:
                other = rng.randrange(len(body))
                body = body[:at] + body[other : other + end - at] + body[end:]
            case 8:
                body = body.replace(rng.choice((b"2026", b"v1", b"<", b'"', b":", b"e")), b"", 3)
            case 9:
                body = body.decode("utf-8", "replace").encode(
                    rng.choice(("utf-16", "latin-1", "utf-8-sig")), "replace"
                )
    return body


VALUES = re.compile(rb">([^<>]+)<|\"([^\"]*)\"|([0-9]+)")
ESCAPED = {b"&": b"&amp;", b"<": b"&lt;", b'"': b"&quot;", b"\x00": b"", b"\xff\xfe": b""}


def spoil_values(rng, body):
    """Return the body with odd values in one to four places, its form left as it is."""
    for _ in range(rng.randrange(1, 5)):
        places = list(VALUES.finditer(body))
        if not places:
            return body
        place = rng.choice(places)
        group = place.lastindex
        value = rng.choice((b"", b" ", place[group] * 50, *TOKENS))
        for sign, harmless in ESCAPED.items():
            value = value.replace(sign, harmless)
        body = body[: place.start(group)] + value + body[place.end(group) :]
    return body


class Spoilt:
    """A network whose first answer is spoilt, as the transport would hand it on."""

    def __init__(self, rng, world):
        self.rng, self.world = rng, world
        self.is_first = True
        self.how = rng.choice((spoil, spoil_values, spoil_values))

    def __call__(self, url, check, **_):
        host, _, target = url.partition("://")[2].partition("/")
        body = self.world.answer(host, f"/{target}")[2]
        if self.is_first and "login" not in target:
            self.is_first = False
            body = self.how(self.rng, body)
        fault = check(body)
        if fault:
            raise FetchError(host, url, fault, "run it again later")
        return body


def take(store, errand, fetch, rng):
    """Harvest once; return what was yielded, what was counted, and the listing's error.

    Now and then a record itself is spoilt after it was cut out of its listing.
    """
    source = errand.make(fetch)
    yielded = 0

    def counted():
        nonlocal yielded
        for raw in source.fetch(""):
            yielded += 1
            if rng.random() < 0.2:
                raw = replace(raw, body=rng.choice((spoil, spoil_values))(rng, raw.body))
            yield raw

    counts = intake.zero()
    error = None
    try:
        intake.harvest(store, source, counted(), errand.name, counts)
    except SourceError as caught:
        error = caught
    return yielded, counts, error


def main(feeds, seed):
    rng = random.Random(seed)
    world = World(3, papers=8, page=5)
    world.day = 4
    kinds = errands(CONFIG)
    told = Counter()
    wrong = []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        made, path = Path(name) / "made.sqlite", Path(name) / "kb.sqlite"
        Store(made).migrate()
        store = None
        for number in range(feeds):
            if number % 500 == 0:  # a store that grows for ever would time the store instead
                if store is not None:
                    store.close()
                shutil.copyfile(made, path)
                store = Store.open(path)
            errand = kinds[number % len(kinds)]
            begun = time.process_time()
            yielded, counts, error = take(store, errand, Spoilt(rng, world), rng)
            took = time.process_time() - begun
            slowest = max(slowest, took)
            seen = sum(counts[n] for n in ("added", "changed", "same", "refused"))
            if seen != yielded:
                wrong.append(f"feed {number} ({errand.name}): {yielded} in, {seen} told of")
            if error is not None and ("\n" in str(error) or not error.reason.strip()):
                wrong.append(f"feed {number} ({errand.name}): unclear error {error!s:.200}")
            if took > SECONDS:
                wrong.append(f"feed {number} ({errand.name}): {took:.1f} s")
            told.update({"records": yielded, "refused": counts["refused"]})
            told["listings given up"] += error is not None
        wrong += [
            f"{refusal.url}: refused without a clear reason"
            for refusal in intake.refused(store)
            if not refusal.reason.strip() or "\n" in refusal.reason
        ]
        faults = store.integrity()
        store.close()
    memory = peak() / 1024
    if memory > MEGABYTES:
        wrong.append(f"{memory:.0f} MB")
    print(
        f"{feeds} spoilt feeds of {len(kinds)} kinds: {told['records']} records in, "
        f"{told['refused']} refused, {told['listings given up']} listings given up; "
        f"at most {slowest:.2f} s of processor time and {memory:.0f} MB; "
        f"{len(wrong)} not as they should be"
    )
    for line in [*faults, *wrong][:20]:
        print(line)
    return 1 if wrong or faults else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
