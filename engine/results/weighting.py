"""What the weights of a query's terms were made of, beside the query itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weighting:
    """Statistics that weigh the terms of a query by how rare they are. ``str()`` is readable.

    Attributes
    ----------
    n_vectors : int
        Live points with a vector in the field: of the tenant, where one asks.
    """

    n_vectors: int

    def __str__(self) -> str:
        return f"idf over {self.n_vectors:,} vectors"
