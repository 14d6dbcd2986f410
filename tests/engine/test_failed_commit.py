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
from vicinal.engine.collection import columnar
from vicinal.storage import durable
from vicinal.storage.catalog.catalog import Catalog
from vicinal.storage.verify.folder_check import check_folder

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


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return a function that says whether the catalog can be read back, as when a disk comes and goes."""
    state = {"unreadable": False}
    read = Catalog.read

    def reading(catalog: Catalog) -> Any:
        if state["unreadable"]:
            raise OSError(errno.EIO, "Input/output error", "data.mdb")
        return read(catalog)

    monkeypatch.setattr(Catalog, "read", reading)
    return lambda so: state.update(unreadable=so)


def test_when_the_catalog_cannot_be_read_back_writes_wait_for_that_and_reads_go_on(
    tmp_path: Path, fail: Callable[[Exception], None], unreadable: Callable[[bool], None]
) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert([1, 2, 3], rows(3))
        unreadable(True)
        fail(io_error())
        with pytest.raises(vicinal.Unavailable, match="Input/output error"):
            points.upsert([4], rows(1))
        for _ in range(2):
            with pytest.raises(vicinal.Unavailable, match="every write tries it first"):
                points.upsert([11], rows(1))
        with pytest.raises(vicinal.Unavailable, match="every write tries it first"):
            db.create_collection("other", vicinal.Dense(DIM))
        assert points.count() == 3
        assert len(points.search(rows(1)[0], k=5)) == 3
        unreadable(False)
        points.upsert([12], rows(1))
        assert points.count() == 4
        db.create_collection("other", vicinal.Dense(DIM))
        assert db.collections() == ["other", "points"]
    with vicinal.open(tmp_path / "db") as db:
        found = db.collection("points").get([1, 2, 3, 4, 11, 12])
        assert [p is not None for p in found] == [True] * 3 + [False] * 2 + [True]
        assert db.collections() == ["other", "points"]


def test_a_commit_that_landed_though_neither_it_nor_reading_back_worked_is_found_by_the_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreadable: Callable[[bool], None]
) -> None:
    policy = vicinal.MergePolicySettings(quiet_seconds=1e9)
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert(range(10), rows(10))
        commit = durable.commit

        def landing(transaction: Any) -> None:
            commit(transaction)
            monkeypatch.setattr(durable, "commit", commit)
            raise io_error()

        def progress(stage: str, fraction: float) -> None:
            if (stage, fraction) == ("write", 1.0):
                unreadable(True)
                monkeypatch.setattr(durable, "commit", landing)

        with pytest.raises(vicinal.Unavailable):
            points.flush(progress)
        unreadable(False)
        # What searches see is from before the flush, whose segment is in the manifest: sealing the same rows
        # again would make every point two.
        with pytest.raises(vicinal.Unavailable, match="not those that were merged"):
            points.flush()
        points.flush()
        points.upsert([10], rows(1))
        points.merge()
        assert points.count() == 11
        assert len(points.search(rows(1)[0], k=50)) == 11
    assert check_folder(tmp_path / "db") == []


@pytest.mark.parametrize("readable", [True, False])
def test_what_was_never_committed_is_never_seen(
    tmp_path: Path,
    fail: Callable[[Exception], None],
    unreadable: Callable[[bool], None],
    readable: bool,
) -> None:
    with vicinal.open(tmp_path / "db") as db:
        kept = db.create_collection("kept", vicinal.Dense(DIM))
        kept.upsert([1], rows(1))
        unreadable(not readable)
        fail(disk_full())
        with pytest.raises(vicinal.DiskFull):
            db.create_collection("never", vicinal.Dense(DIM))
        assert db.collections() == ["kept"]
        with pytest.raises(vicinal.NotFound):
            db.collection("never")
        unreadable(False)
        kept.upsert([2], rows(1))
        unreadable(not readable)
        fail(disk_full())
        with pytest.raises(vicinal.DiskFull):
            db.drop_collection("kept")
        assert db.collections() == ["kept"]
        assert kept.count() == 2
        unreadable(False)
        assert kept.upsert([3], rows(1)) > 0
        db.create_collection("never", vicinal.Dense(DIM))
    with vicinal.open(tmp_path / "db") as db:
        assert db.collections() == ["kept", "never"]
        assert db.collection("kept").count() == 3


def test_a_write_to_a_collection_that_is_dropped_in_the_same_commit_is_refused(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        slow = db.create_collection("slow", vicinal.Dense(DIM))
        slow.upsert([0], rows(1))
        entered, go_on = threading.Event(), threading.Event()

        def hold(bytes_to_write: int) -> None:
            entered.set()
            assert go_on.wait(60)

        outcomes: dict[str, object] = {}

        def outcome(name: str, call: Callable[[], object]) -> None:
            try:
                outcomes[name] = call()
            except vicinal.VicinalError as error:
                outcomes[name] = error

        def start(name: str, call: Callable[[], object], waiting: int) -> threading.Thread:
            thread = threading.Thread(target=outcome, args=(name, call))
            thread.start()
            queue = db._host._writer._queue
            while queue.qsize() < waiting:
                thread.join(0.001)
            return thread

        # While the writer is held, the others come to wait for it in this order, and go into one commit.
        threads = [
            start(
                "hold", lambda: columnar(slow).update_payload({"a": 1}, [0], None, None, False, None, hold), 0
            )
        ]
        assert entered.wait(60)
        threads.append(start("drop", lambda: db.drop_collection("points"), 1))
        threads.append(start("upsert", lambda: points.upsert([1], rows(1)), 2))
        threads.append(start("create", lambda: db.create_collection("points", vicinal.Dense(DIM)), 3))
        go_on.set()
        for thread in threads:
            thread.join()
        assert outcomes["drop"] is None
        assert isinstance(outcomes["upsert"], vicinal.NotFound)
        assert isinstance(outcomes["create"], vicinal.Collection)
        assert db.collection("points").count() == 0
    with vicinal.open(tmp_path / "db") as db:
        assert db.collection("points").count() == 0


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
