import json

import pytest

from ingest.link.gold import LabelError, read

GOOD = {
    "id": "x", "title": "T", "abstract": "We show it. Cats sleep.", "venue": "somewhere",
    "links": [{"claim": "a", "sure": True, "stance": None, "how": "asserts",
               "evidence": ["Cats sleep.", "not in it"]}],
}  # fmt: skip


def test_labels_are_read_and_evidence_is_found_by_its_words(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_text(f"\n{json.dumps(GOOD)}\n")
    (work,) = read(path)
    assert work.places(work.links[0]) == [(12, 23)]
    assert work.links[0].stance is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("{", ":1: not a JSON object"),
        ("[" * 100_000, ":1: not a JSON object"),
        ('{"id": "x"}', ":1: title: Field required"),
        (json.dumps({**GOOD, "abstract": ""}), ":1: abstract:"),
        (json.dumps({**GOOD, "links": [{"claim": "a", "stance": "likes"}]}), ":1: links.0.stance:"),
        ("\udcff", "is not UTF-8"),
    ],
)
def test_a_line_in_another_form_is_refused_by_its_number(tmp_path, text, reason):
    path = tmp_path / "gold.jsonl"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(LabelError, match=reason) as caught:
        read(path)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LabelError, match=r"none\.jsonl: No such file"):
        read(tmp_path / "none.jsonl")
