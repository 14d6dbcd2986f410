"""The graph walk: a batch, a single query, and walks that may return only some rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vicinal.bench.datasets import open_dataset
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.rows.dense import DenseVectors, inverse_norms, pad
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet

K = 10
DATA = open_dataset("clustered-20000x384", queries=200)


@pytest.fixture(scope="module")
def index() -> Any:
    floats, dim = DATA.vectors, DATA.dim
    vectors = DenseVectors(pad(floats, Element.FLOAT32, dim), dim, Element.FLOAT32, inverse_norms(floats))
    spec = Hnsw(m=16, ef_construction=100)
    return spec.open(spec.build(vectors, Metric.COSINE), vectors, Metric.COSINE)


@pytest.mark.parametrize("ef", [10, 20, 50, 100, 200])
def test_batch(benchmark: Any, index: Any, ef: int) -> None:
    effort = index.effort(K, ef=ef)
    stats = index.search(DATA.queries, K, effort=effort).stats
    benchmark.extra_info["queries"] = len(DATA.queries)
    benchmark.extra_info["distances_per_query"] = stats.distances / len(DATA.queries)
    benchmark(index.search, DATA.queries, K, effort=effort)


def test_single(benchmark: Any, index: Any) -> None:
    effort, query = index.effort(K, ef=50), DATA.queries[:1]
    index.search(query, K, effort=effort)
    benchmark(index.search, query, K, effort=effort)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_allowed_rows(benchmark: Any, index: Any, share: float) -> None:
    passing = np.flatnonzero(np.random.default_rng(1).random(DATA.rows) < share).astype(np.uint32)
    allowed = RowSet(DATA.rows, bounds=None, rows=passing)
    effort = index.effort(K, ef=50, selectivity=share)
    index.search(DATA.queries, K, allowed=allowed, effort=effort)
    benchmark(index.search, DATA.queries, K, allowed=allowed, effort=effort)
