"""The way out of MkDocs: another builder makes the same pages of the same build/docs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from lxml import html

from kb.publish import publish

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(debate, tmp_path_factory):
    """Return the folders of one site by MkDocs and by Zensical."""
    pytest.importorskip("zensical", reason="Zensical is not installed")
    out = tmp_path_factory.mktemp("exit")
    ours = publish(debate, out, ROOT / "site", site_url="https://example.org/").site
    folder = out / "zensical"
    folder.mkdir()
    shutil.copytree(out / "docs", folder / "docs")
    shutil.copytree(ROOT / "site/overrides", folder / "overrides")
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    own = yaml.safe_load((out / "mkdocs.yml").read_text())
    config |= {
        "docs_dir": "docs",
        "site_dir": "site",
        "site_url": own["site_url"],
        "extra": {**config["extra"], **own["extra"]},
        "theme": {**config["theme"], "custom_dir": "overrides"},
    }
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "zensical", "build", "--clean", "-f", "mkdocs.yml"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return ours, folder / "site"


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}


def told(path):
    """Return what a reader, a search engine and a browser's guard get of a page."""
    tree = html.parse(str(path)).getroot()
    main = (tree.xpath("//article") or tree.xpath("//main"))[0]
    return {
        "text": " ".join(main.text_content().split()),
        "links": sorted(main.xpath(".//a/@href")),
        "anchors": sorted(main.xpath(".//@id")),
        "head": tree.xpath("//head/title/text()"),
        "meta": sorted(tree.xpath("//head/meta/@content")),
        "canonical": tree.xpath("//link[@rel='canonical']/@href"),
        "data": tree.xpath("//script[@type='application/ld+json']/text()"),
    }


def test_every_page_is_there(built):
    ours, theirs = map(names, built)
    assert len(ours) > 300
    assert ours - theirs <= {"404.html"}  # made by some versions only
    assert theirs - ours == set()


def test_every_page_says_the_same(built):
    ours, theirs = built
    differ = {
        f"{name}: {part}": (there[part], value)
        for name in sorted(names(theirs) - {"404.html"})
        for there in [told(theirs / name)]
        for part, value in told(ours / name).items()
        if there[part] != value
    }
    assert differ == {}
