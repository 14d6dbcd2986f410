"""Reading vector files of any known format as batches of points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from .batch import FileBatch, FileRequest
from .hnswlib_index import read_hnswlib
from .matrices import read_hdf5, read_npy, read_vecs
from .records import read_json_lines, read_parquet

READERS: dict[str, Callable[[FileRequest], Iterator[FileBatch]]] = {
    ".npy": read_npy,
    ".fvecs": read_vecs,
    ".bvecs": read_vecs,
    ".hdf5": read_hdf5,
    ".h5": read_hdf5,
    ".hnswlib": read_hnswlib,
    ".bin": read_hnswlib,
    ".parquet": read_parquet,
    ".jsonl": read_json_lines,
    ".jsonl.gz": read_json_lines,
    ".ndjson": read_json_lines,
}


def read_file(request: FileRequest) -> Iterator[FileBatch]:
    """Read a file batch by batch.

    Raises
    ------
    InvalidArgument
        The suffix is of no known format, a named column is missing, or a value is no vector.
    """
    suffix = format_suffix(request.path)
    if suffix not in READERS:
        raise request.refuse(f"expected a file ending in one of {', '.join(READERS)}")
    if not request.path.is_file():
        raise request.refuse("there is no such file")
    return READERS[suffix](request)


def format_suffix(path: Path) -> str:
    """Return the suffix that names the format, such as ``".npy"`` or ``".jsonl.gz"``."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    return "".join(suffixes) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])
