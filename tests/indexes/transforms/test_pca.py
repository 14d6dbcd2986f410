"""Principal components."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from vicinal.indexes.codecs.floats import Float8
from vicinal.indexes.codecs.transformed import Transformed
from vicinal.indexes.protocol import BuildJob
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.transforms.linear_map import LinearMap
from vicinal.indexes.transforms.pca import Pca
from vicinal.indexes.transforms.registry import transform_from_json
from vicinal.testing.nearnesses import Given


def fitted(matrix: NDArray[np.float32], dim: int) -> LinearMap:
    return Pca(dim).fit(Given(matrix, Metric.DOT), BuildJob())


def test_the_error_is_what_the_other_eigenvalues_say() -> None:
    rng = np.random.default_rng(0)
    matrix = (rng.standard_normal((500, 24)) @ rng.standard_normal((24, 24)) + 1).astype(np.float32)
    values = np.linalg.eigvalsh(matrix.T.astype(np.float64) @ matrix)[::-1]
    for dim in (1, 5, 23, 24):
        pca = fitted(matrix, dim)
        left = matrix - pca.restore(pca.apply(matrix))
        assert np.square(left).sum() == pytest.approx(values[dim:].sum(), rel=1e-4, abs=0.1)


def test_what_is_left_beside_a_centre_maps_as_rows_do() -> None:
    rng = np.random.default_rng(1)
    rows, centres = rng.standard_normal((2, 50, 12)).astype(np.float32)
    pca = fitted(rows, 7)
    np.testing.assert_allclose(pca.apply(rows - centres) + pca.apply(centres), pca.apply(rows), atol=1e-5)


@settings(max_examples=40)
@given(
    matrix=arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(1, 10)),
        elements=st.floats(-1, 1, width=32) | st.sampled_from([0.0, 1.0]),
    ),
    magnitude=st.sampled_from([0.0, 1e-30, 1.0, 1e30]),
    data=st.data(),
)
def test_axes_are_orthonormal_whatever_the_rows(
    matrix: NDArray[np.float32], magnitude: float, data: st.DataObject
) -> None:
    matrix = matrix * np.float32(magnitude)
    dim = data.draw(st.integers(1, matrix.shape[1]))
    pca = fitted(matrix, dim)
    axes = pca.arrays()["matrix"]
    np.testing.assert_allclose(axes @ axes.T, np.eye(dim), atol=1e-5)
    again = Pca(dim).open(pca.arrays(), matrix.shape[1])
    np.testing.assert_array_equal(again.apply(matrix), pca.apply(matrix))
    if dim == matrix.shape[1]:
        spared = 1e-5 * np.abs(matrix).max()
        np.testing.assert_allclose(pca.restore(pca.apply(matrix)), matrix, atol=spared)


def test_codes_of_the_components_decode_to_about_the_vectors() -> None:
    rng = np.random.default_rng(2)
    matrix = (rng.standard_normal((300, 5)) @ rng.standard_normal((5, 40))).astype(np.float32)
    rows = Given(matrix, Metric.L2)
    codec = Transformed(Pca(5), Float8()).train(rows, BuildJob())
    assert codec.row_bytes == 16
    left = codec.decode(codec.encode(rows)) - matrix
    assert (np.linalg.norm(left, axis=1) <= 2.0**-4 * np.linalg.norm(matrix, axis=1)).all()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Pca\.dim is 0"):
        Pca(0)
    with pytest.raises(ValueError, match=r"Pca\(9\) of vectors of 8 dimensions; expected at most 8"):
        Pca(9).width(8)
    with pytest.raises(ValueError, match="the index has no array 'matrix'"):
        Pca(4).open({}, 8)
    assert transform_from_json(Pca(4).to_json()) == Pca(4)
