"""A synthesis beside what we know: which works each sentence speaks of."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from kb import ids
from kb.audit import words
from kb.errors import IdentifierError
from kb.sentences import sentences
from kb.synthesis import citations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kb.synthesis import Perspective, Source, Statement, Synthesis
    from kb.views import ClaimView, DigestView, VoiceView, WorkView

QUOTED = re.compile(r"(?<!\w)[\u2018\u201c\"'](.{8,250}?)[\u2019\u201d\"'](?!\w)")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_SAME_SUBJECT = 0.7
"""Share of the words of a title that a nameless voice's position must hold to be of that work."""

COMMENTARY = ("post", "news", "page")
"""Kinds of work that tell of others' results."""


@dataclass(frozen=True)
class Knowledge:
    """What the rules compare a synthesis with; empty where we know nothing."""

    works: tuple[WorkView, ...] = ()
    claims: tuple[ClaimView, ...] = ()
    voices: tuple[VoiceView, ...] = ()
    digests: tuple[DigestView, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """What a numbered source is a copy of, or about."""

    work: WorkView | None
    coverage: bool
    """It is about the work and no form of it."""
    kind: str
    """A kind of manifestation or coverage; "" where we do not know."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence of a synthesis and the works that it speaks of."""

    statement: Statement
    text: str
    works: tuple[WorkView, ...]
    """By what it cites, quotes or names; of a perspective also what its voice wrote."""
    cites: tuple[int, ...]

    @property
    def one(self) -> WorkView | None:
        """The work, where the sentence speaks of one body of work alone."""
        lineages = {work.ref.lineage for work in self.works}
        return self.works[0] if len(lineages) == 1 else None


@dataclass
class Reading:
    """A synthesis with each of its sources placed as far as we can."""

    synthesis: Synthesis
    knowledge: Knowledge
    known: Mapping[int, Placed] | None = None
    """Placements that need no search, for a synthesis of our own."""
    names: Mapping[int, str] = field(default_factory=dict)
    """What stands for a line number, and under -n for source n, in a synthesis of our own."""
    _holders: dict[int, tuple[WorkView, ...]] = field(default_factory=dict)
    """By the line of a perspective; an answer is asked for more than once."""

    @cached_property
    def sources(self) -> dict[int, Source]:
        """Sources by number."""
        return {source.n: source for source in self.synthesis.sources}

    @cached_property
    def placed(self) -> dict[int, Placed]:
        """Sources by number that we could place: by a digest we know, an identifier, a title."""
        if self.known is not None:
            return dict(self.known)
        by_id = {work.id: work for work in self.knowledge.works}
        by_name = {name: work for work in self.knowledge.works for name in work.identifiers}
        by_title: dict[str, WorkView] = {}
        for known in self.knowledge.works:
            for name in (known.title, *(form.title for form in known.manifestations)):
                by_title.setdefault(words.title(name), known)
        found: dict[int, Placed] = {}
        curated = self._curated_places()
        for source in self.synthesis.sources:
            plain = words.title(source.title)
            for told, place in curated.get(source.n, ()):
                if words.same_title(told, plain):
                    found[source.n] = Placed(
                        by_id.get(place[0]) if place[0] else None, place[1], place[2]
                    )
            if source.n in found:
                continue
            work = by_title.get(plain)
            with contextlib.suppress(IdentifierError):  # most titles hold none
                work = by_name.get(ids.arxiv(source.title)) or work
            if work is None and source.title.rstrip().endswith(("...", "\u2026")):
                cut = [
                    w for name, w in by_title.items() if len(plain) > 20 and name.startswith(plain)
                ]
                work = cut[0] if len({w.id for w in cut}) == 1 else None
            if work is not None:
                found[source.n] = Placed(work, False, "")
        return found

    def _curated_places(self) -> dict[int, list[tuple[str, tuple[str, bool, str]]]]:
        places: dict[int, list[tuple[str, tuple[str, bool, str]]]] = defaultdict(list)
        for digest in self.knowledge.digests:
            if words.plain(digest.title) != words.plain(self.synthesis.title):
                continue
            for told in digest.sources:
                work = told.work.id if told.work else ""
                place = (work, told.placed_as == "coverage", told.kind)
                places[told.n].append((words.title(told.title), place))
        return places

    @cached_property
    def works(self) -> dict[str, WorkView]:
        """Works that the sources were placed at, by id."""
        return {place.work.id: place.work for place in self.placed.values() if place.work}

    @cached_property
    def claims(self) -> dict[str, ClaimView]:
        """Claims by id."""
        return {claim.id: claim for claim in self.knowledge.claims}

    def cited(self, numbers: Iterable[int]) -> tuple[WorkView, ...]:
        """Return the works that stand behind numbers, each once."""
        found = {}
        for n in numbers:
            place = self.placed.get(n)
            if place and place.work:
                found[place.work.id] = place.work
        return tuple(found.values())

    @cached_property
    def remarks(self) -> tuple[Remark, ...]:
        """Every sentence, and every entry of the timeline whole, in the order of the file."""
        found: list[Remark] = []
        for statement in self.synthesis.narrative:
            found += self._sentences(statement)
        for entry in self.synthesis.timeline:
            told = entry.told
            found.append(Remark(told, told.text, self.cited(told.cites), told.cites))
        for voice in self.synthesis.perspectives:
            held = self.holdings(voice)
            position = voice.position
            found.append(Remark(position, position.text, held, position.cites))
            found += self._sentences(voice.evolution, held)
        for statement in self.synthesis.tensions:
            found += self._sentences(statement)
        return tuple(found)

    def _sentences(self, statement: Statement, block: tuple[WorkView, ...] = ()) -> list[Remark]:
        found = []
        for start, end in sentences(statement.text):
            text = statement.text[start:end]
            if not words.plain(text).replace(" ", "").isdigit():
                cites = citations(text)
                # What stands at the end of a tension belongs to all of it and to no sentence.
                cited = () if statement.section == "Tensions" else self.cited(cites)
                mine = {work.id: work for work in (*cited, *self.named(text))}
                found.append(Remark(statement, text, tuple(mine.values()) or block, cites))
        return found

    def named(self, text: str) -> tuple[WorkView, ...]:
        """Return the works that a sentence quotes by title or names by author."""
        found: dict[str, WorkView] = {}
        for match in QUOTED.finditer(text):
            found.update({work.id: work for work in self.titled(match[1])})
        for work in self.works.values():
            if names_authors(work, text):
                found[work.id] = work
        return tuple(found.values())

    def titled(self, quoted: str) -> tuple[WorkView, ...]:
        """Return the works whose title a quotation of three words or more is a part of."""
        part = words.title(quoted)
        if len(part.split()) < 3:
            return ()
        found = {
            work.id: work
            for work in self.works.values()
            if work.ref.kind not in COMMENTARY and words.same_title(part, self._plain[work.id])
        }
        for title, work in self._titles:
            if words.within(part, title):
                found[work.id] = work
        return tuple(found.values())

    @cached_property
    def _plain(self) -> dict[str, str]:
        return {id: words.title(work.title) for id, work in self.works.items()}

    @cached_property
    def _titles(self) -> list[tuple[str, WorkView]]:
        """The plain titles of sources that are forms of a work, each pair once."""
        pairs = {
            (words.title(source.title), place.work.id): place.work
            for source in self.synthesis.sources
            if (place := self.placed.get(source.n))
            and place.work
            and not place.coverage
            and place.work.ref.kind not in COMMENTARY
        }
        return [(title, work) for (title, _), work in pairs.items()]

    # -- who speaks --------------------------------------------------------------------------

    def voices(self, perspective: Perspective) -> tuple[VoiceView, ...]:
        """Return the voices of ours that a perspective's name means."""
        name = f" {words.plain(perspective.name)} "
        exact = [
            voice
            for voice in self.knowledge.voices
            if any(f" {words.plain(n)} " in name for n in (voice.name, *voice.aliases))
        ]
        if exact:
            return tuple(exact)
        works = {work.id for work in self.headed(perspective)}
        authors = {frozenset(work.authors) for work in self.knowledge.works if work.id in works}
        return tuple(
            voice
            for voice in self.knowledge.voices
            if any(f" {words.plain(member)} " in name for member in voice.members)
            or any(_team(voice, team) for team in authors)
        )

    def headed(self, perspective: Perspective) -> tuple[WorkView, ...]:
        """Return the works that a perspective's name quotes or names by author."""
        found = list(self.named(perspective.name))
        for match in QUOTED.finditer(perspective.name):
            found += self.titled(match[1])
        return tuple({work.id: work for work in found}.values())

    def holdings(self, perspective: Perspective) -> tuple[WorkView, ...]:
        """Return the works in which a perspective's voice takes its position."""
        if perspective.line not in self._holders:
            self._holders[perspective.line] = self._find_holdings(perspective)
        return self._holders[perspective.line]

    def _find_holdings(self, perspective: Perspective) -> tuple[WorkView, ...]:
        if found := self.cited(perspective.position.cites):
            return found
        if found := self.headed(perspective):
            return found
        if voices := self.voices(perspective):
            held = {holding.work.id for voice in voices for holding in voice.holdings}
            return tuple(self.works[id] for id in sorted(held & set(self.works)))
        told = words.stems(f"{perspective.name} {perspective.position.text}")
        others = {work.id for work in self.named(perspective.position.text)}
        scored = [(0.0, "")]
        for work in self.works.values():
            subject = words.stems(work.title)
            if work.ref.kind not in COMMENTARY and len(subject) >= 5 and work.id not in others:
                scored.append((len(subject & told) / len(subject), work.id))
        share, id = max(scored)
        if share >= _SAME_SUBJECT:
            return (self.works[id],)
        quoted = [self.titled(match[1]) for match in QUOTED.finditer(perspective.evolution.text)]
        return quoted[0] if quoted else ()


def _team(voice: VoiceView, authors: frozenset[str]) -> bool:
    """Whether a voice is the authors of a work, or some of them and nobody else."""
    members = {words.plain(member) for member in voice.members}
    return bool(members) and members <= {words.plain(author) for author in authors}


def names_authors(work: WorkView, text: str) -> bool:
    """Tell whether a text names a work by its authors: "Li et al. 2020", "Li and Wu", "Li-Wu"."""
    if not work.authors or work.ref.kind in COMMENTARY:
        return False
    surnames = [author.split()[-1] for author in work.authors if author.split()]
    if not surnames or surnames[0] not in text:
        return False
    first, *others = map(re.escape, surnames)
    if others:
        told = re.search(rf"\b{first}(?: et al\b|(?:-| and | & ){others[0]}\b)", text)
    else:
        told = re.search(rf"\b{first} (?:publish|prove|show|argue|demonstrate)", text)
    if told is None:
        return False
    years = {int(year) for year in _YEAR.findall(text[told.start() : told.end() + 20])}
    dated = {int(year) for year in _YEAR.findall(f"{work.ref.date} {work.year or ''}")}
    return not years or not dated or bool(years & dated)
