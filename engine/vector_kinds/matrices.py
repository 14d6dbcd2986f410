"""Matrices of numbers that a caller passes, checked and brought to the element type they are stored in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.element import Element
from ...storage.columns.array_like import column_input
from ..error_translation import translated
from ..errors import InvalidArgument
from ..schema.parameters import MAX_MAGNITUDE as MAX_MAGNITUDE

SHORTEST = 1e-18
"""The length of a shorter vector is lost when its square underflows in float32."""

MAX_INDEX = 2**32 - 1

Matrix = NDArray[Any]
Locate = Callable[[int], str]


def column(value: Any, what: str, expected: str) -> list[Any] | tuple[Any, ...] | NDArray[Any]:
    """Return what a caller passes for many rows as a list, a tuple or an array; see ``column_input``.

    Raises
    ------
    InvalidArgument
        When it is none of these, or has masked entries.
    """
    with translated():
        return column_input(value, what, expected)


def to_matrix(value: Any, what: str, width: int, unit: str = "dimensions") -> Matrix:
    """Return ``value`` as an array of numbers of shape (n, width), not copied if it is one.

    Raises
    ------
    InvalidArgument
        When it is not a matrix of numbers, or of another width.
    """
    value = column(value, what, f"pass numbers of shape (n, {width})")
    if isinstance(value, np.ndarray) and value.dtype == object:
        # Rows that are arrays each, as in a column of pandas.
        value = value.tolist()
    try:
        matrix = np.asarray(value)
    # A row may be of another library, and its code runs here.
    except Exception as error:
        raise _ragged(value, what, width) from error
    if matrix.dtype.kind == "O":
        raise _ragged(value, what, width)
    if matrix.dtype.kind not in "fiub":
        raise InvalidArgument(f"{what} is an array of {matrix.dtype}; pass numbers", field=what)
    if matrix.ndim == 2 and matrix.shape[1] == width:
        return matrix
    if matrix.size == 0 and matrix.ndim <= 2 and not len(matrix):
        return matrix.reshape(0, width)
    remedy = "; one vector is passed as a matrix of one row, x[None]" if matrix.shape == (width,) else ""
    raise InvalidArgument(
        f"{what} has shape {matrix.shape}; expected (n, {width}), the field has {width} {unit}{remedy}",
        field=what,
    )


def to_element(
    matrix: Matrix,
    element: Element,
    what: str,
    *,
    cosine: bool = False,
    tiny: bool = False,
    locate: Locate | None = None,
) -> Matrix:
    """Return ``matrix`` C-contiguous in the dtype of ``element``; not copied when it is so already.

    ``locate`` names a row in an error, where it is not simply a row of ``what``.

    Raises
    ------
    InvalidArgument
        At the first row with a NaN, an infinity or a number that the element does not hold, at the first
        that is shorter than `SHORTEST` but not zero unless ``tiny`` is said, and with ``cosine`` at the first
        zero vector.
    """
    if matrix.dtype.kind == "b":
        raise InvalidArgument(f"{what} is an array of bool; pass numbers", field=what)
    where = locate or (lambda row: f"{what} row {row}")
    if element in (Element.INT8, Element.BINARY):
        stored = _to_integer(matrix, element.dtype, where, what)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            stored = np.ascontiguousarray(matrix, dtype=element.dtype)
    if element is Element.BINARY or not stored.size:
        return stored
    squares = _squared_lengths(stored)
    # One pass finds every row that could hold a NaN, an infinity or a number too large; the rest is rare.
    suspects = np.flatnonzero(~(squares <= MAX_MAGNITUDE**2))
    if len(suspects):
        _refuse_numbers(stored, matrix, suspects, where, what)
    short = np.flatnonzero(squares < SHORTEST**2)
    if len(short) and not tiny:
        _refuse_tiny(stored, short, where, what)
    if len(short) and cosine:
        raise InvalidArgument(
            f"{where(int(short[0]))} is the zero vector; the cosine of a vector without length is "
            "undefined: leave the point out, or use metric 'dot' or 'l2'",
            field=what,
        )
    return stored


def whole_numbers(numbers: NDArray[Any], what: str) -> NDArray[np.int64]:
    """Return indices or offsets as int64; InvalidArgument unless they are whole numbers below 2**32."""
    if not numbers.size:
        return np.empty(0, np.int64)
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise InvalidArgument(f"{what} has indices of {numbers.dtype}; pass whole numbers", field=what)
    outside = (numbers < 0) | (numbers > MAX_INDEX)
    if outside.any():
        number = numbers[np.argmax(outside)]
        raise InvalidArgument(f"{what} has the index {number}; expected 0 to 2**32 - 1", field=what)
    return numbers.astype(np.int64)


def _squared_lengths(stored: Matrix) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):
        work = stored.astype(np.float32, copy=False)
        squares: NDArray[np.float32] = np.einsum("ij,ij->i", work, work)
    return squares


def _refuse_numbers(stored: Matrix, given: Matrix, rows: NDArray[np.intp], where: Locate, what: str) -> None:
    for row in rows.tolist():
        bad = np.flatnonzero(~(np.abs(stored[row].astype(np.float64)) <= MAX_MAGNITUDE))
        if not len(bad):
            continue
        column = int(bad[0])
        number = given[row, column]
        if np.isnan(number):
            message = f"{where(row)} has a NaN at column {column}; every value must be finite"
            raise InvalidArgument(message, field=what)
        largest = min(MAX_MAGNITUDE, float(np.finfo(stored.dtype).max))
        raise InvalidArgument(
            f"{where(row)} has {number} at column {column}; every value must be between -{largest:g} and "
            f"{largest:g}, as the field stores {stored.dtype}",
            field=what,
        )


def _refuse_tiny(stored: Matrix, short: NDArray[np.intp], where: Locate, what: str) -> None:
    for row in short.tolist():
        length = float(np.linalg.norm(stored[row].astype(np.float64)))
        if length:
            raise InvalidArgument(
                f"{where(row)} has length {length:.3g}; below {SHORTEST:g} float32 scores cannot tell it "
                "from the zero vector: scale the vectors up",
                field=what,
            )


def _to_integer(matrix: Matrix, dtype: np.dtype[Any], where: Locate, what: str) -> Matrix:
    if matrix.dtype == dtype:
        return np.ascontiguousarray(matrix)
    limits = np.iinfo(dtype)
    fits = (matrix >= limits.min) & (matrix <= limits.max)
    if matrix.dtype.kind == "f":
        fits &= matrix == np.floor(matrix)
    if not fits.all():
        row, column = (int(place) for place in np.argwhere(~fits)[0])
        raise InvalidArgument(
            f"{where(row)} has {matrix[row, column]} at column {column}; the field stores whole numbers "
            f"from {limits.min} to {limits.max}: scale and round the vectors first",
            field=what,
        )
    return np.ascontiguousarray(matrix, dtype=dtype)


def _ragged(value: Any, what: str, width: int) -> InvalidArgument:
    if isinstance(value, Sequence):
        for row, vector in enumerate(value):
            if not hasattr(vector, "__len__") or len(vector) != width:
                found = f"{len(vector)} values" if hasattr(vector, "__len__") else repr(vector)
                message = f"{what} row {row} is {found}; expected {width} numbers in every row"
                return InvalidArgument(message, field=what)
    return InvalidArgument(f"{what} is not a matrix of numbers; pass shape (n, {width})", field=what)
