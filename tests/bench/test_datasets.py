"""Every reader gives back what was written."""

from __future__ import annotations

import gzip
import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from texmex_files import write_texmex

from vicinal.bench.datasets import Dataset, DatasetError, checked_metric, open_dataset
from vicinal.bench.datasets.dataset import Floats
from vicinal.bench.extras import MissingExtraError

RNG = np.random.default_rng(3)
VECTORS: Floats = RNG.standard_normal((60, 5), dtype=np.float32)
QUERIES: Floats = RNG.standard_normal((7, 5), dtype=np.float32)


def test_hdf5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "glove-25-angular.hdf5"
    with h5py.File(path, "w") as file:
        file["train"], file["test"], file.attrs["distance"] = VECTORS, QUERIES, "angular"
    data = open_dataset(str(path))
    assert (data.name, data.metric) == ("glove-25-angular", "cosine")
    assert np.array_equal(data.vectors, VECTORS)
    assert np.array_equal(data.queries, QUERIES)
    assert open_dataset(str(path), metric="l2").metric == "l2"


def test_hdf5_of_another_kind(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.hdf5"
    with h5py.File(path, "w") as file:
        file["train"], file["test"], file.attrs["distance"] = VECTORS, QUERIES, "jaccard"
    with pytest.raises(DatasetError, match="'jaccard'"):
        open_dataset(str(path))
    with h5py.File(path, "w") as file:
        file["train"] = VECTORS
    with pytest.raises(DatasetError, match=r"no \['test'\]"):
        open_dataset(str(path))


def test_a_missing_reader_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "x.hdf5").write_bytes(b"")
    with pytest.raises(MissingExtraError, match=r"h5py is not installed; pip install 'vicinal\[bench\]'"):
        open_dataset(str(tmp_path / "x.hdf5"))


def test_npy_folder_and_file(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", VECTORS.astype(np.float16))
    np.save(tmp_path / "queries.npy", QUERIES)
    data = open_dataset(str(tmp_path))
    assert data.vectors.dtype == np.float32
    assert np.array_equal(data.vectors, VECTORS.astype(np.float16).astype(np.float32))
    asked = open_dataset(str(tmp_path / "vectors.npy"), query_file=tmp_path / "queries.npy")
    assert np.array_equal(asked.queries, QUERIES)
    assert asked.content_hash == data.content_hash


def test_queries_are_held_out_when_there_are_none(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", VECTORS)
    data = open_dataset(str(tmp_path / "x.npy"), queries=10)
    assert (data.rows, len(data.queries)) == (50, 10)
    assert "held out" in data.note
    together = np.concatenate([data.vectors, data.queries])
    assert np.array_equal(together[np.lexsort(together.T)], VECTORS[np.lexsort(VECTORS.T)])
    assert open_dataset(str(tmp_path / "x.npy"), queries=10).content_hash == data.content_hash


def test_texmex_files(tmp_path: Path) -> None:
    write_texmex(tmp_path / "sift_base.fvecs", VECTORS)
    write_texmex(tmp_path / "sift_query.fvecs", QUERIES)
    for spec in (tmp_path, tmp_path / "sift_base.fvecs"):
        data = open_dataset(str(spec))
        assert (data.name, data.metric) == ("sift", "l2")
        assert np.array_equal(data.vectors, VECTORS)
        assert np.array_equal(data.queries, QUERIES)
    whole = np.abs(VECTORS * 50).astype(np.uint8)
    write_texmex(tmp_path / "sift_query.bvecs", whole)
    data = open_dataset(str(tmp_path / "sift_base.fvecs"), query_file=tmp_path / "sift_query.bvecs")
    assert np.array_equal(data.queries, whole.astype(np.float32))


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = import_module("pyarrow.parquet")
    columns = {
        "embedding": pyarrow.array(VECTORS.tolist(), type=pyarrow.list_(pyarrow.float32())),
        "kind": [f"k{row % 3}" for row in range(60)],
        "size": list(range(60)),
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    data = open_dataset(str(tmp_path / "x.parquet"), queries=5)
    assert data.fields == {"kind": "keyword", "size": "integer"}
    assert data.payloads is not None
    for vector, payload in zip(data.vectors, data.payloads, strict=True):
        assert np.array_equal(vector, VECTORS[payload["size"]])
    parquet.write_table(pyarrow.table({"vector": [[1.0, 2.0], [1.0]]}), tmp_path / "ragged.parquet")
    with pytest.raises(DatasetError, match="expected"):
        open_dataset(str(tmp_path / "ragged.parquet"))


def test_wordnet_folder(tmp_path: Path) -> None:
    np.save(tmp_path / "dense.npy", VECTORS.astype(np.float16))
    np.save(tmp_path / "queries_dense.npy", QUERIES.astype(np.float16))
    with gzip.open(tmp_path / "docs.jsonl.gz", "wt") as file:
        file.writelines(
            json.dumps({"domain": "noun.food", "pos": "n", "length": row}) + "\n" for row in range(60)
        )
    data = open_dataset(str(tmp_path), rows=40)
    assert (data.rows, data.metric, data.fields["length"]) == (40, "cosine", "integer")
    assert data.payloads is not None
    assert data.payloads[39]["length"] == 39


@pytest.mark.parametrize("kind", ["random", "clustered", "embedded"])
def test_random_is_the_same_every_time(kind: str) -> None:
    data = open_dataset(f"{kind}-200x8-l2")
    assert (data.rows, data.dim, data.metric) == (200, 8, "l2")
    assert data.content_hash == open_dataset(f"{kind}-200x8").content_hash
    assert data.content_hash != open_dataset(f"{kind}-201x8").content_hash


def test_the_shipped_sample() -> None:
    data = open_dataset("sample", queries=20)
    assert (data.dim, len(data.queries), data.metric) == (384, 20, "cosine")
    assert data.payloads is not None
    assert data.fields.keys() <= data.payloads[0].keys()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere", "no dataset at 'nowhere'"),
        ("random-500", "expected random-, clustered- or embedded-ROWSxDIM"),
        ("random-500x0", "at least one row and one dimension"),
        ("random-50x4", "60 rows asked for, random-50x4 has 50"),
    ],
)
def test_what_cannot_be_read_is_named(spec: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        open_dataset(spec, rows=60)


def test_a_query_file_is_never_ignored(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="brings its own queries"):
        open_dataset("random-50x4", query_file=tmp_path / "q.npy")


def test_unmeasurable_vectors_are_refused() -> None:
    bad = VECTORS.copy()
    bad[3, 1] = np.nan
    with pytest.raises(DatasetError, match="row 3 of the vectors has NaN"):
        Dataset("x", "l2", bad, QUERIES)
    bad[3] = 0
    with pytest.raises(DatasetError, match="row 3 of the vectors is all zeros"):
        Dataset("x", "cosine", bad, QUERIES)
    assert Dataset("x", "dot", bad, QUERIES).rows == 60
    with pytest.raises(DatasetError, match="metric 'hamming'"):
        checked_metric("hamming")
