"""How well the lines of a digest are sorted into works, from their titles and hosts alone.

    python bench/identity.py [--lines FILE] [--titles FILE ...]

The 147 numbered sources of the digest in kb/debate/digests.yaml were placed by hand at works and
events; here the placements are hidden and guessed. A pair of lines is right when both are placed
at one thing and guessed to be one. Works of one lineage are counted apart (strictly) and as one:
no title tells a first submission from the second. A digest may be read from a file instead, as
it was printed, one "- [n] title" a line.

--titles takes JSON Lines with a "title" each, of other works than the digest's: lists drawn from
them show how often different works are taken for one, and how well one work is found again in
what different hosts print of it.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from ingest import lines as reader
from kb import content, dialectic, titles

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from ingest.lines import Line

GOAL = 0.95
"""F1 of pairs."""
_PRINTED = re.compile(r"^- \[(\d+)\] (.+?)(?: \u2014 \w+:[\w-]+)?$")


def main() -> None:
    """Sort the lines and print what is right and what is wrong."""
    parser = argparse.ArgumentParser(description="Which lines of a digest are one work.")
    parser.add_argument("--lines", type=Path, help="The digest as it was printed.")
    parser.add_argument("--titles", type=Path, nargs="*", default=[])
    told = parser.parse_args()
    curated = content.load()
    digest = max(curated.digests.digests, key=lambda d: d.sources_listed)
    sources = digest.sources
    if told.lines is None:
        read = [reader.read(source.title, source.publisher) for source in sources]
    else:
        printed = dict(_printed(told.lines))
        read = [reader.read(printed[source.n]) for source in sources]
    works = {work.key: work for work in curated.works.works}
    lineage = dialectic.lineages(
        (work.key, other.to) for work in works.values() for other in work.related
    )
    strict = [source.work or source.event for source in sources]
    loose = [lineage.get(source.work or "", source.work or source.event) for source in sources]
    found = reader.cluster(read)
    print(f"{len(read)} lines, {sum(1 for _ in _pairs(strict))} pairs of one thing")
    print(f"{'':38}{'precision':>10}{'recall':>8}{'F1':>7}")
    _score("identifiers alone", strict, reader.cluster(read, by_title=False))
    best = _score("all evidence", strict, found)
    _score("all evidence, a lineage is one thing", loose, found)
    print(f"goal F1 {GOAL}: {'met' if best >= GOAL else 'NOT met'}\n")
    _forms(read, [source.as_ for source in sources])
    _wrong(read, [source.n for source in sources], strict, found)
    for path in told.titles:
        _different(path)


def _printed(path: Path) -> Iterator[tuple[int, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := _PRINTED.match(line.strip()):
            yield int(match[1]), match[2]


def _pairs(labels: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    return ((a, b) for a, b in combinations(range(len(labels)), 2) if labels[a] == labels[b])


def _score(name: str, truth: Sequence[Hashable], guess: Sequence[Hashable]) -> float:
    right, said = set(_pairs(truth)), set(_pairs(guess))
    hit = len(right & said)
    precision, recall = hit / len(said) if said else 1.0, hit / len(right)
    f1 = 2 * precision * recall / (precision + recall) if hit else 0.0
    print(f"{name:38}{precision:10.3f}{recall:8.3f}{f1:7.3f}  {len(said)} pairs")
    return f1


def _forms(read: Sequence[Line], placed: Sequence[str]) -> None:
    pairs = list(zip(read, placed, strict=True))
    about = [line for line, where in pairs if where == "coverage"]
    forms = [line for line, where in pairs if where == "manifestation"]
    wrong = [line for line in about if line.is_version]
    known = sum(line.is_version for line in forms)
    print(f"coverage taken for a version: {len(wrong)} of {len(about)}")
    for line in wrong:
        print(f"    {line.title} ({line.form})")
    print(f"versions that a sign shows to be one: {known} of {len(forms)}\n")


def _wrong(
    read: Sequence[Line], numbers: Sequence[int], truth: Sequence[object], guess: Sequence[object]
) -> None:
    right, said = set(_pairs(truth)), set(_pairs(guess))
    for name, pairs in (("joined wrongly", said - right), ("missed", right - said)):
        print(f"{name}: {len(pairs)} pairs")
        for one, other in sorted(pairs):
            texts = (f"[{numbers[at]}] {read[at].title[:52]}" for at in (one, other))
            print(f"    {' / '.join(texts)}")


def _different(path: Path) -> None:
    """Draw lists of other works, each printed in several ways, and sort them."""
    opened: Callable[..., object] = lzma.open if path.suffix == ".xz" else open
    with opened(path, "rt", encoding="utf-8") as file:  # type: ignore[attr-defined]
        texts = [" ".join(json.loads(line)["title"].split()) for line in file]
    # One work may be in the file twice, with one title.
    unique = list({titles.key(text) or text: text for text in texts}.values())
    random.seed(0)
    counts: Counter[str] = Counter()
    shown: list[str] = []
    size = min(147, len(unique) // 2)
    for _ in range(_LISTS):
        drawn = random.sample(unique, 2 * size)
        known = drawn[:size]
        alone = [reader.read(text, "arXiv" if at % 2 else "") for at, text in enumerate(known)]
        for one, other in _pairs(reader.cluster(alone)):
            counts["alone"] += 1
            shown.append(f"{known[one][:60]} / {known[other][:60]}")
        few = random.sample(drawn, size // 4)
        printed = [(text, each) for text in few for each in _ways(text)]
        truth = set(_pairs([text for text, _ in printed]))
        said = set(_pairs(reader.cluster([reader.read(each) for _, each in printed])))
        counts.update(right=len(truth), said=len(said), hit=len(truth & said))
    precision, recall = counts["hit"] / counts["said"], counts["hit"] / counts["right"]
    print(f"\n{path.name}, {_LISTS} lists")
    print(f"{size} different works, each once: {counts['alone']} pairs joined wrongly")
    for text in shown[:20]:
        print(f"    {text}")
    print(
        f"{size // 4} works, each printed in five ways: precision {precision:.3f}, "
        f"recall {recall:.3f}, F1 {2 * precision * recall / (precision + recall):.3f}"
    )


_LISTS = 20


def _ways(title: str) -> list[str]:
    """A title as an archive, a search engine, a proceedings page, a site and a post print it."""
    cut = title[:60].rsplit(" ", 1)[0] if len(title) > 60 else title
    dots = " ..." if len(title) > 60 else ""
    return [
        f"{title} - arXiv",
        f"[PDF] {cut}{dots}",
        f"NeurIPS Poster {title}",
        f"{title.upper()} | OpenReview",
        f"{title} - YouTube",
    ]


if __name__ == "__main__":
    main()
