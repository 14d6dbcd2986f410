"""Efforts are chosen on one half of the queries by recall and time, and measured on the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vicinal.bench.comparison.equal_recall import LEVELS, answered, best_at, tuned
from vicinal.bench.comparison.halves import Half, sparse_halves
from vicinal.bench.datasets.sparse_dataset import SparseDataset
from vicinal.bench.datasets.sparse_opening import open_sparse_dataset
from vicinal.bench.peers import Effort

Halves = tuple[Half[SparseDataset], Half[SparseDataset]]


class Scan:
    """Looks through a share of the documents, and takes as long as that share says."""

    def __init__(self, half: Half[SparseDataset]) -> None:
        rows = half.data.documents
        self.dense = np.zeros((len(rows), half.data.vocabulary), dtype=np.float32)
        for number in range(len(rows)):
            terms, weights = rows.row(number)
            self.dense[number, terms] = weights

    def asked(self, terms: Any, weights: Any) -> Any:
        return np.asarray(terms), np.asarray(weights)

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        seen = self.dense[: int(effort.parameters["share"] * len(self.dense))]

        def search(asked: Any) -> Any:
            time.sleep(effort.parameters["seconds"])
            return np.argsort(-(seen[:, asked[0]] @ asked[1]), kind="stable")[:k]

        return search

    def rows(self, answer: Any) -> Iterable[int]:
        rows: Iterable[int] = answer.tolist()
        return rows

    def close(self) -> None:
        del self.dense


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Halves:
    data = open_sparse_dataset("splade-300", tmp_path_factory.mktemp("data"))
    data = SparseDataset(data.name, data.documents, data.queries.part(0, 20), data.vocabulary)
    return sparse_halves(data, 10)


def effort(share: float, seconds: float = 0.0) -> Effort:
    return Effort(f"{share} {seconds}", {"share": share, "seconds": seconds})


def test_halves_ask_different_queries(cut: Halves, tmp_path: Path) -> None:
    first, second = cut
    whole = open_sparse_dataset("splade-300", tmp_path).queries
    assert [len(half) for half in cut] == [10, 10]
    assert np.array_equal(first.data.queries.row(9)[0], whole.row(9)[0])
    assert np.array_equal(second.data.queries.row(0)[0], whole.row(10)[0])


def test_the_quickest_that_reaches_a_level_is_chosen(
    cut: Halves,
) -> None:
    searcher = Scan(cut[0])
    slow, quick, poor = effort(1.0, 0.02), effort(1.0, 0.005), effort(0.5)
    assert [one.label for one in tuned(searcher, [slow, quick, poor], cut[0])] == [quick.label]


def test_the_best_is_chosen_where_no_level_is_reached(
    cut: Halves,
) -> None:
    chosen = tuned(Scan(cut[0]), [effort(0.1), effort(0.6), effort(0.3)], cut[0])
    assert [one.label for one in chosen] == [effort(0.6).label]


def test_answers_are_measured(cut: Halves) -> None:
    searcher = Scan(cut[1])
    found = answered(searcher, effort(1.0, 0.003), cut[1], 3)
    assert found.recall == 1.0
    assert (len(found.seconds), found.seconds.min() >= 0.003) == (10, True)
    assert found.cores < 1.5
    part = answered(searcher, effort(0.5), cut[1], 1)
    assert 0.2 < part.recall < 0.8
    points = [("a", found), ("b", part)]
    assert [name for name, _ in best_at(points, LEVELS[0])] == ["a"]
