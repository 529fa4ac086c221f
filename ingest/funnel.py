"""Which works are worth the encoder: words alone, learnt from the theses' own sentences.

A whole category of arXiv is thousands of papers a month, of which few touch the debate. Every
record is kept; what its words have too little in common with any thesis is held back: it is
neither embedded nor linked, and stands in no cycle and on no page, until it passes. Nothing
else of it is different, so a lower threshold or a person's word lets it pass at any time.

Only works that come from the adapters listed under `funnel` in the sources file can be held
back, and only while nothing else brought them: a question that was asked for a strand, a
programme, a verdict or the curated files.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from sqlmodel import col, delete, select

from ingest.link import theses
from ingest.link.words import words
from kb.errors import NotFoundError
from kb.held import BROUGHT, HELD, PASSED
from kb.held import ids as held_ids
from kb.models import Identifier, Manifestation, RawRecord, Setting, StatusEvent, Verdict, Work
from kb.store import touch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray
    from sqlmodel import Session

    from ingest.link.theses import Thesis
    from kb.store import Store

THRESHOLD = 7.6
"""Works below it are held back. A little below the highest figure at which every labelled link
of the development part passed; bench/funnel.py measures it."""
_FIELD = 0.15
"""Weight of a word that several theses use, for all of them: it tells our field from others."""
_LENGTH = 0.35
"""Exponent by which a long abstract, which holds more words of any kind, is held against."""
_BATCH = 1000
"""Works scored at a time."""
_MOST_WORDS = 500_000
"""Words remembered between texts; a few megabytes per hundred thousand."""
_COMMON, _UNKNOWN = -2, -1

# For ASCII alone: other texts are cut by the pattern.
_LETTERS = bytes(code if chr(code).isalnum() else ord(" ") for code in range(128)) + bytes(128)
_WORD = re.compile(r"[^\W_]+")


class Funnel:
    """Scores texts by how much their words have in common with the nearest thesis."""

    def __init__(self, listed: Sequence[Thesis]) -> None:
        """Learn the words and pairs of neighboring words of the theses.

        A word weighs the root of the share of a thesis' sentences that hold it, times its
        rarity among all sentences; a key term of the thesis weighs one more.
        """
        said = [
            (place, Counter(words(text)))
            for place, thesis in enumerate(listed)
            for text in thesis.sentences
        ]
        terms = [(place, Counter(words(" ".join(each.terms)))) for place, each in enumerate(listed)]
        frequency = Counter(word for _, counts in (*said, *terms) for word in counts)
        self._rows = {word: row for row, word in enumerate(frequency)}
        shape = len(self._rows), len(listed)
        holding, named = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for place, counts in said:
            holding[[self._rows[word] for word in counts], place] += 1
        for place, counts in terms:
            named[[self._rows[word] for word in counts], place] = 1
        total = len(said) + len(terms)
        rarity = np.array(
            [math.log(1 + (total - n + 0.5) / (n + 0.5)) for n in frequency.values()], np.float32
        )
        share = holding / np.array([len(each.sentences) for each in listed] or [1], np.float32)
        users = np.log1p((holding > 0).sum(axis=1, dtype=np.float32))
        self._weights = (
            np.sqrt(share) * rarity[:, None] + named + np.float32(_FIELD) * users[:, None]
        )
        self._codes = _Codes(self._rows)
        pairs = {
            (self._rows[first], self._rows[second]): row
            for word, row in self._rows.items()
            for first, _, second in [word.partition(" ")]
            if second and first in self._rows and second in self._rows
        }
        size = len(self._rows)
        known = np.array([first * size + second for first, second in pairs], np.int64)
        order = np.argsort(known)
        self._pairs = known[order]
        self._pair_rows = np.array(list(pairs.values()), np.int64)[order]

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the score of each text; 0 for one that has no word of any thesis.

        Args:
            texts: Title and abstract of a work, each as one text.
        """
        if not texts or not len(self._rows):
            return np.zeros(len(texts), np.float32)
        flat: list[int] = []
        ends: list[int] = []
        self._codes.prune()
        code = self._codes.__getitem__
        for text in texts:
            flat.extend(map(code, _tokens(text)))
            ends.append(len(flat))
        codes = np.array(flat, np.int64)
        owners = np.repeat(np.arange(len(texts)), np.diff(ends, prepend=0))
        kept = codes != _COMMON
        codes, owners = codes[kept], owners[kept]
        counts = np.bincount(owners, minlength=len(texts))
        size = len(self._rows)
        # Both words known, side by side once common words are left out, of one text.
        beside = (codes[:-1] >= 0) & (codes[1:] >= 0) & (owners[:-1] == owners[1:])
        told = codes[:-1][beside] * size + codes[1:][beside]
        places = np.minimum(np.searchsorted(self._pairs, told), max(len(self._pairs) - 1, 0))
        hits = self._pairs[places] == told if len(self._pairs) else np.zeros(len(told), bool)
        single = codes >= 0
        met = np.unique(
            np.concatenate(
                [
                    owners[single] * size + codes[single],
                    owners[:-1][beside][hits] * size + self._pair_rows[places[hits]],
                ]
            )
        )
        out = np.zeros(len(texts), np.float32)
        if len(met):
            whose = met // size
            starts = np.flatnonzero(np.diff(whose, prepend=-1))
            sums = np.add.reduceat(self._weights[met % size], starts, axis=0)
            length = np.maximum(2 * counts - 1, 0)[whose[starts]]
            out[whose[starts]] = sums.max(axis=1) / (1 + length / 2) ** _LENGTH
        return out


class _Codes(dict[bytes, int]):
    """Word as it is written -> the row of its stem; filled as words are met."""

    def __init__(self, rows: dict[str, int]) -> None:
        super().__init__()
        self._known = rows

    def __missing__(self, word: bytes) -> int:
        stems = words(word.decode())
        code = self._known.get(stems[0], _UNKNOWN) if stems else _COMMON
        self[word] = code
        return code

    def prune(self) -> None:
        """Forget all when there are too many, so that memory does not depend on the texts."""
        if len(self) > _MOST_WORDS:
            self.clear()


def _tokens(text: str) -> list[bytes]:
    """The words of a text in small letters, cut as `ingest.link.words` cuts them."""
    lowered = text.lower().replace("over-param", "overparam")
    if lowered.isascii():
        return lowered.encode().translate(_LETTERS).split()
    return [word.encode() for word in _WORD.findall(lowered)]


def sift(
    store: Store,
    adapters: Collection[str],
    only: Collection[str] | None = None,
    threshold: float = THRESHOLD,
) -> dict[str, int]:
    """Hold back the works that have too little to do with any thesis, and let others pass.

    Args:
        store: Read for works, written with what is held back.
        adapters: Names of the sources that can be held back; of others everything passes.
        only: Works that may have changed; None looks at all.
        threshold: Works whose score is below it are held back.

    Returns:
        How many works were looked at, how many of them are held back from now on and how many
        pass that were held back.

    Raises:
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    with store.read() as session:
        listed = theses.from_store(session)
        held = held_ids(session, only)
        works = list(session.exec(select(Work.id).order_by(Work.id)) if only is None else only)
    works.sort()
    funnel = Funnel(listed)
    counts: Counter[str] = Counter(looked=0, held=0, passed=0)
    for start in range(0, len(works), _BATCH):
        part = works[start : start + _BATCH]
        with store.read() as session:
            texts = _to_sift(session, part, adapters) if listed else {}
        scores = dict(zip(texts, funnel.scores(list(texts.values())).tolist(), strict=True))
        low = {id: score for id, score in scores.items() if score < threshold}
        free = [id for id in part if id in held and id not in low]
        fresh = {id: score for id, score in low.items() if id not in held}
        counts.update(looked=len(part), held=len(fresh), passed=len(free))
        if free or fresh:
            with store.write() as session:
                _release(session, free)
                session.add_all(
                    Setting(name=f"{HELD}{id}", value=f"{score:.3f}") for id, score in fresh.items()
                )
                touch(session, [*free, *fresh])
    return dict(counts)


def let_pass(store: Store, names: Sequence[str]) -> list[str]:
    """Let works pass for good, whatever their words, and return their ids.

    Args:
        store: Where they are.
        names: Any identifier of each.

    Raises:
        NotFoundError: No work has one of these identifiers.
        BusyError: Another process is writing.
        StoreError: The store cannot be written.
    """
    with store.write() as session:
        found = []
        for name in names:
            known = session.get(Identifier, name)
            work = session.get(Work, known.work_id if known else name)
            if work is None:
                raise NotFoundError("work", name)
            found.append(work.merged_into or work.id)
        for id in found:
            session.merge(Setting(name=f"{PASSED}{id}", value=""))
        _release(session, found)
        touch(session, found)
    return found


def _release(session: Session, ids: Sequence[str]) -> None:
    names = [f"{HELD}{id}" for id in ids]
    session.connection().execute(delete(Setting).where(col(Setting.name).in_(names)))


def _to_sift(session: Session, ids: Sequence[str], adapters: Collection[str]) -> dict[str, str]:
    """Title and abstract of those works that nothing but a whole category brought."""
    adapters = set(adapters)
    passed = [f"{PASSED}{id}" for id in ids]
    away = {
        name.removeprefix(PASSED)
        for name in session.exec(select(Setting.name).where(col(Setting.name).in_(passed)))
    }
    away |= set(session.exec(select(Verdict.work_id).where(col(Verdict.work_id).in_(ids))))
    # What a record says as well as what a form's text was taken from: a programme may only
    # tell of an act.
    brought: dict[str, set[str]] = {}
    for kind in (Manifestation, StatusEvent):
        rows = (
            select(kind.work_id, RawRecord.source)
            .where(RawRecord.digest == kind.raw_digest, col(kind.work_id).in_(ids))
            .distinct()
        )
        for id, source in session.exec(rows):
            brought.setdefault(str(id), set()).add(source.partition(":")[0])
    too = select(Setting).where(col(Setting.name).in_([f"{BROUGHT}{id}" for id in ids]))
    for row in session.exec(too):
        brought.setdefault(row.name.removeprefix(BROUGHT), set()).update(row.value.split())
    query = select(Work.id, Work.title, Work.abstract).where(
        col(Work.id).in_(ids),
        col(Work.key).is_(None),
        col(Work.retired).is_(False),
    )
    return {
        id: f"{title}. {abstract}"
        for id, title, abstract in session.exec(query)
        if id not in away and id in brought and brought[id] <= adapters
    }
