"""The last look at whose rows were found."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import vicinal
from vicinal.engine.search.ownership import check_owned
from vicinal.engine.segments.snapshot import Snapshot, place

ADA, BEN = 1, 2


@pytest.fixture
def snapshot() -> Iterator[Snapshot]:
    """Rows 0 to 4 of ada and 5 to 9 of ben in a segment, and the other way round growing."""
    policy = vicinal.MergePolicySettings(quiet_seconds=1e9)
    with vicinal.open(":memory:", merge_policy=policy) as db:
        rooms = db.create_collection("rooms", vicinal.Dense(4), partitioned=True)
        vectors = np.ones((5, 4), np.float32)
        rooms.upsert(range(5), vectors, tenant="ada")
        rooms.upsert(range(5), vectors, tenant="ben")
        rooms.flush()
        rooms.upsert(range(5, 10), vectors, tenant="ben")
        rooms.upsert(range(5, 10), vectors, tenant="ada")
        yield rooms._state.snapshot


@pytest.mark.parametrize("view", [0, 1])
def test_a_row_of_another_is_not_given_out(snapshot: Snapshot, view: int) -> None:
    owners = [ADA, BEN] if view == 0 else [BEN, ADA]
    for row in range(10):
        owner = owners[row // 5]
        for own in (np.array([[2, -1]]), np.array([[-1, -1]])):
            mine = np.where(own >= 0, place(view, np.array([5 * owners.index(owner)])), -1)
            places = np.concatenate([mine, place(view, np.array([[row]]))], axis=1)
            check_owned(snapshot, owner, places)
            with pytest.raises(vicinal.Corruption, match="not the tenant's"):
                check_owned(snapshot, ADA + BEN - owner, places)


def test_nothing_found_is_nobodys(snapshot: Snapshot) -> None:
    check_owned(snapshot, ADA, np.full((3, 2), -1))
    check_owned(snapshot, ADA, np.empty((0, 10), np.int64))
    check_owned(snapshot, None, np.array([[0, 7]]))
