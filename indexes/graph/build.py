"""Builds the arrays of an HNSW index."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from ..cells.build import build_cells, has_cells
from ..codecs.protocol import CodecSpec
from ..protocol import BuildJob
from ..rows.dense import DenseRows
from .copies import NAME as COPIES
from .copies import find_copies, nodes_of
from .growth.growing import grow
from .growth.hnswlib_graph import grow_by_hnswlib
from .measuring import self_calibrated
from .opened import Graph

SMALLEST_GRAPH = 512
"""Fewer rows are scanned faster than a graph over them is walked."""

_LINKS_SHARE, _CODES_SHARE = 0.9, 0.95
BUILDERS = {"vicinal": grow, "hnswlib": grow_by_hnswlib}


def build(
    rows: DenseRows, codec_spec: CodecSpec, m: int, ef_construction: int, builder: str, job: BuildJob
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a graph over ``rows``: none for few rows, which are scanned instead."""
    n = len(rows)
    if n >= 1 << 31:
        raise ValueError(f"a segment has at most {(1 << 31) - 1} rows; got {n}")
    if n < SMALLEST_GRAPH:
        job.progress(1.0)
        return {}
    threads = job.threads or os.cpu_count() or 1
    linking = replace(job, progress=lambda share: job.progress(share * _LINKS_SHARE))
    copies = find_copies(rows)
    nodes = nodes_of(copies, n)
    arrays: dict[str, NDArray[Any]] = {COPIES: copies} if len(copies) else {}
    arrays |= BUILDERS[builder](rows, nodes, m, ef_construction, linking)
    if has_cells(rows):
        arrays |= build_cells(rows, replace(job, progress=lambda _share: None))
    codec = codec_spec.train(rows, job)
    arrays |= codec.arrays() | codec.encode(rows, threads=threads).arrays()
    job.progress(_CODES_SHARE)
    arrays |= self_calibrated(Graph(arrays, rows, codec_spec), job.seed, threads)
    job.progress(1.0)
    return arrays
