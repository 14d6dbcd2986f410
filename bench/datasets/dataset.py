"""What every reader returns: vectors, queries, and what is known about them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

MetricName = Literal["cosine", "dot", "l2"]
METRICS: tuple[MetricName, ...] = get_args(MetricName)

Floats = NDArray[np.float32]

HELD_OUT_QUERIES = 1000
_SPLIT_SEED = 7


class DatasetError(ValueError):
    """A dataset that cannot be read or measured, with what to do about it."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Vectors to index and queries to answer.

    Attributes
    ----------
    name : str
        Short name used in tables and file names.
    metric : {"cosine", "dot", "l2"}
        What "near" means for this data.
    vectors, queries : ndarray
        float32, C-contiguous, (rows, dim) and (queries, dim).
    payloads : list of dict, optional
        One payload per vector.
    fields : mapping
        Payload fields worth filtering on, with their type in a collection's schema.
    note : str
        What a reader of results must know, such as how queries were cut from the data.
    """

    name: str
    metric: MetricName
    vectors: Floats
    queries: Floats
    payloads: list[dict[str, Any]] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        for what, matrix in (("vectors", self.vectors), ("queries", self.queries)):
            if matrix.ndim != 2 or matrix.dtype != np.float32 or not matrix.flags.c_contiguous:
                raise DatasetError(
                    f"{self.name}: {what} are {matrix.dtype} of shape {matrix.shape}; "
                    "expected a C-contiguous float32 matrix"
                )
            if 0 in matrix.shape:
                raise DatasetError(
                    f"{self.name}: {what} have shape {matrix.shape}; expected at least one row"
                )
            bad = np.flatnonzero(~np.isfinite(_squared_norms(matrix)))
            if len(bad):
                raise DatasetError(f"{self.name}: row {bad[0]} of the {what} has NaN, infinity or overflows")
        if self.vectors.shape[1] != self.queries.shape[1]:
            raise DatasetError(
                f"{self.name}: queries have {self.queries.shape[1]} dimensions, "
                f"vectors {self.vectors.shape[1]}"
            )
        if self.payloads is not None and len(self.payloads) != self.rows:
            raise DatasetError(f"{self.name}: {len(self.payloads)} payloads for {self.rows} vectors")
        if self.metric == "cosine":
            for what, matrix in (("vectors", self.vectors), ("queries", self.queries)):
                zero = np.flatnonzero(_squared_norms(matrix) == 0)
                if len(zero):
                    raise DatasetError(
                        f"{self.name}: row {zero[0]} of the {what} is all zeros, which has no cosine; "
                        "remove it or measure with --metric dot or l2"
                    )

    @property
    def rows(self) -> int:
        return int(self.vectors.shape[0])

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that change with any bit of vectors, queries or their shapes."""
        matrices = (self.vectors, self.queries)
        return content_hash(part for one in matrices for part in (repr(one.shape).encode(), one.data))

    @cached_property
    def peer_vectors(self) -> Floats:
        """The vectors as inner-product libraries want them: of unit length under cosine."""
        return unit_rows(self.vectors) if self.metric == "cosine" else self.vectors

    @cached_property
    def peer_queries(self) -> Floats:
        """The queries to go with `peer_vectors`."""
        return unit_rows(self.queries) if self.metric == "cosine" else self.queries

    def describe(self) -> dict[str, Any]:
        """The dataset as it stands in a result record."""
        return {
            "name": self.name,
            "hash": self.content_hash,
            "metric": self.metric,
            "rows": self.rows,
            "dim": self.dim,
            "queries": len(self.queries),
            "note": self.note,
        }


def checked_count(what: str, asked: int | None, name: str, most: int) -> int:
    """How many are used of what a dataset of that name has: all, unless fewer are asked for."""
    if asked is None:
        return most
    if not 1 <= asked <= most:
        raise DatasetError(f"{asked} {what} asked for, {name} has {most}")
    return asked


def content_hash(parts: Iterable[bytes | memoryview]) -> str:
    """Sixteen hexadecimal digits that change with any bit of the parts, one after the other."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _squared_norms(matrix: Floats) -> Floats:
    norms: Floats = np.einsum("ij,ij->i", matrix, matrix)
    return norms


def unit_rows(matrix: Floats) -> Floats:
    """The rows scaled to unit length."""
    norms = np.sqrt(_squared_norms(matrix))
    units: Floats = np.ascontiguousarray(matrix / norms[:, None], dtype=np.float32)
    return units


def as_floats(matrix: ArrayLike) -> Floats:
    """Any numeric matrix as C-contiguous float32."""
    return np.ascontiguousarray(matrix, dtype=np.float32)


def checked_metric(name: str) -> MetricName:
    """`name` as a metric the bench measures."""
    for metric in METRICS:
        if name == metric:
            return metric
    raise DatasetError(f"metric {name!r}; the bench measures {', '.join(METRICS)}")


def split_queries(matrix: Floats, wanted: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    """Cut queries out of a dataset that has none of its own.

    Returns
    -------
    kept, held_out : ndarray
        Row numbers to index, and row numbers to ask; always the same ones for the same matrix size.
    note : str
        The sentence that results carry.
    """
    count = min(wanted or HELD_OUT_QUERIES, len(matrix) // 2)
    if count < 1:
        raise DatasetError(f"{len(matrix)} rows are too few to cut queries from; give --query-file")
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(matrix))
    note = f"no query file: {count} rows were held out as queries"
    return np.sort(order[count:]), np.sort(order[:count]), note
