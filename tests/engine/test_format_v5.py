"""A database with dense fields by codes and by lists opens, and answers as it was written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures.make_format_v5 import DROPPED, INDEXES, LISTS, N_LOGGED, N_SEALED, vectors
from kept_format import kept_films

import vicinal
from vicinal import F
from vicinal.storage.verify.folder_check import check_folder

FIXTURE = Path(__file__).parents[1] / "fixtures" / "format_v5"
N = N_SEALED + N_LOGGED
# As hard as each kind of index can be told to look, short of scoring every row.
EFFORTS = {
    "ivf": {"n_probe": LISTS, "rescore": 120},
    "hnsw": {"ef": 250, "rescore": 120},
    "flat": {"rescore": 120},
    "auto-dense": {"n_probe": 1024, "rescore": 120},
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vicinal.Collection]:
    with kept_films("format_v5", tmp_path_factory.mktemp("format_v5") / "db") as films:
        yield films


def live(name: str) -> list[int]:
    return [i for i in range(N) if i not in DROPPED and (name != "ivf_rows" or i % 5)]


def test_points_are_those_that_were_written(films: vicinal.Collection) -> None:
    for i, point in enumerate(films.get(range(N), with_vectors=True)):
        if i in DROPPED:
            assert point is None
            continue
        assert point is not None
        assert point.payload == {"even": 1 - i % 2}
        assert point.vectors.keys() == {name for name in INDEXES if name != "ivf_rows" or i % 5}
        for vector in point.vectors.values():
            np.testing.assert_array_equal(vector, vectors(range(i, i + 1))[0])


def scores(metric: str, query: np.ndarray, ids: list[int]) -> np.ndarray:
    rows = vectors(range(N))[ids].astype(np.float64)
    if metric == "l2":
        return np.linalg.norm(rows - query, axis=1)
    products = rows @ query
    if metric == "dot":
        return products
    return products / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)


@pytest.mark.parametrize("name", INDEXES)
@pytest.mark.parametrize("filtered", [False, True])
def test_indexes_find_what_is_near(films: vicinal.Collection, name: str, filtered: bool) -> None:
    metric, index = INDEXES[name]
    ids = [i for i in live(name) if not filtered or i % 2 == 0]
    same = []
    for seed in range(10):
        query = np.random.default_rng(seed).integers(-100, 100, 16).astype(np.float32)
        passing = F("even") == 1 if filtered else None
        done = films.explain(query, 10, field=name, filter=passing, effort=EFFORTS[index.name])
        kinds = {plan.kind for plan in done.segments if plan.segment != "growing"}
        assert kinds == {"index_search"}
        expected = dict(zip(ids, scores(metric, query, ids).tolist(), strict=True))
        np.testing.assert_allclose(done.hits.scores, [expected[hit.id] for hit in done.hits], rtol=1e-5)
        best = sorted(expected, key=lambda i: expected[i] * (1 if metric == "l2" else -1))[:10]
        same.append(len({*best} & {*done.hits.ids}))
    assert np.mean(same) >= 8.5


def test_a_copy_is_written_to(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "db")
    with vicinal.open(tmp_path / "db") as db:
        films = db.collection("films")
        films.upsert([9_000], dict.fromkeys(INDEXES, np.full((1, 16), 100, np.int8)), [{"even": 0}])
        films.merge()
        for name in INDEXES:
            assert films.search(np.full(16, 100, np.float32), 1, field=name)[0].id == 9_000
    assert check_folder(tmp_path / "db") == []
