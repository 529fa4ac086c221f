"""The machine that a figure was measured on, and the file that a figure is kept in."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import sqlite3
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
"""Where figures are kept unless a script is told otherwise."""


def describe(*packages: str) -> dict[str, Any]:
    """Return what carries weight for a figure: cores, processor, memory, load, versions.

    Args:
        packages: Peers and libraries whose versions belong to the figure.
    """
    return {
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "cpu": _fact("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "memory_gib": _memory(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: _version(name) for name in sorted({"numpy", *packages})},
        "measured_at": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%MZ}",
    }


def write(name: str, figures: dict[str, Any], out: Path | None = None, *packages: str) -> Path:
    """Keep a script's figures with the machine's description, as JSON, and return where.

    Args:
        name: The script's name without its ending.
        figures: Anything that JSON can hold.
        out: The file; `RESULTS/name.json` when None.
        packages: See `describe`.
    """
    place = out or RESULTS / f"{name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    told = {"machine": describe(*packages), "figures": figures}
    place.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return place


def _fact(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(found, "")


def _memory() -> float | None:
    told = _fact("/proc/meminfo", "MemTotal").split()
    return round(int(told[0]) / 2**20, 1) if told else None


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
