"""A reader that was stopped makes the catalog grow: it is named, and what is free is given back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from killed_at_a_step import printed_by
from typer.testing import CliRunner

import vicinal
from vicinal.server.cli.app import app
from vicinal.storage.lmdb_files.store import LmdbStore
from vicinal.storage.verify.folder_check import check_folder

MEBIBYTE = 1 << 20
READER = """
    import os, signal, sys
    from vicinal.storage.lmdb_files.store import LmdbStore
    store = LmdbStore(sys.argv[1], read_only=True)
    with store.read() as txn:
        print("reading", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    """


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose catalog is 40 MiB and holds next to nothing."""
    folder = tmp_path_factory.mktemp("sparse") / "db"
    with vicinal.open(folder) as db:
        db.create_collection("points", vicinal.Dense(2)).upsert(range(100), [[1.0, 2.0]] * 100)
    store = LmdbStore(folder / "catalog")
    # Of no kind that a catalog has, so it must be gone before anybody looks.
    with store.write() as txn:
        txn.put(b"\xff", bytes(40 * MEBIBYTE))
    with store.write() as txn:
        txn.delete(b"\xff")
    store.close()
    return folder


@pytest.fixture
def sparse(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "db"))


def test_the_pages_of_the_log_are_given_back_at_closing(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((6_000, 1_024), dtype=np.float32)
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(1_024, index=vicinal.Flat()))
        for first in range(0, 6_000, 1_000):
            points.upsert(np.arange(first, first + 1_000), rows[first : first + 1_000])
        points.flush()
        assert size(tmp_path / "db") > rows.nbytes
        found = list(points.search(rows[7], k=5).ids)
    assert size(tmp_path / "db") < MEBIBYTE
    assert not list((tmp_path / "db" / "tmp").iterdir())
    with vicinal.open(tmp_path / "db") as db:
        assert list(db.collection("points").search(rows[7], k=5).ids) == found


def size(folder: Path) -> int:
    return (folder / "catalog" / "data.mdb").stat().st_size


def reader(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(READER), str(folder / "catalog")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "reading\n"
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    return child


def test_a_stopped_reader_is_named_and_the_room_given_back_when_it_is_gone(sparse: Path) -> None:
    child = reader(sparse)
    try:
        with vicinal.open(sparse) as db:
            # Somebody has it open, so the file stays the one that is read.
            assert size(sparse) > 40 * MEBIBYTE
            points = db.collection("points")
            for number in range(101):
                points.upsert([number], [[1.0, 2.0]])
            use = db.info().catalog_use
            assert use is not None
            assert use.reader == child.pid
            assert use.commits_behind == 101
            assert use.used_bytes < MEBIBYTE
            said = CliRunner().invoke(app, ["info", str(sparse)]).output
            assert f"process {child.pid} reads what was there 101 commits ago" in " ".join(said.split())
            os.kill(child.pid, signal.SIGCONT)
            child.wait()
            points.upsert([0], [[1.0, 2.0]])
            use = db.info().catalog_use
            assert use is not None
            assert (use.reader, use.commits_behind) == (None, 0)
    finally:
        child.kill()
        child.communicate()
    # Closing gave it back, as the reader was gone by then.
    assert size(sparse) < MEBIBYTE
    with vicinal.open(sparse) as db:
        assert db.collection("points").count() == 101
    assert check_folder(sparse) == []


def test_a_reader_in_this_process_keeps_the_room_until_it_is_gone(sparse: Path) -> None:
    with vicinal.open(sparse, read_only=True) as follower:
        with vicinal.open(sparse) as db:
            # The follower has the file open too.
            assert size(sparse) > 40 * MEBIBYTE
            assert db.collection("points").count() == 100
        assert size(sparse) > 40 * MEBIBYTE
        assert follower.collection("points").count() == 100
    with vicinal.open(sparse) as db:
        assert size(sparse) < MEBIBYTE
        points = db.collection("points")
        assert points.count() == 100
        points.upsert([200], [[1.0, 2.0]])
        with vicinal.open(sparse, read_only=True) as follower:
            assert follower.collection("points").count() == 101
    assert check_folder(sparse) == []


def test_a_compaction_that_is_killed_at_any_step_leaves_the_database(template: Path, tmp_path: Path) -> None:
    code = """
        import shutil, sys
        from killed_at_a_step import came_to_the_end
        from vicinal.engine.opening.opening import open

        steps, lasting = 0, ["fsync_file", "rename", "fsync_folder"]
        while True:
            folder = shutil.copytree(sys.argv[1], f"{sys.argv[2]}/{steps}")
            if came_to_the_end(
                lambda: open(folder), steps, lasting, ["mkdir", "chmod", "chown", "unlink", "rmdir"]
            ):
                break
            steps += 1
        print(steps)
        """
    steps = int(printed_by(code, template, tmp_path, timeout=120))
    assert steps > 5
    for step in range(steps + 1):
        with vicinal.open(tmp_path / str(step)) as db:
            assert db.collection("points").count() == 100
        assert size(tmp_path / str(step)) < MEBIBYTE
        assert list((tmp_path / str(step) / "tmp").iterdir()) == []


def test_a_compaction_without_room_leaves_the_catalog_as_it_is(
    sparse: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vicinal.storage.durable.fsync_file", full)
    with vicinal.open(sparse) as db:
        assert db.collection("points").count() == 100
    assert size(sparse) > 40 * MEBIBYTE
    assert "was not compacted" in caplog.text
    assert list((sparse / "tmp").iterdir()) == []
