"""Sequence numbers for callers who may not learn how many writes others make.

A sequence number counts the writes of a whole collection. Who is bound to a tenant gets it through a keyed
permutation: it can be given back, as the cursor of a scroll is, and says nothing of order or distance.
"""

from __future__ import annotations

import hashlib
import struct

from ....engine.errors import InvalidArgument

LARGEST = 2**63 - 1
_HIGH_BITS, _LOW_BITS = 31, 32
_HIGH, _LOW = 2**_HIGH_BITS - 1, 2**_LOW_BITS - 1
# Four are enough in theory for halves that nobody can enumerate; these are small.
_ROUNDS = 8
_WORD = struct.Struct("<BI")


class SealedNumbers:
    """A permutation of the numbers below 2**63 for each scope: a Feistel network of keyed hashes.

    Parameters
    ----------
    secret : bytes
        16 to 64 bytes; the same secret opens what it sealed.
    """

    def __init__(self, secret: bytes) -> None:
        if not 16 <= len(secret) <= 64:
            raise ValueError(f"a secret has 16 to 64 bytes, this one has {len(secret)}")
        self._secret = secret

    def seal(self, number: int, scope: str) -> int:
        """Return what a caller is told instead of a number.

        Parameters
        ----------
        number : int
            0 to 2**63 - 1.
        scope : str
            What the number belongs to, such as collection and tenant: what a number is sealed as in one scope
            says nothing of another.
        """
        if not 0 <= number <= LARGEST:
            raise ValueError(f"{number} is not between 0 and 2**63 - 1")
        keyed = self._keyed(scope)
        high, low = number >> _LOW_BITS, number & _LOW
        for step in range(0, _ROUNDS, 2):
            high ^= _mixed(keyed, step, low) & _HIGH
            low ^= _mixed(keyed, step + 1, high)
        return _joined(high, low)

    def open(self, sealed: int, scope: str) -> int:
        """Return the number that was sealed in a scope.

        Any number below 2**63 opens to some number: one that was not sealed here opens to one that, most
        likely, is far beyond every sequence number there is.

        Raises
        ------
        InvalidArgument
            Nothing is sealed as this.
        """
        if not 0 <= sealed <= LARGEST:
            raise InvalidArgument(
                f"after is {sealed}, which no page gave; pass `next` of the page before", field="after"
            )
        keyed = self._keyed(scope)
        high, low = sealed >> _LOW_BITS, sealed & _LOW
        for step in range(_ROUNDS - 2, -1, -2):
            low ^= _mixed(keyed, step + 1, high)
            high ^= _mixed(keyed, step, low) & _HIGH
        return _joined(high, low)

    def _keyed(self, scope: str) -> hashlib.blake2b:
        keyed = hashlib.blake2b(digest_size=_LOW_BITS // 8, key=self._secret)
        encoded = scope.encode()
        keyed.update(encoded)
        return keyed


def _joined(high: int, low: int) -> int:
    return high << _LOW_BITS | low


def _mixed(keyed: hashlib.blake2b, step: int, half: int) -> int:
    """Return 32 bits that depend on the secret, the scope, the round and one half of the number."""
    fresh = keyed.copy()
    fresh.update(_WORD.pack(step, half))
    return int.from_bytes(fresh.digest(), "little")
