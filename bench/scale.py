"""What all of arXiv and all of OpenAlex would take, from what was measured here.

    python bench/scale.py [--h100-texts 30000] [--core-hour 0.04] … [--write]

Reads bench/results/*.json and prints the tables of site/content/about/scale.md; --write puts
them there. Rates and prices that were never measured here are assumptions: each is an option,
and stands in the first table marked as one.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "site/content/about/scale.md"
BLOCK = re.compile(r"(<!-- tables of bench/scale\.py -->\n\n).*?(\n<!-- end -->)", re.DOTALL)
CORPORA = {"arXiv": 3_000_000, "OpenAlex": 250_000_000}
ASSUMED = {
    "h100_texts": (30_000, "texts of 256 tokens that one H100 encodes in a second"),
    "core_hour": (0.04, "dollars for an hour of a core"),
    "h100_hour": (2.50, "dollars for an hour of an H100"),
    "disk_month": (0.08, "dollars for a GB of disk, a month"),
    "memory_month": (3.00, "dollars for a GB of a server's memory, a month"),
    "cores": (64, "cores of the cluster without graphics cards"),
}
"""Option -> default, what it is."""
_KEY = 96
"""Bytes of a row beside its vector: a hash in hex, the model's name, the row's own."""
_WINDOW = 256


@dataclass(frozen=True)
class Measured:
    """What the arithmetic takes from the results."""

    texts: float
    """Of a work."""
    tokens: float
    """Of a work."""
    vector: int
    """Bytes."""
    embedded: float
    """Texts that a core encodes in a second."""
    linked: float
    """Works that a core judges in a second."""
    committed: float
    """Texts that the one committing process plans and keeps in a second, in SQLite."""
    written: float
    """Vectors that one process writes into PostgreSQL in a second."""
    taken_in: float
    """Records that a core takes in in a second."""
    sifted: float
    """Abstracts that the funnel weighs in a second of a core."""
    passed: float
    """The share that passes the funnel."""
    index: float
    """Bytes of a vector in the HNSW index."""

    @classmethod
    def read(cls, folder: Path = RESULTS) -> Measured:
        """Read the results of the other scripts."""
        pool, bulk, funnel, server = (
            json.loads((folder / f"{name}.json").read_text("utf-8"))["figures"]
            for name in ("cluster", "bulk", "funnel", "postgres")
        )
        return cls(
            texts=pool["texts"]["a_work"],
            tokens=pool["texts"]["tokens_a_work"],
            vector=pool["texts"]["bytes_a_vector"],
            embedded=pool["embed"]["texts_per_core_second"],
            linked=pool["link"]["works_per_core_second"],
            committed=pool["shard"]["committer_texts_per_cpu_second"],
            written=server["written"]["postgresql_per_second"],
            taken_in=bulk["first"]["records"] / bulk["first"]["cpu"],
            sifted=funnel["abstracts_per_second"],
            passed=funnel["share_that_passes"],
            index=server["nearest"]["index_mib"] * 2**20 / server["nearest"]["vectors"],
        )


def main() -> None:
    """Print the tables, or put them on the page."""
    parser = argparse.ArgumentParser(description="The arithmetic of arXiv and OpenAlex.")
    for name, (value, what) in ASSUMED.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=type(value), default=value, help=what
        )
    parser.add_argument("--write", action="store_true", help="Put the tables on the page.")
    told = vars(parser.parse_args())
    is_written = told.pop("write")
    found = tables(Measured.read(), told)
    if is_written:
        page = PAGE.read_text("utf-8")
        PAGE.write_text(BLOCK.sub(lambda m: f"{m[1]}{found}{m[2]}", page), "utf-8")
    print(found)


def tables(m: Measured, a: dict[str, Any]) -> str:
    """Return the three tables as Markdown."""
    h100 = a["h100_texts"] * _WINDOW / (m.tokens / m.texts)  # our texts are shorter
    return "\n".join(
        [
            *_table(("What goes in", "value", "where from"), _inputs(m, a)),
            "",
            *_table(
                ("What comes out", *(f"{k}, {n / 1e6:g} million" for k, n in CORPORA.items())),
                _rows(m, a, h100),
            ),
            "",
            *_table(("What one committing process keeps busy", "how many"), _ends(m, h100)),
            "",
        ]
    )


def _inputs(m: Measured, a: dict[str, Any]) -> list[tuple[str, ...]]:
    measured = [
        ("texts of a work: title, windows, sentences", _short(m.texts), "cluster"),
        ("tokens of a work, in all its texts", _short(m.tokens), "cluster"),
        ("texts that a core encodes in a second", _short(m.embedded), "cluster"),
        ("works that a core judges in a second", _short(m.linked), "cluster"),
        ("texts that the committer keeps in a second, SQLite", _short(m.committed), "cluster"),
        ("vectors written into PostgreSQL in a second", _short(m.written), "postgres"),
        ("bytes of a vector in the HNSW index", _short(m.index), "postgres"),
        ("records that a core takes in in a second", _short(m.taken_in), "bulk"),
        ("abstracts that the funnel weighs in a second", _short(m.sifted), "funnel"),
        ("share that passes the funnel", f"{m.passed:.0%}".replace("%", " %"), "funnel"),
    ]
    rows = [(what, value, f"measured, `{name}.json`") for what, value, name in measured]
    for name, (_, what) in ASSUMED.items():
        rows.append((what, _short(a[name]), f"**assumed**, `--{name.replace('_', '-')}`"))
    return rows


def _rows(m: Measured, a: dict[str, Any], h100: float) -> list[tuple[str, ...]]:
    def each(what: str, cell: Any) -> tuple[str, ...]:
        return what, *(cell(works) for works in CORPORA.values())

    def cores(seconds: float) -> str:
        hours = seconds / 3600
        return (
            f"{_short(hours)} core hours: {_time(hours / a['cores'])} on {a['cores']} cores, "
            f"{_dollars(hours * a['core_hour'])}"
        )

    def card(seconds: float) -> str:
        return f"{_time(seconds / 3600)}, {_dollars(seconds / 3600 * a['h100_hour'])}"

    def disk(size: float) -> str:
        return f"{_size(size)}, {_dollars(size / 1e9 * a['disk_month'])} a month"

    def memory(size: float) -> str:
        return f"{_size(size)}, {_dollars(size / 1e9 * a['memory_month'])} a month"

    row = m.vector + _KEY
    return [
        each("texts", lambda n: _count(n * m.texts)),
        each("tokens", lambda n: _count(n * m.tokens)),
        each("take in", lambda n: cores(n / m.taken_in)),
        each("weigh by the funnel", lambda n: cores(n / m.sifted)),
        each("encode all, on cores", lambda n: cores(n * m.texts / m.embedded)),
        each("encode all, on one H100", lambda n: card(n * m.texts / h100)),
        each("encode what passes, on cores", lambda n: cores(n * m.passed * m.texts / m.embedded)),
        each("judge all, on cores", lambda n: cores(n / m.linked)),
        each("judge what passes, on cores", lambda n: cores(n * m.passed / m.linked)),
        each("commit all vectors, one process, SQLite", lambda n: _time(
            n * m.texts / m.committed / 3600)),
        each("write all vectors, one process, PostgreSQL", lambda n: _time(
            n * m.texts / m.written / 3600)),
        each("disk for the vectors of all texts", lambda n: disk(n * m.texts * row)),
        each("disk for one vector a work", lambda n: disk(n * row)),
        each("memory for HNSW, one vector a work", lambda n: memory(n * m.index)),
    ]  # fmt: skip


def _ends(m: Measured, h100: float) -> list[tuple[str, ...]]:
    return [
        ("texts of this kind that one H100 would encode in a second", _short(h100)),
        ("H100s, with SQLite", _short(m.committed / h100)),
        ("H100s, with PostgreSQL", _short(min(m.committed, m.written) / h100)),
        ("cores that encode, with SQLite", _short(m.committed / m.embedded)),
    ]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    rule = ("---", *["---:" if "where" not in name else "---" for name in head[1:]])
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    if value >= 100:
        return f"{round(value):,}"
    return f"{value:.2f}" if value < 10 and value != round(value) else f"{value:.3g}"


def _count(value: float) -> str:
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return _short(value)


def _time(hours: float) -> str:
    if hours < 1:
        return f"{max(1, round(hours * 60))} min"
    return f"{hours:.1f} h" if hours < 72 else f"{_short(hours / 24)} days"


def _size(bytes_: float) -> str:
    return f"{bytes_ / 1e12:.2f} TB" if bytes_ >= 1e12 else f"{_short(bytes_ / 1e9)} GB"


def _dollars(value: float) -> str:
    if value < 0.01:
        return "under $0.01"
    return f"${value:,.0f}" if value >= 10 else f"${value:.2f}"


if __name__ == "__main__":
    main()
