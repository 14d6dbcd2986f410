"""What a codec is to the indexes that read it: any graph, list or scan of codes can carry any of them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, FieldShape
from ..rows.dense import DenseRows


class Codec(Protocol):
    """What was learnt to make codes of one field's vectors; immutable, thread-safe."""

    @property
    def row_bytes(self) -> int:
        """Bytes of the codes of one row, whole cache lines."""

    @property
    def query_bytes(self) -> int:
        """Bytes of a query as kernels compare it with codes."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was learnt, as arrays of an index."""

    def encode(self, rows: DenseRows) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return the ``(n, row_bytes)`` codes, aligned, and the ``(n,)`` bias of each row, empty for none."""

    def checked(self, arrays: Arrays, rows: DenseRows) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return the codes and the bias out of the arrays of an index; ValueError if they do not fit."""

    def record(self, codes: NDArray[np.uint8], bias: NDArray[np.float32]) -> NDArray[Any]:
        """Describe codes to kernels; whoever holds the record keeps the arrays and the codec."""


class CodecSpec(Protocol):
    """Parameters of a codec: frozen, hashable, JSON as part of an index's."""

    @property
    def name(self) -> str:
        """The name the codec is registered under."""

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": ..., parameters}``; the registry reads it back."""

    def check(self, field: FieldShape) -> None:
        """Raise ValueError, in words for the caller, unless such vectors can be coded so."""

    def train(self, rows: DenseRows) -> Codec:
        """Learn from the rows what coding them takes."""

    def open(self, arrays: Arrays, rows: DenseRows) -> Codec:
        """Return the codec that was learnt, out of the arrays of an index; ValueError if they do not fit."""
