"""What the layout promises: facts about files that tools depend on."""

import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def tracked():
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def test_the_site_is_built_where_a_build_may_empty_the_folder():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert settings["site_dir"] == "build/site"
    assert settings["docs_dir"] == "build/docs"


def test_no_hook_macro_or_snippet_is_enabled():
    text = (ROOT / "mkdocs.yml").read_text()
    assert "hooks:" not in text
    assert "macros" not in text
    assert "pymdownx.snippets" not in text


def test_site_is_source_and_never_a_package():
    assert not list((ROOT / "site").rglob("*.py"))
    done = subprocess.run(["git", "check-ignore", "-q", "site/content"], cwd=ROOT)
    assert done.returncode == 1


def test_build_data_and_environment_stay_out_of_git():
    for name in ("build/site", "data/kb.sqlite", ".venv/bin/python"):
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT).returncode == 0


def test_torch_is_pinned():
    pins = (ROOT / "constraints.txt").read_text()
    assert re.search(r"^torch==2\.13\.0$", pins, re.MULTILINE)


def test_every_pin_is_exact():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert not line or line.startswith("#") or re.match(r"^[A-Za-z0-9_.-]+==[^=+]+$", line), (
            line
        )


def test_nothing_catches_everything():
    for path in tracked():
        if path.suffix == ".py" and path != Path(__file__):
            text = path.read_text()
            assert not re.search(r"except\s*(\(?(Base)?Exception\)?\b.*)?:", text), path


def test_the_import_rules_hold():
    import sys

    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_example_of_the_readme_runs(curated_file, tmp_path):
    import shutil
    import sys

    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(example.strip().splitlines()) <= 12
    (tmp_path / "data").mkdir()
    shutil.copy(curated_file, tmp_path / "data" / "kb.sqlite")
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "MultiDiGraph" in done.stdout
