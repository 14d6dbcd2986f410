"""Exact search of multi-vectors is what NumPy says, for every element and metric."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.exact.multi import Early, MultiScan
from vicinal.indexes.exact.read_multi import ReadMultiScan
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows, decoded, encoded
from vicinal.indexes.rows.neighbors import SearchStats
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.random_rows import random_tokens
from vicinal.testing.read_rows import not_in_memory

METRICS = [Metric.DOT, Metric.COSINE, Metric.L2]
NO_ROW = oracle.NO_ROW


def asked(n: int, dim: int, most: int, seed: int = 1) -> MultiRows:
    return random_tokens(n, dim, most, Element.FLOAT32, seed, fewest=1)


def in_steps(queries: MultiRows, steps: int) -> MultiRows:
    """Return queries as they are compared with signs: in steps to either side of zero."""
    sizes = np.abs(queries.tokens).max(axis=1, keepdims=True) / np.float32(steps)
    scaled = np.divide(queries.tokens, sizes, out=np.zeros_like(queries.tokens), where=sizes > 0)
    return replace(queries, tokens=np.floor(scaled + np.float32(0.5)) * sizes)


def table_of(rows: MultiRows, queries: MultiRows) -> NDArray[np.float64]:
    """Return the score of every row with every query; with packed signs that of the query in steps."""
    if rows.element is not Element.BINARY:
        return oracle.maxsim_scores(rows, queries)
    stepped, exact = in_steps(queries, 127), queries.tokens.astype(np.float64)
    signs, table = decoded(rows.tokens, None, rows.dim), np.full((len(queries), len(rows)), rows.metric.worst)
    for q in range(len(queries)):
        mine = slice(*queries.offsets[q : q + 2])
        squares = (exact[mine] ** 2).sum(axis=1)
        for r in np.flatnonzero(np.diff(rows.offsets)):
            best = (stepped.tokens[mine].astype(np.float64) @ signs[slice(*rows.offsets[r : r + 2])].T).max(
                axis=1
            )
            if rows.metric is Metric.L2:
                table[q, r] = np.sqrt((squares + rows.dim - 2 * best).clip(0).sum())
            elif rows.metric is Metric.COSINE:
                table[q, r] = (best / np.sqrt(np.where(squares, squares, 1) * rows.dim)).sum()
            else:
                table[q, r] = best.sum()
    return table


def check_scores(rows: MultiRows, queries: MultiRows) -> None:
    """Compare the score of every row; of int8 a token that is nearly the best may have been taken for it."""
    scored = MultiScan(rows).score(queries, np.arange(len(rows), dtype=np.uint32))
    table = table_of(rows, queries)
    empty = np.diff(rows.offsets) == 0
    assert np.isnan(scored[:, empty]).all()
    scored, table = scored[:, ~empty], table[:, ~empty]
    size = np.abs(table).max(initial=1)
    if rows.element is not Element.INT8:
        np.testing.assert_allclose(scored, table, rtol=2e-5, atol=2e-5 * size)
        return
    sign = 1 if rows.metric.higher_is_nearer else -1
    lost = sign * (table - scored)
    assert lost.min(initial=0) >= -2e-5 * size
    assert lost.mean() <= 2e-3 * size if lost.size else True


@pytest.mark.parametrize("element", Element)
@pytest.mark.parametrize("metric", METRICS)
def test_scores_are_those_of_the_oracle(element: Element, metric: Metric) -> None:
    for dim in (1, 7, 16, 40, 128, 300):
        rows = random_tokens(25, dim, 30, element, dim, metric=metric)
        check_scores(rows, asked(5, dim, 40))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(Element),
    st.sampled_from(METRICS),
    st.integers(1, 70),
    st.lists(st.sampled_from([0, 1, 2, 5, 23, 24, 25, 49]), min_size=1, max_size=6),
    st.lists(st.sampled_from([1, 3, 8, 9, 16, 17, 33, 70]), min_size=1, max_size=3),
    st.integers(0, 99),
)
def test_ragged_rows_of_any_shape(
    element: Element, metric: Metric, dim: int, sizes: list[int], lengths: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    floats = rng.standard_normal((sum(sizes), dim)).astype(np.float32)
    floats[rng.random(len(floats)) < 0.1] = 0
    tokens, scales = encoded(floats, element)
    rows = MultiRows(np.cumsum([0, *sizes]), tokens, metric, scales, dim)
    queries = rng.standard_normal((sum(lengths), dim)).astype(np.float32)
    queries[rng.random(len(queries)) < 0.1] = 0
    check_scores(rows, MultiRows(np.cumsum([0, *lengths]), queries))


@pytest.mark.parametrize("element", Element)
def test_the_most_tokens_and_dimensions(element: Element) -> None:
    check_scores(random_tokens(2, 64, 2048, element, fewest=2048), asked(2, 64, 300))
    check_scores(random_tokens(3, 8192, 3, element, metric=Metric.L2), asked(2, 8192, 3))


@pytest.mark.parametrize("element", Element)
@pytest.mark.parametrize("metric", METRICS)
def test_the_nearest_come_first_within_a_scope(element: Element, metric: Metric) -> None:
    rows, queries = random_tokens(60, 33, 9, element, 3, metric=metric), asked(7, 33, 6)
    scan, n = MultiScan(rows), len(rows)
    table = scan.score(queries, np.arange(n, dtype=np.uint32))
    some = BitMap(np.flatnonzero(np.random.default_rng(9).random(n) < 0.3).tolist())
    for allowed in (
        None,
        RowSet.from_range(15, 30, n),
        RowSet.from_bitmap(some, n),
        RowSet.from_range(0, 0, n),
    ):
        places = np.arange(n) if allowed is None else np.asarray(allowed.rows)
        places = places[~np.isnan(table[0, places])]
        for k in (1, 8, 70):
            found = scan.search(queries, k, Scope(allowed))
            expected, truth = oracle.top(table, k, metric.higher_is_nearer, places)
            np.testing.assert_array_equal(found.rows, expected)
            np.testing.assert_array_equal(found.scores, truth.astype(np.float32))


@pytest.mark.parametrize("element", Element)
@pytest.mark.parametrize("metric", METRICS)
def test_the_best_of_candidates(element: Element, metric: Metric) -> None:
    rows, queries = random_tokens(60, 40, 9, element, metric=metric), asked(7, 40, 6)
    scan, rng = MultiScan(rows), np.random.default_rng(2)
    table = scan.score(queries, np.arange(60, dtype=np.uint32))
    candidates = np.stack([rng.permutation(60)[:20] for _ in range(7)]).astype(np.uint32)
    candidates[::2, 3:9] = NO_ROW
    candidates[6] = NO_ROW
    for k in (1, 5, 30):
        found = scan.best_of(queries, candidates, k)
        for q, line in enumerate(candidates):
            given_rows = line[line != NO_ROW]
            there = given_rows[~np.isnan(table[q, given_rows])]
            expected, truth = oracle.top(table[q : q + 1], k, metric.higher_is_nearer, there)
            assert found.rows[q].tolist() == expected[0].tolist()
            np.testing.assert_array_equal(found.scores[q], truth[0].astype(np.float32))
        assert found.stats.rescored == int((candidates != NO_ROW).sum())


@pytest.mark.parametrize("piece_bytes", [1, 2000, 1 << 20])
@pytest.mark.parametrize("ahead_bytes", [0, 3000, 1 << 20])
@pytest.mark.parametrize("element", Element)
def test_rows_that_are_read_score_alike(element: Element, piece_bytes: int, ahead_bytes: int) -> None:
    rows, queries = random_tokens(60, 40, 9, element, metric=Metric.L2), asked(7, 40, 6)
    read, reader = not_in_memory(rows)
    scan, apart, rng = (
        MultiScan(rows),
        ReadMultiScan(read, piece_bytes, ahead_bytes),
        np.random.default_rng(2),
    )
    candidates = np.stack([rng.permutation(60)[:20] for _ in range(7)]).astype(np.uint32)
    candidates[::2, 3:9] = candidates[6] = NO_ROW
    some = Scope(RowSet.from_bitmap(BitMap(range(3, 60, 4)), 60))
    for k in (1, 5, 70):
        for found, expected in (
            (apart.search(queries, k), scan.search(queries, k)),
            (apart.search(queries, k, some), scan.search(queries, k, some)),
            (apart.best_of(queries, candidates, k), scan.best_of(queries, candidates, k)),
        ):
            np.testing.assert_array_equal(found.rows, expected.rows)
            np.testing.assert_array_equal(found.scores, expected.scores)
            assert msgspec.structs.replace(found.stats, read_bytes=0) == expected.stats
            assert found.stats.read_bytes > 0
    several = np.array([9, 3, 3, 59, 0], np.uint32)
    np.testing.assert_array_equal(apart.score(queries, several), scan.score(queries, several))
    np.testing.assert_array_equal(read[5:9].tokens, rows[5:9].tokens)
    assert apart.search(queries[:0], 3).rows.shape == (0, 3)
    # What is read was asked for before, and so much at once unless one row is larger.
    for wanted, given_rows in zip(reader.asked, reader.read_calls, strict=True):
        np.testing.assert_array_equal(wanted, given_rows)
    sizes = [rows.token_bytes * np.diff(rows.offsets)[piece].sum() for piece in reader.read_calls[:-1]]
    assert all(
        size <= piece_bytes or len(piece) == 1
        for size, piece in zip(sizes, reader.read_calls[:-1], strict=True)
    )
    for call, message in (
        (lambda: apart.best_of(queries, np.array([[60]] * 7, np.uint32), 1), "candidate 60 is beyond"),
        (lambda: apart.score(queries, np.array([60], np.uint32)), "row 60 is none of 60"),
        (lambda: apart.search(queries, 0), "k is 0"),
        (lambda: apart.search(asked(2, 41, 3), 1), "expected float32 of 40"),
        (lambda: replace(read, tokens=rows.tokens), "tokens that are read"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_query_alone_has_likely_rows_read_early_and_none_asked_for_twice() -> None:
    rows, query = random_tokens(60, 40, 9, Element.FLOAT32), asked(1, 40, 6)
    candidates = np.random.default_rng(3).permutation(60)[None, :20].astype(np.uint32)
    for ahead_bytes in (0, 1 << 20):
        read, reader = not_in_memory(rows)

        def find(queries: MultiRows, early: Early | None) -> tuple[np.ndarray, SearchStats]:
            assert early is not None
            early(np.append(candidates[0, :15], [NO_ROW, *set(range(60)).difference(candidates[0])][:4]))
            return candidates, SearchStats()

        found = ReadMultiScan(read, 2000, ahead_bytes).best_found(query, 5, find)
        expected = MultiScan(rows).best_of(query, candidates, 5)
        np.testing.assert_array_equal(found.rows, expected.rows)
        np.testing.assert_array_equal(found.scores, expected.scores)
        every = np.concatenate(reader.asked)
        assert len(every) == len(np.unique(every)) == (23 if ahead_bytes else 20)
        assert set(candidates[0].tolist()) <= set(every.tolist())


def test_a_row_is_nearest_to_itself() -> None:
    for metric in METRICS:
        for element in Element:
            rows = random_tokens(50, 64, 12, element, 5, fewest=1, metric=metric)
            if metric is Metric.DOT:
                continue
            assert MultiScan(rows).search(rows[:], 1).rows[:, 0].tolist() == list(range(50))


def test_one_token_each_is_the_distance_of_vectors() -> None:
    rng = np.random.default_rng(0)
    matrix, queries = (
        rng.standard_normal((20, 9)).astype(np.float32),
        rng.standard_normal((3, 9)).astype(np.float32),
    )
    rows, offsets = MultiRows(np.arange(21), matrix, Metric.L2), np.arange(4)
    scored = MultiScan(rows).score(MultiRows(offsets, queries), np.arange(20, dtype=np.uint32))
    np.testing.assert_allclose(scored, oracle.scores(matrix, queries, "l2"), rtol=1e-5)


def test_candidates_in_any_order_and_repeated_scores() -> None:
    scan = MultiScan(MultiRows(np.arange(5), np.ones((4, 3), np.float32)))
    queries = MultiRows(np.array([0, 2]), np.ones((2, 3), np.float32))
    assert scan.best_of(queries, np.array([[3, 0, 2]], np.uint32), 2).rows.tolist() == [[0, 2]]
    assert scan.score(queries, np.array([3, 3, 0], np.uint32)).tolist() == [[6, 6, 6]]
    assert scan.score(queries, np.empty(0, np.uint32)).shape == (1, 0)
    with pytest.raises(ValueError, match="candidate 4 is beyond the last of 4 rows"):
        scan.best_of(queries, np.array([[0, 4]], np.uint32), 1)
    with pytest.raises(ValueError, match=r"expected uint32 \(1, c\)"):
        scan.best_of(queries, np.array([[0], [1]], np.uint32), 1)
    with pytest.raises(ValueError, match="k is 0"):
        scan.best_of(queries, np.array([[0]], np.uint32), 0)
    with pytest.raises(ValueError, match="row 4 is none of 4"):
        scan.score(queries, np.array([4], np.uint32))


@pytest.mark.parametrize(
    ("given_rows", "message"),
    [
        ((np.array([0, 2]), np.ones((3, 4), np.float32)), "rise from 0 to 3"),
        ((np.array([0, 2]), np.ones((2, 4))), "float16 or float32"),
        ((np.array([0, 2]), np.ones((2, 4), np.float32), Metric.HAMMING), "compared by hamming"),
        ((np.array([0, 2]), np.ones((2, 4), np.int8)), "int8 have scales"),
        (
            (np.array([0, 2]), np.ones((2, 4), np.float16), Metric.DOT, np.ones(2, np.float32)),
            "no others have",
        ),
        ((np.array([0, 2]), np.ones((2, 4), np.int8), Metric.DOT, np.ones(3, np.float32)), r"float32 \(2,\)"),
        ((np.array([0, 2]), np.ones((2, 4), np.uint8), Metric.DOT, None, 33), "33 dimensions"),
    ],
)
def test_damaged_tokens_are_refused(given_rows: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiRows(*given_rows)


def test_queries_of_another_width_are_refused() -> None:
    scan = MultiScan(MultiRows(np.array([0, 2]), np.ones((2, 4), np.float32)))
    wide = MultiRows(np.array([0, 2]), np.ones((2, 5), np.float32))
    with pytest.raises(ValueError, match="expected float32 of 4"):
        scan.search(wide, 1)


@pytest.mark.parametrize("element", Element)
@pytest.mark.parametrize("count", [1, 3, 8, 40])
def test_the_first_tokens_of_rows_are_scored_as_if_there_were_no_others(element: Element, count: int) -> None:
    rows = random_tokens(70, 24, 30, element, 3, metric=Metric.COSINE)
    queries = asked(6, 24, 40)
    lengths = np.minimum(np.diff(rows.offsets), count)
    kept = np.concatenate(
        [np.arange(start, start + n) for start, n in zip(rows.offsets, lengths, strict=False)]
    )
    scales = None if rows.scales is None else rows.scales[kept]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    short = MultiRows(offsets, rows.tokens[kept], rows.metric, scales, rows.dim)
    scan, truth = MultiScan(rows).with_tokens(count), MultiScan(short)
    every = np.arange(70, dtype=np.uint32)
    np.testing.assert_array_equal(scan.score(queries, every), truth.score(queries, every))
    scope = Scope(RowSet.from_bitmap(BitMap(range(0, 70, 3)), 70))
    for found, expected in (
        (scan.search(queries, 9), truth.search(queries, 9)),
        (scan.search(queries, 9, scope), truth.search(queries, 9, scope)),
        (
            scan.best_of(queries, np.tile(every[::2], (6, 1)), 5),
            truth.best_of(queries, np.tile(every[::2], (6, 1)), 5),
        ),
    ):
        np.testing.assert_array_equal(found.rows, expected.rows)
        np.testing.assert_array_equal(found.scores, expected.scores)
    read = ReadMultiScan(not_in_memory(rows)[0], 500).with_tokens(count)
    np.testing.assert_array_equal(read.score(queries, every), truth.score(queries, every))
    np.testing.assert_array_equal(read.search(queries, 9, scope).rows, truth.search(queries, 9, scope).rows)
    np.testing.assert_array_equal(rows.first(count).tokens, decoded(short.tokens, short.scales, 24))
    assert scan.cost(None, 70, True) == pytest.approx(truth.cost(None, 70, True))
