"""What people make of proposals: whose word stands, whom to ask what first, who agrees. Pure."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.vocabulary import ReviewState, Stance

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from kb.views import ProposalView

TOO_FEW = 50
"""Pairs of judgements below which kappa says little: its 95 % interval is half a unit wide."""
_Z = 1.959964
"""Of an interval that holds the true value in 95 of 100 samples."""


# -- whose word stands -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opinion:
    """The latest verdict of one reader on one link."""

    by: str
    verdict: ReviewState
    """confirmed or rejected."""
    stance: Stance | None = None
    """The reader's own; None for the proposed one."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What all readers of a link together come to."""

    review: ReviewState
    """proposed where nobody judged it, and where readers disagree."""
    stance: Stance
    by: str
    """Who judged it: "ada, bob"; "" for nobody. On a proposed link: who disagree."""

    @property
    def contested(self) -> bool:
        """Whether readers disagree."""
        return self.review == ReviewState.proposed and bool(self.by)


def settle(opinions: Iterable[Opinion], proposed: Stance) -> Settled:
    """Return what stands: readers who agree win over any machine.

    Where all reject, the link is rejected; where all confirm with the same stance, it is
    confirmed with that stance. Otherwise it stays as it was proposed, contested between them.

    Args:
        opinions: The latest of each reader.
        proposed: The stance without them.

    Examples:
        >>> ada = Opinion("ada", ReviewState.confirmed, Stance.qualifies)
        >>> settle([ada], Stance.supports).stance
        <Stance.qualifies: 'qualifies'>
        >>> settle([ada, Opinion("bob", ReviewState.rejected)], Stance.supports).contested
        True
    """
    told = sorted(opinions, key=lambda each: each.by)
    by = ", ".join(each.by for each in told)
    positions = {category(each.verdict, each.stance or proposed) for each in told}
    if len(positions) != 1:
        return Settled(ReviewState.proposed, proposed, by)
    position = positions.pop()
    if position == ReviewState.rejected:
        return Settled(ReviewState.rejected, proposed, by)
    return Settled(ReviewState.confirmed, Stance(position), by)


def category(verdict: str, stance: str) -> str:
    """Return a judgement as one word: "rejected", or the stance that is confirmed."""
    return "rejected" if verdict == ReviewState.rejected else str(stance)


def fingerprint(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hex: the text itself is not ours to keep."""
    return hashlib.sha256(text.encode()).hexdigest()


# -- what to ask first -----------------------------------------------------------------------


def queue(proposals: Iterable[ProposalView]) -> list[ProposalView]:
    """Return proposals in the order in which a person's look is worth most.

    First those that say a work disputes a claim, for a wrong one does the most harm. Then by
    `uncertainty` plus `influence`, each in [0, 1], the highest first. The ids decide last, so
    that the order depends on the proposals alone.
    """
    proposals = list(proposals)
    threshold = thresholds(proposals)
    return sorted(
        proposals,
        key=lambda each: (
            each.stance != Stance.disputes,
            -round(uncertainty(each, threshold.get(each.agent, 1.0)) + influence(each), 9),
            each.work.id,
            each.claim.id,
        ),
    )


def wanting(proposals: Iterable[ProposalView], by: str) -> list[ProposalView]:
    """Return those that a reader is to be asked about, in the order in which they came.

    They are what nobody has judged, what others disagree on, and what the reader judged when
    the abstract was another.
    """
    return [each for each in proposals if _wants(each, by)]


def _wants(proposal: ProposalView, by: str) -> bool:
    own = [each for each in proposal.verdicts if each.by == by]
    if own:
        return own[0].changed
    return not proposal.verdicts or is_contested(proposal)


def is_contested(proposal: ProposalView) -> bool:
    """Tell whether its readers disagree."""
    told = (
        Opinion(each.by, ReviewState(each.verdict), Stance(each.stance) if each.stance else None)
        for each in proposal.verdicts
    )
    return settle(told, Stance(proposal.stance)).contested


def second(proposals: Iterable[ProposalView], by: str) -> list[ProposalView]:
    """Return those that others have judged and the reader has not, `shuffled`."""
    return shuffled(
        each
        for each in proposals
        if each.verdicts and all(verdict.by != by for verdict in each.verdicts)
    )


def shuffled(proposals: Iterable[ProposalView]) -> list[ProposalView]:
    """Return proposals in an order that tells nothing of them: by a hash of what they link."""
    return sorted(proposals, key=lambda each: fingerprint(each.id))


def thresholds(proposals: Iterable[ProposalView]) -> dict[str, float]:
    """Return for each machine the lowest score at which it shows a link that nobody judged."""
    lowest: dict[str, float] = {}
    for each in proposals:
        if each.published and not each.verdicts:
            lowest[each.agent] = min(each.score, lowest.get(each.agent, 1.0))
    return lowest


def uncertainty(proposal: ProposalView, threshold: float) -> float:
    """Return how unsure the machine is, in [0, 1].

    The mean of two parts: how near the score is to the threshold of being shown, as a share of
    the most that it can be away; and how near the stance's margin is to 0, between for and
    against.
    """
    near = 1 - abs(proposal.score - threshold) / max(threshold, 1 - threshold)
    return (near + 1 - min(1.0, abs(proposal.stance_score))) / 2


def influence(proposal: ProposalView) -> float:
    """Return how much a confirmation would change what is told of the claim, in [0, 1].

    Nothing where the work's lineage stands on that side already, or it would count on none.
    Otherwise the mean of two parts: one over one more than the lineages in the claim's balance,
    and 1 where the claim would get its first lineage on that side, or another side would have
    the more.
    """
    if proposal.counted or proposal.how == "reports" or proposal.stance == Stance.mentions:
        return 0.0
    balance = proposal.balance
    sides = {
        Stance.supports.value: balance.supports,
        Stance.disputes.value: balance.disputes,
        Stance.qualifies.value: balance.qualifies,
    }
    after = sides | {proposal.stance: sides[proposal.stance] + 1}
    turns = not sides[proposal.stance] or _leading(sides) != _leading(after)
    return (1 / (1 + sum(sides.values())) + turns) / 2


def _leading(sides: Mapping[str, int]) -> int:
    difference = sides["supports"] - sides["disputes"]
    return (difference > 0) - (difference < 0)


# -- how far to trust ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a sample, with the interval that the sample leaves open."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval at 95 %; everything where there is no sample.

        Examples:
            >>> low, high = Share(9, 10).interval
            >>> f"{low:.3f} {high:.3f}"
            '0.596 0.982'
            >>> Share(0, 0).interval
            (0.0, 1.0)
        """
        if not self.whole:
            return 0.0, 1.0
        p, n = self.part / self.whole, self.whole
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n)) / (1 + _Z**2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two readings of the same things agree."""

    same: Share
    """In how many both say the same."""
    kappa: float | None
    """Cohen's: agreement beyond what chance would give two readers with these habits; None
    where there is no pair, or both always said one and the same word."""

    @property
    def too_few(self) -> bool:
        """Whether there are too few pairs for kappa to mean much."""
        return self.same.whole < TOO_FEW


def agreement(pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement:
    """Return the raw agreement and Cohen's kappa of pairs of words.

    Examples:
        >>> told = agreement([("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10
        ...                  + [("no", "no")] * 15)
        >>> f"{told.same.value:.2f} {told.kappa:.2f}"
        '0.70 0.40'
    """
    n = len(pairs)
    same = Share(sum(one == other for one, other in pairs), n)
    if not n:
        return Agreement(same, None)
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    by_chance = sum(count * second[word] for word, count in first.items())
    if by_chance == n * n:
        return Agreement(same, None)
    expected = by_chance / (n * n)
    return Agreement(same, (same.part / n - expected) / (1 - expected))


@dataclass(frozen=True, slots=True)
class Reading:
    """The latest verdict of one reader on one link, with what it was given on."""

    work: str
    claim: str
    opinion: Opinion
    blind: bool = False
    proposed: Stance | None = None
    """What a machine had proposed; None where that is not known."""
    published: bool = False
    """Whether it was shown as a link then."""


@dataclass(frozen=True, slots=True)
class Record:
    """What people's verdicts come to, all together."""

    readers: tuple[tuple[str, int], ...]
    """(handle, links judged), most first."""
    confirmed: int
    """Links that all their readers confirm."""
    rejected: int
    contested: int
    """Links on which readers disagree."""
    precision: Share
    """Of the machine's published links that readers settled, those that they confirm."""
    stances: Share
    """Of these confirmed links, those whose proposed stance they confirm too."""
    links: Agreement
    """Whether there is a link at all: pairs of readers, one of them blind."""
    positions: Agreement
    """The stance or "rejected": the same pairs."""


def record(readings: Iterable[Reading]) -> Record:
    """Count what readers said: what they settled, how the machine fares, how far they agree.

    What is judged is chosen, doubtful links first, so the machine's precision over all its
    links is likely better than over those that were judged.
    """
    by_link: dict[tuple[str, str], list[Reading]] = {}
    readers: Counter[str] = Counter()
    for each in readings:
        by_link.setdefault((each.work, each.claim), []).append(each)
        readers[each.opinion.by] += 1
    outcomes: Counter[str] = Counter()
    confirmed = judged = right = 0
    bears: list[tuple[Hashable, Hashable]] = []
    positions: list[tuple[Hashable, Hashable]] = []
    for _, told in sorted(by_link.items()):
        proposal = next((r for r in told if r.proposed and r.published), None)
        proposed = next((r.proposed for r in told if r.proposed), None)
        settled = settle((r.opinion for r in told), proposed or Stance.mentions)
        outcomes["contested" if settled.contested else settled.review.value] += 1
        if proposal is not None and not settled.contested:
            judged += 1
            confirmed += settled.review == ReviewState.confirmed
            right += settled.review == ReviewState.confirmed and settled.stance == proposal.proposed
        for one, other in _pairs(told):
            bears.append((one.opinion.verdict, other.opinion.verdict))
            words = [_position(one, proposed), _position(other, proposed)]
            if all(words):
                positions.append((words[0], words[1]))
    return Record(
        readers=tuple(sorted(readers.items(), key=lambda item: (-item[1], item[0]))),
        confirmed=outcomes["confirmed"],
        rejected=outcomes["rejected"],
        contested=outcomes["contested"],
        precision=Share(confirmed, judged),
        stances=Share(right, confirmed),
        links=agreement(bears),
        positions=agreement(positions),
    )


def _pairs(readings: Sequence[Reading]) -> list[tuple[Reading, Reading]]:
    """The pairs in which one reader did not see the other's verdict: who saw comes first."""
    told = sorted(readings, key=lambda each: (each.blind, each.opinion.by))
    return [(one, other) for i, one in enumerate(told) for other in told[i + 1 :] if other.blind]


def _position(reading: Reading, proposed: Stance | None) -> str:
    stance = reading.opinion.stance or reading.proposed or proposed
    return category(reading.opinion.verdict, stance or "")
