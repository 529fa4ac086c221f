"""What the knowledge base answers with: frozen, typed values that print well.

A view holds everything a reader or a page needs, as plain Python values in a fixed order.
Every statement in it says who made it and what a person makes of it: see `LinkView`.
"""

from __future__ import annotations

import dataclasses
import html
from dataclasses import dataclass
from typing import Any


class View:
    """Base of every view: one line as `repr`, a small table in a notebook."""

    __slots__ = ()

    def headline(self) -> str:
        """Return the one line that names this."""
        return ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__.removesuffix('View')} {self.headline()}>"

    def _repr_html_(self) -> str:
        """Return the view as an HTML table for notebooks; all text is escaped."""
        rows = "".join(
            f"<tr><th style='text-align:left;vertical-align:top'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{_cell(value)}</td></tr>"
            for name, value in self._shown()
        )
        return f"<p><b>{html.escape(self.headline())}</b></p><table>{rows}</table>"

    def _shown(self) -> list[tuple[str, Any]]:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # every view is a dataclass
        pairs = [(field.name, getattr(self, field.name)) for field in fields]
        return [(name, value) for name, value in pairs if value not in ("", None, (), {})]

    def as_dict(self) -> dict[str, Any]:
        """Return plain dicts and lists, ready for JSON."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]  # a dataclass


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        more = f"<li>… {len(value) - 12} more</li>" if len(value) > 12 else ""
        items = "".join(f"<li>{_cell(item)}</li>" for item in value[:12])
        return f"<ul style='margin:0'>{items}{more}</ul>"
    text = value.headline() if isinstance(value, View) else str(value)
    figure = f"{value.figure()} " if isinstance(value, Balance) else ""
    return figure + html.escape(text)


def shorten(text: str, width: int = 90) -> str:
    """Return `text`, cut at a word and marked with an ellipsis where it is longer than `width`.

    Examples:
        >>> shorten("flat minima generalize better", 18)
        'flat minima …'
    """
    if len(text) <= width:
        return text
    return text[: width - 1].rsplit(" ", 1)[0] + " …"


# -- references: enough to name and link a thing ---------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class WorkRef(View):
    """A work by name."""

    id: str
    """ "arxiv:2505.17638"."""
    key: str
    """The curated name, "" when it is not curated."""
    kind: str
    title: str
    authors: str
    """ "Bonnaire et al.", "" when unknown."""
    date: str
    """First public appearance, EDTF."""
    lineage: str
    """Id of the work that stands for its lineage: equal ids count as one support."""

    def headline(self) -> str:
        """Title, authors and date."""
        return " · ".join(part for part in (self.title, self.authors, self.date) if part)


@dataclass(frozen=True, slots=True, repr=False)
class ClaimRef(View):
    """A claim by name."""

    id: str
    level: str
    """thesis or finding."""
    strand: str
    text: str

    def headline(self) -> str:
        """Id and text."""
        return f"{self.id}: {shorten(self.text)}"


@dataclass(frozen=True, slots=True, repr=False)
class Ref(View):
    """Anything else by name."""

    kind: str
    """tension, voice, event, strand, topic, digest."""
    id: str
    title: str

    def headline(self) -> str:
        """Id and title."""
        return f"{self.id}: {shorten(self.title)}"


# -- statements -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class EvidenceView(View):
    """The sentence that shows a link."""

    quote: str
    """Exactly `abstract[start:end]` of the manifestation."""
    manifestation: str
    start: int
    end: int
    agent: str
    review: str
    """proposed: a machine picked the sentence and no person has confirmed it."""
    score: float | None

    def headline(self) -> str:
        """The quote and where it stands."""
        return f"“{shorten(self.quote, 120)}” ({self.manifestation} [{self.start}:{self.end}])"


@dataclass(frozen=True, slots=True, repr=False)
class LinkView(View):
    """What a work does to a claim, who says so, and what a person makes of it."""

    work: WorkRef
    claim: ClaimRef
    stance: str
    nuance: str
    """A finer word (refines, extends, replicates, undercuts) or ""."""
    how: str
    """asserts, reports, or "" where a machine does not tell."""
    agent_kind: str
    """human, curation, rule or model."""
    agent: str
    review: str
    """proposed until a person confirms or rejects it."""
    reviewed_by: str
    checked: str
    """How far a curated link was read: full, abstract, title, nothing; "" for a machine's."""
    score: float | None
    """A machine's score in [0, 1], not a probability; None for a curated link."""
    why: str
    """Our reason, for a curated link."""
    evidence: tuple[EvidenceView, ...]
    valid: str
    recorded: str
    """UTC, ISO 8601."""
    stance_score: float | None = None
    """Of a machine's link: how far the abstract leans to our sentences for the claim against
    those that deny it, in [-1, 1]."""

    def headline(self) -> str:
        """Who does what to which claim, and how sure that is."""
        sure = self.review if self.score is None else f"{self.review}, score {self.score:.2f}"
        return f"{shorten(self.work.title, 60)} {self.stance} {self.claim.id} [{sure}]"


@dataclass(frozen=True, slots=True, repr=False)
class RelationView(View):
    """What one claim does to another."""

    source: ClaimRef
    kind: str
    target: ClaimRef
    bears_on: bool
    """True from a finding to a thesis."""
    differs_in: tuple[str, ...]
    note: str
    review: str
    valid: str

    def headline(self) -> str:
        """Which claim does what to which."""
        return f"{self.source.id} {self.kind} {self.target.id}"


@dataclass(frozen=True, slots=True, repr=False)
class Balance(View):
    """Lineages for, against and qualifying a claim: copies, coverage and awards count nothing.

    Neither does what a machine proposed and no person confirmed: that is told beside it.
    Rejected and superseded links are left out. A lineage that appears on several sides counts
    once on each.
    """

    supports: int
    disputes: int
    qualifies: int
    proposed: int
    """Lineages that a machine alone proposes for any side; in none of the counts above."""

    def headline(self) -> str:
        """The three counts, and what a machine adds."""
        counts = f"{self.supports} for, {self.disputes} against, {self.qualifies} qualifying"
        return counts + (f" (+{self.proposed} proposed by a machine)" if self.proposed else "")

    def figure(self) -> str:
        """Return the counts as a small SVG bar; what a machine proposes is dashed beside it."""
        parts = (
            (self.supports, "#2a7f62"),
            (self.qualifies, "#b8860b"),
            (self.disputes, "#a23b3b"),
            (self.proposed, "none"),
        )
        total = sum(count for count, _ in parts)
        left, bars = 0.0, []
        for count, color in parts:
            width = 120 * count / total if total else 0.0
            if count:
                bars.append(
                    f"<rect x='{left:.1f}' y='1' width='{width:.1f}' height='10' fill='{color}'"
                    " stroke='#666' stroke-width='0.5'"
                    + (" stroke-dasharray='2'/>" if color == "none" else "/>")
                )
            left += width
        label = html.escape(self.headline())
        return (
            "<svg xmlns='http://www.w3.org/2000/svg' width='120' height='12' role='img' "
            f"aria-label='{label}'><title>{label}</title>{''.join(bars)}</svg>"
        )


@dataclass(frozen=True, slots=True, repr=False)
class StatusView(View):
    """Where a work stood in public, and who says so."""

    status: str
    venue: str
    valid: str
    source: str
    verified: str
    note: str
    version: str

    def headline(self) -> str:
        """Status, venue and date."""
        return " · ".join(part for part in (self.status, self.venue, self.valid) if part)


@dataclass(frozen=True, slots=True, repr=False)
class ManifestationView(View):
    """A form in which a work appeared."""

    id: str
    kind: str
    title: str
    publisher: str
    url: str
    version: int
    valid: str
    retrieved: str
    content_hash: str
    digest: str
    """The digest that lists it, "" when we know it at first hand."""
    digest_n: int | None
    note: str
    removed: str = ""
    """When its source was first seen without it, UTC, ISO 8601; what we have of it is kept."""

    def headline(self) -> str:
        """Kind, title, publisher."""
        return f"{self.kind}: {self.title}" + (f" ({self.publisher})" if self.publisher else "")


@dataclass(frozen=True, slots=True, repr=False)
class CoverageView(View):
    """Something written about a work or event; never evidence."""

    id: str
    kind: str
    title: str
    publisher: str
    url: str
    valid: str
    digest: str
    digest_n: int | None
    note: str

    def headline(self) -> str:
        """Kind, title, publisher."""
        return f"{self.kind}: {self.title}" + (f" ({self.publisher})" if self.publisher else "")


# -- the entities -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class MergeView(View):
    """Two works that were joined, or that may be one work or of one lineage."""

    loser: str
    """Id of the work that went, or would go, into the other."""
    loser_title: str
    winner: str
    winner_title: str
    relation: str
    """ "" when they are one work; else what the first would be to the second."""
    agent_kind: str
    agent: str
    reason: str
    score: float | None
    review: str
    applied: bool
    recorded: str

    def headline(self) -> str:
        """What stands on the two, who says so and why."""
        if self.review == "rejected":
            word = "are two works, not one"
        elif self.relation:
            word = f"{'are' if self.review == 'confirmed' else 'may be'} {self.relation}"
        else:
            word = "joined" if self.applied else "may be one work"
        score = "" if self.score is None else f", score {self.score:.2f}"
        return f"{self.loser} → {self.winner}: {word} [{self.review}, {self.agent}{score}]"

    @property
    def is_open(self) -> bool:
        """Whether it only proposes something to a person."""
        return not self.applied and self.review == "proposed"


@dataclass(frozen=True, slots=True, repr=False)
class WorkView(View):
    """A work with everything known of it."""

    ref: WorkRef
    authors: tuple[str, ...]
    identifiers: tuple[str, ...]
    venue: str
    year: int | None
    categories: str
    synopsis: str
    """Ours; "" where we have none."""
    abstract: str
    """As its source gave it; "" where none was fetched."""
    abstract_from: str
    """Id of the manifestation that the abstract is taken from."""
    checked: str
    withdrawn: bool
    links: tuple[LinkView, ...]
    statuses: tuple[StatusView, ...]
    manifestations: tuple[ManifestationView, ...]
    coverage: tuple[CoverageView, ...]
    related: tuple[tuple[str, WorkRef], ...]
    """(resubmissionOf, that work), with "resubmitted as" and so on for the other direction."""
    voices: tuple[Ref, ...]
    notes: tuple[str, ...]
    unverified: tuple[str, ...]
    merges: tuple[MergeView, ...] = ()
    """What was joined with it, and what may be the same work, most certain first."""

    @property
    def id(self) -> str:
        """The work's id."""
        return self.ref.id

    @property
    def title(self) -> str:
        """The work's title."""
        return self.ref.title

    def headline(self) -> str:
        """Title, authors and date."""
        return self.ref.headline()


@dataclass(frozen=True, slots=True, repr=False)
class ClaimView(View):
    """A claim with its scope, its evidence and its neighbors."""

    ref: ClaimRef
    proof_level: str
    checked: str
    scope: tuple[tuple[str, str, str], ...]
    """(facet, operator, value)."""
    senses: tuple[tuple[str, str, str], ...]
    """(term, sense, definition)."""
    terms: tuple[str, ...]
    statements: tuple[tuple[str, str], ...]
    """(supports | disputes | qualifies, sentence of ours)."""
    balance: Balance
    links: tuple[LinkView, ...]
    """Curated ones first, then by score."""
    relations: tuple[RelationView, ...]
    """In both directions, among findings."""
    bears_on: tuple[RelationView, ...]
    """Of a finding: the theses it bears on; of a thesis: the findings that bear on it."""
    tensions: tuple[Ref, ...]
    voices: tuple[HoldingView, ...]
    notes: tuple[str, ...]
    unverified: tuple[str, ...]

    @property
    def id(self) -> str:
        """The claim's id."""
        return self.ref.id

    @property
    def text(self) -> str:
        """The proposition."""
        return self.ref.text

    def headline(self) -> str:
        """Id and text."""
        return self.ref.headline()


@dataclass(frozen=True, slots=True, repr=False)
class PoleView(View):
    """One side of a tension."""

    id: str
    title: str
    note: str
    """Says plainly when the pole has no holder."""
    claims: tuple[ClaimRef, ...]
    links: tuple[LinkView, ...]
    """Links to the pole's claims, curated first."""
    balance: Balance
    """Over the pole's claims together."""

    def headline(self) -> str:
        """Title and balance."""
        return f"{self.title}: {self.balance.headline()}"


@dataclass(frozen=True, slots=True, repr=False)
class TensionView(View):
    """A question on which claims pull apart."""

    id: str
    strand: str
    question: str
    kind: str
    kind_reason: str
    review: str
    poles: tuple[PoleView, ...]
    core: tuple[ClaimRef, ...]
    settles: str
    voices: tuple[HoldingView, ...]
    relations: tuple[RelationView, ...]
    """Between claims of the poles."""
    notes: tuple[str, ...]

    def headline(self) -> str:
        """Id, kind and question."""
        return f"{self.id} [{self.kind}, {self.review}] {self.question}"


@dataclass(frozen=True, slots=True, repr=False)
class HoldingView(View):
    """A position that a voice takes over an interval."""

    voice: Ref
    attitude: str
    claim: ClaimRef
    work: WorkRef
    valid: str
    checked: str
    note: str

    def headline(self) -> str:
        """Who holds what since when."""
        return f"{self.voice.title} {self.attitude} {self.claim.id} ({self.valid})"


@dataclass(frozen=True, slots=True, repr=False)
class VoiceView(View):
    """A person or group that takes positions."""

    id: str
    name: str
    kind: str
    members: tuple[str, ...]
    members_note: str
    aliases: tuple[str, ...]
    holdings: tuple[HoldingView, ...]
    works: tuple[WorkRef, ...]
    independence: tuple[str, ...]
    """Who it shares people with."""
    notes: tuple[str, ...]

    def headline(self) -> str:
        """Id and name."""
        return f"{self.id}: {self.name}"


@dataclass(frozen=True, slots=True, repr=False)
class TalkView(View):
    """One slot of a programme."""

    start: str
    end: str
    kind: str
    title: str
    people: tuple[str, ...]
    work: WorkRef | None
    arxiv: str
    session: str = ""
    """The list of the event's page that it was read from; "" in the curated files."""
    day: str = ""
    """The day of that session, EDTF; "" where it is the event's."""
    read: str = ""
    """The day on which the page was last seen to say so; "" in the curated files."""
    listed: bool = False
    """A paper of a list, not a slot of a programme."""
    abstract: str = ""
    url: str = ""
    guess: WorkRef | None = None
    """A work with an equal title and an author in common, where none is named: a guess."""

    def headline(self) -> str:
        """Time, title, people."""
        return " ".join(part for part in (self.start, self.title, ", ".join(self.people)) if part)


@dataclass(frozen=True, slots=True, repr=False)
class EventView(View):
    """A workshop, conference day or broadcast."""

    id: str
    name: str
    alt_names: tuple[str, ...]
    series: str
    edition: int | None
    venue: str
    kind: str
    date: str
    """EDTF."""
    tz: str
    place: str
    hours: str
    url: str
    verified: str
    organizers: tuple[str, ...]
    speakers: tuple[str, ...]
    topics: tuple[str, ...]
    deadlines: tuple[tuple[str, str], ...]
    talks: tuple[TalkView, ...]
    accepted: tuple[tuple[str, tuple[str, ...], str], ...]
    """(title, authors, identifier or "")."""
    manifestations: tuple[ManifestationView, ...]
    coverage: tuple[CoverageView, ...]
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    source: str = ""
    """The adapter that found it; "" in the curated files."""
    dropped: int | None = None
    """How many talks its pages listed once and no longer do; None where there are none."""

    def headline(self) -> str:
        """Name and date."""
        return f"{self.id}: {self.name} ({self.date})"


@dataclass(frozen=True, slots=True, repr=False)
class StrandView(View):
    """A line of the debate."""

    id: str
    title: str
    question: str
    summary: str
    theses: tuple[ClaimRef, ...]
    findings: tuple[ClaimRef, ...]
    tensions: tuple[Ref, ...]
    works: tuple[WorkRef, ...]
    """Works with a curated link to a claim of the strand."""
    proposed: int
    """How many further works a machine proposes for it."""

    def headline(self) -> str:
        """Id and title."""
        return f"{self.id}: {self.title}"


@dataclass(frozen=True, slots=True, repr=False)
class TopicView(View):
    """A hub that gathers what the strands say of one word."""

    id: str
    title: str
    summary: str
    strands: tuple[Ref, ...]
    senses: tuple[tuple[str, str, str], ...]
    """(term, sense, definition)."""
    claims: tuple[ClaimRef, ...]
    events: tuple[Ref, ...]

    def headline(self) -> str:
        """Id and title."""
        return f"{self.id}: {self.title}"


@dataclass(frozen=True, slots=True, repr=False)
class SenseView(View):
    """One meaning of a word that has several, and the claims that use it so."""

    sense: str
    definition: str
    claims: tuple[ClaimRef, ...]

    def headline(self) -> str:
        """The sense and how many claims use it."""
        return f"{self.sense}: {shorten(self.definition)} ({len(self.claims)} claims)"


@dataclass(frozen=True, slots=True, repr=False)
class TermView(View):
    """A word that the debate uses in several senses."""

    id: str
    """The word itself, its parts joined by hyphens."""
    senses: tuple[SenseView, ...]
    unsettled: tuple[ClaimRef, ...]
    """Claims that use the word in a sense that is not recorded."""

    @property
    def title(self) -> str:
        """The word as it is written."""
        return self.id.replace("-", " ")

    def headline(self) -> str:
        """The word and its senses."""
        return f"{self.title}: {', '.join(sense.sense for sense in self.senses)}"


@dataclass(frozen=True, slots=True, repr=False)
class DigestView(View):
    """A synthesis by others, with where each of its sources was placed."""

    id: str
    publisher: str
    title: str
    version: str
    as_of: str
    kind: str
    url: str
    summary: str
    sources_listed: int
    sources: tuple[PlacedSourceView, ...]
    notes: tuple[str, ...]

    def headline(self) -> str:
        """Publisher and title."""
        return f"{self.publisher}: {self.title}"


@dataclass(frozen=True, slots=True, repr=False)
class PlacedSourceView(View):
    """A numbered source of a digest and what it turned out to be."""

    n: int
    title: str
    publisher: str
    placed_as: str
    """manifestation or coverage."""
    kind: str
    work: WorkRef | None
    event: Ref | None
    cited: bool
    note: str

    def headline(self) -> str:
        """Number and title."""
        return f"[{self.n}] {self.title}"


@dataclass(frozen=True, slots=True, repr=False)
class TimelineEntry(View):
    """Something that happened, as precisely as it is known."""

    date: str
    """EDTF: when it was so in the world."""
    recorded: str
    """UTC, ISO 8601: when we learnt it; "" where the store does not say."""
    lane: str
    """works, status, voices, coverage or events."""
    title: str
    detail: str
    strand: str
    """"" when it belongs to no single strand."""
    work: WorkRef | None
    ref: Ref | None
    """The event or voice it is about."""
    url: str = ""
    """Of coverage: where it stands. It is commentary and never evidence."""
    claim: str = ""
    """Of a position: the id of the claim that is held or rejected."""

    def headline(self) -> str:
        """Date and title."""
        return f"{self.date or 'undated'}  {self.title}" + (
            f" — {self.detail}" if self.detail else ""
        )


@dataclass(frozen=True, slots=True, repr=False)
class SearchHit(View):
    """A result of a search."""

    kind: str
    """work, claim, tension, voice or event."""
    id: str
    title: str
    snippet: str
    score: float
    """Fused rank score; comparable within one search only."""
    matched: tuple[str, ...]
    """"words", "meaning", or both."""

    def headline(self) -> str:
        """Kind, id, title."""
        return f"{self.kind} {self.id}: {shorten(self.title)}"


@dataclass(frozen=True, slots=True, repr=False)
class Neighbor(View):
    """A similar work and why it is."""

    work: WorkRef
    score: float
    """Cosine similarity in [-1, 1]."""
    reason: str
    """Shared claims, authors or words, in plain words."""

    def headline(self) -> str:
        """Score, title, reason."""
        return f"{self.score:.2f} {shorten(self.work.title, 60)} ({self.reason})"


@dataclass(frozen=True, slots=True, repr=False)
class ChangeView(View):
    """One event: a difference between two cycles. `kb.changes` has the rules."""

    id: str
    """ "e" and ten hex digits: a hash of kind, subject, before and after."""
    kind: str
    """ "balance-moved", "tension-opened", …: see `kb.changes.KINDS`."""
    subject: str
    """The id of what changed: a work, claim, tension or voice, or a link by its ends."""
    name: str
    """What a sentence calls the subject."""
    before: str
    """"" where it was not there."""
    after: str
    """"" where it is not there any more."""
    text: str
    """One sentence."""

    def headline(self) -> str:
        """Kind and sentence."""
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True, slots=True, repr=False)
class SentenceView(View):
    """A sentence of a narrative and the events that it rests on."""

    text: str
    events: tuple[str, ...]
    """Ids of the events that it tells of."""
    refs: tuple[str, ...]
    """What a sentence of the chronicle names in brackets; () for a computed one."""
    curated: bool
    """From the curated chronicle; else put together from its events."""

    def headline(self) -> str:
        """The sentence."""
        return self.text


@dataclass(frozen=True, slots=True, repr=False)
class PassageView(View):
    """Sentences about one side of what changed."""

    title: str
    sentences: tuple[SentenceView, ...]

    def headline(self) -> str:
        """Title and length."""
        return f"{self.title}: {len(self.sentences)} sentences"


@dataclass(frozen=True, slots=True, repr=False)
class CycleView(View):
    """An immutable snapshot of the debate.

    A reconstructed cycle has two dates: it says what was so by the end of the day `valid`, as
    known at `created`. It is not what was shown on that day.
    """

    number: int
    """0 for a reconstructed one, which is named by its day."""
    hash: str
    parent: str
    created: str
    """UTC, ISO 8601: when what it holds was recorded."""
    counts: tuple[tuple[str, int], ...]
    changes: tuple[ChangeView, ...]
    """Against the cycle before it in time; empty where there is none."""
    narrative: tuple[PassageView, ...] = ()
    """The same, told in sentences."""
    valid: str = ""
    """The ISO day for which it was reconstructed; "" for one taken as things stood."""
    reconstructed: bool = False
    before: str = ""
    """The name of the cycle that `changes` compares with, "" where there is none."""
    tensions: tuple[str, ...] = ()
    """Ids of the tensions that are open in it: see `kb.changes`."""
    undated: int = 0
    """Works that stand in no reconstructed cycle because they have no date."""

    @property
    def name(self) -> str:
        """Its number, or the day of a reconstructed one: what `kb diff` takes."""
        return self.valid if self.reconstructed else str(self.number)

    def headline(self) -> str:
        """Name, hash, time."""
        note = f", reconstructed from what was known at {self.created}"
        when = note if self.reconstructed else f" {self.created}"
        return f"{self.name} {self.hash[:12]}{when}"


@dataclass(frozen=True, slots=True, repr=False)
class DiffView(View):
    """What changed between two cycles."""

    before: str
    after: str
    """The names of the two cycles."""
    changes: tuple[ChangeView, ...]
    narrative: tuple[PassageView, ...]

    def headline(self) -> str:
        """The two cycles and how many events lie between them."""
        return f"{self.before} to {self.after}: {len(self.changes)} events"


# -- review ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class VerdictView(View):
    """What one reader makes of a link: the latest verdict."""

    by: str
    verdict: str
    """confirmed or rejected."""
    stance: str
    """The reader's own; "" for the proposed one."""
    valid: str
    note: str
    changed: bool
    """Whether the abstract is not the one that was read."""

    def headline(self) -> str:
        """Who says what."""
        told = f"{self.by}: {self.verdict}" + (f" as {self.stance}" if self.stance else "")
        return told + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True, slots=True, repr=False)
class ProposalView(View):
    """What a machine proposes a work does to a claim, with all that a person judges it by.

    Those that are not published are no links: pages tell how many wait, and show none.
    """

    work: WorkRef
    claim: ClaimRef
    stance: str
    how: str
    """asserts, reports, or "" where the machine does not tell."""
    score: float
    """That the work bears on the claim at all, in [0, 1]; no probability."""
    stance_score: float
    """From -1, against, to 1, for."""
    agent: str
    published: bool
    """Whether the machine shows it as a link by itself, or has it wait for a person."""
    abstract: str
    quote: str
    """The sentence that shows it: `abstract[start:end]`."""
    start: int
    end: int
    review: str
    verdicts: tuple[VerdictView, ...]
    """What people made of it, by their handles."""
    balance: Balance
    """The claim's, without it."""
    counted: bool
    """Whether the work's lineage is in that balance already, on the proposed side."""
    tensions: tuple[Ref, ...]
    """The claim's."""

    @property
    def id(self) -> str:
        """The work's and the claim's ids."""
        return f"{self.work.id} {self.claim.id}"

    def headline(self) -> str:
        """Who is proposed to do what to which claim, and with what score."""
        state = "shown" if self.published else "queued"
        told = f"{shorten(self.work.title, 60)} {self.stance} {self.claim.id}"
        return f"{told} [{state}, score {self.score:.2f}, lean {self.stance_score:+.2f}]"


@dataclass(frozen=True, slots=True, repr=False)
class StatusCounts(View):
    """What is in the knowledge base; every number can be recomputed from its tables."""

    works: int
    manifestations: int
    coverage: int
    theses: int
    findings: int
    tensions: int
    voices: int
    events: int
    links: tuple[tuple[str, int], ...]
    """(review state, current links), in the order of `ReviewState`."""
    links_by_agent: tuple[tuple[str, int], ...]
    """(curation or model or human or rule, current links)."""
    vectors: int
    raw_records: int
    refused: int
    last_cycle: str
    """Number, hash and time; "" before the first."""

    def headline(self) -> str:
        """The main counts."""
        return f"{self.works} works, {self.theses + self.findings} claims, {self.tensions} tensions"


# -- the ledger ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class RunView(View):
    """One job of the ledger, with the jobs that were parts of it."""

    id: int
    job: str
    """ "run", "harvest arxiv:memorization:1f2e3d4c", "embed", "link", "cycle"."""
    started: str
    """UTC, ISO 8601."""
    ended: str
    """The same; "" while it runs, and for good where it was killed."""
    seconds: int | None
    """From start to end; None where it has no end."""
    outcome: str
    """running, ok, partial, deferred, blocked, halted, failed, interrupted."""
    counts: tuple[tuple[str, int], ...]
    """What it did: (added, changed, same, refused and so on; how often)."""
    requests: int
    """Sent to the source, retries and redirects included."""
    bytes: int
    """Received from it, as they came over the wire."""
    cursor: str
    """How far the source has been read; "" where nothing moved."""
    message: str
    """Why it did not end well, "" when it did."""
    parts: tuple[RunView, ...] = ()
    """In the order in which they ran."""

    def headline(self) -> str:
        """Number, job, time and outcome."""
        return f"{self.id} {self.job}, {self.started}: {self.outcome}"


@dataclass(frozen=True, slots=True, repr=False)
class SourceView(View):
    """A configured source: what it is asked, and how it is."""

    name: str
    """The ledger's name for it: "arxiv:memorization:1f2e3d4c"."""
    title: str
    """For people: "arXiv: memorization"."""
    asks: str
    """The question in the source's own syntax; "" where the title says all."""
    every: float
    """Days after a success when it is due again."""
    staleness: str
    """fresh; late (no success for more than two periods); ill (the last try failed, and a
    person must look); never (not asked yet, or never with success); off."""
    outcome: str
    """Of the last try; "" before the first."""
    message: str
    """Why the last try did not end well, "" when it did."""
    last_try: str
    """UTC, ISO 8601; "" before the first."""
    last_success: str
    """The same; "" before the first."""
    next_due: str
    """The same; "" when it is due now or off."""
    age: float | None
    """Days since the last success, None before the first."""
    brought: int
    """Records of the last success that said something new."""
    shelf: str
    """The name its records are kept under; several questions may share one."""
    records: int
    """Records kept under that name."""
    refused: int
    """How many of them could not be read."""

    def headline(self) -> str:
        """Title, staleness and last success."""
        since = f", last success {self.last_success}" if self.last_success else ""
        return f"{self.title}: {self.staleness}{since}"
