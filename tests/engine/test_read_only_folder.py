"""Reading a database that this user may not write: it works, and no writer can pull the pages away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.server.service.access.key_store import KeyStore

# Another user if this one is root, for whom no permission counts.
READER = """
    import os, sys
    import numpy as np
    import vicinal

    path = sys.argv[1]
    with vicinal.open(path, read_only=True) as db:
        db.collection("points").search(np.ones(4), 3)
    print("loaded", flush=True)
    sys.stdin.readline()
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    for line in sys.stdin:
        try:
            db = vicinal.open(path, read_only=True)
            points = db.collection("points")
            print(points.count(), len(points.search(np.ones(4), 3)), db.info().points, flush=True)
            sys.stdin.readline()
            db.close()
            del db, points
            print("closed", flush=True)
        except vicinal.VicinalError as error:
            print(f"{type(error).__name__}: {error}", flush=True)
    """


class Reader:
    """A process that may read and not write."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", textwrap.dedent(READER), str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.next() == "loaded"

    def say(self) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.next()

    def next(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@pytest.fixture
def folder() -> Iterator[Path]:
    # Where pytest keeps its folders, another user may not look.
    parent = Path(tempfile.mkdtemp())
    parent.chmod(0o755)
    with vicinal.open(parent / "db") as db:
        points = db.create_collection("points", vicinal.Dense(4))
        points.upsert(range(300), np.random.default_rng(0).standard_normal((300, 4)))
        points.flush()
        points.upsert([300], np.ones((1, 4)))
    yield parent / "db"
    permit(parent / "db", True)
    shutil.rmtree(parent)


def permit(folder: Path, write: bool) -> None:
    """Give or take the permission to write, for whom it counts."""
    if os.getuid() == 0:
        return
    for path in [folder, *folder.rglob("*")]:
        mode = 0o755 if path.is_dir() else 0o644
        path.chmod(mode if write else mode & 0o555)


def test_a_folder_that_may_not_be_written_can_be_read(folder: Path) -> None:
    reader = Reader(folder)
    permit(folder, False)
    reader.start()
    try:
        assert reader.say() == "301 3 301"
        permit(folder, True)
        for write in (lambda: vicinal.open(folder), lambda: KeyStore(folder)):
            with pytest.raises(vicinal.LockedByAnotherProcess, match="read by a process without write"):
                write()
        with vicinal.open(folder, read_only=True) as db:
            assert db.collection("points").count() == 301
        assert reader.say() == "closed"
        with vicinal.open(folder) as db:
            db.collection("points").upsert([301], np.ones((1, 4)))
            permit(folder, False)
            said = reader.say()
            assert said.startswith("FailedPrecondition")
            assert "a writer has it open" in said
            permit(folder, True)
        permit(folder, False)
        assert reader.say() == "302 3 302"
        assert reader.say() == "closed"
        permit(folder, True)
        (folder / "LOCK").unlink()
        permit(folder, False)
        assert "make an empty one" in reader.say()
    finally:
        reader.process.communicate()
