"""The vector file formats of the TEXMEX collections, read as numpy memory maps.

Every row is a little-endian 32-bit dimension followed by its components: float32 in `.fvecs`, uint8 in
`.bvecs`, int32 in `.ivecs`. All rows of a file have the same dimension.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.errors import CorruptionError

COMPONENTS: dict[str, np.dtype[Any]] = {
    ".fvecs": np.dtype("<f4"),
    ".bvecs": np.dtype("u1"),
    ".ivecs": np.dtype("<i4"),
}

HEADER_BYTES = 4
MAX_DIM = 1 << 20
# Reading the header of every row would fault in the whole file; evenly spaced ones find a wrong format.
CHECKED_HEADERS = 1024


def component_type(path: str | os.PathLike[str]) -> np.dtype[Any]:
    """The component type that the suffix of a vector file stands for.

    Raises
    ------
    ValueError
        The suffix is none of the three formats.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in COMPONENTS:
        raise ValueError(f"{path}: the suffix {suffix!r}; expected one of {', '.join(COMPONENTS)}")
    return COMPONENTS[suffix]


def read_texmex(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Map a vector file as a read-only (rows, dim) array.

    Nothing is copied: rows are strided views into the mapping and are read when they are touched.

    Parameters
    ----------
    path : path-like
        A file ending in `.fvecs`, `.bvecs` or `.ivecs`.

    Returns
    -------
    ndarray
        float32, uint8 or int32 by the suffix.

    Raises
    ------
    CorruptionError
        The file's length is no multiple of a row, or a row claims another dimension than the first.
    """
    component = component_type(path)
    name = os.fspath(path)
    size = os.path.getsize(name)
    if size == 0:
        return np.empty((0, 0), dtype=component)
    if size < HEADER_BYTES:
        raise CorruptionError(name, f"{size} bytes is shorter than the dimension of one row (4 bytes)")
    data = np.memmap(name, dtype=np.uint8, mode="r")
    dim = int(data[:HEADER_BYTES].view("<i4")[0])
    if not 1 <= dim <= MAX_DIM:
        raise CorruptionError(name, f"the first row claims {dim} dimensions; expected 1 to {MAX_DIM}")
    row_bytes = HEADER_BYTES + dim * component.itemsize
    if size % row_bytes:
        raise CorruptionError(name, f"{size} bytes is no multiple of {row_bytes}, a row of {dim} dimensions")
    rows = data.reshape(size // row_bytes, row_bytes)
    _check_headers(name, rows, dim)
    return rows[:, HEADER_BYTES:].view(component).view(np.ndarray)


def _check_headers(name: str, rows: NDArray[np.uint8], dim: int) -> None:
    picked = np.unique(np.linspace(0, len(rows) - 1, CHECKED_HEADERS).astype(np.int64))
    claimed = np.ascontiguousarray(rows[picked, :HEADER_BYTES]).view("<i4").ravel()
    wrong = np.flatnonzero(claimed != dim)
    if len(wrong):
        first = int(wrong[0])
        raise CorruptionError(
            name, f"row {picked[first]} claims {claimed[first]} dimensions, row 0 has {dim}"
        )
