"""Metrics: how two vectors are compared, and which way their scores point."""

from __future__ import annotations

import math
from enum import StrEnum


class Metric(StrEnum):
    """How two vectors are compared.

    Scores of ``COSINE`` and ``DOT`` are similarities: higher is nearer. A score of ``L2`` is the Euclidean
    distance (the root is taken) and a score of ``HAMMING`` the number of differing bits: lower is nearer.
    Between several vectors and several it is that of two of them: the best for each of the query's is summed,
    under ``L2`` as squares before the root.
    """

    COSINE = "cosine"
    DOT = "dot"
    L2 = "l2"
    HAMMING = "hamming"

    @property
    def higher_is_nearer(self) -> bool:
        """Whether a higher score means a nearer vector."""
        return self in (Metric.COSINE, Metric.DOT)

    @property
    def worst(self) -> float:
        """The score that pads missing results: no vector scores worse."""
        return -math.inf if self.higher_is_nearer else math.inf
