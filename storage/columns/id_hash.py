"""64-bit hashes of point ids: part of the format, so the same in every process and release."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Odd, so that no two tenants have the same product: the 64-bit factor of PCG generators.
_TENANT_FACTOR = np.uint64(6364136223846793005)


def number_hashes(numbers: NDArray[np.uint64]) -> Hashes:
    """Return the SplitMix64 finaliser of each number.

    References
    ----------
    Steele, Lea, Flood: Fast splittable pseudorandom number generators. OOPSLA 2014, figure 16.
    """
    # Array arithmetic in uint64 wraps round, as the algorithm wants.
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def text_hashes(text: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Hashes:
    """Return the 8-byte BLAKE2b digest, read little endian, of each run ``text[start:stop]``.

    Cryptographic, because callers choose the texts and every pair of equal hashes costs a comparison.
    """
    view = text.data
    digests = b"".join(
        [
            blake2b(view[start:stop], digest_size=8).digest()
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
        ]
    )
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def with_tenants(hashes: Hashes, tenants: NDArray[np.uint32]) -> Hashes:
    """Return hashes that differ between tenants for the same id."""
    # Not the finaliser again: the id that equals the tenant's number would cancel it out.
    return number_hashes(hashes ^ ((tenants.astype(np.uint64) + np.uint64(1)) * _TENANT_FACTOR))
