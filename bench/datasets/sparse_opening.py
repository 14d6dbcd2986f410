"""From what the user typed to sparse documents and queries: a number to generate, or a folder to read."""

from __future__ import annotations

import gzip
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...engine.progress import Progress, silent
from .dataset import DatasetError, checked_count
from .sparse_dataset import SparseDataset, SparseRows

DOCUMENTS, QUERIES, PAYLOADS = "sparse.npz", "queries_sparse.npz", "docs.jsonl.gz"
EXPECTED = f"expected splade-ROWS, or a folder with {DOCUMENTS} and {QUERIES}"


def open_sparse_dataset(
    spec: str, folder: Path, *, queries: int | None = None, step: Progress = silent
) -> SparseDataset:
    """Read or generate the sparse dataset that a name or a path stands for.

    Parameters
    ----------
    spec : str
        `splade-N`, or a folder with the arrays `indptr`, `indices`, `values` and `shape` in `sparse.npz` and
        `queries_sparse.npz`, and payloads in `docs.jsonl.gz` if there are any.
    folder : Path
        Where generated data is kept.
    queries : int, optional
        Use only the first so many.
    step : callable, optional
        Told the finished share.

    Raises
    ------
    DatasetError
        Nothing readable stands there, or its content cannot be measured.
    """
    whole = _opened(spec, folder, step)
    asked = checked_count("queries", queries, whole.name, len(whole.queries))
    return whole if queries is None else replace(whole, queries=whole.queries.part(0, asked))


def _opened(spec: str, folder: Path, step: Progress) -> SparseDataset:
    if spec.startswith("splade-"):
        from .generated_sparse import read_generated_sparse

        return read_generated_sparse(spec, folder, step)
    path = Path(spec)
    if not all((path / name).exists() for name in (DOCUMENTS, QUERIES)):
        raise DatasetError(f"no sparse dataset at {spec!r}; {EXPECTED}")
    (documents, terms), (queries, asked_terms) = (_read_rows(path / name) for name in (DOCUMENTS, QUERIES))
    payloads = _read_payloads(path / PAYLOADS, len(documents)) if (path / PAYLOADS).exists() else None
    return SparseDataset(path.name, documents, queries, max(terms, asked_terms), payloads)


def _read_rows(path: Path) -> tuple[SparseRows, int]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            indptr, indices, values, shape = (arrays[name] for name in (*SparseRows.ARRAYS, "shape"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: no arrays indptr, indices, values and shape ({error})") from error
    rows = SparseRows(indptr.astype(np.int64), indices.astype(np.uint32), values.astype(np.float32))
    ascends = np.diff(rows.indices.astype(np.int64)) > 0
    starts = rows.indptr[1:-1]
    ascends[starts[(starts > 0) & (starts < len(rows.indices))] - 1] = True
    if not ascends.all() or (len(indices) and int(indices.max()) >= int(shape[1])):
        raise DatasetError(f"{path}: terms of a row must ascend and lie below the {shape[1]} of its shape")
    return rows, int(shape[1])


def _read_payloads(path: Path, rows: int) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        payloads: list[dict[str, Any]] = [json.loads(line) for line in lines]
    if len(payloads) != rows:
        raise DatasetError(f"{path}: {len(payloads)} payloads for {rows} documents")
    return payloads
