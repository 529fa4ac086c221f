import json
import re
import shutil

import pytest
import yaml

from kb import content, schema
from kb.errors import ContentError


def edit(folder, name, old, new, count=1):
    path = folder / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name}.yaml no longer holds {old!r}"
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def faults(folder):
    return [str(fault) for fault in content.inspect(folder)[1]]


def test_the_curated_files_have_no_faults():
    assert faults(content.directory()) == []


def test_the_theses_are_the_twenty_seven():
    ids = [thesis.id for thesis in content.load().theses.theses]
    assert len(ids) == len(set(ids)) == 27


def test_every_thesis_has_twelve_statements_for_and_against():
    for thesis in content.load().theses.theses:
        assert len(thesis.for_) >= 12
        assert len(thesis.against) >= 12
        assert len(thesis.qualifies) >= 6
        assert thesis.terms


def test_every_numbered_source_of_the_thread_is_placed_once():
    thread = next(d for d in content.load().digests.digests if d.sources_listed)
    assert thread.sources_listed == 147
    assert sorted(source.n for source in thread.sources) == list(range(1, 148))
    assert sum(not source.cited for source in thread.sources) == 21


def test_no_tension_lacks_a_second_pole_or_what_would_settle_it():
    for tension in content.load().tensions.tensions:
        assert len(tension.poles) >= 2
        assert tension.settles
        assert tension.kind_reason


def test_nothing_is_confirmed_without_a_person():
    loaded = content.load()
    if not loaded.verdicts:
        assert all(t.review == "proposed" for t in loaded.tensions.tensions)


def test_every_work_that_was_seen_has_a_synopsis_of_one_to_three_sentences():
    for work in content.load().works.works:
        if work.checked == "nothing":
            assert work.unverified or not work.synopsis
        elif work.kind == "paper":
            ends = re.findall(r"[.!?](?=\s|$)", work.synopsis)
            assert 1 <= len(ends) <= 4, work.key


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("works", "claim: C11", "claim: C99", r"works.yaml:\d+: there is no claim 'C99'"),
        ("works", 'first_public: "2018-11-12"', "first_public: 2018-11-12", "put it in quotes"),
        ("works", 'first_public: "2018-11-12"', 'first_public: "2018-13"', "not an EDTF date"),
        ("works", "stance: supports", "stance: adores", "stance"),
        ("works", "kind: paper\n", "kind: paper\n    colour: red\n", "colour: no such key"),
        ("works", "checked: abstract\n", "", "checked: is missing"),
        ("findings", "strand: ", "strand: x", "there is no strand"),
        ("tensions", "- id: T2", "- id: T1", "the id 'T1' is used more than once"),
        ("voices", "work: ", "work: x", r"voices.yaml:\d+: there is no work"),
        ("events", "America/Sao_Paulo", "America/Brasilia", "is not a time zone name"),
        ("digests", "n: 147", "n: 146", "source 146 is placed more than once"),
    ],
)
def test_a_fault_is_named_with_file_and_line(files, name, old, new, told):
    edit(files, name, old, new)
    found = faults(files)
    assert any(re.search(told, fault) for fault in found), found
    assert all(re.match(r"[a-z]+\.yaml:\d+: ", fault) for fault in found)


def test_the_line_is_the_one_that_was_broken(files):
    path = files / "tensions.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith("kind:"))
    lines[at] = re.sub(r"kind: .*", "kind: nonsense", lines[at])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [fault.line for fault in content.inspect(files)[1]] == [at + 1]


def test_a_repeated_key_is_a_fault(files):
    edit(files, "identity", "identity: []", "identity: []\nidentity: []")
    assert any("the key 'identity' is repeated" in fault for fault in faults(files))


def test_broken_yaml_is_named_with_its_line(files):
    (files / "strands.yaml").write_text("strands:\n  - id: [\n", encoding="utf-8")
    assert any(re.match(r"strands.yaml:\d+: is not YAML", fault) for fault in faults(files))


def test_a_missing_file_is_named(files):
    (files / "works.yaml").unlink()
    assert faults(files) == ["works.yaml:1: cannot be read: No such file or directory"]


def test_control_characters_are_refused(files):
    edit(files, "strands", "title: ", "title: \u202e")
    assert any("control character U+202E" in fault for fault in faults(files))


VERDICT = """verdicts:
  - {work: bonnaire-2025, claim: C11, verdict: confirmed, by: ada, on: "2026"}
"""


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("bob", VERDICT, "verdicts/bob.yaml:2: 'ada' is not 'bob', whose file this is"),
        ("ada", VERDICT.replace("C11", "C99"), "verdicts/ada.yaml:2: there is no claim 'C99'"),
        ("ada", VERDICT.replace("bonnaire-2025", "nobody"), "there is no work 'nobody'"),
        ("ada", VERDICT.replace("ada", '"../ada"'), "verdicts/ada.yaml:2: verdicts.by: "),
        ("ada", VERDICT.replace("on:", "abstract_sha256: A0, on:"), "abstract_sha256: String"),
        ("Ada", VERDICT, "verdicts/Ada.yaml:1: is not named HANDLE.yaml"),
        ("a--b", VERDICT, "verdicts/a--b.yaml:1: is not named HANDLE.yaml"),
        ("../verdicts", VERDICT, "verdicts.yaml:1: is read no more"),
    ],
)
def test_a_readers_file_is_checked_to_the_line(files, name, text, told):
    (files / "verdicts" / f"{name}.yaml").write_text(text, encoding="utf-8")
    found = faults(files)
    assert any(told in fault for fault in found), found


def test_files_of_verdicts_are_read_by_reader_and_change_the_digest(files):
    before = content.load(files).digest
    (files / "verdicts/ada.yaml").write_text(VERDICT, encoding="utf-8")
    loaded = content.load(files)
    assert list(loaded.verdicts) == ["ada"] and loaded.digest != before
    shutil.rmtree(files / "verdicts")
    assert content.load(files).digest == before


def test_the_folder_of_verdicts_is_in_the_package():
    assert (content.directory() / "verdicts/README.md").is_file()


def test_a_tag_cannot_run_code(files):
    (files / "verdicts/ada.yaml").write_text(
        "verdicts: !!python/object/apply:os.system ['true']\n", encoding="utf-8"
    )
    assert any("is not YAML" in fault for fault in faults(files))


def test_a_pole_without_holder_must_say_so(files):
    path = files / "tensions.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["tensions"][0]["poles"][0]["claims"] = []
    data["tensions"][0]["poles"][0]["note"] = ""
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    assert any("its note must say so" in fault for fault in faults(files))


def test_a_work_that_nothing_uses_is_a_fault(files):
    with (files / "works.yaml").open("a", encoding="utf-8") as file:
        file.write("  - key: lonely-2020\n    title: Lonely\n    checked: nothing\n")
    assert any("lonely-2020 is used nowhere" in fault for fault in faults(files))


def test_two_works_cannot_share_an_identifier(files):
    with (files / "works.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "  - key: copy-2020\n    title: Copy\n    checked: nothing\n"
            '    ids: {arxiv: ["1811.04918"]}\n    related: [{rel: retitleOf, to: allenzhu-2018}]\n'
        )
    assert any("arxiv:1811.04918 is also on allenzhu-2018" in fault for fault in faults(files))


def test_loading_faulty_files_raises_with_every_fault(files):
    edit(files, "works", "claim: C11", "claim: C99")
    with pytest.raises(ContentError, match="C99"):
        content.load(files)


def test_the_json_schema_of_a_readers_file_is_that_of_the_models():
    path = content.directory() / "schema/verdicts.schema.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept == schema.json_schema("verdicts"), "run: kb check --write-schemas kb/debate/schema"


@pytest.mark.parametrize("name", list(schema.FILES))
def test_every_file_names_its_json_schema_and_the_schema_is_that_of_the_models(name):
    path = content.directory() / f"{name}.yaml"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=schema/{name}.schema.json"
    kept = json.loads((path.parent / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert kept == schema.json_schema(name), "run: kb check --write-schemas kb/debate/schema"
    assert kept["additionalProperties"] is False
