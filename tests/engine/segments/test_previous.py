"""A new segment knows which of its rows were in which index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.engine.collection import columnar
from vicinal.engine.segments.sealed.previous import previous_indexes
from vicinal.indexes.rows.neighbors import NO_ROW
from vicinal.storage.columns.partial import PartialColumn, concat_columns

QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)


@pytest.mark.parametrize("lacking", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
def test_rows_of_an_index_are_found_by_their_vectors(tmp_path: Path, lacking: bool, ordered: bool) -> None:
    matrix = np.random.default_rng(0).standard_normal((5600, 4)).astype(np.float32)
    given = [None if lacking and row % 5 == 0 else vector for row, vector in enumerate(matrix)]
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as database:
        fields = {"near": vicinal.Dense(4), "id": vicinal.Dense(4, index=vicinal.Flat())}
        points = database.create_collection("points", fields)
        for start, stop in ((0, 2600), (2600, 5200), (5200, 5600)):
            rows = range(start, stop)
            points.upsert(rows, {"near": [given[row] for row in rows], "id": matrix[start:stop]})
            points.flush()
        points.delete(range(2500, 2700))
        snapshot, _ = columnar(points).view(None)
        parts = [
            (
                view,
                np.flatnonzero(np.isin(np.arange(view.n_rows), view.live.rows))
                if view.live is not None
                else np.arange(view.n_rows),
            )
            for view in snapshot.views
        ]
        column = concat_columns([view.vector_column("near", rows) for view, rows in parts])
        order = np.random.default_rng(1).permutation(len(column)) if ordered else None
        column = column if order is None else column.take(order)
        partial = isinstance(column, PartialColumn)
        assert partial == lacking
        present = column.present if partial else None
        stored = (column.vectors if partial else column).matrix
        spec = snapshot.schema.vectors["near"].index
        found = list(previous_indexes(parts, "near", spec, order, present))
        # The last segment is too small for an index, the first two have one.
        assert len(found) == 2
        seen = []
        for one, (view, _) in zip(found, parts, strict=False):
            was = view.rows("near").matrix
            assert one.rows.shape == (len(was),)
            assert "links" in one.arrays
            here = one.rows != NO_ROW
            assert (~here).sum() == (80 if lacking else 100)
            np.testing.assert_array_equal(stored[one.rows[here]], was[here])
            seen += one.rows[here].tolist()
        assert len(set(seen)) == len(seen)
        other = vicinal.Hnsw(m=8)
        assert list(previous_indexes(parts, "near", other, order, present)) == []
