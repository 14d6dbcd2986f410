"""A dataset of random unit vectors, small enough for any test, that unkind sets are made of."""

from __future__ import annotations

import numpy as np

from vicinal.bench.datasets import Dataset
from vicinal.bench.datasets.dataset import unit_rows

_RNG = np.random.default_rng(0)
BASE = Dataset(
    "base",
    "cosine",
    unit_rows(_RNG.standard_normal((3000, 24), np.float32)),
    unit_rows(_RNG.standard_normal((50, 24), np.float32)),
)
