"""UUIDs as NumPy compares them: texts of 16 bytes, in the order of numbers that are big endian."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .....storage.errors import CorruptionError

UUID: Final = np.dtype("S16")


def as_uuids(numbers: Iterable[Any]) -> NDArray[Any]:
    """Return numbers of 128 bits."""
    return np.array([number.to_bytes(16, "big") for number in numbers], UUID)


def uuid_bytes(uuids: NDArray[Any]) -> NDArray[np.uint8]:
    """Return them as they are stored, (m, 16)."""
    return uuids.view(np.uint8).reshape(-1, 16)


def stored_uuids(path: str, stored: NDArray[Any]) -> NDArray[Any]:
    """Return what was stored for a field.

    Raises
    ------
    CorruptionError
        When it is something else.
    """
    if stored.dtype != np.uint8 or stored.ndim != 2 or stored.shape[1] != 16:
        raise CorruptionError("segment", f"field {path!r} has uuids {stored.dtype} {stored.shape}")
    return np.ascontiguousarray(stored).view(UUID)[:, 0]
