"""Databases with multi-vectors of every sort, in memory, on disk and coded, open and answer as written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from fixtures import make_format_coded
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


def test_coded_tokens_are_decoded_and_scored_as_they_were(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "format_multi_coded", tmp_path / "db")
    assert check_folder(tmp_path / "db") == []
    every = range(make_format_coded.N_SEALED + make_format_coded.N_LOGGED)
    given = np.concatenate([make_format_coded.vectors(i) for i in every])
    offsets = np.cumsum([0, *(len(make_format_coded.vectors(i)) for i in every)])
    query = np.random.default_rng(0).standard_normal((3, make_format_coded.DIM)).astype(np.float32)
    with np.load(FIXTURES / "format_multi_coded.npz") as decoded, vicinal.open(tmp_path / "db") as db:
        films = db.collection("films")
        assert dict(films.schema.vectors) == make_format_coded.FIELDS
        for name, field in make_format_coded.FIELDS.items():
            found = films.get(every, with_vectors=True)
            tokens = np.concatenate([point.vectors[name] for point in found if point is not None])
            np.testing.assert_array_equal(tokens, decoded[name])
            assert 1e-5 < np.square(tokens - given).sum() / np.square(given).sum() < 0.1
            rows = MultiRows(offsets, tokens.astype(np.float32), field.metric)
            known = oracle.maxsim_scores(rows, MultiRows(np.array([0, 3]), query))[0]
            filled = np.diff(offsets) > 0
            scored = films.score(query, every, field=name)
            np.testing.assert_allclose(scored[filled], known[filled], rtol=2e-3, atol=2e-3)
