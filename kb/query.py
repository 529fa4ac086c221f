"""The read side: ask the knowledge base a question, get plain values back."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import func, text
from sqlmodel import col, select

from kb import cycles, dates, ids, models
from kb import graph as graphs
from kb import search as finder
from kb.assembly import Assembly
from kb.content import nearest
from kb.errors import EncoderError, IdentifierError, NotFoundError
from kb.store import DEFAULT, Store
from kb.views import (
    ChangeView,
    ClaimView,
    CycleView,
    DigestView,
    EventView,
    Neighbor,
    SearchHit,
    StatusCounts,
    StrandView,
    TensionView,
    TimelineEntry,
    TopicView,
    VoiceView,
    WorkView,
)
from kb.vocabulary import AgentKind, ReviewState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import networkx as nx
    from sqlmodel import Session

    from kb.encoder import Encoder
    from kb.views import View


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
        self._debate: Assembly | None = None
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

    def _read(self) -> Assembly:
        """Return the debate's rows, read again only when the store has changed."""
        with self._store.read() as session:
            stamp = _stamp(session)
            if self._debate is None or stamp != self._stamp:
                self._debate = Assembly(session)
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
