"""What searches write to, kept for the next one: allocated once, used by one thread at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from .rows.addresses import address

Scratch = TypeVar("Scratch")


class ScratchPool(Generic[Scratch]):
    """Scratch for any number of threads; lists give and take atomically, so there is no lock.

    Parameters
    ----------
    fitting
        Given what was free, or None, and the sizes that a search needs: returns it if it is large enough, or
        new scratch that is.
    worth_keeping
        Says of scratch whether it is kept for the next search; all is unless given.
    """

    def __init__(
        self, fitting: Callable[..., Scratch], worth_keeping: Callable[[Scratch], bool] | None = None
    ) -> None:
        self._fitting, self._worth_keeping = fitting, worth_keeping
        self._free: list[Scratch] = []

    def take(self, *sizes: int) -> Scratch:
        """Return scratch of at least these sizes; give it back with :meth:`give`."""
        try:
            free = self._free.pop()
        except IndexError:
            return self._fitting(None, *sizes)
        return self._fitting(free, *sizes)

    def give(self, scratch: Scratch) -> None:
        """Keep ``scratch`` for the next search."""
        if self._worth_keeping is None or self._worth_keeping(scratch):
            self._free.append(scratch)


def record_of(described: np.dtype[Any], buffers: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Return a record with the addresses of buffers, by name."""
    record = np.zeros(1, described)
    for name, buffer in buffers.items():
        record[name] = address(buffer)
    return record


def capacity_for(needed: int) -> int:
    """Return a capacity of at least so much that will do for most later searches too."""
    return max(256, 1 << (needed - 1).bit_length())
