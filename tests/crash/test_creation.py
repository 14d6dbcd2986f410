"""A creation that is cut anywhere leaves nothing or a database: the next open completes it or begins anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from killed_at_a_step import printed_by

import vicinal
from vicinal.storage.verify.folder_check import check_folder

# Creates databases in children that end themselves at the first, the second, ... step that changes a folder
# or makes it last, until one comes to the end. Each folder but the last meets a second such child.
CREATE = """
    import sys
    from killed_at_a_step import came_to_the_end
    from vicinal.engine.opening.opening import open

    def is_created(folder, steps):
        return came_to_the_end(
            lambda: open(folder),
            steps,
            ["commit", "fsync_file", "fsync_folder", "rename"],
            ["mkdir", "pwrite", "ftruncate", "unlink", "rmdir"],
        )

    steps = 0
    while not is_created(f"{sys.argv[1]}/{steps}/films", steps):
        is_created(f"{sys.argv[1]}/{steps}/films", steps // 2)
        steps += 1
    print(steps)
    """


def test_a_creation_that_is_killed_at_any_step_can_be_completed(tmp_path: Path) -> None:
    steps = int(printed_by(CREATE, tmp_path, timeout=60))
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
