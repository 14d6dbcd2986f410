"""Ways to search are tuned until they reach the recall, and compared on other queries."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from vicinal.bench.datasets import open_dataset
from vicinal.bench.datasets.dataset import Floats
from vicinal.bench.filtered.cells import Matrix, Question
from vicinal.bench.filtered.contest import Contest, Entry, regret
from vicinal.bench.filtered.groups import QueryGroups, grouped
from vicinal.bench.filtered.orders import row_orders
from vicinal.bench.filtered.searcher import Answering
from vicinal.bench.peers import Effort, grid
from vicinal.bench.peers.peer import Ids


class HalfSearcher:
    """Compares the first so many percent of the rows that pass, and then rests."""

    by_rows = True

    def __init__(self, name: str, groups: QueryGroups, shares: Sequence[int], rests: float = 0.0) -> None:
        self.name, self._groups, self._shares, self._rests = name, groups, shares, rests
        self.asked: list[tuple[int, int]] = []

    def queries(self) -> Floats:
        return self._groups.data.peer_queries

    def efforts(self, k: int, matches: int) -> Sequence[Effort]:
        return grid(share=self._shares)

    def under(self, question: Question) -> Answering | None:
        if question.shape == "text":
            return None

        def answer(query: Floats, k: int, effort: Effort) -> Ids:
            share = effort.parameters["share"]
            place = int(np.flatnonzero((self.queries() == query).all(axis=1))[0])
            self.asked.append((share, place))
            rows = question.rows[: -(-len(question.rows) * share // 100)]
            scores = self._groups.data.peer_vectors[rows] @ query
            time.sleep(self._rests)
            return rows[np.argsort(-scores, kind="stable")[:k]]

        return answer

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def groups() -> QueryGroups:
    return grouped(open_dataset("random-2000x8"), 2, 10)


def contest(groups: QueryGroups, shape: str = "range") -> Contest:
    matrix = Matrix(groups, row_orders(groups, (0.5,)), (0.1,))
    (passing,) = matrix.made()
    return Contest(groups.data, passing.questions(groups, shape), matrix.truth(passing, 10), 10, 0.95, 2)


def test_the_least_effort_that_reaches_the_recall_is_timed_on_the_other_queries(groups: QueryGroups) -> None:
    ours, rival = HalfSearcher("ours", groups, (100,)), HalfSearcher("rival", groups, (10, 40, 100, 101))
    first, second = contest(groups).entries(ours, [rival])
    assert (first.name, first.effort, first.recall, first.reached) == ("ours", "share 100", 1.0, True)
    assert (second.effort, second.recall, second.reached) == ("share 100", 1.0, True)
    tuning = [(share, place) for share in (100, 40) for place in range(0, 20, 2)]
    assert rival.asked == tuning + 2 * [(100, place) for place in range(1, 20, 2)]


def test_what_never_reaches_it_or_is_far_too_slow_is_not_the_best(groups: QueryGroups) -> None:
    ours = HalfSearcher("ours", groups, (100,))
    poor = HalfSearcher("poor", groups, (10, 20))
    slow = HalfSearcher("slow", groups, (10, 100), rests=0.02)
    entries = contest(groups).entries(ours, [poor, slow])
    assert [(one.effort, one.reached) for one in entries] == [
        ("share 100", True),
        ("share 20", False),
        ("share 100", True),
    ]
    assert entries[1].recall < 0.5
    assert regret(entries) == 1


def test_who_has_no_such_filter_does_not_compete(groups: QueryGroups) -> None:
    ours = HalfSearcher("ours", groups, (100,))
    assert contest(groups, "text").entries(ours, [ours]) == []


def test_regret_is_the_time_over_that_of_the_best_which_reached_the_recall() -> None:
    entries = [
        Entry("ours", "", 0.96, 30.0, True),
        Entry("a", "", 0.97, 20.0, True),
        Entry("b", "", 0.5, 1.0, False),
    ]
    assert regret(entries) == 1.5
    assert regret(entries[:1]) == 1
