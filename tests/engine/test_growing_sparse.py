"""Sparse rows are searched by postings while they grow, as they are when they are sealed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import F, Sparse
from vicinal.engine.maintenance.merge_policy import MergePolicySettings
from vicinal.engine.results.explanation import PlanKind, PlanReason
from vicinal.engine.vector_kinds.growing_sparse import GrowingSparse
from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.protocol import Effort
from vicinal.storage.columns.vectors import SparseColumn
from vicinal.testing.random_rows import random_csr

EFFORT: Effort[None] = Effort(None, 1.0, 0.0, "")
N = 3_000
ROWS = random_csr(N, 300, 20)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[vicinal.Database]:
    """A database that seals nothing of its own accord."""
    with vicinal.open(tmp_path / "db", merge_policy=MergePolicySettings(quiet_seconds=1e9)) as opened:
        yield opened


def vectors(n: int, seed: int = 0) -> list[Any]:
    rows = random_csr(n, 300, 20, seed, fewest=1)
    parts = zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
    return [(rows.indices[lo:hi], rows.values[lo:hi]) for lo, hi in parts]


def test_a_growing_segment_answers_as_a_sealed_one(db: vicinal.Database) -> None:
    texts = db.create_collection("texts", Sparse(), fields={"n": "integer"})
    given, queries = vectors(N), vectors(20, 1)
    for lo in range(0, N, 500):
        texts.upsert(range(lo, lo + 500), given[lo : lo + 500], [{"n": i} for i in range(lo, lo + 500)])
        texts.search(queries[0])
    texts.delete(range(0, N, 7))
    texts.upsert(range(5), given[10:15], [{"n": i} for i in range(5)])
    filters = [None, F("n") < N // 2, F("n") == 3]
    growing = [[texts.search(query, k=10, filter=f) for query in queries] for f in filters]
    batch = texts.search(queries, k=10)
    plan = texts.explain(queries[0]).segments
    assert [(segment.segment, segment.kind) for segment in plan] == [("growing", PlanKind.INDEX_SEARCH)]
    assert plan[0].effort == "sums of postings"
    texts.merge()
    for f, answers in zip(filters, growing, strict=True):
        for query, found in zip(queries, answers, strict=True):
            sealed = texts.search(query, k=10, filter=f)
            np.testing.assert_array_equal(found.scores, sealed.scores)
            assert set(found.ids) == set(sealed.ids)
    np.testing.assert_array_equal(batch.scores, texts.search(queries, k=10).scores)


def test_few_rows_are_scanned(db: vicinal.Database) -> None:
    texts = db.create_collection("texts", Sparse())
    texts.upsert(range(40), vectors(40))
    plan = texts.explain(vectors(1, 1)[0]).segments[0]
    assert (plan.kind, plan.reason) == (PlanKind.EXACT_SCAN, PlanReason.NO_INDEX)


def test_a_load_that_nobody_searches_makes_no_postings(db: vicinal.Database) -> None:
    texts = db.create_collection("texts", Sparse())
    texts.upsert(range(N), vectors(N))
    before = texts.info().bytes_memory
    texts.search(vectors(1, 1)[0])
    n_weights = sum(len(indices) for indices, _ in vectors(N))
    assert before + 3 * n_weights <= texts.info().bytes_memory <= before + 4 * n_weights


def column(lo: int, hi: int) -> SparseColumn:
    rows = ROWS[lo:hi]
    return SparseColumn(rows.indptr, rows.indices, rows.values)


def test_readers_see_a_prefix_while_rows_are_appended() -> None:
    """Each reader holds another length, among them ones that postings reach beyond."""
    growing, queries = GrowingSparse(Sparse()), random_csr(4, 300, 20, seed=1)
    growing.append(column(0, 200))
    written, over = [200], threading.Event()

    def read(seed: int) -> int:
        rng, searched = np.random.default_rng(seed), 0
        while not over.is_set() or not searched:
            length = int(rng.integers(1, written[-1] + 1))
            index, rows = growing.index(length), growing.rows(length)
            if index is not None:
                truth = SparseScan(rows).search(queries, 5)
                found = index.search(queries, 5, EFFORT)
                np.testing.assert_array_equal(found.rows, truth.rows)
                np.testing.assert_array_equal(found.scores, truth.scores)
                searched += 1
        return searched

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read, seed) for seed in range(3)]
        for lo in range(200, N, 35):
            growing.append(column(lo, min(lo + 35, N)))
            written.append(min(lo + 35, N))
        over.set()
        assert all(reader.result() for reader in readers)
    index = growing.index(N)
    assert index is not None
    truth = SparseScan(growing.rows(N)).search(queries, 5)
    np.testing.assert_array_equal(index.search(queries, 5, EFFORT).rows, truth.rows)


def test_an_index_is_kept_until_there_are_more_rows() -> None:
    growing = GrowingSparse(Sparse())
    growing.append(column(0, 200))
    index = growing.index(200)
    assert growing.index(200) is index
    growing.append(column(200, 201))
    assert growing.index(201) is not index
