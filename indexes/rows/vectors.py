"""Vectors as what learns from them or codes them takes them: rows, or what was made of rows."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .metric import Metric


class Vectors(Protocol):
    """Any number of float32 vectors, made when they are asked for."""

    @property
    def metric(self) -> Metric:
        """How they are compared."""

    @property
    def dim(self) -> int:
        """Dimensions of each."""

    def __len__(self) -> int: ...

    def floats(self, chosen: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Return some of them, ``(m, dim)``; those of rows under the cosine are of unit length."""
