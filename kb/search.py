"""Find by words (FTS5) and by meaning (vectors), fused; and works that are alike, with reasons."""

from __future__ import annotations

import hashlib
import re
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import text
from sqlmodel import col, select

from kb import blocks, models, postgres, sentences
from kb.vectors import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from sqlmodel import Session

Key = blocks.Key
"""(kind, id): ("work", "arxiv:2505.17638")."""
RRF = 60
"""The constant of reciprocal rank fusion. Source: Cormack, Clarke and Buettcher, SIGIR 2009."""
MAX_QUERY_TOKENS = 64
"""A longer query is a document; its first words say what it is about."""

RECIPE = 1
"""Version of how a row is made from texts: raise it when `load` or `kb.sentences` gives others,
so that rows which were kept are made again."""
KEPT_FROM = 500
"""Works from which on rows are kept in a file: fewer are read as fast from the database."""
_SETTLED = 2.0
"""Seconds after a write within which a file's time cannot tell it from the next one: the clock
of file systems may tick that slowly."""
_PART = 2_000
"""Works and claims whose rows are made at once."""
_VARIABLES = 900
"""Values in one IN clause; SQLite before 3.32 takes 999."""
_BLOCK = 256
"""Rows of similarities held at once."""

_TOKEN = re.compile(r"\w+", re.UNICODE)


def by_words(session: Session, query: str, k: int) -> list[Key]:
    """Return the k best matches for the words of a query, best first.

    Every word is quoted, so that nothing in it is query syntax; a text that holds all words
    ranks before one that holds some. A title counts five times as much as the body.
    """
    tokens = _TOKEN.findall(query)[:MAX_QUERY_TOKENS]
    if not tokens:
        return []
    if session.get_bind().dialect.name == "postgresql":
        return postgres.by_words(session.connection(), tokens, k)
    found: dict[Key, None] = {}
    for operator in (" ", " OR "):
        match = operator.join(f'"{token}"' for token in tokens)
        rows = session.connection().execute(
            text(
                "SELECT s.kind, s.ref FROM search_fts "
                "JOIN search_text AS s ON s.id = search_fts.rowid "
                "WHERE search_fts MATCH :match "
                "ORDER BY bm25(search_fts, 5.0, 1.0), s.kind, s.ref LIMIT :k"
            ),
            {"match": match, "k": k},
        )
        for kind, ref in rows:
            found.setdefault((kind, ref))
        if len(found) >= k:
            break
    return list(found)[:k]


def fuse(*rankings: Sequence[Key]) -> list[tuple[Key, float]]:
    """Return the union of rankings by reciprocal rank fusion, best first.

    Examples:
        >>> [key for key, _ in fuse([("w", "a"), ("w", "b")], [("w", "b"), ("w", "c")])]
        [('w', 'b'), ('w', 'a'), ('w', 'c')]
    """
    scores: dict[Key, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking):
            scores[key] = scores.get(key, 0.0) + 1.0 / (RRF + rank + 1)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def snippet(body: str, query: str, width: int = 160) -> str:
    """Return the part of `body` around the first word of the query that it holds.

    Examples:
        >>> snippet("Flat minima generalize better than sharp ones.", "sharp", 24)
        '… than sharp ones.'
    """
    lowered = body.lower()
    places = [lowered.find(token) for token in _TOKEN.findall(query.lower())]
    hits = [place for place in places if place >= 0]
    start = max(0, min(hits, default=0) - width // 2)
    if start:
        start = body.find(" ", start) + 1
    end = min(len(body), start + width)
    if end < len(body):
        end = max(body.rfind(" ", start, end), start + 1)
    return f"{'… ' if start else ''}{body[start:end].strip()}{' …' if end < len(body) else ''}"


class Vectors:
    """One unit vector per work and claim under one model: the mean of its texts' vectors."""

    def __init__(self, keys: list[Key], rows: NDArray[np.float32]) -> None:
        """Keep `keys` with their unit rows, shape (len(keys), dim)."""
        self.keys = keys
        self.rows = rows
        self._kinds: dict[frozenset[str], NDArray[np.bool_] | None] = {}

    @classmethod
    def load(cls, session: Session, model: str) -> Vectors:
        """Read the vectors that the embed stage made under a model; see `kept`."""
        found = kept(session, model)
        return cls(found.keys, found.rows)

    @property
    def dim(self) -> int:
        """How long a row is; 0 where there is none."""
        return self.rows.shape[1] if self.keys else 0

    @cached_property
    def _index(self) -> dict[Key, int]:
        return {key: i for i, key in enumerate(self.keys)}

    def only(self, keys: Iterable[Key]) -> Vectors:
        """Return the rows of some keys, in their order; keys without one are left out."""
        kept = sorted(self._index[key] for key in set(keys) if key in self._index)
        return Vectors([self.keys[i] for i in kept], self.rows[kept])

    def row(self, key: Key) -> NDArray[np.float32] | None:
        """Return the unit row of a key, or None where it has none."""
        return self.rows[self._index[key]] if key in self._index else None

    def nearest(
        self, query: NDArray[np.float32], k: int, kinds: Iterable[str] = ("work", "claim")
    ) -> list[tuple[Key, float]]:
        """Return the k keys nearest to a unit vector with their cosine similarity, best first.

        Exact: every row is looked at, block by block. Ties go to the earlier key.
        """
        if not self.keys:
            return []
        wanted = frozenset(kinds)
        if wanted not in self._kinds:
            mask = np.fromiter((key[0] in wanted for key in self.keys), bool, len(self.keys))
            self._kinds[wanted] = None if mask.all() else mask
        near = blocks.nearest(self.rows, query, k, self._kinds[wanted])
        return [(self.keys[i], score) for i, score in near]

    def neighborhoods(self, kind: str, k: int) -> Iterator[tuple[str, list[tuple[str, float]]]]:
        """Yield each id of a kind with the k nearest others of that kind, nearest first.

        The same as `nearest` for each of them, in blocks of one product of matrices: all at
        once would take a number for each pair.
        """
        index = [i for i, key in enumerate(self.keys) if key[0] == kind]
        if not index:
            return
        rows = self.rows[index]
        names = [self.keys[i][1] for i in index]
        most = min(k, len(names) - 1)
        for start in range(0, len(names), _BLOCK):
            scores = rows[start : start + _BLOCK] @ rows.T
            for at, line in enumerate(scores, start):
                line[at] = -np.inf  # nothing is its own neighbor
                # Ties at the edge are kept, so that the earlier key wins as in `nearest`.
                edge = np.partition(line, -most)[-most] if most else np.inf
                near = np.flatnonzero(line >= edge)
                order = near[np.argsort(-line[near], kind="stable")][:most]
                yield names[at], [(names[i], float(line[i])) for i in order]


def kept(session: Session, model: str) -> blocks.Rows:
    """Return the rows of the vectors that the embed stage made under a model.

    Works whose text has no vector yet are left out. Beside a SQLite file with many works
    the result is kept in a file of its own (see `kb.blocks`), which is used as it is while
    the database stands and made again, of what changed, when it does not.
    """
    path = kept_at(session)
    if path is None:
        return blocks.gather(parts(session, model, {}), {})
    stamp = _file_stamp(session)
    known = _count(session, model)
    found = blocks.read(path)
    if found is not None and (
        found.facts.get("model") != model
        or found.facts.get("recipe") != RECIPE
        or found.facts.get("known", 0) > known  # vectors are never deleted: another database
    ):
        found = None
    if found is not None and stamp and found.facts.get("stamp") == stamp:
        return found
    had = {}
    if found is not None:
        had = {mark: i for i, mark in enumerate(found.marks)}
    facts = {"model": model, "recipe": RECIPE, "known": known, "stamp": stamp}
    rows = found.rows if found is not None else None
    try:
        blocks.write(path, parts(session, model, had, rows), facts)
    except OSError:  # a full disk, or a folder that may not be written: only slower
        made = None
    else:
        made = blocks.read(path)
    if made is None or made.facts != facts:  # or another process put its own in the place
        made = blocks.gather(parts(session, model, had, rows), facts)
    return made


def kept_at(session: Session) -> Path | None:
    """Where the rows of a database are kept; None where they are not."""
    url = session.get_bind().engine.url
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    works = session.connection().execute(text("SELECT count(*) FROM work")).scalar_one()
    return Path(f"{url.database}.vectors") if works >= KEPT_FROM else None


def _file_stamp(session: Session) -> str:
    """A text that differs whenever the database file was written; "" where nothing tells.

    The transaction has read by now, so nobody writes before it ends. The file itself must not
    be opened here: closing it would drop SQLite's own locks on it.
    """
    name = session.get_bind().engine.url.database
    told = Path(str(name)).stat()
    if time.time() - told.st_mtime < _SETTLED:
        return ""
    return f"{told.st_dev} {told.st_ino} {told.st_size} {told.st_mtime_ns}"


def _count(session: Session, model: str) -> int:
    query = text("SELECT count(*) FROM text_vector WHERE model = :model")
    return int(session.connection().execute(query, {"model": model}).scalar_one())


def parts(
    session: Session, model: str, had: dict[str, int], rows: NDArray[np.float32] | None = None
) -> Iterator[blocks.Part]:
    """Yield the rows of all works, then of all claims, by id.

    Args:
        session: An open transaction.
        model: Whose vectors.
        had: Which row of `rows` was made from what, by its mark.
        rows: Rows that are right for their marks.
    """
    dim = 0 if rows is None else rows.shape[1]
    for some in _texts(session):
        marks = [_mark(*entry) for entry in some]
        split = {
            entry[0]: _cut(*entry)
            for entry, mark in zip(some, marks, strict=True)
            if mark not in had
        }
        known = _vectors(session, model, {digest(t) for texts in split.values() for t in texts})
        part = blocks.Part([], [], np.empty((0, dim), np.float32))
        made: list[NDArray[np.float32]] = []
        for (key, *_), mark in zip(some, marks, strict=True):
            if rows is not None and mark in had:
                made.append(rows[had[mark]])
            else:
                found = [known[d] for d in map(digest, split[key]) if d in known]
                if len(found) < len(split[key]):
                    continue
                made.append(_unit(found))
            part.keys.append(key)
            part.marks.append(mark)
        if made:
            yield blocks.Part(part.keys, part.marks, np.stack(made))


def _texts(session: Session) -> Iterator[list[tuple[Key, str, str]]]:
    """Yield every work and claim with its two texts, some at a time, by kind and id."""
    work, claim = models.Work, models.Claim
    works = (
        select(work.id, work.title, work.abstract, work.synopsis)
        .where(col(work.retired).is_(False))
        .order_by(work.id)
    )
    for rows in session.exec(works).partitions(_PART):
        yield [(("work", id), title, abstract or ours) for id, title, abstract, ours in rows]
    claims = select(claim.id, claim.text).order_by(claim.id)
    for some in session.exec(claims).partitions(_PART):
        yield [(("claim", id), text_, "") for id, text_ in some]


def _mark(key: Key, title: str, body: str) -> str:
    return hashlib.blake2b(f"{key[0]}\0{title}\0{body}".encode(), digest_size=16).hexdigest()


def _cut(key: Key, title: str, body: str) -> list[str]:
    return [title] if key[0] == "claim" else list(sentences.passages(title, body).windows)


def _unit(found: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = np.mean(found, axis=0, dtype=np.float32)
    mean /= np.linalg.norm(mean)
    return mean


def _vectors(session: Session, model: str, wanted: set[str]) -> dict[str, NDArray[np.float32]]:
    digests = sorted(wanted)
    known: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(digests), _VARIABLES):
        query = select(models.Vector.text_digest, models.Vector.data).where(
            col(models.Vector.text_digest).in_(digests[start : start + _VARIABLES]),
            models.Vector.model == model,
        )
        known |= {key: np.frombuffer(data, "<f4") for key, data in session.exec(query)}
    return known


def words_shared(one: str, other: str, k: int = 3) -> list[str]:
    """Return up to k longer words that two titles share, in the first one's order.

    Examples:
        >>> words_shared("Why Diffusion Models Don't Memorize", "Diffusion models memorize late")
        ['diffusion', 'models', 'memorize']
    """
    theirs = set(_TOKEN.findall(other.lower()))
    mine = [word for word in _TOKEN.findall(one.lower()) if len(word) > 4 and word in theirs]
    return list(dict.fromkeys(mine))[:k]
