"""What a result depends on besides the code measured: the machine, the commit, the installed packages."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

PACKAGES = (
    "vicinal",
    "numpy",
    "numba",
    "llvmlite",
    "lmdb",
    "hnswlib",
    "faiss-cpu",
    "usearch",
    "rabitqlib",
    "scann",
    "pyseismic-lsr",
    "pyvsag",
    "kannolo",
    "zvec",
    "qdrant-edge-py",
    "bm25s",
    "tantivy",
    "lancedb",
    "fast-plaid",
    "torch",
    "tachiom",
    "fastembed",
    "pyroaring",
    "grpcio",
    "protobuf",
)
_CPU_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


@cache
def machine() -> dict[str, Any]:
    """CPU model, cores this process may use, caches, memory and system."""
    return {
        "cpu": _cpu_model(),
        "cores": cores(),
        "caches": _caches(),
        "memory_bytes": _memory_bytes(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_bytes() -> int | None:
    """Memory that can be taken without swapping, where the system tells."""
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def resident_bytes(pid: int) -> int | None:
    """Memory that a process has in RAM, pages of mapped files included, where the system tells."""
    for line in _lines(Path(f"/proc/{pid}/status")):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return None


@cache
def code() -> dict[str, Any]:
    """The code being measured, as it was at the first call.

    Returns
    -------
    dict
        `commit` and `dirty` of the checkout, None outside of one, and `source`: a digest of every Python file
        of the package, which tells apart what a commit with changes on top cannot.
    """
    folder = Path(__file__).resolve().parent
    revision = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain")
    return {"commit": revision, "dirty": None if changes is None else bool(changes), "source": _source()}


def _source() -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name in ("engine", "indexes", "storage", "server", "proto", "bench"):
        package = files(f"{__package__.partition('.')[0]}.{name}")
        folder = Path(str(package))
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{name}/{path.relative_to(folder)}".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def packages() -> dict[str, str]:
    """Versions of the packages that decide a result, those that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _cpu_model() -> str:
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _caches() -> dict[str, str]:
    found = {}
    for entry in sorted(_CPU_CACHES.glob("index*")):
        level, kind, size = (_lines(entry / name) for name in ("level", "type", "size"))
        if level and kind and size:
            found[f"L{level[0]}{'' if kind[0] == 'Unified' else kind[0][0].lower()}"] = size[0]
    return found


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
