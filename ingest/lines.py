"""Lines of other people's lists of sources: what each names, and which are one work.

A digest, a search engine or a bibliography prints a title with signs around it: a number, a
host, "[PDF]", an ellipsis where it was cut. `read` takes the signs apart, `cluster` says which
lines are about one thing. Both are pure and go by what is printed alone. They only sort a list
for a reader: in the store, likeness of titles joins nothing (see `kb.merges`).
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ingest.normalize import prose
from kb import ids, titles
from kb.errors import IdentifierError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Form(StrEnum):
    """What stands behind a line, as far as it tells."""

    arxiv = "arxiv"
    openreview = "openreview"
    proceedings = "proceedings"
    journal = "journal"
    pdf = "pdf"
    post = "post"
    thread = "thread"
    video = "video"
    news = "news"
    digest = "digest"
    """An aggregator's or a summarizer's page."""
    review = "review"
    talk = "talk"
    profile = "profile"
    event = "event"
    page = "page"
    """Nothing tells: not to be taken for a form of the work."""


VERSIONS = frozenset({Form.arxiv, Form.openreview, Form.proceedings, Form.journal, Form.pdf})
"""What is a form of a work. Everything else is about it, or not known to be one."""


class Subject(StrEnum):
    """What kind of thing a line is about."""

    work = "work"
    event = "event"
    broadcast = "broadcast"
    person = "person"


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says."""

    title: str
    """Bare, without signs and without the ellipsis."""
    form: Form
    identifiers: tuple[str, ...] = ()
    host: str = ""
    """As printed."""
    speaker: str = ""
    """Who posts or speaks, where the line says so."""
    is_cut: bool = False
    subject: Subject = Subject.work
    tag: str = ""
    """A venue with its year that stood in brackets, or what an event's line names."""

    @property
    def is_version(self) -> bool:
        """Whether a sign says that this is a form of the work."""
        return self.form in VERSIONS


# -- hosts ----------------------------------------------------------------------------------

_VENUES = (
    "neurips", "nips", "icml", "iclr", "aistats", "colt", "uai", "aaai", "ijcai", "cvpr", "iccv",
    "eccv", "acl", "emnlp", "naacl", "stoc", "focs", "soda", "alt", "kdd", "interspeech",
)  # fmt: skip
_HOSTS: dict[str, Form] = {
    **dict.fromkeys(_VENUES, Form.proceedings),
    **dict.fromkeys(("arxiv", "arxiv.org"), Form.arxiv),
    "openreview": Form.openreview,
    **dict.fromkeys(("pmlr", "acm digital library", "ieee xplore"), Form.proceedings),
    **dict.fromkeys(("jmlr", "tmlr", "nature", "science", "springer", "springerlink", "pnas",
                     "sciencedirect", "wiley online library"), Form.journal),
    **dict.fromkeys(("youtube", "vimeo", "slideslive"), Form.video),
    **dict.fromkeys(("reddit", "hacker news", "lobsters", "x", "twitter", "bluesky", "mastodon",
                     "threads"), Form.thread),
    **dict.fromkeys(("medium", "substack", "linkedin", "lesswrong", "buttondown", "gist", "quora",
                     "tumblr", "wordpress", "dev community", "towards data science"), Form.post),
    **dict.fromkeys(("cool papers", "alphaxiv", "takara tldr", "hugging face", "papers with code",
                     "scirate", "emergent mind", "semantic scholar", "scholar inbox", "moonlight",
                     "daily papers", "paper page", "arxivlens"), Form.digest),
    **dict.fromkeys(("google scholar", "dblp", "orcid"), Form.profile),
}  # fmt: skip
_KINDS = (
    (re.compile(r"\b(blog|forum|newsletter|substack)\b"), Form.post),
    (re.compile(r"\b(news|times|magazine|techcrunch)\b"), Form.news),
    (re.compile(r"\bpodcast\b"), Form.video),
    (re.compile(r"\b(tldr|digest|daily papers)\b"), Form.digest),
)
_LONGEST = 500
"""Characters of a line that are read."""
_BARE_VENUE = re.compile(rf"^(?:{'|'.join(_VENUES)})(?: (?:19|20)\d\d)?$", re.IGNORECASE)


def _kind(host: str) -> Form | None:
    """What a host holds, None where its name does not tell."""
    name = " ".join(titles.fold(host).split())
    if name in _HOSTS:
        return _HOSTS[name]
    if _BARE_VENUE.match(name):
        return Form.proceedings
    return next((form for sign, form in _KINDS if sign.search(name)), None)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# -- signs ----------------------------------------------------------------------------------

_NUMBER = re.compile(r"^\[(?:arXiv:)?([^\s\]]+)\]\s*", re.IGNORECASE)
_TAG = re.compile(r"^[\[(]([^\[\]()]{1,40})[\])]\s+(?=\S)|\s+\[([^\[\]]{1,40})\]$")
_DATE = re.compile(
    r"\s*\((?:(?:19|20)\d\d(?:-\d\d){0,2}|[A-Z][a-z]{2,8}\.? (?:\d{1,2}, )?(?:19|20)\d\d)\)$"
)
_TAIL = re.compile(r"\s+([|\u2014\u2013-])\s+((?:(?!\s[|\u2014\u2013-]\s)[^|\u2014\u2013]){1,60})$")
_HEAD = re.compile(r"^([^|\u2014\u2013]{1,40}?)\s+[|\u2014\u2013-]\s+")
_SLOT = re.compile(
    rf"^({'|'.join(_VENUES)})\s+(?:(?:19|20)\d\d\s+)?(?:poster|oral|spotlight)s?:?\s+",
    re.IGNORECASE,
)
_VENUE_FIRST = re.compile(rf"^({'|'.join(_VENUES)})\s+(?=\D)", re.IGNORECASE)
_AWARD = re.compile(
    rf"^(?:best|outstanding|award)[\w ]{{0,30}}?(?:{'|'.join(_VENUES)})[^:]{{0,12}}:\s+",
    re.IGNORECASE,
)
_POST = re.compile(r"^(.{2,60}?)\s?['’]s [Pp]ost(?:\s+[-|\u2013\u2014]\s+(.+))?$")
_HOME = re.compile(r"^(.{2,60}?)['’]s (?:personal )?(?:home ?page|web ?site)$", re.IGNORECASE)
_REVIEW = re.compile(r"^review (?:for|of)\s+", re.IGNORECASE)
_NAME = r"(?:[^\W\d_a-z][\w.'’-]*\s+){1,3}[^\W\d_a-z][\w'’-]+"
_SPEAKER = re.compile(rf"\s+\(({_NAME})\)$")
_SPEAKERS = re.compile(rf"^{_NAME}(?:(?:,| and|, and| &)\s+{_NAME})*,\s+([^:,]{{2,40}}):\s+(?=\S)")
_CUT = re.compile(r"\s*(?:\.\.\.|\u2026)\s*$")
_RESPONSE = _set(
    "review reviewed comment comments commentary reply response rebuttal erratum correction "
    "corrigendum summary explained discussion critique"
)
_SMALL = _set("a an the of for in on to with and or by from at as is are via into that this these")


def read(text: str, publisher: str = "") -> Line:
    """Return what a line says.

    Args:
        text: A title as a list prints it.
        publisher: The host, where the list gives it apart; "" where the title may hold it.

    Examples:
        >>> line = read("[2502.99901v2] A kettle that remembers - arXiv")
        >>> line.identifiers, line.title, line.form.value
        (('arxiv:2502.99901',), 'A kettle that remembers', 'arxiv')
        >>> read("(PDF) Kettles and their ...").is_cut
        True
        >>> read("A kettle that remembers | Tea Blog").form.value
        'post'
    """
    text = prose(text[:_LONGEST])
    text = re.sub(r"\s+(['’]s )", r"\1", text)
    found, text = _numbered(text)
    form: Form | None = Form.arxiv if found else None
    text = _DATE.sub("", text)
    host, text = _hosted(text, prose(publisher))
    text = _DATE.sub("", text)
    form = form or _kind(host)
    speaker, subject, tags = "", Subject.work, []
    for _ in range(3):
        match = _TAG.search(text)
        if match is None:
            break
        tags.append(titles.fold(match[1] or match[2]))
        text = f"{text[: match.start()]}{text[match.end() :]}".strip()
    if "pdf" in tags:
        form = form or Form.pdf
    if any(_RESPONSE & set(tag.split()) for tag in tags):
        form = Form.review
    elif any(len(tag) == 1 for tag in tags):
        form = form or Form.thread
    if match := _REVIEW.match(text):
        form, text = Form.review, text[match.end() :]
    if match := _SLOT.match(text):
        form, host, text = form or Form.proceedings, host or match[1], text[match.end() :]
    elif match := _AWARD.match(text):
        text = text[match.end() :]
    elif (match := _VENUE_FIRST.match(text)) and len(text.split()) > 5 and not _is_event(text, ""):
        form, host, text = form or Form.proceedings, host or match[1], text[match.end() :]
    if match := _POST.match(text):
        form, speaker, text = Form.post, match[1], match[2] or ""
    elif match := _HOME.match(text):
        form, subject, text = Form.profile, Subject.person, match[1]
    elif match := _SPEAKER.search(text):
        form, speaker, text = Form.talk, match[1], text[: match.start()]
    elif form not in VERSIONS and host and (match := _SPEAKERS.match(text)):
        form, subject = Form.event, Subject.broadcast
        text = text[match.end() :]
    if form == Form.profile:
        subject = Subject.person
    is_cut = bool(_CUT.search(text))
    text = _CUT.sub("", text).strip()
    if subject == Subject.work and _is_event(text, host):
        subject = Subject.event
        form = form if form in (Form.post, Form.news, Form.video, Form.thread) else Form.event
    return Line(
        title=text,
        form=form or Form.page,
        identifiers=found,
        host=host,
        speaker=speaker,
        is_cut=is_cut,
        subject=subject,
        tag=" ".join(tags),
    )


def _numbered(text: str) -> tuple[tuple[str, ...], str]:
    """Take identifiers from the beginning of a line."""
    match = _NUMBER.match(text)
    if match is None:
        return (), text
    try:
        found = ids.arxiv(match[1])
    except IdentifierError:
        return (), text
    return (found,), text[match.end() :]


def _hosted(text: str, publisher: str) -> tuple[str, str]:
    """Take the host from the end or the beginning of a line."""
    head = _HEAD.match(text)
    if head and _kind(head[1]) is not None and (not publisher or publisher == head[1]):
        return head[1], text[head.end() :]
    tail = _TAIL.search(text)
    if tail is None:
        return publisher, text
    sign, name = tail[1], tail[2].strip()
    if publisher:
        is_host = titles.fold(name) == titles.fold(publisher) or _kind(name) is not None
    else:
        parts = name.split()
        most = 3 if sign == "-" else 5
        is_host = _kind(name) is not None or (
            len(parts) <= most and parts[0].casefold() not in _SMALL and not _CUT.search(name)
        )
    return (publisher or name, text[: tail.start()]) if is_host else (publisher, text)


# -- events ---------------------------------------------------------------------------------

_GATHERING = _set("workshop workshops schedule conference symposium programme program")
_EVERYDAY = (
    _GATHERING
    | _SMALL
    | _set("announcing announcement affinity call papers accepted list annual day main track dates")
)
_YEAR = re.compile(r"^(?:19|20)\d\d$")


def _is_event(text: str, host: str) -> bool:
    """Whether a line is about a gathering: it says so, with a venue, a year or nothing else."""
    parts = titles.words(text)
    if not set(parts) & _GATHERING:
        return False
    placed = any(_YEAR.match(part) or part in _VENUES for part in parts)
    return placed or bool(_BARE_VENUE.match(host)) or set(parts) <= _EVERYDAY


def _gathering(line: Line) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The venues, years and own words of an event's line."""
    parts = set(titles.words(line.title))
    if _BARE_VENUE.match(line.host):
        parts |= set(titles.words(line.host))
    venues = frozenset(parts & set(_VENUES))
    years = frozenset(part for part in parts if _YEAR.match(part))
    return venues, years, frozenset(parts - venues - years - _EVERYDAY)


# -- alike ----------------------------------------------------------------------------------

_LEAST_WORDS, _LEAST_LETTERS = 3, 16
"""Below either, a title alone tells nothing."""
_CUT_WORDS = 4
"""Words that must be left of a title that was cut."""
_SEGMENT = re.compile(r"(?<=[^\s])(?:[:?!]\s+|\s+[\u2014\u2013-]\s+)")
_ENDINGS = re.compile(
    r"(?:i[sz]ations?|i[sz]ing|i[sz]ed?|i[sz]es|ations?|ality|alit(?:y|ies)|ing|edly|ed|ical|ics?|"
    r"ly|ions?|abilit(?:y|ies)|ability|able|ies|es|s|e|y)$"
)
_CONTRAST = _set(
    "other another second third further again more part ii iii iv without beyond versus"
)
"""A word by which an author tells one title from a sibling's."""
_FILLING = _SMALL | _set(
    "why how what when dont do does not just instead it its their can be through toward towards "
    "using neural network networks deep learning"
)
"""Words that hardly tell one title of this field from another."""


@dataclass(frozen=True, slots=True)
class _Title:
    """A title in the forms in which it is compared."""

    letters: str
    words: tuple[str, ...]
    segments: tuple[str, ...]
    """Letters of the parts before and after a colon or a question mark."""
    sizes: tuple[int, ...]
    """Words of each segment."""
    stems: frozenset[str]
    main: frozenset[str]
    """Stems of the first segment."""
    is_cut: bool
    is_answer: bool
    """It says of itself that it answers another text, whose title it may hold."""


def _title(line: Line) -> _Title:
    parts = [part for part in _SEGMENT.split(line.title) if titles.words(part)]
    every = titles.words(line.title)
    return _Title(
        letters="".join(every),
        words=every,
        segments=tuple("".join(titles.words(part)) for part in parts),
        sizes=tuple(len(titles.words(part)) for part in parts),
        stems=_stems(every),
        main=_stems(titles.words(parts[0])) if parts else frozenset(),
        is_cut=line.is_cut,
        is_answer=bool(_RESPONSE & set(every)),
    )


def _stems(parts: Iterable[str]) -> frozenset[str]:
    return frozenset(_stem(part) for part in parts if part not in _FILLING)


def _stem(word: str) -> str:
    """Return a word without its ending: "memorization" and "memorize" are one.

    Examples:
        >>> _stem("memorization"), _stem("memorizing"), _stem("pruning"), _stem("prune")
        ('memor', 'memor', 'prun', 'prun')
    """
    for _ in range(2):
        short = _ENDINGS.sub("", word)
        if len(short) < 4 or short == word:
            break
        word = short
    return word


def _tells(letters: str, count: int) -> bool:
    return count >= _LEAST_WORDS and len(letters) >= _LEAST_LETTERS


def _alike(one: _Title, other: _Title) -> str:
    """Return in which way two titles are one, "" when they are not."""
    if not one.letters or not other.letters:
        return ""
    if one.letters == other.letters and not (one.is_cut or other.is_cut):
        return "equal" if _tells(one.letters, len(one.words)) else ""
    short, long = sorted((one, other), key=lambda title: len(title.letters))
    if short.is_cut and len(short.words) >= _CUT_WORDS and long.letters.startswith(short.letters):
        return "cut"
    if long.is_cut and len(long.words) >= _CUT_WORDS and short.letters.startswith(long.letters):
        return "cut"
    if one.is_answer != other.is_answer:
        return ""
    if not short.is_cut and _tells(short.letters, len(short.words)):
        # The last segment of a title that was cut is not whole.
        whole = long.segments[:-1] if long.is_cut else long.segments
        if len(long.segments) > 1 and short.letters in whole:
            return "part"
    if _is_reworded(one, other) or _is_respelled(one, other):
        return "near"
    return ""


def _is_reworded(one: _Title, other: _Title) -> bool:
    """Whether two titles share a long segment and the rest of them is alike."""
    if one.is_cut or other.is_cut or len(one.segments) != len(other.segments):
        return False
    shared = [
        place
        for place, (mine, theirs) in enumerate(zip(one.segments, other.segments, strict=True))
        if mine == theirs and one.sizes[place] >= 5
    ]
    if not shared or len(one.segments) < 2:
        return False
    rest = [place for place in range(len(one.segments)) if place not in shared]
    return all(
        _ratio(one.segments[place], other.segments[place]) >= 0.75 for place in rest
    ) and _numbers(one) == _numbers(other)


def _is_respelled(one: _Title, other: _Title) -> bool:
    """Whether two titles are word for word the same but for endings and spelling."""
    if len(one.words) != len(other.words) or len(one.words) < 2 * _LEAST_WORDS:
        return False
    pairs = [pair for pair in zip(one.words, other.words, strict=True) if pair[0] != pair[1]]
    return len(pairs) <= 2 and all(
        a[:4] == b[:4] and len(min(a, b, key=len)) >= 6 and _ratio(a, b) >= 0.88 for a, b in pairs
    )


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _numbers(title: _Title) -> list[str]:
    roman = {"i", "ii", "iii", "iv", "v", "vi"}
    return [word for word in title.words if word.isdigit() or word in roman]


# -- together -------------------------------------------------------------------------------


class _Sets:
    """Lines that belong together, with the arXiv papers that each set names."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._up = list(range(len(lines)))
        self._papers = [
            {id for id in line.identifiers if id.startswith("arxiv:")} for line in lines
        ]

    def of(self, at: int) -> int:
        while self._up[at] != at:
            self._up[at] = self._up[self._up[at]]
            at = self._up[at]
        return at

    def join(self, one: int, other: int) -> None:
        """Join two sets, unless each names a paper that the other does not."""
        one, other = sorted((self.of(one), self.of(other)))
        mine, theirs = self._papers[one], self._papers[other]
        if one == other or (mine and theirs and not mine & theirs):
            return
        self._up[other] = one
        self._papers[one] = mine | theirs

    def groups(self) -> list[list[int]]:
        """Every set, its members in order."""
        found: dict[int, list[int]] = defaultdict(list)
        for at in range(len(self._up)):
            found[self.of(at)].append(at)
        return list(found.values())


def cluster(lines: Sequence[Line], *, by_title: bool = True) -> list[int]:
    """Return for each line the number of the thing it is about; the first line's is 0.

    Lines with one identifier are one thing. So are titles that are equal, cut from one
    another, a whole part of one another, or the same but for spelling. What is known to be no
    form of a work joins the one work whose words it all but repeats. Pages of a gathering go
    by its words, its venue and its year.

    Args:
        lines: In any order; the order changes nothing but the numbers.
        by_title: False goes by identifiers alone.
    """
    places = sorted(range(len(lines)), key=lambda at: repr(lines[at]))
    lines = [lines[at] for at in places]
    sets = _Sets(lines)
    named: dict[str, int] = {}
    for at, line in enumerate(lines):
        for id in line.identifiers:
            sets.join(named.setdefault(id, at), at)
    if by_title:
        subjects = _subjects(lines)
        shapes = [_title(line) for line in lines]
        for one, other in _pairs(lines, shapes, subjects):
            sets.join(one, other)
        _attach(lines, shapes, subjects, sets)
        _gather(lines, subjects, sets)
    found = {place: sets.of(at) for at, place in enumerate(places)}
    numbers: dict[int, int] = {}
    return [numbers.setdefault(found[place], len(numbers)) for place in range(len(lines))]


def _subjects(lines: Sequence[Line]) -> list[Subject]:
    """What each line is about: a host's other page of a broadcast is about the broadcast."""
    aired = {
        (titles.fold(line.host), "".join(titles.words(line.title)))
        for line in lines
        if line.subject == Subject.broadcast
    }
    return [
        Subject.broadcast
        if line.subject == Subject.work
        and not line.is_version
        and (titles.fold(line.host), "".join(titles.words(line.title))) in aired
        else line.subject
        for line in lines
    ]


def _pairs(
    lines: Sequence[Line], shapes: Sequence[_Title], subjects: Sequence[Subject]
) -> Iterator[tuple[int, int]]:
    """Yield the lines that titles show to be one."""
    for other in range(len(lines)):
        for one in range(other):
            if subjects[one] != subjects[other] or subjects[one] == Subject.event:
                continue
            if subjects[one] != Subject.work:
                # Names of people and of programmes are short; only equal ones are one.
                if shapes[one].letters == shapes[other].letters:
                    yield one, other
            elif _alike(shapes[one], shapes[other]) or _is_one_page(one, other, lines, shapes):
                yield one, other


def _is_one_page(one: int, other: int, lines: Sequence[Line], shapes: Sequence[_Title]) -> bool:
    """Whether a short title is the same at one host."""
    hosts = {titles.fold(lines[at].host) for at in (one, other)}
    return (
        len(hosts) == 1
        and "" not in hosts
        and bool(shapes[one].letters)
        and shapes[one].letters == shapes[other].letters
    )


def _attach(
    lines: Sequence[Line],
    shapes: Sequence[_Title],
    subjects: Sequence[Subject],
    sets: _Sets,
) -> None:
    """Let what is no form of a work join the work whose words it all but repeats."""
    groups = [group for group in sets.groups() if all(subjects[at] == Subject.work for at in group)]
    loose = [group for group in groups if not any(lines[at].is_version for at in group)]
    wanted: list[tuple[int, int]] = []
    for group in loose:
        best: list[tuple[float, int]] = []
        for target in groups:
            if target is group or not (
                len(target) > len(group) or any(lines[at].is_version for at in target)
            ):
                continue
            score = max(
                _about(lines[one], shapes[one], lines[other], shapes[other])
                for one in group
                for other in target
            )
            if score:
                best.append((score, target[0]))
        best.sort(reverse=True)
        if best and (len(best) == 1 or best[0][0] > best[1][0]):
            wanted.append((group[0], best[0][1]))
    for one, other in wanted:
        sets.join(one, other)


def _about(loose: Line, mine: _Title, line: Line, theirs: _Title) -> float:
    """How far one title repeats the words of another, 0 when not enough."""
    if mine.is_answer != theirs.is_answer or _CONTRAST & (set(mine.words) ^ set(theirs.words)):
        return 0.0
    shared = mine.stems & theirs.stems
    least = min(len(mine.stems), len(theirs.stems))
    if len(shared) >= 4 and len(shared) >= 0.8 * least:
        return len(shared) / least
    is_named = theirs.main <= mine.stems
    if is_named and len(theirs.main) >= 3 and loose.form in (Form.post, Form.news, Form.thread):
        return 0.75
    said = set(titles.words(re.sub(r"['’]s\b", "", f"{loose.title} {loose.speaker}")))
    hosts = {word for word in titles.words(line.host) if word not in _SMALL}
    if is_named and len(theirs.main) >= 2 and len(hosts & said) >= 1 and _kind(line.host) is None:
        return 0.7
    return 0.0


def _gather(lines: Sequence[Line], subjects: Sequence[Subject], sets: _Sets) -> None:
    """Join the pages of one gathering; a page of nothing but a venue goes to its only one."""
    events = [at for at, subject in enumerate(subjects) if subject == Subject.event]
    said = {at: _gathering(lines[at]) for at in events}
    own = [at for at in events if said[at][2]]
    for place, other in enumerate(own):
        for one in own[:place]:
            if _meet(said[one], said[other]) and _repeats(said[one][2], said[other][2]):
                sets.join(one, other)
    for at in events:
        if said[at][2]:
            continue
        near = {sets.of(other) for other in own if _meet(said[at], said[other])}
        if len(near) == 1:
            sets.join(at, near.pop())


def _meet(
    one: tuple[frozenset[str], frozenset[str], frozenset[str]],
    other: tuple[frozenset[str], frozenset[str], frozenset[str]],
) -> bool:
    """Whether venue and year of two gatherings do not speak against each other."""
    return all(not a or not b or bool(a & b) for a, b in zip(one[:2], other[:2], strict=True))


def _repeats(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether the shorter list of words is in the longer, abbreviated or not."""
    short, long = sorted((one, other), key=len)
    return all(
        any(a[:4] == b[:4] and (a.startswith(b) or b.startswith(a)) for b in long) for a in short
    )
