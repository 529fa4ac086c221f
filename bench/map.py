"""How long a map takes to lay out, how large it is, and whether anything on it overlaps.

    python bench/map.py [--nodes 30 300 3000]

The debates are invented: a twelfth of the nodes are tensions, an eighth theses, the rest
findings, and nine lines in ten stay in their strand. For each size it prints the seconds that
all maps of the debate take, for a desk and for a phone, how many there are, the size of the
first one's desk drawing, and how many pairs of nodes, labels and titles overlap on any.
"""

from __future__ import annotations

import argparse
import re
import time
import xml.etree.ElementTree as ET

from markupsafe import Markup

from kb.render import tension_map
from kb.render.debate import Debate, place
from kb.render.layout import Rect
from kb.render.map_parts import parts
from kb.views import (
    Balance,
    ClaimRef,
    ClaimView,
    PoleView,
    RelationView,
    StatusCounts,
    StrandView,
    TensionView,
)

SIZES = (30, 300, 3000)

_LEAF = ("black", "green", "white", "smoked", "rolled", "broken", "aged", "early", "late", "wild")
_MAKES = ("needs", "loses", "keeps", "spoils", "gains", "shuns")
_WITH = ("hot water", "cold water", "a wide pot", "a long steep", "milk", "a lid", "two pours")
_KINDS = ("supports", "supports", "qualifies", "disputes", "undercuts", "refines")


def invented(nodes: int) -> Debate:
    """Return a debate about tea with so many tensions, theses and findings in all."""
    many = max(2, min(20, round(nodes**0.5 / 2.5)))
    tensions, theses = nodes // 12, nodes // 8
    findings = nodes - tensions - theses
    zero = Balance(0, 0, 0, 0)

    def strand(i: int) -> str:
        return f"s{i % many}"

    def words(i: int) -> str:
        return f"{_LEAF[i % 10]} leaf {_MAKES[i // 3 % 6]} {_WITH[i // 7 % 7]}"

    refs = [
        ClaimRef(f"{words(i).replace(' ', '-')}-{i}", "thesis", strand(i), f"{words(i)}.")
        for i in range(theses)
    ]
    found = [
        ClaimRef(f"C{i:04d}", "finding", strand(i), f"In {i} pots {words(i)} after all.")
        for i in range(findings)
    ]

    def near(i: int, pool: list[ClaimRef], step: int) -> ClaimRef:
        # Of the same strand in nine cases of ten: indices of a strand are `many` apart.
        own = i % many + many * (step % max(1, len(pool) // many))
        return pool[(own if (i + step) % 10 else i * 13 + step) % len(pool)]

    def relation(source: ClaimRef, kind: str, target: ClaimRef) -> RelationView:
        bears = target.level == "thesis"
        return RelationView(source, kind, target, bears, (), "", "proposed", "")

    links: dict[str, list[RelationView]] = {}
    for i, ref in enumerate(found):
        pairs = [(near(i, refs, i // many), _KINDS[i % 6])]
        if i % 5 < 4:
            pairs.append((near(i, found, i // many + 1 + i % 3), _KINDS[(i + i // 6) % 6]))
        for target, kind in pairs:
            if target.id != ref.id:
                made = relation(ref, kind, target)
                links.setdefault(ref.id, []).append(made)
                links.setdefault(target.id, []).append(made)

    def claim(ref: ClaimRef) -> ClaimView:
        both = links.get(ref.id, [])
        among = tuple(r for r in both if not r.bears_on)
        bears = tuple(r for r in both if r.bears_on)
        return ClaimView(
            ref, "", "", (), (), (), (), zero, (), among, bears, (), (), (), ()
        )  # fmt: skip

    def tension(i: int) -> TensionView:
        poles = tuple(
            PoleView(
                f"p{k}", f"Side {k}", "", (near(i, found, 3 * k + i), near(i, refs, k)), (), zero
            )
            for k in range(2 + i % 3)
        )
        question = f"Is it so that {words(i)}, or does it only seem so at first?"
        return TensionView(
            f"T{i}", strand(i), question, "open-question", "", "proposed", poles, (), "", (), (), ()
        )

    return Debate(
        strands=tuple(
            StrandView(f"s{i}", f"What {_LEAF[i % 10]} leaves do ({i})", "", "", (), (), (), (), 0)
            for i in range(many)
        ),
        topics=(),
        claims=tuple(claim(ref) for ref in (*refs, *found)),
        tensions=tuple(tension(i) for i in range(tensions)),
        voices=(), events=(), works=(), digests=(), cycles=(), timeline=(),
        status=StatusCounts(*(0 for _ in StatusCounts.__dataclass_fields__)),
    )  # fmt: skip


def href(thing: object) -> Markup:
    """Return the address of a thing's page."""
    return Markup(f"{place(thing)}.html")  # type: ignore[arg-type]  # noqa: S704 - our own


def page(path: str) -> Markup:
    """Return the address of a page."""
    return Markup(f"{path}.html")  # noqa: S704 - our own


def marks(drawing: str) -> list[Rect]:
    """Return the boxes of the nodes of a drawing and of the titles of its regions."""
    boxes = []
    for node in ET.fromstring(drawing).iter("a"):  # noqa: S314 - our own
        if "node" in node.get("class", "").split():
            boxes.append(_box(node))
        else:
            boxes += [_label(span, 6.2, 14) for span in node.iter("tspan")]
    return boxes


def _box(node: ET.Element) -> Rect:
    for shape in node:
        if shape.tag == "rect":
            x, y, w, h = (float(shape.get(k, "")) for k in ("x", "y", "width", "height"))
            return Rect(x, y, w, h)
        if shape.tag == "circle":
            x, y, r = (float(shape.get(k, "")) for k in ("cx", "cy", "r"))
            return Rect(x - r, y - r, 2 * r, 2 * r)
        if shape.tag == "path":
            x, y, w, h = map(float, re.findall(r"[\d.]+", shape.get("d", ""))[:4])
            return Rect(x, y - h, 2 * w, 2 * h)
    raise ValueError("a node without a shape")


def labels(drawing: str) -> list[tuple[Rect, Rect]]:
    """Return each line of text on a node, by the number of its letters, with the node's box."""
    found = []
    for node in ET.fromstring(drawing).iter("a"):  # noqa: S314 - our own
        if "node" in node.get("class", "").split():
            for text in node.iter("text"):
                mid = "mid" in text.get("class", "").split()
                lines = list(text.iter("tspan")) or [text]
                found += [(_label(line, 5.4, 10, mid=mid), _box(node)) for line in lines]
    return found


def _label(line: ET.Element, letter: float, height: float, *, mid: bool = False) -> Rect:
    width = letter * len(line.text or "")
    x, y = float(line.get("x", "")), float(line.get("y", ""))
    return Rect(x - width / 2 if mid else x, y - height * 0.8, width, height)


def overlaps(drawing: str) -> int:
    """Return how many pairs of nodes or titles overlap, and labels that leave their node."""
    boxes = sorted(marks(drawing), key=lambda box: box.x)
    pairs = 0
    for i, box in enumerate(boxes):
        for other in boxes[i + 1 :]:
            if other.x >= box.x + box.width:
                break
            pairs += box.overlaps(other)
    out = sum(
        label.x < box.x or label.x + label.width > box.x + box.width
        for label, box in labels(drawing)
    )
    return pairs + out


def main() -> None:
    """Print a line for each size."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--nodes", type=int, nargs="+", default=SIZES)
    print(f"{'nodes':>6} {'maps':>5} {'seconds':>8} {'first, kB':>10} {'overlaps':>9}")
    for nodes in ask.parse_args().nodes:
        debate = invented(nodes)
        start = time.process_time()
        every = parts(debate)
        drawn = [
            tension_map.draw(part, sheet, href, page)
            for part in every
            for sheet in tension_map.sheets(part)
        ]
        seconds = time.process_time() - start
        wrong = sum(overlaps(drawing) for drawing in drawn)
        print(
            f"{nodes:>6} {len(every):>5} {seconds:>8.1f} {len(drawn[0]) / 1000:>10.0f} {wrong:>9}"
        )


if __name__ == "__main__":
    main()
