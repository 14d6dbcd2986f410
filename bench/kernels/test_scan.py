"""The exact scan: every element type, rows in order and at random places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from vicinal.indexes.exact.dense import DenseScan
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.dense import NO_NORMS, DenseRows, pad
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet

ROWS, DIM, QUERIES, K = 20_000, 384, 8, 10
RNG = np.random.default_rng(0)
LISTED = BitMap(np.sort(RNG.choice(ROWS, ROWS // 4, replace=False)).astype(np.uint32))
PLACES = {
    "in-order": RowSet.everything(ROWS),
    "listed": RowSet.from_bitmap(LISTED, ROWS),
}


def stored(element: Element) -> tuple[DenseRows, Any]:
    if element is Element.BINARY:
        codes = RNG.integers(0, 256, (ROWS + QUERIES, DIM // 8), dtype=np.uint8)
        rows = DenseRows(pad(codes[QUERIES:], element, DIM), DIM, element, NO_NORMS, Metric.HAMMING)
        return rows, codes[:QUERIES]
    floats = RNG.standard_normal((ROWS + QUERIES, DIM), dtype=np.float32)
    matrix = (floats * 30).clip(-127, 127) if element is Element.INT8 else floats
    padded = pad(matrix[QUERIES:].astype(element.dtype), element, DIM)
    rows = DenseRows(padded, DIM, element, NO_NORMS, Metric.DOT)
    return rows, floats[:QUERIES]


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("element", list(Element))
def test_scan(benchmark: Any, element: Element, places: str) -> None:
    rows, queries = stored(element)
    scan, scope = DenseScan(rows), Scope(PLACES[places])
    scan.search(queries, K, scope)
    benchmark.extra_info["rows_scored"] = PLACES[places].count * QUERIES
    found = benchmark(scan.search, queries, K, scope)
    assert found.rows.shape == (QUERIES, K)


@pytest.mark.parametrize("k", [1, 100, 1000])
def test_top_k(benchmark: Any, k: int) -> None:
    rows, queries = stored(Element.BINARY)
    scan = DenseScan(rows)
    scan.search(queries, k)
    benchmark(scan.search, queries, k)
