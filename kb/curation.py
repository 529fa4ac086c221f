"""Curated files -> rows: make the store say what the files say, and remember what they said.

Applying the same files twice changes nothing. A clocked row that the files no longer hold is
superseded, an entity that they no longer name is marked retired; nothing is deleted but the
sentences that describe a curated entity, whose history is the files' own.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlmodel import SQLModel, col, delete, select

from kb import dates, ids, merges, models, review, titles
from kb.content import identifiers
from kb.store import now, touch
from kb.vocabulary import (
    AgentKind,
    ClaimLevel,
    CoverageKind,
    ManifestationKind,
    ReviewState,
    Stance,
    VoiceKind,
    WorkKind,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from sqlmodel import Session

    from kb import schema
    from kb.content import Content
    from kb.store import Store

SETTING = "curation"
AGENT = "curation"
FORMAT = "1"
"""Raise it when the same files must give other rows."""
WAITING = " waiting"
"""Marks files that were applied but for verdicts on works that are not in the store yet."""


def apply(
    store: Store, content: Content, decided: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Bring the store up to date with the curated files, in one transaction.

    What comes of it does not depend on whether records were taken in before or after.

    Args:
        store: A migrated store.
        content: Files without faults; see `kb.content.load`.
        decided: Curated key -> id of the work, where an earlier store settled which of its
            names a work goes by: the one that came first, and it may not have been the best.

    Returns:
        How many rows of each kind were added, changed, superseded or retired; empty when the
        files are those of the last time.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    wanted = f"{FORMAT}:{content.digest}"
    before = store.setting(SETTING)
    if before == wanted:
        return {}
    with store.run("init") as run, store.write() as session:
        writer = _Writer(session, content, decided or {})
        writer.everything()
        # A verdict on a work that is not here yet must be looked at again next time.
        mark = f"{wanted}{WAITING}" if writer.counts["verdict waiting"] else wanted
        session.merge(models.Setting(name=SETTING, value=mark))
        # What only describes an entity is not counted, and may matter: a thesis's statements do.
        did = any(n for name, n in writer.counts.items() if not name.endswith(WAITING))
        if did or before.removesuffix(WAITING) != wanted:
            touch(session)
        run.counts = dict(writer.counts)
    return dict(writer.counts)


class _Writer:
    """Carries what one application needs: the session, the moment, the work of each key."""

    def __init__(self, session: Session, content: Content, decided: Mapping[str, str]) -> None:
        self.session = session
        self.decided = decided
        self.content = content
        self.at: dt.datetime = now()
        self.counts: Counter[str] = Counter()
        self.work_of: dict[str, str] = {}
        self.people: dict[str, str] = {}

    def everything(self) -> None:
        """Write every entity, those that others point to first."""
        self._strands()
        self._claims()
        self._works()
        self._identity()
        self._people()
        self._events()
        self._authors_and_forms()
        self._relations()
        self._verdicts()
        self._links()
        self._statuses()
        self._tensions()
        self._voices()
        self._notes()
        self._search_texts()
        keys = {titles.key(entry.title) for entry in self.content.works.works}
        if proposed := merges.propose_alike(self.session, keys, self.at):
            self.counts["merge proposed"] += proposed

    # -- helpers --------------------------------------------------------------------------

    def _put(self, row: SQLModel) -> None:
        """Insert or update a plain row by its primary key."""
        kind = type(row)
        key = tuple(getattr(row, column.name) for column in _key_columns(kind))
        old = self.session.get(kind, key)
        if old is None:
            self.session.add(row)
            self.counts[f"{kind.__tablename__} added"] += 1
            return
        new = row.model_dump()
        if any(getattr(old, name) != value for name, value in new.items()):
            for name, value in new.items():
                setattr(old, name, value)
            self.counts[f"{kind.__tablename__} changed"] += 1

    def _replace(self, kind: type[SQLModel], rows: Iterable[SQLModel], **owner: str) -> None:
        """Make the describing rows of one owner equal to `rows`."""
        wheres = [getattr(kind, name) == value for name, value in owner.items()]
        old = {repr(row.model_dump()) for row in self.session.exec(select(kind).where(*wheres))}
        rows = list(rows)
        if old == {repr(row.model_dump()) for row in rows}:
            return
        self.session.exec(delete(kind).where(*wheres))
        self.session.flush()
        self.session.add_all(rows)

    def _reconcile(
        self,
        kind: type[Any],
        wanted: Mapping[tuple[Any, ...], dict[str, Any]],
        key: Sequence[str],
        **only: Any,
    ) -> None:
        """Make the current clocked rows equal to `wanted`: keep, supersede or insert.

        Args:
            kind: A table with recorded_at and superseded_at.
            wanted: Key values -> every field but the clock of recording.
            key: Names of the key's fields.
            only: Restricts which current rows are ours to supersede.
        """
        query = select(kind).where(col(kind.superseded_at).is_(None))
        for column, value in only.items():
            query = query.where(getattr(kind, column) == value)
        current = {tuple(getattr(r, n) for n in key): r for r in self.session.exec(query)}
        fresh: list[Any] = []
        for name, values in wanted.items():
            old = current.pop(name, None)
            if old is not None and all(getattr(old, n) == v for n, v in values.items()):
                continue
            if old is not None:
                old.superseded_at = self.at
                self.counts[f"{kind.__tablename__} superseded"] += 1
            fresh.append(kind.model_validate({**values, "recorded_at": self.at}))
        for old in current.values():
            old.superseded_at = self.at
            self.counts[f"{kind.__tablename__} superseded"] += 1
        self.session.flush()  # the unique index must see the old rows go first
        self.session.add_all(fresh)
        if fresh:
            self.counts[f"{kind.__tablename__} added"] += len(fresh)

    def _retire(self, kind: type[Any], named: set[str], **owner: str) -> None:
        query = select(kind)
        for column, value in owner.items():
            query = query.where(getattr(kind, column) == value)
        for row in self.session.exec(query):
            gone = row.id not in named
            if row.retired != gone:
                row.retired = gone
                self.counts[f"{kind.__tablename__} {'retired' if gone else 'back'}"] += 1

    def _person(self, name: str) -> str:
        """Return the id of a person, making the row on first sight."""
        if name not in self.people:
            id = ids.slug(f"person:{name}").removeprefix("person-")
            self.people[name] = id
            self._put(models.Person(id=id, name=name))
            self.session.flush()
            self._put(models.Identity(scheme="name", value=name, person_id=id))
        return self.people[name]

    # -- the entities -----------------------------------------------------------------------

    def _strands(self) -> None:
        for i, strand in enumerate(self.content.strands.strands):
            self._put(models.Strand(position=i, **strand.model_dump()))
        for i, topic in enumerate(self.content.strands.topics):
            self._put(models.Topic(position=i, **topic.model_dump()))
        senses = [
            models.TermSense(term=term.id, sense=sense.id, definition=sense.definition)
            for term in self.content.vocabulary.terms
            for sense in term.senses
        ]
        self._replace(models.TermSense, senses)
        self.session.flush()

    def _claims(self) -> None:
        for thesis in self.content.theses.theses:
            self._put(
                models.Claim(
                    id=thesis.id, level=ClaimLevel.thesis, strand_id=thesis.strand, text=thesis.text
                )
            )
        for finding in self.content.findings.findings:
            self._put(
                models.Claim(
                    id=finding.id,
                    level=ClaimLevel.finding,
                    strand_id=finding.strand,
                    text=finding.text,
                    proof_level=finding.proof_level,
                    checked=finding.checked,
                )
            )
        self.session.flush()
        for thesis in self.content.theses.theses:
            groups = {
                Stance.supports: thesis.for_,
                Stance.disputes: thesis.against,
                Stance.qualifies: thesis.qualifies,
            }
            statements = [
                models.Statement(claim_id=thesis.id, stance=stance, position=i, text=text)
                for stance, texts in groups.items()
                for i, text in enumerate(texts)
            ]
            self._replace(models.Statement, statements, claim_id=thesis.id)
            terms = [
                models.ClaimTerm(claim_id=thesis.id, position=i, term=term)
                for i, term in enumerate(thesis.terms)
            ]
            self._replace(models.ClaimTerm, terms, claim_id=thesis.id)
        for finding in self.content.findings.findings:
            scope = [
                models.ScopeFacet(claim_id=finding.id, position=i, **entry.model_dump())
                for i, entry in enumerate(finding.scope)
            ]
            self._replace(models.ScopeFacet, scope, claim_id=finding.id)
            senses = [
                models.ClaimSense(claim_id=finding.id, term=term, sense=sense)
                for term, sense in finding.senses.items()
            ]
            self._replace(models.ClaimSense, senses, claim_id=finding.id)
        self._retire(models.Claim, self.content.claim_ids)

    def _works(self) -> None:
        for entry in self.content.works.works:
            names = identifiers(entry)
            known = self.session.exec(
                select(models.Identifier.work_id)
                .where(col(models.Identifier.id).in_(names))
                .distinct()
            ).all()
            public = [name for name in names if not name.startswith("key:")] or names
            # The work that has been this entry stays it, whatever else turns out to be it.
            same = self.session.exec(
                select(models.Work.id).where(models.Work.key == entry.key)
            ).first()
            work_id = same or self.decided.get(entry.key) or ids.best(list(known) or public)
            self.work_of[entry.key] = work_id
            old = self.session.get(models.Work, work_id)
            row = models.Work(
                id=work_id,
                key=entry.key,
                kind=WorkKind(entry.kind),
                title=entry.title,
                title_key=titles.key(entry.title),
                abstract=old.abstract if old else "",
                first_public=entry.first_public,
                first_day=_first_day(entry.first_public),
                venue=entry.venue,
                year=entry.year,
                categories=old.categories if old else "",
                synopsis=entry.synopsis,
                checked=entry.checked,
                withdrawn=old.withdrawn if old else False,
            )
            self._put(row)
            self.session.flush()
            for name in names:
                if self.session.get(models.Identifier, name) is None:
                    self.session.add(models.Identifier(id=name, work_id=work_id))
                    self.counts["identifier added"] += 1
            self._take_in(entry.key, work_id, [id for id in known if id != work_id])
        named = set(self.work_of.values())
        curated = select(models.Work).where(col(models.Work.key).is_not(None))
        for work in self.session.exec(curated):
            work.retired = work.id not in named
        self.session.flush()

    def _take_in(self, key: str, work_id: str, others: Sequence[str]) -> None:
        """Join the works that a curated entry's identifiers name besides its own."""
        for other in sorted(others):
            row = self.session.get_one(models.Work, other)
            if row.key is not None:
                continue  # another entry's; kb check tells of it
            reason = f"works.yaml names both on {key}"
            grounds = merges.Grounds(AgentKind.curation, AGENT, reason)
            merges.merge(self.session, other, work_id, grounds, self.at)
            self.counts["work merged"] += 1

    def _identity(self) -> None:
        """Write down what people said of identifiers, and obey it."""
        rows = []
        for entry in self.content.identity.identity:
            first, second = (ids.parse(text) for text in entry.pair)
            rows.append(
                models.IdentityVerdict(
                    first=first,
                    second=second,
                    same=bool(entry.same),
                    relation=entry.relation or "",
                    by=entry.by,
                    valid=entry.on,
                    note=entry.note,
                )
            )
        self._replace(models.IdentityVerdict, rows)
        self.session.flush()
        self.counts.update(merges.settle(self.session, self.at))

    def _people(self) -> None:
        for voice in self.content.voices.voices:
            for name in voice.members:
                self._person(name)
        for work in self.content.works.works:
            for name in work.authors:
                self._person(name)
        self.session.flush()

    def _events(self) -> None:
        for entry in self.content.events.events:
            venue_id = ids.slug(f"venue:{entry.parent}").removeprefix("venue-")
            if entry.parent:
                self._put(models.Venue(id=venue_id, name=entry.parent))
                self.session.flush()
            self._put(
                models.Event(
                    id=entry.id,
                    venue_id=venue_id if entry.parent else None,
                    name=entry.name,
                    series=entry.series,
                    edition=entry.edition,
                    kind=entry.kind,
                    valid=entry.date,
                    first_day=_first_day(entry.date),
                    tz=entry.tz,
                    place=entry.place,
                    hours=entry.hours,
                    url=entry.url,
                    verified=entry.verified,
                    alt_names=entry.alt_names,
                    topics=entry.topics,
                    deadlines=entry.deadlines,
                    accepted=[item.model_dump(mode="json") for item in entry.accepted],
                    sources=entry.sources,
                )
            )
            self.session.flush()
            people = [
                models.EventPerson(
                    event_id=entry.id,
                    role=role,
                    position=i,
                    name=name,
                    person_id=self.people.get(name),
                )
                for role, names in (("organizer", entry.organizers), ("speaker", entry.speakers))
                for i, name in enumerate(names)
            ]
            self._replace(models.EventPerson, people, event_id=entry.id)
            self._programme(entry)
        self._retire(models.Event, {entry.id for entry in self.content.events.events}, source="")

    def _programme(self, entry: schema.EventEntry) -> None:
        if not entry.talks:
            return
        session_id = f"{entry.id}/1"
        self._put(models.EventSession(id=session_id, event_id=entry.id, valid=entry.date))
        self.session.flush()
        from_page = self._from_page(session_id)
        for i, talk in enumerate(entry.talks):
            talk_id = f"{session_id}/{i + 1:02d}"
            added = from_page.get((talk.title, talk.arxiv), [])
            self._put(
                models.Talk(
                    id=talk_id,
                    session_id=session_id,
                    position=i,
                    start=talk.start,
                    end=talk.end,
                    kind=talk.kind,
                    title=talk.title,
                    arxiv=talk.arxiv,
                    **{
                        **(added.pop(0) if added else {}),
                        **({"work_id": self.work_of[talk.work], "match": ""} if talk.work else {}),
                    },
                )
            )
            self.session.flush()
            people = [
                models.TalkPerson(
                    talk_id=talk_id, position=j, name=name, person_id=self.people.get(name)
                )
                for j, name in enumerate(talk.people)
            ]
            self._replace(models.TalkPerson, people, talk_id=talk_id)

    def _from_page(self, session_id: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """Return what an event's own page added to its slots, by title and arXiv id.

        It stays, also where a slot moves to another place; see `ingest.programmes`.
        """
        kept: dict[tuple[str, str], list[dict[str, Any]]] = {}
        query = select(models.Talk).where(models.Talk.session_id == session_id)
        for row in self.session.exec(query.order_by(col(models.Talk.position))):
            names = ("abstract", "url", "identifiers", "statuses")
            more = ("work_id", "match") if row.match else ()
            values = {name: getattr(row, name) for name in (*names, *more)}
            kept.setdefault((row.title, row.arxiv), []).append(values)
        return kept

    def _authors_and_forms(self) -> None:
        for digest in self.content.digests.digests:
            self._put(
                models.Digest(
                    id=digest.id,
                    publisher=digest.publisher,
                    title=digest.title,
                    version=digest.version,
                    as_of=digest.as_of,
                    kind=digest.form,
                    url=digest.url,
                    summary=digest.summary,
                    sources_listed=digest.sources_listed,
                )
            )
        self.session.flush()
        for entry in self.content.works.works:
            work_id = self.work_of[entry.key]
            if entry.authors:  # where we know none, those of the source stay
                authors = [
                    models.Authorship(
                        work_id=work_id, position=i, name=name, person_id=self.people[name]
                    )
                    for i, name in enumerate(entry.authors)
                ]
                self._replace(models.Authorship, authors, work_id=work_id)
            for i, form in enumerate(entry.manifestations):
                self._put(
                    models.Manifestation(
                        id=f"{entry.key}#{i + 1}",
                        work_id=work_id,
                        kind=form.kind,
                        title=form.title,
                        publisher=form.venue,
                        url=form.url,
                        valid=form.valid,
                        note=form.note,
                    )
                )
            related = [
                models.WorkRelation(
                    from_work_id=work_id,
                    kind=item.rel,
                    to_work_id=self.work_of[item.to],
                    note=item.note,
                )
                for item in entry.related
            ]
            self._replace(models.WorkRelation, related, from_work_id=work_id, source="")
        for digest in self.content.digests.digests:
            for source in digest.sources:
                self._place(digest.id, source)

    def _place(self, digest_id: str, source: schema.PlacedSource) -> None:
        form = source.as_ == "manifestation"
        table: Any = models.Manifestation if form else models.Coverage
        other = models.Coverage if form else models.Manifestation
        id = f"{digest_id}#{source.n}"
        if (stale := self.session.get(other, id)) is not None:
            self.session.delete(stale)  # it moved from one table to the other
            self.session.flush()
        self._put(
            table(
                id=id,
                work_id=self.work_of[source.work] if source.work else None,
                event_id=source.event,
                kind=ManifestationKind(source.form) if form else CoverageKind(source.form),
                title=source.title,
                publisher=source.publisher,
                valid=source.valid,
                digest_id=digest_id,
                digest_n=source.n,
                cited=source.cited,
                note=source.note,
            )
        )

    # -- statements -------------------------------------------------------------------------

    def _relations(self) -> None:
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {}

        def want(source: str, target: str, kind: Any, bears_on: bool, **more: Any) -> None:
            key = (source, target, kind, bears_on)
            wanted[key] = {
                "from_claim_id": source,
                "to_claim_id": target,
                "kind": kind,
                "bears_on": bears_on,
                "agent_kind": AgentKind.curation,
                "agent": AGENT,
                "review": ReviewState.proposed,
                "differs_in": [],
                "valid": "",
                **more,
            }

        for relation in self.content.findings.relations:
            want(
                relation.from_,
                relation.to,
                relation.rel,
                False,
                differs_in=relation.differs_in,
                note=relation.note,
                valid=relation.valid,
            )
        for finding in self.content.findings.findings:
            for bears in finding.bears_on:
                want(finding.id, bears.to, bears.rel, True, note=bears.note)
        self._reconcile(
            models.ClaimRelation,
            wanted,
            ("from_claim_id", "to_claim_id", "kind", "bears_on"),
            agent_kind=AgentKind.curation,
        )

    def _verdicts(self) -> None:
        rows: dict[tuple[str, str, str], models.Verdict] = {}
        for reader, file in self.content.verdicts.items():
            for entry in file.verdicts:
                found = self.session.get(models.Identifier, ids.parse(entry.work))
                if found is None:
                    self.counts["verdict waiting"] += 1
                    continue
                # A reader's later verdict on a link stands in place of the earlier one.
                rows[found.work_id, entry.claim, reader] = models.Verdict(
                    work_id=found.work_id,
                    claim_id=entry.claim,
                    by=reader,
                    verdict=entry.verdict,
                    stance=entry.stance,
                    valid=entry.on,
                    note=entry.note,
                    abstract_hash=entry.abstract_sha256,
                    quote_hash=entry.evidence_sha256,
                    blind=entry.blind,
                    agent=entry.machine.agent if entry.machine else "",
                    proposed=entry.machine.stance if entry.machine else None,
                    score=entry.machine.score if entry.machine else None,
                    published=bool(entry.machine and entry.machine.published),
                )
        self._replace(models.Verdict, rows.values())
        self.session.flush()

    def _links(self) -> None:
        opinions: dict[tuple[str, str], list[review.Opinion]] = {}
        for row in self.session.exec(select(models.Verdict)):
            told = review.Opinion(row.by, row.verdict, row.stance)
            opinions.setdefault((row.work_id, row.claim_id), []).append(told)
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
        for entry in self.content.works.works:
            work_id = self.work_of[entry.key]
            for link in entry.links:
                settled = review.settle(opinions.get((work_id, link.claim), ()), link.stance)
                wanted[work_id, link.claim] = {
                    "work_id": work_id,
                    "claim_id": link.claim,
                    "stance": settled.stance,
                    "nuance": link.nuance,
                    "how": link.how,
                    "agent_kind": AgentKind.curation,
                    "agent": AGENT,
                    "checked": link.checked,
                    "why": link.why,
                    "review": settled.review,
                    "reviewed_by": settled.by,
                    "valid": link.valid or entry.first_public,
                }
        self._reconcile(models.Link, wanted, ("work_id", "claim_id"), agent_kind=AgentKind.curation)

    def _statuses(self) -> None:
        curated = set(self.work_of.values())
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
        preprints: set[str] = set()
        acts: dict[tuple[str, str, str], list[str]] = {}
        for entry in self.content.works.works:
            work_id = self.work_of[entry.key]
            for act in entry.status:
                key = (work_id, act.status, act.valid, act.venue, act.version)
                wanted[key] = {"work_id": work_id, **act.model_dump()}
                acts.setdefault((work_id, act.status, act.venue.casefold()), []).append(act.valid)
                if act.status == "preprint":
                    preprints.add(work_id)
        current = select(models.StatusEvent).where(col(models.StatusEvent.superseded_at).is_(None))
        for row in self.session.exec(current):
            # What a source itself said stays, unless the curated entry says it better: intake
            # adds no act that the curated files have, and one that came first gives way.
            told = acts.get((row.work_id, row.status, row.venue.casefold()), ())
            from_source = (
                not any(dates.coincide(valid, row.valid) for valid in told)
                if row.raw_digest is not None
                else row.source == "arXiv" and row.work_id not in preprints
            )
            if row.work_id not in curated or from_source:
                key = (row.work_id, row.status, row.valid, row.venue, row.version)
                wanted.setdefault(key, {"work_id": row.work_id})
        self._reconcile(
            models.StatusEvent, wanted, ("work_id", "status", "valid", "venue", "version")
        )

    def _tensions(self) -> None:
        for i, entry in enumerate(self.content.tensions.tensions):
            self._put(
                models.Tension(
                    id=entry.id,
                    position=i,
                    strand_id=entry.strand,
                    question=entry.question,
                    kind=entry.kind,
                    kind_reason=entry.kind_reason,
                    review=entry.review,
                    settles=entry.settles,
                    core=entry.core,
                )
            )
            self.session.flush()
            poles = [
                models.Pole(
                    tension_id=entry.id, id=pole.id, position=j, title=pole.title, note=pole.note
                )
                for j, pole in enumerate(entry.poles)
            ]
            self._replace(models.Pole, poles, tension_id=entry.id)
            claims = [
                models.PoleClaim(tension_id=entry.id, pole_id=pole.id, claim_id=claim, position=j)
                for pole in entry.poles
                for j, claim in enumerate(pole.claims)
            ]
            self._replace(models.PoleClaim, claims, tension_id=entry.id)
        self._retire(models.Tension, {entry.id for entry in self.content.tensions.tensions})

    def _voices(self) -> None:
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
        for entry in self.content.voices.voices:
            person = entry.kind == VoiceKind.person
            group_id = None if person else f"group-{entry.id.lower()}"
            if group_id is not None:
                self._put(models.Group(id=group_id, name=entry.name))
                self.session.flush()
                members = [
                    models.Membership(group_id=group_id, person_id=self._person(name))
                    for name in dict.fromkeys(entry.members)
                ]
                self._replace(models.Membership, members, group_id=group_id)
            self._put(
                models.Voice(
                    id=entry.id,
                    name=entry.name,
                    kind=entry.kind,
                    person_id=self._person(entry.name) if person else None,
                    group_id=group_id,
                    aliases=entry.aliases,
                    members_note=entry.members_note,
                )
            )
            for alias in entry.aliases if person else []:
                self._put(
                    models.Identity(
                        scheme="handle", value=alias, person_id=self._person(entry.name)
                    )
                )
            for holding in entry.holdings:
                work_id = self.work_of[holding.work]
                wanted[entry.id, holding.claim, holding.attitude, work_id] = {
                    "voice_id": entry.id,
                    "claim_id": holding.claim,
                    "attitude": holding.attitude,
                    "work_id": work_id,
                    "checked": holding.checked,
                    "note": holding.note,
                    "valid": holding.valid,
                }
        self.session.flush()
        self._reconcile(
            models.VoiceHolding, wanted, ("voice_id", "claim_id", "attitude", "work_id")
        )
        self._retire(models.Voice, {entry.id for entry in self.content.voices.voices})
        rows = [
            models.Independence(
                id=i,
                people=entry.people,
                works=[self.work_of[key] for key in entry.works],
                voices=entry.voices,
                note=entry.note,
            )
            for i, entry in enumerate(self.content.voices.independence)
        ]
        self._replace(models.Independence, rows)

    def _notes(self) -> None:
        rows: list[models.Note] = []

        def note(kind: str, id: str, notes: list[str], unverified: Sequence[str] = ()) -> None:
            for sort, texts in (("note", notes), ("unverified", unverified)):
                rows.extend(
                    models.Note(subject_kind=kind, subject_id=id, kind=sort, position=i, text=text)
                    for i, text in enumerate(texts)
                )

        for work in self.content.works.works:
            note("work", self.work_of[work.key], work.notes, work.unverified)
        for thesis in self.content.theses.theses:
            note("claim", thesis.id, thesis.notes)
        for finding in self.content.findings.findings:
            note("claim", finding.id, finding.notes)
        for tension in self.content.tensions.tensions:
            note("tension", tension.id, tension.notes)
        for voice in self.content.voices.voices:
            note("voice", voice.id, voice.notes)
        for event in self.content.events.events:
            note("event", event.id, event.notes)
        for digest in self.content.digests.digests:
            note("digest", digest.id, digest.notes)
        for entry in self.content.chronicle.chronicle:
            note("cycle", entry.cycle, entry.sentences)
        self._replace(models.Note, rows)

    def _search_texts(self) -> None:
        texts: dict[tuple[str, str], tuple[str, str]] = {}
        unnamed = [self.work_of[work.key] for work in self.content.works.works if not work.authors]
        signed: dict[str, list[str]] = {}
        for by in self.session.exec(
            select(models.Authorship)
            .where(col(models.Authorship.work_id).in_(unnamed))
            .order_by(models.Authorship.work_id, col(models.Authorship.position))
        ):
            signed.setdefault(by.work_id, []).append(by.name)
        for work in self.content.works.works:
            row = self.session.get_one(models.Work, self.work_of[work.key])
            authors = " ".join(work.authors or signed.get(row.id, []))
            body = " ".join([row.abstract, row.synopsis, authors, work.key])
            texts["work", row.id] = (row.title, body)
        for thesis in self.content.theses.theses:
            said = [*thesis.for_, *thesis.against, *thesis.qualifies, *thesis.terms]
            texts["claim", thesis.id] = (thesis.text, " ".join([thesis.id, *said]))
        for finding in self.content.findings.findings:
            scope = " ".join(entry.value for entry in finding.scope)
            texts["claim", finding.id] = (finding.text, f"{finding.id} {scope}")
        for tension in self.content.tensions.tensions:
            poles = " ".join(pole.title for pole in tension.poles)
            texts["tension", tension.id] = (
                tension.question,
                " ".join([tension.id, poles, tension.kind_reason, tension.settles]),
            )
        for voice in self.content.voices.voices:
            texts["voice", voice.id] = (voice.name, " ".join([*voice.members, *voice.aliases]))
        for event in self.content.events.events:
            talks = " ".join(f"{t.title} {' '.join(t.people)}" for t in event.talks)
            names = " ".join([*event.alt_names, event.series, event.parent, *event.organizers])
            texts["event", event.id] = (event.name, f"{names} {talks}")
        known = {(row.kind, row.ref): row for row in self.session.exec(select(models.SearchText))}
        for (kind, ref), (title, body) in texts.items():
            title, body = _spaced(title), _spaced(body)
            row_or_none = known.get((kind, ref))
            if row_or_none is None:
                self.session.add(models.SearchText(kind=kind, ref=ref, title=title, body=body))
            elif (row_or_none.title, row_or_none.body) != (title, body):
                row_or_none.title, row_or_none.body = title, body


def _key_columns(kind: type[SQLModel]) -> list[Any]:
    return list(kind.__table__.primary_key.columns)  # type: ignore[attr-defined]  # set by SQLModel


def _first_day(text: str) -> str:
    low = dates.span(text)[0]
    return "" if low == dates.OPEN_START else low.isoformat()


def _spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
