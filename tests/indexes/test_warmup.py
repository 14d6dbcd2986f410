"""``vicinal warmup``: no first search or build is left to compile a kernel."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

from numba.core.dispatcher import Dispatcher

from vicinal.indexes import kernels
from vicinal.indexes.kernels.kernel_cache import KernelCache
from vicinal.indexes.warmup import warmup

# What no user's search or build calls: it is for suites of codecs and for ``vicinal advise``.
SPARED = ["estimating.estimate"]


def left_out() -> list[str]:
    """Return the entry points that this process has not loaded."""
    names = []
    for found in pkgutil.iter_modules(kernels.__path__):
        module = importlib.import_module(f"{kernels.__name__}.{found.name}")
        for name, entry in vars(module).items():
            if isinstance(entry, Dispatcher) and isinstance(entry._cache, KernelCache):
                own = entry.py_func.__module__ == module.__name__
                names += [f"{found.name}.{name}"] * (own and not entry.signatures)
    return names


def test_every_kernel_is_warmed_up() -> None:
    command = [sys.executable, str(Path(__file__))]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
    assert said.split() == SPARED


if __name__ == "__main__":
    warmup()
    print(*left_out())
