"""The `kb` command: the composition root, the only module that may import everything."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kb.errors import (
    BusyError,
    ConfigError,
    ContentError,
    EncoderError,
    KnowledgeBaseError,
    StoreError,
)
from kb.plain import plain as _plain
from kb.vocabulary import WorkRelationKind  # noqa: TC001 - Typer reads it at run time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ingest.http import Session
    from ingest.link.endpoint import Endpoint
    from ingest.pipeline import Embed, Harvested, Link
    from ingest.records import Errand, EventDraft
    from kb.encoder import Encoder
    from kb.export import Selection
    from kb.measured import Measured
    from kb.query import KnowledgeBase
    from kb.store import Store
    from kb.views import ProposalView, RunView, View

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Track the debate on deep learning theory: ingest, link, ask, publish.",
    epilog="Exit codes: 0 fine; 1 a fault; 2 bad input; 3 not found; 4 faults in curated "
    "files; 5 the database cannot be used; 6 another process is writing; 7 no encoder; "
    "8 a source cannot be reached now; 9 a file or answer cannot be read; 10 a run was partial: "
    "some sources or steps failed and the others went on.",
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
    openvino = "openvino"


On = Annotated[Device, typer.Option("--device", help="Where the encoder runs.")]


class JudgeKind(StrEnum):
    """Choices of --judge."""

    packaged = "packaged"
    endpoint = "endpoint"


class EngineKind(StrEnum):
    """Choices of --engine."""

    local = "local"
    ray = "ray"


Engine = Annotated[
    EngineKind,
    typer.Option(
        "--engine",
        help="ray: have a pool of workers do it, here or on a cluster; needs the extra cluster.",
    ),
]
Address = Annotated[
    str,
    typer.Option(
        "--address",
        help="With --engine ray: the cluster that is running, auto or HOST:PORT. Without it one "
        "is started on this machine, which no other can reach, and ends with the command.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="With --engine ray: how many processes with a model each; by default one for each "
        "graphics card, or for each core where there is none.",
    ),
]
Shared = Annotated[
    Path | None,
    typer.Option(
        "--work",
        help="With --engine ray: a folder that every machine of the cluster sees under this "
        "name, for what goes to workers and comes back; beside the database by default.",
    ),
]
Judging = Annotated[
    JudgeKind | None,
    typer.Option(
        "--judge",
        help="endpoint: ask the language model that KB_JUDGE_URL, KB_JUDGE_MODEL and "
        "KB_JUDGE_KEY name about what the packaged judge finds; packaged: drop what a model "
        "answered. Without it no model is asked, whatever the environment holds, and answers "
        "given before still count.",
    ),
]
Strand = Annotated[str, typer.Option("--strand", help="Only this strand.")]
Contact = Annotated[
    str,
    typer.Option(
        "--contact", envvar="KB_CONTACT", help="An address that a source's operators may write to."
    ),
]
Since = Annotated[
    str,
    typer.Option("--since", help="Changed on or after this date; by default since the last time."),
]
Out = Annotated[Path, typer.Option("--out", help="Folder for the pages and the site.")]
SiteUrl = Annotated[
    str,
    typer.Option("--site-url", envvar="KB_SITE_URL", help="Where the site will be published."),
]
IssuesUrl = Annotated[
    str,
    typer.Option(
        "--issues-url",
        envvar="KB_ISSUES_URL",
        help="Where readers write an issue (https://github.com/us/debate/issues/new): each "
        "machine's link then has a link that opens one.",
    ),
]

_SECRETS = ("OPENREVIEW_USERNAME", "OPENREVIEW_PASSWORD")
"""Variables of the environment that a source may need and nobody else may see."""
_HARVEST_CODES = (
    "Exit codes: 0 every source answered; 10 partial: some failed, the others went on; "
    "8 deferred: every source asked us to wait or could not be reached; 1 all failed."
)


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
    _settle(store, changed=bool(counts))
    typer.echo(f"{store.name}: {_by_change(counts) or 'nothing changed'}")


def _settle(store: Store, *, changed: bool) -> None:
    """Make what programmes and posts said agree with the curated files.

    Only where these have changed, or where a process died before it came to this.
    """
    from ingest import commentary, programmes
    from kb import curation
    from kb.models import Setting
    from kb.store import now, touch

    mark = store.setting(curation.SETTING)
    if not changed and store.setting("settled") == mark:
        return
    with store.write() as session:
        session.merge(Setting(name="settled", value=mark))
        if programmes.settle(session, now()):
            touch(session)
        commentary.relink(session)


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
        for name in schema.SCHEMAS:
            text = json.dumps(schema.json_schema(name), indent=2, ensure_ascii=False)
            (schemas / f"{name}.schema.json").write_text(f"{text}\n", encoding="utf-8")
        typer.echo(f"{len(schema.SCHEMAS)} schemas in {schemas}")
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
def embed(
    model: Model = None,
    device: On = Device.auto,
    indexed: Annotated[
        bool,
        typer.Option(
            "--index",
            help="Also keep an approximate index beside the file, as is done by itself from a "
            "million works on.",
        ),
    ] = False,
    engine: Engine = EngineKind.local,
    address: Address = "",
    workers: Workers = None,
    work: Shared = None,
) -> None:
    """Turn every text that has no vector yet into one."""
    from ingest import pipeline
    from kb import approximate

    if indexed:
        approximate.require()
    store, encoder = _store(), _encoder(model, device)
    pool = (address, workers, work)
    with (
        _engines(engine, store, encoder, model, device, pool) as (embedding, _),
        _progress("embedding") as progress,
    ):
        counts = pipeline.embed(store, encoder, progress, engine=embedding)
    typer.echo(f"{store.name}: {_tally(counts) or 'nothing new'}")
    if where := getattr(encoder, "where", ""):
        typer.echo(f"{encoder.name} on {where}", err=True)
    if indexed:
        typer.echo(approximate.told(store, approximate.make(store, encoder.name, asked=True)))
    elif advice := approximate.advice(store):
        typer.echo(advice, err=True)


@app.command()
def link(
    model: Model = None,
    device: On = Device.auto,
    judge: Judging = None,
    engine: Engine = EngineKind.local,
    address: Address = "",
    workers: Workers = None,
    work: Shared = None,
) -> None:
    """Propose which works bear on which claims, with the sentence that shows it."""
    from ingest import pipeline
    from kb import current

    endpoint = _endpoint(judge)
    store, encoder = _store(), _encoder(model, device)
    if judge == JudgeKind.packaged:
        pipeline.choose_judge(store, "")
    pool = (address, workers, work)
    with (
        _engines(engine, store, encoder, model, device, pool) as (embedding, linking),
        _progress("linking") as progress,
    ):
        if linking is None:
            store.ensure_sound()  # what a damaged file says of its vectors is no advice
            current.require(store, encoder.name)
        else:  # the vectors that are missing would be made here
            pipeline.embed(store, encoder, engine=embedding)
        counts = pipeline.link(store, encoder, progress, endpoint=endpoint, engine=linking)
    typer.echo(f"{store.name}: {_tally(counts) or 'nothing new'}")


@app.command()
def funnel(
    works: Annotated[
        list[str] | None,
        typer.Option("--pass", help="Let this work pass, whatever its words; may be repeated."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", help="Hold back what scores below it, from now on."),
    ] = None,
    packaged: Annotated[
        bool, typer.Option("--packaged", help="Go back to the packaged threshold.")
    ] = False,
) -> None:
    """Hold back works of whole categories whose words have little to do with any thesis.

    Which sources are sifted stands in sources.yaml under `funnel`. What is held back is kept,
    and is neither embedded nor linked nor shown until it passes.
    """
    from ingest import funnel as sieve
    from ingest import pipeline
    from kb import content, held, ids

    if packaged and threshold is not None:
        raise typer.BadParameter("--threshold and --packaged contradict each other")
    store = _store()
    if works:
        for id in sieve.let_pass(store, [ids.parse(work) for work in works]):
            typer.echo(f"passes: {id}")
    config = content.load().sources
    if packaged:
        pipeline.sift_as_packaged(store)
    counts = pipeline.sift(store, config, threshold=threshold)
    with store.read() as session:
        total = held.count(session)
    typer.echo(f"{store.name}: {_tally(counts) or 'nothing new'}; {total:,} works are held back")
    if not config.funnel:
        typer.echo("no source is sifted: sources.yaml lists none under funnel")


@app.command()
def cycle() -> None:
    """Close a cycle: keep a snapshot of the debate unless nothing changed."""
    from ingest import pipeline

    store = _store()
    number, new = pipeline.cycle(store)
    typer.echo(f"{store.name}: cycle {number}{'' if new else ', nothing changed since'}")


@app.command()
def site(out: Out = Path("build"), site_url: SiteUrl = "", issues_url: IssuesUrl = "") -> None:
    """Write the pages and build the web site."""
    from kb import publish

    with _open() as debate, _waiting("building the site"):
        told = publish.publish(
            debate, out, site_url=site_url, issues_url=issues_url, measured=_measured()
        )
        counts = debate.status()
    typer.echo(told)
    typer.echo(
        f"in it: {counts.tensions} tensions, {counts.theses} theses, {counts.findings} findings, "
        f"{counts.works} works, {counts.voices} voices, {counts.events} events, "
        f"{_tally(dict(counts.links))} links"
    )


def _measured() -> Measured | None:
    """Return what was measured of the linker that comes with the package; None for nothing.

    Raises:
        ConfigError: The file is there and cannot be read.
    """
    from importlib import resources

    from kb import measured

    file = resources.files("ingest.link") / measured.NAME
    return measured.read(file.read_text("utf-8")) if file.is_file() else None


@app.command("run", epilog=f"{_HARVEST_CODES} A step after the harvest that fails makes it 10.")
def run_everything(
    offline: Annotated[bool, typer.Option("--offline", help="Ask no network source.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Ask every source and redo every step, due or not.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Ask this source alone, due or not; may be repeated."),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", help="Take in what this source says although it undoes much."),
    ] = None,
    no_site: Annotated[bool, typer.Option("--no-site", help="Leave the web site.")] = False,
    out: Out = Path("build"),
    site_url: SiteUrl = "",
    issues_url: IssuesUrl = "",
    model: Model = None,
    device: On = Device.auto,
    judge: Judging = None,
    contact: Contact = "",
) -> None:
    """Do all that is due: curated files, sources, vectors, links, a cycle, the site.

    A source that fails stops nothing. A run that was cut short goes on where it was; one that
    finds nothing new changes nothing but the ledger.
    """
    from ingest import pipeline, sources
    from ingest.errors import SourceError
    from kb import content, curation, ledger
    from kb.store import Store

    endpoint = _endpoint(judge)
    curated = content.load()
    config = curated.sources
    known = sources.errands(config)
    accepted = {errand.name for errand in pipeline.choose(known, accept)} if accept else set()
    chosen = pipeline.choose(known, [*only, *accepted] if only else [])
    store = Store(_Settings.database)
    store.make_folder()
    faults: list[str] = []
    # One lock for all of it, the site included: its pages are read in many transactions, and
    # must agree with each other; and no two runs write one folder.
    with store.lock("run"):
        if backup := store.migrate():
            typer.echo(f"backed up to {backup}", err=True)
        with store.run("run") as entry:
            applied = curation.apply(store, curated)
            _settle(store, changed=bool(applied))
            ledger.enlist(store, pipeline.roster(config))
            asked = [errand for errand in chosen if not (offline and errand.hosts)]
            if not (everything or only):
                asked = pipeline.due(store, asked)
            with _watching() as watch:
                told = pipeline.harvest_all(
                    store, asked, _connect(store, contact), accept=accepted, progress=watch
                )
            steps = [("curated files", _by_change(applied))]
            sifted = pipeline.sift(store, config, again=everything)
            steps.append(("funnel", _tally({k: n for k, n in sifted.items() if k != "looked"})))
            with _faults_to(faults, ConfigError, EncoderError, SourceError):
                encoder = _encoder(model, device)
                with _progress("embedding") as progress:
                    made = pipeline.embed(store, encoder, progress, again=everything)
                steps.append(("vectors", _tally({"new": made.get("encoded", 0)})))
                if judge == JudgeKind.packaged:
                    pipeline.choose_judge(store, "")
                with _progress("linking") as progress:
                    made = pipeline.link(
                        store, encoder, progress, again=everything, endpoint=endpoint
                    )
                made.pop("unchanged", None)
                steps.append(("links", _tally(made)))
            number, new = pipeline.cycle(store, again=everything)
            steps.append(("cycle", f"{number} is new" if new else ""))
            if not no_site:
                from kb import publish
                from kb.query import KnowledgeBase

                # What cannot be written here is the site, not the database.
                with _faults_to(faults, ConfigError, StoreError), _waiting("building the site"):
                    built = publish.publish(
                        KnowledgeBase(store),
                        out,
                        site_url=site_url,
                        issues_url=issues_url,
                        measured=_measured(),
                    )
                    steps.append(("site", str(built) if built.built else ""))
            entry.outcome = pipeline.verdict(told)
            if faults and entry.outcome == "ok":
                entry.outcome = "partial"
            entry.counts = pipeline.total(told)
            entry.requests = sum(each.requests for each in told)
            entry.bytes = sum(each.bytes for each in told)
            failed = [each.errand.title for each in told if each.outcome != "ok"]
            entry.message = "; ".join([*(f"not read: {title}" for title in failed), *faults])
            outcome = entry.outcome
    if told:
        _print_harvest(told)
    else:
        typer.echo("no source was asked: " + ("offline" if offline else "none is due"))
    for name, did in steps:
        typer.echo(f"{name}: {_plain(did) or 'nothing new'}")
    _tell_failures(told)
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    if code := pipeline.EXITS[outcome]:
        raise typer.Exit(code)


@app.command()
def runs(
    n: Annotated[int, typer.Option("-n", min=1, help="How many runs.")] = 10,
    as_json: Json = False,
) -> None:
    """Print the ledger: what ran when, and what came of each source."""
    with _open() as debate:
        found = debate.runs(n)
    if as_json:
        _print_json([view.as_dict() for view in found])
        return
    for view in found:
        typer.echo(f"{_entry(view)}")
        for part in view.parts:
            typer.echo(f"    {_entry(part)}")


@app.command("sources")
def list_sources(as_json: Json = False) -> None:
    """List the configured sources: when each last worked, and when it is due."""
    from ingest import pipeline
    from kb import content, ledger

    store = _store()
    ledger.enlist(store, pipeline.roster(content.load().sources))
    with _open() as debate:
        found = debate.sources()
    if as_json:
        _print_json([view.as_dict() for view in found])
        return
    rows = [
        (
            view.title,
            view.staleness,
            _minute(view.last_success) or "never",
            "" if view.age is None else f"{view.age:.1f}",
            "" if view.staleness == "off" else _minute(view.next_due) or "now",
            view.outcome or "not tried",
            view.message[:100],
        )
        for view in found
    ]
    head = ("source", "state", "last read", "days", "next due", "last try", "")
    _print_table(head, rows, figures=("days",))


class Scheduler(StrEnum):
    """Choices of kb schedule."""

    systemd = "systemd"
    cron = "cron"
    github = "github"


@app.command("schedule")
def print_schedule(
    kind: Annotated[Scheduler, typer.Argument(help="Who is to start the runs.")],
    at: Annotated[str, typer.Option("--at", help="Time of day, HH:MM; UTC for github.")] = "03:40",
    out: Out = Path("build"),
) -> None:
    """Print what makes kb run run every night; nothing is installed."""
    from kb import schedule

    here = schedule.Installation(Path(sys.executable), Path.cwd(), _Settings.database, out)
    if kind == Scheduler.cron:
        typer.echo(schedule.cron(here, at), nl=False)
    elif kind == Scheduler.github:
        typer.echo(schedule.github(at, _SECRETS), nl=False)
    else:
        files = schedule.systemd(here, at)
        folders = shlex.join(here.writes())
        typer.echo(f"# The folders that a run writes to must be there: mkdir -p {folders}")
        typer.echo("# Into ~/.config/systemd/user, a file each; then, for runs without a login:")
        typer.echo("#   systemctl --user daemon-reload")
        typer.echo("#   systemctl --user enable --now dissensus.timer && loginctl enable-linger")
        for name, text in files.items():
            typer.echo(f"\n# ---- {name}\n{text}", nl=False)


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


@ingest.command("arxiv", epilog=_HARVEST_CODES)
def ingest_arxiv(since: Since = "", strand: Strand = "", contact: Contact = "") -> None:
    """Ask arXiv's API for each strand's queries (kb/debate/sources.yaml)."""
    _harvest("arxiv", [strand] if strand else [], since, contact)


@ingest.command("arxiv-oai", epilog=_HARVEST_CODES)
def ingest_arxiv_oai(
    since: Since = "",
    set_: Annotated[str, typer.Option("--set", help="Only this set.")] = "",
    contact: Contact = "",
) -> None:
    """Harvest arXiv's sets in bulk over OAI-PMH (kb/debate/sources.yaml)."""
    _harvest("arxiv-oai", [set_] if set_ else [], since, contact)


@ingest.command("openreview", epilog=_HARVEST_CODES)
def ingest_openreview(
    venue: Annotated[str, typer.Argument(help="Only this venue; all of them by default.")] = "",
    accept_loss: Annotated[
        bool,
        typer.Option("--accept-loss", help="Take in a listing that lost a fifth of its papers."),
    ] = False,
    contact: Contact = "",
) -> None:
    """Read the venues on OpenReview: submissions, decisions, resubmissions."""
    _harvest("openreview", [venue] if venue else [], "", contact, accept=accept_loss)


@ingest.command("workshops", epilog=_HARVEST_CODES)
def ingest_workshops(
    name: Annotated[str, typer.Argument(help="Only this workshop; all by default.")] = "",
    contact: Contact = "",
) -> None:
    """Read the programmes and lists of papers of workshops."""
    _harvest("workshops", [name] if name else [], "", contact)


@ingest.command("workshop")
def ingest_workshop(
    recipe: Annotated[str, typer.Argument(help="Its id under workshops in sources.yaml.")],
    file: Annotated[Path, typer.Option("--file", help="The page, as a browser saved it.")],
    page: Annotated[
        int, typer.Option("--page", min=1, help="Which of the recipe's pages it is.")
    ] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be taken in.")
    ] = False,
) -> None:
    """Read a saved page of a workshop by its recipe; or try a recipe on it."""
    from ingest import byhand
    from kb import content
    from kb.errors import NotFoundError

    known = {entry.id: entry for entry in content.load().sources.workshops}
    if recipe not in known:
        raise NotFoundError("recipe of a workshop", recipe, content.nearest(recipe, known))
    saved = byhand.SavedPage(known[recipe], file, page)
    if dry_run:
        _print_programme(saved.drafts())
        return
    store = _store()
    counts = byhand.ingest_page(store, saved)
    typer.echo(f"{store.name}: {_tally(counts) or 'nothing in it'}")


def _print_programme(drafts: Sequence[EventDraft]) -> None:
    """Print what a page says, and which works of the database its talks would be tied to."""
    from ingest import programmes
    from kb.store import Store

    store = Store(_Settings.database)
    has_works = store.path is None or store.path.exists()
    with _store().read() if has_works else contextlib.nullcontext() as session:
        for draft in drafts:
            facts = (draft.id, draft.name, draft.valid, draft.hours, draft.place, draft.url)
            typer.echo(" | ".join(_plain(fact) for fact in facts if fact))
            for role, names in (("organizers", draft.organizers), ("speakers", draft.speakers)):
                if names:
                    typer.echo(f"  {role}: {_plain(', '.join(names))}")
            for part in draft.sessions:
                typer.echo(f"\n  {_plain(part.title)}, {part.valid or 'no day'}")
                for talk in part.talks:
                    hours = "-".join(filter(None, (talk.start, talk.end))) or "no hour"
                    typer.echo(f"  {hours:<11} {talk.kind:<11} {_plain(talk.title)}")
                    told = [", ".join(talk.people), *talk.identifiers, talk.url]
                    told += [f"{act.status}" for act in talk.statuses]
                    if talk.abstract:
                        told.append(f"abstract of {len(talk.abstract)} characters")
                    if session is not None:
                        work, how = programmes.guess(session, talk)
                        told.append(f"work {work} by {how}" if work else "")
                    if line := _plain(" | ".join(filter(None, told))):
                        typer.echo(f"{'':<26}{line}")
    typer.echo(f"\n{sum(len(p.talks) for d in drafts for p in d.sessions)} talks, {len(drafts)} "
               f"{'event' if len(drafts) == 1 else 'events'}")  # fmt: skip


@ingest.command("posts", epilog=_HARVEST_CODES)
def ingest_posts(
    name: Annotated[str, typer.Argument(help="Only this feed; all by default.")] = "",
    contact: Contact = "",
) -> None:
    """Read the feeds of posts, as commentary."""
    _harvest("posts", [name] if name else [], "", contact)


@ingest.command("bibtex")
def ingest_bibtex(
    file: Annotated[Path, typer.Argument(help="BibTeX or BibLaTeX, in UTF-8.")],
) -> None:
    """Take in the works of a BibTeX file."""
    _take_in(file, "bibtex")


@ingest.command("ris")
def ingest_ris(
    file: Annotated[Path, typer.Argument(help="RIS, in UTF-8.")],
) -> None:
    """Take in the works of a RIS file, as EndNote, Zotero and Mendeley write it."""
    _take_in(file, "ris")


@ingest.command("csl-json")
def ingest_csl_json(
    file: Annotated[Path, typer.Argument(help="CSL-JSON, in UTF-8.")],
) -> None:
    """Take in the works of a CSL-JSON file, as Zotero and Pandoc write it."""
    _take_in(file, "csl-json")


def _take_in(file: Path, form: str) -> None:
    from ingest import byhand

    store = _store()
    with _progress("entries") as progress:
        counts = byhand.ingest_file(store, file, form, lambda done: progress(done, 0))
    typer.echo(f"{store.name}: {_tally(counts) or 'nothing in it'}")
    if counts["refused"]:
        typer.echo("kb ingest --show-refused tells why", err=True)


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


# -- what is one work -----------------------------------------------------------------------

By = Annotated[str, typer.Option("--by", help="Your handle.")]
Why = Annotated[str, typer.Option("--note", help="Why, in your own words.")]


@app.command()
def same(
    first: Annotated[str, typer.Argument(help="Any identifier of a work, or its key.")],
    second: Annotated[str, typer.Argument(help="Another.")],
    by: By,
    relation: Annotated[
        WorkRelationKind | None,
        typer.Option(help="What the first is to the second, where they are two of one lineage."),
    ] = None,
    note: Why = "",
) -> None:
    """Say that two identifiers name one work; noted in kb/debate/identity.yaml."""
    _judge(first, second, by, note, is_same=True, relation=relation.value if relation else "")


@app.command()
def distinct(
    first: Annotated[str, typer.Argument(help="Any identifier of a work, or its key.")],
    second: Annotated[str, typer.Argument(help="Another.")],
    by: By,
    note: Why = "",
) -> None:
    """Say that two identifiers name two works: undoes a merge, and forbids it for good."""
    _judge(first, second, by, note, is_same=False)


def _judge(
    first: str, second: str, by: str, note: str, *, is_same: bool, relation: str = ""
) -> None:
    from kb import content, curation, ids, verdicts
    from kb.store import now

    store = _store()
    path = verdicts.judge(
        ids.parse(first),
        ids.parse(second),
        same=is_same,
        by=by,
        on=now().date().isoformat(),
        relation=relation,
        note=note,
    )
    counts = curation.apply(store, content.load())
    typer.echo(f"noted in {path}")
    typer.echo(f"{store.name}: {_by_change(counts) or 'nothing changed'}")


@app.command()
def merges(as_json: Json = False) -> None:
    """List what was joined and what may be one work, most certain first."""
    with _open() as debate:
        found = debate.merges()

    def lines(view: Any) -> str:
        titles = f"“{view.loser_title}” / “{view.winner_title}”"
        return f"{_plain(view.headline())}\n    {_plain(titles)}\n    {_plain(view.reason)}"

    _print_views(found, as_json, lines)


@app.command()
def review(
    by: Annotated[
        str, typer.Option("--by", help="Your handle; it names your file of verdicts.")
    ] = "",
    second: Annotated[
        bool,
        typer.Option(
            "--second",
            help="Judge what others have judged, without seeing what they or the machine said.",
        ),
    ] = False,
    claim: Annotated[str, typer.Option("--claim", help="Only proposals on this claim.")] = "",
    work: Annotated[str, typer.Option("--work", help="Only proposals from this work.")] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="At most this many proposals.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the proposals as JSON and ask nothing.")
    ] = False,
) -> None:
    """Judge what the machine proposes, the most useful first; kept in kb/debate/verdicts.

    Answers are read a line each, from a terminal or from a pipe.
    """
    from kb import content, curation, desk
    from kb import review as reviewing
    from kb.store import now

    if not as_json and not content.is_handle(by):
        said = f"{by!r} is no handle" if by else "say who you are with --by HANDLE"
        raise ConfigError(f"{said}: lower-case letters, digits and single hyphens")
    if second and not by:
        raise ConfigError("a second reading is somebody's: say whose with --by HANDLE")
    store = _store()
    if not as_json:
        curation.apply(store, content.load())
    with _open() as debate:
        found: Sequence[ProposalView] = debate.proposals()
        if claim:
            claim = debate.claim(claim).id
            found = [each for each in found if each.claim.id == claim]
        if work:
            work = debate.work(work).id
            found = [each for each in found if each.work.id == work]
        asked = (reviewing.second if second else reviewing.wanting)(found, by)[:limit]
        if as_json:
            _print_json([desk.listed(each, blind=second) for each in asked])
            return
        marks = ("\x1b[1m", "\x1b[0m") if _is_colored() else ("", "")
        table = desk.Desk(by, now().date().isoformat(), second, _line, typer.echo, bold=marks)
        told = table.sit(asked)
        typer.echo(
            f"{len(told.written)} judged, {told.skipped} skipped, {told.left} left"
            if asked
            else "there is nothing to judge"
        )
        if told.written:
            typer.echo(f"noted in {told.written[0].path}")
            try:
                counts = curation.apply(store, content.load())
                typer.echo(f"{store.name}: {_by_change(counts) or 'nothing changed'}")
                typer.echo("kb link makes the links what was judged")
            except BusyError as error:
                typer.echo(f"error: {error}; kb init will read the verdicts", err=True)
        if second:
            for line in desk.report(debate.verdicts()):
                typer.echo(line)


def _is_colored() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _line(prompt: str) -> str:
    """One line of a person's answer."""
    try:
        return input(prompt)
    except UnicodeDecodeError as error:
        raise ConfigError("the answers are not UTF-8") from error


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


evaluate = typer.Typer(no_args_is_help=True, help="Compare with labels.")
app.add_typer(evaluate, name="eval")


@evaluate.command("links")
def eval_links(
    gold: Annotated[
        Path,
        typer.Argument(help="Labelled abstracts, JSON Lines of id, title, abstract and links."),
    ],
    write: Annotated[
        Path | None,
        typer.Option("--write", help="Also keep the figures here, for the method page."),
    ] = None,
    by: Annotated[
        str, typer.Option("--by", help="Who made the labels; the figures say so.")
    ] = "someone whom the file does not name",
    agreement: Annotated[
        str, typer.Option("--agreement", help="How far two readings of the labels agree.")
    ] = "How far two readings of these labels agree is not known.",
    samples: Annotated[
        int, typer.Option("--samples", min=100, help="Bootstrap samples behind each interval.")
    ] = 1000,
    model: Model = None,
    device: On = Device.auto,
    as_json: Json = False,
) -> None:
    """Tell how far the linker agrees with labels, as shipped and where it has not seen them.

    A label holds claim, sure, stance, how and evidence; a link with sure = false is left out, and
    a thesis that is not named counts as no link.
    """
    from ingest.link import fit, report
    from ingest.link import gold as labels
    from kb import content, measured
    from kb.store import now

    works = labels.read(gold)
    file, encoder = content.load().theses, _encoder(model, device)
    material = fit.prepare(works, file, encoder)
    told = report.report(material, now().date(), by, agreement, samples)
    text = json.dumps(told, indent=1, ensure_ascii=False)
    measured.read(text, str(gold))
    if write is not None:
        try:
            write.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{write}: {error.strerror}") from error
    typer.echo(text if as_json else "\n".join([*report.lines(told), "", report.speed(material)]))


# -- keeping --------------------------------------------------------------------------------


@app.command("backup")
def back_up(
    to: Annotated[
        Path | None, typer.Option("--to", help='Folder; "backups" beside the database by default.')
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="Remove the oldest beyond so many.")
    ] = None,
) -> None:
    """Copy the database, checked and with a checksum, while others may use it.

    The curated files are not in it: they are kept where they are edited.
    """
    from kb import backup

    made = backup.create(_store(), to, keep)
    typer.echo(f"{made}, {made.stat().st_size / 2**20:.1f} MiB")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup that kb backup made.")],
) -> None:
    """Put a backup in the database's place; what is there now is kept beside it."""
    from kb import backup
    from kb.store import Store

    store = Store(_Settings.database)
    told = backup.restore(store, file)
    typer.echo(f"{store.name}: restored from {file}")
    if told.kept is not None:
        typer.echo(f"what was there is kept as {told.kept}", err=True)
    if told.migrated_from:
        typer.echo(f"migrated from schema {told.migrated_from}", err=True)
    if not told.is_summed:
        typer.echo("no checksum lies beside it; its pages were checked all the same", err=True)
    typer.echo("kb init brings it up to date with the curated files", err=True)


@app.command("dump")
def print_dump(
    only_hash: Annotated[bool, typer.Option("--hash", help="Print its SHA-256 alone.")] = False,
    history: Annotated[
        bool, typer.Option("--history/--current", help="With or without superseded rows.")
    ] = True,
) -> None:
    """Print what the database says, one line of JSON a row, in a form to compare."""
    from kb import dump

    store = _store()
    with store.read() as session:
        if only_hash:
            typer.echo(dump.digest(session, history=history))
            return
        for entry in dump.entries(session, history=history):
            sys.stdout.buffer.write(f"{entry.line}\n".encode())
    sys.stdout.buffer.flush()


@app.command("replay")
def replay_all(
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to leave the new database.")
    ] = None,
    swap: Annotated[
        bool, typer.Option("--swap", help="Put it in the old one's place, which is kept beside it.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute every vector again.")] = False,
    model: Model = None,
    device: On = Device.auto,
) -> None:
    """Make everything again from raw records and curated files, offline, and compare.

    Exit codes: 0 both say the same; 1 they differ.
    """
    from ingest import replay
    from kb import content

    if swap and out is not None:
        raise ConfigError("give --swap or --out, not both")
    curated = content.load()
    store = _store()
    with _progress("records") as progress:
        told = replay.run(
            store,
            curated,
            lambda: _encoder(model, device),
            out=out,
            swap=swap,
            fresh=fresh,
            progress=progress,
        )
    typer.echo(f"{store.name}: {told.records} records read again, {told.refused} refused")
    if told.carried:
        typer.echo(f"history carried over: {_tally(dict(told.carried))}")
    for source, count in told.unread.items():
        typer.echo(f"no reader for {_plain(source)}: {count} records kept, nothing read from them")
    for line in told.told:
        typer.echo(_plain(line))
    if told.differences > len(told.told):
        typer.echo(f"… and {told.differences - len(told.told)} more")
    if told.kept is not None:
        typer.echo(f"the old one is kept as {told.kept}", err=True)
    if told.differences:
        typer.echo(f"{told.differences} differences; the new dump has SHA-256 {told.digest}")
        raise typer.Exit(1)
    typer.echo(f"the same logical dump, SHA-256 {told.digest}")


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
    site_url: SiteUrl = "",
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
    from kb.backup import remove, settle

    partial = out.with_name(f"{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        remove(partial)
        yield partial
        settle(partial, out)
    except OSError as error:
        raise ConfigError(f"{error.filename or out}: {error.strerror}") from error
    finally:
        remove(partial)


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


def _harvest(
    adapter: str, wanted: list[str], since: str, contact: str, *, accept: bool = False
) -> None:
    """Ask the configured sources of one adapter, and say what came of it."""
    from ingest import pipeline, sources
    from kb import content, dates, ledger

    dates.span(since)
    config = content.load().sources
    errands = pipeline.choose(sources.errands(config), wanted, adapter)
    if not errands:
        raise ConfigError(f"sources.yaml configures nothing for {adapter}")
    store = _store()
    with store.lock(f"ingest {adapter}"), _watching() as watch:
        ledger.enlist(store, pipeline.roster(config))
        told = pipeline.harvest_all(
            store,
            errands,
            _connect(store, contact),
            since=since or None,
            accept={errand.name for errand in errands} if accept else (),
            progress=watch,
        )
    _print_harvest(told)
    typer.echo(f"{store.name}: {_tally(pipeline.total(told)) or 'nothing new'}")
    _tell_failures(told)
    if code := pipeline.EXITS[pipeline.verdict(told)]:
        raise typer.Exit(code)


def _connect(store: Store, contact: str) -> Callable[[Mapping[str, float]], Session]:
    """Return what opens the one connection of a harvest; bodies it keeps lie by the database."""
    from ingest.http import Session

    cache = store.path.parent / "cache" if store.path is not None else None
    return lambda hosts: Session(hosts, contact=contact, cache=cache)


@contextlib.contextmanager
def _watching() -> Iterator[Callable[[Errand, int], None] | None]:
    """Yield what shows how far each source has been read, when a person is watching."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("asking the sources") as status:
        yield lambda errand, done: status.update(f"{escape(errand.title)}: {done:,} records")


@contextlib.contextmanager
def _faults_to(faults: list[str], *kinds: type[KnowledgeBaseError]) -> Iterator[None]:
    """Note what keeps a step from being done, and go on with the next."""
    try:
        yield
    except kinds as error:
        faults.append(str(error))


def _print_harvest(told: Sequence[Harvested]) -> None:
    names = ("added", "changed", "same", "refused")
    rows = [
        (
            each.errand.title,
            each.outcome,
            *(f"{each.counts.get(name, 0):,}" for name in names),
            f"{each.requests:,}",
            _size(each.bytes),
        )
        for each in told
    ]
    figures = (*names, "requests", "received")
    _print_table(("source", "outcome", *figures), rows, figures)


def _tell_failures(told: Sequence[Harvested]) -> None:
    waiting = 0
    for each in told:
        if each.message.startswith("not asked: "):
            waiting += 1  # the table says which
        elif each.outcome != "ok":
            typer.echo(_plain(f"error: {each.errand.title}: {each.message}"), err=True)
    if waiting:
        typer.echo(f"error: {waiting} more were not asked for the same reason", err=True)


def _print_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], figures: Sequence[str]
) -> None:
    """Print columns that line up, those of figures to the right."""
    lines = [tuple(_plain(cell) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in (head, *lines)) for i in range(len(head))]
    for row in (head, *lines):
        cells = zip(row, widths, head, strict=True)
        padded = (c.rjust(w) if name in figures else c.ljust(w) for c, w, name in cells)
        typer.echo("  ".join(padded).rstrip())


def _size(number: int) -> str:
    """A number of bytes for people."""
    return f"{number / 1000:,.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:,.1f} MB"


def _minute(iso: str) -> str:
    """A UTC time to the minute."""
    return iso[:16].replace("T", " ")


def _entry(view: RunView) -> str:
    """One line of the ledger."""
    took = "" if view.seconds is None else f", {view.seconds:,} s"
    parts = [f"{_minute(view.started)} {view.job}: {view.outcome}{took}"]
    if told := _tally(dict(view.counts)):
        parts.append(told)
    if view.requests:
        parts.append(f"{view.requests:,} requests, {_size(view.bytes)}")
    if view.cursor:
        far = view.cursor if len(view.cursor) <= 60 else f"{view.cursor[:59]}…"
        parts.append(f"now at {far}")
    if view.message:
        parts.append(view.message)
    return _plain("; ".join(parts))


def _store() -> Store:
    from kb.store import Store

    return Store.open(_Settings.database)


def _open(model: str | None = None) -> KnowledgeBase:
    from kb.query import KnowledgeBase

    return KnowledgeBase.open(_Settings.database, model=model)


def _encoder(model: str | None, device: Device) -> Encoder:
    from kb.encoder import SentenceTransformerEncoder

    return SentenceTransformerEncoder(model, device=device.value)


def _like(encoder: Encoder, model: str | None, device: Device) -> Callable[[], Encoder]:
    """Return what makes an encoder of the same name on another machine.

    Its device may compute in another precision than ours by default; then the vectors would be
    kept under another name, and not be found here.
    """
    from functools import partial

    from kb.encoder import SentenceTransformerEncoder

    if model is not None and Path(model).expanduser().is_dir():
        model = str(Path(model).expanduser().absolute())
    precision: Literal["bf16", "fp32"] = "bf16" if encoder.name.endswith("/bf16") else "fp32"
    return partial(SentenceTransformerEncoder, model, device=device.value, precision=precision)


@contextlib.contextmanager
def _engines(
    kind: EngineKind,
    store: Store,
    encoder: Encoder,
    model: str | None,
    device: Device,
    told: tuple[str, int | None, Path | None],
) -> Iterator[tuple[Embed, Link | None]]:
    """Yield what embeds and what links.

    Args:
        kind: Here, or by a pool of workers.
        store: What they work on.
        encoder: What the encoders of the workers must be like.
        model: See `_encoder`.
        device: Where the workers' encoders run.
        told: Of the pool its address, its workers and the folder that they see.
    """
    from ingest.embed import run as embed_here

    address, workers, work = told
    if kind == EngineKind.local:
        for name, value in zip(("--address", "--workers", "--work"), told, strict=True):
            if value not in (None, ""):
                raise ConfigError(f"{name} goes with --engine ray only")
        yield embed_here, None
        return
    from functools import partial

    from ingest import cluster

    with cluster.Pool(address, workers) as pool:
        shards = cluster.folder(store, work)
        yield (
            partial(cluster.embed, pool=pool, make=shards, model=_like(encoder, model, device)),
            partial(cluster.link, pool=pool, make=shards),
        )


def _endpoint(judge: JudgeKind | None) -> Endpoint | None:
    """Return the language model to ask, None for none."""
    if judge != JudgeKind.endpoint:
        return None
    from ingest.link.endpoint import Endpoint

    return Endpoint.from_environment(os.environ)


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
