"""The graph walk: a batch, a single query, and walks that may return only some rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vicinal.bench.datasets import open_dataset
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.graph.knobs import HnswKnobs
from vicinal.indexes.protocol import BuildJob, Scope
from vicinal.indexes.rows.dense import DenseRows, inverse_norms, pad
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet

K = 10
DATA = open_dataset("clustered-20000x384", queries=200)


@pytest.fixture(scope="module")
def index() -> Any:
    floats, dim = DATA.vectors, DATA.dim
    padded, norms = pad(floats, Element.FLOAT32, dim), inverse_norms(floats)
    rows = DenseRows(padded, dim, Element.FLOAT32, norms, Metric.COSINE)
    spec = Hnsw(m=16, ef_construction=100)
    return spec.open(spec.build(rows, BuildJob()), rows)


@pytest.mark.parametrize("ef", [10, 20, 50, 100, 200])
def test_batch(benchmark: Any, index: Any, ef: int) -> None:
    effort = index.effort(K, 0.95, HnswKnobs(ef), 1.0)
    stats = index.search(DATA.queries, K, effort).stats
    benchmark.extra_info["queries"] = len(DATA.queries)
    benchmark.extra_info["distances_per_query"] = stats.distances / len(DATA.queries)
    benchmark(index.search, DATA.queries, K, effort)


def test_single(benchmark: Any, index: Any) -> None:
    effort, query = index.effort(K, 0.95, HnswKnobs(50), 1.0), DATA.queries[:1]
    index.search(query, K, effort)
    benchmark(index.search, query, K, effort)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_allowed_rows(benchmark: Any, index: Any, share: float) -> None:
    passing = np.flatnonzero(np.random.default_rng(1).random(DATA.rows) < share).astype(np.uint32)
    scope = Scope(RowSet(DATA.rows, bounds=None, rows=passing))
    effort = index.effort(K, 0.95, HnswKnobs(50), share)
    index.search(DATA.queries, K, effort, scope)
    benchmark(index.search, DATA.queries, K, effort, scope)
