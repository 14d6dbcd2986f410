"""Fixed dimensional encodings by their definition, one row and one partition after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vicinal.indexes.muvera.encoding import Encoding
from vicinal.indexes.protocol import Arrays


def sides_of(partition: int, k_sim: int) -> NDArray[np.bool_]:
    """Return the sides of the hyperplanes that a partition lies on: the Gray code of its place."""
    gray = partition ^ (partition >> 1)
    return np.array([gray >> (k_sim - 1 - bit) & 1 for bit in range(k_sim)], np.bool_)


def projection(encoding: Encoding, dim: int, arrays: Arrays, repetition: int) -> NDArray[np.float64]:
    """Return the ``(dim, d_proj)`` projection of a repetition."""
    if encoding.d_proj >= dim:
        return np.eye(dim)
    own = slice(repetition * encoding.d_proj, (repetition + 1) * encoding.d_proj)
    signs = np.unpackbits(arrays["signs"][own], axis=1, count=dim)
    return np.where(signs.T == 1, 1.0, -1.0) / np.sqrt(encoding.d_proj)


def encoded(encoding: Encoding, arrays: Arrays, tokens: NDArray[Any], is_row: bool) -> NDArray[np.float64]:
    """Return the encoding of a row's or a query's tokens."""
    dim, k = tokens.shape[1], encoding.k_sim
    cells = []
    for repetition in range(encoding.repetitions):
        planes = arrays["planes"][repetition * k : (repetition + 1) * k]
        sides = tokens @ planes.T > 0
        projected = tokens.astype(np.float64) @ projection(encoding, dim, arrays, repetition)
        for partition in range(1 << k):
            differing = (sides != sides_of(partition, k)).sum(axis=1)
            members = projected[differing == 0]
            cell = np.zeros(projected.shape[1])
            if len(members):
                cell = members.mean(axis=0) if is_row else members.sum(axis=0)
            elif is_row and encoding.fill_empty and len(tokens):
                cell = projected[np.argmin(differing)]
            cells.append(cell)
    whole = np.concatenate(cells)
    if encoding.final_projection is None:
        return whole
    slots = arrays["slots"]
    sketch = np.zeros(encoding.final_projection)
    np.add.at(sketch, np.where(slots < 0, ~slots, slots), np.where(slots < 0, -whole, whole))
    return sketch
