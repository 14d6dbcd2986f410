"""Lists of tokens: the suites of indexes, and what is theirs alone."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from vicinal.indexes.codecs.product import Product
from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.effort.multi_queries import multi_pseudo_queries
from vicinal.indexes.exact.multi import MultiScan
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows, encoded
from vicinal.indexes.token_lists.levels import LEVELS
from vicinal.indexes.token_lists.token_lists import TokenLists
from vicinal.testing import oracle
from vicinal.testing.multi_index_conformance import MultiIndexConformance
from vicinal.testing.random_rows import CODED, random_queries, random_rows


class TestTokenLists(MultiIndexConformance):
    floor = 0.85
    shapes = MultiIndexConformance.shapes[::2]
    given: ClassVar = {"candidates": 60, "n_probe": 10, "tokens": 300}

    def spec(self) -> TokenLists:
        return TokenLists(n_lists=24)


class TestTokenListsOfProducts(MultiIndexConformance):
    floor = 0.85
    given: ClassVar = {"candidates": 60}
    shapes = MultiIndexConformance.shapes[-1:]

    def spec(self) -> TokenLists:
        return TokenLists(n_lists=24, codec=Product(bits=4, rotation=None))


class TestTokenListsOfFirstTokens(MultiIndexConformance):
    # Its rows are tokens in no order, of which the first say little of the others.
    floor = 0.85
    given: ClassVar = {"candidates": 200}
    shapes = MultiIndexConformance.shapes[:1]

    def spec(self) -> TokenLists:
        return TokenLists(n_lists=24, tokens=3)


class TestTokenListsOfCodedTokens(MultiIndexConformance):
    floor = 0.85
    given: ClassVar = {"candidates": 60}
    shapes = CODED

    def spec(self) -> TokenLists:
        return TokenLists(n_lists=24)


class TestTokenListsOfBytes(MultiIndexConformance):
    floor = 0.85
    given: ClassVar = {"candidates": 60, "n_probe": 6}
    shapes = MultiIndexConformance.shapes[1:2]

    def spec(self) -> TokenLists:
        return TokenLists(n_lists=24, codec=Scalar(8))


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.COSINE, Metric.L2])
def test_candidates_are_the_rows_that_the_gathered_tokens_say(metric: Metric) -> None:
    shape = FieldShape("multi", metric, Element.FLOAT32, 16)
    rows, queries = random_rows(shape, 600), random_queries(shape, 12)
    spec = TokenLists(n_lists=20, codec=Scalar(8))
    index = spec.open(spec.build(rows, BuildJob(1, 1)), rows)
    every = spec.knobs({"candidates": 40, "n_probe": 20, "tokens": len(rows.tokens)})
    found = index.search(queries, 10, index.effort(10, 0.9, every, 1.0))
    # Where all tokens count, candidates are the nearest rows themselves up to what codes lose.
    _, truth = oracle.top(oracle.scores_of(rows, queries), 10, metric.higher_is_nearer)
    assert oracle.recall(found.scores, truth, metric.higher_is_nearer, 1e-5) > 0.98
    assert found.stats.distances == len(queries.tokens) * len(rows.tokens)
    assert found.stats.rescored == 40 * len(queries)


def test_rows_without_tokens_are_never_found() -> None:
    rng = np.random.default_rng(4)
    sizes = rng.integers(0, 4, 500)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows = MultiRows(offsets, rng.standard_normal((int(offsets[-1]), 8), np.float32))
    spec = TokenLists(n_lists=8)
    index = spec.open(spec.build(rows, BuildJob(1, 1)), rows)
    queries = rows[np.flatnonzero(sizes)[:5]]
    filled = int((sizes > 0).sum())
    found = index.search(queries, 500, index.effort(500, 0.9, None, 1.0))
    assert ((found.rows != oracle.NO_ROW).sum(axis=1) == filled).all()
    few = index.search(queries, 5, index.effort(5, 0.99, None, 1.0))
    assert np.isin(few.rows, np.flatnonzero(sizes)).all()


def test_queries_out_of_rows_without_tokens_are_none() -> None:
    rows = MultiRows(np.zeros(9, np.int64), np.empty((0, 8), np.float32))
    assert len(multi_pseudo_queries(rows, 20, 0)) == 0
    spec = TokenLists()
    index = spec.open(spec.build(rows, BuildJob(1, 1)), rows)
    queries = MultiRows(np.array([0, 1]), np.ones((1, 8), np.float32))
    assert (index.search(queries, 3, index.effort(3, 0.9, None, 1.0)).rows == oracle.NO_ROW).all()


def test_gains_are_those_of_a_sum_over_each_tokens_best() -> None:
    shape = FieldShape("multi", Metric.DOT, Element.FLOAT32, 8)
    rows, queries = random_rows(shape, 400), random_queries(shape, 6)
    spec = TokenLists(n_lists=10, codec=Scalar(8))
    index = spec.open(spec.build(rows, BuildJob(1, 1)), rows)
    pool = 60
    knobs = spec.knobs({"candidates": 15, "n_probe": 10, "tokens": pool})
    found = index.search(queries, 15, index.effort(15, 0.9, knobs, 1.0)).rows
    row_of = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
    agreed = []
    for q in range(len(queries)):
        sums = np.zeros(len(rows))
        for token in queries.tokens[queries.offsets[q] : queries.offsets[q + 1]]:
            scores = rows.tokens @ token
            nearest = np.argsort(-scores)[:pool]
            best = np.zeros(len(rows))
            np.maximum.at(best, row_of[nearest], scores[nearest] - scores[nearest[-1]])
            sums += best
        agreed.append(len(np.intersect1d(np.argsort(-sums)[:15], found[q])))
    # Codes of 8 bits turn around few of them.
    assert np.mean(agreed) > 14
    exact = MultiScan(rows).score(queries, np.unique(found))
    assert np.isfinite(exact).all()


def test_what_it_is_not_for_is_refused() -> None:
    with pytest.raises(ValueError, match=r"TokenLists\.n_lists is 0"):
        TokenLists(n_lists=0)
    for tokens in (0, 1.0, True, 65_537):
        with pytest.raises(ValueError, match=r"TokenLists\.tokens is .*from 1 to 65,536"):
            TokenLists(tokens=tokens)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is of multi-vectors; the field has dense ones"):
        TokenLists().check(FieldShape("dense", Metric.DOT, Element.FLOAT32, 8))
    with pytest.raises(ValueError, match="no knob 'ef'"):
        TokenLists().knobs({"ef": 3})
    with pytest.raises(ValueError, match="candidates say how hard"):
        TokenLists().knobs({"n_probe": 3})
    with pytest.raises(ValueError, match=r"tokens is 0\.5"):
        TokenLists().knobs({"candidates": 10, "tokens": 0.5})


@pytest.mark.parametrize("element", [Element.INT8, Element.BINARY])
def test_tokens_of_few_bits_are_found_as_a_scan_finds_them(element: Element) -> None:
    floats = random_rows(FieldShape("multi", Metric.COSINE, Element.FLOAT32, 32), 900)
    tokens, scales = encoded(floats.tokens, element)
    rows = MultiRows(floats.offsets, tokens, Metric.COSINE, scales, 32)
    spec = TokenLists(n_lists=24)
    index = spec.open(spec.build(rows, BuildJob(1, 1)), rows)
    queries = random_queries(FieldShape("multi", Metric.COSINE, Element.FLOAT32, 32), 40)
    truth = MultiScan(rows).search(queries, 10)
    found = index.search(queries, 10, index.effort(10, 0.95, None, 1.0))
    assert oracle.recall(found.scores, truth.scores, True, 1e-5) > 0.88


def test_lists_hold_the_first_tokens_of_rows_alone_and_by_levels() -> None:
    rng = np.random.default_rng(1)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 41, 300))]).astype(np.int64)
    rows = MultiRows(offsets, rng.standard_normal((int(offsets[-1]), 16), np.float32))
    lengths, queries = np.diff(offsets), rows[np.flatnonzero(np.diff(offsets))[:6]].first(5)
    for tokens in (None, 9):
        spec = TokenLists(n_lists=7, tokens=tokens, codec=Scalar(8))
        arrays = spec.build(rows, BuildJob(1, 1))
        index = spec.open(arrays, rows)
        kept = lengths if tokens is None else np.minimum(lengths, tokens)
        np.testing.assert_array_equal(np.bincount(arrays["members"], minlength=300), kept)
        assert index.with_tokens(3) is None
        for count in (4, 8, 9, 11, 40):
            shorter = index.with_tokens(count)
            assert shorter is not None
            every = spec.knobs({"candidates": 299, "n_probe": 7, "tokens": len(rows.tokens)})
            found = shorter.search(queries, 10, shorter.effort(10, 0.9, every, 1.0))
            # Lists are cut behind the next level.
            read = np.minimum(kept, next(level for level in LEVELS if level >= count)).sum()
            assert found.stats.distances == len(queries.tokens) * read
            np.testing.assert_array_equal(
                found.rows, MultiScan(rows).with_tokens(count).search(queries, 10).rows
            )


def test_lists_without_levels_are_read_whole() -> None:
    rows = random_rows(FieldShape("multi", Metric.DOT, Element.FLOAT32, 8), 300)
    spec = TokenLists(n_lists=5, tokens=1)
    arrays = spec.build(rows, BuildJob(1, 1))
    assert arrays.pop("stops").shape == (0, 5)
    index = spec.open(arrays, rows)
    assert index.with_tokens(3) is None
    found = index.search(rows[:9], 10, index.effort(10, 0.9, spec.knobs({"candidates": 299}), 1.0))
    np.testing.assert_array_equal(found.rows, MultiScan(rows).search(rows[:9], 10).rows)


def test_levels_that_do_not_fit_the_lists_are_refused() -> None:
    rows = random_rows(FieldShape("multi", Metric.DOT, Element.FLOAT32, 8), 300)
    spec = TokenLists(n_lists=5)
    arrays = spec.build(rows, BuildJob(1, 1))
    for stops in (arrays["stops"][::-1].copy(), arrays["stops"] + 10_000, arrays["stops"][:, :-1].copy()):
        with pytest.raises(ValueError, match=r"levels of a list|stops are"):
            spec.open({**arrays, "stops": stops}, rows)
