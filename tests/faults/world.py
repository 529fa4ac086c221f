"""What all the sources hold, day by day, in a small made-up world.

A world is a function of its seed and the day: asked twice, it answers the same. Papers appear,
get new versions and titles, are withdrawn and come back; a venue decides, in steps; notes
vanish; a workshop's programme grows; posts speak of papers.
"""

import datetime as dt
import html
import json
import random
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

FIRST_DAY = dt.date(2026, 3, 2)
VENUE = "Kettle.cc/2026/Conference"
SET = "cs:cs:LG"
FEED = "https://posts.example.org/feed.xml"
PROGRAMME = "https://workshop.example.org/programme.html"
ARXIV, OAI = "export.arxiv.org", "oaipmh.arxiv.org"
OPENREVIEW = "api2.openreview.net"

SENTENCES = (
    "We show that memorization of rare examples is necessary for generalization.",
    "Kettles trained past the boiling point still pour on unseen cups.",
    "Gradient descent on wide networks stays close to its linearization.",
    "Grokking is explained by a slow norm decay after the training loss is zero.",
    "Our bound is vacuous for every kettle that we measured.",
    "Early stopping keeps the diffusion model from copying its training tea.",
    "The double descent curve disappears once the spout is regularized.",
    "Sharp minima pour as well as flat ones when the lid is rescaled.",
)
NAMES = ("Ada B. Example", "Carl Demo", "Eve Made-Up", "José Sample", "Mira Placeholder")


@dataclass
class Paper:
    """One paper, and what becomes of it."""

    number: int
    born: int
    """The day of its first version."""
    titles: list
    """One a version."""
    days: list
    """The day of each version."""
    authors: list
    abstract: str
    topic: str
    withdrawn: int | None = None
    """The version that withdraws it."""
    forum: str = ""
    submitted: int = 0
    tiers: dict = field(default_factory=dict)
    """Day -> the venue's word on it."""
    vanishes: int | None = None
    names_arxiv: bool = False

    @property
    def arxiv(self):
        return f"2603.{self.number + 10000}"

    def version(self, day):
        """Return the number of its newest version, 0 before the first."""
        return sum(each <= day for each in self.days)


class World:
    """Every source, on the day that `day` says."""

    def __init__(self, seed=0, papers=60, page=20):
        rng = random.Random(seed)
        self.day = 0
        self.page = page
        self.papers = [self._paper(rng, number) for number in range(papers)]
        self.asked = []

    def _paper(self, rng, number):
        born = 0 if rng.random() < 0.6 else rng.randrange(1, 4)
        days = sorted({born, *(rng.randrange(born, 5) for _ in range(rng.randrange(3)))})
        word = rng.choice(["Kettle", "Spout", "Lid", "Cup", "Saucer", "Whistle"])
        titles = [f"{word} number {number} and what it remembers"] * len(days)
        if len(days) > 1 and rng.random() < 0.3:
            titles[-1] = f"What {word.lower()} number {number} forgets: a second look"
        paper = Paper(
            number=number,
            born=born,
            titles=titles,
            days=days,
            authors=rng.sample(NAMES, rng.randrange(1, 4)),
            abstract=" ".join(rng.sample(SENTENCES, 3)) + f" This is study {number}.",
            topic=rng.choice(["memorization", "dynamics"]),
            withdrawn=len(days) if len(days) > 1 and rng.random() < 0.2 else None,
        )
        if rng.random() < 0.5:
            paper.forum = f"Kettle{number:05}"
            paper.submitted = rng.randrange(3)
            paper.tiers = {paper.submitted: "Submitted to Kettle 2026"}
            fate = rng.random()
            if fate < 0.6:
                paper.tiers[3] = "Kettle 2026 Poster"
            if fate < 0.3:
                paper.tiers[4] = "Kettle 2026 Oral"
            if fate > 0.9:
                paper.tiers[3] = "Kettle 2026 Conference Withdrawn Submission"
            paper.names_arxiv = rng.random() < 0.6
            paper.vanishes = 4 if rng.random() < 0.06 else None
        return paper

    # -- the clock ------------------------------------------------------------------------

    @property
    def date(self):
        return FIRST_DAY + dt.timedelta(days=self.day)

    def moment(self, day, number=0):
        """Return a time on a day of the world, each paper at its own minute."""
        start = dt.datetime.combine(FIRST_DAY, dt.time(1), dt.UTC)
        return start + dt.timedelta(days=day, minutes=number)

    def stamp(self, day, number=0):
        return self.moment(day, number).strftime("%Y-%m-%dT%H:%M:%SZ")

    # -- answers ---------------------------------------------------------------------------

    def answer(self, host, target, body=b""):
        """Return status, headers and body for a request to a host of the world."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append((host, target))
        match host:
            case "export.arxiv.org":
                return 200, {}, self.atom(query)
            case "oaipmh.arxiv.org":
                return 200, {}, self.oai(query)
            case "api2.openreview.net":
                return 200, {}, self.notes(parts.path, query)
            case "posts.example.org":
                return 200, {}, self.feed()
            case "workshop.example.org":
                return 200, {}, self.programme()
        return 404, {}, b"no such host in this world"

    def atom(self, query):
        topic = "dynamics" if "dynamics" in query.get("search_query", "") else "memorization"
        start, most = _number(query, "start", 0), _number(query, "max_results", 10)
        found = [p for p in self.papers if p.topic == topic and p.version(self.day)]
        found.sort(key=lambda p: (p.days[p.version(self.day) - 1], p.number), reverse=True)
        entries = "".join(self._entry(p) for p in found[start : start + most])
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
            'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">'
            f"<id>https://arxiv.org/api/made-up</id><title>{topic}</title>"
            f"<updated>{self.stamp(self.day + 1)}</updated>"
            f"<opensearch:totalResults>{len(found)}</opensearch:totalResults>"
            f"<opensearch:startIndex>{start}</opensearch:startIndex>{entries}</feed>"
        ).encode()

    def _entry(self, p):
        number = p.version(self.day)
        authors = "".join(f"<author><name>{html.escape(a)}</name></author>" for a in p.authors)
        gone = number == p.withdrawn
        comment = "This paper has been withdrawn by the authors" if gone else "4 cups"
        return (
            f"<entry><id>http://arxiv.org/abs/{p.arxiv}v{number}</id>"
            f"<title>{html.escape(p.titles[number - 1])}</title>"
            f"<updated>{self.stamp(p.days[number - 1], p.number)}</updated>"
            f"<published>{self.stamp(p.days[0], p.number)}</published>"
            f"<summary>{html.escape(p.abstract)}</summary>{authors}"
            f'<category term="cs.LG"/><arxiv:comment>{comment}</arxiv:comment></entry>'
        )

    def oai(self, query):
        """Answer ListRecords, in pages, as OAI-PMH does; the token holds all that it needs."""
        token = query.get("resumptionToken", "")
        if token:
            parts = token.split("|")
            if len(parts) != 3 or not parts[2].isdecimal():
                return self._oai('<error code="badResumptionToken">no such token</error>')
            prefix, since, start = parts
        else:
            prefix, since, start = query.get("metadataPrefix", ""), query.get("from", ""), "0"
        found = [
            p
            for p in self.papers
            if p.version(self.day)
            and self.stamp(p.days[p.version(self.day) - 1])[:10] >= (since or "0")[:10]
        ]
        begin = int(start)
        records = "".join(self._record(p, prefix) for p in found[begin : begin + self.page])
        more = begin + self.page < len(found)
        if begin or more:
            name = f"{prefix}|{since}|{begin + self.page}" if more else ""
            records += (
                f'<resumptionToken cursor="{begin}" completeListSize="{len(found)}">'
                f"{name}</resumptionToken>"
            )
        inner = (
            f"<ListRecords>{records}</ListRecords>"
            if found
            else '<error code="noRecordsMatch">nothing has changed</error>'
        )
        return self._oai(inner)

    def _oai(self, inner):
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
            f"<responseDate>{self.stamp(self.day + 1)}</responseDate>"
            f'<request verb="ListRecords">http://oaipmh.arxiv.org/oai</request>{inner}</OAI-PMH>'
        ).encode()

    def _record(self, p, prefix):
        number = p.version(self.day)
        gone = "This paper has been withdrawn by the authors" if number == p.withdrawn else "4 cups"
        title, abstract = html.escape(p.titles[number - 1]), html.escape(p.abstract)
        header = (
            f"<header><identifier>oai:arXiv.org:{p.arxiv}</identifier>"
            f"<datestamp>{self.stamp(p.days[number - 1])[:10]}</datestamp>"
            f"<setSpec>{SET}</setSpec></header>"
        )
        if prefix == "arXivRaw":
            versions = "".join(
                f'<version version="v{n}">'
                f"<date>{self.moment(day, p.number):%a, %d %b %Y %H:%M:%S GMT}</date>"
                "<size>10kb</size></version>"
                for n, day in enumerate(p.days[:number], 1)
            )
            body = (
                f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{p.arxiv}</id>'
                f"<submitter>{html.escape(p.authors[0])}</submitter>{versions}<title>{title}</title>"
                f"<authors>{html.escape(', '.join(p.authors))}</authors>"
                f"<categories>cs.LG</categories><comments>{gone}</comments>"
                f"<abstract>{abstract}</abstract></arXivRaw>"
            )
        else:
            names = "".join(
                "<author><keyname>{1}</keyname><forenames>{0}</forenames></author>".format(
                    *map(html.escape, a.rsplit(" ", 1))
                )
                for a in p.authors
            )
            body = (
                f'<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{p.arxiv}</id>'
                f"<created>{self.stamp(p.days[0])[:10]}</created>"
                f"<updated>{self.stamp(p.days[number - 1])[:10]}</updated>"
                f"<authors>{names}</authors><title>{title}</title><categories>cs.LG</categories>"
                f"<comments>{gone}</comments><abstract>{abstract}</abstract></arXiv>"
            )
        return f"<record>{header}<metadata>{body}</metadata></record>"

    def notes(self, path, query):
        """Answer a search for notes, in pages, as the second interface of OpenReview does."""
        if path.endswith("/login"):
            return json.dumps({"token": "made-up", "user": {"id": "~Made_Up1"}}).encode()
        listed = [
            p
            for p in self.papers
            if p.forum and p.submitted <= self.day and (p.vanishes is None or self.day < p.vanishes)
        ]
        notes = [self._note(p) for p in listed]
        start, most = _number(query, "offset", 0), _number(query, "limit", 1000)
        after = query.get("after", "")
        if after:
            start = next((i + 1 for i, note in enumerate(notes) if note["id"] == after), 0)
        if not path.endswith("/notes") or not _asked_for(query):
            notes = []
        return json.dumps({"notes": notes[start : start + most], "count": len(notes)}).encode()

    def _note(self, p):
        day = max(day for day in p.tiers if day <= self.day)
        tier = p.tiers[day]
        content = {
            "title": {"value": p.titles[0]},
            "abstract": {"value": p.abstract},
            "authors": {"value": p.authors},
            "venue": {"value": tier},
            "venueid": {"value": VENUE},
        }
        if p.names_arxiv:
            content["arxiv"] = {"value": f"https://arxiv.org/abs/{p.arxiv}"}
        return {
            "id": p.forum,
            "forum": p.forum,
            "invitations": [f"{VENUE}/-/Submission"],
            "cdate": _milliseconds(self.moment(p.submitted, p.number)),
            "pdate": _milliseconds(self.moment(p.submitted, p.number)),
            "tcdate": _milliseconds(self.moment(p.submitted, p.number)),
            "mdate": _milliseconds(self.moment(day, p.number)),
            "tmdate": _milliseconds(self.moment(day, p.number)),
            "content": content,
            "version": 2,
        }

    def feed(self):
        """Answer with a feed of posts, the newest first; a few name a paper."""
        posts = []
        for p in self.papers[::5]:
            if p.version(self.day):
                link = f"https://posts.example.org/{p.number}"
                posts.append(
                    f"<entry><id>{link}</id><title>On study {p.number}</title>"
                    f'<link rel="alternate" href="{link}"/>'
                    f"<updated>{self.stamp(p.days[0], p.number)}</updated>"
                    f"<published>{self.stamp(p.days[0], p.number)}</published>"
                    f"<author><name>{html.escape(p.authors[-1])}</name></author>"
                    f'<content type="html">&lt;p&gt;See '
                    f'&lt;a href="https://arxiv.org/abs/{p.arxiv}"&gt;it&lt;/a&gt;.&lt;/p&gt;'
                    "</content></entry>"
                )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
            f"<id>{FEED}</id><title>Posts on kettles</title>"
            f"<updated>{self.stamp(self.day)}</updated>{''.join(reversed(posts))}</feed>"
        ).encode()

    def programme(self):
        """Answer with a workshop's page: a table of talks that grows by the day."""
        rows = []
        for hour, p in enumerate(p for p in self.papers[::7] if p.version(self.day)):
            link = f'<a href="https://arxiv.org/abs/{p.arxiv}">paper</a>' if hour % 2 else ""
            rows.append(
                f"<tr><td>{9 + hour // 2:02}:{30 * (hour % 2):02}</td><td>Oral</td>"
                f"<td>{html.escape(p.titles[0])}</td><td>{html.escape(', '.join(p.authors))}</td>"
                f"<td>{link}</td></tr>"
            )
        return (
            "<!doctype html><html><body><h1>Workshop on kettles</h1><table><thead><tr>"
            "<th>Time</th><th>Kind</th><th>Title</th><th>Speaker</th><th>Link</th></tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table></body></html>"
        ).encode()


def _number(query, name, default):
    text = query.get(name, "")
    return int(text) if text.isdecimal() else default


def _asked_for(query):
    asked = " ".join(query.values())
    return VENUE in asked and not any(w in asked for w in ("Withdrawn", "Desk", "Decision"))


def _milliseconds(moment):
    return int(moment.timestamp() * 1000)
