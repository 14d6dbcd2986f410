"""Blocks of nibbles: packed, looked up in tables, compared with a bound."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from vicinal.indexes.kernels.byte_tables import round_tables
from vicinal.indexes.kernels.fast_scan import BLOCK_ROWS, GROUP_BYTES, near_rows, pack_blocks, rows_below
from vicinal.indexes.rows.addresses import address
from vicinal.indexes.rows.dense import aligned


@njit  # type: ignore[untyped-decorator]
def rounded(exact: Any, groups: int, tables: Any) -> Any:
    return round_tables(exact, groups, tables)


@njit  # type: ignore[untyped-decorator]
def scanned(
    blocks: Any,
    tables: Any,
    groups: int,
    unit: Any,
    shift: Any,
    weight: Any,
    term: Any,
    bias: Any,
    factors: Any,
    bound: Any,
    out: Any,
) -> Any:
    near_rows(blocks, tables, groups, unit, shift, weight, term, bias, factors, out)
    return rows_below(out, bound)


def tables_of(rng: np.random.Generator, groups: int, spread: float) -> NDArray[np.float32]:
    tables = aligned((groups, GROUP_BYTES), np.float32)
    tables[:] = rng.standard_normal((groups, GROUP_BYTES)) * spread + rng.standard_normal((groups, 1))
    return tables


@pytest.mark.parametrize("groups", [4, 8, 100, 256, 1024])
def test_sums_are_those_of_the_tables(groups: int) -> None:
    rng = np.random.default_rng(groups)
    used = groups - 1
    lengths = np.array([0, 1, 31, 32, 33, 70])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    nibbles = rng.integers(0, 16, (int(offsets[-1]), used)).astype(np.uint8)
    n_blocks = int((-(-lengths // BLOCK_ROWS)).sum())
    blocks = aligned((n_blocks, groups * GROUP_BYTES), np.uint8)
    pack_blocks(nibbles, address(offsets), len(lengths), address(blocks), groups)
    exact, tables = tables_of(rng, groups, 3.0), aligned((groups, GROUP_BYTES), np.uint8)
    exact[used:] = 0
    unit, shift = rounded(address(exact), groups, address(tables))
    spans = np.ptp(exact, axis=1)
    assert unit <= max(spans.max() / 127, spans.sum() / (65535 - groups)) * 1.0001
    assert (np.abs(tables * unit + exact.min(axis=1, keepdims=True) - exact) <= 0.51 * unit).all()
    bias, factors = aligned((BLOCK_ROWS,), np.float32), aligned((BLOCK_ROWS,), np.float32)
    bias[:], factors[:] = rng.standard_normal(BLOCK_ROWS), rng.random(BLOCK_ROWS)
    weight, term = np.float32(-1.75), np.float32(0.3)
    out, block = aligned((6 * BLOCK_ROWS,), np.uint8), 0
    for begin, end in pairwise(offsets):
        for first in range(begin, end, BLOCK_ROWS):
            rows = nibbles[first : min(first + BLOCK_ROWS, end)]
            sums = tables[np.arange(used), rows].sum(axis=1, dtype=np.int64).astype(np.float32)
            products = (sums * np.float32(unit) + np.float32(shift)) * factors[: len(rows)]
            expected = bias[: len(rows)] * weight - products + term
            bound = np.float32(np.median(expected))
            bits = scanned(
                address(blocks[block]),
                address(tables),
                groups,
                np.float32(unit),
                np.float32(shift),
                weight,
                term,
                address(bias),
                address(factors),
                bound,
                address(out),
            )
            found = out[: 4 * BLOCK_ROWS].view(np.float32)[: len(rows)]
            np.testing.assert_array_equal(found, expected)
            below = [bool(bits >> i & 1) for i in range(len(rows))]
            assert below == (expected < bound).tolist()
            block += 1
    assert block == n_blocks


def test_tables_that_say_nothing() -> None:
    exact, tables = aligned((4, GROUP_BYTES), np.float32), aligned((4, GROUP_BYTES), np.uint8)
    exact[:] = np.arange(4)[:, None]
    assert rounded(address(exact), 4, address(tables)) == (0.0, 6.0)
    assert not tables.any()
