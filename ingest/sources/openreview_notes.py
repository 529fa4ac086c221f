"""What one record of OpenReview says: a submission, and what its venue did with it."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest import normalize
from ingest.errors import ParseError
from ingest.records import Draft, ManifestationDraft, Removal, StatusDraft
from kb import ids
from kb.errors import IdentifierError
from kb.vocabulary import ManifestationKind, StatusKind, WorkKind, WorkRelationKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.records import Raw
    from kb.schema import OpenReviewEntry

NAME = "openreview"


def read(entry: OpenReviewEntry, raw: Raw) -> Draft | Removal:
    """Return what one record of a venue says.

    Raises:
        ParseError: A field we need is missing or is not what it should be.
    """
    try:
        record = json.loads(raw.body)
    except (ValueError, RecursionError) as error:
        raise ParseError(NAME, raw.url, f"not JSON: {error}"[:200]) from error
    if not isinstance(record, dict):
        raise ParseError(NAME, raw.url, "not a record of ours")
    if isinstance(record.get("gone"), str):
        return Removal((), (f"{NAME}:{record['gone']}",))
    note = record.get("note")
    if not isinstance(note, dict):
        raise ParseError(NAME, raw.url, "the note is not an object")
    return _Note(entry, note, listed(record.get("decisions")), raw.url).draft()


def listed(value: Any) -> list[Any]:
    """Return a list as it is, and anything else as an empty one."""
    return value if isinstance(value, list) else []


@dataclass(slots=True)
class _Note:
    """A submission, as one record has it."""

    entry: OpenReviewEntry
    note: dict[str, Any]
    decisions: list[Any]
    url: str
    content: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        content = self.note.get("content")
        if not isinstance(content, dict):
            raise self._fault("it has no content")
        self.content = content

    def draft(self) -> Draft:
        """Return the work that the note describes."""
        work = self._work()
        title = normalize.prose(self._text("title"))
        if not title:
            raise self._fault("title is missing")
        abstract = normalize.prose(self._text("abstract"))
        submitted = self._day("cdate", "tcdate")
        if not submitted:
            raise self._fault("it has no date")
        public = self._day("odate", "pdate") or submitted
        form = ManifestationDraft(
            id=work,
            kind=ManifestationKind.openreview,
            title=title,
            abstract=abstract,
            url=ids.url(work),
            publisher="OpenReview",
            valid=max(public, self._day("mdate", "tmdate")),
        )
        return Draft(
            identifiers=(work, *_others(self.content)),
            kind=WorkKind.paper,
            title=title,
            abstract=abstract,
            authors=self._authors(),
            first_public=public,
            categories="",
            withdrawn=False,  # from this venue, which its status says; the work itself stands
            manifestations=(form,),
            statuses=tuple(self._statuses(submitted)),
            related=tuple(self._related(work)),
        )

    def _fault(self, reason: str) -> ParseError:
        return ParseError(NAME, self.url, reason)

    def _work(self) -> str:
        id, forum = self.note.get("id"), self.note.get("forum")
        if not isinstance(id, str) or not id:
            raise self._fault("id is missing")
        if forum not in (None, id):
            raise self._fault("it is a reply, not a submission")
        try:
            return ids.openreview(f"{NAME}:{id}")
        except IdentifierError as error:
            raise self._fault(str(error)[:200]) from error

    def _text(self, name: str) -> str:
        value = _value(self.content, name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._fault(f"{name} is not text")
        if not normalize.is_sound(value):
            raise self._fault(f"{name} holds half a character")
        return value

    def _authors(self) -> tuple[str, ...]:
        """The names; none while they are hidden from reviewers."""
        found = (normalize.name(name) for name in names(self.content, "authors"))
        return tuple(name for name in found if name and not name.casefold().startswith("anonymous"))

    def _day(self, *names: str) -> str:
        """The day of the first of these moments that the note has, in UTC; "" for none."""
        return _day(self.note, *names)

    def _statuses(self, submitted: str) -> Iterator[StatusDraft]:
        """What the venue did with it, and when: to the day where the record says so.

        Most changes leave no day of their own; they lie between the submission and the last
        change of the note. A day that is made again with each change would make each change
        a new act, an interval from the same beginning does not.
        """
        last = self._day("mdate", "tmdate")
        since = f"{submitted}/{last}" if last > submitted else submitted
        for act, note, day in self._acts():
            status = act
            if act is StatusKind.under_review:
                valid = submitted
            elif act in _ACCEPTING:
                valid = day or self._day("pdate") or since
            else:
                valid = day or since
            if act is StatusKind.accepted and "/Workshop" in self.entry.id:
                status = StatusKind.workshop
            yield StatusDraft(status, valid, self.entry.name, note=note)

    def _acts(self) -> Iterator[tuple[StatusKind, str, str]]:
        """Act, what to note of it, and the day, of everything that the record tells."""
        replies = [
            (words, _day(reply, "cdate", "tcdate"))
            for reply in self.decisions
            if isinstance(reply, dict)
            and (words := _said(reply.get("content"), self.entry.decision_field))
        ]
        words = _said(self.content, "venue")
        place = self._place()
        told = [(*act, day) for said, day in replies for act in verdict(said)]
        if not replies:
            told = [(*act, "") for act in verdict(words)]
        if place in _PLACES:
            yield (*_PLACES[place], "")
        elif told:
            yield from told
        elif place == "" and not replies:
            # Of version 2 only: the venue's own name stands on what it has accepted.
            yield StatusKind.accepted, words, ""
        else:
            yield StatusKind.under_review, "; ".join(said for said, _ in replies) or words, ""

    def _place(self) -> str | None:
        """Which of the venue's shelves the note lies on: "" for what it accepted."""
        if self.entry.api == 1:  # there its own name stands on what it rejected, too
            invitation = self.note.get("invitation")
            return invitation.rpartition("/")[2] if isinstance(invitation, str) else None
        venueid = _said(self.content, "venueid")
        if venueid == self.entry.id:
            return ""
        return venueid.removeprefix(f"{self.entry.id}/") if venueid else None

    def _related(self, work: str) -> Iterator[tuple[WorkRelationKind, str]]:
        """Earlier submissions of the same work, where the authors name their pages."""
        found = []
        for name in self.content:
            if not _EARLIER.fullmatch(name.casefold()):
                continue
            for word in plain(self.content, name)[:2000].split():
                try:
                    found.append(ids.openreview(word) if "openreview.net/" in word else "")
                except IdentifierError:
                    continue
        for id in dict.fromkeys(found):
            if id and id != work:
                yield WorkRelationKind.resubmission_of, id


_EARLIER = re.compile(r"(?:previous|prior|earlier)_.*(?:url|submission|forum|link)|resubmission.*")
"""Fields that name an earlier submission, as venues call them."""
_ACCEPTING = (
    StatusKind.oral,
    StatusKind.spotlight,
    StatusKind.poster,
    StatusKind.accepted,
)
_PLACES: Mapping[str | None, tuple[StatusKind, str]] = {
    "Rejected_Submission": (StatusKind.rejected, ""),
    "Withdrawn_Submission": (StatusKind.withdrawn, ""),
    "Desk_Rejected_Submission": (StatusKind.rejected, "desk"),
}
"""Names that OpenReview itself gives -> act and note, whatever the venue's words are."""
_ENDS = (
    (re.compile(r"\bwithdr[ae]w"), StatusKind.withdrawn, ""),
    (re.compile(r"\bretract"), StatusKind.retracted, ""),
    (re.compile(r"\bdesk\W*reject"), StatusKind.rejected, "desk"),
    (re.compile(r"\breject"), StatusKind.rejected, ""),
    (re.compile(r"\bsubmitted\b|\bunder\W*review\b"), StatusKind.under_review, ""),
)
"""Words that settle the matter, whatever else is said, in this order."""
_TIERS = (
    (re.compile(r"\b(?:oral|talk)(?=poster|s?\b)"), StatusKind.oral),
    (re.compile(r"\bspotlight(?=poster|s?\b)"), StatusKind.spotlight),
    (re.compile(r"\bposters?\b"), StatusKind.poster),
)
_AWARD = re.compile(r"\b(?:best|outstanding|distinguished)\b.*\bpaper|\baward\b|\brunner.up\b")
_ACCEPTED = re.compile(r"\baccept(?:ed|ance)?\b|\bnotable\b")


def verdict(words: str) -> list[tuple[StatusKind, str]]:
    """Return what a decision comes to, each act with what to note of it; nothing if unclear.

    Examples:
        >>> [act.value for act, _ in verdict("Accept (Oral), Best Paper")]
        ['oral', 'award']
        >>> [act.value for act, _ in verdict("Submitted to ICLR 2026")]
        ['under-review']
        >>> verdict("Invite to Workshop Track")
        []
    """
    text = normalize.prose(words).casefold()
    for pattern, act, note in _ENDS:
        if pattern.search(text):
            return [(act, note)]
    if re.search(r"\bnot?\b", text):  # what is not so does not say what is
        return []
    acts = [(tier, "") for pattern, tier in _TIERS if pattern.search(text)][:1]
    if _AWARD.search(text):
        acts.append((StatusKind.award, normalize.prose(words)))
    if not acts and _ACCEPTED.search(text):
        acts.append((StatusKind.accepted, normalize.prose(words)))
    return acts


def _value(content: Any, name: str) -> Any:
    """A field: version 2 wraps each in an object, version 1 does not."""
    value = content.get(name) if isinstance(content, dict) else None
    return value.get("value") if isinstance(value, dict) else value


def plain(content: Any, name: str) -> str:
    """A field as text; "" where it is something else."""
    value = _value(content, name)
    return value if isinstance(value, str) else ""


def _said(content: Any, name: str) -> str:
    """A field as a few words on one line."""
    return normalize.prose(plain(content, name)[:200])


def names(content: Any, name: str) -> list[str]:
    """A field that lists names, which newer venues give as objects."""
    found = []
    for one in listed(_value(content, name)):
        text = one.get("fullname") if isinstance(one, dict) else one
        if isinstance(text, str):
            found.append(text)
    return found


def _day(note: Mapping[str, Any], *names: str) -> str:
    for name in names:
        moment = note.get(name)
        # Milliseconds, within what a calendar has; a truth value is a number to Python.
        if type(moment) is int and 0 < moment < 253_402_300_800_000:
            return dt.datetime.fromtimestamp(moment / 1000, dt.UTC).date().isoformat()
    return ""


def _others(content: Mapping[str, Any]) -> list[str]:
    """What the paper is called elsewhere, by the fields that name the paper itself."""
    found = []
    for name in content:
        word = plain(content, name).strip()
        if len(word) > 300 or not word or len(word.split()) != 1:
            continue
        key = name.casefold().strip("_")
        try:
            if re.fullmatch(r"https?://(?:www\.|export\.)?arxiv\.org/.*", word, re.IGNORECASE):
                if key in ("pdf", "html") or key.startswith("arxiv"):
                    found.append(ids.arxiv(word))
            elif key.startswith("arxiv"):
                found.append(ids.arxiv(re.sub(r"^arxiv:", "", word, flags=re.IGNORECASE)))
            elif key == "doi" or (key == "html" and "doi.org/" in word):
                doi = ids.doi(word)
                own = doi.removeprefix("doi:10.48550/arxiv.")  # the DOIs that arXiv gives
                found.append(doi if own == doi else ids.arxiv(own))
        except IdentifierError:
            continue
    return list(dict.fromkeys(found))
