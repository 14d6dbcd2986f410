"""A schema with a vector field of every kind, and vectors for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import Dense, Multi, Sparse

FIELDS = {
    "plot": Dense(6),
    "far": Dense(6, on_disk=True),
    "bits": Dense(16, metric="hamming", element="binary"),
    "terms": Sparse(),
    "marks": Sparse(element="binary"),
    "words": Sparse(tokens=True),
    "tokens": Multi(4),
    "pages": Multi(4, on_disk=True),
    "coded": Multi(4, metric="l2", element="int8"),
    "signs": Multi(8, metric="cosine", element="binary"),
}


def vectors(n: int) -> dict[str, Any]:
    """Return vectors of ``n`` points by field; every fourth has no term."""
    rng = np.random.default_rng(n)
    return {
        "plot": rng.standard_normal((n, 6)),
        "far": rng.standard_normal((n, 6)),
        "bits": rng.integers(0, 256, (n, 2), dtype=np.uint8),
        "terms": [{int(t): 1.0 for t in rng.choice(50, row % 4, replace=False)} for row in range(n)],
        "marks": [rng.choice(50, row % 5, replace=False) for row in range(n)],
        "words": [{f"{'é' * (t % 9)}{t}": 1.0 for t in rng.choice(50, row % 4).tolist()} for row in range(n)],
        "tokens": [rng.standard_normal((1 + row % 3, 4)) for row in range(n)],
        "pages": [rng.standard_normal((row % 5, 4)) for row in range(n)],
        "coded": [rng.standard_normal((row % 4, 4)) for row in range(n)],
        "signs": [rng.standard_normal((row % 3, 8)) for row in range(n)],
    }
