"""Segments that are made while others are let go of, when the file system gives inodes again."""

from __future__ import annotations

import threading
from pathlib import Path

import lmdb
import numpy as np
import pytest

from vicinal.storage.lmdb_files import segment_environment
from vicinal.storage.lmdb_files.segment_environment import open_environment
from vicinal.storage.segments.folder import SegmentFolder


def test_making_and_deleting_in_many_threads(tmp_path: Path) -> None:
    folder = SegmentFolder(tmp_path)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(40):
                uuid, writer = folder.new_writer()
                writer.put_array("a", np.arange(10))
                writer.finish()
                folder.publish(uuid)
                segment = folder.open(uuid)
                folder.remove(uuid)
                del segment
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []


def test_what_stays_open_is_an_error_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_environment, "_ATTEMPTS", 3)
    path = str(tmp_path / "a.mdb")
    with open_environment(path, map_size=1 << 20), pytest.raises(lmdb.Error, match="already open"):
        open_environment(path, map_size=1 << 20)
