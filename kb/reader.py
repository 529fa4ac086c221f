"""A store as seen at one moment: what every question is asked of."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from typing import TYPE_CHECKING, Self

from sqlalchemy import text
from sqlmodel import col, select

from kb import current, ids, indexed, models, postgres
from kb import search as finder
from kb.assembly import Assembly
from kb.content import nearest
from kb.errors import EncoderError, IdentifierError, NotFoundError
from kb.moments import Moment
from kb.store import DEFAULT, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sqlmodel import Session

    from kb.counter import Phrases
    from kb.encoder import Encoder


class Reader:
    """One store at one moment, with what was read of it once."""

    def __init__(
        self,
        store: Store,
        encoder: Callable[[], Encoder] | None = None,
        *,
        moment: Moment | None = None,
    ) -> None:
        """Ask `store`; `encoder` is called once, by the first search that needs meaning."""
        self._store = store
        self._make_encoder = encoder
        self._encoder: Encoder | None = None
        self._moment = moment or Moment()
        self._borrowed = False
        self._here = threading.local()
        """The transaction that is open, thread by thread."""
        self._stamp: object = None
        self._debate: Assembly | None = None
        self._vectors: finder.Vectors | indexed.Indexed | None = None
        self._phrases: Phrases | None = None

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
        bounds = []
        if self._moment.dated:
            bounds.append(f" valid {self._moment.day}")
        if self._moment.timed:
            bounds.append(f" recorded {self._moment.at.isoformat()}")
        return f"<KnowledgeBase {self._store.name}{''.join(bounds)}>"

    def close(self) -> None:
        """Release the file; a view of another moment leaves that to the one it came from."""
        if not self._borrowed:
            self._store.close()

    def as_of(self, valid: str = "", recorded: str = "") -> Self:
        """Return the same knowledge base as it was at a moment, on either clock or both.

        `valid` answers what was so in the world by then, `recorded` what this store said
        then. Every query of what is returned keeps to both; asking it for another moment
        gives the earlier of the two on each clock. A date that leaves room for a later day
        counts as later ("2025" is there as of 2025, not as of 2025-06), and what has no date
        is there only where `valid` is "".

        * both clocks: links with their review, statuses, relations that carry a date,
          positions of voices (`valid` is their interval: there once certainly begun and not
          yet over), forms that were fetched. A row that was superseded by `recorded` is
          gone, one that was superseded later is back.
        * `valid` alone: works (by first public appearance; with them go their links,
          statuses, positions and neighbors), events (there once begun), digests, coverage
          and curated forms (by their own date, or that of the digest which lists them).
        * `recorded` alone: relations without a date, evidence, cycles as taken, works that
          are in no curated file (by the first of their forms to be fetched), refused and raw
          records, the ledger.
        * neither, always as they are now: the wording, scope, senses and terms of claims,
          tensions with their poles, strands, topics, voices' names, authors, identifiers,
          lineages, notes, vectors. They are our frame for asking and are edited in place; the
          cycles keep what they said.

        Args:
            valid: EDTF date, through its last day. "" for no bound.
            recorded: EDTF date, through its last day in UTC, or an ISO 8601 time with its
                zone. "" for no bound.

        Raises:
            DateError: A bound is neither.

        Examples:
            >>> then = debate.as_of(valid="2020")
            >>> len(then.works()) < len(debate.works())
            True
            >>> then.as_of(valid="2024")
            <KnowledgeBase ... valid 2020-12-31>
        """
        moment = self._moment.narrow(Moment.of(valid, recorded))
        then = type(self)(self._store, self._make_encoder, moment=moment)
        then._encoder, then._borrowed = self._encoder, True
        return then

    # -- inside ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Session]:
        """Open a transaction, or go on in the one that is open here.

        A second one would have a connection of its own, to which everything looks new.
        """
        session = getattr(self._here, "session", None)
        if session is not None:
            yield session
            return
        with self._store.read() as session:
            self._here.session = session
            try:
                yield session
            finally:
                self._here.session = None

    def _read(self) -> Assembly:
        """Return the debate's rows, read again only when the store has changed."""
        with self._reading() as session:
            return self._read_in(session)

    def _read_in(self, session: Session) -> Assembly:
        """Do as `_read` in a transaction that is open."""
        stamp = _stamp(session)
        if self._debate is None or stamp != self._stamp:
            self._debate = Assembly(session, self._moment, again=self._reading)
            self._stamp, self._vectors, self._phrases = stamp, None, None
        return self._debate

    @property
    def _bounded(self) -> bool:
        return self._moment.dated or self._moment.timed

    def _work_id(self, session: Session, id: str) -> str:
        debate = self._read_in(session)
        try:
            name = ids.parse(id)
        except IdentifierError:
            name = id
        # Written out: the first mapped object of a process costs more than the whole answer.
        either = "SELECT work_id FROM identifier WHERE id = :name UNION ALL "
        either += "SELECT coalesce(merged_into, id) FROM work WHERE id = :id"
        named = session.connection().execute(text(either), {"name": name, "id": id}).first()
        if named is not None and not debate.hidden(session, [named[0]]):
            return str(named[0])
        bare = name.removeprefix("key:")
        keys = select(models.Identifier).where(col(models.Identifier.id).like("key:%"))
        known = [
            row.id.removeprefix("key:")
            for row in session.exec(keys)
            if debate.has_work(row.work_id)
        ]
        near = nearest(bare, known)
        if not near and ":" in name:
            head = name[: name.find(":") + 6]
            like = session.exec(
                select(models.Identifier)
                .where(col(models.Identifier.id).startswith(head, autoescape=True))
                .order_by(models.Identifier.id)
            )
            near = tuple(row.id for row in like if debate.has_work(row.work_id))[:3]
        raise NotFoundError("work", id, near)

    def _meaning(self, session: Session, meaning: bool | None) -> Encoder | None:
        """Return the encoder to compare meanings with, None to go by words alone.

        Raises:
            EncoderError: Meaning was asked for and there is no encoder or no vector.
        """
        if meaning is False:
            return None
        if meaning is None and importlib.util.find_spec("sentence_transformers") is None:
            return None
        now = current.name(session)
        if not now:
            if meaning:
                raise EncoderError("there are no vectors yet; kb embed makes them")
            return None
        if self._encoder is None and self._make_encoder is not None:
            self._encoder = self._make_encoder()
        if self._encoder is None or current.is_same(self._encoder.name, now):
            return self._encoder
        if meaning:
            raise EncoderError(
                f"the vectors are of {now}, and the encoder is {self._encoder.name}: name the "
                "other with --model or KB_MODEL, or let kb embed make vectors of this one"
            )
        return None

    def _load_vectors(self, session: Session) -> finder.Vectors | indexed.Indexed | None:
        self._read_in(session)  # drops what is stale
        if self._vectors is None:
            name = current.name(session)
            if not name:
                return None
            self._vectors = indexed.load(session, name)
        return self._vectors


def found(kind: str, id: str, known: Iterable[str]) -> str:
    """Return the known id that `id` names, whatever its case.

    Raises:
        NotFoundError: There is none; the error names the nearest.
    """
    fold = {name.lower(): name for name in known}
    if id.lower() in fold:
        return fold[id.lower()]
    raise NotFoundError(kind, id, nearest(id, set(fold.values())))


def _stamp(session: Session) -> object:
    """A value that differs whenever another transaction has been committed."""
    if session.get_bind().dialect.name == "sqlite":
        pragma = session.connection().execute(text("PRAGMA data_version")).scalar()
        row = session.connection().execute(text("SELECT max(id), max(ended_at) FROM run")).one()
        return (id(session.connection().connection.dbapi_connection), pragma, *row)
    return postgres.writes(session.connection())
