"""What the bench asks of an engine: a few builds, and a search with one effort knob."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..datasets import Dataset
from ..datasets.dataset import Floats

Ids = NDArray[Any]


@dataclass(frozen=True)
class Build:
    """One way to build an index: a short label for tables, and its parameters."""

    label: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Work:
    """What a search does on average per query, as far as the engine tells."""

    distances: float | None = None
    bytes_touched: float | None = None


class Searcher(Protocol):
    """A built index. Row numbers it returns are those of the dataset; anything else means no answer."""

    def search(self, queries: Floats, k: int, ef: int, threads: int) -> Ids:
        """Answer a whole batch: (queries, k) row numbers."""
        ...

    def search_one(self, query: Floats, k: int, ef: int) -> Ids:
        """Answer one query of shape (dim,) the way a caller with a single query would."""
        ...

    def bytes_in_memory(self) -> int:
        """Bytes the index keeps to answer queries, vectors included."""
        ...

    def work(self, queries: Floats, k: int, ef: int) -> Work:
        """What the search does per query; not timed."""
        ...

    def close(self) -> None:
        """Let go of what was built."""
        ...


class Peer(Protocol):
    """An engine to measure."""

    @property
    def name(self) -> str: ...

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        """The builds worth sweeping for this data; none when the engine has no such metric."""
        ...

    def queries(self, dataset: Dataset) -> Floats:
        """The queries in the form the engine takes, prepared outside of any timing."""
        ...

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> Searcher:
        """Index the dataset. The caller times this call."""
        ...
