"""Sparse vectors whose entries are named by tokens: as callers give and get them, before and after ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from .ragged import Rows, concat_offsets, offsets_of, row_numbers, slice_offsets, take_items
from .vectors import SparseColumn, VectorColumn

UNKNOWN = 2**32 - 1
"""In the place of an id: there is none."""

# What a message has before each token.
_TOKEN_OVERHEAD = 3


class TokenColumn:
    """Row i is ``indptr[i]`` to ``indptr[i + 1]`` of ``numbers``, places in ``tokens``, and of ``values``.

    Each of the tokens is there once, and each of a row's. It is a column like any other but that it is never
    stored: what is stored is the :class:`SparseColumn` of the ids that a vocabulary has for the tokens.
    """

    __slots__ = ("indptr", "numbers", "tokens", "values")

    def __init__(
        self,
        tokens: list[str],
        indptr: NDArray[np.int64],
        numbers: NDArray[np.uint32],
        values: NDArray[np.float32],
    ) -> None:
        self.tokens = tokens
        self.indptr = indptr
        self.numbers = numbers
        self.values = values

    @classmethod
    def of_ids(cls, column: VectorColumn, ids: NDArray[np.uint32], tokens: Sequence[str]) -> Self:
        """Return sparse vectors by token; ``ids`` ascend and are those they have, ``tokens`` one for each.

        Tokens come in the order of their text, which says nothing of when they were first seen.
        """
        arrays = column.arrays()
        indptr, values = arrays["indptr"], arrays["values"]
        order = sorted(range(len(tokens)), key=tokens.__getitem__)
        rank = np.empty(len(order), np.uint32)
        rank[order] = np.arange(len(order), dtype=np.uint32)
        numbers = rank[np.searchsorted(ids, arrays["indices"])]
        sorting = np.lexsort((numbers, _rows_of(indptr)))
        return cls([tokens[at] for at in order], indptr, numbers[sorting], values[sorting])._compact()

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, float]]) -> Self:
        """Return sparse vectors by token, given as :meth:`row` returns them."""
        places: dict[str, int] = {}
        numbers = [places.setdefault(token, len(places)) for row in rows for token in row]
        weights = [weight for row in rows for weight in row.values()]
        indptr = offsets_of(map(len, rows), len(rows))
        return cls(list(places), indptr, np.array(numbers, np.uint32), np.array(weights, np.float32))

    @property
    def kind(self) -> Literal["tokens"]:
        """Always "tokens"."""
        return "tokens"

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, and of the tokens in UTF-8."""
        arrays = self.indptr.nbytes + self.numbers.nbytes + self.values.nbytes
        return arrays + int(self._token_bytes().sum())

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes where none of its tokens is in another, (n,)."""
        entry = self.numbers.itemsize + self.values.itemsize + _TOKEN_OVERHEAD
        ends = np.concatenate([[0], np.cumsum(self._token_bytes()[self.numbers] + entry)])
        return np.diff(ends[self.indptr]) + self.indptr.itemsize

    def row(self, row: int) -> dict[str, float]:
        """Return the weight of each token of one row."""
        entries = slice(int(self.indptr[row]), int(self.indptr[row + 1]))
        tokens = map(self.tokens.__getitem__, self.numbers[entries].tolist())
        return dict(zip(tokens, self.values[entries].tolist(), strict=True))

    def take(self, rows: Rows) -> Self:
        """Return the column of ``rows``, in that order, with the tokens of those alone."""
        positions, indptr = take_items(self.indptr, row_numbers(rows))
        return type(self)(self.tokens, indptr, self.numbers[positions], self.values[positions])._compact()

    def slice(self, start: int, stop: int) -> Self:
        """Return the column of rows ``start`` to ``stop``, with the tokens of those alone."""
        entries = slice(int(self.indptr[start]), int(self.indptr[stop]))
        indptr = slice_offsets(self.indptr, start, stop)
        return type(self)(self.tokens, indptr, self.numbers[entries], self.values[entries])._compact()

    @classmethod
    def concat(cls, columns: Sequence[Self]) -> Self:
        """Return one or more columns laid end to end."""
        places: dict[str, int] = {}
        numbers = [
            np.array([places.setdefault(token, len(places)) for token in column.tokens], np.uint32)[
                column.numbers
            ]
            for column in columns
        ]
        indptr = concat_offsets([column.indptr for column in columns])
        values = np.concatenate([column.values for column in columns])
        return cls(list(places), indptr, np.concatenate(numbers), values)

    def arrays(self) -> dict[str, NDArray[np.int64]]:
        """Refuse: what has arrays can be stored, and tokens are stored as ids."""
        raise TypeError("a column of tokens is given ids before it is stored; with_ids does it")

    def with_ids(self, ids: NDArray[np.uint32]) -> SparseColumn:
        """Return the vectors over ids, one for each token; entries whose token has none are left out."""
        indices = ids[self.numbers]
        rows, values, indptr = _rows_of(self.indptr), self.values, self.indptr
        known = indices != UNKNOWN
        if not known.all():
            indices, rows, values = indices[known], rows[known], values[known]
            indptr = offsets_of(np.bincount(rows, minlength=len(self)), len(self))
        order = np.lexsort((indices, rows))
        return SparseColumn(indptr, indices[order], values[order])

    def merged(self) -> Self:
        """Return the column with the values of a token that is twice in a row added up; itself if none is."""
        rows = _rows_of(self.indptr)
        order = np.lexsort((self.numbers, rows))
        numbers, rows = self.numbers[order], rows[order]
        first = np.ones(len(numbers), np.bool_)
        first[1:] = (rows[1:] != rows[:-1]) | (numbers[1:] != numbers[:-1])
        if first.all():
            return self
        starts = np.flatnonzero(first)
        sums = np.add.reduceat(self.values[order].astype(np.float64), starts).astype(np.float32)
        indptr = offsets_of(np.bincount(rows[starts], minlength=len(self)), len(self))
        return type(self)(self.tokens, indptr, numbers[starts], sums)

    def _token_bytes(self) -> NDArray[np.int64]:
        return np.fromiter((len(token.encode()) for token in self.tokens), np.int64, len(self.tokens))

    def _compact(self) -> Self:
        used, numbers = np.unique(self.numbers, return_inverse=True)
        if len(used) == len(self.tokens):
            return self
        tokens = [self.tokens[at] for at in used.tolist()]
        return type(self)(tokens, self.indptr, numbers.astype(np.uint32).reshape(-1), self.values)


def _rows_of(indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
