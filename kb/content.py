"""The curated debate: read the YAML files, and say where they are wrong, to the line."""

from __future__ import annotations

import hashlib
import re
import zoneinfo
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from pydantic import TypeAdapter, ValidationError

from kb import ids, schema
from kb.errors import ContentError, IdentifierError
from kb.sentences import sentences
from kb.vocabulary import (
    CoverageKind,
    Facet,
    ManifestationKind,
    RelationKind,
    Stance,
    TensionKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path_ = tuple[str | int, ...]
"""Where something stands in a file: ("works", 3, "links", 0, "claim")."""

try:  # libyaml reads the files ten times as fast; the pure loader gives the same.
    from yaml import CSafeLoader as _Loader
except ImportError:  # pragma: no cover - depends on how PyYAML was built
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


class _Words(_Loader):
    """Reads "on", "off", "yes" and "no" as the words they are: entries have a key `on`."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own attribute, in its own form
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:bool"]
        for first, pairs in _Loader.yaml_implicit_resolvers.items()
    }


_Words.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)

_HANDLE: TypeAdapter[str] = TypeAdapter(schema.Handle)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True)
class Fault:
    """Something wrong in a curated file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass
class _Document:
    """A parsed file with the line of every value."""

    name: str
    node: yaml.Node | None
    data: Any

    def line(self, path: Path_) -> int:
        """Return the 1-based line of the deepest part of `path` that exists."""
        node, line = self.node, 1
        for step in path:
            if node is None:
                break
            line = node.start_mark.line + 1
            if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                node = node.value[step] if step < len(node.value) else None
            elif isinstance(node, yaml.MappingNode):
                pairs = {key.value: (key, value) for key, value in node.value}
                if str(step) not in pairs:
                    break
                key, node = pairs[str(step)]
                line = key.start_mark.line + 1
        if node is not None and not isinstance(node, yaml.MappingNode | yaml.SequenceNode):
            return node.start_mark.line + 1
        return line if node is None else max(line, node.start_mark.line + 1)


@dataclass(frozen=True)
class Content:
    """The curated debate, validated file by file."""

    vocabulary: schema.VocabularyFile
    strands: schema.StrandsFile
    theses: schema.ThesesFile
    findings: schema.FindingsFile
    works: schema.WorksFile
    tensions: schema.TensionsFile
    voices: schema.VoicesFile
    events: schema.EventsFile
    digests: schema.DigestsFile
    sources: schema.SourcesFile
    verdicts: dict[str, schema.VerdictsFile]
    """By the reader's handle, in its order."""
    identity: schema.IdentityFile
    chronicle: schema.ChronicleFile
    digest: str
    """SHA-256 over all files: equal content has an equal digest."""

    @property
    def claim_ids(self) -> set[str]:
        """Every thesis and finding id."""
        return {t.id for t in self.theses.theses} | {f.id for f in self.findings.findings}


def directory() -> Path:
    """Return the folder of the curated files that came with the package."""
    return Path(str(resources.files("kb") / "debate"))


def load(folder: Path | None = None) -> Content:
    """Read and check the curated files.

    Args:
        folder: Where they are; the package's own when None.

    Raises:
        ContentError: A file is missing, is not YAML, or contradicts the schema or another.
    """
    content, faults = inspect(folder)
    if faults or content is None:
        raise ContentError(tuple(str(fault) for fault in faults))
    return content


def inspect(
    folder: Path | None = None, instead: Mapping[str, str] | None = None
) -> tuple[Content | None, list[Fault]]:
    """Read the curated files and return them with everything that is wrong.

    The content is None when a file cannot be understood at all; references are then not
    checked, because most of what they point to would be missing.

    Args:
        folder: Where they are; the package's own when None.
        instead: Name of a file without ".yaml" ("theses", "verdicts/ada") -> text to take in
            its place.
    """
    instead = instead or {}
    folder = folder or directory()
    faults: list[Fault] = []
    documents: dict[str, _Document] = {}
    models: dict[str, Any] = {}
    sha = hashlib.sha256()
    readers, misnamed = _readers(folder, instead)
    faults += misnamed
    wanted = schema.FILES | dict.fromkeys(readers, schema.VerdictsFile)
    for name, model in wanted.items():
        path = folder / f"{name}.yaml"
        told = f"{name}.yaml"
        try:
            raw = instead[name].encode() if name in instead else path.read_bytes()
            text = raw.decode("utf-8")
        except OSError as error:
            faults.append(Fault(told, 1, f"cannot be read: {error.strerror}"))
            continue
        except UnicodeDecodeError as error:
            faults.append(Fault(told, raw[: error.start].count(b"\n") + 1, "is not UTF-8"))
            continue
        sha.update(name.encode() + b"\0" + raw + b"\0")
        document, found = _parse(told, text)
        faults += found
        if document is None:
            continue
        documents[name] = document
        try:
            models[name] = model.model_validate(document.data)
        except ValidationError as error:
            faults += [_explain(document, item) for item in error.errors()]
    if len(models) < len(wanted):
        return None, sorted(faults, key=lambda f: (f.file, f.line))
    verdicts = {name.partition("/")[2]: models.pop(name) for name in readers}
    content = Content(**models, verdicts=verdicts, digest=sha.hexdigest())
    faults += _Checker(content, documents).run()
    return content, sorted(faults, key=lambda f: (f.file, f.line))


def _readers(folder: Path, instead: Mapping[str, str]) -> tuple[list[str], list[Fault]]:
    """Return the names of the readers' files, "verdicts/ada", with what is named wrongly.

    A folder that is not there is one without verdicts: a version control keeps no empty ones.
    """
    faults: list[Fault] = []
    names = {name for name in instead if name.startswith(f"{schema.VERDICTS}/")}
    if (folder / f"{schema.VERDICTS}.yaml").exists():
        told = "is read no more: move each entry to verdicts/HANDLE.yaml, a file for each reader"
        faults.append(Fault(f"{schema.VERDICTS}.yaml", 1, told))
    for path in sorted(folder.glob(f"{schema.VERDICTS}/*")):
        if path.suffix not in (".yaml", ".yml"):
            continue
        name = f"{schema.VERDICTS}/{path.stem}"
        if path.suffix == ".yaml" and is_handle(path.stem):
            names.add(name)
        else:
            told = "is not named HANDLE.yaml: lower-case letters, digits, single hyphens"
            faults.append(Fault(f"{schema.VERDICTS}/{path.name}", 1, told))
    return sorted(names), faults


def is_handle(text: str) -> bool:
    """Tell whether a text may name a reader, and thereby a file.

    Examples:
        >>> is_handle("ada-l"), is_handle("../ada"), is_handle("Ada"), is_handle("")
        (True, False, False, False)
    """
    try:
        _HANDLE.validate_python(text)
    except ValidationError:
        return False
    return True


def _parse(name: str, text: str) -> tuple[_Document | None, list[Fault]]:
    if match := _CONTROL.search(text):
        line = text.count("\n", 0, match.start()) + 1
        return None, [Fault(name, line, f"holds the control character U+{ord(match[0]):04X}")]
    loader = _Words(text)
    try:
        node = loader.get_single_node()
        repeated = [] if node is None else list(_repeated(name, node))
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return None, [Fault(name, mark.line + 1 if mark else 1, f"is not YAML: {error.problem}")]
    finally:
        loader.dispose()
    return _Document(name, node, {} if data is None else data), repeated


def _repeated(name: str, node: yaml.Node) -> Iterator[Fault]:
    """YAML lets a later key silently replace an earlier one; here that is a fault."""
    if isinstance(node, yaml.MappingNode):
        seen = Counter(key.value for key, _ in node.value)
        for key, value in node.value:
            if seen[key.value] > 1:
                yield Fault(name, key.start_mark.line + 1, f"the key {key.value!r} is repeated")
            yield from _repeated(name, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(name, item)


def _explain(document: _Document, item: Any) -> Fault:
    path = cast("Path_", item["loc"])
    where = ".".join(str(step) for step in path if not isinstance(step, int))
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "string_type" and not isinstance(item["input"], list | dict | type(None)):
        message = f"{item['input']} is not text; put it in quotes"
    elif item["type"] == "extra_forbidden":
        message = "no such key"
    elif item["type"] == "missing":
        message = "is missing"
    return Fault(document.name, document.line(path), f"{where}: {message}")


@dataclass
class _Checker:
    """Checks what a schema cannot say: references, uniqueness, poles, placements."""

    content: Content
    documents: dict[str, _Document]
    faults: list[Fault] = field(default_factory=list)

    def run(self) -> list[Fault]:
        """Return every fault."""
        for check in (
            self._unique,
            self._strands,
            self._claims,
            self._works,
            self._tensions,
            self._voices,
            self._events,
            self._workshops,
            self._digests,
            self._verdicts,
            self._identity,
            self._chronicle,
            self._unused,
        ):
            check()
        return self.faults

    def _fault(self, file: str, path: Path_, message: str) -> None:
        document = self.documents[file]
        self.faults.append(Fault(document.name, document.line(path), message))

    def _known(
        self, file: str, path: Path_, kind: str, id: str, known: set[str] | dict[str, Any]
    ) -> None:
        if id not in known:
            self._fault(file, path, f"there is no {kind} {id!r}{hint(id, known)}")

    # What exists, by kind.
    @cached_property
    def _strand_ids(self) -> set[str]:
        return {s.id for s in self.content.strands.strands}

    @cached_property
    def _thesis_ids(self) -> set[str]:
        return {t.id for t in self.content.theses.theses}

    @cached_property
    def _finding_ids(self) -> set[str]:
        return {f.id for f in self.content.findings.findings}

    @cached_property
    def _work_keys(self) -> set[str]:
        return {w.key for w in self.content.works.works}

    @cached_property
    def _event_ids(self) -> set[str]:
        return {e.id for e in self.content.events.events}

    @cached_property
    def _senses(self) -> dict[str, set[str]]:
        return {t.id: {s.id for s in t.senses} for t in self.content.vocabulary.terms}

    def _unique(self) -> None:
        groups: list[tuple[str, str, list[str]]] = [
            ("vocabulary", "terms", [t.id for t in self.content.vocabulary.terms]),
            ("strands", "strands", [s.id for s in self.content.strands.strands]),
            ("strands", "topics", [t.id for t in self.content.strands.topics]),
            ("theses", "theses", [t.id for t in self.content.theses.theses]),
            ("findings", "findings", [f.id for f in self.content.findings.findings]),
            ("works", "works", [w.key for w in self.content.works.works]),
            ("tensions", "tensions", [t.id for t in self.content.tensions.tensions]),
            ("voices", "voices", [v.id for v in self.content.voices.voices]),
            ("events", "events", [e.id for e in self.content.events.events]),
            ("digests", "digests", [d.id for d in self.content.digests.digests]),
            ("chronicle", "chronicle", [c.cycle for c in self.content.chronicle.chronicle]),
            ("sources", "workshops", [w.id for w in self.content.sources.workshops]),
        ]
        for file, key, names in groups:
            counts = Counter(names)
            for index, name in enumerate(names):
                if counts[name] > 1:
                    self._fault(file, (key, index), f"the id {name!r} is used more than once")

    def _strands(self) -> None:
        for i, topic in enumerate(self.content.strands.topics):
            at: Path_ = ("topics", i)
            for name in topic.strands:
                self._known("strands", (*at, "strands"), "strand", name, self._strand_ids)
            for name in topic.terms:
                self._known("strands", (*at, "terms"), "term", name, self._senses)
            for name in topic.claims:
                self._known("strands", (*at, "claims"), "claim", name, self.content.claim_ids)
            for name in topic.events:
                self._known("strands", (*at, "events"), "event", name, self._event_ids)
        for i, query in enumerate(self.content.sources.arxiv):
            self._known("sources", ("arxiv", i, "strand"), "strand", query.strand, self._strand_ids)

    def _workshops(self) -> None:
        zones = zoneinfo.available_timezones()
        for i, recipe in enumerate(self.content.sources.workshops):
            at: Path_ = ("workshops", i)
            if recipe.event is not None:
                self._known("sources", (*at, "event"), "event", recipe.event, self._event_ids)
            if recipe.tz and recipe.tz not in zones:
                self._fault("sources", (*at, "tz"), f"{recipe.tz!r} is not a time zone name")

    def _claims(self) -> None:
        for i, thesis in enumerate(self.content.theses.theses):
            at: Path_ = ("theses", i)
            self._known("theses", (*at, "strand"), "strand", thesis.strand, self._strand_ids)
            for name in ("for_", "against"):
                if not getattr(thesis, name):
                    self._fault("theses", at, f"{thesis.id} has no statements {name}")
        for i, finding in enumerate(self.content.findings.findings):
            at = ("findings", i)
            self._known("findings", (*at, "strand"), "strand", finding.strand, self._strand_ids)
            for term, sense in finding.senses.items():
                if sense not in self._senses.get(term, set()):
                    self._fault(
                        "findings", (*at, "senses", term), f"there is no sense {term}: {sense}"
                    )
            for j, bears in enumerate(finding.bears_on):
                self._known("findings", (*at, "bears_on", j), "thesis", bears.to, self._thesis_ids)
        seen: set[tuple[str, str, RelationKind]] = set()
        for i, relation in enumerate(self.content.findings.relations):
            at = ("relations", i)
            self._known("findings", at, "finding", relation.from_, self._finding_ids)
            self._known("findings", at, "finding", relation.to, self._finding_ids)
            if relation.from_ == relation.to:
                self._fault("findings", at, f"{relation.to} cannot relate to itself")
            key = (relation.from_, relation.to, relation.rel)
            if key in seen:
                self._fault("findings", at, "the same relation stands here twice")
            seen.add(key)
            for name in relation.differs_in:
                term = name.removeprefix("sense:")
                good = term in self._senses if name.startswith("sense:") else name in _FACETS
                if not good:
                    self._fault("findings", (*at, "differs_in"), f"no facet or term {name!r}")

    def _works(self) -> None:
        owner: dict[str, str] = {}
        for i, work in enumerate(self.content.works.works):
            at: Path_ = ("works", i)
            for id in identifiers(work):
                if owner.setdefault(id, work.key) != work.key:
                    self._fault("works", at, f"{id} is also on {owner[id]}")
            if not work.synopsis and work.checked != "nothing" and work.kind == "paper":
                self._fault("works", at, f"{work.key} was seen and has no synopsis")
            seen: set[str] = set()
            for j, link in enumerate(work.links):
                path: Path_ = (*at, "links", j, "claim")
                self._known("works", path, "claim", link.claim, self.content.claim_ids)
                if link.claim in seen:
                    self._fault("works", path, f"{work.key} links {link.claim} twice")
                seen.add(link.claim)
            acts: set[tuple[object, ...]] = set()
            for j, act in enumerate(work.status):
                acted = (act.status, act.valid, act.venue, act.version)
                if acted in acts:
                    self._fault("works", (*at, "status", j), "the same status stands here twice")
                acts.add(acted)
            for j, related in enumerate(work.related):
                path = (*at, "related", j)
                self._known("works", path, "work", related.to, self._work_keys)
                if related.to == work.key:
                    self._fault("works", path, f"{work.key} cannot relate to itself")

    def _tensions(self) -> None:
        supported = {
            link.claim
            for work in self.content.works.works
            for link in work.links
            if link.stance in (Stance.supports, Stance.qualifies)
        }
        held = {h.claim for v in self.content.voices.voices for h in v.holdings}
        for i, tension in enumerate(self.content.tensions.tensions):
            at: Path_ = ("tensions", i)
            self._known("tensions", (*at, "strand"), "strand", tension.strand, self._strand_ids)
            if len(tension.poles) < 2:
                self._fault("tensions", (*at, "poles"), f"{tension.id} needs at least two poles")
            if tension.kind == TensionKind.genuine and not tension.kind_reason:
                self._fault("tensions", at, "a genuine tension needs its kind_reason")
            on_poles: set[str] = set()
            for j, pole in enumerate(tension.poles):
                path: Path_ = (*at, "poles", j)
                for claim in pole.claims:
                    self._known("tensions", path, "claim", claim, self.content.claim_ids)
                on_poles |= set(pole.claims)
                if not set(pole.claims) & (supported | held) and not pole.note:
                    self._fault(
                        "tensions",
                        path,
                        f"no work or voice stands on the pole {pole.id!r}; its note must say so",
                    )
            for claim in tension.core:
                if claim not in on_poles:
                    self._fault("tensions", (*at, "core"), f"{claim} is on no pole")

    def _voices(self) -> None:
        voice_ids = {v.id for v in self.content.voices.voices}
        for i, voice in enumerate(self.content.voices.voices):
            seen: set[tuple[object, ...]] = set()
            for j, holding in enumerate(voice.holdings):
                path: Path_ = ("voices", i, "holdings", j)
                claims = self.content.claim_ids
                self._known("voices", (*path, "claim"), "claim", holding.claim, claims)
                self._known("voices", (*path, "work"), "work", holding.work, self._work_keys)
                key = (holding.claim, holding.attitude, holding.work)
                if key in seen:
                    self._fault("voices", path, "the same holding stands here twice")
                seen.add(key)
        for i, entry in enumerate(self.content.voices.independence):
            at: Path_ = ("independence", i)
            for name in entry.works:
                self._known("voices", (*at, "works"), "work", name, self._work_keys)
            for name in entry.voices:
                self._known("voices", (*at, "voices"), "voice", name, voice_ids)

    def _events(self) -> None:
        zones = zoneinfo.available_timezones()
        for i, event in enumerate(self.content.events.events):
            at: Path_ = ("events", i)
            if event.tz and event.tz not in zones:
                self._fault("events", (*at, "tz"), f"{event.tz!r} is not a time zone name")
            for j, talk in enumerate(event.talks):
                path: Path_ = (*at, "talks", j)
                if talk.work is not None:
                    self._known("events", (*path, "work"), "work", talk.work, self._work_keys)
                if talk.start and talk.end and talk.end <= talk.start:
                    self._fault("events", path, f"ends at {talk.end}, before {talk.start}")
            for j, accepted in enumerate(event.accepted):
                for name in accepted.bears_on:
                    where: Path_ = (*at, "accepted", j, "bears_on")
                    self._known("events", where, "claim", name, self.content.claim_ids)

    def _digests(self) -> None:
        forms = {
            "manifestation": {kind.value for kind in ManifestationKind},
            "coverage": {kind.value for kind in CoverageKind},
        }
        for i, digest in enumerate(self.content.digests.digests):
            counts = Counter(source.n for source in digest.sources)
            for j, source in enumerate(digest.sources):
                at: Path_ = ("digests", i, "sources", j)
                if counts[source.n] > 1:
                    self._fault("digests", at, f"source {source.n} is placed more than once")
                if (source.work is None) == (source.event is None):
                    self._fault("digests", at, f"source {source.n} needs one work or one event")
                if source.work is not None:
                    self._known("digests", (*at, "work"), "work", source.work, self._work_keys)
                if source.event is not None:
                    self._known("digests", (*at, "event"), "event", source.event, self._event_ids)
                if source.form not in forms[source.as_]:
                    self._fault("digests", (*at, "form"), f"no {source.as_} has form {source.form}")
            for n in range(1, digest.sources_listed + 1):
                if n not in counts:
                    self._fault("digests", ("digests", i), f"source {n} is placed nowhere")

    def _verdicts(self) -> None:
        known = {id for work in self.content.works.works for id in identifiers(work)}
        for reader, file in self.content.verdicts.items():
            name = f"{schema.VERDICTS}/{reader}"
            for i, verdict in enumerate(file.verdicts):
                at: Path_ = ("verdicts", i)
                self._known(name, at, "claim", verdict.claim, self.content.claim_ids)
                if verdict.by != reader:
                    told = f"{verdict.by!r} is not {reader!r}, whose file this is"
                    self._fault(name, (*at, "by"), told)
                try:
                    id = ids.parse(verdict.work)
                except IdentifierError as error:
                    self._fault(name, (*at, "work"), str(error))
                    continue
                if id.startswith("key:") and id not in known:
                    self._fault(name, (*at, "work"), f"there is no work {verdict.work!r}")

    def _identity(self) -> None:
        owner = {id: work.key for work in self.content.works.works for id in identifiers(work)}
        seen: set[frozenset[str]] = set()
        for i, entry in enumerate(self.content.identity.identity):
            at: Path_ = ("identity", i)
            try:
                pair = [ids.parse(text) for text in entry.pair]
            except IdentifierError as error:
                self._fault("identity", at, str(error))
                continue
            for id in pair:
                if id.startswith("key:") and id not in owner:
                    self._fault("identity", at, f"there is no work {id.removeprefix('key:')!r}")
            if pair[0] == pair[1] or frozenset(pair) in seen:
                told = "names one work twice" if pair[0] == pair[1] else "judges a pair once more"
                self._fault("identity", at, f"the entry {told}")
            seen.add(frozenset(pair))
            keys = [owner.get(id) for id in pair]
            if entry.distinct and keys[0] is not None and keys[0] == keys[1]:
                self._fault("identity", at, f"works.yaml has both identifiers on {keys[0]}")
            if entry.same and not entry.relation and None not in keys and keys[0] != keys[1]:
                told = f"{keys[0]} and {keys[1]} are both in works.yaml; make one entry of them"
                self._fault("identity", at, told)

    def _chronicle(self) -> None:
        known = self.content.claim_ids | self._work_keys
        known |= {t.id for t in self.content.tensions.tensions}
        for i, entry in enumerate(self.content.chronicle.chronicle):
            for j, text in enumerate(entry.sentences):
                at: Path_ = ("chronicle", i, "sentences", j)
                for begin, end in sentences(text):
                    if not _REFERENCE.search(text[begin:end]):
                        said = f"“{text[begin:end][:40]}…”"
                        self._fault("chronicle", at, f"{said} names nothing that it rests on")
                for name in _REFERENCE.findall(text):
                    if not _EVENT.fullmatch(name):  # events are in the database, not here
                        self._known("chronicle", at, "claim, tension or work", name, known)

    def _unused(self) -> None:
        used = {h.work for v in self.content.voices.voices for h in v.holdings}
        used |= {t.work for e in self.content.events.events for t in e.talks if t.work}
        used |= {s.work for d in self.content.digests.digests for s in d.sources if s.work}
        used |= {r.to for w in self.content.works.works for r in w.related}
        for i, work in enumerate(self.content.works.works):
            if not work.links and not work.related and work.key not in used:
                self._fault(
                    "works", ("works", i), f"{work.key} is used nowhere: no link, no source"
                )


_REFERENCE = re.compile(r"\[([^\[\]\s]+)\]")
"""What a sentence of the chronicle names; `kb.chronicle` reads it the same way."""
_EVENT = re.compile(r"e[0-9a-f]{10}")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_FACETS = {facet.value for facet in Facet}


def identifiers(work: schema.WorkEntry) -> list[str]:
    """Return every identifier of a curated work, its key among them.

    Examples:
        >>> entry = schema.WorkEntry(key="a-2020", title="A", checked="nothing",
        ...                          ids={"arxiv": ["2001.00001"]})
        >>> identifiers(entry)
        ['key:a-2020', 'arxiv:2001.00001']
    """
    found = [f"key:{work.key}"]
    found += [f"arxiv:{value}" for value in work.ids.arxiv]
    found += [f"openreview:{value}" for value in work.ids.openreview]
    found += [f"doi:{value.lower()}" for value in work.ids.doi]
    found += [f"url:{value}" for value in work.ids.url]
    return found


def hint(id: str, known: set[str] | dict[str, Any]) -> str:
    """Return " (did you mean …?)" with the nearest known ids, or "" where none is near."""
    near = nearest(id, known)
    return f" (did you mean {', '.join(near)}?)" if near else ""


def nearest(id: str, known: set[str] | dict[str, Any] | list[str]) -> tuple[str, ...]:
    """Return up to three known ids that look like `id`, best first.

    Examples:
        >>> nearest("C1", {"C01", "C11", "memorization-harmful"})
        ('C01', 'C11')
        >>> nearest("memorisation-harmful", {"C01", "memorization-harmful"})
        ('memorization-harmful',)
        >>> nearest("V1", {"V01", "V11", "V21", "V31"})[0]
        'V01'
    """
    # Imported here: only a wrong id needs it.
    import difflib

    by_folded = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(id.lower(), list(by_folded), n=3, cutoff=0.6)
    # "V1" for "V01" is the commonest slip, and no closer to it by letters than to "V11".
    bare = _ZEROS.sub("", id.lower())
    padded = [name for name in by_folded if _ZEROS.sub("", name) == bare]
    return tuple(by_folded[name] for name in dict.fromkeys([*padded, *near]))[:3]
