"""Lists of frequent words are left out, and segments searched as one; answers stay exact."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from pyroaring import BitMap

from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.row_set import RowSet
from vicinal.indexes.rows.saturation import Saturation
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.indexes.sparse.part import Part
from vicinal.indexes.sparse.parts_index import PartsIndex
from vicinal.indexes.sparse.postings import build
from vicinal.testing.random_rows import random_csr

N, FREQUENT = 6000, 4


def texts() -> SparseRows:
    """Return texts of a few words of hundreds, and most of a few frequent ones."""
    rng = np.random.default_rng(2)
    rare, rows = random_csr(N, 400, 5, 3), []
    for row in range(N):
        words = np.flatnonzero(rng.random(FREQUENT) < 0.8)
        terms = np.concatenate([words, FREQUENT + rare[row : row + 1].indices])
        rows.append((terms, rng.integers(1, 4, len(terms))))
    indptr = np.cumsum([0, *(len(terms) for terms, _ in rows)], dtype=np.int64)
    indices, values = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return SparseRows(indptr, indices.astype(np.uint32), values.astype(np.float32), saturation=Saturation())


TEXTS = texts()


def queries(average: float) -> SparseRows:
    """Return queries of two frequent words and some rare ones, weighted as their frequencies have it."""
    rng = np.random.default_rng(4)
    asked = [np.sort(np.r_[0, 1, rng.choice(np.arange(FREQUENT, 404), 3, False)]) for _ in range(12)]
    # And one that nothing but frequent words make, and one that finds few.
    asked += [np.array([0, 1, 2]), np.array([0, 1, 999])]
    indices = np.concatenate(asked).astype(np.uint32)
    weights = np.where(indices < FREQUENT, 0.2, 4.0).astype(np.float32)
    indptr = np.cumsum([0, *map(len, asked)], dtype=np.int64)
    return SparseRows(indptr, indices, weights, average=average)


def index_of(rows: SparseRows, *ends: int) -> PartsIndex:
    """Return an index in parts of rows, whose last rows are in none."""
    starts = (0, *ends[:-1])
    parts = [Part(build(rows.between(lo, hi)), lo, hi - lo) for lo, hi in zip(starts, ends, strict=True)]
    return PartsIndex(parts, rows)


@pytest.mark.parametrize("ends", [(N,), (5000, N - 9)])
@pytest.mark.parametrize("k", [1, 10, 150])
@pytest.mark.parametrize("average", [TEXTS.mean_length(), 4.0, 30.0])
def test_texts_are_found_as_a_scan_finds_them(ends: tuple[int, ...], k: int, average: float) -> None:
    asked, index = queries(average), index_of(TEXTS, *ends)
    some = RowSet.from_bitmap(BitMap(range(1, N, 3)), N)
    for scope in (Scope(), Scope(some), Scope(RowSet.from_range(100, 5500, N))):
        found = index.search(asked, k, index.effort(k, 0.95, None, 1.0), scope)
        truth = SparseScan(TEXTS).search(asked, k, scope)
        np.testing.assert_array_equal(found.scores, truth.scores)
        np.testing.assert_array_equal(found.rows, truth.rows)


def test_most_postings_are_left_out() -> None:
    """They are read where every row is to be scored, and where nothing but frequent words is asked for."""
    index, asked = index_of(TEXTS, N), queries(TEXTS.mean_length())[:12]
    read = index.search(asked, 10, index.effort(10, 0.95, None, 1.0)).stats.distances
    whole = index.search(asked, N, index.effort(N, 0.95, None, 1.0)).stats.distances
    assert read < whole / 4


@pytest.mark.parametrize(
    "rows",
    [replace(TEXTS, saturation=None), TEXTS, SparseRows.of_terms(TEXTS.indptr, TEXTS.indices)],
    ids=["products", "texts", "binary"],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_several_are_searched_as_one(rows: SparseRows, sign: int) -> None:
    asked = queries(9.0)
    asked = replace(asked, values=asked.values * np.float32(sign))
    cuts = [0, 200, 4200, N]
    parts = [rows.between(lo, hi) for lo, hi in pairwise(cuts)]
    indexes = [index_of(part, len(part) - 7) for part in parts]
    live = BitMap(row for row in range(N) if row % 3)
    scopes = [Scope(RowSet.from_bitmap(live & BitMap(range(cuts[1])), cuts[1])), Scope(), Scope()]
    everything = Scope(RowSet.from_bitmap((live & BitMap(range(200))) | BitMap(range(200, N)), N))
    for k in (1, 10, 300, N + 1):
        search = indexes[0].joined(list(zip(indexes[1:], scopes[1:], strict=True)), k, scopes[0])
        assert search is not None
        found, truth = search(asked), SparseScan(rows).search(asked, k, everything)
        np.testing.assert_array_equal(found.scores, truth.scores)
        np.testing.assert_array_equal(found.rows, truth.rows)
    assert indexes[0].joined([(object(), Scope())], 10) is None


@pytest.mark.parametrize("saturation", [None, Saturation()], ids=["products", "texts"])
def test_an_index_that_can_add_nothing_is_not_read(saturation: Saturation | None) -> None:
    """What the others lead to is more than all its lists come to, and than sums of 16 bits hold."""
    rows = replace(TEXTS, saturation=saturation)
    named = TEXTS.indices.copy()
    named[TEXTS.indptr[:20]] = 500
    first = index_of(replace(rows[:1000], indices=named[: TEXTS.indptr[1000]]), 1000)
    query = SparseRows(
        np.array([0, 3]), np.array([0, 1, 500], np.uint32), np.array([0.2, 0.2, 90], np.float32), average=9.0
    )
    search = first.joined([(index_of(rows.between(1000, N), N - 1000), Scope())], 10)
    assert search is not None
    alone = first.search(query, 10, first.effort(10, 0.95, None, 1.0))
    found = search(query)
    np.testing.assert_array_equal(found.rows, alone.rows)
    assert found.stats.distances == alone.stats.distances


@pytest.mark.parametrize(("lo", "hi"), [(100, 2000), (3500, N)])
def test_parts_that_no_row_is_looked_for_in_are_not_read(lo: int, hi: int) -> None:
    index, asked = index_of(TEXTS, 3000, N), queries(9.0)[:1]
    scope = Scope(RowSet.from_range(lo, hi, N))
    part = TEXTS.between(0, 3000) if hi <= 3000 else TEXTS.between(3000, N)
    found = index.search(asked, N, index.effort(N, 0.95, None, 1.0), scope)
    assert found.stats.distances == np.isin(part.indices, asked.indices).sum()
