"""RaBitQ: codes of a few bits, products without bias."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from vicinal.indexes.codecs.rabitq import RaBitQ, RaBitQCodec
from vicinal.indexes.kernels.codes import view_codes
from vicinal.indexes.kernels.rabitq import sign_tables
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.addresses import address
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.codec_conformance import CodecConformance
from vicinal.testing.nearnesses import Given, nearnesses
from vicinal.testing.random_rows import DENSE

_NUMBERS = tuple(shape for shape in DENSE if shape.element is not Element.BINARY)
_METRICS = (Metric.COSINE, Metric.DOT, Metric.L2)


class TestRaBitQ(CodecConformance):
    shapes = _NUMBERS[:3]
    # Of 40 dimensions and as many bits, by the order of random numbers.
    floor = 0.5
    # The bias of products takes out what the code is off along the mean of the rows.
    rounding = 0.05

    def spec(self) -> RaBitQ:
        return RaBitQ()


class TestRaBitQOf2Bits(CodecConformance):
    shapes = _NUMBERS[::4]
    floor = 0.75
    rounding = 0.03

    def spec(self) -> RaBitQ:
        return RaBitQ(2)


class TestRaBitQOf4Bits(CodecConformance):
    shapes = _NUMBERS[:3]

    def spec(self) -> RaBitQ:
        return RaBitQ(4)


class TestRaBitQOf8Bits(CodecConformance):
    shapes = _NUMBERS[::4]

    def spec(self) -> RaBitQ:
        return RaBitQ(8)


def normal(n: int, dim: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def trained(
    matrix: np.ndarray[Any, Any], bits: int, metric: Metric = Metric.DOT, seed: int = 0
) -> RaBitQCodec:
    return RaBitQ(bits).train(Given(matrix, metric), BuildJob(seed))


def best_cosine(magnitudes: np.ndarray[Any, Any], bits: int) -> float:
    """Return the cosine of a vector and the best of all codes, by walking all widths that change one."""
    top = (1 << (bits - 1)) - 1
    steps = np.arange(1, top + 1)
    widths = np.append(0.0, (steps[:, None] / magnitudes).ravel() * (1 + 1e-12))
    codes = np.minimum(np.floor(widths[:, None] * magnitudes), top) + 0.5
    return float(((codes @ magnitudes) / np.linalg.norm(codes, axis=1)).max() / np.linalg.norm(magnitudes))


@pytest.mark.parametrize("bits", range(1, 9))
def test_products_have_no_bias_and_the_deviation_that_is_said(bits: int) -> None:
    dim, vectors = 70, normal(400, 70)
    queries = normal(50, dim, 1)
    errors = []
    for seed in range(3):
        codec = trained(vectors, bits, seed=seed)
        coded = codec.encode(Given(vectors, Metric.DOT))
        mean = codec.arrays()["mean"]
        decoded = codec.decode(coded).astype(np.float64)
        off = (queries - mean) @ (decoded - vectors).T
        said = codec.deviations(Given(vectors, Metric.DOT), coded)
        errors.append(off / (np.linalg.norm(queries - mean, axis=1, keepdims=True) * said))
    shares = np.stack(errors)
    assert abs(shares.mean()) <= 4 / np.sqrt(shares.size)
    assert abs(shares.std() - 1) <= 0.05
    assert (np.abs(shares) <= 1.9).mean() >= 0.93
    assert (shares <= 1.9).mean() >= 0.965


def test_a_bit_more_halves_the_error() -> None:
    vectors = normal(300, 384)
    given_vectors = Given(vectors, Metric.DOT)
    said = []
    for bits in range(1, 9):
        codec = trained(vectors, bits)
        said.append(codec.deviations(given_vectors, codec.encode(given_vectors)).mean())
    shares = np.array(said)
    ratios = shares[:-1] / shares[1:]
    assert ((ratios >= 1.7) & (ratios <= 2.2)).all()


@pytest.mark.parametrize(("bits", "more"), [(2, 1.001), (3, 1.002), (4, 1.003), (6, 1.02), (8, 1.05)])
def test_codes_point_nearly_as_well_as_the_best(bits: int, more: float) -> None:
    vectors = normal(40, 128)
    codec = trained(vectors, bits)
    left = vectors.astype(np.float64) - codec.arrays()["mean"]
    rotated = codec.prepare(left.astype(np.float32)).astype(np.float64)
    codes = codec.decode(codec.encode(Given(vectors, Metric.DOT))) - codec.arrays()["mean"]
    lengths = np.linalg.norm(codes, axis=1) * np.linalg.norm(left, axis=1)
    cosines = np.einsum("ij,ij->i", codes, left) / lengths
    best = np.array([best_cosine(np.abs(row), bits) for row in rotated])
    assert np.sqrt(1 / cosines**2 - 1).mean() <= more * np.sqrt(1 / best**2 - 1).mean()


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("dim", [1, 5, 64, 129])
def test_kernels_estimate_as_the_formula_says(bits: int, dim: int) -> None:
    vectors, queries = normal(37, dim), normal(6, dim, 1)
    codec = trained(vectors, bits, Metric.L2)
    coded = codec.encode(Given(vectors, Metric.L2))
    assert coded.codes.shape == (37, -(-dim // 64) * 8 * bits)
    mean = codec.arrays()["mean"]
    rest = codec.decode(coded) - mean
    prepared = codec.prepare(queries)
    steps = 127 / np.abs(prepared).max(axis=1, keepdims=True)
    rounded = np.rint(prepared * steps) / steps
    bias = 0.5 * ((vectors - mean) ** 2).sum(axis=1) + rest @ mean
    np.testing.assert_allclose(coded.bias, bias, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        nearnesses(codec, coded, queries), bias - rounded @ codec.prepare(rest).T, rtol=1e-3, atol=1e-3
    )


@njit
def fill(codes, query, tables):  # type: ignore[no-untyped-def]
    sign_tables(view_codes(codes), query, tables)


@pytest.mark.parametrize("dim", [3, 64, 100])
def test_tables_of_four_signs_add_up_to_products(dim: int) -> None:
    vectors, query = normal(20, dim), normal(1, dim, 1)
    codec = trained(vectors, 1)
    coded = codec.encode(Given(vectors, Metric.DOT))
    nibbles, prepared, record = codec.nibbles(coded), codec.prepare(query), codec.record(coded)
    assert nibbles.shape == (20, -(-dim // 64) * 16)
    tables = np.full((nibbles.shape[1], 16), np.nan, np.float32)
    fill(address(record), address(prepared), address(tables))
    summed = tables[np.arange(len(tables)), nibbles].sum(axis=1)
    expected = (codec.decode(coded) - codec.arrays()["mean"]) @ query[0]
    np.testing.assert_allclose(coded.factors * summed, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="of one bit a dimension"):
        trained(vectors, 2).nibbles(coded)


@given(st.data())
def test_extremes_are_coded(data: st.DataObject) -> None:
    dim, bits = data.draw(st.sampled_from([1, 5, 129])), data.draw(st.integers(1, 8))
    metric = data.draw(st.sampled_from(_METRICS))
    number = st.sampled_from([0.0, -0.0, 1.0, -3.5, 1e-30, -1e-42, 1e15, -1e15])
    rows = data.draw(st.lists(st.lists(number, min_size=dim, max_size=dim), min_size=1, max_size=3))
    vectors = np.array(rows, np.float32)
    codec = trained(vectors, bits, metric)
    coded = codec.encode(Given(vectors, metric))
    decoded = codec.decode(coded)
    assert np.isfinite(coded.bias).all()
    assert np.isfinite(coded.factors).all()
    left = vectors.astype(np.float64) - codec.arrays()["mean"]
    lengths = np.linalg.norm(left, axis=1)
    spared = 1e-6 * np.abs(vectors).max() + 1e-37
    # No code of one bit points farther off than a vector of one dimension from all others.
    assert (np.linalg.norm(decoded - vectors, axis=1) <= np.sqrt(dim) * (lengths + spared)).all()
    assert np.isfinite(nearnesses(codec, coded, vectors)).all()


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_rows_at_the_mean_are_decoded_to_it(bits: int) -> None:
    vectors = np.repeat(normal(1, 9), 5, axis=0)
    codec = trained(vectors, bits)
    np.testing.assert_allclose(codec.decode(codec.encode(Given(vectors, Metric.DOT))), vectors, atol=1e-6)


def test_what_cannot_be_coded_is_refused() -> None:
    for bits in (0, 9, 4.0, True):
        with pytest.raises(ValueError, match="expected a whole number from 1 to 8"):
            RaBitQ(bits)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="binary vectors"):
        RaBitQ().check(FieldShape("dense", Metric.HAMMING, Element.BINARY, 64))


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.COSINE])
def test_products_are_off_by_what_a_query_has_beside_the_mean(metric: Metric) -> None:
    vectors = normal(40, 70) + 3
    codec = trained(vectors, 2, metric)
    coded = codec.encode(Given(vectors, metric))
    mean = codec.arrays()["mean"].astype(np.float64)
    # Of the mean itself nothing is lost but what rounding the query loses; across it the codes alone count.
    across = normal(1, 70, 1)[0] - 0.5 * mean
    across -= across @ mean / (mean @ mean) * mean
    queries = np.stack([mean, -0.01 * mean, across, 100 * (mean + across)]).astype(np.float32)
    rest, left = codec.decode(coded) - mean, vectors - mean
    expected = np.stack([-mean @ left.T, 0.01 * mean @ left.T, -across @ rest.T])
    expected = np.vstack([expected, 100 * (expected[0] + expected[2])])
    spared = 0.005 * np.linalg.norm(queries, axis=1, keepdims=True) * np.linalg.norm(rest, axis=1)
    assert (np.abs(nearnesses(codec, coded, queries) - expected) <= spared).all()
