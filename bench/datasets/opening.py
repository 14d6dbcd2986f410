"""From what the user typed after `--dataset` to a dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .dataset import Dataset, DatasetError, MetricName, checked_count
from .hdf5 import read_hdf5
from .npy import read_npy_file, read_npy_folder
from .parquet import read_parquet
from .random_vectors import read_random
from .shipped_sample import read_sample
from .vecs import base_file, read_vecs_file
from .wordnet import is_wordnet_folder, read_wordnet

EXPECTED = (
    "expected `sample`, `random-`, `clustered-` or `embedded-ROWSxDIM`, a .hdf5, .npy, .fvecs, .bvecs, "
    ".ivecs or .parquet file, or a folder with vectors.npy and queries.npy, with *_base.fvecs, with .parquet "
    "files, or with dense.npy, queries_dense.npy and docs.jsonl.gz"
)


def open_dataset(
    spec: str,
    *,
    metric: MetricName | None = None,
    queries: int | None = None,
    rows: int | None = None,
    query_file: Path | None = None,
) -> Dataset:
    """Read the dataset that a name or a path stands for.

    Parameters
    ----------
    spec : str
        `sample`, `random-NxD[-metric]`, `clustered-` or `embedded-`, or a path.
    metric : {"cosine", "dot", "l2"}, optional
        Instead of the one the data comes with.
    queries, rows : int, optional
        Use only the first so many.
    query_file : Path, optional
        Queries for a file that holds vectors only.

    Raises
    ------
    DatasetError
        Nothing readable stands there, or its content cannot be measured.
    """
    for what, count in (("queries", queries), ("rows", rows)):
        if count is not None and count < 1:
            raise DatasetError(f"{count} {what}; expected at least 1")
    dataset = _read(spec, metric, queries, query_file)
    asked = checked_count("queries", queries, dataset.name, len(dataset.queries))
    kept = checked_count("rows", rows, dataset.name, dataset.rows)
    if (kept, asked) == (dataset.rows, len(dataset.queries)):
        return dataset
    return replace(
        dataset,
        vectors=dataset.vectors[:kept],
        queries=dataset.queries[:asked],
        payloads=None if dataset.payloads is None else dataset.payloads[:kept],
    )


def _read(spec: str, metric: MetricName | None, queries: int | None, query_file: Path | None) -> Dataset:
    if query_file is not None and not _takes_query_file(spec):
        raise DatasetError(f"--query-file {query_file}: {spec} brings its own queries; leave the option out")
    if spec == "sample":
        return read_sample(metric)
    if spec.startswith(("random-", "clustered-", "embedded-")):
        return read_random(spec, metric, queries)
    path = Path(spec)
    if not path.exists():
        raise DatasetError(f"no dataset at {spec!r}; {EXPECTED}")
    read = _read_folder if path.is_dir() else _read_file
    return read(path, query_file, metric, queries)


def _takes_query_file(spec: str) -> bool:
    path = Path(spec)
    if path.is_dir():
        return not is_wordnet_folder(path) and not (path / "vectors.npy").exists()
    return path.suffix.lower() in (".npy", ".fvecs", ".bvecs", ".ivecs", ".parquet", ".pq")


def _read_folder(
    path: Path, query_file: Path | None, metric: MetricName | None, queries: int | None
) -> Dataset:
    if is_wordnet_folder(path):
        return read_wordnet(path, metric)
    if (path / "vectors.npy").exists():
        return read_npy_folder(path, metric)
    base = base_file(path)
    if base is not None:
        return read_vecs_file(base, query_file, metric, queries)
    if any(path.glob("*.parquet")):
        return read_parquet(path, query_file, metric, queries)
    raise DatasetError(f"{path}: a folder without anything readable; {EXPECTED}")


def _read_file(
    path: Path, query_file: Path | None, metric: MetricName | None, queries: int | None
) -> Dataset:
    suffix = path.suffix.lower()
    if suffix in (".hdf5", ".h5"):
        return read_hdf5(path, metric)
    if suffix == ".npy":
        return read_npy_file(path, query_file, metric, queries)
    if suffix in (".fvecs", ".bvecs", ".ivecs"):
        return read_vecs_file(path, query_file, metric, queries)
    if suffix in (".parquet", ".pq"):
        return read_parquet(path, query_file, metric, queries)
    raise DatasetError(f"{path}: the suffix {suffix!r} is not known; {EXPECTED}")
