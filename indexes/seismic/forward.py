"""Builds the forward index: every row compressed to one record."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import aligned
from .terms import Terms

# Bounds below which slots are told by gaps; the one that makes the records smallest is taken.
_NEARS = np.array([0, 1024, 2048, 4096, 8192, 16384, 1 << 32], np.int64)
# What share of a row's mass is read before the rest is given up.
_HEAVY_SHARE = 0.7
# Terms beyond these are so rare that they need not be told apart by weight.
_MOST_COUNTED = 1 << 16


@dataclass(frozen=True)
class Forward:
    """Rows, compressed, and what building lists needs besides.

    Parameters
    ----------
    steps
        ``(n_terms,)`` float32: what a code of each slot is multiplied with.
    offsets
        ``(n + 1,)`` uint32: where each record starts, in units of four bytes.
    records
        uint8, as ``kernels/forward.py`` says.
    histogram
        ``(min(n_terms, 65536), 256)`` int64: how many rows hold each slot by each code.
    heaviest
        ``(n, 16)`` uint32: the heaviest entries of each row, a code above a slot of 24 bits; 0 in places that
        are left over.
    """

    steps: NDArray[np.float32]
    offsets: NDArray[np.uint32]
    records: NDArray[np.uint8]
    histogram: NDArray[np.int64]
    heaviest: NDArray[np.uint32]

    def record(self) -> NDArray[Any]:
        """Return what kernels read."""
        return forward_record(self.steps, self.offsets, self.records)


def forward_record(
    steps: NDArray[np.float32], offsets: NDArray[np.uint32], records: NDArray[np.uint8]
) -> NDArray[Any]:
    """Return what kernels read; the caller keeps the arrays alive."""
    from ..kernels.forward import FORWARD

    record = np.zeros(1, FORWARD)
    record["n"], record["n_terms"] = len(offsets) - 1, len(steps)
    record["records"], record["offsets"] = address(records), address(offsets)
    record["wide"] = len(steps) > 1 << 16
    return record


def build_forward(
    indptr: NDArray[np.int64], weights: NDArray[np.float32], terms: Terms, threads: int
) -> Forward:
    """Compress every row; weights become codes of one byte, in steps of their term."""
    from ..kernels.forward import HEAVIEST, MOST_CODE, UNIT
    from ..kernels.records import size_records, write_records

    n, n_terms = len(indptr) - 1, len(terms.numbers)
    steps = np.maximum(terms.largest / np.float32(MOST_CODE), np.finfo(np.float32).tiny)
    cuts = np.linspace(0, n, min(threads, max(1, n)) + 1, dtype=np.int64).tolist()
    longest = int(np.diff(indptr).max(initial=1))
    csr = address(indptr), address(terms.places), address(weights)
    slots = len(weights), address(terms.slots), len(terms.slots), address(steps), n_terms, _HEAVY_SHARE

    def size(bounds: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        begin, end = bounds
        sizes = np.empty((len(_NEARS), end - begin), np.int64)
        histogram = np.zeros((min(n_terms, _MOST_COUNTED), MOST_CODE + 1), np.int64)
        size_records(*csr, begin, end, *slots, _NEARS, sizes, histogram, longest)
        return sizes, histogram

    sized = _each(size, cuts)
    sizes = np.concatenate([part[0] for part in sized], axis=1)
    best = int(np.argmin(sizes.sum(axis=1)))
    total = int(sizes[best].sum())
    if total >= 1 << 32:
        raise ValueError(
            f"rows of {len(weights):,} weights take {total * UNIT:,} bytes; a segment's forward index holds "
            f"{(1 << 32) * UNIT:,}"
        )
    offsets = np.zeros(n + 1, np.uint32)
    np.cumsum(sizes[best], out=offsets[1:])
    records = aligned((total * UNIT,), np.uint8)
    heaviest = aligned((n, HEAVIEST), np.uint32)

    def write(bounds: tuple[int, int]) -> None:
        write_records(
            *csr,
            *bounds,
            *slots,
            _NEARS[best],
            address(records),
            address(offsets),
            heaviest,
            longest,
        )

    _each(write, cuts)
    return Forward(steps, offsets, records, sum(part[1] for part in sized), heaviest)


def _each(work: Callable[[tuple[int, int]], Any], cuts: list[int]) -> list[Any]:
    with ThreadPoolExecutor(len(cuts) - 1) as pool:
        return list(pool.map(work, pairwise(cuts)))
