"""Damage in a segment: found when it is read where that is cheap, else soon after, and never built on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal import F
from vicinal.storage.segments import check as segment_check
from vicinal.storage.segments.file import SegmentFile

ROWS = 3000
VECTORS = np.random.default_rng(0).standard_normal((ROWS, 32)).astype(np.float32)
QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)
READS: list[Callable[[vicinal.Collection], object]] = [
    lambda points: points.count(),
    lambda points: points.search(VECTORS[0], k=1, exact=True),
    lambda points: points.get([1]),
    lambda points: points.info(),
]
WRITES: list[Callable[[vicinal.Collection], object]] = [
    lambda points: points.upsert([1], VECTORS[:1]),
    lambda points: points.delete([1]),
    lambda points: points.merge(),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "db"
    with vicinal.open(folder, merge_policy=QUIET) as db:
        points = db.create_collection("points", vicinal.Dense(32), fields={"word": "keyword"})
        points.upsert(range(ROWS), VECTORS, [{"word": f"w{i % 50}"} for i in range(ROWS)])
        points.flush()
    return folder


def flip(folder: Path, content: bytes) -> Path:
    (path,) = (folder / "segments").iterdir()
    raw = bytearray(path.read_bytes())
    raw[raw.index(content) + len(content) // 2] ^= 4
    path.write_bytes(raw)
    return path


def wait_for_checks() -> None:
    for thread in threading.enumerate():
        if thread.name == "vicinal-verify":
            thread.join()


@pytest.mark.parametrize("read_only", [False, True])
def test_every_call_after_the_check_names_the_segment(folder: Path, read_only: bool) -> None:
    path = flip(folder, VECTORS[1234].tobytes())
    with vicinal.open(folder, read_only=read_only) as db:
        points = db.collection("points")
        # The first call begins the check, and may be done before it.
        with suppress(vicinal.Corruption):
            points.info()
        wait_for_checks()
        for call in READS if read_only else READS + WRITES:
            with pytest.raises(vicinal.Corruption, match=path.stem):
                call(points)
        if not read_only:
            db.drop_collection("points")
            assert db.create_collection("points", vicinal.Dense(32)).count() == 0


def test_a_sound_segment_is_read_once_a_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        with vicinal.open(folder) as db:
            assert db.collection("points").count() == ROWS
            wait_for_checks()
        monkeypatch.setattr(segment_check, "_problem", lambda mapping: "read again")


def test_a_merge_does_not_give_damage_new_checksums(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip(folder, VECTORS[1234].tobytes())
    # Nobody was there yet to verify it.
    monkeypatch.setattr(segment_check, "check_in_background", lambda mapping: None)
    with vicinal.open(folder, merge_policy=QUIET) as db:
        points = db.collection("points")
        points.delete([5])
        with pytest.raises(vicinal.Corruption, match=r"vector\.vector\.rows"):
            points.merge()
    assert len(list((folder / "segments").iterdir())) == 1


def test_a_damaged_key_is_an_error_and_not_a_value_nobody_has(folder: Path) -> None:
    flip(folder, b"\x04word=w17")
    with vicinal.open(folder, read_only=True) as db, pytest.raises(vicinal.Corruption):
        db.collection("points").count(filter=F("word") == "w17")


def test_a_missing_array_is_damage(folder: Path) -> None:
    flip(folder, b"asequence.order")
    with vicinal.open(folder) as db, pytest.raises(vicinal.Corruption):
        db.collection("points").count()


def test_an_index_that_leads_to_no_row_is_damage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vicinal.open(folder) as db:
        db.collection("points").wait_indexed()
    (path,) = (folder / "segments").iterdir()
    raw, links = bytearray(path.read_bytes()), SegmentFile.open(path).array("index.vector.links")
    # The highest byte of a link of 32 bits.
    raw[raw.index(links.tobytes()) + 3] ^= 128
    path.write_bytes(raw)
    monkeypatch.setattr(segment_check, "check_in_background", lambda mapping: None)
    with vicinal.open(folder, read_only=True) as db, pytest.raises(vicinal.Corruption, match=path.stem):
        db.collection("points").search(VECTORS[0])
