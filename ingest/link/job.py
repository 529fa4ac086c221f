"""One run over the store: judge what changed, write what the judge proposes.

A link is what a judge makes of one work and the theses, and of nothing else, so it does not
matter which works are linked together or when. What a work was last judged from is kept as a
hash in a setting; a work with the same hash is left alone. What the judge would not show but have
a person look at is queued beside the links.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlmodel import col, select

from ingest.link import calibrate, theses
from ingest.link.candidates import Reading
from ingest.link.endpoint import Answers, EndpointJudge, Outcome
from ingest.link.judge import Evidence, PackagedJudge
from kb.held import is_held
from kb.models import (
    Claim,
    EvidenceSpan,
    Link,
    Manifestation,
    QueuedLink,
    Setting,
    Verdict,
    Work,
)
from kb.review import Opinion, settle
from kb.sentences import passages
from kb.store import now
from kb.vectors import digest, embed_texts, read
from kb.vocabulary import AgentKind, ReviewState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlmodel import Session

    from ingest.link.calibrate import Reference
    from ingest.link.endpoint import Endpoint
    from ingest.link.judge import Judge, Judgement
    from ingest.link.theses import Thesis
    from kb.encoder import Encoder, Progress
    from kb.sentences import Passages
    from kb.store import Store
    from kb.vocabulary import AssertedHow, Stance

    Told = Mapping[Passages, Sequence[Judgement]]
    """What another process made of some works: judgements by what was read."""
    Spread = Callable[["Desk", Sequence[str]], Iterator[tuple[Sequence[str], Told]]]
    """Takes the works to link and yields each once, in batches, with what is told of them."""


_BATCH = 200
"""Works per transaction."""
_ASKING = 20
"""The same where a language model is asked, which takes seconds for each."""
_SETTING = "link:"
"""Before a work's id: the name of the setting that holds what it was last judged from."""
_FORM = "2"
"""Raise it when the same judgements must give other rows."""
_UNANSWERED = " unanswered"
"""After that, where a language model could still be asked about the work."""


def run(
    store: Store,
    encoder: Encoder,
    progress: Progress | None = None,
    *,
    model: str = "",
    endpoint: Endpoint | None = None,
    only: Collection[str] | None = None,
    spread: Spread | None = None,
) -> dict[str, int]:
    """Link every work that has an abstract to the theses it bears on.

    Writes the links above the publishing threshold, each with its evidence, as proposed; queues
    for review what is below it and worth a person's look; gives curated links the sentence of
    the abstract that is closest to their claim; and applies people's verdicts: a rejected link
    stays rejected, a confirmed one is a link whatever its score, with the sentence that the
    person read where the abstract still has it.

    Args:
        store: Texts that have no vector yet get one.
        encoder: Its name is part of the agent's.
        progress: Told (done, all) works.
        model: A language model whose answers count; "" for none.
        endpoint: Where that model can be asked for those that it has not given yet; None to
            ask nothing.
        only: Works that may have changed; None for all. What is held back is left out.
        spread: Has the works judged elsewhere; None to judge them here.

    Returns:
        How many works were judged and how many had not changed; how many links were added, kept
        and superseded; how many proposals were queued and left the queue; how many curated links
        got evidence; how many answers of a model were used and refused, and how many works are
        without one.

    Raises:
        EncoderError: The encoder fails; the batches before that are kept.
        SourceError: The language model failed. All works are linked by then: those that it did
            not answer for, by the packaged judge.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    counts: Counter[str] = Counter()
    with store.run("link") as entry:
        try:
            with store.read() as session:
                open_ = session.exec(select(Work.id).where(~is_held(col(Work.id))))
                ids = sorted(id for id in open_ if only is None or id in only)
            desk = Desk(store, encoder, entry.id, model, endpoint)
            size = min(_BATCH, _ASKING) if endpoint else _BATCH
            done = 0
            for part, told in (spread or _here(size))(desk, ids):
                counts.update(desk.take(part, told))
                done += len(part)
                if progress is not None:
                    progress(done, len(ids))
            if desk.model is not None and desk.model.failure is not None:
                raise desk.model.failure
        finally:
            entry.counts = dict(counts)
            if endpoint is not None:
                entry.requests, entry.bytes = endpoint.tally.requests, endpoint.tally.bytes
    return dict(counts)


def basis(judge: str, listed: Sequence[Thesis], reference: Reference) -> str:
    """Return a hash over all that a judgement comes from but the work itself.

    Args:
        judge: The packaged judge's name.
        listed: What it links to.
        reference: The numbers that it goes by.
    """
    return digest(f"{judge} {reference} {theses.digest(listed)}")


def _here(size: int) -> Spread:
    def batches(_: Desk, ids: Sequence[str]) -> Iterator[tuple[Sequence[str], Told]]:
        for start in range(0, len(ids), size):
            yield ids[start : start + size], {}

    return batches


@dataclass(frozen=True, slots=True)
class _Case:
    """A work with all that its links depend on."""

    id: str
    title: str
    abstract: str
    """Empty where nothing can be linked: no text to point into, or the work is retired."""
    first_public: str
    manifestation: str
    """The first that had this abstract; evidence points into it."""
    verdicts: tuple[tuple[str, str, ReviewState, Stance | None, str], ...]
    """Claim, who, verdict, the person's own stance, hash of the sentence that was read."""
    curated: tuple[tuple[int, str], ...]
    """Curated links: id and claim."""


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A link, or what is queued for review, as it should stand."""

    is_link: bool
    stance: Stance
    score: float
    stance_score: float
    valid: str
    review: ReviewState
    reviewed_by: str
    manifestation: str
    evidence: Evidence
    agent: str
    how: AssertedHow


class _Informed:
    """The packaged judge, but for what another process made of a work already.

    What is told is found by the very words that were read, so that it cannot come to stand for
    other words.
    """

    def __init__(self, inner: Judge) -> None:
        self.name = inner.name
        self.told: Told = {}
        self._inner = inner

    def judge(self, reading: Reading) -> list[Judgement]:
        told = self.told.get(reading.passages)
        return self._inner.judge(reading) if told is None else list(told)


class Desk:
    """Judges batches of works and writes what comes of it.

    Attributes:
        theses: What works are linked to, by id.
        rows: The vectors of all their `sentences`, one after another.
        basis: The packaged judge with all its numbers, as a hash; "" where there is no thesis.
    """

    theses: list[Thesis]
    rows: NDArray[np.float32]
    basis: str

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        run_id: int | None,
        model: str,
        endpoint: Endpoint | None,
    ) -> None:
        """Read the theses; their vectors are made where they are missing.

        Args:
            store: Read for works, written with what comes of them.
            encoder: Its name is part of the agent's.
            run_id: The row of the ledger that new rows belong to.
            model: See `run`.
            endpoint: See `run`.

        Raises:
            EncoderError: The encoder fails.
            BusyError: Another process is writing.
            StoreError: The store cannot be written.
        """
        self._store = store
        self._encoder = encoder
        self._run_id = run_id
        with store.read() as session:
            listed = theses.from_store(session)
            self._claims = {claim.id: claim.text for claim in session.exec(select(Claim))}
        reference = calibrate.load()
        sentences = [text for thesis in listed for text in thesis.sentences]
        embed_texts(store, encoder, [*sentences, *self._claims.values()])
        self._judge: _Informed | None = None
        self._agent = f"linker/{reference.version} {encoder.name}"
        self.theses, self.basis = listed, ""
        with store.read() as session:
            self.rows = read(session, encoder, sentences)
        if listed:
            self._judge = _Informed(PackagedJudge(listed, self.rows, encoder.name, reference))
            self._agent = self._judge.name
            self.basis = basis(self._agent, listed, reference)
        told = self._agent
        self.model: EndpointJudge | None = None
        if model and self._judge is not None:
            self.model = EndpointJudge(
                self._judge, listed, reference.floor, model, Answers(store), endpoint
            )
            told = self.model.name
        self._basis = digest(f"{_FORM} {told} {reference} {theses.digest(listed)}")

    def pending(self, ids: Sequence[str]) -> dict[str, Reading]:
        """Return what is to be read of those of these works that changed and have a text.

        Raises:
            EncoderError: The encoder fails; it makes the vectors that are missing.
            BusyError: Another process is writing.
            StoreError: The store cannot be written.
        """
        cases, signatures, known = self._cases(ids)
        return self._readings(
            [case for case in cases if not self._is_done(case.id, signatures, known)]
        )

    def take(self, ids: Sequence[str], told: Told | None = None) -> dict[str, int]:
        """Judge those of these works that changed, in one transaction.

        Args:
            ids: Works.
            told: What the packaged judge made of some of them elsewhere: with the theses of
                this desk and by the same numbers, see `basis`.

        Returns:
            Counts, as `run` adds them up.

        Raises:
            EncoderError: The encoder or the judge fails.
            BusyError: Another process is writing.
            StoreError: The store cannot be written.
        """
        cases, signatures, known = self._cases(ids)
        changed = [case for case in cases if not self._is_done(case.id, signatures, known)]
        counts = Counter(judged=len(changed), unchanged=len(cases) - len(changed))
        if not changed:
            return counts
        if self._judge is not None:
            self._judge.told = told or {}
        readings = self._readings(changed)
        before = Counter(self.model.counts) if self.model else Counter()
        # Before the transaction: a model may take minutes, and its answers are kept one by one.
        outcomes = {case.id: self._outcome(readings.get(case.id)) for case in changed}
        with self._store.write() as session:
            writer = _Writer(session, self._run_id, [case.id for case in changed])
            for case in changed:
                reading, outcome = readings.get(case.id), outcomes[case.id]
                judged = outcome.judgements
                found = dict(_proposals(case, outcome, self._agent, reading))
                writer.links(case.id, {c: each for c, each in found.items() if each.is_link})
                writer.queue(case.id, {c: each for c, each in found.items() if not each.is_link})
                for link_id, claim in case.curated:
                    evidence = self._closest(session, claim, reading, judged)
                    agent = outcome.agents.get(claim, self._agent)
                    writer.curated(link_id, case.manifestation, evidence, agent)
                last = signatures[case.id] + ("" if outcome.is_settled else _UNANSWERED)
                session.merge(Setting(name=f"{_SETTING}{case.id}", value=last))
            writer.flush()
        counts.update(writer.counts)
        if self.model is not None:
            counts.update(self.model.counts - before)
        return counts

    def _cases(self, ids: Sequence[str]) -> tuple[list[_Case], dict[str, str], dict[str, str]]:
        """The works, what each comes from now, and what it was last judged from."""
        with self._store.read() as session:
            cases = list(_cases(session, ids))
            known = _signatures(session, ids)
        return cases, {case.id: self._signature(case) for case in cases}, known

    def _is_done(self, id: str, signatures: dict[str, str], known: dict[str, str]) -> bool:
        """Whether judging a work again would change nothing."""
        now, last = signatures[id], known.get(id, "")
        is_asking = self.model is not None and self.model.is_asking
        return last == now or (last == now + _UNANSWERED and not is_asking)

    def _outcome(self, reading: Reading | None) -> Outcome:
        if reading is None or self._judge is None:
            return Outcome([])
        if self.model is not None:
            return self.model.consider(reading)
        return Outcome(self._judge.judge(reading))

    def _signature(self, case: _Case) -> str:
        """A hash over all that a work's links come from; "" where it can have none."""
        if not case.abstract:
            return ""
        told = [
            case.title, case.abstract, case.first_public, case.manifestation, case.verdicts,
            [(id, claim, self._claims.get(claim)) for id, claim in case.curated],
        ]  # fmt: skip
        return hashlib.sha256(f"{self._basis}{json.dumps(told)}".encode()).hexdigest()

    def _readings(self, cases: Sequence[_Case]) -> dict[str, Reading]:
        """The passages of the works that have any, with their vectors."""
        cut: dict[str, Passages] = {}
        for case in cases:
            if case.abstract.strip():
                cut[case.id] = passages(case.title, case.abstract)
        texts = [text for each in cut.values() for text in each.texts]
        embed_texts(self._store, self._encoder, texts)
        with self._store.read() as session:
            rows = read(session, self._encoder, texts)
        ends = np.cumsum([len(each.texts) for each in cut.values()])
        parts = np.split(rows, ends[:-1])
        return {
            id: Reading.of(each, part) for (id, each), part in zip(cut.items(), parts, strict=False)
        }

    def _closest(
        self,
        session: Session,
        claim: str,
        reading: Reading | None,
        judged: Sequence[Judgement],
    ) -> tuple[Evidence, float] | None:
        """The sentence closest to a claim, with its cosine similarity to the claim's text."""
        if reading is None or not reading.passages.sentences or claim not in self._claims:
            return None
        near = reading.sentences @ read(session, self._encoder, [self._claims[claim]])[0]
        chosen = [each.evidence for each in judged if each.claim == claim]
        if chosen:
            place = [span.start for span in reading.passages.spans].index(chosen[0].start)
        else:
            place = int(np.argmax(near))
        span = reading.passages.spans[place]
        evidence = Evidence(span.start, span.end, reading.passages.sentences[place])
        return evidence, round(float(np.clip(near[place], 0, 1)), 4)


def _proposals(
    case: _Case, outcome: Outcome, agent: str, reading: Reading | None
) -> Iterator[tuple[str, _Proposal]]:
    """What should stand, by claim: links shown or confirmed by people, and what is queued."""
    for each in outcome.judgements:
        told = [verdict for verdict in case.verdicts if verdict[0] == each.claim]
        settled = settle(
            (Opinion(by, verdict, stance) for _, by, verdict, stance, _ in told), each.stance
        )
        is_confirmed = settled.review == ReviewState.confirmed
        is_link = each.published or is_confirmed
        if not (is_link or each.queued):
            continue
        hashes = [quote_hash for *_, quote_hash in told] if is_confirmed else []
        yield (
            each.claim,
            _Proposal(
                is_link=is_link,
                stance=settled.stance,
                score=each.score,
                stance_score=each.stance_score,
                valid=case.first_public,
                review=settled.review,
                reviewed_by=settled.by,
                manifestation=case.manifestation,
                evidence=_as_read(hashes, reading) or each.evidence,
                agent=outcome.agents.get(each.claim, agent),
                how=each.how,
            ),
        )


def _as_read(hashes: Sequence[str], reading: Reading | None) -> Evidence | None:
    """The sentence that a person read, where the abstract still has it."""
    if reading is None or not hashes:
        return None
    by_hash = {
        digest(sentence): Evidence(span.start, span.end, sentence)
        for span, sentence in zip(reading.passages.spans, reading.passages.sentences, strict=True)
    }
    return next((by_hash[each] for each in hashes if each in by_hash), None)


class _Writer:
    """Makes the current rows of a batch of works equal to what should stand."""

    def __init__(self, session: Session, run_id: int | None, ids: Sequence[str]) -> None:
        self._session = session
        self._run_id = run_id
        self._at: dt.datetime = now()
        self.counts: Counter[str] = Counter()
        self._fresh: list[tuple[Link, _Proposal]] = []
        self._spans: dict[int, EvidenceSpan] = {}
        links = session.exec(
            select(Link).where(
                col(Link.work_id).in_(ids),
                col(Link.superseded_at).is_(None),
                col(Link.agent_kind).in_([AgentKind.model, AgentKind.curation]),
            )
        ).all()
        self._links: dict[str, dict[str, Link]] = {}
        for link in links:
            if link.agent_kind == AgentKind.model:
                self._links.setdefault(link.work_id, {})[link.claim_id] = link
        spans = select(EvidenceSpan).where(
            col(EvidenceSpan.link_id).in_([link.id for link in links]),
            EvidenceSpan.agent_kind == AgentKind.model,
            col(EvidenceSpan.superseded_at).is_(None),
        )
        for span in session.exec(spans.order_by(col(EvidenceSpan.id))):
            self._spans[span.link_id] = span
        queued = select(QueuedLink).where(
            col(QueuedLink.work_id).in_(ids), col(QueuedLink.superseded_at).is_(None)
        )
        self._queued: dict[str, dict[str, QueuedLink]] = {}
        for row in session.exec(queued):
            self._queued.setdefault(row.work_id, {})[row.claim_id] = row
        self._fresh_queue: list[QueuedLink] = []

    def links(self, work_id: str, wanted: dict[str, _Proposal]) -> None:
        """Keep, supersede or insert the machine's links of a work."""
        current = self._links.get(work_id, {})
        for claim in sorted(current.keys() | wanted.keys()):
            old, new = current.get(claim), wanted.get(claim)
            if old is not None and new is not None and self._stands(old, new):
                self.counts["links kept"] += 1
                continue
            if old is not None:
                old.superseded_at = self._at
                span = self._spans.get(old.id or 0)
                if span is not None:
                    span.superseded_at = self._at
                self.counts["links superseded"] += 1
            if new is not None:
                link = Link(
                    work_id=work_id,
                    claim_id=claim,
                    stance=new.stance,
                    how=new.how,
                    agent_kind=AgentKind.model,
                    agent=new.agent,
                    score=new.score,
                    stance_score=new.stance_score,
                    review=new.review,
                    reviewed_by=new.reviewed_by,
                    run_id=self._run_id,
                    valid=new.valid,
                    recorded_at=self._at,
                )
                self._fresh.append((link, new))
                self.counts["links added"] += 1

    def queue(self, work_id: str, wanted: dict[str, _Proposal]) -> None:
        """Keep, supersede or insert what waits for a person's look."""
        current = self._queued.get(work_id, {})
        for claim in sorted(current.keys() | wanted.keys()):
            old, new = current.get(claim), wanted.get(claim)
            fresh = self._waiting(work_id, claim, new) if new is not None else None
            if old is not None and fresh is not None and _is_same(old, fresh):
                continue
            if old is not None:
                old.superseded_at = self._at
                self.counts["queued proposals superseded"] += 1
            if fresh is not None:
                self._fresh_queue.append(fresh)
                self.counts["proposals queued"] += 1

    def _waiting(self, work_id: str, claim: str, new: _Proposal) -> QueuedLink:
        return QueuedLink(
            work_id=work_id,
            claim_id=claim,
            stance=new.stance,
            how=new.how,
            agent=new.agent,
            score=new.score,
            stance_score=new.stance_score,
            manifestation_id=new.manifestation,
            start=new.evidence.start,
            end=new.evidence.end,
            quote=new.evidence.quote,
            quote_hash=digest(new.evidence.quote),
            run_id=self._run_id,
            recorded_at=self._at,
        )

    def curated(
        self, link_id: int, manifestation: str, found: tuple[Evidence, float] | None, agent: str
    ) -> None:
        """Keep, supersede or insert the machine's evidence for a curated link."""
        old = self._spans.get(link_id)
        if old is not None and found is not None:
            evidence, score = found
            if (agent, score) == (old.agent, old.score) and _points(old, manifestation, evidence):
                return
        if old is not None:
            old.superseded_at = self._at
        if found is not None:
            self._session.add(self._span(link_id, manifestation, *found, agent))
            self.counts["evidence added"] += 1

    def flush(self) -> None:
        """Write: what is superseded first, since one current row per key is the rule."""
        self._session.flush()
        self._session.add_all(link for link, _ in self._fresh)
        self._session.add_all(self._fresh_queue)
        self._session.flush()
        for link, new in self._fresh:
            if link.id is not None:
                self._session.add(
                    self._span(link.id, new.manifestation, new.evidence, new.score, new.agent)
                )

    def _span(
        self, link_id: int, manifestation: str, evidence: Evidence, score: float, agent: str
    ) -> EvidenceSpan:
        return EvidenceSpan(
            link_id=link_id,
            manifestation_id=manifestation,
            start=evidence.start,
            end=evidence.end,
            quote=evidence.quote,
            quote_hash=digest(evidence.quote),
            agent_kind=AgentKind.model,
            agent=agent,
            score=score,
            recorded_at=self._at,
        )

    def _stands(self, old: Link, new: _Proposal) -> bool:
        """Whether a row says what should stand already."""
        span = self._spans.get(old.id or 0)
        return (
            span is not None
            and _points(span, new.manifestation, new.evidence)
            and (old.agent, old.stance, old.how, old.score, old.stance_score)
            == (new.agent, new.stance, new.how, new.score, new.stance_score)
            and (old.valid, old.review, old.reviewed_by) == (new.valid, new.review, new.reviewed_by)
        )


def _is_same(old: QueuedLink, new: QueuedLink) -> bool:
    """Whether two rows say the same, whenever and by whichever run they were written."""
    clocks = {"id", "run_id", "recorded_at", "superseded_at"}
    return old.model_dump(exclude=clocks) == new.model_dump(exclude=clocks)


def _points(span: EvidenceSpan, manifestation: str, evidence: Evidence) -> bool:
    """Whether a stored span is this evidence."""
    place = (span.manifestation_id, span.start, span.end, span.quote)
    return place == (manifestation, evidence.start, evidence.end, evidence.quote)


# -- reading -------------------------------------------------------------------------------


def _signatures(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """What each work was last judged from."""
    names = [f"{_SETTING}{id}" for id in ids]
    rows = session.exec(select(Setting).where(col(Setting.name).in_(names)))
    return {row.name.removeprefix(_SETTING): row.value for row in rows}


def _cases(session: Session, ids: Sequence[str]) -> Iterator[_Case]:
    """The works with these ids, in that order, with what their links depend on."""
    first = _first(session, ids)
    verdicts: dict[str, list[tuple[str, str, ReviewState, Stance | None, str]]] = {}
    for each in session.exec(
        select(Verdict).where(col(Verdict.work_id).in_(ids)).order_by(Verdict.claim_id, Verdict.by)
    ):
        told = (each.claim_id, each.by, each.verdict, each.stance, each.quote_hash)
        verdicts.setdefault(each.work_id, []).append(told)
    curated: dict[str, list[tuple[int, str]]] = {}
    for link in session.exec(
        select(Link)
        .where(
            col(Link.work_id).in_(ids),
            Link.agent_kind == AgentKind.curation,
            col(Link.superseded_at).is_(None),
        )
        .order_by(col(Link.id))
    ):
        if link.id is not None:
            curated.setdefault(link.work_id, []).append((link.id, link.claim_id))
    for work in session.exec(select(Work).where(col(Work.id).in_(ids)).order_by(Work.id)):
        manifestation = first.get((work.id, work.abstract), "")
        is_open = bool(manifestation) and not work.retired
        yield _Case(
            id=work.id,
            title=work.title,
            abstract=work.abstract if is_open else "",
            first_public=work.first_public,
            manifestation=manifestation,
            verdicts=tuple(verdicts.get(work.id, ())),
            curated=tuple(curated.get(work.id, ())),
        )


def _first(session: Session, ids: Sequence[str]) -> dict[tuple[str, str], str]:
    """Work and abstract -> the first manifestation of the work that has this abstract.

    The first, so that a later version which says the same changes nothing, whether it came
    before or after the works were linked.
    """
    forms = select(Manifestation).where(
        col(Manifestation.work_id).in_(ids), Manifestation.abstract != ""
    )
    found: dict[tuple[str, str], tuple[bool, str, int, str]] = {}
    for form in session.exec(forms):
        key = (str(form.work_id), form.abstract)
        age = (not form.valid, form.valid, form.version, form.id)  # without a date: last
        found[key] = min(age, found.get(key, age))
    return {key: id for key, (*_, id) in found.items()}
