"""What keeps a database open, what closes it, and what a dropped collection still does."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.engine.writing.manifest_operations import DropCollection
from vicinal.engine.writing.point_operations import upsert

DIM = 4


def rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


def test_a_collection_keeps_the_lock_of_its_database(tmp_path: Path) -> None:
    points = vicinal.open(tmp_path / "db").create_collection("points", vicinal.Dense(DIM))
    gc.collect()
    with pytest.raises(vicinal.LockedByAnotherProcess):
        vicinal.open(tmp_path / "db")
    points.upsert([1], rows(1))
    points._host.close()
    with vicinal.open(tmp_path / "db") as db:
        assert db.collection("points").count() == 1


def test_a_database_that_was_let_go_of_is_closed_and_keeps_what_was_written(tmp_path: Path) -> None:
    for n in range(3):
        db = vicinal.open(tmp_path / "db")
        if not n:
            db.create_collection("points", vicinal.Dense(DIM))
        points = db.collection("points")
        assert points.count() == n * 100
        points.upsert(range(n * 100, n * 100 + 100), rows(100))
        del db, points
    memory = vicinal.open(":memory:")
    memory.create_collection("points", vicinal.Dense(DIM))
    del memory
    with vicinal.open(tmp_path / "db") as db:
        assert db.collection("points").count() == 300


def test_a_database_that_was_let_go_of_in_a_cycle_is_closed(tmp_path: Path) -> None:
    holder: dict[str, object] = {"db": vicinal.open(tmp_path / "db")}
    holder["self"] = holder
    del holder
    gc.collect()
    vicinal.open(tmp_path / "db").close()


def test_threads_of_databases_that_were_let_go_of_end(tmp_path: Path) -> None:
    for _ in range(5):
        vicinal.open(tmp_path / "db")
    # Waits for the last one that was let go of.
    vicinal.open(tmp_path / "db").close()
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("vicinal-")]
    assert "vicinal-writer" not in names
    assert "vicinal-maintenance" not in names


def test_this_process_is_called_this_process(tmp_path: Path) -> None:
    with (
        vicinal.open(tmp_path / "db"),
        pytest.raises(vicinal.LockedByAnotherProcess, match=r"in this process .* already: use that"),
    ):
        vicinal.open(tmp_path / "db")


def test_whoever_closes_second_returns_when_all_is_closed(tmp_path: Path) -> None:
    db = vicinal.open(tmp_path / "db")
    points = db.create_collection("points", vicinal.Dense(DIM))
    merging = threading.Event()
    opened: list[bool] = []

    def slow(stage: str, fraction: float) -> None:
        merging.set()

    points.upsert(range(6000), rows(6000))

    def give_up() -> None:
        with pytest.raises(vicinal.Closed):
            points.merge(slow)

    merge = threading.Thread(target=give_up, daemon=True)
    merge.start()
    merging.wait(10)

    def close() -> None:
        db.close()
        with vicinal.open(tmp_path / "db"):
            opened.append(True)

    closers = [threading.Thread(target=db.close), threading.Thread(target=close)]
    for closer in closers:
        closer.start()
    for closer in (*closers, merge):
        closer.join()
    assert opened == [True]


def test_a_script_that_ends_during_a_build_ends_cleanly(tmp_path: Path) -> None:
    script = """
import sys, time, numpy as np, vicinal
policy = vicinal.MergePolicySettings(quiet_seconds=0.0, seal_rows=100)
db = vicinal.open(sys.argv[1], merge_policy=policy)
points = db.create_collection("points", vicinal.Dense(64))
points.upsert(range(20000), np.random.default_rng(0).standard_normal((20000, 64), dtype=np.float32))
while not points.info().activity.stage.startswith("index"):
    time.sleep(0.01)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "db")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    with vicinal.open(tmp_path / "db") as db:
        assert db.collection("points").count() == 20000


def test_a_write_behind_a_drop_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert([1], rows(1))
        state, host = points._state, points._host
        late = _upsert(points, [2, 3])
        host.submit(DropCollection(state, host._collections))
        with pytest.raises(vicinal.NotFound, match="dropped"):
            host.submit(late)
    with vicinal.open(tmp_path / "db") as db:
        assert db.collections() == []
        other = db.create_collection("other", vicinal.Dense(6))
        assert other.count() == 0
    with vicinal.open(tmp_path / "db") as db:
        assert db.collection("other").count() == 0


def test_a_uuid_names_a_collection_for_good(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        uuid = db.create_collection("points", vicinal.Dense(DIM)).uuid
        assert db.collection("points").uuid == uuid
        assert db.create_collection("others", vicinal.Dense(DIM)).uuid != uuid
    with vicinal.open(tmp_path / "db") as db:
        assert db.collection("points").uuid == uuid
        db.drop_collection("points")
        assert db.create_collection("points", vicinal.Dense(DIM)).uuid != uuid


def test_a_dropped_collection_is_not_merged(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert([1], rows(1))
        db.drop_collection("points")
        for call in (points.flush, points.merge, points.wait_indexed, points.count):
            with pytest.raises(vicinal.NotFound):
                call()
        assert db.create_collection("points", vicinal.Dense(DIM)).count() == 0


def test_waiting_stops_at_its_deadline(tmp_path: Path) -> None:
    policy = vicinal.MergePolicySettings(quiet_seconds=1e9)
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        points = db.create_collection("points", vicinal.Dense(64))
        matrix = np.random.default_rng(0).standard_normal((20_000, 64), dtype=np.float32)
        points.upsert(range(len(matrix)), matrix)
        with pytest.raises(vicinal.DeadlineExceeded, match="not fully indexed"):
            points.wait_indexed(timeout=0.01)
        assert points.count() == len(matrix)
        with pytest.raises(vicinal.InvalidArgument, match="timeout"):
            points.wait_indexed(timeout="soon")  # type: ignore[arg-type]


def test_calibrating_during_a_merge_reaches_the_new_segment(tmp_path: Path) -> None:
    policy = vicinal.MergePolicySettings(quiet_seconds=1e9)
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        points = db.create_collection("points", vicinal.Dense(16))
        matrix = np.random.default_rng(0).standard_normal((3000, 16), dtype=np.float32)
        points.upsert(range(3000), matrix)
        points.merge()
        points.upsert([5000], matrix[:1])
        done: list[int] = []

        def progress(stage: str, fraction: float) -> None:
            # The last moment before the new segment is measured on the queries there are.
            if (stage, fraction) == ("write", 1.0) and not done:
                done.append(points.calibrate(matrix[:200] + 0.1))

        points.merge(progress)
        (view,) = points._state.snapshot.views
        assert done == [1]
        assert view.segment._effort_tables.keys() == {"vector"}  # type: ignore[attr-defined]


def _upsert(points: vicinal.Collection, ids: list[int]) -> object:
    from vicinal.engine.input.ids import unique_ids, vector_columns
    from vicinal.engine.tenants.tenant import writing_tenant
    from vicinal.storage.columns.batch import Batch
    from vicinal.storage.columns.payloads import PayloadColumn

    columns = vector_columns(points.schema, rows(len(ids)), len(ids))
    payloads = PayloadColumn.from_rows(None, len(ids))
    batch = Batch(ids=unique_ids(ids), payloads=payloads, vectors=columns)
    return upsert(points._state, points.schema, writing_tenant(points._state, None), batch)
