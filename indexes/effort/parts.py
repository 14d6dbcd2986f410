"""A batch of queries cut into parts, on which several threads work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from ..protocol import Queries

R = TypeVar("R")


@contextmanager
def in_parts(queries: Queries, threads: int) -> Iterator[Callable[[Callable[[Any], R]], list[R]]]:
    """Yield what has a function done to every part of the queries, and returns the results in their order."""
    cuts = np.linspace(0, len(queries), max(1, min(threads, len(queries))) + 1, dtype=int).tolist()
    parts = [queries[lo:hi] for lo, hi in pairwise(cuts)]
    with ThreadPoolExecutor(len(parts)) as pool:
        yield lambda work: list(pool.map(work, parts))
