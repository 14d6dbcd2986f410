"""``vicinal warmup``: no first search or build is left to compile a kernel."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from vicinal.indexes import kernels
from vicinal.indexes.kernels.kernel_cache import KernelCache
from vicinal.indexes.kernels.signatures import keep_known, load_known
from vicinal.indexes.rows.bits import of_codes
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
    # A process that used more may have kept what it loaded for this one.
    assert set(said.split()) <= set(SPARED)


def test_what_was_used_is_loaded_without_using_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_codes(np.zeros(1, np.uint8), 0, 1)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert not load_known()
    keep_known()
    assert load_known()
    (kept,) = (tmp_path / "vicinal" / "kernels").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    assert not load_known()


if __name__ == "__main__":
    warmup()
    assert load_known()
    print(*left_out())
