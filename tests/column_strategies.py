"""Hypothesis strategies for columns and batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vicinal.storage.columns.batch import Batch
from vicinal.storage.columns.ids import IdColumn
from vicinal.storage.columns.multi import MultiColumn
from vicinal.storage.columns.partial import partial_column
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.columns.ragged import offsets_of
from vicinal.storage.columns.tokens import TokenColumn
from vicinal.storage.columns.vectors import BinaryColumn, DenseColumn, SparseColumn, VectorColumn

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(0, 2**64 - 1)
point_ids = numbers | texts.filter(bool)
id_lists = st.lists(numbers, max_size=8) | st.lists(point_ids, max_size=8)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
payloads = st.dictionaries(texts, json_values, max_size=3)

_floats = st.floats(-1e6, 1e6, width=32)


@st.composite
def dense_columns(draw: st.DrawFn, n: int) -> DenseColumn:
    dtype = draw(st.sampled_from([np.float32, np.int8, np.uint8, np.float16]))
    return DenseColumn(
        draw(
            hnp.arrays(
                dtype,
                (n, draw(st.integers(1, 5))),
                elements={"allow_nan": False} if np.dtype(dtype).kind == "f" else None,
            )
        )
    )


@st.composite
def sparse_columns(draw: st.DrawFn, n: int) -> SparseColumn:
    rows = draw(
        st.lists(st.dictionaries(st.integers(0, 2**32 - 1), _floats, max_size=4), min_size=n, max_size=n)
    )
    indices = np.array([index for row in rows for index in sorted(row)], np.uint32)
    values = np.array([row[index] for row in rows for index in sorted(row)], np.float32)
    return SparseColumn(offsets_of(map(len, rows), n), indices, values)


def token_columns(n: int) -> st.SearchStrategy[TokenColumn]:
    rows = st.lists(st.dictionaries(texts.filter(bool), _floats, max_size=4), min_size=n, max_size=n)
    return rows.map(TokenColumn.of_rows)


@st.composite
def binary_columns(draw: st.DrawFn, n: int) -> BinaryColumn:
    rows = draw(st.lists(st.sets(st.integers(0, 2**32 - 1), max_size=4), min_size=n, max_size=n))
    indices = np.array([index for row in rows for index in sorted(row)], np.uint32)
    return BinaryColumn(offsets_of(map(len, rows), n), indices)


@st.composite
def multi_columns(draw: st.DrawFn, n: int) -> MultiColumn:
    counts = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    dtype = draw(st.sampled_from([np.float32, np.int8, np.uint8]))
    elements = _floats if dtype is np.float32 else None
    tokens = draw(hnp.arrays(dtype, (sum(counts), 3), elements=elements))
    scales = draw(hnp.arrays(np.float32, sum(counts), elements=_floats)) if dtype is np.int8 else None
    return MultiColumn(offsets_of(counts, n), tokens, scales)


@st.composite
def some_rows(
    draw: st.DrawFn, columns: Callable[[int], st.SearchStrategy[VectorColumn]], n: int
) -> VectorColumn:
    """Draw a column that some of its ``n`` rows may lack."""
    flags = draw(st.just([True] * n) | st.lists(st.booleans(), min_size=n, max_size=n))
    return partial_column(n, np.flatnonzero(flags).astype(np.uint32), draw(columns(sum(flags))))


@st.composite
def batches(draw: st.DrawFn, max_rows: int = 6) -> Batch:
    ids = draw(st.lists(point_ids, max_size=max_rows) | st.lists(numbers, max_size=max_rows))
    n = len(ids)
    rows = draw(st.lists(payloads | st.none(), min_size=n, max_size=n))
    owners = draw(st.sampled_from([np.empty(0, np.uint32), np.arange(n, dtype=np.uint32)]))
    return Batch(
        IdColumn.from_values(ids),
        PayloadColumn.from_rows(rows, n),
        {
            "plot": draw(some_rows(dense_columns, n)),
            "a.b-c_d": draw(some_rows(sparse_columns, n)),
            **({"marks": draw(some_rows(binary_columns, n))} if draw(st.booleans()) else {}),
            "tokens": draw(some_rows(multi_columns, n)),
        },
        owners,
    )
