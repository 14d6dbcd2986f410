"""Equal rows: one node of a graph, and every one of them found."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.graph.copies import find_copies, nodes_of, open_copies
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.graph.knobs import HnswKnobs
from vicinal.indexes.protocol import BuildJob, Effort, Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.neighbors import NO_ROW
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_vectors, random_matrix
from vicinal.testing.read_rows import not_in_memory

N, DIM = 3000, 20


def repeated(element: Element, seed: int = 0) -> NDArray[Any]:
    """Return rows of which one comes 400 times, some many times and most once."""
    rng = np.random.default_rng(seed)
    distinct = random_matrix(1200, DIM, element, seed=seed)
    drawn = np.concatenate([np.zeros(400, int), rng.integers(0, 60, 1400), np.arange(1200)])
    return np.ascontiguousarray(distinct[rng.permutation(drawn)])


@pytest.mark.parametrize("element", list(Element))
@pytest.mark.parametrize("read", [False, True])
def test_each_row_leads_to_the_next_that_equals_it(element: Element, read: bool) -> None:
    matrix = repeated(element)
    metric = Metric.HAMMING if element is Element.BINARY else Metric.L2
    rows = as_vectors(matrix, DIM, element, metric)
    copies = find_copies(not_in_memory(rows)[0] if read else rows)
    last: dict[bytes, int] = {}
    expected = np.full(N, NO_ROW, np.uint32)
    for row, values in enumerate(matrix):
        if values.tobytes() in last:
            expected[last[values.tobytes()]] = row
        last[values.tobytes()] = row
    np.testing.assert_array_equal(copies, expected)
    firsts = np.unique(matrix, axis=0, return_index=True)[1]
    np.testing.assert_array_equal(nodes_of(copies, N), np.sort(firsts))


def test_rows_that_differ_in_few_high_bits_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    hot = np.eye(256, dtype=np.float32)[rng.integers(0, 256, N)]
    nodes = nodes_of(find_copies(as_vectors(hot, 256, Element.FLOAT32, Metric.L2)), N)
    np.testing.assert_array_equal(nodes, np.sort(np.unique(hot.argmax(axis=1), return_index=True)[1]))


def test_rows_that_all_differ_have_none() -> None:
    rows = as_vectors(random_matrix(600, DIM, Element.FLOAT32), DIM, Element.FLOAT32, Metric.L2)
    assert len(find_copies(rows)) == 0
    assert "copies" not in Hnsw().build(rows, BuildJob())


KINDS = [
    (Metric.L2, Element.FLOAT32),
    (Metric.COSINE, Element.FLOAT32),
    (Metric.DOT, Element.FLOAT32),
    (Metric.L2, Element.INT8),
    (Metric.HAMMING, Element.BINARY),
]


@cache
def built(metric: Metric, element: Element) -> dict[str, NDArray[Any]]:
    return Hnsw().build(as_vectors(repeated(element), DIM, element, metric), BuildJob())


@pytest.mark.parametrize(("metric", "element"), KINDS)
@pytest.mark.parametrize("read", [False, True])
def test_all_copies_are_found_ties_by_row(metric: Metric, element: Element, read: bool) -> None:
    if read and element is Element.BINARY:
        pytest.skip("binary rows are their own codes, which are in memory")
    matrix = repeated(element)
    rows = as_vectors(matrix, DIM, element, metric)
    index = Hnsw().open(built(metric, element), not_in_memory(rows)[0] if read else rows)
    queries = matrix[::100] if element is Element.BINARY else matrix[::100].astype(np.float32)
    table = oracle.scores(matrix, queries, metric)
    # As rows are scored, so that equal ones tie.
    first = np.unique(matrix, axis=0, return_inverse=True)[1].reshape(-1)
    for k in (1, 10, 300):
        for allowed in (None, np.arange(1, N, 3)):
            scope = Scope() if allowed is None else Scope(RowSet.from_bitmap(BitMap(allowed.tolist()), N))
            found = index.search(queries, k, Effort(HnswKnobs(1280, 1280), None, 0.0, ""), scope)
            _, truth = oracle.top(table, k, metric.higher_is_nearer, allowed)
            assert oracle.recall(found.scores, truth, metric.higher_is_nearer, 1e-4) > 0.995
            for own, scores, near in zip(found.rows, found.scores, table, strict=True):
                assert len(set(own.tolist())) == k
                np.testing.assert_allclose(scores, near[own], rtol=1e-4, atol=1e-5)
                if allowed is not None:
                    assert np.isin(own, allowed).all()
                # Of rows that are equal those before one that was found were found too.
                for row in own[:20].tolist():
                    equal = np.flatnonzero(first == first[row])
                    equal = equal if allowed is None else equal[np.isin(equal, allowed)]
                    assert np.isin(equal[equal < row], own).all()


def test_copies_that_lead_nowhere_are_refused() -> None:
    good = np.full(10, NO_ROW, np.uint32)
    good[2] = 7
    assert open_copies({"copies": good}, 10) is good
    for damaged in (
        good[:9],
        good.astype(np.int64),
        np.where(good == 7, 2, good),
        np.where(good == 7, 10, good),
    ):
        with pytest.raises(ValueError, match="copies"):
            open_copies({"copies": damaged.astype(damaged.dtype)}, 10)


def test_nodes_that_no_links_lead_to_are_found_and_those_equal_to_them() -> None:
    rng = np.random.default_rng(0)
    # All equally far from each other: each links to the same few.
    hot = np.eye(256, dtype=np.float32)[rng.integers(0, 256, N)]
    rows = as_vectors(hot, 256, Element.FLOAT32, Metric.L2)
    index = Hnsw().open(Hnsw().build(rows, BuildJob(threads=1)), rows)
    queries = np.eye(256, dtype=np.float32)[:40] + 0.05 * rng.standard_normal((40, 256), np.float32)
    _, truth = oracle.top(oracle.scores(hot, queries, "l2"), 100, False)
    for effort in (index.effort(100, 0.95, None, 1.0), Effort(HnswKnobs(300, 300), None, 0.0, "")):
        found = index.search(queries, 100, effort)
        assert oracle.recall(found.scores, truth, False, 1e-4) == 1
        # Nodes are compared, not all rows.
        assert found.stats.distances <= 40 * 3 * 256
