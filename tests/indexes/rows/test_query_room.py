"""Queries where kernels read them."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from vicinal.indexes.rows.query_room import QueryRoom, table_size
from vicinal.indexes.rows.sparse import SparseRows


def read(address: np.uint64, count: int, kind: Any) -> list[Any]:
    size = count * np.dtype(kind).itemsize
    return np.frombuffer(ctypes.string_at(int(address), size), kind).tolist()


def test_one_query_and_several_are_read_at_their_addresses() -> None:
    rows = SparseRows(
        np.array([0, 2, 2, 5]), np.arange(5, dtype=np.uint32) * 7, np.arange(5, dtype=np.float32) / 2
    )
    room = QueryRoom(3)
    for queries in (rows[0:1], rows, rows[1:2], rows[2:3]):
        indptr, indices, values = room.addresses(queries)
        assert read(indptr, len(queries) + 1, np.int64) == queries.indptr.tolist()
        assert read(indices, len(queries.indices), np.uint32) == queries.indices.tolist()
        assert read(values, len(queries.values), np.float32) == queries.values.tolist()


def test_a_table_is_mostly_empty() -> None:
    for terms in (0, 1, 64, 1000):
        assert table_size(terms) > 16 * terms
        assert table_size(terms).bit_count() == 1
