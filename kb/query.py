"""The read side: ask the knowledge base a question, get plain values back."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlmodel import col, select

from kb import cycles, dates, ledger, models, proposals, review
from kb import search as finder
from kb.assembly import Assembly
from kb.content import nearest
from kb.errors import EncoderError, NotFoundError
from kb.frames import Views
from kb.moments import instant
from kb.questions import Questions, debate_graph
from kb.reader import found
from kb.store import REVISION, now
from kb.views import (
    ClaimView,
    CycleView,
    DiffView,
    DigestView,
    EventView,
    MergeView,
    Neighbor,
    ProposalView,
    RunView,
    SearchHit,
    SourceView,
    StatusCounts,
    StrandView,
    TensionView,
    TermView,
    TimelineEntry,
    TopicView,
    VoiceView,
    WorkView,
)
from kb.vocabulary import AgentKind, ReviewState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import networkx as nx
    from sqlmodel import Session

    from kb.views import View

_CHUNK = 500
"""Ids per IN clause: SQLite before 3.32 takes 999 parameters."""
_ALL = 1_000_000
"""How many hits a search looks through where a moment hides some of them."""


class KnowledgeBase(Questions):
    """A read-only view of one store.

    Every answer is a frozen value (see `kb.views` and `kb.answers`) in a fixed order, and
    every list of them becomes a data frame on request (`kb.frames`). What was read once is
    kept until the store changes, so asking again is cheap.

    Examples:
        >>> for tension in debate.tensions()[:2]:
        ...     print(tension.id, tension.kind)
        T1 normative
        T2 apparent-scope
    """

    # -- the debate --------------------------------------------------------------------------

    def strands(self) -> Views[StrandView]:
        """Return the lines of the debate, in their curated order.

        Examples:
            >>> [strand.id for strand in debate.strands()][:2]
            ['memorization', 'dynamics']
        """
        return Views(self._read().strand_views())

    def topics(self) -> Views[TopicView]:
        """Return the topic hubs, in their curated order.

        Examples:
            >>> [topic.id for topic in debate.topics()]
            ['memory', 'generalization', 'reasoning']
        """
        return Views(self._read().topic_views())

    def terms(self) -> Views[TermView]:
        """Return the words that the debate uses in several senses, by name.

        Examples:
            >>> [sense.sense for term in debate.terms() if term.id == "grokking"
            ...  for sense in term.senses]
            ['accuracy-step', 'late-generalization']
        """
        return Views(self._read().term_views())

    def claims(self, level: str = "", strand: str = "") -> Views[ClaimView]:
        """Return claims: theses first, then findings, each in curated order.

        Args:
            level: "thesis" or "finding"; "" for both.
            strand: A strand's id; "" for all.

        Examples:
            >>> len(debate.claims("thesis"))
            27
        """
        debate = self._read()
        wanted = [
            id
            for id, ref in debate.claim_refs.items()
            if level in ("", ref.level) and strand in ("", ref.strand)
        ]
        return Views(debate.claim_views(wanted))

    def claim(self, id: str) -> ClaimView:
        """Return one claim.

        Raises:
            NotFoundError: No claim has this id; the error names the nearest.

        Examples:
            >>> print(debate.claim("C03").balance.headline())
            1 for, 1 against, 0 qualifying
        """
        debate = self._read()
        return debate.claim_view(found("claim", id, debate.claim_refs))

    def tensions(self) -> Views[TensionView]:
        """Return the tensions, in their curated order.

        Examples:
            >>> [tension.id for tension in debate.tensions()][:3]
            ['T1', 'T2', 'T3']
        """
        debate = self._read()
        return Views(debate.tension_view(id) for id in debate.tensions)

    def tension(self, id: str) -> TensionView:
        """Return one tension.

        Raises:
            NotFoundError: No tension has this id.

        Examples:
            >>> debate.tension("t2").core[0].id
            'C03'
        """
        debate = self._read()
        return debate.tension_view(found("tension", id, debate.tensions))

    def voices(self) -> Views[VoiceView]:
        """Return the voices, by id.

        Examples:
            >>> debate.voices()[0]
            <Voice V01: Lawrence Chan>
        """
        debate = self._read()
        return Views(debate.voice_view(id) for id in debate.voices)

    def voice(self, id: str) -> VoiceView:
        """Return one voice.

        Raises:
            NotFoundError: No voice has this id.

        Examples:
            >>> debate.voice("V01").holdings[0].attitude
            <Attitude.holds: 'holds'>
        """
        debate = self._read()
        return debate.voice_view(found("voice", id, debate.voices))

    def events(self) -> Views[EventView]:
        """Return the events, oldest first.

        Examples:
            >>> debate.events()[0].date <= debate.events()[-1].date
            True
        """
        debate = self._read()
        with self._reading() as session:
            return Views(debate.event_views(session))

    def event(self, id: str) -> EventView:
        """Return one event.

        Raises:
            NotFoundError: No event has this id.

        Examples:
            >>> debate.event("delta-2026").kind
            'workshop'
        """
        by_id = {event.id: event for event in self.events()}
        return by_id[found("event", id, by_id)]

    def works(self) -> Views[WorkView]:
        """Return every work, newest first, undated last.

        Examples:
            >>> frame = debate.works().rows()  # or .to_pandas(), .to_polars()
            >>> frame[-1]["date"]
            ''
        """
        debate = self._read()
        with self._reading() as session:
            views = list(debate.work_views(session, None))
        dated = [w for w in views if w.ref.date]
        dated.sort(key=lambda w: (dates.sort_key(w.ref.date), w.id), reverse=True)
        return Views(dated + sorted((w for w in views if not w.ref.date), key=lambda w: w.id))

    def work(self, id: str) -> WorkView:
        """Return one work by any of its identifiers or its curated name.

        Raises:
            NotFoundError: No work has this identifier; the error names the nearest.

        Examples:
            >>> debate.work("https://arxiv.org/abs/2505.17638").ref.key
            'bonnaire-2025'
        """
        debate = self._read()
        with self._reading() as session:
            work_id = self._work_id(session, id)
            return next(iter(debate.work_views(session, [work_id])))

    def merges(self) -> Views[MergeView]:
        """Return what was joined and what may be one work, most certain first.

        Examples:
            >>> debate.merges()
            []
        """
        return Views(self._read().merges)

    def digests(self) -> Views[DigestView]:
        """Return the syntheses by others, with where each of their sources was placed.

        Examples:
            >>> max(digest.sources_listed for digest in debate.digests())
            147
        """
        debate = self._read()
        with self._reading() as session:
            return Views(debate.digest_views(session))

    def cycles(self) -> Views[CycleView]:
        """Return the cycles with what each changed, oldest first.

        Reconstructed ones come first: what was so on their day, as the first cycle knew it.

        Examples:
            >>> debate.cycles()[-1].number
            1
        """
        with self._reading() as session:
            every = cycles.history(session)
        return Views(view for view in every if self._had(view.created, view.valid))

    def diff(self, before: str, after: str) -> DiffView:
        """Return what changed between any two cycles, in either order.

        Args:
            before: A cycle's number, its hash or at least six characters of it, or an ISO day
                before the first cycle, for which the debate is then reconstructed.
            after: The same.

        Raises:
            NotFoundError: There is no such cycle.

        Examples:
            >>> debate.diff("1", "1").changes
            ()
        """
        with self._reading() as session:
            told = cycles.compare(session, before, after)
        if self._bounded:
            for name in (told.before, told.after):
                self._refuse_later(name)
        return told

    def _had(self, created: str, valid: str) -> bool:
        """Tell whether a cycle was there: one taken by the store's clock, one of a day by both."""
        taken = dt.datetime.fromisoformat(created)
        return self._moment.knew(taken) and (not valid or self._moment.came(valid))

    def _refuse_later(self, name: str) -> None:
        names = [view.valid or str(view.number) for view in self.cycles()]
        day = not name.isdigit()
        if name not in names and not (day and names and self._moment.came(name)):
            raise NotFoundError("cycle", name, nearest(name, names))

    def timeline(self, strand: str = "", since: str = "", until: str = "") -> Views[TimelineEntry]:
        """Return what happened, oldest first: works, status events, voices, coverage, events.

        Args:
            strand: Only works and voices of this strand; "" for all.
            since: Inclusive EDTF date; "2025" takes in all of 2025. "" for no bound.
            until: Inclusive EDTF date.

        Raises:
            NotFoundError: No strand has this id.
            DateError: A bound is not an EDTF date.

        Examples:
            >>> debate.timeline("grokking", since="2022", until="2022")[0].date
            '2022-01-06'
        """
        debate = self._read()
        if strand:
            found("strand", strand, debate.strands)
        for bound in (since, until):
            dates.span(bound)
        with self._reading() as session:
            entries = [
                entry
                for entry in debate.timeline_entries(session)
                if (not strand or entry.strand == strand)
                and dates.overlaps(entry.date, since, until)
            ]
        return Views(sorted(entries, key=_moment))

    def graph(self) -> nx.MultiDiGraph:
        """Return the debate as a networkx.MultiDiGraph.

        `kb.graph` lists the attributes of its nodes and edges. Equal stores give equal graphs,
        node by node and edge by edge.

        Examples:
            >>> debate.graph().nodes["work:arxiv:1906.05271"]["date"]
            '2019-06-12'
        """
        with self._reading() as session:
            debate = Assembly(session, self._moment)
            # As views, a million links would take gigabytes: they come with the works, by and by.
            debate.links.fill({})
            debate.links_of.fill({})
            events = list(debate.event_views(session))
            works, tied = debate.every_work(session)
            return debate_graph(debate, works, tied, events)

    # -- review --------------------------------------------------------------------------------

    def proposals(self) -> Views[ProposalView]:
        """Return what machines propose, in the order in which a person's look is worth most.

        Both the links that are shown and what is only queued for a person, which is no link;
        those that people have judged are among them. `kb.review.queue` says what the order is.

        Examples:
            >>> [proposal.id for proposal in debate.proposals() if not proposal.published]
            []
        """
        debate = self._read()
        with self._reading() as session:
            return Views(review.queue(proposals.read(session, debate)))

    def verdicts(self) -> review.Record:
        """Return what people's verdicts come to: precision of the machine, agreement of readers.

        Examples:
            >>> debate.verdicts().precision.interval
            (0.0, 1.0)
        """
        debate = self._read()
        with self._reading() as session:
            return review.record(proposals.readings(session, debate))

    # -- search --------------------------------------------------------------------------------

    def search(self, query: str, k: int = 10, *, meaning: bool | None = None) -> Views[SearchHit]:
        """Return the k best matches for a text among all kinds of things, best first.

        Args:
            query: Anything; it is never read as query syntax.
            k: How many, at least 1.
            meaning: Also search by meaning. None does so where vectors and the encoder are
                at hand, and searches by words alone where they are not.

        Raises:
            ValueError: k is below 1.
            EncoderError: Meaning was asked for and there is no encoder or no vector.

        Examples:
            >>> debate.search("flat minima", 1, meaning=False)[0].id
            'flat-minima-generalize'
        """
        if k < 1:
            raise ValueError(f"k is {k}, want at least 1")
        if not query.strip():
            return Views()
        debate = self._read()
        most = _ALL if self._bounded else 4 * k
        with self._reading() as session:
            words = debate.shown(session, finder.by_words(session, query, most))
            near = debate.shown(session, self._by_meaning(session, query, most, meaning))
            fused = finder.fuse(words, near)[:k]
            wanted = [key for key, _ in fused]
            bodies = _search_texts(session, wanted)
        hits: Views[SearchHit] = Views()
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

    def similar(self, work: str, k: int = 10) -> Views[Neighbor]:
        """Return the k works nearest to a work, each with the reason, nearest first.

        Args:
            work: Any identifier of the work.
            k: How many, at least 1.

        Raises:
            ValueError: k is below 1.
            NotFoundError: No work has this identifier.
            EncoderError: The work has no vector yet.

        Examples:
            >>> debate.similar("bonnaire-2025")
            Traceback (most recent call last):
                ...
            kb.errors.EncoderError: arxiv:2505.17638 has no vector yet; kb embed makes one
        """
        if k < 1:
            raise ValueError(f"k is {k}, want at least 1")
        debate = self._read()
        with self._reading() as session:
            work_id = self._work_id(session, work)
            vectors = self._load_vectors(session)
            row = vectors.row(("work", work_id)) if vectors else None
            if vectors is None or row is None:
                raise EncoderError(f"{work_id} has no vector yet; kb embed makes one")
            found = vectors.nearest(row, _ALL if self._bounded else k + 1, kinds=("work",))
            hidden = debate.hidden(session, {id for (_, id), _ in found})
            near = [(id, s) for (_, id), s in found if id != work_id and id not in hidden][:k]
            views = {v.id: v for v in debate.work_views(session, [work_id, *(i for i, _ in near)])}
        mine = views[work_id]
        return Views(
            Neighbor(views[id].ref, round(score, 4), _reason(mine, views[id])) for id, score in near
        )

    def neighborhoods(
        self, works: Iterable[WorkView], k: int = 5
    ) -> dict[str, tuple[Neighbor, ...]]:
        """Return for each work what `similar` says of it, of all of them at once.

        Args:
            works: Those that are asked for and may be named, such as `works()`.
            k: How many neighbors each, at least 1.

        Returns:
            By the work's id; a work without a vector is not in it.

        Raises:
            ValueError: k is below 1.

        Examples:
            >>> debate.neighborhoods(debate.works(), 3)
            {}
        """
        if k < 1:
            raise ValueError(f"k is {k}, want at least 1")
        views = {work.id: work for work in works}
        with self._reading() as session:
            vectors = self._load_vectors(session)
            if vectors is None:
                return {}
            vectors = vectors.only([("work", id) for id in views])
        return {
            id: tuple(
                Neighbor(views[i].ref, round(score, 4), _reason(views[id], views[i]))
                for i, score in near
            )
            for id, near in vectors.neighborhoods("work", k)
        }

    def _by_meaning(
        self, session: Session, query: str, k: int, meaning: bool | None
    ) -> list[finder.Key]:
        encoder = self._meaning(session, meaning)
        vectors = self._load_vectors(session) if encoder is not None else None
        if encoder is None or vectors is None or vectors.dim != encoder.dim:
            return []
        query_row = encoder.encode([query])[0]
        return [key for key, _ in vectors.nearest(query_row, k)]

    # -- counts ----------------------------------------------------------------------------------

    def sources(self, at: str = "") -> Views[SourceView]:
        """Return the configured sources: what each is asked, and how long ago it worked.

        The list is that of the last harvest; a store that never harvested has none.

        Args:
            at: The moment at which to judge ages, EDTF or ISO 8601 with its zone; "" for now.

        Raises:
            DateError: `at` is neither.

        Examples:
            >>> [source.name for source in debate.sources() if source.staleness == "ill"]
            []
        """
        moment = instant(at, last=True) if at else now()
        with self._reading() as session:
            return Views(ledger.sources(session, moment, self._until))

    def runs(self, n: int = 20) -> Views[RunView]:
        """Return the last entries of the ledger, newest first, each with its parts.

        Args:
            n: How many, at least 1.

        Examples:
            >>> debate.runs(1)[0].outcome
            'ok'
        """
        with self._reading() as session:
            return Views(ledger.runs(session, n, self._until))

    @property
    def _until(self) -> dt.datetime | None:
        return self._moment.at if self._moment.timed else None

    def stamp(self) -> str:
        """Return a text that differs whenever the debate, as it is told here, may differ.

        Every job that changes it counts the revision up or is entered in the ledger.

        Examples:
            >>> debate.stamp() == debate.stamp() != debate.as_of(valid="2020").stamp()
            True
        """
        run, raw, refusal = models.Run, models.RawRecord, models.Refusal
        asking = col(run.job).startswith(ledger.HARVEST) | (run.job == "run")
        with self._reading() as session:
            row = session.get(models.Setting, REVISION)
            parts = (
                row.value if row else "0",
                session.exec(select(func.max(run.id)).where(~asking)).one(),
                session.exec(select(func.max(models.Cycle.number))).one(),
                session.exec(select(func.max(raw.seq))).one(),
                session.exec(
                    select(func.count())
                    .select_from(refusal)
                    .where(col(refusal.resolved_at).is_(None))
                ).one(),
                repr(self._moment),
            )
        return " ".join(map(str, parts))

    def status(self) -> StatusCounts:
        """Return the counts of everything in the store, or of what was there at the moment.

        Examples:
            >>> debate.status().theses
            27
        """
        debate = self._read()
        moment = self._moment
        with self._reading() as session:

            def count(kind: Any, *where: Any) -> int:
                query = select(func.count()).select_from(kind).where(*where)
                return int(session.exec(query).one())

            if self._bounded:
                there = debate.counts(session)
            else:
                current = col(models.Link.superseded_at).is_(None)
                there = {
                    "works": count(models.Work, col(models.Work.retired).is_(False)),
                    "manifestations": count(models.Manifestation),
                    "coverage": count(models.Coverage),
                }
                for column in (col(models.Link.review), col(models.Link.agent_kind)):
                    grouped = select(column, func.count()).where(current).group_by(column)
                    there |= {str(word): n for word, n in session.exec(grouped)}
            cycle = select(models.Cycle.number, models.Cycle.hash, models.Cycle.created_at)
            raw, refusal = models.RawRecord, models.Refusal
            if moment.timed:
                cycle = cycle.where(col(models.Cycle.created_at) <= moment.at)
            last = session.exec(cycle.order_by(col(models.Cycle.number).desc())).first()
            levels = [ref.level for ref in debate.claim_refs.values()]
            fetched = [col(raw.fetched_at) <= moment.at] if moment.timed else []
            unread: list[Any] = [col(refusal.resolved_at).is_(None)]
            if moment.timed:
                later = col(refusal.resolved_at) > moment.at
                unread = [col(refusal.recorded_at) <= moment.at, unread[0] | later]
            return StatusCounts(
                works=there["works"],
                manifestations=there["manifestations"],
                coverage=there["coverage"],
                theses=levels.count("thesis"),
                findings=levels.count("finding"),
                tensions=len(debate.tensions),
                voices=len(debate.voices),
                events=len(debate.events),
                links=tuple((state.value, there.get(state.value, 0)) for state in ReviewState),
                links_by_agent=tuple((kind.value, there.get(kind.value, 0)) for kind in AgentKind),
                vectors=count(models.Vector),
                raw_records=count(raw, *fetched),
                refused=count(refusal, *unread),
                last_cycle=f"{last[0]} {last[1][:12]} {last[2].isoformat()}" if last else "",
            )

    def show(self, id: str) -> View:
        """Return whatever has this id: a work, claim, tension, voice, event, strand or topic.

        Raises:
            NotFoundError: Nothing has it; the error names the nearest ids.

        Examples:
            >>> debate.show("grokking")
            <Strand grokking: ...>
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
    refs: dict[str, list[str]] = defaultdict(list)
    for kind, ref in keys:
        refs[kind].append(ref)
    place, out = models.SearchText, {}
    for kind, some in refs.items():
        for start in range(0, len(some), _CHUNK):
            named = col(place.ref).in_(some[start : start + _CHUNK])
            for row in session.exec(select(place).where(place.kind == kind, named)):
                out[row.kind, row.ref] = (row.title, row.body)
    return out
