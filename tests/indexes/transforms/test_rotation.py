"""Random rotations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.indexes.protocol import BuildJob
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.transforms.registry import transform_from_json
from vicinal.indexes.transforms.rotation import FittedRotation, Rotation
from vicinal.testing.nearnesses import Given


def hadamard(n: int) -> np.ndarray:
    """Return the matrix of the transform, by its definition."""
    matrix = np.ones((1, 1))
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix / np.sqrt(n)


def matrix_of(rotation: FittedRotation) -> np.ndarray:
    """Return the rotation as a product of the matrices of its rounds."""
    dim = rotation.dim
    length, half = 1 << (dim.bit_length() - 1), dim // 2
    signs = np.unpackbits(rotation.arrays()["signs"], axis=1, count=dim, bitorder="little")
    product = np.eye(dim)
    for step in range(4):
        flip = np.diag(1.0 - 2.0 * signs[step])
        transform, first = np.eye(dim), (dim - length) * (step % 2)
        transform[first : first + length, first : first + length] = hadamard(length)
        turn = np.eye(dim)
        if length < dim:
            for i in range(half):
                j = dim - half + i
                turn[i, i] = turn[i, j] = turn[j, i] = np.sqrt(0.5)
                turn[j, j] = -np.sqrt(0.5)
        product = turn @ transform @ flip @ product
    return product


@given(st.integers(1, 140), st.integers(0, 2**64 - 1))
def test_rotates_as_its_matrices_do(dim: int, seed: int) -> None:
    rotation = FittedRotation.drawn(dim, seed)
    rotated = rotation.apply(np.eye(dim, dtype=np.float32)).T.astype(np.float64)
    np.testing.assert_allclose(rotated, matrix_of(rotation), atol=1e-6)
    np.testing.assert_allclose(rotated.T @ rotated, np.eye(dim), atol=2e-6)


@given(st.integers(1, 140), st.integers(0, 9))
def test_restores_what_it_rotated(dim: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((5, dim)).astype(np.float32)
    rotation = FittedRotation.drawn(dim, seed)
    given_before = vectors.copy()
    np.testing.assert_allclose(rotation.restore(rotation.apply(vectors)), vectors, atol=1e-5)
    np.testing.assert_array_equal(vectors, given_before)


@pytest.mark.parametrize("dim", [128, 300, 384])
def test_spreads_what_sits_in_one_dimension(dim: int) -> None:
    rotated = FittedRotation.drawn(dim, 3).apply(np.eye(dim, dtype=np.float32))
    assert np.abs(rotated).max() <= 9 / np.sqrt(dim)


def test_the_seed_is_the_rotation() -> None:
    vectors = Given(np.ones((1, 9), np.float32), Metric.DOT)
    first, other = (Rotation(seed).fit(vectors, BuildJob(5)) for seed in (1, 2))
    again = Rotation(1).open(first.arrays(), 9)
    np.testing.assert_array_equal(
        first.apply(vectors.floats(slice(1))), again.apply(vectors.floats(slice(1)))
    )
    assert (first.arrays()["signs"] != other.arrays()["signs"]).any()
    assert first.arrays()["signs"].nbytes == 4 * 2


def test_what_does_not_fit_is_refused() -> None:
    assert transform_from_json(Rotation(7).to_json()) == Rotation(7)
    with pytest.raises(ValueError, match=r"Rotation\.seed is -1"):
        Rotation(-1)
    with pytest.raises(ValueError, match=r"signs are uint8 \(4, 1\)"):
        Rotation().open({"signs": np.zeros((4, 1), np.uint8)}, 9)
