"""A folder of real embeddings: `dense.npy`, `queries_dense.npy`, and payloads in `docs.jsonl.gz`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from .dataset import Dataset, DatasetError, MetricName, as_floats
from .npy import read_matrix

FIELDS = {"domain": "keyword", "pos": "keyword", "length": "integer"}


def is_wordnet_folder(path: Path) -> bool:
    return all((path / name).exists() for name in ("dense.npy", "queries_dense.npy", "docs.jsonl.gz"))


def read_wordnet(path: Path, metric: MetricName | None) -> Dataset:
    """Read the dense part of the folder; row i of every file is the same synset."""
    vectors, queries = read_matrix(path / "dense.npy"), read_matrix(path / "queries_dense.npy")
    try:
        with gzip.open(path / "docs.jsonl.gz", "rt", encoding="utf-8") as lines:
            payloads: list[dict[str, Any]] = [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path / 'docs.jsonl.gz'}: not gzipped JSON lines ({error})") from error
    return Dataset(path.name, metric or "cosine", as_floats(vectors), as_floats(queries), payloads, FIELDS)
