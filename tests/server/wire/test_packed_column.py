from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vicinal.proto.v1.search_pb2 import HitColumns
from vicinal.proto.v1.vectors_pb2 import PointIds
from vicinal.server.wire.packed_column import integers, offsets, put_packed


@given(hnp.arrays(np.float32, st.integers(0, 300), elements={"allow_nan": False}))
def test_an_array_is_what_its_elements_added_one_by_one_are(array: Any) -> None:
    message, expected = HitColumns(), HitColumns()
    put_packed(message, HitColumns.SCORES_FIELD_NUMBER, array)
    expected.scores.extend(array.tolist())
    assert message.SerializeToString() == expected.SerializeToString()


# The length takes one, two or three bytes.
@pytest.mark.parametrize("n", [0, 1, 15, 16, 2047, 2048, 100_000])
def test_arrays_of_any_length_are_packed(n: int) -> None:
    numbers = np.arange(n, dtype=np.uint64) + 2**63
    message = PointIds()
    put_packed(message, PointIds.NUMBERS_FIELD_NUMBER, numbers)
    assert message == PointIds(numbers=numbers.tolist())


def test_an_array_that_is_a_view_is_packed_in_its_order() -> None:
    numbers = np.arange(10, dtype=np.uint64)[::-3]
    message = PointIds()
    put_packed(message, PointIds.NUMBERS_FIELD_NUMBER, numbers)
    put_packed(message, PointIds.NUMBERS_FIELD_NUMBER, numbers[:1])
    assert list(message.numbers) == [9, 6, 3, 0, 9]


@given(st.lists(st.integers(0, 2**32 - 1), max_size=6))
def test_sizes_become_arrays(sizes: list[int]) -> None:
    assert integers(sizes).tolist() == sizes
    assert offsets(sizes).tolist() == [sum(sizes[:row]) for row in range(len(sizes) + 1)]
