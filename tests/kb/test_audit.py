"""Each rule finds its fault where it was planted, and nothing where there is none."""

import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import audit
from kb.errors import SynthesisError
from kb.synthesis import decode, parse

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FIXTURES = ROOT / "tests/fixtures/synthesis"
SOUND = (FIXTURES / "steeping.txt").read_text("utf-8")
FAULTY = (FIXTURES / "steeping_faulty.txt").read_text("utf-8")
KB = Path(sys.executable).with_name("kb")


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STEEPING = _load(HERE / "steeping_fixture.py").STEEPING

# rule, the line of the sound text (its beginning), what stands there instead, decided by machine
PLANTED = [
    (
        "review-precedes-subject",
        "- 2032-04-30: Fern",
        "- 2032-05-04: Fern and Grove post 'A Mechanics of Steeping'. [4][11]",
        True,
    ),
    (
        "false-date-precision",
        "- 2031-11: 'Cup",
        "- 2031-11-01: 'Cup Size and Praise' finds larger cups and higher praise together. [7]",
        False,
    ),
    (
        "false-date-precision",
        "- 2031-07-09:",
        "- 2031-01-01: 'Kettle Noise and Extraction' listens to kettles. [6]",
        True,
    ),
    (
        "crosspost-counted-twice",
        "- 2032-05-02: Ivy",
        "- 2032-05-02: Ivy Hale reviews the mechanics. [12]\n"
        "- 2032-05-11: A further review of the mechanics appears. [13]",
        True,
    ),
    (
        "voice-split",
        "Lark and Mead (limits",
        "'A Mechanics of Steeping' authors\nIt is possible.\nEvolution: New.\n"
        "Lark and Mead (limits of the infuser)",
        True,
    ),
    (
        "retitled-same-work",
        "- 2032-04-30: Fern",
        "- 2032-04-30: Fern and Grove post 'A Mechanics of Steeping'. [4]\n"
        "- 2032-05-09: At the Harbor Hall a second theory is presented. [11]",
        True,
    ),
    (
        "claim-not-in-source",
        "- 2031-07-09:",
        "- 2031-07-09: The sound of a kettle is said to set the caffeine of a cup. [6]",
        True,
    ),
    (
        "claim-not-in-source",
        "- Is leaf area",
        "- 'Beyond Leaf Area in Steeping' attacks the first and offers no alternative. [14][6]",
        True,
    ),
    (
        "claim-not-in-source",
        "- 2031-05: Lark",
        "- 2031-05: Lark and Mead prove that any infuser limits extraction. [5]",
        False,
    ),
    (
        "scope-dropped",
        "- 2031-03-14:",
        "- 2031-03-14: It is found that cold steeping makes tea milder and less bitter. [3]",
        False,
    ),
    (
        "non-independent-support",
        "- 2032-02-11:",
        "- 2032-02-11: Two independent submissions attack the stirring rule. [9][10]",
        True,
    ),
    (
        "award-as-evidence",
        "Whether cold water",
        "The award of the guild gives 'A Mechanics of Steeping'[4] additional support.",
        True,
    ),
    (
        "primary-source-missing",
        "- 2015-09: Moss",
        "- 2015-09: Moss et al. steep leaves in cold water for a day. [2]",
        True,
    ),
    (
        "listed-never-cited",
        "- [18] ",
        "- [18] Cold steeping at home — a forum\n- [19] Tea — a forum",
        True,
    ),
    ("count-mismatch", "2032-06-01 08:00", "2032-06-01 08:00 UTC · 31 items", True),
    (
        "count-mismatch",
        "- Are magazines",
        "- Are magazines right about cold steeping? [8][16][17][18][77]",
        True,
    ),
    (
        "correlation-as-cause",
        "- 2031-11: 'Cup",
        "- 2031-11: 'Cup Size and Praise' finds that the size of a cup drives praise. [7]",
        True,
    ),
    (
        "title-overread",
        "- 2032-01-20:",
        "- 2032-01-20: A magazine names cold steeping the Advance of the Year. [8]",
        True,
    ),
]


def lint(text, known=STEEPING):
    return audit.audit(parse(text), known)


def plant(begins, instead):
    lines = SOUND.splitlines()
    [where] = [n for n, line in enumerate(lines) if line.startswith(begins)]
    lines[where] = instead
    text = "\n".join(lines)
    if "[19]" in instead:
        text = text.replace("18 items", "19 items")
    return text, where + 1


def test_nothing_is_found_in_a_sound_synthesis():
    report = lint(SOUND)
    assert report.findings == ()
    assert (report.placed, report.sources) == (14, 18)


@pytest.mark.parametrize(
    ("rule", "begins", "instead", "by_machine"),
    PLANTED,
    ids=[f"{r[0]}-{n}" for n, r in enumerate(PLANTED)],
)
def test_a_planted_fault_is_found_where_it_stands_and_nothing_else(
    rule, begins, instead, by_machine
):
    text, line = plant(begins, instead)
    [finding] = lint(text).findings
    assert finding.rule == rule
    places = (finding.place, *finding.also)
    assert any(line <= place.line <= line + instead.count("\n") for place in places) or (
        rule == "review-precedes-subject" and finding.place.section == "Sources"
    )
    assert finding.decided == (audit.BY_MACHINE if by_machine else audit.BY_READER)
    assert bool(finding.look) != by_machine
    assert finding.reason.count("\n") == 0


def test_every_rule_is_planted_somewhere():
    assert {rule for rule, *_ in PLANTED} == set(audit.RULES)
    assert {finding.rule for finding in lint(FAULTY).findings} == set(audit.RULES)


def test_places_quote_the_line_they_name():
    lines = FAULTY.splitlines()
    for finding in lint(FAULTY).findings:
        for place in (finding.place, *finding.also):
            quoted = place.words.removesuffix(" …").split(": ", 1)[-1]
            assert quoted in lines[place.line - 1], finding


def test_without_knowledge_the_form_alone_is_judged():
    found = {f.rule: f for f in lint(FAULTY, audit.Knowledge()).findings}
    assert set(found) == {
        "listed-never-cited", "count-mismatch", "award-as-evidence", "title-overread",
    }  # fmt: skip


def test_what_only_titles_tell_is_left_to_a_reader():
    text = SOUND.replace(
        "- 2032-05-26: Hale", "- 2032-05-27: A forum praises cups. [15]\n- 2032-05-26: Hale"
    ).replace("[5][7][15]", "[5][7]")
    text = text.replace(
        "- 2032-05-27: A", "- 2032-05-28: Another praises cups. [16]\n- 2032-05-27: A"
    ).replace("- [16] Cold Steeping Named Advance", "- [16] Praise of the large cup")
    text = text.replace("[8][16][17]", "[8][17]")
    [finding] = lint(text).findings
    assert (finding.rule, finding.decided) == ("crosspost-counted-twice", audit.BY_READER)
    assert "Praise of the large cup" in finding.look


def test_many_first_days_of_january_are_left_to_a_reader_where_we_know_no_dates():
    lines = "\n".join(f"- 2031-01-01: Something happened. [{n}]" for n in (1, 2, 3))
    text = f"Tea\nNarrative\nTimeline\n{lines}\nPerspectives\nTensions\nSources\n" + "\n".join(
        f"- [{n}] Source {n}" for n in (1, 2, 3)
    )
    [finding] = lint(text, audit.Knowledge()).findings
    assert (finding.rule, finding.decided) == ("false-date-precision", audit.BY_READER)
    assert len(finding.also) == 2


def test_one_author_of_all_is_not_independent():
    works = {w.ref.key: w for w in STEEPING.works}
    shared = dataclasses.replace(works["sage-2031"], authors=("Lea Rush", "Max Sage"))
    known = dataclasses.replace(
        STEEPING, works=(*(w for w in STEEPING.works if w.ref.key != "sage-2031"), shared)
    )
    text, _ = plant("- 2031-11: 'Cup", "- 2031-11: Two groups independently measure houses. [6][7]")
    [finding] = lint(text, known).findings
    assert finding.rule == "non-independent-support"
    assert "Lea Rush" in finding.reason
    assert lint(text).findings == ()


# -- our own content ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known(debate):
    return audit.Knowledge(
        tuple(debate.works()),
        tuple(debate.claims()),
        tuple(debate.voices()),
        tuple(debate.digests()),
    )


@pytest.fixture(scope="module")
def texts(debate):
    return tuple(debate.strands()), tuple(debate.tensions())


def test_nothing_is_found_in_our_own_content(known, texts):
    report = audit.audit_ours(known, *texts)
    assert report.findings == ()
    assert report.placed == report.sources > 100


def _work(known, key, **more):
    works = tuple(dataclasses.replace(w, **more) if w.ref.key == key else w for w in known.works)
    assert any(w.ref.key == key for w in works)
    return dataclasses.replace(known, works=works)


def test_our_own_synopsis_is_held_to_our_notes(known, texts):
    broken = _work(known, "wusu-2023", synopsis="Shows that stability suppresses memorization.")
    [finding] = audit.audit_ours(broken, *texts).findings
    assert finding.rule == "claim-not-in-source"
    assert (finding.place.name, finding.place.line) == ("wusu-2023", 0)
    assert {"wusu-2023", "C13"} <= set(finding.about)


def test_our_own_words_of_cause_are_found(known, texts):
    broken = _work(known, "wangx-2024", synopsis="Pretraining data drives what a model says.")
    [finding] = audit.audit_ours(broken, *texts).findings
    assert (finding.rule, finding.place.name) == ("correlation-as-cause", "wangx-2024")


def test_our_own_strands_may_not_argue_by_prizes(known, texts):
    strands, tensions = texts
    said = "The best paper award gives the mechanics additional support."
    broken = (dataclasses.replace(strands[0], summary=said), *strands[1:])
    [finding] = audit.audit_ours(known, broken, tensions).findings
    assert (finding.rule, finding.place.name) == ("award-as-evidence", strands[0].id)


def test_our_own_voices_count_once(known, texts):
    one = next(v for v in known.voices if v.id == "V04")
    twin = dataclasses.replace(one, id="V99", name=f"{one.name} again")
    broken = dataclasses.replace(known, voices=(*known.voices, twin))
    [finding] = audit.audit_ours(broken, *texts).findings
    assert (finding.rule, finding.place.name) == ("voice-split", "V99")


# -- hostile input -----------------------------------------------------------------------------


@given(st.lists(st.sampled_from(SOUND.splitlines() + FAULTY.splitlines()), max_size=80))
def test_any_synthesis_that_can_be_read_can_be_judged(lines):
    text = "\n".join(["Tea", *lines])
    try:
        report = lint(text)
    except SynthesisError:
        return
    assert {finding.rule for finding in report.findings} <= set(audit.RULES)


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1))
def test_any_words_can_be_judged(told):
    text, _ = plant("Whether cold water", f"'{told}'[3] {told} et al. [4] best paper {told}")
    try:
        assert lint(text).sources == 18
    except SynthesisError:
        assert told.strip() == "" or "\n" in told


@pytest.mark.parametrize(
    "unit", ["oral is ", "best paper recogni ", "two -", "' 'a b c ", "x[1] ", ". A", "silent on "]
)
def test_a_long_line_is_read_to_its_end(unit):
    line = (unit * 19_000)[:19_000]
    text, _ = plant("Whether cold water", "\n".join([line] * 4))
    # A pattern that backtracks without end would never come back from this.
    assert lint(text).sources == 18


# -- the command --------------------------------------------------------------------------------


def kb(*words, db, cwd=None):
    return subprocess.run(
        [KB, *map(str, words)],
        capture_output=True, text=True, cwd=cwd, env=os.environ | {"KB_DB": str(db)},
    )  # fmt: skip


def test_the_command_finds_nothing_in_what_we_say(curated_file):
    done = kb("audit", db=curated_file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("our own content: 0 findings")
    assert json.loads(kb("audit", "--json", db=curated_file).stdout)["findings"] == []


def test_the_command_tells_place_and_reason_and_fails(curated_file):
    done = kb("audit", FIXTURES / "steeping_faulty.txt", db=curated_file)
    assert done.returncode == 1
    assert re.search(r"^count-mismatch \[by machine\] Header, line 3: ", done.stdout, re.MULTILINE)
    told = json.loads(
        kb("audit", FIXTURES / "steeping_faulty.txt", "--json", db=curated_file).stdout
    )
    assert told["findings"][0]["place"]["line"] > 0


@pytest.mark.parametrize(
    ("raw", "code", "told"),
    [
        (None, 2, "No such file"),
        (b"", 9, "is empty"),
        (b"Tea\n\xff", 9, ":2: is not UTF-8"),
        (b"Tea\nNarrative\n", 9, 'there is no heading "Timeline"'),
        (b"x" * 600_000, 9, "longer than"),
        (b"Tea\n\x1b]0;x\x07\n", 9, "control character U+001B"),
    ],
    ids=["absent", "empty", "bytes", "cut", "long", "control"],
)
def test_what_is_no_synthesis_gets_one_clear_line(curated_file, tmp_path, raw, code, told):
    path = tmp_path / "digest.txt"
    if raw is not None:
        path.write_bytes(raw)
    done = kb("audit", path, db=curated_file)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


# -- a real one ---------------------------------------------------------------------------------


def _real():
    """Digests of others that lie beside the checkout, as far as they are of this form."""
    found = []
    for path in sorted((ROOT.parent / "shared").glob("*/*.txt")):
        try:
            found.append(parse(decode(path.read_bytes())))
        except SynthesisError:
            continue
    return found


def test_every_rule_finds_its_fault_in_a_real_digest(known):
    digests = _real()
    if not digests:
        pytest.skip("no digest of others lies beside this checkout")
    for digest in digests:
        report = audit.audit(digest, known)
        assert {finding.rule for finding in report.findings} == set(audit.RULES)
        credited = {
            claim
            for finding in report.findings
            if finding.rule == "claim-not-in-source"
            for claim in finding.about
        }
        assert credited >= {"C13", "C23", "C37", "C39"}
        assert len(report.findings) <= 17 + 5
        assert report.placed == report.sources
