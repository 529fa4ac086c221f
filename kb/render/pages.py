"""One page per view: (path, Markdown)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from kb import chronicle, dates, dialectic, ids, views
from kb.errors import ConfigError, DateError
from kb.render import (
    dossier,
    excerpt,
    finding,
    map_parts,
    marks,
    method,
    neighborhood,
    objection,
    strokes,
    tension_map,
    timeline,
    weeks,
    words,
)
from kb.render.chronology import Chronology
from kb.render.debate import Debate, Thing, place, place_changes
from kb.render.record import Record
from kb.render.regimes import PAIRS
from kb.render.tex import tex, tex_plain
from kb.render.untrusted import address, joined, untrusted, verbatim

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jinja2 import Environment

PER_PAGE = 300
"""Works on one page of a year's list."""

FEW = 3
"""Events of a sentence up to which each has its own link."""

RECENT_YEARS = 2
"""Years before the last cycle that count as recent where tensions are ranked."""


def pages(debate: Debate, templates: Environment) -> Iterator[tuple[str, str]]:
    """Yield (path, Markdown) for every generated page, the same ones for the same debate.

    Args:
        debate: All views.
        templates: From `kb.render.environment`; the caller knows where the files lie.

    Yields:
        A path relative to the site's root, "/"-separated, ending in ".md", and its text.

    Raises:
        ConfigError: Two things have the same page.
    """
    plan = list(_plan(debate))
    known: set[str] = set()
    for path, _, _ in plan:
        if path in known:
            raise ConfigError(f"two pages have the path {path}.md")
        known.add(path)
    known |= {"search", "about/how-it-works", "about/python", "about/contribute"}
    atlas = Atlas(debate)
    names = _names(debate)
    for path, name, values in plan:
        here = Here(path, frozenset(known), names, debate.feeds)
        text = templates.get_template(f"{name}.md.j2").render(
            here=here, debate=debate, atlas=atlas, **values
        )
        # What a search knows of the page, as further lines of its header.
        found = finding.header(name, values, debate)
        if path in debate.feeds:  # made of slugs, so it stands as it is
            found += Markup(f"feed: {debate.feeds[path]}\n")  # noqa: S704
        yield f"{path}.md", _tidy(text).replace("\n---\n", f"\n{found}---\n", 1)


def _plan(debate: Debate) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (path, template, what that template shows) for every page."""
    shelves = _shelves(debate)
    yield "index", "home", {}
    for part in map_parts.parts(debate):
        yield part.path, "map", {"part": part}
    yield "timeline", "timeline", {}
    yield "sources", "sources", {"groups": _by_adapter(debate.sources)}
    yield "about/method", "method", {"live": method.live(debate)}
    for folder, name, things in (
        ("tensions", "tension", debate.tensions),
        ("claims", "claim", debate.claims),
        ("strands", "strand", debate.strands),
        ("topics", "topic", debate.topics),
        ("terms", "term", debate.terms),
        ("voices", "voice", debate.voices),
        ("events", "event", debate.events),
        ("digests", "digest", debate.digests),
        ("cycles", "cycle", debate.cycles),
        ("works", "work", debate.works),
    ):
        extra = {"shelves": shelves} if folder == "works" else {}
        yield f"{folder}/index", folder, extra
        for thing in things:
            yield place(thing), name, {name: thing}
    for event in debate.events:
        for page in dossier.talk_pages(event):
            yield page.path, "talk", {"talk": page}
    told = weeks.weeks(debate)
    yield "weeks/index", "weeks", {"weeks": told}
    for number, week in enumerate(told):
        near = {"newer": told[number - 1] if number else None, "older": None}
        near["older"] = told[number + 1] if number + 1 < len(told) else None
        yield f"weeks/{week.id}", "week", {"week": week, **near}
    for cycle in debate.cycles:
        if path := place_changes(cycle):
            yield path, "changes", {"cycle": cycle}
    for shelf in shelves:
        yield shelf.path, "shelf", {"shelf": shelf, "shelves": shelves}


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of the list of all works: a year, or a part of one."""

    title: str
    path: str
    works: tuple[views.WorkView, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """The sources that one adapter asks."""

    adapter: str
    sources: tuple[views.SourceView, ...]
    records: int
    """Kept of all of them together."""
    refused: int


def _by_adapter(sources: Sequence[views.SourceView]) -> list[Desk]:
    groups: dict[str, list[views.SourceView]] = {}
    for source in sources:
        groups.setdefault(source.name.split(":")[0], []).append(source)
    desks = []
    for adapter, group in groups.items():
        shelves = {s.shelf: (s.records, s.refused) for s in group}  # several may share one
        records, refused = (sum(column) for column in zip(*shelves.values(), strict=True))
        desks.append(Desk(adapter, tuple(group), records, refused))
    return desks


def _shelves(debate: Debate) -> list[Shelf]:
    by_year: dict[str, list[views.WorkView]] = defaultdict(list)
    for work in debate.works:
        by_year[timeline.year_of(work.ref.date)].append(work)
    shelves = []
    for year in sorted(by_year, reverse=True):
        works = sorted(by_year[year], key=lambda w: (dates.sort_key(w.ref.date), w.id))
        works.reverse()
        parts = range(0, len(works), PER_PAGE)
        for number, start in enumerate(parts, 1):
            title = year or "Undated"
            path = f"works/year/{year or 'undated'}"
            if len(parts) > 1:
                title += f", part {number} of {len(parts)}"
                path += f"-{number}"
            shelves.append(Shelf(title, path, tuple(works[start : start + PER_PAGE])))
    return shelves


class Here:
    """The page being written: links from it are relative, so the site moves as one folder."""

    def __init__(
        self,
        path: str,
        known: frozenset[str],
        names: Mapping[str, tuple[str, str]],
        feeds: Mapping[str, str],
    ) -> None:
        self.path = path
        self._feeds = feeds
        self._known = known
        self._names = names
        self._up = "../" * path.count("/")

    def page(self, path: str) -> Markup:
        """Return the address of a page by its path without ending, "" where there is none."""
        if path not in self._known:
            return Markup("")
        return Markup(f"{self._up}{path}.html")  # noqa: S704 - letters, digits, hyphens, slashes

    def to(self, thing: Thing) -> Markup:
        """Return the address of a thing's page, "" where it has none."""
        return self.page(place(thing))

    def whence(self, link: views.LinkView, text: object) -> Markup:
        """Return a link to where a machine's link stands whole: score, sentence and objection."""
        return self.goto(place(link.work), text, objection.spot(link))

    def path_of(self, thing: Thing) -> str:
        """Return the path of a thing's page, whether or not there is one."""
        return place(thing)

    def week(self, id: str) -> str:
        """Return the path of a week's page."""
        return f"weeks/{id}"

    def file(self, path: str) -> Markup:
        """Return the address of a file of ours that stands beside the pages."""
        return Markup(f"{self._up}{path}")  # noqa: S704 - letters, digits, hyphens, dots, slashes

    def feed(self, path: str, ending: str = ".atom.xml") -> Markup:
        """Return the address of the feed about a page in one of its forms, "" for none."""
        return self.file(f"{self._feeds[path]}{ending}") if path in self._feeds else Markup("")

    def link(self, thing: Thing, text: object, css: str = "") -> Markup:
        """Return a link to a thing's page, or the text alone where it has none."""
        shown = text if isinstance(text, Markup) else untrusted(text)
        target = self.to(thing)
        if not target:
            return Markup(shown)  # noqa: S704 - filtered above
        style = f' class="{untrusted(css)}"' if css else ""
        return Markup(f'<a href="{target}"{style}>{shown}</a>')  # noqa: S704 - filtered above

    def page_link(self, folder: str, id: str, text: str) -> Markup:
        """Return a link to the page of an id in a folder, or the text where there is none."""
        target = self.page(f"{folder}/{ids.slug(id)}")
        shown = untrusted(text)
        return Markup(f'<a href="{target}">{shown}</a>') if target else shown  # noqa: S704

    def goto(self, path: str, text: object, anchor: str = "", css: str = "") -> Markup:
        """Return a link to a page by its path, or to a place on it.

        Args:
            path: Without ending; "" for this page.
            text: What the link reads; all there is where the page does not exist.
            anchor: The id of the place, "" for the page as a whole.
            css: A class for the link.
        """
        shown = text if isinstance(text, Markup) else untrusted(text)
        target = self.page(path)
        if not target and (path or not anchor):
            return Markup(shown)  # noqa: S704 - filtered above
        place = f"#{ids.slug(anchor)}" if anchor else ""
        style = f' class="{untrusted(css)}"' if css else ""
        return Markup(f'<a href="{target}{place}"{style}>{shown}</a>')  # noqa: S704 - filtered above

    def prose(self, text: str) -> Markup:
        """Return a text of ours in which the ids of claims, works and so on are links.

        A curated work's name shows as its authors and year: "bonnaire-2025" is for files.
        """
        parts: list[Markup] = []
        at = 0
        for found in _ID.finditer(text):
            path, shown = self._names.get(found[0], ("", ""))
            target = self.page(path) if path else ""
            if not target or path == self.path:
                continue
            before, after = text[at : found.start()], text[found.end() :]
            at = found.end()
            for twice in (f"{shown} (", f"“{shown}” ("):
                # "Vitaly Feldman (V05)" would name him twice: one link is enough.
                if before.endswith(twice) and after.startswith(")"):
                    before = before.removesuffix(twice)
                    at += 1
            # The filter strips edges; what stood between words and links is a space.
            parts.append(_edged(before))
            parts.append(Markup(f'<a href="{target}">{untrusted(shown)}</a>'))  # noqa: S704
        return Markup("").join([*parts, _edged(text[at:])])


_ID = re.compile(r"\b(?:[CTV]\d{1,3}[a-z]?|[a-z][a-z0-9]*(?:-[a-z0-9]+)+)\b")


def _edged(text: str) -> Markup:
    left = " " if text[:1].isspace() else ""
    right = " " if text[1:] and text[-1:].isspace() else ""
    # A sentence may quote a title, and a title may hold a formula.
    return Markup(f"{left}{tex(text.strip())}{right}")  # noqa: S704 - filtered


def _names(debate: Debate) -> dict[str, tuple[str, str]]:
    """Return id -> (path of its page, what a link to it reads)."""
    names: dict[str, tuple[str, str]] = {}
    things: Sequence[Any] = (*debate.claims, *debate.tensions)
    for thing in things:
        # The id of a thesis is made of words, and reads as what it says.
        shown = strokes.name(thing) if isinstance(thing, views.ClaimView) else thing.id
        names[thing.id] = (place(thing), shown)
    for voice in debate.voices:
        names[voice.id] = (place(voice), voice.name)
    for event in debate.events:
        names[event.id] = (place(event), event.name.split(":")[0])
    for work in debate.works:
        if work.ref.key:
            parts = (work.ref.authors, timeline.year_of(work.ref.date))
            shown = " ".join(part for part in parts if part)
            names[work.ref.key] = (place(work), shown or work.title)
    return names


class Atlas:
    """What pages look up in the debate beyond their own view."""

    def __init__(self, debate: Debate) -> None:
        self._debate = debate
        self._claims = {claim.id: claim for claim in debate.claims}
        self._titles = {strand.id: strand.title for strand in debate.strands}
        self._order = {strand.id: index for index, strand in enumerate(debate.strands)}
        self._works = {work.id for work in debate.works}
        self._spots = {
            (work.id, objection.spot(link))
            for work in debate.works
            for link in work.links
            if objection.is_open(link)
        }
        self._chronology = Chronology(debate)
        self.dossier = dossier.Dossier(debate)
        self.record = Record(debate)

    def lines(self, thing: Any = None) -> list[timeline.Line]:
        """Return the timeline of a strand, tension, claim or voice; of everything by default.

        `lanes` and `strip` draw it, `timeline_list` tells it in words.
        """
        return self._chronology.lines if thing is None else self._chronology.of(thing)

    def years(self) -> list[timeline.Year]:
        """Return the whole timeline as a list by year and month."""
        return timeline.years(self._chronology.lines)

    def strand_rows(self) -> dict[str, tuple[str, int]]:
        """Return strand id -> (title, number of its color), in the order of strands."""
        return {id: (name, self.strand_number(id)) for id, name in self._titles.items()}

    def claim(self, id: str) -> views.ClaimView | None:
        """Return a claim by id, None where the debate has none."""
        return self._claims.get(id)

    def strand_title(self, id: str) -> str:
        """Return a strand's title, or its id where it has no page."""
        return self._titles.get(id, id)

    def strand_ref(self, id: str) -> views.Ref:
        """Return a strand as something to link."""
        return views.Ref("strand", id, self.strand_title(id))

    def strand_number(self, id: str) -> int:
        """Return the number of a strand's color, 0 to 9."""
        return self._order.get(id, 9) % 10

    def liveliest(self) -> list[views.TensionView]:
        """Return the tensions, those with most recent lineages first.

        A lineage is recent when a work of it with a curated or confirmed link appeared in the
        two years before the last cycle. Ties go to the tension with more lineages in all, then
        to the lower id.
        """
        cut = ""
        if self._debate.as_of:
            cut = f"{int(self._debate.as_of[:4]) - RECENT_YEARS}{self._debate.as_of[4:10]}"

        def rank(tension: views.TensionView) -> tuple[int, int, str]:
            every_link = [k for pole in tension.poles for k in pole.links]
            links = [k for k in every_link if dialectic.bears(k) and dialectic.is_read(k)]
            every = {k.work.lineage or k.work.id for k in links}
            recent = {
                k.work.lineage or k.work.id
                for k in links
                if k.work.date and dates.span(k.work.date)[1].isoformat() >= cut
            }
            return -len(recent), -len(every), tension.id

        return sorted(self._debate.tensions, key=rank)

    def coming(self) -> list[views.EventView]:
        """Return events that had not ended when the last cycle was taken, soonest first."""
        today = self._debate.as_of[:10]
        found = [e for e in self._debate.events if e.date and _last_day(e.date) >= today]
        return sorted(found, key=lambda e: (dates.sort_key(e.date), e.id))

    def past(self) -> list[views.EventView]:
        """Return events that had ended when the last cycle was taken, latest first."""
        later = {event.id for event in self.coming()}
        found = [e for e in self._debate.events if e.id not in later]
        dated = [e for e in found if e.date]
        dated.sort(key=lambda e: (dates.sort_key(e.date), e.id), reverse=True)
        return [*dated, *(e for e in found if not e.date)]

    def changes(self, cycle: views.CycleView) -> list[tuple[str, list[views.ChangeView]]]:
        """Return a cycle's events grouped by kind, in the order in which kinds first occur."""
        groups: dict[str, list[views.ChangeView]] = {}
        for change in cycle.changes:
            groups.setdefault(change.kind, []).append(change)
        return list(groups.items())

    def stands_at(self, change: views.ChangeView) -> tuple[str, str]:
        """Return (page, place on it) of the machine's link that an event is about, or ("", "")."""
        work, _, rest = change.subject.partition(" → ")
        spot = rest.replace(" (", "-by-").removesuffix(")")
        return (f"works/{ids.slug(work)}", spot) if (work, spot) in self._spots else ("", "")

    def changes_page(self, cycle: views.CycleView) -> str:
        """Return the path of the page with a cycle's events, "" where there is none."""
        return place_changes(cycle)

    def before_page(self, cycle: views.CycleView) -> str:
        """Return the path of the page of the cycle that a cycle is compared with."""
        return f"cycles/{cycle.before}"

    def hash_anchor(self, cycle: views.CycleView) -> str:
        """Return where the list of cycles names a cycle by its hash: a link that stays good."""
        return f"h{cycle.hash[:12]}"

    def bound(self, cycle: views.CycleView, sentence: views.SentenceView) -> list[tuple[str, str]]:
        """Return (words, anchor) for the events a sentence rests on, on the page of events.

        A few events are pointed at one by one; many, which are always of one kind, as a list.
        """
        kinds = {change.id: change.kind for change in cycle.changes}
        if len(sentence.events) > FEW:
            return [(words.count(len(sentence.events), "event"), kinds[sentence.events[0]])]
        return [("event", id) for id in sentence.events]

    def highlights(self, cycle: views.CycleView, most: int) -> list[views.SentenceView]:
        """Return the sentences that matter most: a few of each main passage, in their order."""
        main = [passage for passage in cycle.narrative if passage.title in chronicle.MAIN]
        told = main or cycle.narrative
        share = max(2, most // max(len(told), 1))
        return [s for passage in told for s in passage.sentences[:share]][:most]

    def of_day(self, cycle: views.CycleView) -> list[views.DigestView]:
        """Return the digests that were written on the day of a reconstructed cycle."""
        return [d for d in self._debate.digests if cycle.valid and d.as_of[:10] == cycle.valid]

    def cycle_title(self, cycle: views.CycleView) -> str:
        """Return what a cycle's page is called: its name in words, with a capital."""
        name = self.day(cycle.name)
        return name[0].upper() + name[1:]

    def day(self, name: str) -> str:
        """Return a cycle's name in words: its number, or its day.

        The last day of a year stands for that year's end.
        """
        if "-" not in name:
            return f"cycle {name}"
        return f"the end of {name[:4]}" if name.endswith("-12-31") else dates.words(name)

    def health(self) -> str:
        """Return how the sources are, in a few words; "" where none is configured."""
        on = [source for source in self._debate.sources if source.staleness != "off"]
        if not on:
            return ""
        counts = Counter(source.staleness for source in on)
        told = [
            f"{counts[word]:,} {name}"
            for word, (name, _) in words.STALENESS.items()
            if counts[word]
        ]
        return f"{words.count(len(on), 'source')}: {', '.join(told)}"

    def harvested(self) -> str:
        """Return the day of the last success of any source, ISO; "" before the first."""
        return max((source.last_success for source in self._debate.sources), default="")[:10]

    def held_counts(self, cycle: views.CycleView) -> list[tuple[str, int]]:
        """Return what a cycle holds any of, and how many."""
        return [(kind, n) for kind, n in cycle.counts if n]

    def tallied(self, cycle: views.CycleView, kind: str) -> str:
        """Return how many things of a kind a cycle holds; a dash where it did not record them."""
        counts = dict(cycle.counts)
        return f"{counts[kind]:,}" if kind in counts else "–"

    def curated_works(self) -> list[views.WorkView]:
        """Return the works that the curated files name, latest first."""
        named = [work for work in self._debate.works if work.ref.key]
        dated = [work for work in named if work.ref.date]
        dated.sort(key=lambda w: (dates.sort_key(w.ref.date), w.id), reverse=True)
        return [*dated, *(work for work in named if not work.ref.date)]

    def by_stance(
        self, links: Sequence[views.LinkView]
    ) -> list[tuple[str, str, list[views.LinkView]]]:
        """Return what was read or confirmed as (stance, meaning, links), in the words' order."""
        read = [k for k in links if k.review in _LIVE and dialectic.is_read(k)]
        return [
            (stance, meaning, group)
            for stance, (_, meaning) in words.STANCES.items()
            if (group := [k for k in read if k.stance == stance])
        ]

    def proposed(self, links: Sequence[views.LinkView]) -> list[views.LinkView]:
        """Return what a machine proposes and no person has judged, highest score first."""
        return [k for k in links if k.review in _LIVE and not dialectic.is_read(k)]

    def set_aside(self, links: Sequence[views.LinkView]) -> list[views.LinkView]:
        """Return links that a person rejected or that a later one replaced."""
        return [link for link in links if link.review not in _LIVE]

    def top(self, links: Sequence[views.LinkView], most: int) -> tuple[list[views.LinkView], int]:
        """Return the first links that take a side, curated ones first, and how many are left."""
        sided = [k for k in links if k.stance != "mentions" and k.review in _LIVE]
        read = [k for k in sided if words.badge(k)[0] != "machine"]
        rest = [k for k in sided if words.badge(k)[0] == "machine"]
        picked = [*read, *rest[: max(0, most - len(read))]]
        return picked, len(sided) - len(picked)

    def placed(self, digest: views.DigestView) -> list[tuple[str, int]]:
        """Return how many of a digest's sources were placed as what."""
        return sorted(Counter(source.placed_as for source in digest.sources).items())

    def held(self, tension: views.TensionView) -> bool:
        """Tell whether every pole of a tension has a holder in the curated evidence."""
        return all(pole.links for pole in tension.poles)

    def live(self, links: Sequence[views.LinkView]) -> list[views.LinkView]:
        """Return the links that nobody rejected and nothing replaced."""
        return [link for link in links if link.review in _LIVE]

    def newest_cycles(self, *, reconstructed: bool = False) -> list[views.CycleView]:
        """Return the cycles that were taken, or the reconstructed ones, latest first."""
        return [c for c in reversed(self._debate.cycles) if c.reconstructed is reconstructed]

    def plain(self, facets: Iterable[str]) -> str:
        """Return what two claims differ in, in words: "sense:memorization" is a sense."""
        shown = []
        for facet in facets:
            kind, _, term = facet.partition(":")
            shown.append(
                f"the sense of {term}" if kind == "sense" else words.FACETS.get(kind, kind)
            )
        return ", ".join(shown)

    def spaced(self, relation: str) -> str:
        """Return a relation such as "resubmissionOf" as words."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", relation).lower()

    def tally(self, name: str, number: int) -> str:
        """Return a count of a cycle in words, such as "208 status events"."""
        return words.count(
            number, {"status": "status event", "manifestation": "version"}.get(name, name)
        )

    def when(self, text: str) -> str:
        """Return a deadline or version's time in words; what is no date stands as written."""
        try:
            return words.moment(text) if "T" in text else dates.words(text)
        except DateError:
            return text

    def arxiv(self, id: str) -> str:
        """Return a bare arXiv number as an identifier."""
        return id if id.startswith("arxiv:") else f"arxiv:{id}"


_LIVE = ("proposed", "confirmed")


def _last_day(date: str) -> str:
    return dates.span(date)[1].isoformat()


def _tidy(text: str) -> str:
    """Return Markdown without the blank lines that template tags leave behind."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip() + "\n"


def front_matter(*title: object, **more: str) -> Markup:
    """Return a page's YAML header; its values are filtered, so no quote can end them.

    Args:
        title: Shown in the browser's tab and in search results, parts joined by spaces.
        more: Further keys, such as `kind`, the kind of page.
    """
    values = {"title": views.shorten(" ".join(str(t) for t in title), 110), **more}
    lines = "".join(f'{key}: "{untrusted(value)}"\n' for key, value in values.items())
    return Markup(f"---\n{lines}---\n")  # noqa: S704 - filtered


FUNCTIONS: Mapping[str, Any] = {
    "abstract": excerpt.abstract,
    "address": address,
    "anchor": ids.slug,
    "any_open": lambda links: any(map(objection.is_open, links)),
    "badge": words.badge,
    "balance": marks.balance,
    "can_object": objection.is_open,
    "change_kinds": words.CHANGE_KINDS,
    "checked": words.checked,
    "confusion": method.table,
    "count": words.count,
    "date": dates.words,
    "draw_map": tension_map.draw,
    "facets": words.FACETS,
    "front_matter": front_matter,
    "glyph": marks.glyph,
    "figure": method.number,
    "id_url": lambda name: address(ids.url(name)),
    "interval": method.interval,
    "joined": joined,
    "lane_names": words.LANES,
    "lane_one": words.OF_LANE,
    "lanes": timeline.lanes,
    "map_facts": map_parts.attributes,
    "map_filters": map_parts.filters,
    "map_lines": map_parts.LINES,
    "map_said": map_parts.said,
    "map_sheets": tension_map.sheets,
    "map_years": map_parts.year_range,
    "marked": excerpt.marked,
    "moment": words.moment,
    "neighborhood": neighborhood.neighborhood,
    "number": lambda n: f"{n:,}",
    "operators": words.OPERATORS,
    "outcomes": words.OUTCOMES,
    "pairs": PAIRS,
    "period": words.period,
    "proof_levels": words.PROOF_LEVELS,
    "relations": words.RELATIONS,
    "same_judge": method.same_judge,
    "score": lambda number: f"{number:.2f}",
    "share_bar": method.share_bar,
    "shorten": views.shorten,
    "signed": lambda number: f"{number:+.2f}".replace("-", "−"),
    "small_map": tension_map.small,
    "spot": objection.spot,
    "staleness": words.STALENESS,
    "standing": method.standing,
    "stances": words.STANCES,
    "statuses": words.STATUSES,
    "strip": timeline.strip,
    "talk_hours": dossier.hours,
    "tension_kinds": words.TENSION_KINDS,
    "tex": tex,
    "tex_plain": tex_plain,
    "timeline_list": timeline.listed,
    "timeline_title": timeline.title,
    "verbatim": verbatim,
    "verdict_command": objection.command,
    "verdict_entry": objection.entry,
    "verdict_issue": objection.issue,
    "verified": words.VERIFIED,
    "voice_moves": words.VOICE_MOVES,
}
"""What every template may call."""
