"""MaxSim of every element and metric, beside NumPy and multiply-adds of registers alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from vicinal.indexes.exact.multi import MultiScan
from vicinal.indexes.kernels.token_products import LANES, fused
from vicinal.indexes.kernels.vectors import accumulate, load, store, vector
from vicinal.indexes.rows.addresses import address
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows, encoded

ROWS, TOKENS, DIM, ASKED, K = 100, 80, 128, 32, 10
PRODUCTS = ROWS * TOKENS * DIM * ASKED
SUMS, TURNS = 12, 100_000
RNG = np.random.default_rng(0)
GIVEN = RNG.standard_normal((ROWS * TOKENS, DIM), dtype=np.float32)
OFFSETS = np.arange(0, len(GIVEN) + 1, TOKENS)
QUERY = MultiRows(np.array([0, ASKED]), RNG.standard_normal((ASKED, DIM), dtype=np.float32))


def _sums(typingctx: Any, values: Any, turns: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = vector(ir.FloatType(), LANES)
        x = load(builder, kind, args[0])
        zero = ir.Constant(kind, [0.0] * LANES)
        sums = accumulate(
            builder, zero, SUMS, args[1], lambda _, sums: [fused(builder, x, x, total) for total in sums]
        )
        for total in sums[1:]:
            sums[0] = builder.fadd(sums[0], total)
        store(builder, sums[0], args[0])
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64), emit


_fused_sums = intrinsic(_sums)
_spend = njit(nogil=True)(lambda values, turns: _fused_sums(values, turns))


def test_fused_multiply_adds(benchmark: Any) -> None:
    values = np.full(LANES, 1e-9, np.float32)
    benchmark.extra_info["products"] = SUMS * LANES * TURNS
    benchmark(_spend, address(values), np.uint64(TURNS))


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.COSINE, Metric.L2])
@pytest.mark.parametrize("element", list(Element))
def test_maxsim(benchmark: Any, element: Element, metric: Metric) -> None:
    tokens, scales = encoded(GIVEN, element)
    scan = MultiScan(MultiRows(OFFSETS, tokens, metric, scales, DIM))
    scan.search(QUERY, K)
    benchmark.extra_info["products"] = PRODUCTS
    assert benchmark(scan.search, QUERY, K).rows.shape == (1, K)


def test_numpy(benchmark: Any) -> None:
    benchmark.extra_info["products"] = PRODUCTS

    def scores() -> Any:
        return np.maximum.reduceat(GIVEN @ QUERY.tokens.T, OFFSETS[:-1], axis=0).sum(axis=1)

    assert benchmark(scores).shape == (ROWS,)
