"""What the words of the closed vocabularies mean, as the pages say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb import dates

if TYPE_CHECKING:
    from kb.views import LinkView

STANCES: dict[str, tuple[str, str]] = {
    "supports": ("Supports", "argues for it, proves or shows an instance, or is evidence for it"),
    "disputes": ("Disputes", "the same against it"),
    "qualifies": ("Qualifies", "gives conditions, limits or a sharper version"),
    "mentions": ("Mentions", "states it as background, reports others, or takes no side"),
}
"""Stance -> heading, meaning; in the order in which evidence is listed."""

TENSION_KINDS: dict[str, tuple[str, str]] = {
    "genuine": (
        "Genuine disagreement",
        "Both sides speak of the same thing in overlapping settings and both assert it, "
        "so they cannot both be right.",
    ),
    "apparent-scope": (
        "Different settings",
        "The claims pull apart, but they were made for different settings; "
        "both may hold, each where it was shown.",
    ),
    "apparent-sense": (
        "Different meanings",
        "The claims use one word in different senses; what one says, the other does not deny.",
    ),
    "open-question": (
        "Open question",
        "Not enough is known to tell whether the claims collide.",
    ),
    "normative": (
        "About aims",
        "The sides differ on what is wanted or what counts as an answer, not on what is so.",
    ),
}
"""Kind of tension -> short name, what it means."""

RELATIONS: dict[str, str] = {
    "supports": "supports",
    "disputes": "disputes",
    "qualifies": "qualifies",
    "refines": "refines",
    "extends": "extends",
    "replicates": "replicates",
    "undercuts": "undercuts",
    "incompatibleWith": "is incompatible with",
    "equivalentTo": "says the same as",
}

PROOF_LEVELS: dict[str, str] = {
    "theorem": "a theorem",
    "asymptotic-theory": "asymptotic theory",
    "experiment": "experiment",
    "theory+experiment": "theory and experiment",
    "position": "a position",
    "commentary": "commentary",
}

STATUSES: dict[str, str] = {
    "preprint": "preprint",
    "under-review": "under review",
    "workshop": "workshop paper",
    "accepted": "accepted",
    "poster": "poster",
    "spotlight": "spotlight",
    "oral": "oral",
    "journal": "journal article",
    "award": "award",
    "withdrawn": "withdrawn",
    "rejected": "rejected by the venue",
    "retracted": "retracted",
}

FACETS: dict[str, str] = {
    "architecture": "architecture",
    "width_depth": "width and depth",
    "data_regime": "data",
    "noise": "noise",
    "optimizer": "optimizer",
    "training_phase": "phase of training",
    "task": "task",
    "shift": "shift",
    "scale": "scale",
    "observable": "what is measured",
}

OPERATORS: dict[str, str] = {"is": "", "excludes": "not ", "requires": "only if "}

_CHECKED: dict[str, str] = {
    "full": "read in full",
    "abstract": "abstract read",
    "title": "title read only",
    "nothing": "source not read",
}

VERIFIED: dict[str, str] = {
    "official": "from an official page",
    "second-hand": "quoted by another page",
    "digest": "only a digest says so",
    "no": "not verified",
}

LANES: dict[str, str] = {
    "works": "Works",
    "status": "Status",
    "voices": "Positions",
    "discourse": "Discourse",
    "events": "Events",
}
"""Lane of the timeline -> its name, in the order in which they are drawn."""

OF_LANE: dict[str, str] = {
    "works": "Work",
    "status": "Status",
    "voices": "Position",
    "discourse": "Discourse",
    "events": "Event",
}
"""Lane -> what one of its entries is called."""


STALENESS: dict[str, tuple[str, str]] = {
    "fresh": ("fresh", "it was read not long ago"),
    "late": ("late", "it was not read for more than twice its period"),
    "ill": ("ill", "the last try failed, and a person must look"),
    "never": ("never read", "it has not been read yet"),
}
"""Staleness of a source that is asked -> badge, what it means."""

OUTCOMES: dict[str, str] = {
    "ok": "it was read",
    "deferred": "it could not be reached, or asked us to wait",
    "blocked": "it does not let us in; what is known of it is kept",
    "halted": "it took back so much that a person must agree first",
    "failed": "it answered in a form that we cannot read",
    "interrupted": "the run was cut short",
    "running": "it is being read",
    "": "not tried yet",
}
"""Outcome of the last try -> what it means."""

VOICE_MOVES: dict[str, str] = {
    "new": "New voice",
    "strengthened": "Strengthened",
    "weakened": "Weakened",
    "shifted": "Shifted",
    "consistent": "Consistent",
    "dormant": "Dormant",
    "awake": "Awake again",
    "gone": "Gone",
    "split": "Split",
    "merged": "Merged",
}
"""What became of a voice from one cycle to the next -> its label; `kb.changes` has the rules."""

CHANGE_KINDS: dict[str, str] = {
    "tension-opened": "Tensions opened",
    "tension-closed": "Tensions closed",
    "tension-entered": "Questions recorded, not open",
    "tension-left": "Questions no longer recorded",
    "tension-kind": "Tensions of another kind",
    "tension-narrowed": "Tensions narrowed",
    "tension-widened": "Tensions widened",
    "tension-redrawn": "Tensions redrawn",
    "tension-dormant": "Tensions dormant",
    "tension-awake": "Tensions awake again",
    "tension-revised": "Tensions revised",
    "balance-moved": "Balances moved",
    "voice-split": "Voices split",
    "voice-merged": "Voices merged",
    "voice-shifted": "Voices shifted",
    "voice-new": "Voices new",
    "voice-gone": "Voices gone",
    "voice-weakened": "Voices weakened",
    "voice-strengthened": "Voices strengthened",
    "voice-consistent": "Voices consistent",
    "voice-dormant": "Voices dormant",
    "voice-awake": "Voices awake again",
    "voice-revised": "Voices revised",
    "link-confirmed": "Links confirmed by a person",
    "link-rejected": "Links rejected by a person",
    "link-reopened": "Links no longer judged",
    "link-superseded": "Links superseded",
    "claim-entered": "Claims entered",
    "claim-left": "Claims left",
    "claim-revised": "Claims revised",
    "link-added": "Links added",
    "link-removed": "Links removed",
    "link-revised": "Links revised",
    "status-raised": "Status raised",
    "status-lowered": "Status lowered",
    "status-recorded": "Further acts recorded",
    "status-struck": "Acts struck",
    "work-entered": "Works entered",
    "work-left": "Works left",
    "version-added": "New versions",
    "version-removed": "Versions removed",
    "work-revised": "Works revised",
    "version-revised": "Versions revised",
    "holding-added": "Positions recorded",
    "holding-removed": "Positions removed",
    "holding-revised": "Positions revised",
    "relation-added": "Relations between claims added",
    "relation-removed": "Relations between claims removed",
    "relation-revised": "Relations between claims revised",
    "event-entered": "Events recorded",
    "event-left": "Events removed",
    "event-revised": "Events revised",
    "digest-entered": "Digests recorded",
    "digest-left": "Digests removed",
    "digest-revised": "Digests revised",
    "harvest-entered": "Works harvested",
    "harvest-left": "Harvested works removed",
    "proposal-added": "Links proposed by a machine, not counted",
    "proposal-removed": "Proposals of a machine gone",
    "proposal-revised": "Proposals of a machine revised",
}
"""Kind of event between two cycles -> the heading of its list."""


def checked(depth: str) -> str:
    """Return how far a source was read, in words; "" where nothing is recorded."""
    return _CHECKED.get(depth, "")


def badge(link: LinkView) -> tuple[str, str]:
    """Return how sure a link is, as (class, words).

    Classes: confirmed, rejected, superseded, machine, curated. A person's confirmation
    is named; what no person has confirmed says so, and so does what readers disagree on.
    """
    who = link.reviewed_by or "a person"
    if link.review == "confirmed":
        return "confirmed", f"confirmed by {who}"
    if link.review == "rejected":
        return "rejected", f"rejected by {who}"
    if link.review == "superseded":
        return "superseded", "superseded by a later statement"
    if link.reviewed_by:
        kind = "machine" if link.agent_kind in ("model", "rule") else "curated"
        return kind, f"contested: {link.reviewed_by} disagree · not confirmed"
    if link.agent_kind in ("model", "rule"):
        score = "" if link.score is None else f" · score {link.score:.2f}"
        return "machine", f"machine proposal{score} · not confirmed by a person"
    source = "curated" if link.agent_kind == "curation" else f"noted by {link.agent}"
    depth = f" · {checked(link.checked)}" if checked(link.checked) else ""
    return "curated", f"{source}{depth} · not confirmed by a person"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    Examples:
        >>> count(1, "work"), count(1204, "work"), count(2, "thesis", "theses")
        ('1 work', '1,204 works', '2 theses')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def period(days: float) -> str:
    """Return how often a source is asked, in words.

    Examples:
        >>> period(1), period(7), period(0.5)
        ('every day', 'every 7 days', 'every 12 hours')
    """
    if days < 1:
        hours = round(days * 24, 1)
        return "every hour" if hours == 1 else f"every {hours:g} hours"
    return "every day" if days == 1 else f"every {days:g} days"


def moment(iso: str) -> str:
    """Return a UTC time in words, to the minute.

    Examples:
        >>> moment("2026-11-21T05:19:00+00:00")
        '21 November 2026, 05:19 UTC'
    """
    if len(iso) < 16:
        return dates.words(iso)
    return f"{dates.words(iso[:10])}, {iso[11:16]} UTC"
