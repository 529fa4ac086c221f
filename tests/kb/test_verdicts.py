import json

import pytest
import yaml
from typer.testing import CliRunner

from kb import content, curation, verdicts
from kb.cli import app
from kb.errors import ConfigError, ContentError
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


def test_the_key_on_needs_no_quotes(files):
    (files / "verdicts.yaml").write_text(
        "verdicts:\n  - {work: bonnaire-2025, claim: C11, verdict: confirmed,"
        ' by: ada, on: "2026"}\n',
        encoding="utf-8",
    )
    assert content.load(files).verdicts.verdicts[0].on == "2026"


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
