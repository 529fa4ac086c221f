"""Run by test_kill.py in a process of its own: ingest a file and die at a named point.

Usage: ingest_and_die.py DATABASE FILE POINT NUMBER
"""

import os
import signal
import sys
from pathlib import Path

from sqlalchemy import event
from sqlmodel import Session

from ingest import intake, pipeline
from ingest.sources.arxiv_snapshot import ArxivSnapshot
from kb.store import Store


def main(database, file, point, number):
    left = int(number)

    def tick(*_args):
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store = Store(database)
    if point == "statement":  # between two statements of a transaction
        event.listen(store._engine, "after_cursor_execute", tick)
    elif point == "commit":  # all is written, nothing is committed
        event.listen(Session, "before_commit", tick)
    elif point == "committed":  # the transaction is over, its journal gone
        event.listen(Session, "after_commit", tick)
    elif point == "read":
        read = ArxivSnapshot.read
        ArxivSnapshot.read = staticmethod(lambda raw: (tick(), read(raw))[1])
    intake.BULK = 50
    pipeline.ingest_snapshot(store, Path(file), tick if point == "progress" else None)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
