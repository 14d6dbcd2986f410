"""Which rows of a dataset belong to which tenant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import Floats

DECILES = 10
_TOPICS = 256
_PIECE = 16_384


@dataclass(frozen=True, eq=False)
class Owners:
    """The rows of each tenant, tenants by falling size."""

    rows: list[NDArray[np.int64]]

    @property
    def names(self) -> list[str]:
        """What tenants are called."""
        return [f"tenant-{number:06}" for number in range(len(self.rows))]

    def of_decile(self, decile: int, most: int) -> list[int]:
        """Return some of a tenth of the tenants, the smallest tenth first: its largest, and evenly others."""
        order = np.arange(len(self.rows))[::-1]
        members = np.array_split(order, DECILES)[decile]
        chosen = np.linspace(0, len(members) - 1, min(most, len(members))).round().astype(int)
        return [int(members[place]) for place in np.unique(chosen)]


def zipf_sizes(tenants: int, rows: int) -> NDArray[np.int64]:
    """Return falling sizes that add up to ``rows``, the n-th in proportion to 1 / n and at least 1."""
    shares = 1.0 / np.arange(1, tenants + 1)
    sizes: NDArray[np.int64] = np.maximum(1, np.floor(shares / shares.sum() * rows)).astype(np.int64)
    # What rounding left is the largest one's.
    sizes[0] += rows - sizes.sum()
    return sizes


def owners_of(vectors: Floats, tenants: int, *, coherent: bool) -> Owners:
    """Share rows out: at random, or so that those of a tenant are near each other."""
    sizes = zipf_sizes(tenants, len(vectors))
    rng = np.random.default_rng(0)
    if not coherent:
        order = rng.permutation(len(vectors))
    else:
        topics = vectors[rng.choice(len(vectors), min(_TOPICS, len(vectors)), replace=False)]
        order = np.argsort(_nearest(vectors, topics), kind="stable")
    # Large tenants stand anywhere among the topics.
    places = rng.permutation(tenants)
    ends = np.cumsum(sizes[places])
    rows: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * tenants
    for tenant, end in zip(places.tolist(), ends.tolist(), strict=True):
        rows[tenant] = np.sort(order[end - sizes[tenant] : end])
    return Owners(rows)


def _nearest(vectors: Floats, topics: Floats) -> NDArray[np.int64]:
    lengths = (topics**2).sum(axis=1) / 2
    pieces = [vectors[start : start + _PIECE] for start in range(0, len(vectors), _PIECE)]
    return np.concatenate([(piece @ topics.T - lengths).argmax(axis=1) for piece in pieces])
