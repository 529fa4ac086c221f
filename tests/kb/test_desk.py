"""`kb review`, driven as a person or a pipe drives it."""

import contextlib
import json
import re

import pytest
import yaml
from typer.testing import CliRunner

from kb import cli, content, models
from kb.query import KnowledgeBase
from kb.review import fingerprint
from kb.store import now

BEFORE = "Kettles were thought to forget."
QUOTE = "We show that a kettle remembers \x1b]0;owned\x07 every »cup«."
ABSTRACT = f"{BEFORE} {QUOTE} Only if it is warm \u202eenough."
ONE, TWO, THREE = ("arxiv:2601.00001", "arxiv:2601.00002", "arxiv:2601.00003")
CLAIMS = ("flat-minima-generalize", "double-descent", "ntk-describes-training")


@pytest.fixture
def store(curated, files, monkeypatch):
    """Three proposals: one shown that disputes, one shown that supports, one only queued."""
    monkeypatch.setattr(content, "directory", lambda: files)
    place = {"start": len(BEFORE) + 1, "end": len(BEFORE) + 1 + len(QUOTE), "quote": QUOTE,
             "quote_hash": fingerprint(QUOTE), "recorded_at": now()}  # fmt: skip
    with curated.write() as session:
        for n, work in enumerate((ONE, TWO, THREE)):
            title = f"Kettle {n}\x1b[2J\n[1 of 1]"
            session.add(models.Work(id=work, kind="paper", title=title, abstract=ABSTRACT))
            session.flush()
            session.add(models.Identifier(id=work, work_id=work))
            session.add(
                models.Manifestation(id=f"{work}v1", work_id=work, kind="arxiv", title="A kettle",
                                     abstract=ABSTRACT, version=1)
            )  # fmt: skip
        session.flush()
        told = {"agent": "linker/9", "score": 0.6, "stance_score": 0.1, "how": "asserts"}
        for work, claim, stance in ((ONE, CLAIMS[0], "disputes"), (TWO, CLAIMS[1], "supports")):
            link = models.Link(
                work_id=work, claim_id=claim, stance=stance, agent_kind="model", valid="2026",
                recorded_at=now(), **told,
            )  # fmt: skip
            session.add(link)
            session.flush()
            session.add(
                models.EvidenceSpan(link_id=link.id, manifestation_id=f"{work}v1",
                                    agent_kind="model", agent="linker/9", **place)
            )  # fmt: skip
        waiting = {**told, "score": 0.1, "stance_score": 0.9}
        session.add(
            models.QueuedLink(work_id=THREE, claim_id=CLAIMS[2], stance="supports",
                              manifestation_id=f"{THREE}v1", **place, **waiting)
        )  # fmt: skip
    return curated


@pytest.fixture
def ask(store):
    """Run `kb review` with answers, a line each."""

    def run(*words, answers=(), by="ada"):
        return CliRunner().invoke(
            cli.app,
            ["--db", str(store.path), "review", *(["--by", by] if by else []), *words],
            input="".join(f"{line}\n" for line in answers),
            color=True,  # or escape sequences would be taken out on the way
        )

    return run


def entries(files, by="ada"):
    return content.load(files).verdicts[by].verdicts if by in content.load(files).verdicts else []


def test_every_answer_is_written_with_reader_day_reason_and_hashes(ask, files):
    done = ask(answers=["r it is about tea", "~", "Only when warm.", "a because"])
    assert done.exit_code == 0, done.output
    first, second, third = entries(files)
    assert (first.work, first.claim, first.verdict) == (ONE, CLAIMS[0], "rejected")
    assert (first.stance, first.note, first.by) == (None, "it is about tea", "ada")
    assert first.on == now().date().isoformat() and not first.blind
    assert (second.verdict, second.stance) == ("confirmed", "qualifies")
    assert second.note == "Only when warm."
    assert (third.work, third.stance, third.note) == (THREE, "supports", "because")
    assert third.machine.model_dump() == {
        "agent": "linker/9", "stance": "supports", "score": 0.1, "published": False,
    }  # fmt: skip
    assert second.machine.published
    assert {each.abstract_sha256 for each in entries(files)} == {fingerprint(ABSTRACT)}
    assert {each.evidence_sha256 for each in entries(files)} == {fingerprint(QUOTE)}
    text = (files / "verdicts/ada.yaml").read_text(encoding="utf-8")
    assert "kettle" not in text.lower()  # no sentence of an abstract is kept here
    assert "3 judged, 0 skipped, 0 left" in done.output


def test_the_verdicts_are_in_the_store_at_once_and_are_not_asked_for_again(ask, store):
    ask(answers=["r", "", "+", "", "a", ""])
    with store.read() as session:
        row = session.get(models.Verdict, (TWO, CLAIMS[1], "ada"))
        assert (row.verdict, row.proposed, row.published) == ("confirmed", "supports", True)
    assert "there is nothing to judge" in ask().output
    with KnowledgeBase(store) as debate:
        told = debate.verdicts()
    assert (told.precision.part, told.precision.whole) == (1, 2)


def test_the_screen_shows_the_evidence_marked_and_obeys_nothing_from_outside(ask):
    shown = ask(answers=["x"]).output
    assert "\x1b" not in shown and "\x07" not in shown and "\u202e" not in shown
    flat = re.sub(r"\s+", " ", shown)
    assert "forget. »We show that a kettle remembers ]0;owned every ›cup‹.« Only if" in flat
    assert "1 of 3: Kettle 0" in flat and f"thesis {CLAIMS[0]}" in flat
    assert "proposed: disputes · asserts · score 0.60, shown · leans +0.10 · linker/9" in flat
    assert not re.search(r"^\[1 of 1\]", shown, re.MULTILINE)


def test_a_terminal_gets_bold_evidence_line_by_line(ask, monkeypatch):
    monkeypatch.setattr(cli, "_is_colored", lambda: True)
    lines = ask(answers=["x"]).output.splitlines()
    bold = [line for line in lines if "\x1b[1m" in line]
    assert bold and all(line.count("\x1b[1m") == line.count("\x1b[0m") == 1 for line in bold)
    assert "We show" in bold[0] and "Only" not in bold[-1].partition("\x1b[0m")[0]


def test_undo_takes_back_what_was_just_written_and_asks_again(ask, files):
    done = ask(answers=["u", "r wrong", "u", "+ right", "s", "u", "x"])
    assert "earlier verdicts are never taken back" in done.output
    [entry] = entries(files)
    assert (entry.verdict, entry.note) == ("confirmed", "right")
    assert "1 judged, 0 skipped, 2 left" in done.output


def test_undoing_all_leaves_an_empty_file_that_the_checks_take(ask, files):
    ask(answers=["r wrong", "+ right", "u", "u", "x"])
    assert entries(files) == []
    assert (files / "verdicts/ada.yaml").read_text("utf-8").endswith("verdicts: []\n")


def test_an_entry_that_was_edited_since_is_not_taken_back(ask, files, monkeypatch):
    path = files / "verdicts/ada.yaml"
    told = iter(["r wrong", "u", "x"])

    def answer(_prompt):
        line = next(told)
        if line == "u":
            path.write_text(path.read_text("utf-8").replace("wrong", "mine"), encoding="utf-8")
        return line

    monkeypatch.setattr(cli, "_line", answer)
    done = ask()
    assert "append a later verdict in its place" in done.output
    assert entries(files)[0].note == "mine"


@pytest.mark.parametrize(("end", "kept"), [(EOFError, 1), (KeyboardInterrupt, 1)])
def test_the_end_of_the_input_and_ctrl_c_keep_what_was_judged(ask, files, monkeypatch, end, kept):
    told = iter(["r wrong"])

    def answer(_prompt):
        with contextlib.suppress(StopIteration):
            return next(told)
        raise end

    monkeypatch.setattr(cli, "_line", answer)
    done = ask()
    assert done.exit_code == 0 and len(entries(files)) == kept
    assert "1 judged, 0 skipped, 2 left" in done.output


def test_a_verdict_without_the_end_of_its_reason_is_kept(ask, files):
    assert ask(answers=["r"]).exit_code == 0
    assert [each.note for each in entries(files)] == [""]


def test_what_is_not_understood_is_asked_again(ask, files):
    done = ask(answers=["q", "?", "", "yes\x1b[2J", "x"])
    assert "'q' is none of these" in done.output and "skip it" in done.output
    assert "\x1b" not in done.output and entries(files) == []


def test_answers_that_are_not_text_are_one_clear_line(ask, store):
    done = CliRunner().invoke(
        cli.app, ["--db", str(store.path), "review", "--by", "ada"], input=b"r \xff\n"
    )
    assert "the answers are not UTF-8" in str(done.exception)


@pytest.mark.parametrize(
    ("words", "by", "told"),
    [
        ((), "", "--by HANDLE"),
        ((), "../ada", "'../ada' is no handle"),
        ((), "Ada L", "is no handle"),
        (("--second", "--json"), "", "say whose"),
        (("--claim", "no-such-claim"), "ada", "no-such-claim"),
        (("--work", "arxiv:9999.99999"), "ada", "arxiv:9999.99999"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(ask, files, words, by, told):
    done = ask(*words, by=by, answers=["r"])
    assert done.exit_code != 0 and told in str(done.exception)
    assert not list((files / "verdicts").glob("*.yaml"))


def test_it_asks_only_what_is_chosen(ask):
    told = json.loads(ask("--claim", CLAIMS[1], "--json", by="").output)
    assert [each["work"]["id"] for each in told] == [TWO]
    told = json.loads(ask("--work", THREE.removeprefix("arxiv:"), "--json", by="").output)
    assert [(each["work"]["id"], each["published"]) for each in told] == [(THREE, False)]
    assert len(json.loads(ask("--limit", "2", "--json", by="").output)) == 2


def test_listing_writes_nothing(ask, files, store):
    before = {path: path.read_bytes() for path in files.rglob("*.yaml")}
    mark = store.setting("revision")
    ask("--json", by="")
    assert {path: path.read_bytes() for path in files.rglob("*.yaml")} == before
    assert store.setting("revision") == mark


def test_an_abstract_that_changed_is_asked_about_again_and_says_so(ask, store, files):
    ask(answers=["s", "+ yes", "s"])
    with store.write() as session:
        form = session.get(models.Manifestation, f"{TWO}v1")
        form.abstract = f"{ABSTRACT} Retracted."
        session.get(models.Work, TWO).abstract = form.abstract
    done = ask("--work", TWO, answers=["r no more"])
    assert "the abstract has changed since" in done.output
    first, second = entries(files)
    assert (first.verdict, second.verdict) == ("confirmed", "rejected")
    assert first.abstract_sha256 != second.abstract_sha256
    with store.read() as session:
        assert session.get(models.Verdict, (TWO, CLAIMS[1], "ada")).verdict == "rejected"


def test_doctor_tells_of_verdicts_on_abstracts_that_changed(ask, store):
    ask(answers=["r", "", "r", ""])
    with store.write() as session:
        session.get(models.Work, ONE).abstract = "Another."
    told = CliRunner().invoke(cli.app, ["--db", str(store.path), "doctor"]).output
    assert "2 of people; the abstract changed since 1 of them" in told


# -- a second reader -------------------------------------------------------------------------

SECRETS = ("proposed", "disputes this", "score", "linker/9", "rejected", "leans", "tea", "for,")


def test_a_second_reader_sees_neither_the_first_nor_the_machine(ask, files):
    ask(answers=["r it is about tea", "+ it says so"])
    told = ask("--second", by="bob", answers=["a", "x"]).output
    body = told.partition("judged,")[0]
    assert not [word for word in SECRETS if word in body]
    assert "'a' is none of these" in told
    listed = json.loads(ask("--second", "--json", by="bob").output)
    assert [set(each) for each in listed] == [
        {"work", "claim", "abstract", "quote", "start", "end"}
    ] * 2
    assert entries(files, "bob") == []


def test_a_second_reading_is_blind_in_the_file_and_agreement_is_told(ask, files, store):
    ask(answers=["r", "", "+", "", "+", ""])
    answers = {ONE: "r", TWO: "+", THREE: "r"}
    order = [each["work"]["id"] for each in
             json.loads(ask("--second", "--json", by="bob").output)]  # fmt: skip
    done = ask("--second", by="bob", answers=[f"{answers[work]} so" for work in order])
    assert all(each.blind for each in entries(files, "bob"))
    assert "link or none: 2 of 3 (67%, 95 % interval 21% to 94%), Cohen's kappa 0.40 (n = 3)" in (
        done.output
    )
    assert "3 pairs are too few for kappa to say much" in done.output
    again = ask("--second", by="bob").output
    assert "there is nothing to judge" in again and "2 of 3" in again
    with KnowledgeBase(store) as debate:
        told = debate.verdicts()
    assert (told.contested, told.links.same.part, told.links.same.whole) == (1, 2, 3)


def test_a_contested_link_is_asked_of_a_third_with_what_was_said(ask):
    ask(answers=["r not this", "x"])
    ask("--second", by="bob", answers=["+ yes this"])
    listed = json.loads(ask("--json", by="cyd").output)
    assert ONE in [each["work"]["id"] for each in listed]
    told = ask("--work", ONE, by="cyd", answers=["x"]).output
    assert "ada: rejected (not this)" in told
    assert "bob: confirmed as supports (yes this)" in told


def test_the_file_is_yaml_of_plain_values(ask, files):
    ask(answers=["+ a: b # c"])
    [entry] = yaml.safe_load((files / "verdicts/ada.yaml").read_text("utf-8"))["verdicts"]
    assert entry["note"] == "a: b # c" and entry["verdict"] == "confirmed"
