import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kb import content, curation, schema, verdicts
from kb.cli import app
from kb.errors import BusyError, ConfigError, ContentError
from kb.models import Authorship, Identifier, Work
from kb.titles import key

ONE, OTHER = "arxiv:2502.99901", "doi:10.5555/kettle"
TITLE = "A kettle that remembers every cup"


def judge(files, first=ONE, second=OTHER, *, same=True, **more):
    return verdicts.judge(first, second, same=same, by="ada", on="2026-06-02", folder=files, **more)


def test_an_entry_is_appended_and_comments_stay(files):
    before = (files / "identity.yaml").read_text(encoding="utf-8")
    judge(files, note='Same figures: "1" & \u201c2\u201d')
    judge(files, first="2505.17638", same=False)
    after = (files / "identity.yaml").read_text(encoding="utf-8")
    assert after.startswith(before.replace("identity: []\n", "identity:\n"))
    first, second = content.load(files).identity.identity
    assert (first.same, first.by, first.on) == ([ONE, OTHER], "ada", "2026-06-02")
    assert first.note == 'Same figures: "1" & \u201c2\u201d'
    assert second.distinct == ["2505.17638", OTHER]


def test_a_relation_is_kept(files):
    judge(files, relation="resubmissionOf")
    assert content.load(files).identity.identity[0].relation == "resubmissionOf"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"second": ONE}, "names one work twice"),
        ({"second": "???"}, "not a valid"),
        ({"relation": "motherOf"}, "relation"),
        ({"note": "half \u202e turned"}, "control character"),
    ],
)
def test_a_wrong_entry_leaves_the_file_as_it_was(files, more, told):
    before = (files / "identity.yaml").read_bytes()
    with pytest.raises(ContentError, match=told):
        judge(files, **more)
    assert (files / "identity.yaml").read_bytes() == before
    assert not list(files.glob("*.part"))


def test_a_fault_that_was_there_before_is_told(files):
    (files / "identity.yaml").write_text("identity: [\n", encoding="utf-8")
    with pytest.raises(ContentError, match=r"identity.yaml:\d+: is not YAML"):
        judge(files)


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        judge(tmp_path / "none")


def entry(claim="C11", by="ada", **more):
    return schema.VerdictEntry(
        work="bonnaire-2025", claim=claim, verdict="confirmed", by=by, on="2026-06-02", **more
    )


def test_a_readers_file_is_made_with_what_it_is_for(files):
    written = verdicts.give(entry(), files)
    assert written.path == files / "verdicts/ada.yaml"
    text = written.path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../schema/verdicts.schema.json\n")
    assert content.load(files).verdicts["ada"].verdicts == [entry()]
    verdicts.give(entry("C12", by="bob"), files)
    assert sorted(content.load(files).verdicts) == ["ada", "bob"]


@given(st.lists(st.tuples(st.sampled_from(["C11", "C12", "C02"]), st.booleans()), max_size=6))
@settings(max_examples=12, deadline=None)
def test_what_is_taken_back_leaves_the_rest_as_it_was(steps):
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "debate"
        shutil.copytree(content.directory(), files)
        verdicts.take_back(verdicts.give(entry(), files))
        path, kept = files / "verdicts/ada.yaml", []
        for claim, stays in steps:
            before = path.read_bytes()
            written = verdicts.give(entry(claim), files)
            if stays:
                kept.append(claim)
            else:
                verdicts.take_back(written)
                assert path.read_bytes() == before
        assert [each.claim for each in content.load(files).verdicts["ada"].verdicts] == kept


def test_only_the_last_of_two_equal_entries_is_taken_back(files):
    verdicts.give(entry(), files)
    verdicts.take_back(verdicts.give(entry(), files))
    assert len(content.load(files).verdicts["ada"].verdicts) == 1
    written = verdicts.give(entry("C12"), files)
    verdicts.take_back(written)
    with pytest.raises(ConfigError, match="append a later verdict"):
        verdicts.take_back(written)


@pytest.mark.parametrize("by", ["../identity", "a/b", "Ada", "", "a b", "x" * 79, "-a", "a.b"])
def test_a_handle_that_could_name_another_file_is_refused(files, by):
    before = sorted(path for path in files.rglob("*") if path.name != ".lock")
    with pytest.raises(ConfigError, match="is no handle"):
        verdicts.give(entry().model_copy(update={"by": by}), files)
    assert sorted(path for path in files.rglob("*") if path.name != ".lock") == before


def test_an_entry_with_a_fault_leaves_no_file(files):
    with pytest.raises(ContentError, match="no claim 'C99'"):
        verdicts.give(entry("C99"), files)
    assert not list((files / "verdicts").glob("ada*"))


def test_two_reviewers_at_once_lose_no_entry(files):
    give = (
        "import sys; from pathlib import Path; from kb import schema, verdicts\n"
        "for claim in ('C11', 'C12', 'C02'):\n"
        "    verdicts.give(schema.VerdictEntry(work='bonnaire-2025', claim=claim, "
        "verdict='confirmed', by='ada', on='2026-06-02', note=sys.argv[2]), Path(sys.argv[1]))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", give, str(files), name]) for name in ("one", "two")
    ]
    assert [process.wait() for process in running] == [0, 0]
    found = content.load(files).verdicts["ada"].verdicts
    assert sorted((each.note, each.claim) for each in found) == [
        (name, claim) for name in ("one", "two") for claim in ("C02", "C11", "C12")
    ]


def test_another_who_does_not_come_to_an_end_is_one_clear_line(files, monkeypatch):
    monkeypatch.setattr(verdicts, "_PATIENCE", 0.01)
    with FileLock(files / ".lock"), pytest.raises(BusyError, match="try again"):
        verdicts.give(entry(), files)


def test_the_key_on_needs_no_quotes(files):
    (files / "verdicts/ada.yaml").write_text(
        "verdicts:\n  - {work: bonnaire-2025, claim: C11, verdict: confirmed,"
        ' by: ada, on: "2026"}\n',
        encoding="utf-8",
    )
    assert content.load(files).verdicts["ada"].verdicts[0].on == "2026"


@pytest.fixture
def command(curated, files, monkeypatch):
    """Run `kb` on a store with two works that look alike, and curated files of one's own."""
    monkeypatch.setattr(content, "directory", lambda: files)
    with curated.write() as session:
        for id in (ONE, OTHER):
            session.add(Work(id=id, kind="paper", title=TITLE, title_key=key(TITLE)))
            session.flush()
            session.add(Identifier(id=id, work_id=id))
            session.add(Authorship(work_id=id, position=0, name="Ada Example"))

    def run(*words):
        return CliRunner().invoke(app, ["--db", str(curated.path), *words])

    return run


def owner(store):
    with store.read() as session:
        return session.get(Identifier, OTHER).work_id


def test_the_commands_write_apply_and_list(command, curated, files):
    done = command("same", "2502.99901", "10.5555/kettle", "--by", "ada", "--note", "Same.")
    assert done.exit_code == 0, done.output
    assert "noted in" in done.output
    assert owner(curated) == ONE
    told = json.loads(command("merges", "--json").output)
    assert [(m["winner"], m["applied"], m["review"], m["agent"]) for m in told] == [
        (ONE, True, "confirmed", "ada")
    ]
    data = yaml.safe_load((files / "identity.yaml").read_text(encoding="utf-8"))
    data["identity"] = []
    (files / "identity.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    curation.apply(curated, content.load(files))
    assert owner(curated) == OTHER
    done = command("distinct", "2502.99901", "10.5555/kettle", "--by", "ada")
    assert done.exit_code == 0, done.output
    listed = command("merges").output
    assert f"{OTHER} → {ONE}: are two works, not one [rejected, ada]" in listed
    assert f"“{TITLE}” / “{TITLE}”" in listed


def test_a_wrong_identifier_is_refused_before_anything_is_written(command, files):
    before = (files / "identity.yaml").read_bytes()
    done = command("same", "???", ONE, "--by", "ada")
    assert done.exit_code != 0
    assert (files / "identity.yaml").read_bytes() == before
