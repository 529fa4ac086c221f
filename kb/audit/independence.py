"""Rules about counting: one thing told as two, one body of evidence as several."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from kb.audit import words
from kb.audit.finding import at, at_name, called, found, name, numbers
from kb.audit.reading import COMMENTARY, QUOTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.audit.finding import Finding
    from kb.audit.reading import Reading
    from kb.synthesis import Entry, Perspective, Source
    from kb.views import WorkView

_COPY = re.compile(r"\b(?:cross-?post|mirror|reprint|republish|cop(?:y|ies)\b)", re.IGNORECASE)
_NUMBER = r"two|three|four|five|six|seven|eight|nine|ten|[2-9]|[1-9][0-9]"
_BODIES = (
    r"(?:papers|preprints|submissions|articles|works|studies|results|groups|teams|labs|authors|"
    r"challenges|confirmations|replications|tests|trials|experiments|proofs|lines|sources|reports)"
)
_SEVERAL = re.compile(
    rf"(?<![-\w])(?:independent|distinct|separate|different|multiple|several|{_NUMBER})"
    rf"(?: [\w'-]{{1,40}}){{0,3}} {_BODIES}\b",
    re.IGNORECASE,
)
_ONE = re.compile(
    r"\b(?:one|same|single) (?:lineage|body|work|team|group|paper|result)\b|\bnot independent\b"
    r"|\bresubmi",
    re.IGNORECASE,
)
"""Says already that the several are one."""
_INDEPENDENT = re.compile(r"(?<![-\w])(?<!not )independent(?:ly)?\b", re.IGNORECASE)


def crosspost_counted_twice(reading: Reading) -> Iterator[Finding]:
    """Two entries of the timeline tell of two copies of one post as of two events."""
    for copies, sure in _copies(reading):
        told = [
            (entry, sorted(n for n in entry.told.cites if n in copies))
            for entry in reading.synthesis.timeline
        ]
        one, mine = next(((e, cites) for e, cites in told if cites), (None, []))
        for other, theirs in told:
            if one is None or not theirs or set(mine) & set(theirs) or one.date == other.date:
                continue
            source, earlier = reading.sources[theirs[0]], reading.sources[mine[0]]
            same = words.same_title(words.title(source.title), words.title(earlier.title))
            if same and not _COPY.search(other.told.text):
                reason = (
                    f"{numbers(theirs)} is a copy of {numbers(mine)}, which the entry of "
                    f"{one.date} tells of, and counts once."
                )
                look = "" if sure else f"Is “{source.title}” the same text in both places?"
                places = [at(reading, other.told), at(reading, one.told)]
                about = map(name, reading.cited(theirs))
                yield found("crosspost-counted-twice", places, reason, look, about)
                break


def _copies(reading: Reading) -> Iterator[tuple[set[int], bool]]:
    """Sets of sources that are one post, and whether we know it or only their titles say so."""
    groups: dict[str, set[int]] = defaultdict(set)
    loose: list[Source] = []
    for source in reading.synthesis.sources:
        place = reading.placed.get(source.n)
        if place is None:
            loose.append(source)
        elif place.work and not place.coverage and place.work.ref.kind in COMMENTARY:
            groups[place.work.id].add(source.n)
    for group in groups.values():
        if len(group) > 1:
            yield group, True
    titles: dict[str, set[int]] = defaultdict(set)
    for source in loose:
        titles[words.title(source.title)].add(source.n)
    for title, group in titles.items():
        if len(group) > 1 and len(title.split()) >= 4:
            yield group, False


def voice_split(reading: Reading) -> Iterator[Finding]:
    """Two perspectives belong to the same people."""
    seen: dict[str, Perspective] = {}
    for other in reading.synthesis.perspectives:
        mine = {f"voice {v.id}": f"the same voice, {v.name}" for v in reading.voices(other)}
        mine |= {f"work {w.id}": f"the authors of {called(w)}" for w in reading.headed(other)}
        who = next((key for key in mine if key in seen), "")
        if who:
            one = seen[who]
            reason = f"“{one.name}” and “{other.name}” are {mine[who]}, and count once."
            places = [at_name(reading, other), at_name(reading, one)]
            yield found("voice-split", places, reason, about=[who.split(" ", 1)[1]])
        for key in mine:
            seen.setdefault(key, other)


def retitled_same_work(reading: Reading) -> Iterator[Finding]:
    """A work under another title has entries of its own, as if it were another result."""
    lineages: dict[str, list[tuple[int, WorkView]]] = defaultdict(list)
    for n, place in reading.placed.items():
        told = not place.coverage or place.kind in ("talk", "video")
        if place.work and told and place.work.ref.kind not in COMMENTARY:
            lineages[place.work.ref.lineage].append((n, place.work))
    for members in lineages.values():
        # Works that a lineage ties are told apart by the first one's title, for each has its own.
        tied = len({work.id for _, work in members}) > 1
        titles = {words.title(members[0][1].title)} if tied else _titles(members[0][1])
        strange = {n for n, _ in members if not _like(reading, n, titles)}
        plain = {n for n, _ in members} - strange
        apart = [e for e in reading.synthesis.timeline if _of(e, strange) and not _of(e, plain)]
        if apart and any(_of(e, plain) for e in reading.synthesis.timeline):
            cites = sorted({n for e in apart for n in e.told.cites if n in strange})
            work = members[0][1]
            reason = (
                f"{numbers(cites)} bears another title and is the work of {called(work)}, which "
                f"has its own entry: one body of evidence."
            )
            places = [at(reading, e.told) for e in apart]
            yield found("retitled-same-work", places, reason, about=[name(work)])


def _of(entry: Entry, sources: set[int]) -> bool:
    return not sources.isdisjoint(entry.told.cites)


def _titles(work: WorkView) -> set[str]:
    """The titles that we know a work by at first hand."""
    forms = [form.title for form in work.manifestations if not form.digest]
    quoted = [match[1] for note in work.notes for match in QUOTED.finditer(note)]
    return {words.title(title) for title in (work.title, *forms, *quoted)}


def _like(reading: Reading, n: int, titles: set[str]) -> bool:
    own = words.title(reading.sources[n].title)
    return any(words.same_title(own, title) for title in titles)


def non_independent_support(reading: Reading) -> Iterator[Finding]:
    """What is said to be several is one lineage, or shares its authors."""
    for remark in reading.remarks:
        cites = [n for n in remark.cites if (p := reading.placed.get(n)) and not p.coverage]
        works = reading.cited(cites)
        several = _SEVERAL.search(remark.text)
        independent = _INDEPENDENT.search(remark.text)
        if len(cites) < 2 or not works or not (several or independent):
            continue
        if _ONE.search(remark.text):
            continue
        lineages = {work.ref.lineage for work in works}
        quoted = (several or independent or [""])[0]
        places, about = [at(reading, remark.statement)], map(name, works)
        if len(lineages) == 1:
            reason = (
                f"“{quoted}” cites {numbers(cites)}, which are {len(works)} "
                f"record{'s' if len(works) > 1 else ''} of one lineage, {called(works[0])}: one "
                f"support."
            )
            yield found("non-independent-support", places, reason, about=about)
        elif independent and (people := _everywhere(works)):
            reason = f"“{quoted}” joins works that all have {words.listed(people)} as an author."
            look = "Do they rest on different data or proofs in spite of it?"
            yield found("non-independent-support", places, reason, look, about)


def _everywhere(works: tuple[WorkView, ...]) -> list[str]:
    """The people who sign all of several works."""
    return sorted(set.intersection(*(set(work.authors) for work in works)))
