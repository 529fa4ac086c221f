"""Argdown as Argdown's own parser reads it; `make readers` installs that where npm is."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kb.export import DOCUMENTS
from kb.export.selection import Selection

ROOT = Path(__file__).parents[3]
MODULES = ROOT / "build/readers/node_modules"


@pytest.fixture(scope="module")
def reader():
    """A function from Argdown to what its parser found."""
    node = shutil.which("node")
    if node is None or not (MODULES / "@argdown/core").is_dir():
        if os.environ.get("CI") and shutil.which("npm"):
            pytest.fail("make readers has not run")
        pytest.skip("Argdown's parser is not here: make readers installs it where npm is")

    def read(text):
        done = subprocess.run(
            [node, ROOT / "tests/fixtures/export/read_argdown.cjs"],
            input=text, capture_output=True, check=True,
            env=os.environ | {"NODE_PATH": str(MODULES)},
        )  # fmt: skip
        return json.loads(done.stdout)

    return read


@pytest.fixture
def written(debate):
    """The whole curated debate in Argdown."""
    selection = Selection(
        strands=tuple(debate.strands()),
        claims=tuple(debate.claims()),
        tensions=tuple(debate.tensions()),
        works=tuple(debate.works()),
        voices=tuple(debate.voices()),
        events=tuple(debate.events()),
        cycles=tuple(debate.cycles()),
        timeline=tuple(debate.timeline()),
    )
    return b"".join(DOCUMENTS["argdown"].write(selection))


def test_argdowns_own_parser_reads_every_claim_word_for_word(reader, written, debate):
    found = reader(written)
    assert found["errors"] == []
    for claim in debate.claims():
        said = " ".join(found["statements"][claim.id].split())
        said = said.removesuffix(f" #{claim.ref.level}")  # its tag stands at the end
        assert said == " ".join(claim.text.split()), claim.id
    assert found["relations"] > 100
