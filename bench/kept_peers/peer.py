"""What the bench asks of an engine that builds into a folder, and answers single queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..peers import Build, Effort

# A query in the engine's own form, and its answer in the engine's own form.
Asked = Any
Answer = Any


class KeptSearcher(Protocol):
    """A built index. What brings a query into its form, ``asked``, is of each kind of vectors."""

    def search(self, effort: Effort, k: int) -> Callable[[Asked], Answer]:
        """Return what answers one query; its calls are timed."""
        ...

    def rows(self, answer: Answer) -> Iterable[int]:
        """Return the numbers of the rows in the answer to one query, best first; not timed."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


D = TypeVar("D", contravariant=True)
S = TypeVar("S", bound=KeptSearcher, covariant=True)


class KeptPeer(Protocol[D, S]):
    """An engine to measure, of datasets and searchers of one kind of vectors."""

    @property
    def name(self) -> str: ...

    def builds(self, dataset: D) -> Sequence[Build]:
        """Return the builds worth measuring for this data; none if the engine takes too long for so much."""
        ...

    def efforts(self, build: Build) -> Sequence[Effort]:
        """Return the searches worth measuring of a build."""
        ...

    def prepare(self, dataset: D, build: Build, folder: Path, scratch: Path) -> None:
        """Write what the build reads: into `folder`, or into `scratch` for all builds; not timed."""
        ...

    def build(self, dataset: D, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        """Index the dataset, and return what then saves it into `folder`. This call is timed."""
        ...

    def open(self, dataset: D, build: Build, folder: Path) -> S:
        """Open what was saved."""
        ...
