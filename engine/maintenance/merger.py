"""Carries out one task: makes the segment, then swaps it into the manifest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.records import SegmentRecord
from ...storage.segments.segment import SegmentStore, SegmentWriting
from ..error_translation import translated
from ..errors import Closed, NotFound, ResourceExhausted, Unavailable
from ..progress import Progress
from ..schema.collection_schema import CollectionSchema
from ..segments.growing.view import GROWING
from ..segments.sealed.builder import BuiltSegment, SegmentBuilder, indexable_fields
from ..segments.sealed.effort_tables import Tables, load_queries
from ..segments.sealed.filling import filled_copy
from ..segments.sealed.segment import SealedSegment
from ..segments.sealed.view import SealedView
from ..segments.sizes import stored_sizes
from ..segments.snapshot import Snapshot, place
from ..segments.view import SegmentView
from ..state.collection_state import CollectionState, ReplaceSegments
from ..vector_kinds.registry import kind_of
from ..writing.manifest_operations import ReplaceInManifest, StoreTables
from ..writing.writer import Writer
from .merge_policy import FillTask, MergeTask, Task

log = logging.getLogger("vicinal.merge")

# Its sequence number, its place in the order of these and its hash; an id takes what it takes.
_ROW_BYTES = 20

Part = tuple[SegmentView, NDArray[np.int64]]


class Merger:
    """Merges segments of any collection of one database.

    Searches and writes go on meanwhile: the new segment is built from a snapshot, and what died since is
    carried over when the writer swaps it in.
    """

    def __init__(self, catalog: Catalog, folder: SegmentStore, writer: Writer) -> None:
        self._catalog = catalog
        self._folder = folder
        self._writer = writer

    def perform(self, state: CollectionState, task: Task, progress: Progress, threads: int = 0) -> str | None:
        """Do ``task`` and return the segment that was made, None where no row was left alive.

        No two tasks at a time may have a segment in common, or the growing rows: callers see to that. Indexes
        are built by so many threads, 0 for one a core.

        Raises
        ------
        ResourceExhausted
            There is no room for the segment. What is certain before it is built is said before that.
        """
        if isinstance(task, FillTask):
            return self._fill(state, task, progress)
        return self._merge(state, task, progress, threads)

    def _merge(self, state: CollectionState, task: MergeTask, progress: Progress, threads: int) -> str | None:
        snapshot = state.snapshot
        wanted = set(task.segments)
        parts = _parts(snapshot, task)
        n_rows = sum(len(rows) for _, rows in parts)
        log.debug("%s: merging %d rows (%s)", state.name, n_rows, task.reason)
        change = ReplaceSegments(frozenset(wanted), None)
        growing = [view for view, _ in parts if view.uuid == GROWING]
        if growing:
            change = replace(
                change, sealed_below=snapshot.next_sequence, sealed_from=int(growing[0].sequence()[0])
            )
        if not n_rows:
            self._retire(self._writer.submit(ReplaceInManifest(state, change, None)))
            return None
        self._check_room(_least_bytes(snapshot, parts))
        views = [view for view, _ in parts]
        fields = indexable_fields(snapshot.schema, views) if task.with_index else []
        builder = SegmentBuilder(snapshot.schema, fields, total_rows=snapshot.n_points, threads=threads)
        uuid, built = self._write(
            state, views, lambda sink, header: builder.build(parts, sink, header, progress)
        )
        self._swap(state, snapshot.schema, uuid, built, change, progress, self._calibrate)
        return uuid

    def _fill(self, state: CollectionState, task: FillTask, progress: Progress) -> str:
        snapshot = state.snapshot
        view = _view(snapshot, task)
        log.debug("%s: copying %d rows (%s)", state.name, view.n_rows, task.reason)
        self._check_room(view.segment.size_bytes)
        uuid, built = self._write(
            state, [view], lambda sink, header: filled_copy(view, sink, header, progress)
        )
        change = ReplaceSegments(frozenset([task.segment]), None)

        def known(state: CollectionState, copy: SealedSegment, progress: Progress) -> Tables:
            # Its indexes are the same, and so is what was measured of them.
            tables = view.segment.effort_tables
            for field, table in tables.items():
                copy.set_effort_table(field, table)
            return tables

        self._swap(state, snapshot.schema, uuid, built, change, progress, known)
        return uuid

    def least_bytes(self, state: CollectionState, task: Task) -> int:
        """Return how many bytes the segment of a task takes at least, without those of new indexes."""
        with translated():
            if isinstance(task, FillTask):
                return _view(state.snapshot, task).segment.size_bytes
            return _least_bytes(state.snapshot, _parts(state.snapshot, task))

    def free_bytes(self) -> int | None:
        """Return how much room there is for segments; None when nobody can tell."""
        with translated():
            return self._folder.free_bytes()

    def _check_room(self, needed: int) -> None:
        free = self.free_bytes()
        if free is not None and free < needed:
            raise ResourceExhausted(
                f"a new segment takes at least {needed:,} bytes and the disk has {free:,} free; make room"
            )

    def _write(
        self,
        state: CollectionState,
        views: Sequence[SegmentView],
        build: Callable[[SegmentWriting, dict[str, Any]], BuiltSegment],
    ) -> tuple[str, BuiltSegment]:
        """Write and publish a segment made of ``views``."""
        with translated():
            for view in views:
                # What is damaged would get new checksums.
                if isinstance(view, SealedView):
                    view.segment.file.check()
            uuid, sink = self._folder.new_writer()
            try:
                header = {"uuid": uuid, "collection": state.record.uuid}
                built = build(sink, header)
                sink.finish()
            except BaseException:
                sink.abort()
                raise
            self._folder.publish(uuid)
        return uuid, built

    def _swap(
        self,
        state: CollectionState,
        schema: CollectionSchema,
        uuid: str,
        built: BuiltSegment,
        change: ReplaceSegments,
        progress: Progress,
        measure: Callable[[CollectionState, SealedSegment, Progress], Tables],
    ) -> None:
        try:
            # Inside, because whoever is told may give the work up, and the file has its final name by now.
            progress("write", 1.0)
            with translated():
                segment = SealedSegment(self._folder.open(uuid), schema)
            seen = state.calibrations
            tables = measure(state, segment, progress)
        except BaseException:
            self._folder.remove(uuid)
            raise
        record = SegmentRecord(
            uuid=uuid,
            rows=segment.n_rows,
            first_seq=int(built.sequence[0]),
            last_seq=int(built.sequence[-1]),
            bytes=segment.size_bytes,
            indexed=built.indexed,
            created=segment.header["created"],
        )
        change = replace(change, added=segment)
        try:
            removed = self._writer.submit(ReplaceInManifest(state, change, record, tables))
        except (ResourceExhausted, NotFound, Closed):
            # These say that nothing was committed. After any other error, or an interrupt while waiting, the
            # manifest may name the file: it stays, and opening removes it if the manifest does not.
            self._folder.remove(uuid)
            raise
        self._retire(removed)
        while state.calibrations != seen:
            # The caller calibrated while the segment was measured on the queries from before.
            seen = state.calibrations
            tables = self._calibrate(state, segment, progress)
            self._writer.submit(StoreTables(state, uuid, tables))

    def _calibrate(self, state: CollectionState, segment: SealedSegment, progress: Progress) -> Tables:
        """Measure the new indexes on the queries the caller calibrated with, if there are any."""
        tables: Tables = {}
        for field in segment.indexed_fields:
            with self._catalog.read() as txn:
                queries = load_queries(self._catalog, txn, state.number, field)
            index = segment.index(field)
            if queries is None or index is None:
                continue
            progress(f"calibrate {field}", 0.0)
            tables[field] = dict(
                index.calibrate(kind_of(segment.schema.vectors[field]).kept_queries(queries))
            )
            segment.set_effort_table(field, tables[field])
            progress(f"calibrate {field}", 1.0)
        return tables

    def _retire(self, segments: list[SealedSegment]) -> None:
        # Searches under way and other processes keep reading what they have mapped.
        for segment in segments:
            self._folder.remove(segment.uuid)


def _view(snapshot: Snapshot, task: FillTask) -> SealedView:
    for view in snapshot.views:
        if isinstance(view, SealedView) and view.uuid == task.segment:
            return view
    raise Unavailable(f"segment {task.segment} is not there any more; try again")


def _parts(snapshot: Snapshot, task: MergeTask) -> list[Part]:
    chosen = set(task.segments)
    if task.with_growing:
        chosen.add(GROWING)
    return [(view, _live_rows(view)) for view in snapshot.views if view.uuid in chosen]


def _least_bytes(snapshot: Snapshot, parts: list[Part]) -> int:
    total = 0
    for number, view in enumerate(snapshot.views):
        for part, rows in parts:
            if part is view:
                total += int(stored_sizes(snapshot, place(number, rows), vectors=True).sum())
                total += len(rows) * _ROW_BYTES
    return total


def _live_rows(view: SegmentView) -> NDArray[np.int64]:
    return np.arange(view.n_rows) if view.live is None else view.live.rows.astype(np.int64)
