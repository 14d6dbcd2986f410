"""Queries that are refused before they reach a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vicinal.engine.errors import InvalidArgument
from vicinal.engine.input.queries import validate_queries
from vicinal.engine.schema.multi_field import Multi
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.schema.vector_field import Dense, VectorField
from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.rows.sparse import SparseRows

COSINE = Dense(4, index=Flat())
FIELDS = {
    "cosine": COSINE,
    "bits": Dense(16, metric="hamming", element="binary", index=Flat()),
    "sparse": Sparse(),
    "multi": Multi(4),
}


@pytest.mark.parametrize("spec", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize(
    "query", [5, 1.5, None, True, "text", b"text", ..., np.array(5), np.float32(5), iter], ids=repr
)
def test_what_is_no_query(spec: VectorField, query: Any) -> None:
    with pytest.raises(InvalidArgument, match="plot") as caught:
        validate_queries("plot", spec, query)
    assert caught.value.field is not None


class Csr:
    """What a SciPy CSR matrix shows of itself; `len()` of one is refused."""

    indptr, indices, data = np.array([0, 1, 3]), np.array([4, 1, 2]), np.array([1.0, 2.0, 3.0])
    shape = (2, 9)

    def __len__(self) -> int:
        raise TypeError("sparse array length is ambiguous")


def test_a_matrix_of_sparse_queries() -> None:
    queries, single = validate_queries("words", Sparse(), Csr())
    assert isinstance(queries, SparseRows)
    assert (len(queries), single) == (2, False)


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ({3: 0.5}, None),
        ({}, None),
        ({"indices": [3], "values": [0.5]}, None),
        (([3, 4], [0.5, 1.0]), None),
        ([(3, 0.5)], None),
        ([(3, 0.5), (4, 1.0)], None),
        ([[3, 0.5], [4, 1.0], [5, 2.0]], None),
        ([], 0),
        ([{3: 0.5}, {}], 2),
        ([[], [(3, 0.5)]], 2),
        ([[(3, 0.5)], [(4, 1.0), (5, 2.0)]], 2),
        ([([3], [0.5]), ([4], [1.0])], 2),
        ([{"indices": [3], "values": [0.5]}], 1),
    ],
)
def test_one_sparse_query_is_told_from_several(query: Any, n: int | None) -> None:
    queries, single = validate_queries("words", Sparse(), query)
    assert (len(queries), single) == (1 if n is None else n, n is None)


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_query_too_short_for_the_cosine(batch: bool, dtype: Any) -> None:
    short = np.full((1, 4), 1e-21, dtype)
    query = np.vstack([np.ones((1, 4), dtype), short]) if batch else short[0]
    with pytest.raises(InvalidArgument, match="zero vector"):
        validate_queries("plot", COSINE, query)
    for metric in ("dot", "l2"):
        validate_queries("plot", Dense(4, metric=metric, index=Flat()), query)
    queries, single = validate_queries("plot", COSINE, query * 1e6)
    assert len(queries) == 1 + batch
    assert single is not batch
