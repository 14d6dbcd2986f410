"""Codes that are shorter floating-point numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from vicinal.indexes.codecs.floats import BFloat16, Float8, Float16, FloatCodec
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.codec_conformance import CodecConformance
from vicinal.testing.nearnesses import Given, nearnesses
from vicinal.testing.random_rows import DENSE

_NUMBERS = tuple(shape for shape in DENSE if shape.element is not Element.BINARY)
_FORMATS = [Float16(), BFloat16(), Float8()]
# How far a number may be off as a share of it, and as a share of the largest where it is close to zero.
_BOUNDS = {"float16": (2.0**-11, 2.0**-39), "bfloat16": (2.0**-8, 2.0**-120), "float8": (2.0**-4, 2.0**-17)}


class TestFloat16(CodecConformance):
    shapes = _NUMBERS[:3]
    rounding = 1e-6

    def spec(self) -> Float16:
        return Float16()


class TestBFloat16(CodecConformance):
    shapes = _NUMBERS[:3]
    rounding = 1e-6

    def spec(self) -> BFloat16:
        return BFloat16()


class TestFloat8(CodecConformance):
    shapes = _NUMBERS
    rounding = 1e-6

    def spec(self) -> Float8:
        return Float8()


def trained(spec: Float16 | BFloat16 | Float8, matrix: NDArray[np.float32], metric: Metric) -> FloatCodec:
    return spec.train(Given(matrix, metric), BuildJob(1, 1))


magnitudes = st.sampled_from([1e-38, 1e-30, 1e-3, 1.0, 1e8, 1e30, 3e38])
matrices = arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 33)),
    elements=st.floats(-1, 1, width=32),
)


@pytest.mark.parametrize("spec", _FORMATS, ids=lambda spec: spec.name)
@settings(max_examples=60)
@given(matrix=matrices, magnitude=magnitudes, metric=st.sampled_from([Metric.DOT, Metric.L2]))
def test_numbers_come_back_within_half_a_step(
    spec: Float16 | BFloat16 | Float8, matrix: NDArray[np.float32], magnitude: float, metric: Metric
) -> None:
    matrix = matrix * np.float32(magnitude)
    codec = trained(spec, matrix, metric)
    coded = codec.encode(Given(matrix, metric))
    decoded = codec.decode(coded)
    share, floor = _BOUNDS[spec.name]
    # Half of float32's own least step, and of the products that leave its range.
    least = floor * float(np.abs(matrix).max()) + 2.0**-126
    wanted = matrix.astype(np.float64)
    assert (np.abs(decoded - wanted) <= np.maximum(share * np.abs(wanted), least)).all()
    assert np.isfinite(coded.bias).all()
    # Numbers of the format are coded as themselves.
    again = codec.encode(Given(decoded, metric))
    np.testing.assert_array_equal(codec.decode(again), decoded)


def test_every_code_of_float8_decodes_to_itself_and_kernels_agree() -> None:
    codes = np.array([code for code in range(256) if code & 0x7F != 0x7F], np.uint8)
    exponents = 2.0 ** np.maximum(codes >> 3 & 15, 1).astype(np.float64)
    fractions = (codes & 7) / 8 + (codes >> 3 & 15 > 0)
    values = np.where(codes & 0x80, -1, 1) * fractions * exponents / 2.0**7
    matrix = values.astype(np.float32)[:, None]
    codec = trained(Float8(), matrix, Metric.DOT)
    assert codec.scale == 1
    coded = codec.encode(Given(matrix, Metric.DOT))
    np.testing.assert_array_equal(coded.codes[:, 0], codes)
    np.testing.assert_array_equal(codec.decode(coded), matrix)
    np.testing.assert_array_equal(nearnesses(codec, coded, np.ones((1, 1), np.float32))[0], -matrix[:, 0])


def test_halves_become_what_numpy_makes_of_them() -> None:
    rng = np.random.default_rng(2)
    matrix = (rng.standard_normal((50, 20)) * 2.0 ** rng.integers(-24, 14, (50, 20))).astype(np.float32)
    matrix[0, 0] = 40000
    codec = trained(Float16(), matrix, Metric.DOT)
    np.testing.assert_array_equal(
        codec.decode(codec.encode(Given(matrix, Metric.DOT))), matrix.astype(np.float16).astype(np.float32)
    )


@pytest.mark.parametrize("spec", _FORMATS, ids=lambda spec: spec.name)
def test_what_was_not_learnt_from_saturates(spec: Float16 | BFloat16 | Float8) -> None:
    codec = trained(spec, np.ones((2, 3), np.float32), Metric.L2)
    beyond = np.array([[3e38, -3e38, 1.0]], np.float32)
    decoded = codec.decode(codec.encode(Given(beyond, Metric.L2)))
    assert np.isfinite(decoded).all()
    assert decoded[0, 0] == -decoded[0, 1] >= 1
    assert decoded[0, 2] == 1


@pytest.mark.parametrize("spec", _FORMATS, ids=lambda spec: spec.name)
def test_rows_are_as_short_as_kernels_can_read(spec: Float16 | BFloat16 | Float8) -> None:
    size = 1 if spec.name == "float8" else 2
    for dim, items in ((1, 16), (16, 16), (17, 32), (384, 384)):
        assert trained(spec, np.zeros((1, dim), np.float32), Metric.DOT).row_bytes == size * items
    with pytest.raises(ValueError, match=f"codec '{spec.name}' rounds numbers; the field has binary vectors"):
        spec.check(FieldShape("dense", Metric.HAMMING, Element.BINARY, 64))
