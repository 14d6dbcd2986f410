"""The sets: rows in copies, crowds beside what is asked for, queries from elsewhere, odd vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset
from ..datasets.dataset import Floats, MetricName, as_floats, unit_rows

ElementName = Literal["float32", "int8", "binary"]

_FEW_TEXTS = 50
_TOPICS, _TOPIC_SPREAD = 20, 0.1
# Rows of generated sets lie in clusters of few inner dimensions, as embeddings do.
_DIM, _INNER_DIM, _CLUSTER_ROWS, _SPREAD, _NOISE = 128, 16, 500, 0.35, 0.05
_VALUES, _FIELDS = 16, 8
_HALF_BYTE = 127


@dataclass(frozen=True)
class UnkindSet:
    """Rows and queries, and how they are stored.

    Attributes
    ----------
    data : Dataset
        Binary rows are in it as zeros and ones, whose squared distance counts the bits that differ.
    element : {"float32", "int8", "binary"}
    """

    data: Dataset
    element: ElementName = "float32"


@dataclass(frozen=True)
class _Source:
    """What sets are made from: texts with queries of their own, how much of each, and chance."""

    base: Dataset
    rows: int
    queries: int
    rng: np.random.Generator

    def texts(self, wanted: int) -> Floats:
        """So many of the base's rows, in any order; all where it has fewer."""
        order = self.rng.permutation(self.base.rows)[:wanted]
        return self.base.peer_vectors[order]

    def asked(self) -> Floats:
        """The queries that belong to the base."""
        order = self.rng.permutation(len(self.base.queries))[: self.queries]
        return self.base.peer_queries[order]

    def normal(self, *shape: int) -> Floats:
        return self.rng.standard_normal(shape, np.float32)

    def shuffled(self, rows: Floats) -> Floats:
        return rows[self.rng.permutation(len(rows))]


def make_set(name: str, base: Dataset, rows: int, queries: int, seed: int) -> UnkindSet:
    """Make one of :data:`SETS`, of at most so many rows and queries; equal seeds make equal sets."""
    number = list(SETS).index(name)
    source = _Source(base, rows, queries, np.random.default_rng([seed, rows, number]))
    made = SETS[name](source)
    note = f"{name}, seed {seed}, from {base.name}"
    data = Dataset(name, made.metric, as_floats(made.rows), as_floats(made.queries), note=note)
    return UnkindSet(data, made.element)


@dataclass(frozen=True)
class _Made:
    rows: NDArray[np.float32]
    queries: NDArray[np.float32]
    metric: MetricName = "cosine"
    element: ElementName = "float32"


def _texts(source: _Source) -> _Made:
    return _Made(source.texts(source.rows), source.asked())


def _copies(source: _Source, times: int, noise: float = 0.0) -> _Made:
    texts = source.texts(max(1, source.rows // times))
    rows = np.repeat(texts, times, axis=0)
    if noise:
        rows = rows + np.float32(noise) * source.normal(*rows.shape)
    return _Made(source.shuffled(rows), source.asked())


def _few_texts(source: _Source) -> _Made:
    texts = source.texts(_FEW_TEXTS)
    return _Made(source.shuffled(np.repeat(texts, source.rows // len(texts), axis=0)), source.asked())


def _topics(source: _Source, share: float) -> _Made:
    """Most rows in few narrow topics; what is asked for is among the rest, which are texts."""
    rest = source.texts(round(source.rows * (1 - share)))
    crowd = source.rows - len(rest)
    centres = source.texts(_TOPICS)
    # Around texts, in directions of their own.
    noise = source.normal(crowd, rest.shape[1]) / np.float32(rest.shape[1] ** 0.5)
    topics = unit_rows(
        centres[source.rng.integers(0, len(centres), crowd)] + np.float32(_TOPIC_SPREAD) * noise
    )
    return _Made(source.shuffled(np.concatenate([topics, rest])), source.asked())


def _mixture(source: _Source, centres: Floats, spread: float, count: int) -> Floats:
    """Rows in clusters, each of which lies in few directions of its own."""
    bases = source.normal(len(centres), _INNER_DIM, _DIM) / np.float32(_INNER_DIM**0.5)
    member = source.rng.integers(0, len(centres), count)
    inner = source.normal(count, _INNER_DIM)
    rows = np.empty((count, _DIM), np.float32)
    for one in range(len(centres)):
        chosen = np.flatnonzero(member == one)
        rows[chosen] = centres[one] + np.float32(spread) * (inner[chosen] @ bases[one])
    return rows + np.float32(_NOISE) * source.normal(count, _DIM)


def _clusters(source: _Source, foreign: bool) -> _Made:
    """Clustered rows; the queries come from the same clusters, or from others beside them."""
    clusters = max(8, source.rows // _CLUSTER_ROWS)
    centres = source.normal(clusters, _DIM)
    if not foreign:
        points = _mixture(source, centres, _SPREAD, source.rows + source.queries)
        return _Made(points[: source.rows], points[source.rows :], "l2")
    rows = _mixture(source, centres, _SPREAD, source.rows)
    return _Made(rows, _mixture(source, source.normal(clusters, _DIM), 2 * _SPREAD, source.queries), "l2")


def _one_hot(source: _Source) -> _Made:
    """Rows of a single one, asked for by others like them, not quite."""
    hot = np.eye(2 * _DIM, dtype=np.float32)
    rows, asked = (hot[source.rng.integers(0, len(hot), count)] for count in (source.rows, source.queries))
    return _Made(rows, asked + np.float32(_NOISE) * source.normal(*asked.shape), "l2")


def _categories(source: _Source) -> _Made:
    """Rows of several categories, each one value of some; a value is the rarer the later it comes."""
    chances = 1 / np.arange(1, _VALUES + 1)
    size = source.rows + source.queries, _FIELDS
    values = source.rng.choice(_VALUES, size, p=chances / chances.sum())
    hot = np.eye(_VALUES, dtype=np.float32)[values].reshape(len(values), -1)
    return _Made(hot[: source.rows], hot[source.rows :], "l2")


def _lengths(source: _Source) -> _Made:
    """Texts of unlike length under the dot product, to which the short ones are nothing."""
    texts = source.texts(source.rows)
    lengths = np.exp(0.5 * source.normal(len(texts), 1))
    return _Made(texts * lengths, source.asked(), "dot")


def _uniform(source: _Source) -> _Made:
    texts = source.texts(source.rows)
    return _Made(texts, unit_rows(source.normal(source.queries, texts.shape[1])))


def _int8(source: _Source) -> _Made:
    texts, asked = source.texts(source.rows), source.asked()
    unit = np.float32(_HALF_BYTE / np.abs(texts).max())
    rows = np.rint(texts * unit)
    return _Made(rows, np.clip(np.rint(asked * unit), -_HALF_BYTE, _HALF_BYTE), "cosine", "int8")


def _binary(source: _Source) -> _Made:
    texts, asked = source.texts(source.rows), source.asked()
    middle = np.median(texts, axis=0)
    return _Made((texts > middle).astype(np.float32), (asked > middle).astype(np.float32), "l2", "binary")


SETS: dict[str, Callable[[_Source], _Made]] = {
    "texts": _texts,
    **{f"copies-{times}": partial(_copies, times=times) for times in (2, 12, 100)},
    **{f"almost-{times}": partial(_copies, times=times, noise=1e-5) for times in (2, 12, 100)},
    **{f"nearly-{times}": partial(_copies, times=times, noise=0.005) for times in (2, 12, 100)},
    "few-texts": _few_texts,
    "topics-80": partial(_topics, share=0.8),
    "topics-95": partial(_topics, share=0.95),
    "clusters": partial(_clusters, foreign=False),
    "other-clusters": partial(_clusters, foreign=True),
    "uniform": _uniform,
    "one-hot": _one_hot,
    "categories": _categories,
    "lengths": _lengths,
    "int8": _int8,
    "binary": _binary,
}
"""What makes each set; the names say so to those who choose."""
