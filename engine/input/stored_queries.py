"""Queries that are vectors which points have already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from ..errors import InvalidArgument
from ..results.point import PointId
from .ids import id_list


@dataclass(frozen=True, slots=True)
class StoredQueries:
    """The vectors of stored points, each of which is left out of its own answer.

    Attributes
    ----------
    ids : tuple of int or str
    single : bool
        Whether the caller asked for one answer instead of one for each of several.
    """

    ids: tuple[PointId, ...]
    single: bool

    def __len__(self) -> int:
        return len(self.ids)


def stored_queries(query: Any, by_id: Any) -> StoredQueries:
    """Return the vectors of the points that the caller of a search named instead of a query.

    Raises
    ------
    InvalidArgument
        Both were given, or neither was.
    """
    if by_id is None:
        raise InvalidArgument("there is no query; pass a vector, or by_id= of a stored point", field="query")
    if query is not None:
        raise InvalidArgument("give one of query and by_id", field="by_id")
    single = isinstance(by_id, int | str | UUID | np.integer)
    listed: Sequence[Any] = [by_id] if single else by_id
    return StoredQueries(tuple(id_list(listed)), single)
