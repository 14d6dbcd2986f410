"""Searches beside writes, merges and other processes: every answer matches some snapshot."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from snapshot_agreement import disagreements

import vicinal

DIM = 8
FOLLOWER = """
import json, sys, time
import numpy as np
import vicinal
with vicinal.open(sys.argv[1], read_only=True) as db:
    points = db.collection("points")
    print("ready", flush=True)
    for line in sys.stdin:
        least = int(line)
        versions = [hit.payload["version"] for hit in points.search(np.ones(8), k=100)]
        print(json.dumps({"versions": sorted(set(versions)), "n": len(versions), "least": least}), flush=True)
"""


def rows(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


def test_every_answer_matches_one_snapshot(tmp_path: Path) -> None:
    """Each write gives all points one version, so an answer that mixes versions matches no snapshot."""
    policy = vicinal.MergePolicySettings(quiet_seconds=0.0, seal_rows=20)
    failures: list[str] = []
    stop = threading.Event()
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"version": "integer"})
        points.upsert(range(30), rows(30, 0), [{"version": 0}] * 30)

        def read() -> None:
            last = 0
            while not stop.is_set():
                hits = points.search(np.ones(DIM), k=50)
                versions = {hit.payload["version"] for hit in hits}
                if len(hits) != 30 or len(versions) != 1 or min(versions) < last:
                    failures.append(f"{len(hits)} hits of versions {versions} after {last}")
                    return
                last = min(versions)
                if points.count() != 30:
                    failures.append("a count between two snapshots")
                    return
                told = disagreements(points, vicinal.F("version") >= last, None)
                if told:
                    failures.extend(told)
                    return
                found = points.get(range(30))
                seen = {point.payload["version"] for point in found if point is not None}
                if None in found or len(seen) != 1:
                    failures.append(f"get() mixes versions {seen}")
                    return

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for version in range(1, 60):
            points.upsert(range(30), rows(30, version), [{"version": version}] * 30)
            if version % 10 == 0:
                points.merge()
        stop.set()
        for reader in readers:
            reader.join()
    assert failures == []


def test_concurrent_writers_are_all_kept(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM))

        def write(worker: int) -> None:
            for i in range(20):
                points.upsert([worker * 1000 + i], rows(1, i))

        workers = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert points.count() == 160
    with vicinal.open(tmp_path / "db") as db:
        assert db.collection("points").count() == 160


def test_a_follower_in_another_process_sees_each_acknowledged_write(tmp_path: Path) -> None:
    policy = vicinal.MergePolicySettings(quiet_seconds=0.0, seal_rows=20)
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"version": "integer"})
        points.upsert(range(25), rows(25, 0), [{"version": 0}] * 25)
        follower = subprocess.Popen(
            [sys.executable, "-c", FOLLOWER, str(tmp_path / "db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert follower.stdin is not None
        assert follower.stdout is not None
        try:
            assert follower.stdout.readline() == "ready\n"
            for version in range(1, 40):
                points.upsert(range(25), rows(25, version), [{"version": version}] * 25)
                if version % 13 == 0:
                    points.merge()
                follower.stdin.write(f"{version}\n")
                follower.stdin.flush()
                answer = json.loads(follower.stdout.readline())
                assert answer == {"versions": [version], "n": 25, "least": version}
        finally:
            follower.stdin.close()
            follower.wait(timeout=20)
            follower.stdout.close()
        assert follower.returncode == 0


def test_a_second_writer_is_told_who_holds_the_database(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db"):
        code = f"import vicinal; vicinal.open({str(tmp_path / 'db')!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "LockedByAnotherProcess" in done.stderr
        import os

        assert f"process {os.getpid()}" in done.stderr
        with pytest.raises(vicinal.LockedByAnotherProcess):
            vicinal.open(tmp_path / "db")


def test_readers_in_the_same_process_follow_too(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db, vicinal.open(tmp_path / "db", read_only=True) as reader:
        assert reader.collections() == []
        db.create_collection("points", vicinal.Dense(DIM)).upsert([1], rows(1, 1))
        followed = reader.collection("points")
        assert followed.count() == 1
        db.collection("points").merge()
        db.collection("points").upsert([2], rows(1, 2))
        assert followed.count() == 2
        with pytest.raises(vicinal.ReadOnly):
            followed.upsert([3], rows(1, 3))
        db.drop_collection("points")
        with pytest.raises(vicinal.NotFound):
            followed.count()


def test_searches_do_not_wait_for_a_merge(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert(range(3000), rows(3000, 1))
        answered: list[int] = []

        def progress(stage: str, fraction: float) -> None:
            answered.append(len(points.search(np.ones(DIM), k=5)))

        points.merge(progress)
        assert answered
        assert set(answered) == {5}


def test_what_was_found_stays_readable_after_a_merge_and_after_close(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"n": "integer"})
        points.upsert(range(50), rows(50, 1), [{"n": i} for i in range(50)])
        points.flush()
        hits = points.search(np.ones(DIM), k=5)
        points.delete(range(50))
        points.merge()
        assert points.count() == 0
        assert [hit.payload["n"] for hit in hits] == [hit.id for hit in hits]
    assert [hit.payload["n"] for hit in hits] == [hit.id for hit in hits]
    with pytest.raises(vicinal.Closed):
        points.search(np.ones(DIM))
    with pytest.raises(vicinal.Closed):
        points.upsert([1], rows(1, 1))
    with pytest.raises(vicinal.Closed):
        db.collections()
    db.close()


def test_of_many_writers_one_inserts_and_one_replaces() -> None:
    """Between the look at what is stored and the write no other write comes."""
    with vicinal.open(":memory:") as db, ThreadPoolExecutor(8) as pool:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"by": "integer"})
        inserted = pool.map(
            lambda i: points.upsert([1], rows(1, i), [{"by": i}], mode="insert_only").points, range(60)
        )
        (winner,) = [i for i, n in enumerate(inserted) if n]
        assert points.scroll().points == [vicinal.Point(1, {"by": winner})]
        stored = vicinal.F("by") == winner
        replaced = pool.map(
            lambda i: points.upsert([1], rows(1, i), [{"by": 100 + i}], only_if=stored).points, range(60)
        )
        (swapped,) = [i for i, n in enumerate(replaced) if n]
        assert points.scroll().points == [vicinal.Point(1, {"by": 100 + swapped})]
