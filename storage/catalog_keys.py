"""Whether every key of a catalog is one that somebody will read.

A value is checked against its key when it is read; a key that was damaged so that nobody reads it would take
its value along unnoticed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .envelope import unseal
from .errors import CorruptionError
from .keys import Kind
from .lmdb_structure import Entries

_COLLECTION_BYTES = 5
# The shortest and the longest key of each kind.
_LENGTHS = {
    Kind.META: (1, 1),
    Kind.COLLECTION: (5, 5),
    Kind.TENANT: (6, 260),
    Kind.LOG: (13, 13),
    Kind.TOMBSTONES: (15, 15),
    Kind.MANIFEST: (21, 21),
    Kind.STATE: (5, 5),
    Kind.CALIBRATION: (22, 276),
    Kind.CALIBRATION_QUERIES: (6, 260),
    Kind.API_KEY: (2, 256),
}
# Opening a database reads all values of the other kinds.
_READ_BY_NAME = (Kind.META, Kind.STATE, Kind.CALIBRATION, Kind.CALIBRATION_QUERIES, Kind.API_KEY)
_OF_NO_COLLECTION = (Kind.META, Kind.COLLECTION, Kind.API_KEY)


def check_keys(memory: NDArray[np.uint8], entries: Entries, path: str) -> None:
    """Raise CorruptionError when a key is of no kind or of no collection, or is not its value's own.

    The last is looked at here for what is only read by name, and left to the reader where all is read.
    """
    kinds = memory[entries.key_at]
    if Kind.META not in kinds:
        # Whoever opens it says that it is no catalog.
        return
    shortest, longest = np.full(256, 512), np.full(256, -1)
    for kind, (least, most) in _LENGTHS.items():
        shortest[kind], longest[kind] = least, most
    sizes = entries.key_bytes
    _demand((sizes >= shortest[kinds]) & (sizes <= longest[kinds]), entries, path)
    owned = ~np.isin(kinds, _OF_NO_COLLECTION)
    numbers = np.zeros(len(kinds), np.int64)
    for at in range(1, _COLLECTION_BYTES):
        longer = sizes > at
        numbers[longer] = numbers[longer] << 8 | memory[entries.key_at[longer] + at]
    known = numbers[kinds == Kind.COLLECTION]
    _demand(~owned | np.isin(numbers, known), entries, path)
    for i in np.flatnonzero(np.isin(kinds, _READ_BY_NAME)).tolist():
        key = memory[entries.key_at[i] : entries.key_at[i] + sizes[i]].tobytes()
        start = entries.value_at[i]
        unseal(key, memory[start : start + entries.value_bytes[i]].data, path=path)


def _demand(sound: NDArray[np.bool_], entries: Entries, path: str) -> None:
    if not sound.all():
        at = int(entries.key_at[np.argmin(sound)])
        raise CorruptionError(path, f"the key at {at} is none that a catalog of these collections has")
