"""Whether every key of a catalog is one that somebody will read.

A value is checked against its key when it is read; a key that was damaged so that nobody reads it would take
its value along unnoticed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..catalog.envelope import OVERHEAD, unseal
from ..catalog.keys import KeyKind
from ..errors import CorruptionError
from ..lmdb_files.structure import Entries
from .span_crc32 import span_crc32

# The shortest and the longest key of each kind.
_LENGTHS = {
    KeyKind.META: (1, 1),
    KeyKind.COLLECTION: (5, 5),
    KeyKind.TENANT: (6, 260),
    KeyKind.LOG: (13, 13),
    KeyKind.TOMBSTONES: (15, 15),
    KeyKind.MANIFEST: (21, 21),
    KeyKind.STATE: (5, 5),
    KeyKind.CALIBRATION: (22, 276),
    KeyKind.CALIBRATION_QUERIES: (6, 260),
    KeyKind.API_KEY: (2, 256),
    KeyKind.ALIAS: (2, 256),
    KeyKind.VOCABULARY: (13, 13),
    KeyKind.TOKEN: (14, 268),
    KeyKind.TOKEN_TEXTS: (17, 17),
    KeyKind.QUERY_WEIGHTS: (13, 13),
    KeyKind.TENANT_QUOTA: (6, 260),
    KeyKind.GRANT: (11, 265),
}
# Bytes of a value that is an id.
_SHORT = 16
# By the first byte of a key.
_SHORTEST, _LONGEST = np.full(256, 512), np.full(256, -1)
_SHORTEST[list(_LENGTHS)], _LONGEST[list(_LENGTHS)] = np.transpose(list(_LENGTHS.values()))
# Opening a database reads all values of the other kinds, but the texts of tokens: one that is gone is missed.
_READ_BY_NAME = np.zeros(256, np.bool_)
_READ_BY_NAME[
    [
        KeyKind.META,
        KeyKind.STATE,
        KeyKind.CALIBRATION,
        KeyKind.CALIBRATION_QUERIES,
        KeyKind.API_KEY,
        KeyKind.ALIAS,
        KeyKind.VOCABULARY,
        KeyKind.TOKEN,
        KeyKind.QUERY_WEIGHTS,
    ]
] = True
_OF_A_COLLECTION = np.ones(256, np.bool_)
_OF_A_COLLECTION[[KeyKind.META, KeyKind.COLLECTION, KeyKind.API_KEY, KeyKind.ALIAS]] = False


def check_keys(memory: NDArray[np.uint8], entries: Entries, path: str) -> None:
    """Raise CorruptionError when a key is of no kind or of no collection, or is not its value's own.

    The last is looked at here for what is only read by name, and left to the reader where all is read.
    """
    kinds = memory[entries.key_at]
    if KeyKind.META.value not in kinds:
        # Whoever opens it says that it is no catalog.
        return
    sizes = entries.key_bytes
    _demand((sizes >= _SHORTEST[kinds]) & (sizes <= _LONGEST[kinds]), entries, path)
    owned = _OF_A_COLLECTION[kinds]
    owners = _numbers(memory, entries.key_at[owned])
    known = _numbers(memory, entries.key_at[kinds == KeyKind.COLLECTION.value])
    sound = np.ones(len(kinds), np.bool_)
    sound[owned] = np.isin(owners, known)
    _demand(sound, entries, path)
    chosen = _READ_BY_NAME[kinds]
    tokens = np.flatnonzero(kinds == KeyKind.TOKEN.value)
    chosen[tokens] = ~_are_sound(memory, entries, tokens)
    for i in np.flatnonzero(chosen).tolist():
        key = memory[entries.key_at[i] : entries.key_at[i] + sizes[i]].tobytes()
        start = entries.value_at[i]
        unseal(key, memory[start : start + entries.value_bytes[i]].data, path=path)


def _are_sound(memory: NDArray[np.uint8], entries: Entries, chosen: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return for many short entries whether `unseal` would take each of them."""
    sizes = entries.value_bytes[chosen] - OVERHEAD
    starts = entries.value_at[chosen]
    fits = (sizes >= 0) & (sizes <= _SHORT)
    at = np.where(fits, starts, 0)
    stored = memory[at[:, None] + np.arange(OVERHEAD)].view("<u4").reshape(-1)
    crc = span_crc32(memory, entries.key_at[chosen], entries.key_bytes[chosen])
    crc = span_crc32(memory, at + OVERHEAD, np.where(fits, sizes, 0), crc)
    sound: NDArray[np.bool_] = fits & (crc == stored)
    return sound


def _numbers(memory: NDArray[np.uint8], key_at: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the collection numbers in keys that have one."""
    numbers: NDArray[np.uint32] = memory[key_at[:, None] + np.arange(1, 5)].view(">u4").reshape(-1)
    return numbers


def _demand(sound: NDArray[np.bool_], entries: Entries, path: str) -> None:
    if not sound.all():
        at = int(entries.key_at[np.argmin(sound)])
        raise CorruptionError(path, f"the key at {at} is none that a catalog of these collections has")
