"""Refusing a call before any of it ran: another try, later, is safe whatever the call was.

A caller sees the class from the engine that each is derived from, with the time after which to try again.
"""

from __future__ import annotations

from typing import ClassVar

from ....engine import errors
from ....engine.errors import ResourceExhausted, Unavailable, VicinalError

_OVERLOADED_SECONDS = 0.1
_NOT_READY_SECONDS = 0.5


class Refusal(VicinalError):
    """Nothing of the call was run.

    Attributes
    ----------
    word : str
        The reason, for counting.
    """

    word: ClassVar[str]


class Overloaded(errors.Overloaded, Refusal):
    """There is no room for the call now."""

    word = "overloaded"


class RateLimited(ResourceExhausted, Refusal):
    """The key, or the tenant, has made all the calls it may make for now."""

    word = "rate_limited"


class NotReady(Unavailable, Refusal):
    """The call came before the database was open, or after the server began to stop."""

    word = "not_ready"


def overloaded(why: str) -> Overloaded:
    """Return the error for a call that there is no room for now."""
    return Overloaded(f"{why}; try again shortly", retry_after=_OVERLOADED_SECONDS)


def rate_limited(calls_per_second: float, seconds: float, who: str = "key") -> RateLimited:
    """Return the error for a key, or a tenant, that makes too many calls."""
    return RateLimited(
        f"this {who} made more than {calls_per_second:g} calls a second; try again in {seconds:.3g} s",
        retry_after=seconds,
    )


def not_ready(why: str) -> NotReady:
    """Return the error for a call that came too early or too late."""
    return NotReady(f"{why}; try again shortly", retry_after=_NOT_READY_SECONDS)
