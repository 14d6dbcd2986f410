"""Every adapter whose engine is installed finds the nearest rows that pass, by filters of its shapes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vicinal.bench.datasets import Dataset, open_dataset
from vicinal.bench.filtered.cells import Matrix, Passing
from vicinal.bench.filtered.contest import Contest
from vicinal.bench.filtered.groups import QueryGroups, grouped
from vicinal.bench.filtered.orders import row_orders
from vicinal.bench.filtered.own import filtered_collection, forced_plans, plan_name, planned
from vicinal.bench.filtered.searcher import FilteredSearcher
from vicinal.bench.filtered.shapes import NATURAL, SHAPES, MadePayloads
from vicinal.bench.filtered_peers import FILTERED_PEERS, find_filtered_peers
from vicinal.bench.filtered_peers.peer import filtered_widths
from vicinal.bench.harness.truth import exact_truth, recall
from vicinal.bench.peers import UnknownPeerError
from vicinal.engine.collection import Collection
from vicinal.engine.progress import silent
from vicinal.indexes.factory import index_factory

LACKING = {"zvec": {"not", "text", "in"}}


@pytest.fixture(scope="module")
def groups() -> QueryGroups:
    plain = open_dataset("clustered-3000x64")
    rng = np.random.default_rng(3)
    payloads = [
        {"kind": "abc"[kind], "length": int(length)}
        for kind, length in zip(
            rng.choice(3, 3000, p=[0.6, 0.3, 0.1]), rng.integers(0, 100, 3000), strict=True
        )
    ]
    fields = {"kind": "keyword", "length": "integer"}
    data = Dataset("x", "cosine", plain.vectors, plain.queries, payloads, fields)
    return grouped(data, 2, 10)


@pytest.fixture(scope="module")
def matrix(groups: QueryGroups) -> Matrix:
    return Matrix(groups, row_orders(groups, (-1.0, 0.0, 0.5)), (0.01, 0.3, 1.0))


@pytest.fixture(scope="module")
def passing(matrix: Matrix) -> list[Passing]:
    return [*matrix.made(), *matrix.natural()]


@pytest.fixture(scope="module")
def payloads(groups: QueryGroups, matrix: Matrix) -> MadePayloads:
    return MadePayloads(groups.data, matrix.levels, SHAPES)


@pytest.fixture(scope="module")
def collection(
    groups: QueryGroups, payloads: MadePayloads, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collection]:
    place = tmp_path_factory.mktemp("own")
    with filtered_collection(place, groups.data, payloads, silent) as loaded:
        yield loaded


def check(searcher: FilteredSearcher, groups: QueryGroups, passing: list[Passing], lacking: set[str]) -> None:
    """Ask with the most effort, and compare what is found with the nearest rows that pass."""
    for one in passing:
        truth = exact_truth(groups.data, 3, rows=one.rows[0])
        for shape in [NATURAL] if one.natural is not None else [name for name in SHAPES if name != NATURAL]:
            question = one.questions(groups, shape)[0]
            answer = searcher.under(question)
            assert (answer is None) == (shape in lacking), shape
            if answer is None:
                continue
            effort = searcher.efforts(3, one.matches)[-1]
            found = np.full((20, 3), -1, np.int64)
            for place in range(question.queries.start, question.queries.stop):
                ids = np.asarray(answer(searcher.queries()[place], 3, effort), np.int64)
                assert np.isin(ids, question.rows).all()
                found[place, : len(ids)] = ids
            asked = question.queries.stop - question.queries.start
            reached = recall(groups.data, truth, found) * 20 / asked
            assert reached >= 0.9, (searcher.name, shape, one.selectivity, one.correlation)


@pytest.mark.parametrize("name", FILTERED_PEERS)
def test_peers_find_the_nearest_rows_that_pass(
    name: str, groups: QueryGroups, passing: list[Passing], payloads: MadePayloads, tmp_path: Path
) -> None:
    peers, missing = find_filtered_peers([name])
    if missing:
        pytest.skip(str(missing[0]))
    searchers = list(peers[0].build(groups.data, payloads, 2, tmp_path))
    assert len({searcher.name for searcher in searchers}) == len(searchers)
    for searcher in searchers:
        check(searcher, groups, passing, LACKING.get(name, set()))
    for searcher in searchers:
        searcher.close()


def test_plans_by_force_find_them_and_are_what_they_are_called(
    groups: QueryGroups, passing: list[Passing], collection: Collection
) -> None:
    for searcher in (planned(collection, groups.data, 0.99), *forced_plans(collection, groups.data)):
        check(searcher, groups, passing, set())
    (half,) = [one for one in passing if (one.selectivity, one.correlation) == (0.3, 0.0)]
    question = half.questions(groups, "range")[0]
    plans = forced_plans(collection, groups.data)[:3]
    assert [plan.name for plan in plans] == ["exact", "codes", "walk"]
    for plan in plans:
        for effort in plan.efforts(10, half.matches):
            told = {"k": 10, "filter": question.filter, **effort.parameters}
            (segment,) = collection.explain(groups.data.queries, **told).segments
            assert plan_name(segment).partition("+")[0] == plan.name


def test_lists_have_a_plan_of_their_own(
    groups: QueryGroups, payloads: MadePayloads, passing: list[Passing], tmp_path: Path
) -> None:
    index = index_factory("IVF16,SQ8")
    with filtered_collection(tmp_path, groups.data, payloads, silent, index) as loaded:
        plans = forced_plans(loaded, groups.data)
        assert [plan.name for plan in plans] == ["exact", "lists"]
        half = next(one for one in passing if one.selectivity == 0.3)
        told = half.questions(groups, "keyword")[0].filter
        options = plans[1].efforts(10, half.matches)[3].parameters
        (segment,) = loaded.explain(groups.data.queries, 10, filter=told, **options).segments
        assert plan_name(segment).partition("+")[0] == "lists"


def test_what_is_known_of_rows_is_not_measured_again(
    groups: QueryGroups, matrix: Matrix, passing: list[Passing], collection: Collection
) -> None:
    peers, _ = find_filtered_peers(["hnswlib"])
    (rival,) = peers[0].build(groups.data, MadePayloads(groups.data, (), ()), 1, Path())
    ours, known = planned(collection, groups.data, 0.9), {}
    one = passing[1]
    for shape in ("keyword", "range"):
        truth = matrix.truth(one, 10)
        contest = Contest(groups.data, one.questions(groups, shape), truth, 10, 0.9, 1)
        entries = contest.entries(ours, [rival], known)
        assert [entry.name for entry in entries] == ["vicinal", "hnswlib"]
        assert known["hnswlib"] is entries[1]
    rival.close()


def test_widths_reach_from_k_to_the_rows() -> None:
    assert filtered_widths(10, 60) == [10, 13, 16, 20, 25, 32, 40, 50]
    assert filtered_widths(100, 50) == [100]
    assert filtered_widths(7, 8) == [7]


def test_an_engine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownPeerError, match="elsewhere"):
        find_filtered_peers(["elsewhere"])
