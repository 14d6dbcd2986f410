"""Vectors gathered for a segment a few at a time are what they are gathered at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.engine.collection import columnar
from vicinal.engine.segments.sealed.staging import staged
from vicinal.engine.segments.view import SegmentView
from vicinal.engine.vector_kinds.registry import kind_of
from vicinal.storage.columns.partial import PartialColumn, concat_columns
from vicinal.storage.memory.segments import MemorySegmentFolder

QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)
DENSE = vicinal.Dense(10, on_disk=True)
MULTI = vicinal.Multi(10, element="int8", on_disk=True)


@pytest.mark.parametrize("lacking", [False, True])
@pytest.mark.parametrize("block_bytes", [1, 4096, 1 << 20])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("field", [DENSE, MULTI], ids=["dense", "multi"])
def test_arrays_are_those_of_the_whole(
    tmp_path: Path, lacking: bool, block_bytes: int, ordered: bool, field: vicinal.Dense | vicinal.Multi
) -> None:
    matrix = np.random.default_rng(0).standard_normal((700, 10)).astype(np.float32)
    vectors = list(matrix) if field is DENSE else [matrix[row : row + row % 4] for row in range(700)]
    given = [None if lacking and row % 5 == 0 else vector for row, vector in enumerate(vectors)]
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as database:
        points = database.create_collection("points", {"far": field, "near": vicinal.Dense(10)})
        for start, stop in ((0, 300), (300, 500), (500, 700)):
            rows = range(start, stop)
            points.upsert(rows, {"far": [given[row] for row in rows], "near": matrix[start:stop]})
            if stop < 700:
                points.flush()
        points.delete(range(250, 350))
        snapshot, _ = columnar(points).view(None)
        parts = [(view, live(view)) for view in snapshot.views]
        assert len(parts) == 3
        n = sum(len(rows) for _, rows in parts)
        order = np.random.default_rng(1).permutation(n) if ordered else None
        _, sink = MemorySegmentFolder().new_writer()
        found = staged(parts, "far", field, order, sink, block_bytes)
        column = concat_columns([view.vector_column("far", rows) for view, rows in parts])
        if order is not None:
            column = column.take(order)
        partial = isinstance(column, PartialColumn)
        assert partial == lacking
        expected = kind_of(field).sealed_arrays(field, column.vectors if partial else column)
        if partial:
            expected["present"] = column.present
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype


def live(view: SegmentView) -> np.ndarray:
    """Return the rows of a view that are alive."""
    return np.arange(view.n_rows) if view.live is None else view.live.rows.astype(np.int64)
