"""The weights of a field's terms in queries that are lists of them."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from ...storage.arrays.table import decode_table, encode_table

_MAGIC = b"VQWT"
_VERSION = 1


class QueryTable:
    """Weights by id; 8 bytes each. Immutable."""

    def __init__(self, ids: NDArray[np.uint32], values: NDArray[np.float32]) -> None:
        self._ids = ids
        self._values = values

    @classmethod
    def of(cls, ids: NDArray[np.uint32], values: NDArray[np.float32]) -> Self:
        """Return the weights of distinct ids in any order."""
        order = np.argsort(ids)
        return cls(ids[order], values[order])

    def encode(self) -> bytes:
        """Return it as the catalog keeps it."""
        return encode_table(_MAGIC, _VERSION, {"ids": self._ids, "values": self._values})

    @classmethod
    def decode(cls, payload: bytes, source: str) -> Self:
        """Return what :meth:`encode` gave; CorruptionError for anything else."""
        arrays = decode_table(_MAGIC, _VERSION, payload, source)
        return cls(arrays["ids"], arrays["values"])

    def weights_of(self, ids: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the weight of each id, NaN where it has none."""
        at = np.searchsorted(self._ids, ids)
        at[at == len(self._ids)] = 0
        weights: NDArray[np.float32] = np.where(self._ids[at] == ids, self._values[at], np.float32(np.nan))
        return weights
