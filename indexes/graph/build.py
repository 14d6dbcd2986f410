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
from .index import HnswIndex
from .links import build_links, choose_entries

SMALLEST_GRAPH = 512
"""Fewer rows are scanned faster than a graph over them is walked."""

_LINKS_SHARE, _CODES_SHARE = 0.9, 0.95


def build(
    rows: DenseRows, codec_spec: CodecSpec, m: int, ef_construction: int, job: BuildJob
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
    arrays: dict[str, NDArray[Any]] = {
        "links": build_links(rows, m, ef_construction, linking),
        "entries": choose_entries(n, job.seed),
    }
    if has_cells(rows):
        arrays |= build_cells(rows, replace(job, progress=lambda _share: None))
    codec = codec_spec.train(rows, job)
    arrays |= codec.arrays() | codec.encode(rows, threads=threads).arrays()
    job.progress(_CODES_SHARE)
    index = HnswIndex(arrays, rows, codec_spec)
    arrays |= index.self_calibrated(job.seed, threads)
    job.progress(1.0)
    return arrays
