"""Rules about what a statement rests on: what its source says, under which conditions."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from kb.audit import words
from kb.audit.finding import at, called, found, name
from kb.audit.reading import QUOTED
from kb.views import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.audit.finding import Finding
    from kb.audit.reading import Reading, Remark
    from kb.views import ClaimView, LinkView, RelationView, WorkView

# How our notes say that a source does not say something. The words caught are what is denied.
_DENIALS = (
    re.compile(r"\bsilent on ([^.;,:]+)", re.IGNORECASE),
    re.compile(r", not (?:of|on|about|from|in) ([^.;,:]+)"),
    re.compile(r"\b(?:never mentions|does not (?:mention|discuss|treat)) ([^.;,:]+)"),
    re.compile(r"(?:^|\. )([A-Z][^.;,:]{2,60}) is not in the abstract"),
)
_DENIED_WORDS = 3
"""A longer denial is too particular to be met by chance in other words."""
_STATES = 0.4
"""Share of the words of a thesis that a sentence must hold to be taken to state it."""
_NO_ALTERNATIVE = re.compile(
    r"without (?:yet )?(?:proposing|offering|giving|providing|supplying) (?:a|an|any) "
    r"(?:\w+ )?(?:replacement|alternative|account|explanation|substitute)"
    r"|\b(?:proposes?|offers?|gives?|provides?|supplies) no "
    r"(?:\w+ )?(?:replacement|alternative|account|explanation|substitute)"
    r"|\bdoes not (?:yet )?(?:propose|offer|give|provide|supply) (?:a|an|any) "
    r"(?:\w+ )?(?:replacement|alternative|account|explanation|substitute)",
    re.IGNORECASE,
)
_UNIVERSAL = re.compile(
    r"(?<!not )\b(?:any|every|all|always|never|impossible|incapable|in principle|entirely|"
    r"forecloses?|rules? out|definitive(?:ly)?|tightest possible|no \w+ can)\b",
    re.IGNORECASE,
)
_CAUSE = re.compile(
    r"(?<!not )(?<!no )\b(?:caus(?:es?|ed|al|ally|ing)|driv(?:es|en|ing)|leads? to|led to|"
    r"determin(?:es|ed|ing)|results? in|due to|because of|brings? about)\b",
    re.IGNORECASE,
)
_INTERVENED = re.compile(r"\b(?:interven|ablat|remov|causal)", re.IGNORECASE)
"""Our own words for a work that did more than correlate."""
_CORRELATIONAL = re.compile(r"^correlational\b|\bby correlation only\b", re.IGNORECASE)
_CORRELATION = re.compile(r"\bcorrelation\b", re.IGNORECASE)
_AWARD = (
    r"(?:best[- ]paper|\boral\b|\bspotlight\b|\baward|\bprize|\bbreakthrough|\btier-1\b|"
    r"\btop-venue\b|\bworkshop\b|\binstitutional)"
)
_WARRANT = r"(?:warrants?|evidence|support|validation|vindication|corroboration|proof|confirmation)"
_AWARDED = re.compile(
    rf"{_AWARD}[^.?]{{0,160}}\b(?:gives?|provid\w+|lends?|adds?|supplies|constitutes?|offers?|is|as)"
    rf"\b[^.?]{{0,60}}\b{_WARRANT}\b"
    rf"|{_AWARD}[^.?]{{0,60}}\brecogni\w+[^.?]{{0,80}}\b(?:viable|valid|legitimate|proven)\b"
    rf"|\b(?:viable|valid|legitimate|proven)\b[^.?]{{0,60}}{_AWARD}\w*[^.?]{{0,20}}\brecogni",
    re.IGNORECASE,
)
_NEVER_EVIDENCE = re.compile(r"\b(?:no|not|never|nothing|neither|instead of)\b", re.IGNORECASE)
_COUNTED = re.compile(
    r"(?<![\w-])(?:top |best )?"
    r"([1-9][0-9]|[2-9]|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty)"
    r" ((?:[^\W\d_]{4,} ){0,2})([^\W\d_]{4,})s\b",
    re.IGNORECASE,
)
"""A list of several in a title: "10 Breakthrough Technologies"."""


def claim_not_in_source(reading: Reading) -> Iterator[Finding]:
    """A work is credited with what, as we know it, it does not say."""
    yield from _denied(reading)
    yield from _own_alternative(reading)
    yield from _both_sides(reading)


def _denied(reading: Reading) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[Remark]] = defaultdict(list)
    notes: dict[tuple[str, str], tuple[WorkView, str]] = {}
    for remark in reading.remarks:
        work = remark.one
        asks = remark.text.rstrip().endswith("?")
        if work is None or asks or any(pattern.search(remark.text) for pattern in _DENIALS):
            continue
        told = words.stems(QUOTED.sub(" ", remark.text))
        for denied, note in _denials(reading, work):
            if words.stems(denied) <= told:
                groups[work.id, denied].append(remark)
                notes[work.id, denied] = (work, note)
    for key, remarks in groups.items():
        work, note = notes[key]
        reason = (
            f"{called(work)} is credited with something about {key[1]}, of which our record says: "
            f"{shorten(note, 140)}"
        )
        places = [at(reading, remark.statement, remark.text) for remark in remarks]
        about = [name(work), *(c.id for c in _findings(reading, work))]
        yield found("claim-not-in-source", places, reason, about=about)


def _denials(reading: Reading, work: WorkView) -> Iterator[tuple[str, str]]:
    """What our record says that a work does not say, each with the note that says so."""
    notes = [work.synopsis, *work.notes, *(link.why for link in _own(work))]
    for claim in _findings(reading, work):
        notes += claim.notes
    seen = set()
    for note in notes:
        for pattern in _DENIALS:
            for match in pattern.finditer(note):
                subject = words.stems(match[1])
                if 0 < len(subject) <= _DENIED_WORDS and subject not in seen:
                    seen.add(subject)
                    yield match[1], note


def _own_alternative(reading: Reading) -> Iterator[Finding]:
    groups: dict[str, list[Remark]] = defaultdict(list)
    for remark in reading.remarks:
        if remark.one and _NO_ALTERNATIVE.search(remark.text):
            groups[remark.one.id].append(remark)
    for id, remarks in groups.items():
        work = reading.works[id]
        against = {k.claim.strand for k in _own(work) if k.stance in ("disputes", "qualifies")}
        own = [c for c in _findings(reading, work) if c.ref.strand in against]
        if own:
            reason = (
                f"{called(work)} is said to offer no account of its own, and our record has it "
                f"support {own[0].id}: {shorten(own[0].text, 120)}"
            )
            places = [at(reading, remark.statement, remark.text) for remark in remarks]
            yield found("claim-not-in-source", places, reason, about=[name(work), own[0].id])


def _both_sides(reading: Reading) -> Iterator[Finding]:
    """A work whose findings speak on both sides of a thesis is told as if it closed it."""
    groups: dict[tuple[str, str], list[Remark]] = defaultdict(list)
    sides: dict[tuple[str, str], ClaimView] = {}
    for remark in reading.remarks:
        if remark.one is None or not _UNIVERSAL.search(remark.text):
            continue
        told = words.stems(remark.text)
        for thesis, softer in _mixed(reading, remark.one).items():
            if len(words.stems(reading.claims[thesis].text) & told) >= 2:
                groups[remark.one.id, thesis].append(remark)
                sides[remark.one.id, thesis] = softer
    for (id, thesis), remarks in groups.items():
        softer = sides[id, thesis]
        match = _UNIVERSAL.search(remarks[0].text)
        reason = (
            f"“{match[0] if match else ''}” makes {called(reading.works[id])} close the matter, "
            f"and our record has the same work limit it by {softer.id}."
        )
        look = f"Does the sentence leave room for {softer.id}: {shorten(softer.text, 160)}"
        places = [at(reading, remark.statement, remark.text) for remark in remarks]
        about = [name(reading.works[id]), thesis, softer.id]
        yield found("claim-not-in-source", places, reason, look, about)


def _mixed(reading: Reading, work: WorkView) -> dict[str, ClaimView]:
    """Theses that a work's own findings both support and limit -> the finding that limits."""
    support: set[str] = set()
    limit: dict[str, ClaimView] = {}
    for claim in _findings(reading, work):
        for bears in _bearings(claim):
            if bears.kind == "supports":
                support.add(bears.target.id)
            elif bears.kind in ("qualifies", "disputes"):
                limit[bears.target.id] = claim
    qualified = {k.claim.id for k in _own(work) if k.stance == "qualifies"}
    return {id: claim for id, claim in limit.items() if id in support & qualified}


def scope_dropped(reading: Reading) -> Iterator[Finding]:
    """A result is told as a general thesis, without any of the conditions that it needs."""
    groups: dict[tuple[str, str], list[Remark]] = defaultdict(list)
    for remark in reading.remarks:
        work = remark.one
        if work is None:
            continue
        told = words.stems(QUOTED.sub(" ", remark.text))
        findings = _findings(reading, work)
        if any(_scope(claim) & told for claim in findings):
            continue  # told with the conditions of one of its findings
        for claim in findings:
            if _needs(claim) and _says_thesis(claim, told):
                groups[work.id, claim.id].append(remark)
    for (id, claim_id), remarks in groups.items():
        claim = reading.claims[claim_id]
        reason = (
            f"{called(reading.works[id])} is told without the condition that {claim_id} needs: "
            f"{_needs(claim)}."
        )
        look = f"Is the condition said in other words: {_needs(claim)}?"
        places = [at(reading, remark.statement, remark.text) for remark in remarks]
        about = [name(reading.works[id]), claim_id]
        yield found("scope-dropped", places, reason, look, about)


def _needs(claim: ClaimView) -> str:
    return "; ".join(value for _, operator, value in claim.scope if operator == "requires")


def _scope(claim: ClaimView) -> frozenset[str]:
    """The words of a finding's scope that the theses it supports do not hold themselves."""
    theses = " ".join(bears.target.text for bears in _bearings(claim) if bears.kind == "supports")
    return words.stems(" ".join(value for _, _, value in claim.scope)) - words.stems(theses)


def _says_thesis(claim: ClaimView, told: frozenset[str]) -> bool:
    """Whether words state a thesis that a finding supports."""
    theses = [
        words.stems(bears.target.text) for bears in _bearings(claim) if bears.kind == "supports"
    ]
    return any(len(thesis & told) >= max(2, _STATES * len(thesis)) for thesis in theses)


def correlation_as_cause(reading: Reading) -> Iterator[Finding]:
    """A word of cause stands where the work measured a correlation."""
    groups: dict[str, list[Remark]] = defaultdict(list)
    for remark in reading.remarks:
        if remark.one and _CAUSE.search(QUOTED.sub(" ", remark.text)):
            work = remark.one
            findings = _findings(reading, work)
            said = " ".join((work.synopsis, *(link.why for link in _own(work))))
            if (
                findings
                and not _INTERVENED.search(said)
                and all(_is_correlational(claim) for claim in findings)
            ):
                groups[remark.one.id].append(remark)
    for id, remarks in groups.items():
        work = reading.works[id]
        match = _CAUSE.search(QUOTED.sub(" ", remarks[0].text))
        claim = _findings(reading, work)[0]
        reason = (
            f"“{match[0] if match else ''}” tells as a cause what {called(work)} measured as a "
            f"correlation ({claim.id})."
        )
        places = [at(reading, remark.statement, remark.text) for remark in remarks]
        yield found("correlation-as-cause", places, reason, about=[name(work), claim.id])


def _is_correlational(claim: ClaimView) -> bool:
    observed = [v for facet, _, v in claim.scope if facet == "observable"]
    notes = (*claim.notes, *(bears.note for bears in _bearings(claim)))
    return any(_CORRELATION.search(value) for value in observed) or any(
        _CORRELATIONAL.search(note) for note in notes
    )


def award_as_evidence(reading: Reading) -> Iterator[Finding]:
    """A prize, a tier or the logistics of a workshop is made a reason to believe a result."""
    remarks = [
        (remark, match)
        for remark in reading.remarks
        if (match := _AWARDED.search(remark.text)) and not _NEVER_EVIDENCE.search(match[0])
    ]
    if remarks:
        places = [at(reading, remark.statement, match[0]) for remark, match in remarks]
        reason = (
            "Recognition is given as a reason to believe a result; a venue's decision is evidence "
            "for no claim."
        )
        works = {work.id: work for remark, _ in remarks for work in remark.works}
        held = [
            k.claim.id for work in works.values() for k in work.links if k.agent_kind != "model"
        ]
        about = [*map(name, works.values()), *held]
        yield found("award-as-evidence", places, reason, about=about)


def title_overread(reading: Reading) -> Iterator[Finding]:
    """One of several, by the title of a source, is told as the only one."""
    for remark in reading.remarks:
        titles = {
            n: source.title for n in remark.cites if (source := reading.sources.get(n)) is not None
        }
        for n, title in titles.items():
            count = _COUNTED.search(title)
            if count is None:
                continue
            single = _only_one(remark.text, [*count[2].split(), count[3]])
            told = re.search(rf"\bone of\b|\b{count[1]}\b", remark.text, re.IGNORECASE)
            if single and not told:
                reason = (
                    f"“{single}” makes one of {count[1]} the only one: the title of [{n}] is "
                    f"“{shorten(title, 90)}”."
                )
                about = map(name, reading.cited([n]))
                yield found("title-overread", [at(reading, remark.statement)], reason, about=about)
                break


def _only_one(text: str, nouns: list[str]) -> str:
    """The words that name a single one: "its 2026 Breakthrough", "the Discovery of the Year"."""
    singular = [noun[:-2] + "y" if noun.endswith("ie") else noun for noun in nouns]
    noun = "|".join(map(re.escape, singular))
    period = r"of the (?:year|month|week|decade|century)"
    found = re.search(
        rf"\b(?:the|its|their|\w+'s) (?:(?:19|20)\d\d (?:{noun})\b(?: {period})?"
        rf"|(?:{noun}) {period}\b)",
        text.replace("\u2019", "'"),
        re.IGNORECASE,
    )
    return found[0] if found else ""


def _own(work: WorkView) -> list[LinkView]:
    """What people who read a work say that it asserts itself."""
    return [
        link
        for link in work.links
        if link.how == "asserts"
        and link.review in ("proposed", "confirmed")
        and (link.agent_kind in ("curation", "human") or link.review == "confirmed")
    ]


def _findings(reading: Reading, work: WorkView) -> list[ClaimView]:
    """The findings that a work supports as its own."""
    return [
        reading.claims[link.claim.id]
        for link in _own(work)
        if link.stance == "supports"
        and link.claim.level == "finding"
        and link.claim.id in reading.claims
    ]


def _bearings(claim: ClaimView) -> list[RelationView]:
    return [bears for bears in claim.bears_on if bears.source.id == claim.id]
