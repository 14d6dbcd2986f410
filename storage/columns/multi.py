"""Several vectors a point: its tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError
from .element_matrix import element_matrix, named_arrays
from .ragged import Rows, checked_offsets, concat_offsets, row_numbers, slice_offsets, take_items


class MultiColumn:
    """Row i is ``offsets[i]`` to ``offsets[i + 1]`` of ``tokens``, (t, width) in the element type.

    Tokens of int8 have ``scales``, (t,) float32, which they are multiplied with; those of uint8 are packed
    signs. A caller sees either as floats.
    """

    __slots__ = ("offsets", "scales", "tokens")

    def __init__(
        self,
        offsets: NDArray[np.int64],
        tokens: NDArray[Any],
        scales: NDArray[np.float32] | None = None,
    ) -> None:
        self.offsets = offsets
        self.tokens = tokens
        self.scales = scales

    @property
    def kind(self) -> Literal["multi"]:
        """Always "multi"."""
        return "multi"

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(array.nbytes for array in self.arrays().values())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes, (n,)."""
        bytes_per_token = int(self.tokens.shape[1]) * self.tokens.itemsize
        if self.scales is not None:
            bytes_per_token += self.scales.itemsize
        return np.diff(self.offsets) * bytes_per_token + self.offsets.itemsize

    def row(self, row: int) -> NDArray[Any]:
        """Return the vectors of one row, (tokens, dim): a view where they are stored as floats."""
        return self.slice(row, row + 1).floats()

    def floats(self) -> NDArray[Any]:
        """Return all tokens as floats, in the type they are stored in if it is one: signs are 1 and -1."""
        if self.scales is not None:
            return self.tokens.astype(np.float32) * self.scales[:, None]
        if self.tokens.dtype == np.uint8:
            return np.unpackbits(self.tokens, axis=1).astype(np.float32) * 2 - 1
        return self.tokens

    def take(self, rows: Rows) -> Self:
        """Return the column of ``rows``, in that order."""
        positions, offsets = take_items(self.offsets, row_numbers(rows))
        return type(self)(offsets, self.tokens[positions], _part(self.scales, positions))

    def slice(self, start: int, stop: int) -> Self:
        """Return the column of rows ``start`` to ``stop``, over a view of the tokens."""
        part = slice(self.offsets[start], self.offsets[stop])
        offsets = slice_offsets(self.offsets, start, stop)
        return type(self)(offsets, self.tokens[part], _part(self.scales, part))

    @classmethod
    def concat(cls, columns: Sequence[Self]) -> Self:
        """Return one or more columns laid end to end."""
        scales = [column.scales for column in columns if column.scales is not None]
        return cls(
            concat_offsets([column.offsets for column in columns]),
            np.concatenate([column.tokens for column in columns]),
            np.concatenate(scales) if scales else None,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return ``offsets`` and ``tokens``, and ``scales`` where there are any."""
        arrays: dict[str, NDArray[Any]] = {"offsets": self.offsets, "tokens": self.tokens}
        return arrays if self.scales is None else arrays | {"scales": self.scales}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], source: str = "vectors") -> Self:
        """Return the column over these arrays; CorruptionError when they do not fit each other."""
        names = ("offsets", "tokens", "scales") if "scales" in arrays else ("offsets", "tokens")
        offsets, tokens, *rest = named_arrays(arrays, names, source)
        element_matrix(tokens, source)
        scales = rest[0] if rest else None
        if (scales is None) == (tokens.dtype == np.int8):
            raise CorruptionError(source, f"tokens of {tokens.dtype} come with scales, or int8 ones without")
        if scales is not None and (scales.dtype != np.float32 or scales.shape != (len(tokens),)):
            raise CorruptionError(
                source, f"scales are {scales.dtype} {scales.shape} for {len(tokens)} tokens"
            )
        return cls(checked_offsets(offsets, len(tokens), source), tokens, scales)


def _part(scales: NDArray[np.float32] | None, places: Any) -> NDArray[np.float32] | None:
    return None if scales is None else scales[places]
