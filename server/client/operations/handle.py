"""A collection as a client knows it: its name, which one of that name, its schema."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ....engine.errors import InvalidArgument
from ....engine.schema.collection_schema import CollectionSchema
from ....engine.tenants.tenant import MAX_TENANT_BYTES
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
        return self._encoded(self._checked_tenant(tenant))

    def _encode(self, tenant: str | None) -> bytes:
        request = SearchRequest()
        request.scope.collection = self.name
        request.scope.collection_uuid = self.uuid
        if tenant is not None:
            request.scope.tenant = tenant
        return request.SerializeToString()

    def _checked_tenant(self, tenant: Any) -> str:
        if not self.schema.partitioned:
            raise InvalidArgument(
                f"collection {self.name!r} is not partitioned, yet tenant={tenant!r} was given; leave it out "
                "or create the collection with partitioned=True",
                field="tenant",
            )
        if not isinstance(tenant, str) or not 0 < utf8_bytes(tenant) <= MAX_TENANT_BYTES:
            raise InvalidArgument(
                f"collection {self.name!r} is partitioned and tenant is {tenant!r}; every call names a "
                f"tenant, a text of 1 to {MAX_TENANT_BYTES} bytes",
                field="tenant",
            )
        return tenant


def utf8_bytes(text: str) -> int:
    """Return the length in UTF-8, 0 for what UTF-8 cannot hold."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return 0
