"""An index over the rows that have a vector: what it finds, what is stored, who follows, what comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Hnsw, Sparse
from vicinal.storage.verify.folder_check import check_folder

DIM, N = 8, 4_000
ROWS = np.random.default_rng(0).standard_normal((N, DIM)).astype(np.float32)
HAS = np.random.default_rng(1).random(N) < 0.7
QUERIES = np.random.default_rng(2).standard_normal((20, DIM)).astype(np.float32)


def filled(db: vicinal.Database, **options: bool) -> vicinal.Collection:
    fields = {"plot": Dense(DIM, metric="dot", index=Hnsw(m=8)), "terms": Sparse()}
    return db.create_collection("points", fields, fields={"third": "bool"}, **options)


def write(points: vicinal.Collection, ids: range, **scope: str) -> None:
    vectors = [ROWS[i] if HAS[i] else None for i in ids]
    points.upsert(list(ids), {"plot": vectors}, [{"third": i % 3 == 0} for i in ids], **scope)


def check_index(points: vicinal.Collection, alive: np.ndarray, **scope: str) -> None:
    """The index finds nearly everything, and nothing that has no vector or is outside the filter."""
    third = np.arange(N) % 3 == 0
    for filter, allowed in ((None, alive), (F("third") == True, alive & third)):  # noqa: E712
        scores = np.where(allowed & HAS, QUERIES @ ROWS.T, -np.inf)
        truth = np.sort(scores, axis=1)[:, ::-1][:, :10]
        hits = points.search(QUERIES, k=10, ef=200, field="plot", filter=filter, **scope)
        ids = hits.ids.astype(int)
        np.testing.assert_allclose(hits.scores, np.take_along_axis(scores, ids, axis=1), rtol=1e-4)
        assert np.mean(hits.scores >= truth[:, 9:] - 1e-4) > 0.95
        exact = points.search(QUERIES, k=10, exact=True, field="plot", filter=filter, **scope)
        np.testing.assert_allclose(exact.scores, truth, rtol=1e-4)


@pytest.mark.parametrize("partitioned", [False, True])
def test_an_index_over_the_rows_that_have_a_vector(tmp_path: Path, partitioned: bool) -> None:
    scope = {"tenant": "ada"} if partitioned else {}
    with vicinal.open(tmp_path / "db") as db, vicinal.open(tmp_path / "db", read_only=True) as follower:
        points = filled(db, partitioned=partitioned)
        write(points, range(N), **scope)
        if partitioned:
            write(points, range(300), tenant="bob")
        points.merge()
        points.delete(range(100, 200), **scope)
        alive = np.ones(N, np.bool_)
        alive[100:200] = False
        explanation = points.explain(QUERIES, k=10, ef=200, field="plot", **scope)
        assert "graph walk" in explanation.plan
        assert explanation.segments[0].allowed == int((alive & HAS).sum())
        check_index(points, alive, **scope)
        check_index(follower.collection("points"), alive, **scope)
        assert len(points.search({1: 1.0}, field="terms", k=5, **scope)) == 0
    assert check_folder(tmp_path / "db") == []
    with vicinal.open(tmp_path / "db") as db:
        points = db.collection("points")
        check_index(points, alive, **scope)
        points.merge()
        check_index(points, alive, **scope)


def test_too_few_vectors_for_an_index_are_left_alone() -> None:
    with vicinal.open(":memory:") as db:
        points = filled(db)
        points.upsert(list(range(N)), {"plot": [ROWS[i] if i < 5 else None for i in range(N)]})
        points.wait_indexed(60)
        info = points.info()
        assert [segment.indexed for segment in info.segments] == [()]
        assert len(points.search(QUERIES[0], k=10, field="plot")) == 5


def test_nothing_more_is_stored_where_no_vector_is_missing(tmp_path: Path) -> None:
    def names(column: list[np.ndarray | None]) -> list[str]:
        with vicinal.open(":memory:") as db:
            points = db.create_collection("points", Dense(DIM))
            points.upsert(range(len(column)), column)
            points.flush()
            (view,) = points._state.snapshot.views
            return [name for name in view.segment.file.names() if name.startswith("vector.")]

    assert names([ROWS[0], ROWS[1]]) == ["vector.vector.inv_norms", "vector.vector.rows"]
    assert "vector.vector.present" in names([ROWS[0], None])
