"""A creation that is cut anywhere leaves nothing or a database: the next open completes it or begins anew."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import vicinal
from vicinal.storage.verify.folder_check import check_folder

# Creates databases in children that end themselves at the first, the second, ... step that changes a folder
# or makes it last, until one comes to the end. Each folder but the last meets a second such child.
CREATE = """
    import os, shutil, signal, sys
    from vicinal.engine.database import open
    from vicinal.storage import durable

    def ending_before(module, name, left):
        original = getattr(module, name)
        def call(*arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)
        setattr(module, name, call)

    def came_to_the_end(folder, steps):
        pid = os.fork()
        if not pid:
            left = [steps]
            for name in ("commit", "fsync_file", "fsync_folder", "rename"):
                ending_before(durable, name, left)
            for name in ("mkdir", "pwrite", "ftruncate", "unlink", "rmdir"):
                ending_before(os, name, left)
            open(folder)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status in (0, signal.SIGKILL), status
        return status == 0

    steps = 0
    while not came_to_the_end(f"{sys.argv[1]}/{steps}/films", steps):
        came_to_the_end(f"{sys.argv[1]}/{steps}/films", steps // 2)
        steps += 1
    print(steps)
    """


def test_a_creation_that_is_killed_at_any_step_can_be_completed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(CREATE), str(tmp_path)]
    steps = int(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60).stdout)
    assert steps > 10
    for step in range(steps + 1):
        folder = tmp_path / str(step) / "films"
        with vicinal.open(folder) as db:
            db.create_collection("points", vicinal.Dense(2)).upsert([1], [[1.0, 2.0]])
        with vicinal.open(folder) as db:
            assert db.collection("points").count() == 1
        names = sorted(path.name for path in folder.iterdir())
        assert names == ["LOCK", "catalog", "quarantine", "segments", "tmp"]
        assert list((folder / "tmp").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\0" * 8192, b"what was cut" * 1000])
def test_a_catalog_that_was_cut_while_it_was_made_is_made_anew(tmp_path: Path, content: bytes) -> None:
    staged = tmp_path / "tmp" / "catalog"
    staged.mkdir(parents=True)
    (tmp_path / "catalog").mkdir()
    (staged / "data.mdb").write_bytes(content)
    (staged / "lock.mdb").write_bytes(content)
    with vicinal.open(tmp_path) as db:
        assert db.collections() == []
    assert check_folder(tmp_path) == []
