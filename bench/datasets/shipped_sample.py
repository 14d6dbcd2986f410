"""The sample that ships with the package, dense part."""

from __future__ import annotations

from typing import Any

from .dataset import Dataset, MetricName, as_floats
from .wordnet import FIELDS


def read_sample(metric: MetricName | None) -> Dataset:
    """Read the shipped WordNet sample."""
    from ..demo import sample

    loaded = sample.load()
    payloads: list[dict[str, Any]] = list(loaded.payloads)
    return Dataset(
        "sample",
        metric or "cosine",
        as_floats(loaded.dense),
        as_floats(loaded.queries_dense),
        payloads,
        FIELDS,
    )
