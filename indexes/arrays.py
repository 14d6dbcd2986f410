"""Arrays of an index that come out of a file: by part, and checked before a kernel trusts them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protocol import Arrays


def check_array(name: str, arrays: Arrays, dtype: type[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return one array, contiguous and of the given type and shape; ValueError if it is not."""
    array = arrays.get(name)
    if array is None:
        raise ValueError(f"the index has no array {name!r}")
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(
            f"{name} are {array.dtype} {array.shape}; expected contiguous {np.dtype(dtype)} {shape}"
        )
    return array


def within(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
