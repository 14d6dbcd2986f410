"""A database with sparse vectors that have no values opens, and answers as it was written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures.make_format_v3 import N_LOGGED, N_SEALED, SIZE, WEIGHTS, marks

import vicinal
from vicinal.storage.verify.folder_check import check_folder

FIXTURE = Path(__file__).parents[1] / "fixtures" / "format_v3"
N = N_SEALED + N_LOGGED


@pytest.fixture(params=["writing", "read_only"])
def db(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[vicinal.Database]:
    shutil.copytree(FIXTURE, tmp_path / "db")
    assert check_folder(tmp_path / "db") == []
    with vicinal.open(tmp_path / "db", read_only=request.param == "read_only") as database:
        yield database


def test_sets_are_those_that_were_written(db: vicinal.Database) -> None:
    films = db.collection("films")
    for i, point in enumerate(films.get(range(N), with_vectors=True)):
        assert point is not None
        expected = {"marks": marks(i)} | ({"buckets": marks(i)} if i % 5 else {})
        assert {name: vector.tolist() for name, vector in point.vectors.items()} == expected


def test_postings_and_rows_of_the_log_are_searched(db: vicinal.Database) -> None:
    films, query = db.collection("films"), [0, 3, 25, 41, 58, 59]
    done = films.explain(query, 50, field="marks")
    assert done.segments[0].kind == "index_search"
    shared = [set(query) & set(marks(i)) for i in range(N)]
    counts = np.array([len(one) for one in shared])
    np.testing.assert_array_equal(done.hits.scores, np.sort(counts)[::-1][:50])
    np.testing.assert_array_equal(films.score(query, range(N), field="marks"), counts)
    weights = np.array(
        [sum(WEIGHTS[index // SIZE] for index in one) if i % 5 else np.nan for i, one in enumerate(shared)]
    )
    np.testing.assert_array_equal(films.score(query, range(N), field="buckets"), weights)
    hits = films.search(query, 30, field="buckets")
    np.testing.assert_array_equal(hits.scores, np.sort(weights[~np.isnan(weights)])[::-1][:30])
