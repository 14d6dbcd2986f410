"""Product quantization beside the same in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vicinal.indexes.codecs.product import Product
from vicinal.indexes.product.codebooks import LENGTH_WEIGHT, Codebooks, starts_of
from vicinal.indexes.product.rotation import fit_rotation
from vicinal.indexes.product.training import train_codebooks
from vicinal.indexes.product.turning import Turning
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.codec_conformance import CodecConformance
from vicinal.testing.nearnesses import Given, nearnesses
from vicinal.testing.random_rows import DENSE

Floats = NDArray[np.float32]
_NUMBERS = tuple(shape for shape in DENSE if shape.element is not Element.BINARY)


class TestProduct(CodecConformance):
    shapes = _NUMBERS[:3]
    floor = 0.8
    rounding = 1e-5

    def spec(self) -> Product:
        return Product()


class TestProductOfFourBits(CodecConformance):
    shapes = _NUMBERS[2:3]
    floor = 0.8
    rounding = 1e-5

    def spec(self) -> Product:
        return Product(m=19, bits=4, rotation=None)


def nearest(rows: Floats, codebooks: Codebooks) -> NDArray[Any]:
    """Return the codes of rows, parts summed in the order of their dimensions as kernels do."""
    codes = np.empty((len(rows), codebooks.m), np.uint8)
    halves = codebooks.halves()
    for part, (start, end) in enumerate(codebooks.parts()):
        products = np.zeros((len(rows), codebooks.width), np.float32)
        for dim in range(start, end):
            products += rows[:, dim, None] * codebooks.centroids[dim]
        codes[:, part] = (halves[part] - products).argmin(axis=1)
    return codes


@pytest.mark.parametrize(("dim", "m", "width"), [(24, 3, 256), (17, 5, 16), (5, 5, 256), (9, 1, 16)])
def test_a_code_is_the_nearest_centroid(dim: int, m: int, width: int) -> None:
    rng = np.random.default_rng(dim)
    codebooks = Codebooks(rng.standard_normal((dim, width)).astype(np.float32), m)
    assert np.ptp(np.diff(codebooks.starts)) <= 1
    rows = rng.standard_normal((203, dim)).astype(np.float32)
    np.testing.assert_array_equal(codebooks.encode(rows), nearest(rows, codebooks))
    # Whole numbers have ties, and those go to the lower code.
    codebooks = Codebooks(rng.integers(-1, 2, (dim, width)).astype(np.float32), m)
    rows = rng.integers(-2, 3, (50, dim)).astype(np.float32)
    codes = codebooks.encode(rows)
    np.testing.assert_array_equal(codes, nearest(rows, codebooks))
    decoded = codebooks.decode(codes)
    for part, (start, end) in enumerate(codebooks.parts()):
        np.testing.assert_array_equal(decoded[:, start:end], codebooks.centroids[start:end, codes[:, part]].T)


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.L2])
@pytest.mark.parametrize(("m", "bits"), [(6, 8), (5, 4), (6, 4)])
def test_kernels_sum_what_tables_say(metric: Metric, m: int, bits: int) -> None:
    rng = np.random.default_rng(m)
    rows, queries = (rng.standard_normal((n, 20)).astype(np.float32) for n in (201, 4))
    codec = Product(m, bits, None, "error").train(Given(rows, metric), BuildJob(1, 1))
    coded = codec.encode(Given(rows, metric))
    assert coded.codes.shape == (201, {8: m, 4: -(-m // 2)}[bits])
    codes = codec.parts_of(coded)
    np.testing.assert_array_equal(codes, codec.codebooks.encode(rows))
    expected = np.zeros((4, 201))
    for part, (start, end) in enumerate(codec.codebooks.parts()):
        table = queries[:, start:end].astype(np.float64) @ codec.codebooks.centroids[start:end]
        if metric is Metric.L2:
            table -= codec.codebooks.halves()[part]
        expected -= table[:, codes[:, part]]
    np.testing.assert_allclose(nearnesses(codec, coded, queries), expected, atol=1e-4)


@pytest.mark.parametrize(("n", "dim"), [(1, 3), (7, 20), (500, 33)])
def test_equal_rows_are_turned_alike(n: int, dim: int) -> None:
    rng = np.random.default_rng(n)
    rows, rotation = (rng.standard_normal((size, dim)).astype(np.float32) for size in (n, dim))
    expected = np.zeros((n, dim), np.float32)
    for d in range(dim):
        expected += rows[:, d, None] * rotation[:, d]
    np.testing.assert_array_equal(Turning(rotation)(rows), expected)


def test_a_rotation_lowers_the_error() -> None:
    rng = np.random.default_rng(1)
    spread = 2.0 ** -np.arange(32) + 0.01
    turned = np.linalg.qr(rng.standard_normal((32, 32)))[0]
    rows = (rng.standard_normal((3000, 32)) * spread @ turned).astype(np.float32)
    rotation = fit_rotation(rows, 4, 16, 1, 1, lambda share: None)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(32), atol=1e-5)
    vectors = Given(rows, Metric.L2)

    def error(spec: Product) -> float:
        codec = spec.train(vectors, BuildJob(1, 1))
        return float(((codec.decode(codec.encode(vectors)) - rows) ** 2).sum())

    assert error(Product(4, 4)) < 0.7 * error(Product(4, 4, None))


@pytest.mark.parametrize("bits", [8, 4])
def test_lengths_of_decoded_rows_are_even(bits: int) -> None:
    rng = np.random.default_rng(5)
    rows = (rng.standard_normal((2000, 32)) * 0.9 ** np.arange(32)).astype(np.float32)
    vectors, losses, spreads = Given(rows, Metric.DOT), {}, {}
    share = 0.0
    for loss in ("length", "error"):
        codec = Product(8, bits, None, loss).train(vectors, BuildJob(1, 1))
        share = float(codec.arrays()["length_share"][0]) if loss == "length" else share
        decoded = codec.decode(codec.encode(vectors))
        squares, own = (
            (decoded.astype(np.float64) ** 2).sum(axis=1),
            (rows.astype(np.float64) ** 2).sum(axis=1),
        )
        error = ((decoded - rows).astype(np.float64) ** 2).sum(axis=1)
        losses[loss] = error + LENGTH_WEIGHT * (squares - share * own) ** 2 / own
        spreads[loss] = (squares / own).std()
    assert spreads["length"] < 0.5 * spreads["error"]
    assert (losses["length"] <= losses["error"] * (1 + 1e-4)).all()


def test_two_steps_learn_as_well_as_one() -> None:
    rows = np.random.default_rng(6).standard_normal((4096, 12)).astype(np.float32)
    errors = []
    for iterations in (None, 25):
        codebooks = train_codebooks(rows, 3, 16, 1, 1, lambda share: None, iterations)
        errors.append(((codebooks.decode(codebooks.encode(rows)) - rows) ** 2).sum())
    assert errors[0] != errors[1]
    assert errors[0] <= 1.02 * errors[1]


@pytest.mark.parametrize("rotation", ["opq", None])
def test_equal_seeds_give_equal_codes(rotation: str | None) -> None:
    rows = Given(np.random.default_rng(2).standard_normal((900, 24)).astype(np.float32), Metric.DOT)
    one = Product(3, 8, rotation).train(rows, BuildJob(3, 1))
    other = Product(3, 8, rotation).train(rows, BuildJob(3, 2))
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name])


def test_progress_is_told() -> None:
    told: list[float] = []
    rows = Given(np.random.default_rng(2).standard_normal((300, 16)).astype(np.float32), Metric.DOT)
    Product(4).train(rows, BuildJob(1, 1, progress=told.append))
    assert told == sorted(told)
    assert told[-1] == 1.0


@settings(max_examples=25, deadline=None)
@given(
    scale=st.sampled_from([0.0, 1e-30, 1.0, 1e15, 1e30]),
    n=st.integers(1, 60),
    alike=st.booleans(),
    bits=st.sampled_from([4, 8]),
    rotation=st.sampled_from(["opq", None]),
)
def test_extreme_rows(scale: float, n: int, alike: bool, bits: int, rotation: str | None) -> None:
    rng = np.random.default_rng(n)
    rows = (rng.uniform(-1, 1, (n, 10)) * scale).astype(np.float32)
    if alike:
        rows[:] = rows[0]
    vectors = Given(rows, Metric.DOT)
    codec = Product(3, bits, rotation).train(vectors, BuildJob(1, 1))
    decoded = codec.decode(codec.encode(vectors))
    assert np.isfinite(decoded).all()
    # As many centroids as rows, so that each row has its own, but for what the rotation rounds.
    if alike or n <= codec.codebooks.width:
        np.testing.assert_allclose(decoded, rows, atol=1e-5 * scale)


def test_no_rows_are_no_codes() -> None:
    vectors = Given(np.empty((0, 8), np.float32), Metric.L2)
    for rotation in ("opq", None):
        codec = Product(2, 8, rotation).train(vectors, BuildJob(1, 1))
        assert len(codec.encode(vectors)) == 0


def test_what_cannot_be_coded_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 4 or 8"):
        Product(bits=6)
    with pytest.raises(ValueError, match="at least 1"):
        Product(m=0)
    with pytest.raises(ValueError, match="'opq' or None"):
        Product(rotation="pca")
    with pytest.raises(ValueError, match="'error', 'length' or None"):
        Product(loss="scann")
    with pytest.raises(ValueError, match="metric is l2"):
        Product(loss="length").check(FieldShape("dense", Metric.L2, Element.FLOAT32, 64))
    with pytest.raises(ValueError, match="binary vectors"):
        Product().check(FieldShape("dense", Metric.HAMMING, Element.BINARY, 64))
    with pytest.raises(ValueError, match="has 8 dimensions"):
        Product(m=9).check(FieldShape("dense", Metric.L2, Element.FLOAT32, 8))


def test_parts_are_even() -> None:
    assert [Product().parts(dim) for dim in (1, 8, 9, 384)] == [1, 1, 2, 48]
    assert [Product(bits=4).parts(dim) for dim in (1, 8, 9, 384)] == [1, 2, 3, 96]
    assert starts_of(10, 4).tolist() == [0, 2, 5, 7, 10]
