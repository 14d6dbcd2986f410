"""Builds the arrays of token lists."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..clustering.n_lists import usual_lists
from ..ivf.build import lists_of
from ..ivf.layout import Layout
from ..protocol import BuildJob
from ..rows.multi import MultiRows
from .index import TokenListsIndex
from .levels import levels_of, stops_of
from .vectors import TokenVectors

SMALLEST = 256
"""Fewer rows are scanned faster than lists of their tokens are searched."""
_LISTED = 0.9
# Each token of a query looks for its lists among all, and reads more of what is in them than a dense query.
_SHARE_OF_USUAL = 2


def build(
    rows: MultiRows, n_lists: int | None, tokens: int | None, layout: Layout, job: BuildJob
) -> dict[str, NDArray[Any]]:
    """Return the arrays of lists over the first ``tokens`` of each row, all for None.

    There are none for few rows, which are scanned instead.
    """
    levels, places = levels_of(rows.offsets, tokens)
    n, n_tokens = len(rows), len(levels)
    if n_tokens >= 1 << 31:
        raise ValueError(f"a segment has at most {(1 << 31) - 1} tokens; got {n_tokens}")
    if n < SMALLEST or n_tokens < SMALLEST:
        job.progress(1.0)
        return {}
    listing = replace(job, progress=lambda share: job.progress(_LISTED * share))
    wanted = n_lists or max(1, usual_lists(n_tokens) // _SHARE_OF_USUAL)
    arrays = lists_of(TokenVectors(rows, places), wanted, layout, listing, levels)
    row_of = np.repeat(np.arange(n, dtype=np.uint32), np.diff(rows.offsets))
    members = arrays["members"]
    arrays["stops"] = stops_of(levels[members], arrays["offsets"])
    arrays["members"] = row_of[members if places is None else places[members]]
    arrays |= TokenListsIndex(arrays, rows, layout, tokens).self_calibrated(
        job.seed, job.threads or os.cpu_count() or 1
    )
    job.progress(1.0)
    return arrays
