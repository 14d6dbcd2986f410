"""What every index must do, run against each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.protocol import BuildJob, Index, IndexSpec, Scope
from vicinal.indexes.registry import spec_from_json
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet

from . import oracle
from .random_rows import CASES, as_queries, as_vectors, random_matrix

_OPENED: dict[tuple[Any, ...], Index[Any, Any]] = {}


class IndexConformance(ABC):
    """Subclass as ``Test...`` and give a spec; ``floor`` is the recall it must keep at ``recall=0.95``."""

    floor: ClassVar[float] = 1.0
    n: ClassVar[int] = 1500
    dim: ClassVar[int] = 40

    @abstractmethod
    def spec(self) -> IndexSpec:
        """Return the spec to test."""

    def opened(self, matrix: NDArray[Any], dim: int, element: Element, metric: Metric) -> Index[Any, Any]:
        """Return an index over ``matrix``; no index ever changes, so an equal one serves again."""
        key = (repr(self.spec()), matrix.tobytes(), dim, element, metric)
        if key not in _OPENED:
            spec, vectors = self.spec(), as_vectors(matrix, dim, element, metric)
            _OPENED[key] = spec.open(spec.build(vectors, BuildJob(1, 1)), vectors)
        return _OPENED[key]

    @pytest.mark.parametrize(("metric", "element"), CASES)
    @pytest.mark.parametrize("k", [1, 10])
    def test_finds_the_nearest_rows(self, metric: Metric, element: Element, k: int) -> None:
        matrix = random_matrix(self.n, self.dim, element)
        queries = as_queries(random_matrix(60, self.dim, element, seed=1), element)
        index = self.opened(matrix, self.dim, element, metric)
        found = index.search(queries, k, index.effort(k, 0.95, None, 1.0))
        table = oracle.scores(matrix, queries, metric)
        rows, truth = oracle.top(table, k, metric.higher_is_nearer)
        assert found.rows.shape == found.scores.shape == (60, k)
        assert found.rows.dtype == np.uint32
        assert found.scores.dtype == np.float32
        size = np.abs(truth).max()
        np.testing.assert_allclose(
            found.scores, np.take_along_axis(table, found.rows.astype(np.int64), 1), atol=1e-5 * size
        )
        assert oracle.recall(found.scores, truth, metric.higher_is_nearer, 1e-5 * size) >= self.floor
        if self.floor == 1.0 and metric is Metric.HAMMING:
            np.testing.assert_array_equal(found.rows, rows)

    @pytest.mark.parametrize(("metric", "element"), CASES)
    @pytest.mark.parametrize("share", [0.9, 0.3, 0.02])
    def test_allowed_never_leaks(self, metric: Metric, element: Element, share: float) -> None:
        matrix = random_matrix(self.n, self.dim, element)
        queries = as_queries(random_matrix(30, self.dim, element, seed=1), element)
        index = self.opened(matrix, self.dim, element, metric)
        rows = np.flatnonzero(np.random.default_rng(2).random(self.n) < share)
        allowed = RowSet.from_bitmap(BitMap(rows.tolist()), self.n)
        effort = index.effort(10, 0.95, None, allowed.count / self.n)
        found = index.search(queries, 10, effort, Scope(allowed))
        assert np.isin(found.rows, rows).all()
        _, truth = oracle.top(oracle.scores(matrix, queries, metric), 10, metric.higher_is_nearer, rows)
        slack = 1e-5 * np.abs(truth).max()
        assert oracle.recall(found.scores, truth, metric.higher_is_nearer, slack) >= self.floor

    @pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2])
    def test_a_filter_far_from_the_query_still_fills_k(self, metric: Metric) -> None:
        matrix = random_matrix(self.n, self.dim, Element.FLOAT32)
        queries = random_matrix(10, self.dim, Element.FLOAT32, seed=1)
        index = self.opened(matrix, self.dim, Element.FLOAT32, metric)
        table = oracle.scores(matrix, queries[:1], metric)[0]
        order = np.argsort(table if metric.higher_is_nearer else -table)
        rows = np.sort(order[: self.n // 4])
        allowed = RowSet.from_bitmap(BitMap(rows.tolist()), self.n)
        effort = index.effort(10, 0.95, None, 0.25)
        found = index.search(queries, 10, effort, Scope(allowed))
        assert np.isin(found.rows, rows).all()
        _, truth = oracle.top(table[None], 10, metric.higher_is_nearer, rows)
        np.testing.assert_allclose(found.scores[0], truth[0], rtol=1e-5)

    def test_a_contiguous_range(self) -> None:
        matrix = random_matrix(self.n, self.dim, Element.FLOAT32)
        index = self.opened(matrix, self.dim, Element.FLOAT32, Metric.DOT)
        allowed = RowSet.from_range(100, 900, self.n)
        effort = index.effort(5, 0.99, None, 800 / self.n)
        found = index.search(matrix[:20], 5, effort, Scope(allowed))
        assert ((found.rows >= 100) & (found.rows < 900)).all()

    def test_nothing_allowed(self) -> None:
        index = self.opened(
            random_matrix(self.n, self.dim, Element.FLOAT32), self.dim, Element.FLOAT32, Metric.L2
        )
        queries = random_matrix(3, self.dim, Element.FLOAT32)
        allowed = RowSet.from_bitmap(BitMap(), self.n)
        found = index.search(queries, 4, index.effort(4, 0.95, None, 1.0), Scope(allowed))
        assert (found.rows == oracle.NO_ROW).all()
        assert (found.scores == np.inf).all()

    @pytest.mark.parametrize("n", [0, 1, 7])
    def test_few_rows_and_a_larger_k(self, n: int) -> None:
        matrix = random_matrix(n, self.dim, Element.FLOAT32)
        index = self.opened(matrix, self.dim, Element.FLOAT32, Metric.COSINE)
        queries = random_matrix(3, self.dim, Element.FLOAT32, seed=4)
        found = index.search(queries, 10, index.effort(10, 0.95, None, 1.0))
        rows, _ = oracle.top(oracle.scores(matrix, queries, "cosine"), 10, True)
        np.testing.assert_array_equal(found.rows, rows)
        assert (found.scores[:, n:] == -np.inf).all()

    def test_k_beyond_the_rows(self) -> None:
        n = 700
        index = self.opened(random_matrix(n, 8, Element.FLOAT32), 8, Element.FLOAT32, Metric.L2)
        found = index.search(
            random_matrix(2, 8, Element.FLOAT32, seed=5), n + 50, index.effort(n + 50, 0.95, None, 1.0)
        )
        assert (np.sort(found.rows[:, :n], axis=1) == np.arange(n)).all()
        assert (found.rows[:, n:] == oracle.NO_ROW).all()

    def test_no_queries(self) -> None:
        index = self.opened(random_matrix(600, 8, Element.FLOAT32), 8, Element.FLOAT32, Metric.L2)
        found = index.search(np.empty((0, 8), np.float32), 3, index.effort(3, 0.95, None, 1.0))
        assert found.rows.shape == (0, 3)

    def test_equal_vectors_come_by_row(self) -> None:
        matrix = np.repeat(random_matrix(1, 16, Element.FLOAT32), 600, axis=0)
        index = self.opened(matrix, 16, Element.FLOAT32, Metric.COSINE)
        found = index.search(matrix[:2], 5, index.effort(5, 0.95, None, 1.0))
        assert (np.diff(found.rows.astype(np.int64), axis=1) > 0).all()
        assert (found.scores == found.scores[0, 0]).all()

    def test_queries_need_not_be_contiguous(self) -> None:
        matrix = random_matrix(600, 16, Element.FLOAT32)
        index = self.opened(matrix, 16, Element.FLOAT32, Metric.L2)
        wide = np.zeros((20, 32), np.float32)
        wide[:, ::2] = matrix[:20]
        effort = index.effort(3, 0.95, None, 1.0)
        strided = index.search(wide[:, ::2], 3, effort)
        plain = index.search(matrix[:20], 3, effort)
        np.testing.assert_array_equal(strided.rows, plain.rows)

    def test_wrong_queries_are_refused(self) -> None:
        index = self.opened(random_matrix(600, 16, Element.FLOAT32), 16, Element.FLOAT32, Metric.L2)
        effort = index.effort(3, 0.95, None, 1.0)
        with pytest.raises(ValueError, match=r"expected float32 \(q, 16\)"):
            index.search(np.zeros((2, 15), np.float32), 3, effort)
        with pytest.raises(ValueError, match="expected float32"):
            index.search(np.zeros((2, 16)), 3, effort)
        with pytest.raises(ValueError, match="at least 1"):
            index.search(np.zeros((2, 16), np.float32), 0, effort)

    @pytest.mark.parametrize("dim", [1, 2, 63, 64, 65, 129, 1000])
    def test_any_dimension(self, dim: int) -> None:
        matrix = random_matrix(600, dim, Element.FLOAT32)
        queries = random_matrix(20, dim, Element.FLOAT32, seed=1)
        index = self.opened(matrix, dim, Element.FLOAT32, Metric.L2)
        found = index.search(queries, 5, index.effort(5, 0.95, None, 1.0))
        _, truth = oracle.top(oracle.scores(matrix, queries, "l2"), 5, False)
        assert oracle.recall(found.scores, truth, False, 1e-4) >= min(self.floor, 0.95)

    def test_a_batch_scores_as_its_queries_do_alone(self) -> None:
        matrix = random_matrix(self.n, self.dim, Element.FLOAT32)
        queries = random_matrix(40, self.dim, Element.FLOAT32, seed=1)
        index = self.opened(matrix, self.dim, Element.FLOAT32, Metric.COSINE)
        effort = index.effort(10, 0.9, None, 1.0)
        batch = index.search(queries, 10, effort)
        for i in range(len(queries)):
            alone = index.search(queries[i : i + 1], 10, effort)
            np.testing.assert_array_equal(alone.rows[0], batch.rows[i])
            np.testing.assert_array_equal(alone.scores[0], batch.scores[i])

    def test_equal_builds_and_equal_searches(self) -> None:
        matrix = random_matrix(self.n, self.dim, Element.FLOAT32)
        vectors = as_vectors(matrix, self.dim, Element.FLOAT32, Metric.COSINE)
        spec = self.spec()
        first = spec.build(vectors, BuildJob(3, 1))
        second = spec.build(vectors, BuildJob(3, 1))
        assert sorted(first) == sorted(second)
        for name, array in first.items():
            np.testing.assert_array_equal(array, second[name])

    def test_searches_from_many_threads(self) -> None:
        matrix = random_matrix(self.n, self.dim, Element.FLOAT32)
        queries = random_matrix(200, self.dim, Element.FLOAT32, seed=1)
        index = self.opened(matrix, self.dim, Element.FLOAT32, Metric.L2)
        effort = index.effort(10, 0.95, None, 1.0)
        expected = index.search(queries, 10, effort)
        with ThreadPoolExecutor(8) as pool:
            parts = list(pool.map(lambda i: index.search(queries[i : i + 2], 10, effort), range(0, 200, 2)))
        np.testing.assert_array_equal(np.concatenate([p.rows for p in parts]), expected.rows)

    def test_the_spec_survives_json(self) -> None:
        assert spec_from_json(self.spec().to_json()) == self.spec()

    def test_progress_ends_at_one(self) -> None:
        told: list[float] = []
        vectors = as_vectors(random_matrix(600, 8, Element.FLOAT32), 8, Element.FLOAT32, Metric.L2)
        self.spec().build(vectors, BuildJob(progress=told.append))
        assert told == sorted(told)
        assert told[-1] == 1.0
