"""What the bench asks of an engine of multi-vectors: build into a folder, answer one query and many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..datasets.dataset import Floats
from ..datasets.multi.dataset import MultiDataset
from ..peers import Build, Effort

# A query in the engine's own form, and its answer in the engine's own form.
Asked = Any
Answer = Any

SCAN = "scan"
"""The label of a build, where there is one, whose first effort compares a query with all tokens exactly."""


class MultiSearcher(Protocol):
    """A built index."""

    def asked(self, tokens: Floats) -> Asked:
        """Bring a query, (tokens, dim), into the form that the engine takes; not timed."""
        ...

    def search(self, effort: Effort, k: int) -> Callable[[Asked], Answer]:
        """Return what answers one query; its calls are timed."""
        ...

    def search_all(self, effort: Effort, k: int) -> Callable[[Sequence[Asked]], Sequence[Answer]]:
        """Return what answers many queries in the best way there is on one thread; its calls are timed."""
        ...

    def rows(self, answer: Answer) -> Iterable[int]:
        """Return the numbers of the rows in the answer to one query, best first; not timed."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class MultiPeer(Protocol):
    """An engine to measure."""

    @property
    def name(self) -> str: ...

    def builds(self, dataset: MultiDataset) -> Sequence[Build]:
        """Return the builds worth measuring for this data; none if the engine takes too long for so much."""
        ...

    def efforts(self, build: Build) -> Sequence[Effort]:
        """Return the searches worth measuring of a build."""
        ...

    def prepare(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> None:
        """Write what the build reads: into `folder`, or into `scratch` for all builds; not timed."""
        ...

    def build(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        """Index the dataset, and return what then saves it into `folder`. This call is timed."""
        ...

    def open(self, dataset: MultiDataset, build: Build, folder: Path) -> MultiSearcher:
        """Open what was saved."""
        ...


def each_alone(search: Callable[[Asked], Answer]) -> Callable[[Sequence[Asked]], list[Answer]]:
    """Return what answers many queries one by one, for engines that take no more at a time."""
    return lambda asked: [search(one) for one in asked]
