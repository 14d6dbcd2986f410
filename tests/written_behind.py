"""No kernel writes behind the arrays that indexes make for it: bytes there are looked at after each test."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vicinal.indexes.rows import dense
from vicinal.indexes.rows.addresses import address

_BEHIND = 1024
_UNTOUCHED = 0xA5
# An index that several tests search keeps what it writes to.
_made: list[tuple[weakref.ref[NDArray[Any]], int]] = []


def _with_bytes_behind(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    owner = np.zeros(dense.ROW_ALIGNMENT + size + _BEHIND, np.uint8)
    start = -int(address(owner)) % dense.ROW_ALIGNMENT
    owner[start + size :] = _UNTOUCHED
    _made.append((weakref.ref(owner), start + size))
    return owner[start : start + size].view(dtype).reshape(shape)


@pytest.fixture(autouse=True)
def nothing_is_written_behind_arrays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where bytes behind an array that an index made have changed."""
    aligned = dense.aligned
    for name, module in list(sys.modules.items()):
        if name.startswith("vicinal.indexes.") and getattr(module, "aligned", None) is aligned:
            monkeypatch.setattr(module, "aligned", _with_bytes_behind)
    yield
    alive = [(made, owner, end) for made, end in _made if (owner := made()) is not None]
    _made[:] = [(made, end) for made, _, end in alive]
    assert all((owner[end:] == _UNTOUCHED).all() for _, owner, end in alive)
