"""Hostile strings, a debate made of them, and what a browser must not find on its pages."""

import dataclasses
import json
import re
from pathlib import Path

from kb.views import CoverageView, MergeView, PlacedSourceView, TalkView, TimelineEntry, WorkRef

from ..kb.debate_fixture import DIGESTS, EVENTS, FINDING, FORM, RECORDED, SMALL, link, work

OURS = Path(__file__).parents[1] / "fixtures/hostile.json"
TALKS = 40
"""Talks on the page of one event."""
BATCH = 12
"""Vectors that one search finds: as many as its page shows without a click, and less."""


def ours():
    return json.loads(OURS.read_text())


def corpus(folder):
    """Return the strings of a folder: JSON lists of them or of payloads, and lines of text.

    A payload may hold %names%, which the files called *_payloads.json spell out.
    """
    folder = Path(folder)
    spelled = {}
    for path in sorted(folder.glob("*_payloads.json")):
        for name, value in json.loads(path.read_text()).items():
            found = value if isinstance(value, str) else next(_texts(value), "")
            spelled[f"%{name}%"] = found
    out = {}
    for path in sorted(folder.glob("*.json")):
        if path.name.endswith("_payloads.json"):
            continue
        for item in json.loads(path.read_text()):
            text = item["payload"] if isinstance(item, dict) else item
            if isinstance(text, str):
                whole = re.sub(r"%\w+%", lambda m: spelled.get(m[0], m[0]), text)
                out[whole] = path.name
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(errors="surrogateescape").splitlines():
            out.setdefault(line, path.name)
    return list(out)


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def hostile(vectors):
    """Return a debate in which each vector is a title, an abstract, an author and so on.

    Each has a work's page of its own; all of them stand together on the lists, the timeline,
    the claim they are linked to, the events and the digest.
    """
    works, timeline, talks, placed = [], [], [], []
    for number, vector in enumerate(vectors):
        ref = WorkRef(
            f"key:vector-{number}", "", "post" if number % 5 == 0 else "paper", vector, vector,
            f"{2000 + number % 30}-01", f"key:vector-{number}",
        )  # fmt: skip
        told = CoverageView(f"c{number}", "video", vector, vector, vector, "2030", "", None, vector)
        works.append(
            work(
                ref,
                authors=(vector, "A Plain Name"),
                identifiers=(ref.id, f"url:{vector}", f"doi:{vector}"),
                venue=vector,
                categories=vector,
                synopsis=f"batch{number // BATCH}x {vector}",
                abstract=vector,
                abstract_from=FORM.id,
                links=(link(ref, FINDING, "supports", why=vector),),
                manifestations=(FORM,),
                coverage=(told,),
                notes=(vector,),
                unverified=(vector,),
                merges=(
                    MergeView(
                        f"key:other-{number}", vector, ref.id, vector, "", "model", "joiner/1",
                        vector, 0.9, "proposed", applied=False, recorded=RECORDED,
                    ),
                ),
            )
        )  # fmt: skip
        timeline.append(
            TimelineEntry(ref.date, RECORDED, "works", vector, vector, "crumb", ref, None)
        )
        timeline.append(
            TimelineEntry(
                "2030-03", RECORDED, "coverage", vector, vector, "crumb", ref, None, vector
            )
        )
        talks.append(
            TalkView(
                "2030-06-01T09:00+01:00", "", "oral", vector, (vector,), ref, "", session=vector,
                day="2030-06-01", abstract=vector, url=vector,
            )
        )  # fmt: skip
        placed.append(
            PlacedSourceView(number, vector, vector, "coverage", "post", ref, None, True, vector)
        )
    events = tuple(
        dataclasses.replace(
            EVENTS[0], id=f"day-{at}", name=f"Day {at}", talks=tuple(talks[at : at + TALKS])
        )
        for at in range(0, len(talks), TALKS)
    )
    finding = dataclasses.replace(SMALL.claims[1], links=tuple(w.links[0] for w in works))
    return dataclasses.replace(
        SMALL,
        claims=(SMALL.claims[0], finding, SMALL.claims[2]),
        works=tuple(works),
        events=events,
        digests=(dataclasses.replace(DIGESTS[0], sources=tuple(placed)),),
        timeline=tuple(timeline),
    )


ALLOWED = frozenset([
    "math", "mi", "mn", "mo", "ms", "mtext", "mrow", "mfrac", "msqrt", "mroot", "msub", "msup",
    "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd", "mspace", "mstyle",
    "mpadded", "mphantom", "menclose", "semantics",
])  # fmt: skip
"""What a formula may become, without an attribute that could act."""

WATCH = """(() => {
  // Taken before any page script runs: a page's own names may hide the real ones.
  const all = Document.prototype.querySelectorAll;
  const names = Element.prototype.getAttributeNames;
  const value = Element.prototype.getAttribute;
  const local = Object.getOwnPropertyDescriptor(Element.prototype, "localName").get;
  const text = Object.getOwnPropertyDescriptor(Node.prototype, "textContent").get;
  const apply = Reflect.apply, add = Array.prototype.push, Link = URL;
  const ran = [];
  for (const name of ["alert", "prompt", "confirm", "print", "open"])
    Object.defineProperty(window, name, { value: () => { apply(add, ran, [name]); } });
  addEventListener("securitypolicyviolation", (event) =>
    apply(add, ran, [`policy: ${event.violatedDirective} ${event.blockedURI}`]));
  const report = () => {
    const seen = {}, wrong = [...ran];
    for (const element of apply(all, document, ["*"])) {
      const tag = String(apply(local, element, []));
      const own = [...apply(names, element, [])].sort();
      // What is reached by the keyboard depends on how much there is to scroll.
      seen[`${tag} ${own.filter((name) => name !== "tabindex").join(" ")}`] = true;
      for (const name of own) {
        const held = String(apply(value, element, [name]));
        if (/^on|^srcdoc$|^ping$/i.test(name)) wrong.push(`${tag} ${name}`);
        if (/^(href|src|action|formaction|xlink:href|data|poster|background|cite)$/i.test(name)) {
          let scheme = "";
          try { scheme = new Link(held, location.href).protocol; } catch { scheme = "none"; }
          if (!["http:", "https:", "none"].includes(scheme)) wrong.push(`${tag} ${name}=${held}`);
        }
      }
      if (/^(i?frame|object|embed|applet|base|portal|template|image|img|foreignobject)$/i.test(tag))
        wrong.push(tag);
      if (tag === "script" && !own.includes("src")) {
        const type = apply(value, element, ["type"]);
        if (type !== "application/ld+json" && type !== "application/json") wrong.push("script");
        else try { JSON.parse(apply(text, element, [])); } catch { wrong.push("broken JSON"); }
      }
    }
    return { seen: Object.keys(seen), wrong };
  };
  Object.defineProperty(window, "__report", { value: report });
})()"""
"""Run in a page before anything else: leaves a function that tells what elements it has."""


def formula(shape):
    """Tell whether an element, as its name and the names of its attributes, is of a formula."""
    tag, _, names = shape.partition(" ")
    return tag in ALLOWED and set(names.split()) <= {
        "class",
        "display",
        "fence",
        "mathvariant",
        "stretchy",
    }
