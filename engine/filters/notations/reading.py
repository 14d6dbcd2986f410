"""Filters in whatever form they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ...errors import InvalidArgument
from ..expression import Filter
from .qdrant_json import filter_from_json
from .strings import filter_from_string

FilterLike = Filter | Mapping[str, Any] | str
"""An expression, its JSON, or the string that describes it."""

FiltersLike = FilterLike | Sequence[FilterLike | None]
"""One for all queries of a batch, or a list of one for each, None where every point may be found."""

# What a caller's few favourites say is read once: expressions never change.
_read = lru_cache(maxsize=64)(filter_from_string)


def as_filter(filter: Any) -> Filter:
    """Return the expression that a caller gave in one of its forms.

    Raises
    ------
    InvalidArgument, LimitExceeded
        When it is none, or too large.
    """
    if isinstance(filter, Filter):
        return filter
    if isinstance(filter, str):
        return _read(filter)
    if isinstance(filter, Mapping):
        return filter_from_json(filter)
    raise InvalidArgument(
        f"filter is a {type(filter).__name__}; expected an expression, F('year') >= 1990, its JSON, or "
        "text, 'year >= 1990'",
        field="filter",
    )
