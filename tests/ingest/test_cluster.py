"""A pool of workers does what one process does, whoever is killed on the way.

The clusters are real, of two workers on this machine; the encoder and the reader are small ones.
"""

import contextlib
import importlib.util
import json
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select
from typer.testing import CliRunner

from ingest import cluster, embed
from ingest.cluster import shards
from ingest.cluster.embedding import Encoding
from ingest.cluster.pool import _Worker
from ingest.cluster.shards import DONE, TODO, Shards
from ingest.link import run as link_here
from ingest.link.judge import PackagedJudge
from kb import cli
from kb.errors import ConfigError, EncoderError, KnowledgeBaseError
from kb.models import EvidenceSpan, Link, Manifestation, QueuedLink, Run, Setting, Vector, Work
from kb.store import Store
from kb.vectors import digest
from kb.vocabulary import AgentKind, ManifestationKind, WorkKind

pytestmark = [
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("ray", "pyarrow")),
        reason="Ray is not installed (extra cluster)",
    ),
    # What Ray does with files and threads, and with names that it is going to remove.
    pytest.mark.filterwarnings("default"),
]

FLAT = (
    "Sharpness was blamed for poor test error before. We show that flat minima generalize better "
    "than sharp minima and that sharpness predicts the generalization gap. Code is available."
)
KERNEL = (
    "We study wide networks. We prove that training of wide networks follows the neural tangent "
    "kernel in the lazy regime. The infinite-width limit is exact in case {n}."
)


class Letters:
    """Counts letters, notes in a folder what it was asked, and may be killed over a text."""

    dim = 32

    def __init__(self, notes=None, deadly="", deaths=0, name="letters/1", fault=""):
        self.name, self._notes, self._fault = name, notes, fault
        self._deadly, self._deaths = deadly, deaths

    def encode(self, texts, progress=None):
        if self._fault:
            raise EncoderError(self._fault)
        if self._deadly in texts:
            self._die()
        if self._notes is not None:
            with (self._notes / f"{os.getpid()}.asked").open("a") as file:
                file.writelines(f"{json.dumps(text)}\n" for text in texts)
        rows = np.full((len(texts), self.dim), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for letter in text.encode():
                row[letter % self.dim] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def _die(self):
        if len(list(self._notes.glob("*.dead"))) < self._deaths:
            (self._notes / f"{os.getpid()}.dead").touch()
            os.kill(os.getpid(), signal.SIGKILL)


def making(**how):
    """Return what makes `Letters` in a worker."""
    return lambda: Letters(**how)


@pytest.fixture(scope="module")
def pool():
    with cluster.Pool(workers=2) as pool:
        ray, _ = pool.start()
        # Workers cannot import what the tests define: it is sent to them whole.
        ray.cloudpickle.register_pickle_by_value(sys.modules[Letters.__module__])
        yield pool


class Here:
    """A pool without Ray: answers in an order of its own, and is interrupted when told to."""

    def __init__(self, seed=0, stop=None):
        self._random, self._stop = random.Random(seed), stop

    def answer(self, shards, names, make, *, gpu=False):
        task = make()
        names = self._random.sample(names, len(names))
        for number, name in enumerate(names):
            if number == self._stop:
                raise KeyboardInterrupt
            # Workers are ahead of whoever commits.
            for each in names[number : number + 3]:
                if each not in shards.names(DONE):
                    shards.write(DONE, each, task(shards.read(TODO, each)))
            yield name


def add(store, number, abstract="We study case {n}. It is hard. We solve it {again}."):
    with store.write() as session:
        for n in range(number):
            id, text = f"arxiv:2501.{n:05}", abstract.format(n=n, again="again " * (n % 7))
            session.add(
                Work(id=id, kind=WorkKind.paper, title=f"Work {n}", abstract=text,
                     first_public="2025-01-02", first_day="2025-01-02")
            )  # fmt: skip
            session.flush()
            session.add(
                Manifestation(id=f"{id}v1", work_id=id, kind=ManifestationKind.arxiv,
                              title=f"Work {n}", abstract=text, version=1)
            )  # fmt: skip


def copied(store, tmp_path):
    store.close()
    place = tmp_path / "copy.sqlite"
    place.write_bytes(store.path.read_bytes())
    return Store(place)


def vectors(store):
    with store.read() as session:
        return {row.text_digest: row.data for row in session.exec(select(Vector))}


def asked(notes):
    return [
        json.loads(line) for path in notes.glob("*.asked") for line in path.read_text().splitlines()
    ]


def outcomes(store):
    with store.read() as session:
        return [each.outcome for each in session.exec(select(Run).order_by(col(Run.id)))]


@pytest.fixture
def run(store, tmp_path, pool):
    """Embed the store with the pool, in small shards."""
    notes = tmp_path / "notes"
    notes.mkdir()

    def run(progress=None, size=16, pool=pool, **how):
        return cluster.embed(
            store,
            Letters(),
            progress,
            pool=pool,
            make=cluster.folder(store, tmp_path / "work"),
            model=making(notes=notes, **how),
            size=size,
        )

    run.notes, run.work = notes, tmp_path / "work"
    return run


# -- vectors ------------------------------------------------------------------------------------


def test_the_pool_makes_the_vectors_that_one_process_makes(store, run, tmp_path):
    add(store, 30)
    other = copied(store, tmp_path)
    here = embed.run(other, Letters())
    assert run(size=8) == here
    assert len(list(run.notes.glob("*.asked"))) == 2  # both had a part in it
    ours, theirs = vectors(store), vectors(other)
    assert ours.keys() == theirs.keys() and len(ours) == here["encoded"] > 60
    for key, data in ours.items():
        assert np.frombuffer(data, "<f4") @ np.frombuffer(theirs[key], "<f4") >= 0.9999
    assert sorted(asked(run.notes)) == sorted(set(asked(run.notes)))
    assert not run.work.exists()
    assert run() == {"texts": here["texts"], "encoded": 0, "reused": here["texts"]}


def test_a_killed_worker_loses_and_doubles_nothing(store, run):
    add(store, 40)
    counts = run(deadly="It is hard.", deaths=1)
    [dead] = run.notes.glob("*.dead")
    assert not Path(f"/proc/{dead.stem}").exists()
    assert counts["encoded"] == counts["texts"] == len(vectors(store))
    assert embed.run(store, Letters())["encoded"] == 0


def test_a_shard_that_kills_every_worker_is_given_up_and_holds_no_later_run_back(store, run):
    add(store, 40)
    with pytest.raises(KnowledgeBaseError, match="3 workers died over the shard"):
        run(deadly="It is hard.", deaths=99)
    assert len(list(run.notes.glob("*.dead"))) == shards.TRIES
    assert run(pool=Here())["texts"] == len(vectors(store))


def test_a_shard_that_comes_twice_is_kept_once(store, run, monkeypatch):
    add(store, 20)
    dropped = []
    with monkeypatch.context() as patch:  # killed after each commit, before the shard is dropped
        patch.setattr(Shards, "drop", lambda self, name: dropped.append(name))
        patch.setattr(Shards, "clear", lambda self: None)
        run(pool=Here())
    before = vectors(store)
    [place] = run.work.iterdir()
    assert Shards(place, "letters/1").names(DONE) == sorted(dropped) != []
    assert run(pool=Here())["encoded"] == 0
    assert vectors(store) == before
    assert not run.work.exists()


def test_an_interrupted_run_is_gone_on_with(store, run):
    add(store, 60)
    seen = []

    def interrupt(done, total):
        seen.append((done, total))
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(interrupt, size=8)
    kept = vectors(store)
    assert len(kept) == seen[-1][0] < seen[-1][1]
    counts = run(size=8)
    assert counts["reused"] >= len(kept) and counts["texts"] == len(vectors(store))
    assert vectors(store).items() >= kept.items()
    assert outcomes(store) == ["interrupted", "ok"]


def test_what_was_encoded_before_a_kill_is_not_encoded_again(store, run):
    add(store, 60)
    with pytest.raises(KeyboardInterrupt):
        run(pool=Here(stop=2), size=8)
    before = len(set(asked(run.notes)))
    assert before > len(vectors(store))  # there are answers that nobody has committed
    for path in run.notes.iterdir():
        path.unlink()
    run(pool=Here(), size=8)
    assert before + len(asked(run.notes)) == len(vectors(store))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    stops=st.lists(st.integers(0, 12), max_size=4),
    seed=st.integers(0, 99),
    size=st.integers(1, 40),
    keeps=st.booleans(),
)
def test_whatever_is_interrupted_every_text_ends_with_its_vector(
    tmp_path_factory, _empty_store, stops, seed, size, keeps
):
    folder = tmp_path_factory.mktemp("any")
    (folder / "kb.sqlite").write_bytes(_empty_store.read_bytes())
    store = Store(folder / "kb.sqlite")
    add(store, 12)
    make = cluster.folder(store)
    for stop in [*stops, None]:
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            if keeps and stop is not None:
                patch.setattr(Shards, "drop", lambda self, name: None)
            cluster.embed(
                store, Letters(), pool=Here(seed, stop), make=make, model=Letters, size=size
            )
    texts = {text for _, batch in embed.batches(store, None) for text in batch if text}
    expected = dict(zip(map(digest, texts), Letters().encode(list(texts)), strict=True))
    found = vectors(store)
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        np.testing.assert_allclose(np.frombuffer(found[key], "<f4"), row, atol=1e-6)
    assert not Path(f"{store.path}.shards").exists()
    store.close()


def test_a_damaged_answer_is_asked_again(store, run):
    add(store, 20)
    with pytest.raises(KeyboardInterrupt):
        run(pool=Here(stop=1))
    [place] = run.work.iterdir()
    left = Shards(place, "letters/1").names(DONE)
    for name in left:
        (place / DONE / f"{name}.parquet").write_bytes(b"PAR1 is not all of it")
    assert left
    counts = run(pool=Here())
    assert counts["texts"] == len(vectors(store))


def test_answers_of_another_model_are_refused(tmp_path):
    one, other = Shards(tmp_path, "one/1"), Shards(tmp_path, "other/1")
    one.write(DONE, "000000", {"key": ["a"]})
    with pytest.raises(cluster.ShardError, match="was made by one/1, not other/1"):
        other.read(DONE, "000000")


@pytest.mark.parametrize("row", [[np.nan, 0], [0, 0], [1, 1]])
def test_vectors_that_are_not_of_length_one_are_refused(tmp_path, row):
    place = Shards(tmp_path, "one/1")
    place.write(TODO, "000000", {"key": ["a"], "text": ["A"]})
    place.write(DONE, "000000", {"key": ["a"], "vector": np.array([row], np.float32)})
    with pytest.raises(cluster.ShardError, match="not of length 1"):
        cluster.embedding.answered(place, "000000", 2)


def test_a_worker_with_another_model_is_told_of():
    with pytest.raises(cluster.ClusterError, match="with letters/2, and not with letters/1"):
        Encoding("letters/1", making(name="letters/2"))()


def test_what_a_workers_encoder_says_is_one_line_with_its_exit_code(store, run):
    add(store, 3)
    with pytest.raises(KnowledgeBaseError) as caught:
        run(fault="the model is not installed: pip install it")
    assert str(caught.value) == "the model is not installed: pip install it"
    assert caught.value.exit_code == EncoderError.exit_code


class Rounds(cluster.Pool):
    """A pool whose only worker is in this process."""

    def _round(self, shards, names, make, gpu):
        worker = _Worker(shards, make)
        for name in names:
            told = worker({"shard": [name]})
            yield told["shard"][0], told["error"][0]


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_folder_that_fails_for_a_while_costs_a_round(tmp_path, failures):
    place, names = Shards(tmp_path / "job", "any"), ["000000", "000001"]
    for name in names:
        place.write(TODO, name, {"number": [int(name)]})
    left = [OSError("stale file handle")] * failures

    def task(columns):
        if left and columns["number"] == [1]:
            raise left.pop()
        return columns

    answers = Rounds().answer(place, names, lambda: task)
    if failures < 3:
        assert list(answers) == place.names(DONE) == names
    else:
        with pytest.raises(cluster.ClusterError, match=r"1 shards .* stale file handle"):
            list(answers)
        assert place.names(DONE) == ["000000"]


# -- links --------------------------------------------------------------------------------------


@pytest.fixture
def works(curated):
    add(curated, 24, KERNEL)
    with curated.write() as session:
        for n in range(0, 24, 3):
            session.get(Work, f"arxiv:2501.{n:05}").abstract = FLAT
            session.get(Manifestation, f"arxiv:2501.{n:05}v1").abstract = FLAT
        session.get(Work, "arxiv:2501.00001").abstract = ""
    return curated


def stands(store):
    """All that the linker wrote and that stands, without numbers of rows and clocks."""
    clocks = {"id", "run_id", "recorded_at", "link_id"}
    with store.read() as session:
        links = session.exec(
            select(Link).where(
                Link.agent_kind == AgentKind.model, col(Link.superseded_at).is_(None)
            )
        ).all()
        name = {link.id: (link.work_id, link.claim_id) for link in session.exec(select(Link))}
        spans = session.exec(
            select(EvidenceSpan).where(
                EvidenceSpan.agent_kind == AgentKind.model,
                col(EvidenceSpan.superseded_at).is_(None),
            )
        ).all()
        queued = session.exec(
            select(QueuedLink).where(col(QueuedLink.superseded_at).is_(None))
        ).all()
        marks = session.exec(select(Setting).where(col(Setting.name).startswith("link:"))).all()
        return (
            sorted(repr(row.model_dump(exclude=clocks)) for row in links),
            sorted(f"{name[row.link_id]} {row.model_dump(exclude=clocks)}" for row in spans),
            sorted(repr(row.model_dump(exclude=clocks)) for row in queued),
            {row.name: row.value for row in marks},
        )


@pytest.fixture
def link(works, tmp_path, pool):
    """Link the works with the pool, in small shards."""
    embed.run(works, Letters())

    def link(progress=None, pool=pool, **how):
        return cluster.link(
            works,
            Letters(),
            progress,
            pool=pool,
            make=cluster.folder(works, tmp_path / "work"),
            size=5,
            **how,
        )

    link.work = tmp_path / "work"
    return link


def test_the_pool_makes_the_links_that_one_process_makes(works, link, tmp_path):
    other = copied(works, tmp_path)
    here = link_here(other, Letters())
    told = []
    assert link(lambda *done: told.append(done)) == here
    assert here["links added"] > 0 and here["judged"] > 20
    assert stands(works) == stands(other)
    assert told[-1] == (told[-1][1], told[-1][1])
    assert not link.work.exists()
    again = link()
    assert again["judged"] == 0 and again["unchanged"] == here["judged"] + here["unchanged"]
    assert link_here(works, Letters())["judged"] == 0


def test_a_worker_killed_in_mid_run_changes_no_link(works, link, tmp_path):
    other = copied(works, tmp_path)
    link_here(other, Letters())
    flag = tmp_path / "dead"

    class Deadly(PackagedJudge):
        def judge(self, reading):
            if not flag.exists():
                flag.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            return super().judge(reading)

    link(judge=Deadly)
    assert not Path(f"/proc/{flag.read_text()}").exists()
    assert stands(works) == stands(other)


def test_links_of_an_interrupted_run_are_gone_on_with(works, link, tmp_path):
    other = copied(works, tmp_path)
    link_here(other, Letters())
    with pytest.raises(KeyboardInterrupt):
        link(pool=Here(stop=1))
    assert stands(works) != stands(other)
    [place] = link.work.iterdir()
    judged = [Path(name).stem for name in (place / DONE).iterdir()]
    assert judged
    seen = []

    class Noting(Here):
        def answer(self, shards, names, make, *, gpu=False):
            seen.extend(names)
            return super().answer(shards, names, make, gpu=gpu)

    link(pool=Noting())
    assert stands(works) == stands(other)
    with works.read() as session:
        count = len(session.exec(select(Link).where(Link.agent_kind == AgentKind.model)).all())
    assert count == len(stands(works)[0])  # nothing was written twice and superseded


def test_a_judged_shard_that_comes_twice_changes_nothing(works, link, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Shards, "drop", lambda self, name: None)
        patch.setattr(Shards, "clear", lambda self: None)
        link(pool=Here())
    before = stands(works)
    [place] = link.work.iterdir()
    assert Shards(place, "").names(DONE)
    assert link(pool=Here())["judged"] == 0
    assert stands(works) == before


def test_what_was_judged_of_a_text_does_not_stand_for_another(works, link, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(Shards, "drop", lambda self, name: None)
        link(pool=Here(stop=3))
    add_words = "We catalogue beetles of the northern forests. Most of them are brown."
    with works.write() as session:
        for n in range(24):
            session.get(Work, f"arxiv:2501.{n:05}").abstract = add_words
            session.get(Manifestation, f"arxiv:2501.{n:05}v1").abstract = add_words
    other = copied(works, tmp_path)
    link_here(other, Letters())
    link(pool=Here())
    assert stands(works) == stands(other)


def test_a_worker_that_judges_otherwise_is_told_of(link):
    def another(*parts):
        judge = PackagedJudge(*parts)
        judge.name += " of old"
        return judge

    with pytest.raises(cluster.ClusterError, match=r"judges by .* of old, in another version"):
        link(pool=Here(), judge=another)


# -- the pool -----------------------------------------------------------------------------------


def family(root):
    """The processes that descend from one, and itself."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found, new = set(), {root}
    while new:
        found |= new
        new = {child for child, parent in parents.items() if parent in new} - found
    return found


def runs(process):
    """Whether a process, as its folder in /proc, is there and is more than an entry."""
    with contextlib.suppress(OSError):
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's list of sockets")
def test_nothing_listens_beyond_this_machine(pool):
    pool.start()
    ours = set()
    for process in family(os.getpid()):
        with contextlib.suppress(OSError):
            ours |= {str(path.readlink()) for path in Path(f"/proc/{process}/fd").iterdir()}
    found = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            (
                _,
                address,
                _,
                state,
                *_,
            ) = fields = line.split()
            if state == "0A" and f"socket:[{fields[9]}]" in ours:
                found[fields[9]] = address.rpartition(":")[0]
    assert len(found) > 3
    here = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert set(found.values()) <= here


def test_ray_asks_for_a_key_and_tells_nobody(pool):
    pool.start()
    assert os.environ["RAY_AUTH_MODE"] == "token" and len(os.environ["RAY_AUTH_TOKEN"]) == 64
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.slow
def test_a_killed_command_leaves_nothing_running_and_is_gone_on_with(store, run, tmp_path):
    """The driver is killed by SIGKILL after its first commit, in a process of its own."""
    add(store, 60)
    store.close()
    script = f"""
        import importlib.util, os, signal, sys
        from pathlib import Path
        from ingest import cluster
        from kb.store import Store
        spec = importlib.util.spec_from_file_location("letters", {__file__!r})
        letters = sys.modules["letters"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(letters)

        def kill(done, total):
            print("\\n".join(map(str, letters.family(os.getpid()))), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

        store = Store({str(store.path)!r})
        with cluster.Pool(workers=2) as pool:
            ray, _ = pool.start()
            ray.cloudpickle.register_pickle_by_value(letters)
            cluster.embed(
                store, letters.Letters(), kill, pool=pool, size=8,
                make=cluster.folder(store, Path({str(run.work)!r})),
                model=letters.making(notes=Path({str(run.notes)!r})),
            )
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    started = [Path(f"/proc/{line}") for line in done.stdout.split()]
    assert len(started) > 4
    until = time.monotonic() + 90  # Ray looks for its parent now and then
    while any(map(runs, started)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(runs, started))
    kept = vectors(store)
    assert len(kept) > 0
    run(size=8)
    texts = {text for _, batch in embed.batches(store, None) for text in batch if text}
    assert vectors(store).keys() == set(map(digest, texts))
    assert vectors(store).items() >= kept.items()
    assert outcomes(store) == ["interrupted", "ok"]


def test_what_is_missing_names_the_extra():
    with pytest.raises(ConfigError, match=r"needs no_such_thing, .* 'dissensus\[cluster\]'"):
        shards.need("no_such_thing")


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:1", "host:", "a b:1"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ConfigError, match="HOST:PORT"):
        cluster.Pool(address)


def test_a_cluster_that_does_not_answer_is_one_line():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ConfigError, match=f"no cluster answers at {address}"):
        cluster.Pool(address).start()


def test_a_pool_needs_a_worker():
    with pytest.raises(ConfigError, match="at least 1, not 0"):
        cluster.Pool(workers=0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["embed", "--workers", "2"], "--workers goes with --engine ray only"),
        (["link", "--address", "auto"], "--address goes with --engine ray only"),
        (["link", "--work", "here"], "--work goes with --engine ray only"),
        (["embed", "--engine", "ray", "--workers", "0"], "--workers must be at least 1, not 0"),
        (["link", "--engine", "ray", "--address", "here"], "write auto, or HOST:PORT"),
    ],
)
def test_options_that_make_no_sense_are_refused(store, words, said, monkeypatch):
    monkeypatch.setattr(cli, "_encoder", lambda *_: Letters())
    told = CliRunner().invoke(cli.app, ["--db", str(store.path), *words])
    assert isinstance(told.exception, ConfigError) and said in str(told.exception)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_workers_compute_in_the_precision_of_the_store(precision, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    made = cli._like(Letters(name=f"model@0123abcd/{precision}"), "model", cli.Device.cuda)
    assert made.args == (str(tmp_path / "model"),)
    assert made.keywords == {"device": "cuda", "precision": precision}
