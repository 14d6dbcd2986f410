"""What the bench asks of an engine of sparse vectors: build into a folder, and answer single queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..datasets.dataset import Floats
from ..datasets.sparse_dataset import SparseDataset, Terms
from ..peers import Build, Effort

# A query in the engine's own form, and its answer in the engine's own form.
Asked = Any
Answer = Any


class SparseSearcher(Protocol):
    """A built index."""

    def asked(self, terms: Terms, weights: Floats) -> Asked:
        """Bring a query into the form that the engine takes; not timed."""
        ...

    def search(self, effort: Effort, k: int) -> Callable[[Asked], Answer]:
        """Return what answers one query; its calls are timed."""
        ...

    def rows(self, answer: Answer) -> Iterable[int]:
        """Return the numbers of the rows in an answer, best first; not timed."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class SparsePeer(Protocol):
    """An engine to measure."""

    @property
    def name(self) -> str: ...

    def builds(self, dataset: SparseDataset) -> Sequence[Build]:
        """Return the builds worth measuring for this data."""
        ...

    def efforts(self, build: Build) -> Sequence[Effort]:
        """Return the searches worth measuring of a build; the first is warmed up with."""
        ...

    def prepare(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> None:
        """Write what the build reads: into `folder`, or into `scratch` for all builds; not timed."""
        ...

    def build(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        """Index the dataset, and return what then saves it into `folder`. This call is timed."""
        ...

    def open(self, dataset: SparseDataset, build: Build, folder: Path) -> SparseSearcher:
        """Open what was saved."""
        ...
