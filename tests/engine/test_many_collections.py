"""What many collections and many tenants cost: work is counted, never timed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from waiting import wait_until

import vicinal
from vicinal.engine.maintenance.maintenance import Maintenance
from vicinal.engine.state.collection_state import CollectionState
from vicinal.storage.catalog.keys import KeyKind, kind
from vicinal.storage.lmdb_files.store import LmdbReadTransaction
from vicinal.storage.segments.folder import SegmentFolder

MANY = 40
ROW = np.ones((1, 4), np.float32)


class Reads:
    """The keys of the catalog that were read since :meth:`start`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.keys: list[bytes] = []
        get, scan = LmdbReadTransaction.get, LmdbReadTransaction.scan

        def counted_get(transaction: LmdbReadTransaction, key: bytes) -> bytes | None:
            self.keys.append(key)
            return get(transaction, key)

        def counted_scan(
            transaction: LmdbReadTransaction, start: bytes, stop: bytes
        ) -> Iterator[tuple[bytes, bytes]]:
            for key, value in scan(transaction, start, stop):
                self.keys.append(key)
                yield key, value

        patch.setattr(LmdbReadTransaction, "get", counted_get)
        patch.setattr(LmdbReadTransaction, "scan", counted_scan)

    def start(self) -> None:
        self.keys.clear()

    def count(self, *kinds: KeyKind) -> int:
        return sum(not kinds or kind(key) in kinds for key in self.keys)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def create(db: vicinal.Database, first: int, end: int) -> None:
    for number in range(first, end):
        db.create_collection(f"c{number}", vicinal.Dense(4)).upsert([1], ROW)


def test_creating_and_writing_read_as_much_beside_many_as_beside_none(tmp_path: Path, reads: Reads) -> None:
    with vicinal.open(tmp_path / "db") as db:
        create(db, 0, 1)
        counted = []
        for number in (1, MANY):
            create(db, number, number + 1)
            reads.start()
            one = db.create_collection(f"new{number}", vicinal.Dense(4))
            created = reads.count()
            one.upsert([1], ROW)
            counted.append((created, reads.count()))
            create(db, number + 1, MANY)
        assert counted[0] == counted[1]
        assert len(db.collections()) == MANY + 3


def test_background_work_looks_at_what_was_touched_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    work_on = Maintenance._work_on

    def told(maintenance: Maintenance, state: CollectionState) -> float | None:
        looked_at.append(state.name)
        return work_on(maintenance, state)

    monkeypatch.setattr(Maintenance, "_work_on", told)
    policy = vicinal.MergePolicySettings(quiet_seconds=0.0, seal_rows=20)
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        create(db, 0, MANY)
        wait_until(lambda: len(set(looked_at)) == MANY)
        looked_at.clear()
        points = db.collection("c0")
        points.upsert(range(100), np.ones((100, 4)))
        wait_until(lambda: "growing" not in {segment.uuid for segment in points.info().segments})
        assert set(looked_at) == {"c0"}


def test_opening_reads_records_and_what_is_used(
    tmp_path: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vicinal.open(tmp_path / "db") as db:
        create(db, 0, MANY)
        for name in db.collections():
            db.collection(name).flush()
        db.collection("c3").upsert([2], ROW)
    opened: list[str] = []
    open_segment = SegmentFolder.open

    def told(folder: SegmentFolder, uuid: str) -> object:
        opened.append(uuid)
        return open_segment(folder, uuid)

    monkeypatch.setattr(SegmentFolder, "open", told)
    for read_only in (False, True):
        opened.clear()
        reads.start()
        with vicinal.open(tmp_path / "db", read_only=read_only) as db:
            assert len(db.collections()) == MANY
            assert opened == []
            assert reads.count(KeyKind.LOG, KeyKind.TOMBSTONES, KeyKind.TENANT, KeyKind.STATE) == 0
            assert db.collection("c3").count() == 2
            assert len(opened) == 1
            assert reads.count(KeyKind.LOG) == 1
            # `info` shows every collection, used or not.
            assert db.info().points == MANY + 1
            assert len(opened) == MANY


def test_a_follower_reads_nothing_of_what_did_not_change(tmp_path: Path, reads: Reads) -> None:
    with vicinal.open(tmp_path / "db") as db:
        create(db, 0, MANY)
        with vicinal.open(tmp_path / "db", read_only=True) as follower:
            seen = [follower.collection(name) for name in follower.collections()]
            assert [one.count() for one in seen] == [1] * MANY
            db.collection("c1").upsert([2, 3], np.ones((2, 4)))
            reads.start()
            assert follower.collection("c0").count() == 1
            # Whether it is there, by name and then by its counters: no scan, and no other collection.
            assert reads.count() <= 3
            reads.start()
            assert follower.collection("c1").count() == 3
            assert reads.count() <= 6
            assert reads.count(KeyKind.LOG) == 1
            db.drop_collection("c1")
            create(db, MANY, MANY + 1)
            with pytest.raises(vicinal.NotFound):
                follower.collection("c1")
            assert follower.collection(f"c{MANY}").count() == 1


def test_tenants_are_read_once_and_new_ones_alone(tmp_path: Path, reads: Reads) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(4), partitioned=True)
        for number in range(MANY):
            points.upsert([1], ROW, tenant=f"t{number}")
        with vicinal.open(tmp_path / "db", read_only=True) as follower:
            seen = follower.collection("points")
            assert seen.count(tenant="t0") == 1
            reads.start()
            points.upsert([2], ROW, tenant="t0")
            assert seen.count(tenant="t0") == 2
            assert reads.count(KeyKind.TENANT) == 0
            points.upsert([1], ROW, tenant="new")
            reads.start()
            assert seen.count(tenant="new") == 1
            assert seen.count(tenant="new") == 1
            assert reads.count(KeyKind.TENANT) == 1
            assert seen.count(tenant="never wrote") == 0
            assert seen.info().tenants == MANY + 1


def test_a_collection_that_nobody_loaded_can_be_dropped(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        create(db, 0, 2)
        db.collection("c0").flush()
    with vicinal.open(tmp_path / "db") as db:
        db.drop_collection("c0")
        assert db.collections() == ["c1"]
    assert list((tmp_path / "db" / "segments").glob("*.seg")) == []
