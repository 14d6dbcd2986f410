"""Filters as messages: their JSON, bounded before it is looked into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...engine.filters.limits import MAX_DEPTH
from ...engine.filters.notations.qdrant_json import filter_to_json
from ...engine.filters.notations.reading import FilterLike, as_filter
from ...proto.v1 import points_pb2 as pb
from .bounded_json import read_bounded_object, write_json

MAX_BYTES = 1 << 20
# Each level of a filter is at most two objects and a list in them; in its conditions are up to six of both.
_MAX_NESTING = 3 * MAX_DEPTH + 3


def put_filter(message: pb.Filter, filter: FilterLike) -> None:
    """Fill ``message`` with a filter in any of its forms.

    Raises
    ------
    InvalidArgument, LimitExceeded
        As the engine raises them for a filter that is none, or too large.
    """
    message.json = write_json(filter_to_json(as_filter(filter)))


def read_filter(message: pb.Filter) -> Mapping[str, Any]:
    """Return the JSON object of a filter that was sent, which the engine checks further.

    Raises
    ------
    InvalidArgument
        When it is not a JSON object. No text at all is none: a filter that was lost on the way is not one
        that every point satisfies.
    LimitExceeded
        When it is larger or nested more deeply than any filter.
    """
    return read_bounded_object(
        message.json, "the filter", "filter", max_bytes=MAX_BYTES, max_nesting=_MAX_NESTING
    )
