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
    average_length : float or None
        Where the field makes its vectors of texts, how many terms those have in the mean.
    """

    n_vectors: int
    average_length: float | None = None

    def __str__(self) -> str:
        if self.average_length is None:
            return f"idf over {self.n_vectors:,} vectors"
        return f"bm25 over {self.n_vectors:,} texts of {self.average_length:.1f} terms"
