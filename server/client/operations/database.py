"""The calls that are about a whole database, without input and output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....engine.errors import AlreadyExists, NotFound
from ....engine.results.info import DatabaseInfo
from ....engine.schema.collection_schema import CollectionSchema
from ....engine.schema.declared import DeclaredFields, check_same_schema, declared_schema
from ....engine.schema.names import checked_aliases, checked_collection_name
from ....engine.schema.vector_field import VectorField
from ....engine.tenants.tenant import utf8_bytes
from ....proto.v1 import collections_pb2 as pb
from ....proto.v1.database_pb2 import GetDatabaseInfoRequest, GetDatabaseInfoResponse
from ...wire.infos import read_database_info
from ...wire.methods import METHODS
from ...wire.schemas import put_schema, read_schema
from ..calls.call import Operation
from ..calls.caller import Caller
from ..endpoint.address import Address
from .handle import CollectionHandle
from .responses import parsed, understood

_CREATE_COLLECTION = METHODS["/vicinal.v1.CollectionService/CreateCollection"]
_GET_COLLECTION = METHODS["/vicinal.v1.CollectionService/GetCollection"]
_LIST_COLLECTIONS = METHODS["/vicinal.v1.CollectionService/ListCollections"]
_DELETE_COLLECTION = METHODS["/vicinal.v1.CollectionService/DeleteCollection"]
_RENAME_COLLECTION = METHODS["/vicinal.v1.CollectionService/RenameCollection"]
_SET_ALIASES = METHODS["/vicinal.v1.CollectionService/SetAliases"]
_LIST_ALIASES = METHODS["/vicinal.v1.CollectionService/ListAliases"]
_GET_DATABASE_INFO = METHODS["/vicinal.v1.DatabaseService/GetDatabaseInfo"]


class DatabaseOperations:
    """The calls of one database."""

    def __init__(self, address: Address, caller: Caller) -> None:
        self._address = address
        self._caller = caller

    def create(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        fields: DeclaredFields | None,
        partitioned: bool,
        strict: bool,
    ) -> Operation[CollectionHandle]:
        """Create a collection."""
        schema = declared_schema(vectors, fields, partitioned, strict)
        # Done twice, it would find the collection that it had created.
        return (yield from self._create(name, schema, harmless=False))

    def get_or_create(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        fields: DeclaredFields | None,
        partitioned: bool,
        strict: bool,
    ) -> Operation[CollectionHandle]:
        """Return what is to be known of a collection, which is created unless there is one."""
        schema = declared_schema(vectors, fields, partitioned, strict)
        checked_collection_name(name)
        try:
            found = yield from self.open(name)
        except NotFound:
            try:
                return (yield from self._create(name, schema, harmless=True))
            except AlreadyExists:
                # Another client was quicker.
                found = yield from self.open(name)
        check_same_schema(name, found.schema, schema)
        return found

    def open(self, name: str) -> Operation[CollectionHandle]:
        """Return what is to be known of a collection that exists."""
        yield from self._check_possible(name)
        request = pb.GetCollectionRequest(name=name)
        answer = yield from self._caller.call(_GET_COLLECTION, request.SerializeToString(), harmless=True)
        response = parsed(pb.GetCollectionResponse, answer)
        with understood():
            return CollectionHandle(response.name, response.uuid, read_schema(response.schema))

    def names(self) -> Operation[list[str]]:
        """Return the names of all collections, sorted."""
        answer = yield from self._caller.call(
            _LIST_COLLECTIONS, pb.ListCollectionsRequest().SerializeToString(), harmless=True
        )
        return list(parsed(pb.ListCollectionsResponse, answer).names)

    def drop(self, name: str) -> Operation[None]:
        """Delete a collection."""
        yield from self._check_possible(name)
        request = pb.DeleteCollectionRequest(name=name)
        # Done twice, it would not find the collection that it had deleted, or find another.
        yield from self._caller.call(_DELETE_COLLECTION, request.SerializeToString(), harmless=False)

    def rename(self, old: str, new: str) -> Operation[None]:
        """Give a collection another name."""
        yield from self._check_possible(old)
        request = pb.RenameCollectionRequest(name=old, new_name=checked_collection_name(new))
        # Done twice, it would not find the collection that it had renamed, or find another.
        yield from self._caller.call(_RENAME_COLLECTION, request.SerializeToString(), harmless=False)

    def set_aliases(self, aliases: Mapping[str, str | None]) -> Operation[None]:
        """Give aliases to collections, or drop them."""
        changes = [
            pb.AliasChange(alias=alias, collection=name) for alias, name in checked_aliases(aliases).items()
        ]
        request = pb.SetAliasesRequest(changes=changes)
        # Done twice, it would not find the alias that it had dropped, or undo what another did since.
        yield from self._caller.call(_SET_ALIASES, request.SerializeToString(), harmless=False)

    def aliases(self) -> Operation[dict[str, str]]:
        """Return the name of a collection by each alias, sorted."""
        answer = yield from self._caller.call(
            _LIST_ALIASES, pb.ListAliasesRequest().SerializeToString(), harmless=True
        )
        return {one.alias: one.collection for one in parsed(pb.ListAliasesResponse, answer).aliases}

    def info(self) -> Operation[DatabaseInfo]:
        """Return sizes and states of all collections."""
        answer = yield from self._caller.call(
            _GET_DATABASE_INFO, GetDatabaseInfoRequest().SerializeToString(), harmless=True
        )
        return read_database_info(parsed(GetDatabaseInfoResponse, answer), str(self._address))

    def _create(self, name: str, schema: CollectionSchema, harmless: bool) -> Operation[CollectionHandle]:
        request = pb.CreateCollectionRequest(name=checked_collection_name(name))
        put_schema(request.schema, schema)
        answer = yield from self._caller.call(
            _CREATE_COLLECTION, request.SerializeToString(), harmless=harmless
        )
        return CollectionHandle(name, parsed(pb.CreateCollectionResponse, answer).uuid, schema)

    def _check_possible(self, name: Any) -> Operation[None]:
        """Raise NotFound for what is no text that a request could carry, and so names no collection."""
        if not isinstance(name, str) or (name and not utf8_bytes(name)):
            known = ", ".join((yield from self.names())) or "none"
            raise NotFound(f"no collection is named {name!r}; there are: {known}", field="name")
