"""What the maps show: one for all, or, of a large debate, one for each cluster of claims.

The facts by which a reader filters a map stand in its tables, so that they are said once for
the desk's drawing, the phone's drawing and the reader without either.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from kb import dates, dialectic, ids
from kb.render.strokes import SHOWN, name, stance, strands
from kb.render.untrusted import untrusted
from kb.render.words import FACETS
from kb.views import ClaimView

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    from kb.render.debate import Debate
    from kb.views import LinkView, RelationView, TensionView

MOST = 500
"""Nodes of a map up to which all are drawn; more are drawn as clusters."""

CLUSTER = 60
"""Nodes that a cluster should have, at most; a topic or a thesis is never cut in two."""

REVIEWS = {
    "confirmed": "confirmed by a person",
    "curated": "curated, not confirmed",
    "machine": "with machine proposals",
}
"""How sure what a node rests on is -> its name; a node may be several."""

LINES = {
    "supports": "supports",
    "disputes": "disputes or undercuts",
    "qualifies": "qualifies, refines or extends",
}
"""Kind of line between claims -> what it says."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two nodes of a map."""

    kind: str
    """pole, supports, disputes or qualifies."""
    source: str
    target: str
    confirmed: bool
    count: int = 1
    """How many lines between claims it stands for."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one map shows."""

    path: str
    """Of its page, without ending."""
    title: str
    strands: tuple[tuple[str, str, int], ...]
    """(id, title, number of its color)."""
    tensions: tuple[TensionView, ...]
    claims: tuple[ClaimView, ...]
    clusters: tuple[Part, ...] = ()
    """Drawn in place of the tensions and claims, which then are those of all clusters."""

    @property
    def id(self) -> str:
        """The name by which a map knows a cluster."""
        return self.path.removeprefix("map/")

    @property
    def strand(self) -> str:
        """The strand of a cluster."""
        return self.strands[0][0]


def parts(debate: Debate) -> list[Part]:
    """Return the map of all, and after it those of the clusters where there are too many nodes."""
    named = tuple((id, title, number % 10) for number, (id, title) in enumerate(strands(debate)))
    whole = Part("map", "Tension map", named, debate.tensions, debate.claims)
    if len(debate.tensions) + len(debate.claims) <= MOST:
        return [whole]
    clusters = tuple(cluster for strand in named for cluster in _clusters(debate, strand))
    return [Part("map", "Tension map", named, debate.tensions, debate.claims, clusters), *clusters]


def _clusters(debate: Debate, strand: tuple[str, str, int]) -> Iterator[Part]:
    """Yield the clusters of a strand: its topics, then theses with their findings, in order."""
    topics = {ref.id: topic.title for topic in reversed(debate.topics) for ref in topic.claims}
    claims = [claim for claim in debate.claims if claim.ref.strand == strand[0]]
    theses = {claim.id: claim for claim in claims if claim.ref.level == "thesis"}
    groups: dict[tuple[str, str], list[ClaimView]] = {}
    for claim in claims:
        if claim.id in topics:
            key = ("topic", topics[claim.id])
        else:
            own = claim.id if claim.id in theses else ""
            near = own or next((r.target.id for r in claim.bears_on if r.target.id in theses), "")
            key = ("thesis", name(theses[near]) if near else "")
        groups.setdefault(key, []).append(claim)
    merged: list[tuple[str, list[str], list[ClaimView]]] = []
    for (kind, title), some in sorted(groups.items(), key=lambda g: (g[0][0] != "topic",)):
        last = merged[-1] if merged else None
        if last and kind == last[0] == "thesis" and len(last[2]) + len(some) <= CLUSTER:
            last[1].append(title)
            last[2].extend(some)
        else:
            merged.append((kind, [title], list(some)))
    where = {claim.id: i for i, (_, _, some) in enumerate(merged) for claim in some}
    tensions: dict[int, list[TensionView]] = {}
    for tension in debate.tensions:
        if tension.strand == strand[0]:
            held = Counter(where[c.id] for p in tension.poles for c in p.claims if c.id in where)
            home = min(held, key=lambda i: (-held[i], i)) if held else 0
            tensions.setdefault(home, []).append(tension)
    if not merged and tensions:
        merged.append(("thesis", [strand[1]], []))
    for number, (_, titles, some) in enumerate(merged):
        known = [title for title in titles if title]
        title = known[0] if known else strand[1]
        if len(known) > 1:
            title += f" and {len(known) - 1} more"
        path = f"map/{ids.slug(strand[0])}-{number + 1}"
        yield Part(path, title, (strand,), tuple(tensions.get(number, ())), tuple(some))


# -- lines -----------------------------------------------------------------------------------


def lines(part: Part) -> list[Line]:
    """Return each line between two nodes of a map once."""
    inside = {tension.id for tension in part.tensions} | {claim.id for claim in part.claims}
    found = [line for line in _all(part) if line.source in inside and line.target in inside]
    if not part.clusters:
        return found
    where = {thing.id: p.id for p in part.clusters for thing in nodes(p)}
    counts: dict[tuple[str, str], Counter[str]] = {}
    for line in found:
        ends = (where[line.source], where[line.target])
        if ends[0] != ends[1] and line.kind != "pole":
            counts.setdefault(ends, Counter())[line.kind] += 1
    return [
        Line(min(kinds, key=lambda k: (-kinds[k], k)), a, b, confirmed=False, count=kinds.total())
        for (a, b), kinds in counts.items()
    ]


def _all(part: Part) -> Iterator[Line]:
    for tension in part.tensions:
        for pole in tension.poles:
            for ref in pole.claims:
                yield Line("pole", tension.id, ref.id, tension.review == "confirmed")
    seen: set[tuple[str, str, str]] = set()
    for claim in part.claims:
        for r in (*claim.bears_on, *claim.relations):
            key = (r.source.id, str(r.kind), r.target.id)
            if key not in seen and r.review in SHOWN:
                seen.add(key)
                yield Line(stance(r.kind), key[0], key[2], r.review == "confirmed")


def said(claim: ClaimView) -> tuple[list[RelationView], list[RelationView]]:
    """Return what a claim says to others, and what others say to it, each once."""
    both = {
        (r.source.id, str(r.kind), r.target.id): r
        for r in (*claim.bears_on, *claim.relations)
        if r.review in SHOWN
    }
    own = [r for r in both.values() if r.source.id == claim.id]
    return own, [r for r in both.values() if r.source.id != claim.id]


# -- facts to filter by ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reader may filter a node by."""

    strand: str
    years: frozenset[int]
    """In which works that were read, or confirmed links, speak to it."""
    facets: frozenset[str]
    """Of the scope of it or of its claims."""
    reviews: frozenset[str]


def facts(part: Part, thing: TensionView | ClaimView | Part) -> Facts:
    """Return what a reader may filter a node of a map by."""
    if isinstance(thing, Part):
        inner = [facts(thing, x) for x in nodes(thing)]
        return Facts(
            thing.strand,
            frozenset().union(*(f.years for f in inner)),
            frozenset().union(*(f.facets for f in inner)),
            frozenset().union(*(f.reviews for f in inner)),
        )
    if isinstance(thing, ClaimView):
        scope = {str(facet) for facet, _, _ in thing.scope}
        return Facts(thing.ref.strand, _years(thing.links), frozenset(scope), _reviews(thing.links))
    held = {ref.id for pole in thing.poles for ref in pole.claims}
    claims = [claim for claim in part.claims if claim.id in held]
    scope = {str(facet) for claim in claims for facet, _, _ in claim.scope}
    links = [link for pole in thing.poles for link in pole.links]
    own = {"confirmed" if thing.review == "confirmed" else "curated"}
    more = _reviews(links) & {"machine"}
    return Facts(thing.strand, _years(links), frozenset(scope), frozenset(own) | more)


def attributes(part: Part, thing: TensionView | ClaimView | Part) -> Markup:
    """Return a node's facts as attributes of its row."""
    known = facts(part, thing)
    told = {
        "node": thing.id,
        "strand": known.strand,
        "years": " ".join(str(year) for year in sorted(known.years)),
        "facets": " ".join(sorted(known.facets)),
        "reviews": " ".join(sorted(known.reviews)),
    }
    return Markup(" ").join(
        Markup(f'data-{key}="{untrusted(value)}"')  # noqa: S704 - filtered
        for key, value in told.items()
    )


def _years(links: Iterable[LinkView]) -> frozenset[int]:
    years: set[int] = set()
    for link in links:
        if dialectic.bears(link) and dialectic.is_read(link) and link.work.date:
            low, high = dates.span(link.work.date)
            # A work whose year is uncertain may be of any of them; one without an end is of one.
            whole = low > dates.OPEN_START and high < dates.OPEN_END and high.year - low.year < 9
            years |= set(range(low.year, high.year + 1)) if whole else {_known(low, high)}
    return frozenset(years)


def _known(low: dt.date, high: dt.date) -> int:
    return high.year if low == dates.OPEN_START else low.year


def _reviews(links: Iterable[LinkView]) -> frozenset[str]:
    found = set()
    for link in links:
        if link.review == "confirmed":
            found.add("confirmed")
        elif link.review == "proposed":
            found.add("curated" if dialectic.is_read(link) else "machine")
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Filter:
    """A control of a map: its name, its label and (value, words, count) for each choice."""

    name: str
    label: str
    choices: tuple[tuple[str, str, int], ...]


def nodes(part: Part) -> list[TensionView | ClaimView | Part]:
    """Return what a map draws."""
    drawn: list[TensionView | ClaimView | Part] = [*part.clusters]
    return drawn or [*part.tensions, *part.claims]


def filters(part: Part) -> list[Filter]:
    """Return the controls of a map; one without a choice is left out.

    The counts are of nodes, those of stances of lines.
    """
    known = [facts(part, thing) for thing in nodes(part)]
    drawn = Counter(line.kind for line in lines(part))
    strand = Counter(f.strand for f in known)
    reviews = Counter(review for f in known for review in f.reviews)
    facets = Counter(facet for f in known for facet in f.facets)
    found = [
        Filter("strand", "Strand", tuple((s, t, strand[s]) for s, t, _ in part.strands)),
        Filter("stance", "Lines", tuple((k, words, drawn[k]) for k, words in LINES.items())),
        Filter("review", "Rests on", tuple((k, words, reviews[k]) for k, words in REVIEWS.items())),
        Filter("facet", "Scope says", tuple((k, words, facets[k]) for k, words in FACETS.items())),
    ]
    some = [
        Filter(f.name, f.label, tuple(choice for choice in f.choices if choice[2])) for f in found
    ]
    return [f for f in some if f.choices and (f.name != "strand" or len(f.choices) > 1)]


def year_range(part: Part) -> list[int]:
    """Return every year from the first to the last that a map's nodes know."""
    years = {year for thing in nodes(part) for year in facts(part, thing).years}
    return list(range(min(years), max(years) + 1)) if years else []
