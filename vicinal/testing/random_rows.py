"""Rows and queries of every kind made of random numbers, in the forms that an index reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.dense import NO_NORMS, DenseRows, inverse_norms, pad
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows, encoded
from vicinal.indexes.rows.saturation import Saturation
from vicinal.indexes.rows.sparse import SparseRows

CASES = [
    (metric, element)
    for element in (Element.FLOAT32, Element.FLOAT16, Element.INT8)
    for metric in (Metric.COSINE, Metric.DOT, Metric.L2)
] + [(Metric.HAMMING, Element.BINARY)]

DENSE = tuple(FieldShape("dense", metric, element, 40) for metric, element in CASES)
SPARSE = (
    FieldShape("sparse", Metric.DOT),
    FieldShape("sparse", Metric.COSINE),
    FieldShape("sparse", Metric.DOT, saturation=Saturation()),
)
MULTI = tuple(
    FieldShape("multi", metric, element, 24)
    for metric in (Metric.DOT, Metric.COSINE, Metric.L2)
    for element in (Element.FLOAT32, Element.FLOAT16)
)
CODED = tuple(replace(shape, element=None) for shape in MULTI[::2])
"""Multi-vectors that are coded, by six parts."""

_TERMS = 300
# Documents of random rows are 26 long in the mean, so that weights at this average are others.
_AVERAGE = 30.0
_MOST_TERMS, _MOST_TOKENS = 20, 6


def random_matrix(n: int, dim: int, element: Element, seed: int = 0) -> NDArray[Any]:
    """Return clustered random vectors of an element type."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((8, dim))
    values = 0.5 * centres[rng.integers(0, 8, n)] + rng.standard_normal((n, dim))
    if element is Element.BINARY:
        return np.packbits(values > 0, axis=1)
    if element is Element.INT8:
        return np.clip(np.rint(values * 30), -127, 127).astype(np.int8)
    return values.astype(element.dtype)


def random_csr(n: int, terms: int, most: int, seed: int = 0, fewest: int = 0) -> SparseRows:
    """Return sparse rows of ``fewest`` to ``most`` of so many terms."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(fewest, most + 1, n)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    indices = [np.sort(rng.choice(terms, count, replace=False)) for count in counts]
    flat = np.concatenate(indices).astype(np.uint32) if n else np.empty(0, np.uint32)
    return SparseRows(indptr, flat, rng.random(len(flat)).astype(np.float32))


def random_tokens(
    n: int,
    dim: int,
    most: int,
    element: Element,
    seed: int = 0,
    fewest: int = 0,
    metric: Metric = Metric.DOT,
) -> MultiRows:
    """Return rows of ``fewest`` to ``most`` tokens."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(fewest, most + 1, n))]).astype(np.int64)
    floats = rng.standard_normal((int(offsets[-1]), dim))
    return MultiRows(offsets, *_as_tokens(floats, element, metric), dim)


def coded(rows: MultiRows, m: int, *, turn: bool = True) -> MultiRows:
    """Return rows whose tokens are coded by ``m`` parts, which are learnt from them."""
    from vicinal.indexes.product.token_coding import coded_rows, learnt_codes

    tokens = rows.floats(slice(None)) if rows.n_tokens else np.ones((1, rows.dim), np.float32)
    return coded_rows(rows, learnt_codes(tokens, m, turn, rows.metric, BuildJob(threads=1)))


def _as_tokens(
    floats: NDArray[Any], element: Element, metric: Metric
) -> tuple[NDArray[Any], Metric, NDArray[np.float32] | None]:
    tokens, scales = encoded(floats, element)
    return tokens, metric, scales


def as_vectors(matrix: NDArray[Any], dim: int, element: Element, metric: Metric) -> DenseRows:
    """Return padded rows with the norms that the metric needs."""
    norms = inverse_norms(matrix) if metric is Metric.COSINE else NO_NORMS
    return DenseRows(pad(matrix, element, dim), dim, element, norms, metric)


def as_queries(matrix: NDArray[Any], element: Element) -> NDArray[Any]:
    """Return vectors as queries are given."""
    return matrix if element is Element.BINARY else matrix.astype(np.float32)


def random_queries(shape: FieldShape, n: int, seed: int = 1) -> Any:
    """Return ``n`` queries for a field of this shape."""
    return _QUERIES[shape.kind](shape, n, seed)


def stored(shape: FieldShape, queries: Any) -> Any:
    """Return rows of a field that are these queries."""
    return _STORED[shape.kind](shape, queries)


def random_rows(shape: FieldShape, n: int, seed: int = 0) -> Any:
    """Return ``n`` stored rows of a field of this shape."""
    return stored(shape, random_queries(shape, n, seed))


def _dense_queries(shape: FieldShape, n: int, seed: int) -> NDArray[Any]:
    dim, element = _made_of(shape)
    return as_queries(random_matrix(n, dim, element, seed), element)


def _sparse_queries(shape: FieldShape, n: int, seed: int) -> SparseRows:
    queries = random_csr(n, _TERMS, _MOST_TERMS, seed, fewest=1)
    return queries if shape.saturation is None else replace(queries, average=_AVERAGE)


def _multi_queries(shape: FieldShape, n: int, seed: int) -> MultiRows:
    dim, element = _made_of(replace(shape, element=shape.element or Element.FLOAT32))
    # Picked from rows, so that the stored element has the same numbers.
    return random_tokens(n, dim, _MOST_TOKENS, element, seed, fewest=1)[:]


def _dense_rows(shape: FieldShape, queries: NDArray[Any]) -> DenseRows:
    dim, element = _made_of(shape)
    return as_vectors(queries.astype(element.dtype), dim, element, shape.metric)


def _sparse_rows(shape: FieldShape, queries: SparseRows) -> SparseRows:
    if shape.element is Element.BINARY:
        return SparseRows.of_terms(queries.indptr, queries.indices)
    values = queries.values if shape.saturation is None else np.ceil(queries.values * 4)
    return replace(queries, values=values, metric=shape.metric, saturation=shape.saturation, average=None)


def _multi_rows(shape: FieldShape, queries: MultiRows) -> MultiRows:
    if shape.element is None:
        return coded(replace(queries, metric=shape.metric), 6)
    dim, element = _made_of(shape)
    return MultiRows(queries.offsets, *_as_tokens(queries.tokens, element, shape.metric), dim)


def _made_of(shape: FieldShape) -> tuple[int, Element]:
    assert shape.dim is not None
    assert shape.element is not None
    return shape.dim, shape.element


_QUERIES: dict[str, Callable[[FieldShape, int, int], Any]] = {
    "dense": _dense_queries,
    "sparse": _sparse_queries,
    "multi": _multi_queries,
}
_STORED: dict[str, Callable[[FieldShape, Any], Any]] = {
    "dense": _dense_rows,
    "sparse": _sparse_rows,
    "multi": _multi_rows,
}
