"""Tokens of rows as what learns from vectors or codes them takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.metric import Metric
from ..rows.multi import MultiRows


class TokenVectors:
    """Tokens of rows, those at the given places or all, each a vector; of unit length under the cosine."""

    def __init__(self, rows: MultiRows, places: NDArray[np.int64] | None) -> None:
        self.metric, self.dim, self._rows, self._places = rows.metric, rows.dim, rows, places

    def __len__(self) -> int:
        return self._rows.n_tokens if self._places is None else len(self._places)

    def floats(self, chosen: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Return some of them."""
        places = chosen if self._places is None else self._places[chosen]
        return compared(self._rows.floats(places), self.metric)


def compared(tokens: NDArray[np.float32], metric: Metric) -> NDArray[np.float32]:
    """Return tokens as they are compared: under the cosine at unit length, zeros where there is none."""
    if metric is not Metric.COSINE:
        return tokens
    lengths = np.linalg.norm(tokens, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(tokens, lengths, out=np.zeros_like(tokens), where=lengths > 0)
    return unit
