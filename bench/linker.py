"""How well the linker agrees with labels, and how its fixed numbers are fitted.

    python bench/linker.py --labels LABELS.jsonl
    python bench/linker.py --labels LABELS.jsonl --background ABSTRACTS.jsonl ... --fit

Each line of the labels holds id, title, abstract and links: claim, sure, stance, evidence (one
or more verbatim parts of the abstract). A link with sure = false is left out, for and against;
every pair of a work and a thesis that is not listed counts as "no link". The lines of the
background hold title and abstract; they need no labels and give the features' scales only.

Prints JSON. The labels that the packaged numbers were fitted with come from a language-model
annotator in two passes that were blind to each other, and not from people: what is measured is
agreement with that reader.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.link import calibrate, theses
from ingest.link.candidates import Reading
from ingest.link.judge import StatementJudge
from kb import content
from kb.encoder import SentenceTransformerEncoder
from kb.sentences import passages
from kb.vocabulary import Stance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from ingest.link.judge import Judgement
    from kb.encoder import Encoder

PRECISION = 0.8
"""The precision on the labels that the publishing threshold is set for."""
BACKGROUND = 500
"""Abstracts of the background that are read, evenly spaced."""
ABOUT = (
    "Fixed numbers of the linker, made by `python bench/linker.py --fit`. The scales are mean and "
    "standard deviation of each feature over {background} abstracts and all theses; slope and "
    "offset are a logistic fit to, and publish the least score with precision {precision} on, "
    "{works} labelled abstracts with {links} links. central, side, against and condition were set "
    "by hand on the same labels. The labels come from a language-model annotator in two passes "
    "blind to each other, not from people."
)


def main() -> None:
    """Measure, and fit when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--background", type=Path, nargs="*", default=[])
    parser.add_argument("--fit", action="store_true", help="write ingest/link/reference.json")
    parser.add_argument("--model", default=None)
    parser.add_argument("--device", default="auto")
    told = parser.parse_args()
    encoder = SentenceTransformerEncoder(told.model, device=told.device)
    print(json.dumps(report(told, encoder), indent=2))


def report(told: argparse.Namespace, encoder: Encoder) -> dict[str, Any]:
    """Return every figure, after fitting when asked."""
    listed = theses.from_file(content.load().theses)
    sentences = [text for thesis in listed for text in thesis.sentences]
    rows = encoder.encode(sentences)
    works = _lines(told.labels)
    readings = _readings(encoder, works)
    if told.fit:
        background = [line for path in told.background for line in _lines(path)]
        background = background[:: max(1, len(background) // BACKGROUND)]
        judge = StatementJudge(listed, rows, encoder.name)
        _fit(judge, works, readings, _readings(encoder, background), encoder.name)
    judge = StatementJudge(listed, rows, encoder.name)
    start = time.perf_counter()
    judged = [judge.judge(reading) for reading in readings]
    seconds = time.perf_counter() - start
    return {
        "judge": judge.name,
        "works": len(works),
        "labels": "a language-model annotator, two passes blind to each other; not people",
        **figures(works, judged),
        "works_per_second_once_embedded": round(len(works) / seconds, 1),
    }


def figures(
    works: Sequence[dict[str, Any]], judged: Sequence[Sequence[Judgement]]
) -> dict[str, Any]:
    """Compare judgements with labels."""
    truth, scores, shown = [], [], []
    stances: list[tuple[str, str, float, bool]] = []
    hits: list[tuple[bool, bool]] = []
    silent = [False, 0]
    for work, judgements in zip(works, judged, strict=True):
        labels = {link["claim"]: link for link in work["links"]}
        if not labels:
            silent[1] += 1
            silent[0] += any(each.published for each in judgements)
        for each in judgements:
            label = labels.get(each.claim)
            if label is not None and not label["sure"]:
                continue
            truth.append(label is not None)
            scores.append(each.score)
            shown.append(each.published)
            if label is None:
                continue
            if label["stance"]:
                stances.append(
                    (label["stance"], each.stance.value, each.stance_score, each.published)
                )
            places = [(work["abstract"].find(part), len(part)) for part in label["evidence"]]
            hits.append(
                (
                    any(
                        at < each.evidence.end and each.evidence.start < at + length
                        for at, length in places
                        if at >= 0
                    ),
                    each.published,
                )
            )
    y, s, p = np.array(truth), np.array(scores), np.array(shown)
    precision, recall = _curve(y, s)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    sides = [(truth == "supports", score) for truth, _, score, _ in stances
             if truth in ("supports", "disputes")]  # fmt: skip
    return {
        "links": {
            "positive": int(y.sum()),
            "pairs": len(y),
            "ap": _round(_average_precision(y, s)),
            "best_f1": _round(f1.max()),
            "auroc": _round(_auroc(y, s)),
            **{
                f"recall_at_precision_{level}": _round(recall[precision >= level].max(initial=0.0))
                for level in (0.7, 0.8, 0.9)
            },
        },
        "published": {
            "links": int(p.sum()),
            "precision": _round(y[p].mean()) if p.any() else None,
            "recall": _round(p[y].mean()),
            "unlinked_works_with_one": f"{silent[0]} of {silent[1]}",
        },
        "stance": {
            "supports_against_disputes_auroc": _round(
                _auroc(np.array([t for t, _ in sides]), np.array([v for _, v in sides]))
            ),
            "disputes_in_labels": sum(truth == "disputes" for truth, *_ in stances),
            "all_links": _stance_figures([(a, b) for a, b, _, _ in stances]),
            "published_links": _stance_figures([(a, b) for a, b, _, on in stances if on]),
        },
        "evidence": {
            "hit_at_1": _round(np.mean([hit for hit, _ in hits])),
            "hit_at_1_published": _round(np.mean([hit for hit, on in hits if on] or [0])),
        },
    }


def _stance_figures(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    names = [stance.value for stance in Stance]
    each: dict[str, Any] = {}
    scores = []
    for name in names:
        right = sum(a == name and b == name for a, b in pairs)
        said, there = sum(b == name for _, b in pairs), sum(a == name for a, _ in pairs)
        scores.append(2 * right / max(said + there, 1))
        each[name] = f"{right} right of {said} said, {there} in the labels"
    return {
        "links": len(pairs),
        "accuracy": _round(np.mean([a == b for a, b in pairs] or [0])),
        "macro_f1": _round(np.mean(scores)),
        "always_supports": _round(np.mean([a == "supports" for a, _ in pairs] or [0])),
        **each,
    }


def _curve(y: NDArray[np.bool_], s: NDArray[np.float64]) -> tuple[Any, Any]:
    """Precision and recall at each distinct score, highest score first."""
    order = np.argsort(-s, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(s[order])), len(s) - 1)
    right = np.cumsum(y[order])[ends]
    return right / (ends + 1), right / max(y.sum(), 1)


def _average_precision(y: NDArray[np.bool_], s: NDArray[np.float64]) -> float:
    precision, recall = _curve(y, s)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def _auroc(y: NDArray[np.bool_], s: NDArray[np.float64]) -> float:
    """The share of pairs in the right order, a tie counting half."""
    wins = (s[y][:, None] > s[~y][None, :]).mean() + (s[y][:, None] == s[~y][None, :]).mean() / 2
    return float(wins)


def _round(value: Any) -> float:
    return round(float(value), 3)


# -- fitting -------------------------------------------------------------------------------


def _fit(
    judge: StatementJudge,
    works: Sequence[dict[str, Any]],
    readings: Sequence[Reading],
    background: Sequence[Reading],
    encoder: str,
) -> None:
    """Write reference.json: scales from the background, the rest from the labels."""
    path = Path(calibrate.__file__).with_name("reference.json")
    told = json.loads(path.read_text("utf-8"))
    raw = np.stack([judge.compare(each).features() for each in background if each.sentences.size])
    told["scales"] = {
        name: {"mean": round(float(raw[:, i].mean()), 5), "sd": round(float(raw[:, i].std()), 5)}
        for i, name in enumerate(calibrate.FEATURES)
    }
    told["encoder"] = encoder
    path.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    fresh = StatementJudge(judge.theses, judge.rows, encoder)
    y, z = [], []
    for work, reading in zip(works, readings, strict=True):
        labels = {link["claim"]: link["sure"] for link in work["links"]}
        sums = fresh.standardized(fresh.compare(reading))
        for thesis, value in zip(judge.theses, sums, strict=True):
            if labels.get(thesis.id, True):
                y.append(thesis.id in labels)
                z.append(float(value))
    truth, sums = np.array(y), np.array(z)
    slope, intercept = _logistic(sums, truth)
    told["slope"], told["offset"] = round(slope, 4), round(-intercept / slope, 4)
    scores = 1 / (1 + np.exp(-told["slope"] * (sums - told["offset"])))
    precision, _ = _curve(truth, scores)
    levels = np.sort(np.unique(scores))[::-1]
    told["publish"] = round(float(levels[np.flatnonzero(precision >= PRECISION)[-1]]), 3)
    told["about"] = ABOUT.format(
        background=len(raw), precision=PRECISION, works=len(works), links=int(truth.sum())
    )
    path.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


def _logistic(x: NDArray[np.float64], y: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of a logistic regression on one variable, by Newton's method."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    weights = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (y - chance)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        weights += np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
    return float(weights[0]), float(weights[1])


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def _readings(encoder: Encoder, works: Iterable[dict[str, Any]]) -> list[Reading]:
    cut = [passages(work["title"], work["abstract"]) for work in works]
    texts = [text for each in cut for text in each.texts]
    rows = encoder.encode(texts, _ticker())
    ends = np.cumsum([len(each.texts) for each in cut])
    return [
        Reading.of(each, part) for each, part in zip(cut, np.split(rows, ends[:-1]), strict=True)
    ]


def _ticker() -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} texts", end="", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    main()
