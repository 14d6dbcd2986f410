"""What points take is told before they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from every_kind import FIELDS, vectors

import vicinal
from vicinal.engine.segments.sizes import hits_bytes

N = 60


@pytest.fixture(params=["growing", "sealed", "both"])
def points(request: pytest.FixtureRequest) -> Any:
    settings = vicinal.MergePolicySettings(quiet_seconds=1e9)
    with vicinal.open(":memory:", merge_policy=settings) as db:
        points = db.create_collection("points", FIELDS)
        payloads = [{"text": "x" * i} for i in range(N)]
        points.upsert(range(N), vectors(N), payloads)
        if request.param != "growing":
            points.flush()
        if request.param == "both":
            points.upsert(range(N // 2), vectors(N // 2), payloads[: N // 2])
        yield points


@pytest.mark.parametrize("with_vectors", [False, True])
@pytest.mark.parametrize("q", [1, 3])
def test_hits(points: vicinal.Collection, q: int, with_vectors: bool) -> None:
    query = np.ones((q, 6)) if q > 1 else np.ones(6)
    hits = points.search(query, k=50, field="plot", with_vectors=with_vectors)
    expected = hits.payload_column().nbytes - 8 * (50 * q + 1)
    for column in hits.vector_columns().values():
        if column.kind == "tokens":
            expected += int(column.row_bytes().sum())
            continue
        arrays = column.arrays()
        expected += sum(array.nbytes for name, array in arrays.items() if name not in ("indptr", "offsets"))
    told = hits_bytes(hits, payloads=True, vectors=with_vectors)
    # Of short payloads it tells what they take at most.
    assert told == expected if with_vectors else expected <= told <= len('{"text":""}' + "x" * N) * 50 * q
    assert hits_bytes(hits, payloads=False, vectors=False) == 0


@pytest.mark.parametrize("sealed", [False, True])
def test_large_payloads_are_looked_up(points: vicinal.Collection, sealed: bool) -> None:
    points.upsert([N], vectors(1), [{"text": "x" * 100_000}])
    if sealed:
        points.merge()
    hits = points.search(np.ones(6), k=50, field="plot")
    assert hits_bytes(hits, payloads=True, vectors=False) == hits.payload_column().nbytes - 8 * 51


def test_points_that_are_updated_keep_their_order(points: vicinal.Collection) -> None:
    order = [point.id for point in points.scroll(limit=N).points]
    assert points.update_payload({"text": "new"}, ids=range(N)) == N
    assert [point.id for point in points.scroll(limit=N).points] == order
    points.merge()
    points.update_payload({"text": "newer"}, ids=[50, 10, 30])
    moved = [i for i in order if i not in (50, 10, 30)] + [i for i in order if i in (50, 10, 30)]
    assert [point.id for point in points.scroll(limit=N).points] == moved
