"""Turns rows of a snapshot into one segment file: gather, order, index, write."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....indexes.protocol import Arrays, BuildJob, Previous, Rows
from ....storage.columns.batch import Batch
from ....storage.columns.partial import PartialColumn
from ....storage.columns.vectors import VectorColumn
from ....storage.segments.segment import SegmentWriting
from ...progress import Progress
from ...schema.collection_schema import CollectionSchema
from ...schema.vector_field import VectorField
from ...vector_kinds.protocol import Sealer
from ...vector_kinds.registry import kind_of
from ..view import SegmentView
from .postings.build import build_postings
from .previous import previous_indexes
from .staging import Parts, sealer_of, staged

# So many rows take so long to index that a second for what searching costs on this machine is nothing.
_WORTH_MEASURING = 50_000


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
    total_rows : int
        Points of the collection, of which these become a segment.
    seed, threads : int
        Handed to the index builds; 0 threads means every core.
    """

    def __init__(
        self,
        schema: CollectionSchema,
        index_fields: Sequence[str],
        *,
        total_rows: int = 0,
        seed: int = 0,
        threads: int = 0,
    ) -> None:
        self._schema = schema
        self._index_fields = list(index_fields)
        self._total_rows = total_rows
        self._seed = seed
        self._threads = threads

    def build(
        self,
        parts: Parts,
        sink: SegmentWriting,
        header: dict[str, Any],
        progress: Progress,
    ) -> BuiltSegment:
        """Write the given rows of each view to ``sink`` and return what was written.

        Rows are sorted by tenant in a partitioned collection, so that a tenant is one range; elsewhere they
        stand in the order the first index asks for.
        """
        progress("gather", 0.0)
        apart = {
            name: field
            for name, field in self._schema.vectors.items()
            if kind_of(field).staged(field) is not None
        }
        batch = Batch.concat([view.batch(rows, without=apart) for view, rows in parts])
        sequence = np.concatenate([view.sequence()[rows] for view, rows in parts])
        sealers = {name: self._sealer(name, field, parts, progress) for name, field in apart.items()}

        in_order: dict[str, Arrays] = {}

        def gathered(name: str, order: NDArray[Any] | None) -> Arrays:
            # Whoever is asked for an order hardly ever wants another.
            found = in_order.pop(name, None)
            if found is None or order is not None:
                found = staged(parts, name, apart[name], order, sink, sealer=sealers[name])
            if order is None:
                in_order[name] = found
            return found

        order, ordered = self._row_order(batch, progress, gathered)
        if order is not None:
            batch = batch.take(order)
            sequence = sequence[order]
        columns = dict(batch.vectors)
        batch = replace(batch, vectors={})
        # One by one, as each column is copied into arrays and is not needed any more.
        vectors = {name: self._arrays(name, columns.pop(name)) for name in list(columns)}
        vectors |= {name: gathered(name, order) for name in apart}
        progress("gather", 1.0)
        specs = {}
        for name in self._index_fields:
            given = ordered.pop(name, None)
            spec = self._schema.vectors[name].index
            previous = tuple(previous_indexes(parts, name, spec, order, vectors[name].get("present")))
            specs[name] = self._write_index(name, vectors[name], batch, given, previous, sink, progress)
        if specs and len(sequence) >= _WORTH_MEASURING:
            # Only here, because it loads kernels.
            from ....indexes.measuring import measure_once

            measure_once()
        progress("write", 0.0)
        self._write_rows(batch, sequence, vectors, sink)
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

    def _arrays(self, name: str, column: VectorColumn) -> Arrays:
        field = self._schema.vectors[name]
        if isinstance(column, PartialColumn):
            return {"present": column.present, **kind_of(field).sealed_arrays(field, column.vectors)}
        return kind_of(field).sealed_arrays(field, column)

    def _rows(self, name: str, arrays: Arrays) -> Rows:
        field = self._schema.vectors[name]
        rows: Rows = kind_of(field).rows(field, arrays)
        return rows

    def _sealer(self, name: str, field: VectorField, parts: Parts, progress: Progress) -> Sealer | None:
        stage = f"codes {name}"
        return sealer_of(parts, name, field, self._job(lambda share: progress(stage, share)))

    def _job(
        self,
        progress: Callable[[float], None],
        owners: NDArray[Any] | None = None,
        ordered: Arrays | None = None,
    ) -> BuildJob:
        return BuildJob(self._seed, self._threads, progress, owners, self._total_rows, ordered)

    def _row_order(
        self, batch: Batch, progress: Progress, gathered: Callable[[str, NDArray[Any] | None], Arrays]
    ) -> tuple[NDArray[Any] | None, dict[str, Arrays]]:
        """Return the order of the rows, None to leave them, and what the index that asked for it is given.

        A tenant's rows stand together.
        """
        owners = batch.tenants if self._schema.partitioned else None
        by_owner = None if owners is None else np.argsort(owners, kind="stable")
        if not self._index_fields:
            return by_owner, {}
        name = self._index_fields[0]
        column = batch.vectors.get(name)
        arrays = gathered(name, None) if column is None else self._arrays(name, column)
        having = arrays.get("present", slice(None))
        job = self._job(partial(progress, f"order {name}"), None if owners is None else owners[having])
        order = self._schema.vectors[name].index.order(self._rows(name, arrays), job)
        if order is None:
            return by_owner, {}
        # Rows without a vector come behind those that have one.
        place = np.full(len(batch), len(batch))
        places = np.empty(len(order.rows), np.int64)
        places[order.rows] = np.arange(len(places))
        place[having] = places
        keys = (place,) if owners is None else (place, owners)
        return np.lexsort(keys), {name: order.arrays}

    def _write_index(
        self,
        name: str,
        vectors: Arrays,
        batch: Batch,
        ordered: Arrays | None,
        previous: Sequence[Previous],
        sink: SegmentWriting,
        progress: Progress,
    ) -> dict[str, Any]:
        spec = self._schema.vectors[name].index
        stage = f"index {name}"
        progress(stage, 0.0)
        owners = None
        if self._schema.partitioned:
            owners = batch.tenants[vectors["present"]] if "present" in vectors else batch.tenants
        job = replace(self._job(lambda share: progress(stage, share), owners, ordered), previous=previous)
        arrays = spec.build(self._rows(name, vectors), job)
        for key, array in arrays.items():
            sink.put_array(f"index.{name}.{key}", array)
        progress(stage, 1.0)
        return spec.to_json()

    def _write_rows(
        self,
        batch: Batch,
        sequence: NDArray[np.uint64],
        vectors: dict[str, Arrays],
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
        for name, arrays in vectors.items():
            _put_all(sink, f"vector.{name}.", arrays)
        postings, arrays = build_postings(self._schema.fields, batch.payloads)
        for field, key, value in postings:
            sink.put_posting(field, key, value)
        _put_all(sink, "", arrays)


def indexable_fields(schema: CollectionSchema, views: Sequence[SegmentView]) -> list[str]:
    """Return the fields whose index is worth building over the live rows of the views that have a vector."""
    return [
        name
        for name, field in schema.vectors.items()
        if field.index.worth_building(sum(view.n_vectors(name) for view in views))
    ]


def _put_all(sink: SegmentWriting, prefix: str, arrays: Arrays) -> None:
    for key, array in arrays.items():
        sink.put_array(prefix + key, np.ascontiguousarray(array))
