"""Sets of rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from vicinal.indexes.rows.row_set import RowSet


@pytest.mark.parametrize("rows", [[], [0], [5, 6, 7], [0, 63, 64, 129], [199], list(range(200))])
def test_all_forms_agree(rows: list[int]) -> None:
    chosen = RowSet.from_bitmap(BitMap(rows), 200)
    assert chosen.count == len(chosen) == len(rows)
    assert chosen.rows.tolist() == rows
    assert chosen.rows.dtype == np.uint32
    assert len(chosen.words) == 4
    bits = np.unpackbits(chosen.words.view(np.uint8), bitorder="little")
    assert np.flatnonzero(bits).tolist() == rows
    contiguous = not rows or rows[-1] - rows[0] + 1 == len(rows)
    assert (chosen.bounds is not None) == contiguous
    assert not len(chosen) or chosen.span == (rows[0], rows[-1] + 1)


def test_ranges() -> None:
    chosen = RowSet.from_range(3, 9, 10)
    assert (chosen.bounds, chosen.count, chosen.rows.tolist()) == ((3, 9), 6, [3, 4, 5, 6, 7, 8])
    assert RowSet.everything(10).count == 10
    with pytest.raises(ValueError, match="does not lie within"):
        RowSet.from_range(3, 11, 10)
    with pytest.raises(ValueError, match="the segment has 10 rows"):
        RowSet.from_bitmap(BitMap([10]), 10)


def test_rows_and_words_are_where_they_say() -> None:
    chosen = RowSet.from_bitmap(BitMap([3, 5, 150]), 200)
    for array, address in (chosen.located_rows, chosen.located_words):
        assert address == array.ctypes.data
    assert chosen.located_rows[0] is chosen.rows
    assert chosen.located_words[0] is chosen.words


def test_parts_are_rows_by_place() -> None:
    listed, ranged = RowSet.from_bitmap(BitMap([3, 5, 150]), 200), RowSet.from_range(3, 9, 10)
    assert (listed.part(1, 3).rows.tolist(), listed.part(1, 3).n) == ([5, 150], 200)
    assert (ranged.part(2, 4).bounds, ranged.part(0, 0).count) == ((5, 7), 0)


BLOCK = 1 << 16


@st.composite
def blocks(draw: st.DrawFn) -> list[int]:
    """Draw rows of one block of a bitmap: listed, in runs, or more than are listed."""
    shape = draw(st.sampled_from(["listed", "runs", "many"]))
    if shape == "listed":
        return draw(st.lists(st.integers(0, BLOCK - 1), min_size=1, max_size=40))
    if shape == "runs":
        ends = sorted(draw(st.sets(st.integers(0, BLOCK), min_size=2, max_size=9)))
        return [row for start, stop in pairwise(ends) for row in range(start, stop)][
            : draw(st.integers(1, BLOCK))
        ]
    step, first = draw(st.integers(1, 15)), draw(st.integers(0, 99))
    return list(range(first, BLOCK, step))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | blocks(), min_size=1, max_size=6), st.booleans(), st.integers(1, 200))
def test_every_form_of_a_bitmap_becomes_bits(found: list[list[int] | None], runs: bool, beyond: int) -> None:
    rows = sorted({block * BLOCK + row for block, inside in enumerate(found) for row in inside or ()})
    n = max(rows, default=0) + beyond
    bitmap = BitMap(rows)
    if runs:
        bitmap.run_optimize()
    chosen = RowSet.from_bitmap(bitmap, n)
    expected = np.zeros(-(-n // 64) * 64, np.bool_)
    expected[rows] = True
    np.testing.assert_array_equal(chosen.words, np.packbits(expected, bitorder="little").view(np.uint64))
    assert chosen.rows.tolist() == rows
    assert len(chosen) == len(rows)
