"""What closing leaves to the next process."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import vicinal

DIM = 4
# Nothing is sealed but at closing.
POLICY = vicinal.MergePolicySettings(quiet_seconds=1e9, seal_rows=100)


def write(folder: Path, n: int) -> None:
    with vicinal.open(folder, merge_policy=POLICY) as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"n": "integer"})
        vectors = np.random.default_rng(1).standard_normal((n + 1, DIM))
        points.upsert(range(n + 1), vectors, [{"n": i} for i in range(n + 1)])
        points.delete([n])


def check(db: vicinal.Database, n: int) -> vicinal.CollectionInfo:
    points = db.collection("points")
    assert points.count() == points.count(filter=vicinal.F("n") >= 0) == n
    assert sorted(points.search(np.ones(DIM), k=1000).ids.tolist()) == list(range(n))
    return points.info()


def test_many_growing_rows_are_sealed_without_an_index(tmp_path: Path) -> None:
    write(tmp_path / "db", 3000)
    with vicinal.open(tmp_path / "db", read_only=True) as db:
        (segment,) = db.collection("points").info().segments
        assert (segment.rows, segment.dead, segment.indexed) == (3000, 0, ())
        assert segment.bytes_disk > 0
        assert db.collection("points").count() == 3000


def test_few_growing_rows_stay_in_the_log(tmp_path: Path) -> None:
    write(tmp_path / "db", 98)
    with vicinal.open(tmp_path / "db", merge_policy=POLICY) as db:
        assert [segment.bytes_disk for segment in check(db, 98).segments] == [0]


def test_what_cannot_be_sealed_stays_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=POLICY) as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"n": "integer"})
        points.upsert(range(200), np.ones((200, DIM)), [{"n": i} for i in range(200)])
        (tmp_path / "db" / "tmp").rmdir()
        (tmp_path / "db" / "tmp").write_bytes(b"")
        with caplog.at_level(logging.WARNING, "vicinal.database"):
            db.close()
    assert "points: not sealed at closing" in caplog.text
    (tmp_path / "db" / "tmp").unlink()
    with vicinal.open(tmp_path / "db", merge_policy=POLICY) as db:
        assert check(db, 200).segments[0].bytes_disk == 0
