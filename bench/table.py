"""One table of every goal beside what was reached, from the figures that the scripts kept.

    python bench/table.py [--write]

Reads bench/results/*.json and prints the table of bench/README.md; --write puts it there. What
was never measured is said to be so. Below the table stands why a figure falls short, as found by
profiling, and on what machine each script ran.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent / "README.md"
BLOCK = re.compile(r"(<!-- table of bench/table\.py -->\n\n).*?(\n<!-- end -->)", re.DOTALL)
NOT_MEASURED = "not measured"
NO_CARD = f"{NOT_MEASURED}: no GPU was to be had"


class MissingError(LookupError):
    """A script kept no such figure."""


class Told:
    """What a script kept: its figures, and the versions of what it was set beside."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._kept = kept

    def __call__(self, *path: str) -> Any:
        """Return a figure, by the names that lead to it.

        Raises:
            MissingError: The script did not keep it.
        """
        found: Any = self._kept.get("figures")
        for name in path:
            if not isinstance(found, dict) or found.get(name) is None:
                raise MissingError(name)
            found = found[name]
        return found

    def peer(self, package: str) -> str:
        """Return the name and the version of a package, as the script found it.

        Raises:
            MissingError: The script kept nothing at all.
        """
        if not self._kept:
            raise MissingError(package)
        return f"{package} {self._kept['machine']['packages'].get(package, '')}".strip()


@dataclass(frozen=True)
class Row:
    """A figure, its goal, and what it is set beside."""

    what: str
    script: str
    value: Callable[[Told], float]
    form: str
    """How a value is printed, with its unit."""
    beside: Callable[[Told], str]
    least: float | None = None
    """The goal is this or more."""
    most: float | None = None
    """The goal is less than this."""
    said: str = ""
    """The goal in words of its own."""
    why: Callable[[Told], str] = lambda told: str(told("why"))
    """What profiling found where the figure falls short."""
    otherwise: str = NOT_MEASURED
    """What stands for a figure that is missing."""

    def goal(self) -> str:
        """Return the goal in words, "" where there is none."""
        if self.said:
            return self.said
        if self.least is not None:
            return f"at least {self.form.format(self.least)}"
        return "" if self.most is None else f"under {self.form.format(self.most)}"

    def is_short(self, told: Told) -> bool:
        """Tell whether there is a figure, and it does not reach its goal."""
        try:
            value = self.value(told)
        except MissingError:
            return False
        return (self.least is not None and value < self.least) or (
            self.most is not None and value >= self.most
        )


def main() -> None:
    """Print the table, or put it into the README."""
    parser = argparse.ArgumentParser(description="Every goal beside what was reached.")
    parser.add_argument("--write", action="store_true", help="Put the table into bench/README.md.")
    is_written = parser.parse_args().write
    found = table(read())
    if is_written:
        page = PAGE.read_text("utf-8")
        PAGE.write_text(BLOCK.sub(lambda m: f"{m[1]}{found}{m[2]}", page), "utf-8")
    print(found)


def read(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Return script -> what it kept."""
    files = sorted(folder.glob("*.json"))
    return {path.stem: json.loads(path.read_text("utf-8")) for path in files}


def table(kept: dict[str, dict[str, Any]]) -> str:
    """Return the table, what falls short and the machines, as Markdown."""
    return "\n".join([*_goals(kept), "", *_short(kept), "", *_machines(kept), ""])


def short(kept: dict[str, dict[str, Any]]) -> Iterator[tuple[Row, str]]:
    """Yield each row that falls short, and why; "" where nobody has said so."""
    for row in ROWS:
        told = Told(kept.get(row.script, {}))
        if row.is_short(told):
            yield row, _or(row.why, told, "")


def _goals(kept: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "| figure | goal | reached | ratio or peer in the same run | script |"
    yield "| --- | ---: | ---: | --- | --- |"
    for row in ROWS:
        told = Told(kept.get(row.script, {}))
        reached = _or(lambda told, row=row: row.form.format(row.value(told)), told, row.otherwise)
        if row.is_short(told):
            reached = f"**{reached}**"
        cells = (row.what, row.goal(), reached, _or(row.beside, told, ""), f"`{row.script}.py`")
        yield f"| {' | '.join(cells)} |"


def _short(kept: dict[str, dict[str, Any]]) -> Iterator[str]:
    found = list(short(kept))
    if not found:
        yield "Nothing that was measured falls short of its goal."
        return
    yield "What falls short (bold above), and why:"
    yield ""
    for row, why in found:
        yield f"- {row.what}: {why or 'nobody has found out yet'}."


def _machines(kept: dict[str, dict[str, Any]]) -> Iterator[str]:
    runs = defaultdict(list)
    for script, each in kept.items():
        own = each["machine"]
        name = f"{own['cores']} cores of {own['cpu']}, {own['memory_gib']} GiB, " + (
            f"Python {own['python']}, NumPy {own['packages']['numpy']}, SQLite {own['sqlite']}"
        )
        runs[name].append(f"{script} ({own['measured_at']}, load {own['load']})")
    yield "Measured on:"
    yield ""
    for name, scripts in runs.items():
        yield f"- {name}: {', '.join(scripts)}."


def _or(tell: Callable[[Told], str], told: Told, otherwise: str) -> str:
    try:
        return tell(told)
    except MissingError:
        return otherwise


# -- what is told beside a figure ----------------------------------------------------------------


def _ms(value: float) -> str:
    return f"{value:.2g} ms" if value < 10 else f"{value:.0f} ms"


def _encoder(told: Told, *path: str) -> Any:
    return told("encoders", told("ours"), *path)


def _plain_encode(told: Told) -> str:
    plain, ours = told("plain", "texts_per_second"), _encoder(told, "texts_per_second")
    return (
        f"{told.peer('sentence-transformers')}, fp32: {plain:,.0f} texts a second, ours {ours:,.0f}"
        f" ({told('ours')}, {told('threads')} threads); by processor time "
        f"{_encoder(told, 'ratio_of_processor_time'):.2f} ×"
    )


def _limit(told: Told) -> str:
    precision = told("ours").split()[-1]
    return (
        f"products of matrices in {precision} by {told.peer('torch')}: "
        f"{told('limit_gflops', precision):,.0f} GFLOP/s, ours {_encoder(told, 'gflops'):,.0f}"
    )


def _profile(told: Told) -> str:
    parts = sorted(told("profile").items(), key=lambda part: -part[1])
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in parts)
    return (
        f"of the time in the model's operations {shares}; the limit holds products alone. Cutting "
        f"texts into tokens takes {100 * told('cutting_share'):.0f} % of the whole, most of it "
        "beside the model"
    )


def _added(told: Told) -> str:
    return (
        f"a plain session.add loop ({told.peer('sqlmodel')}): ours "
        f"{told('ratios', 'to_session_add'):.1f} × as fast by processor time, "
        f"{told('ratios', 'to_session_add_wall'):.1f} × by the wall"
    )


def _processors(told: Told) -> str:
    each = 1e6 * told("first", "cpu") / told("first", "records")
    return (
        f"a record takes {each:.0f} µs of processor in two processes, one of which alone writes; "
        "profiled over 40,000 records, this one spends 68 µs of a record in SQLite's own calls, "
        "the rest on making rows, on keys of titles and on telling works apart"
    )


def _second(told: Told) -> str:
    counts = told("second", "counts")
    changed = sum(many for name, many in counts.items() if name != "same")
    return f"the first pass; {counts['same']:,} records the same, {changed:,} changed"


def _funnel(told: Told) -> str:
    return (
        f"the same score word by word: ours {told('ratio_to_by_word'):.1f} × as fast; takes "
        f"{told('ratio_to_reading_json'):.1f} × what reading the JSON does"
    )


def _labels(told: Told) -> str:
    return (
        f"of {told('labelled_links')} labelled links; {100 * told('share_that_passes'):.0f} % of "
        "all abstracts pass"
    )


def _peers(rows: str, *names: str) -> Callable[[Told], str]:
    """What others take for the same queries, each with its recall."""

    def tell(told: Told) -> str:
        some = []
        for name, package in (
            ("faiss flat, exact", "faiss-cpu"),
            ("numpy, all sorted", "numpy"),
            ("usearch f16", "usearch"),
            ("faiss HNSW", "faiss-cpu"),
            ("ours, exact", ""),
        ):
            found = told("vectors", rows).get(name)
            if name in names and found:
                peer = f" ({told.peer(package)})" if package else ""
                cost = f"{_ms(found['median_ms'])}, recall {found['recall']:.3f}"
                some.append(f"{name}{peer} {cost}")
        return "; ".join(some)

    return tell


def _fused(other: str) -> Callable[[Told], str]:
    def tell(told: Told) -> str:
        _, low, high = told("quality", f"fused - {other}")
        means = {name: told("quality", name)[0] for name in ("fused", other)}
        peer = f" ({told.peer('tantivy')})" if other == "tantivy" else ""
        return (
            f"fused {means['fused']:.3f}, {other}{peer} {means[other]:.3f}; 95 % interval of the "
            f"difference over the questions {low:+.3f} to {high:+.3f}"
        )

    return tell


def _tantivy(told: Told) -> str:
    ours, peer = (told("text", f"{name}_query_ms") for name in ("fts5", "tantivy"))
    built = [told("text", f"{name}_build_s") for name in ("fts5", "tantivy")]
    return (
        f"{told.peer('tantivy')} {_ms(peer)}: ours {ours / peer:.1f} × it; index built in "
        f"{built[0]:.1f} s, tantivy's in {built[1]:.1f} s"
    )


def _opened(told: Told) -> str:
    ratio = told("open", "wall_s") / told("open", "sqlite_s")
    return f"{ratio:.1f} × sqlite3.connect and one row; {told('works'):,} works"


def _networkx(unit: str) -> Callable[[Told], str]:
    def tell(told: Told) -> str:
        ratio = told("graph", unit) / told("networkx", unit)
        return (
            f"{ratio:.2f} × {told.peer('networkx')} with the same edges and nothing read; "
            f"{told('graph', 'edges'):,} edges"
        )

    return tell


def _one_new(told: Told) -> str:
    return (
        f"a run without news, {told('works'):,} works; everything again costs "
        f"{told('ratios', 'everything_to_one_new'):.1f} × the one new paper"
    )


def _server(told: Told) -> str:
    return f"PostgreSQL {told('server', 'postgresql')} with pgvector {told('server', 'pgvector')}"


def _hnsw(told: Told) -> str:
    found = told("nearest", "hnsw_200")
    return (
        f"{_server(told)}, {told('nearest', 'vectors'):,} vectors: {_ms(found['ms'])}, "
        f"{found['ratio_to_exact_by_server']:.0f} × as fast as all compared by the server, "
        f"{found['ratio_to_exact_here']:.2g} × as fast as all compared here"
    )


def _written(told: Told) -> str:
    rates = [told("written", f"{name}_per_second") for name in ("postgresql", "sqlite")]
    return f"{_server(told)}: {rates[0]:,} vectors a second; SQLite {rates[1]:,}"


def _overhead(told: Told) -> str:
    return (
        f"one process: {told('shard', 'one_process_ms_of_cpu_for_as_many_texts'):.1f} ms of CPU "
        f"for as many texts; {told.peer('ray')}, {told('shard', 'texts_in_a_shard')} texts in a "
        f"shard, {told('shard', 'ms_between_shards'):.1f} ms from one to the next"
    )


def _pool(part: str, same: Callable[[Told], str]) -> Callable[[Told], str]:
    def tell(told: Told) -> str:
        once, ready = (
            told(part, name) for name in ("ratio_once_loaded", "until_models_are_loaded_s")
        )
        return (
            f"one process with all cores; {once:.2f} × once the models are loaded, which takes "
            f"{ready:.1f} s; {same(told)}"
        )

    return tell


def _linking(told: Told) -> str:
    return (
        f"{told('processes')} processes, {told('theses')} theses; one process "
        f"{told('works_per_second_one_process'):,}, counting words and reading vectors alone "
        f"{told('words_and_vectors_alone_per_second'):,}"
    )


def _bare(name: str) -> Callable[[Told], str]:
    def tell(told: Told) -> str:
        found = told(name)
        brought = ", ".join(found["brought"]) or "none"
        return (
            f"{found['times_python']:.1f} × python -c pass, {found['times_peers']:.2f} × import "
            f"sqlmodel, typer ({told.peer('sqlmodel')}, {told.peer('typer')}); of torch and other "
            f"heavy packages it loads {brought}"
        )

    return tell


def _largest(told: Told) -> dict[str, Any]:
    found: dict[str, Any] = told("builds")[-1]
    return found


def _material(told: Told) -> str:
    found = _largest(told)
    return (
        f"{told.peer('mkdocs-material')} alone on the same {found['pages']:,} pages: "
        f"{found['plain']['cpu_ms_a_page']:.1f} ms; ours {found['to_plain']:.2f} × it"
    )


def _pages(told: Told) -> str:
    few, many = told("builds")[0], _largest(told)
    plain = many["plain"]["cpu_ms_a_page"] / few["plain"]["cpu_ms_a_page"]
    return (
        f"from {few['pages']:,} to {many['pages']:,} pages; a page of the largest costs "
        f"{told('linearity', 'largest_to_smallest'):.2f} × one of the smallest, with "
        f"{told.peer('mkdocs-material')} alone {plain:.2f} ×"
    )


# -- the goals -------------------------------------------------------------------------------------

EXACT = ("faiss flat, exact", "numpy, all sorted")
NEAR = ("usearch f16", "faiss HNSW", "ours, exact")

ROWS = (
    Row(
        "Encoding on processors, to plain sentence-transformers", "embed",
        lambda told: _encoder(told, "ratio"), "{:.2f} ×", _plain_encode, least=3.5, why=_profile,
    ),
    Row(
        "Encoding on processors, share of the limit of matrix products", "embed",
        lambda told: 100 * _encoder(told, "share_of_limit"), "{:.0f} %", _limit, least=60,
        why=_profile,
    ),
    Row(
        "Vectors, least cosine to fp32", "embed",
        lambda told: _encoder(told, "least_cosine"), "{:.5f}",
        lambda told: f"{told.peer('sentence-transformers')}, fp32; {told('texts'):,} texts",
        least=0.9999,
        why=lambda told: (
            f"weights and products have 8 bits of fraction; the mean is "
            f"{_encoder(told, 'mean_cosine'):.6f}"
        ),
    ),
    Row(
        "Vectors, the ten nearest that are the same", "embed",
        lambda told: _encoder(told, "top_10_overlap"), "{:.3f}",
        lambda told: f"{told.peer('sentence-transformers')}, fp32; {told('texts'):,} texts",
        least=0.99,
        why=lambda told: (
            f"neighbors whose scores differ by less than the rounding of bf16 change places; the "
            f"mean cosine is {_encoder(told, 'mean_cosine'):.6f}"
        ),
    ),
    Row(
        "OpenVINO in place of torch, to plain sentence-transformers", "embed",
        lambda told: told("encoders", f"openvino {told('ours').split()[-1]}", "ratio"), "{:.2f} ×",
        lambda told: f"{told.peer('openvino')}; ours by torch {_encoder(told, 'ratio'):.2f} ×",
    ),
    Row(
        "One GPU, texts of 256 tokens a second, MiniLM", "embed",
        lambda told: told("card", "texts_per_second"), "{:,.0f}",
        lambda told: (
            f"{told.peer('sentence-transformers')} on {told('card', 'name')}: ours "
            f"{told('card', 'ratio')} × it; the model alone "
            f"{told('card', 'texts_per_second_model_alone'):,} a second"
        ),
        least=30_000, otherwise=NO_CARD,
    ),
    Row(
        "One GPU, texts of 256 tokens a second, a model of base size", "embed",
        lambda told: told("card", "base", "texts_per_second"), "{:,.0f}", lambda _: "",
        least=7_000, otherwise=NO_CARD,
    ),
    Row(
        "Bulk intake, records a second by the wall", "bulk",
        lambda told: told("first", "records") / told("first", "wall"), "{:,.0f}", _added,
        least=10_000, why=_processors,
    ),
    Row(
        "Bulk intake, peak memory", "bulk",
        lambda told: told("first", "peak_mb"), "{:,.0f} MB",
        lambda told: f"a plain session.add loop: {told('session_add', 'peak_mb'):,.0f} MB",
        most=400,
    ),
    Row(
        "Bulk intake, the second pass to the first", "bulk",
        lambda told: told("ratios", "second_pass_to_first"), "{:.1f} × as fast", _second, least=5,
    ),
    Row(
        "Funnel, abstracts a second of a core", "funnel",
        lambda told: told("abstracts_per_second"), "{:,.0f}", _funnel, least=20_000,
    ),
    Row(
        "Funnel, recall of labelled links", "funnel",
        lambda told: told("recall"), "{:.3f}", _labels, least=0.98,
    ),
    Row(
        "Exact search, 100,000 vectors", "search",
        lambda told: told("vectors", "100000", "ours, exact", "median_ms"), "{:.1f} ms",
        _peers("100000", *EXACT), most=30,
    ),
    Row(
        "Exact search, 1,000,000 vectors", "search",
        lambda told: told("vectors", "1000000", "ours, exact", "median_ms"), "{:.1f} ms",
        _peers("1000000", *EXACT), most=100,
    ),
    Row(
        "Approximate index, recall of the ten nearest of 100,000", "search",
        lambda told: told("vectors", "100000", "ours, index", "recall"), "{:.3f}",
        lambda told: (
            f"{_ms(told('vectors', '100000', 'ours, index', 'median_ms'))}; "
            f"{_peers('100000', *NEAR)(told)}"
        ),
    ),
    Row(
        "Fused search over words alone, nDCG@10", "search",
        lambda told: told("quality", "fused - words")[0], "{:+.3f}", _fused("words"), least=0.0,
        said="better",
    ),
    Row(
        "Fused search over vectors alone, nDCG@10", "search",
        lambda told: told("quality", "fused - vectors")[0], "{:+.3f}", _fused("vectors"), least=0.0,
        said="better",
    ),
    Row(
        "Fused search over tantivy, nDCG@10", "search",
        lambda told: told("quality", "fused - tantivy")[0], "{:+.3f}", _fused("tantivy"),
    ),
    Row(
        "Full text by FTS5, a query of three words", "search",
        lambda told: told("text", "fts5_query_ms"), "{:.1f} ms", _tantivy,
    ),
    Row(
        "Opening a store of 200,000 works", "graph",
        lambda told: 1000 * told("open", "wall_s"), "{:.1f} ms", _opened, most=50,
    ),
    Row(
        "Graph of 1,000,000 edges, seconds of CPU", "graph",
        lambda told: told("graph", "cpu_s"), "{:.1f} s", _networkx("cpu_s"), most=10,
    ),
    Row(
        "Graph of 1,000,000 edges, memory", "graph",
        lambda told: told("graph", "memory_mb"), "{:,.0f} MB", _networkx("memory_mb"), most=800,
    ),
    Row(
        "One new paper, to a run without news", "increment",
        lambda told: told("ratios", "one_new_to_none"), "{:.2f} ×", _one_new, most=1.5,
        why=lambda told: (
            "a run without news takes "
            f"{told('none', 'all'):.2f} s, nearly all of it to check the store and to read our own "
            f"files; the new paper adds {told('one_new', 'all') - told('none', 'all'):.2f} s, most "
            f"of it the funnel's table of theses ({told('one_new', 'funnel'):.2f} s) and the close "
            f"of a cycle ({told('one_new', 'cycle'):.2f} s), which a run without news leaves out"
        ),
    ),
    Row(
        "PostgreSQL, recall of the ten nearest by HNSW", "postgres",
        lambda told: told("nearest", "hnsw_200", "recall_at_10"), "{:.3f}", _hnsw,
    ),
    Row(
        "PostgreSQL, vectors written a second, to SQLite", "postgres",
        lambda told: told("written", "ratio"), "{:.2f} ×", _written,
    ),
    Row(
        "Cluster, what a shard costs the process that commits", "cluster",
        lambda told: told("shard", "committer_ms_a_shard"), "{:.1f} ms of CPU", _overhead,
    ),
    Row(
        "Cluster, encoding by two workers to one process", "cluster",
        lambda told: told("embed", "ratio"), "{:.2f} ×",
        _pool("embed", lambda told: f"least cosine between their vectors "
              f"{told('embed', 'least_cosine'):.6f}"),
    ),
    Row(
        "Cluster, linking by two workers to one process", "cluster",
        lambda told: told("link", "ratio"), "{:.2f} ×",
        _pool("link", lambda told: f"{told('link', 'rows_that_differ')} of {told('link', 'rows')} "
              "links differ"),
    ),
    Row(
        "Linking, works a second of all cores", "linking",
        lambda told: told("works_per_second"), "{:,.0f}", _linking, least=1000,
    ),
    Row(
        "`kb --help`", "startup",
        lambda told: told("kb --help", "wall_s"), "{:.2f} s", _bare("kb --help"), most=0.4,
    ),
    Row(
        "`import kb`", "startup",
        lambda told: told("import kb", "wall_s"), "{:.2f} s", _bare("import kb"), most=0.3,
    ),
    Row(
        "Site, CPU a page", "site",
        lambda told: _largest(told)["cpu_ms_a_page"], "{:.1f} ms", _material, most=20,
    ),
    Row(
        "Site, CPU of a page more, to a page of the smallest site", "site",
        lambda told: told("linearity", "to_a_page_of_the_smallest"), "{:.2f} ×", _pages, most=1.1,
        said="linear: under 1.10 ×",
    ),
)  # fmt: skip
"""Every figure, in the order of the table."""


if __name__ == "__main__":
    main()
