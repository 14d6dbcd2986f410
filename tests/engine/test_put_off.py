"""Background work that cannot be done: it is put off, says why, and goes on by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from waiting import wait_until

import vicinal
from vicinal.engine.maintenance import maintenance
from vicinal.engine.maintenance.maintenance import Maintenance
from vicinal.engine.results.info import Activity
from vicinal.engine.segments.sealed.builder import SegmentBuilder
from vicinal.engine.state.collection_state import CollectionState

DIM = 8
POLICY = vicinal.MergePolicySettings(quiet_seconds=0.0, seal_rows=100)


def rows(n: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, DIM)).astype(np.float32)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the collections that background work has finished looking at."""
    seen: list[str] = []
    work_on = Maintenance._work_on

    def told(self: Maintenance, state: CollectionState) -> float | None:
        due = work_on(self, state)
        seen.append(state.name)
        return due

    monkeypatch.setattr(Maintenance, "_work_on", told)
    return seen


def test_a_build_that_raises_is_not_repeated_by_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: list[str]
) -> None:
    builds: list[int] = []

    def fails(*arguments: object) -> None:
        builds.append(1)
        raise RuntimeError("no graph today")

    monkeypatch.setattr(maintenance, "_RETRY_SECONDS", 250.0)
    with vicinal.open(tmp_path / "db", merge_policy=POLICY) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        other = db.create_collection("other", vicinal.Dense(DIM))
        with monkeypatch.context() as patch:
            patch.setattr(SegmentBuilder, "build", fails)
            points.upsert(range(200), rows(200))
            wait_until(lambda: points.info().activity.retry_seconds > 0)
            for number in range(3):
                seen = len(looks)
                points.upsert([number], rows(1))
                wait_until(lambda seen=seen: len(looks) > seen)
            assert len(builds) == 1
            activity = points.info().activity
            assert "no graph today" in activity.last_error
            assert 200 < activity.retry_seconds <= 250
            # What is asked for is done at once, whatever waits, and fails the next time for longer.
            with pytest.raises(RuntimeError, match="no graph today"):
                points.flush()
            assert points.info().activity.last_error == activity.last_error
        other.upsert(range(200), rows(200))
        wait_until(lambda: is_sealed(other))
        points.flush()
        assert points.info().activity == Activity()


def test_each_failure_waits_twice_as_long_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each wait, from two looks at the clock around its beginning.
    waited: list[tuple[float, float]] = []
    put_off = Maintenance._put_off

    def told(self: Maintenance, state: CollectionState, task: object, error: Exception) -> float:
        before = time.monotonic()
        due = put_off(self, state, task, error)  # type: ignore[arg-type]
        retry_at = self._upkeeps[state.record.uuid].retry_at
        waited.append((retry_at - time.monotonic(), retry_at - before))
        return due

    def fails(*arguments: object) -> None:
        raise MemoryError("too many neighbours")

    monkeypatch.setattr(Maintenance, "_put_off", told)
    monkeypatch.setattr(maintenance, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(maintenance, "_MOST_RETRY_SECONDS", 0.08)
    monkeypatch.setattr(SegmentBuilder, "build", fails)
    with vicinal.open(tmp_path / "db", merge_policy=POLICY) as db:
        db.create_collection("points", vicinal.Dense(DIM)).upsert(range(200), rows(200))
        wait_until(lambda: len(waited) >= 6)
    for (least, most), seconds in zip(waited, (0.01, 0.02, 0.04, 0.08, 0.08, 0.08), strict=False):
        assert least <= seconds <= most


def test_room_is_looked_at_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: list[str]
) -> None:
    builds: list[int] = []
    build = SegmentBuilder.build

    def told(*arguments: object) -> object:
        builds.append(1)
        return build(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(SegmentBuilder, "build", told)
    monkeypatch.setattr(maintenance, "_RETRY_SECONDS", 0.01)
    with vicinal.open(tmp_path / "db", merge_policy=POLICY) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstatvfs", lambda folder: SimpleNamespace(f_bavail=1, f_frsize=4096))
            points.upsert(range(200), rows(200))
            wait_until(lambda: points.info().activity.last_error)
            said = points.info().activity.last_error
            assert "at least 10,800 bytes and the disk has 4,096 free; make room" in said
            seen = len(looks)
            wait_until(lambda: len(looks) > seen + 3)
            assert builds == []
        wait_until(lambda: points.info().activity == Activity() and is_sealed(points))
        assert len(builds) == 1


def test_a_segment_that_is_gone_when_there_was_no_room_for_its_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    with vicinal.open(tmp_path / "db", merge_policy=POLICY) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))

        def room(folder: object) -> SimpleNamespace:
            if asked or threading.current_thread().name != "vicinal-short-builds":
                return SimpleNamespace(f_bavail=1 << 20, f_frsize=4096)
            asked.append(1)
            points.merge()
            return SimpleNamespace(f_bavail=0, f_frsize=4096)

        points.upsert(range(200), rows(200), [{"n": n} for n in range(200)])
        wait_until(lambda: is_sealed(points))
        monkeypatch.setattr(os, "fstatvfs", room)
        points.add_field("n", "integer")
        wait_until(lambda: "make room" in points.info().activity.last_error)
        other = db.create_collection("other", vicinal.Dense(DIM))
        other.upsert(range(200), rows(200))
        wait_until(lambda: is_sealed(other))


def test_a_file_system_that_is_full(tmp_path: Path) -> None:
    """The same with a real one, where the system lets us mount it."""
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if unshare is None or mount is None:
        pytest.skip("there is no unshare or no mount here")
    own = [unshare, "--mount", "--map-root-user"]
    mounted = f'{mount} -t tmpfs -o size=48m small "$0" && exec "$@"'
    command = [*own, "sh", "-c", mounted, str(tmp_path)]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system is not allowed here")
    script = Path(__file__).with_name("full_disk_script.py")
    done = subprocess.run(
        [*command, sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr


def is_sealed(points: vicinal.Collection) -> bool:
    return "growing" not in {segment.uuid for segment in points.info().segments}
