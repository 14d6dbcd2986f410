"""Sets of rows."""

from __future__ import annotations

import numpy as np
import pytest
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
