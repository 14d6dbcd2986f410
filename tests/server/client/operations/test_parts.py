"""Cutting rows into messages."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.errors import LimitExceeded
from vicinal.server.client.operations.parts import cut

SIZES = st.lists(st.integers(1, 50), max_size=60)


@given(SIZES, st.integers(50, 200), st.integers(1, 20))
def test_parts_cover_the_rows_in_order_and_fit(sizes: list[int], max_bytes: int, max_rows: int) -> None:
    parts = cut(np.array(sizes, np.int64), max_bytes, max_rows, "rows")
    assert parts[0][0] == 0
    assert parts[-1][1] == len(sizes)
    assert all(before[1] == after[0] for before, after in pairwise(parts))
    for start, stop in parts:
        assert stop - start <= max_rows
        assert sum(sizes[start:stop]) <= max_bytes
        assert stop > start or not sizes
    # None could have taken the first row of the next.
    for (start, stop), _ in pairwise(parts):
        assert stop - start == max_rows or sum(sizes[start : stop + 1]) > max_bytes


def test_a_row_that_is_too_large_is_named() -> None:
    with pytest.raises(LimitExceeded, match="points row 2 takes 1,001 bytes") as raised:
        cut(np.array([1, 1000, 1001]), 1000, 10, "points")
    assert raised.value.field == "points"
