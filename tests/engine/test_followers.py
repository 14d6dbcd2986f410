"""Processes that follow a writer under load: every answer is a consistent snapshot, and there is no error."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import vicinal

DIM = 8
POINTS = 60
EXTRA = 20
SECONDS = 3.0
FOLLOWER = """
import json, sys, time
import numpy as np
import vicinal

POINTS, SECONDS = int(sys.argv[2]), float(sys.argv[3])
searches, last, wrong = 0, 0, []
with vicinal.open(sys.argv[1], read_only=True) as db:
    points = db.collection("points")
    print("ready", flush=True)
    stop = time.monotonic() + SECONDS
    while (time.monotonic() < stop or not searches) and not wrong:
        hits = points.search(np.ones(8), k=200, filter=vicinal.F("version") >= 0)
        versions = {hit.payload["version"] for hit in hits}
        fixed = sorted(hit.id for hit in hits if hit.id < POINTS)
        # A write gives every point one version; those above POINTS come and go as one.
        if len(versions) != 1 or fixed != list(range(POINTS)) or len(hits) not in sys_lengths:
            wrong.append(f"{len(hits)} hits of versions {sorted(versions)} after {last}")
        elif min(versions) < last:
            wrong.append(f"version {min(versions)} after {last}")
        last = max(versions, default=last)
        found = points.get(range(POINTS), with_vectors=True)
        seen = {None if point is None else point.payload["version"] for point in found}
        # The first number of each vector is the version it was written with.
        held = {None if point is None else int(point.vectors["vector"][0]) for point in found}
        if len(seen) != 1 or seen != held or None in seen or min(seen) < last:
            wrong.append(f"get() gives versions {seen} with vectors of {held} after {last}")
        if points.count() not in sys_lengths:
            wrong.append("a count between two snapshots")
        searches += 1
print(json.dumps({"searches": searches, "last": last, "wrong": wrong}), flush=True)
""".replace("sys_lengths", f"({POINTS}, {POINTS + EXTRA})")


def rows(n: int, version: int) -> np.ndarray:
    vectors = np.random.default_rng(version).standard_normal((n, DIM)).astype(np.float32)
    vectors[:, 0] = version
    return vectors


def test_followers_of_a_writer_that_merges_all_the_time(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    policy = vicinal.MergePolicySettings(quiet_seconds=0.0, seal_rows=20, tier_factor=2, dead_fraction=0.1)
    with vicinal.open(folder, merge_policy=policy) as db:
        points = db.create_collection(
            "points", vicinal.Dense(DIM, metric="l2"), fields={"version": "integer"}
        )

        def write(n: int, version: int) -> None:
            points.upsert(range(n), rows(n, version), [{"version": version}] * n)

        write(POINTS, 0)
        command = [sys.executable, "-c", FOLLOWER, str(folder), str(POINTS), str(SECONDS)]
        followers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        version = 0
        end = time.monotonic() + 60
        try:
            while any(follower.poll() is None for follower in followers) and time.monotonic() < end:
                version += 1
                write(POINTS + EXTRA, version)
                points.delete(range(POINTS, POINTS + EXTRA))
                if version % 10 == 0:
                    points.merge()
            answers = [follower.communicate(timeout=20) for follower in followers]
        finally:
            for follower in followers:
                follower.kill()
                follower.wait()
        assert points.info().activity.last_error == ""
    for follower, (said, complaint) in zip(followers, answers, strict=True):
        assert complaint == ""
        assert follower.returncode == 0
        answer = json.loads(said.splitlines()[-1])
        assert answer["wrong"] == []
        assert answer["searches"] > 0
        assert 0 < answer["last"] <= version


WRITER = """
import sys
import numpy as np
import vicinal

with vicinal.open(sys.argv[1]) as db:
    points = db.create_collection("points", vicinal.Dense(8))
    print("ready", flush=True)
    for line in sys.stdin:
        points.upsert([int(line)], np.ones((1, 8)))
        print(line, end="", flush=True)
"""
ACKNOWLEDGED = 100


def test_what_was_acknowledged_is_seen_by_who_was_looking_meanwhile(tmp_path: Path) -> None:
    """A commit can be read of by its number before it can be read."""
    folder = tmp_path / "db"
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        stop = threading.Event()
        with vicinal.open(folder, read_only=True) as db:
            points = db.collection("points")

            def look() -> None:
                while not stop.wait(0.0002):
                    points.count()

            with ThreadPoolExecutor(1) as pool:
                looking = pool.submit(look)
                try:
                    for i in range(ACKNOWLEDGED):
                        writer.stdin.write(f"{i}\n")
                        writer.stdin.flush()
                        assert writer.stdout.readline() == f"{i}\n"
                        assert points.count() == i + 1
                finally:
                    stop.set()
                    writer.stdin.close()
                looking.result()
