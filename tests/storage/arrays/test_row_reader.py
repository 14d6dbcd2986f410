"""Rows read out of a segment file, each verified."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vicinal.storage.arrays.row_reader import CHECKSUMS, row_checksums
from vicinal.storage.errors import CorruptionError
from vicinal.storage.segments import check
from vicinal.storage.segments.file import SegmentFile
from vicinal.storage.segments.writer import SegmentWriter

MATRIX = np.random.default_rng(0).random((3000, 48)).astype(np.float32)


def written(path: Path, matrix: np.ndarray = MATRIX) -> Path:
    writer = SegmentWriter(path)
    writer.put_array("rows", matrix)
    writer.put_array("rows" + CHECKSUMS, row_checksums(matrix))
    writer.put_array("other", np.arange(9000))
    writer.finish()
    return path


def flip(path: Path, content: np.ndarray) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(content.tobytes()) + 5] ^= 4
    path.write_bytes(data)


def test_checksums_are_those_of_zlib() -> None:
    assert row_checksums(MATRIX[:50]).tolist() == [zlib.crc32(row.tobytes()) for row in MATRIX[:50]]
    assert row_checksums(MATRIX[:0]).tolist() == []


@pytest.mark.parametrize("n", [0, 1, 9, 3000])
def test_any_rows_can_be_read(tmp_path: Path, n: int) -> None:
    reader = SegmentFile.open(written(tmp_path / "a.seg", MATRIX[:n])).row_reader("rows")
    assert (reader.shape, reader.dtype, len(reader)) == ((n, 48), np.float32, n)
    rng = np.random.default_rng(1)
    for share in (0, 0.01, 0.5, 0.97, 1):
        rows = np.flatnonzero(rng.random(n) < share)
        for numbers in (rows, rows.astype(np.uint32)):
            found = np.empty((len(rows), 48), np.float32)
            reader.read_ahead(numbers)
            reader.read(numbers, found)
            np.testing.assert_array_equal(found, MATRIX[rows])


def test_rows_of_several_rows_of_the_matrix_are_read_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    # A row of 4 KiB in the middle, so that there are rows without anything at the start of a page.
    sizes = np.concatenate([rng.integers(0, 9, 300), [22, 0, 0], rng.integers(0, 90, 100)])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    matrix = rng.random((offsets[-1], 48)).astype(np.float32)
    writer = SegmentWriter(tmp_path / "a.seg")
    writer.put_array("rows", matrix)
    writer.put_array("begins", offsets)
    writer.put_array("rows" + CHECKSUMS, row_checksums(matrix, offsets))
    writer.finish()
    segment = SegmentFile.open(tmp_path / "a.seg")
    reader, n = segment.row_reader("rows", "begins"), len(sizes)
    assert (reader.shape, len(reader)) == (matrix.shape, n)
    for share in (0, 0.05, 0.5, 0.97, 1):
        rows = np.flatnonzero(rng.random(n) < share)
        expected = np.concatenate([matrix[:0], *(matrix[offsets[row] : offsets[row + 1]] for row in rows)])
        found = np.empty_like(expected)
        reader.read_ahead(rows)
        reader.read(rows, found)
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(KeyError):
        segment.row_reader("rows", "other")
    with pytest.raises(CorruptionError, match="checksums of"):
        segment.row_reader("rows")
    flip(tmp_path / "a.seg", matrix[offsets[350] : offsets[351]])
    reader = SegmentFile.open(tmp_path / "a.seg").row_reader("rows", "begins")
    found = np.empty((sizes[349:352].sum(), 48), np.float32)
    with pytest.raises(CorruptionError, match="row 350 of array 'rows' fails its checksum"):
        reader.read(np.arange(349, 352), found)


def test_a_damaged_row_is_refused_whenever_it_is_read_and_others_are_not(tmp_path: Path) -> None:
    path = written(tmp_path / "a.seg")
    flip(path, MATRIX[1234])
    segment = SegmentFile.open(path)
    # Rows with checksums are left to those who read them.
    segment.check()
    assert segment.damage == ""
    reader, found = segment.row_reader("rows"), np.empty((2, 48), np.float32)
    reader.read(np.array([1233, 1235]), found)
    for _ in range(2):
        with pytest.raises(CorruptionError, match="row 1234 of array 'rows' fails its checksum"):
            reader.read(np.array([7, 1234]), found)
    assert "row 1234" in segment.damage
    assert check.any_damage()
    assert len(segment.verify()) == 1


def test_a_row_is_verified_once_while_it_stays_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = SegmentFile.open(written(tmp_path / "a.seg")).row_reader("rows")
    verified: list[bytes] = []
    of_system = zlib.crc32

    def crc32(data: memoryview) -> int:
        verified.append(bytes(data))
        return of_system(data)

    monkeypatch.setattr(zlib, "crc32", crc32)
    found = np.empty((3, 48), np.float32)
    reader.read(np.array([5, 6, 900]), found)
    assert verified == [MATRIX[row].tobytes() for row in (5, 6, 900)]
    verified.clear()
    reader.read(np.array([5, 8, 900]), found)
    assert verified == [MATRIX[8].tobytes()]
    np.testing.assert_array_equal(found, MATRIX[[5, 8, 900]])


def test_other_arrays_and_the_checksums_are_verified_as_ever(tmp_path: Path) -> None:
    for content in (np.arange(4000, 4500), row_checksums(MATRIX[100:200])):
        path = written(tmp_path / f"{content[0]}.seg")
        flip(path, content)
        with pytest.raises(CorruptionError, match="checksum"):
            SegmentFile.open(path).check()


def test_a_deleted_file_is_read_on_and_its_descriptor_closed_in_the_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.seg")
    segment = SegmentFile.open(path)
    reader, found = segment.row_reader("rows"), np.empty((1, 48), np.float32)
    segment.close()
    path.unlink()
    reader.read(np.array([2999]), found)
    np.testing.assert_array_equal(found, MATRIX[2999:])
    assert any("a.seg" in held for held in held_files())
    del reader
    gc.collect()
    assert not any("a.seg" in held for held in held_files())


def held_files() -> Iterator[str]:
    """Yield what this process has open; other tests' descriptors come and go meanwhile."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/self/fd/{name}")


def test_a_file_cut_short_or_replaced_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.seg")
    segment = SegmentFile.open(path)
    reader, found = segment.row_reader("rows"), np.empty((3000, 48), np.float32)
    copy = tmp_path / "b.seg"
    copy.write_bytes(path.read_bytes())
    copy.rename(path)
    with pytest.raises(CorruptionError, match="another file"):
        segment.row_reader("rows")
    path.unlink()
    with pytest.raises(FileNotFoundError):
        segment.row_reader("rows")
    with pytest.raises(KeyError):
        segment.row_reader("other")
    reader.read(np.arange(3000), found)
    shorter = written(tmp_path / "c.seg")
    reader = SegmentFile.open(shorter).row_reader("rows")
    os.truncate(shorter, shorter.stat().st_size // 2)
    with pytest.raises(CorruptionError, match="ends inside the array 'rows'"):
        reader.read(np.arange(3000), found)


def test_many_threads_read_at_once(tmp_path: Path) -> None:
    reader = SegmentFile.open(written(tmp_path / "a.seg")).row_reader("rows")
    wrong: list[int] = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(20):
            rows = np.unique(rng.integers(0, 3000, 50))
            found = np.empty((len(rows), 48), np.float32)
            reader.read_ahead(rows)
            reader.read(rows, found)
            if not np.array_equal(found, MATRIX[rows]):
                wrong.append(seed)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
