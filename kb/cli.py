"""The `kb` command: the composition root, the only module that may import everything."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kb.errors import ConfigError, ContentError, KnowledgeBaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kb.encoder import Encoder
    from kb.export import Selection
    from kb.query import KnowledgeBase
    from kb.store import Store
    from kb.views import View

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Track the debate on deep learning theory: ingest, link, ask, publish.",
    epilog="Exit codes: 0 fine; 1 a fault; 2 bad input; 3 not found; 4 faults in curated "
    "files; 5 the database cannot be used; 6 another process is writing; 7 no encoder; "
    "8 a source cannot be reached now; 9 a file or answer cannot be read.",
)
ingest = typer.Typer(no_args_is_help=True, help="Take in works from a source.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Model = Annotated[
    str | None,
    typer.Option("--model", envvar="KB_MODEL", help="The encoder: a folder or a name."),
]


class Device(StrEnum):
    """Choices of --device."""

    auto = "auto"
    cuda = "cuda"
    mps = "mps"
    cpu = "cpu"


On = Annotated[Device, typer.Option("--device", help="Where the encoder runs.")]
Strand = Annotated[str, typer.Option("--strand", help="Only this strand.")]


class _Settings:
    """What the options before the command say; filled once per call by `main`."""

    database: str = ""


@app.callback()
def main(
    db: Annotated[
        str,
        typer.Option("--db", envvar="KB_DB", help="The database: a path or a SQLAlchemy URL."),
    ] = "data/kb.sqlite",
) -> None:
    """Track the debate on deep learning theory: ingest, link, ask, publish."""
    _Settings.database = db


# -- making --------------------------------------------------------------------------------


@app.command()
def init() -> None:
    """Make the database or bring it up to date, and load the curated debate."""
    from kb import content, curation
    from kb.store import Store

    curated = content.load()
    store = Store(_Settings.database)
    if backup := store.migrate():
        typer.echo(f"backed up to {backup}", err=True)
    counts = curation.apply(store, curated)
    typer.echo(f"{store.name}: {_by_change(counts) or 'nothing changed'}")


@app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of curated files; the package's own by default.")
    ] = None,
    schemas: Annotated[
        Path | None,
        typer.Option("--write-schemas", help="Write the JSON Schemas of the files here."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the curated files and name the file and line of every fault."""
    from kb import content, schema

    if schemas is not None:
        schemas.mkdir(parents=True, exist_ok=True)
        for name in schema.FILES:
            text = json.dumps(schema.json_schema(name), indent=2, ensure_ascii=False)
            (schemas / f"{name}.schema.json").write_text(f"{text}\n", encoding="utf-8")
        typer.echo(f"{len(schema.FILES)} schemas in {schemas}")
        return
    found, faults = content.inspect(folder)
    if as_json:
        _print_json([{"file": f.file, "line": f.line, "message": f.message} for f in faults])
    else:
        for fault in faults:
            typer.echo(str(fault))
    if faults or found is None:
        raise typer.Exit(ContentError.exit_code)
    if not as_json:
        placed = sum(len(digest.sources) for digest in found.digests.digests)
        typer.echo(
            f"no faults: {len(found.works.works)} works, {len(found.claim_ids)} claims, "
            f"{len(found.tensions.tensions)} tensions, {placed} sources placed"
        )


@app.command()
def embed(model: Model = None, device: On = Device.auto) -> None:
    """Turn every text that has no vector yet into one."""
    from ingest.embed import run

    store = _store()
    with _progress("embedding") as progress:
        counts = run(store, _encoder(model, device), progress)
    typer.echo(f"{store.name}: {_tally(counts) or 'nothing new'}")


@app.command()
def link(model: Model = None, device: On = Device.auto) -> None:
    """Propose which works bear on which claims, with the sentence that shows it."""
    from ingest.link import run

    store = _store()
    with _progress("linking") as progress:
        counts = run(store, _encoder(model, device), progress)
    typer.echo(f"{store.name}: {_tally(counts) or 'nothing new'}")


@app.command()
def cycle() -> None:
    """Close a cycle: keep a snapshot of the debate unless nothing changed."""
    from kb import cycles

    store = _store()
    number, new = cycles.close(store)
    typer.echo(f"{store.name}: cycle {number}{'' if new else ', nothing changed since'}")


@app.command()
def site(
    out: Annotated[Path, typer.Option(help="Folder for the pages and the site.")] = Path("build"),
) -> None:
    """Write the pages and build the web site."""
    from kb import publish

    with _open() as debate, _waiting("building the site"):
        told = publish.publish(debate, out)
        counts = debate.status()
    typer.echo(told)
    typer.echo(
        f"in it: {counts.tensions} tensions, {counts.theses} theses, {counts.findings} findings, "
        f"{counts.works} works, {counts.voices} voices, {counts.events} events, "
        f"{_tally(dict(counts.links))} links"
    )


# -- taking in --------------------------------------------------------------------------------

app.add_typer(ingest, name="ingest")


@ingest.callback(invoke_without_command=True)
def taking_in(
    context: typer.Context,
    show_refused: Annotated[
        bool, typer.Option("--show-refused", help="List the records that could not be read.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take in works from a source."""
    if context.invoked_subcommand is not None:
        return
    if not show_refused:
        typer.echo(context.get_help())
        return
    from ingest.intake import refused

    rows = refused(_store())
    if as_json:
        _print_json(
            [
                {
                    "source": row.source,
                    "url": row.url,
                    "reason": row.reason,
                    "recorded": row.recorded_at.isoformat(),
                    "head": row.head.decode("utf-8", "replace"),
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        head = _plain(row.head.decode("utf-8", "replace"))
        typer.echo(f"{row.source} {_plain(row.url)}: {_plain(row.reason)}\n    {head}")
    typer.echo(f"{len(rows)} refused")


@ingest.command("arxiv")
def ingest_arxiv(
    since: Annotated[
        str,
        typer.Option(help="Changed on or after this date; by default since the last time."),
    ] = "",
    strand: Strand = "",
    contact: Annotated[
        str,
        typer.Option(envvar="KB_CONTACT", help="An address that arXiv's operators may write to."),
    ] = "",
) -> None:
    """Ask arXiv's API for each strand's queries (kb/debate/sources.yaml)."""
    from ingest import pipeline
    from ingest.http import Session
    from ingest.sources.arxiv import HOSTS
    from kb import content, dates
    from kb.errors import NotFoundError

    dates.span(since)
    queries = [(entry.strand, entry.query) for entry in content.load().sources.arxiv]
    if strand:
        known = {name for name, _ in queries}
        queries = [entry for entry in queries if entry[0] == strand]
        if not queries:
            raise NotFoundError(
                "strand with an arXiv query", strand, content.nearest(strand, known)
            )
    store = _store()
    with Session(HOSTS, contact=contact) as session, _progress("arXiv") as progress:
        counts = pipeline.ingest_arxiv(
            store, queries, since or None, session.fetch, lambda done: progress(done, 0)
        )
    typer.echo(f"{store.name}: {_tally(counts) or 'nothing new'}")


@ingest.command("arxiv-snapshot")
def ingest_snapshot(
    file: Annotated[Path, typer.Argument(help="JSON Lines: plain, .gz, .xz or .zst.")],
) -> None:
    """Take in the public arXiv metadata dump, or a part of it."""
    from ingest import pipeline

    store = _store()
    with _progress("records") as progress:
        counts = pipeline.ingest_snapshot(store, file, lambda done: progress(done, 0))
    typer.echo(f"{store.name}: {_tally(counts) or 'nothing in it'}")


@app.command("preview-links")
def preview_links(
    source: Annotated[Path, typer.Argument(help='JSON Lines of {"id", "title", "abstract"}.')],
    target: Annotated[Path, typer.Argument(help="Where to write the links, JSON Lines.")],
    model: Model = None,
    device: On = Device.auto,
) -> None:
    """Show which links the linker would propose for abstracts, without touching the store."""
    from ingest.link import preview
    from kb import content

    theses = content.load().theses
    partial = target.with_name(f"{target.name}.part")
    try:
        with source.open("rb") as lines, partial.open("w", encoding="utf-8") as out:
            count = 0
            for answer in preview(lines, theses, _encoder(model, device)):
                out.write(json.dumps(answer, ensure_ascii=False) + "\n")
                count += 1
        partial.replace(target)
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    typer.echo(f"{count} works -> {target}")


# -- asking ---------------------------------------------------------------------------------


@app.command()
def status(as_json: Json = False) -> None:
    """Print the counts of everything in the database."""
    with _open() as debate:
        counts = debate.status()
    flat: dict[str, Any] = {}
    for name, value in counts.as_dict().items():
        flat[name] = dict(value) if isinstance(value, tuple) else value
    flat["claims"] = {"thesis": flat.pop("theses"), "finding": flat.pop("findings")}
    if as_json:
        _print_json(flat)
        return
    for name, value in sorted(flat.items()):
        shown = _tally(value) if isinstance(value, dict) else value
        typer.echo(f"{name.replace('_', ' '):16} {shown}")


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="Any id: C02, T2, V01, bonnaire-2025, 2505.17638 …")],
    as_json: Json = False,
) -> None:
    """Print everything known of one thing."""
    with _open() as debate:
        view = debate.show(id)
    if as_json:
        _print_json(view.as_dict())
    else:
        typer.echo(_long(view))


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words or a sentence.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many results.")] = 10,
    words_only: Annotated[
        bool, typer.Option("--words-only", help="Do not load the encoder.")
    ] = False,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Find works, claims, tensions, voices and events."""
    with _open(model) as debate:
        hits = debate.search(text, k, meaning=False if words_only else None)
    _print_views(hits, as_json, lambda hit: f"{hit.headline()}\n    {hit.snippet}")


@app.command()
def similar(
    work: Annotated[str, typer.Argument(help="Any identifier of a work.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many works.")] = 10,
    as_json: Json = False,
) -> None:
    """List the works most like one, each with the reason."""
    with _open() as debate:
        near = debate.similar(work, k)
    _print_views(near, as_json)


@app.command()
def timeline(
    strand: Strand = "",
    since: Annotated[str, typer.Option(help='Inclusive EDTF date, "2025" or "2025-05".')] = "",
    until: Annotated[str, typer.Option(help="Inclusive EDTF date.")] = "",
    as_json: Json = False,
) -> None:
    """List what happened, oldest first."""
    with _open() as debate:
        entries = debate.timeline(strand, since, until)
    _print_views(entries, as_json)


@app.command()
def tensions(as_json: Json = False) -> None:
    """List the questions on which claims pull apart."""
    with _open() as debate:
        found = debate.tensions()

    def lines(view: Any) -> str:
        return "\n".join([view.headline(), *(f"    {pole.headline()}" for pole in view.poles)])

    _print_views(found, as_json, lines)


class Level(StrEnum):
    """Choices of --level."""

    thesis = "thesis"
    finding = "finding"


@app.command()
def claims(
    level: Annotated[Level | None, typer.Option(help="Only theses or only findings.")] = None,
    strand: Strand = "",
    as_json: Json = False,
) -> None:
    """List the claims with their balance of lineages."""
    with _open() as debate:
        if strand:
            known = {view.id for view in debate.strands()}
            if strand not in known:
                from kb.content import nearest
                from kb.errors import NotFoundError

                raise NotFoundError("strand", strand, nearest(strand, known))
        found = debate.claims(level.value if level else "", strand)
    _print_views(found, as_json, lambda v: f"{v.headline()}\n    {v.balance.headline()}")


@app.command()
def serve(
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Speak the Model Context Protocol on standard input.")
    ] = False,
    model: Model = None,
) -> None:
    """Answer a reader's assistant with read-only tools."""
    from kb.serve import server

    if not mcp:
        raise ConfigError("say which protocol to speak: kb serve --mcp")
    with _open(model) as debate:
        server(debate).run("stdio")


@app.command()
def shell(model: Model = None) -> None:
    """Open IPython with `debate` ready."""
    try:
        from IPython import start_ipython
    except ImportError as error:
        raise ConfigError("IPython is absent: pip install 'dissensus[shell]'") from error
    with _open(model) as debate:
        start_ipython(argv=["--no-banner"], user_ns={"debate": debate})


@app.command()
def cycles(as_json: Json = False) -> None:
    """List the cycles, the reconstructed past first, with what each holds."""
    with _open() as debate:
        found = debate.cycles()
    if as_json:
        keep = ("number", "valid", "reconstructed", "hash", "parent", "created", "counts", "before")
        rows = []
        for view in found:
            row = view.as_dict()
            rows.append(
                {
                    "name": view.name,
                    **{name: row[name] for name in keep},
                    "counts": dict(view.counts),
                    "tensions": list(view.tensions),
                    "undated": view.undated,
                    "changes": len(view.changes),
                }
            )
        _print_json(rows)
        return
    for view in found:
        since = f"; {len(view.changes)} events since {view.before}" if view.before else ""
        typer.echo(f"{view.headline()}\n    {_tally(dict(view.counts))}{since}")


@app.command()
def diff(
    before: Annotated[
        str, typer.Argument(help="A cycle: its number, six characters of its hash, or a past day.")
    ],
    after: Annotated[str, typer.Argument(help="Another, in either order.")],
    events: Annotated[
        bool, typer.Option("--events", help="Print the events, one a line, not the story.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell what changed between any two cycles."""
    with _open() as debate:
        found = debate.diff(before, after)
    if as_json:
        _print_json(found.as_dict())
        return
    typer.echo(found.headline())
    if events:
        for change in found.changes:
            typer.echo(_plain(f"{change.id} {change.headline()}"))
        return
    for passage in found.narrative:
        typer.echo(f"\n{passage.title}")
        for sentence in passage.sentences:
            typer.echo(f"  {_plain(sentence.text)}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check the database, the curated files' freshness, the libraries and the model."""
    from kb import diagnosis

    findings = diagnosis.examine(_Settings.database)
    if as_json:
        _print_json([{"check": f.check, "ok": f.ok, "detail": f.detail} for f in findings])
    else:
        for f in findings:
            typer.echo(f"{'ok  ' if f.ok else 'FAIL'} {f.check}: {f.detail}")
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


# -- giving away ----------------------------------------------------------------------------


@app.command()
def export(
    format: Annotated[
        str,
        typer.Argument(
            help="bibtex, biblatex, csl-json, ris, jsonld, nanopub, graphml, gexf, cytoscape, "
            "argdown, aif, atom, rss, jsonfeed, icalendar, csv, parquet or sqlite."
        ),
    ],
    strand: Strand = "",
    claim: Annotated[str, typer.Option(help="Only this claim and what belongs to it.")] = "",
    since: Annotated[str, typer.Option(help='Inclusive EDTF date, "2025" or "2025-05".')] = "",
    out: Annotated[
        Path | None, typer.Option(help="Where to write; csv and parquet want a folder.")
    ] = None,
    table: Annotated[str, typer.Option(help="Of csv or parquet, only this table.")] = "",
    site_url: Annotated[
        str, typer.Option("--site-url", help="Address of the published site, to link to it.")
    ] = "",
) -> None:
    """Write the debate, or a part of it, for another tool."""
    from kb import export as writers
    from kb.content import nearest

    if format not in writers.FORMATS:
        near = nearest(format.lower(), list(writers.FORMATS))
        hint = f" (did you mean {', '.join(near)}?)" if near else ""
        raise ConfigError(f"no format {format!r}{hint}; there are {', '.join(writers.FORMATS)}")
    tables = {t.name: t for t in writers.TABLES}
    if table and (format not in writers.TABULAR or table not in tables):
        raise ConfigError(f"csv and parquet have the tables {', '.join(tables)}; not {table!r}")
    if format == "sqlite":
        if out is None or strand or claim or since:
            raise ConfigError("sqlite copies the whole database: give --out FILE and no filter")
        store = _store()
        if store.path is not None and out.exists() and out.samefile(store.path):
            raise ConfigError(f"{out} is the database itself")
        with _written(out) as partial:
            store.copy(partial)
        typer.echo(f"{out}", err=True)
        return
    if format in writers.TABULAR and out is None and not table:
        raise ConfigError(
            f"{format} is one file a table: give --out FOLDER, or --table with one of "
            f"{', '.join(tables)}"
        )
    part = _selection(strand, claim, since, writers.site_base(site_url))
    if format in writers.DOCUMENTS:
        document = writers.DOCUMENTS[format]
        _write(document.write(part), out)
        for remark in document.left_out(part):
            typer.echo(_plain(remark), err=True)
        return
    write = writers.TABULAR[format]
    if table:
        _write(write(part, tables[table]), out)
        return
    for name, one in tables.items():
        _write(write(part, one), out / f"{name}.{format}" if out else None)


def _selection(strand: str, claim: str, since: str, base: str) -> Selection:
    """Gather what `kb export` writes; unknown names and dates are refused with the nearest."""
    from kb.export import Selection

    with _open() as debate:
        strands = debate.strands()
        strand = {view.id.lower(): view.id for view in strands}.get(strand.lower(), strand)
        timeline = debate.timeline(strand, since)
        claim = debate.claim(claim).id if claim else ""
        cycles = debate.cycles()
        whole = Selection(
            strands=tuple(strands),
            claims=tuple(debate.claims()),
            tensions=tuple(debate.tensions()),
            works=tuple(debate.works()),
            voices=tuple(debate.voices()),
            events=tuple(debate.events()),
            cycles=tuple(cycles),
            timeline=tuple(timeline),
            base=base,
            as_of=cycles[-1].created if cycles else "",
        )
    return whole.only(strand, claim, since)


def _write(chunks: Iterable[bytes], out: Path | None) -> None:
    """Write to a file that appears whole or not at all, or to standard output."""
    if out is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return
    with _written(out) as partial, partial.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
    typer.echo(f"{out}", err=True)


@contextlib.contextmanager
def _written(out: Path) -> Iterator[Path]:
    """Yield a path to write to, which takes the place of `out` when all went well."""
    partial = out.with_name(f"{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        yield partial
        partial.replace(out)
    except OSError as error:
        raise ConfigError(f"{error.filename or out}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@app.command("audit")
def audit_synthesis(
    file: Annotated[
        Path | None,
        typer.Argument(help="A synthesis in the form of kb.synthesis; our own content when none."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Lint a synthesis: what it says against its sources, dates and counts."""
    from kb import audit
    from kb.errors import SynthesisError
    from kb.synthesis import MOST_BYTES, decode, parse

    synthesis = None
    if file is not None:
        try:
            with file.open("rb") as raw:
                synthesis = parse(decode(raw.read(MOST_BYTES + 1)))
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from error
        except SynthesisError as error:
            raise SynthesisError(error.line, error.message, str(file)) from error
    with _open() as debate:
        known = audit.Knowledge(
            tuple(debate.works()),
            tuple(debate.claims()),
            tuple(debate.voices()),
            tuple(debate.digests()),
        )
        if synthesis is None:
            told = audit.audit_ours(known, tuple(debate.strands()), tuple(debate.tensions()))
        else:
            told = audit.audit(synthesis, known)
    if as_json:
        _print_json(told.as_dict())
    else:
        for finding in told.findings:
            typer.echo(_plain(finding.headline()))
            typer.echo(f"    {_plain(finding.place.words)}")
            if finding.look:
                typer.echo(f"    look: {_plain(finding.look)}")
            if finding.also:
                more = (place.name or f"line {place.line}" for place in finding.also)
                typer.echo(f"    also: {_plain(', '.join(more))}")
        typer.echo(f"{_plain(told.title)}: {told.headline()}")
    if told.findings:
        raise typer.Exit(1)


# -- inside ---------------------------------------------------------------------------------


def _store() -> Store:
    from kb.store import Store

    return Store.open(_Settings.database)


def _open(model: str | None = None) -> KnowledgeBase:
    from kb.query import KnowledgeBase

    return KnowledgeBase.open(_Settings.database, model=model)


def _encoder(model: str | None, device: Device) -> Encoder:
    from kb.encoder import SentenceTransformerEncoder

    return SentenceTransformerEncoder(model, device=device.value)


def _plain(text: str) -> str:
    """Text from outside for a terminal: one line, no control characters to obey."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{value} {name}" for name, value in counts.items() if value)


def _by_change(counts: dict[str, int]) -> str:
    """{"work added": 3, "claim added": 1} -> "added 3 work, 1 claim"."""
    groups: dict[str, list[str]] = {}
    for name, value in counts.items():
        kind, change = name.rsplit(" ", 1)
        groups.setdefault(change, []).append(f"{value} {kind.replace('_', ' ')}")
    return "; ".join(f"{change} {', '.join(kinds)}" for change, kinds in groups.items())


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def _print_views(
    views: Iterable[View], as_json: bool, line: Callable[[Any], str] | None = None
) -> None:
    if as_json:
        _print_json([view.as_dict() for view in views])
        return
    for view in views:
        typer.echo(line(view) if line else view.headline())


def _long(view: Any, indent: str = "") -> str:
    import dataclasses

    lines = [f"{indent}{view.headline()}"] if not indent else []
    for field in dataclasses.fields(view):
        value = getattr(view, field.name)
        if value in ("", None, (), {}):
            continue
        name = field.name.replace("_", " ")
        if isinstance(value, tuple):
            lines.append(f"{indent}{name}:")
            lines += [f"{indent}  - {_item(item)}" for item in value]
        elif not (field.name == "ref" and not indent):
            lines.append(f"{indent}{name}: {_item(value)}")
    return "\n".join(lines)


def _item(value: Any) -> str:
    if hasattr(value, "headline"):
        return str(value.headline())
    if isinstance(value, tuple):
        return " · ".join(_item(part) for part in value if part)
    return str(value)


@contextlib.contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of (done, total) that draws a bar when a person is watching."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield update


@contextlib.contextmanager
def _waiting(what: str) -> Iterator[None]:
    """Say that something is going on, when a person is watching."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def run() -> None:
    """Run the command line: one clear line and an exit code, never a traceback.

    A closed pipe (kb timeline | head) ends quietly.
    """
    try:
        app()
    except KnowledgeBaseError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("interrupted; what was done is kept, run it again to go on", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
