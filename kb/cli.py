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
    from ingest.pipeline import refused

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
    with Session(contact=contact) as session, _progress("arXiv") as progress:
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
