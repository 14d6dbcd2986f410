"""What is left of rows beside the centroids of their lists, as codecs take vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.vectors import Vectors


class ListedVectors:
    """Rows in the order of their lists, made when they are asked for.

    Parameters
    ----------
    rows
        The stored rows.
    members
        Rows of the lists, one list behind the other.
    lists
        ``(len(members),)``: the list of each.
    centroids
        ``(n_lists, dim)`` float32, subtracted from the rows; None to leave them whole.
    """

    def __init__(
        self,
        rows: Vectors,
        members: NDArray[np.uint32],
        lists: NDArray[np.uint32],
        centroids: NDArray[np.float32] | None,
    ) -> None:
        self.metric, self.dim = rows.metric, rows.dim
        self._rows, self._members, self._lists, self._centroids = rows, members, lists, centroids

    def __len__(self) -> int:
        return len(self._members)

    def floats(self, chosen: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Return some of them."""
        vectors = self._rows.floats(self._members[chosen])
        if self._centroids is not None:
            vectors -= self._centroids[self._lists[chosen]]
        return vectors


class Anchors:
    """The centroid of each row's list, in the order of the lists."""

    def __init__(self, rows: Vectors, lists: NDArray[np.uint32], centroids: NDArray[np.float32]) -> None:
        self.metric, self.dim = rows.metric, rows.dim
        self._lists, self._centroids = lists, centroids

    def __len__(self) -> int:
        return len(self._lists)

    def floats(self, chosen: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Return the centroids of some."""
        return self._centroids[self._lists[chosen]]
