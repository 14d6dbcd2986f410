"""How kernels are compiled: without the GIL, kept on disk, with numpy's rules for division."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.dispatcher import Dispatcher

from .kernel_cache import KernelCache
from .linking import LinkedCompiler

entry_points: list[Dispatcher] = []
"""The kernels of the modules that were imported."""


def entry_point(name: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a kernel that Python calls, known to people by that name, and keep the machine code on disk."""

    def compiled(function: Callable[..., Any]) -> Any:
        module = function.__module__.rpartition(".")[2]
        dispatcher = njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)(function)
        dispatcher._cache = KernelCache(name, module, len(_functions_of(dispatcher, set())))
        entry_points.append(dispatcher)
        return dispatcher

    return compiled


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call."""
    return njit(
        nogil=True,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        pipeline_class=LinkedCompiler,
    )(function)


def _functions_of(function: Any, seen: set[Any]) -> set[Any]:
    """Return the function and all that it calls."""
    seen.add(function)
    named = (function.py_func.__globals__.get(name) for name in function.py_func.__code__.co_names)
    for called in named:
        if isinstance(called, Dispatcher) and called not in seen:
            _functions_of(called, seen)
    return seen
