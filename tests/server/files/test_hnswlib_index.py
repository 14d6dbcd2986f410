"""Indexes that hnswlib saved, read as points; the bytes are not trusted."""

from __future__ import annotations

from pathlib import Path

import hnswlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal.engine.errors import InvalidArgument
from vicinal.server.files import batch as file_batch
from vicinal.server.files.batch import FileBatch, FileRequest
from vicinal.server.files.importing import NewCollection, import_points
from vicinal.server.files.readers import read_file

N, DIM = 57, 6
MATRIX = np.random.default_rng(4).standard_normal((N, DIM)).astype(np.float32)
LABELS = np.arange(N, dtype=np.uint64) * 11 + 3


def saved(path: Path, space: str = "l2", deleted: tuple[int, ...] = ()) -> Path:
    index = hnswlib.Index(space, DIM)
    index.init_index(2 * N, M=5, ef_construction=30)
    # Several threads insert in any order.
    index.add_items(MATRIX, LABELS, num_threads=1)
    for label in deleted:
        index.mark_deleted(label)
    index.save_index(str(path))
    return path


def read(path: Path, id_field: str | None = None, *fields: str) -> list[FileBatch]:
    return list(read_file(FileRequest(path, id_field, fields)))


@pytest.mark.parametrize("suffix", [".bin", ".hnswlib"])
def test_labels_and_vectors_are_those_that_were_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(file_batch, "BATCH_ROWS", 20)
    batches = read(saved(tmp_path / f"x{suffix}"))
    assert [len(batch.ids) for batch in batches] == [20, 20, 17]
    assert batches[-1].fraction == 1.0
    assert [one for batch in batches for one in batch.ids] == LABELS.tolist()
    np.testing.assert_array_equal(np.concatenate([batch.vectors["vector"] for batch in batches]), MATRIX)


def test_what_was_deleted_is_left_out(tmp_path: Path) -> None:
    (batch,) = read(saved(tmp_path / "x.bin", deleted=(3, 14, 14 + 11 * 50)), None, "plot")
    kept = np.isin(LABELS, [3, 14, 14 + 11 * 50], invert=True)
    assert batch.ids == LABELS[kept].tolist()
    np.testing.assert_array_equal(batch.vectors["plot"], MATRIX[kept])


def test_an_import_answers_as_the_index_did(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.bin", "cosine")
    with vicinal.open(":memory:") as db:
        films, n_points = import_points(
            db, FileRequest(path), NewCollection("films"), None, lambda points, fraction: None
        )
        assert n_points == N
        index = hnswlib.Index("cosine", DIM)
        index.load_index(str(path))
        labels, _ = index.knn_query(MATRIX[:5], 3)
        assert [list(hits.ids) for hits in films.search(MATRIX[:5], 3)] == labels.tolist()


def test_an_index_without_elements_has_no_batches(tmp_path: Path) -> None:
    index = hnswlib.Index("l2", DIM)
    index.init_index(10)
    index.save_index(str(tmp_path / "x.bin"))
    assert read(tmp_path / "x.bin") == []


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_changed_and_cut_bytes_are_refused_or_read_as_points(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = saved(tmp_path_factory.mktemp("index") / "x.bin")
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, 95), max_size=3)):
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        batches = read(path)
    except InvalidArgument:
        return
    for batch in batches:
        assert len(batch.ids) == len(batch.vectors["vector"]) <= N


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (16, 2 * N, "elements take at least"),
        (16, 1 << 60, "does not fit together"),
        (0, 8, "does not fit together"),
        (24, 1 << 40, "does not fit together"),
    ],
)
def test_a_header_that_lies_is_told(tmp_path: Path, at: int, value: int, message: str) -> None:
    path = saved(tmp_path / "x.bin")
    content = bytearray(path.read_bytes())
    content[at : at + 8] = value.to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match=message):
        read(path)


def test_links_beyond_their_place_are_told(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.bin")
    content = bytearray(path.read_bytes())
    content[96:98] = (60_000).to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match="the file is damaged"):
        read(path)


def test_columns_are_not_looked_for(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.bin")
    with pytest.raises(InvalidArgument, match="the ids are its labels"):
        read(path, "id")


def test_another_file_of_that_suffix_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(np.full(40, 7, np.uint64).tobytes())
    with pytest.raises(InvalidArgument, match="not an index that hnswlib saved"):
        read(tmp_path / "x.bin")
