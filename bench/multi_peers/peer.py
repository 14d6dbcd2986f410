"""What the bench asks of an engine of multi-vectors: build into a folder, answer one query and many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from ..datasets.dataset import Floats
from ..datasets.multi.dataset import MultiDataset
from ..kept_peers import Answer, Asked, KeptPeer, KeptSearcher
from ..peers import Effort

SCAN = "scan"
"""The label of a build, where there is one, whose first effort compares a query with all tokens exactly."""


class MultiSearcher(KeptSearcher, Protocol):
    """A built index."""

    def asked(self, tokens: Floats) -> Asked:
        """Bring a query, (tokens, dim), into the form that the engine takes; not timed."""
        ...

    def search_all(self, effort: Effort, k: int) -> Callable[[Sequence[Asked]], Sequence[Answer]]:
        """Return what answers many queries in the best way there is on one thread; its calls are timed."""
        ...


MultiPeer: TypeAlias = KeptPeer[MultiDataset, MultiSearcher]


def each_alone(search: Callable[[Asked], Answer]) -> Callable[[Sequence[Asked]], list[Answer]]:
    """Return what answers many queries one by one, for engines that take no more at a time."""
    return lambda asked: [search(one) for one in asked]
