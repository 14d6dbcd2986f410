"""Seeded artificial vectors: `random-NxD` is one Gaussian, `clustered-NxD` many narrow ones.

`embedded-NxD` is clusters of few dimensions, turned into D with a little noise in each: so embeddings of text
vary in fewer directions than they have dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .dataset import Dataset, DatasetError, Floats, MetricName, as_floats

PATTERN = re.compile(
    r"(?P<kind>random|clustered|embedded)-(?P<rows>\d+)x(?P<dim>\d+)(?:-(?P<metric>cosine|dot|l2))?"
)
SEED = 20
QUERIES = 1000
CLUSTER_SPREAD = 0.3
EMBEDDED_DIM = 48
EMBEDDED_NOISE = 0.05
_BLOCK_ROWS = 8192


def read_random(spec: str, metric: MetricName | None, wanted: int | None) -> Dataset:
    """Make the vectors that `random-NxD[-metric]` or `clustered-NxD[-metric]` names, the same every time."""
    match = PATTERN.fullmatch(spec)
    if match is None:
        raise DatasetError(
            f"{spec!r}; expected random-, clustered- or embedded-ROWSxDIM, with -cosine, -dot or -l2"
        )
    rows, dim = int(match["rows"]), int(match["dim"])
    if rows < 1 or dim < 1:
        raise DatasetError(f"{spec!r}; expected at least one row and one dimension")
    named: dict[str, MetricName] = {"cosine": "cosine", "dot": "dot", "l2": "l2"}
    chosen = metric or named.get(match["metric"] or "cosine", "cosine")
    asked = wanted or min(QUERIES, max(10, rows // 10))
    rng = np.random.default_rng([SEED, rows, dim])
    points = _MAKERS[match["kind"]](rng, rows + asked, dim)
    name = f"{match['kind']}-{rows}x{dim}"
    return Dataset(
        name, chosen, as_floats(points[:rows]), as_floats(points[rows:]), note="artificial vectors"
    )


def _gaussian(rng: np.random.Generator, rows: int, dim: int) -> Floats:
    return rng.standard_normal((rows, dim), dtype=np.float32)


def _clustered(rng: np.random.Generator, rows: int, dim: int) -> Floats:
    centres = _gaussian(rng, max(1, round(rows**0.5)), dim)
    member = rng.integers(0, len(centres), rows)
    spread = np.float32(CLUSTER_SPREAD)
    points: Floats = centres[member] + spread * _gaussian(rng, rows, dim)
    return points


def _embedded(rng: np.random.Generator, rows: int, dim: int) -> Floats:
    inner = _clustered(rng, rows, EMBEDDED_DIM)
    turned = _gaussian(rng, EMBEDDED_DIM, dim) / np.float32(EMBEDDED_DIM**0.5)
    points = np.empty((rows, dim), np.float32)
    for start in range(0, rows, _BLOCK_ROWS):
        block = inner[start : start + _BLOCK_ROWS] @ turned
        noise = np.float32(EMBEDDED_NOISE) * _gaussian(rng, len(block), dim)
        points[start : start + _BLOCK_ROWS] = block + noise
    return points


_MAKERS: dict[str, Callable[[np.random.Generator, int, int], Floats]] = {
    "random": _gaussian,
    "clustered": _clustered,
    "embedded": _embedded,
}
