"""Processes of their own for clients, which share neither interpreter nor core with others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import TypeVar

from ....engine.progress import Progress
from .placement import Cores, on_cores

_TICK_SECONDS = 0.1

R = TypeVar("R")


@contextmanager
def workers(count: int, cores: Cores | None) -> Iterator[list[ProcessPoolExecutor]]:
    """Some processes that each run what is submitted, one after the other."""
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            pool = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
            # The process starts with its first work, and runs where the thread runs that starts it.
            with on_cores(cores):
                pool.submit(time.monotonic).result()
            made.append(pool)
        yield made


def results(futures: Sequence[Future[R]], stage: str, seconds: float, step: Progress) -> list[R]:
    """Wait for work that takes about so many seconds and show how far it is."""
    began = time.monotonic()
    while wait_for(futures, _TICK_SECONDS).not_done:
        step(stage, min(1.0, (time.monotonic() - began) / seconds))
        failed = next((one for one in futures if one.done() and one.exception() is not None), None)
        if failed is not None:
            break
    else:
        failed = None
    return [future.result() for future in ([failed] if failed is not None else futures)]
