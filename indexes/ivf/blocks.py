"""Codes of lists in blocks of 32 rows, which kernels look up by nibble."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.protocol import Codec, Coded, InNibbles
from ..rows.addresses import address
from ..rows.dense import aligned

_ROWS_AT_ONCE = 1 << 16


def groups_of(codec: Codec) -> int:
    """Return how many nibbles a row of a codec has; 0 where kernels take codes row by row."""
    return codec.groups if isinstance(codec, InNibbles) else 0


def padded_groups(groups: int) -> int:
    """Return how many groups a block has."""
    from ..kernels.fast_scan import GROUPS_TOGETHER

    return -(-groups // GROUPS_TOGETHER) * GROUPS_TOGETHER


def block_starts(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of each list's first block, and how many blocks there are."""
    from ..kernels.fast_scan import BLOCK_ROWS

    return np.concatenate([np.zeros(1, np.int64), np.cumsum(-(-np.diff(offsets) // BLOCK_ROWS))])


def in_blocks(codec: Codec, coded: Coded, offsets: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return the codes of entries as arrays of blocks, bias and factors."""
    from ..kernels.fast_scan import BLOCK_ROWS, GROUP_BYTES, pack_blocks

    assert isinstance(codec, InNibbles)
    starts, groups = block_starts(offsets), padded_groups(codec.groups)
    blocks = aligned((int(starts[-1]), groups * GROUP_BYTES), np.uint8)
    first = 0
    while first < len(offsets) - 1:
        # Whole lists, of about so many rows.
        until = int(np.searchsorted(offsets, offsets[first] + _ROWS_AT_ONCE, "right")) - 1
        until = min(max(until, first + 1), len(offsets) - 1)
        rows = slice(int(offsets[first]), int(offsets[until]))
        part = Coded(coded.codes[rows], coded.bias[rows], coded.factors[rows])
        begins = np.ascontiguousarray(offsets[first : until + 1] - offsets[first])
        at = address(blocks) + np.uint64(int(starts[first]) * groups * GROUP_BYTES)
        pack_blocks(codec.nibbles(part), address(begins), until - first, at, groups)
        first = until
    unit = np.float32(codec.record(coded)["bias_unit"][0])
    arrays: dict[str, NDArray[Any]] = {"blocks": blocks}
    for name, array, scale in (("bias", coded.bias, unit), ("factors", coded.factors, np.float32(1))):
        if len(array):
            # A block's worth behind the last, as kernels read whole blocks.
            arrays[name] = aligned((len(array) + BLOCK_ROWS,), np.float32)
            arrays[name][: len(array)] = array * scale
    return arrays
