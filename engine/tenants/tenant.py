"""Who owns the points of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import InvalidArgument
from ..schema.collection_schema import CollectionSchema

if TYPE_CHECKING:
    from .tenant_numbers import TenantNumbers

MAX_TENANT_BYTES = 255
LIST_LIMIT = 10_000
"""Names of the longest page."""

NO_TENANT = 0


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who owns the points of a call; number 0 in a collection that is not partitioned, or not known yet."""

    name: str | None
    number: int

    @property
    def scope(self) -> int | None:
        """The tenant whose rows a read is confined to, None where there are no tenants."""
        return None if self.name is None else self.number


class Owner(Protocol):
    """What a tenant belongs to: a collection."""

    schema: CollectionSchema
    tenants: TenantNumbers

    @property
    def name(self) -> str:
        """Its name."""


_NOBODY = Tenant(None, NO_TENANT)


def reading_tenant(collection: Owner, tenant: str | None) -> Tenant | None:
    """Return the tenant of a call; None for one that never wrote, which has no points."""
    if not collection.schema.partitioned and tenant is None:
        return _NOBODY
    name = checked_tenant(collection.name, collection.schema, tenant)
    number = collection.tenants.get(name)
    return None if number is None else Tenant(name, number)


def writing_tenant(collection: Owner, tenant: str | None) -> Tenant:
    """Return the tenant of an upsert; one that is new gets its number from the writer."""
    if not collection.schema.partitioned and tenant is None:
        return _NOBODY
    name = checked_tenant(collection.name, collection.schema, tenant)
    return Tenant(name, collection.tenants.get(name) or NO_TENANT)


def checked_tenant(collection: str, schema: CollectionSchema, tenant: Any) -> str:
    """Return the tenant of a call on the collection of this name; InvalidArgument where it does not fit."""
    if not schema.partitioned:
        raise InvalidArgument(
            f"collection {collection!r} is not partitioned, yet tenant={tenant!r} was given; leave it "
            "out or create the collection with partitioned=True",
            field="tenant",
        )
    if not isinstance(tenant, str) or not 0 < utf8_bytes(tenant) <= MAX_TENANT_BYTES:
        raise InvalidArgument(
            f"collection {collection!r} is partitioned and tenant is {tenant!r}; every call names a "
            f"tenant, a text of 1 to {MAX_TENANT_BYTES} bytes",
            field="tenant",
        )
    return tenant


def check_partitioned(collection: str, schema: CollectionSchema) -> None:
    """Raise InvalidArgument where a collection has no tenants."""
    if not schema.partitioned:
        raise InvalidArgument(
            f"collection {collection!r} is not partitioned, so it has no tenants; create it with "
            "partitioned=True",
            field="tenant",
        )


def checked_tenants(collection: str, schema: CollectionSchema, names: Any, field: str = "names") -> list[str]:
    """Return names of tenants, given as one or a sequence, each once; InvalidArgument where one is none."""
    check_partitioned(collection, schema)
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, Sequence) or isinstance(names, bytes):
        raise InvalidArgument(
            f"{field} is {names!r:.80}; expected the name of a tenant, or a sequence of names", field=field
        )
    return list(dict.fromkeys([checked_tenant(collection, schema, name) for name in names]))


def checked_grantees(collection: str, schema: CollectionSchema, owner: str, names: Any) -> list[str]:
    """Return the tenants that are granted points of an owner; InvalidArgument where that is one of them."""
    grantees = checked_tenants(collection, schema, names, "to")
    if owner in grantees:
        raise InvalidArgument(
            f"to names {owner!r}, whose points they are; a tenant sees its own points without a grant",
            field="to",
        )
    return grantees


def checked_prefix(prefix: Any) -> str:
    """Return what names of tenants begin with; InvalidArgument where none can."""
    if not isinstance(prefix, str) or (prefix and not 0 < utf8_bytes(prefix) <= MAX_TENANT_BYTES):
        raise InvalidArgument(
            f"prefix is {prefix!r:.80}; expected a text of at most {MAX_TENANT_BYTES} bytes", field="prefix"
        )
    return prefix


def utf8_bytes(text: str) -> int:
    """Return the length in UTF-8, 0 for what UTF-8 cannot hold."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return 0
