"""Points of sealed segments by id, also where ids of two tenants have one hash."""

from __future__ import annotations

from typing import Any

import numpy as np

import vicinal
from vicinal.storage.columns.ids import IdColumn

_WHOLE = 2**64 - 1
_TENANT_FACTOR = 6364136223846793005


def number_of(hashed: int) -> int:
    """Return the number of which this is the SplitMix64 finaliser, step by step backwards."""
    for shift, factor in ((31, 0x94D049BB133111EB), (27, 0xBF58476D1CE4E5B9), (30, 1)):
        undone = hashed
        for _ in range(3):
            undone = hashed ^ undone >> shift
        hashed = undone * pow(factor, -1, 2**64) & _WHOLE
    return (hashed - 0x9E3779B97F4A7C15) & _WHOLE


def colliding(point_id: int, here: int, there: int) -> int:
    """Return the id that has under the tenant ``there`` the hash that ``point_id`` has under ``here``."""
    hashed = int(IdColumn.from_values([point_id]).hashes()[0])
    return number_of(hashed ^ (here + 1) * _TENANT_FACTOR & _WHOLE ^ (there + 1) * _TENANT_FACTOR & _WHOLE)


def test_ids_of_one_hash_are_told_apart() -> None:
    with vicinal.open(":memory:") as db:
        rooms = db.create_collection("rooms", vicinal.Dense(1, metric="dot"), partitioned=True)
        rooms.upsert([7], [[1]], tenant="ada")
        rooms.upsert([1], [[2]], tenant="bob")
        ada, bob = (rooms._state.tenants.get(name) for name in ("ada", "bob"))
        assert ada is not None
        assert bob is not None
        twin = colliding(7, ada, bob)
        hashes = [
            int(IdColumn.from_values([point_id]).hashes(np.array([owner], np.uint32))[0])
            for point_id, owner in ((7, ada), (twin, bob))
        ]
        assert hashes[0] == hashes[1]
        rooms.upsert([twin], [[3]], tenant="bob")
        rooms.merge()
        for tenant, ids, scores in (
            ("ada", [7, twin], [1, np.nan]),
            ("bob", [7, twin, 1], [np.nan, 3, 2]),
        ):
            np.testing.assert_array_equal(rooms.score([1], ids, tenant=tenant), scores)


def test_ids_of_any_mixture_are_found() -> None:
    rng = np.random.default_rng(3)
    stored: list[Any] = [*range(40), *(f"t{i}" for i in range(40)), 2**64 - 1]
    for ids in (stored, stored[:40], stored[40:80]):
        with vicinal.open(":memory:") as db:
            points = db.create_collection("points", vicinal.Dense(1, metric="dot"))
            points.upsert(ids, np.arange(len(ids), dtype=np.float32)[:, None] + 1)
            points.flush()
            points.delete(ids[5:8])
            asked = [*rng.permutation(np.arange(60)).tolist(), *(f"t{i}" for i in range(60)), 2**64 - 1]
            alive = {point_id: place + 1 for place, point_id in enumerate(ids) if not 5 <= place < 8}
            expected = [alive.get(point_id, np.nan) for point_id in asked]
            np.testing.assert_array_equal(points.score([1], asked), expected)
            assert [p and p.id for p in points.get(asked)] == [i if i in alive else None for i in asked]
