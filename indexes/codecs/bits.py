"""Binary vectors as codes of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, FieldShape
from ..rows.dense import NO_NORMS, DenseRows
from ..rows.element import Element
from .record import codes_record


@dataclass(frozen=True)
class Bits:
    """No coding: the stored bits are compared."""

    name = "bits"

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": "bits"}``."""
        return {"name": self.name}

    def check(self, field: FieldShape) -> None:
        """Refuse what is not binary."""
        if field.element is not Element.BINARY:
            raise ValueError(f"codec 'bits' reads binary vectors; the field has {field.element} ones")

    def train(self, rows: DenseRows) -> BitsCodec:
        """Return the codec; there is nothing to learn."""
        return BitsCodec(rows.element.stride(rows.dim))

    def open(self, arrays: Arrays, rows: DenseRows) -> BitsCodec:
        """Return the codec; it has no arrays."""
        return self.train(rows)


class BitsCodec:
    """The rows are their codes."""

    def __init__(self, row_bytes: int) -> None:
        self.row_bytes = self.query_bytes = row_bytes

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return nothing."""
        return {}

    def encode(self, rows: DenseRows) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return nothing to be stored."""
        return np.empty((0, self.row_bytes), np.uint8), NO_NORMS

    def checked(self, arrays: Arrays, rows: DenseRows) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return the rows."""
        return rows.rows, NO_NORMS

    def record(self, codes: NDArray[np.uint8], bias: NDArray[np.float32]) -> NDArray[Any]:
        """Describe codes to kernels."""
        return codes_record(1, codes, bias)
