"""How many calls are let in at a time, and whose: decided before a call has a thread."""

from __future__ import annotations

import threading

from .refusals import overloaded


class Arrivals:
    """Counts calls from when they are let in to their end, by key; refuses those beyond ``most``.

    A call that is let in takes a thread, whose work its refusal would then take turns with; refused here it
    takes neither. While others have calls, too, a key has its share of the places, and those that no other
    asks for; a key with less than its share finds ``spare`` places more. So of two keys the one that sends
    far more is refused first. Thread-safe.

    Parameters
    ----------
    most : int
    spare : int
        Places beyond, for keys that have fewer than their share.
    """

    def __init__(self, most: int, spare: int) -> None:
        self._most = most
        self._spare = spare
        self._silent = 0
        self._lock = threading.Lock()
        self._of_key: dict[str, int] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """Calls that were let in and have not ended."""
        return self._total

    @property
    def silent(self) -> int:
        """How many of them hold no place, as last told."""
        return self._silent

    def arrive(self, key_id: str) -> None:
        """Count a call; :meth:`end` must follow.

        Raises
        ------
        ResourceExhausted
            There are as many calls as there may be, of all keys or of this one beside others.
        """
        with self._lock:
            own = self._of_key.get(key_id, 0)
            if self._total >= self._most:
                self._check(self._total - self.silent, own, len(self._of_key) + (not own))
            self._of_key[key_id] = own + 1
            self._total += 1

    def set_silent(self, calls: int) -> None:
        """Say how many of them have let their message be waited for: those hold no place."""
        self._silent = calls

    def end(self, key_id: str) -> None:
        """Count a call as ended."""
        with self._lock:
            self._total -= 1
            own = self._of_key[key_id] - 1
            if own:
                self._of_key[key_id] = own
            else:
                del self._of_key[key_id]

    def _check(self, total: int, own: int, keys: int) -> None:
        """Refuse a call of a key that has ``own``, where ``keys`` keys, this one included, have ``total``."""
        most = self._most
        if keys > 1 and own * keys < most:
            most += self._spare
        if total >= most:
            raise overloaded(f"the server has {self._most} calls, the most of --max-calls")
