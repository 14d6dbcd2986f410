"""An open index of cells without a graph: its codes, its cells, and how many of each are looked at."""

from __future__ import annotations

import os
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.protocol import CodecSpec
from ..effort.pseudo_queries import NEIGHBOURS, SHORTFALL, pseudo_queries
from ..exact import coded
from ..exact.coded import CodedIndex, CodedKnobs
from ..exact.dense import row_record
from ..exact.scan import open_scan
from ..protocol import EVERYTHING, Arrays, BuildJob, Effort, Scope
from ..rows.dense import DenseRows
from ..rows.neighbors import Neighbors
from ..rows.row_set import RowSet
from .build import PREFIX, build_cells
from .knobs import CellKnobs
from .measuring import measure_cells
from .opened import Cells
from .table import USUAL_PATIENCE

FEWEST = 512
"""Fewer rows are all scored exactly."""
# Of what may be missed, what codes may cost.
_LOST_BY_CODES = 0.15
_CLUSTERED, _CODED = 0.4, 0.9


def build(rows: DenseRows, spec: CodecSpec, job: BuildJob) -> dict[str, NDArray[Any]]:
    """Return cells, codes and what was measured of them; nothing of few rows, which are scanned instead."""
    if len(rows) < FEWEST:
        job.progress(1.0)
        return {}

    def part(start: float, end: float) -> BuildJob:
        return replace(job, progress=lambda share: job.progress(start + share * (end - start)))

    arrays = build_cells(rows, part(0.0, _CLUSTERED)) | coded.build(rows, spec, part(_CLUSTERED, _CODED))
    arrays |= CuratorIndex(arrays, rows, spec).self_calibrated(job.seed, job.threads or os.cpu_count() or 1)
    job.progress(1.0)
    return arrays


class CuratorIndex:
    """Compares the codes of rows in scope, of the nearest cells or of all, and scores the nearest exactly.

    Immutable and thread-safe.
    """

    def __init__(self, arrays: Arrays, rows: DenseRows, spec: CodecSpec) -> None:
        self._arrays, self._rows, self._spec = arrays, rows, spec
        own = {name: array for name, array in arrays.items() if not name.startswith(PREFIX)}
        self._coded = CodedIndex(own, rows, spec)
        self._scan = open_scan(rows)
        self._cells: Cells | None = None
        if not arrays:
            return
        codec = spec.open(own, rows.dim, rows.metric)
        codes = codec.checked(own, len(rows))
        self._held = codes
        self._cells = Cells(arrays, rows, codec, row_record(rows), codec.record(codes))

    @property
    def nbytes(self) -> int:
        """Bytes of the cells, the codes and what was measured."""
        return sum(array.nbytes for array in self._arrays.values())

    def search(
        self, queries: NDArray[Any], k: int, effort: Effort[CellKnobs], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find about the nearest ``min(k, allowed)`` rows of each query."""
        n, knobs, count = len(self._rows), effort.knobs, scope.count(len(self._rows))
        scope.check(n)
        wanted = min(max(k, knobs.rescore), count)
        if self._cells is None or not knobs.cells or count <= wanted or not len(queries):
            return self._coded.search(queries, k, Effort(CodedKnobs(wanted), None, 0.0, ""), scope)
        allowed = scope.rows or RowSet.everything(n)
        patience = knobs.patience or USUAL_PATIENCE
        return self._cells.search(queries, k, knobs.cells, wanted, allowed, patience)

    def effort(self, k: int, recall: float, knobs: CellKnobs | None, share: float) -> Effort[CellKnobs]:
        """Choose the cheapest effort that reaches ``recall``, or take ``knobs`` as given."""
        lost = _LOST_BY_CODES * (1 - recall)
        codes = self._coded.effort(k, recall, None, share)
        every = Effort(CellKnobs(0, codes.knobs.rescore), codes.expected_recall, codes.seconds, codes.words)
        table = None if self._cells is None else self._cells.table
        if self._cells is None or table is None:
            return every
        rescored = self._coded.effort(k, 1 - lost, None, share)
        width = (knobs.rescore if knobs else 0) or rescored.knobs.rescore
        n_cells = knobs.cells if knobs else self._cells.cells_for(k, recall + lost, share)
        if n_cells is None:
            return every
        n_cells = min(n_cells, self._cells.n_cells)
        found, kept = table.recall_at(k, n_cells, share), rescored.expected_recall
        expected = None if found is None or kept is None else max(0.0, found + kept - 1)
        seconds = self._cells.seconds(n_cells, share) + self._scan.cost(None, width, contiguous=False)
        if knobs is None and every.seconds <= seconds:
            return every
        # Measured on few queries, and filters come in many shapes.
        patience = (knobs.patience if knobs else 0.0) or table.patience_for(k, (1 + recall) / 2)
        words = f"the {n_cells:,} nearest cells, {width} rescored"
        return Effort(CellKnobs(n_cells, width, patience), expected, seconds, words)

    def raised(self, rungs: int) -> CuratorIndex:
        """Return the index whose efforts are so many rungs higher."""
        raised = copy(self)
        raised._coded = self._coded.raised(rungs)
        raised._cells = None if self._cells is None else self._cells.raised(rungs)
        return raised

    def spanning(self, share: float) -> CuratorIndex:
        """Return the index that chooses efforts for scopes within such a share of the rows."""
        spanning = copy(self)
        spanning._cells = None if self._cells is None else self._cells.spanning(share)
        return spanning

    def calibrate(
        self, queries: NDArray[Any], truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure codes and cells on real queries and return the arrays of that."""
        if self._cells is None:
            return {}
        return self._coded.calibrate(queries, truth) | self._measured(self._cells, queries, 0)

    def self_calibrated(self, seed: int, threads: int) -> dict[str, NDArray[Any]]:
        """Measure cells on queries made out of the rows and return the arrays of that."""
        assert self._cells is not None

        def nearest(queries: NDArray[Any], k: int) -> NDArray[np.uint32]:
            return self._coded.search(queries, k, Effort(CodedKnobs(2 * NEIGHBOURS), None, 0.0, "")).rows

        queries, groups = pseudo_queries(self._rows, nearest, seed)
        return self._measured(self._cells, queries, seed, groups=groups, shortfall=SHORTFALL)

    def _measured(
        self, cells: Cells, queries: NDArray[Any], seed: int, **counting: Any
    ) -> dict[str, NDArray[Any]]:
        def rescored(k: int) -> int:
            return self._coded.effort(k, 1.0, None, 0.5).knobs.rescore

        table = measure_cells(cells, self._rows, self._scan, queries, rescored, seed=seed, **counting)
        return {PREFIX + name: array for name, array in table.to_arrays().items()}

    def with_table(self, arrays: Arrays) -> CuratorIndex:
        """Return the same index with what was measured anew."""
        return CuratorIndex({**self._arrays, **arrays}, self._rows, self._spec)
