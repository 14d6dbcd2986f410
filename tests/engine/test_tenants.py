"""Tenants stay apart, whatever was refused, reopened or followed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vicinal

DIM = 4


def rows(n: int) -> np.ndarray:
    return np.ones((n, DIM), np.float32)


def test_a_refused_upsert_gives_no_number_away(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        rooms = db.create_collection("rooms", vicinal.Dense(DIM), partitioned=True)
        with pytest.raises(vicinal.InvalidArgument):
            rooms.upsert([1], np.ones((1, DIM + 1)), tenant="typo")
        rooms.upsert([1], rows(1), [{"of": "bob"}], tenant="bob")
    with vicinal.open(tmp_path / "db") as db:
        rooms = db.collection("rooms")
        rooms.upsert([2], rows(1), tenant="mallory")
        assert rooms.get([1], tenant="mallory") == [None]
        assert rooms.delete([1], tenant="mallory") == 0
        assert [hit.id for hit in rooms.search(rows(1)[0], tenant="bob")] == [1]


def test_a_follower_gives_no_numbers(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        rooms = db.create_collection("rooms", vicinal.Dense(DIM), partitioned=True)
        with vicinal.open(tmp_path / "db", read_only=True) as reader:
            followed = reader.collection("rooms")
            with pytest.raises(vicinal.ReadOnly):
                followed.upsert([1], rows(1), tenant="evil")
            rooms.upsert([1], rows(1), tenant="victim")
            assert followed.get([1], tenant="evil") == [None]
            assert followed.count(tenant="victim") == 1


def test_the_first_read_of_a_new_tenant_sees_its_first_write(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        rooms = db.create_collection("rooms", vicinal.Dense(DIM), partitioned=True)
        with vicinal.open(tmp_path / "db", read_only=True) as reader:
            followed = reader.collection("rooms")
            for number, tenant in enumerate(("ada", "bob", "eve")):
                rooms.upsert([number], rows(1), tenant=tenant)
                assert followed.count(tenant=tenant) == 1


@pytest.mark.parametrize("tenant", ["", "x" * 256, "\ud800", 5, None])
def test_what_is_no_tenant_is_refused(tenant: object) -> None:
    with vicinal.open(":memory:") as db:
        rooms = db.create_collection("rooms", vicinal.Dense(DIM), partitioned=True)
        with pytest.raises(vicinal.InvalidArgument, match="every call names a tenant"):
            rooms.count(tenant=tenant)  # type: ignore[arg-type]
