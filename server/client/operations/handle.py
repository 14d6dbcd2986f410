"""A collection as a client knows it: its name, which one of that name, its schema."""

from __future__ import annotations

from functools import lru_cache

from ....engine.schema.collection_schema import CollectionSchema
from ....engine.tenants.tenant import checked_tenant
from ....proto.v1.search_pb2 import SearchRequest

_CACHED_TENANTS = 1024


class CollectionHandle:
    """What the server last said of a collection; safe to share between threads. Only its schema changes.

    Parameters
    ----------
    name, uuid : str
        The uuid names this collection and none that is created later under its name.
    schema : CollectionSchema
    """

    def __init__(self, name: str, uuid: str, schema: CollectionSchema) -> None:
        self.name = name
        self.uuid = uuid
        self.schema = schema
        self._encoded = lru_cache(_CACHED_TENANTS)(self._encode)

    def scope(self, tenant: str | None) -> bytes:
        """Return the start of a request about the points of ``tenant``, which is to be followed by its rest.

        The scope is the first field of every such request, and messages laid end to end are merged.

        Raises
        ------
        InvalidArgument
            When the tenant is not what this collection takes. Whether one may be left out, the server knows:
            a key can be bound to one.
        """
        if tenant is None:
            return self._encoded(None)
        return self._encoded(checked_tenant(self.name, self.schema, tenant))

    def _encode(self, tenant: str | None) -> bytes:
        request = SearchRequest()
        request.scope.collection = self.name
        request.scope.collection_uuid = self.uuid
        if tenant is not None:
            request.scope.tenant = tenant
        return request.SerializeToString()
