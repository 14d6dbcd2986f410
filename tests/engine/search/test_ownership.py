"""The last look at whose rows were found."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import vicinal
from vicinal.engine.filters.evaluation.scanning import ScanWork
from vicinal.engine.search.ownership import check_owned
from vicinal.engine.segments.snapshot import Snapshot, place
from vicinal.engine.tenants.grants import Grants

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


@pytest.mark.parametrize("view", [0, 1])
def test_a_row_of_another_is_given_out_where_its_point_was_granted(snapshot: Snapshot, view: int) -> None:
    granted = 2 + 5 * view
    other = Snapshot(
        snapshot.schema, snapshot.views, 99, snapshot.vocabularies, grants={BEN: Grants({granted: ADA})}
    )
    row = 2 + 5 * view
    check_owned(other, BEN, place(view, np.array([[row, 5 - 5 * view]])))
    for foreign in (1 + 5 * view, 3 + 5 * view):
        with pytest.raises(vicinal.Corruption, match="not the tenant's"):
            check_owned(other, BEN, place(view, np.array([[row, foreign]])))
    # Not for others, and not of another owner.
    wrong = {BEN: Grants({granted: 3}), 4: Grants({granted: ADA})}
    other = Snapshot(snapshot.schema, snapshot.views, 99, snapshot.vocabularies, grants=wrong)
    with pytest.raises(vicinal.Corruption, match="not the tenant's"):
        check_owned(other, BEN, place(view, np.array([[row]])))


@pytest.mark.parametrize("queries", [1, 2])
def test_a_search_of_the_only_segment_looks(queries: int) -> None:
    with vicinal.open(":memory:") as db:
        rooms = db.create_collection("rooms", vicinal.Dense(4), partitioned=True)
        for tenant in ("ada", "ben"):
            rooms.upsert(range(5), np.ones((5, 4), np.float32), tenant=tenant)
        asked = np.ones((queries, 4), np.float32) if queries > 1 else np.ones(4, np.float32)
        assert rooms.search(asked, tenant="ada")
        (view,) = rooms._state.snapshot.views
        (bens,) = view.allowed(None, BEN, ScanWork())
        view._kept.keep(None, ADA, view.dead, 5, bens)
        with pytest.raises(vicinal.Corruption, match="not the tenant's"):
            rooms.search(asked, tenant="ada")


def test_nothing_found_is_nobodys(snapshot: Snapshot) -> None:
    check_owned(snapshot, ADA, np.full((3, 2), -1))
    check_owned(snapshot, ADA, np.empty((0, 10), np.int64))
