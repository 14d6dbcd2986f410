"""Fewer vectors for the tokens of a text: means of clusters, or of spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pool_tokens(tokens: Any, factor: int, *, protected: int = 0) -> NDArray[np.float32]:
    """Return about one vector for every ``factor`` tokens of a text: means of tokens that are alike.

    Tokens are joined by Ward's method over their cosines until ``ceil(t / factor)`` clusters are left. A
    multi-vector field then holds as many times fewer vectors. Long texts lose little by it: of passages the
    paper reports next to nothing for a factor of 2, 1 % for 3 and up to 5 % for 4; short ones lose more.

    Parameters
    ----------
    tokens : array_like
        ``(t, dim)`` floats, the token vectors of one text; 0 tokens are none pooled.
    factor : int
        1 to leave the tokens as they are.
    protected : int
        How many tokens in front are kept as they are, as the marker tokens of some models.

    Returns
    -------
    ndarray
        float32 ``(m, dim)``, clusters in the order of their first tokens. Means are not brought to a length,
        which a field under the cosine does not need; under the dot product bring them to that of the tokens.

    Raises
    ------
    ValueError
        Tokens are no matrix of finite numbers, or a number is out of range.

    Notes
    -----
    Clavie, Chaffin and Adams, "Reducing the Footprint of Multi-Vector Retrieval with Minimal Performance
    Impact via Token Pooling" (arXiv 2409.14683), its hierarchical variant. Thread-safe; takes time and memory
    by the square of the tokens.
    """
    matrix = _matrix(tokens)
    if type(factor) is not int or factor < 1:
        raise ValueError(f"factor is {factor!r}; expected a whole number of at least 1")
    if type(protected) is not int or protected < 0:
        raise ValueError(f"protected is {protected!r}; expected a whole number of at least 0")
    kept, free = matrix[:protected], matrix[protected:]
    wanted = -(-len(free) // factor)
    if wanted == len(free):
        return matrix
    from ..kernels.pooling import join_tokens

    lengths = np.linalg.norm(free, axis=1, keepdims=True)
    unit = np.divide(free, lengths, out=np.zeros_like(free), where=lengths > 0)
    distances = np.maximum(np.float32(2) - 2 * (unit @ unit.T), 0).astype(np.float32)
    cluster_of = np.empty(len(free), np.int64)
    join_tokens(distances, wanted, cluster_of)
    order = np.argsort(cluster_of, kind="stable")
    starts = np.flatnonzero(np.diff(cluster_of[order], prepend=-1))
    sizes = np.diff(starts, append=len(free))
    means = np.add.reduceat(free[order], starts, axis=0, dtype=np.float64) / sizes[:, None]
    return np.concatenate([kept, means.astype(np.float32)])


def pool_spans(tokens: Any, spans: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """Return the mean of the token vectors of each span: vectors of chunks that know their whole text.

    Late chunking: a long-context model embeds the tokens of a whole document once, and each chunk gets the
    mean of its own.

    Parameters
    ----------
    tokens : array_like
        ``(t, dim)`` floats, the token vectors of a document.
    spans : sequence of (int, int)
        Where each chunk begins and ends, the end not in it; they may overlap and leave tokens out.

    Returns
    -------
    ndarray
        float32 ``(len(spans), dim)``, in the order of the spans; not brought to a length.

    Raises
    ------
    ValueError
        Tokens are no matrix of finite numbers, or a span is empty or reaches beyond them.

    Notes
    -----
    Gunther et al., "Late Chunking: Contextual Chunk Embeddings Using Long-Context Embedding Models" (arXiv
    2409.04701), section 3.2. Thread-safe.
    """
    matrix = _matrix(tokens)
    pooled = np.empty((len(spans), matrix.shape[1]), np.float32)
    for place, span in enumerate(spans):
        start, stop = _bounds(span, place, len(matrix))
        pooled[place] = matrix[start:stop].mean(axis=0, dtype=np.float64)
    return pooled


def _bounds(span: Any, place: int, count: int) -> tuple[int, int]:
    try:
        start, stop = (int(end) for end in span)
    except (TypeError, ValueError):
        raise ValueError(f"span {place} is {span!r}; expected a pair of whole numbers") from None
    if not 0 <= start < stop <= count:
        raise ValueError(
            f"span {place} is {start} to {stop}; expected to lie in 0 to {count} and hold a token"
        )
    return start, stop


def _matrix(tokens: Any) -> NDArray[np.float32]:
    matrix = np.asarray(tokens)
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not matrix.shape[1]:
        raise ValueError(f"tokens are {matrix.dtype} {matrix.shape}; expected numbers (tokens, dimensions)")
    floats = np.ascontiguousarray(matrix, np.float32)
    if not np.isfinite(floats).all():
        row = int(np.argmax(~np.isfinite(floats).all(axis=1)))
        raise ValueError(f"token {row} has a value that is not finite")
    return floats
