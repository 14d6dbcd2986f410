"""Queries, and the points whose scores with them are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.protocol import Queries
from ...storage.columns.ids import IdColumn
from ...storage.columns.ragged import offsets_of
from ...storage.invalid_value import InvalidValueError
from ..error_translation import translated
from ..errors import InvalidArgument, LimitExceeded
from ..schema.collection_schema import CollectionSchema
from ..schema.vector_field import VectorField
from .options import MAX_RESULTS, Budgets, budgets, check_budgets
from .queries import chosen_field, validate_queries


@dataclass(frozen=True, slots=True, eq=False)
class ScoreRequest:
    """One call of ``score``, validated.

    Attributes
    ----------
    field : str
        Name of the vector field.
    spec : VectorField
        Its schema.
    queries : Queries
    single : bool
        Whether the caller gave one query, not a batch.
    ids : IdColumn
        The candidates; where each query has its own, those of all queries laid end to end.
    offsets : (q + 1,) int64 or None
        Where the candidates of each query begin; None where all queries have the same.
    tokens : (int or None, int or None) or None
        How many first tokens of queries and of points count; None where all do.
    """

    field: str
    spec: VectorField
    queries: Queries
    single: bool
    ids: IdColumn
    offsets: NDArray[np.int64] | None
    tokens: Budgets | None

    @property
    def width(self) -> int:
        """The most candidates of one query."""
        return len(self.ids) if self.offsets is None else int(np.diff(self.offsets).max(initial=0))


def score_request(
    schema: CollectionSchema, query: Any, ids: Any, field: str | None, tokens: Any
) -> ScoreRequest:
    """Return what a caller of ``score`` asks for, checked against the schema.

    Raises
    ------
    InvalidArgument
        As a search; or ``ids`` are none, or not as many lists as queries.
    LimitExceeded
        More scores are asked for than one call returns.
    """
    name, spec = chosen_field(schema, field)
    counted = budgets(tokens)
    check_budgets(name, spec, counted)
    queries, single = validate_queries(name, spec, query)
    lists = _lists(ids)
    offsets = None
    if lists is None:
        with translated():
            column = IdColumn.from_values(ids)
    else:
        if single or len(lists) != len(queries):
            asked = "one query" if single else f"a batch of {len(queries)} queries"
            raise InvalidArgument(
                f"ids holds {len(lists)} lists for {asked}; pass one list of ids for all queries, or to a "
                "batch one for each of its queries",
                field="ids",
            )
        columns = [_column(row, listed) for row, listed in enumerate(lists)]
        column, offsets = IdColumn.concat(columns), offsets_of(map(len, columns), len(columns))
    request = ScoreRequest(name, spec, queries, single, column, offsets, counted)
    _check_scores(len(queries), request.width)
    return request


def _lists(ids: Any) -> list[Any] | None:
    """Return the lists of ids that a caller gave, None for one list."""
    if isinstance(ids, np.ndarray):
        return list(ids) if ids.ndim == 2 else None
    return list(ids) if isinstance(ids, list | tuple) and ids and _is_list(ids[0]) else None


def _is_list(entry: Any) -> bool:
    return isinstance(entry, list | tuple | np.ndarray)


def _column(row: int, ids: Any) -> IdColumn:
    try:
        return IdColumn.from_values(ids)
    except InvalidValueError as error:
        raise InvalidArgument(f"{error}; it is in the list of query {row}", field="ids") from error


def _check_scores(queries: int, width: int) -> None:
    if queries * width > MAX_RESULTS:
        raise LimitExceeded(
            f"{queries:,} queries with up to {width:,} ids ask for {queries * width:,} scores; one call "
            f"returns at most {MAX_RESULTS:,}: send the batch in parts of {max(1, MAX_RESULTS // width):,} "
            "queries",
            field="ids",
        )
