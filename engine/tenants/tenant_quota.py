"""What a tenant may have, and what it has."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..errors import InvalidArgument

_MOST = 2**63 - 1
# A call in twelve days: what is less makes waits that no error can tell.
_LEAST_RATE, _MOST_RATE = 1e-6, 1e300


@dataclass(frozen=True, slots=True)
class TenantQuota:
    """What a tenant may have; None is all it likes.

    Attributes
    ----------
    points : int or None
    bytes : int or None
        Of its payloads and vectors, as :class:`TenantStats` has them.
    requests_per_second : float or None
        Calls that a server answers for it.
    """

    points: int | None = None
    bytes: int | None = None
    requests_per_second: float | None = None


UNLIMITED = TenantQuota()


@dataclass(frozen=True, slots=True)
class TenantStats:
    """What a tenant has.

    Attributes
    ----------
    name : str
    points : int
        Points that are alive.
    bytes : int
        What their payloads, as JSON, and their vectors, in the element of their field, take. Ids, postings
        and indexes are not counted, and a token is counted as a number of four bytes.
    segments : int
        Segments that have some of its points.
    quota : TenantQuota
        What it may have.
    """

    name: str
    points: int
    bytes: int
    segments: int
    quota: TenantQuota


def checked_quota(points: Any, bytes: Any, requests_per_second: Any) -> TenantQuota:
    """Return a quota that was asked for; InvalidArgument when it is none."""
    for field, value in (("points", points), ("bytes", bytes)):
        is_number = isinstance(value, Integral) and not isinstance(value, bool)
        if value is not None and not (is_number and 0 <= value <= _MOST):
            raise InvalidArgument(
                f"{field} is {value!r:.80}; expected a whole number from 0 to {_MOST}, or None for no limit",
                field=field,
            )
    rate = requests_per_second
    if rate is not None:
        # The bounds do not fit the smaller floats of NumPy. What is between them is no NaN.
        rate = float(rate) if isinstance(rate, np.floating) else rate
        is_number = isinstance(rate, Real) and not isinstance(rate, bool)
        if not is_number or not _LEAST_RATE <= rate <= _MOST_RATE:
            raise InvalidArgument(
                f"requests_per_second is {rate!r:.80}; expected a number, at least {_LEAST_RATE:f}, or None "
                "for no limit",
                field="requests_per_second",
            )
        rate = float(rate)
    return TenantQuota(None if points is None else int(points), None if bytes is None else int(bytes), rate)
