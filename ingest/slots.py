"""What a slot of a programme says: hours, kind, people, title, abstract. Pure.

Pages write a slot in many ways: "Keynote - Ada Example: On tea", a name over a title, a title
over names, a bare "Lunch". Each way is recognized by its words and marks; what cannot be told
apart stays in the title, as it was printed.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest import normalize
from kb.vocabulary import TalkKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# -- hours ----------------------------------------------------------------------------------

_HALF = r"(?P<half{0}>[ap])\.?\ ?m\b\.?"
_CLOCK = (
    r"(?P<hour{0}>[01]?[0-9]|2[0-3])(?:(?:[:.]|h)(?P<minute{0}>[0-5][0-9])(?![0-9]))?\ ?(?:"
    + _HALF
    + r")?"
)
_HOURS = re.compile(
    _CLOCK.format(1) + r"(?:\ ?(?:-|–|—|−|‒|~|to\b|until\b)\ ?" + _CLOCK.format(2) + r")?(?![0-9])",
    re.IGNORECASE | re.VERBOSE,
)
_ZONE = re.compile(r"\ ?(?:\((?:[A-Z]{2,5}|(?:UTC|GMT)[^)]{0,8})\)|(?:[A-Z]{1,4}T|UTC|GMT)\b)")


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a slot, in minutes since midnight."""

    start: int
    end: int | None
    sure: bool
    """Whether the page says which half of the day it means, or writes an hour past 12."""
    rest: str
    """What follows on the line."""


def hours(line: str) -> Hours | None:
    """Return the hours with which a line begins, None where it begins otherwise.

    Examples:
        >>> hours("9:00 - 9:30 Tea")
        Hours(start=540, end=570, sure=False, rest='Tea')
        >>> hours("11:30–12:30 PM").start, hours("1:30 PM (EST) Tea").rest
        (690, 'Tea')
        >>> hours("3 kettles") is None
        True
    """
    line = line.lstrip("|([*•·-– ")
    match = _HOURS.match(line)
    if match is None:
        return None
    first, second = match["half1"], match["half2"]
    has_end = match["hour2"] is not None
    if not (match["minute1"] or first) and not (has_end and (match["minute2"] or second)):
        return None  # a bare number is no hour
    start = _minutes(match["hour1"], match["minute1"], first or second)
    end = _minutes(match["hour2"], match["minute2"], second or first) if has_end else None
    if end is not None and start > end and second and not first:
        start = _minutes(match["hour1"], match["minute1"], "a")  # "11:30–12:30 PM"
    past = max(int(match["hour1"]), int(match["hour2"] or 0)) > 12
    rest = line[match.end() :]
    zone = _ZONE.match(rest)
    rest = rest[zone.end() :] if zone else rest
    return Hours(start, end, bool(first or second or past), rest.strip("|)]*:·-–— ").strip())


def _minutes(hour: str, minute: str | None, half: str | None) -> int:
    value = int(hour)
    if half and value <= 12:
        value = value % 12 + (12 if half.lower() == "p" else 0)
    return value * 60 + int(minute or 0)


def clocks(slots: Sequence[Hours | None]) -> list[tuple[str, str]]:
    """Return start and end as "HH:MM" for the slots of one programme.

    A programme that never says which half of the day it means, and never writes 13:00, means
    the afternoon by 1:30: nobody opens a workshop at night.

    Examples:
        >>> clocks([hours("11:30-12:00"), hours("12:00-1:30"), hours("1:30-2:00"), None])
        [('11:30', '12:00'), ('12:00', '13:30'), ('13:30', '14:00'), ('', '')]
        >>> clocks([hours("1:30-2:00"), hours("13:00-14:00")])
        [('01:30', '02:00'), ('13:00', '14:00')]
    """
    twelve = all(slot is None or not slot.sure for slot in slots)
    out = []
    for slot in slots:
        if slot is None:
            out.append(("", ""))
            continue
        start, end = slot.start, slot.end
        if twelve:
            start += 720 if 60 <= start < 420 else 0
            if end is not None and end <= start and end + 720 > start:
                end += 720 if end < 720 else 0
        out.append((_clock(start), "" if end is None else _clock(end)))
    return out


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


# -- days -----------------------------------------------------------------------------------

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = re.compile(
    r"(?:day\ [0-9]{1,2}\ ?[:,.–—-]?\ ?)?\(?"
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b[.,]?\ )?(?:"
    r"(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    rf"|{_MONTH}\ (?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?![0-9])"
    r"(?:,?\ (?P<year>(?:19|20)[0-9]{2})\b)?"
    rf"|(?P<day2>[0-9]{{1,2}})(?:st|nd|rd|th)?\ (?:of\ )?{_MONTH.replace('month', 'month2')}"
    r"(?:,?\ (?P<year2>(?:19|20)[0-9]{2})\b)?)",
    re.IGNORECASE | re.VERBOSE,
)


def day(line: str, year: str = "") -> tuple[str, str]:
    """Return the day with which a line begins, and what follows; ("", line) where none does.

    Args:
        line: One line of text.
        year: Of a day that is printed without one; "" leaves such a day unread.

    Examples:
        >>> day("Sunday, December 15th, 2024"), day("Day 2: 7 Dec, hall 4", "2025")
        (('2024-12-15', ''), ('2025-12-07', 'hall 4'))
        >>> day("May we have tea?", "2025"), day("Dec 6, 8:00 AM", "")
        (('', 'May we have tea?'), ('', 'Dec 6, 8:00 AM'))
    """
    match = _DAY.match(line)
    if match is None:
        return "", line
    if match["iso"]:
        text = match["iso"]
    else:
        name = (match["month"] or match["month2"])[:3].lower()
        number = int(match["day"] or match["day2"])
        year = match["year"] or match["year2"] or year
        text = f"{year}-{_MONTHS.index(name) + 1:02d}-{number:02d}"
    try:
        found = dt.date.fromisoformat(text).isoformat()
    except ValueError:
        return "", line
    return found, line[match.end() :].strip(" ,;:)–—-|·")


# -- people ---------------------------------------------------------------------------------

_BETWEEN = re.compile(r"\s*[;•·|]\s*")
_MARKS = re.compile(r"[*†‡§¶#✉⁰¹²³⁴-⁹]+|(?<=[^\W\d])[0-9,]+$")
_STYLE = re.compile(r"^(?:prof(?:essor)?|dr|mr|mrs|ms)\b\.?\s+", re.IGNORECASE)
_PARTICLES = frozenset(
    ["al", "bin", "da", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "ibn",
     "la", "le", "ter", "ten", "van", "von", "y", "zu"]
)  # fmt: skip
_SMALL = frozenset(
    ["a", "an", "and", "are", "as", "at", "beyond", "by", "can", "do", "does", "for", "from", "how",
     "in", "into", "is", "its", "not", "of", "on", "or", "our", "the", "their", "through", "to",
     "toward", "towards", "under", "via", "what", "when", "where", "which", "why", "with",
     "without"]
)  # fmt: skip
_TOPIC = re.compile(
    r"(?:adaptive|adversarial|algorithms?|analysis|artificial|attention|awards?|bayesian|bounds?|"
    r"coffee|convergence|convolutional|data|deep|diffusions?|distribut\w+|dynamical|dynamics|"
    r"efficient|feature|features|flows?|foundations?|general|generative|generators?|geometry|"
    r"gradients?|graphs?|kernels?|language|large|latent|linear|lunch|machine|manifolds?|"
    r"matching|mathematical|methods?|models?|networks?|neural|new|optimal|panel|physical|poster|"
    r"posters|process|processes|random|remarks|representations?|robust\w*|science|scientific|"
    r"scores?|sessions?|space|spaces|statistical|stochastic|systems?|talks?|tasks?|tea|theories|"
    r"theory|thoughts|tokens?|transformers?|unsupervised|vision|\w+(?:tions?|isms?|ology|istic|"
    r"ability)|\w{5,}ing)",
    re.IGNORECASE,
)
_HOUSE = re.compile(
    r"\b(?:universit\w+|institut\w+|lab(?:s|oratory)?|college|school|research|google|deepmind|meta|"
    r"microsoft|apple|openai|nvidia|inc|usa|uk)\b",
    re.IGNORECASE,
)
_MOST_PEOPLE = 500


def people(text: str) -> tuple[str, ...]:
    """Return the names in a text that holds names, without titles, marks and affiliations.

    Examples:
        >>> people("Prof. Ada B. Example (Tea Board), Carl Demo¹ · Eve Sample, University of Tea")
        ('Ada B. Example', 'Carl Demo', 'Eve Sample')
    """
    found: list[str] = []
    for part in _BETWEEN.split(text[:20_000]):
        for name in normalize.authors(_NAMED.sub("", part, count=1)):
            plain = _STYLE.sub("", _MARKS.sub("", name).strip(" ,.:-–—\"“”'[]{}"))
            if plain and len(plain) <= 100 and not _HOUSE.search(plain) and not is_open(plain):
                found.append(plain)
    return tuple(dict.fromkeys(found))[:_MOST_PEOPLE]


def are_people(text: str) -> bool:
    """Tell whether a text looks like names of people and nothing else.

    Examples:
        >>> are_people("Ada B. Example, Carl van Demo and Eve-Lynn Sample")
        True
        >>> are_people("Toward Physical Kettles"), are_people("Latent Steeping")
        (False, False)
    """
    if len(text) > 4_000:
        return False
    bare = re.sub(r"\([^()]*\)", " ", text)
    parts = [p.strip() for p in re.split(r",|;|•|·|\band\b|&|\|", bare) if p.strip()]
    if not parts:
        return False
    first, *others = (_is_person(part) for part in parts)
    houses = [bool(_HOUSE.search(part)) for part in parts[1:]]
    return first and all(map(lambda ok, house: ok or house, others, houses))


def _is_person(text: str) -> bool:
    words = _STYLE.sub("", _MARKS.sub("", text).strip()).split()
    if not 2 <= len(words) <= 6:
        return False
    topics = 0
    for word in words:
        plain = word.strip(".,'’\"“”-")
        if not plain:
            return False
        if plain.lower() in _PARTICLES:
            continue
        if not plain[0].isalpha() or plain[0].islower():
            return False
        if re.search(r"[0-9_/?!:+=$\\]", plain) or (plain.lower() in _SMALL and len(plain) > 1):
            return False
        topics += bool(_TOPIC.fullmatch(plain))
    return 2 * topics < len(words)


# -- kinds ----------------------------------------------------------------------------------

_KINDS: tuple[tuple[re.Pattern[str], TalkKind], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), kind)
    for words, kind in (
        ("keynotes?", TalkKind.keynote),
        ("invited|plenary", TalkKind.invited),
        ("panels?|round ?table", TalkKind.panel),
        ("posters?", TalkKind.poster),
        ("orals?", TalkKind.oral),
        ("spotlights?|contributed|lightning", TalkKind.contributed),
        (
            r"lunch|coffee|breaks?|dinner|reception|social|networking|registration|mentor\w+",
            TalkKind.break_,
        ),
        ("opening|welcome|introductory|introduction", TalkKind.opening),
        ("closing|concluding|conclusion|awards?|winners?|farewell", TalkKind.closing),
    )
)
_LABEL_WORD = re.compile(
    r"keynotes?|invited|plenary|panels?|round|table|roundtable|posters?|orals?|spotlights?|"
    r"contributed|lightning|lunch|coffee|breaks?|dinner|reception|social|networking|opening|"
    r"welcome|introductory|introduction|closing|concluding|conclusion|awards?|winners?|farewell|"
    r"competition|announcements?|ceremony|remarks?|statements?|talks?|presentations?|speakers?|"
    r"address|addresses|lectures?|sessions?|discussions?|papers?|best|and|&|\+|/|the|with|hour|"
    r"group|photo|[ivx]{1,4}|#?[0-9]{1,2}|[a-d]",
    re.IGNORECASE,
)
_STRUCTURE = frozenset(
    [TalkKind.opening, TalkKind.panel, TalkKind.poster, TalkKind.break_, TalkKind.closing]
)
_SEPARATOR = re.compile(r"\s*(?::|\s[-–—|·]|[–—])(?:\s+|$)")
_TAG = re.compile(r"^[\[(]([^\[\]()]{3,30})[\])]\s*[:\-–—]?\s*|\s*[\[(]([^\[\]()]{3,30})[\])]$")
_OPEN = re.compile(r"\W*(?:\b(?:tb[adc]|to be (?:announced|determined|confirmed))\b\W*)+", re.I)


def kind_of(label: str, kinds: Mapping[str, TalkKind] | None = None) -> TalkKind | None:
    """Return the kind that a label names, None where it names none.

    Examples:
        >>> kind_of("Poster session and break"), kind_of("Tea leaves")
        (<TalkKind.poster: 'poster'>, None)
    """
    for word, kind in (kinds or {}).items():
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", label, re.IGNORECASE):
            return kind
    return next((kind for words, kind in _KINDS if words.search(label)), None)


def _is_label(text: str, kinds: Mapping[str, TalkKind]) -> bool:
    words = text.split()
    if not 1 <= len(words) <= 7 or kind_of(text, kinds) is None:
        return False
    own = {part for word in kinds for part in word.lower().split()}
    bare = [part for word in words for part in re.split(r"[/\-,.]", word) if part]
    return all(part.lower() in own or _LABEL_WORD.fullmatch(part) for part in bare)


def is_open(text: str) -> bool:
    """Tell whether a text only says that something is not known yet.

    Examples:
        >>> is_open("TBD"), is_open("To be announced."), is_open("Tea")
        (True, True, False)
    """
    return bool(_OPEN.fullmatch(text))


# -- slots ----------------------------------------------------------------------------------

_ABSTRACT = re.compile(
    r"(?:show|hide|view|read|toggle)\s+abstract(?:\s*abstract\b)?[\s:.]*"
    r"|^\W*abstract\s*(?:[:.–—-]\s*|$)|\babstract:\s*",
    re.IGNORECASE,
)
_BIO = re.compile(r"(?:(?:show|hide|speaker) )?bio(?:graphy)?\b\s*(?:[:.]|$)", re.IGNORECASE)
_NAMED = re.compile(
    r"\A(title|talk title|speakers?|presenters?|authors?|by|moderators?|panell?ists?|chairs?|"
    r"hosts?)\s*:\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot's text, taken apart."""

    kind: TalkKind | None
    """None where no word says it."""
    label: str
    """The words that say it, as printed."""
    title: str
    people: tuple[str, ...]
    abstract: str


def read(lines: Sequence[str], kinds: Mapping[str, TalkKind] | None = None) -> Slot:
    """Take the text of a slot apart.

    Args:
        lines: In order, without the hours.
        kinds: Words of the page's own, which count before the usual ones.

    Examples:
        >>> read(["Keynote Talk - Ada Example: How long to steep?"])
        ... # doctest: +NORMALIZE_WHITESPACE
        Slot(kind=<TalkKind.keynote: 'keynote'>, label='Keynote Talk', title='How long to steep?',
             people=('Ada Example',), abstract='')
        >>> read(["Oral: Loose Leaf Tea", "Ada Example, Carl Demo"]).people
        ('Ada Example', 'Carl Demo')
    """
    kinds = kinds or {}
    body, abstract = _abstract([line for line in map(normalize.prose, lines) if line])
    body, named_title, named_people = _named(body)
    kind, label, body = _label(body, kinds)
    body = [line for line in body if not is_open(line)]
    found: tuple[str, ...] = ()
    if kind in _STRUCTURE and (kind != TalkKind.poster or not body or are_people(body[0])):
        title, found = _structural(label, body)
    else:
        title, found, more = _apart(body, labelled=bool(label))
        abstract = abstract or more
    title = named_title or title or label
    return Slot(kind, label, title.strip(' *"“”'), named_people or found, abstract)


def _abstract(lines: list[str]) -> tuple[list[str], str]:
    body: list[str] = []
    for i, line in enumerate(lines):
        if match := _ABSTRACT.search(line):
            head = line[: match.start()].strip(" |:-–—")
            rest = [line[match.end() :], *lines[i + 1 :]]
            told = []
            for text in rest:
                if bio := _BIO.match(text):
                    told.append(text[: bio.start()])
                    break
                told.append(text)
            said = normalize.prose(" ".join(told)).strip(" |")
            return [*body, head] if head else body, "" if is_open(said) else said
        if _BIO.match(line):
            continue
        body.append(line)
    return body, ""


def _named(lines: list[str]) -> tuple[list[str], str, tuple[str, ...]]:
    """Take out the lines that say what they are: "Title: …", "Speaker: …"."""
    rest: list[str] = []
    title = ""
    found: list[str] = []
    for line in lines:
        match = _NAMED.match(line)
        if match is None:
            rest.append(line)
        elif "title" in match[1].lower():
            title = title or line[match.end() :]
        else:
            found.extend(people(line[match.end() :]))
    return rest, "" if is_open(title) else title, tuple(dict.fromkeys(found))


def _label(
    lines: list[str], kinds: Mapping[str, TalkKind]
) -> tuple[TalkKind | None, str, list[str]]:
    """Split off the words that name the kind, where the first line has such."""
    if not lines:
        return None, "", lines
    first, others = lines[0].strip("* "), lines[1:]
    for match in _SEPARATOR.finditer(first[:120]):
        head = first[: match.start()]
        if _is_label(head, kinds):
            rest = first[match.end() :]
            return kind_of(head, kinds), head, [rest, *others] if rest else others
    if _is_label(first.rstrip(":"), kinds):
        label = first.rstrip(": ")
        return kind_of(label, kinds), label, others
    if (tag := _TAG.search(first)) and _is_label(tag[1] or tag[2], kinds):
        label = tag[1] or tag[2]
        rest = first[: tag.start()] + first[tag.end() :]
        return kind_of(label, kinds), label, [rest, *others]
    words = first.split()
    for n in range(min(7, len(words) - 1), 0, -1):  # "Opening Remarks Ada Example"
        head, tail = " ".join(words[:n]), " ".join(words[n:])
        if _is_label(head, kinds) and kind_of(head, kinds) in _STRUCTURE and are_people(tail):
            return kind_of(head, kinds), head, [tail, *others]
    kind = kind_of(first, kinds)
    if not others and len(words) <= 8 and kind in _STRUCTURE and not _SEPARATOR.search(first):
        return kind, first, []  # "Lunch in the tea room"
    return None, "", [first, *others]


def _structural(label: str, lines: list[str]) -> tuple[str, tuple[str, ...]]:
    """Title and people of what is no talk: a break, a panel, an opening."""
    found: list[str] = []
    extra: list[str] = []
    for line in lines:
        if are_people(line):
            found.extend(people(line))
        elif line.casefold() not in label.casefold():
            extra.append(line)
    more = " ".join(extra)
    return (f"{label}: {more}" if more else label), tuple(dict.fromkeys(found))


def _apart(lines: list[str], *, labelled: bool) -> tuple[str, tuple[str, ...], str]:
    """Title, people and abstract of a talk's lines."""
    if not lines:
        return "", (), ""
    if len(lines) == 1:
        return (*_one_line(lines[0]), "")
    # After "Oral:" stands the title; else a name usually stands over it.
    order = (1, 0) if labelled else (0, 1)
    at = next((i for i in order if are_people(lines[i])), None)
    if at is None:
        title, found = _one_line(lines[0])
        rest = lines[1:]
        if not found and (last := next((x for x in rest if are_people(x)), None)):
            found = people(last)
            rest = [line for line in rest if line != last]
    else:
        found = people(lines[at])
        others = [line for i, line in enumerate(lines) if i != at]
        title, rest = others[0], others[1:]
    more = " ".join(rest)
    if more and len(more) <= 60 and not are_people(more) and not found:
        title, more = f"{title} {more}", ""
    return title, found, more if len(more) > 60 else ""


def _one_line(line: str) -> tuple[str, tuple[str, ...]]:
    """Title and people of one line: a name and a title in either order, or one of them."""
    if are_people(line):
        return "", people(line)
    for match in _SEPARATOR.finditer(line[:400]):
        head, tail = line[: match.start()], line[match.end() :]
        if tail and are_people(head):
            return ("" if is_open(tail) else tail), people(head)
        if tail and are_people(tail):
            return head, people(tail)
    by = re.search(r"\s+by\s+([^()]{5,200})$|\s*\(([^()]{5,200})\)$", line[-300:])
    if by and are_people(by[1] or by[2]):
        return line[: len(line) - len(by[0])], people(by[1] or by[2])
    return line, ()
