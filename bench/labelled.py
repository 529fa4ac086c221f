"""The abstracts that were labelled for training, put together with their texts.

    python bench/labelled.py

Prints how many there are and how far two readings of one abstract agree. The labels come from a
language-model annotator, not from people.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ingest.link import gold
from ingest.link.gold import Label, Labelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LABELS = Path(__file__).with_name("labels") / "real.jsonl"
SENTENCES = LABELS.with_name("sentences.yaml")
WRITTEN = LABELS.with_name("written.jsonl")


def main() -> None:
    """Print counts and agreement."""
    readings = _readings()
    first = Counter(link["stance"] for each in readings.values() for link in each[0]["links"])
    print(f"{len(readings)} abstracts; first readings: {first.total()} links, {dict(first)}")
    both = [each for each in readings.values() if len(each) > 1]
    right = same = one = other = 0
    for a, b in both:
        left, second = ({link["claim"]: link for link in each["links"]} for each in (a, b))
        common = left.keys() & second.keys()
        right += len(common)
        one, other = one + len(left), other + len(second)
        same += sum(left[claim]["stance"] == second[claim]["stance"] for claim in common)
    ours = yaml.safe_load(SENTENCES.read_text("utf-8"))
    print(f"{sum(map(_sentences, ours.values()))} sentences of our own for {len(ours)} theses")
    stances = Counter(str(label.stance) for work in written() for label in work.links)
    print(f"{len(written())} abstracts of our own: {stances.total()} links, {dict(stances)}")
    print(
        f"{len(both)} read twice: links agree at F1 {2 * right / max(one + other, 1):.2f}, "
        f"stance in {same} of {right} common links; the readings are those of one kind of reader"
    )


def read(abstracts: Sequence[Path]) -> list[Labelled]:
    """Return the labelled abstracts whose texts are found, first readings and second joined.

    A link that only one of two readings gave is not sure; a stance on which they differ is None.
    Sorted by the hash of the text, so that what is made of them does not depend on the files.

    Args:
        abstracts: JSON Lines, plain or .xz, each with the texts title and abstract.
    """
    readings = _readings()
    found: dict[str, Labelled] = {}
    for path in abstracts:
        for line in _lines(path):
            text = line.get("abstract") or ""
            key = hashlib.sha256(text.encode()).hexdigest()[:16]
            given = readings.get(key)
            if given is not None:
                title = " ".join(line["title"].split())
                links = _joined(given, text)
                found[key] = Labelled(id=given[0]["of"], title=title, abstract=text, links=links)
    missing = len(readings) - len(found)
    if missing:
        print(f"{missing} of {len(readings)} labelled abstracts are not in these files")
    return [found[key] for key in sorted(found)]


def written() -> list[Labelled]:
    """Return the abstracts that we wrote ourselves, in the form of `ingest.link.gold`.

    The beginning of an id is the thesis that an abstract was written about, or beside.
    """
    return gold.read(WRITTEN)


def _sentences(ours: dict[str, list[Any]]) -> int:
    return sum(2 * len(texts) if kind == "pairs" else len(texts) for kind, texts in ours.items())


def _joined(given: Sequence[dict[str, Any]], text: str) -> tuple[Label, ...]:
    claims: dict[str, list[dict[str, Any]]] = {}
    for each in given:
        for link in each["links"]:
            claims.setdefault(link["claim"], []).append(link)
    return tuple(
        Label(
            claim=claim,
            sure=len(links) == len(given),
            stance=links[0]["stance"] if len({link["stance"] for link in links}) == 1 else None,
            how=links[0]["how"] if len({link["how"] for link in links}) == 1 else None,
            evidence=tuple(text[start:end] for link in links for start, end in link["at"]),
        )
        for claim, links in claims.items()
    )


def _readings() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in _lines(LABELS):
        found.setdefault(line["abstract"], []).append(line)
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    opened = lzma.open if path.suffix == ".xz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


if __name__ == "__main__":
    main()
