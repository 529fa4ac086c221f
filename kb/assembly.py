"""Rows -> views: everything curated, read in one transaction; works and links as they are needed.

Rows are read as plain tuples: thousands of mapped objects would cost more time than the
queries. `kb.moments` says what a moment lets through; what each kind of row is measured by
stands in `kb.query.KnowledgeBase.as_of`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import sys
from collections import Counter, defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text
from sqlmodel import col

from kb import dates, dialectic, held, ids, models
from kb.graph import Stance, Ties
from kb.lazy import Lazy
from kb.moments import Moment
from kb.views import (
    ClaimRef,
    ClaimView,
    CoverageView,
    DigestView,
    EventView,
    EvidenceView,
    HoldingView,
    LinkView,
    ManifestationView,
    MergeView,
    PlacedSourceView,
    PoleView,
    Ref,
    RelationView,
    SenseView,
    StatusView,
    StrandView,
    TalkView,
    TensionView,
    TermView,
    TimelineEntry,
    TopicView,
    VoiceView,
    WorkRef,
    WorkView,
)
from kb.vocabulary import AgentKind, ReviewState
from kb.vocabulary import Stance as StanceWord

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Iterable, Iterator
    from contextlib import AbstractContextManager

    from sqlmodel import Session

_CHUNK = 500
"""Ids per IN clause: SQLite before 3.32 takes 999 parameters."""
_MANY = 2_000
"""Works asked about from which on it is faster to read once which of all are hidden."""


class Assembly:
    """Everything curated, read in one transaction; works and links are read when asked for.

    Works and their links may be a million; all else is a few thousand rows.
    """

    def __init__(
        self,
        session: Session,
        moment: Moment | None = None,
        *,
        again: Callable[[], AbstractContextManager[Session]] | None = None,
    ) -> None:
        """Read what was so by `moment`; what is so now when there is none.

        Args:
            session: An open transaction.
            moment: What is let through.
            again: Opens a transaction in which more can be read, while the store is as it is;
                None where `session` stays open.
        """
        self.moment = moment or Moment()
        self._again = again or (lambda: contextlib.nullcontext(session))

        def everything(kind: Any, *order: str) -> list[Any]:
            return _all(session, kind, order)

        def living(kind: Any, *order: str) -> list[Any]:
            return _all(session, kind, order, "NOT retired")

        def by_position(kind: Any, owner: str) -> dict[str, list[Any]]:
            return _group(everything(kind, owner, "position"), owner)

        self.strands = {s.id: s for s in everything(models.Strand, "position")}
        self.topics = everything(models.Topic, "position")
        claims = living(models.Claim, "id")
        order = {id: i for i, id in enumerate(self.strands)}
        theses = sorted(
            (c for c in claims if c.level == "thesis"), key=lambda c: (order[c.strand_id], c.id)
        )
        self.claims = {c.id: c for c in [*theses, *(c for c in claims if c.level != "thesis")]}
        self.claim_refs = {
            c.id: ClaimRef(c.id, c.level, c.strand_id, c.text) for c in self.claims.values()
        }
        self.scope = by_position(models.ScopeFacet, "claim_id")
        self.terms = by_position(models.ClaimTerm, "claim_id")
        self.statements = by_position(models.Statement, "claim_id")
        self.senses = _group(everything(models.ClaimSense, "term"), "claim_id")
        self.definitions = {
            (s.term, s.sense): s.definition for s in everything(models.TermSense, "term", "sense")
        }
        self.tensions = {t.id: t for t in living(models.Tension, "position")}
        self.poles = by_position(models.Pole, "tension_id")
        self.pole_claims = by_position(models.PoleClaim, "tension_id")
        self.voices = {v.id: v for v in living(models.Voice, "id")}
        self.events = {
            e.id: e for e in living(models.Event, "first_day", "id") if self.moment.began(e.valid)
        }
        self.digests = {
            d.id: d
            for d in everything(models.Digest, "id")
            if self.moment.came(d.as_of.partition("T")[0])
        }
        self.notes: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for rows in by_position(models.Note, "subject_id").values():
            for note in rows:
                self.notes[note.subject_kind, note.subject_id, note.kind].append(note.text)
        self.independence = everything(models.Independence, "id")
        # Which works are one lineage is no news of a day: it holds at every moment.
        self.lineage = dialectic.lineages(
            (r.from_work_id, r.to_work_id) for r in everything(models.WorkRelation)
        )
        self.work_refs: dict[str, WorkRef] = {}
        self.links: Lazy[LinkView] = Lazy(functools.partial(self._links, "claim_id"))
        """The links to each claim."""
        self.links_of: Lazy[LinkView] = Lazy(functools.partial(self._links, "work_id"))
        """The links of each work."""
        self._claim_relations(session)
        self._holdings(session)
        self._merges(session)

    # -- the moment -------------------------------------------------------------------------

    @functools.cached_property
    def _hidden(self) -> frozenset[str]:
        """The works that were not there: of a store with many, they may be most."""
        with self._again() as session:
            return self._not_there(session)

    @functools.cached_property
    def _held(self) -> frozenset[str]:
        with self._again() as session:
            return frozenset(held.ids(session))

    def hidden(self, session: Session, ids: Collection[str]) -> frozenset[str]:
        """Return which of some works were not there, or are found in another now."""
        is_plain = not (self.moment.dated or self.moment.timed)
        if "_hidden" in self.__dict__ or not is_plain or len(ids) > _MANY:
            return self._hidden.intersection(ids)
        wanted = sorted(ids)
        gone = {row.id for row in _chunks(session, models.Work, _GONE, "id", wanted)}
        return frozenset(gone | held.ids(session, wanted))

    def _not_there(self, session: Session) -> frozenset[str]:
        """Return the ids of the works that were not there yet, or are found in another now."""
        moment = self.moment
        hidden = {row.id for row in _read(session, _GONE)} | self._held
        if moment.dated:
            dated = select(models.Work.id, models.Work.first_public)  # type: ignore[call-overload]  # SQLModel's columns are typed as their values
            hidden |= {id for id, date in _read(session, dated) if not moment.came(date)}
        if moment.timed:
            forms = select(  # type: ignore[call-overload]  # as above
                models.Manifestation.work_id, models.Manifestation.retrieved_at
            ).where(col(models.Manifestation.retrieved_at).is_not(None))
            fetched = _group(_read(session, forms), "work_id")
            curated = select(models.Work.id).where(col(models.Work.key).is_not(None))  # type: ignore[call-overload]  # as above
            known = {row.id for row in _read(session, curated)}
            hidden |= {
                id
                for id, rows in fetched.items()
                if id not in known and not any(moment.knew(row.retrieved_at) for row in rows)
            }
        return frozenset(hidden)

    def has_work(self, id: str) -> bool:
        """Tell whether a work of the store was there at the moment."""
        return id not in self._hidden

    def shown(self, session: Session, keys: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return what of the things that a search found was there at the moment."""
        found = list(keys)
        hidden = self.hidden(session, {id for kind, id in found if kind == "work"})
        return [
            (kind, id)
            for kind, id in found
            if not (kind == "work" and id in hidden)
            and not (kind == "event" and self.moment.dated and id not in self.events)
        ]

    def _clocked(
        self,
        session: Session,
        kind: Any,
        *order: str,
        among: tuple[str, Collection[Any] | None] = ("", None),
    ) -> list[Any]:
        """Return the rows of a clocked table that the store held then, whatever their dates.

        Args:
            session: An open transaction.
            kind: The table's class.
            order: Names of columns.
            among: A column, and which values of it are wanted; all when None.
        """
        where = "" if self.moment.timed else "superseded_at IS NULL"
        column, wanted = among
        if wanted is None:
            rows = _all(session, kind, order, where)
        else:
            query = select(kind.__table__)
            if where:
                query = query.where(text(where))
            rows = list(_chunks(session, kind, query, column, sorted(wanted), order))
        if not self.moment.timed:
            return rows
        return [r for r in rows if self.moment.knew(r.recorded_at, r.superseded_at)]

    def _form_is_there(self, row: Any) -> bool:
        """Tell whether a form or a piece of coverage was there.

        One without a date that a digest lists had appeared by the digest's own date.
        """
        if not (self.moment.dated or self.moment.timed):
            return True
        if row.work_id in self._hidden or (row.event_id and row.event_id not in self.events):
            return False
        listed = row.digest_id in self.digests
        if not (self.moment.came(row.valid) if row.valid else listed or not self.moment.dated):
            return False
        fetched = getattr(row, "retrieved_at", None)
        return fetched is None or self.moment.knew(fetched)

    # -- reading ----------------------------------------------------------------------------

    def _links(self, by: str, wanted: Collection[str] | None) -> dict[str, list[LinkView]]:
        """Read the links of some works or to some claims, or all of them, best first."""
        with self._again() as session:
            views = self._link_views(session, by, wanted)
        if wanted is not None:
            return _ranked(views, lambda link: getattr(link, by.removesuffix("_id")).id)
        links = _ranked(views, lambda link: link.claim.id)
        links_of = _ranked(views, lambda link: link.work.id)
        self.links.fill(links)  # so that they are read and kept once
        self.links_of.fill(links_of)
        return links if by == "claim_id" else links_of

    def _link_views(
        self, session: Session, by: str, wanted: Collection[str] | None
    ) -> list[LinkView]:
        rows = [
            row
            for row in self._clocked(
                session, models.Link, "work_id", "claim_id", "agent_kind", among=(by, wanted)
            )
            if row.claim_id in self.claim_refs and self.moment.came(row.valid)
        ]
        hidden = self.hidden(session, {row.work_id for row in rows})
        rows = [row for row in rows if row.work_id not in hidden]
        spans: dict[int, list[EvidenceView]] = defaultdict(list)
        numbers = None if wanted is None else [row.id for row in rows]
        for span in self._clocked(
            session, models.EvidenceSpan, "manifestation_id", "start", among=("link_id", numbers)
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
        self._refer(session, {row.work_id for row in rows})
        return [
            LinkView(
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
                evidence=tuple(spans.get(row.id, ())),
                valid=row.valid,
                recorded=_iso(row.recorded_at),
                stance_score=row.stance_score,
            )
            for row in rows
        ]

    def _refer(self, session: Session, works: Collection[str]) -> None:
        """Read the references of works that were there, where they are not known yet."""
        missing = sorted(set(works) - self.work_refs.keys())
        if missing:
            self.work_refs |= self.refs(session, missing)

    def _claim_relations(self, session: Session) -> None:
        rows = self._clocked(
            session,
            models.ClaimRelation,
            "from_claim_id",
            "to_claim_id",
            "kind",
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
            if row.from_claim_id in self.claim_refs
            and row.to_claim_id in self.claim_refs
            # A relation without a date is our reading of two claims: it has one clock.
            and (not row.valid or self.moment.came(row.valid))
        ]
        self.relations_of: dict[str, list[RelationView]] = defaultdict(list)
        for relation in self.relations:
            for id in {relation.source.id, relation.target.id}:
                self.relations_of[id].append(relation)

    def _holdings(self, session: Session) -> None:
        rows = self._clocked(session, models.VoiceHolding, *_HOLDING_ORDER)
        lasting = [
            (row, view)
            for row, view in self._positions(session, rows)
            if self.moment.lasts(row.valid)
        ]
        self.holdings = [view for _, view in lasting]
        self.holdings_learnt = [_iso(row.recorded_at) for row, _ in lasting]
        """When the store was told of each of `holdings`."""
        names = {row.id: row.name for row in _all(session, models.Person, ())}
        members = sorted(
            (row.group_id, names[row.person_id]) for row in _all(session, models.Membership, ())
        )
        self.members: dict[str, list[str]] = defaultdict(list)
        for group, name in members:
            self.members[group].append(name)

    def _merges(self, session: Session) -> None:
        rows = self._clocked(session, models.WorkMerge, "id")
        wanted = sorted({id for row in rows for id in (row.from_work_id, row.to_work_id)})
        table = models.Work.__table__.c  # type: ignore[attr-defined]  # set by SQLModel
        named = _chunks(session, models.Work, select(table.id, table.title), "id", wanted)
        name = {row.id: row.title for row in named}
        hidden = self.hidden(session, wanted)
        related = {
            frozenset((row.from_work_id, row.to_work_id))
            for row in _all(session, models.WorkRelation, ())
            if rows
        }
        self.merges = [
            MergeView(
                loser=row.from_work_id,
                loser_title=name[row.from_work_id],
                winner=row.to_work_id,
                winner_title=name[row.to_work_id],
                relation=row.relation,
                agent_kind=row.agent_kind,
                agent=row.agent,
                reason=row.reason,
                score=row.score,
                review=row.review,
                applied=row.applied,
                recorded=_iso(row.recorded_at),
            )
            for row in rows
            # A proposal about a work that is found in another by now, or on two works whose
            # relation is known, asks nothing any more.
            if row.applied
            or row.agent_kind == "human"
            or not (
                {row.from_work_id, row.to_work_id} & hidden
                or frozenset((row.from_work_id, row.to_work_id)) in related
            )
        ]
        self.merges.sort(key=_certainty)
        self.merges_of: dict[str, list[MergeView]] = defaultdict(list)
        for merge in self.merges:
            for id in (merge.loser, merge.winner):
                self.merges_of[id].append(merge)

    def _positions(self, session: Session, rows: list[Any]) -> list[tuple[Any, HoldingView]]:
        self._refer(session, {row.work_id for row in rows})
        hidden = self.hidden(session, {row.work_id for row in rows})
        return [
            (
                row,
                HoldingView(
                    voice=Ref("voice", row.voice_id, self.voices[row.voice_id].name),
                    attitude=row.attitude,
                    claim=self.claim_refs[row.claim_id],
                    work=self.work_refs[row.work_id],
                    valid=row.valid,
                    checked=row.checked,
                    note=row.note,
                ),
            )
            for row in rows
            if row.voice_id in self.voices
            and row.claim_id in self.claim_refs
            and row.work_id not in hidden
        ]

    def history(self, session: Session) -> list[dialectic.Held]:
        """Return every row of every voice's positions that the store held up to the moment.

        Positions that had ended by the moment are among them.
        """
        every = _all(session, models.VoiceHolding, _HOLDING_ORDER)
        rows = [row for row in every if row.recorded_at <= self.moment.at]
        return [
            dialectic.Held(
                self._without_later_end(view),
                row.recorded_at,
                None
                if row.superseded_at and row.superseded_at > self.moment.at
                else row.superseded_at,
            )
            for row, view in self._positions(session, rows)
            if self.moment.began(row.valid)
        ]

    def _without_later_end(self, held: HoldingView) -> HoldingView:
        start, slash, end = held.valid.partition("/")
        if not slash or end in ("", "..") or self.moment.came(end):
            return held
        return dataclasses.replace(held, valid=f"{start}/..")

    def refs(self, session: Session, wanted: list[str] | None) -> dict[str, WorkRef]:
        """Return the references of the works that were there, by id."""
        first: dict[str, list[str]] = defaultdict(list)
        authors = select(models.Authorship.__table__).where(col(models.Authorship.position) < 3)  # type: ignore[attr-defined]  # set by SQLModel
        for author in _chunks(session, models.Authorship, authors, "work_id", wanted):
            first[author.work_id].append(author.name)
        table = models.Work.__table__.c  # type: ignore[attr-defined]  # set by SQLModel
        works = select(table.id, table.key, table.kind, table.title, table.first_public)
        hidden = self._hidden if wanted is None else self.hidden(session, wanted)
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
            for row in _chunks(session, models.Work, works, "id", wanted)
            if row.id not in hidden
        }

    def queued(self, session: Session) -> list[Any]:
        """Return the rows of what waits for review and is no link: nothing here counts them."""
        return [
            row
            for row in self._clocked(session, models.QueuedLink, "work_id", "claim_id")
            if row.work_id not in self._hidden and row.claim_id in self.claim_refs
        ]

    def verdicts(self, session: Session) -> list[Any]:
        """Return the latest verdict of each reader on each link, by link and reader."""
        return [
            row
            for row in _all(session, models.Verdict, ("work_id", "claim_id", "by"))
            if row.work_id not in self._hidden and self.moment.came(row.valid)
        ]

    def abstracts(self, session: Session, manifestations: list[str]) -> dict[str, str]:
        """Return the abstracts of forms of works, by the forms' ids."""
        table = models.Manifestation.__table__.c  # type: ignore[attr-defined]  # set by SQLModel
        rows = _chunks(
            session,
            models.Manifestation,
            select(table.id, table.abstract),
            "id",
            sorted(set(manifestations)),
        )
        return {row.id: row.abstract for row in rows}

    # -- views ------------------------------------------------------------------------------

    def claim_views(self, ids: Iterable[str]) -> list[ClaimView]:
        """Return several claims, whose links are read at once."""
        wanted = list(ids)
        self.links.need(wanted)
        return [self.claim_view(id) for id in wanted]

    def claim_view(self, id: str) -> ClaimView:
        """Return one claim with all that belongs to it."""
        row, links = self.claims[id], self.links.get(id, [])
        mine = self.relations_of.get(id, [])
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
        self.links.need(sorted(claims))
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
        self.links.all()
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

    def term_views(self) -> list[TermView]:
        """Return the words that have several senses, by name."""
        using: dict[tuple[str, str], list[ClaimRef]] = defaultdict(list)
        unsettled: dict[str, list[ClaimRef]] = defaultdict(list)
        for id, ref in self.claim_refs.items():
            settled = {row.term for row in self.senses.get(id, [])}
            for row in self.senses.get(id, []):
                using[row.term, row.sense].append(ref)
            for row in self.terms.get(id, []):
                if row.term not in settled:
                    unsettled[row.term].append(ref)
        senses: dict[str, list[SenseView]] = defaultdict(list)
        for (term, sense), text_ in self.definitions.items():
            senses[term].append(SenseView(sense, text_, tuple(using[term, sense])))
        return [
            TermView(term, tuple(some), tuple(unsettled[term])) for term, some in senses.items()
        ]

    def work_views(self, session: Session, wanted: list[str] | None) -> Iterator[WorkView]:
        """Yield works by id, or all of them, in the order of their ids."""
        if wanted is None and self._held:  # they may be most, and all that hangs on them is read
            every = select(models.Work.id).order_by(models.Work.id)  # type: ignore[call-overload]  # SQLModel's columns are typed as their values
            wanted = [row.id for row in _read(session, every) if row.id not in self._held]

        def group(kind: Any, name: str = "work_id") -> dict[str, list[Any]]:
            return _group(_rows(session, kind, name, wanted), name)

        refs = self.refs(session, wanted)
        self.work_refs |= refs
        if wanted is None:
            self.links_of.all()
        else:
            self.links_of.need(wanted)
        authors = group(models.Authorship)
        names = group(models.Identifier)
        forms = group(models.Manifestation)
        coverage = group(models.Coverage)
        statuses = group(models.StatusEvent)
        out = group(models.WorkRelation, "from_work_id")
        back = group(models.WorkRelation, "to_work_id")
        others = {r.to_work_id for rs in out.values() for r in rs}
        others |= {r.from_work_id for rs in back.values() for r in rs}
        other_refs = refs | self.refs(session, sorted(others - set(refs)))
        voices: dict[str, dict[str, Ref]] = defaultdict(dict)
        for holding in self.holdings:
            voices[holding.work.id][holding.voice.id] = holding.voice
        for row in _rows(session, models.Work, "id", wanted):
            id = row.id
            if row.retired or id not in refs:
                continue
            acts = [s for s in statuses.get(id, []) if self._happened(s)]
            # By the last day: a venue's year-only decision comes after that year's preprint.
            acts.sort(key=lambda s: (dates.span(s.valid)[1], s.status, s.venue))
            every = forms.get(id, [])
            mine = [m for m in every if self._form_is_there(m)]
            mine.sort(key=lambda m: (dates.sort_key(m.valid), m.id))
            # A text that came later is not shown: the newest of those that were there is.
            abstract = row.abstract if len(mine) == len(every) else _newest(mine)
            texts = [m for m in mine if m.abstract and m.abstract == abstract]
            yield WorkView(
                ref=refs[id],
                authors=tuple(a.name for a in sorted(authors.get(id, []), key=_position)),
                identifiers=tuple(sorted((n.id for n in names.get(id, [])), key=_scheme)),
                venue=row.venue,
                year=row.year,
                categories=row.categories,
                synopsis=row.synopsis,
                abstract=abstract,
                abstract_from=texts[-1].id if texts else "",
                checked=row.checked or "",
                withdrawn=row.withdrawn and self._is_withdrawn(acts, statuses.get(id, [])),
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
                coverage=tuple(
                    _coverage(c) for c in _once(coverage.get(id, [])) if self._form_is_there(c)
                ),
                related=tuple(
                    [
                        (r.kind.value, other_refs[r.to_work_id])
                        for r in out.get(id, [])
                        if r.to_work_id in other_refs
                    ]
                    + [
                        (_INVERSE[r.kind.value], other_refs[r.from_work_id])
                        for r in back.get(id, [])
                        if r.from_work_id in other_refs
                    ]
                ),
                voices=tuple(voices.get(id, {}).values()),
                notes=(
                    *self.notes.get(("work", id, "note"), ()),
                    *(n.note for n in self.independence if id in n.works),
                ),
                unverified=tuple(self.notes.get(("work", id, "unverified"), ())),
                merges=tuple(self.merges_of.get(id, ())),
            )

    def _happened(self, act: Any) -> bool:
        knew = self.moment.knew(act.recorded_at, act.superseded_at)
        return knew and self.moment.came(act.valid)

    def _is_withdrawn(self, acts: list[Any], every: list[Any]) -> bool:
        """Tell whether a withdrawal had happened, where a status says when it did."""
        return any(s.status == "withdrawn" for s in acts) or not any(
            s.status == "withdrawn" for s in every
        )

    def counts(self, session: Session) -> dict[str, int]:
        """Return how many works, forms, pieces of coverage and links were there.

        Links are counted by review state and by the kind of their agent.
        """
        table = models.Work.__table__.c  # type: ignore[attr-defined]  # set by SQLModel
        alive = _read(session, select(table.id).where(table.retired.is_(False)))
        out = Counter(works=sum(row.id not in self._hidden for row in alive))
        tables: tuple[tuple[str, Any], ...] = (
            ("manifestations", models.Manifestation),
            ("coverage", models.Coverage),
        )
        for name, kind in tables:
            rows = _read(session, select(*kind.__table__.columns))
            out[name] = sum(map(self._form_is_there, rows))
        for row in self._clocked(session, models.Link):
            if row.work_id not in self._hidden and self.moment.came(row.valid):
                out[str(row.review)] += 1
                out[str(row.agent_kind)] += 1
        return dict(out)

    def event_views(self, session: Session) -> Iterator[EventView]:
        """Yield the events, oldest first."""

        def everything(kind: Any, *order: str) -> list[Any]:
            return _all(session, kind, order)

        people = _group(
            everything(models.EventPerson, "event_id", "role", "position"),
            "event_id",
        )
        programme, dropped = self._programmes(session)

        def about(kind: Any) -> dict[str, list[Any]]:
            rows = _all(session, kind, ("event_id", "id"), "event_id > ''")
            return _group((row for row in rows if self._form_is_there(row)), "event_id")

        forms, coverage = about(models.Manifestation), about(models.Coverage)
        venues = {v.id: v.name for v in everything(models.Venue)}
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
                source=row.source,
                dropped=dropped[id] or None,
            )

    def _programmes(self, session: Session) -> tuple[dict[str, list[TalkView]], Counter[str]]:
        """Return the talks of each event, and how many its page no longer lists."""
        speakers = _group(_all(session, models.TalkPerson, ("talk_id", "position")), "talk_id")
        rows = _all(session, models.EventSession, ("source", "position", "id"))
        digests = sorted({row.raw_digest for row in rows if row.raw_digest})
        page = models.RawRecord.__table__.c  # type: ignore[attr-defined]  # set by SQLModel
        pages = select(page.digest, page.fetched_at, page.recorded_at)
        seen = {p.digest: p for p in _chunks(session, models.RawRecord, pages, "digest", digests)}
        slots = _group(_all(session, models.Talk, ("session_id", "position", "id")), "session_id")
        wanted = {t.work_id for talks in slots.values() for t in talks if t.work_id}
        refs = self.refs(session, sorted(wanted))
        out: dict[str, list[TalkView]] = defaultdict(list)
        gone: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            origin = seen.get(row.raw_digest or "")
            if origin is not None and not self.moment.knew(origin.recorded_at):
                continue
            event, talks = self.events.get(row.event_id), slots.get(row.id, [])
            day = row.valid if row.source and event and event.valid != row.valid else ""
            listed = bool(row.source) and not any(t.start for t in talks if not t.retired)
            for talk in talks:
                if talk.retired:
                    gone[row.event_id].append(talk.title.casefold())
                    continue
                work = refs.get(talk.work_id or "")
                is_guess = talk.match == "title"
                out[row.event_id].append(
                    TalkView(
                        start=talk.start,
                        end=talk.end,
                        kind=talk.kind,
                        title=talk.title,
                        people=tuple(p.name for p in speakers.get(talk.id, [])),
                        work=None if is_guess else work,
                        arxiv=talk.arxiv,
                        session=row.title if row.source else "",
                        day=day,
                        read=origin.fetched_at.date().isoformat() if origin is not None else "",
                        listed=listed,
                        abstract=talk.abstract,
                        url=talk.url,
                        guess=work if is_guess else None,
                    )
                )
        dropped: Counter[str] = Counter()
        for event_id, titles in gone.items():  # one that the curated files took over is here
            left = {talk.title.casefold() for talk in out[event_id]}
            dropped[event_id] = sum(title not in left for title in titles)
        return out, dropped

    def every_work(self, session: Session) -> tuple[Iterator[WorkRef], Iterator[Ties]]:
        """Return all works, undated first, then oldest first, and what ties each to others.

        Both are read as they are used, and nothing of them is kept.
        """
        work = models.Work.__table__.c  # type: ignore[attr-defined]  # set by SQLModel
        dated = select(work.id, work.first_public).where(work.retired.is_(False))
        dates_of = {id: date for id, date in _read(session, dated) if id not in self._hidden}
        # As `works()` has them, from the end.
        order = sorted((id for id, date in dates_of.items() if not date), reverse=True)
        begun = (id for id, date in dates_of.items() if date)
        order += sorted(begun, key=lambda work: (dates.sort_key(dates_of[work]), work))
        return self._work_nodes(session, order), self._ties(session, set(order))

    def _work_nodes(self, session: Session, order: list[str]) -> Iterator[WorkRef]:
        work = models.Work.__table__.c  # type: ignore[attr-defined]  # set by SQLModel
        columns = select(work.id, work.key, work.kind, work.title, work.first_public)
        for start in range(0, len(order), _CHUNK):
            part = order[start : start + _CHUNK]
            rows = {r.id: r for r in _chunks(session, models.Work, columns, "id", part)}
            for id in part:
                row = rows[id]
                yield WorkRef(
                    id=id,
                    key=row.key or "",
                    kind=row.kind,
                    title=row.title,
                    authors="",
                    date=row.first_public,
                    lineage=self.lineage.get(id, id),
                )

    def _ties(self, session: Session, works: set[str]) -> Iterator[Ties]:
        """Yield what ties some works to others: those with links first, by id."""
        lineage: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for tie in _rows(session, models.WorkRelation, "", None):
            if tie.from_work_id in works and tie.to_work_id not in self._hidden:
                lineage[tie.from_work_id].append((tie.kind.value, tie.to_work_id))
        for id, rows in itertools.groupby(self._stances(session), key=itemgetter(0)):
            if id in works:
                stances = sorted((stance for _, stance in rows), key=_stance_weight)
                yield Ties(id, stances, lineage.pop(id, ()))
        for id, ties in lineage.items():
            yield Ties(id, (), ties)

    def _stances(self, session: Session) -> Iterator[tuple[str, Stance]]:
        """Yield the links of all works, those of one work together."""
        # Read as text, since a word costs SQLAlchemy more than a row costs the database. The
        # plus sign keeps SQLite from going through an index to a million rows one by one.
        sql = "SELECT work_id, claim_id, stance, review, agent_kind, agent, score, valid, "
        sql += "recorded_at, superseded_at FROM link "
        if not self.moment.timed:
            plus = "+" if session.get_bind().dialect.name == "sqlite" else ""
            sql += f"WHERE {plus}superseded_at IS NULL "
        sql += "ORDER BY work_id, claim_id, agent_kind, id"
        query: Any = text(sql)
        if self.moment.timed:
            query = query.columns(recorded_at=models.Utc, superseded_at=models.Utc)
        stance, review, agent = _WORDS
        for row in session.connection().execute(query):
            work, claim, does, state, kind, name, score, valid, *times = row
            if claim not in self.claim_refs or not self.moment.came(valid):
                continue
            if not self.moment.timed or self.moment.knew(*times):
                # One of each word: a million links have a handful of agents and days.
                words = stance[does], review[state], agent[kind], sys.intern(name)
                yield work, Stance(claim, *words, score, sys.intern(valid))

    def digest_views(self, session: Session) -> Iterator[DigestView]:
        """Yield the digests with their placed sources."""
        placed: dict[str, list[PlacedSourceView]] = defaultdict(list)
        tables: tuple[tuple[Any, str], ...] = (
            (models.Manifestation, "manifestation"),
            (models.Coverage, "coverage"),
        )
        for kind, name in tables:
            listed = _all(session, kind, ("digest_id", "digest_n"), "digest_id > ''")
            rows = [row for row in listed if self._form_is_there(row)]
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
        for row in self.digests.values():
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
        learnt = self._works_learnt(session)
        for id, ref in refs.items():
            for strand in strands.get(id) or [""]:
                yield TimelineEntry(
                    ref.date,
                    learnt.get(id, ""),
                    "works",
                    ref.title,
                    ref.authors,
                    strand,
                    ref,
                    None,
                )
        for act in self._clocked(session, models.StatusEvent, "id"):
            if act.status == "preprint" or act.work_id not in refs:
                continue  # the work's own entry says so, or it was not there yet
            if not self.moment.came(act.valid):
                continue
            detail = " · ".join(p for p in (act.status.value, act.venue) if p)
            ref = refs[act.work_id]
            for strand in strands.get(act.work_id) or [""]:
                yield TimelineEntry(
                    act.valid, _iso(act.recorded_at), "status", ref.title, detail, strand, ref, None
                )
        for holding, told in zip(self.holdings, self.holdings_learnt, strict=True):
            start = holding.valid.split("/", 1)[0]
            yield TimelineEntry(
                start,
                told,
                "voices",
                holding.voice.title,
                f"{holding.attitude} {holding.claim.id}",
                holding.claim.strand,
                holding.work,
                holding.voice,
                claim=holding.claim.id,
            )
        posts: set[str] = set()
        covered = _all(session, models.Coverage, ("id",), "valid <> ''")
        arrived = self._arrived(session, covered)
        for row in covered:
            if not self._form_is_there(row) or (row.raw_digest and row.url in posts):
                continue  # a post about several works is one post; its own row comes first
            posts.add(row.url)
            yield TimelineEntry(
                row.valid,
                arrived.get(row.raw_digest or "", ""),
                "coverage",
                row.title,
                " · ".join(p for p in (row.kind.value, row.publisher) if p),
                "",
                refs.get(row.work_id or ""),
                None,
                row.url,
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

    def _works_learnt(self, session: Session) -> dict[str, str]:
        """Return work id -> when the store first held a form, a link or a status of it."""
        first: dict[str, dt.datetime] = {}
        clocks: tuple[tuple[Any, str], ...] = (
            (models.Manifestation, "retrieved_at"),
            (models.Link, "recorded_at"),
            (models.StatusEvent, "recorded_at"),
        )
        for kind, name in clocks:
            table = kind.__table__.c
            earliest = select(table.work_id, func.min(table[name]).label("at"))
            for row in _read(session, earliest.group_by(table.work_id)):
                if row.at is not None and self.moment.knew(row.at):
                    first[row.work_id] = min(row.at, first.get(row.work_id, row.at))
        return {id: _iso(at) for id, at in first.items()}

    def _arrived(self, session: Session, rows: Iterable[Any]) -> dict[str, str]:
        """Return when each raw record that rows were read from came in, by its digest."""
        digests = sorted({row.raw_digest for row in rows if row.raw_digest})
        page = models.RawRecord.__table__.c  # type: ignore[attr-defined]  # set by SQLModel
        found = select(page.digest, page.recorded_at)
        return {
            row.digest: _iso(row.recorded_at)
            for row in _chunks(session, models.RawRecord, found, "digest", digests)
        }


def _ranked(
    views: Iterable[LinkView], name: Callable[[LinkView], str]
) -> dict[str, list[LinkView]]:
    out: dict[str, list[LinkView]] = defaultdict(list)
    for view in views:
        out[name(view)].append(view)
    for links in out.values():
        links.sort(key=_weight)
    return dict(out)


# Not "is not null", for which SQLite would look through all works.
_GONE = select(models.Work.id).where(col(models.Work.merged_into) > "")  # type: ignore[call-overload]  # SQLModel's columns are typed as their values

_INVERSE = {
    "resubmissionOf": "resubmitted as",
    "retitleOf": "retitled as",
    "extendedVersionOf": "extended in",
}


_HOLDING_ORDER = ("voice_id", "attitude", "claim_id", "work_id", "id")


_WORDS = (
    {str(word.value): word for word in StanceWord},
    {str(word.value): word for word in ReviewState},
    {str(word.value): word for word in AgentKind},
)
_RANK = {"confirmed": 0, "proposed": 1, "superseded": 2, "rejected": 3}


def _stance_weight(link: Stance) -> tuple[Any, ...]:
    """As `_weight` has it, among the links of one work."""
    return _RANK[link.review], link.agent_kind == "model", -(link.score or 0.0), link.claim


def _weight(link: LinkView) -> tuple[Any, ...]:
    """Confirmed before curated before proposed by a machine; then by score and date."""
    rank = _RANK[link.review]
    machine = link.agent_kind == "model"
    return (
        rank,
        machine,
        -(link.score or 0.0),
        dates.sort_key(link.work.date),
        link.work.id,
        link.claim.id,
    )


def _certainty(merge: MergeView) -> tuple[Any, ...]:
    """What a person said before what was joined before what is proposed; then by score."""
    return (
        merge.agent_kind != "human",
        not merge.applied,
        -(1.0 if merge.score is None else merge.score),
        merge.winner,
        merge.loser,
    )


def _group(rows: Iterable[Any], name: str) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        out[getattr(row, name)].append(row)
    return out


def _position(row: Any) -> int:
    return int(row.position)


def _newest(forms: list[Any]) -> str:
    """Return the abstract of the newest form that has one."""
    texts = [m for m in forms if m.abstract]
    newest = max(texts, key=lambda m: (dates.span(m.valid)[1], m.version), default=None)
    return newest.abstract if newest else ""


def _scheme(id: str) -> tuple[int, str]:
    return ids.SCHEMES.index(id.split(":", 1)[0]), id


def _byline(names: list[str]) -> str:
    """Return "A", "A and B", or "A et al." by family name."""
    family = [name.split()[-1] if name.split() else name for name in names]
    if len(family) > 2:
        return f"{family[0]} et al."
    return " and ".join(family)


def _manifestation(row: Any) -> ManifestationView:
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
        removed=_iso(row.removed_at),
    )


def _once(rows: Iterable[Any]) -> Iterator[Any]:
    """Yield coverage without the second row of a post that named two works which are one."""
    posts: set[str] = set()
    for row in rows:
        if not row.raw_digest or row.url not in posts:
            yield row
        if row.raw_digest:
            posts.add(row.url)


def _coverage(row: Any) -> CoverageView:
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


def _iso(moment: dt.datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _read(session: Session, query: Any) -> list[Any]:
    return list(session.connection().execute(query).all())


def _all(session: Session, kind: Any, order: Iterable[str], where: str = "") -> list[Any]:
    """Return the rows of a table as named tuples.

    The statement is written out: SQLAlchemy takes longer to put one together, the first time,
    than SQLite to answer it, and opening a store asks for twenty tables.

    Args:
        session: An open transaction.
        kind: The table's class.
        order: Names of columns.
        where: A condition of ours, never anything from outside.
    """
    quote = session.get_bind().dialect.identifier_preparer.quote
    table = kind.__table__
    sql = f"SELECT {', '.join(quote(c.name) for c in table.columns)} FROM {quote(table.name)}"  # noqa: S608 - names of our own tables
    sql += f" WHERE {where}" if where else ""
    ranks = ", ".join(quote(name) for name in order)
    sql += f" ORDER BY {ranks}" if ranks else ""
    return list(session.connection().execute(text(sql).columns(*table.columns)).all())


def _key(kind: Any) -> list[Any]:
    return list(kind.__table__.primary_key.columns)


def _rows(session: Session, kind: Any, column: str, wanted: list[str] | None) -> Iterator[Any]:
    """Yield rows whose column is among `wanted`, or all rows when it is None, by their key."""
    if wanted is None:
        return iter(_all(session, kind, [column.name for column in _key(kind)]))
    return _chunks(session, kind, select(kind.__table__), column, wanted)


def _chunks(
    session: Session,
    kind: Any,
    query: Any,
    column: str,
    wanted: list[str] | None,
    order: Iterable[str] = (),
) -> Iterator[Any]:
    query = query.order_by(*(kind.__table__.c[name] for name in order), *_key(kind))
    if wanted is None:
        yield from _read(session, query)
        return
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        yield from _read(session, query.where(kind.__table__.c[column].in_(part)))
