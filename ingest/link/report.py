"""What `kb eval links` tells: every figure with its interval, beside the goal."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from ingest.link import calibrate, fit
from ingest.link.evaluation import STANCES, confusion, figures, intervals, pairs

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ingest.link.fit import Material
    from ingest.link.gold import Labelled
    from ingest.link.judge import Judgement

GOALS = {
    "link AP": 0.82,
    "link best F1": 0.76,
    "recall at precision 0.9": 0.55,
    "published precision": 0.90,
    "published recall": 0.50,
    "unlinked abstracts with a published link": 0.02,
    "supports against disputes AUROC": 0.90,
    "published stance precision, surer half": 0.92,
    "stance macro-F1": 0.60,
    "evidence hit@1": 0.65,
    "evidence hit@3": 0.90,
    "expected calibration error": 0.03,
}
ENOUGH = 30
"""Labelled links below which nothing is fitted anew, and the packaged numbers alone are judged."""
AT_MOST = frozenset({"unlinked abstracts with a published link", "expected calibration error"})
_BY_PAPER = (
    "The last step of a score, the choice of a sentence and the thresholds were fitted to four "
    "fifths of the abstracts and judge the fifth. All else was fitted to other abstracts and to "
    "texts of our own, of all theses."
)
_BY_THESIS = (
    "Each thesis is judged as if it were new, by nothing that a label of its own went into: no "
    "example, numbers fitted to the labels of the others, stances learnt from texts of our own "
    "alone. What is known of it is what we wrote about it."
)


def report(
    material: Material, day: dt.date, by: str, agreement: str, samples: int = 1000
) -> dict[str, Any]:
    """Return all figures in the form of `kb.measured`.

    Args:
        material: The labelled abstracts.
        day: When this was measured.
        by: Who made the labels, a phrase.
        agreement: How far the labels' two passes agree, in a sentence.
        samples: Bootstrap samples behind each interval.
    """
    known = calibrate.load().fitted == digest(material.works)
    shipped = (
        "The packaged numbers, which were fitted to these very abstracts: they flatter."
        if known
        else "The packaged numbers, on abstracts that they were not fitted to."
    )
    links = sum(label.sure for work in material.works for label in work.links)
    schemes = [("as shipped", shipped, fit.shipped(material))]
    if links >= ENOUGH:
        schemes += [
            ("abstracts not seen", _BY_PAPER, fit.by_paper(material)),
            ("theses not seen", _BY_THESIS, fit.by_thesis(material)),
        ]
    return {
        "judge": material.judge.name,
        "made": day.isoformat(),
        "labels": {
            "works": len(material.works),
            "links": links,
            "by": by,
            "agreement": agreement,
        },
        "schemes": [
            _scheme(name, says, material.works, judged, samples) for name, says, judged in schemes
        ],
    }


def digest(works: Sequence[Labelled]) -> str:
    """Return which abstracts these are, in short."""
    told = "\n".join(sorted(work.id for work in works))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _scheme(
    name: str,
    says: str,
    works: Sequence[Labelled],
    judged: Sequence[Sequence[Judgement]],
    samples: int,
) -> dict[str, Any]:
    found = pairs(works, judged)
    values, ends = figures(found), intervals(found, samples=samples)
    return {
        "name": name,
        "says": says,
        "figures": [
            {
                "name": figure,
                "value": round(value, 4),
                "low": round(ends[figure][0], 4) if figure in ends else None,
                "high": round(ends[figure][1], 4) if figure in ends else None,
                "goal": GOALS.get(figure),
                "at_most": figure in AT_MOST,
            }
            for figure, value in values.items()
        ],
        "confusion": {"stances": list(STANCES), "rows": confusion(found)},
    }


def lines(told: dict[str, Any]) -> list[str]:
    """Return a report as lines of text, the goal and a mark beside each figure."""
    labels = told["labels"]
    out = [
        f"{told['judge']}",
        f"{labels['works']} abstracts with {labels['links']} links, labelled by {labels['by']}",
    ]
    for scheme in told["schemes"]:
        out += ["", f"{scheme['name']}: {scheme['says']}"]
        out.append(f"  {'figure':<46}{'value':>7}  {'95 % interval':<16}{'goal':>6}")
        for each in scheme["figures"]:
            span = "" if each["low"] is None else f"{each['low']:.3f} to {each['high']:.3f}"
            goal = "" if each["goal"] is None else f"{each['goal']:.2f}"
            out.append(
                f"  {each['name']:<46}{each['value']:>7.3f}  {span:<16}{goal:>6}  {_mark(each)}"
            )
        names = scheme["confusion"]["stances"]
        out.append(f"  stance, labels down, linker across: {', '.join(names)}")
        out += [
            f"  {name:<10}" + "".join(f"{count:>6}" for count in row)
            for name, row in zip(names, scheme["confusion"]["rows"], strict=True)
        ]
    return [line.rstrip() for line in out]


def speed(material: Material) -> str:
    """Return how fast works with vectors were judged, on a machine that may do other things."""
    if len(material.works) < 2:
        return "one work is too few to tell how fast works are judged"
    rate = len(material.works) / max(fit.seconds(material), 1e-9)
    return (
        f"{rate:.0f} works a second judged against {len(material.judge.theses)} theses by one "
        "process, vectors apart (goal 1,000 on two cores: `bench/linking.py` measures both)"
    )


def _mark(figure: dict[str, Any]) -> str:
    if figure["goal"] is None:
        return ""
    short = figure["value"] - figure["goal"]
    return "reached" if (short <= 0 if figure["at_most"] else short >= 0) else "short"
