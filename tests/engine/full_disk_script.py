"""Fills a small file system under a database, makes room again, and says what it saw."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.engine.maintenance import maintenance
from vicinal.engine.segments.sealed.builder import SegmentBuilder

DIM = 128
ROWS = 2100
LEFT = 1 << 19


def wait_until(holds: object) -> None:
    assert callable(holds)
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def main(folder: Path) -> None:
    builds = []
    build = SegmentBuilder.build

    def told(*arguments: object) -> object:
        builds.append(1)
        return build(*arguments)  # type: ignore[arg-type]

    SegmentBuilder.build = told  # type: ignore[method-assign,assignment]
    maintenance._RETRY_SECONDS = 0.1
    vectors = np.random.default_rng(1).standard_normal((ROWS, DIM)).astype(np.float32)
    policy = vicinal.MergePolicySettings(quiet_seconds=0.0, seal_rows=ROWS)
    with vicinal.open(folder / "db", merge_policy=policy) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert(range(ROWS - 10), vectors[:-10])
        room = os.statvfs(folder)
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(room.f_bavail * room.f_frsize - LEFT))
        points.upsert(range(ROWS - 10, ROWS), vectors[-10:])
        wait_until(lambda: points.info().activity.last_error)
        assert "free; make room" in points.info().activity.last_error
        with pytest.raises(vicinal.ResourceExhausted, match="free; make room"):
            points.flush()
        assert points.info().activity.last_error
        assert points.count() == ROWS
        assert not builds, "something was built without room for it"
        ballast.unlink()
        wait_until(lambda: points.info().indexed_rows == ROWS)
        wait_until(lambda: points.info().activity == maintenance.Activity())
        assert len(builds) == 1
        assert points.count() == ROWS
    print("well")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
