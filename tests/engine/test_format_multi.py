"""A database with multi-vectors of every sort opens, and answers as it was written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from fixtures.make_format_multi import DROPPED, FIELDS, N_LOGGED, N_SEALED, vectors

import vicinal
from vicinal.indexes.rows.multi import MultiRows
from vicinal.storage.verify.folder_check import check_folder
from vicinal.testing import oracle

FIXTURE = Path(__file__).parents[1] / "fixtures" / "format_multi"
LIVE = sorted(set(range(N_SEALED + N_LOGGED)) - DROPPED)


@pytest.fixture
def films(tmp_path: Path) -> vicinal.Collection:
    """The collection of a copy, which is written to."""
    shutil.copytree(FIXTURE, tmp_path / "db")
    assert check_folder(tmp_path / "db") == []
    return vicinal.open(tmp_path / "db").collection("films")


def test_points_and_scores_are_those_that_were_written(films: vicinal.Collection) -> None:
    assert dict(films.schema.vectors) == FIELDS
    rng = np.random.default_rng(0)
    for _ in range(2):
        for i, point in zip(LIVE, films.get(LIVE, with_vectors=True), strict=True):
            assert point is not None
            given = vectors(i) if i % 5 else {**vectors(i), "halves": None}
            assert {name: point.vectors[name].tolist() for name in point.vectors} == {
                name: tokens for name, tokens in given.items() if tokens is not None
            }
        for name, field in FIELDS.items():
            tokens = [np.array(vectors(i)[name], np.float32).reshape(-1, field.dim) for i in LIVE]
            rows = MultiRows(np.cumsum([0, *map(len, tokens)]), np.concatenate(tokens), field.metric)
            query = rng.standard_normal((3, field.dim)).astype(np.float32)
            known = oracle.maxsim_scores(rows, MultiRows(np.array([0, 3]), query))[0]
            known[(np.array(LIVE) % 5 == 0) & (name == "halves")] = np.inf
            found = films.score(query, LIVE, field=name)
            np.testing.assert_array_equal(np.isnan(found), np.isinf(known))
            np.testing.assert_allclose(
                found[np.isfinite(known)], known[np.isfinite(known)], rtol=1e-2, atol=1e-2
            )
        films.merge()
    with pytest.raises(vicinal.InvalidArgument, match="at most 7"):
        films.upsert([1], {"floats": [np.ones((8, 6))]})
