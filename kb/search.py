"""Find by words (FTS5) and by meaning (vectors), fused; and works that are alike, with reasons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import text
from sqlmodel import col, select

from kb import models, sentences
from kb.vectors import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from sqlmodel import Session

Key = tuple[str, str]
"""(kind, id): ("work", "arxiv:2505.17638")."""

RRF = 60
"""The constant of reciprocal rank fusion. Source: Cormack, Clarke and Buettcher, SIGIR 2009."""
MAX_QUERY_TOKENS = 64
"""A longer query is a document; its first words say what it is about."""

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
    if session.get_bind().dialect.name != "sqlite":
        return _by_words_postgresql(session, tokens, k)
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


def _by_words_postgresql(session: Session, tokens: list[str], k: int) -> list[Key]:
    rows = session.connection().execute(
        text(
            "SELECT kind, ref FROM search_text, "
            "to_tsquery('english', :query) AS q, "
            "LATERAL (SELECT setweight(to_tsvector('english', title), 'A') || "
            "setweight(to_tsvector('english', body), 'D') AS v) AS t "
            "WHERE t.v @@ q ORDER BY ts_rank_cd(t.v, q) DESC, kind, ref LIMIT :k"
        ),
        {"query": " | ".join(tokens), "k": k},
    )
    return [(kind, ref) for kind, ref in rows]


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
        self._index = {key: i for i, key in enumerate(keys)}

    @classmethod
    def load(cls, session: Session, model: str) -> Vectors:
        """Read the vectors that the embed stage made under a model.

        Works whose text has no vector yet are left out.
        """
        texts: dict[Key, list[str]] = {}
        works = select(
            models.Work.id, models.Work.title, models.Work.abstract, models.Work.synopsis
        ).where(col(models.Work.retired).is_(False))
        for id, title, abstract, synopsis in session.exec(works.order_by(models.Work.id)):
            texts["work", id] = list(sentences.passages(title, abstract or synopsis).windows)
        for id, claim in session.exec(
            select(models.Claim.id, models.Claim.text).order_by(models.Claim.id)
        ):
            texts["claim", id] = [claim]
        wanted = {digest(t) for parts in texts.values() for t in parts}
        known = {
            key: np.frombuffer(data, "<f4")
            for key, data in session.exec(
                select(models.Vector.text_digest, models.Vector.data).where(
                    col(models.Vector.model) == model
                )
            )
            if key in wanted
        }
        keys: list[Key] = []
        rows: list[NDArray[np.float32]] = []
        for key, parts in texts.items():
            found = [known[d] for d in map(digest, parts) if d in known]
            if len(found) == len(parts):
                keys.append(key)
                rows.append(np.mean(found, axis=0, dtype=np.float32))
        if not rows:
            return cls([], np.empty((0, 0), np.float32))
        matrix = np.stack(rows)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        return cls(keys, matrix)

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

        Exact, by brute force: 100,000 rows of 384 take a few hundredths of a second. Ties go
        to the earlier key.
        """
        if not self.keys:
            return []
        wanted = set(kinds)
        scores = self.rows @ query
        order = np.argsort(-scores, kind="stable")
        chosen = (int(i) for i in order if self.keys[i][0] in wanted)
        out: list[tuple[Key, float]] = []
        for i in chosen:
            out.append((self.keys[i], float(scores[i])))
            if len(out) == k:
                break
        return out

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


def models_in(session: Session) -> list[str]:
    """Return the names of the models that vectors are stored under, most vectors first."""
    rows = session.connection().execute(
        text("SELECT model FROM vector GROUP BY model ORDER BY count(*) DESC, model")
    )
    return [row[0] for row in rows]


def words_shared(one: str, other: str, k: int = 3) -> list[str]:
    """Return up to k longer words that two titles share, in the first one's order.

    Examples:
        >>> words_shared("Why Diffusion Models Don't Memorize", "Diffusion models memorize late")
        ['diffusion', 'models', 'memorize']
    """
    theirs = set(_TOKEN.findall(other.lower()))
    mine = [word for word in _TOKEN.findall(one.lower()) if len(word) > 4 and word in theirs]
    return list(dict.fromkeys(mine))[:k]
