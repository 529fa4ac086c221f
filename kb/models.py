"""The tables: what the knowledge base knows, and how it came to know it.

Rows of two kinds. Plain rows describe things (Work, Claim, Event) and are updated in place.
Clocked rows state something that may change (Link, StatusEvent, ClaimRelation,
VoiceHolding): `valid` is when it is so in the world, in EDTF; `recorded_at` is when we
learnt it, `superseded_at` when another row took its place. A clocked row is never edited
and nothing is ever deleted.
"""
# No `from __future__ import annotations` here: SQLModel reads these annotations at run time.

import datetime as dt
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    Index,
    LargeBinary,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import configure_mappers
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from kb import postgres
from kb.vocabulary import (
    AgentKind,
    AssertedHow,
    Attitude,
    Checked,
    ClaimLevel,
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


class Utc(TypeDecorator[dt.datetime]):
    """An aware UTC time. SQLite drops the zone, so it is put back on the way out."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        """Refuse naive times: a time without a zone is a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time cannot be stored")
        return value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=dt.UTC)


class Embedding(TypeDecorator[bytes]):
    """Little-endian float32: a blob in SQLite, a pgvector column in PostgreSQL."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        on_server = dialect.name == "postgresql"
        return dialect.type_descriptor(postgres.vector_type() if on_server else LargeBinary())


def _word(kind: type[StrEnum], name: str = "") -> Enum:
    """A closed vocabulary as text with a CHECK: the value is stored, not the member's name.

    The CHECK needs a `name` of its own where a table has two columns of one vocabulary.
    """
    return Enum(
        kind,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        create_constraint=True,
        length=32,
        name=name or kind.__name__.lower(),
    )


def _column(kind: type[StrEnum], **more: Any) -> Any:
    return Field(sa_type=_word(kind), **more)


def _json(**more: Any) -> Any:
    return Field(default_factory=list, sa_type=JSON, **more)


def _current(*columns: str, name: str) -> Index:
    """At most one current row per key; superseded rows may repeat it."""
    where = text("superseded_at IS NULL")
    return Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


# -- raw records and runs ------------------------------------------------------------------


class RawRecord(SQLModel, table=True):
    """One item as a source gave it, kept exactly as it came so that it can be read again."""

    __tablename__: ClassVar[str] = "raw_record"

    digest: str = Field(primary_key=True)
    """SHA-256 of source name, a zero byte and `body`, in hex."""
    source: str = Field(index=True)
    """The adapter's name: see `ingest.sources.SOURCES`."""
    url: str
    fetched_at: dt.datetime = Field(sa_type=Utc)
    body: bytes = Field(sa_type=LargeBinary)
    seq: int = Field(default=0, index=True)
    """Its place in the order of arrival, from 1: what was read from it depends on what came
    before, so a replay keeps the order."""
    recorded_at: dt.datetime = Field(sa_type=Utc)
    """When it was committed: the `recorded_at` of every row that was read from it."""


class Refusal(SQLModel, table=True):
    """A raw record that could not be read, with the reason."""

    raw_digest: str = Field(primary_key=True, foreign_key="raw_record.digest")
    reason: str
    recorded_at: dt.datetime = Field(sa_type=Utc)
    resolved_at: dt.datetime | None = Field(default=None, sa_type=Utc)
    """When the record could be read after all."""


class Run(SQLModel, table=True):
    """The ledger: one row per job, written when it starts and closed when it ends."""

    id: int | None = Field(default=None, primary_key=True)
    job: str = Field(index=True)
    """ "run", "harvest arxiv:memorization:1f2e3d4c", "embed", "link", "cycle"."""
    parent_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    """The run that this job was a part of; None when it was started by itself."""
    started_at: dt.datetime = Field(sa_type=Utc)
    ended_at: dt.datetime | None = Field(default=None, sa_type=Utc)
    outcome: str = "running"
    """running, ok, partial, deferred, blocked, halted, failed, interrupted."""
    counts: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    requests: int = 0
    """Sent to the source, retries and redirects included."""
    bytes: int = 0
    """Received from it, as they came over the wire."""
    cursor: str = ""
    """How far the source has been read; "" where nothing moved."""
    message: str = ""


class Cursor(SQLModel, table=True):
    """How far a source has been read; committed with the rows it stands for."""

    name: str = Field(primary_key=True)
    """Source and query, "arxiv:memorization"."""
    value: str
    updated_at: dt.datetime = Field(sa_type=Utc)


class Setting(SQLModel, table=True):
    """What a stage last worked from, so that it can tell that nothing changed."""

    name: str = Field(primary_key=True)
    value: str


# -- works -----------------------------------------------------------------------------------


class Work(SQLModel, table=True):
    """A canonical paper, post or page."""

    id: str = Field(primary_key=True)
    """Its best identifier, "arxiv:2505.17638"; see `kb.ids.best`."""
    key: str | None = Field(default=None, unique=True)
    """The curated files' name for it; None when it is not curated."""
    kind: WorkKind = _column(WorkKind)
    title: str
    title_key: str = Field(default="", index=True)
    """What equal titles have in common, see `kb.titles.key`; "" when the title is too short."""
    abstract: str = Field(default="", sa_type=Text)
    """Of the newest manifestation that has one; empty when no source gave one."""
    first_public: str = ""
    """First public appearance, EDTF."""
    first_day: str = Field(default="", index=True)
    """The first day that `first_public` may mean, for sorting; "" when unknown."""
    venue: str = ""
    year: int | None = None
    categories: str = ""
    """The source's subject classes, separated by spaces."""
    synopsis: str = Field(default="", sa_type=Text)
    """Ours."""
    checked: Checked | None = Field(default=None, sa_type=_word(Checked))
    """How far the curated entry was read; None when it is not curated."""
    withdrawn: bool = False
    """Its source says that the authors withdrew it."""
    retired: bool = False
    """The curated files named it once and no longer do, or it is `merged_into` another."""
    merged_into: str | None = Field(default=None, foreign_key="work.id", index=True)
    """The work that it turned out to be; everything of it is found there. See `WorkMerge`."""


class Identifier(SQLModel, table=True):
    """What a work is called somewhere."""

    id: str = Field(primary_key=True)
    """Scheme and value, "openreview:BSZqpqgqM0"."""
    work_id: str = Field(foreign_key="work.id", index=True)


class WorkMerge(SQLModel, table=True):
    """Two records that are one work, or that someone took for one.

    A source's identifier or a person's verdict makes a merge; likeness of titles and authors
    only proposes it. A merge that is undone is superseded, and what it moved goes back.
    """

    __tablename__: ClassVar[str] = "work_merge"
    __table_args__ = (_current("from_work_id", "to_work_id", name="work_merge_current"),)

    id: int | None = Field(default=None, primary_key=True)
    from_work_id: str = Field(foreign_key="work.id", index=True)
    to_work_id: str = Field(foreign_key="work.id", index=True)
    relation: str = ""
    """ "" when they are one work; else the WorkRelationKind that is proposed between two."""
    agent_kind: AgentKind = _column(AgentKind)
    """human: a verdict; curation: the curated files; rule: an identifier, or likeness."""
    agent: str
    """A person's handle, "identifier/1", "likeness/1"."""
    reason: str
    """In words: the identifier, or what is alike."""
    score: float | None = None
    """Of a likeness, in [0, 1]; not a probability."""
    review: ReviewState = _column(ReviewState, default=ReviewState.proposed)
    applied: bool = False
    """Whether it moved the rows of the first to the second; when it is superseded they went
    back, unless the row that took its place holds them."""
    moved: dict[str, list[str]] = Field(default_factory=dict, sa_type=JSON)
    """Table -> keys of the rows that the merge moved, so that it can be undone; under
    "identity_verdict" the two identifiers of the verdict that it rests on."""
    recorded_at: dt.datetime = Field(sa_type=Utc)
    superseded_at: dt.datetime | None = Field(default=None, sa_type=Utc, index=True)


class IdentityVerdict(SQLModel, table=True):
    """A person's judgement on whether two identifiers name one work, from the curated files.

    It stands whether or not the works are here: a record that comes later must obey it.
    """

    __tablename__: ClassVar[str] = "identity_verdict"

    first: str = Field(primary_key=True)
    second: str = Field(primary_key=True)
    same: bool
    relation: str = ""
    """ "" when they are one work; else the WorkRelationKind that ties the first to the second."""
    by: str
    valid: str
    note: str = ""


class Person(SQLModel, table=True):
    """A human being named in the curated files."""

    id: str = Field(primary_key=True)
    """A slug of the name."""
    name: str


class Group(SQLModel, table=True):
    """People who speak together."""

    __tablename__: ClassVar[str] = "person_group"

    id: str = Field(primary_key=True)
    name: str


class Membership(SQLModel, table=True):
    """A person in a group."""

    group_id: str = Field(primary_key=True, foreign_key="person_group.id")
    person_id: str = Field(primary_key=True, foreign_key="person.id")


class Identity(SQLModel, table=True):
    """A name, ORCID or handle of a person."""

    scheme: str = Field(primary_key=True)
    """name, orcid, openreview, handle."""
    value: str = Field(primary_key=True)
    person_id: str = Field(primary_key=True, foreign_key="person.id", index=True)


class Authorship(SQLModel, table=True):
    """A name on a work. The person is known only where the curated files say who it is:
    two people may share a name, so a name alone never joins works.
    """

    work_id: str = Field(primary_key=True, foreign_key="work.id")
    position: int = Field(primary_key=True, ge=0)
    name: str = Field(index=True)
    person_id: str | None = Field(default=None, foreign_key="person.id", index=True)


class Digest(SQLModel, table=True):
    """A synthesis by others, with its version and time."""

    id: str = Field(primary_key=True)
    publisher: str
    title: str
    version: str = ""
    as_of: str = ""
    kind: CoverageKind = _column(CoverageKind)
    url: str = ""
    summary: str = Field(default="", sa_type=Text)
    sources_listed: int = 0
    """How many sources it says it has."""


_ONE_SUBJECT = "(work_id IS NULL) <> (event_id IS NULL)"
_NOT_TWO_SUBJECTS = "work_id IS NULL OR event_id IS NULL"


class Manifestation(SQLModel, table=True):
    """A form in which a work (or an event's page) appeared."""

    __table_args__ = (
        CheckConstraint(_ONE_SUBJECT, name="manifestation_one_subject"),
        Index("manifestation_digest", "digest_id", "digest_n", unique=True),
    )

    id: str = Field(primary_key=True)
    """ "arxiv:2505.17638v2", "openreview:BSZqpqgqM0", "information-machine-thread#91"."""
    work_id: str | None = Field(default=None, foreign_key="work.id", index=True)
    event_id: str | None = Field(default=None, foreign_key="event.id", index=True)
    kind: ManifestationKind = _column(ManifestationKind)
    title: str
    abstract: str = Field(default="", sa_type=Text)
    """What evidence offsets count in; kept as this version gave it."""
    publisher: str = ""
    url: str = ""
    version: int = 0
    """arXiv version; 0 where there are none."""
    valid: str = ""
    """When it appeared, EDTF."""
    retrieved_at: dt.datetime | None = Field(default=None, sa_type=Utc)
    content_hash: str = ""
    """SHA-256 of title, newline and abstract; "" when no text was fetched."""
    raw_digest: str | None = Field(default=None, foreign_key="raw_record.digest", index=True)
    digest_id: str | None = Field(default=None, foreign_key="digest.id")
    digest_n: int | None = None
    """Its number among the digest's sources."""
    cited: bool = True
    """False when the digest lists it and cites it nowhere."""
    removed_at: dt.datetime | None = Field(default=None, sa_type=Utc)
    """When its source was first seen without it; what we have of it is kept."""
    note: str = ""


class Coverage(SQLModel, table=True):
    """A post, thread, video or news item about a work or event; never evidence.

    One that names no work or event we know has neither: it is commentary on the debate.
    """

    __table_args__ = (
        CheckConstraint(_NOT_TWO_SUBJECTS, name="coverage_not_two_subjects"),
        Index("coverage_digest", "digest_id", "digest_n", unique=True),
    )

    id: str = Field(primary_key=True)
    work_id: str | None = Field(default=None, foreign_key="work.id", index=True)
    event_id: str | None = Field(default=None, foreign_key="event.id", index=True)
    kind: CoverageKind = _column(CoverageKind)
    title: str
    publisher: str = ""
    url: str = ""
    valid: str = ""
    digest_id: str | None = Field(default=None, foreign_key="digest.id")
    digest_n: int | None = None
    cited: bool = True
    authors: list[str] = _json()
    about: list[str] = _json()
    """Identifiers that a post has named, in order, whether or not the works are here. A post
    that names several known works has a row for each; only its own row holds this."""
    raw_digest: str | None = Field(default=None, foreign_key="raw_record.digest", index=True)
    """What a feed gave; None for what the curated files place."""
    note: str = ""


class WorkRelation(SQLModel, table=True):
    """What ties two works into one lineage."""

    __tablename__: ClassVar[str] = "work_relation"

    from_work_id: str = Field(primary_key=True, foreign_key="work.id")
    kind: WorkRelationKind = _column(WorkRelationKind, primary_key=True)
    to_work_id: str = Field(primary_key=True, foreign_key="work.id", index=True)
    source: str = ""
    """The adapter whose record says so; "" for the curated files."""
    note: str = ""


class StatusEvent(SQLModel, table=True):
    """A venue's or an author's act. Append-only, and never evidence for a claim."""

    __tablename__: ClassVar[str] = "status_event"
    __table_args__ = (
        _current("work_id", "status", "valid", "venue", "version", name="status_event_current"),
    )

    id: int | None = Field(default=None, primary_key=True)
    work_id: str = Field(foreign_key="work.id", index=True)
    status: StatusKind = _column(StatusKind)
    venue: str = ""
    version: str = ""
    source: str = ""
    verified: Verified = _column(Verified, default=Verified.official)
    note: str = ""
    raw_digest: str | None = Field(default=None, foreign_key="raw_record.digest", index=True)
    valid: str
    recorded_at: dt.datetime = Field(sa_type=Utc)
    superseded_at: dt.datetime | None = Field(default=None, sa_type=Utc, index=True)


# -- venues and events -------------------------------------------------------------------------


class Venue(SQLModel, table=True):
    """A conference year or series that holds events."""

    id: str = Field(primary_key=True)
    name: str


class Event(SQLModel, table=True):
    """A workshop, conference day or broadcast."""

    id: str = Field(primary_key=True)
    venue_id: str | None = Field(default=None, foreign_key="venue.id", index=True)
    name: str
    series: str = ""
    edition: int | None = None
    kind: str = "workshop"
    valid: str
    """When it takes place, EDTF."""
    first_day: str = Field(index=True)
    tz: str = ""
    """IANA name; "" when unknown."""
    place: str = ""
    hours: str = ""
    url: str = ""
    verified: Verified = _column(Verified)
    alt_names: list[str] = _json()
    topics: list[str] = _json()
    deadlines: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    accepted: list[dict[str, Any]] = _json()
    sources: list[str] = _json()
    source: str = ""
    """The adapter that found it; "" for the curated files."""
    retired: bool = False


class EventPerson(SQLModel, table=True):
    """An organizer or announced speaker."""

    __tablename__: ClassVar[str] = "event_person"

    event_id: str = Field(primary_key=True, foreign_key="event.id")
    role: str = Field(primary_key=True)
    """organizer or speaker."""
    position: int = Field(primary_key=True)
    name: str
    person_id: str | None = Field(default=None, foreign_key="person.id", index=True)


class EventSession(SQLModel, table=True):
    """A run of talks on one day."""

    __tablename__: ClassVar[str] = "session"

    id: str = Field(primary_key=True)
    event_id: str = Field(foreign_key="event.id", index=True)
    title: str = "Programme"
    valid: str = ""
    position: int = 0
    source: str = ""
    """The adapter that read it from the event's page; "" for the curated files."""
    raw_digest: str | None = Field(default=None, foreign_key="raw_record.digest", index=True)
    """The page that it was last read from."""


class Talk(SQLModel, table=True):
    """One slot of a programme."""

    id: str = Field(primary_key=True)
    session_id: str = Field(foreign_key="session.id", index=True)
    position: int
    start: str = ""
    """Local time "HH:MM" in the event's zone; "" when unknown."""
    end: str = ""
    kind: TalkKind = _column(TalkKind)
    title: str = ""
    abstract: str = Field(default="", sa_type=Text)
    work_id: str | None = Field(default=None, foreign_key="work.id", index=True)
    arxiv: str = ""
    """arXiv id that the programme names, whether or not the work is here."""
    match: str = ""
    """How a rule found `work_id`: "identifier" where the programme names it, "title" where
    title and authors are alike, which is a guess; "" where the curated files say it."""
    url: str = ""
    identifiers: list[str] = _json()
    """Of the work that the programme names, all of them, in the form of `kb.ids`."""
    statuses: list[dict[str, str]] = _json()
    """What the event thereby did with the work: status, valid, venue. Told of the work once
    it is known by an identifier."""
    retired: bool = False
    """The programme listed it once and no longer does."""


class TalkPerson(SQLModel, table=True):
    """Who speaks."""

    __tablename__: ClassVar[str] = "talk_person"

    talk_id: str = Field(primary_key=True, foreign_key="talk.id")
    position: int = Field(primary_key=True)
    name: str
    person_id: str | None = Field(default=None, foreign_key="person.id", index=True)


# -- the debate ----------------------------------------------------------------------------------


class Strand(SQLModel, table=True):
    """A line of the debate."""

    id: str = Field(primary_key=True)
    position: int
    title: str
    question: str
    summary: str = Field(sa_type=Text)


class Topic(SQLModel, table=True):
    """A hub that gathers what the strands say of one word."""

    id: str = Field(primary_key=True)
    position: int
    title: str
    summary: str = Field(sa_type=Text)
    strands: list[str] = _json()
    terms: list[str] = _json()
    claims: list[str] = _json()
    events: list[str] = _json()


class Claim(SQLModel, table=True):
    """One proposition in our own words."""

    id: str = Field(primary_key=True)
    level: ClaimLevel = _column(ClaimLevel, index=True)
    strand_id: str = Field(foreign_key="strand.id", index=True)
    text: str = Field(sa_type=Text)
    proof_level: ProofLevel | None = Field(default=None, sa_type=_word(ProofLevel))
    """Of a finding; None for a thesis."""
    checked: Checked | None = Field(default=None, sa_type=_word(Checked))
    retired: bool = False


class Statement(SQLModel, table=True):
    """What a work that supports, disputes or qualifies a thesis might say, in our words."""

    claim_id: str = Field(primary_key=True, foreign_key="claim.id")
    stance: Stance = _column(Stance, primary_key=True)
    position: int = Field(primary_key=True)
    text: str = Field(sa_type=Text)


class ClaimTerm(SQLModel, table=True):
    """A key term of a thesis."""

    __tablename__: ClassVar[str] = "claim_term"

    claim_id: str = Field(primary_key=True, foreign_key="claim.id")
    position: int = Field(primary_key=True)
    term: str


class ScopeFacet(SQLModel, table=True):
    """One restriction of a claim's reach."""

    __tablename__: ClassVar[str] = "scope_facet"

    claim_id: str = Field(primary_key=True, foreign_key="claim.id")
    position: int = Field(primary_key=True)
    facet: Facet = _column(Facet)
    operator: Operator = _column(Operator)
    value: str


class TermSense(SQLModel, table=True):
    """One meaning of a term that has several."""

    __tablename__: ClassVar[str] = "term_sense"

    term: str = Field(primary_key=True)
    sense: str = Field(primary_key=True)
    definition: str


class ClaimSense(SQLModel, table=True):
    """The meaning in which a claim uses a term."""

    __tablename__: ClassVar[str] = "claim_sense"

    claim_id: str = Field(primary_key=True, foreign_key="claim.id")
    term: str = Field(primary_key=True)
    sense: str


class ClaimRelation(SQLModel, table=True):
    """What one claim does to another."""

    __tablename__: ClassVar[str] = "claim_relation"
    __table_args__ = (
        CheckConstraint("from_claim_id <> to_claim_id", name="claim_relation_not_itself"),
        _current("from_claim_id", "to_claim_id", "kind", "bears_on", name="claim_relation_current"),
    )

    id: int | None = Field(default=None, primary_key=True)
    from_claim_id: str = Field(foreign_key="claim.id", index=True)
    to_claim_id: str = Field(foreign_key="claim.id", index=True)
    kind: RelationKind = _column(RelationKind)
    bears_on: bool = False
    """True from a finding to a thesis, False between findings."""
    differs_in: list[str] = _json()
    note: str = ""
    agent_kind: AgentKind = _column(AgentKind)
    agent: str
    review: ReviewState = _column(ReviewState, default=ReviewState.proposed)
    valid: str = ""
    recorded_at: dt.datetime = Field(sa_type=Utc)
    superseded_at: dt.datetime | None = Field(default=None, sa_type=Utc, index=True)


class Link(SQLModel, table=True):
    """What a work does to a claim, who says so, and what a person makes of it."""

    __table_args__ = (
        _current("work_id", "claim_id", "agent_kind", name="link_current"),
        CheckConstraint("score IS NULL OR (score >= 0 AND score <= 1)", name="link_score_range"),
        Index("link_claim_stance", "claim_id", "stance"),
    )

    id: int | None = Field(default=None, primary_key=True)
    work_id: str = Field(foreign_key="work.id", index=True)
    claim_id: str = Field(foreign_key="claim.id")
    stance: Stance = _column(Stance)
    nuance: RelationKind | None = Field(default=None, sa_type=_word(RelationKind))
    how: AssertedHow | None = Field(default=None, sa_type=_word(AssertedHow))
    """None where a machine does not tell."""
    agent_kind: AgentKind = _column(AgentKind)
    agent: str
    """A person's handle, "curation", or a model's name and version."""
    checked: Checked | None = Field(default=None, sa_type=_word(Checked))
    """Of a curated link."""
    why: str = ""
    """Of a curated link: our reason."""
    score: float | None = None
    """Of a machine's link: its score in [0, 1], not a probability."""
    stance_score: float | None = None
    """Of a machine's link: how far the statements for and against lie apart, in [-1, 1]."""
    review: ReviewState = _column(ReviewState, default=ReviewState.proposed)
    reviewed_by: str = ""
    """Who judged it; on a proposed link, the readers who disagree."""
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    valid: str = ""
    recorded_at: dt.datetime = Field(sa_type=Utc)
    superseded_at: dt.datetime | None = Field(default=None, sa_type=Utc, index=True)


class EvidenceSpan(SQLModel, table=True):
    """The sentence that shows a link, as offsets into the text that was fetched."""

    __tablename__: ClassVar[str] = "evidence_span"
    __table_args__ = (CheckConstraint('start >= 0 AND "end" > start', name="evidence_span_order"),)

    id: int | None = Field(default=None, primary_key=True)
    link_id: int = Field(foreign_key="link.id", index=True)
    manifestation_id: str = Field(foreign_key="manifestation.id", index=True)
    start: int
    """Offset of the first character in the manifestation's abstract."""
    end: int
    """Offset after the last character."""
    quote: str = Field(sa_type=Text)
    """Exactly `abstract[start:end]`."""
    quote_hash: str
    """SHA-256 of `quote` in UTF-8, in hex."""
    agent_kind: AgentKind = _column(AgentKind)
    agent: str
    score: float | None = None
    review: ReviewState = _column(ReviewState, default=ReviewState.proposed)
    recorded_at: dt.datetime = Field(sa_type=Utc)
    superseded_at: dt.datetime | None = Field(default=None, sa_type=Utc, index=True)


class QueuedLink(SQLModel, table=True):
    """What a machine proposes and does not publish: it waits for a person, and is no link.

    A row that a person confirms becomes a `Link` when the linker runs next.
    """

    __tablename__: ClassVar[str] = "queued_link"
    __table_args__ = (
        _current("work_id", "claim_id", name="queued_link_current"),
        CheckConstraint("score >= 0 AND score <= 1", name="queued_link_score_range"),
        CheckConstraint('start >= 0 AND "end" > start', name="queued_link_order"),
    )

    id: int | None = Field(default=None, primary_key=True)
    work_id: str = Field(foreign_key="work.id", index=True)
    claim_id: str = Field(foreign_key="claim.id")
    stance: Stance = _column(Stance)
    how: AssertedHow | None = Field(default=None, sa_type=_word(AssertedHow))
    agent: str
    """The model's name and version."""
    score: float
    """In [0, 1], not a probability."""
    stance_score: float
    """In [-1, 1]: from against to for."""
    manifestation_id: str = Field(foreign_key="manifestation.id", index=True)
    start: int
    """Offset of the evidence's first character in the manifestation's abstract."""
    end: int
    """Offset after the last character."""
    quote: str = Field(sa_type=Text)
    """Exactly `abstract[start:end]`."""
    quote_hash: str
    """SHA-256 of `quote` in UTF-8, in hex."""
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    recorded_at: dt.datetime = Field(sa_type=Utc)
    superseded_at: dt.datetime | None = Field(default=None, sa_type=Utc, index=True)


class Verdict(SQLModel, table=True):
    """The latest judgement of one person on a link, from the curated files."""

    work_id: str = Field(primary_key=True, foreign_key="work.id")
    claim_id: str = Field(primary_key=True, foreign_key="claim.id")
    by: str = Field(primary_key=True)
    verdict: ReviewState = _column(ReviewState)
    stance: Stance | None = Field(default=None, sa_type=_word(Stance))
    valid: str
    note: str = ""
    abstract_hash: str = ""
    """SHA-256 of the abstract that was read, in hex; "" where it is not known."""
    quote_hash: str = ""
    """SHA-256 of the sentence that showed the link, in hex; "" where it is not known."""
    blind: bool = False
    """Whether neither another's verdict nor the machine's was seen."""
    agent: str = ""
    """The machine whose proposal was judged; "" where it is not known. So is what follows."""
    proposed: Stance | None = Field(default=None, sa_type=_word(Stance, "proposed_stance"))
    score: float | None = None
    published: bool = False
    """Whether the proposal was shown as a link."""


class Tension(SQLModel, table=True):
    """A question on which claims pull apart."""

    id: str = Field(primary_key=True)
    position: int
    strand_id: str = Field(foreign_key="strand.id", index=True)
    question: str
    kind: TensionKind = _column(TensionKind)
    kind_reason: str = Field(default="", sa_type=Text)
    review: ReviewState = _column(ReviewState, default=ReviewState.proposed)
    settles: str = Field(default="", sa_type=Text)
    core: list[str] = _json()
    retired: bool = False


class Pole(SQLModel, table=True):
    """One side of a tension."""

    tension_id: str = Field(primary_key=True, foreign_key="tension.id")
    id: str = Field(primary_key=True)
    position: int
    title: str
    note: str = ""


class PoleClaim(SQLModel, table=True):
    """A claim on a pole."""

    __tablename__: ClassVar[str] = "pole_claim"

    tension_id: str = Field(primary_key=True)
    pole_id: str = Field(primary_key=True)
    claim_id: str = Field(primary_key=True, foreign_key="claim.id", index=True)
    position: int


class Voice(SQLModel, table=True):
    """A person or a group that takes positions."""

    __table_args__ = (
        CheckConstraint("(person_id IS NULL) <> (group_id IS NULL)", name="voice_one_speaker"),
    )

    id: str = Field(primary_key=True)
    name: str
    kind: VoiceKind = _column(VoiceKind)
    person_id: str | None = Field(default=None, foreign_key="person.id")
    group_id: str | None = Field(default=None, foreign_key="person_group.id")
    aliases: list[str] = _json()
    members_note: str = ""
    retired: bool = False


class VoiceHolding(SQLModel, table=True):
    """A position that a voice takes over an interval."""

    __tablename__: ClassVar[str] = "voice_holding"
    __table_args__ = (
        _current("voice_id", "claim_id", "attitude", "work_id", name="voice_holding_current"),
    )

    id: int | None = Field(default=None, primary_key=True)
    voice_id: str = Field(foreign_key="voice.id", index=True)
    claim_id: str = Field(foreign_key="claim.id", index=True)
    attitude: Attitude = _column(Attitude)
    work_id: str = Field(foreign_key="work.id", index=True)
    checked: Checked = _column(Checked)
    note: str = ""
    valid: str
    recorded_at: dt.datetime = Field(sa_type=Utc)
    superseded_at: dt.datetime | None = Field(default=None, sa_type=Utc, index=True)


class Independence(SQLModel, table=True):
    """People who stand on several sides, or sign several works."""

    id: int = Field(primary_key=True)
    people: list[str] = _json()
    works: list[str] = _json()
    """Work ids."""
    voices: list[str] = _json()
    note: str = Field(sa_type=Text)


class Note(SQLModel, table=True):
    """A remark on any entity: what helps a careful reader, and what could not be checked."""

    subject_kind: str = Field(primary_key=True)
    """work, claim, tension, voice, event, digest, cycle."""
    subject_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    """note or unverified."""
    position: int = Field(primary_key=True)
    text: str = Field(sa_type=Text)


# -- vectors, search, memory -----------------------------------------------------------------------


class Vector(SQLModel, table=True):
    """The vector of one text under one model."""

    # Not "vector": that is what pgvector calls its type, and a table's name is a type too.
    __tablename__: ClassVar[str] = "text_vector"

    text_digest: str = Field(primary_key=True)
    """SHA-256 of the text in UTF-8, in hex."""
    model: str = Field(primary_key=True, index=True)
    """Name, weights hash and precision: vectors of two models never mix."""
    dim: int
    data: bytes = Field(sa_type=Embedding)
    """Little-endian float32, shape (dim,), unit length."""


class SearchText(SQLModel, table=True):
    """What full-text search looks in; SQLite indexes it by triggers, see the migrations."""

    __tablename__: ClassVar[str] = "search_text"
    __table_args__ = (Index("search_text_ref", "kind", "ref", unique=True),)

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    """work, claim, tension, voice, event."""
    ref: str
    title: str
    body: str = Field(sa_type=Text)


class Cycle(SQLModel, table=True):
    """An immutable snapshot of the debate."""

    number: int = Field(primary_key=True)
    hash: str = Field(unique=True)
    """SHA-256 of `snapshot` before compression, in hex."""
    parent: str = ""
    """Hash of the cycle before, "" for the first."""
    created_at: dt.datetime = Field(sa_type=Utc)
    counts: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    snapshot: bytes = Field(sa_type=LargeBinary)
    """Canonical JSON, zlib-compressed."""


# SQLAlchemy would do this in the first query, where a reader waits for it.
configure_mappers()
