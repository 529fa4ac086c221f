import os
import resource
import signal

import pytest

from ingest import cache
from ingest.cache import Cache, Kept

URL = "https://example.org/tea?page=1"
KEPT = Kept(b"two\nlines\0\xff", '"tea-1"', "Mon, 02 Mar 2026 12:00:00 GMT")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data/cache"


def test_what_was_put_comes_back(folder):
    Cache(folder).put(URL, KEPT)
    assert Cache(folder).get(URL) == KEPT
    assert Cache(folder).get(URL + "2") is None


def test_a_later_body_takes_the_place_of_an_earlier(folder):
    kept = Cache(folder)
    for body in (b"one", b"two", b""):
        kept.put(URL, Kept(body, "e", ""))
        assert kept.get(URL).body == body
    assert len(list(folder.iterdir())) == 1


def test_a_missing_folder_holds_nothing_and_is_not_made(folder):
    kept = Cache(folder)
    assert kept.get(URL) is None
    kept.drop(URL)
    kept.confirm(URL)
    assert not folder.exists()


def test_an_entry_cut_at_any_byte_is_absent(folder):
    Cache(folder).put(URL, KEPT)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        assert Cache(folder).get(URL) is None


def test_an_entry_with_any_byte_changed_is_absent(folder):
    Cache(folder).put(URL, KEPT)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert Cache(folder).get(URL) is None
    path.write_bytes(whole)
    assert Cache(folder).get(URL) == KEPT


def test_an_entry_under_a_wrong_name_is_absent(folder):
    kept = Cache(folder)
    kept.put(URL, KEPT)
    (path,) = folder.iterdir()
    kept.put(URL + "2", KEPT)
    (other,) = set(folder.iterdir()) - {path}
    path.replace(other)
    assert kept.get(URL + "2") is None


@pytest.mark.parametrize(
    "kept",
    [
        Kept(b"x", "", ""),
        Kept(b"x", "t" * 1001, ""),
        Kept(b"x", "té", ""),
        Kept(b"x" * 999, "t", ""),
    ],
)
def test_what_cannot_be_asked_about_or_has_no_room_is_not_kept(folder, kept):
    small = Cache(folder, cap=900)
    small.put(URL, KEPT)
    small.put(URL, kept)
    assert small.get(URL) is None


def test_what_was_asked_for_longest_ago_makes_room(folder):
    body = bytes(1000)
    kept = Cache(folder, cap=5000)
    for number in range(4):
        kept.put(f"{URL}{number}", Kept(body, "t", ""))
    for path in folder.iterdir():
        os.utime(path, ns=(0, 0))
    for number in (0, 3):
        kept.confirm(f"{URL}{number}")
    kept.put(f"{URL}4", Kept(body, "t", ""))
    kept.put(f"{URL}5", Kept(body, "t", ""))
    assert [number for number in range(6) if kept.get(f"{URL}{number}")] == [0, 3, 4, 5]
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 5000


def test_the_cap_is_200_mb():
    assert cache.CAP == 200_000_000


def test_files_of_others_are_left_alone(folder):
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_bytes(bytes(10_000))
    kept = Cache(folder, cap=1000)
    kept.put(URL, KEPT)
    assert kept.get(URL) == KEPT
    assert (folder / "notes.txt").exists()


def test_what_a_dead_process_left_is_cleared_away(folder):
    Cache(folder).put(URL, KEPT)
    (folder / "tmp1.kept.new").write_bytes(b"half")
    assert Cache(folder).get(URL) == KEPT
    assert len(list(folder.iterdir())) == 1


def test_a_full_disk_loses_nothing_but_the_saving(folder):
    kept = Cache(folder)
    kept.put(URL, KEPT)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        kept.put(URL, Kept(bytes(100_000), "t", ""))
        kept.put(URL + "2", Kept(bytes(100_000), "t", ""))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert kept.get(URL) == KEPT
    assert kept.get(URL + "2") is None
    assert len(list(folder.iterdir())) == 1


def test_a_folder_that_is_none_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("tea")
    kept = Cache(tmp_path / "file")
    kept.put(URL, KEPT)
    kept.confirm(URL)
    assert kept.get(URL) is None
    assert (tmp_path / "file").read_text() == "tea"
