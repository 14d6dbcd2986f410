"""The filter of a search, or those of its queries, as parts of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .....engine.filters.notations.reading import FilterLike, FiltersLike
from .....proto.v1 import search_pb2 as pb
from ....wire.filters import put_filter
from ....wire.searching.query_filters import encoded_filters


@dataclass(frozen=True, slots=True)
class Filtering:
    """What is sent of filters: of all queries, and of each.

    Attributes
    ----------
    common : bytes
    each : list of bytes
        One a query; empty where all have the same.
    """

    common: bytes
    each: list[bytes]

    def whole(self) -> bytes:
        """Return what is sent where all queries are."""
        return self.common + b"".join(self.each)

    def part(self, first: int, end: int) -> bytes:
        """Return what is sent beside some of the queries."""
        return self.common + b"".join(self.each[first:end])

    def row_bytes(self, queries: int) -> NDArray[np.int64]:
        """Return what is sent for each query alone."""
        return np.fromiter(map(len, self.each), np.int64) if self.each else np.zeros(queries, np.int64)


UNFILTERED = Filtering(b"", [])


def filtering_of(filter: FiltersLike) -> Filtering:
    """Return filters, checked before, as they are sent."""
    if isinstance(filter, list | tuple):
        return Filtering(b"", encoded_filters(filter))
    request = pb.SearchRequest()
    put_filter(request.options.filter, cast(FilterLike, filter))
    return Filtering(request.SerializeToString(), [])
