"""Filters of which each query of a batch has its own, as messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....engine.errors import InvalidArgument
from ....engine.filters.notations.reading import FilterLike, FiltersLike
from ....proto.v1 import search_pb2 as pb
from ..filters import put_filter, read_filter


def encoded_filters(filters: Sequence[FilterLike | None]) -> list[bytes]:
    """Return each filter as a part of a request; parts laid end to end are the filters of as many queries."""
    return list(map(_encoded, filters))


def read_filters(
    messages: Iterable[pb.QueryFilter], beside: FiltersLike | None
) -> list[Mapping[str, Any] | None]:
    """Return the filter of each query.

    Raises
    ------
    InvalidArgument
        One of them is none, or there is one of all queries beside.
    """
    if beside is not None:
        raise InvalidArgument("give one of a filter for all queries and one for each", field="filter")
    return [read_filter(each.filter) if each.HasField("filter") else None for each in messages]


def _encoded(filter: FilterLike | None) -> bytes:
    request = pb.SearchBatchRequest()
    each = request.filters.add()
    if filter is not None:
        put_filter(each.filter, filter)
    return request.SerializeToString()
