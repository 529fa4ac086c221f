"""The reader's desk: shows proposals one by one in a terminal and writes down what is said."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kb import review, schema, verdicts
from kb.errors import ConfigError
from kb.plain import plain
from kb.vocabulary import ReviewState, Stance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kb.review import Agreement, Record, Share
    from kb.verdicts import Written
    from kb.views import ProposalView

_WIDTH = 92
_STANCES = {
    "+": Stance.supports,
    "-": Stance.disputes,
    "~": Stance.qualifies,
    "m": Stance.mentions,
}
_WORDS = {
    "accept": "a", "supports": "+", "disputes": "-", "qualifies": "~", "mentions": "m",
    "reject": "r", "skip": "s", "undo": "u", "exit": "x", "help": "?",
}  # fmt: skip
_KEYS = "+ supports  - disputes  ~ qualifies  m mentions  r no link  s skip  u undo  x stop  ? help"
_HELP = (
    "Judge whether the work bears on the claim, and how, by what its abstract says.",
    "  a   accept the proposal as it is (not in a blind reading)",
    "  +   it supports the claim        -   it disputes it",
    "  ~   it supports or disputes it only under a condition, or limits it",
    "  m   it only mentions it          r   it does not bear on it: reject the link",
    "  s   skip it                      u   take the last answer back, or go back one",
    "  x   stop; what was judged is kept",
    "A reason may follow on the same line: “r the sentence is about prior work”.",
)


@dataclass
class Sitting:
    """What came of asking."""

    written: list[Written] = field(default_factory=list)
    skipped: int = 0
    left: int = 0
    """Not reached."""


@dataclass(frozen=True)
class Desk:
    """One reader at work.

    Attributes:
        by: The reader's handle.
        on: The day, EDTF.
        blind: Whether to hide what the machine and others said.
        ask: Shows a prompt and returns a line; raises EOFError where there is no more.
        say: Prints a line.
        folder: Of the curated files; the package's own when None.
        bold: Put around the evidence besides its marks: what switches it on and off.
    """

    by: str
    on: str
    blind: bool
    ask: Callable[[str], str]
    say: Callable[[str], None]
    folder: Path | None = None
    bold: tuple[str, str] = ("", "")

    def sit(self, proposals: Sequence[ProposalView]) -> Sitting:
        """Ask about each; every verdict is on the disk before the next question.

        An end of the input or Ctrl-C stops; what was judged by then is kept.

        Raises:
            ContentError: The curated files have a fault.
            ConfigError: The reader's file cannot be written.
            BusyError: Another process is writing the curated files.
        """
        told = Sitting()
        done: list[Written | None] = []
        """What was written for each proposal so far; None where it was skipped."""
        try:
            while len(done) < len(proposals):
                proposal = proposals[len(done)]
                for line in self._show(proposal, len(done) + 1, len(proposals)):
                    self.say(line)
                answer = self._answer()
                if answer is None:
                    break
                key, note = answer
                if key == "u":
                    self._undo(done)
                elif key == "s":
                    done.append(None)
                else:
                    done.append(verdicts.give(self._entry(proposal, key, note), self.folder))
                    self.say(f"noted: {plain(self._said(proposal, key))}")
        except (EOFError, KeyboardInterrupt):
            self.say("")
        told.written = [each for each in done if each is not None]
        told.skipped = len(done) - len(told.written)
        told.left = len(proposals) - len(done)
        return told

    def _answer(self) -> tuple[str, str] | None:
        """Ask until an answer is understood: its key and the reason; None to stop."""
        while True:
            self.say(_KEYS if self.blind else f"a accept  {_KEYS}")
            word, _, note = self.ask("> ").strip().partition(" ")
            key = _WORDS.get(word.lower(), word.lower())
            if key == "x":
                return None
            if key in ("s", "u"):
                return key, ""
            if key in (*_STANCES, "r") or (key == "a" and not self.blind):
                return key, plain(note) or self._reason()
            if key == "?":
                for line in _HELP:
                    self.say(line)
            elif word:
                self.say(f"{plain(word)!r} is none of these; ? explains them")

    def _reason(self) -> str:
        try:
            return plain(self.ask("why? (Enter for no reason) "))
        except EOFError:
            return ""  # the verdict was given; the next question finds the end again

    def _undo(self, done: list[Written | None]) -> None:
        if not done:
            self.say("nothing was judged here before it; earlier verdicts are never taken back")
            return
        last = done.pop()
        if last is not None:
            try:
                verdicts.take_back(last)
            except ConfigError as error:
                self.say(f"error: {error}")
                done.append(last)
                return
        self.say("taken back")

    def _entry(self, proposal: ProposalView, key: str, note: str) -> schema.VerdictEntry:
        rejects = key == "r"
        stance = _STANCES.get(key, Stance(proposal.stance))
        return schema.VerdictEntry(
            work=proposal.work.id,
            claim=proposal.claim.id,
            verdict=ReviewState.rejected if rejects else ReviewState.confirmed,
            stance=None if rejects else stance,
            by=self.by,
            on=self.on,
            note=note,
            abstract_sha256=review.fingerprint(proposal.abstract),
            evidence_sha256=review.fingerprint(proposal.quote),
            blind=self.blind,
            machine=schema.ProposalEntry(
                agent=proposal.agent,
                stance=Stance(proposal.stance),
                score=proposal.score,
                published=proposal.published,
            ),
        )

    def _said(self, proposal: ProposalView, key: str) -> str:
        if key == "r":
            return f"{proposal.work.id} does not bear on {proposal.claim.id}"
        return f"{proposal.work.id} {_STANCES.get(key, proposal.stance)} {proposal.claim.id}"

    # -- what is shown ----------------------------------------------------------------------

    def _show(self, proposal: ProposalView, number: int, total: int) -> list[str]:
        work, claim = proposal.work, proposal.claim
        about = [part for part in (work.authors, work.date, work.id) if part]
        lines = [
            "",
            *_wrapped(f"{number} of {total}: {work.title}", "", "  "),
            f"  {plain(' · '.join(about))}",
            *_wrapped(f"{claim.level} {claim.id}: {claim.text}", "  ", "    "),
        ]
        if not self.blind:
            lines += self._background(proposal)
        own = [each for each in proposal.verdicts if each.by == self.by and each.changed]
        for each in own:
            lines.append(f"  you judged it on {plain(each.valid)}; the abstract has changed since")
        return [*lines, "", *self._abstract(proposal), ""]

    def _background(self, proposal: ProposalView) -> list[str]:
        parts = [
            f"proposed: {proposal.stance}",
            proposal.how,
            f"score {proposal.score:.2f}, {'shown' if proposal.published else 'not shown'}",
            f"leans {proposal.stance_score:+.2f}",
            proposal.agent,
        ]
        at = ", ".join(tension.id for tension in proposal.tensions)
        lines = _wrapped(" · ".join(part for part in parts if part), "  ", "    ")
        balance = proposal.balance.headline() + (f" · in {at}" if at else "")
        lines += _wrapped(f"the claim has {balance}", "  ", "    ")
        for each in proposal.verdicts:
            lines += _wrapped(each.headline(), "  ", "    ")
        return lines

    def _abstract(self, proposal: ProposalView) -> list[str]:
        """The abstract, with the evidence between marks that need no color."""
        text = proposal.abstract
        before, quote, after = (  # only our own marks may look like ours
            plain(part).replace("»", "›").replace("«", "‹")
            for part in (
                text[: proposal.start], text[proposal.start : proposal.end], text[proposal.end :]
            )
        )  # fmt: skip
        lines = _wrapped(f"{before} »{quote}« {after}", "    ", "    ")
        on, off = self.bold
        inside, out = False, []
        for line in lines:
            start = on if inside else ""
            for mark in line:
                inside = (inside or mark == "»") and mark != "«"
            marked = line.replace("»", f"{on}»").replace("«", f"«{off}")
            out.append(f"{start}{marked}{off if inside else ''}")
        return out


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        plain(text), _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )


# -- for others ------------------------------------------------------------------------------


def listed(proposal: ProposalView, *, blind: bool) -> dict[str, Any]:
    """Return a proposal for JSON; a blind one without what the machine and others said."""
    told = proposal.as_dict()
    if blind:
        shown = ("work", "claim", "abstract", "quote", "start", "end")
        return {name: told[name] for name in shown}
    return told


def report(record: Record) -> list[str]:
    """Return in words how far readers agree who did not see each other's verdicts."""
    if not record.links.same.whole:
        return ["no link has been judged by two readers, one of them blind"]
    lines = [
        f"agreement of readers, one of them blind, on {record.links.same.whole} pairs:",
        f"  link or none: {_agreed(record.links)}",
        f"  stance or none: {_agreed(record.positions)}",
    ]
    if record.links.too_few:
        lines.append(
            f"  {record.links.same.whole} pairs are too few for kappa to say much;"
            f" {review.TOO_FEW} are wanted"
        )
    return lines


def _agreed(found: Agreement) -> str:
    kappa = "not defined: all said the same" if found.kappa is None else f"{found.kappa:.2f}"
    return f"{_share(found.same)}, Cohen's kappa {kappa} (n = {found.same.whole})"


def _share(share: Share) -> str:
    if share.value is None:
        return "none"
    low, high = share.interval
    return (
        f"{share.part} of {share.whole} ({share.value:.0%}, 95 % interval {low:.0%} to {high:.0%})"
    )
