"""The read side: ask the knowledge base a question, get plain values back."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import func, text
from sqlmodel import col, select

from kb import cycles, dates, dialectic, ids, models
from kb import graph as graphs
from kb import search as finder
from kb.content import nearest
from kb.errors import EncoderError, IdentifierError, NotFoundError
from kb.store import DEFAULT, Store
from kb.views import (
    ChangeView,
    ClaimRef,
    ClaimView,
    CoverageView,
    CycleView,
    DigestView,
    EventView,
    EvidenceView,
    HoldingView,
    LinkView,
    ManifestationView,
    Neighbor,
    PlacedSourceView,
    PoleView,
    Ref,
    RelationView,
    SearchHit,
    StatusCounts,
    StatusView,
    StrandView,
    TalkView,
    TensionView,
    TimelineEntry,
    TopicView,
    VoiceView,
    WorkRef,
    WorkView,
)
from kb.vocabulary import AgentKind, ReviewState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import networkx as nx
    from sqlmodel import Session

    from kb.encoder import Encoder
    from kb.views import View

_CHUNK = 500
"""Ids per IN clause: SQLite before 3.32 takes 999 parameters."""


class KnowledgeBase:
    """A read-only view of one store.

    Every answer is a frozen value (see `kb.views`) in a fixed order. What was read once is
    kept until the store changes, so asking again is cheap.

    Examples:
        >>> with kb.open() as debate:                      # doctest: +SKIP
        ...     for tension in debate.tensions():
        ...         print(tension.question, tension.kind)
    """

    def __init__(self, store: Store, encoder: Callable[[], Encoder] | None = None) -> None:
        """Ask `store`; `encoder` is called once, by the first search that needs meaning."""
        self._store = store
        self._make_encoder = encoder
        self._encoder: Encoder | None = None
        self._stamp: object = None
        self._debate: _Debate | None = None
        self._vectors: finder.Vectors | None = None

    @classmethod
    def open(cls, target: str | Path = DEFAULT, *, model: str | None = None) -> Self:
        """Open the knowledge base at a path or SQLAlchemy URL.

        Args:
            target: Where it is.
            model: The encoder that `search` uses for meaning; the default one when None.

        Raises:
            StoreError: There is none, or it is not one that this version can read.
        """

        def encoder() -> Encoder:
            # Imported here: it brings torch, which only a search by meaning needs.
            from kb.encoder import SentenceTransformerEncoder

            return SentenceTransformerEncoder(model)

        return cls(Store.open(target), encoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<KnowledgeBase {self._store.name}>"

    def close(self) -> None:
        """Release the file."""
        self._store.close()

    # -- the debate --------------------------------------------------------------------------

    def strands(self) -> list[StrandView]:
        """Return the lines of the debate, in their curated order."""
        return self._read().strand_views()

    def topics(self) -> list[TopicView]:
        """Return the topic hubs, in their curated order."""
        return self._read().topic_views()

    def claims(self, level: str = "", strand: str = "") -> list[ClaimView]:
        """Return claims: theses first, then findings, each in curated order.

        Args:
            level: "thesis" or "finding"; "" for both.
            strand: A strand's id; "" for all.
        """
        debate = self._read()
        return [
            debate.claim_view(id)
            for id, ref in debate.claim_refs.items()
            if level in ("", ref.level) and strand in ("", ref.strand)
        ]

    def claim(self, id: str) -> ClaimView:
        """Return one claim.

        Raises:
            NotFoundError: No claim has this id; the error names the nearest.
        """
        debate = self._read()
        return debate.claim_view(_found("claim", id, debate.claim_refs))

    def tensions(self) -> list[TensionView]:
        """Return the tensions, in their curated order."""
        debate = self._read()
        return [debate.tension_view(id) for id in debate.tensions]

    def tension(self, id: str) -> TensionView:
        """Return one tension.

        Raises:
            NotFoundError: No tension has this id.
        """
        debate = self._read()
        return debate.tension_view(_found("tension", id, debate.tensions))

    def voices(self) -> list[VoiceView]:
        """Return the voices, by id."""
        debate = self._read()
        return [debate.voice_view(id) for id in debate.voices]

    def voice(self, id: str) -> VoiceView:
        """Return one voice.

        Raises:
            NotFoundError: No voice has this id.
        """
        debate = self._read()
        return debate.voice_view(_found("voice", id, debate.voices))

    def events(self) -> list[EventView]:
        """Return the events, oldest first."""
        debate = self._read()
        with self._store.read() as session:
            return list(debate.event_views(session))

    def event(self, id: str) -> EventView:
        """Return one event.

        Raises:
            NotFoundError: No event has this id.
        """
        by_id = {event.id: event for event in self.events()}
        return by_id[_found("event", id, by_id)]

    def works(self) -> list[WorkView]:
        """Return every work, newest first, undated last."""
        debate = self._read()
        with self._store.read() as session:
            found = list(debate.work_views(session, None))
        dated = [w for w in found if w.ref.date]
        dated.sort(key=lambda w: (dates.sort_key(w.ref.date), w.id), reverse=True)
        return dated + sorted((w for w in found if not w.ref.date), key=lambda w: w.id)

    def work(self, id: str) -> WorkView:
        """Return one work by any of its identifiers or its curated name.

        Raises:
            NotFoundError: No work has this identifier; the error names the nearest.
        """
        debate = self._read()
        with self._store.read() as session:
            work_id = self._work_id(session, id)
            return next(iter(debate.work_views(session, [work_id])))

    def digests(self) -> list[DigestView]:
        """Return the syntheses by others, with where each of their sources was placed."""
        debate = self._read()
        with self._store.read() as session:
            return list(debate.digest_views(session))

    def cycles(self) -> list[CycleView]:
        """Return the snapshots of the debate with what each changed, oldest first."""
        with self._store.read() as session:
            rows = session.exec(select(models.Cycle).order_by(col(models.Cycle.number))).all()
        out: list[CycleView] = []
        before: cycles.Snapshot | None = None
        for row in rows:
            after = cycles.read(row)
            changes: list[ChangeView] = [] if before is None else cycles.diff(before, after)
            out.append(
                CycleView(
                    number=row.number,
                    hash=row.hash,
                    parent=row.parent,
                    created=row.created_at.isoformat(),
                    counts=tuple(sorted(row.counts.items())),
                    changes=tuple(changes),
                )
            )
            before = after
        return out

    def timeline(self, strand: str = "", since: str = "", until: str = "") -> list[TimelineEntry]:
        """Return what happened, oldest first: works, status events, voices, coverage, events.

        Args:
            strand: Only works and voices of this strand; "" for all.
            since: Inclusive EDTF date; "2025" takes in all of 2025. "" for no bound.
            until: Inclusive EDTF date.

        Raises:
            NotFoundError: No strand has this id.
            DateError: A bound is not an EDTF date.
        """
        debate = self._read()
        if strand:
            _found("strand", strand, debate.strands)
        for bound in (since, until):
            dates.span(bound)
        with self._store.read() as session:
            entries = [
                entry
                for entry in debate.timeline_entries(session)
                if (not strand or entry.strand == strand)
                and dates.overlaps(entry.date, since, until)
            ]
        return sorted(entries, key=_moment)

    def graph(self) -> nx.MultiDiGraph:
        """Return the debate as a networkx.MultiDiGraph; see `kb.graph.build` for its types."""
        return graphs.build(
            self.strands(),
            self.claims(),
            self.tensions(),
            self.works()[::-1],
            self.voices(),
            self.events(),
        )

    # -- search --------------------------------------------------------------------------------

    def search(self, query: str, k: int = 10, *, meaning: bool | None = None) -> list[SearchHit]:
        """Return the k best matches for a text among all kinds of things, best first.

        Args:
            query: Anything; it is never read as query syntax.
            k: How many, at least 1.
            meaning: Also search by meaning. None does so where vectors and the encoder are
                at hand, and searches by words alone where they are not.

        Raises:
            ValueError: k is below 1.
            EncoderError: Meaning was asked for and there is no encoder or no vector.
        """
        if k < 1:
            raise ValueError(f"k is {k}, want at least 1")
        if not query.strip():
            return []
        with self._store.read() as session:
            words = finder.by_words(session, query, 4 * k)
            near = self._by_meaning(session, query, 4 * k, meaning)
            fused = finder.fuse(words, near)[:k]
            wanted = [key for key, _ in fused]
            bodies = _search_texts(session, wanted)
        hits = []
        for key, score in fused:
            title, body = bodies.get(key, (key[1], ""))
            how = [name for name, keys in (("words", words), ("meaning", near)) if key in keys]
            hits.append(
                SearchHit(
                    kind=key[0],
                    id=key[1],
                    title=title,
                    snippet=finder.snippet(body, query),
                    score=round(score, 6),
                    matched=tuple(how),
                )
            )
        return hits

    def similar(self, work: str, k: int = 10) -> list[Neighbor]:
        """Return the k works nearest to a work, each with the reason, nearest first.

        Args:
            work: Any identifier of the work.
            k: How many, at least 1.

        Raises:
            ValueError: k is below 1.
            NotFoundError: No work has this identifier.
            EncoderError: The work has no vector yet.
        """
        if k < 1:
            raise ValueError(f"k is {k}, want at least 1")
        debate = self._read()
        with self._store.read() as session:
            work_id = self._work_id(session, work)
            vectors = self._load_vectors(session)
            row = vectors.row(("work", work_id)) if vectors else None
            if vectors is None or row is None:
                raise EncoderError(f"{work_id} has no vector yet; kb embed makes one")
            near = [
                (key[1], score)
                for key, score in vectors.nearest(row, k + 1, kinds=("work",))
                if key[1] != work_id
            ][:k]
            views = {v.id: v for v in debate.work_views(session, [work_id, *(i for i, _ in near)])}
        mine = views[work_id]
        return [
            Neighbor(views[id].ref, round(score, 4), _reason(mine, views[id])) for id, score in near
        ]

    def _by_meaning(
        self, session: Session, query: str, k: int, meaning: bool | None
    ) -> list[finder.Key]:
        if meaning is False:
            return []
        if meaning is None and importlib.util.find_spec("sentence_transformers") is None:
            return []
        if not finder.models_in(session):
            if meaning:
                raise EncoderError("there are no vectors yet; kb embed makes them")
            return []
        if self._encoder is None and self._make_encoder is not None:
            self._encoder = self._make_encoder()
        vectors = self._load_vectors(session)
        if self._encoder is None or vectors is None or not vectors.keys:
            return []
        if vectors.rows.shape[1] != self._encoder.dim:
            return []
        query_row = self._encoder.encode([query])[0]
        return [key for key, _ in vectors.nearest(query_row, k)]

    def _load_vectors(self, session: Session) -> finder.Vectors | None:
        self._read()  # drops what is stale
        if self._vectors is None:
            names = finder.models_in(session)
            if self._encoder is not None and self._encoder.name in names:
                names = [self._encoder.name]
            if not names:
                return None
            self._vectors = finder.Vectors.load(session, names[0])
        return self._vectors

    # -- counts ----------------------------------------------------------------------------------

    def status(self) -> StatusCounts:
        """Return the counts of everything in the store."""
        with self._store.read() as session:

            def count(kind: Any, *where: Any) -> int:
                query = select(func.count()).select_from(kind).where(*where)
                return int(session.exec(query).one())

            current = col(models.Link.superseded_at).is_(None)
            last = session.exec(
                select(models.Cycle).order_by(col(models.Cycle.number).desc())
            ).first()
            thesis = col(models.Claim.level) == "thesis"
            return StatusCounts(
                works=count(models.Work, col(models.Work.retired).is_(False)),
                manifestations=count(models.Manifestation),
                coverage=count(models.Coverage),
                theses=count(models.Claim, thesis, col(models.Claim.retired).is_(False)),
                findings=count(models.Claim, ~thesis, col(models.Claim.retired).is_(False)),
                tensions=count(models.Tension, col(models.Tension.retired).is_(False)),
                voices=count(models.Voice, col(models.Voice.retired).is_(False)),
                events=count(models.Event, col(models.Event.retired).is_(False)),
                links=tuple(
                    (state.value, count(models.Link, current, col(models.Link.review) == state))
                    for state in ReviewState
                ),
                links_by_agent=tuple(
                    (kind.value, count(models.Link, current, col(models.Link.agent_kind) == kind))
                    for kind in AgentKind
                ),
                vectors=count(models.Vector),
                raw_records=count(models.RawRecord),
                refused=count(models.Refusal, col(models.Refusal.resolved_at).is_(None)),
                last_cycle=f"{last.number} {last.hash[:12]} {last.created_at.isoformat()}"
                if last
                else "",
            )

    def show(self, id: str) -> View:
        """Return whatever has this id: a work, claim, tension, voice, event, strand or topic.

        Raises:
            NotFoundError: Nothing has it; the error names the nearest ids.
        """
        debate = self._read()
        known: dict[str, Callable[[str], View]] = {
            **dict.fromkeys(debate.claim_refs, self.claim),
            **dict.fromkeys(debate.tensions, self.tension),
            **dict.fromkeys(debate.voices, self.voice),
            **dict.fromkeys(debate.events, self.event),
        }
        for group in (self.strands, self.topics):
            for view in group():
                known.setdefault(view.id, lambda _id, view=view: view)  # type: ignore[misc]  # binds the loop's value
        fold = {name.lower(): name for name in known}
        if id.lower() in fold:
            name = fold[id.lower()]
            return known[name](name)
        try:
            return self.work(id)
        except NotFoundError as error:
            near = nearest(id, [*known, *error.nearest])
            raise NotFoundError("entry", id, near or error.nearest) from error

    # -- inside ------------------------------------------------------------------------------------

    def _read(self) -> _Debate:
        """Return the debate's rows, read again only when the store has changed."""
        with self._store.read() as session:
            stamp = _stamp(session)
            if self._debate is None or stamp != self._stamp:
                self._debate = _Debate(session)
                self._stamp, self._vectors = stamp, None
        return self._debate

    def _work_id(self, session: Session, id: str) -> str:
        try:
            name = ids.parse(id)
        except IdentifierError:
            name = id
        found = session.get(models.Identifier, name)
        if found is not None:
            return found.work_id
        if session.get(models.Work, id) is not None:
            return id
        bare = name.removeprefix("key:")
        known = [
            row.removeprefix("key:")
            for row in session.exec(
                select(models.Identifier.id).where(col(models.Identifier.id).like("key:%"))
            )
        ]
        near = nearest(bare, known)
        if not near and ":" in name:
            head = name[: name.find(":") + 6]
            near = tuple(
                session.exec(
                    select(models.Identifier.id)
                    .where(col(models.Identifier.id).startswith(head, autoescape=True))
                    .order_by(models.Identifier.id)
                    .limit(3)
                )
            )
        raise NotFoundError("work", id, near)


def _found(kind: str, id: str, known: Iterable[str]) -> str:
    """Return the known id that `id` names, whatever its case."""
    fold = {name.lower(): name for name in known}
    if id.lower() in fold:
        return fold[id.lower()]
    raise NotFoundError(kind, id, nearest(id, set(fold.values())))


def _stamp(session: Session) -> object:
    """A value that differs whenever another transaction has been committed."""
    if session.get_bind().dialect.name == "sqlite":
        pragma = session.connection().execute(text("PRAGMA data_version")).scalar()
        return (id(session.connection().connection.dbapi_connection), pragma, _last_run(session))
    return _last_run(session)


def _last_run(session: Session) -> tuple[object, ...]:
    row = session.connection().execute(text("SELECT max(id), max(ended_at) FROM run")).one()
    return tuple(row)


def _moment(entry: TimelineEntry) -> tuple[Any, ...]:
    return (dates.sort_key(entry.date), entry.lane, entry.title, entry.detail)


def _iso(moment: dt.datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _reason(mine: WorkView, other: WorkView) -> str:
    shared = sorted({k.claim.id for k in mine.links} & {k.claim.id for k in other.links})
    people = [name for name in mine.authors if name in other.authors]
    words = finder.words_shared(mine.title, other.title)
    parts = []
    if mine.ref.lineage == other.ref.lineage:
        parts.append("same lineage")
    if people:
        parts.append(f"shares {', '.join(people[:2])}")
    if shared:
        parts.append(f"both bear on {', '.join(shared[:3])}")
    if words:
        parts.append(f"both titles say {', '.join(words)}")
    return "; ".join(parts) or "similar abstract"


def _search_texts(session: Session, keys: list[finder.Key]) -> dict[finder.Key, tuple[str, str]]:
    refs = [ref for _, ref in keys]
    rows = session.exec(select(models.SearchText).where(col(models.SearchText.ref).in_(refs)))
    return {(row.kind, row.ref): (row.title, row.body) for row in rows}


def _rows(session: Session, kind: Any, column: Any, wanted: list[str] | None) -> Iterator[Any]:
    """Yield rows whose column is among `wanted`, or all rows when it is None, in chunks."""
    key = [getattr(kind, c.name) for c in kind.__table__.primary_key.columns]
    if wanted is None:
        yield from session.exec(select(kind).order_by(*key))
        return
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        yield from session.exec(select(kind).where(col(column).in_(part)).order_by(*key))


class _Debate:
    """Everything curated and every current link, read in one transaction.

    Works are many and are read when asked for; all else is a few thousand rows.
    """

    def __init__(self, session: Session) -> None:
        everything = session.exec
        self.strands = {
            s.id: s for s in everything(select(models.Strand).order_by(col(models.Strand.position)))
        }
        self.topics = everything(select(models.Topic).order_by(col(models.Topic.position))).all()
        claims = everything(
            select(models.Claim)
            .where(col(models.Claim.retired).is_(False))
            .order_by(col(models.Claim.level).desc(), models.Claim.id)
        ).all()
        order = {id: i for i, id in enumerate(self.strands)}
        theses = sorted(
            (c for c in claims if c.level == "thesis"), key=lambda c: (order[c.strand_id], c.id)
        )
        self.claims = {c.id: c for c in [*theses, *(c for c in claims if c.level != "thesis")]}
        self.claim_refs = {
            c.id: ClaimRef(c.id, c.level, c.strand_id, c.text) for c in self.claims.values()
        }
        self.scope = _group(everything(_by_position(models.ScopeFacet)), "claim_id")
        self.terms = _group(everything(_by_position(models.ClaimTerm)), "claim_id")
        self.statements = _group(everything(_by_position(models.Statement)), "claim_id")
        self.senses = _group(
            everything(select(models.ClaimSense).order_by(models.ClaimSense.term)), "claim_id"
        )
        self.definitions = {
            (s.term, s.sense): s.definition
            for s in everything(
                select(models.TermSense).order_by(models.TermSense.term, models.TermSense.sense)
            )
        }
        self.tensions = {
            t.id: t
            for t in everything(
                select(models.Tension)
                .where(col(models.Tension.retired).is_(False))
                .order_by(col(models.Tension.position))
            )
        }
        self.poles = _group(everything(_by_position(models.Pole)), "tension_id")
        self.pole_claims = _group(everything(_by_position(models.PoleClaim)), "tension_id")
        self.voices = {
            v.id: v
            for v in everything(
                select(models.Voice)
                .where(col(models.Voice.retired).is_(False))
                .order_by(models.Voice.id)
            )
        }
        self.events = {
            e.id: e
            for e in everything(
                select(models.Event)
                .where(col(models.Event.retired).is_(False))
                .order_by(models.Event.first_day, models.Event.id)
            )
        }
        self.notes: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for note in everything(_by_position(models.Note)):
            self.notes[note.subject_kind, note.subject_id, note.kind].append(note.text)
        self.independence = everything(
            select(models.Independence).order_by(col(models.Independence.id))
        ).all()
        self.lineage = dialectic.lineages(
            (r.from_work_id, r.to_work_id) for r in everything(select(models.WorkRelation))
        )
        self._links(session)
        self._claim_relations(session)
        self._holdings(session)

    # -- reading ----------------------------------------------------------------------------

    def _links(self, session: Session) -> None:
        rows = session.exec(
            select(models.Link)
            .where(col(models.Link.superseded_at).is_(None))
            .order_by(models.Link.work_id, models.Link.claim_id, col(models.Link.agent_kind))
        ).all()
        spans: dict[int, list[EvidenceView]] = defaultdict(list)
        current = col(models.EvidenceSpan.superseded_at).is_(None)
        for span in session.exec(
            select(models.EvidenceSpan)
            .where(current)
            .order_by(models.EvidenceSpan.manifestation_id, col(models.EvidenceSpan.start))
        ):
            spans[span.link_id].append(
                EvidenceView(
                    quote=span.quote,
                    manifestation=span.manifestation_id,
                    start=span.start,
                    end=span.end,
                    agent=span.agent,
                    review=span.review,
                    score=span.score,
                )
            )
        self.work_refs = self.refs(session, sorted({row.work_id for row in rows}))
        self.links: dict[str, list[LinkView]] = defaultdict(list)
        self.links_of: dict[str, list[LinkView]] = defaultdict(list)
        for row in rows:
            if row.claim_id not in self.claim_refs:
                continue
            link = LinkView(
                work=self.work_refs[row.work_id],
                claim=self.claim_refs[row.claim_id],
                stance=row.stance,
                nuance=row.nuance or "",
                how=row.how or "",
                agent_kind=row.agent_kind,
                agent=row.agent,
                review=row.review,
                reviewed_by=row.reviewed_by,
                checked=row.checked or "",
                score=row.score,
                why=row.why,
                evidence=tuple(spans.get(row.id or 0, ())),
                valid=row.valid,
                recorded=_iso(row.recorded_at),
            )
            self.links[row.claim_id].append(link)
            self.links_of[row.work_id].append(link)
        for links in self.links.values():
            links.sort(key=_weight)
        for links in self.links_of.values():
            links.sort(key=_weight)

    def _claim_relations(self, session: Session) -> None:
        rows = session.exec(
            select(models.ClaimRelation)
            .where(col(models.ClaimRelation.superseded_at).is_(None))
            .order_by(
                models.ClaimRelation.from_claim_id,
                models.ClaimRelation.to_claim_id,
                col(models.ClaimRelation.kind),
            )
        )
        self.relations = [
            RelationView(
                source=self.claim_refs[row.from_claim_id],
                kind=row.kind,
                target=self.claim_refs[row.to_claim_id],
                bears_on=row.bears_on,
                differs_in=tuple(row.differs_in),
                note=row.note,
                review=row.review,
                valid=row.valid,
            )
            for row in rows
            if row.from_claim_id in self.claim_refs and row.to_claim_id in self.claim_refs
        ]

    def _holdings(self, session: Session) -> None:
        rows = session.exec(
            select(models.VoiceHolding)
            .where(col(models.VoiceHolding.superseded_at).is_(None))
            .order_by(
                models.VoiceHolding.voice_id,
                col(models.VoiceHolding.attitude),
                models.VoiceHolding.claim_id,
                models.VoiceHolding.work_id,
            )
        ).all()
        missing = {row.work_id for row in rows} - set(self.work_refs)
        self.work_refs |= self.refs(session, sorted(missing))
        self.holdings = [
            HoldingView(
                voice=Ref("voice", row.voice_id, self.voices[row.voice_id].name),
                attitude=row.attitude,
                claim=self.claim_refs[row.claim_id],
                work=self.work_refs[row.work_id],
                valid=row.valid,
                checked=row.checked,
                note=row.note,
            )
            for row in rows
            if row.voice_id in self.voices and row.claim_id in self.claim_refs
        ]
        members = session.exec(
            select(models.Membership.group_id, models.Person.name)
            .where(models.Membership.person_id == models.Person.id)
            .order_by(models.Membership.group_id, models.Person.name)
        )
        self.members: dict[str, list[str]] = defaultdict(list)
        for group, name in members:
            self.members[group].append(name)

    def refs(self, session: Session, wanted: list[str] | None) -> dict[str, WorkRef]:
        """Return the references of works by id."""
        first: dict[str, list[str]] = defaultdict(list)
        for author in _rows(session, models.Authorship, models.Authorship.work_id, wanted):
            if author.position < 3:
                first[author.work_id].append(author.name)
        return {
            row.id: WorkRef(
                id=row.id,
                key=row.key or "",
                kind=row.kind,
                title=row.title,
                authors=_byline(first.get(row.id, [])),
                date=row.first_public,
                lineage=self.lineage.get(row.id, row.id),
            )
            for row in _rows(session, models.Work, models.Work.id, wanted)
        }

    # -- views ------------------------------------------------------------------------------

    def claim_view(self, id: str) -> ClaimView:
        """Return one claim with all that belongs to it."""
        row, links = self.claims[id], self.links.get(id, [])
        mine = [r for r in self.relations if id in (r.source.id, r.target.id)]
        tensions = [
            Ref("tension", t.id, t.question)
            for t in self.tensions.values()
            if any(pole.claim_id == id for pole in self.pole_claims.get(t.id, []))
        ]
        return ClaimView(
            ref=self.claim_refs[id],
            proof_level=row.proof_level or "",
            checked=row.checked or "",
            scope=tuple((s.facet, s.operator, s.value) for s in self.scope.get(id, [])),
            senses=tuple(
                (s.term, s.sense, self.definitions.get((s.term, s.sense), ""))
                for s in self.senses.get(id, [])
            ),
            terms=tuple(t.term for t in self.terms.get(id, [])),
            statements=tuple((s.stance, s.text) for s in self.statements.get(id, [])),
            balance=dialectic.balance(links),
            links=tuple(links),
            relations=tuple(r for r in mine if not r.bears_on),
            bears_on=tuple(r for r in mine if r.bears_on),
            tensions=tuple(tensions),
            voices=tuple(h for h in self.holdings if h.claim.id == id),
            notes=tuple(self.notes.get(("claim", id, "note"), ())),
            unverified=tuple(self.notes.get(("claim", id, "unverified"), ())),
        )

    def tension_view(self, id: str) -> TensionView:
        """Return one tension with its poles."""
        row = self.tensions[id]
        on_poles: dict[str, list[str]] = defaultdict(list)
        for entry in self.pole_claims.get(id, []):
            on_poles[entry.pole_id].append(entry.claim_id)
        claims = {claim for part in on_poles.values() for claim in part}
        poles = []
        for pole in self.poles.get(id, []):
            mine = [c for c in on_poles[pole.id] if c in self.claim_refs]
            links = sorted((link for c in mine for link in self.links.get(c, [])), key=_weight)
            poles.append(
                PoleView(
                    id=pole.id,
                    title=pole.title,
                    note=pole.note,
                    claims=tuple(self.claim_refs[c] for c in mine),
                    links=tuple(links),
                    balance=dialectic.balance(links),
                )
            )
        return TensionView(
            id=id,
            strand=row.strand_id,
            question=row.question,
            kind=row.kind,
            kind_reason=row.kind_reason,
            review=row.review,
            poles=tuple(poles),
            core=tuple(self.claim_refs[c] for c in row.core if c in self.claim_refs),
            settles=row.settles,
            voices=tuple(h for h in self.holdings if h.claim.id in claims),
            relations=tuple(
                r for r in self.relations if r.source.id in claims and r.target.id in claims
            ),
            notes=tuple(self.notes.get(("tension", id, "note"), ())),
        )

    def voice_view(self, id: str) -> VoiceView:
        """Return one voice with its positions."""
        row = self.voices[id]
        holdings = [h for h in self.holdings if h.voice.id == id]
        works = {h.work.id: h.work for h in holdings}
        return VoiceView(
            id=id,
            name=row.name,
            kind=row.kind,
            members=tuple(self.members.get(row.group_id or "", ())),
            members_note=row.members_note,
            aliases=tuple(row.aliases),
            holdings=tuple(holdings),
            works=tuple(works.values()),
            independence=tuple(n.note for n in self.independence if id in n.voices),
            notes=tuple(self.notes.get(("voice", id, "note"), ())),
        )

    def strand_views(self) -> list[StrandView]:
        """Return the strands with what belongs to them."""
        out = []
        for id, row in self.strands.items():
            refs = [c for c in self.claim_refs.values() if c.strand == id]
            links = [link for c in refs for link in self.links.get(c.id, [])]
            read = {k.work.id: k.work for k in links if k.agent_kind != "model"}
            proposed = {k.work.id for k in links if k.agent_kind == "model"} - set(read)
            out.append(
                StrandView(
                    id=id,
                    title=row.title,
                    question=row.question,
                    summary=row.summary,
                    theses=tuple(c for c in refs if c.level == "thesis"),
                    findings=tuple(c for c in refs if c.level == "finding"),
                    tensions=tuple(
                        Ref("tension", t.id, t.question)
                        for t in self.tensions.values()
                        if t.strand_id == id
                    ),
                    works=tuple(
                        sorted(read.values(), key=lambda w: (dates.sort_key(w.date), w.id))
                    ),
                    proposed=len(proposed),
                )
            )
        return out

    def topic_views(self) -> list[TopicView]:
        """Return the topic hubs."""
        return [
            TopicView(
                id=row.id,
                title=row.title,
                summary=row.summary,
                strands=tuple(Ref("strand", s, self.strands[s].title) for s in row.strands),
                senses=tuple(
                    (term, sense, text)
                    for (term, sense), text in self.definitions.items()
                    if term in row.terms
                ),
                claims=tuple(self.claim_refs[c] for c in row.claims if c in self.claim_refs),
                events=tuple(
                    Ref("event", e, self.events[e].name) for e in row.events if e in self.events
                ),
            )
            for row in self.topics
        ]

    def work_views(self, session: Session, wanted: list[str] | None) -> Iterator[WorkView]:
        """Yield works by id, or all of them, in the order of their ids."""

        def group(kind: Any, column: Any, name: str = "work_id") -> dict[str, list[Any]]:
            return _group(_rows(session, kind, column, wanted), name)

        refs = self.refs(session, wanted)
        authors = group(models.Authorship, models.Authorship.work_id)
        names = group(models.Identifier, models.Identifier.work_id)
        forms = group(models.Manifestation, models.Manifestation.work_id)
        coverage = group(models.Coverage, models.Coverage.work_id)
        statuses = group(models.StatusEvent, models.StatusEvent.work_id)
        out = group(models.WorkRelation, models.WorkRelation.from_work_id, "from_work_id")
        back = group(models.WorkRelation, models.WorkRelation.to_work_id, "to_work_id")
        others = {r.to_work_id for rs in out.values() for r in rs}
        others |= {r.from_work_id for rs in back.values() for r in rs}
        other_refs = refs | self.refs(session, sorted(others - set(refs)))
        voices: dict[str, dict[str, Ref]] = defaultdict(dict)
        for holding in self.holdings:
            voices[holding.work.id][holding.voice.id] = holding.voice
        for row in _rows(session, models.Work, models.Work.id, wanted):
            if row.retired:
                continue
            id = row.id
            acts = [s for s in statuses.get(id, []) if s.superseded_at is None]
            # By the last day: a venue's year-only decision comes after that year's preprint.
            acts.sort(key=lambda s: (dates.span(s.valid)[1], s.status, s.venue))
            mine = sorted(forms.get(id, []), key=lambda m: (dates.sort_key(m.valid), m.id))
            texts = [m for m in mine if m.abstract and m.abstract == row.abstract]
            yield WorkView(
                ref=refs[id],
                authors=tuple(a.name for a in sorted(authors.get(id, []), key=_position)),
                identifiers=tuple(sorted((n.id for n in names.get(id, [])), key=_scheme)),
                venue=row.venue,
                year=row.year,
                categories=row.categories,
                synopsis=row.synopsis,
                abstract=row.abstract,
                abstract_from=texts[-1].id if texts else "",
                checked=row.checked or "",
                withdrawn=row.withdrawn,
                links=tuple(self.links_of.get(id, ())),
                statuses=tuple(
                    StatusView(
                        status=s.status,
                        venue=s.venue,
                        valid=s.valid,
                        source=s.source,
                        verified=s.verified,
                        note=s.note,
                        version=s.version,
                    )
                    for s in acts
                ),
                manifestations=tuple(_manifestation(m) for m in mine),
                coverage=tuple(_coverage(c) for c in coverage.get(id, [])),
                related=tuple(
                    [(r.kind.value, other_refs[r.to_work_id]) for r in out.get(id, [])]
                    + [
                        (_INVERSE[r.kind.value], other_refs[r.from_work_id])
                        for r in back.get(id, [])
                    ]
                ),
                voices=tuple(voices.get(id, {}).values()),
                notes=(
                    *self.notes.get(("work", id, "note"), ()),
                    *(n.note for n in self.independence if id in n.works),
                ),
                unverified=tuple(self.notes.get(("work", id, "unverified"), ())),
            )

    def event_views(self, session: Session) -> Iterator[EventView]:
        """Yield the events, oldest first."""
        people = _group(
            session.exec(
                select(models.EventPerson).order_by(
                    models.EventPerson.event_id,
                    models.EventPerson.role,
                    col(models.EventPerson.position),
                )
            ),
            "event_id",
        )
        speakers = _group(
            session.exec(
                select(models.TalkPerson).order_by(
                    models.TalkPerson.talk_id, col(models.TalkPerson.position)
                )
            ),
            "talk_id",
        )
        event_of = {s.id: s.event_id for s in session.exec(select(models.EventSession))}
        talks = session.exec(
            select(models.Talk).order_by(models.Talk.session_id, col(models.Talk.position))
        ).all()
        refs = self.refs(session, sorted({t.work_id for t in talks if t.work_id}))
        programme: dict[str, list[TalkView]] = defaultdict(list)
        for talk in talks:
            programme[event_of[talk.session_id]].append(
                TalkView(
                    start=talk.start,
                    end=talk.end,
                    kind=talk.kind,
                    title=talk.title,
                    people=tuple(p.name for p in speakers.get(talk.id, [])),
                    work=refs.get(talk.work_id or ""),
                    arxiv=talk.arxiv,
                )
            )
        forms = _group(_rows(session, models.Manifestation, None, None), "event_id")
        coverage = _group(_rows(session, models.Coverage, None, None), "event_id")
        venues = {v.id: v.name for v in session.exec(select(models.Venue))}
        for id, row in self.events.items():
            roles = people.get(id, [])
            yield EventView(
                id=id,
                name=row.name,
                alt_names=tuple(row.alt_names),
                series=row.series,
                edition=row.edition,
                venue=venues.get(row.venue_id or "", ""),
                kind=row.kind,
                date=row.valid,
                tz=row.tz,
                place=row.place,
                hours=row.hours,
                url=row.url,
                verified=row.verified,
                organizers=tuple(p.name for p in roles if p.role == "organizer"),
                speakers=tuple(p.name for p in roles if p.role == "speaker"),
                topics=tuple(row.topics),
                deadlines=tuple(row.deadlines.items()),
                talks=tuple(programme.get(id, ())),
                accepted=tuple(
                    (
                        item["title"],
                        tuple(item["authors"]),
                        f"openreview:{item['openreview']}" if item["openreview"] else "",
                    )
                    for item in row.accepted
                ),
                manifestations=tuple(_manifestation(m) for m in forms.get(id, [])),
                coverage=tuple(_coverage(c) for c in coverage.get(id, [])),
                sources=tuple(row.sources),
                notes=tuple(self.notes.get(("event", id, "note"), ())),
            )

    def digest_views(self, session: Session) -> Iterator[DigestView]:
        """Yield the digests with their placed sources."""
        placed: dict[str, list[PlacedSourceView]] = defaultdict(list)
        for kind, name in ((models.Manifestation, "manifestation"), (models.Coverage, "coverage")):
            rows: list[Any] = list(
                session.exec(select(kind).where(col(kind.digest_id).is_not(None)))
            )
            refs = self.refs(session, sorted({r.work_id for r in rows if r.work_id}))
            for row in rows:
                event = self.events.get(row.event_id or "")
                placed[row.digest_id].append(
                    PlacedSourceView(
                        n=row.digest_n,
                        title=row.title,
                        publisher=row.publisher,
                        placed_as=name,
                        kind=row.kind,
                        work=refs.get(row.work_id or ""),
                        event=Ref("event", event.id, event.name) if event else None,
                        cited=row.cited,
                        note=row.note,
                    )
                )
        for row in session.exec(select(models.Digest).order_by(models.Digest.id)):
            yield DigestView(
                id=row.id,
                publisher=row.publisher,
                title=row.title,
                version=row.version,
                as_of=row.as_of,
                kind=row.kind,
                url=row.url,
                summary=row.summary,
                sources_listed=row.sources_listed,
                sources=tuple(sorted(placed.get(row.id, ()), key=lambda s: s.n)),
                notes=tuple(self.notes.get(("digest", row.id, "note"), ())),
            )

    def timeline_entries(self, session: Session) -> Iterator[TimelineEntry]:
        """Yield what happened, in no particular order.

        A work of several strands appears once in each; a work that no claim ties to a strand
        appears once without one.
        """
        refs = self.refs(session, None)
        strands: dict[str, list[str]] = defaultdict(list)
        for id, links in self.links_of.items():
            found = {k.claim.strand for k in links if k.review in ("proposed", "confirmed")}
            strands[id] = [s for s in self.strands if s in found]
        for id, ref in refs.items():
            for strand in strands.get(id) or [""]:
                yield TimelineEntry(
                    ref.date, "", "works", ref.title, ref.authors, strand, ref, None
                )
        current = col(models.StatusEvent.superseded_at).is_(None)
        for act in session.exec(select(models.StatusEvent).where(current)):
            if act.status == "preprint":
                continue  # the work's own entry says so
            detail = " · ".join(p for p in (act.status.value, act.venue) if p)
            ref = refs[act.work_id]
            for strand in strands.get(act.work_id) or [""]:
                yield TimelineEntry(
                    act.valid, _iso(act.recorded_at), "status", ref.title, detail, strand, ref, None
                )
        for holding in self.holdings:
            start = holding.valid.split("/", 1)[0]
            yield TimelineEntry(
                start,
                "",
                "voices",
                holding.voice.title,
                f"{holding.attitude} {holding.claim.id}",
                holding.claim.strand,
                holding.work,
                holding.voice,
            )
        for row in session.exec(select(models.Coverage).where(col(models.Coverage.valid) != "")):
            yield TimelineEntry(
                row.valid,
                "",
                "coverage",
                row.title,
                " · ".join(p for p in (row.kind.value, row.publisher) if p),
                "",
                refs.get(row.work_id or ""),
                None,
            )
        for event in self.events.values():
            yield TimelineEntry(
                event.valid,
                "",
                "events",
                event.name,
                event.place,
                "",
                None,
                Ref("event", event.id, event.name),
            )


_INVERSE = {
    "resubmissionOf": "resubmitted as",
    "retitleOf": "retitled as",
    "extendedVersionOf": "extended in",
}


def _weight(link: LinkView) -> tuple[Any, ...]:
    """Confirmed before curated before proposed by a machine; then by score and date."""
    rank = {"confirmed": 0, "proposed": 1, "superseded": 2, "rejected": 3}[link.review]
    machine = link.agent_kind == "model"
    return (
        rank,
        machine,
        -(link.score or 0.0),
        dates.sort_key(link.work.date),
        link.work.id,
        link.claim.id,
    )


def _by_position(kind: Any) -> Any:
    key = [getattr(kind, c.name) for c in kind.__table__.primary_key.columns]
    owner = key[0]
    return select(kind).order_by(owner, col(kind.position), *key)


def _group(rows: Iterable[Any], name: str) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        out[getattr(row, name)].append(row)
    return out


def _position(row: models.Authorship) -> int:
    return row.position


def _scheme(id: str) -> tuple[int, str]:
    return ids.SCHEMES.index(id.split(":", 1)[0]), id


def _byline(names: list[str]) -> str:
    """Return "A", "A and B", or "A et al." by family name."""
    family = [name.split()[-1] if name.split() else name for name in names]
    if len(family) > 2:
        return f"{family[0]} et al."
    return " and ".join(family)


def _manifestation(row: models.Manifestation) -> ManifestationView:
    return ManifestationView(
        id=row.id,
        kind=row.kind,
        title=row.title,
        publisher=row.publisher,
        url=row.url,
        version=row.version,
        valid=row.valid,
        retrieved=_iso(row.retrieved_at),
        content_hash=row.content_hash,
        digest=row.digest_id or "",
        digest_n=row.digest_n,
        note=row.note,
    )


def _coverage(row: models.Coverage) -> CoverageView:
    return CoverageView(
        id=row.id,
        kind=row.kind,
        title=row.title,
        publisher=row.publisher,
        url=row.url,
        valid=row.valid,
        digest=row.digest_id or "",
        digest_n=row.digest_n,
        note=row.note,
    )
