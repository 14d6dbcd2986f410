"""How kernels are compiled: without the GIL, cached on disk, with numpy's rules for division."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache


@cache
def sources_digest() -> str:
    """Return a digest of every file of this folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _KernelCache(FunctionCache):  # type: ignore[misc]
    """Numba's cache, keyed by all kernel sources.

    Numba looks only at the file of the function it compiles, so a change in a file that the function calls
    into would leave stale code in use after an upgrade.
    """

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), sources_digest())


def entry_point(function: Callable[..., Any]) -> Any:
    """Compile a kernel that Python calls, and keep the machine code on disk."""
    dispatcher = njit(nogil=True, error_model="numpy")(function)
    dispatcher._cache = _KernelCache(dispatcher.py_func)
    return dispatcher


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call."""
    return njit(nogil=True, error_model="numpy")(function)
