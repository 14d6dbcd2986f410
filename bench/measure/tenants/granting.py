"""What it costs to grant points to a tenant, to take them back, and to search with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import Floats
from .owners import Owners

if TYPE_CHECKING:
    from ....engine.collection import Collection
    from ..measurement import Record

_SINGLE_CALLS = 50


def grant_record(
    collection: Collection, owners: Owners, queries: Floats, *, grants: int, k: int, repetitions: int
) -> Record:
    """Grant points of the largest tenant to one of middle size, and take them back; return what that took.

    Calls for one point each wait for the disk and are timed by the clock, all else by the processor.
    """
    owner, grantee = owners.names[0], owners.names[len(owners.names) // 2]
    ids: list[int] = owners.rows[0][:grants].tolist()
    tenants = collection.tenants

    def searched() -> float:
        return _least_us(lambda: collection.search(queries[0], k, tenant=grantee).ids, repetitions)

    before = searched()
    bulk = _us(lambda: tenants.grant(ids, tenant=owner, to=grantee))
    first = _us(lambda: collection.search(queries[0], k, tenant=grantee).ids)
    after = searched()
    back = _us(lambda: tenants.revoke(ids, tenant=owner, to=grantee))
    single = ids[:_SINGLE_CALLS]
    granting = _seconds(lambda: [tenants.grant([one], tenant=owner, to=grantee) for one in single])
    revoking = _seconds(lambda: [tenants.revoke([one], tenant=owner, to=grantee) for one in single])
    return {
        "grants": len(ids),
        "grant_us": round(bulk / len(ids), 2),
        "revoke_us": round(back / len(ids), 2),
        "grant_calls_per_second": round(len(single) / granting, 1),
        "revoke_calls_per_second": round(len(single) / revoking, 1),
        "search_us": round(before, 1),
        "first_search_granted_us": round(first, 1),
        "search_granted_us": round(after, 1),
    }


def _us(call: Callable[[], object]) -> float:
    start = time.process_time_ns()
    call()
    return (time.process_time_ns() - start) / 1e3


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _least_us(call: Callable[[], NDArray[np.uint64]], repetitions: int) -> float:
    call()
    return min(_us(call) for _ in range(repetitions))
