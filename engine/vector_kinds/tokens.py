"""Sparse vectors whose entries callers name by tokens, as SPLADE and OpenSearch write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.metric import Metric
from ...indexes.rows.sparse import SparseRows
from ...storage.catalog.vocabulary import MAX_TOKEN_BYTES
from ...storage.columns.array_like import list_of
from ...storage.columns.ragged import offsets_of
from ...storage.columns.tokens import UNKNOWN, TokenColumn
from ..errors import InvalidArgument
from ..schema.sparse_field import Sparse
from .growing_sparse import sparse_rows
from .listed_terms import listed_tokens, refuse_unweighted
from .matrices import MAX_MAGNITUDE, column
from .protocol import TermWeights, TokenIds
from .sparse import SparseKind
from .sparse_input import is_one_vector, split_vector

_EXPECTED = (
    "pass a list with one {token: value}, (tokens, values) tuple or list of (token, value) pairs a point"
)
_REMEDY = "the field takes tokens, texts; for ids make it without tokens=True"


class TokenKind(SparseKind):
    """Sparse vectors by token: what is stored of them is what a sparse field by ids stores."""

    def describe(self, field: Sparse) -> str:
        """Return what a person is told of a field."""
        return f"{super().describe(field)}, by tokens"

    def has_tokens(self, field: Sparse) -> bool:
        """Return True."""
        return True

    def column(self, field: Sparse, value: Any, what: str) -> TokenColumn:  # type: ignore[override]
        """Return vectors that a caller passed, over tokens; the writer gives those ids."""
        return _to_tokens(value, what)

    def queries(self, field: Sparse, value: Any, name: str) -> tuple[Any, bool]:
        """Return queries as a batch, over tokens, and whether the caller gave a single one."""
        what = f"query for {name!r}"
        listed = listed_tokens(value)
        if listed is not None and field.query_weights is None:
            raise refuse_unweighted(what)
        if listed is not None:
            return _to_tokens(listed[0], what, True), listed[1]
        single = is_one_vector(value)
        return _to_tokens([value] if single else value, what, field.query_weights is not None), single

    def resolved(
        self, field: Sparse, queries: TokenColumn, tokens: TokenIds | None, weights: TermWeights | None
    ) -> SparseRows:
        """Return queries over ids; entries of tokens that no point has match nothing."""
        assert tokens is not None
        ids = tokens.known_ids(queries.tokens)
        if field.metric is Metric.COSINE:
            # They are part of the query's length. Left out, a score would tell whether any tenant has them.
            unknown = np.flatnonzero(ids == UNKNOWN)
            ids[unknown] = UNKNOWN - 1 - np.arange(len(unknown), dtype=np.uint32)
        if len(queries) == 1:
            found = known_entries(ids[queries.numbers], queries.values)
        else:
            found = sparse_rows(queries.with_ids(ids), field.shape)
        resolved: SparseRows = super().resolved(field, found, tokens, weights)
        return resolved

    def query_column(self, field: Sparse, queries: TokenColumn) -> TokenColumn:  # type: ignore[override]
        """Return a batch of queries as it is sent."""
        return queries


def known_entries(ids: NDArray[np.uint32], values: NDArray[np.float32]) -> SparseRows:
    """Return a query alone of different ids, without those that are ``UNKNOWN``, which is the highest."""
    order = ids.argsort()
    ids, values = ids[order], values[order]
    known = len(ids)
    while known and ids.item(known - 1) == UNKNOWN:
        known -= 1
    return SparseRows.one(ids[:known], values[:known])


def _to_tokens(value: Any, what: str, listed: bool = False) -> TokenColumn:
    """Return sparse rows by token, in any form that :mod:`.sparse_input` knows; equal tokens are added up.

    Where queries may be ``listed``, a column that is one already may have NaN for values to be looked up.

    Raises
    ------
    InvalidArgument
        At the first row with a token that is no text of 1 to 255 bytes, or a value that is not finite.
    """
    if isinstance(value, TokenColumn):
        found = value
    else:
        if any(hasattr(value, name) for name in ("indices", "matrix")):
            raise InvalidArgument(f"{what} is a {type(value).__name__}; {_REMEDY}", field=what)
        rows = column(value, what, _EXPECTED)
        if isinstance(rows, np.ndarray) and rows.dtype != object:
            raise InvalidArgument(f"{what} is a {type(value).__name__}; {_EXPECTED}", field=what)
        found = _numbered([_lists(row, entry, what) for row, entry in enumerate(list_of(rows))], what)
    _check_tokens(found, what)
    listed = listed and found is value
    found = TokenColumn(found.tokens, found.indptr, found.numbers, _checked_values(found, what, listed))
    merged = found.merged()
    if merged is not found:
        _checked_values(merged, what, listed)
    return merged


def _lists(row: int, entry: Any, what: str) -> tuple[list[Any], list[Any]]:
    tokens, values = (_listed(part) for part in split_vector(row, entry, what, "token", "tokens"))
    if tokens is None or values is None or len(tokens) != len(values):
        raise InvalidArgument(
            f"{what} row {row} has not one list of tokens and one of as many values; {_EXPECTED}", field=what
        )
    return tokens, values


def _listed(part: Any) -> list[Any] | None:
    if isinstance(part, np.ndarray):
        return part.tolist() if part.ndim == 1 else None
    return list(part) if isinstance(part, Iterable) and not isinstance(part, str | bytes | Mapping) else None


def _numbered(pairs: list[tuple[list[Any], list[Any]]], what: str) -> TokenColumn:
    places: dict[str, int] = {}
    numbers: list[int] = []
    values: list[Any] = []
    for row, (tokens, row_values) in enumerate(pairs):
        if not set(map(type, tokens)) <= {str}:
            tokens = [_text(row, token, what) for token in tokens]
        numbers += [places.setdefault(token, len(places)) for token in tokens]
        values += row_values
    indptr = offsets_of((len(tokens) for tokens, _ in pairs), len(pairs))
    return TokenColumn(list(places), indptr, np.array(numbers, np.uint32), _values(indptr, values, what))


def _text(row: int, token: Any, what: str) -> str:
    if isinstance(token, str):
        # Of NumPy, say.
        return str(token)
    raise InvalidArgument(
        f"{what} row {row} has {token!r:.80} ({type(token).__name__}) in the place of a token; {_REMEDY}",
        field=what,
    )


def _values(indptr: NDArray[np.int64], values: list[Any], what: str) -> NDArray[Any]:
    if not set(map(type, values)) <= {int, float}:
        for at, value in enumerate(values):
            if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
                message = f"{what} row {_row_of(indptr, at)} has the value {value!r:.80}; pass numbers"
                raise InvalidArgument(message, field=what)
    try:
        return np.array(values, np.float64)
    except OverflowError as error:
        raise InvalidArgument(f"{what} has a value beyond those of float64: {error}", field=what) from error


def _check_tokens(found: TokenColumn, what: str) -> None:
    for number, token in enumerate(found.tokens):
        if not isinstance(token, str):
            _text(_first_row(found, number), token, what)
        try:
            size = len(token.encode())
        except UnicodeEncodeError:
            size = 0
        if not 0 < size <= MAX_TOKEN_BYTES:
            raise InvalidArgument(
                f"{what} row {_first_row(found, number)} has the token {token[:40]!r} of {size} bytes; a "
                f"token is a text of 1 to {MAX_TOKEN_BYTES} bytes in UTF-8",
                field=what,
            )


def _checked_values(found: TokenColumn, what: str, listed: bool) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        stored = found.values.astype(np.float32)
    bad = np.flatnonzero(~((np.abs(stored) <= MAX_MAGNITUDE) | (listed & np.isnan(stored))))
    if len(bad):
        at = int(bad[0])
        raise InvalidArgument(
            f"{what} row {_row_of(found.indptr, at)} has {found.values[at]} for the token "
            f"{found.tokens[found.numbers[at]]!r}; every value must be finite and at most "
            f"{MAX_MAGNITUDE:g} in size",
            field=what,
        )
    return stored


def _first_row(found: TokenColumn, number: int) -> int:
    return _row_of(found.indptr, int(np.flatnonzero(found.numbers == number)[0]))


def _row_of(indptr: NDArray[np.int64], entry: int) -> int:
    return int(np.searchsorted(indptr, entry, side="right")) - 1
