"""No index: every search compares every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..protocol import EVERYTHING, Arrays, BuildJob, Effort, FieldShape, Rows, Scope
from ..rows.neighbors import Neighbors


@dataclass(frozen=True)
class Flat:
    """No structure at all: each search compares every row. Recall is 1. For vectors of every kind."""

    name = "flat"
    exact = True
    binary = True

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": "flat"}``."""
        return {"name": self.name}

    def check(self, field: FieldShape) -> None:
        """Accept every field."""

    def knobs(self, given: Mapping[str, float]) -> None:
        """Refuse whatever is said: there is one effort."""
        if given:
            raise ValueError(f"a flat index has no knobs, as it compares every row; got {sorted(given)}")

    def worth_building(self, n: int) -> bool:
        """Return False: stored rows are all it needs, and those are scanned without it."""
        return False

    def order(self, rows: Rows) -> NDArray[np.uint32] | None:
        """Return None: an exact scan does not care about the order of rows."""
        return None

    def build(self, rows: Rows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Return no arrays: the stored rows are all it needs."""
        job.progress(1.0)
        return {}

    def open(self, arrays: Arrays, rows: Rows) -> FlatIndex:
        """Return the index over ``rows``."""
        if arrays:
            raise ValueError(f"a flat index has no arrays; got {sorted(arrays)}")
        return FlatIndex(rows)


class FlatIndex:
    """Exact search over the rows of one segment."""

    nbytes = 0

    def __init__(self, rows: Rows) -> None:
        # Not with this module, which clients load for the spec.
        from .scan import open_scan

        self._scan = open_scan(rows)
        self._n = len(rows)

    def effort(self, k: int, recall: float, knobs: None, share: float) -> Effort[None]:
        """Return the only effort there is: all rows that may be found."""
        count = round(self._n * share)
        seconds = self._scan.cost(None, count, contiguous=share >= 1.0)
        return Effort(None, 1.0, seconds, f"scan of {count:,} rows")

    def search(self, queries: Any, k: int, effort: Effort[None], scope: Scope = EVERYTHING) -> Neighbors:
        """Return the true nearest rows, whatever the effort."""
        return self._scan.search(queries, k, scope)

    def calibrate(self, queries: Any, truth: NDArray[np.float32] | None = None) -> dict[str, NDArray[Any]]:
        """Return no arrays: there is nothing to measure."""
        return {}

    def with_table(self, arrays: Arrays) -> Self:
        """Return this index."""
        return self
