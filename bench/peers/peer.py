"""What the bench asks of an engine: a few builds, and searches of more or less effort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..datasets import Dataset
from ..datasets.dataset import Floats

Ids = NDArray[Any]

# Widths of the walk of a graph, and how many lists are looked into.
WIDTHS = (10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 125, 160, 200, 250, 320, 400, 500, 640, 800)
PROBES = (1, 2, 3, 4, 6, 8, 11, 16, 22, 32, 45, 64, 90, 128, 180, 256, 512)


@dataclass(frozen=True)
class Build:
    """One way to build an index: a short label for tables, and its parameters."""

    label: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Effort:
    """One way to search what was built.

    Attributes
    ----------
    label : str
        Short, for tables.
    parameters : mapping
    promised : bool
        It names the recall that it promises, and is reported whatever it reaches.
    """

    label: str
    parameters: Mapping[str, Any]
    promised: bool = False


def grid(**choices: Iterable[Any]) -> list[Effort]:
    """Return an effort for every combination of the choices, the last of which changes last."""
    efforts: list[dict[str, Any]] = [{}]
    for name, values in choices.items():
        efforts = [{**effort, name: value} for value in values for effort in efforts]
    return [Effort(", ".join(f"{name} {value}" for name, value in one.items()), one) for one in efforts]


def widths(k: int) -> tuple[int, ...]:
    """Return the widths with which the walk of a graph finds k rows."""
    return tuple(width for width in WIDTHS if width >= k)


@dataclass(frozen=True)
class Work:
    """What a search does on average per query, as far as the engine tells."""

    distances: float | None = None
    bytes_touched: float | None = None


class Searcher(Protocol):
    """A built index. Row numbers it returns are those of the dataset; anything else means no answer."""

    def search(self, queries: Floats, k: int, effort: Effort, threads: int) -> Ids:
        """Answer a whole batch: (queries, k) row numbers."""
        ...

    def search_one(self, query: Floats, k: int, effort: Effort) -> Ids:
        """Answer one query of shape (dim,) the way a caller with a single query would."""
        ...

    def bytes_in_memory(self) -> int:
        """Bytes the index keeps to answer queries, those vectors included that it compares exactly."""
        ...

    def bytes_on_disk(self) -> int:
        """Bytes of the files it is kept in."""
        ...

    def work(self, queries: Floats, k: int, effort: Effort) -> Work:
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

    def efforts(self, build: Build, k: int) -> Sequence[Effort]:
        """The searches worth measuring of a build, by rising effort."""
        ...

    def queries(self, dataset: Dataset) -> Floats:
        """The queries in the form the engine takes, prepared outside of any timing."""
        ...

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> Searcher:
        """Index the dataset. The caller times this call."""
        ...
