"""Codes that are planes of bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from vicinal.indexes.codecs.protocol import CodecSpec
from vicinal.indexes.codecs.recurrent import RecurrentBinary
from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.codecs.signs import Sign
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.codec_conformance import CodecConformance
from vicinal.testing.nearnesses import Given, nearnesses
from vicinal.testing.random_rows import DENSE

_NUMBERS = tuple(shape for shape in DENSE if shape.element is not Element.BINARY)


class TestSign(CodecConformance):
    shapes = _NUMBERS[:3]
    floor = 0.75
    # Of the query, to 4 bits.
    rounding = 0.1

    def spec(self) -> Sign:
        return Sign()


class TestRecurrentBinary(CodecConformance):
    shapes = _NUMBERS[:3]
    rounding = 0.05

    def spec(self) -> RecurrentBinary:
        return RecurrentBinary(2)


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.L2])
@pytest.mark.parametrize("dim", [1, 63, 64, 65, 200, 600])
def test_planes_are_compared_as_their_weights_say(dim: int, metric: Metric) -> None:
    rng = np.random.default_rng(dim)
    matrix = Given(rng.standard_normal((30, dim)).astype(np.float32), metric)
    queries = rng.standard_normal((4, dim)).astype(np.float32)
    codec = RecurrentBinary(4, query_codes=8).train(matrix, BuildJob(1, 1))
    coded = codec.encode(matrix)
    assert codec.row_bytes == 4 * -(-dim // 64) * 8
    decoded = codec.decode(coded)
    exact = matrix.floats(slice(None))
    expected = -queries @ decoded.T
    if metric is Metric.L2:
        centre = exact.mean(axis=0)
        expected = 0.5 * np.square(exact - centre).sum(axis=1) - (queries - centre) @ (decoded - centre).T
    difference = nearnesses(codec, coded, queries) - expected
    difference -= np.median(difference, axis=1, keepdims=True)
    # The query is rounded to steps of a hundredth of its largest coordinate.
    steps = np.abs(queries).max(axis=1, keepdims=True) + 1
    assert (np.abs(difference) <= 0.02 * steps * np.linalg.norm(decoded, axis=1) + 1e-5).all()


@pytest.mark.parametrize("codes", [1, 2, 3, 4])
def test_each_code_halves_what_is_left_over(codes: int) -> None:
    rows = Given(np.random.default_rng(3).standard_normal((500, 32)).astype(np.float32), Metric.DOT)
    codec = RecurrentBinary(codes).train(rows, BuildJob(1, 1))
    left = codec.decode(codec.encode(rows)) - rows.floats(slice(None))
    # Of a normal distribution the best quantizers leave 0.363, 0.119, 0.0374 and 0.0115 of the variance;
    # factors that keep estimates right on average leave a little more, an eighth in the case of one bit.
    share = np.square(left).mean() / np.square(rows.floats(slice(None))).mean()
    assert share <= (0.6, 0.15, 0.045, 0.014)[codes - 1]


def test_a_learnt_map_comes_closer_than_the_axes() -> None:
    rng = np.random.default_rng(5)
    mixing = rng.standard_normal((8, 32))
    rows = Given((rng.laplace(size=(2000, 8)) @ mixing).astype(np.float32), Metric.DOT)
    exact = rows.floats(slice(None))

    def share(spec: CodecSpec) -> float:
        codec = spec.train(rows, BuildJob(1, 1))
        decoded = codec.decode(codec.encode(rows))
        cosines = np.einsum("ij,ij->i", decoded, exact)
        cosines /= np.linalg.norm(decoded, axis=1) * np.linalg.norm(exact, axis=1)
        return float(cosines.mean())

    assert share(RecurrentBinary(1)) >= share(Sign()) + 0.02


_SPECS: list[CodecSpec] = [
    Sign(),
    RecurrentBinary(2),
    Scalar(8),
    Scalar(4, per_vector=True),
    Scalar(8, per_vector=True),
]


@pytest.mark.parametrize("spec", _SPECS, ids=str)
@settings(max_examples=25)
@given(
    matrix=arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 20)),
        elements=st.floats(-1, 1, width=32) | st.sampled_from([0.0, 1.0]),
    ),
    magnitude=st.sampled_from([0.0, 1e-30, 1.0, 1e30]),
    metric=st.sampled_from([Metric.DOT, Metric.L2]),
)
def test_rows_of_any_size_are_coded(
    spec: CodecSpec, matrix: NDArray[np.float32], magnitude: float, metric: Metric
) -> None:
    matrix = matrix * np.float32(magnitude)
    rows = Given(matrix, metric)
    codec = spec.train(rows, BuildJob(1, 1))
    coded = codec.encode(rows)
    decoded = codec.decode(coded)
    for array in (decoded, coded.bias, coded.factors):
        assert np.isfinite(array).all()
    left = np.abs(decoded - matrix)
    spread = np.abs(matrix - matrix.mean(axis=0, dtype=np.float64)).max(initial=0)
    # Factors of bits make a row as long as makes its product with the row right, up to so much too long.
    most = 1 if spec.name == "scalar" else matrix.shape[1]
    assert (left <= most * spread * 1.001 + 1e-6 * np.abs(matrix).max(initial=0)).all()


def test_what_cannot_be_coded_is_refused() -> None:
    with pytest.raises(ValueError, match=r"RecurrentBinary\.codes is 5; expected a whole number, 1 to 4"):
        RecurrentBinary(5)
    with pytest.raises(ValueError, match=r"RecurrentBinary\.query_codes is 9"):
        RecurrentBinary(1, query_codes=9)
    with pytest.raises(ValueError, match=r"RecurrentBinary\.dim is 0; expected a whole number, at least 1"):
        RecurrentBinary(1, dim=0)
    with pytest.raises(ValueError, match=r"RecurrentBinary\.dim is 65; the field has 64 dimensions"):
        RecurrentBinary(1, dim=65).check(FieldShape("dense", Metric.L2, Element.FLOAT32, 64))
    for spec in (Sign(), RecurrentBinary()):
        with pytest.raises(ValueError, match="takes signs of numbers; the field has binary vectors"):
            spec.check(FieldShape("dense", Metric.HAMMING, Element.BINARY, 64))
    with pytest.raises(ValueError, match=r"Scalar\.per_vector is 1; expected True or False"):
        Scalar(8, per_vector=1)  # type: ignore[arg-type]
