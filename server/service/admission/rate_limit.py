"""How many calls a second each key may make, and each tenant."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Protocol

from ....engine.errors import InvalidArgument

# So many buckets are kept without looking which of them are full.
_FEW = 1024


class Buckets(Protocol):
    """Token buckets by name: each holds a second's worth of calls, or one where that is less. Thread-safe."""

    def take(self, name: Hashable, interval: float) -> float | None:
        """Take one call, which comes back after ``interval``; return None, or in how many seconds to come."""


class RateLimiter:
    """A token bucket for each key: it holds a second's worth of calls, and fills evenly. Thread-safe.

    Parameters
    ----------
    calls_per_second : float or None
        None lets everything pass.
    clock : callable
        Monotonic seconds.
    buckets : Buckets, optional
        Where they are kept: in this process, by ``clock``, when it is left out.

    Raises
    ------
    InvalidArgument
        A rate that lets nothing pass.
    """

    def __init__(
        self,
        calls_per_second: float | None,
        clock: Callable[[], float] = time.monotonic,
        buckets: Buckets | None = None,
    ) -> None:
        if calls_per_second is not None and not calls_per_second > 0:
            raise InvalidArgument(
                f"calls_per_second is {calls_per_second!r}; expected a number above 0, or None for no limit",
                field="calls_per_second",
            )
        self._interval = 0.0 if calls_per_second is None else 1.0 / calls_per_second
        self._buckets = buckets or OwnBuckets(clock)

    def take(self, key_id: str) -> float | None:
        """Take one call from a key's bucket; return None, or in how many seconds there will be one."""
        if not self._interval:
            return None
        return self._buckets.take(key_id, self._interval)


class TenantRates:
    """A token bucket for each tenant that may not call as often as it likes. Thread-safe.

    Parameters
    ----------
    clock, buckets
        As of :class:`RateLimiter`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, buckets: Buckets | None = None) -> None:
        self._buckets = buckets or OwnBuckets(clock)

    def take(self, collection: str, tenant: str, calls_per_second: float) -> float | None:
        """Take one call from a tenant's bucket; return None, or in how many seconds there will be one."""
        return self._buckets.take((collection, tenant), 1.0 / calls_per_second)


def let_pass(full_at: float, taken_at: float, now: float, interval: float) -> tuple[float | None, float]:
    """Take a call from a bucket that holds a second's worth of calls, or one where that is less.

    Parameters
    ----------
    full_at : float
        When it would be full again; ``now`` or before if it is.
    taken_at : float
        How long a call took to come back when it was last taken from.
    now : float
    interval : float
        How long a call takes to come back.

    Returns
    -------
    float or None
        In how many seconds there will be a call; None when one was taken.
    float
        When it would be full again now.
    """
    owed = max(0.0, full_at - now)
    if interval != taken_at:
        # Under another rate as many calls are owed for, but no more than a bucket holds.
        owed = min(owed * (interval / taken_at), max(1.0, interval))
    # What a bucket that is full lets pass beyond the first call is the rest of a second's worth.
    wait = owed - max(0.0, 1.0 - interval)
    # Sums of intervals are not exact; what is owed for by less than this is not worth a refusal.
    if wait > 1e-9:
        return wait, now + owed
    return None, now + owed + interval


class OwnBuckets:
    """The buckets of one process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # When each would be full again, and how long a call took to come back when it was taken.
        self._full_at: dict[Hashable, tuple[float, float]] = {}
        self._most = _FEW

    def take(self, name: Hashable, interval: float) -> float | None:
        """Take one call, as :class:`Buckets` says."""
        with self._lock:
            now = self._clock()
            full_at, taken_at = self._full_at.get(name, (now, interval))
            wait, full_at = let_pass(full_at, taken_at, now, interval)
            if wait is not None:
                return wait
            self._full_at[name] = full_at, interval
            if len(self._full_at) > self._most:
                # One that is full is as good as one that was never taken from.
                self._full_at = {other: kept for other, kept in self._full_at.items() if kept[0] > now}
                self._most = max(_FEW, 2 * len(self._full_at))
            return None
