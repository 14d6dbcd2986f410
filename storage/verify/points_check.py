"""Whether each point of a database lives in one place, told from the id columns of segments and log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap64

from ..catalog.catalog import Catalog
from ..columns.batch import Batch
from ..columns.ids import IdColumn
from ..errors import CorruptionError, StorageError
from ..segments.folder import SegmentFolder
from ..segments.segment import Segment

_ATTEMPTS = 10
_PAUSE_SECONDS = 0.02
_EXAMPLES = 3


def points_problems(folder: str | Path, catalog: Catalog, apart: set[str]) -> Iterator[str]:
    """Yield what is wrong with the points of each collection; the segments in `apart` are left out."""
    with catalog.read() as txn:
        records = catalog.collections(txn)
    for record in records:
        try:
            living = _gather(SegmentFolder(folder, read_only=True), catalog, record.number, apart)
            for what in living.problems():
                yield f"collection {record.name!r}: {what}"
        except (StorageError, FileNotFoundError) as error:
            yield f"the points of collection {record.name!r} cannot be compared: {error}"


class LivingPoints:
    """Collects the living points of one collection from each place that has any.

    A row takes 16 bytes and its share of the id column, which is a view of its file.
    """

    def __init__(self, dead: BitMap64) -> None:
        self._dead = np.fromiter(dead, np.uint64, len(dead))
        self._names: list[str] = []
        self._columns: list[tuple[IdColumn, NDArray[np.uint32], NDArray[np.int64]]] = []
        self._hashes: list[NDArray[np.uint64]] = []

    def add(
        self, name: str, ids: IdColumn, tenants: NDArray[np.uint32], sequence: NDArray[np.uint64]
    ) -> None:
        """Take in the rows of one place whose sequence numbers are not dead."""
        owners = tenants if len(tenants) else np.zeros(len(ids), np.uint32)
        rows = np.flatnonzero(~np.isin(sequence, self._dead))
        self._names.append(name)
        self._columns.append((ids, owners, rows))
        self._hashes.append(ids.hashes(owners)[rows])

    def problems(self) -> Iterator[str]:
        """Yield each point that lives more than once, a few as examples and the number of the others."""
        found = 0
        for ids, owner, places in self._repeated():
            found += 1
            if found <= _EXAMPLES:
                of_tenant = f" of tenant {owner}" if owner else ""
                yield f"point {ids!r}{of_tenant} lives in {len(places)} places: {', '.join(places)}"
        if found > _EXAMPLES:
            yield f"{found - _EXAMPLES} more points live in several places"

    def _repeated(self) -> Iterator[tuple[int | str, int, list[str]]]:
        if not self._hashes:
            return
        hashes = np.concatenate(self._hashes)
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        ends = np.cumsum([len(part) for part in self._hashes])
        # Different points may share a hash, so equal hashes only name the rows worth comparing.
        same = hashes[1:] == hashes[:-1]
        groups: dict[tuple[int, int | str, int], list[str]] = {}
        for at in np.flatnonzero(np.append(same, False) | np.append(False, same)):
            place = int(np.searchsorted(ends, order[at], side="right"))
            ids, owners, rows = self._columns[place]
            row = int(rows[order[at] - (ends[place] - len(rows))])
            point = int(hashes[at]), ids[row], int(owners[row])
            groups.setdefault(point, []).append(f"row {row} of {self._names[place]}")
        for (_, point_id, owner), places in groups.items():
            if len(places) > 1:
                yield point_id, owner, places


def _gather(segments: SegmentFolder, catalog: Catalog, number: int, apart: set[str]) -> LivingPoints:
    for attempt in range(_ATTEMPTS):
        try:
            return _gather_once(segments, catalog, number, apart)
        except FileNotFoundError:
            # The writer has merged the segment away since the manifest was read.
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError("the last attempt returns or raises")


def _gather_once(segments: SegmentFolder, catalog: Catalog, number: int, apart: set[str]) -> LivingPoints:
    with catalog.read() as txn:
        dead = BitMap64()
        for _, numbers in catalog.tombstones(txn, number):
            dead |= numbers
        living = LivingPoints(dead)
        uuids = [record.uuid for record in catalog.segments(txn, number) if record.uuid not in apart]
        opened = [segments.open(uuid) for uuid in uuids]
        for first, payload in catalog.log(txn, number):
            batch = Batch.decode(payload, source=catalog.store.path)
            sequence = np.arange(first, first + len(batch), dtype=np.uint64)
            living.add(f"the batch at {first}", batch.ids, batch.tenants, sequence)
    for segment in opened:
        living.add(f"segment {segment.uuid}", *point_columns(segment))
    return living


def point_columns(segment: Segment) -> tuple[IdColumn, NDArray[np.uint32], NDArray[np.uint64]]:
    """Return ids, tenants (empty without tenants) and sequence numbers of the rows of a segment.

    Raises
    ------
    CorruptionError
        When one is missing or they do not have the same length.
    """
    ids = IdColumn.from_arrays(segment.arrays("id."), f"segment {segment.uuid}")
    try:
        sequence = segment.array("sequence")
    except KeyError as error:
        raise CorruptionError(f"segment {segment.uuid}", "it has no sequence numbers") from error
    tenants = segment.arrays("tenant").get("", np.empty(0, np.uint32))
    lengths = {len(ids), len(sequence), len(tenants) or len(ids)}
    if len(lengths) > 1:
        raise CorruptionError(
            f"segment {segment.uuid}",
            f"it has {len(ids)} ids, {len(sequence)} sequence numbers and {len(tenants)} tenants",
        )
    return ids, tenants, sequence
