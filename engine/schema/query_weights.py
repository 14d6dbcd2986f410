"""The weights that tokens, or indices, have in queries that do not say them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...storage.catalog.vocabulary import MAX_TOKEN_BYTES
from ...storage.columns.tokens import TokenColumn
from ...storage.columns.vectors import SparseColumn, VectorColumn
from ..errors import InvalidArgument
from .parameters import MAX_MAGNITUDE
from .strict_json import checked_object

MAX_QUERY_WEIGHTS = 1 << 17
"""Of one field: the vocabulary of a multilingual model has some 120,000 tokens, and a table takes 1 MB."""

_MAX_INDEX = 2**32 - 1


@dataclass(frozen=True, slots=True)
class QueryWeights:
    """A table of weights, told apart by its digest: it is kept beside the schema, not in it.

    Attributes
    ----------
    n : int
        How many tokens or indices have a weight.
    digest : str
        Of all of them, 32 hexadecimal digits.
    column : TokenColumn, SparseColumn or None
        The weights as one vector, where they were given; None in a schema that a collection has.
    """

    n: int
    digest: str
    column: TokenColumn | SparseColumn | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return self.n

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that stands for it."""
        return {"n": self.n, "digest": self.digest}

    @classmethod
    def from_json(cls, value: Any, what: str) -> QueryWeights:
        """Return what :meth:`to_json` described, without the weights."""
        record = checked_object(value, what, required=["n", "digest"])
        if not isinstance(record["n"], int) or not isinstance(record["digest"], str):
            raise InvalidArgument(f"query_weights of {what} is {record!r:.80}", field=what)
        return cls(record["n"], record["digest"])

    @classmethod
    def of(cls, given: Any, tokens: bool) -> QueryWeights:
        """Return the weights of a mapping, by token or by index.

        Raises
        ------
        InvalidArgument
            When it is no mapping, is empty or too large, or has a key or a weight that no query could have.
        """
        if isinstance(given, QueryWeights):
            by_token = isinstance(given.column, TokenColumn)
            if given.column is not None and by_token != tokens:
                raise _refusal("weighs " + ("tokens" if by_token else "indices"), tokens)
            return given
        if not isinstance(given, Mapping) or not 1 <= len(given) <= MAX_QUERY_WEIGHTS:
            found = f"has {len(given):,} entries" if isinstance(given, Mapping) else f"is {given!r:.80}"
            raise _refusal(found, tokens)
        for key, weight in given.items():
            if not (_is_token(key) if tokens else _is_index(key)):
                raise _refusal(f"has the key {key!r:.80}", tokens)
            if not _is_weight(weight):
                raise _refusal(f"has the weight {weight!r:.80} for {key!r:.80}", tokens)
        names = sorted(given)
        values = np.array([given[name] for name in names], np.float32)
        indptr = np.array([0, len(names)], np.int64)
        if tokens:
            numbers = np.arange(len(names), dtype=np.uint32)
            return cls._digested(TokenColumn([str(name) for name in names], indptr, numbers, values))
        return cls._digested(SparseColumn(indptr, np.array(names, np.uint32), values))

    @classmethod
    def of_column(cls, column: VectorColumn) -> QueryWeights:
        """Return the weights that the one row of a column has, checked as those of a mapping are."""
        row = column.row(0) if len(column) == 1 else None
        by_token = isinstance(row, dict)
        if not isinstance(row, dict | tuple):
            message = f"query_weights is {len(column)} {column.kind} vectors; expected a sparse one"
            raise InvalidArgument(message, field="query_weights")
        pairs = list(row.items() if isinstance(row, dict) else zip(*map(np.ndarray.tolist, row), strict=True))
        given = dict(pairs)
        if len(given) < len(pairs):
            raise _refusal("has a key twice", by_token)
        return cls.of(given, by_token)

    @classmethod
    def _digested(cls, column: TokenColumn | SparseColumn) -> QueryWeights:
        digest = hashlib.blake2b(digest_size=16)
        if isinstance(column, TokenColumn):
            for token in column.tokens:
                encoded = token.encode()
                digest.update(bytes([len(encoded)]) + encoded)
        else:
            digest.update(column.indices.tobytes())
        digest.update(column.values.tobytes())
        return cls(len(column.values), digest.hexdigest(), column)


def _is_token(key: Any) -> bool:
    try:
        return isinstance(key, str) and 0 < len(key.encode()) <= MAX_TOKEN_BYTES
    except UnicodeEncodeError:
        return False


def _is_index(key: Any) -> bool:
    whole = isinstance(key, int | np.integer) and not isinstance(key, bool)
    return whole and 0 <= key <= _MAX_INDEX


def _is_weight(weight: Any) -> bool:
    number = isinstance(weight, int | float | np.integer | np.floating) and not isinstance(weight, bool)
    return bool(number and abs(weight) <= MAX_MAGNITUDE)


def _refusal(found: str, tokens: bool) -> InvalidArgument:
    keys = f"tokens of 1 to {MAX_TOKEN_BYTES} bytes" if tokens else "indices from 0 to 2**32 - 1"
    other = "as the field has tokens=True" if tokens else "or say tokens=True for tokens"
    return InvalidArgument(
        f"query_weights {found}; pass a mapping of 1 to {MAX_QUERY_WEIGHTS:,} {keys} to weights of at most "
        f"{MAX_MAGNITUDE:g} in size, {other}",
        field="query_weights",
    )
