"""Texts that are searched for, as queries of a field that has an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

# What a message has before each text.
_TEXT_OVERHEAD = 6


class TextColumn:
    """One text a row, as it was given. It is a column like any other but that it is never stored."""

    __slots__ = ("texts",)

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    @property
    def kind(self) -> Literal["texts"]:
        """Always "texts"."""
        return "texts"

    @property
    def nbytes(self) -> int:
        """Bytes of the texts in UTF-8."""
        return int(self.row_bytes().sum())

    def __len__(self) -> int:
        return len(self.texts)

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes, (n,)."""
        return np.array([len(text.encode()) + _TEXT_OVERHEAD for text in self.texts], np.int64)

    def row(self, row: int) -> str:
        """Return the text of one row."""
        return self.texts[row]

    def take(self, rows: Any) -> Self:
        """Return the column of ``rows``, in that order."""
        return type(self)([self.texts[row] for row in np.arange(len(self))[rows].tolist()])

    def slice(self, start: int, stop: int) -> Self:
        """Return the column of rows ``start`` to ``stop``."""
        return type(self)(self.texts[start:stop])

    @classmethod
    def concat(cls, columns: Sequence[Self]) -> Self:
        """Return one or more columns laid end to end."""
        return cls([text for column in columns for text in column.texts])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Refuse: what has arrays can be stored."""
        raise TypeError("texts are encoded before anything of them is stored")
