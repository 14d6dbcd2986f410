"""Databases with multi-vectors of every sort, in memory and on disk, open and answer as they were written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from fixtures.make_format_multi import DROPPED, N_LOGGED, N_SEALED, fields, vectors

import vicinal
from vicinal.indexes.rows.multi import MultiRows
from vicinal.storage.verify.folder_check import check_folder
from vicinal.testing import oracle

FIXTURES = Path(__file__).parents[1] / "fixtures"
LIVE = sorted(set(range(N_SEALED + N_LOGGED)) - DROPPED)


@pytest.fixture
def films(tmp_path: Path, on_disk: bool) -> vicinal.Collection:
    """The collection of a copy, which is written to."""
    shutil.copytree(FIXTURES / ("format_multi_on_disk" if on_disk else "format_multi"), tmp_path / "db")
    assert check_folder(tmp_path / "db") == []
    return vicinal.open(tmp_path / "db").collection("films")


@pytest.mark.parametrize("on_disk", [False, True])
def test_points_and_scores_are_those_that_were_written(films: vicinal.Collection, on_disk: bool) -> None:
    assert dict(films.schema.vectors) == fields(on_disk)
    rng = np.random.default_rng(0)
    for _ in range(2):
        for i, point in zip(LIVE, films.get(LIVE, with_vectors=True), strict=True):
            assert point is not None
            given = vectors(i) if i % 5 else {**vectors(i), "halves": None}
            assert {name: point.vectors[name].tolist() for name in point.vectors} == {
                name: tokens for name, tokens in given.items() if tokens is not None
            }
        for name, field in fields(on_disk).items():
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
