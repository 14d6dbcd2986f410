"""Tokens as they are encoded: so that their dot products order rows as the metric does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rows.metric import Metric
from ..rows.multi import MultiRows

_BLOCK_ROWS = 1024


class TokenSpace:
    """Tokens without what all of them have in common, under the cosine of unit length before; immutable.

    The best of a row's tokens for one of a query hardly changes, and partitions by hyperplanes through the
    mean part tokens that all point about one way, as many models make them. Under l2 the product of what is
    left orders tokens of about equal length as their distance does.

    Parameters
    ----------
    metric
        How tokens are compared: dot, cosine or l2.
    mean
        ``(dim,)`` float32: of the tokens of the rows, taken at unit length under the cosine.
    """

    def __init__(self, metric: Metric, mean: NDArray[np.float32]) -> None:
        self._metric, self.mean = metric, mean

    @classmethod
    def of_rows(cls, rows: MultiRows, most: int | None = None) -> TokenSpace:
        """Learn the mean of the first ``most`` tokens of each row, of all for None."""
        whole = cls(rows.metric, np.zeros(rows.dim, np.float32))
        total, count = np.zeros(rows.dim, np.float64), 0
        for start in range(0, len(rows), _BLOCK_ROWS):
            tokens = whole.tokens(first_tokens(rows[start : start + _BLOCK_ROWS], most)).tokens
            total += tokens.sum(axis=0, dtype=np.float64)
            count += len(tokens)
        return cls(rows.metric, (total / max(1, count)).astype(np.float32))

    def tokens(self, rows: MultiRows) -> MultiRows:
        """Return rows or queries of float32 tokens as they are encoded."""
        tokens = rows.tokens
        if tokens.dtype != np.float32 or rows.dim != len(self.mean):
            raise ValueError(
                f"tokens are {tokens.dtype} of {rows.dim} dimensions; expected float32 of {len(self.mean)}"
            )
        if self._metric is Metric.COSINE:
            lengths = np.sqrt(np.einsum("ij,ij->i", tokens, tokens))[:, None]
            tokens = np.divide(tokens, lengths, out=np.zeros_like(tokens), where=lengths > 0)
        return rows.of_tokens(tokens - self.mean)


def first_tokens(rows: MultiRows, most: int | None) -> MultiRows:
    """Return rows of float32 tokens with the first ``most`` of each, with all for None."""
    return rows if most is None else rows.first(most)
