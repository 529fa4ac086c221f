"""Which sentence of an abstract shows best what the work does to a thesis. Pure.

Nearness to the thesis counts most, then where the sentence stands and what kind it is: a
result near the end rather than background at the beginning or the name of a method.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.link.candidates import Reading, Similarity

FEATURES = (
    "relevance",  # nearness to the thesis by words and by meaning, in standard deviations
    "short_of_best",  # relevance less that of the most relevant sentence
    "lexical",  # nearness by words alone
    "statement",  # cosine to the nearest statement of the thesis, less the best sentence's
    "title",  # cosine to the work's own title
    "whole",  # cosine to the beginning of the abstract as a whole
    "place",  # 0 for the first sentence, 1 for the last
    "place_squared",
    "finding",  # says that something was found
    "background",  # speaks of what is known or was done before
    "method",  # speaks of what the work does rather than finds
    "turns",  # words that deny, limit or contrast, up to three
    "length",  # in characters over 150
)

_FINDING = re.compile(
    r"\b(?:we|our (?:results?|findings?|analysis|experiments?|theory|work|study)|"
    r"this (?:paper|work)) (?:\w+ ){0,2}?(?:show|prov|find|demonstrat|establish|observ|argu|"
    r"reveal|identif|deriv|suggest|indicat|uncover|confirm|conclud|report|discover|explain|"
    r"challeng)\w*|\bresults? (?:show|suggest|indicate|reveal|demonstrate)|\bis (?:shown|proved|"
    r"proven)\b|\bthese (?:results|findings)\b|\b(?:surprisingly|remarkably|in particular|"
    r"specifically)\b",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(
    r"\b(?:recent(?:ly)?|ha(?:s|ve) been|prior|previous(?:ly)?|existing|widely|commonly|often|"
    r"remains?|despite|understanding|important|well[- ]known|conventional|traditional(?:ly)?)\b",
    re.IGNORECASE,
)
_METHOD = re.compile(
    r"\bwe (?:propose|introduce|present|develop|study|investigate|consider|examine|analy[sz]e|"
    r"explore)|\bin this (?:paper|work)|\b(?:method|framework|algorithm|code|benchmark)\b",
    re.IGNORECASE,
)
_TURNS = re.compile(
    r"\b(?:not|no|nor|cannot|fails?|contrary|however|but|only|unless|without|depends?|"
    r"challeng\w+|although|while|rather)\b|n't\b",
    re.IGNORECASE,
)
_CONDITIONS = re.compile(
    r"\b(?:only|depends?|when|if|unless|under|regimes?|conditions?|however|but|while|whereas|"
    r"although|limit\w*|trade-?off|necessary|sufficient|until|beyond|threshold|transition)\b",
    re.IGNORECASE,
)
_DENIALS = re.compile(
    r"\b(?:not|no|nor|cannot|fails?|failed|contrary|contradict\w*|challeng\w+|refut\w+|"
    r"counterexamples?|rather than|instead|insufficient|unable|impossib\w+|limitations?|"
    r"question\w*|rethink\w*|revisit\w*)\b|n't\b",
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:we|our|ours|us|this (?:paper|work))\b", re.IGNORECASE)


def features(
    reading: Reading, similarity: Similarity, places: Sequence[int]
) -> NDArray[np.float64]:
    """Return what `FEATURES` names for each sentence and some theses.

    Args:
        reading: A work with at least one sentence.
        similarity: Of the work to the theses.
        places: Of the theses.

    Returns:
        Shape (sentences, places, features).
    """
    texts = reading.passages.sentences
    place = np.linspace(0, 1, len(texts)) if len(texts) > 1 else np.zeros(1)
    alone = np.stack(
        [
            reading.sentences @ reading.title,
            reading.sentences @ reading.windows[0],
            place,
            place**2,
            *_kinds(texts),
        ],
        axis=1,
    )
    near = similarity.sentence_kinds[:, places].max(axis=2)
    relevance = similarity.relevance[:, places]
    together = np.stack(
        [
            relevance,
            relevance - relevance.max(axis=0),
            similarity.sentence_lexical[:, places],
            near - near.max(axis=0),
        ],
        axis=2,
    )
    spread = np.broadcast_to(alone[:, None, :], (*relevance.shape, alone.shape[1]))
    return np.concatenate([together, spread], axis=2).astype(np.float64)


def _kinds(texts: Sequence[str]) -> list[list[float]]:
    return [
        [float(_FINDING.search(text) is not None) for text in texts],
        [float(_BACKGROUND.search(text) is not None) for text in texts],
        [float(_METHOD.search(text) is not None) for text in texts],
        [float(min(3, len(_TURNS.findall(text)))) for text in texts],
        [min(len(text), 400) / 150 for text in texts],
    ]


CUES = ("finding", "background", "conditions", "denials", "title_denies")
"""What the wording of a work's best sentences, and of its title, says about its stance."""


def cues(title: str, texts: Sequence[str]) -> list[float]:
    """Return `CUES`: yes or no for the first two, counts for the others."""
    told = " ".join(texts)
    return [
        float(_FINDING.search(told) is not None),
        float(_BACKGROUND.search(told) is not None),
        float(len(_CONDITIONS.findall(told))),
        float(len(_DENIALS.findall(told))),
        float(len(_DENIALS.findall(title))),
    ]


def is_reported(text: str) -> bool:
    """Whether a sentence speaks of what others found or hold, rather than the authors.

    Examples:
        >>> is_reported("Recent work has attributed this to flat minima.")
        True
        >>> is_reported("We show that existing bounds are vacuous.")
        False
    """
    return _OWN.search(text) is None and _BACKGROUND.search(text) is not None
