"""What every index does, of whichever kind of vectors: run against each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.effort.raising import Raises, raised_index
from vicinal.indexes.protocol import (
    EVERYTHING,
    BuildJob,
    FieldShape,
    Index,
    IndexSpec,
    Scope,
    missing_methods,
    prepared_search,
)
from vicinal.indexes.registry import spec_from_json
from vicinal.indexes.rows.dense import aligned
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.neighbors import Neighbors
from vicinal.indexes.rows.row_set import RowSet
from vicinal.storage.arrays.header import DTYPES

from . import oracle
from .random_rows import random_queries, random_rows, stored
from .read_rows import not_in_memory


def as_mapped(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return arrays as a segment file gives them back: aligned, contiguous, read-only."""
    mapped = {}
    for name, array in arrays.items():
        mapped[name] = aligned(array.shape, array.dtype)
        mapped[name][...] = array
        mapped[name].flags.writeable = False
    return mapped


@lru_cache(maxsize=64)
def built(spec: IndexSpec, shape: FieldShape, n: int) -> tuple[Any, dict[str, NDArray[Any]], Index[Any, Any]]:
    """Return ``n`` rows of the shape, the arrays of an index over them, and the index."""
    rows = random_rows(shape, n)
    arrays = as_mapped(spec.build(rows, BuildJob(1, 1)))
    return rows, arrays, spec.open(arrays, rows)


class IndexConformance(ABC):
    """Subclass one of a kind (dense, sparse, multi) as ``Test...`` and give a spec.

    Attributes
    ----------
    shapes
        The fields that the index is tested on; the first one stands for them where one is enough.
    floor
        The recall it keeps at ``recall=0.95``; 1 for an exact index.
    n
        Rows of most tests.
    given
        What a caller may say about effort, as ``{"ef": 64}``; nothing unless the index has knobs.
    """

    shapes: ClassVar[Sequence[FieldShape]]
    floor: ClassVar[float] = 1.0
    n: ClassVar[int] = 1000
    given: ClassVar[Mapping[str, float]] = {}

    @abstractmethod
    def spec(self) -> IndexSpec:
        """Return the spec to test."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run what takes a shape on each of them."""
        if "shape" in metafunc.fixturenames:
            forms = [(s.metric, s.element, "saturated" if s.saturation else None) for s in self.shapes]
            names = [" ".join(filter(None, form)) for form in forms]
            metafunc.parametrize("shape", self.shapes, ids=names)

    def opened(self, shape: FieldShape | None = None, n: int | None = None) -> tuple[Any, Index[Any, Any]]:
        """Return random rows and an index over them."""
        rows, _, index = self.parts(shape or self.shapes[0], self.n if n is None else n)
        return rows, index

    def parts(self, shape: FieldShape, n: int) -> tuple[Any, dict[str, NDArray[Any]], Index[Any, Any]]:
        """Return random rows, the arrays of an index over them and the index, built once."""
        spec: Any = self.spec()
        return built(spec, shape, n)

    def check_recall(
        self, found: Neighbors, rows: Any, queries: Any, k: int, allowed: NDArray[Any] | None = None
    ) -> None:
        """Fail unless scores are right, nearest first, of allowed rows, and as near as promised."""
        metric: Metric = rows.metric
        table = oracle.scores_of(rows, queries)
        _, truth = oracle.top(table, k, metric.higher_is_nearer, allowed)
        assert found.rows.shape == found.scores.shape == (len(queries), k)
        assert found.rows.dtype == np.uint32
        assert found.scores.dtype == np.float32
        assert all(len(np.unique(one)) == k for one in found.rows)
        assert allowed is None or np.isin(found.rows, allowed).all()
        slack = 1e-5 * np.abs(truth).max()
        scores = np.take_along_axis(table, found.rows.astype(np.int64), 1)
        np.testing.assert_allclose(found.scores, scores, atol=slack)
        steps = np.diff(found.scores, axis=1)
        assert ((steps <= 0) if metric.higher_is_nearer else (steps >= 0)).all()
        assert oracle.recall(found.scores, truth, metric.higher_is_nearer, slack) >= self.floor

    def check_read_alike(self, shape: FieldShape) -> None:
        """Fail unless rows that have to be read are found as those in memory, and were asked for before."""
        rows, arrays, index = self.parts(shape, self.n)
        read, reader = not_in_memory(rows)
        reading, queries = self.spec().open(arrays, read), random_queries(shape, 30)
        for some in (None, RowSet.from_bitmap(BitMap(range(7, self.n, 5)), self.n)):
            scope = Scope(some)
            effort = index.effort(10, 0.95, None, scope.count(self.n) / self.n)
            # A query alone may be read for in another way than a batch.
            for some_queries in (queries, queries[:1], queries[7:8]):
                found, expected = (one.search(some_queries, 10, effort, scope) for one in (reading, index))
                np.testing.assert_array_equal(found.rows, expected.rows)
                np.testing.assert_array_equal(found.scores, expected.scores)
        asked, given = np.concatenate(reader.asked), np.concatenate(reader.read_calls)
        assert np.isin(given, asked).all()

    @pytest.mark.parametrize("k", [1, 10])
    def test_finds_the_nearest_rows(self, shape: FieldShape, k: int) -> None:
        rows, index = self.opened(shape)
        queries = random_queries(shape, 60)
        self.check_recall(index.search(queries, k, index.effort(k, 0.95, None, 1.0)), rows, queries, k)

    @pytest.mark.parametrize("share", [0.9, 0.3, 0.05])
    def test_finds_nothing_outside_the_scope(self, shape: FieldShape, share: float) -> None:
        rows, index = self.opened(shape)
        queries = random_queries(shape, 30)
        chosen = np.flatnonzero(np.random.default_rng(2).random(self.n) < share)
        allowed = RowSet.from_bitmap(BitMap(chosen.tolist()), self.n)
        effort = index.effort(10, 0.95, None, allowed.count / self.n)
        self.check_recall(index.search(queries, 10, effort, Scope(allowed)), rows, queries, 10, chosen)

    def test_a_filter_far_from_the_query_still_fills_k(self, shape: FieldShape) -> None:
        rows, index = self.opened(shape)
        query = random_queries(shape, 10)[:1]
        table = oracle.scores_of(rows, query)[0]
        order = np.argsort(table if rows.metric.higher_is_nearer else -table)
        chosen = np.sort(order[: self.n // 4])
        allowed = RowSet.from_bitmap(BitMap(chosen.tolist()), self.n)
        found = index.search(query, 10, index.effort(10, 0.95, None, 0.25), Scope(allowed))
        self.check_recall(found, rows, query, 10, chosen)

    def test_a_contiguous_range(self) -> None:
        rows, index = self.opened()
        queries = random_queries(self.shapes[0], 20)
        lo, hi = self.n // 15, self.n * 3 // 5
        effort = index.effort(5, 0.99, None, (hi - lo) / self.n)
        found = index.search(queries, 5, effort, Scope(RowSet.from_range(lo, hi, self.n)))
        self.check_recall(found, rows, queries, 5, np.arange(lo, hi))

    def test_each_tenant_finds_its_own(self) -> None:
        spec, shape, n = self.spec(), self.shapes[0], self.n
        rows = random_rows(shape, n)
        tenants = (np.arange(n) * 3 // n).astype(np.uint32)
        index = spec.open(as_mapped(spec.build(rows, BuildJob(1, 1, tenants=tenants))), rows)
        queries = random_queries(shape, 20)
        for tenant in range(3):
            own = np.flatnonzero(tenants == tenant)
            scope = Scope(RowSet.from_range(int(own[0]), int(own[-1]) + 1, n), tenant)
            found = index.search(queries, 10, index.effort(10, 0.95, None, len(own) / n), scope)
            self.check_recall(found, rows, queries, 10, own)

    def test_nothing_allowed(self) -> None:
        rows, index = self.opened()
        scope = Scope(RowSet.from_bitmap(BitMap(), self.n))
        found = index.search(random_queries(self.shapes[0], 3), 4, index.effort(4, 0.95, None, 0.0), scope)
        assert (found.rows == oracle.NO_ROW).all()
        assert (found.scores == rows.metric.worst).all()

    @pytest.mark.parametrize("n", [0, 1, 7])
    def test_few_rows_and_a_larger_k(self, shape: FieldShape, n: int) -> None:
        rows, index = self.opened(shape, n)
        queries = random_queries(shape, 3, seed=4)
        found = index.search(queries, 10, index.effort(10, 0.95, None, 1.0))
        expected, _ = oracle.top(oracle.scores_of(rows, queries), 10, rows.metric.higher_is_nearer)
        np.testing.assert_array_equal(found.rows, expected)
        assert (found.scores[:, n:] == rows.metric.worst).all()

    @pytest.mark.parametrize("k", [750, 5_000])
    def test_k_beyond_the_rows(self, k: int) -> None:
        n = 700
        _, index = self.opened(n=n)
        found = index.search(random_queries(self.shapes[0], 2), k, index.effort(k, 0.95, None, 1.0))
        assert (np.sort(found.rows[:, :n], axis=1) == np.arange(n)).all()
        assert (found.rows[:, n:] == oracle.NO_ROW).all()

    def test_no_queries(self) -> None:
        _, index = self.opened()
        found = index.search(random_queries(self.shapes[0], 2)[:0], 3, index.effort(3, 0.95, None, 1.0))
        assert found.rows.shape == found.scores.shape == (0, 3)

    def test_k_is_at_least_1(self) -> None:
        _, index = self.opened()
        with pytest.raises(ValueError, match="at least 1"):
            index.search(random_queries(self.shapes[0], 2), 0, index.effort(3, 0.95, None, 1.0))

    def test_equal_rows_come_by_row(self) -> None:
        shape = self.shapes[0]
        queries = random_queries(shape, 1)[np.zeros(600, np.int64)]
        rows, spec = stored(shape, queries), self.spec()
        index = spec.open(as_mapped(spec.build(rows, BuildJob(1, 1))), rows)
        found = index.search(queries[:2], 5, index.effort(5, 0.95, None, 1.0))
        assert (np.diff(found.rows.astype(np.int64), axis=1) > 0).all()
        assert (found.scores == found.scores[0, 0]).all()

    def test_a_batch_scores_as_its_queries_do_alone(self) -> None:
        _, index = self.opened()
        queries = random_queries(self.shapes[0], 40)
        effort = index.effort(10, 0.9, None, 1.0)
        batch, prepared = index.search(queries, 10, effort), prepared_search(index, 10, effort, EVERYTHING)
        for i in range(len(queries)):
            alone = prepared(queries[i : i + 1])
            np.testing.assert_array_equal(alone.rows[0], batch.rows[i])
            np.testing.assert_array_equal(alone.scores[0], batch.scores[i])

    def test_searches_from_many_threads(self) -> None:
        _, index = self.opened()
        queries = random_queries(self.shapes[0], 200)
        effort = index.effort(10, 0.95, None, 1.0)
        expected = index.search(queries, 10, effort)
        prepared = prepared_search(index, 10, effort, EVERYTHING)
        with ThreadPoolExecutor(8) as pool:
            parts = list(pool.map(lambda i: prepared(queries[i : i + 2]), range(0, 200, 2)))
        np.testing.assert_array_equal(np.concatenate([p.rows for p in parts]), expected.rows)

    def test_equal_builds(self) -> None:
        spec, rows = self.spec(), random_rows(self.shapes[0], self.n)
        first, second = spec.build(rows, BuildJob(3, 1)), spec.build(rows, BuildJob(3, 1))
        assert sorted(first) == sorted(second)
        for name, array in first.items():
            np.testing.assert_array_equal(array, second[name])

    def test_its_arrays_can_be_stored(self, shape: FieldShape) -> None:
        _, arrays, index = self.parts(shape, self.n)
        for array in arrays.values():
            assert array.dtype in DTYPES.values()
            assert array.ndim <= 3
        assert index.nbytes >= 0

    def test_arrays_of_another_shape_are_refused(self, shape: FieldShape) -> None:
        rows, arrays, _ = self.parts(shape, self.n)
        for name, array in arrays.items():
            with pytest.raises(ValueError, match=r"\S"):
                self.spec().open({**arrays, name: array[None]}, rows)

    def test_the_spec_is_one(self, shape: FieldShape) -> None:
        spec = self.spec()
        assert not missing_methods(spec)
        spec.check(shape)
        assert hash(spec) == hash(self.spec())
        assert spec_from_json(spec.to_json()) == spec
        assert not spec.worth_building(0)
        order = spec.order(random_rows(shape, 50), BuildJob())
        assert order is None or np.sort(order.rows).tolist() == list(range(50))

    def test_progress_ends_at_one(self) -> None:
        told: list[float] = []
        self.spec().build(random_rows(self.shapes[0], 600), BuildJob(progress=told.append))
        assert told == sorted(told)
        assert told[-1] == 1.0

    def test_more_recall_never_costs_less(self) -> None:
        _, index = self.opened()
        efforts = [index.effort(10, recall, None, 1.0) for recall in (0.5, 0.9, 0.95, 0.99, 1.0)]
        seconds = [effort.seconds for effort in efforts]
        assert seconds == sorted(seconds)
        assert all(effort.words for effort in efforts)

    def test_raised_it_tries_harder_and_finds_as_much(self) -> None:
        rows, index = self.opened()
        raised = [raised_index(index, rungs).effort(10, 0.9, None, 1.0) for rungs in (0, 1, 2, 4, 8, 24)]
        seconds = [effort.seconds for effort in raised]
        assert seconds == sorted(seconds)
        asked = random_queries(self.shapes[0], 60)
        self.check_recall(index.search(asked, 10, raised[-1]), rows, asked, 10)
        if isinstance(index, Raises):
            assert index.effort(10, 0.9, None, 1.0) == raised[0]

    def test_what_a_caller_says_is_done(self) -> None:
        spec = self.spec()
        with pytest.raises(ValueError, match="no_such_knob"):
            spec.knobs({"no_such_knob": 1})
        _, index = self.opened()
        effort = index.effort(10, 0.95, spec.knobs(self.given), 1.0)
        found = index.search(random_queries(self.shapes[0], 5), 10, effort)
        assert (found.rows < self.n).all()

    @pytest.mark.parametrize("is_known", [False, True])
    def test_calibrated_it_keeps_its_promise(self, is_known: bool) -> None:
        rows, index = self.opened()
        queries = random_queries(self.shapes[0], 200, seed=5)
        _, truth = oracle.top(oracle.scores_of(rows, queries), 100, rows.metric.higher_is_nearer)
        table = index.calibrate(queries, truth.astype(np.float32) if is_known else None)
        fitted = index.with_table(as_mapped(table))
        asked = random_queries(self.shapes[0], 60)
        self.check_recall(fitted.search(asked, 10, fitted.effort(10, 0.95, None, 1.0)), rows, asked, 10)
