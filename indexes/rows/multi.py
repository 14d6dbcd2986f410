"""Multi-vectors as an index sees them: the tokens of all rows, one behind the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metric import Metric
from .offsets import check_offsets, chosen_offsets


@dataclass(frozen=True)
class MultiRows:
    """Several vectors a row, or a batch of queries of several vectors.

    Parameters
    ----------
    offsets
        ``(n + 1,)`` int64: row i has the tokens ``offsets[i]`` to ``offsets[i + 1]``.
    tokens
        ``(t, dim)`` float16 or float32; float32 in queries.
    metric
        How two of them are compared.
    """

    offsets: NDArray[np.int64]
    tokens: NDArray[Any]
    metric: Metric = Metric.MAXSIM

    def __post_init__(self) -> None:
        tokens = self.tokens
        if tokens.ndim != 2 or tokens.dtype not in (np.float16, np.float32) or not tokens.shape[1]:
            raise ValueError(
                f"tokens are {tokens.dtype} {tokens.shape}; expected float16 or float32 (t, width)"
            )
        if not tokens.flags.c_contiguous:
            raise ValueError("tokens are contiguous")
        check_offsets("offsets", self.offsets, len(tokens))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, chosen: Any) -> MultiRows:
        """Return some rows as queries, by a slice or by numbers."""
        offsets, places = chosen_offsets(self.offsets, chosen)
        return MultiRows(offsets, np.ascontiguousarray(self.tokens[places], np.float32), self.metric)

    @property
    def dim(self) -> int:
        """Dimensions of a token."""
        return int(self.tokens.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of tokens and offsets."""
        return self.offsets.nbytes + self.tokens.nbytes
