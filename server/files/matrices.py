"""Readers of files that hold matrices: npy, fvecs, bvecs, HDF5."""

from __future__ import annotations

from collections.abc import Iterator
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.error_translation import translated
from .batch import (
    DEFAULT_FIELD,
    FileBatch,
    FileRequest,
    choose_fields,
    choose_id,
    optional_module,
    readable,
    refuse_columns,
    refuse_without_vectors,
    rows_per_batch,
)
from .texmex import read_texmex
from .values import as_stored

# The name of the data in files of ann-benchmarks; `test` and the truths beside it are no points.
ANN_BENCHMARKS_DATA = "train"


def read_npy(request: FileRequest) -> Iterator[FileBatch]:
    """Read a numpy file of one matrix; ids are row numbers."""
    refuse_columns(request, "row numbers")
    with readable(request, ValueError, EOFError, SyntaxError, TokenError):
        matrix = np.load(request.path, mmap_mode="r", allow_pickle=False)
    return _matrix_batches(request, matrix)


def read_vecs(request: FileRequest) -> Iterator[FileBatch]:
    """Read an fvecs or bvecs file; ids are row numbers."""
    refuse_columns(request, "row numbers")
    with translated():
        matrix = read_texmex(request.path)
    # The bytes of bvecs are coordinates from 0 to 255, not packed bits.
    return _matrix_batches(request, matrix, np.float32)


def read_hdf5(request: FileRequest) -> Iterator[FileBatch]:
    """Read matrices of an HDF5 file; its columns of the same length are ids and payload."""
    refuse_without_vectors(request)
    h5py = optional_module("h5py", "reading HDF5")
    # As its C library fails in any part of a file, h5py has whatever error that part has.
    damage = OSError, RuntimeError, KeyError, ValueError, TypeError
    with readable(request, *damage), h5py.File(request.path, "r") as file:
        datasets = {name: file[name] for name in file if isinstance(file[name], h5py.Dataset)}
        matrices = [name for name, dataset in datasets.items() if dataset.ndim == 2]
        default = ANN_BENCHMARKS_DATA if ANN_BENCHMARKS_DATA in matrices else DEFAULT_FIELD
        fields = choose_fields(request, list(datasets), matrices, default)
        n_rows = len(datasets[fields[0]])
        for field in fields:
            if datasets[field].ndim != 2 or len(datasets[field]) != n_rows:
                raise request.refuse(f"{field!r} is not {n_rows} rows of vectors: {datasets[field].shape}")
        columns = {name: dataset for name, dataset in datasets.items() if dataset.shape == (n_rows,)}
        id_field = choose_id(request, list(columns))
        step = rows_per_batch(sum(datasets[field].shape[1] * 4 for field in fields))
        for start in range(0, n_rows, step):
            stop = min(start + step, n_rows)
            vectors = {_field_name(field): as_stored(datasets[field][start:stop]) for field in fields}
            table = {
                name: _column(request, name, dataset[start:stop], start) for name, dataset in columns.items()
            }
            ids = range(start, stop) if id_field is None else table.pop(id_field)
            payloads = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
            yield FileBatch(ids, vectors, dict.fromkeys(vectors, "dense"), payloads or None, stop / n_rows)


def _matrix_batches(
    request: FileRequest, matrix: NDArray[Any], dtype: type[np.floating[Any]] | None = None
) -> Iterator[FileBatch]:
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise request.refuse(f"expected a matrix of numbers, got {matrix.dtype} of shape {matrix.shape}")
    field = request.vector_fields[0] if request.vector_fields else DEFAULT_FIELD
    step = rows_per_batch(matrix.shape[1] * matrix.itemsize)
    for start in range(0, len(matrix), step):
        stop = min(start + step, len(matrix))
        rows = as_stored(matrix[start:stop] if dtype is None else matrix[start:stop].astype(dtype))
        yield FileBatch(range(start, stop), {field: rows}, {field: "dense"}, None, stop / len(matrix))


def _field_name(dataset: str) -> str:
    return DEFAULT_FIELD if dataset == ANN_BENCHMARKS_DATA else dataset


def _column(request: FileRequest, name: str, values: NDArray[Any], start: int) -> list[Any]:
    column = []
    for row, value in enumerate(values.tolist(), start=start):
        try:
            column.append(value.decode() if isinstance(value, bytes) else value)
        except UnicodeDecodeError as error:
            message = f"{name!r} row {row} is text that is not UTF-8 ({error.reason}); write it as UTF-8"
            raise request.refuse(message) from error
    return column
