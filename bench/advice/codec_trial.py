"""One codec on some vectors: what codes take, how quickly they are made, what they find on their own."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...indexes.codecs.protocol import Codec, CodecSpec, Coded
from ...indexes.protocol import BuildJob
from ...indexes.rows.addresses import address
from ...indexes.rows.dense import NO_NORMS, DenseRows, aligned, inverse_norms, pad
from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ..datasets import Dataset
from ..datasets.dataset import Floats
from ..harness.spelling import spelled
from ..harness.truth import Ids, Truth, recall, true_scores

K = 10
# Rows that codes find, of which the true nearest are looked for; ten a result of the K.
CANDIDATES = 100
_QUERIES_AT_ONCE = 32


@dataclass(frozen=True)
class CodecTrial:
    """What came of a codec.

    Attributes
    ----------
    label : str
        The line of Python, or what another library calls it.
    row_bytes : float
        Bytes a vector: codes, and what is kept of each row beside them.
    train_seconds, rows_per_second : float
        CPU time of learning, and rows coded in a second of it.
    recall_10, recall_100 : float
        Of the 10 and of the 100 nearest, by codes alone.
    rescored : float
        Of the 10 nearest, when the 100 that codes find are scored exactly.
    """

    label: str
    row_bytes: float
    train_seconds: float
    rows_per_second: float
    recall_10: float
    recall_100: float
    rescored: float

    @classmethod
    def of(
        cls,
        label: str,
        row_bytes: float,
        seconds: tuple[float, float],
        data: Dataset,
        truth: Truth,
        found: Ids,
    ) -> CodecTrial:
        """Make it of the CPU seconds of training and coding and of the rows found, nearest first."""
        nearest = Truth(truth.ids[:, :K], truth.scores[:, :K])
        order = np.argsort(-true_scores(data, found), axis=1, kind="stable")[:, :K]
        return cls(
            label,
            row_bytes,
            seconds[0],
            data.rows / max(seconds[1], 1e-9),
            recall(data, nearest, found[:, :K]),
            recall(data, truth, found),
            recall(data, nearest, np.take_along_axis(found, order, axis=1)),
        )


def dense_rows(data: Dataset) -> DenseRows:
    """Return the vectors of a dataset as an index has them."""
    metric = Metric(data.metric)
    norms = inverse_norms(data.vectors) if metric is Metric.COSINE else NO_NORMS
    rows = pad(data.vectors, Element.FLOAT32, data.dim)
    return DenseRows(rows, data.dim, Element.FLOAT32, norms, metric)


def try_codec(spec: CodecSpec, rows: DenseRows, data: Dataset, truth: Truth) -> CodecTrial:
    """Learn, code and estimate on one thread.

    Parameters
    ----------
    spec : CodecSpec
    rows, data
        The same vectors, as an index has them and with queries.
    truth : Truth
        The 100 nearest of each query.
    """
    started = time.process_time()
    codec = spec.train(rows, BuildJob(threads=1))
    trained = time.process_time()
    coded = codec.encode(rows)
    done = time.process_time()
    found = _nearest(codec, coded, data.peer_queries, truth.k)
    kept = sum(array.nbytes for array in coded.arrays().values()) / data.rows
    return CodecTrial.of(spelled(spec), kept, (trained - started, done - trained), data, truth, found)


def _nearest(codec: Codec, coded: Coded, queries: Floats, count: int) -> Ids:
    """Return the rows that are nearest by what kernels make of their codes, the nearest first."""
    from ...indexes.kernels.estimating import estimate

    prepared, record = codec.prepare(queries), codec.record(coded)
    scratch = aligned((codec.query_bytes + 64,), np.uint8)
    found = np.empty((len(queries), count), np.int64)
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        part = np.ascontiguousarray(prepared[start : start + _QUERIES_AT_ONCE])
        near: NDArray[np.float32] = np.empty((len(part), len(coded)), np.float32)
        estimate(address(record), address(part), len(part), len(coded), address(scratch), near)
        first = np.argpartition(near, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(near, first, axis=1), axis=1, kind="stable")
        found[start : start + len(part)] = np.take_along_axis(first, order, axis=1)
    return found
