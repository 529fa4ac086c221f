"""Lint a synthesis of the debate: ours, or a digest in the form of `kb.synthesis`. Pure.

A rule compares what the text says with itself and with what we know of the works that it cites.
What it can decide it decides; where words alone do not tell, it says what a reader should look
at. A rule is a function from a `Reading` to findings; to add one, write it and list it in `RULES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.audit.bookkeeping import (
    count_mismatch,
    false_date_precision,
    listed_never_cited,
    primary_source_missing,
    review_precedes_subject,
)
from kb.audit.finding import BY_MACHINE, BY_READER, Finding, Place
from kb.audit.independence import (
    crosspost_counted_twice,
    non_independent_support,
    retitled_same_work,
    voice_split,
)
from kb.audit.ours import ours
from kb.audit.reading import Knowledge, Placed, Reading, Remark
from kb.audit.warrant import (
    award_as_evidence,
    claim_not_in_source,
    correlation_as_cause,
    scope_dropped,
    title_overread,
)
from kb.views import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kb.synthesis import Synthesis
    from kb.views import StrandView, TensionView

__all__ = [
    "BY_MACHINE",
    "BY_READER",
    "RULES",
    "Finding",
    "Knowledge",
    "Place",
    "Placed",
    "Reading",
    "Remark",
    "Report",
    "audit",
    "audit_ours",
]

RULES: dict[str, Callable[[Reading], Iterator[Finding]]] = {
    "review-precedes-subject": review_precedes_subject,
    "false-date-precision": false_date_precision,
    "crosspost-counted-twice": crosspost_counted_twice,
    "voice-split": voice_split,
    "retitled-same-work": retitled_same_work,
    "claim-not-in-source": claim_not_in_source,
    "scope-dropped": scope_dropped,
    "non-independent-support": non_independent_support,
    "award-as-evidence": award_as_evidence,
    "primary-source-missing": primary_source_missing,
    "listed-never-cited": listed_never_cited,
    "count-mismatch": count_mismatch,
    "correlation-as-cause": correlation_as_cause,
    "title-overread": title_overread,
}
"""Every rule by name, in the order in which findings are told."""


@dataclass(frozen=True, slots=True, repr=False)
class Report(View):
    """What the audit of one synthesis found, and how much of it could be compared."""

    title: str
    findings: tuple[Finding, ...]
    sources: int
    placed: int
    """Sources that we know the work or event of; of the others no rule can tell what they say."""

    def headline(self) -> str:
        """The counts."""
        machine = sum(finding.decided == BY_MACHINE for finding in self.findings)
        return (
            f"{len(self.findings)} findings ({machine} decided by machine, "
            f"{len(self.findings) - machine} for a reader); {self.placed} of {self.sources} "
            f"sources known"
        )


def audit(synthesis: Synthesis, knowledge: Knowledge) -> Report:
    """Return what the rules find in a synthesis of others."""
    return _report(Reading(synthesis, knowledge))


def audit_ours(
    knowledge: Knowledge, strands: tuple[StrandView, ...], tensions: tuple[TensionView, ...]
) -> Report:
    """Return what the rules find in what we say ourselves: texts, dates, voices, tensions."""
    return _report(ours(knowledge, strands, tensions))


def _report(reading: Reading) -> Report:
    findings = tuple(finding for rule in RULES.values() for finding in rule(reading))
    return Report(
        reading.synthesis.title, findings, len(reading.synthesis.sources), len(reading.placed)
    )
