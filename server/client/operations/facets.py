"""Counting the values of payload fields, without input and output."""

from __future__ import annotations

from ....engine.filters.notations.reading import FilterLike
from ....engine.input.payload_paths import FACET_LIMIT, ordered_path, read_path
from ....engine.input.queries import bound, check_integer
from ....engine.results.facet import Facet, FieldValue
from ....proto.v1 import points_pb2 as pb
from ...wire.filters import put_filter
from ...wire.methods import METHODS
from ...wire.payload_values import read_value
from ..calls.call import Operation
from ..calls.caller import Caller
from .handle import CollectionHandle
from .live_schema import LiveSchema
from .responses import parsed, understood

_GET_FACETS = METHODS["/vicinal.v1.PointService/GetFacets"]
_GET_MIN_MAX = METHODS["/vicinal.v1.PointService/GetMinMax"]


class FacetOperations:
    """The calls of one collection that are about the values of payload fields."""

    def __init__(self, handle: CollectionHandle, caller: Caller, schema: LiveSchema) -> None:
        self._handle = handle
        self._caller = caller
        self._schema = schema

    def facet(
        self, field: str, filter: FilterLike | None, limit: int | None, tenant: str | None
    ) -> Operation[list[Facet]]:
        """Return the most frequent values of a field, and how many points have each."""
        limit = None if limit is None else check_integer("limit", limit, 1, FACET_LIMIT)
        scope = self._handle.scope(tenant)
        path = yield from self._schema.checked(lambda schema: read_path(schema, field))
        request = pb.GetFacetsRequest(field=path, limit=limit)
        if filter is not None:
            yield from self._schema.checked(lambda schema: bound(filter, schema))
            put_filter(request.filter, filter)
        answer = yield from self._caller.call(_GET_FACETS, scope + request.SerializeToString(), harmless=True)
        with understood():
            return [
                Facet(read_value(facet.value), facet.count)
                for facet in parsed(pb.GetFacetsResponse, answer).facets
            ]

    def min_max(
        self, field: str, filter: FilterLike | None, tenant: str | None
    ) -> Operation[tuple[FieldValue, FieldValue] | None]:
        """Return the least and the most value of a field."""
        scope = self._handle.scope(tenant)
        path = yield from self._schema.checked(lambda schema: ordered_path(schema, field))
        request = pb.GetMinMaxRequest(field=path)
        if filter is not None:
            yield from self._schema.checked(lambda schema: bound(filter, schema))
            put_filter(request.filter, filter)
        answer = yield from self._caller.call(
            _GET_MIN_MAX, scope + request.SerializeToString(), harmless=True
        )
        response = parsed(pb.GetMinMaxResponse, answer)
        if not response.HasField("least"):
            return None
        with understood():
            return read_value(response.least), read_value(response.most)
