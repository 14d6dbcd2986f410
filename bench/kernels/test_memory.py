"""What memory itself costs: rows at random places with prefetch, and reading in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vicinal.bench.harness.loaded import LINE
from vicinal.bench.harness.memory_reads import read_in_order, read_rows

ROWS = 60_000


@pytest.mark.parametrize("row_bytes", [64, 128, 384, 1536])
def test_random_rows(benchmark: Any, row_bytes: int) -> None:
    block = np.ones(ROWS * row_bytes + LINE, dtype=np.uint8)
    base = block.ctypes.data + -block.ctypes.data % LINE
    order = np.random.default_rng(0).permutation(ROWS)
    read_rows(base, row_bytes, order)
    benchmark.extra_info["rows"] = ROWS
    benchmark(read_rows, base, row_bytes, order)


def test_in_order(benchmark: Any) -> None:
    words = np.ones((256 << 20) // 8, dtype=np.uint64)
    read_in_order(words)
    benchmark.extra_info["bytes"] = words.nbytes
    benchmark(read_in_order, words)
