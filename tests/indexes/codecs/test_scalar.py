"""Codes."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.indexes.codecs.bits import Bits
from vicinal.indexes.codecs.registry import codec_from_json
from vicinal.indexes.codecs.scalar import Scalar, bits_for
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.codec_conformance import CodecConformance
from vicinal.testing.nearnesses import Given, nearnesses
from vicinal.testing.random_rows import DENSE, as_vectors, random_matrix

_NUMBERS = tuple(shape for shape in DENSE if shape.element is not Element.BINARY)


class TestScalar(CodecConformance):
    shapes = _NUMBERS

    def spec(self) -> Scalar:
        return Scalar()


class TestScalarOfFourBits(CodecConformance):
    shapes = _NUMBERS[:3]

    def spec(self) -> Scalar:
        return Scalar(4)


class TestScalarPerVector(CodecConformance):
    shapes = _NUMBERS[:3]

    def spec(self) -> Scalar:
        return Scalar(8, per_vector=True)


class TestScalarOfFourBitsPerVector(CodecConformance):
    shapes = _NUMBERS[:3]

    def spec(self) -> Scalar:
        return Scalar(4, per_vector=True)


class TestBits(CodecConformance):
    shapes = tuple(shape for shape in DENSE if shape.element is Element.BINARY)

    def spec(self) -> Bits:
        return Bits()


@pytest.mark.parametrize("dim", [5, 128, 129, 300])
@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.L2])
def test_codes_decode_to_about_the_vectors(dim: int, metric: Metric) -> None:
    matrix = random_matrix(700, dim, Element.FLOAT32)
    rows = as_vectors(matrix, dim, Element.FLOAT32, metric)
    codec = Scalar().train(rows, BuildJob())
    coded = codec.encode(rows)
    codes, bias = coded.codes, coded.bias
    assert codec.bits == bits_for(dim)
    assert codes.shape[1] % 64 == 0
    assert codes.ctypes.data % 64 == 0
    decoded = codec.decode(coded)
    target = matrix / np.linalg.norm(matrix, axis=1, keepdims=True) if metric is Metric.COSINE else matrix
    error = np.abs(decoded - target)
    assert np.quantile(error, 0.95) <= 0.5 / codec.scale + 1e-6
    assert len(bias) == (700 if metric is Metric.L2 else 0)


@pytest.mark.parametrize("bits", [4, 8])
def test_scales_of_their_own_come_closer_to_rows_of_different_lengths(bits: int) -> None:
    matrix = random_matrix(500, 70, Element.FLOAT32)
    matrix *= 10.0 ** np.random.default_rng(1).uniform(-1, 1, (500, 1)).astype(np.float32)
    rows = as_vectors(matrix, 70, Element.FLOAT32, Metric.L2)

    def error(spec: Scalar) -> float:
        codec = spec.train(rows, BuildJob())
        left = codec.decode(codec.encode(rows)) - matrix
        return float(np.median(np.linalg.norm(left, axis=1) / np.linalg.norm(matrix, axis=1)))

    assert error(Scalar(bits, per_vector=True)) <= 0.5 * error(Scalar(bits))


@pytest.mark.parametrize("bits", [4, 8])
def test_the_bits_that_were_asked_for_are_taken(bits: int) -> None:
    rows = as_vectors(random_matrix(700, 200, Element.FLOAT32), 200, Element.FLOAT32, Metric.COSINE)
    assert Scalar(bits).train(rows, BuildJob()).row_bytes == {4: 128, 8: 256}[bits]


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("per_vector", [False, True])
def test_nearness_is_less_the_product_beside_the_mean(bits: int, per_vector: bool) -> None:
    rng = np.random.default_rng(4)
    rows = Given(rng.standard_normal((50, 130)).astype(np.float32) + 2, Metric.DOT)
    codec = Scalar(bits, per_vector).train(rows, BuildJob())
    coded = codec.encode(rows)
    queries = rng.random((5, 130)).astype(np.float32)
    expected = -queries @ (codec.decode(coded) - codec.arrays()["mean"]).T
    # Lists of rows add what their centroids' codes say to what rows' codes do.
    np.testing.assert_allclose(nearnesses(codec, coded, queries), expected, rtol=0, atol=0.2)


def test_what_cannot_be_coded_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 4 or 8"):
        Scalar(3)
    with pytest.raises(ValueError, match="binary vectors"):
        Scalar().check(FieldShape("dense", Metric.HAMMING, Element.BINARY, 64))
    with pytest.raises(ValueError, match="reads binary vectors"):
        Bits().check(FieldShape("dense", Metric.L2, Element.FLOAT32, 64))
    with pytest.raises(ValueError, match=r"no codec is named 'zip'; known are: .*bits, .*scalar"):
        codec_from_json({"name": "zip"})
    with pytest.raises(ValueError, match="does not take"):
        codec_from_json({"name": "scalar", "byte": 1})
