"""Pages to a web site: write what changed, build it, put it in the old one's place.

The pages are written first as Markdown under `docs`, so that any builder can take them from
there; MkDocs then builds into a folder beside the site, and only a whole new site takes the
old one's place. Two builds of one debate are byte for byte the same.
"""

from __future__ import annotations

import datetime as dt
import filecmp
import gzip
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from jinja2 import FileSystemLoader, TemplateError

from kb import companions, dates, heads, program
from kb.errors import ConfigError, StoreError
from kb.export import site_base
from kb.render import FUNCTIONS, Debate, chronology, environment, finding, pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kb.measured import Measured
    from kb.query import KnowledgeBase
    from kb.views import SourceView

TIMEOUT = 1800.0
"""Seconds that MkDocs may take; 2,000 pages take under a minute."""

_PACKAGES = (
    "mkdocs", "mkdocs-material", "markdown", "pymdown-extensions", "jinja2", "markupsafe",
    "griffelib", "networkx", "pagefind", "icalendar", "latex2mathml", "numpy",
)  # fmt: skip
"""Distributions whose version may change a page."""

_NOT_FOUND = (
    ".headerlink", ".md-nav", ".sure", ".aside", ".years-nav", ".quote footer", ".abstract footer",
    ".weigh", ".signature", ".objection", ".near", ".lanes-list", ".lanes-frame", ".map-frame",
    "svg", "script", "style",
)  # fmt: skip
"""What stands on many pages alike, or only points elsewhere: a search does not read it."""

_SPARE = ("*-ui.*", "pagefind-highlight.*", "wasm.unknown.*")
"""What Pagefind writes beside its index and the site does not use: its own interfaces."""

_LEDGER = "published.json"
"""Which files below the output folder are ours, and what the site was built from."""


@dataclass(frozen=True, slots=True)
class Published:
    """What one run did."""

    site: Path
    pages: int
    """Generated and hand-written pages."""
    written: int
    """Files whose content changed."""
    removed: int
    """Files of an earlier run that no page needs any more."""
    built: bool
    """False where nothing had changed and the site was there."""

    def __str__(self) -> str:
        """Return where the site lies and what is in it, in one line."""
        done = "built" if self.built else "unchanged"
        return f"{done}: {self.site / 'index.html'} ({self.pages:,} pages, {self.written:,} new)"


def find_source(start: Path | None = None) -> Path:
    """Return the folder with the site's templates, styles and hand-written pages.

    It belongs to a checkout and is not installed with the package: looked for in the
    current folder, then beside the package.

    Args:
        start: Looked at first in place of the current folder.

    Raises:
        ConfigError: It is in neither place.
    """
    for root in (start or Path.cwd(), Path(__file__).resolve().parent.parent):
        if (root / "site/templates").is_dir() and (root / "mkdocs.yml").is_file():
            return root / "site"
    raise ConfigError(
        "the site's sources (site/ and mkdocs.yml) are not here; run this in a checkout of "
        "the project"
    )


def gather(debate: KnowledgeBase, measured: Measured | None = None, issues: str = "") -> Debate:
    """Return all that the site shows of a knowledge base.

    Args:
        debate: What to show.
        measured: How well its linker does; None where nothing was measured.
        issues: Address of the page on which an issue is written, "" for none.

    Raises:
        StoreError: The store cannot be read.
    """
    looked, sources = _health(debate)
    works = tuple(debate.works())
    return Debate(
        strands=tuple(debate.strands()),
        topics=tuple(debate.topics()),
        terms=tuple(debate.terms()),
        claims=tuple(debate.claims()),
        tensions=tuple(debate.tensions()),
        voices=tuple(debate.voices()),
        events=tuple(debate.events()),
        works=works,
        digests=tuple(debate.digests()),
        cycles=tuple(debate.cycles()),
        timeline=tuple(debate.timeline()),
        status=debate.status(),
        sources=sources,
        looked=looked,
        similar=debate.neighborhoods(works),
        waiting=tuple(
            each for each in debate.proposals() if not each.published and not each.verdicts
        ),
        verdicts=debate.verdicts(),
        measured=measured,
        issues=issues,
    )


def _health(debate: KnowledgeBase) -> tuple[str, tuple[SourceView, ...]]:
    """Return when the ledger was last written, and the sources as of then.

    As of then and not of now, so that one store makes one site; a reader's browser counts on.
    """
    last = debate.runs(1)
    looked = last[0].started if last else ""
    return looked, tuple(debate.sources(looked))


def publish(
    debate: Debate | KnowledgeBase,
    out: Path,
    source: Path | None = None,
    timestamp: int | None = None,
    site_url: str = "",
    issues_url: str = "",
    measured: Measured | None = None,
) -> Published:
    """Write and build the site of a debate.

    Args:
        debate: What to show; a `Debate` says itself what the last two arguments say.
        out: Gets docs/ (Markdown) and site/ (HTML). Made where absent.
        source: The folder `site/` of a checkout, with mkdocs.yml beside it; see
            `find_source` for the default.
        timestamp: The time that the build claims, in seconds since 1970, UTC; the last
            cycle's by default, so that the same debate makes the same bytes.
        site_url: Where the site will be found, "" where that is open. Only with it can pages
            name their own address and a list of all pages be written; links stay relative.
        issues_url: Where an issue is written, such as https://github.com/us/debate/issues/new:
            `title` and `body` are added to it. "" for nowhere.
        measured: How well the linker does, None where nothing was measured.

    Raises:
        ConfigError: MkDocs or its theme is missing, or it refuses the pages, or there is no
            `source`, or `out` would overwrite it, or a URL is no address.
        StoreError: A file cannot be written. The old site is whole.
    """
    source = find_source() if source is None else source
    source, out = source.resolve(), out.resolve()
    docs, site = out / "docs", out / "site"
    for folder in (docs, site):
        if folder == source or folder in source.parents or source in folder.parents:
            raise ConfigError(f"the site cannot be built into its own sources: {folder}")
    _require_mkdocs()
    base, issues = site_base(site_url), site_base(issues_url).removesuffix("/")
    key = ""
    if not isinstance(debate, Debate):
        key = _key(debate, source, timestamp, base, issues, measured)
        ledger = _ledger(out)
        if ledger.key == key and (site / "index.html").is_file():
            count = sum(name.endswith(".md") for name in ledger.files)
            return Published(site, count, 0, 0, built=False)
        debate = gather(debate, measured, issues)
    epoch = _epoch(debate) if timestamp is None else timestamp
    files = _files(debate, source, base)
    config = _config(source, debate, base)
    mark = _fingerprint(files, config, source, epoch)
    try:
        return _publish(files, config, mark, key, epoch, out)
    except OSError as error:
        raise StoreError(f"cannot write the site: {error}") from error


def _publish(
    files: Mapping[str, bytes], config: bytes, mark: str, key: str, epoch: int, out: Path
) -> Published:
    docs, site = out / "docs", out / "site"
    ledger = _ledger(out)
    count = sum(name.endswith(".md") for name in files)
    if ledger.fingerprint == mark and (site / "index.html").is_file():
        if ledger.key != key:
            _write_ledger(out, sorted(files), mark, key)
        return Published(site, count, 0, 0, built=False)
    docs.mkdir(parents=True, exist_ok=True)
    before = set(ledger.files)
    # Known before they are written, so that a run that dies leaves no file without an owner.
    _write_ledger(out, sorted(before | files.keys()), "")
    written = sum(_write(docs / name, data) for name, data in files.items())
    stale = [name for name in before - files.keys() if _inside(docs, name)]
    for name in stale:
        (docs / name).unlink(missing_ok=True)
    _drop_empty(docs)
    _write(out / "mkdocs.yml", config)
    _build(out, epoch)
    _write_ledger(out, sorted(files), mark, key)
    return Published(site, count, written, len(stale), built=True)


def _require_mkdocs() -> None:
    needed = ("mkdocs", "material", "griffe", "pagefind", "pagefind_bin", "icalendar")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            "the site needs MkDocs, its theme and Pagefind: pip install 'dissensus[site]' "
            f"(missing: {', '.join(missing)})"
        )


def _epoch(debate: Debate) -> int:
    if not debate.as_of:
        return 0
    moment = dt.datetime.fromisoformat(debate.as_of)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp())


def _files(debate: Debate, source: Path, base: str) -> dict[str, bytes]:
    """Return every file of docs/: path -> content.

    Raises:
        ConfigError: A template is broken, or a hand-written page has a generated one's path, or
            the list of renamed pages is wrong.
    """
    templates = environment(FileSystemLoader(source / "templates"), FUNCTIONS)
    debate = companions.complete(debate)
    dress = heads.Heads(debate, base).dress
    try:
        files = {
            path: dress(path.removesuffix(".md"), text).encode()
            for path, text in pages(debate, templates)
        }
    except TemplateError as error:
        raise ConfigError(f"a template of the site is broken: {error}") from error
    # Imported here: it reads the package's source with a library of the site's extra.
    from kb.render.reference import PATH, reference

    files[PATH] = reference().encode()
    files[finding.WORDS] = finding.words(debate).encode()
    files[chronology.PATH] = chronology.Chronology(debate).data().encode()
    for folder, prefix in ((source / "content", ""), (source / "assets", "assets/")):
        for path in sorted(folder.rglob("*")):
            name = prefix + path.relative_to(folder).as_posix()
            if path.is_file() and not path.name.startswith("."):
                if name in files:
                    raise ConfigError(f"{path} has the path of a generated page")
                files[name] = path.read_bytes()
    paths = [name.removesuffix(".md") for name in files if name.endswith(".md")]
    for old, new in heads.moved(debate, paths, source / "redirects.yaml").items():
        files[f"{old}.html"] = heads.moved_page(old, new, base).encode()
    files |= companions.files(debate, base)
    files["robots.txt"] = heads.robots(base).encode()
    return files


def _config(source: Path, debate: Debate, base: str) -> bytes:
    """Return the configuration of this build: mkdocs.yml beside the sources, its paths fixed."""
    last = debate.cycles[-1] if debate.cycles else None
    value = {
        "INHERIT": str(source.parent / "mkdocs.yml"),
        "docs_dir": "docs",
        "site_dir": "site",
        "site_url": base,
        "theme": {"custom_dir": str(source / "overrides")},
        "extra": {
            "cycle": f"{last.number} ({last.hash[:12]})" if last else "",
            "as_of": dates.words(last.created[:10]) if last else "",
        },
    }
    return yaml.safe_dump(value, sort_keys=True, allow_unicode=True).encode()


def _fingerprint(files: Mapping[str, bytes], config: bytes, source: Path, epoch: int) -> str:
    digest = hashlib.sha256(f"{epoch}\n".encode())
    for package in ("mkdocs", "mkdocs-material", "markdown", "pymdown-extensions", "pagefind"):
        digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    theme = sorted(path for path in (source / "overrides").rglob("*") if path.is_file())
    parts = [
        *files.items(),
        ("mkdocs.yml", (source.parent / "mkdocs.yml").read_bytes()),
        ("config", config),
        *((path.relative_to(source).as_posix(), path.read_bytes()) for path in theme),
    ]
    for name, data in parts:
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _key(debate: KnowledgeBase, source: Path, timestamp: int | None, *more: object) -> str:
    """Return a hash over all that the pages are made from, without making them.

    It may differ where the pages do not; where it is the same, so are they.
    """
    looked, sources = _health(debate)
    # Times within a day show on no page: a run that finds nothing changes nothing.
    told = [
        (s.title, s.asks, s.every, s.staleness, s.outcome, s.last_try[:10], s.last_success[:10],
         s.next_due[:10], s.brought, s.shelf, s.records, s.refused)
        for s in sources
    ]  # fmt: skip
    parts = [program.digest(), debate.stamp(), looked[:10], told, str(source), timestamp, more]
    parts += [_version(package) for package in _PACKAGES]
    digest = hashlib.sha256(repr(parts).encode())
    for path in (source.parent / "mkdocs.yml", *sorted(source.rglob("*"))):
        if path.is_file():
            data = path.read_bytes()
            digest.update(f"{path.relative_to(source.parent).as_posix()}\0{len(data)}\0".encode())
            digest.update(data)
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # its module came under another name
        return ""


@dataclass(frozen=True, slots=True)
class _Ledger:
    fingerprint: str = ""
    files: tuple[str, ...] = ()
    key: str = ""
    """What the pages were made from, as far as it can be told without making them."""


def _ledger(out: Path) -> _Ledger:
    try:
        found = json.loads((out / _LEDGER).read_text("utf-8"))
        return _Ledger(
            str(found["fingerprint"]), tuple(map(str, found["files"])), str(found.get("key", ""))
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return _Ledger()  # none yet, or cut off: then everything is written again


def _write_ledger(out: Path, names: list[str], mark: str, key: str = "") -> None:
    text = json.dumps({"fingerprint": mark, "key": key, "files": names}, indent=0)
    _write(out / _LEDGER, text.encode())


def _inside(folder: Path, name: str) -> bool:
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _write(path: Path, data: bytes) -> bool:
    """Write a file through a temporary one beside it, and only where its content differs."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return True


def _drop_empty(folder: Path) -> None:
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()


def _build(out: Path, epoch: int) -> None:
    """Run MkDocs beside the old site, then swap the two.

    Raises:
        ConfigError: MkDocs fails.
    """
    fresh, site, old = out / "site.new", out / "site", out / "site.old"
    if not site.exists() and old.exists():
        old.rename(site)  # an earlier run died between the two renames below
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    # Not --quiet: it hides warnings from --strict as well, and a broken link would pass.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    command += ["--config-file", str(out / "mkdocs.yml"), "--site-dir", str(fresh)]
    # NO_MKDOCS_2_WARNING: the theme prints a banner about a MkDocs 2 that the pins keep out.
    more = {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0", "NO_MKDOCS_2_WARNING": "1"}
    _run("MkDocs", command, more, fresh, "index.html")
    sitemap = fresh / "sitemap.xml"
    if b"<loc>" not in sitemap.read_bytes():  # without an address of the site it lists nothing
        sitemap.unlink()
        sitemap.with_name("sitemap.xml.gz").unlink()
    _index(fresh, out / "docs", more)
    if site.exists():
        _keep(site, fresh)
        site.rename(old)
    fresh.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def _keep(site: Path, fresh: Path) -> None:
    """Take files of the old site into the new one where they are the same, byte for byte.

    Whoever copies the site elsewhere, or asks when a page last changed, sees what did change.
    """
    for path in fresh.rglob("*"):
        old = site / path.relative_to(fresh)
        if path.is_symlink() or old.is_symlink() or not (path.is_file() and old.is_file()):
            continue
        if filecmp.cmp(old, path, shallow=False):
            path.unlink()
            try:
                path.hardlink_to(old)
            except OSError:  # a file system without them
                shutil.copy2(old, path)


def _index(fresh: Path, docs: Path, more: Mapping[str, str]) -> None:
    """Make the search index of a site that is not yet in place.

    Filters are a file of our own: Pagefind writes its in another order each time.

    Raises:
        ConfigError: Pagefind fails; the half-made site is gone.
    """
    command = [sys.executable, "-m", "pagefind", "--site", str(fresh), "--quiet"]
    command += ["--output-subdir", "pagefind", "--keep-index-url"]
    command += ["--exclude-selectors", ", ".join(_NOT_FOUND)]
    _run("Pagefind", command, more, fresh, "pagefind/pagefind-entry.json")
    bundle = fresh / "pagefind"
    for pattern in _SPARE:
        for path in bundle.glob(pattern):
            path.unlink()
    (bundle / "facets.json").write_text(_facets(bundle, docs), "utf-8")


def _facets(bundle: Path, docs: Path) -> str:
    """Return what each indexed page can be filtered by: numbers of values, by Pagefind's id."""
    told = {}
    for path in sorted((bundle / "fragment").iterdir()):
        fragment = gzip.decompress(path.read_bytes()).removeprefix(b"pagefind_dcd")
        page = docs / json.loads(fragment)["url"].lstrip("/")
        told[path.stem] = finding.facets(page.with_suffix(".md").read_text("utf-8"))
    groups: dict[str, set[str]] = {}
    for facets, _ in told.values():
        for group, some in facets.items():
            groups.setdefault(group, set()).update(some)
    values = {group: sorted(some) for group, some in sorted(groups.items())}
    pages = {
        id: [*([values[g].index(v) for v in facets[g]] for g in values), int(curated)]
        for id, (facets, curated) in told.items()
    }
    return json.dumps({"values": values, "pages": pages}, ensure_ascii=False, separators=(",", ":"))


def _run(name: str, command: list[str], more: Mapping[str, str], fresh: Path, made: str) -> None:
    """Run a builder on a site that is not yet in place.

    Args:
        name: Of the builder, for messages.
        command: Program and arguments.
        more: Variables on top of the environment.
        fresh: The folder of the site; removed where the builder fails.
        made: A file in it that must be there afterwards.

    Raises:
        ConfigError: The builder fails or takes too long.
        OSError: The disk is full.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
            command,
            env={**os.environ, **more},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise ConfigError(f"{name} did not finish in {TIMEOUT:.0f} s") from error
    if done.returncode or not (fresh / made).is_file():
        shutil.rmtree(fresh, ignore_errors=True)
        if "No space left on device" in done.stderr:
            raise OSError("no space left on device")
        raise ConfigError(f"{name} refuses the pages: {_reason(done.stderr)}")


def _reason(text: str) -> str:
    """Return the line of MkDocs' output that says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("ERROR", "WARNING", "Error"))]
    return (telling or lines or ["it gives no reason"])[0 if telling else -1]
