"""Tokens pooled by clusters and by spans, against what NumPy says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vicinal.indexes.clustering.pooling import pool_spans, pool_tokens


def wards_clusters(unit: NDArray[Any], wanted: int) -> list[list[int]]:
    """Join the two clusters whose union raises the squared distances from the means the least."""
    clusters = [[place] for place in range(len(unit))]
    while len(clusters) > wanted:
        means = np.stack([unit[cluster].mean(axis=0) for cluster in clusters])
        sizes = np.array([len(cluster) for cluster in clusters], np.float64)
        costs = np.square(means[:, None] - means[None]).sum(axis=2)
        costs *= sizes[:, None] * sizes[None] / (sizes[:, None] + sizes[None])
        costs[np.tril_indices(len(clusters))] = np.inf
        a, b = (int(i) for i in np.unravel_index(np.argmin(costs), costs.shape))
        clusters[a] = clusters[a] + clusters.pop(b)
    return sorted(clusters, key=min)


@pytest.mark.parametrize(("tokens", "factor"), [(2, 2), (7, 2), (30, 3), (81, 4), (90, 2)])
def test_clusters_are_those_of_wards_method(tokens: int, factor: int) -> None:
    rng = np.random.default_rng(tokens)
    given = rng.standard_normal((tokens, 12)).astype(np.float32)
    unit = given / np.linalg.norm(given, axis=1, keepdims=True)
    wanted = -(-tokens // factor)
    clusters = wards_clusters(unit.astype(np.float64), wanted)
    means = np.stack([given[cluster].mean(axis=0) for cluster in clusters])
    np.testing.assert_allclose(pool_tokens(given, factor), means, atol=1e-5)


def test_protected_tokens_stay_and_a_factor_of_one_joins_none() -> None:
    given = np.random.default_rng(1).standard_normal((9, 5)).astype(np.float16)
    pooled = pool_tokens(given, 4, protected=2)
    assert pooled.shape == (2 + 2, 5)
    np.testing.assert_array_equal(pooled[:2], given[:2])
    np.testing.assert_array_equal(pool_tokens(given, 1), given)
    assert pool_tokens(given[:0], 3).shape == (0, 5)


def test_equal_tokens_and_tokens_of_no_length_are_joined() -> None:
    given = np.array([[1, 0], [0, 0], [1, 0], [0, 1], [0, 0], [0, 2]], np.float32)
    pooled = pool_tokens(given, 2)
    assert len(pooled) == 3
    np.testing.assert_allclose(pooled, [[1, 0], [0, 0], [0, 1.5]])


def test_spans_are_means() -> None:
    given = np.arange(20, dtype=np.float32).reshape(10, 2)
    pooled = pool_spans(given, [(0, 10), (3, 4), (2, 6)])
    np.testing.assert_allclose(pooled, [given.mean(axis=0), given[3], given[2:6].mean(axis=0)])
    assert pool_spans(given, []).shape == (0, 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pool_tokens(np.ones(3), 2), r"tokens are float64 \(3,\)"),
        (lambda: pool_tokens(np.array([[1.0], [np.nan]]), 2), "token 1 has a value"),
        (lambda: pool_tokens(np.ones((3, 2)), 0), "factor is 0"),
        (lambda: pool_tokens(np.ones((3, 2)), 2, protected=-1), "protected is -1"),
        (lambda: pool_spans(np.ones((3, 2)), [(0, 4)]), "span 0 is 0 to 4; expected to lie in 0 to 3"),
        (lambda: pool_spans(np.ones((3, 2)), [(0, 1), (2, 2)]), "span 1 is 2 to 2"),
        (lambda: pool_spans(np.ones((3, 2)), [5]), "span 0 is 5; expected a pair"),  # type: ignore[list-item]
    ],
)
def test_what_cannot_be_pooled_is_said(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
