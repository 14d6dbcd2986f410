"""Opening: what is a database, what is not, and what is said."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.storage.catalog import keys
from vicinal.storage.catalog.envelope import seal
from vicinal.storage.lmdb_files.store import LmdbStore


def test_an_empty_or_missing_folder_becomes_a_database(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "a" / "b"):
        with vicinal.open(folder) as db:
            assert db.collections() == []


def test_a_file_or_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(vicinal.NotADatabase, match=r"cat\.jpg"):
        vicinal.open(tmp_path / "photos")
    with pytest.raises(vicinal.NotADatabase, match="file"):
        vicinal.open(tmp_path / "photos" / "cat.jpg")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(vicinal.NotFound, match="no database"):
        vicinal.open(tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()
    with pytest.raises(vicinal.NotADatabase):
        vicinal.open(tmp_path, read_only=True)


def test_a_newer_format_is_refused_with_both_versions(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db"):
        pass
    store = LmdbStore(tmp_path / "db" / "catalog")
    with store.write() as txn:
        record = b'{"format":99,"uuid":"u","created":"later","engine":"vicinal 99","more":1}'
        txn.put(keys.meta(), seal(keys.meta(), record))
    store.close()
    for read_only in (False, True):
        with pytest.raises(vicinal.FormatTooNew, match="99"):
            vicinal.open(tmp_path / "db", read_only=read_only)


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(4))
        points.upsert(range(10), np.ones((10, 4)))
        points.flush()
        db.create_collection("others", vicinal.Dense(4)).upsert([1], np.ones((1, 4)))
    segment = next((tmp_path / "db" / "segments").glob("*.seg"))
    segment.rename(tmp_path / "aside.seg")
    with vicinal.open(tmp_path / "db") as db:
        with pytest.raises(vicinal.Corruption, match=segment.name):
            db.collection("points").count()
        # The other collections are not held up by it, and it is back as soon as its file is.
        assert db.collection("others").count() == 1
        (tmp_path / "aside.seg").rename(segment)
        assert db.collection("points").count() == 10


def test_a_damaged_catalog_is_told_with_one_remedy(tmp_path: Path) -> None:
    vicinal.open(tmp_path).close()
    data = tmp_path / "catalog" / "data.mdb"
    data.write_bytes(data.read_bytes()[:-4096])
    for read_only in (False, True):
        with pytest.raises(vicinal.Corruption, match=re.escape(str(data))) as caught:
            vicinal.open(tmp_path, read_only=read_only)
        assert [str(caught.value).count(word) for word in ("vicinal check", "restore")] == [1, 1]


def test_a_damaged_segment_is_refused_and_kept(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(4))
        points.upsert(range(10), np.ones((10, 4)))
        points.flush()
    segment = next((tmp_path / "db" / "segments").glob("*.seg"))
    segment.write_bytes(segment.read_bytes()[:5000])
    with vicinal.open(tmp_path / "db") as db, pytest.raises(vicinal.Corruption, match=segment.name):
        db.collection("points").count()
    assert segment.stat().st_size == 5000


def test_memory_has_no_other_readers() -> None:
    with pytest.raises(vicinal.ReadOnly):
        vicinal.open(":memory:", read_only=True)


def test_failed_opening_leaves_the_lock_free(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    for _ in range(2):
        with pytest.raises(vicinal.NotADatabase):
            vicinal.open(tmp_path / "photos")
    (tmp_path / "photos" / "cat.jpg").unlink()
    with vicinal.open(tmp_path / "photos") as db:
        assert db.collections() == []


@pytest.mark.parametrize("name", [".", ".."])
def test_a_collection_is_not_named_like_a_folder(name: str) -> None:
    with vicinal.open(":memory:") as db:
        with pytest.raises(vicinal.InvalidArgument, match="take another name"):
            db.create_collection(name, vicinal.Dense(4))
        assert db.collections() == []
        db.create_collection("...", vicinal.Dense(4))


def test_what_is_in_memory_is_counted_as_memory() -> None:
    n, dim = 3000, 64
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", vicinal.Dense(dim, index=vicinal.Flat()))
        points.upsert(range(n), np.ones((n, dim), np.float32))
        assert db.info().bytes_disk == 0
        points.flush()
        info = db.info()
        assert [segment.uuid for segment in info.collections[0].segments] != ["growing"]
        assert info.bytes_disk == info.collections[0].bytes_disk == 0
        assert info.bytes_memory - info.bytes_catalog == info.collections[0].bytes_memory > n * dim * 4
