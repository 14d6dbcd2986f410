"""A database written by the release that introduced format 1 opens, with every value as it was written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures.make_format_v1 import FIELDS, N_INDEXED, N_LOGGED, payload, sparse, tokens, vectors
from naive_filter import holds

import vicinal
from vicinal import F
from vicinal.storage.verify.folder_check import check_folder

FIXTURE = Path(__file__).parents[1] / "fixtures" / "format_v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FIXTURE, tmp_path / "db")
    return tmp_path / "db"


@pytest.fixture(params=["writing", "read_only"])
def db(folder: Path, request: pytest.FixtureRequest) -> Iterator[vicinal.Database]:
    with vicinal.open(folder, read_only=request.param == "read_only") as database:
        yield database


def test_points_are_as_they_were_written(db: vicinal.Database) -> None:
    films = db.collection("films")
    assert films.count() == N_INDEXED - 1 + N_LOGGED - 1
    written = vectors(N_INDEXED, 1)
    for i, point in enumerate(films.get(range(N_INDEXED), with_vectors=True)):
        if i == 3:
            assert point is None
            continue
        assert point is not None
        assert point.payload == ({"year": 7} if i == 7 else payload(i))
        expected = vectors(1, 3)[0] if i == 7 else written[i]
        np.testing.assert_array_equal(point.vectors["plot"], expected)
    assert films.get(["text-4"]) == [None]


def test_filters_read_the_stored_postings(db: vicinal.Database) -> None:
    films = db.collection("films")
    alive = {i: {"year": 7} if i == 7 else payload(i) for i in range(N_INDEXED) if i != 3}
    assert films.count(filter=F("genres") == "b") == sum("b" in p.get("genres", []) for p in alive.values())
    assert films.count(filter=F("rating") >= 100.0) == sum(p.get("rating", 0) >= 100 for p in alive.values())
    assert films.count(filter=F("year").is_null()) == sum(p.get("year", 0) is None for p in alive.values())
    assert films.count(filter=F("seen") == True) == sum(p.get("seen", False) for p in alive.values())  # noqa: E712
    late = F("at") >= "2024-01-20T00:00:00Z"
    assert films.count(filter=late) == sum(p.get("at", "") >= "2024-01-20" for p in alive.values())


def test_what_the_stored_postings_do_not_answer_is_read_until_a_merge(folder: Path) -> None:
    asked = [
        F("genres").any_except(["b"]),
        F("genres").like("%a%") & ~F("genres").like("b%"),
        F("genres").is_empty(),
        F("year").values_count(gte=1, lte=1),
        F("rating").is_empty() | F("seen").is_empty(),
    ]
    with vicinal.open(folder) as db:
        films = db.collection("films")
        stored = {point.id: point.payload for point in films.scroll(limit=10_000).points}
        for read in (True, False):
            explained = [films.explain(vectors(1, 99), filter=expression) for expression in asked]
            assert (sum(one.payloads_read for one in explained) > 0) == read
            for expression in asked:
                expected = sum(holds(expression, payload, "", FIELDS) for payload in stored.values())
                assert films.count(filter=expression) == expected > 0
            films.upsert([9_999], vectors(1, 5), [stored[0]])
            stored[9_999] = stored[0]
            films.merge()


def test_the_stored_graph_answers(db: vicinal.Database) -> None:
    films = db.collection("films")
    query = vectors(1, 99)
    assert "index_search" in [part.kind for part in films.explain(query, ef=300).segments]
    found = films.search(query, k=10, ef=300).ids[0]
    exact = films.search(query, k=10, exact=True).ids[0]
    assert len(set(found) & set(exact)) >= 9


def test_sparse_and_multi_vectors_of_each_tenant(db: vicinal.Database) -> None:
    rooms = db.collection("rooms")
    assert rooms.count(tenant="ada") == 20
    assert rooms.count(tenant="bob") == 19
    for i, point in enumerate(rooms.get(range(20), with_vectors=True, tenant="ada")):
        assert point is not None
        indices, values = point.vectors["terms"]
        assert dict(zip(indices.tolist(), values.tolist(), strict=True)) == sparse(i)
        np.testing.assert_array_equal(point.vectors["tokens"], tokens(i).astype(np.float16))


def test_it_passes_the_check(folder: Path) -> None:
    assert check_folder(folder) == []


def test_it_takes_writes(folder: Path) -> None:
    with vicinal.open(folder) as db:
        films = db.collection("films")
        films.upsert([3], vectors(1, 5), [{"year": 3}])
        films.merge()
        assert films.count() == N_INDEXED + N_LOGGED - 1


def test_points_are_granted_that_were_written_before_there_were_grants(folder: Path) -> None:
    with vicinal.open(folder) as db:
        rooms = db.collection("rooms")
        assert rooms.tenants.grants("bob") == []
        assert rooms.tenants.grant([5, 6, 7], tenant="ada", to="bob") == 3
        rooms.tenants.create("cleo")
    with vicinal.open(folder) as db:
        rooms = db.collection("rooms")
        # Of 6 and 7 it has its own.
        assert rooms.tenants.grants("bob", limit=1) == [vicinal.Grant(5, "ada")]
        assert rooms.count(tenant="bob") == 20
        (point,) = rooms.get([5], with_vectors=True, tenant="bob")
        assert point is not None
        np.testing.assert_array_equal(point.vectors["tokens"], tokens(5).astype(np.float16))
        assert rooms.tenants.list() == ["ada", "bob", "cleo"]
    assert check_folder(folder) == []
