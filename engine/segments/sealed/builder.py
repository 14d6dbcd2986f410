"""Turns rows of a snapshot into one segment file: gather, order, index, write."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....indexes.protocol import BuildJob, Rows
from ....indexes.rows.dense import DenseRows, aligned, inverse_norms, pad
from ....indexes.rows.metric import Metric
from ....storage.columns.batch import Batch
from ....storage.columns.vectors import DenseColumn
from ....storage.segments.segment import SegmentWriting
from ...progress import Progress
from ...schema.collection_schema import CollectionSchema
from ...vector_kinds.rows import column_rows
from ..view import SegmentView
from . import postings as segment_postings

# So many rows take so long to index that a second for what searching costs on this machine is nothing.
_WORTH_MEASURING = 50_000

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class BuiltSegment:
    """What the builder says of the segment it wrote.

    Attributes
    ----------
    sequence : (n,) uint64
        Sequence numbers of its rows, ascending.
    indexed : list of str
        Fields that have an index.
    """

    sequence: NDArray[np.uint64]
    indexed: list[str]


class SegmentBuilder:
    """Builds one segment from rows of several views.

    Parameters
    ----------
    schema : CollectionSchema
    index_fields : sequence of str
        Fields to build an index for.
    seed, threads : int
        Handed to the index builds; 0 threads means every core.
    """

    def __init__(
        self, schema: CollectionSchema, index_fields: Sequence[str], *, seed: int = 0, threads: int = 0
    ) -> None:
        self._schema = schema
        self._index_fields = list(index_fields)
        self._seed = seed
        self._threads = threads

    def build(
        self,
        parts: Sequence[tuple[SegmentView, NDArray[np.int64]]],
        sink: SegmentWriting,
        header: dict[str, Any],
        progress: Progress,
    ) -> BuiltSegment:
        """Write the given rows of each view to ``sink`` and return what was written.

        Rows are sorted by tenant in a partitioned collection, so that a tenant is one range; elsewhere they
        stand in the order the first index asks for.
        """
        progress("gather", 0.0)
        batch = Batch.concat([view.batch(rows) for view, rows in parts])
        sequence = np.concatenate([view.sequence()[rows] for view, rows in parts])
        dense = {
            name: self._pad(name, column)
            for name, column in batch.vectors.items()
            if isinstance(column, DenseColumn)
        }
        order = self._row_order(batch, dense)
        if order is not None:
            batch = batch.take(order)
            sequence = sequence[order]
            dense = {name: _permuted(vectors, order) for name, vectors in dense.items()}
        progress("gather", 1.0)
        specs = {}
        for name in self._index_fields:
            rows = dense.get(name) or column_rows(batch.vectors[name])
            specs[name] = self._write_index(name, rows, batch.tenants, sink, progress)
        if specs and len(sequence) >= _WORTH_MEASURING:
            # Only here, because it loads kernels.
            from ....indexes.measuring import measure_once

            measure_once()
        progress("write", 0.0)
        self._write_rows(batch, sequence, dense, sink)
        sink.put_record(
            "segment",
            header
            | {
                "rows": len(sequence),
                "schema": self._schema.to_json(),
                "indexes": specs,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            },
        )
        return BuiltSegment(np.sort(sequence), list(specs))

    def _pad(self, name: str, column: DenseColumn) -> DenseRows:
        field = self._schema.dense(name)
        norms = inverse_norms(column.matrix) if field.metric is Metric.COSINE else np.empty(0, np.float32)
        padded = pad(column.matrix, field.element, field.dim)
        return DenseRows(padded, field.dim, field.element, norms, field.metric)

    def _row_order(self, batch: Batch, dense: dict[str, DenseRows]) -> NDArray[Any] | None:
        if self._schema.partitioned:
            return np.argsort(batch.tenants, kind="stable")
        for name in self._index_fields:
            rows = dense.get(name) or column_rows(batch.vectors[name])
            return self._schema.vectors[name].index.order(rows)
        return None

    def _write_index(
        self, name: str, rows: Rows, tenants: NDArray[np.uint32], sink: SegmentWriting, progress: Progress
    ) -> dict[str, Any]:
        spec = self._schema.vectors[name].index
        stage = f"index {name}"
        progress(stage, 0.0)
        owners = tenants if self._schema.partitioned else None
        job = BuildJob(self._seed, self._threads, lambda share: progress(stage, share), owners)
        arrays = spec.build(rows, job)
        for key, array in arrays.items():
            sink.put_array(f"index.{name}.{key}", array)
        progress(stage, 1.0)
        return spec.to_json()

    def _write_rows(
        self,
        batch: Batch,
        sequence: NDArray[np.uint64],
        dense: dict[str, DenseRows],
        sink: SegmentWriting,
    ) -> None:
        owners = batch.tenants if self._schema.partitioned else np.zeros(len(sequence), np.uint32)
        hashes = batch.ids.hashes(owners)
        by_hash = np.argsort(hashes, kind="stable")
        sink.put_array("sequence", sequence)
        sink.put_array("sequence.order", np.argsort(sequence).astype(np.uint32))
        sink.put_array("lookup.hash", hashes[by_hash])
        sink.put_array("lookup.row", by_hash.astype(np.uint32))
        if self._schema.partitioned:
            sink.put_array("tenant", owners)
        _put_all(sink, "id.", batch.ids.arrays())
        _put_all(sink, "payload.", batch.payloads.arrays())
        for name, column in batch.vectors.items():
            arrays = column.arrays()
            if name in dense:
                arrays = {"rows": dense[name].rows, "inv_norms": dense[name].inv_norms}
            _put_all(sink, f"vector.{name}.", arrays)
        postings, arrays = segment_postings.build(self._schema, batch.payloads)
        for field, key, value in postings:
            sink.put_posting(field, key, value)
        _put_all(sink, "", arrays)


def indexable_fields(schema: CollectionSchema, n_rows: int) -> list[str]:
    """Return the fields whose index is worth building over ``n_rows`` rows."""
    return [name for name, field in schema.vectors.items() if field.index.worth_building(n_rows)]


def _permuted(vectors: DenseRows, order: NDArray[Any]) -> DenseRows:
    norms = vectors.inv_norms[order] if len(vectors.inv_norms) else vectors.inv_norms
    rows = aligned(vectors.rows.shape, vectors.rows.dtype)
    np.take(vectors.rows, order, axis=0, out=rows)
    return DenseRows(rows, vectors.dim, vectors.element, norms, vectors.metric)


def _put_all(sink: SegmentWriting, prefix: str, arrays: Arrays) -> None:
    for key, array in arrays.items():
        sink.put_array(prefix + key, np.ascontiguousarray(array))
