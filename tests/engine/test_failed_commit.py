"""A commit that fails: the callers hear of it, nothing changed, and the database goes on."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

import vicinal
from vicinal.storage import durable
from vicinal.storage.catalog import Catalog

DIM = 4


def coded(error: lmdb.Error, code: int) -> lmdb.Error:
    """Return ``error`` with the errno that LMDB's own errors carry."""
    error.code = code  # type: ignore[misc]
    return error


def disk_full() -> lmdb.Error:
    return coded(lmdb.DiskError("No space left on device"), errno.ENOSPC)


def io_error() -> lmdb.Error:
    return coded(lmdb.Error("Input/output error"), errno.EIO)


def rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Return a function that makes the next commit fail as a disk would make it fail."""
    pending: list[Exception] = []
    commit = durable.commit

    def failing(transaction: Any) -> None:
        if pending:
            raise pending.pop()
        commit(transaction)

    monkeypatch.setattr(durable, "commit", failing)
    return pending.append


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (lmdb.MapFullError("mdb_put", -30792), vicinal.MapFull),
        (disk_full(), vicinal.DiskFull),
        (io_error(), vicinal.VicinalError),
    ],
)
def test_nothing_changed_and_the_next_write_succeeds(
    tmp_path: Path, fail: Callable[[Exception], None], fault: Exception, error: type[Exception]
) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"n": "integer"})
        points.upsert([1, 2], rows(2), [{"n": 1}, {"n": 2}])
        fail(fault)
        with pytest.raises(error):
            points.upsert([2, 3], rows(2, 1), [{"n": 20}, {"n": 30}])
        assert [p and p.payload["n"] for p in points.get([1, 2, 3])] == [1, 2, None]
        fail(fault)
        with pytest.raises(error):
            points.delete([1])
        assert points.count() == 2
        points.upsert([2, 3], rows(2, 1), [{"n": 20}, {"n": 30}])
        assert points.count() == 3
    with vicinal.open(tmp_path / "db") as db:
        found = db.collection("points").get([1, 2, 3])
        assert [p and p.payload["n"] for p in found] == [1, 20, 30]


def test_a_merge_that_cannot_be_committed_leaves_the_segments_and_no_file(
    tmp_path: Path, fail: Callable[[Exception], None]
) -> None:
    policy = vicinal.MergePolicySettings(quiet_seconds=1e9)
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert(range(10), rows(10))
        points.flush()
        points.upsert(range(10, 20), rows(10, 1))
        before = sorted((tmp_path / "db" / "segments").iterdir())

        def progress(stage: str, fraction: float) -> None:
            # The last stage: the file is finished, and the commit of the manifest comes next.
            if (stage, fraction) == ("write", 1.0):
                fail(disk_full())

        with pytest.raises(vicinal.DiskFull):
            points.merge(progress)
        assert sorted((tmp_path / "db" / "segments").iterdir()) == before
        assert points.count() == 20
        points.merge()
        assert [segment.rows for segment in points.info().segments] == [20]


def test_writers_of_one_group_all_hear_of_it(tmp_path: Path, fail: Callable[[Exception], None]) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        outcomes: list[bool] = []
        fail(disk_full())

        def write(worker: int) -> None:
            try:
                points.upsert([worker], rows(1, worker))
                outcomes.append(True)
            except vicinal.DiskFull:
                outcomes.append(False)

        workers = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert False in outcomes
        assert points.count() == sum(outcomes)


def test_a_callers_mistake_does_not_spoil_the_group(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        db.create_collection("points", vicinal.Dense(DIM))
        errors: list[Exception] = []

        def create() -> None:
            try:
                db.create_collection("points", vicinal.Dense(DIM))
            except vicinal.AlreadyExists as error:
                errors.append(error)

        workers = [threading.Thread(target=create) for _ in range(4)]
        workers += [
            threading.Thread(target=db.collection("points").upsert, args=([i], rows(1))) for i in range(4)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(errors) == 4
        assert db.collection("points").count() == 4


def test_after_a_failed_reload_nothing_is_written_any_more(
    tmp_path: Path, fail: Callable[[Exception], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    db = vicinal.open(tmp_path / "db")
    points = db.create_collection("points", vicinal.Dense(DIM))
    points.upsert([1, 2, 3], rows(3))
    with monkeypatch.context() as patch:
        # The catalog cannot be read back either, as when the disk is gone.
        patch.setattr(Catalog, "collections", lambda *_: (_ for _ in ()).throw(OSError("gone")))
        fail(io_error())
        with pytest.raises(vicinal.VicinalError):
            points.upsert([4], rows(1))
    with pytest.raises(vicinal.Unavailable, match="open again"):
        points.upsert([11], rows(1))
    db.close()
    with vicinal.open(tmp_path / "db") as db:
        assert [p is not None for p in db.collection("points").get([1, 2, 3, 4, 11])] == [True] * 3 + [
            False
        ] * 2


def test_a_commit_that_landed_though_it_failed_keeps_its_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = vicinal.MergePolicySettings(quiet_seconds=1e9)
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert(range(10), rows(10))
        commit = durable.commit
        pending: list[bool] = []

        def landing(transaction: Any) -> None:
            commit(transaction)
            if pending:
                pending.clear()
                raise io_error()

        monkeypatch.setattr(durable, "commit", landing)

        def progress(stage: str, fraction: float) -> None:
            if (stage, fraction) == ("write", 1.0):
                pending.append(True)

        with pytest.raises(vicinal.VicinalError):
            points.flush(progress)
        assert points.count() == 10
    with vicinal.open(tmp_path / "db") as db:
        assert db.collection("points").count() == 10


def test_a_drop_that_failed_leaves_every_handle_as_it_was(
    tmp_path: Path, fail: Callable[[Exception], None]
) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert([1], rows(1))
        fail(disk_full())
        with pytest.raises(vicinal.DiskFull):
            db.drop_collection("points")
        assert db.collections() == ["points"]
        assert points.count() == 1
        points.upsert([2], rows(1))
        assert db.collection("points").count() == 2
