"""The schema of a collection as the server has it now, without input and output."""

from __future__ import annotations

from collections.abc import Callable

from ....engine.errors import VicinalError
from ....engine.schema.collection_schema import CollectionSchema
from ....engine.schema.vector_field import VectorField
from ....proto.v1 import collections_pb2 as pb
from ....proto.v1.schema_pb2 import Schema
from ...wire.methods import METHODS
from ...wire.schemas import put_payload_field, put_vector_field, read_schema
from ..calls.call import Answer, Operation
from ..calls.caller import Caller
from .handle import CollectionHandle
from .responses import parsed, understood

_ADD_FIELD = METHODS["/vicinal.v1.CollectionService/AddField"]
_DROP_FIELD = METHODS["/vicinal.v1.CollectionService/DropField"]
_ADD_VECTOR_FIELD = METHODS["/vicinal.v1.CollectionService/AddVectorField"]
_DROP_VECTOR_FIELD = METHODS["/vicinal.v1.CollectionService/DropVectorField"]
_GET_COLLECTION = METHODS["/vicinal.v1.CollectionService/GetCollection"]


class LiveSchema:
    """Changes the schema of one collection, and checks what callers pass against what others made of it."""

    def __init__(self, handle: CollectionHandle, caller: Caller) -> None:
        self._handle = handle
        self._caller = caller

    def checked(self, check: Callable[[CollectionSchema], Answer]) -> Operation[Answer]:
        """Return what ``check`` returns for the schema.

        What it refuses may be right by now: the server is asked, once, for the schema it has, and if that is
        another one the check is made again. A server that cannot be asked leaves the refusal as it is.
        """
        known = self._handle.schema
        try:
            return check(known)
        except VicinalError:
            if not (yield from self._changed(known)):
                raise
        return check(self._handle.schema)

    def follow_declared(self) -> Operation[None]:
        """Ask for the schema after a write that may have declared fields."""
        if self._handle.schema.declares:
            yield from self._changed(self._handle.schema)

    def add_field(self, name: str, type: str) -> Operation[None]:
        """Index a payload field."""
        handle = self._handle
        schema = yield from self.checked(lambda schema: schema.with_field(name, type))
        request = pb.AddFieldRequest(collection=handle.name, collection_uuid=handle.uuid)
        put_payload_field(request.field, name, schema.fields[name])
        answer = yield from self._caller.call(_ADD_FIELD, request.SerializeToString(), harmless=True)
        self._take(parsed(pb.AddFieldResponse, answer).schema)

    def drop_field(self, name: str) -> Operation[None]:
        """Index a payload field no longer."""
        handle = self._handle
        yield from self.checked(lambda schema: schema.without_field(name))
        request = pb.DropFieldRequest(collection=handle.name, collection_uuid=handle.uuid, path=name)
        # Done twice, it would not find the field that it had dropped.
        answer = yield from self._caller.call(_DROP_FIELD, request.SerializeToString(), harmless=False)
        self._take(parsed(pb.DropFieldResponse, answer).schema)

    def add_vector_field(self, name: str, field: VectorField) -> Operation[None]:
        """Add a vector field."""
        handle = self._handle
        yield from self.checked(lambda schema: schema.with_vector_field(name, field, 0))
        request = pb.AddVectorFieldRequest(collection=handle.name, collection_uuid=handle.uuid)
        put_vector_field(request.field, name, field)
        answer = yield from self._caller.call(_ADD_VECTOR_FIELD, request.SerializeToString(), harmless=True)
        self._take(parsed(pb.AddVectorFieldResponse, answer).schema)

    def drop_vector_field(self, name: str) -> Operation[None]:
        """Drop a vector field."""
        handle = self._handle
        yield from self.checked(lambda schema: schema.without_vector_field(name, 0))
        request = pb.DropVectorFieldRequest(collection=handle.name, collection_uuid=handle.uuid, name=name)
        # Done twice, it would not find the field that it had dropped, or find another.
        answer = yield from self._caller.call(_DROP_VECTOR_FIELD, request.SerializeToString(), harmless=False)
        self._take(parsed(pb.DropVectorFieldResponse, answer).schema)

    def _changed(self, known: CollectionSchema) -> Operation[bool]:
        """Ask for the schema; return whether it is another than ``known``."""
        request = pb.GetCollectionRequest(name=self._handle.name, collection_uuid=self._handle.uuid)
        answer = yield from self._caller.once(_GET_COLLECTION, request.SerializeToString())
        if answer is None:
            return False
        response = parsed(pb.GetCollectionResponse, answer)
        if response.uuid != self._handle.uuid:
            return False
        self._take(response.schema)
        return self._handle.schema != known

    def _take(self, message: Schema) -> None:
        with understood():
            schema = read_schema(message)
        if schema != self._handle.schema:
            self._handle.schema = schema
