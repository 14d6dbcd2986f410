"""Whether a write leaves a tenant within its quota."""

from __future__ import annotations

import numpy as np

from ...storage.columns.batch import Batch
from ..errors import QuotaExceeded
from ..segments.sizes import bytes_at, tenant_bytes
from ..state.collection_state import CollectionState
from ..tenants.tenant import NO_TENANT, Tenant
from ..vocabulary.token_columns import stored_bytes


def check_quota(state: CollectionState, name: str | None, owner: Tenant | None, batch: Batch) -> None:
    """Raise QuotaExceeded when a batch would give its tenant more than this may have.

    A point that is replaced is not one more, and what it took is not counted. Nothing is counted for those
    that may have all they like.
    """
    if name is None or not is_limited(state, name):
        return
    quota = state.tenants.written_quota(name)
    number = NO_TENANT if owner is None else owner.number
    pending = state.pending()
    replaced = pending.find(batch.ids.to_list(), number)
    replaced = replaced[replaced >= 0]
    if quota.points is not None:
        has, more = pending.n_owned(number), len(batch.ids) - len(replaced)
        # A tenant that has too much already, as a quota came later, may write what it has anew.
        if more > 0 and has + more > quota.points:
            raise QuotaExceeded(_words(name, "points", has, has + more, quota.points), field="tenant")
    if quota.bytes is not None:
        has, more = tenant_bytes(pending, number), _batch_bytes(batch) - bytes_at(pending, replaced)
        if more > 0 and has + more > quota.bytes:
            raise QuotaExceeded(_words(name, "bytes", has, has + more, quota.bytes), field="tenant")


def is_limited(state: CollectionState, name: str | None) -> bool:
    """Return whether a tenant may not have all the points and bytes it likes."""
    if name is None:
        return False
    quota = state.tenants.written_quota(name)
    return quota.points is not None or quota.bytes is not None


def _words(name: str, of: str, has: int, would_have: int, may_have: int) -> str:
    return (
        f"tenant {name!r} may have {may_have:,} {of}, has {has:,} and would have {would_have:,}; delete "
        "points, or have its quota raised with tenants.set_quota"
    )


def _batch_bytes(batch: Batch) -> int:
    payloads = int(batch.payloads.sizes(np.arange(len(batch.ids))).sum())
    return payloads + sum(map(stored_bytes, batch.vectors.values()))
