"""Columns of vectors, and batches of points, from tokens to ids and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...storage.columns.batch import Batch
from ...storage.columns.partial import PartialColumn, map_vectors
from ...storage.columns.tokens import UNKNOWN, TokenColumn
from ...storage.columns.vectors import VectorColumn
from .vocabulary import TokenNames

# Arrays of columns that say which rows have vectors, and where each begins.
_PLACES = {"present", "indptr", "offsets"}

IdsOf = Callable[[str, list[str]], NDArray[np.uint32]]
"""From a field and tokens to their ids, UNKNOWN where a token has none."""


def has_tokens(batch: Batch) -> bool:
    """Return whether a batch has vectors whose tokens are to be given ids before it is stored."""
    return any(_tokens_in(column) is not None for column in batch.vectors.values())


def column_with_ids(field: str, column: VectorColumn, ids_of: IdsOf) -> VectorColumn:
    """Return a column over ids; as it is where that is so already, or where a token has none."""
    found = _tokens_in(column)
    if found is None:
        return column
    ids = ids_of(field, found.tokens)
    return column if (ids == UNKNOWN).any() else map_vectors(column, lambda _: found.with_ids(ids))


def batch_with_ids(batch: Batch, ids_of: IdsOf) -> Batch:
    """Return a batch with each of its columns as :func:`column_with_ids` returns it."""
    columns = {name: column_with_ids(name, column, ids_of) for name, column in batch.vectors.items()}
    return replace(batch, vectors=columns)


def column_with_tokens(column: VectorColumn, names: TokenNames) -> VectorColumn:
    """Return a stored column as callers are given it: over tokens."""

    def named(vectors: VectorColumn) -> VectorColumn:
        ids = token_ids(vectors)
        return TokenColumn.of_ids(vectors, ids, names.tokens_of(ids))

    return map_vectors(column, named)


def token_ids(column: VectorColumn) -> NDArray[np.uint32]:
    """Return the ids in a stored column of a field of tokens, ascending, each once."""
    stored = column.vectors if isinstance(column, PartialColumn) else column
    ids: NDArray[np.uint32] = np.unique(stored.arrays()["indices"])
    return ids


def stored_bytes(column: VectorColumn) -> int:
    """Return what vectors take once they are stored, of tokens ids and weights; not where each begins."""
    found = _tokens_in(column)
    if found is not None:
        return found.numbers.nbytes + found.values.nbytes
    return sum(array.nbytes for name, array in column.arrays().items() if name not in _PLACES)


def _tokens_in(column: VectorColumn) -> TokenColumn | None:
    vectors = column.vectors if isinstance(column, PartialColumn) else column
    return vectors if isinstance(vectors, TokenColumn) else None
