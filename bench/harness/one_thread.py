"""Libraries that decide when they are loaded how many threads they have, held to one."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_POOLS = ("RAYON", "OMP", "OPENBLAS", "MKL")
ONE_THREAD = {**{f"{name}_NUM_THREADS": "1" for name in _POOLS}, "LANCE_CPU_THREADS": "1"}
"""Variables of the environment that libraries read when they are loaded or first used."""


def in_one_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what a function of a module returns in a new process, whose libraries have one thread each.

    Raises
    ------
    BrokenProcessPool
        The process ended without an answer, as where a library crashes.
    """
    os.environ.update(ONE_THREAD)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(call, *args, **kwargs).result()
