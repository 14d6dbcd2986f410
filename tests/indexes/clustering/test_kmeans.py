"""k-means beside the same in NumPy, its bound, and vectors that spoil sums."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vicinal.indexes.clustering.centroids import Centroids, assign
from vicinal.indexes.clustering.kmeans import kmeans
from vicinal.indexes.kernels.centroids import PANEL, TILE
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.nearnesses import Given

Floats = NDArray[np.float32]


def clustered(n: int, dim: int, clusters: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((clusters, dim))
    # A few clusters have most of the rows.
    member = (clusters * rng.random(n) ** 3).astype(np.int64)
    return (centres[member] + 0.3 * rng.standard_normal((n, dim))).astype(np.float32)


def squares(rows: Floats, centroids: Floats) -> NDArray[np.float64]:
    difference = rows[:, None].astype(np.float64) - centroids[None]
    return (difference**2).sum(axis=2)


def lloyd(rows: Floats, k: int, iterations: int, seed: int) -> float:
    """Return the sum of squared distances that Lloyd's iterations end with, begun where ours are."""
    drawn = np.random.default_rng([seed, k]).choice(len(rows), k, replace=False)
    centroids: Any = rows[drawn].astype(np.float64)
    for _ in range(iterations):
        ids = squares(rows, centroids).argmin(axis=1)
        for number in np.unique(ids):
            centroids[number] = rows[ids == number].mean(axis=0, dtype=np.float64)
    return float(squares(rows, centroids).min(axis=1).sum())


@pytest.mark.parametrize(("n", "dim", "k"), [(1, 3, 1), (TILE, 1, 2), (701, 17, PANEL + 3), (400, 8, 256)])
def test_the_nearest_centroid_is_found(n: int, dim: int, k: int) -> None:
    rng = np.random.default_rng(n)
    # Whole numbers, so that sums are exact and ties are ties.
    rows = rng.integers(-3, 4, (n, dim)).astype(np.float32)
    centroids = rng.integers(-3, 4, (k, dim)).astype(np.float32)
    exact = squares(rows, centroids)
    for threads in (1, 2):
        ids, distances = Centroids(centroids).nearest(rows, threads)
        np.testing.assert_array_equal(ids, exact.argmin(axis=1))
        np.testing.assert_array_equal(distances, exact.min(axis=1))
    ids, distances = assign(Given(rows, Metric.L2), centroids, 2)
    np.testing.assert_array_equal(ids, exact.argmin(axis=1))
    np.testing.assert_array_equal(distances, exact.min(axis=1))


def test_it_is_as_good_as_lloyd() -> None:
    rows = clustered(3000, 24, 50, 1)
    for seed in range(3):
        ours = squares(rows, kmeans(rows, 20, seed)).min(axis=1).sum()
        assert ours <= 1.01 * lloyd(rows, 20, 25, seed)


# Of one arena what a thread lets go of is what the next one is given.
_BESIDE_OTHERS = """
import threading
import numpy as np
from vicinal.indexes.clustering.centroids import Centroids
from vicinal.indexes.codecs.product import Product
from vicinal.indexes.protocol import BuildJob
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.nearnesses import Given

rows = np.random.default_rng(0).standard_normal((400, 8)).astype(np.float32)
centroids = Centroids(rows[:40])
specs = [Product(4, rotation=None, loss=loss) for loss in ("error", "length")]
codecs = [spec.train(Given(rows, Metric.DOT), BuildJob(1, 1)) for spec in specs]


def found():
    codes = [codec.encode(Given(rows, Metric.DOT)).codes for codec in codecs]
    return np.concatenate([centroids.nearest(rows)[0], *(one.ravel() for one in codes)])


expected, wrong = found(), []


def work():
    for _ in range(300):
        if not np.array_equal(found(), expected):
            wrong.append(1)


threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not wrong, len(wrong)
"""


def test_threads_do_not_write_where_others_do() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BESIDE_OTHERS],
        env=os.environ | {"MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("threads", [1, 3])
def test_it_depends_on_the_seed_alone(threads: int) -> None:
    rows = clustered(2000, 96, 30, 2)
    np.testing.assert_array_equal(kmeans(rows, 40, 5, threads, 4), kmeans(rows, 40, 5, 1, 4))
    assert (kmeans(rows, 40, 6, threads, 4) != kmeans(rows, 40, 5, 1, 4)).any()


def test_no_list_is_longer_than_the_balance_allows() -> None:
    rows = clustered(6000, 16, 20, 3)
    lists = np.bincount(Centroids(kmeans(rows, 64, 1, balance=2.0)).nearest(rows)[0], minlength=64)
    assert lists.max() <= 2 * 6000 / 64
    free = np.bincount(Centroids(kmeans(rows, 64, 1)).nearest(rows)[0], minlength=64)
    assert free.max() > 2 * 6000 / 64


def test_no_centroid_stays_without_rows() -> None:
    rows = np.repeat(np.random.default_rng(4).standard_normal((40, 5)).astype(np.float32), 50, axis=0)
    centroids = kmeans(rows, 30, 1)
    assert len(np.unique(Centroids(centroids).nearest(rows)[0])) == 30


def test_progress_ends_it() -> None:
    told: list[float] = []
    kmeans(clustered(500, 8, 9, 1), 10, 1, iterations=5, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kmeans(clustered(500, 8, 9, 1), 10, 1, progress=stop)


def test_what_cannot_be_is_refused() -> None:
    rows = np.zeros((5, 2), np.float32)
    with pytest.raises(ValueError, match="5 rows cannot have 6"):
        kmeans(rows, 6, 1)
    with pytest.raises(ValueError, match="balance is 1"):
        kmeans(rows, 2, 1, balance=1.0)


@settings(max_examples=30, deadline=None)
@given(
    scale=st.sampled_from([0.0, 1e-38, 1e-20, 1.0, 1e18, 1e30, 3e37]),
    n=st.integers(1, 40),
    alike=st.booleans(),
    balance=st.sampled_from([None, 2.0]),
    seed=st.integers(0, 99),
)
def test_extreme_rows(scale: float, n: int, alike: bool, balance: float | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.uniform(-1, 1, (n, 6)) * scale).astype(np.float32)
    if alike:
        rows[:] = rows[0]
    k = 1 + seed % n
    centroids = kmeans(rows, k, seed, balance=balance)
    assert centroids.shape == (k, 6)
    assert np.isfinite(centroids).all()
    ids, _ = Centroids(centroids).nearest(rows)
    unit = scale or 1.0
    exact = squares((rows / unit).astype(np.float32), (centroids / unit).astype(np.float32))
    assert (exact[np.arange(n), ids] <= exact.min(axis=1) + 1e-5).all()
