"""A database with points that lack vectors opens, with every value as it was written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures.make_format_v2 import FIELDS, N_LOGGED, N_SEALED, vectors

import vicinal
from vicinal.storage.verify.folder_check import check_folder

FIXTURE = Path(__file__).parents[1] / "fixtures" / "format_v2"


@pytest.fixture(params=["writing", "read_only"])
def db(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[vicinal.Database]:
    shutil.copytree(FIXTURE, tmp_path / "db")
    assert check_folder(tmp_path / "db") == []
    with vicinal.open(tmp_path / "db", read_only=request.param == "read_only") as database:
        yield database


def test_points_have_the_vectors_they_were_written_with(db: vicinal.Database) -> None:
    films, n = db.collection("films"), N_SEALED + N_LOGGED
    for i, point in enumerate(films.get(range(n), with_vectors=True)):
        assert point is not None
        expected = vectors(i)
        assert point.vectors.keys() == expected.keys()
        if "plot" in expected:
            np.testing.assert_array_equal(point.vectors["plot"], expected["plot"])
        if "terms" in expected:
            indices, values = point.vectors["terms"]
            assert dict(zip(indices.tolist(), values.tolist(), strict=True)) == expected["terms"]
        if "tokens" in expected:
            np.testing.assert_array_equal(point.vectors["tokens"], expected["tokens"].astype(np.float16))


def test_a_field_finds_the_points_that_have_it(db: vicinal.Database) -> None:
    films, n = db.collection("films"), N_SEALED + N_LOGGED
    queries = {"plot": np.ones(4), "terms": {1: 1.0}, "tokens": np.ones((1, 4))}
    for name in FIELDS:
        found = {hit.id for hit in films.search(queries[name], k=n, field=name)}
        assert found == {i for i in range(n) if name in vectors(i)}
