"""Postings of sparse rows: by term, then by window of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays
from ..rows.addresses import address
from ..rows.sparse import SparseRows

WINDOW_BITS = 16
# Terms that a table has room for whatever there are.
_FEW_TERMS = 1 << 15
_MOST_CODE = {False: 255, True: 127}
NO_STEPS: NDArray[np.float32] = np.empty(0, np.float32)


def build(rows: SparseRows) -> dict[str, NDArray[Any]]:
    """Return postings of every weight that is not zero, in the form of the rows.

    ``terms`` ascend. Posting ``starts[t * windows + w]`` is the first of term t in window w; ``local`` is its
    row within the window, ``codes`` its weight in ``steps`` of the term, rounded up. Codes are signed when
    any weight is negative. Weights of term frequencies are those at the rows' own average length, which is
    kept in ``saturation``: k1, b, average. Of binary rows there are no codes and no steps.
    """
    from ..kernels.inverting import count_postings, fill_postings

    n, windows = len(rows), max(1, -(-len(rows) >> WINDOW_BITS))
    average = rows.mean_length() if rows.saturation is not None else 1.0
    stored = (address(rows.indptr), address(rows.indices), address(rows.values), n)
    form = (rows.form, rows.flat, rows.slope(average))
    table, numbers, terms = _terms(rows)
    starts, largest = np.zeros(len(terms) * windows + 1, np.int64), np.zeros(len(terms))
    signed = count_postings(*stored, *form, table, numbers, starts[1:], largest)
    np.cumsum(starts, out=starts)
    local, ends = np.empty(starts[-1], np.uint16), np.empty(len(terms), np.int64)
    if rows.binary:
        fill_postings(*stored, *form, table, numbers, starts, NO_STEPS, False, ends, local, address(None))
        return {"terms": terms, "starts": starts, "local": local}
    # A little more than the largest needs, so that rounding never lifts a code above the most there is.
    steps = np.nextafter(
        (largest / _MOST_CODE[signed]).astype(np.float32), np.float32(np.inf), dtype=np.float32
    )
    codes = np.empty(starts[-1], np.int8 if signed else np.uint8)
    fill_postings(*stored, *form, table, numbers, starts, steps, signed, ends, local, address(codes))
    arrays: dict[str, NDArray[Any]] = {
        "terms": terms,
        "starts": starts,
        "local": local,
        "codes": codes,
        "steps": steps,
    }
    if rows.saturation is not None:
        arrays["saturation"] = np.array([rows.saturation.k1, rows.saturation.b, average])
    return arrays


def _terms(rows: SparseRows) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the terms that occur: a table of them, the number of each in it, and they themselves.

    The table is empty where the numbers stand at the terms themselves.
    """
    from ..kernels.inverting import find_terms

    indices = rows.indices
    highest = int(indices.max(initial=0))
    if highest < max(_FEW_TERMS, len(indices)):
        occurs = np.zeros(highest + 1, np.bool_)
        occurs[indices] = True
        numbers = (np.cumsum(occurs, dtype=np.uint32) - occurs).astype(np.uint32)
        return np.empty(0, np.int64), numbers, np.flatnonzero(occurs).astype(np.uint32)
    table = np.full(_FEW_TERMS, -1, np.int64)
    while not find_terms(address(indices), len(indices), table):
        table = np.full(4 * len(table), -1, np.int64)
    places = np.flatnonzero(table >= 0)
    places = places[np.argsort(table[places])]
    numbers = np.zeros(len(table), np.uint32)
    numbers[places] = np.arange(len(places), dtype=np.uint32)
    return table, numbers, table[places].astype(np.uint32)


def document_frequencies(
    arrays: Arrays, n: int, terms: NDArray[np.uint32], lo: int, hi: int
) -> NDArray[np.int64]:
    """Return how many postings of the rows ``lo`` to ``hi`` of ``n`` each term has."""
    found = np.zeros(len(terms), np.int64)
    known, starts, local = arrays["terms"], arrays["starts"], arrays["local"]
    if not len(known) or lo >= hi:
        return found
    windows = max(1, -(-n >> WINDOW_BITS))
    lists = np.minimum(np.searchsorted(known, terms), len(known) - 1)
    has = np.flatnonzero(known[lists] == terms)
    first = lists[has] * windows
    if lo == 0 and hi == n:
        found[has] = starts[first + windows] - starts[first]
        return found
    for place, begin in zip(has.tolist(), first.tolist(), strict=True):
        found[place] = _before(starts, local, begin, hi, n) - _before(starts, local, begin, lo, n)
    return found


def _before(starts: NDArray[Any], local: NDArray[Any], first: int, row: int, n: int) -> int:
    """Return the first posting of a list, whose windows begin at ``first``, that is not before ``row``."""
    window = first + (min(row, n - 1) >> WINDOW_BITS)
    begin, end = int(starts[window]), int(starts[window + 1])
    if row == n:
        return end
    return begin + int(np.searchsorted(local[begin:end], row & ((1 << WINDOW_BITS) - 1)))


def check(arrays: Arrays, rows: SparseRows) -> None:
    """Raise ValueError unless kernels can read the postings of ``rows``."""
    n, windows = len(rows), max(1, -(-len(rows) >> WINDOW_BITS))
    n_terms, n_postings = (len(arrays.get(name, ())) for name in ("terms", "local"))
    terms = check_array("terms", arrays, np.uint32, (n_terms,))
    starts = check_array("starts", arrays, np.int64, (n_terms * windows + 1,))
    local = check_array("local", arrays, np.uint16, (n_postings,))
    if rows.binary:
        if "codes" in arrays or "steps" in arrays:
            raise ValueError("postings with codes over binary rows, which have no values")
    else:
        check_array("steps", arrays, np.float32, (n_terms,))
        codes = arrays.get("codes")
        signed = codes is not None and codes.dtype == np.int8
        check_array("codes", arrays, np.int8 if signed else np.uint8, (n_postings,))
    if rows.saturation is not None:
        k1, b, average = check_array("saturation", arrays, np.float64, (3,)).tolist()
        if (k1, b) != (rows.saturation.k1, rows.saturation.b) or not 0 < average < np.inf:
            raise ValueError(f"postings of k1, b and average {k1}, {b}, {average}; rows of {rows.saturation}")
    elif "saturation" in arrays:
        raise ValueError("postings of term frequencies over rows of weights")
    if (np.diff(terms.astype(np.int64)) <= 0).any():
        raise ValueError("the terms of the postings do not ascend")
    if starts[0] != 0 or starts[-1] != n_postings or (np.diff(starts) < 0).any():
        raise ValueError(f"the starts of the postings do not rise from 0 to {n_postings}")
    last = n - 1 - ((windows - 1) << WINDOW_BITS)
    ends = starts.reshape(-1)[windows::windows] if windows else starts[:0]
    begins = starts[windows - 1 :: windows][: len(ends)]
    if last < (1 << WINDOW_BITS) - 1:
        for lo, hi in zip(begins.tolist(), ends.tolist(), strict=True):
            # Rows ascend within a list, so its last is its largest; damage is met by the file's checksum.
            if hi > lo and local[hi - 1] > last:
                raise ValueError(f"a posting leads beyond the last of {n} rows")
