"""Run every command of the README in an empty folder; `make check` calls this.

`make` targets are only asked what they would do. A command that needs the network is only
parsed: its options are checked by asking for its help.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ABSTRACT = {
    "id": "2601.00001",
    "title": "An invented paper on memorization",
    "abstract": "We show that removing memorized examples lowers test accuracy on rare groups. "
    "The effect grows with the length of the tail.",
    "authors": "A. Author",
    "categories": "cs.LG",
    "update_date": "2026-01-02",
}
ENTRY = """@article{kettle, title={Kettles that remember}, author={Example, Ada B.},
year={2026}, doi={10.5555/kettle}}
"""


def commands(text: str) -> list[str]:
    """Return the lines of every shell block, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def main() -> int:
    """Run them all and name the first that fails."""
    kb = Path(sys.executable).with_name("kb")
    found = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    made = [line for line in found if line.startswith("make ")]
    asked = [line for line in found if line.startswith("kb ")]
    if len(made) < 2 or len(asked) < 10 or len(made) + len(asked) != len(found):
        print("the README's shell blocks hold something else than make and kb commands")
        return 1
    # Records first, then a run that brings everything up to date, then what reads it.
    rank = {"init": 0, "ingest": 1, "run": 2}
    asked = ["kb init", *sorted(asked, key=lambda line: rank.get(line.split()[1], 3))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "abstracts.jsonl").write_text(json.dumps(ABSTRACT) + "\n")
        links = [{"claim": "memorization-necessary", "stance": "supports"}]
        (folder / "labels.jsonl").write_text(json.dumps(ABSTRACT | {"links": links}) + "\n")
        plain = folder / "arxiv.jsonl"
        plain.write_text(json.dumps(ABSTRACT) + "\n")
        subprocess.run(["gzip", "-k", str(plain)], check=True)
        (folder / "refs.bib").write_text(ENTRY)
        environment = os.environ | {"KB_DB": str(folder / "data" / "kb.sqlite")}
        for line in made:
            words = shlex.split(line)
            done = subprocess.run(
                [shutil.which("make") or "make", "-n", *words[1:]],
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                print(f"{line}: {done.stderr}")
                return 1
        for line in asked:
            words = shlex.split(line)[1:]
            if words[:2] == ["ingest", "arxiv"]:
                words.append("--help")  # no network here
            done = subprocess.run(
                [kb, *words],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            if done.returncode:
                print(f"{line}: exit {done.returncode}\n{done.stdout}{done.stderr}")
                return 1
            print(f"ok  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
