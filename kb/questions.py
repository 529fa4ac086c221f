"""Questions about the debate itself: what is contested, what collides, who moved, who answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb import current, dates, dialectic
from kb import graph as graphs
from kb.answers import (
    Answer,
    BalanceSheet,
    Collision,
    Contested,
    CounterClaim,
    Difference,
    Lineage,
    Moved,
    Path,
    Settlement,
)
from kb.counter import Phrase, Phrases, Reading
from kb.frames import Views
from kb.moments import instant
from kb.reader import Reader, found
from kb.vocabulary import WorkRelationKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import networkx as nx
    from sqlmodel import Session

    from kb.assembly import Assembly
    from kb.views import ClaimView, EventView, LinkView, WorkRef

_READINGS = 5
"""Claims that a sentence may be taken to speak of."""
_NEAREST = 60
"""Phrases looked at on each of the two ways."""


class Questions(Reader):
    """The dialectic: every answer is computed from what is recorded, by fixed rules."""

    # -- weighing ----------------------------------------------------------------------------

    def contested(self, strand: str = "") -> Views[Contested]:
        """Return the claims that anything speaks against or qualifies, most contested first.

        There is no weighted sum: the order goes by lineages on both sides, then voices on
        both sides, findings against, lineages that qualify, tensions. What a machine proposes
        and nobody confirmed counts in none of them.

        Args:
            strand: A strand's id; "" for all.

        Raises:
            NotFoundError: No strand has this id.

        Examples:
            >>> first = debate.contested("memorization")[0]
            >>> first.claim.id, first.split > 0
            ('C03', True)
        """
        debate = self._read()
        chosen = found("strand", strand, debate.strands) if strand else ""
        refs = debate.claim_refs.values()
        wanted = [ref.id for ref in refs if chosen in ("", ref.strand)]
        return Views(dialectic.contested(debate.claim_views(wanted)))

    def balance(self, claim: str) -> BalanceSheet:
        """Return the lineages for, against and qualifying a claim, by kind of argument.

        A kind of argument is the proof level of a finding, since works have none: of this
        finding for a lineage that supports it, of the findings related to this claim that a
        lineage supports otherwise; "unstated" where there is none. Coverage, copies, awards
        and reports count nothing.

        Raises:
            NotFoundError: No claim has this id.

        Examples:
            >>> print(debate.balance("C03").headline())
            C03: 1 for, 1 against, 0 qualifying
            >>> debate.balance("C03").by_argument
            (('supports', 'experiment', 1), ('disputes', 'experiment', 1))
        """
        debate = self._read()
        id = found("claim", claim, debate.claim_refs)
        return dialectic.sheet(debate.claim_view(id), _carried(debate))

    # -- colliding ---------------------------------------------------------------------------

    def differs_in(self, a: str, b: str) -> Views[Difference]:
        """Return the senses and facets that keep two claims from colliding.

        Raises:
            NotFoundError: A claim has no such id.

        Examples:
            >>> [(d.kind, d.name) for d in debate.differs_in("C02", "C05")]
            [('sense', 'generalization'), ('facet', 'data_regime'), ('facet', 'shift')]
        """
        one, other = self._pair(a, b)
        return Views(d for d in dialectic.differences(one, other) if d.verdict == "apart")

    def collision(self, a: str, b: str) -> Collision:
        """Return what the fixed rule makes of two claims; see `kb.dialectic.collision`.

        Raises:
            NotFoundError: A claim has no such id.
            ValueError: The two are one claim.

        Examples:
            >>> debate.collision("C02", "C05").kind
            'apparent-sense'
            >>> debate.collision("C03", "C04").kind
            'genuine-candidate'
        """
        debate = self._read()
        one, other = self._pair(a, b)
        poles = []
        for id in debate.tensions:
            on = {p.claim_id: p.pole_id for p in debate.pole_claims.get(id, ())}
            if one.id in on and other.id in on and on[one.id] != on[other.id]:
                poles.append(f"on different poles of {id}")
        return dialectic.collision(one, other, poles)

    def what_would_settle(self, tension: str) -> Settlement:
        """Return what would settle a tension and what must be known first.

        Raises:
            NotFoundError: No tension has this id.

        Examples:
            >>> told = debate.what_would_settle("T2")
            >>> told.settles.split()[0:2], told.unheld
            (['One', 'protocol'], ('Incidental',))
            >>> [(c.one.id, c.other.id) for c in told.candidates]
            [('C03', 'C04'), ('C03', 'C47')]
        """
        debate = self._read()
        view = debate.tension_view(found("tension", tension, debate.tensions))
        ids = sorted({ref.id for pole in view.poles for ref in pole.claims})
        return dialectic.settlement(view, {each.id: each for each in debate.claim_views(ids)})

    def _pair(self, a: str, b: str) -> tuple[ClaimView, ClaimView]:
        debate = self._read()
        one, other = (found("claim", id, debate.claim_refs) for id in (a, b))
        return debate.claim_view(one), debate.claim_view(other)

    # -- moving ------------------------------------------------------------------------------

    def who_moved(self, since: str = "", *, recorded: str | None = None) -> Views[Moved]:
        """Return the voices whose positions changed, with each change, by id.

        Args:
            since: EDTF date, inclusive: positions that may have been taken up, turned or
                given up in the world since then. "" for all.
            recorded: EDTF date or ISO 8601 time with its zone, inclusive: asks instead what
                this store learnt, corrected or dropped since then, whenever it was so in
                the world.

        Raises:
            DateError: A bound is not a date.

        Examples:
            >>> [moved.voice.id for moved in debate.who_moved("2026-05")][:2]
            ['V19', 'V20']
            >>> debate.who_moved(recorded="9999")
            []
        """
        dates.span(since)
        debate = self._read()
        with self._reading() as session:
            history = debate.history(session)
        if recorded is None:
            return Views(dialectic.moved(history, since, None))
        return Views(dialectic.moved(history, None, instant(recorded, last=False)))

    # -- works -------------------------------------------------------------------------------

    def lineage(self, work: str) -> Lineage:
        """Return the works that count as one with this one.

        Raises:
            NotFoundError: No work has this identifier.

        Examples:
            >>> debate.lineage("isitactually-a").headline()
            'openreview:...: 3 works, ... counted once'
        """
        debate = self._read()
        with self._reading() as session:
            id = self._work_id(session, work)
            root = debate.lineage.get(id, id)
            members = sorted({id} | {w for w, r in debate.lineage.items() if r == root})
            views = list(debate.work_views(session, members))
        kinds = {kind.value for kind in WorkRelationKind}
        ties = [
            (view.ref, kind, other)
            for view in views
            for kind, other in view.related
            if kind in kinds
        ]
        taken = {(k.claim.id, str(k.stance)) for v in views for k in v.links if _counts(k)}
        refs = sorted((v.ref for v in views), key=_by_date)
        return Lineage(root, tuple(refs), tuple(ties), tuple(sorted(taken)))

    def answers(self, work: str) -> Views[Answer]:
        """Return who supports, disputes or qualifies the findings of a work.

        Works of its own lineage do not answer it, and a machine's proposal that nobody
        confirmed is no answer.

        Raises:
            NotFoundError: No work has this identifier.

        Examples:
            >>> sorted({(a.does, a.finding.id) for a in debate.answers("feldmanzhang-2020")})
            [('disputes', 'C03'), ('extends', 'C02'), ('qualifies', 'C02'), ...]
        """
        debate = self._read()
        with self._reading() as session:
            id = self._work_id(session, work)
        lineage = debate.lineage.get(id, id)
        mine = {
            k.claim.id: k.claim
            for k in debate.links_of.get(id, ())
            if k.stance == "supports" and k.claim.level == "finding" and _counts(k)
        }
        out = []
        for finding in mine.values():
            out += [
                Answer(finding, str(k.stance), k.work, None, str(k.review), k.why)
                for k in debate.links.get(finding.id, ())
                if _counts(k) and k.work.lineage != lineage
            ]
            for relation in debate.relations_of.get(finding.id, ()):
                if relation.target.id != finding.id or relation.review == "rejected":
                    continue
                carriers = [
                    k.work
                    for k in debate.links.get(relation.source.id, ())
                    if k.stance == "supports" and _counts(k)
                ]
                others: list[WorkRef | None] = [w for w in carriers if w.lineage != lineage]
                if not carriers:
                    others = [None]
                out += [
                    Answer(
                        finding=finding,
                        does=str(relation.kind),
                        work=w,
                        through=relation.source,
                        review=str(relation.review),
                        note=relation.note,
                    )
                    for w in others
                ]
        return Views(sorted(out, key=_answer_order))

    # -- against a sentence ------------------------------------------------------------------

    def counter_claims(
        self, text: str, k: int = 10, *, meaning: bool | None = None
    ) -> Views[CounterClaim]:
        """Return up to k claims and works that may speak against a sentence, best first.

        This is a search and not a judgement. The sentence is compared with every sentence we
        have for and against each claim, by words, and by meaning where there are vectors and
        an encoder; the nearest one says which claim it seems to state or to deny, and what is
        recorded against that is returned: read by somebody first, then a machine's proposals,
        marked as such. It cannot tell irony, and a "not" only as well as our sentences do.

        Args:
            text: A sentence.
            k: How many, at least 1.
            meaning: True asks for meaning, False leaves it out, None takes it where it can.

        Raises:
            ValueError: k is below 1.
            EncoderError: Meaning was asked for and there is no encoder or no vector.

        Examples:
            >>> told = debate.counter_claims("Memorization is necessary for generalization.",
            ...                              3, meaning=False)
            >>> told[0].reading, told[0].about.id, told[0].does
            ('states', 'memorization-necessary', 'disputes')
        """
        if k < 1:
            raise ValueError(f"k is {k}, want at least 1")
        debate = self._read()
        if self._phrases is None:
            self._phrases = Phrases(list(_phrases(debate)))
        words = self._phrases.by_words(text, _NEAREST)
        with self._reading() as session:
            near = self._near_phrases(session, self._phrases, text, meaning)
        out: dict[tuple[str, str], CounterClaim] = {}
        for reading in self._phrases.read(text, words, near, _READINGS):
            for counter in _counters(debate, reading):
                out.setdefault((counter.kind, counter.id), counter)
        return Views(sorted(out.values(), key=_read_first)[:k])

    def _near_phrases(
        self, session: Session, phrases: Phrases, text: str, meaning: bool | None
    ) -> list[int]:
        encoder = self._meaning(session, meaning)
        if encoder is None or not text.strip():
            return []
        phrases.load(session, current.name(session))
        return phrases.by_meaning(encoder.encode([text])[0], _NEAREST)

    # -- ways --------------------------------------------------------------------------------

    def path(self, a: str, b: str) -> Path:
        """Return the shortest way between two things through what is recorded, in words.

        Args:
            a: Id of a claim, tension, voice, event or work.
            b: The same.

        Raises:
            NotFoundError: Nothing has one of the ids.

        Examples:
            >>> print(debate.path("V01", "C33").headline())
            Lawrence Chan holds C34; C34 undercuts C33
        """
        debate = self._read()
        with self._reading() as session:
            ends = [self._node(session, debate, id) for id in (a, b)]
            # Works that only a machine ties to a claim connect nothing: they stay out.
            tied = debate.links_of.items()
            read = {id for id, links in tied if any(map(dialectic.is_read, links))}
            wanted = {end.removeprefix("work:") for end in ends if end.startswith("work:")}
            wanted |= {id for id in debate.lineage if debate.has_work(id)}
            events = list(debate.event_views(session))
            wanted |= {t.work.id for e in events for t in e.talks if t.work is not None}
            all_read = len(read) == len(debate.links_of)
            works = list(debate.work_views(session, None if all_read else sorted(read | wanted)))
        refs = [work.ref for work in works]
        graph = debate_graph(debate, refs, map(graphs.ties, works), events)
        return graphs.path(graph, ends[0], ends[1])

    def _node(self, session: Session, debate: Assembly, id: str) -> str:
        known = (
            ("claim", debate.claim_refs),
            ("tension", debate.tensions),
            ("voice", debate.voices),
            ("event", debate.events),
        )
        for kind, names in known:
            fold = {name.lower(): name for name in names}
            if id.lower() in fold:
                return f"{kind}:{fold[id.lower()]}"
        return f"work:{self._work_id(session, id)}"


def debate_graph(
    debate: Assembly,
    works: Iterable[WorkRef],
    tied: Iterable[graphs.Ties],
    events: Iterable[EventView],
) -> nx.MultiDiGraph:
    """Return the graph of some works and events and of everything else."""
    return graphs.build(
        debate.strand_views(),
        debate.claim_views(debate.claim_refs),
        [debate.tension_view(id) for id in debate.tensions],
        works,
        tied,
        [debate.voice_view(id) for id in debate.voices],
        events,
    )


def _counts(link: LinkView) -> bool:
    return dialectic.bears(link) and dialectic.is_read(link)


def _carried(debate: Assembly) -> dict[str, list[ClaimView]]:
    """Return, for each lineage, the findings that a work of it supports."""
    out: dict[str, dict[str, ClaimView]] = {}
    findings = [id for id, ref in debate.claim_refs.items() if ref.level == "finding"]
    for view in debate.claim_views(findings):
        for link in view.links:
            if link.stance == "supports" and _counts(link):
                out.setdefault(link.work.lineage, {})[view.id] = view
    return {lineage: list(views.values()) for lineage, views in out.items()}


def _by_date(ref: WorkRef) -> tuple[tuple[str, str, str], str]:
    return dates.sort_key(ref.date), ref.id


_DOES = ("disputes", "incompatibleWith", "undercuts", "qualifies", "supports")


def _rank(does: str) -> int:
    return _DOES.index(does) if does in _DOES else len(_DOES)


def _answer_order(answer: Answer) -> tuple[object, ...]:
    work = _by_date(answer.work) if answer.work else (("", "", ""), "")
    through = answer.through.id if answer.through else ""
    return answer.finding.id, _rank(answer.does), work, through


def _phrases(debate: Assembly) -> Iterator[Phrase]:
    for id, ref in debate.claim_refs.items():
        yield Phrase(id, states=True, text=ref.text)
        for row in debate.statements.get(id, ()):
            if row.stance in ("supports", "disputes"):
                yield Phrase(id, states=row.stance == "supports", text=row.text)


def _counters(debate: Assembly, reading: Reading) -> Iterator[CounterClaim]:
    """Yield what is recorded against a claim, or for it where the sentence denies it."""
    states, about = reading.phrase.states, debate.claim_refs[reading.phrase.claim]
    against = (*dialectic.AGAINST, "qualifies") if states else ("supports", "replicates")

    def counter(
        kind: str, id: str, title: str, does: str, review: str, agent_kind: str
    ) -> CounterClaim:
        return CounterClaim(
            kind=kind,
            id=id,
            title=title,
            does=str(does),
            about=about,
            reading="states" if states else "denies",
            nearest=reading.phrase.text,
            score=reading.score,
            matched=reading.matched,
            review=str(review),
            agent_kind=str(agent_kind),
        )

    if not states:
        yield counter("claim", about.id, about.text, "states", "proposed", "curation")
    for relation in debate.relations_of.get(about.id, ()):
        inward = relation.target.id == about.id or relation.kind == "incompatibleWith"
        if inward and relation.kind in against and relation.review != "rejected":
            rival = relation.target if relation.source.id == about.id else relation.source
            yield counter("claim", rival.id, rival.text, relation.kind, relation.review, "curation")
    for link in debate.links.get(about.id, ()):
        if dialectic.bears(link) and link.stance in against:
            work = link.work
            yield counter("work", work.id, work.title, link.stance, link.review, link.agent_kind)


def _read_first(counter: CounterClaim) -> tuple[object, ...]:
    read = counter.review == "confirmed" or counter.agent_kind in ("curation", "human")
    return (not read, -counter.score, _rank(counter.does), counter.kind, counter.id)
