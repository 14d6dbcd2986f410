"""A sparse query alone is read by a way of its own, and as if it came with others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.errors import InvalidArgument
from vicinal.engine.input.queries import validate_queries
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.vector_kinds.sparse_input import usual_vector

INDICES = st.one_of(st.integers(0, 9), st.integers(-1, 2**32), st.sampled_from([2**32 - 1, True, 2**70]))
VALUES = st.one_of(
    st.floats(-8, 8, width=16),
    st.sampled_from([0.0, -0.0, 1e-320, 1e17, 1e18, -1e300, float("nan"), float("inf"), 3, False]),
)
KINDS = [np.int16, np.int32, np.uint32, np.int64, np.uint64, np.float32]
FLOATS = [np.float16, np.float32, np.float64, ">f4", np.int8]


def read(query: Any) -> Any:
    """Return the first of some queries as lists, or the error in the place of an answer."""
    try:
        queries, single = validate_queries("words", Sparse(), query)
    except InvalidArgument as error:
        return str(error), error.field
    assert single is not isinstance(query, list)
    stop = int(queries.indptr[1])
    return queries.indices[:stop].tolist(), queries.values[:stop].tolist()


@given(st.lists(st.tuples(INDICES, VALUES), max_size=6))
def test_a_query_in_numbers_is_read_or_refused_as_one_of_two(pairs: list[tuple[Any, Any]]) -> None:
    indices, values = [index for index, _ in pairs], [value for _, value in pairs]
    for query in (
        (indices, values),
        dict(pairs),
        {"indices": indices, "values": values},
        (indices, values[1:]),
    ):
        assert read(query) == read([query, {1: 1.0}])


@given(
    st.lists(st.tuples(st.integers(-1, 40), VALUES), max_size=6),
    st.sampled_from(KINDS),
    st.sampled_from(FLOATS),
    st.sampled_from([1, 2, -1]),
)
def test_a_query_in_arrays_is_read_or_refused_as_one_of_two(
    pairs: list[tuple[int, Any]], kind: Any, float_kind: Any, step: int
) -> None:
    indices = np.array([index for index, _ in pairs], np.int64).astype(kind)[::step]
    with np.errstate(all="ignore"):
        values = np.array([value for _, value in pairs], np.float64).astype(float_kind)[::step]
    for query in ((indices, values), {"values": values, "indices": indices}, (indices, values.tolist())):
        assert read(query) == read([query, {1: 1.0}])
    masked = np.ma.masked_array(values, np.zeros(len(values), bool))
    assert read((indices, masked)) == read([(indices, masked), {1: 1.0}])


@pytest.mark.parametrize(
    "query",
    [
        (np.array([3, 9], np.uint32), np.array([0.5, 2.0], np.float32)),
        (np.array([9, 3]), np.array([2.0, 0.5])),
        ([9, 3], [2, 0.5]),
        {9: 2.0, 3: 0.5},
        {"indices": np.array([3, 9], np.int32), "values": np.array([0.5, 2.0], np.float32)},
    ],
    ids=repr,
)
def test_what_most_callers_pass_is_usual(query: Any) -> None:
    found = usual_vector(query)
    assert found is not None
    indices, values = found
    assert (indices.dtype, indices.tolist()) == (np.uint32, [3, 9])
    assert (values.dtype, values.tolist()) == (np.float32, [0.5, 2.0])
    assert indices.flags.c_contiguous
    assert values.flags.c_contiguous
