"""A flat index by codes: every code in scope is compared, the nearest rows are scored exactly."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.protocol import CodecSpec
from ..costs import costs
from ..effort.ladder import KS, MARGIN, Ladder, measure
from ..effort.parts import in_parts
from ..effort.pseudo_queries import NEIGHBOURS, SHORTFALL, pseudo_queries
from ..effort.whole_number import whole_number
from ..protocol import EVERYTHING, Arrays, BuildJob, Effort, Scope
from ..rows.addresses import address
from ..rows.dense import DenseRows, room
from ..rows.neighbors import Neighbors
from .dense import DescribedRows, check_queries, described_rows, listed_rows
from .rescoring import prepared_rescore, rescore
from .scan import open_scan

# How many rows scored exactly are measured.
WIDTHS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280, 2560, 5120)
_WIDEST = 65_536
# Fewer rows are all scored exactly.
_FEWEST = 512
# At least so many more rows are scored exactly under a filter.
_MORE_UNDER_FILTERS = 128
_ENCODED_SHARE, _TRAINED_SHARE = 0.8, 0.4


@dataclass(frozen=True, slots=True)
class CodedKnobs:
    """How a flat index by codes is searched.

    Parameters
    ----------
    rescore
        How many rows, the nearest by their codes, are scored exactly; at least as many as are asked for.
    """

    rescore: int


def knobs_from(given: Mapping[str, float]) -> CodedKnobs | None:
    """Return what a caller said, checked; None for nothing."""
    unknown = sorted(given.keys() - {"rescore"})
    if unknown:
        raise ValueError(f"a flat index by codes has no knob {unknown[0]!r}; it takes rescore")
    if not given:
        return None
    return CodedKnobs(whole_number("rescore", given["rescore"], _WIDEST))


def build(rows: DenseRows, spec: CodecSpec, job: BuildJob) -> dict[str, NDArray[Any]]:
    """Return codes of the rows and the ladder of efforts; nothing of few rows, which are scored exactly."""
    if len(rows) < _FEWEST:
        job.progress(1.0)
        return {}
    threads = job.threads or os.cpu_count() or 1
    codec = spec.train(rows, job_within(job, _TRAINED_SHARE))
    job.progress(_TRAINED_SHARE)
    arrays = codec.arrays() | codec.encode(rows, threads=threads).arrays()
    job.progress(_ENCODED_SHARE)
    arrays |= CodedIndex(arrays, rows, spec).self_calibrated(job.seed, threads)
    job.progress(1.0)
    return arrays


def job_within(job: BuildJob, share: float) -> BuildJob:
    """Return the same job whose progress is but a share of all there is to do."""
    return BuildJob(job.seed, job.threads, lambda done: job.progress(done * share), job.tenants)


class CodedIndex:
    """Compares the codes of all rows in scope and scores the nearest exactly. Immutable and thread-safe."""

    def __init__(self, arrays: Arrays, rows: DenseRows, spec: CodecSpec) -> None:
        self._rows, self._arrays, self._spec = rows, arrays, spec
        self._scan = open_scan(rows)
        self._ladder = Ladder.from_arrays(WIDTHS, arrays)
        if not arrays:
            return
        codec = spec.open(arrays, rows.dim, rows.metric)
        coded = codec.checked(arrays, len(rows))
        # Kept alive as long as the record that holds their addresses.
        self._held = codec, coded
        self._record = codec.record(coded)
        self._record_address = address(self._record)
        self._described: DescribedRows | None = None
        self._prepare, self._query_bytes = codec.prepare, codec.query_bytes
        self._code_lines = codec.row_bytes / 64

    @property
    def nbytes(self) -> int:
        """Bytes of the codes and the ladder."""
        return sum(array.nbytes for array in self._arrays.values())

    def search(
        self, queries: NDArray[Any], k: int, effort: Effort[CodedKnobs], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find the nearest ``min(k, allowed)`` of the rows that codes say are near."""
        return self.prepared(k, effort, scope)(queries)

    def prepared(
        self, k: int, effort: Effort[CodedKnobs], scope: Scope = EVERYTHING
    ) -> Callable[[NDArray[Any]], Neighbors]:
        """Return :meth:`search` for all but the queries."""
        stored, scan = self._rows, self._scan
        scope.check(len(stored))
        count, width = scope.count(len(stored)), min(max(k, effort.knobs.rescore), _WIDEST)
        if not self._arrays or count <= width:
            return lambda queries: scan.search(queries, k, scope)
        candidates = self.prepared_candidates(width, scope)
        score = self._prepared_rescore(k, width)

        def search(queries: NDArray[Any]) -> Neighbors:
            n_queries = len(queries)
            if not n_queries:
                return scan.search(queries, k, scope)
            queries = check_queries(queries, stored, k)
            found = score(candidates(queries), queries)
            found.stats.distances += count * n_queries
            return found

        return search

    def _prepared_rescore(
        self, k: int, width: int
    ) -> Callable[[NDArray[np.uint32], NDArray[Any]], Neighbors]:
        stored = self._rows
        if stored.reader is not None:
            return lambda candidates, queries: rescore(stored, candidates, queries, k)
        described = self._described = self._described or described_rows(stored)
        return prepared_rescore(described, k, width)

    def prepared_candidates(self, width: int, scope: Scope) -> Callable[[NDArray[Any]], NDArray[np.uint32]]:
        """Return what finds the ``(q, width)`` rows that codes say are nearest, in order, ties by row."""
        from ..kernels.code_scan import code_scan_scratch_bytes, queries_together, scan_codes

        query_bytes, prepare, record = self._query_bytes, self._prepare, self._record_address
        lo, hi, listed = listed_rows(scope, len(self._rows))
        among, most = address(listed), queries_together(query_bytes)

        def find(queries: NDArray[Any], held: Any = (self, listed)) -> NDArray[np.uint32]:
            prepared, n_queries = prepare(queries), len(queries)
            group = n_queries if n_queries < most else most
            _space, scratch = room(code_scan_scratch_bytes(group, query_bytes, width))
            found = np.empty((n_queries, width), np.uint32)
            asked = address(prepared), n_queries, width, group, query_bytes, lo, hi
            scan_codes(record, *asked, among, scratch, found)
            return found

        return find

    def effort(self, k: int, recall: float, knobs: CodedKnobs | None, share: float) -> Effort[CodedKnobs]:
        """Choose how many rows to score exactly as ``recall`` takes, or take ``knobs`` as given."""
        count = round(len(self._rows) * share)
        if knobs is not None:
            width = max(k, knobs.rescore)
        elif self._ladder is None:
            width = k
        else:
            width = self._ladder.width_for(k, recall, share, _MORE_UNDER_FILTERS)
        expected = None if self._ladder is None else self._ladder.recall_at(k, width)
        return Effort(CodedKnobs(width), expected, self._cost(count, width), _words(count, width))

    def raised(self, rungs: int) -> CodedIndex:
        """Return the index whose efforts are so many rungs higher."""
        raised = copy(self)
        raised._ladder = None if self._ladder is None else self._ladder.raised(rungs)
        return raised

    def _cost(self, count: int, width: int) -> float:
        if not self._arrays:
            return self._scan.cost(None, count, contiguous=True)
        known = costs()
        scan = count * (known.code_row + self._code_lines * known.code_line)
        return known.call + scan + self._scan.cost(None, width, contiguous=False)

    def calibrate(
        self, queries: NDArray[Any], truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure the ladder on real queries and return its arrays."""
        if not self._arrays:
            return {}
        return self._measured(queries, truth, 1).to_arrays()

    def self_calibrated(self, seed: int, threads: int) -> dict[str, NDArray[Any]]:
        """Measure the ladder on queries made out of the rows and return its arrays."""

        def nearest(queries: NDArray[Any], k: int) -> NDArray[np.uint32]:
            return self.search(queries, k, Effort(CodedKnobs(2 * NEIGHBOURS), None, 0.0, "")).rows

        queries, groups = pseudo_queries(self._rows, nearest, seed)
        ladder = self._measured(queries, None, threads, given=1, groups=groups, shortfall=SHORTFALL)
        return ladder.as_hard_as_ten().to_arrays()

    def _measured(
        self, queries: NDArray[Any], truth: NDArray[np.float32] | None, threads: int, **counting: Any
    ) -> Ladder:
        """Measure all rungs by one scan: what a narrow pool holds stands first in a wide one."""
        n = len(self._rows)
        widest = min(n, WIDTHS[-1])
        with in_parts(queries, threads) as every:
            if truth is None:
                truth = np.concatenate(every(lambda part: self._scan.search(part, KS[-1]).scores))
            scores = np.concatenate(every(lambda part: self._scored(part, widest)))
        higher = self._rows.metric.higher_is_nearer

        def search(k: int, rung: int) -> Neighbors:
            pooled = scores[:, :rung]
            nearest = np.sort(-pooled if higher else pooled, axis=1)[:, :k]
            found = Neighbors(np.zeros(nearest.shape, np.uint32), -nearest if higher else nearest)
            found.stats.distances = n * len(queries)
            return found.padded(k, self._rows.metric)

        return measure(WIDTHS, search, truth, higher, MARGIN, **counting)

    def _scored(self, queries: NDArray[Any], width: int) -> NDArray[np.float32]:
        """Return the exact scores of the ``(q, width)`` candidates, in the order of their codes."""
        candidates = self.prepared_candidates(width, EVERYTHING)(queries)
        found = rescore(self._rows, candidates, queries, width)
        by_row = np.take_along_axis(found.scores, np.argsort(found.rows, axis=1), axis=1)
        places = np.argsort(np.argsort(candidates, axis=1), axis=1)
        return np.take_along_axis(by_row, places, axis=1)

    def with_table(self, arrays: Arrays) -> CodedIndex:
        """Return the same index with another ladder."""
        return CodedIndex({**self._arrays, **arrays}, self._rows, self._spec)


def _words(count: int, width: int) -> str:
    return f"scan of {count:,} codes, {width} rescored"
