"""One query alone: what its call takes besides the search, and that it finds what it finds in a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from counted_steps import steps

import vicinal
from vicinal import Dense, F, Flat, Hnsw, Inverted, Multi, Muvera, Sparse, TokenLists

# As many as an index is built for.
N = 2100
RNG = np.random.default_rng(3)
DENSE = RNG.standard_normal((N + 20, 16)).astype(np.float32)
SPARSE = [
    {int(term): float(RNG.uniform(0.1, 1)) for term in RNG.choice(60, 6, replace=False)}
    for _ in range(N + 20)
]
TOKENS = [RNG.standard_normal((int(RNG.integers(2, 6)), 8)).astype(np.float32) for _ in range(N + 20)]


class Case(NamedTuple):
    """A field with an index that is searched, and the lines and calls that one query may take."""

    field: Any
    vectors: Any
    options: dict[str, Any]
    most_steps: int


# What a filter that was used before may take besides.
MOST_FOR_A_FILTER = 26

CASES = {
    "graph": Case(Dense(16, index=Hnsw(m=8)), DENSE, {"ef": 24}, 265),
    "scan": Case(Dense(16, index=Flat()), DENSE, {"exact": True}, 290),
    "postings": Case(Sparse(index=Inverted()), SPARSE, {}, 325),
    "token lists": Case(Multi(8, index=TokenLists()), TOKENS, {"effort": {"candidates": 30}}, 430),
    "encodings": Case(Multi(8, index=Muvera()), TOKENS, {"effort": {"candidates": 30}}, 520),
}


@pytest.fixture(params=CASES, scope="module")
def searched(request: pytest.FixtureRequest) -> Iterator[tuple[vicinal.Collection, Case]]:
    case = CASES[request.param]
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", case.field, fields={"n": "integer"})
        points.upsert(range(N), case.vectors[:N], [{"n": i % 10} for i in range(N)])
        points.merge()
        yield points, case


def single(points: vicinal.Collection, case: Case, place: int, **options: Any) -> list[tuple[Any, float]]:
    return [(hit.id, hit.score) for hit in points.search(case.vectors[place], **case.options, **options)]


def test_a_query_alone_takes_few_steps(searched: tuple[vicinal.Collection, Case]) -> None:
    points, case = searched

    low = F("n") < 7

    def search() -> object:
        return points.search(case.vectors[N], **case.options).ids

    def filtered() -> object:
        return points.search(case.vectors[N], filter=low, **case.options).ids

    # What is kept of plans is made by the first; what is kept of options no less by one with a filter.
    for _ in range(3):
        filtered()
    taken = steps(filtered)
    for _ in range(3):
        search()
    plan = points.explain(case.vectors[N], **case.options).plan
    assert plan.startswith("exact scan") == ("exact" in case.options)
    assert steps(search) < case.most_steps
    assert taken - steps(search) < MOST_FOR_A_FILTER


@pytest.mark.parametrize("filter", [None, F("n") < 7, F("n") == 3])
@pytest.mark.parametrize("k", [1, 10, 50])
def test_queries_alone_find_what_they_find_in_a_batch(
    searched: tuple[vicinal.Collection, Case], filter: vicinal.Filter | None, k: int
) -> None:
    points, case = searched
    batch = points.search(case.vectors[N:], k, filter=filter, **case.options)
    for place, hits in enumerate(batch):
        expected = [(hit.id, hit.score) for hit in hits]
        # The second time by what the first has prepared.
        for _ in range(2):
            assert single(points, case, N + place, k=k, filter=filter) == expected


def test_a_query_alone_goes_by_the_table_of_now() -> None:
    """What was prepared by efforts that were measured anew since is made anew."""
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", Dense(16, index=Hnsw(m=4)))
        points.upsert(range(N), DENSE[:N])
        points.merge()
        queries = 40 * RNG.standard_normal((200, 16)).astype(np.float32)

        def found() -> list[list[Any]]:
            return [points.search(query, recall=0.9).ids.tolist() for query in queries]

        before = found()
        points.calibrate(queries)
        after = found()
        assert after == [hits.ids.tolist() for hits in points.search(queries, recall=0.9)]
        assert after != before


@pytest.mark.parametrize(
    ("name", "filter"), [("graph", None), *((name, F("n") < 7) for name in CASES)], ids=str
)
def test_what_was_prepared_does_not_outlive_what_it_is_of(name: str, filter: vicinal.Filter | None) -> None:
    case = CASES[name]
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", case.field, fields={"n": "integer"})
        points.upsert(range(N), case.vectors[:N], [{"n": i % 10} for i in range(N)])
        points.merge()
        change: list[Callable[[int], object]] = [
            lambda nearest: points.delete([nearest]),
            lambda nearest: points.upsert([nearest], case.vectors[5:6], [{"n": 9}]),
            lambda nearest: points.update_payload({"n": 9}, [nearest]),
            lambda nearest: points.delete([nearest]) and points.merge(),
        ]
        for changed in change:
            for _ in range(2):
                found = single(points, case, N, filter=filter)
            changed(found[0][0])
            fresh = points.search(case.vectors[N : N + 2], filter=filter, **case.options)[0]
            after = single(points, case, N, filter=filter)
            assert after == [(hit.id, hit.score) for hit in fresh]
            if filter is not None:
                assert found[0][0] not in [point_id for point_id, _ in after]


def test_scores_take_no_step_of_python_a_document(searched: tuple[vicinal.Collection, Case]) -> None:
    points, case = searched

    def scored(count: int) -> Callable[[], object]:
        ids = np.arange(count, dtype=np.uint64)
        return lambda: points.score(case.vectors[N], ids)

    few, many = scored(10), scored(N)
    for score in (few, many):
        score()
    # Not one for each of two thousand: a branch more or less.
    assert abs(steps(many) - steps(few)) < 10
