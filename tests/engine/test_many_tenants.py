"""What many tenants cost: lines that run, calls and bytes are counted, time never is."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counted_steps import steps

import vicinal
from vicinal import Dense, F
from vicinal.engine.tenants.tenant import writing_tenant
from vicinal.engine.tenants.tenant_quota import TenantQuota
from vicinal.engine.writing.point_operations import upsert
from vicinal.engine.writing.tenant_operations import CreateTenants, SetQuota
from vicinal.engine.writing.writer import Operation
from vicinal.storage.columns.batch import Batch
from vicinal.storage.columns.ids import IdColumn
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.columns.vectors import DenseColumn

DIM = 4
QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9)
ROW = np.ones((1, DIM), np.float32)


def named(n: int) -> list[str]:
    return [f"tenant-{number:05}" for number in range(n)]


def apply(rooms: vicinal.Collection, operation: Operation[Any]) -> None:
    """Do what the writer's thread does with one operation, in this thread."""
    state = rooms._state
    catalog = state.tenants._catalog
    with catalog.write() as txn:
        operation.apply(catalog, txn)
    state.publish()


def test_a_write_takes_as_many_steps_beside_20_000_tenants_as_beside_ten() -> None:
    def of(n: int) -> list[int]:
        with vicinal.open(":memory:", merge_policy=QUIET) as db:
            rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
            rooms.tenants.create(named(n))
            rooms.upsert([1], ROW, tenant="tenant-00003")
            state = rooms._state

            def write(tenant: str) -> None:
                owner = writing_tenant(state, tenant)
                batch = Batch(
                    ids=IdColumn.from_values([2]),
                    payloads=PayloadColumn.from_rows([{}], 1),
                    vectors={"vector": DenseColumn(ROW)},
                    tenants=np.array([owner.number], np.uint32),
                )
                apply(rooms, upsert(state, state.schema, owner, batch))

            # What is looked up or made at a first call.
            write("tenant-00004")
            return [
                steps(lambda: write("tenant-00005")),
                steps(lambda: write("new")),
                steps(lambda: apply(rooms, CreateTenants(state, ["newer"]))),
                steps(lambda: apply(rooms, SetQuota(state, "newer", TenantQuota(points=1)))),
                steps(lambda: rooms.search(ROW[0], tenant="tenant-00003")),
                steps(lambda: rooms.count(filter=F("n") == 1, tenant="tenant-00003")),
                steps(lambda: rooms.count(tenant="nobody")),
                steps(lambda: rooms.tenants.stats("tenant-00003")),
            ]

    # What is compiled or imported at a first call.
    of(5)
    few, many = of(10), of(20_000)
    # The memory store finds its keys by bisection.
    assert many == pytest.approx(few, abs=40)


def test_a_tenant_costs_less_than_a_kibibyte(tmp_path: Path) -> None:
    n = 10_000
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        rooms.tenants.create("first")
        use = db.info().catalog_use
        assert use is not None
        tracemalloc.start()
        rooms.tenants.create(named(n))
        gc.collect()
        in_memory, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        used = db.info().catalog_use
        assert used is not None
        assert in_memory / n < 256
        assert (used.used_bytes - use.used_bytes) / n < 256


def test_opening_reads_each_name_once(tmp_path: Path) -> None:
    n = 2000
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        rooms.tenants.create(named(n))
        for tenant in ("tenant-00000", "tenant-01999"):
            rooms.upsert(range(20), np.repeat(ROW, 20, axis=0), tenant=tenant)
        rooms.flush()

    def first_count() -> int:
        with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
            rooms = db.collection("rooms")
            taken = steps(lambda: rooms.count(tenant="tenant-00000"))
            rooms.tenants.create([f"more-{number}" for number in range(n)])
            return taken

    first_count()
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        assert db.collection("rooms").info().tenants == 2 * n
        db.collection("rooms").tenants.drop([f"more-{number}" for number in range(n)])
    few, many = first_count(), first_count()
    assert (many - few) / n < 60


def test_a_tenants_rows_are_found_without_looking_at_those_of_others() -> None:
    with vicinal.open(":memory:", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        for tenant in named(200):
            rooms.upsert(range(50), np.repeat(ROW, 50, axis=0), tenant=tenant)
        rooms.flush()
        (view,) = rooms._state.snapshot.views
        tracemalloc.start()
        segment = view.segment  # type: ignore[attr-defined]  # all rows are sealed
        assert segment.tenant_range(7) == (300, 350)
        assert segment.tenant_range(9999) == (10_000, 10_000)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # The numbers of the rows, converted, would be 80,000 bytes.
        assert most < 4096


def test_a_search_of_a_small_tenant_is_planned_once_whoever_searches_in_between() -> None:
    with vicinal.open(":memory:", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        names = named(300)
        for tenant in names:
            rooms.upsert([1, 2], np.repeat(ROW, 2, axis=0), tenant=tenant)
        rooms.flush()

        def search(tenant: str) -> int:
            return steps(lambda: rooms.search(ROW[0], tenant=tenant))

        search(names[0])
        again = search(names[0])
        for tenant in names:
            rooms.search(ROW[0], tenant=tenant)
        assert search(names[0]) == again
        assert rooms.search(ROW[0], tenant=names[7]).ids.tolist() == [1, 2]


def test_a_segment_without_a_row_of_the_tenant_takes_few_steps_of_a_search() -> None:
    def of(others: int) -> tuple[int, int]:
        with vicinal.open(":memory:", merge_policy=QUIET) as db:
            rooms = db.create_collection("rooms", Dense(DIM, index=vicinal.Flat()), partitioned=True)
            for number in range(1 + others):
                rooms.upsert([1], ROW, tenant=f"tenant-{number}")
                rooms.flush()

            def search() -> object:
                return rooms.search(ROW[0], tenant="tenant-0").ids

            # What is kept of plans is made by the first.
            for _ in range(3):
                assert search().tolist() == [1]  # type: ignore[attr-defined]  # an array
            return steps(search), len(rooms.info().segments)

    (alone, one), (few, two), (many, several) = of(0), of(1), of(7)
    assert one == 1
    assert several - two >= 3
    # A query alone goes a way of its own where one segment has all of the tenant, among several too.
    assert few - alone < 60
    assert (many - few) / (several - two) < 18
