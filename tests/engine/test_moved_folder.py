"""A database stays where it is, whatever becomes of the working directory, its name, or its old place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.storage.verify.folder_check import check_folder

VECTORS = np.random.default_rng(0).standard_normal((700, 8)).astype(np.float32)


def fill(path: str | Path, name: str, ids: range) -> vicinal.Database:
    db = vicinal.open(path)
    db.create_collection(name, vicinal.Dense(8)).upsert(ids, VECTORS[ids.start : ids.stop])
    return db


def segments(folder: Path) -> set[str]:
    return {path.name for path in (folder / "segments").glob("*.seg")}


def grow_old(folder: Path) -> None:
    """Make every segment so old that opening removes it unless the manifest has it."""
    for path in (folder / "segments").glob("*.seg"):
        os.utime(path, (0, 0))


@pytest.mark.parametrize("read_only", [False, True])
def test_a_relative_path_outlives_a_change_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    for project in ("a", "b"):
        (tmp_path / project).mkdir()
        fill(tmp_path / project / "films", "points", range(1)).close()
    monkeypatch.chdir(tmp_path / "a")
    follower = vicinal.open("films", read_only=True) if read_only else None
    db = vicinal.open("films")
    assert db.path == str(tmp_path / "a" / "films")
    points = db.collection("points")
    points.upsert(range(600), VECTORS[:600])
    monkeypatch.chdir(tmp_path / "b")
    points.merge()
    points.upsert(range(600, 700), VECTORS[600:])
    points.flush()
    assert db.info().bytes_disk > 0
    if follower is not None:
        assert follower.collection("points").count() == 700
        assert follower.info().bytes_catalog == db.info().bytes_catalog
        follower.close()
    db.close()
    assert segments(tmp_path / "b" / "films") == set()
    for project, n in (("a", 700), ("b", 1)):
        grow_old(tmp_path / project / "films")
        with vicinal.open(tmp_path / project / "films") as again:
            assert again.collection("points").count() == n
        assert check_folder(tmp_path / project / "films") == []


def test_a_renamed_folder_goes_on_while_another_has_its_place(tmp_path: Path) -> None:
    old = fill(tmp_path / "db", "old", range(300))
    (tmp_path / "db").rename(tmp_path / "aside")
    new = fill(tmp_path / "db", "new", range(10))
    old.collection("old").flush()
    old.collection("old").upsert(range(300, 500), VECTORS[300:500])
    old.collection("old").merge()
    new.collection("new").flush()
    follower = vicinal.open(tmp_path / "aside", read_only=True)
    old.collection("old").upsert([600], VECTORS[600:601])
    assert follower.collection("old").count() == 501
    assert old.info().bytes_catalog == (tmp_path / "aside" / "catalog" / "data.mdb").stat().st_size
    with pytest.raises(vicinal.LockedByAnotherProcess):
        vicinal.open(tmp_path / "aside")
    for db in (follower, old, new):
        db.close()
    for folder, name, n in (("aside", "old", 501), ("db", "new", 10)):
        grow_old(tmp_path / folder)
        assert check_folder(tmp_path / folder) == []
        with vicinal.open(tmp_path / folder) as again:
            assert again.collection(name).count() == n


def test_a_retargeted_link_changes_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "one", "points", range(1)).close()
    fill(tmp_path / "two", "points", range(1)).close()
    (tmp_path / "link").symlink_to("one")
    with vicinal.open(tmp_path / "link") as db:
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("two")
        db.collection("points").upsert(range(300), VECTORS[:300])
        db.collection("points").flush()
    assert len(segments(tmp_path / "one")) == 1
    assert segments(tmp_path / "two") == set()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_write_to_a_deleted_catalog_is_not_acknowledged(tmp_path: Path, replaced: bool) -> None:
    fill(tmp_path / "db", "points", range(100)).close()
    shutil.copytree(tmp_path / "db", tmp_path / "copy")
    with vicinal.open(tmp_path / "db") as db:
        shutil.rmtree(tmp_path / "db")
        if replaced:
            (tmp_path / "copy").rename(tmp_path / "db")
        points = db.collection("points")
        with pytest.raises(vicinal.Unavailable, match="moved or deleted"):
            points.upsert([200], VECTORS[:1])
        with pytest.raises(vicinal.Unavailable, match="moved or deleted"):
            points.flush()
        assert points.count() == 100
    if replaced:
        assert segments(tmp_path / "db") == set()
        assert check_folder(tmp_path / "db") == []


def test_a_write_to_a_replaced_data_file_is_not_acknowledged(tmp_path: Path) -> None:
    with fill(tmp_path / "db", "points", range(100)) as db:
        data = tmp_path / "db" / "catalog" / "data.mdb"
        shutil.copy(data, tmp_path / "backup")
        os.replace(tmp_path / "backup", data)
        with pytest.raises(vicinal.Unavailable, match=r"data\.mdb was deleted or replaced"):
            db.collection("points").upsert([200], VECTORS[:1])
        assert db.collection("points").count() == 100
