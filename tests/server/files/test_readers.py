"""Readers of vector files, without a database."""

from __future__ import annotations

import gzip
from pathlib import Path

import h5py
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vicinal.engine.errors import VicinalError
from vicinal.server.files import batch as file_batch
from vicinal.server.files import matrices as import_matrices
from vicinal.server.files import records as import_records
from vicinal.server.files.batch import FileBatch, FileRequest
from vicinal.server.files.readers import read_file

ROWS, DIM = 25, 4
MATRIX = np.random.default_rng(1).standard_normal((ROWS, DIM)).astype(np.float32)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_batch, "BATCH_ROWS", 10)
    monkeypatch.setattr(import_records, "BATCH_ROWS", 10)


def read(path: Path, id_field: str | None = None, *vector_fields: str) -> list[FileBatch]:
    batches = list(read_file(FileRequest(path, id_field, vector_fields)))
    assert [batch.fraction for batch in batches] == sorted(batch.fraction for batch in batches)
    assert batches[-1].fraction == 1.0
    return batches


def ids(batches: list[FileBatch]) -> list[object]:
    return [point_id for batch in batches for point_id in batch.ids]


def vectors(batches: list[FileBatch], field: str = "vector") -> np.ndarray:
    return np.concatenate([batch.vectors[field] for batch in batches])


def write_vecs(path: Path, matrix: np.ndarray) -> None:
    header = np.full((len(matrix), 1), matrix.shape[1], "<i4").view(np.uint8)
    path.write_bytes(np.hstack([header, np.ascontiguousarray(matrix).view(np.uint8)]).tobytes())


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
def test_npy_keeps_element_types_that_are_stored(tmp_path: Path, dtype: type) -> None:
    matrix = (MATRIX * 10).astype(dtype)
    np.save(tmp_path / "v.npy", matrix)
    batches = read(tmp_path / "v.npy")
    assert [len(batch.ids) for batch in batches] == [10, 10, 5]
    assert ids(batches) == list(range(ROWS))
    assert vectors(batches).dtype == dtype
    np.testing.assert_array_equal(vectors(batches), matrix)
    assert batches[0].payloads is None


def test_npy_of_doubles_becomes_float32(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", MATRIX.astype(np.float64))
    assert vectors(read(tmp_path / "v.npy")).dtype == np.float32


@pytest.mark.parametrize(
    "array", [np.zeros(3, np.float32), np.zeros((2, 2), dtype=bool), np.array([["a"]]), np.array([{}])]
)
def test_npy_that_is_no_matrix_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "v.npy", array)
    with pytest.raises(VicinalError, match=r"v\.npy"):
        read(tmp_path / "v.npy")


def test_fvecs_and_bvecs(tmp_path: Path) -> None:
    write_vecs(tmp_path / "v.fvecs", MATRIX)
    np.testing.assert_array_equal(vectors(read(tmp_path / "v.fvecs")), MATRIX)
    coordinates = np.arange(ROWS * DIM, dtype=np.uint8).reshape(ROWS, DIM)
    write_vecs(tmp_path / "v.bvecs", coordinates)
    found = vectors(read(tmp_path / "v.bvecs"))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, coordinates)


def test_truncated_fvecs_is_refused(tmp_path: Path) -> None:
    write_vecs(tmp_path / "v.fvecs", MATRIX)
    whole = (tmp_path / "v.fvecs").read_bytes()
    (tmp_path / "v.fvecs").write_bytes(whole[:-3])
    with pytest.raises(VicinalError, match="fvecs"):
        read(tmp_path / "v.fvecs")


def test_hdf5_of_ann_benchmarks(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.hdf5", "w") as file:
        file["train"], file["test"], file["neighbors"] = MATRIX, MATRIX[:3], np.zeros((3, 10), np.int32)
    batches = read(tmp_path / "v.hdf5")
    np.testing.assert_array_equal(vectors(batches), MATRIX)
    assert ids(batches) == list(range(ROWS))


def test_hdf5_with_columns(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["plot"] = MATRIX
        file["id"] = np.array([f"film {i}" for i in range(ROWS)], dtype="S")
        file["year"] = np.arange(1990, 1990 + ROWS)
    batches = read(tmp_path / "v.h5")
    assert ids(batches)[3] == "film 3"
    assert batches[1].payloads is not None
    assert batches[1].payloads[2] == {"year": 2002}
    np.testing.assert_array_equal(vectors(batches, "plot"), MATRIX)


@pytest.mark.parametrize("column", ["id", "title"])
def test_hdf5_with_text_that_is_not_utf8_is_refused(tmp_path: Path, column: str) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["plot"] = MATRIX
        file[column] = np.array([b"caf\xc3\xa9"] * 12 + [b"caf\xe9"] * (ROWS - 12))
    with pytest.raises(VicinalError, match=rf"v\.h5: '{column}' row 12 is text that is not UTF-8"):
        read(tmp_path / "v.h5")


def test_hdf5_with_two_matrices_wants_a_name(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["plot"], file["title"] = MATRIX, MATRIX + 1
    with pytest.raises(VicinalError, match="--vector-field NAME; possible are: plot, title"):
        read(tmp_path / "v.h5")
    both = read(tmp_path / "v.h5", None, "plot", "title")
    np.testing.assert_array_equal(vectors(both, "title"), MATRIX + 1)


def parquet_table() -> pa.Table:
    return pa.table(
        {
            "id": pa.array([f"f{i}" for i in range(ROWS)]),
            "year": pa.array([None if i == 1 else 1990 + i for i in range(ROWS)]),
            "plot": pa.FixedSizeListArray.from_arrays(pa.array(MATRIX.ravel()), DIM),
            "terms": pa.array([{"indices": [i, i + 2], "values": [0.5, 1.0]} for i in range(ROWS)]),
            "tokens": pa.array([[[1.0, 0.0]] * (1 + i % 3) for i in range(ROWS)]),
        }
    )


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(parquet_table(), tmp_path / "v.parquet")
    batches = read(tmp_path / "v.parquet", None, "plot", "terms", "tokens")
    assert ids(batches) == [f"f{i}" for i in range(ROWS)]
    np.testing.assert_array_equal(vectors(batches, "plot"), MATRIX)
    assert batches[0].kinds == {"plot": "dense", "terms": "sparse", "tokens": "multi"}
    assert batches[0].payloads is not None
    assert batches[0].payloads[:3] == [{"year": 1990}, {"year": None}, {"year": 1992}]
    indptr, indices, values = batches[1].vectors["terms"]
    assert (indptr[3], indices[4:6].tolist(), values[4:6].tolist()) == (6, [12, 14], [0.5, 1.0])
    tokens, offsets = batches[0].vectors["tokens"]
    assert (tokens.shape, offsets[:4].tolist()) == ((offsets[-1], 2), [0, 1, 3, 6])


def test_parquet_lists_of_doubles_in_a_variable_list(tmp_path: Path) -> None:
    table = pa.table({"vector": pa.array(MATRIX.astype(np.float64).tolist()), "n": pa.array(range(ROWS))})
    pq.write_table(table, tmp_path / "v.parquet", row_group_size=7)
    batches = read(tmp_path / "v.parquet", "n")
    assert ids(batches) == list(range(ROWS))
    np.testing.assert_array_equal(vectors(batches), MATRIX)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[1.0, 2.0], [1.0]]), "'vector' row 1 has 1 numbers, the first 2"),
        (pa.array(["a", "b"]), "holds no vectors but string"),
    ],
)
def test_parquet_without_proper_vectors_is_refused(tmp_path: Path, column: pa.Array, message: str) -> None:
    pq.write_table(pa.table({"vector": column}), tmp_path / "v.parquet")
    with pytest.raises(VicinalError, match=message):
        read(tmp_path / "v.parquet", None, "vector")


def json_lines() -> bytes:
    records = [{"id": i, "year": 1990 + i, "vector": MATRIX[i].tolist(), "tags": ["a"]} for i in range(ROWS)]
    return b"\n".join(orjson.dumps(record) for record in records) + b"\n\n"


@pytest.mark.parametrize("name", ["v.jsonl", "v.ndjson", "v.jsonl.gz"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    lines = json_lines()
    (tmp_path / name).write_bytes(gzip.compress(lines) if name.endswith("gz") else lines)
    batches = read(tmp_path / name)
    assert [len(batch.ids) for batch in batches] == [10, 10, 5]
    assert ids(batches) == list(range(ROWS))
    np.testing.assert_allclose(vectors(batches), MATRIX, rtol=1e-6)
    assert batches[2].payloads is not None
    assert batches[2].payloads[4] == {"year": 2014, "tags": ["a"]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "line 2 is not JSON"),
        (b"[1]", "line 2 is a JSON list; expected an object"),
        (b'{"vector": [1, 2, 3, 4]}', "record 1 has no 'id'"),
        (b'{"id": 9, "vector": "x"}', "row 1: expected a dense vector, got 'x'"),
    ],
)
def test_bad_line_is_refused_by_its_place(tmp_path: Path, line: bytes, message: str) -> None:
    first = json_lines().split(b"\n")[0]
    (tmp_path / "v.jsonl").write_bytes(first + b"\n" + line + b"\n")
    with pytest.raises(VicinalError, match=message):
        read(tmp_path / "v.jsonl")


def test_unknown_format_and_missing_column_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VicinalError, match=r"ending in one of \.npy"):
        read_file(FileRequest(tmp_path / "v.csv"))
    with pytest.raises(VicinalError, match="no such file"):
        read_file(FileRequest(tmp_path / "v.npy"))
    pq.write_table(parquet_table(), tmp_path / "v.parquet")
    with pytest.raises(VicinalError, match="no column 'name', only id, year"):
        read(tmp_path / "v.parquet", "name", "plot")
    np.save(tmp_path / "v.npy", MATRIX)
    with pytest.raises(VicinalError, match="one matrix without columns"):
        read(tmp_path / "v.npy", "id")


def test_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(parquet_table(), tmp_path / "v.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(VicinalError, match=r'pip install "vicinal\[data\]"'):
        read(tmp_path / "v.parquet")


def test_batches_are_sized_in_bytes() -> None:
    assert file_batch.rows_per_batch(1 << 30) == 1
    assert import_matrices.rows_per_batch(1) == 10


def write_sample(path: Path) -> None:
    rows = [{"id": row, "vector": MATRIX[row].tolist(), "word": f"é{row}"} for row in range(ROWS)]
    lines = b"\n".join(map(orjson.dumps, rows))
    match path.suffix:
        case ".npy":
            np.save(path, MATRIX)
        case ".fvecs":
            write_vecs(path, MATRIX)
        case ".hdf5":
            with h5py.File(path, "w") as file:
                file["train"], file["id"] = MATRIX, np.arange(ROWS)
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        case ".gz":
            path.write_bytes(gzip.compress(lines))
        case _:
            path.write_bytes(lines)


@pytest.mark.parametrize("suffix", [".npy", ".fvecs", ".hdf5", ".parquet", ".jsonl", ".jsonl.gz"])
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_sample(path)
    content, rng, said = path.read_bytes(), np.random.default_rng(0), list[str]()
    for number in range(80):
        damaged = bytearray(content)
        # Where there is structure: in the first bytes or the last.
        at = int(rng.integers(min(300, len(content)))) * (1 if number % 2 else -1)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged if number % 5 else damaged[:at])
        try:
            list(read_file(FileRequest(path)))
        except VicinalError as error:
            said.append(str(error))
    assert len(said) > 10
    assert all(path.name in words for words in said)


@pytest.mark.parametrize("suffix", [".npy", ".hdf5", ".parquet", ".jsonl"])
def test_a_file_that_cannot_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    with pytest.raises(FileNotFoundError):
        list(read_file(FileRequest(tmp_path / f"none{suffix}")))
