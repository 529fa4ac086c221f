"""A pool of workers under Ray Data, each with one model: shards in, shards out.

Ray carries the names of the shards alone; what is in them lies in a folder that every machine
sees. A worker that dies is started again by Ray and given its shard again; a shard that cannot
be read or written now is tried again in another round.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ingest.cluster.shards import DONE, TODO, TRIES, ShardError, need
from kb.errors import ConfigError, KnowledgeBaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.cluster.shards import Columns, Shards

    Task = Callable[[dict[str, Any]], Columns]
    """Answers the columns of a shard with others."""

_ROUNDS = 3
_STORE = 100 * 2**20
"""Bytes of memory that Ray shares among processes: names of shards only."""
_HERE = {
    # Ray takes the machine's address for its own unless it is told that there is no cluster.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_AUTH_MODE": "token",
}
"""What Ray reads from the environment when it is loaded, for one that this process starts."""
_LOOPBACK = "127.0.0.1"


_ADDRESS = re.compile(r"(auto|[\w.-]+:\d{1,5})?")
_NAMED = re.compile(r"[\w.]+(Error|Exception): ")
_PATIENCE = 5.0
"""Seconds in which a machine must answer; Ray itself waits for minutes."""


class ClusterError(KnowledgeBaseError):
    """The workers cannot do what is asked of them."""


class Pool:
    """Workers on this machine or on a cluster that is running; started when first needed."""

    def __init__(self, address: str = "", workers: int | None = None) -> None:
        """Say where the workers are; nothing is started yet.

        Args:
            address: Of a cluster that is running, as "auto" or "host:port"; "" to start one on
                this machine, which listens on no other address and ends with the pool.
            workers: How many, at least 1; one for each graphics card of the cluster, or for each
                core where it has none or they are not needed, when None.

        Raises:
            ConfigError: Ray or pyarrow is not installed, `workers` is below 1, or `address` is
                none.
        """
        if not _ADDRESS.fullmatch(address):
            raise ConfigError(
                f"--address {address}: write auto, or HOST:PORT as ray start prints it, on a "
                "machine of the cluster"
            )
        if workers is not None and workers < 1:
            raise ConfigError(f"--workers must be at least 1, not {workers}")
        need("ray", "pyarrow")
        self._address = address
        self._workers = workers
        self._ray: Any = None
        self._scratch: Path | None = None

    def __enter__(self) -> Self:
        """Return the pool."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the workers go."""
        self.close()

    def close(self) -> None:
        """Let the workers go, and end Ray where this pool started it."""
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def answer(
        self,
        shards: Shards,
        names: Sequence[str],
        make: Callable[[], Task],
        *,
        gpu: bool = False,
    ) -> Iterator[str]:
        """Have shards answered, and yield the name of each as soon as its answer is written.

        Args:
            shards: Where they lie.
            names: Those to answer.
            make: Makes what answers them, once in each worker. Both are sent to the workers.
            gpu: Give each worker a graphics card, where the cluster has any.

        Raises:
            ConfigError: Ray cannot be started, or there is no cluster at the address.
            KnowledgeBaseError: What a worker says that another try would not change: that its
                model is absent, for example. What was answered before is kept.
            ClusterError: Workers died over a shard, or it could not be read or written in any
                round, or the cluster is gone.
        """
        left = list(names)
        for _ in range(_ROUNDS):
            failures: dict[str, str] = {}
            for name, error in self._round(shards, left, make, gpu):
                if error:
                    failures[name] = error
                else:
                    yield name
            left = list(failures)
            if not left:
                return
        raise ClusterError(
            f"{len(left)} shards could not be answered in {_ROUNDS} rounds; of the last: "
            f"{failures[left[-1]]}"
        )

    def _round(
        self, shards: Shards, names: Sequence[str], make: Callable[[], Task], gpu: bool
    ) -> Iterator[tuple[str, str]]:
        """Give each shard to a worker once; yield names with why it failed for now, "" if not."""
        ray, data = self.start()
        there = ray.cluster_resources()
        cards = int(there.get("GPU", 0)) if gpu else 0
        workers = min(self._workers or cards or max(1, int(there.get("CPU", 1))), len(names))
        errors = importlib.import_module("ray.exceptions")
        told = importlib.import_module("ray.data.exceptions")
        try:
            rows = (
                data.from_items([{"shard": n} for n in names], override_num_blocks=len(names))
                .map_batches(
                    _Worker,
                    fn_constructor_args=(shards, make),
                    batch_size=1,
                    compute=data.ActorPoolStrategy(size=workers),
                    num_cpus=1,
                    num_gpus=1 if cards else None,
                )
                .iter_rows()
            )
            for row in rows:
                if row["is_final"]:
                    raise _FinalError(row["error"], row["exit_code"])
                yield row["shard"], row["error"]
        except (errors.RayError, told.SystemException) as error:
            raise ClusterError(f"the cluster failed: {_first(error)}") from error

    def start(self) -> tuple[Any, Any]:
        """Start Ray or find the cluster, unless that is done, and return Ray and Ray Data.

        Raises:
            ConfigError: Ray cannot be started, or there is no cluster at the address.
        """
        if self._ray is None:
            if not self._address:
                os.environ.update({"RAY_AUTH_TOKEN": secrets.token_hex(32), **_HERE})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ray = importlib.import_module("ray")
                data = importlib.import_module("ray.data")
                with _hushed():
                    self._connect(ray)
                context = data.DataContext.get_current()
            context.enable_progress_bars = False
            context.print_on_execution_start = False
            logging.getLogger("ray.data").setLevel(logging.CRITICAL)
            self._ray = ray
        return self._ray, importlib.import_module("ray.data")

    def _connect(self, ray: Any) -> None:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self._address:
            _reach(self._address)
        try:
            if self._address:
                ray.init(address=self._address, **quiet)
                return
            self._scratch = _scratch()
            here = ray.init(
                address="local",
                num_cpus=self._workers,
                include_dashboard=False,
                object_store_memory=_STORE,
                _node_ip_address=_LOOPBACK,
                _temp_dir=str(self._scratch),
                **quiet,
            )
        except (OSError, RuntimeError, ValueError, TimeoutError) as error:
            place = f"find a cluster at {self._address}" if self._address else "start Ray here"
            self.close()
            raise ConfigError(f"cannot {place}: {_first(error)}") from error
        if here.address_info["node_ip_address"] != _LOOPBACK:
            ray.shutdown()
            self.close()
            raise ConfigError(
                "Ray was loaded before and would listen on every address of this machine: set "
                "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 in the environment"
            )


class _Worker:
    """What runs in an actor: answers one shard after another with one model."""

    def __init__(self, shards: Shards, make: Callable[[], Task]) -> None:
        self._shards = shards
        self._make = make
        self._task: Task | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        told = [self._one(str(name)) for name in batch["shard"]]
        return {key: [each[key] for each in told] for key in told[0]}

    def _one(self, name: str) -> dict[str, Any]:
        told = {"shard": name, "error": "", "is_final": False, "exit_code": 0}
        try:
            if not self._shards.begin(name):
                raise ClusterError(
                    f"{TRIES} workers died over the shard {name} in {self._shards.folder}: give "
                    "them more memory, or take fewer (--workers)"
                )
            if self._task is None:
                self._task = self._make()
            self._shards.write(DONE, name, self._task(self._shards.read(TODO, name)))
        except (OSError, ShardError) as error:
            return {**told, "error": str(error)}
        except KnowledgeBaseError as error:
            return {**told, "error": str(error), "is_final": True, "exit_code": error.exit_code}
        return told


class _FinalError(KnowledgeBaseError):
    """What a worker said, with the exit code of the error that it met."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # of one error, not of the class


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep from the terminal what Ray's own libraries write there about their logging."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _reach(address: str) -> None:
    """Make sure that something listens at HOST:PORT.

    Raises:
        ConfigError: Nothing does.
    """
    host, _, port = address.rpartition(":")
    try:
        if host:
            socket.create_connection((host, int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"no cluster answers at {address}: {_first(error)}") from error


def _scratch() -> Path:
    """A folder for Ray's own files; the path of a socket in it must stay below 108 bytes."""
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="kb-ray-", dir=usual if len(usual) < 24 else "/tmp"))  # noqa: S108 - made with a name of its own


def _first(error: BaseException) -> str:
    told = getattr(error, "strerror", None) or str(error)
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    # Of what went wrong in a worker, Ray gives all of its stack.
    named = [line for line in lines if _NAMED.match(line)]
    return (named or lines[-1:] or [type(error).__name__])[0]
