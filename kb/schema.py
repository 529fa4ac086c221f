"""The shape of the curated files under kb/debate: one class per file, one model per entry.

`kb schema` writes these models out as JSON Schema, so that an editor completes and checks
the files as they are typed. What cannot be said in a schema (references, poles, sources
placed twice) is checked in `kb.content`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from kb import dates, ids
from kb.errors import DateError, IdentifierError
from kb.vocabulary import (
    AssertedHow,
    Attitude,
    Checked,
    CoverageKind,
    Facet,
    ManifestationKind,
    Operator,
    ProofLevel,
    RelationKind,
    ReviewState,
    Stance,
    StatusKind,
    TalkKind,
    TensionKind,
    Verified,
    VoiceKind,
    WorkKind,
    WorkRelationKind,
)


def _edtf(text: str) -> str:
    try:
        dates.span(text)
    except DateError as error:
        raise ValueError(str(error)) from error
    return text


def _http(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError("an address starts with https:// or http://")
    return text


def _arxiv(text: str) -> str:
    try:
        return ids.arxiv(text).removeprefix("arxiv:")
    except IdentifierError as error:
        raise ValueError(str(error)) from error


Edtf = Annotated[str, AfterValidator(_edtf)]
"""A date as precise as it is known; "" when it is not."""
Url = Annotated[str, AfterValidator(_http)]
"""An http or https address; "" when there is none."""
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""A name of ours: lower-case letters, digits, hyphens."""
PageField = Literal[
    "time", "date", "kind", "title", "people", "organizers", "abstract", "url", "place", "body"
]
"""What a row of a workshop's page may hold; body is a slot's text, to be taken apart."""
Handle = Annotated[str, Field(pattern=r"^[a-z0-9](-?[a-z0-9]){0,38}$")]
"""A person's short name, which also names a file: lower-case letters, digits, single hyphens."""
Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
"""A SHA-256 in hex, or ""."""
Clock = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]
"""Local time as "HH:MM", or ""."""


class Entry(BaseModel):
    """Base of every entry: an unknown key is a fault, not a surprise."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


# -- vocabulary.yaml ---------------------------------------------------------------------


class Sense(Entry):
    """One meaning of a term that has several."""

    id: Key
    definition: str


class Term(Entry):
    """A word that the debate uses in several senses."""

    id: Key
    senses: list[Sense]


class VocabularyFile(Entry):
    """vocabulary.yaml."""

    terms: list[Term]


# -- strands.yaml ------------------------------------------------------------------------


class StrandEntry(Entry):
    """A line of the debate."""

    id: Key
    title: str
    question: str
    """What the strand asks, in one sentence."""
    summary: str
    """Where it stands, in two to four sentences."""


class TopicEntry(Entry):
    """A hub that gathers what the strands say of one word."""

    id: Key
    title: str
    summary: str
    strands: list[Key]
    terms: list[Key] = []
    """Terms of vocabulary.yaml."""
    claims: list[str] = []
    events: list[Key] = []


class StrandsFile(Entry):
    """strands.yaml."""

    strands: list[StrandEntry]
    topics: list[TopicEntry]


# -- theses.yaml -------------------------------------------------------------------------


class ThesisEntry(Entry):
    """A broad, contested proposition that papers are linked to."""

    id: Key
    strand: Key
    text: str
    for_: list[str] = Field(alias="for")
    """What a work that supports it might say, in our words."""
    against: list[str]
    qualifies: list[str]
    terms: list[str]
    notes: list[str] = []


class ThesesFile(Entry):
    """theses.yaml."""

    theses: list[ThesisEntry]


# -- findings.yaml -----------------------------------------------------------------------


class ScopeEntry(Entry):
    """One restriction of a claim's reach."""

    facet: Facet
    operator: Operator = Operator.is_
    value: str


class BearsOn(Entry):
    """What a finding does to a thesis."""

    to: Key
    rel: RelationKind
    note: str = ""


class FindingEntry(Entry):
    """One proposition that particular work shows."""

    id: Annotated[str, Field(pattern=r"^C\d{2}[a-z]?$")]
    strand: Key
    text: str
    proof_level: ProofLevel
    scope: list[ScopeEntry] = []
    senses: dict[Key, Key] = {}
    """Term -> sense, both of vocabulary.yaml."""
    bears_on: list[BearsOn] = []
    checked: Checked
    notes: list[str] = []


class RelationEntry(Entry):
    """What one finding does to another."""

    from_: str = Field(alias="from")
    rel: RelationKind
    to: str
    differs_in: list[str] = []
    """Facets, or "sense:TERM", that keep the two apart."""
    valid: Edtf = ""
    """Since when; empty means since the later of the two claims."""
    note: str = ""


class FindingsFile(Entry):
    """findings.yaml."""

    findings: list[FindingEntry]
    relations: list[RelationEntry]


# -- works.yaml --------------------------------------------------------------------------


class IdentifiersEntry(Entry):
    """What a work is called elsewhere."""

    arxiv: list[Annotated[str, AfterValidator(_arxiv)]] = []
    openreview: list[str] = []
    doi: list[str] = []
    url: list[Url] = []


class ManifestationEntry(Entry):
    """A form in which the work appeared, known from a page that was read."""

    kind: ManifestationKind
    title: str
    venue: str = ""
    url: Url = ""
    valid: Edtf = ""
    note: str = ""


class StatusEntry(Entry):
    """A venue's or an author's act."""

    status: StatusKind
    valid: Edtf
    venue: str = ""
    version: str = ""
    """Which submission of a lineage, its OpenReview id; empty for the work as a whole."""
    source: str
    """The address or the list that says so."""
    verified: Verified = Verified.official
    note: str = ""


class LinkEntry(Entry):
    """What the work does to a claim."""

    claim: str
    stance: Stance
    nuance: RelationKind | None = None
    """A finer word where the stance has one: refines, extends, replicates, undercuts."""
    how: AssertedHow
    checked: Checked
    valid: Edtf = ""
    """Since when; empty means since the work's first appearance."""
    why: str
    """Our reason, in our words."""


class WorkRelationEntry(Entry):
    """What ties this work to another of its lineage."""

    rel: WorkRelationKind
    to: Key
    note: str = ""


class WorkEntry(Entry):
    """A paper, post or page."""

    key: Key
    kind: WorkKind = WorkKind.paper
    title: str
    authors: list[str] = []
    ids: IdentifiersEntry = IdentifiersEntry()
    first_public: Edtf = ""
    venue: str = ""
    year: int | None = None
    synopsis: str = ""
    """One to three sentences of ours; empty only where no page of the work was seen."""
    checked: Checked
    manifestations: list[ManifestationEntry] = []
    status: list[StatusEntry] = []
    links: list[LinkEntry] = []
    related: list[WorkRelationEntry] = []
    notes: list[str] = []
    unverified: list[str] = []
    """What is said of this work elsewhere and could not be checked."""


class WorksFile(Entry):
    """works.yaml."""

    works: list[WorkEntry]


# -- tensions.yaml -----------------------------------------------------------------------


class PoleEntry(Entry):
    """One side of a tension."""

    id: Key
    title: str
    claims: list[str] = []
    note: str = ""
    """Says plainly when the pole has no holder."""


class TensionEntry(Entry):
    """A question on which claims pull apart."""

    id: Annotated[str, Field(pattern=r"^T\d+$")]
    strand: Key
    question: str
    kind: TensionKind
    kind_reason: str
    """Why it is of this kind, naming the facets or the term that differ."""
    review: ReviewState = ReviewState.proposed
    poles: list[PoleEntry]
    core: list[str] = []
    """Claims that do collide, where the rest only seems to."""
    settles: str
    """What evidence would move it."""
    notes: list[str] = []


class TensionsFile(Entry):
    """tensions.yaml."""

    tensions: list[TensionEntry]


# -- voices.yaml -------------------------------------------------------------------------


class HoldingEntry(Entry):
    """A position that a voice takes over an interval."""

    claim: str
    attitude: Attitude
    valid: Edtf
    work: Key
    """The first work that shows it."""
    checked: Checked
    note: str = ""


class VoiceEntry(Entry):
    """A person or a group that takes positions."""

    id: Annotated[str, Field(pattern=r"^V\d{2}$")]
    name: str
    kind: VoiceKind
    members: list[str] = []
    members_note: str = ""
    aliases: list[str] = []
    holdings: list[HoldingEntry] = []
    notes: list[str] = []


class IndependenceEntry(Entry):
    """People who stand on several sides, or sign several works."""

    people: list[str]
    works: list[Key] = []
    voices: list[str] = []
    note: str


class VoicesFile(Entry):
    """voices.yaml."""

    voices: list[VoiceEntry]
    independence: list[IndependenceEntry]


# -- events.yaml -------------------------------------------------------------------------


class TalkEntry(Entry):
    """One slot of a programme."""

    start: Clock = ""
    end: Clock = ""
    kind: TalkKind
    people: list[str] = []
    title: str = ""
    arxiv: str = ""
    work: Key | None = None


class AcceptedEntry(Entry):
    """A paper that an event accepted, as far as known."""

    title: str
    authors: list[str] = []
    openreview: str = ""
    bears_on: list[str] = []
    source: str = ""


class EventEntry(Entry):
    """A workshop, conference day or broadcast."""

    id: Key
    name: str
    alt_names: list[str] = []
    series: str = ""
    edition: int | None = None
    parent: str = ""
    """The conference that it belongs to."""
    kind: str = "workshop"
    date: Edtf
    tz: str = ""
    """IANA name; empty where no page gives one."""
    place: str = ""
    hours: str = ""
    url: Url = ""
    organizers: list[str] = []
    speakers: list[str] = []
    topics: list[str] = []
    deadlines: dict[str, str] = {}
    talks: list[TalkEntry] = []
    accepted: list[AcceptedEntry] = []
    sources: list[str] = []
    verified: Verified
    notes: list[str] = []


class EventsFile(Entry):
    """events.yaml."""

    events: list[EventEntry]


# -- digests.yaml ------------------------------------------------------------------------


class PlacedSource(Entry):
    """A numbered source of a digest and the one place where it belongs."""

    n: int
    title: str
    publisher: str = ""
    """As far as the title tells; "" when it does not."""
    work: Key | None = None
    event: Key | None = None
    as_: str = Field(alias="as", pattern="^(manifestation|coverage)$")
    form: str
    """A ManifestationKind or a CoverageKind, as `as` says."""
    valid: Edtf = ""
    cited: bool = True
    """False when the digest lists it and cites it nowhere."""
    note: str = ""


class DigestEntry(Entry):
    """A synthesis by others, with its version and time."""

    id: Key
    publisher: str
    title: str
    version: str = ""
    as_of: str = ""
    """Exact UTC where the digest prints it."""
    form: CoverageKind
    url: Url = ""
    summary: str
    sources_listed: int = 0
    sources: list[PlacedSource] = []
    notes: list[str] = []


class DigestsFile(Entry):
    """digests.yaml."""

    digests: list[DigestEntry]


# -- sources.yaml, verdicts ---------------------------------------------------------


class QueryEntry(Entry):
    """What a source is asked for one strand."""

    strand: Key
    query: str
    """In the source's own syntax."""


class SetEntry(Entry):
    """A set of arXiv's OAI-PMH service, harvested whole."""

    set: Annotated[str, Field(pattern=r"^[A-Za-z-]+(:[A-Za-z-]+){0,2}$")]
    """Group, archive and category, as ListSets names it: "cs:cs:LG"."""
    since: Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""
    """The day from which on, "2026-01-01"; "" for all there is."""
    enabled: bool = True
    """False keeps the entry here and asks nothing."""


class OpenReviewEntry(Entry):
    """A venue on OpenReview."""

    id: str
    """OpenReview's own: "ICLR.cc/2026/Conference"."""
    name: str
    """As people write it: "ICLR 2026"."""
    api: int = Field(default=2, ge=1, le=2)
    """Version of the interface that holds the venue; 1 for venues before 2023 or so."""
    submission: str = ""
    """The invitation of a submission; "" for the usual one."""
    also: list[str] = []
    """Further invitations or venue ids to list; empty for the usual ones of what was
    withdrawn and desk-rejected."""
    decision_field: str = "venue"
    """"venue" where the submission itself tells its decision; else the field that tells it
    in the reply of the chairs: "decision", "recommendation"."""
    any_of: list[str] = []
    """Beginnings of words of which the title, abstract, keywords or summary must hold one;
    empty takes every note."""
    enabled: bool = True


class FeedEntry(Entry):
    """A feed of posts."""

    id: Key
    url: Url
    publisher: str
    kind: CoverageKind = CoverageKind.post
    any_of: list[str] = []
    """Words of which a post must hold one; empty takes every post."""
    enabled: bool = True


class PageEntry(Entry):
    """A page of a workshop, and where on it things stand."""

    url: Url
    what: Literal["programme", "accepted", "events"] = "programme"
    """A programme with hours, a list of accepted papers, or a list of workshops."""
    form: Literal["html", "markdown", "csv", "text"] = "html"
    title: str = ""
    """What the list is called; "" for Programme or Accepted papers."""
    date: Edtf = ""
    """The day of this page, where it is not that of the event."""
    rows: str = ""
    """A CSS selector, one match a row; "" finds the table or list of the page by itself."""
    fields: dict[PageField, str] = {}
    """Where in a row a field stands: a CSS selector, "selector@attribute", or a column of a
    CSV file. What is not named here is found by itself."""
    kind: TalkKind = TalkKind.invited
    """Of a slot that bears no word for its kind."""
    kinds: dict[str, TalkKind] = {}
    """Words by which this page marks kinds, before the usual ones."""
    status: StatusKind | None = None
    """What being on this list means for a paper; None for "workshop" on a list of papers."""
    least: int = Field(default=1, ge=1)
    """Rows without which the page counts as broken."""


class WorkshopEntry(Entry):
    """A workshop whose pages are read, or a conference's list of workshops."""

    id: Key
    event: Key | None = None
    """Of events.yaml, where the event is there; None names a new one, or a list of them."""
    name: str = ""
    """Of an event that events.yaml does not have."""
    date: Edtf = ""
    """The same; for a list of workshops, the year."""
    tz: str = ""
    place: str = ""
    parent: str = ""
    """The conference that it belongs to."""
    series: str = ""
    venue: str = ""
    """What the status of a paper names: "HiLD workshop at ICML 2025"; "" for the event's
    name."""
    any_of: list[str] = []
    """Of a list of workshops: words of which an entry must hold one; empty takes all."""
    pages: list[PageEntry] = Field(min_length=1)
    enabled: bool = True

    @model_validator(mode="after")
    def _names_its_event(self) -> Self:
        is_list = any(page.what == "events" for page in self.pages)
        if is_list and (self.event or self.name):
            raise ValueError("a list of workshops has no event and no name of its own")
        if not is_list and not self.event and not (self.name and self.date):
            raise ValueError("name the event of events.yaml, or give a name and a date")
        titles = [(page.what, page.title) for page in self.pages if page.what != "events"]
        if len(titles) != len(set(titles)):
            raise ValueError("two pages have the same title: give each its own")
        return self


class SourcesFile(Entry):
    """sources.yaml: what the ingest jobs ask, and how often."""

    every: dict[str, float] = {}
    """Adapter -> days after a success when it is due again; 1 where it is not named."""
    arxiv: list[QueryEntry]
    arxiv_oai: list[SetEntry] = []
    openreview: list[OpenReviewEntry] = []
    posts: list[FeedEntry] = []
    workshops: list[WorkshopEntry] = []
    funnel: list[str] = []
    """Adapters that bring whole categories: of their works only those whose words have to do
    with a thesis are embedded, linked and shown. Whatever else brought a work passes."""


class ProposalEntry(Entry):
    """What a machine had proposed when a person judged it."""

    agent: str
    """Name and version of the machine."""
    stance: Stance
    score: float | None = None
    published: bool
    """Whether it was shown as a link; otherwise it was only queued for review."""


class VerdictEntry(Entry):
    """A person's judgement on a link."""

    work: str
    """Any identifier of the work."""
    claim: str
    verdict: Annotated[ReviewState, AfterValidator(lambda v: _verdict(v))]
    stance: Stance | None = None
    """Of a confirmed link: the stance that the person gives; the proposed one where it is not
    said."""
    by: Handle
    on: Edtf
    """The day of the judgement."""
    note: str = ""
    """Why, in the person's words."""
    abstract_sha256: Sha256 = ""
    """Of the abstract that was read, in UTF-8: tells whether it has changed since."""
    evidence_sha256: Sha256 = ""
    """Of the sentence that showed the link: found again wherever it stands in the abstract."""
    blind: bool = False
    """Whether it was given without seeing another reader's verdict or the machine's."""
    machine: ProposalEntry | None = None
    """What was judged; none where the entry was written by hand."""


def _verdict(state: ReviewState) -> ReviewState:
    if state not in (ReviewState.confirmed, ReviewState.rejected):
        raise ValueError("a verdict is confirmed or rejected")
    return state


class VerdictsFile(Entry):
    """verdicts/HANDLE.yaml: what one reader made of links."""

    verdicts: list[VerdictEntry]


# -- identity.yaml -----------------------------------------------------------------------


class IdentityEntry(Entry):
    """A person's judgement on whether two identifiers name one work."""

    same: list[str] = []
    """Two identifiers of one work, or of two works of one lineage."""
    distinct: list[str] = []
    """Two identifiers of two works, however alike they look."""
    relation: WorkRelationKind | None = None
    """Of `same`: what the first is to the second, where they are two works of one lineage."""
    by: str = Field(min_length=1)
    on: Edtf
    note: str = ""

    @model_validator(mode="after")
    def _one_pair(self) -> Self:
        if bool(self.same) == bool(self.distinct):
            raise ValueError("an entry says either same or distinct")
        if len(self.pair) != 2:
            raise ValueError("an entry names two identifiers")
        if self.distinct and self.relation:
            raise ValueError("works that are distinct have no relation here")
        return self

    @property
    def pair(self) -> list[str]:
        """The two identifiers, as they are written."""
        return self.same or self.distinct


class IdentityFile(Entry):
    """identity.yaml."""

    identity: list[IdentityEntry]


# -- chronicle.yaml ----------------------------------------------------------------------


class ChronicleEntry(Entry):
    """What the change that one cycle brought comes down to, in our words."""

    cycle: Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2}|[0-9a-f]{12,64})$")]
    """The day of a reconstructed cycle, or at least twelve characters of a cycle's hash."""
    sentences: list[str] = Field(min_length=1)
    """Each names in brackets what it rests on: [C02], [T2], [a-work-key], [an event's id]."""


class ChronicleFile(Entry):
    """chronicle.yaml."""

    chronicle: list[ChronicleEntry]


FILES: dict[str, type[Entry]] = {
    "vocabulary": VocabularyFile,
    "strands": StrandsFile,
    "theses": ThesesFile,
    "findings": FindingsFile,
    "works": WorksFile,
    "tensions": TensionsFile,
    "voices": VoicesFile,
    "events": EventsFile,
    "digests": DigestsFile,
    "sources": SourcesFile,
    "identity": IdentityFile,
    "chronicle": ChronicleFile,
}
"""File name without ".yaml" -> its model, in the order in which they are loaded."""
VERDICTS = "verdicts"
"""Name of the folder that has a file for each reader: verdicts/HANDLE.yaml."""
SCHEMAS: dict[str, type[Entry]] = {**FILES, VERDICTS: VerdictsFile}
"""Name of a JSON Schema -> the model that it is made from."""


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of one curated file.

    Raises:
        KeyError: There is no such schema.
    """
    schema = SCHEMAS[name].model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
