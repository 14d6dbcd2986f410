"""Addresses of arrays are those that NumPy says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vicinal.indexes.rows import addresses
from vicinal.indexes.rows.addresses import NOWHERE, address


def test_an_address_is_where_the_data_begins(tmp_path: Path) -> None:
    whole = np.arange(24, dtype=np.float32).reshape(4, 6)
    fixed = whole.view()
    fixed.flags.writeable = False
    mapped = np.memmap(tmp_path / "numbers", np.uint8, "w+", shape=(5000,))
    for array in (
        whole,
        whole[2:],
        whole[:, 3],
        fixed[1:],
        whole.astype(np.float16),
        np.empty((0, 4), np.int64),
        np.array(7),
        np.frombuffer(b"read only", np.uint8),
        mapped,
        mapped[4096:],
        np.zeros(2, [("a", np.uint64), ("b", np.int8)]),
    ):
        assert address(array) == np.uint64(array.ctypes.data)
        assert addresses._asked(array) == array.ctypes.data
    assert address(None) == NOWHERE


def test_kernels_get_it_as_an_unsigned_number() -> None:
    assert isinstance(address(np.empty(1)), np.uint64)
