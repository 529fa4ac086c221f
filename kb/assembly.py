"""Rows -> views: everything curated and every current link, read in one transaction."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from kb import dates, dialectic, ids, models
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
    PlacedSourceView,
    PoleView,
    Ref,
    RelationView,
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

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    from sqlmodel import Session

_CHUNK = 500
"""Ids per IN clause: SQLite before 3.32 takes 999 parameters."""


class Assembly:
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


def _iso(moment: dt.datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _rows(session: Session, kind: Any, column: Any, wanted: list[str] | None) -> Iterator[Any]:
    """Yield rows whose column is among `wanted`, or all rows when it is None, in chunks."""
    key = [getattr(kind, c.name) for c in kind.__table__.primary_key.columns]
    if wanted is None:
        yield from session.exec(select(kind).order_by(*key))
        return
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        yield from session.exec(select(kind).where(col(column).in_(part)).order_by(*key))
