"""The method page tells any valid file of figures; each link of a machine can be objected to."""

import dataclasses
import html
import json
import re
import shlex
import unicodedata
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import FileSystemLoader
from lxml import etree
from lxml import html as markup

from kb import content, measured
from kb.errors import ConfigError
from kb.plain import plain
from kb.publish import publish
from kb.render import FUNCTIONS, environment, method, objection, pages, untrusted
from kb.render.pages import Atlas, Here
from kb.review import Share, record
from kb.views import ClaimRef

from .debate_fixture import BULK, BULK_THESIS, MEASURED, QUOTE, SMALL, THESIS, evidence

ROOT = Path(__file__).parents[2]
TEMPLATES = environment(FileSystemLoader(ROOT / "site/templates"), FUNCTIONS)
ATLAS = Atlas(SMALL)
FORM = "https://example.org/us/debate/issues/new"
REAL = ClaimRef("C02", "finding", "", "")
READ = dataclasses.replace(BULK, id="arxiv:2505.17638")
PROPOSED = dataclasses.replace(BULK_THESIS, evidence=(evidence(QUOTE),), stance_score=-0.4)

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-5, max_value=5000)
lines = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\n\r"), min_size=1, max_size=30
)
counts = st.integers(min_value=0, max_value=500)


@st.composite
def figures(draw):
    low, high = sorted((draw(finite), draw(finite)))
    ends = draw(st.booleans())
    return {
        "name": draw(lines),
        "value": draw(finite),
        "low": low if ends else None,
        "high": high if ends else None,
        "goal": draw(st.none() | finite),
        "at_most": draw(st.booleans()),
    }


@st.composite
def confusions(draw):
    row = st.lists(counts, min_size=4, max_size=4)
    return {
        "stances": draw(st.permutations(["supports", "disputes", "qualifies", "mentions"])),
        "rows": draw(st.lists(row, min_size=4, max_size=4)),
    }


schemes = st.fixed_dictionaries(
    {
        "name": lines,
        "says": lines,
        "figures": st.lists(figures(), max_size=4),
        "confusion": st.none() | confusions(),
    }
)
files = st.fixed_dictionaries(
    {
        "judge": lines,
        "made": st.dates().map(str),
        "labels": st.fixed_dictionaries(
            {"works": counts, "links": counts, "by": lines, "agreement": lines}
        ),
        "schemes": st.lists(schemes, max_size=2, unique_by=lambda scheme: scheme["name"]),
    }
)


def page(debate):
    here = Here("about/method", frozenset(), {}, {})
    values = {"here": here, "debate": debate, "atlas": ATLAS, "live": method.live(debate)}
    return str(TEMPLATES.get_template("method.md.j2").render(**values))


def shown(text):
    return " ".join(html.unescape(str(untrusted(text))).split())


def texts(found):
    return [" ".join("".join(e.itertext()).split()) for e in found]


@settings(max_examples=30, deadline=None)
@given(told=files)
def test_every_valid_file_of_figures_is_told_whole(told):
    read = measured.read(json.dumps(told))
    tree = markup.fromstring(page(dataclasses.replace(SMALL, measured=read)))
    tables = tree.xpath("//div[starts-with(@aria-label, 'Figures: ')]/table")
    wanted = [scheme for scheme in told["schemes"] if scheme["figures"]]
    assert len(tables) == len(wanted)
    for table, scheme in zip(tables, wanted, strict=True):
        names = texts(table.xpath(".//tbody/tr/th"))
        assert names == [shown(f["name"]) for f in scheme["figures"]]
        for row, figure in zip(table.xpath(".//tbody/tr"), scheme["figures"], strict=True):
            missed = bool(row.xpath(".//b[@class='shortfall']"))
            reached = bool(row.xpath(".//span[@class='reached']"))
            assert missed + reached == (figure["goal"] is not None)
    grids = tree.xpath("//table[@class='confusion']")
    wanted = [scheme["confusion"] for scheme in told["schemes"] if scheme["confusion"]]
    assert len(grids) == len(wanted)
    for grid, confusion in zip(grids, wanted, strict=True):
        cells = {
            (row.xpath("string(th)"), column): int(cell.xpath("string(b)"))
            for row in grid.xpath("./tbody/tr")
            for column, cell in zip(
                grid.xpath("./thead/tr/th/text()")[1:-1], row.xpath("./td[b]"), strict=True
            )
        }
        names = confusion["stances"]
        assert cells == {
            (names[i], names[j]): confusion["rows"][i][j] for i in range(4) for j in range(4)
        }


@given(value=finite, ends=st.none() | st.tuples(finite, finite), goal=st.none() | finite)
def test_a_picture_of_an_interval_keeps_within_its_frame_or_is_left_out(value, ends, goal):
    low, high = sorted(ends) if ends else (None, None)
    drawn = str(method.interval(value, low, high, goal))
    told = [n for n in (value, low, high, goal) if n is not None]
    assert bool(drawn) == all(0 <= n <= 1 for n in told)
    if drawn:
        svg = etree.fromstring(drawn)
        width = float(svg.get("width"))
        places = [float(svg.find("circle").get("cx"))]
        places += [
            float(x) for p in svg.findall("path") for x in re.findall(r"[MH]([\d.]+)", p.get("d"))
        ]
        assert all(0 <= x <= width for x in places)


def test_nothing_measured_is_said_plainly():
    told = page(dataclasses.replace(SMALL, measured=None))
    assert "Nothing has been measured for this build" in told
    assert "<svg" in told  # what people said of this build is told all the same


def test_figures_of_another_judge_are_not_passed_off_as_this_ones():
    assert "It made all links of a machine in this build." in page(SMALL)
    other = MEASURED.model_copy(update={"judge": "linker/2"})
    assert "are by another judge</b>" in page(dataclasses.replace(SMALL, measured=other))
    works = tuple(
        dataclasses.replace(w, links=(*w.links, dataclasses.replace(BULK_THESIS, agent="other/1")))
        if w.id == BULK.id
        else w
        for w in SMALL.works
    )
    mixed = page(dataclasses.replace(SMALL, works=works))
    assert "Some links of this build are by another judge</b>" in mixed
    silent = tuple(dataclasses.replace(work, links=()) for work in SMALL.works)
    assert "No link in this build is by a machine." in page(
        dataclasses.replace(SMALL, works=silent)
    )


def test_the_links_of_a_build_are_counted_by_stance_and_thesis():
    told = method.live(SMALL)
    assert (told.shown, told.works, told.waiting) == (1, 1, 1)
    assert dict(told.stances) == {"supports": 0, "disputes": 1, "qualifies": 0, "mentions": 0}
    assert [(t.claim.id, t.shown, t.waiting) for t in told.theses] == [
        ("rest-opens-crumb", 1, 0),
        ("C02", 0, 1),
    ]
    assert told.agents == (("linker/1", 1, 0.714),)


def test_what_people_said_stands_with_its_interval():
    told = html.unescape(page(SMALL))
    low, high = Share(1, 2).interval
    assert '<b>0.50</b> <span class="by">1 of 2</span>' in told
    assert f"{low:.2f} to {high:.2f}" in told
    nobody = page(dataclasses.replace(SMALL, verdicts=record(())))
    assert "No person has judged a link in this build." in nobody


# -- objections ----------------------------------------------------------------------------------


def with_proposal(**more):
    """The small debate in which the machine's link shows its sentence."""
    link = dataclasses.replace(PROPOSED, **more)

    def swap(thing):
        links = tuple(link if k is BULK_THESIS else k for k in thing.links)
        return dataclasses.replace(thing, links=links)

    tensions = tuple(
        dataclasses.replace(t, poles=tuple(map(swap, t.poles))) for t in SMALL.tensions
    )
    return dataclasses.replace(
        SMALL,
        works=tuple(map(swap, SMALL.works)),
        claims=tuple(map(swap, SMALL.claims)),
        tensions=tensions,
        issues=FORM,
    )


@pytest.fixture(scope="module", params=["proposed", "confirmed"])
def made(request):
    by = "handle" if request.param == "confirmed" else ""
    return dict(pages(with_proposal(review=request.param, reviewed_by=by), TEMPLATES))


def test_every_link_of_a_machine_has_score_sentence_and_objection_where_it_stands(made):
    places = set()
    for path, text in made.items():
        tree = markup.fromstring(text)
        for item in tree.xpath("//li[contains(@class, 'link ')][.//details[@class='objection']]"):
            places.add(path.split("/")[0])
            assert QUOTE in "".join(item.itertext())
            assert item.xpath(".//span[@class='score-parts']/b/text()")[0] == "0.71"
            assert item.xpath(".//a[starts-with(@href, $form)]", form=FORM)
            assert tree.xpath("//*[@id='judging']")
    assert {"claims", "works"} <= places


def test_a_mention_of_a_machines_link_leads_to_where_it_stands():
    """On a claim with many proposals, in a week, and beside the sentence in an abstract."""
    debate = with_proposal()
    others = [dataclasses.replace(BULK, id=f"arxiv:3003.{n:05}") for n in range(31)]
    crowd = {ref: dataclasses.replace(PROPOSED, work=ref, score=0.6) for ref in others}
    works = tuple(
        dataclasses.replace(debate.works[-1], ref=ref, links=(link,)) for ref, link in crowd.items()
    )
    claims = tuple(
        dataclasses.replace(c, links=(*c.links, *crowd.values())) if c.ref == THESIS else c
        for c in debate.claims
    )
    debate = dataclasses.replace(debate, works=(*debate.works, *works), claims=claims)
    told = dict(pages(debate, TEMPLATES))
    found = set()
    for path, text in told.items():
        for target, spot in re.findall(
            r'href="[./]*(works/[a-z0-9-]+)\.html#([a-z-]+-model)"', text
        ):
            found.add(path.split("/")[0])
            assert f'id="{spot}"' in html.unescape(told[f"{target}.md"])
    assert found == {"claims", "weeks"}


def test_no_two_places_of_a_page_have_one_name(made):
    for path, text in made.items():
        names = re.findall(r'\sid="([^"]+)"', html.unescape(text))
        assert len(names) == len(set(names)), path


def test_nobody_is_asked_to_object_to_what_was_rejected_or_is_curated():
    curated = dataclasses.replace(PROPOSED, agent_kind="curation")
    rejected = dataclasses.replace(PROPOSED, review="rejected")
    assert not objection.is_open(curated)
    assert not objection.is_open(rejected)
    assert objection.is_open(PROPOSED)


hostile = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60) | (
    st.sampled_from(
        ['"><script>alert(1)</script>', "a&body=x#y", "```\n@all", "x' --yes; rm -rf", "\u202etxt"]
    )
)


@given(id=hostile)
def test_the_entry_names_the_work_whatever_its_id_holds(id):
    link = dataclasses.replace(PROPOSED, work=dataclasses.replace(BULK, id=id))
    told = str(objection.entry(link))
    assert not set("<>") & set(told)
    (entry,) = yaml.safe_load(html.unescape(told))
    assert entry["work"] == unicodedata.normalize("NFC", " ".join(plain(id).split()))
    assert (entry["claim"], entry["verdict"]) == ("rest-opens-crumb", "rejected")


@given(id=hostile)
def test_the_command_passes_the_work_as_one_word(id):
    link = dataclasses.replace(PROPOSED, work=dataclasses.replace(BULK, id=id))
    told = str(objection.command(link))
    assert not set("<>") & set(told)
    parts = shlex.split(html.unescape(told))
    assert parts[:3] == ["kb", "review", "--work"]
    assert parts[4:] == ["--claim", "rest-opens-crumb", "--by", "your-handle"]


@given(id=hostile)
def test_an_issue_opens_with_the_entry_and_nothing_of_it_escapes_its_field(id):
    link = dataclasses.replace(PROPOSED, work=dataclasses.replace(BULK, id=id))
    told = html.unescape(str(objection.issue(FORM, link)))
    parts = urlsplit(told)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == FORM
    assert parts.fragment == ""
    fields = parse_qs(parts.query, strict_parsing=True)
    assert fields.keys() == {"title", "body"}
    body = fields["body"][0]
    assert body.startswith("Proposed: disputes, score 0.71, by linker/1.\n\n```yaml\n")
    assert body.count("\n```") == 2
    (entry,) = yaml.safe_load(body.split("```yaml\n")[1].removesuffix("\n```"))
    assert entry["work"] == plain(id)


def test_the_entry_once_filled_in_is_one_that_kb_check_takes():
    told = html.unescape(str(objection.entry(dataclasses.replace(PROPOSED, claim=REAL, work=READ))))
    filled = told.replace("your-handle", "ada").replace("YYYY-MM-DD", "2031-03-02")
    read, faults = content.inspect(content.directory(), {"verdicts/ada": f"verdicts:\n{filled}\n"})
    assert faults == []
    (entry,) = read.verdicts["ada"].verdicts
    assert (entry.work, entry.claim, entry.on) == ("arxiv:2505.17638", "C02", "2031-03-02")


def test_without_a_form_or_with_too_long_a_name_there_is_no_issue_to_open():
    assert objection.issue("", PROPOSED) == ""
    long = dataclasses.replace(PROPOSED, work=dataclasses.replace(BULK, id="url:" + "%" * 900))
    assert objection.issue(FORM, long) == ""


def test_a_form_that_is_no_web_address_is_refused(tmp_path):
    for form in ("javascript:alert(1)", "https://example.org/new?title=mine"):
        with pytest.raises(ConfigError, match="not the address of a web site"):
            publish(SMALL, tmp_path, ROOT / "site", issues_url=form)
    assert not list(tmp_path.iterdir())
