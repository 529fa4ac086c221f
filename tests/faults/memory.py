"""Take in a dump of made-up papers and print the peak of memory in KiB.

Usage: memory.py RECORDS FOLDER
"""

import json
import random
import sys
from pathlib import Path

from world import SENTENCES

from ingest import pipeline
from kb.store import Store


def main(records, folder):
    rng = random.Random(0)
    path = Path(folder) / f"{records}.jsonl"
    with path.open("w") as file:
        for number in range(int(records)):
            row = {
                "id": f"{2001 + number // 90000:04}.{number % 90000 + 1:05}",
                "title": f"Kettle {number}",
                "abstract": " ".join(rng.choices(SENTENCES, k=15)),
                "authors": "Ada B. Example, Carl Demo",
                "categories": "cs.LG",
                "update_date": "2020-02-02",
            }
            file.write(json.dumps(row) + "\n")
    store = Store(Path(folder) / f"{records}.sqlite")
    store.migrate()
    counts = pipeline.ingest_snapshot(store, path)
    store.close()
    assert counts["added"] == int(records), counts
    print(peak())


def peak():
    """Return the peak of this process's memory in KiB.

    Not ru_maxrss: a child begins with its parent's there, which hides what the child adds.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
