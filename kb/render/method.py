"""What the method page tells of this build: what the machine shows, and how well it does."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from kb import review
from kb.render import words
from kb.render.objection import is_open
from kb.vocabulary import Stance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.measured import Confusion, Figure
    from kb.render.debate import Debate
    from kb.review import Share
    from kb.views import ClaimRef, LinkView

_WIDTH = 160
"""Pixels from 0 to 1."""
_EDGE = 5
"""Pixels beside the scale, for the marks at its ends."""
_TALL = 14
_STEPS = 4
"""Shades of a cell, by its share of its row."""


@dataclass(frozen=True, slots=True)
class Thesis:
    """What the machine proposes for one claim."""

    claim: ClaimRef
    counts: tuple[int, ...]
    """Links that are shown, a number for each of `words.STANCES`."""
    waiting: int
    """Proposals that are not shown and that nobody has judged."""

    @property
    def shown(self) -> int:
        """Links of all stances."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Live:
    """What the machine shows in this build."""

    shown: int
    works: int
    stances: tuple[tuple[str, int], ...]
    """(stance, links), in the order of `words.STANCES`."""
    theses: tuple[Thesis, ...]
    """Claims for which anything is proposed, those with the most links first."""
    waiting: int
    """Proposals below the threshold of being shown that nobody has judged."""
    agents: tuple[tuple[str, int, float], ...]
    """(name and version, links, lowest score shown), most links first."""
    record: review.Record


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a confusion table."""

    count: int
    share: str
    """Of its row, in percent; "" for an empty row."""
    shade: int
    """0 to 4."""
    same: bool
    """Whether the linker says what the label says."""


@dataclass(frozen=True, slots=True)
class Row:
    """A label's stance and what the linker made of it."""

    stance: str
    cells: tuple[Cell, ...]
    total: int
    hit: str
    """The share that the linker got right, in percent; "" for none."""


@dataclass(frozen=True, slots=True)
class Table:
    """A confusion table, in the order of `words.STANCES`."""

    rows: tuple[Row, ...]
    hits: tuple[str, ...]
    """For each stance that the linker says, how often the label says it too; "" for never said."""
    same: int
    total: int
    share: str


def live(debate: Debate) -> Live:
    """Return what the machine shows in this build and what people made of it."""
    links = [link for work in debate.works for link in work.links if is_open(link)]
    stances = Counter(str(link.stance) for link in links)
    by_claim: dict[ClaimRef, Counter[str]] = defaultdict(Counter)
    scores: dict[str, list[float]] = defaultdict(list)
    for link in links:
        by_claim[link.claim][str(link.stance)] += 1
        scores[link.agent].append(link.score or 0.0)
    waiting = Counter(each.claim for each in debate.waiting)
    theses = [
        Thesis(claim, tuple(by_claim[claim][word] for word in words.STANCES), waiting[claim])
        for claim in {*by_claim, *waiting}
    ]
    theses.sort(key=lambda each: (-each.shown, -each.waiting, each.claim.id))
    return Live(
        shown=len(links),
        works=len({link.work.id for link in links}),
        stances=tuple((word, stances[word]) for word in words.STANCES),
        theses=tuple(theses),
        waiting=waiting.total(),
        agents=tuple(
            (agent, len(some), min(some))
            for agent, some in sorted(scores.items(), key=lambda item: (-len(item[1]), item[0]))
        ),
        record=debate.verdicts or review.record(()),
    )


def same_judge(debate: Debate) -> str:
    """Return whether the figures are those of the judge that made this build's links.

    Returns:
        "all" or "some" of the links are its own, "none" of them, or "" where there is no link.
    """
    agents = {link.agent for link in _machine(debate)}
    if not agents or not debate.measured:
        return ""
    if debate.measured.judge not in agents:
        return "none"
    return "all" if len(agents) == 1 else "some"


def _machine(debate: Debate) -> Iterable[LinkView]:
    return (link for work in debate.works for link in work.links if is_open(link))


# -- numbers -----------------------------------------------------------------------------------


def number(value: float, like: float | None = None) -> str:
    """Return a figure as it is told: two digits, three where it is small.

    Args:
        value: The figure.
        like: Another that it stands beside, whose digits it gets.

    Examples:
        >>> number(0.7512), number(0.031), number(1204.2), number(0.0312, like=0.2)
        ('0.75', '0.031', '1,204', '0.03')
    """
    size = abs(value if like is None else like)
    if size >= 10:
        return f"{value:,.0f}"
    return (f"{value:.3f}" if size < 0.1 else f"{value:.2f}").replace("-", "−")


def standing(figure: Figure) -> str:
    """Return how a figure stands to its goal, in words; "" where there is none.

    Examples:
        >>> from kb.measured import Figure
        >>> standing(Figure(name="AP", value=0.75, goal=0.82))
        'short by 0.07'
        >>> standing(Figure(name="ECE", value=0.05, goal=0.03, at_most=True))
        'over by 0.020'
        >>> standing(Figure(name="AP", value=0.819, goal=0.82))
        'short by less than 0.01'
    """
    if figure.goal is None:
        return ""
    if figure.reached:
        return "reached"
    told = number(abs(figure.value - figure.goal), like=figure.value)
    if not told.strip("0."):
        told = "less than " + told[:-1] + "1"
    return f"{'over' if figure.at_most else 'short'} by {told}"


def percent(part: int, whole: int) -> str:
    """Return a share in whole percent, "" of nothing.

    Examples:
        >>> percent(1, 3), percent(0, 0)
        ('33 %', '')
    """
    return f"{100 * part / whole:.0f} %" if whole else ""


# -- pictures ------------------------------------------------------------------------------------


def interval(
    value: float, low: float | None, high: float | None, goal: float | None = None
) -> Markup:
    """Return a figure on a scale from 0 to 1: its interval, itself, and the goal as a line.

    "" where any of them is not on the scale. The numbers stand beside it as text.
    """
    ends = (value, value) if low is None or high is None else (low, high)
    told = (value, *ends, *(() if goal is None else (goal,)))
    if not all(0 <= number <= 1 for number in told):
        return Markup("")
    middle = _TALL // 2
    aim = "" if goal is None else f'<path class="goal" d="M{_x(goal)} 0V{_TALL}"/>'
    ticks = f"M{_x(0)} 4V10M{_x(0.5)} 5V9M{_x(1)} 4V10"
    return Markup(  # noqa: S704 - numbers alone
        f'<svg class="interval" viewBox="0 0 {_WIDTH + 2 * _EDGE} {_TALL}" '
        f'width="{_WIDTH + 2 * _EDGE}" height="{_TALL}" aria-hidden="true">'
        f'<path class="scale" d="M{_x(0)} {middle}H{_x(1)}{ticks}"/>'
        f'<path class="range" d="M{_x(ends[0])} {middle}H{_x(ends[1])}"/>{aim}'
        f'<circle class="point" cx="{_x(value)}" cy="{middle}" r="3.5"/></svg>'
    )


def share_bar(share: Share) -> Markup:
    """Return a share of a sample on the same scale; "" of nothing."""
    value = share.value
    return Markup("") if value is None else interval(value, *share.interval)


def _x(value: float) -> str:
    return f"{_EDGE + _WIDTH * value:.1f}".removesuffix(".0")


# -- the confusion table -------------------------------------------------------------------------


def table(confusion: Confusion) -> Table:
    """Return a confusion table with its margins, its stances in the order of the pages."""
    stances = list(words.STANCES)
    order = [confusion.stances.index(Stance(word)) for word in stances]
    counts = [[confusion.rows[i][j] for j in order] for i in order]
    rows = []
    for n, row in enumerate(counts):
        total = sum(row)
        cells = tuple(
            Cell(
                count,
                percent(count, total),
                round(_STEPS * count / total) if total else 0,
                same=n == m,
            )
            for m, count in enumerate(row)
        )
        rows.append(Row(stances[n], cells, total, percent(row[n], total)))
    said = [sum(column) for column in zip(*counts, strict=True)]
    same = sum(counts[n][n] for n in range(len(counts)))
    return Table(
        rows=tuple(rows),
        hits=tuple(percent(counts[n][n], said[n]) for n in range(len(counts))),
        same=same,
        total=sum(said),
        share=percent(same, sum(said)),
    )
