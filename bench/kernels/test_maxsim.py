"""MaxSim of every element and metric, beside NumPy and multiply-adds of registers alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vicinal.bench.harness.multiply_adds import PRODUCTS as PRODUCTS_OF_REGISTERS
from vicinal.bench.harness.multiply_adds import multiply_add
from vicinal.indexes.exact.multi import MultiScan
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows, encoded
from vicinal.testing.random_rows import coded

ROWS, TOKENS, DIM, ASKED, K = 100, 80, 128, 32, 10
PRODUCTS = ROWS * TOKENS * DIM * ASKED
RNG = np.random.default_rng(0)
GIVEN = RNG.standard_normal((ROWS * TOKENS, DIM), dtype=np.float32)
OFFSETS = np.arange(0, len(GIVEN) + 1, TOKENS)
QUERY = MultiRows(np.array([0, ASKED]), RNG.standard_normal((ASKED, DIM), dtype=np.float32))


def test_fused_multiply_adds(benchmark: Any) -> None:
    benchmark.extra_info["products"] = PRODUCTS_OF_REGISTERS
    benchmark(multiply_add)


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.COSINE, Metric.L2])
@pytest.mark.parametrize("element", list(Element))
def test_maxsim(benchmark: Any, element: Element, metric: Metric) -> None:
    tokens, scales = encoded(GIVEN, element)
    scan = MultiScan(MultiRows(OFFSETS, tokens, metric, scales, DIM))
    scan.search(QUERY, K)
    benchmark.extra_info["products"] = PRODUCTS
    assert benchmark(scan.search, QUERY, K).rows.shape == (1, K)


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.COSINE, Metric.L2])
@pytest.mark.parametrize("m", [16, 32])
def test_maxsim_of_codes(benchmark: Any, m: int, metric: Metric) -> None:
    scan = MultiScan(coded(MultiRows(OFFSETS, GIVEN, metric), m, turn=False))
    scan.search(QUERY, K)
    benchmark.extra_info["products"] = PRODUCTS
    assert benchmark(scan.search, QUERY, K).rows.shape == (1, K)


def test_numpy(benchmark: Any) -> None:
    benchmark.extra_info["products"] = PRODUCTS

    def scores() -> Any:
        return np.maximum.reduceat(GIVEN @ QUERY.tokens.T, OFFSETS[:-1], axis=0).sum(axis=1)

    assert benchmark(scores).shape == (ROWS,)
