"""Postings of rows that follow one another, as a search reads them."""

from __future__ import annotations

import numpy as np

from ..protocol import Arrays
from ..rows.addresses import address
from ..rows.sparse import SparseRows
from . import postings
from .slots import slots_of

# Terms of a few rows are searched for, as those of a hashed vocabulary are.
_FEW_ROWS = 1 << 13
WINDOW = 1 << postings.WINDOW_BITS
SCANNED = 64
"""Fewer rows than these are scanned at the end of parts: making a part of them takes longer."""


class Part:
    """Postings of ``n`` rows from row ``first`` on. Immutable; keeps its arrays alive."""

    __slots__ = ("_arrays", "_slots", "first", "n", "nbytes", "record", "usual")

    def __init__(self, arrays: Arrays, first: int, n: int) -> None:
        from ..kernels.postings import PART

        self._arrays, self.first, self.n = arrays, first, n
        terms, starts = arrays["terms"], arrays["starts"]
        self._slots = slots_of(terms) if n >= _FEW_ROWS else None
        self.nbytes = sum(array.nbytes for array in arrays.values())
        self.nbytes += 0 if self._slots is None else self._slots.nbytes
        windows = max(1, -(-n >> postings.WINDOW_BITS))
        # Postings of a usual term.
        self.usual = float(starts[-1]) / max(1, len(terms))
        self.record = record = np.zeros(1, PART)
        record["first"], record["n"] = first, n
        record["n_terms"], record["n_windows"], record["n_postings"] = len(terms), windows, starts[-1]
        for name in ("terms", "starts", "local", "codes", "steps"):
            record[name] = address(arrays.get(name))
        record["signed"] = "codes" in arrays and arrays["codes"].dtype == np.int8
        record["slots"], record["n_slots"] = (
            address(self._slots),
            0 if self._slots is None else len(self._slots),
        )
        record["average"] = arrays["saturation"][2] if "saturation" in arrays else 1.0

    @property
    def stop(self) -> int:
        """The row behind its last."""
        return self.first + self.n


def extended(parts: tuple[Part, ...], rows: SparseRows) -> tuple[Part, ...]:
    """Return parts that cover ``rows``, of which ``parts`` cover the first; a few at the end may be left out.

    Parts that are not much larger than what is new are built anew with it, so that there are a dozen of them
    and each row is built as many times, however many rows are added at a time.
    """
    n, first = len(rows), parts[-1].stop if parts else 0
    if n - first < SCANNED:
        return parts
    kept = list(parts)
    while kept and kept[-1].n < 2 * (n - first) and n - kept[-1].first <= WINDOW:
        first = kept.pop().first
    for lo in range(first, n, WINDOW):
        hi = min(lo + WINDOW, n)
        kept.append(Part(postings.build(rows.between(lo, hi)), lo, hi - lo))
    return tuple(kept)
