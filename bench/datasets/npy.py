"""NumPy files: a folder with `vectors.npy` and `queries.npy`, or one file of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dataset import Dataset, DatasetError, MetricName, as_floats, split_queries


def read_matrix(path: Path) -> NDArray[Any]:
    """Map a two-dimensional numeric `.npy` file."""
    try:
        matrix: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise DatasetError(f"{path}: not a readable .npy file ({error})") from error
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise DatasetError(
            f"{path}: {matrix.dtype} of shape {matrix.shape}; expected a numeric (rows, dim) matrix"
        )
    return matrix


def read_npy_folder(path: Path, metric: MetricName | None) -> Dataset:
    """Read `vectors.npy` and `queries.npy`."""
    vectors, queries = read_matrix(path / "vectors.npy"), read_matrix(path / "queries.npy")
    return Dataset(path.name, metric or "cosine", as_floats(vectors), as_floats(queries))


def read_npy_file(
    path: Path, query_file: Path | None, metric: MetricName | None, wanted: int | None
) -> Dataset:
    """Read one file of vectors; without a query file, queries are held out of it."""
    vectors = as_floats(read_matrix(path))
    if query_file is not None:
        return Dataset(path.stem, metric or "cosine", vectors, as_floats(read_matrix(query_file)))
    kept, asked, note = split_queries(vectors, wanted)
    return Dataset(path.stem, metric or "cosine", vectors[kept], vectors[asked], note=note)
