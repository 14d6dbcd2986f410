"""Which failed attempts are repeated, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....engine.errors import InvalidArgument
from .call import CallFailed, Repeat

_MOST_RETRIES = 100
# Beyond it every pause is the longest, and the power would end as no number.
_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Repeats what does no harm when it is done twice, and what was not done at all. Pure functions.

    Attributes
    ----------
    retries : int
        How often one call is repeated at most.
    seconds : float or None
        How long one call is repeated from its first failure on, however often, instead.
    first_seconds, longest_seconds : float
        Pause before the first repetition, which doubles from one to the next; the longest.
    """

    retries: int = 4
    seconds: float | None = None
    first_seconds: float = 0.1
    longest_seconds: float = 5.0

    def pause(
        self,
        attempts: int,
        failed_for: float,
        failure: CallFailed,
        harmless: bool,
        chance: float,
        wait: float = 0.0,
    ) -> float | None:
        """Return the seconds to wait before the next attempt, None when there is to be none.

        Parameters
        ----------
        attempts : int
            How many failed, this one included.
        failed_for : float
            Seconds since the first of them failed.
        failure : CallFailed
        harmless : bool
            Whether the call may be done twice.
        chance : float
            From 0 to 1, drawn anew each time, so that clients that failed together do not come back together.
        wait : float
            Seconds to wait at least, whatever the server says.
        """
        if failure.repeat is Repeat.NEVER or (failure.repeat is Repeat.IF_HARMLESS and not harmless):
            return None
        hint = max(failure.error.retry_after or 0.0, wait)
        doublings = min(attempts - 1, _MOST_DOUBLINGS)
        backoff = min(self.longest_seconds, self.first_seconds * 2.0**doublings) * (0.5 + chance / 2)
        if self.seconds is None:
            return None if attempts > self.retries else hint + backoff
        # The last attempt is made when the time is over, and not a pause before.
        left = self.seconds - failed_for
        return None if left <= hint else min(hint + backoff, left)


def checked_retries(retries: Any) -> int:
    """Return a number of repetitions; InvalidArgument when it is none."""
    if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= _MOST_RETRIES:
        raise InvalidArgument(
            f"retries is {retries!r}; expected a whole number from 0 to {_MOST_RETRIES}", field="retries"
        )
    return retries
