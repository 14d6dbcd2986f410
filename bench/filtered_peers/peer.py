"""What the bench asks of an engine that searches under filters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ..datasets import Dataset
from ..filtered.searcher import FilteredSearcher
from ..filtered.shapes import MadePayloads

# Of the rows that are walked by, only those that pass count: filters need wider walks than others.
WIDTHS = (10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 125, 160, 200, 250, 320, 400, 500, 640, 800)
WIDER = (1000, 1300, 1600, 2000, 2500, 3200, 4000, 5000, 6400, 8000, 10_000, 16_000, 25_000, 40_000, 64_000)


def filtered_widths(k: int, rows: int) -> list[int]:
    """Return the widths of a walk that finds k rows under a filter, of so many rows in all."""
    return [width for width in (*WIDTHS, *WIDER) if k <= width <= max(k, rows)] or [k]


class FilteredPeer(Protocol):
    """An engine to compare with."""

    @property
    def name(self) -> str: ...

    def build(
        self, data: Dataset, payloads: MadePayloads, threads: int, scratch: Path
    ) -> Iterator[FilteredSearcher]:
        """Index the data with its payloads, one way after the other; not timed."""
        ...
