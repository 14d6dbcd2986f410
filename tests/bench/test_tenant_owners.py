"""Rows are shared out among tenants: each once, by Zipf's law, near each other where that is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.bench.measure.tenants.owners import owners_of, zipf_sizes


@pytest.mark.parametrize(("tenants", "rows"), [(1, 5), (10, 20), (100, 10_000), (10_000, 1_000_000)])
def test_sizes_fall_and_add_up(tenants: int, rows: int) -> None:
    sizes = zipf_sizes(tenants, rows)
    assert sizes.sum() == rows
    assert sizes.min() >= 1
    assert (np.diff(sizes) <= 0).all()
    if tenants == 10_000:
        assert sizes[0] == pytest.approx(rows / (np.log(tenants) + 0.5772), rel=0.05)


@pytest.mark.parametrize("coherent", [False, True])
def test_each_row_has_one_owner(coherent: bool) -> None:
    vectors = np.random.default_rng(1).standard_normal((2000, 4)).astype(np.float32)
    owners = owners_of(vectors, 50, coherent=coherent)
    assert np.array_equal(np.sort(np.concatenate(owners.rows)), np.arange(2000))
    assert [len(rows) for rows in owners.rows] == zipf_sizes(50, 2000).tolist()
    chosen = [owners.of_decile(decile, 3) for decile in range(10)]
    assert chosen[-1][-1] == 0
    assert all(len(one) == 3 for one in chosen)
    assert len({tenant for one in chosen for tenant in one}) == 30


def test_coherent_rows_are_near_each_other() -> None:
    vectors = np.random.default_rng(1).standard_normal((5000, 4)).astype(np.float32)

    def spread(coherent: bool) -> float:
        owners = owners_of(vectors, 100, coherent=coherent)
        return float(np.mean([vectors[rows].var(axis=0).sum() for rows in owners.rows[10:50]]))

    assert spread(coherent=True) < 0.7 * spread(coherent=False)
