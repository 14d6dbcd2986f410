"""Coded tokens: what they stand for, that scores are those of decoded tokens, whose codes are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vicinal.indexes.exact.multi import MultiScan
from vicinal.indexes.exact.read_multi import ReadMultiScan
from vicinal.indexes.product import token_coding
from vicinal.indexes.product.token_codes import TokenCodes
from vicinal.indexes.product.token_coding import coded_rows, codes_for, learnt_codes
from vicinal.indexes.protocol import BuildJob
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows
from vicinal.testing import oracle
from vicinal.testing.random_rows import coded, random_tokens
from vicinal.testing.read_rows import not_in_memory

METRICS = [Metric.DOT, Metric.COSINE, Metric.L2]
EVERY = slice(None)


def rows_of(dim: int, most: int = 30, n: int = 40, seed: int = 0, metric: Metric = Metric.DOT) -> MultiRows:
    return random_tokens(n, dim, most, Element.FLOAT32, seed, metric=metric)


def codes_of(rows: MultiRows) -> TokenCodes:
    assert isinstance(rows.codes, TokenCodes)
    return rows.codes


def random_codes(dim: int, m: int, k: int, metric: Metric, seed: int = 0) -> TokenCodes:
    """Return codes that nothing was learnt for, with more centroids than small samples give."""
    rng = np.random.default_rng(seed)
    floats = [rng.standard_normal(shape).astype(np.float32) for shape in ((k, dim), (dim, 256), (dim, dim))]
    return TokenCodes(floats[0], floats[1], np.linalg.qr(floats[2])[0], m, metric)


def numpy_decoded(tokens: NDArray[np.uint8], codes: TokenCodes) -> NDArray[np.float64]:
    """Return what the bytes of docs/format.md stand for."""
    decoded = []
    for token in tokens:
        number = int(token[codes.m]) | int(token[codes.m + 1]) << 8
        total = codes.centroids[number].astype(np.float64)
        for part in range(codes.m):
            mine = slice(part * codes.dim // codes.m, (part + 1) * codes.dim // codes.m)
            total[mine] += codes.codebooks[mine, token[part]]
        scale = np.frombuffer(bytes([0, 0, token[codes.m + 2], token[codes.m + 3]]), "<f4")[0]
        decoded.append(scale * total if codes.rotation is None else scale * (total @ codes.rotation))
    return np.array(decoded)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("turn", [False, True])
def test_tokens_are_centroid_codes_and_length(metric: Metric, turn: bool) -> None:
    rows = rows_of(22, metric=metric)
    rows.tokens[7] = 0
    made = coded(rows, 5, turn=turn)
    codes, decoded = codes_of(made), made.floats(EVERY)
    np.testing.assert_allclose(decoded, numpy_decoded(made.tokens, codes), atol=1e-5)
    lengths, given_lengths = (np.linalg.norm(tokens, axis=1) for tokens in (decoded, rows.tokens))
    np.testing.assert_allclose(lengths, given_lengths, rtol=2**-8)
    assert not decoded[7].any()
    # 5 codes, a number and a scale.
    assert made.tokens.shape[1] == 9 if metric is Metric.DOT else 13
    if metric is not Metric.DOT:
        behind = np.ascontiguousarray(made.tokens[:, 9:]).view("<f4")[:, 0]
        squares = np.square(decoded.astype(np.float64)).sum(axis=1)
        inverse = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
        expected = squares if metric is Metric.L2 else inverse
        np.testing.assert_allclose(behind, expected, rtol=1e-5)
    # The nearest centroid, and of what is left the nearest of each part.
    turned = codes.turned(rows.tokens)
    far = np.square(turned[:, None] - codes.centroids[None]).sum(axis=2)
    numbers = made.tokens[:, 5] + 256 * made.tokens[:, 6].astype(int)
    np.testing.assert_allclose(far[np.arange(len(far)), numbers], far.min(axis=1), rtol=1e-4, atol=1e-4)
    left = turned - codes.centroids[numbers]
    for part, (start, end) in enumerate(zip(codes.starts[:-1], codes.starts[1:], strict=True)):
        off = np.square(left[:, start:end, None] - codes.codebooks[None, start:end]).sum(axis=1)
        np.testing.assert_allclose(off[np.arange(len(off)), made.tokens[:, part]], off.min(axis=1), atol=1e-4)


def test_a_token_is_coded_and_decoded_alone() -> None:
    rows = coded(rows_of(33), 8)
    floats, codes = rows_of(33).tokens, codes_of(rows)
    for part in (slice(0, 1), slice(3, 20), slice(50, 51)):
        np.testing.assert_array_equal(codes.encode(floats[part]), rows.tokens[part])
        np.testing.assert_array_equal(codes.decode(rows.tokens[part]), rows.floats(EVERY)[part])


@pytest.mark.parametrize("size", [1e-30, 1e-4, 1e17])
def test_tokens_of_any_size(size: float) -> None:
    for metric in METRICS:
        rows = rows_of(16, metric=metric)
        large = replace(rows, tokens=(rows.tokens * np.float32(size)).astype(np.float32))
        decoded = coded(large, 8).floats(EVERY)
        assert np.isfinite(decoded).all()
        error = np.square((decoded - large.tokens).astype(np.float64)).sum()
        assert error < 0.1 * np.square(large.tokens.astype(np.float64)).sum()


def check_scores(rows: MultiRows, queries: MultiRows) -> None:
    scored = MultiScan(rows).score(queries, np.arange(len(rows), dtype=np.uint32))
    table, empty = oracle.maxsim_scores(rows, queries), np.diff(rows.offsets) == 0
    assert np.isnan(scored[:, empty]).all()
    size = np.abs(table[:, ~empty]).max(initial=1)
    np.testing.assert_allclose(scored[:, ~empty], table[:, ~empty], rtol=2e-5, atol=2e-5 * size)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("dim", "m"), [(1, 1), (7, 7), (16, 4), (40, 3), (128, 32), (300, 20)])
def test_scores_are_those_of_decoded_tokens(metric: Metric, dim: int, m: int) -> None:
    codes = random_codes(dim, m, 300, metric)
    rows = coded_rows(rows_of(dim, metric=metric), codes)
    assert rows.tokens[:, m + 1].any()
    for most in (3, 40):
        check_scores(rows, random_tokens(5, dim, most, Element.FLOAT32, 1, fewest=1))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(METRICS),
    st.integers(1, 70),
    st.lists(st.sampled_from([0, 1, 2, 5, 23, 24, 25, 49]), min_size=1, max_size=6),
    st.lists(st.sampled_from([1, 3, 8, 9, 16, 17, 33, 70]), min_size=1, max_size=3),
    st.integers(0, 99),
)
def test_ragged_rows_of_any_shape(
    metric: Metric, dim: int, sizes: list[int], lengths: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    floats = rng.standard_normal((sum(sizes), dim)).astype(np.float32)
    floats[rng.random(len(floats)) < 0.1] = 0
    m = int(rng.integers(1, dim + 1))
    rows = coded_rows(MultiRows(np.cumsum([0, *sizes]), floats, metric), random_codes(dim, m, 40, metric))
    queries = rng.standard_normal((sum(lengths), dim)).astype(np.float32)
    queries[rng.random(len(queries)) < 0.1] = 0
    check_scores(rows, MultiRows(np.cumsum([0, *lengths]), queries))


@pytest.mark.parametrize("metric", METRICS)
def test_rows_are_found_in_memory_and_read(metric: Metric) -> None:
    rows, queries = (
        coded(rows_of(24, metric=metric), 6),
        random_tokens(7, 24, 20, Element.FLOAT32, 1, fewest=1),
    )
    scan, (read, _) = MultiScan(rows), not_in_memory(rows)
    table = scan.score(queries, np.arange(40, dtype=np.uint32))
    known = np.flatnonzero(~np.isnan(table[0]))
    expected, truth = oracle.top(table, 9, metric.higher_is_nearer, known)
    for one in (scan, ReadMultiScan(read, 300, 900)):
        found = one.search(queries, 9)
        np.testing.assert_array_equal(found.rows, expected)
        np.testing.assert_array_equal(found.scores, truth.astype(np.float32))
        alone = one.search(queries[3:4], 9)
        np.testing.assert_array_equal(alone.scores, found.scores[3:4])
    first = scan.with_tokens(3).score(queries, known.astype(np.uint32))
    short = oracle.maxsim_scores(rows.first(3), queries)[:, known]
    if metric is Metric.DOT:
        np.testing.assert_allclose(first, short, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(read.floats(np.array([5, 2, 9])), rows.floats(np.array([5, 2, 9])))
    assert rows.nbytes == rows.offsets.nbytes + rows.tokens.nbytes + codes_of(rows).nbytes


def test_what_cannot_be_looked_up_is_refused() -> None:
    rows = coded(rows_of(16), 4)
    codes = codes_of(rows)
    damaged = rows.tokens.copy()
    damaged[3, 4:6] = 255
    with pytest.raises(ValueError, match="a token is of centroid 65535; there are"):
        MultiScan(replace(rows, tokens=damaged))
    for wrong in (rows.tokens[:, :-1].copy(), rows.tokens.view(np.int8)):
        with pytest.raises(ValueError, match=r"16 dimensions have other|int8 have scales"):
            replace(rows, tokens=wrong)
    with pytest.raises(ValueError, match="8 dimensions have other"):
        replace(rows, dim=8)
    for name, array in codes.arrays().items():
        with pytest.raises(ValueError, match=name if name != "centroids" else r"centroids are .*expected"):
            TokenCodes.from_arrays(codes.arrays() | {name: array[:, 1:]}, 16, 4, Metric.DOT)
    with pytest.raises(ValueError, match="0 centroids; expected 1 to 65536"):
        TokenCodes.from_arrays(codes.arrays() | {"centroids": codes.centroids[:0]}, 16, 4, Metric.DOT)
    assert TokenCodes.from_arrays({}, 16, 4, Metric.DOT) is None


def test_codes_of_most_tokens_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_coding, "LEAST_TOKENS", 300)
    few, many, plain = coded(rows_of(16, seed=1), 4), coded(rows_of(16, seed=2), 4), rows_of(16, seed=3)
    every, half = np.arange(40), np.arange(0, 40, 9)
    job = BuildJob(threads=1)
    assert codes_for([(few, half), (plain, every), (many, every)], 4, True, job) is many.codes
    assert codes_for([(few, every), (many, half)], 4, True, job) is few.codes
    assert codes_for([(plain, half)], 4, True, job) is None
    assert codes_for([], 4, True, job) is None
    learnt = codes_for([(plain, every), (rows_of(16, seed=4), every)], 4, True, job)
    assert learnt is not None
    assert coded_rows(many, codes_of(many)) is many
    same = TokenCodes.from_arrays(codes_of(many).arrays(), 16, 4, Metric.DOT)
    assert same is not None
    assert coded_rows(many, same) is many
    # Others are coded by what they are decoded to.
    np.testing.assert_array_equal(coded_rows(few, same).tokens, same.encode(few.floats(EVERY)))


def test_what_is_learnt_does_not_depend_on_threads() -> None:
    sample, said = rows_of(16).tokens, []
    codes = [learnt_codes(sample, 4, True, Metric.DOT, BuildJob(3, n, said.append)) for n in (1, 3)]
    assert codes[0] == codes[1]
    assert codes[0] != learnt_codes(sample, 4, True, Metric.DOT, BuildJob(4, 1))
    assert said[-1] == pytest.approx(1.0)
