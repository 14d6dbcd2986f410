"""Writes the vector file formats of the TEXMEX collections, of which the program only reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from vicinal.server.files.texmex import component_type


def write_texmex(path: Path, matrix: ArrayLike) -> None:
    """Write a matrix as a vector file; the suffix decides the component type."""
    values = np.asarray(matrix)
    rows, dim = values.shape
    records = np.empty(rows, [("dim", "<i4"), ("components", component_type(path), (dim,))])
    records["dim"] = dim
    records["components"] = values
    path.write_bytes(records.tobytes())
