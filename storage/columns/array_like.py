"""What a caller passes as a column: an array, what can become one, or what can be gone through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..invalid_value import InvalidValueError


def column_input(value: Any, field: str, expected: str) -> list[Any] | tuple[Any, ...] | NDArray[Any]:
    """Return an array, list or tuple of what ``value`` holds, in its own order; those three as they are.

    What has ``__array__`` (a tensor, a column of a data frame) becomes that array, and what can only be gone
    through (a view, a generator, a Series that is indexed by label) a list.

    Raises
    ------
    InvalidValueError
        When it has masked entries, or is neither of these; ``expected`` says what to pass.
    """
    if isinstance(value, list | tuple):
        if np.ma.MaskedArray in set(map(type, value)):
            return [unmasked(row, f"{field} row {number}", field) for number, row in enumerate(value)]
        return value
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping):
        raise InvalidValueError(f"{field} is a {type(value).__name__}; {expected}", field=field)
    if isinstance(value, np.ndarray):
        return np.asarray(unmasked(value, field, field))
    if hasattr(value, "__array__"):
        try:
            array = np.asanyarray(value)
        # It is code of another library that runs here, and what it refuses is said in its words.
        except Exception as error:
            message = f"{field} is a {type(value).__name__} that cannot become an array: {error}; {expected}"
            raise InvalidValueError(message, field=field) from error
        return np.asarray(unmasked(array, field, field))
    if not isinstance(value, Iterable):
        raise InvalidValueError(f"{field} is a {type(value).__name__}; {expected}", field=field)
    return list(value)


def list_of(column: list[Any] | tuple[Any, ...] | NDArray[Any]) -> list[Any]:
    """Return what :func:`column_input` gave as a list."""
    if isinstance(column, list):
        return column
    listed: list[Any] = column.tolist() if isinstance(column, np.ndarray) else list(column)
    return listed


def unmasked(value: Any, where: str, field: str) -> Any:
    """Return ``value``, a masked array without masked entries as a plain one.

    Raises
    ------
    InvalidValueError
        When an entry is masked: the number beneath a mask is none that the caller means.
    """
    if not isinstance(value, np.ma.MaskedArray):
        return value
    if np.ma.is_masked(value):
        first = tuple(int(axis[0]) for axis in np.nonzero(np.ma.getmaskarray(value)))
        place = first[0] if len(first) == 1 else first
        message = f"{where} is a masked array with a masked entry at {place}; fill it, or leave the point out"
        raise InvalidValueError(message, field=field)
    return np.asarray(value.data)
