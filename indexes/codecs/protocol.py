"""What a codec is to the indexes that read it: any graph, list or scan of codes can carry any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob, FieldShape
from ..rows.metric import Metric
from ..rows.vectors import Vectors


@dataclass(frozen=True, slots=True)
class Coded:
    """Rows as a codec made them small.

    Kernels estimate how near a row is to a query, the smaller the nearer, up to what depends on the query
    alone: ``weight * bias - factor * <code, query>``, which is about ``-<query, x>`` for dot products and the
    cosine, of rows of unit length, and about ``|x|^2 / 2 - <query, x>`` for l2. The weight is the same for
    all queries, or a query's own; see :class:`WeighedBias`.

    Parameters
    ----------
    codes
        ``(n, row_bytes)`` uint8, contiguous, its first byte on a cache line.
    bias
        ``(n,)`` float32, empty where it is zero.
    factors
        ``(n,)`` float32, empty where it is the same for all rows.
    """

    codes: NDArray[np.uint8]
    bias: NDArray[np.float32]
    factors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.codes)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what there is, as arrays of an index."""
        named: dict[str, NDArray[Any]] = {"codes": self.codes, "bias": self.bias, "factors": self.factors}
        return {name: array for name, array in named.items() if len(array)}


class Codec(Protocol):
    """What was learnt to make codes of one field's vectors; immutable, thread-safe."""

    @property
    def row_bytes(self) -> int:
        """Bytes of the codes of one row; kernels read no byte behind the last row."""

    @property
    def query_bytes(self) -> int:
        """Bytes of a query as kernels compare it with codes, whole cache lines."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was learnt, as arrays of an index."""

    def encode(self, vectors: Vectors, anchors: Vectors | None = None, threads: int = 1) -> Coded:
        """Return the codes of every vector; none of vectors that are their own codes.

        With ``anchors`` each vector ``r = x - c`` is what is left of ``x`` beside its anchor ``c``, and the
        bias holds what both say of the row alone, so that one prepared query serves rows of all anchors:
        ``|r|^2 / 2 + <c, r'>`` for l2, nothing or what :class:`WeighedBias` says for the others, ``r'`` being
        the decoded row. A list of rows adds ``-<query, c>``, and ``|c|^2 / 2`` for l2.
        """

    def decode(self, coded: Coded) -> NDArray[np.float32]:
        """Return the ``(n, dim)`` vectors that the codes stand for."""

    def prepare(self, queries: NDArray[Any]) -> NDArray[Any]:
        """Return queries as kernels take them, contiguous: float32 ``(q, d)``, or packed bits."""

    def checked(self, arrays: Arrays, n: int) -> Coded:
        """Return the codes of ``n`` rows out of the arrays of an index; ValueError if they do not fit."""

    def record(self, coded: Coded) -> NDArray[Any]:
        """Describe codes to kernels; whoever holds the record keeps the arrays and the codec."""


@runtime_checkable
class InNibbles(Protocol):
    """What a codec is besides, when products with its codes are sums of what a table has for each nibble."""

    @property
    def groups(self) -> int:
        """How many nibbles a row has; 0 if these codes have none."""

    def nibbles(self, coded: Coded) -> NDArray[np.uint8]:
        """Return the nibbles of each row, ``(n, groups)`` uint8 below 16."""


@runtime_checkable
class WeighedBias(Protocol):
    """What a codec is besides, when biases correct products by what codes are off along a known direction.

    Of a row ``x = c + r`` that is decoded to ``c + r'`` the bias is ``<c, r' - r>``, and ``<query, x>`` is
    estimated as ``<query, c + r'>`` less as much of it as the query has of ``c``: ``<query, c> / |c|^2``
    times, which takes out the error along ``c`` whatever the query's length and leaves only the rest of it.
    """

    def bias_weights(self, anchors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return ``1 / |c|^2`` of what rows beside each of ``(n, dim)`` anchors are coded beside.

        0 where that is no number; nothing if these codes have no such bias.
        """


class CodecSpec(Protocol):
    """Parameters of a codec: frozen, hashable, JSON as part of an index's."""

    @property
    def name(self) -> str:
        """The name the codec is registered under."""

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": ..., parameters}``; the registry reads it back."""

    def check(self, field: FieldShape) -> None:
        """Raise ValueError, in words for the caller, unless such vectors can be coded so."""

    def train(self, vectors: Vectors, job: BuildJob) -> Codec:
        """Learn from the vectors what coding them takes."""

    def open(self, arrays: Arrays, dim: int, metric: Metric) -> Codec:
        """Return the codec that was learnt, out of the arrays of an index; ValueError if they do not fit."""


CODEC_METHODS = ("to_json", "check", "train", "open")
"""What the spec of a codec has beside its name."""
