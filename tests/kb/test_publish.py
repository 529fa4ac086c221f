"""The site is whole, the same each time, and never worse than before."""

import dataclasses
import errno
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from kb import ledger
from kb import publish as publishing
from kb.errors import ConfigError, StoreError
from kb.publish import find_source, publish
from kb.query import KnowledgeBase
from kb.store import touch

from .debate_fixture import SMALL

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "site"

pytest.importorskip("material", reason="the site extra is not installed")


def tree(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    publish(SMALL, out, SOURCE)
    return out


@pytest.fixture
def out(built, tmp_path):
    """A copy of a built site, ledger and all, that a test may break."""
    shutil.copytree(built, tmp_path / "out")
    return tmp_path / "out"


def test_two_builds_are_byte_for_byte_the_same(built, tmp_path):
    publish(SMALL, tmp_path / "elsewhere", SOURCE)
    assert tree(tmp_path / "elsewhere/site") == tree(built / "site")
    assert tree(tmp_path / "elsewhere/docs") == tree(built / "docs")


def test_nothing_is_built_where_nothing_changed(out):
    told = publish(SMALL, out, SOURCE)
    assert not told.built
    assert told.written == told.removed == 0
    assert "unchanged" in str(told)


@pytest.fixture
def tiny(store, tmp_path, monkeypatch):
    """A store without claims, the folder of its site, and how often pages were made."""
    with store.run("init"):
        pass
    made = []
    files = publishing._files
    monkeypatch.setattr(publishing, "_files", lambda *args: (made.append(1), files(*args))[1])
    monkeypatch.setattr(publishing, "_build", lambda out, _: (out / "site").mkdir(exist_ok=True))
    checkout = tmp_path / "checkout"
    shutil.copytree(SOURCE, checkout / "site")
    shutil.copy(ROOT / "mkdocs.yml", checkout)
    (tmp_path / "out/site").mkdir(parents=True)
    (tmp_path / "out/site/index.html").touch()

    def again():
        before = len(made)
        publish(KnowledgeBase(store), tmp_path / "out", checkout / "site")
        return len(made) > before

    assert again()
    return again


def test_the_pages_of_a_store_are_not_made_again_where_nothing_changed(tiny, tmp_path):
    written = tree(tmp_path / "out")
    assert not tiny()
    assert tree(tmp_path / "out") == written


def test_a_run_that_brought_nothing_makes_no_pages(tiny, store):
    with store.run("run"), store.run("harvest ovens:crumb") as harvest:
        harvest.counts = {"same": 3}
    assert not tiny()


def test_pages_are_made_again_when_what_is_known_changes(tiny, store):
    with store.write() as session:
        touch(session)
    assert tiny()
    with store.run("link"):
        pass
    assert tiny()
    assert not tiny()


def test_pages_are_made_again_when_the_state_of_a_source_changes(tiny, store):
    ledger.enlist(store, [ledger.Listed("ovens:crumb", "Ovens", "", 1.0)])
    assert tiny()
    with store.run("harvest ovens:crumb") as harvest:
        harvest.outcome = "blocked"
    assert tiny()
    assert not tiny()


@pytest.mark.parametrize(
    "path", ["site/templates/voice.md.j2", "site/assets/mark.svg", "mkdocs.yml"]
)
def test_pages_are_made_again_when_the_sources_of_the_site_change(tiny, tmp_path, path):
    with (tmp_path / "checkout" / path).open("a") as file:
        file.write("\n")
    assert tiny()


def test_pages_are_made_again_by_another_program(tiny, monkeypatch):
    monkeypatch.setattr(publishing.program, "digest", lambda: "another")
    assert tiny()


def test_a_lost_site_is_built_again(out):
    shutil.rmtree(out / "site")
    assert publish(SMALL, out, SOURCE).built
    assert (out / "site/index.html").is_file()


def test_a_stale_page_disappears_and_only_what_changed_is_written(out):
    told = publish(dataclasses.replace(SMALL, voices=()), out, SOURCE)
    assert told.built
    assert told.removed == 1
    assert told.written < 15
    assert not (out / "docs/voices/v01.md").exists()
    assert not (out / "site/voices/v01.html").exists()


def stamps(folder):
    return {
        p.relative_to(folder).as_posix(): (p.stat().st_ino, p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


@pytest.mark.parametrize("has_links", [True, False])
def test_files_whose_content_did_not_change_are_not_written_again(out, monkeypatch, has_links):
    if not has_links:

        def refused(self, target):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(Path, "hardlink_to", refused)
    folders = ("docs", "site")
    before = {name: (tree(out / name), stamps(out / name)) for name in folders}
    publish(dataclasses.replace(SMALL, voices=()), out, SOURCE)
    for name in folders:
        told, was = before[name]
        now, is_ = tree(out / name), stamps(out / name)
        same = {path for path in now if told.get(path) == now[path]}
        assert len(same) > 40
        # Without links a file is a new one, of the old time.
        place = 0 if has_links or name == "docs" else 1
        assert all(was[path][place:] == is_[path][place:] for path in same)
        changed = now.keys() & told.keys() - same
        assert changed and all(was[path] != is_[path] for path in changed)


def test_a_file_that_is_not_ours_stays(out):
    mine = out / "docs/mine.md"
    mine.write_text("# Mine\n")
    publish(dataclasses.replace(SMALL, voices=()), out, SOURCE)
    assert mine.exists()


def test_a_build_that_fails_leaves_the_old_site_whole(out, tmp_path):
    before = tree(out / "site")
    checkout = tmp_path / "checkout"
    shutil.copytree(SOURCE, checkout / "site")
    shutil.copy(ROOT / "mkdocs.yml", checkout)
    (checkout / "site/content/about/contribute.md").write_text("[gone](nowhere.md)\n")
    with pytest.raises(ConfigError, match=r"MkDocs refuses the pages: .*nowhere\.md"):
        publish(SMALL, out, checkout / "site")
    assert tree(out / "site") == before
    assert not (out / "site.new").exists()
    assert publish(SMALL, out, SOURCE).built  # and the next good run mends it


def test_a_broken_template_is_named(tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(SOURCE, checkout / "site")
    shutil.copy(ROOT / "mkdocs.yml", checkout)
    (checkout / "site/templates/voice.md.j2").write_text("{{ voice.nothing }}")
    with pytest.raises(ConfigError, match="a template of the site is broken"):
        publish(SMALL, tmp_path / "out", checkout / "site")


def test_a_full_disk_is_one_clear_error(tmp_path):
    """A child whose files may not grow: what a disk does when it is full."""
    script = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "import importlib.util as u\n"
        "s = u.spec_from_file_location('f', sys.argv[2]); f = u.module_from_spec(s)\n"
        "s.loader.exec_module(f)\n"
        "from kb.errors import StoreError; from kb.publish import publish\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "try: publish(f.SMALL, Path(sys.argv[3]), Path(sys.argv[4]))\n"
        "except StoreError as error: sys.stdout.write(str(error))\n"
    )
    fixture = Path(__file__).with_name("debate_fixture.py")
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT), str(fixture), str(tmp_path / "out"), str(SOURCE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("cannot write the site"), done.stderr
    assert not list((tmp_path / "out").rglob(".new-*"))


def test_a_failed_write_keeps_the_old_site(out, monkeypatch):
    before = tree(out / "site")

    def full(path, data):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(publishing, "_write", full)
    with pytest.raises(StoreError, match="No space left"):
        publish(dataclasses.replace(SMALL, voices=()), out, SOURCE)
    assert tree(out / "site") == before


def found_pages(site):
    """Return the pages that the search index holds, by their address."""
    found = {}
    for path in (site / "pagefind/fragment").glob("*.pf_fragment"):
        page = json.loads(gzip.decompress(path.read_bytes()).removeprefix(b"pagefind_dcd"))
        found[page["url"].lstrip("/")] = page | {"id": path.stem}
    return found


def test_a_search_reads_the_pages_of_things_and_no_lists(built):
    found = found_pages(built / "site")
    assert {"claims/c01.html", "works/arxiv-3002-00002.html", "about/method.html"} <= found.keys()
    for path in ("index.html", "search.html", "works/year/2030.html", "timeline.html", "map.html"):
        assert (built / "site" / path).is_file()
        assert path not in found
    machine = found["works/arxiv-3002-00002.html"]
    told = json.loads((built / "site/pagefind/facets.json").read_text())
    *numbers, curated = told["pages"][machine["id"]]
    named = {
        group: [told["values"][group][n] for n in some]
        for group, some in zip(told["values"], numbers, strict=True)
    }
    assert named == {
        "kind": ["work"], "stance": ["proposed: disputes"], "strand": [], "year": ["2030"],
    }  # fmt: skip
    assert not curated
    assert told["pages"].keys() == {page["id"] for page in found.values()}
    assert machine["meta"]["title"].startswith('"><img src=x onerror=alert(1)> on ovens')
    assert "§" not in found["claims/c01.html"]["content"]


def test_the_search_index_comes_without_interfaces_of_others(built):
    names = {path.name.split(".")[0] for path in (built / "site/pagefind").glob("*.*")}
    assert names == {"facets", "pagefind", "pagefind-entry", "pagefind-worker", "wasm"}
    assert len(list((built / "site/pagefind").glob("wasm.*"))) == 1


def test_a_search_index_that_fails_leaves_the_old_site_whole(out, tmp_path, monkeypatch):
    before = tree(out / "site")
    run = subprocess.run

    def failing(command, **options):
        if "pagefind" in command:
            command = [sys.executable, "-c", "import sys; sys.exit('Error: no words')"]
        return run(command, **options)

    monkeypatch.setattr(publishing.subprocess, "run", failing)
    with pytest.raises(ConfigError, match="Pagefind refuses the pages: Error: no words"):
        publish(dataclasses.replace(SMALL, voices=()), out, SOURCE)
    assert tree(out / "site") == before
    assert not (out / "site.new").exists()


def test_without_the_binary_of_pagefind_the_error_says_what_to_install(tmp_path, monkeypatch):
    find = publishing.importlib.util.find_spec
    monkeypatch.setattr(
        publishing.importlib.util,
        "find_spec",
        lambda name: None if name == "pagefind_bin" else find(name),
    )
    with pytest.raises(ConfigError, match=r"pip install 'dissensus\[site\]' .*pagefind_bin"):
        publish(SMALL, tmp_path, SOURCE)


def test_without_mkdocs_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(publishing.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'dissensus\[site\]'"):
        publish(SMALL, tmp_path, SOURCE)


def test_sources_are_never_built_over(tmp_path):
    with pytest.raises(ConfigError, match="its own sources"):
        publish(SMALL, ROOT, SOURCE)


def test_the_sources_are_found_beside_the_package_or_here(tmp_path, monkeypatch):
    assert find_source() == SOURCE
    monkeypatch.setattr(publishing, "__file__", str(tmp_path / "lib/kb/publish.py"))
    with pytest.raises(ConfigError, match="checkout"):
        find_source(tmp_path)


def test_an_interrupted_swap_is_mended(out):
    (out / "site").rename(out / "site.old")
    assert publish(SMALL, out, SOURCE).built
    assert not (out / "site.old").exists()


def test_the_examples_on_the_python_page_run(curated_file, monkeypatch, capsys):
    monkeypatch.setenv("KB_DB", str(curated_file))
    page = (SOURCE / "content/about/python.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 6
    scope = {}
    for block in blocks:
        if ".similar(" not in block:  # needs vectors, which this store has none of
            exec(block, scope)
            assert capsys.readouterr().out.strip(), block


# -- what the built pages hold ----------------------------------------


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def parsed(built):
    return {
        path.relative_to(built / "site").as_posix(): Elements(path.read_text("utf-8")).found
        for path in (built / "site").rglob("*.html")
    }


def test_every_link_inside_the_site_leads_somewhere(built, parsed):
    ids = {page: {a["id"] for _, a in found if a.get("id")} for page, found in parsed.items()}
    seen = 0
    for page, found in parsed.items():
        for tag, attrs in found:
            target = attrs.get("href") or attrs.get("src")
            if not target or urlsplit(target).scheme:
                continue
            parts = urlsplit(urljoin(f"/{page}", target))
            path = parts.path.lstrip("/")
            assert (built / "site" / path).is_file(), f"{page}: <{tag}> {target}"
            # "strand=grokking" is the state of a view, which its script reads.
            if parts.fragment and "=" not in parts.fragment and path in ids:
                assert parts.fragment in ids[path], f"{page}: {target}"
            seen += 1
    assert seen > 500


def test_nothing_is_loaded_from_elsewhere(built, parsed):
    for page, found in parsed.items():
        for tag, attrs in found:
            assert tag not in ("iframe", "object", "embed", "base", "form") or (
                tag == "form" and "action" not in attrs
            ), page
            if tag in ("script", "img", "link", "source", "video", "audio"):
                address = attrs.get("src") or attrs.get("href") or ""
                assert not urlsplit(address).netloc, f"{page}: {address}"
    for path in (built / "site").rglob("*.css"):
        for part in path.read_text("utf-8").split("url(")[1:]:
            address = part.split(")")[0].strip("\"'")
            assert address.startswith("data:") or not urlsplit(address).netloc, path


def test_no_script_or_style_stands_in_a_page(built, parsed):
    for page, found in parsed.items():
        for tag, attrs in found:
            assert not any(name.startswith("on") for name in attrs), page
            assert "style" not in attrs, f"{page}: <{tag} style>"
            assert tag != "style", page
            if tag == "script":
                is_data = attrs.get("type") in ("application/json", "application/ld+json")
                assert "src" in attrs or is_data, page


def test_every_page_carries_the_content_policy(parsed):
    for page, found in parsed.items():
        name = "Content-Security-Policy"
        [policy] = [a["content"] for _, a in found if a.get("http-equiv") == name]
        assert "default-src 'self'" in policy, page
        # WebAssembly, which the search is written in, and no other code out of text.
        assert "unsafe" not in policy.replace("'wasm-unsafe-eval'", ""), page


def test_hostile_titles_make_no_element(parsed):
    for page, found in parsed.items():
        assert not [a for t, a in found if t == "img"], page
        assert [t for t, _ in found].count("h1") == 1, page


def test_no_path_of_this_machine_is_in_the_site(built):
    for path in (built / "site").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            assert os.fsencode(str(built)) not in data, path
            assert os.fsencode(str(ROOT)) not in data, path
