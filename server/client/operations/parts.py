"""Cutting what one message cannot hold, or one call may not ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ....engine.errors import LimitExceeded
from ..calls.call import Answer, Operation

Parts: TypeAlias = list[tuple[int, int]]


def cut(row_bytes: NDArray[np.int64], max_bytes: int, max_rows: int, what: str) -> Parts:
    """Return start and stop of the fewest parts, in order, that have so many bytes and rows at most.

    There is at least one part, so that a call about nothing is a call too.

    Raises
    ------
    LimitExceeded
        At the first row that is too large for a part of its own; ``what`` names the rows.
    """
    ends = np.cumsum(row_bytes)
    n = len(ends)
    parts: Parts = []
    start = 0
    while start < n or not parts:
        before = int(ends[start - 1]) if start else 0
        stop = min(int(np.searchsorted(ends, before + max_bytes, side="right")), start + max_rows, n)
        if stop == start and n:
            raise LimitExceeded(
                f"{what} row {start} takes {int(row_bytes[start]):,} bytes and the server takes "
                f"{max_bytes:,} in one message; make the row smaller, or let the server take more",
                field=what,
            )
        parts.append((start, stop))
        start = stop
    return parts


def nothing() -> Operation[None]:
    """Check nothing."""
    yield from ()


def in_parts(
    parts: Parts,
    send: Callable[[int, int], Operation[Answer]],
    before_splitting: Callable[[], Operation[object]],
) -> Operation[list[Answer]]:
    """Send each part in order and return the answers.

    A part that the server has no memory for is halved: how much it needs for a row, it knows best. What must
    hold before any part goes alone, ``before_splitting`` checks.
    """
    if len(parts) > 1:
        yield from before_splitting()
    waiting = parts[::-1]
    answers: list[Answer] = []
    while waiting:
        start, stop = waiting.pop()
        try:
            answers.append((yield from send(start, stop)))
        except LimitExceeded:
            if stop - start < 2:
                raise
            yield from before_splitting()
            middle = (start + stop) // 2
            waiting += [(middle, stop), (start, middle)]
    return answers
