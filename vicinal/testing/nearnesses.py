"""What kernels make of codes, without an index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vicinal.indexes.codecs.protocol import Codec, Coded
from vicinal.indexes.rows.addresses import address
from vicinal.indexes.rows.dense import aligned
from vicinal.indexes.rows.metric import Metric


class Given:
    """A matrix as vectors."""

    def __init__(self, matrix: NDArray[np.float32], metric: Metric) -> None:
        self.metric, self.dim, self._matrix = metric, matrix.shape[1], matrix

    def __len__(self) -> int:
        return len(self._matrix)

    def floats(self, chosen: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Return some of the rows."""
        return self._matrix[chosen]


def nearnesses(codec: Codec, coded: Coded, queries: NDArray[Any]) -> NDArray[np.float32]:
    """Return how near the kernels find each row to each query, ``(q, n)``, the smaller the nearer."""
    from vicinal.indexes.kernels.estimating import estimate

    prepared = codec.prepare(queries)
    near = np.empty((len(queries), len(coded)), np.float32)
    record, scratch = codec.record(coded), aligned((codec.query_bytes + 64,), np.uint8)
    estimate(address(record), address(prepared), len(queries), len(coded), address(scratch), near)
    return near
