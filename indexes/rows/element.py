"""Element types: what a stored vector is made of."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np

ROW_ALIGNMENT = 64


class Element(StrEnum):
    """What a stored vector is made of; ``BINARY`` packs eight dimensions into a byte, first one highest."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    BINARY = "binary"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of a stored element."""
        return np.dtype(np.uint8 if self is Element.BINARY else self.value)

    def width(self, dim: int) -> int:
        """Return how many numpy elements a vector of ``dim`` dimensions takes."""
        return (dim + 7) // 8 if self is Element.BINARY else dim

    def stride(self, dim: int) -> int:
        """Return how many numpy elements a row takes once padded to whole cache lines."""
        per_line = ROW_ALIGNMENT // self.dtype.itemsize
        return -(-self.width(dim) // per_line) * per_line
