"""The closed vocabularies of the debate, each word with its meaning.

Members are lower case and their values are what files, tables and pages show.
"""

from __future__ import annotations

from enum import StrEnum


class ClaimLevel(StrEnum):
    """How broad a claim is."""

    thesis = "thesis"
    """Broad and contested: papers are linked to it."""
    finding = "finding"
    """What particular work shows; it bears on theses."""


class Stance(StrEnum):
    """What a work does to a claim."""

    supports = "supports"
    """Argues, proves or shows an instance of it, or direct evidence for it."""
    disputes = "disputes"
    """The same against it."""
    qualifies = "qualifies"
    """Gives conditions, limits or a sharper version."""
    mentions = "mentions"
    """States it as background, reports others, or takes no side."""


class AssertedHow(StrEnum):
    """Whose statement it is."""

    asserts = "asserts"
    """The authors' own finding or position."""
    reports = "reports"
    """Background, or attributed to others."""


class ReviewState(StrEnum):
    """Whether a person has judged a statement."""

    proposed = "proposed"
    """No person has confirmed it yet."""
    confirmed = "confirmed"
    """A person read the evidence and agrees."""
    rejected = "rejected"
    """A person read the evidence and disagrees; kept, never shown as evidence."""
    superseded = "superseded"
    """A later statement stands in its place."""


class AgentKind(StrEnum):
    """Who said so."""

    human = "human"
    """A person, named by handle."""
    curation = "curation"
    """The curated files: read against the source to the stated depth, not yet confirmed."""
    rule = "rule"
    """A deterministic rule, named with its version."""
    model = "model"
    """A statistical model, named with its version."""


class Checked(StrEnum):
    """How far a curated statement was checked against its source."""

    full = "full"
    abstract = "abstract"
    title_ = "title"
    nothing = "nothing"


class ProofLevel(StrEnum):
    """What kind of argument carries a finding."""

    theorem = "theorem"
    asymptotic_theory = "asymptotic-theory"
    experiment = "experiment"
    theory_and_experiment = "theory+experiment"
    position = "position"
    commentary = "commentary"


class Facet(StrEnum):
    """A dimension along which the scope of a claim is stated."""

    architecture = "architecture"
    width_depth = "width_depth"
    data_regime = "data_regime"
    noise = "noise"
    optimizer = "optimizer"
    training_phase = "training_phase"
    task = "task"
    shift = "shift"
    scale = "scale"
    observable = "observable"


class Operator(StrEnum):
    """How a scope facet restricts a claim."""

    is_ = "is"
    """The claim is about this value."""
    excludes = "excludes"
    """The claim is about everything but this value."""
    requires = "requires"
    """The claim holds only under this condition."""


class RelationKind(StrEnum):
    """What one claim does to another. See `CITO` for the terms of the Citation Typing Ontology."""

    supports = "supports"
    disputes = "disputes"
    qualifies = "qualifies"
    refines = "refines"
    extends = "extends"
    replicates = "replicates"
    undercuts = "undercuts"
    """Removes a reason for it without contradicting it."""
    incompatible_with = "incompatibleWith"
    equivalent_to = "equivalentTo"


CITO: dict[str, str] = {
    "supports": "cito:supports",
    "disputes": "cito:disputes",
    "qualifies": "cito:qualifies",
    "refines": "cito:updates",
    "extends": "cito:extends",
    "mentions": "cito:discusses",
}
"""Our word -> the nearest term of the Citation Typing Ontology (purl.org/spar/cito 2.8.1).

Words that are absent have no term there: replicates, undercuts, incompatibleWith,
equivalentTo.
"""


class TensionKind(StrEnum):
    """What a disagreement is."""

    genuine = "genuine"
    """Overlapping scopes, one sense, both asserted. Only a person sets it."""
    apparent_scope = "apparent-scope"
    """The claims hold in different settings."""
    apparent_sense = "apparent-sense"
    """A key term means different things."""
    open_question = "open-question"
    """Not enough is known to tell."""
    normative = "normative"
    """About what is wanted or what counts, not about what is so."""


class WorkKind(StrEnum):
    """What a work is."""

    paper = "paper"
    post = "post"
    talk = "talk"
    page = "page"
    """An institutional, reference or profile page."""
    news = "news"


class ManifestationKind(StrEnum):
    """The form in which a work appeared."""

    arxiv = "arxiv"
    openreview = "openreview"
    proceedings = "proceedings"
    journal = "journal"
    pdf = "pdf"
    page = "page"
    post = "post"


class CoverageKind(StrEnum):
    """The form of something written about a work; never evidence."""

    post = "post"
    thread = "thread"
    video = "video"
    news = "news"
    digest = "digest"
    talk = "talk"
    page = "page"


class WorkRelationKind(StrEnum):
    """What ties works into one lineage, the unit by which support is counted."""

    resubmission_of = "resubmissionOf"
    retitle_of = "retitleOf"
    extended_version_of = "extendedVersionOf"


class StatusKind(StrEnum):
    """Where a work stands in public. A venue's decision, never evidence for a claim."""

    preprint = "preprint"
    under_review = "under-review"
    workshop = "workshop"
    accepted = "accepted"
    """Accepted; the tier was not seen."""
    poster = "poster"
    spotlight = "spotlight"
    oral = "oral"
    journal = "journal"
    award = "award"
    withdrawn = "withdrawn"
    rejected = "rejected"
    retracted = "retracted"


class Attitude(StrEnum):
    """What a voice does with a claim."""

    holds = "holds"
    rejects = "rejects"


class VoiceKind(StrEnum):
    """Who speaks."""

    person = "person"
    group = "group"


class TalkKind(StrEnum):
    """What happens in a slot of a programme."""

    opening = "opening"
    invited = "invited"
    keynote = "keynote"
    contributed = "contributed"
    oral = "oral"
    panel = "panel"
    poster = "poster"
    break_ = "break"
    closing = "closing"


class Verified(StrEnum):
    """Where what we say of an event comes from."""

    official = "official"
    """The organizers' or the conference's own page."""
    second_hand = "second-hand"
    """Quoted by another page."""
    digest = "digest"
    """Only a digest says so."""
    no = "no"
