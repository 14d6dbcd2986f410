"""Which points of a call have a vector, as the forms that callers pass say it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.columns.array_like import column_input
from ...storage.columns.partial import PartialColumn, PartialVectors, Present
from ..error_translation import translated
from ..errors import InvalidArgument


def present_vectors(value: Any, n: int, what: str) -> tuple[Any, Present | None]:
    """Return the vectors that are there, and which of ``n`` points have them; None when all have.

    Raises
    ------
    InvalidArgument
        What says which points have one does not fit ``n``.
    """
    if value is None:
        return [], np.empty(0, np.uint32)
    if isinstance(value, PartialColumn):
        _check_count(value.n, n, what)
        return value.vectors, value.present
    if isinstance(value, PartialVectors):
        return value.vectors, _from_flags(value.present, n, what)
    listed = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object)
    if not listed or not any(row is None for row in value):
        return value, None
    _check_count(len(value), n, what)
    present = [row for row, vector in enumerate(value) if vector is not None]
    return [value[row] for row in present], np.array(present, np.uint32)


def _from_flags(present: Any, n: int, what: str) -> Present:
    with translated():
        column = column_input(present, what, "pass one bool a point")
    try:
        flags: NDArray[Any] = np.asarray(column)
    # An entry may be of another library, and its code runs here.
    except Exception as error:
        message = f"present of {what} is no column of bool: {error}; pass one bool a point"
        raise InvalidArgument(message, field=what) from error
    if flags.dtype != np.bool_ or flags.ndim != 1:
        raise InvalidArgument(
            f"present of {what} is {flags.dtype} of shape {flags.shape}; pass one bool a point", field=what
        )
    _check_count(len(flags), n, what)
    return np.flatnonzero(flags).astype(np.uint32)


def _check_count(count: int, n: int, what: str) -> None:
    if count != n:
        raise InvalidArgument(
            f"{what} has {count} rows for {n} ids; pass one vector per id, or None where a point has none",
            field=what,
        )
